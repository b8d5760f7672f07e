"""What there is to know about code objects: found by bytecode.py, and remembered.

The functions of the script that its marked calls can reach by name were read when the script was rewritten
(foreseen.py), so that a run in which all calls hit need not load what reads them.
"""

from __future__ import annotations

from marshal import loads

from .kinds import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    #: By name and first line of a code object: its place in the script's code (see `_at`), and its facts, marshalled.
    Foreseen = dict[tuple[str, int], list[tuple[tuple[int, ...], bytes]]]

_LIMIT = 20000
#: The last constant of a rewritten code object is a tuple of this word and the code object as the user wrote it.
REWRITTEN = "@devstash"


class Facts:
    """What is to be known about a code object together with the code nested in it."""

    __slots__ = (
        "bare",
        "digest",
        "docs",
        "dynamic",
        "globals",
        "handlers",
        "imports",
        "names",
        "stores",
        "words",
        "written",
    )

    def __init__(self) -> None:
        self.digest = b""
        #: Names read from the module (or the builtins), in order.
        self.globals: tuple[str, ...] = ()
        #: Those of them that are read for themselves and not for one of their attributes.
        self.bare: frozenset[str] = frozenset()
        #: Every name that is read as a global, an attribute or a part of an import.
        self.names: frozenset[str] = frozenset()
        #: Imports: (name, level, names asked for).
        self.imports: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
        #: Module-level names that functions bind.
        self.stores: frozenset[str] = frozenset()
        #: Every name that is bound or unbound as a global or an attribute.
        self.written: frozenset[str] = frozenset()
        #: Identifiers in string constants; only collected where the code could look a name up by its text.
        self.words: frozenset[str] = frozenset()
        self.dynamic = False
        #: Strings that may name a handler registered with `codecs.register_error`.
        self.handlers: frozenset[str] = frozenset()
        #: Docstrings of this code and of the functions nested in it.
        self.docs: tuple[str, ...] = ()


def original(code: CodeType) -> CodeType:
    """The code object as the user wrote it: markers and what the rewrite put in never count."""
    constants = code.co_consts
    if constants:
        last = constants[-1]
        if type(last) is tuple and len(last) == 2 and last[0] == REWRITTEN and isinstance(last[1], CodeType):
            return last[1]
    return code


_known: dict[int, tuple[CodeType, Facts]] = {}
_foreseen: Foreseen = {}
_script: CodeType | None = None
_expressions: list[CodeType | None] = []


def foresee(script: CodeType, expressions: list[CodeType | None], foreseen: Foreseen) -> None:
    """Use what was read when the script was rewritten: `script` is its code as it was loaded, `expressions` that of its
    sites.
    """
    global _script, _foreseen
    _script, _foreseen = script, foreseen
    _expressions[:] = expressions


def facts(code: CodeType) -> Facts:
    """The facts of `code` as the user wrote it; read once for each code object."""
    known = _known.get(id(code))
    if known is not None:
        return known[1]
    found = _foreseen_facts(code)
    if found is None:
        from .bytecode import read

        found = read(code)
    if len(_known) >= _LIMIT:  # code made anew on every call (`eval`) must not fill the memory
        _known.clear()
    # The code object is kept, so that its id stays its own.
    _known[id(code)] = (code, found)
    return found


def _foreseen_facts(code: CodeType) -> Facts | None:
    for place, data in _foreseen.get((code.co_name, code.co_firstlineno), ()):
        if _at(place) is code:  # the very object that was read, not one that looks like it
            found = Facts()
            for name, value in zip(Facts.__slots__, loads(data)):
                setattr(found, name, value)
            return found
    return None


def _at(place: tuple[int, ...]) -> Any:
    """The code object at a place: indexes into constants, from the script's code inwards; or -1 and a site's index."""
    if place[0] == -1:
        return _expressions[place[1]] if place[1] < len(_expressions) else None
    at: Any = _script
    try:
        for index in place:
            at = at.co_consts[index]
    except (AttributeError, IndexError):  # the main module is run in a way that we do not know
        return None
    return at
