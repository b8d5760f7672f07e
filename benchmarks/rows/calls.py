"""Many small calls in one process: hits, misses, and what they must not depend on."""

import shutil
import time

import measure
from bench import process
from measure import Goal, Line
from subjects import script

GROUP = "Small values, inside the process"
GROWTH = "Growth"
BY_HAND = "by hand"
LOOP = "an unmarked call"


def hit(bench):
    """The first touch of many entries, and one entry again and again."""
    count, again = bench.sizes.calls, bench.sizes.again
    by_hand = bench.bare("bare_calls", count, again)
    lines = []
    for mode, number, what, goal in (
        ("each", count, "a hit, first touch of the entry (%d entries)" % count, Goal("20 µs", 20e-6)),
        ("again", again, "the same call hits again", Goal("10 µs", 10e-6)),
    ):
        runs, _, unusable = bench.hits(script("calls"), bench.patient_systems(), (mode, number), (mode, number))
        runs.update(bench.bare_columns(by_hand, "call", {BY_HAND: mode, LOOP: "loop"}))
        found, more = bench.interleaved(runs, bench.sizes.rounds)
        wanted = [("call", what, "s", [goal])]
        lines += measure.lines_of(GROUP, found, {**unusable, **more}, wanted, [BY_HAND, LOOP])
    return lines


def miss(bench):
    """Misses into an empty cache; the body does nearly nothing, so all of it is cost."""
    count = bench.sizes.calls
    by_hand = bench.bare("bare_calls", count, 1)
    plain = bench.place(bench.plain, script("calls"))

    def run(place):
        place.forget()
        done = place.run("each", count)
        if done.executed < count:
            raise measure.Unusable("not a miss")
        return {"call": done.figures["call"], "slow": done.figures["slow"], "process": done.wall / count}

    places = {subject.title: bench.place(subject, script("calls")) for subject in bench.systems()}
    runs = {title: lambda place=place: run(place) for title, place in places.items()}
    runs[BY_HAND] = lambda: {"call": by_hand()["miss"]}
    runs["python"] = lambda: {"process": plain.run("each", count).wall / count}
    if bench.sizes.rounds > 1:
        for action in runs.values():  # unpacks the runtime, makes the key
            try:
                action()
            except measure.Unusable:
                pass
    found, unusable = bench.interleaved(runs, bench.sizes.few)
    wanted = [
        ("call", "a miss, on top of the call", "s", [Goal("0.3 ms", 0.3e-3)]),
        ("slow", "the same, the slowest tenth begins at", "s", []),
        ("process", "a process of %d misses, start and end included, for each" % count, "s", []),
    ]
    return measure.lines_of(GROUP, found, unusable, wanted, [BY_HAND, "python"])


def surroundings(bench):
    """A hit must not cost more for unmarked lines, imported modules or files of the project."""
    count = bench.sizes.calls
    text = script("calls")
    unmarked = "".join("def unused_%d(a, b=2):\n    return a * b + %d\n\n\n" % (n, n) for n in range(count * 10))
    modules = "import asyncio, ctypes, decimal, email.message, http.client, logging, multiprocessing, sqlite3, ssl\n"
    modules += "import unittest.mock, urllib.request, xml.dom.minidom, zipfile\n"
    own = "".join("import own_%d\n" % number for number in range(count))
    variants = {
        "as it is": text,
        f"{count * 30:,} more lines": text + unmarked,
        "modules of the standard library imported": modules + text,
        "%d modules of the project imported" % count: own + text,
    }
    lines = []
    runs = {}
    for name, variant in variants.items():
        place = bench.place(bench.devstash, variant)
        if variant.startswith(own):
            for number in range(count):
                (place.work / ("own_%d.py" % number)).write_text("def helper(x):\n    return x + %d\n" % number)
        place.run("each", count)
        place.hit("each", count)
        runs[name] = lambda place=place: place.hit("each", count).figures
    found, _ = bench.interleaved(runs, bench.sizes.rounds)
    base = found.pop("as it is")
    for name, rounds in found.items():
        line = Line(GROWTH, "a hit, first touch, with " + name, "s", [Goal("1.1 of a hit without", 1.1, "without")])
        line.values = {"devstash": [one["call"] for one in rounds], "without": [one["call"] for one in base]}
        line.bare = ("without",)
        lines.append(line)
    return lines


