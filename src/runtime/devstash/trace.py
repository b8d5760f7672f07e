"""The trace of an entry, compared with the world as it is: may the entry be used?

Rows, each a list, paths relative to the working directory or absolute (docs/trace.md has the details):

    ["file", path, size, mtime, ctime, inode, device, racy, digest]
    ["module", path, size, mtime, ctime, inode, device, racy, name, digest]
    ["absent", path]
    ["dir", path, form, skipped names, made by the call, digest]
    ["kind", path, kind], ["size", path, kind, size], ["mode", path, kind, mode],
    ["stat", path, kind, size, mode, mtime], ["exists", path, 1], ["is file", path, 0], also "is dir", "is link";
                                                each also as "link kind" …, which does not follow links
    ["access", path, mode, granted], ["target", path, text]
    ["env", name, digest], ["glob", pattern, digest of the names that it matches]

A file costs one `stat` while nothing changed: that is decided here, everything else by comparing.py.
"""

from __future__ import annotations

from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check(rows: list[list[Any]], store_folder: str) -> str | None:
    """None if everything that the rows tell of is as recorded, otherwise what differs, in words.

    Never raises an OSError. What cannot be decided differs.
    """
    stat = os.stat
    others: list[list[Any]] = []
    for row in rows:
        what = row[0]
        if what == "file" or what == "module":
            try:
                found = stat(row[1])
            except (OSError, ValueError) as error:  # it is gone, or its path is written in another way
                let_through(error)
            else:
                if (
                    row[3] == found.st_mtime_ns
                    and row[4] == found.st_ctime_ns
                    and row[5] == found.st_ino
                    and row[2] == found.st_size
                    and row[6] == found.st_dev
                    and not row[7]
                ):
                    continue
        others.append(row)
    if not others:
        return None
    from .comparing import compare

    return compare(others, store_folder)
