//! Categories of columns. Parquet keeps values and not the categories that no value is of, nor their
//! order: these stand in the footer of what is written here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Schema};
use serde::{Deserialize, Serialize};

use super::text::Form;
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
}

/// Categories as they are found, no more of them than may be: of what they were found in, nothing
/// is kept.
pub(crate) struct Gathering {
    form: Form,
    /// The texts with their places; none once they are too many.
    found: Option<HashMap<String, usize>>,
    looked_at: usize,
    bytes: usize,
}

impl Gathering {
    pub(crate) fn new(form: Form) -> Gathering {
        Gathering { form, found: Some(HashMap::new()), looked_at: 0, bytes: 0 }
    }

    /// Adds the values of an array; false once they are too many, or one is no category.
    pub(crate) fn add(&mut self, array: &ArrayRef) -> bool {
        self.looked_at = self.looked_at.saturating_add(array.len());
        let fits = self.looked_at <= 2 * LEVELS.0 && self.texts_of(array);
        if !fits {
            self.found = None;
        }
        fits
    }

    fn texts_of(&mut self, array: &ArrayRef) -> bool {
        let Some(found) = &mut self.found else { return false };
        let mut text = String::new();
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            text.clear();
            if self.form.write(array.as_ref(), row, &mut text).is_err() {
                return false;
            }
            if found.contains_key(&text) {
                continue;
            }
            self.bytes += text.len();
            if found.len() >= LEVELS.0 || self.bytes > LEVELS.1 {
                return false;
            }
            found.insert(text.clone(), found.len());
        }
        true
    }

    /// Returns the categories in the order in which they were found, where they are not too many.
    pub(crate) fn levels(self, column: usize, ordered: bool) -> Option<Levels> {
        let mut found: Vec<(String, usize)> = self.found?.into_iter().collect();
        found.sort_unstable_by_key(|(_, at)| *at);
        Some(Levels { column, texts: found.into_iter().map(|(text, _)| text).collect(), ordered })
    }
}

/// The dictionaries of a column, as they come.
pub(crate) struct Dictionaries {
    pub(crate) column: usize,
    ordered: bool,
    gathering: Gathering,
    /// The latest one, which most parts of a column share.
    latest: Option<ArrayRef>,
    seen: usize,
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
                ordered: field.dict_is_ordered().unwrap_or_default(),
                gathering: Gathering::new(Form::of(field)),
                latest: None,
                seen: 0,
            })
            .collect()
    }

    /// Looks at a part of the column, and tells whether it may have categories yet; what is no
    /// dictionary has none.
    pub(crate) fn look(&mut self, array: &ArrayRef) -> bool {
        if !self.is_open() {
            return false;
        }
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            self.give_up();
            return false;
        };
        let values = dictionary.values();
        let same = self.latest.as_ref().is_some_and(|latest| {
            Arc::ptr_eq(latest, values) || latest.to_data().ptr_eq(&values.to_data())
        });
        if same {
            return true;
        }
        self.seen += 1;
        if self.seen > DICTIONARIES || !self.gathering.add(values) {
            self.give_up();
            return false;
        }
        self.latest = Some(Arc::clone(values));
        true
    }

    /// Tells whether there may be categories yet.
    fn is_open(&self) -> bool {
        self.gathering.found.is_some()
    }

    fn give_up(&mut self) {
        self.latest = None;
        self.gathering.found = None;
    }

    /// Returns how many bytes the categories have so far.
    fn bytes(&self) -> usize {
        let found = self.gathering.found.as_ref();
        found.map_or(0, |found| self.gathering.bytes + found.len() * size_of::<String>())
    }

    /// Lets the last columns have no categories where those of all take more than they may.
    pub(crate) fn bound(all: &mut [Dictionaries]) {
        let mut room = LEVELS_SUM;
        for one in all {
            match room.checked_sub(one.bytes()) {
                Some(left) => room = left,
                None => one.give_up(),
            }
        }
    }

    /// Returns the categories, where they are not too many.
    pub(crate) fn levels(self) -> Option<Levels> {
        self.gathering.levels(self.column, self.ordered)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Int32Array, StringArray};
    use arrow_schema::Field;

    use super::*;

    /// Returns a part of a column with a dictionary of its own.
    fn part(text: String) -> ArrayRef {
        let values: ArrayRef = Arc::new(StringArray::from(vec![text]));
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0]), values))
    }

    fn column() -> Dictionaries {
        let of = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Schema::new(vec![Field::new("a", of, true)]);
        Dictionaries::of(&schema).remove(0)
    }

    #[test]
    fn few_dictionaries_of_a_column_are_looked_at() {
        let mut known = column();
        for at in 0..DICTIONARIES {
            assert!(known.look(&part(at.to_string())), "{at}");
        }
        assert!(!known.look(&part("one more".into())));
        assert_eq!(known.levels(), None);
    }

    #[test]
    fn categories_of_all_columns_take_little_together() {
        let mut all: Vec<Dictionaries> = (0..6).map(|_| column()).collect();
        for known in &mut all {
            assert!(known.look(&part("x".repeat(LEVELS.1))));
        }
        Dictionaries::bound(&mut all);
        let open: Vec<bool> = all.iter().map(Dictionaries::is_open).collect();
        assert_eq!(open, [true, true, true, false, false, false]);
    }
}
