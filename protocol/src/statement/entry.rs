//! The statements of an identity log: who a user is and which devices are hers.

use super::{BuildError, Statement, Verified, placed::Role};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::{ALGORITHM_BLAKE3, ContextId, DeviceId, PublicKey, StatementId, UserId, derive};
use crate::key::SecretKey;
use crate::limits::NAME_BYTES;
use crate::name::check_hidden;

/// The kinds of entries after the inception.
pub(super) const KINDS: &[&str] = &["grant", "revoke", "rotate"];
/// The keys that every entry has, by which one of an unknown kind is known.
pub(super) const ENTRY_KEYS: &[&str] = &["user", "n", "prev"];
/// Most contexts in a scope: more do not fit a statement.
const SCOPE_CONTEXTS: usize = 128;

/// The beginning of an identity log; the user's id is the hash of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inception {
    /// The key that signs the log.
    pub root: PublicKey,
    /// The hash of the recovery key, which beats the root.
    pub next: [u8; 32],
    /// What the user calls herself: a label, never an identity.
    pub name: String,
}

impl Inception {
    /// The kind of these statements.
    pub const KIND: &str = "inception";

    /// Signs the inception with the root.
    ///
    /// # Errors
    /// [`BuildError`] for a name outside the rules, or another key than the root.
    pub fn sign(&self, root: &SecretKey) -> Result<Verified, BuildError> {
        let fields = Map::new()
            .with("root", self.root)
            .with("next", tagged_hash(&self.next))
            .with("name", self.name.as_str());
        Statement::sign(Self::KIND, fields, &[], root)
    }

    /// Returns the id of the user whose log begins with these bytes.
    pub fn user(body: &[u8]) -> UserId {
        UserId::from_bytes(derive("user", vec![body.into()]))
    }

    pub(super) fn read(fields: &mut Fields) -> Result<Self, FieldError> {
        Ok(Inception {
            root: fields.required("root", PublicKey::from_value)?,
            next: fields.required("next", read_hash)?,
            name: fields.required("name", read_label)?,
        })
    }
}

/// An entry of an identity log: a fact in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose log it is.
    pub user: UserId,
    /// 1 for the first after the inception, then one more than the entry before.
    pub n: u64,
    /// The entry before.
    pub prev: StatementId,
    /// What it states.
    pub fact: EntryFact,
}

/// What an entry of an identity log states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryFact {
    /// A device may act for the user.
    Grant(Grant),
    /// A device is dead, for ever.
    Revoke(DeviceId),
    /// The root changes.
    Rotate(Rotation),
    /// A kind or feature that this version does not know.
    Unknown {
        /// The kind.
        kind: String,
    },
}

/// What a device may do for its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The device.
    pub device: DeviceId,
    /// What it is called.
    pub name: String,
    /// Where it may act; everywhere without.
    pub scope: Option<Scope>,
    /// When it ends, in milliseconds since 1970; never without.
    pub until: Option<i64>,
}

impl Grant {
    /// Returns the most that the device may be in a context now, if it may be anything there.
    ///
    /// Gates sessions and new envelopes when they are first accepted; what was accepted stays.
    pub fn permits(&self, context: ContextId, now: i64) -> Option<Role> {
        if !self.holds(now) {
            return None;
        }
        let Some(scope) = &self.scope else { return Some(Role::Owner) };
        if scope.contexts.as_ref().is_some_and(|contexts| !contexts.contains(&context)) {
            return None;
        }
        Some(scope.role.unwrap_or(Role::Owner))
    }

    /// Tells whether the grant has not ended.
    pub fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now <= until)
    }
}

/// Where a device may act, and as what at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The contexts it may act in; all without.
    pub contexts: Option<Vec<ContextId>>,
    /// The most it may be there; all that its user is without.
    pub role: Option<Role>,
}

/// A change of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new root.
    pub root: PublicKey,
    /// The hash of the new recovery key.
    pub next: [u8; 32],
    /// Which key signs this.
    pub by: RotatedBy,
}

/// Which key signs a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotatedBy {
    /// The root before.
    Root,
    /// The recovery key: this rotation beats every root-signed entry after its parent.
    Recovery,
}

impl EntryFact {
    /// Returns the kind of the statement.
    pub fn kind(&self) -> &str {
        match self {
            EntryFact::Grant(_) => "grant",
            EntryFact::Revoke(_) => "revoke",
            EntryFact::Rotate(_) => "rotate",
            EntryFact::Unknown { kind } => kind,
        }
    }
}

