"""What the interpreter tells its audit hooks, into notes of the records.

An audit hook stays for the life of the process. It is added when the first call is recorded, and returns at once
while no record is active.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from types import CodeType

from . import origin, record
from .contents import path_text
from .glances import listing
from .inputs import ABOUT_PYTHON, Inputs
from .quiet import threads
from .record import clean
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable

    from .record import Record

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Read by the import system and for tracebacks, not by the call. In archives modules can lie.
_CODE = (".py", ".pyc", ".so", ".pyd", ".zip", ".egg", ".pth", ".dylib")
_IMPORT_SYSTEM = ("<frozen importlib", "<frozen zipimport")
# They open folders relative to the descriptor of another one (`rmtree`, `fwalk`), of which the event does not tell.
_BY_DESCRIPTOR = ("shutil", "os")
_CODE_READERS = frozenset(("linecache", "tokenize", "traceback", "pkgutil", "runpy", "zipimport"))
_NO_NOTE: Any = object()

_live = record.live
_innermost = record._innermost
_installed = False


def install() -> None:
    """Add the hook, once."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _live:
        return
    if event == "open":
        path, _, flags = args
        if type(path) is int:
            return
        try:
            if threads and get_ident() in threads:
                return
            holder = _innermost.get()
            # `records()`, spelled out for what happens most.
            holders = holder.chain if holder is not None and holder.active else record.records()
            if not holders:
                return
            if type(path) is not str:
                path = os.fsdecode(path)
            if "/." in path or "//" in path or path[:1] == ".":
                path = clean(path)
            if flags & _WRITES:
                _written(holders, path, flags)
                return
            if args[1] is None and "/" not in path and sys._getframe(1).f_globals.get("__name__") in _BY_DESCRIPTOR:
                return
            if path.endswith(_CODE) and _is_code_reader(sys._getframe(1), path):
                return
            found = _NO_NOTE
            for holder in holders:
                name = path if path[:1] == "/" or holder.moves == record.moves else holder.name(path)
                known = holder.reads.get(name, _NO_NOTE)
                if known is _NO_NOTE or known is None:
                    if found is _NO_NOTE:
                        try:
                            found = os.stat(path)
                        except (OSError, ValueError) as error:
                            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                                raise  # not `stat` has raised it, but a signal handler of the script
                            found = None
                    if holder.active:
                        if known is _NO_NOTE:
                            if (
                                found is not None
                                and found.st_ctime_ns < holder.old
                                and found.st_mtime_ns < holder.old
                                and not holder.before
                                and not holder.missed
                            ):
                                holder.reads[name] = found  # `note_read` for what happens most
                            else:
                                holder.note_read(name, found)
                        else:
                            holder.note_read_again(name, found)
        except Exception as error:
            _failed(event, error)
        return
    handler = _HANDLERS.get(event)
    if handler is not None and not (threads and get_ident() in threads):
        try:
            handler(args)
        except Exception as error:
            _failed(event, error)


def _failed(event: str, error: Exception) -> None:
    """What cannot be followed must not be kept. What a signal handler of the script has raised only passes through."""
    let_through(error)
    for holder in list(_live.values()):
        holder.refuse(f"what it does cannot be followed: {type(error).__name__} at `{event}`: {error}")


def _is_code_reader(frame: FrameType, path: str) -> bool:
    if path.endswith(".pyc") or frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
        return True
    space = frame.f_globals
    if space.get("__name__") in _CODE_READERS:
        return True
    # Code of ours looks into the sources and libraries of modules when it makes a key, where they count.
    return space.get("__package__") == __package__


def _absolute(path: Any, folder: Any = -1) -> str | None:
    """The absolute path that an operation names, None where it cannot be told."""
    if type(path) is int:
        return _path_of_descriptor(path)
    if type(path) is not str:
        path = os.fsdecode(path)
    if path[:1] == "/":
        return clean(path)
    if type(folder) is int and folder >= 0:
        parent = _path_of_descriptor(folder)
        return None if parent is None else clean(f"{parent}/{path}")
    return clean(f"{os.getcwd()}/{path}")


def _path_of_descriptor(number: int) -> str | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            path = os.readlink(f"{folder}/{number}")
        except OSError:
            continue
        return path if path[:1] == "/" and not path.endswith(" (deleted)") else None
    return None


# --- changes --------------------------------------------------------------------------------------------------


def _written(holders: tuple[Record, ...], path: str, flags: int) -> None:
    full = _absolute(path)
    if full is not None:
        _change(holders, full, bool(flags & os.O_TRUNC) and not flags & os.O_EXCL, path)


def _change(holders: tuple[Record, ...], path: str, whole: bool, name: str) -> None:
    """`name` is the path as the operation named it, "" if that cannot be told."""
    for holder in holders:
        if holder.active:
            holder.note_change(path, whole, name and holder.name(name))


def _touch(path: Any, folder: Any, whole: bool) -> None:
    holders = record.records()
    if holders:
        full = _absolute(path, folder)
        if full is not None:
            known = type(path) is not int and (folder in (-1, None) or os.fsdecode(path)[:1] == "/")
            _change(holders, full, whole, clean(os.fsdecode(path)) if known else "")
        elif type(folder) is int and folder >= 0:
            for holder in holders:
                holder.refuse(f"it changes `{path}` in a folder that devstash cannot tell")


def _renamed(args: tuple[Any, ...]) -> None:
    source, target, source_folder, target_folder = args
    _touch(source, source_folder, False)
    _touch(target, target_folder, True)


