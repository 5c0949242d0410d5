//! What is in the columns of a table: looked at row by row, so that it is true whatever a file
//! says of itself.

use std::cmp::Ordering;
use std::collections::HashMap;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use serde_json::Value;

use crate::limits::{BARS, CELL_BYTES_FULL, DISTINCT, STATS_CELLS, STATS_ROWS, TOP, WHOLE_BYTES};
use crate::table::{Table, bounded};
use crate::value::{Spent, fraction, json, whole};
use crate::{Kind, TableError};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 4_096;

/// What is in the columns of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// How many rows the table has.
    pub rows: u64,
    /// How many of them, from the first on, were looked at.
    pub looked_at: u64,
    /// A summary of each column, in the order of the file.
    pub columns: Vec<ColumnStats>,
}

/// What is in a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStats {
    /// How many values are missing.
    pub nulls: u64,
    /// How many are not a number.
    pub nans: u64,
    /// The least value, as in a page; of NaN, lists and the like none.
    pub min: Option<Value>,
    /// The greatest.
    pub max: Option<Value>,
    /// The mean of numbers.
    pub mean: Option<f64>,
    /// How many different texts or truth values there are; absent where they are too many.
    pub distinct: Option<u64>,
    /// The most frequent of them, and how often they come.
    pub top: Vec<(String, u64)>,
    /// How many numbers or times fall into each of equal parts from the least to the greatest.
    pub histogram: Vec<u64>,
}

/// A column as it is summed up.
#[derive(Default)]
struct Sum {
    stats: ColumnStats,
    least: Option<Key>,
    greatest: Option<Key>,
    sum: f64,
    count: u64,
    texts: Option<HashMap<String, u64>>,
    /// Most different texts that are counted.
    distinct: usize,
}

/// A value as it is ordered.
#[derive(Clone, Debug)]
enum Key {
    Whole(i128),
    Fraction(f64),
    Bytes(Vec<u8>),
}

impl Key {
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Whole(a), Key::Whole(b)) => a.cmp(b),
            (Key::Fraction(a), Key::Fraction(b)) => a.total_cmp(b),
            (Key::Bytes(a), Key::Bytes(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Key::Whole(value) => Some(*value as f64),
            Key::Fraction(value) => Some(*value),
            Key::Bytes(_) => None,
        }
    }
}

