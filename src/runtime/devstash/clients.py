"""Clients of web services by what they are configured to ask, not by how they ask it.

Base URL, organisation, project, default headers and query, hooks and custom transports count. Credentials,
cookies, pools, timeouts, retries and what a client notes down while it works do not: the same question
through the same configuration is the same call, before and after another one went through the client, and
with another API key.

Attributes that no code of the client's own package ever sets were put there by the user, and count. Classes
are told by package and name; nothing is imported here.
"""

from __future__ import annotations

from types import FunctionType

from . import origin
from .encode import Encoder, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]

_CREDENTIAL_WORDS = ("secret", "password", "passwd", "credential", "authorization", "cookie")
_KEY_KINDS = ("api", "access", "admin", "private", "webhook", "signing", "subscription", "account")
_TOKEN_KINDS = ("auth", "access", "api", "bearer", "refresh", "session", "security", "id", "csrf", "xsrf")
# Headers that say how, with which version or from where is asked.
_TRANSPORT_HEADERS = ("user-agent", "connection", "accept-encoding", "host", "content-length", "traceparent")


def find(base: type) -> Describer | None:
    """The function that describes objects of the class `base`, if it is known here."""
    module = base.__module__ or ""
    top = module.partition(".")[0]
    if top == "httpx2" or top == "httpcore2":
        top = top[:-1]
    known = _KNOWN.get(f"{top}.{base.__qualname__}")
    if known is not None:
        return known
    if module.endswith("._base_client"):
        return _stainless_client
    if module.endswith("._resource"):
        return _stainless_resource
    return None


def is_credential(name: str) -> bool:
    """Whether a setting of this name is a credential, which does not count. `max_tokens` and `pad_token`
    are none.
    """
    plain = name.lower().replace("-", "").replace("_", "")
    if plain in ("token", "auth", "xauth", "bearer") or any(word in plain for word in _CREDENTIAL_WORDS):
        return True
    return any(kind + "key" in plain for kind in _KEY_KINDS) or any(
        plain.endswith(kind + "token") for kind in _TOKEN_KINDS
    )


def address(url: object) -> str:
    """A URL without the user and password in it."""
    text = str(url)
    scheme, found, rest = text.partition("://")
    if not found:
        return text
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def public(items: Any, headers: bool = False) -> list[tuple[str, Any]]:
    """Named settings without credentials, in order of their names."""
    found = []
    for name, value in items:
        name, value = _text(name), _text(value)
        if headers:
            name = name.lower()
            if name in _TRANSPORT_HEADERS or name.startswith("x-stainless-"):
                continue
        if is_credential(name):
            continue
        if headers and type(value) is not str:
            value = type_name(type(value))  # "omit this header", said by an object of the package
        found.append((name, value))
    return sorted(found, key=lambda pair: pair[0])


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


_stored: dict[type, frozenset[str]] = {}


def extras(obj: Any) -> tuple[tuple[str, Any], ...]:
    """The attributes that the user gave to an object of an installed class, or of a subclass of it."""
    kind = type(obj)
    theirs = _stored.get(kind)
    if theirs is None:
        names: set[str] = set()
        for base in kind.__mro__[:-1]:
            if origin.of_class(base) == origin.PROJECT:
                continue
            names.update(vars(base))
            for member in vars(base).values():
                for function in (member, getattr(member, "fget", None), getattr(member, "__func__", None)):
                    if isinstance(function, FunctionType):
                        names.update(function.__code__.co_names)
            names.update(getattr(base, "__attrs__", ()))
        theirs = _stored[kind] = frozenset(names)
    found = []
    for name, value in vars(obj).items():
        plain = name.partition("__")[2] or name if name.startswith("_") else name  # a private one is mangled
        if name not in theirs and plain not in theirs and "__" + plain not in theirs and not is_credential(name):
            found.append((name, value))
    return tuple(sorted(found, key=lambda pair: pair[0]))


# --- openai, anthropic and others made by the same generator ----------------------------------------------


