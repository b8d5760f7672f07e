"""Bringing back the files that a call wrote: the rows of written.py, applied on a hit.

Safely: all is looked at before anything is changed, nothing is written through a link that was not there, files are
made aside and renamed, contents are checked on their way, and what is equal is left alone.
"""

from __future__ import annotations

from errno import ENOENT, EXDEV

from . import blobs
from .contents import Unsteady, path_of, read_state, state_of
from .places import ALL, WORDS, below, look
from .quiet import Quiet
from .signals import let_through
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def here(rows: list[list[Any]]) -> list[list[Any]]:
    """The rows with absolute paths, as they are in this working directory."""
    cwd = ""
    found = []
    for row in rows:
        row = list(row)
        for place in (1, 2) if row[0] == "via" else (1,):
            path = path_of(row[place])
            if path[:1] != "/":
                cwd = cwd or os.getcwd()
                path = os.path.normpath(f"{cwd}/{path}")
            row[place] = path
        if row[0] == "link":
            row[2] = path_of(row[2])
        found.append(row)
    return found


def ready(rows: list[list[Any]], folder: str) -> str | None:
    """Why these rows cannot all be brought back safely, None if they can. Changes nothing."""
    with Quiet():
        try:
            return _Ready(here(rows), folder).reason()
        except (OSError, ValueError) as error:
            let_through(error)
            return f"what the call wrote cannot be brought back: {error}"


class _Ready:
    """One look at what is there, before anything is brought back."""

    def __init__(self, rows: list[list[Any]], folder: str) -> None:
        self._rows = rows
        self._folder = folder
        self._made = {row[1] for row in rows if row[0] == "dir"}
        self._links = {row[1] for row in rows if row[0] == "link"}
        self._gone = {row[1] for row in rows if row[0] == "gone"}
        self._parents: dict[str, str | None] = {}
        self._open: set[tuple[int, int]] | None = None

    def reason(self) -> str | None:
        for row in self._rows:
            path = row[1]
            if row[0] == "via":
                reason = self._via(path, row[2])
            elif row[0] == "cwd":
                reason = None if os.getcwd() == path else "the call wrote into another working directory"
            else:
                reason = self._reason(row, path)
            if reason is not None:
                return reason
        return None

    def _via(self, name: str, path: str) -> str | None:
        if os.path.realpath(name) == path or (name in self._links and not os.path.lexists(name)):
            return None
        return f"`{name}` does not lead to `{path}` any more"

    def _reason(self, row: list[Any], path: str) -> str | None:
        parent = os.path.dirname(path)
        if parent not in self._parents:
            self._parents[parent] = self._unsafe(parent)
        unsafe = self._parents[parent]
        if unsafe is not None:
            return unsafe
        found, kind = look(path)
        if row[0] == "file":
            return self._file(row, path, parent, found, kind)
        if row[0] == "dir":
            if kind == "dir" or (kind == "absent" and self._writable(parent)):
                return None
        elif row[0] == "link":
            if kind == "link" and os.readlink(path) == row[2]:
                return None
            if kind in ("absent", "link", "file"):
                return None if self._writable(parent) else f"the folder `{parent}` cannot be written to"
        elif row[0] == "gone":
            if kind == "absent":
                return None
            if kind == row[2]:
                left = [name for name in below(path) if name not in self._gone] if kind == "dir" else []
                if left:
                    return f"the folder `{path}` is not empty: it holds `{os.path.basename(left[0])}`"
                return self._replaceable(path, parent, found)
        else:
            return f"a newer devstash wrote of `{path}`"
        return self._other(path, parent, kind)

    def _file(self, row: list[Any], path: str, parent: str, found: os.stat_result | None, kind: str) -> str | None:
        _, _, _, size, digest, *_ = row
        if digest is None:
            return None if kind == "file" else self._other(path, parent, kind)
        if found is not None and kind == "file":
            if _equal(row, path, found, self._folder):
                return None
            reason = self._replaceable(path, parent, found)
            if reason is not None:
                return reason
        elif kind != "absent":
            return self._other(path, parent, kind)
        elif not self._writable(parent):
            return f"the folder `{parent}` cannot be written to"
        if not blobs.holds(self._folder, digest, size):
            return f"the contents of `{path}` are not in the cache any more"
        return None

    def _unsafe(self, parent: str) -> str | None:
        """What speaks against writing in this folder."""
        if os.path.realpath(parent) != parent:
            return f"the folder `{parent}` is somewhere else now"
        if parent not in self._made and look(parent)[1] != "dir":
            return f"the folder `{parent}` is gone"
        return None

    def _writable(self, parent: str) -> bool:
        return os.access(parent, os.W_OK | os.X_OK) or (parent in self._made and not os.path.lexists(parent))

    def _other(self, path: str, parent: str, kind: str) -> str:
        if kind == "absent":
            return f"`{path}` is gone" if self._writable(parent) else f"the folder `{parent}` cannot be written to"
        return f"`{path}` is a {WORDS[kind]} now"

    def _replaceable(self, path: str, parent: str, found: os.stat_result | None) -> str | None:
        """What speaks against putting another file in place of this one, as opposed to writing into it."""
        if found is None:
            return None
        if not self._writable(parent):
            return f"the folder `{parent}` cannot be written to"
        if found.st_uid != os.geteuid():
            return f"`{path}` belongs to another user"
        if found.st_mode & 0o170000 != 0o100000:
            return None
        if found.st_nlink > 1:
            return f"the file `{path}` has other names, which would not change with it"
        if self._open is None:
            self._open = _open_files()
        if (found.st_dev, found.st_ino) in self._open:
            return f"the program has `{path}` open"
        return None


