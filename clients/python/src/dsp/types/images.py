"""Images of Pillow: PNG, or TIFF for what PNG would change."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dsp.errors import DspError, UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, library, unreadable

if TYPE_CHECKING:
    from dsp.attachment import Attachment

_FORMATS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("PNG", ".png", "image/png", {}),
    ("TIFF", ".tiff", "image/tiff", {"compression": "tiff_deflate"}),
)
_PLAIN = ("1", "L", "LA", "RGB", "RGBA", "I;16", "CMYK", "F", "I", "LAB")
"""Modes of which it is known that one of the formats keeps them."""


class Pillow:
    """`PIL.Image.Image`, pixel for pixel, with its palette, colour profile and Exif."""

    name = "pillow"

    def matches(self, value: object) -> bool:
        return instance(value, "PIL.Image", "Image")

    def encode(self, value: Any) -> Encoded:
        frames = getattr(value, "n_frames", 1)
        if frames > 1:
            raise UnsupportedObjectTypeException(
                f"an image of {frames} frames would lose all but one",
                hint="push its file as a pathlib.Path, or image.copy() for the frame it is at",
            )
        cause = f"none of its formats has the mode {value.mode}"
        for name, suffix, media, options in _FORMATS:
            out = io.BytesIO()
            exif = {"exif": value.getexif()} if value.getexif() else {}
            try:
                value.save(out, format=name, **options, **exif)
                if value.mode in _PLAIN or _same(value, out.getvalue()):
                    return Encoded(suffix, media, "pillow", data=out.getvalue())
            except (OSError, ValueError, KeyError, TypeError, SystemError) as error:
                cause = str(error) or cause
        raise UnsupportedObjectTypeException(
            f"no format keeps an image of mode {value.mode} as it is",
            causes=[cause],
            hint='image.convert("RGB") makes one that can be pushed',
        )

    def reads(self, attachment: Attachment) -> bool:
        return attachment.app == "pillow"

    def decode(self, attachment: Attachment) -> Any:
        image = library("PIL.Image", pip="pillow", what=f"the image {attachment.reference}")
        try:
            read = image.open(io.BytesIO(attachment.read()))
            read.load()
        except image.DecompressionBombError as error:
            raise DspError(
                f"{attachment.reference} is larger than Pillow reads: it could be a bomb",
                causes=[str(error)],
                hint="if you trust it, set PIL.Image.MAX_IMAGE_PIXELS before",
            ) from error
        # What is broken in a file of pictures, Pillow tells by any of these.
        except (OSError, ValueError, SyntaxError, KeyError, TypeError, EOFError) as error:
            raise unreadable(attachment, "image", error) from error
        return read


def _same(value: Any, data: bytes) -> bool:
    """Tells whether a file holds the pixels of an image, and the colours that they stand for."""
    from PIL import Image

    read = Image.open(io.BytesIO(data))
    read.load()
    if (read.mode, read.size) != (value.mode, value.size) or read.tobytes() != value.tobytes():
        return False
    return bool(read.convert("RGBA").tobytes() == value.convert("RGBA").tobytes())
