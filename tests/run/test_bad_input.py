"""What bad input gets: one clear answer, before the script has started."""

import re
import stat
import sys

import pytest
from harness import without_privileges


def one_line(outcome, status, *parts):
    assert outcome.status == status, outcome
    assert outcome.stdout == ""
    first = outcome.stderr.splitlines()[0]
    for part in parts:
        assert part in outcome.stderr, outcome
    assert "Traceback" not in outcome.stderr and "panicked" not in outcome.stderr
    return first


def test_missing_script(stash):
    one_line(stash.run("missing.py"), 2, "missing.py")


def test_script_that_is_a_folder(stash):
    (stash.folder / "folder").mkdir()
    one_line(stash.run("folder"), 2, "folder")


def test_unreadable_script(stash):
    script = stash.write("s.py", "print(1)")
    script.chmod(0)
    one_line(stash.run("s.py", preexec_fn=without_privileges(script)), 2, "s.py")


def test_no_script_at_all(stash):
    outcome = stash.devstash("run")
    assert outcome.status == 2 and outcome.stderr


def test_unknown_option(stash):
    stash.write("s.py", "print(1)")
    one_line(stash.devstash("run", "--refersh", "s.py"), 2, "--refersh")


def test_unknown_command(stash):
    one_line(stash.devstash("rnu", "s.py"), 2, "rnu")


def test_no_interpreter_on_path(stash):
    stash.write("s.py", "x = len('abc')  # @devstash\n")
    empty = stash.folder / "empty"
    empty.mkdir()
    one_line(stash.devstash("run", "s.py", env={"PATH": str(empty)}), 127, "python", "--python")


@pytest.mark.parametrize("option", [True, False], ids=["--python", "DEVSTASH_PYTHON"])
def test_interpreter_that_does_not_exist(stash, option):
    stash.write("s.py", "x = len('abc')  # @devstash\n")
    if option:
        outcome = stash.devstash("run", "--python", "/nowhere/python9", "s.py")
    else:
        outcome = stash.devstash("run", "s.py", env={"DEVSTASH_PYTHON": "/nowhere/python9"})
    one_line(outcome, 127, "/nowhere/python9")


def test_interpreter_that_is_a_folder_or_not_executable(stash):
    stash.write("s.py", "x = len('abc')  # @devstash\n")
    (stash.folder / "python").mkdir()
    for name in ("python", "s.py"):
        outcome = stash.devstash("run", "--python", f"./{name}", "s.py")
        assert outcome.status in (2, 127) and name in outcome.stderr and outcome.stdout == ""


def test_interpreter_that_is_not_python(stash):
    stash.write("s.py", "x = len('abc')  # @devstash\n")
    for body in ("#!/bin/sh\necho hello\n", "#!/bin/sh\nexit 3\n"):
        fake = stash.write("fake", body)
        fake.chmod(0o755)
        outcome = stash.devstash("run", "--python", "./fake", "s.py")
        # What a stand-in for Python prints is its own affair; that it ran no script must not look like success.
        assert outcome.status != 0 and "fake" in outcome.stderr, outcome
    one_line(stash.devstash("run", "--python", "/bin/ls", "s.py"), 2, "/bin/ls")


def old_pythons():
    import glob

    return sorted(glob.glob("/usr/bin/python2*") + glob.glob("/usr/bin/python3.[5-8]"))


@pytest.mark.skipif(not old_pythons(), reason="no Python before 3.9 is here")
def test_interpreter_that_is_too_old(stash):
    stash.write("s.py", "x = len('abc')  # @devstash\n")
    one_line(stash.devstash("run", "--python", old_pythons()[0], "s.py"), 2, "3.9")


def test_old_interpreter_played_by_a_wrapper(stash):
    """A shim that starts a Python which says that it is 3.7."""
    fake = stash.write(
        "fake/python3",
        f"""\
        #!{sys.executable}
        import sys, os
        sys.version_info = (3, 7, 0, "final", 0)
        sys.hexversion = 0x030700f0
        import runpy
        argv = sys.argv[1:]
        while argv and argv[0].startswith("-") and argv[0] != "-c":
            argv.pop(0)
        if argv[0] == "-c":
            sys.argv = argv
            exec(argv[1])
        else:
            sys.argv = argv
            runpy.run_path(argv[0], run_name="__main__")
        """,
    )
    fake.chmod(0o755)
    stash.write("s.py", "x = len('abc')  # @devstash\nprint('ran')\n")
    one_line(stash.devstash("run", "--python", str(fake), "s.py"), 2, "3.9")


