"""Short texts for the components of a key, for people: where a function stands, what a global was, which version.

They are made on a miss only and before the call runs, since it can change what they tell of. Nothing of the project is
executed and none of its files is read: code objects know their lines. No preview counts for the key.
"""

from __future__ import annotations

import sys

from . import ambient, origin
from .facts import original
from .kinds import CodeType, FunctionType
from .preview import glimpse
from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .fingerprint import Reach
    from .key import Head, Key

_LIMIT = 20000
_MOST = 50
#: What is shown of the heads of keys, by id. Calls of one function share a head while what it reaches is the same.
_heads: dict[int, tuple[Head, dict[str, str]]] = {}
#: The last lines of code objects, by id. The code objects are kept, so that their ids stay theirs.
_ends: dict[int, tuple[CodeType, int]] = {}
# What each of an object's attributes that are made of functions holds them as.
_PARTS = ("__func__", "fget", "fset", "fdel", "func")
# So much of a folder's name is shown.
_FOLDER = 120
_NAMES = {"cpython": "CPython", "pypy": "PyPy"}
_PYTHON = "%s %d.%d" % (_NAMES.get(sys.implementation.name, sys.implementation.name), *sys.version_info[:2])

_told: object = None
_surroundings = ""


def previews(key: Key, own: dict[str, str], values: dict[str, Any]) -> dict[str, str]:
    """Previews of the components of `key` of which there is something to tell; `own` are those that the head has not,
    `values` the receiver, the arguments and what the marker declares. Never raises.
    """
    known = _heads.get(id(key.head))
    if known is None:
        known = (key.head, _of_head(key))
        if len(_heads) >= _MOST:
            _heads.clear()
        _heads[id(key.head)] = known
    shown = known[1].copy()
    for component in own:
        try:
            if component in values:
                shown[component] = _given(component, values[component])
            elif component == "surroundings":
                shown[component] = surroundings()
        except Exception as error:
            let_through(error)
    shown["python"] = _PYTHON
    return shown


def _of_head(key: Key) -> dict[str, str]:
    """Previews of what is called, and of what it reaches."""
    shown = {"callable": f"{key.module}.{key.qualname}"}
    reach = key.reach
    code: dict[str, Any] = {}
    if reach is not None:
        for reached in reach.documented:
            kind = "function" if type(reached) is FunctionType else "class"
            code.setdefault(f"{kind} {reached.__module__}.{reached.__qualname__}", reached)
    for component in key.head[0]:
        try:
            text = _lines(code[component]) if component in code else _by_name(component, reach)
        except Exception as error:  # an odd object in the place of a module, say
            let_through(error)
            continue
        if text:
            shown[component] = text
    return shown


def _given(component: str, value: Any) -> str:
    kind, _, name = component.partition(" ")
    if kind == "env" and value is None:
        return "not set"
    return glimpse(value, name)


def _by_name(component: str, reach: Reach | None) -> str:
    kind, _, name = component.partition(" ")
    if kind == "global":
        home, _, short = name.rpartition(".")
        if reach is not None and component in reach.values:
            return glimpse(reach.values[component], short)
        space = vars(sys.modules[home])
        return glimpse(space[short], short) if short in space else ""
    if kind == "package":
        return origin.versions.get(name, "")
    if kind == "module":
        file = getattr(sys.modules.get(name), "__file__", None)
        return _path(file) if type(file) is str else ""
    if kind == "settings":
        return _settings(reach.settings.get(name) if reach is not None else None)
    return ""


def _settings(found: Any) -> str:
    """What was set in a package: names and values, where it is a list of such."""
    if found is None:
        return ""
    if type(found) is list and all(type(pair) is tuple and len(pair) == 2 and type(pair[0]) is str for pair in found):
        return ", ".join([f"{name} = {glimpse(value, name)}" for name, value in found[:4]] + ["…"] * (len(found) > 4))
    return glimpse(found)


