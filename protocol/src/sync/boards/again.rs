//! What this device wrote and does not stand any more, to be written again.
//!
//! It is found in what is stored, so a crash loses none of it and nothing is kept beside. Of each key
//! the last change of this device that set it is looked at. It is lost where it does not count: built
//! on a fork or beyond a cut, or of the epoch before and outside of what the new one carries over. It
//! is written again unless somebody who is honest set the key on top of it, who writes that again, or
//! something stands at the key that the change did not know.

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::{Cx, Node};
use super::{BoardSlot, Edit, HeldChange};
use crate::doc::{BoardEdit, BoardPart, BoardValue, change_links, past_of};
use crate::id::{ChangeId, ContextId, Incarnation};
use crate::statement::{Epoch, Role};
use crate::wire::{BoardKey, CatalogKey};

/// Bytes of keys and values from which on an edit goes into the next change: half of what one holds.
const PORTION_BYTES: usize = 32 * 1024;
/// Most edits in one change.
const PORTION: usize = 512;
/// What an edit takes beside its key and value, about.
const EDIT_BYTES: usize = 64;
/// How many incarnations of this device on one board are told apart.
const INCARNATIONS: usize = 1024;

/// A place on a board.
type At = (BoardPart, String);

/// A change that is here, whether it counts or not.
#[derive(Clone, Copy)]
struct Here<'a> {
    key: CatalogKey,
    held: &'a HeldChange,
    counts: bool,
}

impl Node {
    /// Begins to write again what is lost, as much as one change holds; tells whether anything is
    /// under way.
    pub(super) fn write_lost(&mut self, cx: &mut Cx<'_>, id: ContextId, board: BoardKey) -> bool {
        let (user, device) = (self.user, self.device);
        let Some(slot) = self.slot_mut(id, board).filter(|slot| slot.unsettled) else {
            return false;
        };
        let mut beside = slot.aside.iter().chain(&slot.earlier);
        if !beside.any(|(key, _)| (key.user, key.device) == (user, device)) {
            slot.unsettled = false;
            slot.earlier.clear();
            return false;
        }
        let Some(context) = self.contexts.get(&id) else { return false };
        let Some(slot) = context.boards.get(&board) else { return false };
        let stated = context.view.dashboard(board.creator, board.nonce);
        let now = !slot.awaits_genesis()
            && stated.is_some_and(|stated| !stated.removed)
            && self.need(context, Role::Writer, cx.now).is_ok();
        if !now {
            return false;
        }
        let mut edits = self.lost_edits(id, board);
        edits.truncate(portion(&edits));
        if !edits.is_empty() {
            self.write_board(cx, id, board, Edit { edits, command: None, makes: false });
        }
        let Some(slot) = self.slot_mut(id, board) else { return false };
        if !slot.busy {
            // Nothing is left, or it cannot be written, which was said.
            slot.unsettled = false;
            slot.earlier.clear();
        }
        slot.busy
    }

