"""Files into digests of their contents, and patterns into the files that they match."""

from __future__ import annotations

from _blake2 import blake2b

from .encode import DIGEST
from .system import os, time_ns

#: A file that was changed this recently may change again within the same tick of its clock, unnoticed
#: (nanoseconds).
_RACY = 2_000_000_000

_known: dict[tuple[str, int, int, int, int], bytes] = {}


def digest_of_file(path: str | bytes | os.PathLike[str]) -> bytes | None:
    """The digest of a file's contents, None if there is no such file.

    A file that looks the same as before (size, times, inode) is not read again, unless it has just been
    written.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            state = os.fstat(file.fileno())
            name = os.fsdecode(os.path.abspath(path))
            identity = (name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
            found = _known.get(identity)
            if found is not None:
                return found
            hasher = blake2b(digest_size=DIGEST)
            buffer = bytearray(1 << 18)
            view = memoryview(buffer)
            while True:
                size = file.readinto(buffer)
                if not size:
                    break
                hasher.update(view[:size])
    except FileNotFoundError:
        return None
    found = hasher.digest()
    if time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) > _RACY:
        if len(_known) >= 10000:
            _known.clear()
        _known[identity] = found
    return found


def digest_of_files(pattern: str) -> list[tuple[str, object]]:
    """The files that `pattern` matches, by name, with their digests.

    Relative to the current directory, `**` goes into folders, and names that begin with a dot are matched
    only by patterns that say so. A folder or another thing that is no file counts by its name.
    """
    from glob import glob

    found: list[tuple[str, object]] = []
    for name in sorted(glob(os.path.expanduser(pattern), recursive=True)):
        if os.path.isfile(name):
            found.append((name.replace(os.sep, "/"), digest_of_file(name)))
        else:
            found.append((name.replace(os.sep, "/"), "folder"))
    return found
