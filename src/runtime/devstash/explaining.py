"""Why each marked call runs or does not, said at once: for `devstash run --explain`.

What differs from earlier calls is found by `devstash explain` (src/manage/explain.rs), a process beside the script that
is started at the first miss. It is asked, and its answer is printed here, so that lines stand in order with what the
script prints; the process itself has nothing of the script's: no terminal, no output, no folder. It ends when nobody
can ask it any more. Trouble with it costs the explanation: then the reason is told as with `-v`.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

from . import __version__
from .manifest import json
from .quiet import Quiet
from .report import INFO, ORDINARY, WARNING, Reporter
from .signals import let_through
from .store import entry_name
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .key import Key
    from .outlets import Identity
    from .site import Site
    from .store import Miss

# Spoken with src/manage/explain.rs.
_VERSION = "1"
_LENGTH = 4
# How long an answer is awaited (ms).
_PATIENCE = 10_000
# Nobody reads longer ones.
_LONGEST = 1 << 20


class Explaining(Reporter):
    """A reporter that says one line of each marked call, with `verbosity` 1 all that differs."""

    def __init__(self, script: str, verbosity: int, settings: dict[str, str]) -> None:
        super().__init__(script, verbosity)
        self._executable = settings.get("exe", "")
        self._folder = os.path.abspath(settings.get("cache_dir", ".devstash_cache"))
        self._settings = settings
        self._begun = str(time_ns())
        self._helper: _Helper | None = None
        self._lock = allocate_lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def listens(self) -> bool:
        return True

    def happened(self, site: Site, text: str) -> None:
        self._log(INFO, site, text)
        if self.verbosity > 0 or text[:4] == "hit ":
            self.line(site, text)

    def missed(self, site: Site, name: str, miss: Miss) -> None:
        """Nothing yet: see `explain`."""

    def warn(self, site: Site, text: str) -> None:
        """Tell it of every call, not once."""
        if not self._log(WARNING, site, text):
            self.line(site, text)

    def explain(self, site: Site, key: Key, miss: Miss) -> None:
        """Tell why a call is about to run; its previews have been made."""
        try:
            with Quiet():
                text = self._ask(site, key, miss)
        except Exception as error:
            let_through(error)
            text = ""
        lines = text.split("\n") if text else [miss.reason + (f" ({miss.detail})" if miss.detail else "")]
        if self.verbosity <= 0 and len(lines) > 1:
            lines = [f"{lines[0]}, and {len(lines) - 1} more"]
        level = INFO if miss.reason in ORDINARY else WARNING
        for word, line in zip(["miss", *["also"] * len(lines)], lines):
            self._log(level, site, f"{word} {key.label}: {line}")
            self.line(site, f"{word} {key.label}: {line}")

    # --- the process beside the script

    def _ask(self, site: Site, key: Key, miss: Miss) -> str:
        question = {
            "entry": entry_name(key.module, key.qualname, key.digest),
            "reason": miss.reason,
            "detail": miss.detail,
            "call": {
                "key": key.components,
                "previews": key.previews,
                "module": key.module,
                "qualname": key.qualname,
                "python": "%d.%d.%d" % sys.version_info[:3],
                "devstash": __version__,
                "site": {name: getattr(site, name) for name in ("file", "line", "scope", "text", "name")},
            },
        }
        data = json(question).encode("ascii")
        if not self._lock.acquire(True, _PATIENCE / 1000):
            return ""
        try:
            helper = self._helper
            if helper is None:
                helper = self._helper = _Helper()
                # When the run began, which may be before this process did: see journal.py.
                started = self._settings.get("run", "").partition("\t")[2] or self._begun
                helper.start(self._executable, self._folder, started)
            return helper.ask(data)
        finally:
            self._lock.release()

    def _forked(self) -> None:
        """This process is a child made by fork. It asks a process of its own: two must not share one."""
        helper, self._helper = self._helper, None
        self._lock = allocate_lock()
        if helper is not None:
            helper.close()


class _Helper:
    """One process that explains; after the first trouble it is not asked any more."""

    def __init__(self) -> None:
        # Where it is asked and where it answers, each with what the descriptor is: the script may have closed it.
        self._ends: list[tuple[int, Identity | None]] = []

    def start(self, executable: str, folder: str, started: str) -> None:
        """Raises OSError."""
        from .children import spawn
        from .outlets import identity, pipe

        if not executable:
            return
        asked, asking = pipe()
        answer, answering = pipe()
        try:
            actions = [
                (os.POSIX_SPAWN_DUP2, asked, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, answering, 3),
            ]
            spawn(executable, ["devstash", "explain", _VERSION, folder, started], actions)
            self._ends = [(asking, identity(asking)), (answer, identity(answer))]
        finally:
            for fd in (asked, answering) if self._ends else (asked, answering, asking, answer):
                os.close(fd)

    def ask(self, question: bytes) -> str:
        """Its answer; empty where it gives none. Raises OSError, and what signal handlers raise."""
        from .outlets import identity

        if not self._ends or any(identity(fd) != known for fd, known in self._ends):
            self._ends = []
            return ""
        ends, self._ends = self._ends, []
        try:
            (asking, _), (answer, _) = ends
            _write(asking, len(question).to_bytes(_LENGTH, "little") + question)
            length = int.from_bytes(_read(answer, _LENGTH), "little")
            text = _read(answer, min(length, _LONGEST)).decode("utf-8", "replace")
            self._ends, ends = ends, []
        finally:
            for fd, _ in ends:
                os.close(fd)
        return text

    def close(self) -> None:
        """Leave it to whoever started it."""
        from .outlets import identity

        ends, self._ends = self._ends, []
        for fd, known in ends:
            if identity(fd) == known:
                os.close(fd)


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        _wait(fd, True)
        rest = rest[os.write(fd, rest[:4096]) :]


def _read(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        _wait(fd, False)
        part = os.read(fd, size - len(data))
        if not part:
            raise OSError("it has died")
        data += part
    return data


def _wait(fd: int, writing: bool) -> None:
    """Wait until the descriptor is ready, and not for ever."""
    import select

    poll: Any = select.poll()
    poll.register(fd, select.POLLOUT if writing else select.POLLIN)
    found = poll.poll(_PATIENCE)
    # To write where nobody reads could be a signal that ends the script.
    if not found or (writing and found[0][1] & (select.POLLERR | select.POLLHUP)):
        raise OSError("it does not answer")
