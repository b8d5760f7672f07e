"""`devstash list` and `devstash clear`, in the words of the issue."""

import hashlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import without_privileges

pytestmark = pytest.mark.commands

SCRIPT = """
def get(url):
    return "body of " + url

def loads(text):
    return bytes(int(text))

get("a")  # @devstash ttl=1m
get("b")  # @devstash ttl=1m
loads("300000")  # @devstash
"""


@pytest.fixture
def filled(stash):
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    assert len(stash.entries()) == 3
    return stash


def rows(outcome):
    """The lines of `list` below its heading, split where two spaces or more are."""
    assert outcome.status == 0, outcome
    lines = outcome.stdout.splitlines()
    assert re.fullmatch(r"Cache File +Size +Age +TTL Status +Saved +Hits +Site", lines[0]), lines[0]
    return [re.split(r" {2,}", line.strip()) for line in lines[1:] if ".pkl" in line]


def test_names_tell_module_and_function(filled):
    names = [path.name for path in filled.entries()]
    assert sum(name.startswith("__main____get__") for name in names) == 2
    assert sum(name.startswith("__main____loads__") for name in names) == 1
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9._-]+__[0-9a-f]{16}\.pkl", name)
        assert len(name) <= 120


def test_list_shows_each_entry(filled):
    found = rows(filled.devstash("list", "--ttl", "1h"))
    assert sorted(row[0] for row in found) == [path.name for path in filled.entries()]
    sizes = {row[0]: row[1] for row in found}
    big = next(name for name in sizes if "loads" in name)
    assert re.fullmatch(r"29\d(\.\d)? KiB", sizes[big])
    assert all(re.fullmatch(r"(\d+m )?\d+s", row[2]) for row in found)
    assert all(row[3] == "valid (<=1h)" for row in found)


def test_list_judges_by_the_ttl_given(filled):
    old = filled.entries()[0]
    filled.age(313, old)
    found = {row[0]: row for row in rows(filled.devstash("list", "--ttl", "1m"))}
    assert re.fullmatch(r"5m 1[34]s", found[old.name][2])
    assert found[old.name][3] == "expired (>1m)"
    assert sum(row[3] == "valid (<=1m)" for row in found.values()) == 2


def test_list_without_ttl_judges_by_the_markers(filled):
    filled.age(90)
    found = {row[0]: row[3] for row in rows(filled.devstash("list"))}
    for name, status in found.items():
        if "get" in name:
            assert status == "expired (>1m)"
        else:
            assert status == "no ttl"


@pytest.mark.parametrize("ttl", ["", "0s", "5", "1y", "-1m", "m", "1.5h", "1 h"])
def test_list_refuses_a_malformed_ttl(filled, ttl):
    outcome = filled.devstash("list", f"--ttl={ttl}")
    assert outcome.status == 2 and outcome.stdout == "" and outcome.stderr


def test_list_of_nothing(stash):
    outcome = stash.devstash("list")
    assert outcome.status == 0
    assert ".pkl" not in outcome.stdout
    assert not stash.cache.exists()


def test_list_of_a_folder_that_is_no_cache(stash):
    stash.write("photos/holiday.pkl", "precious")
    outcome = stash.devstash("list", "--cache-dir", "photos")
    assert (outcome.status, outcome.stdout) == (1, "")
    assert "photos" in outcome.stderr and "not a cache folder" in outcome.stderr


def test_list_takes_the_cache_dir(filled):
    os.rename(filled.cache, filled.folder / "moved")
    assert len(rows(filled.devstash("list", "--cache-dir", "moved"))) == 3
    assert len(rows(filled.devstash("list", env={"DEVSTASH_CACHE_DIR": "moved"}))) == 3


def test_list_into_a_closed_pipe_ends_quietly(filled):
    from harness import binary

    outcome = filled.command("sh", "-c", f"{binary()} list | head -c 0; echo done")
    assert (outcome.stdout, outcome.stderr) == ("done\n", "")


def test_list_copes_with_files_that_are_no_entries(filled):
    (filled.cache / "garbage__x__0123456789abcdef.pkl").write_bytes(b"not a pickle")
    (filled.cache / "empty__x__0123456789abcdef.pkl").write_bytes(b"")
    (filled.cache / "notes.txt").write_text("mine")
    outcome = filled.devstash("list")
    assert outcome.status == 0
    assert outcome.stdout.count("__main__") == 3 and "notes.txt" not in outcome.stdout


