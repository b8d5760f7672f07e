"""Output of marked calls: it is the script's while the call runs, and printed again on a hit where `replay` asks."""

import os
import signal
import subprocess

import pytest
from harness import on_terminal


@pytest.fixture
def thrice(stash):
    """Run a script as it is, then twice under devstash: all three must look the same.

    Returns what is shown; the marked calls must have been executed in the first two only.
    """

    def run(text, way="terminal", typed=(), status=0):
        stash.write("s.py", text, log=True)
        env = stash.environment({"PYTHON_BASIC_REPL": "1"})

        def show(argv):
            if way == "terminal":
                return on_terminal(argv, env, stash.folder, typed)
            if way == "pipe":
                done = subprocess.run(argv, cwd=stash.folder, env=env, stdout=-1, stderr=-2)
                return done.stdout.decode(), done.returncode
            with open(stash.folder / "shown", "w") as out:
                done = subprocess.run(argv, cwd=stash.folder, env=env, stdout=out, stderr=out)
            return (stash.folder / "shown").read_text(), done.returncode

        plain = show([stash.python, "s.py"])
        assert plain[1] == status
        executed = stash.executions()
        stash.forget()
        assert show(stash.argv("s.py", options=["--summary=never"])) == plain
        assert stash.executions() == executed
        stash.forget()
        assert show(stash.argv("s.py", options=["--summary=never"])) == plain
        assert stash.executions() == []
        return plain[0]

    return run


ALL = """
import os, subprocess, sys, threading

def work(n):
    log("ran")
    print("begin", n, flush=True)
    print("\\033[1mproblem\\033[0m", file=sys.stderr, flush=True)
    os.write(1, b"raw\\n")
    subprocess.run(["sh", "-c", "echo child; echo childs problem >&2"])
    thread = threading.Thread(target=lambda: print("thread", flush=True))
    thread.start()
    thread.join()
    print(sys.stdout.isatty(), os.isatty(2), flush=True)
    return n * 2

print("before", flush=True)
x = work(3)  # @devstash replay=stdout,stderr
print("after", x, flush=True)
"""


@pytest.mark.parametrize("way", ["terminal", "pipe", "file"])
def test_a_hit_prints_what_the_call_has_printed(thrice, way):
    shown = thrice(ALL, way)
    assert shown.replace("\r", "").splitlines()[1:6] == [
        "begin 3",
        "\x1b[1mproblem\x1b[0m",
        "raw",
        "child",
        "childs problem",
    ]


def test_without_replay_nothing_is_printed_and_nothing_is_in_between(stash):
    stash.write(
        "s.py",
        """
        import os, sys
        def work():
            print("working", os.ttyname(1) == os.ttyname(0) == os.ttyname(2))
            return 1
        x = work()  # @devstash
        print("done", x)
        """,
    )
    env = stash.environment()
    assert on_terminal(stash.argv("s.py", options=["--summary=never"]), env, stash.folder) == (
        "working True\r\ndone 1\r\n",
        0,
    )
    assert on_terminal(stash.argv("s.py", options=["--summary=never"]), env, stash.folder) == ("done 1\r\n", 0)


def test_one_stream_only(stash):
    stash.write(
        "s.py",
        """
        import sys
        def work():
            log("ran")
            print("out")
            print("err", file=sys.stderr)
            return 1
        x = work()  # @devstash replay=stdout
        """,
        log=True,
    )
    first, second = stash.run("s.py"), stash.run("s.py")
    assert (first.stdout, first.stderr) == ("out\n", "err\n")
    assert (second.stdout, second.stderr) == ("out\n", "")
    assert stash.executions() == ["ran"]


def test_what_was_not_recorded_is_a_miss(stash):
    text = """
    def work():
        log("ran")
        print("out")
        return 1
    x = work()  # @devstash {}
    """
    stash.write("s.py", text.format(""), log=True)
    assert [stash.ok("s.py"), stash.ok("s.py")] == ["out\n", ""]
    stash.write("s.py", text.format("replay=stdout"), log=True)
    assert [stash.ok("s.py"), stash.ok("s.py")] == ["out\n", "out\n"]
    stash.write("s.py", text.format(""), log=True)
    assert stash.ok("s.py") == ""
    assert stash.executions() == ["ran", "ran"]


def test_every_round_of_a_loop(thrice):
    thrice(
        """
        def work(n):
            log(n)
            print("number", n)
            return n
        for n in range(5):
            work(n)  # @devstash replay=stdout,stderr
            print("next")
        """
    )


def test_marked_call_inside_a_marked_call(thrice, stash):
    text = """
    def inner(n):
        log("inner")
        print("inner", n)
        return n
    def outer(n):
        log("outer")
        print("begin")
        x = inner(n)  # @devstash replay=stdout,stderr
        print("end")
        return x
    outer(1)  # @devstash replay=stdout,stderr version={}
    """
    shown = thrice(text.format(1))
    # The inner call hits in the run of the outer one: what it prints is the outer one's as well.
    stash.write("s.py", text.format(2), log=True)
    env = stash.environment()
    for _ in range(2):
        assert on_terminal(stash.argv("s.py", options=["--summary=never"]), env, stash.folder) == (shown, 0)
    assert stash.executions() == ["outer"]


