"""What is known of the script's functions before it runs: read once, when it is rewritten.

Only those that a marked call can reach by name are read: the names in the statements with markers, in the functions
that have such a name, and so on. What is reached in another way is read when it is reached.
"""

from __future__ import annotations

from marshal import dumps

from .bytecode import read, words
from .facts import Facts
from .kinds import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .facts import Foreseen

    Place = tuple[int, ...]


_FUNCTION = 0x1  # CO_OPTIMIZED: a function, and not the body of a class


def foreseen(script: CodeType, sites: tuple[Any, ...], statements: list[str]) -> Foreseen:
    """The facts of the code that the sites reach; `script` is the rewritten code, `sites` their rows (`site.Row`),
    `statements` the texts in which they stand.
    """
    functions: dict[str, list[tuple[Place, CodeType]]] = {}
    _collect(functions, script, (), "")
    found: Foreseen = {}
    names = {word for text in statements for word in words(text)}
    for index, row in enumerate(sites):
        if isinstance(row[7], CodeType):
            names |= _note(found, (-1, index), row[7])
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name not in seen:
            seen.add(name)
            for place, code in functions.get(name, ()):
                names |= _note(found, place, code)
    return found


def _collect(functions: dict[str, list[tuple[Place, CodeType]]], code: CodeType, place: Place, owner: str) -> None:
    """Note the functions in `code` by their names, and methods by the name of their class, too."""
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            here = (*place, index)
            is_function = constant.co_flags & _FUNCTION
            if is_function:
                for name in {constant.co_name, owner or constant.co_name}:
                    functions.setdefault(name, []).append((here, constant))
            _collect(functions, constant, here, "" if is_function else constant.co_name)


def _note(found: Foreseen, place: Place, code: CodeType) -> frozenset[str]:
    rows = found.setdefault((code.co_name, code.co_firstlineno), [])
    known = read(code)
    if all(place != other for other, _ in rows):
        rows.append((place, dumps(tuple(getattr(known, name) for name in Facts.__slots__))))
    return known.names
