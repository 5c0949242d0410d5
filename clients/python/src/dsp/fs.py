"""The fsspec filesystem `dsp://`: read-only, by the URLs of attachments.

`dsp://USER/CONTEXT/STACK[@REV]#PATH`, or `?rev=REV&path=PATH`. The path may be left out where there
is one attachment. `me` is whoever runs the daemon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from glob import has_magic
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from dsp.attachment import Attachment
from dsp.client import client, segment
from dsp.errors import DspError, NotFoundError, RefusedError
from dsp.reference import SCHEME
from dsp.stacks import Frame, Stack, frame_of, ls


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
        """Lists the attachments of a frame; above it stacks, contexts and users, as folders."""
        path = self._strip_protocol(path)
        base, mark, _ = path.partition("#")
        if mark:
            entries = [self.info(path)]
        else:
            entries = self._below(base)
            if self._names_stack(base):
                with contextlib.suppress(FileNotFoundError):
                    found = self._frame(base).attachments
                    entries = [self._entry(f"{base}#{one.path}", one) for one in found] + entries
        if not entries and not self._is_folder(base):
            raise FileNotFoundError(f"there is nothing at {SCHEME}{base}")
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Describes an attachment: name, size in bytes, type, media type and BLAKE3.

        A frame with several, and what is above frames, is a folder.
        """
        path = self._strip_protocol(path)
        if not self._names_stack(path):
            if self._is_folder(path):
                return self._folder(path)
            raise FileNotFoundError(f"there is nothing at {SCHEME}{path}")
        try:
            return self._entry(path, self._attachment(path))
        except FileNotFoundError:
            if "#" not in path and (self._below(path) or self._is_frame(path)):
                return self._folder(path)
            raise

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Finds attachments by a pattern: `me/main/sales/*#*.parquet`.

        `*` stands for anything: before `#` for users, contexts, and stacks at their heads, after it
        for paths. Without `#` it finds stacks.
        """
        base, mark, pattern = self._strip_protocol(path).partition("#")
        # The question mark of a revision stands for no letter.
        magic = has_magic(base.partition("?rev=")[0])
        bases = self._matching(base) if magic else [base]
        found: dict[str, Any] = {}
        for name in bases:
            if not mark and magic:
                found[name] = self._folder(name)
                continue
            for full, one in self._attachments(name).items():
                if fnmatchcase(one.path, pattern or "*"):
                    found[full] = self._entry(full, one)
        return found if kwargs.get("detail") else sorted(found)

    def isdir(self, path: str) -> bool:
        """Tells whether it is no attachment, but there are some below."""
        try:
            return str(self.info(path)["type"]) == "directory"
        except FileNotFoundError:
            return False

    def ukey(self, path: str) -> str:
        """Returns the BLAKE3 of the bytes: what was cached under it is always right."""
        return str(self.info(path)["blake3"])

    def checksum(self, path: str) -> str:
        """Returns the same, for caches that ask by this name."""
        return self.ukey(path)

    def isfile(self, path: str) -> bool:
        """Tells whether the URL means one attachment."""
        try:
            return str(self.info(path)["type"]) == "file"
        except FileNotFoundError:
            return False

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

    # A frame never changes.
    modified = created

    def mkdir(self, path: str, *args: Any, **kwargs: Any) -> None:
        """Refuses: frames are made by pushing."""
        raise _read_only(path)

    makedirs = mkdir
    rmdir = mkdir
    _rm = mkdir
    rm = mkdir
    rm_file = mkdir
    touch = mkdir
    pipe_file = mkdir

    def put_file(self, lpath: str, rpath: str, *args: Any, **kwargs: Any) -> None:
        """Refuses: frames are made by pushing."""
        raise _read_only(rpath)

    cp_file = put_file
    mv = put_file

    def _frame(self, path: str) -> Frame:
        try:
            frame, _ = frame_of(SCHEME + self._strip_protocol(path).partition("#")[0], client())
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        return frame

    def _attachment(self, path: str) -> Attachment:
        try:
            frame, which = frame_of(SCHEME + path, client())
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

    def _attachments(self, name: str) -> dict[str, Attachment]:
        """Returns the attachments of a frame by their whole names; none where there is no frame."""
        if not self._names_stack(name):
            return {}
        try:
            return {f"{name}#{one.path}": one for one in self._frame(name).attachments}
        except FileNotFoundError:
            return {}

    def _matching(self, base: str) -> list[str]:
        """Returns the names, without attachments, that fit a pattern."""
        user, _, below = base.partition("/")
        context, _, stack = below.partition("/")
        users = [entry["name"] for entry in self._below("")] if has_magic(user) else [user]
        found = [name for name in users if fnmatchcase(name, user)]
        if not context:
            return found
        contexts = [f"{name}/{context}" for name in found]
        if has_magic(context):
            contexts = [entry["name"] for name in found for entry in self._below(name)]
        pattern = f"{user}/{context}"
        found = [name for name in contexts if fnmatchcase(name, pattern)]
        if not stack:
            return found
        stacks = [name for one in found for name in self._stacks(*one.split("/"))]
        return [name for name in stacks if fnmatchcase(name, base)]

    def _is_folder(self, base: str) -> bool:
        """Tells whether there is something below, or could be: a context may be empty."""
        parent = base.rpartition("/")[0]
        listed = not self._names_stack(base) and any(
            entry["name"] == base for entry in self._below(parent)
        )
        return not base or listed or bool(self._below(base))

    def _is_frame(self, path: str) -> bool:
        if not self._names_stack(path):
            return False
        with contextlib.suppress(FileNotFoundError):
            return bool(self._frame(path).attachments)
        return False

    @staticmethod
    def _names_stack(base: str) -> bool:
        return base.count("/") >= 2

    def _below(self, base: str) -> list[dict[str, Any]]:
        """Returns what is one step below a user, a context or the first part of a stack's name."""
        user, _, below = base.partition("/")
        context = below.partition("/")[0]
        names: Iterable[str]
        if not user:
            names = {"me", *(label.partition("/")[0] for label in self._contexts() if "/" in label)}
        elif not context:
            own = self._contexts()
            labels = {f"me/{label}" if "/" not in label else label for label in own}
            names = {label for label in labels if label.startswith(f"{user}/")}
        else:
            start = f"{base}/"
            stacks = self._stacks(user, context)
            names = {
                start + name[len(start) :].partition("/")[0]
                for name in stacks
                if name.startswith(start)
            }
            return [self._stack_entry(name, stacks) for name in sorted(names)]
        return [self._folder(name) for name in sorted(names)]

    @classmethod
    def _stack_entry(cls, name: str, stacks: dict[str, Stack]) -> dict[str, Any]:
        """Describes a stack, or the first part of the names of several, as `info` does."""
        size = stacks[name].only_bytes if name in stacks else None
        if size is None or any(other.startswith(f"{name}/") for other in stacks):
            return cls._folder(name)
        return {"name": name, "size": size, "type": "file"}

    @staticmethod
    def _contexts() -> list[str]:
        return [str(one["label"]) for one in client().pages("/contexts")]

    @staticmethod
    def _stacks(user: str, context: str) -> dict[str, Stack]:
        label = context if user == "me" else f"{user}/{context}"
        try:
            found = {f"{user}/{context}/{one.name}": one for one in ls(label)}
        except NotFoundError:
            return {}
        return dict(sorted(found.items()))

    @staticmethod
    def _folder(name: str) -> dict[str, Any]:
        return {"name": name, "size": 0, "type": "directory"}

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
        f"{SCHEME}{path.removeprefix(SCHEME)} is read-only: a frame never changes",
        hint="dsp.push makes a new frame on top of the stack",
    )
