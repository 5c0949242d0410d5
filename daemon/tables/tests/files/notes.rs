//! CSV with a note of its types: made of Parquet, and turned into it.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use data_encoding::BASE64;
use dsp_tables::{Format, Note, PageRequest, Scratch, Source, Table, TableError, to_parquet};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde_json::{Value, json};

fn open(bytes: Bytes) -> Table {
    Table::open(Arc::new(bytes)).unwrap()
}

fn parquet(columns: Vec<(&str, ArrayRef)>, notes: &[(&str, String)]) -> Table {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    for (key, value) in notes {
        writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
    }
    writer.close().unwrap();
    open(bytes.into())
}

fn csv(table: &Table) -> (String, Value) {
    let mut out = Vec::new();
    let note = table.to_csv(&mut out, Scratch::NONE).unwrap();
    (String::from_utf8(out).unwrap(), serde_json::from_slice(&note).unwrap())
}

fn noted(text: &str, note: &Value) -> Result<Table, TableError> {
    let note = Note::read(&serde_json::to_vec(note).unwrap())?.expect("a note of ours");
    let source: Arc<dyn Source> = Arc::new(Bytes::from(text.to_owned()));
    let mut out = Vec::new();
    to_parquet(&source, Format::Csv, Some(&note), &mut out, Scratch::NONE)?;
    Ok(open(out.into()))
}

fn rows(table: &Table) -> Vec<Vec<Value>> {
    table.page(&PageRequest { offset: 0, limit: 1000, columns: None }).unwrap().rows
}

fn types(table: &Table) -> String {
    table.columns().iter().map(|c| c.type_name.clone()).collect::<Vec<_>>().join(" | ")
}

/// Writes a table as CSV, reads that with its note, and wants the same table.
fn comes_back(table: &Table) -> (String, Value) {
    let (text, note) = csv(table);
    let back = noted(&text, &note).unwrap_or_else(|error| panic!("{error}\n{text}\n{note}"));
    assert_eq!(types(&back), types(table), "{note}");
    assert_eq!(rows(&back), rows(table), "{text}");
    (text, note)
}

#[test]
fn every_type_that_a_field_can_hold_comes_back() {
    let zone = "Europe/Berlin";
    let decimal = Decimal128Array::from(vec![Some(-12_345), None]);
    let long = Decimal128Array::from(vec![Some(10i128.pow(30)), None]);
    let category: DictionaryArray<Int32Type> = vec![Some("low"), None].into_iter().collect();
    comes_back(&parquet(
        vec![
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("i", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
            ("j", Arc::new(Int8Array::from(vec![-128, 127]))),
            ("u", Arc::new(UInt32Array::from(vec![u32::MAX, 0]))),
            ("f", Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
            ("g", Arc::new(Float32Array::from(vec![0.1, 1e30]))),
            ("s", Arc::new(StringArray::from(vec![Some("007"), None]))),
            ("y", Arc::new(BinaryArray::from(vec![&b"\xff\0"[..], b""]))),
            ("d", Arc::new(Date32Array::from(vec![0, 19_782]))),
            ("t", Arc::new(TimestampNanosecondArray::from(vec![1, -1]).with_timezone(zone))),
            ("n", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None]))),
            ("o", Arc::new(Time64MicrosecondArray::from(vec![0, 86_399_999_999]))),
            ("c", Arc::new(category)),
            ("m", Arc::new(decimal.with_precision_and_scale(10, 2).unwrap())),
            ("l", Arc::new(long.with_precision_and_scale(38, 2).unwrap())),
            ("w", Arc::new(DurationNanosecondArray::from(vec![1, -60_000_000_000]))),
        ],
        &[],
    ));
}

#[test]
fn days_are_dates_in_whichever_unit_they_are_counted() {
    let day = 86_400_000;
    let days = Date64Array::from(vec![Some(0), None, Some(19_782 * day)]);
    let (text, note) = comes_back(&parquet(vec![("d", Arc::new(days))], &[]));
    assert_eq!(text, "\"d\"\n1970-01-01\nNA\n2024-02-29\n");
    assert_eq!(note["tableSchema"]["columns"][0]["datatype"], "date");
    // With a time of the day it is none.
    let moments = Date64Array::from(vec![0, day + 1]);
    let (text, note) = csv(&parquet(vec![("d", Arc::new(moments))], &[]));
    assert_eq!(note["tableSchema"]["columns"][0]["datatype"], "string", "{text}");
    assert!(text.contains("\"1970-01-02T00:00:00.001\""), "{text}");
}

