//! What the database lies on: a file, and in tests memory or a disk that fails.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dsp_protocol::cbor::{self, Map, Value};
use redb::{Builder, Database};

use super::error::{Fault, OpenError};
use super::schema::{self, Migration};
use super::upgrade;
use crate::files::{self, FileError};

/// Bytes of the database that are kept in memory.
const CACHE_BYTES: usize = 64 << 20;

/// What the database lies on.
pub(super) trait Backing: fmt::Debug + Send + Sync + 'static {
    /// Opens the database, also again after it failed; all earlier ones are closed.
    fn open(&self) -> Result<Database, Fault>;

    /// Makes durable what is read of a database that failed, before it is opened again.
    fn write_again(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Returns the path for error messages.
    fn path(&self) -> &Path;

    /// Returns bytes that change when the database is restored or copied.
    fn place(&self) -> Result<Vec<u8>, FileError>;

    /// Brings what is there to the newest schema where that has to be done before it is opened.
    fn bring_up(&self, _migrations: &[Migration]) -> Result<(), OpenError> {
        Ok(())
    }

    /// Removes what was kept of an older schema.
    fn forget_kept(&self) {}
}

/// A builder with the settings that every database of ours has.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// A database in a file.
#[derive(Debug)]
pub(super) struct FileBacking {
    path: PathBuf,
}

impl FileBacking {
    /// Takes the file, and makes it if there is none: beside, and then moved in place, so that a
    /// crash leaves no half database.
    pub(super) fn prepare(path: &Path) -> Result<FileBacking, OpenError> {
        let backing = FileBacking { path: path.to_owned() };
        if path.exists() {
            return Ok(backing);
        }
        let staged = path.with_extension("redb.new");
        let fresh = files::private_options().create(true).truncate(true).open(&staged);
        let fresh = fresh.map_err(FileError::of("make", &staged))?;
        let fault = |fault: Fault| fault.into_open(staged.clone());
        let database = builder().create_file(fresh).map_err(|error| fault(error.into()))?;
        schema::migrate(&database, schema::MIGRATIONS).map_err(fault)?;
        drop(database);
        fs::rename(&staged, path).map_err(FileError::of("make", path))?;
        files::sync_folder_of(path)?;
        Ok(backing)
    }
}

impl Backing for FileBacking {
    fn open(&self) -> Result<Database, Fault> {
        // Never creates: an emptied file is an error, not a new beginning.
        let file = files::private_options().open(&self.path).map_err(redb::Error::Io);
        let file = file.map_err(Fault::Database)?;
        if file.metadata().map_err(|error| Fault::Database(error.into()))?.len() == 0 {
            return Err(Fault::Database(
                io::Error::new(io::ErrorKind::InvalidData, "it is empty").into(),
            ));
        }
        Ok(builder().create_file(file)?)
    }

    fn write_again(&self) -> Result<(), Fault> {
        files::write_again(&self.path).map_err(|error| Fault::Database(error.source.into()))
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self) -> Result<Vec<u8>, FileError> {
        place_of(&self.path, &self.path)
    }

    fn bring_up(&self, migrations: &[Migration]) -> Result<(), OpenError> {
        upgrade::bring_up(&self.path, migrations)
    }

    fn forget_kept(&self) {
        upgrade::forget_kept(&self.path);
    }
}

/// Returns the place of `file` once it lies at `path`.
pub(super) fn place_of(path: &Path, file: &Path) -> Result<Vec<u8>, FileError> {
    let path = path.canonicalize().map_err(FileError::of("find", path))?;
    let metadata = fs::metadata(file).map_err(FileError::of("read", file))?;
    // An inode number is given to another file soon after its file is gone; the time of birth
    // tells the two apart, where the system knows it.
    let born = metadata.created().ok().and_then(|time| {
        let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    });
    let mut map = Map::new().with("path", path.as_os_str().as_encoded_bytes());
    map.insert_some("born", born);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        map.insert("dev", metadata.dev());
        map.insert("ino", metadata.ino());
    }
    Ok(cbor::encode(&Value::Map(map)))
}
