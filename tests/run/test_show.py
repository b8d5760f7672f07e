"""`devstash show` and `devstash path`: one entry, found by what a user types, and all that is known of it."""

import hashlib
import json
import os
import re
import socket
import stat
import struct
import sys
import unicodedata
from pathlib import Path

import pytest
from harness import binary, on_terminal, without_privileges

pytestmark = pytest.mark.commands

SCRIPT = """
import os

RATE = 2

class Report:
    def __init__(self, title):
        self.title = title

    def build(self, name, rows, limit=3):
        with open(name) as file:
            text = file.read()
        os.listdir("data")
        os.path.exists("nowhere")
        os.environ.get("LEVEL")
        try:
            open("missing.txt")
        except FileNotFoundError:
            pass
        with open("out.txt", "w") as file:
            file.write(text)
        rows.append(len(text))
        os.environ["STATE"] = "hush-hush"
        print("building", self.title)
        return [text.upper()] * RATE

def plain(number):
    return number + 1

report = Report("Sales")
rows = [1, 2]
report.build("data/in.txt", rows, limit=4)  # @devstash ttl=1d name=sales replay=stdout
for number in range(2):
    plain(number)  # @devstash
"""

BUILD, PLAIN = "s.py:32", "s.py:34"
# The first line of the class that is known: its own from Python 3.13 on, that of its first method before.
CLASS = 6 if sys.version_info >= (3, 13) else 7


@pytest.fixture
def filled(stash):
    """A cache with three entries: one that read and did much, and two of one line."""
    stash.write("data/in.txt", "some text\n")
    stash.write("s.py", SCRIPT)
    assert stash.ok("s.py") == "building Sales\n"
    assert len(stash.entries()) == 3
    return stash


def entry(stash, part):
    """The one entry with this in its name."""
    (found,) = [path for path in stash.entries() if part in path.name]
    return found


def forged(manifest, stream=b"\x80\x05N."):
    """The bytes of an entry as docs/cache-format.md describes them, but for the tag, which only its owner can make."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    data = stream + text + struct.pack("<5Q", len(stream), len(text), 0, 0, len(stream))
    return data + hashlib.blake2b(data, digest_size=16).digest() + bytes(32) + b"\1\0\0\0\0\0\0\0devstash"


def steady(text):
    """What is shown, with as many zeros in the place of what differs from run to run."""
    digits = r"__[0-9a-f]+(?:\n +[0-9a-f]+)?(?=\.pkl)"  # a narrow terminal breaks them
    text = re.sub(digits, lambda found: re.sub("[0-9a-f]", "0", found[0]), text)
    text = re.sub(r"digest [0-9a-f]{8}", "digest 00000000", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\ds ago\)", "0000-00-00 00:00:00 (0s ago)", text)
    text = re.sub(r"(?m)^took .*", "took       0 ms", text)
    text = re.sub(r"(?m)^size .*", "size       0 B (payload 0 B)", text)
    text = re.sub(r"(?m)^(  surroundings +)in .*(?:\n {10,}.*)*", r"\1in /folder, time zone UTC", text)
    text = re.sub(r"s\.py:[67]-25", "s.py:6-25", text)
    text = re.sub(r"CPython 3\.\d+", "CPython 0", text)
    return re.sub(r"(?m)^(python|devstash)( +)[0-9.]+", r"\1\g<2>0", text)


def seen(folder):
    """What a look into the cache must leave as it is: names, contents, times of making and of use."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        used = about.st_atime_ns if path.suffix == ".pkl" and stat.S_ISREG(about.st_mode) else 0
        found[path] = (about.st_ino, about.st_mode, about.st_size, about.st_mtime_ns, used)
    return found


# --- show for people ------------------------------------------------------------------------------------------------

SHOWN = """\
entry      .devstash_cache/__main____Report.build__0000000000000000.pkl
call       __main__.Report.build
name       sales
site       s.py:32
           report.build("data/in.txt", rows, limit=4)
value      ['SOME TEXT\\n', 'SOME TEXT\\n']
made       0000-00-00 00:00:00 (0s ago)
last used  never
took       0 ms
size       0 B (payload 0 B)
ttl        1d, valid
python     0
devstash   0

key:
  callable                           __main__.Report.build
  class __main__.Report              s.py:6-25
  function __main__.Report.__init__  s.py:7-8
  function __main__.Report.build     s.py:10-25
  global __main__.RATE               2
  receiver                           __main__.Report(title='Sales')
  argument name                      'data/in.txt'
  argument rows                      [1, 2]
  argument limit                     4
  surroundings                       in /folder, time zone UTC
  python                             CPython 0
  format                             digest 00000000

trace:
  file      data/in.txt (10 B)
  absent    missing.txt
  look      nowhere (is it there: no)
  folder    data (the names in it)
  variable  LEVEL (not set)

effects:
  variable  STATE (set)
  file      out.txt (written, 10 B)
  output    stdout (20 B recorded)
  objects   it changed objects that were there before, or returned one

output:
    building Sales
"""


