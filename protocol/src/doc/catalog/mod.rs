//! A catalog: the flat map of one device's own statements in one context.
//!
//! A catalog has one writer, a device in one incarnation, and is a straight chain of changes:
//! the first depends on nothing, each other on the one before. Its keys are
//! `<kind>/<statement id>`, its values the bytes of the statements. Statements are the truth; a
//! deleted key means only that something newer stands elsewhere.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{AutoCommit, Change, ROOT, ReadDoc};

use crate::doc::change::{actor, change_id};
use crate::doc::envelope::Envelope;
use crate::doc::judge::{EntryError, RefuseReason, entry, next};
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, Incarnation, UserId};
use crate::key::SecretKey;
use crate::limits::{CHANGE_BYTES, CHANGE_OPS, ENVELOPE_BYTES, MAX_OP};
use crate::statement::Verified;

/// The first epoch of a catalog.
pub const CATALOG_EPOCH: u32 = 0;

/// Where a catalog stands; its document id is derived from all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CatalogPlace {
    /// The context.
    pub context: ContextId,
    /// The user whose device it is.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The incarnation of the device's database.
    pub inc: Incarnation,
}

impl CatalogPlace {
    /// Returns the id of the catalog's document.
    pub fn document(&self) -> DocumentId {
        DocumentId::catalog(self.context, self.user, self.device, self.inc)
    }
}

/// The last change of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number: automerge's sequence number.
    pub n: u64,
    /// Its id.
    pub change: ChangeId,
    /// Its largest operation counter.
    pub max_op: u64,
}

impl Tip {
    /// Returns the tip that `change` makes.
    pub(crate) fn of(change: &Change) -> Tip {
        Tip { n: change.seq(), change: change_id(change), max_op: change.max_op() }
    }
}

/// Returns the key under which a catalog holds a statement, `<kind>/<statement id>`; nothing for
/// a statement that is not of a context.
pub fn catalog_key(statement: &Verified) -> Option<String> {
    statement.placed().map(|placed| format!("{}/{}", placed.fact.kind(), statement.id()))
}

/// Writes the catalog of this device.
#[derive(Debug)]
pub struct CatalogWriter {
    place: CatalogPlace,
    doc: AutoCommit,
    tip: Option<Tip>,
}

/// Stored envelopes do not make the catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored change {n} of the own catalog: {reason}")]
pub struct LoadError {
    /// The number of the envelope.
    pub n: u64,
    /// What is wrong with it.
    pub reason: RefuseReason,
}

/// Why nothing was appended; the catalog stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The key is not that of the catalog's device.
    #[error("the key of device {0} cannot write this catalog")]
    Key(DeviceId),
    /// Nothing to put or to delete.
    #[error("nothing to append")]
    Empty,
    /// More than one change may hold.
    #[error("{entries} entries of {bytes} bytes do not fit one change")]
    TooLarge {
        /// Puts and deletes.
        entries: usize,
        /// Bytes of their keys and values, with what a change adds to each.
        bytes: usize,
    },
    /// The catalog counted as many operations as it may, and has to be renewed.
    #[error("the catalog is full: its operation counter is at {0}")]
    Full(u64),
    /// An entry that every peer would refuse.
    #[error("entry `{key}`: {reason}")]
    Entry {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: EntryError,
    },
    /// The key holds its statement already.
    #[error("entry `{0}` is there already")]
    Exists(String),
    /// The key to delete is not there.
    #[error("entry `{0}` is not there")]
    Missing(String),
}

/// What a change takes beside its operations, and for each of them, at most.
const CHANGE_FRAME: usize = 512;
const OP_FRAME: usize = 64;

impl CatalogWriter {
    /// Begins an empty catalog.
    pub fn new(place: CatalogPlace) -> CatalogWriter {
        let doc = AutoCommit::new().with_actor(actor(place.device, place.inc));
        CatalogWriter { place, doc, tip: None }
    }

