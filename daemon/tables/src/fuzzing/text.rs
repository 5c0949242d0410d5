//! Tables that are text.

use std::sync::Arc;

use bytes::Bytes;

use super::checks;
use crate::limits::GLANCE_ROWS;
use crate::{Format, Note, Source, glance};

/// What is between a note and its CSV: a byte that stands in no JSON.
pub(super) const BETWEEN: u8 = 0;

/// A text, whose first letter tells what it is; before a CSV with a note is the note.
pub(super) fn run(input: &[u8]) {
    let Some((kind, mut text)) = input.split_first() else { return };
    let mut note = None;
    let format = match kind {
        b't' => Format::Tsv,
        b'j' => Format::JsonLines,
        b'n' => {
            let at = text.iter().position(|byte| *byte == BETWEEN).unwrap_or(text.len());
            let Ok(Some(read)) = Note::read(&text[..at]) else { return };
            note = Some(read);
            text = text.get(at + 1..).unwrap_or_default();
            Format::Csv
        }
        _ => Format::Csv,
    };
    let source: Arc<dyn Source> = Arc::new(Bytes::copy_from_slice(text));
    let seen = glance(&source, format, note.as_ref());
    let Some(table) = checks::converted(&source, format, note.as_ref()) else { return };
    if table.rows() <= GLANCE_ROWS as u64 {
        let seen = seen.ok();
        assert_eq!(seen.as_deref(), Some(table.columns()), "a glance tells of other columns");
    }
    checks::hold(&table, checks::Written::FromText);
}
