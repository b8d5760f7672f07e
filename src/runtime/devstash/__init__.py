"""The runtime of devstash: what lives in the script's own interpreter.

The script sees it as `import devstash`; everything but the few names here is internal. It is standard library only
and imports nothing slow before it is needed, because it is loaded into every run of every marked script.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__version__ = "0.2.0"

__all__ = ["activate", "register_key"]


def activate(*_args: object, **_kwargs: object) -> None:
    """Do nothing: under `devstash run` the markers are already at work.

    It exists so that scripts written for the Python package devstash 0.1, which call it first, go on working.
    """


def register_key(type: type, function: Callable[[Any], Any]) -> None:
    """Key values of `type` (and of its subclasses) on what `function(value)` returns.

    The returned value has to be keyable itself. Raises TypeError when `type` is not a class or `function` not
    callable. A class can say the same of itself with a method `__devstash_key__(self)`.
    """
    from .encode import register_key

    register_key(type, function)
