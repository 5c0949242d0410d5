"""Plots: matplotlib and seaborn as pictures, plotly as its own JSON."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment

SVG_BYTES = 1_000_000
"""The largest SVG that is pushed; a larger plot becomes a PNG."""
_PNG_SCALE = 2


@dataclass(frozen=True)
class Picture:
    """A plot as it was drawn: `data` in the format that `media` names.

    A notebook shows it. SVG it shows as an image, in which no script of somebody else runs and
    nothing is loaded from elsewhere, and not as a part of its page.
    """

    data: bytes
    media: str
    path: str

    def save(self, path: str | Path) -> Path:
        """Writes it to a file and returns where."""
        target = Path(path)
        target.write_bytes(self.data)
        return target

    def __repr__(self) -> str:
        return f"Picture({self.path!r}, {self.media}, {len(self.data)} bytes)"

    def _repr_html_(self) -> str | None:
        if self.media != "image/svg+xml":
            return None
        data = base64.b64encode(self.data).decode()
        return f'<img alt="{html.escape(self.path)}" src="data:image/svg+xml;base64,{data}">'

    def _repr_png_(self) -> bytes | None:
        return self.data if self.media == "image/png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.media == "image/jpeg" else None


class Matplotlib:
    """matplotlib's `Figure` and `Axes`, and seaborn's grids; they come back as `Picture`."""

    name = "matplotlib"

    def matches(self, value: object) -> bool:
        return (
            instance(value, "matplotlib.figure", "Figure")
            or instance(value, "matplotlib.axes", "Axes")
            or instance(value, "seaborn.axisgrid", "Grid", "FacetGrid", "PairGrid", "JointGrid")
            or instance(value, "seaborn.objects", "Plot")
        )

    def encode(self, value: Any) -> Encoded:
        import matplotlib

        if instance(value, "seaborn.objects", "Plot"):
            value = value.plot()
            figure, save = value._figure, value.save
        else:
            figure = value if hasattr(value, "savefig") else value.figure
            save = figure.savefig
        out = io.BytesIO()
        # The same plot is the same bytes: no date, and ids that do not change.
        with matplotlib.rc_context({"svg.hashsalt": "dsp"}):
            save(out, format="svg", metadata={"Date": None})
        if out.tell() <= SVG_BYTES:
            return Encoded(".svg", "image/svg+xml", "matplotlib", data=out.getvalue())
        out = io.BytesIO()
        dpi = getattr(figure, "dpi", 100) * _PNG_SCALE
        save(out, format="png", dpi=dpi, metadata={"Software": None})
        return Encoded(".png", "image/png", "matplotlib", data=out.getvalue())

    def reads(self, attachment: Attachment) -> bool:
        known = ("image/svg+xml", "image/png", "image/jpeg")
        return attachment.media in known and attachment.app != "pillow"

    def decode(self, attachment: Attachment) -> Picture:
        return Picture(attachment.read(), attachment.media, attachment.path)


_PACKED = re.compile(r"[iuf][1248]")
"""Types of the arrays that plotly packs."""


def _unpacked(value: Any) -> Any:
    """Makes arrays of what plotly packed as Base64: it would draw them, and give them back so."""
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, data = value.get("dtype"), value.get("bdata")
    if not (isinstance(data, str) and isinstance(kind, str) and _PACKED.fullmatch(kind)):
        return {name: _unpacked(item) for name, item in value.items()}
    numpy = library("numpy", what="an array of a figure of plotly")
    array = numpy.frombuffer(base64.b64decode(data, validate=True), dtype=f"<{kind}").copy()
    shape = value.get("shape")
    return array if shape is None else array.reshape([int(n) for n in str(shape).split(",")])


class Plotly:
    """plotly's figures, with their data; they come back as figures."""

    name = "plotly"

    def matches(self, value: object) -> bool:
        return instance(value, "plotly.basedatatypes", "BaseFigure")

    def encode(self, value: Any) -> Encoded:
        try:
            data = value.to_json().encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise UnsupportedObjectTypeException(
                f"the {type(value).__name__} has a value that plotly's JSON cannot hold",
                causes=[str(error)],
            ) from error
        return Encoded(".json", "application/json", "plotly", data=data)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "plotly"

    def decode(self, attachment: Attachment) -> Any:
        plotly = library("plotly.graph_objects", what=f"the figure {attachment.reference}")
        text = attachment.text()
        try:
            said = json.loads(text)
            return plotly.Figure(_unpacked(said) if '"bdata"' in text else said)
        # Its validators raise whatever the classes of its traces raise.
        except Exception as error:
            raise unreadable(attachment, "figure of plotly", error) from error
