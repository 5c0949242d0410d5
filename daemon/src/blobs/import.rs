//! Taking bytes in: from files, memory and streams.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dsp_protocol::id::BlobHash;
use futures::{Stream, StreamExt};
use iroh_blobs::BlobFormat;
use iroh_blobs::api::TempTag;
use iroh_blobs::api::blobs::{AddPathOptions, AddProgress, AddProgressItem, ImportMode};

use super::error::ImportError;
use super::keep::{Busy, Keep};
use super::source::SourceFile;
use super::{Blobs, FileId, from_hash};

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
    /// Takes a file in. `path` is absolute and without links, and led to `id` when that was found
    /// out: what it leads to now is the same file, or refused. `progress` gets the bytes done,
    /// never more than the file's size.
    ///
    /// Not durable before [`sync`](Self::sync). Collections wait until it returns.
    ///
    /// # Errors
    /// The path is no regular file, leads elsewhere by now, cannot be read, or the file changed
    /// while it was read.
    pub async fn import_path(
        &self,
        path: &Path,
        id: FileId,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Imported, ImportError> {
        let opening = path.to_owned();
        let source = tokio::task::spawn_blocking(move || SourceFile::open(&opening, id)).await;
        let source =
            source.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let busy = self.keeper.busy().await;
        let options = AddPathOptions {
            path: source.readable_path(path),
            format: BlobFormat::Raw,
            mode: ImportMode::Copy,
        };
        let open = self.live.now();
        let life = self.life_of(&open);
        let adding = open.store.add_path_with_opts(options);
        let tag = watch(adding, move |copied, hashed| progress((copied + hashed) / 2)).await;
        let imported = self.imported(tag, life, busy);
        // A file that shrank fails in the store; that it changed is the better answer.
        source.check_unchanged(path)?;
        imported
    }

    /// Takes bytes from memory in. Not durable before [`sync`](Self::sync).
    ///
    /// # Errors
    /// The store cannot keep them.
    pub async fn import_bytes(&self, bytes: impl Into<Bytes>) -> Result<Imported, ImportError> {
        let busy = self.keeper.busy().await;
        let open = self.live.now();
        let life = self.life_of(&open);
        let tag = watch(open.store.add_bytes(bytes), |_, _| {}).await;
        self.imported(tag, life, busy)
    }

    /// Takes bytes from a stream in; their number need not be known, nor how long they take. Not
    /// durable before [`sync`](Self::sync). Collections wait from the end of the stream until it
    /// returns.
    ///
    /// # Errors
    /// The stream failed, or the store cannot keep the bytes; nothing is kept then.
    pub async fn import_stream(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<Imported, ImportError> {
        // While bytes come, they stand in a file that no collection knows. Only when the store
        // gives them their name must none run, which it does after the stream ended.
        let busy: Arc<Mutex<Option<Busy>>> = Arc::default();
        let (keeper, slot) = (Arc::clone(&self.keeper), Arc::clone(&busy));
        let end = futures::stream::once(async move {
            let busy = keeper.busy().await;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(busy);
        });
        let bytes = bytes.map(Some).chain(end.map(|()| None));
        let bytes = bytes.filter_map(std::future::ready);
        let open = self.live.now();
        let life = self.life_of(&open);
        let tag = watch(open.store.add_stream(bytes).await, |_, _| {}).await;
        let busy = busy.lock().unwrap_or_else(PoisonError::into_inner).take();
        match busy {
            Some(busy) => self.imported(tag, life, busy),
            None => {
                let ended = || io::Error::other("the import ended before its stream");
                let error = tag.err().unwrap_or_else(ended);
                Err(ImportError::Store(self.live.failed(error)))
            }
        }
    }

    /// Holds what an import brought before collections may run again.
    fn imported(
        &self,
        import: io::Result<(TempTag, u64)>,
        life: u64,
        busy: Busy,
    ) -> Result<Imported, ImportError> {
        let (tag, size) = import.map_err(|e| ImportError::Store(self.live.failed(e)))?;
        let hash = from_hash(tag.hash());
        Ok(Imported { hash, size, keep: self.keeper.hold(hash, life, &busy) })
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
