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
from .bind import Binding, bind, defaults_of, unbound
from .encode import DIGEST, Encoder, Unkeyable, atom
from .facts import facts
from .fingerprint import Reach, is_code, is_constant
from .kinds import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType
    from typing import Any, Protocol

    from .steady import Walk

    Head = tuple[dict[str, str], bytes]

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
FORMAT = 3


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
_TAIL = ("".join([f',"{name}":"{digest}"' for name, digest in _ALWAYS]) + "}").encode()


class Key:
    """The key of one call."""

    __slots__ = (
        "_components",
        "_digest",
        "_given",
        "_own",
        "_shown",
        "_text",
        "_values",
        "head",
        "label",
        "module",
        "qualname",
        "reach",
    )

    def __init__(
        self, module: str, qualname: str, label: str, head: Head, own: dict[str, str], values: dict[str, Any]
    ) -> None:
        self.module = module
        self.qualname = qualname
        #: What the call is named in messages.
        self.label = label
        #: What the call reaches: `values` that its code reads besides its arguments, the code itself in `seen`. None
        #: where that is known without a walk; see `reach_of`.
        self.reach: Reach | None = None
        #: What is called, and the code that is reached.
        self.head = head
        self._own = own
        self._components: dict[str, str] | None = None
        self._given = values
        self._values: dict[str, Any] | None = values
        self._shown: dict[str, str] = {}
        self._text: bytes | None = None
        self._digest: str | None = None

    @property
    def components(self) -> dict[str, str]:
        """Name to digest, in a fixed order."""
        if self._components is None:
            self._components = {**self.head[0], **self._own, **dict(_ALWAYS)}
        return self._components

    def text(self) -> bytes:
        """All components as canonical JSON, which is compared in full before an entry is used."""
        if self._text is None:
            parts = [f',{_quoted.get(name) or _quote(name)}:"{digest}"' for name, digest in self._own.items()]
            self._text = self.head[1] + "".join(parts).encode() + _TAIL
        return self._text

    def set_text(self, own: str) -> None:
        """Say what its own components are in the text."""
        self._text = self.head[1] + own.encode() + _TAIL

    def surroundings(self) -> str:
        """See ambient.py."""
        return self._own["surroundings"]

    def separate(self) -> Key:
        """This key, if it is for one call only, or else one like it: what the call reaches is not to be remembered."""
        return self.again() if self.reach is None else self

    def again(self) -> Key:
        """The same key for another call."""
        key = Key(self.module, self.qualname, self.label, self.head, self._own, self._given)
        key._text, key._digest = self._text, self._digest
        return key

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
        """A short look at what is behind the components (see previews.py), without secrets.

        It is made when first asked for, since a hit has no use for it; a caller that is going to run the
        call asks before, while the values are as they were keyed.
        """
        if self._values is not None:
            from .previews import previews

            values, self._values = self._values, None
            self._shown = previews(self, self._own, values)
        return self._shown


class Plan:
    """How keys are made of calls that are alike but for the values of their arguments."""

    __slots__ = ("head", "module", "qualname", "rows")

    def __init__(self, module: str, qualname: str, head: Head, rows: tuple[tuple[str, str, int, Any], ...]) -> None:
        self.module = module
        self.qualname = qualname
        self.head = head
        #: Of each argument the component, its beginning in the key's text, the place of the value, and the parameter's
        #: default (or what is equal to no value).
        self.rows = rows


# Arguments of calls that are known by them.
_FEW = 8
_STARRED = 0x4 | 0x8  # flags of a function with `*args` or `**kwargs`
#: Names as JSON, and by the ids of functions the last walks over what they reach: so many are remembered.
_MOST = 200
_quoted: dict[str, str] = {}
_walks: dict[int, Walk] = {}
#: How often it was walked from a function, by its id.
_met: dict[int, int] = {}


def head_of(called: str, reached: dict[str, str]) -> Head:
    """The first components of a key, which are the same for many calls: what is called, and the code it reaches. Also
    as the beginning of the JSON text.
    """
    components = {"callable": _digest(called), **reached}
    return components, ("{" + ",".join([f'{_json(name)}:"{digest}"' for name, digest in components.items()])).encode()


def _quote(name: str) -> str:
    if len(_quoted) > _MOST:
        _quoted.clear()
    found = _quoted[name] = _json(name)
    return found


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
    if not call.links and name != "query" and name != "eval":
        return
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


def make_key(call: Call, code_only: bool = False, anew: bool = False) -> Key:
    """The key of a described call. Raises `Unkeyable`.

    With `code_only` receiver, arguments and what only they lead to are left out. `anew` asks for a walk over the code
    that is reached, also where the last one tells as much.
    """
    site = call.site
    if site.kind == "call":
        _refuse_readers_of_frames(call)
    token = None
    if not code_only and not anew and type(call.callee) is FunctionType:
        token = _token(call)
        walk = _walks.get(id(call.callee))
        if token is not None and walk is not None and walk.function() is call.callee:
            known = walk.keys.get(token)
            if known is not None and known.surroundings() == ambient.component() and walk.steady.holds():
                return known.again()
            if known is None:
                key = _planned(call, walk, token)
                if key is not None:
                    walk.remember(token, key)
                    return key
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

    head, reach = _head(call, encoder, (module, qualname, form, *call.links), anew)
    _declared(site, given, values)
    given["surroundings"] = ambient.component()
    key = Key(module, qualname, site.name or qualname, head, given, values)
    key.reach = reach
    if token is not None and reach is None:
        _walks[id(call.callee)].remember(token, key)
    return key


