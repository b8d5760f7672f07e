"""A tape keeps what arrived, as it was when it arrived, and nothing that a copy could not stand for."""

import asyncio
import itertools

import pytest
from devstash import streamkinds, streams


class Session:
    def __init__(self, **given):
        self.given = given
        self.steps = 0
        self.inside = False
        self.kept = None
        self.reasons = []

    def enter(self):
        assert not self.inside
        self.inside = True
        self.steps += 1

    def leave(self):
        self.inside = False

    def complete(self, value, effect):
        self.kept = (value, effect)

    def failed(self, error):
        self.error = error

    def abandon(self, reason=""):
        self.reasons.append(reason)


def record(result, session=None):
    session = session or Session()
    return streams.recorded(result, streamkinds.kind(result), session), session


def numbers(n):
    for i in range(n):
        yield [i]
    return "end" if n else None


@pytest.mark.parametrize(
    "value", [1, "x", [1], {}, None, iter([1]), range(3), iter(range(3)), object(), numbers, lambda: 1, iter({})]
)
def test_ordinary_values_are_no_streams(value):
    assert streamkinds.kind(value) is None


def test_a_whole_stream_is_kept_and_comes_back():
    stream, session = record(numbers(3))
    assert stream.__name__ == "numbers" and stream.__qualname__ == "numbers"
    assert list(stream) == [[0], [1], [2]]
    value, effect = session.kept
    assert value == {"items": [[0], [1], [2]], "returned": "end"}
    assert effect["kind"] == "generator" and effect["returned"] is True
    back = streams.replayed(effect, value)
    assert type(back) is type(stream) and back.__name__ == "numbers"
    assert list(back) == [[0], [1], [2]]
    assert session.steps == 4 and not session.inside


def test_items_are_kept_as_they_arrived():
    stream, session = record(numbers(2))
    for item in stream:
        item.append("changed by the consumer")
    # The generator's own `range` holds nothing of the items.
    assert session.kept is not None, session.reasons
    assert session.kept[0]["items"] == [[0], [1]]


@pytest.mark.parametrize("leave", ["drop", "close", "throw", "send"])
def test_left_half_way_it_is_abandoned_once(leave):
    stream, session = record(numbers(3))
    next(stream)
    if leave == "close":
        stream.close()
    elif leave == "throw":
        with pytest.raises(KeyError):
            stream.throw(KeyError("k"))
    elif leave == "send":
        assert stream.send("x") == [1]
        list(stream)
    del stream
    assert session.kept is None
    assert len(session.reasons) == 1


def test_parts_of_what_was_given_are_not_kept():
    rows = [[1], [2]]
    stream, session = record((row for row in rows), Session(rows=rows))
    assert list(stream) == rows
    assert session.kept is None and "in common with rows" in session.reasons[0]


def test_too_much_is_not_kept(monkeypatch):
    monkeypatch.setattr(streams, "LIMIT", 100)
    stream, session = record("x" * 60 for _ in range(3))
    assert len(list(stream)) == 3
    assert session.kept is None and "take more than" in session.reasons[0]


def make(name):
    xs = (1, 2, 3)
    return {
        "map": lambda: map(str, xs),
        "filter": lambda: filter(None, xs),
        "zip": lambda: zip(xs, "abc"),
        "enumerate": lambda: enumerate(xs, 7),
        "chain": lambda: itertools.chain(xs, xs),
        "islice": lambda: itertools.islice(xs, 2),
        "starmap": lambda: itertools.starmap(divmod, [(7, 2), (9, 4)]),
        "takewhile": lambda: itertools.takewhile(bool, xs),
        "dropwhile": lambda: itertools.dropwhile(bool, xs),
        "filterfalse": lambda: itertools.filterfalse(bool, xs),
        "compress": lambda: itertools.compress(xs, [0, 1, 1]),
        "accumulate": lambda: itertools.accumulate(xs),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "map",
        "filter",
        "zip",
        "enumerate",
        "chain",
        "islice",
        "starmap",
        "takewhile",
        "dropwhile",
        "filterfalse",
        "compress",
        "accumulate",
    ],
)
def test_iterators_keep_type_and_items(name):
    expected = list(make(name))
    stream, session = record(make(name))
    assert type(stream) is type(make(name))
    assert list(stream) == expected
    value, effect = session.kept
    back = streams.replayed(effect, value)
    assert type(back) is type(stream)
    assert list(back) == expected


def test_a_replay_that_is_sent_something_is_made_again():
    def talk():
        got = yield "first"
        while True:
            got = yield f"got {got}"

    effect = {"kind": "generator", "name": "talk", "qualname": "talk"}
    back = streams.replayed(effect, ["first", "got None"], rerun=talk)
    assert next(back) == "first"
    assert back.send("x") == "got x"
    assert next(back) == "got None"


def test_async_generators():
    async def ticks():
        for i in range(3):
            await asyncio.sleep(0)
            yield [i]

    async def main():
        stream, session = record(ticks())
        assert [item async for item in stream] == [[0], [1], [2]]
        value, effect = session.kept
        assert [item async for item in streams.replayed(effect, value)] == [[0], [1], [2]]
        half, session = record(ticks())
        await half.__anext__()
        await half.aclose()
        assert session.kept is None and session.reasons == [""]

    asyncio.run(main())