#[test]
fn categories_that_the_reader_takes_for_values_alone_come_back_as_these() {
    let prices = Decimal128Array::from(vec![15, 20]).with_precision_and_scale(30, 1).unwrap();
    let keys = Int32Array::from(vec![Some(1), None, Some(0)]);
    let prices = DictionaryArray::try_new(keys, Arc::new(prices)).unwrap();
    let table = parquet(vec![("p", Arc::new(prices))], &[]);
    let (text, note) = csv(&table);
    assert_eq!(text, "\"p\"\n\"2.0\"\nNA\n\"1.5\"\n");
    assert_eq!(rows(&noted(&text, &note).unwrap()), rows(&table), "{note}");
}

#[test]
fn text_comes_back_to_the_letter() {
    let odd = vec![Some("a\"b,c"), Some("line\nbreak"), Some("dos\r\n100%0D"), Some(""), None];
    let named = vec![Some("NA"), Some(""), None, Some("NA__"), Some("NAN")];
    let (_, note) = comes_back(&parquet(
        vec![
            ("odd, \"name\"", Arc::new(StringArray::from(odd))),
            ("named", Arc::new(StringArray::from(named))),
            ("full", Arc::new(StringArray::from(vec!["", "x", "", "", ""]))),
        ],
        &[],
    ));
    let columns = &note["tableSchema"]["columns"];
    assert_eq!(columns[0]["dsp:escape"], "percent");
    assert_eq!(columns[1]["null"], "NA___");
    assert_eq!(columns[2]["null"], json!([]));
    for alone in [vec![Some(""), None, Some("NA")], vec![None, None], vec![Some("")]] {
        comes_back(&parquet(vec![("only", Arc::new(StringArray::from(alone)))], &[]));
    }
    comes_back(&parquet(vec![("only", Arc::new(Int32Array::from(vec![Some(1), None])))], &[]));
    comes_back(&parquet(vec![("none", Arc::new(StringArray::from(Vec::<&str>::new())))], &[]));
}

#[test]
fn what_r_takes_for_missing_is_no_number_of_r() {
    let (text, note) = csv(&parquet(
        vec![
            ("i", Arc::new(Int32Array::from(vec![i32::MIN, 1]))),
            ("l", Arc::new(Int64Array::from(vec![i64::MIN, 1]))),
            ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
            ("d", Arc::new(Date32Array::from(vec![i32::MAX, 1]))),
            ("t", Arc::new(TimestampSecondArray::from(vec![i64::MAX, 1]))),
        ],
        &[],
    ));
    let types: Vec<&Value> =
        note["tableSchema"]["columns"].as_array().unwrap().iter().map(|c| &c["datatype"]).collect();
    assert_eq!(types, ["long", "string", "string", "string", "string"], "{text}");
    assert!(text.contains("\"18446744073709551615\""), "{text}");
    noted(&text, &note).unwrap();
}

#[test]
fn categories_keep_their_order_and_what_nothing_is_of() {
    let levels = Arc::new(StringArray::from(vec!["small", "medium", "large"]));
    let sizes = DictionaryArray::try_new(Int32Array::from(vec![Some(2), None, Some(0)]), levels);
    let sizes = sizes.unwrap();
    let field = Field::new("size", sizes.data_type().clone(), true).with_dict_is_ordered(true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(sizes)]).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    stream.write(&batch).unwrap();
    let source: Arc<dyn Source> = Arc::new(Bytes::from(stream.into_inner().unwrap()));
    let mut bytes = Vec::new();
    to_parquet(&source, Format::ArrowStream, None, &mut bytes, Scratch::NONE).unwrap();
    let (text, note) = comes_back(&open(bytes.into()));
    let column = &note["tableSchema"]["columns"][0];
    assert_eq!(column["dsp:levels"], json!(["small", "medium", "large"]));
    assert_eq!(column["dsp:ordered"], true);
    // And once more, from the CSV.
    assert_eq!(csv(&noted(&text, &note).unwrap()), (text, note));
}

