"""A process of ours that the script does not notice."""

from __future__ import annotations

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any
else:
    import _signal  # `signal` itself imports enum


def spawn(executable: str, line: list[str], actions: list[tuple[Any, ...]]) -> None:
    """Start a program and wait for it, which must not take long: the script can wait for all of its children, and must
    not meet ours. Raises OSError where it cannot be started.

    Signals are blocked in it. A handler of the script's for children that end must not be called for ours.
    """
    everything = _signal.valid_signals()
    handled = callable(_signal.getsignal(_signal.SIGCHLD))
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGCHLD}) if handled else None
    try:
        pid = os.posix_spawn(executable, line, {}, file_actions=actions, setsigmask=everything)
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # the script does not want to hear of its children
        if before is not None and _signal.SIGCHLD not in before and hasattr(_signal, "sigtimedwait"):
            told = _signal.sigtimedwait({_signal.SIGCHLD}, 0)
            if told is not None and told.si_pid != pid:
                os.kill(os.getpid(), _signal.SIGCHLD)
    finally:
        if before is not None:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
