"""What is pushed comes back as it was, for each type."""

import base64
import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import math
import pathlib
import uuid
import zoneinfo

import geopandas as gpd
import matplotlib
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import around
from PIL import Image, ImageCms
from sklearn.linear_model import LinearRegression

import dsp
from dsp import types
from dsp.types import arriving, arrow, tagged
from dsp.types.base import PARQUET

matplotlib.use("svg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("here")


class Colour(enum.Enum):
    RED = 1


def same_frame(frame):
    back = around(frame)
    pd.testing.assert_frame_equal(back, frame, check_freq=True)
    for one, other in zip(back.columns, frame.columns, strict=True):
        assert type(one) is type(other)
    return back


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "line\r\nbreaks\0 and ünïcode 🦊",
        dsp.Markdown("# Title"),
        b"\0\xff",
        b"",
        {"a": [1, 2.5, None, True, "x"], "b": {}},
        [],
        None,
        True,
        10**30,
        0.1,
    ],
)
def test_plain_values(value):
    back = around(value)
    assert type(back) is type(value)
    assert back == value


@pytest.mark.parametrize(
    "value",
    [
        {"a": (1, 2), "b": {"c": math.nan}},
        {1: 2, "$": 3},
        {"$float": "nan"},
        [{"k": {1}}, 1j, -0.0, math.inf],
        {"accuracy": np.float64(0.1), "n": np.int64(3), "ok": np.True_, "half": np.float16("nan")},
        {"when": dt.datetime(2020, 10, 25, 2, 30, fold=1), "of": pd.Timestamp("2020", tz="UTC")},
        {"matrix": np.eye(2), "gone": pd.NA, "d": decimal.Decimal("1.10")},
        {"name": "a\ud800"},
        [collections.OrderedDict(a=1)],
    ],
)
def test_values_that_json_has_not_say_what_they_are(value):
    back = around(value)
    assert repr(back) == repr(value)
    assert dsp.push("types/one", value).unchanged


@pytest.mark.parametrize(
    "value",
    [
        (1, "x"),
        {1, 2},
        frozenset(["a"]),
        1j,
        range(3),
        decimal.Decimal("1.10"),
        dt.date(1500, 1, 1),
        dt.datetime(2020, 10, 25, 2, 30, fold=1),
        dt.timedelta(days=-1, microseconds=1),
        pd.Timestamp("2020", tz="Europe/Berlin"),
        pd.Period("2020-01", "M"),
        pd.NaT,
        pd.NA,
    ],
)
def test_what_json_has_not_may_stand_alone(value):
    back = around(value)
    assert (type(back), repr(back)) == (type(value), repr(value))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (pd.Index([1, 2]), r"pandas\.Series\(value\) keeps"),
        (pd.Categorical(["a"]), r"pandas\.Series\(value\) keeps"),
        (pd.array([1, None]), r"pandas\.Series\(value\) keeps"),
        (iter([1]), r"list\(value\) keeps"),
        (print, "push bytes or a file, pass encoder="),
    ],
)
def test_what_no_type_takes_is_told_with_a_way_out(value, hint):
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=f"(?s)no type is.*hint: {hint}"):
        dsp.push("types/refused", value)


def test_a_number_that_is_none_comes_back():
    assert math.isnan(around(math.nan))
    assert around(-math.inf) == -math.inf
    text = json.loads(types.encode({"accuracy": np.float64(0.9)}).data)
    assert text == {"accuracy": {"$float64": 0.9}}


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, {"b": object()}]}, r"the value\['a'\]\[1\]\['b'\] is a object"),
        ([(1,), {"k": (Colour.RED,)}], r"the value\[1\]\['k'\] is a tuple"),
        ({"n": collections.Counter("a")}, r"\['n'\] is a Counter"),
        ({Colour.RED: 1}, "(?s)a key or an item.*cause: Colour is a class"),
        ([pd.DataFrame()], r"the value\[0\] is a DataFrame"),
    ],
)
def test_what_json_would_change_is_refused(value, where):
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=where):
        dsp.push("types/refused", value)


def test_json_that_holds_itself_is_refused():
    for value in (itself(), {"a": itself()}, functools.reduce(lambda v, _: [v], range(9000), 1)):
        with pytest.raises(dsp.UnsupportedObjectTypeException, match="holds itself, or is nested"):
            dsp.push("types/refused", value)


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="character 2"):
        dsp.push("types/refused", "ab\ud800")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.array(3.5),
        np.array([], dtype="float16"),
        np.array(["a", "bc"]),
        np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
        np.zeros(3, dtype=[("x", "f4"), ("y", "i8")]),
        np.array([1 + 2j]),
        np.asfortranarray(np.ones((2, 3), dtype=bool)),
    ],
)
def test_arrays(array):
    back = around(array)
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype


