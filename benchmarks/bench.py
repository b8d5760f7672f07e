"""What every row is given: the subjects, the sizes, a folder; and the ways in which most rows measure."""

import os
import shutil
import sys
from dataclasses import dataclass

import measure
from subjects import LARGE, JoblibMapped, PatientRote, Place, has, script

MIB = 1 << 20
GIB = 1 << 30


@dataclass
class Sizes:
    """How much is measured."""

    starts: int = 25  # rounds of rows about whole processes
    rounds: int = 9  # rounds of rows in which each process measures many calls
    few: int = 5  # rounds of rows with large values
    calls: int = 300  # marked calls in one process
    again: int = 1000  # the same marked call in one process
    lines: tuple = (1000, 10000)
    entries: int = 100_000
    seconds: float = 30  # for a peer to fill its cache
    large: int = GIB  # bytes of a large array; a large frame has twice as many
    rows: int = 1_000_000  # of the small frame
    large_rows: int = 0  # of the large frame, if not as many as make twice a large array
    uses: tuple = ("load", "sum", "tenth", "all")  # what is done with a large array
    items: int = 1_000_000  # of collections that are arguments
    frame: int = 5_000_000  # rows of a frame that is an argument
    inputs: int = 1000  # files whose trace is checked
    opened: int = 10_000  # files that a tracked call opens
    patience: float = 5  # a run that takes longer is made in three rounds only


QUICK = Sizes(
    starts=1,
    rounds=1,
    few=1,
    calls=10,
    again=20,
    lines=(100,),
    entries=30,
    seconds=5,
    large=4 * MIB,
    rows=2000,
    large_rows=2000,
    uses=("load", "all"),
    items=2000,
    frame=2000,
    inputs=20,
    opened=50,
)


class Bench:
    """One benchmark under way."""

    def __init__(self, python, folder, sizes, devstash, plain, peers):
        self.python = str(python)
        self.folder = folder
        self.sizes = sizes
        self.devstash = devstash
        self.plain = plain
        self.peers = peers

    # --- who takes part

    def systems(self):
        """devstash and its peers."""
        return [self.devstash, *self.peers]

    def patient_systems(self):
        """The same, with a rote that is made to keep small calls."""
        return [self._like(PatientRote, one) if getattr(one, "name", "") == "rote" else one for one in self.systems()]

    def large_systems(self, mapped=False):
        """The same, with those settings that large values need."""
        found = [self.devstash]
        for peer in self.peers:
            kind = LARGE.get(peer.name)
            found.append(self._like(kind, peer) if kind else peer)
            if mapped and peer.name == "joblib":
                found.append(self._like(JoblibMapped, peer))
        return found

    def _like(self, kind, peer):
        """A peer with other settings, in the column of the peer unless it has a title of its own."""
        made = kind(peer.python, peer.home)
        made.title = getattr(kind, "title", peer.title)
        made.version = peer.version
        return made

    def needs(self, *packages):
        """Why a row cannot be measured with this Python, or ""."""
        return "" if has(self.python, *packages) else "needs %s" % " and ".join(packages)

    def has_command(self, name):
        """Whether `devstash NAME` is there already."""
        try:
            measure.run([self.devstash.binary, name, "--help"], self.folder, self.environment(), reads_figures=False)
        except measure.Unusable:
            return False
        return True

    def environment(self):
        return self.devstash.environment(self.folder)

    # --- places and bare limits

    def place(self, subject, text, name="script.py"):
        return Place(subject, self.folder, text, name)

    def bare(self, name, *args):
        """A run of a script of scripts/ without any cache; gives what it prints."""
        place = self.place(self.plain, script(name))
        return lambda: place.run(*args).figures

    def bare_columns(self, action, figure, columns):
        """Functions for `interleaved` that share a run: `columns` maps their titles to what it prints for them.

        In each round the first one asked makes the run, and the others take their figure from it.
        """
        waiting = {}

        def take(title):
            if title not in waiting:
                printed = action()
                waiting.update({column: printed[name] for column, name in columns.items()})
            return {figure: waiting.pop(title)}

        return {title: lambda title=title: take(title) for title in columns}

    # --- the usual way: fill, then measure what hits

    def hits(self, text, systems, fill=(), then=(), figures=None):
        """For each system a function for `interleaved`: a run of the script in which nothing is executed.

        `fill` are the arguments of the run before, `then` those of the measured ones. Gives the functions, the places,
        and the reasons why a system cannot take part.
        """
        runs, places, unusable = {}, {}, {}
        for subject in systems:
            place = self.place(subject, text)
            try:
                place.run(*fill)
                if self.sizes.rounds > 1:  # also brings everything into the page cache
                    place.hit(*then)
            except measure.Unusable as reason:
                unusable[subject.title] = str(reason)
                place.remove()
                continue
            places[subject.title] = place
            runs[subject.title] = self._measured(place, then, figures)
        return runs, places, unusable

    def _measured(self, place, args, figures):
        if figures is None:
            return lambda: place.hit(*args).figures
        return lambda: figures(place.hit(*args))

    def interleaved(self, runs, rounds):
        return measure.interleaved(runs, rounds, self.sizes.patience)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def tidy(self):
        """Remove what a row left, so that the next one has the disk and the memory for itself."""
        for path in self.folder.iterdir():
            if path.name != "home":
                shutil.rmtree(path, ignore_errors=True)
        os.sync()


def process(done):
    """The figures of whole processes."""
    return {"wall": done.wall, "cpu": done.cpu}
