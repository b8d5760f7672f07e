"""Whose code something is: the project's, an installed package's, or Python's own.

Project code counts for the key by its content, a package by its version, the standard library by that of
Python. What cannot be told apart with certainty (a file in site-packages that belongs to no distribution)
is treated as project code, which is always sound and only slower.
"""

from __future__ import annotations

import sys

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

#: The two origins that need no further words; any other one is an installed package as `name version`.
PROJECT = ""
PYTHON = "python"

_LIBRARY = "/site-packages/", "/dist-packages/"
_LIMIT = 10000
_PYTHONS: frozenset[object] = frozenset(
    getattr(sys, "stdlib_module_names", ("collections", "functools", "itertools", "operator", "types", "typing"))
)

#: The versions of the installed packages that were met.
versions: dict[str, str] = {}

_origins: dict[tuple[object, object], str] = {}
#: How the paths of Python's own files and of ours begin.
_elsewhere: tuple[str, ...] = ()
_distributions: dict[str, dict[str, tuple[str, str]]] = {}


def of_namespace(namespace: Mapping[str, Any]) -> str:
    """The origin of the module whose globals these are."""
    name = namespace.get("__name__")
    file = namespace.get("__file__")
    try:
        return _origins[name, file]
    except KeyError:
        pass
    except TypeError:  # something unhashable stands there: no module of a package does that
        return PROJECT
    if len(_origins) >= _LIMIT:
        _origins.clear()
    found = _origins[name, file] = _find(name, file, namespace.get("__spec__"))
    return found


def of_module_name(name: object) -> str:
    """The origin of the loaded module of that name; of one that is not loaded, the project.

    Types of the interpreter are there without the module that they say they are of: `list[int]` is of `types`.
    """
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None:
        return PYTHON if name in _PYTHONS else PROJECT
    return of_namespace(vars(module))


def of_file(name: str, file: str) -> str:
    """The origin of a module that has not been loaded, by its name and file."""
    return _find(name, file, None)


def is_projects_file(path: str) -> bool:
    """Whether the source file of a module is the project's, as far as its path tells: what nobody else claims is."""
    global _elsewhere
    if not _elsewhere:
        _elsewhere = (*_standard_folders(), _own_folder())
    return not (path.startswith(_elsewhere) or _LIBRARY[0] in path or _LIBRARY[1] in path)


def of_class(kind: type) -> str:
    """The origin of a class."""
    return of_module_name(getattr(kind, "__module__", None))


def _find(name: object, file: object, spec: object) -> str:
    if not isinstance(name, str) or name == "__main__":
        return PROJECT
    if not isinstance(file, str):
        if name in sys.builtin_module_names or getattr(spec, "origin", None) in ("built-in", "frozen"):
            return PYTHON
        root = name.partition(".")[0]
        if root != name:  # a namespace package, or a module that an extension made up: as its parent
            return of_module_name(name.rpartition(".")[0])
        folders = list(getattr(spec, "submodule_search_locations", None) or ())
        if not folders or not isinstance(folders[0], str):
            return PROJECT
        file = os.path.join(folders[0], "__init__.py")
    path = os.path.abspath(file).replace("\\", "/")
    if path.startswith(_own_folder()):
        return PYTHON
    for library in _LIBRARY:
        before, found, inside = path.rpartition(library)
        if found:
            return _package(name, before + found, inside)
    for folder in _standard_folders():
        if path.startswith(folder):
            return PYTHON
    return PROJECT


def _own_folder() -> str:
    return os.path.dirname(os.path.abspath(__file__)).replace("\\", "/") + "/"


def _standard_folders() -> Iterator[str]:
    """The folders of the standard library, of which a venv has none of its own."""
    library = os.path.dirname(os.path.abspath(os.__file__))
    yield library.replace("\\", "/") + "/"
    yield os.path.realpath(library).replace("\\", "/") + "/"
    version = "python%d.%d" % sys.version_info[:2]
    yield (os.path.join(sys.base_exec_prefix, getattr(sys, "platlibdir", "lib"), version).replace("\\", "/") + "/")
    for entry in sys.path:  # the whole library in one archive
        if entry.endswith("python%d%d.zip" % sys.version_info[:2]):
            yield entry.replace("\\", "/") + "/"


def _package(name: str, folder: str, inside: str) -> str:
    """The distribution that brings the module `name`, whose file is `inside` of `folder`.

    Cheapest first: a distribution of the import's own name, the version that the package itself tells, the
    lists of files of all distributions.
    """
    root = name.partition(".")[0]
    if "/" in inside and not inside.startswith(root + "/"):
        root = inside.partition("/")[0]
    known = _distributions.get(folder)
    if known is None:
        known = _distributions[folder] = _list(folder)
    found = known.get(_normal(root))
    if found is None:
        module = sys.modules.get(root)
        version = getattr(module, "__version__", None) if getattr(module, "__file__", None) else None
        if type(version) is str and version:
            found = (version, "")
    if found is None:
        found = _scan(folder, known, inside)
    if found is None:
        return PROJECT
    versions[root] = found[0]
    return f"{root} {found[0]}"


def _normal(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _list(folder: str) -> dict[str, tuple[str, str]]:
    """The distributions in `folder`: normal name to version and the folder of their metadata."""
    found: dict[str, tuple[str, str]] = {}
    try:
        entries = os.listdir(folder)
    except OSError:
        return found
    for entry in sorted(entries):
        stem, suffix = os.path.splitext(entry)
        if suffix in (".dist-info", ".egg-info"):
            name, _, version = stem.partition("-")
            if version:
                found[_normal(name)] = (version, entry)
    return found


def _scan(folder: str, known: dict[str, tuple[str, str]], inside: str) -> tuple[str, str] | None:
    """The distribution whose list of files names `inside`; the ones of a similar name are asked first."""
    root = _normal(inside.partition("/")[0])
    order = sorted(known, key=lambda name: (not name.startswith(root), name))
    for name in order:
        version, entry = known[name]
        for listing in ("RECORD", "installed-files.txt"):
            try:
                with open(os.path.join(folder, entry, listing), encoding="utf-8", errors="replace") as lines:
                    for line in lines:
                        if line.startswith(inside) or line.rstrip("\n").endswith("../" + inside):
                            return version, entry
            except OSError:
                continue
    return None
