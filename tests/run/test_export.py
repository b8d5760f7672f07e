"""`devstash export` and `devstash fixture`: the value of an entry for other programs, by the standard library alone."""

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import binary, on_terminal

THINGS = """
import dataclasses, enum

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int
    y: "Colour"

class Odd:
    pass
"""

SCRIPT = """
import datetime
from things import Colour, Odd, Point

class Own:
    pass

def plain():
    return {"a": [1, 2.5, None, True, "\\x9bé"], "t": (1,), 3: datetime.date(2026, 1, 31), "p": Point(1, Colour.RED)}

def rows():
    return [{"a": 1, "b": "x,y"}, {"a": 2}]

def lists():
    return [[1, "a"], [2, None]]

def odd():
    return {"parts": [1, Odd()]}

def own():
    return [Own()]

def grow(held):
    held.append(1)
    return held

def pair(held):
    held.append(1)
    return len(held)

def large():
    return bytearray(b"x" * 50000)

plain()  # @devstash name=plain
rows()  # @devstash
lists()  # @devstash
odd()  # @devstash
own()  # @devstash
grow([])  # @devstash
pair([1])  # @devstash
large()  # @devstash
"""


@pytest.fixture
def filled(stash):
    stash.write("things.py", THINGS)
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    return stash


def export(stash, wanted, *argv, **keywords):
    """`devstash export` with the Python under test; what it says of loading is checked and taken away."""
    outcome = stash.devstash("export", wanted, "--python", stash.python, *argv, **keywords)
    said = r"devstash: loading `[\w.]+__[0-9a-f]{16}\.pkl` with `.*` \(Python 3\.\d+\.\d+\S*\)\n"
    outcome.stderr, count = re.subn(said, "", outcome.stderr, count=1)
    assert count or outcome.status == 4 or "no cached entry" in outcome.stderr or "terminal" in outcome.stderr, outcome
    outcome.stderr = re.sub("__[0-9a-f]{16}", "__0", outcome.stderr)
    return outcome


PLAIN = """\
{
  "a": [
    1,
    2.5,
    null,
    true,
    "\x9bé"
  ],
  "t": [
    1
  ],
  "3": "2026-01-31",
  "p": {
    "x": 1,
    "y": 1
  }
}
"""


def test_json(filled):
    outcome = export(filled, "plain", "--to", "json")
    assert outcome.raw[0].decode() == PLAIN and (outcome.stderr, outcome.status) == ("", 0)
    assert export(filled, "__pair__", "--to", "json").stdout == "2\n"
    # On a terminal nothing but ASCII comes.
    argv = [binary(), "export", "plain", "--to", "json", "--python", filled.python]
    shown, status = on_terminal(argv, filled.environment(), filled.folder)
    assert status == 0 and '"\\u009b\\u00e9"' in shown and "\x9b" not in shown


def test_tables(filled):
    assert export(filled, "__rows__", "--to", "csv").stdout == 'a,b\n1,"x,y"\n2,\n'
    assert export(filled, "__lists__", "--to", "csv").stdout == "1,a\n2,\n"


def test_a_plain_pickle(filled):
    outcome = export(filled, "__large__", "--to", "pkl", "-o", "made.pkl")
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", "", 0)
    data = (filled.folder / "made.pkl").read_bytes()
    assert pickle.loads(data) == b"x" * 50000 and data == pickle.dumps(bytearray(b"x" * 50000), protocol=5)


CANNOT = {
    ("__odd__", "json"): "`value['parts'][1]` is of type `things.Odd`, for which JSON has no word; `--to pkl` has it",
    ("plain", "csv"): "a value of type `dict` is no table; `--to json` or `--to pkl` may do",
    (
        "__own__",
        "pkl",
    ): "its value needs a class or function of the script itself (`__main__`); put that into a module of "
    "its own, which the script imports",
    ("__grow__", "json"): "its value is, or holds, an object that was there before the call (as in `m = pipe.fit(X)`), "
    "which only a program that has the object can tell; let the marked call return a copy",
}


