"""`devstash why` and `devstash run --explain`: why marked calls ran again, in words, after the run and while it goes on."""

import json
import re
import time
from pathlib import Path

import pytest
from harness import binary, on_terminal

pytestmark = pytest.mark.commands

SCRIPT = """\
import sys
import features

def load(n, mode="slow"):
    with open("data.csv") as file:
        return [int(part) * n for part in file.read().split(",")]

rows = load(10)  # @devstash
good = features.clean(rows)  # @devstash name=cleaning
print(len(good))
"""

FEATURES = """\
import config

def clean(rows):
    return [row for row in rows if row > config.LIMIT]
"""


@pytest.fixture
def project(stash):
    """A script with two marked lines, a module with a function and one with a setting, and a file."""
    stash.write("s.py", SCRIPT)
    stash.write("features.py", FEATURES)
    stash.write("config.py", "LIMIT = 5\n")
    stash.write("data.csv", "1,2,3")
    return stash


def edit(stash, name, old, new):
    """Change a file as with an editor."""
    path = stash.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def explained(stash, *args, options=(), **keywords):
    """What a run says of its calls on stderr, line by line."""
    outcome = stash.run("s.py", *args, options=("--explain", *options), **keywords)
    assert outcome.status == 0, outcome
    return outcome.stderr.replace("devstash: ", "").splitlines()


def why(stash, *words, status=0, **keywords):
    """What `devstash why` answers, line by line; on stdout, or with another status on stderr."""
    outcome = stash.devstash("why", *words, **keywords)
    assert outcome.status == status, outcome
    said, silent = (outcome.stderr, outcome.stdout) if status else (outcome.stdout, outcome.stderr)
    assert silent == ""
    return said.splitlines()


def both(stash, *args, **keywords):
    """What a run says of its calls; `why` says the same afterwards, where nothing else is asked for."""
    said = explained(stash, *args, **keywords)
    assert why(stash, "s.py") == said
    return said


# --- every kind of difference ---------------------------------------------------------------------------------------


def test_a_first_run_and_a_second(project):
    assert both(project) == ["s.py:8: miss load: never run before", "s.py:9: miss cleaning: never run before"]
    assert both(project) == ["s.py:8: hit load", "s.py:9: hit cleaning"]


def test_an_argument(project):
    project.ok("s.py")
    edit(project, "s.py", "load(10)", "load(12)")
    assert both(project) == [
        "s.py:8: miss load: argument `n`: 10 → 12",
        "s.py:9: miss cleaning: argument `rows`: [10, 20, 30] → [12, 24, 36]",
    ]


def test_an_argument_that_comes_and_goes(project):
    project.ok("s.py")
    edit(project, "s.py", "load(10)", 'load(10, mode="fast")')
    assert both(project)[0] == "s.py:8: miss load: argument `mode` is given now: 'fast'"
    edit(project, "s.py", 'load(10, mode="fast")', "load(12)")
    assert both(project)[0] == "s.py:8: miss load: argument `n`: 10 → 12"
    edit(project, "s.py", "load(12)", 'load(14, mode="fast")')
    assert both(project)[0] == "s.py:8: miss load: argument `n`: 10 → 14"
    edit(project, "s.py", 'load(14, mode="fast")', "load(14)")
    assert both(project)[0] == "s.py:8: miss load: argument `mode` is not given any more (it was 'fast')"


def test_a_function_in_another_file(project):
    project.ok("s.py")
    edit(project, "features.py", "row > ", "row >= ")
    assert both(project) == [
        "s.py:8: hit load",
        "s.py:9: miss cleaning: function `clean` in features.py changed (lines 3–4)",
    ]


def test_a_function_in_the_script(project):
    project.ok("s.py")
    edit(project, "s.py", "* n for", "+ n for")
    assert both(project) == [
        "s.py:8: miss load: function `load` in s.py changed (lines 4–6)",
        "s.py:9: miss cleaning: argument `rows`: [10, 20, 30] → [11, 12, 13]",
    ]


