"""Writing entries: a value goes through the pickler into a draft, and the finished draft is renamed into
place.

A draft of up to 1 MiB is kept in memory until it is whole; a larger one goes to the disk as it comes, so
that a value is never in memory twice. Large buffers are written straight from the object that owns them.

The stream of an entry with large buffers is still one plain pickle: it holds the pickle proper as a bytes
object and builds `functools.partial(pickle.loads, buffers=[…])(that)`, each buffer a bytearray (bytes when
read-only) whose contents begin at a multiple of 64. Bytes that must go somewhere without meaning anything
are "push, pop" pairs.
"""

from __future__ import annotations

from _blake2 import blake2b

from . import folder, pickling, secret
from .entry import ALIGNMENT, PIECE, READ_ONLY, SMALL, TRAILER, Refused, buffer_digest, value_of
from .manifest import manifest
from .proof import prove
from .quiet import Quiet
from .refusals import Unwritable
from .signals import let_through
from .store import OPEN, SLOTS
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .store import KeyLike, Store

# Names of entries that are kept for good, as empty files (src/store/pins.rs).
PINS = ".pins"
# Where the pickle proper begins when it is not the whole stream: room for PROTO, no-ops and a BINBYTES8
# header.
HEAD = 16
_PROTO = b"\x80\x05"
# No-ops of two and three bytes: NONE POP, and BININT1 0 POP.
_TWO, _THREE = b"N0", b"K\x000"
_BINBYTES8, _BYTEARRAY8 = b"\x8e", b"\x96"
# After the pickle proper: keep it as memo 0, drop it; build partial(loads), keeping loads as memo 1; then
# begin its state, (loads, (), {"buffers": [
_BEFORE_BUFFERS = (
    b"\x940cfunctools\npartial\ncpickle\nloads\n\x94\x85R"  # MEMOIZE POP GLOBAL GLOBAL MEMOIZE TUPLE1 REDUCE
    b"(h\x01)}\x8c\x07buffers]"  # MARK BINGET EMPTY_TUPLE EMPTY_DICT SHORT_BINUNICODE EMPTY_LIST
)
# ]}, None); set it; call the partial with memo 0.
_AFTER_BUFFERS = b"sNtbh\x00\x85R."  # SETITEM NONE TUPLE BUILD BINGET TUPLE1 REDUCE STOP


