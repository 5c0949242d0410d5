"""Tables that the R package pushed: CSV with a note of types beside it."""

import json

import pandas as pd
import pytest

import dsp
from dsp.types.base import Encoded

pytestmark = pytest.mark.usefixtures("here")

CSV = """\
"row.names","code","size","n","id","x","ok","day","at","took","text"
"one","007","small",1,9007199254740993,0.30000000000000004,TRUE,2024-02-29,\
2024-01-01T00:00:00.5Z,1.5,"a%0D%25"
"two","",NA,,-1,,,,,,NA
"""
COLUMNS = [
    {"titles": "row.names", "datatype": "string", "null": []},
    {"titles": "code", "datatype": "string", "null": []},
    {
        "titles": "size",
        "datatype": "string",
        "null": "NA",
        "dsp:levels": ["small", "large"],
        "dsp:ordered": True,
    },
    {"titles": "n", "datatype": "int"},
    {"titles": "id", "datatype": "long"},
    {"titles": "x", "datatype": "double"},
    {"titles": "ok", "datatype": {"base": "boolean", "format": "TRUE|FALSE"}},
    {"titles": "day", "datatype": "date"},
    {"titles": "at", "datatype": "dateTime", "dsp:zone": "Europe/Berlin"},
    {"titles": "took", "datatype": "double", "dsp:units": "mins"},
    {"titles": "text", "datatype": "string", "null": "NA", "dsp:escape": "percent"},
]


def pushed(csv, columns, **schema):
    """Pushes a table as the R package does, and pulls it."""
    note = json.dumps({"tableSchema": {"columns": columns, **schema}})
    return pushed_with(csv, note.encode())


def pushed_with(csv, note):
    frame = dsp.create_frame("r/t")
    files = (("t.csv", csv.encode(), "r/data.frame"), ("t.csv-metadata.json", note, None))
    for name, data, app in files:
        media = "text/csv" if app else "application/csvm+json"
        encoded = Encoded("", media, app, data=data, name=name)
        frame.commit(None, encoder=lambda _, encoded=encoded: encoded)
    frame.push()
    return dsp.pull("r/t")


@pytest.mark.parametrize(
    "note", [b"nonsense", b"[" * 200_000, b'{"a": "\xff"}', b'{"x": ' + b'"a"'.rjust(17 << 20)]
)
def test_a_note_that_is_none_is_told(note):
    with pytest.raises(
        dsp.DspError, match=r"(?s)note of the types of r/t@.*cannot be read.*cause.*hint: pull\("
    ):
        pushed_with("a\n1\n", note)


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Europe", "No/Where"])
def test_a_zone_that_is_none_is_told(zone):
    column = {"titles": "a", "datatype": "dateTime", "dsp:zone": zone}
    with pytest.raises(dsp.DspError, match="note of its types do not fit"):
        pushed("a\n2024-01-01T00:00:00Z\n", [column])


def test_types_come_from_the_note():
    table = pushed(CSV, COLUMNS, **{"dsp:rowNames": "row.names"})
    assert list(table.index) == ["one", "two"]
    assert table.index.name is None
    assert list(table["code"]) == ["007", ""]
    assert list(table["size"].cat.categories) == ["small", "large"]
    assert table["size"].cat.ordered
    assert table["size"].isna().tolist() == [False, True]
    assert str(table["n"].dtype) == "Int32"
    assert table["id"].tolist() == [9007199254740993, -1]
    assert table["x"].iloc[0] == 0.1 + 0.2
    assert str(table["ok"].dtype) == "boolean"
    assert table["day"].iloc[0] == pd.Timestamp("2024-02-29")
    assert str(table["at"].dt.tz) == "Europe/Berlin"
    assert table["at"].iloc[0] == pd.Timestamp("2024-01-01T00:00:00.5Z")
    assert table["took"].iloc[0] == pd.Timedelta(minutes=1.5)
    assert table["text"].iloc[0] == "a\r%"
    assert table.iloc[1, 4:].isna().all()


def test_a_table_without_rows_has_its_types():
    table = pushed(CSV.partition("\n")[0] + "\n", COLUMNS)
    assert len(table) == 0
    assert list(table) == [column["titles"] for column in COLUMNS]
    assert list(table["size"].cat.categories) == ["small", "large"]
    kinds = {name: str(table[name].dtype) for name in ("n", "id", "x", "ok")}
    assert kinds == {"n": "int32", "id": "int64", "x": "float64", "ok": "bool"}
    assert pd.api.types.is_datetime64_dtype(table["day"])
    assert str(table["at"].dt.tz) == "Europe/Berlin"
    assert pd.api.types.is_timedelta64_dtype(table["took"])


def test_a_name_of_two_lines_is_one_name():
    columns = [{"titles": "a\nb", "datatype": "int"}, {"titles": "c", "datatype": "int"}]
    table = pushed('"a\nb","c"\n1,2\n', columns)
    assert table.to_dict("list") == {"a\nb": [1], "c": [2]}


@pytest.mark.parametrize(
    ("csv", "columns"),
    [
        ("a\n1\n", []),
        ("a\nx\n", [{"titles": "a", "datatype": "int"}]),
        ("a\nx\n", [{"titles": "a", "datatype": "boolean"}]),
        ("a\nx\n", [{"titles": "a", "datatype": "date"}]),
        ("a\nx\n", [{"titles": "a", "datatype": "geometry"}]),
        ("a\nx\n", [{"titles": "a", "datatype": "string", "dsp:levels": ["y"]}]),
        ("a\n1\n", [{"titles": "a", "datatype": "double", "dsp:units": "moons"}]),
        ("a\n1\n", ["a"]),
    ],
)
def test_a_note_that_does_not_fit_is_told(csv, columns):
    with pytest.raises(dsp.DspError, match="note of its types do not fit"):
        pushed(csv, columns)