def test_a_global(project):
    project.ok("s.py")
    edit(project, "config.py", "5", "16")
    assert both(project) == ["s.py:8: hit load", "s.py:9: miss cleaning: global `LIMIT` in config.py: 5 → 16"]


def test_a_global_that_is_read_now(project):
    """The edit is the reason; what follows from it is told behind it."""
    project.ok("s.py")
    edit(project, "config.py", "LIMIT = 5", "LIMIT = 5\nMOST = 9")
    edit(project, "features.py", "> config.LIMIT", "> config.LIMIT + config.MOST")
    assert explained(project, options=["-v"]) == [
        "s.py:8: hit load",
        "s.py:9: miss cleaning: function `clean` in features.py changed (lines 3–4)",
        "s.py:9: also cleaning: global `MOST` in config.py is read now",
        "s.py:9: stored cleaning",
    ]
    assert why(project, "s.py:9") == [
        "s.py:9: miss cleaning: function `clean` in features.py changed (lines 3–4), and 1 more"
    ]


def test_a_file(project):
    project.ok("s.py")
    project.write("data.csv", "1,2,3,4")
    assert both(project)[0] == "s.py:8: miss load: file data.csv changed (5 B → 7 B)"
    project.write("data.csv", "4,3,2,1")
    assert both(project)[0] == "s.py:8: miss load: file data.csv changed"
    project.write("data.csv", "1," + " " * 4_000_000 + "1")
    assert both(project)[0] == "s.py:8: miss load: file data.csv changed (7 B → 3.8 MiB)"


def test_a_package(stash):
    packages = stash.folder / "lib" / "site-packages"
    for version in ("2.2.3", "2.3.0"):
        stash.write("lib/site-packages/thing.py", f"__version__ = '{version}'\ndef work(n):\n    return n\n")
        for old in packages.glob("*.dist-info"):
            old.rename(packages / f"thing-{version}.dist-info")
        stash.write(
            f"lib/site-packages/thing-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n",
        )
        stash.write(f"lib/site-packages/thing-{version}.dist-info/RECORD", "thing.py,,\n")
        stash.write("s.py", "import thing\ndef f(n):\n    return thing.work(n)\nf(1)  # @devstash\n")
        said = both(stash, env={"PYTHONPATH": str(packages)})
    assert said == ["s.py:4: miss f: thing 2.2.3 → 2.3.0"]


MARKED = {
    "env": ("env=LEVEL", {"LEVEL": "a"}, {"LEVEL": "b"}, "variable `LEVEL`: 'a' → 'b'"),
    "env that is set": ("env=LEVEL", {}, {"LEVEL": "b"}, "variable `LEVEL`: not set → 'b'"),
    "secret": ("env=API_TOKEN", {"API_TOKEN": "tell-nobody"}, {"API_TOKEN": "or-else"}, "variable `API_TOKEN` changed"),
}


@pytest.mark.parametrize("name", MARKED)
def test_a_variable_that_the_marker_names(stash, name):
    options, before, after, words = MARKED[name]
    stash.write("s.py", f"def f(n):\n    return n\nf(1)  # @devstash {options}\n")
    stash.ok("s.py", env=before)
    assert both(stash, env=after) == [f"s.py:3: miss f: {words}"]
    for told in (stash.devstash("why", "-v", "s.py"), stash.devstash("why", "--json", "s.py")):
        assert "tell-nobody" not in told.stdout and "or-else" not in told.stdout


def test_what_the_marker_declares(stash):
    stash.write("a.txt", "1")
    text = "size = 1\ndef f(n):\n    return n\nf(1)  # @devstash version=1 files=*.txt\nf(5)  # @devstash key=size\n"
    stash.write("s.py", text)
    stash.ok("s.py")
    stash.write("a.txt", "2")
    edit(stash, "s.py", "size = 1", "size = 2")
    assert both(stash) == [
        "s.py:4: miss f: files `*.txt` changed (['a.txt'])",
        "s.py:5: miss f: the value of key=: 1 → 2",
    ]
    stash.write("b.txt", "2")
    assert both(stash)[0] == "s.py:4: miss f: files `*.txt`: ['a.txt'] → ['a.txt', 'b.txt']"
    edit(stash, "s.py", "version=1", "version=2")
    assert both(stash)[0] == "s.py:4: miss f: version: '1' → '2'"
    edit(stash, "s.py", "version=2 ", "")
    assert both(stash)[0] == "s.py:4: miss f: version is not declared any more (it was '2')"


