"""Whether a walk over the reached code would find what the last one found, told without the walk.

A walk (fingerprint.py) notes what it looks at: what names are bound to, the parts of functions. While all of these are
the very same objects, and data that can be changed in place has the digest that it had, every component is what it was.
A walk that looks at anything else (classes, modules handed around, names in texts, settings of packages) fails: it has
to be taken again.

Nothing of the script is kept alive by this but small constants: functions and modules are known by weak references.
"""

from __future__ import annotations

import sys
from _weakref import ref

from .encode import Encoder
from .fingerprint import MISSING, is_constant, is_pythons
from .key import head_of
from .kinds import FunctionType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .key import Head, Key, Plan

# The same function may be called in so many ways.
_MOST = 50


class Steady:
    """What one walk has looked at."""

    __slots__ = ("_bindings", "_data", "_functions", "_references", "_spaces", "fails")

    def __init__(self) -> None:
        self.fails = False
        self._bindings: list[tuple[dict[str, Any], str, Any]] = []
        self._references: list[tuple[dict[str, Any], str, Any]] = []
        self._functions: list[tuple[Any, ...]] = []
        self._data: list[tuple[dict[str, Any], str, str]] = []
        self._spaces: set[int] = set()

    def binding(self, namespace: dict[str, Any], name: str, value: Any, digest: str = "") -> None:
        """`name` is bound to `value` in `namespace`, or `MISSING` there; `digest` is that of data."""
        if self.fails:
            return
        if id(namespace) not in self._spaces:
            module = sys.modules.get(namespace.get("__name__", ""))
            if getattr(module, "__dict__", None) is not namespace:
                self.fails = True  # it may be gone with what runs in it
                return
            self._spaces.add(id(namespace))
        kind = type(value)
        if value is MISSING or is_constant(value) or is_pythons(value):
            self._bindings.append((namespace, name, value))
        elif kind is FunctionType or kind is ModuleType:
            self._references.append((namespace, name, ref(value)))
        elif digest:
            self._data.append((namespace, name, digest))
        else:
            self.fails = True

    def function(self, function: FunctionType) -> None:
        """A function's parts were looked at."""
        held = [*(function.__defaults__ or ()), *_contents(function)]
        if function.__dict__ or not all(map(is_constant, held)):
            self.fails = True
        if not self.fails:
            names = (function.__name__, function.__qualname__, function.__module__)
            self._functions.append(
                (ref(function), function.__code__, function.__defaults__, names, _contents(function))
            )

    def holds(self) -> bool:
        """Whether all is as it was."""
        for namespace, name, value in self._bindings:
            if namespace.get(name, MISSING) is not value:
                return False
        for namespace, name, reference in self._references:
            if namespace.get(name, MISSING) is not reference():
                return False
        for reference, code, defaults, names, contents in self._functions:
            function = reference()
            if (
                function is None
                or function.__code__ is not code
                or function.__defaults__ is not defaults
                or (function.__name__, function.__qualname__, function.__module__) != names
                or function.__dict__
                or ((contents or function.__kwdefaults__) and not _same(_contents(function), contents))
            ):
                return False
        if not self._data:
            return True
        encoder = Encoder()
        for namespace, name, digest in self._data:
            if name not in namespace or encoder.digest(namespace[name]) != digest:
                return False
        return not encoder.met  # code among the data is followed by a walk


def _contents(function: FunctionType) -> list[Any]:
    """What the closure of a function holds, and the defaults of its keywords."""
    try:
        held = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:
        return [MISSING]  # which is no constant
    for name, value in (function.__kwdefaults__ or {}).items():
        held += (name, value)
    return held


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other))


class Walk:
    """What the last walk over the code that a function reaches has found."""

    __slots__ = ("_components", "_heads", "function", "keys", "plans", "steady")

    def __init__(self, function: FunctionType, components: dict[str, str], steady: Steady) -> None:
        self.function = ref(function)
        self.steady = steady
        self._components = components
        self._heads: dict[str, Head] = {}
        #: The keys of calls whose arguments are a few constants, by these.
        self.keys: dict[tuple[Any, ...], Key] = {}
        #: By place and form of the call, what its arguments are called: see `key.plan_of`.
        self.plans: dict[tuple[Any, ...], Plan | None] = {}

    def head(self, called: str) -> Head:
        """The head of the key (see `key.head_of`) of a call that is described by `called`."""
        found = self._heads.get(called)
        if found is None:
            if len(self._heads) > _MOST:
                self._heads.clear()
            found = self._heads[called] = head_of(called, self._components)
        return found

    def made(self, head: Head) -> bool:
        """Whether a key's head is of this walk."""
        return any(head is known for known in self._heads.values())

    def remember(self, token: tuple[Any, ...], key: Key) -> None:
        """The key of a call that reaches what this walk has found."""
        if len(self.keys) > _MOST:
            self.keys.clear()
        self.keys[token] = key
