"""An attachment of a frame that is here or can be brought here."""

from __future__ import annotations

import contextlib
import errno
import html
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dsp.client import Client, Query, segment
from dsp.errors import DspError
from dsp.wire import filled

_SHOWN_BYTES = 16 << 20
"""A longer page is not put into a notebook."""
_IN_MEMORY_BYTES = 64 << 20
"""Above this an attachment that is opened lies in a temporary file, not in memory."""


@dataclass(frozen=True)
class Attachment:
    """One piece of data of a frame: its description, and its bytes once they are asked for.

    `size` is in bytes, `hash` their BLAKE3, `media` the media type, `app` what opens it.
    """

    path: str
    hash: str
    size: int
    media: str
    reference: str
    """`stack@frame#path`, which means this very attachment."""
    app: str | None = None
    description: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    user: str = ""
    """The id of the user who pushed it."""
    _client: Client | None = field(default=None, repr=False, compare=False)
    _allow_code: bool = field(default=False, repr=False, compare=False)

    def _repr_html_(self) -> str | None:
        """Shows a page, such as a widget of R, in a frame from which its scripts reach nothing."""
        if self.media.partition(";")[0] != "text/html" or self.size > _SHOWN_BYTES:
            return None
        page = html.escape(self.text(), quote=True)
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{page}" width="100%" height="480" '
            'style="border: 0"></iframe>'
        )

    def read(self) -> bytes:
        """Returns all bytes."""
        with self.stream() as pieces:
            return b"".join(pieces)

    def read_range(self, start: int, end: int) -> bytes:
        """Returns the bytes from `start` up to and without `end`, where they are here."""
        return self.caller().read_range(f"/blobs/{segment(self.hash)}", None, start, end)

    def text(self) -> str:
        """Returns the bytes as UTF-8 text.

        Raises `DspError` with the line and column of what is none.
        """
        data = self.read()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            before = data[: error.start]
            line = before.count(b"\n") + 1
            column = len(before) - (before.rfind(b"\n") + 1) + 1
            raise DspError(
                f"{self.reference} is not UTF-8: line {line}, column {column}",
                causes=[str(error)],
                hint=".read() returns the bytes",
            ) from error

    @contextlib.contextmanager
    def stream(self) -> Iterator[Iterator[bytes]]:
        """Opens the bytes, to be read piece by piece; brings them here before, from peers."""
        with self._opened(f"/blobs/{segment(self.hash)}") as pieces:
            yield pieces

    @contextlib.contextmanager
    def stream_into(self, memory: memoryview) -> Iterator[Iterator[int]]:
        """As `stream`, but the bytes are put into memory of their size.

        The iterator tells how many are there, each time that some came.
        """
        with contextlib.ExitStack() as opened:
            told = None
            if self._client is not None:
                straight = self._client.download_into(f"/blobs/{segment(self.hash)}", memory)
                told = opened.enter_context(straight)
            yield filled(memory, opened.enter_context(self.stream())) if told is None else told

    @contextlib.contextmanager
    def _opened(self, path: str, query: Query | None = None) -> Iterator[Iterator[bytes]]:
        client = self.caller()
        opened = contextlib.ExitStack()
        with opened:
            try:
                pieces = opened.enter_context(client.download(path, query))
            except DspError as error:
                if error.code != "blob_not_local":
                    raise
                client.steps("/fetch", {"ref": self.reference})
                pieces = opened.enter_context(client.download(path, query))
            yield pieces

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Opens the bytes as a file that can seek; a large one is put aside on the disk."""
        with contextlib.ExitStack() as stack:
            file: IO[bytes]
            if self.size <= _IN_MEMORY_BYTES:
                file = stack.enter_context(io.BytesIO())
            else:
                file = stack.enter_context(tempfile.TemporaryFile(prefix="dsp-"))
            with self.stream() as pieces:
                for piece in pieces:
                    file.write(piece)
            file.seek(0)
            yield file

    def save(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Writes the bytes to a file, or into a folder under its name, and returns where.

        The file is there whole or not at all.
        """
        with self.stream() as pieces:
            return self._save(to, pieces)

    def save_csv(self, to: str | os.PathLike[str]) -> Path:
        """Writes a table to a file as CSV, whatever format it was pushed in, and returns where.

        Types are not in it: `dsp.pull` gives the table with them.
        """
        return self._save_table(to, "csv")

    def save_parquet(self, to: str | os.PathLike[str]) -> Path:
        """Writes a table to a file as Parquet, whatever format it was pushed in; returns where.

        Raises `DspError` that names line and column where the table is broken.
        """
        return self._save_table(to, "parquet")

    def _save_table(self, to: str | os.PathLike[str], format: str) -> Path:
        opened = contextlib.ExitStack()
        with opened:
            query = {"ref": self.reference, "format": format}
            try:
                pieces = opened.enter_context(self._opened("/table", query))
            except DspError as error:
                if error.code != "conflict":
                    raise
                raise DspError(
                    f"{self.reference} cannot be read as a table",
                    code=error.code,
                    causes=(error.detail, *error.causes),
                    hint=".save() of its attachment writes the bytes to a file, as they are",
                ) from None
            return self._save(to, pieces)

    def _save(self, to: str | os.PathLike[str] | None, pieces: Iterator[bytes]) -> Path:
        target = Path(to) if to is not None else Path(Path(self.path).name)
        if target.is_dir():
            target /= Path(self.path).name
        if not target.absolute().parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    file.write(piece)
            beside.chmod(0o666 & ~_umask())
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        return target

    def may_run_code(self) -> bool:
        """Tells whether what runs code on load may be loaded.

        True for what I pushed, with `allow_pickle=True`, and where `dsp trust USER --code` says so.
        """
        if self._allow_code:
            return True
        client = self.caller()
        if self.user and client.get("/node")["user"] == self.user:
            return True
        try:
            peer = client.get(f"/peers/{segment(self.user)}")
        except DspError:
            return False
        return bool((peer.get("trust") or {}).get("code"))

    @property
    def author(self) -> str:
        """The petname of who pushed it, else the id."""
        try:
            return str(self.caller().get(f"/peers/{segment(self.user)}")["name"])
        except DspError:
            return self.user[:8]

    def caller(self) -> Client:
        """Returns the daemon that it came from."""
        if self._client is None:
            raise DspError(f"{self.reference} came from no daemon")
        return self._client


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