def test_an_object_and_its_class(stash):
    text = """
    class Model:
        def __init__(self, k):
            self.k = k
        def fit(self, n):
            return n * self.k
    model = Model(2)
    model.fit(3)  # @devstash
    """
    stash.write("s.py", text)
    stash.ok("s.py")
    edit(stash, "s.py", "Model(2)", "Model(4)")
    assert both(stash) == [
        "s.py:8: miss Model.fit: the object it is called on: __main__.Model(k=2) → __main__.Model(k=4)"
    ]
    edit(stash, "s.py", "n * self.k", "n + self.k")
    assert both(stash) == ["s.py:8: miss Model.fit: function `Model.fit` in s.py changed (lines 5–6)"]
    edit(stash, "s.py", "class Model:", "class Model:\n    kind = 1")
    (line,) = both(stash)  # before Python 3.13 a class does not know its first line, only its methods do
    assert re.fullmatch(r"s\.py:9: miss Model\.fit: class `Model` in s\.py changed \(lines [24]–7\)", line)


def test_an_expression_and_a_chain(stash):
    stash.write("s.py", 'x = 2\ny = x * 3  # @devstash\nz = " a ".strip().upper()  # @devstash\n')
    stash.ok("s.py")
    edit(stash, "s.py", "x = 2", "x = 4")
    edit(stash, "s.py", ".upper()", ".title()")
    assert both(stash) == [
        "s.py:2: miss expression: `x`: 2 → 4",
        's.py:3: miss str.strip: the line changed: `z = " a ".strip().upper()` → `z = " a ".strip().title()`',
    ]
    edit(stash, "s.py", "x * 3", "x * 5")
    assert both(stash) == [
        "s.py:2: miss expression: the line changed: `y = x * 3` → `y = x * 5`",
        "s.py:3: hit str.strip",
    ]


def test_something_else_is_called(stash):
    stash.write("s.py", "def f(n):\n    return n\ndef g(n):\n    return n\nf(1)  # @devstash\n")
    stash.ok("s.py")
    edit(stash, "s.py", "f(1)  #", "g(1)  #")
    assert both(stash) == ["s.py:5: miss g: it calls `g` now, not `f`"]


def test_another_folder(project):
    project.ok("s.py")
    project.write("elsewhere/data.csv", "1,2,3")
    options = ("--explain", "--cache-dir", str(project.cache))
    outcome = project.run("../s.py", options=options, cwd=project.folder / "elsewhere")
    folder = project.folder.resolve()
    assert outcome.stderr.splitlines() == [
        f"devstash: ../s.py:8: miss load: surroundings: in {folder} → in {folder}/elsewhere",
        f"devstash: ../s.py:9: miss cleaning: surroundings: in {folder} → in {folder}/elsewhere",
    ]
    assert why(project, "s.py:8") == [f"s.py:8: miss load: surroundings: in {folder} → in {folder}/elsewhere"]


# --- reasons besides ------------------------------------------------------------------------------------------------

SHORT = "def f(n):\n    return n\nf(1)  # @devstash\n"


def test_expired_and_refreshed(stash):
    stash.write("s.py", "def f(n):\n    return n\nf(1)  # @devstash ttl=1h\n")
    stash.ok("s.py")
    stash.age(3600 + 180)
    assert both(stash) == ["s.py:3: miss f: expired 3m ago (ttl 1h)"]
    assert both(stash, options=["--refresh"]) == ["s.py:3: miss f: refreshed"]
    assert both(stash) == ["s.py:3: hit f"]


