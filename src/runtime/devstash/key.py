"""From a described call to its key: named components that together say which call it is.

The callable and the project code it reaches, the values this code reads, the receiver, the arguments, what
the marker declares, and the Python that runs it. Two calls are the same when all of their components are;
the digest of them all only names the file. What cannot be keyed raises `Unkeyable`, and the call runs as if
it were not marked.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b

from . import ambient
from .bind import Binding, bind, unbound
from .encode import DIGEST, Encoder, Unkeyable
from .facts import facts
from .fingerprint import Reach, is_code
from .kinds import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType
    from typing import Any, Protocol

    class Site(Protocol):
        """What is read of site.Site."""

        kind: str
        scope: str
        name: str | None
        ignore: tuple[str, ...]
        env: tuple[str, ...]
        files: tuple[str, ...]
        version: str | None

    class Call(Protocol):
        """What is read of call.Call."""

        @property
        def site(self) -> Site: ...

        callee: Any
        keyed_by: object
        links: tuple[str, ...]
        arguments: Any
        names: dict[str, Any]
        bound: dict[str, Any] | None
        code: CodeType | None


#: Changes whenever a value or a piece of code is encoded in another way than before.
FORMAT = 1


class _NoKey:
    __slots__ = ()


# Stands among the names of arguments for how they were written, where that matters.
_FORM = "(form)"
# Beginnings of the components that a call can change by running.
_STATE = ("global ", "class ", "function ", "settings ")

#: `Call.keyed_by` of a call whose marker has no `key=`.
NO_KEY = _NoKey()

_PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=DIGEST).hexdigest()


_ALWAYS = (("python", _digest(_PYTHON)), ("format", _digest(str(FORMAT))))


class Key:
    """The key of one call."""

    __slots__ = (
        "_digest",
        "_shown",
        "_text",
        "_values",
        "components",
        "label",
        "module",
        "qualname",
        "reach",
    )

    def __init__(
        self, module: str, qualname: str, label: str, components: dict[str, str], values: dict[str, Any]
    ) -> None:
        self.module = module
        self.qualname = qualname
        #: What the call is named in messages.
        self.label = label
        #: Name to digest, in a fixed order.
        self.components = components
        #: What the call reaches: `values` that its code reads besides its arguments, the code itself in `seen`.
        self.reach: Reach
        self._values: dict[str, Any] | None = values
        self._shown: dict[str, str] = {}
        self._text: bytes | None = None
        self._digest: str | None = None

    def text(self) -> bytes:
        """All components as canonical JSON, which is compared in full before an entry is used."""
        if self._text is None:
            parts = [f"{_json(name)}:{_json(digest)}" for name, digest in self.components.items()]
            self._text = ("{" + ",".join(parts) + "}").encode()
        return self._text

    @property
    def digest(self) -> str:
        """Sixteen hex digits of all components, for the name of the file."""
        if self._digest is None:
            self._digest = blake2b(self.text(), digest_size=8).hexdigest()
        return self._digest

    def digests(self) -> dict[int, str]:
        """The digests of the values behind the components, by id; to be asked for before `previews`."""
        values = self._values or {}
        return {id(value): self.components[name] for name, value in values.items() if name in self.components}

    @property
    def previews(self) -> dict[str, str]:
        """A short look at the values behind the components, without secrets.

        It is made when first asked for, since a hit has no use for it; a caller that is going to run the
        call asks before, while the values are as they were keyed.
        """
        if self._values is not None:
            from .glimpse import glimpse

            values, self._values = self._values, None
            self._shown = {name: glimpse(value, name.partition(" ")[2]) for name, value in values.items()}
        return self._shown


def _json(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = []
    for character in text:
        code = ord(character)
        if character in '"\\':
            out.append("\\" + character)
        elif 32 <= code < 127:
            out.append(character)
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return '"' + "".join(out) + '"'


def _refuse_readers_of_frames(call: Call) -> None:
    """Refuse `df.query("a > @limit")` and its kind: such text names variables of the frame around the call."""
    name = getattr(call.callee, "__name__", "")
    last = [link.rpartition(".")[2] for link in call.links]
    for link, (args, kwargs) in zip((f"{name}()", *last), call.arguments):
        if link not in ("query()", "eval()"):
            continue
        for value in (*args, *kwargs.values()):
            if isinstance(value, str) and (
                "@" in value or (link == "eval()" and getattr(call.callee, "__self__", 0) is None)
            ):
                raise Unkeyable(
                    link[:-2],
                    "builtins.str",
                    "its text reads variables around the call; put the call into a function, and their values into "
                    "the text",
                )


def make_key(call: Call, code_only: bool = False) -> Key:
    """The key of a described call. Raises `Unkeyable`.

    With `code_only` receiver, arguments and what only they lead to are left out.
    """
    site = call.site
    if site.kind == "call":
        _refuse_readers_of_frames(call)
    encoder = Encoder()
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    form = ""

    if site.kind == "expression":
        module, qualname = "__main__", f"{site.scope}.expression" if site.scope else "expression"
        receiver = NO_KEY
    else:
        module, qualname, receiver = _describe(call.callee)
    if receiver is not NO_KEY and "self" not in site.ignore and not code_only:
        # A class counts by its code, which is followed; as a value it would bring its docstring with it.
        digest = _digest(_name(receiver)) if isinstance(receiver, type) else encoder.digest(receiver, "self")
        given["receiver"] = digest
        values["receiver"] = receiver

    if code_only:
        pass
    elif call.keyed_by is not NO_KEY:
        given["key"] = encoder.digest(call.keyed_by, "key")
        values["key"] = call.keyed_by
    else:
        for link, name, value, default in _arguments(call):
            if name == _FORM:
                form += value
                continue
            digest = encoder.digest(value, name)
            if default is not NO_KEY and digest == _default_digest(default):
                continue
            component = f"argument {name}" if link == 1 else f"link {link} argument {name}"
            given[component] = digest
            values[component] = value

    reach = Reach(encoder)
    if site.kind == "expression":
        called = reach.expression(facts(call.code), call.names) if call.code is not None else ""
    else:
        called = ""
        _follow(reach, call.callee)
    components = {"callable": _digest("\0".join((module, qualname, called, form, *call.links)))}
    components.update(sorted(reach.components().items()))
    components.update(given)
    _declared(site, components, values)
    components["surroundings"] = ambient.component()
    components.update(_ALWAYS)
    key = Key(module, qualname, site.name or qualname, components, values)
    key.reach = reach
    return key


def given(call: Call) -> list[tuple[str, Any, bool]]:
    """All arguments of all links as (name, value, whether the marker ignores it)."""
    found = []
    counted = {id(value) for _, _, value, _ in _arguments(call)}
    for link, name, value, _ in _all_arguments(call):
        if name != _FORM:
            found.append((name if link == 1 else f"{name} of link {link}", value, id(value) not in counted))
    return found


def changes(before: Key, after: Key, modules: Collection[str]) -> list[str]:
    """The components by which a call, keyed `before` and once more `after` it ran (by its code only), shows that it
    changed what it reads besides its arguments.

    A module that was not among the loaded `modules` brings components that were not there before; other globals and
    settings that come were bound by the call.
    """
    found = []
    for name, new in after.components.items():
        old = before.components.get(name)
        if not name.startswith(_STATE) or old == new or (old is None and not _was_loaded(name, modules)):
            continue
        found.append(name)
    return found


def _was_loaded(component: str, modules: Collection[str]) -> bool:
    """Whether a component `global M.NAME` or `settings M` is of a module that was loaded."""
    kind, _, name = component.partition(" ")
    if kind == "global":
        name = name.rpartition(".")[0]
    return kind in ("global", "settings") and name in modules


def _arguments(call: Call) -> list[tuple[int, str, Any, Any]]:
    """The arguments that count, as `_all_arguments` has them."""
    found = _all_arguments(call)
    ignore = call.site.ignore
    if not ignore:
        return found
    return [row for row in found if row[1] not in ignore and row[1].lstrip("*") not in ignore]


def _all_arguments(call: Call) -> list[tuple[int, str, Any, Any]]:
    """All arguments of all links as (link, name, value, default)."""
    site = call.site
    if site.kind == "expression":
        return [(1, name, value, NO_KEY) for name, value in call.names.items() if not is_code(value)]
    if call.bound is not None:
        return [(1, name, value, NO_KEY) for name, value in call.bound.items()]
    found: list[tuple[int, str, Any, Any]] = []
    for link, (args, kwargs) in enumerate(call.arguments, 1):
        bound: Binding = bind(call.callee, args, kwargs) if link == 1 else unbound(args, kwargs)
        if bound.form:
            found.append((link, _FORM, bound.form, NO_KEY))
        found += [(link, name, value, bound.defaults.get(name, NO_KEY)) for name, value in bound.arguments]
    return found


def _default_digest(default: Any) -> str:
    try:
        return Encoder().digest(default, "default")
    except Unkeyable:
        return ""


def _describe(callee: Any) -> tuple[str, str, Any]:
    """Module and qualified name of a callable, and what it is called on, if anything."""
    kind = type(callee)
    if kind is FunctionType or issubclass(kind, type):
        return str(callee.__module__), callee.__qualname__, NO_KEY
    if kind is MethodType:
        function = callee.__func__
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        return str(getattr(function, "__module__", None)), name, callee.__self__
    if kind is BuiltinFunctionType or kind is MethodWrapperType:
        owner = callee.__self__
        if owner is None or isinstance(owner, ModuleType):
            return str(callee.__module__), callee.__qualname__, NO_KEY
        owner_type = owner if isinstance(owner, type) else type(owner)
        return owner_type.__module__, callee.__qualname__, owner
    module = getattr(callee, "__module__", None)
    name = getattr(callee, "__qualname__", None)
    if type(module) is str and type(name) is str:  # a callable that carries a function's name
        # What functools.lru_cache holds besides the function are results it has seen.
        remembers = kind.__module__ == "functools" and type(getattr(callee, "__wrapped__", None)) is FunctionType
        return module, name, NO_KEY if remembers else callee
    return kind.__module__, kind.__qualname__, callee


def _follow(reach: Reach, callee: Any) -> None:
    reach.follow(callee)
    if type(callee) is MethodType:
        owner = callee.__self__
        reach.follow(owner if isinstance(owner, type) else type(owner))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _declared(site: Site, components: dict[str, str], values: dict[str, Any]) -> None:
    """What the marker names besides the call itself."""
    for name in site.env:
        value = os.environ.get(name)
        components[f"env {name}"] = _digest("absent" if value is None else "=" + value)
        values[f"env {name}"] = value
    for pattern in site.files:
        from .contents import digest_of_files

        try:
            found = digest_of_files(pattern)
        except OSError as error:
            raise Unkeyable(f"files={pattern}", "file", str(error)) from error
        components[f"files {pattern}"] = Encoder().digest(found)
        values[f"files {pattern}"] = [name for name, _ in found]
    if site.version is not None:
        components["version"] = _digest(site.version)
        values["version"] = site.version
