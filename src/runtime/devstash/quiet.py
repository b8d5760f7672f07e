"""What devstash does for its own ends, while a marked call runs or not: the record of a call takes no notice of it."""

from __future__ import annotations

from _thread import get_ident

#: The threads that are at it just now, by their idents.
threads: set[int] = set()


def is_quiet() -> bool:
    """Whether this thread is."""
    return get_ident() in threads


class Quiet:
    """While this is entered, what this thread does is devstash's own affair."""

    __slots__ = ("_thread",)

    def __enter__(self) -> None:
        me = get_ident()
        self._thread = 0 if me in threads else me
        threads.add(me)

    def __exit__(self, *_: object) -> None:
        if self._thread:
            threads.discard(self._thread)
