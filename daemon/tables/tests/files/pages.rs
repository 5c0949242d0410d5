//! Parquet files, honest and hostile.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use data_encoding::BASE64;
use dsp_tables::{Format, Kind, PageRequest, Scratch, Source, Table, TableError};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, encode_arrow_schema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

fn written(batch: &RecordBatch, properties: WriterProperties) -> Bytes {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn zstd() -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(64 << 10))
        .build()
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    written(&RecordBatch::try_from_iter_with_nullable(columns).unwrap(), zstd())
}

fn open(bytes: Bytes) -> Result<Table, TableError> {
    Table::open(Arc::new(bytes))
}

fn rows(bytes: Bytes) -> Vec<Vec<Value>> {
    let page = open(bytes).unwrap().page(&request(0, 100)).unwrap();
    assert!(page.cut.is_empty());
    page.rows
}

fn request(offset: u64, limit: u64) -> PageRequest {
    PageRequest { offset, limit, columns: None }
}

#[test]
fn every_type_is_told_without_loss() {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k");
    map.values().append_value(3);
    map.append(true).unwrap();
    map.append(true).unwrap();
    let zone = "Europe/Berlin";
    let point = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int32, false)),
        Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef,
    )]);
    let category: DictionaryArray<Int32Type> = vec![Some("low"), None].into_iter().collect();
    let decimal = Decimal128Array::from(vec![Some(-12_345), None]);
    let bytes = table(vec![
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("i", Arc::new(Int64Array::from(vec![9_007_199_254_740_993, -1]))),
        ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("f", Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY]))),
        ("g", Arc::new(Float32Array::from(vec![0.1, 1e30]))),
        ("s", Arc::new(StringArray::from(vec!["007", ""]))),
        ("y", Arc::new(BinaryArray::from(vec![&b"\xff\0"[..], b""]))),
        ("d", Arc::new(Date32Array::from(vec![0, 19_782]))),
        ("t", Arc::new(TimestampNanosecondArray::from(vec![1, -1]).with_timezone(zone))),
        ("n", Arc::new(TimestampMicrosecondArray::from(vec![0, 1]))),
        ("c", Arc::new(category)),
        ("m", Arc::new(decimal.with_precision_and_scale(10, 2).unwrap())),
        ("l", Arc::new(list.finish())),
        ("o", Arc::new(map.finish())),
        ("p", Arc::new(point)),
        ("w", Arc::new(DurationSecondArray::from(vec![60, 0]))),
        ("z", Arc::new(NullArray::new(2))),
    ]);
    let types: Vec<String> =
        open(bytes.clone()).unwrap().columns().iter().map(|c| c.type_name.clone()).collect();
    assert_eq!(
        types.join(" | "),
        "bool | int64 | uint64 | float64 | float32 | string | binary \
        | date | timestamp[ns, Europe/Berlin] | timestamp[us] | category<string> | decimal(10, 2) \
        | list<int32> | map<string, int32> | struct<x: int32> | duration[s] | null"
    );
    assert_eq!(
        Value::from(rows(bytes)),
        json!([
            [true, "9007199254740993", "18446744073709551615", "NaN", 0.1, "007", "/wA=",
             "1970-01-01", "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000", "low",
             "-123.45", [1, null], [["k", 3]], {"x": 1}, 60, null],
            [null, -1, 0, "-Infinity", 1e30, "", "", "2024-02-29",
             "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00.000001", null, null, null, [],
             {"x": 2}, 0, null],
        ])
    );
}

/// Writes a column as bytes of 16, and of its author says that they are whole numbers of so many
/// bits, as polars does of 128.
fn of_bits(bits: i32) -> Bytes {
    let bytes = FixedSizeBinaryArray::try_from_iter([[1u8; 16]].into_iter()).unwrap();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("n", Arc::new(bytes)), ("s", Arc::new(StringArray::from(vec!["x"])))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let said = Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("s", DataType::Utf8, false),
    ]);
    let mut said = BASE64.decode(encode_arrow_schema(&said).as_bytes()).unwrap();
    let at = said.windows(4).position(|bytes| bytes == 64i32.to_le_bytes()).unwrap();
    said[at..at + 4].copy_from_slice(&bits.to_le_bytes());
    let mut written = Vec::new();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(&mut written, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    let note = KeyValue::new("ARROW:schema".to_owned(), BASE64.encode(&said));
    writer.append_key_value_metadata(note);
    writer.close().unwrap();
    written.into()
}

