//! What fuzzers begin with: tables of every type in every encoding, as they are written today.

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{NullBuffer, i256};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use data_encoding::BASE64;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};

/// Returns the seeds of a target, by name.
pub(super) fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "arrow" => arrow(),
        "parquet" => parquet(),
        _ => TEXTS.iter().map(|(name, text)| ((*name).into(), text.as_bytes().into())).collect(),
    }
}

const TEXTS: [(&str, &str); 13] = [
    ("csv", "ca,b\n1,x\n-2,\"y \"\"z\"\"\"\n,\"\"\n"),
    (
        "types",
        "cb,i,f,d,t,u,s\ntrue,1,.5,2024-02-29,2024-02-29 12:30:00.5,2024-02-29T12:30:00Z,007\nFALSE,-9,1e-300,1970-01-01,0001-01-01 00:00:00,9999-12-31T23:59:59.999999Z,\nNA,NA,NaN,NA,NA,NA,NA\n",
    ),
    ("semicolons", "c\u{feff}größe;b\r\n1,5;a|b\r\n;\"two\nlines\r\nand\rthree\"\r\n"),
    ("one", "ca\n1\n\n3\n"),
    ("text", "ca\nNA\n\"\"\nNA_\n\n"),
    ("least", "ca,b\n-9223372036854775808,9223372036854775807\n-2147483648,0.1\n"),
    ("tsv", "ta\tb\n1\t\"x\ty\"\n"),
    ("bars", "ca|a\n1|2\n"),
    ("jsonl", "j{\"a\":1,\"b\":[1,{\"c\":null}]}\n\n{\"b\":\"x\",\"d\":true,\"a\":2.5}\n"),
    (
        "jsonl-times",
        "j{\"t\":\"2024-02-29T12:30:00\",\"n\":-9223372036854775808}\n{\"t\":null,\"n\":18446744073709551615}\n",
    ),
    (
        "note",
        concat!(
            "n{\"dsp:rows\":2,\"dialect\":{\"delimiter\":\";\"},\"tableSchema\":{\"columns\":[",
            "{\"titles\":\"a\",\"datatype\":\"string\",\"dsp:levels\":[\"x\",\"y\",\"z\"],\"dsp:ordered\":true,\"null\":\"NA\"},",
            "{\"titles\":[\"b\"],\"datatype\":{\"base\":\"dateTime\"},\"dsp:zone\":\"Europe/Berlin\"},",
            "{\"name\":\"c\",\"datatype\":\"double\",\"dsp:units\":\"mins\"},",
            "{\"name\":\"d\",\"dsp:type\":\"list<struct<x: int8, y: decimal(10, 2)>>\"},",
            "{\"name\":\"e\",\"dsp:escape\":\"percent\",\"null\":[]}]}}\0",
            "a;b;c;d;e\nx;2024-02-29T12:30:00.5Z;1.5;\"[{\"\"x\"\":1,\"\"y\"\":\"\"2.50\"\"}]\";a%0Db%25\nNA;;;;\n",
        ),
    ),
    (
        "note-types",
        concat!(
            "n{\"tableSchema\":{\"columns\":[",
            "{\"titles\":\"a\",\"dsp:type\":\"binary\"},{\"titles\":\"b\",\"dsp:type\":\"time[us]\"},",
            "{\"titles\":\"c\",\"dsp:type\":\"uint64\"},{\"titles\":\"d\",\"dsp:type\":\"decimal(38, 9)\"},",
            "{\"titles\":\"e\",\"dsp:type\":\"duration[ms]\"},{\"titles\":\"f\",\"dsp:type\":\"map<string, list<float32>>\"},",
            "{\"titles\":\"g\",\"dsp:type\":\"timestamp[ms]\"},{\"titles\":\"h\",\"datatype\":\"boolean\"}]}}\0",
            "a,b,c,d,e,f,g,h\nAAE=,12:30:00.000001,18446744073709551615,-1.5,1.25,\"[[\"\"k\"\",[1.5,null]]]\",2024-02-29T12:30:00,TRUE\n",
        ),
    ),
    ("others", "n{\"tableSchema\":{\"columns\":[{\"titles\":\"a\"}]}}\0a\n1\n"),
];

