//! Taking bytes in: from files, memory and streams.

use std::fs::Metadata;
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use dsp_protocol::id::BlobHash;
use futures::{Stream, StreamExt};
use iroh_blobs::BlobFormat;
use iroh_blobs::api::TempTag;
use iroh_blobs::api::blobs::{AddPathOptions, AddProgress, AddProgressItem, ImportMode};

use super::error::ImportError;
use super::keep::{Busy, Keep};
use super::{Blobs, from_hash};

/// A blob that is here and held.
#[derive(Debug)]
pub struct Imported {
    /// Its hash.
    pub hash: BlobHash,
    /// Its size in bytes.
    pub size: u64,
    /// Holds it until the index names it.
    pub keep: Keep,
}

impl Blobs {
    /// Takes a file in. `progress` gets the bytes done, never more than the file's size. Links
    /// are followed.
    ///
    /// Not durable before [`sync`](Self::sync). Collections wait until it returns.
    ///
    /// # Errors
    /// The path is no regular file, cannot be read, or changed while it was read.
    pub async fn import_path(
        &self,
        path: &Path,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Imported, ImportError> {
        let read = |source| ImportError::Read { path: path.to_owned(), source };
        let real = tokio::fs::canonicalize(path).await.map_err(read)?;
        let before = State::of(&real).await.map_err(read)?;
        if !before.is_file {
            return Err(ImportError::NotAFile(path.to_owned()));
        }
        let busy = self.keeper.busy().await;
        let options =
            AddPathOptions { path: real.clone(), format: BlobFormat::Raw, mode: ImportMode::Copy };
        let store = self.store();
        let adding = store.add_path_with_opts(options);
        let tag = watch(adding, move |copied, hashed| progress((copied + hashed) / 2)).await;
        let imported = self.imported(tag, busy);
        // A file that shrank fails in the store; that it changed is the better answer.
        if State::of(&real).await.map_err(read)? != before {
            return Err(ImportError::Changed(path.to_owned()));
        }
        imported
    }

    /// Takes bytes from memory in. Not durable before [`sync`](Self::sync).
    ///
    /// # Errors
    /// The store cannot keep them.
    pub async fn import_bytes(&self, bytes: impl Into<Bytes>) -> Result<Imported, ImportError> {
        let busy = self.keeper.busy().await;
        let store = self.store();
        let tag = watch(store.add_bytes(bytes), |_, _| {}).await;
        self.imported(tag, busy)
    }

    /// Takes bytes from a stream in; their number need not be known. Not durable before
    /// [`sync`](Self::sync). Collections wait until it returns.
    ///
    /// # Errors
    /// The stream failed, or the store cannot keep the bytes; nothing is kept then.
    pub async fn import_stream(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<Imported, ImportError> {
        let busy = self.keeper.busy().await;
        let store = self.store();
        let tag = watch(store.add_stream(bytes).await, |_, _| {}).await;
        self.imported(tag, busy)
    }

    /// Holds what an import brought before collections may run again.
    fn imported(
        &self,
        import: io::Result<(TempTag, u64)>,
        busy: Busy<'_>,
    ) -> Result<Imported, ImportError> {
        let (tag, size) = import.map_err(|e| ImportError::Store(self.live.failed(e)))?;
        let hash = from_hash(tag.hash());
        Ok(Imported { hash, size, keep: self.keeper.hold(hash, &busy) })
    }
}

/// Drives an import to its end and reports bytes copied and bytes hashed.
async fn watch(
    adding: AddProgress<'_>,
    mut report: impl FnMut(u64, u64) + Send,
) -> io::Result<(TempTag, u64)> {
    let mut items = std::pin::pin!(adding.stream().await);
    let (mut size, mut copied) = (0, 0);
    while let Some(item) = items.next().await {
        match item {
            AddProgressItem::Size(all) => size = all,
            AddProgressItem::CopyProgress(offset) => {
                copied = offset;
                report(offset, 0);
            }
            AddProgressItem::CopyDone => copied = size,
            AddProgressItem::OutboardProgress(offset) => report(copied, offset.min(size)),
            AddProgressItem::Done(tag) => {
                report(size, size);
                return Ok((tag, size));
            }
            AddProgressItem::Error(error) => return Err(error),
        }
    }
    Err(io::Error::other("the store ended the import without a word"))
}

/// What would show that a file was written to or replaced.
#[derive(PartialEq, Eq)]
struct State {
    is_file: bool,
    size: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64, i64, i64),
}

impl State {
    fn of(path: &Path) -> impl Future<Output = io::Result<State>> {
        let metadata = tokio::fs::metadata(path.to_owned());
        async move {
            let metadata = metadata.await?;
            Ok(State {
                is_file: metadata.is_file(),
                size: metadata.len(),
                modified: metadata.modified().ok(),
                identity: identity(&metadata),
            })
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}
