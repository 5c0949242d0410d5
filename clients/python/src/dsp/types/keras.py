"""Models of Keras, in its own format, whose layers name code to run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.types.base import Encoded, instance, library, unreadable
from dsp.types.models import trusted

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class Keras:
    """`keras.Model`: layers, weights and how it was compiled, as a `.keras` file."""

    name = "keras"

    def matches(self, value: object) -> bool:
        return instance(value, "keras", "Model")

    def encode(self, value: Any) -> Encoded:
        with tempfile.TemporaryDirectory(prefix="dsp-") as folder:
            path = Path(folder) / "model.keras"
            value.save(path)
            data = path.read_bytes()
        return Encoded(".keras", "application/vnd.keras", "keras", data=data)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "keras"

    def decode(self, attachment: Attachment) -> Any:
        trusted(attachment, "a model of Keras")
        keras = library("keras", what=f"the model {attachment.reference}")
        with tempfile.TemporaryDirectory(prefix="dsp-") as folder:
            path = attachment.save(Path(folder) / "model.keras")
            try:
                return keras.models.load_model(path)
            except (ValueError, OSError, KeyError, TypeError) as error:
                raise unreadable(attachment, "model of Keras", error) from error