def bring_back(rows: list[list[Any]], folder: str) -> None:
    """Do again what the rows say. What is equal is left alone.

    All that can fail comes first: folders and drafts of all files, then everything is put in place. Raises `OSError`.
    """
    with Quiet():
        _bring_back(here(rows), folder)


def _bring_back(rows: list[list[Any]], folder: str) -> None:
    modes: list[tuple[str, int]] = []
    made: list[str] = []
    drafts: list[tuple[str, str, list[Any]]] = []  # draft, target, row
    try:
        for row in sorted([row for row in rows if row[0] == "dir"], key=_path):
            path = row[1]
            found, kind = look(path)
            if kind != "dir":
                os.mkdir(path)
                made.append(path)
            if row[2] is not None and (found is None or found.st_mode & ALL != row[2]):
                modes.append((path, row[2]))
        for row in rows:
            if row[0] == "file":
                path = row[1]
                _require_parent(path)
                found, kind = look(path)
                if kind == "file" and found is not None and (row[4] is None or _equal(row, path, found, folder)):
                    if row[2] is not None and found.st_mode & ALL != row[2]:
                        modes.append((path, row[2]))
                    if row[8] and found.st_mtime_ns != row[5]:
                        os.utime(path, ns=(found.st_atime_ns, row[5]))
                elif row[4] is None:
                    raise OSError(ENOENT, "the file is gone", path)
                else:
                    mode = found.st_mode & ALL if found is not None and row[2] is None else row[2]
                    drafts.append((_draft(folder, row, path, mode, beside=False), path, row))
        while drafts:
            draft, path, row = drafts[-1]
            try:
                os.rename(draft, path)
            except OSError as error:
                if error.errno != EXDEV:
                    raise
                mode = os.stat(draft).st_mode & ALL
                again = _draft(folder, row, path, mode, beside=True)
                drafts.append((again, path, row))
                os.rename(again, path)
                drafts.pop()
                os.unlink(draft)
            drafts.pop()
        made.clear()
    finally:
        for draft, _, _ in drafts:
            try:
                os.unlink(draft)
            except OSError:
                pass
        for path in reversed(made):
            try:
                os.rmdir(path)
            except OSError:
                pass
    _links_and_removals(rows)
    for path, mode in reversed(modes):
        os.chmod(path, mode)


