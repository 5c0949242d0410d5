//! `config.toml`: read whole, changed value by value, with the user's comments and order kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{ConfigError, find};
use crate::files::{self, FileError};

/// The settings file.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    document: DocumentMut,
}

/// Why the settings file is not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The name or the value is refused, or the file as it stands cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file has something else where the setting belongs.
    #[error("{} has something else than a table at `{table}`", path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The table.
        table: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl ConfigFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// It cannot be read, or is no TOML.
    pub fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(FileError::of("read", path)(error).into()),
        };
        let document = text.parse().map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        Ok(ConfigFile { path: path.to_owned(), document })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what stands in the file: `table.key` and value, known or not.
    pub(super) fn entries(&self) -> Vec<(String, Value)> {
        let mut entries = Vec::new();
        collect("", self.document.as_table(), &mut entries);
        entries
    }

    /// Sets a setting in the file, from text.
    ///
    /// The file is read again first, so that nothing written by hand meanwhile is lost, and is
    /// replaced in one step.
    ///
    /// # Errors
    /// [`EditError`]; the file is then unchanged.
    pub fn set(path: &Path, name: &str, text: &str) -> Result<(), EditError> {
        let setting = find(name, None)?;
        let mut value = setting.check(text)?;
        let mut file = ConfigFile::read(path)?;
        let (table, key) = split(name);
        let item = file.document.entry(table).or_insert_with(|| Item::Table(Table::new()));
        let table = item
            .as_table_like_mut()
            .ok_or_else(|| EditError::NoTable { path: path.to_owned(), table: table.to_owned() })?;
        if let Some(old) = table.get(key).and_then(Item::as_value) {
            *value.decor_mut() = old.decor().clone();
        }
        table.insert(key, Item::Value(value));
        file.write()
    }

    /// Takes a setting out of the file, so that its default is in force again.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn unset(path: &Path, name: &str) -> Result<(), EditError> {
        find(name, None)?;
        let mut file = ConfigFile::read(path)?;
        let (table, key) = split(name);
        let table = file.document.get_mut(table).and_then(Item::as_table_like_mut);
        match table.and_then(|table| table.remove(key)) {
            Some(_) => file.write(),
            None => Ok(()),
        }
    }

    fn write(&self) -> Result<(), EditError> {
        Ok(files::replace(&self.path, self.document.to_string().as_bytes())?)
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('.').expect("the name of a setting has two parts")
}

fn collect(prefix: &str, table: &dyn TableLike, entries: &mut Vec<(String, Value)>) {
    for (key, item) in table.iter() {
        let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        match item {
            Item::Value(Value::InlineTable(inner)) => collect(&name, inner, entries),
            Item::Value(value) => entries.push((name, value.clone())),
            Item::Table(inner) => collect(&name, inner, entries),
            // No setting is a list of tables; its name tells that it is none.
            Item::ArrayOfTables(list) => {
                entries.push((name, Value::Array(list.clone().into_array())));
            }
            Item::None => {}
        }
    }
}