def test_entries_that_are_not_in_order(stash, tmp_path):
    stash.write("s.py", SHORT)
    stash.ok("s.py")
    good = stash.entry().read_bytes()
    stash.entry().write_bytes(good[:-9] + b"\1" + good[-8:])
    assert both(stash) == ["s.py:3: miss f: its entry is damaged (its footer is not that of an entry)"]
    stash.entry().write_bytes(b"\0" + good[1:])
    assert both(stash) == ["s.py:3: miss f: its entry is damaged (its checksum is wrong)"]
    stash.entry().write_bytes(good[:-16] + b"\2" + good[-15:])
    assert both(stash) == [
        "s.py:3: miss f: its entry is of a newer devstash (format 2 of a newer devstash; this one reads format 1)"
    ]
    other = {"XDG_DATA_HOME": str(tmp_path / "other")}
    (line,) = both(stash, env=other)
    assert line.startswith("s.py:3: miss f: there is no key to check its entry with (there is no `")
    stash.ok("s.py", "-q", options=["--refresh"])
    assert both(stash, env=other) == ["s.py:3: miss f: its entry was signed with another key"]


def test_an_entry_that_was_cleared(stash):
    stash.write("s.py", SHORT)
    stash.ok("s.py")
    stash.ok("s.py")
    assert stash.devstash("clear", "--pattern", "f").status == 0
    assert why(stash, "s.py") == ["s.py:3: hit f; its entry was cleared since"]
    assert both(stash) == ["s.py:3: miss f: its entry was cleared since"]
    assert both(stash) == ["s.py:3: hit f"]


def test_an_entry_that_had_to_make_room(stash):
    stash.write("s.py", SHORT)
    stash.ok("s.py")
    name = stash.entry().name
    stash.entry().unlink()
    with open(stash.cache / ".stat" / "journal", "a") as journal:
        journal.write(f"evicted\t00000000\t{time.time_ns()}\t{name}\n")
    assert why(stash, name) == ["s.py:3: miss f: its entry was evicted since"]
    assert both(stash) == ["s.py:3: miss f: its entry was evicted since"]
    assert both(stash) == ["s.py:3: hit f"]


def test_calls_that_cannot_be_kept(stash):
    text = """
    import sys
    def ask(source):
        return source
    def fail(n):
        raise ValueError(n)
    def items(n):
        yield from range(n)
    for _ in range(2):
        ask(open("s.py"))  # @devstash
    try:
        fail(1)  # @devstash
    except ValueError:
        pass
    stream = items(2)  # @devstash
    next(stream)
    del stream
    def lock():
        import _thread
        return _thread.allocate_lock()
    lock()  # @devstash
    """
    stash.write("s.py", text)
    file = (
        "`source: _io.TextIOWrapper` cannot be part of the key (a file that is open is read or written by the call); "
        "leave it out with ignore=source or say what counts with key=…"
    )
    lock = "`result: _thread.lock` cannot be stored (cannot pickle '_thread.lock' object)"
    told = [f"s.py:10: not cached: {file}"] * 2
    assert explained(stash) == [
        *told,
        "s.py:12: miss fail: never run before",
        "s.py:15: miss items: never run before",
        "s.py:21: miss lock: never run before",
        f"s.py:21: not cached: {lock}",
    ]
    assert why(stash, "s.py") == [
        f"s.py:10: miss: not cacheable: {file} (the last of 2 misses)",
        "s.py:12: miss fail: it raised, and nothing is kept of such a call",
        "s.py:15: miss items: its stream was left half-way, so nothing was kept",
        f"s.py:21: miss lock: not cacheable: {lock}",
    ]
    assert explained(stash) == [
        *told,
        "s.py:12: miss fail: it raised the last time, and nothing is kept of such a call",
        "s.py:15: miss items: its stream was left half-way the last time, so nothing was kept",
        f"s.py:21: miss lock: not cacheable: {lock}",
        f"s.py:21: not cached: {lock}",
    ]


# --- which line is meant --------------------------------------------------------------------------------------------

