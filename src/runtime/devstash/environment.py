"""Reads of environment variables, seen while a record is active.

`os.environ` asks a dict of its own, `_data`. In its place stands an object that asks the same dict and takes
notes. C code that calls `getenv` and programs that the call starts are not seen.
"""

from __future__ import annotations

import os as live_os
import sys

from . import record
from .inputs import ABOUT_PYTHON
from .quiet import is_quiet
from .signals import let_through
from .system import os
from .variables import ALL, digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Variables that say where and how a program is started, not what it is to do.
_NOISE = frozenset(
    (
        "COLUMNS", "LINES", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "LS_COLORS", "_", "SHLVL", "PWD", "OLDPWD",
        "WINDOWID", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "STY", "TTY", "GPG_TTY", "INVOCATION_ID",
        "JOURNAL_STREAM", "PYTEST_CURRENT_TEST", "HISTFILE", "HISTSIZE", "HISTCONTROL", "LESSOPEN", "LESSCLOSE", "PS1",
        "PROMPT", "PROMPT_COMMAND", "VIRTUAL_ENV_PROMPT", "XPC_SERVICE_NAME", "SECURITYSESSIONID", "LOGNAME_AT",
    )
)  # fmt: skip
_NOISE_STARTS = (
    "TERM_", "CLICOLOR", "SSH_", "TMUX", "VSCODE_", "DBUS_", "XDG_SESSION", "XDG_SEAT", "XDG_VTNR", "XDG_RUNTIME",
    "DEVSTASH_", "ITERM_", "KITTY_", "WEZTERM_", "ALACRITTY_", "KONSOLE_", "GNOME_TERMINAL", "VTE_",
)  # fmt: skip
#: What these modules ask for is where to put something down, not what is in it.
_PLACES = frozenset(("TMPDIR", "TEMP", "TMP"))
_THROUGH = frozenset(("os", "collections.abc", "_collections_abc", "posixpath"))


class Noting:
    """Stands for the dict `data` of `os.environ`."""

    __slots__ = ("data",)

    def __init__(self, data: dict[Any, Any]) -> None:
        self.data = data

    def __getitem__(self, name: Any) -> Any:
        _asked(self.data, (name,))
        return self.data[name]

    def __setitem__(self, name: Any, value: Any) -> None:
        _assigned(name)
        self.data[name] = value

    def __delitem__(self, name: Any) -> None:
        _asked(self.data, (name,))
        _assigned(name)
        del self.data[name]

    def __contains__(self, name: Any) -> bool:
        _asked(self.data, (name,))
        return name in self.data

    def __iter__(self) -> Iterator[Any]:
        _asked(self.data, self.data)
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __eq__(self, other: object) -> bool:
        return self.data == (other.data if isinstance(other, Noting) else other)

    __hash__ = None  # type: ignore[assignment]

    def items(self) -> Any:
        _asked(self.data, self.data)
        return self.data.items()

    def clear(self) -> None:
        for name in self.data:
            _assigned(name)
        self.data.clear()

    def update(self, other: Any) -> None:
        for name in dict(other):
            _assigned(name)
        self.data.update(other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


def put() -> None:
    """See what is read from now on."""
    for mapping in _mappings():
        data = getattr(mapping, "_data", None)
        if type(data) is dict:
            mapping._data = Noting(data)


def take() -> None:
    """See nothing any more."""
    for mapping in _mappings():
        data = getattr(mapping, "_data", None)
        if type(data) is Noting:
            mapping._data = data.data


def _mappings() -> list[Any]:
    return [found for found in (live_os.environ, getattr(live_os, "environb", None)) if found is not None]


def _asked(data: dict[Any, Any], names: Any) -> None:
    try:
        holders = record.records()
        if not holders or is_quiet():
            return
        if names is not data:
            name = os.fsdecode(names[0])
            for holder in holders:
                if name not in holder.variables and name not in holder.assigned:
                    break
            else:
                return  # nothing new
        frame: Any = sys._getframe(2)
        while frame is not None and frame.f_globals.get("__name__") in _THROUGH:
            frame = frame.f_back
        module = frame.f_globals.get("__name__") if frame is not None else ""
        if frame is not None and frame.f_globals.get("__package__") == __package__:
            return  # devstash itself asks
        several = names is data
        for raw in list(names):
            name = os.fsdecode(raw)
            if _is_noise(name, module):
                continue
            if several and module == "urllib.request" and not name.lower().endswith("_proxy"):
                continue  # it goes through all names to find those of proxies
            for holder in holders:
                if holder.active and name not in holder.variables and name not in holder.assigned:
                    holder.variables[name] = digest_of(data.get(raw))
        if several and module not in ABOUT_PYTHON and module != "urllib.request":
            for holder in holders:
                if holder.active and ALL not in holder.variables:
                    holder.variables[ALL] = digest_of_all(data, holder.assigned)
    except Exception as error:
        let_through(error)
        for holder in list(record.live.values()):
            holder.refuse(f"{type(error).__name__} while looking at the environment: {error}")


def digest_of_all(data: dict[Any, Any], assigned: Any = ()) -> str | None:
    """The digest of the names of all variables that can be inputs, those that the call has set left out."""
    names = sorted(name for name in map(os.fsdecode, data) if name not in assigned and not _is_noise(name, ""))
    return digest_of("\0".join(names))


def _is_noise(name: str, module: str) -> bool:
    if (
        module in ABOUT_PYTHON
        or name in _NOISE
        or name.startswith(_NOISE_STARTS)
        or (module == "tempfile" and name in _PLACES)
    ):
        return True
    from .clients import is_credential

    return is_credential(name)


def _assigned(raw: Any) -> None:
    name = os.fsdecode(raw)
    for holder in record.records():
        holder.assigned.add(name)
