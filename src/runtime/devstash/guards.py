"""`if not os.path.exists(folder): os.makedirs(folder)`: what such a question finds is no input.

Whether the folder is there or not, it is afterwards, and nothing else hangs on the answer. The code that asks proves
it: nothing is between the test and the end of its block but the making of that very folder.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

_ASKING = ("exists", "isdir")
_MAKING = ("makedirs", "mkdir")
#: Instructions that say nothing here.
_EMPTY = frozenset(
    ("CACHE", "NOP", "EXTENDED_ARG", "NOT_TAKEN", "PUSH_NULL", "PRECALL", "RESUME", "TO_BOOL", "KW_NAMES")
)
_LOADS = ("LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_CONST", "LOAD_DEREF")
_REACHING = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_FAST", "LOAD_ATTR", "LOAD_METHOD")

#: Code and where in it a question stands, and whether it is such a question. The code is kept, so its id stays its own.
_known: dict[tuple[int, int], tuple[CodeType, bool]] = {}
#: Code, and from where to where in it a folder is made behind such a question.
_making: dict[int, list[tuple[int, int]]] = {}


def is_guard(frame: FrameType) -> bool:
    """Whether the call under way in `frame` asks for a folder only to make it if it is not there."""
    code = frame.f_code
    if not any(name in code.co_names for name in _MAKING):
        return False
    place = id(code), frame.f_lasti
    known = _known.get(place)
    if known is None:
        span = _find(code, frame.f_lasti)
        known = _known[place] = (code, span is not None)
        if span is not None:
            _making.setdefault(id(code), []).append(span)
    return known[1]


def is_guarded(frame: FrameType) -> bool:
    """Whether the call under way in `frame` makes a folder behind such a question."""
    spans = _making.get(id(frame.f_code)) if _making else None
    return spans is not None and any(start <= frame.f_lasti < end for start, end in spans)


def is_made_anyway(frame: FrameType) -> bool:
    """The same for a frame of `os.makedirs`, which calls itself for the folders above."""
    code = frame.f_code
    above: FrameType | None = frame
    while above is not None and above.f_code is code:
        above = above.f_back
    return above is not None and is_guarded(above)


def _find(code: CodeType, asked: int) -> tuple[int, int] | None:
    """Where the folder is made whose question is asked at this place; None if more hangs on the answer."""
    from dis import get_instructions

    found = [
        (one.offset, one.opname.replace("_BORROW", "").replace("_CHECK", ""), one.argval)
        for one in get_instructions(code)
        if one.opname not in _EMPTY
    ]
    # While a call is under way, some versions say where the inline caches of its instruction end.
    at = max((number for number, one in enumerate(found) if one[0] <= asked), default=-1)
    if at < 2 or at + 2 >= len(found) or not found[at][1].startswith("CALL"):
        return None
    _, test, target = found[at + 1]
    if not (test.startswith("POP_JUMP") and test.endswith("IF_TRUE")):
        return None
    named = found[at - 1][1:]
    if named[0] not in _LOADS or found[at - 2][1] not in _REACHING or found[at - 2][2] not in _ASKING:
        return None
    block = [one for one in found[at + 2 :] if one[0] < target]
    rest = [one for one in found if one[0] >= target]
    call = next((number for number, one in enumerate(block) if one[1].startswith("CALL")), -1)
    if call < 2 or call + 1 >= len(block) or block[call + 1][1] != "POP_TOP":
        return None
    if block[call - 1][1:] != named or block[call - 2][2] not in _MAKING:
        return None
    if any(one[1] not in _REACHING for one in block[: call - 1]):
        return None
    # At the end of a function both ways end with their own `return None`.
    behind = [one[1:] for one in block[call + 2 :]]
    if behind and (behind != [one[1:] for one in rest[: len(behind)]] or not behind[-1][0].startswith("RETURN")):
        return None
    inside = {one[0] for one in block}
    if any("JUMP" in name and to in inside for _, name, to in found):
        return None  # another way leads there, past the question
    return block[call][0], block[call + 1][0]
