"""From processes to figures: one run with its times, rounds of interleaved runs, medians, and ratios pair by pair."""

import ast
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from statistics import median

# Scripts write a byte to this descriptor for every true execution of a marked body: no file is opened or named for it,
# so that systems which trace files do not mistake the count for an effect.
COUNTER = 9
TIMEOUT = 900


class Unusable(Exception):
    """A subject cannot do what a row asks for; the text goes into its cell."""


@dataclass
class Run:
    """What one process took, printed and executed."""

    wall: float  # seconds, from before it was started to its end
    cpu: float  # seconds of user and system time, of it and of the processes that it waited for
    figures: dict  # what the script itself has measured: the dict in the last line it printed
    executed: int  # how many marked bodies ran


def run(argv, cwd, env, reads_figures=True):
    """Run a process to its end."""
    with tempfile.TemporaryFile() as counted, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(counted.fileno(), COUNTER)
        argv = [os.fspath(part) for part in argv]
        start = time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, env=env, stdout=out, stderr=err, pass_fds=(COUNTER,))
        watchdog = threading.Timer(TIMEOUT, os.kill, (process.pid, signal.SIGKILL))
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        watchdog.cancel()
        process.returncode = status  # it has been waited for; Popen must not do so again
        out.seek(0)
        err.seek(0)
        if status != 0:
            raise Unusable("fails: " + last_line(err.read())[:200])
        figures = {}
        if reads_figures:
            try:
                figures = ast.literal_eval(last_line(out.read()))
            except (SyntaxError, ValueError):
                raise Unusable("prints something else") from None
        return Run(wall, usage.ru_utime + usage.ru_stime, figures, os.fstat(COUNTER).st_size)


def peak_memory(argv, cwd, env):
    """The most memory that a command had resident, in bytes, looked at while it runs.

    `ru_maxrss` would not do: a new process inherits it from the one that has started it.
    """
    process = subprocess.Popen(
        [os.fspath(part) for part in argv], cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        try:
            with open("/proc/%d/status" % process.pid) as file:
                lines = [line.split() for line in file if line.startswith("VmHWM:")]
        except OSError:
            break
        peak = max([peak] + [int(line[1]) * 1024 for line in lines])
    process.wait()
    return peak


def last_line(data):
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no word"


def interleaved(runs, rounds, patience):
    """Play A B C A B C …, each round beginning with another one.

    `runs` maps a name to a function that returns a dict of figures. Gives two dicts: name to list of figures, one for
    each round (None where it did not take part), and name to the reason why it could not be measured. A name whose
    run takes longer than `patience` seconds takes part in the first three rounds only.
    """
    figures = {name: [] for name in runs}
    unusable = {}
    slow = set()
    for number in range(rounds):
        order = list(runs)
        turn = number % len(order)
        for name in order[turn:] + order[:turn]:
            if name in unusable or (name in slow and number >= 3):
                figures[name].append(None)
                continue
            start = time.perf_counter()
            try:
                figures[name].append(runs[name]())
            except Unusable as reason:
                unusable[name] = str(reason)
            if time.perf_counter() - start > patience:
                slow.add(name)
    return {name: found for name, found in figures.items() if name not in unusable}, unusable


@dataclass
class Goal:
    """What is to be reached: a figure, or a ratio to another column in the same round."""

    text: str
    limit: float
    of: str = ""  # the title of a column, or BEST_PEER; "" for the figure itself


BEST_PEER = "the best peer"


@dataclass
class Line:
    """One line of a table: what was measured, and each column's values, one for each round."""

    group: str
    what: str
    unit: str  # "s", "B", "x" (a ratio) or "" (a number)
    goals: list = field(default_factory=list)
    values: dict = field(default_factory=dict)  # title of the column: list of values or None
    bare: tuple = ()  # the titles of those columns that are limits and not systems
    notes: dict = field(default_factory=dict)  # title of the column: what to say of it
    absent: str = ""  # why there is nothing here at all

    def middle(self, title):
        """The median of a column, or None."""
        values = [value for value in self.values.get(title, ()) if value is not None]
        if any(isinstance(value, bool) for value in values):
            return all(values)
        return median(values) if values else None

    def peers(self):
        """The columns that are neither devstash's nor a limit, nor known to give wrong answers."""
        return [
            title
            for title in self.values
            if not title.startswith("devstash") and title not in self.bare and "wrong" not in self.notes.get(title, "")
        ]

    def ratio(self, other, title="devstash"):
        """The median of the ratios of two columns, taken round by round; None when they never met."""
        ratios = []
        for number, value in enumerate(self.values.get(title, ())):
            against = self._at(other, number)
            if value is not None and against:
                ratios.append(value / against)
        return median(ratios) if ratios else None

    def _at(self, title, number):
        if title == BEST_PEER:
            found = [self._at(peer, number) for peer in self.peers()]
            found = [value for value in found if value]
            return min(found) if found else None
        values = self.values.get(title, ())
        return values[number] if number < len(values) else None

    def reached(self, goal):
        """The value that is compared with the goal, and whether it is met; (None, None) without figures."""
        value = self.ratio(goal.of) if goal.of else self.middle("devstash")
        return (None, None) if value is None else (value, value <= goal.limit)


def lines_of(group, found, unusable, wanted, bare=()):
    """One line for each of `wanted`, (name of the figure, what, unit, goals), from what `interleaved` gave."""
    lines = []
    for figure, what, unit, goals in wanted:
        line = Line(group, what, unit, list(goals), bare=tuple(bare), notes=dict(unusable))
        for title, rounds in found.items():
            values = [None if one is None else one.get(figure) for one in rounds]
            if any(value is not None for value in values):
                line.values[title] = values
        lines.append(line)
    return lines
