"""What can be seen of a path from outside: its kind, size and times, and what is in a folder.

The record and the check of a trace both look through these functions, so that equal things are told in equal words.
"""

from __future__ import annotations

from _blake2 import blake2b

from .encode import DIGEST
from .quiet import Quiet
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KIND = 0o170000
_KINDS = {0o100000: "file", 0o040000: "dir", 0o120000: "link"}
_NOT_LISTED = frozenset(("__pycache__", ".devstash_cache"))


def kind_of(found: os.stat_result) -> str:
    """`file`, `dir`, `link` or `other`."""
    return _KINDS.get(found.st_mode & _KIND, "other")


def answer(asked: str, found: os.stat_result | None) -> list[Any]:
    """What a look finds out, as the rest of its row. `found` is None if nothing is there."""
    kind = "absent" if found is None else kind_of(found)
    if asked[:3] == "is ":
        return [int(kind == asked[3:])]
    if asked == "exists":
        return [int(found is not None)]
    if found is not None:
        if asked == "stat":
            return [kind, found.st_size, found.st_mode & 0o7777, found.st_mtime_ns]
        if asked == "mode":
            return [kind, found.st_mode & 0o7777]
        if asked == "size" and kind == "file":
            return [kind, found.st_size]
    return [kind]


def matching(pattern: str) -> list[str]:
    """The names that a pattern of paths matches, sorted. No record takes notice."""
    from glob import glob

    with Quiet():
        try:
            return sorted(glob(pattern, recursive=True))
        except (OSError, ValueError):
            return []


def digest_of_names(names: list[str]) -> str:
    """The digest of a list of names."""
    return blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=DIGEST).hexdigest()


def listing(path: str, form: str, skipped: frozenset[str], store_folder: str) -> str | None:
    """The digest of what is in a folder, None if there is no such folder.

    `form` says what counts: `names`; `kinds`: also what each is; `stats`: also sizes and times. Byte-code and the
    cache folder never count, and neither does what is `skipped`. No record takes notice.
    """
    try:
        with Quiet():
            if form == "names":
                lines = [name for name in os.listdir(path) if name not in skipped]
            else:
                with os.scandir(path) as entries:
                    lines = [_line(entry, form) for entry in entries if entry.name not in skipped]
    except OSError:
        return None
    store = store_folder.rpartition("/")[2]
    lines = [line for line in lines if line.partition("/")[0] not in _NOT_LISTED and line.partition("/")[0] != store]
    return digest_of_names(sorted(lines))


def _line(entry: os.DirEntry[str], form: str) -> str:
    link = entry.is_symlink()
    kind = "d" if entry.is_dir() else "f" if entry.is_file() else "o"
    line = f"{entry.name}/{'l' if link else ''}{kind}"
    if form == "stats" and kind == "f":
        found = entry.stat()
        line += f"/{found.st_size}/{found.st_mtime_ns}"
    return line
