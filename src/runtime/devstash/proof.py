"""Whether what comes back from the store is what went in.

Pickling may lose things without a word: an attribute that `__getstate__` leaves out, a class that becomes another. The
value is compared with its copy by their encodings, which see what pickling sees, and besides attribute by attribute
for objects of the project's own classes, whose pickling nobody else has tried.
"""

from __future__ import annotations

from . import origin
from .encode import Unkeyable, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ATOMS = (int, float, complex, str, bytes, bool, type(None))
_PLAIN = frozenset(_ATOMS)
# So many objects are looked at.
_LIMIT = 10_000


def difference(value: object, back: object) -> str:
    """How `back`, which was loaded, differs from `value`, which was stored; or nothing."""
    if type(back) is not type(value):
        return f"it comes back as {type(back).__name__}"
    lost = _lost(value, back)
    if lost:
        return lost
    try:
        before = encode(value)
    except Unkeyable:
        return ""  # nothing is known of what it holds
    try:
        return "" if encode(back) == before else "it comes back as another value"
    except Unkeyable as error:
        return f"it comes back without {error.path}"


def _lost(value: Any, back: Any) -> str:
    """What objects of the project's classes lose, in words; looks at plain containers and at attributes."""
    pairs: list[tuple[str, Any, Any]] = [("", value, back)]
    seen: set[int] = set()
    while pairs and len(seen) < _LIMIT:
        path, one, other = pairs.pop()
        kind = type(one)
        if kind in _ATOMS:
            if type(other) is not kind or (one != other and one == one):
                return f"{path.lstrip('.')} comes back as another value"
            continue
        if type(other) is not kind or id(one) in seen:
            continue
        seen.add(id(one))
        if kind in (list, tuple):
            if _PLAIN.issuperset(map(type, one)):
                continue  # the encodings will tell
            pairs += [(f"{path}[{place}]", a, b) for place, (a, b) in enumerate(zip(one, other))]
        elif kind is dict:
            pairs += [(f"{path}[{key!r:.20}]", part, other[key]) for key, part in one.items() if _is_in(key, other)]
        elif origin.of_class(kind) == origin.PROJECT and type(getattr(one, "__dict__", None)) is dict:
            for name, part in one.__dict__.items():
                if name not in other.__dict__:
                    return f"its attribute {path}.{name} is not stored".replace(" .", " ")
                pairs.append((f"{path}.{name}", part, other.__dict__[name]))
    return ""


def _is_in(key: Any, held: dict[Any, Any]) -> bool:
    return type(key) in _ATOMS and key in held