def test_tqdm(thrice):
    pytest.importorskip("tqdm")
    shown = thrice(
        """
        import fcntl, termios
        from tqdm import tqdm
        def work(n):
            log("ran")
            # Without the clock in it, a bar is the same in every run.
            style = dict(mininterval=0, miniters=1, bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt}")
            return sum(tqdm(range(n), colour="green", dynamic_ncols=True, **style))
        fcntl.ioctl(0, termios.TIOCSWINSZ, bytes([35, 0, 77, 0, 0, 0, 0, 0]))
        x = work(20)  # @devstash replay=stdout,stderr
        print(x)
        """
    )
    assert "20/20" in shown and max(len(part) for part in shown.split("\r")) > 60


def test_interrupt_and_exception(stash):
    stash.write(
        "s.py",
        """
        import time
        def work(n):
            print("sleeping", flush=True)
            time.sleep(30)
        work(1)  # @devstash replay=stdout,stderr
        """,
    )
    env = stash.environment()
    typed = [("sleeping\r\n", b"\x03")]
    plain = on_terminal([stash.python, "s.py"], env, stash.folder, typed)
    assert plain[1] == 128 + signal.SIGINT
    assert on_terminal(stash.argv("s.py", options=["--summary=never"]), env, stash.folder, typed) == plain
    stash.write(
        "s.py",
        """
        def work(n):
            print("before the trouble")
            raise ValueError(n)
        work(1)  # @devstash replay=stdout,stderr
        """,
    )
    plain = on_terminal([stash.python, "s.py"], env, stash.folder)
    for _ in range(2):
        assert on_terminal(stash.argv("s.py", options=["--summary=never"]), env, stash.folder) == plain
    assert stash.entries() == [] and stash.left_over() == []


def test_reader_that_has_seen_enough(stash):
    stash.write(
        "s.py",
        """
        def work(n):
            for i in range(n):
                print("line", i)
            return n
        work(100000)  # @devstash replay=stdout
        """,
    )
    for _ in range(2):
        for line in ([stash.python, "s.py"], stash.argv("s.py")):
            done = stash.command("sh", "-c", '"$@" | head -n 1', "sh", *line)
            assert done.stdout == "line 0\n" and "BrokenPipeError" in done.stderr
            assert "devstash: " not in done.stderr
    assert len(stash.ok("s.py").splitlines()) == 100000
    assert len(stash.ok("s.py").splitlines()) == 100000
    assert len(stash.entries()) == 1


def test_output_that_cannot_be_recorded(stash):
    stash.write(
        "s.py",
        """
        import sys
        class Tee:
            def __init__(self, stream): self.stream = stream
            def write(self, text): return self.stream.write(text)
            def flush(self): self.stream.flush()
        sys.stdout = Tee(sys.stdout)
        def work():
            log("ran")
            print("out")
            return 1
        x = work()  # @devstash replay=stdout
        """,
        log=True,
    )
    for _ in range(2):
        done = stash.run("s.py")
        assert (done.stdout, done.status) == ("out\n", 0)
        assert (
            "not cached: `sys.stdout` is a __main__.Tee, of which it cannot be told what the call prints" in done.stderr
        )
    assert stash.executions() == ["ran", "ran"]


def test_no_process_and_no_file_is_left_behind(stash):
    stash.write("s.py", ALL, log=True)
    stash.run("s.py")
    stash.run("s.py")
    assert stash.left_over() == []
    if os.path.isdir("/proc/self"):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    assert os.fsencode(stash.folder) not in file.read()
            except OSError:
                continue  # it has ended meanwhile


RECORDED = """
import os, threading

def loud(n):
    log("loud")
    print("loud", n, flush=True)
    os.write(2, b"raw\\n")
    return n

def items():
    log("items")
    print("first", flush=True)
    yield 1

print(loud(1))  # @devstash{}
stream = items()  # @devstash
print(list(stream))
got = dict()
def work(n):
    local = loud(n)  # @devstash
    got[n] = local
threads = [threading.Thread(target=work, args=(n,)) for n in (2, 3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(got))
"""


@pytest.mark.parametrize("way", ["terminal", "pipe"])
def test_the_output_of_every_call_can_be_kept_and_replayed_later(stash, way):
    env = stash.environment({})

    def show(*options):
        argv = stash.argv("s.py", options=["--summary=never", *options])
        if way == "terminal":
            return on_terminal(argv, env, stash.folder, ())
        done = subprocess.run(argv, cwd=stash.folder, env=env, stdout=-1, stderr=-2)
        return done.stdout.decode(), done.returncode

    stash.write("s.py", RECORDED.format(""), log=True)
    first = show("--record")
    assert first[1] == 0 and first[0].count("loud") == 3 and "devstash:" not in first[0]
    ran = stash.executions()
    assert sorted(ran) == ["items", "loud", "loud", "loud"]
    silent = show()
    assert silent[1] == 0 and "loud" not in silent[0] and "raw" not in silent[0]
    stash.write("s.py", RECORDED.format(" replay=stdout,stderr"), log=True)
    again = show()
    assert again[1] == 0 and again[0].split()[:3] == ["loud", "1", "raw"]
    assert again[0].count("loud") == 1
    assert stash.executions() == ran