def test_scalars_of_numpy():
    for scalar in (np.float64(1.5), np.int8(3), np.datetime64("2020", "ns"), np.str_("x")):
        back = around(scalar)
        assert type(back) is type(scalar)
        assert back == scalar
    assert around(np.array(3.5)).shape == ()


def test_a_mask_is_not_lost():
    masked = np.ma.array([1, 2], mask=[False, True])
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="mask"):
        dsp.push("types/refused", masked)


def test_classes_of_ones_own_are_told():
    class Own(np.ndarray):
        pass

    for value, plain in [
        (np.ones(1).view(Own), np.ndarray),
        (collections.OrderedDict(a=1), dict),
        (collections.defaultdict(int, a=1), dict),
    ]:
        with pytest.warns(dsp.DspWarning, match=f"comes back as a .*{plain.__name__}"):
            assert type(around(value)) is plain


def test_a_column_alone_is_no_table():
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="pyarrow.table"):
        dsp.push("types/refused", pa.chunked_array([[1]]))


def test_arrays_of_python_objects():
    array = np.array([[1, "a", None], [dt.date(2020, 1, 1), (1,), math.nan]], dtype=object)
    back = around(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert repr(back.tolist()) == repr(array.tolist())
    records = np.array([(1, None)], dtype=[("x", "i4"), ("y", "O")])
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=r"(?s)records.*hint: .*pickle"):
        dsp.push("types/refused", records)


def test_arrays_of_objects_are_refused():
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="pickle"):
        dsp.push("types/refused", np.array([object()]))


