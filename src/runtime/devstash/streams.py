"""Streams: what a marked call yields is recorded while it is consumed, item by item, and replayed lazily.

A generator, an asynchronous generator or an iterator such as `map(…)` has no value yet when the call returns. The
script gets a stream that hands on each item as it arrives; a `Tape` keeps a copy of the item as it was at that moment.
When the stream has been consumed to its end, the list of items is the value of the call. A stream that was left
half-way, raised, or was sent something is not kept. On a hit the script gets a stream that yields copies.

A marked generator function is recorded in its own frame (see `tree.rewrite_generator`): each `yield x` becomes
`yield D.yielded(x)`.

Copies are sound only as long as nobody could tell them from the originals. So a stream is not kept when an item has a
changeable part in common with another item or with what the call was given, when the stream changes an item after
handing it out, or when the script changes an item that the stream still holds.
"""

from __future__ import annotations

import sys
from _pickle import dumps, loads
from gc import get_referents
from types import FrameType

from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator
    from typing import Any, Protocol

    class Session(Protocol):
        """What a stream needs of the marked call that it is the result of."""

        def enter(self) -> None:
            """A step of the real stream begins: what happens now is the call's."""

        def leave(self) -> None:
            """The step is over."""

        def complete(self, value: object, effect: dict[str, Any]) -> None:
            """The stream was consumed to its end: keep `value`. Never raises."""

        def abandon(self, reason: str = "") -> None:
            """Nothing will be kept; a reason is worth telling the user. Idempotent, never raises."""

        def failed(self, error: BaseException) -> None:
            """A step of the real stream has raised `error`; `abandon` follows."""

        @property
        def given(self) -> dict[str, Any]:
            """The receiver, arguments and globals of the call, by the words for them."""


# Items are held until the stream ends; a stream longer than this, in bytes of pickles, is not kept.
LIMIT = 512 << 20
# How many objects are looked at to find out whether a stream still holds an item.
_NODES = 20_000
# Their values are kept as they are; of anything else a pickle is made on arrival.
_PLAIN = frozenset((str, bytes, int, float, complex, bool, type(None)))
_NOTHING = object()
_MODULE = type.__dict__["__module__"]
_NAME = type.__dict__["__name__"]


def recorded(result: Any, kind: str, session: Session) -> Any:
    """The stream that the script gets in place of `result`, which is recorded while it is consumed."""
    if kind == "generator":
        effect = {"kind": kind, "name": result.__name__, "qualname": result.__qualname__}
        return _named(_recorded(result, Tape(session, effect)), effect)
    if kind == "async generator":
        effect = {"kind": kind, "name": result.__name__, "qualname": result.__qualname__}
        return _named(_recorded_async(result, Tape(session, effect)), effect)
    if kind == "iterator":
        return _recorded_iterator(result, session)
    from . import clientstreams

    return clientstreams.recorded(result, kind, session)


def replayed(
    effect: dict[str, Any],
    value: Any,
    name: str = "",
    rerun: Callable[[], Any] | None = None,
    given: dict[str, Any] | None = None,
) -> Any:
    """The stream of a hit: `value` is what was stored, `effect` the member "stream" of its effects.

    `rerun` makes the call once more; it is asked when the script sends something into the stream or throws an
    exception into it, because then what comes next is not what was recorded. `given` (as of `Session`) is where a
    client is looked for.
    """
    kind = effect["kind"]
    if kind in ("generator function", "generator", "async generator", "iterator"):
        items, returned = contents(effect, value)
        if kind == "generator function":
            return Replay(items, returned)  # which `Calls.replay` completes
        if kind == "generator":
            return _named(_replayed(Replay(items, returned, rerun)), effect)
        if kind == "async generator":
            return _named(_replayed_async(items, rerun), effect)
        return _of_type(effect, iter(items), lambda item: item)
    from . import clientstreams

    return clientstreams.replayed(effect, value, given or {})


def contents(effect: dict[str, Any], value: Any) -> tuple[list[Any], Any]:
    """The items and what a generator returned, of what was stored."""
    return (value["items"], value["returned"]) if effect.get("returned") else (value, None)


