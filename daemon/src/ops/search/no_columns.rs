//! Where the daemon is built without tables, none has columns.

use std::sync::Arc;

use dsp_protocol::api::Problem;
use dsp_protocol::id::ContextId;
use dsp_protocol::object::Files;
use tokio::time::Instant;

use super::Known;
use super::query::{Named, Query};
use crate::ops::Ops;

/// The tables of a frame.
#[derive(Debug)]
pub(super) struct Tables;

/// Tables that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Unread {}

/// The columns of a table of a frame.
pub(super) struct Seen {
    pub(super) path: Arc<str>,
    pub(super) columns: Arc<[Named]>,
}

impl Tables {
    pub(super) fn of(_: &Files) -> Tables {
        Tables
    }

    pub(super) fn bytes(&self) -> usize {
        0
    }
}

impl Unread {
    pub(super) fn len(&self) -> usize {
        0
    }

    pub(super) fn is_full(&self) -> bool {
        false
    }
}

impl Ops {
    pub(super) async fn columns_seen(
        &self,
        _: ContextId,
        known: &[Option<Arc<Known>>],
        _: &Query,
        _: &mut Unread,
    ) -> Result<Vec<Vec<Seen>>, Problem> {
        Ok(known.iter().map(|_| Vec::new()).collect())
    }

    pub(super) async fn read_columns(self: &Arc<Self>, _: Unread, _: Instant) -> bool {
        false
    }
}
