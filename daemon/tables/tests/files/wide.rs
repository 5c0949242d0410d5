//! Tables of which not everything fits into memory at once: batches of Arrow in one piece, and CSV of
//! a great many columns.

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::types::{Int32Type, UInt16Type};
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Fields};
use bytes::Bytes;
use dsp_tables::{Format, PageRequest, Scratch, Source, Table, TableError, to_parquet};

const MIB: usize = 1 << 20;
/// Rows of the batch: more than are decoded at a time, and of no round number.
pub(super) const ROWS: usize = 20_011;

fn scratch() -> Scratch<'static> {
    Scratch::new(&tempfile::tempfile, 1 << 32)
}

/// Returns a text that packs badly enough, of which some stand in their views.
fn text(row: usize) -> String {
    match row % 4 {
        0 => format!("short {row}"),
        1 => String::new(),
        _ => format!("{row} is a longer text, of which a view has the beginning only")
            .repeat(row % 5),
    }
}

/// Returns a batch with a column of every layout, larger than what is decoded at once.
pub(super) fn batch() -> RecordBatch {
    let there = |row: usize| row % 7 != 3;
    let rows = || 0..ROWS;
    let some = |row: usize| there(row).then_some(row as i64 * 1_000_003);
    let texts = || rows().map(|row| there(row).then(|| text(row)));
    let mut lists = ListBuilder::new(Int32Builder::new());
    let mut long = LargeListBuilder::new(StringViewBuilder::new());
    let mut fixed = FixedSizeListBuilder::new(BooleanBuilder::new(), 3);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    let mut bytes = FixedSizeBinaryBuilder::new(4_096);
    for row in rows() {
        for item in 0..row % 5 {
            lists.values().append_option((item != 2).then_some(item as i32 + row as i32));
            long.values().append_value(text(row + item));
            map.keys().append_value(format!("k{item}"));
            map.values().append_value(row as f64 / 8.0);
        }
        lists.append(there(row));
        long.append(there(row + 1));
        map.append(there(row + 2)).unwrap();
        for item in 0..3 {
            fixed.values().append_option((item != 1).then_some((row + item) % 2 == 0));
        }
        fixed.append(there(row + 3));
        bytes.append_value([row as u8; 4_096]).unwrap();
    }
    let inner = Fields::from(vec![
        Field::new("x", DataType::Int64, true),
        Field::new("y", DataType::Utf8, true),
    ]);
    let inside: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter(rows().map(some))),
        Arc::new(StringArray::from_iter(texts())),
    ];
    let valid = arrow_buffer::NullBuffer::from_iter(rows().map(|row| there(row + 4)));
    let structs = StructArray::new(inner, inside, Some(valid));
    let words = ["low", "middle", "high"];
    let category: DictionaryArray<UInt16Type> =
        rows().map(|row| there(row).then_some(words[row % 3])).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("whole", Arc::new(Int64Array::from_iter(rows().map(some)))),
        ("full", Arc::new(Int32Array::from_iter_values(rows().map(|row| row as i32)))),
        (
            "truth",
            Arc::new(BooleanArray::from_iter(rows().map(|r| there(r).then_some(r % 3 == 0)))),
        ),
        ("text", Arc::new(StringArray::from_iter(texts()))),
        ("large", Arc::new(LargeStringArray::from_iter(texts()))),
        ("view", Arc::new(StringViewArray::from_iter(texts()))),
        ("binary", Arc::new(BinaryViewArray::from_iter(texts()))),
        ("list", Arc::new(lists.finish())),
        ("long", Arc::new(long.finish())),
        ("fixed", Arc::new(fixed.finish())),
        ("map", Arc::new(map.finish())),
        ("struct", Arc::new(structs)),
        ("category", Arc::new(category)),
        ("nothing", Arc::new(NullArray::new(ROWS))),
        (
            "money",
            Arc::new(
                Decimal128Array::from_iter(rows().map(|row| some(row).map(i128::from)))
                    .with_precision_and_scale(30, 2)
                    .unwrap(),
            ),
        ),
        (
            "when",
            Arc::new(
                TimestampMicrosecondArray::from_iter(rows().map(some))
                    .with_timezone("Europe/Berlin"),
            ),
        ),
        ("bytes", Arc::new(bytes.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn options(packed: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(packed).unwrap()
}

fn stream(batches: &[RecordBatch], packed: Option<CompressionType>) -> Bytes {
    let schema = batches[0].schema();
    let writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options(packed));
    let mut writer = writer.unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap().into()
}

fn table_of(bytes: Bytes, format: Format, scratch: Scratch<'_>) -> Result<Table, TableError> {
    let source: Arc<dyn Source> = Arc::new(bytes);
    let mut out = Vec::new();
    to_parquet(&source, format, None, &mut out, scratch)?;
    Table::open(Arc::new(Bytes::from(out)))
}

#[test]
fn a_batch_in_one_piece_is_read_as_its_parts_are() {
    let batch = batch();
    let parts: Vec<RecordBatch> =
        (0..ROWS).step_by(1_000).map(|start| batch.slice(start, 1_000.min(ROWS - start))).collect();
    let expected = table_of(stream(&parts, None), Format::ArrowStream, Scratch::NONE).unwrap();
    let packed = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
    let mut made: Vec<Table> = Vec::new();
    for packed in packed {
        let bytes = stream(std::slice::from_ref(&batch), packed);
        assert!(packed.is_some() || bytes.len() > 70 * MIB, "{} bytes", bytes.len());
        made.push(table_of(bytes, Format::ArrowStream, scratch()).unwrap());
    }
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    made.push(table_of(file.into_inner().unwrap().into(), Format::ArrowFile, scratch()).unwrap());
    let names: Vec<String> = expected.columns().iter().map(|column| column.name.clone()).collect();
    let told: Vec<String> = names.into_iter().filter(|name| name != "bytes").collect();
    for table in made {
        assert_eq!(table.columns(), expected.columns());
        assert_eq!(table.rows(), ROWS as u64);
        for offset in (0..ROWS as u64).step_by(500) {
            let request = PageRequest { offset, limit: 500, columns: Some(told.clone()) };
            let (one, other) = (table.page(&request).unwrap(), expected.page(&request).unwrap());
            assert!(one.rows == other.rows, "rows from {offset} on");
        }
        let wide = PageRequest { offset: 8_190, limit: 5, columns: Some(vec!["bytes".to_owned()]) };
        assert_eq!(table.page(&wide).unwrap().rows, expected.page(&wide).unwrap().rows);
    }
}

#[test]
fn views_that_lie_far_apart_are_read_where_they_are() {
    // Of a large buffer a few texts, in another order, and one many times.
    let all = StringViewArray::from_iter_values((0..70).map(|n| format!("{n}").repeat(MIB / 2)));
    let order = Int32Array::from(vec![69, 0, 35, 0, 0, 68, 1]);
    let picked = arrow_select::take::take(&all, &order, None).unwrap();
    let batch = RecordBatch::try_from_iter([("t", picked)]).unwrap();
    let bytes = stream(&[batch], None);
    assert!(bytes.len() > 64 * MIB, "all of the buffers are in it");
    let table = table_of(bytes, Format::ArrowStream, Scratch::NONE).unwrap();
    let page = table.page(&PageRequest { offset: 0, limit: 7, columns: None }).unwrap();
    let starts: Vec<&str> = page.rows.iter().map(|row| &row[0].as_str().unwrap()[..2]).collect();
    assert_eq!(starts, ["69", "00", "35", "00", "00", "68", "11"]);
}

/// Returns a packed stream of one column of zeros, and where in it the size of its values stands.
fn zeros(rows: usize) -> (Vec<u8>, usize) {
    let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; rows]));
    let batch = RecordBatch::try_from_iter([("zero", zeros)]).unwrap();
    let bytes = stream(&[batch], Some(CompressionType::ZSTD)).to_vec();
    let size = (rows as u64 * 8).to_le_bytes();
    let at = bytes.windows(8).rposition(|window| window == size).unwrap();
    (bytes, at)
}

