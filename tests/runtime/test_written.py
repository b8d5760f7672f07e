"""What a call writes: noted before it changes, kept as rows, brought back safely or not at all.

`Watched` stands for a marked call: its audit hook tells `Writes` what the operations of the `with` block are about to
change, in the same way as the record of a call does.
"""

import json
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from devstash import blobs, contents, manifest, quiet, refusals, restore, written
from devstash.system import os

RUNTIME = Path(__file__).resolve().parents[2] / "src" / "runtime"

_watched = []


def _hook(event, args):
    if not _watched or quiet.is_quiet():
        return

    def touch(found, whole):
        _watched[-1].touch(found[0], whole, found[1])

    def path(value, fd=-1):
        name = os.fsdecode(value)
        if fd in (-1, None):
            return os.path.join(os.getcwd(), name), name
        folder = os.path.realpath(f"/proc/self/fd/{fd}")
        return (os.path.join(folder, name),) * 2

    if event == "open" and not isinstance(args[0], int) and args[0] is not None:
        name, mode, flags = args
        if mode is None:
            if flags & (os.O_WRONLY | os.O_RDWR):
                touch(path(name), bool(flags & os.O_TRUNC) or False)
        elif "w" in mode:
            touch(path(name), True)
        elif any(sign in mode for sign in "ax+"):
            touch(path(name), False)
    elif event == "os.rename":
        touch(path(args[0], args[2]), False)
        touch(path(args[1], args[3]), True)
    elif event in ("os.remove", "os.rmdir"):
        touch(path(args[0], args[1]), True)
    elif event == "os.mkdir":
        touch(path(args[0], args[2]), False)
    elif event in ("os.symlink", "os.link"):
        touch(path(args[1]), False)
    elif event in ("os.truncate", "os.chmod", "os.utime", "sqlite3.connect") and not isinstance(args[0], int):
        touch(path(args[0]), False)


sys.addaudithook(_hook)


class Watched(written.Writes):
    def __init__(self, place):
        super().__init__(place.folder)
        self.place = place

    def __enter__(self):
        _watched.append(self)
        return self

    def __exit__(self, *_):
        _watched.remove(self)
        if self.refusal() is None:
            self.kept = json.loads(manifest.json(self.rows(self.place.folder)))

    def effects(self):
        """The rows, as they come back from an entry."""
        assert self.refusal() is None
        return self.kept

    def needs(self):
        assert self.refusal() is None
        return [[row[0], os.path.basename(row[1]), *row[2:][-1:]] for row in json.loads(manifest.json(self.inputs()))]


class Place:
    """A project folder with a cache."""

    def __init__(self, root):
        self.root = Path(os.path.realpath(root)) / "project"
        self.root.mkdir()
        self.folder = str(self.root.parent / "cache")

    def watched(self):
        return Watched(self)

    def bring(self, rows):
        """What a hit does."""
        assert written.ready(rows, self.folder) is None
        written.bring_back(rows, self.folder)
        left = [name for name in self.root.rglob("*") if ".devstash" in name.name]
        assert not left and self.drafts() == []

    def drafts(self):
        """Files of ours that should have been renamed or removed."""
        return os.listdir(f"{self.folder}/.tmp") if os.path.exists(self.folder) else []

    def blobs(self):
        return sorted(path for path in Path(self.folder, ".blobs").rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path, monkeypatch):
    where = Place(tmp_path)
    monkeypatch.chdir(where.root)
    return where


def old(*names):
    """Make files look as if they had not been changed for long, so that their times prove something."""
    for name in names:
        os.utime(name, (1e9, 1e9))


def short(rows):
    """Rows without what differs from run to run."""
    return [[row[0], os.path.basename(row[1]), *({"file": row[2:4]}.get(row[0], row[2:]))] for row in rows]


# --- single operations ----------------------------------------------------------------------------------------------


