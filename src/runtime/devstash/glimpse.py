"""A short look at a value for the eyes of a person: at most 60 characters, no secrets, no code of the
user's run.
"""

from __future__ import annotations

from .clients import is_credential
from .encode import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LENGTH = 60
HIDDEN = "(hidden)"

_SECRET_WORDS = ("token", "secret", "password", "passwd", "credential", "authorization", "cookie", "apikey")
_SECRET_VALUES = ("sk-", "Bearer ", "Basic ", "ghp_", "github_pat_", "xoxb-", "AKIA", "eyJ")
_PLAIN = ("datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local")


def glimpse(value: object, name: str = "") -> str:
    """A preview of `value`, which goes by `name`. Never raises."""
    try:
        text = HIDDEN if _is_secret(name) else _show(value, 2)
    except Exception:
        text = f"<{type_name(type(value))}>"
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _is_secret(name: str) -> bool:
    """Generous: hiding too much costs nothing. A number of tokens is no secret."""
    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if plain.endswith("tokens") and "max" in plain:
        return False
    return is_credential(name) or plain.endswith("key") or any(word in plain for word in _SECRET_WORDS)


def _show(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is str:
        return HIDDEN if value.startswith(_SECRET_VALUES) else repr(value[: LENGTH + 1])
    if kind in (bytes, bytearray):
        return repr(value[: LENGTH + 1])
    if kind is int:
        return repr(value) if value.bit_length() < 200 else f"<int of {value.bit_length()} bits>"
    if value is None or kind in (bool, float, complex, range, type(...)) or kind.__module__ in _PLAIN:
        return repr(value)
    if kind in (list, tuple, set, frozenset, dict):
        return _container(value, kind, depth)
    if issubclass(kind, type):
        return f"<class {type_name(value)}>"
    if hasattr(kind, "_member_map_"):
        return f"{kind.__name__}.{value._name_}"
    called = getattr(value, "__qualname__", None) if kind.__module__ == "builtins" else None
    if type(called) is str:
        return f"<{kind.__name__} {called}>"
    if kind.__module__.partition(".")[0] in ("numpy", "pandas", "polars", "torch", "scipy", "pyarrow"):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            dtype = getattr(value, "dtype", "")
            return f"<{kind.__name__} {'×'.join(map(str, shape))} {dtype}".rstrip() + ">"
    return f"<{type_name(kind)}>"


def _container(value: Any, kind: type, depth: int) -> str:
    start, end = "[]" if kind is list else "()" if kind is tuple else "{}"
    if not depth:
        return f"{start}… {len(value)}{end}"
    shown = []
    for place, item in enumerate(value):
        if place == 4:
            shown.append(f"… {len(value)}")
            break
        if kind is dict:
            held = HIDDEN if type(item) is str and _is_secret(item) else _show(value[item], depth - 1)
            shown.append(f"{_show(item, 0)}: {held}")
        else:
            shown.append(_show(item, depth - 1))
    return start + ", ".join(shown) + end
