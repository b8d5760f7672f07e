"""The harness of the whole-run tests: a folder, scripts in it, and the real binary run on them as a user would.

`DEVSTASH_BIN` names the binary; the Python under test is the one that runs pytest. True executions are counted through
a side effect of the script (a line appended to `log`), and time is moved by setting the entries' modification time.
"""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Where the binary is has to be read before the tests' environment is cleared of DEVSTASH_*.
_BINARY = os.environ.get("DEVSTASH_BIN")
_TOOLS = os.environ.get("DEVSTASH_TOOLS")

TIMEOUT = 120

# The start of most scripts: `log("x")` tells the test that something was truly executed. The file is opened before any
# call, so that writing to it is nothing that a call could be seen to do.
LOG = """import os as _os; _log = _os.open("log", _os.O_WRONLY | _os.O_CREAT | _os.O_APPEND, 0o644)

def log(line):
    _os.write(_log, f"{line}\\n".encode())
"""


def binary():
    """The devstash under test."""
    if not _BINARY:
        pytest.fail("DEVSTASH_BIN is not set: run these tests with ./dev test")
    return _BINARY


def tool(name):
    """A program of the tool environment (uv, poetry); the test is skipped, saying so, where there is none."""
    path = Path(_TOOLS or "/nonexistent") / name
    if not path.exists():
        pytest.skip(f"{name} is not in the tool environment (DEVSTASH_TOOLS)")
    return str(path)


