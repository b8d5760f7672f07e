"""What is known of the script's functions before it runs: read once, when it is rewritten.

Only those that a marked call can reach by name are read: the names in the statements with markers, in the functions
that have such a name, and so on; with a method, all methods of its class, and of the classes that stand in its header.
What is reached in another way is read when it is reached.
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


def foreseen(script: CodeType, sites: tuple[Any, ...], text: str, statements: list[str]) -> Foreseen:
    """The facts of the code that the sites reach; `script` is the rewritten code of `text`, `sites` their rows
    (`site.Row`), `statements` the texts in which they stand.
    """
    functions: dict[str, list[tuple[Place, CodeType, str]]] = {}
    _collect(functions, script, (), "")
    headers = _headers(text)
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
            names |= headers.get(name, set())
            for place, code, owner in functions.get(name, ()):
                names |= _note(found, place, code)
                names.add(owner or name)
    return found


def _headers(text: str) -> dict[str, set[str]]:
    """The names in the headers of classes, by the classes' names. A header's first line will do."""
    found: dict[str, set[str]] = {}
    for line in text.split("\n"):
        line = line.lstrip()
        if line.startswith("class "):
            name, _, rest = line[6:].partition("(")
            found.setdefault(name.strip(": \t"), set()).update(words(rest))
    return found


def _collect(functions: dict[str, list[tuple[Place, CodeType, str]]], code: CodeType, place: Place, owner: str) -> None:
    """Note the functions in `code` by their names, and methods by the name of their class, too."""
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            here = (*place, index)
            is_function = constant.co_flags & _FUNCTION
            if is_function:
                for name in {constant.co_name, owner or constant.co_name}:
                    functions.setdefault(name, []).append((here, constant, owner))
            _collect(functions, constant, here, "" if is_function else constant.co_name)


def _note(found: Foreseen, place: Place, code: CodeType) -> frozenset[str]:
    rows = found.setdefault((code.co_name, code.co_firstlineno), [])
    known = read(code)
    if all(place != other for other, _ in rows):
        rows.append((place, dumps(tuple(getattr(known, name) for name in Facts.__slots__))))
    return known.names
