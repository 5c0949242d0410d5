//! Taking the bytes of a push in, several files at a time.

use std::sync::atomic::{AtomicU64, Ordering};

use dsp_protocol::api::{Problem, ProblemCode, Progress};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::super::{Ops, Reporter};
use super::walk::{Planned, Source};
use crate::blobs::{Blobs, Keep, Status};
use dsp_protocol::object::BlobRef;

/// Files that are read at one time: enough to keep a disk busy.
const PARALLEL: usize = 4;

/// The files of a frame with their bytes here; not durable before a sync.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) files: Vec<(Planned, BlobRef)>,
    pub(super) keeps: Vec<Keep>,
}

impl Taken {
    /// Returns how many files there are, and their bytes.
    pub(super) fn sum(&self) -> (u64, u64) {
        let bytes = self.files.iter().map(|(_, blob)| blob.size).sum();
        (self.files.len() as u64, bytes)
    }
}

impl Ops {
    /// Makes sure that files fit into the quota of the store before anything is taken in: what was
    /// taken in and named by nothing would stay here for days. Where their sizes alone do not fit,
    /// they are read, as what is here already takes no room.
    ///
    /// # Errors
    /// They do not fit, or cannot be read.
    pub(super) async fn quota_for_files(
        &self,
        files: &[Planned],
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let total = files.iter().map(|file| file.source.bytes()).fold(0, u64::saturating_add);
        let Some(mut room) = self.room_in_quota().await? else { return Ok(()) };
        if room.fits(total) {
            return Ok(());
        }
        let (mut bytes_done, mut files_done) = (0, 0);
        for file in files {
            if let Source::File { path, id, bytes } = &file.source {
                let (hash, size) = Blobs::hash_path(path, *id).await?;
                // What is too much already is not read to the end.
                room.take(self, hash, size).await?;
                bytes_done += bytes;
            }
            files_done += 1;
            reporter.progress(|| Progress {
                what: "looking what is here already".to_owned(),
                bytes: bytes_done,
                bytes_total: Some(total),
                files: files_done,
                files_total: Some(files.len() as u64),
            });
        }
        Ok(())
    }

    /// Takes files in and keeps their bytes from the collector.
    pub(super) async fn import(
        &self,
        files: Vec<Planned>,
        reporter: &Reporter,
    ) -> Result<Taken, Problem> {
        let total: u64 = files.iter().map(|file| file.source.bytes()).sum();
        self.room_for(total).await?;
        let all = files.len() as u64;
        let (bytes_done, files_done) = (AtomicU64::new(0), AtomicU64::new(0));
        let tell = || {
            reporter.progress(|| Progress {
                what: "reading".to_owned(),
                bytes: bytes_done.load(Ordering::Relaxed),
                bytes_total: Some(total),
                files: files_done.load(Ordering::Relaxed),
                files_total: Some(all),
            });
        };
        let imports = stream::iter(files.into_iter().map(|file| {
            let (tell, bytes_done, files_done) = (&tell, &bytes_done, &files_done);
            async move {
                let mut told = 0;
                let (blob, keep) = self
                    .import_one(&file, |bytes| {
                        bytes_done.fetch_add(bytes.saturating_sub(told), Ordering::Relaxed);
                        told = told.max(bytes);
                        tell();
                    })
                    .await?;
                files_done.fetch_add(1, Ordering::Relaxed);
                tell();
                Ok::<_, Problem>(((file, blob), keep))
            }
        }));
        // In the order of the paths, however long each takes.
        let imported: Vec<_> = imports.buffered(PARALLEL).try_collect().await?;
        let (files, keeps) = imported.into_iter().unzip();
        Ok(Taken { files, keeps })
    }

    async fn import_one(
        &self,
        file: &Planned,
        progress: impl FnMut(u64) + Send,
    ) -> Result<(BlobRef, Keep), Problem> {
        match &file.source {
            Source::File { path, id, bytes } => {
                // Asked again for each file, as others write to the disk too.
                self.room_for(*bytes).await?;
                let imported = self.blobs.import_path(path, *id, progress).await?;
                Ok((BlobRef::new(imported.hash, imported.size), imported.keep))
            }
            Source::Blob(hash) => {
                let keep = self.blobs.keep(*hash).await;
                match self.blobs.status(*hash).await? {
                    Status::Complete { size } => Ok((BlobRef::new(*hash, size), keep)),
                    Status::Missing | Status::Partial { .. } => Err(Problem::new(
                        ProblemCode::BlobNotLocal,
                        format!("`{}`: blob {hash} is not here", file.path),
                    )
                    .with_hint("upload it before with `PUT /blobs`")),
                }
            }
        }
    }
}

impl Source {
    fn bytes(&self) -> u64 {
        match self {
            Source::File { bytes, .. } => *bytes,
            Source::Blob(_) => 0,
        }
    }
}
