//! Rows of a table in another order, or only those that fit: which rows these are is found once,
//! from the columns that matter, and pages are read from there.

mod compare;
mod keys;
mod prune;

use serde_json::Value;

use self::compare::Check;
use self::keys::Keys;
use crate::limits::{
    PAGE_BYTES, PAGE_ROWS, ROWS_BYTES, SELECT_BYTES, SELECT_COLUMNS, SELECT_LOOKED_BYTES,
    SELECT_ROWS,
};
use crate::table::{Page, Table, bounded, fill};
use crate::value::Spent;
use crate::{TableError, table};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 4_096;

/// A column that orders rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of the column.
    pub column: String,
    /// Whether the greatest come first; missing values come last all the same.
    pub descending: bool,
}

/// What has to hold of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The name of the column.
    pub column: String,
    /// What has to hold.
    pub test: Test,
}

/// What has to hold of a value. Values are those of a page of rows; but for [`Test::Null`], none
/// of it holds of a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this one.
    Is(Value),
    /// It is another one.
    IsNot(Value),
    /// It is less.
    Below(Value),
    /// It is not greater.
    AtMost(Value),
    /// It is greater.
    Above(Value),
    /// It is not less.
    AtLeast(Value),
    /// It is from the first to the second, both included.
    Between(Value, Value),
    /// It is one of these.
    In(Vec<Value>),
    /// The text holds this one, whatever the case.
    Contains(String),
    /// It is missing.
    Null,
    /// It is there.
    NotNull,
}

/// Rows of a table, by their numbers, in some order.
#[derive(Debug)]
pub struct Selection {
    rows: Vec<u32>,
}

impl Selection {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns their numbers.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// What is believed of a file that says which values are in its parts.
#[derive(Clone, Copy, Debug)]
enum Trust {
    /// That they are no others.
    Statistics,
    #[cfg(any(test, feature = "fuzzing"))]
    Nothing,
}

impl Table {
    /// Finds the rows of which all conditions hold, in the order of some columns, else that of the
    /// file. Rows that are equal in these stay in the order of the file. Parts of the file that
    /// have none of them, as it says itself, are not read.
    ///
    /// # Errors
    /// There is no such column, its values have no order, a value is none of its type, the table
    /// has more than [`SELECT_ROWS`] rows, what orders them is too large, what conditions look
    /// through is, or the file is damaged.
    pub fn select(
        &self,
        orders: &[Order],
        conditions: &[Condition],
    ) -> Result<Selection, TableError> {
        self.select_within(orders, conditions, SELECT_LOOKED_BYTES, || true)
    }

    /// Does the same as long as it is wanted, with another bound for the bytes that conditions look
    /// through.
    ///
    /// # Errors
    /// As [`select`](Self::select), or it is not wanted any more.
    pub fn select_within(
        &self,
        orders: &[Order],
        conditions: &[Condition],
        limit: u64,
        wanted: impl Fn() -> bool,
    ) -> Result<Selection, TableError> {
        let asked = (orders.len() + conditions.len()) as u64;
        if asked > SELECT_COLUMNS {
            let what = "the number of columns to sort by and of conditions".into();
            return Err(TableError::TooLarge { what, size: asked, limit: SELECT_COLUMNS });
        }
        if self.rows() > SELECT_ROWS {
            let what = "the number of rows to sort or to look through".into();
            return Err(TableError::TooLarge { what, size: self.rows(), limit: SELECT_ROWS });
        }
        bounded("Parquet", || self.find(orders, conditions, limit, Trust::Statistics, &wanted))
    }

    /// Does the same without a look at what the file says of its values.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn select_of_all(
        &self,
        orders: &[Order],
        conditions: &[Condition],
    ) -> Result<Selection, TableError> {
        let limit = SELECT_LOOKED_BYTES;
        bounded("Parquet", || self.find(orders, conditions, limit, Trust::Nothing, &|| true))
    }

