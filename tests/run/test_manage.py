"""`devstash list` and `devstash clear`, in the words of the issue."""

import os
import re

import pytest

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
    assert re.fullmatch(r"Cache File +Size +Age +TTL Status", lines[0]), lines[0]
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


def test_clear_takes_the_cache_dir(filled):
    os.rename(filled.cache, filled.folder / "moved")
    outcome = filled.devstash("clear", "--all", "--cache-dir", "moved")
    assert outcome.raw == (b"Cleared all cached entries.\n", b"", 0)
    assert list((filled.folder / "moved").glob("*.pkl")) == []