#[test]
fn a_packed_batch_is_what_it_says() {
    let (bytes, at) = zeros(9 * MIB);
    assert!(bytes.len() < MIB);
    let read = |bytes: &[u8], scratch| {
        table_of(bytes.to_vec().into(), Format::ArrowStream, scratch).map(|table| table.rows())
    };
    assert_eq!(read(&bytes, scratch()).unwrap(), 9 << 20);
    // There is nowhere to unpack it, or too little room.
    assert!(matches!(read(&bytes, Scratch::NONE), Err(TableError::TooLarge { .. })));
    assert_eq!(read(&bytes, Scratch::new(&tempfile::tempfile, 72 << 20)).unwrap(), 9 << 20);
    let little = read(&bytes, Scratch::new(&tempfile::tempfile, 71 << 20)).unwrap_err();
    assert!(matches!(little, TableError::TooLarge { limit, .. } if limit == 71 << 20), "{little}");
    for said in [70u64 << 20, 80 << 20] {
        let mut lies = bytes.clone();
        lies[at..at + 8].copy_from_slice(&said.to_le_bytes());
        let error = read(&lies, scratch()).unwrap_err();
        assert!(matches!(error, TableError::Malformed { .. }), "{error}");
    }
}

#[test]
fn batches_that_unpack_to_more_than_a_file_may_have_are_refused() {
    // The same packed batch again and again: 72 MiB each.
    let (bytes, _) = zeros(9 * MIB);
    let start = {
        let none = stream(&[RecordBatch::new_empty(batch_schema())], None);
        // The schema without the empty batch and the end.
        let schema = u32::from_le_bytes(none[4..8].try_into().unwrap()) as usize;
        8 + schema
    };
    let end = bytes.len() - 8;
    let mut many = bytes[..end].to_vec();
    for _ in 0..60 {
        many.extend_from_slice(&bytes[start..end]);
    }
    let told = table_of(many.into(), Format::ArrowStream, scratch()).map(|table| table.rows());
    let text = told.unwrap_err().to_string();
    assert!(text.starts_with("the batches together, once unpacked, is"), "{text}");
}

