//! Tables in Parquet, read in pages.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::basic::Type;
use parquet::column::page::PageReader as _;
use parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetStatisticsPolicy,
};
use parquet::file::serialized_reader::SerializedPageReader;
use serde_json::Value;

use crate::limits::{
    FOOTER_BYTES, FOOTER_MEMORY_BYTES, PAGE_BYTES, PAGE_ROWS, ROWS_BYTES, WHOLE_BYTES,
};
use crate::pages::{Guarded, value_bytes};
use crate::schema::{Column, columns, views};
use crate::source::Source;
use crate::value::{Spent, json};
use crate::{TableError, deltas, footer};

/// Rows that are decoded at a time, and fewer where these would take too much memory.
pub(crate) const BATCH_ROWS: [usize; 3] = [256, 16, 1];
/// What a page of a column takes as most programs write it, with what it is unpacked from.
const PAGE_OF_COLUMN_BYTES: u64 = 3 << 19;
/// What the reader of a column takes beside its pages, with what unpacks them.
const READER_BYTES: u64 = 160 << 10;
/// What ends a Parquet file: the length of the footer, and four letters.
const TAIL_BYTES: u64 = 8;

/// A Parquet file, of which the footer is read.
pub struct Table {
    guarded: Guarded,
    metadata: ArrowReaderMetadata,
    original: SchemaRef,
    columns: Vec<Column>,
    rows: u64,
    /// How many times as long as a page its values are, of the columns of a row group that may be
    /// written as deltas, as far as they were looked at.
    deltas: Mutex<HashMap<(usize, usize), u64>>,
}

/// Which rows of some row groups are decoded.
enum Pick {
    /// So many of the first are passed over, and so many come.
    Rows(usize, usize),
    Selected(RowSelection),
}

/// Which part of a table is asked for.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// The first row, from 0.
    pub offset: u64,
    /// Most rows; no more than [`PAGE_ROWS`] come.
    pub limit: u64,
    /// The names of the columns that are wanted, in any order; all when absent, and with none the
    /// rows have no cells.
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

/// Reads what a footer says with the options that are tried in turn.
///
/// Types of the author that are none here, as whole numbers of 128 bits, are passed over: the
/// values are told as they are stored.
pub(crate) fn load(
    guarded: &Guarded,
    options: impl IntoIterator<Item = ArrowReaderOptions>,
) -> Result<ArrowReaderMetadata, TableError> {
    let load = |options| ArrowReaderMetadata::load(guarded, options);
    let stored = footer_options().with_skip_arrow_metadata(true);
    let mut first = None;
    for options in options.into_iter().chain([stored]) {
        match load(options) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.map_or_else(|| TableError::parquet("nothing reads it"), TableError::parquet))
}

