//! Proof of possession: before a blob that is here through another context counts in this one,
//! a peer of this context has to show that it has it.
//!
//! Without it, a member could name the hash of a private file, which others then serve for her.

use bao_tree::ChunkRanges;
use dsp_protocol::id::{BlobHash, DeviceId};
use rand::Rng;

use super::ask::{AskError, Peer, chunks};
use super::{Fetcher, Opener};
use crate::blobs::{GROUP_BYTES, ReadError};

/// Ranges asked for: whoever lacks a tenth of the bytes fails more than half of all trials, and
/// whoever lacks half of them 255 of 256.
const RANGES: usize = 8;
/// Up to this size the whole blob is asked for.
const WHOLE_BYTES: u64 = 8 * GROUP_BYTES;

/// Why a peer has not proved that it has a blob.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The blob is not here, so there is nothing to compare with: fetch it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It says that it does not have it.
    #[error("the provider does not have blob {0}")]
    NotHere(BlobHash),
    /// It sent other bytes, or another size.
    #[error("the provider sent wrong bytes for blob {0}")]
    Lied(BlobHash),
    /// It could not be reached, went away or stalled.
    #[error("the provider gave no proof for blob {hash}: {reason}")]
    Broken {
        /// The blob.
        hash: BlobHash,
        /// What happened.
        reason: String,
    },
}

impl Fetcher {
    /// Has `provider` prove that it has a blob that is all here: eight pieces of 16 KiB at
    /// places that `rng` picks, or all of it up to 128 KiB. `rng` must be unpredictable to the
    /// provider. Nothing is stored.
    ///
    /// # Errors
    /// It has not proved it; [`ProveError::Lied`] is its fault.
    pub async fn prove(
        &self,
        opener: &dyn Opener,
        provider: DeviceId,
        hash: BlobHash,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), ProveError> {
        let size = self.blobs.complete_size(hash).await?;
        if size == 0 {
            return Ok(());
        }
        let ranges = pick(size, rng);
        let peer = Peer { opener, provider, stall: self.stall, lanes: &self.blobs.lanes };
        let proof = async {
            peer.ask_one(hash, &ranges).await?.receive_proof(hash, size, ranges.clone()).await
        };
        proof.await.map_err(|error| match error {
            AskError::NotHere => ProveError::NotHere(hash),
            // The blob is here, so its size is known.
            AskError::Lied(_) | AskError::Size { .. } => ProveError::Lied(hash),
            AskError::Stalled | AskError::Vanished(_) | AskError::Store(_) => {
                ProveError::Broken { hash, reason: error.to_string() }
            }
        })
    }
}

fn pick(size: u64, rng: &mut (impl Rng + ?Sized)) -> ChunkRanges {
    if size <= WHOLE_BYTES {
        return ChunkRanges::all();
    }
    let groups = size.div_ceil(GROUP_BYTES);
    let mut picked = std::collections::BTreeSet::new();
    while picked.len() < RANGES {
        // The bias of the remainder is 2^-14 at most for blobs of 2^50 bytes.
        picked.insert(rng.next_u64() % groups);
    }
    picked.into_iter().fold(ChunkRanges::empty(), |ranges, group| {
        let start = group * GROUP_BYTES;
        ranges | chunks(start..size.min(start + GROUP_BYTES))
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn eight_groups_are_picked_and_they_differ_by_seed() {
        let size = 100 * GROUP_BYTES + 1;
        let picks: Vec<ChunkRanges> =
            (0..20).map(|seed| pick(size, &mut ChaCha8Rng::seed_from_u64(seed))).collect();
        for ranges in &picks {
            let chunks: u64 = ranges.boundaries().chunks(2).map(|ends| ends[1].0 - ends[0].0).sum();
            // The last group has one chunk.
            assert!(chunks == 8 * 16 || chunks == 7 * 16 + 1, "{ranges:?}");
        }
        assert!(picks.iter().any(|ranges| *ranges != picks[0]));
        assert_eq!(pick(WHOLE_BYTES, &mut ChaCha8Rng::seed_from_u64(0)), ChunkRanges::all());
    }
}
