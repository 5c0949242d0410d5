//! Rows as a stream of Arrow: the values themselves, in their types, and each of them whole.
//!
//! They are decoded as views into the pages that hold them, weighed as what they become, and copied
//! out of these only then: a text in a dictionary may be long and stand in every row.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    RecordBatch, RecordBatchOptions, StringArray, StructArray, UInt32Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema};

use crate::limits::{PAGE_BYTES, PAGE_ROWS, ROWS_BYTES};
use crate::table::{BATCH_ROWS, Batches, PageRequest, Table, bounded};
use crate::value::unsupported;
use crate::{Selection, TableError};

/// What a value takes beside its bytes at most: where it ends, and whether it is there.
const VALUE_BYTES: u64 = 9;
/// The name of a note in the schema: the number of the first row.
const OFFSET: &str = "dsp:offset";
/// The same: how many rows there are, of the table or of those that fit.
const TOTAL: &str = "dsp:total";

/// Which rows are read.
#[derive(Clone)]
enum Rows<'a> {
    Range(Range<u64>),
    /// In the order of the file.
    Numbers(&'a [u32]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::Range(range) => (range.end - range.start) as usize,
            Rows::Numbers(numbers) => numbers.len(),
        }
    }
}

/// A row that is too large for a page alone, of so many bytes.
struct TooWide(u64);

impl Table {
    /// Reads some rows as a stream of Arrow of one batch. There are fewer than asked for where they
    /// would take more than [`PAGE_BYTES`]. The schema tells as `dsp:offset` which the first one
    /// is, and as `dsp:total` how many there are.
    ///
    /// # Errors
    /// There is no such row or column, one row alone is larger, the file is damaged there, or has
    /// types that are not read.
    pub fn arrow_page(&self, request: &PageRequest) -> Result<Vec<u8>, TableError> {
        let picked = self.pick(request.columns.as_deref())?;
        let end = end_of(request, self.rows())?;
        bounded("Parquet", || {
            let rows = Rows::Range(request.offset..end);
            let (columns, rows) = self.gather(&rows, &picked)?.or_refused(request.offset)?;
            self.written(&picked, columns, rows, (request.offset, self.rows()))
        })
    }

    /// Reads some rows of a selection so; `offset` counts its rows, and so does `dsp:total`.
    ///
    /// # Errors
    /// As [`arrow_page`](Self::arrow_page).
    pub fn arrow_page_of(
        &self,
        selection: &Selection,
        request: &PageRequest,
    ) -> Result<Vec<u8>, TableError> {
        let picked = self.pick(request.columns.as_deref())?;
        let total = selection.len() as u64;
        let end = end_of(request, total)?;
        let mut wanted = &selection.rows()[request.offset as usize..end as usize];
        bounded("Parquet", || {
            loop {
                let mut sorted: Vec<(u32, u32)> = wanted.iter().copied().zip(0..).collect();
                sorted.sort_unstable();
                let numbers: Vec<u32> = sorted.iter().map(|(number, _)| *number).collect();
                let gathered = self.gather(&Rows::Numbers(&numbers), &picked)?;
                // Rows that are too much together come in smaller pages.
                if wanted.len() > 1 && gathered.rows().is_none_or(|rows| rows < wanted.len()) {
                    wanted = &wanted[..wanted.len() / 2];
                    continue;
                }
                let (columns, rows) = gathered.or_refused(request.offset)?;
                let mut places = vec![0; rows];
                for (at, (_, place)) in (0..).zip(&sorted) {
                    places[*place as usize] = at;
                }
                let places = UInt32Array::from(places);
                let in_order = columns.iter().map(|column| {
                    arrow_select::take::take(column.as_ref(), &places, None)
                        .map_err(TableError::arrow)
                });
                let columns = in_order.collect::<Result<Vec<_>, TableError>>()?;
                return self.written(&picked, columns, rows, (request.offset, total));
            }
        })
    }