def _token(call: Call) -> tuple[Any, ...] | None:
    """What tells this call of a function from others of it: the place and the arguments, if these are few constants."""
    site = call.site
    args, kwargs = call.arguments[0] if call.bound is None else (tuple(call.bound.values()), {})
    if site.env or site.files or call.links or call.keyed_by is not NO_KEY or len(args) + len(kwargs) > _FEW:
        return None
    values = (*args, *kwargs.values()) if kwargs else args
    for value in values:
        # 0.0 and -0.0 are equal, and a NaN is not equal to itself.
        if not is_constant(value) or (type(value) is float and (not value or value != value)):
            return None
    return (site, len(args), values, tuple(map(type, values)), *kwargs)


def reach_of(call: Call, key: Key) -> Reach:
    """What the call reaches, by a walk where `key` was made without one; to be asked for before the call runs."""
    if key.reach is None:
        key.reach = make_key(call, anew=True).reach
    assert key.reach is not None
    return key.reach


def _head(call: Call, encoder: Encoder, called: tuple[str, ...], anew: bool) -> tuple[Head, Reach | None]:
    """The components for what is called, in the words of `called`, and for the code it reaches; and the walk to it, if
    one was needed. `encoder` has encoded the arguments.
    """
    is_expression = call.site.kind == "expression"
    function = call.callee if not is_expression and type(call.callee) is FunctionType else None
    if function is not None and not encoder.met and not anew:
        walk = _walks.get(id(function))
        if walk is not None and walk.function() is function and walk.steady.holds():
            return walk.head("\0".join(called)), None
    steady = None
    if function is not None:
        if len(_met) > _MOST:
            _met.clear()
        times = _met[id(function)] = _met.get(id(function), 0) + 1
        # Once is no reason to remember it, and a walk that has failed is tried again more and more seldom.
        if times > 1 and not times & (times - 1):
            from .steady import Steady, Walk

            steady = Steady()
    reach = Reach(encoder, steady)
    if is_expression:
        code = reach.expression(facts(call.code), call.names) if call.code is not None else ""
        called = (*called[:2], code, *called[2:])
    else:
        _follow(reach, call.callee)
    components = dict(sorted(reach.components().items()))
    text = "\0".join(called)
    if function is None or steady is None or steady.fails:
        return head_of(text, components), reach
    if len(_walks) > _MOST:
        _walks.clear()
    walk = _walks[id(function)] = Walk(function, components, steady)
    return walk.head(text), reach


def _planned(call: Call, walk: Walk, token: tuple[Any, ...]) -> Key | None:
    """The key of a call of a function whose walk is remembered, the arguments being constants: `token` holds them. None
    where it has to be made in the usual way.
    """
    site = call.site
    _, count, values, _, *names = token
    form = (site, count, *names)
    if form not in walk.plans:
        if len(walk.plans) > _MOST:
            walk.plans.clear()
        walk.plans[form] = plan_of(call, walk, count, names)
    plan = walk.plans[form]
    if plan is None or not walk.steady.holds():
        return None
    own: dict[str, str] = {}
    shown: dict[str, Any] = {}
    text = ""
    for component, beginning, place, default in plan.rows:
        value = values[place]
        if type(value) is type(default) and value == default:
            continue
        own[component] = digest = blake2b(atom(value), digest_size=DIGEST).hexdigest()
        shown[component] = value
        text += beginning + digest + '"'
    if site.version is not None:
        _declared(site, own, shown)
    own["surroundings"] = digest = ambient.component()
    key = Key(plan.module, plan.qualname, site.name or plan.qualname, plan.head, own, shown)
    if site.version is None:
        key.set_text(f'{text},"surroundings":"{digest}"')
    return key


def plan_of(call: Call, walk: Walk, count: int, names: list[str]) -> Plan | None:
    """For calls with `count` positional arguments and keywords of these names. None where arguments are not simply the
    parameters.
    """
    marks = [_NoKey() for _ in range(count + len(names))]
    if call.bound is not None:
        found = list(zip(call.bound, marks))
        defaults: dict[str, Any] = {}
    else:
        function: FunctionType = call.callee
        bound = bind(function, tuple(marks[:count]), dict(zip(names, marks[count:])))
        if bound.form or function.__code__.co_flags & _STARRED:
            return None
        found, defaults = bound.arguments, defaults_of(function)
    if len(found) != len(marks):
        return None
    ignore = call.site.ignore
    places = {id(mark): place for place, mark in enumerate(marks)}
    rows = []
    for name, mark in found:
        if name not in ignore:
            component = f"argument {name}"
            rows.append((component, f',{_quote(component)}:"', places[id(mark)], defaults.get(name, NO_KEY)))
    module, qualname, _ = _describe(call.callee)
    return Plan(module, qualname, walk.head("\0".join((module, qualname, ""))), tuple(rows))


def given(call: Call) -> list[tuple[str, Any, bool]]:
    """All arguments of all links as (name, value, whether the marker ignores it)."""
    found = []
    rows = _all_arguments(call)
    counted = {id(value) for _, _, value, _ in _counting(rows, call.site.ignore)}
    for link, name, value, _ in rows:
        if name != _FORM:
            found.append((name if link == 1 else f"{name} of link {link}", value, id(value) not in counted))
    return found


def after(call: Call, before: Key) -> Key:
    """The key of a call that has run, by its code only; it was keyed `before`."""
    walk = _walks.get(id(call.callee))
    if walk is not None and walk.function() is call.callee and walk.made(before.head) and walk.steady.holds():
        return before  # a walk would find what it found then
    return make_key(call, code_only=True)


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
    return _counting(_all_arguments(call), call.site.ignore)


def _counting(found: list[tuple[int, str, Any, Any]], ignore: tuple[str, ...]) -> list[tuple[int, str, Any, Any]]:
    """Those that the marker does not ignore."""
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
