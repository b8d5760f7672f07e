"""When are two values the same to a program? Said a second time, slowly and without any of the runtime's code."""

import datetime
import decimal
import enum
import fractions
import pathlib
import struct
import uuid
from collections import defaultdict, deque

ATOMS = (int, bool, str, bytes, type(None), type(...), range, complex, uuid.UUID, fractions.Fraction)
TIMES = (datetime.date, datetime.timedelta, datetime.time, datetime.timezone)


def canonical(value):
    """Nested tuples that are equal exactly when two values (of the types used in the property tests) are the same:
    of one type, with the same parts, in the same order where there is one. Identity does not count."""
    kind = type(value).__qualname__
    if isinstance(value, enum.Enum):
        return (kind, value.name)
    if type(value) is float:
        return (kind, "nan" if value != value else struct.pack("<d", value))
    if type(value) is complex:
        return (kind, canonical(value.real), canonical(value.imag))
    if type(value) is range:
        return (kind, value.start, value.stop, value.step)
    if type(value) in ATOMS:
        return (kind, repr(value))
    if isinstance(value, (decimal.Decimal, pathlib.PurePath, *TIMES)):
        fold = getattr(value, "fold", None)
        return (kind, repr(value), fold)
    if isinstance(value, (set, frozenset)):
        return (kind, tuple(sorted(repr(canonical(item)) for item in value)))
    if isinstance(value, bytearray):
        return (kind, bytes(value))
    parts = []
    if isinstance(value, str):
        parts.append(str(value))
    elif isinstance(value, dict):
        parts += [(canonical(key), canonical(item)) for key, item in value.items()]
        if isinstance(value, defaultdict):
            parts.append(repr(value.default_factory))
    elif isinstance(value, (list, tuple, deque)):
        parts += [canonical(item) for item in value]
        if isinstance(value, deque):
            parts.append(value.maxlen)
    state = dict(getattr(value, "__dict__", {}))
    for name in getattr(type(value), "__slots__", ()):
        if not isinstance(value, tuple) and hasattr(value, name):
            state[name] = getattr(value, name)
    named = tuple(sorted((name, canonical(item)) for name, item in state.items()))
    return (kind, tuple(parts), named)