    /// Reads rows, from the first on as many as there is room for.
    fn gather(&self, rows: &Rows<'_>, columns: &[usize]) -> Result<Gathered, TableError> {
        // What each row takes, in the columns so far.
        let mut weights = vec![0; rows.len()];
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for some in self.together(columns, ROWS_BYTES) {
            match self.part_of(rows, some, &mut weights)? {
                Ok(more) => arrays.extend(more),
                Err(wide) => return Ok(Gathered::TooWide(wide)),
            }
        }
        let arrays = arrays.iter().map(|array| array.slice(0, weights.len())).collect();
        Ok(Gathered::Rows(arrays, weights.len()))
    }

    /// Reads some columns: of fewer columns or rows at a time, where they would take too much
    /// memory together.
    fn part_of(
        &self,
        rows: &Rows<'_>,
        columns: &[usize],
        weights: &mut Vec<u64>,
    ) -> Result<Result<Vec<ArrayRef>, TooWide>, TableError> {
        let mut told = Err(TableError::parquet("it has no columns"));
        for batch_rows in BATCH_ROWS {
            let mut tried = weights.clone();
            told = self.columns_of(rows, columns, batch_rows, &mut tried);
            if !matches!(told, Err(TableError::TooLarge { .. })) {
                *weights = tried;
                return told;
            }
        }
        if columns.len() < 2 {
            return told;
        }
        let (left, right) = columns.split_at(columns.len() / 2);
        let mut arrays = match self.part_of(rows, left, weights)? {
            Ok(arrays) => arrays,
            wide => return Ok(wide),
        };
        Ok(self.part_of(rows, right, weights)?.map(|more| {
            arrays.extend(more);
            arrays
        }))
    }

    fn columns_of(
        &self,
        rows: &Rows<'_>,
        columns: &[usize],
        batch_rows: usize,
        weights: &mut Vec<u64>,
    ) -> Result<Result<Vec<ArrayRef>, TooWide>, TableError> {
        let fields: Vec<FieldRef> = self.plain_fields(columns)?;
        let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns.len()];
        // The rows so far, and what they take.
        let (mut count, mut sum) = (0, 0);
        let mut is_full = false;
        for batch in self.batches_of(rows, columns, batch_rows)? {
            let batch = batch?;
            let mut fit = 0;
            for row in 0..batch.num_rows().min(weights.len() - count) {
                let weight = &mut weights[count + row];
                for column in batch.columns() {
                    *weight += bytes_of(column.as_ref(), row)?;
                }
                if *weight > PAGE_BYTES as u64 && count + row == 0 {
                    return Ok(Err(TooWide(*weight)));
                }
                sum += *weight;
                if sum > PAGE_BYTES as u64 {
                    is_full = true;
                    break;
                }
                fit += 1;
            }
            for ((part, column), field) in parts.iter_mut().zip(batch.columns()).zip(&fields) {
                part.push(plain(&column.slice(0, fit), field.data_type())?);
            }
            count += fit;
            if is_full || count == weights.len() {
                break;
            }
        }
        if !is_full && count < weights.len() {
            return Err(TableError::parquet(format!(
                "it says that it has {} rows, and {} of those that were read are missing",
                self.rows(),
                weights.len() - count,
            )));
        }
        weights.truncate(count);
        let joined = parts.iter().zip(&fields).map(|(parts, field)| {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            match parts.is_empty() {
                true => Ok(arrow_array::new_empty_array(field.data_type())),
                false => arrow_select::concat::concat(&parts).map_err(TableError::arrow),
            }
        });
        joined.collect::<Result<Vec<_>, TableError>>().map(Ok)
    }

    fn batches_of(
        &self,
        rows: &Rows<'_>,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        match rows {
            Rows::Range(range) => self.some(range.clone(), columns, batch_rows),
            Rows::Numbers(numbers) => self.numbered(numbers, columns, batch_rows),
        }
    }

    /// Returns the fields of columns as they are told.
    fn plain_fields(&self, columns: &[usize]) -> Result<Vec<FieldRef>, TableError> {
        let schema = self.metadata().schema();
        columns.iter().map(|at| plain_field(schema.field(*at))).collect()
    }

    fn written(
        &self,
        columns: &[usize],
        arrays: Vec<ArrayRef>,
        rows: usize,
        (offset, total): (u64, u64),
    ) -> Result<Vec<u8>, TableError> {
        let notes = [(OFFSET, offset), (TOTAL, total)];
        let notes = notes.map(|(name, value)| (name.to_owned(), value.to_string()));
        let schema = Schema::new(self.plain_fields(columns)?).with_metadata(notes);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let write = || -> Result<Vec<u8>, ArrowError> {
            let batch = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)?;
            let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema())?;
            stream.write(&batch)?;
            stream.into_inner()
        };
        write().map_err(TableError::arrow)
    }
}

