//! Columns and their types, in words.

use arrow_schema::{
    DECIMAL32_MAX_PRECISION, DECIMAL64_MAX_PRECISION, DECIMAL128_MAX_PRECISION,
    DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit,
};

use crate::TableError;
use crate::infer::Type;
use crate::limits::{COLUMNS, DEPTH, FIXED_BYTES};

/// What a column is, roughly: how it is aligned, sorted and drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// Whole numbers, fractions and decimals.
    Number,
    /// Text, categories too.
    Text,
    /// Dates, times and timestamps.
    Time,
    /// Bytes.
    Binary,
    /// Lists, structs and maps.
    Nested,
    /// Nothing but nulls.
    Null,
}

impl Kind {
    /// Returns its word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Number => "number",
            Kind::Text => "text",
            Kind::Time => "time",
            Kind::Binary => "binary",
            Kind::Nested => "nested",
            Kind::Null => "null",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; several may have the same.
    pub name: String,
    /// Its type, such as `int64`, `timestamp[us, Europe/Berlin]` or `list<string>`.
    pub type_name: String,
    /// What it is, roughly.
    pub kind: Kind,
    /// Whether values may be missing.
    pub nullable: bool,
}

/// Returns the columns of a schema.
///
/// # Errors
/// There are too many, they nest too deep, or values are too wide.
pub(crate) fn columns(schema: &Schema) -> Result<Vec<Column>, TableError> {
    let mut count = 0;
    for field in schema.fields() {
        check(field, 0, &mut count)?;
    }
    Ok(schema.fields().iter().map(|field| column(field)).collect())
}

/// Returns the columns of a text.
///
/// # Errors
/// There are too many.
pub(crate) fn of_types(of: Vec<(String, Type)>) -> Result<Vec<Column>, TableError> {
    let field = |(name, of): (String, Type)| Field::new(name, of.arrow(), true);
    columns(&Schema::new(of.into_iter().map(field).collect::<Vec<_>>()))
}

fn column(field: &Field) -> Column {
    Column {
        name: field.name().clone(),
        type_name: type_name(field.data_type()),
        kind: kind(field.data_type()),
        nullable: field.is_nullable(),
    }
}

fn check(field: &Field, depth: usize, count: &mut usize) -> Result<(), TableError> {
    *count += 1;
    if *count > COLUMNS {
        let (what, limit) = ("the number of columns".into(), COLUMNS as u64);
        return Err(TableError::TooLarge { what, size: *count as u64, limit });
    }
    let name = field.name();
    if depth > DEPTH {
        let what = format!("the depth of column `{name}`");
        return Err(TableError::TooLarge { what, size: depth as u64, limit: DEPTH as u64 });
    }
    match field.data_type() {
        DataType::FixedSizeBinary(width) | DataType::FixedSizeList(_, width)
            if *width > FIXED_BYTES || *width < 0 =>
        {
            let (what, limit) = (format!("the width of column `{name}`"), FIXED_BYTES as u64);
            return Err(TableError::TooLarge { what, size: width.unsigned_abs().into(), limit });
        }
        DataType::Decimal32(digits, _)
        | DataType::Decimal64(digits, _)
        | DataType::Decimal128(digits, _)
        | DataType::Decimal256(digits, _)
            if !(1..=most_digits(field.data_type())).contains(digits) =>
        {
            let what = format!("the number of digits of column `{name}`");
            let limit = most_digits(field.data_type()).into();
            return Err(TableError::TooLarge { what, size: (*digits).into(), limit });
        }
        DataType::Union(..) | DataType::RunEndEncoded(..) => {
            return Err(TableError::Unsupported(format!(
                "column `{name}` is a union or run-end encoded, which is not read"
            )));
        }
        _ => {}
    }
    children(field.data_type()).into_iter().try_for_each(|child| check(child, depth + 1, count))
}

/// Returns how many digits the widest decimal of a type has.
fn most_digits(of: &DataType) -> u8 {
    match of {
        DataType::Decimal32(..) => DECIMAL32_MAX_PRECISION,
        DataType::Decimal64(..) => DECIMAL64_MAX_PRECISION,
        DataType::Decimal128(..) => DECIMAL128_MAX_PRECISION,
        _ => DECIMAL256_MAX_PRECISION,
    }
}

fn children(data_type: &DataType) -> Vec<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item],
        DataType::Struct(fields) => fields.iter().collect(),
        _ => Vec::new(),
    }
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Null => Kind::Null,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Kind::Binary,
        DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Duration(_)
        | DataType::Interval(_) => Kind::Time,
        DataType::Dictionary(_, values) => kind(values),
        other if other.is_numeric() => Kind::Number,
        _ => Kind::Nested,
    }
}

fn unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// Returns a type in the words of data scientists.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".into(),
        DataType::Boolean => "bool".into(),
        DataType::Float16 => "float16".into(),
        DataType::Float32 => "float32".into(),
        DataType::Float64 => "float64".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::FixedSizeBinary(width) => format!("binary({width})"),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(of) | DataType::Time64(of) => format!("time[{}]", unit(*of)),
        DataType::Timestamp(of, None) => format!("timestamp[{}]", unit(*of)),
        DataType::Timestamp(of, Some(zone)) => format!("timestamp[{}, {zone}]", unit(*of)),
        DataType::Duration(of) => format!("duration[{}]", unit(*of)),
        DataType::Interval(IntervalUnit::YearMonth) => "interval[months]".into(),
        DataType::Interval(IntervalUnit::DayTime) => "interval[days, ms]".into(),
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval[months, days, ns]".into(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision}, {scale})"),
        DataType::Dictionary(_, values) => format!("category<{}>", type_name(values)),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::FixedSizeList(item, length) => {
            format!("list<{}>[{length}]", type_name(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields =
                fields.iter().map(|f| format!("{}: {}", f.name(), type_name(f.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let [key, value] = [&fields[0], &fields[1]].map(|f| type_name(f.data_type()));
                format!("map<{key}, {value}>")
            }
            _ => "map".into(),
        },
        other => other.to_string().to_lowercase(),
    }
}

/// Returns the schema to read with: texts and bytes as views into the pages that hold them, as a
/// value in a dictionary may be long and repeat for nothing; lists one after the other.
pub(crate) fn views(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(view).collect::<Fields>())
}

fn view(field: &FieldRef) -> FieldRef {
    let field = field.as_ref();
    field.clone().with_data_type(view_type(field.data_type())).into()
}

fn view_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => view_type(values),
        DataType::List(item) | DataType::ListView(item) => DataType::List(view(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(view(item))
        }
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(view(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(view).collect()),
        DataType::Map(entries, sorted) => DataType::Map(view(entries), *sorted),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_more_digits_than_there_are_are_refused() {
        let of = |data_type| columns(&Schema::new(vec![Field::new("d", data_type, true)]));
        of(DataType::Decimal256(76, 2)).unwrap();
        for none in [DataType::Decimal256(77, 2), DataType::Decimal64(19, 2)] {
            let error = of(none).unwrap_err().to_string();
            assert!(error.starts_with("the number of digits of column `d` is"), "{error}");
        }
    }
}