def _linked(args: tuple[Any, ...]) -> None:
    source, target, source_folder, target_folder = args
    _touch(target, target_folder, False)


def _truncated(args: tuple[Any, ...]) -> None:
    _touch(args[0], -1, args[1] == 0)


def _database(args: tuple[Any, ...]) -> None:
    name = args[0]
    if isinstance(name, bytes) or not isinstance(name, str):
        name = os.fsdecode(name)
    if name.startswith("file:"):
        from urllib.parse import unquote

        name, _, options = name[5:].partition("#")[0].partition("?")
        name = unquote(name)
        if name.startswith("//"):
            name = "/" + name[2:].partition("/")[2]
        if "mode=memory" in options:
            return
    if name not in ("", ":memory:"):
        _touch(name, -1, False)


def _moved(args: tuple[Any, ...]) -> None:
    record.moved()


def _child(args: tuple[Any, ...]) -> None:
    for holder in record.records():
        holder.children = True


def _thread(args: tuple[Any, ...]) -> None:
    from .threads import note_start

    note_start(args[0])


def _imported(args: tuple[Any, ...]) -> None:
    from .unaudited import importing

    importing(args[0])


def _executed(args: tuple[Any, ...]) -> None:
    """The code of a module runs, of which the import system or `runpy` has read the source or byte-code."""
    code = args[0]
    if not isinstance(code, CodeType) or code.co_name != "<module>" or code.co_filename[:1] == "<":
        return
    path = clean(code.co_filename)
    for holder in record.records():
        holder.note_run(holder.name(path))


def _library(args: tuple[Any, ...]) -> None:
    name = args[0]
    if isinstance(name, str) and "/" in name:
        path = clean(name)
        for holder in record.records():
            noted = holder.name(path)
            if noted not in holder.reads:
                try:
                    holder.note_read(noted, os.stat(path))
                except OSError:
                    holder.note_read(noted, None)


# --- listings -------------------------------------------------------------------------------------------------


def _listed(args: tuple[Any, ...]) -> None:
    _list(args[0], "names")


def _scanned(args: tuple[Any, ...]) -> None:
    _list(args[0], "kinds")


def _list(path: Any, form: str) -> None:
    holders = record.records()
    if not holders:
        return
    if type(path) is int:  # a folder that was opened before: rmtree, fwalk
        path = _path_of_descriptor(path)
        if path is None:
            return
    frame = sys._getframe(3)
    if frame.f_code.co_filename.startswith(_IMPORT_SYSTEM) or frame.f_globals.get("__name__") in ABOUT_PYTHON:
        return
    if frame.f_globals.get("__package__") == __package__:
        return
    path = "." if path is None else path if type(path) is str else os.fsdecode(path)
    if form == "kinds" and _asks_entries(frame):
        form = "stats"
    list_for(holders, clean(path), form)


def list_for(holders: tuple[Record, ...], path: str, form: str) -> None:
    """Note for these records what is in a folder; `form` as `glances.listing` has it."""
    for holder in holders:
        name = holder.name(path)
        full = holder.full(name)
        if (
            (name, form) in holder.listings
            or not holder.active
            or not Inputs.of(holder.store_folder).counts(full + "/")
        ):
            continue
        changed = list(holder.before.items())
        skipped = sorted(p[len(full) + 1 :] for p, _ in changed if p.rpartition("/")[0] == full)
        made = any(p == full and kind == "absent" for p, kind in changed)
        digest = listing(path, form, frozenset(skipped), holder.store_folder)
        row = ["dir", path_text(name), form, [path_text(part) for part in skipped], int(made), digest]
        holder.listings[name, form] = row


def _asks_entries(frame: FrameType) -> bool:
    """Whether the project's code that scans a folder may ask its entries for sizes and times, which is not seen."""
    space = frame.f_globals
    if origin.of_namespace(space) != origin.PROJECT:
        return False
    codes = [frame.f_code]
    for value in list(space.values()):
        for part in vars(value).values() if isinstance(value, type) else (value,):
            code = getattr(part, "__code__", None)
            if isinstance(code, CodeType) and getattr(part, "__globals__", None) is space:
                codes.append(code)
    while codes:
        code = codes.pop()
        if "stat" in code.co_names:
            return True
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return False


_HANDLERS: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "os.listdir": _listed,
    "os.scandir": _scanned,
    "os.rename": _renamed,
    "os.remove": lambda args: _touch(args[0], args[1], True),
    "os.rmdir": lambda args: _touch(args[0], args[1], True),
    "os.mkdir": lambda args: _touch(args[0], args[2], False),
    "os.link": _linked,
    "os.symlink": lambda args: _touch(args[1], args[2], False),
    "os.truncate": _truncated,
    "os.chmod": lambda args: _touch(args[0], args[2], False),
    "os.chown": lambda args: _touch(args[0], args[3], False),
    "os.utime": lambda args: _touch(args[0], args[3], False),
    "sqlite3.connect": _database,
    "import": _imported,
    "exec": _executed,
    "os.chdir": _moved,
    "os.fchdir": _moved,
    "subprocess.Popen": _child,
    "os.posix_spawn": _child,
    "os.spawn": _child,
    "os.system": _child,
    "os.fork": _child,
    "os.forkpty": _child,
    "pty.spawn": _child,
    "_thread.start_new_thread": _thread,
    "_thread.start_joinable_thread": _thread,
    "ctypes.dlopen": _library,
}
