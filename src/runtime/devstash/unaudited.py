"""Files that packages open in C or Rust, of which the interpreter tells no audit hook.

The table says which functions of which packages are given the path of a file, and what they do with it. From Python
3.12 on those that are written in Python are noticed as they start (`sys.monitoring`), whoever holds them; nothing
about them changes. Others, and all of them before 3.12, have stand-ins wherever the package itself and the modules of
the project name them, while a record is active.
"""

from __future__ import annotations

import sys
from _frozen_importlib_external import SourceFileLoader
from types import FunctionType

from . import audit, origin, record
from .contents import path_text
from .glances import digest_of_names, matching
from .places import below
from .quiet import Quiet, is_quiet
from .record import clean
from .signals import let_through
from .system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

#: What is read, what is written anew, and what depends on the argument `mode`, which follows the path.
_READ, _WRITE, _MODE = "r", "w", "mode"
_LONGEST = 4096
#: More files than this below one folder that is read are not looked at.
_MOST = 20_000
_FOLDER = 0o040000

# Module: names in it, each with the argument that is the path, its position, and what is done.
_TABLE: dict[str, dict[str, tuple[str, int, str]]] = {
    "pyarrow": {
        "OSFile": ("path", 0, _MODE),
        "MemoryMappedFile": ("path", 0, _MODE),
        "memory_map": ("path", 0, _MODE),
        "create_memory_map": ("path", 0, _WRITE),
        "input_stream": ("source", 0, _READ),
        "output_stream": ("source", 0, _WRITE),
    },
    "pyarrow.csv": {
        "read_csv": ("input_file", 0, _READ),
        "open_csv": ("input_file", 0, _READ),
        "write_csv": ("output_file", 1, _WRITE),
        "CSVWriter": ("sink", 0, _WRITE),
    },
    "pyarrow.json": {"read_json": ("input_file", 0, _READ), "open_json": ("input_file", 0, _READ)},
    "pyarrow.parquet.core": {
        "ParquetFile.__init__": ("source", 1, _READ),
        "ParquetDataset.__init__": ("path_or_paths", 1, _READ),
        "ParquetWriter.__init__": ("where", 1, _WRITE),
        "read_table": ("source", 0, _READ),
        "read_metadata": ("where", 0, _READ),
        "read_schema": ("where", 0, _READ),
        "write_table": ("where", 1, _WRITE),
        "write_metadata": ("where", 1, _WRITE),
        "write_to_dataset": ("root_path", 1, _WRITE),
    },
    "pyarrow.dataset": {
        "dataset": ("source", 0, _READ),
        "parquet_dataset": ("metadata_path", 0, _READ),
        "write_dataset": ("base_dir", 1, _WRITE),
    },
    "pyarrow.feather": {
        "read_table": ("source", 0, _READ),
        "read_feather": ("source", 0, _READ),
        "write_feather": ("dest", 1, _WRITE),
    },
    "pyarrow.orc": {"ORCFile.__init__": ("source", 1, _READ), "ORCWriter.__init__": ("where", 1, _WRITE)},
    "pyarrow.ipc": {
        "open_file": ("source", 0, _READ),
        "open_stream": ("source", 0, _READ),
        "new_file": ("sink", 0, _WRITE),
        "new_stream": ("sink", 0, _WRITE),
    },
    "polars": {
        **{
            f"{verb}_{kind}": ("source", 0, _READ)
            for verb in ("read", "scan")
            for kind in ("csv", "parquet", "ipc", "ndjson", "json", "avro", "ipc_stream", "lines", "excel", "ods")
        },
        "read_csv_batched": ("source", 0, _READ),
        "read_ipc_schema": ("source", 0, _READ),
        "read_parquet_schema": ("source", 0, _READ),
        "read_parquet_metadata": ("source", 0, _READ),
        **{
            f"DataFrame.write_{kind}": ("file", 1, _WRITE)
            for kind in ("csv", "parquet", "ipc", "ipc_stream", "json", "ndjson", "avro")
        },
        **{f"LazyFrame.sink_{kind}": ("path", 1, _WRITE) for kind in ("csv", "parquet", "ipc", "ndjson")},
    },
    "cv2": {
        "imread": ("filename", 0, _READ),
        "imreadmulti": ("filename", 0, _READ),
        "imwrite": ("filename", 0, _WRITE),
        "VideoCapture": ("filename", 0, _READ),
        "VideoWriter": ("filename", 0, _WRITE),
    },
    "h5py._hl.files": {"File.__init__": ("name", 1, _MODE)},
    "netCDF4": {"Dataset": ("filename", 0, _MODE)},
    "soundfile": {"SoundFile.__init__": ("file", 1, _MODE)},
}

