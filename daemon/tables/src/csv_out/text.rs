//! Values as fields of a CSV, so that they are read as the same values.

use std::fmt::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Decimal256Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};

use crate::TableError;
use crate::limits::LINE_BYTES;
use crate::value::{Spent, fraction, json, per_second, whole};
use crate::{time, value};

/// Digits of a decimal that a float of 64 bits keeps.
const DOUBLE_DIGITS: u8 = 15;
/// The largest power of ten that a reader scales by without an error of its own.
const PLAIN_EXPONENT: i32 = 20;

/// Milliseconds of a day.
const DAY_MS: i128 = 86_400_000;

/// How values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// There are none.
    Nothing,
    Boolean,
    /// A whole number that R's own integers hold.
    Int,
    /// One of 64 bits.
    Long,
    /// A fraction.
    Double,
    /// A decimal that a fraction keeps.
    Decimal,
    Date,
    Moment,
    /// Seconds.
    Duration,
    /// As it is.
    Text,
    /// As in a page of rows.
    Told,
    /// The digits of a number that no other form holds.
    Digits,
}

impl Form {
    pub(crate) fn of(field: &Field) -> Form {
        Form::of_type(field.data_type())
    }

    pub(super) fn of_type(data_type: &DataType) -> Form {
        match data_type {
            DataType::Null => Form::Nothing,
            DataType::Boolean => Form::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16 => Form::Int,
            DataType::UInt32 | DataType::Int64 | DataType::UInt64 => Form::Long,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Form::Double,
            DataType::Decimal32(precision, _)
            | DataType::Decimal64(precision, _)
            | DataType::Decimal128(precision, _)
            | DataType::Decimal256(precision, _) => match *precision <= DOUBLE_DIGITS {
                true => Form::Decimal,
                false => Form::Told,
            },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Form::Text,
            DataType::Date32 | DataType::Date64 => Form::Date,
            DataType::Timestamp(..) => Form::Moment,
            DataType::Duration(_) => Form::Duration,
            DataType::Dictionary(_, values) => Form::of_type(values),
            _ => Form::Told,
        }
    }

    pub(super) fn is_quoted(self) -> bool {
        matches!(self, Form::Text | Form::Told | Form::Digits)
    }

    /// Tells whether nothing is there; to pandas a NaN is nothing.
    pub(super) fn is_missing(self, array: &ArrayRef, row: usize, nan_is_missing: bool) -> bool {
        let is_nan = || fraction(array.as_ref(), row).is_some_and(f64::is_nan);
        array.is_null(row)
            || self == Form::Nothing
            || nan_is_missing && self == Form::Double && is_nan()
    }

    /// Returns the word of "CSV on the Web".
    pub(super) fn datatype(self) -> &'static str {
        match self {
            Form::Nothing | Form::Boolean => "boolean",
            Form::Int => "int",
            Form::Long => "long",
            Form::Double | Form::Decimal | Form::Duration => "double",
            Form::Date => "date",
            Form::Moment => "dateTime",
            Form::Text | Form::Told | Form::Digits => "string",
        }
    }

    /// Tells whether what is written is read as the column's own type: not where times are beyond
    /// the years of four digits.
    pub(super) fn keeps_type(self, first: Form) -> bool {
        self != Form::Told || first == Form::Told
    }

    /// Writes a value that is not missing.
    pub(crate) fn write(
        self,
        array: &dyn Array,
        row: usize,
        out: &mut String,
    ) -> Result<(), TableError> {
        match self {
            Form::Nothing => {}
            Form::Boolean => {
                out.push_str(if array.as_boolean().value(row) { "TRUE" } else { "FALSE" });
            }
            Form::Int | Form::Long | Form::Digits => number(array, row, out),
            Form::Double => float(fraction(array, row).unwrap_or(f64::NAN), out),
            Form::Decimal => out.push_str(&decimal(array, row)),
            Form::Date => out.push_str(&time::date(day(array, row).unwrap_or_default())),
            Form::Moment => {
                if let DataType::Timestamp(unit, zone) = array.data_type() {
                    let value = whole(array, row).unwrap_or_default();
                    out.push_str(&time::timestamp(value, per_second(*unit), zone.is_some()));
                }
            }
            Form::Duration => {
                if let DataType::Duration(unit) = array.data_type() {
                    let value = whole(array, row).unwrap_or_default();
                    let scale = per_second(*unit).ilog10() as i8;
                    out.push_str(&value::decimal(&value.to_string(), scale));
                }
            }
            Form::Text => out.push_str(plain(array, row).unwrap_or_default()),
            Form::Told => told(array, row, out)?,
        }
        Ok(())
    }
}

