//! Parts of a table that no row of a condition can be in, as the statistics of its row groups and,
//! where it has one, the index of its pages tell. They are not read.
//!
//! Statistics are bounds: no value is less than the least or greater than the greatest. Texts may
//! be cut there, the greatest counted up behind the cut, and stay bounds. NaN has no place in them.
//! What is written in another order than the one here, is not there, or makes no sense says nothing.

use std::collections::HashSet;
use std::ops::Range;

use arrow_schema::{DataType, Field, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::basic::{ColumnOrder, LogicalType, SortOrder, TimeUnit as Stored, Type};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetStatisticsPolicy};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

use super::compare::{Check, Key};
use crate::limits::FOOTER_MEMORY_BYTES;
use crate::table::{Table, footer_options};

/// What is known of the values of a column, somewhere.
pub(super) struct Known {
    bounds: Option<(Bound, Bound)>,
    nulls: Option<u64>,
    rows: u64,
}

/// A value that others are compared to.
#[derive(Clone, Debug, PartialEq)]
enum Bound {
    Whole(i128),
    Fraction(f64),
    Text(String),
}

/// Rows in which a row that fits may be.
pub(super) struct Possible {
    /// Row groups, in the order of the file.
    pub(super) groups: Vec<usize>,
    /// Their rows, by their numbers in the file.
    pub(super) rows: Vec<Range<u64>>,
    /// The same, as a reader of these groups takes it.
    pub(super) selection: RowSelection,
}

impl Known {
    /// Tells whether every value is missing.
    pub(super) fn is_missing(&self) -> bool {
        self.nulls == Some(self.rows)
    }

    /// Tells whether no value is.
    pub(super) fn is_there(&self) -> bool {
        self.nulls == Some(0)
    }

    /// Returns the least and the greatest value.
    pub(super) fn bounds(&self) -> Option<(Key<'_>, Key<'_>)> {
        let (least, greatest) = self.bounds.as_ref()?;
        Some((least.key(), greatest.key()))
    }
}

impl Bound {
    fn key(&self) -> Key<'_> {
        match self {
            Bound::Whole(whole) => Key::Whole(*whole),
            Bound::Fraction(fraction) => Key::Fraction(*fraction),
            Bound::Text(text) => Key::Text(text),
        }
    }

    /// Returns two that are in their order, and numbers.
    fn pair(least: Option<Bound>, greatest: Option<Bound>) -> Option<(Bound, Bound)> {
        let (least, greatest) = least.zip(greatest)?;
        let in_order = match (&least, &greatest) {
            (Bound::Whole(a), Bound::Whole(b)) => a <= b,
            // Not so of NaN.
            (Bound::Fraction(a), Bound::Fraction(b)) => a <= b,
            (Bound::Text(a), Bound::Text(b)) => a <= b,
            _ => false,
        };
        in_order.then_some((least, greatest))
    }
}

/// How the bounds of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Boolean,
    Signed,
    Unsigned,
    Fraction,
    Half,
    /// Bytes of a number, the first of which has the sign.
    Digits,
    Text,
}

