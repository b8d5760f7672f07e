"""The user's own key, which says that an entry was written by this user and may be unpickled.

It lives outside every cache folder, in `$XDG_DATA_HOME/devstash/key` (`~/.local/share/devstash/key`): 32
random bytes that only the user can read. Entries from somebody else's folder, archive or repository are not
signed with it and are therefore never loaded.
"""

from .system import os

LENGTH = 32


class NoKey(Exception):
    """There is no key to be used; the text says why."""


def path() -> str:
    """Where the key is, by the XDG base directory rules: a relative XDG_DATA_HOME does not count."""
    data = os.environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        data = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "devstash", "key")


def read() -> bytes:
    """The key.

    Raises `NoKey` when there is none, or none that only this user could have written and read.
    """
    place = path()
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoKey(f"there is no `{place}`") from None
    except OSError as error:
        raise NoKey(f"`{place}`: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        if found.st_mode & 0o170000 != 0o100000:
            raise NoKey(f"`{place}` is not a plain file")
        if found.st_uid != os.geteuid():
            raise NoKey(f"`{place}` belongs to another user")
        if found.st_mode & 0o077:
            raise NoKey(f"`{place}` can be read or written by others; remove it, and a new one will be made")
        try:
            key = os.read(fd, LENGTH + 1)
        except OSError as error:
            raise NoKey(f"`{place}`: {error.strerror}") from None
    finally:
        os.close(fd)
    if len(key) != LENGTH:
        raise NoKey(f"`{place}` is not a key of {LENGTH} bytes; remove it, and a new one will be made")
    return key


def read_or_make() -> bytes:
    """The key, made if there is none. Whoever comes first makes it; a key that exists is never replaced."""
    place = path()
    if not os.path.lexists(place):
        try:
            _make(place)
        except OSError as error:
            raise NoKey(f"cannot make `{error.filename or place}`: {error.strerror}") from None
    return read()


def _make(place: str) -> None:
    """Put a new key at `place`: complete or absent, whatever happens on the way and whoever does the same."""
    folder = os.path.dirname(place)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    draft = f"{place}.{os.getpid()}-{os.urandom(6).hex()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(fd, 0o600)
            if os.write(fd, os.urandom(LENGTH)) != LENGTH:
                from errno import ENOSPC

                raise OSError(ENOSPC, os.strerror(ENOSPC), place)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(draft, place)
        except FileExistsError:
            return
        except OSError:
            # A file system without hard links. Two processes can both get here; the key that stays is the
            # one that both read afterwards.
            os.rename(draft, place)
    finally:
        try:
            os.unlink(draft)
        except FileNotFoundError:
            pass
