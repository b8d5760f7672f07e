"""`devstash pin`, `unpin` and `gc`, and the limits that are kept after each run."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from harness import binary
from test_manage import fill, swept, wait_for

pytestmark = pytest.mark.commands

SCRIPT = """
import time
def quick(n):
    log(f"quick {n}")
    return "q" * n
def slow(n):
    log(f"slow {n}")
    time.sleep(0.1)
    return "s" * n
a = quick(1)  # @devstash
b = quick(20_000)  # @devstash
c = slow(2)  # @devstash
d = quick(3)  # @devstash ttl=1h
"""


@pytest.fixture
def filled(stash):
    stash.write("s.py", SCRIPT, log=True)
    stash.ok("s.py")
    assert len(stash.entries()) == 4
    return stash


def entry_of(stash, line):
    """The entry that this line of a script with `log` has made."""
    lines = (stash.folder / "s.py").read_text().splitlines()
    number = next(number for number, text in enumerate(lines, 1) if text.startswith(line))
    return stash.cache / os.path.basename(stash.devstash("path", f"s.py:{number}").stdout.strip())


def use(path, ago):
    """Let an entry look as if it had been made a day ago, and last used so many seconds ago."""
    now = time.time()
    os.utime(path, (now - ago, now - max(ago, 86400)))


# --- pins -----------------------------------------------------------------------------------------------------------


def test_a_pinned_entry_stays(filled):
    name = entry_of(filled, "a =").name
    pin = filled.devstash("pin", name[:-4])
    assert pin.raw == (f"Pinned {name}\n".encode(), b"", 0)
    assert filled.devstash("pin", name).raw == (f"{name} was pinned already\n".encode(), b"", 0)
    left = b" 1 pinned entry is left; `--pinned` removes it, too.\n"
    outcome = filled.devstash("clear", "--pattern", "quick", "--dry-run")
    assert name not in outcome.stdout and outcome.raw[0].endswith(b"Would remove 2 cache file(s)." + left)
    assert filled.devstash("clear", "--pattern", "quick").raw == (b"Removed 2 cache file(s)." + left, b"", 0)
    assert filled.devstash("clear", "--pattern", name).raw == (b"Removed 0 cache file(s)." + left, b"", 0)
    told = b"Cleared all cached entries but one, which is pinned; `--pinned` removes it, too.\n"
    assert filled.devstash("clear", "--all").raw == (told, b"", 0)
    assert filled.devstash("gc", "--max-entries", "1").status == 0
    assert [path.name for path in filled.entries()] == [name]
    filled.forget()
    filled.ok("s.py")
    assert "quick 1" not in filled.executions()
    assert filled.devstash("unpin", name).raw == (f"Unpinned {name}\n".encode(), b"", 0)
    assert filled.devstash("unpin", name).raw == (f"{name} was not pinned\n".encode(), b"", 0)
    assert filled.devstash("clear", "--all").raw == (b"Cleared all cached entries.\n", b"", 0)
    assert filled.entries() == [] and not (filled.cache / ".pins").exists()


def test_clear_with_pinned_removes_what_is_pinned(filled):
    name = entry_of(filled, "a =").name
    filled.devstash("pin", name)
    assert filled.devstash("clear", "--pattern", name, "--pinned").stdout == "Removed 1 cache file(s).\n"
    assert not (filled.cache / ".pins").exists()
    filled.devstash("pin", entry_of(filled, "b =").name)
    assert filled.devstash("clear", "--all", "--pinned").stdout == "Cleared all cached entries.\n"
    assert filled.entries() == []


def test_an_entry_that_is_replaced_stays_pinned(filled):
    path = entry_of(filled, "d =")
    filled.devstash("pin", path.name)
    filled.age(7200, path)
    before = path.stat().st_ino
    filled.forget()
    filled.ok("s.py")
    # A pin is about room: what has expired has expired.
    assert filled.executions() == ["quick 3"] and path.stat().st_ino != before
    filled.ok("s.py", options=["--refresh"])
    assert "pinned" in filled.devstash("pin", path.name).stdout
    assert filled.devstash("clear", "--all").status == 0
    assert filled.entries() == [path]


def test_pins_of_what_is_not_there(stash):
    outcome = stash.devstash("pin", "x")
    assert (outcome.status, outcome.stdout) == (1, "") and "there is no cache" in outcome.stderr


def test_pin_refuses_what_several_entries_could_be(filled):
    outcome = filled.devstash("pin", "quick")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("devstash: `quick` matches 3 cached entries\n")
    assert not (filled.cache / ".pins").exists()


def test_the_runtime_never_replaces_a_pinned_state(stash):
    stash.write(
        "s.py",
        """
        import sys
        def f():
            log("f")
            return open("in.txt").read()
        print(f())  # @devstash
        print("-", f())  # @devstash off
        x = f()  # @devstash
        """,
        log=True,
    )
    for number in range(8):
        stash.write("in.txt", f"state {number}")
        stash.ok("s.py")
        time.sleep(0.01)
    assert len(stash.entries()) == 8
    oldest = min(stash.entries(), key=lambda path: path.stat().st_mtime_ns)
    for number, path in enumerate(sorted(stash.entries(), key=lambda path: path.stat().st_mtime_ns)):
        use(path, 900 - number)
    stash.devstash("pin", oldest.name)
    before = oldest.stat()
    stash.write("in.txt", "another state")
    stash.ok("s.py")
    assert len(stash.entries()) == 8 and oldest.stat().st_ino == before.st_ino
    stash.write("in.txt", "state 0")
    stash.forget()
    stash.ok("s.py")
    assert stash.executions() == ["f"]  # that of the line that is off
    for path in stash.entries():
        stash.devstash("pin", path.name)
    stash.write("in.txt", "yet another")
    outcome = stash.run("s.py")
    assert outcome.stdout.startswith("yet another\n") and "all 8 results of this call are pinned" in outcome.stderr


def test_pins_survive_the_clearing_of_very_many(stash):
    stash.write(
        "s.py",
        """
        def f(n):
            log(n)
            with open(f"o{n}.txt", "w") as file:
                file.write("written" * n)
            return n
        f(1)  # @devstash
        f(2)  # @devstash
        """,
        log=True,
    )
    stash.ok("s.py")
    one = entry_of(stash, "f(1)")
    fill(stash)
    stash.devstash("pin", one.name)
    inode = stash.cache.stat().st_ino
    outcome = stash.devstash("clear", "--all")
    assert outcome.stdout == "Cleared all cached entries but one, which is pinned; `--pinned` removes it, too.\n"
    assert stash.cache.stat().st_ino != inode, "it was not put aside"
    assert stash.entries() == [one]
    assert swept(stash)
    (stash.folder / "o1.txt").unlink()
    stash.forget()
    stash.ok("s.py")
    assert stash.executions() == ["2"]
    assert (stash.folder / "o1.txt").read_text() == "written"
    assert "pinned already" in stash.devstash("pin", one.name).stdout


# --- gc -------------------------------------------------------------------------------------------------------------


def test_gc_without_limits_removes_no_entry(filled):
    outcome = filled.devstash("gc")
    assert re.fullmatch(r"Removed 0 cache file\(s\), 0 B; 4 left, 2\d\.\d KiB\.\n", outcome.stdout), outcome
    assert (outcome.stderr, outcome.status) == ("", 0)
    assert len(filled.entries()) == 4


def test_gc_removes_what_is_least_worth_its_room_first(filled):
    a, b, c, d = (entry_of(filled, f"{letter} =") for letter in "abcd")
    for path in (a, b, c):
        use(path, 1000)
    filled.age(4000, d)  # just used, but expired
    os.utime(d, (time.time(), d.stat().st_mtime))
    outcome = filled.devstash("gc", "--dry-run", "--max-size", "1B")
    *lines, last = outcome.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [d.name, b.name, a.name, c.name]
    assert re.fullmatch(r"\S+  \S+ K?i?B  least worth its room", lines[0])
    assert last.startswith("Would remove 4 cache file(s), 2") and last.endswith("; 0 would be left, 0 B.")
    use(c, 900_000)  # what is slow to compute but was never needed again goes before what is used
    use(a, 1)
    outcome = filled.devstash("gc", "--max-entries=1")
    assert outcome.stdout.startswith("Removed 3 cache file(s), ") and filled.entries() == [a]


def test_gc_by_size_and_by_age(filled):
    a, b, c, d = (entry_of(filled, f"{letter} =") for letter in "abcd")
    use(a, 100)
    use(c, 10_000)
    use(b, 20_000)
    outcome = filled.devstash("gc", "--max-age", "2h", "--dry-run")
    names = [line.split("  ")[0] for line in outcome.stdout.splitlines()[:-1]]
    assert names == [b.name, c.name]
    assert "not used for longer than `max_age`" in outcome.stdout
    assert re.match(r"Removed 1 cache file\(s\), 2\d\.\d KiB", filled.devstash("gc", "--max-size", "10K").stdout)
    assert filled.entries() == sorted([a, c, d])
    filled.devstash("pin", c.name)
    outcome = filled.devstash("gc", "--max-size", "1B", env={"DEVSTASH_MAX_AGE": "1s"})
    assert re.fullmatch(
        r"Removed 2 cache file\(s\), \d\.\d KiB; 1 left, \d\.\d KiB, 1 of them pinned\.\n", outcome.stdout
    )
    assert "KiB is more than the limit of 1 B, but the rest is pinned" in outcome.stderr
    assert filled.entries() == [c]


@pytest.mark.parametrize("argv", [["--max-size", "much"], ["--max-entries", "-1"], ["--max-age", "1y"], ["now"]])
def test_gc_refuses_what_makes_no_sense(filled, argv):
    outcome = filled.devstash("gc", *argv)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert len(filled.entries()) == 4


def test_a_limit_that_makes_no_sense_is_told_before_anything_runs(stash):
    stash.write("s.py", "print(len('a'))  # @devstash")
    outcome = stash.run("s.py", env={"DEVSTASH_MAX_SIZE": "much"})
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        "devstash: `DEVSTASH_MAX_SIZE`: `much` is not a size\n\n"
        "hint: write a number above zero and a unit, `K`, `M`, `G` or `T`: `500M`\n"
    )


def test_gc_of_nothing_and_of_somebody_elses(stash):
    assert stash.devstash("gc").status == 0 and not stash.cache.exists()
    stash.write("photos/holiday.pkl", "precious")
    outcome = stash.devstash("gc", "--max-entries", "1", "--cache-dir", "photos")
    assert (outcome.status, outcome.stdout) == (1, "") and "not a cache folder" in outcome.stderr


def test_gc_removes_contents_that_no_entry_needs(stash):
    stash.write(
        "s.py",
        """
        def f(n):
            with open(f"o{n}.txt", "w") as file:
                file.write("x" * 1000 * n)
            return n
        f(1)  # @devstash
        f(2)  # @devstash
        """,
        log=True,
    )
    stash.ok("s.py")
    one, two = entry_of(stash, "f(1)"), entry_of(stash, "f(2)")
    use(one, 5)
    use(two, 900)
    blobs = {path.stat().st_size: path for path in (stash.cache / ".blobs").rglob("*") if path.is_file()}
    # One whose entry may be on its way stays for now.
    assert stash.devstash("gc", "--max-size", "2500B").stdout.startswith("Removed 1 cache file(s), ")
    assert stash.entries() == [one] and blobs[1000].exists() and blobs[2000].exists()
    for path in blobs.values():
        os.utime(path, (time.time() - 700, time.time() - 700))
    outcome = stash.devstash("gc")
    assert outcome.stdout.splitlines()[1:] == ["Removed what no entry needs: 1 content of a file, 2.0 KiB."]
    assert blobs[1000].exists() and not blobs[2000].exists()


def test_gc_removes_what_killed_runs_left_and_nothing_in_use(filled):
    old = time.time() - 120
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    drafts = filled.cache / ".tmp"
    mine, killed, young = (drafts / name for name in (f"{os.getpid()}-aa", f"{dead.pid}-bb", f"{dead.pid}-cc"))
    locks = filled.cache / ".locks"
    locks.mkdir(exist_ok=True)
    free, held, foreign = (locks / name for name in ("0" * 16, "1" * 16, "mine"))
    for path in (mine, killed, young, free, held, foreign):
        path.write_text("x")
        if path != young:
            os.utime(path, (old, old))
    loose = filled.cache / ".pins" / "gone__f__0123456789abcdef.pkl"
    loose.parent.mkdir()
    loose.write_text("")
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl; f = open({str(held)!r}, 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); "
         "print('held', flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == b"held\n"
        os.utime(held, (old, old))
        outcome = filled.devstash("gc", "--dry-run")
        assert outcome.stdout.splitlines()[1:] == ["Would remove what no entry needs: 1 draft, 1 lock, 1 B."]
        assert killed.exists() and free.exists()
        outcome = filled.devstash("gc")
        assert outcome.stdout.splitlines()[1:] == ["Removed what no entry needs: 1 draft, 1 lock, 1 pin, 1 B."]
    finally:
        holder.communicate(b"\n")
    assert [path.exists() for path in (mine, killed, young, free, held, foreign, loose)] == [
        True, False, True, False, True, True, False,
    ]  # fmt: skip


def test_gc_leaves_what_it_cannot_judge(filled):
    a = entry_of(filled, "a =")
    data = bytearray(a.read_bytes())
    data[-16] = 2
    newer = filled.cache / "newer__f__0123456789abcdef.pkl"
    newer.write_bytes(data)
    damaged = filled.cache / "bad__f__0123456789abcdef.pkl"
    damaged.write_bytes(data[:-1])
    folder = filled.cache / "m__folder__0123456789abcdef.pkl"
    folder.mkdir()
    (filled.cache / "notes.txt").write_text("mine")
    filled.devstash("gc", "--max-entries", "4")
    assert not damaged.exists() and a.exists()
    filled.devstash("gc", "--max-size", "1B")
    assert filled.entries() == sorted([newer, folder]) and (filled.cache / "notes.txt").exists()


def test_two_gc_wait_for_each_other(filled):
    import fcntl

    with open(filled.cache / "format") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        argv = [binary(), "gc", "--max-size", "1B"]
        waiting = subprocess.Popen(argv, cwd=filled.folder, env=filled.environment(), stdout=subprocess.PIPE)
        quiet = filled.devstash("gc", "--detached", "--max-size", "1B")
        assert quiet.raw == (b"", b"", 0)
        time.sleep(0.2)
        assert len(filled.entries()) == 4 and waiting.poll() is None
    assert waiting.communicate(timeout=20)[0].startswith(b"Removed 4 cache file(s), ")
    assert filled.entries() == []


# --- limits that are kept after each run ----------------------------------------------------------------------------

MANY = """
import sys
def f(n):
    log(n)
    return "x" * n
