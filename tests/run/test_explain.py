"""The process that explains misses beside the script: in nobody's way, and gone when the script is."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from harness import on_terminal

NEVER = "never run before"


def said(stash, text, *args, options=(), **keywords):
    """Run a script with `--explain`: its stdout, and what is said line by line."""
    stash.write("s.py", text)
    outcome = stash.run("s.py", *args, options=("--explain", *options), **keywords)
    assert outcome.status == 0, outcome
    return outcome.stdout, outcome.stderr.replace("devstash: s.py:", "").splitlines()


def helpers(stash):
    """The processes that explain for this cache folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:2] == [b"explain"] and os.fsencode(stash.cache) in words:
            found.append(int(process.name))
    return found


def all_gone(stash):
    """Whether none of them is left, within a moment."""
    deadline = time.monotonic() + 5
    while helpers(stash):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc to look into")


@needs_proc
def test_lines_stand_in_order_with_the_output(stash):
    text = """
    import os
    def f(n):
        print("computing", n, flush=True)
        return n
    for n in range(3):
        print("before", n, flush=True)
        f(n)  # @devstash
    """
    stash.write("s.py", text)
    outcome = stash.command("sh", "-c", '"$@" 2>&1', "sh", *stash.argv("s.py", options=["--explain"]))
    assert outcome.stdout.splitlines() == [
        line for n in range(3) for line in (f"before {n}", f"devstash: s.py:8: miss f: {NEVER}", f"computing {n}")
    ]
    assert all_gone(stash)


