//! The canonical CBOR subset that everything signed, stored and sent is written in.
//!
//! Text keys only, sorted (shorter first, then by bytes), shortest forms, definite lengths,
//! 64-bit floats that are numbers, no tags: the DAG-CBOR subset without links. There is one
//! encoding for a value, and [`decode`] takes only that one: it re-encodes once and compares.
//!
//! [`Value`] is a tree. Typed objects read it through [`Fields`], which hands back the keys
//! nobody asked for, so unknown keys live on.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::limits::CBOR_DEPTH;

/// A value of the canonical subset.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The null value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer between -2^64 and 2^64-1.
    Int(i128),
    /// A finite 64-bit float.
    Float(f64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A UTF-8 text string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map with text keys.
    Map(Map),
}

/// A map key, ordered as canonical CBOR orders it: shorter first, then by bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MapKey(String);

impl Ord for MapKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.len(), self.0.as_bytes()).cmp(&(other.0.len(), other.0.as_bytes()))
    }
}

impl PartialOrd for MapKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A map with text keys in canonical order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(BTreeMap<MapKey, Value>);

impl Map {
    /// Returns an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` and returns what stood there.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(MapKey(key.into()), value.into())
    }

    /// Sets `key` where there is a value, for optional fields.
    pub fn insert_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.insert(key, value);
        }
    }

    /// Sets `key`, for building a map in one expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// Returns the value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&MapKey(key.to_owned()))
    }

    /// Takes the value at `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.remove(&MapKey(key.to_owned()))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the entries in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.0.as_str(), v))
    }

    /// Adds the entries of `other` for keys that this map does not have.
    pub fn extend_missing(&mut self, other: &Map) {
        for (key, value) in &other.0 {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(k, v)| (k.0, v)).collect::<Vec<_>>().into_iter()
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Map(entries.into_iter().map(|(k, v)| (MapKey(k), v)).collect())
    }
}

macro_rules! from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Value {
            fn from(value: $int) -> Self {
                Value::Int(i128::from(value))
            }
        }
    )*};
}
from_int!(u8, u16, u32, u64, i64);

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::Int(value as i128)
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value)
    }
}
impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Value::Bytes(value.to_vec())
    }
}
impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Value::Bytes(value)
    }
}
impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Value::Bytes(value.to_vec())
    }
}
impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Value::List(value)
    }
}
impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Value::Map(value)
    }
}

/// Why bytes are not a value of the canonical subset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// More bytes than the caller allows.
    #[error("{actual} bytes exceed the limit of {limit}")]
    TooLarge {
        /// What the caller allows.
        limit: usize,
        /// What came.
        actual: usize,
    },
    /// Not CBOR at all, or cut short.
    #[error("malformed CBOR at byte {0}")]
    Malformed(usize),
    /// CBOR outside the subset: a tag, an indefinite length, a key that is no text.
    #[error("CBOR outside the canonical subset at byte {0}")]
    Unsupported(usize),
    /// Nested deeper than [`CBOR_DEPTH`].
    #[error("nested deeper than {CBOR_DEPTH} levels")]
    TooDeep,
    /// Bytes after the value.
    #[error("{0} bytes after the end of the value")]
    Trailing(usize),
    /// The value has another, canonical encoding.
    #[error("not in canonical form")]
    NotCanonical,
}

/// Encodes a value in its one canonical form.
///
/// A float that is no number has no encoding; typed objects write those as `{t, v}` maps, and
/// handing one in here is a bug of the caller.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, value);
    encoder.into_writer()
}

fn write(e: &mut Encoder<Vec<u8>>, value: &Value) {
    let written = match value {
        Value::Null => e.null(),
        Value::Bool(b) => e.bool(*b),
        Value::Int(i) => {
            e.int(minicbor::data::Int::try_from(*i).expect("integers are bounded by 64 bits"))
        }
        Value::Float(f) => {
            debug_assert!(f.is_finite(), "floats that are no numbers are written as maps");
            e.f64(*f)
        }
        Value::Bytes(b) => e.bytes(b),
        Value::Text(t) => e.str(t),
        Value::List(l) => e.array(l.len() as u64),
        Value::Map(m) => e.map(m.len() as u64),
    };
    written.expect("writing to a vector does not fail");
    match value {
        Value::List(list) => list.iter().for_each(|item| write(e, item)),
        Value::Map(map) => map.iter().for_each(|(key, value)| {
            e.str(key).expect("writing to a vector does not fail");
            write(e, value);
        }),
        _ => {}
    }
}

/// Decodes bytes that hold exactly one value in canonical form.
///
/// Total: any bytes give a value or an error, in memory proportional to `bytes`.
///
/// # Errors
/// [`CborError`] says what is wrong and where.
pub fn decode(bytes: &[u8], limit: usize) -> Result<Value, CborError> {
    if bytes.len() > limit {
        return Err(CborError::TooLarge { limit, actual: bytes.len() });
    }
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder, CBOR_DEPTH)?;
    if decoder.position() != bytes.len() {
        return Err(CborError::Trailing(bytes.len() - decoder.position()));
    }
    if encode(&value) != bytes {
        return Err(CborError::NotCanonical);
    }
    Ok(value)
}

