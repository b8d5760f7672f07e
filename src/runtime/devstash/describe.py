"""An object that is no plain builtin into a name for what it is and plain data for what it holds.

For each type one function is found, once, and remembered: what the user registered, `__devstash_key__`,
what is known here of Python's own types, of the scientific packages and of clients, and for all others what
their pickling says (`__reduce_ex__`, which includes `__getstate__`, `copyreg`, slots and attributes), read
as data and never executed. Plumbing (locks, loggers, pools, sockets) is described by its type alone, since
it carries no meaning.
"""

from __future__ import annotations

import copyreg
import sys
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)

from . import origin
from .bytecode import facts
from .encode import Encoder, Unkeyable, _describers, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by a `class` statement or by a modern extension
_LIMIT = 4096  # classes made anew on every call must not fill the memory

# Attributes in which known classes note an address in memory (scikit-learn's text vectorizers).
_ADDRESSES = frozenset(("_stop_words_id",))

_registered: dict[type, Callable[[Any], Any]] = {}


def register(kind: type, function: Callable[[Any], Any]) -> None:
    """See `encode.register_key`."""
    if not isinstance(kind, type) or not callable(function):
        raise TypeError("register_key() takes a class and a function of one argument")
    _registered[kind] = function
    _describers.clear()


def describer(obj: Any) -> Describer:
    """The function that describes objects of the type of `obj`."""
    kind = type(obj)
    if len(_describers) >= _LIMIT:
        _describers.clear()
    found = _describers[kind] = _find(kind, obj)
    return found


def _find(kind: type, obj: Any) -> Describer:
    for base in kind.__mro__:
        if base in _registered:
            return _spoken(_registered[base])
        if "__devstash_key__" in base.__dict__:
            return _spoken(_devstash_key)
    for base in kind.__mro__:
        known = _OWN.get(base)
        if known is not None:
            return known
        name = type_name(base)
        if name in _PLUMBING:
            return _plumbing
        if name in _BY_NAME:
            return _BY_NAME[name]
        group = _GROUPS.get(name.partition(".")[0])
        if group is not None:
            known = _load(group)(base)
            if known is not None:
                return known
        known = _stainless(base, name)
        if known is not None:
            return known
    if type(getattr(kind, "__next__", None)) is WrapperDescriptorType:  # an iterator written in C
        return _consumed
    if _is_plain(kind, obj):
        return _attributes
    return _reduced


def _spoken(function: Callable[[Any], Any]) -> Describer:
    """What a type says for itself."""

    def describe(encoder: Encoder, obj: Any) -> tuple[str, Any]:
        name = encoder.type_name(type(obj))
        return "keyed " + name, (function(obj),)

    return describe


def _devstash_key(obj: Any) -> Any:
    return type(obj).__devstash_key__(obj)


# --- objects in general -----------------------------------------------------------------------------------


def _is_plain(kind: type, obj: Any) -> bool:
    """Whether objects of this class are their `__dict__`, so that it can be read without further ado."""
    if (
        not hasattr(obj, "__dict__")
        or kind in copyreg.dispatch_table
        or not _is_inherited(kind, "__reduce_ex__")
        or not _is_inherited(kind, "__reduce__")
        or not _is_inherited(kind, "__getstate__")
        or hasattr(kind, "__getnewargs__")
        or hasattr(kind, "__getnewargs_ex__")
        or type(vars(kind).get("__dict__")) is property
    ):
        return False
    for base in kind.__mro__[:-1]:
        if not base.__flags__ & _HEAP or base.__dict__.get("__slots__"):
            return False
    try:  # refused for extension types with a state of their own, and then for every one of them
        made: Any = object.__reduce_ex__(obj, 4)
    except Exception:
        return False
    return made[0] is copyreg.__newobj__ and made[1] == (kind,) and (not made[2] or type(made[2]) is dict)  # type: ignore[attr-defined]


def _is_inherited(kind: type, name: str) -> bool:
    """Whether a class has this method from `object`, or not at all."""
    return getattr(kind, name, None) is getattr(object, name, None)


