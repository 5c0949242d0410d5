//! What hostile hosts send.

use super::super::Host;
use super::boards::{FORBIDDEN, FORKED, edit};
use crate::doc::{BoardPlace, CatalogPlace, CatalogWriter, Envelope, catalog_key};
use crate::id::{ContextId, FrameId, StackId};
use crate::statement::{Head, Place, PlacedFact};
use crate::wire::{BoardKey, CatalogKey, Message, Tag};

/// Of so many messages a cheat looks at one.
const CHEAT_EVERY: u64 = 3;
/// Of so many answers of a cheat one brings a flood.
const FLOOD_EVERY: u64 = 8;
/// Envelopes of a flood: more than may ever wait, though some may be lost.
const FLOOD: u64 = 1_500;

/// What the holder of a revoked ticket sends beside the rest: questions that are not hers to ask.
pub(super) fn ask_all_the_same(host: &Host, message: &Message) -> Vec<Message> {
    let mut sent = vec![message.clone()];
    if let (Message::Open { tag, .. }, Some((catalog, frames))) = (message, &host.heard) {
        let (tag, catalog, frames) = (*tag, *catalog, frames.clone());
        sent.push(Message::Want { tag, catalog, from: 1 });
        sent.push(Message::WantFrames { tag, frames });
    }
    sent
}

/// What a cheat sends: envelopes whose signature does not hold, under the names of others, and
/// floods of envelopes from far ahead that can only wait, and, under her own name and rightly
/// signed, heads that a reader may not state.
pub(super) fn cheat(host: &Host, message: &Message) -> Vec<Message> {
    let mut sent = vec![message.clone()];
    if let Message::BoardHave { tag, board, .. } = message {
        // Rightly signed by who may not write.
        sent.extend(write_aside(host, *tag, *board, FORBIDDEN, "was here"));
    }
    let Message::Have { tag, docs, .. } = message else { return sent };
    // Each time would be a third of all that a seed costs.
    if !host.sent.is_multiple_of(CHEAT_EVERY) {
        return sent;
    }
    let Some(node) = &host.node else { return sent };
    let (user, device, inc) = (host.user, host.device, node.incarnation());
    let key = CatalogKey { user, device, inc };
    if let Some(envelope) = node.contexts().next().and_then(|c| state_a_head(host, key, c.id())) {
        let envelopes = vec![envelope.encode()];
        sent.push(Message::Envelopes { tag: *tag, catalog: key, envelopes });
    }
    let mut others = docs.iter().filter(|state| state.key.user != host.user);
    let turn = (host.tampered as usize).checked_rem(others.clone().count()).unwrap_or_default();
    let Some(state) = others.nth(turn) else { return sent };
    let Some(envelope) = node.forge(state.key) else { return sent };
    let envelopes = vec![envelope.encode()];
    sent.push(Message::Envelopes { tag: *tag, catalog: state.key, envelopes });
    if host.tampered.is_multiple_of(FLOOD_EVERY) {
        let flood = (0..FLOOD).map(|ahead| {
            let mut far = envelope.clone();
            far.n = state.n + 100 + ahead;
            far.encode()
        });
        for chunk in flood.collect::<Vec<_>>().chunks(200) {
            let envelopes = chunk.to_vec();
            sent.push(Message::Envelopes { tag: *tag, catalog: state.key, envelopes });
        }
    }
    sent
}

/// What a writer sends who tells one peer this of a dashboard and another that, under one number.
pub(super) fn fork(host: &Host, message: &Message) -> Vec<Message> {
    let mut sent = vec![message.clone()];
    if let Message::BoardHave { tag, board, .. } = message {
        let other = if host.tampered.is_multiple_of(2) { "this" } else { "that" };
        sent.extend(write_aside(host, *tag, *board, FORKED, other));
    }
    sent
}

/// Returns a change of a dashboard that a host's engine does not know of.
fn write_aside(host: &Host, tag: Tag, board: BoardKey, key: &str, value: &str) -> Option<Message> {
    let node = host.node.as_ref()?;
    let context = node.contexts().next()?;
    let BoardKey { creator, nonce } = board;
    let place = BoardPlace { context: context.id(), creator, nonce };
    let inc = place.incarnation(host.user, host.device, 0);
    let slot = context.board(board)?;
    let written = slot.board().write(host.key(), inc, &[edit(key, value)]).ok()??;
    let envelopes = vec![(host.user, written.encode())];
    Some(Message::BoardEnvelopes { tag, board, envelopes, more: false })
}

/// Returns the first envelope of a host's catalog, with a head in it.
fn state_a_head(host: &Host, key: CatalogKey, context: ContextId) -> Option<Envelope> {
    let place = CatalogPlace { context, user: key.user, device: key.device, inc: key.inc };
    let head = PlacedFact::Head(Head {
        stack: StackId::from_bytes([7; 16]),
        name: "hers".parse().ok()?,
        frame: Some(FrameId::from_bytes([7; 32])),
        generation: 1,
        over: Vec::new(),
        why: None,
    });
    let at = Place { context, device: key.device, inc: key.inc, n: 1, time: 0 };
    let statement = head.sign(&at, host.key()).ok()?;
    let put = (catalog_key(&statement)?, statement.encode());
    CatalogWriter::new(place).append(host.key(), &[put], &[]).ok()
}
