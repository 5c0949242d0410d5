//! From one schema to the next on a copy of the file, so that a program that fails half-way, or is
//! regretted, leaves what was there.
//!
//! The old file is copied to `meta.redb.schema-<n>` first, then to `meta.redb.upgrade`, which goes
//! through the migrations and takes the place of `meta.redb` by a rename. Until that rename the old
//! file is untouched, and whatever a crash leaves beside it is made anew. The kept copy goes when
//! the new file was opened twice. It is another file to the system, so that putting it back is
//! noticed like any backup.

use std::fs;
use std::path::{Path, PathBuf};

use redb::Database;

use super::backing::{builder, place_of};
use super::error::{Fault, OpenError};
use super::schema::{self, Migration};
use crate::files::{self, FileError};

/// What stands between the name of the database and the schema of a copy that is kept.
const KEPT: &str = ".schema-";

/// What is there.
struct Old {
    /// Its schema.
    schema: u32,
    /// Where it lay when its incarnation was drawn.
    place: Option<Vec<u8>>,
}

/// Brings the database at `path` to the newest schema. One that is there, or newer, is left alone.
///
/// # Errors
/// The disk has no room for two copies, or a migration fails; the file is as it was.
pub(super) fn bring_up(path: &Path, migrations: &[Migration]) -> Result<(), OpenError> {
    let staged = beside(path, ".upgrade");
    remove_if_there(&staged)?;
    let Some(Old { schema: found, place }) = look(path)? else { return Ok(()) };
    if found as usize >= migrations.len() {
        return Ok(());
    }
    tracing::info!(
        from = found,
        to = migrations.len(),
        "the database is brought to a newer schema"
    );
    let upgraded = keep(path, found).and_then(|()| {
        copy(path, &staged)?;
        migrate(path, &staged, place.as_deref(), migrations)?;
        fs::rename(&staged, path).map_err(FileError::of("replace", path))?;
        Ok(files::sync_folder_of(path)?)
    });
    if upgraded.is_err() {
        remove_if_there(&staged)?;
    }
    upgraded
}

/// Removes the copies that were kept of older schemas.
pub(super) fn forget_kept(path: &Path) {
    let prefix = path.file_name().unwrap_or_default().to_string_lossy().into_owned() + KEPT;
    let folder = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    for entry in folder.into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let removed = fs::remove_file(entry.path());
            tracing::info!(path = %entry.path().display(), ?removed, "an old database goes");
        }
    }
}

/// Looks at a file; nothing is there where it is empty or holds no tables.
fn look(path: &Path) -> Result<Option<Old>, OpenError> {
    let fault = |fault: Fault| fault.into_open(path.to_owned());
    let length = fs::metadata(path).map_err(FileError::of("read", path))?.len();
    if length == 0 {
        return Ok(None); // An emptied file is no new beginning; opening it says so.
    }
    let database = open(path)?;
    let Some((found, _)) = schema::found(&database).map_err(fault)? else { return Ok(None) };
    let place = schema::place(&database).map_err(fault)?;
    Ok(Some(Old { schema: found, place }))
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let file = files::private_options().open(path).map_err(FileError::of("open", path))?;
    let database = builder().create_file(file);
    database.map_err(|error| Fault::from(error).into_open(path.to_owned()))
}

/// Keeps a copy of the old file, whole or not at all.
fn keep(path: &Path, schema: u32) -> Result<(), OpenError> {
    let (kept, part) = (beside(path, &format!("{KEPT}{schema}")), beside(path, ".part"));
    let kept_whole = copy(path, &part)
        .and_then(|()| Ok(fs::rename(&part, &kept).map_err(FileError::of("keep", &kept))?));
    if kept_whole.is_err() {
        remove_if_there(&part)?;
    }
    kept_whole
}

fn copy(from: &Path, to: &Path) -> Result<(), OpenError> {
    remove_if_there(to)?;
    fs::copy(from, to).map_err(FileError::of("copy the database to", to))?;
    let synced = files::private_options().open(to).and_then(|file| file.sync_all());
    Ok(synced.map_err(FileError::of("sync", to))?)
}

/// Migrates the copy; where the old file lay in its place, the copy is noted to do so too.
fn migrate(
    path: &Path,
    staged: &Path,
    was: Option<&[u8]>,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    let (old, new) = (place_of(path, path)?, place_of(path, staged)?);
    let fault = |fault: Fault| fault.into_open(path.to_owned());
    let database = open(staged)?;
    schema::migrate(&database, migrations).map_err(fault)?;
    let place = (was == Some(&old[..])).then_some(&new[..]);
    schema::mark_upgraded(&database, place).map_err(fault)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().expect("a file has a name").to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::of("remove", path)(error))
        }
        _ => Ok(()),
    }
}