impl Entry {
    /// Signs the entry.
    ///
    /// # Errors
    /// [`BuildError`] for values outside the rules.
    pub fn sign(&self, key: &SecretKey) -> Result<Verified, BuildError> {
        let mut fields =
            Map::new().with("user", self.user).with("n", self.n).with("prev", self.prev);
        match &self.fact {
            EntryFact::Grant(grant) => {
                fields.insert("device", grant.device);
                fields.insert("name", grant.name.as_str());
                fields.insert_some("scope", grant.scope.as_ref().map(scope_map));
                fields.insert_some("until", grant.until);
            }
            EntryFact::Revoke(device) => {
                fields.insert("device", *device);
            }
            EntryFact::Rotate(rotation) => {
                fields.insert("root", rotation.root);
                fields.insert("next", tagged_hash(&rotation.next));
                fields.insert("by", rotation.by.as_str());
            }
            EntryFact::Unknown { .. } => {}
        }
        Statement::sign(self.fact.kind(), fields, &[], key)
    }

    pub(super) fn read(
        kind: String,
        fields: &mut Fields,
        all_features: bool,
    ) -> Result<Self, FieldError> {
        let user = fields.required("user", UserId::from_value)?;
        let n = fields.required("n", Value::into_u64)?;
        if n == 0 {
            return Err(FieldError::invalid("n", "0 is the inception's"));
        }
        let prev = fields.required("prev", StatementId::from_value)?;
        let fact = match kind.as_str() {
            "grant" if all_features => read_grant(fields)?.map(EntryFact::Grant),
            "revoke" if all_features => {
                Some(EntryFact::Revoke(fields.required("device", DeviceId::from_value)?))
            }
            "rotate" if all_features => read_rotation(fields)?.map(EntryFact::Rotate),
            _ => None,
        };
        Ok(Entry { user, n, prev, fact: fact.unwrap_or(EntryFact::Unknown { kind }) })
    }
}

impl RotatedBy {
    fn as_str(self) -> &'static str {
        match self {
            RotatedBy::Root => "root",
            RotatedBy::Recovery => "recovery",
        }
    }
}

fn scope_map(scope: &Scope) -> Map {
    let mut map = Map::new();
    if let Some(contexts) = &scope.contexts {
        map.insert("contexts", contexts.iter().map(|c| (*c).into()).collect::<Vec<Value>>());
    }
    map.insert_some("role", scope.role.map(Role::as_str));
    map
}

/// Reads a grant; `None` where it names a role that this version does not know.
fn read_grant(fields: &mut Fields) -> Result<Option<Grant>, FieldError> {
    let device = fields.required("device", DeviceId::from_value)?;
    let name = fields.required("name", read_label)?;
    let until = fields.optional("until", Value::into_i64)?;
    let scope = match fields.optional("scope", Value::into_map)? {
        None => None,
        Some(scope) => {
            let mut fields = Fields::new(scope);
            let contexts = fields
                .optional("contexts", |v| v.into_list_of(SCOPE_CONTEXTS, ContextId::from_value))?;
            let role = match fields.optional("role", |v| v.into_text(NAME_BYTES))? {
                None => None,
                Some(role) => match Role::from_name(&role) {
                    None => return Ok(None),
                    known => known,
                },
            };
            if !fields.rest().is_empty() {
                return Ok(None);
            }
            Some(Scope { contexts, role })
        }
    };
    Ok(Some(Grant { device, name, scope, until }))
}

/// Reads a rotation; `None` where it is signed by a key that this version does not know.
fn read_rotation(fields: &mut Fields) -> Result<Option<Rotation>, FieldError> {
    let root = fields.required("root", PublicKey::from_value)?;
    let next = fields.required("next", read_hash)?;
    let by = match fields.required("by", |v| v.into_text(NAME_BYTES))?.as_str() {
        "root" => RotatedBy::Root,
        "recovery" => RotatedBy::Recovery,
        _ => return Ok(None),
    };
    Ok(Some(Rotation { root, next, by }))
}

/// Returns the hash by which an inception or rotation commits to a recovery key.
pub(crate) fn recovery_hash(key: &PublicKey) -> [u8; 32] {
    derive("recovery", vec![(*key).into()])
}

pub(crate) fn tagged_hash(hash: &[u8; 32]) -> Value {
    let mut bytes = vec![ALGORITHM_BLAKE3];
    bytes.extend_from_slice(hash);
    Value::Bytes(bytes)
}

pub(crate) fn read_hash(value: Value) -> Result<[u8; 32], String> {
    StatementId::from_value(value).map(|id| *id.as_bytes())
}

/// Reads what a person or device is called: 1 to 64 bytes, nothing invisible.
fn read_label(value: Value) -> Result<String, String> {
    let text = value.into_text(NAME_BYTES)?;
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    check_hidden(&text).map_err(|rule| rule.to_string())?;
    Ok(text)
}
