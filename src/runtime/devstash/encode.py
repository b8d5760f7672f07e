"""Any value into a digest that says what the value is, and nothing else.

Equal values of equal types have equal digests, in every process: object identity, interning, hash seed, set
order and memory layout do not count. `1`, `True` and `1.0` differ. What cannot be encoded raises
`Unkeyable` with the path to the offender; nothing is ever replaced by a constant that could stand for two
different values.

Atoms are written down here, cyclic, very deep and exponentially shared values by graph.py, which knows no recursion,
and all others by picklers.py. Which way is taken depends on the value alone.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b
from marshal import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType, ModuleType
    from typing import Any, Callable

DIGEST = 16  # bytes

ATOMS = frozenset((str, int, float, bool, type(None), bytes))
# Objects within objects; the C pickler's own recursion is several frames for each.
_DEEP = 60
# The C pickler recurses on the C stack. Since 3.12 that has a bound of its own; before, a script may have
# raised the only one there is far beyond what the stack can take.
_BOUNDED = sys.version_info >= (3, 12)
_SAFE = 10000
# What the small values of a program may consist of altogether until importing the pickle module has paid for itself.
_WORTH_IT = 4000
# Buffers and lists that are digested on their own within a value: how far they may be nested.
_NESTED = 6


#: The class `picklers.Tag`, as pickle names it: it stands before what an object was described as.
TAG = ("devstash.picklers", "Tag")

#: How the values of a type are described; filled by describe.py, which is loaded with the first one.
describers: dict[type, Callable[[Encoder, Any], tuple[str, Any]]] = {}

_left = _WORTH_IT


class Unkeyable(Exception):
    """A value that cannot be part of a key."""

    def __init__(self, path: str, what: str, why: str = "") -> None:
        super().__init__(path, what, why)
        #: Where it is, e.g. `messages[3].attachment`.
        self.path = path
        #: Its type, e.g. `_io.BufferedReader`.
        self.what = what
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f" ({self.why})" if self.why else "")


class Restart(Exception):
    """The value is cyclic, too deep or out of proportion: only graph.py can encode it."""


def encode(value: object, path: str = "value") -> str:
    """The digest of `value` in hex. Raises `Unkeyable`; `path` is how its paths begin."""
    return Encoder().digest(value, path)


def register_key(type: type, function: Callable[[Any], Any]) -> None:
    """Key values of `type` and its subclasses on what `function(value)` returns."""
    from .describe import register

    register(type, function)


def atom(value: Any) -> bytes:
    """The encoding of an atom: no pickle begins like it, and none has to be made, for which scripts that pickle nothing
    would have to import a good deal.
    """
    kind = type(value)
    if kind is str:
        return b"s" + value.encode("utf-8", "surrogatepass")  # type: ignore[no-any-return]
    return b"b" + value if kind is bytes else dumps(value, 2)


class Encoder:
    """Encodes the values of one call, and remembers what code they hold."""

    __slots__ = ("_nested", "_type_names", "active", "keeper", "met", "taken")

    def __init__(self) -> None:
        #: Functions, classes and modules met in the values, by id, in the order of meeting.
        self.met: dict[int, Any] = {}
        #: Objects that are being encoded right now, by id: meeting one again is a cycle.
        self.active: dict[int, Any] = {}
        #: What holds the values that are encoded, when it is no object of the project.
        self.keeper: object = None
        #: Which class was the first of its name; a second one of the same name is told apart by a number.
        self.taken: dict[str, list[type]] = {}
        self._type_names: dict[type, str] = {}
        self._nested = 0

    def digest(self, value: object, path: str = "value") -> str:
        """The digest of `value` in hex."""
        if type(value) in ATOMS:
            return blake2b(atom(value), digest_size=DIGEST).hexdigest()
        self._nested += 1
        try:
            if self._nested > _NESTED:
                raise Unkeyable(path, type_name(type(value)), "it is nested too deeply")
            return self._digest(value, path)
        finally:
            self._nested -= 1

    def _digest(self, value: object, path: str) -> str:
        active = self.active
        depth = len(active)
        try:
            return self._streamed(value)
        except Unkeyable as error:
            if depth:  # within another value, whose own search finds the path
                raise
            refused = (error.what, error.why)  # not the error itself: its traceback holds the value
        except (Restart, RecursionError, ValueError, MemoryError, OverflowError):
            # ValueError: the C pickler's own word for a cycle of lists and dicts.
            refused = None
        while len(active) > depth:  # what the failure left open
            active.popitem()
        self.active = {}
        try:
            from .graph import digest

            found = digest(self, value, path)
        finally:
            self.active = active
        if refused is not None:
            raise Unkeyable(path, *refused)
        return found

    def _streamed(self, value: object) -> str:
        global _left
        if _left > 0 and "_pickle" not in sys.modules:
            from . import small

            depth = len(self.active)
            try:
                data, parts = small.encoding(self, value)
                _left -= parts
                return blake2b(data, digest_size=DIGEST).hexdigest()
            except (small.Unknown, RecursionError):
                while len(self.active) > depth:
                    self.active.popitem()
        from .picklers import digest

        if _BOUNDED or sys.getrecursionlimit() <= _SAFE:
            return digest(self, value)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_SAFE)  # where the script is deeper than that already, this is a RecursionError
        try:
            return digest(self, value)
        finally:
            sys.setrecursionlimit(limit)

    def bytes_of(self, value: object) -> bytes:
        """The encoding itself, for the elements of a set, which are sorted by it."""
        from .picklers import bytes_of

        return bytes_of(self, value)

    def meet(self, code: FunctionType | type | ModuleType | object) -> None:
        """Note that a value holds this function, class or module: the call may reach its code."""
        self.met[id(code)] = code

    def type_name(self, kind: type) -> str:
        """The name that stands for a class in the encoding. The class is met."""
        name = self._type_names.get(kind)
        if name is None:
            self.meet(kind)
            name = type_name(kind)
            others = self.taken.setdefault(name, [])
            if others:
                name = f"{name}#{len(others) + 1}"
            others.append(kind)
            self._type_names[kind] = name
        return name

    def described(self, obj: object) -> tuple[str, Any]:
        """What kind of object it is, and plain data for what it holds. Raises `Unkeyable`."""
        describe = describers.get(type(obj))
        if describe is None:
            from .describe import find

            describe = find(obj)
        try:
            return describe(self, obj)
        except (Unkeyable, RecursionError):
            raise
        except Exception as error:
            text = str(error) or type(error).__name__
            raise Unkeyable("", type_name(type(obj)), text if len(text) <= 100 else text[:99] + "…") from error

    def within(self, obj: object, kind: str, state: object) -> Iterator[object]:
        """The two parts of a described object, noting for as long as they are written that `obj` is being
        encoded.

        It is given to the pickler as the items of a list, which it asks for one after the other: so the end
        of this function is the end of the object.
        """
        active = self.active
        place = id(obj)
        if place in active or len(active) > _DEEP:
            raise Restart
        active[place] = obj
        yield kind
        yield state
        del active[place]

    def owner(self) -> object:
        """The nearest object that holds what is being described, None outside of all objects."""
        return next(reversed(self.active.values())) if self.active else self.keeper


def type_name(kind: type) -> str:
    """`module.Name` of a class."""
    module = getattr(kind, "__module__", None)
    return f"{module if type(module) is str else '?'}.{kind.__qualname__}"