FRAMES = {
    "texts": pd.DataFrame({"a": ["007", "", None, "NA", "nan", "None"]}),
    "objects": pd.DataFrame({"a": pd.Series(["007", "", None], dtype=object)}),
    "object nan": pd.DataFrame({"a": pd.Series(["x", float("nan")], dtype=object)}),
    "mixed": pd.DataFrame({"a": pd.Series([1, "1", 1.0, True, None, [1]], dtype=object)}),
    "nested": pd.DataFrame({"a": [[1, 2], [], None], "b": [{"k": 1}, {"k": 2, "j": [3]}, {}]}),
    "python": pd.DataFrame(
        {
            "date": [dt.date(2020, 1, 1), None],
            "time": pd.Series([dt.time(1, 2, 3), None], dtype=object),
            "decimal": [decimal.Decimal("1.10"), None],
            "bytes": [b"\0\xff", b""],
        }
    ),
    "category": pd.DataFrame(
        {
            "s": pd.Categorical(["b", None], categories=["c", "b", "a"], ordered=True),
            "i": pd.Categorical([3, 1], categories=[3, 2, 1]),
            "cut": pd.cut(pd.Series([1.5, None]), [0, 1, 2]),
            "d": pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True)),
        }
    ),
    "times": pd.DataFrame(
        {
            "ns": pd.to_datetime(["2020-01-01 00:00:00.123456789", None]).as_unit("ns"),
            "s": pd.to_datetime(["2020-01-01", None]).as_unit("s"),
            "tz": pd.to_datetime(["2020-06-01", None]).tz_localize("Europe/Berlin"),
            "fixed": pd.to_datetime(["2020-06-01", None]).tz_localize("+05:30"),
            "delta": pd.to_timedelta(["1 days 00:00:00.000000001", None]),
            "period": pd.period_range("2020-01", periods=2, freq="M"),
            "interval": pd.interval_range(0, 2),
        }
    ),
    "nullable": pd.DataFrame(
        {
            "i": pd.array([2**62 + 1, None], dtype="Int64"),
            "u": pd.array([2**64 - 1, 0], dtype="uint64"),
            "b": pd.array([True, None], dtype="boolean"),
            "f": pd.array([0.1, None], dtype="Float32"),
            "s": pd.array(["007", None], dtype="string"),
            "p": pd.array([1, None], dtype="int64[pyarrow]"),
        }
    ),
    "numbers": pd.DataFrame(
        {
            "f": [float("nan"), -0.0],
            "c": [1 + 2j, complex("nan")],
            "h": np.array([1.5, float("inf")], dtype="float16"),
            "sparse": pd.arrays.SparseArray([0.0, 1.0]),
            "i": np.array([-128, 127], dtype="int8"),
        }
    ),
    "arrow types": pd.DataFrame(
        {
            str(kind): pd.array(values, dtype=pd.ArrowDtype(kind))
            for kind, values in [
                (pa.list_(pa.int64()), [[1], None]),
                (pa.list_(pa.int64(), 2), [[1, 2], None]),
                (pa.struct([("x", pa.int8())]), [{"x": 1}, None]),
                (pa.map_(pa.string(), pa.int8()), [[("k", 1)], None]),
                (pa.dictionary(pa.int32(), pa.string()), ["x", None]),
                (pa.decimal128(5, 2), [decimal.Decimal("1.10"), None]),
                (pa.binary(2), [b"xy", None]),
                (pa.timestamp("s", "UTC"), [dt.datetime(2020, 1, 1), None]),
                (pa.time32("s"), [dt.time(1), None]),
            ]
        }
    ),
    "sparse": pd.DataFrame(
        {
            "one": pd.arrays.SparseArray([1, 0, 1], fill_value=1),
            "zero": pd.arrays.SparseArray([0, 0, 1]),
            "nan": pd.arrays.SparseArray([np.nan, 0.5, np.nan]),
            "bool": pd.arrays.SparseArray([True, False, True]),
        }
    ),
    "foreign order": pd.DataFrame({"i": np.array([1, -2], ">i4"), "c": np.array([1j, 2], ">c8")}),
    "python storage": pd.DataFrame({"s": pd.array(["x", None], dtype="string[python]")}),
    "missing levels": pd.DataFrame(
        {"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", None), (None, 2)])
    ),
    "tuples as labels": pd.DataFrame(
        [[1, 2]], columns=pd.Index([("a", 1), ("b", 2)], tupleize_cols=False)
    ),
    "name of a time": pd.DataFrame(
        {"v": [1]}, index=pd.Index([1], name=pd.Timestamp("2020", tz="Asia/Tokyo"))
    ),
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int32"), "b": pd.Series([], dtype=object)}),
    "no columns": pd.DataFrame(index=pd.Index(["a", "b"], name="k")),
    "range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(10, 14, 2, name="r")),
    "named index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "007"], name="a")),
    "dates": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2, freq="MS")),
    "dates in levels": pd.DataFrame(
        {"v": range(2)},
        index=pd.MultiIndex.from_product([pd.date_range("2020", periods=2, tz="UTC"), ["a"]]),
    ),
    "complex objects": pd.DataFrame({"c": pd.Series([1j, 2], dtype=object)}),
    "totals": pd.DataFrame(
        {"d": pd.to_datetime(["2020", "2021"]), "k": ["x", "y"], "v": [1, 2]}
    ).pivot_table(index="k", columns="d", values="v", margins=True),
    "not a number, and missing": pd.DataFrame(
        {
            "f": pd.arrays.FloatingArray(
                np.array([math.nan, 1.0, 2.0]), np.array([False, True, False])
            )
        }
    ),
    "zones": pd.DataFrame({"a": [1]}, index=pd.date_range("2020", periods=1, tz="Asia/Tokyo")),
    "multi": pd.DataFrame(
        {"v": range(4)},
        index=pd.MultiIndex.from_product([["a", "007"], [1, 2]], names=["k", None]),
    ),
    "multi columns": pd.DataFrame(
        [[1, 2, 3]],
        columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", "y"]),
    ),
    "integer labels": pd.DataFrame([[1, 2]], columns=[2020, 2021]),
    "range labels": pd.DataFrame([[1, 2]]),
    "twice the same label": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "mixed labels": pd.DataFrame([[1, 2, 3]], columns=pd.Index(["1", 1, None], dtype=object)),
    "labels that are no text": pd.DataFrame(
        [[1, 2]], columns=pd.Index(["a\ud800", "a\\ud800"], dtype=object)
    ),
    "named labels": pd.DataFrame([[1]], columns=pd.Index(["a"], name="what")),
    "date labels": pd.DataFrame([[1, 2]], columns=pd.date_range("2020", periods=2)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_tables_of_pandas(name):
    same_frame(FRAMES[name])


def test_objects_keep_their_python_types():
    back = same_frame(FRAMES["mixed"])
    assert [type(v) for v in back["a"]] == [int, str, float, bool, type(None), list]
    assert back["a"][0] == 1
    back = same_frame(FRAMES["nested"])
    assert back["b"][2] == {}
    assert isinstance(back["a"][0], list)


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
UTC_NOW = dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone.utc)


class Noon(dt.tzinfo):
    def utcoffset(self, moment):
        return dt.timedelta(hours=12)


Point = collections.namedtuple("Point", "x y")


def itself():
    cells = []
    cells.append(cells)
    return cells


