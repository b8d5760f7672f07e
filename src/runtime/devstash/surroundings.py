"""What a call does to what surrounds it: restored by a hit, or a condition of it, or a reason not to keep the call.

- Restored: the working folder and environment variables that the call changed, and the state of the generators behind
  `random` and `numpy.random`.
- A condition: a call that draws from these generators gives what it gave only where they are in the state they were
  in. That holds for programs that seed them. In one that does not, every run has another state, and nobody expects the
  same numbers; the call may be any of its runs. Whether a program seeds is read off its code.
- A reason not to keep the call: settings that only the process knows of.
"""

from __future__ import annotations

import sys
import time
from _blake2 import blake2b

from . import origin, variables
from .ambient import decimal_context, locale
from .encode import DIGEST
from .facts import original
from .kinds import CodeType, FunctionType, ModuleType
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import FrameType
    from typing import Any

# Of a generator's module, and of packages that seed all generators there are.
_SEEDS = ("seed", "setstate", "set_state")
_SEEDERS = ("seed_everything", "set_seed", "set_random_seed", "manual_seed", "seed_all")


# --- generators of random numbers -----------------------------------------------------------------------------------


def _states() -> dict[str, Any]:
    """The states of the generators that are loaded, by the names of their modules."""
    found: dict[str, Any] = {}
    module: Any = sys.modules.get("random")
    if isinstance(module, ModuleType) and hasattr(module, "getstate"):
        found["random"] = module.getstate()
    module = sys.modules.get("numpy.random")
    if isinstance(module, ModuleType) and hasattr(module, "get_state"):
        found["numpy.random"] = module.get_state(legacy=False)
    return found


def _digest_of(state: Any) -> str:
    parts = (
        state if isinstance(state, tuple) else (state["bit_generator"], state["state"]["key"].tobytes(), *_rest(state))
    )
    return blake2b(repr(parts).encode(), digest_size=DIGEST).hexdigest()


def _rest(state: dict[str, Any]) -> tuple[Any, ...]:
    return state["state"]["pos"], state["has_gauss"], state["gauss"]


def seeds() -> bool:
    """Whether code of the project seeds a generator, or sets its state, as far as its text tells."""
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or origin.of_namespace(vars(module)) != origin.PROJECT:
            continue
        if any(_seeds(code) for code in _codes(module)):
            return True
    return any(_seeds(body) for body in _bodies())


def _bodies() -> list[CodeType]:
    """The code of the modules of the project that are being run: a module's body is known by its frame alone."""
    from .threads import frames_of_others

    found = []
    for frame in (sys._getframe(1), *frames_of_others()):
        walked: FrameType | None = frame
        while walked is not None:
            body = walked.f_code
            if body.co_name == "<module>" and origin.of_namespace(walked.f_globals) == origin.PROJECT:
                found.append(body)
            walked = walked.f_back
    return found


def _codes(module: ModuleType) -> Iterator[CodeType]:
    """The code of the functions and methods that a module defines."""
    for value in list(vars(module).values()):
        if isinstance(value, FunctionType):
            yield value.__code__
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for member in list(vars(value).values()):
                inner = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(inner, FunctionType):
                    yield inner.__code__


def _seeds(code: CodeType) -> bool:
    """Whether a name or a text of the code is one that seeds. `args.seed` is taken for one, too: that costs a call that
    draws from a generator a hit, and only in a program that leaves it unseeded."""
    code = original(code)
    for name in code.co_names:
        if name in _SEEDERS or name in _SEEDS:
            return True
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if _seeds(constant):
                return True
        elif type(constant) is str and constant in _SEEDS:
            return True
    return False


