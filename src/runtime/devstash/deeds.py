"""What a call did, made again for `devstash run --verify`, beside what its entry says it did."""

from __future__ import annotations

import sys

from . import parts, restore, surroundings
from .contents import Unsteady, path_of, read_state, shown
from .differing import ABSENT, difference, key_text
from .pickling import attributes
from .places import ALL, look
from .quiet import Quiet
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .differing import Pair
    from .heap import Heap
    from .verifying import Kept
    from .watching import Found


# So many objects are looked at to find the way to one of them.
_LIMIT = 20_000


def differences(kept: Kept, found: Found, heap: Heap) -> list[str]:
    """How what it did differs, each in words. `heap` is that of the call that was made again."""
    told: list[str] = []
    pairs = _objects(kept.changes[0], found.changes.objects, heap, told)
    pairs += _names(kept.changes, found.changes.plain(), heap)
    pairs += _variables(kept.effects.get("environ", {}), found.effects.get("environ", {}))
    pairs.append(("the working folder", *(one.get("cwd", ABSENT) for one in (kept.effects, found.effects))))
    for pair in pairs:
        told += difference([pair])
    told += _random(kept, found)
    told += _files(kept.effects.get("files", []), found.effects.get("files", []))
    before, now = kept.effects.get("output"), found.effects.get("output")
    if before and now and before["streams"] == now["streams"] and before.get("blob") != now.get("blob"):
        told.append("it printed something else")
    return told


def reads(kept: Kept, found: Found) -> list[str]:
    """How what it read differs, in words. That alone does not make a call another one: what is read once in a process
    and remembered, the first call that wants it reads.
    """
    before, now = ({_what(row) for row in rows if row[0] != "module"} for rows in (kept.trace, found.trace))
    told = [f"reads {text}, which it did not before" for text in sorted(now - before)[:3]]
    return told + [f"did read {text}, which it does not now" for text in sorted(before - now)[:3]]


def _what(row: list[Any]) -> str:
    name = f"`{shown(path_of(row[1]))}`"
    if row[0] == "env":
        return f"the variable {name}"
    return f"the file {name}" if row[0] == "file" else f"what is at {name}"


def _size(count: int) -> str:
    return f"{count} B"


# --- objects and names ----------------------------------------------------------------------------------------------


def _objects(before: list[Any], now: list[Any], heap: Heap, told: list[str]) -> list[Pair]:
    """The states of the objects that the call changed; what needs no comparing goes to `told`.

    That an object changed is told by the identity of its parts, so one that is changed in one run alone can be equal.
    """
    kept, new = dict(before), dict(now)
    pairs: list[Pair] = []
    for number in sorted({*kept, *new}):
        value, kind = heap.objects[number], heap.kinds[number]
        name = _path(heap, number)
        if number in kept and number in new:
            pairs += _states(name, value, kind, kept[number], new[number])
        elif number in kept:
            try:
                state = kind.state(value, None)
            except Exception:
                told.append(f"it did change {name}")
                continue
            pairs += _states(name, value, kind, kept[number], state)
        else:
            was = heap.was(number)
            if was is None:
                told.append(f"it changes {name}, which it did not")
            else:
                pairs += _states(name, value, kind, was, new[number])
    return pairs


def _states(name: str, value: Any, kind: Any, kept: Any, now: Any) -> list[Pair]:
    if isinstance(kind, parts._Frame):
        copy = value.copy(deep=False)
        kind.apply(copy, kept)
        return [(name, copy, value)]
    if isinstance(kind, parts._Container):
        pairs: list[Pair] = []
        rows = []
        for contents, *_ in (kept, now):
            if isinstance(kind, parts._Set):
                contents = set(contents)
            elif isinstance(kind, parts._Dict):
                contents = dict(contents)
            rows.append(contents)
        pairs.append((name, *rows))
        if kept[1] is not None and now[1] is not None:
            pairs += _attributes(name, kept[1], now[1])
        return pairs
    if type(kind) is parts._Attributes or isinstance(kind, parts._Extended):
        return _attributes(name, kept, now)
    return [(name, kept, now)]


def _attributes(name: str, kept: Any, now: Any) -> list[Pair]:
    (attributes, slots), (new_attributes, new_slots) = kept, now
    labels = {**attributes, **new_attributes}
    pairs = [(f"{name}.{label}", attributes.get(label, ABSENT), new_attributes.get(label, ABSENT)) for label in labels]
    return [*pairs, (name, slots, new_slots)]


def _path(heap: Heap, number: int) -> str:
    """How a script would get at an object."""
    wanted = heap.objects[number]
    level = [(_named(name), root) for name, root in heap.roots().items()]
    seen: dict[int, Any] = {}
    while level and len(seen) < _LIMIT:
        following: list[tuple[str, Any]] = []
        for path, thing in level:
            if thing is wanted:
                return path
            if id(thing) not in seen and id(thing) in heap.numbers:
                seen[id(thing)] = thing
                following += _parts(path, thing)
        level = following
    return _named(heap.name_of(number))


