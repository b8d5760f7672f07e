"""`devstash run`: the command line reaches the script as it was typed, and the right Python runs it."""

import os
import shlex
import subprocess
import sys

import pytest
from harness import binary, hits

SHOW = """
import sys
x = len("abc")  # @devstash
sys.stdout.write(ascii(sys.argv[1:]))
"""

ARGUMENTS = [
    [],
    ["--input", "data.csv"],
    ["--ttl", "1m"],
    ["-h"],
    ["--help"],
    ["--"],
    ["--", "--refresh"],
    ["--refresh", "-q", "-v", "--no-cache"],
    [""],
    ["a", "", "b c"],
    ["-"],
    ["--python", "nope"],
    ["run", "list", "clear"],
    ["*", "?", "$HOME", "a'b\"c\\"],
    ["line\nbreak", "%0A%25", "\tx"],
    ["ä", "日本", "\U0001f600"],
    [b"\xff\xfe", b"caf\xe9"],
    ["-c", "print(1)"],
    ["-m", "pdb"],
    ["script=other", "refresh=1"],
]


@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda args: shlex.join(map(ascii, args)) or "none")
def test_arguments_reach_the_script_untouched(stash, args):
    stash.write("s.py", SHOW)
    expected = stash.plain("s.py", *args)
    assert expected.status == 0
    for _ in range(2):
        assert stash.run("s.py", *args).raw == expected.raw


@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda args: shlex.join(map(ascii, args)) or "none")
def test_arguments_reach_a_script_without_markers(stash, args):
    stash.write("s.py", SHOW.replace("# @devstash", ""))
    assert stash.run("s.py", *args).raw == stash.plain("s.py", *args).raw


@pytest.mark.parametrize(
    "name",
    ["with space.py", "ümläut.py", b"caf\xe9.py", "-dash.py", "no_suffix", "a\nb.py", "%41.py", "50%.py"],
)
def test_scripts_of_any_name(stash, name):
    path = os.path.join(os.fsencode(stash.folder), os.fsencode(name))
    with open(path, "w") as file:
        file.write('x = len("abc")  # @devstash\nimport sys\nsys.stdout.write(ascii([sys.argv, __file__, x]))\n1 / 0\n')
    typed = b"./" + os.fsencode(name)
    expected = stash.plain(typed)
    for _ in range(2):
        assert stash.run(typed).raw == expected.raw


@pytest.mark.parametrize("how", ["absolute", "relative", "dotted", "parent"])
def test_sys_path_and_file_are_those_of_plain_python(stash, how):
    stash.write(
        "sub/s.py",
        'import sys\nx = len("abc")  # @devstash\nprint(sys.path[0], __file__, sys.argv, sys.orig_argv)\n'
        if sys.version_info >= (3, 10)
        else 'import sys\nx = len("abc")  # @devstash\nprint(sys.path[0], __file__, sys.argv)\n',
    )
    typed = {
        "absolute": stash.folder / "sub" / "s.py",
        "relative": "sub/s.py",
        "dotted": "./sub/../sub/s.py",
        "parent": f"../{stash.folder.name}/sub/s.py",
    }[how]
    expected = stash.plain(typed)
    for _ in range(2):
        assert stash.run(typed).raw == expected.raw


# --- interpreter flags and variables --------------------------------------------------------------------------------

FLAGS = [
    ["-u"],
    ["-O"],
    ["-OO"],
    ["-B"],
    ["-b"],
    ["-bb"],
    ["-E"],
    ["-I"],
    ["-s"],
    ["-S"],
    ["-d"],
    ["-X", "dev"],
    ["-Xdev"],
    ["-X", "utf8=0"],
    ["-X", "faulthandler"],
    ["-W", "error"],
    ["-Werror"],
    ["-W", "ignore::DeprecationWarning", "-W", "default"],
    ["-uO"],
    ["-BsE", "-X", "dev", "-W", "error"],
]

FLAGS_SCRIPT = """\
import sys, os
def f(n):
    assert n, "asserted"
    return n
x = f(1)  # @devstash
print(x, sys.flags, sys._xoptions, sys.warnoptions, getattr(sys, "orig_argv", None), __debug__, sys.argv)
"""


def apart(flags):
    """Clusters such as `-uO` taken apart, as devstash hands them on and `sys.orig_argv` shows."""
    found = []
    for flag in flags:
        clustered = flag[:1] == "-" and flag[1:2] not in ("X", "W")
        found += ["-" + letter for letter in flag[1:]] if clustered else [flag]
    return found


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_interpreter_flags_are_passed_on(stash, flags):
    stash.write("s.py", FLAGS_SCRIPT)
    expected = stash.plain("s.py", "arg", flags=apart(flags))
    for _ in range(2):
        assert stash.run("s.py", "arg", flags=flags).raw == expected.raw


