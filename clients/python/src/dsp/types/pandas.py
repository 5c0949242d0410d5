"""pandas' tables, as Parquet, with everything that Parquet and Arrow alone would lose.

Beside pandas' own metadata, which other readers use, the file has a note under the key `dsp`: the
type of each column and index level, labels of columns, categories, and how Python objects were
written. Objects that Arrow would change (mixed types, dicts with differing keys) are written as
JSON; what JSON would change too is refused, with the column and the value.
"""

from __future__ import annotations

import base64
import contextlib
import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsp.errors import DspError, DspWarning
from dsp.types import csvw
from dsp.types.arrow import pyarrow, read_parquet, to_parquet
from dsp.types.base import PARQUET, Encoded, instance
from dsp.types.cells import is_json
from dsp.types.columns import decode_column, encode_column, is_numpy, label_of, label_to_json
from dsp.types.packed import unpack_table

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_NOTE = b"dsp"
_VERSION = 1
_INSERTED = 64
"""Most columns that are put between those of numbers one by one."""
_CALLER = 7
"""Calls from a warning up to the line of the user, about."""
_CAUSE_CHARACTERS = 300
_LIES = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError),
    *(NotImplementedError, RecursionError, TypeError, ValueError),
)
"""What comes of a note that does not fit its table; Arrow's own errors are among them."""
Note = dict[str, Any]


class Pandas:
    """`pandas.DataFrame` and `Series`: index, labels, dtypes, categories and zones come back."""

    name = "pandas"

    def matches(self, value: object) -> bool:
        return instance(value, "pandas", "DataFrame", "Series")

    def encode(self, value: Any) -> Encoded:
        import pandas

        series = isinstance(value, pandas.Series)
        frame = value.to_frame(name="value") if series else value
        table, note = _to_table(frame)
        if series:
            note["series"] = label_to_json(value.name)
        metadata = {**(table.schema.metadata or {}), _NOTE: json.dumps(note).encode()}
        app = "pandas/series" if series else "pandas/dataframe"
        return to_parquet(table.replace_schema_metadata(metadata), app)

    def reads(self, attachment: Attachment) -> bool:
        if attachment.media == "text/csv":
            return _installed()
        return attachment.media == PARQUET and (
            (attachment.app or "").startswith("pandas/")
            or (attachment.app is None and _installed())
        )

    def decode(self, attachment: Attachment) -> Any:
        if attachment.media == "text/csv":
            note = csvw.note_of(attachment)
            if note is not None:
                return csvw.read(attachment, note)
            # dstack wrote the index as the first column.
            index = 0 if attachment.app == "pandas/dataframe" else None
            return csvw.fields(attachment, index_col=index)
        table = read_parquet(attachment)
        try:
            return _as_noted(table)
        except _LIES as error:
            raise DspError(
                f"{attachment.reference} and the note of its types do not fit",
                causes=[f"{type(error).__name__}: {error}"[:_CAUSE_CHARACTERS]],
                hint='pull(..., decoder="arrow") reads the table without the note',
            ) from error


def _as_noted(table: Any) -> Any:
    """Returns the table, or series, that the note of a file says; without a note what pandas reads.

    The note is its author's: what does not fit raises one of `_LIES`.
    """
    stored = (table.schema.metadata or {}).get(_NOTE)
    note = json.loads(stored) if stored else {}
    if not isinstance(note, dict) or note.get("version") != _VERSION:
        return table.to_pandas()
    frame = _of_table(table, note)
    if "series" in note:
        series = frame.iloc[:, 0]
        series.name = label_of(note["series"])
        return series
    return frame


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("pandas") is not None


def _to_table(frame: Any) -> tuple[Any, Note]:
    """Returns a table of pyarrow with a column for each column and index level, and its note."""
    import pandas

    pa = pyarrow()
    index = frame.index
    levels = [] if type(index) is pandas.RangeIndex else _levels(index)
    names = _names(frame.columns, len(levels))
    arrays, columns = [], []
    for at, name in enumerate(names):
        array, spec = encode_column(frame.iloc[:, at], f"the column {frame.columns[at]!r}")
        arrays.append(array)
        columns.append({"name": name, **spec})
    note: Note = {
        "version": _VERSION,
        "columns": columns,
        "labels": _index_note(frame.columns, "the labels of the columns"),
        "index": {"range": _range(index)} if not levels else _index_names(index),
    }
    specs = []
    for at, (level, told) in enumerate(levels):
        name = f"__index_level_{at}__"
        array, spec = encode_column(level, f"level {at} of the index")
        arrays.append(array)
        names.append(name)
        specs.append({"name": name, **told, **spec})
    if levels:
        note["index"]["levels"] = specs
    attrs = {key: value for key, value in frame.attrs.items() if is_json({key: value})}
    if attrs:
        note["attrs"] = attrs
    if not frame.flags.allows_duplicate_labels:
        note["unique_labels"] = True
    _tell_of_losses(frame, attrs)
    table = pa.Table.from_arrays(arrays, names=names)
    return table.replace_schema_metadata(_for_others(frame, names, len(levels))), note


