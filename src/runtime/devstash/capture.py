"""What a call prints, recorded while it runs and printed again on a hit: for markers with `replay=`, and for all
calls of `devstash run --record`.

Recording is done at the file descriptors, so that C code and child processes count. What is put there depends on
what the stream is:

- a regular file: nothing at all; afterwards the part of the file that was written is read back;
- a terminal: a pseudo-terminal with the same settings and size;
- anything else (a pipe, a socket, /dev/null): a pipe.

At the other end `devstash pump` (src/pump.rs) copies on to where the output was going, at once, and writes the
record. Where stdout and stderr are one file, one terminal or pipe takes the place of both, so that their order is
exact; what each of them wrote is then not told apart. A `sys.stdout` that the script has put in the place of
Python's own is recorded as well, where it can be without being touched.

outlets.py knows descriptors and streams. The record is a sequence of frames: the stream's number in a byte, the
length in four (little endian), the data. docs/output.md says what a user should know.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock
from errno import EIO

from .children import spawn
from .outlets import (
    BOTH,
    HEAD,
    NUMBERS,
    REDIRECTED,
    TEXTS,
    TOO_LARGE,
    File,
    Text,
    Unrecordable,
    exists,
    flush,
    high,
    identity,
    is_file,
    is_pythons,
    pipe,
    terminal_like,
)
from .quiet import Quiet
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from .outlets import Identity
else:
    import _signal  # `signal` itself imports enum

#: The devstash binary, which has the pump in it; "" while unknown.
EXECUTABLE = ""

# Spoken with the pump; src/pump.rs has the same.
_VERSION = "1"
_MARK = 32
_READY = b"r"
_ANSWERS = {
    b"k": None,
    b"b": "not all of its output could be written",
    b"l": TOO_LARGE,
    b"f": "the record of its output could not be written",
    b"": "the process that records its output has died",
}

_active: list[Capture] = []
_lock = allocate_lock()


def executable(path: str) -> None:
    """Say where the devstash binary is."""
    global EXECUTABLE
    EXECUTABLE = path


class Capture:
    """The recording of one call's output to the streams that are `needed` ("stdout", "stderr"), or to `both`;
    the record is for the store's folder.
    """

    def __init__(self, needed: tuple[str, ...], store_folder: str, both: bool = False) -> None:
        self._wanted = tuple(name for name in NUMBERS if both or name in needed)
        self._is_needed = bool(needed)
        self._folder = store_folder
        self._pid = os.getpid()
        self._runs = False
        self._reason: str | None = None
        self._recorded = ""
        self._replaced: list[str] = []
        self._channels: list[_Channel] = []
        self._files: list[File] = []
        self._texts: list[Text] = []
        self._answer = -1
        self._record = -1
        self._path = ""
        self._size = 0
        self._place = 0
        self._heir: Capture | None = None
        #: Whether the record is kept in the blob store.
        self.keeps = True
        self._left: list[Capture] = []

    # --- recording -----------------------------------------------------------------------------------------

    def start(self) -> str | None:
        """Begin to record; the reason why that cannot be, with everything as it was, or None."""
        # Held for a moment only; but a process made by fork can have inherited it locked.
        if not _lock.acquire(True, 1):
            return "the output of another marked call is being recorded at this moment"
        try:
            reason = self._crowded()
            if reason is None:
                self._place = _caller()
                _active.append(self)
        finally:
            _lock.release()
        if reason is not None:
            return reason
        started = False
        try:
            flush(self._wanted)
            with Quiet():
                self._divert()
            self._runs = started = True
            return None
        except Unrecordable as error:
            return str(error)
        except Exception as error:
            let_through(error)
            return f"its output cannot be recorded: {getattr(error, 'strerror', None) or error}"
        finally:
            if not started:
                self._put_back()
                self._close()
                self._discard()
                self._leave()

    def stop(self) -> None:
        """End the recording: everything is as it was before, and all that the call wrote has reached its goal.

        May be called again, also by `__del__`.
        """
        if not self._runs:
            return
        self._runs = False
        try:
            try:
                flush(self._wanted)
                if os.getpid() == self._pid:
                    for text in self._texts:
                        with Quiet():
                            text.end()
            finally:
                self._put_back()
            # A child made by fork goes on without us; its parent's call is not over.
            if os.getpid() == self._pid and self._heir is None:
                self._finish()
        except Unrecordable as error:
            self._reason = self._reason or str(error)
        except Exception as error:
            let_through(error)
            self._reason = self._reason or f"its output cannot be recorded: {error}"
        except BaseException:  # Ctrl-C, while we wait for a terminal that has been stopped
            self._reason = self._reason or "it was interrupted"
            raise
        finally:
            self._put_back()
            self._leave()
            if self._heir is None:
                self._close()
            else:
                self._heir._left.append(self)
            self._end_left()

    def _end_left(self) -> None:
        """What we have written has gone through those that ended before us, and is under way there until now."""
        left, self._left = self._left, []
        for other in left:
            try:
                if os.getpid() == other._pid:
                    other._finish()
            except Exception:
                pass  # it has its reason already
            finally:
                other._close()
                other._end_left()

    def refusal(self) -> str | None:
        """After `stop`: why what was recorded is not what the call has printed, or None."""
        if os.getpid() != self._pid:
            return "it was started in another process"
        return self._reason

    def effect(self) -> dict[str, Any] | None:
        """After `stop`: the effect for the manifest, its contents in the blob store; None where there is a refusal.

        Raises OSError.
        """
        if self.refusal() is not None or self._runs:
            return None
        effect: dict[str, Any] = {"streams": self._recorded, "size": self._size}
        if self._replaced:
            effect["replaced"] = ",".join(self._replaced)
        if self._size:
            from . import blobs

            with Quiet():
                put = blobs.put_file(self._folder, self._path) if self.keeps else blobs.told(self._path)
                effect["blob"], effect["size"] = put
        self._discard()
        return effect

    def __del__(self) -> None:
        try:
            self.stop()
        finally:
            self._discard()

    # --- how it is done ------------------------------------------------------------------------------------

    def _crowded(self) -> str | None:
        """Why this is not the moment, judged by the calls that are being recorded.

        Output is the process's: which of two calls at work has printed something cannot be known. A call inside
        the recorded one is no trouble. It is inside if the frame that made the outer one is under way below it.
        """
        if not _active:
            return None
        outer = _active[-1]
        if outer._pid != self._pid:  # a child made by fork has only inherited the list
            return None
        frame = sys._getframe(1)
        while frame is not None:
            if id(frame) == outer._place:
                return None
            frame = frame.f_back  # type: ignore[assignment]
        if self._is_needed:
            outer._reason = outer._reason or "another marked call with `replay` ran at the same time"
        return "the output of another marked call is being recorded at this moment"

    def _leave(self) -> None:
        try:
            _active.remove(self)
        except ValueError:
            pass

    def _divert(self) -> None:
        """Put something in the place of each stream, the pump at its other end. Whoever calls undoes a half of it."""
        identities = {name: identity(fd) for name, fd in NUMBERS.items()}
        ends: list[tuple[str, int, int]] = []  # word for the pump, source, destination
        is_one = identities["stdout"] is not None and identities["stdout"] == identities["stderr"]
        recorded = []
        for name in self._wanted:
            own = self._script_stream(name)
            if own is not None or identities[name] is not None:
                recorded.append(name)
            if own is not None:
                self._texts.append(own)
                self._replaced.append(name)
        both = is_one and len(self._wanted) == 2
        for name in self._wanted:
            if identities[name] is None or (both and name == "stderr"):
                continue
            fds = [1, 2] if both else [NUMBERS[name]]
            number = BOTH if both else NUMBERS[name]
            # Of a file that both write to, what one of them wrote is found only on the way.
            if not (is_one and not both) and is_file(fds[0]):
                part = File(number, fds)
                if part.open():
                    self._files.append(part)
                    continue
            channel = _Channel(number, fds)
            self._channels.append(channel)
            ends.append(channel.open())
        self._recorded = "both" if both else ",".join(recorded)
        self._make_record()
        if not self._channels:
            return
        try:
            self._start_pump(ends)
        finally:
            for _, source, _ in ends:
                os.close(source)
        for channel in self._channels:
            channel.divert()

    def _script_stream(self, name: str) -> Text | None:
        """The stream that the script has put in the place of Python's own, or None where there is nothing to do.

        Raises `Unrecordable`.
        """
        stream = getattr(sys, name, None)
        if stream is None or is_pythons(stream, NUMBERS[name]):
            return None
        text = Text(TEXTS[name], name, stream)
        text.begin()
        return text

    def _make_record(self) -> None:
        from . import folder

        folder.prepare(self._folder)
        path = f"{self._folder}/{folder.DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._path = path
        self._record = high(fd)

    def _start_pump(self, ends: list[tuple[str, int, int]]) -> None:
        if not EXECUTABLE:
            raise Unrecordable("its output cannot be recorded: the devstash binary is not known")
        self._mark = b"\xff" + os.urandom(_MARK - 1)
        given, giving = pipe()
        answer, answering = pipe()
        self._answer = answer
        try:
            os.write(giving, self._mark)
            os.close(giving)
            giving = -1
            actions: list[tuple[Any, ...]] = [
                (os.POSIX_SPAWN_DUP2, given, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, answering, 3),
                (os.POSIX_SPAWN_DUP2, self._record, 4),
            ]
            for place, (_, source, destination) in enumerate(ends):
                actions.append((os.POSIX_SPAWN_DUP2, source, 5 + 2 * place))
                actions.append((os.POSIX_SPAWN_DUP2, destination, 6 + 2 * place))
            spawn(EXECUTABLE, ["devstash", "pump", _VERSION, self._path, *(word for word, _, _ in ends)], actions)
        finally:
            for fd in (given, answering, giving):
                if fd >= 0:
                    os.close(fd)
        if os.read(answer, 1) != _READY:
            raise Unrecordable(f"its output cannot be recorded: `{EXECUTABLE}` does not start")

    def _put_back(self) -> None:
        """Every descriptor is again what it was; what the call itself has put there stays."""
        for channel in self._channels:
            self._reason = channel.put_back(self) or self._reason

    def _finish(self) -> None:
        """Wait until all has been copied, and complete the record."""
        reason = None
        if self._channels:
            for channel in self._channels:
                channel.end(self._mark)
            reason = _ANSWERS.get(os.read(self._answer, 1), _ANSWERS[b""])
        if self._reason or reason:
            raise Unrecordable(self._reason or reason or "")
        for part in self._files:
            part.copy_to(self._record)
        for text in self._texts:
            text.copy_to(self._record)
        self._size = os.fstat(self._record).st_size

    def _close(self) -> None:
        parts: list[_Channel | File] = [*self._channels, *self._files]
        for part in parts:
            part.close()
        for fd in (self._answer, self._record):
            if fd >= 0:
                os.close(fd)
        self._answer = self._record = -1

    def _discard(self) -> None:
        """Remove the record, once: the blob store has its own."""
        path, self._path = self._path, ""
        if path and os.getpid() == self._pid:
            try:
                with Quiet():
                    os.unlink(path)
            except OSError:
                pass


class _Channel:
    """A pseudo-terminal or a pipe in the place of one or two descriptors."""

    def __init__(self, number: int, fds: list[int]) -> None:
        self.number = number
        self.fds = fds
        self._saved: list[tuple[int, int]] = []  # descriptor, and what it was
        self._destination = -1
        self._end = -1  # where the call writes to
        self._identity: Identity | None = None

    def open(self) -> tuple[str, int, int]:
        """Make it; what the pump has to be given: a word, and the descriptors of source and destination."""
        self._destination = high(os.dup(self.fds[0]))
        if os.isatty(self._destination):
            source, self._end = terminal_like(self._destination)
            word = f"{self.number}t"
        else:
            source, self._end = pipe()
            word = f"{self.number}p"
        self._identity = identity(self._end)
        return word, source, self._destination

    def divert(self) -> None:
        for fd in self.fds:
            inheritable = os.get_inheritable(fd)
            saved = high(os.dup(fd))
            self._saved.append((fd, saved))
            os.dup2(self._end, fd, inheritable)

    def put_back(self, capture: Capture) -> str | None:
        """Undo `divert`. None, or what was not as it had left it and spoils the record."""
        reason = None
        while self._saved:
            fd, saved = self._saved[-1]
            if identity(fd) == self._identity:
                os.dup2(saved, fd, os.get_inheritable(fd))
            elif self._passed_on(capture, fd, saved):
                reason = "the output of a call inside it is still being recorded"
            else:
                reason = REDIRECTED
            self._saved.pop()
            os.close(saved)
        return reason

    def _passed_on(self, capture: Capture, fd: int, saved: int) -> bool:
        """A recording that began during ours and is still going on has to put back what we would have."""
        for other in _active:
            for channel in other._channels:
                for its_fd, its_saved in channel._saved:
                    if its_fd == fd and channel is not self and identity(its_saved) == self._identity:
                        os.dup2(saved, its_saved, False)
                        capture._heir = other
                        return True
        return False

    def end(self, mark: bytes) -> None:
        """Say that the call is over. A destination that has broken has been noticed by the pump itself."""
        # The script may have chosen to die of a broken pipe; of this one it must not.
        dies = _signal.getsignal(_signal.SIGPIPE) == _signal.SIG_DFL
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGPIPE}) if dies else None
        try:
            os.set_blocking(self._end, True)  # a child may have changed it
            os.write(self._end, mark)
        except OSError:
            pass
        finally:
            if before is not None:
                if _signal.SIGPIPE not in before and _signal.SIGPIPE in _signal.sigpending():
                    _signal.sigwait({_signal.SIGPIPE})
                _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        os.close(self._end)
        self._end = -1

    def close(self) -> None:
        for fd in (self._destination, self._end):
            if fd >= 0:
                os.close(fd)
        self._destination = self._end = -1


# --- replay ---------------------------------------------------------------------------------------------------------


def replayable(effect: dict[str, Any], wanted: tuple[str, ...], folder: str) -> str | None:
    """Why a hit cannot print what is wanted of it, or None. `effect` is empty where nothing was recorded."""
    there = [name for name in NUMBERS if name in wanted and exists(name)]
    recorded = effect.get("streams", "").split(",")
    size = effect.get("size", 0)
    if recorded == ["both"]:
        recorded = list(NUMBERS)
        if size and there:
            if len(there) < 2:
                return f"its {' and '.join(recorded)} were recorded as one"
            if identity(1) != identity(2):
                return "its stdout and stderr were one when it was recorded and are two now"
    for name in there:
        if name not in recorded:
            return f"its {name} was not recorded"
        # Of what went to a descriptor, it is not known what Python wrote and what others did.
        if size and name not in effect.get("replaced", "").split(","):
            stream = getattr(sys, name, None)
            if stream is not None and not is_pythons(stream, NUMBERS[name]):
                return f"`sys.{name}` is not what it was when its output was recorded"
    if there and size:
        try:
            _read(effect, folder)
        except OSError:
            return "the record of its output is gone or damaged"
    return None


def replay(effect: dict[str, Any], wanted: tuple[str, ...], folder: str) -> None:
    """Print what the call has printed. What cannot be written is left to the script to find out.

    Raises OSError if the record cannot be read, with nothing printed.
    """
    if not effect.get("size"):
        return
    data = _read(effect, folder)
    flush(wanted)
    place = 0
    # A descriptor that has once failed gets nothing more.
    numbers = {number: number for name, number in NUMBERS.items() if name in wanted and exists(name)}
    if effect["streams"] == "both" and numbers:
        numbers = {BOTH: 1}
    while place + HEAD <= len(data):
        number = data[place]
        size = int.from_bytes(data[place + 1 : place + HEAD], "little")
        part = data[place + HEAD : place + HEAD + size]
        place += HEAD + size
        if number in numbers:
            try:
                _write(numbers[number], part)
            except OSError:
                del numbers[number]
        for name, text in TEXTS.items():
            stream = getattr(sys, name, None)
            if number == text and name in wanted and stream is not None:
                stream.write(str(part, "utf-8", "surrogatepass"))


def _read(effect: dict[str, Any], folder: str) -> memoryview:
    """The record. Raises OSError if it is not what it was."""
    from _blake2 import blake2b
    from _io import FileIO

    from . import blobs
    from .encode import DIGEST

    with Quiet():
        fd = os.open(blobs.path(folder, effect["blob"]), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with FileIO(fd, "rb") as file:
            data = file.readall()
    if blake2b(data, digest_size=DIGEST).hexdigest() != effect["blob"]:
        raise OSError(EIO, os.strerror(EIO))
    return memoryview(data)


def _write(fd: int, data: memoryview) -> None:
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            from select import select

            select([], [fd], [])


def _caller() -> int:
    """The id of the frame that makes the call: the first below us that is not ours."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__package__") == __package__ and frame.f_back is not None:
        frame = frame.f_back
    return id(frame)
