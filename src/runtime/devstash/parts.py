"""How objects of each kind are taken apart, compared with what they held before, and set right in place.

For every type one `Kind` is found, once, and remembered. Methods of the base classes are called directly, so that no
code of the object's own class runs.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict, deque
from types import BuiltinFunctionType, MappingProxyType, MethodType, MethodWrapperType, SimpleNamespace

from . import clients, sharing
from .encode import encode
from .objects import LIMIT
from .standard import PLUMBING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by a `class` statement, or by a modern extension
_PLAIN: type = type("_", (), {})
_WORD = 8 if sys.maxsize > 1 << 32 else 4
_SLOT = type(type("_", (), {"__slots__": ("slot",)}).__dict__["slot"])


class Kind:
    """What cannot change, or cannot be told: it has a number, and is left alone."""

    #: Whether it is compared by the digest of its value.
    by_digest = False
    #: Whether it holds changeable objects that have no number.
    opaque = False
    #: Whether its `__dict__` is what it holds.
    has_attributes = False

    def parts(self, value: Any) -> list[Any]:
        """The objects that it holds and that may be changed or referred to by themselves."""
        return []

    def labels(self, value: Any) -> Any:
        """What tells the parts apart where their order alone does not."""
        return None

    def snapshot(self, value: Any) -> Any:
        """What is needed to tell later whether it changed."""
        return None

    def changed(self, value: Any, before: Any) -> bool:
        return False

    def arrays(self, value: Any) -> list[Any]:
        """Arrays that it holds without showing them as parts."""
        return []

    def state(self, value: Any, before: Any) -> Any:
        """What it holds now, as plain data around its parts; `before` is its snapshot, None when there is none."""
        return None

    def apply(self, value: Any, state: Any) -> None:
        """Make it hold `state`."""


class _Tuple(Kind):
    def parts(self, value: Any) -> list[Any]:
        return list(tuple.__iter__(value))


class _Method(Kind):
    def parts(self, value: Any) -> list[Any]:
        return [value.__self__]


class _Partial(Kind):
    def parts(self, value: Any) -> list[Any]:
        return [value.func, *value.args, *value.keywords.values()]


class _Proxy(Kind):
    def parts(self, value: Any) -> list[Any]:
        return list(value.values())


class _Attributes(Kind):
    """A plain object: `__dict__` and slots."""

    has_attributes = True

    def __init__(self, kind: type) -> None:
        slots = []
        for base in kind.__mro__:
            for name, member in vars(base).items():
                if type(member) is _SLOT and name not in ("__weakref__", "__dict__"):
                    slots.append(member)
        self.slots: list[Any] = slots

    def parts(self, value: Any) -> list[Any]:
        held = list(getattr(value, "__dict__", {}).values())
        return held + [part for _, part in self._slots(value)]

    def labels(self, value: Any) -> Any:
        return [str(name) for name in getattr(value, "__dict__", {})]

    def _slots(self, value: Any) -> list[tuple[int, Any]]:
        found = []
        for place, member in enumerate(self.slots):
            try:
                found.append((place, member.__get__(value)))
            except AttributeError:
                pass  # not set
        return found

    def snapshot(self, value: Any) -> Any:
        return dict(getattr(value, "__dict__", {})), self._slots(value)

    def changed(self, value: Any, before: Any) -> bool:
        attributes, slots = before
        return not (_same_dict(getattr(value, "__dict__", {}), attributes) and _same(self._flat(value), _flat(slots)))

    def _flat(self, value: Any) -> list[Any]:
        return _flat(self._slots(value))

    def state(self, value: Any, before: Any) -> Any:
        return dict(getattr(value, "__dict__", {})), self._slots(value)

    def apply(self, value: Any, state: Any) -> None:
        attributes, slots = state
        held = getattr(value, "__dict__", None)
        if held is not None:
            held.clear()
            held.update(attributes)
        given = dict(slots)
        for place, member in enumerate(self.slots):
            if place in given:
                member.__set__(value, given[place])
            else:
                try:
                    member.__delete__(value)
                except AttributeError:
                    pass


class _Partly(_Attributes):
    """An object some of whose attributes are notes of its own, filled in when first needed."""

    def __init__(self, kind: type, notes: frozenset[str]) -> None:
        super().__init__(kind)
        self._notes = notes

    def _own(self, value: Any) -> dict[str, Any]:
        return {name: part for name, part in value.__dict__.items() if name not in self._notes}

    def parts(self, value: Any) -> list[Any]:
        return list(self._own(value).values())

    def labels(self, value: Any) -> Any:
        return list(self._own(value))

    def snapshot(self, value: Any) -> Any:
        return self._own(value)

    def changed(self, value: Any, before: Any) -> bool:
        return not _same_dict(self._own(value), before)

    def state(self, value: Any, before: Any) -> Any:
        return self._own(value)

    def apply(self, value: Any, state: Any) -> None:
        for name in self._own(value):
            if name not in state:
                del value.__dict__[name]
        value.__dict__.update(state)


class _Tracked(_Attributes):
    """An object whose attributes somebody keeps track of, such as a row of an ORM: setting them behind its back would
    not be the same.
    """

    def state(self, value: Any, before: Any) -> Any:
        raise TypeError("its session has to know of it")


class _Extended(_Attributes):
    """An instance of a class derived from something unchangeable, with attributes of its own."""

    def parts(self, value: Any) -> list[Any]:
        own = list(tuple.__iter__(value)) if isinstance(value, tuple) else []
        return own + super().parts(value)


_PLAIN_KEYS = frozenset((str, int, bool, bytes, float, type(None)))


class _Container(_Attributes):
    """A list, dict, set or deque, or an instance of a class derived from one, attributes included."""

    def __init__(self, kind: type, base: Any) -> None:
        super().__init__(kind)
        self.base = base
        self.bare = kind is base

    def contents(self, value: Any) -> list[Any]:
        return list(self.base.__iter__(value))

    def same(self, value: Any, before: Any) -> bool:
        return _same(self.contents(value), before)

    def fill(self, value: Any, contents: Any) -> None:
        self.base.clear(value)
        self.base.extend(value, contents)

    def parts(self, value: Any) -> list[Any]:
        own = list(self.base.__iter__(value))
        return own if self.bare else own + super().parts(value)

    def snapshot(self, value: Any) -> Any:
        return self.contents(value), None if self.bare else super().snapshot(value)

    def changed(self, value: Any, before: Any) -> bool:
        contents, rest, *_ = before
        return not self.same(value, contents) or (rest is not None and super().changed(value, rest))

    def state(self, value: Any, before: Any) -> Any:
        return self.contents(value), None if self.bare else super().state(value, None)

    def apply(self, value: Any, state: Any) -> None:
        contents, rest, *_ = state
        self.fill(value, contents)
        if rest is not None:
            super().apply(value, rest)


class _Set(_Container):
    """Its elements have no order that another process would find again, so they have no numbers: that one of them
    changes is seen, and cannot be brought about.
    """

    opaque = True

    def parts(self, value: Any) -> list[Any]:
        return [] if self.bare else _Attributes.parts(self, value)

    def contents(self, value: Any) -> list[Any]:
        return sorted(self.base.__iter__(value), key=id)

    def snapshot(self, value: Any) -> Any:
        return (*super().snapshot(value), self._elements(value))

    def changed(self, value: Any, before: Any) -> bool:
        return super().changed(value, before) or self._elements(value) != before[2]

    def state(self, value: Any, before: Any) -> Any:
        if before is not None and before[2]:
            raise TypeError("its elements have no order by which to find them again")
        return super().state(value, before)

    def fill(self, value: Any, contents: Any) -> None:
        self.base.clear(value)
        self.base.update(value, contents)

    def _elements(self, value: Any) -> str:
        """The digest of a set with elements that can change, else nothing."""
        return encode(value) if any(map(sharing.holds_state, self.base.__iter__(value))) else ""


class _FrozenSet(Kind):
    """What holds for a set, except that it is always the same elements."""

    opaque = True

    def snapshot(self, value: Any) -> Any:
        return encode(value) if any(map(sharing.holds_state, frozenset.__iter__(value))) else ""

    def changed(self, value: Any, before: Any) -> bool:
        return bool(self.snapshot(value) != before)

    def state(self, value: Any, before: Any) -> Any:
        raise TypeError("its elements have no order by which to find them again")


class _Dict(_Container):
    def parts(self, value: Any) -> list[Any]:
        own = list(self.base.values(value))
        if not _PLAIN_KEYS.issuperset(map(type, self.base.keys(value))):
            own += self.base.keys(value)
        return own if self.bare else own + _Attributes.parts(self, value)

    def labels(self, value: Any) -> Any:
        keys = [key if type(key) in (str, int, bool, bytes) else type(key).__name__ for key in self.base.keys(value)]
        return keys, None if self.bare else super().labels(value)

    def contents(self, value: Any) -> list[Any]:
        return list(self.base.items(value))

    def same(self, value: Any, before: Any) -> bool:
        now = list(self.base.items(value))
        return len(now) == len(before) and all(a is c and b is d for (a, b), (c, d) in zip(now, before))

    def fill(self, value: Any, contents: Any) -> None:
        self.base.clear(value)
        for key, part in contents:
            self.base.__setitem__(value, key, part)


class _DefaultDict(_Dict):
    """Its factory can be exchanged, too."""

    def contents(self, value: Any) -> Any:
        return [(None, value.default_factory), *super().contents(value)]

    def same(self, value: Any, before: Any) -> bool:
        return before[0][1] is value.default_factory and super().same(value, before[1:])

    def fill(self, value: Any, contents: Any) -> None:
        super().fill(value, contents[1:])
        value.default_factory = contents[0][1]


class _Bytes(Kind):
    """bytearray and array.array."""

    by_digest = True

    def state(self, value: Any, before: Any) -> Any:
        return bytes(value) if type(value) is bytearray else value[:]

    def apply(self, value: Any, state: Any) -> None:
        value[:] = state


class _Array(Kind):
    """A NumPy array: its elements are replaced where they lie, so that every view sees it."""

    by_digest = True

    def parts(self, value: Any) -> list[Any]:
        return value.ravel().tolist() if value.dtype.hasobject and not value.dtype.fields else []

    def state(self, value: Any, before: Any) -> Any:
        if not value.flags.writeable:
            raise ValueError("it is read-only")
        return value.copy()

    def apply(self, value: Any, state: Any) -> None:
        if value.shape != state.shape or value.dtype != state.dtype:
            value.resize(state.shape, refcheck=False)
        value[...] = state


class _Generator(Kind):
    """numpy.random.Generator: its state is that of its bit generator."""

    def parts(self, value: Any) -> list[Any]:
        return [value.bit_generator]


class _BitGenerator(Kind):
    """Its state, and how many generators were spawned from its seed."""

    def snapshot(self, value: Any) -> Any:
        return encode(value.state), self._spawned(value)

    @staticmethod
    def _spawned(value: Any) -> int:
        return getattr(getattr(value, "seed_seq", None), "n_children_spawned", 0)

    def changed(self, value: Any, before: Any) -> bool:
        return bool(self.snapshot(value) != before)

    def state(self, value: Any, before: Any) -> Any:
        return value.state, self._spawned(value)

    def apply(self, value: Any, state: Any) -> None:
        value.state, spawned = state
        if spawned > self._spawned(value):
            value.seed_seq.spawn(spawned - self._spawned(value))


class _RandomState(Kind):
    def snapshot(self, value: Any) -> Any:
        return encode(value.get_state(legacy=False))

    def changed(self, value: Any, before: Any) -> bool:
        return bool(self.snapshot(value) != before)

    def state(self, value: Any, before: Any) -> Any:
        return value.get_state(legacy=False)

    def apply(self, value: Any, state: Any) -> None:
        value.set_state(state)


class _Frame(Kind):
    """A DataFrame or Series of pandas: its arrays are changed in place, the rest is replaced as one.

    Where pandas copies on write, frames that share arrays count on pandas to know of it, and each is replaced whole.
    """

    opaque = True

    def parts(self, value: Any) -> list[Any]:
        if sharing.copies_on_write():
            return []
        return [part for part in self._blocks(value) if type(part).__name__ == "ndarray"]

    def arrays(self, value: Any) -> list[Any]:
        return self._blocks(value) if sharing.copies_on_write() else []

    @staticmethod
    def _blocks(value: Any) -> list[Any]:
        blocks = getattr(value._mgr, "blocks", None)
        return [block.values for block in blocks] if blocks is not None else list(getattr(value._mgr, "arrays", ()))

    def snapshot(self, value: Any) -> Any:
        return encode(value), self._extras(value), value.flags.allows_duplicate_labels

    @staticmethod
    def _extras(value: Any) -> dict[str, Any]:
        """What a class derived from a frame has put beside it."""
        return {name: part for name, part in value.__dict__.items() if name not in _OF_FRAMES}

    def changed(self, value: Any, before: Any) -> bool:
        digest, extras, flag = before
        return not (
            _same_dict(self._extras(value), extras)
            and flag == value.flags.allows_duplicate_labels
            and encode(value) == digest
        )

    def state(self, value: Any, before: Any) -> Any:
        return value._mgr, dict(value.attrs), self._extras(value), value.flags.allows_duplicate_labels

    def apply(self, value: Any, state: Any) -> None:
        manager, attributes, extras, flag = state
        object.__setattr__(value, "_mgr", manager)
        cached = value.__dict__.get("_item_cache")
        if cached:
            cached.clear()
        for name in self._extras(value):
            if name not in extras:
                del value.__dict__[name]
        value.__dict__.update(extras)
        value.attrs = attributes
        value.flags.allows_duplicate_labels = flag


_OF_FRAMES = ("_mgr", "_item_cache", "_attrs", "_flags", "_cacher", "_is_copy", "_cache")


class _Polars(Kind):
    """A DataFrame or Series of polars: a handle on what Rust holds."""

    by_digest = True

    def __init__(self, name: str) -> None:
        self.name = name

    def state(self, value: Any, before: Any) -> Any:
        return value.clone()  # not itself, which has a number

    def apply(self, value: Any, state: Any) -> None:
        setattr(value, self.name, getattr(state, self.name))


class _Exception(Kind):
    """An exception: its arguments, attributes, cause and context; the traceback is that of the run."""

    def parts(self, value: Any) -> list[Any]:
        return [*value.args, *value.__dict__.values(), value.__cause__, value.__context__]

    def labels(self, value: Any) -> Any:
        return [str(name) for name in value.__dict__]

    def snapshot(self, value: Any) -> Any:
        return value.args, dict(value.__dict__), value.__cause__, value.__context__, value.__suppress_context__

    def changed(self, value: Any, before: Any) -> bool:
        arguments, attributes, *rest = before
        now = [value.__cause__, value.__context__, value.__suppress_context__]
        return not (
            _same(list(value.args), list(arguments)) and _same_dict(value.__dict__, attributes) and _same(now, rest)
        )

    def state(self, value: Any, before: Any) -> Any:
        return self.snapshot(value)

    def apply(self, value: Any, state: Any) -> None:
        value.args, attributes, value.__cause__, value.__context__, value.__suppress_context__ = state
        value.__dict__.clear()
        value.__dict__.update(attributes)


class _Client(Kind):
    """A client of a service: a change of its configuration cannot be brought about; its cookies have their jar."""

    by_digest = True

    def parts(self, value: Any) -> list[Any]:
        jar = getattr(value, "cookies", None)
        jar = getattr(jar, "jar", jar)
        return [jar] if hasattr(type(jar), "set_cookie") else []

    def state(self, value: Any, before: Any) -> Any:
        raise TypeError("the configuration of a client")


class _Cookies(Kind):
    """A jar of cookies, which the key leaves out: the cookies that were set and those that went."""

    def snapshot(self, value: Any) -> Any:
        return {_cookie_name(cookie): dict(cookie.__dict__) for cookie in value}

    def changed(self, value: Any, before: Any) -> bool:
        return bool(self.snapshot(value) != before)

    def state(self, value: Any, before: Any) -> Any:
        now = self.snapshot(value)
        if before is None:
            return now, None
        made = {name: held for name, held in now.items() if before.get(name) != held}
        return made, [name for name in before if name not in now]

    def apply(self, value: Any, state: Any) -> None:
        from http.cookiejar import Cookie

        made, gone = state
        if gone is None:
            value.clear()
        for name in gone or ():
            try:
                value.clear(*name)
            except KeyError:
                pass
        for held in made.values():
            cookie = Cookie.__new__(Cookie)
            cookie.__dict__.update(held)
            value.set_cookie(cookie)


def _cookie_name(cookie: Any) -> tuple[str, str, str]:
    return cookie.domain, cookie.path, cookie.name


class _Opaque(Kind):
    """An object that only its own pickling knows; it can be set if its class says how."""

    by_digest = True
    opaque = True

    def state(self, value: Any, before: Any) -> Any:
        if not hasattr(value, "__setstate__"):
            raise TypeError("it has no __setstate__ to put that back")
        held = getattr(value, "__dict__", None)
        if sharing.inner_parts([value], {} if held is None else {id(held)}):
            raise TypeError("others may hold parts of it, which would be replaced")
        made = value.__reduce_ex__(4)
        if isinstance(made, str) or len(made) < 3 or made[2] is None:
            raise TypeError("its pickling does not tell its state apart")
        return made[2]

    def apply(self, value: Any, state: Any) -> None:
        value.__setstate__(state)


class _Masked(Kind):
    """A masked array: its parts are linked in ways that cannot be put back from outside."""

    def snapshot(self, value: Any) -> Any:
        return encode(value), repr(value.fill_value)

    def changed(self, value: Any, before: Any) -> bool:
        return bool(self.snapshot(value) != before)

    def state(self, value: Any, before: Any) -> Any:
        raise TypeError("a masked array")


class _Picture(Kind):
    """An image of Pillow: what is behind it is C's."""

    by_digest = True

    def state(self, value: Any, before: Any) -> Any:
        return value.copy()

    def apply(self, value: Any, state: Any) -> None:
        value.__dict__.clear()
        value.__dict__.update(state.__dict__)