def _tell_of_losses(frame: Any, attrs: Mapping[Any, Any]) -> None:
    """Warns of what is about a table and not in it, and will not come back."""
    import pandas

    freq = getattr(frame.index, "freq", None)
    # One with holidays, say, is no more than its name when it comes back.
    if freq is not None and type(frame.index).__name__ != "PeriodIndex" and not _is_named(freq):
        warnings.warn(
            f"not kept: the frequency {freq!r} of the index, which is more than its name",
            DspWarning,
            stacklevel=_CALLER,
        )
    lost = [repr(key) for key in frame.attrs if key not in attrs]
    if lost:
        warnings.warn(
            f"not kept, as JSON does not hold it: {', '.join(lost)} of the attrs of the table",
            DspWarning,
            stacklevel=_CALLER,
        )
    if type(frame) is not pandas.DataFrame:
        warnings.warn(
            f"a {type(frame).__name__} is kept, and comes back, as a pandas.DataFrame",
            DspWarning,
            stacklevel=_CALLER,
        )


def _is_named(freq: Any) -> bool:
    """Tells whether the name of a frequency brings it back."""
    import pandas

    try:
        return bool(pandas.tseries.frequencies.to_offset(freq.freqstr) == freq)
    except ValueError:
        return False


def _levels(index: Any) -> list[tuple[Any, Note]]:
    """Returns the levels as columns, each with what is to be noted of it."""
    import pandas

    # A number asks for the level of that name first.
    unnamed = index.set_names([None] * index.nlevels)
    levels = []
    for at in range(index.nlevels):
        level = unnamed.get_level_values(at)
        if index.nlevels > 1 and level.dtype != (known := index.levels[at]).dtype:
            # Where some are missing, whole numbers and truth values would become others.
            values = known.astype(object)
            cells = [None if code < 0 else values[code] for code in index.codes[at]]
            levels.append((pandas.Series(cells, dtype=object), {"level": str(known.dtype)}))
        else:
            freq = getattr(index.levels[at], "freqstr", None) if index.nlevels > 1 else None
            told = {} if freq is None else {"freq": freq}
            levels.append((pandas.Series(level.array, dtype=level.dtype), told))
    return levels


def _names(labels: Any, levels: int) -> list[str]:
    """Returns a text for each label, none of them twice."""
    taken = {f"__index_level_{at}__" for at in range(levels)}
    names = []
    for label in labels:
        # What is half of a surrogate pair is in the note alone.
        name = base = str(label).encode(errors="backslashreplace").decode()
        n = 1
        while name in taken:
            name, n = f"{base}.{n}", n + 1
        taken.add(name)
        names.append(name)
    return names


def _for_others(frame: Any, names: list[str], levels: int) -> dict[bytes, bytes]:
    """Returns pandas' own metadata, so that `pandas.read_parquet` finds the index."""
    import pandas

    index = frame.index
    described: list[Any] = [f"__index_level_{at}__" for at in range(levels)]
    if not levels:
        described = [
            {
                "kind": "range",
                "name": index.name if isinstance(index.name, str) else None,
                "start": index.start,
                "stop": index.stop,
                "step": index.step,
            }
        ]
    unnamed = index.set_names([None] * index.nlevels)
    own = [name if isinstance(name, str) else None for name in index.names]
    entries = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": "empty",
            "numpy_type": "object",
            "metadata": None,
        }
        for name in names[: len(names) - levels]
    ] + [
        {
            "name": own[at],
            "field_name": f"__index_level_{at}__",
            "pandas_type": "empty",
            "numpy_type": str(unnamed.get_level_values(at).dtype),
            "metadata": None,
        }
        for at in range(levels)
    ]
    metadata = {
        "index_columns": described,
        "column_indexes": [],
        "columns": entries,
        "creator": {"library": "dsp", "version": str(_VERSION)},
        "pandas_version": pandas.__version__,
    }
    return {b"pandas": json.dumps(metadata).encode()}


