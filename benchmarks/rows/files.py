"""Calls that read many files: checking their trace on a hit, and following them on a miss."""

import time

import measure
from measure import Goal
from subjects import script

GROUP = "Files that calls read"
# Only these of the peers look at what a call reads.
TRACING = ("pycasher", "rote")


def make_inputs(place, count):
    """The files, older than a few seconds, as those of a project are."""
    folder = place.root / "inputs"
    folder.mkdir()
    for number in range(count):
        (folder / ("%d.txt" % number)).write_text("the contents of file %d\n" % number * 20)


def systems(bench):
    return [bench.devstash, *(peer for peer in bench.peers if peer.name in TRACING)]


def trace(bench):
    """A hit whose call has read many files, all unchanged."""
    count = bench.sizes.inputs
    places = {subject.title: bench.place(subject, script("inputs")) for subject in systems(bench)}
    by_hand = bench.place(bench.plain, script("bare_inputs"))
    for place in (*places.values(), by_hand):
        make_inputs(place, count)
    if bench.sizes.rounds > 1:
        time.sleep(3)  # files that have just been written are looked at more closely
    runs, unusable = {}, {}
    for title, place in places.items():
        try:
            place.run(count)
            place.hit(count)
        except measure.Unusable as reason:
            unusable[title] = str(reason)
            continue
        runs[title] = lambda place=place: place.hit(count).figures
    stats = f"{count:,} stats"
    runs[stats] = lambda: by_hand.run(count).figures
    found, more = bench.interleaved(runs, bench.sizes.rounds)
    what = f"checking {count:,} unchanged input files"
    wanted = [
        ("first", what + ", the first time in a process", "s", [Goal("5 ms", 5e-3)]),
        ("again", what + ", later", "s", [Goal("5 ms", 5e-3)]),
    ]
    return measure.lines_of(GROUP, found, {**unusable, **more}, wanted, [stats])


def track(bench):
    """A call that opens many files, made for the first time: its cost beside the untracked call."""
    count = bench.sizes.opened
    places = {subject.title: bench.place(subject, script("inputs")) for subject in [bench.plain, *systems(bench)]}
    for place in places.values():
        make_inputs(place, count)

    def run(place):
        place.forget()
        return {"first": place.run(count).figures["first"]}

    runs = {title: lambda place=place: run(place) for title, place in places.items()}
    found, unusable = bench.interleaved(runs, bench.sizes.few)
    wanted = [("first", f"a call that opens {count:,} files, kept", "s", [Goal("1.1 of python", 1.1, "python")])]
    return measure.lines_of(GROUP, found, unusable, wanted, ["python"])


ROWS = {"trace": trace, "track": track}
