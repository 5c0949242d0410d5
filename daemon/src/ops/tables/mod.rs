//! Tables among the attachments: columns, pages of rows, statistics.
//!
//! Who may read the bytes may read the table: each call finds its attachment as `content` does,
//! and the bytes are checked on their way as for any other reader.

mod derived;
mod source;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{
    Problem, ProblemCode, TableCell, TableColumn, TableColumnStats, TableRows, TableSchema,
    TableStats, TableValueCount,
};
use dsp_protocol::id::BlobHash;
use dsp_tables::{Column, Format, PageRequest, Source as _, Stats, Table, TableError};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::derived::Derived;
use self::source::BlobSource;
use super::problem::{bad_request, internal, not_found};
use super::{Opened, Ops};

/// Tables that stay open: each holds its footer.
const OPEN: usize = 8;
/// Pages that are read at a time.
const PAGES: usize = 4;
/// Files that are turned into Parquet or summed up at a time: each may take a processor and much
/// memory for seconds.
const HEAVY: usize = 1;
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
}

/// What is known of tables.
#[derive(Debug)]
pub(super) struct Tables {
    open: Mutex<VecDeque<(BlobHash, Format, Arc<Reading>)>>,
    pages: Semaphore,
    heavy: Semaphore,
    derived: Arc<Derived>,
}

/// A table that is open, with what went wrong with its bytes.
#[derive(Debug)]
struct Reading {
    table: Table,
    format: Format,
    bytes: Arc<BlobSource>,
}

impl Tables {
    pub(super) fn new(home: &crate::home::Home) -> Tables {
        Tables {
            open: Mutex::default(),
            pages: Semaphore::new(PAGES),
            heavy: Semaphore::new(HEAVY),
            derived: Arc::new(Derived::new(home.cache().join("tables"))),
        }
    }

    fn known(&self, hash: BlobHash, format: Format) -> Option<Arc<Reading>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(h, f, _)| (*h, *f) == (hash, format))?;
        let known = open.remove(at)?;
        let reading = Arc::clone(&known.2);
        open.push_front(known);
        Some(reading)
    }

    fn keep(&self, hash: BlobHash, reading: &Arc<Reading>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_front((hash, reading.format, Arc::clone(reading)));
        open.truncate(OPEN);
    }

    fn forget(&self, gone: &[BlobHash]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(hash, ..)| !gone.contains(hash));
    }
}

async fn turn(of: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    of.acquire().await.map_err(|error| internal(&error))
}

impl Ops {
    /// Returns the columns of the table that a reference means.
    ///
    /// # Errors
    /// As [`open_content`](Self::open_content), or it is no table that can be read.
    pub async fn table_schema(&self, reference: &str) -> Result<TableSchema, Problem> {
        let reading = self.table(reference).await?.1;
        let columns = reading.table.columns().iter().map(column).collect();
        let format = reading.format.as_str().to_owned();
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
        let reading = self.table(reference).await?.1;
        let limit = filter.limit.unwrap_or(ROWS);
        if limit == 0 || limit > dsp_tables::limits::PAGE_ROWS {
            let most = dsp_tables::limits::PAGE_ROWS;
            return Err(bad_request(format!("`limit` is {limit}; it may be 1 to {most}")));
        }
        let request = PageRequest { offset: filter.offset, limit, columns: filter.columns };
        let _turn = turn(&self.tables.pages).await?;
        let page = read(&reading, move |table| table.page(&request)).await?;
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

    /// Returns what is in the columns of the table that a reference means. It is remembered.
    ///
    /// # Errors
    /// As [`table_schema`](Self::table_schema), or the file is damaged.
    pub async fn table_stats(&self, reference: &str) -> Result<TableStats, Problem> {
        let (hash, reading) = self.table(reference).await?;
        let derived = &self.tables.derived;
        if let Some(stats) = derived.stats(hash, reading.format).await {
            return Ok(stats);
        }
        let _turn = turn(&self.tables.heavy).await?;
        // Another caller may have had the turn before.
        if let Some(stats) = derived.stats(hash, reading.format).await {
            return Ok(stats);
        }
        let stats = read(&reading, Table::stats).await?;
        let stats = summary(stats, reading.table.columns());
        derived.keep_stats(hash, reading.format, &stats).await;
        Ok(stats)
    }

    /// Removes what was derived from blobs that are not here any more.
    pub(crate) async fn forget_derived(&self) {
        let mut gone = Vec::new();
        for hash in self.tables.derived.sources().await {
            if !matches!(self.blobs.status(hash).await, Ok(crate::blobs::Status::Complete { .. })) {
                gone.push(hash);
            }
        }
        self.tables.forget(&gone);
        self.tables.derived.forget(gone).await;
    }

    async fn table(&self, reference: &str) -> Result<(BlobHash, Arc<Reading>), Problem> {
        let opened = self.open_content(reference).await?;
        self.uses.touch(opened.hash);
        let bytes = Arc::new(BlobSource::new(self.blobs.clone(), &opened));
        let format = format_of(&bytes, &opened, reference).await?;
        if let Some(known) = self.tables.known(opened.hash, format) {
            return Ok((opened.hash, known));
        }
        let table = match format {
            Format::Parquet => {
                let _turn = turn(&self.tables.pages).await?;
                let source = Arc::clone(&bytes);
                blocking(&bytes, move || Table::open(source)).await?
            }
            other => self.derived_table(opened.hash, other, &bytes).await?,
        };
        let reading = Arc::new(Reading { table, format, bytes });
        self.tables.keep(opened.hash, &reading);
        Ok((opened.hash, reading))
    }

    /// Opens the Parquet that was made of a file in another format, or makes it.
    async fn derived_table(
        &self,
        hash: BlobHash,
        format: Format,
        bytes: &Arc<BlobSource>,
    ) -> Result<Table, Problem> {
        let derived = Arc::clone(&self.tables.derived);
        let _turn = turn(&self.tables.heavy).await?;
        let here = Arc::clone(&derived);
        if let Some(table) = blocking(bytes, move || Ok(here.open(hash, format))).await? {
            return Ok(table);
        }
        self.room_for(bytes.size()).await?;
        let source = Arc::clone(bytes);
        blocking(bytes, move || derived.make(hash, format, source)).await
    }
}

/// Returns the format of an attachment.
async fn format_of(
    bytes: &Arc<BlobSource>,
    opened: &Opened,
    reference: &str,
) -> Result<Format, Problem> {
    let media = opened.media.clone().unwrap_or_default();
    let name = opened.path.as_ref().map(|path| path.file_name().to_owned()).unwrap_or_default();
    let source = Arc::clone(bytes);
    let found = blocking(bytes, move || Ok(Format::of(source.as_ref(), &media, &name)?)).await?;
    found.ok_or_else(|| {
        let detail = format!("`{reference}` is no table");
        Problem::new(ProblemCode::UnsupportedMediaType, detail)
            .with_hint("tables are Parquet, Arrow, Feather, CSV, TSV and JSON lines")
    })
}

/// Reads from an open table where it may take long.
async fn read<T: Send + 'static>(
    reading: &Arc<Reading>,
    read: impl FnOnce(&Table) -> Result<T, TableError> + Send + 'static,
) -> Result<T, Problem> {
    let table = Arc::clone(reading);
    blocking(&reading.bytes, move || read(&table.table)).await
}

/// Runs what reads bytes; where these were at fault, that is the problem.
async fn blocking<T: Send + 'static>(
    bytes: &Arc<BlobSource>,
    run: impl FnOnce() -> Result<T, TableError> + Send + 'static,
) -> Result<T, Problem> {
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
