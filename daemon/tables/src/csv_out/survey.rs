//! What is in a column, as far as it decides how the column is written.

use std::collections::HashSet;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;

use super::BATCH_ROWS;
use super::levels::{Dictionaries, Levels};
use super::text::{Form, holds, plain};
use crate::TableError;
use crate::table::Table;

/// What was seen of a column so far.
pub(super) struct Survey {
    form: Form,
    nan_is_missing: bool,
    levels: Option<HashSet<String>>,
    missing: bool,
    empty: bool,
    /// Whether there is a carriage return.
    returns: bool,
    /// How many `_` the longest text has that is `NA` and nothing but these.
    longest_na: Option<usize>,
    unfit: bool,
    outside: bool,
}

impl Survey {
    pub(super) fn new(form: Form, levels: &Option<Levels>, nan_is_missing: bool) -> Survey {
        let levels = levels.as_ref().map(|levels| levels.texts.iter().cloned().collect());
        Survey {
            form,
            nan_is_missing,
            levels,
            missing: false,
            empty: false,
            returns: false,
            longest_na: None,
            unfit: false,
            outside: false,
        }
    }

    /// Looks at some values, and says of each text how long it is before it is gone through.
    pub(super) fn look(
        &mut self,
        array: &ArrayRef,
        mut spend: impl FnMut(usize) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut text = String::new();
        for row in 0..array.len() {
            if self.form.is_missing(array, row, self.nan_is_missing) {
                self.missing = true;
                continue;
            }
            self.unfit |= !holds(self.form, array, row);
            match (&self.levels, self.form) {
                (Some(levels), _) => {
                    text.clear();
                    // No level is as long as to be copied for long.
                    match plain(array.as_ref(), row).filter(|_| self.form == Form::Text) {
                        Some(text) => {
                            spend(text.len())?;
                            self.outside |= !levels.contains(text);
                            self.look_at(text);
                        }
                        None => {
                            self.form.write(array.as_ref(), row, &mut text)?;
                            spend(text.len())?;
                            self.outside |= !levels.contains(&text);
                            let text = std::mem::take(&mut text);
                            self.look_at(&text);
                        }
                    }
                }
                (None, Form::Text) => {
                    let text = plain(array.as_ref(), row).unwrap_or_default();
                    spend(text.len())?;
                    self.look_at(text);
                }
                // The other forms have neither letters of their own nor are they empty, but that
                // no bytes are.
                (None, Form::Told) => self.empty |= is_empty(array, row),
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn look_at(&mut self, text: &str) {
        self.empty |= text.is_empty();
        self.returns |= text.contains('\r');
        if let Some(rest) = text.strip_prefix("NA")
            && rest.bytes().all(|b| b == b'_')
        {
            self.longest_na = self.longest_na.max(Some(rest.len()));
        }
    }

    pub(super) fn first_form(&self) -> Form {
        self.form
    }

    /// Returns the form in which all values can be written.
    pub(super) fn form(&self) -> Form {
        match (self.unfit, self.form) {
            (false, form) => form,
            (true, Form::Int) => Form::Long,
            (true, Form::Long) => Form::Digits,
            (true, _) => Form::Told,
        }
    }

    /// Tells whether all values are among the categories.
    pub(super) fn in_levels(&self) -> bool {
        !self.outside
    }

    pub(super) fn has_returns(&self) -> bool {
        self.returns
    }

    /// Returns what stands for a missing value: nothing, unless a value is nothing too, or a line
    /// would be.
    pub(super) fn null(&self, quoted: bool, alone: bool) -> Option<String> {
        if quoted && !self.missing {
            return None;
        }
        let ambiguous = alone || quoted && self.empty;
        if !self.missing || !ambiguous {
            return Some(String::new());
        }
        let underscores = self.longest_na.map_or(0, |longest| longest + 1);
        Some(format!("NA{}", "_".repeat(underscores)))
    }
}

fn is_empty(array: &ArrayRef, row: usize) -> bool {
    match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row).is_empty(),
        DataType::LargeBinary => array.as_binary::<i64>().value(row).is_empty(),
        DataType::BinaryView => array.as_binary_view().value(row).is_empty(),
        _ => false,
    }
}

/// Returns the categories of a column that is a dictionary of Arrow, in their order there.
pub(super) fn levels(table: &Table, at: usize) -> Result<Option<Levels>, TableError> {
    let Some(mut known) = Dictionaries::of(table.original()).into_iter().find(|d| d.column == at)
    else {
        return Ok(None);
    };
    // A reader that does not take the dictionary as it is has no categories.
    let Ok(batches) = table.dictionaries(at, BATCH_ROWS) else { return Ok(None) };
    for batch in batches {
        let Ok(batch) = batch else { return Ok(None) };
        if !known.look(batch.column(0)) {
            return Ok(None);
        }
    }
    let levels = known.levels();
    // Others write them in the order in which their values come.
    let in_order = table.writer().starts_with("parquet-cpp");
    Ok(levels.map(|levels| Levels { ordered: levels.ordered && in_order, ..levels }))
}
