"""Tables with geometries, as GeoParquet."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.arrow import ROW_GROUP, pyarrow
from dsp.types.base import PARQUET, Encoded, instance, library, unreadable, written

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_FRAME, _SERIES = "geopandas/geodataframe", "geopandas/geoseries"


class GeoPandas:
    """`GeoDataFrame` and `GeoSeries`: geometries, their reference system, index and types."""

    name = "geopandas"

    def matches(self, value: object) -> bool:
        return instance(value, "geopandas", "GeoDataFrame", "GeoSeries")

    def encode(self, value: Any) -> Encoded:
        import geopandas

        pa = pyarrow()
        series = isinstance(value, geopandas.GeoSeries)
        frame = value.to_frame(value.name or "geometry") if series else value

        def write(file: IO[bytes]) -> None:
            frame.to_parquet(file, compression="zstd", row_group_size=ROW_GROUP)

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
        return attachment.app in (_FRAME, _SERIES)

    def decode(self, attachment: Attachment) -> Any:
        geopandas = library("geopandas", what=f"the table {attachment.reference}")
        pa = pyarrow()
        try:
            with attachment.open() as file:
                frame = geopandas.read_parquet(file)
        except (pa.ArrowException, ValueError, OSError, KeyError) as error:
            raise unreadable(attachment, "GeoParquet file", error) from error
        return frame.iloc[:, 0] if attachment.app == _SERIES else frame