# --- recording --------------------------------------------------------------------------------------------------


class _Pickled(bytes):
    """An item as it was when it arrived."""


class Tape:
    """The items of one stream so far, as they were when they arrived."""

    __slots__ = (
        "session", "effect", "open", "_items", "_types", "_held", "_seen", "_given", "_size",
        "_last", "_before", "_outside",
    )  # fmt: skip

    def __init__(self, session: Session, effect: dict[str, Any]) -> None:
        self.session = session
        self.effect = effect
        self.open = True
        self._items: list[Any] = []
        self._types: list[type] = []
        # Changeable items, held so that their ids stay theirs, and the ids of their changeable parts.
        self._held: list[Any] = []
        self._seen: set[int] = set()
        self._given: dict[int, str] | None = None
        self._size = 0
        self._last: Any = _NOTHING  # the item just handed out, when it can be changed
        self._before: bytes = b""  # its pickle when it was last looked at
        self._outside = False  # between two steps

    def __del__(self) -> None:
        if self.open:
            self.abandon()

    def enter(self, holder: object = None) -> None:
        """A step of the stream begins. `holder` is what may still hold items: a generator, or the frame of one."""
        if not self.open:
            return
        self._outside = False
        if self._last is not _NOTHING:
            try:
                now = _pickle(self._last)
                if now != self._before:
                    if _reaches(holder, self._last):
                        self.abandon("the script changes an item while the stream still holds it")
                        return
                    self._before = now
            except Exception as error:
                self._unkeepable(error)
                return
        self.session.enter()

    def item(self, item: Any) -> Any:
        """The step is over: it has yielded `item`, which is returned."""
        if self.open:
            if self._outside:
                self.abandon()  # an exception was thrown in, and the stream went on from it
                return item
            self._outside = True
            self.session.leave()
            try:
                self._keep(item)
            except Exception as error:
                self._unkeepable(error)
        return item

    def finish(self, returned: object = None) -> None:
        """The stream has ended and returned this: the call's value is complete."""
        if not self.open:
            return
        if self._outside:
            self.abandon()
            return
        self.session.leave()
        try:
            self._check_last()
            items = self._back()
            value: Any = items
            if returned is not None and self.open:
                self._check_parts(returned, "what it returns")
                value = {"items": items, "returned": returned}
        except Exception as error:
            self._unkeepable(error)
            return
        if self.open:
            self.complete(value, {**self.effect, "count": len(items), "returned": returned is not None})

    def complete(self, value: object, effect: dict[str, Any]) -> None:
        """Hand `value` to the store."""
        self.open = False
        session = self.session
        self._drop()
        session.complete(value, effect)

    def abandon(self, reason: str = "") -> None:
        """Nothing will be kept."""
        if self.open:
            self.open = False
            session = self.session
            self._drop()
            session.abandon(reason)

    def failed(self, error: BaseException) -> None:
        """`error` passes through: nothing will be kept. Raised in a step of the stream, it is the stream's own."""
        if self.open and not self._outside:
            self.session.failed(error)
        self.abandon()

    def _drop(self) -> None:
        self._items, self._types, self._held, self._seen, self._given = [], [], [], set(), None
        self._last, self._before = _NOTHING, b""
        self.session = None  # type: ignore[assignment]

    def _unkeepable(self, error: Exception) -> None:
        let_through(error)
        self.abandon("" if isinstance(error, RecursionError) else _words(error, len(self._types)))

    def _keep(self, item: Any) -> None:
        self._check_last()
        if not self.open:
            return
        of = type(item)
        self._types.append(of)
        if of in _PLAIN:
            self._items.append(item)
            self._size += len(item) if of is str or of is bytes else 32
        else:
            data = _Pickled(_pickle(item))
            self._items.append(data)
            self._size += len(data)
            if self._check_parts(item, f"item {len(self._types)}"):
                self._last, self._before = item, data
        if self._size > LIMIT:
            self.abandon(f"its items take more than {LIMIT >> 20} MiB")

    def _check_last(self) -> None:
        """Whether the stream has left the item that it handed out before as it was."""
        if self._last is not _NOTHING:
            last, self._last = self._last, _NOTHING
            if _pickle(last) != self._before:
                self.abandon("the stream changes an item after it has handed it out")

    def _check_parts(self, item: Any, name: str) -> bool:
        """Whether `item` has changeable parts; they must be its own."""
        parts = _changeable(item)
        if not parts or not self.open:
            return False
        if self._given is None:
            self._given = {}
            for words, value in (getattr(self.session, "given", None) or {}).items():
                for part in _changeable(value):
                    self._given.setdefault(part, words)
        if not self._seen.isdisjoint(parts):
            self.abandon(f"{name} has parts in common with an earlier one, of which a hit would bring back copies")
            return False
        for part in parts:
            if part in self._given:
                self.abandon(f"{name} has parts in common with {self._given[part]}, of which a hit would bring copies")
                return False
        self._seen.update(parts)
        self._held.append(item)
        return True

    def _back(self) -> list[Any]:
        """The items as they would come back."""
        items: list[Any] = []
        for number, (item, of) in enumerate(zip(self._items, self._types), 1):
            if type(item) is _Pickled:
                item = loads(item)
                if type(item) is not of:
                    self.abandon(f"item {number}, of type {_NAME.__get__(of)}, comes back as {type(item).__name__}")
                    break
            items.append(item)
        return items