def test_written_file_comes_back_when_it_is_missing_or_different(place):
    with place.watched() as call:
        Path("out.csv").write_text("a,b\n")
    rows = call.effects()
    assert short(rows) == [["file", "out.csv", None, 4]]
    assert call.needs() == []
    os.unlink("out.csv")
    place.bring(rows)
    assert Path("out.csv").read_text() == "a,b\n"
    Path("out.csv").write_text("x,y\n")
    place.bring(rows)
    assert Path("out.csv").read_text() == "a,b\n"


def test_equal_file_is_left_alone(place):
    with place.watched() as call:
        Path("out.csv").write_text("a,b\n")
    rows = call.effects()
    before = os.stat("out.csv")
    place.bring(rows)
    assert os.stat("out.csv") == before


def test_what_was_there_before_a_file_is_written_anew_does_not_count(place):
    Path("out.csv").write_text("from an earlier run, a longer one")
    with place.watched() as call:
        Path("out.csv").write_text("a,b\n")
    assert call.needs() == []
    os.unlink("out.csv")
    place.bring(call.effects())
    assert Path("out.csv").read_text() == "a,b\n"


def test_rewriting_the_same_content_is_still_an_effect(place):
    Path("out.csv").write_text("a,b\n")
    old("out.csv")
    with place.watched() as call:
        Path("out.csv").write_text("a,b\n")
    rows = call.effects()
    os.unlink("out.csv")
    place.bring(rows)
    assert Path("out.csv").read_text() == "a,b\n"


def test_appending_builds_upon_what_was_there(place):
    Path("log").write_text("one\n")
    digest = contents.digest_of_file("log").hex()
    with place.watched() as call:
        with open("log", "a") as file:
            file.write("two\n")
    assert call.needs() == [["file", "log", digest]]
    (row,) = call.inputs()
    assert row[:3] == ["file", "log", 4] and len(row) == 9
    Path("log").write_text("one\n")
    place.bring(call.effects())
    assert Path("log").read_text() == "one\ntwo\n"


def test_appending_to_an_absent_file_needs_its_absence(place):
    with place.watched() as call:
        with open("log", "a") as file:
            file.write("one\n")
    assert call.needs() == [["absent", "log"]]
    assert short(call.effects()) == [["file", "log", None, 4]]


def test_opening_for_update_without_writing_is_reading(place):
    Path("data.bin").write_bytes(b"12345678")
    with place.watched() as call:
        with open("data.bin", "r+b") as file:
            file.read()
    assert [row[0] for row in call.needs()] == ["file"]
    assert call.effects() == []


def test_update_in_place(place):
    Path("data.bin").write_bytes(b"12345678")
    with place.watched() as call:
        with open("data.bin", "r+b") as file:
            file.write(b"ab")
    assert [row[0] for row in call.needs()] == ["file"]
    Path("data.bin").write_bytes(b"12345678")
    place.bring(call.effects())
    assert Path("data.bin").read_bytes() == b"ab345678"


def test_exclusive_creation_needs_absence(place):
    with place.watched() as call:
        with open("lock", "x"):
            pass
    assert [row[0] for row in call.needs()] == ["absent"]
    assert short(call.effects()) == [["file", "lock", None, 0]]


def test_truncate(place):
    Path("data").write_text("12345678")
    with place.watched() as call:
        os.truncate("data", 3)
    assert [row[0] for row in call.needs()] == ["file"]
    Path("data").write_text("12345678")
    place.bring(call.effects())
    assert Path("data").read_text() == "123"


def test_atomic_write(place):
    Path("out.json").write_text("old and much longer")
    os.chmod("out.json", 0o600)
    with place.watched() as call:
        Path("out.json.tmp").write_text("{}")
        os.replace("out.json.tmp", "out.json")
    rows = call.effects()
    assert [row[0] for row in rows] == ["file"] and call.needs() == []
    os.unlink("out.json")
    place.bring(rows)
    assert Path("out.json").read_text() == "{}"
    assert os.listdir() == ["out.json"]


