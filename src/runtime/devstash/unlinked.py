"""Unpickling beside live objects: the reading half of linked.py."""

from __future__ import annotations

from _io import BytesIO
from _pickle import Unpickler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Unlinked(Unpickler):
    def __init__(self, stream: Any, buffers: Any, find: Any) -> None:
        super().__init__(BytesIO(stream), buffers=buffers)
        self._find = find

    def persistent_load(self, number: Any) -> Any:
        return self._find(number)


def read(stream: memoryview, buffers: list[memoryview] | None, find: Any) -> tuple[object, Any]:
    """The value, and what its call changed. `find` gives the live object of a number."""
    unpickler = _Unlinked(stream, buffers, find)
    value = unpickler.load()
    return value, unpickler.load()
