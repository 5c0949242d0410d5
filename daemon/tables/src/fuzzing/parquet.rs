//! Parquet that others wrote.

use std::sync::Arc;

use bytes::Bytes;

use super::checks;
use crate::limits::FOOTER_MEMORY_BYTES;
use crate::{Format, Source, Table, glance};

/// A file of Parquet.
pub(super) fn run(input: &[u8]) {
    let source: Arc<dyn Source> = Arc::new(Bytes::copy_from_slice(input));
    let opened =
        super::within(2 * FOOTER_MEMORY_BYTES as usize, || Table::open(Arc::clone(&source)));
    let Ok(table) = opened else { return };
    let seen = glance(&source, Format::Parquet, None);
    assert_eq!(seen.ok().as_deref(), Some(table.columns()), "a glance tells of other columns");
    checks::hold(&table, checks::Written::ByOthers);
}