/// Reads the footer of a Parquet file, whose columns can be.
///
/// # Errors
/// There is none, it is longer than `limit`, or encrypted.
pub(crate) fn footer(source: &dyn Source, limit: u64) -> Result<Bytes, TableError> {
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
    let bytes = source.read_at(size - TAIL_BYTES - u64::from(length), length as usize)?;
    footer::check(&bytes)?;
    Ok(bytes)
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
        // An index that is wrong is passed over: the pages tell the same.
        let metadata = load(&guarded, [indexed, options])?;
        let taken = metadata.metadata().memory_size() as u64;
        if taken > FOOTER_MEMORY_BYTES {
            let (what, limit) = ("the footer, once read, in bytes,".into(), FOOTER_MEMORY_BYTES);
            return Err(TableError::TooLarge { what, size: taken, limit });
        }
        check_groups(&metadata, size)?;
        let columns = columns(metadata.schema())?;
        let rows = total(&metadata)?;
        let original = Arc::clone(metadata.schema());
        let metadata = viewed(metadata)?;
        Ok(Table { guarded, metadata, original, columns, rows, deltas: Mutex::default() })
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns how many rows there are, as the file says.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns about how many bytes it takes while it is open.
    pub fn memory_bytes(&self) -> usize {
        self.metadata.metadata().memory_size()
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
        let rows = request.offset..end;
        let page = bounded("Parquet", || {
            let groups = self.together(&picked, ROWS_BYTES);
            let room = PAGE_BYTES / groups.len().max(1);
            let mut pages = groups.into_iter().map(|some| self.part(rows.clone(), some, room));
            let first = pages.next().unwrap_or_else(|| self.part(rows.clone(), &[], room))?;
            pages.try_fold(first, |page, more| Ok(page.beside(more?)))
        })?;
        Ok(Page { total: self.rows, ..page })
    }

    /// Reads rows of some columns, which take about so many bytes: of fewer columns or rows at a
    /// time, where they would take too much memory together.
    fn part(&self, rows: Range<u64>, columns: &[usize], room: usize) -> Result<Page, TableError> {
        let mut told = Err(TableError::parquet("it has no rows"));
        for batch_rows in BATCH_ROWS {
            told = self.rows_of(rows.clone(), columns, batch_rows, room);
            if !matches!(told, Err(TableError::TooLarge { .. })) {
                return told;
            }
        }
        if columns.len() < 2 {
            return told;
        }
        let (left, right) = columns.split_at(columns.len() / 2);
        Ok(self.part(rows.clone(), left, room / 2)?.beside(self.part(rows, right, room / 2)?))
    }

    fn rows_of(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
        room: usize,
    ) -> Result<Page, TableError> {
        let mut page = self.empty_page(columns, rows.start);
        if columns.is_empty() {
            // Rows without cells: there is nothing to decode that would count them.
            page.rows = rows.map(|_| Vec::new()).collect();
            return Ok(page);
        }
        let mut spent = Spent::within(room);
        for batch in self.some(rows.clone(), columns, batch_rows)? {
            if !fill(&mut page, &batch?, &mut spent)? {
                return Ok(page);
            }
        }
        let expected = rows.end - rows.start;
        match page.rows.len() as u64 == expected {
            true => Ok(page),
            false => Err(TableError::parquet(format!(
                "it says that it has {} rows, and ends at row {}",
                self.rows,
                rows.start + page.rows.len() as u64,
            ))),
        }
    }

    /// Begins a page of some columns.
    pub(crate) fn empty_page(&self, columns: &[usize], offset: u64) -> Page {
        Page {
            columns: columns.iter().map(|at| self.columns[*at].clone()).collect(),
            offset,
            rows: Vec::new(),
            cut: Vec::new(),
            total: 0,
        }
    }

    /// Parts columns, which are in the order of the file, into such that fit into so many bytes
    /// together, as far as the footer tells.
    pub(crate) fn together<'a>(&self, columns: &'a [usize], limit: u64) -> Vec<&'a [usize]> {
        let metadata = self.metadata.metadata();
        let described = metadata.file_metadata().schema_descr();
        let mut bytes = vec![0u64; self.columns.len()];
        for group in metadata.row_groups() {
            let mut here = vec![0u64; bytes.len()];
            for (leaf, chunk) in group.columns().iter().enumerate() {
                let size = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
                if let Some(sum) = here.get_mut(described.get_column_root_idx(leaf)) {
                    *sum += size.min(PAGE_OF_COLUMN_BYTES);
                }
            }
            bytes.iter_mut().zip(here).for_each(|(most, here)| *most = here.max(*most));
        }
        let (mut parts, mut start, mut sum) = (Vec::new(), 0, 0);
        for (at, column) in columns.iter().enumerate() {
            let pages = bytes.get(*column).copied().unwrap_or_default();
            let more = pages.saturating_add(READER_BYTES);
            if sum + more > limit / 2 && at > start {
                parts.push(&columns[start..at]);
                (start, sum) = (at, 0);
            }
            sum += more;
        }
        if start < columns.len() {
            parts.push(&columns[start..]);
        }
        parts
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
        self.decode(&written, 0..self.rows, &[column], batch_rows, WHOLE_BYTES, None)
    }

    /// Returns what the footer says, without statistics.
    pub(crate) fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    /// Returns what reads the footer once more.
    pub(crate) fn guarded(&self) -> &Guarded {
        &self.guarded
    }

    /// Decodes those rows of some row groups that a selection of all of these picks.
    pub(crate) fn picked(
        &self,
        groups: &[usize],
        columns: &[usize],
        batch_rows: usize,
        selection: RowSelection,
    ) -> Result<Batches, TableError> {
        let of = (groups.to_vec(), columns);
        self.decode_groups(&self.metadata, of, batch_rows, WHOLE_BYTES, Pick::Selected(selection))
    }

    /// Decodes rows of some columns; none where the range is empty.
    pub(crate) fn batches(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        self.decode(&self.metadata, rows, columns, batch_rows, WHOLE_BYTES, None)
    }

    /// Decodes some rows, of which a page is made.
    pub(crate) fn some(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        self.decode(&self.metadata, rows, columns, batch_rows, ROWS_BYTES, None)
    }

    /// Decodes rows by their numbers, which are in the order of the file.
    pub(crate) fn numbered(
        &self,
        numbers: &[u32],
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        let first = numbers.first().copied().map_or(0, u64::from);
        let mut selectors = Vec::with_capacity(numbers.len() * 2);
        let mut at = first;
        for number in numbers {
            selectors.push(RowSelector::skip((u64::from(*number) - at) as usize));
            selectors.push(RowSelector::select(1));
            at = u64::from(*number) + 1;
        }
        self.selected(first..at, columns, batch_rows, selectors.into())
    }

    /// Decodes those of some rows that a selection, which begins with the first of them, picks.
    fn selected(
        &self,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
        selection: RowSelection,
    ) -> Result<Batches, TableError> {
        self.decode(&self.metadata, rows, columns, batch_rows, ROWS_BYTES, Some(selection))
    }

    fn decode(
        &self,
        read_as: &ArrowReaderMetadata,
        rows: Range<u64>,
        columns: &[usize],
        batch_rows: usize,
        limit: u64,
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
        let (skip, count) =
            (usize::try_from(skip), usize::try_from(rows.end.saturating_sub(rows.start)));
        let too_many = |_| TableError::parquet("it says that it has more rows than there can be");
        let (skip, count) = (skip.map_err(too_many)?, count.map_err(too_many)?);
        let pick = match selection {
            None => Pick::Rows(skip, count),
            Some(selection) => {
                let mut selectors = vec![RowSelector::skip(skip)];
                selectors.extend::<Vec<RowSelector>>(selection.into());
                Pick::Selected(selectors.into())
            }
        };
        self.decode_groups(read_as, (groups, columns), batch_rows, limit, pick)
    }

    fn decode_groups(
        &self,
        read_as: &ArrowReaderMetadata,
        (groups, columns): (Vec<usize>, &[usize]),
        batch_rows: usize,
        limit: u64,
        pick: Pick,
    ) -> Result<Batches, TableError> {
        let metadata = read_as.metadata();
        if groups.is_empty() || columns.is_empty() {
            return Ok(Batches { reader: None, guarded: self.guarded.clone() });
        }
        let deltas = self.deltas(metadata, &groups, columns, limit)?;
        let guarded = self.guarded.for_groups(metadata, &groups, limit, deltas);
        let batch_rows = batch_rows.min(self.rows_within(metadata, &groups, columns, limit / 4));
        let mask = ProjectionMask::roots(read_as.parquet_schema(), columns.iter().copied());
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(guarded.clone(), read_as.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(batch_rows);
        let builder = match pick {
            Pick::Rows(skip, count) => builder.with_offset(skip).with_limit(count),
            Pick::Selected(selection) => builder.with_row_selection(selection),
        };
        let reader = builder.build().map_err(|error| refused(&guarded, error))?;
        Ok(Batches { reader: Some(reader), guarded })
    }

    /// Returns how many times as long as a page its values are, of the columns that are read and
    /// may be written as deltas. Each is gone through once.
    fn deltas(
        &self,
        metadata: &ParquetMetaData,
        groups: &[usize],
        columns: &[usize],
        limit: u64,
    ) -> Result<HashMap<usize, u64>, TableError> {
        let described = metadata.file_metadata().schema_descr();
        let mut deltas: HashMap<usize, u64> = HashMap::new();
        for &group in groups {
            for (leaf, chunk) in metadata.row_group(group).columns().iter().enumerate() {
                let root = described.get_column_root_idx(leaf);
                if columns.binary_search(&root).is_err() || !chunk.encodings().any(deltas::are) {
                    continue;
                }
                let known = self.known_deltas().get(&(group, leaf)).copied();
                let times = match known {
                    Some(times) => times,
                    None => {
                        let times = self.times(metadata, group, leaf, limit)?;
                        self.known_deltas().insert((group, leaf), times);
                        times
                    }
                };
                let most = deltas.entry(leaf).or_default();
                *most = times.max(*most);
            }
        }
        Ok(deltas)
    }

    fn known_deltas(&self) -> MutexGuard<'_, HashMap<(usize, usize), u64>> {
        self.deltas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through the pages of a column in a row group, of which none is decoded.
    fn times(
        &self,
        metadata: &ParquetMetaData,
        group: usize,
        leaf: usize,
        limit: u64,
    ) -> Result<u64, TableError> {
        let only = HashMap::from([(leaf, 1)]);
        let guarded = self.guarded.for_groups(metadata, &[group], limit, only);
        let described = metadata.file_metadata().schema_descr().column(leaf);
        let chunk = metadata.row_group(group).column(leaf);
        let pages = SerializedPageReader::new(Arc::new(guarded.clone()), chunk, 0, None);
        let mut pages = pages.map_err(|error| refused(&guarded, error))?;
        let mut most = 1;
        while let Some(page) = pages.get_next_page().map_err(|error| refused(&guarded, error))? {
            guarded.next_batch();
            let why = "a page says that it has more or longer values than there are";
            let bytes = deltas::bytes(&page, &described);
            let bytes = bytes.ok_or_else(|| TableError::parquet(why))?;
            most = most.max(bytes.div_ceil(page.buffer().len().max(1) as u64));
        }
        Ok(most)
    }

    /// Returns how many rows fit into so many bytes: by what values of fixed width take, and by
    /// what the others do on average.
    fn rows_within(
        &self,
        metadata: &ParquetMetaData,
        groups: &[usize],
        columns: &[usize],
        bytes: u64,
    ) -> usize {
        let described = metadata.file_metadata().schema_descr();
        let (mut width, mut packed, mut rows) = (0u64, 0u64, 0u64);
        let is_read =
            |leaf: usize| columns.binary_search(&described.get_column_root_idx(leaf)).is_ok();
        for leaf in (0..described.num_columns()).filter(|leaf| is_read(*leaf)) {
            width = width.saturating_add(value_bytes(&described.column(leaf)));
        }
        for group in groups {
            let group = metadata.row_group(*group);
            rows = rows.saturating_add(u64::try_from(group.num_rows()).unwrap_or_default());
            for (_, chunk) in group.columns().iter().enumerate().filter(|(leaf, _)| is_read(*leaf))
            {
                let size = u64::try_from(chunk.uncompressed_size()).unwrap_or_default();
                packed = packed.saturating_add(size);
            }
        }
        let row = width.max(packed / rows.max(1)).max(1);
        usize::try_from(bytes / row).unwrap_or(usize::MAX).max(1)
    }
}

