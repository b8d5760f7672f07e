"""What is encoded without the pickle module is what the pickler writes, byte by byte; or it is left to the pickler."""

import collections
import datetime
import enum
import pathlib
import random
import sys

import pytest
from devstash import encode, small
from devstash.picklers import _Plain, _Sorting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


class Colour(enum.Enum):
    RED = 1


class Sink:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def pickled(value, way=_Plain):
    sink = Sink()
    way(encode.Encoder(), sink).dump(value)
    return sink.data


def check(value):
    encoder = encode.Encoder()
    written, parts = small.encoding(encoder, value)
    assert written == pickled(value) == pickled(value, _Sorting)
    assert not encoder.active
    assert parts > 0


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**n + d for n in (7, 8, 15, 16, 31, 32, 63, 64, 255) for d in (-1, 0, 1)])
    | st.sampled_from([-(2**n) + d for n in (7, 8, 15, 16, 31, 32, 63, 64, 255) for d in (-1, 0, 1)])
    | st.floats()
    | st.text(max_size=20)
    | st.text("aäø\ud800😀", min_size=80, max_size=90)
    | st.binary(max_size=20)
    | st.binary(min_size=250, max_size=260)
)


def within(inner):
    return (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(ATOMS.filter(lambda value: value == value), inner, max_size=4)
        | st.builds(Plain, a=inner, b=inner)
        | st.builds(Slots, inner, inner)
        | st.lists(inner, max_size=3).map(collections.deque)
    )


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(within(st.recursive(ATOMS, within, max_leaves=25)))
def test_as_the_pickler(value):
    depth, small._DEPTH = small._DEPTH, 1000
    try:
        check(value)
    finally:
        small._DEPTH = depth


@pytest.mark.parametrize(
    "value",
    [
        (),
        [],
        {},
        [[]],
        ((),),
        Colour.RED,
        Plain(),
        pathlib.Path("a/b"),
        datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        collections.OrderedDict(a=1, b=[2]),
        collections.Counter("abca"),
        collections.defaultdict(list, a=[1]),
        range(3),
        slice(1, 2),
        1 + 2j,
        ValueError("x"),
        check,
        len,
        sys,
        int,
        Plain,
        [-0.0, float("inf"), float("-inf"), True, 1, 1.0],
        ("x" * 255, "x" * 256, b"x" * 255, b"x" * 256, "ä" * 127, "ä" * 128),
        list(range(400)),
        {str(n): n for n in range(150)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_values(value):
    check(value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        [frozenset((1, 2))],
        bytearray(b"x"),
        Plain(inner={3}),
        list(range(5000)),
        "x" * 40_000,
        ["x" * 20_000, "y" * 20_000],
        [1 << 5000],
    ],
    ids=lambda value: f"{type(value).__name__} {repr(value)[:20]}",
)
def test_left_to_the_pickler(value):
    with pytest.raises(small.Unknown):
        small.encoding(encode.Encoder(), [value])


def test_nested_too_deeply():
    value = []
    for _ in range(100):
        value = [value]
    with pytest.raises(small.Unknown):
        small.encoding(encode.Encoder(), value)


def test_a_cycle_is_seen():
    for cycle in ([], {}, Plain()):
        if isinstance(cycle, list):
            cycle.append(cycle)
        elif isinstance(cycle, dict):
            cycle["self"] = cycle
        else:
            cycle.me = cycle
        with pytest.raises((small.Unknown, encode.Restart)):
            small.encoding(encode.Encoder(), cycle)


def test_both_ways_give_one_digest(monkeypatch):
    """Whether the pickle module is loaded makes no difference, nor how often it was done without."""
    rng = random.Random(4)
    values = [[rng.random(), {"a": Plain(x=rng.randrange(10**12), y={"set", 1})}, (None, "ä")] for _ in range(20)]
    values += [Plain(), [list(range(1000))], Plain(x=Plain(y=Plain()))]
    expected = [encode.encode(value) for value in values]
    pickle = sys.modules["_pickle"]
    for left in (4000, 20):
        monkeypatch.setattr(encode, "_left", left)
        found = []
        for value in values:
            monkeypatch.delitem(sys.modules, "_pickle")
            found.append(encode.encode(value))
            monkeypatch.setitem(sys.modules, "_pickle", pickle)
        assert found == expected


def test_near_the_recursion_limit(monkeypatch):
    value = [[[[[[Plain(a=[1])]]]]]]
    expected = encode.encode(value)
    monkeypatch.setattr(encode, "_left", 4000)
    monkeypatch.delitem(sys.modules, "_pickle")
    monkeypatch.setattr(small, "encoding", lambda *_: (_ for _ in ()).throw(RecursionError()))
    assert encode.encode(value) == expected
