"""CSV with a note of its types beside it, as the R package writes tables.

The note of `weekly.csv` is `weekly.csv-metadata.json`, in the form of the W3C's "CSV on the Web":
`datatype` and `null` of each column, and under names that begin with `dsp:` what that has no word
for: levels, time zones, row names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsp.errors import ConflictError, DspError, NotFoundError
from dsp.types.base import unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment
    from dsp.client import Client

METADATA = "-metadata.json"
_WHOLE = {"int": ("int32", "Int32"), "long": ("int64", "Int64")}
_UNITS = {"secs": "s", "mins": "min", "hours": "h", "days": "D", "weeks": "W"}
_NOTE_BYTES = 16 << 20
"""The longest note that is read: levels of factors, mostly."""
_AS_IT_IS = "pull(..., decoder=lambda attachment: attachment.read()) returns the bytes"
Note = dict[str, Any]


def note_of(attachment: Attachment) -> Note | None:
    """Returns the note beside a CSV that R pushed, or nothing where there is none.

    Raises `DspError` for one that is none.
    """
    if not (attachment.app or "").startswith("r/"):
        return None
    caller, ref = attachment.caller(), attachment.reference + METADATA
    try:
        try:
            data = _bytes(caller, ref)
        except ConflictError as error:
            if error.code != "blob_not_local":
                raise
            caller.steps("/fetch", {"ref": ref})
            data = _bytes(caller, ref)
    except NotFoundError:
        return None
    try:
        if len(data) > _NOTE_BYTES:
            raise ValueError(f"it exceeds {_NOTE_BYTES:,} bytes")
        note = json.loads(data)
    except (RecursionError, ValueError) as error:
        raise DspError(
            f"the note of the types of {attachment.reference} cannot be read",
            causes=[str(error)],
            hint=_AS_IT_IS,
        ) from error
    return note if isinstance(note, dict) else {}


def _bytes(caller: Client, ref: str) -> bytes:
    """Returns a note, or the beginning of what is too long for one."""
    read = bytearray()
    with caller.download("/content", {"ref": ref}) as pieces:
        for piece in pieces:
            read += piece
            if len(read) > _NOTE_BYTES:
                break
    return bytes(read)


def read(attachment: Attachment, note: Note) -> Any:
    """Reads the table, each column in the type that the note says.

    Raises `DspError` where the note and the table do not fit.
    """
    import pandas

    texts = fields(attachment, dtype=str, na_filter=False, skip_blank_lines=False, header=None)
    # The names, without which pandas finds no columns where there are no rows.
    texts = texts.iloc[1:].reset_index(drop=True)
    try:
        schema = note["tableSchema"]
        columns = schema["columns"]
        if len(columns) != texts.shape[1]:
            raise ValueError(f"{texts.shape[1]} columns, and {len(columns)} in the note")
        values = [_column(texts[at], one) for at, one in enumerate(columns)]
        table = pandas.concat(values, axis=1) if values else texts
        table.columns = pandas.Index([str(one["titles"]) for one in columns])
        labels = schema.get("dsp:rowNames")
        if labels is not None and labels == columns[0]["titles"]:
            table = table.iloc[:, 1:].set_axis(pandas.Index(values[0].array), axis=0)
    # The name of a zone may be that of a folder.
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise DspError(
            f"{attachment.reference} and the note of its types do not fit",
            causes=[str(error)],
            hint=_AS_IT_IS,
        ) from error
    return table


def fields(attachment: Attachment, **options: Any) -> Any:
    """Reads a CSV by pandas, whose options they are.

    Raises `DspError` that names the line: with the column, where its encoding is broken.
    """
    import pandas

    try:
        with attachment.open() as file:
            return pandas.read_csv(file, encoding="utf-8", **options)
    except UnicodeDecodeError:
        # It says where.
        attachment.text()
        raise
    # A line with too many fields, nothing at all: those of pandas are of this class.
    except ValueError as error:
        raise unreadable(attachment, "CSV file", error) from error


def _column(fields: Any, note: Note) -> Any:
    import pandas

    datatype = note.get("datatype", "string")
    kind = datatype["base"] if isinstance(datatype, dict) else datatype
    null = note.get("null", "")
    missing = fields == null if isinstance(null, str) else fields != fields
    if note.get("dsp:escape") == "percent":
        fields = fields.str.replace("%0D", "\r", regex=False).str.replace("%25", "%", regex=False)
    present = fields.mask(missing)
    if "dsp:levels" in note:
        levels, ordered = note["dsp:levels"], bool(note.get("dsp:ordered"))
        if not set(present.dropna()) <= set(levels):
            raise ValueError(f"a value of {note['titles']!r} is none of its levels")
        return pandas.Series(pandas.Categorical(present, categories=levels, ordered=ordered))
    if kind in _WHOLE:
        strict, nullable = _WHOLE[kind]
        numbers = [pandas.NA if gone else int(f) for f, gone in zip(fields, missing, strict=True)]
        return pandas.Series(numbers, dtype=nullable if missing.any() else strict)
    if kind == "double":
        floats = [
            float("nan") if gone else float(f) for f, gone in zip(fields, missing, strict=True)
        ]
        series = pandas.Series(floats, dtype="float64")
        units = note.get("dsp:units")
        return series if units is None else pandas.to_timedelta(series, unit=_UNITS[units])
    if kind == "boolean":
        if not set(present.dropna()) <= {"TRUE", "FALSE"}:
            raise ValueError(f"a value of {note['titles']!r} is neither TRUE nor FALSE")
        truths = [
            pandas.NA if gone else f == "TRUE" for f, gone in zip(fields, missing, strict=True)
        ]
        return pandas.Series(truths, dtype="boolean" if missing.any() else "bool")
    if kind == "date":
        return pandas.to_datetime(present, format="%Y-%m-%d")
    if kind == "dateTime":
        moments = pandas.to_datetime(present, format="ISO8601", utc=True)
        zone = note.get("dsp:zone")
        return moments.dt.tz_convert(zone) if zone else moments
    if kind != "string":
        raise ValueError(f"the type {kind!r} is not known here")
    return present
