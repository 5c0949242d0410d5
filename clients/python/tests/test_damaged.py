"""Bytes that are not what their author says: an error that names them, and nothing worse."""

import base64
import contextlib
import itertools
import json
from random import Random

import geopandas
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dsp
from dsp import types
from dsp.attachment import Attachment
from dsp.types import arriving, arrow, pages
from dsp.types.base import PARQUET

pytestmark = pytest.mark.usefixtures("here")

PICKLE = "application/x-python-pickle"
KINDS = [
    (PARQUET, "pandas/dataframe"),
    (PARQUET, "polars/dataframe"),
    (PARQUET, "geopandas/geodataframe"),
    ("text/csv", None),
    ("text/csv", "pandas/dataframe"),
    ("text/csv", "r/data.frame"),
    ("application/json", None),
    ("application/json", "python/tagged"),
    ("application/json", "plotly"),
    ("application/json", "bokeh"),
    ("application/vnd.vegalite+json", "altair"),
    ("image/png", "pillow"),
    ("application/x-npy", "numpy"),
    ("application/vnd.safetensors", "numpy/tensors"),
    ("application/vnd.onnx", "onnx"),
    ("application/ubjson", "xgboost/Booster"),
    ("text/plain", "lightgbm"),
    (PICKLE, "sklearn"),
    (PICKLE, "python/pickle"),
    ("text/plain", None),
]


class Kept(Attachment):
    """An attachment whose bytes are here."""

    def stream(self):
        return contextlib.nullcontext(iter([self.data]))


def push(data, media, app=None, stack="damaged/one"):
    return dsp.push(stack, data, encoder=lambda d: dsp.Encoded(".x", media, app, data=d))


@pytest.mark.parametrize(("media", "app"), KINDS)
def test_what_is_no_such_file_is_told(media, app):
    push(b"a,b\n1,\xff\xfe\n", media, app)
    with pytest.raises(
        dsp.DspError, match=r"(?s)damaged/one@.*(is no|do not fit|cannot be read).*hint: "
    ):
        dsp.pull("damaged/one")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[0].endswith(("/json", "+json"))])
@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_what_is_nested_too_deep_is_told(kind, text):
    push(text, *kind)
    with pytest.raises(dsp.DspError, match=r"(?s)damaged/one@.*can be read.*hint: "):
        dsp.pull("damaged/one")


@pytest.mark.parametrize(("media", "app"), [kind for kind in KINDS if kind != ("text/plain", None)])
def test_nothing_at_all_is_told(media, app):
    push(b"", media, app)
    with pytest.raises(dsp.DspError, match=r"damaged/one@"):
        dsp.pull("damaged/one")


NPY = b"\x93NUMPY\x01\x00\x10\x00{'descr': '<i4',\n"
SHAPE = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }"
HUGE = b"\x93NUMPY\x01\x00F\x00" + SHAPE.ljust(69) + b"\n"


@pytest.mark.parametrize("data", [NPY, HUGE])
def test_an_array_whose_header_lies_is_told(data):
    push(data, "application/x-npy", "numpy")
    with pytest.raises(dsp.DspError, match="no array of NumPy"):
        dsp.pull("damaged/one")
    cell = json.dumps({"$array": base64.b64encode(data).decode()})
    push(cell.encode(), "application/json", "python/tagged")
    with pytest.raises(dsp.DspError, match="no JSON"):
        dsp.pull("damaged/one")


@pytest.mark.parametrize("app", [None, "pandas/dataframe", "r/data.frame"])
def test_a_table_in_another_encoding_is_told_by_line_and_column(app):
    push("name,n\nZoe,1\nJürgen,2\n".encode("latin-1"), "text/csv", app)
    for pull in (dsp.pull, dsp.pull_data):
        with pytest.raises(dsp.DspError, match=r"(?s)damaged/one@.*line 3, column 2"):
            pull("damaged/one")


def test_a_table_with_a_line_of_too_many_fields_is_told():
    push(b"a,b\n1,2\n1,2,3\n", "text/csv")
    with pytest.raises(dsp.DspError, match=r"(?s)damaged/one@.*line 3"):
        dsp.pull("damaged/one")


