"""Pushes that break off in the middle, and are done again."""

import contextlib
import gc
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest
from conftest import DEADLINE_SECONDS

import dsp
from dsp.client import Client
from dsp.home import client_file
from dsp.types import base

PIECE = 1 << 20
HOST = re.compile(rb"Host: 127\.0\.0\.1:\d+")


class Proxy:
    """Passes bytes on to a daemon, and cuts the line once `allowed` bytes went to it."""

    def __init__(self, port):
        self.allowed = None
        self.sent = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for one, other, counted in ((near, far, True), (far, near, False)):
                    threading.Thread(
                        target=self._pass, args=(one, other, counted), daemon=True
                    ).start()

    def _pass(self, one, other, counted):
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                if counted:
                    self.sent += len(piece)
                    if self.allowed is not None and self.sent > self.allowed:
                        break
                    # The daemon answers to its own address alone.
                    piece = HOST.sub(b"Host: 127.0.0.1:%d" % self._port, piece)
                other.sendall(piece)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()


@pytest.fixture
def proxy(alice, monkeypatch):
    file = client_file(alice.home)
    proxy = Proxy(int(file.address.rpartition(":")[2]))
    monkeypatch.setenv("DSP_URL", proxy.address)
    monkeypatch.setenv("DSP_TOKEN", file.token)
    yield proxy
    proxy.close()


def random_bytes(seed, size):
    return np.random.default_rng(seed).bytes(size)


def test_a_push_that_broke_off_goes_on_where_it_was(proxy):
    first, second = random_bytes(1, 3 * PIECE), random_bytes(2, 3 * PIECE)
    frame = dsp.create_frame("interrupted/two")
    frame.commit(first, n=1)
    frame.commit(second, n=2)
    proxy.allowed = proxy.sent + 4 * PIECE
    with pytest.raises(dsp.ConnectionLostError, match=r"(?s)broke off.*hint: the call can be rep"):
        frame.push()
    proxy.allowed = None
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("interrupted/two")
    before = proxy.sent
    frame.push()
    # The second alone: what arrived before is not sent again.
    assert 3 * PIECE < proxy.sent - before < 4 * PIECE
    assert dsp.pull("interrupted/two", n=1) == first
    assert dsp.pull("interrupted/two", n=2) == second
    # A frame of its own, with the same bytes: they are known, in another process too.
    before = proxy.sent
    dsp.push("interrupted/again", first)
    assert proxy.sent - before < 64 << 10


def test_a_daemon_that_ends_in_the_middle_and_comes_back(folder):
    from conftest import Node

    node = Node(folder / "killed", "killed")
    node.start()
    data = random_bytes(3, 8 * PIECE)
    try:
        with node.current():
            frame = dsp.create_frame("interrupted/killed")
            frame.commit(data)
            upload = Client.upload

            def killing(self, pieces, **known):
                def cut():
                    for at, piece in enumerate(pieces):
                        if at == 4:
                            node.process.kill()
                            node.process.wait()
                        yield piece

                return upload(self, cut(), **known)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Client, "upload", killing)
                with pytest.raises(dsp.ConnectionLostError):
                    frame.push()
            node.stop()
            node.start()
            # The old frame knows the old daemon, at whose socket the new one answers.
            dsp.push("interrupted/killed", data)
            assert dsp.pull("interrupted/killed") == data
    finally:
        node.stop()


@pytest.fixture
def leftovers(monkeypatch, tmp_path):
    """Has all that is large or small go through files, in a folder of its own."""
    monkeypatch.setattr(base, "IN_MEMORY_BYTES", -1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.usefixtures("here")
def test_no_files_are_left_behind(leftovers):
    dsp.push("interrupted/files", np.arange(10))
    assert leftovers() == []
    with pytest.raises(ZeroDivisionError), dsp.create_frame("interrupted/files") as frame:
        frame.commit(np.arange(11))
        assert len(leftovers()) == 1
        raise ZeroDivisionError
    assert leftovers() == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "steps", lambda *_: 1 / 0)
        frame = dsp.create_frame("interrupted/files")
        frame.commit(np.arange(12))
        with pytest.raises(ZeroDivisionError):
            frame.push()
    # Still there, so that it can be pushed again.
    assert len(leftovers()) == 1
    frame.push()
    assert leftovers() == []
    frame.commit(np.arange(13))
    del frame
    gc.collect()
    assert leftovers() == []

    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise MemoryError

    with pytest.raises(MemoryError):
        dsp.push("interrupted/files", Broken())
    assert leftovers() == []


def test_a_child_after_fork_leaves_the_files_of_its_parent(here, tmp_path):
    code = """
import gc, os, dsp, numpy as np
from dsp.types import base
base.IN_MEMORY_BYTES = -1
frame = dsp.create_frame("interrupted/fork")
frame.commit(np.arange(10))
pid = os.fork()
if pid == 0:
    del frame
    gc.collect()
    raise SystemExit
os.waitpid(pid, 0)
frame.push()
print(dsp.pull("interrupted/fork").sum(), os.listdir(os.environ["TMPDIR"]))
"""
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DSP_HOME": str(here.home), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert said.stdout == "45 []\n", said.stderr
