"""A call that reads many files: `inputs.py COUNT`; they lie in the folder `inputs` beside the working folder."""

import os
import sys
from time import perf_counter_ns as clock


def read_all(folder, count):
    os.write(9, b".")
    total = 0
    for number in range(count):
        with open("%s/%d.txt" % (folder, number)) as file:
            total += len(file.read())
    return total


count = int(sys.argv[1])
times = []
for _ in range(5):
    start = clock()
    total = read_all("../inputs", count)  # @devstash
    times.append((clock() - start) / 1e9)
print({"first": times[0], "again": sorted(times[1:])[2]})