def test_temporary_files_are_nothing(place):
    with place.watched() as call:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            Path(folder, "a").write_text("a")
            with tempfile.NamedTemporaryFile(dir=folder) as file:
                file.write(b"x")
    assert call.effects() == [] and call.needs() == []


def test_temporary_file_that_stays_needs_no_absence_and_comes_back(place):
    with place.watched() as call:
        fd, name = tempfile.mkstemp(dir=".")
        os.write(fd, b"here")
        os.close(fd)
    rows = call.effects()
    assert call.needs() == [] and rows[0][2] == 0o600
    os.unlink(name)
    place.bring(rows)
    assert Path(name).read_text() == "here" and stat.S_IMODE(os.stat(name).st_mode) == 0o600


def test_mkdir_needs_absence(place):
    with place.watched() as call:
        os.mkdir("out")
    assert [row[0] for row in call.needs()] == ["absent"]
    assert short(call.effects()) == [["dir", "out", None]]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("path", [True, False])
def test_makedirs_exist_ok_needs_nothing_and_the_folder_comes_back(place, there, path):
    if there:
        os.makedirs("out/deep")
    with place.watched() as call:
        if path:
            Path("out/deep").mkdir(parents=True, exist_ok=True)
        else:
            os.makedirs("out/deep", exist_ok=True)
        Path("out/deep/a").write_text("a")
    assert call.needs() == []
    rows = call.effects()
    if not there:
        shutil.rmtree("out")
    else:
        shutil.rmtree("out/deep")
    place.bring(rows)
    assert Path("out/deep/a").read_text() == "a"


def test_remove_needs_presence(place):
    Path("old").write_text("x")
    with place.watched() as call:
        os.remove("old")
    assert call.needs() == [["kind", "old", "file"]]
    rows = call.effects()
    assert short(rows) == [["gone", "old", "file"]]
    Path("old").write_text("something else")
    place.bring(rows)
    assert os.listdir() == []
    place.bring(rows)


def test_rmdir_and_rmtree(place):
    os.makedirs("a/b")
    Path("a/b/c").write_text("c")
    os.makedirs("empty")
    with place.watched() as call:
        shutil.rmtree("a")
        os.rmdir("empty")
    rows = call.effects()
    assert sorted(short(rows)) == [
        ["gone", "a", "dir"],
        ["gone", "b", "dir"],
        ["gone", "c", "file"],
        ["gone", "empty", "dir"],
    ]
    os.makedirs("a/b")
    Path("a/b/c").write_text("c")
    Path("a/more").write_text("")
    assert "not empty: it holds `more`" in written.ready(rows, place.folder)
    os.unlink("a/more")
    os.makedirs("empty")
    place.bring(rows)
    assert os.listdir() == []


def test_symbolic_link(place):
    Path("v2").write_text("2")
    os.symlink("v1", "current")
    with place.watched() as call:
        os.symlink("v2", "next")
        os.replace("next", "current")
    rows = call.effects()
    assert short(rows) == [["link", "current", "v2"]] and call.needs()[0][:2] == ["absent", "next"]
    for remains in ("v1", None):
        os.unlink("current")
        if remains:
            os.symlink(remains, "current")
        place.bring(rows)
        assert os.readlink("current") == "v2"


def test_removing_a_link_leaves_its_target(place):
    Path("target").write_text("x")
    os.symlink("target", "link")
    time.sleep(0.06)
    with place.watched() as call:
        os.unlink("link")
    assert short(call.effects()) == [["gone", "link", "link"]]
    assert call.needs() == [["kind", "link", "link"]]


def test_writing_through_a_link_changes_its_target(place):
    Path("target").write_text("x")
    os.symlink("target", "link")
    with place.watched() as call:
        Path("link").write_text("new")
    rows = call.effects()
    assert sorted(row[0] for row in rows) == ["file", "via"]
    Path("target").write_text("x")
    place.bring(rows)
    assert Path("target").read_text() == "new" and os.path.islink("link")
    os.unlink("link")
    os.symlink("other", "link")
    assert "does not lead to" in written.ready(rows, place.folder)


