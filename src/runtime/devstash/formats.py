"""A value as the bytes of another format: JSON, NumPy's array file, CSV, Parquet, a plain pickle.

Nothing is changed on the way without being documented (docs/cli.md): what a format has no word for is refused, with the
path to it.
"""

from __future__ import annotations

import json
import pickle
import sys
from io import BytesIO, StringIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Unsayable(Exception):
    """A value that cannot be exported in this way; the text says why, and the way out."""


def _root(value: object) -> str:
    return str(type(value).__module__).partition(".")[0]


def _kind(value: object) -> str:
    """The class of a value, for people."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# --- JSON -------------------------------------------------------------------------------------------------


def to_json(value: Any, for_terminal: bool) -> bytes:
    """JSON, indented. On a terminal, only ASCII: nothing there can move the cursor."""
    text = json.dumps(_plain(value, "value", 0), indent=2, ensure_ascii=for_terminal, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def _plain(value: Any, path: str, depth: int) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if depth > 200:
        raise Unsayable(f"`{path[:60]}…` is nested too deeply for JSON; `--to pkl` has all of it")
    if isinstance(value, float):
        if value - value != 0:
            raise Unsayable(f"`{path}` is {float(value)}, for which JSON has no word; `--to pkl` has it")
        return float(value)
    if isinstance(value, dict):
        found = {_name(name, path): _plain(part, f"{path}[{name!r}]", depth + 1) for name, part in value.items()}
        if len(found) < len(value):
            raise Unsayable(f"`{path}` has a number and its text as keys, which are one in JSON; `--to pkl` has both")
        return found
    if isinstance(value, (list, tuple)) and not hasattr(value, "_asdict"):
        return [_plain(part, f"{path}[{place}]", depth + 1) for place, part in enumerate(value)]
    for turn in (_turned_by_package, _turned_by_kind):
        found = turn(value)
        if found is not value:
            return _plain(found, path, depth + 1)
    raise Unsayable(f"`{path}` is of type `{_kind(value)}`, for which JSON has no word; `--to pkl` has it")


def _name(name: Any, path: str) -> str:
    if type(name) is str:
        return name
    if type(name) is int:
        return str(name)
    raise Unsayable(f"`{path}` has a key of type `{_kind(name)}`, and JSON has only texts; `--to pkl` has it")


def _turned_by_package(value: Any) -> Any:
    root = _root(value)
    if root == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if root == "pandas":
        if hasattr(value, "to_dict") and hasattr(value, "columns"):
            return _without_gaps(value).to_dict("records")
        if hasattr(value, "tolist") and hasattr(value, "index"):
            return _without_gaps(value).tolist()
    if root == "polars":
        if hasattr(value, "to_dicts"):
            return value.to_dicts()
        if hasattr(value, "to_list"):
            return value.to_list()
    if root == "pyarrow" and hasattr(value, "to_pylist"):
        return value.to_pylist()
    if root == "torch" and hasattr(value, "tolist"):
        return value.tolist()
    return value


def _without_gaps(frame: Any) -> Any:
    """A frame with None where a value is missing, as JSON has it."""
    frame = frame.astype(object)
    return frame.where(frame.notna(), None)


def _turned_by_kind(value: Any) -> Any:
    if hasattr(type(value), "model_dump"):  # pydantic, and what openai and anthropic give
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(type(value), "_member_map_"):
        return value.value
    module = type(value).__module__
    if (
        module == "datetime"
        and hasattr(value, "isoformat")
        or module.startswith("pandas")
        and hasattr(value, "isoformat")
    ):
        return value.isoformat()
    if module in ("decimal", "uuid", "pathlib", "pathlib._local"):
        return str(value)
    return value


# --- arrays -----------------------------------------------------------------------------------------------


def to_npy(value: Any, for_terminal: bool) -> bytes:
    """NumPy's array file, which `numpy.load` reads without pickle."""
    numpy = _needed("numpy", "npy")
    held = value
    try:
        if _root(value) == "torch":
            held = value.detach().cpu().numpy()
        elif hasattr(value, "to_numpy"):
            held = value.to_numpy()
        array = numpy.asarray(held)
    except Exception as error:
        raise Unsayable(f"a value of type `{_kind(value)}` is no array: {error}") from None
    if array.dtype.hasobject:
        raise Unsayable(
            f"a value of type `{_kind(value)}` is no array of numbers or texts; `--to json` or `--to pkl` may do"
        )
    out = BytesIO()
    numpy.save(out, array, allow_pickle=False)
    return out.getvalue()


