"""Reads scenario files: what was run, what was edited between the runs, and what must hit and what must run.

A file of scenarios/ is one theme. Its text is data, not code:

    === a helper in the same file is edited
    python: >=3.10                  only there (optional)
    packages: numpy pandas          skipped where one of them is not installed (optional)
    needs: method ttl               abilities that a peer must declare, or the scenario is n/a for it (optional)
    open: what is missing           right, but not yet so: expected to fail (optional)
    --- main.py                     a file; main.py is the script, the others lie beside it
    from tally import ran
    ...
    out = work(2)  # @devstash
    --- run                         a run; `--- run SEED=1 A=b : arg arg` sets variables and arguments
    > 3                             a line of its stdout; all of it must be given
    ran: work                       which marked bodies were executed, in order; `-` for none, `*` for either;
                                        `work?` for what devstash executes and a peer need not
    --- edit main.py                lines to find (exactly once) and what to put there instead
    - return x + 1
    + return x + 2
    --- undo                        take the last edit back
    --- write data.csv              replace or make a whole file
    --- remove data.csv
    --- age 2h                      make all entries look that much older

Lines of a run that begin with `status:` give its exit status (0 unless given), those with `stderr:` a part of what
must be on stderr (which is empty unless given; `*` allows anything).

For values there is a short form, in which each line is an expression and `setup` is the code before it:

    === int, bool and float
    --- setup                       (optional)
    --- different                   each of them is computed, none of them twice
    1
    True
    --- same                        one entry serves all of them
    {1, 2, 3}
    {3, 2, 1}

The second run of the short form has another hash seed, and nothing may be executed in it.
"""

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "scenarios"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

VALUES = """\
from tally import ran
{setup}

def work(value):
    ran("work")
    return "done"

def different():
{different}

def same():
{same}

for values in (different, same):
    for value in values():
        out = work(value)  # @devstash
print("done")
"""


class Malformed(Exception):
    """A scenario that cannot be read, with its file and line."""


@dataclass
class Run:
    """One start of the script and what it must do."""

    env: dict = field(default_factory=dict)
    args: list = field(default_factory=list)
    stdout: str = ""
    ran: list = None
    lenient: bool = False
    status: int = 0
    stderr: list = field(default_factory=list)


@dataclass
class Change:
    """What happens to the folder between two runs. `kind` is write, edit, undo, remove or age."""

    kind: str
    name: str = ""
    text: str = ""
    new: str = ""


@dataclass
class Scenario:
    theme: str
    name: str
    line: int
    python: str = ""
    packages: list = field(default_factory=list)
    open: str = ""
    needs: set = field(default_factory=set)
    steps: list = field(default_factory=list)

    @property
    def id(self):
        return "%s: %s" % (self.theme, self.name)

    @property
    def runs(self):
        return [step for step in self.steps if isinstance(step, Run)]

    def files(self):
        """The files that are there before the first run."""
        found = {}
        for step in self.steps:
            if isinstance(step, Run):
                break
            found[step.name] = step.text
        return found


