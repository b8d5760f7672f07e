"""The code of imported modules with markers: planned by the launcher, rewritten and compiled here, and remembered.

What is remembered lies in the folder of the runtime, in `modules/<16 hex of the path>/<32 hex of the content>`: what a
byte-code file has at its head, with the length of the whole, and marshalled the code and the table of its sites, or
None for a module that only mentions us. Python's own `__pycache__` is neither read nor written for such a module.
"""

from __future__ import annotations

import builtins
import sys
from _blake2 import blake2b
from marshal import dumps, loads

from . import __version__
from .children import spawn
from .hook import read
from .quiet import Quiet
from .signals import let_through
from .system import os
from .tree import BUILTIN, Untouchable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Union

    from .call import Calls
    from .compiling import Sites

    Made = Union[tuple[CodeType, Sites], str, None]

_FOLDER = "modules"
# So many contents of one module are kept: enough to go back and forth between two versions.
_KEPT = 4
_HEAD = 16


def code_of(path: str, source: bytes, main: Calls) -> CodeType | str | None:
    """The code for the module whose file reads `source`; None if there are no markers in it, and a drawn error if these
    are faulty. Its marked calls use what those of `main` use.

    Raises Untouchable where we do not know what to do, and whatever else goes wrong.
    """
    with Quiet():
        made = _made(path, source, main)
    if made is None or isinstance(made, str):
        return made
    code, sites = made
    builtin = _builtin(path, source)
    # The same text loaded once more: calls of the first may be under way.
    if not hasattr(builtins, builtin):
        setattr(builtins, builtin, main.beside(path, sites, _shown(path)))
    return code


def _builtin(path: str, source: bytes) -> str:
    return f"{BUILTIN} {_digest(path.encode('utf-8', 'surrogateescape'), source)}"


def _digest(*parts: bytes) -> str:
    hasher = blake2b(digest_size=16)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little") + part)
    return hasher.hexdigest()


def _shown(path: str) -> str:
    """The path for messages: from the working folder on where it is below."""
    try:
        folder = os.getcwd() + "/"
    except OSError:
        return path
    return path[len(folder) :] if path.startswith(folder) else path


def _made(path: str, source: bytes, main: Calls) -> Made:
    """What is remembered, or is made now and remembered."""
    from importlib.util import MAGIC_NUMBER

    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    name = path.encode("utf-8", "surrogateescape")
    compiler = repr((sys.implementation.cache_tag, sys.hexversion, sys.flags.optimize)).encode()
    folder = f"{root}/{_FOLDER}/{_digest(name)[:16]}"
    place = f"{folder}/{_digest(name, source, compiler)}"
    data = _kept(place)
    if data[:4] == MAGIC_NUMBER and int.from_bytes(data[12:_HEAD], "little") == len(data):
        return loads(data[_HEAD:])  # type: ignore[no-any-return]
    os.makedirs(folder, 0o700, exist_ok=True)
    plan = _plan(path, source, folder, main.executable)
    made: Made = None
    if isinstance(plan, str):
        return plan
    if plan is not None:
        from .compiling import compile_module

        try:  # which warns, too, as Python does when it compiles a module
            compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return None  # Python will say so
        if plan.get("unparsed"):
            raise Untouchable(plan["unparsed"])
        code, sites = compile_module(source, path, plan, sys.flags.optimize, _builtin(path, source))
        made = code, sites
    data = dumps(made)
    try:
        _keep(place, MAGIC_NUMBER + b"\0" * 8 + (len(data) + _HEAD).to_bytes(4, "little") + data)
    except OSError as error:
        let_through(error)  # the next run makes it again
    return made


def _plan(path: str, source: bytes, folder: str, executable: str) -> dict[str, Any] | str | None:
    """The plan of the launcher for the module; None if it has no markers, and a drawn error if these are faulty."""
    if not executable:
        raise Untouchable("the devstash binary is not known")
    out = f"{folder}/{os.getpid()}-{os.urandom(6).hex()}.tmp"
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]
    spawn(executable, ["devstash", "plan", __version__, _shown(path), out], actions)
    answer = _kept(out)
    if not answer:
        raise Untouchable(f"`{executable}` does not answer")
    os.unlink(out)
    word, _, text = answer.partition(b"\n")
    if word == b"none":
        return None
    if word == b"refused":
        return "\n" + text.decode("utf-8", "replace")
    # JSON without numbers beyond Python's is a Python expression.
    plan: dict[str, Any] = eval(text, {"__builtins__": {}, "true": True, "false": False, "null": None})
    if plan.get("source") not in (None, blake2b(source, digest_size=16).hexdigest()):
        raise Untouchable("it was changed just now; run it again")
    return plan


def _kept(place: str) -> bytes:
    try:
        return read(place)
    except FileNotFoundError:
        return b""


def _keep(place: str, data: bytes) -> None:
    """Put a file into its place, and let the oldest contents of the module go."""
    draft = f"{place}.{os.getpid()}.tmp"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os.close(fd)
        os.replace(draft, place)
    except BaseException:
        os.unlink(draft)
        raise
    folder = os.path.dirname(place)
    others = [f"{folder}/{name}" for name in os.listdir(folder) if not name.endswith(".tmp")]
    for old in sorted(others, key=lambda path: os.stat(path).st_mtime_ns)[:-_KEPT]:
        os.unlink(old)
