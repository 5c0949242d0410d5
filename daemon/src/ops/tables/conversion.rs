//! A table in another format: as Parquet, or as CSV with a note of its types beside it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use dsp_protocol::api::Problem;
use dsp_tables::limits::CSV_BYTES;
use dsp_tables::{Format, TableError};

use super::derived::{Key, VERSION};
use super::{blocking, turn};
use crate::ops::problem::{bad_request, disk_full, internal};
use crate::ops::{Opened, Ops};

/// The least room with which a CSV is begun.
const ROOM_BYTES: u64 = 64 << 20;

/// What a table is asked for as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// Parquet.
    Parquet,
    /// CSV.
    Csv,
    /// The note that says the types of the columns of the CSV.
    Note,
}

impl std::str::FromStr for TableForm {
    type Err = Problem;

    fn from_str(text: &str) -> Result<TableForm, Problem> {
        match text {
            "parquet" => Ok(TableForm::Parquet),
            "csv" => Ok(TableForm::Csv),
            "csv-metadata" => Ok(TableForm::Note),
            other => Err(bad_request(format!("`{other}` is no format to turn a table into"))
                .with_hint("they are `parquet`, `csv`, and `csv-metadata` for its types")),
        }
    }
}

/// The bytes of a table in some format.
#[derive(Debug)]
pub enum TableBytes {
    /// Those that were pushed.
    Pushed(Opened),
    /// Those that were made of them.
    Made(MadeTable),
}

/// A file that was made of a table.
#[derive(Debug)]
pub struct MadeTable {
    /// The file.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub media: &'static str,
    /// What it is called.
    pub name: String,
    /// What is the same only for the same bytes.
    pub tag: String,
}

impl Ops {
    /// Returns the table that a reference means in another format. It is remembered.
    ///
    /// # Errors
    /// As [`open_content`](Self::open_content), or it is no table that can be read, or it would
    /// be larger than may be.
    pub async fn table_as(&self, reference: &str, form: TableForm) -> Result<TableBytes, Problem> {
        let file = self.table_file(reference).await?;
        let name = file.opened.path.as_ref().map_or("table", |path| path.file_name());
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        let key = file.key;
        let made = |file: File, media, ending: &str| {
            let size = file.metadata()?.len();
            let name = format!("{stem}.{ending}");
            Ok(TableBytes::Made(MadeTable { size, file, media, name, tag: tag(key, ending) }))
        };
        let unread = |error: io::Error| internal(&error);
        let derived = Arc::clone(&self.tables.derived);
        if form == TableForm::Parquet {
            if key.format == Format::Parquet {
                return Ok(TableBytes::Pushed(file.opened));
            }
            // What is open may have left the cache since.
            self.tables.forget(&[key.hash]);
            self.open_table(&file).await?;
            let here = tokio::task::spawn_blocking(move || derived.parquet(key)).await;
            let here = here.map_err(|error| internal(&error))?;
            let here = here.ok_or_else(|| unread(io::ErrorKind::NotFound.into()))?;
            return made(here, "application/vnd.apache.parquet", "parquet").map_err(unread);
        }
        let here = tokio::task::spawn_blocking(move || derived.csv(key)).await;
        let (csv, note) = match here.map_err(|error| internal(&error))? {
            Some(here) => here,
            None => {
                let reading = self.open_table(&file).await?;
                let turn = turn(&self.tables.heavy).await?;
                let limit = self.csv_room().await?;
                let derived = Arc::clone(&self.tables.derived);
                let made = blocking(&file.bytes, turn, move || match derived.csv(key) {
                    Some(here) => Ok(here),
                    None => derived
                        .make_csv(key, &reading.table, limit)
                        .map_err(|error| no_room(error, limit)),
                });
                made.await?
            }
        };
        match form {
            TableForm::Note => made(note, "application/json", "csv-metadata.json"),
            _ => made(csv, "text/csv", "csv"),
        }
        .map_err(unread)
    }

    /// Returns how large a CSV may become: what a table unfolds to is not known beforehand.
    async fn csv_room(&self) -> Result<u64, Problem> {
        match self.room_beside() {
            Some(room) => Ok(room),
            None => {
                self.room_for(2 * ROOM_BYTES)
                    .await
                    .map_err(|_| disk_full("there is no room for a CSV"))?;
                Ok(ROOM_BYTES)
            }
        }
    }

    /// Returns how many bytes there is room for that a table unfolds to, with as many beside them
    /// while it does; none where these are few.
    pub(super) fn room_beside(&self) -> Option<u64> {
        let mut room = CSV_BYTES;
        while room > ROOM_BYTES && self.blobs.room_for(2 * room).is_err() {
            room /= 2;
        }
        Some(room).filter(|room| *room > ROOM_BYTES)
    }
}

/// Tells what was too large for the room on the disk from what is too large anyway.
pub(super) fn no_room(error: TableError, room: u64) -> TableError {
    match error {
        TableError::TooLarge { limit, .. } if limit == room && limit < CSV_BYTES => {
            TableError::Io(io::ErrorKind::StorageFull.into())
        }
        other => other,
    }
}

fn tag(of: Key, ending: &str) -> String {
    let note = of.note.map(|note| format!("-{note}")).unwrap_or_default();
    format!("\"{}-{}{note}.{VERSION}.{ending}\"", of.hash, of.format.as_str())
}
