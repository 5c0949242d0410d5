//! A copy of the tree in which defects are planted, one at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::list::Mutant;
use crate::man::printed;

/// The copy; kept between runs so that cargo finds what it built.
pub(crate) struct Copy {
    /// Its root.
    pub(crate) root: PathBuf,
}

impl Copy {
    /// Brings the copy at `copy` up to date with the tree at `root`, committed or not.
    ///
    /// A file that is the same keeps its time, so cargo builds only what differs.
    ///
    /// # Errors
    /// Where git does not list the files, or one cannot be copied.
    pub(crate) fn sync(root: &Path, copy: &Path) -> anyhow::Result<Self> {
        let listed = printed(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(root),
        )?;
        let listed = String::from_utf8(listed).context("a file name that is no UTF-8")?;
        // A deleted file that is still in git's index is listed too.
        let names: BTreeSet<&str> =
            listed.split_terminator('\0').filter(|name| root.join(name).is_file()).collect();
        for name in &names {
            let (from, to) = (root.join(name), copy.join(name));
            let bytes = fs::read(&from).with_context(|| from.display().to_string())?;
            if fs::read(&to).is_ok_and(|old| old == bytes) {
                continue;
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&to, bytes).with_context(|| to.display().to_string())?;
        }
        remove_others(copy, copy, &names)?;
        Ok(Copy { root: copy.to_owned() })
    }

    /// Plants a defect; it is there until what this returns is dropped.
    ///
    /// # Errors
    /// Where the file cannot be changed.
    pub(crate) fn plant(&self, mutant: &Mutant) -> anyhow::Result<Planted> {
        let path = self.root.join(&mutant.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let defect = text.replacen(&mutant.original, &mutant.replacement, 1);
        ensure!(defect != text, "{} changes nothing", mutant.name);
        fs::write(&path, defect).with_context(|| path.display().to_string())?;
        Ok(Planted { path, text })
    }
}

/// A defect in place; dropping it restores the file.
pub(crate) struct Planted {
    path: PathBuf,
    text: String,
}

impl Drop for Planted {
    fn drop(&mut self) {
        fs::write(&self.path, &self.text).expect("a file just written can be written again");
    }
}

/// Removes the files of the copy that the tree has no more.
fn remove_others(copy: &Path, folder: &Path, names: &BTreeSet<&str>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_others(copy, &path, names)?;
            continue;
        }
        let name = path.strip_prefix(copy)?.to_string_lossy().replace('\\', "/");
        if !names.contains(name.as_str()) {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
