//! The files that are pushed: bytes that do not compress, the same for the same seed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A shape of data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// How many files; at most 100 stand in one folder.
    pub(crate) files: usize,
    /// Bytes of each.
    pub(crate) size_bytes: u64,
}

/// One file of 1 GiB.
pub(crate) const ONE_LARGE: Work = Work { files: 1, size_bytes: 1 << 30 };
/// 10,000 files of 10 KiB in 100 folders.
pub(crate) const MANY_SMALL: Work = Work { files: 10_000, size_bytes: 10 << 10 };

impl Work {
    /// Writes the files below `folder` and flushes them, so that no later measurement pays.
    ///
    /// # Errors
    /// Where the disk does not take them.
    pub(crate) fn write(self, folder: &Path, seed: u64) -> anyhow::Result<()> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        let mut random = hasher.finalize_xof();
        let mut buffer = vec![0; 1 << 20];
        for path in self.paths() {
            let path = folder.join(path);
            let parent = path.parent().context("a file stands in a folder")?;
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
            let mut file = BufWriter::new(File::create(&path)?);
            let mut left = self.size_bytes;
            while left > 0 {
                let now = left.min(buffer.len() as u64) as usize;
                random.fill(&mut buffer[..now]);
                file.write_all(&buffer[..now])?;
                left -= now as u64;
            }
            file.into_inner().map_err(|error| error.into_error())?;
        }
        flush(folder)
    }

    /// Returns how many bytes the files have together.
    pub(crate) fn bytes(self) -> u64 {
        self.files as u64 * self.size_bytes
    }

    /// Returns the paths of the files, from their folder.
    pub(crate) fn paths(self) -> impl Iterator<Item = PathBuf> {
        (0..self.files).map(|n| PathBuf::from(format!("{:03}/{n:05}.bin", n / 100)))
    }
}

/// Waits until everything below `folder` is on the disk: once for all files, as a store may.
///
/// # Errors
/// Where the disk fails.
pub(crate) fn flush(folder: &Path) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(folder)?)?;
    #[cfg(not(target_os = "linux"))]
    for path in crate::files::files(folder)? {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