/// What was read.
enum Gathered {
    Rows(Vec<ArrayRef>, usize),
    TooWide(TooWide),
}

impl Gathered {
    fn rows(&self) -> Option<usize> {
        match self {
            Gathered::Rows(_, rows) => Some(*rows),
            Gathered::TooWide(_) => None,
        }
    }

    fn or_refused(self, first: u64) -> Result<(Vec<ArrayRef>, usize), TableError> {
        match self {
            Gathered::Rows(arrays, rows) => Ok((arrays, rows)),
            Gathered::TooWide(TooWide(size)) => {
                let (what, limit) = (format!("row {first} in bytes"), PAGE_BYTES as u64);
                Err(TableError::TooLarge { what, size, limit })
            }
        }
    }
}

/// Returns where a page ends.
fn end_of(request: &PageRequest, rows: u64) -> Result<u64, TableError> {
    let offset = request.offset;
    if offset > rows {
        return Err(TableError::NoRow { offset, rows });
    }
    Ok(rows.min(offset.saturating_add(request.limit.min(PAGE_ROWS))))
}

fn plain_field(field: &Field) -> Result<FieldRef, TableError> {
    let data_type = plain_type(field.data_type())?;
    Ok(Arc::new(Field::new(field.name(), data_type, field.is_nullable())))
}

/// Returns the type in which values are told: every reader knows it.
fn plain_type(data_type: &DataType) -> Result<DataType, TableError> {
    Ok(match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values)?,
        DataType::List(item) => DataType::List(plain_field(item)?),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)?),
        DataType::FixedSizeList(item, length) => {
            DataType::FixedSizeList(plain_field(item)?, *length)
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| plain_field(field));
            DataType::Struct(fields.collect::<Result<Fields, TableError>>()?)
        }
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries)?, *sorted),
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_) => data_type.clone(),
        other if other.primitive_width().is_some() => other.clone(),
        other => return Err(unsupported(other)),
    })
}

/// Returns about how many bytes a value takes, once it stands for itself; of one that takes more
/// than a page, that it does.
fn bytes_of(array: &dyn Array, row: usize) -> Result<u64, TableError> {
    let of = |items: &dyn Array, range: Range<usize>| -> Result<u64, TableError> {
        if let Some(width) = items.data_type().primitive_width() {
            return Ok((width as u64 + 1) * range.len() as u64);
        }
        let mut sum = 0;
        for at in range {
            sum += bytes_of(items, at)?;
            // It is too much however many follow.
            if sum > PAGE_BYTES as u64 {
                break;
            }
        }
        Ok(sum)
    };
    let bytes = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value_length(row) as u64,
        DataType::LargeUtf8 => array.as_string::<i64>().value_length(row) as u64,
        DataType::Binary => array.as_binary::<i32>().value_length(row) as u64,
        DataType::LargeBinary => array.as_binary::<i64>().value_length(row) as u64,
        _ if array.is_null(row) && is_text(array.data_type()) => 0,
        DataType::Utf8View => array.as_string_view().value(row).len() as u64,
        DataType::BinaryView => array.as_binary_view().value(row).len() as u64,
        DataType::FixedSizeBinary(width) => u64::from(width.unsigned_abs()),
        DataType::Null | DataType::Boolean => 1,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match crate::value::key(dictionary, row) {
                Some(key) => bytes_of(dictionary.values().as_ref(), key)?,
                None => 0,
            }
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            of(list.values().as_ref(), range(list.value_offsets(), row))?
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            of(list.values().as_ref(), range(list.value_offsets(), row))?
        }
        DataType::Map(..) => {
            let map = array.as_map();
            of(map.entries(), range(map.value_offsets(), row))?
        }
        // These have room for their items, even where they are missing.
        DataType::FixedSizeList(_, length) => {
            let length = usize::try_from(*length).unwrap_or_default();
            of(array.as_fixed_size_list().values().as_ref(), row * length..(row + 1) * length)?
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter();
            columns.map(|column| bytes_of(column.as_ref(), row)).sum::<Result<u64, _>>()?
        }
        other => match other.primitive_width() {
            Some(width) => width as u64,
            None => return Err(unsupported(other)),
        },
    };
    Ok(bytes + VALUE_BYTES)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