def _range(index: Any) -> Note:
    return {
        "start": index.start,
        "stop": index.stop,
        "step": index.step,
        "name": label_to_json(index.name),
    }


def _index_names(index: Any) -> Note:
    freq = getattr(index, "freqstr", None) if index.nlevels == 1 else None
    return {
        "multi": type(index).__name__ == "MultiIndex",
        "names": [label_to_json(name) for name in index.names],
        "freq": freq,
    }


def _index_note(index: Any, what: str) -> Note:
    """Writes an index that is small, such as the labels of columns, into the note itself."""
    import pandas

    if type(index) is pandas.RangeIndex:
        return {"range": _range(index)}
    pa = pyarrow()
    levels = _levels(index)
    encoded = [encode_column(level, what) for level, _ in levels]
    table = pa.Table.from_arrays(
        [array for array, _ in encoded], names=[str(at) for at in range(len(encoded))]
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        **_index_names(index),
        "levels": [
            {"name": str(at), **told, **spec}
            for at, ((_, told), (_, spec)) in enumerate(zip(levels, encoded, strict=True))
        ],
        "data": base64.b64encode(sink.getvalue().to_pybytes()).decode(),
    }


def _of_table(table: Any, note: Note) -> Any:
    import pandas

    pa = pyarrow()
    specs = note["columns"]
    numbers = [at for at, spec in enumerate(specs) if is_numpy(spec)]
    if len(specs) - len(numbers) > _INSERTED:
        numbers = []
    # Together: Arrow makes the blocks of pandas at once, on all processors.
    together = pa.Table.from_arrays(
        [table.column(specs[at]["name"]) for at in numbers], names=[str(at) for at in numbers]
    )
    frame = together.to_pandas()
    frame.columns = pandas.Index(numbers, dtype=object)
    others = {
        at: specs[at]["dtype"] for at in numbers if str(frame[at].dtype) != specs[at]["dtype"]
    }
    frame = frame.astype(others) if others else frame
    columns = {}
    for at, spec in enumerate(specs):
        if at not in numbers:
            values = decode_column(table.column(spec["name"]), spec)
            # The type said: left alone, pandas guesses that objects are texts.
            columns[at] = pandas.Series(values, dtype=values.dtype)
    if numbers:
        for at, column in columns.items():
            frame.insert(at, at, column)
    else:
        frame = pandas.DataFrame(columns, index=pandas.RangeIndex(table.num_rows))
    index = _read_index(note["index"], table)
    frame.index = index
    labels = note["labels"]
    held = None
    if "data" in labels:
        held = unpack_table(labels["data"])
    frame.columns = _read_index(labels, held)
    frame.attrs = dict(note.get("attrs", {}))
    frame.flags.allows_duplicate_labels = not note.get("unique_labels", False)
    return frame


def _read_index(note: Note, table: Any) -> Any:
    import pandas

    if "range" in note:
        span = note["range"]
        name = label_of(span["name"])
        return pandas.RangeIndex(span["start"], span["stop"], span["step"], name=name)
    names = [label_of(name) for name in note["names"]]
    levels = [decode_column(table.column(spec["name"]), spec) for spec in note["levels"]]
    if note["multi"]:
        parts = [pandas.Index(level, dtype=level.dtype) for level in levels]
        index = pandas.MultiIndex.from_arrays(parts, names=names)
        for at, spec in enumerate(note["levels"]):
            if "level" in spec:
                level = index.levels[at].astype(spec["level"])
                index = index.set_levels(level, level=at, verify_integrity=False)
            if spec.get("freq") and type(index.levels[at]).__name__ != "PeriodIndex":
                index = index.set_levels(
                    with_freq(index.levels[at], spec["freq"]), level=at, verify_integrity=False
                )
        return index
    index = pandas.Index(levels[0], name=names[0], dtype=levels[0].dtype)
    return with_freq(index, note["freq"]) if note.get("freq") else index


def with_freq(index: Any, freq: str) -> Any:
    """Returns an index of times with its frequency; without, where it has gaps by now."""
    index = index.copy()
    with contextlib.suppress(ValueError, AttributeError):
        index.freq = freq
    return index
