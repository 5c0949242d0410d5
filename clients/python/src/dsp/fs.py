"""The fsspec filesystem `dsp://`: read-only, by the URLs of attachments.

`dsp://USER/CONTEXT/STACK[@REV]#PATH`, or `?rev=REV&path=PATH`. The path may be left out where there
is one attachment. `me` is whoever runs the daemon.
"""

from __future__ import annotations

from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from dsp.attachment import Attachment
from dsp.client import segment
from dsp.errors import DspError, NotFoundError, RefusedError
from dsp.reference import SCHEME
from dsp.stacks import Frame, frame_of, ls


class DspFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Attachments as files, a frame as the folder of its attachments."""

    protocol = "dsp"
    root_marker = ""

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return str(path).removeprefix(SCHEME).rstrip("/")

    def unstrip_protocol(self, name: str) -> str:
        """Returns the whole URL."""
        return SCHEME + str(self._strip_protocol(name))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """Lists the attachments of a frame, or under `USER/CONTEXT` its stacks."""
        path = self._strip_protocol(path)
        base, mark, _ = path.partition("#")
        user, _, below = base.partition("/")
        context, _, stack = below.partition("/")
        if user and context and not stack:
            label = context if user == "me" else f"{user}/{context}"
            entries = [
                {"name": f"{base}/{one.name}", "size": 0, "type": "directory"} for one in ls(label)
            ]
        elif mark:
            entries = [self.info(path)]
        else:
            frame = self._frame(path)
            entries = [self._entry(f"{base}#{one.path}", one) for one in frame.attachments]
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Describes an attachment: name, size in bytes, type, media type and BLAKE3."""
        path = self._strip_protocol(path)
        return self._entry(path, self._attachment(path))

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Finds attachments of one frame whose paths fit the pattern after `#`."""
        from fnmatch import fnmatchcase

        base, _, pattern = self._strip_protocol(path).partition("#")
        found = {
            f"{base}#{one.path}": one
            for one in self._frame(base).attachments
            if fnmatchcase(one.path, pattern or "*")
        }
        if kwargs.get("detail"):
            return {name: self._entry(name, one) for name, one in found.items()}
        return sorted(found)

    def isfile(self, path: str) -> bool:
        """Tells whether the URL means one attachment."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        if mode != "rb":
            raise _read_only(path)
        one = self._attachment(self._strip_protocol(path))
        kwargs.pop("size", None)
        return DspFile(self, path, one, size=one.size, mode="rb", **kwargs)

    def created(self, path: str) -> Any:
        """Returns when the frame was made."""
        from datetime import datetime

        return datetime.fromisoformat(self._frame(path).time.replace("Z", "+00:00"))

    def mkdir(self, path: str, *args: Any, **kwargs: Any) -> None:
        """Refuses: frames are made by pushing."""
        raise _read_only(path)

    makedirs = mkdir
    rmdir = mkdir
    _rm = mkdir
    rm = mkdir
    rm_file = mkdir
    cp_file = mkdir
    touch = mkdir
    pipe_file = mkdir
    put_file = mkdir
    mv = mkdir

    def _frame(self, path: str) -> Frame:
        try:
            frame, _ = frame_of(SCHEME + self._strip_protocol(path).partition("#")[0])
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        return frame

    def _attachment(self, path: str) -> Attachment:
        try:
            frame, which = frame_of(SCHEME + path)
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        found = frame.attachments
        if which is not None:
            found = [one for one in found if one.path == which]
        if len(found) != 1:
            raise FileNotFoundError(
                f"{SCHEME}{path} means {len(found) or 'no'} attachments: write #PATH of one"
            )
        return found[0]

    @staticmethod
    def _entry(name: str, one: Attachment) -> dict[str, Any]:
        return {
            "name": name,
            "size": one.size,
            "type": "file",
            "media": one.media,
            "blake3": one.hash,
        }


class DspFile(AbstractBufferedFile):  # type: ignore[misc]
    """One attachment, read by ranges; bytes that are not here are brought from peers at first."""

    def __init__(self, fs: DspFileSystem, path: str, one: Attachment, **kwargs: Any) -> None:
        self._attachment = one
        super().__init__(fs, path, **kwargs)

    def _fetch_range(self, start: int, end: int) -> bytes:
        one = self._attachment
        caller = one.caller()
        path = f"/blobs/{segment(one.hash)}"
        try:
            return caller.read_range(path, None, start, end)
        except DspError as error:
            if error.code != "blob_not_local":
                raise
            caller.steps("/fetch", {"ref": one.reference})
            return caller.read_range(path, None, start, end)


def _read_only(path: str) -> RefusedError:
    return RefusedError(
        f"{SCHEME}{path} is read-only: a frame never changes",
        hint="dsp.push makes a new frame on top of the stack",
    )
