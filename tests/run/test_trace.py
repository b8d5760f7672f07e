"""What a call read decides whether its result is used again: whole programs, run two and three times."""

import json
import os
import sqlite3
import time
import zipfile

import pytest
from harness import LOG

READERS = {
    "open": "with open('data.csv') as file: return file.read()",
    "binary": "with open('data.csv', 'rb') as file: return file.read()",
    "os.open": "fd = os.open('data.csv', os.O_RDONLY); text = os.read(fd, 100); os.close(fd); return text",
    "read_text": "return Path('data.csv').read_text()",
    "absolute": "return (Path(__file__).parent / 'data.csv').read_text()",
    "csv": "with open('data.csv', newline='') as file: return list(csv.DictReader(file))",
    "fileinput": "with fileinput.input('data.csv') as lines: return list(lines)",
    "mmap": "with open('data.csv', 'rb') as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m: return m[:]",
    "copyfile": "shutil.copyfile('data.csv', 'copy.csv'); return Path('copy.csv').read_text()",
    "thread": "with ThreadPoolExecutor() as pool: return list(pool.map(lambda p: Path(p).read_text(), ['data.csv']))",
    "to_thread": "return asyncio.run(in_thread())",
    "deep": "return helper()",
}

HEAD = (
    LOG
    + """
import asyncio, csv, fileinput, glob, json, mmap, os, pickle, shutil, sqlite3, zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

async def in_thread():
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, Path('data.csv').read_text)

def helper():
    return [line for line in open('data.csv').readlines()]

def load():
    log('ran')
"""
)


def program(body):
    lines = "".join(f"    {line}\n" for line in body.split("; "))
    return f"{HEAD}{lines}\nprint(load())  # @devstash\n"


def ran(stash, script="s.py", **keywords):
    """Whether a run executed the call; it must behave."""
    stash.forget()
    outcome = stash.run(script, **keywords)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return stash.executions() != []


def old(stash, name, data):
    """Write an input that was there long before."""
    path = stash.write(name, data)
    os.utime(path, (time.time() - 900, time.time() - 900))
    return path


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_read(stash, name):
    old(stash, "data.csv", "a,b\n1,2\n")
    (stash.folder / "s.py").write_text(program(READERS[name]))
    assert ran(stash) and not ran(stash)
    old(stash, "data.csv", "a,b\n1,3\n")
    assert ran(stash) and not ran(stash)
    old(stash, "data.csv", "a,b\n1,2\n")
    assert not ran(stash), "the old content finds the old result"
    os.utime(stash.folder / "data.csv")
    assert not ran(stash), "only touched"


def test_the_miss_names_the_file(stash):
    old(stash, "data.csv", "a\n")
    (stash.folder / "s.py").write_text(program(READERS["open"]))
    stash.ok("s.py")
    old(stash, "data.csv", "b\n")
    outcome = stash.run("s.py", options=["-v"])
    assert "data.csv" in outcome.stderr, outcome


def test_json_pickle_zip_sqlite(stash):
    body = (
        "with open('a.json') as f: a = json.load(f); with open('b.pkl', 'rb') as f: b = pickle.load(f); "
        "c = zipfile.ZipFile('c.zip').read('x'); d = sqlite3.connect('d.db').execute('select n from t').fetchall(); "
        "return a, b, c, d"
    )
    (stash.folder / "s.py").write_text(program(body))

    def fill(n):
        old(stash, "a.json", json.dumps(n))
        old(stash, "b.pkl", b"\x80\x02K%c." % n)
        with zipfile.ZipFile(stash.folder / "c.zip", "w") as archive:
            archive.writestr("x", "y")
        (stash.folder / "d.db").unlink(missing_ok=True)
        connection = sqlite3.connect(stash.folder / "d.db")
        connection.execute("create table t (n)")
        connection.execute("insert into t values (1)")
        connection.commit()
        connection.close()

    fill(1)
    assert ran(stash) and not ran(stash)
    old(stash, "a.json", "2")
    assert ran(stash) and not ran(stash)
    old(stash, "b.pkl", b"\x80\x02K\x07.")
    assert ran(stash) and not ran(stash)
    with zipfile.ZipFile(stash.folder / "c.zip", "w") as archive:
        archive.writestr("x", "z")
    assert ran(stash) and not ran(stash)
    connection = sqlite3.connect(stash.folder / "d.db")
    connection.execute("update t set n = 2")
    connection.commit()
    connection.close()
    assert ran(stash) and not ran(stash)


