"""A short text for any value, made when it is stored, so that looking into the cache need not load anything.

A `__repr__` may be slow, fail, change the object or ask a database. So only those of Python's own plain types
are used; of other objects their attributes are shown, of arrays and frames shape and element type.
"""

from itertools import islice

from .pickling import attributes, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# Longest preview, in characters.
LENGTH = 200
# How deep a preview looks, and how many parts it shows of the value itself and of each part of it.
_DEPTH = 3
_PARTS = 8
_PARTS_OF_PARTS = 4
# Modules whose classes have a short repr without effects, and those whose classes have a shape.
_PLAIN = ("datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local")
_SHAPED = ("numpy", "pandas", "polars", "scipy", "torch", "pyarrow", "xarray")


def preview(value: object) -> str:
    """At most `LENGTH` characters that tell a person what `value` is. Never raises."""
    try:
        text = _text(value, _DEPTH)
    except Exception:
        text = f"<{type_name(type(value))}>"
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _text(value: "Any", depth: int) -> str:
    kind = type(value)  # not isinstance(), which asks the object itself
    if kind in (str, bytes, bytearray):
        return repr(value[:LENGTH])
    if kind is int:
        return repr(value) if value.bit_length() < 600 else f"<int of {value.bit_length()} bits>"
    if value is None or kind in (bool, float, complex, range, type(...)) or kind.__module__ in _PLAIN:
        return repr(value)
    if issubclass(kind, type):
        return f"<class {type_name(value)}>"
    if kind is list:
        return f"[{_parts((('', part) for part in value), depth)}]"
    if kind is tuple:
        return f"({_parts((('', part) for part in value), depth)}{',' if len(value) == 1 else ''})"
    if kind in (set, frozenset) and value:
        return f"{{{_parts((('', part) for part in value), depth)}}}"
    if kind is dict:
        return f"{{{_parts(((_text(name, 0) + ': ', part) for name, part in value.items()), depth)}}}"
    name = type_name(kind)
    if name.partition(".")[0] in _SHAPED and isinstance(getattr(value, "shape", None), tuple):
        shape = "×".join([str(int(length)) for length in value.shape]) or "scalar"
        element = getattr(value, "dtype", None)
        return f"{name}({shape})" if element is None else f"{name}({shape}, {element})"
    if issubclass(kind, tuple):
        held: Iterable[tuple[str, object]] = zip(getattr(kind, "_fields", ()), tuple.__iter__(value))
    else:
        held = attributes(value)
    return f"{name}({_parts(((f'{name}=', part) for name, part in held if name[0] != '_'), depth)})"


def _parts(parts: "Iterable[tuple[str, object]]", depth: int) -> str:
    """The first parts with their labels, and a sign that there are more."""
    if depth == 0:
        return "…"
    most = _PARTS if depth == _DEPTH else _PARTS_OF_PARTS
    texts = [label + _text(part, depth - 1) for label, part in islice(parts, most)]
    if next(iter(parts), None) is not None:
        texts.append("…")
    return ", ".join(texts)
