"""Types whose instances test_properties.py makes; in a module of their own so that another process can unpickle them."""

import collections
import enum
from dataclasses import dataclass

Point = collections.namedtuple("Point", "x y")
Pair = collections.namedtuple("Pair", "x y")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Rank(enum.IntEnum):
    RED = 1
    BLUE = 2


@dataclass
class Record:
    a: object
    b: object = None


@dataclass(frozen=True)
class Frozen:
    a: object


class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)


class Slim:
    __slots__ = ("a", "b")

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)


class Text(str):
    pass


class Rows(list):
    pass


class Table(dict):
    pass
