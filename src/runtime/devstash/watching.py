"""A call that runs: what there is before it, and what is different afterwards.

The reading half is bringing.py. Each kind of effect has a module of its own; here they meet.
"""

from __future__ import annotations

import sys

from . import key as keys
from . import origin, surroundings
from .facts import facts
from .heap import heap_of
from .kinds import CodeType, FunctionType, ModuleType
from .linked import Link
from .refusals import Unstorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from .call import Call
    from .fingerprint import Reach
    from .heap import Changes
    from .key import Key


class Found:
    """What a call did, as the writer of its entry asks for it."""

    def __init__(
        self,
        link: Link,
        changes: Changes,
        trace: list[Any],
        effects: dict[str, Any],
        states: dict[str, Any],
        alone: bool = True,
    ) -> None:
        self.link = link
        self._alone = alone
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

    @property
    def states(self) -> dict[str, Any]:
        """The states of the generators of random numbers after the call."""
        return self._states

    def facts(self) -> dict[str, Any]:
        """The members for the manifest, once everything is pickled."""
        return {"trace": self.trace, "effects": self.effects}

    def find(self, token: Any) -> Any:
        """See `Heap.find`."""
        return self.link.heap.find(token)

    def changed_by(self, load: Callable[[], None]) -> str:
        """Run `load`, which unpickles what was stored, and say what of the program that changes, as every hit would.

        It is undone, unless others run at the same time: it may be their doing, which only a second attempt tells.
        """
        if not self.link.used and not self.link.names_project:
            load()
            return ""  # no code of the project has a part in it
        touched = self._touched_by(load)
        if touched and not self._alone:
            again = self._touched_by(load)
            touched = [name for name in touched if name in again]
        return touched[0] if touched else ""

    def _touched_by(self, load: Callable[[], None]) -> list[str]:
        self.link.heap.watch({}, shallow=True)
        load()
        return self.link.heap.touched(undo=self._alone)


class Watch:
    """What there was before a call, and what the call did to it."""

    def __init__(self, call: Call, key: Key, folder: str) -> None:
        from .record import Record

        # Not the call itself, which holds this: it has to be gone as soon as its frame lets go of it.
        self._site = call.site
        self._folder = folder
        self.heap = heap_of(call, key)
        self.heap.watch(key.digests())
        reach = keys.reach_of(call, key)
        self._names = frozenset(reach.names | reach.written)
        self._modules = frozenset(sys.modules)
        self._awaits = any("await" in link for link in call.links) or _is_coroutine(call)
        self._accompanied = _accompanied(self._awaits)
        self._closure = _closure(call.callee) if call.site.kind == "function" else {}
        self._is_function = call.site.kind == "function"
        self._installed = _installed(reach)
        self._surroundings = surroundings.Surroundings(self._names)
        self.record = Record(folder)
        self.record.watch(value for _, value, _ in keys.given(call))
        self.record.watch(reach.values.values())
        self.record.watch_code(reach.seen.values())
        self._capture: Any = None
        #: Whether the script itself runs in between, as it does while it consumes a stream.
        self.stepwise = False

    def begin(self, binary: str, record: bool) -> str | None:
        """Start to look; says why the call's output cannot be recorded, if its marker needs that. `binary` is
        devstash's own path. With `record`, output is recorded where it can be, whatever the marker says.
        """
        reason = None
        if self._site.replay or record:
            from .capture import Capture, executable

            executable(binary)
            self._capture = Capture(self._site.replay, self._folder, record)
            reason = self._capture.start()
            if reason is not None:
                self._capture = None
            if not self._site.replay:
                reason = None
        self.record.begin()
        self._surroundings.settle()
        return reason

    def keep_nothing(self) -> None:
        """Only digests are wanted of what the call writes and prints."""
        self.record.written.keeps = False
        if self._capture is not None:
            self._capture.keeps = False

    def end(self) -> None:
        """Stop to look. Harmless when done twice."""
        self.record.end()
        if self._capture is not None:
            self._capture.stop()

    def consumed(self) -> str | None:
        """The call returned a stream, and the script goes on: why that cannot be recorded, or None."""
        if self._capture is not None:
            # What a stream prints between two items of its own cannot be told from what the script prints.
            if self._site.replay:
                return "the output of a stream is not recorded"
            self._capture.stop()
            self._capture = None
        return None

    def refusal(self) -> str | None:
        """After the call: what it did that cannot be brought about, or None."""
        if self._capture is not None:
            spoiled: str | None = self._capture.refusal()
            if spoiled is not None and self._site.replay:
                return spoiled
        return self._surroundings.refusal() or self.record.refusal()

    def found(self, before: Key, after: Key, callee: Any) -> Found:
        """All that is different, to be stored beside the result; the call's key was `before` and would now be `after`,
        and `callee` is what it called.

        Raises `Unstorable` and `Unwritable`.
        """
        # While others run, only what the call's own code can name is its doing; and what of it is not, nobody can tell.
        alone = not self._accompanied and not _accompanied(self._awaits)
        changes = self.heap.changes(None if alone and not self.stepwise else self._names)
        if changes and not alone:
            others = "other tasks" if self._awaits else "other threads"
            raise Unstorable(
                "what the call is given",
                "object",
                f"the call and {others} run at the same time, and one of them changes it",
            )
        # What the key sees and the heap does not: settings of packages, and their globals.
        missed = [name for name in keys.changes(before, after, self._modules) if not self.heap.knows(name)]
        if missed:
            raise Unstorable(" and ".join(missed), "changed", "the call changes it, and how cannot be told")
        for module, held in self._installed:
            for name, value in held.items():
                now = vars(module).get(name, _ABSENT)
                if now is not value and not (value is _ABSENT and _is_its_own(now, module)):
                    raise Unstorable(f"{module.__name__}.{name}", "changed", "the call binds it in an installed module")
        # The cells of a marked function that runs are the frame's, which lets nobody write to them.
        for name, value in (_closure(callee) if self._is_function else {}).items():
            if self._closure.get(name) is not value:
                raise Unstorable(name, type(value).__name__, "the call binds it in the function around")
        effects, states = self._surroundings.effects()
        files = self.record.written.rows(self._folder)
        if files:
            effects["files"] = files
        if self._capture is not None:
            output = self._capture.effect()
            if output is not None:
                effects["output"] = output
        link = Link(self.heap, {number for number, _ in changes.objects}, self._modules, frozenset(changes.bound()))
        return Found(link, changes, self.record.trace(), effects, states, alone)


