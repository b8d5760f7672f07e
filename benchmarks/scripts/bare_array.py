"""What large_array.py does, by hand: `bare_array.py SIZE save|map|copy load|sum|tenth|all`."""

import mmap
import os
import sys
import threading
from time import perf_counter_ns as clock

import numpy


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def mapped(fd, size):
    """The file itself, each page copied when it is written to."""
    return numpy.frombuffer(mmap.mmap(fd, size, access=mmap.ACCESS_COPY), "float64")


def copied(fd, size):
    """The file read by two threads into huge pages."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    view = memoryview(memory)

    def read(place, end):
        while place < end:
            place += os.preadv(fd, [view[place:end]], place)

    half = size // 2 // mmap.PAGESIZE * mmap.PAGESIZE
    threads = [threading.Thread(target=read, args=span) for span in ((0, half), (half, size))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return numpy.frombuffer(memory, "float64")


size, way = int(sys.argv[1]), sys.argv[2]
if way == "save":
    array = numpy.random.default_rng(1).random(size // 8)
    resident = status("VmRSS")
    start = clock()
    numpy.save("kept.npy", array)
    print({"store": (clock() - start) / 1e9, "peak": 1 + (status("VmHWM") - resident) / size})
    sys.exit()
then = sys.argv[3]
if not os.path.exists("kept"):
    numpy.random.default_rng(1).random(size // 8).tofile("kept")
resident = status("VmRSS")
start = clock()
fd = os.open("kept", os.O_RDONLY)
array = (mapped if way == "map" else copied)(fd, size // 8 * 8)
os.close(fd)
loaded = clock()
kept = status("VmRSS") - resident
if then == "sum":
    array.sum()
elif then == "tenth":
    array[: len(array) // 10] = 1.0
elif then == "all":
    array += 1.0
print({"load": (loaded - start) / 1e9, "use": (clock() - start) / 1e9, "resident": kept})