def test_chmod_alone_keeps_no_content(place):
    Path("run.sh").write_text("x")
    os.chmod("run.sh", 0o644)
    with place.watched() as call:
        os.chmod("run.sh", 0o755)
    rows = call.effects()
    assert short(rows) == [["file", "run.sh", 0o755, 1]] and rows[0][4] is None and place.blobs() == []
    os.chmod("run.sh", 0o644)
    place.bring(rows)
    assert stat.S_IMODE(os.stat("run.sh").st_mode) == 0o755


def test_modes_are_kept_where_the_call_set_them(place):
    Path("kept").write_text("old")
    os.chmod("kept", 0o640)
    with place.watched() as call:
        Path("secret").write_text("x")
        os.chmod("secret", 0o400)
        Path("plain").write_text("x")
        Path("kept").write_text("new")
        os.mkdir("private", 0o700)
        Path("private/in").write_text("x")
        os.chmod("private", 0o500)
    rows = call.effects()
    for name in ("secret", "plain", "kept"):
        os.unlink(name)
    os.chmod("private", 0o700)
    shutil.rmtree("private")
    Path("plain").write_text("different")
    os.chmod("plain", 0o666)
    Path("kept").write_text("older")
    os.chmod("kept", 0o600)
    place.bring(rows)
    modes = {name: oct(stat.S_IMODE(os.stat(name).st_mode)) for name in ("secret", "plain", "kept", "private")}
    # What `open(…, "w")` finds, it leaves its mode.
    assert modes == {"secret": "0o400", "plain": "0o666", "kept": "0o600", "private": "0o500"}
    assert Path("private/in").read_text() == "x"
    os.chmod("private", 0o700)


def test_times_that_the_call_set_are_kept(place):
    Path("source").write_text("x")
    old("source")
    with place.watched() as call:
        shutil.copy2("source", "copy")
    rows = call.effects()
    os.unlink("copy")
    place.bring(rows)
    assert os.stat("copy").st_mtime == 1e9


def test_moving_a_file_from_before_reads_it(place):
    Path("a").write_text("a")
    with place.watched() as call:
        os.rename("a", "b")
    assert [row[:2] for row in call.needs()] == [["file", "a"]]
    rows = call.effects()
    assert sorted(short(rows)) == [["file", "b", None, 1], ["gone", "a", "file"]]
    os.rename("b", "a")
    place.bring(rows)
    assert os.listdir() == ["b"]


def test_folder_made_elsewhere_and_renamed(place):
    with place.watched() as call:
        os.mkdir("tmp")
        Path("tmp/a").write_text("a")
        os.mkdir("tmp/sub")
        Path("tmp/sub/b").write_text("b")
        os.rename("tmp", "final")
    rows = call.effects()
    shutil.rmtree("final")
    place.bring(rows)
    assert Path("final/a").read_text() == "a" and Path("final/sub/b").read_text() == "b"


def test_inode_numbers_used_again_are_no_moves(place):
    for number in range(20):
        Path(f"old{number}").write_text("x" * number)
        os.mkdir(f"dir{number}")
    with place.watched() as call:
        for number in range(20):
            os.unlink(f"old{number}")
            os.rmdir(f"dir{number}")
        for number in range(20):
            Path(f"new{number}").write_text("y" * (number + 3))
            os.mkdir(f"fresh{number}")
    assert len(call.effects()) == 80


def test_sqlite(place):
    with sqlite3.connect("x.db") as base:
        base.execute("create table t (n)")
    base.close()
    with place.watched() as call:
        base = sqlite3.connect("x.db")
        base.execute("select * from t").fetchall()
        base.close()
    assert [row[0] for row in call.needs()] == ["file"] and call.effects() == []
    with place.watched() as call:
        base = sqlite3.connect("x.db")
        base.execute("insert into t values (1)")
        base.commit()
        base.close()
    assert short(call.effects()) == [["file", "x.db", None, os.stat("x.db").st_size]]