#[test]
fn types_that_are_none_here_are_told_as_they_are_stored() {
    let bytes = of_bits(128);
    let table = open(bytes.clone()).unwrap();
    let types: Vec<&str> = table.columns().iter().map(|c| c.type_name.as_str()).collect();
    assert_eq!(types, ["binary(16)", "string"]);
    assert_eq!(rows(bytes.clone()), [[json!("AQEBAQEBAQEBAQEBAQEBAQ=="), json!("x")]]);
    let source: Arc<dyn Source> = Arc::new(bytes);
    let glanced = dsp_tables::glance(&source, Format::Parquet, None).unwrap();
    assert_eq!(glanced.len(), 2);
    table.to_csv(&mut Vec::new(), Scratch::NONE).unwrap();
}

#[test]
fn lists_in_any_order_are_lists() {
    let (values, item) =
        (Int32Array::from(vec![1, 2, 3]), Field::new_list_field(DataType::Int32, true));
    let (offsets, sizes) = (vec![1, 0, 0].into(), vec![2, 1, 0].into());
    let nulls = Some(vec![true, true, false].into());
    let list = ListViewArray::try_new(Arc::new(item), offsets, sizes, Arc::new(values), nulls);
    let bytes = table(vec![("l", Arc::new(list.unwrap()))]);
    assert_eq!(open(bytes.clone()).unwrap().columns()[0].type_name, "list<int32>");
    assert_eq!(rows(bytes), [[json!([2, 3])], [json!([1])], [json!(null)]]);
}

fn numbers(rows: i64) -> Bytes {
    let text = StringArray::from_iter_values((0..rows).map(|n| format!("row {n}")));
    table(vec![("n", Arc::new(Int64Array::from_iter_values(0..rows))), ("text", Arc::new(text))])
}

#[test]
fn pages_come_from_anywhere() {
    let table = open(numbers(200_000)).unwrap();
    assert_eq!(table.rows(), 200_000);
    // Over the border of two row groups.
    let page = table.page(&request(65_535, 3)).unwrap();
    let told: Vec<_> = page.rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, [65_535, 65_536, 65_537].map(Value::from));
    let last = table.page(&request(199_999, 50)).unwrap();
    assert_eq!(last.rows, [[json!(199_999), json!("row 199999")]]);
    assert!(table.page(&request(200_000, 50)).unwrap().rows.is_empty());
    assert!(matches!(table.page(&request(200_001, 1)), Err(TableError::NoRow { .. })));
    let columns = Some(vec!["text".to_owned()]);
    let page = table.page(&PageRequest { offset: 7, limit: 1, columns }).unwrap();
    assert_eq!(page.rows, [[json!("row 7")]]);
    let columns = Some(vec!["none".to_owned()]);
    let error = table.page(&PageRequest { offset: 7, limit: 1, columns }).unwrap_err();
    assert_eq!(error.to_string(), "there is no column `none`");
}

#[test]
fn a_page_reads_little_of_the_file() {
    struct Counted(Bytes, std::sync::atomic::AtomicUsize);
    impl Source for Counted {
        fn size(&self) -> u64 {
            self.0.size()
        }
        fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
            self.1.fetch_add(length, std::sync::atomic::Ordering::Relaxed);
            self.0.read_at(offset, length)
        }
    }
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state as i64
    });
    let noise = Int64Array::from_iter_values(noise.take(500_000));
    let bytes = table(vec![("noise", Arc::new(noise))]);
    let (size, counted) = (bytes.len(), Arc::new(Counted(bytes, Default::default())));
    Table::open(counted.clone()).unwrap().page(&request(250_000, 100)).unwrap();
    let read = counted.1.load(std::sync::atomic::Ordering::Relaxed);
    // One page of numbers and the dictionary that the writer began with.
    assert!(read * 5 < size, "{read} of {size} bytes were read for 100 rows");
}

