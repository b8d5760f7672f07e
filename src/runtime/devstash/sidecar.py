"""States of files that were found to hold what an entry's trace says, though not in the state that it says.

`.stat/<16 hex>` in the cache folder, one file for each set of doubtful files of a trace: a line with the digest of
the rest, then for each file its digest, its state and its path. Whatever is wrong with it, the files are read again.
"""

from __future__ import annotations

from _blake2 import blake2b

from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .contents import State

FOLDER = ".stat"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST = 64 << 20


class Sidecar:
    """What is known of a set of files, each named by the text of its path and the digest of its contents."""

    def __init__(self, folder: str, files: list[tuple[str, str]]) -> None:
        self._folder = folder
        cwd = _cwd() if any(path[:1] != "/" for path, _ in files) else ""
        name = "\n".join([cwd, *sorted({f"{digest} {path}" for path, digest in files})])
        self._name = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._known: dict[tuple[str, str], str] = {}
        self._new = False
        self._load()

    def knows(self, path: str, digest: str, state: State) -> bool:
        """Whether this file had this content when it was in this state."""
        return self._known.get((path, digest)) == _text(state)

    def note(self, path: str, digest: str, state: State) -> None:
        """Remember a state, which must not be racy."""
        self._known[path, digest] = _text(state)
        self._new = True

    def _load(self) -> None:
        try:
            fd = os.open(f"{self._folder}/{FOLDER}/{self._name}", _OPEN)
        except OSError:
            return
        try:
            data = os.read(fd, min(os.fstat(fd).st_size + 1, _MOST))
        except OSError:
            return
        finally:
            os.close(fd)
        head, _, rest = data.partition(b"\n")
        if blake2b(rest, digest_size=8).hexdigest().encode() != head:
            return
        for line in rest.decode("utf-8", "surrogatepass").split("\n")[:-1]:
            digest, state, path = line.split(" ", 2)
            self._known[path, digest] = state

    def save(self) -> None:
        """Write down what was noted. What goes wrong does not matter."""
        if not self._new:
            return
        lines = []
        for (path, digest), state in self._known.items():
            if "\n" not in path and "\\" not in path:
                lines.append(f"{digest} {state} {path}\n")
        rest = "".join(lines).encode("utf-8", "surrogatepass")
        data = blake2b(rest, digest_size=8).hexdigest().encode() + b"\n" + rest
        from .folder import DRAFTS

        draft = f"{self._folder}/{DRAFTS}/{os.getpid()}-{os.urandom(6).hex()}"
        try:
            fd = os.open(draft, _CREATE, 0o600)
            try:
                whole = os.write(fd, data) == len(data)
            finally:
                os.close(fd)
            try:
                if not whole:
                    raise OSError("the disk is full")
                try:
                    os.rename(draft, f"{self._folder}/{FOLDER}/{self._name}")
                except FileNotFoundError:
                    os.mkdir(f"{self._folder}/{FOLDER}", 0o700)
                    os.rename(draft, f"{self._folder}/{FOLDER}/{self._name}")
            except BaseException:
                os.unlink(draft)
                raise
        except OSError:
            pass


def _text(state: State) -> str:
    return "-".join([str(part) for part in state])


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