def test_database_in_use_elsewhere_is_refused(place):
    outside = sqlite3.connect("x.db")
    outside.execute("pragma journal_mode=wal")
    outside.execute("create table t (n)")
    outside.commit()
    with place.watched() as call:
        base = sqlite3.connect("x.db")
        base.execute("insert into t values (1)")
        base.commit()
        base.close()
    assert "in use" in call.refusal()
    outside.close()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: (Path("f").touch(), os.unlink("f"), os.mkfifo("f")), "FIFO"),
        (lambda: (Path("f").write_text("x"), os.link("f", "g")), "second name"),
        (lambda: os.rename("there", "moved"), "moves the folder"),
    ],
)
def test_what_cannot_be_brought_back_is_refused(place, make, word):
    os.mkdir("there")
    Path("there/in").write_text("x")
    with place.watched() as call:
        make()
    assert word in call.refusal()


def test_devices_byte_code_and_our_own_folder_do_not_count(place):
    os.mkdir(place.folder)
    with place.watched() as call:
        for name in ("/dev/null", "m.pyc", f"{place.folder}/x"):
            with open(name, "w") as file:
                file.write("x")
    assert call.effects() == [] and call.needs() == []


def test_a_failed_operation_leaves_nothing(place):
    Path("there").write_text("x")
    old("there")
    time.sleep(0.06)
    with place.watched() as call:
        with pytest.raises(OSError):
            Path("no/such/folder").write_text("")
        with pytest.raises(OSError):
            os.rename("there", "no/such")
        with pytest.raises(OSError):
            os.mkdir("there")
    assert call.effects() == []
    assert [row[:2] for row in call.needs()] == [["absent", "no"], ["file", "there"]]


def test_is_touched_by_any_name(place):
    os.mkdir("real")
    os.symlink("real", "link")
    with place.watched() as call:
        Path("link/a").write_text("a")
    assert call.is_touched(str(place.root / "link/a")) and call.is_touched(str(place.root / "real/a"))
    assert not call.is_touched(str(place.root / "real/b"))


def test_names_of_any_bytes(place):
    name = os.fsdecode(b"caf\xe9 \xc3\xbc")
    try:
        Path(name).write_text("")
    except OSError:
        pytest.skip("the file system wants UTF-8")
    os.unlink(name)
    with place.watched() as call:
        Path(name).write_text("x")
    rows = call.effects()
    os.unlink(name)
    place.bring(rows)
    assert Path(name).read_text() == "x" and [row[1] for row in restore.here(rows)] == [str(place.root / name)]


def test_copied_project_writes_into_itself(place, monkeypatch):
    os.mkdir("real")
    os.symlink("real", "link")
    with place.watched() as call:
        os.makedirs("out", exist_ok=True)
        Path("out/a").write_text("a")
        Path("link/b").write_text("b")
        Path("../beside").write_text("c")
    rows = call.effects()
    other = place.root.parent / "copies" / "copy"
    other.mkdir(parents=True)
    monkeypatch.chdir(other)
    assert "is gone" in written.ready(rows, place.folder)
    os.mkdir("real")
    assert "does not lead to" in written.ready(rows, place.folder)
    os.symlink("real", "link")
    place.bring(rows)
    assert (other / "out/a").read_text() == "a" and (other / "real/b").read_text() == "b"
    assert (other.parent / "beside").read_text() == "c"


def test_absolute_names_stay_where_they_are(place, monkeypatch):
    with place.watched() as call:
        (place.root / "a").write_text("a")
    rows = call.effects()
    os.unlink("a")
    monkeypatch.chdir(place.root.parent)
    place.bring(rows)
    assert (place.root / "a").read_text() == "a"


def test_names_not_told_hold_in_one_working_directory(place, monkeypatch):
    call = place.watched()
    call.touch(str(place.root / "a"), True)
    Path("a").write_text("a")
    rows = call.rows(place.folder)
    place.bring(rows)
    monkeypatch.chdir(place.root.parent)
    assert "another working directory" in written.ready(rows, place.folder)


