#!/usr/bin/env python3
"""Plays the conformance scenarios with devstash and with its peers, and writes the table of docs/comparison.md, and
its last lines into README.md.

    python tests/conformance/peers.py                 all of it (some minutes)
    python tests/conformance/peers.py --peer joblib   one peer, to look at what it does; no table is written
    python tests/conformance/peers.py --only values   one theme likewise; also a part of a scenario's name
    python tests/conformance/peers.py --fresh         peers too, although nothing about them has changed
    python tests/conformance/peers.py --readme        nothing is played: only README.md is made to say what the page says

What came of a scenario with a peer is remembered (beside the environment) until the scenario, the peer's version, its
adapter or the player changes; devstash itself is played every time.

It makes a virtual environment of its own below .venvs/ with the peers and the packages that scenarios use. Use a
Python from 3.12 on: pycasher and rote have releases for no older one.
"""

import argparse
import concurrent.futures
import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

from adapters import PEERS, Peer, Rewriting  # noqa: E402
from player import REPEATED, WRONG, play  # noqa: E402
from scenario import holds, load_all  # noqa: E402

PACKAGES = ["numpy", "pandas", "polars", "pyarrow", "scipy", "scikit-learn", "pillow", "pydantic", "attrs"]
TABLE = ROOT / "docs" / "comparison.md"
README = ROOT / "README.md"
# What stands between these lines of README.md is written here.
BEGIN, END = "<!-- comparison -->\n", "<!-- end of comparison -->\n"
PASSED = "passed"
NOT_APPLICABLE = "n/a"


