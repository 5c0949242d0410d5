//! Immutable objects: what lies in the blob store and is named by the BLAKE3 of its bytes.
//!
//! A [`Frame`] names its [`Attachment`]s, or a tree of [`Directory`] objects; behind it stand its
//! [`Lineage`] and the [`Recipe`]s of its files. All are canonical CBOR maps. Decoding is total
//! and takes one form only, keeps the keys it does not know, and holds every limit; encoding
//! holds the same limits and inverts decoding byte for byte. What is empty is left out, so that
//! there is one form to write.

mod attachment;
mod blob_ref;
pub mod directory;
mod frame;
pub mod lineage;
mod metric;
mod moment;
mod param;
pub mod recipe;
pub mod tree;
mod widget;

pub use self::attachment::{Attachment, Mode, Schema};
pub use self::blob_ref::{BlobRef, BlobRole};
pub use self::directory::Directory;
pub use self::frame::{Files, Frame, FrameError, KNOWN_FEATURES};
pub use self::lineage::Lineage;
pub use self::metric::{Metric, Metrics};
pub use self::moment::{Date, DateTime, MomentError, Time};
pub use self::param::{Param, ParamError, Params, Unknown, from_json, to_json};
pub use self::recipe::Recipe;
pub use self::tree::{TreeBuilder, TreeLookup, TreeWalk};
pub use self::widget::{WIDGET_KINDS, Widget, Widgets};
use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::limits::CBOR_DEPTH;
use crate::name::{Collision, NameError, check_hidden};

/// The version of every object here.
const VERSION: u64 = 1;

/// Why bytes are not the object that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not canonical CBOR, or too large.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Written by a later version.
    #[error("version {0} is not known here, only {VERSION}")]
    Version(u64),
    /// A field is missing, of the wrong type, or beyond its limit.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Why an object cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A field is beyond its limit.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The object has too many bytes.
    #[error("the {kind} has {actual} bytes, which exceed the limit of {limit}")]
    TooLarge {
        /// What kind of object.
        kind: &'static str,
        /// Most bytes.
        limit: usize,
        /// Bytes it would have.
        actual: usize,
    },
    /// It holds a value without an encoding.
    #[error("the {kind} cannot be encoded: {reason}")]
    Value {
        /// What kind of object.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Two of its names are one on some systems.
    #[error(transparent)]
    Collision(#[from] Collision),
}

/// Begins to read an object: its size, its form and its version.
fn open(bytes: &[u8], limit: usize) -> Result<Fields, DecodeError> {
    let mut fields = Fields::new(cbor::decode_map(bytes, limit)?);
    match fields.required("v", Value::into_u64)? {
        VERSION => Ok(fields),
        other => Err(DecodeError::Version(other)),
    }
}

/// Ends the writing of an object: its values, its depth and its size.
fn seal(kind: &'static str, map: Map, limit: usize) -> Result<Vec<u8>, BuildError> {
    let value = Value::Map(map.with("v", VERSION));
    check_value(&value, CBOR_DEPTH).map_err(|reason| BuildError::Value { kind, reason })?;
    let bytes = cbor::encode(&value);
    match bytes.len() {
        actual if actual > limit => Err(BuildError::TooLarge { kind, limit, actual }),
        _ => Ok(bytes),
    }
}

/// Checks that a value can be encoded, within a depth.
fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    const INTEGERS: std::ops::RangeInclusive<i128> = -(1 << 64)..=(1 << 64) - 1;
    let Some(depth) = depth.checked_sub(1) else {
        return Err("nested too deep".to_owned());
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::Text(_) => Ok(()),
        Value::Int(int) if INTEGERS.contains(int) => Ok(()),
        Value::Int(int) => Err(format!("{int} is out of range")),
        Value::Float(float) if float.is_finite() => Ok(()),
        Value::Float(float) => Err(format!("{float} is no number")),
        Value::List(list) => list.iter().try_for_each(|item| check_value(item, depth)),
        Value::Map(map) => map.iter().try_for_each(|(_, item)| check_value(item, depth)),
    }
}

/// Checks free-form data: its depth, and its size when encoded.
fn check_free(name: &str, value: &Value, depth: usize, limit: usize) -> Result<(), FieldError> {
    check_value(value, depth).map_err(|reason| FieldError::invalid(name, reason))?;
    match cbor::encode(value).len() {
        actual if actual > limit => {
            Err(FieldError::invalid(name, format!("{actual} bytes exceed the limit of {limit}")))
        }
        _ => Ok(()),
    }
}

/// Checks the length of a text or a list.
fn check_len(name: &str, actual: usize, limit: usize) -> Result<(), FieldError> {
    match actual {
        _ if actual > limit => {
            Err(FieldError::invalid(name, format!("length {actual} exceeds the limit of {limit}")))
        }
        _ => Ok(()),
    }
}

/// Checks a text that is a name: not empty, not too long, nothing hidden.
fn check_label(name: &str, text: &str, limit: usize) -> Result<(), FieldError> {
    if text.is_empty() {
        return Err(FieldError::invalid(name, "is empty"));
    }
    check_len(name, text.len(), limit)?;
    check_hidden(text).map_err(|rule| FieldError::invalid(name, NameError::new("name", text, rule)))
}

/// Checks that unknown keys are none of the known ones, which would be written twice.
fn check_extra(extra: &Map, known: &[&str]) -> Result<(), FieldError> {
    match known.iter().find(|key| extra.get(key).is_some()) {
        Some(key) => Err(FieldError::invalid(*key, "stands among the unknown keys")),
        None => Ok(()),
    }
}

/// Refuses an empty list or map where the form is to leave it out.
fn not_empty(value: Value) -> Result<Value, String> {
    match &value {
        Value::Map(map) if map.is_empty() => Err("an empty map is left out".to_owned()),
        Value::List(list) if list.is_empty() => Err("an empty list is left out".to_owned()),
        _ => Ok(value),
    }
}

/// Reads a field that is left out when it is empty.
fn sparse<T: Default>(
    fields: &mut Fields,
    name: &'static str,
    convert: impl FnOnce(Value) -> Result<T, String>,
) -> Result<T, FieldError> {
    let value = fields.optional(name, |value| not_empty(value).and_then(convert))?;
    Ok(value.unwrap_or_default())
}

/// Reads a text of any length; the check of the object bounds it.
fn text(value: Value) -> Result<String, String> {
    value.into_text(usize::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
