"""Large values: loading, using and storing arrays and frames."""

import os

import measure
from bench import MIB
from measure import BEST_PEER, Goal, Line
from subjects import script

GROUP = "Large values"
MAPPED, COPIED = "mapped by hand", "read by two threads"
COPY_MARK = "# @devstash load=copy"


def size_text(size):
    return "%d MiB" % (size // MIB) if size % (1 << 30) else "%d GiB" % (size >> 30)


def array(bench):
    """Loading an array, and using it in different ways."""
    reason = bench.needs("numpy")
    size = bench.sizes.large
    what = "loading a float64 array of " + size_text(size)
    if reason:
        return [Line(GROUP, what, "s", absent=reason)]
    systems = bench.large_systems(mapped=True)
    _, places, unusable = bench.hits(script("large_array"), systems, (size, "load"), (size, "load"))
    copying, by_hand = _copying(bench, size)
    lines = []
    for then in bench.sizes.uses:
        runs = _using(places, copying, by_hand, (size, then))
        found, more = bench.interleaved(runs, bench.sizes.few)
        unusable.update(more)
        lines += measure.lines_of(GROUP, found, unusable, _wanted(what, then), [MAPPED, COPIED])
        if then == "all":
            lines += _copy_line(found, what)
    return lines


def _using(places, copying, by_hand, arguments):
    """A function for each column: a process that loads the array and does something with it."""
    size, then = arguments
    runs = {title: lambda place=place: place.hit(size, then).figures for title, place in places.items()}
    runs["devstash, load=copy"] = lambda: copying.hit(size, then).figures
    runs[MAPPED] = lambda: by_hand.run(size, "map", then).figures
    runs[COPIED] = lambda: by_hand.run(size, "copy", then).figures
    return runs


def _wanted(what, then):
    like_mapped = [Goal("1.2 of mapped by hand", 1.2, MAPPED)]
    if then == "load":
        return [
            ("load", what, "s", [Goal("0.5 ms", 0.5e-3)]),
            ("resident", "resident memory that this takes", "B", [Goal("1 MiB", MIB)]),
            ("writable", "what was loaded is writable", "", []),
            ("first", "the first array of a process, 64 KiB, imports included", "s", []),
        ]
    if then == "sum":
        return [("use", what + " and reading all of it", "s", like_mapped)]
    if then == "tenth":
        return [("use", what + " and writing a tenth", "s", like_mapped)]
    return [("use", what + " and writing every page", "s", like_mapped)]


def _copy_line(found, what):
    """The last way again, with `load=copy` in the place of devstash's default."""
    line = Line(GROUP, what + ", `load=copy`, and writing every page", "s", bare=(COPIED,))
    line.goals = [Goal("1.2 of reading by two threads", 1.2, COPIED)]
    for title, column in (("devstash, load=copy", "devstash"), (COPIED, COPIED)):
        line.values[column] = [one and one["use"] for one in found.get(title, ())]
    return [line]


def _copying(bench, size):
    """The place whose marker says `load=copy`, and that of the array kept by hand."""
    copying = bench.place(bench.devstash, script("large_array").replace("# @devstash", COPY_MARK))
    copying.run(size, "load")
    by_hand = bench.place(bench.plain, script("bare_array"))
    by_hand.run(size, "map", "load")
    return copying, by_hand


def store(bench):
    """Storing an array: the time from the end of the body on, and the most memory there was."""
    reason = bench.needs("numpy")
    size = bench.sizes.large
    what = "storing a float64 array of " + size_text(size)
    if reason:
        return [Line(GROUP, what, "s", absent=reason)]

    def run(place):
        place.forget()
        os.sync()  # so that nobody waits for what others have written
        done = place.run(size, "store")
        if done.executed < 2:  # the small one that comes first, and this one
            raise measure.Unusable("not a miss")
        return done.figures

    places = {subject.title: bench.place(subject, script("large_array")) for subject in bench.large_systems()}
    by_hand = bench.place(bench.plain, script("bare_array"))

    def save():
        by_hand.forget()
        os.sync()
        return by_hand.run(size, "save").figures

    runs = {title: lambda place=place: run(place) for title, place in places.items()}
    runs["numpy.save"] = save
    found, unusable = bench.interleaved(runs, min(3, bench.sizes.few))
    wanted = [
        ("store", what, "s", [Goal("1.2 of numpy.save", 1.2, "numpy.save")]),
        ("peak", "peak memory while storing, as a part of the value", "x", [Goal("1.1", 1.1)]),
    ]
    return measure.lines_of(GROUP, found, unusable, wanted, ["numpy.save"])


def frame(bench):
    """Loading frames of mixed columns, one of them strings."""
    reason = bench.needs("numpy", "pandas")
    sizes = bench.sizes
    lines = []
    # About 57 bytes for a row.
    for rows in dict.fromkeys([sizes.rows, sizes.large_rows or 2 * sizes.large // 57]):
        what = f"loading a frame of {rows:,} rows"
        if reason:
            return [Line(GROUP, what, "s", absent=reason)]
        systems = bench.large_systems()
        runs, places, unusable = bench.hits(script("large_frame"), systems, (rows,), (rows,))
        by_hand = bench.place(bench.plain, script("bare_frame"))
        by_hand.run(rows)
        runs[MAPPED] = lambda by_hand=by_hand, rows=rows: by_hand.run(rows).figures
        found, more = bench.interleaved(runs, bench.sizes.few)
        wanted = [
            ("load", what, "s", [Goal("0.3 of the best peer", 0.3, BEST_PEER)]),
            ("resident", "resident memory that this takes", "B", []),
        ]
        lines += measure.lines_of(GROUP, found, {**unusable, **more}, wanted, [MAPPED])
        for place in (*places.values(), by_hand):
            place.remove()
    return lines


ROWS = {"array": array, "store": store, "frame": frame}
