"""Memory that marked calls leave behind in one process: `growth.py COUNT SECONDS`, at most so many for so long."""

import os
import sys
from time import perf_counter


def look_up(number):
    os.write(9, b".")
    return {"number": number, "name": "row %d" % number, "values": [number, number + 1, number + 2]}


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


count, seconds = int(sys.argv[1]), float(sys.argv[2])
# What is set up once, for the first calls, is not growth.
settled = min(1000, count // 2)
before = resident()
made = 0
start = perf_counter()
while made < count and (made % 100 or perf_counter() - start < seconds):
    value = look_up(made)  # @devstash
    made += 1
    if made == settled:
        before = resident()
took = perf_counter() - start
print({"made": made, "growth": resident() - before, "each": took / made})
