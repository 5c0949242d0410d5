//! Quotas: how many bytes of a context come by themselves, and how many there may be here at all.

use dsp_protocol::api::{ContextInfo, Problem, ProblemCode, SetQuota};
use dsp_protocol::id::BlobHash;
use dsp_protocol::sync::Command;

use super::Ops;

impl Ops {
    /// Sets how many bytes of a context come by themselves.
    ///
    /// # Errors
    /// There is no such context.
    pub async fn set_quota(&self, label: &str, quota: SetQuota) -> Result<ContextInfo, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?.id;
        self.store.set_quota(context, quota.quota_bytes).await?;
        // What did not fit before may fit now.
        self.node.run(Command::Reach { context }).await?;
        self.context_by_id(context).await
    }

    /// Tells whether so many new bytes fit into the quota of the store.
    pub(crate) async fn fits_quota(&self, bytes: u64) -> Result<bool, Problem> {
        let quota = self.blobs.quota();
        Ok(quota == 0 || self.store.used(None).await?.all.saturating_add(bytes) <= quota)
    }

    /// Makes sure that blobs of mine fit into the quota of the store. Those that are here and named
    /// already take no room.
    ///
    /// # Errors
    /// They do not fit: what is mine is never given up by itself.
    pub(crate) async fn quota_for(
        &self,
        blobs: impl Iterator<Item = (BlobHash, u64)>,
    ) -> Result<(), Problem> {
        let quota = self.blobs.quota();
        if quota == 0 {
            return Ok(());
        }
        let mut new = std::collections::BTreeMap::new();
        for (hash, size) in blobs {
            if self.store.contexts_of_blob(hash).await?.is_empty() {
                new.insert(hash, size);
            }
        }
        let new: u64 = new.values().copied().fold(0, u64::saturating_add);
        let used = self.store.used(None).await?.all;
        if new == 0 || used.saturating_add(new) <= quota {
            return Ok(());
        }
        let detail = format!(
            "{new} bytes do not fit into the quota of {quota}: {used} are in use (`store.quota_bytes`)"
        );
        Err(Problem::new(ProblemCode::DiskFull, detail).with_hint(
            "`dsp drop` frees what others hold, `dsp gc` what nothing names; `dsp config set \
             store.quota_bytes` raises the quota",
        ))
    }
}
