//! References to blobs: where a hash stands.

use super::check_extra;
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::BlobHash;

/// A blob by hash and size, `{h, n, enc?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobRef {
    /// The BLAKE3 of the bytes.
    pub hash: BlobHash,
    /// How many bytes.
    pub size: u64,
    /// The ciphertext that stands for the blob; kept, and unused in version 1.
    pub enc: Option<Map>,
    /// Keys of later versions.
    pub extra: Map,
}

impl BlobRef {
    /// Names a blob.
    pub fn new(hash: BlobHash, size: u64) -> Self {
        BlobRef { hash, size, enc: None, extra: Map::new() }
    }

    /// Names the blob of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        BlobRef::new(BlobHash::of(bytes), bytes.len() as u64)
    }

    /// Reads a ref out of a CBOR value.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        let map = value.into_map().map_err(|reason| FieldError::invalid("ref", reason))?;
        let mut fields = Fields::new(map);
        Ok(BlobRef {
            hash: fields.required("h", BlobHash::from_value)?,
            size: fields.required("n", Value::into_u64)?,
            enc: fields.optional("enc", Value::into_map)?,
            extra: fields.rest(),
        })
    }

    /// Returns the CBOR value.
    pub fn to_value(&self) -> Value {
        let mut map = self.extra.clone().with("h", self.hash).with("n", self.size);
        map.insert_some("enc", self.enc.clone());
        map.into()
    }

    pub(super) fn check(&self) -> Result<(), FieldError> {
        check_extra(&self.extra, &["h", "n", "enc"])
    }
}

/// What a frame needs a blob for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobRole {
    /// The bytes of an attachment.
    Data,
    /// The root of a tree of directory objects.
    Tree,
    /// A lineage object.
    Lineage,
    /// The recipe of an attachment.
    Recipe,
    /// The preview of an attachment.
    Preview,
    /// The schema of an attachment.
    Schema,
}
