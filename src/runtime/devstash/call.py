"""The call protocol: from the description of a marked call to its value, kept or computed.

The script's byte-code (see tree.py) speaks to one object, the builtin `@devstash`, an instance of `Calls`:

    D.value() if D(3, f)(a, k=b) else D.keep()(D.callee()(*D.args(0), **D.kwargs(0)))

`D(3, f)` makes a `Call` that collects what each link is given; its truth value decides between hit and miss; on a
miss the script's own frame makes the call and hands the result to `keep()`. Between these steps a call is found again
by the frame that makes it, which no other thread, task or recursion shares.

Two rules hold everywhere: an exception of ours is never the script's (what cannot be decided is a miss, told once),
and a miss that cannot be kept soundly is not kept.
"""

from __future__ import annotations

import sys
from _weakref import ref
from time import perf_counter

from . import key as keys
from . import store as stores
from .encode import Unkeyable
from .kinds import CellType, CoroutineType, FunctionType
from .report import Reporter
from .signals import let_through
from .site import Site, defaults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from types import CodeType, FrameType
    from typing import Any, Callable

    from .bringing import Bringer
    from .locks import Turn
    from .site import Row
    from .streams import Replay, Tape
    from .watching import Watch

BUILTIN = "@devstash"  # no script can have a name like this


