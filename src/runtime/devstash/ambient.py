"""What surrounds any call without being passed to it, as a part of the key.

That is the working folder, the decimal context, the locale, the time zone. Any code may depend on them, and they differ
between two runs only when somebody wants them to.

What a call does to its surroundings is in surroundings.py.
"""

from __future__ import annotations

import sys
import time
from _blake2 import blake2b

from .encode import DIGEST
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_told: tuple[Any, ...] = ()
_digest = ""


def component() -> str:
    """The digest of what any code may depend on without naming it."""
    global _told, _digest
    try:
        folder = os.getcwd()
    except OSError as error:
        let_through(error)
        folder = ""  # it was removed
    told = (folder, decimal_context(), locale(), time.tzname, time.timezone)
    if told != _told:
        _digest = blake2b(repr(told).encode("utf-8", "surrogatepass"), digest_size=DIGEST).hexdigest()
        _told = told
    return _digest


def told() -> dict[str, Any]:
    """The same, part by part; the offset of the time zone is in seconds, westward."""
    return dict(zip(("folder", "decimal", "locale", "time zone", "offset"), _told))


def decimal_context() -> Any:
    """The settings of `decimal`, None while they are the usual ones."""
    decimal = sys.modules.get("decimal")
    if decimal is None:
        return None
    now = decimal.getcontext()
    found = (now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, _trapped(now))
    # Whether a program has imported `decimal` yet makes no difference.
    return None if found == USUAL else found


def _trapped(context: Any) -> tuple[str, ...]:
    return tuple(sorted(signal.__name__ for signal, is_on in context.traps.items() if is_on))


#: The settings of `decimal` that nobody has changed.
USUAL = (28, "ROUND_HALF_EVEN", -999999, 999999, 1, 0, ("DivisionByZero", "InvalidOperation", "Overflow"))


def locale() -> Any:
    """The locale, None while it is the usual one."""
    known: Any = sys.modules.get("_locale")
    # LC_CTYPE is set by Python itself, from the environment; the others only by a program that wants them.
    if known is None:
        return None
    kinds = (known.LC_COLLATE, known.LC_NUMERIC, known.LC_TIME, known.LC_MONETARY)
    found = tuple(known.setlocale(kind, None) for kind in kinds)
    return None if found == ("C", "C", "C", "C") else found
