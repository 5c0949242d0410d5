//! Values of columns beside values that a caller names.

use std::cmp::Ordering;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::Value;

use super::Test;
use crate::TableError;
use crate::limits::SELECT_VALUES;
use crate::noted::{digits, scaled};
use crate::schema::type_name;
use crate::time::{parse_date, parse_of_day, parse_point};
use crate::value::{fraction, whole};

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
    Fraction,
    Decimal(u8),
    Text,
    Date,
    Point(TimeUnit),
    OfDay(TimeUnit),
}

fn class(data_type: &DataType) -> Option<Class> {
    Some(match data_type {
        DataType::Boolean => Class::Boolean,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Class::Fraction,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        DataType::Date32 => Class::Date,
        DataType::Timestamp(unit, _) => Class::Point(*unit),
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
            Class::Fraction => Named::Fraction(match value {
                Value::String(text) => text.parse().ok()?,
                other => other.as_f64()?,
            }),
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

/// A condition on a column of a type.
pub(super) enum Check {
    /// One of these relations to the value.
    Relation(Named, &'static [Ordering]),
    Not(Named),
    Between(Named, Named),
    In(Vec<Named>),
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
                Check::In(values.iter().map(named).collect::<Result<_, _>>()?)
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
            Check::In(values) => values.iter().any(|n| relation(n) == Some(Ordering::Equal)),
            Check::Contains(text) => match key {
                Key::Text(value) => value.to_lowercase().contains(text),
                _ => false,
            },
            Check::Null | Check::NotNull => false,
        }
    }
}
