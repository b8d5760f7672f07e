"""`devstash run --verify`: hits are executed as well, and whoever asks is told what does not come out the same."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from harness import LOG, on_terminal

# What `turn()` gives is an input that nobody can see: 1 in the first run, 2 in a run that is begun by `again`.
TURN = """
_turn = _os.open("turn", _os.O_RDONLY | _os.O_CREAT, 0o644)
def turn():
    return max(_os.fstat(_turn).st_size, 1)
"""


@pytest.fixture
def again(stash):
    """Write a script, run it, and run it with `--verify` when `turn()` has changed."""

    def run(text, *options, first_options=(), **keywords):
        stash.write("s.py", LOG + TURN + textwrap.dedent(text))
        stash.forget()
        first = stash.run("s.py", options=first_options, **keywords)
        assert (first.status, first.stderr) == (0, ""), first
        kept = {path: path.read_bytes() for path in stash.entries()}
        contents = contents_of(stash)
        stash.forget()
        stash.write("turn", b"12")
        outcome = stash.run("s.py", options=("--verify", *options), **keywords)
        for path, data in kept.items():
            assert path.read_bytes() == data, "verifying is reading"
        assert contents_of(stash) == contents
        return outcome

    return run


def contents_of(stash):
    return sorted(path.name for path in (stash.cache / ".blobs").rglob("*") if path.is_file())


def line_of(stash, text):
    """The number of the first line that holds this."""
    lines = (stash.folder / "s.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def told(stash, outcome):
    """What was said of the marked lines, without the script's name and the numbers of lines, and the last line."""
    lines = outcome.stderr.splitlines()
    assert all(line.startswith("devstash: ") for line in lines), outcome
    marked = line_of(stash, "# @devstash")
    beginning = f"devstash: s.py:{marked}: verify: "
    return [line.removeprefix(beginning) for line in lines[:-1]], lines[-1].removeprefix("devstash: ")


def test_a_repeatable_script_is_told_so(stash, again):
    outcome = again("""
        import time
        def load(n):
            log("load")
            return {"rows": list(range(n)), "set": {"a", "b"}, "nan": float("nan"), "object": Plain()}
        class Plain:
            def __init__(self):
                self.parts = [object, None]
        print(load(3)["rows"])  # @devstash
    """)
    assert outcome.stdout == "[0, 1, 2]\n"
    assert outcome.stderr == "devstash: verified 1 hit: the same\n"
    assert outcome.status == 0
    assert stash.executions() == ["load"], "the call was made once more"


def test_a_difference_is_told_with_its_place_and_ends_with_3(stash, again):
    outcome = again("""
        def load():
            return {"a": [1, 2, 3, turn()], "b": 5}
        x = load()  # @devstash
        print(x["a"][3])
    """)
    assert outcome.stdout == "2\n", "the script goes on with the new value"
    line = line_of(stash, "x = load()")
    assert outcome.stderr == (
        f'devstash: s.py:{line}: verify: load differs: result["a"][3] was 1, and is 2\n'
        "devstash: verified 1 hit: different\n"
    )
    assert outcome.status == 3


VALUES = [
    # what the function returns, and what is told of it
    ("turn()", "result was 1, and is 2"),
    ("[turn()] if turn() == 1 else (2,)", "result was [1], and is (2,)"),
    ("list(range(turn()))", "result had 1 item, and has 2"),
    ('{"a": 1, "b": 2} if turn() == 1 else {"b": 2, "a": 1}', "result has its keys in another order"),
    ('{"a": 1} if turn() == 1 else {"a": 1, "b": 2}', 'result["b"] was not there, and is 2'),
    ('{1, "a", turn() + 5}', "result has 7 instead of 6"),
    ("[1.0, True] if turn() == 1 else [1, True]", "result[0] was 1.0, and is 1"),
    ("Plain([Plain(turn())])", "result.part[0].part was 1, and is 2"),
    ("Slots(turn())", "result.one was 1, and is 2"),
    ("Row(1, turn())", "result[1] was 1, and is 2"),
    ('{"api_key": "abc" * turn()}', 'result["api_key"] is another (hidden)'),
    ('["x" * 200 + str(turn())]', f"result[0] differs, and looks the same: '{'x' * 78}…"),
    ("[[0] * 1000 for _ in range(100)] + [turn()]", "result[100] was 1, and is 2"),
    ("frozenset([turn()])", "result has 2 instead of 1"),
    ("bytearray([turn()])", "result was bytearray(b'\\x01'), and is bytearray(b'\\x02')"),
]