def test_names_with_escapes_are_shown_harmlessly(filled):
    os.rename(filled.entries()[0], filled.cache / "evil\x1b[31m\nname__0123456789abcdef.pkl")
    outcome = filled.devstash("list")
    assert "\x1b" not in outcome.stdout
    assert len(outcome.stdout.splitlines()) == len(filled.devstash("list").stdout.splitlines())


class Bomb:
    """Whoever unpickles this leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_is_ever_unpickled(filled):
    import pickle

    bomb = filled.cache / "bomb__x__0123456789abcdef.pkl"
    bomb.write_bytes(pickle.dumps(Bomb(str(filled.folder / "exploded"))))
    filled.devstash("list")
    filled.devstash("list", "--ttl", "1m")
    filled.devstash("clear", "--pattern", "bomb", "--dry-run")
    assert filled.devstash("clear", "--pattern", "bomb").status == 0
    assert not bomb.exists()
    assert not (filled.folder / "exploded").exists()


# --- clear ----------------------------------------------------------------------------------------------------------


def test_clear_one_by_its_name(filled):
    first, *others = filled.entries()
    outcome = filled.devstash("clear", "--pattern", first.name)
    assert outcome.raw == (b"Removed 1 cache file(s).\n", b"", 0)
    assert filled.entries() == others


@pytest.mark.parametrize(
    "pattern, count",
    [
        ("get", 2),
        ("__main__", 3),
        ("__main____get__*", 2),
        ("*loads*.pkl", 1),
        ("__main____?et__*", 2),
        ("*[gl]*.pkl", 3),
    ],
)
def test_clear_by_a_part_or_a_glob(filled, pattern, count):
    outcome = filled.devstash("clear", "--pattern", pattern)
    assert outcome.raw == (f"Removed {count} cache file(s).\n".encode(), b"", 0)
    assert len(filled.entries()) == 3 - count


@pytest.mark.parametrize("pattern", ["nothing", "get*", "?", "GET"])
def test_clear_that_matches_nothing_says_so(filled, pattern):
    outcome = filled.devstash("clear", "--pattern", pattern)
    assert outcome.status == 1
    assert pattern in outcome.stdout + outcome.stderr
    assert len(filled.entries()) == 3


def test_clear_all(filled):
    outcome = filled.devstash("clear", "--all")
    assert outcome.raw == (b"Cleared all cached entries.\n", b"", 0)
    assert filled.entries() == []
    filled.ok("s.py")
    assert len(filled.entries()) == 3


def test_clear_all_of_nothing(stash):
    outcome = stash.devstash("clear", "--all")
    assert outcome.status in (0, 1)
    assert not stash.cache.exists()


def test_clear_all_removes_nothing_of_others(filled):
    (filled.cache / "notes.txt").write_text("mine")
    filled.devstash("clear", "--all")
    assert (filled.cache / "notes.txt").read_text() == "mine"


def test_clear_refuses_a_folder_that_is_no_cache(stash):
    stash.write("photos/holiday.pkl", "precious")
    outcome = stash.devstash("clear", "--all", "--cache-dir", "photos")
    assert outcome.status != 0
    assert (stash.folder / "photos" / "holiday.pkl").exists()


def test_clear_without_a_selector_removes_nothing(filled):
    outcome = filled.devstash("clear")
    assert outcome.status == 2
    assert "--all" in outcome.stderr and "--pattern" in outcome.stderr
    assert len(filled.entries()) == 3


@pytest.mark.parametrize("selector", [["--all"], ["--pattern", "get"]])
def test_dry_run_shows_and_removes_nothing(filled, selector):
    outcome = filled.devstash("clear", *selector, "--dry-run")
    assert outcome.status == 0
    for path in filled.entries():
        assert (path.name in outcome.stdout) == (selector == ["--all"] or "get" in path.name)
    assert len(filled.entries()) == 3


def test_clear_selects_by_site_age_and_size(filled):
    first, second, large = filled.entries()
    filled.age(90, first)
    filled.age(700_000, large)

    def told(*selectors):
        outcome = filled.devstash("clear", "--dry-run", *selectors)
        assert outcome.status == 0, outcome
        *names, last = outcome.stdout.splitlines()
        assert last == f"Would remove {len(names)} cache file(s)."
        return names

    assert told("--expired") == [first.name]
    assert told("--older", "1w") == told("--larger", "10K") == [large.name]
    assert told("--older", "1m") == [first.name, large.name]
    assert told("--older", "1m", "--larger", "1.5KiB", "--pattern", "loads") == [large.name]
    assert told("--site", "s.py") == [first.name, second.name, large.name]
    assert told("--site", "s.py:10") == [large.name]
    assert told("--site", str(filled.folder / "s.py"), "--pattern", "get") == [first.name, second.name]
    for selectors in (["--older", "9w"], ["--site", "t.py"], ["--site", "s.py:9", "--larger", "1M"]):
        outcome = filled.devstash("clear", *selectors)
        assert outcome.raw == (b"", b"devstash: no cached entry is meant by all of that\n", 1)
    outcome = filled.devstash("clear", "--older", "1m")
    assert outcome.raw == (b"Removed 2 cache file(s).\n", b"", 0)
    assert filled.entries() == [second]


@pytest.mark.parametrize(
    "selector",
    [
        ["--larger", "many"],
        ["--larger", "-1M"],
        ["--older", "1y"],
        ["--older", "0s"],
        ["--site", ""],
        ["--pattern", ""],
        ["--all", "--expired"],
        ["--pinned"],
        [],
    ],
)
def test_clear_of_what_makes_no_sense_removes_nothing(filled, selector):
    outcome = filled.devstash("clear", *selector)
    assert (outcome.status, outcome.stdout) == (2, "") and outcome.stderr
    assert len(filled.entries()) == 3


def on_a_terminal(stash, *argv, answer=None):
    from harness import binary, on_terminal

    typed = [("[y/N] ", answer)] if answer else []
    return on_terminal([binary(), *argv], stash.environment(), stash.folder, typed)


def test_clear_asks_before_it_removes_what_several_lines_made(filled):
    question = "devstash: remove 2 entries of 2 marked lines, SIZE? [y/N] "
    shown, status = on_a_terminal(filled, "clear", "--pattern", "get", answer=b"n\n")
    assert (re.sub(r"\d\.\d KiB", "SIZE", shown), status) == (f"{question}n\r\ndevstash: nothing was removed\r\n", 1)
    assert len(filled.entries()) == 3
    # What one line made, and what needs no question, goes at once.
    assert on_a_terminal(filled, "clear", "--site", "s.py:10") == ("Removed 1 cache file(s).\r\n", 0)
    shown, status = on_a_terminal(filled, "clear", "--pattern", "get", answer=b"Yes\n")
    assert (re.sub(r"\d\.\d KiB", "SIZE", shown), status) == (f"{question}Yes\r\nRemoved 2 cache file(s).\r\n", 0)
    filled.ok("s.py")
    assert on_a_terminal(filled, "clear", "--site", "s.py", "-y") == ("Removed 3 cache file(s).\r\n", 0)
    filled.ok("s.py")
    assert on_a_terminal(filled, "clear", "--all") == ("Cleared all cached entries.\r\n", 0)


def test_a_folder_that_cannot_be_read_is_told(filled):
    filled.cache.chmod(0)
    try:
        keywords = {"preexec_fn": without_privileges(filled.cache)}
        for command in (["list"], ["clear", "--all"], ["gc"], ["verify"], ["show", "x"], ["pin", "x"]):
            outcome = filled.devstash(*command, **keywords)
            assert (outcome.status, outcome.stdout) == (4, ""), command
            assert outcome.stderr.startswith("devstash: cannot read the cache folder")
    finally:
        filled.cache.chmod(0o700)


def test_clear_takes_the_cache_dir(filled):
    os.rename(filled.cache, filled.folder / "moved")
    outcome = filled.devstash("clear", "--all", "--cache-dir", "moved")
    assert outcome.raw == (b"Cleared all cached entries.\n", b"", 0)
    assert list((filled.folder / "moved").glob("*.pkl")) == []


# --- very many entries ----------------------------------------------------------------------------------------------

MANY = 2500  # from 2000 entries on the whole folder is put aside


def fill(stash, count=MANY, links=True):
    """Put many entries beside those that are there: names for one and the same file, or copies of it."""
    source = stash.entries()[0]
    data = source.read_bytes()
    for number in range(count):
        path = stash.cache / f"filler__f__{number:016x}.pkl"
        if links:
            os.link(source, path)
        else:
            path.write_bytes(data)
            path.chmod(0o600)


def set_aside(stash):
    """What lies in the trash, or is on its way there."""
    found = list(stash.folder.rglob("*.being-cleared"))
    trash = stash.cache / ".trash"
    return found + (list(trash.iterdir()) if trash.exists() else [])


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def swept(stash):
    wait_for(lambda: not (stash.cache / ".trash").exists())
    return set_aside(stash) == []


def sweepers(folder):
    """The processes that remove what was cleared in this cache folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if process.name.isdigit() and b"--cache-dir" in words and os.fsencode(folder) in words:
            found.append(int(process.name))
    return found


