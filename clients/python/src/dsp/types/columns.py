"""One column of pandas as an Arrow array with a note, and back without loss."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.arrow import pyarrow

Spec = dict[str, Any]
_NULLS = {"None", "nan", "NA", "NaT"}


def encode_column(series: Any, what: str) -> tuple[Any, Spec]:
    """Returns the values as an Arrow array, and how they come back.

    Raises `UnsupportedObjectTypeException` that names the column and a value.
    """
    import pandas

    pa = pyarrow()
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = pandas.Series(dtype.categories)
        array, spec = encode_column(categories, f"the categories of {what}")
        codes = pa.array(series.cat.codes.to_numpy(), type=pa.int32())
        missing = pa.array(series.cat.codes.to_numpy() < 0)
        codes = pa.compute.if_else(missing, pa.scalar(None, pa.int32()), codes)
        held = {**spec, "data": _pack(array)}
        return _look_up(array, codes), {
            "kind": "category",
            "ordered": bool(dtype.ordered),
            "categories": held,
        }
    if dtype.kind == "O" and not isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        return _encode_objects(series, what)
    if isinstance(dtype, pandas.SparseDtype):
        array, spec = encode_column(series.sparse.to_dense(), what)
        return array, {**spec, "dtype": str(dtype), "dense": spec}
    if dtype.kind == "c":
        values = series.to_numpy()
        parts = [pa.array(values.real), pa.array(values.imag)]
        return pa.StructArray.from_arrays(parts, names=["re", "im"]), {
            "kind": "complex",
            "dtype": str(dtype),
        }
    try:
        # A NaN of NumPy stays one: it is the missing value of its dtype, and no null.
        keep = isinstance(dtype, pandas.api.extensions.ExtensionDtype) or dtype.kind != "f"
        array = pa.array(series if keep else series.to_numpy(), from_pandas=keep)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise _cannot(what, f"of type {dtype}", str(error)) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array, {"kind": "plain", "dtype": _name(dtype)}


def decode_column(column: Any, spec: Spec) -> Any:
    """Returns the values as an array of pandas or NumPy, in the type they had."""
    import numpy
    import pandas

    kind = spec["kind"]
    if "dense" in spec:
        return pandas.array(decode_column(column, spec["dense"]), dtype=spec["dtype"])
    if kind == "category":
        return _categorical(column, spec)
    if kind == "objects":
        return _objects(column.to_pylist(), spec["null"])
    if kind == "json":
        values = [None if text is None else json.loads(text) for text in column.to_pylist()]
        return _objects(values, spec["null"])
    if kind == "complex":
        whole = column.combine_chunks()
        numbers = numpy.empty(len(whole), dtype=spec["dtype"])
        numbers.real = whole.field("re").to_numpy(zero_copy_only=False)
        numbers.imag = whole.field("im").to_numpy(zero_copy_only=False)
        return numbers
    dtype = pandas.api.types.pandas_dtype(spec["dtype"])
    if hasattr(dtype, "__from_arrow__"):
        return dtype.__from_arrow__(column)
    values = column.to_pandas().to_numpy()
    return values if values.dtype == dtype else values.astype(dtype)


def label_to_json(label: object) -> Any:
    """Writes a name of an index or series: text, number, truth value, nothing, or a tuple."""
    match label:
        case None | bool() | int() | str():
            return label
        case tuple():
            return {"tuple": [label_to_json(item) for item in label]}
        case float() if math.isfinite(label):
            return label
        case _:
            item = getattr(label, "item", None)
            if callable(item) and type(label).__module__ == "numpy":
                return label_to_json(item())
            raise _cannot(f"the name {label!r}", f"of type {type(label).__name__}", "")


def label_of(written: Any) -> Any:
    """Reads a name."""
    if isinstance(written, dict):
        return tuple(label_of(item) for item in written["tuple"])
    return written


def _name(dtype: Any) -> str:
    """Returns the text that pandas reads as the type, storage of texts included."""
    import pandas

    if isinstance(dtype, pandas.StringDtype) and dtype.na_value is pandas.NA:
        return f"string[{dtype.storage}]"
    return str(dtype)


def _encode_objects(series: Any, what: str) -> tuple[Any, Spec]:
    pa = pyarrow()
    values = [None if _null_of(value) else value for value in series]
    nulls = {name for name in (_null_of(value) for value in series) if name}
    if len(nulls) > 1:
        raise _cannot(what, "with several kinds of missing values", ", ".join(sorted(nulls)))
    null = nulls.pop() if nulls else "None"
    try:
        array = pa.array(values)
        # Parquet has no struct without fields.
        if "struct<>" not in str(array.type) and _same(array.to_pylist(), values):
            return array, {"kind": "objects", "null": null}
        cause = "Arrow would change a value"
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        cause = str(error)
    texts: list[str | None] = []
    for at, value in enumerate(values):
        text = None if value is None else _json(value)
        if value is not None and text is None:
            shown = repr(value)
            shown = shown if len(shown) <= 80 else shown[:77] + "..."
            raise _cannot(what, f"has {shown} of {type(value).__name__} in row {at}", cause)
        texts.append(text)
    return pa.array(texts, pa.string()), {"kind": "json", "null": null}


def _null_of(value: object) -> str | None:
    """Names a missing value: None, a float's NaN, pandas' NA or NaT."""
    if value is None:
        return "None"
    name = type(value).__name__
    if name == "NAType":
        return "NA"
    if name == "NaTType":
        return "NaT"
    return "nan" if type(value) is float and math.isnan(value) else None


def _objects(values: list[Any], null: str) -> Any:
    import numpy
    import pandas

    missing = {"None": None, "nan": math.nan, "NA": pandas.NA, "NaT": pandas.NaT}[null]
    out: Any = numpy.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        out[at] = missing if value is None else value
    return out


def _same(read: object, written: object) -> bool:
    """Tells whether two values are the same, types included."""
    if type(read) is not type(written):
        return False
    if isinstance(read, list) and isinstance(written, list):
        return len(read) == len(written) and all(map(_same, read, written))
    if isinstance(read, dict) and isinstance(written, dict):
        return list(read) == list(written) and all(_same(read[key], written[key]) for key in read)
    if isinstance(read, float) and isinstance(written, float):
        return read == written or (math.isnan(read) and math.isnan(written))
    return bool(read == written)


def _json(value: object) -> str | None:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        return text if _same(json.loads(text), value) else None
    except (TypeError, ValueError, RecursionError):
        return None


def _categorical(column: Any, spec: Spec) -> Any:
    import pandas

    pa = pyarrow()
    held = spec["categories"]
    known = _unpack(held["data"])
    values = decode_column(known, held)
    categories = pandas.Index(values, dtype=values.dtype)
    try:
        plain = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        codes = pa.compute.index_in(plain, value_set=known.combine_chunks())
    except pa.ArrowException:
        # Arrow looks up plain values alone, no intervals and periods.
        missing = plain.is_null().to_numpy(zero_copy_only=False)
        numbers = categories.get_indexer(pandas.Index(decode_column(column, held)))
        numbers[missing] = -1
        return pandas.Categorical.from_codes(numbers, categories, ordered=spec["ordered"])
    codes = pa.compute.if_else(plain.is_null(), pa.scalar(-1, pa.int32()), codes)
    numbers = codes.to_numpy(zero_copy_only=False)
    return pandas.Categorical.from_codes(numbers, categories=categories, ordered=spec["ordered"])


def _pack(array: Any) -> str:
    pa = pyarrow()
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays([array], names=["0"])
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def _unpack(data: str) -> Any:
    return pyarrow().ipc.open_stream(base64.b64decode(data)).read_all().column(0)


def _look_up(categories: Any, codes: Any) -> Any:
    """Returns the values themselves, which other readers understand without our note."""
    return categories.take(codes)


def _cannot(what: str, problem: str, cause: str) -> UnsupportedObjectTypeException:
    return UnsupportedObjectTypeException(
        f"the column {what} cannot be kept without loss: {problem}",
        causes=[cause] if cause else [],
        hint="turn it into text, numbers or dates, or pickle it yourself and push the bytes",
    )
