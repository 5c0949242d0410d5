//! What rows are ordered by, kept small: a number is 16 bytes, a text its bytes and 12.

use std::cmp::Ordering;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field};

use super::compare::{Key, check_ordered, key};
use crate::TableError;
use crate::limits::SELECT_BYTES;

/// What stands for a missing value, and for one that is no number: behind all others.
const MISSING: u128 = u128::MAX;
const NAN: u128 = u128::MAX - 1;
/// What a text takes beside its bytes.
const SPAN_BYTES: usize = size_of::<Option<(u32, u32)>>();

/// A column that orders rows.
pub(super) struct Keys {
    descending: bool,
    values: Values,
}

enum Values {
    Numbers(Vec<u128>),
    Texts {
        /// Where each text begins and how long it is; none where it is missing.
        spans: Vec<Option<(u32, u32)>>,
        bytes: Vec<u8>,
    },
}

impl Keys {
    pub(super) fn new(field: &Field, descending: bool) -> Result<Keys, TableError> {
        check_ordered(field)?;
        let of = match field.data_type() {
            DataType::Dictionary(_, values) => values,
            other => other,
        };
        let values = match of {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Values::Texts { spans: Vec::new(), bytes: Vec::new() }
            }
            _ => Values::Numbers(Vec::new()),
        };
        Ok(Keys { descending, values })
    }

    /// Adds a row; what it takes goes from the bytes that are left, before anything is copied.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn push(
        &mut self,
        array: &ArrayRef,
        row: usize,
        left: &mut u64,
    ) -> Result<(), TableError> {
        let key = key(array, row);
        let size = match (&self.values, &key) {
            (Values::Numbers(_), _) => size_of::<u128>(),
            (Values::Texts { .. }, Some(Key::Text(text))) => SPAN_BYTES + text.len(),
            (Values::Texts { .. }, _) => SPAN_BYTES,
        };
        let rest = left.checked_sub(size as u64);
        *left = rest.ok_or_else(|| {
            let what = "what the rows are sorted by, in bytes,".into();
            let size = SELECT_BYTES - *left + size as u64;
            TableError::TooLarge { what, size, limit: SELECT_BYTES }
        })?;
        match &mut self.values {
            Values::Numbers(numbers) => numbers.push(match key {
                Some(Key::Whole(whole)) => whole as u128 ^ (1 << 127),
                Some(Key::Fraction(fraction)) => of_fraction(fraction),
                _ => MISSING,
            }),
            Values::Texts { spans, bytes } => spans.push(match key {
                Some(Key::Text(text)) => {
                    // All texts together are no longer than what is left at first.
                    let span = (bytes.len() as u32, text.len() as u32);
                    bytes.extend_from_slice(text.as_bytes());
                    Some(span)
                }
                _ => None,
            }),
        }
        Ok(())
    }

    /// Compares two rows by their places here.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        match &self.values {
            Values::Numbers(numbers) => {
                let (a, b) = (numbers[a], numbers[b]);
                match a.max(b) >= NAN {
                    true => a.cmp(&b),
                    false => self.directed(a.cmp(&b)),
                }
            }
            Values::Texts { spans, bytes } => {
                let text = |(start, length): (u32, u32)| {
                    &bytes[start as usize..start as usize + length as usize]
                };
                match (spans[a], spans[b]) {
                    (Some(a), Some(b)) => self.directed(text(a).cmp(text(b))),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                }
            }
        }
    }

    fn directed(&self, order: Ordering) -> Ordering {
        match self.descending {
            true => order.reverse(),
            false => order,
        }
    }
}

/// Returns a number that is ordered as the fraction is.
fn of_fraction(fraction: f64) -> u128 {
    if fraction.is_nan() {
        return NAN;
    }
    // Zero has no sign here.
    let bits = (fraction + 0.0).to_bits();
    let ordered = match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    };
    ordered.into()
}

#[cfg(test)]
mod tests {
    use super::of_fraction;

    #[test]
    fn fractions_keep_their_order() {
        let ordered = [f64::NEG_INFINITY, -1.5, -5e-324, 0.0, 5e-324, 1.0, f64::INFINITY, f64::NAN];
        assert!(ordered.windows(2).all(|pair| of_fraction(pair[0]) < of_fraction(pair[1])));
        assert_eq!(of_fraction(0.0), of_fraction(-0.0));
    }
}
