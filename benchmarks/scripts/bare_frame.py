"""What large_frame.py loads, by hand: a pickle whose buffers lie in a mapped file. `bare_frame.py ROWS`."""

import mmap
import os
import pickle
import sys
from time import perf_counter_ns as clock

import numpy
import pandas


def make(rows):
    random = numpy.random.default_rng(1)
    number = random.integers(0, 1_000_000, rows)
    return pandas.DataFrame(
        {
            "number": number,
            "price": random.random(rows),
            "share": random.random(rows),
            "sold": number % 3 == 0,
            "when": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(number, unit="s"),
            "name": pandas.Series(number).astype("str"),
        }
    )


def save(frame):
    """The buffers one by one, each at a multiple of 64; where they are, and the pickle that wants them."""
    buffers = []
    proper = pickle.dumps(frame, protocol=5, buffer_callback=buffers.append)
    table = []
    with open("kept", "wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % 64))
            raw = buffer.raw()
            table.append((file.tell(), raw.nbytes))
            file.write(raw)
    with open("kept.pkl", "wb") as file:
        pickle.dump((table, proper), file)


rows = int(sys.argv[1])
if not os.path.exists("kept.pkl"):
    save(make(rows))
pickle.loads(pickle.dumps(make(10)))  # imports what loading imports
start = clock()
with open("kept.pkl", "rb") as file:
    table, proper = pickle.load(file)
with open("kept", "rb") as file:
    view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
frame = pickle.loads(proper, buffers=[view[place : place + length] for place, length in table])
loaded = clock()
assert len(frame) == rows
print({"load": (loaded - start) / 1e9})
