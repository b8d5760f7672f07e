"""Where two values differ, for `devstash run --verify`: the first place, in a path such as `result["a"][3]`.

Whether they differ is said by their encodings, as when an entry is proved. The search for the place is bounded, and
runs no code of the values' own classes; what it does not find differs somewhere.
"""

from __future__ import annotations

from .encode import ATOMS, Unkeyable, atom, encode
from .hiding import HIDDEN, is_secret
from .pickling import attributes
from .preview import preview
from .proof import _lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    # Path, kept, now.
    Pair = tuple[str, Any, Any]

#: Stands for what is not there.
ABSENT = object()
# So many parts are looked at.
_LIMIT = 200_000
# Longest text for one value, in characters.
_LENGTH = 80
# Arrays are compared in pieces of so many bytes.
_PIECE = 1 << 20
# Up to so many bytes an array is copied whose elements do not lie one behind the other.
_COPIED = 64 << 20


def difference(pairs: Iterable[Pair]) -> list[str]:
    """How the first pair whose values are not the same differs, in words; nothing if all are.

    Raises `Unkeyable` if that cannot be told of one of them, and none of them is known to differ.
    """
    unknown: Unkeyable | None = None
    for path, old, new in pairs:
        try:
            if equal(old, new, path):
                continue
        except Unkeyable as error:
            found = where(path, old, new)
            if not found:
                unknown = unknown or error
                continue
        else:
            found = where(path, old, new) or _told(path, old, new)
        return [found]
    if unknown is not None:
        raise unknown
    return []


def equal(old: Any, new: Any, path: str = "value") -> bool:
    """Whether two values are the same, as far as a store can tell. Raises `Unkeyable`."""
    if old is new:
        return True
    if type(old) is not type(new) or old is ABSENT or new is ABSENT:
        return False
    return encode(old, path) == encode(new, path) and not _lost(new, old)


def where(path: str, old: Any, new: Any) -> str:
    """The first difference between two values in words, or nothing if none is found."""
    levels: list[Iterator[Pair | str]] = [iter([(path, old, new)])]
    seen: dict[int, Any] = {}  # held, so that no number is given to another part meanwhile
    count = 0
    while levels:
        pair = next(levels[-1], None)
        if pair is None:
            levels.pop()
            continue
        if isinstance(pair, str):
            return pair
        path, old, new = pair
        if old is new:
            continue
        count += 1
        if count > _LIMIT:
            return ""
        kind = type(old)
        if type(new) is not kind or old is ABSENT:
            return _told(path, old, new)
        if kind in ATOMS:
            if atom(old) != atom(new):
                return _told(path, old, new)
        elif id(old) not in seen:
            seen[id(old)] = old
            levels.append(_inside(path, old, new))
    return ""


def _inside(path: str, old: Any, new: Any) -> Iterator[Pair | str]:
    """The pairs of parts of two values of one type, or words for how the values differ as a whole."""
    kind = type(old)
    if kind is list or kind is tuple:
        for place, (one, other) in enumerate(zip(old, new)):
            yield f"{path}[{place}]", one, other
        if len(old) != len(new):
            yield f"{path} had {_count(len(old))}, and has {len(new)}"
    elif kind is dict:
        yield from _mappings(path, old, new)
    elif kind is set or kind is frozenset:
        if ATOMS.issuperset(map(type, old)) and ATOMS.issuperset(map(type, new)) and old != new:
            lost, got = (", ".join(sorted(map(shown, items))[:3]) for items in (old - new, new - old))
            if lost and got:
                yield f"{path} has {got} instead of {lost}"
            elif lost or got:
                yield f"{path} lacks {lost}" if lost else f"{path} has {got} in addition"
        yield from _whole(path, old, new)
    elif hasattr(kind, "__array_interface__") and hasattr(kind, "dtype") and hasattr(kind, "shape"):
        yield from _arrays(path, old, new)
    elif kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in ("DataFrame", "Series"):
        yield from _frames(path, old, new)
    elif kind.__module__.partition(".")[0] in ("builtins", "datetime", "decimal", "fractions", "uuid", "pathlib"):
        yield from _whole(path, old, new)
    else:
        held, now = (dict(attributes(thing)) for thing in (old, new))
        plain: Any
        for plain in (list, tuple):
            if isinstance(old, plain):
                yield from _inside(path, list(plain.__iter__(old)), list(plain.__iter__(new)))
        if isinstance(old, dict):
            yield from _mappings(path, dict(dict.items(old)), dict(dict.items(new)))
        for name in {**held, **now}:
            one, other = held.get(name, ABSENT), now.get(name, ABSENT)
            if _counts(one, other):
                yield f"{path}.{name}", one, other
        if not held and not now:
            yield from _whole(path, old, new)


