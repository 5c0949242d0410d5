//! What has to hold of a table, whoever wrote it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::within;
use crate::csv::{Record, Records};
use crate::limits::PAGE_ROWS;
use crate::scratch::Scratch;
use crate::value::Spent;
use crate::{
    Condition, Format, Note, Order, Page, PageRequest, Selection, Source, Table, TableError, Test,
    to_parquet,
};

/// What a page of rows may take, and what going through a whole table may, in bytes: as much as
/// `tests/memory` has them take.
const ROWS_BYTES: usize = 80 << 20;
const WHOLE_BYTES: usize = 128 << 20;
/// Most rows of a table that is gone through as a whole: a few bytes may say that there are many.
const ROWS: u64 = 2_000;
/// Most bytes of a CSV that is made.
const CSV_BYTES: u64 = 1 << 20;
/// Columns that are sorted and picked by.
const COLUMNS: usize = 12;

/// Who wrote the Parquet. What we did does not lie about itself, so that more is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    ByOthers,
    FromArrow,
    FromText,
}

/// Turns a file into Parquet, twice, and opens it; none where it is refused.
pub(super) fn converted(
    source: &Arc<dyn Source>,
    format: Format,
    note: Option<&Note>,
) -> Option<Table> {
    let convert = || {
        let mut bytes = Vec::new();
        to_parquet(source, format, note, &mut bytes, Scratch::NONE).map(|()| bytes)
    };
    let bytes = within(WHOLE_BYTES, convert);
    same(&bytes, &convert(), "what it is turned into");
    match Table::open(Arc::new(Bytes::from(bytes.ok()?))) {
        Ok(table) => Some(table),
        Err(TableError::Unsupported(_)) => None,
        Err(error) => panic!("what we wrote is not read: {error}"),
    }
}

/// Makes sure of all that has to hold of a table.
pub(super) fn hold(table: &Table, written: Written) {
    let all = PageRequest { offset: 0, limit: PAGE_ROWS, columns: None };
    let page = within(ROWS_BYTES, || table.page(&all));
    same(&page, &table.page(&all), "a page");
    let page = page.ok();
    if let Some(page) = &page {
        has_its_shape(page, table);
    }
    arrow_agrees(table, page.as_ref());
    if table.rows() > ROWS {
        return;
    }
    let whole = page.as_ref().filter(|page| page.rows.len() as u64 == table.rows());
    if let Some(page) = whole.filter(|_| written != Written::ByOthers) {
        parts_agree(table, page);
    }
    for at in 0..table.columns().len().min(COLUMNS) {
        picks_agree(table, at, whole, written);
    }
    stats_agree(table);
    csv_agrees(table, whole, written);
}

fn same<T: PartialEq + std::fmt::Debug>(
    one: &Result<T, TableError>,
    other: &Result<T, TableError>,
    what: &str,
) {
    match (one, other) {
        (Ok(one), Ok(other)) => assert!(one == other, "{what} is another the second time"),
        (one, other) => assert_eq!(
            one.as_ref().map(|_| ()).map_err(TableError::to_string),
            other.as_ref().map(|_| ()).map_err(TableError::to_string),
            "{what}"
        ),
    }
}

fn has_its_shape(page: &Page, table: &Table) {
    let (rows, columns) = (page.rows.len(), page.columns.len());
    assert_eq!(page.columns, table.columns());
    assert_eq!(page.total, table.rows());
    assert!(rows as u64 <= table.rows().min(PAGE_ROWS), "a page of {rows} rows");
    assert!(rows > 0 || table.rows() == 0 || columns == 0, "a page without a row");
    assert!(page.rows.iter().all(|row| row.len() == columns), "a row of another width");
    assert!(page.cut.is_sorted(), "{:?}", page.cut);
    assert!(page.cut.iter().all(|(row, column)| *row < rows && *column < columns));
}

/// A stream of Arrow has the first rows, as the page has.
fn arrow_agrees(table: &Table, page: Option<&Page>) {
    let all = PageRequest { offset: 0, limit: PAGE_ROWS, columns: None };
    let made = within(ROWS_BYTES, || table.arrow_page(&all));
    same(&made, &table.arrow_page(&all), "a stream");
    let (Ok(made), Some(page)) = (made, page) else { return };
    let source: Arc<dyn Source> = Arc::new(Bytes::from(made));
    let mut rows = Vec::new();
    let read = crate::ipc::read(&source, |batch| {
        let mut told = table.empty_page(&[], 0);
        crate::table::fill(&mut told, batch, &mut Spent::whole())?;
        rows.extend(told.rows);
        Ok(())
    });
    read.expect("what we wrote is read");
    assert!(rows.len() as u64 <= table.rows().min(PAGE_ROWS), "a stream of {} rows", rows.len());
    assert!(!rows.is_empty() || page.rows.is_empty() || page.columns.is_empty(), "no row");
    if page.cut.is_empty() && !page.columns.is_empty() {
        let both = rows.len().min(page.rows.len());
        assert_eq!(rows[..both], page.rows[..both], "a stream has other rows");
    }
}