_ABSENT = object()


def _installed(reach: Reach) -> list[tuple[ModuleType, dict[str, Any]]]:
    """The modules, not the project's, that the reached code names, each with what the names that this code binds as
    globals or attributes are bound to in it.
    """
    found: dict[int, ModuleType] = {}
    for thing in reach.seen.values() if reach.written else ():
        named = [thing]
        code = getattr(thing, "__code__", None)
        if isinstance(code, CodeType):
            known = facts(code)
            named = [thing.__globals__.get(name) for name in known.globals]
            named += [sys.modules.get(name) for name, _, _ in known.imports]
        found.update((id(one), one) for one in named if isinstance(one, ModuleType))
    return [
        (module, {name: vars(module).get(name, _ABSENT) for name in reach.written})
        for module in found.values()
        if origin.of_namespace(vars(module)) != origin.PROJECT
    ]


def _is_its_own(value: Any, module: ModuleType) -> bool:
    """Whether a package has put something of its own into its module, as it does when that is first asked for."""
    if isinstance(value, ModuleType):
        return origin.of_namespace(vars(value)) != origin.PROJECT
    home = getattr(value, "__module__", None) if isinstance(value, (type, FunctionType)) else None
    return type(home) is str and home.partition(".")[0] == module.__name__.partition(".")[0]


def _closure(function: Any) -> dict[str, Any]:
    """What the names in a function's closure are bound to, unbound ones left out."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            pass
    return found


def _is_coroutine(call: Call) -> bool:
    """Whether the call is of a marked `async def`, which is under way."""
    code = getattr(call.callee, "__code__", None)
    return call.site.kind == "function" and code is not None and bool(code.co_flags & _COROUTINE)


_COROUTINE = 0x80 | 0x200  # of functions and of generators


def _accompanied(awaits: bool) -> bool:
    """Whether code of the project may run beside the call: other tasks of its loop, or other threads."""
    if awaits:
        asyncio = sys.modules.get("asyncio")
        try:
            if asyncio is None or len(asyncio.all_tasks()) > 1:
                return True
        except RuntimeError:
            return True  # another kind of loop, which does not say what it runs
    threading = sys.modules.get("threading")
    if threading is None or len(getattr(threading, "_active", ())) < 2:
        return False
    from .threads import frames_of_others

    for frame in frames_of_others():
        walked: FrameType | None = frame
        while walked is not None:
            if origin.of_namespace(walked.f_globals) == origin.PROJECT:
                return True
            walked = walked.f_back
    return False
