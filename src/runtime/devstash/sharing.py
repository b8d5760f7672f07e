"""The changeable parts of objects that are not taken apart, such as the blocks of a frame.

What is known by its number (heap.py) comes back as what it is. But a result may also hold something that lies within
such an object where no number leads: the entry would bring back a copy of it, and what the script later does to one
would not be seen in the other. Functions, classes and modules are stored by reference and stay the same object; values
that cannot be changed may as well be copies.
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
    from collections.abc import Container, Iterator
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


def inner_parts(values: list[Any], known: Container[int]) -> dict[int, Any]:
    """The changeable objects within `values` by id, themselves and those whose id is in `known` left out."""
    own = {id(value) for value in values}
    return {
        id(part): part
        for part in _walk(values, known)
        if id(part) not in own and id(part) not in known and is_changeable(part)
    }


def _walk(values: list[Any], known: Container[int]) -> Iterator[Any]:
    """Every object that `values` consist of, leaves left out, each once; what is `known` is not entered."""
    seen: dict[int, Any] = {}
    level = [value for value in values if not is_leaf(value)]
    while level:
        yield from level
        following: list[Any] = []
        for part in get_referents(*[value for value in level if not _is_closed(value)]):
            if type(part) in _LEAVES or id(part) in seen or id(part) in known or is_leaf(part):
                continue
            seen[id(part)] = part
            following.append(part)
        level = following


def holds_state(value: object) -> bool:
    """Whether `value` is neither code nor a value that cannot be changed."""
    return not is_leaf(value) and is_changeable(value)


def is_frame(value: object) -> bool:
    """Whether `value` is a DataFrame or Series of pandas."""
    kind = type(value)
    return kind.__name__ in ("DataFrame", "Series") and kind.__module__.partition(".")[0] == "pandas"


def copies_on_write() -> bool:
    """Whether frames of pandas are nobody's but their own: from version 3 on they copy what they share on writing."""
    pandas = sys.modules.get("pandas")
    major = str(getattr(pandas, "__version__", "")).partition(".")[0]
    if major.isdigit() and int(major) >= 3:
        return True
    try:
        return pandas.options.mode.copy_on_write is True  # type: ignore[union-attr]
    except Exception:
        return False


def _is_closed(value: object) -> bool:
    return is_frame(value) and copies_on_write()


def is_leaf(value: object) -> bool:
    """Whether `value` neither can be changed nor leads to anything that can."""
    kind = type(value)
    if kind in _LEAVES:
        return True
    if issubclass(kind, (type, ModuleType)):
        return True
    if kind.__module__ in _VALUES or kind.__module__.startswith(_VALUE_FAMILIES):
        return True
    # Enumeration members are stored by reference, and are what they are.
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(kind, enum.Enum)


def is_changeable(value: object) -> bool:
    """Whether `value` itself, apart from its parts, can be changed."""
    kind = type(value)
    if kind in _TRANSPARENT:
        return False
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return False
    # A named tuple, or another subclass of something unchangeable without attributes of its own.
    return not (isinstance(value, (tuple, frozenset, int, str, bytes, float)) and not getattr(value, "__dict__", None))
