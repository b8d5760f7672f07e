"""A large array: `large_array.py SIZE load|sum|tenth|all|store`, in bytes, and what is done with it."""

import os
import sys
from time import perf_counter_ns as clock
from time import time_ns

import numpy


def make(count):
    made = numpy.random.default_rng(1).random(count)
    # Also tells when the body is done, by the file's time: a body that asks for the time is impure to some systems.
    os.write(9, b".")
    return made


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


size, then = int(sys.argv[1]), sys.argv[2]
numpy.random.default_rng(1).random(8)  # imports what making imports
start = clock()
small = make(8192)  # @devstash
first = clock() - start
resident = status("VmRSS")
start = clock()
array = make(size // 8)  # @devstash
loaded = clock()
stored = time_ns() - os.fstat(9).st_mtime_ns
kept, peak = status("VmRSS") - resident, status("VmHWM") - resident
if then == "sum":
    array.sum()
elif then == "tenth":
    array[: len(array) // 10] = 1.0
elif then == "all":
    array += 1.0
done = clock()
assert array.nbytes == size // 8 * 8
print(
    {
        "first": first / 1e9,
        "load": (loaded - start) / 1e9,
        "use": (done - start) / 1e9,
        "store": stored / 1e9,
        "resident": kept,
        "peak": peak / size,
        "writable": bool(array.flags.writeable),
    }
)
