//! Work that is done to its end, whoever waits for it.
//!
//! The future of a call is dropped where it stands when the caller hangs up. What may not stop
//! half way runs in a task of its own.

use tokio::sync::MutexGuard;

use dsp_protocol::api::{Problem, ProblemCode};

use super::Ops;
use crate::joining::Joining;

/// Does some work to its end and returns what comes of it; who goes meanwhile ends nothing.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

impl Ops {
    /// Waits for its turn to change the identity: one change at a time, and none once this machine
    /// is on its way to another one.
    ///
    /// # Errors
    /// What the next start goes over to is written down already.
    pub(super) async fn change_identity(&self) -> Result<MutexGuard<'_, ()>, Problem> {
        let turn = self.identity_changes.lock().await;
        if Joining::is_written(&self.home) {
            let detail = "this machine is on its way to another identity, and nothing of this one \
                          is changed any more";
            return Err(Problem::new(ProblemCode::Conflict, detail)
                .with_hint("`dsp daemon stop`; the next start finishes it"));
        }
        Ok(turn)
    }
}