def test_clear_of_very_many(filled):
    fill(filled)
    (filled.cache / "notes.txt").write_text("mine")
    (filled.cache / "own").mkdir()
    (filled.cache / "own" / "f__0123456789abcdef.pkl").write_text("mine")
    (filled.cache / "m__folder__0123456789abcdef.pkl").mkdir()
    (filled.cache / ".locks").mkdir(exist_ok=True)
    (filled.cache / ".locks" / "mine").write_text("mine")
    draft = filled.cache / ".tmp" / "1-being-written"
    draft.write_text("")
    said = (filled.cache / ".stat" / "journal").read_text()
    inode = filled.cache.stat().st_ino
    outcome = filled.devstash("clear", "--all")
    assert outcome.raw == (b"Cleared all cached entries.\n", b"", 0)
    assert filled.cache.stat().st_ino != inode, "it was not put aside"
    kept = {"notes.txt", "own", "m__folder__0123456789abcdef.pkl", ".tmp", ".gitignore", "CACHEDIR.TAG", "README.txt"}
    assert {path.name for path in filled.cache.iterdir()} - {".trash", ".locks"} == kept | {"format", ".stat"}
    assert (
        os.listdir(filled.cache / ".stat") == ["journal"] and (filled.cache / ".stat" / "journal").read_text() == said
    )
    assert swept(filled)
    assert (filled.cache / ".locks" / "mine").read_text() == "mine"
    assert (filled.cache / "own" / "f__0123456789abcdef.pkl").read_text() == "mine" and draft.exists()
    assert filled.cache.stat().st_mode & 0o777 == 0o700
    assert os.listdir(filled.folder).count(".devstash_cache") == 1
    (filled.cache / "m__folder__0123456789abcdef.pkl").rmdir()
    filled.ok("s.py")
    assert len(filled.entries()) == 3


