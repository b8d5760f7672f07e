"""`devstash list`: its columns, their order, what is left out on a narrow terminal, and the form for programs."""

import json
import os
import re
import time

import pytest
from harness import binary, on_terminal
from test_manage import fill

pytestmark = pytest.mark.commands

SCRIPT = """
import time
def quick(n):
    return "q" * n
def slow(n):
    time.sleep(0.25)
    return "s" * n
a = quick(1)  # @devstash ttl=1h name=first
b = quick(20_000)  # @devstash
c = slow(300)  # @devstash
"""


@pytest.fixture
def filled(stash):
    """Three entries, made 3, 2 and 1 minutes ago."""
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    assert len(stash.entries()) == 3
    for minutes, line in enumerate((10, 9, 8), 1):
        path = entry_of(stash, line)
        now = time.time() - 60 * minutes - 5
        os.utime(path, (now, now))
    return stash


def entry_of(stash, line):
    return stash.cache / os.path.basename(stash.devstash("path", f"s.py:{line}").stdout.strip())


def steady(text):
    """The text without what differs between two runs: digests, sizes with a digit, seconds of ages."""
    text = re.sub(r"__[0-9a-f]{16}", "__DIGEST", text)
    text = re.sub(r"\d+\.\d (.iB)", r"N.N \1", text)
    text = re.sub(r"(\d+m) \d+s", r"\1 Ns", text)
    return re.sub(r"\b[23]\d\dms", "NNNms", text)


def names(outcome):
    return re.findall(r"^\S*\.pkl", outcome.stdout, re.M)


def test_columns_and_totals(filled):
    outcome = filled.devstash("list")
    assert (outcome.stderr, outcome.status) == ("", 0)
    assert [re.sub(r" {2,}", "  ", line) for line in steady(outcome.stdout).splitlines()] == [
        "Cache File  Size  Age  TTL Status  Saved  Hits  Site",
        "__main____quick__DIGEST.pkl (first)  N.N KiB  3m Ns  valid (<=1h)  -  -  s.py:8",
        "__main____quick__DIGEST.pkl  N.N KiB  2m Ns  no ttl  -  -  s.py:9",
        "__main____slow__DIGEST.pkl  N.N KiB  1m Ns  no ttl  -  -  s.py:10",
        "3 entries, N.N KiB",
    ]
    # All lines are as long as their cells, columns one below the other.
    heading, *lines = outcome.stdout.splitlines()[:4]
    for column in ("TTL Status", "Site"):
        assert all(line[heading.index(column) - 2 :].startswith("  ") for line in lines)
        assert all(line[heading.index(column)] != " " for line in lines)
    filled.ok("s.py")
    filled.ok("s.py")
    filled.devstash("pin", "slow")
    outcome = filled.devstash("list")
    assert re.search(
        r"  no ttl, pinned +\d{3}ms +2  s.py:10\n3 entries, \S+ KiB; 6 hits saved \d{3}ms\n$", outcome.stdout
    )


def test_sorted_by_what_is_asked(filled):
    a, b, c = (entry_of(filled, line).name for line in (8, 9, 10))

    def order(by):
        return names(filled.devstash("list", "--sort", by))

    assert order("age") == names(filled.devstash("list")) == [a, b, c]
    assert order("size")[-1] == b
    assert order("name") == sorted([a, b, c])
    now = time.time()
    for path, ago in ((a, 1), (b, 50), (c, 30)):
        os.utime(filled.cache / path, (now - ago, os.stat(filled.cache / path).st_mtime))
    assert order("used") == [b, c, a]
    filled.ok("s.py")
    assert order("saved")[-1] == c
    outcome = filled.devstash("list", "--sort", "luck")
    assert (outcome.status, outcome.stdout) == (2, "")


def test_selected_as_for_clear(filled):
    a, b, c = (entry_of(filled, line).name for line in (8, 9, 10))

    def found(*selectors):
        outcome = filled.devstash("list", *selectors)
        assert outcome.status == 0, outcome
        assert f"\n{len(names(outcome))} entr" in outcome.stdout
        return names(outcome)

    assert found("--site", "s.py:9") == [b]
    assert found("--larger", "10K") == [b]
    assert found("--older", "2m") == [a, b]
    assert found("--pattern", "first") == [a]
    assert found("--ttl", "2m", "--expired") == [a, b]
    outcome = filled.devstash("list", "--expired")
    assert outcome.raw == (b"", b"devstash: no cached entry is meant by that\n", 1)


def on(stash, columns, *argv, env=None):
    shown, status = on_terminal([binary(), "list", *argv], stash.environment(env), stash.folder, columns=columns)
    assert status == 0
    return shown.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "columns, heading, first",
    [
        (
            120,
            "Cache File                                           Size        Age  TTL Status    Saved  Hits  Site",
            "__main____quick__DIGEST.pkl (first)   N.N KiB     3m Ns  valid (<=1h)      -     -  s.py:8",
        ),
        (
            90,
            "Cache File                         Size        Age  TTL Status    Saved  Hits  Site",
            None,
        ),
        (80, "Cache File                     Size        Age  TTL Status    Saved  Site", None),
        (60, "Cache File                    Size        Age  TTL Status", None),
        (46, "Cache File             Size        Age", None),
        (40, "Cache File                       Size", None),
        (20, "Cache File                Size", None),
    ],
)
def test_on_a_terminal_it_is_as_wide_as_that(filled, columns, heading, first):
    shown = on(filled, columns, env={"TERM": "dumb"})
    lines = shown.splitlines()
    assert re.sub(r" +", "  ", lines[0]) == re.sub(r" +", "  ", heading)
    assert all(len(line) <= max(columns, 30) for line in lines[:-1])
    if first is not None:
        assert re.sub(r" +", " ", steady(lines[1])) == re.sub(r" +", " ", first)
    else:
        assert all("…" in line for line in lines[1:4])
    assert "\x1b" not in shown
    assert steady(lines[-1]) == "3 entries, N.N KiB"


