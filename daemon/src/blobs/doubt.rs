//! Blobs in doubt: their rows were committed, and nobody knows whether their bytes were synced.
//!
//! The store commits the row of a blob before [`Blobs::sync`] synced its files. After a loss of
//! power such a row can stand over wrong bytes, as can a part that was resumed since. What the
//! index names as earned was synced before. Everything else that is here after an unclean stop is
//! in doubt until all its bytes were read and right, and does not count as here before.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsp_protocol::id::BlobHash;

use super::error::{GcError, ReadError, StatusError};
use super::{Blobs, Status, from_hash};

/// What is in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<HashSet<BlobHash>>);

impl Doubts {
    pub(super) fn about(&self, hash: BlobHash) -> bool {
        self.lock().contains(&hash)
    }

    pub(super) fn settle(&self, hash: BlobHash) {
        self.lock().remove(&hash);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<BlobHash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// Takes everything that is here for doubtful, apart from what is `earned` anywhere. Call it
    /// after an unclean stop, before anything is done with the blobs. Returns what is in doubt.
    ///
    /// # Errors
    /// The store cannot list what it has.
    pub async fn doubt(&self, earned: &HashSet<BlobHash>) -> Result<Vec<BlobHash>, GcError> {
        let here = self.list().await?.into_iter().map(from_hash);
        let doubtful: Vec<BlobHash> = here.filter(|hash| !earned.contains(hash)).collect();
        self.doubts.lock().extend(&doubtful);
        Ok(doubtful)
    }

    /// Reads all of the blobs in doubt that are complete, and removes those that are damaged.
    /// Takes as long as the disk takes for their bytes.
    pub async fn settle_doubts(&self, doubtful: Vec<BlobHash>) {
        for hash in doubtful {
            // A part is looked at when it is whole.
            let Ok(Status::Complete { .. }) = self.booked(hash).await else { continue };
            if !self.doubts.about(hash) {
                continue;
            }
            match self.forget_corrupt(hash).await {
                Ok(forgotten) => tracing::debug!(blob = %hash.short(), ?forgotten, "looked at"),
                Err(error) => tracing::warn!(blob = %hash.short(), %error, "not looked at"),
            }
        }
    }

    /// Tells whether the bytes of a complete blob are beyond doubt, and reads them if need be.
    pub(super) async fn is_certain(&self, hash: BlobHash) -> Result<bool, StatusError> {
        if !self.doubts.about(hash) {
            return Ok(true);
        }
        match self.verify(hash).await {
            Ok(_) => Ok(true),
            Err(ReadError::Io { hash, source }) => Err(StatusError { hash, source }),
            Err(error) => {
                tracing::warn!(blob = %hash.short(), %error, "damaged, which does not count");
                Ok(false)
            }
        }
    }
}
