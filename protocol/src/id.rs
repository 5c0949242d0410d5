//! Ids: what names a thing, parsed at the edge and trusted inside.
//!
//! As text an id is lower-case hexadecimal without a prefix; [`short`](FrameId::short) is its
//! first eight digits, for people. In signed and sent bytes a hash is `0x1e` and 32 bytes of
//! BLAKE3, a key `0x01` and 32 bytes of ed25519: the first byte is the algorithm, and any other
//! is reserved and refused.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

use crate::cbor::{self, Value};

/// The first byte of a BLAKE3 hash in signed and sent bytes.
pub const ALGORITHM_BLAKE3: u8 = 0x1e;
/// The first byte of an ed25519 public key in signed and sent bytes.
pub const ALGORITHM_ED25519: u8 = 0x01;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text has the wrong length.
    #[error("expected {expected} hexadecimal digits, got {actual}")]
    Length {
        /// Digits of such an id.
        expected: usize,
        /// Characters that came.
        actual: usize,
    },
    /// The text holds something else than `0-9` and `a-f`.
    #[error("`{0}` is not lower-case hexadecimal")]
    Digit(String),
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    if text.len() != 2 * N {
        return Err(ParseIdError::Length { expected: 2 * N, actual: text.chars().count() });
    }
    let bytes = HEXLOWER.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| ParseIdError::Digit(text.to_owned()))?;
    Ok(bytes.try_into().expect("the length was checked"))
}

/// Defines an id over `N` bytes: text forms, serde as text, order and hash.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $n:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $n]);

        impl $name {
            /// Wraps raw bytes.
            pub const fn from_bytes(bytes: [u8; $n]) -> Self {
                Self(bytes)
            }

            /// Returns the raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $n] {
                &self.0
            }

            /// Returns the first eight digits, for people.
            pub fn short(&self) -> String {
                HEXLOWER.encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}..)"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^[0-9a-f]{", $n, "*2}$")))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

/// Adds the signed and sent form of a 32-byte id: an algorithm byte and the bytes.
macro_rules! tagged {
    ($name:ident, $algorithm:ident) => {
        impl $name {
            /// Returns the signed and sent form: the algorithm byte and the 32 bytes.
            pub fn to_tagged(&self) -> [u8; 33] {
                let mut out = [$algorithm; 33];
                out[1..].copy_from_slice(&self.0);
                out
            }

            /// Reads the signed and sent form.
            ///
            /// # Errors
            /// Says what came instead of 33 bytes with the right first one.
            pub fn from_tagged(bytes: &[u8]) -> Result<Self, String> {
                match bytes {
                    [$algorithm, rest @ ..] if rest.len() == 32 => {
                        Ok(Self(rest.try_into().expect("the length was checked")))
                    }
                    [first, ..] if bytes.len() == 33 => {
                        Err(format!("unknown algorithm {first:#04x}"))
                    }
                    _ => Err(format!("expected 33 bytes, got {}", bytes.len())),
                }
            }

            /// Reads the signed and sent form out of a CBOR value.
            ///
            /// # Errors
            /// As [`from_tagged`](Self::from_tagged).
            pub fn from_value(value: Value) -> Result<Self, String> {
                Self::from_tagged(&value.into_bytes()?)
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Value {
                Value::Bytes(id.to_tagged().to_vec())
            }
        }
    };
}

/// Adds the signed and sent form of a short random id: its plain bytes.
macro_rules! plain {
    ($name:ident) => {
        impl $name {
            /// Reads the plain bytes out of a CBOR value.
            ///
            /// # Errors
            /// Says what came instead.
            pub fn from_value(value: Value) -> Result<Self, String> {
                value.into_array().map(Self)
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Value {
                Value::Bytes(id.0.to_vec())
            }
        }
    };
}

id!(
    /// A user: the hash of the inception of her identity log, so that keys may change.
    UserId, 32
);
id!(
    /// A device: its ed25519 public key, which is its libp2p peer id too.
    DeviceId, 32
);
id!(
    /// The public half of any signing key: of a root, a recovery key, a ticket or a device.
    PublicKey, 32
);
id!(
    /// A context: the hash of its genesis.
    ContextId, 32
);
id!(
    /// A stack: 16 random bytes drawn when it is first pushed; names may change.
    StackId, 16
);
id!(
    /// A frame: the BLAKE3 of its bytes as received.
    FrameId, 32
);
id!(
    /// A blob: the BLAKE3 of its bytes.
    BlobHash, 32
);
id!(
    /// A document: derived from its place (context, user, device, incarnation).
    DocumentId, 32
);
id!(
    /// A statement: the BLAKE3 of its body.
    StatementId, 32
);
id!(
    /// An automerge change: SHA-256 as automerge computes it.
    ChangeId, 32
);
id!(
    /// An incarnation: 8 random bytes drawn when a database is created or restored.
    Incarnation, 8
);

tagged!(UserId, ALGORITHM_BLAKE3);
tagged!(DeviceId, ALGORITHM_ED25519);
tagged!(PublicKey, ALGORITHM_ED25519);
tagged!(ContextId, ALGORITHM_BLAKE3);
tagged!(FrameId, ALGORITHM_BLAKE3);
tagged!(BlobHash, ALGORITHM_BLAKE3);
tagged!(DocumentId, ALGORITHM_BLAKE3);
tagged!(StatementId, ALGORITHM_BLAKE3);
plain!(StackId);
plain!(Incarnation);
plain!(ChangeId);

impl From<DeviceId> for PublicKey {
    fn from(device: DeviceId) -> Self {
        PublicKey(device.0)
    }
}

impl From<PublicKey> for DeviceId {
    fn from(key: PublicKey) -> Self {
        DeviceId(key.0)
    }
}

impl FrameId {
    /// Returns the id of a frame's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        FrameId(*blake3::hash(bytes).as_bytes())
    }
}

impl BlobHash {
    /// Returns the hash of a blob's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        BlobHash(*blake3::hash(bytes).as_bytes())
    }
}

