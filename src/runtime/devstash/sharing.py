"""Whether a result has parts in common with what the call was given: then a hit would hand out copies of them.

`m.items()` may return the very list that `m` holds; what the script later does to one it does to the other. An entry
brings back a copy, which is another list. So a result that shares a changeable object with the receiver, an argument
or a module-level value that the call reads is not kept. Functions, classes and modules are stored by reference and
stay the same object; values that cannot be changed may as well be copies.
"""

from __future__ import annotations

import sys
from _weakref import ref
from gc import get_referents
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Neither changeable nor leading to anything that is.
_LEAVES = frozenset(
    (
        *(int, float, complex, str, bytes, bool, range, slice, type, property, staticmethod, classmethod),
        *(type(None), type(...), type(NotImplemented), FunctionType, BuiltinFunctionType, CodeType, FrameType),
        *(ref, ModuleType, GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType),
    )
)
# Not changeable themselves, but they may hold what is.
_TRANSPARENT = frozenset((tuple, frozenset, MappingProxyType))
# Modules of the standard library and of packages whose instances are values: nothing can be done to them.
_VALUES = frozenset(
    [
        "datetime",
        "decimal",
        "fractions",
        "uuid",
        "pathlib",
        "pathlib._local",
        "zoneinfo",
        "re",
        "ipaddress",
        "polars",
        "pyarrow.lib",
    ]
)
# Labels and types of columns: frames share them freely, because they cannot be changed.
_VALUE_FAMILIES = ("pandas.core.indexes.", "pandas.core.dtypes.", "pandas._libs.", "numpy.dtype")


def shared(result: object, given: dict[str, Any]) -> str | None:
    """The name of the member of `given` with which `result` has a changeable object in common, or None."""
    if type(result) in _LEAVES:
        return None
    parts = _parts(result)
    if not parts:
        return None
    for name, value in given.items():
        if _meets(value, parts):
            return name
    return None


def _parts(value: object) -> set[int]:
    """The ids of the changeable objects that `value` consists of; they live as long as it does."""
    parts: set[int] = set()
    for obj in _walk(value):
        if _changeable(obj):
            parts.add(id(obj))
    return parts


def _meets(value: object, parts: set[int]) -> bool:
    return any(id(obj) in parts for obj in _walk(value))


def _walk(value: object) -> Any:
    """Every object that `value` consists of, itself included, leaves left out; each once."""
    if _is_leaf(value):
        return
    seen = {id(value): value}
    level: list[Any] = [value]
    while level:
        yield from level
        following: list[Any] = []
        for obj in _contents(level):
            if type(obj) not in _LEAVES and id(obj) not in seen and not _is_leaf(obj):
                seen[id(obj)] = obj
                following.append(obj)
        level = following


def _contents(level: list[Any]) -> list[Any]:
    held = get_referents(*[obj for obj in level if not _is_closed(obj)])
    for obj in level:
        # An array tells nobody of the memory that it looks at, nor of the objects in it.
        if type(obj).__name__ in ("ndarray", "memmap", "matrix", "MaskedArray") and hasattr(obj, "base"):
            if obj.base is not None:
                held.append(obj.base)
            if getattr(obj.dtype, "hasobject", False) and not obj.dtype.fields:
                held.extend(obj.ravel().tolist())
    return held


def _is_closed(obj: object) -> bool:
    """Whether the contents of `obj` are nobody's but its own: from version 3 on, pandas copies on write."""
    kind = type(obj)
    if kind.__module__.partition(".")[0] != "pandas":
        return False
    version = getattr(sys.modules.get("pandas"), "__version__", "")
    return kind.__name__ in ("DataFrame", "Series") and version.partition(".")[0].isdigit() and int(
        version.partition(".")[0]
    ) >= 3  # fmt: skip


def _is_leaf(obj: object) -> bool:
    kind = type(obj)
    if kind in _LEAVES:
        return True
    if issubclass(kind, (type, ModuleType)):
        return True
    if kind.__module__ in _VALUES or kind.__module__.startswith(_VALUE_FAMILIES):
        return True
    # Enumeration members are stored by reference, and are what they are.
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(kind, enum.Enum)


def _changeable(obj: object) -> bool:
    kind = type(obj)
    if kind in _TRANSPARENT:
        return False
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return False
    # A named tuple, or another subclass of something unchangeable without attributes of its own.
    return not (isinstance(obj, (tuple, frozenset, int, str, bytes, float)) and not getattr(obj, "__dict__", None))