def _pickle(item: Any) -> bytes:
    """The pickle of one item; raises `store.Unstorable`."""
    try:
        return dumps(item, 5)
    except Exception:
        from . import pickling  # tries what the user has besides, and knows what to blame

        sink = _Sink()
        buffers = pickling.dump(item, sink)
        data = b"".join(sink.chunks)
        return dumps((loads, (data,), buffers), 5) if buffers else data


class _Sink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self.chunks.append(bytes(data))
        return len(data)

    def restart(self) -> None:
        self.chunks = []

    def whole(self) -> memoryview:
        return memoryview(b"".join(self.chunks))


def _words(error: Exception, number: int) -> str:
    from .refusals import Unstorable

    if isinstance(error, Unstorable):
        why = f" ({error.why})" if error.why else ""
        return f"`item {number}{error.path[len('result') :]}: {error.what}` cannot be stored{why}"
    return f"item {number}: {type(error).__name__}: {error}"


def _walk(roots: list[Any]) -> Iterator[Any]:
    """Every object that `roots` consist of, each once, leaves left out."""
    from .sharing import is_leaf

    seen: set[int] = set()
    alive: list[Any] = []  # so that no id is given to another object meanwhile
    level = roots
    while level:
        following: list[Any] = []
        for value in level:
            if id(value) in seen or is_leaf(value):
                continue
            seen.add(id(value))
            alive.append(value)
            yield value
            following.extend(get_referents(value))
            base = getattr(value, "base", None) if type(value).__name__ in ("ndarray", "memmap") else None
            if base is not None:  # an array tells nobody of the memory that it looks at
                following.append(base)
        level = following


def _changeable(value: object) -> list[int]:
    """The ids of the changeable objects that `value` consists of."""
    from .sharing import is_changeable

    return [id(part) for part in _walk([value]) if is_changeable(part)]


def _reaches(holder: Any, item: object) -> bool:
    """Whether `holder` leads to a changeable part of `item`; yes, when that would take too long to find out."""
    parts = set(_changeable(item))
    if isinstance(holder, FrameType):
        roots = list(holder.f_locals.values())
    else:
        roots = get_referents(holder)
        for frame in [held for held in roots if isinstance(held, FrameType)]:
            spaces = (id(frame.f_globals), id(frame.f_builtins))
            roots.extend(part for part in get_referents(frame) if id(part) not in spaces)
    return any(id(found) in parts or count > _NODES for count, found in enumerate(_walk(roots)))


# --- the streams that the script gets on a miss -----------------------------------------------------------------


def _named(stream: Any, effect: dict[str, Any]) -> Any:
    stream.__name__ = effect["name"]
    stream.__qualname__ = effect["qualname"]
    return stream


