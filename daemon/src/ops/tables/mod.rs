//! Tables among the attachments: columns, pages of rows, statistics, and the same in other formats.
//!
//! Who may read the bytes may read the table: each call finds its attachment as `content` does,
//! and the bytes are checked on their way as for any other reader.

mod conversion;
mod derived;
mod finding;
mod recent;
mod selection;
mod source;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{
    Problem, ProblemCode, TableCell, TableColumn, TableColumnStats, TableCondition, TableOrder,
    TableRows, TableSchema, TableStats, TableValueCount,
};
use dsp_protocol::id::BlobHash;
use dsp_tables::{Column, Format, Note, PageRequest, Selection, Source, Stats, Table, TableError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::conversion::no_room;
pub use self::conversion::{MadeTable, TableBytes, TableForm};
use self::derived::Derived;
pub(super) use self::derived::Key;
pub(super) use self::finding::NOTED;
use self::finding::TableFile;
use self::recent::Recent;
use self::selection::Selections;
pub(super) use self::source::BlobSource;
use super::Ops;
use super::problem::{bad_request, internal, not_found};

/// Tables that stay open: each holds its footer, and those with larger ones do not stay.
const OPEN: usize = 8;
const OPEN_BYTES: usize = 4 << 20;
/// What all that is read of tables at a time may take in memory, in MiB, and of that a page of rows
/// or a footer, what goes through a whole table, and a look at its columns alone.
const MEMORY_MIB: usize = 192;
const PAGE_MIB: u32 = 64;
const WHOLE_MIB: u32 = 128;
const GLANCE_MIB: u32 = 16;
/// Pages that are read at a time.
const PAGES: usize = 4;
/// Files that are turned into Parquet or summed up at a time: each may take a processor and much
/// memory for seconds.
const HEAVY: usize = 1;
/// Tables that are sorted or looked through at a time.
const SORTING: usize = 1;
/// Tables that are looked at for their columns alone at a time.
const GLANCES: usize = 1;
/// Rows of a page of which the length is not said.
const ROWS: u64 = 100;

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct RowsFilter {
    /// The first row, from 0.
    pub offset: u64,
    /// Most rows; 100 when left out.
    pub limit: Option<u64>,
    /// Names of columns; all when left out.
    pub columns: Option<Vec<String>>,
    /// What the rows are sorted by; the order of the file when empty.
    pub orders: Vec<TableOrder>,
    /// What has to hold of all of them.
    pub conditions: Vec<TableCondition>,
}

/// What is known of tables.
#[derive(Debug)]
pub(super) struct Tables {
    open: Mutex<VecDeque<Arc<Reading>>>,
    selections: Selections,
    pages: Lane,
    heavy: Lane,
    sorting: Lane,
    glances: Lane,
    recent: Arc<Recent>,
    derived: Arc<Derived>,
}

/// What is done with tables in turn.
#[derive(Debug)]
struct Lane {
    turns: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    mib: u32,
}

/// A turn, with its part of the memory.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

/// A table that is open, with what went wrong with its bytes.
#[derive(Debug)]
struct Reading {
    key: Key,
    table: Table,
    bytes: Arc<BlobSource>,
}

impl Tables {
    pub(super) fn new(home: &crate::home::Home) -> Tables {
        let memory = Arc::new(Semaphore::new(MEMORY_MIB));
        let lane = |turns, mib| Lane {
            turns: Arc::new(Semaphore::new(turns)),
            memory: Arc::clone(&memory),
            mib,
        };
        Tables {
            open: Mutex::default(),
            pages: lane(PAGES, PAGE_MIB),
            heavy: lane(HEAVY, WHOLE_MIB),
            sorting: lane(SORTING, WHOLE_MIB),
            glances: lane(GLANCES, GLANCE_MIB),
            selections: Selections::default(),
            recent: Arc::default(),
            derived: Arc::new(Derived::new(home.cache().join("tables"))),
        }
    }

    fn known(&self, key: Key) -> Option<Arc<Reading>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|reading| reading.key == key)?;
        let known = open.remove(at)?;
        open.push_front(Arc::clone(&known));
        Some(known)
    }

    fn keep(&self, reading: &Arc<Reading>) {
        if reading.table.memory_bytes() > OPEN_BYTES {
            return;
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_front(Arc::clone(reading));
        open.truncate(OPEN);
    }

    fn forget(&self, gone: &[BlobHash]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|reading| !reading.key.is_of(gone));
        drop(open);
        self.selections.forget(gone);
        self.recent.forget(gone);
    }
}

/// Waits for a turn, which ends with the work and not with who waits for it: a caller that goes
/// away does not make room for another.
async fn turn(of: &Lane) -> Result<Turn, Problem> {
    // The memory last: who has it waits for nobody.
    let turn = Arc::clone(&of.turns).acquire_owned().await.map_err(|error| internal(&error))?;
    let memory = Arc::clone(&of.memory).acquire_many_owned(of.mib).await;
    let memory = memory.map_err(|error| internal(&error))?;
    Ok(Turn { _turn: turn, _memory: memory })
}

