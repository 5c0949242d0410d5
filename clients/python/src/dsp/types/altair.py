"""Charts of Altair, as Vega-Lite with their data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_MEDIA = "application/vnd.vegalite+json"
_KINDS = {
    "layer": "LayerChart",
    "hconcat": "HConcatChart",
    "vconcat": "VConcatChart",
    "concat": "ConcatChart",
    "facet": "FacetChart",
    "repeat": "RepeatChart",
}
"""What a chart is that has such a key. Altair itself tries one class after the other, slowly."""


class Altair:
    """`altair.Chart` and what charts are put together to; they come back as charts."""

    name = "altair"

    def matches(self, value: object) -> bool:
        return instance(value, "altair", "TopLevelMixin")

    def encode(self, value: Any) -> Encoded:
        import altair
        from jsonschema.exceptions import ValidationError

        # Altair refuses tables of more than 5,000 rows, for the sake of notebooks that hold them.
        with altair.data_transformers.enable("default", max_rows=None):
            try:
                spec = value.to_dict()
                text = json.dumps(spec, ensure_ascii=False, allow_nan=False)
            except (ValidationError, TypeError, ValueError) as error:
                raise UnsupportedObjectTypeException(
                    f"the {type(value).__name__} is no valid Vega-Lite", causes=[str(error)]
                ) from error
        return Encoded(".vl.json", _MEDIA, "altair", data=text.encode())

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "altair"

    def decode(self, attachment: Attachment) -> Any:
        altair = library("altair", what=f"the chart {attachment.reference}")
        from jsonschema.exceptions import ValidationError

        try:
            spec = json.loads(attachment.text())
            kind = next((name for key, name in _KINDS.items() if key in spec), "Chart")
            return getattr(altair, kind).from_dict(spec)
        except (ValidationError, AttributeError, RecursionError, ValueError, TypeError) as error:
            raise unreadable(attachment, "chart of Altair", error) from error
