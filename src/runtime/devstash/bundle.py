"""The runtime's own byte-code: made once for each interpreter, loaded by every run.

Left to itself Python finds, opens, checks and reads a file for each of our modules, and executes what no run looks at.
So all of them are compiled without docstrings, annotations and `from __future__`, and those that every hit needs (what
start.py imports, and what that imports) lie in one file, the core, in the order in which they are executed: of a run
with one hit that is a seventh of all instructions (callgrind). The others lie in a second file, see bundled.py. Without
these files Python's own way works as ever.
"""

from __future__ import annotations

import ast
import marshal
import os
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

from .bundled import rest_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Callable

# `from __future__ import annotations` as a flag of `compile`, so that nothing has to be imported for it.
_FLAGS = 0x1000000
#: Not among our modules: the program that the launcher starts.
_PROGRAM = "rewrite.py"
#: The modules in the core, with all that they import as they are executed; the first is where a run begins.
_CORE = ("start", "plain", "bundled")

# What the core does when it is executed: `root` is given, and `rest`, where the second file is.
_INSTALL = """\
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader
folder = root + "/devstash"
for name, body in parts:
    file = f"{folder}/{name or '__init__'}.py"
    full = f"devstash.{name}" if name else "devstash"
    module = type(sys)(full)
    space = module.__dict__
    loader = SourceFileLoader(full, file)
    spec = ModuleSpec(full, loader, origin=file)
    space.update(__spec__=spec, __loader__=loader, __file__=file, __package__="devstash")
    sys.modules[full] = module
    if name:
        setattr(package, name, module)
    else:
        package = module
        space["__path__"] = spec.submodule_search_locations = [folder]
    exec(body, space)
package.bundled.stand_for(folder, rest)
"""


def compile_runtime(folder: str, core: str, optimize: int, write: Callable[[str, bytes], None]) -> None:
    """Write the byte-code of all modules in `folder` for this interpreter, and the core last, so that its presence says
    that all the others are there. `write` is given a path and the content.

    The files are marked as not to be checked against their source: the folder is named after the sources' digest.
    """
    optimization = str(optimize) if optimize else ""
    os.makedirs(os.path.dirname(core), 0o700, exist_ok=True)
    codes: dict[str, CodeType] = {}
    trees: dict[str, ast.Module] = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".py") or file == _PROGRAM:
            continue
        path = os.path.join(folder, file)
        with open(path, "rb") as opened:
            source = opened.read()
        name = "" if file == "__init__.py" else file[:-3]
        trees[name] = tree = ast.parse(source, path)
        _bare(tree, public=not name)
        codes[name] = code = compile(tree, path, "exec", _FLAGS, dont_inherit=True, optimize=optimize)
        unchecked = (0b01).to_bytes(4, "little")  # PEP 552: hash-based, source not checked
        data = MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code)
        write(cache_from_source(path, optimization=optimization), data)
    first = _order(trees)
    write(rest_beside(core), _rest({name: marshal.dumps(codes[name]) for name in codes if name and name not in first}))
    parts = tuple((name, codes[name]) for name in ("", *first))
    install = compile("parts = ()\n" + _INSTALL, "<devstash>", "exec", dont_inherit=True)
    install = install.replace(co_consts=tuple(parts if c == () else c for c in install.co_consts))
    write(core, marshal.dumps(install))


def _rest(codes: dict[str, bytes]) -> bytes:
    """The content of the file that bundled.py describes."""
    table = dict.fromkeys(codes, (1 << 30, 1 << 30))
    size = len(marshal.dumps(table, 2))  # numbers of less than 31 bits are all of one size
    place = 8 + size
    for name, code in codes.items():
        table[name] = (place, len(code))
        place += len(code)
    return b"".join((size.to_bytes(8, "little"), marshal.dumps(table, 2), *codes.values()))


def _order(trees: dict[str, ast.Module]) -> list[str]:
    """The modules of the core, each after those that it imports as it is executed."""
    found: list[str] = []

    def visit(name: str) -> None:
        for statement in trees[name].body:
            if isinstance(statement, ast.ImportFrom) and statement.level == 1:
                for other in [statement.module] if statement.module else [alias.name for alias in statement.names]:
                    if other in trees and other not in found:
                        visit(other)
        if name not in found:
            found.append(name)

    for name in _CORE:
        visit(name)
    return found


def _bare(tree: ast.Module, public: bool) -> None:
    """Take out of a module what nothing looks at when it runs; what is `public` keeps its documentation."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if not isinstance(block, list):
                continue
            kept = [statement for statement in block if not _is_idle(statement)]
            if field == "body" and not public and _is_text(kept[:1]) and _has_docstring(node):
                del kept[0]
            if field == "body" and not kept and block:
                kept = [ast.copy_location(ast.Pass(), block[0])]
            setattr(node, field, [_unannotated(statement) for statement in kept])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not public:
            node.returns = None
            every = node.args
            for argument in (*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg):
                if argument is not None:
                    argument.annotation = None


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))


def _is_text(statements: list[ast.stmt]) -> bool:
    return any(
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
        for statement in statements
    )


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement is for type checkers only."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    if isinstance(statement, ast.If):
        test = statement.test
        return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING" and not statement.orelse
    return isinstance(statement, ast.AnnAssign) and statement.value is None


def _unannotated(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        assignment = ast.Assign(targets=[statement.target], value=statement.value, type_comment=None)
        return ast.copy_location(assignment, statement)
    return statement
