"""The changeable objects that a call is given, and what became of them when it has run.

A call may change its receiver, its arguments and what its code reads besides them, and its result may refer to any of
these. `Heap` numbers every such object in an order that the next run finds again, since equal keys mean equal objects.
After the call each object is compared with what it held before (containers and plain objects by the identity of their
parts, all others by a digest); the states of the changed ones are stored beside the result, in which numbers stand for
the objects that were there before. A hit numbers the live objects, makes sure that they are arranged as they were, and
puts the states into them in place. So `m.fit(X) is m`, two names for one object stay two names for one object, and an
array seen through a view changes for both.
"""

from __future__ import annotations

import _operator as operator
import sys
from _blake2 import blake2b
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType

from . import origin, sharing
from .encode import DIGEST, Encoder, Unkeyable, type_name
from .parts import Kind, _Attributes, kind_of
from .refusals import Unstorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .call import Call
    from .key import Key

# What has no state of its own, or whose identity nobody can rely on.
ATOMS = frozenset(
    (
        *(int, float, complex, str, bytes, bool, range, slice, type, type(None), type(...), type(NotImplemented)),
        *(FunctionType, CodeType, CellType, ModuleType, property, staticmethod, classmethod),
    )
)
# Attributes of a class that its own machinery writes.
_OWN = frozenset(
    (
        *("__doc__", "__slotnames__", "__abstractmethods__", "_abc_impl", "__annotations__", "__annotations_cache__"),
        "__warningregistry__",
    )
)
_ABSENT = object()


class Changes:
    """What a call changed, as it is stored: see `Heap.changes`."""

    __slots__ = ("classes", "functions", "globals", "objects")

    def __init__(self) -> None:
        #: (number, state as its kind has it)
        self.objects: list[tuple[int, Any]] = []
        #: (module, name, whether it is bound, value)
        self.globals: list[tuple[str, str, bool, Any]] = []
        #: (module, qualified name, attribute, whether it is set, value)
        self.classes: list[tuple[str, str, str, bool, Any]] = []
        #: (module, qualified name, attributes, contents of the cells that were set, by place)
        self.functions: list[tuple[str, str, dict[str, Any] | None, dict[int, Any]]] = []

    def __bool__(self) -> bool:
        return bool(self.objects or self.globals or self.classes or self.functions)

    def bound(self) -> set[tuple[str, str]]:
        """The names that the call binds, in modules and in classes: module, qualified name."""
        names = {(module, label) for module, label, bound, _ in self.globals if bound}
        return names | {(module, f"{called}.{label}") for module, called, label, bound, _ in self.classes if bound}

    def plain(self) -> tuple[Any, ...]:
        return self.objects, self.globals, self.classes, self.functions


