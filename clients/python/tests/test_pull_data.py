"""`pull_data`: the table of a frame, with its types, whatever lies beside it."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dsp

pytestmark = pytest.mark.usefixtures("here")

TABLE = pd.DataFrame({"code": ["007", None], "when": pd.to_datetime(["2020-01-01", None])})


def test_a_plot_beside_it_is_not_in_the_way():
    frame = dsp.create_frame("data/mixed")
    frame.commit("first a text")
    frame.commit(TABLE, region="EU")
    frame.commit(TABLE.iloc[:1], region="US")
    frame.push()
    pd.testing.assert_frame_equal(dsp.pull_data("data/mixed"), TABLE)
    assert len(dsp.pull_data("data/mixed", region="US")) == 1
    assert len(dsp.pull_data("data/mixed", {"region": "US"})) == 1
    assert len(dsp.pull_data("data/mixed#mixed-2.parquet")) == 1
    with pytest.raises(dsp.MatchError, match=r"(?s)region='XX'.*could be: #mixed-1.parquet"):
        dsp.pull_data("data/mixed", region="XX")


def test_types_of_other_libraries_stay():
    polars = pl.DataFrame({"a": [dt.date(2020, 1, 1), None]})
    dsp.push("data/polars", polars)
    assert dsp.pull_data("data/polars").equals(polars)
    arrow = pa.table({"a": pa.array([1, None], pa.uint8()), "t": pa.array(["007", ""])})
    dsp.push("data/arrow", arrow)
    frame = dsp.pull_data("data/arrow")
    assert pa.Table.from_pandas(frame, preserve_index=False).cast(arrow.schema).equals(arrow)
    assert str(frame["a"].dtype) == "uint8[pyarrow]"


def test_a_csv_file_is_a_table(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n")
    dsp.push("data/csv", tmp_path / "t.csv")
    assert dsp.pull_data("data/csv").to_dict("list") == {"a": [1], "b": ["x"]}


def test_a_frame_without_a_table_says_what_it_has():
    dsp.push("data/text", "text")
    with pytest.raises(dsp.MatchError, match=r"(?s)no table\ncould be: #text.txt.*dsp.pull "):
        dsp.pull_data("data/text")


def test_meta_finds_the_latest_frame_with_it():
    for n, region in enumerate(["EU", "US", "EU", "US"]):
        dsp.push("data/meta", pd.DataFrame({"n": [n]}), meta={"region": region, "message": f"m{n}"})
    assert dsp.pull_data("data/meta", meta=dsp.FrameMeta(region="EU"))["n"].tolist() == [2]
    assert dsp.pull("data/meta", meta={"region": "US"})["n"].tolist() == [3]
    assert dsp.pull("data/meta", meta={"message": "m0"})["n"].tolist() == [0]
    with pytest.raises(dsp.MatchError, match="region='XX'"):
        dsp.pull("data/meta", meta={"region": "XX"})


def test_other_profiles_are_refused():
    with pytest.raises(dsp.ConfigurationError, match="no profile `work`"):
        dsp.pull_data("data/meta", profile="work")
