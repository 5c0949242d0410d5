//! The other formats, turned into Parquet and read from there.

use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use dsp_tables::{Format, PageRequest, Scratch, Source, Table, TableError, to_parquet};
use serde_json::{Value, json};

fn scratch() -> Scratch<'static> {
    Scratch::new(&tempfile::tempfile, 1 << 32)
}

fn read(bytes: impl Into<Bytes>, format: Format) -> Result<(String, Value), TableError> {
    let source: Arc<dyn Source> = Arc::new(bytes.into());
    let mut out = Vec::new();
    to_parquet(&source, format, None, &mut out, scratch())?;
    let table = Table::open(Arc::new(Bytes::from(out)))?;
    let columns = table.columns().iter().map(|c| format!("{} {}", c.name, c.type_name));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let page = table.page(&PageRequest { offset: 0, limit: 100, columns: None })?;
    Ok((columns, Value::from(page.rows)))
}

fn csv(text: &str) -> (String, Value) {
    read(text.to_owned(), Format::Csv).unwrap()
}

fn why(bytes: impl Into<Bytes>, format: Format) -> String {
    read(bytes, format).unwrap_err().to_string()
}

#[test]
fn csv_keeps_what_stands_in_it() {
    let (columns, rows) = csv("id,zip,x,when,note,ok\r\n\
        1,007,0.5,2024-02-29,\"a, \"\"b\"\"\nc\",true\r\n\
        2,010,,2024-03-01,\"\",\r\n\
        ,,NaN,,,false");
    assert_eq!(columns, "id int64, zip string, x float64, when date, note string, ok bool");
    assert_eq!(
        rows,
        json!([
            [1, "007", 0.5, "2024-02-29", "a, \"b\"\nc", true],
            [2, "010", null, "2024-03-01", "", null],
            [null, null, "NaN", null, null, false],
        ])
    );
}

#[test]
fn quotes_tell_nothing_where_all_values_have_them() {
    // As pandas writes with `QUOTE_ALL`, which clients of dstack do.
    let all = "\"\",\"a\",\"b\",\"c\"\n\"0\",\"1\",\"x\",\"1.5\"\n\"1\",\"\",\"\",\"007\"\n";
    let (columns, rows) = csv(all);
    assert_eq!(columns, " int64, a int64, b string, c string");
    assert_eq!(rows, json!([[0, 1, "x", "1.5"], [1, null, "", "007"]]));
    // One value without them, and what is quoted is text.
    let (columns, rows) = csv(&format!("{all}2,\"3\",\"y\",\"4\"\n"));
    assert_eq!(columns, " string, a string, b string, c string");
    assert_eq!(rows[1], json!(["1", "", "", "007"]));
}

#[test]
fn delimiters_and_marks_are_found() {
    assert_eq!(csv("\u{feff}a;b\n1;2,5\n").0, "a int64, b string");
    assert_eq!(csv("a|b\n1|2\n").0, "a int64, b int64");
    assert_eq!(read("a\tb,c\n1\t2\n", Format::Tsv).unwrap().0, "a int64, b,c int64");
    assert_eq!(csv("a\n1\n\n3\n").1, json!([[1], [null], [3]]));
    assert_eq!(csv("a,b\n1,2\n\n3,4\n").1, json!([[1, 2], [3, 4]]));
    assert_eq!(csv("a,b\n").1, json!([]));
}

#[test]
fn broken_text_is_told_with_its_place() {
    let broken = [&b"name,city\nA,B\nC,M"[..], b"\xfc", b"nchen\n"].concat();
    assert_eq!(
        why(broken, Format::Csv),
        "line 3, column 4: the byte 0xfc is not UTF-8; save the file in that encoding"
    );
    // Where a letter is cut by the end of what is read at a time, it is whole.
    let long = format!("a\n{}\n", "ä".repeat(100_000));
    assert_eq!(csv(&long).0, "a string");
    let broken = [long.as_bytes(), b"\xff"].concat();
    assert!(why(broken, Format::Csv).starts_with("line 3, column 1: the byte 0xff"));
    assert!(why(&b"\xff\xfea\0"[..], Format::Csv).contains("UTF-16"));
    assert_eq!(
        why("a,b\n1,2\n1,2,3\n", Format::Csv),
        "line 3, column 1: the row has 3 fields, the header has 2"
    );
    assert_eq!(
        why("a,b\n1,\"2\n3,4\n", Format::Csv),
        "line 2, column 3: the quote that opens here is never closed"
    );
    assert!(why("", Format::Csv).contains("no header"));
}