for n in range(*map(int, sys.argv[1:])):
    f(n)  # @devstash {options}
"""


def settled(stash, count):
    wait_for(lambda: len(stash.entries()) == count)


@pytest.mark.parametrize(
    "env, left",
    [({"DEVSTASH_MAX_ENTRIES": "2"}, 2), ({"DEVSTASH_MAX_SIZE": "2500B"}, 2), ({"DEVSTASH_MAX_AGE": "1h"}, 6)],
)
def test_limits_are_kept_after_a_run(stash, env, left):
    stash.write("s.py", MANY.format(options=""), log=True)
    stash.ok("s.py", "3")
    for path in stash.entries():
        use(path, 7200)
    stash.ok("s.py", "3")  # nothing is stored: nothing happens
    stash.ok("s.py", "6", env=env)
    settled(stash, left)


def test_a_run_that_stores_nothing_starts_nothing(stash):
    stash.write("s.py", MANY.format(options=""), log=True)
    stash.ok("s.py", "3")
    stash.ok("s.py", "3", env={"DEVSTASH_MAX_ENTRIES": "1"})
    time.sleep(0.3)
    assert len(stash.entries()) == 3


@pytest.mark.parametrize("options", ["max_entries=2", "max_size=2.5K", "max_age=1h"])
def test_markers_have_limits_of_their_own(stash, options):
    stash.write("s.py", MANY.format(options=options), log=True)
    stash.write("t.py", MANY.format(options="").replace("f(n)", "g(n)"), log=True)
    stash.ok("t.py", "2")
    stash.ok("s.py", "2")
    wait_for(lambda: len(stash.entries()) == 4)
    others = [path for path in stash.entries() if '"limits"' not in path.read_bytes().decode("latin-1")]
    for path in stash.entries():
        use(path, 7200)
    assert len(others) == 2
    stash.ok("s.py", "2", "4")
    settled(stash, 4)
    assert set(others) <= set(stash.entries())
    stash.forget()
    stash.ok("t.py", "2")
    assert stash.executions() == []


def test_max_entries_keeps_the_most_recently_used(stash):
    stash.write("s.py", MANY.format(options="max_entries=2"), log=True)
    stash.ok("s.py", "4")
    settled(stash, 2)
    stash.forget()
    stash.write("t.py", (stash.folder / "s.py").read_text().replace("range(*map(int, sys.argv[1:]))", "(2, 3)"))
    stash.ok("t.py")
    assert stash.executions() == []


def test_nobody_waits_for_the_room_that_is_made(stash):
    stash.write("s.py", MANY.format(options=""), log=True)
    stash.ok("s.py", "1")
    fill(stash, 40_000)
    # `$( )` ends when nobody can write to it any more, and `wait` when there are no children left.
    argv = " ".join(str(word) for word in stash.argv("s.py", "3"))
    script = f"x=$({argv} 2>&1); wait; echo done; ls .devstash_cache | wc -l"
    outcome = stash.command("sh", "-c", script, env={"DEVSTASH_MAX_ENTRIES": "1"})
    said, count = outcome.stdout.split()
    assert said == "done" and int(count) > 1000, outcome
    wait_for(lambda: len(stash.entries()) == 1)


def test_a_run_that_is_killed_leaves_its_limits_to_the_next(stash):
    stash.write(
        "s.py",
        """
        import os, signal
        def f(n):
            return n
        for n in range(4):
            f(n)  # @devstash max_entries=1
        if os.path.exists("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        f(5)  # @devstash max_entries=1
        """,
    )
    stash.write("die", "")
    assert stash.run("s.py").status == -signal.SIGKILL
    time.sleep(0.2)
    assert len(stash.entries()) == 4
    (stash.folder / "die").unlink()
    stash.ok("s.py")
    settled(stash, 2)


def test_limits_in_workers(stash):
    stash.write(
        "s.py",
        """
        import multiprocessing
        def f(n):  # @devstash max_entries=1
            return n
        if __name__ == "__main__":
            f(100)
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(pool.map(f, range(4)))
            f(101)
        """,
    )
    assert stash.ok("s.py") == "[0, 1, 2, 3]\n"
    settled(stash, 1)
