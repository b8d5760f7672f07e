"""Large entries in memory: mapped copy-on-write or read, and which buffers still are what their file holds.

The digest of every large buffer stands in its entry. A buffer that has not been written to since it was mapped need
not be hashed to be part of a key: Linux tells, for each page of a private mapping, whether it is the file's or a copy
made because somebody wrote (`/proc/self/pagemap`, Documentation/admin-guide/mm/pagemap.rst). Asking for 1 GiB takes
2 to 10 ms, hashing it 300 to 600 ms. Whatever is not plain to see is hashed: a page that was swapped out, a file that
is another one now, a kernel that answers in another way for two pages whose answer is known.
"""

import sys
from _weakref import ref

from . import entry
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap
    from typing import Any, Optional

# The answers for so many pages are read at once: they stay in the processor's cache.
_PAGES = 32768
# The three highest bits of an answer: the page is there, it is swapped out, it is the file's.
_NOT_THERE = 0
_COPY = 4
_OF_THE_FILE = 5

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# The mappings that are alive, with the path of each and the state its file had.
_mappings: "list[tuple[ref[mmap], str, tuple[int, ...]]]" = []


def mapped(fd: int, size: int) -> "Optional[memoryview]":
    """The file mapped copy-on-write, or None where that cannot be had."""
    from mmap import ACCESS_COPY, mmap

    try:
        # Since 3.13 a mapping need not hold on to a descriptor of its own.
        if sys.version_info >= (3, 13):
            return memoryview(mmap(fd, size, access=ACCESS_COPY, trackfd=False))
        return memoryview(mmap(fd, size, access=ACCESS_COPY))
    except (OSError, ValueError):
        return None


def copied(fd: int, size: int) -> memoryview:
    """The file read into memory of our own."""
    from _io import FileIO

    view = memoryview(bytearray(size))
    place = 0
    with FileIO(fd, "rb", closefd=False) as file:
        while place < size:
            got = file.readinto(view[place:])
            if not got:
                raise entry.Refused("damaged", "it became shorter while it was read")
            place += got
    return view


def note(view: memoryview, path: str, found: os.stat_result) -> None:
    """Remember that `view` is all of the entry in `path`, mapped, and in order. Keeps nothing alive."""
    _mappings[:] = [one for one in _mappings if one[0]() is not None]
    _mappings.append((ref(view.obj), path, _state(found)))  # type: ignore[arg-type]


def untouched(view: memoryview) -> "Optional[bytes]":
    """The digest that `entry.buffer_digest` would find, if `view` is a mapped buffer that nobody has written to; None
    if that is not certain."""
    numpy: Any = sys.modules.get("numpy")  # tells where a buffer lies, and is quick with many numbers
    if not _mappings or not hasattr(numpy, "frombuffer"):
        return None
    try:
        first = _address(numpy, view)
        for reference, path, state in _mappings:
            whole = reference()
            if whole is None:
                continue
            offset = first - _address(numpy, whole)
            if 0 <= offset < state[-1]:
                return _digest(numpy, first, len(view), offset, path, state)
    except (OSError, ValueError, OverflowError, entry.Refused):
        pass
    return None


def _address(numpy: "Any", data: "Any") -> int:
    address: int = numpy.frombuffer(data, dtype="u1").__array_interface__["data"][0]
    return address


def _state(found: os.stat_result) -> "tuple[int, ...]":
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _digest(
    numpy: "Any", first: int, length: int, offset: int, path: str, state: "tuple[int, ...]"
) -> "Optional[bytes]":
    """The digest in the entry's table for the buffer at `offset`, if it is unchanged in memory, at address `first`."""
    fd = os.open(path, _OPEN)
    try:
        if _state(os.fstat(fd)) != state:
            return None
        size = state[-1]
        footer = memoryview(os.pread(fd, entry.FOOTER, size - entry.FOOTER))
        entry.require_footer(footer)
        stream, manifest, table = entry.numbers(footer[:24])
        rows = entry.table_of(memoryview(os.pread(fd, table, stream + manifest)), stream)
        digest = next((row[3] for row in rows if row[:2] == (offset, length)), None)
        if digest is None:
            return None
        pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _tells(numpy, fd, pagemap) and _is_the_files(numpy, pagemap, first, length):
                return digest
        finally:
            os.close(pagemap)
    finally:
        os.close(fd)
    return None


def _tells(numpy: "Any", fd: int, pagemap: int) -> bool:
    """Whether written pages are told from others, tried with two pages of this very file."""
    from mmap import ACCESS_COPY, PAGESIZE, mmap

    with mmap(fd, 2 * PAGESIZE, access=ACCESS_COPY) as trial:
        trial[0]
        trial[PAGESIZE] = trial[PAGESIZE]
        found = os.pread(pagemap, 16, _address(numpy, trial) // PAGESIZE * 8)
    return [number >> 61 for number in entry.numbers(memoryview(found))] == [_OF_THE_FILE, _COPY]


def _is_the_files(numpy: "Any", pagemap: int, first: int, length: int) -> bool:
    """Whether all pages of a range of addresses are those of the mapped file."""
    from mmap import PAGESIZE

    page, end = first // PAGESIZE, -(-(first + length) // PAGESIZE)
    while page < end:
        count = min(_PAGES, end - page)
        answers = os.pread(pagemap, count * 8, page * 8)
        if len(answers) != count * 8:
            return False
        kinds = numpy.frombuffer(answers, dtype="u8") >> numpy.uint64(61)
        if not ((kinds == _OF_THE_FILE) | (kinds == _NOT_THERE)).all():
            return False
        page += count
    return True