impl StatementId {
    /// Returns the id of a statement's body.
    pub fn of(body: &[u8]) -> Self {
        StatementId(*blake3::hash(body).as_bytes())
    }
}

/// Returns `H(kind, list)`: BLAKE3 in key derivation mode over a canonical CBOR list, so that
/// ids of one kind can never equal ids of another.
pub fn derive(kind: &str, list: Vec<Value>) -> [u8; 32] {
    blake3::derive_key(&format!("dsp/1/{kind}"), &cbor::encode(&Value::List(list)))
}

impl DocumentId {
    /// Returns the id of the catalog of one device of a user in one context and incarnation.
    pub fn catalog(context: ContextId, user: UserId, device: DeviceId, inc: Incarnation) -> Self {
        DocumentId(derive("catalog", vec![context.into(), user.into(), device.into(), inc.into()]))
    }

    /// Returns the id of a board made by `creator`.
    pub fn board(context: ContextId, creator: UserId, nonce: [u8; 16]) -> Self {
        DocumentId(derive("board", vec![context.into(), creator.into(), nonce.into()]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 32], short: [u8; 8]) {
            let id = FrameId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(id.to_string().starts_with(&id.short()));
            let inc = Incarnation::from_bytes(short);
            prop_assert_eq!(inc.to_string().parse(), Ok(inc));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<FrameId>(&json).unwrap(), id);
            prop_assert_eq!(FrameId::from_value(id.into()), Ok(id));
        }

        #[test]
        fn parsing_is_total(text in ".{0,80}") {
            let _ = text.parse::<UserId>();
        }
    }

    #[test]
    fn other_algorithms_are_refused() {
        let key = DeviceId::from_bytes([7; 32]);
        assert!(FrameId::from_tagged(&key.to_tagged()).is_err());
        assert!(DeviceId::from_tagged(&[1; 32]).is_err());
    }

    #[test]
    fn golden_ids() {
        let context = ContextId::from_bytes([1; 32]);
        let user = UserId::from_bytes([2; 32]);
        let device = DeviceId::from_bytes([3; 32]);
        let doc = DocumentId::catalog(context, user, device, Incarnation::from_bytes([4; 8]));
        assert_eq!(doc.short(), "861cf86e");
        let board = DocumentId::board(context, user, [5; 16]);
        assert_eq!(board.short(), "6c6932fa");
    }
}
