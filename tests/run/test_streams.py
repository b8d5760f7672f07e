"""Generators and other streams: recorded while they are consumed, replayed lazily, kept only when whole."""

import sys

import pytest
from harness import hits

PY311 = pytest.mark.skipif(sys.version_info < (3, 11), reason="before 3.11 a frame that passes an exception on shows")

# Each of these is a function `make(n)` whose result is a stream of n items, and which logs each step.
AS_A_CALL = """
def make(n):
    log("start")
    for i in range(n):
        log("step %d" % i)
        yield {"item": i}
    log("end")
    return n * 100

def stream(n):
    return make(n)  # @devstash
"""
AS_A_FUNCTION = """
def stream(n):  # @devstash
    log("start")
    for i in range(n):
        log("step %d" % i)
        yield {"item": i}
    log("end")
    return n * 100
"""
BOTH = pytest.mark.parametrize("source", [AS_A_CALL, AS_A_FUNCTION], ids=["call", "function"])


@BOTH
def test_items_come_one_by_one_and_come_back(stash, source):
    printed, first, second = stash.script_twice(
        source
        + """
for item in stream(3):
    log("got %d" % item["item"])
    print(item)
"""
    )
    assert printed == "{'item': 0}\n{'item': 1}\n{'item': 2}\n"
    assert first == ["start", "step 0", "got 0", "step 1", "got 1", "step 2", "got 2", "end"]
    assert second == ["got 0", "got 1", "got 2"]


@BOTH
@pytest.mark.parametrize(
    "use",
    [
        "print(list(stream(3)))",
        "print([item for item in stream(3)], {item['item'] for item in stream(2)})",
        "a, b = stream(2); print(a, b)",
        "import itertools; print(list(itertools.chain(stream(2), stream(3))))",
        "def outer():\n    value = yield from stream(2)\n    print('returned', value)\nprint(list(outer()))",
        "for a, b in zip(stream(2), stream(3)): print(a, b)\nprint(list(stream(2)), list(stream(3)))",
        "s = stream(2); print(next(s), next(s), next(s, 'over'), next(s, 'over'))",
        "s = stream(0); print(list(s))",
        "s = stream(2)\nprint(type(s), s.__name__.count('m'), s.gi_running, s.gi_frame is None, iter(s) is s)\nprint(*s)",
        "for item in stream(3): item['item'] = 'changed'; print(item)\n",
        "import inspect; s = stream(1); print(inspect.isgenerator(s), inspect.getgeneratorstate(s)); print(*s)",
    ],
)
def test_every_use_hits(stash, source, use):
    if "'changed'" in use:
        source = source.replace('yield {"item": i}', "item = {'item': i}; yield dict(item)")
        assert stash.write("p.py", source + use, log=True)
    stash.write("p.py", (source + "\n" + use).replace("# @devstash", ""), log=True)
    expected = stash.plain("p.py").stdout
    stash.forget()
    assert hits(stash, source + "\n" + use) == expected


@BOTH
def test_return_value_comes_back(stash, source):
    printed = hits(
        stash,
        source
        + """
s = stream(2)
while True:
    try:
        print(next(s))
    except StopIteration as stop:
        print("returned", stop.value)
        break
""",
    )
    assert printed.endswith("returned 200\n")


@BOTH
@pytest.mark.parametrize(
    "leave",
    [
        "for item in s:\n    break",
        "next(s)",
        "next(s); s.close()",
        "next(s); del s",
        "import itertools; print(list(itertools.islice(s, 2)))",
        "next(s)\ntry:\n    s.throw(ValueError('x'))\nexcept ValueError: print('thrown')",
        "pass",
    ],
)
def test_left_half_way_nothing_is_kept(stash, source, leave):
    script = source + "\ns = stream(3)\n" + leave + "\n"
    printed, first, second = stash.script_twice(script)
    assert first == second
    assert stash.entries() == []
    # Nothing stands in the way of a whole one.
    assert hits(stash, source + "\nprint(list(stream(3)))\n")


@BOTH
def test_infinite_with_islice(stash, source):
    endless = source.replace("range(n)", "__import__('itertools').count()")
    script = endless + "\nimport itertools\nprint(list(itertools.islice(stream(0), 3)))\n"
    printed, first, second = stash.script_twice(script)
    assert first == second == ["start", "step 0", "step 1", "step 2"]
    assert stash.entries() == []


@BOTH
def test_an_exception_is_the_scripts(stash, source):
    script = source.replace('log("end")', 'raise ValueError("broken")') + (
        """
try:
    for item in stream(2):
        print(item)
except ValueError as error:
    print("caught", error)
"""
    )
    printed, first, second = stash.script_twice(script)
    assert printed.endswith("caught broken\n")
    assert first == second
    assert stash.entries() == []


