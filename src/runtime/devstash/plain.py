"""Pickles of plain values, read without the pickle module.

`_pickle` imports functools, collections and more, which is most of what a hit in a small script would cost. This reads
the opcodes that pickle's protocol 5 has for None, booleans, numbers, texts, bytes, lists, tuples, dicts and sets
(https://peps.python.org/pep-3154/ and Lib/pickletools.py describe them), and gives up on any other: nothing is looked
up and nothing is called.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Unknown(Exception):
    """The pickle holds something that is not read here."""


_MARK = object()
_ATOMS = {0x4E: None, 0x88: True, 0x89: False}
# Opcodes of texts and bytes, and of how many bytes their length is.
_TEXTS = {0x8C: 1, 0x58: 4}
_BYTES = {0x43: 1, 0x42: 4}
_NUMBERS = {0x4B: 1, 0x4D: 2}


def loads(data: bytes) -> Any:
    """The value of a pickle. Raises `Unknown`; what is no pickle at all, too."""
    try:
        return _value(data)
    except (IndexError, TypeError, ValueError) as error:
        raise Unknown from error


def _value(data: bytes) -> Any:
    stack: list[Any] = []
    memo: list[Any] = []
    push = stack.append
    place = 0
    while True:
        op = data[place]
        place += 1
        if op == 0x2E:  # STOP
            (value,) = stack
            return value
        if op in _ATOMS:
            push(_ATOMS[op])
        elif op in _TEXTS or op in _BYTES:
            start = place + (_TEXTS.get(op) or _BYTES[op])
            place = start + int.from_bytes(data[place:start], "little")
            part = data[start:place]
            push(part.decode("utf-8", "surrogatepass") if op in _TEXTS else part)
        elif op in _NUMBERS:
            # Up to Python 3.9 only arithmetic gives the one object that there is for each small number.
            push(int.from_bytes(data[place : place + _NUMBERS[op]], "little") + 0)
            place += _NUMBERS[op]
        elif op == 0x4A:  # BININT
            push(int.from_bytes(data[place : place + 4], "little", signed=True) + 0)
            place += 4
        elif op == 0x8A:  # LONG1
            start = place + 1
            place = start + data[place]
            push(int.from_bytes(data[start:place], "little", signed=True) + 0)
        elif op == 0x47:  # BINFLOAT, big-endian
            push(memoryview(data[place : place + 8][::_STEP]).cast("d")[0])
            place += 8
        elif op == 0x94:  # MEMOIZE
            memo.append(stack[-1])
        elif op == 0x68:  # BINGET
            push(memo[data[place]])
            place += 1
        elif op == 0x28:
            push(_MARK)
        elif op in _EMPTY:
            push(_EMPTY[op]())
        elif op in _TUPLES:
            size = _TUPLES[op]
            stack[-size:] = [tuple(stack[-size:])]
        elif op in _FILLERS:
            parts = _above_mark(stack)
            _FILLERS[op](stack[-1], parts)
        elif op in _MAKERS:
            parts = _above_mark(stack)
            push(_MAKERS[op](parts))
        elif op == 0x61:  # APPEND
            part = stack.pop()
            stack[-1].append(part)
        elif op == 0x73:  # SETITEM
            part = stack.pop()
            key = stack.pop()
            stack[-1][key] = part
        elif op == 0x80:  # PROTO
            place += 1
        elif op == 0x95:  # FRAME
            place += 8
        else:
            raise Unknown


def _above_mark(stack: list[Any]) -> list[Any]:
    parts = []
    while (part := stack.pop()) is not _MARK:
        parts.append(part)
    parts.reverse()
    return parts


def _pairs(target: dict[Any, Any], parts: list[Any]) -> None:
    target.update(zip(parts[::2], parts[1::2]))


_EMPTY = {0x5D: list, 0x7D: dict, 0x29: tuple, 0x8F: set}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_FILLERS: dict[int, Any] = {0x65: list.extend, 0x75: _pairs, 0x90: set.update}
_MAKERS: dict[int, Any] = {0x74: tuple, 0x91: frozenset}
_STEP = -1 if memoryview(b"\1\0").cast("H")[0] == 1 else 1