@pytest.mark.parametrize("flags, env", [(["-X", "importtime"], {}), ([], {"PYTHONVERBOSE": "1"})], ids=str)
def test_talkative_flags_are_passed_on(stash, flags, env):
    stash.write("s.py", FLAGS_SCRIPT)
    for _ in range(2):
        outcome = stash.run("s.py", flags=flags, env=env)
        assert outcome.status == 0
        assert outcome.stdout == stash.plain("s.py", flags=flags, env=env).stdout
        assert "import" in outcome.stderr


def test_one_optimisation_level_does_not_see_the_code_of_another(stash):
    stash.write("s.py", 'x = len("abc")  # @devstash\nprint(__debug__)\nassert x == 0\n')
    for _ in range(2):
        assert stash.run("s.py").status == 1
        assert stash.ok("s.py", flags=["-O"]) == "False\n"
        assert stash.ok("s.py", env={"PYTHONOPTIMIZE": "1"}) == "False\n"


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONUNBUFFERED": "1"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONHASHSEED": "3"},
        {"PYTHONDEVMODE": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii:replace"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONNOUSERSITE": "1"},
        {"PYTHONPYCACHEPREFIX": "elsewhere"},
        {"PYTHONPATH": "lib:other"},
        {"PYTHONINSPECT": ""},
        {"PYTHONFAULTHANDLER": "1"},
        {"PYTHONSAFEPATH": "1"},
    ],
    ids=lambda env: ",".join(env),
)
def test_python_variables_act_as_always(stash, env):
    stash.write(
        "s.py",
        FLAGS_SCRIPT
        + "import faulthandler\n"
        + "print(sys.path, sys.pycache_prefix, sys.stdout.encoding, faulthandler.is_enabled(), os.environ)\n",
    )
    expected = stash.plain("s.py", env=env)
    for _ in range(2):
        assert stash.run("s.py", env=env).raw == expected.raw


# --- which Python ---------------------------------------------------------------------------------------------------

PREFIX = 'import sys\nx = len("abc")  # @devstash\nprint(sys.prefix)\n'


def make_venv(folder):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def venvs(tmp_path_factory):
    """Three environments, told apart by their prefix."""
    base = tmp_path_factory.mktemp("venvs")
    return [make_venv(base / name) for name in ("one", "two", "three")]


def prefix_of(stash, *argv, **keywords):
    outcome = stash.devstash("run", *argv, **keywords)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return os.path.realpath(outcome.stdout.strip())


def test_the_order_in_which_a_python_is_looked_for(stash, venvs):
    one, two, three = map(str, venvs)
    stash.write("project/sub/s.py", PREFIX)
    os.symlink(three, stash.folder / "project" / ".venv")
    script = "project/sub/s.py"
    everything = {
        "DEVSTASH_PYTHON": f"{two}/bin/python",
        "VIRTUAL_ENV": one,
        "PATH": f"{two}/bin:{os.environ['PATH']}",
    }
    for _ in range(2):
        assert prefix_of(stash, "--python", f"{one}/bin/python", script, env=everything) == one
        assert prefix_of(stash, script, env=everything) == two
        assert prefix_of(stash, script, env={**everything, "DEVSTASH_PYTHON": None}) == one
        assert prefix_of(stash, script, env={"CONDA_PREFIX": two}) == two
        # The nearest .venv from the script's folder upward, whatever the working folder is.
        assert prefix_of(stash, script) == os.path.realpath(three)
        assert prefix_of(stash, stash.folder / script, cwd=stash.home) == os.path.realpath(three)
        stash.write("elsewhere/s.py", PREFIX)
        assert prefix_of(stash, "elsewhere/s.py", env={"PATH": f"{two}/bin"}) == two


def test_python_can_be_given_as_a_name_on_path(stash, venvs):
    stash.write("s.py", PREFIX)
    env = {"PATH": f"{venvs[0]}/bin"}
    assert prefix_of(stash, "--python", "python", "s.py", env=env) == str(venvs[0])


def test_a_wrapper_script_as_python_is_right_too(stash):
    """pyenv's shims and the like are scripts: whichever Python they choose, that one runs the script."""
    wrapper = stash.write("bin/python3", f'#!/bin/sh\nexec "{stash.python}" "$@"\n')
    wrapper.chmod(0o755)
    stash.write("s.py", "def f(n):\n    log('x')\n    return n\nprint(f(1))  # @devstash\n", log=True)
    for _ in range(2):
        outcome = stash.devstash("run", "s.py", env={"PATH": f"{stash.folder}/bin"})
        assert outcome.raw == (b"1\n", b"", 0)
    assert stash.executions() == ["x"]


