//! What collections leave alone although the index does not name it.
//!
//! An index that was put back from a backup, or made anew, does not know of everything that came
//! while another one was in use. What was here then is no waste before somebody said so.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use iroh_blobs::Hash;

use super::Blobs;
use super::error::GcError;

/// The blobs that stay.
#[derive(Debug, Default)]
pub(super) struct Spared(Mutex<HashSet<Hash>>);

impl Spared {
    /// Returns the blobs that stay now.
    pub(super) fn all(&self) -> HashSet<Hash> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// Has every [`gc`](Self::gc) leave alone what is here now, whole or in part, until
    /// [`spare_nothing`](Self::spare_nothing). A damaged blob can be removed all the same.
    ///
    /// # Errors
    /// The store cannot list what it has.
    pub async fn spare_all_here(&self) -> Result<(), GcError> {
        let here = self.list().await?;
        self.spared.lock().extend(here);
        Ok(())
    }

    /// Lets the index alone decide again.
    pub fn spare_nothing(&self) {
        self.spared.lock().clear();
    }
}
