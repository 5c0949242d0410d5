//! Statements: small signed facts that stand alone.
//!
//! A statement is `{b, k, s}`: a body, the key that signed it and the signature. The signature is
//! over a domain that names the kind and over the BLAKE3 of the body, and it is checked before
//! the body is parsed; only the kind is looked up before, as it names the domain. The body names
//! its context (or its identity log), so that a statement of one place and kind never passes as
//! another's.
//!
//! [`Statement`] is what came in, [`Verified`] what holds. The bytes of a body are kept and passed
//! on as they are: keys and kinds that this version does not know live on. Whether the signer had
//! the right to say it is judged elsewhere: by the [identity log](crate::identity) and by the
//! [view](crate::context) of a context.

mod entry;
mod fact;
mod placed;

use std::fmt;
use std::sync::Arc;

use minicbor::Decoder;

pub(crate) use self::entry::recovery_hash;
pub use self::entry::{Entry, EntryFact, Grant, Inception, RotatedBy, Rotation, Scope};
pub use self::fact::{Fact, Redeem};
pub use self::placed::{
    About, Access, Comment, CommentOn, Cut, Dashboard, Epoch, Head, Interest, Member, Place,
    Placed, PlacedFact, Role, Subject, Tag, TicketFact, Why, Withdraw,
};
pub(crate) use self::placed::{check_ticket_role, named, read_u32};
use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::id::{PublicKey, StatementId};
use crate::key::{BadSignature, SecretKey, Signature};
use crate::limits::{KIND_BYTES, MUST, NAME_BYTES, STATEMENT_BYTES, STATEMENT_ENCODED_BYTES};

/// The version that stands in every body.
const VERSION: u64 = 1;
/// The features that this version knows; a statement that needs others is kept but not applied.
const FEATURES: &[&str] = &[];
/// Domains of signatures that are no statements: no statement may borrow them.
const OTHER_DOMAINS: &[&str] = &["change"];

/// A statement as it came: well-formed outside, not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    body: Arc<[u8]>,
    signer: PublicKey,
    signature: Signature,
}

impl Statement {
    /// Signs the statement that `fields` of a kind make up, and which `must` features it needs.
    ///
    /// Adds the version, the kind and `must`. What is signed has passed the same checks that
    /// everybody else applies.
    ///
    /// # Errors
    /// [`BuildError`] where the result would be refused by others.
    pub fn sign(
        kind: &str,
        fields: Map,
        must: &[&str],
        key: &SecretKey,
    ) -> Result<Verified, BuildError> {
        let mut body = fields;
        for reserved in ["v", "kind", "must"] {
            if body.get(reserved).is_some() {
                return Err(BuildError::Reserved(reserved));
            }
        }
        body.insert("v", VERSION);
        body.insert("kind", kind);
        if !must.is_empty() {
            let must: Vec<Value> = must.iter().map(|m| Value::from(*m)).collect();
            body.insert("must", must);
        }
        let body: Arc<[u8]> = cbor::encode(&Value::Map(body)).into();
        let signature = key.sign(kind, &blake3::hash(&body));
        let statement = Statement { body, signer: key.public(), signature };
        Ok(statement.open()?)
    }