class Devstash:
    """This project, under the same Python and judged as the peers are: by what is printed and what is executed."""

    title = "devstash"
    strict = False
    able = None  # all that scenarios can ask for

    def __init__(self, python, home):
        self.python = python
        self.home = home
        self.binary = os.environ.get("DEVSTASH_BIN") or built()
        self.version = output([self.binary, "--version"]).split()[-1]

    def script(self, text):
        return text

    tally = script

    def environment(self, root):
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "LANG": "C.UTF-8",
        }

    def argv(self, script, args):
        return [self.binary, "run", "--python", str(self.python), script, *args]

    def age(self, folder, seconds):
        for path in (folder / ".devstash_cache").glob("*.pkl"):
            now = path.stat()
            os.utime(path, (now.st_atime - seconds, now.st_mtime - seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", help="only this one (may be repeated)")
    parser.add_argument("--only", default="", help="only scenarios whose theme and name contain this")
    parser.add_argument("--fresh", action="store_true", help="forget what is known of the peers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--readme", action="store_true", help="put what docs/comparison.md says into README.md")
    options = parser.parse_args()
    if options.readme:
        summarise()
        return 0

    python = environment()
    memory = Memory(python.parent.parent / "results.json", options.fresh or bool(options.peer))
    scenarios = [scenario for scenario in load_all() if options.only in scenario.id]
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        subjects, absent = find_subjects(python, Path(folder), options.peer)
        results = {}
        for subject in subjects:
            print("\n%s %s" % (subject.title, subject.version), flush=True)
            results[subject] = play_all(subject, scenarios, python, Path(folder), options, memory)
            print("  " + ", ".join("%d %s" % (n, kind) for kind, n in sorted(count(results[subject]).items())))
    for name, reason in absent:
        print("\n%s: cannot be had: %s" % (name, reason))
    if options.peer or options.only:
        return 0
    text = page(results, absent, scenarios, python)
    TABLE.write_text(text, encoding="utf-8")
    summarise()
    print("\n" + text)
    return 0


def find_subjects(python, folder, wanted):
    """devstash and every peer that can be installed; and those that cannot, with the reason."""
    subjects, absent = [], []
    home = folder / "home"
    home.mkdir()
    if not wanted or "devstash-run" in wanted:
        subjects.append(Devstash(python, home))
    for kind in PEERS:
        if wanted and kind.name not in wanted:
            continue
        title = getattr(kind, "title", kind.name)
        reason = None
        if version_of(python, kind.package) is None:
            reason = install(python, getattr(kind, "requirement", kind.package))
        if reason is not None:
            absent.append((title, reason))
            continue
        peer = kind(python, home)
        peer.title = title
        peer.version = version_of(python, kind.package)
        subjects.append(peer)
    return subjects, absent


def play_all(subject, scenarios, python, folder, options, memory):
    """What came of each scenario: passed, wrong, repeated or n/a."""
    installed = set(output([python, "-c", INSTALLED]).split())
    release = output([python, "-c", "import platform; print(platform.python_version())"]).strip()
    version = tuple(map(int, release.split(".")[:2]))

    def one(scenario):
        if not holds(scenario.python, version) or not installed.issuperset(scenario.packages):
            return scenario, NOT_APPLICABLE, None
        if subject.able is not None and not scenario.needs <= subject.able:
            return scenario, NOT_APPLICABLE, None
        known = memory.get(subject, scenario, release)
        if known is not None:
            return scenario, known, None
        with tempfile.TemporaryDirectory(dir=str(folder)) as root:
            fault = play(scenario, subject, Path(root) / "scenario")
        kind = PASSED if fault is None else fault.kind
        memory.put(subject, scenario, release, kind)
        return scenario, kind, fault

    found = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for scenario, kind, fault in pool.map(one, scenarios):
            found[scenario.id] = kind
            if fault is not None:
                first = str(fault).splitlines()[0][:140]
                print("  %-8s %s: %s" % (kind, scenario.id, first), flush=True)
                if options.peer and fault.stderr:
                    print("           " + fault.stderr.strip().splitlines()[-1][:140])
    memory.save()
    return found


class Memory:
    """What came of scenarios with peers before. devstash is in the making and never remembered."""

    def __init__(self, path, forget):
        self.path = path
        self.known = {}
        if path.exists() and not forget:
            self.known = json.loads(path.read_text())
        self.rules = "".join((HERE / name).read_text() for name in ("player.py", "tally.py"))
        self.rules += inspect.getsource(Peer) + inspect.getsource(Rewriting)

    def key(self, subject, scenario, release):
        adapter = inspect.getsource(type(subject))
        parts = [subject.title, subject.version, release, self.rules, adapter, repr(scenario.steps)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def get(self, subject, scenario, release):
        return None if subject.able is None else self.known.get(self.key(subject, scenario, release))

    def put(self, subject, scenario, release, kind):
        if subject.able is not None:
            self.known[self.key(subject, scenario, release)] = kind

    def save(self):
        self.path.write_text(json.dumps(self.known, indent=0, sort_keys=True))


def count(found):
    return Counter(found.values())


# --- the table ------------------------------------------------------------------------------------------------------

INTRODUCTION = """# devstash and its peers

Every scenario is a small program, run two or more times with edits in between; it says what must be printed in each
run, which calls must be made and which must not. The scenarios are data (tests/conformance/scenarios), written for
this comparison and for devstash's own tests; {command} plays them with all and writes this page.

Peers are used in the plainest way that their documentation gives: the decorator on the function, or Python
devstash's markers. Scenarios about something that a peer does not offer (an option, an expression as a mark) are n/a
for it and count nowhere. So are scenarios that need a package that is not installed.
tests/conformance/adapters.py has what each peer is declared able to do.

Read it with this in mind: the scenarios say what devstash promises, and devstash was mended wherever it failed one;
nobody has had the chance to do that for the peers, some of which never set out to notice edits or receivers.

A cell is: scenarios passed / scenarios that apply. Below are the two ways to fail: a **wrong answer** (the program
printed something else than it does without a cache, failed, or a call was not made that had to be), and a call **made
again** whose result had been kept or could have been.

"""


def page(results, absent, scenarios, python):
    subjects = list(results)
    head = ["theme"] + ["%s %s" % (subject.title, subject.version) for subject in subjects]
    rows = []
    for theme in sorted({scenario.theme for scenario in scenarios}):
        ids = [scenario.id for scenario in scenarios if scenario.theme == theme]
        rows.append([theme.replace("_", " ")] + [cell(results[subject], ids) for subject in subjects])
    every = [scenario.id for scenario in scenarios]
    rows.append(["**all**"] + ["**%s**" % cell(results[subject], every) for subject in subjects])
    for title, kind in (("wrong answers", WRONG), ("made again", REPEATED), ("n/a", NOT_APPLICABLE)):
        rows.append([title] + [str(count(results[subject])[kind]) for subject in subjects])
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * len(subjects)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    version = output([python, "-c", "import platform; print(platform.python_version())"]).strip()
    text = INTRODUCTION.format(command="`python tests/conformance/peers.py`") + "\n".join(lines) + "\n"
    text += "\n%d scenarios, on Python %s.\n" % (len(scenarios), version)
    for name, reason in absent:
        text += "\n%s could not be installed: %s\n" % (name, reason)
    return text


SUMMARY = """{count} small programs, each run two or more times with edits in between, say what must be printed and which calls
must be made. They are ours, written for devstash's tests, and devstash was mended wherever it failed one; its peers are
used in the plainest way that their documentation gives, and some of them never set out to notice edits. What a peer
does not offer is n/a for it and counts nowhere.

{table}

`python tests/conformance/peers.py` plays them all and writes this table; [docs/comparison.md](docs/comparison.md) has
it by themes.
"""


def summarise():
    """Put the sums of docs/comparison.md, a line for each subject, into README.md."""
    text = TABLE.read_text(encoding="utf-8")
    rows = [[part.strip(" *") for part in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    held = {row[0]: row[1:] for row in rows}
    lines = ["| | passed | wrong answers | made again | n/a |", "| --- | ---: | ---: | ---: | ---: |"]
    for place, title in enumerate(held["theme"]):
        sums = [held[name][place] for name in ("all", "wrong answers", "made again", "n/a")]
        lines.append("| " + " | ".join([title, *sums]) + " |")
    summary = SUMMARY.format(count=re.search(r"^(\d+) scenarios", text, re.M).group(1), table="\n".join(lines))
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    if not rest:
        raise SystemExit("README.md has no line `%s`" % BEGIN.strip())
    README.write_text(before + BEGIN + summary + END + after, encoding="utf-8")


def cell(found, ids):
    kinds = Counter(found[one] for one in ids)
    applicable = len(ids) - kinds[NOT_APPLICABLE]
    return "%d/%d" % (kinds[PASSED], applicable) if applicable else "–"


# --- the environment ------------------------------------------------------------------------------------------------

INSTALLED = """
import importlib.util
print(*[n for n in "numpy pandas polars pyarrow scipy sklearn PIL pydantic attr".split() if importlib.util.find_spec(n)])
"""


def environment():
    """The Python of a virtual environment for this purpose, made when it is not there."""
    folder = ROOT / ".venvs" / ("peers-%d.%d" % sys.version_info[:2])
    python = folder / "bin" / "python"
    if not python.exists():
        print("making %s" % folder.relative_to(ROOT), flush=True)
        venv.create(folder, with_pip=True)
    wanted = [package for package in PACKAGES if version_of(python, package) is None]
    if wanted and install(python, *wanted) is not None:
        for package in wanted:  # one without a release for this Python must not take the others with it
            install(python, package)
    return python


def install(python, *requirements):
    """Install requirements; None, or the last line of why not."""
    argv = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else (done.stdout.strip().splitlines() or ["pip failed"])[-1]


def version_of(python, package):
    """The installed version, or None."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    done = subprocess.run([str(python), "-c", code, package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip() if done.returncode == 0 else None


def built():
    """The release binary, built now if need be."""
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=str(ROOT), check=True)
    return str(ROOT / "target" / "release" / "devstash")


def output(argv):
    return subprocess.run([str(part) for part in argv], stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