class _Bound(Kind):
    """A method written in C: `rows.append`."""

    def parts(self, value: Any) -> list[Any]:
        return [value.__self__]


_FIXED = Kind()
_kinds: dict[type, Kind] = {
    tuple: _Tuple(),
    type(None): _FIXED,
    frozenset: _FrozenSet(),
    MethodType: _Method(),
    BuiltinFunctionType: _Bound(),
    MethodWrapperType: _Bound(),
    SimpleNamespace: _Attributes(SimpleNamespace),
    MappingProxyType: _Proxy(),
    list: _Container(list, list),
    dict: _Dict(dict, dict),
    set: _Set(set, set),
    deque: _Container(deque, deque),
    OrderedDict: _Dict(OrderedDict, OrderedDict),
    bytearray: _Bytes(),
}
_NOTES = {
    "Headers": frozenset(("_encoding",)),
    "Request": frozenset(("extensions", "stream", "_content")),
}
_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "botocore", "boto3")
# Bookkeeping that the key does not count either.
_CACHES = (
    "weakref.WeakKeyDictionary",
    "weakref.WeakValueDictionary",
    "_weakrefset.WeakSet",
    "functools._lru_cache_wrapper",
)
_BY_NAME = {
    "PIL.Image.Image": _Picture,
    "numpy.random.mtrand.RandomState": _RandomState,
    "array.array": _Bytes,
    "functools.partial": _Partial,
    "numpy.ndarray": _Array,
    "numpy.memmap": _Array,
    "numpy.ma.core.MaskedArray": _Masked,
    "numpy.ma.MaskedArray": _Masked,
    "http.cookiejar.CookieJar": _Cookies,
    "numpy.random._generator.Generator": _Generator,
    "numpy.random.bit_generator.BitGenerator": _BitGenerator,
    "pandas.core.generic.NDFrame": _Frame,
}


