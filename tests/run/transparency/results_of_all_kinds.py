from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID


def make(i):
    return [
        None, True, False, 0, 1, -1, 10**40, 0.0, -0.0, float("inf"), 1j, "", "é\ud800", b"", b"\x00\xff", bytearray(b"x"),
        (), (1,), [], [None], {}, {"a": [1]}, set(), {1, 2}, frozenset({3}), range(3), slice(1, 2), Ellipsis, NotImplemented,
        Counter("aab"), OrderedDict(b=1, a=2), defaultdict(list, a=[1]), deque([1], 3), date(2020, 1, 2),
        datetime(2020, 1, 2, tzinfo=timezone.utc), timedelta(1), Decimal("1.10"), Fraction(1, 3), Path("a/b"), UUID(int=5),
        int, len, ValueError("x"), memoryview,
    ][i]


for i in range(44):
    value = make(i)  # @devstash
    print(type(value).__name__, ascii(value), type(make(i)) is type(value))
print(make(0) is None, make(27) is Ellipsis, make(28) is NotImplemented)  # @devstash
