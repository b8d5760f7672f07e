"""`devstash run --verify`: hits are executed as well, and what comes of it is compared with what was kept.

Of a hit that is to be verified the value is loaded, and nothing of what its call did is brought about: the call is made
as on a miss, by the script's own frame, and does it. When it is complete, its value and what it did are compared with
the entry, which stays as it is. The script goes on with the new value.

Values are the same if their encodings are, as when an entry is proved (proof.py). Where the kept value refers to live
objects, it was loaded with these very objects in it, so both are looked at after the call.
"""

from __future__ import annotations

import sys

from .bringing import Bringer
from .call import Call
from .encode import Unkeyable
from .refusals import Unstorable, unstorable
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from .key import Key
    from .modes import Notes

# Lines said of one site.
_MOST = 10


class Kept:
    """What the entry of a hit says of its call."""

    __slots__ = ("key", "value", "trace", "effects", "states", "changes", "streams", "pid")

    def __init__(self, key: Key, value: Any, witness: _Witness | None) -> None:
        self.key = key
        self.value = value
        self.trace: list[Any] = [] if witness is None else witness.trace
        self.effects: dict[str, Any] = {} if witness is None else witness.effects
        states, changes = (None if witness is None else witness.changes) or ({}, None)
        #: States of the generators of random numbers after the call.
        self.states: dict[str, Any] = states
        #: What it changed, as `heap.Changes.plain` has it.
        self.changes: tuple[Any, ...] = changes or ([], [], [], [])
        #: Whether the call, made again, has returned a stream, which is complete when it is consumed.
        self.streams = False
        self.pid = os.getpid()


class _Witness(Bringer):
    """Judges an entry, and brings nothing about."""

    changes: tuple[Any, ...] | None = None

    def bring(self, value: Any, changes: tuple[Any, ...] | None) -> Any:
        self.changes = changes
        self._call._witness = self  # type: ignore[attr-defined]
        return value


