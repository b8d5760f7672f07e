"""Plan and script in, byte-code out, and on to the script.

Run by the launcher as a program of its own (through rewrite.py, so that this file's byte-code is used) in the
interpreter that is to run the script:

    INTERPRETER -I -S -B rewrite.py PLAN PYC CO_FILENAME OPTIMIZE N FLAG*N SCRIPT ARG...

It parses the *original* text, has the sites replaced (see tree.py), compiles, writes the byte-code file and becomes
`INTERPRETER FLAG... PYC ARG...`. CPython runs a byte-code file as the main module without any frame below it, so
nothing of ours stands in a traceback.
"""

from __future__ import annotations

import _ast
import os
import sys

from .bundled import rest_beside
from .foreseen import foreseen
from .tree import VERSION, Rewriter, Untouchable, insert_prologue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

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
        insert_prologue(tree, _BOOT, _GIVEN)
        code = compile(tree, filename, "exec", dont_inherit=True, optimize=optimize)
    boot = compile(_BOOT_SOURCE, "<devstash>", "exec", dont_inherit=True)
    given: dict[str, Any] = {
        _BOOT: boot,
        _GIVEN["file"]: filename,
        _GIVEN["root"]: root,
        _GIVEN["core"]: core,
        _GIVEN["rest"]: rest_beside(core),
        _GIVEN["sites"]: rewriter.table(),
        _GIVEN["warns"]: bool(seen),
    }
    code = _with_originals(code, original)
    text = source.decode("utf-8", "replace")
    given[_GIVEN["foreseen"]] = foreseen(code, given[_GIVEN["sites"]], text, _statements(text, plan))
    constants = tuple(given.get(c, c) if isinstance(c, str) else c for c in code.co_consts)
    return code.replace(co_consts=constants)


# --- files and the hand-over ------------------------------------------------------------------------------------


def write_pyc(path: str, code: CodeType) -> None:
    """Write a byte-code file for `code`: complete or absent.

    The header's last field, which nobody reads in a file that is run directly, tells the launcher how long the whole
    file has to be: a power cut may leave less.
    """
    import marshal
    from importlib.util import MAGIC_NUMBER

    data = marshal.dumps(code)
    _write(path, MAGIC_NUMBER + b"\0" * 8 + (len(data) + 16).to_bytes(4, "little") + data)


def _is_whole(pyc: str) -> bool:
    """Whether the byte-code file is there, as long as its header says; the launcher looks at it in the same way."""
    try:
        with open(pyc, "rb") as file:
            told = int.from_bytes(file.read(16)[12:], "little")
            return told == os.fstat(file.fileno()).st_size
    except OSError:
        return False


def _write(path: str, data: bytes) -> None:
    beside = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        try:
            os.unlink(beside)
        except OSError:
            pass
        raise


def _core_file(folder: str, optimize: int) -> str:
    """Where the core for this interpreter lies, see bundle.py; `folder` is the package's."""
    from importlib.util import cache_from_source

    sys.pycache_prefix = None
    return cache_from_source(os.path.join(folder, "core.py"), optimization=str(optimize) if optimize else "")


def _say(message: str) -> None:
    os.write(2, ("devstash: %s\n" % message).encode("utf-8", "backslashreplace"))


def _digest(source: bytes) -> str:
    from _blake2 import blake2b

    return blake2b(source, digest_size=16).hexdigest()


def _own_name(plan_path: str, optimize: int) -> str:
    """The byte-code's path when the launcher could not know which interpreter this would be (a shim)."""
    from _blake2 import blake2b

    seen = os.stat(sys.executable)
    tag = sys.implementation.cache_tag
    told = repr((sys.executable, seen.st_size, seen.st_mtime_ns, tag, sys.hexversion, optimize))
    digest = blake2b(told.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return "%s-%s.pyc" % (plan_path[: -len(".plan")], digest)


def _prepare(plan_path: str, pyc: str, filename: str, optimize: int, script: str) -> str | None:
    """The path of the byte-code to run, or None where the script is to be run as it is."""
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        if pyc == "-":
            pyc = _own_name(plan_path, optimize)
            if _is_whole(pyc):
                return pyc
        core = _core_file(folder, optimize)
        if not os.path.exists(core):
            from .bundle import compile_runtime

            compile_runtime(folder, core, optimize, _write)
        with open(plan_path, encoding="utf-8") as file:
            # JSON without numbers beyond Python's is a Python expression; the json module costs more to import than
            # everything else here takes.
            plan = eval(file.read(), {"__builtins__": {}, "true": True, "false": False, "null": None})
        with open(script, "rb") as file:
            source = file.read()
        if plan.get("unparsed"):
            compile(source, filename, "exec", dont_inherit=True)  # refused by Python too: it will say so itself
            _say("%s: markers are off for this run: %s" % (script, plan["unparsed"]))
            return None
        if _digest(source) != plan["source"]:  # what is kept under the old content's name must be the old content
            raise Untouchable("it was changed just now; run it again")
        code = compile_script(source, filename, plan, optimize, os.path.dirname(folder), core)
        write_pyc(pyc, code)
        return pyc
    except SyntaxError:
        return None
    except Exception as error:
        told = str(error) or type(error).__name__
        if not isinstance(error, Untouchable):
            told = "%s: %s" % (type(error).__name__, told)
        _say("%s: markers are off for this run: %s" % (script, told))
        return None


def _is_python(script: str, filename: str) -> bool:
    """Whether this Python would run the script, and not refuse it."""
    try:
        with open(script, "rb") as file:
            compile(file.read(), filename, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def main(arguments: list[str]) -> None:
    """Rewrite, then become the interpreter that runs the script. Exits 2 where this Python is too old."""
    plan_path, pyc, filename, optimize, count = arguments[:5]
    flags = arguments[5 : 5 + int(count)]
    script, *rest = arguments[5 + int(count) :]
    if VERSION < (3, 9):
        _say(
            "Python %d.%d at `%s` is too old\n\nhint: devstash needs CPython 3.9 or newer; choose one with --python"
            % (*VERSION, sys.executable)
        )
        sys.exit(2)
    ready = _prepare(plan_path, pyc, filename, int(optimize), script)
    told = os.environ.pop("DEVSTASH_RUN", "") if ready is None else ""
    if "\noffline=1" in told and _is_python(script, filename):
        _say("%s: not run, because of --offline: without its markers all of its calls would be made" % script)
        sys.exit(5)
    os.execv(sys.executable, [sys.executable, *flags, script if ready is None else ready, *rest])
