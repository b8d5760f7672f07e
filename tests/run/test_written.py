"""Files that a marked call writes are there after a hit, as they would be after the call."""

import os
import shutil
import stat
import textwrap
import time

import pytest

# Every program calls `work()`, marked, which writes to `out/`; `log` tells how often it truly ran. Logging goes through
# a file that was opened before, so that it is no effect of the call.
START = """
import csv, json, os, shutil
from pathlib import Path
LOG = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.makedirs("out", exist_ok=True)
"""
END = """
print(work())  # @devstash
for folder, _, names in sorted(os.walk("out")):
    for name in sorted(names):
        path = os.path.join(folder, name)
        print(path, open(path, "rb").read())
"""

WAYS = {
    "open": 'with open("out/report.txt", "w") as file: file.write("report")',
    "write_text": 'Path("out/report.txt").write_text("report")',
    "write_bytes": 'Path("out", "report.bin").write_bytes(b"\\0\\1")',
    "absolute": 'Path("out/report.txt").absolute().write_text("report")',
    "csv": 'with open("out/t.csv", "w", newline="") as file: csv.writer(file).writerows([[1, 2], [3, 4]])',
    "json": 'with open("out/t.json", "w") as file: json.dump({"a": [1, 2]}, file)',
    "copyfile": 'shutil.copyfile("s.py", "out/copy.py")',
    "copy2": 'shutil.copy2("s.py", "out/copy.py")',
    "atomic": 'Path("out/x.tmp").write_text("x"); os.replace("out/x.tmp", "out/x")',
    "nested": 'os.makedirs("out/a/b", exist_ok=True); Path("out/a/b/c").write_text("c")',
    "path_mkdir": 'Path("out/a/b").mkdir(parents=True, exist_ok=True); Path("out/a/b/c").write_text("c")',
    "os_open": 'fd = os.open("out/raw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC); os.write(fd, b"raw"); os.close(fd)',
    "zip": 'import zipfile; z = zipfile.ZipFile("out/a.zip", "w"); z.writestr(zipfile.ZipInfo("a"), "a"); z.close()',
    "chdir": 'os.chdir("out"); Path("here").write_text("here"); os.chdir("..")',
    "tempfile": "import tempfile\n"
    '    with tempfile.TemporaryDirectory(dir="out") as folder:\n'
    '        Path(folder, "x").write_text("x"); shutil.copyfile(folder + "/x", "out/y")',
}


@pytest.fixture
def writer(stash):
    """Makes a program, and runs it: its output, and how many times the call has truly run by then."""

    class Writer:
        folder = stash.folder
        out = stash.folder / "out"

        def program(self, body, end=END, start=START):
            work = f'def work():\n    os.write(LOG, b"ran\\n")\n    {body}\n    return 1\n'
            stash.write("s.py", start + work + textwrap.dedent(end))

        def run(self, **keywords):
            printed = stash.ok("s.py", **keywords)
            return printed, len(stash.executions())

    return Writer()


@pytest.mark.parametrize("way", WAYS)
def test_written_files_come_back(writer, way):
    writer.program(WAYS[way])
    first, count = writer.run()
    assert count == 1
    assert writer.run() == (first, 1)  # all is still there
    shutil.rmtree(writer.out)
    assert writer.run() == (first, 1)  # deleted in between
    for path in writer.out.rglob("*"):
        if path.is_file():
            path.write_text("changed")
    assert writer.run() == (first, 1)  # changed in between


def test_equal_files_are_left_alone(writer):
    writer.program(WAYS["open"])
    writer.run()
    before = os.stat(writer.out / "report.txt")
    writer.run()
    after = os.stat(writer.out / "report.txt")
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_the_script_reads_what_a_hit_brought_back(writer):
    writer.program(WAYS["open"], END + 'print(open("out/report.txt").read())')
    first, _ = writer.run()
    (writer.out / "report.txt").unlink()
    assert writer.run() == (first, 1)


