//! Rows as a stream of Arrow.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use bytes::Bytes;
use dsp_tables::limits::PAGE_BYTES;
use dsp_tables::{
    Format, Order, PageRequest, Scratch, Source, Table, TableError, Test, to_parquet,
};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::wide::{ROWS, batch};

/// A page of this table, with the notes of its schema.
fn read(stream: Vec<u8>) -> (RecordBatch, Vec<(String, String)>) {
    let stream = StreamReader::try_new(Cursor::new(stream), None).unwrap();
    let schema = stream.schema();
    let mut notes: Vec<(String, String)> =
        schema.metadata().iter().map(|(name, note)| (name.to_owned(), note.to_owned())).collect();
    notes.sort();
    let mut batches = stream.map(Result::unwrap);
    let batch = batches.next().unwrap();
    assert!(batches.next().is_none());
    (batch, notes)
}

fn notes(offset: u64, total: u64) -> Vec<(String, String)> {
    let note = |name: &str, value: u64| (name.to_owned(), value.to_string());
    vec![note("dsp:offset", offset), note("dsp:total", total)]
}

fn parquet(batch: &RecordBatch) -> Table {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    Table::open(Arc::new(Bytes::from(bytes))).unwrap()
}

/// Returns what JSON tells of the rows of a batch.
fn told(batch: &RecordBatch) -> Vec<Vec<Value>> {
    let (table, mut rows) = (parquet(batch), Vec::new());
    while rows.len() < batch.num_rows() {
        let request = PageRequest { offset: rows.len() as u64, limit: 100, columns: None };
        rows.extend(table.page(&request).unwrap().rows);
    }
    rows
}

fn page(offset: u64, limit: u64) -> PageRequest {
    PageRequest { offset, limit, columns: None }
}

#[test]
fn a_stream_tells_what_json_tells() {
    let all = batch();
    // What is of one width and wide is for the next test.
    let names: Vec<String> =
        all.schema().fields().iter().map(|field| field.name().clone()).collect();
    let names: Vec<String> = names.into_iter().filter(|name| name != "bytes").collect();
    let table = parquet(&all);
    let total = ROWS as u64;
    for offset in [0, 8_100, total - 700, total] {
        let request = PageRequest { offset, limit: 600, columns: Some(names.clone()) };
        let (stream, said) = read(table.arrow_page(&request).unwrap());
        assert_eq!(said, notes(offset, total));
        let page = table.page(&request).unwrap();
        assert_eq!(stream.num_rows(), page.rows.len());
        assert_eq!(stream.num_columns(), names.len());
        assert!(told(&stream) == page.rows, "rows from {offset} on");
    }
    let (stream, _) = read(table.arrow_page(&page(0, 1)).unwrap());
    let schema = stream.schema();
    let of = |name: &str| schema.field_with_name(name).unwrap().data_type();
    for (name, data_type) in [
        ("text", &DataType::Utf8),
        ("view", &DataType::Utf8),
        ("category", &DataType::Utf8),
        ("binary", &DataType::Binary),
        ("bytes", &DataType::FixedSizeBinary(4_096)),
        ("money", &DataType::Decimal128(30, 2)),
    ] {
        assert_eq!(of(name), data_type, "{name}");
    }
    // Sorted and picked rows.
    let by = [Order { column: "whole".into(), descending: true }];
    let there = [dsp_tables::Condition { column: "text".into(), test: Test::NotNull }];
    let selection = table.select(&by, &there).unwrap();
    for offset in [0, 4_000, selection.len() as u64] {
        let request = PageRequest { offset, limit: 300, columns: Some(names.clone()) };
        let (stream, said) = read(table.arrow_page_of(&selection, &request).unwrap());
        assert_eq!(said, notes(offset, selection.len() as u64));
        assert!(told(&stream) == table.page_of(&selection, &request).unwrap().rows, "{offset}");
    }
    // Of no column, as many rows.
    let none = PageRequest { offset: 5, limit: 7, columns: Some(vec![]) };
    assert_eq!(read(table.arrow_page(&none).unwrap()).0.num_rows(), 7);
    for wrong in [table.arrow_page(&page(total + 1, 1)), {
        let names = Some(vec!["none".to_owned()]);
        table.arrow_page(&PageRequest { offset: 0, limit: 1, columns: names })
    }] {
        assert!(matches!(wrong, Err(TableError::NoRow { .. } | TableError::NoColumn { .. })));
    }
}