#[test]
fn json_lines_become_columns() {
    let text = "{\"a\": 1, \"b\": \"x\"}\n\n{\"b\": null, \"c\": [1, {\"d\": 2}]}\n{\"a\": 2}";
    let (columns, rows) = read(text, Format::JsonLines).unwrap();
    assert_eq!(columns, "a int64, b string, c string");
    assert_eq!(rows, json!([[1, "x", null], [null, null, "[1,{\"d\":2}]"], [2, null, null]]));
    let names = (0..3).map(|n| format!("{{\"{n}{}\":1}}\n", "x".repeat(1 << 20)));
    let names = why(names.collect::<String>(), Format::JsonLines);
    assert!(names.starts_with("what the names of the columns take, in bytes, is"), "{names}");
    assert!(why("{\"a\":1}\n[1]\n", Format::JsonLines).starts_with("line 2, column"));
    assert!(why("{\"a\":1}\n{\"a\"", Format::JsonLines).starts_with("line 2, column"));
    assert_eq!(
        why("{\"a\":99999999999999999999}", Format::JsonLines),
        "line 1, column 6: a whole number that 64 bits do not hold"
    );
}

fn batch() -> RecordBatch {
    let category: DictionaryArray<Int8Type> = ["low", "high", "low"].into_iter().collect();
    RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef),
        ("c", Arc::new(category)),
    ])
    .unwrap()
}

fn arrow_file(packed: Option<CompressionType>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = IpcWriteOptions::default().try_with_compression(packed).unwrap();
    let schema = batch().schema();
    let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
    writer.write(&batch()).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

#[test]
fn the_footer_of_an_arrow_file_says_where_everything_is() {
    let whole = arrow_file(None);
    let expected = read(whole.clone(), Format::ArrowFile).unwrap();
    // Polars puts another thing than a message before the batches.
    let mut other = whole.clone();
    other[8..64].fill(7);
    assert_eq!(read(other, Format::ArrowFile).unwrap(), expected);
    let footer = u32::from_le_bytes(whole[whole.len() - 10..][..4].try_into().unwrap()) as usize;
    let start = whole.len() - 10 - footer;
    // Whatever the footer says, it is an error at worst.
    for at in start..whole.len() {
        for byte in [0, 0x7f, 0xff] {
            let mut lies = whole.clone();
            lies[at] = byte;
            if let Ok((columns, rows)) = read(lies, Format::ArrowFile) {
                assert!(columns.len() < 1_000 && rows.as_array().unwrap().len() <= 100);
            }
        }
    }
}

#[test]
fn arrow_files_and_streams_are_read() {
    let three = [json!([1, "low"]), json!([null, "high"]), json!([3, "low"])];
    let all = Value::from([&three[..], &three[..]].concat());
    for packed in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let (columns, rows) = read(arrow_file(packed), Format::ArrowFile).unwrap();
        assert_eq!(columns, "n int64, c category<string>");
        assert_eq!(rows, all);
    }
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    drop(writer);
    assert_eq!(read(bytes, Format::ArrowStream).unwrap().1, Value::from(three.to_vec()));
}

#[test]
fn an_arrow_file_that_unpacks_to_too_much_is_refused() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7; 10_000]));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let packed = Some(CompressionType::LZ4_FRAME);
    let options = IpcWriteOptions::default().try_with_compression(packed).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert!(read(bytes.clone(), Format::ArrowFile).is_ok());
    // The buffer begins with what it says that it unpacks to.
    let at = bytes.windows(8).position(|eight| eight == 80_000u64.to_le_bytes()).unwrap();
    bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    let error = read(bytes, Format::ArrowFile).unwrap_err();
    assert!(matches!(error, TableError::TooLarge { .. }), "{error}");
}

#[test]
fn arrow_files_cut_or_changed_are_errors_or_read() {
    let whole = arrow_file(Some(CompressionType::LZ4_FRAME));
    for length in 0..whole.len() {
        assert!(read(whole[..length].to_vec(), Format::ArrowFile).is_err(), "{length} bytes");
    }
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let _ = read(bytes, Format::ArrowFile);
    }
    std::panic::set_hook(hook);
}

#[test]
fn formats_are_told_by_bytes_media_and_name() {
    let of = |bytes: &'static [u8], media: &str, name: &str| {
        Format::of(&Bytes::from_static(bytes), media, name).unwrap()
    };
    assert_eq!(of(b"PAR1....", "text/csv", "a.csv"), Some(Format::Parquet));
    assert_eq!(of(b"ARROW1\0\0", "", ""), Some(Format::ArrowFile));
    assert_eq!(of(b"a,b", "text/csv; charset=utf-8", ""), Some(Format::Csv));
    assert_eq!(of(b"a", "application/octet-stream", "x.TSV"), Some(Format::Tsv));
    assert_eq!(of(b"", "application/octet-stream", "x.jsonl"), Some(Format::JsonLines));
    assert_eq!(of(b"\x89PNG", "image/png", "x.png"), None);
}
