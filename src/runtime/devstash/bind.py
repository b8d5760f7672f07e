"""Arguments as they are given into arguments by name, the way Python itself binds them.

`inspect` is too slow to import on the way to a hit; code objects say all that is needed. An argument that
equals its default counts as not given, so that `f(3)`, `f(3, 2)` and `f(x=3, y=2)` are one call. What does
not bind is left as it was given: the call itself will say what is wrong.
"""

from __future__ import annotations

from .encode import Unkeyable
from .kinds import FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Arguments = list[tuple[str, Any]]

_VARARGS, _VARKEYWORDS = 4, 8
_PLAIN = (int, str, bool, bytes, type(None))


class Binding:
    """Arguments by name, and how they were passed where that is not the same to the callee."""

    __slots__ = ("arguments", "defaults", "form")

    def __init__(self, arguments: Arguments, defaults: dict[str, Any], form: str = "") -> None:
        self.arguments = arguments
        #: The defaults of arguments that were given, to compare with.
        self.defaults = defaults
        self.form = form


def defaults_of(function: FunctionType) -> dict[str, Any]:
    """The defaults of a function's parameters by name."""
    code, held = function.__code__, function.__defaults__ or ()
    count = code.co_argcount
    return {**dict(zip(code.co_varnames[count - len(held) : count], held)), **(function.__kwdefaults__ or {})}


def bind(callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Binding:
    """Bind the arguments of one call."""
    function, skip, form = _signature(callee)
    if function is not None:
        bound = _bind(function, skip, args, kwargs)
        if bound is not None:
            if form:
                bound.form = _form(args, kwargs)
            return bound
    return unbound(args, kwargs)


def unbound(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Binding:
    """Arguments by place, and by the names they were given under."""
    _refuse_odd_names(kwargs)
    named: Arguments = [(str(place), value) for place, value in enumerate(args, 1)]
    named += kwargs.items()
    return Binding(named, {})


def _refuse_odd_names(kwargs: dict[str, Any]) -> None:
    """Refuse `f(**{"1": x})`: our own names for nameless arguments must not be taken for the script's."""
    for name in kwargs:
        if not name.isidentifier():
            raise Unkeyable(f"**{name}", "builtins.str", "a keyword that is no name")


def _form(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return f"({len(args)}{''.join([', ' + name for name in kwargs])})"


def _signature(callee: Any) -> tuple[FunctionType | None, int, bool]:
    """The function whose parameters name the arguments, how many are bound already, and whether it only
    gives names.

    A wrapper that takes `*args, **kwargs` is given the names of what it wraps. It may still tell `f(3)`
    from `f(x=3)`, so then the form of the call counts too.
    """
    skip = 0
    form = False
    kind = type(callee)
    if kind is MethodType:
        callee = callee.__func__
        skip = 1
    elif issubclass(kind, type):
        if kind.__call__ is not type.__call__:
            return None, 0, False
        initialise, new = callee.__init__, callee.__new__
        if type(initialise) is FunctionType and new is object.__new__:
            callee = initialise
        elif type(new) is FunctionType and initialise is object.__init__:
            callee = new
        else:
            return None, 0, False
        skip = 1
    elif kind is not FunctionType:
        method = kind.__dict__.get("__call__")
        if type(method) is FunctionType:
            callee = method
            skip = 1
    seen = 0
    while seen < 50:
        wrapped = getattr(callee, "__wrapped__", None)
        if type(wrapped) is not FunctionType:
            break
        if type(callee) is FunctionType:
            if callee.__code__.co_flags & (_VARARGS | _VARKEYWORDS) != _VARARGS | _VARKEYWORDS:
                break  # it has a signature of its own
            form = True
        elif type(callee).__module__ != "functools":
            return None, 0, False
        callee = wrapped
        seen += 1
    return (callee if type(callee) is FunctionType else None), skip, form


def _bind(function: FunctionType, skip: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Binding | None:
    code = function.__code__
    count = code.co_argcount
    names = code.co_varnames
    flags = code.co_flags
    if skip:
        args = (None, *args)
    given: dict[str, Any] = dict(zip(names[:count], args))
    rest: tuple[Any, ...] = ()
    if len(args) > count:
        if not flags & _VARARGS:
            return None
        rest = args[count:] if count else args[skip:]
    extra: Arguments = []
    if kwargs:
        _refuse_odd_names(kwargs)
        allowed = names[code.co_posonlyargcount : count + code.co_kwonlyargcount]
        for name, value in kwargs.items():
            if name in allowed:
                if name in given:
                    return None
                given[name] = value
            elif flags & _VARKEYWORDS:
                # A name that is also that of a positional-only parameter must not be taken for it.
                extra.append((f"**{name}" if name in names[:count] else name, value))
            else:
                return None
    defaults = defaults_of(function) if function.__defaults__ or function.__kwdefaults__ else {}
    arguments: Arguments = []
    compared: dict[str, Any] = {}
    for place, name in enumerate(names[: count + code.co_kwonlyargcount]):
        if name not in given:
            if name not in defaults:
                return None
            continue
        if place < skip:
            continue
        value = given[name]
        if name in defaults:
            default = defaults[name]
            if value is default:
                continue
            if type(value) is type(default):
                if type(value) in _PLAIN:
                    if value == default:
                        continue
                else:
                    compared[name] = default
        arguments.append((name, value))
        if place == count - 1 and rest:
            arguments.append((_rest_name(code), rest))
            rest = ()
    if rest:
        arguments.append((_rest_name(code), rest))
    arguments += extra
    return Binding(arguments, compared)


def _rest_name(code: Any) -> str:
    return "*" + str(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
