"""Ways to run in which a marked call is decided otherwise than usual: `run --verify`, `--offline`, `--refresh=PATTERN`.

Each is a kind of `call.Call`. A run that asks for one gets marked calls of that kind; any other run knows nothing of
them, so that they cost it nothing.
"""

from __future__ import annotations

from .call import Call, Calls
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Reporter
    from .site import Row

#: The settings that ask for one of them.
NAMES = ("verify", "offline", "refresh_pattern")


def calls_of(file: str, rows: tuple[Row, ...], settings: dict[str, str], reporter: Reporter) -> Calls:
    """What `start.begin` makes of the sites of a script in a run with one of the settings `NAMES`."""
    calls = Calls(file, rows, settings, reporter)
    kinds: list[type[Call]] = []
    notes = Notes(settings.get("notes", ""))
    if settings.get("refresh_pattern"):
        from .refreshing import refreshed

        kinds.append(refreshed(settings["refresh_pattern"], calls, "worker" in settings))
    if settings.get("offline") == "1":
        from .offline import offline

        kinds.append(offline(notes))
    elif settings.get("verify"):
        from .verifying import verified

        kinds.append(verified(float(settings["verify"]), notes))
    if kinds:
        calls.made = type("Call", (*kinds, Call), {"__slots__": ()}) if len(kinds) > 1 else kinds[0]
    return calls


class Notes:
    """What the launcher, which stays beside such a run, counts when it is over: a file that each process of the run
    adds single letters to (src/launch/beside.rs). It holds whatever way a process ends.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, letter: bytes) -> None:
        """Note one thing that happened."""
        if not self._path:
            return
        from .quiet import Quiet

        try:
            with Quiet():
                fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    os.write(fd, letter)
                finally:
                    os.close(fd)
        except OSError:
            pass  # the launcher is gone, and nobody counts
