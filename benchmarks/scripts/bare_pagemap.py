"""Which pages of a mapped file were written to, as Linux tells: `bare_pagemap.py SIZE`."""

import mmap
import os
import sys
from time import perf_counter_ns as clock

import numpy

PRESENT, FILE, SWAPPED = 1 << 63, 1 << 61, 1 << 62


def written(array):
    """How many pages are present and not the file's, or swapped out."""
    first = array.ctypes.data // mmap.PAGESIZE
    count = -(-array.nbytes // mmap.PAGESIZE)
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        file.seek(first * 8)
        pages = numpy.frombuffer(file.read(count * 8), "uint64")
    changed = (pages & PRESENT != 0) & (pages & FILE == 0) | (pages & SWAPPED != 0)
    return int(changed.sum())


size = int(sys.argv[1])
if not os.path.exists("kept"):
    numpy.random.default_rng(1).random(size // 8).tofile("kept")
with open("kept", "rb") as file:
    array = numpy.frombuffer(mmap.mmap(file.fileno(), size // 8 * 8, access=mmap.ACCESS_COPY), "float64")
array.sum()  # every page is present, which is the most there is to look at
start = clock()
none = written(array)
took = clock() - start
array[0] = array[-1] = 1.0
print({"key": took / 1e9, "found": written(array) - none})