def test_all_is_shown(filled):
    outcome = filled.devstash("show", "sales")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert steady(outcome.stdout) == SHOWN


def on(stash, columns, *argv, **keywords):
    """What a terminal of this width shows, and the exit status."""
    shown, status = on_terminal([binary(), *argv], stash.environment(), stash.folder, columns=columns, **keywords)
    return shown.replace("\r\n", "\n"), status


def test_a_terminal_of_120_columns(filled):
    shown, status = on(filled, 120, "show", "sales")
    assert (steady(shown), status) == (SHOWN, 0)


NARROW = """\
entry      .devstash_cache/__main____Report.build__000000000
           0000000.pkl
call       __main__.Report.build
name       sales
site       s.py:32
           report.build("data/in.txt", rows, limit=4)
value      ['SOME TEXT\\n', 'SOME TEXT\\n']
made       0000-00-00 00:00:00 (0s ago)
last used  never
took       0 ms
size       0 B (payload 0 B)
ttl        1d, valid
python     0
devstash   0

key:
  callable                        __main__.Report.build
  class __main__.Report           s.py:6-25
  function __main__.Report.__init__  s.py:7-8
  function __main__.Report.build  s.py:10-25
  global __main__.RATE            2
  receiver                        __main__.Report(title='Sal
                                  es')
  argument name                   'data/in.txt'
  argument rows                   [1, 2]
  argument limit                  4
  surroundings                    in /folder, time zone UTC
  python                          CPython 0
  format                          digest 00000000

trace:
  file      data/in.txt (10 B)
  absent    missing.txt
  look      nowhere (is it there: no)
  folder    data (the names in it)
  variable  LEVEL (not set)

effects:
  variable  STATE (set)
  file      out.txt (written, 10 B)
  output    stdout (20 B recorded)
  objects   it changed objects that were there before, or
            returned one

output:
    building Sales
"""


def test_a_terminal_of_60_columns(filled):
    shown, status = on(filled, 60, "show", "sales")
    assert (steady(shown), status) == (NARROW, 0)


