"""Secrets out of what is shown to people: by the names of values, and by what texts look like.

Generous: to hide too much costs nothing. It is for previews only; what counts for a key is said elsewhere (clients.py).
"""

from __future__ import annotations

from .clients import is_credential

#: Stands in the place of a secret.
HIDDEN = "(hidden)"

_WORDS = ("token", "secret", "password", "passwd", "credential", "authorization", "cookie", "apikey")
#: How secrets begin: keys of services, headers, signed tokens.
_BEGINNINGS = (
    "sk-",
    "Bearer ",
    "Basic ",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "eyJ",
    "hf_",
)
# Without any of these, nothing is hidden in a text.
_MARKS = (
    *[word.lower() for word in _BEGINNINGS],
    "key",
    "auth",
    "passw",
    "secret",
    "token",
    "credential",
    "cookie",
    "://",
)
_SCHEMES = ("bearer", "basic")
# Shorter ones are words.
_SHORTEST = 10
# What JSON and Python have for nothing at all.
_NOTHING = ("null", "None", "true", "false", "True", "False")
_BETWEEN = frozenset(" \t\r\n\"'`,;=:&?<>()[]{}|\\")
_LIMIT = 2000

_judged: dict[str, bool] = {}


def is_secret(name: str) -> bool:
    """Whether what goes by this name is to be hidden. A number of tokens is no secret."""
    known = _judged.get(name)
    if known is None:
        if len(_judged) >= _LIMIT:
            _judged.clear()
        known = _judged[name] = _is_secret(name)
    return known


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if plain.endswith("tokens"):
        return False
    return is_credential(name) or plain.endswith("key") or any(word in plain for word in _WORDS)


def is_one(text: str) -> bool:
    """Whether a text is a secret, by how it begins."""
    return text.startswith(_BEGINNINGS)


def without_secrets(text: str) -> str:
    """The text, with `HIDDEN` in the place of what looks like a secret: `token=…`, `Bearer …`, passwords in URLs."""
    lowered = text.lower()
    if not any(mark in lowered for mark in _MARKS):
        return text
    if "://" in text:
        text = _without_users(text)
    return _without_values(text)


def _without_users(text: str) -> str:
    """Without the users and passwords that stand in URLs."""
    head, *rest = text.split("://")
    parts = [head]
    for part in rest:
        end = next(
            (place for place, sign in enumerate(part) if sign in "/?#" or sign.isspace() or sign in "\"'<>"), len(part)
        )
        host = part[:end].rpartition("@")
        parts.append(f"{HIDDEN}@{host[2]}{part[end:]}" if host[1] else part)
    return "://".join(parts)


def _without_values(text: str) -> str:
    parts: list[str] = []
    word = before = between = ""
    place = 0
    while place < len(text):
        start = place
        inside = text[place] in _BETWEEN
        while place < len(text) and (text[place] in _BETWEEN) is inside:
            place += 1
        part = text[start:place]
        if inside:
            between = part
        else:
            before, word = word, part
            if _is_given(before, between, word) or (len(word) >= _SHORTEST and is_one(word)):
                part = HIDDEN
        parts.append(part)
    return "".join(parts)


def _is_given(name: str, between: str, word: str) -> bool:
    """Whether `word` is what a text says to be a secret that goes by `name`; `between` stands between them."""
    if between == " " and name.lower() in _SCHEMES:
        return len(word) >= _SHORTEST
    if "=" not in between and ":" not in between:
        return False
    return is_secret(name) and word not in _NOTHING and word.lower() not in _SCHEMES and word != HIDDEN
