"""The cache folder: private, polite to the tools that walk over it, and told from any other folder.

    .devstash_cache/
    ├── .gitignore      `*`: never committed
    ├── .tmp/           entries being written
    ├── CACHEDIR.TAG    backups leave it out
    ├── README.txt      what this is, for whoever finds it
    └── format          the version of this layout

Its files are each complete or absent, and `format` comes last: where it is, the rest is. Making the folder
can be interrupted anywhere and done by several processes at once; the next one to come finishes it.
"""

from errno import ENOSPC

from .refusals import Unwritable
from .store import LAYOUT, SUFFIX, distrust
from .system import os, time

DRAFTS = ".tmp"
DEFAULT = ".devstash_cache"
# Drafts of writers that were killed go after a day; no living one takes that long.
_STALE = 86400

# What others keep there: blobs.py, locks.py, sidecar.py, `devstash pin` and `clear`. A folder that lost its `format`
# may still have them.
_FOLDERS = (DRAFTS, ".blobs", ".locks", ".pins", ".stat", ".trash")

_FILES = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": (
        "Signature: 8a477f597d28d172789f06886806bc55\n"
        "# This file marks a cache folder of devstash. What cache tags are: https://bford.info/cachedir/\n"
    ),
    "README.txt": (
        "This folder holds results that devstash keeps for the Python scripts run beside it.\n"
        "It can be removed at any time; what is needed will be computed again.\n"
        "\n"
        "Each .pkl file is one result and an ordinary pickle:\n"
        "\n"
        '    pickle.load(open("NAME.pkl", "rb"))\n'
        "\n"
        "Unpickling runs what the file says. Do so with files of your own only.\n"
        "`devstash list` shows what is here, `devstash clear` removes it.\n"
    ),
    "format": f"{LAYOUT}\n",
}


def prepare(folder: str) -> None:
    """Make sure that `folder` is a cache folder of this layout and only ours to write to.

    Raises `Unwritable`.
    """
    try:
        layout = _layout(folder)
        if layout is None:
            _adopt(folder)
            layout = _layout(folder)
        reason = distrust(os.stat(folder))
    except OSError as error:
        vanished = isinstance(error, FileNotFoundError)
        raise Unwritable(f"`{error.filename or folder}`: {error.strerror}", vanished) from None
    if reason:
        raise Unwritable(f"the folder `{folder}` {reason}")
    if layout != LAYOUT:
        raise Unwritable(f"the folder `{folder}` has layout {layout!r}; this devstash writes layout {LAYOUT}")


def _layout(folder: str) -> "str | None":
    """What the file `format` says, None where there is none."""
    try:
        fd = os.open(f"{folder}/format", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.read(fd, 64).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)


def _adopt(folder: str) -> None:
    """Make `folder` a cache folder, if there is nothing in it that is somebody else's.

    There may be a folder already: an empty one, one whose making was interrupted, or one of the Python
    package devstash 0.1, whose entries have names like ours. Anything else is left alone: `--cache-dir .`
    must not put a `.gitignore` of `*` into a project.
    """
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        found = os.stat(folder)
        if found.st_mode & 0o170000 != 0o040000:
            raise Unwritable(f"`{folder}` is not a folder") from None
        if found.st_uid != os.geteuid():
            raise Unwritable(f"the folder `{folder}` belongs to another user") from None
        if os.path.basename(folder) != DEFAULT:
            for name in os.listdir(folder):
                if name not in _FILES and name not in _FOLDERS and not is_entry_name(name):
                    what = f"is not a devstash cache and not empty: it holds `{name}`"
                    raise Unwritable(f"the folder `{folder}` {what}") from None
        # What its owner has closed to himself stays closed.
        os.chmod(folder, found.st_mode & 0o700)
    _fill(folder)


def is_entry_name(name: str) -> bool:
    """Whether a file of this name is an entry: it ends with two underscores, 16 hex digits and `.pkl`."""
    stem = name[: -len(SUFFIX)]
    return (
        name.endswith(SUFFIX)
        and len(stem) > 18
        and stem[-18:-16] == "__"
        and set(stem[-16:]) <= set("0123456789abcdef")
    )


def _fill(folder: str) -> None:
    try:
        os.mkdir(f"{folder}/{DRAFTS}", 0o700)
    except FileExistsError:
        pass
    for name, text in _FILES.items():
        data = text.encode()
        draft = f"{folder}/{DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                if os.write(fd, data) != len(data):
                    raise OSError(ENOSPC, os.strerror(ENOSPC), folder)
            finally:
                os.close(fd)
            os.rename(draft, f"{folder}/{name}")
        except BaseException:
            os.unlink(draft)
            raise


def remove_stale_drafts(folder: str) -> None:
    """Remove what killed writers have left behind; drafts have a folder of their own, so this is quick."""
    before = time() - _STALE
    try:
        with os.scandir(f"{folder}/{DRAFTS}") as drafts:
            for draft in drafts:
                if draft.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(draft.path)
    except OSError:
        pass  # another process does the same, or will