/// Returns the text of a cell, if its column is of texts or truth values.
fn text(array: &dyn Array, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Boolean => Some(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

fn key(array: &dyn Array, row: usize) -> Option<Key> {
    if let Some(text) = text(array, row) {
        return Some(Key::Bytes(text.as_bytes()[..text.len().min(1 << 10)].to_vec()));
    }
    let fraction = fraction(array, row).map(Key::Fraction);
    fraction.or_else(|| whole(array, row).map(Key::Whole))
}

impl Sum {
    /// Begins to sum up one of so many columns.
    fn of(kind: Kind, columns: usize) -> Sum {
        let counted = matches!(kind, Kind::Text | Kind::Boolean);
        let distinct = DISTINCT.0.min(DISTINCT.1 / columns.max(1));
        Sum { texts: counted.then(HashMap::new), distinct, ..Sum::default() }
    }

    fn add(&mut self, array: &dyn Array) -> Result<(), TableError> {
        for row in 0..array.len() {
            if array.is_null(row) || *array.data_type() == DataType::Null {
                self.stats.nulls += 1;
                continue;
            }
            let Some(key) = key(array, row) else { continue };
            if key.number().is_some_and(f64::is_nan) {
                self.stats.nans += 1;
                continue;
            }
            if let Some(number) = key.number() {
                self.sum += number;
                self.count += 1;
            }
            if let Some(text) = text(array, row) {
                self.count_text(text);
            }
            if self.least.as_ref().is_none_or(|least| key.compare(least) == Ordering::Less) {
                self.stats.min = Some(json(array, row, &mut Spent::start())?);
                self.least = Some(key.clone());
            }
            if self.greatest.as_ref().is_none_or(|most| key.compare(most) == Ordering::Greater) {
                self.stats.max = Some(json(array, row, &mut Spent::start())?);
                self.greatest = Some(key);
            }
        }
        Ok(())
    }

    fn count_text(&mut self, text: &str) {
        let Some(texts) = &mut self.texts else { return };
        if text.len() > CELL_BYTES_FULL {
            self.texts = None;
            return;
        }
        if let Some(count) = texts.get_mut(text) {
            *count += 1;
            return;
        }
        texts.insert(text.to_owned(), 1);
        if texts.len() > self.distinct {
            self.texts = None;
        }
    }

    /// Returns the least and how wide a bar is, where bars are drawn.
    fn bars(&self) -> Option<(f64, f64)> {
        let (least, greatest) = (self.least.as_ref()?.number()?, self.greatest.as_ref()?.number()?);
        let width = (greatest - least) / BARS as f64;
        (width > 0.0 && width.is_finite()).then_some((least, width))
    }

    fn end(mut self, kind: Kind) -> ColumnStats {
        if kind == Kind::Number && self.count > 0 {
            self.stats.mean = Some(self.sum / self.count as f64).filter(|mean| mean.is_finite());
        }
        if let Some(texts) = self.texts {
            self.stats.distinct = Some(texts.len() as u64);
            let mut top: Vec<(String, u64)> = texts.into_iter().collect();
            top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            top.truncate(TOP);
            self.stats.top = top;
        }
        self.stats
    }
}

impl Table {
    /// Looks at the values of every column, up to a number of rows.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn stats(&self) -> Result<Stats, TableError> {
        bounded("Parquet", || {
            let columns = self.columns().len();
            let most = STATS_ROWS.min(STATS_CELLS / columns.max(1) as u64);
            let end = self.rows().min(most);
            let kinds: Vec<Kind> = self.columns().iter().map(|column| column.kind).collect();
            let mut sums: Vec<Sum> = kinds.iter().map(|kind| Sum::of(*kind, columns)).collect();
            let all: Vec<usize> = (0..columns).collect();
            let mut looked_at = 0;
            self.look(end, &all, |columns, batch| {
                if columns.first() == Some(&0) {
                    looked_at += batch.num_rows() as u64;
                }
                for (array, at) in batch.columns().iter().zip(columns) {
                    sums[*at].add(array.as_ref())?;
                }
                Ok(())
            })?;
            let barred: Vec<usize> =
                all.into_iter().filter(|at| sums[*at].bars().is_some()).collect();
            self.look(end, &barred, |columns, batch| {
                for (array, at) in batch.columns().iter().zip(columns) {
                    count_bars(array.as_ref(), &mut sums[*at]);
                }
                Ok(())
            })?;
            let columns = sums.into_iter().zip(kinds).map(|(sum, kind)| sum.end(kind)).collect();
            Ok(Stats { rows: self.rows(), looked_at, columns })
        })
    }

    fn look(
        &self,
        end: u64,
        columns: &[usize],
        mut at: impl FnMut(&[usize], &RecordBatch) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        // As many columns at a time as fit into memory together.
        for some in self.together(columns, WHOLE_BYTES) {
            for batch in self.batches(0..end, some, BATCH_ROWS)? {
                at(some, &batch?)?;
            }
        }
        Ok(())
    }
}

fn count_bars(array: &dyn Array, sum: &mut Sum) {
    let Some((least, width)) = sum.bars() else { return };
    sum.stats.histogram.resize(BARS, 0);
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        let number = key(array, row).and_then(|key| key.number()).filter(|n| n.is_finite());
        if let Some(number) = number {
            let bar = ((number - least) / width) as usize;
            sum.stats.histogram[bar.min(BARS - 1)] += 1;
        }
    }
}
