"""Before the script's first line: makes the main module what plain Python would have made it, and opens the way in.

The launcher starts `python FLAG... PYC ARG...`; the script must see `python FLAG... SCRIPT ARG...`. What the launcher
knows comes in the environment variable DEVSTASH_RUN, which is gone afterwards.
"""

from __future__ import annotations

import builtins
import os
import sys
from _frozen_importlib_external import SourceFileLoader

from . import call, facts, hook, workers
from .report import Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .facts import Foreseen

VARIABLE = "DEVSTASH_RUN"


def _settings() -> dict[str, str]:
    """The lines `name=value` of DEVSTASH_RUN; in values `%25` and `%0A` stand for `%` and a line end."""
    text = os.environ.pop(VARIABLE, "")
    pairs = (line.partition("=") for line in text.split("\n") if line)
    return {name: value.replace("%0A", "\n").replace("%25", "%") for name, _, value in pairs}


def _restore_main(file: str, settings: dict[str, str]) -> None:
    """Undo all by which the main module could tell that it was started from byte-code."""
    main = sys.modules["__main__"].__dict__
    main["__file__"] = file
    main["__loader__"] = SourceFileLoader("__main__", file)
    script = settings.get("script", file)
    ran = sys.argv[0]
    sys.argv[0] = script
    original = getattr(sys, "orig_argv", None)  # new in 3.10
    if original is not None and ran in original:
        original[original.index(ran)] = script
    safe_path = getattr(sys.flags, "safe_path", False)  # new in 3.11
    if not (safe_path or sys.flags.isolated) and sys.path and "path0" in settings:
        sys.path_importer_cache.pop(sys.path[0], None)
        sys.path[0] = settings["path0"]


def _run_plain(script: str) -> None:
    """Become plain Python running the script as it is; nothing of the script has run yet."""
    arguments = getattr(sys, "orig_argv", None)
    if arguments is None:
        from subprocess import _args_from_interpreter_flags as interpreter_flags  # type: ignore[attr-defined]

        flags = interpreter_flags()
    else:
        flags = arguments[1 : len(arguments) - len(sys.argv)]
    os.execv(sys.executable, [sys.executable, *flags, script, *sys.argv[1:]])


def begin(file: str, sites: tuple[tuple[object, ...], ...], warns: bool, foreseen: Foreseen) -> None:
    """Set the main module right and install the builtin `@devstash` for the sites of `file`.

    `foreseen` is what foreseen.py knows of the code of the main module, whose frame is the second above this one's.
    `warns` says that compiling the script warns: the warnings are issued again, as plain Python does on every run.
    """
    settings = _settings()
    # --- workers: a worker of multiprocessing has read the script in its own way, which is plain Python's
    worker = "worker" in settings
    pyc = settings.get("pyc", "") if worker else os.path.abspath(sys.argv[0])
    if not worker:
        _restore_main(file, settings)
    if warns and not worker:
        try:
            with open(file, "rb") as source:
                compile(source.read(), file, "exec", dont_inherit=True)
        except SyntaxError:  # a filter turns the warning into an error; only Python itself prints it as it should be
            _run_plain(settings.get("script", file))
    reporter = Reporter(settings.get("script", file), int(settings.get("verbosity", "0")))
    if settings.get("explain") == "1":
        from .explaining import Explaining

        reporter = Explaining(reporter.script, reporter.verbosity, settings)
    if "verify" in settings or "offline" in settings or "refresh_pattern" in settings:
        from .modes import calls_of as make_calls
    else:
        make_calls = call.Calls
    calls = make_calls(file, sites, settings, reporter)
    facts.foresee(sys._getframe(2).f_code, [site.code for site in calls.sites], foreseen)
    setattr(builtins, call.BUILTIN, calls)
    if calls.caching:
        hook.watch(calls)
        workers.watch(file, pyc, sites, {**settings, "cache_dir": calls.store.folder})
