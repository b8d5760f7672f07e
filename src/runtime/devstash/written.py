"""Files that a call writes, and bringing them back.

While the call runs, `Writes` notes what was at each path before the call changes it. Afterwards the difference
becomes rows of the entry, with the contents in the blob store; on a hit the rows are applied again.

What was before the call counts in two ways. Where the call builds upon it (appending, `r+`, a database, `mkdir` without
`exist_ok`), it is an input, checked before a hit like everything the call read. Where the call drops it
(`open(…, "w")`, renaming over it), it does not matter, and what the call left there is brought back whatever was there.

Rows of an entry, all paths absolute and without symbolic links in their folders:

    ["file", path, mode, size, digest, mtime_ns, ctime_ns, inode, dated]
                                       mode null: as files are made, or as it is; digest null: only mode and time were
                                       changed; times and inode 0 when they prove nothing; dated 1: the call set mtime
    ["dir", path, mode]                a folder that the call made sure of
    ["link", path, target]
    ["gone", path, kind]               a file, link or empty folder ("file", "link", "dir") that the call removed
    ["via", name, path]                the name that the call used leads to this path; no hit where it leads elsewhere
"""

from __future__ import annotations

import sys
from _thread import get_ident
from errno import ENOENT, EXDEV

from . import blobs
from .contents import Unsteady, is_racy, path_of, path_text, quiet, read_state, state_of
from .store import Unstorable
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# How far the clock of a file system may be from ours, and how coarse it may count (nanoseconds).
_APART = 2_000_000_000
_ALL = 0o7777
# More than this in one folder that the call made is not looked at.
_MOST = 100_000
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {0o100000: "file", 0o040000: "dir", 0o120000: "link"}
_WORDS = {"file": "file", "dir": "folder", "link": "symbolic link", "other": "special file"}
# What SQLite puts beside a database while it is at work there.
_COMPANIONS = ("-wal", "-journal")
_SPECIAL = {0o010000: "a FIFO", 0o140000: "a socket", 0o020000: "a device", 0o060000: "a device"}


class _State:
    """What was at one path before the call changed it first."""

    __slots__ = ("path", "whole", "kind", "found", "racy", "digest", "times", "target")

    def __init__(self, path: str, whole: bool) -> None:
        self.path = path
        self.whole = whole  # the old content was dropped unseen, so it is no input
        self.digest: bytes | None = None  # of a file that the call built upon
        self.times: tuple[int, ...] = ()  # what its trace row says of it: size, mtime, ctime, inode, device, racy
        self.target = ""  # of a link
        self.found, self.kind = _look(path)
        self.racy = self.found is not None and _racy(self.found)


