"""A closer look at a value than its one-line preview: made when the value is stored, for `devstash show`.

What it holds depends on what the value is: the head of a frame as a table, the text of a message, the parts of a dict.
It is data for JSON, `None` where the one line says it all:

- `type`: module and name of the value's class;
- `facts`: what there is to know, by name: texts, numbers, lists of numbers (a shape);
- `text`: the beginning of a text;
- `table`: `columns`, `types` and `rows` of texts, the row's own name first;
- `outline`: parts by name, each with a glimpse.

No code of the user's runs: of objects their attributes are read, and methods only of classes that packages known here
have themselves. Secrets are hidden, as in previews.
"""

from __future__ import annotations

import sys
from itertools import islice

from .hiding import HIDDEN, is_one, is_secret, without_secrets
from .pickling import attributes, type_name
from .preview import LENGTH, glimpse, public, says_all
from .signals import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Look = dict[str, Any]

#: No look is longer, in bytes of JSON.
MOST = 4000
# Longest beginning of a text, in characters; longest cell of a table.
_TEXT = 1500
_CELL = 40
_ROWS, _COLUMNS = 5, 12
_OUTLINE = 20
# Numbers shown of an array, and pieces of which the text of a stream is put together.
_NUMBERS = 8
_PIECES = 2000

# Packages whose types of elements run no code of the user's, and modules whose objects are short texts.
_ELEMENTS = ("numpy", "pandas", "pyarrow")
_TOLD = frozenset(("pandas", "datetime", "decimal", "uuid"))


def likeness(value: object, shown: str) -> Look | None:
    """A closer look at `value`, of which the preview is `shown`. Never raises."""
    if says_all(value, shown):
        return None
    kind = type(value)
    try:
        found = _of(value, kind, shown)
        if found is None:
            return None
        found = {"type": type_name(kind), **{name: part for name, part in found.items() if part}}
        return _bounded(found) if len(found) > 1 else None
    except Exception as error:  # another version of a package, say
        let_through(error)
        return None


def _of(value: Any, kind: type, shown: str) -> Look | None:
    if kind is str:
        return {"facts": {"length": f"{_count(len(value))} characters"}, "text": _beginning(value)}
    if kind is bytes or kind is bytearray:
        return {"facts": {"length": f"{_count(len(value))} bytes"}} if len(value) > LENGTH // 2 else None
    if kind is list or kind is dict or kind is tuple or kind is set or kind is frozenset:
        return _container(value, kind, shown)
    root = type_name(kind).partition(".")[0]
    known = _KNOWN.get(root)
    found = known(value, kind) if known is not None and root in sys.modules else None
    if found is None and "…" in shown and "(" in shown:
        found = {"outline": _outline(public(value))}
    return found


def _container(value: Any, kind: type, shown: str) -> Look | None:
    if kind is list and value:
        known = _PIECES_OF.get(type_name(type(value[0])).partition(".")[0])
        text = known(value) if known is not None else ""
        if text:
            return {"facts": {"items": len(value)}, "text": _beginning(text)}
    if "…" not in shown:
        return None
    if kind is dict:
        parts = ((name if type(name) is str else glimpse(name), part) for name, part in value.items())
    else:
        parts = ((str(place), part) for place, part in enumerate(value))
    return {"facts": {"items": len(value)}, "outline": _outline(parts)}


def _outline(parts: Iterable[tuple[str, object]]) -> list[list[str]]:
    return [[_short(name), glimpse(part, name)] for name, part in islice(parts, _OUTLINE)]


# --- arrays and frames ------------------------------------------------------------------------------------


def _numpy(value: Any, kind: type) -> Look | None:
    if not isinstance(value, sys.modules["numpy"].ndarray) or not value.shape:
        return None
    facts: Look = {"shape": list(map(int, value.shape)), "dtype": str(value.dtype)}
    if value.dtype.kind in "biufcMmUS" and value.size:
        # Of a NumPy class: a subclass of the user's is not known by this package.
        first = ", ".join([_cell(part) for part in value.flat[:_NUMBERS].tolist()])
        facts["values"] = first + (", …" if value.size > _NUMBERS else "")
    return {"facts": facts}


def _tensor(value: Any, kind: type) -> Look | None:
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple):
        return None
    facts = {"shape": list(map(int, shape)), "dtype": str(getattr(value, "dtype", ""))}
    return {"facts": {name: part for name, part in facts.items() if part != ""}}