def cells(line):
    """How many columns a line takes."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in line)
    return len(line) + wide - sum(unicodedata.combining(sign) > 0 for sign in line)


@pytest.mark.parametrize("columns", [30, 33, 60, 121])
def test_long_texts_fit_the_terminal(stash, columns):
    stash.write("a_function_with_quite_a_long_name.py", "A = 1\n")
    stash.write(
        "s.py",
        """
        def a_function_with_quite_a_long_name_that_goes_on_and_on_and_on(text, parts):
            return text * 3, parts
        text = "日本語のテキスト" * 5 + "e\u0301" * 20
        x = a_function_with_quite_a_long_name_that_goes_on_and_on_and_on(text, ["words that can be broken", text])  # @devstash
        """,
    )
    stash.ok("s.py")
    plain = stash.devstash("show", "s.py:5").stdout
    shown, status = on(stash, columns, "show", "s.py:5")
    assert status == 0 and max(map(cells, shown.splitlines())) <= columns
    # All is there, with breaks and spaces in other places.
    assert re.sub(r"\s", "", re.sub(r"\d+s ago", "", shown)) == re.sub(r"\s", "", re.sub(r"\d+s ago", "", plain))


def test_what_it_is_that_a_variable_is_set_to_is_not_shown(filled):
    assert "hush" in entry(filled, "build").read_bytes().decode("latin-1")
    for form in [], ["--json"]:
        assert "hush" not in filled.devstash("show", "sales", *form).stdout


def row(stash, name, *argv, env=None):
    """One row of what is shown."""
    outcome = stash.devstash("show", *argv, env=env)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return re.search(f"(?m)^{name} +(.*)$", outcome.stdout)[1]


def test_ages_and_uses(filled):
    build = entry(filled, "build")
    assert row(filled, "last used", "sales") == "never"
    moment = 1_000_000_000_000_000_000
    os.utime(build, ns=(moment + 5_000_000_000, moment))
    made = row(filled, "made", "sales", env={"TZ": "JST-9"})
    assert re.fullmatch(r"2001-09-09 10:46:40 \(\d+w \dd ago\)", made)
    assert row(filled, "last used", "sales", env={"TZ": "EST5EDT,M3.2.0,M11.1.0"}).startswith("2001-09-08 21:46:45 (")
    assert row(filled, "ttl", "sales") == "1d, expired"
    document = json.loads(filled.devstash("show", "sales", "--json", env={"TZ": "JST-9"}).stdout)
    assert (document["made"], document["last_used"]) == ("2001-09-09T01:46:40.000Z", "2001-09-09T01:46:45.000Z")
    assert document["expired"] is True and document["age"] > 20 * 365 * 86400
    os.utime(build, (4_000_000_000, 4_000_000_000))
    assert row(filled, "made", "sales").endswith(" (ahead of the clock)")
    assert row(filled, "ttl", "sales") == "1d, expired"


def test_a_hit_is_a_use_and_a_look_is_none(filled):
    before = seen(filled.cache)
    for command in (
        ("show", "sales"),
        ("show", PLAIN),
        ("show", "--json", "sales"),
        ("path", "sales"),
        ("show", "nobody"),
    ):
        filled.devstash(*command)
    assert seen(filled.cache) == before
    assert row(filled, "last used", "sales") == "never"
    filled.ok("s.py")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\ds ago\)", row(filled, "last used", "sales"))


def test_kinds_of_effects_and_reads(stash):
    stash.write("helper.py", "VALUE = 3\n")
    stash.write("old.txt", "old")
    stash.write(
        "s.py",
        """
        import glob, os, random
        random.seed(1)
        def work():
            import helper
            os.remove("old.txt")
            os.makedirs("made", exist_ok=True)
            os.symlink("target", "made/link")
            os.chdir("made")
            os.environ.pop("GONE", None)
            return random.random()
        def count(n):
            for i in range(n):
                yield i
        work()  # @devstash
        os.chdir("..")
        for i in count(3):  # @devstash
            pass
        """,
    )
    stash.ok("s.py", env={"GONE": "1"})
    lines = stash.devstash("show", "work").stdout.splitlines()
    for line in (
        f"  module    helper ({stash.folder}/helper.py)",
        "  variable  GONE",
        "  random          random (drawn from; a hit needs the state that it found, and sets the one that it left)",
        "  variable        GONE (removed)",
        f"  working folder  {stash.folder}/made (changed to this)",
        "  folder          made (made, or made sure of)",
        "  link            made/link (made; it leads to target)",
        "  file            old.txt (removed)",
    ):
        assert line in lines, "\n".join(lines)
    shown = stash.devstash("show", "count").stdout
    assert "trace: none\n" in shown and "  stream  generator (3 items)\n" in shown
    assert row(stash, "value", "count") == "[0, 1, 2]"


# --- show for programs ----------------------------------------------------------------------------------------------


def test_json_has_the_documented_members(filled):
    outcome = filled.devstash("show", "--json", "sales")
    assert (outcome.status, outcome.stderr) == (0, "") and outcome.stdout.endswith("}\n")
    document = json.loads(outcome.stdout)
    path = entry(filled, "build")
    for part in document["key"]:
        assert re.fullmatch("[0-9a-f]{32}", part.pop("digest"))
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(moment, document.pop("made"))
    assert document.pop("age") in range(60)
    assert 0 < document.pop("duration") < 60
    assert 0 < document.pop("payload") < document["size"]
    assert document.pop("python") and document.pop("devstash")
    assert document == {
        "format": 1,
        "entry": path.name,
        "path": str(path),
        "module": "__main__",
        "qualname": "Report.build",
        "name": "sales",
        "site": {
            "file": str(filled.folder / "s.py"),
            "line": 32,
            "scope": "",
            "text": 'report.build("data/in.txt", rows, limit=4)',
        },
        "value": "['SOME TEXT\\n', 'SOME TEXT\\n']",
        "look": None,
        "last_used": None,
        "tokens": None,
        "size": path.stat().st_size,
        "ttl": 86400,
        "expired": False,
        "key": [
            {"component": "callable", "preview": "__main__.Report.build"},
            {"component": "class __main__.Report", "preview": f"s.py:{CLASS}-25"},
            {"component": "function __main__.Report.__init__", "preview": "s.py:7-8"},
            {"component": "function __main__.Report.build", "preview": "s.py:10-25"},
            {"component": "global __main__.RATE", "preview": "2"},
            {"component": "receiver", "preview": "__main__.Report(title='Sales')"},
            {"component": "argument name", "preview": "'data/in.txt'"},
            {"component": "argument rows", "preview": "[1, 2]"},
            {"component": "argument limit", "preview": "4"},
            {"component": "surroundings", "preview": f"in {filled.folder}, time zone UTC"},
            {"component": "python", "preview": "CPython %d.%d" % sys.version_info[:2]},
            {"component": "format", "preview": None},
        ],
        "trace": [
            {"kind": "file", "name": "data/in.txt", "note": "10 B"},
            {"kind": "absent", "name": "missing.txt", "note": None},
            {"kind": "look", "name": "nowhere", "note": "is it there: no"},
            {"kind": "folder", "name": "data", "note": "the names in it"},
            {"kind": "variable", "name": "LEVEL", "note": "not set"},
        ],
        "effects": [
            {"kind": "variable", "name": "STATE", "note": "set"},
            {"kind": "file", "name": "out.txt", "note": "written, 10 B"},
            {"kind": "output", "name": "stdout", "note": "20 B recorded"},
            {
                "kind": "objects",
                "name": None,
                "note": "it changed objects that were there before, or returned one",
            },
        ],
    }


def test_the_documentation_names_every_member(filled):
    document = json.loads(filled.devstash("show", "--json", "sales").stdout)
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.partition("\n## `devstash show`")[2].partition("\n## ")[0]
    table = section.partition("`--json` prints")[2]
    documented = {name for line in re.findall(r"(?m)^\| (`.*?) \|", table) for name in re.findall("`([^`]+)`", line)}
    parts = [f"{name}.{part}" for name in ("site",) for part in document[name]]
    parts += [f"{name}[].{part}" for name in ("key", "trace", "effects") for part in document[name][0]]
    assert documented == {*document, *parts} - {"site", "key", "trace", "effects"}


def test_json_is_the_same_on_a_terminal(filled):
    plain = filled.devstash("show", "--json", "sales").stdout
    shown, status = on(filled, 60, "show", "--json", "sales")
    assert status == 0
    assert re.sub('"age": .*', "", shown) == re.sub('"age": .*', "", plain)


# --- show --output --------------------------------------------------------------------------------------------------


def test_output_is_printed_as_it_was(stash):
    stash.write(
        "s.py",
        """
        import sys
        def work(n):
            sys.stdout.buffer.write(b"raw \\xff\\0 \\x1b[1m bytes")
            sys.stdout.flush()
            print("an error", file=sys.stderr)
            print("no line end", end="")
            return n
        work(1)  # @devstash replay=stdout,stderr
        """,
    )
    assert stash.run("s.py").status == 0
    assert stash.devstash("show", "--output", "s.py:9").raw == (b"raw \xff\0 \x1b[1m bytesno line end", b"", 0)
    assert stash.devstash("show", "--output", "work", cwd=stash.cache).status == 1  # no cache below the cache
    inside = stash.devstash("show", "--output", stash.entry().name, cwd=stash.cache)
    assert (inside.status, inside.stderr) == (0, "")


def test_output_of_stdout_and_stderr_as_one(stash):
    stash.write(
        "s.py",
        """
        import sys
        def work(n):
            print("one", flush=True)
            print("two", file=sys.stderr, flush=True)
        work(1)  # @devstash replay=stdout,stderr
        """,
    )
    stash.command("sh", "-c", 'exec "$@" 2>&1', "sh", *stash.argv("s.py"))
    assert stash.devstash("show", "--output", "work").raw == (b"one\ntwo\n", b"", 0)
    assert "  output  stdout and stderr as one (" in stash.devstash("show", "work").stdout


def test_no_output_is_no_trouble_where_it_was_recorded(stash):
    stash.write("s.py", "def work(n): return n\nwork(1)  # @devstash replay=stdout\n")
    stash.ok("s.py")
    assert stash.devstash("show", "--output", "work").raw == (b"", b"", 0)


def test_output_that_was_not_recorded(filled):
    found = sorted(filled.cache.glob("*plain*"))[0]
    assert filled.devstash("show", "--output", found.name).raw == (
        b"",
        f"devstash: cannot show the output of `{found.name}`: its output was not recorded; `replay=stdout` in the marker, "
        "or `devstash run --record`, has it kept\n".encode(),
        1,
    )


def test_output_of_the_other_stream(stash):
    stash.write("s.py", "def work(n): print(n)\nwork(1)  # @devstash replay=stderr\n")
    stash.ok("s.py")
    assert stash.devstash("show", "--output", "work").raw == (
        b"",
        f"devstash: cannot show the output of `{stash.entry().name}`: its stdout was not recorded, only its stderr; "
        "`replay=stdout` in the marker has it kept\n".encode(),
        1,
    )


@pytest.mark.parametrize("damage", ["gone", "changed", "shorter", "link", "folder", "fifo"])
def test_output_whose_record_is_not_in_order(stash, damage):
    stash.write("s.py", "def work(n): print('hello', n)\nwork(1)  # @devstash replay=stdout\n")
    stash.ok("s.py")
    (blob,) = (path for path in (stash.cache / ".blobs").rglob("*") if path.is_file())
    data = blob.read_bytes()
    blob.unlink()
    if damage == "changed":
        blob.write_bytes(data[:-2] + b"!\n")
    elif damage == "shorter":
        blob.write_bytes(data[:-1])
    elif damage == "link":
        (stash.folder / "copy").write_bytes(data)
        blob.symlink_to(stash.folder / "copy")
    elif damage == "folder":
        blob.mkdir()
    elif damage == "fifo":
        os.mkfifo(blob)
    assert stash.devstash("show", "--output", "work").raw == (
        b"",
        f"devstash: cannot show the output of `{stash.entry().name}`: the record of its output is gone or damaged\n".encode(),
        4,
    )
    assert stash.devstash("show", "work").status == 0


def test_a_record_is_nothing_but_a_blob(stash, filled):
    (filled.folder / "secret").write_text("secret")
    effects = {"output": {"streams": "stdout", "size": 6, "blob": "../../secret"}}
    forgery = filled.cache / "forged__f__0123456789abcdef.pkl"
    forgery.write_bytes(forged({"key": {}, "effects": effects}))
    outcome = filled.devstash("show", "--output", "forged")
    assert (outcome.stdout, outcome.status) == ("", 4)


# --- path -----------------------------------------------------------------------------------------------------------


def test_path_prints_the_path_and_nothing_else(filled):
    path = entry(filled, "build")
    for wanted in "sales", BUILD, path.name, path.stem, str(path):
        assert filled.devstash("path", wanted).raw == (os.fsencode(path) + b"\n", b"", 0)


def test_what_path_prints_can_be_used(filled):
    done = filled.command(
        "sh",
        "-c",
        f'exec "{filled.python}" -c "import pickle, sys; print(pickle.load(open(sys.argv[1], \'rb\')))" '
        f'"$({binary()} path s.py:34)"',
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_path_is_absolute_and_raw(filled):
    os.rename(filled.cache, filled.folder / "moved")
    name = os.fsencode(filled.folder / "moved") + b"/caf\xe9\x1b[31m\n__f__0123456789abcdef.pkl"
    os.rename(next((filled.folder / "moved").glob("*build*")), name)
    for argv in ["--cache-dir", "moved", "f__0123"], ["--cache-dir", "./moved", os.path.basename(name)], [name]:
        assert filled.devstash("path", *argv).raw == (name + b"\n", b"", 0)
    assert filled.devstash("path", "f__0123", env={"DEVSTASH_CACHE_DIR": "moved"}).raw == (name + b"\n", b"", 0)
    relative = b"./moved/" + os.path.basename(name)[:-4]
    assert filled.devstash("path", relative).raw == (name + b"\n", b"", 0)
    # A terminal would do what it says.
    shown, _ = on(filled, 80, "path", "--cache-dir", "moved", "f__0123")
    assert shown == f"{filled.folder}/moved/caf\\xe9\\u{{1b}}[31m\\n__f__0123456789abcdef.pkl\n"


# --- which entry is meant -------------------------------------------------------------------------------------------


def meant(stash, wanted, **keywords):
    """The path of the one entry that is meant."""
    outcome = stash.devstash("path", wanted, **keywords)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return Path(outcome.stdout.rstrip("\n"))


def test_an_entry_is_named_in_many_ways(filled):
    path = entry(filled, "build")
    digits = path.stem[-16:]
    for wanted in (
        path.name,
        path.stem,
        path,
        path.with_suffix(""),
        f".devstash_cache/{path.name}",
        f"./.devstash_cache/../.devstash_cache/{path.stem}",
        digits,
        digits[:8],
        "Report.build",
        "build",
        "*Report*",
        "sales",
        "sale",
        BUILD,
        f"./{BUILD}",
        f"data/../{BUILD}",
        f"{filled.folder.name}/{BUILD}",
        filled.folder / BUILD,
    ):
        assert meant(filled, wanted).samefile(path), wanted
    assert meant(filled, path.name, cwd=filled.cache).samefile(path)
    assert meant(filled, path.stem, cwd=filled.cache).samefile(path)
    assert (
        meant(filled, f"../{BUILD}", cwd=filled.folder / "data", env={"DEVSTASH_CACHE_DIR": str(filled.cache)}) == path
    )


def test_an_entry_need_not_be_in_a_cache(filled):
    path = entry(filled, "build")
    copy = filled.folder / "elsewhere" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert meant(filled, copy) == copy
    assert row(filled, "call", f"elsewhere/{path.name}") == "__main__.Report.build"


def test_a_place_means_its_newest_entry(filled):
    older, newer = sorted(filled.cache.glob("*plain*"), key=lambda path: path.stat().st_mtime_ns)
    assert meant(filled, PLAIN) == newer
    filled.age(10, newer)
    assert meant(filled, PLAIN) == older


def test_the_script_that_is_here_is_meant_first(filled):
    (filled.folder / "other").mkdir()
    (filled.folder / "other" / "s.py").write_text(SCRIPT)
    (filled.folder / "third").mkdir()
    (filled.folder / "third" / "data").mkdir()
    (filled.folder / "third" / "data" / "in.txt").write_text("x")
    (filled.folder / "third" / "s.py").write_text(SCRIPT)
    filled.run("other/s.py", options=["--refresh"])
    before = entry(filled, "build")
    filled.run("s.py", cwd=filled.folder / "third", options=["--cache-dir", filled.cache])
    assert len(filled.entries()) == 6
    third = {path for path in filled.cache.glob("*build*") if path != before}
    assert {meant(filled, "third/s.py:32")} == third
    assert {meant(filled, BUILD, cwd=filled.folder / "third", env={"DEVSTASH_CACHE_DIR": str(filled.cache)})} == third
    assert meant(filled, "other/s.py:32") == before
    outcome = filled.devstash(
        "path", "s.py:32", cwd=filled.folder / "data", env={"DEVSTASH_CACHE_DIR": str(filled.cache)}
    )
    assert outcome.status == 2 and outcome.stderr.startswith("devstash: `s.py:32` matches 2 cached entries\n")
    assert (
        f"  {filled.folder}/third/s.py:32  " in outcome.stderr
        and f"  {filled.folder}/other/s.py:32  " in outcome.stderr
    )


def test_several_are_told_apart(filled):
    first, second = sorted(filled.cache.glob("*plain*"), key=lambda path: path.stat().st_mtime_ns)
    filled.age(3600 * 30, first)
    filled.age(3600 * 2, second)
    for command in "show", "path":
        outcome = filled.devstash(command, "plain")
        expected = f"""\