class _Verified(Call):
    __slots__ = ("_chosen", "_witness", "_kept", "_begun")

    share: ClassVar[float]  # of the hits, in percent
    notes: ClassVar[Notes]
    said: ClassVar[dict[int, set[str]]]
    done: ClassVar[set[str]]  # digests of the keys of those verified

    def __init__(self) -> None:
        self._chosen: bool | None = None  # not decided yet
        self._witness: _Witness | None = None  # of an entry that tells of more than a value
        self._kept: Kept | None = None  # while the call is made again
        self._begun = False

    # --- the decision --------------------------------------------------------------------------------------

    def _look(self, key: Key) -> tuple[bool, Any]:
        if self._chosen is None:
            # By the system's random numbers: those of the script stay as they are.
            self._chosen = self.share >= 100 or int.from_bytes(os.urandom(4), "big") * 100 < self.share * (1 << 32)
        self._witness = None
        if key.digest in self.done:
            self._chosen = False  # once will do; a function that calls itself would take forever
        return super()._look(key)

    def _bringer(self, key: Key) -> Bringer:
        if not self._chosen:
            return super()._bringer(key)
        return _Witness(self, key.separate(), self._calls.store.folder)

    def _settle(self, key: Key, found: bool, value: Any) -> bool:
        if not (found and self._chosen):
            return super()._settle(key, found, value)
        from .watching import Watch

        self._done()  # nobody waits for what is in the store
        self.done.add(key.digest)
        key = key.separate()
        self._kept = Kept(key, value, self._witness)
        self._witness = None
        self._refusal = ""
        self._watch = Watch(self, key, self._calls.store.folder)
        self._key = key
        return False

    # --- the call, made again ------------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        if self._kept is not None and self._watch is not None:
            self._watch.keep_nothing()
        self._begun = True

    def keep(self, result: Any) -> Any:
        kept = self._kept
        if kept is None:
            return super().keep(result)
        from .streamkinds import kind as kind_of

        if kind_of(result) is not None:
            kept.streams = True
            if self._key is None:  # it cannot be watched, and was told so
                self._kept = None
                self.notes.add(b"u")
        elif self._key is None:
            self.finish(kept.key, result, {})
            return result
        return super().keep(result)

    def finish(self, key: Key, value: Any, effects: dict[str, Any]) -> None:
        kept, self._kept = self._kept, None
        if kept is None:
            super().finish(key, value, effects)
            return
        differences: list[str] = []
        unknown = ""
        try:
            if self._watch is not None:
                self._watch.end()
            differences += _values(kept, value, effects)
            if self._watch is not None:
                unknown = self._effects(kept, effects, differences)
        except Unkeyable as error:
            unknown = f"`{error.path}: {error.what}`" + (f" ({error.why})" if error.why else "")
        except Unstorable as error:
            unknown = unstorable(error)
        except Exception as error:
            let_through(error)
            unknown = f"{type(error).__name__}: {error}"
        finally:
            self._done(False)
        if unknown:
            self._say_of(kept, f"cannot be compared: {unknown}")
        for difference in differences:
            self._say_of(kept, f"differs: {difference}")
        self.notes.add(b"d" if differences else b"u" if unknown else b"s")
        if not (differences or unknown) and self._calls.reporter.listens():
            self._calls.reporter.happened(self.site, f"verified {key.label}: the same")

    def _effects(self, kept: Kept, streamed: dict[str, Any], differences: list[str]) -> str:
        """Add to `differences` those between what the call did and what the entry tells of; why that cannot be told."""
        watch = self._watch
        assert watch is not None
        reason = watch.refusal()
        if reason is not None:
            return reason
        from .key import after

        found = watch.found(kept.key, after(self, kept.key), self.callee)
        if streamed:
            from .streams import entangled

            reason = entangled(found)
            if reason is not None:
                return reason
        from . import deeds

        differences += deeds.differences(kept, found, watch.heap)
        for text in deeds.reads(kept, found):
            self._say_of(kept, text)
        return ""

    def refuse(self, text: str) -> None:
        kept = self._kept
        if kept is None:
            super().refuse(text)
            return
        reason = text[len("not cached: ") :] if text.startswith("not cached: ") else text
        if self._begun:  # its stream is given up
            self._kept = None
            self.notes.add(b"u")
            self._say_of(kept, f"cannot be compared: {reason}")
        else:
            self._say_of(kept, f"cannot be watched, and only its value is compared: {reason}")

    def failed(self, error: BaseException) -> None:
        kept, self._kept = self._kept, None
        if kept is not None and type(error).__name__ != "CancelledError":
            self._raised(kept, f"its stream raised {type(error).__name__}")

    def __del__(self) -> None:
        try:
            kept, self._kept = self._kept, None
            if kept is not None and self._begun and not sys.is_finalizing() and not _cancelled():
                if kept.streams or self.site.generator:
                    self.notes.add(b"u")  # left half-way
                else:
                    self._raised(kept, "it raised")
        except AttributeError:
            pass  # a signal handler's exception came before it was a call at all
        super().__del__()

    def _raised(self, kept: Kept, how: str) -> None:
        if kept.pid != os.getpid():
            return  # a child made by fork ends, and the call goes on in its parent
        from .differing import shown

        self.notes.add(b"d")
        value = "a stream" if "stream" in kept.effects else shown(kept.value)
        self._say_of(kept, f"differs: {how}, and had given {value}")

    def _say_of(self, kept: Kept, text: str) -> None:
        """Say something of this call, but not the same twice, and not without end."""
        said = self.said.setdefault(self.site.index, set())
        if text in said or len(said) >= _MOST:
            return
        said.add(text)
        more = "; what else differs here is not told any more" if len(said) == _MOST else ""
        self._calls.reporter.line(self.site, f"verify: {kept.key.label} {text}{more}")


def verified(share: float, notes: Notes) -> type[Call]:
    """The kind of call of whose hits `share` percent are made again."""
    return type("Call", (_Verified,), {"__slots__": (), "share": share, "notes": notes, "said": {}, "done": set()})


def _values(kept: Kept, value: Any, effects: dict[str, Any]) -> list[str]:
    """How the new value differs from the kept one. Raises `Unkeyable`."""
    from .differing import difference

    before: dict[str, Any] = kept.effects.get("stream", {})
    now: dict[str, Any] = effects.get("stream", {})
    if bool(before) != bool(now):
        return ["it returned a stream" if before else "it returns a stream now"]
    if not now:
        return difference([("result", kept.value, value)])
    if before.get("kind") != now.get("kind"):
        return [f"its stream was a {before.get('kind')}, and is a {now.get('kind')}"]
    if "." in now["kind"]:  # of a client: the bytes that came, however the network cut them up
        return difference([("body", b"".join(kept.value["chunks"]), b"".join(value["chunks"]))])
    from .streams import contents

    (items, returned), (new_items, new_returned) = contents(before, kept.value), contents(now, value)
    return difference([("items", items, new_items), ("returned", returned, new_returned)])


def _cancelled() -> bool:
    """Whether the task that ends here is cancelled: then the call has not failed."""
    asyncio: Any = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task()
        return bool(task.cancelling())  # new in 3.11
    except (AttributeError, RuntimeError):
        return False