class Heap:
    """The objects reached from `roots` (values by name), and the project's functions, classes and modules in `code`.

    `opaque` values have a number and are not looked into. `digests` are those known already, by name of the root.
    """

    def __init__(self, roots: dict[str, Any], opaque: Iterable[Any], code: Iterable[Any]) -> None:
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.kinds: list[Kind] = []
        self._shape: list[Any] = []
        self._snapshots: list[Any] = []
        self._names = roots
        self.functions: dict[tuple[str, str], Any] = {}
        self.classes: dict[tuple[str, str], Any] = {}
        self.spaces: dict[str, dict[str, Any]] = {}
        self._twice: set[tuple[str, str]] = set()
        self._closed: set[int] = {id(value) for value in opaque}
        #: What remembers results of reached code: functools.lru_cache.
        self.caches = [thing for thing in (*code, *roots.values()) if type(thing).__name__ == "_lru_cache_wrapper"]
        for value in (*opaque, *(roots[name] for name in sorted(roots))):
            self._add(value)
        self._code(code)
        self._walk()

    # --- numbering -----------------------------------------------------------------------------------------

    def _add(self, value: Any) -> int:
        """The number of `value`, -1 for what needs none."""
        if type(value) in ATOMS:
            return -1
        number = self.numbers.get(id(value))
        if number is None:
            if _is_value(value):
                return -1
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return number

    def _code(self, code: Iterable[Any]) -> None:
        """Note the project's functions, classes and modules, and number what these hold."""
        found: list[tuple[tuple[str, str], Any]] = []
        for thing in code:
            if isinstance(thing, FunctionType):
                space = thing.__globals__
                if origin.of_namespace(space) == origin.PROJECT:
                    found.append(((str(thing.__module__), thing.__qualname__), thing))
                    self._space(space)
            elif isinstance(thing, type):
                if origin.of_class(thing) == origin.PROJECT:
                    found.append(((str(thing.__module__), thing.__qualname__), thing))
                    module = sys.modules.get(str(thing.__module__))
                    if module is not None:
                        self._space(vars(module))
            elif isinstance(thing, ModuleType) and origin.of_namespace(vars(thing)) == origin.PROJECT:
                self._space(vars(thing))
        found.sort(key=_first)
        for name, thing in found:
            table = self.functions if isinstance(thing, FunctionType) else self.classes
            if table.setdefault(name, thing) is not thing:
                self._twice.add(name)
            for part in _held(thing):
                self._add(part)

    def _space(self, space: dict[str, Any]) -> None:
        name = space.get("__name__")
        if isinstance(name, str) and getattr(sys.modules.get(name), "__dict__", None) is space:
            self.spaces[name] = space

    def _walk(self) -> None:
        objects, shape, add = self.objects, self._shape, self._add
        place = 0
        while place < len(objects):
            value = objects[place]
            place += 1
            kind = kind_of(value) if id(value) not in self._closed else kind_of(None)
            self.kinds.append(kind)
            parts = kind.parts(value)
            if not parts:
                shape.append((type_name(type(value)), len(parts)))
                continue
            if ATOMS.issuperset(map(type, parts)):
                shape.append((type_name(type(value)), len(parts)))
            else:
                shape.append((type_name(type(value)), len(parts), [add(part) for part in parts], kind.labels(value)))

    def knows(self, component: str) -> bool:
        """Whether a component of the key is about something whose changes are looked for here."""
        kind, _, name = component.partition(" ")
        return kind in ("class", "function") or (kind == "global" and name.rpartition(".")[0] in self.spaces)

    def is_closed(self, value: Any) -> bool:
        """Whether `value` has a number and is not looked into, because the marker ignores it."""
        return id(value) in self._closed

    def shape(self) -> str:
        """A digest of how the objects are arranged: which of them are one and the same, and where they are held."""
        return blake2b(repr(self._shape).encode("utf-8", "surrogatepass"), digest_size=DIGEST).hexdigest()

    # --- before and after ----------------------------------------------------------------------------------

    def watch(self, digests: dict[int, str], shallow: bool = False) -> None:
        """Note what every object holds now; `digests` are those known already, by id.

        What has to be digested is left out if only a `shallow` look is wanted.
        """
        self._snapshots = []
        self._types = list(map(type, self.objects))
        for value, kind in zip(self.objects, self.kinds):
            if kind.by_digest:
                known = digests.get(id(value))
                self._snapshots.append(None if shallow else _digest(value) if known is None else known)
            else:
                self._snapshots.append(kind.snapshot(value))
        self._spaces = {name: dict(space) for name, space in self.spaces.items()}
        self._vars = {name: dict(vars(kind)) for name, kind in self.classes.items()}
        self._functions = {name: _function_state(function) for name, function in self.functions.items()}
        self._makings = {name: _making(function) for name, function in self.functions.items()}

    def changes(self, names: frozenset[str] | None) -> Changes:
        """What is different from when `watch` was called; of module-level names those among `names`, None for all.

        Raises `Unstorable` for a change that cannot be brought about again.
        """
        found = Changes()
        for number, (value, kind, before) in enumerate(zip(self.objects, self.kinds, self._snapshots)):
            if type(value) is not self._types[number]:
                raise Unstorable(self.name_of(number), type_name(type(value)), "the call changes its class")
            if kind.by_digest:
                if before is None or _digest(value) == before:
                    continue
            elif not kind.changed(value, before):
                continue
            try:
                if any(id(owner_of(array)) in self._owners() for array in kind.arrays(value)):
                    raise TypeError("it looks into the memory of an array")
                found.objects.append((number, kind.state(value, before)))
            except Exception as error:
                raise Unstorable(
                    self.name_of(number), type_name(type(value)), f"the call changes it: {error}"
                ) from error
        for name, space in self.spaces.items():
            for label, bound, value in _differences(self._spaces[name], space):
                if (names is None or label in names) and label not in _OWN:
                    found.globals.append((name, label, bound, value))
        for place, owner in self.classes.items():
            for label, bound, value in _differences(self._vars[place], dict(vars(owner))):
                if label not in _OWN:
                    self._once(place)
                    found.classes.append((*place, label, bound, value))
        for place, function in self.functions.items():
            if not all(map(operator.is_, _making(function), self._makings[place])):
                raise Unstorable(place[1], "function", "the call changes its code, its defaults or its name")
            attributes, cells = self._functions[place]
            now, contents = _function_state(function)
            changed = {number: part for number, part in enumerate(contents) if part is not cells[number]}
            differs = list(attributes.items()) != list(now.items())
            if differs or changed:
                self._once(place)
                if any(part is _ABSENT for part in changed.values()):
                    raise Unstorable(place[1], "function", "the call empties its closure")
                found.functions.append((*place, now if differs else None, changed))
        return found

    def _owners(self) -> dict[int, Any]:
        """What owns the memory of the arrays that have a number, by id."""
        owners = [owner_of(value) for value in self.objects if type(value).__name__ == "ndarray"]
        return {id(owner): owner for owner in owners}

    def _once(self, name: tuple[str, str]) -> None:
        if name in self._twice:
            raise Unstorable(name[1], "function or class", "the call changes it, and there are two of this name")

    def apply(self, changes: tuple[Any, ...]) -> None:
        """Put the stored states into the live objects; what was done is undone if one of them refuses."""
        objects, bindings, classes, functions = changes
        undo: list[tuple[Kind, Any, Any]] = []
        try:
            for number, state in objects:
                value, kind = self.objects[number], self.kinds[number]
                undo.append((kind, value, kind.state(value, None)))
                kind.apply(value, state)
        except BaseException:
            for kind, value, state in reversed(undo):
                kind.apply(value, state)
            raise
        for module, label, bound, value in bindings:
            space = vars(sys.modules[module])
            if bound:
                space[label] = value
            else:
                space.pop(label, None)
        for module, called, label, bound, value in classes:
            owner = self.classes[module, called]
            if bound:
                type.__setattr__(owner, label, value)
            elif label in vars(owner):
                type.__delattr__(owner, label)
        for module, called, attributes, cells in functions:
            function = self.functions[module, called]
            if attributes is not None:
                function.__dict__.clear()
                function.__dict__.update(attributes)
            for place, part in cells.items():
                function.__closure__[place].cell_contents = part

    def roots(self) -> dict[str, Any]:
        """The values from which the objects were reached, by name."""
        return self._names

    def was(self, number: int) -> Any:
        """An object's state when `watch` was called; None where only a digest is known."""
        return self._snapshots[number] if isinstance(self.kinds[number], _Attributes) else None

    def was_bound(self, module: str, label: str, default: Any) -> Any:
        """What a module-level name was bound to when `watch` was called."""
        return self._spaces[module].get(label, default)

    def was_set(self, module: str, called: str, label: str, default: Any) -> Any:
        """What an attribute of a class was when `watch` was called."""
        return self._vars[module, called].get(label, default)

    def find(self, token: Any) -> Any:
        """The live object of a number; of a number in a tuple, its `__dict__`."""
        return vars(self.objects[token[0]]) if type(token) is tuple else self.objects[token]

    def touched(self, undo: bool) -> list[str]:
        """The names of what was changed since `watch`; with `undo` it is put back, as far as that is possible."""
        touched = []
        for number, (value, kind, before) in enumerate(zip(self.objects, self.kinds, self._snapshots)):
            if kind.by_digest:
                if before is not None and _digest(value) != before:
                    touched.append(self.name_of(number))
            elif kind.changed(value, before):
                if undo:
                    kind.apply(value, before)
                touched.append(self.name_of(number))
        for name, space in self.spaces.items():
            for label, _, _ in _differences(self._spaces[name], space):
                if undo:
                    _bind(space, label, self._spaces[name])
                touched.append(f"{name}.{label}")
        for place, owner in self.classes.items():
            for label, _, _ in _differences(self._vars[place], dict(vars(owner))):
                if label in _OWN:
                    continue
                if undo and label in self._vars[place]:
                    type.__setattr__(owner, label, self._vars[place][label])
                elif undo:
                    type.__delattr__(owner, label)
                touched.append(f"{place[1]}.{label}")
        return touched

    def fits(self, changes: tuple[Any, ...]) -> bool:
        """Whether all that `changes` speak of is there."""
        objects, bindings, classes, functions = changes
        return (
            all(number < len(self.objects) for number, _ in objects)
            and all(module in sys.modules for module, *_ in bindings)
            and all((module, called) in self.classes for module, called, *_ in classes)
            and all((module, called) in self.functions for module, called, *_ in functions)
            and not any((module, called) in self._twice for module, called, *_ in (*classes, *functions))
        )

    def name_of(self, number: int) -> str:
        """The root that leads to an object, for people."""
        wanted = self.objects[number]
        for name, root in self._names.items():
            if root is wanted:
                return name
        for name, root in self._names.items():
            if id(wanted) in Heap({name: root}, (), ()).numbers:
                return name
        return "what the call reads"


