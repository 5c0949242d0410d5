//! What is said of a table beside its columns: categories, which Parquet does not keep, by the
//! Python client and by the daemon itself, and names of index levels by pandas.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Fields;
use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;

use super::levels::{Gathering, KEY, Levels};
use super::text::Form;
use crate::limits::LEVELS;
use crate::source::Source;
use crate::{TableError, ipc};

/// The notes of a file by their keys, as far as they are read.
#[derive(Default)]
pub(super) struct Hints {
    categories: HashMap<String, Categories>,
    names: HashMap<String, String>,
    /// The columns that are levels of an index, in their order.
    index: Vec<String>,
    /// Whether pandas wrote it, to which a NaN is a missing value.
    is_of_pandas: bool,
    /// What the daemon noted when it made the file.
    levels: Vec<Levels>,
}

struct Categories {
    data: String,
    ordered: bool,
}

#[derive(Deserialize)]
struct Client {
    columns: Vec<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    name: String,
    #[serde(default)]
    ordered: bool,
    categories: Option<Held>,
}

#[derive(Deserialize)]
struct Held {
    data: String,
}

#[derive(Deserialize)]
struct Pandas {
    /// Names of columns; where there is none, how the rows are counted.
    #[serde(default)]
    index_columns: Vec<serde_json::Value>,
    #[serde(default)]
    columns: Vec<PandasColumn>,
}

#[derive(Deserialize)]
struct PandasColumn {
    name: Option<String>,
    field_name: Option<String>,
}

impl Hints {
    /// Reads what is known of notes; others, and those that are none, are passed over.
    pub(super) fn read<'a>(notes: impl Iterator<Item = (&'a str, &'a str)>) -> Hints {
        let mut hints = Hints::default();
        for (key, text) in notes {
            match key {
                "dsp" => {
                    let Ok(client) = serde_json::from_str::<Client>(text) else { continue };
                    for Spec { name, ordered, categories } in client.columns {
                        if let Some(Held { data }) = categories {
                            hints.categories.insert(name, Categories { data, ordered });
                        }
                    }
                }
                KEY => hints.levels = serde_json::from_str(text).unwrap_or_default(),
                "pandas" => {
                    let Ok(pandas) = serde_json::from_str::<Pandas>(text) else { continue };
                    hints.is_of_pandas = true;
                    let levels = pandas.index_columns.iter();
                    hints.index =
                        levels.filter_map(|level| Some(level.as_str()?.to_owned())).collect();
                    for column in pandas.columns {
                        let Some(field) = column.field_name else { continue };
                        let Some(level) = level_of(&field) else { continue };
                        let name = column.name.unwrap_or_else(|| match level {
                            0 => "index".to_owned(),
                            level => format!("level_{level}"),
                        });
                        hints.names.insert(field, name);
                    }
                }
                _ => {}
            }
        }
        hints
    }

    /// Returns the name of a column: that of the index level which it is.
    pub(super) fn name(&self, field: &str) -> String {
        self.names.get(field).map_or_else(|| field.to_owned(), String::clone)
    }

    /// Returns the order in which columns are written, as pandas does: those of the index first.
    pub(super) fn order(&self, fields: &Fields) -> Vec<usize> {
        let place = |field: &str| self.index.iter().position(|level| level == field);
        let mut order: Vec<usize> = (0..fields.len()).collect();
        order.sort_by_key(|at| place(fields[*at].name()).unwrap_or(usize::MAX));
        order
    }

    /// Tells whether a NaN is a missing value.
    pub(super) fn nan_is_missing(&self) -> bool {
        self.is_of_pandas
    }

    /// Returns the categories of a column, where the client says them.
    pub(super) fn levels(&self, column: usize, field: &str, form: Form) -> Option<Levels> {
        if let Some(levels) = self.levels.iter().find(|levels| levels.column == column) {
            return Some(levels.clone());
        }
        let categories = self.categories.get(field)?;
        // In Base64, with what Arrow writes beside the texts.
        if categories.data.len() > 4 * LEVELS.1 {
            return None;
        }
        let bytes = BASE64.decode(categories.data.as_bytes()).ok()?;
        let source: Arc<dyn Source> = Arc::new(Bytes::from(bytes));
        let mut gathering = Gathering::new(form);
        let read = ipc::read(&source, |batch| {
            let Some(array) = batch.columns().first() else { return Ok(()) };
            // A few bytes unpack to a great many: what is too much is not read on.
            match Form::of_type(array.data_type()) == form && gathering.add(array) {
                true => Ok(()),
                false => Err(TableError::arrow("these are no categories")),
            }
        });
        // The note of a file is no reason not to read the file.
        read.ok().and_then(|()| gathering.levels(column, categories.ordered))
    }
}

/// Returns the level of an index that a column is.
fn level_of(field: &str) -> Option<usize> {
    field.strip_prefix("__index_level_")?.strip_suffix("__")?.parse().ok()
}
