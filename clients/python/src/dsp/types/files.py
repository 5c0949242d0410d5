"""Files and folders, by their paths: read by the daemon where it is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.errors import DspError
from dsp.types.base import Encoded

if TYPE_CHECKING:
    from dsp.attachment import Attachment


class File:
    """`pathlib.Path`: a file keeps its name, a folder brings all that is in it under its name."""

    name = "file"

    def matches(self, value: object) -> bool:
        return isinstance(value, Path)

    def encode(self, value: Any) -> Encoded:
        path = value.absolute()
        if path.is_dir():
            return Encoded("", None, file=path, name=path.resolve().name, folder=True)
        if not path.is_file():
            raise DspError(f"{value} is no file and no folder", hint="is the path right?")
        return Encoded(path.suffix, None, file=path, name=path.name)

    def reads(self, attachment: Attachment) -> bool:
        return False

    def decode(self, attachment: Attachment) -> Any:
        return attachment
