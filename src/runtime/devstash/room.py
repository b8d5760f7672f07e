"""Room for what is kept: where there are limits, a run that has stored something starts `devstash gc` at its end.

It is a process that nobody waits for and that says nothing; it puts itself into a session of its own
(src/manage/gc.rs).
"""

from __future__ import annotations

from .journal import ends
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Calls

_NOTHING = "/dev/null"


def needed(calls: Calls) -> None:
    """Something has been stored that limits may not allow."""
    folder = calls.store.folder
    if folder in ends or not calls.executable:
        return
    argv = [calls.executable, "gc", "--detached", f"--cache-dir={folder}", *calls.limits.split()]
    # All that is needed is at hand: when the end has come, nothing can be imported any more.
    spawn, read, write, opens = os.posix_spawn, os.O_RDONLY, os.O_WRONLY, os.POSIX_SPAWN_OPEN
    streams = [(opens, 0, _NOTHING, read, 0), (opens, 1, _NOTHING, write, 0), (opens, 2, _NOTHING, write, 0)]

    def end() -> None:
        try:
            spawn(argv[0], argv, {}, file_actions=streams)
        except OSError:
            pass  # the next run will

    ends[folder] = end