impl Way {
    /// Returns how bounds of a column are read whose values are read as a type; none where they may
    /// be in another order, or another number than the value.
    fn of(field: &Field, column: &ColumnDescriptor, order: ColumnOrder) -> Option<Way> {
        let of = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let by = match order {
            ColumnOrder::TYPE_DEFINED_ORDER(by) => Some(by),
            _ => None,
        };
        let (signed, unsigned) = (by == Some(SortOrder::SIGNED), by == Some(SortOrder::UNSIGNED));
        let is_fraction = signed || order == ColumnOrder::IEEE_754_TOTAL_ORDER;
        let logical = column.logical_type_ref();
        let is_in = |unit: &TimeUnit| match logical {
            Some(LogicalType::Timestamp(stored) | LogicalType::Time(stored)) => matches!(
                (unit, &stored.unit),
                (TimeUnit::Millisecond, Stored::MILLIS)
                    | (TimeUnit::Microsecond, Stored::MICROS)
                    | (TimeUnit::Nanosecond, Stored::NANOS)
            ),
            _ => false,
        };
        Some(match (of, column.physical_type()) {
            (DataType::Boolean, Type::BOOLEAN) if by.is_some() => Way::Boolean,
            (
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Date32,
                Type::INT32,
            )
            | (DataType::Int64, Type::INT64)
                if signed =>
            {
                Way::Signed
            }
            (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, Type::INT32)
            | (DataType::UInt64, Type::INT64)
                if unsigned =>
            {
                Way::Unsigned
            }
            (DataType::Timestamp(unit, _) | DataType::Time64(unit), Type::INT64)
            | (DataType::Time32(unit), Type::INT32)
                if signed && is_in(unit) =>
            {
                Way::Signed
            }
            (DataType::Duration(_), Type::INT64) if signed && logical.is_none() => Way::Signed,
            (
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale),
                stored,
            ) if signed && column.type_scale() == i32::from(*scale) => match stored {
                Type::INT32 | Type::INT64 => Way::Signed,
                Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => Way::Digits,
                _ => return None,
            },
            (DataType::Float32, Type::FLOAT) | (DataType::Float64, Type::DOUBLE) if is_fraction => {
                Way::Fraction
            }
            (DataType::Float16, Type::FIXED_LEN_BYTE_ARRAY) if is_fraction => Way::Half,
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, Type::BYTE_ARRAY)
                if unsigned =>
            {
                Way::Text
            }
            _ => return None,
        })
    }

    fn of_i32(self, value: i32) -> Option<Bound> {
        match self {
            Way::Signed => Some(Bound::Whole(value.into())),
            Way::Unsigned => Some(Bound::Whole(value.cast_unsigned().into())),
            _ => None,
        }
    }

    fn of_i64(self, value: i64) -> Option<Bound> {
        match self {
            Way::Signed => Some(Bound::Whole(value.into())),
            Way::Unsigned => Some(Bound::Whole(value.cast_unsigned().into())),
            _ => None,
        }
    }

    fn of_bytes(self, bytes: &[u8]) -> Option<Bound> {
        match self {
            Way::Text => Some(Bound::Text(std::str::from_utf8(bytes).ok()?.to_owned())),
            Way::Half => {
                let bits = u16::from_le_bytes(bytes.try_into().ok()?);
                Some(Bound::Fraction(half(bits)))
            }
            Way::Digits => {
                let first = *bytes.first()?;
                let mut whole = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
                whole[16usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
                Some(Bound::Whole(i128::from_be_bytes(whole)))
            }
            _ => None,
        }
    }

    fn of_group(self, statistics: &Statistics) -> Option<(Bound, Bound)> {
        // Those of old were written in an order that nobody knows.
        if statistics.is_min_max_deprecated() {
            return None;
        }
        let fraction = |value: f64| (self == Way::Fraction).then_some(Bound::Fraction(value));
        let boolean = |value: bool| (self == Way::Boolean).then_some(Bound::Whole(value.into()));
        let (least, greatest) = match statistics {
            Statistics::Boolean(of) => {
                (of.min_opt().and_then(|v| boolean(*v)), of.max_opt().and_then(|v| boolean(*v)))
            }
            Statistics::Int32(of) => (
                of.min_opt().and_then(|v| self.of_i32(*v)),
                of.max_opt().and_then(|v| self.of_i32(*v)),
            ),
            Statistics::Int64(of) => (
                of.min_opt().and_then(|v| self.of_i64(*v)),
                of.max_opt().and_then(|v| self.of_i64(*v)),
            ),
            Statistics::Float(of) => (
                of.min_opt().and_then(|v| fraction((*v).into())),
                of.max_opt().and_then(|v| fraction((*v).into())),
            ),
            Statistics::Double(of) => {
                (of.min_opt().and_then(|v| fraction(*v)), of.max_opt().and_then(|v| fraction(*v)))
            }
            Statistics::ByteArray(of) => (
                of.min_opt().and_then(|v| self.of_bytes(v.data())),
                of.max_opt().and_then(|v| self.of_bytes(v.data())),
            ),
            Statistics::FixedLenByteArray(of) => (
                of.min_opt().and_then(|v| self.of_bytes(v.data())),
                of.max_opt().and_then(|v| self.of_bytes(v.data())),
            ),
            Statistics::Int96(_) => (None, None),
        };
        Bound::pair(least, greatest)
    }

    fn of_page(self, index: &ColumnIndexMetaData, at: usize) -> Option<(Bound, Bound)> {
        let fraction = |value: f64| (self == Way::Fraction).then_some(Bound::Fraction(value));
        let boolean = |value: bool| (self == Way::Boolean).then_some(Bound::Whole(value.into()));
        let (least, greatest) = match index {
            ColumnIndexMetaData::BOOLEAN(of) => (
                of.min_value(at).and_then(|v| boolean(*v)),
                of.max_value(at).and_then(|v| boolean(*v)),
            ),
            ColumnIndexMetaData::INT32(of) => (
                of.min_value(at).and_then(|v| self.of_i32(*v)),
                of.max_value(at).and_then(|v| self.of_i32(*v)),
            ),
            ColumnIndexMetaData::INT64(of) => (
                of.min_value(at).and_then(|v| self.of_i64(*v)),
                of.max_value(at).and_then(|v| self.of_i64(*v)),
            ),
            ColumnIndexMetaData::FLOAT(of) => (
                of.min_value(at).and_then(|v| fraction((*v).into())),
                of.max_value(at).and_then(|v| fraction((*v).into())),
            ),
            ColumnIndexMetaData::DOUBLE(of) => (
                of.min_value(at).and_then(|v| fraction(*v)),
                of.max_value(at).and_then(|v| fraction(*v)),
            ),
            ColumnIndexMetaData::BYTE_ARRAY(of) | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(of) => {
                (
                    of.min_value(at).and_then(|v| self.of_bytes(v)),
                    of.max_value(at).and_then(|v| self.of_bytes(v)),
                )
            }
            ColumnIndexMetaData::INT96(_) => (None, None),
        };
        Bound::pair(least, greatest)
    }
}

