"""Plan and source in, code out: the tree of the *original* text, with its sites replaced (see tree.py), compiled."""

from __future__ import annotations

import _ast
import os

from .bundled import rest_beside
from .foreseen import foreseen
from .tree import BUILTIN, Rewriter, Untouchable, insert_prologue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    #: The rows of the sites: see `tree.Rewriter.table`.
    Sites = tuple[tuple[Any, ...], ...]

ORIGINAL = "@devstash"  # first item of the constant that carries a rewritten function's original code
_CODE = type((lambda: None).__code__)
# Constants that stand for others until the tree is compiled: a tree can hold neither code nor our table. No script
# holds such a constant, as nobody can know it.
_TOKEN = os.urandom(16).hex()
_BOOT = f"{_TOKEN} boot"
_GIVEN = {name: f"{_TOKEN} {name}" for name in ("file", "root", "core", "rest", "sites", "warns", "foreseen")}

# Runs before the script's first line, in a namespace of its own; the names of `_GIVEN` are given.
_BOOT_SOURCE = """\
import sys
def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "devstash"]:
        del sys.modules[name]
def start():
    paths = sys.path[:]
    del sys.path[:1]  # there is nothing to import in the folder of byte-code
    try:
        with open(core, "rb") as file:
            exec(__import__("marshal").loads(file.read()), {"root": root, "rest": rest})
    except FileNotFoundError:  # some cleaner of old files has been there
        sys.path[:] = paths
        return plain()
    finally:
        sys.path[:] = paths
    return sys.modules["devstash.start"]
def plain():
    sys.path.insert(0, root)
    try:
        from devstash import start
    finally:
        sys.path.remove(root)
    return start
forget()
try:
    start = start()
except Exception:  # byte-code of ours is broken, after a power cut perhaps: the sources will do
    import os
    kept = os.path.join(root, "devstash", "__pycache__")
    for name in os.listdir(kept):
        os.unlink(os.path.join(kept, name))
    forget()
    start = plain()
start.begin(file, sites, warns, foreseen)
"""


def _lines(source: bytes) -> list[str] | None:
    """The script's lines as Python reads them, or None when every character is one byte."""
    if source.isascii():
        return None
    from importlib.util import decode_source

    return decode_source(source).split("\n")


def _statements(text: str, plan: dict[str, Any]) -> list[str]:
    """The lines of the statements with markers."""
    lines = text.split("\n")
    return ["\n".join(lines[site["span"][0] - 1 : site["span"][2]]) for site in plan["sites"]]


def _nested(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, _CODE)]


def _with_originals(code: CodeType, original: CodeType) -> CodeType:
    """`code` with each rewritten function carrying its original as a last, unused constant.

    Fingerprints are taken from the originals, so that neither a marker nor a site's number counts as code.
    """
    fresh = _nested(code)
    before = _nested(original)
    if len(fresh) != len(before):
        fresh = _matching(fresh, before)
    pairs = {id(new): _carrying(new, old) for new, old in zip(fresh, before)}
    constants = tuple(pairs.get(id(c), c) if isinstance(c, _CODE) else c for c in code.co_consts)
    return code.replace(co_consts=constants)


def _carrying(code: CodeType, original: CodeType) -> CodeType:
    if code.co_name != original.co_name:
        raise Untouchable("its functions were not found again")
    inner = _with_originals(code, original)
    if inner.co_code == original.co_code and inner.co_consts == original.co_consts:
        return inner
    return inner.replace(co_consts=(*inner.co_consts, (ORIGINAL, original)))


def _matching(fresh: list[CodeType], before: list[CodeType]) -> list[CodeType]:
    """The members of `fresh` that stand for those of `before`; a `key=` expression may have brought others."""
    found = []
    rest = iter(fresh)
    for original in before:
        wanted = (original.co_name, original.co_firstlineno, original.co_varnames[: original.co_argcount])
        for code in rest:
            if (code.co_name, code.co_firstlineno, code.co_varnames[: code.co_argcount]) == wanted:
                found.append(code)
                break
        else:
            raise Untouchable("its functions were not found again")
    return found


def compile_script(source: bytes, filename: str, plan: dict[str, Any], optimize: int, root: str, core: str) -> CodeType:
    """The script's main code with every site of `plan` rewritten; `core` is the file that bundle.py made.

    Raises SyntaxError where Python itself refuses the script, Untouchable where we do.
    """
    code, sites, warns = _compiled(source, filename, plan, optimize, is_script=True)
    boot = compile(_BOOT_SOURCE, "<devstash>", "exec", dont_inherit=True)
    given: dict[str, Any] = {
        _BOOT: boot,
        _GIVEN["file"]: filename,
        _GIVEN["root"]: root,
        _GIVEN["core"]: core,
        _GIVEN["rest"]: rest_beside(core),
        _GIVEN["sites"]: sites,
        _GIVEN["warns"]: warns,
    }
    text = source.decode("utf-8", "replace")
    given[_GIVEN["foreseen"]] = foreseen(code, sites, text, _statements(text, plan))
    constants = tuple(given.get(c, c) if isinstance(c, str) else c for c in code.co_consts)
    return code.replace(co_consts=constants)


def compile_module(
    source: bytes, filename: str, plan: dict[str, Any], optimize: int, builtin: str
) -> tuple[CodeType, Sites]:
    """The code of an imported module with every site of `plan` rewritten, to be executed where `builtin` is the name of
    the builtin for its sites; and the table of these.

    Raises SyntaxError where Python itself refuses the source, Untouchable where we do.
    """
    code, sites, _ = _compiled(source, filename, plan, optimize, is_script=False)
    return _renamed(code, builtin), sites


def _renamed(code: CodeType, builtin: str) -> CodeType:
    """The code with another name for the builtin. The originals that it carries know none."""
    constants = tuple(_renamed(c, builtin) if isinstance(c, _CODE) else c for c in code.co_consts)
    return code.replace(
        co_consts=constants, co_names=tuple(builtin if name == BUILTIN else name for name in code.co_names)
    )


def _compiled(
    source: bytes, filename: str, plan: dict[str, Any], optimize: int, is_script: bool
) -> tuple[CodeType, Sites, bool]:
    """The rewritten code, with tokens for what a script's prologue is given; its sites; whether compiling it warns."""
    import warnings

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        original = compile(source, filename, "exec", dont_inherit=True, optimize=optimize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags = _ast.PyCF_ONLY_AST
        tree: _ast.Module = compile(source, filename, "exec", flags, dont_inherit=True)
        rewriter = Rewriter(plan, _lines(source))
        rewriter.rewrite(tree)
        if is_script:
            insert_prologue(tree, _BOOT, _GIVEN)
        code = compile(tree, filename, "exec", dont_inherit=True, optimize=optimize)
    return _with_originals(code, original), rewriter.table(), bool(seen)
