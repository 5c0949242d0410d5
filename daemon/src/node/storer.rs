//! The task that makes records durable, in order and many at once.

use dsp_protocol::sync::{Record, TaskId, TaskResult};
use tokio::sync::mpsc;

use crate::store::Store;

/// Most records in one transaction: a transaction is held in memory until it commits.
const BATCH: usize = 20_000;

/// Records to store, and which task they belong to.
pub(super) type Job = (TaskId, Vec<Record>);

/// Stores jobs in order until the channel closes, and tells the result of each.
///
/// Jobs that wait are stored in one transaction. When that fails each is tried alone, so that
/// one bad job does not fail its neighbours.
pub(super) async fn run(
    store: Store,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    results: mpsc::UnboundedSender<(TaskId, TaskResult)>,
) {
    while let Some(first) = jobs.recv().await {
        let mut batch = vec![first];
        let mut records = batch[0].1.len();
        while records < BATCH {
            let Ok(job) = jobs.try_recv() else { break };
            records += job.1.len();
            batch.push(job);
        }
        let all: Vec<Record> = batch.iter().flat_map(|(_, records)| records.clone()).collect();
        if store.apply(all).await.is_ok() {
            for (task, _) in batch {
                tell(&results, task, TaskResult::Stored);
            }
            continue;
        }
        for (task, records) in batch {
            let result = match store.apply(records).await {
                Ok(()) => TaskResult::Stored,
                Err(error) => {
                    tracing::error!(%error, "records could not be stored");
                    let disk_full = error.disk_full();
                    TaskResult::StoreFailed { reason: error.to_string(), disk_full }
                }
            };
            tell(&results, task, result);
        }
    }
}

fn tell(results: &mpsc::UnboundedSender<(TaskId, TaskResult)>, task: TaskId, result: TaskResult) {
    // The actor is gone only when the daemon stops; what is stored is stored.
    let _ = results.send((task, result));
}
