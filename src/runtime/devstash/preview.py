"""A short text for any value, made before a call can change it or when it is stored, so that looking into the cache
need not load anything.

A `__repr__` may be slow, fail, change the object or ask a database. So only those of Python's own plain types
are used; of other objects their attributes are shown, of arrays and frames shape and element type. Secrets are hidden.
"""

from __future__ import annotations

from itertools import islice

from .hiding import HIDDEN, is_one, is_secret, without_secrets
from .pickling import attributes, type_name
from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

#: Longest preview, in characters, and the longest that is only a glimpse.
LENGTH = 200
GLIMPSE = 60
# How deep a preview looks, and how many parts it shows of the value itself and of each part of it.
_DEPTH, _PARTS = 3, 8
_DEPTH_OF_GLIMPSE, _PARTS_OF_PARTS = 2, 4
# Modules whose classes have a short repr without effects, and those whose classes have a shape.
_PLAIN = frozenset(("datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local"))
_PANDAS = ("missing.NAType", "tslibs.nattype.NaTType", "tslibs.timedeltas.Timedelta", "tslibs.timestamps.Timestamp")
_PLAIN_CLASSES = frozenset(
    [f"pandas._libs.{name}" for name in _PANDAS] + [f"pandas.{name.rpartition('.')[2]}" for name in _PANDAS]
)
_SHAPED = frozenset(("numpy", "pandas", "polars", "scipy", "torch", "pyarrow", "xarray"))
_CONTAINERS = frozenset((list, tuple, set, frozenset, dict))
_SETS = frozenset((set, frozenset))
# Sets of more parts are shown in no order.
_SORTED = 16
_NUMBERS = frozenset((type(None), bool, float, complex, range, type(...)))
_OWN = type.__dict__["__dict__"]


def preview(value: object) -> str:
    """At most `LENGTH` characters that tell a person what `value` is. Never raises."""
    return _cut(value, _DEPTH, _PARTS, LENGTH)


def says_all(value: object, shown: str) -> bool:
    """Whether there is no more to tell of `value` than its preview, which is `shown`."""
    kind = type(value)
    if kind in _NUMBERS or kind is int:
        return True
    return len(shown) < LENGTH if kind is str else kind in _CONTAINERS and "…" not in shown and "(" not in shown


def glimpse(value: object, name: str = "") -> str:
    """A preview of at most `GLIMPSE` characters of `value`, which goes by `name`. Never raises."""
    return HIDDEN if name and is_secret(name) else _cut(value, _DEPTH_OF_GLIMPSE, _PARTS_OF_PARTS, GLIMPSE)


def _cut(value: object, depth: int, parts: int, most: int) -> str:
    try:
        text = _text(value, depth, parts, most)
    except Exception as error:
        let_through(error)
        text = f"<{type_name(type(value))}>"
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(value: Any, depth: int, parts: int, most: int) -> str:
    kind = type(value)  # not isinstance(), which asks the object itself
    if kind is str:
        return HIDDEN if is_one(value) else repr(without_secrets(value[:most]) + value[most : most + 1])
    if kind is int:
        return repr(value) if value.bit_length() < 3 * most else f"<int of {value.bit_length()} bits>"
    if kind in _NUMBERS or kind.__module__ in _PLAIN:
        return repr(value)
    if kind in _CONTAINERS:
        return _container(value, kind, depth, parts, most)
    if kind is bytes or kind is bytearray:
        return repr(value[: most + 1])
    if issubclass(kind, type):
        return f"<class {type_name(value)}>"
    if "_member_map_" in _OWN.__get__(kind):
        return f"{kind.__name__}.{value._name_}"
    name = type_name(kind)
    if name in _PLAIN_CLASSES:
        return repr(value)
    if kind.__module__ == "builtins" and type(called := getattr(value, "__qualname__", None)) is str:
        return f"<{name} {called}>"
    if name.partition(".")[0] in _SHAPED and isinstance(shape := getattr(value, "shape", None), tuple):
        return _shaped(value, name, shape)
    held: Iterable[tuple[str, object]]
    if issubclass(kind, tuple):
        held = zip(getattr(kind, "_fields", ()), tuple.__iter__(value))
    else:
        held = public(value)
    if not depth:
        return f"{name}(…)"
    texts: list[str] = []
    for label, part in held:
        if len(texts) == parts:
            texts.append("…")
            break
        shown = HIDDEN if is_secret(label) else _text(part, depth - 1, _PARTS_OF_PARTS, most)
        texts.append(f"{label}={shown}")
    return f"{name}({', '.join(texts)})"


def public(value: object) -> Iterator[tuple[str, object]]:
    """The attributes of an object that are no affair of its own; none of its code runs."""
    met = set()
    for name, part in attributes(value):
        if name[:1] != "_" and name not in met:
            met.add(name)
            yield name, part


def _container(value: Any, kind: type, depth: int, parts: int, most: int) -> str:
    """The first parts of a container, and how many there are if these are not all."""
    size = len(value)
    if not size:
        return repr(value)
    start, end = "[]" if kind is list else "()" if kind is tuple else "{}"
    if not depth:
        return f"{start}… {size}{end}"
    if kind is dict:
        texts = [
            f"{_text(name, 0, 0, most)}: "
            + (HIDDEN if type(name) is str and is_secret(name) else _text(part, depth - 1, _PARTS_OF_PARTS, most))
            for name, part in islice(value.items(), parts)
        ]
    elif kind in _SETS and size <= _SORTED:
        # Their order differs from run to run.
        texts = sorted([_text(part, depth - 1, _PARTS_OF_PARTS, most) for part in value])[:parts]
    else:
        texts = [_text(part, depth - 1, _PARTS_OF_PARTS, most) for part in islice(value, parts)]
    if size > parts:
        texts.append(f"… {size}")
    elif kind is tuple and size == 1:
        end = ",)"
    return start + ", ".join(texts) + end


def _shaped(value: Any, name: str, shape: tuple[Any, ...]) -> str:
    """An array or a frame."""
    element: Any = getattr(value, "dtype", None)
    if not shape and name.startswith("numpy.") and element.kind in "biufc":
        return f"{name}({value.item()!r})"
    text = "×".join([str(int(length)) for length in shape]) or "scalar"
    return f"{name}({text})" if element is None else f"{name}({text}, {element})"
