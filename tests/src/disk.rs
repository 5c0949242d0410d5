//! A small disk of its own, to be filled. Linux with root.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// How much is written at once while a disk is filled, in bytes.
const PIECE: usize = 4096;

/// A disk in memory; unmounted when it is dropped.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts a disk of `bytes` on a folder, which is made.
    ///
    /// # Errors
    /// Says why that cannot be done here.
    pub fn mount(folder: &Path, bytes: u64) -> Result<Disk, String> {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let options = format!("size={bytes},mode=0700");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder)
            .output()
            .map_err(|error| format!("mount: {error}"))?;
        match output.status.success() {
            true => Ok(Disk { folder: folder.to_owned() }),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    /// Returns the bytes that are free.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn free_bytes(&self) -> anyhow::Result<u64> {
        let stat = rustix::fs::statvfs(&self.folder)?;
        Ok(stat.f_bavail * stat.f_frsize)
    }

    /// Writes a file of zeros until `leave` bytes are free.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn fill(&self, leave: u64) -> anyhow::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        while self.free_bytes()? > leave {
            match file.write_all(&[0; PIECE]) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                written => written.context("could not fill the disk")?,
            }
        }
        Ok(())
    }

    /// Removes that file.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clear(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Detached, as whoever has a file open there may be about to end.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
