"""An array that a hit gave is the argument of the next marked call: `pipeline.py SIZE`."""

import os
import sys
from time import perf_counter_ns as clock

import numpy


def make(count):
    os.write(9, b".")
    return numpy.random.default_rng(1).random(count)


def size(value):
    os.write(9, b".")
    return len(value)


first = size(numpy.zeros(8))  # @devstash
array = make(int(sys.argv[1]) // 8)  # @devstash
start = clock()
answer = size(array)  # @devstash
print({"key": (clock() - start) / 1e9})
