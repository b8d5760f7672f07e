"""The manifest: what an entry says of itself, as JSON, for `devstash` and for people; nothing in it is
executed.

It is written without the json module, which is slow to import: by its C part, and where that would write what is no
JSON, member by member. Its first member is the full key, so that a reader can compare it without parsing.
"""

import sys

from .entry import FORMAT
from .pickling import type_name
from .preview import preview, says_all
from .site import LIMITS
from .system import gmtime
from .tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .store import KeyLike

_ESCAPES = {code: "\\u%04x" % code for code in range(32)}
_ESCAPES.update({8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\", 127: "\\u007f"})


def manifest(key: "KeyLike", value: object, facts: "dict[str, Any]", size: int, created: int) -> bytes:
    """The manifest of one entry; `size` is that of the pickle stream, `created` in nanoseconds since 1970."""
    from . import __version__

    site = facts.get("site")
    effects = facts.get("effects", {})
    shown = preview(value)
    members: dict[str, Any] = {
        # First, where a reader finds them without reading the rest.
        "trace": facts.get("trace", []),
        "effects": effects,
        # Behind them, where a hit finds what it saves.
        "duration": facts.get("duration"),
        "tokens": tokens(value, effects.get("stream")),
        "format": FORMAT,
        "devstash": __version__,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "module": key.module,
        "qualname": key.qualname,
        "previews": key.previews,
        "created": rfc3339(created),
        "site": {name: getattr(site, name, None) for name in ("file", "line", "scope", "text", "name")},
        "ttl": getattr(site, "ttl", None),
        "value": shown,
        "size": size,
    }
    if not says_all(value, shown):
        from .likeness import likeness

        look = likeness(value, shown)
        if look is not None:
            members["look"] = look
    limits = {name: getattr(site, name, None) for name in LIMITS}
    if any(limits.values()):
        members["limits"] = {name: limit for name, limit in limits.items() if limit is not None}
    text = _quick(members) or json(members)
    return b'{"key":' + key.text() + b"," + text[1:].encode("ascii")


def _quick(members: "dict[str, Any]") -> str:
    """What `json` writes, by the C part of the json module, where that writes the same; else nothing."""
    if _encoder is None:
        return ""
    try:
        text = "".join(_encoder(members, 0))
    except (TypeError, ValueError, RecursionError):  # NaN, say
        return ""
    # It lets halves of surrogate pairs through, and DEL.
    return "" if "\\ud" in text or "\x7f" in text else text


def _no_place(value: object) -> object:
    raise TypeError(type_name(type(value)))


def _c_encoder() -> "Any":
    try:
        from _json import encode_basestring_ascii, make_encoder

        made = make_encoder(None, _no_place, encode_basestring_ascii, None, ":", ",", False, False, False)
        return made if "".join(made({"a": [1, "\n"]}, 0)) == json({"a": [1, "\n"]}) else None
    except Exception:  # another Python than we know
        return None


def rfc3339(nanoseconds: int) -> str:
    """A moment in UTC, to the millisecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (*gmtime(seconds)[:6], rest // 1_000_000)


def json(value: object) -> str:
    """JSON in ASCII, without spaces, members in the order of the dict.

    What JSON has no word for becomes null.
    """
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if value - value == 0 else "null"  # NaN and the infinities
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(str(name))}:{json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([json(part) for part in value]) + "]"
    raise TypeError(f"a manifest has no place for {type_name(type(value))}")


def _string(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # nearly always, and ten times as fast
    text = text.translate(_ESCAPES)
    if not text.isascii():
        text = "".join([sign if sign < "\x80" else _escaped(ord(sign)) for sign in text])
    return f'"{text}"'


def _escaped(code: int) -> str:
    if 0xD800 <= code < 0xE000:
        code = 0xFFFD  # half of a pair, from undecodable bytes: valid in Python, not in JSON
    if code < 0x10000:
        return "\\u%04x" % code
    code -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF)


_encoder = _c_encoder()
