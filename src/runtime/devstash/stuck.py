"""Whether the thread that computes waits, in its turn, for the thread that waits for it.

A marked call may hand work to other threads, and one of these may ask for the very call that is under way: in a plain
run that is a call like any other, so it must not wait here. What the threads wait for is read from their frames: a
future, a thread to join, a job of a `ThreadPool`. Where it is something else, a lock say, nobody can tell whose it is
to let go; there the system is asked whether the thread sleeps until another one wakes it, and if that has been so for
some seconds, waiting ends. Loaded only when a wait has become long.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

# How often in a row, a second apart, a thread has to be found asleep in one place.
_LOOKS = 5
_WAITS = "/threading.py", "/queue.py", "/concurrent/futures/", "/multiprocessing/pool.py"


class Stuck:
    """Looks at the thread that computes, about once a second."""

    def __init__(self) -> None:
        self._us = _work(sys._getframe(1))
        self._place: tuple[int, int] = (0, 0)
        self._seen = 0

    def waits_for_us(self, thread: int) -> bool:
        """Whether `thread` cannot go on before the calling thread does."""
        frame = sys._current_frames().get(thread)
        if frame is None:
            return False
        named = False
        inner: FrameType | None = frame
        while inner is not None and any(part in inner.f_code.co_filename for part in _WAITS):
            for value in _awaited(inner):
                named = True
                if any(one is value or one == value for one in self._us):
                    return True
            inner = inner.f_back
        if named:
            return False  # it waits for somebody else's work
        place = (id(frame), frame.f_lasti)
        self._seen = self._seen + 1 if place == self._place and _sleeps(thread) else 0
        self._place = place
        return self._seen >= _LOOKS


def _work(frame: FrameType | None) -> list[Any]:
    """What somebody could wait for who waits for the calling thread."""
    found: list[Any] = []
    threading = sys.modules.get("threading")
    if threading is not None:
        found.append(getattr(threading, "_active", {}).get(get_ident()))
    while frame is not None:
        file = frame.f_code.co_filename
        if file.endswith("/concurrent/futures/thread.py"):
            item = frame.f_locals.get("work_item", frame.f_locals.get("self"))
            found.append(getattr(item, "future", None))
        elif file.endswith("/multiprocessing/pool.py") and frame.f_code.co_name == "worker":
            found.append(("job", frame.f_locals.get("job")))
        frame = frame.f_back
    return [one for one in found if one is not None]


def _awaited(frame: FrameType) -> list[Any]:
    """The futures, threads and jobs that a frame of the standard library waits for."""
    file = frame.f_code.co_filename
    if "/concurrent/futures/" in file:
        held: list[Any] = []
        for value in frame.f_locals.values():
            held += value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        return [value for value in held if hasattr(value, "add_done_callback")]
    this = frame.f_locals.get("self")
    if file.endswith("/multiprocessing/pool.py"):
        job = getattr(this, "_job", None)
        return [] if job is None else [("job", job)]
    if file.endswith("/threading.py") and frame.f_code.co_name == "join":
        return [this]
    return []


def _sleeps(thread: int) -> bool:
    """Whether the thread is asleep until another one of this process wakes it, as far as the system tells."""
    threading = sys.modules.get("threading")
    native = getattr(getattr(threading, "_active", {}).get(thread), "native_id", None)
    if native is None:
        return False
    try:
        fd = os.open(f"/proc/self/task/{native}/wchan", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 64).startswith(b"futex")
    finally:
        os.close(fd)