class Surroundings:
    """What surrounds a call, as it is before it; `names` are those that its code uses."""

    def __init__(self, names: frozenset[str]) -> None:
        self._states = _states()
        self._variables = dict(variables.raw())
        self._names = names
        self._process = _process(names)
        self._modules = list(sys.modules)
        try:
            self._folder = os.getcwd()
        except OSError:
            self._folder = ""

    def settle(self) -> None:
        """The call is about to begin: modules that are loaded from now on are its own."""
        self._modules = list(sys.modules)

    def refusal(self) -> str | None:
        """What the call has set that only the process knows of, or None."""
        now = _process(self._names)
        before = self._modules
        if len(sys.modules) != len(before) and _others(sys.modules) != _others(before):
            # Packages that come to be imported set some of these for themselves.
            for name in _OF_IMPORTS:
                now.pop(name, None)
        for name, value in now.items():
            if name in self._process and self._process[name] != value:
                return f"the call changes {name}, which a hit would not bring about"
        return None

    def effects(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the call did to them: the members for the manifest, and the states of generators to be stored."""
        members: dict[str, Any] = {}
        states: dict[str, Any] = {}
        conditions: dict[str, Any] = {}
        now = _states()
        for name, state in now.items():
            before = self._states.get(name)
            digest = None if before is None else _digest_of(before)
            if digest == _digest_of(state):
                continue
            if before is None and not seeds():
                continue  # the call was the first to load it, and what it drew nobody can foretell
            conditions[name] = [digest, seeds()]
            states[name] = state
        if conditions:
            members["random"] = conditions
        before, after = self._variables, variables.raw()
        if before != after:
            text = os.fsdecode
            changed_to: dict[str, Any] = {
                text(name): text(value) for name, value in after.items() if before.get(name) != value
            }
            changed_to.update((text(name), None) for name in before if name not in after)
            members["environ"] = changed_to
        try:
            folder = os.getcwd()
        except OSError:
            folder = ""
        if folder != self._folder:
            members["cwd"] = folder
        return members, states


def _others(names: Collection[str]) -> int:
    """How many modules these are, our own left out."""
    return sum(not name.startswith("devstash") for name in list(names))


def _process(names: frozenset[str]) -> dict[str, Any]:
    """Settings of the process by the words for them; what only changes can tell is asked where `names` speak of it."""
    found: dict[str, Any] = {
        "the recursion limit": sys.getrecursionlimit(),
        "the switch interval": sys.getswitchinterval(),
    }
    found["the decimal context"] = decimal_context()
    found["the locale"] = locale()
    found["the time zone"] = time.tzname, time.timezone
    if "umask" in names:
        found["the mask of modes"] = _umask()
    warnings: Any = sys.modules.get("warnings")
    found["the filters of warnings"] = list(map(id, getattr(warnings, "filters", ())))
    atexit: Any = sys.modules.get("atexit")
    found["what is done at exit"] = atexit._ncallbacks() if atexit is not None else 0
    for name in ("stdin", "stdout", "stderr", "excepthook", "displayhook"):
        found[f"sys.{name}"] = id(getattr(sys, name, None))
    signal: Any = sys.modules.get("_signal") if "signal" in sys.modules else None
    if signal is not None:
        handlers = [signal.getsignal(number) for number in range(1, signal.NSIG) if number not in _UNASKED]
        found["a signal handler"] = list(map(id, handlers))
    logging: Any = sys.modules.get("logging")
    manager = getattr(getattr(logging, "root", None), "manager", None)
    if manager is not None:
        found["the root logger"] = _settings(logging.root), manager.disable
        for name, logger in list(manager.loggerDict.items()):
            if hasattr(logger, "handlers"):
                found[f"the logger `{name}`"] = _settings(logger)
    return found


def _umask() -> int:
    """The mask of modes, which can only be read by setting it: for that moment to one that opens nothing to others."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_OF_IMPORTS = ("the filters of warnings", "what is done at exit", "a signal handler", "sys.excepthook")
_UNASKED = (9, 19, 32, 33)  # nobody can handle these


def _settings(logger: Any) -> tuple[Any, ...]:
    return logger.level, logger.disabled, logger.propagate, [id(one) for one in (*logger.handlers, *logger.filters)]


def is_there(folder: str) -> bool:
    """Whether a folder is there to work in."""
    return os.path.isdir(folder) and os.access(folder, os.X_OK)


def differs(conditions: dict[str, Any]) -> str | None:
    """Why numbers drawn in this run would be others than those recorded, or None.

    A condition is the digest of the state before the call (None if the module was not loaded), and whether the program
    seeded.
    """
    now = _states()
    for name, (before, seeded) in conditions.items():
        state = now.get(name)
        if (None if state is None else _digest_of(state)) == before:
            continue
        if seeded or seeds():
            return f"the state of `{name}` is another one"
    return None


def restore(members: dict[str, Any], states: dict[str, Any]) -> None:
    """Bring about what the call did. Raises OSError when the working folder is gone."""
    now = _states()
    befores = members.get("random", {})
    if "cwd" in members:
        os.chdir(members["cwd"])
    for name, value in members.get("environ", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for name, state in states.items():
        held = now.get(name)
        if (None if held is None else _digest_of(held)) != befores[name][0]:
            continue  # an unseeded program: one state is as good as another
        module: Any = __import__(name, fromlist=["_"])
        (module.setstate if name == "random" else module.set_state)(state)
