"""Whether what comes back from the store is what went in.

Pickling may lose things without a word: an attribute that `__getstate__` leaves out, a class that becomes another. The
value is compared with its copy by their encodings, which see what pickling sees, and besides attribute by attribute
for objects of the project's own classes, whose pickling nobody else has tried.
"""

from __future__ import annotations

from . import origin
from .encode import ATOMS, Unkeyable, encode
from .entry import Refused
from .refusals import Unstorable, Unwritable
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .store import KeyLike, SiteLike, Store
    from .watching import Found

# Entries up to this size are loaded once before they are kept.
_PROVABLE = 16 << 20
_ATOMS = (int, float, complex, str, bytes, bool, type(None))
_PLAIN = frozenset(_ATOMS)
# So many objects are looked at.
_LIMIT = 10_000
# Of containers: to load more of them once takes little beside what made them.
_FEW = 100


def prove(store: Store, fd: int, key: KeyLike, site: SiteLike, value: object, found: Found) -> None:
    """Make sure that what is about to be kept, and lies complete in `fd`, can be brought back. Raises `Unstorable`.

    Some values are pickled without complaint and cannot be unpickled, or come back as something else. Very large
    entries are believed: to load them would need their size in memory once more. `found` is the `watching.Found`
    that knows the live objects to which the entry refers.
    """
    if not has_second(found.effects) and not found.link.used and _is_plain(value):
        return  # there is nothing about it that could be lost
    if os.fstat(fd).st_size > _PROVABLE:
        return
    why = ""

    def load() -> None:
        nonlocal why
        os.lseek(fd, 0, os.SEEK_SET)
        try:
            read = store.read(fd, key, site, lambda _, effects: found.find if has_second(effects) else None)
            back, changes, _ = read
            # What refers to live objects cannot be compared with them: they hold it already.
            why = "" if changes and changes[1] else difference(value, back)
        except Refused as refused:
            if refused.reason == "damaged":
                why = f"it cannot be brought back: {refused.detail}"

    try:
        changed = found.changed_by(load)
    except OSError as error:
        place = error.filename or store.folder
        raise Unwritable(f"`{place}`: {error}", isinstance(error, FileNotFoundError)) from None
    if changed:
        why = f"loading it changes `{changed}`"
    if why:
        raise Unstorable("result", f"{type(value).__module__}.{type(value).__qualname__}", why)


def _is_plain(value: object) -> bool:
    """Whether a value consists of a few plain builtins, which pickling has never lost."""
    left = [value]
    count = 0
    while left:
        part: Any = left.pop()
        kind = type(part)
        if kind in ATOMS:
            continue
        count += 1
        if count > _FEW:
            return False
        if kind is list or kind is tuple:
            left += part
        elif kind is dict:
            left += part
            left += part.values()
        else:
            return False
        if len(left) > _LIMIT:
            return False
    return True


def has_second(effects: dict[str, Any]) -> bool:
    """Whether a second pickle stands behind the value: states of objects, or of generators of random numbers."""
    return "objects" in effects or "random" in effects


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
