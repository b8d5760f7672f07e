"""What the plan says of each marked place, as the runtime reads it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    # One row of the table that prepare.py leaves in the byte-code: see `tree.Rewriter.table`.
    Row = tuple[Any, ...]


#: Options that say how much a place may keep: `devstash gc` sees to them.
LIMITS = ("max_size", "max_entries", "max_age")


def defaults(text: str) -> dict[str, Any]:
    """What markers mean where they do not say it: lines `name=value`, one for each item of a list."""
    given: dict[str, Any] = {}
    for line in text.split("\n"):
        name, _, value = line.partition("=")
        if name == "ttl":
            given[name] = int(value)
        elif name in ("env", "files", "replay"):
            given[name] = (*given.get(name, ()), value)
        elif name:
            given[name] = value
    return given


class Site:
    """One marked place of the script; the attributes without a default are options of its marker."""

    __slots__ = (
        "index", "kind", "file", "shown", "line", "scope", "text", "generator", "reads", "shape", "code",
        "ttl", "key", "ignore", "env", "files", "version", "replay", *LIMITS, "load", "name", "refresh",
    )  # fmt: skip

    index: int
    kind: str  # "call", "expression" or "function"
    file: str  # absolute path of the script or module
    shown: str  # the same for messages: the script as it was typed
    line: int  # first line of the statement, from 1
    scope: str  # qualified name of the enclosing class and function, "" at module level
    text: str  # the statement's first line
    generator: bool  # a marked generator function
    reads: tuple[str, ...]  # expression: the names it reads
    shape: tuple[str, ...]  # call: texts of the links after the first; expression: names passed; function: parameters
    code: CodeType | None  # expression: its code
    ttl: int | None  # seconds
    key: str | None
    ignore: tuple[str, ...]
    env: tuple[str, ...]
    files: tuple[str, ...]
    version: str | None
    replay: tuple[str, ...]
    max_size: int | None  # bytes
    max_entries: int | None
    max_age: int | None  # seconds
    load: str | None
    name: str | None
    refresh: bool

    def __init__(self, index: int, file: str, shown: str, row: Row, assumed: dict[str, Any] | None = None) -> None:
        self.index = index
        self.file = file
        self.shown = shown
        (
            self.kind,
            self.line,
            self.scope,
            self.text,
            self.generator,
            self.reads,
            self.shape,
            self.code,
            options,
        ) = row
        given: dict[str, Any] = dict(options)
        if assumed:
            # What is part of the key adds up: to name one more variable must not take another one out of it.
            added = {name: (*assumed[name], *given.get(name, ())) for name in ("env", "files") if name in assumed}
            given = {**assumed, **given, **added}
        self.ttl = given.get("ttl")
        self.key = given.get("key")
        self.ignore = given.get("ignore", ())
        self.env = given.get("env", ())
        self.files = given.get("files", ())
        self.version = given.get("version")
        self.replay = given.get("replay", ())
        self.max_size = given.get("max_size")
        self.max_entries = given.get("max_entries")
        self.max_age = given.get("max_age")
        self.load = given.get("load")
        self.name = given.get("name")
        self.refresh = bool(given.get("refresh", False))