def owner_of(array: Any) -> Any:
    """What owns the memory that an array looks at: the last of its bases that is an array, or what that looks at."""
    while getattr(array, "base", None) is not None:
        if not hasattr(array.base, "base") or not hasattr(array.base, "dtype"):
            return array.base
        array = array.base
    return array


def _bind(space: dict[str, Any], label: str, before: dict[str, Any]) -> None:
    if label in before:
        space[label] = before[label]
    else:
        space.pop(label, None)


def _digest(value: Any) -> str | None:
    """The digest of an object, None for one that has none: a lock, a client, an open file."""
    try:
        return Encoder().digest(value)
    except Unkeyable:
        return None


def _is_value(value: Any) -> bool:
    """Whether nothing can be done to `value` nor to anything in it, so that a copy of it is as good as itself."""
    if type(value) is BuiltinFunctionType:  # `rows.append` is as changeable as `rows`
        return value.__self__ is None or isinstance(value.__self__, (ModuleType, type))
    if sharing.is_leaf(value):
        return True
    if sharing.is_changeable(value):
        return False
    if isinstance(value, tuple):
        return ATOMS.issuperset(map(type, tuple.__iter__(value)))
    if isinstance(value, frozenset):
        return not any(map(sharing.holds_state, frozenset.__iter__(value)))
    return ATOMS.issuperset(map(type, getattr(value, "__dict__", {}).values())) and not _has_slots(type(value))