CELLS = {
    "several missing": ["x", None, math.nan, pd.NA, pd.NaT, None],
    "missing alone": [None, math.nan],
    "decimals": [decimal.Decimal(text) for text in ("1.1", "1.10", "1E+3", "-0.5")],
    "utc": [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), None],
    "zone": [dt.datetime(2020, 1, 1, tzinfo=BERLIN)],
    "timestamps": [pd.Timestamp("2020-01-01 00:00:00.000000001"), None, pd.NaT],
    "timestamps in a zone": [pd.Timestamp("2020", tz="Europe/Berlin")],
    "timedeltas": [pd.Timedelta(5, "ns"), None],
    "periods": [pd.Period("2020-01", "M"), None],
    "intervals": [pd.Interval(0, 1, closed="left")],
    "numbers of numpy": [np.int64(3), None, np.int64(-4)],
    "halves": [np.float32(0.1), np.float32("nan")],
    "truth": [np.True_, math.nan, np.False_],
    "tuples": [(1, 2), (), None],
    "mixed tuples": [("a", 1), (None, 2.5)],
    "embeddings": [np.array([1.5, np.nan], dtype="float32"), np.array([], dtype="float32"), None],
    "uuids": [uuid.UUID(int=5), None],
    "minus zero": [-0.0, 0.0],
    "nan in lists": [[1.0, math.nan], None],
    "zones": [dt.datetime(2020, 1, 1, tzinfo=BERLIN), dt.datetime(2020, 1, 1), UTC_NOW],
    "offsets": [dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2), "X")), UTC_NOW],
    "stamps in zones": [pd.Timestamp("2020"), pd.Timestamp("2020-06-01", tz="Europe/Berlin")],
    "clocks set back": [dt.datetime(2020, 10, 25, 2, 30, fold=1), dt.time(2, 30, fold=1)],
    "stamps set back": [pd.Timestamp("2020-10-25 01:30", tz="UTC").tz_convert(BERLIN), 1],
    "decimals that are none": [decimal.Decimal("NaN"), decimal.Decimal("1.10"), None],
    "odd decimals": [decimal.Decimal(d) for d in ("-0.0", "Infinity", "-NaN12", "1E+100", "sNaN")],
    "paths": [pathlib.Path("/x"), pathlib.PureWindowsPath("c:/x"), None],
    "sets": [{3, 1}, frozenset({"a"}), set()],
    "others": [fractions.Fraction(-1, 3), ipaddress.ip_address("::1"), 1 - 2j, range(1, 9, 2)],
    "complex": [1 + 2j, complex("nan"), None],
    "bytes and texts": [b"\0\xff", "x", bytearray(b"y")],
    "halves of pairs": ["\ud800", "fine"],
    "keys": [{1: "a", (2, 3): None}, {"$x": 1}, collections.OrderedDict(b=1, a=2)],
    "deep": [{"a": [(1, {"b": dt.date(2020, 1, 1)})]}, {"a": pd.NA, "b": [pd.NaT]}],
    "differing dicts": [{"d": decimal.Decimal("1.10")}, {"d": decimal.Decimal("1.1"), "e": -0.0}],
    "numbers of many types": [np.int64(1), 2, np.float32(0.1), np.datetime64("2020", "D")],
    "texts of numpy": [np.str_("a"), "b", np.bytes_(b"c")],
    "matrices": [np.eye(2), np.arange(3), np.array(["a", None], dtype=object)],
    "spans": [
        pd.Period("2020", "Y"),
        pd.Period("2020-01", "M"),
        pd.Interval(0, 1.5, closed="both"),
    ],
    "long spans": [dt.timedelta.max, pd.Timedelta(1, "s"), pd.Timedelta(1, "ns")],
    "dates beside": [dt.date(2020, 1, 1), "total", pd.Timestamp("2020")],
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_the_objects_they_were(name):
    cells = CELLS[name]
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    back = around(frame)["c"]
    assert dsp.push("types/one", frame).unchanged
    assert back.dtype == object
    for read, written in zip(back, cells, strict=True):
        assert type(read) is type(written)
        assert repr(read) == repr(written)
        assert getattr(read, "tzinfo", None) == getattr(written, "tzinfo", None)
        assert type(getattr(read, "tzinfo", None)) is type(getattr(written, "tzinfo", None))
        assert getattr(read, "dtype", None) == getattr(written, "dtype", None)


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ([1, Colour.RED], "Colour.*in row 1"),
        ([None, Point(1, 2)], r"Point\(x=1, y=2\) of Point in row 1"),
        ([{"deep": [Colour.RED]}], "in row 0"),
        ([collections.Counter("a")], "Counter"),
        ([1, 10**5000], "a int in row 1"),
        ([dt.datetime(2020, 1, 1, tzinfo=Noon())], "Noon"),
        ([1, itself()], "in row 1.*\n.*holds itself"),
        ([functools.reduce(lambda inner, _: [inner], range(30_000), 1)], "a list in row 0"),
        ([pd.DataFrame({"a": [1]})], "DataFrame in row 0"),
    ],
)
def test_cells_that_would_come_back_as_others_are_refused(cells, named):
    frame = pd.DataFrame({"bad": pd.Series(cells, dtype=object)})
    match = f"(?s)the column 'bad'.*{named}.*hint: .*pickle"
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=match):
        dsp.push("types/refused", frame)


