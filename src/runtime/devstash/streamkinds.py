"""Whether what a call returns is a stream, which has no value yet: streams.py and clientstreams.py record those."""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Iterators of C that are given out as their own type.
_ITERATORS = {
    "builtins": frozenset(("map", "filter", "zip", "enumerate")),
    "itertools": frozenset(
        ("accumulate", "chain", "compress", "dropwhile", "filterfalse", "islice", "starmap", "takewhile")
    ),
}
_STREAM_CLASSES = ("Stream", "AsyncStream")
_ITERABLE_COROUTINE = 0x100
_MODULE = type.__dict__["__module__"]
_NAME = type.__dict__["__name__"]


def kind(result: object) -> str | None:
    """What kind of stream `result` is, or None when it is an ordinary value."""
    of: Any = type(result)
    if of is GeneratorType:
        coroutine = result.gi_code.co_flags & _ITERABLE_COROUTINE  # type: ignore[attr-defined]
        return None if coroutine else "generator"
    if of is AsyncGeneratorType:
        return "async generator"
    module = _MODULE.__get__(of)
    if module in _ITERATORS:
        return "iterator" if _NAME.__get__(of) in _ITERATORS[module] else None
    if type(module) is str and module.startswith(("httpx", "contextlib")) or _NAME.__get__(of) in _STREAM_CLASSES:
        from . import clientstreams

        return clientstreams.kind(result)
    return None
