"""`devstash stats`: what is kept, and what it has saved, by day and by marked place."""

import json
import os
import re
import time
from datetime import datetime, timedelta

import pytest
from harness import binary, on_terminal

pytestmark = pytest.mark.commands

DAY = 86_400_000_000_000


@pytest.fixture
def told(stash):
    """A cache with one entry and a journal of known contents, whose last day is today."""
    stash.write("s.py", "def f(n):\n    return n\nf(1)  # @devstash\n")
    stash.ok("s.py")
    entry = stash.entry().name
    # The middle of the day, so that no zone and no clock that is set in a night moves it to another.
    noon = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
    now = int(noon.timestamp()) * 1_000_000_000
    script = stash.folder / "report.py"
    other = "/elsewhere/deep/in/a/folder/far/away/other.py"
    lines = [
        f"run\t00000001\t{now - 40 * DAY}\t{script}",
        f"miss\t00000001\t{now - 40 * DAY}\t32\tReport.build\tabsent\t\t{entry}\tstored\t31000.000",
        f"hit\t00000001\t{now - 40 * DAY}\t32\t59\t1829000.500\t1200000\t{entry}",
        f"run\t00000002\t{now - 2 * DAY}\t{script}",
        f"hit\t00000002\t{now - 2 * DAY}\t32\t30\t930000.000\t600000\t{entry}",
        f"hit\t00000002\t{now - 2 * DAY}\t50\t7\t70.000\t0\t{entry}",
        f"miss\t00000002\t{now - 2 * DAY}\t51\t\t\t\t\tnot cached: no\t3.000\t1000",
        f"run\t00000003\t{now}\t{other}",
        f"hit\t00000003\t{now}\t7\t1\t340.000\t0\t{entry}",
        f"miss\t00000003\t{now}\t7\tg\tinput changed\tdata.csv\t{entry}\traised\t12.000",
        "a line of a newer devstash",
        "hit\t00000003",
    ]
    (stash.cache / ".stat" / "journal").write_text("".join(line + "\n" for line in lines))
    stash.size = f"1, {stash.entry().stat().st_size} B"
    stash.days = [(noon - timedelta(days=days)).strftime("%Y-%m-%d") for days in (40, 2, 0)]
    return stash


def shown(stash, *argv, columns=None):
    """What is printed, with words for the days and for the size, on a terminal if `columns` are given."""
    if columns is None:
        outcome = stash.devstash("stats", *argv)
        assert (outcome.status, outcome.stderr) == (0, "")
        text = outcome.stdout
    else:
        text, status = on_terminal([binary(), "stats", *argv], stash.environment(), stash.folder, columns=columns)
        assert status == 0
        text = text.replace("\r\n", "\n")
    for day, word in zip(stash.days, ("2026-01-01", "2026-02-08", "2026-02-10")):
        text = text.replace(day, word)
    return text.replace(stash.size, "1, 1.1 KiB")


PLAIN = """\
entries  1, 1.1 KiB
calls    1,099 since 2026-01-01
hits     97 (8%)
saved    45m 59s, 1.8M tokens

day         calls  hits    saved  tokens
2026-01-01     60   98%  30m 29s    1.2M
2026-02-08  1,037    3%  15m 30s    600k
2026-02-10      2   50%    340ms       0

site                                             calls  hits    saved  tokens
report.py:32                                        90   98%  45m 59s    1.8M
/elsewhere/deep/in/a/folder/far/away/other.py:7      2   50%    340ms       0
report.py:50                                         7  100%     70ms       0
report.py:51                                     1,000    0%       0s       0
"""

WIDE = """\
entries  1, 1.1 KiB
calls    1,099 since 2026-01-01
hits     97 (8%)
saved    45m 59s, 1.8M tokens

day         calls  hits    saved  tokens
2026-01-01     60   98%  30m 29s    1.2M  ████████████████████████████████████████
2026-02-08  1,037    3%  15m 30s    600k  ████████████████████▍
2026-02-10      2   50%    340ms       0  ▏

site                                             calls  hits    saved  tokens
report.py:32                                        90   98%  45m 59s    1.8M  ████████████████████████████████████████
/elsewhere/deep/in/a/folder/far/away/other.py:7      2   50%    340ms       0  ▏
report.py:50                                         7  100%     70ms       0  ▏
report.py:51                                     1,000    0%       0s       0
"""

