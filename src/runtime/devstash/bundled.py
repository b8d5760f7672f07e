"""The byte-code of modules that are needed together: one file for each group, made beside the core by bundle.py.

Python finds, opens, checks and reads a file for each module, which takes 0.1 ms and more. Without these files its way
works as ever.
"""

from __future__ import annotations

import sys
from marshal import loads

#: The groups, each with those that it builds upon: what hits need that look at objects, classes and files; what they
#: need beside installed packages, and for arrays; and what every miss needs.
GROUPS = {"objects": (), "packages": (), "miss": ("objects", "packages")}
#: Where a group's file is, with `{}` for the group; the core says so.
files = ""
_loaded: set[str] = set()


def beside(core: str) -> str:
    """The files of all groups, with `{}` for the group; `core` is the core's."""
    before, _, name = core.rpartition("/core.")
    return f"{before}/{{}}.{name}"


def load(group: str) -> None:
    """Load a group, and those that it builds upon, once. Never raises an Exception."""
    if group in _loaded or not files:
        return
    _loaded.add(group)
    for other in GROUPS[group]:
        load(other)
    _load(group)


def _load(group: str) -> None:
    before = set(sys.modules)
    try:
        with open(files.format(group), "rb") as file:
            exec(loads(file.read()), {"root": __file__.rpartition("/devstash/")[0], "files": ""})
    except Exception:  # it is not there, or broken: what was begun is begun anew by Python
        for name in set(sys.modules) - before:
            if name.startswith("devstash."):
                del sys.modules[name]
