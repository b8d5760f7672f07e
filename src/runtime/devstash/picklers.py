"""Values into encodings by way of the C pickler.

1. With `fast` set, which keeps no memo and so knows nothing of identity, it writes straight into the hasher. What is no
   plain builtin is turned into plain data by describe.py from `reducer_override`.
2. It writes exact sets in hash order without asking anybody. If its output may hold a set, it is done again with a
   `persistent_id` that writes sets sorted: three times slower for plain data, hence not the first choice.
"""

from __future__ import annotations

import gc
import sys
from _blake2 import blake2b
from _pickle import PickleBuffer, Pickler
from types import FunctionType, ModuleType

from .encode import ATOMS, DIGEST, Encoder, Restart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SMALL = 1 << 16
# From here on it is asked whether the stream is out of proportion to the value.
_LARGE = 1 << 22
_PROPORTION = 16
# What is written in one piece of at least so many bytes counts by a digest that all processors make.
_HUGE = 8 << 20
# Opcodes are written in frames of 64 KiB and a little more; what is much larger is the content of one object.
_CONTENT = 1 << 18


class Tag:
    """What stands in the stream before everything that is no plain builtin; plain data cannot hold it."""


def digest(encoder: Encoder, value: object) -> str:
    """The digest of `value` in hex. Raises `Restart` and what the pickler raises for what only graph.py can encode."""
    sink = _Sink(value)
    _Plain(encoder, sink).dump(value)
    if sink.may_hold_sets and (sink.size <= _SMALL or _holds_sets(encoder, value)):
        sink = _Sink(value)
        _Sorting(encoder, sink).dump(value)
    return sink.digest()


def bytes_of(encoder: Encoder, value: object) -> bytes:
    """The encoding itself."""
    kept = _Kept()
    _Sorting(encoder, kept).dump(value)
    return b"".join(kept.chunks)


def _holds_sets(encoder: Encoder, value: object) -> bool:
    # Numbers have all kinds of bytes, and are often many of a kind.
    parts: Any = value
    kind = type(value)
    if kind is dict and ATOMS.issuperset(map(type, parts)):
        parts, kind = parts.values(), tuple
    if (kind is list or kind is tuple) and ATOMS.issuperset(map(type, parts)):
        return False
    try:
        _Asking(encoder, _Nowhere()).dump(value)
    except (_SetMet, OverflowError):
        return True
    return False


class _Sink:
    """Where a stream goes: into the hasher, with a look at what passes."""

    __slots__ = ("_hasher", "_late", "_limit", "_value", "may_hold_sets", "size")

    def __init__(self, value: object) -> None:
        self._hasher = blake2b(digest_size=DIGEST)
        self._late: Any = None
        self.may_hold_sets = False
        self.size = 0
        self._value = value
        self._limit = _LARGE

    def write(self, data: Any) -> int:
        if type(data) is PickleBuffer:
            data = data.raw()
        size = len(data)
        if size >= _HUGE:
            from .hashing import digest_of

            self._hasher.update(b"%d" % size + digest_of(memoryview(data)))
        elif self.size < _LARGE:
            self._hasher.update(data)
        else:  # the faster algorithm takes a while to import
            if self._late is None:
                from .hashing import new

                self._late = new()
            self._late.update(data)
        self.size += size
        # The opcodes EMPTY_SET and FROZENSET. Other data holds these bytes too, which only costs time.
        if not self.may_hold_sets and size < _CONTENT and (b"\x8f" in data or b"\x91" in data):
            self.may_hold_sets = True
        if self.size > self._limit:
            if not _fills(self._value, self.size // _PROPORTION):
                raise Restart
            self._limit = self.size * 4
        return size

    def digest(self) -> str:
        """The digest of all that was written, in hex."""
        if self._late is not None:
            self._hasher.update(self._late.digest())
        return self._hasher.hexdigest()


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
        kind, state = encoder.described(obj)
        if type(state) in ATOMS:
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