def base_environment(home):
    """An environment in which nothing of the machine's user remains but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        # Python 3.13 colours tracebacks on a terminal; the tests compare text.
        "NO_COLOR": "1",
    }


class Outcome:
    """What a run printed and how it ended."""

    def __init__(self, stdout, stderr, status):
        self.raw = (stdout, stderr, status)
        self.stdout = stdout.decode("utf-8", "backslashreplace")
        self.stderr = stderr.decode("utf-8", "backslashreplace")
        self.status = status

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Stash:
    """A working folder and devstash."""

    def __init__(self, folder, home):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = Path(home)
        self.python = sys.executable
        self.env = base_environment(self.home)

    # --- files

    def write(self, name, text, log=False):
        """Write a script (dedented, so that tests can indent it) or any file, and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text((LOG if log else "") + textwrap.dedent(text), encoding="utf-8")
        return path

    def executions(self, name="log"):
        """The lines that the scripts have logged so far."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def forget(self, name="log"):
        """Start counting anew."""
        path = self.folder / name
        if path.exists():
            path.unlink()

    @property
    def cache(self):
        return self.folder / ".devstash_cache"

    def entries(self):
        """The entry files, in the order of their names."""
        return sorted(self.cache.glob("*.pkl")) if self.cache.is_dir() else []

    def entry(self):
        """The one entry there is."""
        found = self.entries()
        assert len(found) == 1, found
        return found[0]

    def left_over(self, folder=None):
        """Temporary files that a run should have removed."""
        folder = folder or self.cache
        return [path for path in folder.rglob("*") if path.is_file() and "tmp" in str(path.relative_to(folder))]

    def age(self, seconds, *entries):
        """Make entries (all, unless named) look as if they had been stored so many seconds earlier."""
        for path in entries or self.entries():
            now = path.stat()
            os.utime(path, (now.st_atime - seconds, now.st_mtime - seconds))

    # --- runs

    def environment(self, env=None):
        """The environment of a run; a value of None removes a variable."""
        merged = {**self.env, **(env or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def command(self, *argv, stdin="", env=None, cwd=None, timeout=TIMEOUT, preexec_fn=None):
        """Run any command in the folder."""
        done = subprocess.run(
            [os.fsencode(part) for part in argv],
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True,
            cwd=cwd or self.folder,
            env=self.environment(env),
            timeout=timeout,
            preexec_fn=preexec_fn,
        )
        return Outcome(done.stdout, done.stderr, done.returncode)

    def devstash(self, *argv, **keywords):
        """`devstash …`, any subcommand."""
        return self.command(binary(), *argv, **keywords)

    def argv(self, script, *args, options=(), flags=()):
        """The command line of `devstash run`, for tests that start it in their own way."""
        return [binary(), "run", "--python", self.python, *options, *flags, script, *args]

    def run(self, script, *args, options=(), flags=(), **keywords):
        """`devstash run` with the Python under test. `options` are devstash's, `flags` the interpreter's."""
        return self.command(*self.argv(script, *args, options=options, flags=flags), **keywords)

    def plain(self, script, *args, flags=(), **keywords):
        """The same script without devstash."""
        return self.command(self.python, *flags, script, *args, **keywords)

    def ok(self, script, *args, **keywords):
        """A run that must succeed and say nothing on stderr; returns its stdout."""
        outcome = self.run(script, *args, **keywords)
        assert (outcome.status, outcome.stderr) == (0, ""), outcome
        return outcome.stdout

    def twice(self, script, *args, **keywords):
        """Two runs that must both succeed, silently and with the same output, which is returned."""
        first = self.ok(script, *args, **keywords)
        second = self.ok(script, *args, **keywords)
        assert second == first
        return first

    def script_twice(self, text, *args, name="s.py", **keywords):
        """Write a script that can `log(…)`, run it twice, and return its output and what was executed in each run."""
        self.write(name, text, log=True)
        self.forget()
        first = self.ok(name, *args, **keywords)
        executed = self.executions()
        second = self.ok(name, *args, **keywords)
        assert second == first
        return first, executed, self.executions()[len(executed) :]


def hits(stash, text, *args, **keywords):
    """Run a script twice: something must have been executed in the first run, nothing in the second."""
    printed, first, second = stash.script_twice(text, *args, **keywords)
    assert first, "nothing was logged in the first run"
    assert second == []
    return printed


def without_privileges(closed):
    """A `preexec_fn` that lets permissions count for root too.

    `closed` is a file that must not be read then, or a folder in which nothing can be made. This is tried; where it
    does not come out so, the test would show nothing and is skipped.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def drop():
        # What root has after an exec is what the bounding set leaves of everything.
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")

    preexec_fn = drop if os.geteuid() == 0 else None
    attempt = "import os, sys; p = sys.argv[1]; open(os.path.join(p, 'x'), 'w') if os.path.isdir(p) else open(p)"
    argv = [sys.executable, "-ISc", attempt, os.fspath(closed)]
    try:
        done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, preexec_fn=preexec_fn)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"root cannot give up its privileges here: {error}")
    if "PermissionError" not in done.stderr:
        pytest.skip(f"permissions keep nobody out here: {done.stderr or 'no error'}")
    return preexec_fn


# --- terminals ------------------------------------------------------------------------------------------------------


def on_terminal(argv, env, cwd, typed=(), timeout=60, columns=None):
    """Run a command on a pseudo-terminal of its own.

    `typed` is a sequence of (text to wait for, bytes to type then). Returns all that appeared and the exit status as
    a shell would give it (128 + signal). `columns` is how wide the terminal is.
    """
    import fcntl
    import pty
    import select
    import struct
    import termios
    import time

    pid, master = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            if columns:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(os.fspath(argv[0]), [os.fsencode(part) for part in argv], env)
        finally:
            os._exit(126)
    seen = b""
    waiting = list(typed)
    mark = 0
    deadline = time.monotonic() + timeout
    try:
        while True:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError(f"timed out; so far: {seen!r}, waiting for {waiting!r}")
            if waiting and waiting[0][0].encode() in seen[mark:]:
                mark = seen.index(waiting[0][0].encode(), mark) + len(waiting[0][0])
                # The program has printed this; give it the moment it needs to get to where it waits.
                time.sleep(0.2)
                os.write(master, waiting.pop(0)[1])
            ready, _, _ = select.select([master], [], [], 0.2)
            if ready:
                try:
                    chunk = os.read(master, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                seen += chunk
    finally:
        os.close(master)
        _, status = os.waitpid(pid, 0)
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return seen.decode("utf-8", "backslashreplace"), code
