"""What a run says at its end of its marked calls, and the words for times and large numbers.

Loaded where a run begins that has somebody to tell it to.
"""

from __future__ import annotations

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .journal import Totals

# So much of the journal is read when the hits of workers are counted.
_TAIL = 1 << 20


class Summary:
    """The line at the end of a run whose journal is the file `path`; `wanted` is "auto" or "always"."""

    __slots__ = ("_path", "_totals", "_wanted")

    def __init__(self, totals: Totals, path: str, wanted: str) -> None:
        self._totals = totals
        self._path = path
        self._wanted = wanted

    def say(self, accompanied: bool, runs: set[str]) -> None:
        """Say it, on a terminal or where it is always wanted. `accompanied` says that there were workers, which have
        written down what they did in the lines of `runs`.
        """
        if self._wanted == "always" or os.isatty(2):
            if accompanied:
                self._count_all(runs)
            text = _conclusion(self._totals)
            if text:
                os.write(2, f"devstash: {text}\n".encode())

    def _count_all(self, runs: set[str]) -> None:
        """Count what the journal says of this run: more than this process knows of, unless it could not be written."""
        totals = self._totals
        hits, misses, saved, tokens = 0, 0, 0.0, 0
        named = {run.encode() for run in runs}
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                lines = os.pread(fd, _TAIL, max(0, os.fstat(fd).st_size - _TAIL)).split(b"\n")
            finally:
                os.close(fd)
            for line in lines:
                fields = line.split(b"\t")
                if len(fields) < 8 or fields[1] not in named:
                    continue
                if fields[0] == b"hit":
                    hits += int(fields[4])
                    saved += float(fields[5]) / 1e3
                    tokens += int(fields[6])
                elif fields[0] == b"miss":
                    misses += int(fields[10]) if len(fields) > 10 else 1
        except (OSError, ValueError):
            return
        if hits + misses > totals.hits + totals.misses:
            totals.hits, totals.misses, totals.saved, totals.tokens = hits, misses, saved, tokens


def _conclusion(totals: Totals) -> str:
    """`12 hits, 1 miss · saved 1m 41s · 3.2k tokens`, without what there is none of."""
    parts = [counted(number, word) for number, word in ((totals.hits, "hit"), (totals.misses, "miss")) if number]
    text = ", ".join(parts)
    if totals.saved >= 0.0005:
        text += f" · saved {span(totals.saved)}"
    if totals.tokens:
        text += f" · {short(totals.tokens)} token{'' if totals.tokens == 1 else 's'}"
    return text


def counted(number: int, word: str) -> str:
    """`1 hit`, `12 hits`, `2 misses`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}{'es' if word[-1] == 's' else 's'}"


def span(seconds: float) -> str:
    """A time that was saved: `340ms`, `2.1s`, `1m 41s` (src/duration.rs speaks the same way)."""
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return age(round(seconds))


def age(seconds: float) -> str:
    """A time span in words like `5m 13s`; `devstash list` speaks the same way (src/duration.rs)."""
    rest = max(0, int(seconds))
    words = []
    for unit, length in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words[:2]) or "0s"


def short(number: int) -> str:
    """A large number in three digits: `312`, `3.2k`, `41k`, `1.3M` (src/duration.rs speaks the same way)."""
    if number < 1000:
        return str(number)
    value = float(number)
    for unit in "kMGTP":
        value /= 1000
        if value < 9.95:
            return f"{value:.1f}{unit}"
        if value < 999.5 or unit == "P":
            return f"{value:.0f}{unit}"
    return str(number)