# --- markers --------------------------------------------------------------------------------------------------------

# name: (script, line, what is under the carets, words of the message or the hint)
MARKERS = {
    "unknown option": ("x = f(1)  # @devstash tll=1h\n", 1, "tll", ["tll", "ttl"]),
    "unknown flag": ("x = f(1)  # @devstash refrsh\n", 1, "refrsh", ["refrsh", "refresh"]),
    "unlike any option": ("x = f(1)  # @devstash zebra=1\n", 1, "zebra", ["zebra"]),
    "ttl without unit": ("x = f(1)  # @devstash ttl=30\n", 1, "30", ["ttl"]),
    "ttl with unknown unit": ("x = f(1)  # @devstash ttl=3y\n", 1, "3y", ["ttl"]),
    "ttl of zero": ("x = f(1)  # @devstash ttl=0s\n", 1, "0s", ["ttl"]),
    "ttl that is negative": ("x = f(1)  # @devstash ttl=-1h\n", 1, "-1h", ["ttl"]),
    "ttl with a fraction": ("x = f(1)  # @devstash ttl=1.5h\n", 1, "1.5h", ["ttl"]),
    "ttl that overflows": ("x = f(1)  # @devstash ttl=99999999999999999999d\n", 1, "99999999999999999999d", ["ttl"]),
    "ttl without value": ("x = f(1)  # @devstash ttl\n", 1, "ttl", ["ttl"]),
    "empty ttl": ("x = f(1)  # @devstash ttl=\n", 1, None, ["ttl"]),
    "duplicate": ("x = f(1)  # @devstash ttl=1h ttl=2h\n", 1, None, ["ttl"]),
    "max_entries that is no number": ("x = f(1)  # @devstash max_entries=many\n", 1, "many", ["max_entries"]),
    "max_entries of zero": ("x = f(1)  # @devstash max_entries=0\n", 1, "0", ["max_entries"]),
    "replay of something else": ("x = f(1)  # @devstash replay=stdin\n", 1, "stdin", ["replay", "stdout"]),
    "load of something else": ("x = f(1)  # @devstash load=mop\n", 1, "mop", ["load", "copy"]),
    "key that is no expression": ("x = f(1)  # @devstash key=1+\n", 1, "1+", ["key"]),
    "key with an open bracket": ("x = f(1)  # @devstash key=(a\n", 1, None, ["key"]),
    "ignore that is no name": ("x = f(1)  # @devstash ignore=1a\n", 1, "1a", ["ignore"]),
    "env without value": ("x = f(1)  # @devstash env=\n", 1, None, ["env"]),
    "flag with value": ("x = f(1)  # @devstash refresh=yes\n", 1, None, ["refresh"]),
    "attaches to nothing at the end": ("x = f(1)\n# @devstash\n", 2, None, []),
    "attaches to nothing before a blank line": ("# @devstash\n\nx = f(1)\n", 1, None, []),
    "attaches to nothing on an empty script": ("# @devstash\n", 1, None, []),
    "after else": ("if 0:\n    pass\nelse:  # @devstash\n    f(1)\n", 3, None, []),
    "after try": ("try:  # @devstash\n    f(1)\nexcept ValueError:\n    pass\n", 1, None, []),
    "two for one statement": ("# @devstash\nx = f(1)  # @devstash\n", None, None, []),
    "pass": ("pass  # @devstash\n", 1, None, []),
    "class": ("class C:  # @devstash\n    pass\n", 1, None, ["class"]),
    "import": ("import os  # @devstash\n", 1, None, ["import"]),
    "from import": ("from os import path  # @devstash\n", 1, None, ["import"]),
    "del": ("x = 1\ndel x  # @devstash\n", 2, None, ["del"]),
    "constant": ("x = 1  # @devstash\n", 1, None, []),
    "name": ("y = 1\nx = y  # @devstash\n", 2, None, []),
    "print of nothing to cache": ("print('x')  # @devstash\n", 1, None, []),
    "locals": ("x = locals()  # @devstash\n", 1, None, ["locals"]),
    "vars": ("x = vars()  # @devstash\n", 1, None, ["vars"]),
    "globals": ("x = globals()  # @devstash\n", 1, None, ["globals"]),
    "eval": ("x = eval('1')  # @devstash\n", 1, None, ["eval"]),
    "exec": ("exec('1')  # @devstash\n", 1, None, ["exec"]),
    "input": ("x = input()  # @devstash\n", 1, None, ["input"]),
    "breakpoint": ("breakpoint()  # @devstash\n", 1, None, ["breakpoint"]),
    "frame": ("import sys\nx = sys._getframe()  # @devstash\n", 2, None, ["_getframe"]),
    "await of a name": ("async def g(t):\n    x = await t  # @devstash\n", 2, None, ["await"]),
    "walrus without a call": ("x = (y := 1) + 2  # @devstash\n", 1, None, []),
    "global": ("def g():\n    global x  # @devstash\n    x = 1\n", 2, None, []),
}  # fmt: skip