def kind_of(value: Any) -> Kind:
    """The kind of `value`."""
    kind = type(value)
    found = _kinds.get(kind)
    if found is None:
        if len(_kinds) >= LIMIT:
            return _find(kind)
        found = _kinds[kind] = _find(kind)
    return found


def _find(kind: type) -> Kind:
    for base in kind.__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        if name in PLUMBING or name in _CACHES:
            return _FIXED
        if name in _BY_NAME:
            return _BY_NAME[name]()
        if name in ("polars.dataframe.frame.DataFrame", "polars.series.series.Series"):
            return _Polars("_df" if name.endswith("DataFrame") else "_s")
        if base.__module__.partition(".")[0] in ("httpx", "httpx2") and base.__qualname__ in _NOTES:
            return _Partly(kind, _NOTES[base.__qualname__])
        if base.__module__.partition(".")[0] in _CLIENTS and clients.find(base) is not None:
            return _Client()
        if name.endswith(("._base_client.BaseClient", "._resource.SyncAPIResource", "._resource.AsyncAPIResource")):
            return _FIXED
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(kind, enum.Enum):
        return _FIXED
    for exact, made in (
        (OrderedDict, _Dict),
        (defaultdict, _DefaultDict),
        (dict, _Dict),
        (list, _Container),
        (set, _Set),
        (deque, _Container),
    ):
        if issubclass(kind, exact):
            return made(kind, exact)
    if issubclass(kind, BaseException):
        return _Exception()
    if issubclass(kind, (tuple, frozenset, int, float, str, bytes)):
        if kind.__dictoffset__:
            return _Extended(kind)
        return _Tuple() if issubclass(kind, tuple) else _FrozenSet() if issubclass(kind, frozenset) else _FIXED
    if all(_is_python(base) for base in kind.__mro__[:-1]):
        attributes = _Attributes(kind)
        if hasattr(kind, "_sa_class_manager") or kind.__module__.startswith("sqlalchemy.orm"):
            return _Tracked(kind)
        # More room than its attributes need is a state that only C knows of.
        if kind.__basicsize__ <= _PLAIN.__basicsize__ + len(attributes.slots) * _WORD:
            return attributes
    return _Opaque()


def _is_python(kind: type) -> bool:
    """Whether a class comes from a `class` statement, so that its objects are their attributes."""
    members = vars(kind)
    if not kind.__flags__ & _HEAP:
        return False
    if "__slots__" in members or "__dict__" in members or "__weakref__" in members or kind.__module__ == "typing":
        return True  # typing.Generic comes from C, without a state
    # One that adds neither to what its base has: both descriptors are the base's.
    return any("__dict__" in vars(base) or "__slots__" in vars(base) for base in kind.__mro__[1:-1])


def _same(now: list[Any], before: list[Any]) -> bool:
    return len(now) == len(before) and all(map(_is, now, before))


def _is(one: Any, other: Any) -> bool:
    return one is other


def _same_dict(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return len(now) == len(before) and all(a is c and b is d for (a, b), (c, d) in zip(now.items(), before.items()))


def _flat(pairs: list[tuple[int, Any]]) -> list[Any]:
    return [part for pair in pairs for part in pair]
