//! Mending: bytes from whoever has them, and indexes from what they are made of.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::api::{Problem, Progress};
use dsp_protocol::id::{BlobHash, ContextId};

use super::super::{Ops, Reporter};
use super::Findings;

/// Blobs looked up at one time.
const PAGE: usize = 1000;
/// Most blobs that did not come and are named one by one.
const NAMED: usize = 10;

impl Ops {
    /// Reads every byte that is recorded as here, brings what is damaged or lost again, and makes
    /// the indexes anew.
    pub(super) async fn repair(
        &self,
        findings: &mut Findings,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let made = self.store.rebuild_indexes().await?;
        self.trees.forget_here();
        findings.ok("database", format!("indexes made anew, {made} entries put right"));
        let (mut all, mut bytes, mut damaged) = (0u64, 0u64, BTreeSet::new());
        let mut after = None;
        loop {
            let page = self.store.all_earned(after, PAGE).await?;
            after = page.last().copied();
            for hash in &page {
                match self.blobs.verify(*hash).await {
                    Ok(size) => bytes = bytes.saturating_add(size),
                    Err(error) => {
                        tracing::warn!(blob = %hash.short(), %error, "found by an examination");
                        damaged.insert(*hash);
                    }
                }
                all += 1;
                reporter.progress(|| Progress {
                    what: "reading".to_owned(),
                    bytes,
                    bytes_total: None,
                    files: all,
                    files_total: None,
                });
            }
            if page.len() < PAGE {
                break;
            }
        }
        findings.ok("blobs", format!("{all} were read to their last byte"));
        let mut failed = BTreeSet::new();
        let mut came = 0u64;
        for (context, wants) in self.by_context(&damaged).await? {
            let (right, wrong) = self.mend_blobs(context, wants, reporter).await?;
            came += right.len() as u64;
            failed.extend(wrong);
        }
        // What was noticed to be lost before, and what nobody gave just now.
        let lost = self.store.all_lost(PAGE).await?;
        let mut by_context: BTreeMap<ContextId, Vec<(BlobHash, u64)>> = BTreeMap::new();
        for (hash, (context, size)) in lost.iter().filter(|(hash, _)| !failed.contains(*hash)) {
            by_context.entry(*context).or_default().push((*hash, *size));
        }
        for (context, wants) in by_context {
            let (right, wrong) = self.bring_lost(context, wants, reporter).await?;
            came += right.len() as u64;
            failed.extend(wrong);
        }
        if came > 0 {
            findings.ok("blobs", format!("{came} were damaged or gone, and came again"));
        }
        for hash in failed.iter().take(NAMED) {
            findings.fail(
                "blobs",
                format!(
                    "blob {} is damaged or gone, and nobody who is reachable has it",
                    hash.short()
                ),
                "it comes by itself once somebody has it; so it does by a push of the same files",
            );
        }
        if let Some(more) = failed.len().checked_sub(NAMED).filter(|more| *more > 0) {
            findings.fail("blobs", format!("{more} more did not come"), "try again later");
        }
        Ok(())
    }

    /// Sorts blobs by a context in which each was earned.
    async fn by_context(
        &self,
        hashes: &BTreeSet<BlobHash>,
    ) -> Result<BTreeMap<ContextId, Vec<(BlobHash, u64)>>, Problem> {
        let mut sorted: BTreeMap<ContextId, Vec<(BlobHash, u64)>> = BTreeMap::new();
        for hash in hashes {
            let contexts = self.store.contexts_of_blob(*hash).await?;
            let Some(context) = contexts.first().copied() else { continue };
            let size = self.store.earned_set(context, vec![*hash]).await?;
            let size = size.get(hash).copied().unwrap_or_default();
            sorted.entry(context).or_default().push((*hash, size));
        }
        Ok(sorted)
    }
}