/// Returns the fraction that 16 bits mean.
fn half(bits: u16) -> f64 {
    use arrow_array::ArrowPrimitiveType;
    <arrow_array::types::Float16Type as ArrowPrimitiveType>::Native::from_bits(bits).to_f64()
}

/// A condition on a column that is told in one place, with how its bounds are read.
struct Asked<'a> {
    check: &'a Check,
    leaf: usize,
    way: Option<Way>,
}

impl Table {
    /// Finds where a row may be of which all conditions hold; none where nothing is known.
    pub(super) fn possible(&self, conditions: &[(usize, &Check)]) -> Option<Possible> {
        let described = self.metadata().metadata().file_metadata().schema_descr();
        let leaf_of = |at: usize| {
            let mut leaves = (0..described.num_columns())
                .filter(|leaf| described.get_column_root_idx(*leaf) == at);
            let leaf = leaves.next()?;
            let column = described.column(leaf);
            let plain = column.max_rep_level() == 0 && column.path().parts().len() == 1;
            (plain && leaves.next().is_none()).then_some(leaf)
        };
        let leaves: Vec<(usize, usize, &Check)> = conditions
            .iter()
            .filter_map(|(at, check)| Some((*at, leaf_of(*at)?, *check)))
            .collect();
        if leaves.is_empty() {
            return None;
        }
        let metadata = self.statistics(leaves.iter().map(|(_, leaf, _)| *leaf).collect())?;
        let metadata = metadata.metadata();
        if !lengths_agree(metadata) {
            return None;
        }
        let file = metadata.file_metadata();
        let orders = file.column_orders();
        let asked: Vec<Asked<'_>> = leaves
            .into_iter()
            .map(|(at, leaf, check)| {
                let order = orders.and_then(|orders| orders.get(leaf));
                let field = self.original().field(at);
                let column = file.schema_descr().column(leaf);
                Asked { check, leaf, way: order.and_then(|order| Way::of(field, &column, *order)) }
            })
            .collect();
        let (mut groups, mut rows) = (Vec::new(), Vec::new());
        let mut selectors = Vec::new();
        let mut before = 0u64;
        for (at, group) in metadata.row_groups().iter().enumerate() {
            let count = u64::try_from(group.num_rows()).unwrap_or_default();
            let within = possible_within(metadata, at, count, &asked);
            if !within.is_empty() {
                groups.push(at);
                let mut place = 0;
                for range in within {
                    selectors.push(RowSelector::skip((range.start - place) as usize));
                    selectors.push(RowSelector::select((range.end - range.start) as usize));
                    place = range.end;
                    rows.push(before + range.start..before + range.end);
                }
                selectors.push(RowSelector::skip((count - place) as usize));
            }
            before += count;
        }
        Some(Possible { groups, rows, selection: selectors.into() })
    }