devstash: `plain` matches 2 cached entries

  {second.name}  s.py:34      2h 0s  number=1
  {first.name}  s.py:34  1d 6h  number=0

hint: use the name of one, or a part of it that no other has
"""
        age = re.compile(r" +(2h( \ds)?|1d 6h)  ")
        assert age.sub(" AGE ", outcome.stderr) == age.sub(" AGE ", expected)
        assert (outcome.stdout, outcome.status) == ("", 2)


def test_at_most_ten_of_several_are_listed(stash):
    stash.write("s.py", "for i in range(14):\n    x = abs(i)  # @devstash name=absolute\n")
    stash.ok("s.py")
    newest = sorted(stash.entries(), key=lambda path: path.stat().st_mtime_ns)[:3:-1]
    for wanted in "absolute", "abs":
        lines = stash.devstash("show", wanted).stderr.splitlines()
        assert lines[0] == f"devstash: `{wanted}` matches 14 cached entries"
        assert [line.split()[0] for line in lines[2:12]] == [path.name for path in newest[:10]]
        assert lines[12:] == ["  and 4 more", "", "hint: use the name of one, or a part of it that no other has"]
    assert meant(stash, "s.py:2") == newest[0]


def test_several_on_a_narrow_terminal(filled):
    shown, status = on(filled, 60, "show", "plain")
    lines = shown.splitlines()[2:4]
    assert status == 2
    assert all(re.fullmatch(r"  \S+  s\.py:34  \ds(  number=\d)?", line) for line in lines), shown


@pytest.mark.parametrize(
    "wanted, hint",
    [
        ("biuld", "did you mean `build`?"),
        ("PLAIN", "did you mean `plain`?"),
        ("Report.bild", "did you mean `Report.build`?"),
        ("seles", "did you mean `sales`?"),
        ("__main__.plain", "did you mean `__main____plain`?"),
        ("s.py:33", "`s.py` has entries of lines 32 and 34"),
        ("s.py", "`s.py` has entries of lines 32 and 34"),
        ("z.py:1", "`s.py` has entries of lines 32 and 34"),
        ("other.py:1", "`devstash list` shows the names of all entries"),
        ("nothing like it", "`devstash list` shows the names of all entries"),
        (".devstash_cache", "an entry's name ends with two underscores, 16 hex digits and `.pkl`"),
        ("s.py:", "`devstash list` shows the names of all entries"),
        ("a\x1b[31m\n", "`devstash list` shows the names of all entries"),
        ("data/in.txt", "an entry's name ends with two underscores, 16 hex digits and `.pkl`"),
        ("x" * 5000, "`devstash list` shows the names of all entries"),
    ],
)
def test_near_names_are_suggested(filled, wanted, hint):
    for command in "show", "path":
        outcome = filled.devstash(command, wanted)
        told = wanted.replace("\x1b", "\\u{1b}").replace("\n", "\\n")
        assert outcome.raw == (b"", f"devstash: no cached entry matches `{told}`\n\nhint: {hint}\n".encode(), 1)


def test_digits_that_are_nearly_right(filled):
    path = entry(filled, "build")
    wrong = path.stem[:-1] + ("0" if path.stem[-1] != "0" else "1")
    for wanted in wrong, f"{wrong}.pkl", f".devstash_cache/{wrong}.pkl":
        outcome = filled.devstash("show", wanted)
        assert outcome.status == 1
        assert f"hint: did you mean `{path.stem}`" in outcome.stderr


def test_without_a_cache_it_is_said_as_list_says_it(stash):
    listed = stash.devstash("list").stderr
    assert "there is no cache at" in listed
    for command in "show", "path":
        assert stash.devstash(command, "anything").raw == (b"", listed.encode(), 1)
    assert not stash.cache.exists()


def test_a_path_is_looked_for_where_it_leads(filled):
    name = "nobody__f__0123456789abcdef"
    absent = f"devstash: there is no cache at `{filled.folder}/nowhere`; `devstash run` makes it when there is something to keep\n"
    assert filled.devstash("path", f"nowhere/{name}").raw == (b"", absent.encode(), 1)
    assert filled.devstash("path", f".devstash_cache/{name}", cwd=filled.folder).raw == (
        b"",
        f"devstash: no cached entry matches `{name}`\n\nhint: `devstash list` shows the names of all entries\n".encode(),
        1,
    )


def test_an_empty_cache_is_told(filled):
    filled.devstash("clear", "--all")
    listed = filled.devstash("list").stderr
    assert "is empty" in listed
    assert filled.devstash("show", "anything").raw == (b"", listed.encode(), 1)


def test_a_folder_that_is_no_cache_is_told(filled):
    (filled.folder / "photos").mkdir()
    (filled.cache / "format").write_text("7\n")
    for folder in "photos", ".devstash_cache":
        listed = filled.devstash("list", "--cache-dir", folder)
        assert listed.status == 1
        assert filled.devstash("path", "plain", "--cache-dir", folder).raw == listed.raw


@pytest.mark.parametrize("command", ["show", "path"])
def test_what_was_typed_wrong(filled, command):
    outcome = filled.devstash(command)
    assert outcome.status == 2 and "<ENTRY>" in outcome.stderr and outcome.stdout == ""
    assert filled.devstash(command, "").raw == (
        b"",
        b"devstash: an empty ENTRY could be any\n\nhint: `devstash list` shows the names of all entries\n",
        2,
    )
    assert filled.devstash(command, "a", "b").status == 2
    assert filled.devstash(command, "a", "--cache-dir", "").status == 2
    assert filled.devstash("show", "sales", "--json", "--output").status == 2


def test_help_has_examples():
    import subprocess

    for command in "show", "path":
        done = subprocess.run([binary(), command, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""
        assert "ENTRY is the name" in done.stdout and f"  devstash {command} analyse.py:12" in done.stdout


# --- what is not in order -------------------------------------------------------------------------------------------


def not_in_order():
    """Files in the place of an entry, by what is said of them, and the exit status."""
    good = forged({"key": {"callable": "00"}})
    flipped = bytearray(good)
    flipped[2] ^= 1
    future = bytearray(good)
    future[-16] = 3
    lengths = bytearray(good)
    lengths[-104] += 1
    return [
        (b"", "damaged (empty)", 4),
        (b"not a pickle", "damaged (truncated, or not written by devstash)", 4),
        (good[:-1], "damaged (truncated, or not written by devstash)", 4),
        (bytes(flipped), "damaged (checksum is wrong)", 4),
        (bytes(lengths), "damaged (lengths do not fit)", 4),
        (forged(b"{"), "damaged (manifest cannot be read)", 4),
        (forged({"key": 1}), "damaged (manifest cannot be read)", 4),
        (forged({"key": {}, "trace": {}}), "damaged (manifest cannot be read)", 4),
        (bytes(future), "future format (3)", 1),
        ("folder", "foreign (not a plain file)", 1),
        ("link", "foreign (not a plain file)", 1),
        ("dangling link", "foreign (not a plain file)", 1),
        ("fifo", "foreign (not a plain file)", 1),
        ("socket", "foreign (not a plain file)", 1),
    ]


@pytest.mark.parametrize("what, said, status", not_in_order())
def test_an_entry_that_is_not_in_order_is_told_in_one_line(filled, monkeypatch, what, said, status):
    name = "bad__f__0123456789abcdef.pkl"
    bad = filled.cache / name
    if isinstance(what, bytes):
        bad.write_bytes(what)
    elif what == "folder":
        bad.mkdir()
    elif what == "link":
        bad.symlink_to(entry(filled, "build"))
    elif what == "dangling link":
        bad.symlink_to("nowhere")
    elif what == "fifo":
        os.mkfifo(bad)
    else:
        monkeypatch.chdir(filled.cache)  # the path of a socket has to be short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
    before = seen(filled.cache)
    expected = (b"", f"devstash: cannot read the entry `{name}`: {said}\n".encode(), status)
    for wanted in name, "bad__", bad:
        for command in ["show"], ["show", "--json"], ["show", "--output"], ["path"]:
            assert filled.devstash(*command, wanted).raw == expected
    assert seen(filled.cache) == before
    # Others are found as ever, and of several it is told which is not in order.
    assert meant(filled, BUILD) == entry(filled, "build")
    several = filled.devstash("show", "__")
    assert several.status == 2 and said in several.stderr


def test_an_entry_that_cannot_be_read(filled):
    path = entry(filled, "build")
    path.chmod(0)
    lowered = without_privileges(path)
    assert filled.devstash("show", path.name, preexec_fn=lowered).raw == (
        b"",
        f"devstash: cannot read the entry `{path.name}`: unreadable (permission denied)\n".encode(),
        4,
    )
    path.chmod(0o600)


def test_a_manifest_that_says_nothing_is_shown(filled):
    path = filled.cache / "bare__f__0123456789abcdef.pkl"
    path.write_bytes(forged({"key": {}}))
    outcome = filled.devstash("show", "bare")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert (
        steady(outcome.stdout)
        == """\
