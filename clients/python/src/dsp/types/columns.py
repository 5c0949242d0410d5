"""One column of pandas as an Arrow array with a note, and back without loss."""

from __future__ import annotations

import math
from typing import Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.arrow import pyarrow
from dsp.types.cells import CellError, decode_cells, encode_cells
from dsp.types.packed import pack, pack_type, unpack, unpack_type

Spec = dict[str, Any]


def encode_column(series: Any, what: str) -> tuple[Any, Spec]:
    """Returns the values as an Arrow array, and how they come back.

    Raises `UnsupportedObjectTypeException` that names the column and a value.
    """
    import numpy
    import pandas

    pa = pyarrow()
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = pandas.Series(dtype.categories)
        array, spec = encode_column(categories, f"the categories of {what}")
        codes = pa.array(series.cat.codes.to_numpy(), type=pa.int32())
        missing = pa.array(series.cat.codes.to_numpy() < 0)
        codes = pa.compute.if_else(missing, pa.scalar(None, pa.int32()), codes)
        held = {**spec, "data": pack(array)}
        return _look_up(array, codes), {
            "kind": "category",
            "ordered": bool(dtype.ordered),
            "categories": held,
        }
    if dtype.kind == "O" and not isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        try:
            return encode_cells(series)
        except CellError as error:
            raise _cannot(what, error.problem, error.cause) from error
    if isinstance(dtype, pandas.SparseDtype):
        array, spec = encode_column(series.sparse.to_dense(), what)
        return array, {**spec, **_type_note(dtype, what), "dense": spec}
    if isinstance(dtype, numpy.dtype) and not dtype.isnative:
        native = pandas.Series(series.to_numpy().astype(dtype.newbyteorder("=")))
        array, spec = encode_column(native, what)
        return array, {**spec, "dtype": str(dtype)}
    if dtype.kind == "c":
        values = series.to_numpy()
        parts = [pa.array(values.real), pa.array(values.imag)]
        return pa.StructArray.from_arrays(parts, names=["re", "im"]), {
            "kind": "complex",
            "dtype": str(dtype),
        }
    spec = {"kind": "plain", **_type_note(dtype, what)}
    try:
        array = _plain(series)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise _cannot(what, _first_refused(series), str(error)) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array, spec


def _plain(series: Any) -> Any:
    """Returns the values of a type that Arrow has too."""
    import pandas

    pa = pyarrow()
    dtype = series.dtype
    if isinstance(dtype, pandas.Float32Dtype | pandas.Float64Dtype):
        # These know NaN from what is missing; Arrow takes one for the other if it is not told.
        numbers = series.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
        return pa.array(numbers, mask=series.isna().to_numpy(), from_pandas=False)
    # A NaN of NumPy stays one: it is the missing value of its dtype, and no null.
    keep = isinstance(dtype, pandas.api.extensions.ExtensionDtype) or dtype.kind != "f"
    return pa.array(series if keep else series.to_numpy(), from_pandas=keep)


def _first_refused(series: Any) -> str:
    """Names the first value that Arrow does not take, else the type."""
    pa = pyarrow()
    at, left = 0, series
    while len(left) > 1:
        half = len(left) // 2
        try:
            _plain(left.iloc[:half])
        except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
            left = left.iloc[:half]
        else:
            at, left = at + half, left.iloc[half:]
    try:
        _plain(series.iloc[:0])
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
        return f"type {series.dtype}"
    return f"{left.iloc[0]!r} of type {series.dtype} in row {at}"


def decode_column(column: Any, spec: Spec) -> Any:
    """Returns the values as an array of pandas or NumPy, in the type they had."""
    import numpy
    import pandas

    kind = spec["kind"]
    if "dense" in spec:
        return pandas.array(decode_column(column, spec["dense"]), dtype=_type_of(spec))
    if kind == "category":
        return _categorical(column, spec)
    if kind in ("objects", "json", "inferred", "tuples", "tagged"):
        return decode_cells(column, spec)
    if kind == "complex":
        whole = column.combine_chunks() if hasattr(column, "chunks") else column
        numbers = numpy.empty(len(whole), dtype=spec["dtype"])
        numbers.real = whole.field("re").to_numpy(zero_copy_only=False)
        numbers.imag = whole.field("im").to_numpy(zero_copy_only=False)
        return numbers
    dtype = _type_of(spec)
    if isinstance(dtype, pandas.ArrowDtype):
        wanted = dtype.pyarrow_dtype
        # Names within lists and maps are not looked at otherwise, and Parquet has its own.
        as_it_was = column.type.equals(wanted, check_metadata=True)
        return pandas.arrays.ArrowExtensionArray(column if as_it_was else column.cast(wanted))
    if isinstance(dtype, pandas.Float32Dtype | pandas.Float64Dtype):
        # By their own reading it depends on an option of pandas whether a NaN is missing.
        missing = column.is_null().to_numpy(zero_copy_only=False)
        zero = pyarrow().scalar(0, column.type)
        numbers = column.fill_null(zero).to_numpy(zero_copy_only=False).astype(dtype.numpy_dtype)
        return pandas.arrays.FloatingArray(numbers, missing)
    if hasattr(dtype, "__from_arrow__"):
        return dtype.__from_arrow__(column)
    values = column.to_pandas().to_numpy()
    return values if values.dtype == dtype else values.astype(dtype)


