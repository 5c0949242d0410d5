"""The same calls for asyncio and trio: `await dsp.aio.push("sales", table)`.

Each call runs in a thread, as most of its time is spent in libraries that know nothing of event
loops: making Parquet, hashing, reading files. A task that is cancelled stops its transfer between
two pieces, and makes no frame that was not begun; a frame is made whole or not at all. anyio waits
for the thread then, asyncio does not.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from dsp import attachment as _attachment
from dsp import pulling, pushing, sharing, stacks
from dsp.transfer import checkpoint
from dsp.widgets import Widget

__all__ = [
    "Attachment",
    "Events",
    "Frame",
    "Stack",
    "StackFrame",
    "create_frame",
    "follow",
    "frame",
    "ls",
    "open",
    "pull",
    "pull_data",
    "push",
    "push_frame",
    "search",
    "share",
    "share_with",
    "stack",
    "watch",
]

P = ParamSpec("P")
T = TypeVar("T")


async def _run(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Makes a call in a thread, where it sees that the task was cancelled."""
    given_up = threading.Event()

    def check() -> None:
        # A task that asyncio cancels, as `asyncio.wait_for` does, leaves the thread alone.
        if given_up.is_set():
            raise CancelledError
        anyio.from_thread.check_cancelled()

    def called() -> T:
        checkpoint.set(check)
        return call(*args, **kwargs)

    try:
        return await anyio.to_thread.run_sync(called)
    except anyio.get_cancelled_exc_class():
        given_up.set()
        raise


