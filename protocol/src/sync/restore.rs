//! From stored records back to an engine.

use std::collections::BTreeMap;

use super::context::{BlobPhase, BlobState, Context, FrameMeta, Wish};
use super::event::{ContextRecord, Record};
use super::logs::add;
use super::node::{Config, Node};
use crate::doc::{Envelope, ForkProof, JudgeTask, Judgement, judge};
use crate::id::{ContextId, DeviceId, StatementId, UserId};
use crate::identity::{Added, IdentityLog, LogError};
use crate::limits;
use crate::object::Frame;
use crate::statement::{Fact, Statement, Verified};
use crate::wire::CatalogKey;

/// Why stored records do not make an engine. The database is damaged; `dsp doctor` mends it.
///
/// Where only a thing of others is damaged the engine is made without it, and
/// [names it](Node::skipped): peers give it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// No incarnation was stored.
    #[error("the database names no incarnation")]
    NoIncarnation,
    /// A stored statement is none.
    #[error("a stored statement of {user} does not hold: {reason}")]
    Statement {
        /// Whose.
        user: UserId,
        /// Why.
        reason: String,
    },
    /// A record names a context that was not stored before it.
    #[error("a record names context {0}, which is not stored")]
    NoContext(ContextId),
    /// A stored envelope does not continue its catalog.
    #[error("envelope {n} of device {device} in context {context} does not hold: {reason}")]
    Envelope {
        /// The context.
        context: ContextId,
        /// The device that signed it.
        device: DeviceId,
        /// The number.
        n: u64,
        /// Why.
        reason: String,
    },
}

impl RestoreError {
    /// Tells whether both are about one catalog.
    fn is_like(&self, other: &RestoreError) -> bool {
        match (self, other) {
            (
                RestoreError::Envelope { context: a, device: x, .. },
                RestoreError::Envelope { context: b, device: y, .. },
            ) => (a, x) == (b, y),
            _ => false,
        }
    }
}

impl Node {
    /// Makes an engine of what was stored. Everything is judged anew, so a damaged database does
    /// not become a wrong view.
    ///
    /// # Errors
    /// [`RestoreError`] names the first record of mine that does not hold.
    pub fn restore(
        config: Config,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let mut node = Node::empty(config);
        let mut incarnation = false;
        let mut logs: BTreeMap<UserId, Vec<Vec<u8>>> = BTreeMap::new();
        let mut batch: Vec<Envelope> = Vec::new();
        let mut place: Option<(ContextId, CatalogKey)> = None;
        for record in records {
            // Envelopes of one catalog come in a row and are judged together.
            let here = match &record {
                Record::Envelope { context, user, envelope } => Some((
                    *context,
                    CatalogKey { user: *user, device: envelope.device, inc: envelope.inc },
                )),
                _ => None,
            };
            if place != here || batch.len() >= limits::JUDGE_BATCH {
                node.take_batch(place, std::mem::take(&mut batch))?;
                place = here;
            }
            match record {
                Record::Envelope { envelope, .. } => batch.push(envelope),
                Record::Incarnation(inc) => {
                    node.inc = inc;
                    incarnation = true;
                }
                Record::Log { user, entry } => logs.entry(user).or_default().push(entry),
                record => node.take_record(record)?,
            }
        }
        node.take_batch(place, batch)?;
        for (user, entries) in logs {
            node.take_log(user, &entries)?;
        }
        for user in node.logs.keys().copied().collect::<Vec<_>>() {
            node.retire_devices(user);
        }
        if !incarnation {
            return Err(RestoreError::NoIncarnation);
        }
        node.count_own();
        node.make_boards();
        Ok(node)
    }

    fn take_record(&mut self, record: Record) -> Result<(), RestoreError> {
        match record {
            Record::Context(record) => {
                self.take_context(record);
                Ok(())
            }
            Record::Redemption { context, redeem } => {
                let statement = Statement::decode(&redeem).and_then(Statement::verify);
                let known = self.known(context)?;
                if let Ok(statement) = statement
                    && let Fact::Redeem(fact) = statement.fact()
                {
                    known.redemptions.insert((fact.user, fact.ticket), statement.clone());
                }
                Ok(())
            }
            Record::Fork { context, user, proof } => {
                // A proof that does not hold is nothing; it comes again from who has it.
                if let Ok(proof) = ForkProof::decode(&proof) {
                    self.known(context)?.take_stored_fork(user, proof);
                }
                Ok(())
            }
            Record::BoardEnvelope { context, board, user, envelope, at } => {
                self.known(context)?.stored_change(board, user, envelope, at);
                Ok(())
            }
            Record::BoardFork { context, board, user, proof } => {
                if let Ok(proof) = ForkProof::decode(&proof) {
                    self.known(context)?.stored_board_fork(board, user, proof);
                }
                Ok(())
            }
            Record::Frame { context, id, bytes } => {
                // A frame that does not decode is not counted as here and is asked for again.
                if let Ok(frame) = Frame::decode(&bytes) {
                    let meta = FrameMeta::of(&frame, bytes.len());
                    self.known(context)?.frames.insert(id, meta);
                }
                Ok(())
            }
            Record::Want { context, want } => {
                let state = BlobState { want, wish: Wish::Standing, phase: BlobPhase::Idle };
                self.known(context)?.blob_wants.insert(want.hash, state);
                Ok(())
            }
            Record::Earned { context, hash, .. } => {
                self.known(context)?.earned.insert(hash);
                Ok(())
            }
            Record::ForgetContext(context) => {
                self.forgotten.insert(context);
                Ok(())
            }
            Record::Dropped { context, hash, .. } => {
                self.known(context)?.dropped.insert(hash);
                Ok(())
            }
            Record::Block { user, blocked } => {
                let _known = match blocked {
                    true => self.blocked.insert(user),
                    false => self.blocked.remove(&user),
                };
                Ok(())
            }
            Record::Offer(offer) => {
                self.offers.insert(offer.offer.genesis.id(), offer);
                Ok(())
            }
            Record::DropOffer(context) => {
                self.offers.remove(&context);
                Ok(())
            }
            // Applied by the store, never handed back.
            Record::DropCatalog { .. }
            | Record::WithdrawFrame { .. }
            | Record::WithdrawBlob { .. }
            | Record::Unwant { .. }
            | Record::Envelope { .. }
            | Record::Log { .. }
            | Record::Incarnation(_) => Ok(()),
        }
    }

