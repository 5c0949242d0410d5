//! A worker: takes jobs of a fetch, asks its provider, and reports.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bao_tree::ChunkRanges;
use dsp_protocol::id::DeviceId;
use iroh_blobs::protocol::ChunkRangesExt;
use tokio::sync::Notify;

use super::ask::{AskError, Peer};
use super::queue::{Queue, Setback, Slot, Take, Task, WantId, Work};
use super::{FetchFailure, Gate, Opener, Wanted};
use crate::blobs::{Blobs, ImportError};
use crate::files::is_disk_full;

/// What the workers of a fetch share.
pub(super) struct Shared {
    pub(super) blobs: Blobs,
    pub(super) opener: Arc<dyn Opener>,
    pub(super) wants: Vec<Wanted>,
    pub(super) stall: Duration,
    pub(super) received: AtomicU64,
    /// Rings when the queue changed.
    pub(super) changed: Notify,
    /// Rings when bytes came, or a blob is complete.
    pub(super) arrived: Notify,
    /// Bytes that running jobs may still write.
    expected: AtomicU64,
    gate: Gate,
    queue: Mutex<Queue>,
}

impl Shared {
    pub(super) fn new(
        blobs: Blobs,
        opener: Arc<dyn Opener>,
        wants: Vec<Wanted>,
        queue: Queue,
        stall: Duration,
        gate: Gate,
    ) -> Self {
        Shared {
            blobs,
            opener,
            wants,
            stall,
            received: AtomicU64::new(0),
            changed: Notify::new(),
            arrived: Notify::new(),
            expected: AtomicU64::new(0),
            gate,
            queue: Mutex::new(queue),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_parts(self) -> (Vec<Wanted>, Queue) {
        (self.wants, self.queue.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn progress(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        self.arrived.notify_one();
    }

    /// Sets room on the disk aside for a job, where there is enough besides that of the others.
    async fn set_aside(&self, work: &Work) -> Option<Aside<'_>> {
        let bytes = match work {
            Work::Batch(wants) => wants.iter().map(|want| self.wants[*want].size).sum(),
            Work::Size(_) => 0,
            Work::Part(_, missing) => {
                let ends = missing.boundaries().chunks_exact(2);
                ends.map(|ends| ends[1].to_bytes() - ends[0].to_bytes()).sum()
            }
        };
        let all = self.expected.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let aside = Aside { expected: &self.expected, bytes };
        self.blobs.has_room(all).await.then_some(aside)
    }
}

/// Room on the disk that a job may fill.
struct Aside<'a> {
    expected: &'a AtomicU64,
    bytes: u64,
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.expected.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Works for one provider until nothing is left to ask it.
pub(super) async fn work(shared: Arc<Shared>, slot: Slot, provider: DeviceId) {
    loop {
        // Before a job is taken: it would keep others from it.
        opened(&mut shared.gate.clone()).await;
        let mut changed = std::pin::pin!(shared.changed.notified());
        changed.as_mut().enable();
        let take = shared.queue().take(slot, Instant::now());
        match take {
            Take::Finished => return,
            Take::Wait(None) => changed.await,
            Take::Wait(Some(until)) => {
                // Either way it is time to ask again.
                let _ = tokio::time::timeout_at(until.into(), changed).await;
            }
            Take::Run(task) => {
                let moot = task.moot.clone();
                let peer = Peer {
                    opener: &*shared.opener,
                    provider,
                    stall: shared.stall,
                    lanes: &shared.blobs.lanes,
                };
                let run = Box::pin(async {
                    let _place = shared.blobs.lanes.down.wait_for_place().await;
                    run(&shared, peer, slot, &task).await;
                });
                // What a job cut short has brought stays in the store, or is asked for again.
                let mut gate = shared.gate.clone();
                let ran = tokio::select! {
                    ran = moot.run_until_cancelled(run) => ran.is_some(),
                    () = shut(&mut gate) => false,
                };
                if !ran {
                    shared.queue().give_back(task.job, slot);
                }
                shared.changed.notify_waiters();
                shared.arrived.notify_one();
            }
        }
    }
}

/// Waits until transfers may run.
async fn opened(gate: &mut Gate) {
    // Whoever could shut it is gone.
    let _ = gate.wait_for(|open| *open).await;
}

/// Waits until transfers are to wait.
async fn shut(gate: &mut Gate) {
    if gate.wait_for(|open| !*open).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn run(shared: &Shared, peer: Peer<'_>, slot: Slot, task: &Task) {
    let Some(_aside) = shared.set_aside(&task.work).await else {
        return shared.queue().fail_all(&FetchFailure::DiskFull);
    };
    let result = match &task.work {
        Work::Batch(wants) => batch(shared, peer, slot, task.job, wants).await,
        Work::Size(want) => size(shared, peer, slot, task.job, *want).await,
        Work::Part(want, missing) => part(shared, peer, slot, task.job, *want, missing).await,
    };
    let result = match result {
        Err(AskError::Size { hash, declared, claimed }) => {
            // Who is wrong, the provider or who declared the size? The blob's end tells.
            tracing::debug!(hash = %hash.short(), declared, claimed, "sizes differ");
            match peer.prove_size(hash).await {
                Ok(actual) if actual != declared => {
                    let failure = FetchFailure::WrongSize { actual };
                    let mut queue = shared.queue();
                    for want in of_task(&task.work) {
                        if (shared.wants[*want].hash, shared.wants[*want].size) == (hash, declared)
                        {
                            queue.fail(*want, failure.clone());
                        }
                    }
                    queue.give_back(task.job, slot);
                    return;
                }
                Ok(_) => Err(AskError::Lied(hash)),
                Err(error) => Err(error),
            }
        }
        result => result,
    };
    let mut queue = shared.queue();
    match result {
        Ok(()) => {
            queue.finish(task.job, slot);
        }
        Err(AskError::NotHere) => queue.refused(task.job, slot),
        Err(AskError::Lied(hash)) => {
            tracing::warn!(provider = %peer.provider.short(), hash = %hash.short(), "wrong bytes");
            queue.lied(slot, hash);
        }
        Err(AskError::Stalled) => {
            queue.set_back(task.job, slot, Setback::Stalled, task.started, Instant::now());
        }
        Err(AskError::Vanished(error)) => {
            tracing::debug!(provider = %peer.provider.short(), %error, "provider vanished");
            queue.set_back(task.job, slot, Setback::Vanished, task.started, Instant::now());
        }
        Err(AskError::Store(error)) if error.kind() == io::ErrorKind::ResourceBusy => {
            queue.give_back(task.job, slot);
        }
        Err(AskError::Store(error)) if is_disk_full(&error) => {
            queue.fail_all(&FetchFailure::DiskFull);
        }
        Err(AskError::Store(error)) => {
            queue.fail_all(&FetchFailure::Store(error.to_string()));
        }
        Err(AskError::Size { .. }) => unreachable!("sizes were settled above"),
    }
}

fn of_task(work: &Work) -> &[WantId] {
    match work {
        Work::Batch(wants) => wants,
        Work::Size(want) | Work::Part(want, _) => std::slice::from_ref(want),
    }
}

/// Receives whole small blobs. Each is stored once all of it was right.
async fn batch(
    shared: &Shared,
    peer: Peer<'_>,
    slot: Slot,
    job: u64,
    wants: &[WantId],
) -> Result<(), AskError> {
    let hashes: Vec<_> = wants.iter().map(|want| shared.wants[*want].hash).collect();
    let mut answer = peer.ask_many(&hashes).await?;
    for &id in wants {
        let want = &shared.wants[id];
        let bytes = answer.receive(want.hash, want.size).await?;
        shared.progress(want.size);
        let stored = shared.blobs.import_bytes(bytes).await;
        let stored = stored.map_err(|error| match error {
            ImportError::Store(error) => AskError::Store(error),
            error => AskError::Store(io::Error::other(error)),
        })?;
        debug_assert_eq!(stored.hash, want.hash, "every byte was checked");
        shared.queue().came(job, slot, id);
        shared.arrived.notify_one();
    }
    Ok(())
}

/// Receives the end of a large blob, which proves its size, and queues the blob. Nothing is
/// stored yet: under a wrong size the hash tree would be stored in a wrong shape.
async fn size(
    shared: &Shared,
    peer: Peer<'_>,
    slot: Slot,
    job: u64,
    id: WantId,
) -> Result<(), AskError> {
    let want = &shared.wants[id];
    let end = ChunkRanges::last_chunk();
    let mut answer = peer.ask_one(want.hash, &end).await?;
    answer.receive_proof(want.hash, want.size, end).await?;
    let mut queue = shared.queue();
    if queue.finish(job, slot) {
        queue.add_missing(id, want.missing.clone());
    }
    Ok(())
}

/// Receives ranges of a large blob.
async fn part(
    shared: &Shared,
    peer: Peer<'_>,
    slot: Slot,
    job: u64,
    id: WantId,
    missing: &ChunkRanges,
) -> Result<(), AskError> {
    let want = &shared.wants[id];
    let mut answer = peer.ask_one(want.hash, missing).await?;
    let progress = |bytes| shared.progress(bytes);
    let (got, result) =
        answer.receive_into(&shared.blobs, want.hash, want.size, missing.clone(), progress).await;
    shared.queue().got(job, slot, &got);
    result
}