def _function_text(function: object) -> str:
    """How CPython names `function` in a TypeError about its arguments (`_PyObject_FunctionStr`)."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        return str(function)
    module = getattr(function, "__module__", None)
    return f"{name}()" if module is None or module == "builtins" else f"{module}.{name}()"


class Call:
    """One marked call: what was described, what was found, and on a miss the right to keep the result."""

    __slots__ = (
        "_calls", "site", "callee", "keyed_by", "links", "arguments", "names", "bound", "code",
        "_place", "_key", "_watch", "_turn", "_hit", "_started", "_result", "_tape", "_miss", "_refusal", "__weakref__",
    )  # fmt: skip

    # Filled by `Calls.__call__`, not by an `__init__`: near the recursion limit every frame of ours counts.
    _calls: Calls
    site: Site
    callee: Any
    keyed_by: object  # the value of the marker's key=, or keys.NO_KEY
    links: tuple[str, ...]  # texts of the links after the first call
    arguments: list[tuple[tuple[Any, ...], dict[str, Any]]]  # what each link is given
    names: dict[str, Any]  # expression: what the names it reads are bound to
    bound: dict[str, Any] | None  # function: its parameters
    code: CodeType | None  # expression: its code
    _place: int  # id of the frame that makes the call
    _key: keys.Key | None  # set while the result may be kept
    _watch: Watch | None  # on a miss: what there was before
    _turn: Turn | None  # on a miss: the right to compute
    _hit: bool  # what awaiting the call says
    _tape: Tape | None  # the body of a generator function: what it yielded so far
    _miss: tuple[str, str, str, str] | None  # until it is known what has become of it: label, reason, detail, path
    _refusal: str  # why its result will not be kept, if that is known
    _started: float
    _result: Any

    # --- the description -----------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Call:
        self.arguments.append((args, kwargs))
        return self

    def __getitem__(self, item: Any) -> Call:
        self.arguments.append(((item,), {}))
        return self

    def __str__(self) -> str:
        # CPython asks for this when it complains about `*` or `**` arguments of the call we stand for.
        return _function_text(self.callee)

    # --- the decision --------------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        self._place = id(frame)
        self._calls.pending[self._place] = self
        try:
            return self._decided(self._decide, frame, False)
        except RecursionError:
            return False
        except BaseException:  # a signal handler's, which only passes through
            self._calls.pending.pop(self._place, None)
            raise

    def turn(self) -> Call:
        """What `__bool__` does, for a place that can await: the call, to be awaited for the decision."""
        frame = sys._getframe(1)
        self._place = id(frame)
        self._calls.pending[self._place] = self
        try:
            self._hit = self._decided(self._decide, frame, True)
        except RecursionError:
            pass
        except BaseException:
            self._calls.pending.pop(self._place, None)
            raise
        return self

    def __await__(self) -> Generator[Any, Any, bool]:
        turn = self._turn
        if turn is not None and not turn.computes:
            from . import locks

            try:
                yield from locks.wait(turn, self._say)
                self._hit = self._decided(self._decide_after)
            except BaseException:  # the task is cancelled, or its loop is closed
                self._calls.pending.pop(self._place, None)
                raise
        return self._hit

    def _say(self, text: str) -> None:
        self._calls.reporter.tell(self.site, text)

    def _decided(self, decide: Callable[..., bool], *given: Any) -> bool:
        """What `decide` says of what is `given`; False, and nothing will be kept, where it cannot say."""
        calls = self._calls
        if not calls.caching or (self.site.kind == "call" and not callable(self.callee)):
            return False
        try:
            return decide(*given)
        except Unkeyable as error:
            let_through(error)
            self.refuse(f"not cached: {_words(error)}")
        except RecursionError:
            pass  # the script is near its limit, which is its own affair: the call runs, and is not kept
        except Exception as error:
            let_through(error)
            self.refuse(f"not cached: {type(error).__name__} while looking: {error}")
        self._key = None
        self._done()
        return False

    def _decide(self, frame: FrameType, awaits: bool) -> bool:
        site = self.site
        if site.generator:
            from . import streams

            reason = streams.refusal(frame)
            if reason is not None:
                self.refuse(f"not cached: {reason}")
                return False
        if site.kind == "function":
            self.bound = dict(zip(site.shape, self.arguments[0][0]))
            self.callee = self._calls.function(frame, site)
        elif site.kind == "expression":
            self.names = _names(frame, site, self.arguments[0][0])
        calls = self._calls
        key = keys.make_key(self)
        found, value = self._look(key)
        if found:
            return self._settle(key, True, value)
        from . import locks

        self._key = key
        if awaits:
            self._turn = locks.begin(calls.store.folder, key.digest)
            if not self._turn.computes:
                return False  # `__await__` goes on
        else:
            self._turn = locks.take(calls.store.folder, key.digest, self._say)
        return self._decide_after()

    def _decide_after(self) -> bool:
        """The turn is ours; somebody else may have made the call meanwhile."""
        key, self._key = self._key, None
        assert key is not None
        return self._settle(key, *self._look(key))

    def _settle(self, key: keys.Key, found: bool, value: Any) -> bool:
        calls, site = self._calls, self.site
        if found:
            if self._watch is not None or self._turn is not None:
                self._done()
            self._result = value
            for given in self.arguments:
                for argument in given[0]:
                    if type(argument) is CoroutineType:
                        argument.close()  # nobody is going to await it: without this Python warns
            if calls.reporter.listens():
                calls.reporter.happened(site, f"hit {key.label}")
            return True
        calls.reporter.missed(site, key.label, value)
        self._started = 0.0
        self._refusal = ""
        self._miss = (key.label, value.reason, value.detail, calls.store.path(key))
        from .watching import Watch

        key = key.separate()
        self._watch = Watch(self, key, calls.store.folder)
        key.previews  # noqa: B018  (the values have to be looked at before the call can change them)
        self._key = key
        if calls.explains:
            calls.reporter.explain(site, key, value)  # type: ignore[attr-defined]
        return False

    def _look(self, key: keys.Key) -> tuple[bool, Any]:
        """What the store has: (True, value) or (False, `store.Miss`)."""
        return self._calls.store.load(key, self.site, lambda: self._bringer(key))

    def _bringer(self, key: keys.Key) -> Bringer:
        from .bringing import Bringer

        return Bringer(self, key.separate(), self._calls.store.folder)

    def start(self) -> None:
        """The call is about to be made."""
        watch = self._watch
        if watch is not None:
            try:
                # Modules that are imported from now on are the call's doing, so what is needed afterwards comes first.
                from . import keeping  # noqa: F401

                reason = watch.begin(self._calls.executable, self._calls.keeps_output)
            except Exception as error:
                let_through(error)
                reason = f"{type(error).__name__} while looking: {error}"
            if reason is not None:
                self.refuse(f"not cached: {reason}")
                self._key = None
                self._done(False)
        self._started = perf_counter()

    def refuse(self, text: str) -> None:
        """Tell why the result is not kept."""
        self._calls.reporter.warn(self.site, text)
        if self._miss is None:  # before anybody could look whether there is an entry
            self._started = 0.0
            self._miss = ("", "", "", "")
        self._refusal = text

    def came_to(self, outcome: str, duration: float | None = None) -> None:
        """Note what has become of a miss, once: see `Journal.miss`."""
        miss, self._miss = self._miss, None
        if miss is not None and outcome:
            took = perf_counter() - self._started if duration is None else duration
            self._calls.store.journal.miss(self.site, *miss, outcome, took)

    def _done(self, kept: bool | None = None) -> None:
        """The call is over, in whichever way: nobody looks any more, and the next may have its turn.

        `kept` says whether the result was kept, None that there is none.
        """
        watch, self._watch = self._watch, None
        turn, self._turn = self._turn, None
        try:
            if watch is not None:
                watch.end()
        finally:
            if turn is not None:
                turn.release(kept)

    # --- the miss ------------------------------------------------------------------------------------------

    def keep(self, result: Any) -> Any:
        """Keep `result` where that is sound, and return what the script goes on with: this very object, or for a
        stream one that is recorded while it is consumed.
        """
        key, self._key = self._key, None
        if key is None:
            self._done(False)
            if self._miss is not None:
                self.came_to(self._refusal)
                self._calls.store.journal.soon()
            return result
        from .keeping import keep

        return keep(self, key, result)

    def finish(self, key: keys.Key, value: Any, effects: dict[str, Any]) -> None:
        """The call is complete: keep `value` and what it did, where that is sound. A stream's `effects` tell of it."""
        from .keeping import finish

        finish(self, key, value, effects)

    def failed(self, error: BaseException) -> None:
        """The stream that this call returned has raised `error`."""

    def again(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """What makes the stream of a hit anew, should the script send something into it: `run`, which does so."""
        return run

    def pause(self, stops: bool) -> None:
        """Stop to look, or go on: between the steps of a stream what happens is not the call's."""
        if self._watch is not None:
            self._watch.stepwise = True
            (self._watch.record.pause if stops else self._watch.record.resume)()

    # --- a guarded function body ---------------------------------------------------------------------------

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        tape, self._tape = self._tape, None
        if error is not None and tape is not None:
            tape.failed(error)
        if kind is None:
            frame = sys._getframe(1)
            if frame.f_code.co_freevars:  # what the closure holds now is asked of the frame once more
                self.callee = self._calls.function(frame, self.site)
            if tape is not None:
                tape.finish(self._result)
            else:
                self.keep(self._result)

    def __del__(self) -> None:
        # The call is over. If it raised, its frame has let go of `keep` or `__exit__`, the last reference.
        try:
            under_way = self._calls.bodies if self.site.kind == "function" else self._calls.running
        except AttributeError:  # a signal handler's exception came before it was a call at all
            return
        kept = under_way.get(self._place)
        if kept is not None and kept() in (self, None):  # the frame may be at its next call already
            del under_way[self._place]
        if self._miss is not None and self._started:
            self.came_to("raised")  # which is not written down here, where what a signal handler raises would be lost
        if self._watch is not None or self._turn is not None:
            self._done()


class Calls:
    """The builtin `@devstash`: every marked call of the script goes through it."""

    def __init__(
        self,
        file: str,
        rows: tuple[Row, ...],
        settings: dict[str, str],
        reporter: Reporter,
        main: Calls | None = None,
        shown: str = "",
    ) -> None:
        self.reporter = reporter
        self.settings = settings
        self.caching = settings.get("cache", "1") == "1"
        self.executable = settings.get("exe", "")  # our own binary
        self.keeps_output = settings.get("record") == "1"
        self.explains = settings.get("explain") == "1"  # the reporter is an `explaining.Explaining`
        self.limits = settings.get("limits", "")  # flags for `devstash gc`
        assumed = defaults(settings["defaults"]) if "defaults" in settings else None
        shown = shown or reporter.script
        self.sites = [Site(index, file, shown, row, assumed) for index, row in enumerate(rows)]
        if settings.get("offline") == "1":  # what is kept is served, however old
            for site in self.sites:
                site.ttl, site.refresh = None, False
        self.store: stores.Store
        if main is not None:
            self.store = main.store
        else:
            self.store = stores.Store(
                settings.get("cache_dir", ".devstash_cache"), refresh=settings.get("refresh") == "1"
            )
            if self.caching:
                self.store.journal.begin(file, settings)
        # By id of the frame: calls just decided upon, calls under way, and bodies of marked functions under way. A body
        # has a place of its own because marked calls stand in it. A frame's id is its own as long as it runs.
        self.pending: dict[int, Call] = {}
        self.running: dict[int, ref[Call]] = {}
        self.bodies: dict[int, ref[Call]] = {}
        self._functions: dict[CodeType, FunctionType] = {}
        #: What a marked call is here; modes.py has others.
        self.made: type[Call] = Call

    def beside(self, file: str, rows: tuple[Row, ...], shown: str) -> Calls:
        """What the marked calls of another module go through; `shown` is its path in messages."""
        calls = Calls(file, rows, self.settings, self.reporter, self, shown)
        calls.made = self.made
        return calls

    # The methods below are one frame deep on purpose: near the recursion limit a marked call must fail where the
    # plain one would, not earlier.

    def __call__(self, index: int, callee: Any = None, keyed_by: object = keys.NO_KEY) -> Call:
        call = self.made()
        call._calls = self
        call.site = site = self.sites[index]
        call.callee = callee
        call.keyed_by = keyed_by
        call.links = site.shape if site.kind == "call" else ()
        call.arguments = []
        call.names = {}
        call.bound = None
        call.code = site.code
        call._key = None
        call._watch = None
        call._turn = None
        call._hit = False
        call._place = 0
        call._result = None
        call._tape = None
        call._miss = None
        return call

    def value(self) -> Any:
        """The value of the hit just found by the calling frame."""
        return self.pending.pop(id(sys._getframe(1)))._result

    def keep(self) -> Callable[[Any], Any]:
        """What takes the result of the call that the calling frame is about to make.

        The returned bound method is the only thing that keeps the `Call` alive meanwhile: when the call raises, the
        frame lets go of it and the `Call` is gone.
        """
        place = id(sys._getframe(1))
        call = self.pending.pop(place)
        self.running[place] = ref(call)
        call.start()
        return call.keep

    def callee(self) -> Any:
        """The callee as the call was described."""
        return self.running[id(sys._getframe(1))]().callee  # type: ignore[union-attr]

    def args(self, link: int) -> tuple[Any, ...]:
        """The positional arguments of one link."""
        return self.running[id(sys._getframe(1))]().arguments[link][0]  # type: ignore[union-attr]

    def kwargs(self, link: int) -> dict[str, Any]:
        """The keyword arguments of one link."""
        return self.running[id(sys._getframe(1))]().arguments[link][1]  # type: ignore[union-attr]

    def item(self, link: int) -> Any:
        """The index of a subscript link."""
        return self.running[id(sys._getframe(1))]().arguments[link][0][0]  # type: ignore[union-attr]

    def run(self) -> Call:
        """The context manager around the body of a marked function; the `with` block keeps it alive."""
        place = id(sys._getframe(1))
        call = self.pending.pop(place)
        self.bodies[place] = ref(call)
        call.start()
        return call

    # --- streams: the body of a marked generator function

    def replay(self) -> Replay:
        """What the hit just found by the calling frame yields."""
        call = self.pending.pop(id(sys._getframe(1)))
        from . import streams

        function, values = call.callee, call.arguments[0][0]
        call._result.rerun = call.again(lambda: streams.again(function, values))
        return call._result  # type: ignore[no-any-return]

    def record(self) -> Call:
        """Like `run`, for a body that yields."""
        place = id(sys._getframe(1))
        call = self.pending.pop(place)
        self.bodies[place] = ref(call)
        call.start()
        key, call._key = call._key, None
        if key is not None:
            from . import keeping, streams

            call._tape = streams.Tape(keeping.Session(call, key), {"kind": "generator function"})
            call.pause(False)  # the first step has begun
        return call

    def yielded(self, value: Any) -> Any:
        """Note what the generator running in the calling frame is about to yield, and return it."""
        tape = self.bodies[id(sys._getframe(1))]()._tape  # type: ignore[union-attr]
        return value if tape is None else tape.item(value)

    def resumed(self, sent: Any) -> Any:
        """Note that the generator running in the calling frame goes on, and return what was sent to it."""
        frame = sys._getframe(1)
        tape = self.bodies[id(frame)]()._tape  # type: ignore[union-attr]
        if tape is not None:
            if sent is not None:
                tape.abandon("something is sent to the generator")
            tape.enter(frame)
        return sent

    def delegated(self, iterable: Any) -> Any:
        """What the generator running in the calling frame is to delegate to instead of `iterable`."""
        tape = self.bodies[id(sys._getframe(1))]()._tape  # type: ignore[union-attr]
        if tape is None:
            return iterable
        from . import streams

        return streams.delegated(tape, iterable)

    # ---

    def returned(self, value: Any) -> Any:
        """Note what the marked function running in the calling frame is about to return, and return it."""
        self.bodies[id(sys._getframe(1))]()._result = value  # type: ignore[union-attr]
        return value

    def function(self, frame: FrameType, site: Site) -> FunctionType:
        """A function equal to the one that `frame` runs, of which a frame knows only code, globals and closure."""
        code = frame.f_code
        known = self._functions.get(code)
        if known is not None and known.__globals__ is frame.f_globals:
            return known
        values = frame.f_locals if code.co_freevars else {}
        closure = tuple(CellType(values[name]) if name in values else CellType() for name in code.co_freevars)
        function = FunctionType(code, frame.f_globals, code.co_name, None, closure or None)
        function.__qualname__ = f"{site.scope}.{code.co_name}" if site.scope else code.co_name
        if not closure:
            self._functions[code] = function
        return function


def _names(frame: FrameType, site: Site, passed: tuple[Any, ...]) -> dict[str, Any]:
    """The values of the names that an expression reads, unbound ones left out."""
    found = dict(zip(site.shape, passed))
    for name in site.reads:
        if name not in found:
            private = name.startswith("__") and not name.endswith("__")
            for space in (frame.f_locals, frame.f_globals, frame.f_builtins):
                # In a class, Python itself knows a private name by the class's name too.
                held = next((n for n in space if n.endswith(name) and n[:1] == "_"), name) if private else name
                if held in space:
                    found[name] = space[held]
                    break
    return found


def _words(error: Unkeyable) -> str:
    try:
        from .refusals import unkeyable
    except Exception:
        return str(error)
    return unkeyable(error)
