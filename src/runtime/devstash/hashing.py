"""Digests of large buffers, made by all processors there are.

A buffer's digest is the SHA-256 of the SHA-256 digests of its pieces of 4 MiB. OpenSSL uses the processor's own
instructions for it where there are some (1.8 GB/s for each core where BLAKE2b makes 0.9), and lets go of the
interpreter's lock, so that threads share the work. They are of the lowest kind there is: no `threading.Thread` is seen,
and all of them have ended when the digest is there.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from .entry import PIECE
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# More threads than this do not make memory faster.
_MOST = 8


def _algorithm() -> Callable[..., Any]:
    try:
        from _hashlib import openssl_sha256

        openssl_sha256(b"", usedforsecurity=False)
        return openssl_sha256
    except Exception:  # a Python without OpenSSL, or one that forbids it
        from hashlib import sha256

        return sha256


_sha256 = _algorithm()


def new() -> Any:
    """A hasher to be updated bit by bit, by one processor."""
    return _sha256(usedforsecurity=False)


def digest_of(data: memoryview) -> bytes:
    """The digest of a contiguous buffer, 32 bytes."""
    pieces = Pieces(data)
    pieces.help(_processors() - 1)
    return pieces.digest()


class Pieces:
    """The digest of a buffer, under way."""

    def __init__(self, data: memoryview) -> None:
        self._data = data.cast("B")
        count = -(-len(self._data) // PIECE)
        self._digests = [b""] * count
        # Whoever asks it for the next number is the only one to get it.
        self._numbers = iter(range(count))
        self._helpers: list[Any] = []
        self._error: BaseException | None = None

    def help(self, count: int) -> None:
        """Let up to so many threads begin."""
        for _ in range(min(count, _MOST - 1, len(self._digests) - 1)):
            ended = allocate_lock()
            ended.acquire()
            try:
                start_new_thread(self._work, (ended,))
            except RuntimeError:
                return  # there are too many, or the interpreter is about to end
            self._helpers.append(ended)

    def _work(self, ended: Any = None) -> None:
        try:
            data = self._data
            for number in self._numbers:
                piece = data[number * PIECE : (number + 1) * PIECE]
                self._digests[number] = _sha256(piece, usedforsecurity=False).digest()
        except BaseException as error:
            self._error = error
        finally:
            if ended is not None:
                ended.release()

    def cancel(self) -> None:
        """No digest is wanted any more. Comes back when all threads have ended."""
        for _ in self._numbers:
            pass
        for ended in self._helpers:
            ended.acquire()

    def digest(self) -> bytes:
        """Do what is left to do, and return the digest: 32 bytes."""
        try:
            self._work()
        finally:
            self.cancel()
        if self._error is not None:
            raise self._error
        digest: bytes = _sha256(b"".join(self._digests), usedforsecurity=False).digest()
        return digest


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1