CLASSES = """
import collections
Row = collections.namedtuple("Row", "x y")
class Plain:
    def __init__(self, part):
        self.part = part
class Slots:
    __slots__ = ("one",)
    def __init__(self, one):
        self.one = one
"""


def test_where_values_differ(stash, again):
    script = CLASSES
    for number, (value, _) in enumerate(VALUES):
        script += f"def f{number}():\n    return {value}\nf{number}()  # @devstash\n"
    outcome = again(script)
    expected = []
    for number, (_, text) in enumerate(VALUES):
        line = line_of(stash, f"f{number}()  # @devstash")
        expected.append(f"devstash: s.py:{line}: verify: f{number} differs: {text}")
    expected.append(f"devstash: verified {len(VALUES)} hits: different")
    assert outcome.stderr.splitlines() == expected
    assert outcome.status == 3


def test_arrays_and_frames(stash, again):
    pytest.importorskip("pandas")
    outcome = again("""
        import numpy as np, pandas as pd
        def same():
            return pd.DataFrame({"a": [1.0, float("nan")], "b": pd.Categorical(["x", "y"])}), np.arange(5) * np.nan
        def array():
            found = np.zeros((300, 1000))
            found[217, 123] = turn()
            return {"m": found}
        def turned():
            found = np.arange(12.0).reshape(3, 4)[:, ::2].T
            found[1, 2] = turn()
            return found
        def frame():
            return pd.DataFrame({"a": [1.0, float("nan"), 3], "b": ["x", "y", "z" * turn()]})
        def filled(a):
            a[1] = turn()
        def widened(df):
            df["new"] = [1, turn()]
            return df
        same()  # @devstash
        array()  # @devstash
        turned()  # @devstash
        frame()  # @devstash
        filled(np.zeros(3))  # @devstash
        df = pd.DataFrame({"q": [1, 2]})
        assert widened(df) is df  # @devstash
        print(list(df["new"]))
    """)
    assert outcome.stdout == "[1, 2]\n"
    lines = [line.split(": ", 3)[3] for line in outcome.stderr.splitlines()[:-1]]
    assert lines == [
        'array differs: result["m"][217, 123] was 1.0, and is 2.0',
        "turned differs: result[1, 2] was 1.0, and is 2.0",
        "frame differs: result[\"b\"][2] was 'z', and is 'zz'",
        "filled differs: a[1] was 1.0, and is 2.0",
        'widened differs: df["new"][1] was 1, and is 2',
    ]
    assert outcome.stderr.splitlines()[-1] == "devstash: verified 6 hits: 1 the same, 5 different"
    assert outcome.status == 3