def test_zones_of_pytz_come_back_where_it_is_not_installed():
    class Zone(dt.tzinfo):
        zone = "Europe/Berlin"

    Zone.__module__ = "pytz.tzfile"
    text = tagged.to_text(dt.time(1, tzinfo=Zone()))
    assert json.loads(text)["zone"] == {"pytz": "Europe/Berlin"}
    assert str(tagged.of_text(text).tzinfo) == "Europe/Berlin"


def test_a_value_that_a_type_of_pandas_cannot_keep_is_named():
    texts = pd.array(["a"] * 5 + ["\ud800"], dtype="string[python]")
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=r"'\\ud800' of .* in row 5"):
        dsp.push("types/refused", pd.DataFrame({"t": texts}))


def test_a_type_that_has_no_name_is_refused_before_the_push():
    frame = pd.DataFrame({"t": pd.to_datetime(["2020"]).tz_localize("dateutil/Europe/Berlin")})
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="tzfile"):
        dsp.push("types/refused", frame)


def test_cells_of_a_table_that_was_pulled_can_be_changed():
    frame = pd.DataFrame({"i": [1, 2], "f": [0.5, 1.5], "s": ["a", "b"], "j": [3, 4]})
    back = around(frame)
    back.loc[0, "i"] = 7
    back["f"] += 1
    back.loc[1, "s"] = "c"
    assert back.iloc[0].tolist() == [7, 1.5, "a", 3]
    assert back.iloc[1].tolist() == [2, 2.5, "c", 4]


def test_attributes_of_tables():
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs["unit"] = "kg"
    back = around(frame)
    assert back.attrs == {"unit": "kg"}
    assert not back.flags.allows_duplicate_labels


def test_a_frequency_that_is_more_than_its_name_is_told():
    days = pd.offsets.CustomBusinessDay(holidays=["2020-01-02"])
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020-01-01", periods=2, freq=days))
    with pytest.warns(dsp.DspWarning, match="not kept: the frequency"):
        dsp.push("types/one", frame)


def test_what_a_table_loses_is_told():
    class Own(pd.DataFrame):
        pass

    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "kg", "pair": (1, 2), 3: "three"}
    with pytest.warns(dsp.DspWarning, match="'pair', 3 of the attrs"):
        assert around(frame).attrs == {"unit": "kg"}
    with pytest.warns(dsp.DspWarning, match="an? Own is kept, and comes back, as a pandas"):
        assert type(around(Own({"a": [1]}))) is pd.DataFrame


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, 2], name="n"),
        pd.Series(["a"], index=pd.Index([3], name="i"), name=("t", 1)),
        pd.Series([], dtype="category"),
        pd.DataFrame({"a": [1.5]}, index=pd.date_range("2020", periods=1)).iloc[0],
    ],
)
def test_series(series):
    back = around(series)
    pd.testing.assert_series_equal(back, series)
    assert back.name == series.name


def test_a_value_that_no_type_holds_is_named():
    frame = pd.DataFrame({"ok": [1, 2], "bad": ["x", Colour.RED]})
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="'bad'.*Colour.*row 1"):
        dsp.push("types/refused", frame)


def test_other_readers_find_the_index():
    frame = FRAMES["multi"]
    encoded = types.encode(frame)
    read = pd.read_parquet(io.BytesIO(encoded.data))
    assert list(read.index.names) == ["k", None]
    assert read["v"].tolist() == [0, 1, 2, 3]
    ranged = types.encode(FRAMES["range"])
    assert pd.read_parquet(io.BytesIO(ranged.data)).index.equals(FRAMES["range"].index)


