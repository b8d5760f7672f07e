"""Files into digests of their contents, patterns into the files that they match, and paths into text.

A digest is remembered together with the state of its file (size, times, inode, device): while the state is
the same and was not racy, the file is not read again.
"""

from __future__ import annotations

from _blake2 import blake2b

from .encode import DIGEST
from .quiet import Quiet
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    State = tuple[int, int, int, int, int]  # size, mtime in ns, ctime in ns, inode, device

#: How long a file that was just changed can change again without its times telling (nanoseconds). The kernel
#: stamps files with a clock that ticks every 1 to 10 ms. Some file systems keep whole seconds only, or every
#: second one; a time without a fraction is taken for one of theirs.
_FINE = 50_000_000
COARSE = 2_100_000_000

_REGULAR = 0o100000
_KIND = 0o170000
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK = 1 << 20
_LIMIT = 20000

_known: dict[tuple[str, State], bytes] = {}


class Unsteady(Exception):
    """A file was changed by somebody while it was read."""


def state_of(found: os.stat_result) -> State:
    """What of a file's `stat` tells that its contents are the same."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def is_racy(mtime: int, ctime: int, moment: int) -> bool:
    """Whether a file with these times may have changed after `moment` without its times telling.

    All in nanoseconds. Times from the future come from another clock and tell nothing.
    """
    newest = mtime if mtime > ctime else ctime
    return moment - newest < (_FINE if newest % 1_000_000_000 else COARSE)


def read_state(path: str) -> tuple[bytes, State, bool]:
    """The digest of a file's contents, the state of the file that goes with it, and whether that is racy.

    No record takes notice. Raises OSError, also for what is no plain file, and `Unsteady`.
    """
    with Quiet():
        return _read(path)


def _read(path: str) -> tuple[bytes, State, bool]:
    moment = time_ns()
    fd = os.open(path, _OPEN)
    try:
        found = os.fstat(fd)
        if found.st_mode & _KIND != _REGULAR:
            raise IsADirectoryError(21, "not a plain file", path)
        state = state_of(found)
        racy = is_racy(state[1], state[2], moment)
        name = path if path[:1] == "/" else os.path.abspath(path)
        known = None if racy else _known.get((name, state))
        if known is not None:
            return known, state, False
        digest = _digest(fd, state[0])
        if state_of(os.fstat(fd)) != state:  # also when there is more
            raise Unsteady(path)
    finally:
        os.close(fd)
    if not racy:
        remember(name, state, digest)
    return digest, state, racy


def digest_in(path: str, state: State) -> bytes | None:
    """The digest of the contents of the plain file at this absolute path if it is in `state`, None if it is not.

    Does less than `read_state`, since a call may have read thousands of small files. Raises OSError.
    """
    known = _known.get((path, state))
    fd = os.open(path, _OPEN)
    try:
        digest = known or _digest(fd, state[0])
        return digest if state_of(os.fstat(fd)) == state else None
    finally:
        os.close(fd)


def _digest(fd: int, size: int) -> bytes:
    """The digest of so many bytes of a file: whoever asks looks afterwards whether that was all."""
    hasher = blake2b(digest_size=DIGEST)
    while size > 0:
        # No more than there is: room for a whole chunk would be mapped and given back for each of many small files.
        data = os.read(fd, size if size < _CHUNK else _CHUNK)
        if not data:
            break
        hasher.update(data)
        size -= len(data)
    return hasher.digest()


def remembered(name: str, state: State) -> bytes | None:
    """The digest known for the file of this absolute name in this state, which must not be racy."""
    return _known.get((name, state))


def remember(name: str, state: State, digest: bytes) -> None:
    """Know the digest of the file of this absolute name in this state, which must not be racy."""
    if len(_known) >= _LIMIT:
        _known.clear()
    _known[name, state] = digest


def digest_of_file(path: str | bytes | os.PathLike[str]) -> bytes | None:
    """The digest of a file's contents, None if there is no such file.

    A file that looks the same as before (size, times, inode) is not read again, unless it has just been
    written. A call under way takes notice, as of any file that it reads. Raises OSError.
    """
    name = os.fsdecode(path)
    for _ in range(100):
        try:
            return _read(name)[0]
        except FileNotFoundError:
            return None
        except Unsteady:
            continue  # somebody is writing to it just now
    raise OSError(16, "it changes all the time", name)


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


def path_text(path: str) -> str:
    """A path as text that JSON can hold: a byte that is no UTF-8 becomes NUL and two hex digits."""
    if path.isascii():
        return path
    return "".join(["\0%02x" % (ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in path])


def path_of(text: str) -> str:
    """The path that `path_text` made into `text`."""
    if "\0" not in text:
        return text
    first, *rest = text.split("\0")
    return first + "".join([chr(0xDC00 + int(part[:2], 16)) + part[2:] for part in rest])


def shown(path: str) -> str:
    """A path for a message."""
    return path if path.isascii() else path.encode("utf-8", "backslashreplace").decode()
