"""What a record sees of a call, and what the check of its trace tells: per kind of input, unchanged and changed."""

import asyncio
import contextvars
import csv
import importlib
import importlib.util
import json
import linecache
import os
import pickle
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from devstash import audit, comparing, contents, looks, manifest, quiet, record, sidecar, threads, trace, variables


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working directory with an old `data.csv` in it, and a cache folder beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "store" / ".tmp").mkdir(parents=True)
    monkeypatch.chdir(folder)
    put("data.csv", "a,b\n1,2\n")
    return folder


def put(name, text, age=3600):
    """Write a file and make it look as if that had been `age` seconds ago (its ctime cannot be moved)."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def store():
    return os.path.abspath("../store")


def recorded(function, *watched):
    """What a call of `function` is seen to read, through JSON and back as an entry keeps it."""
    seen = record.Record(store())
    seen.begin()
    try:
        seen.watch(watched)
        function()
    finally:
        seen.end()
    assert seen.refusal() is None, seen.refusal()
    return json.loads(manifest.json(seen.trace()))


def refused(function, *watched):
    seen = record.Record(store())
    seen.begin()
    try:
        seen.watch(watched)
        function()
    finally:
        seen.end()
    return seen.refusal()


def check(rows):
    return trace.check(rows, store())


def of(rows, kind):
    return [row for row in rows if row[0] == kind]


def read(name="data.csv"):
    with open(name) as file:
        return file.read()


# --- files ------------------------------------------------------------------------------------------------------------


def by_zip():
    with zipfile.ZipFile("a.zip") as archive:
        archive.read("inner")


def by_descriptor():
    fd = os.open("data.csv", os.O_RDONLY)
    os.close(fd)


READERS = {
    "open": read,
    "binary": lambda: open("data.csv", "rb").close(),
    "bytes": lambda: open(b"data.csv").close(),
    "os.open": by_descriptor,
    "read_text": lambda: Path("data.csv").read_text(),
    "read_bytes": lambda: Path("data.csv").read_bytes(),
    "absolute": lambda: Path("data.csv").absolute().read_bytes(),
    "dotted": lambda: read("./data.csv"),
    "csv": lambda: list(csv.reader(Path("data.csv").read_text())),
    "copyfile": lambda: shutil.copyfile("data.csv", "copy.csv"),
    "thread": lambda: in_thread(read),
}


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_was_read_is_in_the_trace(work, name):
    rows = recorded(READERS[name])
    (row,) = of(rows, "file")
    assert os.path.abspath(contents.path_of(row[1])) == str(work / "data.csv")
    assert row[2] == 8
    assert check(rows) is None
    put("data.csv", "a,b\n1,3\n")
    assert "data.csv changed" in check(rows)
    put("data.csv", "a,b\n1,2\n")
    assert check(rows) is None
    put("data.csv", "a,b\n1,2\n3,4\n")
    assert "data.csv changed" in check(rows)
    os.remove("data.csv")
    assert "data.csv is gone" in check(rows)


def test_json_pickle_zip_and_sqlite(work):
    put("a.json", "{}")
    Path("a.pkl").write_bytes(pickle.dumps(1))
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("inner", "x")
    connection = sqlite3.connect("a.db")
    connection.execute("create table t (n)")
    connection.commit()
    connection.close()

    def call():
        with open("a.json") as file:
            json.load(file)
        with open("a.pkl", "rb") as file:
            pickle.load(file)
        by_zip()
        connection = sqlite3.connect("a.db")
        connection.execute("select * from t").fetchall()
        connection.close()

    rows = recorded(call)
    assert {os.path.basename(row[1]) for row in of(rows, "file")} == {"a.json", "a.pkl", "a.zip", "a.db"}
    assert check(rows) is None
    connection = sqlite3.connect("a.db")
    connection.execute("insert into t values (1)")
    connection.commit()
    connection.close()
    assert "a.db changed" in check(rows)


def test_only_touched_is_unchanged_and_costs_a_stat_afterwards(work, monkeypatch):
    rows = recorded(read)
    time.sleep(0.06)
    os.utime("data.csv", (1, 1))
    time.sleep(0.06)
    assert check(rows) is None
    assert os.listdir("../store/.stat")
    contents._known.clear()
    monkeypatch.setattr(comparing, "read_state", None)
    assert check(rows) is None


def test_same_size_and_modification_time_restored_is_a_change(work):
    before = os.stat("data.csv")
    rows = recorded(read)
    Path("data.csv").write_text("a,b\n9,9\n")
    os.utime("data.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "changed" in check(rows)


def test_changed_within_the_same_tick_of_the_clock(work, monkeypatch):
    Path("data.csv").write_text("a,b\n1,2\n")
    rows = recorded(read)
    (row,) = of(rows, "file")
    assert row[7] == 1, "just written: its times prove nothing"
    assert check(rows) is None
    Path("data.csv").write_text("a,b\n9,9\n")
    # As if the clock of the file system had not moved on in between.
    found = os.stat("data.csv")
    row[3:7] = [found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]
    contents._known.clear()
    assert "changed" in check(rows)


def test_a_time_without_a_fraction_may_be_coarse(work):
    second = 1_000_000_000
    assert contents.is_racy(5 * second, 5 * second, 6 * second)
    assert not contents.is_racy(5 * second, 5 * second, 8 * second)
    assert not contents.is_racy(5 * second + 1, 5 * second + 1, 6 * second)
    assert contents.is_racy(5 * second + 1, 5 * second + 1, 5 * second + 1000)
    assert contents.is_racy(9 * second, 5 * second, 6 * second), "from the future"


def test_replaced_by_an_equal_file(work):
    rows = recorded(read)
    put("other", "a,b\n1,2\n")
    os.replace("other", "data.csv")
    assert check(rows) is None


def test_a_file_looked_for_and_not_found(work):
    def call():
        with pytest.raises(FileNotFoundError):
            read("settings.ini")

    rows = recorded(call)
    assert ["absent", "settings.ini"] in rows
    assert check(rows) is None
    put("settings.ini", "x")
    assert check(rows) == "settings.ini appeared"


def test_what_the_call_wrote_first_is_no_input(work):
    def call():
        Path("out.txt").write_text("x")
        read("out.txt")
        os.path.exists("out.txt")
        read(os.path.abspath("./out.txt"))

    rows = recorded(call)
    assert not any("out.txt" in row[1] for row in rows)


def test_read_then_written_has_the_old_content_in_the_trace(work):
    def call():
        text = read()
        Path("data.csv").write_text(text + "3,4\n")

    rows = recorded(call)
    assert "changed" in check(rows)
    put("data.csv", "a,b\n1,2\n")
    assert check(rows) is None


def test_changed_by_somebody_else_meanwhile(work):
    def call():
        read()
        subprocess.run([sys.executable, "-c", "open('data.csv', 'a').write('x')"], check=True)

    assert "`data.csv` was changed by somebody else" in refused(call)


def test_made_by_a_program_that_the_call_started(work):
    def call():
        assert not os.path.exists("made.txt")
        subprocess.run([sys.executable, "-c", "open('made.txt', 'w').write('x')"], check=True)
        assert read("made.txt") == "x"

    rows = recorded(call)
    assert not of(rows, "file")
    os.remove("made.txt")
    assert check(rows) is None


def test_temporary_files_are_no_inputs(work):
    def call():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "x").write_text("x")
            read(os.path.join(folder, "x"))
            os.listdir(folder)
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("x")
            file.flush()
            read(file.name)

    assert check(recorded(call)) is None
    assert not of(recorded(call), "file")


def test_python_packages_and_the_system_are_no_inputs(work):
    def call():
        import wave  # noqa: F401

        read(pytest.__file__)
        read(os.__file__)
        read("/proc/self/status")
        os.listdir(os.path.dirname(os.__file__))
        linecache.getlines(__file__)
        read(os.path.join(store(), "..", "store", "x")) if os.path.exists(os.path.join(store(), "x")) else None

    assert not of(recorded(call), "file") + of(recorded(call), "dir")


def test_own_cache_folder_is_no_input(work):
    put("../store/x.pkl", "x")

    def call():
        read(store() + "/x.pkl")
        os.listdir(store())

    assert recorded(call) == []


def test_a_name_that_is_no_utf_8(work):
    try:
        with open(b"caf\xe9", "w") as file:
            file.write("x")
    except OSError:
        pytest.skip("the file system wants UTF-8")
    rows = recorded(lambda: read("caf\udce9"))
    assert of(rows, "file")[0][1] == "caf\0e9"
    assert check(rows) is None
    Path("caf\udce9").write_text("other")
    assert "changed" in check(rows)


def test_paths_into_text_and_back():
    for path in ("plain", "é", "caf\udce9/\udc80x", "日本"):
        assert contents.path_of(contents.path_text(path)) == path


def test_relative_paths_follow_the_working_directory(work):
    rows = recorded(read)
    put("sub/data.csv", "other")
    os.chdir("sub")
    assert trace.check(rows, store()) is not None
    os.chdir("..")
    assert check(rows) is None


def test_the_call_changes_the_working_directory(work):
    put("sub/inner.txt", "x")

    def call():
        os.chdir("sub")
        read("inner.txt")
        read("../data.csv")
        os.chdir("..")

    rows = recorded(call)
    assert len(of(rows, "file")) == 2
    assert check(rows) is None
    put("sub/inner.txt", "y")
    assert "inner.txt changed" in check(rows)


# --- folders ----------------------------------------------------------------------------------------------------------

LISTERS = {
    "listdir": lambda: os.listdir("d"),
    "scandir": lambda: list(os.scandir("d")),
    "glob": lambda: __import__("glob").glob("d/*"),
    "path.glob": lambda: list(Path("d").glob("*")),
    "rglob": lambda: list(Path("d").rglob("*")),
    "iterdir": lambda: list(Path("d").iterdir()),
    "walk": lambda: list(os.walk("d")),
    "bytes": lambda: os.listdir(b"d"),
}


@pytest.mark.parametrize("name", LISTERS)
def test_a_folder_that_was_listed(work, name):
    put("d/one", "1")
    rows = recorded(LISTERS[name])
    assert of(rows, "dir")
    assert check(rows) is None
    os.makedirs("d/__pycache__")
    os.makedirs("d/.devstash_cache")
    assert check(rows) is None
    put("d/two", "2")
    assert "folder d holds something else" in check(rows)
    os.remove("d/two")
    assert check(rows) is None
    shutil.rmtree("d")
    assert check(rows) is not None


def test_sizes_that_entries_tell(work):
    put("d/one", "1")

    def call():
        return sum(entry.stat().st_size for entry in os.scandir("d"))

    rows = recorded(call)
    put("d/one", "12")
    assert check(rows) is not None


def test_what_the_call_made_in_a_folder_before_it_listed_it(work):
    put("d/one", "1")

    def call():
        Path("d/made").write_text("x")
        os.listdir("d")

    rows = recorded(call)
    assert check(rows) is None
    os.remove("d/made")
    assert check(rows) is None
    put("d/two", "2")
    assert check(rows) is not None


def test_what_the_call_made_in_a_folder_after_it_listed_it(work):
    put("d/one", "1")

    def call():
        os.listdir("d")
        Path("d/made").write_text("x")

    rows = recorded(call)
    assert check(rows) is not None, "a plain second run would have seen it"
    os.remove("d/made")
    assert check(rows) is None


def test_a_folder_that_the_call_made(work):
    def call():
        os.makedirs("out/deep", exist_ok=True)
        Path("out/deep/x").write_text("x")
        os.listdir("out/deep")

    rows = recorded(call)
    assert check(rows) is None
    shutil.rmtree("out")
    assert check(rows) is None


# --- looks ------------------------------------------------------------------------------------------------------------


ASKED = {
    "exists": (os.path.exists, "appeared", None),
    "lexists": (os.path.lexists, "appeared", None),
    "Path.exists": (lambda p: Path(p).exists(), "appeared", None),
    "isfile": (os.path.isfile, "is a file now", "is no file any more"),
    "Path.is_file": (lambda p: Path(p).is_file(), "is a file now", "is no file any more"),
    "isdir": (os.path.isdir, None, "is a dir now"),
    "Path.is_dir": (lambda p: Path(p).is_dir(), None, "is a dir now"),
    "islink": (os.path.islink, None, None),
}


@pytest.mark.parametrize("name", ASKED)
def test_whether_something_is_there(work, name):
    look, appeared, turned = ASKED[name]
    rows = recorded(lambda: (look("data.csv"), look("none")))
    assert check(rows) is None
    put("data.csv", "something else")
    assert check(rows) is None, "only its kind was asked for"
    put("none", "")
    assert check(rows) == (appeared and f"none {appeared}")
    os.remove("none")
    os.remove("data.csv")
    assert check(rows) == ("data.csv is gone" if appeared else None)
    os.mkdir("data.csv")
    assert check(rows) == (turned and f"data.csv {turned}")


def test_size_and_time(work):
    rows = recorded(lambda: os.path.getsize("data.csv"))
    put("data.csv", "A,B\n1,2\n")
    assert check(rows) is None
    put("data.csv", "longer than it was")
    assert "size" in check(rows)
    rows = recorded(lambda: os.path.getmtime("data.csv"))
    assert check(rows) is None
    os.utime("data.csv", (5, 5))
    assert "time" in check(rows)


@pytest.mark.parametrize("ask", [lambda: os.stat("data.csv"), lambda: Path("data.csv").stat()])
def test_project_code_may_look_at_all_of_a_stat(work, ask):
    rows = recorded(ask)
    assert of(rows, "stat")
    assert check(rows) is None
    os.utime("data.csv", (5, 5))
    assert "time" in check(rows)


def test_links(work):
    os.symlink("data.csv", "link")
    rows = recorded(lambda: os.readlink("link"))
    assert check(rows) is None
    os.remove("link")
    os.symlink("elsewhere", "link")
    assert "leads elsewhere" in check(rows)
    rows = recorded(lambda: os.path.islink("link"))
    os.remove("link")
    assert check(rows) is not None


def test_access(work):
    rows = recorded(lambda: os.access("data.csv", os.R_OK))
    assert check(rows) is None
    os.remove("data.csv")
    assert "permissions" in check(rows)


def test_stand_ins_cannot_be_told_from_what_they_stand_for(work):
    plain = {name: getattr(os, name) for name in ("stat", "lstat", "access", "readlink")}
    seen = record.Record(store())
    seen.begin()
    try:
        for name, function in plain.items():
            standing = getattr(os, name)
            assert standing is not function
            for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
                assert getattr(standing, attribute) == getattr(function, attribute)
        assert os.stat in os.supports_fd and os.stat in os.supports_dir_fd and os.stat in os.supports_follow_symlinks
        assert os.access in os.supports_effective_ids
        shutil.rmtree("nothing", ignore_errors=True)
        with pytest.raises(FileNotFoundError) as caught:
            os.stat("none")
        if sys.version_info >= (3, 11):
            entries = [entry for entry in caught.traceback if "devstash" in str(entry.path)]
            assert not entries
        with pytest.raises(TypeError):
            os.stat()
    finally:
        seen.end()
    for name, function in plain.items():
        assert getattr(os, name) is function
    assert len([f for f in os.supports_fd if f.__name__ == "stat"]) == 1


def test_a_mock_stays(work, monkeypatch):
    monkeypatch.setattr(os, "stat", lambda *a, **k: 7)
    recorded(lambda: None)
    assert os.stat("x") == 7


# --- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: os.environ["LEVEL"],
        lambda: os.environ.get("LEVEL"),
        lambda: os.getenv("LEVEL"),
        lambda: "LEVEL" in os.environ,
        lambda: os.environb.get(b"LEVEL"),
        lambda: os.environ.copy(),
        lambda: {**os.environ},
        lambda: list(os.environ.items()),
        lambda: str(os.environ),
        lambda: Path(os.path.expandvars("$LEVEL/x")),
    ],
)
def test_a_variable_that_was_read(work, monkeypatch, ask):
    monkeypatch.setenv("LEVEL", "1")
    rows = recorded(ask)
    assert "LEVEL" in [row[1] for row in of(rows, "env")]
    assert check(rows) is None
    monkeypatch.setenv("LEVEL", "2")
    assert check(rows) == "variable LEVEL changed"
    monkeypatch.delenv("LEVEL")
    assert check(rows) == "variable LEVEL changed"
    monkeypatch.setenv("LEVEL", "1")
    assert check(rows) is None


def test_a_variable_that_was_not_set(work, monkeypatch):
    monkeypatch.delenv("LEVEL", raising=False)

    def call():
        with pytest.raises(KeyError):
            os.environ["LEVEL"]

    rows = recorded(call)
    assert ["env", "LEVEL", None] in rows
    monkeypatch.setenv("LEVEL", "")
    assert check(rows) == "variable LEVEL changed"


def test_variables_that_do_not_count(work, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setenv("MINE", "x")

    def call():
        os.environ["MINE"] = "y"
        [os.environ.get(n) for n in ("COLUMNS", "TERM", "OPENAI_API_KEY", "MINE", "SSH_TTY", "PYTEST_CURRENT_TEST")]
        shutil.get_terminal_size()

    assert recorded(call) == []


def test_environment_is_as_it_was(work):
    data = os.environ._data
    before = dict(os.environ)
    recorded(lambda: os.environ.get("HOME"))
    assert os.environ._data is data and os.environb._data is data
    assert dict(os.environ) == before

    def call():
        os.environ["DS_NEW"] = "1"
        assert os.environ == {**before, "DS_NEW": "1"}
        assert os.environ.pop("DS_NEW") == "1"
        assert "DS_NEW" not in os.environ
        assert len(os.environ) == len(before)
        assert subprocess.run(["true"], env={**os.environ}).returncode == 0

    recorded(call)


# --- modules ----------------------------------------------------------------------------------------------------------


def test_a_module_of_the_project_imported_during_the_call(work, monkeypatch):
    monkeypatch.syspath_prepend(str(work))
    put("ds_helper.py", "def f():\n    return 1\n")
    importlib.invalidate_caches()
    try:
        rows = recorded(lambda: importlib.import_module("ds_helper"))
    finally:
        sys.modules.pop("ds_helper", None)
    (row,) = of(rows, "module")
    assert row[8] == "ds_helper"
    assert not of(rows, "file") + of(rows, "dir")
    assert check(rows) is None
    put("ds_helper.py", "# said\ndef f():\n    '''Text.'''\n\n    return 1  # one\n")
    assert check(rows) is None
    put("ds_helper.py", "def f():\n    return 2\n")
    assert check(rows) == "module ds_helper changed"
    os.remove("ds_helper.py")
    assert "is gone" in check(rows)


# --- who reads --------------------------------------------------------------------------------------------------------


def test_nested_records(work):
    put("inner", "1")
    outer = record.Record(store())
    outer.begin()
    rows = recorded(lambda: read("inner"))
    read()
    outer.end()
    assert [row[1] for row in of(rows, "file")] == ["inner"]
    assert sorted(row[1] for row in of(outer.trace(), "file")) == ["data.csv", "inner"]


def test_adopted_rows(work):
    rows = recorded(read)
    outer = record.Record(store())
    outer.begin()
    outer.adopt(rows)
    outer.end()
    assert outer.refusal() is None
    assert outer.trace() == rows


def test_adopted_rows_of_what_the_outer_call_wrote(work):
    rows = recorded(read)
    outer = record.Record(store())
    outer.begin()
    Path("data.csv").write_text("a,b\n1,2\n")
    outer.adopt(rows)
    outer.end()
    assert not of(outer.trace(), "file")


def test_threads_and_pools(work):
    put("one", "1")
    put("two", "2")
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()
    stranger_goes, stranger_done = threading.Event(), threading.Event()

    def stranger():
        stranger_goes.wait(10)
        read("two")
        stranger_done.set()

    thread = threading.Thread(target=stranger)
    thread.start()

    def call():
        pool.submit(read).result()
        in_thread(lambda: in_thread(lambda: read("one")))
        stranger_goes.set()
        stranger_done.wait(10)

    rows = recorded(call)
    assert sorted(row[1] for row in of(rows, "file")) == ["data.csv", "one"]
    pool.shutdown()
    thread.join()


def test_pool_tasks_of_others(work):
    put("mine", "1")
    pool = ThreadPoolExecutor(2)
    goes = threading.Event()
    recorded(lambda: pool.submit(int).result())

    def other():
        goes.wait(10)
        read("mine")

    outside = contextvars.copy_context()
    seen = record.Record(store())
    seen.begin()
    # Handed to the pool in a context where no call runs.
    future = outside.run(pool.submit, other)
    pool.submit(read).result()
    goes.set()
    future.result()
    seen.end()
    assert [row[1] for row in of(seen.trace(), "file")] == ["data.csv"]
    pool.shutdown()


def test_tasks(work):
    put("one", "1")
    put("two", "2")

    async def call(name):
        seen = record.Record(store())
        seen.begin()
        await asyncio.sleep(0.01)
        await asyncio.get_running_loop().create_task(asyncio.sleep(0))
        await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, read, name)
        await asyncio.sleep(0.01)
        seen.end()
        return [row[1] for row in of(seen.trace(), "file")]

    async def main():
        return await asyncio.gather(call("one"), call("two"), call("data.csv"))

    assert asyncio.run(main()) == [["one"], ["two"], ["data.csv"]]


def test_pause_and_resume(work):
    put("one", "1")
    put("two", "2")
    seen = record.Record(store())
    seen.begin()
    read("one")
    seen.pause()
    read("two")
    seen.resume()
    read()
    seen.end()
    seen.end()
    assert sorted(row[1] for row in of(seen.trace(), "file")) == ["data.csv", "one"]
    assert not record.live and record.current() is None


def test_ended_in_another_thread(work):
    seen = record.Record(store())
    seen.begin()
    in_thread(seen.end)
    read()
    assert seen.trace() == []
    assert record.current() is None and not record.live


def test_a_thread_left_running(work):
    goes = threading.Event()
    seen = []

    def forever():
        goes.wait(10)

    def call():
        seen.append(threading.Thread(target=forever, name="left"))
        seen[0].start()

    # Tests are code of the project.
    assert refused(call) == "the thread `left` that it started is still running"
    goes.set()
    seen[0].join()


# --- files that only the values name ----------------------------------------------------------------------------------


class Holder:
    def __init__(self, path):
        self.path = path


@pytest.mark.parametrize("wrap", [str, Path, lambda p: [p], lambda p: {"x": Path(p)}, Holder])
def test_a_file_that_an_argument_names(work, wrap):
    rows = recorded(lambda: None, wrap("data.csv"))
    assert [row[1] for row in of(rows, "file")] == ["data.csv"]
    assert check(rows) is None
    put("data.csv", "a,b\n9,9\n")
    assert "changed" in check(rows)


def test_a_pattern_that_an_argument_names(work):
    put("d/a.parquet", "1")
    rows = recorded(lambda: None, "d/*.parquet")
    assert check(rows) is None
    put("d/a.parquet", "2")
    assert "a.parquet changed" in check(rows)
    put("d/a.parquet", "1")
    put("d/b.parquet", "1")
    assert check(rows) == "d/*.parquet matches other files"


def test_a_file_that_a_constant_names(work, monkeypatch):
    def function():
        return [name for name in ("x", "none.csv") if name] + [lambda: "data.csv"]

    def call():
        seen = record.Record(store())
        seen.begin()
        seen.watch_code([function, 7])
        seen.end()
        return [row[1] for row in of(seen.trace(), "file")]

    for name in record._OPENING_BY_THEMSELVES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert call() == []
    monkeypatch.setitem(sys.modules, "h5py", os)
    assert call() == ["data.csv"]


def test_values_that_name_no_file(work):
    assert recorded(lambda: None, "none", "", "x" * 5000, "a\0b", "two\nlines", 7, None, ".", b"data.csv") == []


def by_unseen_code(name, text):
    """Write a file as C code does that opens it by itself."""
    with quiet.Quiet():
        Path(name).write_text(text)


def test_a_named_file_written_unseen(work):
    reason = refused(lambda: by_unseen_code("data.csv", "other"), "data.csv")
    assert "`data.csv` was changed by code that devstash cannot see" in reason


def test_a_named_file_made_unseen_is_an_effect(work):
    seen = record.Record(store())
    seen.begin()
    seen.watch(["out.h5"])
    by_unseen_code("out.h5", "made")
    seen.end()
    assert seen.refusal() is None
    assert "file" in [row[0] for row in seen.written.rows(store())]


# --- the check --------------------------------------------------------------------------------------------------------


def test_rows_of_a_later_version(work):
    assert "newer devstash" in check([["weather", "x", 1]])


def test_a_broken_sidecar_does_not_matter(work):
    rows = recorded(read)
    time.sleep(0.06)
    os.utime("data.csv", (1, 1))
    time.sleep(0.06)
    assert check(rows) is None
    (name,) = os.listdir("../store/.stat")
    for data in (b"", b"\0" * 100, b"x\ny z\n"):
        Path("../store/.stat", name).write_bytes(data)
        contents._known.clear()
        assert check(rows) is None
    Path("data.csv").write_text("a,b\n7,7\n")
    assert "changed" in check(rows)


def test_a_sidecar_that_cannot_be_written(work):
    shutil.rmtree("../store")
    rows = recorded(read)
    time.sleep(0.06)
    os.utime("data.csv", (1, 1))
    assert check(rows) is None
    assert sidecar.FOLDER == ".stat"


def test_a_thousand_files_are_checked_quickly(work):
    for number in range(1000):
        put(f"many/{number}", "x")
    time.sleep(0.06)

    def call():
        for number in range(1000):
            read(f"many/{number}")

    rows = recorded(call)
    best = 9.0
    for _ in range(5):
        start = time.perf_counter()
        assert check(rows) is None
        best = min(best, time.perf_counter() - start)
    assert best < 0.02, "the target is 0.005 on a quiet machine"


def test_hooks_rest_while_nothing_is_recorded(work):
    recorded(read)
    assert not record.live
    assert os.stat is looks._real_stat
    assert type(os.environ._data) is dict
    assert threads._item_class is None
    assert audit._hook("open", (None, None, None)) is None
    assert variables.value_of("HOME")


def test_trouble_in_the_hook_makes_the_call_one_that_is_not_kept(work, monkeypatch):
    def fail(self, *rest):
        raise RuntimeError("no")

    monkeypatch.setattr(record.Record, "note_read", fail)
    assert "cannot be followed" in refused(read)


def test_what_a_signal_handler_raises_is_the_scripts(work, monkeypatch):
    import signal

    class Late(Exception):
        pass

    def handler(*_):
        raise Late

    def late(self, *rest):
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    monkeypatch.setattr(record.Record, "note_read", late)
    seen = record.Record(store())
    seen.begin()
    try:
        with pytest.raises(Late):
            read()
    finally:
        seen.end()
        signal.signal(signal.SIGUSR1, before)


RUNS = {
    "run_path": lambda: runpy.run_path("part.py"),
    "spec": lambda: load_by_path("part", "part.py"),
    "reload": lambda: importlib.reload(sys.modules["part_of_before"]),
}


def load_by_path(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", RUNS)
def test_a_module_that_is_run_by_its_path(work, name, monkeypatch):
    file = put("part_of_before.py" if name == "reload" else "part.py", "VALUE = 1\n")
    if name == "reload":
        monkeypatch.syspath_prepend(str(work))
        importlib.import_module("part_of_before")
    try:
        for _ in range(2):  # the second time from byte-code, where there is some
            rows = recorded(RUNS[name])
            assert [row[0] for row in rows if row[1].endswith(file.name)] in (["module"], ["module", "kind"])
            file.write_text("# only a comment\nVALUE = 1\n")
            assert trace.check(rows, store()) is None
            file.write_text("VALUE = 22\n")
            assert trace.check(rows, store()) == f"module {[r[8] for r in rows if r[0] == 'module'][0]} changed"
            file.write_text("VALUE = 1\n")
    finally:
        sys.modules.pop("part_of_before", None)


def test_a_program_in_an_archive(work):
    with zipfile.ZipFile("tool.zip", "w") as archive:
        archive.writestr("__main__.py", "VALUE = 1\n")
    rows = recorded(lambda: runpy.run_path("tool.zip"))
    assert [row[1] for row in rows if row[0] == "file"] == ["tool.zip"]


def test_a_module_that_the_call_makes_and_runs(work):
    def make():
        Path("made.py").write_text("VALUE = 1\n")
        runpy.run_path("made.py")

    assert not [row for row in recorded(make) if row[0] in ("file", "module")]


def test_a_folder_that_is_made_unless_it_is_there(work):
    def guarded(folder="a/b"):
        if not os.path.exists(folder):
            os.makedirs(folder)
        return 1

    def last():
        if not os.path.isdir("c"):
            os.mkdir("c")

    for call in (guarded, last):
        assert trace.check(recorded(call), store()) is None  # it is there now


def test_a_folder_on_which_more_hangs(work):
    def told():
        if os.path.exists("a"):
            return 1
        os.makedirs("a")
        return 2

    def another():
        if not os.path.exists("b"):
            os.makedirs("b2")

    def more():
        if not os.path.exists("c"):
            os.makedirs("c")
            os.mkdir("c/d")

    def otherwise():
        if not os.path.exists("e"):
            os.makedirs("e")
        else:
            return 1

    def either(flag=False):
        if flag or not os.path.exists("f"):
            os.makedirs("f")

    for call in (told, another, more, otherwise, either):
        assert trace.check(recorded(call), store()) is not None, call
    os.mkdir("g")

    def there():
        if not os.path.exists("g"):
            os.makedirs("g")

    rows = recorded(there)
    os.rmdir("g")
    assert trace.check(rows, store()) is not None


class TestSignals:
    """A time limit is mostly a TimeoutError, which is an OSError like those of files that are gone."""

    @pytest.fixture(autouse=True)
    def late(self, monkeypatch):
        def handler(*_):
            raise TimeoutError("late")

        before = signal.signal(signal.SIGALRM, handler)
        yield SimpleNamespace(stat=lambda _: signal.raise_signal(signal.SIGALRM))
        signal.signal(signal.SIGALRM, before)

    @pytest.mark.parametrize("module", [trace, comparing])
    def test_reaches_the_script(self, late, module, monkeypatch, tmp_path):
        monkeypatch.setattr(module, "os", late)
        row = ["file", str(tmp_path / "a"), 1, 2, 3, 4, 5, 0, "d"]
        with pytest.raises(TimeoutError):
            (trace.check if module is trace else comparing.compare)([row], str(tmp_path))
