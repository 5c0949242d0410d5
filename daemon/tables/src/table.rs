//! Tables in Parquet, read in pages.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetStatisticsPolicy};
use serde_json::Value;

use crate::TableError;
use crate::limits::{FOOTER_BYTES, PAGE_BYTES, PAGE_ROWS};
use crate::pages::Guarded;
use crate::schema::{Column, columns, views};
use crate::source::Source;
use crate::value::{Spent, json};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 256;
/// What ends a Parquet file: the length of the footer, and four letters.
const TAIL_BYTES: u64 = 8;

/// A Parquet file, of which the footer is read.
pub struct Table {
    guarded: Guarded,
    metadata: ArrowReaderMetadata,
    original: SchemaRef,
    columns: Vec<Column>,
    rows: u64,
}

/// Which part of a table is asked for.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// The first row, from 0.
    pub offset: u64,
    /// Most rows; no more than [`PAGE_ROWS`] come.
    pub limit: u64,
    /// The names of the columns that are wanted, in any order; all when absent.
    pub columns: Option<Vec<String>>,
}

/// Some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The columns, in the order of the file.
    pub columns: Vec<Column>,
    /// The first row.
    pub offset: u64,
    /// The rows, each with a value for each column. There may be fewer than asked for.
    pub rows: Vec<Vec<Value>>,
    /// Cells that are not told whole, as row and column of this page.
    pub cut: Vec<(usize, usize)>,
    /// How many rows the table has.
    pub total: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("columns", &self.columns).field("rows", &self.rows).finish()
    }
}

/// Returns how the footer is read: without what nobody asks of it, which takes memory.
pub(crate) fn footer_options() -> ArrowReaderOptions {
    ArrowReaderOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
}

/// Finds the footer of a Parquet file: where it is, and how long in bytes.
///
/// # Errors
/// There is none, it is longer than `limit`, or encrypted.
pub(crate) fn footer(source: &dyn Source, limit: u64) -> Result<(u64, usize), TableError> {
    let size = source.size();
    if size < TAIL_BYTES {
        return Err(TableError::parquet(format!("it has {size} bytes")));
    }
    let tail = source.read_at(size - TAIL_BYTES, TAIL_BYTES as usize)?;
    if &tail[4..] == b"PARE" {
        return Err(TableError::Unsupported("the Parquet file is encrypted".into()));
    }
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    if &tail[4..] != b"PAR1" || u64::from(length) > size - TAIL_BYTES {
        return Err(TableError::parquet("its footer is not where it has to be"));
    }
    if u64::from(length) > limit {
        let what = "the footer of the Parquet file".into();
        return Err(TableError::TooLarge { what, size: length.into(), limit });
    }
    Ok((size - TAIL_BYTES - u64::from(length), length as usize))
}

/// Runs what reads bytes that others wrote: should the reader panic at them, it is an error.
pub(crate) fn bounded<T>(
    format: &'static str,
    read: impl FnOnce() -> Result<T, TableError>,
) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let why = text.unwrap_or("it cannot be read").to_owned();
        Err(TableError::Malformed { format, why })
    })
}

impl Table {
    /// Reads the footer of a Parquet file.
    ///
    /// # Errors
    /// It is none, it is damaged, or it has more columns than are read.
    pub fn open(source: Arc<dyn Source>) -> Result<Table, TableError> {
        bounded("Parquet", || Table::opened(source))
    }