# An exception of the real stream passes through the generators below. On its way it gets an entry for their frame in
# its traceback, which is taken out again; from Python 3.11 on a bare `raise` adds none.


def _without_us(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace


def _recorded(inner: Generator[Any, Any, Any], tape: Tape) -> Generator[Any, Any, Any]:
    """Hands on what `inner` yields and what is sent to it."""
    sent: Any = None
    thrown: BaseException | None = None
    box: list[Any] = []
    try:
        while True:
            tape.enter(inner)
            try:
                if thrown is not None:
                    error, thrown = thrown, None
                    try:
                        box.append(inner.throw(error))
                    finally:
                        del error
                else:
                    box.append(inner.send(sent))
            except StopIteration as stop:
                tape.finish(stop.value)
                return stop.value
            tape.item(box[0])
            try:
                sent = yield box.pop()  # not a variable: it would keep the item alive while it is not ours
            except GeneratorExit:
                tape.abandon()
                inner.close()
                raise
            except BaseException as error:
                tape.abandon()
                _without_us(error)
                sent, thrown = None, error
            if sent is not None:
                tape.abandon("something is sent to the generator")
    except BaseException as error:
        tape.failed(error)
        _without_us(error)
        raise


async def _recorded_async(inner: AsyncGenerator[Any, Any], tape: Tape) -> AsyncGenerator[Any, Any]:
    """The same for an asynchronous generator."""
    sent: Any = None
    thrown: BaseException | None = None
    box: list[Any] = []
    first = True
    try:
        while True:
            tape.enter(inner)
            try:
                if first:
                    first = False
                    box.append(await _first_step(inner))
                elif thrown is not None:
                    error, thrown = thrown, None
                    try:
                        box.append(await inner.athrow(error))
                    finally:
                        del error
                else:
                    box.append(await inner.asend(sent))
            except StopAsyncIteration:
                tape.finish()
                return
            tape.item(box[0])
            try:
                sent = yield box.pop()
            except GeneratorExit:
                tape.abandon()
                await inner.aclose()
                raise
            except BaseException as error:
                tape.abandon()
                _without_us(error)
                sent, thrown = None, error
            if sent is not None:
                tape.abandon("something is sent to the generator")
    except BaseException as error:
        tape.failed(error)
        _without_us(error)
        raise


def _first_step(inner: AsyncGenerator[Any, Any]) -> Any:
    """What to await for the first item of `inner`, which the event loop does not get to know of.

    When a loop shuts down it closes all the generators that it knows, at once. It knows ours, which closes `inner`.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(None)  # here, and not when it is awaited, hooks are asked for
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _Entering:
    """An iterator for `map`, which asks it before each step of the stream beside it."""

    __slots__ = ("_tape", "_holder")

    def __init__(self, tape: Tape, holder: object = None) -> None:
        self._tape = tape
        self._holder = holder

    def __iter__(self) -> _Entering:
        return self

    def __next__(self) -> None:
        # The stream itself, or the frame that delegates to it.
        self._tape.enter(sys._getframe(1) if self._holder is None else self._holder)


class _Finishing:
    """An iterator that is empty, and takes note of being asked."""

    __slots__ = ("_tape",)

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __iter__(self) -> _Finishing:
        return self

    def __next__(self) -> None:
        self._tape.finish()
        raise StopIteration


def through(inner: Iterator[Any], tape: Tape, holder: object = None) -> Iterator[Any]:
    """The items of `inner`, recorded to the end, without a frame of ours below those of `inner`."""
    from itertools import chain

    whole = chain(inner, _Finishing(tape))
    return map(lambda _, item: tape.item(item), _Entering(tape, inner if holder is None else holder), whole)


def _recorded_iterator(result: Any, session: Session) -> Any:
    of = type(result)
    effect: dict[str, Any] = {"kind": "iterator", "type": [_MODULE.__get__(of), _NAME.__get__(of)]}
    if of in (zip, enumerate):
        parts = result.__reduce__()[1]
        effect["number"] = len(parts) if of is zip else parts[1]
        if not parts:  # `zip()`, which is empty; its type cannot be made to say when it ends
            session.abandon()
            return result
    tape = Tape(session, effect)
    return _of_type(effect, through(result, tape), lambda item: item)


def _of_type(effect: dict[str, Any], items: Iterator[Any], same: Callable[[Any], Any]) -> Any:
    """An iterator of the type recorded that yields just `items`."""
    import itertools

    name = effect["type"][1]
    number: Any = effect.get("number")
    if name == "map":
        return items if type(items) is map else map(same, items)
    if name == "filter":
        return filter(_yes, items)
    if name == "enumerate":
        return enumerate(map(_second, items), number)
    if name == "zip":
        whole: list[Any] = [None]

        def first(item: Any) -> Any:
            whole[0] = item
            return item[0]

        def other(place: int) -> Iterator[Any]:
            return (whole[0][place] for _ in itertools.repeat(None))

        return zip(map(first, items), *map(other, range(1, number)))
    if name == "accumulate":
        return itertools.accumulate(items, lambda _, item: item)
    if name == "chain":
        return itertools.chain(items)
    if name == "compress":
        return itertools.compress(items, itertools.repeat(True))
    if name == "dropwhile":
        return itertools.dropwhile(_no, items)
    if name == "filterfalse":
        return itertools.filterfalse(_no, items)
    if name == "islice":
        return itertools.islice(items, None)
    if name == "starmap":
        return itertools.starmap(same, zip(items))
    return itertools.takewhile(_yes, items)


def _yes(item: object) -> bool:
    return True


def _no(item: object) -> bool:
    return False


def _second(item: Any) -> Any:
    return item[1]


# --- the streams that the script gets on a hit ------------------------------------------------------------------


class Replay:
    """What a hit yields, for `yield from`; the real stream is made when the script talks to it."""

    __slots__ = ("_items", "_returned", "rerun", "_count", "_real")

    def __init__(self, items: list[Any], returned: Any = None, rerun: Callable[[], Any] | None = None) -> None:
        self._items = items[::-1]
        self._returned = returned
        self.rerun = rerun
        self._count = 0
        self._real: Any = None

    def __iter__(self) -> Replay:
        return self

    def __next__(self) -> Any:
        if self._real is not None:
            return next(self._real)
        if self._items:
            self._count += 1
            return self._items.pop()
        raise StopIteration(self._returned)

    def send(self, value: Any) -> Any:
        try:
            if value is None or not self._switch():
                return self.__next__()
            return self._real.send(value)
        except BaseException as error:
            _without_us(error)
            raise

    def throw(self, error: Any, value: Any = None, trace: Any = None) -> Any:
        if isinstance(error, type):
            error = error() if value is None else value if isinstance(value, BaseException) else error(value)
        try:
            if self._switch():
                return self._real.throw(error)
            raise error.with_traceback(trace) if trace is not None else error
        except BaseException as raised:
            _without_us(raised)
            raise

    def close(self) -> None:
        self._items = []
        self.rerun = None
        if self._real is not None:
            self._real.close()

    def _switch(self) -> bool:
        """Go on with the real stream, from where the replay is; whether there is one."""
        if self._real is None and self.rerun is not None:
            real = self.rerun()
            for _ in range(self._count):
                next(real)
            self._real, self._items = real, []
        return self._real is not None


def _replayed(replay: Replay) -> Generator[Any, Any, Any]:
    try:
        return (yield from replay)
    except BaseException as error:
        _without_us(error)
        raise


async def _replayed_async(items: list[Any], rerun: Callable[[], Any] | None) -> AsyncGenerator[Any, Any]:
    items = items[::-1]
    count = 0
    real: Any = None
    sent: Any = None
    thrown: BaseException | None = None
    try:
        while True:
            if (sent is not None or thrown is not None) and real is None and rerun is not None:
                real = rerun()
                for number in range(count):
                    await (real.__anext__() if number else _first_step(real))
            try:
                if thrown is not None:
                    error, thrown = thrown, None
                    try:
                        if real is None:
                            raise error
                        items.append(await real.athrow(error))
                    finally:
                        del error
                elif real is not None:
                    items.append(await real.asend(sent))
                elif not items:
                    return
            except StopAsyncIteration:
                return
            count += 1
            try:
                sent = yield items.pop()
            except GeneratorExit:
                if real is not None:
                    await real.aclose()
                raise
            except BaseException as error:
                _without_us(error)
                sent, thrown = None, error
    except BaseException as error:
        _without_us(error)
        raise


# --- marked generator functions ---------------------------------------------------------------------------------


class _Delegate(map):  # type: ignore[type-arg]
    """What `yield from` delegates to, recorded. Plain steps go through `map` itself, without a frame of ours."""

    # Set right after construction: `map` takes no other arguments.
    inner: Any
    tape: Tape

    def send(self, value: Any) -> Any:
        if value is None:
            return next(self)
        self.tape.abandon("something is sent to the generator")
        try:
            return self.inner.send(value)
        except BaseException as error:
            _without_us(error)
            raise

    def throw(self, *error: Any) -> Any:
        self.tape.abandon()
        throw = getattr(self.inner, "throw", None)
        try:
            if throw is not None:
                return throw(*error)
            if isinstance(error[0], type):
                raise error[0] if len(error) < 2 or error[1] is None else error[1]
            raise error[0]
        except BaseException as raised:
            _without_us(raised)
            raise

    def close(self) -> None:
        self.tape.abandon()
        close = getattr(self.inner, "close", None)
        if close is not None:
            close()


def delegated(tape: Tape, iterable: Any) -> Any:
    """What a marked generator's `yield from iterable` goes through."""
    if not tape.open or type(iterable).__name__ == "coroutine":
        return iterable
    try:
        inner = iter(iterable)
    except BaseException as error:
        _without_us(error)
        raise
    delegate = _Delegate(lambda _, item: tape.item(item), _Entering(tape), inner)
    delegate.inner = inner
    delegate.tape = tape
    return delegate


def refusal(frame: FrameType) -> str | None:
    """Why the body of the marked generator function that `frame` runs has to run every time, or None."""
    asked_by = frame.f_back
    if asked_by is not None and asked_by.f_globals.get("__name__") == "contextlib":
        return "the body of a context manager has to run"
    return None


def entangled(found: Any) -> str | None:
    """Why what was found to have changed (a `watching.Found`) does not let a stream be kept, or None.

    Between the steps the script itself goes on, and the changes could be its own.
    """
    if found.changes:
        return "what the call was given or reads changes while its result is consumed"
    for name, words in (("random", "the state of random numbers"), ("environ", "`os.environ`"), ("cwd", "the folder")):
        if name in found.effects:
            return f"{words} changes while the call's result is consumed"
    return None


def original(code: Any) -> Any:
    """The code of a rewritten function as it was written."""
    for constant in reversed(code.co_consts):
        if type(constant) is tuple and len(constant) == 2 and constant[0] == "@devstash":
            return constant[1]
    return code


def again(function: Any, values: tuple[Any, ...]) -> Any:
    """Call the unguarded body of a marked generator function; `values` are its parameters', in their order."""
    code = original(function.__code__)
    bare = type(function)(code, function.__globals__, function.__name__, None, function.__closure__)
    count, only, flags = code.co_argcount, code.co_kwonlyargcount, code.co_flags
    args = list(values[:count])
    rest = list(values[count:])
    if flags & 4:
        args += rest.pop(0)
    kwargs = dict(zip(code.co_varnames[count : count + only], rest))
    if flags & 8:
        kwargs.update(rest[only])
    return bare(*args, **kwargs)


def means(call: Any, key: Any) -> tuple[Callable[[], Any] | None, dict[str, Any]]:
    """`rerun` and `given` of `replayed`, for a hit of a `call.Call`."""
    from .keeping import Session

    rerun = None
    if call.site.kind == "call" and len(call.arguments) == 1 and not call.links:
        callee, (args, kwargs) = call.callee, call.arguments[0]

        rerun = call.again(lambda: callee(*args, **kwargs))

    return rerun, Session(call, key).given
