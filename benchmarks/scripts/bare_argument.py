"""What argument.py keys, by hand: `bare_argument.py KIND SIZE`; the C pickler without memo, alone and with SHA-256,
and for an array SHA-256 on all cores."""

import hashlib
import os
import sys
import threading
from _pickle import Pickler
from time import perf_counter_ns as clock


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


def frame(count):
    import numpy
    import pandas

    random = numpy.random.default_rng(1)
    return pandas.DataFrame({"number": random.integers(0, 1000, count), "price": random.random(count)})


class Into:
    """A file for the pickler."""

    def __init__(self, take):
        self.write = take


def ignored(part):
    pass


def pickled(value, take):
    start = clock()
    pickler = Pickler(Into(take), 5)
    pickler.fast = True
    pickler.dump(value)
    return (clock() - start) / 1e9


def hashed(view):
    """A digest for each of as many parts as there are processors, each by a thread: hashlib lets go of the GIL."""
    workers = os.cpu_count() or 1
    step = -(-len(view) // workers)

    def part(place):
        hashlib.sha256(view[place : place + step]).digest()

    threads = [threading.Thread(target=part, args=(place,)) for place in range(0, len(view), step)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


kind, count = sys.argv[1], int(sys.argv[2])
if kind == "array":
    import numpy

    view = memoryview(numpy.random.default_rng(1).random(count // 8)).cast("B")
    start = clock()
    hashed(view)
    all_cores = (clock() - start) / 1e9
    start = clock()
    hashlib.sha256(view).digest()
    print({"cores": all_cores, "one": (clock() - start) / 1e9})
else:
    makers = {"ints": ints, "strings": strings, "mapping": mapping, "records": records, "frame": frame}
    value = makers[kind](count)
    pickled([1], ignored)
    print({"pickler": pickled(value, ignored), "hashed": pickled(value, hashlib.sha256().update)})
