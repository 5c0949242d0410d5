//! A CSV whose note says the types: its fields become values of these, or it is an error with the
//! place. Nothing is guessed.

mod nested;

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::*;
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, DictionaryArray, Int32Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, TimeUnit};
use data_encoding::BASE64;

use self::nested::Nested;
use crate::TableError;
use crate::convert::Sink;
use crate::csv::{Record, Records};
use crate::csv_out::title;
use crate::infer::boolean;
use crate::limits::BATCH;
use crate::note::{Note, NoteColumn};
use crate::schema::type_name;
use crate::source::Source;
use crate::time::{parse_date, parse_of_day, parse_point};

/// Turns a CSV with its note into Parquet.
pub(crate) fn to_parquet(
    source: &Arc<dyn Source>,
    note: &Note,
    out: impl Write + Send,
) -> Result<(), TableError> {
    let malformed = |why| TableError::Malformed { format: "CSV", why };
    let mut records = Records::new(source, Some(note.delimiter))?;
    let header = records.header()?;
    let (columns, noted) = (header.len(), note.columns.len());
    if columns != noted {
        let why = format!("it has {columns} columns, and its note tells of {noted}");
        return Err(malformed(why));
    }
    let titles = note.columns.iter().map(|column| title(&column.name));
    let mut names = header.iter().map(|name| title(name)).zip(titles);
    if let Some((name, noted)) = names.find(|(name, noted)| name != noted) {
        let why = format!("it has a column `{name}` where its note tells of `{noted}`");
        return Err(malformed(why));
    }
    let schema = note.schema();
    let mut sink = Sink::new(out, Arc::clone(&schema))?;
    let mut builders = note.columns.iter().map(builder).collect::<Result<Vec<_>, _>>()?;
    let mut record = Record::default();
    let (mut rows, mut pending, mut bytes) = (0, 0, 0);
    loop {
        let more = records.row(&mut record, columns)?;
        if more {
            for (at, (column, builder)) in note.columns.iter().zip(&mut builders).enumerate() {
                add(column, builder.as_mut(), &record, at)?;
            }
            rows += 1;
            pending += 1;
            bytes += record.bytes();
        }
        if !more || pending >= BATCH.0 || bytes >= BATCH.1 {
            let arrays = builders.iter_mut().map(|builder| builder.finish());
            let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
            sink.write(&batch.map_err(TableError::arrow)?)?;
            (pending, bytes) = (0, 0);
        }
        if !more {
            break;
        }
    }
    match note.rows {
        Some(told) if told != rows => {
            Err(malformed(format!("it has {rows} rows, and its note tells of {told}")))
        }
        _ => sink.end(),
    }
}

fn add(
    column: &NoteColumn,
    builder: &mut dyn Builder,
    record: &Record,
    at: usize,
) -> Result<(), TableError> {
    let (field, _) = record.field(at);
    // R has durations that are no number, and shows them as missing.
    let no_number = column.unit_ns.is_some() && field == "NaN";
    let missing = no_number || column.null.as_deref() == Some(field);
    let taken = if missing {
        builder.add(None)
    } else if column.percent {
        builder.add(Some(&field.replace("%0D", "\r").replace("%25", "%")))
    } else {
        builder.add(Some(field))
    };
    match taken {
        true => Ok(()),
        false => {
            let short: String = field.chars().take(80).collect();
            let (name, of) = (&column.name, type_name(&column.data_type));
            Err(record.place.error(format!(
                "\"{short}\" in column `{name}` is no {of}, as the note says that it is"
            )))
        }
    }
}

/// A column as it is built from fields.
trait Builder {
    /// Adds a value; false where the field is none.
    fn add(&mut self, field: Option<&str>) -> bool;

    fn finish(&mut self) -> Result<ArrayRef, TableError>;
}

/// A column of a type that has numbers.
struct Numbers<T: ArrowPrimitiveType, F> {
    builder: PrimitiveBuilder<T>,
    parse: F,
}

impl<T: ArrowPrimitiveType, F: Fn(&str) -> Option<T::Native>> Builder for Numbers<T, F> {
    fn add(&mut self, field: Option<&str>) -> bool {
        let value = field.map(|field| (self.parse)(field));
        self.builder.append_option(value.flatten());
        !matches!(value, Some(None))
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        Ok(Arc::new(self.builder.finish()))
    }
}

struct Booleans(BooleanBuilder);

