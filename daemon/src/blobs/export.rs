//! Writing a blob to a file: checked, whole or not at all, never over something.

use std::io;
use std::path::{Path, PathBuf};

use dsp_protocol::id::BlobHash;
use futures::TryStreamExt;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::Blobs;
use super::error::ExportError;

/// Written at once: the store reads pieces of 16 KiB.
const WRITE_BYTES: usize = 1 << 20;

impl Blobs {
    /// Writes a blob to `target` and returns its size. `progress` gets the bytes written.
    ///
    /// The bytes go to a file `.dsp-….part` beside it first, are synced, and take the name only
    /// when all were right. An existing `target` stays as it is.
    ///
    /// # Errors
    /// `target` exists, the blob is not here or damaged, or the file cannot be written; no file
    /// is left behind.
    pub async fn export(
        &self,
        hash: BlobHash,
        target: &Path,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, ExportError> {
        let write = |source| ExportError::Write { path: target.to_owned(), source };
        if tokio::fs::symlink_metadata(target).await.is_ok() {
            return Err(ExportError::Exists(target.to_owned()));
        }
        let size = self.complete_size(hash).await?;
        let part = Part::beside(target).map_err(write)?;
        let file = File::options().write(true).create_new(true).open(&part.path).await;
        let mut file = BufWriter::with_capacity(WRITE_BYTES, file.map_err(write)?);
        let mut pieces = self.reader(hash, 0..size);
        let mut written = 0;
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece).await.map_err(write)?;
            written += piece.len() as u64;
            progress(written);
        }
        file.flush().await.map_err(write)?;
        file.into_inner().sync_all().await.map_err(write)?;
        let target = target.to_owned();
        tokio::task::spawn_blocking(move || part.name(&target))
            .await
            .unwrap_or_else(|e| Err(write(io::Error::other(e))))?;
        Ok(size)
    }
}

/// A file under a passing name, removed unless it gets its own.
struct Part {
    path: PathBuf,
    dir: PathBuf,
}

impl Part {
    fn beside(target: &Path) -> io::Result<Part> {
        let dir = match target.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!(".dsp-{}.part", data_encoding::HEXLOWER.encode(&random));
        Ok(Part { path: dir.join(name), dir })
    }

    /// Gives the file its name, if that is free, and makes that last.
    fn name(&self, target: &Path) -> Result<(), ExportError> {
        let write = |source| ExportError::Write { path: target.to_owned(), source };
        match rename_new(&self.path, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ExportError::Exists(target.to_owned()));
            }
            renamed => renamed.map_err(write)?,
        }
        // A directory can be opened and synced on Unix only.
        if cfg!(unix) {
            std::fs::File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(write)?;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Renames where nothing has the new name.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems do not know the flag.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            renamed => return Ok(renamed?),
        }
    }
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)
}