def _attributes(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An ordinary object: its class and its attributes by name."""
    held = obj.__dict__
    if not held:
        return _stateless(encoder, obj)
    return "object " + encoder.type_name(type(obj)), _sorted_state(held)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _reduced(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An object as its pickling would have it, read as data."""
    kind = type(obj)
    name = encoder.type_name(kind)
    reduce = copyreg.dispatch_table.get(kind)
    made: Any = reduce(obj) if reduce is not None else obj.__reduce_ex__(4)
    if isinstance(made, str):
        # A singleton of a module, known there by this name; an `lru_cache` among them.
        module = getattr(obj, "__module__", None)
        wrapped = getattr(obj, "__wrapped__", None)
        return "named " + name, (module if type(module) is str else None, made, wrapped)
    function, arguments, state, items, pairs = (*made, None, None, None)[:5]
    if items is not None:
        items = list(items)
    if pairs is not None:
        pairs = list(pairs)
    if type(state) is dict:
        state = _sorted_state(state)
    elif type(state) is tuple and len(state) == 2 and all(type(part) in (dict, type(None)) for part in state):
        state = _sorted_state({**(state[0] or {}), **(state[1] or {})})  # attributes and slots
    if function is copyreg.__newobj__ and arguments and arguments[0] is kind:  # type: ignore[attr-defined]
        if len(arguments) == 1 and not items and not pairs:
            if state is None:
                return _stateless(encoder, obj)
            return "object " + name, state
        return "object " + name, ("", arguments[1:], state, items, pairs)
    return "reduced " + name, (function, arguments, state, items, pairs)


def _sorted_state(state: dict[Any, Any]) -> Any:
    if not _ADDRESSES.isdisjoint(state):
        state = {name: value for name, value in state.items() if name not in _ADDRESSES}
    try:
        return tuple(sorted(state.items(), key=_first))
    except TypeError:
        return ("", tuple(state.items()))


def _stateless(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """An object without any state.

    If it compares by identity it may be a sentinel, and two of them are different values. They are told
    apart by the module-level or class-level name they go by; a bare `object()` without one cannot be keyed.
    """
    kind = type(obj)
    name = encoder.type_name(kind)
    if not _is_inherited(kind, "__eq__"):
        return "object " + name, None
    known = _sentinel_name(obj)
    if known is None and kind is object:
        raise Unkeyable("", "object", "one bare object() cannot be told from another")
    return "object " + name, known


_sentinels: dict[int, tuple[Any, str]] = {}


def _sentinel_name(obj: Any) -> str | None:
    """The name that an object goes by in a module or a class of it.

    A bare object is looked for everywhere, others where their class is at home. What an installed module
    calls its sentinels does not change, so it is looked up once; what the project does may.
    """
    known = _sentinels.get(id(obj))
    if known is not None:
        return known[1]
    kind = type(obj)
    ours = kind is object or origin.of_class(kind) == origin.PROJECT
    homes = (
        sorted(sys.modules)
        if kind is object
        else {"__main__", str(kind.__module__)}
        if ours
        else {kind.__module__}
    )
    for home in sorted(homes):
        module = sys.modules.get(home)
        found = _name_in(module, obj) if type(module) is ModuleType else None
        if found is not None:
            if (kind is object or not ours) and len(_sentinels) < _LIMIT:
                _sentinels[id(obj)] = (obj, found)
            return found
    return None


def _name_in(module: ModuleType, obj: Any) -> str | None:
    for name, value in list(vars(module).items()):
        if value is obj:
            return f"{module.__name__}.{name}"
        if isinstance(value, type) and getattr(value, "__module__", None) == module.__name__:
            for inner, held in list(vars(value).items()):
                if held is obj:
                    return f"{module.__name__}.{value.__qualname__}.{inner}"
    return None


def _plumbing(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """Something that carries no meaning for what a call computes."""
    return "plumbing", type_name(type(obj))


def _nested_plumbing(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A socket or the like: no meaning as a part of an object, but what else than itself if passed to a
    call.
    """
    if not encoder.active:
        raise Unkeyable("", type_name(type(obj)), "what comes out of it is not known beforehand")
    return "plumbing", type_name(type(obj))


def _consumed(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    raise Unkeyable("", type_name(type(obj)), "it is used up by the call")


def _unkeyable(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    raise Unkeyable("", type_name(type(obj)), "its contents are not known without using them")


# --- Python's own types -----------------------------------------------------------------------------------


def _function(encoder: Encoder, obj: FunctionType) -> tuple[str, Any]:
    """A function as a value: everything of it but the names it looks up, which are for fingerprint.py."""
    encoder.meet(obj)
    name = f"function {obj.__module__}.{obj.__qualname__}"
    closure = obj.__closure__
    cells = tuple(map(cell_value, closure)) if closure else None
    if origin.of_namespace(obj.__globals__) != origin.PROJECT:
        return name, (cells, obj.__dict__.get("__wrapped__"))
    known = facts(obj.__code__)
    documentation = (obj.__doc__, known.docs, annotations_of(obj))
    return name, (
        known.digest,
        obj.__defaults__,
        obj.__kwdefaults__,
        cells,
        _sorted_state(vars(obj)),
        documentation,
    )


def cell_value(cell: CellType) -> tuple[Any, ...]:
    """The contents of a closure cell, which may be empty."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def annotations_of(obj: Any) -> Any:
    """The annotations of a function or class, as far as they can be had."""
    try:
        held = obj.__annotations__ if not isinstance(obj, type) else obj.__dict__.get("__annotations__")
        if held is None and isinstance(obj, type) and sys.version_info >= (3, 14):
            held = obj.__annotations__
    except Exception:  # since 3.14 they are evaluated now, which may fail
        annotate = getattr(obj, "__annotate__", None)
        return getattr(annotate, "__code__", None)
    return dict(held) if held else None


def _class(encoder: Encoder, obj: type) -> tuple[str, Any]:
    name = encoder.type_name(obj)
    if origin.of_class(obj) != origin.PROJECT:
        return "type", name
    return "type " + name, (obj.__dict__.get("__doc__"), annotations_of(obj))


def _builtin(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    owner = obj.__self__
    if owner is None or isinstance(owner, ModuleType):
        encoder.meet(obj)
        return "builtin", f"{obj.__module__}.{obj.__qualname__}"
    return "builtin method", (owner, obj.__name__)


def _method(encoder: Encoder, obj: MethodType) -> tuple[str, Any]:
    return "method", (obj.__self__, obj.__func__)


def _descriptor(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "descriptor", (obj.__objclass__, obj.__name__)


def _module(encoder: Encoder, obj: ModuleType) -> tuple[str, Any]:
    encoder.meet(obj)
    return "module", obj.__name__


def _property(encoder: Encoder, obj: property) -> tuple[str, Any]:
    name = encoder.type_name(type(obj))
    return "property " + name, (obj.fget, obj.fset, obj.fdel, obj.__doc__)


def _wrapper(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return type_name(type(obj)), (obj.__func__,)


def _super(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "super", (obj.__thisclass__, obj.__self__)


def _exception(encoder: Encoder, obj: BaseException) -> tuple[str, Any]:
    places = []
    traceback = obj.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append((code.co_filename, code.co_name, traceback.tb_lineno))
        traceback = traceback.tb_next
    _, state = _reduced(encoder, obj)
    chain = (obj.__cause__, obj.__context__, obj.__suppress_context__, tuple(places))
    return "exception " + encoder.type_name(type(obj)), (state, chain)


def _memoryview(encoder: Encoder, obj: memoryview) -> tuple[str, Any]:
    return "memoryview", (obj.format, obj.itemsize, obj.shape, obj.readonly, obj.tobytes())


def _enum(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "enum " + encoder.type_name(type(obj)), (obj._name_, obj._value_)


def _set(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A subclass of set or frozenset; its own pickling would list it in hash order."""
    held = vars(obj) if hasattr(obj, "__dict__") else {}
    return "set " + encoder.type_name(type(obj)), (
        frozenset(set.__iter__(obj) if isinstance(obj, set) else frozenset.__iter__(obj)),
        _sorted_state(held),
    )


def _stream(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A file. Python's own standard output streams are what they are in every run."""
    for name in ("stdout", "stderr"):
        if obj is getattr(sys, name, None) or obj is getattr(sys, f"__{name}__", None):
            return "stream", name
    if obj.__class__.__name__ in ("BytesIO", "StringIO") and type(obj).__module__ == "_io":
        return "memory file " + type(obj).__name__, (obj.getvalue(), obj.tell())
    raise Unkeyable("", type_name(type(obj)), "a file that is open is read or written by the call")


def _pydantic_decorator(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A validator's registration; what it says of its class is an address in memory."""
    return "pydantic decorator", (obj.cls_var_name, obj.info)


def _context_variable(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "context variable", (obj.name, obj.get(None))


_OWN: dict[type, Describer] = {
    FunctionType: _function,
    type: _class,
    BuiltinFunctionType: _builtin,
    MethodType: _method,
    MethodWrapperType: _builtin,
    MethodDescriptorType: _descriptor,
    WrapperDescriptorType: _descriptor,
    ClassMethodDescriptorType: _descriptor,
    GetSetDescriptorType: _descriptor,
    MemberDescriptorType: _descriptor,
    ModuleType: _module,
    CodeType: lambda encoder, obj: ("code", (facts(obj).digest, facts(obj).docs)),
    CellType: lambda encoder, obj: ("cell", cell_value(obj)),
    MappingProxyType: lambda encoder, obj: ("mappingproxy", (dict(obj),)),
    property: _property,
    staticmethod: _wrapper,
    classmethod: _wrapper,
    super: _super,
    memoryview: _memoryview,
    BaseException: _exception,
    complex: lambda encoder, obj: (
        "complex " + encoder.type_name(type(obj)),
        (complex.__pos__(obj).real, complex.__pos__(obj).imag),
    ),
    set: _set,
    frozenset: _set,
    type(Ellipsis): lambda encoder, obj: ("singleton", "Ellipsis"),
    type(NotImplemented): lambda encoder, obj: ("singleton", "NotImplemented"),
    partial: _reduced,
}

_BY_NAME: dict[str, Describer] = {
    "enum.Enum": _enum,
    "_io._IOBase": _stream,
    "_contextvars.ContextVar": _context_variable,
    "pydantic._internal._decorators.Decorator": _pydantic_decorator,
    "builtins.generator": _consumed,
    "builtins.coroutine": _consumed,
    "builtins.async_generator": _consumed,
    "builtins.async_generator_asend": _consumed,
    "builtins.coroutine_wrapper": _consumed,
    "builtins.frame": _unkeyable,
    "builtins.traceback": _unkeyable,
    "_socket.socket": _nested_plumbing,
    "_ssl._SSLSocket": _nested_plumbing,
    "_ssl.MemoryBIO": _nested_plumbing,
}

_PLUMBING = frozenset(
    (
        "_thread.lock",
        "_thread.RLock",
        "_thread._local",
        "_thread._localdummy",
        "_thread._ThreadHandle",
        "threading._RLock",
        "threading.Condition",
        "threading.Event",
        "threading.Semaphore",
        "threading.Barrier",
        "threading.Thread",
        "_threading_local.local",
        "asyncio.locks.Lock",
        "asyncio.locks.Event",
        "asyncio.locks.Condition",
        "asyncio.locks.Semaphore",
        "asyncio.events.AbstractEventLoop",
        "logging.Filterer",
        "logging.LoggerAdapter",
        "logging.Manager",
        "loguru._logger.Logger",
        "concurrent.futures._base.Executor",
        "multiprocessing.pool.Pool",
        "multiprocessing.synchronize.SemLock",
        "_multiprocessing.SemLock",
        "_ssl._SSLContext",
        "_ssl.SSLSession",
        "selectors.BaseSelector",
        "weakref.ReferenceType",
        "weakref.ProxyType",
        "weakref.CallableProxyType",
        "weakref.WeakValueDictionary",
        "weakref.WeakKeyDictionary",
        "weakref.WeakSet",
        "_weakrefset.WeakSet",
        "weakref.finalize",
        "builtins.weakref",
        "builtins.weakproxy",
        "builtins.weakcallableproxy",
        "_abc._abc_data",
        "rich.console.Console",
    )
)

#: Packages whose types are known in modules of their own, loaded with the first object of them.
_GROUPS = {
    "numpy": "scientific",
    "pandas": "scientific",
    "polars": "scientific",
    "pyarrow": "scientific",
    "scipy": "scientific",
    "PIL": "scientific",
    "torch": "scientific",
    "httpx": "clients",
    "httpx2": "clients",
    "httpcore": "clients",
    "httpcore2": "clients",
    "requests": "clients",
    "urllib3": "clients",
    "aiohttp": "clients",
    "botocore": "clients",
    "boto3": "clients",
    "sqlalchemy": "databases",
    "sqlite3": "databases",
    "psycopg": "databases",
    "psycopg2": "databases",
}


def _load(group: str) -> Callable[[type], Describer | None]:
    if group == "scientific":
        from .scientific import find
    elif group == "databases":
        from .databases import find
    else:
        from .clients import find
    return find


def _stainless(base: type, name: str) -> Describer | None:
    """Clients and resources of openai, anthropic and the other packages made by the same generator."""
    if name.endswith(
        ("._base_client.BaseClient", "._resource.SyncAPIResource", "._resource.AsyncAPIResource")
    ):
        from .clients import find

        return find(base)
    return None