/// Writes categories as the Python client does: plain values, and a note under `dsp`.
fn of_client(levels: &[&str]) -> Table {
    let array: ArrayRef = Arc::new(StringArray::from(levels.to_vec()));
    let batch = RecordBatch::try_from_iter([("0", array)]).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    let data = BASE64.encode(&stream.into_inner().unwrap());
    let spec = json!({ "name": "size", "kind": "category", "ordered": true,
        "categories": { "kind": "plain", "dtype": "object", "data": data } });
    let note = json!({ "version": 1, "columns": [spec] });
    let pandas = json!({ "columns": [{ "name": null, "field_name": "__index_level_0__" }] });
    parquet(
        vec![
            ("size", Arc::new(StringArray::from(vec![Some("large"), None]))),
            ("__index_level_0__", Arc::new(Int64Array::from(vec![5, 6]))),
        ],
        &[("dsp", note.to_string()), ("pandas", pandas.to_string())],
    )
}

#[test]
fn categories_of_the_python_client_are_levels() {
    let (_, note) = csv(&of_client(&["small", "large", "unused"]));
    let columns = &note["tableSchema"]["columns"];
    assert_eq!(columns[0]["dsp:levels"], json!(["small", "large", "unused"]));
    assert_eq!(columns[0]["dsp:ordered"], true);
    assert_eq!(columns[1]["titles"], "index");
    // A note that lies is none: the value is no level.
    let (text, note) = csv(&of_client(&["small"]));
    assert_eq!(note["tableSchema"]["columns"][0]["dsp:levels"], Value::Null);
    assert_eq!(text, "\"size\",\"index\"\n\"large\",5\n,6\n");
}

#[test]
fn what_pandas_wrote_becomes_the_csv_that_pandas_writes() {
    let pandas = json!({
        "index_columns": ["day", "__index_level_1__"],
        "columns": [
            { "name": null, "field_name": "__index_level_1__" },
            { "name": "day", "field_name": "day" },
        ],
    });
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("x", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(1.5), None]))),
        ("__index_level_1__", Arc::new(Int64Array::from(vec![7, 8, 9]))),
        ("day", Arc::new(StringArray::from(vec!["mon", "tue", "wed"]))),
    ];
    let table = parquet(columns.clone(), &[("pandas", pandas.to_string())]);
    let (text, note) = csv(&table);
    let header = "\"day\",\"level_1\",\"x\"\n";
    assert_eq!(text, format!("{header}\"mon\",7,\n\"tue\",8,1.5\n\"wed\",9,\n"));
    let types: Vec<&Value> =
        (0..3).map(|at| &note["tableSchema"]["columns"][at]["dsp:type"]).collect();
    assert_eq!(types, ["string", "int64", "float64"]);
    // To others a NaN is a value.
    let (text, _) = csv(&parquet(columns, &[]));
    assert!(text.ends_with("NaN,7,\"mon\"\n1.5,8,\"tue\"\n,9,\"wed\"\n"), "{text}");
    // An index of more columns than are read at a time.
    let index = json!({ "index_columns": ["c299", "c0"], "columns": [] });
    let names: Vec<String> = (0..300).map(|at| format!("c{at}")).collect();
    let wide = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), Arc::new(Int64Array::from(vec![at as i64])) as ArrayRef));
    let table = parquet(wide.collect(), &[("pandas", index.to_string())]);
    let mut text = Vec::new();
    table.to_csv(&mut text, Scratch::new(&tempfile::tempfile, 1 << 32)).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("\"c299\",\"c0\",\"c1\","), "{text}");
    assert!(text.contains("\n299,0,1,2,") && text.ends_with(",297,298\n"), "{text}");
}

