"""`devstash export` and `devstash fixture`: the value of one entry, for other programs.

The launcher starts the user's interpreter with this module, `main(["export", ENTRY, FOLDER, FORMAT])` or
`main(["fixture", ENTRY, FOLDER, NEEDS])`. An entry is used only if it was signed with the user's own key; from then on
the modules in FOLDER can be imported. Its value goes to stdout, and for a fixture what it needs to be loaded into the
file NEEDS, a package in each line. What code of the value prints meanwhile goes to stderr.
"""

from __future__ import annotations

import pickle
import pickletools
import sys

from . import entry, formats, mapped, origin
from .entry import Refused
from .formats import Unsayable
from .store import OPEN, Store
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Exit statuses; src/exit.rs has the table.
_FINE, _USAGE, _TROUBLE = 0, 2, 4
_TASKS = {"export": "export", "fixture": "make a fixture of"}
# Opcodes that stand for an object that was there before the call, and such as name a class or function.
_LIVE = ("PERSID", "BINPERSID")
_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
_OURS = "devstash"
#: What is not a package that has to be installed.
_PYTHONS = frozenset(getattr(sys, "stdlib_module_names", ())) | frozenset(sys.builtin_module_names) | {"builtins"}
_OF_THE_SCRIPT = (
    "its value needs a class or function of the script itself (`__main__`); put that into a module of its own, which "
    "the script imports"
)
_LIVE_VALUE = (
    "its value is, or holds, an object that was there before the call (as in `m = pipe.fit(X)`), which only a program "
    "that has the object can tell; let the marked call return a copy"
)


class _NoSite:
    """What a `Store` asks of a site, for somebody who judges no age."""

    ttl = None
    load = "map"


class _Entry:
    """An entry whose signature is right."""

    def __init__(self, path: str) -> None:
        folder, self.name = os.path.split(path)
        store = Store(folder)
        fd = os.open(path, OPEN)
        try:
            found = os.fstat(fd)
            store._judge_file(found, _NoSite())  # type: ignore[arg-type]
            view = memoryview(b"")
            if found.st_size:
                view = mapped.mapped(fd, found.st_size) or mapped.copied(fd, found.st_size)
        finally:
            os.close(fd)
        self._view = view
        stream, _, inner, inner_length, rows = entry.signed_parts(view, store.reader(view))
        self._buffers = entry.sound_buffers(view, rows)
        self._stream = view[:stream]
        self._proper = view[inner : inner + inner_length]

    def value(self) -> Any:
        """The value. Raises `Unsayable`, and says before on stderr that it is unpickled."""
        _say(f"loading `{self.name}` with `{sys.executable}` (Python {sys.version.split()[0]})")
        try:
            return pickle.loads(self._proper, buffers=self._buffers)
        except pickle.UnpicklingError as error:
            if "persistent" in str(error):
                raise Unsayable(_LIVE_VALUE) from None
            raise Unsayable(f"cannot load it: {error}") from None
        except ModuleNotFoundError as error:
            raise Unsayable(
                f"it needs the module `{error.name}`, which `{sys.executable}` does not have; `--python` chooses "
                "another interpreter"
            ) from None
        except AttributeError as error:
            if "__main__" in str(error):
                raise Unsayable(_OF_THE_SCRIPT) from None
            raise Unsayable(f"cannot load it: {error}") from None
        except Exception as error:
            raise Unsayable(f"cannot load it: {type(error).__name__}: {error}") from None

    def plain(self) -> tuple[bytes | memoryview, set[str]]:
        """The value as a pickle that says nothing of us, and the modules that it needs. Raises `Unsayable`."""
        end, modules = _looked_at(self._proper)
        if any(name.partition(".")[0] == _OURS for name in modules):  # an array that looks into another's memory
            data = formats.pickled(self.value())
            return data, _looked_at(memoryview(data))[1]
        return (self._proper[:end] if not self._buffers else self._stream), modules


def _looked_at(stream: memoryview) -> tuple[int, set[str]]:
    """Where the first pickle ends, and the modules that it names; nothing is unpickled. Raises `Unsayable`."""
    modules: set[str] = set()
    memo: list[str] = []
    texts: list[str] = []  # the last texts that were pushed
    last = ""
    end = 0
    file: Any = _File(stream)
    steps: Any = pickletools.genops(file)
    for code, argument, place in steps:
        name = code.name
        if name in _LIVE:
            raise Unsayable(_LIVE_VALUE)
        if name in _TEXTS:
            texts = [*texts[-1:], argument]
            last = argument
        elif name == "MEMOIZE":
            memo.append(last)
            continue
        elif name in ("BINGET", "LONG_BINGET"):
            last = memo[argument] if argument < len(memo) else ""
            texts = [*texts[-1:], last]
        elif name == "STACK_GLOBAL":
            modules.add(texts[0])
            last = ""
        elif name in ("GLOBAL", "INST"):
            modules.add(argument.partition(" ")[0])
            last = ""
        else:
            last = ""
        end = place + 1
    return end, modules


class _File:
    """A stream to be read by pickletools, without a copy of all of it."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._place = 0

    def tell(self) -> int:
        return self._place

    def read(self, count: int) -> bytes:
        data = bytes(self._view[self._place : self._place + count])
        self._place += len(data)
        return data

    def readline(self) -> bytes:
        data = bytes(self._view[self._place : self._place + 4096])
        data = data[: data.find(b"\n") + 1]
        self._place += len(data)
        return data


def main(words: list[str]) -> int:
    """Do what is asked, and return the exit status."""
    task, path, folder, rest = words
    # The result is the only thing on stdout, whatever the value's code prints.
    out = os.dup(1)
    os.dup2(2, 1)
    is_terminal = os.isatty(out)
    try:
        found = _Entry(path)
        sys.path.insert(0, folder)  # the entry is the user's own, so is what it says
        if task == "fixture":
            data, modules = found.plain()
            if "__main__" in modules:
                raise Unsayable(_OF_THE_SCRIPT)
            with open(rest, "w", encoding="utf-8") as needs:
                roots = sorted({name.partition(".")[0] for name in modules})
                needs.write("".join([f"{root}\n" for root in roots if not _is_pythons(root)]))
        else:
            data = formats.FORMATS[rest](found.value(), is_terminal)
    except Unsayable as reason:
        _say(f"cannot {_TASKS[task]} `{os.path.basename(path)}`: {reason}")
        return _USAGE
    except (Refused, OSError) as error:
        told = f"{error.reason} ({error.detail})" if isinstance(error, Refused) else error.strerror or str(error)
        _say(f"cannot {_TASKS[task]} `{os.path.basename(path)}`: {told}")
        return _TROUBLE
    sys.stdout.flush()
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(out, left) :]
    except BrokenPipeError:
        return _FINE  # who reads it has seen enough
    except OSError as error:
        _say(f"cannot write the result: {error.strerror}")
        return _TROUBLE
    return _FINE


def _is_pythons(root: str) -> bool:
    """Whether a module comes with Python."""
    if root in _PYTHONS or sys.version_info >= (3, 10):
        return root in _PYTHONS
    from importlib.util import find_spec

    spec = find_spec(root)
    if spec is None or spec.origin is None:
        return False
    return spec.origin in ("built-in", "frozen") or origin.of_file(root, spec.origin) == origin.PYTHON


def _say(text: str) -> None:
    try:
        os.write(2, f"devstash: {text}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # nobody is there to read it