def test_files_are_as_the_web_and_others_read_them_best():
    frame = pd.DataFrame({"a": np.arange(150_000)})
    read = pq.ParquetFile(io.BytesIO(types.encode(frame).data))
    assert [read.metadata.row_group(i).num_rows for i in range(read.num_row_groups)] == [
        65_536,
        65_536,
        18_928,
    ]
    column = read.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert column.has_offset_index
    assert column.has_column_index
    # Nearly as many values as rows: a dictionary would be all of them over again.
    assert column.total_uncompressed_size < 600_000
    rows = 70_000
    points = gpd.GeoDataFrame(frame[:rows], geometry=gpd.points_from_xy([0] * rows, [1] * rows))
    for other in (pl.DataFrame({"a": range(rows)}), pa.table({"a": range(rows)}), points):
        metadata = pq.ParquetFile(io.BytesIO(types.encode(other).data)).metadata
        group = metadata.row_group(0)
        assert group.num_rows == 65_536
        for one in map(group.column, range(group.num_columns)):
            assert (one.compression, one.has_offset_index) == ("ZSTD", True)


def test_tables_of_polars():
    frame = pl.DataFrame(
        {
            "s": ["007", "", None, "NA"],
            "c": pl.Series(["a", "b", None, "a"], dtype=pl.Categorical),
            "e": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["y", "x", "z"])),
            "t": pl.Series([dt.datetime(2020, 1, 1)] * 4).dt.replace_time_zone("Europe/Berlin"),
            "d": [dt.timedelta(microseconds=1), None, None, None],
            "n": [[{"k": 1}], [], None, [{"k": None}]],
            "dec": [decimal.Decimal("1.10"), None, None, None],
            "u": pl.Series([2**64 - 1, 0, 1, 2], dtype=pl.UInt64),
            "z": [None] * 4,
        }
    )
    back = around(frame)
    assert back.schema == frame.schema
    assert back.equals(frame)
    assert around(frame.lazy()).equals(frame)
    assert around(frame["s"]).equals(frame["s"])


@pytest.mark.parametrize("kind", [pl.Int128, pl.UInt128])
def test_whole_numbers_of_128_bits_are_decimals_to_others(here, kind):
    most = 10**38 - 1
    frame = pl.DataFrame({"n": pl.Series([7, None, most], dtype=kind), "s": ["x", "", None]})
    result = dsp.push("types/wide", frame)
    back = dsp.pull("types/wide")
    assert back.schema == frame.schema
    assert back.equals(frame)
    assert around(frame["n"]).equals(frame["n"])
    schema = here.client().get("/schema", {"ref": result.reference})
    assert [column["type"] for column in schema["columns"]] == ["decimal(38, 0)", "string"]
    assert dsp.pull("types/wide", decoder="arrow")["n"].to_pylist() == [7, None, most]
    # What a decimal does not hold, and what is within lists, polars reads.
    for wider in ([2**127 - 1, None], [[1], None]):
        of = kind if isinstance(wider[0], int) else pl.List(kind)
        frame = pl.DataFrame({"n": pl.Series(wider, dtype=of)})
        assert around(frame).equals(frame)
        assert around(frame).schema == frame.schema


def test_what_polars_cannot_write_is_named():
    frame = pl.DataFrame({"fine": [1], "bad": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="the column 'bad' .* Object"):
        dsp.push("types/refused", frame)


def test_python_objects_in_polars_are_refused():
    with pytest.raises(dsp.UnsupportedObjectTypeException):
        dsp.push("types/refused", pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}))


TABLE = pa.table(
    {
        "s": pa.array(["007", "", None]),
        "seconds": pa.array([1, None, 3], pa.timestamp("s", "UTC")),
        "duration": pa.array([1, None, 3], pa.duration("ns")),
        "dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
        "numbers": pa.array([7, 8, 7]).dictionary_encode(),
        "list": pa.array([[1], [], None], pa.large_list(pa.int8())),
        "struct": pa.array([{"a": {"b": 1}}, None, {"a": None}]),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "decimal": pa.array([decimal.Decimal("1.10"), None, None], pa.decimal128(30, 2)),
        "half": pa.array(np.array([1, 2, 3], dtype="float16")),
    }
).replace_schema_metadata({"mine": "kept"})


def test_tables_of_arrow():
    back = around(TABLE)
    assert back.schema.equals(TABLE.schema)
    assert back.schema.metadata == TABLE.schema.metadata
    assert back.equals(TABLE)
    batch = pa.record_batch({"a": [1, 2]})
    assert around(batch).equals(pa.Table.from_batches([batch]))


def large_table(rows=400_000):
    """More than is decoded at once, in row groups with dictionaries of their own."""
    numbers = np.random.default_rng(0).normal(size=rows)
    names = pa.array([f"n{at % 1000 + at // 65_536}" for at in range(rows)])
    return pa.table({"x": numbers, "y": numbers * 2, "d": names.dictionary_encode(), "s": names})


