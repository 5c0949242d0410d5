"""Polars' tables, as Parquet."""

from __future__ import annotations

import contextlib
import io
import json
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from dsp.errors import DspError, UnsupportedObjectTypeException
from dsp.types.arrow import ROW_GROUP, check_fits, pyarrow
from dsp.types.base import PARQUET, Encoded, instance, unreadable, written

if TYPE_CHECKING:
    from dsp.attachment import Attachment


_NOTE = "dsp:polars"
"""What the footer says under this name: the columns that are of another type here, as JSON."""
_WIDE = ("Int128", "UInt128")
"""Types that no reader of Parquet but polars knows; they are decimals to the others."""


class Polars:
    """`polars.DataFrame`, `LazyFrame` (collected) and `Series`, written by polars itself."""

    name = "polars"

    def matches(self, value: object) -> bool:
        return instance(value, "polars", "DataFrame", "LazyFrame", "Series")

    def encode(self, value: Any) -> Encoded:
        import polars

        app = "polars/dataframe"
        if isinstance(value, polars.LazyFrame):
            value = value.collect()
        elif isinstance(value, polars.Series):
            value, app = value.to_frame(), "polars/series"

        value, wide = _narrowed(value)
        notes = {"metadata": {_NOTE: json.dumps(wide)}} if wide else {}

        def write(file: IO[bytes]) -> None:
            value.write_parquet(file, compression="zstd", row_group_size=ROW_GROUP, **notes)

        try:
            return written(".parquet", PARQUET, app, write, value.estimated_size())
        except BaseException as error:
            if not _is_of_polars(error):
                raise
            raise UnsupportedObjectTypeException(
                _refused(value),
                causes=[str(error)],
                hint="cast it, or leave it out",
            ) from error

    def reads(self, attachment: Attachment) -> bool:
        return (attachment.app or "").startswith("polars/") and attachment.media == PARQUET

    def decode(self, attachment: Attachment) -> Any:
        import polars

        try:
            with attachment.open() as file:
                _check_fits(file, attachment)
                frame = _widened(polars.read_parquet(file), _note(file))
        except BaseException as error:
            if isinstance(error, DspError) or not _is_of_polars(error):
                raise
            raise unreadable(attachment, "Parquet file", error) from error
        return frame.to_series() if attachment.app == "polars/series" else frame


def _narrowed(frame: Any) -> tuple[Any, dict[str, str]]:
    """Makes decimals of whole numbers of 128 bits where they have 38 digits at most.

    Returns which columns these were. Larger numbers, and those within lists and structs, stay what
    they are: only polars reads them.
    """
    import polars

    wide = {}
    for name, kind in frame.schema.items():
        if str(kind) in _WIDE:
            with contextlib.suppress(polars.exceptions.InvalidOperationError):
                column = frame.get_column(name).cast(polars.Decimal(38, 0))
                frame = frame.with_columns(column)
                wide[name] = str(kind)
    return frame, wide


def _note(file: IO[bytes]) -> dict[str, str]:
    """Reads which columns were whole numbers of 128 bits."""
    import polars

    file.seek(0)
    return dict(json.loads(polars.read_parquet_metadata(file).get(_NOTE, "{}")))


def _widened(frame: Any, wide: dict[str, str]) -> Any:
    """Takes `_narrowed` back."""
    import polars

    return frame.cast({name: getattr(polars, kind) for name, kind in wide.items() if kind in _WIDE})


def _check_fits(file: IO[bytes], attachment: Attachment) -> None:
    """Raises `DspError` for a table that no memory holds, where Arrow is here to tell."""
    if find_spec("pyarrow") is None:
        return
    pa = pyarrow()
    with contextlib.suppress(pa.ArrowException):
        check_fits(pa.parquet.read_metadata(file), file, attachment).look(file)
    file.seek(0)


def _refused(frame: Any) -> str:
    """Names the first column that Parquet does not take."""
    refused = (name for name in frame.columns if not _holds(frame.select(name).clear()))
    name = next(refused, None)
    if name is None:
        return "a column has a type that Parquet cannot hold"
    return f"the column {name!r} has the type {frame.schema[name]}, which Parquet cannot hold"


def _holds(frame: Any) -> bool:
    try:
        frame.write_parquet(io.BytesIO())
    except BaseException as error:
        if not _is_of_polars(error):
            raise
        return False
    return True


def _is_of_polars(error: BaseException) -> bool:
    """Tells whether polars may have raised it: what it panics with is no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
