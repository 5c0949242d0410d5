"""Stacks, frames, tags, lineage, search, sharing with one daemon."""

import os
import webbrowser

import pytest

import dsp

pytestmark = pytest.mark.usefixtures("here")


def test_frames_tags_and_diffs():
    dsp.push("new/text", "one", message="first")
    frame = dsp.create_frame("new/text")
    frame.commit("two")
    frame.push({"k": 1}, message="second", metrics={"loss": 0.25, "bad": float("nan")}, tags=["v2"])
    stack = dsp.stack("new/text")
    assert [f.message for f in stack.frames()] == ["second", "first"]
    assert stack.tags == {"v2": stack.head.id}
    assert dsp.pull("new/text@v2") == "two"
    assert dsp.pull("new/text@head~1") == "one"
    assert stack.frame("head~1").id in stack.head.parents
    assert stack.head.metrics["loss"] == 0.25
    difference = stack.diff()
    assert difference["message"] == {"from": "first", "to": "second"}
    assert [change["path"] for change in difference["files"]] == ["text.txt"]
    stack.tag("old", "head~1")
    assert set(stack.tags) == {"v2", "old"}
    stack.untag("v2")
    assert set(stack.tags) == {"old"}
    assert "first" in stack._repr_html_()


def test_attachments_are_told_apart():
    with dsp.create_frame("new/apart") as frame:
        frame.commit("one", n=1).commit("two", n=2)
    once, again = (dsp.stack("new/apart").head.attachments for _ in range(2))
    assert once == again
    assert len({*once, *again}) == 2


def test_html_is_escaped():
    dsp.push("new/html", "x", message="<script>alert(1)</script>")
    assert "<script>" not in dsp.stack("new/html")._repr_html_()


def test_lineage_is_followed():
    dsp.push("new/raw", "raw")
    with dsp.create_frame("new/clean") as frame:
        frame.commit("clean").input("new/raw")
    with dsp.create_frame("new/report") as frame:
        frame.commit("report").input("new/clean")
    line = dsp.stack("new/report").lineage()
    (clean,) = line["inputs"]
    assert clean["name"] == "new/clean"
    (raw,) = clean["inputs"]
    assert raw["frame"] == dsp.stack("new/raw").head.id


def test_a_block_that_fails_pushes_nothing():
    with pytest.raises(ZeroDivisionError), dsp.create_frame("new/broken") as frame:
        frame.commit("half")
        raise ZeroDivisionError
    with pytest.raises(dsp.StackNotFoundError):
        dsp.stack("new/broken")


def test_ls_and_search():
    dsp.push("new/findme", "x", message="a needle in it")
    assert "new/findme" in [stack.reference for stack in dsp.ls()]
    assert [hit.stack for hit in dsp.search("needle")] == ["new/findme"]
    assert dsp.search("nothing-like-it") == []


def test_removed_stacks_are_gone():
    dsp.push("new/remove", "x")
    dsp.stack("new/remove").remove()
    assert "new/remove" not in [stack.reference for stack in dsp.ls()]


def test_files_and_folders_are_read_by_the_daemon(tmp_path):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a.csv").write_text("x\n1\n")
    (tmp_path / "data" / "deep" / "b.bin").write_bytes(b"\0\1")
    dsp.push("new/folder", tmp_path / "data")
    paths = [a.path for a in dsp.stack("new/folder").head.attachments]
    assert paths == ["data/a.csv", "data/deep/b.bin"]
    saved = dsp.stack("new/folder").head.attachment("data/deep/b.bin").save(tmp_path)
    assert saved == tmp_path / "b.bin"
    assert saved.read_bytes() == b"\0\1"
    assert saved.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert list(dsp.pull("new/folder#data/a.csv")["x"]) == [1]
    assert isinstance(dsp.pull("new/folder#1"), dsp.Attachment)
    with pytest.raises(dsp.DspError, match="no file and no folder"):
        dsp.push("new/folder", tmp_path / "missing")
    with pytest.raises(dsp.ConfigurationError, match="is a folder"):
        dsp.push("new/folder", tmp_path / "data", region="EU")


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_ticket_does_not_stay_in_a_notebook():
    dsp.push("new/shared", "x")
    ticket = dsp.share("main", uses=1, expires_seconds=3600)
    assert ticket.startswith("dsp1")
    assert ticket.stacks > 0
    assert str(ticket) not in repr(ticket)
    assert len(repr(ticket)) < len(ticket) + 100


def test_open_logs_in_once(monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    address = dsp.open()
    assert opened[0].startswith(address + "/login#")
    assert "#" not in address
    with pytest.raises(dsp.NotFoundError):
        dsp.open("new/not-there")
    assert len(opened) == 1


def test_watch_tells_a_new_head():
    dsp.push("new/watched", "one")
    events = dsp.watch("new/watched", topics="stack", timeout_seconds=30)
    dsp.push("new/other", "other")
    pushed = dsp.push("new/watched", "two")
    event = next(events)
    assert event.name == "stack.head_changed"
    assert event.data["frame"] == pushed.id
    events.close()


def test_watch_ends_in_time():
    assert list(dsp.watch("new/watched", timeout_seconds=0.2)) == []
