//! Cells as JSON values, without loss: what JSON's numbers cannot hold is text.

use arrow_array::array::AnyDictionaryArray;
use arrow_array::cast::AsArray as _;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use data_encoding::BASE64;
use serde_json::{Number, Value};

use crate::TableError;
use crate::limits::{CELL_BYTES, CELL_BYTES_FULL, CELL_ITEMS, LINE_BYTES, PAGE_BYTES};
use crate::time;

/// The largest whole number that every reader of JSON holds: 2^53 - 1.
const SAFE: i128 = (1 << 53) - 1;
/// What a value takes in an answer at least, in bytes.
const VALUE_BYTES: usize = 8;

/// How much of a page is written, and whether something of the cell at hand was left out.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    pub(crate) bytes: usize,
    pub(crate) cut: bool,
    /// Whether it is one value that is written, and not a page.
    whole: bool,
}

impl Spent {
    /// Makes room for the start of a value.
    pub(crate) fn start() -> Spent {
        Spent { bytes: usize::MAX / 2, ..Spent::default() }
    }

    /// Makes room for a part of a page, of so many bytes.
    pub(crate) fn within(bytes: usize) -> Spent {
        Spent { bytes: PAGE_BYTES.saturating_sub(bytes), ..Spent::default() }
    }

    /// Makes room for one value, however wide it is, up to the length of a line.
    pub(crate) fn whole() -> Spent {
        Spent { whole: true, ..Spent::default() }
    }

    fn limit(&self) -> usize {
        match (self.whole, self.bytes > PAGE_BYTES) {
            (true, _) => LINE_BYTES.saturating_sub(self.bytes),
            (false, true) => CELL_BYTES_FULL,
            (false, false) => CELL_BYTES,
        }
    }

    fn text(&mut self, text: &str) -> Value {
        let mut end = text.len();
        if end > self.limit() {
            self.cut = true;
            end = self.limit();
            while !text.is_char_boundary(end) {
                end -= 1;
            }
        }
        self.bytes += end;
        text[..end].into()
    }

    fn binary(&mut self, bytes: &[u8]) -> Value {
        let end = bytes.len().min(self.limit());
        self.cut |= end < bytes.len();
        self.bytes += end * 4 / 3;
        BASE64.encode(&bytes[..end]).into()
    }

    /// Returns how many of some items are told.
    fn items(&mut self, count: usize) -> usize {
        let most = match (self.whole, self.bytes > PAGE_BYTES) {
            (true, _) => count.min(LINE_BYTES.saturating_sub(self.bytes) / VALUE_BYTES),
            (false, true) => 0,
            (false, false) => count.min(CELL_ITEMS),
        };
        self.cut |= most < count;
        most
    }
}

/// Returns a cell as JSON.
///
/// # Errors
/// The type is one that is not read.
pub(crate) fn json(array: &dyn Array, row: usize, spent: &mut Spent) -> Result<Value, TableError> {
    spent.bytes += VALUE_BYTES;
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Float16 => float32(at::<Float16Type>(array, row).to_f32()),
        DataType::Float32 => float32(at::<Float32Type>(array, row)),
        DataType::Float64 => float(at::<Float64Type>(array, row)),
        DataType::Utf8 => spent.text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => spent.text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => spent.text(array.as_string_view().value(row)),
        DataType::Binary => spent.binary(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => spent.binary(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => spent.binary(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => spent.binary(array.as_fixed_size_binary().value(row)),
        DataType::Timestamp(unit, zone) => {
            let value = whole(array, row).unwrap_or_default();
            time::timestamp(value, per_second(*unit), zone.is_some()).into()
        }
        DataType::Date32 => time::date(whole(array, row).unwrap_or_default()).into(),
        DataType::Date64 => {
            let ms = whole(array, row).unwrap_or_default();
            match ms.rem_euclid(86_400_000) {
                0 => time::date(ms.div_euclid(86_400_000)).into(),
                _ => time::timestamp(ms, 1_000, false).into(),
            }
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            time::of_day(whole(array, row).unwrap_or_default(), per_second(*unit)).into()
        }
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale) => {
            decimal(&whole(array, row).unwrap_or_default().to_string(), *scale).into()
        }
        DataType::Decimal256(_, scale) => {
            decimal(&at::<Decimal256Type>(array, row).to_string(), *scale).into()
        }
        DataType::Interval(unit) => interval(array, row, *unit).into(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match key(dictionary, row) {
                Some(key) => json(dictionary.values().as_ref(), key, spent)?,
                None => Value::Null,
            }
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref(), spent)?,
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref(), spent)?,
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row).as_ref(), spent)?,
        DataType::Struct(_) => object(array.as_struct(), row, spent)?,
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let pair = |at: usize, spent: &mut Spent| {
                let pair = entries.columns().iter().map(|part| json(part.as_ref(), at, spent));
                pair.collect::<Result<Vec<_>, _>>().map(Value::Array)
            };
            let told = spent.items(entries.len());
            Value::Array((0..told).map(|at| pair(at, spent)).collect::<Result<_, _>>()?)
        }
        other => match whole(array, row) {
            Some(value) => integer(value),
            None => return Err(unsupported(other)),
        },
    })
}

pub(crate) fn unsupported(data_type: &DataType) -> TableError {
    TableError::Unsupported(format!("values of the type {data_type} are not read"))
}

fn list(items: &dyn Array, spent: &mut Spent) -> Result<Value, TableError> {
    let told = spent.items(items.len());
    Ok(Value::Array((0..told).map(|at| json(items, at, spent)).collect::<Result<_, _>>()?))
}