def _pandas(value: Any, kind: type) -> Look | None:
    pandas = sys.modules["pandas"]
    facts: Look = {"shape": list(map(int, value.shape))}
    if kind is pandas.Series:
        head = value.iloc[:_ROWS]
        columns, types = [_name(value.name)], [value.dtype]
    elif kind is pandas.DataFrame:
        head = value.iloc[:_ROWS, :_COLUMNS]
        columns, types = [_name(name) for name in head.columns.tolist()], head.dtypes.tolist()
    else:
        return None
    if not all(type_name(type(element)).partition(".")[0] in _ELEMENTS for element in types):
        return {"facts": facts}  # of elements of the user's own, their code would have to run
    rows = head.astype(object).values.tolist()
    cells = list(zip(*rows)) if kind is pandas.DataFrame else [rows]
    cells = cells or [()] * len(columns)
    index = [_name(label) for label in head.index.tolist()]
    return {"facts": facts, "table": _table(columns, list(map(str, types)), cells, index, _name(head.index.name))}


def _polars(value: Any, kind: type) -> Look | None:
    polars = sys.modules["polars"]
    if kind is polars.Series:
        columns, types, cells = [value.name], [str(value.dtype)], [value.head(_ROWS).to_list()]
    elif kind is polars.DataFrame:
        columns = value.columns[:_COLUMNS]
        types = [str(element) for element in value.dtypes[:_COLUMNS]]
        cells = list(zip(*value.select(columns).head(_ROWS).rows())) or [() for _ in columns]
    else:
        return None
    return {"facts": {"shape": list(map(int, value.shape))}, "table": _table(columns, types, cells)}


def _pyarrow(value: Any, kind: type) -> Look | None:
    if kind.__name__ != "Table":
        return _tensor(value, kind)
    fields = [value.schema.field(place) for place in range(min(_COLUMNS, value.num_columns))]
    cells = [value.column(place).slice(0, _ROWS).to_pylist() for place in range(len(fields))]
    table = _table([field.name for field in fields], [str(field.type) for field in fields], cells)
    return {"facts": {"shape": [value.num_rows, value.num_columns]}, "table": table}


def _table(
    columns: list[str], types: list[str], cells: list[Any], index: list[str] | None = None, name: str = ""
) -> Look | None:
    """The head of a table; `cells` are by column, `index` has the names of its rows."""
    if not columns:
        return None
    shown = []
    for column, parts in zip(columns, cells):
        secret = is_secret(column)
        shown.append([HIDDEN if secret else _cell(part) for part in parts])
    if index is not None:
        columns, types, shown = [name, *columns], ["", *types], [index, *shown]
    return {
        "columns": [_short(column) for column in columns],
        "types": [_short(element) for element in types],
        "rows": [list(row) for row in zip(*shown)],
    }


def _cell(value: object) -> str:
    kind = type(value)
    if kind is str:
        text = HIDDEN if is_one(value) else without_secrets(value[: _CELL + 1])  # type: ignore[arg-type,index]
    elif kind is float:
        text = "%.6g" % value  # type: ignore[str-format]
    elif kind.__module__ in _TOLD or kind.__module__.startswith("pandas."):
        text = str(value)
    else:
        text = glimpse(value)
    return _short(text)


def _name(label: object) -> str:
    """The name of a row or column; a frame's index need not have one."""
    return "" if label is None else _cell(label)


# --- messages ---------------------------------------------------------------------------------------------


def _held(value: object) -> dict[str, Any]:
    return dict(attributes(value))


def _message(value: Any, kind: type) -> Look | None:
    """What a language model has answered: the text, and what it was asked of and cost."""
    held = _held(value)
    facts: Look = {}
    for name in ("model", "stop_reason", "status"):
        if type(held.get(name)) is str:
            facts[name.replace("_", " ")] = _short(held[name])
    usage = held.get("usage")
    if usage is not None:
        tokens = _held(usage)
        given, made = (next((tokens[n] for n in names if type(tokens.get(n)) is int), None) for names in _TOKENS)
        if given is not None and made is not None:
            facts["tokens"] = f"{_count(given)} in, {_count(made)} out"
    text = ""
    if held.get("choices"):
        choice = _held(held["choices"][0])
        if type(choice.get("finish_reason")) is str:
            facts["stop reason"] = choice["finish_reason"]
        message = _held(choice["message"])
        text = message.get("content") or _calls(message.get("tool_calls"))
    elif type(held.get("content")) is list:
        text = _parts(held["content"])
    elif type(held.get("output")) is list:
        text = _parts([part for item in held["output"] for part in _held(item).get("content") or ()])
    elif held.get("data") and "embedding" in _held(held["data"][0]):
        facts["embeddings"] = [len(held["data"]), len(_held(held["data"][0])["embedding"])]
    if not text and not facts:
        return None
    return {"facts": facts, "text": _beginning(text) if type(text) is str else ""}