def test_what_a_call_does_is_compared(stash, again):
    outcome = again("""
        import os, random
        class Model:
            count = 0
            def __init__(self):
                self.cache, self.kinds, self.seen = {}, {1}, []
            def fit(self, k):
                Model.count += turn()
                self.cache[k] = turn()
                self.kinds.add(turn() + 5)
                self.seen.append(self)
                return self
        TOTAL = 0
        def work(rows):
            global TOTAL
            TOTAL = turn()
            rows[0]["n"] = turn()
            os.environ["STATE"] = "on" * turn()
            with open("out.txt", "w") as file:
                file.write("x" * turn())
            if turn() == 2:
                with open("more.txt", "w") as file:
                    file.write("x")
            random.seed(turn())
            random.random()
            return 7
        random.seed(5)
        m = Model()
        rows = [{}]
        work(rows); assert m.fit("a") is m  # @devstash
        print(m.cache, rows, TOTAL, open("out.txt").read())
    """)
    assert outcome.stdout == "{'a': 2} [{'n': 2}] 2 xx\n"
    lines, last = told(stash, outcome)
    folder = os.path.realpath(stash.folder)
    assert lines == [
        'work differs: rows[0]["n"] was 1, and is 2',
        "work differs: TOTAL was 1, and is 2",
        "work differs: os.environ[\"STATE\"] was 'on', and is 'onon'",
        "work differs: it leaves `random` in another state",
        f"work differs: the file `{folder}/out.txt` was 1 B, and is 2 B",
        f"work differs: it writes `{folder}/more.txt`, which it did not",
        'Model.fit differs: self.cache["a"] was 1, and is 2',
        "Model.fit differs: self.kinds has 7 instead of 6",
        "Model.fit differs: Model.count was 1, and is 2",
    ]
    assert last == "verified 2 hits: different"
    assert outcome.status == 3


def test_effects_that_are_the_same_are_no_difference(stash, again):
    outcome = again("""
        import os, random, tempfile
        class Model:
            def __init__(self):
                self.cache, self.kinds = {}, {1}
            def fit(self, k):
                self.cache[k] = [1]
                self.kinds.add("a")
                return self
        def dirs():
            os.makedirs("a/b", exist_ok=True)
            with open("a/b/c", "w") as file:
                file.write("c")
            with tempfile.NamedTemporaryFile() as file:
                file.write(b"x")
            os.environ["STATE"] = "on"
            return sorted(os.listdir("given"))
        def show():
            print("shown")
            return random.random()
        os.makedirs("given", exist_ok=True)
        random.seed(5)
        m = Model()
        assert m.fit("a") is m  # @devstash
        dirs()  # @devstash
        show()  # @devstash replay=stdout
    """)
    assert outcome.stderr == "devstash: verified 3 hits: the same\n"
    assert (outcome.stdout, outcome.status) == ("shown\n", 0)


def test_recorded_output_is_compared(stash, again):
    outcome = again("""
        def show():
            print("shown", turn())
        show()  # @devstash replay=stdout
    """)
    assert outcome.stdout == "shown 2\n"
    lines, _ = told(stash, outcome)
    assert lines == ["show differs: it printed something else"]


def test_a_call_inside_another_is_verified_as_well(stash, again):
    stash.write("in.txt", "data")
    outcome = again("""
        def inner(n):
            with open("mid.txt", "w") as file:
                file.write("m")
            return [n, open("in.txt").read(), turn()]
        def outer(n):
            return {"inner": inner(n)}  # @devstash
        def calm(n):
            with open("mid.txt", "w") as file:
                file.write("m")
            return open("in.txt").read()
        def around(n):
            return calm(n)  # @devstash
        outer(1)  # @devstash
        around(1)  # @devstash
    """)
    inner, outer = line_of(stash, "return {"), line_of(stash, "outer(1)")
    assert outcome.stderr == (
        f"devstash: s.py:{inner}: verify: inner differs: result[2] was 1, and is 2\n"
        f'devstash: s.py:{outer}: verify: outer differs: result["inner"][2] was 1, and is 2\n'
        "devstash: verified 4 hits: 2 the same, 2 different\n"
    )


def test_marked_functions_methods_threads_and_tasks(stash, again):
    outcome = again("""
        import asyncio, threading
        def tree(n):  # @devstash
            log("tree")
            return n if n < 2 else tree(n - 1) + tree(n - 2)
        async def slow(n):  # @devstash
            await asyncio.sleep(0)
            return n
        async def fetch(n):
            await asyncio.sleep(0)
            return [n, turn()]
        async def one(n):
            return await fetch(n)  # @devstash
        async def main():
            await asyncio.gather(slow(1), one(1), one(2))
        def work(n):
            return threaded(n)  # @devstash
        def threaded(n):
            return [n, turn()]
        tree(20)
        asyncio.run(main())
        workers = [threading.Thread(target=work, args=(n,)) for n in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    """)
    fetch, threaded = line_of(stash, "await fetch(n)"), line_of(stash, "return threaded(n)")
    assert outcome.stderr == (
        f"devstash: s.py:{fetch}: verify: fetch differs: result[1] was 1, and is 2\n"
        f"devstash: s.py:{threaded}: verify: threaded differs: result[1] was 1, and is 2\n"
        "devstash: verified 26 hits: 22 the same, 4 different\n"
    )
    assert outcome.status == 3
    assert len(stash.executions()) == 21, "a call that was verified is a hit from then on"


