"""Plays a scenario for one subject (devstash, plain Python, or a peer) and says where it went wrong.

A subject is an object with
    script(text)            the script as this subject wants it, from one with `# @devstash` markers
    tally(text)             the module that counts, likewise
    argv(script, args)      the command line
    environment(root)       the environment; root is a folder for this one scenario, above the working folder
    age(folder, seconds)    make what is cached look older
    strict                  whether stderr has to be what the scenario says
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scenario import Run

HERE = Path(__file__).parent
TIMEOUT = 120

# Descriptor 9 stands for the count before Python starts (see tally.py); no variable tells of it.
SHELL = ["/bin/sh", "-c", 'count=$1; shift; exec "$@" 9>>"$count"', "sh"]

# Files are made to look as if they had been written from here on.
WRITTEN = 1_700_000_000

WRONG = "wrong"
REPEATED = "repeated"


@dataclass
class Fault:
    """The first thing that was not as the scenario says."""

    # WRONG: the program printed or did something else than it should, or a call was not made that had to be.
    # REPEATED: the answer is right, but a call was made whose result had been kept.
    kind: str
    run: int
    text: str
    stderr: str = ""

    def __str__(self):
        tail = "\n--- stderr\n%s" % self.stderr if self.stderr else ""
        return "run %d: %s%s" % (self.run, self.text, tail)


class Folder:
    """A working folder, with the edits made in it."""

    def __init__(self, root, subject):
        self.work = Path(root) / "work"
        self.aside = Path(root) / "tally.d"
        self.count = Path(root) / "tally"
        self.subject = subject
        self.texts = {}
        self.undo = []
        self.time = WRITTEN
        self.work.mkdir(parents=True)
        self.aside.mkdir()
        self.env = subject.environment(Path(root))
        (self.work / "tally.py").write_text(subject.tally((HERE / "tally.py").read_text()))

    def change(self, step):
        """Do what a Change says."""
        if step.kind == "write":
            self.undo.append((step.name, self.texts.get(step.name)))
            self.write(step.name, step.text)
        elif step.kind == "edit":
            text = self.texts[step.name]
            if text.count(step.text) != 1:
                raise ValueError("%r occurs %d times in %s" % (step.text, text.count(step.text), step.name))
            self.undo.append((step.name, text))
            self.write(step.name, text.replace(step.text, step.new))
        elif step.kind == "undo":
            self.write(*self.undo.pop())
        elif step.kind == "remove":
            self.undo.append((step.name, self.texts.get(step.name)))
            self.write(step.name, None)
        elif step.kind == "age":
            self.subject.age(self.work, int(step.text))

    def write(self, name, text):
        path = self.work / name
        self.texts[name] = text
        if text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.subject.script(text) if name == "main.py" else text, encoding="utf-8")
        # Python takes old byte-code for a module of the same size and second; a person is slower than that.
        self.time += 10
        os.utime(path, (self.time, self.time))

    def run(self, step):
        """Start the script; returns what was executed and the finished process."""
        before = self.counted()
        done = subprocess.run(
            [*SHELL, str(self.count), *self.subject.argv("main.py", step.args)],
            cwd=self.work,
            env={**self.env, **step.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
        )
        return self.counted()[len(before) :], done

    def counted(self):
        lines = self.count.read_text().splitlines() if self.count.exists() else []
        return lines + [name.split(" ", 1)[1] for name in sorted(os.listdir(self.aside))]


def play(scenario, subject, root):
    """Play all of it in a new folder. Returns the first Fault, or None."""
    folder = Folder(root, subject)
    number = 0
    repeated = None
    for step in scenario.steps:
        if not isinstance(step, Run):
            folder.change(step)
            continue
        number += 1
        try:
            ran, done = folder.run(step)
        except subprocess.TimeoutExpired:
            return Fault(WRONG, number, "did not end")
        fault = judge(step, number, ran, done, subject.strict)
        if fault is not None and fault.kind == WRONG:
            return fault
        # A call made once too often is the lesser fault: a wrong answer may still follow.
        repeated = repeated or fault
    return repeated


def judge(step, number, ran, done, strict):
    """Hold one run against what it must be."""
    stdout = done.stdout.decode("utf-8", "backslashreplace")
    stderr = done.stderr.decode("utf-8", "backslashreplace")
    if done.returncode != step.status:
        return Fault(WRONG, number, "exit status %d, not %d" % (done.returncode, step.status), stderr)
    if stdout != step.stdout:
        return Fault(WRONG, number, "printed %r, not %r" % (stdout, step.stdout), stderr)
    if strict and not step.stderr and stderr:
        return Fault(WRONG, number, "stderr should be empty", stderr)
    for part in step.stderr if strict else ():
        if part != "*" and part not in stderr:
            return Fault(WRONG, number, "stderr lacks %r" % part, stderr)
    if step.ran is None or ran == step.ran:
        return None
    text = "executed %s, not %s" % (ran or "nothing", step.ran or "nothing")
    missing = list(step.ran)
    for name in ran:
        if name in missing:
            missing.remove(name)
    if missing and step.lenient and not strict:
        return None
    return Fault(WRONG if missing else REPEATED, number, text, stderr)
