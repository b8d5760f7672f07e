"""Any value into a digest that says what the value is, and nothing else.

Equal values of equal types have equal digests, in every process: object identity, interning, hash seed, set
order and memory layout do not count. `1`, `True` and `1.0` differ. What cannot be encoded raises
`Unkeyable` with the path to the offender; nothing is ever replaced by a constant that could stand for two
different values.

There are three ways, and which one is taken depends on the value alone:

1. The C pickler with `fast` set, which keeps no memo and so knows nothing of identity, writes straight into
   the hasher. What is no plain builtin is turned into plain data by describe.py from `reducer_override`.
2. The C pickler writes exact sets in hash order without asking anybody. If its output may hold a set, it is
   done again with a `persistent_id` that writes sets sorted: three times slower for plain data, hence not
   the first choice.
3. Cyclic, very deep and exponentially shared values go to graph.py, which knows no recursion.
"""

from __future__ import annotations

import gc
import sys
from _blake2 import blake2b
from _pickle import PickleBuffer, Pickler, dumps
from types import FunctionType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

DIGEST = 16  # bytes

_ATOMS = frozenset((str, int, float, bool, type(None), bytes))
_SMALL = 1 << 16
# From here on it is asked whether the stream is out of proportion to the value.
_LARGE = 1 << 22
_PROPORTION = 16
# Objects within objects; the C pickler's own recursion is several frames for each.
_DEEP = 60
# The C pickler recurses on the C stack. Since 3.12 that has a bound of its own; before, a script may have
# raised the only one there is far beyond what the stack can take.
_BOUNDED = sys.version_info >= (3, 12)
_SAFE = 10000
# Buffers and lists that are digested on their own within a value: how far they may be nested.
_NESTED = 6


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


def refusal(obj: object, error: Exception) -> Unkeyable:
    """The word for an object that failed while it was described."""
    text = str(error) or type(error).__name__
    return Unkeyable("", type_name(type(obj)), text if len(text) <= 100 else text[:99] + "…")


class Tag:
    """What stands in the stream before everything that is no plain builtin; plain data cannot hold it."""


def encode(value: object, path: str = "value") -> str:
    """The digest of `value` in hex. Raises `Unkeyable`; `path` is how its paths begin."""
    return Encoder().digest(value, path)


def register_key(type: type, function: Callable[[Any], Any]) -> None:
    """Key values of `type` and its subclasses on what `function(value)` returns."""
    from .describe import register

    register(type, function)


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
        if type(value) in _ATOMS:
            return blake2b(dumps(value, 5), digest_size=DIGEST).hexdigest()
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
        if _BOUNDED or sys.getrecursionlimit() <= _SAFE:
            return self._stream(value)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_SAFE)  # where the script is deeper than that already, this is a RecursionError
        try:
            return self._stream(value)
        finally:
            sys.setrecursionlimit(limit)

    def _stream(self, value: object) -> str:
        sink = _Sink(value)
        _Plain(self, sink).dump(value)
        if sink.may_hold_sets and (sink.size <= _SMALL or self._holds_sets(value)):
            sink = _Sink(value)
            _Sorting(self, sink).dump(value)
        return sink.hasher.hexdigest()

    def bytes_of(self, value: object) -> bytes:
        """The encoding itself, for the elements of a set, which are sorted by it."""
        kept = _Kept()
        _Sorting(self, kept).dump(value)
        return b"".join(kept.chunks)

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

    def _holds_sets(self, value: object) -> bool:
        try:
            _Asking(self, _Nowhere()).dump(value)
        except (_SetMet, OverflowError):
            return True
        return False


def type_name(kind: type) -> str:
    """`module.Name` of a class."""
    module = getattr(kind, "__module__", None)
    return f"{module if type(module) is str else '?'}.{kind.__qualname__}"


