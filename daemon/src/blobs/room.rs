//! Room on the disk: some of it stays free.

use std::sync::atomic::Ordering;

use super::Blobs;

impl Blobs {
    /// Sets how many bytes of the disk stay free, from now on: a fetch stops short of that. It is
    /// 0 at first. Imports are left to their callers.
    pub fn keep_free(&self, bytes: u64) {
        self.spare.store(bytes, Ordering::Relaxed);
    }

    /// Tells whether `bytes` more may be written. Where the system does not tell what is free,
    /// they may.
    pub(super) async fn has_room(&self, bytes: u64) -> bool {
        let dir = std::sync::Arc::clone(&self.dir);
        let free = tokio::task::spawn_blocking(move || crate::files::free_bytes(&dir)).await;
        match free {
            Ok(Ok(free)) => free.saturating_sub(bytes) >= self.spare.load(Ordering::Relaxed),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the room on the disk is not known");
                true
            }
            Err(_) => true,
        }
    }
}
