//! What hostile files cost in memory: each in a process of its own, of which the system tells the
//! most that it ever took.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::*;
use bytes::Bytes;
use dsp_tables::{
    Format, Order, PageRequest, Scratch, Source, Table, TableError, glance, to_parquet,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

const MIB: u64 = 1 << 20;
/// What a page of rows may cost, and what going through a whole table may.
const ROWS: u64 = 80;
const WHOLE: u64 = 128;

/// Reads a line of what the system says of this process, in KiB.
fn of_process(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn properties() -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(1).unwrap();
    WriterProperties::builder().set_compression(Compression::ZSTD(level))
}

fn written<'a>(
    columns: impl IntoIterator<Item = (&'a str, ArrayRef)>,
    properties: WriterProperties,
) -> Bytes {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

/// Rows of 4 MiB that pack to nothing, each in a page of its own.
fn wide_rows() -> Bytes {
    let text = "x".repeat(4 << 20);
    let rows = StringArray::from_iter_values((0..100).map(|_| text.as_str()));
    let one_a_page = properties()
        .set_dictionary_enabled(false)
        .set_write_batch_size(1)
        .set_data_page_row_count_limit(1);
    written([("wide", Arc::new(rows) as ArrayRef)], one_a_page.build())
}

/// Some such rows before many that are narrow, so that a row is short on average.
fn some_wide_rows() -> Bytes {
    let text = "x".repeat(4 << 20);
    let wide = (0..60).map(|_| text.as_str());
    let rows = StringArray::from_iter_values(wide.chain((0..20_000).map(|_| "")));
    let one_a_page = properties()
        .set_dictionary_enabled(false)
        .set_write_batch_size(1)
        .set_data_page_row_count_limit(1);
    written([("wide", Arc::new(rows) as ArrayRef)], one_a_page.build())
}

/// Lists of a million numbers that are all the same.
fn long_lists() -> Bytes {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for _ in 0..40 {
        lists.values().append_slice(&vec![7; 1_000_000]);
        lists.append(true);
    }
    written([("list", Arc::new(lists.finish()) as ArrayRef)], properties().build())
}

/// A text of 4 MiB in every row of many columns: once in the dictionary of each.
fn repeated_texts() -> Bytes {
    let text = "x".repeat(4 << 20);
    let names: Vec<String> = (0..100).map(|n| format!("c{n}")).collect();
    let column: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 2]));
    let columns = names.iter().map(|name| (name.as_str(), Arc::clone(&column)));
    written(columns, properties().set_dictionary_page_size_limit(64 << 20).build())
}

/// Many columns of many different texts.
fn different_texts() -> Bytes {
    let names: Vec<String> = (0..500).map(|n| format!("c{n}")).collect();
    let texts = (0..2_000).map(|n| format!("{n:050}"));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    written(names.iter().map(|name| (name.as_str(), Arc::clone(&column))), properties().build())
}

/// Texts of 64 KiB of which each is told as the one before.
fn texts_alike() -> Bytes {
    let text = "x".repeat(64 << 10);
    let column: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 4_096]));
    let alike = properties()
        .set_dictionary_enabled(false)
        .set_encoding(parquet::basic::Encoding::DELTA_BYTE_ARRAY);
    written([("alike", column)], alike.build())
}

/// A batch in one piece, packed.
fn arrow(column: ArrayRef) -> Bytes {
    let batch = RecordBatch::try_from_iter([("one", column)]).unwrap();
    let options = arrow_ipc::writer::IpcWriteOptions::default()
        .try_with_compression(Some(arrow_ipc::CompressionType::ZSTD))
        .unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options)
            .unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into()
}

/// A batch of zeros that unpacks to 256 MiB.
fn packed_arrow() -> Bytes {
    arrow(Arc::new(Int64Array::from(vec![0; 32 << 20])))
}

/// A batch with rows of 4 MiB.
fn wide_arrow() -> Bytes {
    let text = "x".repeat(4 << 20);
    arrow(Arc::new(StringArray::from_iter_values((0..60).map(|_| text.as_str()))))
}

/// A great many columns.
fn many_columns() -> Bytes {
    let names: Vec<String> = (0..4_000).map(|n| format!("c{n}")).collect();
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    written(names.iter().map(|name| (name.as_str(), Arc::clone(&column))), properties().build())
}

/// Lines of JSON, each with a column of its own that has a long name.
fn long_names() -> Bytes {
    let line = |n| format!("{{\"{n}{}\":1}}\n", "x".repeat(1 << 20));
    (0..300).map(line).collect::<String>().into()
}

fn files() -> Scratch<'static> {
    Scratch::new(&tempfile::tempfile, 4 << 30)
}

/// Says to a process of this test which case it is, and where its file is.
const CASE: &str = "DSP_TEST_MEMORY_CASE";
const FILE: &str = "DSP_TEST_MEMORY_FILE";

type Make = fn() -> Bytes;
type Run = fn(Arc<dyn Source>) -> Result<(), TableError>;

fn of_table(
    source: Arc<dyn Source>,
    run: impl FnOnce(&Table) -> Result<(), TableError>,
) -> Result<(), TableError> {
    run(&Table::open(source)?)
}

fn page(source: Arc<dyn Source>) -> Result<(), TableError> {
    let all = PageRequest { offset: 0, limit: 1_000, columns: None };
    of_table(source, |table| table.page(&all).map(drop))
}

