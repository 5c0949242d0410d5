"""NumPy arrays, in NumPy's own format."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from dsp.errors import UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, unreadable, written

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class Numpy:
    """`numpy.ndarray` and NumPy's scalars, of any shape and type but Python objects."""

    name = "numpy"

    def matches(self, value: object) -> bool:
        return instance(value, "numpy", "ndarray", "generic")

    def encode(self, value: Any) -> Encoded:
        import numpy

        array = numpy.asarray(value)
        if array.dtype.hasobject:
            raise UnsupportedObjectTypeException(
                f"an array of {array.dtype} holds Python objects, which only pickle could save",
                hint="give it a type of its own with .astype, or push a table",
            )

        def write(file: IO[bytes]) -> None:
            numpy.save(file, array, allow_pickle=False)

        return written(".npy", "application/x-npy", "numpy", write, array.nbytes)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == "application/x-npy"

    def decode(self, attachment: Attachment) -> Any:
        import numpy

        try:
            with attachment.open() as file:
                return numpy.load(file, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise unreadable(attachment, "array of NumPy", error) from error