impl Page {
    /// Puts the columns of another page of the same rows behind its own.
    pub(crate) fn beside(mut self, other: Page) -> Page {
        let (width, count) = (self.columns.len(), self.rows.len().min(other.rows.len()));
        self.columns.extend(other.columns);
        self.rows.truncate(count);
        for (row, more) in self.rows.iter_mut().zip(other.rows) {
            row.extend(more);
        }
        self.cut.extend(other.cut.into_iter().map(|(row, column)| (row, column + width)));
        self.cut.retain(|(row, _)| *row < count);
        self.cut.sort_unstable();
        self
    }
}

/// Returns how a file is read: texts and bytes as views, in the types of its author where the file
/// permits that, else in those in which it is stored.
fn viewed(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, TableError> {
    let written = Arc::clone(metadata.metadata());
    let with = |options: ArrowReaderOptions, schema: &SchemaRef| {
        let options = options.with_schema(views(schema).into());
        ArrowReaderMetadata::try_new(Arc::clone(&written), options)
    };
    if let Ok(viewed) = with(ArrowReaderOptions::new(), metadata.schema()) {
        return Ok(viewed);
    }
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let stored = ArrowReaderMetadata::try_new(Arc::clone(&written), plain.clone());
    if let Some(viewed) = stored.ok().and_then(|stored| with(plain, stored.schema()).ok()) {
        return Ok(viewed);
    }
    // Without texts, no value is larger than what is counted of it.
    let columns = written.file_metadata().schema_descr().columns();
    match columns.iter().all(|column| column.physical_type() != Type::BYTE_ARRAY) {
        true => Ok(metadata),
        false => Err(TableError::Unsupported("the types of the columns cannot be read".into())),
    }
}

fn refused(guarded: &Guarded, error: impl std::fmt::Display) -> TableError {
    match guarded.refused() {
        Some(size) => {
            let what = "what some rows take, packed and unpacked, in bytes,".into();
            TableError::TooLarge { what, size, limit: guarded.limit() }
        }
        None => TableError::parquet(error),
    }
}

/// Decoded rows.
pub(crate) struct Batches {
    reader: Option<ParquetRecordBatchReader>,
    guarded: Guarded,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.guarded.next_batch();
        let batch = self.reader.as_mut()?.next()?;
        Some(batch.map_err(|error| refused(&self.guarded, error)))
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