class _Sink:
    """Where a stream goes: into the hasher, with a look at what passes."""

    __slots__ = ("_limit", "_value", "hasher", "may_hold_sets", "size")

    def __init__(self, value: object) -> None:
        self.hasher = blake2b(digest_size=DIGEST)
        self.may_hold_sets = False
        self.size = 0
        self._value = value
        self._limit = _LARGE

    def write(self, data: Any) -> int:
        if type(data) is PickleBuffer:
            data = data.raw()
        self.hasher.update(data)
        size = len(data)
        self.size += size
        # The opcodes EMPTY_SET and FROZENSET. Other data holds these bytes too, which only costs time.
        if not self.may_hold_sets and (b"\x8f" in data or b"\x91" in data):
            self.may_hold_sets = True
        if self.size > self._limit:
            if not _fills(self._value, self.size // _PROPORTION):
                raise Restart
            self._limit = self.size * 4
        return size


class _Kept:
    """Where the stream of one element of a set goes."""

    __slots__ = ("chunks", "size")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self.chunks.append(chunk)
        self.size += len(chunk)
        if self.size > _LARGE:
            raise Restart
        return len(chunk)


class _Nowhere:
    __slots__ = ()

    def write(self, data: Any) -> int:
        return 0


class _SetMet(Exception):
    pass


class _Plain(Pickler):
    """The fast way."""

    def __init__(self, encoder: Encoder, sink: Any, protocol: int = 5) -> None:
        super().__init__(sink, protocol)
        self.fast = True
        self.encoder = encoder

    def reducer_override(self, obj: Any) -> Any:
        if obj is Tag:
            return NotImplemented
        encoder = self.encoder
        describe = _describers.get(type(obj))
        if describe is None:
            describe = _describer(obj)
        try:
            kind, state = describe(encoder, obj)
        except (Unkeyable, Restart, RecursionError):
            raise
        except Exception as error:
            raise refusal(obj, error) from error
        if type(state) in _ATOMS:
            return Tag, (kind, state)
        return Tag, (), None, encoder.within(obj, kind, state)


class _Sorting(_Plain):
    """The way for values with sets: a set is written as the sorted list of its elements."""

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is not set and kind is not frozenset:
            return None
        kinds = set(map(type, obj))
        if len(kinds) == 1 and next(iter(kinds)) in (str, int, bytes):
            return kind.__name__, next(iter(kinds)).__name__, sorted(obj)
        return kind.__name__, "", sorted(map(self.encoder.bytes_of, obj))


class _Asking(_Plain):
    """Finds out whether a value holds sets: in protocol 3 they are written as calls of their type."""

    def __init__(self, encoder: Encoder, sink: Any) -> None:
        super().__init__(encoder, sink, 3)

    def reducer_override(self, obj: Any) -> Any:
        if obj is set or obj is frozenset:
            raise _SetMet
        if obj is bytearray:  # what protocol 3 makes of an exact one
            return NotImplemented
        return super().reducer_override(obj)


def _fills(value: object, wanted: int) -> bool:
    """Whether the distinct objects of `value` take up at least `wanted` bytes.

    If not, the stream is that much larger only because shared parts are written again and again, in the
    worst case exponentially often. The search ends as soon as it has seen enough.
    """
    seen: set[int] = set()
    level: list[Any] = [value]
    found = 0
    while level:
        following: list[Any] = []
        for obj in level:
            if id(obj) in seen or isinstance(obj, (type, ModuleType, FunctionType)):
                continue
            seen.add(id(obj))
            # The frames of pandas measure every string in them when asked.
            frame = type(obj).__module__.startswith("pandas.")
            found += object.__sizeof__(obj) if frame else sys.getsizeof(obj, 64)
            if found >= wanted:
                return True
            following += gc.get_referents(obj)
        level = following
    return False


def _describer(obj: object) -> Callable[[Encoder, Any], tuple[str, Any]]:
    from .describe import describer

    return describer(obj)


#: How the values of a type are described; filled by describe.py, which is loaded with the first one.
_describers: dict[type, Callable[[Encoder, Any], tuple[str, Any]]] = {}
