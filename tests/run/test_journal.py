"""The journal: what runs write down of their hits and misses, for people."""

import multiprocessing
import os
import resource
import signal
import subprocess
import time

import pytest
from harness import without_privileges

LONGEST = 8 << 20

OUTCOMES = """
import time

def slow(n):
    time.sleep(0.2)
    return {"n": n, "usage": {"input_tokens": 20, "output_tokens": 3, "cache_read_input_tokens": None}}

def fails(n):
    raise ValueError(n)

def opens(file):
    return 1

def numbers(n):
    yield from range(n)

def unstorable(n):
    return threading_lock()

from threading import Lock as threading_lock

for i in range(4):
    slow(i % 2)  # @devstash name=slowly
slow(1)  # @devstash
try:
    fails(1)  # @devstash
except ValueError:
    pass
for i in range(3):
    opens(open("s.py"))  # @devstash
for i in numbers(3):  # @devstash
    break
for i in numbers(4):  # @devstash
    pass
unstorable("a\\tb%")  # @devstash
"""


def journal(stash, name="journal"):
    path = stash.cache / ".stat" / name
    return path.read_bytes() if path.exists() else b""


def lines(stash):
    """The lines of the journal, by field: ids are numbered, moments checked and left out, and of times it is left whether
    they are as long as the slow call takes."""
    ids = {}
    found = []
    now = time.time_ns()
    # An empty one is no harm: who meets a line that is just being written makes sure to begin another.
    for line in filter(None, journal(stash).decode().split("\n")):
        kind, run, moment, *rest = line.split("\t")
        assert now - 3600e9 < int(moment) <= now
        for place in {"hit": [2], "miss": [6]}.get(kind, []):
            rest[place] = "slow" if float(rest[place]) >= 200 else "fast"
        found.append([kind, ids.setdefault(run, len(ids)), *rest])
    return found


def test_what_becomes_of_each_call_is_written_down(stash):
    stash.write("s.py", OUTCOMES)
    first = stash.run("s.py", options=["-q"])
    second = stash.run("s.py", options=["-q"])
    assert (first.raw, second.raw) == ((b"", b"", 0),) * 2
    written = lines(stash)
    entries = [line[6] for line in written if line[0] == "miss" and line[1] == 0 and line[6]]
    zero, one, failed, left, kept, lock = entries
    assert sorted([zero, one, kept]) == [path.name for path in stash.entries()]
    script = str(stash.folder / "s.py")
    refused = "not cached: `file: _io.TextIOWrapper` cannot be part of the key (a file that is open is read or written "
    refused += "by the call); leave it out with ignore=file or say what counts with key=…"
    lock_refused = "not cached: `result: _thread.lock` cannot be stored (cannot pickle '_thread.lock' object)"
    again = [
        ["miss", 1, "26", "fails", "absent", "", failed, "raised", "fast"],
        ["miss", 1, "30", "", "", "", "", refused, "fast"],
        ["miss", 1, "31", "numbers", "absent", "", left, "left half-way", "fast"],
        ["miss", 1, "35", "unstorable", "absent", "", lock, lock_refused, "fast"],
    ]
    assert [line for line in written if line[1] == 0] == [
        ["run", 0, script],
        ["miss", 0, "23", "slowly", "absent", "", zero, "stored", "slow"],
        ["miss", 0, "23", "slowly", "absent", "", one, "stored", "slow"],
        *[["miss", 0, *line[2:]] for line in again[:3]],
        ["miss", 0, "33", "numbers", "absent", "", kept, "stored", "fast"],
        ["miss", 0, *again[3][2:]],
        ["hit", 0, "23", "1", "slow", "23", zero],
        ["hit", 0, "23", "1", "slow", "23", one],
        ["hit", 0, "24", "1", "slow", "23", one],
        ["miss", 0, "30", "", "", "", "", refused, "fast", "2"],
    ]
    assert [line for line in written if line[1] == 1] == [
        ["run", 1, script],
        *again,
        ["hit", 1, "23", "2", "slow", "46", zero],
        ["hit", 1, "23", "2", "slow", "46", one],
        ["hit", 1, "24", "1", "slow", "23", one],
        ["hit", 1, "33", "1", "fast", "0", kept],
        ["miss", 1, "30", "", "", "", "", refused, "fast", "2"],
    ]


