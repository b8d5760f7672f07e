"""What a code object says: a digest of its meaning, and the names it reads.

Code counts for the key as what it does, not as how it is written down: comments, docstrings, line numbers
and file names are not in the digest, and neither is what the compiler derives from line breaks where that
can be told apart (`NOP`s, and the fused instructions of 3.13, which appear only where two operations share
a line). That is why the digest is made of decoded instructions instead of `co_code`.

Everything here depends on the code object alone, which cannot change: facts.py remembers it.
"""

from __future__ import annotations

from _blake2 import blake2b

from .facts import Facts, original
from .kinds import CodeType
from .opcodes import (
    ABSOLUTE,
    ATTRIBUTE,
    BACK,
    CONST,
    DELETE_GLOBAL,
    ENDS,
    EXTENDED,
    FUSED,
    FUSED_PARTS,
    GLOBAL,
    IMPORT,
    INVERSE,
    JUMP,
    JUMP_NAMES,
    KINDS,
    NAME,
    PLAIN,
    SHIFTS,
    SKIP,
    SMALL,
    STORE,
    STORE_NAME,
    UNCONDITIONAL,
    UNIT,
    VERSION,
    WRITES_GLOBAL,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        "_getframe",
        "currentframe",
        "query",  # pandas: names behind `@` in its text
        "import_module",
        "__import__",
        "__getattribute__",
    )
)

# Functions that are told by its name what to do with characters that cannot be encoded.
_CODING = frozenset(("encode", "decode", "open", "read_text", "write_text", "TextIOWrapper", "reconfigure", "str"))
_USUAL = frozenset(("strict", "ignore", "replace", "utf-8", "utf8", "ascii", "latin-1", "r", "w", "rb", "wb"))

_DOCSTRING_FLAG = 0x4000000  # CO_HAS_DOCSTRING, 3.13
_FUNCTION = 0x1  # CO_OPTIMIZED: a function; without it a class body or a module

# What `LOAD_CONST, STORE_NAME` of these in a class body says is no behaviour: text, a line number, a
# derived list.
_DESCRIPTIVE = ("__doc__", "__firstlineno__", "__static_attributes__")


class _Collected:
    """The lists that a code object shares with the ones nested in it while they are read."""

    __slots__ = ("bare", "docs", "globals", "imports", "names", "shallow", "stores", "strings", "written")

    def __init__(self) -> None:
        self.globals: dict[str, None] = {}
        self.bare: set[str] = set()
        self.names: set[str] = set()
        self.imports: list[tuple[str, int, tuple[str, ...]]] = []
        self.strings: list[str] = []
        self.docs: list[str] = []
        self.shallow = False
        self.stores: set[str] = set()
        self.written: set[str] = set()


def read(code: CodeType) -> Facts:
    """The facts of `code` as the user wrote it."""
    collected = _Collected()
    found = Facts()
    found.digest = _read(original(code), collected)
    found.globals = tuple(collected.globals)
    found.bare = frozenset(collected.bare)
    found.names = frozenset(collected.names)
    found.imports = tuple(collected.imports)
    found.docs = tuple(collected.docs)
    found.stores = frozenset(collected.stores)
    found.written = frozenset(collected.written)
    found.dynamic = not DYNAMIC.isdisjoint(found.names)
    if found.dynamic:
        found.words = frozenset(word for text in collected.strings for word in words(text))
    if not _CODING.isdisjoint(found.names):
        found.handlers = frozenset(text for text in collected.strings if 0 < len(text) < 64).difference(_USUAL)
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
        frozenset(word for text in collected.strings for word in words(text)) if found.dynamic else frozenset()
    )
    return found


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


