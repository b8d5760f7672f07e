"""Project modules that a call imported, counted by their compiled text, whatever the comments say."""

from __future__ import annotations

import sys
from _blake2 import blake2b

from . import origin
from .contents import Unsteady, path_text, read_state
from .encode import DIGEST
from .facts import facts
from .quiet import Quiet
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def row_of(name: str) -> list[Any] | None:
    """The row of a loaded module, None if it is none of the project's."""
    module = sys.modules.get(name)
    namespace = getattr(module, "__dict__", None)
    if not isinstance(namespace, dict) or module is sys.modules.get("__main__"):
        return None
    file = namespace.get("__file__")
    if not isinstance(file, str) or origin.of_namespace(namespace) != origin.PROJECT:
        return None
    file = os.path.abspath(file)
    return row_of_file(file, file, name)


def row_of_file(path: str, full: str, name: str = "") -> list[Any] | None:
    """The row of a module from the source noted as `path`, at the absolute `full`. None if it cannot be read now."""
    try:
        _, state, racy = read_state(full)
        digest = digest_of(full)
    except (OSError, Unsteady):
        return None
    return ["module", path_text(path), *state, int(racy), name or path, digest]


def digest_of(file: str) -> str:
    """The digest of what a module's file says to Python. Raises OSError."""
    with Quiet(), open(file, "rb") as stream:
        text = stream.read()
    try:
        return facts(compile(text, file, "exec", dont_inherit=True)).digest.hex()
    except (SyntaxError, ValueError, RecursionError):  # an extension module
        return blake2b(text, digest_size=DIGEST).hexdigest()
