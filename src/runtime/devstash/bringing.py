"""A hit whose call did more than return: is everything as it was, and what has to be brought about.

The writing half is watching.py. Each kind of effect has a module of its own; here they meet.
"""

from __future__ import annotations

import sys

from . import trace
from .entry import Refused
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .call import Call
    from .heap import Heap
    from .key import Key


class Bringer:
    """Judges the recorded trace and effects of one entry for the call at hand, and brings the effects about."""

    def __init__(self, call: Call, key: Key, folder: str) -> None:
        self._call = call
        self._key = key
        self._folder = folder
        self._heap: Heap | None = None
        self.trace: list[Any] = []
        self.effects: dict[str, Any] = {}

    def judge(self, rows: list[Any], effects: dict[str, Any]) -> Any:
        """Raise `Refused` unless all that was read is as it was, and all that was done can be done again here.

        Returns what finds a live object by its number, None where the entry refers to none.
        """
        site = self._call.site
        reason = trace.check(rows, self._folder)
        if reason is not None:
            raise Refused("input changed", reason)
        self.trace, self.effects = rows, effects
        if site.replay:
            from . import capture

            reason = capture.replayable(effects.get("output", {}), site.replay, self._folder)
            if reason is not None:
                raise Refused("no output", reason)
        if not effects:
            return None
        if "random" in effects:
            from . import surroundings

            reason = surroundings.differs(effects["random"])
            if reason is not None:
                raise Refused("input changed", reason)
        if "files" in effects:
            from . import restore

            reason = restore.ready(effects["files"], self._folder)
            if reason is not None:
                raise Refused("irrecoverable", reason)
        if "cwd" in effects:
            from . import surroundings

            if not surroundings.is_there(effects["cwd"]):
                raise Refused("irrecoverable", f"the folder {effects['cwd']} is gone")
        if "objects" not in effects:
            return _no_object if "random" in effects else None
        from .heap import heap_of

        self._heap = heap_of(self._call, self._key)
        if self._heap.shape() != effects["objects"]:
            raise Refused("input changed", "the objects that it is given are connected in another way")
        return self._heap.find

    def bring(self, value: Any, changes: tuple[Any, ...] | None) -> Any:
        """Bring the effects about, and return what the script is to have: `value`, or the stream it was recorded from.

        Raises `Refused` where that fails, with nothing of the objects changed.
        """
        effects = self.effects
        self._tell_outer()
        states, objects = changes or ({}, None)
        heap = self._heap
        try:
            if objects is not None and (heap is None or not heap.fits(objects)):
                raise Refused("irrecoverable", "an object that it changes is not there")
            if "files" in effects:  # first what can fail
                from . import restore

                restore.bring_back(effects["files"], self._folder)
            if states or "cwd" in effects or "environ" in effects:
                from . import surroundings

                surroundings.restore(effects, states)
            if objects is not None:
                self._import()
            if objects is not None and heap is not None:
                heap.apply(objects)
        except Refused:
            raise
        except Exception as error:
            raise Refused("irrecoverable", f"{type(error).__name__}: {error}") from error
        if self._call.site.replay:
            from . import capture

            capture.replay(effects.get("output", {}), self._call.site.replay, self._folder)
        if "stream" in effects:
            from . import streams

            rerun, given = streams.means(self._call, self._key)
            return streams.replayed(effects["stream"], value, self._key.qualname, rerun, given)
        return value

    def _import(self) -> None:
        """Import the project's modules that the call was the first to import: what that changes is among the changes
        that are about to be brought about, and a later import must not do it once more.
        """
        for row in self.trace:
            if row[0] == "module" and row[8] not in sys.modules and os.sep not in row[8]:
                __import__(row[8])

    def _tell_outer(self) -> None:
        """What the call read and wrote is the enclosing marked call's too."""
        record = sys.modules.get(f"{__package__}.record")  # without it no call is looked at
        outer = None if record is None else record.current()
        if outer is None:
            return
        from .restore import here

        files = self.effects.get("files", [])
        outer.adopt(self.trace)  # before the files: what the inner call built upon is read, not only changed
        for row in here(files) if files else ():
            if row[0] not in ("cwd", "via"):
                for one in outer.chain:
                    one.note_change(row[1], True)  # what the outer call has read of it is looked at in time
        for one in outer.chain if files else ():
            one.written.adopt(files)


def _no_object(number: object) -> None:
    raise Refused("damaged", f"it refers to an object {number} and tells of none")