fn stats(source: Arc<dyn Source>) -> Result<(), TableError> {
    of_table(source, |table| table.stats().map(drop))
}

fn csv(source: Arc<dyn Source>) -> Result<(), TableError> {
    of_table(source, |table| table.to_csv(std::io::sink(), files()).map(drop))
}

fn sorted(source: Arc<dyn Source>) -> Result<(), TableError> {
    let by = Order { column: "wide".to_owned(), descending: false };
    of_table(source, |table| table.select(&[by], &[]).map(drop))
}

fn of_json(source: Arc<dyn Source>) -> Result<(), TableError> {
    to_parquet(&source, Format::JsonLines, None, std::io::sink(), files())
}

fn of_csv(source: Arc<dyn Source>) -> Result<(), TableError> {
    to_parquet(&source, Format::Csv, None, std::io::sink(), files())
}

fn of_arrow(source: Arc<dyn Source>) -> Result<(), TableError> {
    to_parquet(&source, Format::ArrowStream, None, std::io::sink(), files())
}

fn json_line(items: usize) -> Bytes {
    format!("{{\"a\":[{}1]}}\n", "1,".repeat(items)).into()
}

/// What is tried, and what it may cost in MiB.
const CASES: [(&str, u64, Make, Run); 19] = [
    ("a page of wide rows", ROWS, wide_rows, page),
    ("a page of some wide rows", ROWS, some_wide_rows, page),
    ("the statistics of wide rows", WHOLE, wide_rows, stats),
    ("sorting wide rows", WHOLE, wide_rows, sorted),
    ("a page of long lists", ROWS, long_lists, page),
    ("a CSV of long lists", WHOLE, long_lists, csv),
    ("a page of texts that repeat", ROWS, repeated_texts, page),
    ("a CSV of texts that repeat", WHOLE, repeated_texts, csv),
    ("the statistics of many texts", WHOLE, different_texts, stats),
    ("a CSV of many texts", WHOLE, different_texts, csv),
    ("a page of texts that are alike", ROWS, texts_alike, page),
    ("the statistics of texts that are alike", WHOLE, texts_alike, stats),
    ("a long line of JSON", WHOLE, || json_line(900_000), of_json),
    ("a longer line of JSON", WHOLE, || json_line(5_000_000), of_json),
    ("long lines of CSV", WHOLE, || format!("a,b\n1,{}\n", "x".repeat(7 << 20)).into(), of_csv),
    ("Arrow that unpacks to much", WHOLE, packed_arrow, of_arrow),
    ("Arrow of wide rows", WHOLE, wide_arrow, of_arrow),
    ("a CSV of many columns", WHOLE, many_columns, csv),
    ("long names in JSON", WHOLE, long_names, of_json),
];

#[test]
fn what_is_hostile_costs_little_memory() {
    if let (Ok(case), Some(file)) = (std::env::var(CASE), std::env::var_os(FILE)) {
        let (.., run) = CASES[case.parse::<usize>().unwrap()];
        let file = std::fs::File::open(file).unwrap();
        let before = of_process("VmHWM:").unwrap();
        let done = run(Arc::new(file));
        let cost = of_process("VmHWM:").unwrap() - before;
        let how = done.map_or_else(|error| format!("refused: {error}"), |()| "read".to_owned());
        println!("cost={} {how}", cost / 1024);
        return;
    }
    if of_process("VmHWM:").is_none() {
        println!("SKIPPED: this system does not tell how much memory a process takes");
        return;
    }
    let folder = std::env::temp_dir().join(format!("dsp-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut dear = Vec::new();
    for (at, (what, most, make, _)) in CASES.iter().enumerate() {
        let file = folder.join(at.to_string());
        std::fs::write(&file, make()).unwrap();
        // A process of its own: what another case took and gave back would not be counted.
        let told = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_is_hostile_costs_little_memory", "--nocapture"])
            .env(CASE, at.to_string())
            .env(FILE, &file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let cost = text.split("cost=").nth(1).and_then(|rest| rest.lines().next());
        println!("{what}: {} MiB", cost.unwrap_or("unknown"));
        let mib = cost.and_then(|cost| cost.split(' ').next()?.parse::<u64>().ok());
        if mib.is_none_or(|mib| mib > *most) {
            dear.push(format!("{what}: {mib:?} MiB, at most {most}; {text}"));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(dear, Vec::<String>::new());
}

/// A file whose lengths reach over all of it: nothing of that size is read.
#[test]
fn lengths_that_lie_are_not_read() {
    struct Large(Bytes, u64);
    impl Source for Large {
        fn size(&self) -> u64 {
            self.1
        }
        fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
            assert!(length as u64 <= 64 * MIB, "{length} bytes are read at once");
            let tail = self.1 - self.0.len() as u64;
            match offset.checked_sub(tail) {
                Some(at) => self.0.read_at(at, length),
                None => Ok(Bytes::from(vec![0; length])),
            }
        }
    }
    let footer = |length: u32| [&[0; 64][..], &length.to_le_bytes(), b"PAR1"].concat();
    for length in [u32::MAX, 1 << 30, 32 << 20] {
        let large: Arc<dyn Source> = Arc::new(Large(footer(length).into(), 8 << 30));
        assert!(matches!(Table::open(Arc::clone(&large)), Err(TableError::TooLarge { .. })));
        assert!(glance(&large, Format::Parquet, None).is_err());
    }
}
