"""What a project has given to code that is not its own: to classes of packages, and to modules with settings and
registries.

Installed code counts by its version. But a program may put a method of its own into a class of pandas, register a
function with sqlite3 or choose how NumPy prints: what a call computes then depends on that, although no code that it
reaches names it. Only what differs from how the package comes is counted, so that a package that nobody has loaded yet
and one that nobody has touched are the same.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b
from functools import partial
from types import FunctionType, MappingProxyType, MethodType

from . import origin
from .encode import DIGEST
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .fingerprint import Reach

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: others cannot be given anything
_ATOMS = (str, int, float, bool)
_SIMPLE = frozenset((str, int, float, bool, bytes, type(None)))
_COLLECTIONS = (dict, list, set, tuple)
_LIMIT = 4096  # classes, and parts of one collection


class _Look:
    """What was seen in the namespace of an installed class."""

    __slots__ = ("collections", "held", "ids", "kind", "parts", "plain")

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        # Kept, so that their ids stay theirs.
        self.held = list(vars(kind).values())
        self.ids = list(map(id, self.held))
        #: Attributes that are or hold code of the project.
        self.parts: list[tuple[str, Any]] = []
        #: Plain values that may be settings.
        self.plain: list[tuple[str, Any]] = []
        self.collections: list[tuple[str, Any]] = []
        for name, value in vars(kind).items():
            sort = type(value)
            if sort in _COLLECTIONS:
                self.collections.append((name, value))
            elif sort in _ATOMS:
                if name[0] != "_":
                    self.plain.append((name, value))
            elif holds_ours(value):
                self.parts.append((name, value))
        if self.plain:
            from .clients import is_credential

            noted = _notes_of(kind)
            self.plain = [pair for pair in self.plain if pair[0] not in noted and not is_credential(pair[0])]
            self.plain.sort()


_looks: dict[int, _Look] = {}


def follow_given(reach: Reach, kind: Any) -> None:
    """Follow what the project gave to an installed class or to one of its installed bases."""
    for base in kind.__mro__:
        if not base.__flags__ & _HEAP or (base is not kind and id(base) in reach.seen):
            continue
        if origin.of_class(base) == origin.PROJECT:
            continue
        reach.seen[id(base)] = base
        look = _looks.get(id(base))
        if look is None or look.ids != list(map(id, vars(base).values())):
            if len(_looks) >= _LIMIT:
                _looks.clear()
            look = _looks[id(base)] = _Look(base)
        parts = look.parts
        for name, value in look.collections:
            held = value.items() if isinstance(value, dict) else enumerate(value)
            if len(value) <= _LIMIT:
                parts = parts + [
                    (f"{name}[{key!r}]", part)
                    for key, part in list(held)
                    if type(part) not in _SIMPLE and holds_ours(part)
                ]
        name = f"{base.__module__}.{base.__qualname__}"
        hasher = blake2b(digest_size=DIGEST)
        empty = hasher.digest()
        for attribute, part in parts:
            hasher.update(attribute.encode("utf-8", "backslashreplace"))
            hasher.update(reach.data(part, f"{name}.{attribute}"))
        if look.plain:
            hasher.update(reach.encoder.digest(look.plain, name).encode())
        if "_abc_impl" in vars(base):
            from .classes import registered_with

            registered_with(reach, base, hasher, True)
        if hasher.digest() != empty:
            reach.put(f"class {name}", hasher.hexdigest())


def _notes_of(kind: Any) -> set[str]:
    """Names that the methods of a class may bind on the class itself: its own bookkeeping, not a setting."""
    found: set[str] = set()
    marks = {"cls", kind.__name__, "__class__"}
    for name, value in vars(kind).items():
        function = getattr(value, "__func__", value)
        if not isinstance(function, FunctionType):
            continue
        code = function.__code__
        if (
            function is not value
            or name in ("__new__", "__init_subclass__")
            or not marks.isdisjoint(code.co_names + code.co_varnames + code.co_freevars)
        ):
            found.update(code.co_names)
    return found


def is_ours(value: Any) -> bool:
    """Whether a value is a function, method or class of the project."""
    if type(value) is MethodType:
        value = value.__func__
    if type(value) is FunctionType:
        # Functions without a module were made of text, by attrs and its like.
        namespace = value.__globals__
        return "__name__" in namespace and origin.of_namespace(namespace) == origin.PROJECT
    if isinstance(value, type):
        home = value.__module__
        if type(home) is not str or home not in sys.modules or home.startswith("_cython_"):
            return False  # Cython keeps its own types in a module of no file
        return origin.of_class(value) == origin.PROJECT
    return False


def holds_ours(value: Any) -> bool:
    """Whether a value is, or directly holds, code of the project or an object of one of its classes."""
    if is_ours(value):
        return True
    if type(value) is FunctionType:
        return any(is_ours(_contents(cell)) for cell in value.__closure__ or ()) or is_ours(
            value.__dict__.get("__wrapped__")
        )
    if type(value) in (staticmethod, classmethod):
        return holds_ours(value.__func__)
    if isinstance(value, property):
        return any(map(is_ours, (value.fget, value.fset, value.fdel)))
    if type(value) is partial:
        return any(map(is_ours, (value.func, *value.args, *value.keywords.values())))
    if isinstance(value, (type, MappingProxyType)) or type(value).__module__ == "builtins":
        return False
    if is_ours(type(value)):
        return True
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return False
    return type(held) is dict and any(map(is_ours, list(held.values())[:64]))


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


# --- settings and registries of modules -------------------------------------------------------------------


def follow_settings(reach: Reach, name: str) -> None:
    """Count what was set or registered in a module that reached code uses."""
    module = sys.modules.get(name)
    if module is None:
        return
    try:
        found = _SETTINGS[name](module)
    except Exception:  # another version of the package that keeps them elsewhere
        return
    if found:
        reach.settings[name] = found
        reach.put(f"settings {name}", reach.encoder.digest(found, f"settings {name}"))


def _others(held: dict[Any, Any], usual: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """The items of `held` that are not as `usual` says, in the order of their names."""
    missing = object()
    return sorted((name, value) for name, value in held.items() if not _same(value, usual.get(name, missing)))


def _same(one: Any, other: Any) -> bool:
    return one is other or type(one) is type(other) and isinstance(one, (*_ATOMS, dict)) and one == other


def _calendar(module: Any) -> Any:
    return int(module.firstweekday())


def _copying(module: Any) -> Any:
    table = sys.modules["copyreg"].dispatch_table
    return [pair for pair in table.items() if holds_ours(pair[1])]


_DIALECTS = ("excel", "excel-tab", "unix")
_DIALECT = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace")


def _csv(module: Any) -> Any:
    found = []
    for name in sorted(set(module.list_dialects()).difference(_DIALECTS)):
        dialect = module.get_dialect(name)
        found.append((name, [getattr(dialect, part) for part in _DIALECT], dialect.strict))
    return found


def _matplotlib(module: Any) -> Any:
    usual = module.rcParamsDefault
    names = [name for name in dict.keys(module.rcParams) if name not in ("backend", "interactive")]
    pairs = [(name, dict.__getitem__(module.rcParams, name), dict.get(usual, name)) for name in sorted(names)]
    return [(name, value) for name, value, normal in pairs if value is not normal and value != normal]


def _mimetypes(module: Any) -> Any:
    if not module.inited:
        module.init()  # as the first question would
    return [
        (part, sorted(getattr(module, part).items()))
        for part in ("suffix_map", "encodings_map", "types_map", "common_types")
    ]


_ARRAY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_ARRAY_TEXT = {
    "edgeitems": 3,
    "threshold": 1000,
    "floatmode": "maxprec",
    "precision": 8,
    "suppress": False,
    "linewidth": 75,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "formatter": None,
    "legacy": False,
    "override_repr": None,
}


def _numpy(module: Any) -> Any:
    return _others(module.geterr(), _ARRAY_ERRORS) + _others(module.get_printoptions(), _ARRAY_TEXT)


def _pandas(module: Any) -> Any:
    config = sys.modules["pandas._config.config"]
    found = []
    for name, option in config._registered_options.items():
        place: Any = config._global_config
        for step in name.split("."):
            place = place[step]
        if not _same(place, option.defval):
            found.append((name, place))
    return found


def _polars(module: Any) -> Any:
    return sorted(pair for pair in os.environ.items() if pair[0].startswith("POLARS_"))


_LEARNING = {
    "assume_finite": False,
    "working_memory": 1024,
    "print_changed_only": True,
    "display": "diagram",
    "pairwise_dist_chunk_size": 256,
    "enable_cython_pairwise_dist": True,
    "array_api_dispatch": False,
    "transform_output": "default",
    "enable_metadata_routing": False,
    "skip_parameter_validation": False,
}


def _sklearn(module: Any) -> Any:
    return _others(module.get_config(), _LEARNING)


def _sqlite(module: Any) -> Any:
    held = [("converter", name, function) for name, function in module.converters.items() if holds_ours(function)]
    return held + [("adapter", key, function) for key, function in module.adapters.items() if holds_ours(function)]


_PREFIXES = {
    "http://www.w3.org/XML/1998/namespace": "xml",
    "http://www.w3.org/1999/xhtml": "html",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://schemas.xmlsoap.org/wsdl/": "wsdl",
    "http://www.w3.org/2001/XMLSchema": "xs",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://purl.org/dc/elements/1.1/": "dc",
}


def _xml(module: Any) -> Any:
    return _others(module._namespace_map, _PREFIXES)


_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "calendar": _calendar,
    "copy": _copying,
    "copyreg": _copying,
    "csv": _csv,
    "matplotlib": _matplotlib,
    "mimetypes": _mimetypes,
    "numpy": _numpy,
    "pandas": _pandas,
    "pickle": _copying,
    "polars": _polars,
    "sklearn": _sklearn,
    "sqlite3": _sqlite,
    "xml.etree.ElementTree": _xml,
}