NARROW = """\
entries  1, 1.1 KiB
calls    1,099 since 2026-01-01
hits     97 (8%)
saved    45m 59s, 1.8M tokens

day         calls  hits    saved  tokens
2026-01-01     60   98%  30m 29s    1.2M  ████████
2026-02-08  1,037    3%  15m 30s    600k  ████▏
2026-02-10      2   50%    340ms       0  ▏

site                  calls  hits    saved  tokens
report.py:32             90   98%  45m 59s    1.8M
…far/away/other.py:7      2   50%    340ms       0
report.py:50              7  100%     70ms       0
report.py:51          1,000    0%       0s       0
"""


def test_all_is_told(told):
    assert shown(told) == PLAIN


def test_on_a_wide_terminal_there_are_bars(told):
    assert shown(told, columns=121) == WIDE


def test_all_fits_a_narrow_terminal(told):
    assert shown(told, columns=50) == NARROW
    assert max(len(line) for line in shown(told, columns=43).splitlines()) <= 43


def test_a_number_of_days(told):
    assert shown(told, "--days", "3") == (
        """\
entries  1, 1.1 KiB
calls    1,039 since 2026-02-08
hits     38 (3%)
saved    15m 30s, 600k tokens

day         calls  hits    saved  tokens
2026-02-08  1,037    3%  15m 30s    600k
2026-02-10      2   50%    340ms       0

site                                             calls  hits    saved  tokens
report.py:32                                        30  100%  15m 30s    600k
/elsewhere/deep/in/a/folder/far/away/other.py:7      2   50%    340ms       0
report.py:50                                         7  100%     70ms       0
report.py:51                                     1,000    0%       0s       0
"""
    )
    assert (
        shown(told, "--days", "1")
        == """\
entries  1, 1.1 KiB
calls    2 since 2026-02-10
hits     1 (50%)
saved    340ms

day         calls  hits  saved
2026-02-10      2   50%  340ms

site                                             calls  hits  saved
/elsewhere/deep/in/a/folder/far/away/other.py:7      2   50%  340ms
"""
    )


def test_without_a_journal_it_is_said_what_is_kept(told):
    (told.cache / ".stat" / "journal").unlink()
    assert shown(told) == "entries  1, 1.1 KiB\ncalls    none that is known of\n"
    document = json.loads(told.devstash("stats", "--json").stdout)
    assert (document["since"], document["hit_rate"], document["days"]) == (None, None, [])


@pytest.mark.parametrize("garbage", [b"\0\xff" * 5000, b"hit\t0123abcd\t1", b"\n" * 9])
def test_a_damaged_journal_is_read_as_far_as_it_goes(told, garbage):
    path = told.cache / ".stat" / "journal"
    path.write_bytes(garbage + b"\n" + path.read_bytes() + garbage)
    assert shown(told) == PLAIN


def test_what_was_put_aside_counts(told):
    path = told.cache / ".stat" / "journal"
    first, second = path.read_text().split("run\t00000002")
    (told.cache / ".stat" / "journal.1").write_text(first)
    path.write_text("run\t00000002" + second)
    assert shown(told) == PLAIN


def test_it_is_told_after_clearing_too(told):
    assert told.devstash("clear", "--all").status == 0
    assert shown(told) == PLAIN.replace("1, 1.1 KiB", "0, 0 B")


def test_only_some_days_and_places_are_shown(stash):
    lines = ["run\t00000001\t1\t/x/s.py\n"]
    for number in range(30):
        moment = time.time_ns() - number * DAY
        lines.append(f"hit\t00000001\t{moment}\t{number + 1}\t1\t{number + 1}000.000\t0\te.pkl\n")
    stash.write("s.py", "def f(n):\n    return n\nf(1)  # @devstash\n")
    stash.ok("s.py")
    (stash.cache / ".stat" / "journal").write_text("".join(lines))
    text = stash.devstash("stats").stdout
    days, sites = text.split("\n\n")[1:]
    assert len(days.splitlines()) == 1 + 14 and len(sites.splitlines()) == 1 + 10 + 1
    assert [line.split()[0] for line in sites.splitlines()[1:]] == [
        *(f"/x/s.py:{line}" for line in range(30, 20, -1)),
        "and",
    ]
    assert sites.endswith("and 20 more\n")
    document = json.loads(stash.devstash("stats", "--json").stdout)
    assert (len(document["days"]), len(document["sites"])) == (30, 30)