_monitoring: Any = getattr(sys, "monitoring", None)
_tool = -1
#: What is noticed as it starts: code, and what the table says of it.
_started: dict[CodeType, tuple[str, str]] = {}
#: Stand-ins by the name of the module in the table, then by the function or class.
_stand_ins: dict[str, dict[int, tuple[Any, Any]]] = {}
#: Where stand-ins are put: a namespace (or a class), a name, what stands there, what is put there.
_seats: list[tuple[Any, str, Any, Any]] = []
#: How many modules were loaded when the seats were looked for.
_loaded = -1


def put() -> None:
    """Notice from now on what the loaded packages of the table open."""
    global _loaded
    for name in _TABLE:
        if name in sys.modules and name not in _stand_ins and not _is_loading(name):
            _learn(name)
    if any(_stand_ins.values()):
        if _loaded != len(sys.modules):
            _find_seats()
        for holder, name, plain, stand_in in _seats:
            _seat(holder, name, plain, stand_in)


def take() -> None:
    """Undo `put`. What is noticed as it starts stays so, and says nothing while no record is active."""
    for holder, name, plain, stand_in in _seats:
        _seat(holder, name, stand_in, plain)
    if sys.meta_path and type(sys.meta_path[0]) is _Finder:  # nobody has searched
        del sys.meta_path[0]


