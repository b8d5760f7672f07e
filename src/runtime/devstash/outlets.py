"""Where output goes: descriptors and streams, and the two kinds that can be recorded by looking afterwards.

What has to be recorded on the way is the business of capture.py.
"""

from __future__ import annotations

import sys
from errno import EBADF

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Identity = tuple[int, int]

_CAP = 64 << 20
_CHUNK = 1 << 20
TOO_LARGE = "it prints more than 64 MiB, which are not recorded"
REDIRECTED = "it redirects its output itself, and leaves it redirected"

# Numbers of streams in frames: what went to the descriptors 1 and 2, to both where they are one file, and the text
# that went to a `sys.stdout` or `sys.stderr` of the script's own.
NUMBERS = {"stdout": 1, "stderr": 2}
BOTH = 3
TEXTS = {"stdout": 5, "stderr": 6}
HEAD = 5

# Descriptors of ours begin here, so that those which the call opens have the numbers they would have without us.
_HIGH = 200
_LOW = 20  # where so many are not allowed; above all that the pump is given


class Unrecordable(Exception):
    """Why the output cannot be recorded; the text is the reason."""


class File:
    """A regular file that one or two descriptors write to: the part written is read back."""

    def __init__(self, number: int, fds: list[int]) -> None:
        self._number = number
        self._fds = fds
        self._reader = -1
        self._start = 0

    def open(self) -> bool:
        """Note where it stands; False if the file cannot be read, or its descriptors stand apart."""
        places = {_position(fd) for fd in self._fds}
        if len(places) > 1:
            return False
        try:
            self._reader = high(os.open(f"/dev/fd/{self._fds[0]}", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return False
        self._start = places.pop()
        # Where /dev/fd does not open the file anew, reading would move the position of the script's own.
        if identity(self._reader) != identity(self._fds[0]) or os.lseek(self._reader, 0, os.SEEK_CUR) != 0:
            os.close(self._reader)
            self._reader = -1
            return False
        return True

    def copy_to(self, record: int) -> None:
        """Append what has been written to the record."""
        ours = identity(self._reader)
        if any(identity(fd) != ours for fd in self._fds):
            raise Unrecordable(REDIRECTED)
        ends = {_position(fd) for fd in self._fds}
        end = max(ends)
        if len(ends) > 1 or end < self._start:
            raise Unrecordable("the file that its output goes to was written to in another way as well")
        if end - self._start > _CAP:
            raise Unrecordable(TOO_LARGE)
        place = self._start
        while place < end:
            data = os.pread(self._reader, min(_CHUNK, end - place), place)
            if not data:
                raise Unrecordable("the file that its output goes to has become shorter")
            _append(record, self._number, data)
            place += len(data)

    def close(self) -> None:
        if self._reader >= 0:
            os.close(self._reader)
        self._reader = -1


class Text:
    """A stream in memory, or into a file of its own, in the place of `sys.stdout` or `sys.stderr`.

    It is looked at before and after the call and not touched in between.
    """

    def __init__(self, number: int, name: str, stream: Any) -> None:
        self._number = number
        self._name = name
        self._stream: Any = stream
        self._start = 0
        self._text = ""

    def begin(self) -> None:
        """Note where it stands. Raises `Unrecordable`."""
        self._start = self._stand()

    def end(self) -> None:
        """Take what has been written. Raises `Unrecordable`."""
        if getattr(sys, self._name, None) is not self._stream:
            raise Unrecordable(f"it leaves another `sys.{self._name}` behind")
        end = self._stand()
        stream: Any = self._stream
        if end < self._start:
            raise Unrecordable(f"it removes what is in `sys.{self._name}`")
        if end - self._start > _CAP:
            raise Unrecordable(TOO_LARGE)
        if _is_plain(stream, "StringIO"):
            self._text = stream.getvalue()[self._start : end]
            return
        if type(stream.buffer).__name__ == "BytesIO":
            data = stream.buffer.getvalue()[self._start : end]
        else:
            fd = os.open(f"/dev/fd/{stream.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.pread(fd, end - self._start, self._start)
            finally:
                os.close(fd)
            if len(data) != end - self._start:
                raise Unrecordable(f"the file that `sys.{self._name}` writes to has become shorter")
        self._text = data.decode(stream.encoding, stream.errors)
        if "\r\n" in self._text:  # written so, or made of line ends by the stream, which would do it again
            raise Unrecordable(f"what `sys.{self._name}` makes of line ends is not known")

    def _stand(self) -> int:
        stream: Any = self._stream
        if getattr(stream, "closed", False) is True:
            raise Unrecordable(f"`sys.{self._name}` is closed")
        if _is_plain(stream, "StringIO"):
            return int(stream.tell())
        if _is_plain(stream, "TextIOWrapper"):
            stream.flush()
            buffer = stream.buffer
            if type(buffer).__name__ == "BytesIO" and type(buffer).__module__ == "_io":
                return int(buffer.tell())
            if type(buffer).__name__ in ("BufferedWriter", "BufferedRandom") and is_file(stream.fileno()):
                return _position(stream.fileno())
        kind = type(stream)
        what = f"`sys.{self._name}` is a {kind.__module__}.{kind.__qualname__}"
        raise Unrecordable(f"{what}, of which it cannot be told what the call prints")

    def copy_to(self, record: int) -> None:
        """Append what has been written to the record."""
        if self._text:
            _append(record, self._number, self._text.encode("utf-8", "surrogatepass"))


# --- streams and descriptors ----------------------------------------------------------------------------------------


def exists(name: str) -> bool:
    """Whether there is anything to print to."""
    return getattr(sys, name, None) is not None or identity(NUMBERS[name]) is not None


def identity(fd: int) -> Identity | None:
    """Which file a descriptor stands for; None if it is closed.

    A descriptor 1 or 2 that was closed when Python started belongs to whatever was opened first.
    """
    if (fd == 1 and sys.__stdout__ is None) or (fd == 2 and sys.__stderr__ is None):
        return None
    try:
        found = os.fstat(fd)
    except OSError as error:
        if error.errno == EBADF:
            return None
        raise
    return found.st_dev, found.st_ino


def is_file(fd: int) -> bool:
    return os.fstat(fd).st_mode & 0o170000 == 0o100000


def _position(fd: int) -> int:
    """Where the next byte goes."""
    from fcntl import F_GETFL, fcntl

    if fcntl(fd, F_GETFL) & os.O_APPEND:
        return os.fstat(fd).st_size
    return os.lseek(fd, 0, os.SEEK_CUR)


def _is_plain(stream: Any, kind: str) -> bool:
    """Whether a stream is of this type of `io`, with its own way to write."""
    for base in type(stream).__mro__:
        if "write" in base.__dict__:
            return base.__module__ == "_io" and base.__name__ == kind and "write" not in getattr(stream, "__dict__", ())
    return False


def is_pythons(stream: Any, fd: int) -> bool:
    """Whether what is written to `stream` goes to the descriptor `fd` and nowhere else."""
    try:
        return _is_plain(stream, "TextIOWrapper") and stream.fileno() == fd
    except (OSError, ValueError):  # io.UnsupportedOperation is both; a closed stream has no descriptor
        return False


def flush(names: tuple[str, ...]) -> None:
    """Write out what Python and C hold back for these streams, as far as they are no objects of the script's."""
    for name in names:
        for stream in {id(one): one for one in (getattr(sys, name, None), getattr(sys, f"__{name}__"))}.values():
            if stream is not None and _is_plain(stream, "TextIOWrapper"):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    pass  # the script will find out by itself
    if "stdout" in names:
        _flush_c()


_c_stdout: Any = None


def _flush_c() -> None:
    """Write out what C code has given to `printf`; without the package ctypes, which is slow to import."""
    global _c_stdout
    try:
        if _c_stdout is None:
            _c_stdout = _find_c_stdout()
        if _c_stdout:
            call, fflush, stdout = _c_stdout
            call(fflush, (stdout,))
    except Exception:
        _c_stdout = ()  # a Python without it, or a C library of another kind


def _find_c_stdout() -> tuple[Any, ...]:
    """How to call C, its `fflush`, and what to call it with."""
    import _ctypes

    ctypes: Any = _ctypes
    Pointer: Any = type("Pointer", (ctypes._SimpleCData,), {"_type_": "P"})
    library = ctypes.dlopen(None, 0)
    stdout = ctypes.dlsym(library, "__stdoutp" if sys.platform == "darwin" else "stdout")
    return ctypes.call_function, ctypes.dlsym(library, "fflush"), Pointer.from_address(stdout)


def _append(record: int, number: int, data: bytes) -> None:
    """Append a frame to the record."""
    frame = memoryview(bytes([number]) + len(data).to_bytes(4, "little") + data)
    os.lseek(record, 0, os.SEEK_END)
    while frame:
        frame = frame[os.write(record, frame) :]


def high(fd: int) -> int:
    """The same file under a number that is not in the way; `fd` is closed."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    try:
        try:
            return fcntl(fd, F_DUPFD_CLOEXEC, _HIGH)
        except OSError:
            return fcntl(fd, F_DUPFD_CLOEXEC, _LOW)
    finally:
        os.close(fd)


def pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    return high(reader), high(writer)


def terminal_like(fd: int) -> tuple[int, int]:
    """A pseudo-terminal with the settings and the size of the terminal `fd`: the pump's end, and the call's.

    What is made of line ends on the way out is left to the terminal itself: done twice it would be wrong.
    """
    import termios
    from fcntl import ioctl

    master, slave = os.openpty()
    master, slave = high(master), high(slave)
    try:
        settings = termios.tcgetattr(fd)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        ioctl(slave, termios.TIOCSWINSZ, ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
    except BaseException:
        os.close(master)
        os.close(slave)
        raise
    return master, slave
