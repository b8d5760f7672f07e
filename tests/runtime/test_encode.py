"""Values are encoded by what they are: equal ones equally in every process, different ones differently."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import json
import logging
import math
import operator
import os
import pathlib
import pickle
import random
import re
import socket
import subprocess
import sys
import threading
import time
import types
import typing
import uuid
import weakref
import zoneinfo

import pytest
from devstash import encode as encoding
from devstash.encode import Unkeyable, encode, register_key


class Color(enum.Enum):
    RED = 1
    NAME = "red"


class Other(enum.Enum):
    RED = 1


class Flags(enum.IntFlag):
    X = 1
    Y = 2


@dataclasses.dataclass
class Point:
    a: int
    b: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int
    b: str = "q"


class Slots:
    __slots__ = ("p", "q", "unset")

    def __init__(self, p, q):
        self.p = p
        self.q = q


Pair = collections.namedtuple("Pair", "x y")


class Int(int):
    pass


class Str(str):
    pass


class Dict(dict):
    pass


class List(list):
    pass


class Set(set):
    pass


class Reduced:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Reduced, (self.value,)


class State:
    def __init__(self, kept, dropped):
        self.kept = kept
        self.dropped = dropped

    def __getstate__(self):
        return {"kept": self.kept}

    def __setstate__(self, state):
        self.__init__(state["kept"], None)


class Node:
    def __init__(self, name):
        self.name = name
        self.children = set()
        self.parent = None


def tree(names="abcde"):
    root = Node("root")
    for name in names:
        child = Node(name)
        child.parent = root
        root.children.add(child)
    return root


def function(x, y=2):
    return x


VALUES = {
    "int": 1,
    "int subclass": Int(1),
    "bool": True,
    "float": 1.0,
    "zero": 0.0,
    "minus zero": -0.0,
    "nan": math.nan,
    "big": 10**5000,
    "complex": 1 + 2j,
    "str": "1",
    "str subclass": Str("1"),
    "bytes": b"1",
    "bytearray": bytearray(b"1"),
    "surrogate": "\ud800",
    "none": None,
    "ellipsis": ...,
    "not implemented": NotImplemented,
    "tuple": (1, 2),
    "list": [1, 2],
    "list subclass": List([1, 2]),
    "nested tuple": ((1,), 2),
    "dict": {"a": 1, "b": 2},
    "dict of another order": {"b": 2, "a": 1},
    "dict subclass": Dict(a=1, b=2),
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "empty set": set(),
    "empty frozenset": frozenset(),
    "set": {"a", "b", "c", 1, 2.5, None, ("t", frozenset({"z", "y"}))},
    "set of strings": set("abcdefgh"),
    "set subclass": Set("abcdefgh"),
    "frozenset": frozenset("abcdefgh"),
    "sets within": {"k": [{"a", "b"}, {"c": {"d", "e"}}]},
    "enum": Color.RED,
    "enum by name": Color.NAME,
    "other enum": Other.RED,
    "flags": Flags.X | Flags.Y,
    "dataclass": Point(1, [2]),
    "frozen": Frozen(1),
    "slots": Slots(1, {"a", "b"}),
    "namedtuple": Pair(1, 2),
    "reduced": Reduced({"a", "b"}),
    "range": range(3),
    "slice": slice(1, 2),
    "regex": re.compile("a+", re.I),
    "other regex": re.compile("a+"),
    "date": datetime.date(2020, 1, 2),
    "time": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
    "naive time": datetime.datetime(2020, 1, 2),
    "zone": datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "timedelta": datetime.timedelta(1),
    "decimal": decimal.Decimal("1.10"),
    "decimal of fewer digits": decimal.Decimal("1.1"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=5),
    "path": pathlib.PurePosixPath("a/b"),
    "mapping proxy": types.MappingProxyType({"a": 1}),
    "array": array.array("d", [1, 2]),
    "array of int": array.array("q", [1, 2]),
    "deque": collections.deque([1, 2], 5),
    "unbounded deque": collections.deque([1, 2]),
    "ordered dict": collections.OrderedDict(a=1, b=2),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "defaultdict of sets": collections.defaultdict(set, a={"x", "y"}),
    "counter": collections.Counter("abca"),
    "chain map": collections.ChainMap({"a": 1}),
    "user dict": collections.UserDict(a=1),
    "exception": ValueError("x", 3),
    "other exception": TypeError("x", 3),
    "type": int,
    "class": Point,
    "module": math,
    "function": function,
    "lambda": lambda x: x,
    "other lambda": lambda x: -x,
    "partial": functools.partial(function, 1, y=3),
    "method": Point(1).__init__,
    "builtin method": [1].append,
    "builtin": len,
    "method descriptor": str.upper,
    "namespace": types.SimpleNamespace(a=1),
    "tree": tree(),
    "other tree": tree("abcdf"),
    "alias": list[int],
    "optional": typing.Optional[int],
    "itemgetter": operator.itemgetter(1),
    "memoryview": memoryview(b"abc"),
    "random": random.Random(3),
    "bytes in memory": io.BytesIO(b"abc"),
    "many": list(range(100_000)),
    "many floats": [i / 7 for i in range(20_000)],
    "many sets": [{"a": i, "b": {str(i), "z"}} for i in range(3000)],
    "a set among many numbers": {**{i: i for i in range(30000)}, "last": {"a", "b", "c"}},
    "a set as one of many keys": {**{i: i for i in range(30000)}, frozenset({"a", "b", "c"}): 1},
}


def test_different_values_have_different_digests():
    seen = {}
    for name, value in VALUES.items():
        digest = encode(value)
        assert digest not in seen, (name, seen[digest])
        seen[digest] = name


UNPICKLABLE = {"mapping proxy", "module", "lambda", "other lambda", "memoryview"}


@pytest.mark.parametrize("name", [name for name in VALUES if name not in UNPICKLABLE])
def test_a_pickled_copy_has_the_same_digest(name):
    value = VALUES[name]
    copy = pickle.loads(pickle.dumps(value))
    assert encode(copy) == encode(value)


def test_digests_do_not_depend_on_the_process():
    program = (
        "import json, sys; sys.path[:0] = %r; import test_encode as t;"
        "print(json.dumps({name: t.encode(value) for name, value in t.VALUES.items()}))"
    ) % [os.path.dirname(__file__), os.path.dirname(os.path.dirname(encoding.__file__))]
    seen = []
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-B", "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        seen.append(json.loads(run.stdout))
    assert seen[0] == seen[1] == seen[2]


def test_identity_and_interning_do_not_count():
    shared = [1, 2]
    text = "".join(["a", "b"])
    assert encode([shared, shared]) == encode([[1, 2], [1, 2]])
    assert encode(["ab", "ab"]) == encode([text, "".join(["a", "b"])])
    point = Point(1)
    assert encode([point, point]) == encode([Point(1), Point(1)])


def test_attributes_count_in_any_order():
    first, second = Node("a"), Node.__new__(Node)
    second.parent, second.children, second.name = None, set(), "a"
    assert encode(first) == encode(second)
    second.extra = 1
    assert encode(first) != encode(second)


def test_a_type_with_getstate_counts_by_it():
    assert encode(State(1, "x")) == encode(State(1, "y")) != encode(State(2, "x"))


class Ring:
    def __init__(self, value):
        self.value = value
        self.next = self


def ring(*values):
    rings = [Ring(value) for value in values]
    for before, after in zip(rings, rings[1:] + rings[:1]):
        before.next = after
    return rings


def test_cycles():
    items = []
    items.append(items)
    assert encode(items) == encode(pickle.loads(pickle.dumps(items)))
    assert encode(ring(1, 2, 3)[0]) == encode(ring(1, 2, 3)[0])
    assert encode(ring(1, 2, 3)[0]) != encode(ring(1, 2, 3)[1])
    assert encode(ring(1, 2, 3)[0]) != encode(ring(1, 3, 2)[0])
    first = ring(1, 2)[0]
    assert encode([first, first]) == encode([ring(1, 2)[0], ring(1, 2)[0]])
    assert encode({*ring(1, 2, 3)}) == encode({*ring(1, 2, 3)})
    mapping = {"a": 1}
    mapping["self"] = mapping
    assert encode(mapping) != encode({"a": 1, "self": {"a": 1}})


def test_cyclic_graphs_take_linear_time():
    nodes = [Ring(i) for i in range(2000)]
    for i, node in enumerate(nodes):
        node.next = [nodes[(i * 7) % 2000], nodes[i - 1], nodes[(i + 1) % 2000]]
    start = time.perf_counter()
    encode(nodes)
    assert time.perf_counter() - start < 10


def test_deep_and_shared_values_end():
    deep = ()
    for _ in range(100_000):
        deep = (deep,)
    assert encode(deep) != encode((deep,))
    shared = []
    for _ in range(80):
        shared = [shared, shared]
    assert encode(shared) == encode(shared)
    text = "x" * 1_000_000
    start = time.perf_counter()
    encode([text] * 10_000)
    assert time.perf_counter() - start < 10


def test_deep_values_are_safe_under_a_raised_recursion_limit():
    program = (
        "import sys; sys.path[:0] = %r; sys.setrecursionlimit(10**7)\n"
        "from devstash.encode import encode\n"
        "d = []\n"
        "for _ in range(200_000): d = [d]\n"
        "print(len(encode(d)), sys.getrecursionlimit())\n"
        "while d: d = d.pop()\n"  # taking it apart recursively is the interpreter's own problem
    ) % [os.path.dirname(os.path.dirname(encoding.__file__))]
    run = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True)
    assert run.stdout == "32 10000000\n", run


class Holder:
    def __init__(self, **attributes):
        vars(self).update(attributes)


def refused(value, path="value"):
    with pytest.raises(Unkeyable) as caught:
        encode(value, path)
    return caught.value


def test_what_cannot_be_keyed_is_named_with_its_path(tmp_path):
    with open(tmp_path / "file", "wb") as file:
        error = refused([0, 1, 2, Holder(attachment=file)], "messages")
        assert (error.path, error.what) == ("messages[3].attachment", "_io.BufferedWriter")
        assert refused({"a": [file]}).path == "value['a'][0]"
        loop = Holder(file=file)
        loop.loop = loop
        assert refused(loop).path == "value.file"
        assert refused(Slots(1, [file])).path == "value.q[0]"
    with open(tmp_path / "file") as file:
        assert refused(file).what == "_io.TextIOWrapper"


@pytest.mark.parametrize(
    "make",
    [
        lambda: (i for i in ()),
        lambda: iter([1]),
        lambda: iter({1: 2}),
        lambda: map(str, [1]),
        lambda: zip([1]),
        lambda: enumerate([1]),
        lambda: itertools.count(),
        lambda: itertools.chain([1]),
        lambda: reversed([1]),
        lambda: sys._getframe(),
        lambda: object(),
    ],
)
def test_what_is_used_up_cannot_be_keyed(make):
    refused(make())


def test_coroutines_cannot_be_keyed():
    async def work():
        pass

    coroutine = work()
    refused(coroutine)
    coroutine.close()


def test_plumbing_is_skipped():
    def made(value):
        return Holder(
            lock=threading.Lock(),
            rlock=threading.RLock(),
            condition=threading.Condition(),
            local=threading.local(),
            logger=logging.getLogger("x"),
            value=value,
        )

    assert encode(made(1)) == encode(made(1)) != encode(made(2))
    with socket.socket() as one, socket.socket() as other:
        assert encode(Holder(socket=one)) == encode(Holder(socket=other))
        refused(one)


def test_what_events_weak_references_and_threads_hold_counts():
    event, local, model = threading.Event(), threading.local(), Holder(n=1)
    before = [encode(Holder(x=x)) for x in (event, local, weakref.ref(model))]
    event.set()
    local.user = "ann"
    model.n = 2
    after = [encode(Holder(x=x)) for x in (event, local, weakref.ref(model))]
    assert not set(before) & set(after)
    # What an object of somebody else's class keeps its books with does not.
    theirs = collections.UserDict(event=event, local=local, reference=weakref.ref(model))
    before = encode(theirs)
    event.clear()
    local.user = "bob"
    model.n = 3
    assert encode(theirs) == before


def test_standard_streams_are_themselves(capsys):
    assert encode(sys.stdout) == encode(sys.stdout) != encode(sys.stderr)


def test_a_failing_object_is_refused_with_its_reason():
    class Failing:
        def __reduce__(self):
            raise ValueError("no way")

    error = refused([Failing()])
    assert error.path == "value[0]"
    assert "no way" in error.why


def test_a_type_can_speak_for_itself():
    class Speaking:
        def __init__(self, name, file):
            self.name = name
            self.file = file

        def __devstash_key__(self):
            return self.name

    assert encode(Speaking("a", open)) == encode(Speaking("a", 1)) != encode(Speaking("b", 1))


def test_a_type_can_be_spoken_for(monkeypatch):
    from devstash import describe

    monkeypatch.setattr(describe, "_registered", {})

    class Foreign:
        def __init__(self, name):
            self.name = name
            self.used = 0

    class Derived(Foreign):
        pass

    first, second = Foreign("a"), Foreign("a")
    second.used = 5
    assert encode(first) != encode(second)
    register_key(Foreign, lambda foreign: foreign.name)
    assert encode(first) == encode(second) != encode(Derived("a"))
    with pytest.raises(TypeError):
        register_key("Foreign", len)
    describe.describers.clear()


def test_closures_and_defaults_count():
    def make(n, d):
        def inner(x, y=d):
            return x + n

        return inner

    assert encode(make(1, 2)) == encode(make(1, 2))
    assert len({encode(make(1, 2)), encode(make(2, 2)), encode(make(1, 3))}) == 3


def test_many_encodings_do_not_fill_the_memory():
    from devstash import describe, facts

    for _ in range(describe.LIMIT + 10):
        encode(type("Made", (), {})())
    assert len(describe.describers) <= describe.LIMIT
    assert len(facts._known) <= facts._LIMIT


@pytest.mark.parametrize("place", [0, 200_000, 900_000, 1_099_999])
def test_every_part_of_a_long_stream_counts(place):
    """What lies beyond 4 MiB is hashed by another algorithm."""
    values = ["item number %d" % number for number in range(1_100_000)]
    before = encode(values)
    assert encode(list(values)) == before
    values[place] = "item number x"
    assert encode(values) != before
