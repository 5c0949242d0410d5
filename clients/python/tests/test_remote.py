"""A daemon that cannot read our files: bytes are streamed, and known ones are not sent."""

import filecmp
import hashlib
import subprocess
import sys

import pytest
from conftest import DEADLINE_SECONDS

import dsp
from dsp import pushing
from dsp.client import Client
from dsp.home import client_file
from dsp.types.base import Encoded

PIECE = 1 << 20
SIZE = 320 * PIECE


@pytest.fixture
def remote(alice, monkeypatch):
    file = client_file(alice.home)
    monkeypatch.setenv("DSP_URL", file.address)
    monkeypatch.setenv("DSP_TOKEN", file.token)


LARGE = """
import hashlib, resource, sys, dsp
from pathlib import Path
folder = Path(sys.argv[1])
dsp.push("remote/small", b"so that all that is needed is imported")
dsp.pull("remote/small")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dsp.push("remote/large", folder / "large.bin")
dsp.pull("remote/large").save(folder / "back.bin")
with dsp.pull("remote/large").open() as file:
    again = hashlib.sha256()
    while piece := file.read(1 << 20):
        again.update(piece)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) << 10, again.hexdigest())
"""


@pytest.mark.usefixtures("remote")
def test_large_files_go_both_ways_in_constant_memory(tmp_path):
    large, back, digest = tmp_path / "large.bin", tmp_path / "back.bin", hashlib.sha256()
    with large.open("wb") as file:
        for n in range(SIZE // PIECE):
            piece = n.to_bytes(4, "little") * (PIECE // 4)
            digest.update(piece)
            file.write(piece)
    grown, again = subprocess.check_output(
        [sys.executable, "-c", LARGE, tmp_path], text=True, timeout=DEADLINE_SECONDS
    ).split()
    assert back.stat().st_size == SIZE
    assert filecmp.cmp(large, back, shallow=False)
    assert again == digest.hexdigest()
    assert int(grown) < SIZE // 8


@pytest.mark.usefixtures("remote")
def test_known_bytes_are_not_sent_twice(monkeypatch):
    sent = []
    upload = Client.upload

    def counting(self, pieces, **kwargs):
        sent.append(kwargs["size"])
        return upload(self, pieces, **kwargs)

    monkeypatch.setattr(Client, "upload", counting)
    dsp.push("remote/one", b"x" * 1000)
    dsp.push("remote/two", b"x" * 1000)
    assert sent == [1000]


@pytest.mark.usefixtures("remote")
def test_an_upload_that_breaks_off_is_told_and_can_be_repeated(monkeypatch):
    whole = pushing._pieces

    def broken(encoded: Encoded):
        yield next(whole(encoded))
        raise OSError("the stick was pulled out")

    data = b"y" * (3 << 20)
    known = pushing._blake3(Encoded(".bin", None, data=data))
    monkeypatch.setattr(pushing, "_blake3", lambda encoded: known)
    monkeypatch.setattr(pushing, "_pieces", broken)
    with pytest.raises(OSError, match="pulled out"):
        dsp.push("remote/broken", data)
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("remote/broken")
    monkeypatch.setattr(pushing, "_pieces", whole)
    dsp.push("remote/broken", data)
    assert dsp.pull("remote/broken") == data


@pytest.mark.usefixtures("remote")
def test_a_folder_of_ours_is_not_looked_for_over_there(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(dsp.RefusedError, match="cannot read the folder"):
        dsp.push("remote/folder", tmp_path)