type Columns = Vec<(&'static str, ArrayRef)>;

fn batch(columns: Columns) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// Returns a column of numbers: a value, none, another one, and this once more.
fn numbers<T: ArrowPrimitiveType>(one: T::Native, other: T::Native) -> ArrayRef {
    numbers_as::<T>(one, other, T::DATA_TYPE)
}

fn numbers_as<T: ArrowPrimitiveType>(one: T::Native, other: T::Native, of: DataType) -> ArrayRef {
    let values = PrimitiveArray::<T>::from_iter([Some(one), None, Some(other), Some(other)]);
    Arc::new(values.with_data_type(of))
}

fn integers() -> Columns {
    vec![
        ("i8", numbers::<Int8Type>(i8::MIN, 1)),
        ("i16", numbers::<Int16Type>(-7, 300)),
        ("i32", numbers::<Int32Type>(i32::MIN, 1)),
        ("i64", numbers::<Int64Type>(i64::MIN, i64::MAX)),
        ("u8", numbers::<UInt8Type>(0, 255)),
        ("u32", numbers::<UInt32Type>(0, u32::MAX)),
        ("u64", numbers::<UInt64Type>(0, u64::MAX)),
    ]
}

fn fractions() -> Columns {
    let half = |value: f32| <Float16Type as ArrowPrimitiveType>::Native::from_f32(value);
    vec![
        ("f16", numbers::<Float16Type>(half(0.1), half(f32::NAN))),
        ("f32", numbers::<Float32Type>(0.1, f32::INFINITY)),
        ("f64", numbers::<Float64Type>(-0.0, 0.1 + 0.2)),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(false)]))),
    ]
}

fn decimals() -> Columns {
    let wide = i256::from_i128(-12_345_678_901_234_567_890);
    vec![
        ("d32", numbers_as::<Decimal32Type>(-123, 5, DataType::Decimal32(5, 2))),
        ("d64", numbers_as::<Decimal64Type>(-123, 5, DataType::Decimal64(15, 0))),
        ("d128", numbers_as::<Decimal128Type>(-123, 5, DataType::Decimal128(38, 10))),
        ("d256", numbers_as::<Decimal256Type>(wide, i256::ONE, DataType::Decimal256(50, 3))),
    ]
}

fn times() -> Columns {
    let zoned = TimestampNanosecondArray::from(vec![Some(1), None, Some(-1), Some(-1)]);
    vec![
        ("date", numbers::<Date32Type>(19_782, -719_529)),
        ("date64", numbers::<Date64Type>(86_400_000, 0)),
        ("s", numbers::<TimestampSecondType>(0, i64::MAX)),
        ("us", numbers::<TimestampMicrosecondType>(1_709_209_800_000_001, -1)),
        ("zone", Arc::new(zoned.with_timezone("Europe/Berlin"))),
        ("t32", numbers::<Time32MillisecondType>(1, 86_399_999)),
        ("t64", numbers::<Time64NanosecondType>(1, 86_399_999_999_999)),
        ("length", numbers::<DurationMillisecondType>(-1, i64::MAX)),
        ("months", numbers::<IntervalYearMonthType>(-1, 14)),
        (
            "interval",
            numbers::<IntervalDayTimeType>(
                IntervalDayTimeType::make_value(1, -1),
                IntervalDayTimeType::make_value(0, 0),
            ),
        ),
    ]
}

const WORDS: [Option<&str>; 4] = [Some("a\r\n\"b\""), None, Some("NA"), Some("")];

fn texts() -> Columns {
    let bytes = WORDS.map(|word| word.map(str::as_bytes));
    let fixed = [Some([0, 255]), None, Some([1, 1]), Some([1, 1])];
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed.into_iter(), 2).unwrap();
    vec![
        ("text", Arc::new(StringArray::from_iter(WORDS))),
        ("large", Arc::new(LargeStringArray::from_iter(WORDS))),
        ("view", Arc::new(StringViewArray::from_iter(WORDS))),
        ("bytes", Arc::new(BinaryArray::from_iter(bytes))),
        ("byteview", Arc::new(BinaryViewArray::from_iter(bytes))),
        ("fixed", Arc::new(fixed)),
    ]
}

fn categories() -> Columns {
    let words: DictionaryArray<Int32Type> = ["low", "high", "low", "low"].into_iter().collect();
    let small: DictionaryArray<UInt8Type> =
        [Some("x"), None, Some("y"), Some("x")].into_iter().collect();
    vec![("c", Arc::new(words)), ("small", Arc::new(small))]
}