SMALL = """
def f(n):
    return n
for i in range(3):
    f(i)  # @devstash
"""


def counted(stash):
    """The runs, hits and misses of the journal."""
    found = lines(stash)
    hits = sum(int(line[3]) for line in found if line[0] == "hit")
    return len({line[1] for line in found}), hits, sum(line[0] == "miss" for line in found)


def test_odd_names_do_no_harm(stash):
    name = "a\tb\n%25ü\x1b[31m.py"
    stash.write(name, SMALL.replace("(n)", "(n, *, a=1)").replace("f(i)", "f(i, a=1)"))
    stash.ok(name)
    stash.ok(name)
    assert counted(stash) == (2, 3, 3)
    script = str(stash.folder / name).replace("%", "%25").replace("\t", "%09").replace("\n", "%0A")
    assert [line[2] for line in lines(stash) if line[0] == "run"] == [script] * 2
    stash.write(os.fsdecode(b"\xff.py"), SMALL)
    stash.ok(os.fsdecode(b"\xff.py"))
    assert lines(stash)[-4][2] == str(stash.folder / "\ufffd.py")


def test_nothing_is_written_where_nothing_happens_or_is_kept(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py", options=["--no-cache"])
    stash.write("off.py", SMALL.replace("range(3)", "range(0)"))
    stash.ok("off.py")
    assert not stash.cache.exists()
    stash.ok("s.py")
    before = journal(stash)
    stash.ok("off.py")
    stash.ok("s.py", options=["--no-cache"])
    assert journal(stash) == before


def test_a_folder_that_cannot_be_written_to_is_no_trouble(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    before = journal(stash)
    closed = [stash.cache / ".stat" / "journal", stash.cache / ".stat", stash.cache]
    for path in closed:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        stash.ok("s.py", preexec_fn=without_privileges(stash.cache))
    finally:
        for path in reversed(closed):
            path.chmod(0o700)
    assert journal(stash) == before


def test_the_folder_of_somebody_else_is_left_alone(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    before = journal(stash)
    stash.cache.chmod(0o722)
    stash.run("s.py", options=["-q"])
    stash.cache.chmod(0o700)
    assert journal(stash) == before
    path = stash.cache / ".stat" / "journal"
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        stash.ok("s.py")
        assert journal(stash) == before
    path.unlink()
    (stash.folder / "precious").write_text("mine")
    path.symlink_to(stash.folder / "precious")
    stash.ok("s.py")
    assert (stash.folder / "precious").read_text() == "mine"
    path.unlink()
    os.mkfifo(path)
    stash.ok("s.py")
    path.unlink()
    path.mkdir()
    stash.ok("s.py")
    path.rmdir()
    stash.ok("s.py")
    assert counted(stash) == (1, 3, 0)


@pytest.mark.parametrize("garbage", [b"hit\t0123abcd\t17", b"\0\xff\n\xfe\x80 garbage", b"\n\n\n", b"run\t"])
def test_a_line_that_was_cut_short_does_not_spoil_the_next_one(stash, garbage):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    path = stash.cache / ".stat" / "journal"
    path.write_bytes(garbage)
    stash.ok("s.py")
    left = journal(stash)[len(garbage) :]
    path.write_bytes(left)
    assert left.startswith(b"run\t" if garbage.endswith(b"\n") else b"\nrun\t")
    path.write_bytes(left.lstrip())
    assert counted(stash) == (1, 3, 0)


def test_a_full_disk_is_no_trouble(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    before = journal(stash)
    limit = len(before) + 10

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    stash.ok("s.py", preexec_fn=little_room)
    assert journal(stash)[:-10] == before
    stash.ok("s.py")
    assert journal(stash)[limit:].startswith(b"\nrun\t")


def test_a_long_journal_is_put_aside(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    path = stash.cache / ".stat" / "journal"
    for number in range(2):
        old = (b"%d" % number) * (LONGEST - 100) + b"\n"
        path.write_bytes(old)
        stash.ok("s.py")
        assert journal(stash, "journal.1") == old
        assert counted(stash) == (1, 3, 0)
    assert sorted(os.listdir(stash.cache / ".stat")) == ["journal", "journal.1"]


def test_runs_at_the_same_time_do_not_mix_their_lines(stash):
    stash.write("s.py", SMALL.replace("range(3)", "range(300)"))
    stash.ok("s.py")
    runs = [subprocess.Popen(stash.argv("s.py"), cwd=stash.folder, env=stash.environment()) for _ in range(6)]
    assert [run.wait() for run in runs] == [0] * 6
    assert counted(stash) == (7, 6 * 300, 300)
    assert sum(line[0] == "run" for line in lines(stash)) == 7


THREADS = """
import threading

def f(n):
    return n

def work():
    for i in range(500):
        f(i % 3)  # @devstash

f(0)  # @devstash
f(1)  # @devstash
f(2)  # @devstash
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_hits_of_threads_are_counted(stash):
    stash.write("s.py", THREADS)
    stash.ok("s.py")
    assert counted(stash)[::2] == (1, 3)
    # They are not counted one at a time: on a machine with many processors some may count as one.
    assert 1900 <= counted(stash)[1] <= 2000


WORKERS = """
import multiprocessing, sys

def f(n):
    return n

def work(n):
    return f(n)  # @devstash

if __name__ == "__main__":
    work(-1)
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        pool.map(work, range(5), chunksize=1)
        pool.close()
        pool.join()
    process = context.Process(target=work, args=(0,))
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_write_down_theirs_as_of_the_same_run(stash, method):
    stash.write("s.py", WORKERS)
    assert stash.run("s.py", method).raw == (b"", b"", 0)
    assert counted(stash) == (1, 1, 6)
    assert stash.run("s.py", method).raw == (b"", b"", 0)
    assert counted(stash) == (2, 8, 6)


def test_children_made_by_fork_write_down_theirs(stash):
    stash.write(
        "s.py",
        """
        import os
        def f(n):
            return n
        f(0)  # @devstash
        for i in range(3):
            if os.fork() == 0:
                f(0)  # @devstash
                os._exit(0)
            os.wait()
        """,
    )
    stash.ok("s.py")
    assert counted(stash) == (1, 3, 1)


def test_of_a_killed_run_only_the_last_hits_are_lost(stash):
    stash.write(
        "s.py",
        """
        import os, time
        def f(n):
            return n
        for i in range(1002):
            f(i)  # @devstash
        for i in range(1002):
            f(i)  # @devstash
        time.sleep(0.11)
        f(-1)  # @devstash
        os.kill(os.getpid(), 9)
        """,
    )
    assert stash.run("s.py").status == -signal.SIGKILL
    assert counted(stash) == (1, 1000, 1003)


@pytest.mark.parametrize(
    "what",
    [
        "os.chdir('/')",
        "os.close(2)",
        "os.closerange(0, 256)",
        "sys.modules.clear()",
        "sys.exit(3)",
        "1 / 0",
    ],
)
def test_whatever_the_script_does_its_hits_are_written_down(stash, what):
    stash.write("s.py", SMALL + f"import os, sys\n{what}\n")
    stash.run("s.py")
    stash.run("s.py")
    assert counted(stash) == (2, 3, 3)


def test_a_cache_folder_that_is_gone_at_the_end_is_not_made_again(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    stash.write("s.py", SMALL + "import shutil\nshutil.rmtree('.devstash_cache')\n")
    stash.ok("s.py")
    assert not stash.cache.exists()
    # Where another folder has its name, it is left alone.
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    stash.write("s.py", SMALL + "import os\nos.rename('.devstash_cache', 'away')\nos.mkdir('.devstash_cache')\n")
    stash.ok("s.py")
    assert os.listdir(stash.cache) == []


def test_access_times_are_of_the_last_hit(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    stash.age(1000)
    before = time.time()
    stash.ok("s.py")
    for entry in stash.entries():
        found = entry.stat()
        assert before - 0.1 <= found.st_atime <= time.time() and found.st_mtime < before - 900


def test_the_journal_survives_clear(stash):
    stash.write("s.py", SMALL)
    stash.ok("s.py")
    before = journal(stash)
    assert stash.devstash("clear", "--all").status == 0
    assert journal(stash) == before and stash.entries() == []