def _twin(call: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    @functools.wraps(call)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(call, *args, **kwargs)

    return twin


async def _each(items: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """Gives the items of an iterator, each fetched in a thread."""
    found = await _run(items)

    def following() -> list[T]:
        return list(itertools.islice(found, 1))

    while one := await _run(following):
        yield one[0]


push = _twin(pushing.push)
push_frame = _twin(pushing.push_frame)
pull = _twin(pulling.pull)
pull_data = _twin(pulling.pull_data)
search = _twin(stacks.search)
share = _twin(sharing.share)
share_with = _twin(sharing.share_with)
follow = _twin(sharing.follow)
open = _twin(sharing.open)


async def stack(ref: str) -> Stack:
    """Finds a stack; see `dsp.stack`."""
    return Stack(await _run(stacks.stack, ref))


async def ls(context: str | None = None) -> list[Stack]:
    """Lists the stacks of a context, or of all; see `dsp.ls`."""
    return [Stack(one) for one in await _run(stacks.ls, context)]


class _Twin:
    """An object whose calls are awaited; `plain` is the one that it stands for."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    def __repr__(self) -> str:
        return f"<async {self.plain!r}>"

    @property
    def reference(self) -> str:
        """The reference that means it."""
        return str(self.plain.reference)


class Attachment(_Twin):
    """The twin of `dsp.Attachment`; what is known without its bytes is in `plain`."""

    plain: _attachment.Attachment

    async def read(self) -> bytes:
        """Returns all bytes."""
        return await _run(self.plain.read)

    async def text(self) -> str:
        """Returns the bytes as UTF-8 text."""
        return await _run(self.plain.text)

    async def read_range(self, start: int, end: int) -> bytes:
        """Returns the bytes from `start` up to and without `end`, where they are here."""
        return await _run(self.plain.read_range, start, end)

    async def save(self, to: str | Path | None = None) -> Path:
        """Writes the bytes to a file, whole or not at all, and returns where."""
        return await _run(self.plain.save, to)

    async def save_csv(self, to: str | Path) -> Path:
        """Writes a table to a file as CSV, whatever format it was pushed in, and returns where."""
        return await _run(self.plain.save_csv, to)

    async def save_parquet(self, to: str | Path) -> Path:
        """Writes a table to a file as Parquet, whatever format it was pushed in; returns where."""
        return await _run(self.plain.save_parquet, to)

    async def may_run_code(self) -> bool:
        """Tells whether what runs code on load may be loaded."""
        return await _run(self.plain.may_run_code)

    async def author(self) -> str:
        """Returns the petname of who pushed it, else the id."""
        return await _run(lambda: self.plain.author)


class Frame(_Twin):
    """The twin of `dsp.Frame`; its message, params and other facts are in `plain`."""

    plain: stacks.Frame

    @property
    def id(self) -> str:
        """The id: 64 hexadecimal digits."""
        return self.plain.id

    async def attachments(self) -> list[Attachment]:
        """Returns all attachments, by path."""
        found = await _run(lambda: list(self.plain.attachments))
        return [Attachment(one) for one in found]

    async def attachment(
        self, which: str | int | None = None, params: Mapping[str, Any] | None = None
    ) -> Attachment:
        """Returns one attachment: by path, by index from zero, or the first with parameters."""
        return Attachment(await _run(self.plain.attachment, which, params))

    async def history(self) -> AsyncIterator[Frame]:
        """Gives this frame and those behind it that are here, the latest first."""
        async for one in _each(self.plain.history):
            yield Frame(one)

    async def latest(self, meta: Mapping[str, Any]) -> Frame:
        """Returns the latest frame, from this one back, whose parameters hold all of `meta`."""
        return Frame(await _run(self.plain.latest, meta))

    async def pull(self, which: str | int | None = None, **options: Any) -> Any:
        """Returns an attachment as an object; the options are those of `dsp.Frame.pull`."""
        return await _run(self.plain.pull, which, **options)


class Stack(_Twin):
    """The twin of `dsp.Stack`."""

    plain: stacks.Stack

    async def head(self) -> Frame:
        """Returns the current frame."""
        return await self.frame("head")

    async def frame(self, rev: str = "head") -> Frame:
        """Returns a frame: `head`, `head~2`, a tag, or the beginning of an id."""
        return Frame(await _run(self.plain.frame, rev))

    async def frames(self) -> AsyncIterator[Frame]:
        """Gives the frames that are here, the latest first."""
        async for one in _each(self.plain.frames):
            yield Frame(one)

    async def tags(self) -> dict[str, str]:
        """Returns the tags, and the ids of the frames they are on."""
        return await _run(lambda: self.plain.tags)

    async def tag(self, name: str, rev: str = "head") -> None:
        """Puts a tag on a frame, or moves it there."""
        await _run(self.plain.tag, name, rev)

    async def untag(self, name: str) -> None:
        """Takes a tag away."""
        await _run(self.plain.untag, name)

    async def diff(self, before: str = "head~1", after: str = "head") -> dict[str, Any]:
        """Tells what differs between two revisions."""
        return await _run(self.plain.diff, before, after)

    async def lineage(self, rev: str = "head", depth: int = 16) -> dict[str, Any]:
        """Returns what a frame was made from, and that in turn."""
        return await _run(self.plain.lineage, rev, depth)

    async def pull(self, params: Mapping[str, Any] | None = None, **values: Any) -> Any:
        """Returns an attachment of the head as an object."""
        return await _run(self.plain.pull, params, **values)

    async def remove(self) -> None:
        """Removes the stack of mine; `dsp undo` brings it back."""
        await _run(self.plain.remove)


class StackFrame:
    """The twin of `dsp.StackFrame`: `async with dsp.aio.create_frame("sales") as frame`."""

    def __init__(self, make: Callable[[], pushing.StackFrame]) -> None:
        self._make = make
        self._made: pushing.StackFrame | None = None
        self._lock = anyio.Lock()

    async def __aenter__(self) -> StackFrame:
        (await self._plain()).__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Who was cancelled sends nothing, and still puts away the files of what was committed.
        with anyio.CancelScope(shield=kind is not None):
            plain = await self._plain()
            await _run(plain.__exit__, kind, error, trace)

    async def commit(self, obj: Any, *args: Any, **kwargs: Any) -> StackFrame:
        """Adds an object as an attachment; the arguments are those of `dsp.StackFrame.commit`."""
        plain = await self._plain()
        async with self._lock:
            await _run(plain.commit, obj, *args, **kwargs)
        return self

    add = commit

    async def input(self, ref: str) -> StackFrame:
        """Says that the frame is made from another: its lineage."""
        plain = await self._plain()
        async with self._lock:
            await _run(plain.input, ref)
        return self

    async def param(self, name: str, widget: Widget) -> StackFrame:
        """Says how pages ask for a parameter of the attachments."""
        (await self._plain()).param(name, widget)
        return self

    async def push(self, *args: Any, **kwargs: Any) -> pushing.PushResult:
        """Makes the frame; the arguments are those of `dsp.StackFrame.push`."""
        plain = await self._plain()
        async with self._lock:
            return await _run(plain.push, *args, **kwargs)

    async def _plain(self) -> pushing.StackFrame:
        async with self._lock:
            if self._made is None:
                self._made = await _run(self._make)
            return self._made


def create_frame(
    stack: str,
    profile: str = "default",
    access: str | None = None,
    auto_push: bool = False,
    check_access: bool = True,
) -> StackFrame:
    """Begins a frame of a stack; nothing is sent before its first call is awaited."""
    return StackFrame(
        functools.partial(pushing.create_frame, stack, profile, access, auto_push, check_access)
    )


frame = create_frame


class Events:
    """Events as they happen: `async with dsp.aio.watch() as events: async for event in events`."""

    def __init__(self, make: Callable[[], sharing.Events]) -> None:
        self._make = make
        self._made: sharing.Events | None = None
        # A thread of its own: who watches for hours takes none from the calls.
        self._limiter = anyio.CapacityLimiter(1)

    async def __aenter__(self) -> Events:
        if self._made is None:
            self._made = await _run(self._make)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> sharing.Event:
        await self.__aenter__()
        assert self._made is not None
        made = self._made
        try:
            event = await anyio.to_thread.run_sync(
                next, made, None, abandon_on_cancel=True, limiter=self._limiter
            )
        except anyio.get_cancelled_exc_class():
            made.interrupt()
            raise
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Ends the events."""
        if self._made is not None:
            self._made.interrupt()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._made.close, limiter=self._limiter)


def watch(
    ref: str | None = None,
    *,
    topics: Sequence[str] = ("stack",),
    timeout_seconds: float | None = None,
) -> Events:
    """Gives events as they happen, from the time it is entered; see `dsp.watch`."""
    return Events(
        functools.partial(sharing.watch, ref, topics=topics, timeout_seconds=timeout_seconds)
    )