def test_nobody_waits_for_what_is_removed_behind(filled):
    from harness import binary

    fill(filled, 40_000)
    # `$( )` ends when nobody can write to it any more, and `wait` when there are no children left.
    script = f"x=$({binary()} clear --all 2>&1); wait; echo $x; ls -d .devstash_cache/.trash"
    outcome = filled.command("sh", "-c", script)
    assert outcome.stdout == "Cleared all cached entries.\n.devstash_cache/.trash\n", outcome
    assert swept(filled)


def test_what_a_killed_sweeper_leaves_is_picked_up(filled):
    keep = filled.entries()[0].read_bytes()
    for command in (["list"], ["clear", "--all"], ["clear", "--pattern", "nothing"]):
        for _ in range(10):
            (filled.cache / "f__f__0123456789abcdef.pkl").write_bytes(keep)
            fill(filled, 40_000)
            filled.devstash("clear", "--all", "--cache-dir", filled.cache)
            for process in sweepers(filled.cache):
                os.kill(process, signal.SIGKILL)
            wait_for(lambda: not sweepers(filled.cache))
            if set_aside(filled):
                break
        else:  # it is always done before it can be killed: what it would have left
            old = filled.cache / ".trash" / "1-old"
            old.mkdir(parents=True, mode=0o700)
            (old / "f__f__0123456789abcdef.pkl").write_bytes(keep)
        assert filled.entries() == []
        outcome = filled.devstash(*command)
        assert ".pkl" not in outcome.stdout
        assert swept(filled), command