/// Decodes bytes that hold exactly one map in canonical form.
///
/// # Errors
/// As [`decode`]; a value that is no map is [`CborError::Unsupported`].
pub fn decode_map(bytes: &[u8], limit: usize) -> Result<Map, CborError> {
    match decode(bytes, limit)? {
        Value::Map(map) => Ok(map),
        _ => Err(CborError::Unsupported(0)),
    }
}

fn read(d: &mut Decoder<'_>, depth: usize) -> Result<Value, CborError> {
    if depth == 0 {
        return Err(CborError::TooDeep);
    }
    let at = d.position();
    let left = d.input().len() - at;
    let malformed = |_| CborError::Malformed(at);
    Ok(match d.datatype().map_err(malformed)? {
        Type::Null => {
            d.null().map_err(malformed)?;
            Value::Null
        }
        Type::Bool => Value::Bool(d.bool().map_err(malformed)?),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => Value::Int(d.int().map_err(malformed)?.into()),
        Type::F64 => {
            let float = d.f64().map_err(malformed)?;
            if !float.is_finite() {
                return Err(CborError::Unsupported(at));
            }
            Value::Float(float)
        }
        Type::Bytes => Value::Bytes(d.bytes().map_err(malformed)?.to_vec()),
        Type::String => Value::Text(d.str().map_err(malformed)?.to_owned()),
        Type::Array => {
            let len = d.array().map_err(malformed)?.ok_or(CborError::Unsupported(at))?;
            let len = bounded(len, left, at)?;
            let mut list = Vec::new();
            for _ in 0..len {
                list.push(read(d, depth - 1)?);
            }
            Value::List(list)
        }
        Type::Map => {
            let len = d.map().map_err(malformed)?.ok_or(CborError::Unsupported(at))?;
            let len = bounded(len, left, at)?;
            let mut map = Map::new();
            for _ in 0..len {
                let at = d.position();
                if d.datatype().map_err(|_| CborError::Malformed(at))? != Type::String {
                    return Err(CborError::Unsupported(at));
                }
                let key = d.str().map_err(|_| CborError::Malformed(at))?.to_owned();
                if map.insert(key, read(d, depth - 1)?).is_some() {
                    return Err(CborError::NotCanonical);
                }
            }
            Value::Map(map)
        }
        _ => return Err(CborError::Unsupported(at)),
    })
}

/// Returns a length that the bytes left can hold: every item takes one at least.
fn bounded(len: u64, left: usize, at: usize) -> Result<usize, CborError> {
    usize::try_from(len).ok().filter(|l| *l <= left).ok_or(CborError::Malformed(at))
}

/// Why a map is not the object that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A required key is missing.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A value has the wrong type, or is outside its bounds.
    #[error("field `{name}`: {reason}")]
    Invalid {
        /// The key.
        name: String,
        /// What is wrong with its value.
        reason: String,
    },
}

impl FieldError {
    /// Returns the error for a value that is wrong for `reason`.
    pub fn invalid(name: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        FieldError::Invalid { name: name.into(), reason: reason.to_string() }
    }
}

/// Reads a map key by key; what nobody took is the object's `extra`.
#[derive(Debug)]
pub struct Fields(Map);

impl Fields {
    /// Begins to read `map`.
    pub fn new(map: Map) -> Self {
        Fields(map)
    }

    /// Tells whether there is a value at `name` that nobody took yet.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// Takes an optional value.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Takes an optional value and converts it.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where `convert` refuses it.
    pub fn optional<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        convert: impl FnOnce(Value) -> Result<T, E>,
    ) -> Result<Option<T>, FieldError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(value) => {
                convert(value).map(Some).map_err(|reason| FieldError::invalid(name, reason))
            }
        }
    }

    /// Takes a required value and converts it.
    ///
    /// # Errors
    /// [`FieldError::Missing`], or [`FieldError::Invalid`] where `convert` refuses it.
    pub fn required<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        convert: impl FnOnce(Value) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        self.optional(name, convert)?.ok_or(FieldError::Missing(name))
    }

    /// Ends the reading and returns the keys that nobody took.
    pub fn rest(self) -> Map {
        self.0
    }
}

impl Value {
    /// Returns the text.
    ///
    /// # Errors
    /// Says that it is none, or longer than `limit` bytes.
    pub fn into_text(self, limit: usize) -> Result<String, String> {
        match self {
            Value::Text(text) if text.len() <= limit => Ok(text),
            Value::Text(text) => Err(format!("{} bytes exceed the limit of {limit}", text.len())),
            other => Err(format!("expected text, got {}", other.type_name())),
        }
    }