def test_same_size_and_time_restored(stash):
    path = old(stash, "data.csv", "a,b\n1,2\n")
    (stash.folder / "s.py").write_text(program(READERS["open"]))
    assert ran(stash) and not ran(stash)
    before = path.stat()
    path.write_text("a,b\n9,9\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ran(stash)


def test_written_just_before_by_the_script_itself(stash):
    text = program(READERS["open"]).replace("print(load())", "Path('data.csv').write_text('x')\nprint(load())")
    (stash.folder / "s.py").write_text(text)
    assert ran(stash) and not ran(stash)


def test_a_file_that_is_not_there(stash):
    body = "try: return open('local.ini').read(); except OSError: return 'none'"
    (stash.folder / "s.py").write_text(program(body))
    assert ran(stash) and not ran(stash)
    old(stash, "local.ini", "x")
    assert ran(stash) and not ran(stash)
    (stash.folder / "local.ini").unlink()
    assert not ran(stash)


@pytest.mark.parametrize(
    "ask", ["os.path.exists('x')", "Path('x').exists()", "os.path.isfile('x')", "os.access('x', 4)"]
)
def test_whether_something_exists(stash, ask):
    (stash.folder / "s.py").write_text(program(f"return {ask}"))
    assert ran(stash) and not ran(stash)
    stash.write("x", "1")
    assert ran(stash) and not ran(stash)
    stash.write("x", "2")
    assert not ran(stash)


LISTERS = {
    "glob": "glob.glob('d/*.txt')",
    "rglob": "sorted(map(str, Path('d').rglob('*')))",
    "listdir": "os.listdir('d')",
    "walk": "list(os.walk('d'))",
    "iterdir": "sorted(p.name for p in Path('d').iterdir())",
}


@pytest.mark.parametrize("name", LISTERS)
def test_a_folder_that_is_listed(stash, name):
    stash.write("d/a.txt", "1")
    (stash.folder / "s.py").write_text(program(f"return {LISTERS[name]}"))
    assert ran(stash) and not ran(stash)
    stash.write("d/b.txt", "1")
    assert ran(stash) and not ran(stash)
    (stash.folder / "d/b.txt").unlink()
    assert not ran(stash)


def test_a_variable(stash):
    (stash.folder / "s.py").write_text(program("return os.environ.get('LEVEL'), os.getenv('OTHER', '-')"))
    assert ran(stash) and not ran(stash)
    assert ran(stash, env={"LEVEL": "2"}) and not ran(stash, env={"LEVEL": "2"})
    assert not ran(stash)
    assert ran(stash, env={"OTHER": "2"})
    assert not ran(stash, env={"COLUMNS": "33", "UNREAD": "1"})


def test_a_module_imported_during_the_call(stash):
    stash.write("plugins/one.py", "def f(): return 1\n")
    (stash.folder / "s.py").write_text(
        program("import importlib; return importlib.import_module('plugins.' + 'one').f()")
    )
    assert ran(stash) and not ran(stash)
    stash.write("plugins/one.py", "# a comment\ndef f(): return 1\n")
    assert not ran(stash)
    stash.write("plugins/one.py", "def f(): return 20\n")
    assert ran(stash) and not ran(stash)


NESTED = """
def inner():
    return Path('data.csv').read_text()

def outer():
    log('ran')
    text = inner()  # @devstash
    return text.upper()

{first}
print(outer())  # @devstash
"""


@pytest.mark.parametrize("first", ["", "x = inner()  # @devstash"])
def test_what_an_inner_call_read_counts_for_the_outer_one(stash, first):
    (stash.folder / "s.py").write_text(HEAD.partition("def load")[0] + NESTED.format(first=first))
    old(stash, "data.csv", "one")
    assert ran(stash) and not ran(stash)
    old(stash, "data.csv", "two")
    assert ran(stash) and not ran(stash)
    assert stash.ok("s.py") == "TWO\n"


def test_temporary_files_and_own_writes_are_no_inputs(stash):
    body = (
        "import tempfile; d = tempfile.mkdtemp(); Path(d, 'x').write_text('x'); t = Path(d, 'x').read_text(); "
        "shutil.rmtree(d); Path('out.txt').write_text('y'); return t + Path('out.txt').read_text()"
    )
    (stash.folder / "s.py").write_text(program(body))
    assert ran(stash) and not ran(stash)
    (stash.folder / "out.txt").unlink()
    assert not ran(stash)
    assert (stash.folder / "out.txt").read_text() == "y"


def test_a_traceback_has_no_frame_of_ours(stash):
    stash.write(
        "s.py",
        """
        import os, traceback
        def load():
            try:
                os.stat("none")
            except OSError:
                return traceback.format_exc()
        print(load())  # @devstash
        """,
    )
    import sys

    if sys.version_info < (3, 11):
        pytest.skip("before 3.11 a stand-in for os.stat leaves its frame")
    assert stash.ok("s.py") == stash.plain("s.py").stdout


def test_a_users_first_call_may_have_another_one_in_it(stash, tmp_path):
    """The key that signs entries is made in the midst of the outer call, whose input it must not become."""
    stash.write(
        "s.py",
        """
        def inner():
            log("inner")
            return 1
        def outer():
            log("outer")
            x = inner()  # @devstash
            return x
        print(outer())  # @devstash
        """,
        log=True,
    )
    env = {"XDG_DATA_HOME": str(tmp_path / "fresh")}
    for _ in range(2):
        assert stash.run("s.py", env=env).raw == (b"1\n", b"", 0)
    assert stash.executions() == ["outer", "inner"]
