"""One computation at a time: whoever is about to make a call that somebody else is making waits, and is told for whom.

A `Turn` is the right to make one call. Within a process a table says who has the turn of which key; between processes
a POSIX record lock on `<store>/.locks/<digest>` does. Such a lock dies with its process, and no child inherits it.
A turn that is given back takes its file away; a file that stays behind, unlocked, is that of a process that was killed.

Nobody waits for what cannot come: a call that waits for itself, by recursion or around several corners, is made
without a turn. To see the corners, who waits says so in the turns it has, and in their files: the digests of what it
waits for. What cannot be seen that way is looked for in `stuck.py`.

A turn that was given back after its call was over ends the waiting of everybody at once. They look into the store; if
the result is not there, they make their calls side by side, as they would without us. Only where a call has raised
does one of them try once more before the others.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar
from _thread import allocate_lock, get_ident
from errno import EACCES, EAGAIN
from fcntl import F_GETLK, F_WRLCK, LOCK_EX, LOCK_NB, fcntl, lockf
from time import sleep

from .system import os, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

LOCKS = ".locks"
# Seconds after which a waiting call says for whom it waits.
PATIENCE = 1.0
# Seconds between two looks at a lock of another process: the longer it takes, the less it matters.
_SHORTEST, _LONGEST = 0.001, 0.05
# Files of killed processes whose call nobody has asked for since go after a day.
_STALE = 86400
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

#: Every turn of this process that others have to wait for, by its file.
_table: dict[str, Turn] = {}
#: What this process was in the middle of when it was forked: the parent cannot go on before us.
_inherited: frozenset[str] = frozenset()
#: Folders whose file system has no locks, or in which nothing can be written.
_unlocked: set[str] = set()
_swept: set[str] = set()
#: The innermost turn that this context has; the ones around it follow by `outer`.
_current: ContextVar[Turn | None] = ContextVar("@devstash turn", default=None)


class Turn:
    """The right to make one call, or to make it without one."""

    __slots__ = (
        "path", "thread", "fd", "first", "foreign", "computes", "ahead", "waited",
        "over", "kept", "outer", "wants", "wakers", "_gone",
    )  # fmt: skip

    path: str  # the lock's file; names the key
    thread: int  # who has it
    fd: int  # the open file, -1 for none
    first: bool  # stands in the table: others of this process wait for it
    foreign: bool  # another process holds the lock
    computes: bool  # the waiting, if any, is over
    ahead: Turn | None  # the turn of this process that this one waits for
    waited: bool  # somebody may have made the call meanwhile: the store has to be looked into once more
    over: bool
    kept: bool | None  # whether the result was kept; None: the call raised, or nobody said
    outer: Turn | None
    wants: list[str]  # files of the turns that this one's call waits for
    wakers: list[Callable[[], None]]

    def __init__(self, path: str) -> None:
        self.path = path
        self.thread = get_ident()
        self.fd = -1
        self.first = self.foreign = self.computes = self.over = False
        self.ahead = self.outer = self.kept = None
        # Between the look into the store that found nothing and the turn, somebody may have finished.
        self.waited = True
        self.wants = []
        self.wakers = []
        self._gone = allocate_lock()
        self._gone.acquire()

    def release(self, kept: bool | None = None) -> None:
        """Give the turn back; `kept` says whether the result is in the store. May be called often and anywhere."""
        if self.over:
            return
        self.kept = kept
        fd, self.fd = self.fd, -1
        if fd >= 0:
            _let_go(fd, self.path, self.computes and not self.foreign, kept)
        if self.first and _table.get(self.path) is self:
            # Only now: a thread that comes next opens the file, and our closing it would take that one's lock.
            del _table[self.path]
        self.over = True
        try:
            self._gone.release()
        except RuntimeError:
            return  # somebody else is at it
        for wake in self.wakers:
            wake()
        if _current.get() is self:
            _current.set(_alive(self.outer))
        self.outer = None

    def wait_until_over(self, seconds: float) -> None:
        """Block until this turn of another thread is over, but not longer than this."""
        if self._gone.acquire(True, seconds):
            self._gone.release()


# --- the ways in --------------------------------------------------------------------------------------------------


def take(folder: str, digest: str, say: Callable[[str], None]) -> Turn:
    """The turn for the key of this digest in the store `folder`; blocks while somebody else has it.

    `say` is told once for whom this waits, if it is long. What a signal handler raises meanwhile goes through.
    """
    turn = begin(folder, digest)
    if not turn.computes:
        waiting = _waiting(turn, say, None)
        try:
            for ahead, seconds in waiting:
                if ahead is None:
                    sleep(seconds)
                else:
                    ahead.wait_until_over(seconds)
        except BaseException:
            waiting.close()
            turn.release()
            raise
    return turn


def begin(folder: str, digest: str) -> Turn:
    """A turn for which it may be necessary to wait: see `computes`. Never blocks."""
    turn = Turn(f"{folder}/{LOCKS}/{digest}")
    _enter(turn)
    if turn.computes:
        _join(turn)
    return turn


def wait(turn: Turn, say: Callable[[str], None]) -> Generator[Any, Any, None]:
    """To be delegated to by an `__await__`: waits for a turn that `begin` could not have, in the running event loop."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio.events._get_running_loop() if asyncio is not None else None
    if loop is None:  # trio can do nothing with futures of asyncio: without a turn, then
        _leave(turn)
        return
    waiting = _waiting(turn, say, loop)
    try:
        for ahead, seconds in waiting:
            yield from _woken(ahead, seconds, loop).__await__()
    except BaseException:
        waiting.close()
        turn.release()
        raise


