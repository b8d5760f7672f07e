"""What worker processes that Python starts afresh are told, and how it reaches them; see workers.py."""

from __future__ import annotations

import sys

from . import journal
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        start.begin(given["file"], loads(given["sites"]), False, {})
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


class Workers:
    """What the workers of this run are told."""

    def __init__(self, file: str, pyc: str, sites: tuple[Any, ...], settings: dict[str, str]) -> None:
        self.file = file
        self.pyc = pyc
        self.sites = sites
        self.settings = settings

    def told(self) -> dict[str, Any]:
        """Names for `_ARRIVAL`: plain texts and bytes, which can be pickled and whose `repr` is Python."""
        journal.accompanied()
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


workers: Workers | None = None


class _Place(str):
    """A path that brings the settings along when it is unpickled in a worker, where it is a plain `str` again."""

    def __reduce__(self) -> Any:
        assert workers is not None
        space = {"text": _ARRIVAL, "space": {"given": workers.told()}, "place": str(self)}
        return eval, ("exec(text, space) or place", space)


class _Name(str):
    """The name of a module to be loaded beforehand, written into the command line of a fork server."""

    def __repr__(self) -> str:
        assert workers is not None
        return f"(exec({_ARRIVAL!r}, {{'given': {workers.told()!r}}}) or {str(self)!r})"


def _bring_place(modules: dict[str, Any]) -> None:
    process = modules["multiprocessing.process"]
    if type(process.ORIGINAL_DIR) is str:
        process.ORIGINAL_DIR = _Place(process.ORIGINAL_DIR)


def _bring_name(modules: dict[str, Any]) -> None:
    server = modules["multiprocessing.forkserver"]._forkserver
    names = server._preload_modules
    server._preload_modules = [_Name(name) if name == "__main__" else name for name in names]


_WIRES = {"multiprocessing.spawn": _bring_place, "multiprocessing.forkserver": _bring_name}


def wire(name: str) -> None:
    """Have the loaded module of this name bring the settings along."""
    _WIRES[name](sys.modules)