def is_numpy(spec: Spec) -> bool:
    """Tells whether a column is one of NumPy that Arrow reads by itself: numbers and times."""
    import pandas

    if spec["kind"] != "plain" or "dense" in spec or "arrow" in spec:
        return False
    dtype = _type_of(spec)
    return not isinstance(dtype, pandas.api.extensions.ExtensionDtype)


def label_to_json(label: object) -> Any:
    """Writes a name of an index or series: what a cell can be, or a tuple of it."""
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
            # Timestamps, periods, NaN: what pandas has columns for.
            import pandas

            cell = pandas.Series([label], dtype=object)
            array, spec = encode_column(cell, f"the name {label!r}")
            return {"cell": {**spec, "data": pack(array)}}


def label_of(written: Any) -> Any:
    """Reads a name."""
    if isinstance(written, dict) and "cell" in written:
        return decode_column(unpack(written["cell"]["data"]), written["cell"])[0]
    if isinstance(written, dict):
        return tuple(label_of(item) for item in written["tuple"])
    return written


def _type_note(dtype: Any, what: str) -> Spec:
    """Says which type of pandas it is.

    Raises `UnsupportedObjectTypeException` where that would not bring it back.
    """
    import pandas

    note: Spec = {"dtype": str(dtype)}
    if isinstance(dtype, pandas.ArrowDtype):
        note["arrow"] = pack_type(dtype.pyarrow_dtype)
    elif isinstance(dtype, pandas.SparseDtype):
        fill = dtype.fill_value
        fill = fill.item() if hasattr(fill, "item") else fill
        if isinstance(fill, bool | int | str) or (isinstance(fill, float) and math.isfinite(fill)):
            note["sparse"] = {"of": str(dtype.subtype), "fill": fill}
    elif isinstance(dtype, pandas.StringDtype):
        if dtype.na_value is pandas.NA:
            note["dtype"] = f"string[{dtype.storage}]"
        else:
            note["storage"] = dtype.storage
    try:
        kept = _type_of(note) == dtype
    except (TypeError, ValueError, NotImplementedError):
        kept = False
    if not kept:
        zoned = isinstance(dtype, pandas.DatetimeTZDtype)
        cause = "pandas does not read this type by its name"
        raise _cannot(what, f"type {dtype}", cause, _ZONE_HINT if zoned else _HINT)
    return note


def _type_of(note: Spec) -> Any:
    """Returns the type of pandas, or NumPy, that a note says."""
    import pandas

    if "arrow" in note:
        return pandas.ArrowDtype(unpack_type(note["arrow"]))
    if "sparse" in note:
        return pandas.SparseDtype(note["sparse"]["of"], note["sparse"]["fill"])
    dtype = pandas.api.types.pandas_dtype(note["dtype"])
    if "storage" in note and getattr(dtype, "storage", None) != note["storage"]:
        return pandas.StringDtype(note["storage"], na_value=math.nan)
    return dtype


def _categorical(column: Any, spec: Spec) -> Any:
    import pandas

    pa = pyarrow()
    held = spec["categories"]
    known = unpack(held["data"])
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


def _look_up(categories: Any, codes: Any) -> Any:
    """Returns the values themselves, which other readers understand without our note."""
    return categories.take(codes)


_HINT = (
    "turn it into text, numbers or dates (.map(lambda cell: cell.value) does for enums, "
    '.convert_dtypes() often), or push with encoder="pickle"'
)
_ZONE_HINT = (
    'tz_convert to a zone with a name, as "Europe/Berlin" or "UTC": .dt.tz_convert of a column, '
    ".tz_convert of an index"
)


def _cannot(
    what: str, problem: str, cause: str, hint: str = _HINT
) -> UnsupportedObjectTypeException:
    return UnsupportedObjectTypeException(
        f"{what} cannot be kept without loss: {problem}",
        causes=[cause] if cause else [],
        hint=hint,
    )