def _stainless_client(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    held = vars(obj)
    state: list[Any] = [address(held.get("_base_url", ""))]
    state.append(public((held.get("_custom_headers") or {}).items(), headers=True))
    state.append(public((held.get("_custom_query") or {}).items()))
    for name, value in sorted(held.items()):
        if name[0] != "_" and (value is None or type(value) in (str, bool)) and not is_credential(name):
            state.append((name, address(value) if type(value) is str else value))
    for name in ("_api_version", "_azure_endpoint", "_azure_deployment", "_data_residency", "_middleware"):
        if held.get(name):
            state.append((name, held[name] if name == "_middleware" else address(held[name])))
    return "client " + encoder.type_name(type(obj)), (state, held.get("_client"), extras(obj))


def _stainless_resource(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "resource " + encoder.type_name(type(obj)), (getattr(obj, "_client", None), extras(obj))


# --- httpx ------------------------------------------------------------------------------------------------


def _httpx(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    held = vars(obj)
    transports = [held.get("_transport")]
    for pattern, transport in (held.get("_mounts") or {}).items():
        transports.append((str(getattr(pattern, "pattern", pattern)), transport))
    return "client " + encoder.type_name(type(obj)), (
        address(held.get("_base_url", "")),
        public(_pairs(held.get("_headers")), headers=True),
        public(_pairs(held.get("_params"))),
        held.get("follow_redirects"),
        held.get("max_redirects"),
        {name: list(hooks) for name, hooks in (held.get("_event_hooks") or {}).items()},
        transports,
        extras(obj),
    )


def _pairs(held: Any) -> list[Any]:
    if held is None:
        return []
    return list(held.multi_items() if hasattr(held, "multi_items") else held.items())


def _transport(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    """The package's own way to the network, which does not change what is asked."""
    return "transport " + encoder.type_name(type(obj)), extras(obj)


def _url(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "url", address(obj)


# --- requests ---------------------------------------------------------------------------------------------


def _session(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    held = vars(obj)
    custom = []
    for prefix, adapter in (held.get("adapters") or {}).items():
        if type_name(type(adapter)) != "requests.adapters.HTTPAdapter":
            custom.append((prefix, adapter))
    return "client " + encoder.type_name(type(obj)), (
        public((held.get("headers") or {}).items(), headers=True),
        public(held["params"].items()) if isinstance(held.get("params"), dict) else held.get("params"),
        {name: list(hooks) for name, hooks in (held.get("hooks") or {}).items()},
        sorted((scheme, address(proxy)) for scheme, proxy in (held.get("proxies") or {}).items()),
        held.get("max_redirects"),
        held.get("stream"),
        custom,
        extras(obj),
    )


def _adapter(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "transport " + encoder.type_name(type(obj)), extras(obj)


def _pool_manager(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "client " + encoder.type_name(type(obj)), (
        public((obj.headers or {}).items(), headers=True),
        extras(obj),
    )


def _aiohttp(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    held = {name: getattr(obj, name, None) for name in ("_base_url", "_default_headers")}
    headers = public((held["_default_headers"] or {}).items(), headers=True)
    return "client " + encoder.type_name(type(obj)), (address(held["_base_url"] or ""), headers)


# --- boto3 ------------------------------------------------------------------------------------------------


def _boto_client(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    meta = obj.meta
    model = meta.service_model
    config = meta.config
    options = [(name, getattr(config, name, None)) for name in ("s3", "client_context_params", "use_fips_endpoint")]
    name = (model.service_name, model.api_version)
    return "boto client", (*name, address(meta.endpoint_url), meta.region_name, options, extras(obj))


def _boto_resource(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    meta = obj.meta
    identifiers = [(name, getattr(obj, name)) for name in meta.identifiers]
    return "boto resource", (meta.service_name, type(obj).__name__, identifiers, meta.client)


def _boto_session(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    inner = getattr(obj, "_session", obj)
    return "boto session", (inner.get_config_variable("region"), inner.get_config_variable("profile"))


def _plumbing(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "plumbing", type_name(type(obj))


_KNOWN: dict[str, Describer] = {
    "httpx.BaseClient": _httpx,
    "httpx.HTTPTransport": _transport,
    "httpx.AsyncHTTPTransport": _transport,
    "httpx.URL": _url,
    "httpcore.ConnectionPool": _plumbing,
    "httpcore.AsyncConnectionPool": _plumbing,
    "requests.Session": _session,
    "requests.HTTPAdapter": _adapter,
    "urllib3.PoolManager": _pool_manager,
    "urllib3.HTTPConnectionPool": _plumbing,
    "aiohttp.ClientSession": _aiohttp,
    "botocore.BaseClient": _boto_client,
    "botocore.Session": _boto_session,
    "boto3.ServiceResource": _boto_resource,
    "boto3.Session": _boto_session,
}