#[test]
fn tables_of_r_get_their_types() {
    let text = "\"code\",\"size\",\"day\",\"at\",\"n\",\"x\",\"ok\",\"took\",\"id\"\n\
        \"007\",\"b\",2024-02-29,2023-11-14T22:13:20.123456001Z,1,1e+300,TRUE,1.5,9007199254740993\n\
        NA,,,,,,,,\nNA,,,,,,,NaN,\n";
    let note = json!({ "@context": "http://www.w3.org/ns/csvw", "dsp:rows": 3,
        "tableSchema": { "columns": [
            { "titles": "code", "datatype": "string", "null": "NA" },
            { "titles": "size", "datatype": "string", "null": "",
              "dsp:levels": ["b", "a"], "dsp:ordered": false },
            { "titles": "day", "datatype": "date", "null": "" },
            { "titles": "at", "datatype": "dateTime", "null": "", "dsp:zone": "Europe/Berlin" },
            { "titles": "n", "datatype": "int", "null": "" },
            { "titles": "x", "datatype": "double", "null": "" },
            { "titles": "ok", "datatype": { "base": "boolean", "format": "TRUE|FALSE" }, "null": "" },
            { "titles": "took", "datatype": "double", "dsp:units": "mins", "null": "" },
            { "titles": "id", "datatype": "long", "null": "" },
        ] } });
    let table = noted(text, &note).unwrap();
    assert_eq!(
        types(&table),
        "string | category<string> | date | timestamp[ns, Europe/Berlin] | int32 | float64 | bool \
         | duration[ns] | int64"
    );
    let nulls = vec![Value::Null; 9];
    let first = json!([
        "007",
        "b",
        "2024-02-29",
        "2023-11-14T22:13:20.123456001Z",
        1,
        1e300,
        true,
        90_000_000_000i64,
        "9007199254740993"
    ]);
    assert_eq!(Value::from(rows(&table)), json!([first, nulls, nulls]));
}