# --- tables -----------------------------------------------------------------------------------------------


def to_csv(value: Any, for_terminal: bool) -> bytes:
    """CSV in UTF-8, with a line of names where there are such."""
    root = _root(value)
    if root == "pandas" and hasattr(value, "to_csv"):
        return str(value.to_csv(index=not _is_counted(value))).encode("utf-8", "backslashreplace")
    if root == "polars" and hasattr(value, "to_frame"):
        value = value.to_frame()
    if root == "polars" and hasattr(value, "write_csv"):
        return str(value.write_csv()).encode()
    if root == "pyarrow" and hasattr(value, "to_pylist") and hasattr(value, "column_names"):
        value = value.to_pylist()
    elif root == "numpy" and getattr(value, "ndim", 0) in (1, 2):
        value = value.tolist()
    return _written(value).encode("utf-8", "backslashreplace")


def _is_counted(frame: Any) -> bool:
    """Whether rows have no names but their numbers."""
    return type(frame.index).__name__ == "RangeIndex" and frame.index.name is None


def _written(value: Any) -> str:
    import csv

    out = StringIO()
    if not isinstance(value, (list, tuple)) or not value:
        raise Unsayable(f"a value of type `{_kind(value)}` is no table; `--to json` or `--to pkl` may do")
    writer = csv.writer(out, lineterminator="\n")
    if all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        writer.writerow(names)
        writer.writerows(
            [_field(row.get(name), f"value[{place}][{name!r}]") for name in names] for place, row in enumerate(value)
        )
    elif all(isinstance(row, (list, tuple)) for row in value):
        writer.writerows([_field(part, f"value[{place}]") for part in row] for place, row in enumerate(value))
    else:
        writer.writerows([_field(part, f"value[{place}]")] for place, part in enumerate(value))
    return out.getvalue()


def _field(value: Any, path: str) -> Any:
    if isinstance(value, (dict, list, tuple, set, bytes)):
        raise Unsayable(f"`{path}` is of type `{_kind(value)}`, which is no field of a table; `--to json` may do")
    return value


def to_parquet(value: Any, for_terminal: bool) -> bytes:
    """Parquet."""
    root = _root(value)
    out = BytesIO()
    try:
        if root == "pandas" and hasattr(value, "to_frame"):
            value = value.to_frame(value.name if value.name is not None else "value")
        if root == "pandas" and hasattr(value, "to_parquet"):
            value.to_parquet(out)
        elif root == "polars":
            (value.to_frame() if hasattr(value, "to_frame") else value).write_parquet(out)
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            pyarrow = _needed("pyarrow", "parquet")
            _needed("pyarrow.parquet", "parquet").write_table(pyarrow.Table.from_pylist(value), out)
        elif root == "pyarrow" and hasattr(value, "schema"):
            _needed("pyarrow.parquet", "parquet").write_table(value, out)
        else:
            raise Unsayable(f"a value of type `{_kind(value)}` is no table; `--to json` or `--to pkl` may do")
    except Unsayable:
        raise
    except ImportError:
        raise Unsayable(_missing("pyarrow", "parquet")) from None
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise Unsayable(f"this table cannot be written as parquet: {type(error).__name__}: {first}") from None
    return out.getvalue()


def _needed(name: str, form: str) -> Any:
    """A package that a format needs. Raises `Unsayable` where it is not there."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise Unsayable(_missing(name.partition(".")[0], form)) from None


def _missing(name: str, form: str) -> str:
    return (
        f"`--to {form}` needs the package `{name}`, which `{sys.executable}` does not have; install it there, or "
        "choose another interpreter with `--python`"
    )


# --- pickles ----------------------------------------------------------------------------------------------


def to_pickle(value: Any, for_terminal: bool) -> bytes:
    """A plain pickle of the value."""
    return pickled(value)


def pickled(value: Any) -> bytes:
    """A pickle of the value, by cloudpickle or dill where only they can."""
    try:
        return pickle.dumps(value, protocol=5)
    except Exception as error:
        for name in ("cloudpickle", "dill"):
            if name in sys.modules:
                try:
                    return bytes(sys.modules[name].dumps(value, protocol=5))
                except Exception:
                    continue
        raise Unsayable(f"cannot pickle it: {type(error).__name__}: {error}") from None


FORMATS: dict[str, Callable[[Any, bool], bytes]] = {
    "csv": to_csv,
    "json": to_json,
    "npy": to_npy,
    "parquet": to_parquet,
    "pkl": to_pickle,
}