    fn known(&mut self, id: ContextId) -> Result<&mut Context, RestoreError> {
        self.contexts.get_mut(&id).ok_or(RestoreError::NoContext(id))
    }

    fn take_context(&mut self, record: ContextRecord) {
        let mut context = Context::new(record);
        context.stored = true;
        self.insert_context(context);
    }

    /// Takes the entries of a log in, whatever their order.
    fn take_log(&mut self, user: UserId, entries: &[Vec<u8>]) -> Result<(), RestoreError> {
        let mut log = None;
        let mut fault: Option<String> = None;
        let mut left = Vec::new();
        for entry in entries {
            match Statement::decode(entry).and_then(Statement::verify) {
                Ok(entry) => left.push(entry),
                Err(error) => drop(fault.get_or_insert(error.to_string())),
            }
        }
        // An entry may follow one that was stored after it.
        left.sort_by_key(|entry| match entry.fact() {
            Fact::Entry(entry) => entry.n,
            Fact::Inception(_) | Fact::Placed(_) | Fact::Redeem(_) | Fact::Unknown { .. } => 0,
        });
        let ids: Vec<StatementId> = left.iter().map(Verified::id).collect();
        let added = add(&mut log, user, left, IdentityLog::add_stored);
        for (id, added) in ids.into_iter().zip(added) {
            let error = match added {
                Ok(Added::New | Added::Known) => continue,
                Ok(Added::Waits) | Err(LogError::NoInception(_)) => {
                    format!("what comes before entry {id} is not here")
                }
                Err(error) => error.to_string(),
            };
            fault.get_or_insert(error);
        }
        self.logs.extend(log.map(|log| (user, log)));
        match fault.map(|reason| RestoreError::Statement { user, reason }) {
            Some(fault) if user == self.user => Err(fault),
            fault => {
                self.skipped.extend(fault);
                Ok(())
            }
        }
    }

    fn take_batch(
        &mut self,
        place: Option<(ContextId, CatalogKey)>,
        envelopes: Vec<Envelope>,
    ) -> Result<(), RestoreError> {
        let Some((id, key)) = place.filter(|_| !envelopes.is_empty()) else { return Ok(()) };
        let context = self.contexts.get_mut(&id).ok_or(RestoreError::NoContext(id))?;
        let catalog_place = context.place(key);
        let document = catalog_place.document();
        // Of another's catalog everything from the first fault on is left out and asked for again;
        // what of it is stored behind a gap is replaced then.
        let own = (key.user, key.device) == (self.user, self.device);
        let catalog = context.catalogs.entry(key).or_default();
        let task = JudgeTask {
            place: catalog_place,
            epoch: 0,
            tip: catalog.tip,
            held: Vec::new(),
            envelopes,
        };
        let verdicts = judge(&task);
        let mut faults = Vec::new();
        for (envelope, verdict) in task.envelopes.into_iter().zip(verdicts) {
            let fail = |reason: String| RestoreError::Envelope {
                context: id,
                device: key.device,
                n: envelope.n,
                reason,
            };
            match verdict {
                Judgement::Accept { tip, statements } => {
                    let (n, change) = (envelope.n, tip.change);
                    catalog.push(envelope.encode(), tip);
                    for statement in statements {
                        context.view.insert(key.user, document, change, n, statement);
                    }
                }
                Judgement::Known => {}
                Judgement::Wait(reason) => faults.push(fail(reason.to_string())),
                Judgement::Refuse(reason) => faults.push(fail(reason.to_string())),
            }
        }
        match faults.into_iter().next() {
            Some(fault) if own => return Err(fault),
            // One fault of a catalog is enough to name.
            Some(fault) if !self.skipped.iter().any(|known| known.is_like(&fault)) => {
                self.skipped.push(fault);
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes the boards of what was stored of them. What is lost of this device's is written again
    /// once it goes on.
    fn make_boards(&mut self) {
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            for board in self.contexts[&id].boards.keys().copied().collect::<Vec<_>>() {
                self.rebuild_board(id, board);
            }
        }
    }

    /// Finds the numbers of my last statements.
    fn count_own(&mut self) {
        let (device, inc) = (self.device, self.inc);
        for context in self.contexts.values_mut() {
            context.last_n = context.view.last_number(device, inc);
        }
    }

    /// Makes what was stored move again after a start: dials, and wants what is not here.
    pub(super) fn resume(&mut self, cx: &mut super::node::Cx<'_>) {
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            self.withdraw(cx, id);
            self.want_all_heads(id);
            self.resume_blobs(id);
            self.reach(cx, id, true);
            self.refresh_boards(cx, id);
            self.pump_context(cx, id);
        }
    }
}