# --- the options of devstash ----------------------------------------------------------------------------------------

LOGGED = """
def f(n):
    log(n)
    return n + 1

print(f(1))  # @devstash
"""


def test_second_run_is_a_hit(stash):
    assert hits(stash, LOGGED) == "2\n"


def test_cache_folder_is_in_the_working_folder(stash):
    stash.write("sub/s.py", LOGGED, log=True)
    stash.ok("sub/s.py")
    assert len(stash.entries()) == 1
    assert not (stash.folder / "sub" / ".devstash_cache").exists()


def test_cache_dir_option_and_variable(stash):
    stash.write("s.py", LOGGED, log=True)
    elsewhere, other = stash.folder / "elsewhere", stash.folder / "deep" / "other"
    stash.ok("s.py", options=["--cache-dir", "elsewhere"])
    stash.ok("s.py", env={"DEVSTASH_CACHE_DIR": str(other)})
    assert len(list(elsewhere.glob("*.pkl"))) == 1
    assert len(list(other.glob("*.pkl"))) == 1
    assert not stash.cache.exists()
    # The option is nearer than the variable.
    stash.forget()
    stash.ok("s.py", options=["--cache-dir", "elsewhere"], env={"DEVSTASH_CACHE_DIR": "unused"})
    stash.ok("s.py", options=["--cache-dir=elsewhere"])
    assert stash.executions() == []
    assert not (stash.folder / "unused").exists()


def test_changing_the_working_folder_does_not_move_the_cache(stash):
    hits(
        stash,
        """
        import os
        counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        def f(n):
            os.write(counter, b"f")
            return n
        os.makedirs("other", exist_ok=True)
        os.chdir("other")
        print(f(1))  # @devstash
        """,
    )
    assert len(stash.entries()) == 1


def test_refresh_executes_and_replaces(stash):
    stash.write("s.py", LOGGED, log=True)
    stash.ok("s.py")
    before = stash.entry().stat().st_mtime_ns
    stash.age(100)
    stash.ok("s.py", options=["--refresh"])
    assert stash.executions() == ["1", "1"]
    assert stash.entry().stat().st_mtime_ns >= before
    stash.ok("s.py")
    assert stash.executions() == ["1", "1"]


def test_no_cache_neither_reads_nor_writes(stash):
    stash.write("s.py", LOGGED, log=True)
    stash.ok("s.py", options=["--no-cache"])
    assert not stash.cache.exists()
    stash.ok("s.py")
    before = stash.entry().stat()
    stash.ok("s.py", options=["--no-cache"])
    assert stash.executions() == ["1"] * 3
    assert stash.entry().stat().st_mtime_ns == before.st_mtime_ns


def test_verbose_tells_of_misses_and_hits(stash):
    stash.write("s.py", LOGGED, log=True)
    first = stash.run("s.py", options=["-v"])
    second = stash.run("s.py", options=["-v"])
    assert "miss" in first.stderr and "absent" in first.stderr and "stored" in first.stderr
    assert "hit" in second.stderr and "miss" not in second.stderr
    assert f"s.py:{LOGGED.count(chr(10)) + 4}" in second.stderr or "s.py:" in second.stderr
    assert first.stdout == second.stdout == "2\n"


def test_quiet_silences_warnings(stash):
    stash.write("s.py", 'def f(x):\n    return 1\nprint(f(open("s.py")))  # @devstash\n')
    assert "x" in stash.run("s.py").stderr
    outcome = stash.run("s.py", options=["-q"])
    assert outcome.raw == (b"1\n", b"", 0)


def test_read_only_home_is_no_obstacle(stash, tmp_path):
    """Without any folder for the user's cache, or with one that cannot be written, the script runs all the same."""
    stash.write("s.py", LOGGED, log=True)
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": None, "XDG_DATA_HOME": None, "XDG_CONFIG_HOME": None}
    for env in (nowhere, {**nowhere, "HOME": None}):
        outcome = stash.run("s.py", env=env)
        assert (outcome.stdout, outcome.status) == ("2\n", 0)


def test_version_and_help():
    version = subprocess.run([binary(), "--version"], stdout=subprocess.PIPE, text=True)
    assert version.returncode == 0 and version.stdout.startswith("devstash ")
    for argv in (["--help"], ["run", "--help"], ["list", "--help"], ["clear", "--help"]):
        shown = subprocess.run([binary(), *argv], stdout=subprocess.PIPE, text=True)
        assert shown.returncode == 0 and "Usage" in shown.stdout