def test_what_an_inner_hit_brings_back_is_the_outer_calls_too(place):
    with place.watched() as inner:
        os.makedirs("out", exist_ok=True)
        Path("out/a").write_text("a")
        os.chmod("out/a", 0o700)
        os.symlink("a", "out/link")
    rows = inner.effects()
    time.sleep(0.06)
    for there in (True, False):
        with place.watched() as outer:
            outer.adopt(rows)
            written.bring_back(rows, place.folder)
        assert sorted(row for row in short(outer.effects()) if row[0] != "via") == sorted(short(rows))
        assert outer.needs() == []
        shutil.rmtree("out")
        if there:
            place.bring(outer.effects())
            shutil.rmtree("out")
    with place.watched() as outer:
        outer.adopt(rows)
        written.bring_back(rows, place.folder)
        Path("out/a").write_text("changed by the outer call")
    shutil.rmtree("out")
    place.bring(outer.effects())
    assert Path("out/a").read_text() == "changed by the outer call"


def test_threads_see_one_beginning(place):
    Path("log").write_text("start\n")

    def add(number):
        with open("log", "a") as file:
            file.write(f"{number}\n")

    with place.watched() as call:
        threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    after = Path("log").read_text()
    rows, digest = call.effects(), call.needs()[0][-1]
    Path("log").write_text("start\n")
    assert contents.digest_of_file("log").hex() == digest
    place.bring(rows)
    assert Path("log").read_text() == after


# --- bringing back, safely ------------------------------------------------------------------------------------------


def written_out(place, text="content", name="out"):
    with place.watched() as call:
        if "/" in name:
            Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    return call.effects()


def test_missing_blob_is_told_unless_the_file_is_there(place):
    rows = written_out(place)
    place.blobs()[0].unlink()
    assert written.ready(rows, place.folder) is None
    os.unlink("out")
    assert "not in the cache" in written.ready(rows, place.folder)


def test_damaged_blob_is_never_put_in_place(place):
    rows = written_out(place)
    os.unlink("out")
    place.blobs()[0].write_text("CONTENT")
    assert written.ready(rows, place.folder) is None
    with pytest.raises(OSError, match="damaged"):
        written.bring_back(rows, place.folder)
    assert os.listdir() == [] and place.blobs() == [] and place.drafts() == []
    assert written_out(place)[0][4] == rows[0][4]
    assert len(place.blobs()) == 1


def test_nothing_is_half_applied(place):
    with place.watched() as call:
        for name in ("a", "b", "sub/c"):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(name)
    rows = call.effects()
    shutil.rmtree("sub")
    Path("a").write_text("mine")
    os.unlink("b")
    place.blobs()[-1].write_text("?" * len(place.blobs()[-1].read_text()))
    with pytest.raises(OSError, match="damaged"):
        written.bring_back(rows, place.folder)
        written.bring_back(rows, place.folder)
    assert "sub" not in os.listdir() or os.listdir("sub")


def test_folder_that_cannot_be_written_to(place, monkeypatch):
    rows = written_out(place, name="sub/out")
    os.unlink("sub/out")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith("/sub") and access(path, mode))
    assert "cannot be written to" in written.ready(rows, place.folder)


def test_folder_that_became_a_link_is_not_written_through(place):
    rows = written_out(place, name="sub/out")
    shutil.rmtree("sub")
    os.mkdir("elsewhere")
    os.symlink("elsewhere", "sub")
    assert "is a symbolic link now" in written.ready(rows, place.folder)
    assert "somewhere else now" in written.ready(rows[1:], place.folder)
    with pytest.raises(OSError):
        written.bring_back(rows, place.folder)
    assert os.listdir("elsewhere") == []


def test_file_that_became_a_link_is_not_written_through(place):
    rows = written_out(place)
    os.unlink("out")
    os.symlink("/etc/hostname", "out")
    assert "is a symbolic link now" in written.ready(rows, place.folder)


