"""Small values into encodings without the pickle module, which is large to import for a script that has no use for it.

What is written is, byte for byte, what the pickler of picklers.py writes (protocol 5, no memo), so that the digest of a
value is the same whichever way was taken: plain values and what describe.py makes of objects, as long as the whole is
small. For anything else there is `Unknown`, and the pickler.
"""

from __future__ import annotations

from marshal import dumps

from .encode import ATOMS, TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .encode import Encoder

# Up to so many parts and bytes, and so many of them within each other. In one frame of the pickle's is 64 KiB.
_PARTS = 500
_SIZE = 32 << 10
_DEPTH = 30

# The opcodes of pickle, by the names that pickletools has for them.
_SHORT_BINUNICODE = b"\x8c"
_BINUNICODE = b"X"
_SHORT_BINBYTES = b"C"
_BINBYTES = b"B"
_BININT1 = b"K"
_BININT2 = b"M"
_BININT = b"J"
_LONG1 = b"\x8a"
_BINFLOAT = b"G"
_CONSTANTS = {None: b"N", True: b"\x88", False: b"\x89"}
_EMPTY_TUPLE = b")"
_TUPLES = (b"", b"\x85", b"\x86", b"\x87")
_EMPTY_LIST = b"]"
_EMPTY_DICT = b"}"
_MARK = b"("
_TUPLE = b"t"
_APPEND = b"a"
_APPENDS = b"e"
_SETITEM = b"s"
_SETITEMS = b"u"
_STACK_GLOBAL = b"\x93"
_REDUCE = b"R"


class Unknown(Exception):
    """The value is not one that is written here."""


def encoding(encoder: Encoder, value: object) -> tuple[bytes, int]:
    """The encoding of `value`, and how many parts it has. Raises `Unknown`, and what describing its parts raises."""
    written = _Written(encoder)
    written.put(value, 0)
    body = b"".join(written.chunks) + b"."
    if len(body) > _SIZE:
        raise Unknown
    frame = b"\x95" + len(body).to_bytes(8, "little") if len(body) >= 4 else b""
    return b"\x80\x05" + frame + body, _PARTS - written.left


class _Written:
    """What has been written so far."""

    __slots__ = ("_encoder", "chunks", "left")

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.left = _PARTS
        self.chunks: list[bytes] = []

    def put(self, value: Any, depth: int) -> None:
        """Write `value`, which lies within so many others."""
        self.left -= 1
        if self.left < 0 or depth > _DEPTH:
            raise Unknown
        kind = type(value)
        if kind in ATOMS:
            self.chunks.append(_atom(value, kind))
        elif kind is tuple:
            self._tuple(value, depth)
        elif kind is list:
            self.chunks.append(_EMPTY_LIST)
            self._items(value, depth)
        elif kind is dict:
            self._dict(value, depth)
        elif kind is set or kind is frozenset or kind is bytearray or kind.__name__ == "PickleBuffer":
            raise Unknown
        else:
            self._described(value, depth)

    def _tuple(self, value: tuple[Any, ...], depth: int) -> None:
        if not value:
            self.chunks.append(_EMPTY_TUPLE)
            return
        if len(value) > 3:
            self.chunks.append(_MARK)
        for part in value:
            self.put(part, depth + 1)
        self.chunks.append(_TUPLE if len(value) > 3 else _TUPLES[len(value)])

    def _items(self, parts: list[Any], depth: int) -> None:
        """The parts of a list that was just begun."""
        if len(parts) > 1:
            self.chunks.append(_MARK)
        for part in parts:
            self.put(part, depth + 1)
        if parts:
            self.chunks.append(_APPENDS if len(parts) > 1 else _APPEND)

    def _dict(self, value: dict[Any, Any], depth: int) -> None:
        self.chunks.append(_EMPTY_DICT)
        if len(value) > 1:
            self.chunks.append(_MARK)
        for name, part in value.items():
            self.put(name, depth + 1)
            self.put(part, depth + 1)
        if value:
            self.chunks.append(_SETITEMS if len(value) > 1 else _SETITEM)

    def _described(self, value: Any, depth: int) -> None:
        """What describe.py says of an object, behind the tag: an argument of it if it is an atom, else its items."""
        encoder = self._encoder
        name, state = encoder.described(value)
        self.chunks.append(_TAGGED)
        if type(state) in ATOMS:
            self._tuple((name, state), depth)
            self.chunks.append(_REDUCE)
            return
        self.chunks.append(_EMPTY_TUPLE + _REDUCE + _MARK)
        for part in encoder.within(value, name, state):
            self.put(part, depth + 1)
        self.chunks.append(_APPENDS)


def _atom(value: Any, kind: type) -> bytes:
    if kind is str:
        data: bytes = value.encode("utf-8", "surrogatepass")
        return (_SHORT_BINUNICODE + _size(data, 1) if len(data) < 256 else _BINUNICODE + _size(data, 4)) + data
    if kind is int:
        return _int(value)
    if kind is float:
        return _BINFLOAT + dumps(value, 2)[:0:-1]  # marshal has the same eight bytes, the other way round
    if kind is bytes:
        data = value
        return (_SHORT_BINBYTES + _size(data, 1) if len(data) < 256 else _BINBYTES + _size(data, 4)) + data
    return _CONSTANTS[value]


def _size(data: bytes, width: int) -> bytes:
    if len(data) > _SIZE:
        raise Unknown
    return len(data).to_bytes(width, "little")


def _int(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return _BININT1 + value.to_bytes(1, "little")
    if 0 <= value < 1 << 16:
        return _BININT2 + value.to_bytes(2, "little")
    if -1 << 31 <= value < 1 << 31:
        return _BININT + value.to_bytes(4, "little", signed=True)
    size = (value.bit_length() >> 3) + 1
    if size > 255:
        raise Unknown
    data = value.to_bytes(size, "little", signed=True)
    if value < 0 and size > 1 and data[-1] == 0xFF and data[-2] & 0x80:
        data = data[:-1]
    return _LONG1 + len(data).to_bytes(1, "little") + data


_TAGGED = _atom(TAG[0], str) + _atom(TAG[1], str) + _STACK_GLOBAL