LOOP = """\
import sys

def work(n):
    return n * 2

for n in range(int(sys.argv[1])):
    work(n)  # @devstash
if sys.argv[1] == "9":
    work(
        -1,  # @devstash
    )
"""


def test_a_loop_is_one_line(stash):
    stash.write("s.py", LOOP)
    assert len(explained(stash, "3")) == 3
    assert why(stash, "s.py") == [
        "s.py:7: miss work: never run before (the last of 3 misses)",
        "s.py:9: never run",
    ]
    assert explained(stash, "5") == [
        *["s.py:7: hit work"] * 3,
        "s.py:7: miss work: argument `n`: 2 → 3",
        "s.py:7: miss work: argument `n`: 2 → 4",
    ]
    assert why(stash, "s.py:7") == ["s.py:7: miss work: argument `n`: 2 → 4 (the last of 2 misses, 3 hits)"]
    stash.ok("s.py", "5")
    assert why(stash, "s.py:7") == ["s.py:7: hit work (5 times)"]
    stash.ok("s.py", "9")
    stash.ok("s.py", "1")
    assert why(stash, "s.py") == ["s.py:7: hit work", "s.py:9: not reached in the last run"]
    # Any line of a marked statement names it, and its own last run is told of.
    assert why(stash, "s.py:10") == why(stash, "s.py:9") == ["s.py:9: miss work: argument `n`: 4 → -1"]


def test_an_edited_function_explains_all_calls_of_a_loop(stash):
    """And not what this very run has kept shortly before."""
    stash.write("s.py", LOOP)
    stash.ok("s.py", "3")
    edit(stash, "s.py", "n * 2", "n * 3")
    changed = "function `work` in s.py changed (lines 3–4)"
    assert explained(stash, "3") == [f"s.py:7: miss work: {changed}"] * 3
    assert why(stash, "s.py:7") == [f"s.py:7: miss work: {changed} (the last of 3 misses)"]


def test_lines_move(stash):
    """Each call is compared with its own earlier one, and asked about by the line on which it is now."""
    stash.write("s.py", "def f(n):\n    return n\nf(1)  # @devstash\nf(5)  # @devstash\n")
    stash.ok("s.py")
    edit(stash, "s.py", "f(1)", "f(2)")
    assert both(stash) == ["s.py:3: miss f: argument `n`: 1 → 2", "s.py:4: hit f"]
    edit(stash, "s.py", "def f", "import sys\n\ndef f")
    assert why(stash, "s.py") == ["s.py:5: miss f: argument `n`: 1 → 2", "s.py:6: hit f"]
    assert why(stash, "s.py:6") == ["s.py:6: hit f"]


def test_two_calls_of_one_line(stash):
    stash.write("s.py", "def f(n):\n    return n\ndef g(n):\n    return n\nx = f(1), g(1)  # @devstash\n")
    stash.ok("s.py")
    edit(stash, "s.py", "g(1)", "g(2)")
    assert both(stash) == ["s.py:5: hit f", "s.py:5: miss g: argument `n`: 1 → 2"]
    assert why(stash, "__main____g") == ["s.py:5: miss g: argument `n`: 1 → 2"]


def test_an_entry_stands_for_its_line(project):
    project.ok("s.py")
    edit(project, "s.py", "load(10)", "load(12)")
    project.ok("s.py")
    told = "s.py:8: miss load: argument `n`: 10 → 12"
    for entry in project.entries():
        if "load" in entry.name:
            assert why(project, entry.name) == why(project, str(entry)) == [told]
    assert why(project, "load") == [told]
    (line,) = why(project, "cleaning")
    assert line.startswith("s.py:9: miss cleaning: argument `rows`")
    assert project.devstash("clear", "--all").status == 0


def test_an_entry_that_is_gone_is_remembered(stash):
    stash.write("s.py", SHORT)
    stash.ok("s.py")
    name = stash.entry().name
    stash.entry().unlink()
    assert why(stash, name) == ["s.py:3: miss f: its entry was cleared since"]


