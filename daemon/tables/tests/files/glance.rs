//! Columns without the rest of a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::*;
use bytes::Bytes;
use dsp_tables::limits::{COLUMNS, GLANCE_BYTES};
use dsp_tables::{Format, Note, Source, TableError, glance};

fn source(bytes: impl Into<Bytes>) -> Arc<dyn Source> {
    Arc::new(bytes.into())
}

fn told(bytes: impl Into<Bytes>, format: Format) -> Result<String, TableError> {
    let columns = glance(&source(bytes), format, None)?;
    let columns = columns.iter().map(|column| format!("{}: {}", column.name, column.type_name));
    Ok(columns.collect::<Vec<_>>().join(", "))
}

fn batch() -> RecordBatch {
    let category: DictionaryArray<types::Int32Type> = vec![Some("x"), None].into_iter().collect();
    let when = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("Europe/Berlin");
    let columns: [(&str, ArrayRef); 3] = [
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ("c", Arc::new(category)),
        ("when", Arc::new(when)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

const BATCH: &str = "n: int64, c: category<string>, when: timestamp[us, Europe/Berlin]";

fn parquet() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch().schema(), None).unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    bytes
}

fn arrow(file: bool) -> Vec<u8> {
    let (mut bytes, schema) = (Vec::new(), batch().schema());
    match file {
        true => {
            let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut bytes, &schema).unwrap();
            writer.write(&batch()).unwrap();
            writer.finish().unwrap();
        }
        false => {
            let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &schema).unwrap();
            writer.write(&batch()).unwrap();
            writer.finish().unwrap();
        }
    }
    bytes
}

#[test]
fn every_format_tells_its_columns() {
    assert_eq!(told(parquet(), Format::Parquet).unwrap(), BATCH);
    assert_eq!(told(arrow(true), Format::ArrowFile).unwrap(), BATCH);
    assert_eq!(told(arrow(false), Format::ArrowStream).unwrap(), BATCH);
    let csv = "id;zip;when\n1;007;2024-02-29\n2;010;\n";
    assert_eq!(told(csv, Format::Csv).unwrap(), "id: int64, zip: string, when: date");
    assert_eq!(told("a\tb\n1\t0.5\n", Format::Tsv).unwrap(), "a: int64, b: float64");
    let json = "{\"a\":1}\n{\"b\":[1]}\n";
    assert_eq!(told(json, Format::JsonLines).unwrap(), "a: int64, b: string");
    let note =
        br#"{"tableSchema":{"columns":[{"titles":"a","datatype":"double","dsp:type":"float64"}]}}"#;
    let note = Note::read(note).unwrap().expect("a note of ours");
    let columns = glance(&source("a\n1\n"), Format::Csv, Some(&note)).unwrap();
    assert_eq!(columns[0].type_name, "float64");
    let other = glance(&source("a,b\n1,2\n"), Format::Csv, Some(&note)).unwrap_err();
    assert!(matches!(other, TableError::Malformed { .. }), "{other}");
}

/// Counts what is read.
struct Counted(Bytes, AtomicU64);

impl Source for Counted {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
        self.1.fetch_add(length as u64, Ordering::Relaxed);
        self.0.read_at(offset, length)
    }
}

fn read_of(bytes: impl Into<Bytes>, format: Format) -> (u64, Result<usize, TableError>) {
    let counted = Arc::new(Counted(bytes.into(), AtomicU64::new(0)));
    let source: Arc<dyn Source> = Arc::<Counted>::clone(&counted);
    let columns = glance(&source, format, None).map(|columns| columns.len());
    (counted.1.load(Ordering::Relaxed), columns)
}

#[test]
fn a_large_file_is_only_looked_at() {
    // Three times over: what stands between fields is guessed first.
    let most = 3 * GLANCE_BYTES;
    let size = 8 * GLANCE_BYTES as usize;
    let csv = format!("a,b\n{}", "1,2024-02-29\n".repeat(size / 13));
    let (read, columns) = read_of(csv, Format::Csv);
    assert_eq!(columns.unwrap(), 2);
    assert!(read <= most, "{read}");
    let json = "{\"a\":1}\n".repeat(size / 8);
    let (read, columns) = read_of(json, Format::JsonLines);
    assert_eq!(columns.unwrap(), 1);
    assert!(read <= most, "{read}");
    // A line that never ends, and what is cut in the middle of a letter.
    for text in [format!("a,b\n1,\"{}", "x".repeat(size)), format!("a,b\n1,{}", "ä".repeat(size))]
    {
        let (read, columns) = read_of(text, Format::Csv);
        assert_eq!(columns.unwrap(), 2);
        assert!(read <= most, "{read}");
    }
    let (read, columns) = read_of("x".repeat(size), Format::JsonLines);
    assert!(columns.is_err() && read <= most, "{read}");
}

#[test]
fn what_lies_is_an_error() {
    assert!(told("PAR1", Format::Parquet).is_err());
    assert!(told("a,b\n1\n", Format::Csv).is_err(), "a row has other columns");
    assert!(told(&b"a,b\n\xff,1\n"[..], Format::Csv).is_err());
    assert!(told("[1]\n", Format::JsonLines).is_err());
    let many = vec!["a"; COLUMNS + 1].join(",");
    assert!(matches!(told(many, Format::Csv), Err(TableError::TooLarge { .. })));
    // A footer, or a header of a message, that is said to be longer than the file.
    let mut long = parquet();
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(told(long, Format::Parquet).is_err());
    let mut long = arrow(false);
    long[4..8].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    assert!(told(long, Format::ArrowStream).is_err());
    for cut in 0..parquet().len() {
        assert!(told(parquet()[..cut].to_vec(), Format::Parquet).is_err());
    }
    // The first message of a file is its schema, and nothing else is read.
    for cut in 0..arrow(false).len() {
        let _ = told(arrow(false)[..cut].to_vec(), Format::ArrowStream);
        let _ = told(arrow(true)[..cut].to_vec(), Format::ArrowFile);
    }
}
