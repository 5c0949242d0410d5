"""What a type is: how objects of one kind become an attachment, and come back.

A package adds a type by an entry point in the group `dsp.types` that names an object with the
members of `Type`. Types of others are asked before the ones of this package.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dsp.attachment import Attachment

PARQUET = "application/vnd.apache.parquet"
PICKLE = "application/x-python-pickle"


@dataclass
class Encoded:
    """An object as bytes: `data`, or a `file` that is read when it is pushed.

    `suffix` is the end of its path with the dot, `media` its media type (guessed from the path
    when None), and `app` says what opens it. A `name` takes the place of one made up. A file is
    deleted after the push where it is `temporary`.
    """

    suffix: str
    media: str | None
    app: str | None = None
    data: bytes | None = None
    file: Path | None = None
    temporary: bool = False
    name: str | None = None
    folder: bool = False

    def discard(self) -> None:
        """Deletes the file if it is a temporary one."""
        if self.temporary and self.file is not None:
            self.file.unlink(missing_ok=True)


class Type(Protocol):
    """One kind of object. It imports its library only once it is needed."""

    name: str

    def matches(self, value: object) -> bool:
        """Tells whether the type takes an object."""

    def encode(self, value: Any) -> Encoded:
        """Turns an object into bytes.

        Raises `UnsupportedObjectTypeException` when a value of it would be lost.
        """

    def reads(self, attachment: Attachment) -> bool:
        """Tells whether the type can read an attachment, which has not been fetched yet."""

    def decode(self, attachment: Attachment) -> Any:
        """Turns an attachment back into an object."""


def instance(value: object, module: str, *names: str) -> bool:
    """Tells whether an object is an instance of a class of a library, without importing it."""
    loaded = sys.modules.get(module)
    classes = tuple(c for c in (getattr(loaded, name, None) for name in names) if c is not None)
    return bool(classes) and isinstance(value, classes)