@pytest.mark.parametrize("app", ["pandas/dataframe", "polars/dataframe", None])
def test_a_table_that_unpacks_to_more_than_the_memory_is_refused(app, monkeypatch):
    table = pa.table({"a": pa.array([7] * 100_000)})
    file = pa.BufferOutputStream()
    pq.write_table(table, file)
    push(file.getvalue().to_pybytes(), PARQUET, app)
    assert len(dsp.pull("damaged/one")) == 100_000
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 700_000)
    with pytest.raises(dsp.DspError, match=r"(?s)unpacks to 800,000 bytes or more.*hint: a dsp://"):
        dsp.pull("damaged/one")


def repeated(text, rows, nested=False, **options):
    """Returns a file that has a text once, and a table of which it is every value."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [text])
    column = texts.cast(pa.string())
    if nested:
        column = pa.ListArray.from_arrays(pa.array(range(rows + 1), pa.int32()), column)
        column = pa.StructArray.from_arrays([column], names=["texts"])
    file = pa.BufferOutputStream()
    table = pa.table({"a.b": column, "n": pa.array(range(rows))})
    pq.write_table(table, file, compression="zstd", store_schema=False, **options)
    return file.getvalue().to_pybytes()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("app", ["pandas/dataframe", "polars/dataframe", None])
def test_a_text_that_stands_in_every_row_is_counted_as_often(app, nested, monkeypatch):
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    file = repeated("x" * 300_000, 100, nested)
    assert len(file) < 100_000
    push(file, PARQUET, app)
    with pytest.raises(dsp.DspError, match=r"unpacks to 30,\d{3},\d{3} bytes or more"):
        dsp.pull("damaged/one")


def deltas(text, rows, nested, **options):
    """Returns a file in which each text says that it is the one before."""
    texts = pa.array([[text], None, []] * rows) if nested else pa.array([text, None] * rows)
    file = pa.BufferOutputStream()
    name = "a.list.element" if nested else "a"
    encoding = {name: "DELTA_BYTE_ARRAY"}
    options = {
        "use_dictionary": False,
        "column_encoding": encoding,
        "store_schema": False,
    } | options
    pq.write_table(pa.table({"a": texts}), file, **options)
    return file.getvalue().to_pybytes()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("packed", ["none", "zstd", "lz4"])
def test_a_text_that_repeats_the_one_before_is_counted_as_often(
    nested, version, packed, monkeypatch
):
    file = deltas("x" * 300_000, 100, nested, compression=packed, data_page_version=version)
    assert len(file) < 400_000
    push(file, PARQUET, "pandas/dataframe")
    assert (
        sum(
            len(text[0] if nested else text)
            for text in dsp.pull("damaged/one")["a"].dropna()
            if len(text)
        )
        == 30_000_000
    )
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    for decoder in ("pandas", "arrow"):
        with pytest.raises(
            dsp.DspError, match=r"(?s)one@.*unpacks to 30,\d{3},\d{3} bytes or more.*hint: a dsp://"
        ):
            dsp.pull("damaged/one", decoder=decoder)
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 31_000_000)
    assert len(dsp.pull("damaged/one")) == 100 * (3 if nested else 2)


@pytest.mark.parametrize("app", ["polars/dataframe", None])
def test_texts_that_repeat_those_before_are_counted_for_every_reader(app, monkeypatch):
    push(deltas("x" * 300_000, 100, False), PARQUET, app)
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    with pytest.raises(dsp.DspError, match="unpacks to"):
        dsp.pull("damaged/one")


def alike(one, other):
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def test_lengths_that_differ_are_added_up():
    texts = [f"{n:08}" + "x" * (n % 1_000) + "y" * (n % 7) for n in range(5_000)]
    file = pa.BufferOutputStream()
    options = {"use_dictionary": False, "column_encoding": {"t": "DELTA_BYTE_ARRAY"}}
    pq.write_table(pa.table({"t": texts}), file, data_page_size=4 << 10, **options)
    data = file.getvalue()
    schema = pq.read_metadata(data).schema.column(0)
    source = pages.Source(pa, data)
    ((column,),) = pages.groups(source)
    found = pages.look(source, column).deltas
    assert len(found) > 2
    before = 0
    for page in found:
        here = texts[before : before + page.values]
        before += page.values
        same = sum(alike(*pair) for pair in itertools.pairwise(here))
        assert pages.delta_bytes(pa, source, page, column.codec, schema) == same
    assert before == len(texts)


def told_of(data, columns):
    """What the headers of all pages say, and what is said of those that are none."""
    source = pages.Source(pa, pa.py_buffer(data))

    def told(column):
        try:
            return vars(pages.look(source, column))
        except ValueError as error:
            return str(error)

    return [told(column) for column in columns]


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("deltas", [False, True])
def test_usual_headers_are_read_as_all_others_are(checksum, deltas, monkeypatch):
    """They have a shorter way, which must find neither more nor less."""
    texts = [f"{n % 300:0{1 + n % 250}}" for n in range(3_000)]
    table = pa.table({"n": [n * n for n in range(3_000)], "t": texts, "f": [0.5] * 3_000})
    file = pa.BufferOutputStream()
    encoding = {"column_encoding": {"t": "DELTA_BYTE_ARRAY"}, "use_dictionary": ["f"]}
    options = {"data_page_size": 1 << 10, "write_page_checksum": checksum}
    pq.write_table(table, file, write_page_index=True, **options, **(encoding if deltas else {}))
    whole = file.getvalue().to_pybytes()
    columns = [c for group in pages.groups(pages.Source(pa, file.getvalue())) for c in group]
    usual = 0
    match = pages.Source.match

    def counted(self, pattern, at):
        nonlocal usual
        found = match(self, pattern, at)
        usual += found is not None
        return found

    monkeypatch.setattr(pages.Source, "match", counted)
    pages.look(pages.Source(pa, file.getvalue()), columns[0])
    assert usual > 2
    starts = [at for at in range(len(whole) - 3) if whole[at : at + 3] == b"\x15\x00\x15"]
    differing = 0
    for seed in range(600):
        random = Random(seed)
        data = bytearray(whole)
        if seed:
            for _ in range(random.randrange(1, 4)):
                at = random.choice(starts) + random.randrange(24)
                data[at] = random.choice((0, 0x11, 0x15, 0x1C, 0x2C, 0x7F, 0x80, 0xFF, at & 255))
        with monkeypatch.context() as patch:
            patch.setattr(pages.Source, "match", match)
            here = told_of(bytes(data), columns)
            patch.setattr(pages.Source, "match", lambda *_: None)
            assert here == told_of(bytes(data), columns), seed
        differing += here != told_of(whole, columns)
    assert differing > 100


def varint(value, length=0):
    """A number as Thrift writes it, which may be longer than it has to be."""
    value <<= 1
    out = bytearray()
    while value > 127 or len(out) + 1 < length:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize("app", ["pandas/dataframe", "polars/dataframe", None])
def test_a_page_that_unpacks_to_more_than_the_footer_says_is_refused(app, monkeypatch):
    file = pa.BufferOutputStream()
    table = pa.table({"a": ["x" * 30_000_000]})
    options = {"use_dictionary": False, "write_statistics": False, "store_schema": False}
    pq.write_table(table, file, compression="zstd", **options)
    data = file.getvalue().to_pybytes()
    told = varint(pq.read_metadata(file.getvalue()).row_group(0).column(0).total_uncompressed_size)
    assert data.count(told) > 0
    data = data.replace(told, varint(1_000, len(told)))
    assert (
        pq.read_metadata(pa.BufferReader(data)).row_group(0).column(0).total_uncompressed_size
        < 2_000
    )
    push(data, PARQUET, app)
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    with pytest.raises(dsp.DspError, match=r"unpacks to 30,\d{3},\d{3} bytes or more"):
        dsp.pull("damaged/one")


def test_values_of_a_fixed_length_are_counted_by_it(monkeypatch):
    values = pa.array([b"x" * 30_000] * 1_000, pa.binary(30_000))
    file = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": values}), file, store_schema=False)
    assert file.getvalue().size < 100_000
    push(file.getvalue().to_pybytes(), PARQUET, None)
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    with pytest.raises(dsp.DspError, match=r"unpacks to 30,\d{3},\d{3} bytes or more"):
        dsp.pull("damaged/one")


def test_texts_that_fit_are_read_however_long_the_longest_might_be(monkeypatch):
    texts = ["x" * 200_000, *("short" for _ in range(999))]
    file = pa.BufferOutputStream()
    pq.write_table(pa.table({"t": texts}), file)
    push(file.getvalue().to_pybytes(), PARQUET, "pandas/dataframe")
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 1_000_000)
    assert dsp.pull("damaged/one")["t"].tolist() == texts


def test_a_large_table_that_unpacks_to_more_is_refused_while_it_arrives(monkeypatch):
    monkeypatch.setattr(arriving, "_LEAST_BYTES", 0)
    monkeypatch.setattr(arriving, "_TAIL_BYTES", 4 << 10)
    file = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": pa.array(range(100_000))}), file, row_group_size=10_000)
    push(file.getvalue().to_pybytes(), PARQUET, "pandas/dataframe")
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 700_000)
    with pytest.raises(dsp.DspError, match="unpacks to"):
        dsp.pull("damaged/one")
    push(repeated("x" * 30_000, 1_000, row_group_size=100), PARQUET, "pandas/dataframe")
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 20_000_000)
    with pytest.raises(dsp.DspError, match=r"unpacks to 2\d,\d{3},\d{3} bytes or more"):
        dsp.pull("damaged/one")
    monkeypatch.setattr(arrow, "IN_MEMORY_BYTES", 0)
    with pytest.raises(dsp.DspError, match="unpacks to"):
        dsp.pull("damaged/one")
    for most in (1 << 30, 0):
        monkeypatch.setattr(arrow, "IN_MEMORY_BYTES", most)
        push(deltas("x" * 30_000, 1_000, False, row_group_size=100), PARQUET, "pandas/dataframe")
        with pytest.raises(dsp.DspError, match=r"unpacks to 2\d,\d{3},\d{3} bytes or more"):
            dsp.pull("damaged/one")


@pytest.mark.parametrize("kind", ["pandas", "polars", "geopandas", "arrow"])
def test_a_wrong_byte_anywhere_is_told(kind):
    """One of the library's own errors would end a program that expects those of this package."""
    table = pd.DataFrame({"a": range(50), "b": [f"x{n}" for n in range(50)], "c": [[1, 2]] * 50})
    if kind == "pandas":
        table["d"] = pd.Categorical(["u", "v"] * 25)
        table["e"] = pd.Series([1, "x"] * 25, dtype=object)
    if kind == "geopandas":
        table = geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy([1] * 50, [2] * 50))
    elif kind != "pandas":
        made = pa.Table.from_pandas(table)
        table = polars.from_arrow(made) if kind == "polars" else made
    encoded = types.encode(table)
    told = 0
    for seed in range(200):
        random = Random(seed)
        data = bytearray(encoded.data)
        # Half of them in the footer, which says how the rest is to be read.
        last = len(data) if seed % 2 else min(len(data), 900)
        data[len(data) - 1 - random.randrange(last)] = random.randrange(256)
        kept = Kept("p", "", len(data), encoded.media, "p", app=encoded.app)
        object.__setattr__(kept, "data", bytes(data))
        try:
            types.decode(kept)
        except dsp.DspError:
            told += 1
    assert told > 0


