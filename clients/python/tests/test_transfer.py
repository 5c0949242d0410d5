"""Bars on long transfers, where somebody looks."""

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

from dsp import transfer

LONG = transfer.LONG_BYTES

CODE = f"""
from dsp import transfer
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
