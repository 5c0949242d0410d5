//! The beginning of a context: what its id is the hash of.

use std::fmt;

use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::id::{ContextId, UserId, derive};
use crate::limits::{NAME_BYTES, OWNERS};
use crate::statement::named;

/// The version that stands in every genesis.
const VERSION: u64 = 1;
/// Most bytes of a genesis: eight owners and the fixed fields, with room.
const GENESIS_BYTES: usize = 512;

named!(
    /// What a context is for.
    ContextKind {
        /// Shared work.
        Team = "team",
        /// One user's own devices: the map of where her stacks are.
        Home = "home",
        /// One user's work for others to follow.
        Solo = "solo",
    }
);

/// The beginning of a context. Its hash is the context's id, so the owners in it are beyond
/// dispute; name, access and members are statements and may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The first owners, 1 to 8, each once; of two that remove each other the earlier stays.
    pub owners: Vec<UserId>,
    /// Random bytes, so that the same owners can have many contexts.
    pub nonce: [u8; 16],
    /// What the context is for.
    pub kind: ContextKind,
}

impl Genesis {
    /// Returns the context's id.
    pub fn id(&self) -> ContextId {
        ContextId::from_bytes(derive("context", vec![Value::Map(self.to_map())]))
    }

    /// Returns the bytes that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Map(self.to_map()))
    }

    /// Decodes a genesis.
    ///
    /// # Errors
    /// [`GenesisError`] for anything but version 1 with exactly its keys: a genesis is hashed, not
    /// extended.
    pub fn decode(bytes: &[u8]) -> Result<Self, GenesisError> {
        Genesis::from_map(cbor::decode_map(bytes, GENESIS_BYTES)?)
    }

    pub(crate) fn to_map(&self) -> Map {
        let owners: Vec<Value> = self.owners.iter().map(|owner| (*owner).into()).collect();
        Map::new()
            .with("v", VERSION)
            .with("owners", owners)
            .with("nonce", self.nonce)
            .with("kind", self.kind.as_str())
    }

    pub(crate) fn from_map(map: Map) -> Result<Self, GenesisError> {
        let mut fields = Fields::new(map);
        let version = fields.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(GenesisError::Version(version));
        }
        let genesis = Genesis {
            owners: fields.required("owners", |v| v.into_list_of(OWNERS, UserId::from_value))?,
            nonce: fields.required("nonce", Value::into_array)?,
            kind: fields.required("kind", |v| {
                let name = v.into_text(NAME_BYTES)?;
                ContextKind::from_name(&name).ok_or(format!("`{name}` is not known"))
            })?,
        };
        if let Some((key, _)) = fields.rest().iter().next() {
            return Err(FieldError::invalid(key, "does not belong into a genesis").into());
        }
        genesis.check()?;
        Ok(genesis)
    }

    /// Checks the number of owners, and that none stands twice.
    ///
    /// # Errors
    /// [`GenesisError::Owners`], [`GenesisError::Twice`].
    pub fn check(&self) -> Result<(), GenesisError> {
        let most = match self.kind {
            ContextKind::Team => OWNERS,
            ContextKind::Home | ContextKind::Solo => 1,
        };
        if self.owners.is_empty() || self.owners.len() > most {
            return Err(GenesisError::Owners { most, actual: self.owners.len() });
        }
        for (i, owner) in self.owners.iter().enumerate() {
            if self.owners[..i].contains(owner) {
                return Err(GenesisError::Twice(*owner));
            }
        }
        Ok(())
    }
}

/// Why bytes are no genesis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// No canonical CBOR, or too large.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing, wrong, or does not belong there.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Another version.
    #[error("version {0} of a genesis, expected {VERSION}")]
    Version(u64),
    /// Too few or too many owners.
    #[error("{actual} owners, expected 1 to {most}")]
    Owners {
        /// The most of this kind of context.
        most: usize,
        /// What came.
        actual: usize,
    },
    /// An owner stands twice.
    #[error("owner {0} stands twice")]
    Twice(UserId),
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    fn genesis() -> Genesis {
        let owners = [0xa1, 0xb0].map(|b| UserId::from_bytes([b; 32])).to_vec();
        Genesis { owners, nonce: [0x0c; 16], kind: ContextKind::Team }
    }

    #[test]
    fn golden_bytes() {
        let bytes = genesis().encode();
        let owner = |b: &str| format!("58211e{}", b.repeat(32));
        let expected = [
            "a4617601646b696e64647465616d656e6f6e636550",
            &"0c".repeat(16),
            "666f776e65727382",
            &owner("a1"),
            &owner("b0"),
        ];
        assert_eq!(HEXLOWER.encode(&bytes), expected.concat());
        assert_eq!(Genesis::decode(&bytes), Ok(genesis()));
        assert_eq!(genesis().id().short(), "053ea4e3");
    }

    #[test]
    fn every_part_makes_another_context() {
        let mut others = vec![genesis(); 3];
        others[0].owners.swap(0, 1);
        others[1].nonce[0] ^= 1;
        others[2].owners.pop();
        for other in others {
            assert_ne!(other.id(), genesis().id());
        }
    }

    #[test]
    fn owners_are_bounded_and_distinct() {
        let with = |n: u8, kind| {
            let owners = (0..n).map(|i| UserId::from_bytes([i; 32])).collect();
            Genesis::decode(&Genesis { owners, kind, ..genesis() }.encode())
        };
        assert_eq!(with(0, ContextKind::Team), Err(GenesisError::Owners { most: 8, actual: 0 }));
        assert!(with(8, ContextKind::Team).is_ok());
        assert!(with(9, ContextKind::Team).is_err());
        assert!(with(1, ContextKind::Home).is_ok());
        assert_eq!(with(2, ContextKind::Home), Err(GenesisError::Owners { most: 1, actual: 2 }));
        let owner = genesis().owners[0];
        let twice = Genesis { owners: vec![owner; 2], ..genesis() };
        assert_eq!(Genesis::decode(&twice.encode()), Err(GenesisError::Twice(owner)));
    }

    #[test]
    fn nothing_else_is_hashed_along() {
        let other = |key: &str, value: Value| {
            Genesis::decode(&cbor::encode(&Value::Map(genesis().to_map().with(key, value))))
        };
        assert_eq!(other("v", 2u64.into()), Err(GenesisError::Version(2)));
        assert!(matches!(other("x", 1u64.into()), Err(GenesisError::Field(_))));
        assert!(matches!(other("kind", "club".into()), Err(GenesisError::Field(_))));
    }

    proptest! {
        #[test]
        fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(genesis) = Genesis::decode(&bytes) {
                prop_assert_eq!(genesis.encode(), bytes);
            }
        }
    }
}