    /// Reads the footer once more, for what it says of the values of some columns; none where that
    /// is too much or damaged, and the rows themselves have to tell.
    fn statistics(&self, leaves: HashSet<usize>) -> Option<ArrowReaderMetadata> {
        let leaves: Vec<usize> = leaves.into_iter().collect();
        let options = footer_options()
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&leaves))
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let indexed = options.clone().with_column_index_policy(PageIndexPolicy::Optional);
        let read = ArrowReaderMetadata::load(self.guarded(), indexed);
        let fits = |read: &ArrowReaderMetadata| {
            read.metadata().memory_size() as u64 <= FOOTER_MEMORY_BYTES
        };
        read.ok()
            .filter(fits)
            .or_else(|| ArrowReaderMetadata::load(self.guarded(), options).ok().filter(fits))
    }
}

/// Tells whether each row group has as many rows as its columns have values, where these are no
/// lists. Else nobody knows which row of the table is the first of a group behind it.
fn lengths_agree(metadata: &ParquetMetaData) -> bool {
    let described = metadata.file_metadata().schema_descr();
    let flat = |leaf: &usize| described.column(*leaf).max_rep_level() == 0;
    let flat: Vec<usize> = (0..described.num_columns()).filter(flat).collect();
    metadata
        .row_groups()
        .iter()
        .all(|group| flat.iter().all(|leaf| group.column(*leaf).num_values() == group.num_rows()))
}

/// Returns the rows of a group in which all conditions may hold, counted in it.
fn possible_within(
    metadata: &ParquetMetaData,
    group: usize,
    count: u64,
    asked: &[Asked<'_>],
) -> Vec<Range<u64>> {
    if count == 0 {
        return Vec::new();
    }
    let pages = metadata.page_index_for_row_group(group);
    let all = 0..count;
    let mut possible = vec![all];
    for Asked { check, leaf, way } in asked {
        if let Some(statistics) = metadata.row_group(group).column(*leaf).statistics() {
            let known = Known {
                bounds: way.and_then(|way| way.of_group(statistics)),
                nulls: statistics.null_count_opt(),
                rows: count,
            };
            if !check.may_hold(&known) {
                return Vec::new();
            }
        }
        let (Some(index), Some(locations)) =
            (pages.column_index(*leaf), pages.page_locations(*leaf))
        else {
            continue;
        };
        let firsts: Option<Vec<u64>> =
            locations.iter().map(|page| u64::try_from(page.first_row_index).ok()).collect();
        // Pages that do not follow each other say nothing.
        let Some(mut starts) = firsts.filter(|firsts| {
            firsts.len() as u64 == index.num_pages()
                && firsts.first() == Some(&0)
                && firsts.is_sorted_by(|a, b| a < b)
                && firsts.last().is_some_and(|last| *last < count)
        }) else {
            continue;
        };
        starts.push(count);
        let mut kept: Vec<Range<u64>> = Vec::new();
        for (at, page) in starts.windows(2).enumerate() {
            let (start, end) = (page[0], page[1]);
            let rows = end - start;
            let nulls = index.null_count(at).and_then(|nulls| u64::try_from(nulls).ok());
            let known = match index.is_null_page(at) {
                true => Known { bounds: None, nulls: Some(rows), rows },
                false => Known { bounds: way.and_then(|way| way.of_page(index, at)), nulls, rows },
            };
            if check.may_hold(&known) {
                match kept.last_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => kept.push(start..end),
                }
            }
        }
        possible = both(&possible, &kept);
    }
    possible
}

