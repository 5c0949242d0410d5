"""Tables with geometries, as GeoParquet."""

from __future__ import annotations

from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from dsp.errors import DspError, UnsupportedObjectTypeException
from dsp.types.arrow import ROW_GROUP, check_fits, pyarrow
from dsp.types.base import PARQUET, Encoded, instance, library, unreadable, written
from dsp.types.columns import label_of, label_to_json
from dsp.types.pandas import Pandas, with_freq

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_FRAME, _SERIES = "geopandas/geodataframe", "geopandas/geoseries"
_PLAIN = "geopandas/plain"
_SERIES_COLUMN = "geometry"
_ABOUT = "dsp"
"""Attribute with what GeoParquet has no place for."""


class GeoPandas:
    """`GeoDataFrame` and `GeoSeries`: geometries, their reference system, index and types."""

    name = "geopandas"

    def matches(self, value: object) -> bool:
        return instance(value, "geopandas", "GeoDataFrame", "GeoSeries")

    def encode(self, value: Any) -> Encoded:
        import geopandas

        pa = pyarrow()
        series = isinstance(value, geopandas.GeoSeries)
        if not series and value.active_geometry_name is None:
            return _without_geometry(value)
        # GeoParquet has names of columns that are texts, and attributes of the table.
        about: dict[str, Any] = {"freq": getattr(value.index, "freqstr", None)}
        if series:
            about["name"] = label_to_json(value.name)
        frame = value.to_frame(_SERIES_COLUMN) if series else value.copy(deep=False)
        frame.attrs = {**frame.attrs, _ABOUT: about}

        def write(file: IO[bytes]) -> None:
            frame.to_parquet(
                file, compression="zstd", row_group_size=ROW_GROUP, write_page_index=True
            )

        try:
            size = int(frame.memory_usage(deep=True).sum())
            return written(".parquet", PARQUET, _SERIES if series else _FRAME, write, size)
        except (pa.ArrowException, ValueError, TypeError, NotImplementedError) as error:
            raise UnsupportedObjectTypeException(
                "GeoParquet cannot hold this table",
                causes=[str(error)],
                hint="columns are named by text, and their values are of one type each",
            ) from error

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app in (_FRAME, _SERIES, _PLAIN)

    def decode(self, attachment: Attachment) -> Any:
        geopandas = library("geopandas", what=f"the table {attachment.reference}")
        if attachment.app == _PLAIN:
            return geopandas.GeoDataFrame(Pandas().decode(attachment))
        pa = pyarrow()
        try:
            with attachment.open() as file:
                check_fits(pa.parquet.read_metadata(file), file, attachment).look(file)
                file.seek(0)
                frame = geopandas.read_parquet(file)
            about = dict(frame.attrs.pop(_ABOUT, {}))
            if about.get("freq"):
                frame.index = with_freq(frame.index, about["freq"])
            if attachment.app != _SERIES:
                return frame
            column = frame.iloc[:, 0]
            column.name = label_of(about["name"]) if "name" in about else column.name
            return column
        except DspError:
            raise
        # A geometry that is none, beside all that a file can lie about.
        except Exception as error:
            raise unreadable(attachment, "GeoParquet file", error) from error


def _without_geometry(frame: Any) -> Encoded:
    """Writes a table of which no column is the geometry, which GeoParquet has no file for."""
    import pandas

    if any(str(dtype) == "geometry" for dtype in frame.dtypes):
        raise UnsupportedObjectTypeException(
            "no column of the table is its geometry",
            hint="frame.set_geometry(NAME) says which one is",
        )
    return replace(Pandas().encode(pandas.DataFrame(frame)), app=_PLAIN)