/// Parts of the page are read as they are in the whole.
fn parts_agree(table: &Table, page: &Page) {
    if !page.cut.is_empty() {
        return;
    }
    let rows = page.rows.len();
    for offset in [rows / 3, rows.saturating_sub(1), rows] {
        let some = PageRequest { offset: offset as u64, limit: 7, columns: None };
        let part = table.page(&some).expect("a part of a page that was read");
        let end = rows.min(offset + 7);
        assert_eq!(part.rows, page.rows[offset..end], "rows from {offset}");
    }
    for (at, column) in page.columns.iter().enumerate() {
        if page.columns.iter().filter(|other| other.name == column.name).count() > 1 {
            continue;
        }
        let names = Some(vec![column.name.clone()]);
        let one = PageRequest { offset: 0, limit: PAGE_ROWS, columns: names };
        let one = table.page(&one).expect("a column of a page that was read");
        let told = one.rows.iter().map(|row| &row[0]);
        assert!(told.eq(page.rows.iter().map(|row| &row[at])), "column {at} alone is another");
    }
}

/// Picks rows, with and without what the file says of its parts: of ours it is true, and a file of
/// others that lies has rows left out, and no others told.
fn picked(
    table: &Table,
    column: &str,
    test: Test,
    written: Written,
) -> Result<Selection, TableError> {
    let conditions = [Condition { column: column.to_owned(), test }];
    let believed = within(WHOLE_BYTES, || table.select(&[], &conditions));
    let all = within(WHOLE_BYTES, || table.select_of_all(&[], &conditions));
    if let (Ok(believed), Ok(all)) = (&believed, &all) {
        let mut rows = all.rows().iter();
        assert!(
            believed.rows().iter().all(|row| rows.any(|other| other == row)),
            "statistics bring rows that do not fit"
        );
        assert!(
            written == Written::ByOthers || believed.len() == all.len(),
            "our own statistics leave rows out"
        );
    }
    all
}

fn sorted(table: &Table, column: &str, descending: bool) -> Result<Selection, TableError> {
    let order = Order { column: column.to_owned(), descending };
    within(WHOLE_BYTES, || table.select(&[order], &[]))
}

/// What is sorted or picked by a column is the same whatever is asked.
fn picks_agree(table: &Table, at: usize, page: Option<&Page>, written: Written) {
    let name = &table.columns()[at].name;
    // Of several columns of a name, the first is meant.
    if table.columns()[..at].iter().any(|column| column.name == *name) {
        return;
    }
    let (missing, there) =
        (picked(table, name, Test::Null, written), picked(table, name, Test::NotNull, written));
    let (Ok(missing), Ok(there)) = (&missing, &there) else {
        assert!(missing.is_err() && there.is_err(), "{missing:?} and {there:?}");
        return;
    };
    assert_eq!((missing.len() + there.len()) as u64, table.rows(), "rows with and without");
    let (up, down) = (sorted(table, name, false), sorted(table, name, true));
    let (Ok(up), Ok(down)) = (&up, &down) else {
        assert!(up.is_err() && down.is_err(), "{up:?} and {down:?}");
        return;
    };
    for order in [up, down] {
        let mut rows = order.rows().to_vec();
        assert!(rows.ends_with(missing.rows()), "missing values do not come last");
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..table.rows() as u32), "a row is there twice or not at all");
    }
    let Some(page) = page else { return };
    if written != Written::ByOthers {
        rows_agree(table, page, up);
        rows_agree(table, page, there);
    }
    // A value in the middle, as those at the ends are the same more often.
    let middle = page.rows.len() / 2;
    for row in [middle, page.rows.len().saturating_sub(1)] {
        if page.rows.get(row).is_some() && !page.cut.contains(&(row, at)) {
            value_agrees((table, written), at, row, &page.rows[row][at], [missing, up, down]);
        }
    }
}

/// Rows that are read by their numbers are those of the page.
fn rows_agree(table: &Table, page: &Page, selection: &Selection) {
    let all = PageRequest { offset: 0, limit: PAGE_ROWS, columns: None };
    let told = table.page_of(selection, &all).expect("rows of a page that was read");
    assert_eq!(told.total, selection.len() as u64);
    if page.cut.is_empty() && told.cut.is_empty() {
        let rows = selection.rows().iter().map(|row| &page.rows[*row as usize]);
        let told_rows = told.rows.len();
        assert!(told.rows.iter().eq(rows.take(told_rows)), "rows of a selection are others");
    }
}