fn nested() -> Columns {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None, Some(3)]);
    lists.append_null();
    lists.append_value([]);
    lists.append_value([Some(4)]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(1.5);
    maps.append(true).unwrap();
    for there in [false, true, true] {
        maps.append(there).unwrap();
    }
    let mut fixed = FixedSizeListBuilder::new(BooleanBuilder::new(), 2);
    for row in 0..4 {
        fixed.values().append_slice(&[true, false]);
        fixed.append(row != 1);
    }
    let parts: Vec<(Arc<Field>, ArrayRef)> = vec![
        (Arc::new(Field::new("x", DataType::Int32, true)), numbers::<Int32Type>(1, 2)),
        (Arc::new(Field::new("y", DataType::Utf8, true)), Arc::new(StringArray::from_iter(WORDS))),
    ];
    let (fields, arrays): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let there = NullBuffer::from(vec![true, true, false, true]);
    let parts = StructArray::new(fields.into(), arrays, Some(there));
    vec![
        ("list", Arc::new(lists.finish())),
        ("map", Arc::new(maps.finish())),
        ("pair", Arc::new(fixed.finish())),
        ("struct", Arc::new(parts)),
    ]
}

fn lists_of_lists() -> Columns {
    let inner = ListBuilder::new(LargeStringBuilder::new());
    let mut lists = LargeListBuilder::new(inner);
    for row in 0..4 {
        for word in 0..row {
            lists.values().values().append_value("w".repeat(word));
            lists.values().append(word != 1);
        }
        lists.append(row != 2);
    }
    vec![("deep", Arc::new(lists.finish())), ("null", Arc::new(NullArray::new(4)))]
}

/// Many rows, so that there are several pages and row groups.
fn many() -> Columns {
    let texts = (0..300).map(|row| format!("text {}", row % 7));
    vec![
        ("n", Arc::new(Int64Array::from_iter((0..300).map(|row| (row % 11 != 0).then_some(row))))),
        ("t", Arc::new(StringArray::from_iter_values(texts))),
    ]
}

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("a program".to_owned())
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
}

fn encoded(encoding: Encoding) -> WriterPropertiesBuilder {
    plain().set_dictionary_enabled(false).set_encoding(encoding)
}

fn of_version_2() -> WriterPropertiesBuilder {
    plain().set_writer_version(WriterVersion::PARQUET_2_0)
}

/// The name of a file, what is in it, how it is written, and its notes.
type Seed<'a> = (&'a str, Columns, WriterPropertiesBuilder, &'a [(&'a str, String)]);

fn parquet_of(
    columns: Columns,
    properties: WriterPropertiesBuilder,
    notes: &[(&str, String)],
) -> Vec<u8> {
    let batch = batch(columns);
    // The types of Arrow are told where there are such of which Parquet has none.
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(notes.is_empty());
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    for (key, note) in notes {
        writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), note.clone()));
    }
    writer.into_inner().unwrap()
}

fn parquet() -> Vec<(String, Vec<u8>)> {
    let gzip = Compression::GZIP(GzipLevel::try_new(6).unwrap());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let paged = || {
        plain()
            .set_offset_index_disabled(false)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(40)
            .set_write_batch_size(20)
            .set_max_row_group_row_count(Some(150))
    };
    let told = [("other", "note".to_owned())];
    let whole = |of: Columns| vec![of[2].clone(), of[3].clone(), of[6].clone()];
    let seeds: Vec<Seed<'_>> = vec![
        ("integers", integers(), plain(), &[]),
        ("integers-plain", integers(), encoded(Encoding::PLAIN), &[]),
        ("integers-delta", whole(integers()), encoded(Encoding::DELTA_BINARY_PACKED), &[]),
        ("integers-split", whole(integers()), encoded(Encoding::BYTE_STREAM_SPLIT), &[]),
        ("integers-told", integers(), plain(), &told),
        ("fractions", fractions(), plain(), &told),
        ("booleans-2", vec![fractions().remove(3)], of_version_2(), &[]),
        ("decimals", decimals(), plain(), &[]),
        ("decimals-split", decimals(), encoded(Encoding::BYTE_STREAM_SPLIT), &[]),
        ("times", times(), plain(), &told),
        ("times-stored", times(), of_version_2(), &[]),
        ("texts", texts(), plain(), &told),
        ("texts-plain", texts(), encoded(Encoding::PLAIN), &[]),
        ("texts-delta", texts()[..5].to_vec(), encoded(Encoding::DELTA_BYTE_ARRAY), &[]),
        ("texts-lengths", texts()[..5].to_vec(), encoded(Encoding::DELTA_LENGTH_BYTE_ARRAY), &[]),
        ("categories", categories(), plain(), &told),
        ("nested", nested(), plain(), &told),
        ("nested-2", nested(), of_version_2(), &[]),
        ("deep", lists_of_lists(), plain(), &told),
        ("snappy", many(), plain().set_compression(Compression::SNAPPY), &[]),
        ("gzip", nested(), of_version_2().set_compression(gzip), &[]),
        ("lz4", many(), of_version_2().set_compression(Compression::LZ4), &[]),
        ("lz4-raw", many(), plain().set_compression(Compression::LZ4_RAW), &[]),
        ("zstd", many(), plain().set_compression(zstd), &[]),
        ("pages", many(), paged(), &[]),
        ("pages-2", many(), paged().set_writer_version(WriterVersion::PARQUET_2_0), &[]),
        ("bloom", categories(), plain().set_bloom_filter_enabled(true), &[]),
    ];
    let mut seeds: Vec<(String, Vec<u8>)> = seeds
        .into_iter()
        .map(|(name, columns, properties, notes)| {
            (name.to_owned(), parquet_of(columns, properties, notes))
        })
        .collect();
    seeds.push(("notes".to_owned(), with_notes()));
    seeds
}