class Writes:
    """What one call changes in the file system. Paths are absolute."""

    def __init__(self, store_folder: str = "") -> None:
        self._ours = store_folder.rstrip("/") + "/" if store_folder else ""
        self._states: dict[str, _State] = {}  # by path without links in its folders
        self._names: dict[str, str] = {}  # paths as they were touched, and their states' paths
        self._parents: dict[str, str] = {}  # folders as they were named, and without links
        self._leads: dict[str, str] = {}  # names that led elsewhere, and where
        self._trouble: list[str] = []
        self._began = time_ns()
        self._inputs: list[list[Any]] | None = None
        self._after: list[tuple[_State, os.stat_result | None, str]] = []

    # --- while the call runs ---------------------------------------------------------------------------------------

    def touch(self, path: str, whole: bool) -> None:
        """Note what is at `path`, which is about to change.

        `whole` says that the old content is dropped: truncated, replaced, removed. What must not be there for the
        operation to work (`open(…, "x")`, `mkdir`, `symlink`) is touched with `whole` False.
        """
        try:
            with _Quiet():
                self._touch(path, whole)
        except (OSError, ValueError) as error:
            if not _ignored(path, self._ours):
                self._trouble.append(f"`{path}` could not be looked at before the call changed it: {error}")

    def _touch(self, path: str, whole: bool) -> None:
        real = self._names.get(path)
        if real is None:
            if _ignored(path, self._ours):
                return
            real = self._resolved(path)
            self._names[path] = real
            if _ignored(real, self._ours):
                return
        state = self._states.get(real)
        if state is None:
            state = _State(real, whole)
            if not whole:
                whole = state.whole = state.kind in ("absent", "dir") and _either_way()
            if state.kind == "file" and not whole:
                self._require_content(state)
                self._companion(real)
            elif state.kind == "link":
                state.target = os.readlink(real)
            # Another thread may have been quicker: what it saw was there before its own change.
            state = self._states.setdefault(real, state)
            kind = state.kind
        else:
            found, kind = _look(real)
            if state.whole and not whole and state.kind == kind == "file" and _same(state.found, found):
                self._require_content(state)  # the earlier operation, which would have dropped it, failed
                state.whole = False
            elif state.whole and not whole and state.kind == kind == "dir" and not _either_way():
                state.whole = False
        if kind == "link":
            # `open` goes through a link, `remove` does not: both are noted, and afterwards only changes count.
            target = os.path.realpath(real)
            if state.kind == "link":
                self._leads.setdefault(real, target)
            self._parents.clear()  # the call may make and remove links
            if target != real:
                self._touch(target, whole)

    def appeared(self, path: str) -> None:
        """Note a file that is there after the call and was not before, written by code that nobody saw."""
        if _ignored(path, self._ours):
            return
        real = self._names[path] = self._resolved(path)
        state = _State(real, True)
        state.found, state.kind, state.racy = None, "absent", False
        self._states.setdefault(real, state)

    def is_touched(self, path: str) -> bool:
        """Whether the call has changed, or was about to change, what is at `path`."""
        if not self._states:
            return False
        if path in self._names or path in self._states:
            return True
        try:
            return self._resolved(path) in self._states
        except (OSError, ValueError):
            return False

    def _resolved(self, path: str) -> str:
        """`path` without links in its folders; the last part stays what it is."""
        folder, slash, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        parent = self._parents.get(folder)
        if parent is None:
            parent = self._parents[folder] = os.path.realpath(folder or "/")
            if parent != (folder or "/"):
                self._leads.setdefault(folder or "/", parent)
        return f"{parent}/{name}" if parent != "/" else f"/{name}"

    def _require_content(self, state: _State) -> None:
        try:
            state.digest, times, racy = read_state(state.path)
            state.times = (*times, int(racy))
        except OSError as error:
            self._trouble.append(f"`{state.path}` is changed by the call, and cannot be read: {error.strerror}")
        except Unsteady:
            self._trouble.append(f"`{state.path}` is changed by the call, and by somebody else")

    def _companion(self, path: str) -> None:
        """Note the files beside a database, which its library writes unseen."""
        for ending in _COMPANIONS:
            beside = path + ending
            if beside not in self._states:
                state = _State(beside, False)
                if state.kind == "file":
                    self._require_content(state)
                    self._states.setdefault(beside, state)

    # --- afterwards ------------------------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        """Why a hit could not bring about what was changed, or None."""
        self._conclude()
        return self._trouble[0] if self._trouble else None

    def inputs(self) -> list[list[Any]]:
        """What was there before the call and counts for it, as rows of the trace."""
        self._conclude()
        return self._inputs or []

    def _conclude(self) -> None:
        """Compare before and after, once."""
        if self._inputs is not None:
            return
        self._inputs = []
        try:
            with _Quiet():
                self._compare()
        except (OSError, ValueError, Unsteady) as error:
            self._trouble.append(f"what the call wrote cannot be looked at: {error}")

    def _compare(self) -> None:
        self._walk_new_folders()
        moved: dict[tuple[int, int], _State] = {}
        for state in self._states.values():
            found, kind = _look(state.path)
            self._after.append((state, found, kind))
            if kind == "absent" and state.found is not None:
                moved[(state.found.st_dev, state.found.st_ino)] = state
            if state.whole and state.racy and kind == "file" and _same(state.found, found):
                # Nothing happened, or the same size was written within one tick of the clock. That the content has to
                # be this one, and is not changed, holds either way.
                self._require_content(state)
                state.whole = False
        self._after.sort(key=lambda row: row[0].path)
        for state, found, kind in self._after:
            self._judge(state, found, kind, moved)
        for state, _, kind in self._after:
            self._require(state, kind)

    def _walk_new_folders(self) -> None:
        """Add all that is in folders that the call has made: some was renamed in, some written unseen."""
        for state in list(self._states.values()):
            if state.kind == "absent" and _look(state.path)[1] == "dir":
                for number, path in enumerate(_below(state.path)):
                    if number > _MOST:
                        self._trouble.append(f"the folder `{state.path}`, which the call made, holds too much")
                        break
                    if path not in self._states and not _ignored(path, self._ours):
                        new = _State(path, True)
                        new.found, new.kind, new.racy = None, "absent", False
                        self._states[path] = new

    def _judge(
        self, state: _State, found: os.stat_result | None, kind: str, moved: dict[tuple[int, int], _State]
    ) -> None:
        """Find what speaks against bringing this path back."""
        path, trouble = state.path, self._trouble
        if path.endswith(_COMPANIONS) and path.rpartition("-")[0] in self._states:
            if not _same(state.found, found):
                trouble.append(f"the database `{path.rpartition('-')[0]}` is in use elsewhere")
            return
        if found is None or _same(state.found, found):
            return
        if kind == "other":
            what = _SPECIAL.get(found.st_mode & 0o170000, "a special file")
            if state.kind != "other":
                trouble.append(f"the call makes `{path}`, {what}")
            return
        if state.kind == "other" or "dir" in (kind, state.kind) and state.kind not in (kind, "absent"):
            trouble.append(f"the call replaces `{path}`, a {_WORDS[state.kind]}, by a {_WORDS[kind]}")
        source = moved.get((found.st_dev, found.st_ino))
        # Numbers of inodes are used again, so a number alone does not tell that something was moved.
        if source is not None and kind == "dir" and not source.whole:
            trouble.append(f"the call moves the folder `{source.path}`, which was there before it")
        elif source is not None and kind == "file" and source.digest is None:
            # A file from before the call under another name: what was in it is an input.
            before = source.found
            if before is not None and (before.st_size, before.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
                # The change of name has changed its ctime, so the times prove nothing: it counts as racy.
                source.digest = read_state(path)[0]
                source.times = (before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino, before.st_dev, 1)
        if kind == "file" and not state.whole:
            beside = [path + ending for ending in _COMPANIONS if path + ending not in self._states]
            if any(_look(name)[1] != "absent" for name in beside):
                trouble.append(f"the database `{path}` is in use after the call")
        if kind == "file" and found.st_nlink > 1 and (state.found is None or state.found.st_ino != found.st_ino):
            trouble.append(f"the call makes a second name for the file `{path}`")

    def _require(self, state: _State, after: str) -> None:
        """Add what has to be at this path before a hit."""
        path, before = state.path, state.found
        inputs = self._inputs
        assert inputs is not None
        if before is None:
            parent = os.path.dirname(path)
            if not state.whole:
                inputs.append(["absent", path_text(path)])
            elif after == "absent" and parent not in self._states and _look(parent)[1] == "absent":
                inputs.append(["absent", path_text(parent)])  # why the file could not be made
        elif state.digest is not None:
            inputs.append(["file", path_text(path), *state.times, state.digest.hex()])
        elif not state.whole or after == "absent":
            inputs.append(["kind", path_text(path), state.kind])

    def rows(self, folder: str) -> list[list[Any]]:
        """What the call left behind, as rows of the entry; contents are put into the blob store in `folder`.

        Raises `store.Unstorable` and `store.Unwritable`.
        """
        self._conclude()
        with _Quiet():
            return self._rows(folder)

    def _rows(self, folder: str) -> list[list[Any]]:
        ours = folder.rstrip("/") + "/"
        rows: list[list[Any]] = []
        default = -1
        for state, found, kind in self._after:
            path, before = state.path, state.found
            if _ignored(path, ours) or (_same(before, found) and not state.racy and kind != "dir"):
                continue
            text = path_text(path)
            if found is None:
                if before is not None:
                    rows.append(["gone", text, state.kind])
                continue
            if kind == "link":
                target = os.readlink(path)
                if state.kind != "link" or target != state.target:
                    rows.append(["link", text, path_text(target)])
                continue
            if before is None and default < 0:
                default = ~_umask()
            mode: int | None = found.st_mode & _ALL
            if before is None:
                # Setgid of a new folder comes from the folder that it is in.
                made = 0o777 & default if kind == "dir" else 0o666 & default
                mode = None if mode in (made, made | 0o2000) else mode
            elif before.st_ino == found.st_ino and before.st_mode == found.st_mode:
                mode = None
            if kind == "dir":
                if before is None or state.whole or mode is not None:
                    rows.append(["dir", text, mode])
            elif kind == "file":
                row = self._file(state, found, mode, folder)
                if row is not None:
                    rows.append(row)
        if rows:
            used = {os.path.dirname(path_of(row[1])) for row in rows} | {path_of(row[1]) for row in rows}
            for name, real in self._leads.items():
                if real in used:
                    rows.append(["via", path_text(name), path_text(real)])
        return rows

    def _file(self, state: _State, found: os.stat_result, mode: int | None, folder: str) -> list[Any] | None:
        """The row of a file that is there after the call, None when the call changed nothing about it."""
        path, before = state.path, state.found
        # A time that the clock did not give was set: by copying with its times, by unpacking, by renaming.
        dated = not self._began - _APART <= found.st_mtime_ns <= time_ns() + _APART
        if before is not None and before.st_mtime_ns == found.st_mtime_ns:
            dated = False
        if state.digest is not None and before is not None and before.st_size == found.st_size:
            try:
                same = read_state(path)[0] == state.digest
            except OSError as error:
                raise Unstorable(f"`{path}`", "file", error.strerror or str(error)) from None
            except Unsteady:
                raise Unstorable(f"`{path}`", "file", "it changes while it is being kept") from None
            if same:
                if mode is None and not dated:
                    return None
                return ["file", path_text(path), mode, found.st_size, None, found.st_mtime_ns, 0, 0, int(dated)]
        digest, size = blobs.put_file(folder, path)
        now, _ = _look(path)
        times = [found.st_mtime_ns, 0, 0]
        if now is not None and _same(found, now) and not _racy(now):
            times = [now.st_mtime_ns, now.st_ctime_ns, now.st_ino]
        return ["file", path_text(path), mode, size, digest, *times, int(dated)]


# --- a hit ----------------------------------------------------------------------------------------------------------


def paths(rows: list[list[Any]]) -> list[str]:
    """What bringing back these rows is going to change, for `Writes.touch` of an outer call.

    What the inner call built upon is in its trace, which becomes the outer one's, so `whole` is True for all of them.
    """
    return [path_of(row[1]) for row in rows if row[0] != "via"]


def ready(rows: list[list[Any]], folder: str) -> str | None:
    """Why these rows cannot all be brought back safely, None if they can. Changes nothing."""
    with _Quiet():
        try:
            return _Ready(rows, folder).reason()
        except (OSError, ValueError) as error:
            return f"what the call wrote cannot be brought back: {error}"


class _Ready:
    """One look at what is there, before anything is brought back."""

    def __init__(self, rows: list[list[Any]], folder: str) -> None:
        self._rows = rows
        self._folder = folder
        self._made = {path_of(row[1]) for row in rows if row[0] == "dir"}
        self._links = {path_of(row[1]) for row in rows if row[0] == "link"}
        self._gone = {path_of(row[1]) for row in rows if row[0] == "gone"}
        self._parents: dict[str, str | None] = {}
        self._open: set[tuple[int, int]] | None = None

    def reason(self) -> str | None:
        for row in self._rows:
            path = path_of(row[1])
            reason = self._via(path, path_of(row[2])) if row[0] == "via" else self._reason(row, path)
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
        found, kind = _look(path)
        if row[0] == "file":
            return self._file(row, path, parent, found, kind)
        if row[0] == "dir":
            if kind == "dir" or (kind == "absent" and self._writable(parent)):
                return None
        elif row[0] == "link":
            if kind == "link" and os.readlink(path) == path_of(row[2]):
                return None
            if kind in ("absent", "link", "file"):
                return None if self._writable(parent) else f"the folder `{parent}` cannot be written to"
        elif row[0] == "gone":
            if kind == "absent":
                return None
            if kind == row[2]:
                left = [name for name in _below(path) if name not in self._gone] if kind == "dir" else []
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
        if parent not in self._made and _look(parent)[1] != "dir":
            return f"the folder `{parent}` is gone"
        return None

    def _writable(self, parent: str) -> bool:
        return os.access(parent, os.W_OK | os.X_OK) or (parent in self._made and not os.path.lexists(parent))

    def _other(self, path: str, parent: str, kind: str) -> str:
        if kind == "absent":
            return f"`{path}` is gone" if self._writable(parent) else f"the folder `{parent}` cannot be written to"
        return f"`{path}` is a {_WORDS[kind]} now"

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
    with _Quiet():
        _bring_back(rows, folder)


def _bring_back(rows: list[list[Any]], folder: str) -> None:
    modes: list[tuple[str, int]] = []
    made: list[str] = []
    drafts: list[tuple[str, str, list[Any]]] = []  # draft, target, row
    try:
        for row in sorted((row for row in rows if row[0] == "dir"), key=_path):
            path = path_of(row[1])
            found, kind = _look(path)
            if kind != "dir":
                os.mkdir(path)
                made.append(path)
            if row[2] is not None and (found is None or found.st_mode & _ALL != row[2]):
                modes.append((path, row[2]))
        for row in rows:
            if row[0] == "file":
                path = path_of(row[1])
                _require_parent(path)
                found, kind = _look(path)
                if kind == "file" and found is not None and (row[4] is None or _equal(row, path, found, folder)):
                    if row[2] is not None and found.st_mode & _ALL != row[2]:
                        modes.append((path, row[2]))
                    if row[8] and found.st_mtime_ns != row[5]:
                        os.utime(path, ns=(found.st_atime_ns, row[5]))
                elif row[4] is None:
                    raise OSError(ENOENT, "the file is gone", path)
                else:
                    mode = found.st_mode & _ALL if found is not None and row[2] is None else row[2]
                    drafts.append((_draft(folder, row, path, mode, beside=False), path, row))
        while drafts:
            draft, path, row = drafts[-1]
            try:
                os.rename(draft, path)
            except OSError as error:
                if error.errno != EXDEV:
                    raise
                mode = os.stat(draft).st_mode & _ALL
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
            path, target = path_of(row[1]), path_of(row[2])
            _require_parent(path)
            if _look(path)[1] != "link" or os.readlink(path) != target:
                draft = _beside(path)
                os.symlink(target, draft)
                try:
                    os.rename(draft, path)
                except OSError:
                    os.unlink(draft)
                    raise
    for row in sorted((row for row in rows if row[0] == "gone"), key=_path, reverse=True):
        path = path_of(row[1])
        kind = _look(path)[1]
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
    return path_of(row[1])


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


class _Quiet:
    """While this is entered, what this thread does is devstash's own affair: no record takes notice."""

    __slots__ = ("_thread",)

    def __enter__(self) -> None:
        me = get_ident()
        self._thread = 0 if me in quiet else me
        quiet.add(me)

    def __exit__(self, *_: object) -> None:
        if self._thread:
            quiet.discard(self._thread)


# --- looking --------------------------------------------------------------------------------------------------------


def _look(path: str) -> tuple[os.stat_result | None, str]:
    """What is at `path`, and its kind: "file", "dir", "link", "other" or "absent"."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None, "absent"
    return found, _KINDS.get(found.st_mode & 0o170000, "other")


def _same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Whether nothing has happened between two looks, as far as size, times and identity can tell."""
    if one is None or other is None:
        return one is other
    return (one.st_mtime_ns, one.st_ctime_ns, one.st_size, one.st_mode, one.st_ino, one.st_dev) == (
        other.st_mtime_ns, other.st_ctime_ns, other.st_size, other.st_mode, other.st_ino, other.st_dev,
    )  # fmt: skip


def _racy(found: os.stat_result) -> bool:
    """Whether a change from now on could leave size and times as they are."""
    return is_racy(found.st_mtime_ns, found.st_ctime_ns, time_ns())


def _ignored(path: str, ours: str) -> bool:
    """Whether what is written at `path` is no effect: devices, the system's tables, byte-code, our own folder."""
    if path.startswith(("/dev/", "/proc/", "/sys/")):
        return not path.startswith("/dev/shm/")
    if path.endswith(".pyc") or "/__pycache__/" in path or path.endswith("/__pycache__"):
        return True
    return bool(ours) and (path.startswith(ours) or path == ours[:-1])


def _below(folder: str) -> Iterator[str]:
    """All paths below a folder, without following links."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _below(f"{folder}/{entry.name}")


def _either_way() -> bool:
    """Whether the operation under way copes with what is or is not there.

    `makedirs` and `Path.mkdir` with `exist_ok`, and `tempfile`, which looks for a name that is free.
    """
    frame = sys._getframe(1)
    for _ in range(12):
        code = frame.f_code
        if code.co_name in ("makedirs", "mkdir") and code.co_filename.endswith(_MAKERS):
            return bool(frame.f_locals.get("exist_ok"))
        if code.co_filename.endswith("/tempfile.py"):
            return True
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False


_MAKERS = ("<frozen os>", "/os.py", "/pathlib.py", "/pathlib/_local.py", "/pathlib/__init__.py")


def _umask() -> int:
    """The file mode creation mask, without setting it where the system tells."""
    try:
        fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(fd, 4096)
        finally:
            os.close(fd)
        place = text.index(b"Umask:")
        return int(text[place + 6 : place + 16].split()[0], 8)
    except (OSError, ValueError, IndexError):
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


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
