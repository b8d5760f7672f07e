"""Looking at one place in the file system, without following links and without any record taking notice."""

from __future__ import annotations

from .contents import is_racy
from .system import os, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = 0o7777  # the bits of a mode that chmod sets
WORDS = {"file": "file", "dir": "folder", "link": "symbolic link", "other": "special file"}
_KINDS = {0o100000: "file", 0o040000: "dir", 0o120000: "link"}


def look(path: str) -> tuple[os.stat_result | None, str]:
    """What is at `path`, and its kind: "file", "dir", "link", "other" or "absent"."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None, "absent"
    return found, _KINDS.get(found.st_mode & 0o170000, "other")


def same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Whether nothing has happened between two looks, as far as size, times and identity can tell."""
    if one is None or other is None:
        return one is other
    return (one.st_mtime_ns, one.st_ctime_ns, one.st_size, one.st_mode, one.st_ino, one.st_dev) == (
        other.st_mtime_ns, other.st_ctime_ns, other.st_size, other.st_mode, other.st_ino, other.st_dev,
    )  # fmt: skip


def racy(found: os.stat_result) -> bool:
    """Whether a change from now on could leave size and times as they are."""
    return is_racy(found.st_mtime_ns, found.st_ctime_ns, time_ns())


def below(folder: str) -> Iterator[str]:
    """All paths below a folder, without following links."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from below(f"{folder}/{entry.name}")
