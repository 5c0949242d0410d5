//! What a statement states, by its kind.

use super::entry::{self, Entry, Inception};
use super::placed::{self, Placed};
use super::{BuildError, Statement, StatementError, Verified};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::{ContextId, PublicKey, UserId};
use crate::key::SecretKey;

/// What a statement states.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The beginning of an identity log.
    Inception(Inception),
    /// An entry of an identity log.
    Entry(Entry),
    /// Something said in a context.
    Placed(Placed),
    /// The use of a ticket.
    Redeem(Redeem),
    /// A kind that this version does not know and that is neither an entry nor in a context.
    Unknown {
        /// The kind.
        kind: String,
    },
}

/// The use of a ticket, signed by the ticket's key: it admits this user and nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// The context that the ticket opens.
    pub context: ContextId,
    /// The public key of the ticket.
    pub ticket: PublicKey,
    /// The user that is to be admitted.
    pub user: UserId,
    /// Random bytes, so that two redemptions differ.
    pub nonce: [u8; 16],
}

impl Redeem {
    /// The kind of these statements.
    pub const KIND: &str = "redeem";

    /// Signs the redemption with the ticket's key.
    ///
    /// # Errors
    /// [`BuildError`] where `key` is not the one the redemption names.
    pub fn sign(&self, key: &SecretKey) -> Result<Verified, BuildError> {
        let fields = Map::new()
            .with("context", self.context)
            .with("ticket", self.ticket)
            .with("user", self.user)
            .with("nonce", self.nonce);
        Statement::sign(Self::KIND, fields, &[], key)
    }

    fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Redeem {
            context: fields.required("context", ContextId::from_value)?,
            ticket: fields.required("ticket", PublicKey::from_value)?,
            user: fields.required("user", UserId::from_value)?,
            nonce: fields.required("nonce", Value::into_array)?,
        })
    }
}

/// Why a body of a known kind has no fact of that kind.
pub(super) enum ReadError {
    /// A field is missing or wrong.
    Field(FieldError),
    /// A value out of a list of names is newer than this version: the statement is ignorable.
    NewerValue,
}

impl From<FieldError> for ReadError {
    fn from(error: FieldError) -> Self {
        ReadError::Field(error)
    }
}

/// Takes a result apart: a fact, an ignorable statement (`None`), or an error.
pub(super) fn known<T>(read: Result<T, ReadError>) -> Result<Option<T>, FieldError> {
    match read {
        Ok(fact) => Ok(Some(fact)),
        Err(ReadError::NewerValue) => Ok(None),
        Err(ReadError::Field(error)) => Err(error),
    }
}

/// Reads the fact of a kind. With `features` missing, known kinds are read as unknown ones.
pub(super) fn read(
    kind: String,
    mut fields: Fields,
    signer: PublicKey,
    all_features: bool,
) -> Result<Fact, StatementError> {
    match kind.as_str() {
        Inception::KIND if all_features => {
            let inception = Inception::read(&mut fields)?;
            signed_by(inception.root, signer)?;
            Ok(Fact::Inception(inception))
        }
        Redeem::KIND if all_features => {
            let redeem = Redeem::read(&mut fields)?;
            signed_by(redeem.ticket, signer)?;
            Ok(Fact::Redeem(redeem))
        }
        Inception::KIND | Redeem::KIND => Ok(Fact::Unknown { kind }),
        _ if placed::KINDS.contains(&kind.as_str()) => {
            placed::read(kind, fields, signer, all_features).map(Fact::Placed)
        }
        _ if entry::KINDS.contains(&kind.as_str()) => {
            Ok(Fact::Entry(Entry::read(kind, &mut fields, all_features)?))
        }
        _ => unknown(kind, fields, signer),
    }
}

/// Reads what an unknown kind shows of itself: a place in a context, or one in an identity log.
fn unknown(kind: String, mut fields: Fields, signer: PublicKey) -> Result<Fact, StatementError> {
    let has = |keys: &[&str], fields: &Fields| keys.iter().all(|key| fields.has(key));
    if has(placed::PLACE_KEYS, &fields) {
        placed::read(kind, fields, signer, false).map(Fact::Placed)
    } else if has(entry::ENTRY_KEYS, &fields) {
        Ok(Fact::Entry(Entry::read(kind, &mut fields, false)?))
    } else {
        Ok(Fact::Unknown { kind })
    }
}

/// Checks that the key a body names is the one that signed.
pub(super) fn signed_by(expected: PublicKey, actual: PublicKey) -> Result<(), StatementError> {
    if expected == actual { Ok(()) } else { Err(StatementError::Signer { expected, actual }) }
}
