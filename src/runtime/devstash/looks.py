"""`os.stat`, `lstat`, `access` and `readlink`, seen while a record is active.

The interpreter raises no audit event for them. Stand-ins take their places in `os` (and in the accessor that
`pathlib` had before 3.11) for that time. They look like the functions they stand for, and leave no frame in the
traceback of what they pass on (before 3.11 there is one).

What counts depends on who asks: `exists` and `is_file` want to know the kind, `getsize` the size. The project's own
code may look at anything that `os.stat` says.
"""

from __future__ import annotations

import os as live_os
import sys

from . import origin, record
from .contents import path_text
from .glances import answer
from .guards import is_guard, is_made_anyway
from .inputs import ABOUT_PYTHON
from .quiet import is_quiet
from .record import clean
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_PATHS = frozenset(("genericpath", "posixpath", "ntpath"))
_PATHLIB = ("pathlib", "pathlib._local", "pathlib._abc", "pathlib._os", "pathlib.types")
_ASKING = frozenset(("stat", "lstat"))
#: Questions after which a folder may be made.
_GUARDING = ("exists", "is dir")
# Functions that want to know one thing only.
_QUESTIONS = {
    "exists": "exists", "lexists": "exists", "isfile": "is file", "is_file": "is file", "isdir": "is dir",
    "is_dir": "is dir", "islink": "is link", "is_symlink": "is link", "getsize": "size",
    "getmtime": "stat", "getctime": "stat", "getatime": "stat",
}  # fmt: skip
# What functions of shutil want to know of a file that is to be copied. For others it is not their own question.
_COPYING = {"copystat": "stat", "copymode": "mode", "_samefile": "", "_stat": "", "copyfile": "", "_islink": "is link"}

_real_stat, _real_lstat, _real_access, _real_readlink = os.stat, os.lstat, os.access, os.readlink


def stat(path: Any, *, dir_fd: Any = None, follow_symlinks: bool = True) -> os.stat_result:
    try:
        found = _real_stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    except BaseException as error:
        if record.live and dir_fd is None and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            _note(path, None, follow_symlinks, sys._getframe(1))
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
        raise
    if record.live and dir_fd is None and type(path) is not int:
        _note(path, found, follow_symlinks, sys._getframe(1))
    return found


def lstat(path: Any, *, dir_fd: Any = None) -> os.stat_result:
    try:
        found = _real_lstat(path, dir_fd=dir_fd)
    except BaseException as error:
        if record.live and dir_fd is None and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            _note(path, None, False, sys._getframe(1))
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
        raise
    if record.live and dir_fd is None:
        _note(path, found, False, sys._getframe(1))
    return found


def access(
    path: Any, mode: int, *, dir_fd: Any = None, effective_ids: bool = False, follow_symlinks: bool = True
) -> bool:
    try:
        found = _real_access(path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks)
    except BaseException as error:
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
        raise
    if record.live and dir_fd is None and type(path) is not int:
        _put_row(path, f"access {mode}", sys._getframe(1), lambda text: ["access", text, mode, int(found)])
    return found


def readlink(path: Any, *, dir_fd: Any = None) -> Any:
    try:
        found = _real_readlink(path, dir_fd=dir_fd)
    except BaseException as error:
        if record.live and dir_fd is None and isinstance(error, OSError):
            _put_row(path, "target", sys._getframe(1), lambda text: ["target", text, None])
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
        raise
    if record.live and dir_fd is None:
        target = path_text(os.fsdecode(found))
        _put_row(path, "target", sys._getframe(1), lambda text: ["target", text, target])
    return found


_STAND_INS: dict[str, Any] = {"stat": stat, "lstat": lstat, "access": access, "readlink": readlink}
_REAL = {"stat": _real_stat, "lstat": _real_lstat, "access": _real_access, "readlink": _real_readlink}
_SETS = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")

for _name, _function in _STAND_INS.items():
    _plain = _REAL[_name]
    _function.__module__ = _plain.__module__
    _function.__qualname__ = _plain.__qualname__
    _function.__doc__ = _plain.__doc__
    _function.__dict__["__text_signature__"] = getattr(_plain, "__text_signature__", None)


def put() -> None:
    """See what is looked at from now on. What a mock has put into `os` stays."""
    accessor = _accessor()
    for name, function in _STAND_INS.items():
        if getattr(live_os, name, None) is _REAL[name]:
            setattr(live_os, name, function)
        if accessor is not None and accessor.__dict__.get(name) is _REAL[name]:
            setattr(accessor, name, staticmethod(function))
        for holder in _SETS:
            members = getattr(live_os, holder, None)
            if isinstance(members, set) and _REAL[name] in members:
                members.add(function)