def test_the_script_is_found_from_anywhere(project):
    project.ok("s.py")
    elsewhere = project.write("elsewhere/x", "").parent
    keywords = {"cwd": elsewhere, "env": {"DEVSTASH_CACHE_DIR": str(project.cache)}}
    place = str(project.folder / "s.py") + ":8: miss load: never run before"
    assert why(project, "../s.py:8", **keywords) == why(project, "s.py:8", **keywords) == [place]


# --- nobody to be asked about ---------------------------------------------------------------------------------------


def test_never_run(project):
    project.write("other.py", SHORT)
    project.ok("other.py")
    assert why(project, "s.py") == ["s.py:8: never run", "s.py:9: never run"]
    assert why(project, "s.py:9") == ["s.py:9: never run"]


def test_without_a_journal(project):
    project.ok("s.py")
    (project.cache / ".stat" / "journal").unlink()
    project.age(120)
    line = "nothing is known of its last run; its newest entry was made 2m ago"
    assert why(project, "s.py:8") == why(project, "load") == [f"s.py:8: {line}"]


def test_bad_questions(project):
    assert why(project, "s.py", status=1) == [
        f"devstash: there is no cache at `{project.cache}`; `devstash run` makes it when there is something to keep"
    ]
    project.ok("s.py")
    project.write("plain.py", "print(1)\n")
    project.write("bad.py", "f(1)  # @devstash tll=1d\n")
    project.write(
        "t.py", "def f(n):\n    return n\nf(1)  # @devstash\ndef load(n):\n    return n\nload(1)  # @devstash\n"
    )
    project.ok("t.py")
    (project.folder / "t.py").unlink()

    def case(what, status, *lines):
        assert why(project, what, status=status) == ["devstash: " + lines[0], *lines[1:]]

    case("plain.py", 1, "`plain.py` has no marked line")
    case("s.py:3", 1, "`s.py` has no marker on line 3", "", "hint: marked are lines 8 and 9")
    case("bad.py", 2, "the markers of `bad.py` are not known: some cannot work; `devstash check` shows them")
    case(
        "nowhere.py",
        1,
        "no cached entry matches `nowhere.py`",
        "",
        "hint: `devstash list` shows the names of all entries",
    )
    case("laod", 1, "no cached entry matches `laod`", "", "hint: did you mean `load`?")
    case("", 2, "an empty ENTRY could be any", "", "hint: `devstash list` shows the names of all entries")
    assert why(project, "load", status=2)[0] == "devstash: `load` matches 2 cached entries"
    (project.cache / "format").write_text("2\n")
    case("s.py", 1, f"`{project.cache}` was made by a newer devstash (layout 2; this one knows 1)")


# --- all of it ------------------------------------------------------------------------------------------------------


def steady(text):
    """What is said, with as many zeros in the place of what differs from run to run."""
    text = re.sub(r"__[0-9a-f]{16}(?=\.pkl)", "__" + "0" * 16, text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\ds ago\)", "0000-00-00 00:00:00 (0s ago)", text)


@pytest.fixture
def changed(project):
    """A run in which two things differ on line 8, and a file on which nothing else depends."""
    project.ok("s.py")
    edit(project, "s.py", "load(10)", "load(12)")
    edit(project, "s.py", 'split(",")', 'split(",", 9)')
    project.ok("s.py")
    return project


ALL = """\
s.py:8: miss load: argument `n`: 10 → 12
  run            0000-00-00 00:00:00 (0s ago)
  also           function `load` in s.py changed (lines 4–6)
  compared with  __main____load__0000000000000000.pkl
  entry          __main____load__0000000000000000.pkl
"""


def test_all_that_differs(changed):
    outcome = changed.devstash("why", "-v", "s.py:8")
    assert (outcome.status, outcome.stderr, steady(outcome.stdout)) == (0, "", ALL)
    names = re.findall(r"__main____load__\w+\.pkl", outcome.stdout)
    assert set(names) == {entry.name for entry in changed.entries() if "load" in entry.name}


