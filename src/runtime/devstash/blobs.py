"""Contents of files, each kept once: `<store>/.blobs/<2 hex digits>/<digest>`.

A blob is named by the digest of its contents (that of `contents.digest_of_file`), so what is identical is stored once,
and a blob that does not have its name's digest is damage: it is never handed out. Blobs are written as drafts and
renamed, and never changed. Contents of any size go through a small buffer, or are shared by the file system where it
can do that.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b
from errno import EIO

from .contents import Unsteady, read_state
from .encode import DIGEST
from .refusals import Unstorable, Unwritable
from .signals import let_through
from .system import os

FOLDER = ".blobs"
# Contents up to this size are looked for before anything is written (bytes).
_SMALL = 256 << 10
_PIECE = 1 << 20
# From this size on it is worth asking the file system to share the contents, and whether there is room (bytes).
_LARGE = 4 << 20
# Linux: make this file share the contents of that one (FICLONE).
_CLONE = 0x40049409

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def path(folder: str, digest: str) -> str:
    """Where the blob with this digest (hex) is, or would be."""
    return f"{folder}/{FOLDER}/{digest[:2]}/{digest}"


def holds(folder: str, digest: str, size: int) -> bool:
    """Whether there is a blob of this digest and size. Its contents are looked at when they are used."""
    try:
        found = os.lstat(path(folder, digest))
    except OSError:
        return False
    return found.st_mode & 0o170000 == 0o100000 and found.st_size == size


def put_bytes(folder: str, data: bytes) -> str:
    """Keep `data`, and return its digest (hex). Raises `store.Unwritable`."""
    digest = blake2b(data, digest_size=DIGEST).hexdigest()
    if _renewed(folder, digest, len(data)):
        return digest
    draft = _Draft(folder)
    try:
        draft.write(data)
        draft.place(digest)
    finally:
        draft.discard()
    return digest


def put_file(folder: str, source: str) -> tuple[str, int]:
    """Keep the contents of the file `source`, and return their digest (hex) and size.

    Raises `store.Unstorable` when it cannot be read or changes meanwhile, `store.Unwritable` when there is no room.
    """
    try:
        fd = os.open(source, _READ)
    except OSError as error:
        raise _unreadable(source, error) from None
    try:
        before = os.fstat(fd)
        if before.st_mode & 0o170000 != 0o100000:
            raise Unstorable(f"`{source}`", "file", "it is not a plain file")
        digest, size = _kept(folder, fd, before.st_size, source)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    if size != after.st_size or (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        raise Unstorable(f"`{source}`", "file", "it changes while it is being kept")
    return digest, size


def told(source: str) -> tuple[str, int]:
    """What `put_file` would return, with nothing kept. Raises `store.Unstorable`."""
    try:
        digest, state, _ = read_state(source)
    except OSError as error:
        raise _unreadable(source, error) from None
    except Unsteady:
        raise Unstorable(f"`{source}`", "file", "it changes while it is read") from None
    return digest.hex(), state[0]


def _kept(folder: str, fd: int, size: int, source: str) -> tuple[str, int]:
    if size <= _SMALL:
        try:
            data = os.read(fd, _SMALL + 1)
        except OSError as error:
            raise _unreadable(source, error) from None
        return put_bytes(folder, data), len(data)
    draft = _Draft(folder)
    try:
        if size >= _LARGE:
            draft.require_room(size)
        cloned = size >= _LARGE and _clone(fd, draft.fd)
        hasher = blake2b(digest_size=DIGEST)
        place = 0
        while True:
            try:
                piece = os.pread(draft.fd if cloned else fd, _PIECE, place)
            except OSError as error:
                raise _unreadable(source, error) from None
            if not piece:
                break
            place += len(piece)
            hasher.update(piece)
            if not cloned:
                draft.write(piece)
        digest = hasher.hexdigest()
        if not _renewed(folder, digest, place):
            draft.place(digest)
    finally:
        draft.discard()
    return digest, place


def copy_out(folder: str, digest: str, size: int, fd: int) -> None:
    """Write the contents of a blob to the empty file open as `fd`.

    Raises `OSError`. A blob with other contents than its name says is removed, so that it can be stored again.
    """
    place = path(folder, digest)
    source = os.open(place, _READ)
    try:
        cloned = size >= _LARGE and _clone(source, fd)
        hasher = blake2b(digest_size=DIGEST)
        copied = 0
        while True:
            # What counts is what came to the file, so a clone is read back.
            piece = os.pread(fd if cloned else source, _PIECE, copied)
            if not piece:
                break
            copied += len(piece)
            hasher.update(piece)
            if not cloned:
                _write(fd, piece)
    finally:
        os.close(source)
    if copied != size or hasher.hexdigest() != digest:
        os.unlink(place)
        raise OSError(EIO, "the contents kept in the cache are damaged", place)


def _renewed(folder: str, digest: str, size: int) -> bool:
    """Whether the blob is there already; it counts as new then."""
    if not holds(folder, digest, size):
        return False
    try:
        os.utime(path(folder, digest))
    except OSError:
        return False  # just removed
    return True


class _Draft:
    """A blob on its way."""

    def __init__(self, folder: str) -> None:
        from . import folder as folders

        self._folder = folder
        self.path = f"{folder}/{folders.DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
        self.fd = -1
        try:
            try:
                self.fd = os.open(self.path, _WRITE, 0o600)
            except FileNotFoundError:  # the first of its kind, or the folder was cleared meanwhile
                folders.prepare(folder)
                os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
                self.fd = os.open(self.path, _WRITE, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None

    def require_room(self, size: int) -> None:
        """Raise `Unwritable` rather than fill the disk up."""
        try:
            found = os.fstatvfs(self.fd)
        except OSError:
            return
        if found.f_bavail * found.f_frsize < size:
            raise Unwritable(f"`{self._folder}`: no room for {size} bytes")

    def write(self, data: bytes) -> None:
        try:
            _write(self.fd, data)
        except OSError as error:
            raise self._unwritable(error) from None

    def place(self, digest: str) -> None:
        """Rename the draft to the blob that it is."""
        target = path(self._folder, digest)
        try:
            fd, self.fd = self.fd, -1
            os.close(fd)
            try:
                os.rename(self.path, target)
            except FileNotFoundError:
                for part in (f"{self._folder}/{FOLDER}", os.path.dirname(target)):
                    try:
                        os.mkdir(part, 0o700)
                    except FileExistsError:
                        pass
                os.rename(self.path, target)
            self.path = ""
        except OSError as error:
            raise self._unwritable(error) from None

    def discard(self) -> None:
        """Remove what there is of the draft; after it has been renamed, that is nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                pass

    def _unwritable(self, error: OSError) -> Unwritable:
        let_through(error)
        return Unwritable(f"`{error.filename or self._folder}`: {error.strerror or error}")


def _clone(source: int, target: int) -> bool:
    """Let the two files share their contents, where the file system can (btrfs, XFS, bcachefs)."""
    if sys.platform != "linux":
        return False
    try:
        from fcntl import ioctl

        ioctl(target, _CLONE, source)
    except (ImportError, OSError):
        return False
    return True


def _write(fd: int, data: bytes) -> None:
    """Write all of `data`; the system may take it in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _unreadable(source: str, error: OSError) -> Unstorable:
    let_through(error)
    return Unstorable(f"`{source}`", "file", error.strerror or str(error))