def _no_ops(length: int) -> bytes:
    return _THREE + _TWO * ((length - 3) // 2) if length % 2 else _TWO * (length // 2)


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little")


def _bytes_of(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data`; the system may take it in parts."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(fd, view) :]


class Draft:
    """An entry on its way: what the pickler writes to, then the rest, piece by piece, hashed on the way."""

    def __init__(self, store_folder: str) -> None:
        self._folder = store_folder
        self._chunks: list[Any] = []
        self._pending = 0
        self.size = 0
        self.path = ""
        self.fd = -1
        self.inner = -1  # where the pickle proper begins; -1 while it is being written
        self.inner_size = 0
        self.checksum = blake2b(digest_size=16)

    # --- while pickling: the pickler's file ---------------------------------------------------------------

    def write(self, data: Any, /) -> int:
        """Take a chunk, without a copy: picklers promise to leave alone what they wrote."""
        if isinstance(data, memoryview):
            # A frame of the pickler written in Python, which lends its own memory. Should the loan and the
            # lender end up in one garbage cycle, Python would complain about it on the script's stderr.
            data = bytes(data)
        length = len(data)
        self._chunks.append(data)
        self._pending += length
        self.size += length
        if self._pending > SMALL:
            self._flush()
        return length

    def restart(self) -> None:
        """Forget what was written."""
        self._chunks, self._pending, self.size = [], 0, 0
        if self.fd >= 0:
            try:
                os.ftruncate(self.fd, HEAD)
                os.lseek(self.fd, HEAD, os.SEEK_SET)
            except OSError as error:
                raise _unwritable(error, self._folder) from None

    def whole(self) -> memoryview:
        """What the pickler wrote, to be read back."""
        if self.fd < 0:
            return memoryview(b"".join(self._chunks))
        from mmap import ACCESS_READ, mmap

        self._flush()
        return memoryview(mmap(self.fd, HEAD + self.size, access=ACCESS_READ))[HEAD:]

    def _flush(self) -> None:
        """Bring what is in memory to the disk.

        The first time, room is left for the head, which is not known yet.
        """
        try:
            if self.fd < 0:
                self._open()
                if self.inner < 0:
                    os.lseek(self.fd, HEAD, os.SEEK_SET)
            if len(self._chunks) > 1 and self._pending <= SMALL:
                self._chunks = [b"".join(self._chunks)]
            for chunk in self._chunks:
                _bytes_of(self.fd, chunk)
        except OSError as error:
            raise _unwritable(error, self._folder) from None
        self._chunks, self._pending = [], 0

    def _open(self) -> None:
        self.path = f"{self._folder}/{folder.DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.fd = os.open(self.path, flags, 0o600)
        except FileNotFoundError:  # the folder was cleared or removed meanwhile
            folder.prepare(self._folder)
            os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
            self.fd = os.open(self.path, flags, 0o600)

    # --- afterwards ---------------------------------------------------------------------------------------

    def seal(self, tag: blake2b, with_buffers: bool) -> None:
        """The pickle proper is complete.

        Put the head before it where there is one, and hash what there is.
        """
        self._tag = tag
        self.inner_size = self.size
        head = b""
        if with_buffers:
            head = _PROTO + _THREE + _TWO + _BINBYTES8 + _number(self.size)
        elif self.fd >= 0:
            head = _PROTO + _no_ops(HEAD - 2)
        if self.fd < 0:
            self._chunks.insert(0, head)
            self._pending += len(head)
            for chunk in self._chunks:
                self._hash(chunk)
        else:
            # The head holds the length and could not be hashed first, so all is hashed now, out of the page
            # cache.
            self._flush()
            try:
                os.pwrite(self.fd, head, 0)
                for place in range(0, HEAD + self.size, SMALL):
                    self._hash(os.pread(self.fd, min(SMALL, HEAD + self.size - place), place))
            except OSError as error:
                raise _unwritable(error, self._folder) from None
        self.inner = len(head)
        self.size += len(head)

    def _hash(self, data: Any) -> None:
        self.checksum.update(data)
        self._tag.update(data)

    def put(self, data: bytes) -> None:
        """Append bytes that checksum and tag cover."""
        self._hash(data)
        self._chunks.append(data)
        self._pending += len(data)
        self.size += len(data)

    def put_buffer(self, buffer: memoryview) -> bytes:
        """Append a large buffer, and return a row of the buffer table."""
        header = _number(buffer.nbytes)
        self.put(_no_ops(self._gap()) + (_BINBYTES8 if buffer.readonly else _BYTEARRAY8) + header)
        self._flush()
        offset = self.size
        digest = self._write_digested(buffer)
        self.size += buffer.nbytes
        flags = READ_ONLY if buffer.readonly else 0
        return _number(offset) + header + _number(flags) + digest

    def _write_digested(self, buffer: memoryview) -> bytes:
        """Write a buffer; returns its digest, which for a large one another thread makes meanwhile."""
        pieces = None
        if buffer.nbytes > PIECE:
            from .hashing import Pieces

            pieces = Pieces(buffer)
            pieces.help(1)
        try:
            for start in range(0, buffer.nbytes, PIECE):
                _bytes_of(self.fd, buffer[start : start + PIECE])
        except BaseException as error:
            if pieces is not None:
                pieces.cancel()
            if isinstance(error, OSError):
                raise _unwritable(error, self._folder) from None
            raise
        return buffer_digest(buffer) if pieces is None else pieces.digest()[:16]

    def _gap(self) -> int:
        """How many bytes of no-ops bring the contents of the next buffer to an aligned place; never 1."""
        gap = -(self.size + 9) % ALIGNMENT
        return gap if gap != 1 else gap + ALIGNMENT

    def close(self, numbers: bytes) -> None:
        """Append the footer and bring everything to the disk."""
        self.put(numbers)
        checksum = self.checksum.digest()
        self._tag.update(checksum)
        self.put(checksum + self._tag.digest() + TRAILER)
        self._flush()

    def discard(self) -> None:
        """Remove what there is of the draft; after it has been renamed, that is nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            try:
                os.close(fd)
            except OSError:
                pass
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                pass


def _unwritable(error: OSError, store_folder: str) -> Unwritable:
    """The words for trouble with the disk."""
    let_through(error)
    place = error.filename or store_folder
    return Unwritable(f"`{place}`: {error.strerror or error}", isinstance(error, FileNotFoundError))


class Writer:
    """Keeps values in the folder of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prepared = False

    def save(self, key: KeyLike, value: object, facts: dict[str, Any]) -> None:
        """See `Store.save`."""
        try:
            self._save(key, value, facts)
        except Unwritable as error:
            if not error.vanished:
                raise
            self._prepared = False  # the folder was removed under our hands: once more, from the beginning
            self._save(key, value, facts)

    def _save(self, key: KeyLike, value: object, facts: dict[str, Any]) -> None:
        store = self._store
        if not self._prepared:
            with Quiet():
                folder.prepare(store.folder)
                folder.remove_stale_drafts(store.folder)
            self._prepared = True
        try:
            with Quiet():
                tag = store.tagger(secret.read_or_make).copy()
        except Refused as refused:
            raise Unwritable(f"no key to sign it with: {refused.detail}") from None
        draft = Draft(store.folder)
        try:
            watched = facts.get("watched")
            if watched is None:
                buffers = pickling.dump(value, draft)
            else:
                buffers = pickling.dump(value, draft, watched.link, watched.rest)
                facts.update(watched.facts())
            created = time_ns()
            _complete(draft, tag, buffers, lambda size: manifest(key, value, facts, size, created))
            if watched is not None:
                prove(store, draft.fd, key, facts["site"], value, watched)  # before anybody can see it
            path = self._slot(key, _conditions(facts.get("trace", []), facts.get("effects", {})))
            _place(draft, store, path, created, bool(buffers))
            facts["path"] = path
        finally:
            draft.discard()

    def _slot(self, key: KeyLike, needs: list[Any]) -> str:
        """The file for an entry of this key and these conditions: that of an older one with the same, else a free one,
        else the one used least recently. What is pinned stays; raises `Unwritable` where all of them are."""
        store = self._store
        used: list[tuple[int, str]] = []
        for number in range(SLOTS):
            path = store.path(key, number)
            try:
                last = max(os.stat(path).st_atime_ns, store.journal.last(path))
            except OSError:
                return path
            if _trace_of(store, path, key) in (None, needs):
                return path
            used.append((last, path))
        used = [(last, path) for last, path in used if not _pinned(path)]
        if not used:
            raise Unwritable(f"all {SLOTS} results of this call are pinned")
        return min(used)[1]


def _pinned(path: str) -> bool:
    """Whether the user wants this entry to be kept for good (`devstash pin`)."""
    above, name = os.path.split(path)
    return os.path.lexists(f"{above}/{PINS}/{name}")


def _conditions(trace: list[Any], effects: dict[str, Any]) -> list[Any]:
    """What must hold for an entry to be a hit, besides its key: two entries that need not differ in it are never
    needed both. Of a trace's row kind, name and outcome count."""
    return [*(row[:2] + row[-1:] for row in trace), effects.get("random"), effects.get("objects")]


def _trace_of(store: Store, path: str, key: KeyLike) -> list[Any] | None:
    """What `conditions` says of the entry in `path`; None for an entry that is not in order, or not of this key."""
    found: list[Any] = []

    def note(rows: list[Any], effects: dict[str, Any]) -> None:
        found.extend(_conditions(rows, effects))
        raise Refused("known", "")

    try:
        fd = os.open(path, OPEN)
        try:
            from .mapped import copied

            view = copied(fd, os.fstat(fd).st_size)
            value_of(view, store.reader(view), key.text(), _believed, note)
        finally:
            os.close(fd)
    except Refused as refused:
        return found if refused.reason == "known" else None
    except (OSError, MemoryError, ValueError) as error:
        let_through(error)
        return None
    return _conditions([], {})


def _believed() -> bool:
    return True


def _complete(draft: Draft, tag: blake2b, buffers: list[memoryview], manifest_of: Callable[[int], bytes]) -> None:
    """All that comes after the pickle proper: buffers, manifest (told the stream's size), table, footer."""
    draft.seal(tag, bool(buffers))
    inner, inner_size = (draft.inner, draft.inner_size) if buffers else (0, draft.size)
    table = b""
    if buffers:
        draft.put(_BEFORE_BUFFERS)
        for buffer in buffers:
            table += draft.put_buffer(buffer)
            draft.put(b"a")  # APPEND
        draft.put(_AFTER_BUFFERS)
    stream = draft.size
    text = manifest_of(stream)
    draft.put(text + table)
    draft.close(b"".join(map(_number, (stream, len(text), len(table), inner, inner_size))))


def _place(draft: Draft, store: Store, path: str, created: int, with_buffers: bool) -> None:
    """Rename the draft to what it is the entry of.

    Readers see the old entry or the new one, nothing between.
    """
    try:
        os.utime(draft.fd, ns=(created, created))
        found = os.fstat(draft.fd)
        fd, draft.fd = draft.fd, -1
        os.close(fd)  # some file systems report a full disk only here
        try:
            os.replace(draft.path, path)
        except IsADirectoryError:
            os.rmdir(path)  # an empty folder in our place; one that holds something is left alone
            os.replace(draft.path, path)
        draft.path = ""
    except OSError as error:
        raise _unwritable(error, store.folder) from None
    if with_buffers and found.st_size > SMALL:
        store.note_written(found)