#[test]
fn a_csv_that_does_not_fit_its_note_is_told_with_its_place() {
    let of = |column: Value, rows: u64| json!({ "dsp:rows": rows, "tableSchema": { "columns": [column] } });
    let day = json!({ "titles": "a", "datatype": "date" });
    let level = json!({ "titles": "a", "dsp:levels": ["p", "q"] });
    let two = json!({ "dsp:rows": 1, "tableSchema": { "columns": [day, day] } });
    for (text, note, why) in [
        ("a\n2024-01-01\nsoon\n", of(day.clone(), 2), "line 3, column 1: \"soon\" in column `a`"),
        ("a\n2024-01-01\n", of(day.clone(), 5), "it has 1 rows, and its note tells of 5"),
        ("a\n2024-01-01\n", two, "it has 1 columns, and its note tells of 2"),
        ("b\n2024-01-01\n", of(day, 1), "a column `b` where its note tells of `a`"),
        ("a\nr\n", of(level, 1), "\"r\" in column `a` is no category"),
        ("a\nr\n", of(json!({ "titles": "a", "dsp:levels": ["r", "r"] }), 1), "a level twice"),
        ("a\n300\n", of(json!({ "titles": "a", "dsp:type": "uint8" }), 1), "is no uint8"),
    ] {
        let told = noted(text, &note).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_table_that_unfolds_to_too_much_is_refused() {
    let text = "x".repeat(1 << 10);
    let table = parquet(vec![("a", Arc::new(StringArray::from(vec![text; 1 << 10])))], &[]);
    let mut out = Vec::new();
    let error = table.to_csv_within(&mut out, 1 << 18, Scratch::NONE).unwrap_err();
    assert!(matches!(error, TableError::TooLarge { limit, .. } if limit == 1 << 18), "{error}");
    assert!(out.is_empty());
    // What is written is counted too: each of these quotes is two.
    let quotes = StringArray::from(vec!["\"".repeat(1 << 10); 1 << 8]);
    let table = parquet(vec![("a", Arc::new(quotes))], &[]);
    assert!(matches!(
        table.to_csv_within(&mut out, 3 << 17, Scratch::NONE),
        Err(TableError::TooLarge { .. })
    ));
    assert!(out.len() <= 3 << 17);
    // One of a great many rows is refused before any of them is written.
    let table = parquet(vec![("a", Arc::new(BooleanArray::from(vec![true; 1 << 20])))], &[]);
    let mut out = Vec::new();
    assert!(matches!(
        table.to_csv_within(&mut out, 1 << 18, Scratch::NONE),
        Err(TableError::TooLarge { .. })
    ));
    assert!(out.is_empty());
}

/// Writes a table as CSV and reads it with its note.
fn there_and_back(columns: Vec<(&str, ArrayRef)>) -> (RecordBatch, Table) {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let table = Table::open(Arc::new(Bytes::from(bytes))).unwrap();
    let mut csv = Vec::new();
    let note = Note::read(&table.to_csv(&mut csv, Scratch::NONE).unwrap())
        .unwrap()
        .expect("a note of ours");
    let source: Arc<dyn Source> = Arc::new(Bytes::from(csv));
    let mut back = Vec::new();
    to_parquet(&source, Format::Csv, Some(&note), &mut back, Scratch::NONE).unwrap();
    (batch, Table::open(Arc::new(Bytes::from(back))).unwrap())
}

#[test]
fn lists_structs_and_maps_come_back() {
    use arrow_array::builder::*;
    // Values of which every one is another one, by the numbers of a simple generator.
    let mut seed = 7u64;
    let mut next = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let mut lists = ListBuilder::new(ListBuilder::new(Float64Builder::new()));
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    let (mut texts, mut days, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..500u64 {
        for _ in 0..next(4) {
            for _ in 0..next(4) {
                match next(6) {
                    0 => lists.values().values().append_null(),
                    1 => lists.values().values().append_value(f64::NEG_INFINITY),
                    _ => lists.values().values().append_value(next(1 << 30) as f64 / 7.0),
                }
            }
            lists.values().append(next(5) > 0);
        }
        lists.append(next(7) > 0);
        for key in 0..next(3) {
            maps.keys().append_value(format!("k{key}, \"{row}\""));
            maps.values().append_value(i64::MAX - next(1 << 31) as i64);
        }
        maps.append(next(7) > 0).unwrap();
        texts.push((next(4) > 0).then(|| ["", "a,b", "\"q\"\n", "NA", "null"][next(5) as usize]));
        days.push((next(4) > 0).then(|| next(40_000) as i32));
        there.push(next(5) > 0);
    }
    let fields =
        vec![Field::new("text", DataType::Utf8, true), Field::new("day", DataType::Date32, true)];
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(texts)), Arc::new(Date32Array::from(days))];
    let structs = StructArray::try_new(fields.into(), arrays, Some(there.into())).unwrap();
    let (batch, back) = there_and_back(vec![
        ("list", Arc::new(lists.finish())),
        ("map", Arc::new(maps.finish())),
        ("struct", Arc::new(structs)),
    ]);
    let types: Vec<&str> = back.columns().iter().map(|column| &*column.type_name).collect();
    let told = ["list<list<float64>>", "map<string, int64>", "struct<text: string, day: date>"];
    assert_eq!(types, told);
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let all = PageRequest { offset: 0, limit: 1_000, columns: None };
    let before = Table::open(Arc::new(Bytes::from(bytes))).unwrap().page(&all).unwrap();
    assert_eq!(back.page(&all).unwrap().rows, before.rows);
}

#[test]
fn what_is_no_value_of_a_nested_type_is_refused() {
    for (of, field) in [
        ("list<int8>", "[1000]"),
        ("list<int8>", "[1"),
        ("list<int8>", "{}"),
        ("list<int8>", "7"),
        ("struct<x: int8>", "{\"\"y\"\":1}"),
        ("struct<x: int8>", "{\"\"x\"\":1,\"\"y\"\":2}"),
        ("map<string, int8>", "[[\"\"a\"\"]]"),
        ("map<string, int8>", "[[null,1]]"),
    ] {
        let note = format!(
            "{{\"tableSchema\":{{\"columns\":[{{\"titles\":\"a\",\"dsp:type\":\"{of}\"}}]}}}}"
        );
        let note = Note::read(note.as_bytes()).unwrap().expect("a note of ours");
        let source: Arc<dyn Source> = Arc::new(Bytes::from(format!("a\n\"{field}\"\n")));
        let refused = to_parquet(&source, Format::Csv, Some(&note), std::io::sink(), Scratch::NONE);
        assert!(refused.is_err(), "{of} of {field}");
    }
}
