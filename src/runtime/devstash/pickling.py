"""A value into a pickle stream and large buffers, or into words for why it cannot be pickled.

Python's own pickler comes first, as everybody knows it: classes and functions by reference, those of the
script's `__main__` too. Where it fails and the user has cloudpickle or dill, these are tried, still by
reference wherever a name leads to the very object: a class pickled by value would come back as another
class, and the script's `isinstance` would say no.
"""

import sys
from _io import _IOBase
from _pickle import Pickler, loads
from _thread import LockType, RLock

from .refusals import Unstorable, Unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pickle import PickleBuffer
    from typing import Any, Callable, Optional, Protocol

    from .linked import Link

    Rest = Callable[[], Optional[object]]

    class Sink(Protocol):
        """Where a pickle stream goes."""

        def write(self, data: Any, /) -> int: ...
        def restart(self) -> None:
            """Forget what was written."""

        def whole(self) -> memoryview:
            """What was written."""


# Buffers of at least this size lie outside of the stream proper, where they can be mapped.
LARGE = 16 << 10
_LIVING: "tuple[type, ...]" = (
    memoryview,
    LockType,
    type(RLock()),
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)
# What `type` itself knows of classes, which a metaclass cannot get between.
_OF_TYPES: "dict[str, Any]" = vars(type)  # type: ignore[assignment]
# How many objects are looked at in the search for the path to the one that cannot be pickled.
_NODES = 50_000


def dump(value: object, sink: "Sink", link: "Link | None" = None, rest: "Rest | None" = None) -> "list[memoryview]":
    """Write the pickle of `value` to `sink` and return its large buffers, in the order of the stream.

    With `link`, parts that were there before the call are referred to. `rest` is asked, once `value` is written, for
    what is to stand behind it; None for nothing. Raises `Unstorable` with the path of the part that cannot be pickled,
    and `Unwritable` when `sink` does.
    """
    try:
        return _dump(Pickler, value, sink, {}, link, rest)
    except (Unwritable, Unstorable):
        raise
    except Exception as error:
        failure = error
    for make in (_cloud_pickler, _dill_pickler):
        sink.restart()
        pickler, options = make()
        if pickler is None:
            continue
        try:
            buffers = _dump(pickler, value, sink, options, link, rest)
            # These picklers can write what plain unpickling does not read; that is found out now, not on
            # the hit.
            if link is None or not link.used:
                loads(sink.whole(), buffers=[bytearray(buffer) for buffer in buffers])
        except (Unwritable, Unstorable):
            raise
        except Exception:
            continue
        return buffers
    try:
        if link is not None and link.behind is not None:  # the value itself could be pickled
            blamed = _unstorable(link.behind, failure)
            raise Unstorable("what it holds", blamed.what, f"the call changes an object, and {blamed.why}") from failure
        raise _unstorable(value, failure) from failure
    finally:
        del failure  # its traceback holds this frame, and with it the value


def _dump(
    pickler: "Any", value: object, sink: "Sink", options: "dict[str, Any]", link: "Link | None", rest: "Rest | None"
) -> "list[memoryview]":
    buffers: list[memoryview] = []

    def large(buffer: "PickleBuffer") -> bool:
        """Take a large buffer; True leaves it in the stream."""
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if raw.nbytes < LARGE:
            return True
        buffers.append(raw)
        return False

    if link is None:
        pickler(sink, protocol=5, buffer_callback=large, **options).dump(value)
        return buffers
    from . import linked

    link.restart()
    while True:
        made = linked.pickler(pickler)(sink, protocol=5, buffer_callback=large, **options)
        made.link = link
        try:
            made.dump(value)
            if rest is not None:
                behind = rest()
                if behind is not None:
                    link.behind = behind
                    made.dump(behind)
            return buffers
        except linked.Aliased:
            sink.restart()
            link.restart()
            buffers.clear()
        except linked.Shared as shared:
            why = "it belongs to what the call was given, of which a hit would bring back a copy"
            raise Unstorable(_path(value, shared.part) or "result", type_name(type(shared.part)), why) from None


def _named(thing: object) -> bool:
    """Whether module and qualified name of a class or function lead to this very object."""
    found: object = sys.modules.get(getattr(thing, "__module__", None) or "")
    for name in (getattr(thing, "__qualname__", None) or "").split("."):
        found = getattr(found, name, None)
    return found is thing


def _refuse_what_lives(thing: object) -> None:
    """Keep to code and data: these packages write files, locks and views too, and restore something else."""
    kind = type(thing)
    if issubclass(kind, _IOBase) or kind in _LIVING:
        raise TypeError(f"cannot pickle {type_name(kind)!r} object")


def _cloud_pickler() -> "tuple[Any, dict[str, Any]]":
    try:
        import cloudpickle  # type: ignore[import-not-found,import-untyped,unused-ignore]

        base = cloudpickle.CloudPickler
        function = type(_named)

        class ByReference(base):  # type: ignore[misc,valid-type,unused-ignore]
            """cloudpickle, but for what has a name in a module, `__main__` included."""

            def reducer_override(self, thing: object) -> "Any":
                _refuse_what_lives(thing)
                if isinstance(thing, (type, function)) and _named(thing):
                    return NotImplemented
                return super().reducer_override(thing)

    except Exception:
        return None, {}
    return ByReference, {}