    /// Returns the bytes.
    ///
    /// # Errors
    /// Says that it is no byte string.
    pub fn into_bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(format!("expected bytes, got {}", other.type_name())),
        }
    }

    /// Returns exactly `N` bytes.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn into_array<const N: usize>(self) -> Result<[u8; N], String> {
        let bytes = self.into_bytes()?;
        let len = bytes.len();
        bytes.try_into().map_err(|_| format!("expected {N} bytes, got {len}"))
    }

    /// Returns an unsigned integer.
    ///
    /// # Errors
    /// Says that it is none, or out of range.
    pub fn into_u64(self) -> Result<u64, String> {
        match self {
            Value::Int(int) => u64::try_from(int).map_err(|_| format!("{int} is out of range")),
            other => Err(format!("expected an integer, got {}", other.type_name())),
        }
    }

    /// Returns a signed integer.
    ///
    /// # Errors
    /// Says that it is none, or out of range.
    pub fn into_i64(self) -> Result<i64, String> {
        match self {
            Value::Int(int) => i64::try_from(int).map_err(|_| format!("{int} is out of range")),
            other => Err(format!("expected an integer, got {}", other.type_name())),
        }
    }

    /// Returns the truth value.
    ///
    /// # Errors
    /// Says that it is none.
    pub fn into_bool(self) -> Result<bool, String> {
        match self {
            Value::Bool(bool) => Ok(bool),
            other => Err(format!("expected a boolean, got {}", other.type_name())),
        }
    }

    /// Returns the list.
    ///
    /// # Errors
    /// Says that it is none, or has more than `limit` items.
    pub fn into_list(self, limit: usize) -> Result<Vec<Value>, String> {
        match self {
            Value::List(list) if list.len() <= limit => Ok(list),
            Value::List(list) => Err(format!("{} items exceed the limit of {limit}", list.len())),
            other => Err(format!("expected a list, got {}", other.type_name())),
        }
    }

    /// Returns the list with each item converted.
    ///
    /// # Errors
    /// Says what is wrong with the list or with an item.
    pub fn into_list_of<T, E: std::fmt::Display>(
        self,
        limit: usize,
        convert: impl Fn(Value) -> Result<T, E>,
    ) -> Result<Vec<T>, String> {
        let items = self.into_list(limit)?.into_iter().enumerate();
        items.map(|(i, v)| convert(v).map_err(|e| format!("item {i}: {e}"))).collect()
    }

    /// Returns the map.
    ///
    /// # Errors
    /// Says that it is none.
    pub fn into_map(self) -> Result<Map, String> {
        match self {
            Value::Map(map) => Ok(map),
            other => Err(format!("expected a map, got {}", other.type_name())),
        }
    }

    /// Names the type in an error.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Bytes(_) => "bytes",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|i| Value::Int(i.into())),
            any::<u64>().prop_map(|i| Value::Int(i.into())),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
            ".{0,20}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                proptest::collection::vec((".{0,8}", inner), 0..8)
                    .prop_map(|v| Value::Map(v.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(value in any_value()) {
            let bytes = encode(&value);
            prop_assert_eq!(decode(&bytes, usize::MAX).unwrap(), value);
        }

        #[test]
        fn decode_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = decode(&bytes, usize::MAX) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }

        #[test]
        fn an_altered_byte_never_gives_the_same_value(value in any_value(), at: prop::sample::Index, flip in 1u8..) {
            let mut bytes = encode(&value);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_ne!(decode(&bytes, usize::MAX).ok(), Some(value));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let cases: [(&[u8], &str); 10] = [
            (b"\x18\x01", "an integer longer than it needs"),
            (b"\xf9\x3c\x00", "a half float"),
            (b"\xfb\x7f\xf8\0\0\0\0\0\0", "a float that is no number"),
            (b"\x9f\x01\xff", "an indefinite list"),
            (b"\xc1\x01", "a tag"),
            (b"\xa2\x61b\x01\x61a\x02", "unsorted keys"),
            (b"\xa2\x61a\x01\x61a\x02", "a key twice"),
            (b"\xa1\x01\x02", "a key that is no text"),
            (b"\x01\x02", "trailing bytes"),
            (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "a length of 2^64-1"),
        ];
        for (bytes, what) in cases {
            assert!(decode(bytes, 100).is_err(), "{what} was accepted");
        }
        let deep = vec![0x81; 10_000];
        assert_eq!(decode(&deep, usize::MAX), Err(CborError::TooDeep));
    }

    #[test]
    fn golden_bytes() {
        let value = Value::Map(
            Map::new().with("bb", 1u64).with("a", -1i64).with("c", Value::Null).with("f", 0.5),
        );
        assert_eq!(
            data_encoding::HEXLOWER.encode(&encode(&value)),
            "a461612061 63f6 6166fb3fe0000000000000 62626201".replace(' ', "")
        );
    }
}
