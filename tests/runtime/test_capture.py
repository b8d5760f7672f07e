"""capture.py and the pump: what a call prints looks as it does without us, is recorded, and is printed again.

Each test runs a script in a process of its own, on a terminal, pipes or files: as it is, recorded, and replayed.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from harness import base_environment, binary, on_terminal

RUNTIME = Path(__file__).resolve().parents[2] / "src" / "runtime"

PRELUDE = """
import io, json, os, signal, subprocess, sys, threading, time
MODE = os.environ["MODE"]
STORE = os.path.abspath("store")
sys.path.insert(0, os.environ["RUNTIME"])
from devstash import capture
sys.path.pop(0)
capture.executable(os.environ["EXECUTABLE"])

def call(body, streams=("stdout", "stderr")):
    '''The body as it is, recorded, or replayed; what there is to say of the recording is left in the file `said`.'''
    if MODE == "plain":
        return body()
    if MODE == "replay":
        with open("said") as file:
            said = json.load(file)
        assert said["refusal"] is None, said
        reason = capture.replayable(said["effect"], streams, STORE)
        if reason is not None:
            raise SystemExit(reason)
        return capture.replay(said["effect"], streams, STORE)
    recording = capture.Capture(streams, STORE)
    said = {"start": recording.start()}
    try:
        return body()
    finally:
        recording.stop()
        recording.stop()
        said.update(refusal=recording.refusal() or said["start"], effect=None)
        if said["refusal"] is None:
            said["effect"] = recording.effect()
        with open("said", "w") as file:
            json.dump(said, file)
"""


class Desk:
    """A folder to run scripts in."""

    def __init__(self, folder):
        self.folder = folder
        self.env = base_environment(folder)
        self.env.update(RUNTIME=str(RUNTIME), EXECUTABLE=binary(), PYTHON_BASIC_REPL="1")

    def write(self, text):
        (self.folder / "s.py").write_text(PRELUDE + textwrap.dedent(text))

    def command(self, mode):
        return [sys.executable, "s.py"], {**self.env, "MODE": mode}

    def terminal(self, mode, typed=()):
        argv, env = self.command(mode)
        return on_terminal(argv, env, self.folder, typed)

    def start(self, mode, **keywords):
        argv, env = self.command(mode)
        return subprocess.Popen(argv, cwd=self.folder, env=env, **keywords)

    def run(self, mode, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords):
        process = self.start(mode, stdout=stdout, stderr=stderr, **keywords)
        out, err = process.communicate(timeout=60)
        return out, err, process.returncode

    def pipes(self, mode):
        return self.run(mode)

    def pipe(self, mode):
        return self.run(mode, stderr=subprocess.STDOUT)

    def files(self, mode, flags="w"):
        with open(self.folder / "out", flags) as out, open(self.folder / "err", flags) as err:
            _, _, status = self.run(mode, out, err)
        return (self.folder / "out").read_bytes(), (self.folder / "err").read_bytes(), status

    def file(self, mode, flags="w"):
        with open(self.folder / "out", flags) as out:
            _, _, status = self.run(mode, out, subprocess.STDOUT)
        return (self.folder / "out").read_bytes(), status

    def appended(self, mode):
        (self.folder / "out").write_bytes(b"before\n")
        return self.file(mode, "a")

    @property
    def said(self):
        return json.loads((self.folder / "said").read_text())

    def frames(self):
        """The record: (stream number, data) for each frame."""
        blob = self.said["effect"]["blob"]
        data = (self.folder / "store" / ".blobs" / blob[:2] / blob).read_bytes()
        found = []
        while data:
            end = 5 + int.from_bytes(data[1:5], "little")
            found.append((data[0], data[5:end]))
            data = data[end:]
        return found

    def alike(self, text, way):
        """What a script shows: the same as it is, recorded and replayed."""
        self.write(text)
        show = getattr(self, way)
        plain = show("plain")
        assert show("record") == plain
        assert self.said["refusal"] is None
        assert show("replay") == plain
        assert list((self.folder / "store" / ".tmp").iterdir()) == []
        return plain


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


WAYS = ["terminal", "pipe", "pipes", "file", "files", "appended"]

BODIES = {
    "print": 'print("one"); print("two")',
    "colours": 'print("\\033[31mred\\033[0m\\tcolumn", flush=True)',
    "stderr": 'sys.stderr.write("problem\\n")',
    "descriptor": 'os.write(1, b"raw\\xff\\0\\n"); os.write(2, b"raw too\\n")',
    "child": 'subprocess.run(["sh", "-c", "echo out; echo err >&2"], check=True)',
    "order": 'for i in range(200): print("out", i, flush=True); print("err", i, file=sys.stderr, flush=True)',
    "threads": """
        def speak(n):
            sys.stdout.write("aaaaaaaaaaaaaaaa")
        threads = [threading.Thread(target=speak, args=(n,)) for n in range(8)]
        for one in threads: one.start()
        for one in threads: one.join()
        print()""",
    "logging": """
        import logging
        logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")
        logging.info("hello")""",
    "printf": """
        import ctypes
        c = ctypes.CDLL(None)
        c.printf(b"from C %d\\n", 3)
        c.fflush(None)""",
    "progress": """
        for i in range(20):
            sys.stderr.write("\\r%3d%% |%-20s|" % (i * 5, "#" * i)); sys.stderr.flush()
        sys.stderr.write("\\n")""",
    "nothing": "pass",
    "isatty": """
        text = f"{sys.stdout.isatty()} {sys.stderr.isatty()} {os.isatty(1)} {sys.stdout.line_buffering}"
        if os.isatty(1):
            text += str((os.get_terminal_size(1), os.get_terminal_size(2)))
        print(text)
        subprocess.run(["sh", "-c", "test -t 1 && test -t 2 && stty size <&1 || echo no terminal"])""",
    "numbers of descriptors": """
        with open("s.py") as one, open("s.py") as two:
            print(one.fileno(), two.fileno())""",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", BODIES)
def test_output_looks_as_it_does_without_us(desk, body, way):
    text = """
