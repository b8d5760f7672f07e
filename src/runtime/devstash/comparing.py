"""What a trace tells of, compared with the world by more than a file's state: see trace.py for the rows.

Where the state of a file differs its content decides, and the state is remembered beside the entries, so that the next
check costs a `stat` again.
"""

from __future__ import annotations

from .contents import Unsteady, path_of, read_state, shown
from .glances import answer, digest_of_names, listing, matching
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compare(rows: list[list[Any]], store_folder: str) -> str | None:
    """What `trace.check` says of rows that are not settled by the state of their file."""
    doubtful: list[tuple[list[Any], os.stat_result]] = []
    for row in rows:
        what, path = row[0], path_of(row[1])
        if what == "file" or what == "module":
            try:
                found = os.stat(path)
            except OSError as error:
                let_through(error)
                return _no_file(what, path, error)
            if what == "file" and row[2] != found.st_size:
                return f"file {shown(path)} changed{_resized(row[2], found.st_size)}"
            doubtful.append((row, found))
            continue
        try:
            judge = _JUDGES.get(what)
            if judge is None:
                return f"a newer devstash has noted `{what}`, which this one cannot check"
            differs = judge(path, row, store_folder)
        except (OSError, ValueError) as error:
            let_through(error)
            differs = f"{shown(path)} cannot be looked at: {error}"
        if differs is not None:
            return differs
    return _resolve(doubtful, store_folder) if doubtful else None


def _resized(old: int, new: int) -> str:
    """`` (2.1 MiB → 2.3 MiB)``, exact where that would not show it; src/manage/compare.rs speaks alike."""
    short, long = _size(old), _size(new)
    return f" ({old} B → {new} B)" if short == long else f" ({short} → {long})"


def _size(size: int) -> str:
    """A size as `size` in src/duration.rs writes it."""
    if size < 1024:
        return f"{size} B"
    value = size / 1024
    for unit in "KMGTP":
        if value < 1023.95:
            return f"{value:.1f} {unit}iB"
        value /= 1024
    return f"{value:.1f} EiB"


def _no_file(what: str, path: str, error: OSError) -> str:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{what} {shown(path)} is gone"
    return f"{what} {shown(path)} cannot be looked at: {error.strerror}"


def _resolve(doubtful: list[tuple[list[Any], os.stat_result]], store_folder: str) -> str | None:
    """Let the contents decide where the state of a file says nothing."""
    from .sidecar import Sidecar

    sidecar = Sidecar(store_folder, [(row[1], row[-1]) for row, _ in doubtful])
    for row, found in doubtful:
        what, path = row[0], path_of(row[1])
        state = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
        if sidecar.knows(row[1], row[-1], state):
            continue
        try:
            digest, read, racy = read_state(path)
            if what == "module":
                from .modules import digest_of

                text = digest_of(path)
            else:
                text = digest.hex()
        except OSError as error:
            let_through(error)
            return _no_file(what, path, error)
        except Unsteady:
            return f"{what} {shown(path)} is being changed"
        if text != row[-1]:
            return f"{what} {shown(row[8] if what == 'module' else path)} changed"
        if not racy:
            sidecar.note(row[1], row[-1], read)
    sidecar.save()
    return None


def _absent(path: str, row: list[Any], store_folder: str) -> str | None:
    return f"{shown(path)} appeared" if os.path.lexists(path) and _exists(path) else None


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _dir(path: str, row: list[Any], store_folder: str) -> str | None:
    skipped = frozenset([path_of(name) for name in row[3]])
    digest = listing(path, row[2], skipped, store_folder)
    if digest == row[5] or (digest is None and row[4]):
        return None
    return f"folder {shown(path)} {'is gone' if digest is None else 'holds something else'}"


def _glob(pattern: str, row: list[Any], store_folder: str) -> str | None:
    return None if digest_of_names(matching(pattern)) == row[2] else f"{shown(pattern)} matches other files"


def _look(path: str, row: list[Any], store_folder: str) -> str | None:
    what = row[0]
    follow = what[:5] != "link "
    asked = what if follow else what[5:]
    if asked == "kind" and row[2] == "link":
        follow = False
    try:
        found: os.stat_result | None = os.stat(path) if follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        found = None
    now = answer(asked, found)
    then = row[2:]
    if now == then:
        return None
    if found is None:
        return f"{shown(path)} is gone"
    if asked[:3] == "is ":
        return f"{shown(path)} {'is no' if then[0] else 'is a'} {asked[3:]} {'any more' if then[0] else 'now'}"
    if then[0] in (0, "absent"):
        return f"{shown(path)} appeared"
    if now[0] != then[0]:
        return f"{shown(path)} is no {then[0]} any more"
    if asked == "size" or (asked == "stat" and now[1] != then[1]):
        return f"the size of {shown(path)} changed"
    return f"the {'mode' if asked == 'mode' else 'time or mode'} of {shown(path)} changed"


def _access(path: str, row: list[Any], store_folder: str) -> str | None:
    return None if os.access(path, row[2]) == bool(row[3]) else f"the permissions of {shown(path)} changed"


def _target(path: str, row: list[Any], store_folder: str) -> str | None:
    try:
        target = os.readlink(path)
    except OSError:
        return None if row[2] is None else f"link {shown(path)} is gone"
    return None if row[2] is not None and target == path_of(row[2]) else f"link {shown(path)} leads elsewhere"


def _env(name: str, row: list[Any], store_folder: str) -> str | None:
    from .variables import ALL, digest_of, raw

    data = raw()
    if name == ALL:
        from .environment import digest_of_all

        return None if digest_of_all(data) == row[2] else "the names of environment variables changed"
    return None if digest_of(data.get(os.fsencode(name))) == row[2] else f"variable {shown(name)} changed"


_JUDGES: dict[str, Callable[[str, list[Any], str], str | None]] = {
    "absent": _absent,
    "dir": _dir,
    "access": _access,
    "target": _target,
    "env": _env,
    "glob": _glob,
}
for _asked in ("kind", "size", "stat", "mode", "exists", "is file", "is dir", "is link"):
    _JUDGES[_asked] = _JUDGES["link " + _asked] = _look
