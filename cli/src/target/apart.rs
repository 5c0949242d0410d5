//! Names that the file system of a folder takes for one.
//!
//! Which names those are differs by system, version and folder, so it is tried out, and only where
//! two names are close enough.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use dsp_protocol::name::{Collision, Folded};

/// Returns two names in `paths` that would be one file below `folder`, which exists.
///
/// # Errors
/// When it cannot be tried out.
pub(crate) fn confused<'a>(
    folder: &Path,
    paths: impl Iterator<Item = &'a str>,
) -> io::Result<Option<Collision>> {
    confused_where(paths, |one, other| are_one(folder, one, other))
}

/// Returns the first two names that differ in case or normal form only and are one by `are_one`.
pub(super) fn confused_where<'a>(
    paths: impl Iterator<Item = &'a str>,
    mut are_one: impl FnMut(&str, &str) -> io::Result<bool>,
) -> io::Result<Option<Collision>> {
    let mut names = Folded::new();
    for path in paths {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let Err(collision) = names.insert(&path[..end]) else { continue };
            // What is in front of the last names collides too, or is the same.
            if are_one(last(&collision.first), last(&collision.second))? {
                return Ok(Some(collision));
            }
            // Names fold coarser than this folder does.
            break;
        }
    }
    Ok(None)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Makes a file of one name and looks for the other.
pub(super) fn are_one(folder: &Path, one: &str, other: &str) -> io::Result<bool> {
    let probe = Probe::make(folder)?;
    File::create_new(probe.0.join(one))?;
    match probe.0.join(other).symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A folder of its own, gone when dropped.
struct Probe(PathBuf);

impl Probe {
    fn make(folder: &Path) -> io::Result<Probe> {
        let path = folder.join(format!(".dsp-{}.probe", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Probe(path))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
