//! Damaged blobs: looked at once more before anything is done about them.
//!
//! Between the moment somebody met damage and the moment it is acted upon, an import may have
//! brought the right bytes. Whatever takes a blob away therefore reads it first, while no import
//! can come in between.

use std::collections::HashSet;
use std::io;

use dsp_protocol::id::BlobHash;
use iroh_blobs::Hash;

use super::error::{ForgetError, GcError, ReadError};
use super::keep::Collecting;
use super::{Blobs, GROUP_BYTES, Status, to_hash};

/// Data and outboards up to this size stand in the store's database, larger ones in files.
const INLINE_BYTES: u64 = 16 * 1024;
/// Two hashes, for each inner node of a hash tree over groups.
const HASH_PAIR_BYTES: u64 = 64;

/// What became of a blob thought to be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It was damaged, or only in part here, and is gone; fetch it again.
    Removed,
    /// It is sound after all, and stays.
    Sound,
    /// It was not here.
    Missing,
}

/// Blobs that are not wholly and rightly here. Imports wait while this lives, so that it stays
/// true.
#[derive(Debug)]
pub struct Unfit {
    hashes: Vec<BlobHash>,
    _collecting: Collecting,
}

impl Unfit {
    /// Returns the blobs.
    pub fn hashes(&self) -> &[BlobHash] {
        &self.hashes
    }
}

/// How a blob was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Sound,
    Missing,
    Damaged,
}

impl Blobs {
    /// Removes a blob whose bytes on this disk are not right, so that it can be fetched again.
    /// Goes on when the future is dropped.
    ///
    /// # Errors
    /// It is held by a [`Keep`](super::Keep), or unreadable for a reason that may pass.
    pub async fn forget_corrupt(&self, hash: BlobHash) -> Result<Forgotten, ForgetError> {
        // Before anybody is kept waiting.
        match self.look_at(hash).await.map_err(ForgetError::Read)? {
            Found::Sound => return Ok(Forgotten::Sound),
            Found::Missing => return Ok(Forgotten::Missing),
            Found::Damaged => {}
        }
        let blobs = self.clone();
        let task = tokio::spawn(async move { blobs.remove_if_damaged(hash).await });
        task.await.unwrap_or(Err(ForgetError::Gc(GcError::Stopped)))
    }

    /// Removes a blob unless it is sound by now.
    pub(super) async fn remove_if_damaged(&self, hash: BlobHash) -> Result<Forgotten, ForgetError> {
        let _collecting = self.keeper.collect().await;
        if self.keeper.holds(hash) {
            return Err(ForgetError::InUse(hash));
        }
        match self.look_at(hash).await.map_err(ForgetError::Read)? {
            Found::Sound => return Ok(Forgotten::Sound),
            Found::Missing => return Ok(Forgotten::Missing),
            Found::Damaged => {}
        }
        let live = self.all_but(hash).await?;
        self.live.now().collector.run(live).await?;
        match self.booked(hash).await? {
            Status::Missing => {
                self.doubts.settle(hash);
                Ok(Forgotten::Removed)
            }
            Status::Partial { .. } | Status::Complete { .. } => Err(ForgetError::InUse(hash)),
        }
    }

    /// Returns everything that is here or held, apart from `hash`: of what a fetch holds, the first
    /// bytes may come at any moment.
    pub(super) async fn all_but(&self, hash: BlobHash) -> Result<HashSet<Hash>, GcError> {
        let mut live: HashSet<Hash> = self.list().await?.into_iter().collect();
        live.extend(self.keeper.held().into_iter().map(to_hash));
        live.remove(&to_hash(hash));
        Ok(live)
    }

    /// Reads blobs, and returns those that are damaged, here in part or not here, while nothing
    /// is imported.
    ///
    /// # Errors
    /// One of them cannot be read for a reason that may pass.
    pub async fn unfit(&self, hashes: Vec<BlobHash>) -> Result<Unfit, ReadError> {
        let collecting = self.keeper.collect().await;
        let mut unfit = Vec::new();
        for hash in hashes {
            match self.look_at(hash).await? {
                Found::Missing | Found::Damaged => unfit.push(hash),
                Found::Sound => {}
            }
        }
        Ok(Unfit { hashes: unfit, _collecting: collecting })
    }

    /// Reads a blob.
    async fn look_at(&self, hash: BlobHash) -> Result<Found, ReadError> {
        match self.verify(hash).await {
            Ok(_) => Ok(Found::Sound),
            Err(ReadError::Missing(_)) => Ok(Found::Missing),
            Err(ReadError::Corrupt { .. } | ReadError::Partial { .. }) => Ok(Found::Damaged),
            Err(error) if self.file_is_gone(hash).await => {
                tracing::debug!(hash = %hash.short(), %error, "a file of the blob is gone");
                Ok(Found::Damaged)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells whether a file of a complete blob is certainly not there; other trouble may pass.
    async fn file_is_gone(&self, hash: BlobHash) -> bool {
        let Ok(Status::Complete { size }) = self.booked(hash).await else { return false };
        let data = self.data_path(hash);
        let outboard = data.with_extension("obao4");
        let outboard_bytes = size.div_ceil(GROUP_BYTES).saturating_sub(1) * HASH_PAIR_BYTES;
        let files = [(data, size), (outboard, outboard_bytes)];
        for (path, _) in files.into_iter().filter(|(_, bytes)| *bytes > INLINE_BYTES) {
            let file = tokio::fs::metadata(path).await;
            if file.is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
                return true;
            }
        }
        false
    }
}
