"""A frame of mixed columns with strings: `large_frame.py ROWS`."""

import os
import sys
from time import perf_counter_ns as clock

import numpy
import pandas


def build(rows):
    random = numpy.random.default_rng(1)
    number = random.integers(0, 1_000_000, rows)
    return pandas.DataFrame(
        {
            "number": number,
            "price": random.random(rows),
            "share": random.random(rows),
            "sold": number % 3 == 0,
            "when": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(number, unit="s"),
            "name": pandas.Series(number).astype("str"),
        }
    )


def make(rows):
    os.write(9, b".")
    return build(rows)


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


rows = int(sys.argv[1])
build(10)  # imports what making imports
resident = status("VmRSS")
start = clock()
frame = make(rows)  # @devstash
loaded = clock()
assert len(frame) == rows
print({"load": (loaded - start) / 1e9, "resident": status("VmRSS") - resident})