def test_streams_are_compared_when_they_are_consumed(stash, again):
    outcome = again("""
        import asyncio
        def numbers(n):
            for i in range(n):
                yield i if i < 2 else turn()
        def guarded(n):  # @devstash
            yield [n, turn()]
            return 5
        async def later(n):
            for i in range(n):
                yield {"i": i + turn()}
        async def main():
            async for x in later(2):  # @devstash
                pass
        def failing(n):
            yield 1
            if turn() == 2:
                raise ValueError("no")
        for x in numbers(4):  # @devstash
            pass
        list(guarded(2))
        asyncio.run(main())
        for x in map(lambda x: x * 2, [1, 2]):  # @devstash
            pass
        half = numbers(3)  # @devstash
        if turn() == 1:
            list(half)
        else:
            next(half)
            del half
        try:
            for x in failing(1):  # @devstash
                pass
        except ValueError as error:
            print(error)
    """)
    assert outcome.stdout == "no\n", outcome
    lines = [line.split(": ", 3)[3] for line in outcome.stderr.splitlines()[:-1]]
    assert lines == [
        "numbers differs: items[2] was 1, and is 2",
        "guarded differs: items[0][1] was 1, and is 2",
        'later differs: items[0]["i"] was 1, and is 2',
        "failing differs: its stream raised ValueError, and had given a stream",
    ]
    last = outcome.stderr.splitlines()[-1]
    assert last == "devstash: verified 6 hits: 1 the same, 4 different, 1 not to be compared"
    assert outcome.status == 3


def test_a_call_that_raises_is_a_difference(stash, again):
    outcome = again("""
        def load(n):
            if turn() == 2:
                raise ValueError("not today")
            return n
        def marked(n):  # @devstash
            return load(n)
        try:
            load(3)  # @devstash
        except ValueError as error:
            print(error)
        try:
            marked(4)
        except ValueError as error:
            print(error)
    """)
    assert outcome.stdout == "not today\nnot today\n"
    load, marked = line_of(stash, "load(3)"), line_of(stash, "def marked")
    assert outcome.stderr == (
        f"devstash: s.py:{load}: verify: load differs: it raised, and had given 3\n"
        f"devstash: s.py:{marked}: verify: marked differs: it raised, and had given 4\n"
        "devstash: verified 2 hits: different\n"
    )
    assert outcome.status == 3


def test_what_cannot_be_compared_is_told(stash, again):
    outcome = again("""
        import threading
        class Held:
            def __init__(self):
                self.rows = [1]
            def __reduce__(self):
                return (Held, ())
            def __devstash_key__(self):
                raise RuntimeError("nobody knows")
        def load():
            return Held()
        load()  # @devstash
    """)
    lines, last = told(stash, outcome)
    assert lines == ["load cannot be compared: `result: __main__.Held` (nobody knows)"]
    assert (last, outcome.status) == ("verified 1 hit: not to be compared", 0)


SCRIPT = """
    import os, signal, sys, time
    def load():
        return turn()
    load()  # @devstash
    how = sys.argv[1]
    if how == "raise":
        raise ValueError("no")
    if how == "_exit":
        os._exit(0)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(int(how) if how.isdigit() else None)
"""