def importing(name: str) -> None:
    """A module is about to be imported while a record is active."""
    if name in _TABLE and name not in sys.modules and not any(type(finder) is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds one module as the others do and lets it be looked at when it is loaded. It is there for one search."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            search = getattr(finder, "find_spec", None)
            spec = None if search is None else search(name, path, target)
            if spec is not None:
                if name in _TABLE and type(spec.loader) is SourceFileLoader:
                    spec.loader.__class__ = _Loader
                return spec
        return None


class _Loader(SourceFileLoader):
    """Loads one module as an ordinary loader, which it becomes."""

    def exec_module(self, module: Any) -> None:
        self.__class__ = SourceFileLoader  # type: ignore[assignment]
        self.exec_module(module)
        name = module.__name__
        try:
            if name not in _stand_ins and sys.modules.get(module.__name__) is module:
                _learn(name)
            if record.live:
                put()
        except Exception as error:
            _failed(error)


def _is_loading(name: str) -> bool:
    return bool(getattr(getattr(sys.modules[name], "__spec__", None), "_initializing", False))


def _learn(name: str) -> None:
    """Look up what the table names in a loaded module."""
    module = sys.modules[name]
    found: dict[int, tuple[Any, Any]] = {}
    for path, (argument, position, does) in _TABLE[name].items():
        holder: Any = module
        *outer, last = path.split(".")
        for part in outer:
            holder = getattr(holder, part, None)
        plain = getattr(holder, last, None) if not outer else vars(holder).get(last) if holder is not None else None
        if plain is None:
            continue
        inner = plain
        while hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        if type(inner) is FunctionType and _monitor(inner.__code__, argument, does):
            continue
        stand_in = _class(plain, position, argument, does) if isinstance(plain, type) else None
        if stand_in is None:
            stand_in = _function(plain, position, argument, does)
        if outer:
            _seats.append((holder, last, plain, stand_in))
            found[id(plain)] = (None, None)
        else:
            found[id(plain)] = (plain, stand_in)
    _stand_ins[name] = found
    global _loaded
    _loaded = -1


def _find_seats() -> None:
    """Find where the package and the project name what has a stand-in."""
    global _loaded
    _loaded = len(sys.modules)
    wanted = {number: pair for found in _stand_ins.values() for number, pair in found.items() if pair[0] is not None}
    _seats[:] = [seat for seat in _seats if isinstance(seat[0], type)]
    roots = {name.partition(".")[0] for name, found in _stand_ins.items() if found}
    for name, module in list(sys.modules.items()):
        space = getattr(module, "__dict__", None)
        if type(space) is not dict:
            continue
        if name.partition(".")[0] in roots or origin.of_namespace(space) == origin.PROJECT:
            for key, value in list(space.items()):
                pair = wanted.get(id(value))
                if pair is not None:
                    _seats.append((space, key, *pair))


def _seat(holder: Any, name: str, there: Any, new: Any) -> None:
    """Put `new` where `there` stands, if it still does."""
    if isinstance(holder, type):
        if vars(holder).get(name) is there:
            setattr(holder, name, new)
    elif holder.get(name) is there:
        holder[name] = new


# --- noticing ---------------------------------------------------------------------------------------------------


def _monitor(code: CodeType, argument: str, does: str) -> bool:
    global _tool
    if _monitoring is None or argument not in code.co_varnames:
        return False
    if _tool < 0:
        for number in (4, 3):
            if _monitoring.get_tool(number) is None:
                _monitoring.use_tool_id(number, "devstash")
                _monitoring.register_callback(number, _monitoring.events.PY_START, _start)
                _tool = number
                break
        else:
            return False
    _started[code] = (argument, does)
    _monitoring.set_local_events(_tool, code, _monitoring.events.PY_START)
    return True


def _start(code: CodeType, offset: int) -> None:
    if record.live:
        try:
            argument, does = _started[code]
            given = sys._getframe(1).f_locals
            _note(given.get(argument), given.get("mode") if does == _MODE else does)
        except Exception as error:
            _failed(error)


def _function(plain: Any, position: int, argument: str, does: str) -> Any:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        _given(args, kwargs, position, argument, does)
        try:
            return plain(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ is not None else None
            raise

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(stand_in, name, getattr(plain, name))
        except (AttributeError, TypeError):
            pass
    stand_in.__wrapped__ = plain  # type: ignore[attr-defined]
    return stand_in


def _class(plain: Any, position: int, argument: str, does: str) -> Any:
    """A class that makes instances of `plain`, and takes them for its own."""

    class Kind(type(plain)):  # type: ignore[misc]
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is not stand_in:
                return super().__call__(*args, **kwargs)
            _given(args, kwargs, position, argument, does)
            return plain(*args, **kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, plain) if cls is stand_in else super().__instancecheck__(instance)

        def __subclasscheck__(cls, kind: Any) -> bool:
            return issubclass(kind, plain) if cls is stand_in else super().__subclasscheck__(kind)

    try:
        stand_in = Kind(plain.__name__, (plain,), {"__module__": plain.__module__, "__doc__": plain.__doc__})
    except TypeError:  # it cannot be derived from
        return None
    stand_in.__qualname__ = plain.__qualname__
    return stand_in


def _given(args: tuple[Any, ...], kwargs: dict[str, Any], position: int, argument: str, does: str) -> None:
    if not record.live:
        return
    try:
        path = kwargs[argument] if argument in kwargs else args[position] if len(args) > position else None
        if does == _MODE:
            does = kwargs["mode"] if "mode" in kwargs else args[position + 1] if len(args) > position + 1 else "r"
        _note(path, does)
    except Exception as error:
        _failed(error)


def _failed(error: Exception) -> None:
    let_through(error)
    for holder in list(record.live.values()):
        holder.refuse(f"what a package opens cannot be followed: {type(error).__name__}: {error}")


# --- notes ------------------------------------------------------------------------------------------------------


def _note(given: Any, mode: Any) -> None:
    holders = record.records()
    if not holders or is_quiet() or given is None:
        return
    if isinstance(given, (list, tuple, set, frozenset)):
        for part in given:
            _note(part, mode)
        return
    if hasattr(type(given), "__fspath__"):
        given = os.fspath(given)
    mode = mode if type(mode) is str and mode else "r"
    if isinstance(given, bytes):  # a path, or data
        if len(given) > _LONGEST or b"\0" in given or (mode[0] == "r" and not os.path.lexists(given)):
            return
        given = os.fsdecode(given)
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST or "\n" in given or "\0" in given:
        return
    path = str(given)
    if "://" in path:
        if not path.startswith("file://"):
            return
        from urllib.parse import unquote

        path = unquote(path[7:])
    if path[:1] == "~" and not os.path.lexists(path):
        path = os.path.expanduser(path)
    path = clean(path)
    if mode[0] == "r" and "+" not in mode:
        _read(holders, path)
    else:
        _written(holders, path, mode[0] in "wx")


def _written(holders: tuple[record.Record, ...], path: str, whole: bool) -> None:
    full = audit._absolute(path)
    if full is None:
        return
    if os.path.isdir(full):
        for holder in holders:
            if not holder.is_own(holder.name(path)):
                holder.refuse(f"it has a package write into the folder `{path}`, unseen")
    audit._change(holders, full, whole, path)


def _read(holders: tuple[record.Record, ...], path: str) -> None:
    try:
        found: os.stat_result | None = os.stat(path)
    except (OSError, ValueError):
        found = None
    if found is None and any(sign in path for sign in "*?["):
        with Quiet():
            names = matching(path)
        for holder in holders:
            noted = holder.name(path)
            if (noted, "glob") not in holder.looks:
                same = names if noted == path else matching(noted)
                holder.looks[noted, "glob"] = ["glob", path_text(noted), digest_of_names(same)]
        for name in names:
            _read(holders, clean(name))
        return
    if found is not None and found.st_mode & 0o170000 == _FOLDER:
        audit.list_for(holders, path, "kinds")
        with Quiet():
            for number, inner in enumerate(below(path)):
                if number > _MOST:
                    for holder in holders:
                        holder.refuse(f"the folder `{path}`, which a package reads, holds too much")
                    return
                if os.path.isdir(inner):
                    audit.list_for(holders, inner, "kinds")
                else:
                    _read(holders, inner)
        return
    for holder in holders:
        if holder.active:
            name = holder.name(path)
            if name not in holder.reads:
                holder.note_read(name, found)
            elif holder.reads[name] is None:
                holder.note_read_again(name, found)
