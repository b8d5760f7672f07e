"""Values of environment variables and their digests, past whatever watches `os.environ`."""

from __future__ import annotations

import os as live_os
from _blake2 import blake2b

from .encode import DIGEST
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


ALL = ""  # in the place of a name: the names of all variables


def digest_of(value: Any) -> str | None:
    """The digest of a variable's value (bytes, as the system keeps it), None if it is not set."""
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return blake2b(data, digest_size=DIGEST).hexdigest()


def value_of(name: str) -> str | None:
    """The value of a variable, without being seen."""
    data = raw()
    value = data.get(os.fsencode(name) if os.name == "posix" else name)
    return None if value is None else os.fsdecode(value)


def raw() -> dict[Any, Any]:
    """The dict behind `os.environ`."""
    data = getattr(live_os.environ, "_data", None)
    data = getattr(data, "data", data)  # see environment.Noting
    return data if type(data) is dict else {os.fsencode(name): value for name, value in live_os.environ.items()}