def test_for_programs(told):
    outcome = told.devstash("stats", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    document = json.loads(outcome.stdout)
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(moment, document.pop("since"))
    for site in document["sites"]:
        assert re.fullmatch(moment, site.pop("last"))
    script = str(told.folder / "report.py")
    first, second, today = told.days

    def sums(hits, misses, saved, tokens):
        rate = hits / (hits + misses)
        return {"hits": hits, "misses": misses, "hit_rate": rate, "saved": saved, "tokens": tokens}

    assert document == {
        "format": 1,
        "cache_dir": str(told.cache),
        "entries": 1,
        "size": told.entry().stat().st_size,
        "contents": 0,
        "contents_size": 0,
        **sums(97, 1002, 2759.411, 1800000),
        "days": [
            {"day": first, **sums(59, 1, 1829.001, 1200000)},
            {"day": second, **sums(37, 1000, 930.07, 600000)},
            {"day": today, **sums(1, 1, 0.34, 0)},
        ],
        "sites": [
            {"file": script, "line": 32, **sums(89, 1, 2759.001, 1800000)},
            {"file": "/elsewhere/deep/in/a/folder/far/away/other.py", "line": 7, **sums(1, 1, 0.34, 0)},
            {"file": script, "line": 50, **sums(7, 0, 0.07, 0)},
            {"file": script, "line": 51, **sums(0, 1000, 0.0, 0)},
        ],
    }


def test_names_are_shown_harmlessly(told):
    path = told.cache / ".stat" / "journal"
    path.write_text(path.read_text().replace("/elsewhere/deep", "/\x1b[31m%0A\u202e"))
    assert "/\\u{1b}[31m\\n\\u{202e}/in/a/folder" in shown(told)
    assert "\x1b" not in told.devstash("stats", "--json").stdout


def test_what_is_no_cache_is_told(stash):
    nothing = stash.devstash("stats")
    told = f"devstash: there is no cache at `{stash.cache}`; `devstash run` makes it when there is something to keep\n"
    assert nothing.raw == (b"", told.encode(), 0)
    outcome = stash.devstash("stats", "--cache-dir", str(stash.folder))
    assert outcome.raw == (b"", f"devstash: `{stash.folder}` is not a cache folder of devstash\n".encode(), 1)
    for days in ("0", "-1", "many"):
        assert stash.devstash("stats", "--days", days).status == 2


def test_a_reader_that_goes_away_is_no_trouble(told):
    assert told.command("sh", "-c", f"{binary()} stats --json | head -1; echo $?").raw == (b"{\n0\n", b"", 0)


def test_very_many_entries_and_a_long_journal_take_no_time(told):
    source = told.entry()
    for number in range(20_000):
        if number % 1000 == 0:  # a file has only so many names
            piece = told.cache / f"piece__f__{number:016x}.pkl"
            piece.write_bytes(source.read_bytes())
        else:
            os.link(piece, told.cache / f"filler__f__{number:016x}.pkl")
    now = time.time_ns()
    lines = [f"run\t00000001\t1\t{told.folder}/s.py\n"]
    for number in range(80_000):
        moment = now - number * 10**10
        lines.append(f"hit\t00000001\t{moment}\t{number % 50}\t1\t1000.000\t0\tfiller__f__{number:016x}.pkl\n")
    text = "".join(lines)[: 8 << 20]
    (told.cache / ".stat" / "journal").write_text(text)
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        outcome = told.devstash("stats")
        times.append(time.perf_counter() - begun)
    assert outcome.stdout.startswith("entries  20,001, ")
    # A tenth of a second where nothing else is going on; a machine at work may take longer, a quadratic reader far more.
    assert min(times) < 2, times