    fn opened(source: Arc<dyn Source>) -> Result<Table, TableError> {
        let size = source.size();
        footer(source.as_ref(), FOOTER_BYTES)?;
        let guarded = Guarded::new(source);
        let options = footer_options();
        let indexed = options.clone().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&guarded, indexed)
            // An index that is wrong is passed over: the pages tell the same.
            .or_else(|_| ArrowReaderMetadata::load(&guarded, options))
            .map_err(TableError::parquet)?;
        check_groups(&metadata, size)?;
        let columns = columns(metadata.schema())?;
        let rows = total(&metadata)?;
        // The types to read with are taken where the file permits; else its own are.
        let original = Arc::clone(metadata.schema());
        let viewed = ArrowReaderOptions::new().with_schema(views(&original).into());
        let viewed = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), viewed);
        let metadata = viewed.unwrap_or(metadata);
        Ok(Table { guarded, metadata, original, columns, rows })
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns how many rows there are, as the file says.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads some rows.
    ///
    /// # Errors
    /// There is no such row or column, or the file is damaged there.
    pub fn page(&self, request: &PageRequest) -> Result<Page, TableError> {
        let picked = self.pick(request.columns.as_deref())?;
        let limit = request.limit.min(PAGE_ROWS);
        if request.offset > self.rows {
            return Err(TableError::NoRow { offset: request.offset, rows: self.rows });
        }
        let end = self.rows.min(request.offset.saturating_add(limit));
        let mut page = Page {
            columns: picked.iter().map(|at| self.columns[*at].clone()).collect(),
            offset: request.offset,
            rows: Vec::new(),
            cut: Vec::new(),
            total: self.rows,
        };
        let mut spent = Spent::default();
        bounded("Parquet", || {
            for batch in self.batches(request.offset..end, &picked, BATCH_ROWS)? {
                if !fill(&mut page, &batch.map_err(TableError::parquet)?, &mut spent)? {
                    return Ok(());
                }
            }
            let expected = end - request.offset;
            match page.rows.len() as u64 == expected {
                true => Ok(()),
                false => Err(TableError::parquet(format!(
                    "it says that it has {} rows, and ends at row {}",
                    self.rows,
                    request.offset + page.rows.len() as u64,
                ))),
            }
        })?;
        Ok(page)
    }

    /// Returns where the named columns are, in the order of the file.
    pub(crate) fn pick(&self, names: Option<&[String]>) -> Result<Vec<usize>, TableError> {
        let Some(names) = names else { return Ok((0..self.columns.len()).collect()) };
        if let Some(name) = names.iter().find(|n| !self.columns.iter().any(|c| c.name == **n)) {
            return Err(TableError::NoColumn { name: name.clone() });
        }
        let wanted = self.columns.iter().enumerate();
        Ok(wanted.filter(|(_, column)| names.contains(&column.name)).map(|(at, _)| at).collect())
    }

    /// Returns the schema that its author wrote, in which the others are told.
    pub(crate) fn original(&self) -> &SchemaRef {
        &self.original
    }

    /// Returns the program that wrote the file, as it calls itself.
    pub(crate) fn writer(&self) -> &str {
        self.metadata.metadata().file_metadata().created_by().unwrap_or_default()
    }

    /// Returns the notes in the footer that are texts.
    pub(crate) fn notes(&self) -> impl Iterator<Item = (&str, &str)> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata();
        fn pair(note: &KeyValue) -> Option<(&str, &str)> {
            Some((&note.key, note.value.as_deref()?))
        }
        notes.into_iter().flatten().filter_map(pair)
    }

    /// Decodes all rows of a column as its author wrote it, as a dictionary.
    pub(crate) fn dictionaries(
        &self,
        column: usize,
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        let written = Arc::clone(self.metadata.metadata());
        let written = ArrowReaderMetadata::try_new(written, ArrowReaderOptions::new());
        let written = written.map_err(TableError::parquet)?;
        self.decode(&written, 0..self.rows, &[column], batch_rows, None)
    }

    /// Decodes rows of some columns; none where the range is empty.
    pub(crate) fn batches(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        self.decode(&self.metadata, rows, columns, batch_rows, None)
    }

    /// Decodes those of some rows that a selection, which begins with the first of them, picks.
    pub(crate) fn selected(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        selection: RowSelection,
    ) -> Result<Batches, TableError> {
        self.decode(&self.metadata, rows, columns, BATCH_ROWS, Some(selection))
    }

    fn decode(
        &self,
        read_as: &ArrowReaderMetadata,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
        selection: Option<RowSelection>,
    ) -> Result<Batches, TableError> {
        let metadata = read_as.metadata();
        let mut groups = Vec::new();
        let (mut before, mut skip) = (0, 0);
        for (at, group) in metadata.row_groups().iter().enumerate() {
            let after = before + group.num_rows() as u64;
            if after > rows.start && before < rows.end {
                if groups.is_empty() {
                    skip = rows.start - before;
                }
                groups.push(at);
            }
            before = after;
        }
        let count = rows.end.saturating_sub(rows.start);
        if groups.is_empty() || columns.is_empty() {
            return Ok(Batches(None));
        }
        let guarded = self.guarded.for_groups(metadata, &groups);
        let mask = ProjectionMask::roots(read_as.parquet_schema(), columns.iter().copied());
        let (skip, count) = (usize::try_from(skip), usize::try_from(count));
        let too_many = |_| TableError::parquet("it says that it has more rows than there can be");
        let (skip, count) = (skip.map_err(too_many)?, count.map_err(too_many)?);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(guarded, read_as.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(batch_rows);
        let builder = match selection {
            None => builder.with_offset(skip).with_limit(count),
            Some(selection) => {
                let mut selectors = vec![RowSelector::skip(skip)];
                selectors.extend::<Vec<RowSelector>>(selection.into());
                builder.with_row_selection(selectors.into())
            }
        };
        let reader = builder.build().map_err(TableError::parquet)?;
        Ok(Batches(Some(reader)))
    }
}

/// Decoded rows.
pub(crate) struct Batches(Option<ParquetRecordBatchReader>);

impl Iterator for Batches {
    type Item = Result<RecordBatch, arrow_schema::ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.next()
    }
}

/// Adds rows to a page; returns whether there was room for all.
pub(crate) fn fill(
    page: &mut Page,
    batch: &RecordBatch,
    spent: &mut Spent,
) -> Result<bool, TableError> {
    for row in 0..batch.num_rows() {
        if spent.bytes > PAGE_BYTES && !page.rows.is_empty() {
            return Ok(false);
        }
        let mut cells = Vec::with_capacity(batch.num_columns());
        for (at, column) in batch.columns().iter().enumerate() {
            spent.cut = false;
            cells.push(json(column.as_ref(), row, spent)?);
            if spent.cut {
                page.cut.push((page.rows.len(), at));
            }
        }
        page.rows.push(cells);
    }
    Ok(true)
}

/// Makes sure that what a footer says of its row groups can be.
fn check_groups(metadata: &ArrowReaderMetadata, size: u64) -> Result<(), TableError> {
    for (at, group) in metadata.metadata().row_groups().iter().enumerate() {
        if group.num_rows() < 0 {
            return Err(TableError::parquet(format!("row group {at} has a negative length")));
        }
        for chunk in group.columns() {
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let length = chunk.compressed_size();
            let end = u64::try_from(start).ok().zip(u64::try_from(length).ok());
            let end = end.and_then(|(start, length)| start.checked_add(length));
            if end.is_none_or(|end| end > size) {
                let name = chunk.column_path();
                return Err(TableError::parquet(format!(
                    "column {name} of row group {at} lies outside of the file"
                )));
            }
        }
    }
    Ok(())
}

fn total(metadata: &ArrowReaderMetadata) -> Result<u64, TableError> {
    let groups = metadata.metadata().row_groups().iter();
    let total = groups.map(|group| group.num_rows()).try_fold(0i64, i64::checked_add);
    let total = total.and_then(|total| u64::try_from(total).ok());
    total.ok_or_else(|| TableError::parquet("its row groups have more rows than there can be"))
}
