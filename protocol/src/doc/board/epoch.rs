//! Which epoch of a board counts.

use crate::id::DocumentId;
use crate::statement::Epoch;

/// Returns the epoch of a document that counts among those that its creator or an owner began:
/// the highest, then the one with the smaller genesis hash. Nothing means the first epoch, 0.
///
/// Whose statements may be asked is for the caller to decide. All peers that hold the same
/// statements agree, in whatever order they came.
pub fn winning_epoch<'a>(
    doc: DocumentId,
    epochs: impl IntoIterator<Item = &'a Epoch>,
) -> Option<&'a Epoch> {
    let epochs = epochs.into_iter().filter(|epoch| epoch.doc == doc && epoch.epoch > 0);
    epochs.max_by_key(|epoch| (epoch.epoch, std::cmp::Reverse(epoch.genesis)))
}
