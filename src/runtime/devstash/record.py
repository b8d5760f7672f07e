"""What one call is seen to read and to change while it runs.

The newest record of a context is found through a context variable, which tasks and `to_thread` inherit; each
record knows the one around it, and what happens counts for all of them. The hooks (audit.py, looks.py,
environment.py) are in place while at least one record is active, and never on the way of a hit.

Events come from many threads: notes are single operations on dicts and lists.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar
from _thread import RLock, get_ident
from types import CodeType

from . import contents, quiet
from .contents import path_text, shown
from .glances import digest_of_names, kind_of, matching
from .inputs import Inputs
from .signals import let_through
from .system import os, time_ns
from .written import Writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_REGULAR = 0o100000
_KIND = 0o170000
_FIFO = 0o010000

_WATCHED = 1000
_LONGEST = 4096

#: What need not be noted of a file whose contents are.
_SAID = frozenset(("exists", "is file", "kind"))

#: Packages that open files in C or Rust, unseen by Python.
_OPENING_BY_THEMSELVES = frozenset(
    (
        "cv2", "duckdb", "fiona", "fitz", "h5py", "lightgbm", "lxml", "netCDF4", "osgeo", "polars", "pyarrow",
        "pymupdf", "pyogrio", "pypdfium2", "rasterio", "safetensors", "sentencepiece", "soundfile", "tables",
        "tensorflow", "tokenizers", "torchaudio", "torchvision", "xgboost",
    )
)  # fmt: skip

_innermost: ContextVar[Record | None] = ContextVar("devstash_record", default=None)
_lock = RLock()

#: The active records, by id. Empty nearly always, and then the hooks return at once.
live: dict[int, Record] = {}
#: How often the working directory may have changed: raised by every `os.chdir`.
moves = 0


class Record:
    """What one call is seen to read and to change while it runs."""

    __slots__ = (
        "active", "outer", "chain", "cwd", "moves", "old", "store_folder", "written", "reads", "early", "looks",
        "missed", "listings", "runs", "variables", "assigned", "before", "children", "threads", "reasons",
        "_ended", "_modules", "_watched", "_adopted", "_rows", "__weakref__",
    )  # fmt: skip

    def __init__(self, store_folder: str) -> None:
        self.active = False
        self.outer: Record | None = None
        #: This record and those around it.
        self.chain: tuple[Record, ...] = (self,)
        self.cwd = ""
        self.moves = 0
        #: What was last changed before this moment (in ns) cannot change unnoticed while the call runs.
        self.old = 0
        self.store_folder = store_folder
        self.written = Writes(store_folder)
        #: What was at a path when it was first opened for reading; None if nothing was.
        self.reads: dict[str, os.stat_result | None] = {}
        #: Digests of files that were read, taken before they could change.
        self.early: dict[str, bytes] = {}
        self.looks: dict[tuple[str, str], list[Any]] = {}
        #: Paths where a look found nothing.
        self.missed: set[str] = set()
        self.listings: dict[tuple[str, str], list[Any]] = {}
        #: Sources of modules whose code ran, and what was there: imported, run by `runpy` or by their path.
        self.runs: dict[str, os.stat_result | None] = {}
        #: Environment variables that were read, and the digests of their values.
        self.variables: dict[str, str | None] = {}
        #: Environment variables that the call has set itself.
        self.assigned: set[str] = set()
        #: What was at a path (absolute) before the call changed it: a kind, or "absent".
        self.before: dict[str, str] = {}
        #: Whether the call has started other processes, which are not seen.
        self.children = False
        #: Threads that the call has started, each with whether it is the project's.
        self.threads: list[tuple[Any, bool]] = []
        self.reasons: list[str] = []
        self._ended = False
        self._modules: set[str] = set()
        self._watched: dict[str, contents.State | None] = {}
        self._adopted: list[list[Any]] = []
        self._rows: list[list[Any]] | None = None

    # --- the life of a record --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Become the current record of this context."""
        self.cwd = _cwd()
        self.moves = moves
        self.old = time_ns() - contents.COARSE
        self._modules = set(sys.modules)
        self.resume()

    def resume(self) -> None:
        """Take notice again, inside of what is current here."""
        if self._ended or self.active:
            return
        outer = current()
        self.outer = outer
        self.chain = (self, *outer.chain) if outer is not None else (self,)
        with _lock:
            live[id(self)] = self
            self.active = True
            _watch()
        _innermost.set(self)

    def pause(self) -> None:
        """Take no notice until `resume`."""
        if not self.active:
            return
        with _lock:
            self.active = False
            live.pop(id(self), None)
            if not live:
                _unwatch()
        # In another context or thread the variable may hold something else; a record that is not active is skipped.
        if _innermost.get() is self:
            _innermost.set(self.outer)

    def end(self) -> None:
        """The call is over. May be called again, from `__del__` and in another context. Never raises."""
        try:
            self.pause()
        except Exception as error:
            self.reasons.append(f"{type(error).__name__} while ending: {error}")
        self._ended = True

    # --- notes -----------------------------------------------------------------------------------------------

    def name(self, path: str) -> str:
        """How a path is noted: relative as long as that means the same as when the call began."""
        if path[:1] == "/" or self.moves == moves:
            return path
        return _cwd() if path == "." else f"{_cwd()}/{path}"

    def full(self, path: str) -> str:
        """The absolute path of a noted one."""
        if path[:1] == "/":
            return path
        return self.cwd if path == "." else f"{self.cwd}/{path}"

    def is_own(self, path: str) -> bool:
        """Whether the call itself has changed what is at the noted `path`."""
        return bool(self.before) and (self.full(path) in self.before or self.written.is_touched(self.full(path)))

    def note_read(self, path: str, found: os.stat_result | None) -> None:
        """A file is about to be opened for reading for the first time; `found` is what is there."""
        if self.is_own(path):
            return
        if found is not None:
            if path in self.missed and self._came(path):
                return
            if contents.is_racy(found.st_mtime_ns, found.st_ctime_ns, time_ns()):
                # Written a moment ago: it could change again, and its times would not tell.
                self._read_now(path, found)
        self.reads[path] = found

    def note_read_again(self, path: str, found: os.stat_result | None) -> None:
        """A path where nothing was before is about to be opened again."""
        if found is not None and not self.is_own(path) and self._came(path):
            self.reads.pop(path, None)

    def note_run(self, path: str) -> None:
        """The code of a module runs that came from the source at this noted path, or from an archive above it."""
        if path in self.runs or path in self.reads or not self._counts(path) or self.is_own(path):
            return
        try:
            self.runs[path] = os.stat(self.full(path))
        except NotADirectoryError:
            self.runs[path] = None
            folder = path.rpartition("/")[0]
            while folder.strip("/"):
                try:
                    found = os.stat(self.full(folder))
                except NotADirectoryError:
                    folder = folder.rpartition("/")[0]
                    continue
                if folder not in self.reads:
                    self.note_read(folder, found)
                return
        except (OSError, ValueError):
            self.runs[path] = None  # the name says nothing

    def _came(self, path: str) -> bool:
        """A file is there that was not, and the call was not seen to make it."""
        if not self._counts(path):
            return False  # an entry of the store, say, that another thread has made
        if self.children:
            # A program that the call started has made it: it is a part of what the call does.
            self.before[self.full(path)] = "absent"
            self.written.appeared(self.full(path), path)
            return True
        self.refuse(f"`{shown(path)}` was made by somebody else while the call ran")
        return False

    def _read_now(self, path: str, found: os.stat_result) -> None:
        if path in self.early or found.st_mode & _KIND != _REGULAR or not self._counts(path):
            return
        try:
            digest, state, _ = contents.read_state(self.full(path))
        except (OSError, contents.Unsteady) as error:
            let_through(error)
            state = None
        if state != contents.state_of(found):
            self.refuse(f"`{shown(path)}` was changed while the call ran")
        else:
            self.early[path] = digest

    def note_change(self, path: str, whole: bool, name: str = "") -> None:
        """Something is about to change what is at the absolute `path`; `whole` says that the old content is dropped."""
        if path not in self.before:
            for noted in (path, path[len(self.cwd) + 1 :] if path.startswith(self.cwd + "/") else path):
                found = self.reads.get(noted)
                if found is not None:
                    self._read_now(noted, found)
            self.before[path] = kind_at(path)
        self.written.touch(path, whole, name)

    def refuse(self, reason: str) -> None:
        """The call cannot be kept."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def watch(self, values: Iterable[object]) -> None:
        """Remember the files that the values name: C code may open them without being seen."""
        try:
            for text in _texts(values):
                if len(self._watched) >= _WATCHED:
                    return
                if "*" in text:
                    self._watch_pattern(text)
                    continue
                path = clean(text)
                if path in self._watched:
                    continue
                try:
                    found = os.stat(path)
                except (FileNotFoundError, NotADirectoryError):
                    self._watched[path] = None
                    continue
                except (OSError, ValueError):
                    continue
                if found.st_mode & _KIND == _REGULAR:
                    self._watched[path] = contents.state_of(found)
        except Exception as error:
            let_through(error)
            self.refuse(f"{type(error).__name__} while looking for the names of files: {error}")

    def watch_code(self, functions: Iterable[object]) -> None:
        """Remember the files that constants in these functions name, if a package is loaded whose C code opens files.

        `functions` may hold other things too, which say nothing here.
        """
        if not _OPENING_BY_THEMSELVES.isdisjoint(sys.modules):
            codes = [code for code in [getattr(f, "__code__", None) for f in functions] if isinstance(code, CodeType)]
            texts: list[str] = []
            while codes:
                for constant in codes.pop().co_consts:
                    if isinstance(constant, CodeType):
                        codes.append(constant)
                    elif type(constant) is str and ("." in constant or "/" in constant) and " " not in constant:
                        texts.append(constant)
            self.watch(texts)

    def _watch_pattern(self, pattern: str) -> None:
        names = matching(pattern)
        if names:
            self.looks[pattern, "glob"] = ["glob", path_text(pattern), digest_of_names(names)]
            self.watch([name for name in names if "*" not in name])

    def adopt(self, rows: list[list[Any]]) -> None:
        """The trace of a call inside this one that was a hit is this one's too."""
        for record in self.chain:
            record._adopt(rows)

    def _adopt(self, rows: list[list[Any]]) -> None:
        moved = self.moves != moves
        for row in rows:
            kind, text = row[0], row[1]
            if kind == "env":
                if text not in self.assigned:
                    self._adopted.append(row)
            elif kind == "module":
                self._adopted.append(row)
            else:
                path = contents.path_of(text)
                if moved and path[:1] != "/":
                    path = f"{_cwd()}/{path}"
                if not self.is_own(path):
                    self._adopted.append([kind, path_text(path), *row[2:]])

    # --- afterwards ------------------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        """Why what was seen makes the call one that cannot be kept, or None. After `end`."""
        if self._rows is None:
            self._rows = []
            try:
                self._finish(self._rows)
            except Exception as error:
                let_through(error)
                self.refuse(f"{type(error).__name__} while looking at what it read: {error}")
        return self.reasons[0] if self.reasons else self.written.refusal()

    def trace(self) -> list[list[Any]]:
        """What the call read, as rows for the manifest (docs/trace.md). After `end`."""
        self.refusal()
        rows = self._rows or []
        more = [*self.written.inputs(), *self._adopted]
        seen = {(row[0], row[1]) for row in rows} if more else set()
        for row in more:
            if (row[0], row[1]) not in seen or row not in rows:
                seen.add((row[0], row[1]))
                rows.append(row)
        return rows

    def _counts(self, path: str) -> bool:
        return Inputs.of(self.store_folder).counts(self.full(path))

    def _finish(self, rows: list[list[Any]]) -> None:
        files = set()
        for path, found in list(self.reads.items()):
            if not self._counts(path):
                continue
            if found is None:
                if not self.is_own(path) and kind_at(self.full(path)) != "absent" and not self._came(path):
                    return
                rows.append(["absent", path_text(path)])
                continue
            kind = found.st_mode & _KIND
            if kind == _REGULAR:
                row = self._file_row(path, found)
                if row is None:
                    return
                files.add(path)
                rows.append(row)
            elif kind == _FIFO:
                self.refuse(f"it reads from the pipe `{shown(path)}`")
        for (path, what), row in list(self.looks.items()):
            # That a file is there is already said by its contents.
            if self._counts(path) and not (path in files and what in _SAID and row[2] in (1, "file")):
                rows.append(row)
        rows += self.listings.values()
        rows += [["env", path_text(name), digest] for name, digest in list(self.variables.items())]
        self._finish_watched(rows)
        self._finish_modules(rows)
        self._finish_threads()

    def _file_row(self, path: str, found: os.stat_result) -> list[Any] | None:
        before = contents.state_of(found)
        digest = self.early.get(path)
        if digest is not None and self.is_own(path):
            return ["file", path_text(path), *before, 1, digest.hex()]
        full = self.full(path)
        moment = time_ns()
        try:
            with quiet.Quiet():
                after = contents.digest_in(full, before)
        except OSError as error:
            let_through(error)
            self.refuse(f"`{shown(path)}`, which it read, cannot be read any more: {error.strerror}")
            return None
        if after is None or (digest is not None and digest != after):
            self.refuse(f"`{shown(path)}` was changed by somebody else while the call ran")
            return None
        racy = contents.is_racy(before[1], before[2], moment)
        if not racy:
            contents.remember(full, before, after)
        return ["file", path_text(path), *before, int(racy), after.hex()]

    def _finish_watched(self, rows: list[list[Any]]) -> None:
        for path, before in self._watched.items():
            full = self.full(path)
            if path in self.reads or full in self.reads or full in self.before or not self._counts(path):
                continue
            if before is None:
                if kind_at(full) == "file":  # the call has made it, by code that was not seen
                    self.written.appeared(full, path)
                continue
            try:
                digest, state, racy = contents.read_state(full)
            except (OSError, contents.Unsteady) as error:
                let_through(error)
                state = None
            if state is None or state != before:
                what = "was changed by code that devstash cannot see into"
                self.refuse(f"`{shown(path)}` {what}")
                return
            rows.append(["file", path_text(path), *state, int(racy), digest.hex()])

    def _finish_modules(self, rows: list[list[Any]]) -> None:
        from .modules import row_of, row_of_file

        known = {self.full(path) for path in self.reads}
        for name in list(sys.modules):
            if name not in self._modules:
                row = row_of(name)
                if row is not None:
                    rows.append(row)
                    known.add(contents.path_of(row[1]))
        for path, found in self.runs.items():
            full = self.full(path)
            if found is None or full in known or full in self.before:
                continue
            row = row_of_file(path, full)
            if row is None or tuple(row[2:7]) != contents.state_of(found):
                self.refuse(f"`{shown(path)}` was changed while the call ran")
                return
            rows.append(row)

    def _finish_threads(self) -> None:
        for thread, is_own in self.threads:
            if is_own and thread.is_alive():
                self.refuse(f"the thread `{thread.name}` that it started is still running")


