"""After a marked call has run: keep its result, where that is sound."""

from __future__ import annotations

from time import perf_counter

from .encode import Unkeyable
from .key import after, given, reach_of
from .refusals import Unstorable, Unwritable, unkeyable, unstorable
from .signals import let_through
from .streamkinds import kind as kind_of

# What the journal says of a stream that was not consumed to its end: the script left it, or it raised.
LEFT = "left half-way"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .call import Call
    from .key import Key


def keep(call: Call, key: Key, result: Any) -> Any:
    """Keep `result` of a call, and return what the script goes on with: this very object, or for a stream one that is
    recorded while it is consumed.
    """
    kind = kind_of(result)
    if kind is not None:
        reason = call._watch.consumed() if call._watch is not None else None
        if reason is not None:
            call.refuse(f"not cached: {reason}")
            call._done(False)
            call.came_to(call._refusal)
            return result
        from . import streams

        return streams.recorded(result, kind, Session(call, key))
    call.finish(key, result, {})
    call._calls.store.journal.soon()
    return result


def finish(call: Call, key: Key, value: Any, effects: dict[str, Any]) -> None:
    """Keep `value` and what the call did, where that is sound."""
    duration = perf_counter() - call._started
    watch = call._watch
    outcome = ""
    try:
        if watch is None:
            return
        watch.end()
        reason = watch.refusal()
        if reason is not None:
            call.refuse(f"not cached: {reason}")
            return
        found = watch.found(key, after(call, key), call.callee)
        if effects:
            from . import streams

            reason = streams.entangled(found)
            if reason is not None:
                call.refuse(f"not cached: {reason}")
                return
        found.effects.update(effects)
        store = call._calls.store
        facts = {"duration": duration, "site": call.site, "watched": found}
        store.save(key, value, facts)
        outcome = "stored"
        if call._miss is not None:
            call._miss = (*call._miss[:3], str(facts["path"]))
        site = call.site
        if call._calls.limits or site.max_entries or site.max_size or site.max_age:
            from . import room

            room.needed(call._calls)
        call._calls.reporter.happened(call.site, f"stored {key.label}")
    except Unstorable as error:
        let_through(error)
        call.refuse(f"not cached: {unstorable(error)}")
    except Unwritable as error:
        call.refuse(f"not kept: {error}")
    except Unkeyable as error:
        call.refuse(f"not cached: after the call, {unkeyable(error)}")
    except RecursionError:
        pass
    except Exception as error:
        let_through(error)
        call.refuse(f"not kept: {type(error).__name__}: {error}")
    finally:
        try:
            call.came_to(outcome or call._refusal, duration)
        except RecursionError:
            pass
        call._done(False)  # what is not in the store now will not be: who waits need not wait for each other


class Session:
    """What a stream needs of the marked call whose result it is; see `streams.Session`."""

    __slots__ = ("_call", "_key")

    def __init__(self, call: Call, key: Key) -> None:
        self._call = call
        self._key = key
        call.pause(True)
        # Nobody knows when a stream will be consumed, if ever: others do not wait for it.
        turn, call._turn = call._turn, None
        if turn is not None:
            turn.release(False)

    @property
    def given(self) -> dict[str, Any]:
        found = {f"argument `{name}`": value for name, value, _ in given(self._call)}
        found.update((f"`{name}`", value) for name, value in reach_of(self._call, self._key).values.items())
        receiver = getattr(self._call.callee, "__self__", None)
        return found if receiver is None else {"the receiver": receiver, **found}

    def enter(self) -> None:
        self._call.pause(False)

    def leave(self) -> None:
        self._call.pause(True)

    def complete(self, value: object, effect: dict[str, Any]) -> None:
        self._call.finish(self._key, value, {"stream": effect})

    def abandon(self, reason: str = "") -> None:
        if reason:
            self._call.refuse(f"not cached: {reason}")
        self._call.came_to(self._call._refusal or LEFT)
        self._call._done()

    def failed(self, error: BaseException) -> None:
        self._call.failed(error)