def test_a_large_table_is_decoded_while_it_arrives(monkeypatch):
    table = large_table()
    seen = []
    told = arriving._told

    def watched(pa, attachment, buffer, check):
        found = told(pa, attachment, buffer, check)
        seen.append((attachment.size, found))
        return found

    monkeypatch.setattr(arriving, "_told", watched)
    back = around(table)
    ((size, (metadata, _)),) = seen
    assert size > 4 << 20
    assert metadata.num_row_groups == 7
    assert back.schema.equals(table.schema)
    assert back.to_pydict() == table.to_pydict()
    # A file of which the end says nothing is read when all is here.
    monkeypatch.setattr(arriving, "_TAIL_BYTES", 16)
    assert around(table.slice(1)).equals(table.slice(1))
    assert seen[-1][1] is None


@pytest.mark.parametrize("at", [100_000, -1_000])
def test_a_large_table_that_is_damaged_is_an_error(at, tmp_path):
    data = bytearray(types.encode(large_table()).data)
    data[at : at + 200] = bytes(200)
    path = tmp_path / "damaged.parquet"
    path.write_bytes(data)
    dsp.push("types/damaged", path)
    with pytest.raises(dsp.DspError, match=r"damaged.parquet is no Parquet file"):
        dsp.pull("types/damaged")


def test_a_table_that_is_no_longer_held_in_memory(monkeypatch):
    monkeypatch.setattr(arrow, "IN_MEMORY_BYTES", 1 << 10)
    table = large_table(1000)
    assert around(table).equals(table)


def test_anything_with_the_c_stream():
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return TABLE.select(["s"]).__arrow_c_stream__(requested_schema)

    assert around(Stream()).equals(
        TABLE.select(["s"]).replace_schema_metadata(TABLE.schema.metadata)
    )
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches())
    assert around(reader).equals(TABLE)


def test_a_type_that_parquet_has_not_is_refused():
    column = pa.array([1, 2], pa.month_day_nano_interval().id and pa.int64())
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [column])
    with pytest.raises(
        dsp.UnsupportedObjectTypeException, match="the column 'u' has the type .*un"
    ):
        dsp.push("types/refused", pa.table({"fine": [1, 2], "u": union}))


def test_a_table_is_read_as_another_type():
    dsp.push("types/as", pd.DataFrame({"a": [1]}))
    assert isinstance(dsp.pull("types/as", decoder="arrow"), pa.Table)
    assert isinstance(dsp.pull("types/as", decoder="polars"), pl.DataFrame)
    with pytest.raises(dsp.MatchError, match="no type is called"):
        dsp.pull("types/as", decoder="excel")


def test_names_within_nested_types_survive():
    named = pa.list_(pa.field("mine", pa.int8(), nullable=False))
    for kind, values in [(named, [[1], None]), (pa.map_(pa.string(), pa.int8()), [[("k", 1)], []])]:
        table = pa.table({"v": pa.array(values, kind)})
        assert around(table).schema.equals(table.schema, check_metadata=True)


def test_a_parquet_file_that_lies_is_an_error(tmp_path):
    path = tmp_path / "liar.parquet"
    path.write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1")
    dsp.push("types/liar", path)
    with pytest.raises(dsp.DspError, match=r"liar.parquet is no Parquet file"):
        dsp.pull("types/liar")


