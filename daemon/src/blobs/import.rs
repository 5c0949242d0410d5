//! Taking bytes in: from files, memory and streams. What is here already stays as it is, see
//! [`again`](super::again).

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use dsp_protocol::id::BlobHash;
use futures::{Stream, StreamExt, TryStreamExt};
use iroh_blobs::BlobFormat;
use iroh_blobs::api::TempTag;
use iroh_blobs::api::blobs::{AddPathOptions, AddProgress, AddProgressItem, ImportMode};
use tokio::sync::mpsc;

use super::again::{Name, hash_file};
use super::error::ImportError;
use super::keep::{Busy, Keep};
use super::leftovers::Import;
use super::source::SourceFile;
use super::{Blobs, FileId, from_hash};

/// Pieces of a stream that wait for the store.
const FED: usize = 4;

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
    /// Takes a file in, which is read twice: its hash tells whether it is here. `path` is absolute
    /// and without links, and led to `id` when that was found out: what it leads to now is the same
    /// file, or refused. `progress` gets the bytes done, never more than the file's size.
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
        let source = open_source(path, id).await?;
        let (mut known, mut _name) = (0, None);
        let has_file = Self::has_file(source.size());
        let passes = if has_file { 3 } else { 2 };
        if has_file {
            let hash = hash_source(&source, path, |bytes| {
                known = bytes;
                progress(bytes / passes);
            });
            let hash = hash.await?;
            _name = Some(self.names.take(hash).await);
            let busy = self.keeper.busy().await;
            let here = self.here_already(hash, &busy).await.map_err(ImportError::Store)?;
            if let Some(imported) = here {
                progress(source.size());
                return Ok(imported);
            }
        }
        let import = self.imports.begin();
        let busy = self.keeper.busy().await;
        let options = AddPathOptions {
            path: source.readable_path(path),
            format: BlobFormat::Raw,
            mode: ImportMode::Copy,
        };
        let open = self.live.now();
        let life = self.life_of(&open);
        let adding = open.store.add_path_with_opts(options);
        let tag =
            watch(adding, move |copied, hashed| progress((known + copied + hashed) / passes)).await;
        let imported = self.imported(tag, life, busy, import);
        // A file that shrank fails in the store; that it changed is the better answer.
        source.check_unchanged(path)?;
        imported
    }

    /// Hashes a file that is not taken in, with the same demands as [`import_path`](Self::import_path).
    /// Returns its hash and size.
    ///
    /// # Errors
    /// As `import_path`, the store aside.
    pub async fn hash_path(path: &Path, id: FileId) -> Result<(BlobHash, u64), ImportError> {
        let source = open_source(path, id).await?;
        let hash = hash_source(&source, path, |_| {}).await?;
        Ok((hash, source.size()))
    }

    /// Takes bytes from memory in. Not durable before [`sync`](Self::sync).
    ///
    /// # Errors
    /// The store cannot keep them.
    pub async fn import_bytes(&self, bytes: impl Into<Bytes>) -> Result<Imported, ImportError> {
        let bytes = bytes.into();
        let mut _name = None;
        let busy = self.keeper.busy().await;
        if Self::has_file(bytes.len() as u64) {
            let hash = BlobHash::of(&bytes);
            _name = Some(self.names.take(hash).await);
            let here = self.here_already(hash, &busy).await.map_err(ImportError::Store)?;
            if let Some(imported) = here {
                return Ok(imported);
            }
        }
        let import = self.imports.begin();
        let open = self.live.now();
        let life = self.life_of(&open);
        let tag = watch(open.store.add_bytes(bytes), |_, _| {}).await;
        self.imported(tag, life, busy, import)
    }

    /// Takes bytes from a stream in; their number need not be known, nor how long they take. Not
    /// durable before [`sync`](Self::sync). Collections wait from the end of the stream until it
    /// returns.
    ///
    /// # Errors
    /// The stream failed, or the store cannot keep the bytes; nothing is kept then.
    pub async fn import_stream(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Imported, ImportError> {
        let import = self.imports.begin();
        let open = self.live.now();
        let life = self.life_of(&open);
        let (feed, fed) = mpsc::channel(FED);
        let fed = futures::stream::unfold(fed, async |mut fed: mpsc::Receiver<Bytes>| {
            Some((Ok(fed.recv().await?), fed))
        });
        let mut storing = pin!(watch(open.store.add_stream(fed).await, |_, _| {}));
        // Where the feeding fails, the store is not told: whoever it is that waits for it goes, and
        // with that it gives up what came.
        let ended = tokio::select! {
            biased;
            ended = self.feed(bytes, feed) => ended,
            stored = &mut storing => {
                let early = || io::Error::other("the import ended before its stream");
                Err(stored.err().unwrap_or_else(early))
            }
        };
        match ended.map_err(|error| ImportError::Store(self.live.failed(error)))? {
            End::Here(imported) => Ok(imported),
            End::New(busy, _name) => self.imported(storing.await, life, busy, import),
        }
    }

    /// Hands a stream on to the store. While bytes come, they stand in a file that no collection
    /// knows. Only when the store gives them their name must none run, and it does so when `feed`
    /// goes; it gives them none where they are here already.
    async fn feed(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
        feed: mpsc::Sender<Bytes>,
    ) -> io::Result<End> {
        let (mut bytes, mut hasher) = (pin!(bytes), blake3::Hasher::new());
        while let Some(piece) = bytes.try_next().await? {
            hasher.update(&piece);
            if feed.send(piece).await.is_err() {
                // It says why.
                std::future::pending::<()>().await;
            }
        }
        let hash = BlobHash::from_bytes(hasher.finalize().into());
        let name = self.names.take(hash).await;
        let busy = self.keeper.busy().await;
        if Self::has_file(hasher.count())
            && let Some(imported) = self.here_already(hash, &busy).await?
        {
            return Ok(End::Here(imported));
        }
        Ok(End::New(busy, name))
    }

    /// Holds what an import brought before collections may run again.
    fn imported(
        &self,
        tag: io::Result<(TempTag, u64)>,
        life: u64,
        busy: Busy,
        import: Import,
    ) -> Result<Imported, ImportError> {
        let (tag, size) = tag.map_err(|e| ImportError::Store(self.live.failed(e)))?;
        import.done();
        let hash = from_hash(tag.hash());
        // A sync that failed while it came in may have lost some of it.
        self.syncing.about(hash);
        Ok(Imported { hash, size, keep: self.keeper.hold(hash, life, &busy) })
    }
}

async fn open_source(path: &Path, id: FileId) -> Result<SourceFile, ImportError> {
    let path = path.to_owned();
    let source = tokio::task::spawn_blocking(move || SourceFile::open(&path, id)).await;
    source.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

async fn hash_source(
    source: &SourceFile,
    path: &Path,
    progress: impl FnMut(u64) + Send,
) -> Result<BlobHash, ImportError> {
    let read = |source| ImportError::Read { path: path.to_owned(), source };
    let hash = hash_file(source.reader().map_err(read)?, source.size(), progress).await;
    source.check_unchanged(path)?;
    hash.map_err(read)
}

/// How a stream that is taken in ended.
#[derive(Debug)]
enum End {
    /// With bytes that are new, and no collection may run before they are held.
    New(Busy, Name),
    /// With bytes that are here already.
    Here(Imported),
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
