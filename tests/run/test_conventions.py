"""What all commands have in common: help, streams, closed pipes, exit statuses, strange names, and what is not there.

A new command is found by itself, in `devstash --help`; all it needs is a line in `COMMANDS`.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
from harness import TIMEOUT, binary

pytestmark = pytest.mark.commands

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
def f(n):
    return n
x = f(1)  # @devstash name=answers
y = [f(i) for i in (2, 3)]  # @devstash
"""


class Command:
    """How a command is tried. `fine` are arguments with which it does something and prints; `looks` says that it looks
    into a cache folder, `entry` that it wants one entry, and `without` how it ends where there is no cache at all."""

    def __init__(self, *fine, looks=False, entry=False, without=1):
        self.fine = fine
        self.looks = looks or entry
        self.entry = entry
        self.without = without


COMMANDS = {
    "run": Command("s.py"),
    "check": Command("faulty.py"),
    "list": Command(looks=True, without=0),
    "show": Command("answers", entry=True),
    "path": Command("answers", entry=True),
    "stats": Command(looks=True, without=0),
    "export": Command("answers", "--to", "json", entry=True),
    "fixture": Command("answers", "kept", entry=True),
    "clear": Command("--all", "--dry-run", looks=True, without=0),
    "pin": Command("answers", entry=True),
    "unpin": Command("answers", entry=True),
    "gc": Command("--dry-run", looks=True, without=0),
    "verify": Command(looks=True, without=0),
    "config": Command(),
    "why": Command("s.py", looks=True),
    "completions": Command("bash"),
    "man": Command("run"),
}
LOOKS = [name for name, command in COMMANDS.items() if command.looks]
ENTRY = [name for name, command in COMMANDS.items() if command.entry]
EVERY = sorted(COMMANDS)


def without_loading(said):
    """What a command has said, but for the line with which `export` tells that your Python loads the value."""
    return re.sub(rb"^devstash: loading .*\n", b"", said)


@pytest.fixture
def stocked(stash):
    """A cache with three entries, two of them of one line."""
    stash.write("s.py", SCRIPT)
    stash.write("faulty.py", "x = f(1)  # @devstash tll=1h\n")
    stash.ok("s.py")
    stash.env["DEVSTASH_PYTHON"] = stash.python
    return stash


def test_every_command_is_tried_here(stash):
    commands = stash.devstash("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^  (\w+) ", commands, re.MULTILINE)) == EVERY


# --- help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_help_has_examples(stash, name):
    outcome = stash.devstash(name, "--help")
    assert (outcome.status, outcome.stderr) == (0, "")
    examples = outcome.stdout.partition("\nExamples:\n")[2]
    assert f"devstash {name}" in examples, outcome
    assert all(len(line) <= 120 for line in outcome.stdout.splitlines())


def test_colour_only_where_it_is_wanted(stash):
    for argv in (["--help"], ["list", "--nonsense"], ["run", "--nonsense"]):
        said = {}
        for name, env in {
            "pipe": {"NO_COLOR": None},
            "forced": {"NO_COLOR": None, "CLICOLOR_FORCE": "1"},
            "not at all": {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"},
        }.items():
            outcome = stash.devstash(*argv, env=env)
            said[name] = outcome.stdout + outcome.stderr
        assert "\x1b[" not in said["pipe"] and "\x1b[" in said["forced"] and "\x1b[" not in said["not at all"]
        assert re.sub(r"\x1b\[[0-9;]*m", "", said["forced"]) == said["pipe"]


# --- streams --------------------------------------------------------------------------------------------------------


def broken(stash, argv, stream):
    """Run with a standard stream that nobody reads any more; what came on the other one, and the status."""
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writing}
    try:
        done = subprocess.run(
            [binary(), *argv],
            cwd=stash.folder,
            env=stash.environment(),
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            **streams,
        )
    finally:
        os.close(writing)
    return done.stdout or done.stderr or b"", done.returncode


@pytest.mark.parametrize("name", [name for name in EVERY if name != "run"])
def test_a_closed_pipe_ends_quietly(stocked, name):
    said, status = broken(stocked, [name, *COMMANDS[name].fine], "stdout")
    assert (without_loading(said), status) == (b"", 0)
    said, status = broken(stocked, [name, "--help"], "stdout")
    assert (said, status) == (b"", 0)


@pytest.mark.parametrize("name", EVERY)
def test_a_closed_stderr_changes_nothing(stocked, name):
    stocked.write("pyproject.toml", "[tool.devstash]\nzebra = 1\n")
    whole = stocked.devstash(name, *COMMANDS[name].fine)
    said, status = broken(stocked, [name, *COMMANDS[name].fine], "stderr")
    assert (said, status) == (whole.raw[0], whole.status)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "run"])
def test_a_full_disk_is_told(stocked, name):
    with open("/dev/full", "w") as full:
        argv = [binary(), name, *COMMANDS[name].fine]
        env = stocked.environment()
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, cwd=stocked.folder, env=env, timeout=TIMEOUT)
    assert done.returncode == 4
    assert re.fullmatch(rb"devstash: [^\n]*[Nn]o space left on device[^\n]*\n", without_loading(done.stderr)), done


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("run", "check")])
def test_answers_go_to_stdout_and_nothing_else_does(stocked, name):
    outcome = stocked.devstash(name, *COMMANDS[name].fine)
    assert outcome.status == 0 and outcome.stdout and without_loading(outcome.raw[1]) == b"", outcome


# --- exit statuses --------------------------------------------------------------------------------------------------