@pytest.mark.parametrize(
    ("how", "status"), [("0", 3), ("end", 3), ("_exit", 3), ("7", 7), ("raise", 1), ("kill", -signal.SIGKILL)]
)
def test_the_scripts_own_status_wins_unless_it_is_0(stash, how, status):
    stash.write("s.py", LOG + TURN + textwrap.dedent(SCRIPT))
    stash.run("s.py", "0")
    stash.write("turn", "12")
    outcome = stash.run("s.py", how, options=("--verify",))
    assert outcome.status == status
    assert "verify: load differs: result was 1, and is 2" in outcome.stderr
    quiet = stash.run("s.py", how, options=("-q", "--verify"))
    assert quiet.status == status
    assert "verify: load differs" in quiet.stderr and "verified 1 hit" not in quiet.stderr


def test_nothing_to_verify(stash):
    stash.write("s.py", "def f():\n    return 1\nf()  # @devstash\n")
    outcome = stash.run("s.py", options=("--verify",))
    assert (outcome.status, outcome.stderr) == (0, "devstash: no hit to verify\n")
    assert len(stash.entries()) == 1, "a miss is kept as ever"
    outcome = stash.run("s.py", options=("-v", "--verify"))
    assert outcome.stderr == "devstash: s.py:3: verified f: the same\ndevstash: verified 1 hit: the same\n"


def test_a_share_of_the_hits(stash):
    stash.write("s.py", LOG + "def f(n):\n    log(n)\n    return n\nfor n in range(200):\n    f(n)  # @devstash\n")
    stash.ok("s.py")
    stash.forget()
    outcome = stash.run("s.py", options=("--verify=50%",))
    count = len(stash.executions())
    assert outcome.stderr == f"devstash: verified {count} hits: the same\n"
    assert 50 < count < 150  # a chance of 1 in 10^12 to be outside


def test_differences_of_one_line_are_not_told_without_end(stash, again):
    outcome = again("""
        def f(n):
            return [n, turn()]
        for n in range(50):
            f([n] * n)  # @devstash
        def g(n):
            return n * turn()
        for n in range(1, 50):
            g(n)  # @devstash
    """)
    lines = outcome.stderr.splitlines()
    assert len(lines) == 12
    assert lines[0].endswith("f differs: result[1] was 1, and is 2"), "the same words once"
    assert lines[10].endswith("g differs: result was 10, and is 20; what else differs here is not told any more")
    assert lines[11] == "devstash: verified 99 hits: different"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(stash, again, method):
    outcome = again(f"""
        import multiprocessing
        def load(n):  # @devstash
            return [n, turn()]
        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print(pool.map(load, [1, 2]))
    """)
    if method == "fork":
        assert outcome.stdout == "[[1, 2], [2, 2]]\n"
    line = line_of(stash, "def load")
    assert outcome.stderr == (
        f"devstash: s.py:{line}: verify: load differs: result[1] was 1, and is 2\n"
        "devstash: verified 2 hits: different\n"
    )
    assert outcome.status == 3