def _read(code: CodeType, collected: _Collected) -> bytes:
    """The digest of `code`, which is no rewritten one; what it reads goes to `collected`."""
    reading = _Reading(code, collected)
    reading.instructions()
    constants = code.co_consts
    tokens = {index: _constant(constants[index], collected) for index in sorted(reading.constants)}
    body = [
        (op, tokens[argument.index] if type(argument) is _Constant else argument)
        for op, argument in zip(reading.ops, reading.arguments)
    ]
    if (
        code.co_flags & _FUNCTION
        and constants
        and type(constants[0]) is str
        # Up to 3.12 a function's first constant is its docstring or None; a lambda's is an ordinary one.
        and (code.co_flags & _DOCSTRING_FLAG or (VERSION < (3, 13) and 0 not in reading.constants))
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
        reading.handlers(),
        body,
    )
    return blake2b(repr(meaning).encode("utf-8", "backslashreplace"), digest_size=16).digest()


class _Constant:
    """Stands in an instruction for a constant of that index."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class _Reading:
    """The instructions of one code object as two lists, without what depends on the layout of its text."""

    __slots__ = ("_code", "_collected", "_jumps", "_numbers", "arguments", "constants", "ops")

    def __init__(self, code: CodeType, collected: _Collected) -> None:
        self._code = code
        self._collected = collected
        self.ops: list[Any] = []
        self.arguments: list[Any] = []
        #: Indexes of the constants in use.
        self.constants: set[int] = set()
        # Number of the instruction that jumps -> position in the code where to.
        self._jumps: dict[int, int] = {}
        # For each position in the code, the number of the instruction that begins there, or else of the
        # next.
        self._numbers: list[int] = []

    def instructions(self) -> None:
        """Fill the lists."""
        code, collected = self._code, self._collected
        ops, arguments, numbers, jumps = self.ops, self.arguments, self._numbers, self._jumps
        names, raw = code.co_names, code.co_code
        in_class = not code.co_flags & _FUNCTION
        recent: list[Any] = [None, None]  # the last two constants: level and names of an import
        pending: str | None = None  # a global just read
        waiting: tuple[int, int] | None = None  # a relative jump whose origin comes after its caches
        extended = 0
        kinds, add_op, add_argument, number_next = KINDS, ops.append, arguments.append, numbers.append
        position = -1
        for op, low in zip(raw[::2], raw[1::2]):
            position += 1
            number_next(len(ops))
            if not op:  # an inline cache of the instruction before
                continue
            if waiting is not None:
                jumps[waiting[0]] = position + waiting[1]
                waiting = None
            kind = kinds[op]
            if kind == PLAIN and pending is None:
                add_op(op)
                add_argument(extended | low)
                extended = 0
                continue
            if kind == SKIP:
                continue
            if kind == EXTENDED:
                extended = (extended | low) << 8
                continue
            argument: Any = extended | low
            extended = 0
            if pending is not None:
                if kind != ATTRIBUTE:
                    collected.bare.add(pending)
                pending = None
            shown: Any = op
            if kind == CONST:
                recent = [recent[1], code.co_consts[argument]]
                argument = _Constant(argument)
            elif kind == JUMP or kind == BACK:  # noqa: SIM109  (a tuple would be made each time)
                waiting = (len(ops), (-argument if kind == BACK else argument) // UNIT)
                shown = JUMP_NAMES.get(op, op)
            elif kind == ABSOLUTE:
                jumps[len(ops)] = argument // UNIT
                shown = JUMP_NAMES.get(op, op)
            elif kind == FUSED:
                shown, op = FUSED_PARTS[op]
                ops.append(shown)
                arguments.append(argument >> 4)
                shown, argument = op, argument & 15
            elif kind == SMALL:
                recent = [recent[1], argument]
            elif kind != PLAIN:
                name = names[argument >> SHIFTS[op]]
                argument = (name, argument & ((1 << SHIFTS[op]) - 1))
                if op == STORE_NAME and in_class and name in _DESCRIPTIVE and self._drop_constant(name):
                    continue
                if kind == GLOBAL:
                    collected.globals[name] = None
                    collected.names.add(name)
                    pending = name
                elif kind == ATTRIBUTE or kind == NAME:  # noqa: SIM109
                    collected.names.add(name)
                elif kind == IMPORT:
                    level, asked = recent
                    parts = asked if type(asked) is tuple else ()
                    collected.imports.append((name, level if type(level) is int else 0, parts))
                elif kind == STORE:
                    collected.written.add(name)
                    if op in WRITES_GLOBAL:
                        collected.stores.add(name)
                    if op == DELETE_GLOBAL:  # it has to be there
                        collected.globals[name] = None
                        collected.bare.add(name)
            ops.append(shown)
            arguments.append(argument)
        numbers.append(len(ops))
        if waiting is not None:
            jumps[waiting[0]] = len(numbers) - 1 + waiting[1]
        self.constants = {argument.index for argument in arguments if type(argument) is _Constant}
        self._straighten()

    def _drop_constant(self, name: str) -> bool:
        """Drop the loading of a constant that is about to be stored as a mere description."""
        last = self.arguments[-1] if self.arguments else None
        if type(last) is not _Constant:
            return False
        self.ops.pop()
        self.arguments.pop()
        text = self._code.co_consts[last.index]
        if name == "__doc__" and type(text) is str:
            self._collected.docs.append(text)
        return True

    def _straighten(self) -> None:
        """Put the numbers of instructions into the jumps, the way they are when nothing depends on lines.

        Where the two ends of a conditional jump are on different lines, the compiler may jump over an
        unconditional one instead, or to one that leads there; that is undone.
        """
        ops, numbers = self.ops, self._numbers
        last = len(numbers) - 1
        targets = {number: numbers[min(max(to, 0), last)] for number, to in self._jumps.items()}
        for number, to in targets.items():
            seen = 0
            while to < len(ops) and ops[to] == UNCONDITIONAL and seen < 100:
                to = targets[to]
                seen += 1
            targets[number] = to
        aimed = set(targets.values())
        gone: set[int] = set()
        for number, to in targets.items():
            following = number + 1
            inverse = INVERSE.get(ops[number])
            if inverse is not None and to == following + 1 and following in targets and following not in aimed:
                if ops[following] == UNCONDITIONAL:
                    ops[number] = inverse
                    targets[number] = targets[following]
                    gone.add(following)
            elif ops[number] == UNCONDITIONAL and number not in aimed and number and ops[number - 1] in ENDS:
                gone.add(number)  # nothing leads there any more
        if gone:
            self._remove(gone, targets)
        for number, to in targets.items():
            self.arguments[number] = ("to", to)

    def _remove(self, gone: set[int], targets: dict[int, int]) -> None:
        """Take instructions out and number the others anew."""
        moved = []
        kept = 0
        for number in range(len(self.ops) + 1):
            moved.append(kept)
            kept += number not in gone
        self.ops = [op for number, op in enumerate(self.ops) if number not in gone]
        self.arguments = [a for number, a in enumerate(self.arguments) if number not in gone]
        self._numbers = [moved[number] for number in self._numbers]
        found = {moved[number]: moved[to] for number, to in targets.items() if number not in gone}
        targets.clear()
        targets.update(found)

    def handlers(self) -> list[tuple[int, int, int, int]]:
        """The exception table (3.11 and later) in numbers of instructions instead of positions."""
        table: bytes = getattr(self._code, "co_exceptiontable", b"")
        read: list[int] = []
        value = 0
        for byte in table:  # big-endian groups of six bits; 64 says that more follow, 128 begins an entry
            value = (value << 6) | (byte & 63)
            if not byte & 64:
                read.append(value)
                value = 0
        numbers = self._numbers
        last = len(numbers) - 1
        entries: list[tuple[int, int, int, int]] = []
        for start, length, target, depth in zip(*[iter(read)] * 4):
            first, end = numbers[min(start, last)], numbers[min(start + length, last)]
            handler = numbers[min(target, last)]
            if first == end:
                continue  # it covered nothing but a NOP
            if entries and entries[-1][1:] == (first, handler, depth):
                first = entries.pop()[0]
            entries.append((first, end, handler, depth))
        return entries


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