def _links_and_removals(rows: list[list[Any]]) -> None:
    for row in rows:
        if row[0] == "link":
            path, target = row[1], row[2]
            _require_parent(path)
            if look(path)[1] != "link" or os.readlink(path) != target:
                draft = _beside(path)
                os.symlink(target, draft)
                try:
                    os.rename(draft, path)
                except OSError:
                    os.unlink(draft)
                    raise
    for row in sorted([row for row in rows if row[0] == "gone"], key=_path, reverse=True):
        path = row[1]
        kind = look(path)[1]
        if kind == row[2]:
            _require_parent(path)
            if kind == "dir":
                os.rmdir(path)
            else:
                os.unlink(path)


def _draft(folder: str, row: list[Any], path: str, mode: int | None, beside: bool) -> str:
    """A file with the row's contents, to be renamed to `path`; None as mode makes it like any new file."""
    from .folder import DRAFTS

    draft = f"{folder}/{DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
    parent = os.stat(os.path.dirname(path))
    try:
        # Whoever is killed leaves a file in our folder rather than in the user's. A folder with setgid gives its
        # group only to what is made in it.
        beside = beside or parent.st_mode & 0o2000 != 0 or os.stat(os.path.dirname(draft)).st_dev != parent.st_dev
    except OSError:
        beside = True
    if beside:
        draft = _beside(path)
    fd = os.open(draft, _WRITE, 0o666 if mode is None else 0o600)
    try:
        try:
            blobs.copy_out(folder, row[4], row[3], fd)
            if mode is not None:
                os.fchmod(fd, mode)
            if row[8]:
                os.utime(fd, ns=(time_ns(), row[5]))
        finally:
            os.close(fd)
    except BaseException:
        os.unlink(draft)
        raise
    return draft


def _beside(path: str) -> str:
    return f"{os.path.dirname(path)}/.devstash-{os.getpid()}-{os.urandom(6).hex()}"


def _path(row: list[Any]) -> str:
    path: str = row[1]
    return path


def _require_parent(path: str) -> None:
    """Never write through a link that was not there when the call ran."""
    parent = os.path.dirname(path)
    if os.path.realpath(parent) != parent:
        raise OSError(EXDEV, "the folder is somewhere else now", parent)


# --- equality without reading ---------------------------------------------------------------------------------------


def _equal(row: list[Any], path: str, found: os.stat_result, folder: str) -> bool:
    """Whether the file has the row's contents: by its size and times where they prove it, otherwise by reading it.

    What reading has shown is noted beside the entries, in `.stat/w<16 hex>`, so that the next hit need not read.
    """
    _, _, _, size, digest, mtime, ctime, inode, _ = row
    if found.st_size != size:
        return False
    if inode and (found.st_mtime_ns, found.st_ctime_ns, found.st_ino) == (mtime, ctime, inode):
        return True
    note = f"{digest} {size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {found.st_dev}".encode()
    place = f"{folder}/.stat/w{_short(path)}"
    try:
        fd = os.open(place, _READ)
    except OSError:
        pass
    else:
        try:
            if os.read(fd, 512) == note:
                return True
        finally:
            os.close(fd)
    try:
        known, state, racy = read_state(path)
    except Unsteady:
        return False
    if known.hex() != digest:
        return False
    if not racy and state == state_of(found):
        _note(folder, place, note)
    return True


def _note(folder: str, place: str, note: bytes) -> None:
    from .folder import DRAFTS

    draft = f"{folder}/{DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
    try:
        fd = os.open(draft, _WRITE, 0o600)
        try:
            os.write(fd, note)
        finally:
            os.close(fd)
        try:
            os.rename(draft, place)
        except FileNotFoundError:
            os.mkdir(os.path.dirname(place), 0o700)
            os.rename(draft, place)
    except OSError:
        pass  # the next hit reads the file once more


def _short(path: str) -> str:
    from _blake2 import blake2b

    return blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _open_files() -> set[tuple[int, int]]:
    """Device and inode of every file that this process has open."""
    held = set()
    for name in os.listdir("/dev/fd"):
        try:
            found = os.fstat(int(name))
        except (OSError, ValueError):
            continue
        held.add((found.st_dev, found.st_ino))
    return held
