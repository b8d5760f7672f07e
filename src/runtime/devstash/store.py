"""The store: the folder that keeps entries, one file for each kept call.

Reading is all that is loaded with this module. Trouble of any kind is a miss with a reason, never an
exception; an entry is complete or absent, because writers (`writing.py`) rename finished files into place
and never touch them again but for their access time.
"""

from _blake2 import blake2b

from . import entry, secret
from .journal import Journal
from .signals import let_through
from .system import os, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Protocol

    class SiteLike(Protocol):
        """What loading needs to know of a marked place."""

        file: str
        ttl: "int | None"
        refresh: bool
        load: "str | None"
        replay: "tuple[str, ...]"
        line: int

    class KeyLike(Protocol):
        """What the store needs to know of a call."""

        @property
        def module(self) -> str: ...
        @property
        def qualname(self) -> str: ...
        @property
        def digest(self) -> str: ...
        @property
        def previews(self) -> "dict[str, str]": ...
        def text(self) -> bytes: ...


# Longest file name; every file system takes it, and encrypted ones with their longer names as well.
NAME_LENGTH = 120
SUFFIX = ".pkl"
# What the folder's file `format` says.
LAYOUT = "1"
# A link in place of an entry is refused, a FIFO does not block.
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Type of the file, and write permission of group and others; an entry must come out as a plain file
# (0o100000).
_KIND = 0o170022
_PLAIN = 0o100000
# Clocks of machines that share a folder differ a little; an entry from further ahead has no age to be
# trusted.
_AHEAD = 60
# Every mapping holds a file descriptor until its last array is gone. From this number on large entries are
# read instead, so that a script that keeps many of them does not run out of descriptors on our account.
_MAPPED = 256
# So many things are remembered, of entries up to this size.
_MOST = 256
_REMEMBERED = 8192
# So many entries of one key are kept, which differ in what their calls read from the disk and the environment.
SLOTS = 8

_SAFE = {code: "_" for code in range(128) if not (chr(code).isalnum() or chr(code) in "._-")}


class Miss:
    """Why there is no value: `reason` is of the list in docs/cache-format.md, `detail` what was found."""

    __slots__ = ("reason", "detail")

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail

    def __repr__(self) -> str:
        return f"Miss({self.reason!r}, {self.detail!r})"