def load_all():
    """Every scenario there is, in the order of files and lines."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        found.extend(load(path))
    names = [scenario.id for scenario in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Malformed("two scenarios have one name: %s" % ", ".join(sorted(twice)))
    return found


def load(path):
    """The scenarios of one file."""
    found = []
    block = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("=== "):
            found.append(Scenario(path.stem, line[4:].strip(), number))
            block = None
            blocks = found[-1].steps
        elif not found:
            continue  # what is above the first scenario is for the reader
        elif line.startswith("--- "):
            block = (line[4:].strip(), [], number)
            blocks.append(block)
        elif block is not None:
            block[1].append(line)
        elif line.strip():
            _attribute(found[-1], line, path, number)
    for scenario in found:
        scenario.steps = _steps(scenario.steps, path)
        if not scenario.runs or "main.py" not in scenario.files():
            raise Malformed("%s:%d: no run, or no main.py" % (path, scenario.line))
    return found


def _attribute(scenario, line, path, number):
    name, colon, value = line.partition(":")
    value = value.strip()
    if name in ("python", "open"):
        setattr(scenario, name, value)
    elif name == "packages":
        scenario.packages = value.split()
    elif name == "needs":
        scenario.needs = set(value.split())
    else:
        raise Malformed("%s:%d: what is `%s`?" % (path, number, line))


def _steps(blocks, path):
    if any(head in ("different", "same") for head, _, _ in blocks):
        return _values({head: lines for head, lines, _ in blocks})
    steps = []
    for head, lines, number in blocks:
        place = "%s:%d" % (path, number)
        word, _, rest = head.partition(" ")
        rest = rest.strip()
        if word == "run":
            steps.append(_run(rest, lines, place))
        elif word == "edit":
            old = _chosen(lines, "-", place)
            new = _chosen(lines, "+", place)
            steps.append(Change("edit", rest, old, new))
        elif word in ("undo", "remove"):
            steps.append(Change(word, rest))
        elif word == "age":
            steps.append(Change("age", text=str(int(rest[:-1]) * SECONDS[rest[-1]])))
        else:
            name = rest if word == "write" else head
            steps.append(Change("write", name, _text(lines)))
    return steps


def _text(lines):
    """A file's lines without the empty ones that part it from the next block."""
    return "\n".join(lines).rstrip("\n") + "\n"


def _chosen(lines, sign, place):
    """The lines of an edit that begin with a sign; one space after it is not text."""
    for line in lines:
        if line.strip() and line[0] not in "-+":
            raise Malformed("%s: `%s` is neither removed nor added" % (place, line))
    return "\n".join(_after_sign(line) for line in lines if line.startswith(sign))


def _run(head, lines, place):
    run = Run()
    settings, _, args = head.partition(":")
    run.args = args.split()
    for word in settings.split():
        name, _, value = word.partition("=")
        run.env["PYTHONHASHSEED" if name == "SEED" else name] = value
    for line in lines:
        if line.startswith(">"):
            run.stdout += _after_sign(line) + "\n"
        elif line.startswith("ran:"):
            words = line[4:].split()
            run.ran = None if words == ["*"] else [] if words == ["-"] else [word.rstrip("?") for word in words]
            run.lenient = any(word.endswith("?") for word in words)
            if not words:
                raise Malformed("%s: `ran:` names nothing; `-` stands for none" % place)
        elif line.startswith("status:"):
            run.status = int(line[7:])
        elif line.startswith("stderr:"):
            run.stderr.append(line[7:].strip())
        elif line.strip():
            raise Malformed("%s: what is `%s`?" % (place, line))
    if not any(line.startswith("ran:") for line in lines):
        raise Malformed("%s: a run without `ran:`" % place)
    return run


def _values(blocks):
    """The short form, written out."""
    counted = 0
    bodies = {}
    for head in ("different", "same"):
        lines = [line for line in blocks.get(head, ()) if line.strip()]
        counted += len(lines) if head == "different" else bool(lines)
        bodies[head] = "\n".join("    yield " + line for line in lines) or "    return ()"
    setup = textwrap.dedent(_text(blocks.get("setup", [])))
    script = VALUES.format(setup=setup, **bodies)
    first = Run({"PYTHONHASHSEED": "1"}, [], "done\n", ["work"] * counted)
    second = Run({"PYTHONHASHSEED": "2"}, [], "done\n", [])
    return [Change("write", "main.py", script), first, second]


def holds(requirement, version):
    """Whether `>=3.10` (or several of them, with spaces) holds for a version such as (3, 12)."""
    for word in requirement.split():
        operator, number = re.fullmatch(r"(>=|<|==)(\d+\.\d+)", word).groups()
        wanted = tuple(int(part) for part in number.split("."))
        if not {">=": version >= wanted, "<": version < wanted, "==": version == wanted}[operator]:
            return False
    return True


def _after_sign(line):
    """What follows the sign of a line; one space in between is not text."""
    return line[2:] if line[1:2] == " " else line[1:]
