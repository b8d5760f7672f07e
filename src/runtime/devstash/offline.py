"""`devstash run --offline`: marked calls are served from the store, expired ones too, and never made.

A call that would have to be made ends the program with status 5. It raises `SystemExit`, so that `finally` blocks run
and an `except Exception` does not take it for a failure of the call; in a thread or task that ends, or where something
catches it all the same, the call has not been made either, and the launcher, which stays beside such a run, gives the
status.
"""

from __future__ import annotations

import sys

from .call import Call, _words
from .encode import Unkeyable
from .hook import OFFLINE
from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, ClassVar, NoReturn

    from .key import Key
    from .modes import Notes


class Missing(SystemExit, Exception):
    """What ends the program where a `multiprocessing.pool` is at work: it hands on only what is an `Exception`, and
    would wait forever for a worker that has ended. From another process it comes back as a plain `SystemExit`.
    """

    def __reduce__(self) -> Any:
        return SystemExit, self.args


class _Offline(Call):
    __slots__ = ()

    notes: ClassVar[Notes]

    # The two ways in; unlike those of `Call` they let everything through, because the call must not be made.

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        self._place = id(frame)
        self._calls.pending[self._place] = self
        try:
            return self._decided(self._decide, frame, False)
        except BaseException:
            self._calls.pending.pop(self._place, None)
            raise

    def turn(self) -> Call:
        frame = sys._getframe(1)
        self._place = id(frame)
        self._calls.pending[self._place] = self
        try:
            self._hit = self._decided(self._decide, frame, True)
        except BaseException:
            self._calls.pending.pop(self._place, None)
            raise
        return self

    def _decided(self, decide: Callable[..., bool], *given: Any) -> bool:
        if self.site.kind == "call" and not callable(self.callee):
            return False  # Python says what is wrong with it
        if not self._calls.caching:
            self._stop("there is no cache")
        try:
            if self.site.generator:
                from . import streams

                reason = streams.refusal(given[0])
                if reason is not None:
                    self._stop(f"it cannot be cached: {reason}")
            if decide(*given):
                return True
            why = "it cannot be looked up"
        except Unkeyable as error:
            why = f"it cannot be cached: {_words(error)}"
        except (Missing, RecursionError):
            raise
        except Exception as error:
            let_through(error)
            why = f"{type(error).__name__} while looking: {error}"
        self._stop(why)

    def _look(self, key: Key) -> tuple[bool, Any]:
        found, value = super()._look(key)
        if not found:
            journal = self._calls.store.journal
            path = self._calls.store.path(key)
            journal.miss(self.site, key.label, value.reason, value.detail, path, "not run, because of --offline", 0.0)
            why = value.reason + (f": {value.detail}" if value.detail else "")
            self._stop(f"no result is kept of it ({why})", key)
        return found, value

    def again(self, run: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: self._stop("the script sends something into its stream, for which it would have to run")

    def _stop(self, why: str, key: Key | None = None) -> NoReturn:
        """End the program instead of making the call."""
        self.notes.add(b"m")
        called = self.site.text if key is None else key.label
        keeps = "" if key is None else " and keeps the result"
        reporter = self._calls.reporter
        reporter.line(
            self.site,
            f"`{called}` is not run, because of --offline: {why}",
            f"`devstash run {reporter.script}`, without --offline, runs it{keeps}",
        )
        raise (Missing if _in_pool() else SystemExit)(OFFLINE)


def _in_pool() -> bool:
    """Whether what runs here was handed to a pool of `multiprocessing`, of processes or of threads."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "multiprocessing.pool":
            return True
        frame = frame.f_back
    return False


def offline(notes: Notes) -> type[Call]:
    """The kind of call that is never made."""
    return type("Call", (_Offline,), {"__slots__": (), "notes": notes})
