//! What is made of tables and can be made again: Parquet of files in other formats, CSV with a note
//! of its types, and statistics, in `cache/tables/`. A file there is named by the blob it was made
//! of.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dsp_protocol::api::TableStats;
use dsp_protocol::id::BlobHash;
use dsp_tables::{Format, Note, Scratch, Source, Table, TableError, to_parquet};

use crate::files;

/// Most bytes of all files here; those that were used least recently go.
const BYTES: u64 = 4 << 30;
/// Counts up when what is made changes: older files are passed over, and go in time.
pub(super) const VERSION: u32 = 4;
/// What a file in the making is called, behind its name.
const MAKING: &str = "part";
/// What a file is called before it has no name.
const SCRATCH: &str = "scratch";
/// How the names of files end.
const PARQUET: &str = "parquet";
const CSV: &str = "csv";
const NOTE: &str = "csv-metadata.json";
const STATS: &str = "stats.json";

/// What something is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::ops) struct Key {
    /// The table.
    pub(in crate::ops) hash: BlobHash,
    /// The format in which it is read.
    pub(in crate::ops) format: Format,
    /// The note of its types beside it.
    pub(in crate::ops) note: Option<BlobHash>,
}

impl Key {
    /// Tells whether the table or its note is one of some blobs.
    pub(super) fn is_of(&self, blobs: &[BlobHash]) -> bool {
        blobs.contains(&self.hash) || self.note.is_some_and(|note| blobs.contains(&note))
    }
}

/// The folder.
#[derive(Debug)]
pub(super) struct Derived {
    folder: PathBuf,
}

impl Derived {
    pub(super) fn new(folder: PathBuf) -> Derived {
        Derived { folder }
    }

    fn path(&self, of: Key, ending: &str) -> PathBuf {
        let noted = of.note.map(|note| format!("-{note}")).unwrap_or_default();
        let (hash, format) = (of.hash, of.format.as_str());
        self.folder.join(format!("{hash}.{format}{noted}.{VERSION}.{ending}"))
    }

    /// Opens what was made of a blob before. What cannot be read is made again.
    pub(super) fn open(&self, of: Key) -> Option<Table> {
        Table::open(Arc::new(used(&self.path(of, PARQUET))?)).ok()
    }

    /// Opens the Parquet that was made of a blob before, as bytes.
    pub(super) fn parquet(&self, of: Key) -> Option<File> {
        used(&self.path(of, PARQUET))
    }

    /// Opens the CSV that was made of a blob before, and its note.
    pub(super) fn csv(&self, of: Key) -> Option<(File, File)> {
        Some((used(&self.path(of, CSV))?, used(&self.path(of, NOTE))?))
    }

    /// Writes a table as CSV of at most so many bytes, with its note, and opens both.
    pub(super) fn make_csv(
        &self,
        of: Key,
        table: &Table,
        limit: u64,
    ) -> Result<(File, File), TableError> {
        files::private_folder(&self.folder).map_err(|error| error.source)?;
        let mut note = Vec::new();
        let make = || self.scratch();
        let scratch = Scratch::new(&make, limit);
        self.put(of, CSV, |out| {
            note = table.to_csv_within(out, limit, scratch)?;
            Ok(())
        })?;
        self.put(of, NOTE, |out| Ok(out.write_all(&note)?))?;
        let made = (File::open(self.path(of, CSV))?, File::open(self.path(of, NOTE))?);
        self.make_room();
        Ok(made)
    }