def test_what_packed_a_column_is_not_asked_of_arrow(monkeypatch):
    """It ends the process for a number that it does not know."""
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 1_000_000)
    whole = deltas("x" * 900, 3_000, False, compression="zstd")
    packed = b"\x18\x01a\x15\x0c"  # The name of the column, and the number of zstd.
    assert whole.count(packed) == 1
    push(whole.replace(packed, packed[:-1] + b"\x33"), PARQUET, "pandas/dataframe")
    with pytest.raises(dsp.DspError, match="no Parquet file that can be read"):
        dsp.pull("damaged/one")


@pytest.mark.parametrize("nested", [False, True])
def test_a_wrong_byte_where_lengths_are_told_is_told(nested, monkeypatch):
    monkeypatch.setattr(arrow, "_memory_bytes", lambda: 1_000_000)
    whole = deltas("x" * 900, 3_000, nested, compression="zstd", data_page_size=2_000)
    told = 0
    for seed in range(300):
        random = Random(seed)
        data = bytearray(whole)
        last = len(data) if seed % 2 else min(len(data), 500)
        data[len(data) - 1 - random.randrange(last)] = random.randrange(256)
        kept = Kept("p", "", len(data), PARQUET, "p")
        object.__setattr__(kept, "data", bytes(data))
        try:
            types.decode(kept)
        except dsp.DspError:
            told += 1
    assert told > 200


