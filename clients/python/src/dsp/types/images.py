"""Images of Pillow: PNG, or TIFF for the modes that PNG has not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_TIFF = ("CMYK", "F", "I", "LAB")


class Pillow:
    """`PIL.Image.Image`, pixel for pixel."""

    name = "pillow"

    def matches(self, value: object) -> bool:
        return instance(value, "PIL.Image", "Image")

    def encode(self, value: Any) -> Encoded:
        out = io.BytesIO()
        if value.mode in _PNG:
            value.save(out, format="PNG")
            return Encoded(".png", "image/png", "pillow", data=out.getvalue())
        if value.mode in _TIFF:
            value.save(out, format="TIFF", compression="tiff_deflate")
            return Encoded(".tiff", "image/tiff", "pillow", data=out.getvalue())
        raise UnsupportedObjectTypeException(
            f"no format keeps an image of mode {value.mode} as it is",
            hint='image.convert("RGB") makes one that can be pushed',
        )

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "pillow"

    def decode(self, attachment: Attachment) -> Any:
        from PIL import Image

        image = Image.open(io.BytesIO(attachment.read()))
        image.load()
        return image
