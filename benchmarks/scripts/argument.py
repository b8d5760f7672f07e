"""A large argument of a marked call that hits: `argument.py KIND SIZE [changed]`. Nearly all the time is the key's."""

import os
import sys
from time import perf_counter_ns as clock


def size(value):
    os.write(9, b".")
    return len(value)


def ints(count):
    return [number * 7919 for number in range(count)]


def strings(count):
    return ["item number %d" % number for number in range(count)]


def mapping(count):
    return {"key %d" % number: number for number in range(count)}


def records(count):
    return [
        {"id": number, "name": "record %d" % number, "tags": ["a", "b"], "place": {"x": number / 7, "y": number % 11}}
        for number in range(count)
    ]


def array(count):
    import numpy

    return numpy.random.default_rng(1).random(count // 8)


def frame(count):
    import numpy
    import pandas

    random = numpy.random.default_rng(1)
    return pandas.DataFrame({"number": random.integers(0, 1000, count), "price": random.random(count)})


def change(value):
    """Change one element in the middle, and only there."""
    middle = len(value) // 2
    if kind == "frame":
        value.loc[middle, "price"] = -1.0
    elif kind == "mapping":
        value["key %d" % middle] = -1
    elif kind == "records":
        value[middle]["place"]["x"] = -1.0
    else:
        value[middle] = "another" if kind == "strings" else -1


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


kind, count = sys.argv[1], int(sys.argv[2])
make = {"ints": ints, "strings": strings, "mapping": mapping, "records": records, "array": array, "frame": frame}[kind]
small = make(80)
first = size(small)  # @devstash
resident = status("VmRSS")
value = make(count)
forget_peak()
held = status("VmRSS")
start = clock()
answer = size(value)  # @devstash
took = clock() - start
peak = status("VmHWM")
if sys.argv[3:]:
    change(value)
    answer = size(value)  # @devstash
print({"key": took / 1e9, "memory": (peak - resident) / max(1, held - resident)})