def opens(bench):
    """Hits of a whole run read each entry once."""
    count = bench.sizes.inputs
    place = bench.place(bench.devstash, script("opens"))
    place.run(count)
    figures = place.hit(count, "count").figures
    line = Line(GROWTH, f"files of entries opened by {count:,} hits", "", [Goal("one each", count)])
    line.values = {"devstash": [figures["opens"]]}
    return [line]


def many(bench):
    """A folder with many entries: filling it, hits in it, `list`, `stats`, `clear`, `gc`."""
    sizes = bench.sizes
    small = 10
    filled, made, lines = {}, {}, []
    growth = Line(GROWTH, f"memory that {sizes.entries:,} misses leave behind", "B", [Goal("4 MiB", 4 << 20)])
    for subject in bench.patient_systems():
        place = bench.place(subject, script("growth"))
        seconds = 1e9 if subject is bench.devstash else sizes.seconds
        try:
            figures = place.run(sizes.entries, seconds).figures
        except measure.Unusable as reason:
            growth.notes[subject.title] = str(reason)
            continue
        bench.say("  %s: %d entries, %.2f ms each" % (subject.title, figures["made"], figures["each"] * 1e3))
        growth.values[subject.title] = [figures["growth"]]
        filled[subject.title], made[subject.title] = place, figures["made"]
        if figures["made"] < sizes.entries:
            growth.notes[subject.title] = f"{made[subject.title]:,}"
    lines += [growth, _growth_of_hits(bench, filled, made), *_hits_among_many(bench, filled, made, small)]
    lines += _commands(bench, filled, made)
    return lines


def _growth_of_hits(bench, filled, made):
    what = f"memory that {bench.sizes.entries:,} hits leave behind"
    line = Line(GROWTH, what, "B", [Goal("4 MiB", 4 << 20)])
    for title, place in filled.items():
        try:
            seconds = 1e9 if title == "devstash" else bench.sizes.seconds
            figures = place.hit(made[title], seconds).figures
        except measure.Unusable as reason:
            line.notes[title] = str(reason)
            continue
        line.values[title] = [figures["growth"]]
        if figures["made"] < bench.sizes.entries:
            line.notes[title] = f"{figures['made']:,}"
    return line


def _hits_among_many(bench, filled, made, small):
    """The same hits in a folder of few and in one of many entries; both have the same script."""
    runs, notes = {}, {}
    for title, place in filled.items():
        # The function of calls.py is that of growth.py, so are its first keys: they hit, or become a few more entries.
        few = bench.place(place.subject, script("calls"))
        place.rewrite(script("calls"))
        try:
            few.run("each", small)
            few.hit("each", small)
            place.run("each", small)
            place.hit("each", small)
        except measure.Unusable as reason:
            notes[title] = str(reason)
            continue
        runs[title, small] = lambda few=few: few.hit("each", small).figures
        runs[title, made[title]] = lambda place=place: place.hit("each", small).figures
    found, unusable = bench.interleaved(runs, bench.sizes.rounds)
    lines = []
    for number in (small, bench.sizes.entries):
        line = Line(GROUP, f"a hit, first touch, among {number:,} entries", "s", notes=dict(notes))
        for (title, count), rounds in found.items():
            if (count == small) == (number == small):
                line.values[title] = [one and one["call"] for one in rounds]
                if number != small and count < number:
                    line.notes[title] = f"{count:,}"
        line.notes.update({title: reason for (title, _), reason in unusable.items()})
        lines.append(line)
    ratio = Line(GROUP, "the second as a part of the first", "x", [Goal("1.1", 1.1)])
    for title in lines[1].values:
        pairs = zip(lines[1].values[title], lines[0].values.get(title, ()))
        ratio.values[title] = [a / b if a and b else None for a, b in pairs]
    return [*lines, ratio]


# --- commands over many entries ---------------------------------------------------------------------------------------

COMMANDS = "Commands over many entries"
# How peers list and clear, with -c; those that are not here have no way of their own.
LISTING = {
    "devstash": "import sys; sys.argv = ['devstash', 'list']; from devstash.cli import main; main()",
    "diskcache": "from diskcache import Cache; print(sum(1 for _ in Cache('.diskcache')))",
    "joblib": "from joblib import Memory; print(len(Memory('.joblib', verbose=0).store_backend.get_items()))",
    "rote": "import rote; print(rote.stats())",
}
CLEARING = {
    "devstash": "import sys; sys.argv = ['devstash', 'clear', '--all']; from devstash.cli import main; main()",
    "diskcache": "from diskcache import Cache; Cache('.diskcache').clear()",
    "joblib": "from joblib import Memory; Memory('.joblib', verbose=0).clear(warn=False)",
    "rote": "import rote; rote.clear()",
    "astrocache": "import astrocache; astrocache.clear_cache()",
}


