//! How much of one user there is room for on a dashboard, and whose lines go first.
//!
//! Incarnations cost nothing, so a writer can make as many lines as she likes. Were those kept that
//! came first, she could tell each peer of others, and what honest ones built on them would be
//! missing elsewhere for ever. So it depends on the lines alone which of them count: those of one
//! device by their incarnation, and of several devices, or users, each has its first before any
//! has its second. What goes to make room is set aside like what was built on a fork.
//!
//! Bytes are bounded by what came, so that is the end of what can be alike everywhere: of somebody
//! who wrote more than [`limits::BOARD_USER_BYTES`] each node has other changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{BoardSlot, HeldChange};
use crate::id::{DeviceId, UserId};
use crate::limits;
use crate::wire::CatalogKey;

/// Returns which of some lines there is room for. To leave a line out that there is no room for, and
/// to ask again later, gives the same.
pub(super) fn with_room(
    lines: impl IntoIterator<Item = CatalogKey>,
    begins: Option<CatalogKey>,
) -> BTreeSet<CatalogKey> {
    let all: BTreeSet<CatalogKey> = lines.into_iter().collect();
    let mut of_device: BTreeMap<(UserId, DeviceId), usize> = BTreeMap::new();
    // Those of a device stand in the order of their incarnations.
    let mut ranked: Vec<(usize, CatalogKey)> = all
        .iter()
        .map(|line| {
            let count = of_device.entry((line.user, line.device)).or_default();
            *count += 1;
            // Without that with which an epoch begins, nothing would stand on it.
            (if begins == Some(*line) { 0 } else { *count }, *line)
        })
        .collect();
    ranked.sort_unstable();
    let mut of_user: BTreeMap<UserId, usize> = BTreeMap::new();
    for (rank, line) in &mut ranked {
        let count = of_user.entry(line.user).or_default();
        *count += 1;
        *rank = *count;
    }
    ranked.retain(|(rank, _)| *rank <= limits::BOARD_LINES_PER_USER);
    ranked.sort_unstable_by_key(|(rank, line)| (begins != Some(*line), *rank, *line));
    ranked.into_iter().take(limits::BOARD_LINES).map(|(_, line)| line).collect()
}

impl BoardSlot {
    /// Tells whether there is room for a line, which another may have to make.
    pub(super) fn has_room_for(&self, key: CatalogKey) -> bool {
        self.lines.contains_key(&key) || {
            let lines = self.lines.keys().copied().chain([key]);
            with_room(lines, self.genesis_line()).contains(&key)
        }
    }

    /// Tells whether a line has to make room for others.
    pub(super) fn is_crowded(&self) -> bool {
        let few = self.lines.len() <= limits::BOARD_LINES_PER_USER;
        !few && with_room(self.lines.keys().copied(), self.genesis_line()).len() < self.lines.len()
    }

    /// Returns the bytes of the changes that are here of each user, whether they count or not.
    pub(super) fn bytes_by_user(&self) -> BTreeMap<UserId, u64> {
        let counting = self.changes();
        let beside = self.aside.iter().map(|(key, held)| (*key, held));
        let mut bytes = BTreeMap::new();
        for (key, held) in counting.chain(beside) {
            *bytes.entry(key.user).or_default() += held.bytes();
        }
        bytes
    }
}

impl HeldChange {
    /// Returns about how many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.envelope.change.len() + limits::ENVELOPE_BYTES - limits::CHANGE_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Incarnation;

    fn line(user: u8, device: u8, inc: u64) -> CatalogKey {
        CatalogKey {
            user: UserId::from_bytes([user; 32]),
            device: DeviceId::from_bytes([device; 32]),
            inc: Incarnation::from_bytes(inc.to_be_bytes()),
        }
    }

    #[test]
    fn whoever_came_first_the_same_lines_have_room() {
        let many = |user, device, count| (0..count).map(move |inc| line(user, device, inc));
        let mut all: Vec<CatalogKey> = many(1, 1, 200).chain(many(1, 2, 3)).collect();
        all.extend((2..20).flat_map(|user| many(user, user, 60)));
        let whole = with_room(all.iter().copied(), None);
        assert_eq!(whole.len(), limits::BOARD_LINES);
        let mut orders = [all.clone(), all.clone(), all.clone()];
        orders[1].reverse();
        orders[2].sort_by_key(|line| blake3::hash(line.inc.as_bytes()).as_bytes().to_vec());
        for order in orders {
            // As they come, each time leaving out what there is no room for.
            let mut here = BTreeSet::new();
            for line in order {
                here.insert(line);
                here = with_room(here, None);
            }
            assert_eq!(here, whole);
        }
    }

    #[test]
    fn nobody_takes_the_room_of_another_device_or_user() {
        let thief = (0..1000).map(|inc| line(1, 1, inc));
        let others = [line(1, 2, u64::MAX), line(2, 3, u64::MAX)];
        let begins = line(1, 1, u64::MAX);
        let kept = with_room(thief.chain(others).chain([begins]), Some(begins));
        assert!(others.iter().all(|line| kept.contains(line)) && kept.contains(&begins));
        assert_eq!(kept.len(), limits::BOARD_LINES_PER_USER + 1);
    }
}