def _woken(ahead: Turn | None, seconds: float, loop: Any) -> Any:
    """A future of `loop` that is done when `ahead` is over, or the time is."""
    future = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    timer = loop.call_later(seconds, wake)
    future.add_done_callback(lambda _: timer.cancel())
    if ahead is not None:

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

        ahead.wakers.append(tell)
        if ahead.over:
            wake()
    return future


# --- getting a turn -----------------------------------------------------------------------------------------------


def _enter(turn: Turn) -> None:
    """Take the turn if it is free; otherwise note who has it."""
    ahead = _table.setdefault(turn.path, turn)
    if ahead is turn:
        turn.first = True
        _reach(turn)
    else:
        turn.ahead = ahead


def _join(turn: Turn) -> None:
    """Put a turn that computes around what its call is going to do."""
    turn.computes = True
    turn.thread = get_ident()
    turn.outer = _alive(_current.get())
    _current.set(turn)


def _leave(turn: Turn) -> None:
    """Let a turn compute without being the first. If it stands in the table, there it stays."""
    turn.ahead = None
    if turn.foreign:
        turn.foreign = False
        if turn.fd >= 0:
            fd, turn.fd = turn.fd, -1
            os.close(fd)
    _join(turn)


def _alive(turn: Turn | None) -> Turn | None:
    while turn is not None and turn.over:
        turn = turn.outer
    return turn


def _reach(turn: Turn) -> None:
    """Open the lock's file and try to lock it: sets `computes`, or `foreign` where another process has the lock.

    Without locks, where a file cannot be made or its file system has none, every process computes for itself.
    """
    folder = os.path.dirname(turn.path)
    turn.foreign = False
    turn.computes = True
    while folder not in _unlocked:
        try:
            try:
                turn.fd = os.open(turn.path, _FLAGS, 0o600)
            except FileNotFoundError:
                _make(folder)
                turn.fd = os.open(turn.path, _FLAGS, 0o600)
        except OSError:
            return  # nothing can be kept there either, which saving will say
        if folder not in _swept:
            _swept.add(folder)
            _sweep(folder)
        state = _try(turn.fd, turn.path)
        if state == _OURS:
            return
        if state == _THEIRS:
            turn.computes, turn.foreign = False, True
            return
        fd, turn.fd = turn.fd, -1
        os.close(fd)
        if state == _NONE:
            _unlocked.add(folder)


