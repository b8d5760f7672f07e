"""Plan and script in, byte-code file out, and on to the script.

Run by the launcher as a program of its own (through rewrite.py, so that this file's byte-code is used) in the
interpreter that is to run the script:

    INTERPRETER -I -S -B rewrite.py PLAN PYC CO_FILENAME OPTIMIZE N FLAG*N SCRIPT ARG...

It has the script compiled (compiling.py), writes the byte-code file and becomes `INTERPRETER FLAG... PYC ARG...`.
CPython runs a byte-code file as the main module without any frame below it, so nothing of ours stands in a traceback.
"""

from __future__ import annotations

import os
import sys

from .compiling import compile_script
from .tree import VERSION, Untouchable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType


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
