//! Values of columns beside values that a caller names.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float16Type;
use arrow_array::{Array as _, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::Value;

use super::Test;
use super::prune::Known;
use crate::TableError;
use crate::limits::SELECT_VALUES;
use crate::noted::{digits, scaled};
use crate::schema::type_name;
use crate::time::{parse_date, parse_of_day, parse_point};
use crate::value::{fraction, whole};

/// What looking at a cell costs beside its bytes, as bytes that are looked through.
const CELL_COST: u64 = 16;

/// A value as it is ordered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key<'a> {
    Whole(i128),
    Fraction(f64),
    Text(&'a str),
}

/// Returns a cell that is there as it is ordered.
pub(super) fn key(array: &ArrayRef, row: usize) -> Option<Key<'_>> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Key::Whole(array.as_boolean().value(row).into()),
        DataType::Utf8 => Key::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Key::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Key::Text(array.as_string_view().value(row)),
        _ => match fraction(array.as_ref(), row) {
            Some(fraction) => Key::Fraction(fraction),
            None => Key::Whole(whole(array.as_ref(), row)?),
        },
    })
}

/// Tells whether the values of a column have an order here.
pub(super) fn check_ordered(field: &Field) -> Result<(), TableError> {
    match class(field.data_type()) {
        Some(_) => Ok(()),
        None => Err(TableError::Unsupported(format!(
            "rows are not sorted or picked by column `{}`, which is {}",
            field.name(),
            type_name(field.data_type()),
        ))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Boolean,
    Whole,
    /// Of so many bits.
    Fraction(u8),
    Decimal(u8),
    Text,
    Date,
    Point(TimeUnit),
    OfDay(TimeUnit),
}

fn class(data_type: &DataType) -> Option<Class> {
    Some(match data_type {
        DataType::Boolean => Class::Boolean,
        DataType::Float16 => Class::Fraction(16),
        DataType::Float32 => Class::Fraction(32),
        DataType::Float64 => Class::Fraction(64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        DataType::Date32 => Class::Date,
        DataType::Timestamp(unit, _) => Class::Point(*unit),
        DataType::Date64 => Class::Point(TimeUnit::Millisecond),
        DataType::Time32(unit) | DataType::Time64(unit) => Class::OfDay(*unit),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale) => Class::Decimal(u8::try_from(*scale).ok()?),
        DataType::Dictionary(_, values) => class(values)?,
        other if other.is_integer() => Class::Whole,
        DataType::Duration(_) => Class::Whole,
        _ => return None,
    })
}

/// A value that a caller names.
#[derive(Clone, Debug)]
pub(super) enum Named {
    Whole(i128),
    Fraction(f64),
    Text(String),
}

impl Named {
    fn of(class: Class, value: &Value) -> Option<Named> {
        let digits_of = |value: &Value| match value {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        Some(match class {
            Class::Boolean => Named::Whole(value.as_bool()?.into()),
            Class::Whole => match digits_of(value)?.parse() {
                Ok(whole) => Named::Whole(whole),
                // 2.5 is between 2 and 3.
                Err(_) => Named::Fraction(value.as_f64()?),
            },
            Class::Fraction(bits) => {
                let named: f64 = match value {
                    Value::String(text) => text.parse().ok()?,
                    other => other.as_f64()?,
                };
                // 0.1 of a narrow column is not that of 64 bits: the named one is as its values are.
                let rounded = match bits {
                    16 => <Float16Type as ArrowPrimitiveType>::Native::from_f64(named).to_f64(),
                    32 => f64::from(named as f32),
                    _ => named,
                };
                let beyond = rounded.is_infinite() || rounded == 0.0;
                Named::Fraction(if beyond { named } else { rounded })
            }
            Class::Decimal(scale) => Named::Whole(scaled(&digits_of(value)?, scale)?),
            Class::Text => Named::Text(value.as_str()?.to_owned()),
            Class::Date => Named::Whole(parse_date(value.as_str()?)?.into()),
            Class::Point(unit) => {
                let text = value.as_str()?;
                let whole = parse_point(text).or_else(|| parse_point(&format!("{text}T00:00:00")));
                Named::Whole(whole?.in_unit(digits(unit))?.into())
            }
            Class::OfDay(unit) => {
                Named::Whole(parse_of_day(value.as_str()?)?.in_unit(digits(unit))?.into())
            }
        })
    }

    /// Returns how many bytes a text has; 0 for others.
    fn len(&self) -> usize {
        match self {
            Named::Text(text) => text.len(),
            Named::Whole(_) | Named::Fraction(_) => 0,
        }
    }

    /// Compares a value to this one; NaN to nothing.
    fn compare(&self, key: &Key<'_>) -> Option<Ordering> {
        match (key, self) {
            (Key::Whole(a), Named::Whole(b)) => Some(a.cmp(b)),
            (Key::Whole(a), Named::Fraction(b)) => (*a as f64).partial_cmp(b),
            (Key::Fraction(a), Named::Fraction(b)) => a.partial_cmp(b),
            (Key::Text(a), Named::Text(b)) => Some((*a).cmp(b.as_str())),
            _ => None,
        }
    }
}

/// Values that a caller names, in which one is found without looking at all of them.
pub(super) struct Set {
    wholes: HashSet<i128>,
    /// In their order, without NaN.
    fractions: Vec<f64>,
    texts: HashSet<String>,
    /// How many bytes the longest text has.
    longest: usize,
}

impl Set {
    fn of(values: Vec<Named>) -> Set {
        let mut set = Set {
            wholes: HashSet::new(),
            fractions: Vec::new(),
            texts: HashSet::new(),
            longest: 0,
        };
        for value in values {
            match value {
                Named::Whole(whole) => drop(set.wholes.insert(whole)),
                // Nothing is equal to NaN.
                Named::Fraction(fraction) if fraction.is_nan() => {}
                // Zero has no sign here.
                Named::Fraction(fraction) => set.fractions.push(fraction + 0.0),
                Named::Text(text) => {
                    set.longest = set.longest.max(text.len());
                    set.texts.insert(text);
                }
            }
        }
        set.fractions.sort_unstable_by(f64::total_cmp);
        set
    }

    /// Tells whether one of them is from a value to another.
    fn has_within(&self, least: &Key<'_>, greatest: &Key<'_>) -> bool {
        match (least, greatest) {
            (Key::Whole(least), Key::Whole(greatest)) => {
                let (low, high) = (*least as f64, *greatest as f64);
                self.wholes.iter().any(|whole| (least..=greatest).contains(&whole))
                    || self.fractions.iter().any(|fraction| (low..=high).contains(fraction))
            }
            (Key::Fraction(least), Key::Fraction(greatest)) => {
                self.fractions.iter().any(|fraction| (least..=greatest).contains(&fraction))
            }
            (Key::Text(least), Key::Text(greatest)) => {
                self.texts.iter().any(|text| (*least..=*greatest).contains(&text.as_str()))
            }
            _ => true,
        }
    }

    fn has(&self, key: &Key<'_>) -> bool {
        let fraction = |fraction: f64| {
            self.fractions.binary_search_by(|other| other.total_cmp(&(fraction + 0.0))).is_ok()
        };
        match key {
            Key::Whole(whole) => {
                self.wholes.contains(whole) || !self.fractions.is_empty() && fraction(*whole as f64)
            }
            Key::Fraction(value) => fraction(*value),
            Key::Text(text) => text.len() <= self.longest && self.texts.contains(*text),
        }
    }
}

/// A condition on a column of a type.
pub(super) enum Check {
    /// One of these relations to the value.
    Relation(Named, &'static [Ordering]),
    Not(Named),
    Between(Named, Named),
    In(Set),
    Contains(String),
    Null,
    NotNull,
}

impl Check {
    pub(super) fn new(field: &Field, test: &Test) -> Result<Check, TableError> {
        if matches!(test, Test::Null | Test::NotNull) {
            return Ok(if *test == Test::Null { Check::Null } else { Check::NotNull });
        }
        check_ordered(field)?;
        let class = class(field.data_type());
        let named = |value: &Value| {
            let named = class.and_then(|class| Named::of(class, value));
            named.ok_or_else(|| TableError::NoValue {
                value: value.to_string().chars().take(80).collect(),
                name: field.name().clone(),
                type_name: type_name(field.data_type()),
            })
        };
        use Ordering::{Equal, Greater, Less};
        Ok(match test {
            Test::Is(value) => Check::Relation(named(value)?, &[Equal]),
            Test::IsNot(value) => Check::Not(named(value)?),
            Test::Below(value) => Check::Relation(named(value)?, &[Less]),
            Test::AtMost(value) => Check::Relation(named(value)?, &[Less, Equal]),
            Test::Above(value) => Check::Relation(named(value)?, &[Greater]),
            Test::AtLeast(value) => Check::Relation(named(value)?, &[Greater, Equal]),
            Test::Between(from, to) => Check::Between(named(from)?, named(to)?),
            Test::In(values) => {
                let (count, limit) = (values.len() as u64, SELECT_VALUES);
                if count > limit {
                    let what = "the number of values of a condition".into();
                    return Err(TableError::TooLarge { what, size: count, limit });
                }
                let named = values.iter().map(named);
                Check::In(Set::of(named.collect::<Result<_, TableError>>()?))
            }
            Test::Contains(text) => match class {
                Some(Class::Text) => Check::Contains(text.to_lowercase()),
                _ => {
                    return Err(named(&Value::from(text.as_str())).err().unwrap_or_else(|| {
                        TableError::Unsupported(format!("column `{}` holds no text", field.name()))
                    }));
                }
            },
            Test::Null => Check::Null,
            Test::NotNull => Check::NotNull,
        })
    }

    /// Returns how many bytes of a cell are looked through, or what takes about as long.
    pub(super) fn cost(&self, array: &ArrayRef, row: usize) -> u64 {
        let looked = match (self, key(array, row)) {
            (Check::Contains(_), Some(Key::Text(text))) => text.len(),
            // Longer ones are none of the set, whatever stands in them.
            (Check::In(set), Some(Key::Text(text))) => text.len().min(set.longest),
            (Check::Relation(named, _) | Check::Not(named), Some(Key::Text(text))) => {
                text.len().min(named.len())
            }
            (Check::Between(from, to), Some(Key::Text(text))) => {
                text.len().min(from.len()) + text.len().min(to.len())
            }
            _ => 0,
        };
        CELL_COST + looked as u64
    }

    /// Tells whether it may hold of a value of which so much is known.
    pub(super) fn may_hold(&self, known: &Known) -> bool {
        match self {
            Check::Null => return !known.is_there(),
            Check::NotNull => return !known.is_missing(),
            _ if known.is_missing() => return false,
            Check::Contains(_) => return true,
            _ => {}
        }
        let Some((least, greatest)) = known.bounds() else { return true };
        // The first is not greater than the second.
        let relations = |named: &Named| named.compare(&least).zip(named.compare(&greatest));
        match self {
            Check::Relation(named, wanted) => relations(named).is_none_or(|(low, high)| {
                wanted.iter().any(|relation| (low..=high).contains(relation))
            }),
            // NaN is another value and within no bounds.
            Check::Not(named) => {
                matches!(least, Key::Fraction(_))
                    || relations(named) != Some((Ordering::Equal, Ordering::Equal))
            }
            Check::Between(from, to) => {
                from.compare(&greatest).is_none_or(Ordering::is_ge)
                    && to.compare(&least).is_none_or(Ordering::is_le)
            }
            Check::In(set) => set.has_within(&least, &greatest),
            Check::Contains(_) | Check::Null | Check::NotNull => true,
        }
    }

    pub(super) fn holds(&self, array: &ArrayRef, row: usize) -> bool {
        let missing = array.is_null(row) || *array.data_type() == DataType::Null;
        match self {
            Check::Null => return missing,
            Check::NotNull => return !missing,
            _ if missing => return false,
            _ => {}
        }
        let Some(key) = key(array, row) else { return false };
        let relation = |named: &Named| named.compare(&key);
        match self {
            Check::Relation(named, wanted) => {
                relation(named).is_some_and(|relation| wanted.contains(&relation))
            }
            Check::Not(named) => relation(named) != Some(Ordering::Equal),
            Check::Between(from, to) => {
                relation(from).is_some_and(Ordering::is_ge)
                    && relation(to).is_some_and(Ordering::is_le)
            }
            Check::In(set) => set.has(&key),
            Check::Contains(text) => match key {
                Key::Text(value) => value.to_lowercase().contains(text),
                _ => false,
            },
            Check::Null | Check::NotNull => false,
        }
    }
}
