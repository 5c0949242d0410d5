"""A daemon that cannot read our files: bytes are streamed, and known ones are not sent."""

import tracemalloc

import pytest

import dsp
from dsp import pushing
from dsp.client import Client
from dsp.home import client_file
from dsp.types.base import Encoded

PIECE = 1 << 20
SIZE = 96 * PIECE


@pytest.fixture
def remote(alice, monkeypatch):
    file = client_file(alice.home)
    monkeypatch.setenv("DSP_URL", file.address)
    monkeypatch.setenv("DSP_TOKEN", file.token)


@pytest.mark.usefixtures("remote")
def test_large_files_go_both_ways_in_constant_memory(tmp_path):
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        for n in range(SIZE // PIECE):
            file.write(n.to_bytes(4, "little") * (PIECE // 4))
    tracemalloc.start()
    dsp.push("remote/large", large)
    back = dsp.pull("remote/large").save(tmp_path / "back.bin")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert back.stat().st_size == SIZE
    with large.open("rb") as one, back.open("rb") as other:
        while piece := one.read(PIECE):
            assert piece == other.read(PIECE)
        assert other.read(1) == b""
    assert peak < 16 * PIECE


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

    data = b"y" * 600_000
    monkeypatch.setattr(pushing, "_blake3", lambda encoded: None)
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