def _has_slots(kind: type) -> bool:
    return any(vars(base).get("__slots__") for base in kind.__mro__)


def _held(thing: Any) -> list[Any]:
    """The values that a function or class of the project holds."""
    if isinstance(thing, type):
        held = vars(thing)
        return [
            held[name] for name in sorted(held) if name not in _OWN and name != "__dict__" and name != "__weakref__"
        ]
    attributes, cells = _function_state(thing)
    values = [attributes[name] for name in sorted(attributes) if name != "__wrapped__"]
    return [*values, *cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]


def _function_state(function: Any) -> tuple[dict[str, Any], list[Any]]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:
            cells.append(_ABSENT)
    return dict(function.__dict__), cells


def _making(function: Any) -> tuple[Any, ...]:
    """What a function was made of, but for its attributes and closure: not to be brought about by a hit."""
    keywords = function.__kwdefaults__ or {}
    names = (function.__name__, function.__qualname__, function.__module__, function.__doc__)
    return function.__code__, function.__defaults__, *names, len(keywords), *keywords, *keywords.values()


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, bool, Any]]:
    found = [(name, True, value) for name, value in after.items() if before.get(name, _ABSENT) is not value]
    found += [(name, False, None) for name in before if name not in after]
    return found


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def heap_of(call: Call, key: Key) -> Heap:
    """The objects that a call is given, and those that its code reads, as `key` found them."""
    roots: dict[str, Any] = {}
    opaque = []
    ignored = call.site.ignore
    receiver = getattr(call.callee, "__self__", None)
    if receiver is None:
        receiver = call.callee  # a callable object, perhaps
    if "self" in ignored:
        opaque.append(receiver)
    else:
        roots["self"] = receiver
    from .key import given, reach_of

    for name, value, is_ignored in given(call):
        if is_ignored:
            opaque.append(value)
        else:
            roots["argument " + name] = value
    reach = reach_of(call, key)
    for name, value in reach.values.items():
        roots["read " + name] = value
    return Heap(roots, opaque, list(reach.seen.values()))
