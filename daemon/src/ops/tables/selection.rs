//! Rows that were sorted or picked, remembered: a reader asks for one page after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{Problem, TableCondition, TableOp, TableOrder};
use dsp_protocol::id::BlobHash;
use dsp_tables::limits::SELECT_LOOKED_BYTES;
use dsp_tables::{Condition, Order, Selection, Test};
use serde_json::Value;

use super::derived::Key;
use super::{Reading, read, turn};
use crate::ops::Ops;
use crate::ops::problem::bad_request;

/// How many are remembered; each has four bytes for each of its rows.
const REMEMBERED: usize = 4;

/// What was asked of a table.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    key: Key,
    orders: Vec<TableOrder>,
    conditions: Vec<TableCondition>,
}

/// The latest selections.
#[derive(Debug, Default)]
pub(super) struct Selections(Mutex<VecDeque<(Asked, Arc<Selection>)>>);

impl Selections {
    fn get(&self, asked: &Asked) -> Option<Arc<Selection>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|(one, _)| one == asked)?;
        let found = known.remove(at)?;
        let selection = Arc::clone(&found.1);
        known.push_front(found);
        Some(selection)
    }

    fn keep(&self, asked: Asked, selection: &Arc<Selection>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_front((asked, Arc::clone(selection)));
        known.truncate(REMEMBERED);
    }

    pub(super) fn forget(&self, gone: &[BlobHash]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(asked, _)| !asked.key.is_of(gone));
    }
}

impl Ops {
    /// Returns the rows of a table that fit, sorted.
    pub(super) async fn table_selection(
        &self,
        reading: &Arc<Reading>,
        orders: Vec<TableOrder>,
        conditions: Vec<TableCondition>,
    ) -> Result<Arc<Selection>, Problem> {
        let asked = Asked { key: reading.key, orders, conditions };
        if let Some(known) = self.tables.selections.get(&asked) {
            return Ok(known);
        }
        let order = |order: &TableOrder| Order {
            column: order.column.clone(),
            descending: order.descending,
        };
        let orders: Vec<Order> = asked.orders.iter().map(order).collect();
        let conditions = asked.conditions.iter().cloned().map(condition);
        let conditions = conditions.collect::<Result<Vec<_>, Problem>>()?;
        let turn = turn(&self.tables.sorting).await?;
        // Another caller may have had the turn before.
        if let Some(known) = self.tables.selections.get(&asked) {
            return Ok(known);
        }
        let here = Arc::new(());
        let caller = Arc::downgrade(&here);
        let selection = read(reading, turn, move |table| {
            // A caller that went away dropped its end.
            let wanted = || caller.strong_count() > 0;
            table.select_within(&orders, &conditions, SELECT_LOOKED_BYTES, wanted)
        });
        let selection = Arc::new(selection.await?);
        drop(here);
        self.tables.selections.keep(asked, &selection);
        Ok(selection)
    }
}

fn condition(asked: TableCondition) -> Result<Condition, Problem> {
    let TableCondition { column, op, value } = asked;
    let name = column.clone();
    let wrong = |wanted: &str| bad_request(format!("a condition on `{name}` {wanted}"));
    let test = match (op, value) {
        (TableOp::Null, None) => Test::Null,
        (TableOp::NotNull, None) => Test::NotNull,
        (TableOp::Null | TableOp::NotNull, Some(_)) => return Err(wrong("takes no value")),
        (_, None) => return Err(wrong("needs a value")),
        (TableOp::Is, Some(value)) => Test::Is(value),
        (TableOp::IsNot, Some(value)) => Test::IsNot(value),
        (TableOp::Below, Some(value)) => Test::Below(value),
        (TableOp::AtMost, Some(value)) => Test::AtMost(value),
        (TableOp::Above, Some(value)) => Test::Above(value),
        (TableOp::AtLeast, Some(value)) => Test::AtLeast(value),
        (TableOp::In, Some(Value::Array(values))) => Test::In(values),
        (TableOp::In, Some(_)) => return Err(wrong("needs a list of values")),
        (TableOp::Between, Some(Value::Array(values))) => {
            let [from, to] =
                <[Value; 2]>::try_from(values).map_err(|_| wrong("needs a list of two values"))?;
            Test::Between(from, to)
        }
        (TableOp::Between, Some(_)) => return Err(wrong("needs a list of two values")),
        (TableOp::Contains, Some(Value::String(text))) => Test::Contains(text),
        (TableOp::Contains, Some(_)) => return Err(wrong("needs a text")),
    };
    Ok(Condition { column, test })
}
