//! Objects that are named by the hash of their bytes: what is taken is written back byte for
//! byte, or the same thing would have two names.

use crate::cbor;
use crate::context::Genesis;
use crate::object::{Directory, Frame, Lineage, Recipe};

/// A value in the one canonical encoding.
pub(super) fn cbor(input: &[u8]) {
    if let Ok(value) = cbor::decode(input, usize::MAX) {
        assert_eq!(cbor::encode(&value), input);
    }
}

/// A frame. One whose paths are one file on some systems is read and not written.
pub(super) fn frame(input: &[u8]) {
    let Ok(frame) = Frame::decode(input) else { return };
    assert!(frame.attachments().iter().map(|a| a.path.as_str()).all(super::texts::stays_below));
    assert!(frame.blobs().count() >= frame.attachments().len());
    match frame.encode() {
        Ok(bytes) => assert_eq!(bytes, input),
        Err(error) => assert!(is_collision(&error), "{error}"),
    }
}

fn is_collision(error: &crate::object::BuildError) -> bool {
    matches!(error, crate::object::BuildError::Collision(_))
}

/// A node of a folder.
pub(super) fn directory(input: &[u8]) {
    let Ok(directory) = Directory::decode(input) else { return };
    match directory.encode() {
        Ok(bytes) => assert_eq!(bytes, input),
        Err(error) => assert!(is_collision(&error), "{error}"),
    }
}

/// How a frame was made.
pub(super) fn lineage(input: &[u8]) {
    if let Ok(lineage) = Lineage::decode(input) {
        assert_eq!(lineage.encode().expect("what was read is within the limits"), input);
    }
}

/// The chunks of a file.
pub(super) fn recipe(input: &[u8]) {
    let Ok(recipe) = Recipe::decode(input) else { return };
    assert_eq!(recipe.encode().expect("what was read is within the limits"), input);
    let mut end = 0;
    for (start, chunk) in recipe.ranges() {
        assert_eq!(start, end, "a chunk begins where the one before ends");
        end += u64::from(chunk.size);
    }
    assert_eq!(end, recipe.size());
}

/// The beginning of a context.
pub(super) fn genesis(input: &[u8]) {
    if let Ok(genesis) = Genesis::decode(input) {
        assert_eq!(genesis.encode(), input);
    }
}
