"""Answers of the daemon as they are read: bytes, lines, events, and how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx

from dsp.errors import ConnectionLostError, DspError
from dsp.transfer import bar

_ANSWER_BYTES = 64 << 20
"""The longest answer that is held in memory."""
_LINE_BYTES = 4 << 20


class EventStream:
    """What happens, as it is told; `interrupt` ends it from any thread."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._told = events(answer)
        self._pid = os.getpid()
        self.interrupted = False

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._told)

    def interrupt(self) -> None:
        """Wakes the thread that waits for the next event, which then finds the stream broken.

        A child after `fork` leaves the stream to its parent: the connection is one for both.
        """
        self.interrupted = True
        if self._pid != os.getpid():
            return
        stream = self._answer.extensions.get("network_stream")
        plain = stream.get_extra_info("socket") if stream is not None else None
        if plain is not None:
            with contextlib.suppress(OSError):
                plain.shutdown(socket.SHUT_RDWR)


class Far:
    """How far the daemon is, as a bar."""

    def __init__(self, shown: contextlib.ExitStack) -> None:
        self._shown = shown
        self._what: tuple[str, int] | None = None
        self._done = 0

    def told(self, step: Mapping[str, Any]) -> None:
        """Moves the bar; a step of another kind begins a new one."""
        total = step.get("bytes_total")
        if not isinstance(total, int):
            return
        what = (str(step.get("what")), total)
        if what != self._what:
            self._shown.close()
            self._what, self._done = what, 0
            self._advance = self._shown.enter_context(bar(*what))
        done = int(step.get("bytes", 0))
        self._advance(max(done - self._done, 0))
        self._done = max(done, self._done)


def pieces(answer: httpx.Response) -> Iterator[bytes]:
    """Gives the bytes of an answer as they come; none are packed, as `identity` was asked for."""
    try:
        yield from answer.iter_raw()
    except httpx.TransportError as error:
        raise ConnectionLostError(
            "the daemon's answer broke off before its end",
            causes=[str(error) or type(error).__name__],
            hint="pull again; `dsp verify` tells whether bytes are damaged here",
        ) from error


def filled(into: memoryview, pieces: Iterable[bytes]) -> Iterator[int]:
    """Puts pieces into memory of their size; gives how many bytes are there each time."""
    here = 0
    for piece in pieces:
        if here + len(piece) > len(into):
            break
        into[here : here + len(piece)] = piece
        here += len(piece)
        yield here
    if here != len(into):
        raise ConnectionLostError(
            f"of {len(into)} bytes {here} came", hint="pull again; `dsp verify` tells what is here"
        )


def whole(answer: httpx.Response) -> bytes:
    """Returns all bytes of an answer that is small."""
    read = bytearray()
    for piece in pieces(answer):
        read += piece
        if len(read) > _ANSWER_BYTES:
            raise DspError(f"the daemon's answer exceeds {_ANSWER_BYTES} bytes")
    return bytes(read)


def lines(answer: httpx.Response) -> Iterator[str]:
    """Gives the lines of an answer as they come, without their ends."""
    held = b""
    for piece in pieces(answer):
        *ready, held = (held + piece).split(b"\n")
        if len(held) > _LINE_BYTES:
            raise DspError(f"a line of the daemon's answer exceeds {_LINE_BYTES} bytes")
        yield from (line.decode().rstrip("\r") for line in ready)
    if held:
        yield held.decode()


def events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """Gives the data of server-sent events as they come."""
    data: list[str] = []
    for line in lines(answer):
        if line.startswith("data:"):
            data.append(line[5:].lstrip())
        elif not line and data:
            yield json.loads("\n".join(data))
            data = []
