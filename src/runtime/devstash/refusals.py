"""Why a result is not kept, and the words for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .encode import Unkeyable


class Unstorable(Exception):
    """The value cannot be pickled: `path` leads to the part to blame, `what` is its type, `why` says more."""

    def __init__(self, path: str, what: str, why: str) -> None:
        super().__init__(path, what, why)
        self.path = path
        self.what = what
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f" ({self.why})" if self.why else "")


class Unwritable(Exception):
    """The entry cannot be written; the text says why. Nothing of it is left behind.

    `vanished` says that the folder, or a part of it, went away meanwhile: a second attempt makes it anew.
    """

    def __init__(self, reason: str, vanished: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.vanished = vanished


def unkeyable(error: Unkeyable) -> str:
    """What cannot be part of the key, and the way out."""
    why = f" ({error.why})" if error.why else ""
    name = error.path.partition(".")[0].partition("[")[0]
    # `ignore=` takes the names of arguments, and a positional one may have none.
    if name == "self":
        way = "; if it does not matter to the result, leave it out with ignore=self"
    elif "used up" in error.why:
        way = "; hand over a list of it instead"
    elif name.isidentifier() and name not in ("key", "eval", "exec", "query"):
        way = f"; leave it out with ignore={name} or say what counts with key=…"
    else:
        way = "; say what counts with key=…" if name.lstrip("*").isidentifier() or name.isdigit() else ""
    path = f"argument {error.path}" if error.path.isdigit() else error.path
    return f"`{path}: {error.what}` cannot be part of the key{why}{way}"


def unstorable(error: Unstorable) -> str:
    """What cannot be stored."""
    if error.why.startswith("the call "):
        return f"`{error.path}: {error.what}`: {error.why}"
    why = f" ({error.why})" if error.why else ""
    return f"`{error.path}: {error.what}` cannot be stored{why}"
