"""Which large entries have been written or checked since the machine started.

The large buffers of an entry cannot execute anything, and reading gigabytes to hash them would take the
point out of mapping them. What they need is a check after the kind of trouble that changes bytes at rest,
such as a power cut. So they are checked once in each life of the machine: the file `.checked-<boot>` in the
cache folder has a line for each entry that was, and its name says in which life. A line is the file's
inode, modification time and size, so that a replaced, copied or restored file is another file. File times
are no such evidence: they follow a clock that can be set, and the access time is ours to write.

Where the machine does not tell its lives apart, entries are checked once in each process.
"""

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

PREFIX = ".checked-"
# After so many bytes the file is begun anew; everything is then checked once more.
_FULL = 4 << 20
# Files of earlier lives, and of other machines that share the folder, go after this many seconds without a
# new line.
_OLD = 30 * 86400


def _boot() -> str:
    """A name for this life of the machine, or nothing."""
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return "".join(sign for sign in os.read(fd, 64).decode("ascii", "replace") if sign.isalnum())
    except OSError:
        return ""
    finally:
        os.close(fd)


def _line(found: os.stat_result) -> bytes:
    return b"%d %d %d\n" % (found.st_ino, found.st_mtime_ns, found.st_size)


class Checked:
    """The entries of one folder that need no check of their large buffers."""

    def __init__(self, folder: str) -> None:
        boot = _boot()
        self._path: Optional[str] = f"{folder}/{PREFIX}{boot}" if boot else None
        self._lines = self._read()

    def _read(self) -> "set[bytes]":
        if self._path is None:
            return set()
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return set()
        try:
            found = os.fstat(fd)
            if found.st_uid != os.geteuid() or found.st_size > _FULL:
                return set()
            return set(os.read(fd, _FULL).splitlines(keepends=True))
        except OSError:
            return set()
        finally:
            os.close(fd)

    def knows(self, found: os.stat_result) -> bool:
        """Whether the file with this status was written or checked in this life of the machine."""
        return _line(found) in self._lines

    def note(self, found: os.stat_result) -> None:
        """Remember that it was. Failing to write that down costs another check, nothing else."""
        line = _line(found)
        if line in self._lines:
            return
        self._lines.add(line)
        if self._path is None:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self._path, flags, 0o600)
            try:
                size = os.fstat(fd).st_size
                if size > _FULL:
                    os.ftruncate(fd, 0)
                os.write(fd, line)
            finally:
                os.close(fd)
            if size == 0:
                self._forget_other_lives(self._path)
        except OSError:
            pass

    def _forget_other_lives(self, path: str) -> None:
        folder, own = os.path.split(path)
        newest = os.stat(path).st_mtime
        with os.scandir(folder) as files:
            for file in files:
                if not file.name.startswith(PREFIX) or file.name == own:
                    continue
                if newest - file.stat(follow_symlinks=False).st_mtime > _OLD:
                    os.unlink(file.path)
