"""The byte-code of the modules that are not in the core: all in one file, made by bundle.py.

Left to itself Python looks for three files of each module and checks them, which takes 0.1 ms; a miss needs forty
modules. This module stands in `sys.path_importer_cache` for the folder of the package, in the place of the finder that
Python would make. The import system, with its locks, does the rest; what goes wrong here, the ordinary loader does in
its own way.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The file: a length of eight bytes, a marshalled dict of that length, which has the place and length of each module's
#: code behind it, and the codes. The core says where it is.
file = ""
_HEAD = 8
_table: dict[str, tuple[int, int]] | None = None
_loader: Any = None


def rest_beside(core: str) -> str:
    """Where the file is, if the core is in the file `core`."""
    before, _, name = core.rpartition("/core.")
    return f"{before}/rest.{name}"


def stand_for(folder: str, path: str) -> None:
    """Find the modules in the package's `folder` from now on, with the file in `path`."""
    global file
    file = path
    sys.path_importer_cache[folder] = sys.modules[__name__]


def find_spec(name: str, target: object = None) -> Any:
    """How a module of ours is loaded, for the import system."""
    global _loader
    if _loader is None:
        _loader = _loader_class()
    folder = os.path.dirname(__file__)
    place = f"{folder}/{name.rpartition('.')[2]}.py"
    if not os.path.isfile(place):
        return None
    spec = ModuleSpec(name, _loader(name, place), origin=place)
    spec.has_location = True
    return spec


def _loader_class() -> Any:
    from _frozen_importlib_external import SourceFileLoader

    class Loader(SourceFileLoader):
        """Loads a module's code from the file, if it is there and in order."""

        def get_code(self, fullname: str) -> Any:
            try:
                return _code(fullname.rpartition(".")[2])
            except Exception:
                return super().get_code(fullname)

    return Loader


def _code(name: str) -> Any:
    """The code of a module. Raises whatever a file that is gone or broken makes it raise."""
    from marshal import loads

    global _table
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _table is None:
            size = int.from_bytes(os.pread(fd, _HEAD, 0), "little")
            _table = loads(os.pread(fd, size, _HEAD))
        place, length = _table[name]
        data = os.pread(fd, length, place)
    finally:
        os.close(fd)
    if len(data) != length:
        raise EOFError
    return loads(data)