    /// Decodes the outer form; nothing of the body is looked at.
    ///
    /// # Errors
    /// [`StatementError`] for bytes that are no `{b, k, s}` in canonical form, or too large.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let mut fields = Fields::new(cbor::decode_map(bytes, STATEMENT_ENCODED_BYTES)?);
        let body = fields.required("b", Value::into_bytes)?;
        let signer = fields.required("k", PublicKey::from_value)?;
        let signature = fields.required("s", Signature::from_value)?;
        if let Some((key, _)) = fields.rest().iter().next() {
            return Err(FieldError::invalid(key, "stands outside of what is signed").into());
        }
        if body.len() > STATEMENT_BYTES {
            let (limit, actual) = (STATEMENT_BYTES, body.len());
            return Err(CborError::TooLarge { limit, actual }.into());
        }
        Ok(Statement { body: body.into(), signer, signature })
    }

    /// Returns the bytes that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with("b", self.body.to_vec())
            .with("k", self.signer)
            .with("s", self.signature);
        cbor::encode(&Value::Map(map))
    }

    /// Returns the id: the BLAKE3 of the body.
    ///
    /// It says nothing about the signer; remember a refusal by the whole bytes, never by the id.
    pub fn id(&self) -> StatementId {
        StatementId::of(&self.body)
    }

    /// Returns the key that is said to have signed.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// Returns the signed bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Verifies the signature, then parses the body.
    ///
    /// # Errors
    /// [`StatementError`]; the statement is wrong whatever else may come.
    pub fn verify(self) -> Result<Verified, StatementError> {
        let kind = peek_kind(&self.body)?;
        self.signer.verify(kind, &blake3::hash(&self.body), &self.signature)?;
        self.open()
    }

    /// Parses the body of a statement whose signature holds.
    fn open(self) -> Result<Verified, StatementError> {
        peek_kind(&self.body)?;
        let mut fields = Fields::new(cbor::decode_map(&self.body, STATEMENT_BYTES)?);
        let version = fields.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(StatementError::Version(version));
        }
        let kind = fields.required("kind", |v| v.into_text(KIND_BYTES))?;
        let must =
            fields.optional("must", |v| v.into_list_of(MUST, |v| v.into_text(NAME_BYTES)))?;
        let mut missing = must.unwrap_or_default();
        missing.retain(|feature| !FEATURES.contains(&feature.as_str()));
        let fact = fact::read(kind, fields, self.signer, missing.is_empty())?;
        let id = self.id();
        Ok(Verified(Arc::new(Inner { statement: self, id, fact, missing })))
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statement({}.. by {}..)", self.id().short(), self.signer.short())
    }
}

/// Looks up the kind in a body that nobody has vouched for yet, without building anything.
fn peek_kind(body: &[u8]) -> Result<&str, StatementError> {
    let find = || -> Result<Option<&str>, minicbor::decode::Error> {
        let mut decoder = Decoder::new(body);
        for _ in 0..decoder.map()?.unwrap_or(0) {
            if decoder.str()? == "kind" {
                return decoder.str().map(Some);
            }
            decoder.skip()?;
        }
        Ok(None)
    };
    let kind = find().ok().flatten().ok_or(FieldError::Missing("kind"))?;
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (1..=KIND_BYTES).contains(&kind.len()) && kind.bytes().all(letter);
    if !fits || OTHER_DOMAINS.contains(&kind) {
        return Err(StatementError::Kind(kind.chars().take(KIND_BYTES).collect()));
    }
    Ok(kind)
}

/// A statement whose signature holds and whose body is well-formed. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct Verified(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    statement: Statement,
    id: StatementId,
    fact: Fact,
    missing: Vec<String>,
}

impl Verified {
    /// Returns the statement itself.
    pub fn statement(&self) -> &Statement {
        &self.0.statement
    }

    /// Returns the id: the BLAKE3 of the body.
    pub fn id(&self) -> StatementId {
        self.0.id
    }

    /// Returns the key that signed.
    pub fn signer(&self) -> PublicKey {
        self.0.statement.signer
    }

    /// Returns what is stated.
    pub fn fact(&self) -> &Fact {
        &self.0.fact
    }

    /// Returns the place and fact of a statement in a context.
    pub fn placed(&self) -> Option<&Placed> {
        match &self.0.fact {
            Fact::Placed(placed) => Some(placed),
            Fact::Inception(_) | Fact::Entry(_) | Fact::Redeem(_) | Fact::Unknown { .. } => None,
        }
    }

    /// Returns the features it needs and this version does not know.
    ///
    /// Where there are any, the [fact](Self::fact) is an unknown one: such a statement is shown as
    /// "needs a newer version" and never half applied.
    pub fn missing_features(&self) -> &[String] {
        &self.0.missing
    }

    /// Returns the bytes that [`Statement::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        self.0.statement.encode()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({}.. by {}.. ", self.id().short(), self.signer().short())?;
        write!(f, "{:?})", self.fact())
    }
}

/// Why bytes are no valid statement: wrong whatever else may come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The outer form or the body is no canonical CBOR, or too large.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The kind is no name of a statement.
    #[error("`{0}` is no kind of statement")]
    Kind(String),
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The statement names another key than the one that signed it.
    #[error("names key {expected}, signed by {actual}")]
    Signer {
        /// The key in the body.
        expected: PublicKey,
        /// The key that signed.
        actual: PublicKey,
    },
    /// The body is of another version.
    #[error("version {0} of a statement, expected {VERSION}")]
    Version(u64),
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Why a statement cannot be signed: others would refuse it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The fields hold a key that is added by signing.
    #[error("field `{0}` is reserved")]
    Reserved(&'static str),
    /// The statement would be refused.
    #[error(transparent)]
    Refused(#[from] StatementError),
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
