"""From lines to docs/benchmarks.md."""

import datetime
import re

from measure import BEST_PEER

INTRODUCTION = """# Benchmarks

How fast devstash is, beside its peers and beside what the machine can do at best. {command} measures all of it and
writes this page; nothing is left out where we lose. The goals are not tests: a figure that misses its goal says so
here and nowhere else.

Measured on {date}, with {scale}.

| | |
| --- | --- |
{machine}

"""

HOW = """## How it is measured

- **Interleaved.** In each round every column has its turn, A B C A B C …, and each round begins with another column.
  A figure is the median of its rounds; a ratio is the median of the ratios within the rounds, so that what else the
  machine does meanwhile weighs on both sides. What takes longer than {patience:.0f} s takes part in three rounds only.
- **Whole processes** are measured from before they are started to their end, {starts} rounds. "Processor time" is user
  and system time; it is steadier on a busy machine.
- **Inside the process** the script itself reads the clock around the marked line, and gives the median of its calls;
  {rounds} rounds. Nothing is subtracted; the column "an unmarked call" says what reading the clock and a call cost.
- **First touch** means that the process has not seen the entry before. The page cache is warm.
- **A hit is a hit.** Marked bodies count their executions; a column in which one was executed where all should have
  hit is not measured, and says so.
- **Memory** is what Linux says: resident (`VmRSS`) before and after, and its peak (`VmHWM`).
- Peers are used in the plainest way that their documentation gives (tests/conformance/adapters.py); for large values
  diskcache and rote are told not to throw them away. A number in brackets behind a figure is how many entries there
  were where filling the cache with all of them would have taken too long.

"""

READING = """## How to read it

A row has the goal, devstash's figure, and what the goal is compared with: a figure for goals like `20 µs`, a ratio for
goals like `1.1 of python`. "Limits" are no systems: they do by hand, without any check, what cannot be avoided. A peer
marked † gives wrong answers there: it does not see a changed element, and is no "best peer". "–" is a feature that a
peer does not have; in words stands why a figure is missing.

"""


def page(lines, machine, sizes, scale, whereabouts):
    """The whole text."""
    described = "\n".join("| %s | %s |" % pair for pair in machine)
    text = INTRODUCTION.format(
        command="`./dev bench`",
        date=datetime.date.today().isoformat(),
        scale=scale,
        machine=described,
    )
    text += HOW.format(patience=sizes.patience, starts=sizes.starts, rounds=sizes.rounds)
    text += summary(lines)
    groups = []
    for line in lines:
        if line.group not in groups:
            groups.append(line.group)
    for group in groups:
        text += "## %s\n\n" % group + table([line for line in lines if line.group == group]) + "\n"
    return text + READING + where(whereabouts)


def summary(lines):
    judged = [verdict(line) for line in lines if line.goals]
    return "%d of %d goals are met; %d cannot be judged yet.\n\n" % (
        judged.count("yes"),
        len(judged),
        judged.count("?"),
    )


def table(lines):
    """A table of one group."""
    titles = []
    for line in lines:
        for title in [*line.values, *line.notes]:
            if title not in titles and title not in line.bare and title != "devstash":
                titles.append(title)
    titles.sort(key=lambda title: (not title.startswith("devstash"), title.lower()))
    head = ["", "goal", "devstash", "reached", "met", "limits", *titles]
    rows = [[line.what, *judgement(line), limits(line), *(cell(line, title) for title in titles)] for line in lines]
    text = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    text.insert(1, "| --- | --- | ---: | --- | --- | --- |" + " ---: |" * len(titles))
    return "\n".join(text) + "\n"


def judgement(line):
    """The cells: goal, devstash, reached, met."""
    if line.absent:
        return [goals(line), line.absent, "", "no" if "not there" in line.absent else "?"]
    reached = []
    for goal in line.goals:
        value, _ = line.reached(goal)
        if value is not None and goal.of:
            reached.append("%s of %s" % (number(value), BEST_PEER if goal.of == BEST_PEER else goal.of))
    return [goals(line), cell(line, "devstash"), "; ".join(reached), verdict(line)]


def goals(line):
    return "; ".join("≤ " + goal.text if goal.text[:1].isdigit() else goal.text for goal in line.goals)


def verdict(line):
    """Whether all goals are met: "yes", "no", "?" without figures, "" without goals."""
    if not line.goals:
        return ""
    if line.absent:
        return "no" if "not there" in line.absent else "?"
    met = [line.reached(goal)[1] for goal in line.goals]
    if False in met:
        return "no"
    return "yes" if True in met else "?"


def limits(line):
    found = [(title, cell(line, title)) for title in line.bare]
    return "; ".join("%s %s" % pair for pair in found if pair[1] != "–")


def cell(line, title):
    value, note = line.middle(title), line.notes.get(title, "")
    if value is None:
        return escaped(note) if note else "–"
    text = amount(value, line.unit)
    if "wrong" in note:
        return text + " †"
    return text + (" (%s)" % note if note else "")


def escaped(text):
    """Fit for a cell; what a peer says of its failure is cut short, and paths are left out."""
    text = re.sub(r"(?:/[\w.+-]+)+/", "", text)
    text = text.replace("|", "/").replace("`", "").replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"


def amount(value, unit):
    """A figure for people."""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
            if abs(value) * factor >= 1:
                return "%s %s" % (number(value * factor), name)
        return "0 s" if not value else "%s ns" % number(value * 1e9)
    if unit == "B":
        for size, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if abs(value) >= size:
                return "%s %s" % (number(value / size), name)
        return "%d B" % value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if unit == "x" else f"{value:,}"


def number(value):
    """Three digits that mean something."""
    if abs(value) >= 100:
        return "%.0f" % value
    return "%.1f" % value if abs(value) >= 10 else "%.2f" % value


# --- where the time goes ----------------------------------------------------------------------------------------------


def where(found):
    """The profiles: `found` has "imports", "launcher" and "functions"."""
    if not found:
        return ""
    rows, total, ours, count = found["imports"]
    text = "## Where the time goes\n\n"
    text += "**Imports** of a run with one hit, by `-X importtime`: %d modules in %s ms" % (count, number(total / 1e3))
    # A runtime that is loaded in one piece does not go through `import`, and only cProfile below sees it.
    text += ", of these devstash's own %s ms.\n" % number(ours / 1e3) if ours else ", none of them devstash's own.\n"
    text += "The quickest of five runs; those with the most time of their own:\n\n"
    text += "| module | µs | with what it imports |\n| --- | ---: | ---: |\n"
    text += "".join("| `%s` | %d | %d |\n" % row for row in rows)
    text += "\n**The launcher** up to the moment at which it becomes Python, by callgrind"
    if found["launcher"] is None:
        text += ": valgrind was not there.\n"
    else:
        total, functions, objects = found["launcher"]
        text += f": {total:,} instructions ("
        text += ", ".join(f"{name} {count / total:.0%}" for name, count in objects if count > total / 200) + ").\n\n"
        text += "| function | in | instructions |\n| --- | --- | ---: |\n"
        text += "".join(f"| `{escaped(name)}` | {where} | {count:,} |\n" for name, where, count in functions)
    text += (
        "\n**A hit**, first touch, under cProfile, which makes calls of Python functions look dearer than they are:\n\n"
    )
    text += "| function | µs of its own | calls for one hit |\n| --- | ---: | ---: |\n"
    text += "".join("| `%s` | %.2f | %.1f |\n" % (name, own * 1e6, calls) for own, calls, name in found["functions"])
    return text
