"""Completion in shells, and manual pages."""

import os
import re
import shutil
import subprocess

import pytest
from harness import binary, on_terminal

pytestmark = pytest.mark.commands

SCRIPT = """
def f(n):
    return n
x = f(1)  # @devstash name=answers
y = [f(i) for i in (2, 3)]  # @devstash
"""


@pytest.fixture
def stocked(stash):
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    stash.env["PATH"] = os.path.dirname(os.path.abspath(binary())) + os.pathsep + stash.env["PATH"]
    return stash


def offered(stash, *words, cwd=None):
    """What a shell is answered when the cursor stands at the end of these words."""
    asked = {"DEVSTASH_COMPLETE": "bash", "_CLAP_COMPLETE_INDEX": str(len(words))}
    outcome = stash.devstash("--", "devstash", *words, env=asked, cwd=cwd)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return outcome.stdout.splitlines()


def plain(words):
    return [word for word in words if not word.startswith("-")]


def test_commands_and_options(stocked):
    assert offered(stocked, "sh") == ["show"]
    assert offered(stocked, "show", "--js") == ["--json"]
    assert offered(stocked, "completions", "") == ["bash", "zsh", "fish", "powershell", "--help"]


def test_marked_lines_names_of_markers_and_entries(stocked):
    names = [path.stem for path in stocked.entries()]
    assert len(names) == 3
    for command in ("show", "path"):
        assert plain(offered(stocked, command, "")) == ["s.py:4", "s.py:5", "answers", *names]
        assert offered(stocked, command, "s.py:") == ["s.py:4", "s.py:5"]
        assert offered(stocked, command, names[0][:-3]) == [names[0]]
    assert plain(offered(stocked, "show", "--cache-dir", "elsewhere", "")) == []
    elsewhere = stocked.folder.parent / "elsewhere"
    elsewhere.mkdir()
    found = offered(stocked, "show", f"--cache-dir={stocked.cache}", "ans", cwd=elsewhere)
    assert found == ["answers"]
    stocked.write("pyproject.toml", "[tool.devstash]\nzebra = 1\n")  # no time to complain
    assert offered(stocked, "show", "ans") == ["answers"]


def test_words_behind_a_script_are_the_script_s(stocked):
    stocked.write("data/x.csv", "")
    assert plain(offered(stocked, "run", "")) == ["s.py", "data/"]
    assert offered(stocked, "run", "-q", "s.py", "--he") == []
    assert offered(stocked, "run", "-q", "s.py", "--cache-dir", "dat") == ["data/"]
    assert offered(stocked, "run", "--python", "/bin/s", "--refr") == ["--refresh"]


def test_bash_completes(stocked):
    """In a real bash, keys typed: a command, a marked line behind the colon at which bash divides words, an option."""
    bash = shutil.which("bash")
    assert bash, "bash is everywhere"
    typed = [
        ("$ ", b"source <(devstash completions bash)\n"),
        ("$ ", b"devstash pat\ts.py:4\t\n"),
        ("$ ", b"devstash show s.py:\t4 --js\t | grep '\"line\"'\n"),
        ("$ ", b"devstash run --cache-dir=kep\t s.p\t; echo status $?\n"),
        ("status 0", b"exit\n"),
    ]
    (stocked.folder / "kept").mkdir()
    env = stocked.environment({"PS1": "$ ", "TERM": "dumb", "DEVSTASH_PYTHON": stocked.python})
    seen, status = on_terminal([bash, "--norc", "--noprofile", "-i"], env, stocked.folder, typed, columns=200)
    assert status == 0, seen
    lines = [line.strip() for line in seen.replace("\a", "").splitlines()]
    entry = next(path for path in stocked.entries() if f"{path}" in lines)
    assert entry, seen
    assert '"line": 4,' in lines, seen
    assert len(list((stocked.folder / "kept").glob("*.pkl"))) == 3, seen


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_scripts_of_other_shells(stocked, shell):
    outcome = stocked.devstash("completions", shell)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert f"DEVSTASH_COMPLETE={shell}" in outcome.stdout or f'"{shell}"' in outcome.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_scripts(stocked, shell):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"there is no {shell} here")
    script = stocked.write("script", stocked.devstash("completions", shell).stdout)
    load = {"zsh": f"autoload -U compinit; compinit -D; source {script}", "fish": f"source {script}"}[shell]
    ask = {"zsh": "echo fine", "fish": "complete -C 'devstash show s.py:'"}[shell]
    done = subprocess.run(
        [program, "-c", f"{load}; {ask}"], env=stocked.environment(), cwd=stocked.folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith({"zsh": "fine\n", "fish": "s.py:4\t"}[shell])


def test_a_shell_that_is_none(stash):
    outcome = stash.devstash("completions", "tcsh")
    assert outcome.status == 2
    assert "possible values: bash, zsh, fish, powershell" in outcome.stderr


# --- manual pages ---------------------------------------------------------------------------------------------------


def test_manual_pages(stash):
    page = stash.devstash("man").stdout
    assert page.startswith(".ie \\n(.g .ds Aq") and ".TH devstash 1" in page
    for name in re.findall(r"^devstash\\-(\w+)\(1\)$", page, re.MULTILINE):
        assert f".TH devstash-{name} 1" in stash.devstash("man", name).stdout
    written = stash.devstash("man", "--folder", "pages/man1").stdout.splitlines()
    assert written[:2] == ["pages/man1/devstash.1", "pages/man1/devstash-run.1"]
    assert (stash.folder / "pages" / "man1" / "devstash.1").read_text() == page
    assert len(written) == len(list((stash.folder / "pages" / "man1").iterdir())) > 5


def test_the_page_of_no_command(stash):
    outcome = stash.devstash("man", "cler")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr == "devstash: there is no command `cler`\n\nhint: did you mean `clear`?\n"


def test_a_folder_that_cannot_be_made(stash):
    stash.write("file", "")
    outcome = stash.devstash("man", "--folder", "file/man1")
    assert outcome.status == 4
    assert outcome.stderr.startswith("devstash: cannot make the folder `file/man1`: "), outcome