def test_a_narrow_terminal(changed):
    shown, status = on_terminal([binary(), "why", "s.py:8"], changed.environment(), changed.folder, columns=40)
    assert status == 0
    assert shown.replace("\r\n", "\n") == "s.py:8: miss load: argument `n`: 10 →\n12, and 1 more\n"


def test_for_programs(changed):
    outcome = changed.devstash("why", "--json", "s.py")
    assert (outcome.status, outcome.stderr) == (0, "") and outcome.stdout.endswith("}\n")
    document = json.loads(steady(outcome.stdout))
    load, cleaning = document.pop("sites")
    assert document == {"format": 1}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", load.pop("run"))
    name = "__main____load__0000000000000000.pkl"
    assert load == {
        "file": str(changed.folder / "s.py"),
        "line": 8,
        "name": "load",
        "state": "miss",
        "hits": 0,
        "missed": 1,
        "entry": name,
        "cleared": False,
        "misses": [
            {
                "reason": "absent",
                "detail": "",
                "because": "argument `n`: 10 → 12",
                "outcome": "stored",
                "refusal": None,
                "entry": name,
                "times": 1,
                "compared_with": name,
                "differences": [
                    {
                        "component": "argument n",
                        "change": "changed",
                        "old": "10",
                        "new": "12",
                        "words": "argument `n`: 10 → 12",
                    },
                    {
                        "component": "function __main__.load",
                        "change": "changed",
                        "old": "s.py:4-6",
                        "new": "s.py:4-6",
                        "words": "function `load` in s.py changed (lines 4–6)",
                    },
                ],
            }
        ],
    }
    assert cleaning["name"] == "cleaning"


def test_the_documentation_names_every_member(changed):
    document = json.loads(changed.devstash("why", "--json", "s.py").stdout)
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    table = page.partition("With `--json` the answer")[2].partition("\n## ")[0]
    documented = {name for line in re.findall(r"(?m)^\| (`.*?) \|", table) for name in re.findall("`([^`]+)`", line)}
    site = document["sites"][0]
    miss = site["misses"][0]
    members = {"format", *(f"sites[].{name}" for name in site)}
    members |= {f"….{name}" for name in (*miss, *miss["differences"][0])}
    listed = {"sites[].misses": "sites[].misses[]", "….differences": "….differences[]"}
    assert documented == {listed.get(name, name) for name in members}


def test_to_be_asked_about_is_no_use(changed):
    before = [(path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in changed.entries()]
    why(changed, "s.py")
    assert [(path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in changed.entries()] == before


def test_names_are_shown_harmlessly(stash):
    name = "a\x1b[31m.py"
    stash.write(name, "def f(n):\n    return n\nf('\\x1b[32m')  # @devstash\n")
    outcome = stash.run(name, options=["--explain"])
    assert outcome.status == 0
    (line,) = why(stash, name)
    assert line == "a\\u{1b}[31m.py:3: miss f: never run before"
    edit(stash, name, "[32m", "[33m")
    stash.run(name)
    outcome = stash.devstash("why", name)
    assert outcome.stdout == "a\\u{1b}[31m.py:3: miss f: argument `n`: '\\\\x1b[32m' → '\\\\x1b[33m'\n".replace(
        "\\\\x", "\\x"
    )
    assert "\x1b" not in stash.devstash("why", "--json", name).stdout


def test_a_folder_of_very_many_entries_of_one_call(stash):
    """The newest thousand are compared, which takes no noticeable time."""
    stash.write(
        "s.py", "import sys\ndef f(n):\n    return n\nfor n in range(*map(int, sys.argv[1:])):\n    f(n)  # @devstash\n"
    )
    stash.ok("s.py", "0", "20")
    model = stash.entries()[0].read_bytes()
    for number in range(1200):
        stash.write(f".devstash_cache/__main____f__{number:016x}.pkl", model)
    assert len(explained(stash, "20", "40")) == 20
    assert why(stash, "s.py")[0].endswith("(the last of 20 misses)")