#[test]
fn statistics_are_of_what_is_there() {
    let numbers = vec![Some(1.0), None, Some(3.0), Some(f64::NAN), Some(5.0)];
    let texts = vec![Some("b"), Some("a"), Some("b"), None, Some("b")];
    let bytes = table(vec![
        ("x", Arc::new(Float64Array::from(numbers))),
        ("s", Arc::new(StringArray::from(texts))),
        ("big", Arc::new(Int64Array::from(vec![i64::MIN, 0, 1, 2, i64::MAX]))),
    ]);
    let stats = open(bytes).unwrap().stats().unwrap();
    let [x, s, big] = &stats.columns[..] else { panic!("{stats:?}") };
    assert_eq!((stats.rows, stats.looked_at), (5, 5));
    assert_eq!((x.nulls, x.nans, x.mean), (1, 1, Some(3.0)));
    assert_eq!((x.min.clone(), x.max.clone()), (Some(json!(1.0)), Some(json!(5.0))));
    assert_eq!(x.histogram.iter().sum::<u64>(), 3);
    assert_eq!((x.histogram[0], x.histogram[10], x.histogram[19]), (1, 1, 1));
    assert_eq!((s.nulls, s.distinct), (1, Some(2)));
    assert_eq!(s.top, [("b".to_owned(), 3), ("a".to_owned(), 1)]);
    assert_eq!((s.min.clone(), s.max.clone()), (Some(json!("a")), Some(json!("b"))));
    assert_eq!(big.min, Some(json!("-9223372036854775808")));
    assert_eq!(big.max, Some(json!("9223372036854775807")));
}

#[test]
fn long_cells_are_cut_and_said_to_be() {
    let long = "ä".repeat(100_000);
    let bytes = table(vec![("s", Arc::new(StringArray::from(vec!["short", &long])))]);
    let page = open(bytes).unwrap().page(&request(0, 10)).unwrap();
    assert_eq!(page.cut, [(1, 0)]);
    let told = page.rows[1][0].as_str().unwrap();
    assert!(long.starts_with(told) && told.len() == dsp_tables::limits::CELL_BYTES);
}

#[test]
fn a_page_of_wide_rows_ends_early() {
    let wide = "x".repeat(60_000);
    let texts = StringArray::from_iter_values(std::iter::repeat_n(&wide, 1_000));
    let page = open(table(vec![("s", Arc::new(texts))])).unwrap().page(&request(0, 1_000)).unwrap();
    assert!((60..80).contains(&page.rows.len()), "{} rows", page.rows.len());
    assert!(page.cut.is_empty());
}

#[test]
fn too_many_columns_are_refused() {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let names: Vec<String> = (0..=dsp_tables::limits::COLUMNS).map(|n| format!("c{n}")).collect();
    let columns = names.iter().map(|name| (name.as_str(), Arc::clone(&column))).collect();
    assert!(matches!(open(table(columns)), Err(TableError::TooLarge { .. })));
}

/// The reader makes room for as many columns as a group says that it has.
#[test]
fn a_footer_whose_columns_cannot_be_is_refused() {
    // The version, and one group with a name that says that it has 2^30 - 1 columns.
    let group = [0x48, 1, b'a', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x07, 0];
    let footer = [&[0x15, 2, 0x19, 0x1c][..], &group, &[0]].concat();
    let length = (footer.len() as u32).to_le_bytes();
    let file = [b"PAR1", &footer[..], &length, b"PAR1"].concat();
    let error = open(file.into()).unwrap_err().to_string();
    assert!(error.contains("a group says that it has 1073741823 columns"), "{error}");
}

