"""How many tokens of a language model a result has cost: what a hit saves besides time.

Responses of openai and anthropic, and of many that speak like them, carry a usage record. It is looked for in plain
dicts and in what instances hold in their `__dict__`, where pydantic's models keep their fields: no property is asked,
no code of a class is run, nothing is imported.
"""

from __future__ import annotations

from .pickling import attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# Where a record is, as openai and anthropic, and as LangChain and google-genai call it.
_RECORDS = ("usage", "usage_metadata")
# What may stand around the response: the events of streams.
_AROUND = ("message", "response")
_TOTALS = ("total_tokens", "total_token_count")
# Where there is no total; anthropic counts what it found in its own cache, and put there, by itself.
_PARTS = (
    ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    ("prompt_tokens", "completion_tokens"),
)
_NAMES = frozenset((*_TOTALS, *_PARTS[0], *_PARTS[1]))
# Longer texts are not looked into.
_LONGEST = 8 << 20


def tokens(value: object, stream: dict[str, Any] | None = None) -> int | None:
    """The tokens of a result, or None if it tells of none. `stream` is its effect of that name. Never raises."""
    try:
        counts: dict[str, int] = {}
        for part in [value] if stream is None else _items(value, stream):
            # Of a stream each number counts as it was said last: anthropic tells of input first, of output at the end.
            counts.update(_counts(part))
        return _sum(counts)
    except Exception:
        return None


def _sum(counts: dict[str, int]) -> int | None:
    for name in _TOTALS:
        if name in counts:
            return counts[name]
    for names in _PARTS:
        if counts.keys() & names:
            return sum(counts.get(name, 0) for name in names)
    return None


def _counts(thing: object) -> dict[str, int]:
    """The numbers of the usage record in this, or in the response that this is about."""
    held = _held(thing)
    if held is None:
        return {}
    for name in _RECORDS:
        record = _held(held.get(name))
        if record is not None:
            found = {name: record[name] for name in _NAMES if type(record.get(name)) is int and record[name] >= 0}
            if found:
                return found
    for name in _AROUND:
        if name in held:
            return _counts(held[name])
    return {}


def _held(thing: object) -> dict[str, Any] | None:
    """What a dict, the text of a JSON object or an instance holds by name; None where that is nothing."""
    kind = type(thing)
    if kind is dict:
        return thing  # type: ignore[return-value]
    if kind is str or kind is bytes:
        return _parsed(thing)
    if kind.__module__ == "builtins":
        return None
    return dict(attributes(thing)) or None


def _parsed(text: Any) -> dict[str, Any] | None:
    """The JSON object that a text is, if it is one that may hold a record."""
    if len(text) > _LONGEST or text[:1] not in ("{", b"{"):
        return None
    if (b'"usage' if type(text) is bytes else '"usage') not in text:
        return None
    from .scanner import scan

    found = scan(text.decode("utf-8") if type(text) is bytes else text, 0)[0]
    return found if type(found) is dict else None


def _items(value: Any, stream: dict[str, Any]) -> Iterable[object]:
    """What a stream yielded; of one of a client, which is kept as it came, the data of its events."""
    if type(value) is dict and "chunks" in value:
        lines = b"".join(value["chunks"]).splitlines()
        return [line.partition(b":")[2].strip() for line in lines if line[:5] == b"data:" and b'"usage' in line]
    if stream.get("returned"):
        return [*value["items"], value["returned"]]
    return value if type(value) is list else ()
