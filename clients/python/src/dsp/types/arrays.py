"""NumPy arrays, in NumPy's own format."""

from __future__ import annotations

import warnings
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

from dsp.errors import DspWarning, UnsupportedObjectTypeException
from dsp.types.base import Encoded, instance, unreadable, written
from dsp.types.tagged import TAGGED, NoTagError, to_text

if TYPE_CHECKING:
    from dsp.attachment import Attachment


_SCALAR = "numpy/scalar"


class Numpy:
    """`numpy.ndarray` and NumPy's scalars, of any shape and type."""

    name = "numpy"

    def matches(self, value: object) -> bool:
        return instance(value, "numpy", "ndarray", "generic")

    def encode(self, value: Any) -> Encoded:
        import numpy

        if isinstance(value, numpy.ma.MaskedArray):
            raise UnsupportedObjectTypeException(
                "an array with a mask would lose it",
                hint="push value.filled(), or a dict of value.data and value.mask",
            )
        plain = isinstance(value, numpy.generic | numpy.memmap) or type(value) is numpy.ndarray
        if not plain:
            warnings.warn(
                f"a {type(value).__name__} comes back as a numpy.ndarray", DspWarning, stacklevel=6
            )
        array = numpy.asarray(value)
        app = _SCALAR if isinstance(value, numpy.generic) else "numpy"
        if array.dtype.hasobject:
            return _of_objects(array)

        def write(file: IO[bytes]) -> None:
            numpy.save(file, array, allow_pickle=False)

        return written(".npy", "application/x-npy", app, write, array.nbytes)

    def reads(self, attachment: Attachment) -> bool:
        return attachment.media == "application/x-npy"

    def decode(self, attachment: Attachment) -> Any:
        import numpy

        try:
            with attachment.open() as file:
                array = numpy.load(file, allow_pickle=False)
        # Its header is read as a piece of Python.
        except (*(ValueError, EOFError, OSError, MemoryError), *(SyntaxError, TokenError)) as error:
            raise unreadable(attachment, "array of NumPy", error) from error
        return array[()] if attachment.app == _SCALAR and array.shape == () else array


def _of_objects(array: Any) -> Encoded:
    """Writes Python objects as JSON that says what each is."""
    try:
        if array.dtype.kind != "O":
            raise NoTagError(f"it has records: {array.dtype}")
        text = to_text(array)
    except NoTagError as error:
        raise UnsupportedObjectTypeException(
            f"an array of {array.dtype} holds Python objects, which only pickle could save",
            causes=[str(error)],
            hint='give it a type of its own with .astype, or push(..., encoder="pickle")',
        ) from error
    return Encoded(".json", "application/json", TAGGED, data=text.encode())
