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

#: The modules of `multiprocessing` that start workers.
_WIRED = ("multiprocessing.spawn", "multiprocessing.forkserver")
#: What `watch` was given.
_given: list[Any] = []


def _wire(name: str) -> None:
    try:
        from . import arrival

        arrival.workers = arrival.workers or arrival.Workers(*_given)
        arrival.wire(name)
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
        if fullname in _WIRED and spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader.__class__ = _Loader
        return spec


def watch(file: str, pyc: str, sites: tuple[Any, ...], settings: dict[str, str]) -> None:
    """Have the workers that this process starts find the byte-code and the settings of the run.

    `file` is the script, `pyc` its byte-code, `sites` the table of its sites. In `settings`, the values of
    DEVSTASH_RUN, `cache_dir` is an absolute path.
    """
    held = settings.get("held")
    if held:
        from . import locks

        locks._inherited = frozenset(held.split("\n"))
    _given[:] = file, pyc, sites, settings
    for name in _WIRED:
        if name in sys.modules:
            _wire(name)
    folder = os.path.join(os.path.dirname(os.__file__), "multiprocessing")
    if folder not in sys.path_importer_cache:
        sys.path_importer_cache[folder] = _Finder(folder, *_get_supported_file_loaders())
