"""Bars on long transfers, where somebody looks."""

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
from conftest import DEADLINE_SECONDS

from dsp import transfer, wire

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
