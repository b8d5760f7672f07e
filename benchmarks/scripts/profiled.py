"""Hits under cProfile: `profiled.py N`; the second time it runs, the functions with the most time of their own."""

import cProfile
import os
import pstats
import sys


def look_up(number):
    os.write(9, b".")
    return {"number": number, "name": "row %d" % number, "values": [number, number + 1, number + 2]}


def hits(count):
    for number in range(count):
        look_up(number)  # @devstash


count = int(sys.argv[1])
hits(1)
profile = cProfile.Profile()
profile.runcall(hits, count)
found = []
for (file, line, name), (_, calls, own, _, _) in pstats.Stats(profile).stats.items():
    found.append((own / count, calls / count, "%s: %s" % (os.path.basename(file), name) if line else name))
print({"functions": sorted(found, reverse=True)[:15]})
