"""The opcodes of this interpreter, sorted by how they matter to bytecode.py."""

from __future__ import annotations

import opcode
import sys

VERSION = sys.version_info[:2]

# One small number for each way in which an instruction matters.
(
    PLAIN,
    SKIP,
    EXTENDED,
    CONST,
    NAME,
    GLOBAL,
    ATTRIBUTE,
    STORE,
    IMPORT,
    JUMP,
    BACK,
    ABSOLUTE,
    FUSED,
    SMALL,
) = range(14)

_NAMED = (
    (SKIP, ("NOP", "CACHE", "RESUME", "NOT_TAKEN")),
    (EXTENDED, ("EXTENDED_ARG",)),
    (GLOBAL, ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")),
    (ATTRIBUTE, ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")),
    (STORE, ("STORE_NAME", "STORE_GLOBAL", "STORE_ATTR", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_ATTR")),
    (IMPORT, ("IMPORT_NAME",)),
    (SMALL, ("LOAD_SMALL_INT",)),
)

STORE_NAME = opcode.opmap["STORE_NAME"]
#: What a function does to names declared `global`.
DELETE_GLOBAL = opcode.opmap["DELETE_GLOBAL"]
WRITES_GLOBAL = frozenset((opcode.opmap["STORE_GLOBAL"], DELETE_GLOBAL))
#: Jump arguments count bytes in 3.9, instructions since.
UNIT = 2 if VERSION < (3, 10) else 1
#: What every unconditional jump is called, whatever its direction.
UNCONDITIONAL = "JUMP"


def _kinds() -> list[int]:
    kinds = [PLAIN] * 512
    for number in opcode.hasname:
        kinds[number] = NAME
    for number in opcode.hasconst:
        kinds[number] = CONST
    for number in opcode.hasjrel:
        kinds[number] = BACK if "BACKWARD" in opcode.opname[number] else JUMP
    for number in opcode.hasjabs:
        kinds[number] = ABSOLUTE
    for kind, names in _NAMED:
        for name in names:
            if name in opcode.opmap:
                kinds[opcode.opmap[name]] = kind
    for number in FUSED_PARTS:
        kinds[number] = FUSED
    return kinds


def _fused() -> dict[int, tuple[int, int]]:
    """Since 3.13 two operations of one line may be one instruction; their arguments are its half-bytes."""
    known = opcode.opmap
    parts = [name for name in ("LOAD_FAST", "STORE_FAST", "LOAD_FAST_BORROW") if name in known]
    pairs = {f"{first}_{second}": (known[first], known[second]) for first in parts for second in parts}
    return {known[both]: pair for both, pair in pairs.items() if both in known}


def _jump_names() -> dict[int, str]:
    """Jumps whose direction shows in their name (3.11 and later), by a name without it."""
    found = {}
    for number in (*opcode.hasjrel, *opcode.hasjabs):
        name = opcode.opname[number]
        if name in ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE"):
            found[number] = UNCONDITIONAL
        elif name.startswith("POP_JUMP"):
            found[number] = name.replace("_FORWARD", "").replace("_BACKWARD", "")
    return found


def _shift(op: int) -> int:
    """How far the index of the name stands above the flags in the argument of `op`."""
    name = opcode.opname[op] if op < len(opcode.opname) else ""
    if name == "LOAD_GLOBAL":
        return 1 if VERSION >= (3, 11) else 0
    if name == "LOAD_ATTR":
        return 1 if VERSION >= (3, 12) else 0
    return 2 if name == "LOAD_SUPER_ATTR" else 0


FUSED_PARTS = _fused()
KINDS = _kinds()
JUMP_NAMES = _jump_names()
SHIFTS = [_shift(op) for op in range(512)]
#: Conditional jumps and their opposites.
INVERSE = {
    "POP_JUMP_IF_TRUE": "POP_JUMP_IF_FALSE",
    "POP_JUMP_IF_FALSE": "POP_JUMP_IF_TRUE",
    "POP_JUMP_IF_NONE": "POP_JUMP_IF_NOT_NONE",
    "POP_JUMP_IF_NOT_NONE": "POP_JUMP_IF_NONE",
}
#: After these the next instruction is reached only by a jump.
ENDS: frozenset[object] = frozenset(
    (
        UNCONDITIONAL,
        *(
            opcode.opmap[name]
            for name in ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE")
            if name in opcode.opmap
        ),
    )
)