#[test]
fn a_page_ends_where_it_is_full() {
    let table = parquet(&batch());
    let (mut offset, mut pages) = (0, 0);
    // Page after page, each row once.
    while offset < 3_000 {
        let stream = table.arrow_page(&page(offset, 1_000)).unwrap();
        assert!(stream.len() < PAGE_BYTES + (64 << 10), "{} bytes", stream.len());
        let (stream, _) = read(stream);
        let first = stream.column_by_name("full").unwrap();
        let first = first.as_any().downcast_ref::<Int32Array>().unwrap().value(0);
        assert_eq!(first as u64, offset);
        assert!((500..1_000).contains(&stream.num_rows()), "{} rows", stream.num_rows());
        offset += stream.num_rows() as u64;
        pages += 1;
    }
    assert!(pages < 7);
    let last = [Order { column: "full".into(), descending: true }];
    let selection = table.select(&last, &[]).unwrap();
    let stream = table.arrow_page_of(&selection, &page(0, 1_000)).unwrap();
    assert!(stream.len() < PAGE_BYTES + (64 << 10), "{} bytes", stream.len());
    let (stream, _) = read(stream);
    assert!((250..1_000).contains(&stream.num_rows()), "{} rows", stream.num_rows());
    assert!(told(&stream)[7].contains(&json!(ROWS - 8)));
}

/// A text that stands in every row, in a file that has it once.
fn repeated(bytes: usize) -> Table {
    let values: ArrayRef = Arc::new(StringArray::from(vec!["short".into(), "x".repeat(bytes)]));
    let mut keys = vec![1; 1_000];
    keys[0] = 0;
    let column = DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), values).unwrap();
    parquet(&RecordBatch::try_from_iter([("t", Arc::new(column) as ArrayRef)]).unwrap())
}

#[test]
fn a_row_that_is_larger_than_a_page_is_refused() {
    let table = repeated(3 << 20);
    for (offset, rows) in [(0, 2), (1, 1), (999, 1)] {
        let (stream, _) = read(table.arrow_page(&page(offset, 1_000)).unwrap());
        assert_eq!(stream.num_rows(), rows);
    }
    let table = repeated(5 << 20);
    // The one before it comes.
    assert_eq!(read(table.arrow_page(&page(0, 1_000)).unwrap()).0.num_rows(), 1);
    let refused = |made: Result<Vec<u8>, TableError>, row: u64| {
        let error = made.unwrap_err().to_string();
        let wanted = format!("row {row} in bytes is 5242889; at most 4194304 is read");
        assert_eq!(error, wanted);
    };
    refused(table.arrow_page(&page(1, 1_000)), 1);
    let up = [Order { column: "t".into(), descending: true }];
    let picked = [dsp_tables::Condition { column: "t".into(), test: Test::NotNull }];
    let selection = table.select(&[], &picked).unwrap();
    assert_eq!(read(table.arrow_page_of(&selection, &page(0, 5)).unwrap()).0.num_rows(), 1);
    refused(table.arrow_page_of(&selection, &page(7, 5)), 7);
    assert!(table.select(&up, &[]).is_err(), "there is too much to sort by");
}

#[test]
fn columns_that_are_read_apart_come_together() {
    let header: Vec<String> = (0..3_000).map(|n| format!("c{n}")).collect();
    let row = |row: usize| -> String {
        let cells: Vec<String> = (0..3_000).map(|n| format!("{}", row * 10_000 + n)).collect();
        cells.join(",")
    };
    let csv = [header.join(",")].into_iter().chain((0..200).map(row)).collect::<Vec<_>>();
    let source: Arc<dyn Source> = Arc::new(Bytes::from(csv.join("\n")));
    let mut out = Vec::new();
    to_parquet(&source, Format::Csv, None, &mut out, Scratch::NONE).unwrap();
    let table = Table::open(Arc::new(Bytes::from(out))).unwrap();
    let (stream, _) = read(table.arrow_page(&page(50, 100)).unwrap());
    // 3000 numbers of eight bytes, and what each takes beside.
    assert_eq!((stream.num_rows(), stream.num_columns()), (82, 3_000));
    let cell = |row: usize, column: usize| {
        let column = stream.column(column).as_any().downcast_ref::<Int64Array>().unwrap();
        column.value(row)
    };
    assert_eq!((cell(0, 0), cell(81, 2_999)), (500_000, 1_312_999));
}
