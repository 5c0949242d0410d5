"""Columns of Python objects: each cell comes back as the object it was, or the push is refused.

Of the ways to write such a column the first is taken that gives the same objects when it is read
again, which is tried before anything is pushed.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import math
from typing import Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.arrow import pyarrow
from dsp.types.packed import pack, unpack
from dsp.types.tagged import NoTagError, of_text, to_text

_NOT_A_DECIMAL = decimal.Decimal("NaN").as_tuple()
"""The plain one: others have a sign, digits, or signal."""
Spec = dict[str, Any]
Cells = list[Any]
_SHOWN = 80
_DIGITS = 76
"""Most digits of a decimal of Arrow."""
_LEVELS = 64
"""How deep values lie in each other at most where Arrow writes them."""
_SHALLOW = (str, int, float, bytes, type(None))
_REFUSALS = (
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    *(RecursionError, NotImplementedError, NoTagError),
)


class CellError(Exception):
    """A cell that cannot be kept: `problem` names it, `cause` says why."""

    def __init__(self, problem: str, cause: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.cause = cause


def encode_cells(series: Any) -> tuple[Any, Spec]:
    """Returns the cells as an Arrow array, and how they come back.

    Raises `CellError` with a cell that would come back as something else.
    """
    pa = pyarrow()
    values, null = _without_nulls(series)
    cause = "Arrow would change a value"
    deep = any(_is_deep(value) for value in values if not isinstance(value, _SHALLOW))
    for write in _WAYS[-1:] if deep else _WAYS:
        try:
            written = write(values)
            # Parquet has no struct without fields.
            if written is None or "struct<>" in str(written[0].type):
                continue
            array, spec = written
            if same(_read(array, spec), values):
                return array, {**spec, "null": null}
        except (UnsupportedObjectTypeException, pa.ArrowException, *_REFUSALS) as error:
            cause = str(error) if write is _plain else cause
    raise CellError(*_culprit(values, cause))


def decode_cells(column: Any, spec: Spec) -> Any:
    """Returns the cells as an array of NumPy with the objects."""
    import numpy

    values = _read(column, spec)
    missing = _nulls(spec["null"])
    out: Any = numpy.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        out[at] = next(missing) if value is None else value
    return out


def same(read: object, written: object) -> bool:
    """Tells whether two values are the same: types, digits, zones, NaN and all."""
    if type(read) is not type(written):
        return False
    if isinstance(read, list) and isinstance(written, list):
        return len(read) == len(written) and all(map(same, read, written))
    if isinstance(read, tuple) and isinstance(written, tuple):
        return same(list(read), list(written))
    if isinstance(read, dict) and isinstance(written, dict):
        return same(list(read), list(written)) and same(list(read.values()), list(written.values()))
    if isinstance(read, set | frozenset) and isinstance(written, set | frozenset):
        return read == written and {(type(one), one) for one in read} == {
            (type(one), one) for one in written
        }
    if isinstance(read, complex) and isinstance(written, complex):
        return same([read.real, read.imag], [written.real, written.imag])
    if isinstance(read, float) and isinstance(written, float) and read == 0:
        return str(read) == str(written)
    if isinstance(read, decimal.Decimal) and isinstance(written, decimal.Decimal):
        return read.as_tuple() == written.as_tuple()
    if isinstance(read, datetime.datetime | datetime.time):
        return _moment(read) == _moment(written)
    if type(read).__module__ == "numpy" and hasattr(read, "shape"):
        return _same_numbers(read, written)
    if read is written:
        return True
    return bool(read == written) or bool(read != read and written != written)


def is_json(value: object) -> bool:
    """Tells whether JSON brings a value back as it is."""
    return _json(value) is not None


def _moment(value: Any) -> tuple[object, ...]:
    zone = value.tzinfo
    return (value.replace(tzinfo=None), value.fold, type(zone), zone, getattr(value, "unit", None))


def _same_numbers(read: Any, written: Any) -> bool:
    import numpy

    alike = read.dtype == written.dtype and read.shape == written.shape
    if alike and read.dtype.kind == "O":
        return same(read.ravel().tolist(), written.ravel().tolist())
    nan = read.dtype.kind in "fcmM"
    return bool(alike and numpy.array_equal(read, written, equal_nan=nan))


def _culprit(values: Cells, cause: str) -> tuple[str, str]:
    """Names the cell that cannot be kept, and says why."""
    for at, value in enumerate(values):
        problem = f"{_shown(value)} in row {at}"
        try:
            if not same(of_text(to_text(value)), value):
                return problem, "it would come back as something else"
        except NoTagError as error:
            return problem, str(error)
        except _REFUSALS as error:
            return problem, str(error)
    return "one of its cells", cause


def _shown(value: object) -> str:
    try:
        text = repr(value)
    # Whatever somebody's class raises; Python itself writes no number of 5,000 digits.
    except Exception:
        return f"a {type(value).__name__}"
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f"{text} of {type(value).__name__}"


def _is_deep(value: object, level: int = 0) -> bool:
    """Tells whether a value holds itself, or so many others in each other that Arrow crashes."""
    items: Any = ()
    if isinstance(value, list | tuple):
        items = value
    elif isinstance(value, dict):
        items = value.values()
    elif getattr(getattr(value, "dtype", None), "kind", None) == "O":
        items = value.ravel() if hasattr(value, "ravel") else ()
    return level > _LEVELS or any(
        _is_deep(item, level + 1) for item in items if not isinstance(item, _SHALLOW)
    )


def _read(column: Any, spec: Spec) -> Cells:
    """Reads cells; what was missing is None."""
    if "tuples" in spec:
        return [None if v is None else tuple(v) for v in _read(column, spec["tuples"])]
    match spec["kind"]:
        case "json":
            return [None if text is None else json.loads(text) for text in column.to_pylist()]
        case "tagged":
            return [None if text is None else of_text(text) for text in column.to_pylist()]
        case "inferred":
            return _from_pandas(column, spec["as"])
    values: Cells = column.to_pylist()
    if "exponents" in spec:
        exponents = iter(_exponents(spec["exponents"]))
        with decimal.localcontext() as context:
            context.prec = decimal.MAX_PREC
            return [
                None if v is None else v.quantize(decimal.Decimal((0, (1,), next(exponents))))
                for v in values
            ]
    if spec.get("utc"):
        utc = datetime.timezone.utc
        return [None if v is None else v.replace(tzinfo=utc) for v in values]
    if "arrays" in spec:
        import numpy

        dtype = numpy.dtype(spec["arrays"])
        return [None if v is None else numpy.array(v, dtype=dtype) for v in values]
    if "scalar" in spec:
        import numpy

        kind = numpy.dtype(spec["scalar"]).type
        return [None if v is None else kind(v) for v in values]
    return values


def _exponents(packed: str) -> list[int]:
    """Reads exponents of decimals; a number of a billion digits would fill the memory."""
    exponents: list[int] = unpack(packed).to_pylist()
    if any(abs(exponent) > _DIGITS for exponent in exponents):
        raise ValueError(f"a decimal has an exponent beyond {_DIGITS}")
    return exponents


def _plain(values: Cells) -> tuple[Any, Spec]:
    return pyarrow().array(values), {"kind": "objects"}


def _decimals(values: Cells) -> tuple[Any, Spec] | None:
    """Decimals of different exponents: a column of Arrow has one for all."""
    known = [value for value in values if value is not None]
    if not known or not all(type(value) is decimal.Decimal for value in known):
        return None
    pa = pyarrow()
    exponents = pa.array([value.as_tuple().exponent for value in known], pa.int32())
    return pa.array(values), {"kind": "objects", "exponents": pack(exponents, small=True)}


def _in_utc(values: Cells) -> tuple[Any, Spec] | None:
    """Moments of Python in its own UTC, which comes back as a zone of another type."""
    known = [value for value in values if value is not None]
    utc = datetime.timezone.utc
    if not known or not all(getattr(value, "tzinfo", None) is utc for value in known):
        return None
    return pyarrow().array(values), {"kind": "objects", "utc": True}


def _of_numpy(values: Cells) -> tuple[Any, Spec] | None:
    """Scalars of NumPy, all of one type."""
    import numpy

    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if len(kinds) != 1 or not isinstance(known[0], numpy.generic):
        return None
    dtype = known[0].dtype
    if dtype.kind not in "iufbU":
        return None
    items = [None if value is None else value.item() for value in values]
    scalar = "str" if dtype.kind == "U" else str(dtype)
    return pyarrow().array(items), {"kind": "objects", "scalar": scalar}


def _arrays(values: Cells) -> tuple[Any, Spec] | None:
    """Arrays of NumPy of one dimension, all of one type: embeddings, signals."""
    import numpy

    known = [value for value in values if value is not None]
    if not known or not all(type(value) is numpy.ndarray and value.ndim == 1 for value in known):
        return None
    dtypes = {value.dtype for value in known}
    if len(dtypes) != 1 or known[0].dtype.kind not in "iufb":
        return None
    return pyarrow().array(values), {"kind": "objects", "arrays": str(known[0].dtype)}


def _tuples(values: Cells) -> tuple[Any, Spec] | None:
    """Tuples: as lists, which Arrow and JSON have."""
    known = [value for value in values if value is not None]
    if not known or not all(type(value) is tuple for value in known):
        return None
    lists = [None if value is None else list(value) for value in values]
    for write in (_plain, _as_json):
        with contextlib.suppress(pyarrow().ArrowException, *_REFUSALS):
            written = write(lists)
            if written is not None and same(_read(*written), lists):
                return written[0], {"kind": "tuples", "tuples": written[1]}
    return None


def _of_pandas(values: Cells) -> tuple[Any, Spec] | None:
    """Timestamps, periods and the like, all of one type: as a column of that type."""
    import pandas

    from dsp.types.columns import encode_column

    inferred = pandas.Series(values, dtype=object).infer_objects()
    if inferred.dtype == object:
        return None
    array, spec = encode_column(inferred, "")
    return array, {"kind": "inferred", "as": spec}


def _from_pandas(column: Any, spec: Spec) -> Cells:
    import pandas

    from dsp.types.columns import decode_column

    values = decode_column(column, spec)
    cells = pandas.Series(values, dtype=values.dtype).astype(object)
    return [None if missing else cell for cell, missing in zip(cells, cells.isna(), strict=True)]


def _as_json(values: Cells) -> tuple[Any, Spec] | None:
    texts = [None if value is None else _json(value) for value in values]
    if any(text is None and value is not None for text, value in zip(texts, values, strict=True)):
        return None
    pa = pyarrow()
    return pa.array(texts, pa.string()), {"kind": "json"}


def _as_tagged(values: Cells) -> tuple[Any, Spec]:
    """What none of the others keeps: JSON that says of each value what it is."""
    pa = pyarrow()
    texts = [None if value is None else to_text(value) for value in values]
    return pa.array(texts, pa.string()), {"kind": "tagged"}


_WAYS = (
    *(_plain, _decimals, _in_utc, _of_numpy, _arrays, _of_pandas, _tuples, _as_json),
    _as_tagged,
)
"""Ways to write a column: those that others read best come first."""


def _json(value: object) -> str | None:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        return text if same(json.loads(text), value) else None
    except (TypeError, ValueError, RecursionError):
        return None


def _without_nulls(series: Any) -> tuple[Cells, Any]:
    """Returns the cells with None for each that is missing, and which kind each of these was."""
    values: Cells = []
    names: list[str] = []
    for value in series:
        name = _null_of(value)
        values.append(value if name is None else None)
        if name is not None:
            names.append(name)
    kinds = sorted(set(names))
    if len(kinds) <= 1:
        return values, kinds[0] if kinds else "None"
    pa = pyarrow()
    which = pa.array([kinds.index(name) for name in names], pa.int8())
    return values, {"kinds": kinds, "data": pack(which, small=True)}


def _nulls(null: Any) -> Any:
    """Gives what was missing, in its order; without end where all is of one kind."""
    import itertools

    import pandas

    known = {
        "None": None,
        "nan": math.nan,
        "Decimal": decimal.Decimal("NaN"),
        "NA": pandas.NA,
        "NaT": pandas.NaT,
    }
    if isinstance(null, str):
        return itertools.repeat(known[null])
    return (known[null["kinds"][at]] for at in unpack(null["data"]).to_pylist())


def _null_of(value: object) -> str | None:
    """Names a missing value: None, NaN of a float or a decimal, pandas' NA or NaT."""
    if value is None:
        return "None"
    name = type(value).__name__
    if name == "NAType":
        return "NA"
    if name == "NaTType":
        return "NaT"
    if type(value) is decimal.Decimal and value.as_tuple() == _NOT_A_DECIMAL:
        return "Decimal"
    return "nan" if type(value) is float and math.isnan(value) else None
