import copy
import enum
import pickle
from collections import namedtuple
from dataclasses import asdict, dataclass, field, fields


def double(n):
    return 2 * n


class Plain:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return type(self) is type(other) and self.n == other.n


@dataclass
class Data:
    n: int
    names: list = field(default_factory=list)


@dataclass(frozen=True, order=True)
class Frozen:
    n: int = 1


Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


class Nested:
    class Inner:
        pass


def make(kind, *args):
    return kind(*args)


plain = make(Plain, 3)  # @devstash
data = make(Data, 4)  # @devstash
frozen = make(Frozen, 5)  # @devstash
point = make(Point, 1, 2)  # @devstash
colour = make(Colour, 1)  # @devstash
slots = make(Slots, 6)  # @devstash
inner = make(Nested.Inner)  # @devstash
picked = pickle.dumps((plain, data, frozen, point, colour, double))
back = pickle.loads(picked)
print(back[0] == plain, back[1:5], back[5] is double, type(back[0]) is Plain, back[4] is Colour.RED, colour is Colour.RED)
print(type(plain) is Plain, isinstance(data, Data), frozen < Frozen(6), slots.a, type(inner), inner.__class__ is Nested.Inner)
print(asdict(data), [f.name for f in fields(Data)], copy.deepcopy(data), Plain.__module__, pickle.whichmodule(double, "double"))