@pytest.mark.parametrize(("wanted", "form"), CANNOT)
def test_what_cannot_be_said(filled, wanted, form):
    outcome = export(filled, wanted, "--to", form, "-o", "made")
    name = f"__main____{wanted.strip('_')}__0.pkl"
    told = f"devstash: cannot export `{name}`: {CANNOT[wanted, form]}\n"
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", told, 2)
    assert not (filled.folder / "made").exists()


def test_a_missing_package_is_named(filled):
    filled.write("numpy.py", "raise ImportError('no numpy here')\n")
    outcome = export(filled, "__lists__", "--to", "npy")
    told = f"`--to npy` needs the package `numpy`, which `{filled.python}` does not have; install it there, or choose "
    assert told + "another interpreter with `--python`\n" in outcome.stderr and outcome.status == 2
    filled.write("things.py", "import nowhere_at_all\n")
    outcome = export(filled, "plain", "--to", "json")
    assert "it needs the module `nowhere_at_all`, which" in outcome.stderr and outcome.status == 2


def test_nothing_unsigned_is_unpickled(filled):
    path = next(path for path in filled.entries() if "rows" in path.name)
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    for name in "mmap.py", "json.py", "pickletools.py":
        filled.write(name, "raise SystemExit('executed')")
    keys = filled.home / "data" / "devstash" / "key"
    for argv in ["export", "__plain__", "--to", "json"], ["fixture", "__plain__", "fixtures"]:
        damaged = filled.devstash(argv[0], path, *argv[2:], "--python", filled.python)
        assert damaged.status == 4 and "damaged (" in damaged.stderr and damaged.stdout == ""
        key = keys.read_bytes()
        keys.write_bytes(bytes(32))
        foreign = filled.devstash(*argv, "--python", filled.python)
        assert foreign.status == 4 and foreign.stdout == ""
        assert "foreign (signed with another key than yours)\n" in foreign.stderr and "loading" not in foreign.stderr
        keys.write_bytes(key)
    assert list((filled.folder / "fixtures").iterdir()) == []


def test_files_are_whole_or_as_they_were(filled):
    made = filled.write("made.json", "old")
    link = filled.folder / "link.json"
    link.symlink_to(made)
    assert export(filled, "__odd__", "--to", "json", "-o", "made.json").status == 2
    assert made.read_text() == "old"
    assert export(filled, "__rows__", "--to", "json", "-o", "link.json").status == 0
    assert link.is_symlink() and json.loads(made.read_text()) == [{"a": 1, "b": "x,y"}, {"a": 2}]
    for target in "nowhere/made.json", ".":
        outcome = filled.devstash("export", "__rows__", "--to", "json", "-o", target, "--python", filled.python)
        assert outcome.status == 4 and outcome.stderr.startswith(f"devstash: cannot write `{target}`: "), outcome
    # A device stays one.
    assert export(filled, "__rows__", "--to", "json", "-o", "/dev/null").status == 0
    assert not os.path.isfile("/dev/null")
    assert [path for path in filled.folder.iterdir() if path.name.startswith(".devstash-")] == []


def test_what_the_value_prints_is_not_in_the_result(filled):
    filled.write("things.py", THINGS + "print('hello from a module')\n")
    outcome = export(filled, "plain", "--to", "json")
    assert outcome.raw[0].decode() == PLAIN and outcome.stderr == "hello from a module\n"
    closed = filled.command(
        "sh", "-c", f"{binary()} export plain --to json --python {filled.python} | head -c 0; echo done"
    )
    assert closed.stdout == "done\n"


def test_bad_input(filled):
    for argv, told in {
        ("export", "nobody", "--to", "json"): (1, "devstash: no cached entry matches `nobody`"),
        ("export", "plain", "--to", "yaml"): (2, "invalid value 'yaml'"),
        ("export", "plain"): (2, "--to <FORMAT>"),
        ("export", "plain", "--to", "json", "--python", "./none"): (127, "devstash: cannot start `./none`"),
        ("fixture", "plain"): (2, "<DIR>"),
        ("fixture", "plain", "x", "--name", "a/b"): (2, "devstash: `--name a/b` cannot be the name of a file"),
        ("fixture", "plain", "s.py", "--python", sys.executable): (4, "devstash: cannot write to `s.py`: "),
    }.items():
        outcome = filled.devstash(*argv)
        assert outcome.status == told[0] and told[1] in outcome.stderr and outcome.stdout == "", outcome
    shown, status = on_terminal([binary(), "export", "plain", "--to", "pkl"], filled.environment(), filled.folder)
    told = "devstash: `--to pkl` is not for a terminal\r\n\r\nhint: name a file with `-o FILE`\r\n"
    assert (shown, status) == (told, 2)