/// Returns what is in two lists of ranges, each in order.
fn both(one: &[Range<u64>], other: &[Range<u64>]) -> Vec<Range<u64>> {
    let (mut both, mut a, mut b) = (Vec::new(), 0, 0);
    while a < one.len() && b < other.len() {
        let common = one[a].start.max(other[b].start)..one[a].end.min(other[b].end);
        if !common.is_empty() {
            both.push(common);
        }
        match one[a].end <= other[b].end {
            true => a += 1,
            false => b += 1,
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use arrow_array::types::{Int32Type, UInt16Type};
    use arrow_array::*;
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use serde_json::{Value, json};

    use crate::source::Source;
    use crate::{Condition, PageRequest, Table, Test};

    /// Bytes that count what is read of them.
    struct Counted(Bytes, AtomicU64);

    impl Source for Counted {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Bytes> {
            self.1.fetch_add(length as u64, Ordering::Relaxed);
            self.0.read_at(offset, length)
        }
    }

    fn written(columns: Vec<(&str, ArrayRef)>, statistics: EnabledStatistics) -> Bytes {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(700))
            .set_data_page_row_count_limit(60)
            .set_write_batch_size(60)
            .set_statistics_enabled(statistics)
            .set_statistics_truncate_length(Some(3))
            .set_column_index_truncate_length(Some(2))
            .set_dictionary_enabled(false)
            .build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes.into()
    }

    fn condition(column: &str, test: Test) -> [Condition; 1] {
        [Condition { column: column.to_owned(), test }]
    }

    /// Numbers that come in runs, so that parts differ, with some missing.
    struct Runs(u64);

    impl Runs {
        fn next(&mut self) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 33
        }

        fn column(&mut self, rows: usize) -> Vec<Option<i64>> {
            let (mut base, mut missing) = (0i64, 5);
            (0..rows)
                .map(|row| {
                    if row % 50 == 0 {
                        base = self.next() as i64 % 4_000 - 2_000;
                        missing = self.next() % 6;
                    }
                    let value = base + (self.next() % 30) as i64;
                    (missing != 0 && (missing < 3 || !self.next().is_multiple_of(4)))
                        .then_some(value)
                })
                .collect()
        }
    }

    /// Every type that has an order, made of the same numbers.
    fn columns(runs: &mut Runs, rows: usize) -> Vec<(&'static str, ArrayRef)> {
        let mut of = || runs.column(rows);
        let fraction = |value: i64| match value.rem_euclid(37) {
            0 => f64::NAN,
            1 => -0.0,
            2 => 0.0,
            3 => f64::INFINITY,
            4 => f64::NEG_INFINITY,
            _ => value as f64 / 4.0,
        };
        let text = |value: i64| match value.rem_euclid(23) {
            0 => String::new(),
            1 => "\u{10ffff}\u{10ffff}\u{10ffff}".to_owned(),
            _ => format!("{}\u{e4}\u{1f600}{value}", (b'a' + (value.rem_euclid(20) as u8)) as char),
        };
        let decimals = |digits: u8, values: Vec<Option<i64>>| -> ArrayRef {
            let values = values.into_iter().map(|value| value.map(i128::from));
            let array: Decimal128Array = values.collect();
            Arc::new(array.with_precision_and_scale(digits, 2).unwrap())
        };
        let half = |value: i64| {
            <<types::Float16Type as ArrowPrimitiveType>::Native>::from_f64(fraction(value))
        };
        let texts: Vec<Option<String>> = of().into_iter().map(|value| value.map(text)).collect();
        let keys: Vec<Option<String>> = of().into_iter().map(|value| value.map(text)).collect();
        let category: DictionaryArray<Int32Type> = keys.iter().map(Option::as_deref).collect();
        vec![
            ("i64", Arc::new(Int64Array::from(of()))),
            ("i8", Arc::new(of().into_iter().map(|v| v.map(|v| v as i8)).collect::<Int8Array>())),
            // Above the half of its range half of the time.
            (
                "u64",
                Arc::new(of().into_iter().map(|v| v.map(|v| v as u64)).collect::<UInt64Array>()),
            ),
            (
                "u32",
                Arc::new(of().into_iter().map(|v| v.map(|v| v as u32)).collect::<UInt32Array>()),
            ),
            (
                "u16",
                Arc::new(
                    of().into_iter()
                        .map(|v| v.map(|v| v as u16))
                        .collect::<PrimitiveArray<UInt16Type>>(),
                ),
            ),
            ("f64", Arc::new(of().into_iter().map(|v| v.map(fraction)).collect::<Float64Array>())),
            (
                "f32",
                Arc::new(
                    of().into_iter()
                        .map(|v| v.map(|v| fraction(v) as f32))
                        .collect::<Float32Array>(),
                ),
            ),
            ("f16", Arc::new(of().into_iter().map(|v| v.map(half)).collect::<Float16Array>())),
            ("d9", decimals(9, of())),
            ("d18", decimals(18, of())),
            ("d30", decimals(30, of())),
            ("ok", Arc::new(of().into_iter().map(|v| v.map(|v| v > 0)).collect::<BooleanArray>())),
            ("text", Arc::new(StringArray::from(texts))),
            ("category", Arc::new(category)),
            (
                "day",
                Arc::new(of().into_iter().map(|v| v.map(|v| v as i32)).collect::<Date32Array>()),
            ),
            ("ms", Arc::new(TimestampMillisecondArray::from(of()).with_timezone("UTC"))),
            ("ns", Arc::new(TimestampNanosecondArray::from(of()))),
            ("s", Arc::new(TimestampSecondArray::from(of()))),
            (
                "time",
                Arc::new(
                    of().into_iter()
                        .map(|v| v.map(|v| v.unsigned_abs() as i64))
                        .collect::<Time64MicrosecondArray>(),
                ),
            ),
            ("took", Arc::new(DurationMicrosecondArray::from(of()))),
        ]
    }

    /// Tests with values of a column, and with others.
    fn tests(values: &[Value], runs: &mut Runs) -> Vec<Test> {
        let mut any = || values[runs.next() as usize % values.len()].clone();
        let (a, b, c) = (any(), any(), any());
        vec![
            Test::Is(a.clone()),
            Test::IsNot(a.clone()),
            Test::Below(a.clone()),
            Test::AtMost(b.clone()),
            Test::Above(b.clone()),
            Test::AtLeast(c.clone()),
            Test::Between(a.clone(), b.clone()),
            Test::Between(b.clone(), a.clone()),
            Test::In(vec![a, c]),
            Test::In(vec![]),
            Test::Null,
            Test::NotNull,
        ]
    }

    #[test]
    fn a_filter_finds_what_it_finds_without_statistics() {
        for seed in 0..6 {
            let mut runs = Runs(seed);
            let rows = 1_900;
            let columns = columns(&mut runs, rows);
            for statistics in
                [EnabledStatistics::Page, EnabledStatistics::Chunk, EnabledStatistics::None]
            {
                let bytes = written(columns.clone(), statistics);
                let table = Table::open(Arc::new(bytes)).unwrap();
                for column in table.columns() {
                    let name = column.name.as_str();
                    let names = Some(vec![name.to_owned()]);
                    let request = PageRequest { offset: 0, limit: 1_000, columns: names };
                    let told = table.page(&request).unwrap().rows.into_iter().flatten();
                    let mut values: Vec<Value> = told.filter(|value| !value.is_null()).collect();
                    values.extend(match column.kind {
                        crate::Kind::Number => vec![json!(0), json!("7")],
                        crate::Kind::Text => vec![json!("m"), json!("")],
                        _ => vec![],
                    });
                    let mut tests = tests(&values, &mut runs);
                    if column.kind == crate::Kind::Text {
                        tests.push(Test::Contains("\u{c4}".into()));
                    }
                    for test in tests {
                        let condition = condition(name, test.clone());
                        let with = table.select(&[], &condition).unwrap();
                        let without = table.select_of_all(&[], &condition).unwrap();
                        assert_eq!(with.rows(), without.rows(), "{seed} {name} {test:?}");
                    }
                }
                // Two at once leave other parts out each.
                let both = [
                    Condition { column: "i64".into(), test: Test::Above(json!(0)) },
                    Condition { column: "text".into(), test: Test::NotNull },
                ];
                let with = table.select(&[], &both).unwrap();
                assert_eq!(with.rows(), table.select_of_all(&[], &both).unwrap().rows());
            }
        }
    }

    /// Returns how many bytes a filter reads, and how many it reads without statistics.
    fn read(bytes: &Bytes, conditions: &[Condition]) -> (u64, u64) {
        let counted = Arc::new(Counted(bytes.clone(), AtomicU64::new(0)));
        let table = Table::open(Arc::<Counted>::clone(&counted)).unwrap();
        let of = |run: &dyn Fn() -> usize| {
            counted.1.store(0, Ordering::Relaxed);
            run();
            counted.1.load(Ordering::Relaxed)
        };
        let with = of(&|| table.select(&[], conditions).unwrap().len());
        (with, of(&|| table.select_of_all(&[], conditions).unwrap().len()))
    }

    #[test]
    fn what_cannot_fit_is_not_read() {
        let rows = 70_000;
        let of = || -> Vec<(&str, ArrayRef)> {
            vec![
                ("n", Arc::new(Int64Array::from_iter_values(0..rows))),
                ("x", Arc::new(Float64Array::from_iter_values((0..rows).map(|n| n as f64)))),
                (
                    "gone",
                    Arc::new((0..rows).map(|n| (n < 100).then_some(n)).collect::<Int64Array>()),
                ),
            ]
        };
        let (chunks, pages) =
            (written(of(), EnabledStatistics::Chunk), written(of(), EnabledStatistics::Page));
        let one = condition("n", Test::Is(json!(35_000)));
        let (with, without) = read(&chunks, &one);
        assert!(with * 3 < without, "{with} of {without} bytes");
        for test in [
            condition("x", Test::Between(json!(100), json!(200))),
            condition("n", Test::In(vec![json!(3), json!(69_999)])),
        ] {
            let (with, without) = read(&chunks, &test);
            assert!(with < without, "{test:?}: {with} of {without} bytes");
        }
        // Where next to nothing is missing or there, less is read, but it is less than a footer.
        let possible = |bytes: &Bytes, at: usize, test: Test| {
            let table = Table::open(Arc::new(bytes.clone())).unwrap();
            let check = super::Check::new(table.original().field(at), &test).unwrap();
            let possible = table.possible(&[(at, &check)]).unwrap();
            (possible.groups, possible.rows.len(), possible.rows[0].clone())
        };
        assert_eq!(possible(&chunks, 2, Test::NotNull), (vec![0], 1, 0..700));
        assert_eq!(possible(&chunks, 2, Test::Null).1, 100);
        // The index of pages leaves out most of a row group, once it is read itself.
        assert_eq!(possible(&pages, 2, Test::NotNull), (vec![0], 1, 0..120));
        let one = possible(&pages, 0, Test::Is(json!(35_000)));
        assert_eq!(one, (vec![50], 1, 35_000..35_060));
    }

    /// A file that lies about its statistics: the rows that it denies are not found, and nothing
    /// else is wrong. That they are believed at all, this test shows.
    #[test]
    fn a_file_that_lies_has_rows_left_out() {
        let of = |first: i64| -> Bytes {
            let rows = (0..1_400).map(|n| first + n % 10);
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
            written(vec![("n", column)], EnabledStatistics::Chunk)
        };
        let (honest, other) = (of(1_000), of(7_000));
        // The footer of the one behind the pages of the other, which are as long.
        assert_eq!(honest.len(), other.len());
        let length = u32::from_le_bytes(honest[honest.len() - 8..][..4].try_into().unwrap());
        let footer = honest.len() - 8 - length as usize;
        let lies = Bytes::from([&other[..footer], &honest[footer..]].concat());
        let table = Table::open(Arc::new(lies)).unwrap();
        let found = |test: Test| table.select(&[], &condition("n", test)).unwrap().len();
        assert_eq!(found(Test::Is(json!(7_003))), 0);
        assert_eq!(found(Test::Is(json!(1_003))), 0);
        let one = condition("n", Test::Is(json!(7_003)));
        assert_eq!(table.select_of_all(&[], &one).unwrap().len(), 140);
        let page = PageRequest { offset: 0, limit: 1, columns: None };
        assert_eq!(table.page(&page).unwrap().rows, [[json!(7_000)]]);
        let up = [crate::Order { column: "n".into(), descending: true }];
        assert_eq!(table.select(&up, &[]).unwrap().len(), 1_400);
        assert_eq!(table.stats().unwrap().columns[0].max, Some(json!(7_009)));
    }
}
