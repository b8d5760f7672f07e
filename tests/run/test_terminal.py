"""On a terminal: isatty, Ctrl-C, prompts and pdb are as without devstash."""

import os
import subprocess
import sys

import pytest
from harness import on_terminal


@pytest.fixture
def both(stash):
    """Run a script on a terminal: plain, first run, second run; the three must look the same."""

    def run(text, *args, typed=(), flags=()):
        stash.write("s.py", text)
        env = stash.environment({"PYTHONUNBUFFERED": "1", "PYTHON_BASIC_REPL": "1"})
        plain = on_terminal([stash.python, *flags, "s.py", *args], env, stash.folder, typed)
        for _ in range(2):
            argv = stash.argv("s.py", *args, options=["--summary=never"], flags=flags)
            assert on_terminal(argv, env, stash.folder, typed) == plain
        return plain

    return run


def test_isatty_and_size(both):
    shown, status = both(
        """
        import os, sys
        x = len("abc")  # @devstash
        print(x, sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size())
        print(os.ttyname(0) == os.ttyname(1), os.isatty(2), os.tcgetpgrp(0) == os.getpgrp(), os.getsid(0) == os.getpid())
        """
    )
    assert "3 True True True" in shown and status == 0


def test_interrupt_at_the_keyboard(both):
    shown, status = both(
        """
        import time
        def f(n):
            print("sleeping")
            time.sleep(30)
            return n
        x = len("abc")  # @devstash
        f(1)  # @devstash
        """,
        typed=[("sleeping\r\n", b"\x03")],
    )
    assert "KeyboardInterrupt" in shown and status == 130


def test_interrupt_that_the_script_catches(both):
    shown, status = both(
        """
        import time
        def f(n):
            try:
                print("sleeping")
                time.sleep(30)
            except KeyboardInterrupt:
                print("caught")
            return n
        x = f(1)  # @devstash refresh
        print("after", x)
        """,
        typed=[("sleeping\r\n", b"\x03")],
    )
    assert "caught" in shown and "after 1" in shown and status == 0


def test_quit_and_end_of_input(both):
    shown, status = both(
        """
        import sys
        x = len("abc")  # @devstash
        print("ready", x)
        print("read", repr(sys.stdin.read()))
        """,
        typed=[("ready 3\r\n", b"line\n\x04")],
    )
    assert "read 'line\\n'" in shown and status == 0
    _, status = both(
        'import time\nx = len("abc")  # @devstash\nprint("ready")\ntime.sleep(30)\n',
        typed=[("ready\r\n", b"\x1c")],
    )
    assert status == 128 + 3


def test_prompts(both):
    shown, _ = both(
        """
        name = input("who? ").strip()
        x = len(name)  # @devstash
        print(x, "letters")
        """,
        typed=[("who? ", b"you\n")],
    )
    assert "3 letters" in shown


@pytest.mark.xfail(sys.version_info[:2] == (3, 12), reason="3.12 tells tracers of a marked line twice", strict=True)
def test_pdb_on_a_marked_line(both):
    shown, status = both(
        """
        import pdb
        def f(n):
            return n * 2
        pdb.set_trace()
        y = 1
        x = f(3)  # @devstash
        print("result", x)
        """,
        typed=[
            ("(Pdb) ", b"b 7\n"),
            ("(Pdb) ", b"c\n"),
            ("(Pdb) ", b"n\n"),
            ("(Pdb) ", b"p x\n"),
            ("(Pdb) ", b"c\n"),
        ],
    )
    assert "result 6" in shown and status == 0


def test_interactive_flag(both):
    """`-i`: after the script the prompt, with the script's names."""
    shown, status = both(
        'x = len("abc")  # @devstash\n',
        flags=["-i"],
        typed=[(">>> ", b"x + 4\n"), (">>> ", b"exit(5)\n")],
    )
    assert "7" in shown and status == 5


def test_hangup_of_a_background_process_group(stash):
    """The script is the very process that the shell started: no wrapper stays between them."""
    stash.write("s.py", 'import os\nx = len("abc")  # @devstash\nprint(os.getpid(), os.getppid())\n')
    for _ in range(2):
        process = subprocess.Popen(
            stash.argv("s.py"), cwd=stash.folder, env=stash.environment(), stdout=subprocess.PIPE
        )
        printed = process.communicate()[0].split()
        assert printed == [str(process.pid).encode(), str(os.getpid()).encode()]
