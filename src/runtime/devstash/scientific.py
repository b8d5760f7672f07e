"""Arrays, frames, sparse matrices, images and tensors into plain data.

Each is described by what its user can tell: type, element type, shape, labels and contents, never by how
its memory happens to be laid out (blocks, chunks, strides, padding, garbage under a null). Large buffers go
to the hasher as they are, without a copy. No package is imported here: an object of it is at hand, so it is
loaded already.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b

from .encode import DIGEST, Encoder, Unkeyable, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]

# Longer lists are digested on their own, so that their size is not mistaken for repetition.
_LONG = 1000
# Asking whether a buffer is still the one of its entry takes 0.1 ms, whatever its size; hashing, for so many bytes.
_WORTH_ASKING = 256 << 10


def find(base: type) -> Describer | None:
    """The function that describes objects of the class `base`, if it is known here."""
    top = (base.__module__ or "").partition(".")[0]
    if top == "scipy" and hasattr(base, "tocsr") and hasattr(base, "nnz"):
        return _sparse
    return _KNOWN.get(f"{top}.{base.__qualname__}")


def _bytes(buffer: Any) -> Any:
    """Contiguous bytes, or their length and digest when there are many."""
    view = memoryview(buffer).cast("B") if type(buffer) is not bytes else buffer
    if len(view) <= 4096:
        return bytes(view)
    return (len(view), _digest(memoryview(view)))


def _digest(view: memoryview) -> bytes:
    """The digest of a buffer: the one that its entry has, where it has one."""
    from . import entry

    if len(view) >= _WORTH_ASKING and f"{__package__}.mapped" in sys.modules:
        from .mapped import untouched

        known = untouched(view)
        if known is not None:
            return known
    return entry.buffer_digest(view)


def _list(encoder: Encoder, values: list[Any]) -> Any:
    return values if len(values) < _LONG else ("long", len(values), encoder.digest(values, ""))


# --- NumPy ------------------------------------------------------------------------------------------------


def _array(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    numpy = sys.modules["numpy"]
    kind = type(obj)
    name = "array " + encoder.type_name(kind)
    own = getattr(obj, "__dict__", None)
    if kind is numpy.memmap:
        own = None  # which file it maps is not what it holds
    order = "F" if obj.flags.fnc else "C"
    return name, (
        order,
        obj.shape,
        _dtype(encoder, obj.dtype),
        contents(encoder, obj),
        tuple(own.items()) if own else (),
    )


def contents(encoder: Encoder, array: Any) -> Any:
    """The elements of an array, whatever their type and layout."""
    numpy = sys.modules["numpy"]
    array = numpy.ndarray.view(array, numpy.ndarray)
    kind = array.dtype
    if kind.names is not None:  # field by field: there may be padding between them, with anything in it
        return tuple([contents(encoder, array[field]) for field in kind.names])
    if kind.hasobject:
        if kind == numpy.dtype(object):
            return _list(encoder, array.ravel().tolist())
        return _list(encoder, numpy.asarray(array, dtype=object).ravel().tolist())  # variable-width strings
    if not array.size or not kind.itemsize:
        return b""
    flat = array.ravel(order="F" if array.flags.fnc else "C")  # a copy only if it is not contiguous
    return _bytes(flat.view(numpy.uint8))


def _dtype(encoder: Encoder, kind: Any) -> Any:
    if kind.names is not None:
        fields = tuple([(name, _dtype(encoder, kind[name]), kind.fields[name][2:]) for name in kind.names])
        return "structure", fields, kind.itemsize
    if kind.subdtype is not None:
        return "subarray", _dtype(encoder, kind.subdtype[0]), kind.subdtype[1]
    metadata = dict(kind.metadata) if kind.metadata else None
    return kind.str, str(kind), metadata


def _masked(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    masked = sys.modules["numpy"].ma
    name = "masked " + encoder.type_name(type(obj))
    return name, (masked.getdata(obj), masked.getmaskarray(obj), bool(obj.hardmask), obj.fill_value)


# --- pandas -----------------------------------------------------------------------------------------------


def _frame(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    columns = [_column(encoder, obj.iloc[:, place].array) for place in range(obj.shape[1])]
    return "frame " + encoder.type_name(type(obj)), (obj.columns, obj.index, columns, *_notes(obj))


def _series(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "series " + encoder.type_name(type(obj)), (
        obj.name,
        obj.index,
        _column(encoder, obj.array),
        *_notes(obj),
    )


def _notes(obj: Any) -> tuple[Any, ...]:
    return dict(obj.attrs), bool(obj.flags.allows_duplicate_labels)


def _index(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    name = "index " + encoder.type_name(type(obj))
    kind = type(obj).__name__
    if kind == "RangeIndex":
        return name, (obj.name, obj.start, obj.stop, obj.step)
    if kind == "MultiIndex":
        return name, (tuple(obj.names), tuple(obj.levels), tuple(obj.codes))
    return name, (obj.name, _column(encoder, obj.array), getattr(obj, "freqstr", None))


def _extension(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "column " + encoder.type_name(type(obj)), _column(encoder, obj)


def _column(encoder: Encoder, values: Any) -> Any:
    """One column or index of pandas: its dtype and its elements."""
    kind = type(values).__name__
    dtype = str(values.dtype)
    if kind in ("PandasArray", "NumpyExtensionArray"):
        array = values.to_numpy()
        return kind, _dtype(encoder, array.dtype), contents(encoder, array)
    if kind == "Categorical":
        return kind, values.codes, values.categories, bool(values.ordered)
    if hasattr(values, "_pa_array"):
        return kind, dtype, values._pa_array
    if hasattr(values, "_mask") and hasattr(values, "_data"):
        data = values._data.copy()
        data[values._mask] = 0  # under the mask lies whatever was there before
        return kind, dtype, data, values._mask
    if kind in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        return kind, dtype, getattr(values, "tz", None), contents(encoder, values.asi8)
    if kind == "IntervalArray":
        return kind, dtype, values.left, values.right, values.closed
    if kind == "SparseArray":
        return kind, dtype, len(values), values.sp_values, values.sp_index.indices, values.fill_value
    return kind, dtype, _list(encoder, list(values.astype(object)))


# --- Arrow and polars -------------------------------------------------------------------------------------


class _Hashing:
    """A file that only hashes."""

    closed = False

    def __init__(self) -> None:
        self.hasher = blake2b(digest_size=DIGEST)

    def write(self, data: Any) -> int:
        self.hasher.update(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _table(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    columns = obj.itercolumns() if hasattr(obj, "itercolumns") else obj.columns
    name = "table " + encoder.type_name(type(obj))
    return name, (
        _arrow_schema(obj.schema),
        obj.num_rows,
        [_arrow_array(encoder, column) for column in columns],
    )


def _arrow_schema(schema: Any) -> Any:
    fields = [(field.name, str(field.type), field.nullable, field.metadata) for field in schema]
    return fields, dict(schema.metadata) if schema.metadata else None


def _arrow(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "arrow " + encoder.type_name(type(obj)), _arrow_array(encoder, obj)


def _arrow_array(encoder: Encoder, obj: Any) -> Any:
    """An Arrow array by its elements, however they are cut into chunks."""
    from importlib import import_module

    compute = import_module("pyarrow.compute")  # of the package that the object is of

    arrow = sys.modules["pyarrow"]
    types = arrow.types
    chunks = obj.chunks if isinstance(obj, arrow.ChunkedArray) else [obj]
    kind = obj.type
    text = types.is_string(kind) or types.is_binary(kind)
    large = types.is_large_string(kind) or types.is_large_binary(kind)
    if types.is_dictionary(kind):
        parts = [(_arrow_array(encoder, c.indices), _arrow_array(encoder, c.dictionary)) for c in chunks]
        return str(kind), parts
    if not (text or large or (types.is_primitive(kind) and not types.is_boolean(kind))):
        return str(kind), len(obj), _list(encoder, obj.to_pylist())
    validity = b""
    if obj.null_count:  # what lies under a null is not defined
        validity = _bytes(bytes([valid for chunk in chunks for valid in chunk.is_valid().to_pylist()]))
        chunks = [chunk.drop_null() for chunk in chunks]
    sizes, contents = _Hashing(), _Hashing()
    for chunk in chunks:
        if not len(chunk):
            continue
        if text or large:
            offsets = memoryview(chunk.buffers()[1]).cast("B").cast("q" if large else "i")
            first, last = offsets[chunk.offset], offsets[chunk.offset + len(chunk)]
            _write_numbers(compute.binary_length(chunk).cast(arrow.int64()), sizes)
            if last > first:
                contents.write(memoryview(chunk.buffers()[2]).cast("B")[first:last])
        else:
            _write_numbers(chunk, contents)
    return str(kind), len(obj), validity, sizes.hasher.digest(), contents.hasher.digest()


def _write_numbers(chunk: Any, sink: _Hashing) -> None:
    width = chunk.type.bit_width // 8
    view = memoryview(chunk.buffers()[1]).cast("B")
    sink.write(view[chunk.offset * width : (chunk.offset + len(chunk)) * width])


def _arrow_type(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "arrow type " + encoder.type_name(type(obj)), str(obj)


def _arrow_schema_value(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "arrow schema", _arrow_schema(obj)


def _polars_frame(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    name = "frame " + encoder.type_name(type(obj))
    return name, [(column.name, _polars_column(encoder, column)) for column in obj.get_columns()]


def _polars_series(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "series " + encoder.type_name(type(obj)), (obj.name, _polars_column(encoder, obj))


def _polars_column(encoder: Encoder, column: Any) -> Any:
    dtype = column.dtype
    if dtype.is_numeric() and not dtype.is_decimal() or dtype.is_temporal():
        plain = column.to_physical()
        nulls = plain.null_count()
        if nulls:
            valid = column.is_not_null().to_list()
            return str(dtype), _bytes(bytes(valid)), _polars_numbers(plain.drop_nulls())
        return str(dtype), _polars_numbers(plain)
    if str(dtype).startswith("Object"):
        return str(dtype), _list(encoder, column.to_list())
    categories = dtype.categories.to_list() if str(dtype).startswith("Enum") else None
    return str(dtype), categories, _list(encoder, column.to_list())


def _polars_numbers(column: Any) -> Any:
    if "numpy" in sys.modules:
        return len(column), _bytes(column.to_numpy().tobytes())
    return len(column), column.to_list()


def _polars_lazy(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "plan " + encoder.type_name(type(obj)), _bytes(obj.serialize())


def _polars_expression(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "expression " + encoder.type_name(type(obj)), _bytes(obj.meta.serialize())


# --- SciPy, PIL, torch ------------------------------------------------------------------------------------


def _sparse(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    parts: list[Any] = [obj.shape, obj.format]
    if obj.format == "dok":
        parts.append(sorted(obj.items()))
    else:
        # Coordinates are given as one tuple since SciPy 1.11; what the object has found out about itself is
        # left out.
        for name in ("coords", "row", "col", "indptr", "indices", "offsets", "rows", "data"):
            if name in ("row", "col") and hasattr(obj, "coords"):
                continue
            held = getattr(obj, name, None)
            if held is not None and not callable(held):
                parts.append((name, held))
    return "sparse " + encoder.type_name(type(obj)), (str(obj.dtype), *parts)


def _image(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    palette = obj.getpalette() if obj.mode in ("P", "PA") else None
    text = {name: value for name, value in obj.info.items() if not callable(value)}
    pixels = _bytes(obj.tobytes())
    form = (getattr(obj, "format", None), obj.mode, obj.size, palette, text)
    return "image " + encoder.type_name(type(obj)), (*form, pixels, _pictures(obj))


def _pictures(obj: Any) -> Any:
    """Where an image of several pictures stands, and the file that the others are to be had from."""
    if getattr(obj, "n_frames", 1) == 1:
        return None
    file = obj.fp
    try:
        place = file.tell()
        file.seek(0)
        try:
            data = file.read()
        finally:
            file.seek(place)
    except Exception as error:
        raise Unkeyable("", type_name(type(obj)), "the other pictures in its file cannot be read") from error
    return obj.n_frames, obj.tell(), _bytes(data)


def _tensor(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    name = "tensor " + encoder.type_name(type(obj))
    facts = (str(obj.dtype), tuple(obj.shape), str(obj.device), bool(obj.requires_grad))
    if getattr(obj, "is_sparse", False):
        return name, (*facts, obj.coalesce().indices(), obj.coalesce().values())
    plain = obj.detach().cpu().contiguous()
    try:
        array = plain.numpy()
    except TypeError:  # an element type that NumPy does not know, such as bfloat16
        array = plain.reshape(-1).view(sys.modules["torch"].uint8).numpy()
    if not hasattr(array, "dtype"):
        raise Unkeyable("", type_name(type(obj)), "its elements cannot be read")
    return name, (*facts, contents(encoder, array))


_KNOWN: dict[str, Describer] = {
    "numpy.ndarray": _array,
    "numpy.MaskedConstant": lambda encoder, obj: ("singleton", "numpy.ma.masked"),
    "numpy.MaskedArray": _masked,
    "numpy.ma.MaskedArray": _masked,
    "pandas.DataFrame": _frame,
    "pandas.Series": _series,
    "pandas.Index": _index,
    "pandas.ExtensionArray": _extension,
    "polars.DataFrame": _polars_frame,
    "polars.Series": _polars_series,
    "polars.LazyFrame": _polars_lazy,
    "polars.Expr": _polars_expression,
    "pyarrow.Table": _table,
    "pyarrow.RecordBatch": _table,
    "pyarrow.ChunkedArray": _arrow,
    "pyarrow.Array": _arrow,
    "pyarrow.DataType": _arrow_type,
    "pyarrow.Schema": _arrow_schema_value,
    "PIL.Image": _image,
    "torch.Tensor": _tensor,
}