@PY311
@BOTH
@pytest.mark.parametrize(
    "use",
    [
        "for item in stream(2):\n    print(item)",
        "print(list(stream(2)))",
        "def outer():\n    yield from stream(2)\nprint(*outer())",
        "s = stream(2); next(s)\ns.throw(KeyError('sent'))",
        "s = stream(2); next(s)\nsum(next(s))",
    ],
)
def test_tracebacks_are_plain_pythons(stash, source, use):
    source = source.replace('log("end")', 'raise ValueError("broken")')
    stash.write("s.py", source + "\n" + use + "\n", log=True)
    expected = stash.plain("s.py")
    assert "Traceback" in expected.stderr
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.stderr) == (expected.stdout, expected.stderr)


@PY311
@BOTH
def test_thrown_into_a_replay(stash, source):
    """The stream is made again, in order to see what it does with the exception."""
    whole = (
        source
        + "\nimport sys\ns = stream(2)\nif sys.argv[1:]:\n    next(s)\n    s.throw(KeyError('sent'))\nprint(*s)\n"
    )
    stash.write("s.py", whole, log=True)
    expected = stash.plain("s.py", "throw")
    stash.ok("s.py")
    outcome = stash.run("s.py", "throw")
    assert (outcome.stdout, outcome.status) == (expected.stdout, 1)
    if source is AS_A_CALL:  # in a function the line of its guard shows besides
        assert outcome.stderr == expected.stderr


SENDING = """
def make():
    total = 0
    while True:
        sent = yield total
        log("sent %r" % (sent,))
        if sent is None:
            return total
        total += sent
"""


@pytest.mark.parametrize(
    "source",
    [
        SENDING + "\ndef stream():\n    return make()  # @devstash\n",
        SENDING.replace("def make():", "def stream():  # @devstash"),
    ],
    ids=["call", "function"],
)
def test_what_is_sent_arrives(stash, source):
    talk = source + "\ns = stream(); print(next(s), s.send(3), s.send(4), next(s, 'over'))\n"
    stash.write("s.py", talk, log=True)
    for _ in range(2):
        outcome = stash.run("s.py")
        assert outcome.stdout == "0 3 7 over\n"
        assert "something is sent to the generator" in outcome.stderr
    assert stash.entries() == []
    # A stored one is made again when something is sent to it after all.
    stash.write("s.py", source + "\nprint(*stream())\n", log=True)
    assert stash.ok("s.py") == stash.ok("s.py") == "0\n"
    assert len(stash.entries()) == 1
    stash.write("s.py", talk, log=True)
    outcome = stash.run("s.py")
    assert outcome.stdout == "0 3 7 over\n"


def refused(stash, text, why):
    """A stream that is not kept: the script prints what it prints without us, and is told why."""
    stash.write("s.py", text, log=True)
    expected = stash.plain("s.py").stdout
    for _ in range(2):
        outcome = stash.run("s.py")
        assert outcome.stdout == expected
        assert why in outcome.stderr, outcome
        assert outcome.status == 0
    assert stash.entries() == []


def test_one_buffer_yielded_again_and_again(stash):
    refused(
        stash,
        """
        def f():
            buffer = []
            for i in range(3):
                buffer.append(i)
                yield buffer
        for b in f():  # @devstash
            print(b)
        """,
        "the stream changes an item after it has handed it out",
    )


def test_items_that_share_a_part(stash):
    refused(
        stash,
        """
        def f():  # @devstash
            shared = {}
            for i in range(3):
                yield (i, [shared])
        items = list(f())
        items[0][1][0]["x"] = 1
        print(items)
        """,
        "not cached: item 2 has parts in common with an earlier one",
    )


def test_items_that_are_the_arguments(stash):
    refused(
        stash,
        """
        def f(rows):
            yield from rows
        rows = [{"a": 1}, {"a": 2}]
        for row in f(rows):  # @devstash
            row["a"] = 0
        print(rows)
        """,
        "not cached",
    )


def test_an_item_changed_after_it_was_handed_out(stash):
    refused(
        stash,
        """
        def f():  # @devstash
            first = []
            yield first
            first.append("late")
            yield ()
        print(list(f()))
        """,
        "the stream changes an item after it has handed it out",
    )


def test_an_item_that_the_script_changes_and_the_stream_reads(stash):
    refused(
        stash,
        """
        def f():  # @devstash
            box = []
            yield box
            yield len(box)
        for item in f():
            if item == []:
                item.append(1)
            print(item)
        """,
        "the script changes an item while the stream still holds it",
    )


