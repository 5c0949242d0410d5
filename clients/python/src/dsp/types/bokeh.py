"""Plots of Bokeh, as the JSON that its own pages embed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class Bokeh:
    """Figures and layouts of Bokeh; they come back as such, with their data."""

    name = "bokeh"

    def matches(self, value: object) -> bool:
        return instance(value, "bokeh.models", "LayoutDOM")

    def encode(self, value: Any) -> Encoded:
        from bokeh.embed import json_item

        try:
            data = json.dumps(json_item(value), ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise UnsupportedObjectTypeException(
                f"the {type(value).__name__} has a value that Bokeh's JSON cannot hold",
                causes=[str(error)],
            ) from error
        return Encoded(".json", "application/json", "bokeh", data=data)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "bokeh"

    def decode(self, attachment: Attachment) -> Any:
        document = library("bokeh.document", what=f"the plot {attachment.reference}")
        library("bokeh.plotting", what=f"the plot {attachment.reference}")
        try:
            item = json.loads(attachment.text())
            read = document.Document.from_json(item["doc"])
            plot = read.get_model_by_id(item["root_id"])
            if plot is None:
                raise ValueError(f"it has no plot {item['root_id']}")
        # Its deserializer raises whatever the classes of its models raise.
        except Exception as error:
            raise unreadable(attachment, "plot of Bokeh", error) from error
        # A plot belongs to one document, and whoever pulls it has one of her own.
        read.remove_root(plot)
        return plot
