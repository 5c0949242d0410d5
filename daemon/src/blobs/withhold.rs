//! Blobs that are served to nobody for a while, while it is found out who else holds them.
//!
//! Without it a peer could prove to hold a blob with bytes that it fetches from here at the same
//! time, and two who let go of the same blob could each count on the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dsp_protocol::id::BlobHash;

use super::Blobs;

/// How often each blob is withheld.
#[derive(Debug, Default)]
pub(super) struct Withholding(Mutex<HashMap<BlobHash, usize>>);

/// Blobs that are served to nobody until this is dropped.
#[derive(Debug)]
pub struct Withheld {
    hashes: Vec<BlobHash>,
    all: Arc<Withholding>,
}

impl Withholding {
    /// Tells whether one of some blobs is withheld.
    pub(super) fn has_any(&self, hashes: &[BlobHash]) -> bool {
        let withheld = self.lock();
        hashes.iter().any(|hash| withheld.contains_key(hash))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlobHash, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// Answers *not here* to every peer that asks for one of some blobs from now on, until the
    /// result is dropped. An answer that began before goes on.
    pub fn withhold(&self, hashes: Vec<BlobHash>) -> Withheld {
        let mut withheld = self.withholding.lock();
        for hash in &hashes {
            *withheld.entry(*hash).or_default() += 1;
        }
        drop(withheld);
        Withheld { hashes, all: Arc::clone(&self.withholding) }
    }
}

impl Drop for Withheld {
    fn drop(&mut self) {
        let mut withheld = self.all.lock();
        for hash in &self.hashes {
            if let Some(times) = withheld.get_mut(hash) {
                *times -= 1;
                if *times == 0 {
                    withheld.remove(hash);
                }
            }
        }
    }
}
