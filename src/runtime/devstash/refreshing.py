"""`devstash run --refresh=PATTERN`: marked calls that the pattern means are made again, whatever is kept of them.

It means a call by its label (the marker's `name=`), by what is called, with or without its module and the further links
of its chain, and by its place: `script.py:42`.
"""

from __future__ import annotations

import sys

from .call import Call
from .store import Miss
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from .call import Calls
    from .key import Key
    from .report import Reporter
    from .site import Site


class _Refreshed(Call):
    __slots__ = ()

    pattern: ClassVar[Pattern]

    def _look(self, key: Key) -> tuple[bool, Any]:
        if self.pattern.means(self.site, key):
            return False, Miss("refresh")
        return super()._look(key)


def refreshed(pattern: str, calls: Calls, worker: bool) -> type[Call]:
    """The kind of call that is made again where `pattern` means it."""
    known = Pattern(pattern, calls.reporter)
    if not worker:
        known.tell_at_the_end()
    return type("Call", (_Refreshed,), {"__slots__": (), "pattern": known})


class Pattern:
    """Which calls are meant, and whether there was one."""

    def __init__(self, text: str, reporter: Reporter) -> None:
        self._text = text
        self._reporter = reporter
        self._met = False
        file, _, line = text.rpartition(":")
        #: Script and line, where the pattern is a place.
        self._place = (file, int(line)) if file and line.isascii() and line.isdigit() else None
        self._known: dict[tuple[Site, str, str], bool] = {}

    def means(self, site: Site, key: Key) -> bool:
        """Whether a call is meant."""
        call = (site, key.module, key.qualname)
        found = self._known.get(call)
        if found is None:
            found = self._known[call] = self._means(site, key)
            self._met = self._met or found
        return found

    def _means(self, site: Site, key: Key) -> bool:
        if self._place is not None:
            file, line = self._place
            names = (site.shown, site.file)
            return line == site.line and any(name == file or name.endswith("/" + file) for name in names)
        links = site.shape if site.kind == "call" else ()
        chain = "".join((key.qualname, *links)).replace("()", "").replace("[]", "")
        texts = [site.name or "", key.label]
        for name in (key.qualname, chain):
            texts += [name, f"{key.module}.{name}"]
        return any(selects(self._text, name) for name in texts if name)

    def tell_at_the_end(self) -> None:
        """When the run is over, say so if nothing was meant: the pattern was hardly meant so."""
        import atexit

        atexit.register(self._tell, os.getpid())

    def _tell(self, pid: int) -> None:
        # What workers have called, nobody knows here; a child made by fork has nothing to tell.
        if not self._met and "multiprocessing" not in sys.modules and os.getpid() == pid:
            self._reporter.say(f"`--refresh={self._text}` matched no marked call of this run")


def selects(pattern: str, name: str) -> bool:
    """Whether `pattern` is a part of `name`, or with `*`, `?` or `[` a glob for the whole of it.

    As `clear --pattern` has it, see src/manage/pattern.rs.
    """
    if not any(sign in pattern for sign in "*?["):
        return pattern in name
    # Where to try again, one character further, when what follows the last star does not match.
    star: tuple[int, int] | None = None
    at = place = 0
    while True:
        if pattern[at : at + 1] == "*":
            star = (at + 1, place)
            at += 1
            continue
        if at == len(pattern) and place == len(name):
            return True
        if at < len(pattern) and place < len(name):
            matched, after = _one(pattern, at, name[place])
            if matched:
                at, place = after, place + 1
                continue
        if star is None or star[1] >= len(name):
            return False
        star = (star[0], star[1] + 1)
        at, place = star


def _one(pattern: str, at: int, sign: str) -> tuple[bool, int]:
    """Whether the element of the pattern that begins at `at` stands for `sign`, and where the next one begins."""
    if pattern[at] == "?":
        return True, at + 1
    if pattern[at] == "[":
        negated = pattern[at + 1 : at + 2] in ("!", "^")
        first = at + 1 + negated
        end = pattern.find("]", first + 1)  # one that comes first is a member
        if end > 0:
            return _has(pattern[first:end], sign) != negated, end + 1
    return pattern[at] == sign, at + 1


def _has(members: str, sign: str) -> bool:
    """Whether a set such as `a-z_` has the character."""
    place = 0
    while place < len(members):
        if members[place + 1 : place + 2] == "-" and place + 2 < len(members):
            if members[place] <= sign <= members[place + 2]:
                return True
            place += 3
        else:
            if members[place] == sign:
                return True
            place += 1
    return False
