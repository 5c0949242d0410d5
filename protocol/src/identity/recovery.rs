//! What the holder of a recovery key looks at before it goes on from an entry.

use super::IdentityLog;
use crate::id::{DeviceId, PublicKey, StatementId};
use crate::statement::{Fact, Grant, recovery_hash};

impl IdentityLog {
    /// Returns the entries that a recovery key may follow, from the inception on, each with its
    /// number: those of the line after which the key is in force.
    pub fn recoverable(&self, recovery: &PublicKey) -> Vec<(u64, StatementId)> {
        let hash = recovery_hash(recovery);
        let line = self.line.ids.iter().map(|id| (id, self.node(id)));
        line.filter(|(_, node)| node.next == hash).map(|(id, node)| (node.n, *id)).collect()
    }

    /// Returns the number of an entry that was seen, 0 for the inception.
    pub fn number_of(&self, entry: &StatementId) -> Option<u64> {
        self.nodes.get(entry).map(|node| node.n)
    }

    /// Returns the number of the first entry of the line that revokes a device.
    pub fn revoked_at(&self, device: DeviceId) -> Option<u64> {
        self.line.revoked.get(&device).copied()
    }

    /// Returns every device that was ever granted, with its latest grant: on the line, or only in
    /// a branch that does not count.
    pub fn ever_granted(&self) -> Vec<Grant> {
        let mut grants = std::collections::BTreeMap::new();
        for entry in self.entries() {
            if let Fact::Entry(fact) = entry.fact()
                && let crate::statement::EntryFact::Grant(grant) = &fact.fact
            {
                grants.insert(grant.device, grant.clone());
            }
        }
        let line = self.line.grants.iter().map(|(device, id)| (*device, self.grant_in(id).clone()));
        grants.extend(line);
        grants.into_values().collect()
    }
}