/// Returns the zone of a column of times.
pub(super) fn zone(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => Some(zone.to_string()),
        _ => None,
    }
}

/// Returns a text as it is, where the array is one of texts.
pub(super) fn plain(array: &dyn Array, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

fn number(array: &dyn Array, row: usize, out: &mut String) {
    // Writing into a text does not fail.
    let _ = write!(out, "{}", whole(array, row).unwrap_or_default());
}

fn decimal(array: &dyn Array, row: usize) -> String {
    let (digits, scale) = match array.data_type() {
        DataType::Decimal256(_, scale) => {
            (array.as_primitive::<Decimal256Type>().value(row).to_string(), *scale)
        }
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale) => {
            (whole(array, row).unwrap_or_default().to_string(), *scale)
        }
        _ => (String::new(), 0),
    };
    value::decimal(&digits, scale)
}

/// Writes a fraction. Readers such as R's err in the last digit of what they have to scale, unless
/// there are more digits than it takes.
fn float(value: f64, out: &mut String) {
    let _ = match value {
        value if value.is_nan() => write!(out, "NaN"),
        value if value.is_infinite() => write!(out, "{}Inf", if value < 0.0 { "-" } else { "" }),
        value => {
            let at = out.len();
            let _ = write!(out, "{value:e}");
            let (digits, exponent) = out[at..].split_once('e').unwrap_or((&out[at..], "0"));
            let digits = digits.bytes().filter(u8::is_ascii_digit).count();
            let exponent: i32 = exponent.parse().unwrap_or(i32::MAX);
            let short = digits <= DOUBLE_DIGITS.into() && exponent.abs() <= PLAIN_EXPONENT;
            out.truncate(at);
            match short {
                true => write!(out, "{value}"),
                false => write!(out, "{value:.20e}"),
            }
        }
    };
}

/// Writes a value as in a page of rows: what is nested as its JSON.
fn told(array: &dyn Array, row: usize, out: &mut String) -> Result<(), TableError> {
    let mut spent = Spent::whole();
    let value = json(array, row, &mut spent)?;
    if spent.cut {
        let (what, limit) = ("a value, as a text in bytes,".to_owned(), LINE_BYTES as u64);
        return Err(TableError::TooLarge { what, size: spent.bytes as u64, limit });
    }
    match value {
        serde_json::Value::String(text) => out.push_str(&text),
        other => {
            let _ = write!(out, "{other}");
        }
    }
    Ok(())
}

/// Tells whether a form holds a value.
pub(super) fn holds(form: Form, array: &ArrayRef, row: usize) -> bool {
    let number = || whole(array.as_ref(), row).unwrap_or_default();
    match form {
        // R's missing value is the least of each.
        Form::Int => number() > i128::from(i32::MIN),
        Form::Long => number() > i128::from(i64::MIN) && number() <= i128::from(i64::MAX),
        Form::Date => day(array.as_ref(), row).is_some_and(four_digits),
        Form::Moment => match array.data_type() {
            DataType::Timestamp(unit, _) => {
                four_digits(number().div_euclid(86_400 * per_second(*unit)))
            }
            _ => false,
        },
        _ => true,
    }
}

/// Returns the day that a date is; none for one that has a time of the day too.
fn day(array: &dyn Array, row: usize) -> Option<i128> {
    let value = whole(array, row)?;
    match array.data_type() {
        DataType::Date64 => (value.rem_euclid(DAY_MS) == 0).then(|| value.div_euclid(DAY_MS)),
        _ => Some(value),
    }
}

/// Tells whether a day is in a year that has four digits.
fn four_digits(day: i128) -> bool {
    (-719_528..=2_932_896).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_short_where_readers_do_not_err() {
        let text = |value| {
            let mut out = String::new();
            float(value, &mut out);
            out
        };
        assert_eq!(text(0.1), "0.1");
        assert_eq!(text(-2.0), "-2");
        assert_eq!(text(f64::NEG_INFINITY), "-Inf");
        assert_eq!(text(f64::NAN), "NaN");
        for value in [0.1 + 0.2, 5e-324, f64::MAX, 1.0 / 3.0, 1e300, 123_456.789e-30] {
            assert_eq!(text(value).parse::<f64>().unwrap(), value);
        }
        assert_eq!(text(0.1 + 0.2), "3.00000000000000044409e-1");
    }
}
