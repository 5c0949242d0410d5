//! Files of other formats turned into Parquet: packed with zstd, in row groups of 65 536 rows,
//! with an index of the pages, as the clients write.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::csv::{Guesses, Quotes, Record, Records};
use crate::csv_out::levels::{Dictionaries, KEY, Levels};
use crate::format::Format;
use crate::infer::{Builder, Type};
use crate::limits::{BATCH, CONVERTED_BYTES, GROUP_ROWS};
use crate::note::Note;
use crate::schema::columns;
use crate::scratch::Scratch;
use crate::source::Source;
use crate::table::bounded;
use crate::{TableError, ipc, jsonl, noted};

/// Turns a file into Parquet; a CSV or TSV that has a note with the types that the note says. Packed
/// batches of Arrow that do not fit into memory are unpacked into files of `scratch`.
///
/// # Errors
/// It is larger than [`CONVERTED_BYTES`], or damaged, or does not fit its note, or cannot be
/// written.
pub fn to_parquet(
    source: &Arc<dyn Source>,
    format: Format,
    note: Option<&Note>,
    out: impl Write + Send,
    scratch: Scratch<'_>,
) -> Result<(), TableError> {
    let size = source.size();
    if size > CONVERTED_BYTES {
        let what = "the size of the file in bytes".into();
        return Err(TableError::TooLarge { what, size, limit: CONVERTED_BYTES });
    }
    if let (Format::Csv | Format::Tsv, Some(note)) = (format, note) {
        return bounded("CSV", || noted::to_parquet(source, note, out));
    }
    match format {
        Format::Csv => bounded("CSV", || csv(source, None, out)),
        Format::Tsv => bounded("TSV", || csv(source, Some(b'\t'), out)),
        Format::JsonLines => bounded("JSON lines", || jsonl::to_parquet(source, out)),
        Format::ArrowFile => bounded("Arrow", || ipc::file_to_parquet(source, out, scratch)),
        Format::ArrowStream => bounded("Arrow", || ipc::stream_to_parquet(source, out, scratch)),
        Format::Parquet => {
            Err(TableError::Unsupported("the file is in Parquet already".to_owned()))
        }
    }
}

/// Parquet as it is written.
pub(crate) struct Sink<W: Write + Send> {
    writer: ArrowWriter<W>,
    dictionaries: Vec<Dictionaries>,
}

impl<W: Write + Send> Sink<W> {
    pub(crate) fn new(out: W, schema: SchemaRef) -> Result<Sink<W>, TableError> {
        columns(&schema)?;
        let level = ZstdLevel::try_new(1).map_err(TableError::parquet)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Page)
            .build();
        let dictionaries = Dictionaries::of(&schema);
        let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(unwritten)?;
        Ok(Sink { writer, dictionaries })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        for dictionary in &mut self.dictionaries {
            dictionary.look(batch.column(dictionary.column));
        }
        Dictionaries::bound(&mut self.dictionaries);
        self.writer.write(batch).map_err(unwritten)?;
        // Wide rows make a row group before there are many.
        if self.writer.in_progress_size() > BATCH.1 * 4 {
            self.writer.flush().map_err(unwritten)?;
        }
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<(), TableError> {
        let levels = self.dictionaries.into_iter();
        let levels: Vec<Levels> = levels.filter_map(Dictionaries::levels).collect();
        if !levels.is_empty() {
            let text = serde_json::to_string(&levels).map_err(std::io::Error::from)?;
            self.writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), text));
        }
        self.writer.close().map(drop).map_err(unwritten)
    }
}

fn unwritten(error: parquet::errors::ParquetError) -> TableError {
    match error {
        parquet::errors::ParquetError::External(error) => match error.downcast() {
            Ok(error) => TableError::Io(*error),
            Err(error) => TableError::Io(std::io::Error::other(error)),
        },
        parquet::errors::ParquetError::NYI(what) => {
            TableError::Unsupported(format!("the table cannot be paged: {what}"))
        }
        other => TableError::Io(std::io::Error::other(other)),
    }
}

/// Columns of text as they are gathered into batches.
pub(crate) struct Gathering<W: Write + Send> {
    sink: Sink<W>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Gathering<W> {
    pub(crate) fn new(
        out: W,
        names: impl IntoIterator<Item = String>,
        types: &[Type],
    ) -> Result<Gathering<W>, TableError> {
        let fields =
            names.into_iter().zip(types).map(|(name, of)| Field::new(name, of.arrow(), true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let sink = Sink::new(out, Arc::clone(&schema))?;
        let builders = types.iter().map(|of| of.builder()).collect();
        Ok(Gathering { sink, schema, builders, rows: 0, bytes: 0 })
    }

    /// Adds a value to a column; a row has one for each.
    pub(crate) fn add(&mut self, column: usize, text: &str, quoted: bool) {
        self.builders[column].add(text, quoted);
    }

    /// Ends a row of so many bytes.
    pub(crate) fn end_row(&mut self, bytes: usize) -> Result<(), TableError> {
        self.rows += 1;
        self.bytes += bytes;
        match self.rows >= BATCH.0 || self.bytes >= BATCH.1 {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&mut self) -> Result<(), TableError> {
        let columns: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        self.sink.write(&batch.map_err(TableError::arrow)?)
    }

    pub(crate) fn end(mut self) -> Result<(), TableError> {
        self.write()?;
        self.sink.end()
    }
}

fn csv(
    source: &Arc<dyn Source>,
    delimiter: Option<u8>,
    out: impl Write + Send,
) -> Result<(), TableError> {
    let mut records = Records::new(source, delimiter)?;
    let names = records.header()?;
    let mut guesses = Guesses::of(names.len());
    let mut record = Record::default();
    while records.row(&mut record, names.len())? {
        guesses.see(&record);
    }
    let (types, quotes) = guesses.settle();
    let mut records = Records::new(source, delimiter)?;
    let names = records.header()?;
    let columns = names.len();
    let mut gathering = Gathering::new(out, names, &types)?;
    while records.row(&mut record, columns)? {
        for (at, of) in types.iter().enumerate() {
            let (text, quoted) = record.field(at);
            gathering.add(at, text, quoted && (quotes == Quotes::Tell || *of == Type::Text));
        }
        gathering.end_row(record.bytes())?;
    }
    gathering.end()
}
