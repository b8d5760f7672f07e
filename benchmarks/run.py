#!/usr/bin/env python3
"""Measures devstash against its peers and against what the machine can do, and writes docs/benchmarks.md.

    ./dev bench                 everything; it takes the better part of an hour, on a quiet machine, please
    ./dev bench --only hit      only this row (may be repeated); the table is printed, nothing is written
    ./dev bench --quick         seconds: whether every row works; small sizes, no peers, nothing is written

Started by itself it needs DEVSTASH_BIN, the devstash to measure, and is run by the Python to measure with. The peers
are those of tests/conformance/peers.py, in its virtual environment.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import machine
import report
import subjects
import whereabouts
from bench import GIB, MIB, QUICK, Bench, Sizes
from rows import ROWS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, no peers, no page")
    parser.add_argument("--only", action="append", metavar="ROW", choices=[*ROWS, "profiles"], help=", ".join(ROWS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=N", help="another size; see bench.Sizes")
    parser.add_argument("--symbols", metavar="BINARY", help="a devstash with symbols, for callgrind")
    parser.add_argument("--json", metavar="FILE", help="write all figures into this file as well")
    parser.add_argument("--rows", action="store_true", help="only print the names of the rows")
    options = parser.parse_args()
    if options.rows:
        print(*ROWS)
        return 0

    sizes = QUICK if options.quick else Sizes(large=large_size())
    changed = (part.partition("=") for part in options.set)
    sizes = dataclasses.replace(sizes, **{name: int(value) for name, _, value in changed})
    with tempfile.TemporaryDirectory(prefix="devstash-bench-") as folder:
        bench, absent = make_bench(Path(folder), sizes, not options.quick)
        described = machine.described(bench.python, folder, versions(bench))
        lines = []
        for name, row in ROWS.items():
            if options.only and name not in options.only:
                continue
            start = time.perf_counter()
            lines += row(bench)
            bench.tidy()
            bench.say("%s: %.1f s" % (name, time.perf_counter() - start))
        profiles = None
        if not options.only or "profiles" in options.only:
            bench.say("profiles")
            profiles = {
                "imports": whereabouts.imports(bench),
                "launcher": None if options.quick else whereabouts.launcher(bench, options.symbols),
                "functions": whereabouts.functions(bench),
            }
    if options.json:
        Path(options.json).write_text(json.dumps([dataclasses.asdict(line) for line in lines], indent=1))
    text = report.page(lines, described, sizes, scale_of(sizes), profiles)
    for title, reason in absent:
        text += "\n%s could not be installed: %s\n" % (title, report.escaped(reason))
    if options.quick or options.only or options.set:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
        bench.say("written: docs/benchmarks.md")
    return 0


def make_bench(folder, sizes, with_peers):
    """The bench, in a folder of its own; and the peers that cannot be had."""
    if not os.environ.get("DEVSTASH_BIN"):
        raise SystemExit("DEVSTASH_BIN is not set: run this with ./dev bench")
    python = subjects.peers.environment() if with_peers else Path(sys.executable)
    devstash, plain, peers, absent = subjects.find(python, folder, with_peers)
    return Bench(python, folder, sizes, devstash, plain, peers), absent


def large_size():
    """1 GiB where there are 16 GiB of memory, and less on smaller machines: peers need a value several times."""
    step = 64 * MIB
    return max(step, min(GIB, machine.memory() // 14 // step * step))


def scale_of(sizes):
    text = f"large values of %d MiB, {sizes.entries:,} entries" % (sizes.large // MIB)
    return text + f" and {sizes.entries:,} marked calls in one process"


def versions(bench):
    found = [(subject.title, subject.version) for subject in [bench.devstash, *bench.peers]]
    return found + machine.package_versions(bench.python, ["numpy", "pandas", "pyarrow"])


if __name__ == "__main__":
    sys.exit(main())
