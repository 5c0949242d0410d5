//! The columns of a file at a glance: from its footer or its beginning, without reading the rest.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaDataReader;

use crate::csv::{Guesses, Record, Records};
use crate::limits::{FOOTER_BYTES, GLANCE_BYTES, GLANCE_ROWS};
use crate::note::Note;
use crate::pages::Guarded;
use crate::schema::{Column, columns, of_types};
use crate::source::Source;
use crate::table::{bounded, footer, footer_options, load};
use crate::{Format, TableError, ipc, jsonl};

/// Returns the columns of a file as far as they are seen at once.
///
/// Of Parquet and Arrow they are all there, with their types. A text is looked at as far as its
/// first [`GLANCE_BYTES`] and [`GLANCE_ROWS`] go: a column of JSON lines that comes later is not
/// seen, and a type is that of these rows. A CSV with a note has the types of the note.
///
/// # Errors
/// It is damaged as far as it is looked at, or has more columns than are read.
pub fn glance(
    source: &Arc<dyn Source>,
    format: Format,
    note: Option<&Note>,
) -> Result<Vec<Column>, TableError> {
    match format {
        Format::Parquet => bounded("Parquet", || parquet(source)),
        Format::ArrowFile => bounded("Arrow", || columns(&*ipc::file_schema(source)?)),
        Format::ArrowStream => bounded("Arrow", || columns(&*ipc::stream_schema(source)?)),
        Format::Csv => bounded("CSV", || csv(source, None, note)),
        Format::Tsv => bounded("TSV", || csv(source, Some(b'\t'), note)),
        Format::JsonLines => bounded("JSON lines", || {
            let (head, cut) = Head::of(source);
            of_types(jsonl::glance(&head, cut)?)
        }),
    }
}

fn parquet(source: &Arc<dyn Source>) -> Result<Vec<Column>, TableError> {
    let bytes = footer(source.as_ref(), FOOTER_BYTES)?;
    if bytes.len() as u64 <= GLANCE_BYTES {
        let guarded = Guarded::new(Arc::clone(source));
        return columns(load(&guarded, [footer_options()])?.schema());
    }
    // Of a long one, which tells of many row groups, the types alone: as they are stored.
    let schema = ParquetMetaDataReader::decode_schema(&bytes).map_err(TableError::parquet)?;
    columns(&parquet_to_arrow_schema(&schema, None).map_err(TableError::parquet)?)
}

fn csv(
    source: &Arc<dyn Source>,
    delimiter: Option<u8>,
    note: Option<&Note>,
) -> Result<Vec<Column>, TableError> {
    let (head, cut) = Head::of(source);
    let mut records = Records::new(&head, note.map(|note| note.delimiter).or(delimiter))?;
    let names = records.header()?;
    if let Some(note) = note {
        return match note.columns.len() == names.len() {
            true => columns(&note.schema()),
            false => Err(TableError::Malformed {
                format: "CSV",
                why: "its note tells of other columns than it has".into(),
            }),
        };
    }
    let mut guesses = Guesses::of(names.len());
    let mut record = Record::default();
    for _ in 0..GLANCE_ROWS {
        match records.row(&mut record, names.len()) {
            Ok(true) => {}
            Ok(false) => break,
            // What was cut in two is no fault of the file.
            Err(_) if cut => break,
            Err(error) => return Err(error),
        }
        if cut && records.is_at_end()? {
            break;
        }
        guesses.see(&record);
    }
    of_types(names.into_iter().zip(guesses.settle().0).collect())
}

/// The beginning of a source.
struct Head {
    source: Arc<dyn Source>,
    size: u64,
}

impl Head {
    /// Returns the beginning of a source, and whether there is more.
    fn of(source: &Arc<dyn Source>) -> (Arc<dyn Source>, bool) {
        let size = source.size().min(GLANCE_BYTES);
        let head = Head { source: Arc::clone(source), size };
        (Arc::new(head), size < source.size())
    }
}

impl Source for Head {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.size => self.source.read_at(offset, length),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
