"""A call that runs: what there is before it, and what is different afterwards.

The reading half is bringing.py. Each kind of effect has a module of its own; here they meet.
"""

from __future__ import annotations

import sys

from . import ambient
from . import key as keys
from .heap import heap_of
from .linked import Link
from .store import Unstorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .call import Call
    from .heap import Changes, Heap
    from .key import Key


class Found:
    """What a call did, as the writer of its entry asks for it."""

    def __init__(
        self, heap: Heap, changes: Changes, trace: list[Any], effects: dict[str, Any], states: dict[str, Any]
    ) -> None:
        self.link = Link(heap, {number for number, _ in changes.objects})
        self.changes = changes
        self.trace = trace
        self.effects = effects
        self._states = states

    def rest(self) -> Any:
        """What stands behind the result in the stream, None for nothing; to be asked when the result is pickled."""
        linked = self.link.used or bool(self.changes)
        if linked:
            self.effects["objects"] = self.link.shape()
        if not linked and "random" not in self.effects:
            return None
        return self._states, self.changes.plain() if linked else None

    def facts(self) -> dict[str, Any]:
        """The members for the manifest, once everything is pickled."""
        return {"trace": self.trace, "effects": self.effects}

    def object(self, number: int) -> Any:
        """The live object of a number."""
        return self.link.heap.objects[number]


class Watch:
    """What there was before a call, and what the call did to it."""

    def __init__(self, call: Call, key: Key, folder: str) -> None:
        from .record import Record

        # Not the call itself, which holds this: it has to be gone as soon as its frame lets go of it.
        self._site = call.site
        self._folder = folder
        self.heap = heap_of(call, key)
        self.heap.watch(key.digests())
        self._names = frozenset(key.reach.names | key.reach.written)
        self._modules = frozenset(sys.modules)
        self._surroundings = ambient.Surroundings()
        self.record = Record(folder)
        self.record.watch(value for _, value, _ in keys.given(call))
        self.record.watch(key.reach.values.values())
        self.record.watch_code(key.reach.seen.values())
        self._capture: Any = None

    def begin(self, binary: str) -> str | None:
        """Start to look; says why the call's output cannot be recorded, if that is wanted. `binary` is devstash's own
        path.
        """
        reason = None
        if self._site.replay:
            from .capture import Capture, executable

            executable(binary)
            self._capture = Capture(self._site.replay, self._folder)
            reason = self._capture.start()
            if reason is not None:
                self._capture = None
        self.record.begin()
        return reason

    def end(self) -> None:
        """Stop to look. Harmless when done twice."""
        self.record.end()
        if self._capture is not None:
            self._capture.stop()

    def records_output(self) -> bool:
        """Whether the call's output is being recorded."""
        return self._capture is not None

    def refusal(self) -> str | None:
        """After the call: what it did that cannot be brought about, or None."""
        if self._capture is not None:
            spoiled: str | None = self._capture.refusal()
            if spoiled is not None:
                return spoiled
        return self._surroundings.refusal() or self.record.refusal()

    def found(self, before: Key, after: Key) -> Found:
        """All that is different, to be stored beside the result; the call's key was `before` and would now be `after`.

        Raises `Unstorable` and `Unwritable`.
        """
        changes = self.heap.changes(self._names)
        # What the key sees and the heap does not: settings of packages, and their globals.
        missed = keys.changes(before, after, self._modules)
        if changes:
            missed = [name for name in missed if not self.heap.knows(name)]
        if missed:
            raise Unstorable(" and ".join(missed), "changed", "the call changes it, and how cannot be told")
        effects, states = self._surroundings.effects()
        files = self.record.written.rows(self._folder)
        if files:
            effects["files"] = files
        if self._capture is not None:
            output = self._capture.effect()
            if output is not None:
                effects["output"] = output
        return Found(self.heap, changes, self.record.trace(), effects, states)
