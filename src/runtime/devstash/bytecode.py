"""What a code object says: a digest of its meaning, and the names it reads.

Code counts for the key as what it does, not as how it is written down: comments, docstrings, line numbers
and file names are not in the digest, and neither is what the compiler derives from line breaks where that
can be told apart (`NOP`s, and the fused instructions of 3.13, which appear only where two operations share
a line). That is why the digest is made of decoded instructions instead of `co_code`.

Everything here depends on the code object alone, which cannot change, and is therefore remembered.
"""

from __future__ import annotations

import opcode
import sys
from _blake2 import blake2b
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The last constant of a rewritten code object is a tuple of this word and the code object as the user
#: wrote it.
REWRITTEN = "@devstash"

#: Names through which code can read a name that it spells only in a string.
DYNAMIC = frozenset(
    (
        "getattr",
        "hasattr",
        "attrgetter",
        "methodcaller",
        "vars",
        "dir",
        "modules",
        "globals",
        "locals",
        "__dict__",
        "eval",
        "exec",
        "import_module",
        "__import__",
        "__getattribute__",
    )
)

_VERSION = sys.version_info[:2]
_DOCSTRING_FLAG = 0x4000000  # CO_HAS_DOCSTRING, 3.13
_FUNCTION = 0x1  # CO_OPTIMIZED: a function; without it a class body or a module
_LIMIT = 20000

# One small number for each way in which an instruction matters here.
(
    _PLAIN,
    _SKIP,
    _EXTENDED,
    _CONST,
    _NAME,
    _GLOBAL,
    _ATTRIBUTE,
    _STORE,
    _IMPORT,
    _JUMP,
    _BACK,
    _ABSOLUTE,
    _FUSED,
    _SMALL,
) = range(14)

# What `LOAD_CONST, STORE_NAME` of these in a class body says is no behaviour: text, a line number, a
# derived list.
_DESCRIPTIVE = ("__doc__", "__firstlineno__", "__static_attributes__")


class Facts:
    """What is to be known about a code object together with the code nested in it."""

    __slots__ = ("bare", "digest", "docs", "dynamic", "globals", "imports", "names", "words")

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
        #: Identifiers in string constants; only collected where the code could look a name up by its text.
        self.words: frozenset[str] = frozenset()
        self.dynamic = False
        #: Docstrings of this code and of the functions nested in it.
        self.docs: tuple[str, ...] = ()


class _Collected:
    """The lists that a code object shares with the ones nested in it while they are read."""

    __slots__ = ("bare", "docs", "globals", "imports", "names", "shallow", "strings")

    def __init__(self) -> None:
        self.globals: dict[str, None] = {}
        self.bare: set[str] = set()
        self.names: set[str] = set()
        self.imports: list[tuple[str, int, tuple[str, ...]]] = []
        self.strings: list[str] = []
        self.docs: list[str] = []
        self.shallow = False


_known: dict[int, tuple[CodeType, Facts]] = {}


def facts(code: CodeType) -> Facts:
    """The facts of `code` as the user wrote it; read once for each code object."""
    known = _known.get(id(code))
    if known is not None:
        return known[1]
    collected = _Collected()
    found = Facts()
    found.digest = _read(original(code), collected)
    found.globals = tuple(collected.globals)
    found.bare = frozenset(collected.bare)
    found.names = frozenset(collected.names)
    found.imports = tuple(collected.imports)
    found.docs = tuple(collected.docs)
    found.dynamic = not DYNAMIC.isdisjoint(found.names)
    if found.dynamic:
        found.words = frozenset(word for text in collected.strings for word in words(text))
    if len(_known) >= _LIMIT:  # code made anew on every call (`eval`) must not fill the memory
        _known.clear()
    # The code object is kept, so that its id stays its own.
    _known[id(code)] = (code, found)
    return found


def outer_facts(code: CodeType) -> Facts:
    """The facts of the body of a module alone, functions and classes in it counting only by their names."""
    collected = _Collected()
    collected.shallow = True
    found = Facts()
    found.digest = _read(original(code), collected)
    found.globals = tuple(collected.globals)
    found.names = frozenset(collected.names)
    found.imports = tuple(collected.imports)
    found.dynamic = not DYNAMIC.isdisjoint(found.names)
    found.words = (
        frozenset(word for text in collected.strings for word in words(text))
        if found.dynamic
        else frozenset()
    )
    return found


def original(code: CodeType) -> CodeType:
    """The code object as the user wrote it: markers and what the rewrite put in never count."""
    constants = code.co_consts
    if constants:
        last = constants[-1]
        if type(last) is tuple and len(last) == 2 and last[0] == REWRITTEN and isinstance(last[1], CodeType):
            return last[1]
    return code