def _make(folder: str) -> None:
    """Make the folder of the locks, in a store that may not be there yet. Raises OSError."""
    from .folder import prepare
    from .refusals import Unwritable

    try:
        prepare(os.path.dirname(folder))
    except Unwritable as error:
        raise OSError(EACCES, error.reason) from None
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass


# What comes of trying to lock a file: it is locked, another process has locked it, it has been taken away since it was
# opened, or the file system has no locks.
_OURS, _THEIRS, _AWAY, _NONE = range(4)


def _try(fd: int, path: str) -> int:
    try:
        lockf(fd, LOCK_EX | LOCK_NB)
    except OSError as error:
        return _THEIRS if error.errno in (EAGAIN, EACCES) else _NONE
    try:
        mine, there = os.fstat(fd), os.stat(path, follow_symlinks=False)
    except OSError:
        return _AWAY
    return _OURS if mine.st_ino == there.st_ino and mine.st_dev == there.st_dev else _AWAY


def _let_go(fd: int, path: str, locked: bool, kept: bool | None) -> None:
    try:
        if locked:
            if kept is None:
                os.pwrite(fd, b"!", 0)  # whoever waits is to try once more
            os.unlink(path)
    except OSError:
        pass
    try:
        os.close(fd)
    except OSError:
        pass


# --- waiting ------------------------------------------------------------------------------------------------------


def _waiting(turn: Turn, say: Callable[[str], None], loop: Any) -> Generator[tuple[Turn | None, float], None, None]:
    """Bring `turn` to where it computes. Each item says for whose end to wait (None: only for the time) how long.

    Time is counted by what was waited, because a script can make clocks stand still.
    """
    passed = 0.0
    said = retried = False
    stuck: Any = None
    mine: list[Turn] = []
    try:
        while True:
            ahead = turn.ahead
            if ahead is not None:
                if ahead.over:
                    if ahead.computes and (ahead.kept is not None or retried):
                        break  # it was made: what there is is in the store
                    retried = retried or ahead.computes
                    turn.ahead = None
                    _enter(turn)
            else:
                state = _try(turn.fd, turn.path)
                if state == _OURS:  # its process was killed
                    turn.computes, turn.foreign = True, False
                elif state != _THEIRS:
                    if retried or os.pread(turn.fd, 1, 0) != b"!":
                        break
                    retried = True
                    fd, turn.fd = turn.fd, -1
                    os.close(fd)
                    _reach(turn)
            if turn.computes:
                _join(turn)
                return
            ahead = turn.ahead
            if ahead is not None and ahead.over:
                continue
            if not mine:
                mine = _blocked(turn, loop)
                for one in mine:
                    one.wants.append(turn.path)
                    _note(one)
            if _in_vain(turn, ahead, mine, loop):
                break
            if passed >= PATIENCE:
                if not said:
                    said = True
                    say(f"waiting for {_whom(turn, ahead)}, which is computing the same call")
                if ahead is not None:
                    if stuck is None:
                        from .stuck import Stuck

                        stuck = Stuck()
                    if ahead.thread != get_ident() and stuck.waits_for_us(ahead.thread):
                        break
            seconds = PATIENCE if ahead is not None else min(max(passed / 20, _SHORTEST), _LONGEST)
            yield ahead, seconds
            if ahead is None or not ahead.over:
                passed += seconds
    finally:
        for one in mine:
            if turn.path in one.wants:
                one.wants.remove(turn.path)
                _note(one)
    _leave(turn)


def _blocked(turn: Turn, loop: Any) -> list[Turn]:
    """The turns of calls that cannot go on while this one waits: those around it.

    A thread that blocks holds up whatever else it has begun, which is tasks of its event loop.
    """
    found = []
    outer = _alive(_current.get())
    while outer is not None:
        found.append(outer)
        outer = _alive(outer.outer)
    if loop is None:
        me = get_ident()
        found += [one for one in list(_table.values()) if one.computes and one.thread == me and one not in found]
    return found