def _dill_pickler() -> "tuple[Any, dict[str, Any]]":
    try:
        import dill  # type: ignore[import-not-found,import-untyped,unused-ignore]

        function = type(_named)

        class ByReference(dill.Pickler):  # type: ignore[misc,unused-ignore]
            """dill, but for what has a name in a module, `__main__` included."""

            def save(self, thing: object, *rest: "Any", **more: "Any") -> None:
                _refuse_what_lives(thing)
                known = id(thing) in self.memo
                if isinstance(thing, (type, function)) and not known and _named(thing):
                    self.save_global(thing)
                else:
                    super().save(thing, *rest, **more)

    except Exception:
        return None, {}
    # `recurse`: of a function's globals only what it uses. Without, they are a reference to `__main__` in a
    # form that nothing but dill reads.
    return ByReference, {"recurse": True}


# --- why not ----------------------------------------------------------------------------------------------


class _Nowhere:
    def write(self, data: object, /) -> int:
        return 0


class _Last(Pickler):
    """Remembers the object at which pickling stopped."""

    at: object = None

    def reducer_override(self, thing: object) -> "Any":
        self.at = thing
        return NotImplemented


def _unstorable(value: object, failure: Exception) -> Unstorable:
    """The words for `failure`: the path to the offending part, its type, the error's own text."""
    if isinstance(failure, RecursionError):
        return Unstorable("result", type_name(type(value)), "it is nested too deeply to be pickled")
    why = str(failure) or type(failure).__name__
    last = _Last(_Nowhere(), protocol=5, buffer_callback=lambda _: None)
    try:
        last.dump(value)
    except Exception:
        pass
    if last.at is None:
        return Unstorable("result", type_name(type(value)), why)
    offender = last.at
    path = _path(value, offender)
    if path is None:
        return Unstorable("result", type_name(type(value)), f"at a part of type {type_name(type(offender))}: {why}")
    return Unstorable(path, type_name(type(offender)), why)


def type_name(kind: type) -> str:
    """`_thread.lock`, `list`: a type by module and name, without asking its metaclass for a repr."""
    module = _OF_TYPES["__module__"].__get__(kind)
    name = _OF_TYPES["__qualname__"].__get__(kind)
    return str(name) if module == "builtins" else f"{module}.{name}"


def _path(value: object, offender: object) -> "str | None":
    """How to get from the result to `offender`, the shortest way; runs no code of the objects."""
    level: list[tuple[str, object]] = [("result", value)]
    seen: set[int] = set()
    while level:
        below: list[tuple[str, object]] = []
        for path, thing in level:
            if thing is offender:
                return path
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if len(seen) > _NODES:
                return None
            try:
                below.extend((path + step, part) for step, part in _parts(thing))
            except Exception:  # changed under our feet by another thread
                continue
        level = below
    return None


def _parts(thing: "Any") -> "Iterator[tuple[str, object]]":
    """The parts of one object and the steps to them."""
    kind: Any = type(thing)  # not isinstance(), which asks the object itself
    if kind in (str, bytes, bytearray, int, float, complex, bool, type(None), type):
        return
    if issubclass(kind, dict):
        for name, part in list(dict.items(thing)):
            yield f"[{_short(name)}]", part
        for name in list(dict.keys(thing)):
            yield ".keys()", name
    elif issubclass(kind, (list, tuple)):
        names = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
        for place, part in enumerate(list.__iter__(thing) if issubclass(kind, list) else tuple.__iter__(thing)):
            yield (f".{names[place]}" if names and place < len(names) else f"[{place}]"), part
    elif issubclass(kind, (set, frozenset)):
        for part in list(set.__iter__(thing) if issubclass(kind, set) else frozenset.__iter__(thing)):
            yield ".{…}", part
    elif kind.__module__ == "collections" and kind.__name__ == "deque":
        for place, part in enumerate(list(thing)):
            yield f"[{place}]", part
    elif kind.__name__ in ("method", "partial", "builtin_function_or_method"):
        for name in ("__self__", "__func__", "func", "args", "keywords"):
            part = getattr(thing, name, None)
            if part is not None:
                yield f".{name}", part
    elif kind.__name__ == "function":
        for cell in getattr(thing, "__closure__", None) or ():
            yield ".__closure__", cell.cell_contents
        return
    for name, part in attributes(thing):
        yield f".{name}", part


def attributes(thing: object) -> "Iterator[tuple[str, object]]":
    """The attributes that an instance holds in `__dict__` and slots, read without running its code."""
    slot = type(_Slotted.__dict__["slot"])
    for kind in _OF_TYPES["__mro__"].__get__(type(thing)):
        members = _OF_TYPES["__dict__"].__get__(kind)
        holder = members.get("__dict__")
        if type(holder).__name__ == "getset_descriptor":
            held = holder.__get__(thing)
            if isinstance(held, dict):
                yield from [(name, part) for name, part in dict.items(held) if isinstance(name, str)]
        for name, member in list(members.items()):
            if type(member) is slot and name != "__weakref__" and "__slots__" in members:
                try:
                    yield name, member.__get__(thing)
                except AttributeError:
                    pass  # not set


class _Slotted:
    __slots__ = ("slot",)


def _short(name: object) -> str:
    """A dictionary key as part of a path."""
    if type(name) is str:
        return repr(name if len(name) <= 40 else name[:39] + "…")
    if type(name) is int and -(10**20) < name < 10**20:
        return repr(name)
    return f"<{type_name(type(name))}>"