def test_folder_reached_by_a_link(place):
    os.mkdir("real")
    os.symlink("real", "link")
    rows = written_out(place, name="link/out")
    os.unlink("real/out")
    place.bring(rows)
    assert Path("real/out").read_text() == "content"
    os.unlink("link")
    os.mkdir("other")
    os.symlink("other", "link")
    assert "does not lead to" in written.ready(rows, place.folder)


def test_file_with_other_names_is_not_replaced(place):
    rows = written_out(place)
    Path("out").write_text("x")
    os.link("out", "other")
    assert "other names" in written.ready(rows, place.folder)


def test_file_that_the_program_has_open_is_not_replaced(place):
    rows = written_out(place)
    with open("out", "a") as file:
        file.write("more")
        file.flush()
        assert "has `" in written.ready(rows, place.folder)
    place.bring(rows)


def test_folder_in_place_of_a_file(place):
    rows = written_out(place)
    os.unlink("out")
    os.mkdir("out")
    assert "is a folder now" in written.ready(rows, place.folder)


def test_unknown_rows_are_not_ignored(place):
    assert "newer devstash" in written.ready([["xattr", str(place.root / "x"), 1]], place.folder)


def test_equality_is_proved_by_reading_once(place, monkeypatch):
    rows = written_out(place)
    (row,) = rows
    assert row[5:8] == [os.stat("out").st_mtime_ns, 0, 0]  # just written: the times prove nothing
    reads = []
    read_state = contents.read_state

    def counted(path):
        reads.append(path)
        return read_state(path)

    monkeypatch.setattr(restore, "read_state", counted)
    time.sleep(0.1)
    for _ in range(3):
        place.bring(rows)
    assert len(reads) == 1
    Path("out").write_text("CONTENT")
    place.bring(rows)
    assert Path("out").read_text() == "content"


# --- blobs ----------------------------------------------------------------------------------------------------------


def test_identical_contents_are_stored_once(place):
    with place.watched() as call:
        for name in ("a", "b", "c"):
            Path(name).write_bytes(b"same" * 200_000)
    rows = call.effects()
    assert len({row[4] for row in rows}) == 1 and len(place.blobs()) == 1
    blob = place.blobs()[0]
    assert str(blob) == blobs.path(place.folder, rows[0][4])
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600
    assert contents.digest_of_file("a").hex() == blobs.put_bytes(place.folder, b"same" * 200_000) == blob.name
    assert len(place.blobs()) == 1 and place.drafts() == []


def test_a_file_that_changes_meanwhile_is_not_kept(place, monkeypatch):
    Path("a").write_bytes(b"x" * 3_000_000)
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: (os.utime("a", (1, 1)), write(fd, data))[1])
    with pytest.raises(refusals.Unstorable, match="changes"):
        blobs.put_file(place.folder, "a")
    monkeypatch.undo()
    assert place.drafts() == []


def test_no_room_is_told_and_nothing_is_left(place, monkeypatch):
    Path("a").write_bytes(b"x" * 3_000_000)

    def full(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(refusals.Unwritable, match="No space"):
        blobs.put_file(place.folder, "a")
    assert place.drafts() == []


def test_large_files_are_not_held_in_memory(place):
    code = """
import resource, sys, os
sys.path.insert(0, sys.argv[1])
from devstash import written
folder = os.path.abspath("cache")
call = written.Writes(folder)
call.touch(os.path.abspath("big"), True)
piece = os.urandom(1 << 20)
with open("big", "wb") as file:
    for _ in range(200):
        file.write(piece)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = call.rows(folder)
os.unlink("big")
assert written.ready(rows, folder) is None
written.bring_back(rows, folder)
assert os.stat("big").st_size == 200 << 20
assert written.ready(rows, folder) is None
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code, str(RUNTIME)], capture_output=True, text=True, cwd=place.root)
    assert done.returncode == 0, done.stderr
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 16 << 20
    assert resource.RUSAGE_SELF == 0
