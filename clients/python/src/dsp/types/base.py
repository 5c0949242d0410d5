"""What a type is: how objects of one kind become an attachment, and come back.

A package adds a type by an entry point in the group `dsp.types` that names an object with the
members of `Type`. Types of others are asked before the ones of this package.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from dsp.errors import DspError

if TYPE_CHECKING:
    from dsp.attachment import Attachment

PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"
_TABLES = (
    *(PARQUET, CSV, "application/csv", "text/tab-separated-values"),
    *("application/vnd.apache.arrow.file", "application/vnd.apache.arrow.stream"),
    *("application/x-ndjson", "application/jsonl"),
)
_TABLE_SUFFIXES = (".parquet", ".feather", ".arrow", ".arrows", ".csv", ".tsv", ".jsonl", ".ndjson")
PICKLE = "application/x-python-pickle"
IN_MEMORY_BYTES = 64 << 20
"""Above this, what an object becomes is written to a file, not to memory."""
_CAUSE_CHARACTERS = 300


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


def is_table(attachment: Attachment) -> bool:
    """Tells whether the daemon reads it as a table: by its media type, else by its name."""
    media = attachment.media.partition(";")[0].strip().lower()
    return media in _TABLES or attachment.path.lower().endswith(_TABLE_SUFFIXES)


def is_foreign(attachment: Attachment) -> bool:
    """Tells whether it is a table in a format that the daemon turns into Parquet."""
    return is_table(attachment) and attachment.media != PARQUET


def instance(value: object, module: str, *names: str) -> bool:
    """Tells whether an object is an instance of a class of a library, without importing it."""
    loaded = sys.modules.get(module)
    classes = tuple(c for c in (getattr(loaded, name, None) for name in names) if c is not None)
    return bool(classes) and isinstance(value, classes)


def written(
    suffix: str,
    media: str | None,
    app: str,
    write: Callable[[IO[bytes]], object],
    size: int | None,
) -> Encoded:
    """Has a library write an object into a file that it is given.

    `size` is about how many bytes that will be. What is large, or of a size that nobody knows
    before, goes to a temporary file, so that it does not fill the memory a second time.
    """
    if size is not None and size <= IN_MEMORY_BYTES:
        out = io.BytesIO()
        write(out)
        return Encoded(suffix, media, app, data=out.getvalue())
    handle, name = tempfile.mkstemp(prefix="dsp-", suffix=suffix)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Encoded(suffix, media, app, file=path, temporary=True)


def library(name: str, *, pip: str | None = None, what: str) -> Any:
    """Imports a library that reads or writes a type.

    Raises `DspError`, which says how to install it.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise DspError(
            f"{what} needs {name.partition('.')[0]}",
            causes=[str(error)],
            hint=f"pip install {pip or name.partition('.')[0]}",
        ) from error


def unreadable(attachment: Attachment, what: str, error: BaseException) -> DspError:
    """Returns the error for bytes that are not what their author says they are."""
    # Some libraries put all of what they read into their errors.
    cause = (str(error) or type(error).__name__).splitlines()[0][:_CAUSE_CHARACTERS]
    return DspError(
        f"{attachment.reference} is no {what} that can be read",
        causes=[cause],
        hint=".save() of its attachment writes the bytes to a file, as they are",
    )