def test_an_appended_log_counts_with_what_was_in_it(writer):
    writer.program('with open("out/log.txt", "a") as file: file.write("line\\n")')
    log = writer.out / "log.txt"
    assert writer.run()[1] == 1  # absent
    assert writer.run()[1] == 2 and log.read_text() == "line\n" * 2  # one line
    log.write_text("line\n")
    assert writer.run()[1] == 2 and log.read_text() == "line\n" * 2  # one line again: a hit
    assert writer.run()[1] == 3 and log.read_text() == "line\n" * 3
    log.unlink()
    assert writer.run()[1] == 3 and log.read_text() == "line\n"


def test_read_modify_write_counts_with_what_was_read(writer):
    body = (
        'number = int(Path("out/n").read_text()) if os.path.exists("out/n") else 0; '
        'Path("out/n").write_text(str(number + 1))'
    )
    writer.program(body)
    for expected in (1, 2, 3):
        assert writer.run()[1] == expected
        assert (writer.out / "n").read_text() == str(expected)
    (writer.out / "n").write_text("1")
    assert writer.run()[1] == 3
    assert (writer.out / "n").read_text() == "2"


def test_removed_files_are_removed_again(writer):
    writer.program('os.unlink("out/old")', start=START + 'Path("out/old").write_text("old")\n')
    assert writer.run()[1] == 1
    assert writer.run()[1] == 1
    assert not (writer.out / "old").exists()


def test_removed_trees_are_removed_again(writer):
    start = START + 'os.makedirs("out/a/b", exist_ok=True)\nPath("out/a/b/c").write_text("c")\n'
    writer.program('shutil.rmtree("out/a")', start=start)
    assert writer.run()[1] == 1
    assert writer.run()[1] == 1
    assert list(writer.out.iterdir()) == []


def test_renamed_files(writer):
    writer.program('os.rename("out/a", "out/b")', start=START + 'Path("out/a").write_text("a")\n')
    first, _ = writer.run()
    assert writer.run() == (first, 1)
    assert [path.name for path in writer.out.iterdir()] == ["b"]


def test_an_operation_that_would_fail_fails(writer, stash):
    writer.program('os.mkdir("out/new")')
    assert writer.run()[1] == 1
    outcome = stash.run("s.py")
    assert outcome.status == 1 and "FileExistsError" in outcome.stderr


def test_modes_are_kept(writer):
    writer.program('Path("out/run.sh").write_text("x"); os.chmod("out/run.sh", 0o750)')
    writer.run()
    (writer.out / "run.sh").unlink()
    assert writer.run()[1] == 1
    assert stat.S_IMODE((writer.out / "run.sh").stat().st_mode) == 0o750


def test_symbolic_links_are_made_again(writer):
    writer.program('os.symlink("report.txt", "out/latest"); Path("out/report.txt").write_text("r")')
    writer.run()
    shutil.rmtree(writer.out)
    assert writer.run()[1] == 1
    assert os.readlink(writer.out / "latest") == "report.txt"


def test_several_states_of_an_input_have_their_own_outputs(writer):
    writer.program('Path("out/upper").write_text(Path("in").read_text().upper())')
    source = writer.folder / "in"
    for text, count in (("one", 1), ("two", 2), ("one", 2), ("two", 2)):
        source.write_text(text)
        assert writer.run()[1] == count
        assert (writer.out / "upper").read_text() == text.upper()


def test_an_outer_call_brings_back_what_an_inner_hit_did(stash):
    stash.write(
        "s.py",
        START
        + textwrap.dedent(
            """
            import sys
            def inner():
                Path("out/inner").write_text("inner")
                return 1
            def outer(n):
                os.write(LOG, b"ran\\n")
                inner()  # @devstash
                return n
            if sys.argv[1] == "inner":
                inner()  # @devstash
            else:
                outer(int(sys.argv[1]))  # @devstash
            print(open("out/inner").read())
            """
        ),
    )
    stash.ok("s.py", "inner")
    stash.ok("s.py", "7")  # outer is a miss, inner a hit
    assert len(stash.executions()) == 1
    shutil.rmtree(stash.folder / "out")
    assert stash.ok("s.py", "7") == "inner\n"
    assert len(stash.executions()) == 1


