"""Stacks, frames, tags, lineage, search, sharing with one daemon."""

import dataclasses
import datetime
import os
import platform
import webbrowser

import numpy as np
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


def test_a_frame_says_what_made_it(monkeypatch):
    dsp.push("new/made", "one")
    head = dsp.stack("new/made").head
    assert head.settings["client"] == {"client": "dsp-py", "version": dsp.__version__}
    assert head.settings["python"] == platform.python_version()
    assert head.settings["libraries"]["numpy"] == np.__version__
    # With other versions of what made it the same is the same.
    monkeypatch.setattr(np, "__version__", "9")
    assert dsp.push("new/made", "one").unchanged
    monkeypatch.setattr(np, "__version__", "9" * 9999)
    dsp.push("new/made", "two")
    assert dsp.stack("new/made").head.settings["libraries"]["numpy"] == "9" * 64


def test_a_frame_says_how_its_parameters_are_asked_for():
    begin = datetime.date(2026, 1, 1)
    said = {
        "km": dsp.slider("Distance", unit="km", default=np.float64(0.5), order=1),
        "size": dsp.select(values=["small", "large"], hidden=True),
        "day": dsp.date_picker(default=begin),
        "on": dsp.switch(default=False),
        "any": dsp.widget(),
    }
    with dsp.create_frame("new/asked") as frame:
        frame.commit("one", km=0.5, size="small", day=begin, on=True)
        for name, widget in said.items():
            assert frame.param(name, widget) is frame
    told = dsp.stack("new/asked").head.widgets
    assert told == said
    assert told["day"].default == begin
    frame.param("km", dsp.slider("Way"))
    assert not frame.commit("one").push().unchanged
    assert dsp.stack("new/asked").head.widgets["km"].label == "Way"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (dsp.widget(kind="knob"), "no kind `knob`"),
        (dsp.widget("x" * 129), "label"),
        (dsp.widget(unit="x" * 33), "unit"),
        (dsp.widget(values=range(257)), "values"),
    ],
)
def test_a_wish_that_cannot_be_kept_is_refused(said, says):
    frame = dsp.create_frame("new/wished").commit("one")
    with pytest.raises(dsp.DspError, match=says):
        frame.param("n", said).push()


def test_what_is_no_widget_is_refused_at_once():
    frame = dsp.create_frame("new/wished").commit("one")
    with pytest.raises(dsp.ConfigurationError, match="is no widget"):
        frame.param("n", 0.5)
    with pytest.raises(dsp.ConfigurationError, match="a parameter cannot be a set"):
        frame.param("n", dsp.select(default=set()))
    with pytest.raises(dsp.ConfigurationError, match="is one text"):
        dsp.select(values="low")


def test_what_was_pushed_is_a_link_to_its_page():
    pushed = dsp.push("new/linked", "x")
    assert f"<a href='{pushed.page}' target='_blank'" in pushed._repr_html_()
    assert pushed.page.endswith("/s/new/linked")
    odd = dataclasses.replace(pushed, page="http://x/'><script>")
    assert "<script>" not in odd._repr_html_()


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


def test_a_frame_without_attachments_says_so():
    dsp.create_frame("new/bare").push(metrics={"n": 1})
    with pytest.raises(dsp.MatchError, match="has no attachments"):
        dsp.pull("new/bare")


def test_a_search_tells_the_column_that_fits():
    import pandas as pd

    dsp.push("new/columns", pd.DataFrame({"unusual_name": [1]}))
    found = [hit for hit in dsp.search("column:unusual_name") if hit.stack == "new/columns"]
    assert found[0].columns[0]["name"] == "unusual_name"


def test_a_page_is_shown_in_a_frame_of_its_own():
    page = dsp.Encoded(".html", "text/html", data=b"<script>alert('\"')</script>")
    dsp.push("new/page", "", encoder=lambda _: page)
    shown = dsp.pull("new/page")._repr_html_()
    assert shown.startswith(
        '<iframe sandbox="allow-scripts" srcdoc="&lt;script&gt;alert(&#x27;&quot;'
    )
    dsp.push("new/page", b"other")
    assert dsp.stack("new/page").head.attachment()._repr_html_() is None