def test_what_was_left_is_picked_up_by_the_run_of_an_edited_script(filled):
    old = filled.cache / ".trash" / "1-old"
    old.mkdir(parents=True, mode=0o700)
    entry = filled.entries()[0]
    (old / entry.name).write_bytes(entry.read_bytes())
    filled.write(
        "new.py",
        "import os\ntry:\n    print(os.wait())\nexcept ChildProcessError:\n    print(len('ab'))  # @devstash\n",
    )
    assert filled.ok("new.py") == "2\n"
    assert swept(filled)
    assert entry.exists()


def test_what_a_killed_clear_leaves_beside_the_folder_is_picked_up(filled):
    beside = filled.folder / ".devstash_cache.being-cleared"
    # Killed before the folders changed places, in the midst of filling the new one.
    beside.mkdir(0o700)
    filled.devstash("list")
    wait_for(lambda: not beside.exists())
    assert swept(filled) and len(filled.entries()) == 3
    # Killed behind that, when nothing was moved over yet.
    os.rename(filled.cache, beside)
    (beside / "notes.txt").write_text("mine")
    (beside / ".tmp" / "1-being-written").write_text("")
    (beside / ".tmp" / "2-abandoned").write_text("")
    filled.age(100, beside / ".tmp" / "2-abandoned")
    filled.ok("s.py")
    fill(filled)
    filled.devstash("clear", "--all")
    assert swept(filled)
    assert (filled.cache / "notes.txt").read_text() == "mine"
    assert os.listdir(filled.cache / ".tmp") == ["1-being-written"]
    assert not beside.exists()


def test_somebody_elses_folder_beside_is_left_alone(filled):
    beside = filled.write(".devstash_cache.being-cleared/photo.pkl", "precious")
    filled.devstash("list")
    fill(filled)
    inode = filled.cache.stat().st_ino
    assert filled.devstash("clear", "--all").raw == (b"Cleared all cached entries.\n", b"", 0)
    assert filled.entries() == [] and filled.cache.stat().st_ino == inode
    assert beside.read_text() == "precious" and len(os.listdir(beside.parent)) == 1


def test_trash_is_not_trusted_blindly(filled):
    outside = filled.write("outside/f__f__0123456789abcdef.pkl", "precious")
    trash = filled.cache / ".trash"
    trash.mkdir()
    os.symlink(outside.parent, trash / "1-link")
    inner = trash / "1-old"
    inner.mkdir()
    os.symlink(outside, inner / "f__f__0123456789abcdef.pkl")
    os.symlink(outside.parent, inner / ".blobs")
    (inner / "notes.txt").write_text("mine")
    (inner / "format").write_text("1\n")
    (filled.cache / "taken").write_text("first")
    (inner / "taken").write_text("second")
    filled.devstash("list")
    wait_for(lambda: (filled.cache / "notes.txt").exists() and not (inner / "format").exists())
    wait_for(lambda: not os.path.lexists(inner / "f__f__0123456789abcdef.pkl"))
    assert outside.read_text() == "precious"
    assert (filled.cache / "taken").read_text() == "first" and (inner / "taken").read_text() == "second"
    trash = os.rename(trash, filled.folder / "elsewhere")
    os.symlink(filled.folder / "elsewhere", filled.cache / ".trash")
    filled.devstash("list")
    time.sleep(0.2)
    assert (filled.folder / "elsewhere" / "1-old" / "taken").exists()


def test_clear_of_very_many_through_a_link(filled):
    target = filled.folder / "disk" / "cache"
    target.parent.mkdir()
    os.rename(filled.cache, target)
    os.symlink(target, filled.cache)
    fill(filled)
    assert filled.devstash("clear", "--all").status == 0
    assert filled.cache.is_symlink() and filled.entries() == []
    assert swept(filled) and os.listdir(target.parent) == ["cache"]
    assert (target / "format").read_text() == "1\n"