_TOKENS = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))


def _parts(parts: list[Any]) -> str:
    """The texts of a message's parts, and the names of the tools that it calls."""
    found = []
    for part in parts:
        held = _held(part)
        if type(held.get("text")) is str:
            found.append(held["text"])
        elif held.get("type") == "tool_use":
            found.append(f"calls {held.get('name')}({glimpse(held.get('input'))})")
    return "\n".join(found)


def _calls(calls: Any) -> str:
    found = []
    for call in calls or ():
        function = _held(_held(call)["function"])
        found.append(f"calls {function.get('name')}({function.get('arguments')})")
    return "\n".join(found)


def _pieces(values: list[Any]) -> str:
    """The text that the pieces of a streamed answer make."""
    found = []
    for value in values[:_PIECES]:
        held = _held(value)
        if held.get("choices"):
            text = _held(_held(held["choices"][0]).get("delta")).get("content")
        else:
            delta = held.get("delta")  # of the Responses API it is the text itself
            text = delta if type(delta) is str else _held(delta).get("text") if delta is not None else None
        if type(text) is str:
            found.append(text)
    return "".join(found)


# --- images, responses ------------------------------------------------------------------------------------


def _image(value: Any, kind: type) -> Look | None:
    held = _held(value)
    size, mode = held.get("_size"), held.get("_mode", held.get("mode"))
    if type(size) is not tuple or type(mode) is not str:
        return None
    facts = {"size": f"{size[0]} × {size[1]} pixels", "mode": mode}
    form = getattr(kind, "format", None)
    return {"facts": {**facts, "format": form} if type(form) is str else facts}


def _response(value: Any, kind: type) -> Look | None:
    """An HTTP response of requests or httpx."""
    if kind.__name__ != "Response":
        return None
    held = _held(value)
    reason = held.get("reason")
    content = held.get("_content")
    facts: Look = {"status": f"{held['status_code']} {reason}" if type(reason) is str else str(held["status_code"])}
    url = held.get("url")
    if type(url) is str:
        address, asked, _ = url.partition("?")
        facts["url"] = without_secrets(address)[:LENGTH] + ("?…" if asked else "")
    headers: Any = held.get("headers")
    sort = headers.get("content-type") if type_name(type(headers)).startswith(("requests.", "httpx.")) else None
    if type(sort) is str:
        facts["type"] = _short(sort)
    text = ""
    if type(content) is bytes:
        facts["length"] = f"{_count(len(content))} bytes"
        if type(sort) is str and ("text" in sort or "json" in sort or "xml" in sort):
            text = content[: 4 * _TEXT].decode("utf-8", "replace")
    return {"facts": facts, "text": _beginning(text)}


# --- what all of them need --------------------------------------------------------------------------------

_KNOWN: dict[str, Callable[[Any, type], Look | None]] = {
    "PIL": _image,
    "anthropic": _message,
    "httpx": _response,
    "numpy": _numpy,
    "openai": _message,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "requests": _response,
    "scipy": _tensor,
    "torch": _tensor,
    "xarray": _tensor,
}
_PIECES_OF = {"anthropic": _pieces, "openai": _pieces}


def _short(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _count(number: int) -> str:
    return f"{number:,}"


def _beginning(text: str) -> str:
    shown = without_secrets(text[:_TEXT])
    return shown + "…" if len(text) > _TEXT else shown


def _bounded(look: Look) -> Look:
    """The look, with less in it where it would be too long."""
    for _ in range(12):
        if _size(look) <= MOST:
            return look
        if "table" in look:
            table = look["table"]
            keep = max(1, len(table["columns"]) // 2)
            look["table"] = {
                "columns": table["columns"][:keep],
                "types": table["types"][:keep],
                "rows": [row[:keep] for row in table["rows"]],
            }
        if "outline" in look:
            look["outline"] = look["outline"][: len(look["outline"]) // 2]
        if "text" in look:
            text = look["text"]
            look["text"] = text[: len(text) // 2].rstrip("…") + "…"
    return {"type": look["type"]}


def _size(part: Any) -> int:
    """The size of JSON in ASCII, or a little more."""
    if type(part) is str:
        if part.isascii():
            return 16 + (len(part) if part.isprintable() else len(repr(part)))
        return 16 + 3 * len(part.encode("utf-16-le", "surrogatepass"))
    if type(part) is dict:
        return sum([_size(name) + _size(value) for name, value in part.items()])
    return sum(map(_size, part)) + 4 if type(part) is list else 20
