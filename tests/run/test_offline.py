"""`devstash run --offline`: marked calls are served from the store and never made."""

import textwrap

import pytest
from harness import LOG


def missing(name, line, keeps=True, why="no result is kept of it (absent)"):
    """What is said of a call that is not made."""
    rest = " and keeps the result" if keeps else ""
    return (
        f"devstash: s.py:{line}: `{name}` is not run, because of --offline: {why}\n\n"
        f"hint: `devstash run s.py`, without --offline, runs it{rest}\n"
    )


def offline(stash, *args, **keywords):
    return stash.run("s.py", *args, options=("--offline",), **keywords)


def test_expired_entries_are_served(stash):
    stash.write(
        "s.py",
        """
        def f(n):
            log("f")
            return n
        print(f(1))  # @devstash ttl=1m
        print(f(2))  # @devstash refresh
        """,
        log=True,
    )
    stash.ok("s.py")
    stash.age(3600)
    stash.forget()
    outcome = offline(stash)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "1\n2\n", "")
    assert stash.executions() == []


def test_a_missing_call_ends_the_program_with_5(stash):
    stash.write(
        "s.py",
        """
        def f(n):
            log("f")
            return n
        try:
            f(1)  # @devstash
        except Exception:
            print("swallowed")
        finally:
            print("cleaned up")
        print("went on")
        """,
        log=True,
    )
    outcome = offline(stash)
    assert outcome.stdout == "cleaned up\n"
    assert outcome.stderr == missing("f", 10)
    assert outcome.status == 5
    assert stash.executions() == [] and stash.entries() == []


def test_changed_inputs_are_missing(stash):
    stash.write("in.txt", "one")
    stash.write("s.py", 'def f():\n    return open("in.txt").read()\nprint(f())  # @devstash\n')
    stash.ok("s.py")
    stash.write("in.txt", "two!")
    outcome = offline(stash)
    assert (outcome.status, outcome.stdout) == (5, "")
    assert outcome.stderr == missing(
        "f", 3, why="no result is kept of it (input changed: file in.txt changed (3 B → 4 B))"
    )


WAYS = {
    "catches everything": """
        try:
            f(1)  # @devstash
        except BaseException:
            pass
        """,
    "thread": """
        import threading
        def work():
            f(1)  # @devstash
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        """,
    "pool of threads": """
        from multiprocessing.pool import ThreadPool
        def work(n):
            f(n)  # @devstash
        with ThreadPool(1) as pool:
            pool.map(work, [1])
        """,
    "pool of processes": """
        import multiprocessing
        def work(n):
            f(n)  # @devstash
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.map(work, [1])
        """,
    "executor": """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def work(n):
            f(n)  # @devstash
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            list(pool.map(work, [1]))
        """,
    "task": """
        import asyncio
        async def work(n):
            log("work")
            return n
        async def main():
            await work(1)  # @devstash
        asyncio.run(main())
        """,
    "generator": """
        def work(n):
            log("work")
            yield n
        for x in work(1):  # @devstash
            print(x)
        """,
    "marked function": """
        def work(n):  # @devstash
            log("work")
        work(1)
        """,
    "marked coroutine": """
        import asyncio
        async def work(n):  # @devstash
            log("work")
        asyncio.run(work(1))
        """,
    "marked generator": """
        def work(n):  # @devstash
            log("work")
            yield n
        list(work(1))
        """,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_call_is_never_made(stash, way):
    stash.write("s.py", LOG + "def f(n):\n    log('f')\n    return n\n" + textwrap.dedent(WAYS[way]))
    outcome = offline(stash)
    assert outcome.status == 5, outcome
    assert outcome.stdout == ""
    line = next(n for n, text in enumerate((stash.folder / "s.py").read_text().splitlines(), 1) if "@devstash" in text)
    assert outcome.stderr == missing("work" if "work(1)" in WAYS[way] and "f(" not in WAYS[way] else "f", line)
    assert stash.executions() == []


def test_a_worker_that_python_starts_afresh(stash):
    stash.write(
        "s.py",
        """
        import multiprocessing
        def f(n):  # @devstash
            log("f")
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.map(f, [1])
        """,
        log=True,
    )
    outcome = offline(stash)
    assert (outcome.status, outcome.stderr) == (5, missing("f", 7))
    assert stash.executions() == []


def test_what_cannot_be_cached_is_refused_as_well(stash):
    stash.write(
        "s.py",
        """
        import contextlib, sys
        def f(x):
            log("f")
        @contextlib.contextmanager
        def opened():  # @devstash
            log("opened")
            yield 1
        if len(sys.argv) > 1:
            with opened():
                pass
        f(i for i in [1])  # @devstash
        """,
        log=True,
    )
    outcome = offline(stash)
    why = (
        "it cannot be cached: `argument x: builtins.generator` cannot be part of the key (it is used up by the call); "
        "hand over a list of it instead"
    )
    assert outcome.stderr.replace("`x:", "`argument x:") == missing("f(i for i in [1])", 16, keeps=False, why=why)
    assert outcome.status == 5
    outcome = offline(stash, "with")
    assert outcome.stderr == missing(
        "def opened():", 10, keeps=False, why="it cannot be cached: the body of a context manager has to run"
    )
    assert (outcome.status, stash.executions()) == (5, [])


def test_a_stream_that_would_have_to_run_to_answer(stash):
    stash.write(
        "s.py",
        """
        import sys
        def f():
            log("f")
            got = yield 1
            yield got
        stream = f()  # @devstash
        print(next(stream))
        print(list(stream) if len(sys.argv) == 1 else stream.send(5))
        """,
        log=True,
    )
    stash.ok("s.py")
    stash.forget()
    outcome = offline(stash, "send")
    why = "the script sends something into its stream, for which it would have to run"
    assert outcome.stderr == missing("stream = f()", 11, keeps=False, why=why)
    assert (outcome.status, outcome.stdout, stash.executions()) == (5, "1\n", [])


def test_the_scripts_own_status_wins(stash):
    stash.write(
        "s.py",
        "import sys\ndef f():\n    return 1\ntry:\n    f()  # @devstash\nexcept SystemExit:\n    sys.exit(7)\n",
    )
    assert offline(stash).status == 7


def test_a_script_without_markers_runs(stash):
    stash.write("s.py", "print('ran')\n")
    outcome = offline(stash)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "ran\n", "")


def test_nothing_runs_where_markers_would_be_off(stash):
    stash.write("s.py", "print('ran')  # @devstash\n")
    unsafe = stash.folder / "open"
    unsafe.mkdir()
    unsafe.chmod(0o777)
    (unsafe / "devstash").mkdir()
    (unsafe / "devstash").chmod(0o777)
    outcome = offline(stash, env={"XDG_CACHE_HOME": str(unsafe)})
    assert (outcome.status, outcome.stdout) == (5, "")
    assert outcome.stderr.startswith(
        "devstash: the script is not run, because of --offline: its markers cannot be seen to: no folder for byte-code:"
    )
    outcome = stash.run("-", options=("--offline",), stdin="print('ran')  # @devstash\n")
    assert (outcome.status, outcome.stdout) == (5, "")
    assert outcome.stderr == (
        "devstash: the script is not run, because of --offline: its markers cannot be seen to: it is no plain file of "
        "Python source\n"
    )


def test_python_tells_of_its_own_errors(stash):
    stash.write("s.py", "def f(:  # @devstash\n")
    outcome = offline(stash)
    assert outcome.status == 1
    assert outcome.stderr.endswith("SyntaxError: invalid syntax\n") and "devstash:" not in outcome.stderr
