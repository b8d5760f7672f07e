"""The byte-code of modules that are needed together: one file for each group, made beside the core by bundle.py.

Python finds, opens, checks and reads a file for each module, which takes 0.1 ms and more. Without these files its way
works as ever.
"""

from __future__ import annotations

import sys
from marshal import loads

#: The groups in the order in which one builds upon another: what hits need that look at objects, classes and files; and
#: what every miss needs.
GROUPS = ("objects", "miss")
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
    for name in GROUPS[: GROUPS.index(group) + 1]:
        if name not in _loaded:
            _loaded.add(name)
            _load(name)


def _load(group: str) -> None:
    before = set(sys.modules)
    try:
        with open(files.format(group), "rb") as file:
            exec(loads(file.read()), {"root": __file__.rpartition("/devstash/")[0], "files": ""})
    except Exception:  # it is not there, or broken: what was begun is begun anew by Python
        for name in set(sys.modules) - before:
            if name.startswith("devstash."):
                del sys.modules[name]