    /// Writes a file that is there whole or not at all.
    fn put(
        &self,
        of: Key,
        ending: &str,
        to: impl FnOnce(&mut BufWriter<File>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let path = self.path(of, ending);
        let part = path.with_extension(MAKING);
        if let Err(error) = write(&part, to) {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        Ok(fs::rename(&part, &path)?)
    }

    /// Makes a file without a name for what does not fit into memory.
    fn scratch(&self) -> io::Result<File> {
        let path = self.folder.join(SCRATCH);
        let _ = fs::remove_file(&path);
        let file = files::private_options().create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    }

    /// Turns a blob into Parquet, with room for so many bytes beside it, and opens that.
    pub(super) fn make(
        &self,
        of: Key,
        note: Option<&Note>,
        source: &Arc<dyn Source>,
        room: u64,
    ) -> Result<Table, TableError> {
        files::private_folder(&self.folder).map_err(|error| error.source)?;
        let make = || self.scratch();
        let scratch = Scratch::new(&make, room);
        self.put(of, PARQUET, |out| to_parquet(source, of.format, note, out, scratch))?;
        let made = File::open(self.path(of, PARQUET))?;
        self.make_room();
        Table::open(Arc::new(made))
    }

    /// Returns the statistics of a blob, where they were kept.
    pub(super) async fn stats(&self, of: Key) -> Option<TableStats> {
        let bytes = tokio::fs::read(self.path(of, STATS)).await.ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps the statistics of a blob; without them, they are made again.
    pub(super) async fn keep_stats(self: &Arc<Self>, of: Key, stats: &TableStats) {
        let path = self.path(of, STATS);
        let Ok(bytes) = serde_json::to_vec(stats) else { return };
        let derived = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || {
            files::private_folder(&derived.folder).and_then(|()| files::replace(&path, &bytes))?;
            derived.make_room();
            Ok::<_, files::FileError>(())
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "statistics of a table are not kept");
        }
    }

    /// Returns the blobs of which something is here, the notes beside them too.
    pub(super) async fn sources(self: &Arc<Self>) -> Vec<BlobHash> {
        let derived = Arc::clone(self);
        let listed = tokio::task::spawn_blocking(move || derived.files());
        let mut sources: Vec<BlobHash> = listed
            .await
            .unwrap_or_default()
            .iter()
            .flat_map(|(path, ..)| sources_of(path))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Removes what was made of some blobs.
    pub(super) async fn forget(self: &Arc<Self>, gone: Vec<BlobHash>) {
        let derived = Arc::clone(self);
        let removed = tokio::task::spawn_blocking(move || {
            let all = derived.files();
            let of_them = |path: &Path| sources_of(path).any(|hash| gone.contains(&hash));
            all.iter().filter(|(path, ..)| of_them(path)).for_each(|(path, ..)| remove(path));
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "derived tables are not removed");
        }
    }

    /// Lets the files that were used least recently go until the others fit.
    fn make_room(&self) {
        let mut files = self.files();
        files.sort_by_key(|(_, used, _)| *used);
        let mut bytes: u64 = files.iter().map(|(.., bytes)| bytes).sum();
        let fresh = files.len().saturating_sub(1);
        for (path, _, size) in files.into_iter().take(fresh) {
            if bytes <= BYTES {
                return;
            }
            remove(&path);
            bytes -= size;
        }
    }

    /// Returns the files that are here, with when they were used last and their size.
    fn files(&self) -> Vec<(PathBuf, SystemTime, u64)> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let of = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            Some((entry.path(), metadata.modified().ok()?, metadata.len()))
        };
        entries.filter_map(of).collect()
    }
}

/// Opens a file and notes that it was used.
fn used(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    // Where the time cannot be set, it goes earlier.
    let _ = file.set_modified(SystemTime::now());
    Some(file)
}

fn write(
    path: &Path,
    to: impl FnOnce(&mut BufWriter<File>) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let file = files::private_options().write(true).create(true).truncate(true).open(path)?;
    let mut out = BufWriter::new(file);
    to(&mut out)?;
    Ok(out.flush()?)
}

/// Returns the blobs that a file was made of: the table, and the note beside it.
fn sources_of(path: &Path) -> impl Iterator<Item = BlobHash> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split(['.', '-']).take(3).filter_map(|part| part.parse().ok())
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a derived table is not removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_its_table_and_of_the_note_beside_it() {
        let (table, note) = (BlobHash::of(b"a"), BlobHash::of(b"b"));
        let derived = Derived::new(PathBuf::from("tables"));
        let of = |note| {
            let key = Key { hash: table, format: Format::Csv, note };
            sources_of(&derived.path(key, STATS)).collect::<Vec<_>>()
        };
        assert_eq!(of(None), [table]);
        assert_eq!(of(Some(note)), [table, note]);
        assert_eq!(sources_of(Path::new("other.file")).count(), 0);
    }
}