entry      .devstash_cache/bare__f__0000000000000000.pkl
made       0000-00-00 00:00:00 (0s ago)
last used  never
size       0 B (payload 0 B)
ttl        none

key: none

trace: none

effects: none
"""
    )
    document = json.loads(filled.devstash("show", "--json", "bare").stdout)
    assert document["site"] == {"file": None, "line": None, "scope": None, "text": None}
    assert (document["name"], document["duration"], document["ttl"]) == (None, None, None)


def test_nothing_that_an_entry_says_does_anything_to_the_terminal(filled):
    evil = "\x1b]0;evil\x07\x9b31m\n\r\u202e\u200b"
    facts = {
        "key": {evil: evil, "argument x": evil},
        "previews": {"argument x": evil},
        "module": evil,
        "qualname": evil,
        "site": {"file": f"/{evil}", "line": 3, "scope": evil, "text": evil, "name": evil},
        "value": evil,
        "python": evil,
        "devstash": evil,
        "trace": [[kind, evil, evil, evil, evil] for kind in ("file", "dir", "env", "look", "target", evil)],
        "effects": {
            "files": [[kind, evil, evil, evil, evil] for kind in ("file", "dir", "link", "gone", "via", "cwd", evil)],
            "environ": {evil: evil},
            "random": {evil: evil},
            "cwd": evil,
            "output": {"streams": evil, "size": evil, "replaced": evil},
            "stream": {"kind": evil},
            evil: evil,
        },
    }
    name = os.fsdecode(b"evil\x1b[31m\n\xff__f__0123456789abcdef.pkl")
    (filled.cache / name).write_bytes(forged(facts))
    allowed = re.compile(r"[\n\x20-\x7e…µ]*")
    for wanted in "evil", name, evil:
        for form in [], ["--json"]:
            outcome = filled.devstash("show", wanted, *form)
            assert (outcome.status, outcome.stderr) == (0, "")
            assert allowed.fullmatch(outcome.stdout), repr(outcome.stdout)
        shown, status = on(filled, 60, "show", wanted)
        assert status == 0 and allowed.fullmatch(shown), repr(shown)
        assert max(map(len, shown.splitlines())) <= 60
    document = json.loads(filled.devstash("show", "evil", "--json").stdout)
    assert document["value"] == evil and document["name"] == evil
    assert document["entry"] == "evil\x1b[31m\n\0ff__f__0123456789abcdef.pkl"
    several = filled.devstash("show", "__")
    assert allowed.fullmatch(several.stderr), repr(several.stderr)


def test_names_that_are_not_utf_8(stash):
    script = os.fsdecode(b"caf\xe9.py")
    stash.write(
        script,
        """
        import os
        def read(name):
            with open(name) as file:
                return len(file.read())
        read(os.fsdecode(b"d\\xff.txt"))  # @devstash
        """,
    )
    stash.write(os.fsdecode(b"d\xff.txt"), "text")
    stash.ok(script)
    assert "  file  d\\xff.txt (4 B)\n" in stash.devstash("show", "read").stdout
    document = json.loads(stash.devstash("show", "read", "--json").stdout)
    assert document["trace"] == [{"kind": "file", "name": "d\0ff.txt", "note": "4 B"}]
    assert meant(stash, b"caf\xe9.py:6") == stash.entry()
    assert meant(stash, stash.folder / f"{script}:6") == stash.entry()


def test_nothing_is_unpickled(filled):
    import pickle

    class Bomb:
        def __reduce__(self):
            return open, (str(filled.folder / "exploded"), "w")

    stream = pickle.dumps(Bomb())
    manifest = {"key": {}, "effects": {"output": {"streams": "stdout", "size": 0}}}
    (filled.cache / "bomb__f__0123456789abcdef.pkl").write_bytes(forged(manifest, stream))
    for command in ["show"], ["show", "--json"], ["show", "--output"], ["path"]:
        assert filled.devstash(*command, "bomb").status == 0
    assert not (filled.folder / "exploded").exists()


def test_a_closed_pipe_ends_quietly(filled):
    for command in "show sales", "show --json sales", "show --output sales", "path sales":
        outcome = filled.command("sh", "-c", f"{binary()} {command} | head -c 0; echo done")
        assert (outcome.stdout, outcome.stderr) == ("done\n", "")
        # Nobody to talk to is no trouble either.
        outcome = filled.command("sh", "-c", f"{{ {binary()} show nobody 2>&1 >&3 3>&-; }} 3>&1 | head -c 0; echo done")
        assert (outcome.stdout, outcome.stderr) == ("done\n", "")


def test_very_many_entries(filled):
    """Read by several threads, and found however many there are."""
    data = entry(filled, "build").read_bytes()
    source = filled.cache / "filler__f__0000000000000000.pkl"
    source.write_bytes(data)
    filled.age(60, source)
    for number in range(1, 3000):
        os.link(source, filled.cache / f"filler__f__{number:016x}.pkl")
    assert meant(filled, BUILD) == entry(filled, "build")
    assert meant(filled, "filler__f__0000000000000bb7") == filled.cache / "filler__f__0000000000000bb7.pkl"
    assert "`filler` matches 3000 cached entries" in filled.devstash("show", "filler").stderr


def test_tokens_that_a_result_has_cost_are_told(stash):
    stash.write("s.py", "def ask(n):\n    return {'usage': {'total_tokens': 3215}}\nask(1)  # @devstash\n")
    stash.ok("s.py")
    assert "\ntokens     3,215\n" in stash.devstash("show", "ask").stdout
    assert json.loads(stash.devstash("show", "ask", "--json").stdout)["tokens"] == 3215
