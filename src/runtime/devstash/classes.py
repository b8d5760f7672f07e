"""A project class into components: its bases, methods, properties and other attributes.

It belongs to fingerprint.py, whose walk it is a part of.
"""

from __future__ import annotations

from _blake2 import blake2b

from . import origin
from .encode import DIGEST, Encoder
from .kinds import (
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from .objects import notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .fingerprint import Reach

# Attributes of a class that follow from its other parts, or say nothing about what it does.
_DERIVED = frozenset(
    (
        "__module__",
        "__qualname__",
        "__dict__",
        "__weakref__",
        "__doc__",
        "__annotations__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "_abc_impl",
        "__parameters__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__conditional_annotations__",
        "__signature__",
        "__slotnames__",  # written by the first pickling of an instance
        "__dataclass_params__",
        "__attrs_props__",
        "__attrs_base_of_slotted__",
        "__mapper__",
        "__class_vars__",
        "__pydantic_core_schema__",
        "__pydantic_validator__",
        "__pydantic_serializer__",
        "__pydantic_complete__",
        "__pydantic_parent_namespace__",
        "__pydantic_generic_metadata__",
        "__pydantic_setattr_handlers__",
        "__pydantic_fields_complete__",
        "__pydantic_computed_fields__",
        "__pydantic_custom_init__",
        "__pydantic_post_init__",
        "__pydantic_root_model__",
        "__pydantic_extra_info__",
        "__pydantic_init_subclass__",
        "_sa_class_manager",
        "_sa_registry",
    )
)
#: What code that lists the attributes of a class finds there, but not everywhere and always.
NOT_LISTED = _DERIVED | frozenset(("__orig_bases__", "__match_args__"))
# An enum's own tables, from which its members have been taken.
_OF_ENUM = (
    "_member_",
    "_value2member",
    "_hashable_",
    "_unhashable_",
    "_use_args_",
    "_new_member_",
    "_value_repr_",
)

_FIELDS = frozenset(("__dataclass_fields__", "__pydantic_fields__", "__pydantic_decorators__"))
_NO_DEFAULT = ("_MISSING_TYPE", "PydanticUndefinedType")
_LIMIT = 4096  # classes made anew on every call must not fill the memory
_described: dict[int, tuple[Any, bytes, list[Any]]] = {}

_DESCRIPTORS = (
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
    ClassMethodDescriptorType,
)


def follow_class(reach: Reach, kind: Any) -> None:
    if id(kind) in reach.seen:
        return
    reach.seen[id(kind)] = kind
    place = origin.of_class(kind)
    if place != origin.PROJECT:
        reach.place(place)
        reach.named.add(kind.__module__)
        for base in kind.__mro__[1:]:
            if base.__flags__ & 512 and origin.of_class(base) == origin.PROJECT:
                follow_class(reach, base)
        from .given import follow_given

        follow_given(reach, kind)
        return
    reach.documented.append(kind)
    reach.extension(kind.__module__)
    hasher = blake2b(digest_size=DIGEST)
    for base in kind.__mro__[1:]:
        hasher.update(f"{base.__module__}.{base.__qualname__};".encode())
        if base is not object:
            follow_class(reach, base)
    if type(kind) is not type:
        hasher.update(f"metaclass={type(kind).__qualname__};".encode())
        follow_class(reach, type(kind))
    held = vars(kind)
    if "_abc_impl" in held:
        registered_with(reach, kind, hasher, False)
    data: list[tuple[str, Any]] = []
    members = held.get("_member_map_")
    if isinstance(members, dict):
        data.append(("members", [(name, member._value_, notes(member)) for name, member in members.items()]))
    if _has_fields(kind):
        from .standard import annotations_of

        data.append(("annotations", annotations_of(kind)))
        data.append(("doc", held.get("__doc__")))
    for name, value in sorted(held.items()):
        if name in _DERIVED or isinstance(value, _DESCRIPTORS):
            continue
        if name in _FIELDS:
            hasher.update(_fields(reach, f"{kind.__qualname__}.{name}", value))
            continue
        if isinstance(members, dict) and (name in members or name.startswith(_OF_ENUM)):
            continue
        _member(reach, kind, name, value, hasher, data)
    if data:
        hasher.update(reach.data(data, f"{kind.__module__}.{kind.__qualname__}"))
    reach.put(f"class {kind.__module__}.{kind.__qualname__}", hasher.hexdigest())


def registered_with(reach: Reach, kind: Any, hasher: Any, ours: bool) -> None:
    """The classes that were registered with an abstract one; if `ours` is set, only those of the project."""
    from _abc import _get_dump  # type: ignore[import-not-found]

    classes = [reference() for reference in _get_dump(kind)[0]]
    known = [c for c in classes if c is not None and (not ours or origin.of_class(c) == origin.PROJECT)]
    named = {f"{c.__module__}.{c.__qualname__}": c for c in known}
    for name in sorted(named):
        hasher.update(f"registered={name};".encode())
        follow_class(reach, named[name])


def _fields(reach: Reach, path: str, value: Any) -> bytes:
    """The description of the fields of a dataclass or its like.

    The methods made from it were made once and for all, so it is encoded once. Defaults that can change
    are parts of these methods.
    """
    known = _described.get(id(value))
    if known is None:
        encoder = Encoder()
        known = (value, encoder.digest(value, path).encode(), list(encoder.met.values()))
        held = value.values() if isinstance(value, dict) else ()
        if all(map(_is_settled, held)):
            if len(_described) >= _LIMIT:
                _described.clear()
            _described[id(value)] = known
    for code in known[2]:
        reach.encoder.meet(code)
    return known[1]


def _member(reach: Reach, kind: type, name: str, value: Any, hasher: Any, data: list[tuple[str, Any]]) -> None:
    """One attribute of a class."""
    sort = type(value)
    if sort is FunctionType:
        if value.__code__.co_filename.startswith("<attrs generated"):
            return  # it follows from the list of fields
        if value.__qualname__ == f"{kind.__qualname__}.{name}" and value.__module__ == kind.__module__:
            reach.function(value)
        else:
            data.append((name, value))
    elif sort is classmethod or sort is staticmethod:
        hasher.update(f"{name}={sort.__name__};".encode())
        _member(reach, kind, name, value.__func__, hasher, data)
    elif sort is property:
        hasher.update(f"{name}=property;".encode())
        for part in (value.fget, value.fset, value.fdel):
            if part is not None:
                _member(reach, kind, name, part, hasher, data)
    elif sort.__qualname__ == "cached_property" and hasattr(value, "func"):
        hasher.update(f"{name}=cached_property;".encode())
        _member(reach, kind, name, value.func, hasher, data)
    elif issubclass(sort, type) and value.__qualname__ == f"{kind.__qualname__}.{name}":
        follow_class(reach, value)
    else:
        data.append((name, value))


def _has_fields(kind: Any) -> bool:
    """Whether the annotations of a class are its fields."""
    marks = (
        "__dataclass_fields__",
        "__attrs_attrs__",
        "__pydantic_fields__",
        "model_fields",
        "_fields",
        "__total__",
    )
    if any(mark in kind.__dict__ for mark in marks):
        return True
    return type(kind) is not type and type(kind).__module__ not in ("abc", "enum", "typing")


def _is_settled(field: Any) -> bool:
    """Whether nothing that can change hangs on a field; the code that its factory reaches is followed anyway."""
    factory = getattr(field, "default_factory", None)
    if factory is not None and not isinstance(factory, (FunctionType, type)) and not _is_fixed(factory):
        return False
    if isinstance(factory, FunctionType) and factory.__closure__:
        return False
    return not getattr(field, "metadata", None) and _is_fixed(getattr(field, "default", None))


def _is_fixed(default: Any) -> bool:
    kind = type(default)
    return kind in (str, int, float, bool, bytes, type(None)) or kind.__name__ in _NO_DEFAULT