    /// Returns what this device set on a board and is to be set again.
    fn lost_edits(&self, id: ContextId, board: BoardKey) -> Vec<BoardEdit> {
        let context = &self.contexts[&id];
        let place = context.board_place(board);
        let slot = &context.boards[&board];
        let own = |key: &CatalogKey| (key.user, key.device) == (self.user, self.device);
        let beside = slot.aside.iter().chain(&slot.earlier);
        let counting = slot.changes().map(|(key, held)| Here { key, held, counts: true });
        let beside = beside.map(|(key, held)| Here { key: *key, held, counts: false });
        let here: Vec<Here<'_>> = counting.chain(beside).collect();
        let links: BTreeMap<ChangeId, Vec<ChangeId>> =
            here.iter().filter_map(|here| change_links(&here.held.envelope)).collect();
        let past =
            |change: ChangeId| past_of(&links, &BTreeSet::from([change])).unwrap_or_default();
        // What an epoch carries over is its beginner's copy of what others wrote.
        let first = |here: &&Here<'_>| {
            let deps = links.get(&here.held.change);
            here.held.envelope.epoch > 0
                && deps.is_none_or(|deps| !deps.iter().any(|dep| links.contains_key(dep)))
        };
        let line = |here: &Here<'_>| (here.key, here.held.envelope.epoch);
        let begun: BTreeSet<_> = here.iter().filter(first).map(line).collect();
        let begins = |here: &Here<'_>| begun.contains(&line(here));
        let incs = self.board_incarnations(place).take(INCARNATIONS);
        let rank: BTreeMap<Incarnation, usize> = incs.zip(1..).collect();
        let mut mine: Vec<&Here<'_>> =
            here.iter().filter(|here| own(&here.key) && !begins(here)).collect();
        mine.sort_by_key(|here| {
            let envelope = &here.held.envelope;
            (envelope.epoch, rank.get(&envelope.inc).copied().unwrap_or_default(), envelope.n)
        });
        let mut last: BTreeMap<At, (&Here<'_>, Option<BoardValue>)> = BTreeMap::new();
        for here in mine {
            for edit in slot.board.edits(&here.held.envelope) {
                last.insert((edit.part, edit.key), (here, edit.value));
            }
        }
        last.retain(|_, (here, _)| !here.counts);
        // Who set these keys, and what.
        let mut set: BTreeMap<At, Vec<(&Here<'_>, Option<BoardValue>)>> = BTreeMap::new();
        for here in &here {
            for edit in slot.board.edits(&here.held.envelope) {
                let at = (edit.part, edit.key);
                if last.contains_key(&at) {
                    set.entry(at).or_default().push((here, edit.value));
                }
            }
        }
        let content = slot.content();
        let carried =
            Carried::of(slot, context.view.epoch(place.document(), Some(board.creator)), &links);
        let mut pasts: BTreeMap<ChangeId, BTreeSet<ChangeId>> = BTreeMap::new();
        let mut lost = Vec::new();
        for (at, (here, value)) in last {
            let change = here.held.change;
            let knew = pasts.entry(change).or_insert_with(|| past(change)).clone();
            let set = set.get(&at).map(Vec::as_slice).unwrap_or_default();
            let stands = content.get(&at) == value.as_ref();
            let topped = || {
                let mut others = set.iter().filter(|(other, _)| {
                    other.held.envelope.epoch == here.held.envelope.epoch
                        && other.held.change != change
                        && !other.counts
                        && !slot.condemns(&other.key, other.held)
                });
                others.any(|(other, _)| past(other.held.change).contains(&change))
            };
            let changed = || {
                set.iter().any(|(other, _)| {
                    other.counts && !carried.holds_over(other) && !knew.contains(&other.held.change)
                })
            };
            if stands || carried.holds(change) || topped() || changed() {
                continue;
            }
            let before = set.iter().filter(|(other, _)| {
                other.held.change != change && knew.contains(&other.held.change)
            });
            let before: Vec<&Option<BoardValue>> = before.map(|(_, value)| value).collect();
            let earlier = here.held.envelope.epoch < slot.board.epoch();
            let asks = carried.genesis.is_some_and(|genesis| !knew.contains(&genesis))
                && !(earlier && carried.whole);
            if asks {
                let now = set.iter().find(|(other, _)| carried.holds_over(other));
                let now = now.and_then(|(_, value)| value.clone());
                let known = match before.is_empty() {
                    true => now.is_none(),
                    false => before.contains(&&now),
                };
                if !known {
                    continue;
                }
            }
            let (part, key) = at;
            lost.push(BoardEdit { part, key, value });
        }
        lost
    }
}

/// What the epoch of a board carries over.
struct Carried {
    /// The change with which it begins, where it is not the first.
    genesis: Option<ChangeId>,
    /// The line of that, on which nothing else is.
    line: Option<CatalogKey>,
    /// What is known to lie in the past of what it names.
    past: BTreeSet<ChangeId>,
    /// Whether all that it names is here.
    whole: bool,
}

impl Carried {
    fn of(
        slot: &BoardSlot,
        epoch: Option<&Epoch>,
        links: &BTreeMap<ChangeId, Vec<ChangeId>>,
    ) -> Carried {
        let genesis = slot.board.genesis().and_then(|hash| {
            slot.changes().find(|(_, held)| held.hash == hash).map(|(_, held)| held.change)
        });
        let base: BTreeSet<ChangeId> =
            epoch.into_iter().flat_map(|epoch| epoch.base.iter().copied()).collect();
        let whole = base.iter().all(|tip| links.contains_key(tip));
        let here: BTreeSet<ChangeId> =
            base.into_iter().filter(|tip| links.contains_key(tip)).collect();
        let line = slot.genesis_line();
        Carried { genesis, line, past: past_of(links, &here).unwrap_or_default(), whole }
    }

    /// Tells whether a change is one of those that carry over.
    fn holds_over(&self, here: &Here<'_>) -> bool {
        here.counts && Some(here.key) == self.line
    }

    fn holds(&self, change: ChangeId) -> bool {
        self.past.contains(&change)
    }
}

impl BoardSlot {
    /// Tells whether a change that does not count is itself taken out, by a fork or a cut of its
    /// author, and not only what it was built on.
    fn condemns(&self, key: &CatalogKey, held: &HeldChange) -> bool {
        let forked = self.forks.get(key).is_some_and(|fork| held.envelope.n >= fork.n());
        forked || self.rules.get(key).is_some_and(|tips| !tips.is_empty())
    }
}

/// Returns how many edits from the first on go into one change.
pub(super) fn portion(edits: &[BoardEdit]) -> usize {
    let mut bytes = 0;
    let fits = |edit: &BoardEdit| {
        let text = match &edit.value {
            Some(BoardValue::Text(text)) => text.len(),
            _ => 0,
        };
        bytes += edit.key.len() + text + EDIT_BYTES;
        bytes <= PORTION_BYTES
    };
    let some = edits.iter().take(PORTION).map(fits).take_while(|fits| *fits).count();
    some.max(1).min(edits.len())
}