def _in_vain(turn: Turn, ahead: Turn | None, mine: list[Turn], loop: Any) -> bool:
    """Whether what `turn` waits for cannot come before `turn` itself goes on."""
    if turn.path in _inherited or any(one.path == turn.path for one in mine):
        return True
    if ahead is not None and loop is None and ahead.thread == get_ident():
        return True
    if not mine:
        return False
    own = {one.path for one in mine}
    folder = os.path.dirname(turn.path)
    seen: set[str] = set()
    rest = [turn.path]
    while rest:
        path = rest.pop()
        if path in own:
            return True
        if path in seen:
            continue
        seen.add(path)
        first = _table.get(path)
        if first is not None and first.computes:
            rest += first.wants
        else:
            rest += [f"{folder}/{digest}" for digest in _noted(path, first)]
    return False


def _note(turn: Turn) -> None:
    """Write into the file of a turn what its call waits for."""
    fd = turn.fd
    if fd < 0:
        return
    text = "".join(f" {os.path.basename(path)}\n" for path in turn.wants)
    try:
        os.pwrite(fd, text.encode() or b"\n", 0)
        os.ftruncate(fd, len(text))
    except OSError:
        pass


def _noted(path: str, first: Turn | None) -> list[str]:
    """What the call of another process waits for: digests."""
    fd = first.fd if first is not None else -1
    try:
        if fd >= 0:
            data = os.pread(fd, 65536, 0)
        else:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                data = os.read(fd, 65536)
            finally:
                os.close(fd)
    except OSError:
        return []
    return data.decode("ascii", "replace").split()


def _whom(turn: Turn, ahead: Turn | None) -> str:
    while ahead is not None and ahead.ahead is not None:
        ahead = ahead.ahead
    if ahead is not None and not ahead.foreign:
        return "another task" if ahead.thread == get_ident() else "another thread"
    pid = _holder((ahead or turn).fd)
    return f"process {pid}" if pid > 0 else "another process"


def _holder(fd: int) -> int:
    """The process that has the lock of this file: 0 for none, -1 for one that cannot be named."""
    from _struct import pack, unpack

    # `struct flock`: the type is told in another place on macOS and the BSDs.
    linux = sys.platform == "linux"
    form = "hhqqi4x" if linux else "qqihh"
    try:
        asked = pack(form, F_WRLCK, 0, 0, 0, 0) if linux else pack(form, 0, 0, 0, F_WRLCK, 0)
        told = unpack(form, fcntl(fd, F_GETLK, asked))
    except OSError:
        return -1
    if (told[0] if linux else told[3]) != F_WRLCK:
        return 0
    return (told[4] if linux else told[2]) or -1


# --- what others have left behind ---------------------------------------------------------------------------------


def _sweep(folder: str) -> None:
    """Remove the files of processes that were killed, of which nobody has taken the turn since."""
    before = time() - _STALE
    try:
        with os.scandir(folder) as files:
            for file in files:
                if file.path not in _table and file.stat(follow_symlinks=False).st_mtime < before:
                    _remove(file.path)
    except OSError:
        pass  # another process does the same


def _remove(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        lockf(fd, LOCK_EX | LOCK_NB)
        os.unlink(path)
    except OSError:
        pass  # it is in use
    finally:
        os.close(fd)


def _forget() -> None:
    """In a forked child: the turns are the parent's."""
    global _table, _inherited
    around = set(_inherited)
    one = _alive(_current.get())
    while one is not None:
        around.add(one.path)
        one = _alive(one.outer)
    _inherited = frozenset(around)
    turns, _table = _table, {}
    for turn in turns.values():
        fd, turn.fd = turn.fd, -1
        turn.over = True
        if fd >= 0:
            try:
                os.close(fd)  # the lock is the parent's and stays
            except OSError:
                pass


os.register_at_fork(after_in_child=_forget)