def _parts(path: str, thing: Any) -> list[tuple[str, Any]]:
    if isinstance(thing, dict):
        found = [(f"{path}[{key_text(name)}]", part) for name, part in dict.items(thing)]
    elif isinstance(thing, (list, tuple)):
        plain: Any = list if isinstance(thing, list) else tuple
        found = [(f"{path}[{place}]", part) for place, part in enumerate(plain.__iter__(thing))]
    else:
        found = []
    return found + [(f"{path}.{name}", part) for name, part in attributes(thing)]


def _named(name: str) -> str:
    """A root of the heap as people know it."""
    for beginning in ("argument ", "read "):
        if name.startswith(beginning):
            return name[len(beginning) :]
    return name


def _names(before: tuple[Any, ...], now: tuple[Any, ...], heap: Heap) -> list[Pair]:
    """Module-level names, attributes of classes, and what functions hold."""
    pairs: list[Pair] = []

    def compare(kept: dict[Any, Any], new: dict[Any, Any], current: Any, earlier: Any) -> None:
        for place in {**kept, **new}:
            one = kept[place] if place in kept else earlier(*place)
            other = new[place] if place in new else current(*place)
            pairs.append((".".join(place[1:] if place[0] == "__main__" else place), one, other))

    kept, new = ({(m, n): value if bound else ABSENT for m, n, bound, value in rows[1]} for rows in (before, now))
    compare(
        kept,
        new,
        lambda module, name: vars(sys.modules[module]).get(name, ABSENT),
        lambda module, name: heap.was_bound(module, name, ABSENT),
    )
    held, now_held = (
        {(m, c, n): value if bound else ABSENT for m, c, n, bound, value in rows[2]} for rows in (before, now)
    )
    compare(
        held,
        now_held,
        lambda module, called, name: vars(heap.classes[module, called]).get(name, ABSENT),
        lambda module, called, name: heap.was_set(module, called, name, ABSENT),
    )
    functions, new_functions = ({(m, f): (held, cells) for m, f, held, cells in rows[3]} for rows in (before, now))
    for place in {**functions, **new_functions}:
        pairs.append((f"{place[1]}()", functions.get(place, ABSENT), new_functions.get(place, ABSENT)))
    return pairs


def _variables(before: dict[str, Any], now: dict[str, Any]) -> list[Pair]:
    return [
        (f'os.environ["{name}"]', before.get(name, ABSENT), now.get(name, ABSENT)) for name in sorted({**before, **now})
    ]


def _random(kept: Kept, found: Found) -> list[str]:
    """Generators that were where they are, and end somewhere else. Of a program that does not seed them, no two runs
    have them in one state.
    """
    before, now = kept.effects.get("random", {}), found.effects.get("random", {})
    return [
        f"it leaves `{name}` in another state"
        for name in before
        if name in now
        and before[name][0] == now[name][0]
        and surroundings._digest_of(kept.states[name]) != surroundings._digest_of(found.states[name])
    ]


# --- files ----------------------------------------------------------------------------------------------------------


def _files(before: list[list[Any]], now: list[list[Any]]) -> list[str]:
    """Whether all is as a hit would have made it, and what else the call has written."""
    with Quiet():
        old, new = restore.here(before), restore.here(now)
        told = [text for text in map(_file, old) if text]
        known = {row[1] for row in old}
        for row in new:
            if row[0] not in ("via", "cwd") and row[1] not in known:
                told.append(f"it {'removes' if row[0] == 'gone' else 'writes'} `{shown(row[1])}`, which it did not")
    return told


def _file(row: list[Any]) -> str:
    """How what is there differs from what a row says; or nothing."""
    if row[0] not in ("file", "dir", "link", "gone"):
        return ""
    path = row[1]
    name = f"the file `{shown(path)}`"
    found, kind = look(path)
    wanted = "absent" if row[0] == "gone" else row[0]
    if kind != wanted or found is None:
        return "" if kind == wanted else f"{name} was {_KINDS[wanted]}, and is {_KINDS.get(kind, kind)}"
    if row[0] == "link":
        return "" if os.readlink(path) == row[2] else f"{name} links to another place"
    if row[0] == "file" and row[4] is not None:
        try:
            digest, state, _ = read_state(path)
        except (OSError, Unsteady) as error:
            return f"{name} cannot be read any more: {error}"
        if state[0] != row[3]:
            return f"{name} was {_size(row[3])}, and is {_size(state[0])}"
        if digest.hex() != row[4]:
            return f"{name} has other contents"
    if row[2] is not None and found.st_mode & ALL != row[2]:
        return f"the mode of `{shown(path)}` was {row[2]:o}, and is {found.st_mode & ALL:o}"
    return ""


_KINDS = {"file": "written", "dir": "a folder", "link": "a link", "absent": "not there"}