def take() -> None:
    """Undo `put`."""
    accessor = _accessor()
    for name, function in _STAND_INS.items():
        if getattr(live_os, name, None) is function:
            setattr(live_os, name, _REAL[name])
        if accessor is not None and getattr(accessor.__dict__.get(name), "__func__", None) is function:
            setattr(accessor, name, _REAL[name])
        for holder in _SETS:
            members = getattr(live_os, holder, None)
            if isinstance(members, set):
                members.discard(function)


def _accessor() -> Any:
    """The class through which `pathlib` reached the system before 3.11."""
    return getattr(sys.modules.get("pathlib"), "_NormalAccessor", None)


def _note(path: Any, found: os.stat_result | None, follow: bool, frame: FrameType) -> None:
    try:
        holders = record.records()
        if not holders or is_quiet():
            return
        asked = _asked(frame)
        if asked == "":
            return
        guarding = found is None and asked in _GUARDING and frame.f_globals.get("__name__") in _PATHS
        if guarding and frame.f_back is not None and is_guard(frame.f_back):
            return
        if type(path) is not str:
            path = os.fsdecode(path)
        path = clean(path)
        link = "" if follow else "link "
        for holder in holders:
            name = holder.name(path)
            if not holder.active or (name, link + asked) in holder.looks:
                continue
            if holder.is_own(name):
                continue
            holder.looks[name, link + asked] = [link + asked, path_text(name), *answer(asked, found)]
            if found is None:
                holder.missed.add(name)
    except Exception as error:
        _failed(error)


def _put_row(path: Any, what: str, frame: FrameType, make: Any) -> None:
    try:
        holders = record.records()
        if not holders or is_quiet() or _asked(frame) == "":
            return
        path = clean(os.fsdecode(path))
        for holder in holders:
            name = holder.name(path)
            if holder.active and (name, what) not in holder.looks and not holder.is_own(name):
                holder.looks[name, what] = make(path_text(name))
    except Exception as error:
        _failed(error)


def _failed(error: Exception) -> None:
    let_through(error)
    for holder in list(record.live.values()):
        holder.refuse(f"what it looks at cannot be followed: {type(error).__name__}: {error}")


def _asked(frame: FrameType) -> str:
    """What whoever asks wants to know (see `answer`), or nothing that counts."""
    module = frame.f_globals.get("__name__")
    function = frame.f_code.co_name
    if module in _PATHS:
        above = frame.f_back
        while above is not None and above.f_globals.get("__name__") in _PATHS:
            above = above.f_back
        if above is not None and (_is_indifferent(above) or above.f_globals.get("__package__") == __package__):
            return ""
        return _QUESTIONS.get(function, "kind")
    if module == "shutil" and function in _COPYING:
        return _COPYING[function]
    asking = frame
    if module in _PATHLIB:
        last = frame
        while asking.f_back is not None and asking.f_globals.get("__name__") in _PATHLIB:
            if _is_indifferent(asking):
                return ""
            last, asking = asking, asking.f_back
        if last.f_code.co_name not in _ASKING:
            return _QUESTIONS.get(last.f_code.co_name, "kind")
    space = asking.f_globals
    if space.get("__package__") == __package__:
        return ""
    where = origin.of_namespace(space)
    if where == origin.PYTHON:
        return "" if asking.f_code.co_filename.startswith("<frozen importlib") or _is_indifferent(asking) else "kind"
    return "stat" if where == origin.PROJECT else "size"


def _is_indifferent(frame: FrameType) -> bool:
    """Whether it is `makedirs` or `Path.mkdir` that asks, with `exist_ok`: they go on in any case.

    And `linecache`, which looks whether a source has changed, and shutil before it copies.
    """
    name = frame.f_code.co_name
    if name in ("makedirs", "mkdir"):
        if frame.f_globals.get("__name__") == "os" and is_made_anyway(frame):
            return True
        return bool(frame.f_locals.get("exist_ok")) and frame.f_globals.get("__name__") in ("os", *_PATHLIB)
    module = frame.f_globals.get("__name__")
    return (
        module in ("linecache", "traceback", "tokenize")
        or module in ABOUT_PYTHON
        or (module == "shutil" and name == "_samefile")
    )
