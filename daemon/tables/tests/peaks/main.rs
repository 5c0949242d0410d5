//! How much memory hostile tables take: small files that unfold to a great deal. It is measured of
//! the whole process, so that these are a binary of their own, and one runs at a time.

#![cfg(target_os = "linux")]

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use data_encoding::BASE64;
use dsp_tables::{
    Condition, Format, Order, PageRequest, Scratch, Source, Table, TableError, Test, to_parquet,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a number of bytes of `/proc/self/status`.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Returns how many bytes are taken at most while something runs, beyond those before.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    // Sets the peak back to what is taken now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    let done = run();
    (done, status("VmHWM").saturating_sub(before))
}

fn zstd() -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap()
}

fn letters(at: u8, bytes: usize) -> String {
    char::from(b'a' + at % 26).to_string().repeat(bytes)
}

fn parquet(columns: Vec<(&str, ArrayRef)>, note: Option<String>) -> Bytes {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let level = ZstdLevel::try_new(1).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_page_size_limit(64 * MIB)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    if let Some(note) = note {
        writer.append_key_value_metadata(KeyValue::new("dsp".to_owned(), note));
    }
    writer.close().unwrap();
    bytes.into()
}

/// Returns a table with a text in many rows.
fn repeated(text: String, rows: usize) -> Table {
    let values: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let keys = Int32Array::from(vec![0; rows]);
    let column = DictionaryArray::<Int32Type>::try_new(keys, values).unwrap();
    let bytes = parquet(vec![("t", Arc::new(column))], None);
    assert!(bytes.len() < MIB, "the file has {} bytes", bytes.len());
    Table::open(Arc::new(bytes)).unwrap()
}

#[test]
fn categories_in_a_footer_that_unpack_to_too_much_are_left() {
    let _alone = alone();
    let batch = |at: u8| {
        let array: ArrayRef = Arc::new(StringArray::from(vec![letters(at, 20 * MIB)]));
        RecordBatch::try_from_iter([("0", array)]).unwrap()
    };
    let schema = batch(0).schema();
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &schema, zstd()).unwrap();
    for at in 0..26 {
        stream.write(&batch(at)).unwrap();
    }
    let data = BASE64.encode(&stream.into_inner().unwrap());
    assert!(data.len() < MIB);
    let note = json!({ "columns": [{ "name": "t", "categories": { "data": data } }] });
    let bytes =
        parquet(vec![("t", Arc::new(StringArray::from(vec!["a"])))], Some(note.to_string()));
    let table = Table::open(Arc::new(bytes)).unwrap();
    let (note, peak) = peak(|| table.to_csv(io::sink(), Scratch::NONE).unwrap());
    let note: Value = serde_json::from_slice(&note).unwrap();
    assert_eq!(note["tableSchema"]["columns"][0]["dsp:levels"], Value::Null);
    assert!(peak < 150 * MIB, "it took {peak} bytes");
}

#[test]
fn dictionaries_that_replace_each_other_are_not_all_kept() {
    let _alone = alone();
    let batch = |at: u8| {
        let values: ArrayRef = Arc::new(StringArray::from(vec![letters(at, 20 * MIB)]));
        let column = DictionaryArray::<Int32Type>::try_new(Int32Array::from(vec![0]), values);
        let column: ArrayRef = Arc::new(column.unwrap());
        RecordBatch::try_from_iter([("t", column)]).unwrap()
    };
    let schema = batch(0).schema();
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &schema, zstd()).unwrap();
    for at in 0..26 {
        stream.write(&batch(at)).unwrap();
    }
    let bytes = Bytes::from(stream.into_inner().unwrap());
    assert!(bytes.len() < MIB);
    let source: Arc<dyn Source> = Arc::new(bytes);
    // That it is refused for what all of them take is as well.
    let (_, peak) =
        peak(|| to_parquet(&source, Format::ArrowStream, None, io::sink(), Scratch::NONE));
    assert!(peak < 300 * MIB, "it took {peak} bytes");
}

#[test]
fn texts_to_sort_by_are_weighed_before_they_are_copied() {
    let _alone = alone();
    let table = repeated(letters(0, 256 << 10), 4_096);
    let by = Order { column: "t".to_owned(), descending: false };
    let (found, peak) = peak(|| table.select(&[by], &[]));
    let error = found.unwrap_err();
    assert!(error.to_string().starts_with("what the rows are sorted by, in bytes, is"), "{error}");
    assert!(peak < 400 * MIB, "it took {peak} bytes");
}

#[test]
fn conditions_do_not_look_through_texts_without_end() {
    let _alone = alone();
    let condition = |test| Condition { column: "t".to_owned(), test };
    let table = repeated(letters(0, MIB), 100);
    let select = |test| table.select_within(&[], &[condition(test)], 4 << 20, || true);
    for test in [Test::Contains("B".into()), Test::In(vec![letters(0, 2 * MIB).into()])] {
        let error = select(test).unwrap_err();
        assert!(
            error.to_string().starts_with("what the conditions look through, in bytes, is"),
            "{error}"
        );
    }
    // One of another length is found without.
    assert!(select(Test::In(vec!["a".into()])).unwrap().is_empty());
    // Nobody waits for it any more.
    let all = [condition(Test::NotNull)];
    let error = table.select_within(&[], &all, 4 << 20, || false).unwrap_err();
    assert!(matches!(&error, TableError::Io(io) if io.kind() == io::ErrorKind::Interrupted));
}

#[test]
fn a_line_of_a_csv_is_not_gathered_whole() {
    let _alone = alone();
    let table = repeated("\"".repeat(48 * MIB), 2);
    let (made, peak) = peak(|| table.to_csv(io::sink(), Scratch::NONE));
    made.unwrap();
    assert!(peak < 200 * MIB, "it took {peak} bytes");
}

#[test]
fn a_stream_is_weighed_before_it_is_copied() {
    let _alone = alone();
    // Twelve in a page, of a thousand that are as long as a gigabyte together.
    let table = repeated(letters(0, MIB / 3), 1_000);
    let request = PageRequest { offset: 0, limit: 1_000, columns: None };
    let (made, taken) = peak(|| table.arrow_page(&request).unwrap().len());
    assert!((3 * MIB..4 * MIB + (64 << 10)).contains(&made), "{made} bytes");
    assert!(taken < 64 * MIB, "it took {taken} bytes");
    let table = repeated(letters(0, 20 * MIB), 1_000);
    let (made, taken) = peak(|| table.arrow_page(&request));
    assert!(made.unwrap_err().to_string().starts_with("row 0 in bytes is 20971529;"));
    assert!(taken < 100 * MIB, "it took {taken} bytes");
}