@needs_proc
def test_it_dies_with_a_script_that_is_killed(stash):
    stash.write(
        "s.py", "import time\ndef f(n):\n    print('started', flush=True)\n    time.sleep(60)\nf(1)  # @devstash\n"
    )
    running = subprocess.Popen(
        stash.argv("s.py", options=["--explain"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=stash.folder,
        env=stash.environment(),
    )
    assert running.stdout.readline() == b"started\n"
    assert len(helpers(stash)) == 1
    running.kill()
    assert running.communicate()[1] == f"devstash: s.py:5: miss f: {NEVER}\n".encode()
    assert all_gone(stash)


@needs_proc
def test_the_script_has_no_child_and_no_descriptor_more(stash):
    text = """
    import os
    def f(n):
        return n
    before = set(os.listdir("/proc/self/fd"))
    f(1)  # @devstash
    try:
        print(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        print("no child")
    inherited = [fd for fd in os.listdir("/proc/self/fd") if fd not in before and int(fd) < 100]
    print(inherited[1:])  # one is the folder that is being listed
    """
    assert said(stash, text) == ("no child\n[]\n", [f"6: miss f: {NEVER}"])


@needs_proc
def test_children_made_by_fork_ask_for_themselves(stash):
    text = """
    import os
    def f(n):
        return n
    f(0)  # @devstash
    for n in (1, 2):
        child = os.fork()
        if not child:
            f(n)  # @devstash
            os._exit(0)
        os.waitpid(child, 0)
    f(3)  # @devstash
    """
    printed, lines = said(stash, text)
    assert lines == [f"5: miss f: {NEVER}", f"9: miss f: {NEVER}", f"9: miss f: {NEVER}", f"12: miss f: {NEVER}"]
    edited = text.replace("f(3)", "f(4)")
    assert said(stash, edited)[1] == ["5: hit f", "9: hit f", "9: hit f", "12: miss f: argument `n`: 3 → 4"]
    assert all_gone(stash)


@needs_proc
def test_workers_that_are_started_afresh(stash):
    text = """
    import multiprocessing, sys
    def f(n):
        return n
    def work(n):
        return f(n)  # @devstash
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(work, [1, int(sys.argv[1])]))
    """
    assert said(stash, text, "2") == ("[1, 2]\n", [f"6: miss f: {NEVER}"] * 2)
    assert said(stash, text, "3") == ("[1, 3]\n", ["6: hit f", "6: miss f: argument `n`: 2 → 3"])
    assert all_gone(stash)


def test_threads_ask_one_after_the_other(stash):
    text = """
    from concurrent.futures import ThreadPoolExecutor
    def f(n):
        return n
    def work(n):
        return f(n)  # @devstash
    with ThreadPoolExecutor(4) as pool:
        print(sum(pool.map(work, range(20))))
    """
    assert said(stash, text) == ("190\n", [f"6: miss f: {NEVER}"] * 20)


@needs_proc
def test_trouble_with_it_costs_the_explanation_only(stash):
    text = """
    import glob, os, signal
    def f(n):
        return n
    f(1)  # @devstash
    for cmdline in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(cmdline, "rb").read().split(b"\\0")
        except OSError:
            continue
        if words[1:2] == [b"explain"] and os.fsencode(os.getcwd()) in words[3]:
            os.kill(int(cmdline.split("/")[2]), signal.SIGKILL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for n in (2, 3):
        f(n)  # @devstash
    """
    assert said(stash, text)[1] == [f"5: miss f: {NEVER}", "15: miss f: absent", "15: miss f: absent"]


@needs_proc
def test_a_script_that_closes_all_descriptors(stash):
    """What it opens then may get their numbers, and must not be taken for them."""
    text = """
    import os
    def f(n):
        return n
    f(1)  # @devstash
    os.closerange(3, 4096)
    files = [os.open(f"{n}.txt", os.O_RDWR | os.O_CREAT) for n in range(3)]
    for fd in range(3, 1200):
        try:
            os.dup2(files[0], fd)
        except OSError:
            pass
    f(2)  # @devstash
    print(os.path.getsize("0.txt"), os.fstat(1100).st_ino == os.stat("0.txt").st_ino)
    """
    assert said(stash, text) == ("0 True\n", [f"5: miss f: {NEVER}", "13: miss f: absent"])
    assert all_gone(stash)


def test_a_marked_call_in_another_is_explained_and_both_are_kept(stash):
    text = """
    def inner(n):
        return n
    def outer(n):
        return inner(n)  # @devstash
    outer(1)  # @devstash
    """
    assert said(stash, text)[1] == [f"6: miss outer: {NEVER}", f"5: miss inner: {NEVER}"]
    assert said(stash, text)[1] == ["6: hit outer"]
    assert said(stash, text.replace("outer(1)", "outer(2)"))[1] == [
        "6: miss outer: argument `n`: 1 → 2",
        "5: miss inner: argument `n`: 1 → 2",
    ]


def test_a_script_with_a_logger_gets_records(stash):
    text = """
    import logging, sys
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
    def f(n):
        return n
    f(1)  # @devstash
    """
    printed, lines = said(stash, text)
    assert printed.splitlines()[0] == f"devstash INFO s.py:6: miss f: {NEVER}"
    assert lines == [f"6: miss f: {NEVER}"]


@needs_proc
def test_the_terminal_is_the_scripts(stash):
    text = """
    import os, sys, time
    def f(n):
        return n
    f(1)  # @devstash
    print(os.isatty(0), os.tcgetpgrp(0) == os.getpgrp(), input("name? "))
    print("sleeping", flush=True)
    time.sleep(30)
    """
    stash.write("s.py", text)
    argv = stash.argv("s.py", options=["--explain"])
    typed = [("name? ", b"me\n"), ("sleeping\r\n", b"\x03")]
    shown, status = on_terminal(argv, stash.environment(), stash.folder, typed)
    assert status == 130
    assert shown.replace("\r\n", "\n").startswith(
        f"devstash: s.py:5: miss f: {NEVER}\nname? me\nTrue True me\nsleeping\n"
    )
    assert all_gone(stash)


def test_it_can_be_asked_for_only_where_there_is_something_to_explain(stash):
    stash.write("s.py", "print(1)\n")
    for option in ("--quiet", "--no-cache"):
        outcome = stash.run("s.py", options=["--explain", option])
        assert outcome.status == 2 and "cannot be used with" in outcome.stderr
    assert stash.devstash("explain", "0", "x", "0").status == 2
    assert "unrecognized subcommand" in stash.devstash("explain", "s.py").stderr


@needs_proc
def test_a_signal_handler_that_raises_is_heard(stash):
    """A time limit that strikes while an explanation is awaited passes through, and nothing is asked any more."""
    text = """
    import os, signal
    class Limit(Exception):
        pass
    def strike(number, frame):
        raise Limit
    signal.signal(signal.SIGALRM, strike)
    def f(n):
        return n
    count = 0
    for n in range(40):
        signal.setitimer(signal.ITIMER_REAL, 0.0003 + n * 0.0001)
        try:
            f(n)  # @devstash
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Limit:
            count += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    f(1000)  # @devstash
    print("over", 0 <= count <= 40)
    """
    printed, lines = said(stash, text)
    assert printed == "over True\n"
    assert lines[-1] in (f"19: miss f: {NEVER}", "19: miss f: absent")
    assert all_gone(stash)
