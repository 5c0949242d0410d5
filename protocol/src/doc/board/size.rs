//! How much a board holds, as of one change.

use automerge::{
    Automerge, Change, ChangeHash, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, Value,
};

use crate::limits::{BOARD_ENTRIES, BOARD_VALUE_BYTES};

/// A limit that a change exceeds, and makes worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Entries of maps and lists together, hidden ones of conflicts included.
    #[error("{0} entries exceed the limit of {BOARD_ENTRIES}")]
    Entries(usize),
    /// Bytes of one value or text.
    #[error("a value of {0} bytes exceeds the limit of {BOARD_VALUE_BYTES}")]
    Value(usize),
}

/// What a board holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    entries: usize,
    /// Bytes of the largest value or text.
    largest: usize,
}

/// Checks that a change leaves the board within its limits, or at least adds nothing to what
/// changes made apart exceed together.
pub(super) fn check(doc: &Automerge, change: &Change) -> Result<(), Excess> {
    let after = size(doc, &[change.hash()]);
    if after.entries <= BOARD_ENTRIES && after.largest <= BOARD_VALUE_BYTES {
        return Ok(());
    }
    let before = size(doc, change.deps());
    if after.entries > BOARD_ENTRIES.max(before.entries) {
        return Err(Excess::Entries(after.entries));
    }
    if after.largest > BOARD_VALUE_BYTES.max(before.largest) {
        return Err(Excess::Value(after.largest));
    }
    Ok(())
}

fn size(doc: &Automerge, heads: &[ChangeHash]) -> Size {
    let mut size = Size::default();
    let mut objects = vec![(ROOT, ObjType::Map)];
    while let Some((object, kind)) = objects.pop() {
        match kind {
            ObjType::Map | ObjType::Table => {
                for key in doc.keys_at(&object, heads) {
                    size.add(doc, &object, key.into(), heads, &mut objects);
                }
            }
            ObjType::List => {
                for at in 0..doc.length_at(&object, heads) {
                    size.add(doc, &object, at.into(), heads, &mut objects);
                }
            }
            ObjType::Text => {
                let text = doc.text_at(&object, heads).unwrap_or_default();
                size.largest = size.largest.max(text.len());
            }
        }
    }
    size
}

impl Size {
    /// Adds all values at one place: the one that shows and those that it hides.
    fn add(
        &mut self,
        doc: &Automerge,
        object: &ObjId,
        at: Prop,
        heads: &[ChangeHash],
        objects: &mut Vec<(ObjId, ObjType)>,
    ) {
        for (value, id) in doc.get_all_at(object, at, heads).unwrap_or_default() {
            self.entries += 1;
            match value {
                Value::Object(kind) => objects.push((id, kind)),
                Value::Scalar(scalar) => self.largest = self.largest.max(bytes(&scalar)),
            }
        }
    }
}

fn bytes(value: &ScalarValue) -> usize {
    match value {
        ScalarValue::Str(text) => text.len(),
        ScalarValue::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}
