"""Which files are inputs of a call at all: not those of Python itself, of installed packages, and our own."""

from __future__ import annotations

import sys

from .quiet import Quiet
from .system import os

_known: dict[str, Inputs] = {}


#: Modules that look around for Python itself and for installed packages.
ABOUT_PYTHON = frozenset(
    ("importlib.metadata", "importlib_metadata", "pkg_resources", "pkgutil", "site", "sysconfig", "zipimport")
)


class Inputs:
    """The rule for one cache folder."""

    __slots__ = ("_prefixes",)

    def __init__(self, store_folder: str) -> None:
        version = "python%d.%d" % sys.version_info[:2]
        found = ["/proc/", "/sys/", "/dev/"]
        # Only the interpreter's own folders: a prefix such as `/usr` has much else below it.
        for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
            for part in (f"lib/{version}/", f"lib64/{version}/", f"include/{version}", "bin/python", "pyvenv.cfg"):
                found.append(f"{prefix}/{part}")
            found.append(f"{prefix}/lib/python{sys.version_info[0]}{sys.version_info[1]}.zip")
        library = os.path.dirname(os.path.abspath(os.__file__))
        own = os.path.dirname(os.path.abspath(__file__))
        home = os.path.expanduser("~")
        data = _variable("XDG_DATA_HOME") or f"{home}/.local/share"
        cache = _variable("XDG_CACHE_HOME") or f"{home}/.cache"
        for folder in (library, own, store_folder, f"{data}/devstash", f"{cache}/devstash"):
            for name in {folder, os.path.realpath(folder)}:
                found.append(name + "/")
        self._prefixes = tuple(found)

    @staticmethod
    def of(store_folder: str) -> Inputs:
        """The rule for this cache folder."""
        known = _known.get(store_folder)
        if known is None:
            with Quiet():
                known = _known[store_folder] = Inputs(store_folder)
        return known

    def counts(self, path: str) -> bool:
        """Whether what is at the absolute `path` can be an input."""
        return not (
            path.startswith(self._prefixes)
            or "/site-packages/" in path
            or "/dist-packages/" in path
            or "/__pycache__" in path
            or path.endswith(".pyc")
        )

    def is_own(self, folder: str) -> bool:
        """Whether the absolute `folder` is one of ours."""
        return (folder + "/").startswith(self._prefixes)


def _variable(name: str) -> str:
    from .variables import value_of

    value = value_of(name)
    return value if value is not None and value.startswith("/") else ""
