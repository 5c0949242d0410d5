"""Bars on long transfers, where somebody looks."""

import contextlib
import fcntl
import io
import os
import pty
import socket
import struct
import subprocess
import sys
import termios
import threading

import pytest
from conftest import DEADLINE_SECONDS

import dsp
from dsp import transfer, wire
from dsp.client import Client

LONG = transfer.LONG_BYTES

CODE = f"""
from dsp import transfer, wire
transfer._DELAY_SECONDS = 0
pieces = [bytes(1 << 20)] * ({LONG} >> 20)
print(sum(map(len, transfer.watched(pieces, "push", %s))))
"""


def told(size, terminal=True, **environment):
    """What a process shows on its standard error, which is a terminal or not."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", CODE % size],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, **environment},
    ) as process:
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    os.close(theirs)
    assert int(out) == LONG
    os.set_blocking(ours, False)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # The terminal's other end is closed.
        pass
    os.close(ours)
    return shown.decode()


def test_a_long_transfer_shows_how_far_it_is():
    shown = told(LONG)
    assert "push" in shown
    assert "8.00M" in shown


@pytest.mark.parametrize(
    ("size", "terminal", "environment"),
    [
        (LONG - 1, True, {}),
        (None, True, {}),
        (LONG, False, {}),
        (LONG, True, {"DSP_PROGRESS": "0"}),
    ],
    ids=["short", "of unknown length", "not to a terminal", "turned off"],
)
def test_others_show_nothing(size, terminal, environment):
    assert told(size, terminal, **environment) == ""


def test_without_tqdm_it_goes_on_without_a_bar(monkeypatch):
    monkeypatch.setattr(
        sys, "stderr", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})()
    )
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(transfer.watched([b"a", b"b"], "push", LONG)) == [b"a", b"b"]
    assert sys.stderr.getvalue() == ""


def test_a_kernel_counts_as_a_place_where_somebody_looks(monkeypatch):
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", type("IPython", (), {"get_ipython": lambda: shell}))
    assert transfer.in_notebook()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert transfer._tqdm() is not None
    monkeypatch.delitem(sys.modules, "IPython")
    assert not transfer.in_notebook()
    assert transfer._tqdm() is None


def test_what_the_daemon_does_by_itself_has_a_bar_too(monkeypatch):
    shown = []

    @contextlib.contextmanager
    def bar(what, total):
        moved = []
        shown.append((what, total, moved))
        yield moved.append

    monkeypatch.setattr(wire, "bar", bar)
    with contextlib.ExitStack() as stack:
        far = wire.Far(stack)
        for what, done in (("hash", 1), ("hash", 5), ("hash", 5), ("copy", 2), ("copy", 9)):
            far.told({"what": what, "bytes": done, "bytes_total": 9})
        far.told({"what": "of unknown length", "bytes": 1})
    assert shown == [("hash", 9, [1, 4, 0]), ("copy", 9, [2, 7])]


@contextlib.contextmanager
def answering(folder, answer):
    """A caller of a program that answers each request at a socket with the same bytes."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        asked = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        asked.append(connection.recv(1 << 16))
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield Client("http://127.0.0.1:1", "secret", socket=str(path), local=True), asked
        listener.shutdown(socket.SHUT_RDWR)


def head(status, length):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, length)


def filled(caller, memory):
    with caller.download_into("/blobs/x", memoryview(memory)) as told:
        return None if told is None else list(told)


def test_bytes_come_straight_into_memory(tmp_path):
    sent = os.urandom(3 << 20)
    memory = bytearray(len(sent))
    with answering(tmp_path, head(200, len(sent)) + sent) as (caller, asked):
        told = filled(caller, memory)
    assert told[-1] == len(sent)
    assert told == sorted(told)
    assert memory == sent
    (request,) = asked
    lines = request.split(b"\r\n")
    assert lines[0] == b"GET /api/v1/blobs/x HTTP/1.1"
    assert {b"Host: 127.0.0.1:1", b"Authorization: Bearer secret"} < set(lines)


@pytest.mark.parametrize(
    "answer",
    [
        head(404, 2) + b"{}",
        head(206, 3 << 20) + bytes(3 << 20),
        head(200, 5) + b"short",
        head(200, (3 << 20) + 1) + bytes((3 << 20) + 1),
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"no answer of a daemon\r\n\r\n",
        b"",
    ],
)
def test_what_does_not_fit_is_left_to_the_usual_way(answer, tmp_path):
    with answering(tmp_path, answer) as (caller, _):
        memory = bytearray(3 << 20)
        assert filled(caller, memory) is None
        assert memory == bytes(3 << 20)
    # No daemon is there any more.
    assert filled(caller, memory) is None


def test_little_is_not_worth_a_connection_of_its_own(tmp_path):
    with answering(tmp_path, head(200, 9) + bytes(9)) as (caller, asked):
        assert filled(caller, bytearray(9)) is None
    assert asked == []


def test_bytes_that_break_off_on_their_way_into_memory(tmp_path):
    with (
        answering(tmp_path, head(200, 3 << 20) + bytes(2 << 20)) as (caller, _),
        pytest.raises(dsp.ConnectionLostError, match=r"(?s)before its end.*cause.*hint: pull ag"),
    ):
        filled(caller, bytearray(3 << 20))


def test_who_gives_up_ends_a_transfer_into_memory(tmp_path):
    given = transfer.checkpoint.set(lambda: 1 / 0)
    try:
        with (
            answering(tmp_path, head(200, 3 << 20) + bytes(3 << 20)) as (caller, _),
            pytest.raises(ZeroDivisionError),
        ):
            filled(caller, bytearray(3 << 20))
    finally:
        transfer.checkpoint.reset(given)


def test_a_large_table_comes_so(here, monkeypatch):
    import pyarrow as pa

    ways = []
    into = Client.download_into

    @contextlib.contextmanager
    def seen(self, path, memory):
        with into(self, path, memory) as told:
            ways.append(told is not None)
            yield told

    monkeypatch.setattr(Client, "download_into", seen)
    table = pa.table({"n": pa.array(os.urandom(5 << 20))})
    dsp.push("transfer/table", table)
    assert dsp.pull("transfer/table").equals(table)
    assert ways == [True]