# --- fixtures -------------------------------------------------------------------------------------------------------

NOTE = """\
What a call returned once, kept for tests.

call   __main__.rows
line   s.py:35
       rows()
value  [{'a': 1, 'b': 'x,y'}, {'a': 2}]
made   0000-00-00T00:00:00.000Z, Python 0, devstash 0
needs  nothing but Python

To load it:

    import pickle
    with open("rows.pkl", "rb") as file:
        value = pickle.load(file)
"""


def fixture(stash, *argv):
    return stash.devstash("fixture", *argv, "--python", stash.python)


def test_a_fixture(filled):
    outcome = fixture(filled, "__rows__", "tests/data/")
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("tests/data/rows.pkl\ntests/data/rows.txt\n", "", 0)
    folder = filled.folder / "tests" / "data"
    assert pickle.loads((folder / "rows.pkl").read_bytes()) == [{"a": 1, "b": "x,y"}, {"a": 2}]
    note = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "0000-00-00T00:00:00.000Z", (folder / "rows.txt").read_text())
    assert re.sub(r"(Python|devstash) [\d.]+", r"\1 0", note) == NOTE
    assert sorted(path.name for path in folder.iterdir()) == ["rows.pkl", "rows.txt"]
    # Once more is the same; another value of that name needs to be told.
    before = (folder / "rows.pkl").read_bytes()
    assert fixture(filled, "__rows__", "tests/data").status == 0
    refused = fixture(filled, "__lists__", "tests/data", "--name", "rows")
    told = (
        "devstash: `tests/data/rows.pkl` is there already, with other contents\n\nhint: `--force` replaces it, `--name` "
        "gives the new one another name\n"
    )
    assert (refused.stdout, refused.stderr, refused.status) == ("", told, 2)
    assert (folder / "rows.pkl").read_bytes() == before
    assert fixture(filled, "__lists__", "tests/data", "--name", "rows", "--force").status == 0
    assert pickle.loads((folder / "rows.pkl").read_bytes()) == [[1, "a"], [2, None]]


def test_fixtures_open_with_the_standard_library(filled):
    for name in "plain", "__large__", "__pair__":
        assert fixture(filled, name, "data").status == 0
    code = "import pickle, sys; print(*[type(pickle.load(open(f, 'rb'))).__name__ for f in sys.argv[1:]])"
    files = [f"data/{name}.pkl" for name in ("plain", "large", "pair")]
    done = subprocess.run(
        [filled.python, "-S", "-c", code, *files], cwd=filled.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "dict bytearray int\n"
    assert "needs  things\n" in (filled.folder / "data" / "plain.txt").read_text()


def test_what_is_no_fixture(filled):
    for name, form in (("__own__", "pkl"), ("__grow__", "json")):
        outcome = fixture(filled, name, "data")
        assert outcome.status == 2 and outcome.stdout == ""
        assert outcome.stderr.endswith(f": {CANNOT[name, form]}\n") and "cannot make a fixture of `" in outcome.stderr
    assert list((filled.folder / "data").iterdir()) == []


def test_the_readme_shows_a_test_that_works(filled):
    page = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(import pickle\n\nfrom summary.*?)```", page, re.DOTALL)[1]
    assert fixture(filled, "__rows__", "tests/data", "--name", "answer").status == 0
    filled.write("summary.py", "def summarise(rows):\n    return f'{len(rows)} rows'\n")
    done = filled.command(filled.python, "-c", f"{shown}\nprint(len(answer()))\ntest_summarise()")
    assert (done.stdout, done.stderr) == ("2\n", "")