#[test]
fn batches_without_bytes_are_there() {
    let none = |writer: &mut StreamWriter<Vec<u8>>| writer.flush();
    let nulls = |writer: &mut StreamWriter<Vec<u8>>| {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(NullArray::new(3)) as ArrayRef)]);
        writer.write(&batch.unwrap())
    };
    type Write<'a> = &'a dyn Fn(&mut StreamWriter<Vec<u8>>) -> Result<(), arrow_schema::ArrowError>;
    let nothing = Arc::new(arrow_schema::Schema::new(vec![Field::new("n", DataType::Null, true)]));
    let cases: [(Write<'_>, _, u64); 2] = [(&none, batch_schema(), 0), (&nulls, nothing, 3)];
    for (write, schema, rows) in cases {
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
        write(&mut writer).unwrap();
        let whole = writer.into_inner().unwrap();
        // With the word that it ends, and without.
        for bytes in [&whole[..], &whole[..whole.len() - 8]] {
            let bytes = Bytes::copy_from_slice(bytes);
            let table = table_of(bytes, Format::ArrowStream, Scratch::NONE).unwrap();
            assert_eq!((table.rows(), table.columns().len()), (rows, 1));
        }
    }
}

fn batch_schema() -> arrow_schema::SchemaRef {
    Arc::new(arrow_schema::Schema::new(vec![Field::new("zero", DataType::Int64, false)]))
}

#[test]
fn a_csv_of_many_columns_is_that_of_each() {
    const COLUMNS: usize = 600;
    let cell = |row: usize, at: usize| match at % 3 {
        0 => format!("{}", row * at),
        1 => format!("\"{row},\n\"\"{at}\"\"\""),
        _ => String::new(),
    };
    let rows = 300;
    let columns = (0..COLUMNS).map(|at| {
        let column: ArrayRef = match at % 3 {
            0 => Arc::new(Int32Array::from_iter_values((0..rows).map(|row| (row * at) as i32))),
            1 => Arc::new(StringArray::from_iter_values(
                (0..rows).map(|row| format!("{row},\n\"{at}\"")),
            )),
            _ => Arc::new(Float64Array::from(vec![None; rows])),
        };
        (format!("c{at}"), column, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None);
    let mut writer = writer.unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let table = Table::open(Arc::new(Bytes::from(bytes))).unwrap();
    let names: Vec<String> = (0..COLUMNS).map(|at| format!("\"c{at}\"")).collect();
    let mut expected = names.join(",") + "\n";
    for row in 0..rows {
        let cells: Vec<String> = (0..COLUMNS).map(|at| cell(row, at)).collect();
        expected += &(cells.join(",") + "\n");
    }
    let mut out = Vec::new();
    table.to_csv(&mut out, scratch()).unwrap();
    assert!(out == expected.as_bytes(), "the CSV has {} bytes", out.len());
    let refused = table.to_csv(std::io::sink(), Scratch::NONE).unwrap_err();
    assert!(matches!(refused, TableError::TooLarge { size: 600, limit: 256, .. }), "{refused}");
    let size = expected.len() as u64;
    table.to_csv_within(std::io::sink(), size, scratch()).unwrap();
    let little = Scratch::new(&tempfile::tempfile, size - 1);
    for (limit, scratch) in [(size - 1, scratch()), (size, little)] {
        let refused = table.to_csv_within(std::io::sink(), limit, scratch).unwrap_err();
        assert!(matches!(refused, TableError::TooLarge { .. }), "{refused}");
    }
}

#[test]
fn dictionaries_of_large_batches_are_those_before_them() {
    let words: Vec<String> = (0..100).map(|n| format!("word {n}")).collect();
    let keys = Int32Array::from_iter_values((0..18 * MIB as i32).map(|row| row % 100));
    let values = Arc::new(StringArray::from(words));
    let column = DictionaryArray::<Int32Type>::try_new(keys, values).unwrap();
    let batch = RecordBatch::try_from_iter([("w", Arc::new(column) as ArrayRef)]).unwrap();
    let table = table_of(stream(&[batch], None), Format::ArrowStream, Scratch::NONE).unwrap();
    let request = PageRequest { offset: 17 << 20, limit: 3, columns: None };
    let page = table.page(&request).unwrap();
    let first = (17 << 20) % 100;
    let expected: Vec<String> = (first..first + 3).map(|n| format!("word {}", n % 100)).collect();
    let told: Vec<&str> = page.rows.iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(told, expected);
    assert_eq!(table.columns()[0].type_name, "category<string>");
}
