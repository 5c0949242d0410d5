"""Any table comes back as it was: hypothesis looks for one that does not."""

import datetime as dt
import string

import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames, range_indexes

from dsp import types
from dsp.attachment import Attachment

SETTINGS = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Kept(Attachment):
    """An attachment whose bytes are here: what a daemon does to bytes is tested elsewhere."""

    def stream(self):
        import contextlib

        return contextlib.nullcontext(iter([self.data]))


def around(value):
    encoded = types.encode(value)
    kept = Kept("p", "", len(encoded.data), encoded.media, "p", app=encoded.app)
    object.__setattr__(kept, "data", encoded.data)
    return types.decode(kept)


texts = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["", "007", "NA", "nan", "None"]))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=4), st.floats(-9, 9)
)
nested = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


zones = st.one_of(
    st.none(),
    st.timezones(),
    st.integers(-1439, 1439).map(lambda n: dt.timezone(dt.timedelta(minutes=n))),
)
kinds = st.one_of(
    scalars,
    st.floats(),
    st.datetimes(timezones=zones),
    st.times(timezones=st.sampled_from([None, dt.timezone.utc])),
    st.dates(),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.binary(max_size=4),
    st.complex_numbers(),
    st.ip_addresses(),
    st.text(st.characters(), max_size=3),
)
mixtures = st.recursive(
    kinds,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(kinds.filter(lambda one: one == one), max_size=1)
        | st.dictionaries(st.one_of(st.text(max_size=3), st.integers(), st.dates()), inner)
    ),
    max_leaves=6,
)


def objects(values, size):
    return st.lists(values, min_size=size, max_size=size).map(
        lambda items: pd.Series(items, dtype=object)
    )


@SETTINGS
@given(
    data_frames(
        [
            column("i", dtype="int64"),
            column("u", dtype="uint8"),
            column("f", dtype="float64"),
            column("h", dtype="float32"),
            column("b", dtype="bool"),
            column("t", dtype="datetime64[ns]"),
            column("d", dtype="timedelta64[ns]"),
            column("c", dtype="complex128"),
        ],
        index=range_indexes(max_size=6),
    )
)
def test_tables_of_numbers_and_times(frame):
    pd.testing.assert_frame_equal(around(frame), frame, check_exact=True)


@SETTINGS
@given(st.integers(0, 5).flatmap(lambda n: st.tuples(objects(texts, n), objects(nested, n))))
def test_tables_of_python_objects(columns):
    text, deep = columns
    frame = pd.DataFrame({"t": text, "o": deep})
    back = around(frame)
    pd.testing.assert_frame_equal(back, frame)
    for name in frame:
        assert [type(v) for v in back[name]] == [type(v) for v in frame[name]]
        assert back[name].tolist() == frame[name].tolist()


@SETTINGS
@given(st.lists(mixtures, min_size=1, max_size=5))
def test_cells_of_any_kinds_side_by_side(cells):
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    back = around(frame)["c"]
    assert list(map(repr, back)) == list(map(repr, cells))
    assert list(map(type, back)) == list(map(type, cells))


@SETTINGS
@given(st.lists(texts, max_size=8))
def test_texts_in_every_type_for_texts(values):
    for dtype in ("str", "string", "string[pyarrow]"):
        series = pd.Series(values, dtype=dtype, name="t")
        pd.testing.assert_series_equal(around(series), series)


@SETTINGS
@given(
    st.lists(st.text(string.printable, max_size=4), unique=True, min_size=1, max_size=5),
    st.lists(st.integers(-1, 4), max_size=8),
    st.booleans(),
)
def test_categories_survive_used_or_not(categories, codes, ordered):
    codes = [code if code < len(categories) else -1 for code in codes]
    values = pd.Categorical.from_codes(codes, categories, ordered=ordered)
    frame = pd.DataFrame({"c": values}, index=pd.CategoricalIndex(values, name="k"))
    pd.testing.assert_frame_equal(around(frame), frame)


@SETTINGS
@given(
    st.lists(st.tuples(st.text(max_size=3), st.integers(0, 3)), min_size=1, max_size=5),
    st.lists(st.one_of(st.text(max_size=3), st.integers(0, 9)), min_size=1, max_size=4),
    st.tuples(st.one_of(st.none(), st.text(max_size=3)), st.one_of(st.none(), st.integers())),
)
def test_indexes_and_labels(keys, labels, names):
    frame = pd.DataFrame(
        [[1] * len(labels)] * len(keys),
        index=pd.MultiIndex.from_tuples(keys, names=names),
        columns=pd.Index(labels, dtype=object),
    )
    back = around(frame)
    pd.testing.assert_frame_equal(back, frame)
    assert [type(label) for label in back.columns] == [type(label) for label in frame.columns]


@SETTINGS
@given(st.lists(nested, max_size=4), st.lists(st.integers(), max_size=4))
def test_json(values, numbers):
    value = {"values": values, "numbers": numbers}
    assert around(value) == value


@SETTINGS
@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=6))
def test_tables_of_arrow(values):
    for kind in (
        pa.int64(),
        pa.timestamp("s"),
        pa.duration("ms"),
        pa.timestamp("us", "Asia/Tokyo"),
    ):
        table = pa.table({"v": pa.array(values, kind)})
        bounded = all(v is None or abs(v) < 2**50 for v in values)
        if kind.equals(pa.timestamp("s")) and not bounded:
            continue
        assert around(table).equals(table)
