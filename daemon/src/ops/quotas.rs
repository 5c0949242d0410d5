//! Quotas: how many bytes of a context come by themselves, and how many there may be here at all.

use std::collections::HashSet;

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

    /// Makes sure that blobs of mine fit into the quota of the store. Those that are here and named
    /// already take no room.
    ///
    /// # Errors
    /// They do not fit: what is mine is never given up by itself.
    pub(crate) async fn quota_for(
        &self,
        blobs: impl Iterator<Item = (BlobHash, u64)>,
    ) -> Result<(), Problem> {
        let Some(mut room) = self.room_in_quota().await? else { return Ok(()) };
        for (hash, size) in blobs {
            room.take(self, hash, size).await?;
        }
        Ok(())
    }

    /// Returns the room that the quota of the store leaves; nothing where there is none.
    pub(crate) async fn room_in_quota(&self) -> Result<Option<QuotaRoom>, Problem> {
        let quota = self.blobs.quota();
        if quota == 0 {
            return Ok(None);
        }
        let used = self.store.used(None).await?.all;
        Ok(Some(QuotaRoom { quota, used, new: 0, seen: HashSet::new() }))
    }
}

/// The room that a quota leaves, as it fills.
#[derive(Debug)]
pub(crate) struct QuotaRoom {
    quota: u64,
    used: u64,
    new: u64,
    seen: HashSet<BlobHash>,
}

impl QuotaRoom {
    /// Tells whether so many bytes fit, whatever they are.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.used.saturating_add(bytes) <= self.quota
    }

    /// Takes room for a blob, unless it is here and named already.
    ///
    /// # Errors
    /// It is too much.
    pub(crate) async fn take(
        &mut self,
        ops: &Ops,
        hash: BlobHash,
        size: u64,
    ) -> Result<(), Problem> {
        let known = !self.seen.insert(hash) || !ops.store.contexts_of_blob(hash).await?.is_empty();
        if known || size == 0 {
            return Ok(());
        }
        self.new = self.new.saturating_add(size);
        if self.fits(self.new) {
            return Ok(());
        }
        let QuotaRoom { quota, used, new, .. } = self;
        let detail = format!(
            "{new} bytes or more do not fit into the quota of {quota}: {used} are in use \
             (`store.quota_bytes`)"
        );
        Err(Problem::new(ProblemCode::DiskFull, detail).with_hint(
            "`dsp drop` frees what others hold, `dsp gc` what nothing names; `dsp config set \
             store.quota_bytes` raises the quota",
        ))
    }
}
