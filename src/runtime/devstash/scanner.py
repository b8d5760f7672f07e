"""Reading JSON without the json module, which costs more to import than a hit takes."""

from __future__ import annotations

from _json import make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Settings:
    """What json.JSONDecoder tells the scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}


def scan(text: str, place: int) -> tuple[Any, int]:
    """The value that begins at `place` of `text`, and where it ends. Raises ValueError or StopIteration."""
    made: tuple[Any, int] = make_scanner(_Settings())(text, place)  # type: ignore[arg-type]
    return made
