"""What devstash says while the script runs: short lines on stderr, and records for the logger `devstash`.

Lines go straight to file descriptor 2, so that a script that replaces `sys.stderr` finds nothing of ours in it. The
logger is used, instead, when the script itself has imported `logging` and given some logger handlers; otherwise
Python's handler of last resort would print our records.
"""

from __future__ import annotations

import sys

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .site import Site
    from .store import Miss

INFO, WARNING = 20, 30  # logging's own numbers, without importing logging

# Reasons of a miss that are as it should be; any other says that an entry or the store is not in order.
ORDINARY = ("absent", "expired", "refresh", "input changed", "no output")


def _logger() -> Any | None:
    logging = sys.modules.get("logging")
    try:
        if logging is None or not (logging.root.handlers or "devstash" in logging.root.manager.loggerDict):
            return None
        logger = logging.getLogger("devstash")
        return logger if logger.hasHandlers() else None
    except AttributeError:  # `logging` is half imported, or not the standard library's
        return None


def _harmless(text: str) -> str:
    """One line that cannot move a terminal's cursor, whatever the names of files in it."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Reporter:
    """Tells of hits, misses and what could not be cached; each trouble of a site is told once a run."""

    def __init__(self, script: str, verbosity: int) -> None:
        self.script = script
        self.verbosity = verbosity
        self._told: set[tuple[Site, str]] = set()

    def line(self, site: Site, text: str, hint: str = "") -> None:
        """Say something of a site that has to be heard, whatever the settings."""
        self.say("%s:%d: %s" % (site.shown, site.line, text), hint)

    def say(self, text: str, hint: str = "") -> None:
        """Say something that has to be heard, and the way out."""
        message = "devstash: %s\n" % _harmless(text)
        if hint:
            message += "\nhint: %s\n" % _harmless(hint)
        try:
            os.write(2, message.encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # a closed stderr is the user's choice

    def _log(self, level: int, site: Site, text: str) -> bool:
        """Log, if there is a logger, and say whether there is."""
        logger = _logger() if "logging" in sys.modules else None
        if logger is None or not logger.isEnabledFor(level):
            return False
        try:
            logger.log(level, "%s:%d: %s", site.shown, site.line, text)
        except Exception:
            pass  # a broken handler is not ours to report, nor the script's to suffer from us
        return True

    def tell(self, site: Site, text: str) -> None:
        """Tell of something that the user would otherwise wonder about, such as a wait."""
        if not self._log(INFO, site, text) and self.verbosity >= 0:
            self.line(site, text)

    def listens(self) -> bool:
        """Whether anybody may want to hear of ordinary caching activity."""
        return self.verbosity > 0 or "logging" in sys.modules

    def happened(self, site: Site, text: str) -> None:
        """Tell of ordinary caching activity: a hit, a miss with its reason, a stored entry."""
        self._log(INFO, site, text)
        if self.verbosity > 0:
            self.line(site, text)

    def missed(self, site: Site, name: str, miss: Miss) -> None:
        """Tell of a miss; one that says that something is wrong with an entry is told without being asked."""
        text = f"miss {name}: {miss.reason}" + (f" ({miss.detail})" if miss.detail else "")
        if miss.reason in ORDINARY:
            self.happened(site, text)
        else:
            self.warn(site, text)

    def warn(self, site: Site, text: str) -> None:
        """Tell, once for a site and text, of something the user will want to act upon."""
        if (site, text) in self._told:
            return
        self._told.add((site, text))
        logged = self._log(WARNING, site, text)  # usually to stderr, where once is enough
        if not logged and self.verbosity >= 0:
            self.line(site, text)
