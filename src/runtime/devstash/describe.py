"""An object that is no plain builtin into a name for what it is and plain data for what it holds.

For each type one function is found, once, and remembered: what the user registered, `__devstash_key__`,
what is known here of Python's own types, of the scientific packages and of clients, and for all others what
their pickling says (`__reduce_ex__`, which includes `__getstate__`, `copyreg`, slots and attributes), read
as data and never executed. Plumbing (locks, loggers, pools, sockets) is described by its type alone, since
it carries no meaning.
"""

from __future__ import annotations

from . import origin
from .encode import Encoder, describers, type_name
from .kinds import WrapperDescriptorType
from .objects import LIMIT, attributes, consumed, is_plain, plumbing, reduced
from .standard import BY_NAME, OWN, PLUMBING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]


_registered: dict[type, Callable[[Any], Any]] = {}


def register(kind: type, function: Callable[[Any], Any]) -> None:
    """See `encode.register_key`."""
    if not isinstance(kind, type) or not callable(function):
        raise TypeError("register_key() takes a class and a function of one argument")
    _registered[kind] = function
    describers.clear()


def find(obj: Any) -> Describer:
    """The function that describes objects of the type of `obj`."""
    kind = type(obj)
    if len(describers) >= LIMIT:
        describers.clear()
    found = describers[kind] = _find(kind, obj)
    return found


def _find(kind: type, obj: Any) -> Describer:
    for base in kind.__mro__:
        if base in _registered:
            return _spoken(_registered[base])
        if "__devstash_key__" in base.__dict__:
            return _spoken(_devstash_key)
    for base in kind.__mro__:
        known = OWN.get(base)
        if known is not None:
            return known
        name = type_name(base)
        if name in PLUMBING:
            if base is not kind and origin.of_class(kind) == origin.PROJECT:
                continue  # a thread or a handler of the project's own has a meaning of its own
            return plumbing
        if name in BY_NAME:
            return BY_NAME[name]
        group = _GROUPS.get(name.partition(".")[0])
        if group is not None:
            known = _load(group)(base)
            if known is not None:
                return known
        known = _stainless(base, name)
        if known is not None:
            return known
    if type(getattr(kind, "__next__", None)) is WrapperDescriptorType:  # an iterator written in C
        return consumed
    if is_plain(kind, obj):
        return attributes
    return reduced


def _spoken(function: Callable[[Any], Any]) -> Describer:
    """What a type says for itself."""

    def describe(encoder: Encoder, obj: Any) -> tuple[str, Any]:
        name = encoder.type_name(type(obj))
        return "keyed " + name, (function(obj),)

    return describe


def _devstash_key(obj: Any) -> Any:
    return type(obj).__devstash_key__(obj)


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
    if name.endswith(("._base_client.BaseClient", "._resource.SyncAPIResource", "._resource.AsyncAPIResource")):
        from .clients import find

        return find(base)
    return None
