"""Objects of any class by what their pickling says, and those that cannot or need not be described."""

from __future__ import annotations

import copyreg
import sys

from . import origin
from .encode import Encoder, Unkeyable, type_name
from .kinds import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by a `class` statement or by a modern extension
LIMIT = 4096  # classes made anew on every call must not fill the memory

# Attributes in which known classes note an address in memory (scikit-learn's text vectorizers).
_ADDRESSES = frozenset(("_stop_words_id",))


def is_plain(kind: type, obj: Any) -> bool:
    """Whether objects of this class are their `__dict__`, so that it can be read without further ado."""
    if (
        not hasattr(obj, "__dict__")
        or kind in copyreg.dispatch_table
        or not _is_inherited(kind, "__reduce_ex__")
        or not _is_inherited(kind, "__reduce__")
        or not _is_inherited(kind, "__getstate__")
        or hasattr(kind, "__getnewargs__")
        or hasattr(kind, "__getnewargs_ex__")
        or type(vars(kind).get("__dict__")) is property
    ):
        return False
    for base in kind.__mro__[:-1]:
        if not base.__flags__ & _HEAP or base.__dict__.get("__slots__"):
            return False
    try:  # refused for extension types with a state of their own, and then for every one of them
        made: Any = object.__reduce_ex__(obj, 4)
    except Exception:
        return False
    return made[0] is copyreg.__newobj__ and made[1] == (kind,) and (not made[2] or type(made[2]) is dict)  # type: ignore[attr-defined]


def _is_inherited(kind: type, name: str) -> bool:
    """Whether a class has this method from `object`, or not at all."""
    return getattr(kind, name, None) is getattr(object, name, None)


def attributes(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An ordinary object: its class and its attributes by name."""
    held = obj.__dict__
    if not held:
        return _stateless(encoder, obj)
    return "object " + encoder.type_name(type(obj)), sorted_state(held)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def reduced(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An object as its pickling would have it, read as data."""
    kind = type(obj)
    name = encoder.type_name(kind)
    reduce = copyreg.dispatch_table.get(kind)
    made: Any = reduce(obj) if reduce is not None else obj.__reduce_ex__(4)
    if isinstance(made, str):
        # A singleton of a module, known there by this name; an `lru_cache` among them.
        module = getattr(obj, "__module__", None)
        wrapped = getattr(obj, "__wrapped__", None)
        return "named " + name, (module if type(module) is str else None, made, wrapped, _named(obj))
    function, arguments, state, items, pairs = (*made, None, None, None)[:5]
    if items is not None:
        items = list(items)
    if pairs is not None:
        pairs = list(pairs)
    if type(state) is dict:
        # An exception tells of its attributes once somebody has asked for them, even if there are none.
        state = sorted_state(state) if state or not isinstance(obj, BaseException) else None
    elif type(state) is tuple and len(state) == 2 and all(type(part) in (dict, type(None)) for part in state):
        state = sorted_state({**(state[0] or {}), **(state[1] or {})})  # attributes and slots
    if function is copyreg.__newobj__ and arguments and arguments[0] is kind:  # type: ignore[attr-defined]
        if len(arguments) == 1 and not items and not pairs:
            if state is None:
                return _stateless(encoder, obj)
            return "object " + name, state
        return "object " + name, ("", arguments[1:], state, items, pairs)
    return "reduced " + name, (function, arguments, state, items, pairs)


# What a type variable or the like says besides its name. `__value__` and, since 3.12, `__bound__` are evaluated
# when first asked for.
_TYPING = ("__supertype__", "__bound__", "__constraints__", "__covariant__", "__contravariant__", "__default__")


def _named(obj: Any) -> Any:
    """What belongs to an object that is pickled by its name alone, but can be told of it."""
    kind = type(obj)
    if kind.__module__ in ("typing", "typing_extensions"):
        found: list[Any] = []
        for name in (*_TYPING, "__value__", "__type_params__"):
            try:
                found.append((name, getattr(obj, name)))
            except Exception as error:  # it names something that is not there, which the call would find too
                found.append((name, type(error).__name__))
        return found
    if origin.of_class(kind) != origin.PROJECT:
        return None
    slots = {name: getattr(obj, name) for name in _slots(kind) if hasattr(obj, name)}
    return sorted_state({**slots, **getattr(obj, "__dict__", {})})


def _slots(kind: type) -> list[str]:
    names: list[str] = []
    for base in kind.__mro__:
        held = base.__dict__.get("__slots__", ())
        names.extend((held,) if isinstance(held, str) else held)
    return [name for name in names if name[:2] != "__"]


def notes(member: Any) -> Any:
    """The attributes that an enum's member was given besides its name and value.

    The names of Enum's own begin and end with an underscore.
    """
    held = [pair for pair in vars(member).items() if pair[0][0] != "_" or pair[0][-1] != "_"]
    return sorted_state(dict(held)) if held else None


def sorted_state(state: dict[Any, Any]) -> Any:
    if not _ADDRESSES.isdisjoint(state):
        state = {name: value for name, value in state.items() if name not in _ADDRESSES}
    try:
        return tuple(sorted(state.items(), key=_first))
    except TypeError:
        return ("", tuple(state.items()))


def _stateless(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An object without any state.

    If it compares by identity it may be a sentinel, and two of them are different values. They are told
    apart by the module-level or class-level name they go by; a bare `object()` without one cannot be keyed.
    """
    kind = type(obj)
    name = encoder.type_name(kind)
    if not _is_inherited(kind, "__eq__"):
        return "object " + name, None
    known = _sentinel_name(obj)
    if known is None and kind is object:
        raise Unkeyable("", "object", "one bare object() cannot be told from another")
    return "object " + name, known


_sentinels: dict[int, tuple[Any, str]] = {}


def _sentinel_name(obj: Any) -> str | None:
    """The name that an object goes by in a module or a class of it.

    A bare object is looked for everywhere, others where their class is at home. What an installed module
    calls its sentinels does not change, so it is looked up once; what the project does may.
    """
    known = _sentinels.get(id(obj))
    if known is not None:
        return known[1]
    kind = type(obj)
    ours = kind is object or origin.of_class(kind) == origin.PROJECT
    homes = sorted(sys.modules) if kind is object else {"__main__", str(kind.__module__)} if ours else {kind.__module__}
    for home in sorted(homes):
        module = sys.modules.get(home)
        found = _name_in(module, obj) if type(module) is ModuleType else None
        if found is not None:
            if (kind is object or not ours) and len(_sentinels) < LIMIT:
                _sentinels[id(obj)] = (obj, found)
            return found
    return None


def _name_in(module: ModuleType, obj: Any) -> str | None:
    for name, value in list(vars(module).items()):
        if value is obj:
            return f"{module.__name__}.{name}"
        if isinstance(value, type) and getattr(value, "__module__", None) == module.__name__:
            for inner, held in list(vars(value).items()):
                if held is obj:
                    return f"{module.__name__}.{value.__qualname__}.{inner}"
    return None


def plumbing(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """Something that carries no meaning for what a call computes."""
    return "plumbing", type_name(type(obj))


def nested_plumbing(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A socket or the like: no meaning as a part of an object, but what else than itself if passed to a
    call.
    """
    if not encoder.active:
        raise Unkeyable("", type_name(type(obj)), "what comes out of it is not known beforehand")
    return "plumbing", type_name(type(obj))


def consumed(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    raise Unkeyable("", type_name(type(obj)), "it is used up by the call")


def unkeyable(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    raise Unkeyable("", type_name(type(obj)), "its contents are not known without using them")