def words(text: str) -> set[str]:
    """The identifiers in a text."""
    if text.isidentifier():
        return {text}
    if len(text) > 4096:
        text = text[:4096]
    cut = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    found = {word for word in cut.split() if word.isidentifier()}
    if "." in text and all(part.isidentifier() for part in text.split(".")):
        found.add(text)  # the name of a module in a package
    return found


def _kinds() -> tuple[list[int], dict[int, tuple[int, int]]]:
    """How each opcode of this interpreter matters, and the parts of the fused ones."""
    kinds = [_PLAIN] * 512
    known = opcode.opmap
    for number in opcode.hasname:
        kinds[number] = _NAME
    for number in opcode.hasconst:
        kinds[number] = _CONST
    for number in opcode.hasjrel:
        kinds[number] = _BACK if "BACKWARD" in opcode.opname[number] else _JUMP
    for number in opcode.hasjabs:
        kinds[number] = _ABSOLUTE
    for kind, names in (
        (_SKIP, ("NOP", "CACHE", "RESUME", "NOT_TAKEN")),
        (_EXTENDED, ("EXTENDED_ARG",)),
        (_GLOBAL, ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")),
        (_ATTRIBUTE, ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")),
        (_STORE, ("STORE_NAME", "STORE_GLOBAL", "STORE_ATTR", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_ATTR")),
        (_IMPORT, ("IMPORT_NAME",)),
        (_SMALL, ("LOAD_SMALL_INT",)),
    ):
        for name in names:
            if name in known:
                kinds[known[name]] = kind
    fused = {}
    parts = [name for name in ("LOAD_FAST", "STORE_FAST", "LOAD_FAST_BORROW") if name in known]
    for first in parts:
        for second in parts:
            both = known.get(first + "_" + second)
            if both is not None:
                kinds[both] = _FUSED
                fused[both] = (known[first], known[second])
    return kinds, fused


_KINDS, _FUSED_PARTS = _kinds()
_STORE_NAME = opcode.opmap["STORE_NAME"]
_LOAD_ATTR = opcode.opmap["LOAD_ATTR"]
_LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
_LOAD_SUPER_ATTR = opcode.opmap.get("LOAD_SUPER_ATTR", -1)
_UNIT = 2 if _VERSION < (3, 10) else 1  # jump arguments count bytes in 3.9, instructions since


def _shift(op: int) -> int:
    """How far the index of the name stands above the flags in the argument of `op`."""
    if op == _LOAD_GLOBAL:
        return 1 if _VERSION >= (3, 11) else 0
    if op == _LOAD_ATTR:
        return 1 if _VERSION >= (3, 12) else 0
    return 2 if op == _LOAD_SUPER_ATTR else 0


_SHIFTS = [_shift(op) for op in range(512)]


def _read(code: CodeType, collected: _Collected) -> bytes:
    """The digest of `code`, which is no rewritten one; what it reads goes to `collected`."""
    raw = code.co_code
    constants = code.co_consts
    names = code.co_names
    is_function = bool(code.co_flags & _FUNCTION)
    out: list[Any] = []
    begins: list[int] = []  # for each instruction, where it begins in `out`
    ordinal: list[
        int
    ] = []  # for each position in the code, the number of the instruction that begins there or next
    jumps: list[tuple[int, int]] = []
    used: list[int] = []
    recent: list[Any] = [None, None]
    pending: str | None = None
    extended = 0
    position = -1
    doc_used = False
    waiting: list[tuple[int, int, int]] = []

    for op, low in zip(raw[::2], raw[1::2]):
        position += 1
        ordinal.append(len(begins))
        kind = _KINDS[op]
        if kind == _SKIP:
            if op:  # an inline cache (0) belongs to the instruction before it
                extended = 0
            continue
        if kind == _EXTENDED:
            extended = (extended | low) << 8
            continue
        if waiting:
            _resolve(waiting, jumps, position)
        argument = extended | low
        extended = 0
        begins.append(len(out))
        if pending is not None:
            if kind != _ATTRIBUTE:
                collected.bare.add(pending)
            pending = None
        if kind == _PLAIN:
            out.append(op)
            out.append(argument)
        elif kind == _CONST:
            value = constants[argument]
            recent = [recent[1], value]
            out.append(op)
            out.append(("const", argument))
            used.append(argument)
            if argument == 0:
                doc_used = True
        elif kind in (_JUMP, _BACK):
            # Relative to the next instruction, which is known only after the caches behind this one.
            waiting.append((len(out) + 1, argument // _UNIT, -1 if kind == _BACK else 1))
            out.append(op)
            out.append(argument)
        elif kind == _ABSOLUTE:
            jumps.append((len(out) + 1, argument // _UNIT))
            out.append(op)
            out.append(argument)
        elif kind == _FUSED:
            first, second = _FUSED_PARTS[op]
            out.append(first)
            out.append(argument >> 4)
            begins.append(len(out))
            out.append(second)
            out.append(argument & 15)
        elif kind == _SMALL:
            recent = [recent[1], argument]
            out.append(op)
            out.append(argument)
        else:
            shift = _SHIFTS[op]
            name = names[argument >> shift]
            if (
                op == _STORE_NAME
                and not is_function
                and name in _DESCRIPTIVE
                and len(begins) > 1
                and type(out[begins[-2] + 1]) is tuple
                and out[begins[-2] + 1][0] == "const"
            ):
                begins.pop()
                del out[begins.pop() :]
                index = used.pop()
                if name == "__doc__" and type(constants[index]) is str:
                    collected.docs.append(constants[index])
                continue
            out.append(op)
            out.append((name, argument & ((1 << shift) - 1)))
            if kind == _GLOBAL:
                collected.globals[name] = None
                collected.names.add(name)
                pending = name
            elif kind in (_ATTRIBUTE, _NAME):
                collected.names.add(name)
            elif kind == _IMPORT:
                level, asked = recent
                if type(asked) is not tuple:
                    asked = ()
                collected.imports.append((name, level if type(level) is int else 0, asked))
    if waiting:
        _resolve(waiting, jumps, position + 1)
    ordinal.append(len(begins))

    last = len(ordinal) - 1
    for place, target in jumps:
        out[place] = ("to", ordinal[target if 0 <= target <= last else last])
    tokens: dict[int, Any] = {}
    for index in used:
        if index not in tokens:
            tokens[index] = _constant(constants[index], collected)
    for place, item in enumerate(out):
        if type(item) is tuple and item[0] == "const" and item[1] in tokens:
            out[place] = tokens[item[1]]
    if (
        is_function
        and constants
        and type(constants[0]) is str
        # Up to 3.12 a function's first constant is its docstring or None; a lambda's is an ordinary one.
        and (code.co_flags & _DOCSTRING_FLAG or (_VERSION < (3, 13) and not doc_used))
    ):
        collected.docs.append(constants[0])
    meaning = (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_DOCSTRING_FLAG,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        _exceptions(code, ordinal),
        out,
    )
    return blake2b(repr(meaning).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _resolve(waiting: list[tuple[int, int, int]], jumps: list[tuple[int, int]], position: int) -> None:
    """Gives relative jumps their targets, now that the position of the instruction after them is known."""
    for place, distance, sign in waiting:
        jumps.append((place, position + sign * distance))
    waiting.clear()


def _constant(value: Any, collected: _Collected) -> Any:
    """A constant as something whose `repr` is the same in every process and different for different
    constants.
    """
    kind = type(value)
    if kind is str:
        collected.strings.append(value)
        return ("str", value)
    if kind is CodeType:
        if collected.shallow:
            return ("code", value.co_name)
        return ("code", _read(original(value), collected))
    if kind is tuple:
        return ("tuple", [_constant(item, collected) for item in value])
    if kind is frozenset:
        return ("frozenset", sorted([_constant(item, collected) for item in value], key=repr))
    if kind is int:
        return ("int", hex(value))  # decimal digits are limited in number
    return (kind.__name__, repr(value))


def _exceptions(code: CodeType, ordinal: list[int]) -> Any:
    """The exception table (3.11 and later) in numbers of instructions instead of positions."""
    table: bytes = getattr(code, "co_exceptiontable", b"")
    if not table:
        return ()
    last = len(ordinal) - 1
    numbers: list[int] = []
    value = 0
    for byte in table:  # big-endian groups of six bits; 64 says that more follow, 128 begins an entry
        value = (value << 6) | (byte & 63)
        if not byte & 64:
            numbers.append(value)
            value = 0
    entries: list[tuple[int, int, int, int]] = []
    for start, length, target, depth in zip(*[iter(numbers)] * 4):
        span = (ordinal[min(start, last)], ordinal[min(start + length, last)])
        if span[0] == span[1]:
            continue  # it covered nothing but a NOP
        if entries and entries[-1][1] == span[0] and entries[-1][2:] == (ordinal[min(target, last)], depth):
            entries[-1] = (entries[-1][0], span[1], entries[-1][2], depth)
        else:
            entries.append((span[0], span[1], ordinal[min(target, last)], depth))
    return entries