def current() -> Record | None:
    """The innermost active record of what runs here."""
    found = records()
    return found[0] if found else None


def records() -> tuple[Record, ...]:
    """The active records for which what happens here and now counts, the innermost first."""
    record = _innermost.get()
    if record is None:
        if not live:
            return ()
        from .threads import records_of_thread

        return records_of_thread()
    if record.active:
        return record.chain
    while record is not None:
        if record.active:
            return record.chain
        record = record.outer
    return ()


def set_innermost(record: Record | None) -> None:
    """Make `record` what is current in this context; for threads of a pool."""
    _innermost.set(record)


def moved() -> None:
    """The working directory is about to change."""
    global moves
    moves += 1


def clean(path: str) -> str:
    """A path without steps that lead nowhere, so that one file has one name. `..` stays: links decide."""
    if "/." in path or "//" in path or path[:1] == "." or path[-1:] == "/":
        parts = [part for part in path.split("/") if part and part != "."]
        path = ("/" if path[:1] == "/" else "") + "/".join(parts)
        return path or "."
    return path


def kind_at(path: str) -> str:
    """What is at a path, links not followed; `absent` if nothing."""
    try:
        return kind_of(os.lstat(path))
    except (OSError, ValueError):
        return "absent"


def _after_fork() -> None:
    """Only this thread lives on in the child: another one may have held the lock, or been at work for us."""
    global _lock
    _lock = RLock()
    quiet.threads.intersection_update((get_ident(),))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _cwd() -> str:
    try:
        return os.getcwd().rstrip("/")
    except OSError:  # it has been removed
        return "/nonexistent"