def noted(change):
    """The bytes of a table whose note of types was changed."""
    dsp.push("damaged/noted", pd.DataFrame({"a": [1, 2], "o": pd.Series([1, "x"], dtype=object)}))
    table = dsp.pull("damaged/noted", decoder="arrow")
    note = json.loads(table.schema.metadata[b"dsp"])
    change(note)
    metadata = {**table.schema.metadata, b"dsp": json.dumps(note).encode()}
    file = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), file)
    return file.getvalue().to_pybytes()


def texts_of_others(note):
    """Has the first of two categories end where no memory of theirs is."""
    sink = pa.BufferOutputStream()
    table = pa.table({"0": ["a" * 77, "b"]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    ends = b"".join(end.to_bytes(4, "little") for end in (0, 77, 78))
    assert data.count(ends) == 1
    data = data.replace(ends, ends[:4] + (1 << 30).to_bytes(4, "little") + ends[8:])
    held = {"kind": "objects", "null": "None", "data": base64.b64encode(data).decode()}
    note["columns"][1] = {"name": "o", "kind": "category", "ordered": False, "categories": held}


def exponents(note):
    sink = pa.BufferOutputStream()
    table = pa.table({"0": pa.array([-999_999_999], pa.int32())})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    packed = base64.b64encode(sink.getvalue().to_pybytes()).decode()
    note["columns"][1] = {**note["columns"][1], "kind": "objects", "exponents": packed}


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.pop("columns"),
        lambda note: note["columns"][0].update(dtype="no such type"),
        lambda note: note["columns"][0].update(name="no such column"),
        lambda note: note["columns"].append(note["columns"][0]),
        lambda note: note["columns"][1].update(kind="no such kind"),
        lambda note: note["columns"][1].update(kind="category"),
        lambda note: note["columns"][1].update(kind="inferred"),
        lambda note: note["columns"][1].update(null={"kinds": ["None"], "data": "?"}),
        lambda note: note["index"]["range"].update(stop=10**18),
        lambda note: note["labels"].update(data="AAAA"),
        lambda note: note.update(series={"cell": {"data": "AAAA"}}),
        lambda note: note.update(series=[[]], columns=note["columns"][:1]),
        exponents,
        texts_of_others,
    ],
)
def test_a_note_of_types_that_lies_is_told(change):
    data = noted(change)
    push(data, PARQUET, "pandas/dataframe")
    with pytest.raises(dsp.DspError, match=r"(?s)note of its types do not fit.*decoder=.arrow"):
        dsp.pull("damaged/one")
    assert dsp.pull("damaged/one", decoder="arrow").num_rows == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"$no": 1}',
        '{"$fraction": "1e999999999"}',
        '{"$datetime": 7}',
        '{"$datetime": "2020-01-01", "zone": {"key": "../../etc/passwd"}}',
        '{"$array": "AAAA"}',
        '{"$objects": [1], "shape": [2]}',
        '{"$set": [{"$set": []}]}',
        '{"$Period": 1, "freq": "no such"}',
        '{"$Timestamp": 1, "unit": "parsec"}',
    ],
)
def test_a_cell_that_lies_is_told(text):
    def change(note):
        note["columns"][1] = {"name": "o", "kind": "tagged", "null": "None"}

    table = pq.read_table(pa.BufferReader(noted(change)))
    table = table.set_column(1, "o", pa.array([text, None]))
    file = pa.BufferOutputStream()
    pq.write_table(table, file)
    push(file.getvalue().to_pybytes(), PARQUET, "pandas/dataframe")
    with pytest.raises(dsp.DspError, match="note of its types do not fit"):
        dsp.pull("damaged/one")


def test_a_name_that_safetensors_has_for_itself_is_refused():
    import numpy

    with pytest.raises(dsp.UnsupportedObjectTypeException, match="__metadata__"):
        dsp.push("damaged/names", {"__metadata__": numpy.ones(1)})
