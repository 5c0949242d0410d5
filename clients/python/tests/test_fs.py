"""`dsp://` as a filesystem."""

import fsspec
import pandas as pd
import pytest

import dsp

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def report():
    frame = dsp.create_frame("fs/weekly")
    frame.commit(pd.DataFrame({"a": range(1000), "b": ["007"] * 1000}))
    frame.commit("text", kind="note")
    frame.push(tags=["v1"])
    return "dsp://me/main/fs/weekly"


def test_pandas_reads_an_attachment(report):
    table = pd.read_parquet(f"{report}#weekly-0.parquet", columns=["b"])
    assert table["b"].tolist() == ["007"] * 1000
    assert len(pd.read_parquet(f"{report}@v1#weekly-0.parquet")) == 1000
    assert len(pd.read_parquet(f"{report}?rev=v1&path=weekly-0.parquet")) == 1000


def test_the_only_attachment_may_be_left_out(report):
    dsp.push("fs/one", "only")
    with fsspec.open("dsp://me/main/fs/one", "rt") as file:
        assert file.read() == "only"
    with pytest.raises(FileNotFoundError, match="means 2 attachments"):
        fsspec.open(report).open()


def test_listing_and_globbing(report):
    fs = fsspec.filesystem("dsp")
    names = ["me/main/fs/weekly#weekly-0.parquet", "me/main/fs/weekly#weekly-1.txt"]
    assert fs.ls(report, detail=False) == names
    assert fs.glob(f"{report}#*.txt") == names[1:]
    assert fs.info(names[1])["size"] == 4
    assert "me/main/fs/weekly" in [e["name"] for e in fs.ls("dsp://me/main/fs")]
    assert fs.exists(names[0])
    assert not fs.exists("dsp://me/main/fs/nothing#x")
    assert fs.created(report).tzinfo is not None


def test_ranges_are_read_alone(report):
    fs = fsspec.filesystem("dsp")
    assert fs.cat_file(f"{report}#weekly-1.txt", start=1, end=3) == b"ex"
    with fs.open(f"{report}#weekly-0.parquet", block_size=512) as file:
        file.seek(-4, 2)
        assert file.read() == b"PAR1"


def test_it_is_read_only(report):
    fs = fsspec.filesystem("dsp")
    for change in (
        lambda: fs.open(f"{report}#new", "wb"),
        lambda: fs.rm(report),
        lambda: fs.mkdir(report),
        lambda: fs.pipe_file(f"{report}#new", b"x"),
    ):
        with pytest.raises(dsp.RefusedError, match=r"(?s)read-only.*hint: dsp.push"):
            change()


def test_what_is_refused_is_named_by_its_target(report, tmp_path):
    fs = fsspec.filesystem("dsp")
    (tmp_path / "here.txt").write_text("x")
    for change in (
        lambda: fs.put(str(tmp_path / "here.txt"), "dsp://me/main/fs/there"),
        lambda: fs.mv(f"{report}#weekly-1.txt", "dsp://me/main/fs/there"),
        lambda: fs.mkdir("dsp://me/main/fs/there"),
        lambda: pd.DataFrame({"a": [1]}).to_parquet("dsp://me/main/fs/there"),
    ):
        with pytest.raises(dsp.RefusedError, match="^dsp://me/main/fs/there is read-only"):
            change()


def test_all_that_is_here_is_a_tree(report):
    fs = fsspec.filesystem("dsp")
    dsp.push("fs/deep/er", "deep")
    assert "me" in fs.ls("dsp://", detail=False)
    assert "me/main" in fs.ls("dsp://me", detail=False)
    assert "me/main/fs" in fs.ls("dsp://me/main", detail=False)
    assert {"me/main/fs/weekly", "me/main/fs/deep"} <= set(fs.ls("dsp://me/main/fs", detail=False))
    assert fs.isdir("dsp://me/main/fs")
    assert fs.isdir(report)
    assert fs.isfile("dsp://me/main/fs/deep/er")
    assert not fs.isdir("dsp://me/main/nothing")
    with pytest.raises(FileNotFoundError, match="nothing at"):
        fs.ls("dsp://me/main/nothing")
    assert fs.glob("dsp://me/main/fs/w*") == ["me/main/fs/weekly"]
    assert fs.glob("dsp://me/main/fs/w*#*.txt") == ["me/main/fs/weekly#weekly-1.txt"]
    assert fs.glob("dsp://me/main/fs/w*#*", detail=True).keys() == {
        "me/main/fs/weekly#weekly-0.parquet",
        "me/main/fs/weekly#weekly-1.txt",
    }


def test_what_is_cached_is_of_these_very_bytes(report, tmp_path):
    options = {"cache_storage": str(tmp_path), "check_files": True}
    dsp.push("fs/cached", "one")
    url = "filecache::dsp://me/main/fs/cached"
    for text in ("one", "two"):
        dsp.push("fs/cached", text)
        with fsspec.open(url, "rt", filecache=options) as file:
            assert file.read() == text


def test_what_is_above_stacks_is_a_folder(report):
    fs = fsspec.filesystem("dsp")
    for above in ("", "me", "me/main", "me/main/fs"):
        assert fs.isdir(above)
        assert fs.exists(f"dsp://{above}")
        assert fs.info(above)["type"] == "directory"
    for nothing in ("nobody", "me/nothing", "me/main/nothing"):
        assert not fs.exists(nothing)
        assert not fs.isdir(nothing)
        with pytest.raises(FileNotFoundError):
            fs.info(nothing)
    dsp.push("fs/lone", "alone")
    listed = {one["name"]: one for one in fs.ls("me/main/fs")}
    lone = fs.info("me/main/fs/lone")
    assert listed["me/main/fs/lone"] == {key: lone[key] for key in ("name", "size", "type")}
    assert "me/main/fs/lone" in fs.find("me/main")
    assert fs.modified("me/main/fs/lone") == fs.created("me/main/fs/lone")


def test_patterns_of_users_contexts_and_nothing(report):
    fs = fsspec.filesystem("dsp")
    for pattern in ("me/*/fs/week*", "*/main/fs/week*", "m?/ma*/fs/week*"):
        assert fs.glob(f"dsp://{pattern}") == ["me/main/fs/weekly"]
    assert "me/main" in fs.glob("me/*")
    assert "me" in fs.glob("*")
    for pattern in (
        "me/main/no*",
        "me/main/nothing",
        "me/main/nothing#*",
        "no*/main/x",
        "me/no*/x",
    ):
        assert fs.glob(pattern) == []
    assert fs.glob(f"{report}?rev=v1#*.txt") == ["me/main/fs/weekly?rev=v1#weekly-1.txt"]


def test_others_read_through_it(report, tmp_path):
    import pyarrow.dataset

    fs = fsspec.filesystem("dsp")
    frame = dsp.create_frame("fs/parts")
    for n in (1, 2):
        frame.commit(pd.DataFrame({"n": [n] * n}), n=n)
    frame.push()
    parts = pyarrow.dataset.dataset(fs.glob("me/main/fs/parts#*.parquet"), filesystem=fs)
    assert parts.to_table()["n"].to_pylist() == [1, 2, 2]
    dsp.push("fs/part", pd.DataFrame({"n": [3]}))
    options = {"filecache": {"cache_storage": str(tmp_path)}}
    cached = "filecache::dsp://me/main/fs/part"
    assert pd.read_parquet(cached, storage_options=options)["n"].tolist() == [3]
    ranges = fs.cat_ranges([f"{report}#weekly-1.txt"] * 2, [0, 2], [2, 9])
    assert ranges == [b"te", b"xt"]
