"""Random nested values, and values that differ from them in one place."""

import copy
import datetime
import decimal
import fractions
import pathlib
import uuid
from collections import Counter, OrderedDict, defaultdict, deque

import shapes
from hypothesis import strategies as st

HASHABLE_ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 2),
    st.floats(allow_nan=False),
    st.sampled_from([0.0, -0.0, 1.0]),
    st.text(max_size=8),
    st.sampled_from(["", "a", "b", "1"]),
    st.binary(max_size=8),
    st.sampled_from([shapes.Color.RED, shapes.Color.BLUE, shapes.Rank.RED, shapes.Rank.BLUE]),
    st.sampled_from([shapes.Text("a"), shapes.Text("1")]),
    st.dates(),
    st.datetimes(
        timezones=st.sampled_from([None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=1))])
    ),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.sampled_from([decimal.Decimal("1"), decimal.Decimal("1.0"), decimal.Decimal("-0")]),
    st.fractions(),
    st.uuids(),
    st.sampled_from([pathlib.PurePosixPath("a"), pathlib.PurePosixPath("a/b"), uuid.UUID(int=1), ...]),
    st.complex_numbers(allow_nan=False, max_magnitude=10),
    st.builds(range, st.integers(-3, 3), st.integers(-3, 3), st.sampled_from([1, 2, -1])),
    st.just(fractions.Fraction(1)),
)
ATOMS = st.one_of(HASHABLE_ATOMS, st.just(float("nan")), st.binary(max_size=4).map(bytearray))
HASHABLE = st.recursive(
    HASHABLE_ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(inner, max_size=3),
        st.builds(shapes.Point, inner, inner),
        st.builds(shapes.Frozen, inner),
    ),
    max_leaves=4,
)


def values():
    """Whatever can be nested, of all types that the key knows from the start."""
    return st.recursive(ATOMS, _containers, max_leaves=12)


def _containers(inner):
    lists = st.lists(inner, max_size=4)
    names = st.sampled_from(["a", "b", "c"])
    dicts = st.dictionaries(HASHABLE, inner, max_size=4)
    return st.one_of(
        lists,
        lists.map(tuple),
        lists.map(shapes.Rows),
        lists.map(deque),
        lists.map(lambda items: deque(items, maxlen=5)),
        dicts,
        dicts.map(OrderedDict),
        dicts.map(shapes.Table),
        dicts.map(lambda items: defaultdict(list, items)),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
        st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=3).map(Counter),
        st.builds(shapes.Point, inner, inner),
        st.builds(shapes.Pair, inner, inner),
        st.builds(shapes.Record, inner, inner),
        st.builds(shapes.Frozen, inner),
        st.dictionaries(names, inner, max_size=3).map(lambda state: shapes.Plain(**state)),
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2).map(lambda state: shapes.Slim(**state)),
    )


def changed(draw, value):
    """A copy of a value with something else in one place, drawn at random; now and then it is the same after all."""
    if draw(st.integers(0, 3)) == 0:
        return draw(ATOMS)
    if isinstance(value, shapes.Point):
        return value._replace(x=changed(draw, value.x))
    if isinstance(value, shapes.Pair):
        return shapes.Point(*value)
    if isinstance(value, tuple):
        return tuple(_sequence(draw, list(value)))
    if isinstance(value, (list, deque)):
        made = copy.copy(value)
        items = _sequence(draw, list(value))
        made.clear()
        made.extend(items)
        return made
    if isinstance(value, dict):
        return _dict(draw, value)
    if isinstance(value, (set, frozenset)):
        item = draw(HASHABLE)
        return value - {item} if item in value else value | {item}
    if isinstance(value, shapes.Frozen):
        return shapes.Frozen(changed(draw, value.a))
    if isinstance(value, (shapes.Plain, shapes.Record, shapes.Slim)):
        made = copy.copy(value)
        name = draw(st.sampled_from(["a", "b"]))
        setattr(made, name, changed(draw, getattr(value, name, None)))
        return made
    return draw(ATOMS)


def _sequence(draw, items):
    if not items or draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), draw(ATOMS))
        return items
    at = draw(st.integers(0, len(items) - 1))
    if draw(st.booleans()):
        del items[at]
    else:
        items[at] = changed(draw, items[at])
    return items


def _dict(draw, value):
    made = copy.copy(value)
    if not made or draw(st.booleans()):
        made[draw(HASHABLE) if not isinstance(made, Counter) else "new"] = draw(st.integers(0, 3))
        return made
    key = draw(st.sampled_from(list(made)))
    if isinstance(made, Counter) or draw(st.booleans()):
        del made[key]
    else:
        made[key] = changed(draw, made[key])
    return made
