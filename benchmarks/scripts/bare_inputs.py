"""What a trace of many files needs at least: `bare_inputs.py COUNT`, one stat for each."""

import os
import sys
from time import perf_counter_ns as clock

count = int(sys.argv[1])
times = []
for _ in range(5):
    start = clock()
    for number in range(count):
        os.stat("../inputs/%d.txt" % number)
    times.append((clock() - start) / 1e9)
print({"first": times[0], "again": sorted(times[1:])[2]})
