//! Which entries of an identity log count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fork, Node};
use crate::id::{DeviceId, StatementId};
use crate::statement::EntryFact;

type Nodes = BTreeMap<StatementId, Node>;
type Children = BTreeMap<StatementId, BTreeSet<StatementId>>;

#[cfg(test)]
thread_local! {
    /// How many lines this thread walked.
    pub(super) static WALKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The entries that count, and what they amount to. A function of the set of nodes alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// From the inception to the tip.
    pub(super) ids: Vec<StatementId>,
    /// Where the line ends because several entries go on.
    pub(super) fork: Option<Fork>,
    /// The latest grant of each device on the line.
    pub(super) grants: BTreeMap<DeviceId, StatementId>,
    /// The devices revoked on the line or in any branch of a fork, and by which number.
    pub(super) revoked: BTreeMap<DeviceId, u64>,
    /// The devices granted off the line only, and the number after which their branch left it.
    pub(super) lapsed: BTreeMap<DeviceId, u64>,
}

impl Line {
    /// Walks from the inception along what stands.
    pub(super) fn walk(nodes: &Nodes, inception: StatementId) -> Self {
        #[cfg(test)]
        WALKS.set(WALKS.get() + 1);
        let children = children(nodes);
        let endorsed = endorsed(nodes, &children);
        let mut line = Line { ids: vec![inception], ..Line::default() };
        while let Some(kids) = children.get(&line.tip()) {
            let chosen: BTreeSet<_> = kids.intersection(&endorsed).copied().collect();
            let going_on = if chosen.is_empty() { kids.clone() } else { chosen };
            if going_on.len() > 1 {
                line.fork = Some(Fork { at: line.tip(), branches: going_on });
                break;
            }
            line.ids.extend(going_on);
        }
        line.take_devices(nodes, &children);
        line
    }

    pub(super) fn tip(&self) -> StatementId {
        *self.ids.last().expect("a line begins with the inception")
    }

    fn take_devices(&mut self, nodes: &Nodes, children: &Children) {
        for id in &self.ids {
            match nodes[id].fact() {
                Some(EntryFact::Grant(grant)) => {
                    self.grants.insert(grant.device, *id);
                }
                Some(EntryFact::Revoke(device)) => revoke(&mut self.revoked, *device, nodes[id].n),
                Some(EntryFact::Rotate(_) | EntryFact::Unknown { .. }) | None => {}
            }
        }
        let branches = self.fork.iter().flat_map(|fork| &fork.branches);
        for id in branches.flat_map(|branch| subtree(*branch, children)) {
            if let Some(EntryFact::Revoke(device)) = nodes[&id].fact() {
                revoke(&mut self.revoked, *device, nodes[&id].n);
            }
        }
        let on_line: BTreeSet<_> = self.ids.iter().copied().collect();
        for id in &self.ids {
            let leaving = children.get(id).into_iter().flatten().filter(|c| !on_line.contains(c));
            for off in leaving.flat_map(|child| subtree(*child, children)) {
                if let Some(grant) = nodes[&off].grant()
                    && !self.grants.contains_key(&grant.device)
                {
                    self.lapsed.entry(grant.device).or_insert(nodes[id].n);
                }
            }
        }
    }
}

fn revoke(revoked: &mut BTreeMap<DeviceId, u64>, device: DeviceId, n: u64) {
    revoked.entry(device).and_modify(|first| *first = n.min(*first)).or_insert(n);
}

fn children(nodes: &Nodes) -> Children {
    let mut children = Children::new();
    for (id, node) in nodes {
        if let Some(prev) = node.prev {
            children.entry(prev).or_default().insert(*id);
        }
    }
    children
}

/// Returns the entries that the recovery key in force before them stands behind: those it signed,
/// and those that lead to one it signed without changing it on the way.
///
/// So a thief of the root who commits to a recovery key of his own cannot stand behind himself
/// where the fork is, and two recoveries with one key that do not follow each other are a fork.
fn endorsed(nodes: &Nodes, children: &Children) -> BTreeSet<StatementId> {
    let mut order: Vec<_> = nodes.iter().collect();
    order.sort_by_key(|(_, node)| std::cmp::Reverse(node.n));
    let mut endorsed = BTreeSet::new();
    for (id, node) in order {
        let keeps_key = node.prev.is_some_and(|prev| nodes[&prev].next == node.next);
        let leads_on =
            || children.get(id).is_some_and(|kids| kids.iter().any(|kid| endorsed.contains(kid)));
        if node.recovery || (keeps_key && leads_on()) {
            endorsed.insert(*id);
        }
    }
    endorsed
}

/// Returns an entry and all that follow it, by a walk that does not recurse.
fn subtree(from: StatementId, children: &Children) -> Vec<StatementId> {
    let mut found = vec![from];
    let mut at = 0;
    while let Some(id) = found.get(at) {
        found.extend(children.get(id).into_iter().flatten());
        at += 1;
    }
    found
}