impl Ops {
    /// Waits for a turn to look at the columns of a table alone.
    pub(super) async fn glance_turn(&self) -> Result<Turn, Problem> {
        turn(&self.tables.glances).await
    }

    /// Returns the columns of the table that a reference means.
    ///
    /// # Errors
    /// As [`open_content`](Self::open_content), or it is no table that can be read.
    pub async fn table_schema(&self, reference: &str) -> Result<TableSchema, Problem> {
        let reading = self.table(reference).await?;
        let columns = reading.table.columns().iter().map(column).collect();
        let format = reading.key.format.as_str().to_owned();
        Ok(TableSchema { format, rows: reading.table.rows(), columns })
    }

    /// Returns rows of the table that a reference means.
    ///
    /// # Errors
    /// As [`table_schema`](Self::table_schema), or there is no such row or column.
    pub async fn table_rows(
        &self,
        reference: &str,
        filter: RowsFilter,
    ) -> Result<TableRows, Problem> {
        let page = self.table_page(reference, filter, Table::page, Table::page_of).await?;
        let cell =
            |(row, column): (usize, usize)| TableCell { row: row as u64, column: column as u64 };
        Ok(TableRows {
            columns: page.columns.iter().map(column).collect(),
            offset: page.offset,
            total: page.total,
            rows: page.rows,
            cut: page.cut.into_iter().map(cell).collect(),
        })
    }

    /// Returns rows of the table that a reference means, as a stream of Arrow.
    ///
    /// # Errors
    /// As [`table_rows`](Self::table_rows), or one row alone is too large.
    pub async fn table_arrow(
        &self,
        reference: &str,
        filter: RowsFilter,
    ) -> Result<Vec<u8>, Problem> {
        self.table_page(reference, filter, Table::arrow_page, Table::arrow_page_of).await
    }

    /// Reads rows of the table that a reference means, in the order of the file or of a selection.
    async fn table_page<T: Send + 'static>(
        &self,
        reference: &str,
        filter: RowsFilter,
        page: fn(&Table, &PageRequest) -> Result<T, TableError>,
        page_of: fn(&Table, &Selection, &PageRequest) -> Result<T, TableError>,
    ) -> Result<T, Problem> {
        let reading = self.table(reference).await?;
        let limit = filter.limit.unwrap_or(ROWS);
        if limit == 0 || limit > dsp_tables::limits::PAGE_ROWS {
            let most = dsp_tables::limits::PAGE_ROWS;
            return Err(bad_request(format!("`limit` is {limit}; it may be 1 to {most}")));
        }
        let request = PageRequest { offset: filter.offset, limit, columns: filter.columns };
        if filter.orders.is_empty() && filter.conditions.is_empty() {
            let turn = turn(&self.tables.pages).await?;
            return read(&reading, turn, move |table| page(table, &request)).await;
        }
        let selection = self.table_selection(&reading, filter.orders, filter.conditions).await?;
        let turn = turn(&self.tables.pages).await?;
        read(&reading, turn, move |table| page_of(table, &selection, &request)).await
    }

    /// Returns what is in the columns of the table that a reference means. It is remembered.
    ///
    /// # Errors
    /// As [`table_schema`](Self::table_schema), or the file is damaged.
    pub async fn table_stats(&self, reference: &str) -> Result<TableStats, Problem> {
        let reading = self.table(reference).await?;
        let derived = &self.tables.derived;
        if let Some(stats) = derived.stats(reading.key).await {
            return Ok(stats);
        }
        let turn = turn(&self.tables.heavy).await?;
        // Another caller may have had the turn before.
        if let Some(stats) = derived.stats(reading.key).await {
            return Ok(stats);
        }
        let stats = read(&reading, turn, Table::stats).await?;
        let stats = summary(stats, reading.table.columns());
        derived.keep_stats(reading.key, &stats).await;
        Ok(stats)
    }

    /// Removes what was derived from blobs that are not here any more.
    pub(crate) async fn forget_derived(&self) {
        let mut gone = Vec::new();
        let mut sources = self.tables.recent.hashes();
        sources.extend(self.tables.derived.sources().await);
        for hash in sources {
            if !matches!(self.blobs.status(hash).await, Ok(crate::blobs::Status::Complete { .. })) {
                gone.push(hash);
            }
        }
        self.tables.forget(&gone);
        self.tables.derived.forget(gone).await;
        self.forget_columns().await;
    }

    /// Opens the table that a reference means.
    async fn table(&self, reference: &str) -> Result<Arc<Reading>, Problem> {
        let file = self.table_file(reference).await?;
        self.open_table(&file).await
    }

    async fn open_table(&self, file: &TableFile) -> Result<Arc<Reading>, Problem> {
        if let Some(known) = self.tables.known(file.key) {
            return Ok(known);
        }
        let table = match file.key.format {
            Format::Parquet => {
                let turn = turn(&self.tables.pages).await?;
                let source = Arc::clone(&file.bytes);
                blocking(&file.bytes, turn, move || Table::open(source)).await?
            }
            _ => self.derived_table(file).await?,
        };
        let reading = Reading { key: file.key, table, bytes: Arc::clone(&file.bytes) };
        let reading = Arc::new(reading);
        self.tables.keep(&reading);
        Ok(reading)
    }

    /// Opens the Parquet that was made of a file in another format, or makes it.
    async fn derived_table(&self, file: &TableFile) -> Result<Table, Problem> {
        let (key, bytes) = (file.key, &file.bytes);
        let derived = Arc::clone(&self.tables.derived);
        // Before the turn: a file that was made is there at once.
        if let Ok(Some(table)) = tokio::task::spawn_blocking(move || derived.open(key)).await {
            return Ok(table);
        }
        let turn = turn(&self.tables.heavy).await?;
        self.room_for(bytes.size()).await?;
        let room = self.room_beside().unwrap_or_default();
        let note = match &file.note {
            Some(note) => Some(self.whole_note(note).await?),
            None => None,
        };
        let derived = Arc::clone(&self.tables.derived);
        let source: Arc<dyn Source> = Arc::<BlobSource>::clone(bytes);
        blocking(bytes, turn, move || {
            if let Some(table) = derived.open(key) {
                return Ok(table);
            }
            let note = note.as_deref().map(Note::read).transpose()?.flatten();
            derived.make(key, note.as_ref(), &source, room).map_err(|error| no_room(error, room))
        })
        .await
    }
}

