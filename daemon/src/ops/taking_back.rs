//! Taking back that bytes were let go, while they wait in the trash.

use std::collections::BTreeMap;
use std::sync::Arc;

use dsp_protocol::api::Problem;
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::sync::Command;

use super::whole::to_the_end;
use super::{Ops, internal};
use crate::blobs::Status;

impl Ops {
    /// Returns those of some blobs that are let go in a context, with their sizes; or says why that
    /// cannot be taken back.
    pub(super) async fn let_go_here(
        &self,
        context: ContextId,
        blobs: Vec<BlobHash>,
    ) -> Result<Result<BTreeMap<BlobHash, u64>, String>, Problem> {
        let let_go = self.store.let_go_among(context, blobs.clone()).await?;
        if let_go.is_empty() {
            let here = self.store.earned_set(context, blobs).await?;
            return Ok(Err(match here.is_empty() {
                true => "its bytes are gone for good since".to_owned(),
                false => "its bytes are here again".to_owned(),
            }));
        }
        for hash in let_go.keys() {
            let status = self.blobs.status(*hash).await.map_err(|error| internal(&error))?;
            if !matches!(status, Status::Complete { .. }) {
                let why = "its time in the trash is over, and its bytes are freed";
                return Ok(Err(why.to_owned()));
            }
        }
        Ok(Ok(let_go))
    }

    /// Counts blobs of a context as here again that were let go; or says why that cannot be.
    pub(super) async fn take_back(
        &self,
        context: ContextId,
        blobs: Vec<BlobHash>,
    ) -> Result<Result<(), String>, Problem> {
        let _keeping = self.keeping.lock().await;
        // First: what is here while it is kept stays until it is named.
        let mut keeps = Vec::with_capacity(blobs.len());
        for hash in &blobs {
            keeps.push(self.blobs.keep(*hash).await);
        }
        let blobs = match self.let_go_here(context, blobs).await? {
            Ok(blobs) => blobs.into_iter().collect(),
            Err(why) => return Ok(Err(why)),
        };
        // In a task: the engine goes on when the caller does not wait, and until it is stored
        // nothing but `keeps` holds the blobs.
        let (node, trees) = (self.node.clone(), Arc::clone(&self.trees));
        to_the_end(async move {
            let taken = node.run(Command::TakeBack { context, blobs }).await;
            trees.forget_here();
            drop(keeps);
            taken.map(|_| Ok(())).map_err(Problem::from)
        })
        .await
    }
}