def body():
    %s
if os.isatty(0):
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSWINSZ, b"\\x23\\0\\x4d\\0\\0\\0\\0\\0")
print("before", flush=True)
call(body)
print("after")
"""
    shown = desk.alike(text % textwrap.indent(textwrap.dedent(BODIES[body]), "    ").strip(), way)
    if body == "isatty" and way == "terminal":
        assert "True True True True(os.terminal_size(columns=77, lines=35)" in shown[0] and "35 77" in shown[0]


def test_one_stream_is_recorded_and_the_other_left_alone(desk):
    text = """
    def body():
        print("out", flush=True)
        time.sleep(0.05)
        print("err", file=sys.stderr)
        time.sleep(0.05)
        print("out again")
    call(body, ("stdout",))
    """
    for way in WAYS:
        desk.write(text)
        show = getattr(desk, way)
        assert show("record") == show("plain"), way
        assert desk.said["effect"]["streams"] == "stdout"
        assert b"".join(data for number, data in desk.frames() if number == 1) == b"out\nout again\n"
        assert "err" not in str(show("replay"))


def test_order_of_two_streams_is_kept_where_they_are_one(desk):
    desk.alike(f"def body():\n    {BODIES['order']}\ncall(body)", "pipe")
    assert desk.said["effect"]["streams"] == "both"
    lines = [b"%s %d\n" % (name, number) for number in range(200) for name in (b"out", b"err")]
    assert desk.frames() == [(3, b"".join(lines))]


def test_two_streams_are_told_apart(desk):
    desk.alike('def body():\n    print("out", flush=True); print("err", file=sys.stderr)\ncall(body)', "pipes")
    assert sorted(desk.frames()) == [(1, b"out\n"), (2, b"err\n")]


@pytest.mark.parametrize("way", ["terminal", "pipe", "file"])
def test_ten_megabytes(desk, way):
    desk.alike(
        """
        line = "x" * 99
        def body():
            for _ in range(100000): print(line)
        call(body)
        """,
        way,
    )
    assert sum(len(data) for _, data in desk.frames()) == 10_000_000


def test_c_code_that_holds_the_interpreters_lock(desk):
    for way in ("terminal", "pipe"):
        desk.alike(
            """
            import ctypes
            def body():
                data = b"y" * 200_000
                while data:
                    data = data[ctypes.PyDLL(None).write(1, data, len(data)):]
            call(body)
            """,
            way,
        )
        assert sum(len(data) for _, data in desk.frames()) == 200_000


def test_c_code_that_does_not_flush(desk):
    """What `printf` holds back would come at the very end, if nobody needed to know whose it is."""
    desk.write(
        """
        import ctypes
        def body():
            ctypes.CDLL(None).printf(b"from C\\n")
        ctypes.CDLL(None).printf(b"before\\n")
        call(body)
        print("after")
        """
    )
    for way in ("pipe", "file"):
        assert getattr(desk, way)("record")[0] == b"before\nfrom C\nafter\n"
        assert b"".join(data for _, data in desk.frames()) == b"from C\n"


def test_more_than_is_recorded(desk):
    desk.write('call(lambda: [os.write(1, b"z" * 65536) for _ in range(1040)])')
    out, _, status = desk.pipe("record")
    assert (len(out), status) == (1040 * 65536, 0)
    assert "64 MiB" in desk.said["refusal"]
    assert list((desk.folder / "store" / ".tmp").iterdir()) == []


# --- the terminal ---------------------------------------------------------------------------------------------------


def test_interrupt_at_the_keyboard(desk):
    desk.write(
        """
        def body():
            print("sleeping", flush=True)
            time.sleep(30)
        call(body)
        """
    )
    typed = [("sleeping\r\n", b"\x03")]
    shown, status = desk.terminal("record", typed)
    # The frames of the traceback are those of the mode.
    assert shown.startswith("sleeping\r\n^CTraceback") and shown.endswith("\r\nKeyboardInterrupt\r\n")
    assert status == desk.terminal("plain", typed)[1] == 130


def test_the_terminal_is_left_as_it_was(desk):
    desk.write(
        """
        import termios
        def state():
            return [os.ttyname(fd) for fd in (0, 1, 2)], [termios.tcgetattr(fd) for fd in (0, 1, 2)], os.tcgetpgrp(1)
        before, descriptors = state(), os.listdir("/dev/fd")
        def body():
            print("sleeping", flush=True)
            time.sleep(30)
        try:
            call(body)
        except KeyboardInterrupt:
            print("caught")
        assert (state(), os.listdir("/dev/fd")) == (before, descriptors)
        print(os.get_inheritable(1), os.get_inheritable(2))
        """
    )
    shown, status = desk.terminal("record", [("sleeping\r\n", b"\x03")])
    assert (shown, status) == ("sleeping\r\n^Ccaught\r\nTrue True\r\n", 0)


def test_stopped_and_continued(desk):
    desk.write(
        """
        def body():
            print("before", flush=True)
            if os.fork() == 0:
                time.sleep(0.3)
                os.kill(os.getppid(), signal.SIGCONT)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGSTOP)
            print("behind")
            os.wait()
        call(body)
        """
    )
    assert desk.terminal("record") == desk.terminal("plain") == ("before\r\nbehind\r\n", 0)


def test_changes_of_size_are_followed(desk):
    desk.alike(
        """
        import fcntl, termios
        def resize(columns):
            fcntl.ioctl(0, termios.TIOCSWINSZ, bytes([50, 0, columns, 0, 0, 0, 0, 0]))
        seen = []
        def body():
            signal.signal(signal.SIGWINCH, lambda *_: seen.append(os.get_terminal_size(1).columns))
            for columns in (100, 120, 90):
                resize(columns)
                deadline = time.time() + 10
                while (not seen or seen[-1] != columns) and time.time() < deadline:
                    time.sleep(0.01)
            text = subprocess.run(["stty", "size"], stdin=1, stdout=subprocess.PIPE).stdout
            print(os.get_terminal_size(1), os.get_terminal_size(2), text)
        resize(80)
        call(body)
        """,
        "terminal",
    )
    assert b"columns=90, lines=50" in desk.frames()[0][1] and b"50 90" in desk.frames()[0][1]


def test_tqdm(desk):
    pytest.importorskip("tqdm")
    for way in ("terminal", "pipes"):
        shown = desk.alike(
            """
            from tqdm import tqdm
            if os.isatty(0):
                import fcntl, termios
                fcntl.ioctl(0, termios.TIOCSWINSZ, b"\\x23\\0\\x4d\\0\\0\\0\\0\\0")
            # Without the clock in it, a bar is the same in every run.
            style = dict(mininterval=0, miniters=1, bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt}")
            def body():
                for _ in tqdm(range(30), colour="green", dynamic_ncols=True, desc="work", **style):
                    tqdm.write("a line") if _ == 15 else None
            call(body)
            """,
            way,
        )
        assert "30/30" in str(shown)


# --- streams of all kinds -------------------------------------------------------------------------------------------


def test_closed_stdout(desk):
    desk.write(
        """
        with open("mine", "w") as file:  # may well get descriptor 1
            def body():
                print("nothing")
                file.write("text")
                file.flush()
                os.write(2, b"problem\\n")
            call(body)
        """
    )
    argv, env = desk.command("record")
    for mode in ("plain", "record", "replay"):
        argv, env = desk.command(mode)
        line = ["sh", "-c", 'exec "$@" >&-', "sh", *argv]
        done = subprocess.run(line, cwd=desk.folder, env=env, stderr=subprocess.PIPE)
        assert (done.stderr, done.returncode) == (b"problem\n", 0)
        assert (desk.folder / "mine").read_text() == ("" if mode == "replay" else "text")
    assert desk.said["effect"]["streams"] == "stderr"
    out, _, status = desk.pipes("replay")
    assert (out, status) == (b"", 1)  # there is a stdout now, of which nothing is known


def test_null_device_and_socket(desk):
    import socket

    desk.write('call(lambda: print("hidden"))')
    desk.run("record", subprocess.DEVNULL, subprocess.DEVNULL)
    assert desk.frames() == [(3, b"hidden\n")]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        desk.run("record", theirs, subprocess.DEVNULL)
        assert ours.recv(100) == b"hidden\n"
    assert desk.frames() == [(1, b"hidden\n")]


def test_descriptor_that_does_not_block(desk):
    desk.write('call(lambda: [os.write(1, b"w" * 1000) for _ in range(1000)], ("stdout",))')
    for mode in ("record", "replay"):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        process = desk.start(mode, stdout=writer)
        os.close(writer)
        threading.Event().wait(0.3)
        with open(reader, "rb") as file:
            assert len(file.read()) == 1_000_000
        assert process.wait() == 0


@pytest.mark.parametrize(
    "make",
    [
        "io.StringIO()",
        "io.TextIOWrapper(io.BytesIO(), encoding='latin-1')",
        "open('log', 'w+', encoding='utf-8')",
    ],
)
def test_stream_of_the_scripts_own(desk, make):
    shown = desk.alike(
        f"""
        import contextlib
        stream = {make}
        def body():
            print("to the stream, \\u00e9")
            os.write(1, b"to the descriptor\\n")
        with contextlib.redirect_stdout(stream):
            print("before")
            call(body)
            print("after")
        stream.seek(0)
        print(stream.read())
        """,
        "pipe",
    )
    assert "to the descriptor\nbefore\nto the stream, \u00e9\nafter\n" in shown[0].decode()
    assert desk.said["effect"]["replaced"] == "stdout"


@pytest.mark.parametrize(
    "replace",
    [
        "sys.stdout = Tee()",
        "sys.stdout.write = Tee().write",
        "sys.stdout = type('Mine', (io.StringIO,), {'write': lambda self, text: 0})()",
        "sys.stdout.close()",
    ],
)
def test_stream_that_cannot_be_looked_at(desk, replace):
    desk.write(
        f"""
        class Tee:
            def write(self, text):
                return len(text)
            def flush(self):
                os.write(2, b"flushed")
        {replace}
        call(lambda: None, ("stdout",))
        os._exit(0)
        """
    )
    assert desk.pipes("record") == (b"", b"", 0)
    assert "of which it cannot be told what the call prints" in desk.said["refusal"] or "close" in replace


def test_stream_that_is_another_when_replayed(desk):
    desk.alike('call(lambda: print("x"), ("stdout",))', "pipe")
    desk.write('sys.stdout = io.StringIO()\ncall(lambda: print("x"), ("stdout",))')
    out, _, status = desk.pipe("replay")
    assert b"`sys.stdout` is not what it was when its output was recorded" in out and status == 1


# --- what a hit cannot print ----------------------------------------------------------------------------------------


def test_reasons_of_a_hit(desk):
    desk.write('call(lambda: print("x", file=sys.stderr), ("stderr",))')
    desk.pipes("record")
    desk.write('call(lambda: None, ("stdout", "stderr"))')
    assert b"its stdout was not recorded" in desk.pipes("replay")[1]
    desk.pipe("record")
    assert desk.pipes("replay")[2] == 0  # nothing was printed, so there is nothing to tell apart
    desk.write('call(lambda: print("x"))')
    desk.pipe("record")
    assert b"were one when it was recorded and are two now" in desk.pipes("replay")[1]
    desk.write('call(lambda: print("x"), ("stdout",))')
    assert b"were recorded as one" in desk.pipe("replay")[0]


def test_damaged_record(desk):
    desk.alike('call(lambda: print("x"))', "pipe")
    blob = desk.said["effect"]["blob"]
    path = desk.folder / "store" / ".blobs" / blob[:2] / blob
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"x", b"y"))
    assert b"gone or damaged" in desk.pipe("replay")[0]
    path.unlink()
    assert b"gone or damaged" in desk.pipe("replay")[0]


def test_no_pump(desk):
    desk.write('call(lambda: print("x"))')
    for path in ("", "/nonexistent", "/bin/true"):
        desk.env["EXECUTABLE"] = path
        assert desk.pipe("record") == (b"x\n", None, 0)
        assert "its output cannot be recorded" in desk.said["refusal"]
    desk.env["PATH"] = "/nonexistent"
    assert desk.file("record") == (b"x\n", 0)  # nothing is put in between, so nothing is missing
    assert desk.said["refusal"] is None


def test_folder_that_cannot_be_written(desk):
    (desk.folder / "store").write_text("a file")
    desk.write('call(lambda: print("x"))')
    assert desk.pipe("record") == (b"x\n", None, 0)
    assert "is not a folder" in desk.said["refusal"]


# --- ends of all kinds ----------------------------------------------------------------------------------------------


def test_raised_call_is_undone_by_letting_go(desk):
    desk.write(
        """
        descriptors = os.listdir("/dev/fd")
        def body():
            recording = capture.Capture(("stdout", "stderr"), STORE)
            assert recording.start() is None
            print("inside")
            raise ValueError("trouble")
        try:
            body()
        except ValueError:
            pass
        print("after")
        assert os.listdir("/dev/fd") == descriptors
        """
    )
    for way in ("terminal", "pipe", "file"):
        assert "inside" in str(getattr(desk, way)("record"))
        assert list((desk.folder / "store" / ".tmp").iterdir()) == []


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_nothing_is_lost_when_the_interpreter_dies(desk, end):
    desk.write(f'def body():\n    print("last words", flush=True)\n    {end}\ncall(body)')
    out, _, status = desk.pipe("record")
    assert out == b"last words\n" and status != 0
    # The pump ends when nobody can write any more, and removes what nobody is going to read.
    drafts = desk.folder / "store" / ".tmp"
    for _ in range(100):
        if not list(drafts.iterdir()):
            break
        threading.Event().wait(0.05)
    assert list(drafts.iterdir()) == []


def test_reader_that_has_gone(desk):
    text = """
    {choice}
    def body():
        for _ in range(100000):
            print("line after line", flush=True)
    try:
        call(body, ("stdout",))
    except BrokenPipeError:
        os.write(2, b"broken")
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    """
    default = "signal.signal(signal.SIGPIPE, signal.SIG_DFL)"
    for choice, expected in (("pass", (b"broken", 0)), (default, (b"", -signal.SIGPIPE))):
        desk.write(text.format(choice=choice))
        for mode in ("plain", "record"):
            process = desk.start(mode, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.read(10)
            process.stdout.close()
            assert (process.stderr.read(), process.wait()) == expected
            process.stderr.close()
    desk.write('def body():\n    os.write(1, b"x"); time.sleep(0.5); os.write(2, b"alive")\ncall(body, ("stdout",))')
    process = desk.start("record", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"alive", 0)
    process.stderr.close()
    assert "could be written" in desk.said["refusal"]


def test_call_that_redirects_for_good(desk):
    desk.write(
        """
        def body():
            print("seen", flush=True)
            os.dup2(os.open("elsewhere", os.O_WRONLY | os.O_CREAT), 1)
        call(body, ("stdout",))
        print("to the file")
        """
    )
    for way in ("pipe", "terminal", "file"):
        assert str(getattr(desk, way)("record")).count("seen") == 1
        assert (desk.folder / "elsewhere").read_text() == "to the file\n"
        assert "leaves it redirected" in desk.said["refusal"]


# --- processes and threads ------------------------------------------------------------------------------------------


def test_the_pump_is_no_child_of_the_scripts(desk):
    desk.write(
        """
        told = []
        signal.signal(signal.SIGCHLD, lambda *_: told.append(1))
        def body():
            try:
                print(os.wait())
            except ChildProcessError:
                print("no child")
            print(told)
        call(body)
        """
    )
    assert desk.pipe("record") == (b"no child\n[]\n", None, 0)
    desk.write('signal.signal(signal.SIGCHLD, signal.SIG_IGN)\ncall(lambda: print("x"))')
    assert desk.pipe("record") == (b"x\n", None, 0)
    assert desk.said["refusal"] is None


def test_process_that_outlives_the_call(desk):
    desk.write(
        """
        def body():
            subprocess.Popen(["sh", "-c", "echo started; read line; echo later"], stdin=subprocess.PIPE)
            time.sleep(0.3)
        call(body)
        print("after", flush=True)
        """
    )
    out, _, status = desk.pipe("record")
    assert (out, status) == (b"started\nafter\nlater\n", 0)
    assert desk.frames() == [(3, b"started\n")]


def test_forked_child_that_comes_back(desk):
    desk.alike(
        """
        def body():
            global child
            child = os.fork()
            print("both" if child else "both", flush=True)
        if MODE == "replay":
            child = -1
        call(body) if MODE != "record" else None
        if MODE == "record":
            recording = capture.Capture(("stdout", "stderr"), STORE)
            assert recording.start() is None
            body()
            if child:
                os.waitpid(child, 0)
            recording.stop()
            if not child:
                assert recording.effect() is None and recording.refusal()
                os._exit(0)
            with open("said", "w") as file:
                json.dump({"refusal": recording.refusal(), "effect": recording.effect()}, file)
        elif child == 0:
            os._exit(0)
        elif child > 0:
            os.waitpid(child, 0)
        """,
        "pipe",
    )
    assert desk.frames() == [(3, b"both\nboth\n")]


def test_call_inside_a_call(desk):
    text = """
    def record(body):
        recording = capture.Capture(("stdout", "stderr"), STORE)
        assert recording.start() is None
        body()
        recording.stop()
        assert recording.refusal() is None
        effect = recording.effect()
        with open(os.path.join(STORE, ".blobs", effect["blob"][:2], effect["blob"]), "rb") as file:
            return file.read()[5:].decode()
    def inner():
        print("inner", os.isatty(1))
    def outer():
        print("begin")
        kept.append(record(inner))
        print("end")
    kept = []
    kept.append(record(outer))
    print(kept)
    """
    desk.write(text)
    for way, tty in (("terminal", True), ("pipe", False), ("file", False)):
        lines = f"begin\ninner {tty}\nend\n"
        shown = getattr(desk, way)("record")[0]
        shown = (shown.decode() if isinstance(shown, bytes) else shown).replace("\r\n", "\n")
        assert shown == lines + str([f"inner {tty}\n", lines]) + "\n"


def test_two_calls_at_once_are_not_told_apart(desk):
    desk.write(
        """
        first = capture.Capture(("stdout",), STORE)
        def one():
            assert first.start() is None
            began.set()
            over.wait()
            print("first", flush=True)
            first.stop()
        began, over = threading.Event(), threading.Event()
        thread = threading.Thread(target=one)
        thread.start()
        began.wait()
        second = capture.Capture(("stdout",), STORE)
        print(second.start(), flush=True)
        over.set()
        thread.join()
        second.stop()
        print(first.refusal(), first.effect())
        third = capture.Capture(("stdout",), STORE)
        print(third.start())
        third.stop()
        print(third.refusal())
        """
    )
    out, _, status = desk.pipe("record")
    assert out.decode().splitlines() == [
        "the output of another marked call is being recorded at this moment",
        "first",
        "another marked call with `replay` ran at the same time None",
        "None",
        "None",
    ]
    assert status == 0


def test_recordings_that_end_in_another_order(desk):
    desk.write(
        """
        descriptors = os.listdir("/dev/fd")
        outer, inner = (capture.Capture(("stdout", "stderr"), STORE) for _ in range(2))
        assert outer.start() is None and inner.start() is None
        print("one", flush=True)
        outer.stop()
        print("two", flush=True)
        inner.stop()
        print("three", flush=True)
        assert os.listdir("/dev/fd") == descriptors
        assert outer.refusal() and not inner.refusal()
        """
    )
    for way in ("terminal", "pipe"):
        shown, *_, status = getattr(desk, way)("record")
        shown = shown if isinstance(shown, str) else shown.decode()
        assert (shown.replace("\r", ""), status) == ("one\ntwo\nthree\n", 0)


def test_spawned_and_forked_workers(desk):
    for method in ("fork", "spawn"):
        desk.alike(
            f"""
            import multiprocessing
            def body():
                context = multiprocessing.get_context({method!r})
                worker = context.Process(target=print, args=("worker",))
                worker.start()
                worker.join()
            if __name__ == "__main__":
                call(body)
            """,
            "pipe",
        )
        assert desk.frames() == [(3, b"worker\n")]