# --- lines ------------------------------------------------------------------------------------------------


def _lines(reached: Any) -> str:
    """`features.py:14-31`: where a function or class stands, from its first to its last line as far as they are known;
    empty where it stands in no file.
    """
    if type(reached) is FunctionType:
        code = original(reached.__code__)
        return _place(code.co_filename, code.co_firstlineno, _end(code))
    held = vars(reached)
    codes = [code for value in list(held.values()) for code in _codes_of(value, reached)]
    first = held.get("__firstlineno__")  # from Python 3.13 on
    firsts = [code.co_firstlineno for code in codes] + ([first] if type(first) is int else [])
    if not firsts:
        return ""
    if codes:
        file = codes[0].co_filename
    else:
        file = getattr(sys.modules.get(reached.__module__), "__file__", None) or "<unknown>"
    return _place(file, min(firsts), max(firsts + [_end(code) for code in codes]))


def _codes_of(value: Any, kind: type) -> list[CodeType]:
    """The code of a class's method, property or the like that was written in the class."""
    functions = [value] if type(value) is FunctionType else []
    if not functions and type(value).__module__ in ("builtins", "functools"):
        functions = [part for part in (getattr(value, name, None) for name in _PARTS) if type(part) is FunctionType]
    own = f"{kind.__qualname__}."
    return [
        original(function.__code__)
        for function in functions
        if function.__qualname__.startswith(own)
        and function.__globals__.get("__name__") == kind.__module__
        and function.__code__.co_filename[:1] != "<"  # made of text, by dataclasses and its like
    ]


def _end(code: CodeType) -> int:
    """The last line that a piece of code, or code nested in it, stands on."""
    known = _ends.get(id(code))
    if known is not None:
        return known[1]
    last = line = code.co_firstlineno
    if sys.version_info >= (3, 10):
        for _, _, at in code.co_lines():
            if at is not None and at > last:
                last = at
    else:
        for step in code.co_lnotab[1::2]:
            line += step if step < 128 else step - 256
            last = max(last, line)
    for part in code.co_consts:
        if type(part) is CodeType:
            last = max(last, _end(part))
    if len(_ends) >= _LIMIT:
        _ends.clear()
    _ends[id(code)] = (code, last)
    return last


def _place(file: str, first: int, last: int) -> str:
    if file[:1] == "<":
        return ""
    return f"{_path(file)}:{first}" if first == last else f"{_path(file)}:{first}-{last}"


def _path(file: str) -> str:
    """A path as tracebacks have it, from the working folder on where it is below."""
    folder = ambient.told().get("folder") or ""
    return file[len(folder) + 1 :] if folder and file.startswith(folder + "/") else file


# --- surroundings -----------------------------------------------------------------------------------------


def surroundings() -> str:
    """What surrounds any call (see ambient.py) in words; what is as usual is not named."""
    global _told, _surroundings
    told = ambient.told()
    if told != _told:
        _told, _surroundings = told, _in_words(told)
    return _surroundings


def _in_words(told: dict[str, Any]) -> str:
    folder = told.get("folder") or "(a folder that was removed)"
    if len(folder) > _FOLDER:
        half = _FOLDER // 2
        folder = f"{folder[:half]}…{folder[-half:]}"
    parts = [f"in {folder}"]
    decimal = told.get("decimal")
    if decimal:
        parts.append(f"decimal precision {decimal[0]}, {decimal[1]}")
        if decimal[2:] != ambient.USUAL[2:]:
            parts.append("decimal limits or traps of its own")
    locale = told.get("locale")
    if locale:
        parts.append("locale " + "/".join(dict.fromkeys(locale)))
    names = told.get("time zone")
    if names:
        hours = -told["offset"] / 3600
        parts.append(f"time zone {names[0]}" + (f" (UTC{hours:+g})" if names[0] != "UTC" else ""))
    return ", ".join(parts)