def test_an_item_that_cannot_be_stored(stash):
    refused(
        stash,
        """
        import threading
        def f():  # @devstash
            yield 1
            yield [threading.Lock()]
        print(len(list(f())))
        """,
        "`item 2[0]: _thread.lock` cannot be stored",
    )


def test_the_body_of_a_context_manager_runs(stash):
    refused(
        stash,
        """
        import contextlib, os
        @contextlib.contextmanager
        def setting(value):  # @devstash
            os.environ["SETTING"] = value
            yield value
            del os.environ["SETTING"]
        with setting("x") as value:
            print(value, os.environ.get("SETTING"))
        """,
        "the body of a context manager has to run",
    )


def test_nested_marked_generators(stash):
    hits(
        stash,
        """
        def inner(n):  # @devstash
            log("inner")
            for i in range(n):
                yield i
            return "inner"
        def outer(n):  # @devstash
            log("outer")
            x = yield from inner(n)
            yield x
            yield from [10, 20]
            yield from (i * 2 for i in range(n))
            return (yield from inner(n + 1))
        def all_of(s):
            x = yield from s
            print("returned", x)
        print(list(all_of(outer(2))))
        print(list(outer(2)), list(inner(2)))
        """,
    )


def test_yields_in_every_place(stash):
    text = """
        def g(n):  # @devstash
            log("g")
            x = yield
            print(x)
            y = [(yield 1), (yield 2)]
            with open(__file__) as file:
                z = yield len(y)
            def inner(a=(yield 3)):
                yield "not mine"
            try:
                yield (yield 4)
            finally:
                log("cleanup")
            if (yield 5) is None:
                yield list(inner())
            for i in range(2):
                yield (lambda: (yield))().__class__.__name__, i
            return
        print(list(g(1)))
        class C:
            def m(self, *a, k=1, **w):  # @devstash
                "doc"
                log("m")
                yield a
                yield k
                yield dict(w)
            def recursive(self, n):  # @devstash
                log("r")
                if n:
                    yield n
                    yield from self.recursive(n - 1)
        print(list(C().m(1, 2, k=3, x=4)), C.m.__doc__)
        print(list(C().recursive(3)))
    """
    stash.write("p.py", text.replace("# @devstash", ""), log=True)
    expected = stash.plain("p.py").stdout
    stash.forget()
    stash.write("s.py", text, log=True)
    assert stash.ok("s.py") == expected
    count = len(stash.executions())
    assert stash.ok("s.py") == expected.replace("None\n", "", 1)  # what it prints on the way is output
    assert len(stash.executions()) == count


def test_closing_runs_the_finally_of_what_is_delegated_to(stash):
    text = """
        def inner():
            try:
                yield 1
                yield 2
            finally:
                print("inner closed")
        def outer():  # @devstash
            try:
                yield from inner()
            except KeyError:
                print("caught")
                yield "after"
        s = outer(); print(next(s)); s.close()
        s = outer(); print(next(s), s.throw(KeyError("k"))); print(list(s))
    """
    stash.write("p.py", text.replace("# @devstash", ""), log=True)
    stash.write("s.py", text, log=True)
    for _ in range(2):
        assert stash.ok("s.py") == stash.plain("p.py").stdout
    assert stash.entries() == []


def test_iterators_keep_their_type(stash):
    printed = hits(
        stash,
        """
        import itertools
        def slow(x):
            log("slow")
            return x * 2
        def make(name, xs):
            if name == "map": return map(slow, xs)
            if name == "filter": return filter(slow, xs)
            if name == "zip": return zip(map(slow, xs), xs, "abc")
            if name == "zip1": return zip(map(slow, xs))
            if name == "enumerate": return enumerate(map(slow, xs), 5)
            it = map(slow, xs)
            if name == "starmap": return itertools.starmap(divmod, zip(it, it))
            if name == "islice": return itertools.islice(it, 2)
            if name == "takewhile": return itertools.takewhile(lambda x: x < 4, it)
            if name == "dropwhile": return itertools.dropwhile(lambda x: x < 4, it)
            if name == "filterfalse": return itertools.filterfalse(lambda x: x < 4, it)
            if name == "compress": return itertools.compress(it, [1, 0, 1])
            if name == "accumulate": return itertools.accumulate(it)
            return itertools.chain(it, xs)
        for name in ("map filter zip zip1 enumerate starmap islice takewhile dropwhile filterfalse compress "
                     "accumulate chain").split():
            stream = make(name, (1, 2, 3, 4))  # @devstash
            print(name, type(stream).__name__, list(stream))
        """,
    )
    stash.write("p.py", (stash.folder / "s.py").read_text().replace("# @devstash", ""))
    assert stash.plain("p.py").stdout == printed