def test_places_are_links_where_a_terminal_can_have_them(filled):
    os.rename(filled.folder / "s.py", filled.folder / "s ;.py")
    filled.devstash("clear", "--all")
    filled.ok("s ;.py")
    shown = on(filled, 150)
    path = str(filled.folder.resolve()).replace("/", "/")
    link = f"\x1b]8;;file://{path}/s%20%3B.py\x1b\\s ;.py:10\x1b]8;;\x1b\\\n"
    assert shown.count(link) == 1
    assert "\x1b" not in filled.devstash("list").stdout


def test_names_that_could_move_the_cursor(filled):
    os.rename(filled.entries()[0], filled.cache / "evil\x1b[31m\nname__0123456789abcdef.pkl")
    shown = on(filled, 200, env={"TERM": "dumb"})
    assert "evil\\u{1b}[31m\\nname__0123456789abcdef.pkl" in shown
    assert "\x1b" not in shown and len(shown.splitlines()) == 5


def test_for_programs(filled):
    filled.ok("s.py")
    bad = filled.cache / "bad__f__0123456789abcdef.pkl"
    bad.write_bytes(b"no entry")
    os.utime(bad, (1_000_000_000, 1_000_000_000))
    filled.devstash("pin", "first")
    outcome = filled.devstash("list", "--json")
    found = json.loads(outcome.stdout)
    assert found["format"] == 1 and outcome.stderr == ""
    assert [len(outcome.stdout.splitlines()), outcome.status] == [6, 0]
    damaged, first, second, third = found["entries"]
    assert damaged.pop("age") > 10**8
    assert damaged == {
        "entry": bad.name,
        "path": str(bad),
        "name": None,
        "site": {"file": None, "line": None},
        "size": 8,
        "made": "2001-09-09T01:46:40.000Z",
        "last_used": None,
        "duration": None,
        "ttl": None,
        "expired": False,
        "pinned": False,
        "hits": 0,
        "saved": 0.0,
        "tokens": 0,
        "damage": "damaged (truncated, or not written by devstash)",
    }
    path = entry_of(filled, 8)
    assert first["entry"] == path.name and first["path"] == str(path)
    assert (first["name"], first["ttl"], first["expired"], first["pinned"]) == ("first", 3600, False, True)
    assert first["site"] == {"file": str(filled.folder / "s.py"), "line": 8}
    assert 180 <= first["age"] <= 250 and first["size"] == path.stat().st_size
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["last_used"])
    assert 0.25 <= third["duration"] < 2 and abs(third["saved"] - third["duration"]) < 0.001
    assert [one["hits"] for one in (first, second, third)] == [1, 1, 1] and second["name"] is None
    totals = found["totals"]
    assert totals["saved"] == pytest.approx(sum(one["saved"] for one in (first, second, third)))
    assert (totals["entries"], totals["hits"], totals["tokens"]) == (4, 3, 0)
    assert totals["contents"] == {"count": 0, "size": 0}
    outcome = filled.devstash("list", "--json", "--larger", "1G")
    assert json.loads(outcome.stdout)["entries"] == [] and outcome.status == 1


def test_many_show_no_bar_where_no_terminal_is(filled):
    fill(filled, 3000, links=False)
    outcome = filled.devstash("list")
    assert outcome.stderr == "" and outcome.stdout.endswith(" MiB\n") and "\n3003 entries, " in outcome.stdout


def test_a_hundred_thousand_entries(stash):
    """All commands that look at very many entries answer while somebody waits; how fast, the benchmark says."""
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    data = min((path.read_bytes() for path in stash.entries()), key=len)
    for number in range(100_000):
        fd = os.open(f"{stash.cache}/filler__f__{number:016x}.pkl", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.close(fd)
    count = len(stash.entries())
    for _ in range(2):  # without its index, and with it
        lines = stash.devstash("list", timeout=20).stdout.splitlines()
        assert len(lines) == count + 2 and lines[-1].startswith(f"{count} entries, ")
    assert stash.devstash("stats", timeout=20).stdout.startswith(f"entries  {count:,}, ")
    outcome = stash.devstash("gc", "--dry-run", "--max-entries", "5", timeout=20)
    assert outcome.stdout.splitlines()[-1].startswith(f"Would remove {count - 5} cache file(s)")
    outcome = stash.devstash("clear", "--dry-run", "--pattern", "filler", timeout=20)
    assert outcome.stdout.splitlines()[-1] == "Would remove 100000 cache file(s)."
    assert stash.devstash("verify", "--larger", "1G", timeout=20).status == 1
    assert stash.devstash("clear", "--all", timeout=20).stdout == "Cleared all cached entries.\n"
    assert stash.entries() == []