def test_clear_of_very_many_where_the_folder_cannot_be_moved(filled):
    fill(filled)
    inode = filled.cache.stat().st_ino
    os.chmod(filled.folder, 0o500)
    try:
        outcome = filled.devstash("clear", "--all", preexec_fn=without_privileges(filled.folder))
    finally:
        os.chmod(filled.folder, 0o700)
    assert outcome.raw == (b"Cleared all cached entries.\n", b"", 0)
    assert filled.entries() == [] and filled.cache.stat().st_ino == inode


def test_clear_of_very_many_under_who_stands_in_it(filled):
    fill(filled)
    from harness import binary

    outcome = filled.command("sh", "-c", f"cd .devstash_cache && {binary()} clear --all --cache-dir . && ls; /bin/pwd")
    assert outcome.stdout == f"Cleared all cached entries.\nCACHEDIR.TAG\nREADME.txt\nformat\n{filled.cache}\n"


def test_clear_of_very_many_that_nobody_may_change(filled):
    fill(filled)
    for path in (filled.cache, filled.folder):
        os.chmod(path, 0o500)
    try:
        outcome = filled.devstash("clear", "--all", preexec_fn=without_privileges(filled.cache))
    finally:
        for path in (filled.folder, filled.cache):
            os.chmod(path, 0o700)
    assert outcome.status == 4 and "permission denied" in outcome.stderr.lower()
    assert len(filled.entries()) == MANY + 3


def test_clears_at_the_same_time_do_it_once(filled):
    from harness import binary

    for _ in range(5):
        fill(filled)
        outcome = filled.command("sh", "-c", f"for i in 1 2 3 4 5 6; do {binary()} clear --all & done; wait")
        assert (outcome.stdout, outcome.stderr) == ("Cleared all cached entries.\n" * 6, "")
        assert filled.entries() == [] and swept(filled)
        assert (filled.cache / "format").exists()
        filled.ok("s.py")


