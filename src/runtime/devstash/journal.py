"""What happens in a run: which entries are used, which calls are made and why. It is for people, and for making room.

On the way of a hit it is only noted. At the end of the run, or when much is waiting, it is written down in two places:

- as the access times of entries: the least recently used ones go first when room is needed;
- as lines of the cache folder's journal, `.stat/journal` (docs/cache-format.md), which `devstash why` and `devstash
  stats` read. Nothing is decided by them.

To write costs as much as the rest of a hit, so it is done late. A run that is killed does not tell of its last hits,
which may cost a call that is made once more, never a wrong answer. Trouble with writing is none.
"""

from __future__ import annotations

import sys

from .signals import let_through
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    from .summary import Summary

    class SiteLike(Protocol):
        """What is noted of a marked place."""

        file: str
        line: int


# So many entries wait at most.
MOST = 1000
# What the folder's file `format` says; as in store.py.
LAYOUT = b"1"
FOLDER = ".stat"
NAME = "journal"
# A journal that would be longer is put aside, in the place of the one before.
LONGEST = 8 << 20
# So long (ns) what is to be written down soon waits for more of its kind.
PAUSE = 100_000_000
# A text in the journal is no longer.
_LONGEST_TEXT = 2000
_NEVER = 1 << 63
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

journals: list[Journal] = []
#: What else there is to do at the end, by a name.
ends: dict[str, Callable[[], None]] = {}


class Totals:
    """What marked calls came to; `saved` in seconds."""

    __slots__ = ("hits", "misses", "saved", "tokens")

    def __init__(self) -> None:
        self.hits = self.misses = self.tokens = 0
        self.saved = 0.0


