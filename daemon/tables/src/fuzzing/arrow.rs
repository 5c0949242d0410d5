//! Arrow that others wrote.

use std::sync::Arc;

use bytes::Bytes;

use super::checks;
use crate::{Format, Source, glance};

/// A file of Arrow, or a stream where it does not begin as a file.
pub(super) fn run(input: &[u8]) {
    let format = match input.starts_with(b"ARROW1") {
        true => Format::ArrowFile,
        false => Format::ArrowStream,
    };
    let source: Arc<dyn Source> = Arc::new(Bytes::copy_from_slice(input));
    let seen = glance(&source, format, None);
    let Some(table) = checks::converted(&source, format, None) else { return };
    let names = |columns: &[crate::Column]| -> Vec<String> {
        columns.iter().map(|column| column.name.clone()).collect()
    };
    let seen = seen.as_deref().map(names).ok();
    assert_eq!(seen, Some(names(table.columns())), "a glance tells of other columns");
    checks::hold(&table, checks::Written::FromArrow);
}
