"""Worker processes that Python starts afresh: they run the main script's byte-code, with the settings of this run.

A worker of `multiprocessing` with `spawn` or `forkserver` reads the main script again, as plain text, so its markers
would be comments. What such a worker is told first is pickled data, and in it the folder where the program began; in
ours this text brings with it a few lines that run as it is unpickled. They see to it that the one reading of the main
script gives its byte-code, if the script is still the text that this was made from. All else in the worker is as it is
without us: `__name__`, `__file__`, `sys.argv`, warnings.

We learn of the import of `multiprocessing` from the finder that the import system keeps for its folder, so nothing is
loaded for scripts that never do it, nothing is slower, and nothing can be seen by those that do. Workers made by `fork`
have everything already.
"""

from __future__ import annotations

import sys
from _frozen_importlib_external import (  # type: ignore[attr-defined]
    FileFinder,
    SourceFileLoader,
    _get_supported_file_loaders,
)

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "DEVSTASH_RUN"

# Runs in the worker; `given` holds the settings. It must not import the runtime: the script's byte-code does.
_ARRIVAL = '''\
import os, runpy, sys

def content(path):
    """What the launcher calls the content of a script: see `code.rs`."""
    from _blake2 import blake2b
    with open(path, "rb") as file:
        source = blake2b(file.read(), digest_size=16).hexdigest().encode()
    told = b""
    for part in (given["file"].encode("utf-8", "surrogateescape"), source, b"\\0"):
        told += len(part).to_bytes(8, "little") + part
    return blake2b(told, digest_size=16).hexdigest()

def renamed(code, name):
    """The code with the name of its file spelled as the worker spells it."""
    constants = []
    for item in code.co_consts:
        if type(item) is type(code):
            item = renamed(item, name)
        elif type(item) is tuple and len(item) == 2 and item[0] == "@devstash" and type(item[1]) is type(code):
            item = (item[0], renamed(item[1], name))
        constants.append(item)
    return code.replace(co_filename=name, co_consts=tuple(constants))

def kept(path):
    from importlib.util import MAGIC_NUMBER
    from marshal import loads
    with open(given["pyc"], "rb") as file:
        data = file.read()
    if data[:4] != MAGIC_NUMBER or not os.path.basename(given["pyc"]).startswith(content(path)):
        return None
    code = loads(data[16:])
    return code if code.co_filename == path else renamed(code, path)

def begin():
    os.environ["DEVSTASH_RUN"] = given["told"]

def arrive():
    read = runpy._get_code_from_file
    def once(*asked):
        found = read(*asked)
        if asked[-1] == os.path.normpath(given["file"]):
            runpy._get_code_from_file = read
            try:
                code = kept(asked[-1])
            except Exception:
                code = None
            if code is not None:
                begin()
                return (code, asked[-1]) if type(found) is tuple else code
        return found
    runpy._get_code_from_file = once

class Later:
    """Stands for the builtin until a function that was sent by value asks for it."""
    def __call__(self, *asked):
        import builtins
        from marshal import loads
        sys.path.insert(0, given["root"])
        try:
            from devstash import start
        finally:
            sys.path.remove(given["root"])
        begin()
        start.begin(given["file"], loads(given["sites"]), False)
        return getattr(builtins, "@devstash")(*asked)

try:
    arrive()
    if given["sites"]:
        import builtins
        if not hasattr(builtins, "@devstash"):
            setattr(builtins, "@devstash", Later())
except Exception:
    pass  # the worker does without
'''


class _Workers:
    """What the workers of this run are told."""

    def __init__(self, file: str, pyc: str, sites: tuple[Any, ...], settings: dict[str, str]) -> None:
        self.file = file
        self.pyc = pyc
        self.sites = sites
        self.settings = settings

    def told(self) -> dict[str, Any]:
        """Names for `_ARRIVAL`: plain texts and bytes, which can be pickled and whose `repr` is Python."""
        settings = {**self.settings, "worker": "1", "pyc": self.pyc, "held": "\n".join(_held())}
        lines = [f"{name}={value}" for name, value in ((n, _escaped(v)) for n, v in settings.items())]
        sites = b""
        if any(name.endswith("loky") for name in sys.modules):
            from marshal import dumps

            sites = dumps(self.sites)
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        return {"file": self.file, "pyc": self.pyc, "told": "\n".join(lines), "root": root, "sites": sites}


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\n", "%0A")


def _held() -> list[str]:
    """The turns that this context has: a worker that is waited for must not wait for them."""
    locks = sys.modules.get(f"{__package__}.locks")
    if locks is None:
        return []
    found = list(locks._inherited)
    turn = locks._alive(locks._current.get())
    while turn is not None:
        found.append(turn.path)
        turn = locks._alive(turn.outer)
    return found


_workers: _Workers | None = None


class _Place(str):
    """A path that brings the settings along when it is unpickled in a worker, where it is a plain `str` again."""

    def __reduce__(self) -> Any:
        assert _workers is not None
        space = {"text": _ARRIVAL, "space": {"given": _workers.told()}, "place": str(self)}
        return eval, ("exec(text, space) or place", space)


class _Name(str):
    """The name of a module to be loaded beforehand, written into the command line of a fork server."""

    def __repr__(self) -> str:
        assert _workers is not None
        return f"(exec({_ARRIVAL!r}, {{'given': {_workers.told()!r}}}) or {str(self)!r})"


def _bring_place(modules: dict[str, Any]) -> None:
    process = modules["multiprocessing.process"]
    if type(process.ORIGINAL_DIR) is str:
        process.ORIGINAL_DIR = _Place(process.ORIGINAL_DIR)


def _bring_name(modules: dict[str, Any]) -> None:
    server = modules["multiprocessing.forkserver"]._forkserver
    names = server._preload_modules
    server._preload_modules = [_Name(name) if name == "__main__" else name for name in names]


_WIRES = {"multiprocessing.spawn": _bring_place, "multiprocessing.forkserver": _bring_name}


def _wire(name: str) -> None:
    try:
        _WIRES[name](sys.modules)
    except Exception:
        pass  # another Python than we know: its workers do without us


class _Loader(SourceFileLoader):
    """Loads one module of `multiprocessing` as an ordinary loader, which it becomes, and then wires it."""

    def exec_module(self, module: Any) -> None:
        self.__class__ = SourceFileLoader  # type: ignore[assignment]
        self.exec_module(module)
        _wire(module.__name__)


class _Finder(FileFinder):
    """What finds the modules in the folder of `multiprocessing`."""

    def find_spec(self, fullname: str, target: Any = None) -> Any:
        spec = super().find_spec(fullname, target)
        if fullname in _WIRES and spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader.__class__ = _Loader
        return spec


def watch(file: str, pyc: str, sites: tuple[Any, ...], settings: dict[str, str]) -> None:
    """Have the workers that this process starts find the byte-code and the settings of the run.

    `file` is the script, `pyc` its byte-code, `sites` the table of its sites. In `settings`, the values of
    DEVSTASH_RUN, `cache_dir` is an absolute path.
    """
    global _workers
    _workers = _Workers(file, pyc, sites, settings)
    held = settings.get("held")
    if held:
        from . import locks

        locks._inherited = frozenset(held.split("\n"))
    for name in _WIRES:
        if name in sys.modules:
            _wire(name)
    folder = os.path.join(os.path.dirname(os.__file__), "multiprocessing")
    if folder not in sys.path_importer_cache:
        sys.path_importer_cache[folder] = _Finder(folder, *_get_supported_file_loaders())
