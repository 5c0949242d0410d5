//! A home that was put back from an old copy: noticed by statements of its own that it does not
//! know, and gone on from as a new incarnation; a catalog that is full is gone on from likewise.
//!
//! A peer's word that there are such statements costs a question and nothing more. What counts is
//! an envelope that this very device signed and that is not here: nobody else can make one.

use std::collections::BTreeSet;

use super::commands::random;
use super::context::Context;
use super::event::{CommandError, Event, Record, Severity};
use super::node::{Cx, Node, Task};
use super::session::ASK_MS;
use crate::doc::Envelope;
use crate::id::{ContextId, DeviceId, Incarnation};
use crate::limits;
use crate::statement::PlacedFact;
use crate::wire::{CatalogKey, CatalogState, Message, Tag};

/// The way to a new incarnation. While it lasts this device states nothing: the numbers it would
/// use are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Renewal {
    /// None is needed.
    #[default]
    None,
    /// It could not be stored, and is tried again before the next statement.
    Due(Why),
    /// It is being stored.
    Running,
}

/// Why a new incarnation is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// This device met a statement of its own in the context, and does not have it.
    Restored(ContextId),
    /// This device's catalog of a context is full; a new incarnation has an empty one.
    Full,
}

impl Node {
    fn my_catalog(&self) -> CatalogKey {
        CatalogKey { user: self.user, device: self.device, inc: self.inc }
    }

    /// Asks a peer for an envelope of this very device that is not here, where it says that it
    /// has one.
    pub(super) fn check_own(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        docs: &[CatalogState],
    ) {
        let me = self.my_catalog();
        let Some(theirs) = docs.iter().find(|state| state.key == me) else { return };
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let mine = context.catalogs.get(&me);
        let ahead = mine.map_or(0, super::context::Catalog::n) + 1;
        let from = if theirs.n >= ahead {
            ahead
        } else if mine.and_then(|mine| mine.change_at(theirs.n)) != Some(theirs.tip) {
            theirs.n
        } else {
            return;
        };
        let asked = channel.own_asked.is_some_and(|at| cx.now - at < ASK_MS);
        if self.renewal == Renewal::None && !asked {
            self.channel_mut(device, tag).expect("just used").own_asked = Some(cx.now);
            cx.send(device, &Message::Want { tag, catalog: me, from });
        }
    }

    /// Looks for a statement of mine that is not here among envelopes of my own catalog.
    pub(super) fn met_own(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        id: ContextId,
        envelopes: &[Vec<u8>],
    ) {
        let me = self.my_catalog();
        let Some(context) = self.contexts.get(&id) else { return };
        let (place, catalog) = (context.place(me), context.catalogs.get(&me));
        let here = |envelope: &Envelope, bytes: &Vec<u8>| {
            let at = usize::try_from(envelope.n - 1).unwrap_or(usize::MAX);
            catalog.and_then(|catalog| catalog.envelopes.get(at)) == Some(bytes)
        };
        let unknown = envelopes.iter().find_map(|bytes| {
            let envelope = Envelope::decode(bytes).ok()?;
            (!here(&envelope, bytes)).then_some(envelope)
        });
        let Some(envelope) = unknown else { return };
        let named = (envelope.doc, envelope.device, envelope.inc);
        if named != (place.document(), me.device, me.inc) || envelope.verify().is_err() {
            let reason = "sent an envelope in the name of this device, which never signed it";
            return self.end_session(cx, device, Severity::Grave, reason);
        }
        if self.renewal == Renewal::None {
            self.renew(cx, Why::Restored(id));
        }
    }

    /// Tells whether there may be no room for another statement in this device's catalog of a
    /// context, and would be in a new one.
    pub(super) fn is_full(&self, id: ContextId) -> bool {
        let Some(context) = self.contexts.get(&id) else { return false };
        let written = context.catalogs.get(&self.my_catalog()).map_or(0, |catalog| catalog.bytes);
        let room = limits::QUOTA_RESERVE_BYTES + limits::ENVELOPE_BYTES as u64;
        written + room > limits::DEVICE_QUOTA_BYTES
            && context.catalogs_of(self.user) < limits::CATALOGS_PER_USER
    }

    /// Tells what this device said behind a fork of its own, which nobody counts: the user may
    /// want to say it again.
    pub(super) fn tell_undone(&self, cx: &mut Cx<'_>, id: ContextId, key: CatalogKey) {
        let Some(context) = self.contexts.get(&id) else { return };
        let (mut stacks, mut others) = (BTreeSet::new(), 0);
        for statement in context.view.undone(context.place(key).document()) {
            match statement.placed().map(|placed| &placed.fact) {
                Some(PlacedFact::Head(head)) => {
                    stacks.insert(head.name.clone());
                }
                // The head of a stack that is not here any more is itself among them.
                Some(PlacedFact::Tag(tag)) => {
                    let stack = context.view.stack_by_id(self.user, tag.stack);
                    stacks.extend(stack.map(|stack| stack.name));
                }
                Some(
                    PlacedFact::About(_)
                    | PlacedFact::Member(_)
                    | PlacedFact::Interest(_)
                    | PlacedFact::Ticket(_)
                    | PlacedFact::TicketEnd { .. }
                    | PlacedFact::Cut(_)
                    | PlacedFact::Epoch(_)
                    | PlacedFact::Withdraw(_)
                    | PlacedFact::Dashboard(_)
                    | PlacedFact::Comment(_)
                    | PlacedFact::Unknown { .. },
                )
                | None => others += 1,
            }
        }
        if others > 0 || !stacks.is_empty() {
            cx.emit(Event::Undone { context: id, stacks, others });
        }
    }

    /// Goes on as a new incarnation where the one that was stored is known to be forked: the
    /// engine stopped between the two.
    pub(super) fn renew_forked(&mut self, cx: &mut Cx<'_>) {
        let me = self.my_catalog();
        let forked = self.contexts.values().find(|context| context.forks.contains_key(&me));
        if let Some(id) = forked.map(Context::id) {
            self.renew(cx, Why::Restored(id));
        }
    }

    /// Draws a new incarnation; it counts once it is stored.
    pub(super) fn renew(&mut self, cx: &mut Cx<'_>, why: Why) {
        let inc = Incarnation::from_bytes(random(cx));
        self.renewal = Renewal::Running;
        self.store(cx, vec![Record::Incarnation(inc)], Task::Incarnation { inc, why });
    }

    pub(super) fn renewed(&mut self, cx: &mut Cx<'_>, inc: Incarnation, why: Why) {
        self.renewal = Renewal::None;
        self.inc = inc;
        for context in self.contexts.values_mut() {
            context.writer = None;
            context.last_n = 0;
        }
        if let Why::Restored(context) = why {
            cx.emit(Event::Restored { context });
        }
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            // What was lost is another device's to this incarnation, and is asked for.
            self.ask_everybody(cx, id);
            self.work_next(cx, id);
        }
    }

    pub(super) fn renewal_failed(&mut self, cx: &mut Cx<'_>, why: Why, error: &CommandError) {
        self.renewal = Renewal::Due(why);
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            self.fail_statements(cx, id, error);
        }
    }
}