def test_signals_reach_the_script(stash):
    stash.write(
        "s.py",
        """
        import os, signal, sys, time
        def f():
            return 1
        f()  # @devstash
        signal.signal(signal.SIGUSR1, lambda *_: (print("told"), sys.exit(9)))
        print("ready", flush=True)
        time.sleep(60)
        """,
    )
    for sent, status in ((signal.SIGUSR1, 9), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        run = subprocess.Popen(
            stash.argv("s.py", options=("-q", "--verify")),
            cwd=stash.folder,
            env=stash.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert run.stdout.readline() == "ready\n"
        run.send_signal(sent)
        rest = run.stdout.read()  # ends when the script does, which holds the other end
        assert rest == ("told\n" if sent == signal.SIGUSR1 else "")
        assert run.wait(10) == status
        run.stdout.close()


def test_a_key_on_the_terminal_interrupts_the_script_once(stash):
    stash.write(
        "s.py",
        """
        import time
        def f():
            return 1
        f()  # @devstash
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            time.sleep(0.3)
            print("interrupted")
        """,
    )
    seen, status = on_terminal(
        stash.argv("s.py", options=("-q", "--verify")), stash.environment(), stash.folder, typed=[("ready", b"\x03")]
    )
    assert (seen.replace("^C", "").split(), status) == (["ready", "interrupted"], 0)


def test_a_cancelled_call_is_no_difference(stash, again):
    """Before Python 3.11 a task does not tell that it is cancelled, and the call counts as one that raised."""
    outcome = again("""
        import asyncio
        async def slow(n):
            await asyncio.sleep(0 if turn() == 1 else 60)
            return n
        async def one():
            return await slow(1)  # @devstash
        async def main():
            task = asyncio.create_task(one())
            await asyncio.sleep(0.2)
            task.cancel()
            try:
                print(await task)
            except asyncio.CancelledError:
                print("cancelled")
        asyncio.run(main())
    """)
    assert outcome.stdout == "cancelled\n"
    if sys.version_info >= (3, 11):
        assert (outcome.stderr, outcome.status) == ("devstash: no hit to verify\n", 0)
    else:
        assert "verify: slow differs: it raised" in outcome.stderr and outcome.status == 3


def test_the_script_has_stdout_for_itself(stash):
    """Whoever reads what the script prints sees its end when the script closes it, though we wait beside it."""
    stash.write(
        "s.py",
        """
        import os, sys, time
        def f():
            return 1
        f()  # @devstash
        os.close(1)
        sys.stdin.readline()
        """,
    )
    run = subprocess.Popen(
        stash.argv("s.py", options=("-q", "--verify")),
        cwd=stash.folder,
        env=stash.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert run.stdout.read() == b""
    assert run.poll() is None
    run.communicate(b"go on\n", timeout=10)
    assert run.returncode == 0


def test_no_file_is_left_behind(stash, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    stash.write("s.py", "def f():\n    return 1\nf()  # @devstash\n")
    for options in (("--verify",), ("--offline",)):
        stash.run("s.py", options=options, env={"TMPDIR": str(folder)})
    assert list(folder.iterdir()) == []


REFUSED = [
    (
        ("--verify=0%",),
        "devstash: `--verify`: `0%` is not a share\n\nhint: write a part of all like `10%`, or `1` for all",
    ),
    (("--verify=101%",), "devstash: `--verify`: `101%` is not a share"),
    (("--verify=ten",), "devstash: `--verify`: `ten` is not a share"),
    (("--verify", "--refresh"), "`--refresh` leaves no hit that `--verify` could look at"),
    (("--verify", "--no-cache"), "cannot be used with"),
    (("--offline", "--refresh"), "cannot be used with"),
    (("--offline", "--refresh=x"), "cannot be used with"),
    (("--offline", "--verify"), "cannot be used with"),
    (("--refresh=",), "an empty `--refresh=` would match every call"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_what_makes_no_sense_is_refused(stash, options, text):
    stash.write("s.py", "print('ran')\n")
    outcome = stash.run("s.py", options=options)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert text in outcome.stderr


@pytest.mark.parametrize("option", ["--verify", "--offline"])
def test_a_mode_needs_the_markers(stash, option):
    stash.write("s.py", "print('ran')  # @devstash\n")
    outcome = stash.run("s.py", options=(option,), env={"DEVSTASH_SKIP_REWRITE": "1"})
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(f"devstash: `{option}` needs the markers, which DEVSTASH_SKIP_REWRITE turns off\n")


# --- run --refresh=PATTERN ------------------------------------------------------------------------------------------

MARKED = """
class Report:
    def load(self, n):
        log("load")
        return n
def other(n):
    log("other")
    return n
def guarded(n):  # @devstash
    log("guarded")
    return n
Report().load(1)  # @devstash
other(1)  # @devstash name=label
guarded(1)
"""

PATTERNS = [
    ("load", ["load"]),
    ("Report.", ["load"]),
    ("*load", ["load"]),
    ("Report.loa?", ["load"]),
    ("loa?", []),
    ("__main__.oth[a-f]r", ["other"]),
    ("label", ["other"]),
    ("lab[!a]l", ["other"]),
    ("[g]uarded", ["guarded"]),
    ("s.py:{other}", ["other"]),
    ("{folder}/s.py:{other}", ["other"]),
    ("t.py:{other}", []),
    ("s.py:2", []),
    ("*", ["load", "other", "guarded"]),
]


def test_only_what_a_pattern_means_is_refreshed(stash):
    stash.write("s.py", MARKED, log=True)
    stash.ok("s.py")
    for pattern, executed in PATTERNS:
        pattern = pattern.format(other=line_of(stash, "other(1)"), folder=stash.folder)
        stash.forget()
        outcome = stash.run("s.py", options=(f"--refresh={pattern}",))
        assert (outcome.status, stash.executions()) == (0, executed), pattern
        said = f"devstash: `--refresh={pattern}` matched no marked call of this run\n"
        assert outcome.stderr == ("" if executed else said)


def test_the_script_is_not_taken_for_a_pattern(stash):
    stash.write("s.py", MARKED, log=True)
    stash.ok("s.py")
    stash.forget()
    stash.ok("s.py", options=("--refresh",))
    assert stash.executions() == ["load", "other", "guarded"]


def test_some_refreshed_and_the_rest_verified(stash):
    stash.write("s.py", MARKED, log=True)
    stash.ok("s.py")
    outcome = stash.run("s.py", options=("-v", "--refresh=load", "--verify"))
    lines = [line.removeprefix("devstash: ") for line in outcome.stderr.splitlines()]
    assert [line.partition(": ")[2] for line in lines[:-1]] == [
        "miss Report: refresh",
        "stored Report",
        "verified label: the same",
        "verified guarded: the same",
    ]
    assert lines[-1] == "verified 2 hits: the same"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_a_large_array_is_not_in_memory_twice(stash):
    pytest.importorskip("numpy")
    stash.write(
        "s.py",
        """
        import numpy as np
        def load():
            return np.ones(10_000_000)
        x = load()  # @devstash
        print(x.nbytes)
        with open("/proc/self/status") as file:
            kept = [line for line in file if line.startswith("RssAnon")]
        print(int(kept[0].split()[1]) // 1024 < 150)
        """,
    )
    stash.run("s.py")
    outcome = stash.run("s.py", options=("--verify",))
    assert (outcome.status, outcome.stdout) == (0, "80000000\nTrue\n"), outcome


# --- settings -------------------------------------------------------------------------------------------------------


def test_what_is_set_for_a_project_and_in_the_environment(stash):
    stash.write("s.py", MARKED, log=True)
    stash.ok("s.py")

    def run(*options, **env):
        stash.forget()
        outcome = stash.run("s.py", options=options, env=env)
        return outcome.status, outcome.stderr, stash.executions()

    every = ["load", "other", "guarded"]
    verified = "devstash: verified 3 hits: the same\n"
    assert run(DEVSTASH_VERIFY="1") == (0, verified, every)
    assert run(DEVSTASH_VERIFY="100%") == (0, verified, every)
    assert run(DEVSTASH_VERIFY="off") == (0, "", [])
    assert run(DEVSTASH_REFRESH="guarded") == (0, "", ["guarded"])
    stash.write("pyproject.toml", "[tool.devstash]\noffline = true\n")
    assert run() == (0, "", [])
    assert run("--refresh=label") == (0, "", ["other"]), "what is nearer counts"
    assert run(DEVSTASH_VERIFY="yes") == (0, verified, every)
    stash.write("pyproject.toml", '[tool.devstash]\nverify = "100%"\nrefresh = "guarded"\n')
    assert run() == (0, "devstash: verified 2 hits: the same\n", every)
    assert run("--offline") == (0, "", [])
    assert run("--refresh") == (0, "", every), "a refresh of everything leaves nothing to verify"
    stash.write("pyproject.toml", "[tool.devstash]\nverify = 10\n")
    status, said, executed = run()
    assert (status, executed) == (2, [])
    assert '`true`, `false` or a text such as `"10%"` is needed here, not a number' in said