fn range<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> Range<usize> {
    offsets[row].as_usize()..offsets[row + 1].as_usize()
}

/// Copies values out of where they are, into a type of [`plain_type`].
fn plain(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, TableError> {
    Ok(match (array.data_type(), to) {
        (DataType::Utf8View, _) => Arc::new(array.as_string_view().iter().collect::<StringArray>()),
        (DataType::BinaryView, _) => {
            Arc::new(array.as_binary_view().iter().collect::<BinaryArray>())
        }
        (DataType::Dictionary(..), _) => {
            let dictionary = array.as_any_dictionary();
            let values = plain(dictionary.values(), to)?;
            arrow_select::take::take(values.as_ref(), dictionary.keys(), None)
                .map_err(TableError::arrow)?
        }
        (DataType::List(_), DataType::List(item)) => plain_list::<i32>(array, item)?,
        (DataType::LargeList(_), DataType::LargeList(item)) => plain_list::<i64>(array, item)?,
        (DataType::FixedSizeList(..), DataType::FixedSizeList(item, length)) => {
            let list = array.as_fixed_size_list();
            let values = plain(list.values(), item.data_type())?;
            let nulls = list.nulls().cloned();
            let made = FixedSizeListArray::try_new_with_length(
                Arc::clone(item),
                *length,
                values,
                nulls,
                list.len(),
            );
            Arc::new(made.map_err(TableError::arrow)?)
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let array = array.as_struct();
            let columns = array.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| plain(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, TableError>>()?;
            let nulls = array.nulls().cloned();
            let made =
                StructArray::try_new_with_length(fields.clone(), columns, nulls, array.len());
            Arc::new(made.map_err(TableError::arrow)?)
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let map = array.as_map();
            let (within, offsets) = inner(map.offsets());
            let of: ArrayRef = Arc::new(map.entries().slice(within.start, within.len()));
            let of = plain(&of, entries.data_type())?.as_struct().clone();
            let nulls = map.nulls().cloned();
            let made = MapArray::try_new(Arc::clone(entries), offsets, of, nulls, *sorted);
            Arc::new(made.map_err(TableError::arrow)?)
        }
        _ => Arc::clone(array),
    })
}

fn plain_list<O: OffsetSizeTrait>(
    array: &ArrayRef,
    item: &FieldRef,
) -> Result<ArrayRef, TableError> {
    let list: &GenericListArray<O> = array.as_list();
    let (within, offsets) = inner(list.offsets());
    let values = plain(&list.values().slice(within.start, within.len()), item.data_type())?;
    let made = GenericListArray::try_new(Arc::clone(item), offsets, values, list.nulls().cloned());
    Ok(Arc::new(made.map_err(TableError::arrow)?))
}

/// Returns which items some lists have, and where they begin among these.
fn inner<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (Range<usize>, OffsetBuffer<O>) {
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let lengths = offsets.lengths();
    (first.as_usize()..last.as_usize(), OffsetBuffer::from_lengths(lengths))
}