/// Reads from an open table where it may take long.
async fn read<T: Send + 'static>(
    reading: &Arc<Reading>,
    turn: Turn,
    read: impl FnOnce(&Table) -> Result<T, TableError> + Send + 'static,
) -> Result<T, Problem> {
    let table = Arc::clone(reading);
    blocking(&reading.bytes, turn, move || read(&table.table)).await
}

/// Runs what reads bytes; where these were at fault, that is the problem.
async fn blocking<T: Send + 'static>(
    bytes: &Arc<BlobSource>,
    turn: Turn,
    run: impl FnOnce() -> Result<T, TableError> + Send + 'static,
) -> Result<T, Problem> {
    let run = move || {
        let _turn = turn;
        run()
    };
    let done = tokio::task::spawn_blocking(run).await.map_err(|error| internal(&error))?;
    done.map_err(|error| bytes.fault().unwrap_or_else(|| problem(&error)))
}

fn problem(error: &TableError) -> Problem {
    let detail = error.to_string();
    match error {
        TableError::Malformed { .. } => Problem::new(ProblemCode::Conflict, detail)
            .with_hint("ask who pushed it; `dsp get` writes the bytes as they are"),
        TableError::Text { .. } => Problem::new(ProblemCode::Conflict, detail)
            .with_hint("mend the file there and push it again; `dsp get` writes it as it is"),
        TableError::TooLarge { .. } => Problem::new(ProblemCode::TooLarge, detail)
            .with_hint("`dsp get` writes the bytes for a program that reads them"),
        TableError::Unsupported(_) => Problem::new(ProblemCode::UnsupportedMediaType, detail)
            .with_hint("`dsp get` writes the bytes for a program that reads them"),
        TableError::NoColumn { .. } => not_found(detail).with_hint("`/schema` lists the columns"),
        TableError::NoValue { .. } => bad_request(detail).with_hint("values are those of `/rows`"),
        TableError::NoRow { .. } => bad_request(detail),
        TableError::Io(io) if crate::files::is_disk_full(io) => {
            super::problem::disk_full("there is no room to read the table")
        }
        TableError::Io(_) => internal(error),
    }
}

fn column(column: &Column) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        kind: column.kind.as_str().to_owned(),
        nullable: column.nullable,
    }
}

fn summary(stats: Stats, columns: &[Column]) -> TableStats {
    let of = |(stats, column): (dsp_tables::ColumnStats, &Column)| TableColumnStats {
        name: column.name.clone(),
        nulls: stats.nulls,
        nans: stats.nans,
        min: stats.min,
        max: stats.max,
        mean: stats.mean,
        distinct: stats.distinct,
        top: stats.top.into_iter().map(|(value, count)| TableValueCount { value, count }).collect(),
        histogram: stats.histogram,
    };
    TableStats {
        rows: stats.rows,
        looked_at: stats.looked_at,
        columns: stats.columns.into_iter().zip(columns).map(of).collect(),
    }
}
