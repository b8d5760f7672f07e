"""Project modules that code imports only when it runs, and that nobody has imported yet.

They are found the way the import would find them, without executing anything, and counted by their compiled
text: the body of the module, and the functions and classes in it whose names the reached code knows.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b
from types import CodeType

from . import origin
from .bytecode import outer_facts
from .encode import DIGEST
from .facts import Facts, facts
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .fingerprint import Reach


class Source:
    """The compiled text of a module; nothing of an installed one, which counts by its version."""

    __slots__ = ("body", "content", "name", "package", "parts", "stamp")

    def __init__(self, name: str, is_package: bool, stamp: Any) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.stamp = stamp
        #: The digest of a module that is no Python text.
        self.content: str | None = None
        self.body: Facts | None = None
        self.parts: list[tuple[str, Facts]] = []


_installed: dict[str, str | None] = {}
_sources: dict[str, Source] = {}


def locate(name: str) -> Source | str | None:
    """The source of a project module that is not loaded, the origin of an installed one, or None."""
    top = name.partition(".")[0]
    if top in sys.builtin_module_names or top in getattr(sys, "stdlib_module_names", ()):
        return origin.PYTHON
    if name in _installed:
        return _installed[name]
    spec = _spec(name)
    if spec is None:
        return None
    file = spec.origin if getattr(spec, "has_location", False) else None
    place = origin.of_file(name, file) if isinstance(file, str) else origin.PROJECT
    if place != origin.PROJECT:
        _installed[name] = place
        return place
    if not isinstance(file, str):
        return Source(name, True, None)  # a namespace package has no text
    return _source(name, file, spec.submodule_search_locations is not None)


def _spec(name: str) -> Any:
    """The import system's own answer to where a module is; parents are asked for, but not imported."""
    path: Any = None
    spec: Any = None
    steps = name.split(".")
    for count in range(len(steps)):
        part = ".".join(steps[: count + 1])
        loaded = sys.modules.get(part)
        if loaded is not None and count + 1 < len(steps):
            path = getattr(loaded, "__path__", None)
            if path is None:
                return None
            continue
        spec = None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            try:
                spec = find(part, path) if find is not None else None
            except Exception:
                spec = None
            if spec is not None:
                break
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and count + 1 < len(steps):
            return None
    return spec


def _source(name: str, file: str, is_package: bool) -> Source | None:
    try:
        state = os.stat(file)
        stamp = (file, state.st_size, state.st_mtime_ns, state.st_ino)
        known = _sources.get(name)
        if known is not None and known.stamp == stamp:
            return known
        with open(file, "rb") as stream:
            text = stream.read()
    except OSError:
        return None
    source = Source(name, is_package, stamp)
    try:
        code = compile(text, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        source.content = blake2b(text, digest_size=DIGEST).hexdigest()
    else:
        source.body = outer_facts(code)
        source.parts = [(part.co_name, facts(part)) for part in _nested(code)]
    _sources[name] = source
    return source


def _nested(code: CodeType) -> list[CodeType]:
    return [value for value in code.co_consts if isinstance(value, CodeType)]


def follow(reach: Reach) -> None:
    """Add to `reach` what is known of its unimported modules, as far as the names reached by now go."""
    for name, source in list(reach.unimported.items()):
        if source.content is not None:
            reach.put("module " + name, source.content)
        if source.body is None:
            continue
        namespace = {"__name__": name, "__package__": source.package}
        reached = [source.body]
        reach.names |= source.body.names
        size = -1
        while size != len(reached):
            size = len(reached)
            reached = [source.body]
            for called, known in source.parts:
                # A lambda or a comprehension of the body has no name of its own; what a decorator was
                # applied to is known to the body.
                if not called.isidentifier() or called in reach.names:
                    reached.append(known)
                    reach.names |= known.names | known.words
        hasher = blake2b(digest_size=DIGEST)
        for known in reached:
            hasher.update(known.digest)
            for asked in known.imports:
                reach.imported(asked, namespace, known)
        reach.replace("module " + name, hasher.hexdigest())
