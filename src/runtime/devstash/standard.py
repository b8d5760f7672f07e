"""Python's own types into plain data: code and what refers to it, files, exceptions; the tables of them."""

from __future__ import annotations

import sys
from _functools import partial  # type: ignore[import-not-found]

from . import origin
from .encode import Encoder, Unkeyable, type_name
from .facts import facts
from .kinds import (
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
from .objects import consumed, nested_plumbing, notes, reduced, sorted_state, unkeyable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]


def _function(encoder: Encoder, obj: FunctionType) -> tuple[str, Any]:
    """A function as a value: everything of it but the names it looks up, which are for fingerprint.py."""
    encoder.meet(obj)
    name = f"function {obj.__module__}.{obj.__qualname__}"
    closure = obj.__closure__
    cells = tuple(map(cell_value, closure)) if closure else None
    if origin.of_namespace(obj.__globals__) != origin.PROJECT:
        return name, (cells, obj.__dict__.get("__wrapped__"), obj.__dict__.get("__supertype__"))
    known = facts(obj.__code__)
    documentation = (obj.__doc__, known.docs, annotations_of(obj))
    return name, (
        known.digest,
        obj.__name__,
        obj.__defaults__,
        obj.__kwdefaults__,
        cells,
        sorted_state(vars(obj)),
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
    return dict(held) if isinstance(held, dict) and held else None  # Cython: a descriptor


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
    _, state = reduced(encoder, obj)
    chain = (obj.__cause__, obj.__context__, obj.__suppress_context__, tuple(places))
    return "exception " + encoder.type_name(type(obj)), (state, chain)


def _memoryview(encoder: Encoder, obj: memoryview) -> tuple[str, Any]:
    return "memoryview", (obj.format, obj.itemsize, obj.shape, obj.readonly, obj.tobytes())


def _enum(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "enum " + encoder.type_name(type(obj)), (obj._name_, obj._value_, notes(obj))


def _set(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A subclass of set or frozenset; its own pickling would list it in hash order."""
    held = vars(obj) if hasattr(obj, "__dict__") else {}
    return "set " + encoder.type_name(type(obj)), (
        frozenset(set.__iter__(obj) if isinstance(obj, set) else frozenset.__iter__(obj)),
        sorted_state(held),
    )


def _stream(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A file. Python's own standard output streams are what they are in every run."""
    for name in ("stdout", "stderr"):
        if obj is getattr(sys, name, None) or obj is getattr(sys, f"__{name}__", None):
            return "stream", name
    if obj.__class__.__name__ in ("BytesIO", "StringIO") and type(obj).__module__ == "_io":
        return "memory file " + type(obj).__name__, (obj.getvalue(), obj.tell())
    raise Unkeyable("", type_name(type(obj)), "a file that is open is read or written by the call")


def _path(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A path by its text; how it was put together is remembered in it, but makes no difference."""
    own = sorted_state(vars(obj)) if hasattr(obj, "__dict__") else None
    return "path " + encoder.type_name(type(obj)), (str(obj), own)


def _is_bookkeeping(encoder: Encoder) -> bool:
    """Whether what is being described belongs to an object of somebody else's class."""
    owner = encoder.owner()
    if owner is None:
        return False
    if type(owner) is FunctionType:
        return origin.of_namespace(owner.__globals__) != origin.PROJECT
    return origin.of_class(type(owner)) != origin.PROJECT


def _thread_local(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """What the present thread finds in it, unless a package keeps its books there."""
    if _is_bookkeeping(encoder):
        return "plumbing", type_name(type(obj))
    return "thread's own " + encoder.type_name(type(obj)), sorted_state(vars(obj))


def _event(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """Whether it is set, unless it is a package's."""
    if _is_bookkeeping(encoder):
        return "plumbing", type_name(type(obj))
    return "event " + encoder.type_name(type(obj)), bool(obj.is_set())


def _weak(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """What it leads to, unless a package keeps its books by it."""
    if _is_bookkeeping(encoder):
        return "plumbing", type_name(type(obj))
    name = encoder.type_name(type(obj))
    if hasattr(obj, "items"):
        return "weak mapping " + name, list(obj.items())
    if hasattr(obj, "discard"):
        return "weak set " + name, set(obj)
    return "weak reference " + name, (obj(),)


def _pydantic_decorator(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A validator's registration; what it says of its class is an address in memory."""
    return "pydantic decorator", (obj.cls_var_name, obj.info)


def _context_variable(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "context variable", (obj.name, obj.get(None))


def _partial(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """A partial has attributes once somebody has asked for them, even if there are none."""
    return "object " + encoder.type_name(type(obj)), (obj.func, obj.args, obj.keywords, obj.__dict__ or None)


OWN: dict[type, Describer] = {
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
    partial: _partial,
}

BY_NAME: dict[str, Describer] = {
    "enum.Enum": _enum,
    "_io._IOBase": _stream,
    "_contextvars.ContextVar": _context_variable,
    "builtins.ContextVar": _context_variable,  # up to Python 3.9
    "pydantic._internal._decorators.Decorator": _pydantic_decorator,
    "pathlib.PurePath": _path,
    "pathlib._local.PurePath": _path,
    "_thread._local": _thread_local,
    "threading.Event": _event,
    "asyncio.locks.Event": _event,
    "weakref.ReferenceType": _weak,
    "builtins.weakref": _weak,
    "weakref.WeakValueDictionary": _weak,
    "weakref.WeakKeyDictionary": _weak,
    "weakref.WeakSet": _weak,
    "_weakrefset.WeakSet": _weak,
    "builtins.generator": consumed,
    "builtins.coroutine": consumed,
    "builtins.async_generator": consumed,
    "builtins.async_generator_asend": consumed,
    "builtins.coroutine_wrapper": consumed,
    "builtins.frame": unkeyable,
    "builtins.traceback": unkeyable,
    "_socket.socket": nested_plumbing,
    "_ssl._SSLSocket": nested_plumbing,
    "_ssl.MemoryBIO": nested_plumbing,
}

PLUMBING = frozenset(
    (
        "_thread.lock",
        "_thread.RLock",
        "_thread._localdummy",
        "_thread._ThreadHandle",
        "threading._RLock",
        "threading.Condition",
        "threading.Semaphore",
        "threading.Barrier",
        "threading.Thread",
        "_threading_local.local",
        "asyncio.locks.Lock",
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
        "weakref.ProxyType",
        "weakref.CallableProxyType",
        "weakref.finalize",
        "builtins.weakproxy",
        "builtins.weakcallableproxy",
        "_abc._abc_data",
        "rich.console.Console",
    )
)
