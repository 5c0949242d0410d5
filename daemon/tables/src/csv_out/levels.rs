//! Categories of columns. Parquet keeps values and not the categories that no value is of, nor their
//! order: these stand in the footer of what is written here.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Schema};
use serde::{Deserialize, Serialize};

use super::text::Form;
use crate::TableError;
use crate::limits::{LEVELS, LEVELS_SUM};

/// The key of the footer under which they stand.
pub(crate) const KEY: &str = "dsp:levels";
/// Dictionaries that a column may have, one after the other, to be looked at.
const DICTIONARIES: usize = 64;

/// The categories of a column.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Levels {
    /// The number of the column.
    #[serde(default)]
    pub(crate) column: usize,
    pub(crate) texts: Vec<String>,
    pub(crate) ordered: bool,
}

impl Levels {
    /// Returns about how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.len() + size_of::<String>()).sum()
    }

    /// Writes values as categories; none where they are too many.
    pub(crate) fn of(
        arrays: &[ArrayRef],
        form: Form,
        ordered: bool,
    ) -> Result<Option<Levels>, TableError> {
        let mut seen = HashSet::new();
        let mut levels = Levels { column: 0, texts: Vec::new(), ordered };
        let mut bytes = 0;
        for array in arrays {
            for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                let mut text = String::new();
                form.write(array.as_ref(), row, &mut text)?;
                if !seen.insert(text.clone()) {
                    continue;
                }
                bytes += text.len();
                levels.texts.push(text);
                if levels.texts.len() > LEVELS.0 || bytes > LEVELS.1 {
                    return Ok(None);
                }
            }
        }
        Ok(Some(levels))
    }
}

/// The dictionaries of a column, as they come.
pub(crate) struct Dictionaries {
    pub(crate) column: usize,
    form: Form,
    ordered: bool,
    /// None once they are too many.
    arrays: Option<Vec<ArrayRef>>,
}

impl Dictionaries {
    /// Returns one for each column that is a dictionary.
    pub(crate) fn of(schema: &Schema) -> Vec<Dictionaries> {
        let fields = schema.fields().iter().enumerate();
        let dictionary = |data_type: &DataType| matches!(data_type, DataType::Dictionary(..));
        fields
            .filter(|(_, field)| dictionary(field.data_type()))
            .map(|(column, field)| Dictionaries {
                column,
                form: Form::of(field),
                ordered: field.dict_is_ordered().unwrap_or_default(),
                arrays: Some(Vec::new()),
            })
            .collect()
    }

    /// Looks at a part of the column; what is none has no categories.
    pub(crate) fn look(&mut self, array: &ArrayRef) {
        let Some(arrays) = &mut self.arrays else { return };
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            self.arrays = None;
            return;
        };
        let values = dictionary.values();
        let same = arrays.last().is_some_and(|last| {
            Arc::ptr_eq(last, values) || last.to_data().ptr_eq(&values.to_data())
        });
        if !same {
            arrays.push(Arc::clone(values));
        }
        let count: usize = arrays.iter().map(|array| array.len()).sum();
        let bytes: usize = arrays.iter().map(|array| array.get_buffer_memory_size()).sum();
        if count > 2 * LEVELS.0 || arrays.len() > DICTIONARIES || bytes > LEVELS_SUM {
            self.arrays = None;
        }
    }

    /// Returns the categories, where they are not too many.
    pub(crate) fn levels(self) -> Result<Option<Levels>, TableError> {
        let Some(arrays) = self.arrays else { return Ok(None) };
        let levels = Levels::of(&arrays, self.form, self.ordered)?;
        Ok(levels.map(|levels| Levels { column: self.column, ..levels }))
    }
}
