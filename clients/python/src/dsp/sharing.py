"""Sharing and following, and what happens meanwhile."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dsp.client import client, segment
from dsp.errors import ConfigurationError, ConnectionLostError
from dsp.reference import reference

_WEEK_SECONDS = 7 * 24 * 3600


class Ticket(str):
    """The text that lets its holder follow a context; send it the way you would send a key.

    `stacks`, `frames` and `bytes` say how much became readable, `context` what.
    """

    __slots__ = ("bytes", "context", "frames", "stacks")
    context: str
    stacks: int
    frames: int
    bytes: int

    def __repr__(self) -> str:
        # The whole text would stay in the saved notebook.
        return f"<Ticket {self[:12]}… for {self.context}: {self.stacks} stacks, {self.bytes} bytes>"


@dataclass(frozen=True)
class Followed:
    """A context that is followed."""

    id: str
    label: str
    """How it is written in a reference: `alice/main`."""
    stacks: tuple[str, ...]
    """References of its latest stacks, at most twenty."""
    synced: bool
    """Whether the first sync ended in time."""


@dataclass(frozen=True)
class Event:
    """Something that happened: `name` is like `stack.head_changed`, `data` has the rest."""

    name: str
    data: dict[str, Any]


def share(
    context: str | None = None,
    *,
    role: Literal["reader", "writer"] = "reader",
    expires_seconds: int = _WEEK_SECONDS,
    uses: int | None = None,
) -> Ticket:
    """Makes a ticket for a context, the current one when left out, and returns it.

    Whoever holds it reads all of the context; with the role `writer` they push to it too. It is
    good for seven days, or `expires_seconds`, 0 for ever. `dsp tickets revoke` ends it.
    """
    caller = client()
    label = context if context is not None else caller.get("/node")["context"]
    path = f"/contexts/{segment(label)}"
    readable = caller.get(f"{path}/readable")
    body: dict[str, Any] = {"role": role, "expires_seconds": expires_seconds}
    if uses is not None:
        body["uses"] = uses
    ticket = Ticket(caller.post(f"{path}/tickets", body)["ticket"])
    ticket.context = str(readable["label"])
    ticket.stacks, ticket.frames = int(readable["stacks"]), int(readable["frames"])
    ticket.bytes = int(readable["bytes"])
    return ticket


def share_with(stack: str, users: Sequence[str], *, history: bool = False) -> str:
    """Shows a stack of mine to these users and nobody else; returns the context of its readers.

    With `history` the frames behind the head go along. Nothing comes to the others by itself: they
    find the offer in `dsp offers ls` once they were met, and take it with `dsp.follow()`.
    """
    if isinstance(users, str):
        raise ConfigurationError("users is a list of petnames", hint=f"write [{users!r}]")
    body = {"stack": reference(stack), "with": list(users), "history": history}
    shared = client().post("/shares", body)
    readers = ", ".join(reader["name"] for reader in shared["readers"])
    # A word to a person, and no warning: all went well.
    with contextlib.suppress(AttributeError, OSError, ValueError):  # There is no stderr.
        sys.stderr.write(
            f"{readers}: told of it once met; `dsp offers ls` shows the offer there, and "
            "`dsp follow` or dsp.follow() with its name takes it\n"
        )
    return str(shared["context"])


def follow(
    ticket: str,
    *,
    policy: Literal["all", "heads", "lazy"] | None = None,
    wait_seconds: int = 30,
) -> Followed:
    """Follows a context by a ticket, or one that was offered, `alice/plans`.

    `policy` says whose bytes come by themselves: of all frames, of heads, or none. It returns
    after the first sync, or after `wait_seconds`; the daemon goes on by itself.
    """
    if not isinstance(ticket, str):
        raise ConfigurationError(
            f"a ticket is a text, and this is a {type(ticket).__name__}",
            hint="dsp.share() returns one, `dsp share` prints one",
        )
    body: dict[str, Any] = {"ticket": "".join(ticket.split()), "wait_seconds": wait_seconds}
    if policy is not None:
        body["policy"] = policy
    found = client().steps("/follows", body)
    return Followed(
        id=found["context"]["id"],
        label=found["context"]["label"],
        stacks=tuple(item["reference"] for item in found["stacks"]),
        synced=bool(found["synced"]),
    )


def open(ref: str | None = None) -> str:
    """Opens the daemon's page in the browser, logged in for once, and returns its address.

    With a reference it is checked that there is such a frame; the page is the same.
    """
    caller = client()
    if ref is not None:
        caller.get("/frame", {"ref": reference(ref).partition("#")[0]})
    login = str(caller.post("/login-codes")["url"])
    webbrowser.open(login)
    return caller.address


def watch(
    ref: str | None = None,
    *,
    topics: Sequence[str] = ("stack",),
    timeout_seconds: float | None = None,
) -> Events:
    """Gives events as they happen, from now on: by default new stacks and new heads.

    With `ref` only those of that stack. It ends after `timeout_seconds`, and never when left out.
    When events were lost one named `resync` comes: ask again for what you show. What happened
    between two calls is not told. The connection is open once `watch` returns; the iterator raises
    `ConnectionLostError` when the daemon stops.
    """
    return Events(ref, topics, timeout_seconds)


class Events:
    """Events as they happen; `close`, or the end of a `with` block, ends them.

    Another thread than the one that waits for the next event calls `interrupt`.
    """

    def __init__(
        self, ref: str | None, topics: Sequence[str], timeout_seconds: float | None
    ) -> None:
        caller = client()
        self._deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._stack = caller.get("/stack", {"ref": reference(ref)})["id"] if ref else None
        self._opened = contextlib.ExitStack()
        asked = [topics] if isinstance(topics, str) else topics
        query = {"topics": ",".join(asked) or None}
        self._stream = self._opened.enter_context(caller.events(query, timeout_seconds))
        if self._deadline is not None:
            # What shows that the stream is alive comes in time, so that waiting for it never ends.
            left = max(self._deadline - time.monotonic(), 0)
            timer = threading.Timer(left, self._stream.interrupt)
            timer.daemon = True
            timer.start()
            self._opened.callback(timer.cancel)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        while self._left():
            try:
                data = next(self._stream, None)
            except ConnectionLostError as error:
                if self._stream.interrupted or not self._left():
                    break
                raise _ended(error.causes or (error.detail,)) from error
            if data is None:
                if self._stream.interrupted or not self._left():
                    break
                raise _ended(("the daemon was stopped",))
            name = str(data.pop("event", ""))
            if name == "resync" or self._stack in (None, data.get("stack")):
                return Event(name, data)
        self._opened.close()
        raise StopIteration

    def _left(self) -> bool:
        return self._deadline is None or time.monotonic() < self._deadline

    def interrupt(self) -> None:
        """Has the thread that waits for the next event find that there is none."""
        self._stream.interrupt()

    def close(self) -> None:
        """Ends the events, once no other thread waits for one."""
        self._stream.interrupt()
        self._opened.close()


def _ended(causes: Sequence[str]) -> ConnectionLostError:
    return ConnectionLostError(
        "the daemon tells no more events",
        causes=causes,
        hint="watch again; what came meanwhile is told by dsp.ls and frames()",
    )