def test_clear_while_a_run_is_writing(stash):
    stash.write(
        "s.py",
        """
        import sys

        def work(n):
            with open("made", "a") as made:
                pass
            return list(range(n, n + 50))

        def large(n):
            return bytes([n % 256]) * 3_000_000

        total = 0
        for n in range(int(sys.argv[1])):
            total += sum(work(n))  # @devstash
            if n % 20 == 0:
                total += len(large(n))  # @devstash
        print(total)
        """,
    )
    expected = stash.plain("s.py", "600").stdout
    stash.ok("s.py", "2")
    source = stash.entries()[0].read_bytes()
    run = subprocess.Popen(
        stash.argv("s.py", "600"),
        cwd=stash.folder,
        env=stash.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    clears = 0
    number = 0
    while run.poll() is None:
        inode = stash.cache.stat().st_ino
        try:
            (stash.cache / "f__f__0123456789abcdef.pkl").write_bytes(source)
            for number in range(MANY):
                os.link(stash.cache / "f__f__0123456789abcdef.pkl", stash.cache / f"filler__f__{number:016x}.pkl")
        except FileExistsError:
            pass
        assert stash.devstash("clear", "--all").raw == (b"Cleared all cached entries.\n", b"", 0)
        clears += stash.cache.stat().st_ino != inode
    stdout, stderr = run.communicate()
    assert (stdout.decode(), stderr.decode(), run.returncode) == (expected, "", 0)
    assert clears > 0
    assert swept(stash) and stash.left_over() == []
    listed = stash.devstash("list").stdout
    assert "damaged" not in listed and "unreadable" not in listed
    assert stash.ok("s.py", "600") == expected
    assert stash.ok("s.py", "600") == expected


def test_clear_by_pattern_among_very_many(filled):
    fill(filled)
    outcome = filled.devstash("clear", "--pattern", "filler__*")
    assert outcome.raw == (f"Removed {MANY} cache file(s).\n".encode(), b"", 0)
    assert len(filled.entries()) == 3


def test_names_that_are_no_text(filled):
    name = b"caf\xe9__f__0123456789abcdef.pkl"
    path = os.path.join(os.fsencode(filled.cache), name)
    os.link(filled.entries()[0], path)
    assert "caf\\xe9__f__0123456789abcdef.pkl" in filled.devstash("list").stdout
    assert "caf\\xe9__f__" in filled.devstash("clear", "--all", "--dry-run").stdout
    assert filled.devstash("clear", "--pattern", "caf").stdout == "Removed 1 cache file(s).\n"
    os.link(filled.entries()[0], path)
    foreign = os.path.join(os.fsencode(filled.cache), b"m\xfcsli.txt")
    with open(foreign, "wb") as file:
        file.write(b"mine")
    fill(filled)
    assert filled.devstash("clear", "--all").status == 0
    assert not os.path.exists(path) and os.path.exists(foreign)
    assert swept(filled)


# --- the index of `list` --------------------------------------------------------------------------------------------


@pytest.fixture
def indexed(filled):
    """A cache of so many entries that `list` has written down what they are."""
    fill(filled, 4200, links=False)
    filled.age(100)
    # What has just been changed is not written down, and the time of a change cannot be set.
    time.sleep(2.1)
    assert len(rows(filled.devstash("list"))) == 4203
    assert (filled.cache / ".stat" / "list").exists()
    return filled


def statuses(stash):
    return {row[0].partition(" ")[0]: row[3] for row in rows(stash.devstash("list"))}


def reseal(index, change):
    """Change the index and let it look whole."""
    data = bytearray(index.read_bytes()[:-16])
    change(data)
    index.write_bytes(bytes(data) + hashlib.blake2b(data, digest_size=16).digest())


def test_list_is_right_whatever_was_written_down(indexed):
    before = statuses(indexed)
    first, second, third, fourth = (indexed.cache / f"filler__f__{number:016x}.pkl" for number in range(4))
    found = first.stat()
    bad = bytearray(first.read_bytes())
    bad[30] ^= 1

    def restore(path):
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (found.st_size, found.st_mtime_ns)

    # In place; replaced by a file of the same size and time; removed and made anew, which often is the same inode.
    first.write_bytes(bad)
    restore(first)
    (indexed.cache / "draft").write_bytes(bad)
    os.rename(indexed.cache / "draft", second)
    restore(second)
    third.unlink()
    third.write_bytes(bad)
    restore(third)
    fourth.unlink()
    after = statuses(indexed)
    assert all(after[path.name].startswith("damaged") for path in (first, second, third))
    for path in (first, second, third, fourth):
        before.pop(path.name)
        after.pop(path.name, None)
    assert after == before


def test_what_was_written_down_is_used_if_it_is_whole(indexed):
    before = statuses(indexed)
    index = indexed.cache / ".stat" / "list"
    whole = index.read_bytes()

    def longer(data):
        count = int.from_bytes(data[16:24], "little")
        for place in range(32 + 8 * count, 32 + 64 * count, 56):
            data[place + 24 : place + 32] = (7 * 86400).to_bytes(8, "little")

    reseal(index, longer)
    assert set(statuses(indexed).values()) == {"valid (<=1w)"}
    forged = index.read_bytes()
    for data in (forged[:-1], forged[:1000], b"", forged[:5000] + b"x" + forged[5001:], b"\0" * len(forged)):
        index.write_bytes(data)
        assert statuses(indexed) == before
        # Everything had to be read, so it was written anew.
        assert index.read_bytes() == whole
    index.write_bytes(forged)
    index.chmod(0o666)
    assert statuses(indexed) == before
    index.unlink()
    os.mkfifo(index)
    assert statuses(indexed) == before
    filled = indexed
    filled.devstash("clear", "--all")
    assert swept(filled) and not index.exists()


def test_list_of_very_many_changes_nothing_it_may_not(indexed):
    index = indexed.cache / ".stat" / "list"
    index.unlink()
    entry = indexed.entries()[7]
    # Reading it would set the time of the last use, which tells what is to go first.
    os.utime(entry, (1_000_000_000, 1_000_000_001))
    folders = (indexed.cache / ".stat", indexed.cache / ".tmp", indexed.cache)
    for path in folders:
        path.chmod(0o500)
    try:
        keywords = {"preexec_fn": without_privileges(indexed.cache)}
        assert len(rows(indexed.devstash("list", **keywords))) == 4203
    finally:
        for path in folders:
            path.chmod(0o700)
    assert not index.exists() and indexed.left_over() == []
    assert entry.stat().st_atime == 1_000_000_000
