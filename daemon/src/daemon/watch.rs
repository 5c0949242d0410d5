//! Watching over the parts without which a daemon is none.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::net::NetHandle;
use crate::node::NodeHandle;
use crate::store::Store;

/// Ends the daemon when the database, the node or the network ends before it is asked to: half a
/// daemon would keep its lock and its socket, and do nothing for who calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    failed: Arc<OnceLock<&'static str>>,
}

impl Watch {
    /// Watches from now on, until `stop` is cancelled or a part has ended and cancels it.
    pub(super) fn begin(
        &self,
        store: Store,
        node: NodeHandle,
        net: NetHandle,
        stop: CancellationToken,
    ) {
        let failed = Arc::clone(&self.failed);
        tokio::spawn(async move {
            // What ends may take another part with it: the first one is the cause.
            let part = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = store.ended() => "the database",
                () = node.ended() => "the node",
                () = net.ended() => "the network",
            };
            tracing::error!(part, "ended without being asked to, the daemon stops");
            // Set once: this task is the only one.
            let _ = failed.set(part);
            stop.cancel();
        });
    }

    /// Returns the part that ended without being asked to.
    pub(super) fn failed(&self) -> Option<&'static str> {
        self.failed.get().copied()
    }
}