class Journal:
    """What is waiting to be written down of the store in `folder`. Until `begin` it is only the access times."""

    __slots__ = (
        "totals", "_folder", "_uses", "_misses", "_refused", "_due", "_written", "_run", "_ids", "_new",
        "_summary", "_accompanied",
    )  # fmt: skip

    def __init__(self, folder: str) -> None:
        #: What the marked calls of this process came to, as far as it is written down.
        self.totals = Totals()
        self._folder = folder
        # By path: [moment of the last use (ns since 1970), site, how often, the piece of its manifest, how often at
        # other sites].
        self._uses: dict[str, list[Any]] = {}
        self._misses: list[str] = []
        # Refusals that have been written down once, and how often they came again, when, and how long the calls took.
        self._refused: dict[str, list[Any]] = {}
        self._due = _NEVER  # hits are written down from this moment on
        self._written = 0  # the moment at which it was done last
        self._run = ""
        # What the run is called by its file: modules with marked places have runs of their own. And which of them are
        # still to be introduced.
        self._ids: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._summary: Summary | None = None
        self._accompanied = False  # by children or workers
        journals.append(self)

    def begin(self, script: str, settings: dict[str, str]) -> None:
        """A run of `script` begins, or a worker of one. Names it in `settings`, for workers to come."""
        if "run" not in settings:
            settings["run"] = f"{os.urandom(4).hex()}\t{time_ns()}"
        self._run = settings["run"]
        self._ids = {script: self._run[:8]}
        self._new = self._ids.copy()
        if "worker" in settings:
            self._become_worker()
        elif settings.get("verbosity") != "-1":
            wanted = settings.get("summary", "auto")
            if wanted == "always" or (wanted == "auto" and os.isatty(2)):
                from .summary import Summary  # now, because at the end nothing can be imported

                self._summary = Summary(self.totals, f"{self._folder}/{FOLDER}/{NAME}", wanted)

    def _become_worker(self) -> None:
        """Workers and children made by fork often end without an end: they do not wait long, and have no summary."""
        self._due = 0
        self._summary = None

    def accompanied(self) -> None:
        """There are children or workers now, which write down for themselves what they do."""
        self._accompanied = True

    # --- noting ------------------------------------------------------------------------------------------------

    def hit(self, path: str, site: SiteLike, told: bytes) -> None:
        """The entry is used now, at this marked place. `told` is the piece of its manifest behind `effects`."""
        moment = time_ns()
        use = self._uses.get(path)
        if use is None:
            if len(self._uses) >= MOST:
                self.flush()
            self._uses[path] = [moment, site, 1, told, None]
        else:
            use[0] = moment
            if use[1] is site:
                use[2] += 1
            else:
                elsewhere = use[4]
                if elsewhere is None:
                    elsewhere = use[4] = {}
                elsewhere[site] = elsewhere.get(site, 0) + 1
        if moment > self._due:
            self.flush()

    def last(self, path: str) -> int:
        """The moment of the last use that its access time does not tell of yet, or 0."""
        use = self._uses.get(path)
        return 0 if use is None else use[0]

    def miss(
        self, site: SiteLike, label: str, reason: str, detail: str, path: str, outcome: str, duration: float
    ) -> None:
        """A call was made at this marked place, and this is what has become of its result: `stored`, `raised`, `left
        half-way`, or the refusal as it was told. `path` is where its entry is, or would be. Never writes; see `soon`.
        """
        totals = self.totals
        totals.misses += 1
        moment = time_ns()
        told = f"{label}\t{reason}\t{detail}\t{path.rpartition('/')[2]}\t{outcome}" if label else f"\t\t\t\t{outcome}"
        if told.count("\t") != 4 or "%" in told or "\n" in told or not told.isascii() or len(told) > _LONGEST_TEXT:
            told = "\t".join([_escaped(text) for text in (label, reason, detail, path.rpartition("/")[2], outcome)])
        place = f"{self._id(site)}\t{site.line}"
        if not label:  # a loop can come here without end
            known = self._refused.get(f"{place}\t{told}")
            if known is not None:
                known[0], known[1], known[2] = moment, known[1] + 1, known[2] + duration
                return
            if len(self._refused) >= MOST:
                return
            self._refused[f"{place}\t{told}"] = [0, 0, 0.0]
        run, _, line = place.partition("\t")
        self._misses.append(f"miss\t{run}\t{moment}\t{line}\t{told}\t{duration * 1e3:.3f}\n")

    def _id(self, site: SiteLike) -> str:
        """What the run is called in lines about this place: of a module, by a digest that all its workers agree on."""
        found = self._ids.get(site.file)
        if found is None:
            from _blake2 import blake2b

            named = f"{self._run[:8]} {site.file}".encode("utf-8", "surrogateescape")
            found = self._ids[site.file] = self._new[site.file] = blake2b(named, digest_size=4).hexdigest()
        return found

    def soon(self) -> None:
        """Write misses down if that has not just been done."""
        if self._misses and time_ns() - self._written > PAUSE:
            misses, self._misses = self._misses, []
            try:
                self._write("".join(misses), True)
            except RecursionError:
                pass

    # --- writing -----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Set the access times, and write down what is waiting."""
        uses, self._uses = self._uses, {}
        lines, self._misses = self._misses, []
        refused = [(told, again) for told, again in self._refused.items() if again[1]]
        missed = bool(lines or refused)
        totals = self.totals
        for path, (moment, site, count, told, elsewhere) in uses.items():
            touch(path, moment)
            saved, tokens = _worth(told)
            for place, times in ((site, count), *((elsewhere or {}).items())):
                totals.hits += times
                totals.saved += times * saved
                totals.tokens += times * tokens
                worth = f"{times}\t{times * saved * 1e3:.3f}\t{times * tokens}"
                run = self._id(place) if self._run else ""
                lines.append(f"hit\t{run}\t{moment}\t{place.line}\t{worth}\t{path.rpartition('/')[2]}\n")
        for told, again in refused:
            moment, times, duration = again
            again[:] = 0, 0, 0.0
            run, line, told = told.split("\t", 2)
            lines.append(f"miss\t{run}\t{moment}\t{line}\t{told}\t{duration * 1e3:.3f}\t{times}\n")
        if lines:
            self._write("".join(lines), missed)

    def _write(self, text: str, missed: bool) -> None:
        """Append lines to the journal. Where there is no cache folder yet, a miss is a reason to make one."""
        if not self._run:
            return
        if self._due != _NEVER and not self._written:
            _at_end_of_worker()
        self._written = moment = time_ns()
        if self._due != _NEVER:
            self._due = moment + PAUSE
        quiet = sys.modules.get(f"{__package__}.quiet")  # without it no record of a call could take notice
        try:
            if quiet is None:
                self._append(text, missed)
            else:
                with quiet.Quiet():
                    self._append(text, missed)
        except Exception as error:
            let_through(error)

    def _append(self, text: str, missed: bool) -> None:
        new, started = self._new, self._run[9:]
        text = "".join([f"run\t{run}\t{started}\t{_escaped(file)}\n" for file, run in new.items()]) + text
        path = f"{self._folder}/{FOLDER}/{NAME}"
        try:
            found = os.stat(self._folder)
            if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                return
            if len(new) == len(self._ids) and not self._is_known():  # nothing was written there yet
                return
            fd = os.open(path, _FLAGS, 0o600)
        except FileNotFoundError:
            if missed:
                from .folder import prepare

                prepare(self._folder)
            elif not self._is_known():
                return
            try:
                os.mkdir(f"{self._folder}/{FOLDER}", 0o700)
            except FileExistsError:
                pass
            fd = os.open(path, _FLAGS, 0o600)
        try:
            fd = self._append_to(fd, path, text.encode("utf-8", "replace"))
        finally:
            os.close(fd)
        self._new = {}

    def _is_known(self) -> bool:
        """Whether the folder is of the layout that this devstash knows. FileNotFoundError where it does not say."""
        fd = os.open(f"{self._folder}/format", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(fd, 64).strip() == LAYOUT
        finally:
            os.close(fd)

    def _append_to(self, fd: int, path: str, data: bytes) -> int:
        """Append to the open journal, or to a new one where it would become too long; returns the one still open."""
        found = os.fstat(fd)
        if found.st_mode & 0o170000 != 0o100000 or found.st_uid != os.geteuid():
            raise OSError("somebody else's")
        if found.st_size + len(data) > LONGEST and found.st_size:
            if os.stat(path).st_ino == found.st_ino:  # nobody has done so meanwhile
                os.rename(path, f"{path}.1")
            os.close(fd)
            fd = os.open(path, _FLAGS, 0o600)
        elif found.st_size and os.pread(fd, 1, found.st_size - 1) != b"\n":
            data = b"\n" + data  # a writer was cut short
        os.write(fd, data)
        return fd

    # --- the end -----------------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """The run is over."""
        summary, self._summary = self._summary, None
        if summary is not None:
            summary.say(self._accompanied, set(self._ids.values()))

    def forked(self) -> None:
        """This process is a child made by fork; what waits is its parent's."""
        self._uses = {}
        self._misses = []
        self._refused = {}
        self._written = 0
        self._new = self._ids.copy()
        self._become_worker()


def touch(path: str, moment: int) -> None:
    """Set the access time of an entry; the time of making stays."""
    try:
        os.utime(path, ns=(moment, os.lstat(path).st_mtime_ns), follow_symlinks=False)
    except OSError as error:
        let_through(error)  # it is gone, and nothing else


def _worth(told: bytes) -> tuple[float, int]:
    """Seconds and tokens that a hit saves, by the piece of the manifest; 0 where an older devstash did not say so."""
    if told[:11] != b'"duration":':
        return 0.0, 0
    duration, _, rest = told[11:].partition(b',"tokens":')
    tokens = rest.partition(b",")[0]
    return 0.0 if duration == b"null" else float(duration), int(tokens) if tokens.isdigit() else 0


def _escaped(text: str) -> str:
    """A text that is one field of a line, and can be encoded: what is no UTF-8 is shown by a sign for it."""
    text = text[:_LONGEST_TEXT].replace("%", "%25").replace("\t", "%09").replace("\n", "%0A")
    if text.isascii():
        return text
    return "".join(["\ufffd" if "\ud800" <= sign < "\ue000" else sign for sign in text])


def _at_end_of_worker() -> None:
    """Have a worker of `multiprocessing` that ends in order write down the rest: it may end without module teardown."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    try:
        if process is not None and util is not None and process.parent_process() is not None:
            util.Finalize(None, _flush, exitpriority=-100)
    except Exception as error:
        let_through(error)  # another Python than we know


def _flush() -> None:
    for journal in journals:
        journal.flush()
    while ends:
        ends.popitem()[1]()


def accompanied() -> None:
    """See `Journal.accompanied`."""
    for journal in journals:
        journal.accompanied()


class _Last:
    """What Python finds when it takes the package apart at the end of the program. The script can count what `atexit`
    knows; of this it sees nothing.

    It must not be this module that has it, nor any that `@devstash` leads to: they go last of all, when neither
    builtins nor floating-point numbers can be relied upon. The package itself goes with the first garbage, when all is
    there but the modules.
    """

    __slots__ = ("_package",)

    def __init__(self, package: dict[str, object]) -> None:
        self._package = package
        package["_last"] = self

    def __del__(self) -> None:
        try:
            _flush()
            self._package["_last"] = _Later()
        except Exception:
            pass  # it was taken apart in another order


class _Later:
    """What it finds then: the script's own objects have had their `__del__` by now."""

    __slots__ = ()

    def __del__(self) -> None:
        try:
            for journal in journals:
                journal.flush()
                journal.conclude()
            while ends:
                ends.popitem()[1]()
        except Exception:
            pass


def _forked() -> None:
    ends.clear()
    for journal in journals:
        journal.forked()


_Last(sys.modules[__package__].__dict__)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked, after_in_parent=accompanied)