def _commands(bench, filled, made):
    entries = bench.sizes.entries
    lines = []
    for name, peers, goals in (
        ("list", LISTING, [Goal("0.2 s", 0.2)]),
        ("stats", {}, []),
        ("clear", CLEARING, [Goal("0.05 s", 0.05)]),
        ("gc", {}, []),
    ):
        what = f"`{name}` of {entries:,} entries"
        if not bench.has_command(name):
            lines.append(Line(COMMANDS, what, "s", goals, absent="not there yet"))
            continue
        arguments = {"clear": ["--all"]}.get(name, [])
        line = Line(COMMANDS, what, "s", goals)
        memory = Line(COMMANDS, what + ": memory", "B", [Goal("32 MiB", 32 << 20)])
        runs = {}
        for title, place in filled.items():
            if title == "devstash":
                argv = [bench.devstash.binary, name, *arguments]
            elif place.subject.name in peers:
                argv = [bench.python, "-c", peers[place.subject.name]]
            else:
                continue
            runs[title] = _command(bench, place, argv, destroys=name in ("clear", "gc"))
            if made[title] < entries:
                line.notes[title] = f"{made[title]:,}"
        runs.update(_limits(bench, filled["devstash"], name))
        line.bare = tuple(title for title in runs if title not in filled)
        found, unusable = bench.interleaved(runs, min(3, bench.sizes.few))
        line.notes.update(unusable)
        line.values = {title: [one and one["wall"] for one in rounds] for title, rounds in found.items()}
        lines.append(line)
        copy = _copy(filled["devstash"])
        peak = measure.peak_memory([bench.devstash.binary, name, *arguments], copy, bench.environment())
        shutil.rmtree(copy, ignore_errors=True)
        memory.values = {"devstash": [peak]}
        lines.append(memory)
    return lines


def _command(bench, place, argv, destroys):
    """A run of a command in the folder of a place, or in a copy of it if nothing will be left."""

    def action():
        if not destroys:
            return process(measure.run(argv, place.work, place.env, reads_figures=False))
        kept = place.root.with_name(place.root.name + "-kept")
        # The whole place goes aside and a copy stands in for it: peers know their caches by absolute paths.
        place.root.rename(kept)
        try:
            shutil.copytree(kept, place.root, symlinks=True)
            taken = process(measure.run(argv, place.work, place.env, reads_figures=False))
            _wait_while(place.work / ".devstash_cache" / ".trash")  # what frees space behind would disturb what follows
            return taken
        finally:
            shutil.rmtree(place.root, ignore_errors=True)
            kept.rename(place.root)

    return action


def _wait_while(folder):
    for _ in range(600):
        if not folder.exists():
            return
        time.sleep(0.1)


def _copy(place):
    folder = place.root.with_name(place.root.name + "-copy")
    shutil.copytree(place.work, folder, symlinks=True)
    return folder


def _limits(bench, place, name):
    """The file system's own time, by Python: the names of a folder, or removing it."""
    cache = place.work / ".devstash_cache"
    if name == "list":
        code = "import os, sys, time; start = time.perf_counter(); os.listdir(sys.argv[1])"
        code += "; print({'wall': time.perf_counter() - start})"
        return {"os.listdir": lambda: _limit(bench, code, cache)}
    if name == "clear":
        code = "import os, shutil, sys, time; old = sys.argv[1]; new = old + '.aside'; start = time.perf_counter()"
        rename = code + "; os.rename(old, new); print({'wall': time.perf_counter() - start})"
        remove = code + "; shutil.rmtree(old); print({'wall': time.perf_counter() - start})"

        def on_copy(code):
            copy = _copy(place)
            try:
                return _limit(bench, code, copy)
            finally:
                shutil.rmtree(copy, ignore_errors=True)
                shutil.rmtree(str(copy) + ".aside", ignore_errors=True)

        return {"renaming it aside": lambda: on_copy(rename), "removing each file": lambda: on_copy(remove)}
    return {}


def _limit(bench, code, folder):
    return measure.run([bench.python, "-c", code, folder], bench.folder, bench.environment()).figures


ROWS = {"hit": hit, "miss": miss, "surroundings": surroundings, "opens": opens, "many": many}
