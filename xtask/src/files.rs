//! Looking for files below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Returns the file called `name` anywhere below `folder`.
///
/// # Errors
/// Where a folder cannot be read.
pub(crate) fn find(folder: &Path, name: &str) -> anyhow::Result<Option<PathBuf>> {
    Ok(files(folder)?.into_iter().find(|path| path.file_name() == Some(name.as_ref())))
}

/// Returns all regular files below a folder that may be missing.
///
/// # Errors
/// Where a folder cannot be read.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}