@pytest.mark.parametrize("name", MARKERS)
def test_faulty_marker_stops_before_the_script_starts(stash, name):
    text, line, under, words = MARKERS[name]
    stash.write("s.py", "def f(n):\n    return n\nopen('started', 'w')\n" + text)
    outcome = stash.run("s.py")
    assert outcome.status == 2, outcome
    assert outcome.stdout == ""
    assert not (stash.folder / "started").exists()
    assert not stash.cache.exists()
    place = re.search(r"^(?:error: )?(?:devstash: )?s\.py:(\d+):(\d+): (.+)$", outcome.stderr, re.MULTILINE)
    assert place, outcome
    if line is not None:
        assert int(place.group(1)) == line + 3
    assert "hint: " in outcome.stderr
    for word in words:
        assert word in outcome.stderr, outcome

    # The line itself, and carets below what is meant.
    lines = outcome.stderr.splitlines()
    source = (stash.folder / "s.py").read_text().splitlines()[int(place.group(1)) - 1]
    shown = next(index for index, text in enumerate(lines) if source.strip() in text and "s.py:" not in text)
    carets = re.search(r"\^+", lines[shown + 1])
    assert carets, outcome
    offset = lines[shown].index(source.strip()) - source.index(source.strip())
    assert carets.start() - offset == int(place.group(2)) - 1
    if under:
        assert lines[shown][carets.start() : carets.end()] == under, outcome


def test_all_faulty_markers_are_told_at_once(stash):
    stash.write("s.py", "x = f(1)  # @devstash tll=1h\ny = f(2)  # @devstash ttl=1\n")
    outcome = stash.run("s.py")
    assert outcome.status == 2
    assert "s.py:1:" in outcome.stderr and "s.py:2:" in outcome.stderr


def test_place_is_right_for_tabs_and_wide_letters(stash):
    stash.write("s.py", 'if 1:\n\tx = "日本é" + f(1)  # @devstash tll=1h\n')
    outcome = stash.run("s.py")
    column = '\tx = "日本é" + f(1)  # @devstash tll=1h'.index("tll") + 1
    assert f"s.py:2:{column}:" in outcome.stderr


def test_what_only_looks_like_a_marker_is_none(stash):
    stash.write(
        "s.py",
        '# @devstashed\n# @Devstash\n# devstash\n"""\n# @devstash nope\n"""\nprint("ok")  # see @devstash\n',
    )
    text = (stash.folder / "s.py").read_text().replace("  # see @devstash", "")
    stash.write("s.py", text)
    assert stash.twice("s.py") == "ok\n"


def test_a_script_that_python_refuses_shows_pythons_error(stash):
    stash.write("s.py", "x = len('abc')  # @devstash tll=1\ndef f(:\n")
    assert stash.run("s.py").raw == stash.plain("s.py").raw


def test_modes_of_files_are_left_alone(stash):
    path = stash.write("s.py", "x = len('abc')  # @devstash\n")
    path.chmod(0o600)
    stash.ok("s.py")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