def _counts(one: Any, other: Any) -> bool:
    """Whether two attributes differ in what an encoding sees: locks, caches and the like carry no meaning."""
    try:
        return not equal(one, other)
    except Unkeyable:
        return False


def _mappings(path: str, old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[Pair | str]:
    if not (ATOMS.issuperset(map(type, old)) and ATOMS.issuperset(map(type, new))):
        for place, ((name, one), (other_name, other)) in enumerate(zip(old.items(), new.items())):
            yield f"{path}'s key {place}", name, other_name
            yield f"{path}[{shown(name)}]", one, other
        if len(old) != len(new):
            yield f"{path} had {_count(len(old))}, and has {len(new)}"
        return
    typed = {(type(name), name): part for name, part in new.items()}
    for name, one in old.items():
        yield f"{path}[{key_text(name)}]", one, typed.pop((type(name), name), ABSENT)
    for (_, name), other in typed.items():
        yield f"{path}[{key_text(name)}]", ABSENT, other
    if [(type(name), name) for name in old] != [(type(name), name) for name in new]:
        yield f"{path} has its keys in another order"


def _arrays(path: str, old: Any, new: Any) -> Iterator[Pair | str]:
    """Arrays and scalars of NumPy."""
    if old.shape != new.shape or old.dtype != new.dtype:
        yield _told(path, old, new)
    elif old.dtype.hasobject:
        for place, (one, other) in enumerate(zip(old.flat, new.flat)):
            yield f"{path}{_index(place, old.shape)}", one, other
    elif old.size and (old.nbytes <= _COPIED or (old.flags.c_contiguous and new.flags.c_contiguous)):
        old, new = (one if one.flags.c_contiguous else one.copy(order="C") for one in (old, new))
        width = old.dtype.itemsize
        views = [memoryview(one.reshape(-1).view("u1")) for one in (old, new)]
        for start in range(0, len(views[0]), _PIECE * width):
            one, other = (view[start : start + _PIECE * width] for view in views)
            if one == other:
                continue
            place = _first(one, other, width)
            texts = [str(array.reshape(-1)[start // width + place]) for array in (old, new)]
            yield f"{path}{_index(start // width + place, old.shape)} was {texts[0]}, and is {texts[1]}"
            return
    else:
        yield from _whole(path, old, new)


def _first(one: memoryview, other: memoryview, width: int) -> int:
    """The first element, of `width` bytes, in which two pieces of arrays differ."""
    low, high = 0, len(one) // width
    while high - low > 1:
        middle = (low + high) // 2
        if one[low * width : middle * width] == other[low * width : middle * width]:
            low = middle
        else:
            high = middle
    return low


def _index(place: int, shape: tuple[int, ...]) -> str:
    """The index of an element of an array by its number."""
    index: list[str] = []
    for length in reversed(shape):
        place, rest = divmod(place, length)
        index.append(str(rest))
    return f"[{', '.join(reversed(index))}]" if index else ""


def _frames(path: str, old: Any, new: Any) -> Iterator[Pair | str]:
    """DataFrames and Series of pandas."""
    if old.shape != new.shape:
        yield _told(path, old, new)
        return
    yield f"{path}.index", old.index.to_numpy(), new.index.to_numpy()
    if type(old).__name__ == "Series":
        yield path, old.to_numpy(), new.to_numpy()
        return
    yield f"{path}.columns", list(old.columns), list(new.columns)
    for place, name in enumerate(old.columns):
        one, other = old.iloc[:, place], new.iloc[:, place]
        if encode(one) != encode(other):
            yield f"{path}[{key_text(name)}]", one, other


def _whole(path: str, old: Any, new: Any) -> Iterator[Pair | str]:
    """What is not looked into."""
    try:
        if encode(old) != encode(new):
            yield _told(path, old, new)
    except Unkeyable:
        pass  # nobody knows


def _told(path: str, old: Any, new: Any) -> str:
    name = path.rpartition(".")[2].rpartition("[")[2].strip("\"']")
    hidden = is_secret(name)
    texts = [HIDDEN if hidden and one is not ABSENT else shown(one) for one in (old, new)]
    if texts[0] != texts[1]:
        return f"{path} was {texts[0]}, and is {texts[1]}"
    return f"{path} is another {texts[0]}" if hidden else f"{path} differs, and looks the same: {texts[0]}"


def key_text(name: Any) -> str:
    """A key of a dict, as a script would write it."""
    return '"%s"' % name if type(name) is str and name.isprintable() and '"' not in name else shown(name)


def _count(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def shown(value: Any) -> str:
    """A short look at a value, on one line."""
    if value is ABSENT:
        return "not there"
    text = preview(value)
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"
