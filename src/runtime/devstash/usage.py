"""When entries were last used, which is what their access times say.

The least recently used ones go first when room is needed. To set a time costs as much as the rest of a hit, so it is
done at the end of the run, or when many are waiting. A run that is killed does not tell of its last hits, which may
cost a call that is made once more, never a wrong answer.
"""

from __future__ import annotations

from .signals import let_through
from .system import os, time_ns

# So many wait at most.
MOST = 1000

usages: list[Usage] = []


class Usage:
    """The moments of the last uses, by path, in nanoseconds since 1970."""

    __slots__ = ("_most", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._most = MOST
        usages.append(self)

    def note(self, path: str) -> None:
        """The entry is used now."""
        self._waiting[path] = time_ns()
        if len(self._waiting) > self._most:
            self.settle()

    def settle(self) -> None:
        """Set the access times; the time of making stays."""
        waiting, self._waiting = self._waiting, {}
        for path, moment in waiting.items():
            touch(path, moment)

    def forked(self) -> None:
        """This process is a child made by fork, which usually ends without an end; what waits is its parent's."""
        self._waiting = {}
        self._most = 0


def touch(path: str, moment: int) -> None:
    """Set the access time of an entry."""
    try:
        os.utime(path, ns=(moment, os.lstat(path).st_mtime_ns), follow_symlinks=False)
    except OSError as error:
        let_through(error)  # it is gone, and nothing else


class _Last:
    """What Python finds when it takes this module apart at the end of the program: before what has a name without an
    underscore. The script can count what `atexit` knows; of this it sees nothing.
    """

    __slots__ = ()

    def __del__(self) -> None:
        try:
            for usage in usages:
                usage.settle()
        except Exception:
            pass  # it was taken apart in another order


def _forked() -> None:
    for usage in usages:
        usage.forked()


_last = _Last()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