/// The values that are less, equal and greater are all there are, in their place.
fn value_agrees(
    (table, written): (&Table, Written),
    at: usize,
    row: usize,
    value: &Value,
    all: [&Selection; 3],
) {
    let column = &table.columns()[at];
    let not_a_number = column.kind == crate::Kind::Number && value == "NaN";
    let [missing, up, down] = all;
    if value.is_null() || not_a_number {
        return;
    }
    let of = |test| match picked(table, &column.name, test, written) {
        Ok(selection) => Some(selection),
        // A time beyond the years of four digits cannot be named.
        Err(TableError::NoValue { .. } | TableError::TooLarge { .. }) => None,
        Err(error) => panic!("{value} of column {at}: {error}"),
    };
    let Some(equal) = of(Test::Is(value.clone())) else { return };
    assert!(equal.rows().contains(&(row as u32)), "{value} of column {at} is not itself");
    let [Some(below), Some(above), Some(most), Some(least), Some(other), Some(within)] = [
        Test::Below(value.clone()),
        Test::Above(value.clone()),
        Test::AtMost(value.clone()),
        Test::AtLeast(value.clone()),
        Test::IsNot(value.clone()),
        Test::In(vec![value.clone()]),
    ]
    .map(of) else {
        return;
    };
    assert_eq!(within.rows(), equal.rows(), "{value} among others");
    assert_eq!(below.len() + equal.len(), most.len(), "at most {value}");
    assert_eq!(above.len() + equal.len(), least.len(), "at least {value}");
    assert_eq!((other.len() + equal.len() + missing.len()) as u64, table.rows(), "not {value}");
    for (order, before) in [(up, below.len()), (down, above.len())] {
        let there = &order.rows()[before..before + equal.len()];
        assert_eq!(there, equal.rows(), "{value} of column {at} in order");
    }
}

fn stats_agree(table: &Table) {
    let stats = within(WHOLE_BYTES, || table.stats());
    same(&stats, &table.stats(), "the statistics");
    let Ok(stats) = stats else { return };
    assert_eq!(stats.columns.len(), table.columns().len());
    assert_eq!(stats.rows, table.rows());
    assert!(stats.looked_at <= stats.rows, "{} rows of {}", stats.looked_at, stats.rows);
    for (of, column) in stats.columns.iter().zip(table.columns()) {
        let there = stats.looked_at.saturating_sub(of.nulls + of.nans);
        assert!(of.nulls + of.nans <= stats.looked_at, "{of:?}");
        assert!(of.histogram.iter().sum::<u64>() <= there, "{of:?}");
        assert!(of.top.iter().map(|(_, count)| count).sum::<u64>() <= there, "{of:?}");
        assert!(of.distinct.is_none_or(|distinct| distinct >= of.top.len() as u64), "{of:?}");
        assert_eq!(of.min.is_some(), of.max.is_some(), "{of:?}");
        if table.columns().iter().filter(|other| other.name == column.name).count() == 1
            && let Ok(missing) = picked(table, &column.name, Test::Null, Written::ByOthers)
        {
            assert_eq!(missing.len() as u64, of.nulls, "missing values of `{}`", column.name);
        }
    }
}

/// The CSV is read with its note as the same table, of which it is made again.
fn csv_agrees(table: &Table, page: Option<&Page>, written: Written) {
    let make = |table: &Table| {
        let mut csv = Vec::new();
        let note = table.to_csv_within(&mut csv, CSV_BYTES, Scratch::NONE)?;
        Ok::<_, TableError>((csv, note))
    };
    let made = within(WHOLE_BYTES, || make(table));
    same(&made, &make(table), "the CSV");
    let Ok((csv, note)) = made else { return };
    // Of nothing there is no CSV.
    if table.columns().is_empty() {
        return;
    }
    let read = Note::read(&note).expect("a note of ours").expect("is one of ours");
    let source: Arc<dyn Source> = Arc::new(Bytes::from(csv.clone()));
    let mut bytes = Vec::new();
    match to_parquet(&source, Format::Csv, Some(&read), &mut bytes, Scratch::NONE) {
        Ok(()) => {}
        // A file may hold what its types do not, such as a decimal of too many digits.
        Err(_) if written != Written::FromText => return,
        Err(error) => panic!("our own CSV is refused: {error}"),
    }
    let again = Table::open(Arc::new(Bytes::from(bytes))).expect("what we wrote is read");
    assert_eq!(again.rows(), table.rows());
    let (csv_again, note_again) = make(&again).expect("the same CSV");
    assert!(fields(&csv) == fields(&csv_again), "the CSV has other fields the second time");
    if written == Written::FromText {
        assert!(csv == csv_again, "the CSV is another the second time");
        assert!(note == note_again, "the note is another the second time");
        let all = PageRequest { offset: 0, limit: PAGE_ROWS, columns: None };
        if let Some(page) = page {
            let told = again.page(&all).expect("the same page");
            assert_eq!(told.rows, page.rows, "the CSV has other rows");
        }
    }
}

/// Returns the fields of a CSV of ours; which are quoted depends on their type, and there are types
/// of which the way back is another, such as the two of dates.
fn fields(csv: &[u8]) -> Vec<String> {
    let source: Arc<dyn Source> = Arc::new(Bytes::copy_from_slice(csv));
    let mut records = Records::new(&source, Some(b',')).expect("the CSV is text");
    let (mut fields, mut record) =
        (records.header().expect("the CSV has a header"), Record::default());
    let columns = fields.len();
    while records.row(&mut record, columns).expect("the CSV is one") {
        fields.extend((0..columns).map(|at| record.field(at).0.to_owned()));
    }
    fields
}
