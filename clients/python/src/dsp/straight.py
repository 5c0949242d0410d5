"""Bytes of the daemon into memory that waits for them, without a copy on the way.

Through httpx each byte is copied four times, and each piece costs as many calls as it costs to
decode it. So what is large is asked for over a connection of its own, of the standard library,
which fills memory that it is given. Only the socket of this machine is asked so, and only bytes
that are here are taken: whatever else it answers is left to the usual way, which tells why.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator, Mapping

from dsp.errors import ConnectionLostError
from dsp.transfer import bar, check

_PIECE_BYTES = 1 << 20
_BROKEN = (OSError, http.client.HTTPException)


class _Connection(http.client.HTTPConnection):
    """A connection to a socket of this machine."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextlib.contextmanager
def opened(
    path: str, target: str, headers: Mapping[str, str], into: memoryview, seconds: float
) -> Iterator[Iterator[int] | None]:
    """Asks the daemon at a socket for bytes; what it gives puts them into memory of their size.

    It tells how many are there, each time that some came. None where they are not to be had so.
    """
    with contextlib.closing(_Connection(path, seconds)) as connection:
        answer = None
        with contextlib.suppress(*_BROKEN):
            connection.request("GET", target, headers=dict(headers))
            answer = connection.getresponse()
        # One of unknown length has none.
        fits = answer is not None and answer.status == 200 and answer.length == len(into)
        yield _filled(answer, into) if answer is not None and fits else None


def _filled(answer: http.client.HTTPResponse, into: memoryview) -> Iterator[int]:
    here = 0
    with bar("pull", len(into)) as advance:
        while here < len(into):
            check()
            try:
                came = answer.readinto(into[here : here + _PIECE_BYTES])
            except _BROKEN as error:
                raise _broke_off(str(error) or type(error).__name__) from error
            if came == 0:
                raise _broke_off(f"of {len(into)} bytes {here} came")
            here += came
            yield here
            advance(came)


def _broke_off(cause: str) -> ConnectionLostError:
    return ConnectionLostError(
        "the daemon's answer broke off before its end",
        causes=[cause],
        hint="pull again; `dsp verify` tells whether bytes are damaged here",
    )