def _texts(values: Iterable[object]) -> Iterable[str]:
    """The texts among `values` that may name files, one level deep."""
    for value in values:
        if type(value) is str:
            yield from _path(value)
        elif hasattr(type(value), "__fspath__"):
            yield from _path(os.fspath(value))  # type: ignore[call-overload]
        elif isinstance(value, (list, tuple, dict)):
            inner = list(value.values()) if isinstance(value, dict) else list(value[:_WATCHED])
            for part in inner[:_WATCHED]:
                if type(part) is str or hasattr(type(part), "__fspath__"):
                    yield from _path(part if type(part) is str else os.fspath(part))
        else:
            held = getattr(value, "__dict__", None)
            if type(held) is dict:
                for part in list(held.values())[:_WATCHED]:
                    if type(part) is str or hasattr(type(part), "__fspath__"):
                        yield from _path(part if type(part) is str else os.fspath(part))


def _path(text: object) -> Iterable[str]:
    if type(text) is str and 0 < len(text) <= _LONGEST and "\n" not in text and "\0" not in text:
        yield text


def _watch() -> None:
    from . import audit, environment, looks, threads, unaudited

    audit.install()
    looks.put()
    unaudited.put()
    environment.put()
    threads.put()


def _unwatch() -> None:
    from . import environment, looks, threads, unaudited

    looks.take()
    unaudited.take()
    environment.take()
    threads.take()
