//! What the collector of blobs must keep: what is earned anywhere, pinned or wanted.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use dsp_protocol::id::BlobHash;
use tokio::runtime::Handle;

use crate::blobs::{Protect, ProtectError};
use crate::node::NodeHandle;
use crate::store::{ReadError, Store};

/// Blobs asked for at one time.
const PAGE: usize = 10_000;

/// Answers for the database and the engine.
#[derive(Clone, Debug)]
pub(super) struct Index {
    store: Store,
    node: Arc<OnceLock<NodeHandle>>,
}

impl Index {
    pub(super) fn new(store: Store) -> Index {
        Index { store, node: Arc::default() }
    }

    /// Takes the engine's handle, without which nothing is collected.
    pub(super) fn attend(&self, node: NodeHandle) {
        // The daemon starts one node.
        let _ = self.node.set(node);
    }
}

impl Protect for Index {
    fn protected(&self, keep: &mut dyn FnMut(BlobHash)) -> Result<(), ProtectError> {
        let node = self.node.get().ok_or("the engine does not run yet")?;
        let runtime = Handle::try_current()?;
        let wanted = runtime.block_on(node.query(|engine| {
            let wanted = engine.contexts().flat_map(|context| context.wanted_blobs());
            wanted.map(|want| want.hash).collect::<BTreeSet<_>>()
        }))?;
        wanted.into_iter().for_each(&mut *keep);
        runtime.block_on(self.store.pinned(None))?.into_iter().for_each(&mut *keep);
        runtime.block_on(for_earned(&self.store, keep))?;
        Ok(())
    }
}

/// Hands over every blob that is earned in any context.
pub(super) async fn for_earned(
    store: &Store,
    mut each: impl FnMut(BlobHash),
) -> Result<(), ReadError> {
    let mut after = None;
    loop {
        let page = store.all_earned(after, PAGE).await?;
        after = page.last().copied();
        let last = page.len() < PAGE;
        page.into_iter().for_each(&mut each);
        if last {
            return Ok(());
        }
    }
}
