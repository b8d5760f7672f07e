"""The benchmark's small mode: every row can be measured. How fast is not asked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import binary

RUN = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"
ROWS = [
    "start",
    "start-hit",
    "lines",
    "hit",
    "miss",
    "surroundings",
    "opens",
    "many",
    "array",
    "store",
    "frame",
    "key-array",
    "key-hit",
    "key-collections",
    "trace",
    "track",
]


def quick(tmp_path, row, monkeypatch):
    """The lines of one row, in small."""
    monkeypatch.setenv("DEVSTASH_BIN", binary())
    figures = tmp_path / "figures.json"
    argv = [sys.executable, str(RUN), "--quick", "--only", row, "--json", str(figures)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(figures.read_text()), done.stdout


@pytest.mark.parametrize("row", ROWS)
def test_every_line_of_the_row_has_a_figure(row, tmp_path, monkeypatch):
    lines, page = quick(tmp_path, row, monkeypatch)
    assert lines
    absent = {line["absent"] for line in lines} - {""}
    if any(reason.startswith("needs") for reason in absent):
        pytest.skip(", ".join(absent))
    assert absent <= {"not there yet"}
    measured = [line for line in lines if not line["absent"]]
    for line in measured:
        assert line["notes"] == {}, line
        assert line["values"]["devstash"], line
        if line["unit"] in ("s", "x", ""):  # memory may well not have grown
            assert all(value > 0 for values in line["values"].values() for value in values), line
        assert line["what"] in page


def test_no_row_is_left_out():
    done = subprocess.run([sys.executable, str(RUN), "--rows"], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ROWS


def test_the_profiles_are_made(tmp_path, monkeypatch):
    lines, page = quick(tmp_path, "profiles", monkeypatch)
    assert lines == []
    profiles = page.partition("## Where the time goes")[2]
    assert profiles.count("\n| `") >= 20