def entry_name(module: str, qualname: str, digest: str) -> str:
    """The file name of an entry: `<module>__<qualname>__<digest>.pkl`, plain characters only, never too
    long.

    The digest is that of the full key, so nothing depends on what the rest loses on the way.
    """
    stem = f"{module}__{qualname}"
    if not stem.isascii():
        stem = stem.encode("ascii", "replace").decode("ascii")
    stem = stem.translate(_SAFE)
    if stem[0] in ".-":
        stem = "_" + stem[1:]
    room = NAME_LENGTH - len(digest) - 2 - len(SUFFIX)
    if len(stem) > room:
        stem = stem[: room // 2 - 1] + ".." + stem[room // 2 + 1 - room :]
    return f"{stem}__{digest}{SUFFIX}"


class Store:
    """One cache folder. With `refresh` nothing is loaded, and what is saved replaces what was there."""

    def __init__(self, folder: str, refresh: bool = False) -> None:
        self.folder = os.path.abspath(folder)
        self.refresh = refresh
        self._trusted = False
        self._user = os.geteuid()
        self._tagger: Optional[blake2b] = None
        #: What happens in this run.
        self.journal = Journal(self.folder)
        # The beginnings of paths by module and qualified name.
        self._stems: dict[tuple[str, str], str] = {}
        # Small entries by path: inode, mtime, device, content, key, what it tells of what a hit saves.
        self._recent: dict[str, tuple[int, int, int, bytes, bytes, bytes]] = {}
        # Belongs to writing.py and checked.py, which are imported when first needed.
        self.writer: Any = None
        self.checked: Any = None

    def path(self, key: "KeyLike", slot: int = 0) -> str:
        """The file that keeps, or would keep, the call's result. Other slots are for other states of its inputs."""
        digest = key.digest
        if slot:
            digest = blake2b(b"%d " % slot + key.text(), digest_size=8).hexdigest()
        stem = self._stems.get((key.module, key.qualname))
        if stem is None:
            if len(self._stems) >= _MOST:
                self._stems.clear()
            stem = f"{self.folder}/{entry_name(key.module, key.qualname, key.digest)}"
            stem = stem[: -len(key.digest) - len(SUFFIX)]
            self._stems[key.module, key.qualname] = stem
        return f"{stem}{digest}{SUFFIX}"

    def load(
        self, key: "KeyLike", site: "SiteLike", bringer_of: "Optional[Callable[[], Any]]" = None
    ) -> "tuple[bool, Any]":
        """(True, value) for a hit, (False, Miss) otherwise.

        `bringer_of` gives the `bringing.Bringer` that judges what a call read and did, and brings it about; it is asked
        for an entry that tells of such. Runs no code from a file not signed with the user's key.
        """
        if self.refresh or site.refresh:
            return False, Miss("refresh")
        path = self.path(key)
        if path in self._recent and not site.replay:
            value = self._recent_value(path, key, site)
            if value is not None:
                return True, value[0]
        return self._load(path, key, site, bringer_of)

    def _load(self, path: str, key: "KeyLike", site: "SiteLike", bringer_of: "Any") -> "tuple[bool, Any]":
        first: Optional[Miss] = None
        about = ""  # the entry that `first` is about
        bringer: Any = None

        def judge(trace: "list[Any]", effects: "dict[str, Any]") -> "Any":
            nonlocal bringer
            if bringer_of is None:
                raise entry.Refused("irrecoverable", "there is nobody to bring about what its call did")
            bringer = bringer_of()
            return bringer.judge(trace, effects)

        for slot in range(SLOTS):
            if slot:
                path = self.path(key, slot)
            try:
                fd = os.open(path, OPEN)
            except OSError as error:
                let_through(error)
                return False, first or _not_opened(error)
            try:
                value, changes, told = self.read(fd, key, site, judge, path)
                if bringer is None and site.replay and bringer_of is not None:
                    judge([], {})  # an entry that tells of nothing has no output either, and some is wanted
                if bringer is not None:
                    value = bringer.bring(value, changes)
                self.journal.hit(path, site, told)
                return True, value
            except entry.Refused as refused:
                miss = Miss(refused.reason, refused.detail)
            except (OSError, MemoryError) as error:
                let_through(error)
                miss = Miss("unreadable", str(error))
            finally:
                os.close(fd)
            if first is None or (first.reason == miss.reason == "input changed" and _is_newer(path, about)):
                first, about = miss, path
            bringer = None
        return False, first

    def read(
        self, fd: int, key: "KeyLike", site: "SiteLike", judge: "Any", path: "Optional[str]" = None
    ) -> "tuple[object, Any, bytes]":
        """What the open entry `fd` holds, see `entry.value_of`. Raises `entry.Refused` and OSError.

        If `path` says where the entry lies, it is remembered: a small one with its content, a large one as mapped.
        """
        found = os.fstat(fd)
        self._judge_file(found, site)
        if found.st_size <= entry.SMALL:
            data = os.read(fd, found.st_size)
            view = memoryview(data)
            tagger = self.reader(view)
            value = entry.quick(data, tagger, key.text())
            if value is not None:
                if path is not None and found.st_size <= _REMEMBERED:
                    self._remember(path, found, data, key.text(), value[1])
                return value[0], None, value[1]
            if _has_buffers(view):
                view = memoryview(bytearray(data))  # what the script may write to
            return entry.value_of(view, tagger, key.text(), _never, judge)
        from . import mapped

        mapping = mapped.mapped(fd, found.st_size) if fd < _MAPPED and site.load != "copy" else None
        view = mapped.copied(fd, found.st_size) if mapping is None else mapping
        read = entry.value_of(view, self.reader(view), key.text(), lambda: self._checked().knows(found), judge)
        if _has_buffers(view):
            self._checked().note(found)
            if mapping is not None and path is not None:
                mapped.note(mapping, path, found)
        return read

    def _judge_file(self, found: os.stat_result, site: "SiteLike") -> None:
        """Raise `entry.Refused` for a file that must not be used, whatever it holds."""
        if found.st_mode & _KIND != _PLAIN or found.st_uid != self._user:
            raise entry.Refused("foreign", _foreign(found))
        if not self._trusted:
            self._trust()
        if site.ttl is not None and not -_AHEAD <= time() - found.st_mtime <= site.ttl:
            over = time() - found.st_mtime - site.ttl
            if over < 0:
                raise entry.Refused("expired", "made ahead of the clock")
            from .summary import age

            raise entry.Refused("expired", f"{age(over)} ago, ttl {age(site.ttl)}")

    def _remember(self, path: str, found: os.stat_result, data: bytes, text: bytes, told: bytes) -> None:
        if len(self._recent) >= _MOST:
            self._recent.clear()
        self._recent[path] = (found.st_ino, found.st_mtime_ns, found.st_dev, data, text, told)

    def _recent_value(self, path: str, key: "KeyLike", site: "SiteLike") -> "Optional[tuple[Any]]":
        """The value of an entry that has been read in this run, is small, tells of nothing else, and is still there."""
        inode, mtime, device, data, text, told = self._recent[path]
        try:
            found = os.lstat(path)
            self._judge_file(found, site)
        except (OSError, entry.Refused) as error:
            let_through(error)
            return None
        if found.st_ino != inode or found.st_mtime_ns != mtime or found.st_dev != device:
            return None
        if text != key.text():  # another key with the same digest
            return None
        self.journal.hit(path, site, told)
        return entry.again(data)

    def reader(self, view: memoryview) -> "blake2b":
        """The keyed hash to check `view` with. What is no entry is told from an entry without a key."""
        if self._tagger is None:
            entry.require_footer(view)
        return self.tagger(secret.read)

    def tagger(self, key: "Any") -> "blake2b":
        """The keyed hash of this user; `key` is `secret.read` or `secret.read_or_make`."""
        if self._tagger is None:
            try:
                self._tagger = entry.authenticator(key())
            except secret.NoKey as error:
                raise entry.Refused("no key file", str(error)) from None
        return self._tagger

    def _trust(self) -> None:
        """Make sure, once, that nobody else can put files into the folder."""
        reason = distrust(os.stat(self.folder))
        if reason:
            raise entry.Refused("foreign", f"the folder `{self.folder}` {reason}")
        try:
            fd = os.open(f"{self.folder}/format", OPEN)
        except FileNotFoundError:
            return  # not made by this devstash, or not made up to the end: its files will tell what they are
        try:
            layout = os.read(fd, 64).decode("utf-8", "replace").strip()
        finally:
            os.close(fd)
        if layout != LAYOUT:
            raise entry.Refused("future format", f"the folder `{self.folder}` is of format {layout!r}, not {LAYOUT}")
        self._trusted = True

    def _checked(self) -> "Any":
        if self.checked is None:
            from .checked import Checked

            self.checked = Checked(self.folder)
        return self.checked

    def save(self, key: "KeyLike", value: object, facts: "dict[str, Any]") -> None:
        """Keep `value` as the result of the call, once it has been proved that it can be brought back. Raises
        `Unstorable` or `Unwritable`, having left nothing behind.

        `facts` tells what only the caller knows: `duration` in seconds, `site` (a `site.Site`), `trace` and `effects`
        (docs/cache-format.md), or in their place `watched` (an `effects.Found`), which knows them after pickling. It is
        told `path`, where the entry is.
        """
        if self.writer is None:
            from .writing import Writer

            self.writer = Writer(self)
        self.writer.save(key, value, facts)

    def note_written(self, found: os.stat_result) -> None:
        """Remember that the large buffers of this file have just been written, so need no check for now."""
        self._checked().note(found)


def distrust(folder: os.stat_result) -> str:
    """What speaks against using this folder, or nothing."""
    if folder.st_mode & 0o170000 != 0o040000:
        return "is not a folder"
    if folder.st_uid != os.geteuid():
        return "belongs to another user"
    if folder.st_mode & 0o022:
        return "can be written to by other users; `chmod 700` it"
    return ""


def _is_newer(path: str, other: str) -> bool:
    """Whether the entry at `path` was made after the other: what has changed since then is the better reason."""
    try:
        return os.lstat(path).st_mtime_ns > os.lstat(other).st_mtime_ns
    except OSError as error:
        let_through(error)
        return False


def _never() -> bool:
    return False


def _has_buffers(view: memoryview) -> bool:
    """Whether the footer speaks of large buffers; only a hint, nothing is checked here."""
    return len(view) >= entry.FOOTER and any(view[-entry.FOOTER + 16 : -entry.FOOTER + 24])


def _not_opened(error: OSError) -> Miss:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Miss("absent")
    from errno import ELOOP

    if error.errno == ELOOP:  # O_NOFOLLOW met a link
        return Miss("foreign", "a symbolic link is in its place")
    return Miss("unreadable", error.strerror or str(error))


def _foreign(found: os.stat_result) -> str:
    if found.st_mode & 0o170000 != _PLAIN:
        return "something that is not a plain file is in its place"
    if found.st_uid != os.geteuid():
        return "the file belongs to another user"
    return "other users can write to the file"
