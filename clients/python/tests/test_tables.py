"""Tables that others wrote in their formats: everybody reads them as the daemon does."""

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

import dsp

pytestmark = pytest.mark.usefixtures("here")

TABLE = {"a": ["1,5", "7"], "b": [2, 3]}
FILES = {
    "t.csv": 'a,b\n"1,5",2\n7,3\n',
    "semicolons.csv": "a;b\n1,5;2\n7;3\n",
    "t.tsv": "a\tb\n1,5\t2\n7\t3\n",
    "t.jsonl": '{"a": "1,5", "b": 2}\n{"a": "7", "b": 3}\n',
    "t.ndjson": '{"a": "1,5", "b": 2}\n{"a": "7", "b": 3}\n',
}


def push(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return f"tables/one@{dsp.push('tables/one', path).id}"


@pytest.mark.parametrize("name", FILES)
def test_files_of_text(tmp_path, name):
    ref = push(tmp_path, name, FILES[name])
    assert dsp.pull(ref).to_dict("list") == TABLE
    assert dsp.pull_data(ref).to_dict("list") == TABLE
    assert dsp.pull(ref, decoder="arrow").to_pydict() == TABLE


def test_feather_and_streams_of_arrow(tmp_path):
    table = pd.DataFrame({"a": ["x", None], "b": [1, 2]})
    pa.feather.write_feather(table, str(tmp_path / "t.feather"))
    with pa.ipc.new_stream(str(tmp_path / "t.arrows"), pa.table(TABLE).schema) as writer:
        writer.write_table(pa.table(TABLE))
    dsp.push("tables/feather", tmp_path / "t.feather")
    pd.testing.assert_frame_equal(dsp.pull("tables/feather"), table)
    pd.testing.assert_frame_equal(dsp.pull_data("tables/feather"), table)
    dsp.push("tables/arrows", tmp_path / "t.arrows")
    assert dsp.pull_data("tables/arrows").to_dict("list") == TABLE


def test_nothing_changes_its_value(tmp_path):
    ref = push(
        tmp_path,
        "t.csv",
        "code,v,ok,day,id\n007,1,true,2024-02-29,9007199254740993\n042,NA,,,\n",
    )
    table = dsp.pull(ref)
    assert table["code"].tolist() == ["007", "042"]
    assert table["v"].dtype == "Int64"
    assert table["v"][0] == 1
    assert table["v"].isna().tolist() == [False, True]
    assert table["ok"].dtype == "boolean"
    assert table["day"][0] == pd.Timestamp("2024-02-29")
    assert table["id"][0] == 9007199254740993


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,n\nJürgen,2\n".encode("latin-1"), "line 2, column 2"),
        ('a,b\n"open,1\n', "line 2"),
        ("a,b\n1,2\n3\n", "line 3"),
        ("a,b\n1,2,3\n", "line 2"),
        ("", "line 1"),
    ],
)
def test_what_is_broken_is_told_with_its_place(tmp_path, text, told):
    ref = push(tmp_path, "t.csv", text)
    with pytest.raises(dsp.DspError, match=rf"(?s)tables/one@.*{told}"):
        dsp.pull(ref)
    with pytest.raises(dsp.DspError, match=told):
        dsp.pull_data(ref)


def test_a_file_of_csv_of_any_table(tmp_path):
    ref = push(tmp_path, "t.tsv", FILES["t.tsv"])
    written = dsp.pull(ref, filename=str(tmp_path / "out.csv"))
    assert pd.read_csv(written).to_dict("list") == TABLE
    as_it_is = dsp.pull(ref, filename=str(tmp_path / "out.tsv"))
    assert (tmp_path / "out.tsv").read_text() == FILES["t.tsv"]
    assert as_it_is == str(tmp_path / "out.tsv")