    fn find(
        &self,
        orders: &[Order],
        conditions: &[Condition],
        limit: u64,
        trust: Trust,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Selection, TableError> {
        let mut columns = Vec::new();
        let mut place = |name: &str| -> Result<usize, TableError> {
            let at = self.columns().iter().position(|column| column.name == name);
            let at = at.ok_or_else(|| TableError::NoColumn { name: name.to_owned() })?;
            if !columns.contains(&at) {
                columns.push(at);
            }
            Ok(at)
        };
        let ordered = orders.iter().map(|order| place(&order.column));
        let ordered = ordered.collect::<Result<Vec<_>, TableError>>()?;
        let checked = conditions.iter().map(|condition| place(&condition.column));
        let checked = checked.collect::<Result<Vec<_>, TableError>>()?;
        columns.sort_unstable();
        // Batches hold the columns in the order of the file.
        let within = |at: &usize| columns.binary_search(at).unwrap_or_default();
        let schema = self.original();
        let mut keys = Vec::with_capacity(orders.len());
        for (order, at) in orders.iter().zip(&ordered) {
            keys.push((within(at), Keys::new(schema.field(*at), order.descending)?));
        }
        let mut checks = Vec::with_capacity(conditions.len());
        for (condition, at) in conditions.iter().zip(&checked) {
            checks.push((within(at), Check::new(schema.field(*at), &condition.test)?));
        }
        let possible = match trust {
            Trust::Statistics => {
                let checks: Vec<(usize, &Check)> =
                    checked.iter().copied().zip(checks.iter().map(|(_, check)| check)).collect();
                self.possible(&checks)
            }
            #[cfg(any(test, feature = "fuzzing"))]
            Trust::Nothing => None,
        };
        let (batches, within) = match possible {
            Some(possible) => {
                let batches =
                    self.picked(&possible.groups, &columns, BATCH_ROWS, possible.selection)?;
                (batches, possible.rows)
            }
            None => {
                let all = 0..self.rows();
                (self.batches(all.clone(), &columns, BATCH_ROWS)?, vec![all])
            }
        };
        // The numbers of the rows that come.
        let mut numbers = within.into_iter().flatten();
        let mut rows: Vec<u32> = Vec::new();
        let (mut room, mut looked_through) = (SELECT_BYTES, 0);
        for batch in batches {
            let batch = batch?;
            if !wanted() {
                return Err(TableError::Io(std::io::ErrorKind::Interrupted.into()));
            }
            'rows: for row in 0..batch.num_rows() {
                let number = numbers.next().and_then(|number| u32::try_from(number).ok());
                let number = number.ok_or_else(|| {
                    TableError::parquet("it has more rows than it says".to_owned())
                })?;
                for (at, check) in &checks {
                    let array = batch.column(*at);
                    looked_through += check.cost(array, row);
                    if looked_through > limit {
                        let what = "what the conditions look through, in bytes,".into();
                        return Err(TableError::TooLarge { what, size: looked_through, limit });
                    }
                    if !check.holds(array, row) {
                        continue 'rows;
                    }
                }
                rows.push(number);
                for (at, keys) in &mut keys {
                    keys.push(batch.column(*at), row, &mut room)?;
                }
            }
        }
        if let Some(missing) = numbers.next() {
            let said = self.rows();
            let why = format!("it says that it has {said} rows, and ends at row {missing}");
            return Err(TableError::parquet(why));
        }
        if !keys.is_empty() {
            let mut order: Vec<u32> = (0..rows.len() as u32).collect();
            order.sort_unstable_by(|a, b| {
                let compared = keys.iter().map(|(_, keys)| keys.compare(*a, *b));
                compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.cmp(b))
            });
            rows = order.into_iter().map(|at| rows[at as usize]).collect();
        }
        Ok(Selection { rows })
    }

    /// Reads some rows of a selection; `offset` counts its rows, and so does the page's `total`.
    ///
    /// # Errors
    /// There is no such row or column, or the file is damaged there.
    pub fn page_of(
        &self,
        selection: &Selection,
        request: &crate::PageRequest,
    ) -> Result<Page, TableError> {
        let picked = self.pick(request.columns.as_deref())?;
        let total = selection.rows.len() as u64;
        if request.offset > total {
            return Err(TableError::NoRow { offset: request.offset, rows: total });
        }
        let end = total.min(request.offset.saturating_add(request.limit.min(PAGE_ROWS)));
        let mut wanted = &selection.rows[request.offset as usize..end as usize];
        bounded("Parquet", || {
            loop {
                match self.wide_rows_at(wanted, &picked)? {
                    Some(page) => return Ok(Page { offset: request.offset, total, ..page }),
                    // Rows that are too wide together come in smaller pages.
                    None => wanted = &wanted[..wanted.len() / 2],
                }
            }
        })
    }

    /// Reads rows by their numbers, of as many columns at a time as fit into memory together.
    fn wide_rows_at(&self, wanted: &[u32], columns: &[usize]) -> Result<Option<Page>, TableError> {
        let groups = self.together(columns, ROWS_BYTES);
        let room = PAGE_BYTES / groups.len().max(1);
        let mut page: Option<Page> = None;
        for some in groups {
            let Some(more) = self.rows_at(wanted, some, room)? else { return Ok(None) };
            page = Some(match page {
                Some(page) => page.beside(more),
                None => more,
            });
        }
        match page {
            Some(page) => Ok(Some(page)),
            None => self.rows_at(wanted, columns, room),
        }
    }

    /// Reads rows by their numbers, in that order; none where several are too wide together. Of
    /// fewer columns or rows at a time, where they would take too much memory together.
    fn rows_at(
        &self,
        wanted: &[u32],
        columns: &[usize],
        room: usize,
    ) -> Result<Option<Page>, TableError> {
        let mut told = Ok(None);
        for batch_rows in table::BATCH_ROWS {
            told = self.rows_in_batches(wanted, columns, batch_rows, room);
            if !matches!(told, Err(TableError::TooLarge { .. })) {
                return told;
            }
        }
        if columns.len() < 2 {
            return told;
        }
        let (left, right) = columns.split_at(columns.len() / 2);
        let left = self.rows_at(wanted, left, room / 2)?;
        let right = self.rows_at(wanted, right, room / 2)?;
        Ok(left.zip(right).map(|(left, right)| left.beside(right)))
    }

    fn rows_in_batches(
        &self,
        wanted: &[u32],
        columns: &[usize],
        batch_rows: usize,
        room: usize,
    ) -> Result<Option<Page>, TableError> {
        let mut sorted: Vec<(u32, usize)> =
            wanted.iter().enumerate().map(|(at, row)| (*row, at)).collect();
        sorted.sort_unstable();
        let mut page = self.empty_page(columns, 0);
        let mut spent = Spent::within(room);
        let numbers: Vec<u32> = sorted.iter().map(|(number, _)| *number).collect();
        if !numbers.is_empty() {
            for batch in self.numbered(&numbers, columns, batch_rows)? {
                let whole = fill(&mut page, &batch?, &mut spent)?;
                if (!whole || spent.bytes > PAGE_BYTES) && sorted.len() > 1 {
                    return Ok(None);
                }
            }
        }
        if page.rows.len() != wanted.len() && !columns.is_empty() {
            return Err(TableError::parquet("rows that were there before are not"));
        }
        let mut rows = vec![Vec::new(); wanted.len()];
        let place: Vec<usize> = sorted.iter().map(|(_, at)| *at).collect();
        for (row, at) in std::mem::take(&mut page.rows).into_iter().zip(&place) {
            rows[*at] = row;
        }
        page.rows = rows;
        page.cut.iter_mut().for_each(|(row, _)| *row = place[*row]);
        page.cut.sort_unstable();
        Ok(Some(page))
    }
}