def test_a_text_in_another_encoding_is_told_by_line_and_column(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("one\ntwo: ü\n".encode("latin-1"))
    dsp.push("types/latin", path)
    with pytest.raises(dsp.DspError, match="line 2, column 6"):
        dsp.pull("types/latin")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F", "I"])
def test_images(mode):
    image = Image.linear_gradient("L").resize((9, 7))
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    back = around(image)
    assert back.mode == mode
    assert back.tobytes() == image.tobytes()


def test_a_text_of_a_class_of_ones_own_is_told():
    class Own(str):
        pass

    with pytest.warns(dsp.DspWarning, match="an? Own comes back as a str"):
        assert type(around(Own("x"))) is str


def test_an_image_keeps_its_pixels_where_its_palette_is_short():
    image = Image.frombytes("P", (2, 2), bytes([0, 1, 2, 200]))
    image.putpalette([1, 2, 3])
    back = around(image)
    assert (back.mode, back.tobytes()) == ("P", image.tobytes())


def test_what_stands_beside_the_pixels_is_kept():
    photo = Image.new("RGB", (2, 3))
    photo.getexif()[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo.info["icc_profile"] = profile
    back = around(photo)
    assert back.getexif()[0x0112] == 6
    assert back.info["icc_profile"] == profile


def test_an_image_that_no_format_keeps_is_refused():
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="mode HSV"):
        dsp.push("types/refused", Image.new("HSV", (2, 2)))
    with pytest.raises(dsp.UnsupportedObjectTypeException, match="cannot write empty"):
        dsp.push("types/refused", Image.new("RGB", (0, 0)))
    moving = io.BytesIO()
    Image.new("L", (2, 2)).save(
        moving, "GIF", save_all=True, append_images=[Image.new("L", (2, 2), 9)]
    )
    with pytest.raises(dsp.UnsupportedObjectTypeException, match=r"(?s)2 frames.*pathlib.Path"):
        dsp.push("types/refused", Image.open(moving))


def test_a_picture_that_could_be_a_bomb_is_told(monkeypatch):
    dsp.push("types/bomb", Image.new("1", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(dsp.DspError, match=r"(?s)bomb.*hint: .*MAX_IMAGE_PIXELS"):
        dsp.pull("types/bomb")


def test_large_plots_become_pictures():
    figure, axes = plt.subplots()
    axes.scatter(*np.random.default_rng(1).random((2, 30_000)))
    plt.close(figure)
    picture = around(figure)
    assert picture.media == "image/png"
    assert picture._repr_png_() == picture.data
    small = around(plt.figure().add_subplot())
    assert small.media == "image/svg+xml"
    assert small._repr_png_() is None
    # As a part of the page it could hold a script; as an image nothing in it runs.
    assert not hasattr(small, "_repr_svg_")
    shown = small._repr_html_()
    assert shown.startswith('<img alt="one.svg" src="data:image/svg+xml;base64,')
    assert base64.b64decode(shown.split(",")[1].removesuffix('">')) == small.data
    assert picture._repr_html_() is None
    plt.close("all")
    odd = types.Picture(b"<svg/>", "image/svg+xml", '"><script>.svg')
    assert "<script>" not in odd._repr_html_()


def test_figures_of_plotly():
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), layout={"title": {"text": "T"}})
    back = around(figure)
    assert isinstance(back, go.Figure)
    assert json.loads(back.to_json()) == json.loads(figure.to_json())


def test_arrays_in_a_figure_of_plotly_are_arrays():
    z = np.array([[0.1, np.nan, 2.0], [3.0, 4.0, -0.0]])
    figure = go.Figure(go.Heatmap(z=z, x=np.arange(3)))
    figure.add_scatter(x=pd.to_datetime(["2020", "2021"]), y=[1, None], customdata=np.eye(2))
    back = around(figure)
    np.testing.assert_array_equal(back.data[0].z, z)
    np.testing.assert_array_equal(back.data[0].x, [0, 1, 2])
    np.testing.assert_array_equal(back.data[1].customdata, np.eye(2))
    assert json.loads(back.to_json()) == json.loads(figure.to_json())
    assert (back.data[0].z + 1)[1, 0] == 4


def test_arrays_in_a_figure_of_plotly_that_lie_are_told():
    packed = {"dtype": "f8", "bdata": "AAAA", "shape": "2, 3"}
    for lie in (packed, {**packed, "bdata": "?"}, {"dtype": "i1", "bdata": "AAAA", "shape": "9"}):
        text = json.dumps({"data": [{"type": "heatmap", "z": lie}]}).encode()
        encoded = dsp.Encoded(".json", "application/json", "plotly", data=text)
        dsp.push("types/lie", text, encoder=lambda _, encoded=encoded: encoded)
        with pytest.raises(dsp.DspError, match="no figure of plotly"):
            dsp.pull("types/lie")


def test_models_of_scikit_learn():
    model = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    assert around(model).predict([[2.0]]) == pytest.approx([5.0])


def test_types_of_others_come_first(monkeypatch):
    class Point:
        x = 7

    class PointType:
        name = "point"

        def matches(self, value):
            return isinstance(value, Point)

        def encode(self, value):
            return dsp.Encoded(".pt", "application/x-point", "point", data=b"%d" % value.x)

        def reads(self, attachment):
            return attachment.app == "point"

        def decode(self, attachment):
            point = Point()
            point.x = int(attachment.read())
            return point

    class EntryPoint:
        value = "points:PointType"

        def load(self):
            return PointType()

    types.all_types.cache_clear()
    monkeypatch.setattr(types, "entry_points", lambda group: [EntryPoint()])
    try:
        assert around(Point()).x == 7
    finally:
        monkeypatch.undo()
        types.all_types.cache_clear()


def test_nothing_is_imported_that_is_not_needed():
    import subprocess
    import sys

    heavy = ["pandas", "numpy", "pyarrow", "polars", "matplotlib", "PIL", "sklearn", "fsspec"]
    code = f"import sys, dsp; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    assert PARQUET