/// Returns a struct as an object, or as pairs where a name is there twice.
fn object(
    array: &arrow_array::StructArray,
    row: usize,
    spent: &mut Spent,
) -> Result<Value, TableError> {
    let names = array.column_names();
    let mut object = serde_json::Map::new();
    let mut pairs = Vec::new();
    for (name, column) in names.iter().zip(array.columns()) {
        let value = json(column.as_ref(), row, spent)?;
        spent.bytes += name.len();
        pairs.push(Value::Array(vec![(*name).into(), value.clone()]));
        object.insert((*name).to_owned(), value);
    }
    Ok(match object.len() == pairs.len() {
        true => Value::Object(object),
        false => Value::Array(pairs),
    })
}

/// Returns which value of a dictionary is in a row.
pub(crate) fn key(dictionary: &dyn AnyDictionaryArray, row: usize) -> Option<usize> {
    let last = dictionary.values().len().checked_sub(1)?;
    let key = whole(dictionary.keys(), row).filter(|_| !dictionary.keys().is_null(row))?;
    Some(usize::try_from(key).unwrap_or(usize::MAX).min(last))
}

fn at<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

/// Returns the number that a value of a primitive type other than floats is stored as.
pub(crate) fn whole(array: &dyn Array, row: usize) -> Option<i128> {
    fn of<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array, row: usize) -> i128 {
        let array: &PrimitiveArray<T> = array.as_primitive();
        array.value(row).into()
    }
    Some(match array.data_type() {
        DataType::Int8 => of::<Int8Type>(array, row),
        DataType::Int16 => of::<Int16Type>(array, row),
        DataType::Int32 => of::<Int32Type>(array, row),
        DataType::Int64 => of::<Int64Type>(array, row),
        DataType::UInt8 => of::<UInt8Type>(array, row),
        DataType::UInt16 => of::<UInt16Type>(array, row),
        DataType::UInt32 => of::<UInt32Type>(array, row),
        DataType::UInt64 => of::<UInt64Type>(array, row),
        DataType::Date32 => of::<Date32Type>(array, row),
        DataType::Date64 => of::<Date64Type>(array, row),
        DataType::Time32(TimeUnit::Second) => of::<Time32SecondType>(array, row),
        DataType::Time32(_) => of::<Time32MillisecondType>(array, row),
        DataType::Time64(TimeUnit::Microsecond) => of::<Time64MicrosecondType>(array, row),
        DataType::Time64(_) => of::<Time64NanosecondType>(array, row),
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(array, row),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(array, row),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(array, row),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(array, row),
        DataType::Duration(TimeUnit::Second) => of::<DurationSecondType>(array, row),
        DataType::Duration(TimeUnit::Millisecond) => of::<DurationMillisecondType>(array, row),
        DataType::Duration(TimeUnit::Microsecond) => of::<DurationMicrosecondType>(array, row),
        DataType::Duration(TimeUnit::Nanosecond) => of::<DurationNanosecondType>(array, row),
        DataType::Decimal32(..) => of::<Decimal32Type>(array, row),
        DataType::Decimal64(..) => of::<Decimal64Type>(array, row),
        DataType::Decimal128(..) => of::<Decimal128Type>(array, row),
        _ => return None,
    })
}

/// Returns a fraction, if the type has them.
pub(crate) fn fraction(array: &dyn Array, row: usize) -> Option<f64> {
    match array.data_type() {
        DataType::Float16 => Some(at::<Float16Type>(array, row).to_f64()),
        DataType::Float32 => Some(at::<Float32Type>(array, row).into()),
        DataType::Float64 => Some(at::<Float64Type>(array, row)),
        _ => None,
    }
}

pub(crate) fn integer(value: i128) -> Value {
    match i64::try_from(value) {
        Ok(small) if value.abs() <= SAFE => small.into(),
        _ => value.to_string().into(),
    }
}

pub(crate) fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => number.into(),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Returns the shortest decimal that means the same number of 32 bits.
fn float32(value: f32) -> Value {
    float(value.to_string().parse().unwrap_or(f64::from(value)))
}

/// Returns a decimal of which these are the digits.
pub(crate) fn decimal(digits: &str, scale: i8) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    match usize::try_from(scale) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, part) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{part}")
        }
        Err(_) if digits == "0" => "0".into(),
        Err(_) => format!("{sign}{digits}{}", "0".repeat(scale.unsigned_abs().into())),
    }
}

fn interval(array: &dyn Array, row: usize, unit: IntervalUnit) -> String {
    match unit {
        IntervalUnit::YearMonth => format!("{} months", at::<IntervalYearMonthType>(array, row)),
        IntervalUnit::DayTime => {
            let value = at::<IntervalDayTimeType>(array, row);
            format!("{} days {} ms", value.days, value.milliseconds)
        }
        IntervalUnit::MonthDayNano => {
            let value = at::<IntervalMonthDayNanoType>(array, row);
            format!("{} months {} days {} ns", value.months, value.days, value.nanoseconds)
        }
    }
}

/// Returns how many of a unit a second has.
pub(crate) fn per_second(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for (digits, scale, text) in [
            ("12345", 2, "123.45"),
            ("-5", 3, "-0.005"),
            ("0", 2, "0.00"),
            ("7", 0, "7"),
            ("7", -2, "700"),
            ("0", -2, "0"),
        ] {
            assert_eq!(decimal(digits, scale), text);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_text() {
        assert_eq!(integer(SAFE), 9_007_199_254_740_991i64);
        assert_eq!(integer(SAFE + 1), "9007199254740992");
        assert_eq!(integer(u64::MAX.into()), "18446744073709551615");
        assert_eq!(float(f64::NAN), "NaN");
        assert_eq!(float(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(float32(0.1), 0.1);
    }
}
