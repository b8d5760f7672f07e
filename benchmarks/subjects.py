"""Who is measured: devstash, plain Python, and the peers in the words that tests/conformance/adapters.py has."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(__file__).resolve().parent / "scripts"
sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import peers  # noqa: E402
from adapters import Diskcache, Joblib, Rote  # noqa: E402

_numbers = itertools.count()


class Python:
    """The interpreter alone: markers are comments."""

    title = "python"

    def __init__(self, python, home):
        self.python = str(python)
        self.home = home

    def script(self, text):
        return text

    def environment(self, root):
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.home), "LANG": "C.UTF-8"}

    def argv(self, script, args):
        return [self.python, script, *args]


class JoblibMapped(Joblib):
    """joblib asked to map arrays instead of reading them."""

    title = "joblib, mapped"
    head = 'from joblib import Memory; memory = Memory(".joblib", mmap_mode="c", verbose=0)'


class LargeDiskcache(Diskcache):
    """diskcache throws away what goes beyond 1 GiB unless told otherwise."""

    head = 'from diskcache import Cache; cache = Cache(".diskcache", size_limit=1 << 40)'


class PatientRote(Rote):
    """rote keeps no more calls of a function once storing one took longer than the call: here each takes a while."""

    def script(self, text):
        return super().script(text.replace('os.write(9, b".")', 'sum(range(3_000_000)); os.write(9, b".")'))


class LargeRote(PatientRote):
    """rote keeps values up to 1 GiB unless told otherwise."""

    head = "import rote; rote.configure(max_value_bytes=1 << 40)"


LARGE = {"diskcache": LargeDiskcache, "rote": LargeRote}


class Place:
    """A folder of one subject, with its own cache, and a script in it."""

    def __init__(self, subject, folder, text, name="script.py"):
        self.subject = subject
        self.root = Path(folder) / ("%03d" % next(_numbers))
        self.work = self.root / "work"
        self.work.mkdir(parents=True)
        self.env = subject.environment(self.root)
        self.name = name
        self.rewrite(text)

    def rewrite(self, text):
        (self.work / self.name).write_text(self.subject.script(text))

    def argv(self, *args):
        return self.subject.argv(self.name, [str(arg) for arg in args])

    def run(self, *args):
        """Run the script."""
        return measure.run(self.argv(*args), self.work, self.env)

    def hit(self, *args):
        """Run the script; nothing must be executed."""
        done = self.run(*args)
        if done.executed:
            raise measure.Unusable("does not keep it")
        return done

    def forget(self):
        """Remove everything but the script: the next run begins with an empty cache."""
        text = (self.work / self.name).read_bytes()
        for folder in (self.work, self.root / "cache", self.root / "home"):
            if folder.exists():
                shutil.rmtree(folder)
                folder.mkdir()
        (self.work / self.name).write_bytes(text)

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def script(name):
    """The text of a script of scripts/."""
    return (SCRIPTS / (name + ".py")).read_text()


def find(python, folder, with_peers):
    """devstash, plain Python, and a list of peers; and those that cannot be had, with the reason."""
    home = folder / "home"
    if with_peers:
        (devstash, *others), absent = peers.find_subjects(python, folder, None)
    else:
        home.mkdir()
        devstash, others, absent = peers.Devstash(python, home), [], []
    return devstash, Python(python, home), others, absent


def has(python, *packages):
    """Whether an interpreter can import these."""
    code = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))"
    return subprocess.run([str(python), "-c", code, *packages]).returncode == 0
