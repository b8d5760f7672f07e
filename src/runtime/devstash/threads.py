"""To which calls the threads belong that no context leads back to a call.

A thread that was started while a call was recorded is that call's. A pool's thread works for whoever has handed
it the task: `concurrent.futures` is made to remember that, and for other pools every active record counts.
"""

from __future__ import annotations

import sys
from _thread import get_ident, start_new_thread
from _weakref import ref

from . import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from .record import Record

_started: dict[int, tuple[Any, Record]] = {}
_POOL_WORKERS = (("concurrent.futures.thread", "_worker"), ("multiprocessing.pool", "worker"))
# Modules whose frames stand between who starts a thread and `_is_started_by_project`.
_STARTING = ("threading", f"{__package__}.threads", f"{__package__}.audit")
_real_start: list[Any] = []
_item_class: Any = None  # what stands for `concurrent.futures.thread._WorkItem`


def note_start(function: Any) -> None:
    """A thread that runs `function` is about to start."""
    holders = record.records()
    thread = getattr(function, "__self__", None)
    if not holders or thread is None:
        return
    _started[id(thread)] = (ref(thread), holders[0])
    if not _is_worker(thread):
        own = _is_own(thread) or _is_started_by_project()
        for holder in holders:
            holder.threads.append((thread, own))


def _start(function: Any, *rest: Any) -> Any:
    try:
        note_start(function)
    except Exception as error:
        for holder in list(record.live.values()):
            holder.refuse(f"a thread that it starts cannot be followed: {error}")
    return (_real_start[0] if _real_start else start_new_thread)(function, *rest)


def records_of_thread() -> tuple[Record, ...]:
    """The active records for which this thread works."""
    threading = sys.modules.get("threading")
    threads = getattr(threading, "_active", None)  # the module may be in the midst of its import
    thread = None if threads is None else threads.get(get_ident())
    if thread is None or thread is getattr(threading, "_main_thread", None):
        return ()
    known = _started.get(id(thread))
    if known is not None and known[0]() is thread:
        holder: Record | None = known[1]
        while holder is not None:
            if holder.active:
                return holder.chain
            holder = holder.outer
    elif _is_worker(thread) and not (_item_class is not None and _module_of(thread) == _POOL_WORKERS[0][0]):
        return tuple(record.live.values())
    return ()


def _is_worker(thread: Any) -> bool:
    target = getattr(thread, "_target", None)
    return (getattr(target, "__module__", None), getattr(target, "__name__", None)) in _POOL_WORKERS


def _module_of(thread: Any) -> str:
    return str(getattr(getattr(thread, "_target", None), "__module__", ""))


def _is_started_by_project() -> bool:
    """Whether it is code of the project that starts a thread now, and not a package for its own ends."""
    from . import origin

    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") in _STARTING:
        frame = frame.f_back
    return frame is not None and origin.of_namespace(frame.f_globals) == origin.PROJECT


def _is_own(thread: Any) -> bool:
    """Whether a thread runs code of the project."""
    from . import origin

    target: Any = getattr(thread, "_target", None)
    while hasattr(target, "func"):  # functools.partial
        target = target.func
    if target is not None:
        return origin.of_module_name(getattr(target, "__module__", None)) == origin.PROJECT
    return origin.of_class(type(thread)) == origin.PROJECT


def frames_of_others() -> list[FrameType]:
    """The frames that the other threads are in.

    The own one is not among them: a frame that knows itself is left to the collector, with all that it was given.
    """
    frames = sys._current_frames()
    frames.pop(get_ident(), None)
    return list(frames.values())


def put() -> None:
    """Let tasks of a thread pool remember for which call they are."""
    global _item_class
    if sys.version_info < (3, 12):  # no audit event tells of a thread's start there
        import threading

        start = threading._start_new_thread  # type: ignore[attr-defined]
        if start is not _start:
            _real_start.append(start)
            threading._start_new_thread = _start  # type: ignore[attr-defined]
    module = sys.modules.get("concurrent.futures.thread")
    plain = getattr(module, "_WorkItem", None)
    if module is None or plain is None or plain is _item_class:
        return

    class WorkItem(plain):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.devstash_record = record.current()

        def run(self, *args: Any) -> None:
            # A record that is not active stands for none: without it the thread itself would be asked.
            record.set_innermost(self.devstash_record or _nobody())
            try:
                super().run(*args)
            finally:
                record.set_innermost(None)

    WorkItem.__name__ = WorkItem.__qualname__ = plain.__name__
    WorkItem.__module__ = plain.__module__
    WorkItem.plain = plain
    _item_class = WorkItem
    module._WorkItem = WorkItem  # type: ignore[attr-defined]


def take() -> None:
    """Undo `put`."""
    global _item_class
    _started.clear()
    if _real_start:
        sys.modules["threading"]._start_new_thread = _real_start.pop()  # type: ignore[attr-defined]
    module = sys.modules.get("concurrent.futures.thread")
    if _item_class is not None and getattr(module, "_WorkItem", None) is _item_class:
        module._WorkItem = _item_class.plain  # type: ignore[union-attr]
    _item_class = None


_no_record: Record | None = None


def _nobody() -> Record:
    global _no_record
    if _no_record is None:
        _no_record = record.Record("")
    return _no_record