def test_an_outer_call_depends_on_what_an_inner_hit_built_upon(stash):
    stash.write(
        "s.py",
        START
        + textwrap.dedent(
            """
            import sys
            def inner():
                with open("out/log.txt", "a") as file:
                    file.write("line\\n")
            def outer(n):
                os.write(LOG, b"ran\\n")
                inner()  # @devstash
                return n
            if sys.argv[1] == "inner":
                inner()  # @devstash
            else:
                outer(int(sys.argv[1]))  # @devstash
            """
        ),
    )
    log = stash.folder / "out/log.txt"
    log.parent.mkdir()
    for argument, before in (("inner", "a\n"), ("7", "a\n"), ("7", "b\n")):
        log.write_text(before)
        stash.ok("s.py", argument)
        assert log.read_text() == before + "line\n"
    assert len(stash.executions()) == 2


def test_a_copied_project_writes_into_itself(writer, stash, tmp_path):
    writer.program(WAYS["open"])
    writer.run()
    copy = tmp_path / "copy"
    shutil.copytree(stash.folder, copy)
    shutil.rmtree(copy / "out")
    (writer.out / "report.txt").write_text("mine")
    stash.ok("s.py", cwd=copy)
    assert (copy / "out/report.txt").read_text() == "report"
    assert (writer.out / "report.txt").read_text() == "mine"


def test_missing_contents_are_a_miss(writer, stash):
    writer.program(WAYS["open"])
    first, _ = writer.run()
    shutil.rmtree(stash.cache / ".blobs")
    assert writer.run() == (first, 1)  # the file itself is still there
    shutil.rmtree(writer.out)
    outcome = stash.run("s.py")
    assert (outcome.status, outcome.stdout) == (0, first) and len(stash.executions()) == 2


def test_damaged_contents_are_never_put_in_place(writer, stash):
    writer.program(WAYS["open"])
    first, _ = writer.run()
    (blob,) = [path for path in (stash.cache / ".blobs").rglob("*") if path.is_file()]
    blob.write_bytes(bytes(len(blob.read_bytes())))
    shutil.rmtree(writer.out)
    outcome = stash.run("s.py")
    assert (outcome.status, outcome.stdout) == (0, first) and len(stash.executions()) == 2
    shutil.rmtree(writer.out)
    assert writer.run() == (first, 2)  # stored again


def test_a_link_in_place_of_a_folder_is_not_written_through(writer, stash, tmp_path):
    writer.program(
        'os.makedirs("out/sub", exist_ok=True); Path("out/sub/x").write_text("x")', end="print(work())  # @devstash\n"
    )
    writer.run()
    shutil.rmtree(writer.out / "sub")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.symlink(elsewhere, writer.out / "sub")
    stash.run("s.py")
    assert len(stash.executions()) == 2  # a miss: the call itself writes through the link, as without us


def test_what_cannot_be_made_again_is_not_cached(writer, stash):
    writer.program(
        'os.makedirs("out/new", exist_ok=True); os.mkfifo("out/new/fifo")', end="print(work())  # @devstash\n"
    )
    outcome = stash.run("s.py")
    assert outcome.status == 0 and "not cached" in outcome.stderr and "FIFO" in outcome.stderr


def test_clear_removes_contents(writer, stash):
    writer.program(WAYS["open"])
    writer.run()
    assert [path for path in (stash.cache / ".blobs").rglob("*") if path.is_file()]
    assert "1 content of a file, 6 B" in stash.devstash("list").stdout
    stash.devstash("clear", "--pattern", "work")
    assert [path for path in (stash.cache / ".blobs").rglob("*") if path.is_file()] == []


def test_nothing_is_left_over(writer, stash):
    writer.program(WAYS["nested"])
    writer.run()
    shutil.rmtree(writer.out)
    time.sleep(0.1)
    writer.run()
    writer.run()
    assert stash.left_over() == []
    assert not list(stash.folder.rglob(".devstash-*"))