def test_the_table_of_exit_statuses_is_the_one_of_the_program():
    source = (ROOT / "src" / "exit.rs").read_text()
    known = set(re.findall(r"^    \w+ = (\d+),$", source, re.MULTILINE))
    table = (ROOT / "docs" / "cli.md").read_text().partition("\n## Exit status\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE))
    assert told == known and {"0", "1", "2", "4", "127"} <= known


# --- what is not there ----------------------------------------------------------------------------------------------

NO_CACHE = {
    "absent": "there is no cache at `{}`",
    "folder": "`{}` is not a cache folder of devstash",
    "file": "`{}` is not a cache folder of devstash",
    "future": "`{}` was made by a newer devstash (layout 99; this one knows 1)",
}


@pytest.mark.parametrize("kind", NO_CACHE)
@pytest.mark.parametrize("name", LOOKS)
def test_a_folder_that_is_no_cache(stocked, name, kind):
    path = stocked.folder / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("")
    elif kind == "future":
        stocked.cache.rename(path)
        (path / "format").write_text("99\n")
    outcome = stocked.devstash(name, *COMMANDS[name].fine, "--cache-dir", kind)
    assert outcome.status == (COMMANDS[name].without if kind == "absent" else 1), outcome
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("devstash: " + NO_CACHE[kind].format(path)), outcome
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("name", LOOKS)
def test_a_cache_folder_that_cannot_be_meant(stocked, name):
    outcome = stocked.devstash(name, *COMMANDS[name].fine, "--cache-dir", "")
    assert outcome.status == 2
    assert outcome.stderr == "devstash: `--cache-dir` is empty\n\nhint: leave it out to use `./.devstash_cache`\n"


ENTRIES = {
    "anwers": (1, "no cached entry matches `anwers`\n\nhint: did you mean `answers`?\n"),
    "s.py:7": (1, "no cached entry matches `s.py:7`\n\nhint: `s.py` has entries of lines 4 and 5\n"),
    "zebra": (1, "no cached entry matches `zebra`\n\nhint: `devstash list` shows the names of all entries\n"),
    "": (2, "an empty ENTRY could be any\n\nhint: `devstash list` shows the names of all entries\n"),
}


@pytest.mark.parametrize("typed", ENTRIES)
@pytest.mark.parametrize("name", ENTRY)
def test_an_entry_that_is_not_there(stocked, name, typed):
    status, message = ENTRIES[typed]
    outcome = stocked.devstash(name, typed, *COMMANDS[name].fine[1:])
    assert (outcome.status, outcome.stdout, outcome.stderr) == (status, "", f"devstash: {message}")


@pytest.mark.parametrize("name", ENTRY)
def test_a_name_that_matches_several(stocked, name):
    outcome = stocked.devstash(name, "__main____f__", *COMMANDS[name].fine[1:])
    assert (outcome.status, outcome.stdout) == (2, "")
    lines = outcome.stderr.splitlines()
    assert lines[0] == "devstash: `__main____f__` matches 3 cached entries"
    assert sorted(line.split()[0] for line in lines[2:5]) == [path.name for path in stocked.entries()]
    assert lines[5:] == ["", "hint: use the name of one, or a part of it that no other has"]


# --- strange names --------------------------------------------------------------------------------------------------

# It clears the screen, turns the direction of writing, begins a line, and is no UTF-8.
STRANGE = b"\x1b[2J\xe2\x80\xae\n\xff"


def harmless(outcome, expected):
    """Nothing of the name reaches the terminal as it is."""
    said = outcome.raw[0] + outcome.raw[1]
    for part in (b"\x1b", b"\xe2\x80\xae", b"\xff"):
        assert part not in said, outcome
    assert expected in outcome.stderr + outcome.stdout, outcome


SHOWN = r"\u{1b}[2J\u{202e}\n\xff"


@pytest.mark.parametrize("name", EVERY)
def test_strange_names_are_shown_harmlessly(stocked, name):
    folder = os.fsencode(stocked.folder) + b"/" + STRANGE
    os.mkdir(folder)
    script = folder + b"/s.py"
    with open(script, "w") as file:
        file.write("x = len('a')  # @devstash tll=1h\n")
    with open(folder + b"/pyproject.toml", "w") as file:
        file.write("[tool.devstash]\nzebra = 1\n")
    # As something that no command takes: the name of a file that a glob has put there.
    harmless(stocked.devstash(name, STRANGE + b".py", STRANGE, STRANGE), "")
    if name in ("run", "check", "config"):
        harmless(stocked.devstash(name, script), f"{SHOWN}/pyproject.toml:2:1: unknown setting `zebra`")
        os.unlink(folder + b"/pyproject.toml")
    if name == "run":
        harmless(stocked.devstash(name, script), f"{SHOWN}/s.py:1:27: unknown option `tll`")
        harmless(stocked.devstash(name, folder), f"`{stocked.folder}/{SHOWN}` is a folder")
        harmless(stocked.devstash(name, script + b"x"), f"cannot find the script `{stocked.folder}/{SHOWN}/s.pyx`")
        harmless(stocked.devstash(name, "--python", script, "s.py"), f"cannot start `{stocked.folder}/{SHOWN}/s.py`")
        with open(script, "w") as file:
            file.write("x = len('a')  # @devstash\n")
        told = stocked.devstash(name, "-v", script)
        assert told.stderr.count("\n") == 2 and "\x1b" not in told.stderr, told
        assert "s.py:1: stored len" in told.stderr
    if name == "check":
        harmless(stocked.devstash(name, script + b"x"), f"{SHOWN}/s.pyx: cannot be read: ")
    if COMMANDS[name].looks:
        outcome = stocked.devstash(name, *COMMANDS[name].fine, "--cache-dir", folder)
        harmless(outcome, f"`{stocked.folder}/{SHOWN}` is not a cache folder of devstash")
    if COMMANDS[name].entry:
        harmless(stocked.devstash(name, STRANGE, *COMMANDS[name].fine[1:]), f"no cached entry matches `{SHOWN}`")