def test_an_iterator_left_half_way(stash):
    printed, first, second = stash.script_twice(
        """
        def slow(x):
            log(x)
            return x
        def make(xs):
            return map(slow, xs)
        it = make((1, 2, 3))  # @devstash
        print(next(it))
        """
    )
    assert first == second == ["1"]
    assert stash.entries() == []


ASYNC = """
import asyncio

async def work(i):
    await asyncio.sleep(0.001)
    return {"item": i}
"""
ASYNC_CALL = (
    ASYNC
    + """
async def make(n):
    log("start")
    for i in range(n):
        log("step %d" % i)
        yield await work(i)
    log("end")

def stream(n):
    return make(n)  # @devstash
"""
)
ASYNC_FUNCTION = (
    ASYNC
    + """
async def stream(n):  # @devstash
    log("start")
    for i in range(n):
        log("step %d" % i)
        yield await work(i)
    log("end")
"""
)
BOTH_ASYNC = pytest.mark.parametrize("source", [ASYNC_CALL, ASYNC_FUNCTION], ids=["call", "function"])


@BOTH_ASYNC
def test_async_generators(stash, source):
    printed, first, second = stash.script_twice(
        source
        + """
async def main():
    async for item in stream(2):
        log("got %d" % item["item"])
        print(item)
    print([item async for item in stream(3)], type(stream(1)))
    async def one():
        return [item async for item in stream(4)]
    print(await asyncio.gather(one(), one(), asyncio.create_task(one())))
asyncio.run(main())
"""
    )
    assert first[:6] == ["start", "step 0", "got 0", "step 1", "got 1", "end"]
    assert second == ["got 0", "got 1"]


@BOTH_ASYNC
def test_async_left_half_way(stash, source):
    script = (
        source
        + """
async def main():
    async for item in stream(3):
        break
    s = stream(3)
    print(await s.__anext__())
    await s.aclose()
    s = stream(3)
    await s.asend(None)
    try:
        await s.athrow(KeyError("k"))
    except KeyError as error:
        print("thrown", error)
asyncio.run(main())
"""
    )
    printed, first, second = stash.script_twice(script)
    assert first == second
    assert stash.entries() == []


@BOTH_ASYNC
def test_left_to_the_event_loop_to_close(stash, source):
    """The loop closes what is left open when it shuts down, once."""
    source = source.replace(
        '    for i in range(n):\n        log("step %d" % i)\n        yield await work(i)\n',
        "    try:\n        for i in range(n):\n            yield await work(i)\n"
        "    finally:\n        await asyncio.sleep(0.01)\n        print('cleaned up')\n",
    )
    stash.write(
        "s.py",
        source + "\nasync def main():\n    s = stream(3)\n    async for item in s:\n        raise SystemExit(3)\n"
        "asyncio.run(main())\n",
        log=True,
    )
    expected = stash.plain("s.py")
    assert expected.stdout == "cleaned up\n"
    for _ in range(2):
        assert stash.run("s.py").raw == expected.raw
    assert stash.entries() == []


@PY311
@BOTH_ASYNC
def test_async_tracebacks_are_plain_pythons(stash, source):
    source = source.replace('log("end")', 'raise ValueError("broken")')
    stash.write(
        "s.py",
        source + "\nasync def main():\n    async for item in stream(2):\n        print(item)\nasyncio.run(main())\n",
        log=True,
    )
    expected = stash.plain("s.py")
    for _ in range(2):
        assert stash.run("s.py").raw == expected.raw


def test_gather_of_marked_calls(stash):
    hits(
        stash,
        """
        import asyncio
        async def slow(x):
            log(x)
            await asyncio.sleep(0.01)
            return x * 2
        async def ask(x):
            return await slow(x)  # @devstash
        async def main():
            print(await asyncio.gather(*(ask(i) for i in range(5))))
            tasks = [asyncio.create_task(ask(i)) for i in range(10, 13)]
            print([await task for task in tasks])
            async def double(x):  # @devstash
                log("double")
                await asyncio.sleep(0.001)
                return x * 2
            print(await asyncio.gather(double(1), double(2)))
        asyncio.run(main())
        """,
    )


def test_async_with_and_async_for(stash):
    hits(
        stash,
        """
        import asyncio
        class Connection:
            async def __aenter__(self): return self
            async def __aexit__(self, *error): return None
            async def fetch(self, n):
                log("fetch")
                for i in range(n):
                    await asyncio.sleep(0)
                    yield i
        async def main():
            async with Connection() as connection:
                async for i in connection.fetch(3):  # @devstash
                    print(i)
        asyncio.run(main())
        """,
    )
