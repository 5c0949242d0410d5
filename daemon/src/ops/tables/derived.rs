//! What is made of tables and can be made again: Parquet of files in other formats, and
//! statistics, in `cache/tables/`. A file there is named by the blob it was made of.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use dsp_protocol::api::TableStats;
use dsp_protocol::id::BlobHash;
use dsp_tables::{Format, Source, Table, TableError, to_parquet};

use crate::files;

/// Most bytes of all files here; those that were used least recently go.
const BYTES: u64 = 4 << 30;
/// Counts up when what is made changes: older files are passed over, and go in time.
const VERSION: u32 = 1;
/// What a file in the making is called, behind its name.
const MAKING: &str = "part";

/// The folder.
#[derive(Debug)]
pub(super) struct Derived {
    folder: PathBuf,
}

impl Derived {
    pub(super) fn new(folder: PathBuf) -> Derived {
        Derived { folder }
    }

    fn path(&self, hash: BlobHash, format: Format, ending: &str) -> PathBuf {
        self.folder.join(format!("{hash}.{}.{VERSION}.{ending}", format.as_str()))
    }

    /// Opens what was made of a blob before. What cannot be read is made again.
    pub(super) fn open(&self, hash: BlobHash, format: Format) -> Option<Table> {
        let path = self.path(hash, format, "parquet");
        let file = File::open(&path).ok()?;
        // The time it was used last; where it cannot be set, it goes earlier.
        let _ = file.set_modified(SystemTime::now());
        Table::open(Arc::new(file)).ok()
    }

    /// Turns a blob into Parquet, and opens that.
    pub(super) fn make(
        &self,
        hash: BlobHash,
        format: Format,
        source: Arc<dyn Source>,
    ) -> Result<Table, TableError> {
        let path = self.path(hash, format, "parquet");
        files::private_folder(&self.folder).map_err(|error| error.source)?;
        let part = path.with_extension(MAKING);
        let made = write(&part, |out| to_parquet(&source, format, out));
        if let Err(error) = made {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        fs::rename(&part, &path)?;
        self.make_room();
        Table::open(Arc::new(File::open(&path)?))
    }

    /// Returns the statistics of a blob, where they were kept.
    pub(super) async fn stats(&self, hash: BlobHash, format: Format) -> Option<TableStats> {
        let bytes = tokio::fs::read(self.path(hash, format, "stats.json")).await.ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps the statistics of a blob; without them, they are made again.
    pub(super) async fn keep_stats(
        self: &Arc<Self>,
        hash: BlobHash,
        format: Format,
        stats: &TableStats,
    ) {
        let path = self.path(hash, format, "stats.json");
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

    /// Returns the blobs of which something is here.
    pub(super) async fn sources(self: &Arc<Self>) -> Vec<BlobHash> {
        let derived = Arc::clone(self);
        let listed = tokio::task::spawn_blocking(move || derived.files());
        let mut sources: Vec<BlobHash> = listed
            .await
            .unwrap_or_default()
            .iter()
            .filter_map(|(path, ..)| source_of(path))
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
            let of_them = |path: &Path| source_of(path).is_some_and(|hash| gone.contains(&hash));
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

fn write(
    path: &Path,
    to: impl FnOnce(&mut BufWriter<File>) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let file = files::private_options().write(true).create(true).truncate(true).open(path)?;
    let mut out = BufWriter::new(file);
    to(&mut out)?;
    Ok(out.flush()?)
}

fn source_of(path: &Path) -> Option<BlobHash> {
    path.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a derived table is not removed");
    }
}