#[test]
fn values_that_are_too_wide_are_refused() {
    let width = dsp_tables::limits::FIXED_BYTES + 1;
    let value = vec![0; width as usize];
    let wide = FixedSizeBinaryArray::try_from_iter([value].into_iter()).unwrap();
    let error = open(table(vec![("wide", Arc::new(wide))])).unwrap_err();
    assert_eq!(error.to_string(), "the width of column `wide` is 65537; at most 65536 is read");
}

#[test]
fn a_page_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    let wide = StringArray::from(vec!["x".repeat(60 << 20)]);
    let bytes = table(vec![("wide", Arc::new(wide))]);
    assert!(bytes.len() < 1 << 20);
    let error = open(bytes).unwrap().page(&request(0, 1)).unwrap_err();
    assert!(matches!(error, TableError::TooLarge { size, .. } if size > 60 << 20), "{error}");
}

#[test]
fn a_page_of_many_columns_comes_in_parts() {
    // Of each column a page of 2 MiB that packs to little: together they are 400 MiB.
    let names: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1 << 18).map(|n| n % 7)));
    let columns = names.iter().map(|name| (name.as_str(), Arc::clone(&column)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let level = ZstdLevel::try_new(1).unwrap();
    let large = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(8 << 20)
        .set_data_page_row_count_limit(1 << 18)
        .build();
    let page = open(written(&batch, large)).unwrap().page(&request(200_000, 10)).unwrap();
    assert_eq!((page.columns.len(), page.rows.len()), (200, 10));
    let told = |at: i64| vec![json!((200_000 + at) % 7); 200];
    assert_eq!(page.rows, (0..10).map(told).collect::<Vec<_>>());
}

#[test]
fn files_cut_anywhere_are_errors() {
    let whole = numbers(300);
    for length in 0..whole.len() {
        assert!(open(whole.slice(..length)).is_err(), "{length} of {} bytes", whole.len());
    }
    let error = open(Bytes::from_static(b"PAR1\xff\xff\xff\x7fPAR1")).unwrap_err();
    assert!(error.to_string().contains("footer"), "{error}");
}

#[test]
fn no_byte_that_is_another_one_panics() {
    // The hook stays silent: a panic of the reader is an error here.
    let whole = numbers(300);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[at] ^= flip;
            if let Ok(table) = open(bytes.into()) {
                let _ = table.page(&request(150, 10));
                if at % 7 == 0 {
                    let _ = table.stats();
                }
            }
        }
    }
    std::panic::set_hook(hook);
}

#[test]
fn a_file_with_fewer_rows_than_it_says_is_an_error() {
    // The count of rows of the only row group, 300, is a varint of 600 in the footer.
    let whole = numbers(300);
    let footer = whole.len()
        - 8
        - u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().unwrap()) as usize;
    let mut found = 0;
    for at in footer..whole.len() - 8 {
        if whole[at..at + 2] != [0xd8, 0x04] {
            continue;
        }
        let mut bytes = whole.to_vec();
        bytes[at..at + 2].copy_from_slice(&[0xd8, 0x7f]);
        let Ok(table) = open(bytes.into()) else { continue };
        if table.rows() > 300 {
            found += 1;
            let error = table.page(&request(250, 100)).unwrap_err();
            assert!(matches!(error, TableError::Malformed { .. }), "{error}");
            assert!(table.page(&request(8_000, 100)).is_err());
        }
    }
    assert!(found > 0);
}

#[test]
fn kinds_say_how_a_column_is_drawn() {
    let fields = [
        ("n", DataType::Int8, Kind::Number),
        ("t", DataType::Timestamp(TimeUnit::Second, None), Kind::Time),
        ("s", DataType::LargeUtf8, Kind::Text),
    ];
    let schema = fields.each_ref().map(|(name, of, _)| Field::new(*name, of.clone(), true));
    let batch = RecordBatch::new_empty(Arc::new(Schema::new(schema.to_vec())));
    let table = open(written(&batch, zstd())).unwrap();
    let kinds: Vec<_> = table.columns().iter().map(|column| column.kind).collect();
    assert_eq!(kinds, fields.map(|(_, _, kind)| kind));
    assert!(table.page(&request(0, 10)).unwrap().rows.is_empty());
}