    /// Takes the catalog up where its stored envelopes, in order, leave it.
    ///
    /// Their signatures and statements were judged before they were stored and are not verified
    /// again.
    ///
    /// # Errors
    /// [`LoadError`] for the first envelope that does not continue the chain.
    pub fn load<'a>(
        place: CatalogPlace,
        envelopes: impl Iterator<Item = &'a Envelope>,
    ) -> Result<CatalogWriter, LoadError> {
        let mut writer = CatalogWriter::new(place);
        let mut changes = Vec::new();
        for envelope in envelopes {
            let fault = |reason| LoadError { n: envelope.n, reason };
            if !at_place(&place, CATALOG_EPOCH, envelope) {
                return Err(fault(RefuseReason::Place));
            }
            let change = next(writer.tip.as_ref(), envelope).map_err(fault)?;
            writer.tip = Some(Tip::of(&change));
            changes.push(change);
        }
        let n = changes.len() as u64;
        let malformed = |e: automerge::AutomergeError| LoadError {
            n,
            reason: RefuseReason::Malformed(e.to_string()),
        };
        writer.doc.apply_changes(changes).map_err(malformed)?;
        Ok(writer)
    }

    /// Appends one change that puts statements and deletes superseded keys, and returns it in
    /// its envelope.
    ///
    /// About 15 statements of the largest size fit one change; split what is more. The writer is
    /// ahead of the store until the envelope is stored: where that fails, load it anew.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was written then.
    pub fn append(
        &mut self,
        key: &SecretKey,
        puts: &[(String, Vec<u8>)],
        deletes: &[String],
    ) -> Result<Envelope, AppendError> {
        self.check(key, puts, deletes)?;
        for (name, value) in puts {
            self.doc.put(ROOT, name, value.clone()).expect("the root takes every key");
        }
        for name in deletes {
            self.doc.delete(ROOT, name).expect("the root takes every key");
        }
        self.doc.commit_with(CommitOptions::default().with_time(0));
        let change = self.doc.get_last_local_change().expect("new keys make a change");
        self.tip = Some(Tip::of(&change));
        let bytes = change.raw_bytes().to_vec();
        debug_assert!(
            bytes.len() <= CHANGE_BYTES,
            "the estimate of a change's size is an upper bound"
        );
        let doc = self.place.document();
        Ok(Envelope::sign(doc, CATALOG_EPOCH, self.place.inc, change.seq(), bytes, key))
    }

    /// Returns a change that continues the chain, in an envelope that another key signed: what a
    /// cheat of the simulator sends.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn forge(&mut self, key: &SecretKey) -> Option<Envelope> {
        use automerge::ReadDoc;
        let name = self.doc.keys(ROOT).next()?;
        self.doc.delete(ROOT, &name).ok()?;
        self.doc.commit_with(CommitOptions::default().with_time(0));
        let change = self.doc.get_last_local_change()?;
        let (n, bytes, doc) = (change.seq(), change.raw_bytes().to_vec(), self.place.document());
        let envelope = Envelope::sign(doc, CATALOG_EPOCH, self.place.inc, n, bytes, key);
        Some(Envelope { device: self.place.device, ..envelope })
    }

    /// Returns how many bytes the envelope takes at most that [`append`](Self::append) would make.
    pub fn most_bytes(puts: &[(String, Vec<u8>)], deletes: &[String]) -> usize {
        change_bytes(puts, deletes) + (ENVELOPE_BYTES - CHANGE_BYTES)
    }

    /// Returns the last change, none of an empty catalog.
    pub fn tip(&self) -> Option<Tip> {
        self.tip
    }

    /// Returns where the catalog stands.
    pub fn place(&self) -> &CatalogPlace {
        &self.place
    }

    /// Checks everything that could fail, so that appending is all or nothing.
    fn check(
        &self,
        key: &SecretKey,
        puts: &[(String, Vec<u8>)],
        deletes: &[String],
    ) -> Result<(), AppendError> {
        if key.device() != self.place.device {
            return Err(AppendError::Key(key.device()));
        }
        let entries = puts.len() + deletes.len();
        if entries == 0 {
            return Err(AppendError::Empty);
        }
        let bytes = change_bytes(puts, deletes);
        if bytes > CHANGE_BYTES || entries as u64 > CHANGE_OPS {
            return Err(AppendError::TooLarge { entries, bytes });
        }
        let max_op = self.tip.map_or(0, |tip| tip.max_op);
        if max_op + entries as u64 >= MAX_OP {
            return Err(AppendError::Full(max_op));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in puts {
            entry(&self.place, name, value)
                .map_err(|reason| AppendError::Entry { key: name.clone(), reason })?;
            if self.holds(name) || !seen.insert(name) {
                return Err(AppendError::Exists(name.clone()));
            }
        }
        match deletes.iter().find(|name| !self.holds(name) || !seen.insert(name)) {
            Some(name) => Err(AppendError::Missing(name.clone())),
            None => Ok(()),
        }
    }

    fn holds(&self, key: &str) -> bool {
        self.doc.get(ROOT, key).expect("the root takes every key").is_some()
    }
}

/// Returns an upper bound of the size of a change.
fn change_bytes(puts: &[(String, Vec<u8>)], deletes: &[String]) -> usize {
    puts.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        + deletes.iter().map(String::len).sum::<usize>()
        + (puts.len() + deletes.len()) * OP_FRAME
        + CHANGE_FRAME
}

/// Tells whether an envelope names the catalog and its only writer.
pub(crate) fn at_place(place: &CatalogPlace, epoch: u32, envelope: &Envelope) -> bool {
    (envelope.doc, envelope.epoch, envelope.device, envelope.inc)
        == (place.document(), epoch, place.device, place.inc)
}

#[cfg(test)]
mod tests;
