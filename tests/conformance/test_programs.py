"""Real programs do not notice: plain Python, a first and a second run print the same and exit the same.

The scripts of programs/ are written as people write them, with every statement marked that can be. A script may open
with comment lines for this test:

    # args: a "b c"        its arguments
    # stdin: text\\n        its standard input, with escapes
    # python: >=3.12       only there
    # packages: numpy      only where installed
"""

import ast
import importlib.util
import shlex
import sys
from pathlib import Path

import pytest
from harness import Stash
from scenario import holds

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
SAID = "devstash: "


def header(text):
    """The `# name: value` lines at the top of a program."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        name, colon, value = line[1:].strip().partition(": ")
        if colon:
            found[name] = value
    return found


def without_ours(stderr):
    """What the program itself said: our warnings are allowed here, one to a line."""
    return [line for line in stderr.splitlines() if not line.startswith(SAID)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_runs_as_plain_python_does(program, tmp_path, home):
    text = program.read_text(encoding="utf-8")
    head = header(text)
    if not holds(head.get("python", ""), sys.version_info[:2]):
        pytest.skip(f"for Python {head['python']}")
    for package in head.get("packages", "").split():
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    args = shlex.split(head.get("args", ""))
    stdin = ast.literal_eval('"' + head.get("stdin", "") + '"')

    stash = Stash(tmp_path / "work", home)
    stash.write("program.py", text)

    def outcome(how):
        done = how("program.py", *args, stdin=stdin)
        return done.stdout, without_ours(done.stderr), done.status

    plain = outcome(stash.plain)
    first = outcome(stash.run)
    assert first == plain
    assert stash.entries(), "nothing was kept: is anything marked?"
    second = outcome(stash.run)
    assert second == plain


def test_there_are_enough():
    assert len(PROGRAMS) >= 30
