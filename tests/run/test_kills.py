"""Runs that are killed at any instant, and disks that are full: no wrong value, no damaged entry, nobody blocked."""

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import without_privileges

PROCESSES = 8
KEYS = 64
# DEVSTASH_KILLS=60 kills for a minute.
SECONDS = float(os.environ.get("DEVSTASH_KILLS", "8"))
ENOUGH = 50

SCRIPT = """
import random, sys

def work(key):
    rng = random.Random(key)
    return {"key": key, "rows": [rng.random() for _ in range(200)], "bytes": bytes([key]) * (key * 4000)}

keys = list(range(int(sys.argv[1])))
random.Random(sys.argv[2]).shuffle(keys)
found = {}
for key in keys:
    value = work(key)  # @devstash
    if value["key"] != key or len(value["bytes"]) != key * 4000 or value["rows"][0] != random.Random(key).random():
        sys.exit(f"wrong: {key}")
    found[key] = value["rows"][-1]
print(len(found))
"""


def start(stash, seed):
    return subprocess.Popen(
        stash.argv("s.py", str(KEYS), str(seed)),
        cwd=stash.folder,
        env=stash.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_random_kills(stash):
    stash.write("s.py", SCRIPT)
    chance = random.Random(4)
    runs = [start(stash, seed) for seed in range(PROCESSES)]
    seed = PROCESSES
    kills = 0
    begun = time.monotonic()
    said = []
    # A busy machine gets its number of kills, too.
    while time.monotonic() < begun + SECONDS or (kills < ENOUGH and time.monotonic() < begun + 120):
        time.sleep(chance.random() * 0.06)
        place = chance.randrange(PROCESSES)
        run = runs[place]
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
            kills += 1
        printed, told = run.communicate(timeout=60)
        assert run.returncode in (0, -signal.SIGKILL), told
        said.append(told)
        if chance.random() < 0.02:
            shutil.rmtree(stash.cache, ignore_errors=True)
        runs[place] = start(stash, seed)
        seed += 1
    for run in runs:
        printed, told = run.communicate(timeout=100)
        assert (printed, run.returncode) == (f"{KEYS}\n", 0), told
        said.append(told)
    assert kills >= ENOUGH
    told = {line for text in said for line in text.splitlines()}
    lost = ("damaged", "not kept")
    assert not [line for line in told if any(word in line for word in lost)], told
    # Nothing is damaged, and the next run finds it all.
    outcome = stash.run("s.py", str(KEYS), "x", options=["-v"])
    assert outcome.stdout == f"{KEYS}\n"
    assert outcome.stderr.count(" hit work") == KEYS, outcome.stderr
    listed = stash.devstash("list")
    assert listed.status == 0 and "damaged" not in listed.stdout + listed.stderr, listed
    # What killed writers have left goes with a day, and with it the locks.
    for folder in (".tmp", ".locks"):
        for path in Path(stash.cache, folder).iterdir():
            os.utime(path, (0, 0))
    stash.write("other.py", "print(len('x'))  # @devstash\n" + SCRIPT.replace("key * 4000", "key * 3000"))
    assert stash.run("other.py", "2", "y").status == 0
    assert not list(Path(stash.cache, ".tmp").iterdir())
    assert not list(Path(stash.cache, ".locks").iterdir())


LIMITED = """
import sys

def work(key):
    return [key] * 1000 + ["x" * int(sys.argv[1])]

for key in range(4):
    value = work(key)  # @devstash
    assert value == [key] * 1000 + ["x" * int(sys.argv[1])]
print("right")
"""


def test_a_full_disk_loses_nothing(stash):
    stash.write("s.py", LIMITED)
    assert stash.ok("s.py", "10") == "right\n"
    before = stash.entries()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    outcome = stash.run("s.py", "3000000", preexec_fn=limit)
    assert (outcome.stdout, outcome.status) == ("right\n", 0), outcome
    assert "not kept" in outcome.stderr
    assert stash.entries() == before
    assert stash.left_over(stash.cache / ".tmp") == []
    assert stash.ok("s.py", "10") == "right\n"


def test_an_unwritable_folder(stash):
    stash.write("s.py", LIMITED)
    assert stash.ok("s.py", "10") == "right\n"
    before = stash.entries()
    stash.cache.chmod(0o500)
    try:
        drop = without_privileges(stash.cache)
        for size in ("10", "11"):
            outcome = stash.run("s.py", size, preexec_fn=drop)
            assert (outcome.stdout, outcome.status) == ("right\n", 0), outcome
    finally:
        stash.cache.chmod(0o700)
    assert stash.entries() == before


def test_locks_in_a_place_where_none_can_be_made(stash):
    stash.write("s.py", LIMITED)
    assert stash.ok("s.py", "10") == "right\n"
    shutil.rmtree(stash.cache / ".locks")
    (stash.cache / ".locks").write_text("")
    outcome = stash.run("s.py", "11")
    assert (outcome.stdout, outcome.status) == ("right\n", 0), outcome


@pytest.mark.parametrize("part", [0, 1, 100, -1])
def test_truncated_entries_are_misses(stash, part):
    stash.write("s.py", LIMITED)
    assert stash.ok("s.py", "10") == "right\n"
    entries = stash.entries()
    data = entries[1].read_bytes()
    entries[1].write_bytes(data[:part])
    outcome = stash.run("s.py", "10", options=["-v"])
    assert (outcome.stdout, outcome.status) == ("right\n", 0), outcome
    assert outcome.stderr.count(" hit ") == 3
    assert stash.ok("s.py", "10") == "right\n"
