"""The line at the end of a run: what its marked calls came to."""

import multiprocessing
import re

import pytest
from harness import on_terminal

SCRIPT = """
import time

def slow(n):
    return {"n": n, "usage": {"total_tokens": 1600}}

for i in range(3):
    slow(i)  # @devstash
"""


def steady(text):
    """Without the milliseconds that calls take which do next to nothing: there may be some, on a machine at work."""
    return re.sub(r" · saved \d+ms", "", text)


def on(stash, *args, options=(), steady=steady):
    """What a terminal shows of a run, and the exit status."""
    shown, status = on_terminal(stash.argv("s.py", *args, options=options), stash.environment(), stash.folder)
    return steady(shown.replace("\r\n", "\n")), status


def test_misses_and_hits_are_told_on_a_terminal(stash):
    stash.write("s.py", SCRIPT + "print('done')\n")
    assert on(stash) == ("done\ndevstash: 3 misses\n", 0)
    assert on(stash) == ("done\ndevstash: 3 hits · 4.8k tokens\n", 0)
    stash.write("s.py", SCRIPT.replace("range(3)", "range(2, 4)"))
    assert on(stash) == ("devstash: 1 hit, 1 miss · 1.6k tokens\n", 0)


def test_time_that_was_saved_is_told(stash):
    stash.write("s.py", SCRIPT.replace("    return", "    time.sleep(0.4)\n    return").replace("range(3)", "range(1)"))
    assert on(stash) == ("devstash: 1 miss\n", 0)
    shown, status = on(stash, steady=str)
    assert status == 0 and shown.startswith("devstash: 1 hit · saved 4") and shown.endswith("ms · 1.6k tokens\n")


def test_in_a_pipe_nothing_is_said_unless_it_is_wanted(stash):
    stash.write("s.py", SCRIPT)
    assert stash.run("s.py").raw == (b"", b"", 0)
    assert stash.run("s.py").raw == (b"", b"", 0)
    outcome = stash.run("s.py", options=["--summary", "always"])
    assert (outcome.stdout, steady(outcome.stderr), outcome.status) == ("", "devstash: 3 hits · 4.8k tokens\n", 0)
    assert stash.run("s.py", options=["--summary=always", "--summary=auto"]).raw == (b"", b"", 0)
    assert stash.run("s.py", options=["--summary=always", "-q"]).raw == (b"", b"", 0)
    assert stash.run("s.py", options=["--summary=always", "--no-cache"]).raw == (b"", b"", 0)


def test_it_can_be_silenced(stash):
    stash.write("s.py", SCRIPT)
    for options in (["-q"], ["--summary=never"], ["-q", "--summary=auto"]):
        assert on(stash, options=options) == ("", 0)


def test_settings_decide_where_no_option_does(stash):
    stash.write("s.py", SCRIPT)
    told = "devstash: 3 hits · 4.8k tokens\n"
    stash.ok("s.py")
    always, never = {"env": {"DEVSTASH_SUMMARY": "always"}}, {"env": {"DEVSTASH_SUMMARY": "never"}}
    assert steady(stash.run("s.py", **always).stderr) == told
    assert stash.run("s.py", options=["--summary=never"], **always).stderr == ""
    assert steady(stash.run("s.py", options=["--summary=always"], **never).stderr) == told
    stash.write("pyproject.toml", "[tool.devstash]\nsummary = 'always'\n")
    assert steady(stash.run("s.py").stderr) == told
    assert stash.run("s.py", **never).stderr == ""


def test_another_word_is_an_error(stash):
    stash.write("s.py", SCRIPT)
    outcome = stash.run("s.py", options=["--summary=sometimes"])
    told = "devstash: `--summary`: `sometimes` is not `auto`, `always` or `never`\n\n"
    assert (outcome.status, outcome.stderr) == (2, told + "hint: write `auto`, `always` or `never`\n")


def test_without_a_marked_call_nothing_is_said(stash):
    stash.write("s.py", SCRIPT.replace("range(3)", "range(0)"))
    assert on(stash) == ("", 0)
    stash.write("s.py", "print(1)\n")
    assert on(stash) == ("1\n", 0)


ENDS = {
    "sys.exit": ("sys.exit(3)", "", 3),
    "a message": ("sys.exit('no')", "no\n", 1),
    "an exception": (
        "1 / 0",
        'Traceback (most recent call last):\n  File "@", line 10, in <module>\n    1 / 0\n    ~~^~~\n'
        "ZeroDivisionError: division by zero\n",
        1,
    ),
    "atexit": ("import atexit; atexit.register(print, 'at exit')", "at exit\n", 0),
    "a thread": ("import threading, time; threading.Timer(0.1, print, ['late']).start()", "late\n", 0),
    "unflushed output": ("sys.stdout.write('no line end')", "no line end", 0),
    "__del__": ("class C:\n    def __del__(self): print('gone')\nc = C()", "gone\n", 0),
    "a cycle": ("class C:\n    def __del__(self): print('gone')\nc = C(); c.c = c", "gone\n", 0),
    "no terminal": ("import os; os.close(2)", None, 0),
    "another file": ("import os; os.dup2(os.open('f', os.O_WRONLY | os.O_CREAT), 2)", None, 0),
    "no orderly end": ("import os; os._exit(4)", None, 4),
    "no modules": ("sys.modules.clear()", "", 0),
    "a folder that is gone": ("import shutil; shutil.rmtree('.devstash_cache')", "", 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_it_comes_after_all_else(stash, name):
    text, said, status = ENDS[name]
    stash.write("s.py", SCRIPT + "import sys\n" + text + "\n")
    shown = on(stash)
    if said is None:
        assert shown == ("", status)
        return
    said = said.replace("@", str(stash.folder / "s.py"))
    if "Traceback" in said and "~~^~~" not in shown[0]:  # Python 3.9 and 3.10 draw no carets
        said = said.replace("    ~~^~~\n", "")
    assert shown == (f"{said}devstash: 3 misses\n", status)


def test_calls_that_could_not_be_cached_count_as_misses(stash):
    stash.write(
        "s.py",
        """
        def f(x):
            return 1
        for i in range(5):
            f(open("s.py"))  # @devstash
        """,
    )
    shown, status = on(stash)
    assert shown.splitlines()[-1] == "devstash: 5 misses" and status == 0


WORKERS = """
import multiprocessing, sys

def f(n):
    return n

def work(n):
    return f(n)  # @devstash

if __name__ == "__main__":
    work(-1)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        pool.map(work, range(5), chunksize=1)
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_say_nothing_and_their_calls_are_counted(stash, method):
    stash.write("s.py", WORKERS)
    assert on(stash, method) == ("devstash: 6 misses\n", 0)
    assert on(stash, method) == ("devstash: 6 hits\n", 0)


def test_children_made_by_fork_say_nothing(stash):
    stash.write("s.py", SCRIPT + "import os\nif os.fork():\n    os.wait()\nslow(0)  # @devstash\n")
    assert on(stash) == ("devstash: 2 hits, 3 misses · 3.2k tokens\n", 0)
