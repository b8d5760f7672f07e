"""Where the time goes: the imports of a run with one hit, the launcher's instructions, the functions of a hit."""

import os
import re
import shutil
import subprocess
from collections import Counter

from subjects import script

TOP = 15


def imports(bench):
    """Rows of (module, own microseconds, with all that it imports), and the sum, of a run with one hit."""
    place = bench.place(bench.devstash, script("start_hit"))
    place.run()
    place.hit()
    argv = place.argv()
    argv[2:2] = ["-X", "importtime"]
    found = {}
    sums = []
    for _ in range(5 if bench.sizes.rounds > 1 else 1):
        done = subprocess.run(argv, cwd=place.work, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        total = 0
        for line in done.stderr.decode().splitlines():
            match = re.match(r"import time: +(\d+) \| +(\d+) \| +(\S+)", line)
            if match:
                own, all_of_it, name = int(match[1]), int(match[2]), match[3]
                total += own
                found.setdefault(name, []).append((own, all_of_it))
        sums.append(total)
    # The quickest of five: what others do on the machine only adds.
    rows = [(name, min(times)[0], min(times)[1]) for name, times in found.items()]
    ours = sum(own for name, own, _ in rows if name.partition(".")[0] == "devstash")
    return sorted(rows, key=lambda row: -row[1])[:TOP], min(sums), ours, len(rows)


def launcher(bench, binary):
    """The launcher's instructions up to the exec: their number, and rows of (function, object, instructions)."""
    if shutil.which("valgrind") is None:
        return None
    place = bench.place(bench.devstash, script("start_hit"))
    place.run()
    place.hit()
    out = place.root / "callgrind"
    # What was counted is written when the launcher is about to become Python: there is no other end of it.
    options = ["--tool=callgrind", "--callgrind-out-file=%s" % out, "--dump-before=exec*", "--trace-children=no"]
    argv = ["valgrind", *options, binary or bench.devstash.binary, *place.argv()[1:]]
    subprocess.run(argv, cwd=place.work, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    dumps = [path for path in place.root.glob("callgrind*") if path.stat().st_size]
    total, functions, objects = 0, Counter(), {}
    for path in dumps:
        argv = ["callgrind_annotate", "--threshold=100", path]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in done.stdout.splitlines():
            match = re.match(r" *([\d,]+) +\(.*?%\) +(.*)", line)
            if match is None:
                continue
            count = int(match[1].replace(",", ""))
            if match[2] == "PROGRAM TOTALS":
                total += count
                continue
            # A function has a line for each file that parts of it come from, and only one of them names the object.
            name, found = function_name(match[2])
            functions[name] += count
            objects[name] = found or objects.get(name, "")
    rows = [(name, objects[name], count) for name, count in functions.most_common(TOP)]
    return total, rows, in_objects(functions, objects)


def in_objects(functions, objects):
    """Pairs of an object (the program, a library, the loader) and its instructions."""
    sums = Counter()
    for name, count in functions.items():
        sums[objects[name] or "elsewhere"] += count
    return sums.most_common()


def function_name(text):
    """The function and the object of `FILE:FUNCTION [OBJECT]`, without the paths of this machine."""
    text, _, found = text.partition(" [")
    name = text.partition(":")[2] or text
    return "without a name" if name.startswith("0x") else name, os.path.basename(found.rstrip("]"))


def functions(bench):
    """Rows of (seconds of its own, calls, function), all for one hit, first touch, under cProfile."""
    place = bench.place(bench.devstash, script("profiled"))
    place.run(bench.sizes.calls)
    return place.hit(bench.sizes.calls).figures["functions"]