impl Builder for Booleans {
    fn add(&mut self, field: Option<&str>) -> bool {
        let value = field.map(boolean);
        self.0.append_option(value.flatten());
        !matches!(value, Some(None))
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Texts(StringBuilder);

impl Builder for Texts {
    fn add(&mut self, field: Option<&str>) -> bool {
        self.0.append_option(field);
        true
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Binaries(BinaryBuilder);

impl Builder for Binaries {
    fn add(&mut self, field: Option<&str>) -> bool {
        let value = field.map(|field| BASE64.decode(field.as_bytes()).ok());
        let known = !matches!(value, Some(None));
        self.0.append_option(value.flatten());
        known
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        Ok(Arc::new(self.0.finish()))
    }
}

/// Texts of a set that is known beforehand.
struct Categories {
    keys: Vec<Option<i32>>,
    at: HashMap<String, i32>,
    levels: ArrayRef,
}

impl Builder for Categories {
    fn add(&mut self, field: Option<&str>) -> bool {
        let key = field.map(|field| self.at.get(field).copied());
        self.keys.push(key.flatten());
        !matches!(key, Some(None))
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        let array = DictionaryArray::try_new(keys, Arc::clone(&self.levels));
        Ok(Arc::new(array.map_err(TableError::arrow)?))
    }
}

fn builder(column: &NoteColumn) -> Result<Box<dyn Builder>, TableError> {
    if let Some(levels) = &column.levels {
        let at: HashMap<String, i32> = levels.iter().cloned().zip(0..).collect();
        if at.len() != levels.len() {
            let why = format!("column `{}` has a level twice", column.name);
            return Err(TableError::Malformed { format: "note of the CSV", why });
        }
        let levels: ArrayRef = Arc::new(StringArray::from_iter_values(levels));
        return Ok(Box::new(Categories { keys: Vec::new(), at, levels }));
    }
    of_type(&column.data_type, column.unit_ns)
}

/// Returns what builds a column of a type; durations are in a unit of so many nanoseconds.
fn of_type(of: &DataType, unit_ns: Option<f64>) -> Result<Box<dyn Builder>, TableError> {
    Ok(match of {
        DataType::List(_) | DataType::Struct(_) | DataType::Map(..) => Box::new(Nested::new(of)?),
        DataType::Boolean => Box::new(Booleans(BooleanBuilder::new())),
        DataType::Utf8 => Box::new(Texts(StringBuilder::new())),
        DataType::Binary => Box::new(Binaries(BinaryBuilder::new())),
        DataType::Int8 => numbers::<Int8Type>(of, |text| text.parse().ok()),
        DataType::Int16 => numbers::<Int16Type>(of, |text| text.parse().ok()),
        DataType::Int32 => numbers::<Int32Type>(of, |text| text.parse().ok()),
        DataType::Int64 => numbers::<Int64Type>(of, |text| text.parse().ok()),
        DataType::UInt8 => numbers::<UInt8Type>(of, |text| text.parse().ok()),
        DataType::UInt16 => numbers::<UInt16Type>(of, |text| text.parse().ok()),
        DataType::UInt32 => numbers::<UInt32Type>(of, |text| text.parse().ok()),
        DataType::UInt64 => numbers::<UInt64Type>(of, |text| text.parse().ok()),
        DataType::Float32 => numbers::<Float32Type>(of, |text| text.parse().ok()),
        DataType::Float64 => numbers::<Float64Type>(of, |text| text.parse().ok()),
        DataType::Date32 => numbers::<Date32Type>(of, parse_date),
        DataType::Decimal128(precision, scale) => {
            let (most, scale) = (10i128.pow((*precision).into()), scale.unsigned_abs());
            numbers::<Decimal128Type>(of, move |text| {
                scaled(text, scale).filter(|value| value.abs() < most)
            })
        }
        DataType::Timestamp(unit, zone) => {
            let (digits, utc) = (digits(*unit), zone.is_some());
            let parse = move |text: &str| {
                let point = parse_point(text).filter(|point| point.utc == utc)?;
                point.in_unit(digits)
            };
            match unit {
                TimeUnit::Second => numbers::<TimestampSecondType>(of, parse),
                TimeUnit::Millisecond => numbers::<TimestampMillisecondType>(of, parse),
                TimeUnit::Microsecond => numbers::<TimestampMicrosecondType>(of, parse),
                TimeUnit::Nanosecond => numbers::<TimestampNanosecondType>(of, parse),
            }
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let digits = digits(*unit);
            let parse = move |text: &str| parse_of_day(text)?.in_unit(digits);
            let small = move |text: &str| i32::try_from(parse(text)?).ok();
            match unit {
                TimeUnit::Second => numbers::<Time32SecondType>(of, small),
                TimeUnit::Millisecond => numbers::<Time32MillisecondType>(of, small),
                TimeUnit::Microsecond => numbers::<Time64MicrosecondType>(of, parse),
                TimeUnit::Nanosecond => numbers::<Time64NanosecondType>(of, parse),
            }
        }
        DataType::Duration(unit) => {
            let (digits, ns) = (digits(*unit), unit_ns);
            let parse = move |text: &str| match ns {
                Some(ns) => {
                    let value = text.parse::<f64>().ok()? * ns;
                    (value.abs() < 9.2e18).then_some(value.round() as i64)
                }
                None => i64::try_from(scaled(text, digits)?).ok(),
            };
            match unit {
                TimeUnit::Second => numbers::<DurationSecondType>(of, parse),
                TimeUnit::Millisecond => numbers::<DurationMillisecondType>(of, parse),
                TimeUnit::Microsecond => numbers::<DurationMicrosecondType>(of, parse),
                TimeUnit::Nanosecond => numbers::<DurationNanosecondType>(of, parse),
            }
        }
        other => {
            return Err(TableError::Unsupported(format!(
                "no field of a CSV becomes a value of the type {other}"
            )));
        }
    })
}

fn numbers<T: ArrowPrimitiveType>(
    of: &DataType,
    parse: impl Fn(&str) -> Option<T::Native> + 'static,
) -> Box<dyn Builder> {
    let builder = PrimitiveBuilder::<T>::new().with_data_type(of.clone());
    Box::new(Numbers { builder, parse })
}

/// Returns how many digits of a second a unit holds.
pub(crate) fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// Returns a decimal as how many of its last digit it is; none where that would lose digits.
pub(crate) fn scaled(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let scale = usize::from(scale);
    if whole.is_empty() || !numeric(whole) || !numeric(part) || part.len() > scale {
        return None;
    }
    let value: i128 = format!("{whole}{part:0<scale$}").parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(scaled("-123.4", 2), Some(-12_340));
        assert_eq!(scaled("7", 0), Some(7));
        for none in ["1.234", "", ".5", "1e3", "--1", "+1"] {
            assert_eq!(scaled(none, 2), None, "{none}");
        }
    }
}
