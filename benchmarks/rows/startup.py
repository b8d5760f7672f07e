"""Whole processes: start-up, and the second run of long scripts."""

import measure
from bench import process
from measure import Goal
from subjects import script

GROUP = "Start-up: whole processes"


def wall_and_cpu(what, goals):
    return [("wall", what, "s", goals), ("cpu", what + ", processor time", "s", goals)]


def trivial(bench):
    """A script without a marker; a peer's has its import."""
    runs = {}
    for subject in [bench.plain, *bench.systems()]:
        place = bench.place(subject, script("start_plain"))
        place.run()
        runs[subject.title] = lambda place=place: process(place.run())
    found, unusable = bench.interleaved(runs, bench.sizes.starts)
    wanted = wall_and_cpu("a trivial script without a marker", [Goal("1.1 of python", 1.1, "python")])
    return measure.lines_of(GROUP, found, unusable, wanted, bare=["python"])


def one_hit(bench):
    """A script whose one marked call hits; plain Python makes the call, which costs it next to nothing."""
    lines = []
    for name, systems, what in (
        ("start_hit", bench.systems(), "one marked call that hits"),
        ("start_method", [bench.devstash], "one marked call of a method that has read a file, and hits"),
    ):
        plain = bench.place(bench.plain, script(name))
        runs, _, unusable = bench.hits(script(name), systems, figures=process)
        runs["python"] = lambda plain=plain: process(plain.run())
        found, more = bench.interleaved(runs, bench.sizes.starts)
        wanted = wall_and_cpu(what, [Goal("1.25 of python", 1.25, "python")])
        lines += measure.lines_of(GROUP, found, {**unusable, **more}, wanted, bare=["python"])
    return lines


def long_scripts(bench):
    """The second run of scripts of many lines, one of them marked."""
    lines = []
    for count in bench.sizes.lines:
        text = long_script(count)
        runs, _, unusable = bench.hits(text, bench.systems(), figures=process)
        plain = bench.place(bench.plain, text)
        runs["python"] = lambda plain=plain: process(plain.run())
        compiled = bench.place(bench.plain, text)
        py_compiled(bench, compiled)
        runs["python, stored byte-code"] = lambda compiled=compiled: process(compiled.run())
        found, more = bench.interleaved(runs, bench.sizes.starts)
        limit = 0.20 if count >= 10_000 else 0.65
        what = f"second run of a script of {count:,} lines"
        wanted = wall_and_cpu(what, [Goal("%.2f of python" % limit, limit, "python")])
        bare = ["python", "python, stored byte-code"]
        lines += measure.lines_of(GROUP, found, {**unusable, **more}, wanted, bare)
    return lines


def long_script(count):
    """A script of about `count` lines as people write them; nearly all of its time is compiling."""
    text = script("start_hit")
    number = 0
    while text.count("\n") < count:
        text += FUNCTION.format(number=number)
        number += 1
    return text


FUNCTION = '''

def step_{number}(rows, limit={number}, *, strict=False):
    """Sum up what the rows hold."""
    total, seen = 0, {{}}
    for place, row in enumerate(rows):
        if row.get("kind") == "step {number}" and not strict:
            total += int(row["value"]) * limit + place
        elif place > limit:
            seen[place] = [part.strip() for part in str(row).split(",") if part]
    return {{"total": total, "seen": sorted(seen.items()), "name": f"step {{total}} of {{limit}}"}}
'''


def py_compiled(bench, place):
    """Put byte-code, made by the interpreter that is measured, in the place of a script."""
    code = "import os, py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[1] + 'c', doraise=True)"
    argv = [bench.python, "-c", code, place.name]
    measure.run(argv, place.work, place.env, reads_figures=False)
    place.name += "c"


ROWS = {"start": trivial, "start-hit": one_hit, "lines": long_scripts}
