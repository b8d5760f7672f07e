"""Markers in the modules that the program imports: the place where Python asks for a module's code.

The import system, `importlib.reload`, `python -m` and loaders for a path all ask `SourceFileLoader.get_code`. In its
place stands `_get_code`, which looks into the sources of the project's modules for a mention of us. A module that has
one gets its code from marked.py; for all others the method itself is asked.

The code of `_get_code` says that it stands where the method stands, so that tracebacks through an import are trimmed as
ever.
"""

from __future__ import annotations

from _frozen_importlib_external import SourceFileLoader

from . import origin
from .kinds import FunctionType
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from .call import Calls

#: The status of a run that would have had to make a marked call.
OFFLINE = 5
_READ = os.O_RDONLY | os.O_CLOEXEC
_CHUNK = 1 << 20

_main: Calls | None = None
_plain: Any = SourceFileLoader.get_code


def watch(calls: Calls) -> None:
    """Honour markers in modules from now on, with the settings and the store of `calls`, the main module's."""
    global _main
    if _main is None:
        SourceFileLoader.get_code = _stand_in()  # type: ignore[method-assign]
    _main = calls


def _stand_in() -> Any:
    """`_get_code`, looking like the method that it stands for."""
    code = _get_code.__code__.replace(co_filename=_plain.__code__.co_filename, co_name=_plain.__name__)
    function = FunctionType(code, globals(), _plain.__name__)
    for name in ("__module__", "__qualname__", "__doc__"):
        setattr(function, name, getattr(_plain, name))
    return function


def _get_code(self: Any, fullname: str) -> CodeType | None:
    if type(self) is SourceFileLoader and origin.is_projects_file(self.path):
        found = _rewritten(self.path)
        if type(found) is str:
            raise ImportError(found, name=fullname, path=self.path)
        if found is not None:
            return found  # type: ignore[return-value]
    return _plain(self, fullname)  # type: ignore[no-any-return]


def _rewritten(path: str) -> CodeType | str | None:
    """The code of a module with markers, or what is wrong with them; None for others, and where there is trouble."""
    try:
        source = read(path)
    except OSError as error:
        let_through(error)
        return None  # Python will say so
    if b"devstash" not in source or _main is None:
        return None
    try:
        from . import marked

        return marked.code_of(path, source, _main)
    except Exception as error:
        let_through(error)
        told = str(error) or type(error).__name__
        if type(error).__name__ != "Untouchable":
            told = f"{type(error).__name__}: {told}"
        if _main.reporter.verbosity >= 0:
            _main.reporter.say(f"{path}: markers are off in this module: {told}")
        if _main.settings.get("offline") == "1":  # its marked calls would be made
            raise SystemExit(OFFLINE) from None
        return None


def read(path: str) -> bytes:
    """A file's contents, whatever the script has made of `open`. Raises OSError."""
    fd = os.open(path, _READ)
    try:
        data = os.read(fd, _CHUNK)
        if len(data) < _CHUNK:
            return data
        chunks = [data]
        while data:
            data = os.read(fd, _CHUNK)
            chunks.append(data)
        return b"".join(chunks)
    finally:
        os.close(fd)