/// A file with the notes of the Python client, of pandas and of the daemon.
fn with_notes() -> Vec<u8> {
    let held: ArrayRef = Arc::new(StringArray::from(vec!["high", "low", "never"]));
    let held = stream(&[batch(vec![("0", held)])], None);
    let held = BASE64.encode(&held);
    let columns: Columns = vec![
        ("c", Arc::new(StringArray::from(vec!["low", "high"]))),
        ("__index_level_0__", Arc::new(Int64Array::from(vec![7, 8]))),
        ("d", Arc::new(StringArray::from(vec!["x", "x"]))),
    ];
    let client = format!(
        r#"{{"columns":[{{"name":"c","ordered":true,"categories":{{"data":"{held}"}}}}]}}"#
    );
    let pandas = r#"{"columns":[{"name":null,"field_name":"__index_level_0__"}]}"#.to_owned();
    let levels = r#"[{"column":2,"texts":["x","y"],"ordered":false}]"#.to_owned();
    parquet_of(columns, plain(), &[("dsp", client), ("pandas", pandas), ("dsp:levels", levels)])
}

fn options(packed: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(packed).unwrap()
}

fn stream(batches: &[RecordBatch], packed: Option<CompressionType>) -> Vec<u8> {
    let schema: SchemaRef = batches[0].schema();
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &schema, options(packed)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn file(batches: &[RecordBatch], packed: Option<CompressionType>) -> Vec<u8> {
    let schema: SchemaRef = batches[0].schema();
    let mut writer =
        FileWriter::try_new_with_options(Vec::new(), &schema, options(packed)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn arrow() -> Vec<(String, Vec<u8>)> {
    let (lz4, zstd) = (Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD));
    let ordered = {
        let column = batch(categories()).column(0).clone();
        let field = Field::new("c", column.data_type().clone(), true).with_dict_is_ordered(true);
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap()
    };
    let kinds: [(&str, Columns); 8] = [
        ("integers", integers()),
        ("fractions", fractions()),
        ("decimals", decimals()),
        ("times", times()),
        ("texts", texts()),
        ("categories", categories()),
        ("nested", nested()),
        ("deep", lists_of_lists()),
    ];
    let mut seeds: Vec<(String, Vec<u8>)> = kinds
        .into_iter()
        .map(|(name, columns)| (name.to_owned(), stream(&[batch(columns)], None)))
        .collect();
    let many = batch(many());
    let two = [many.slice(0, 50), many.slice(50, 30)];
    seeds.extend([
        ("file".to_owned(), file(&two, None)),
        ("file-lz4".to_owned(), file(&two, lz4)),
        ("file-zstd".to_owned(), file(&[batch(nested())], zstd)),
        ("lz4".to_owned(), stream(&two, lz4)),
        ("zstd".to_owned(), stream(&two, zstd)),
        ("ordered".to_owned(), stream(&[ordered.clone(), ordered], None)),
    ]);
    seeds
}
