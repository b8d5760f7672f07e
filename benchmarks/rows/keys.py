"""Keying large arguments: nearly all that a hit on a small value then takes."""

import measure
from measure import Goal, Line
from subjects import script

from rows.large import size_text

GROUP = "Large arguments"
CORES, ONE = "SHA-256 on all cores", "SHA-256 on one"
PICKLER, HASHED = "C pickler without memo", "the same and SHA-256"


def array(bench):
    """An array that nobody knows anything about."""
    reason = bench.needs("numpy")
    what = "keying an array of " + size_text(bench.sizes.large)
    if reason:
        return [Line(GROUP, what, "s", absent=reason)]
    goals = [Goal("0.25 of joblib", 0.25, "joblib")]
    lines = _keying(bench, "array", bench.sizes.large, what, goals, [Goal("1.05 of the argument", 1.05)])
    return lines


def pipeline(bench):
    """An array that a hit of this run has given, and that nobody has written to."""
    reason = bench.needs("numpy")
    size = bench.sizes.large
    what = "keying an array of %s that a hit of this run gave" % size_text(size)
    if reason:
        return [Line(GROUP, what, "s", absent=reason)]
    systems = [subject for subject in bench.large_systems(mapped=True) if subject.title in ("devstash", "joblib")]
    runs, _, unusable = bench.hits(script("pipeline"), systems, (size,), (size,))
    by_hand = bench.place(bench.plain, script("bare_pagemap"))
    pages = "looking at its pages"
    runs[pages] = lambda: by_hand.run(size).figures
    found, more = bench.interleaved(runs, bench.sizes.few)
    wanted = [("key", what, "s", [Goal("15 ms", 0.015)])]
    return measure.lines_of(GROUP, found, {**unusable, **more}, wanted, [pages])


def collections(bench):
    """Collections of many small objects, and a frame."""
    items = bench.sizes.items
    lines = []
    for kind, count, noun in (
        ("ints", items, "a list of {:,} ints"),
        ("strings", items, "a list of {:,} strings"),
        ("mapping", items, "a dict of {:,}"),
        ("records", items * 35 // 100, "{:,} nested records"),
        ("frame", bench.sizes.frame, "a frame of {:,} rows"),
    ):
        what = "keying " + noun.format(count)
        reason = bench.needs("numpy", "pandas") if kind == "frame" else ""
        if reason:
            lines.append(Line(GROUP, what, "s", absent=reason))
            continue
        goals = [Goal("1.5 of pickler and hash", 1.5, HASHED), Goal("0.3 of joblib", 0.3, "joblib")]
        lines += _keying(bench, kind, count, what, goals, [])
    return lines


def _keying(bench, kind, count, what, goals, memory_goals):
    """Fill, see whether a changed element is seen, and measure."""
    places, unusable, wrong = {}, {}, {}
    for subject in bench.large_systems():
        place = bench.place(subject, script("argument"))
        try:
            # The small one that comes first, the large one, the changed one.
            seen = place.run(kind, count, "changed").executed
            if bench.sizes.rounds > 1:
                place.hit(kind, count)
        except measure.Unusable as reason:
            unusable[subject.title] = str(reason)
            continue
        places[subject.title] = place
        if seen < 3:
            wrong[subject.title] = "wrong: does not see a changed element"
    runs = {title: lambda place=place: place.hit(kind, count).figures for title, place in places.items()}
    by_hand = bench.bare("bare_argument", kind, count)
    if kind == "array":
        bare = {CORES: "cores", ONE: "one"}
    else:
        bare = {PICKLER: "pickler", HASHED: "hashed"}
    runs.update(bench.bare_columns(by_hand, "key", bare))
    found, more = bench.interleaved(runs, min(3, bench.sizes.few))
    wanted = [("key", what, "s", goals), ("memory", "peak memory, as a part of the argument", "x", memory_goals)]
    lines = measure.lines_of(GROUP, found, {**unusable, **more, **wrong}, wanted, bare)
    for place in places.values():
        place.remove()
    return lines


ROWS = {"key-array": array, "key-hit": pipeline, "key-collections": collections}
