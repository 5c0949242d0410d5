//! Bringing blobs here from several providers at once.
//!
//! Small blobs are asked for in batches and stored once all their bytes were right. Of a large
//! blob first the end is fetched, which proves its size, and then parts of 16 MiB from whoever
//! is free. A provider that stalls or goes away loses its parts to others; one that sends wrong
//! bytes is not asked again and is named in the report. What came before a crash stays and is
//! not asked for again.
//!
//! ```text
//! fetch ─ plan ─> Queue <─ take, finish, set_back ─ worker ─ Peer::ask ─> provider
//!                                                      └─ pieces ─> store
//! ```

mod ask;
mod prove;
mod queue;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bao_tree::ChunkRanges;
use dsp_protocol::id::{BlobHash, DeviceId};
use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, StreamExt, TryStreamExt};
use iroh_blobs::api::blobs::BlobStatus;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::prove::ProveError;

use self::queue::{Queue, State};
use self::worker::Shared;
use super::error::StatusError;
use super::keep::Keep;
use super::wire::Header;
use super::{Blobs, Imported, to_hash};

/// Blobs up to this size, in bytes, are held in memory until all of their bytes were right: there
/// are no parts of them.
pub const SMALL_BYTES: u64 = 1 << 20;
/// No blob is larger: offsets of parts beyond its end have to fit 64 bits.
const MAX_BYTES: u64 = 1 << 50;
/// Without 16 KiB in this time, a request has stalled.
const STALL: Duration = Duration::from_secs(5);
/// Requests that run at one provider.
const WORKERS: usize = 4;
/// Most providers that are asked at once; when they are done, the others are asked for the rest.
const PROVIDERS: usize = 8;
/// Look-ups that run at once while a fetch is planned.
const LOOK_UPS: usize = 64;

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A stream of whatever transport.
pub type BoxedStream = Box<dyn Duplex>;

/// A fresh `/dsp/blobs/1` stream to a provider.
pub struct Opened {
    /// The stream; nothing was sent or received on it.
    pub stream: BoxedStream,
    /// The context of the fetch, as this provider knows it.
    pub header: Header,
}

/// Opens streams to the providers of one context.
pub trait Opener: Send + Sync + 'static {
    /// Opens a stream to `provider`. Dropping the future gives the attempt up.
    fn open(&self, provider: DeviceId) -> BoxFuture<'_, io::Result<Opened>>;

    /// Returns the context of the fetch as `provider` knows it now; none while it does not.
    fn header(&self, provider: DeviceId) -> BoxFuture<'_, Option<Header>>;
}

/// What to do with a part of a blob that is here before a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// Ask for the rest only: the part came in this context, or from a device of one's own.
    Resume,
    /// Ask for all of it: the part came in another context. To ask for the rest would tell the
    /// provider what is here, and leave open whether it has the whole.
    Ignore,
}

/// A blob to bring here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Its hash.
    pub hash: BlobHash,
    /// Its size in bytes, as the ref declares it. A blob of another size is not stored.
    pub size: u64,
    /// What to do with a part that is here.
    pub partial: Partial,
}

/// What to bring here, and from whom.
#[derive(Clone, Debug, Default)]
pub struct FetchRequest {
    /// The blobs; small ones travel in this order, large ones after each other.
    pub wants: Vec<Want>,
    /// Devices that may have them; eight are asked at once, and the next for what is left then.
    pub providers: Vec<DeviceId>,
}

/// What a fetch tells while it runs.
#[derive(Debug)]
pub enum Step {
    /// A blob came, every byte checked. Not durable before [`Blobs::sync`].
    Complete(Imported),
    /// A blob was here before; whether its bytes are right was not looked at. It counts in the
    /// context of the fetch only once a peer there has [proved](Fetcher::prove) that it has it,
    /// unless it was earned before.
    Here(Imported),
    /// Bytes of blobs that came so far.
    Received(u64),
}

/// How a fetch ended.
#[derive(Debug, Default)]
pub struct FetchReport {
    /// Blobs that did not come, or not all of them; what came is kept for the next fetch while
    /// the index [protects](super::Protect) it.
    pub failed: Vec<Failed>,
    /// Providers that are not worth asking again now.
    pub dropped: Vec<(DeviceId, Dropped)>,
    /// Bytes of blobs that came, those of failed ones too.
    pub received_bytes: u64,
}

/// A blob that did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its hash.
    pub hash: BlobHash,
    /// Its size as the want declared it.
    pub size: u64,
    /// Why.
    pub reason: FetchFailure,
}

/// Why a blob did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    /// All providers that are left answered so, or break off whenever it is asked for.
    #[error("no provider has it")]
    NotHere,
    /// All providers were dropped.
    #[error("no provider is left")]
    NoProvider,
    /// The blob has another size than the ref declares; the ref is wrong.
    #[error("the blob has {actual} bytes")]
    WrongSize {
        /// The size that its end proves.
        actual: u64,
    },
    /// Less of the disk would stay free than [`Blobs::set_spare`] says.
    #[error("disk full")]
    DiskFull,
    /// The store failed, or closed.
    #[error("cannot store it: {0}")]
    Store(String),
}

impl FetchFailure {
    /// Tells whether other providers may have it.
    fn is_of_providers(&self) -> bool {
        matches!(self, FetchFailure::NotHere | FetchFailure::NoProvider)
    }
}

/// Why a provider is not asked any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// It sent bytes that are not those of the blob, or a size that is not.
    #[error("sent wrong bytes for blob {hash}")]
    Lied {
        /// The blob.
        hash: BlobHash,
    },
    /// It did not answer in time, again and again.
    #[error("stalled")]
    Stalled,
    /// It could not be reached, or went away, again and again.
    #[error("unreachable")]
    Unreachable,
    /// It has hardly anything of this.
    #[error("has too little")]
    NotHere,
}

/// Brings blobs into the store.
#[derive(Clone, Debug)]
pub struct Fetcher {
    blobs: Blobs,
    stall: Duration,
    gate: Gate,
}

/// True while a fetch may run, false while it is to wait; open for good where its sender is gone.
pub type Gate = watch::Receiver<bool>;

/// A want with what is known of it.
#[derive(Debug)]
struct Wanted {
    hash: BlobHash,
    size: u64,
    missing: ChunkRanges,
}

/// What is to be brought; all three have an item for each want.
#[derive(Default)]
struct Plan {
    wants: Vec<Wanted>,
    /// Gone once the blob was handed out.
    keeps: Vec<Option<Keep>>,
    begins: Vec<Begin>,
}

/// What came of large blobs in a fetch so far, by their hashes and sizes.
type Brought = BTreeMap<(BlobHash, u64), ChunkRanges>;

/// How a want begins.
enum Begin {
    Here,
    Fail(FetchFailure),
    Small,
    /// Its size is to be proved, unless it is.
    Large {
        proved: bool,
    },
}

impl Fetcher {
    /// Returns a fetcher that takes a request for stalled after 5 s.
    pub fn new(blobs: Blobs) -> Fetcher {
        Fetcher { blobs, stall: STALL, gate: watch::channel(true).1 }
    }

    /// Sets after which time without 16 KiB a request has stalled.
    #[must_use]
    pub fn with_stall(self, stall: Duration) -> Fetcher {
        Fetcher { stall, ..self }
    }

    /// Lets fetches wait while the gate is shut: what runs is broken off, and what came stays.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Fetcher {
        Fetcher { gate, ..self }
    }

    /// Brings blobs here. `tell` gets each as soon as it is complete, and how far the fetch is.
    ///
    /// Per provider four requests run, per blob at most eight. In memory are at most 1 MiB for
    /// each request and some bytes for each want. Dropping the future ends the fetch; what came
    /// of large blobs stays for the next one.
    ///
    /// # Errors
    /// The store is closed. Everything else is in the report.
    pub async fn fetch(
        &self,
        opener: Arc<dyn Opener>,
        request: FetchRequest,
        mut tell: impl FnMut(Step) + Send,
    ) -> Result<FetchReport, StatusError> {
        let FetchRequest { mut wants, providers } = request;
        let mut providers = distinct(providers);
        let mut all = FetchReport::default();
        let mut brought = Brought::new();
        loop {
            let group: Vec<DeviceId> = providers.drain(..providers.len().min(PROVIDERS)).collect();
            let before = all.received_bytes;
            let mut tell = |step| match step {
                Step::Received(bytes) => tell(Step::Received(before + bytes)),
                step => tell(step),
            };
            let report =
                self.fetch_from(&opener, group, wants.clone(), &mut brought, &mut tell).await?;
            all.received_bytes += report.received_bytes;
            all.dropped.extend(report.dropped);
            let others = !providers.is_empty();
            let (left, failed): (Vec<Failed>, Vec<Failed>) = report
                .failed
                .into_iter()
                .partition(|failed| others && failed.reason.is_of_providers());
            all.failed.extend(failed);
            let left: BTreeSet<_> = left.iter().map(|failed| (failed.hash, failed.size)).collect();
            wants.retain(|want| left.contains(&(want.hash, want.size)));
            if wants.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Brings blobs here from a few providers.
    async fn fetch_from(
        &self,
        opener: &Arc<dyn Opener>,
        providers: Vec<DeviceId>,
        wants: Vec<Want>,
        brought: &mut Brought,
        mut tell: impl FnMut(Step) + Send,
    ) -> Result<FetchReport, StatusError> {
        let mut report = FetchReport::default();
        let Plan { wants, mut keeps, begins } =
            self.plan(wants, brought, &mut report, &mut tell).await?;
        let mut queue = Queue::new(wants.len(), providers.len(), self.stall);
        let small = (0..).zip(&wants).zip(&begins);
        let small = small.filter(|(_, begin)| matches!(begin, Begin::Small));
        queue.add_small(small.map(|((id, want), _)| (id, want.size)));
        for ((id, want), begin) in (0..).zip(&wants).zip(&begins) {
            match begin {
                Begin::Large { proved: true } => queue.add_missing(id, want.missing.clone()),
                Begin::Large { proved: false } => queue.add_large(id),
                Begin::Small | Begin::Here | Begin::Fail(_) => {}
            }
        }

        let shared = Shared::new(
            self.blobs.clone(),
            Arc::clone(opener),
            wants,
            queue,
            self.stall,
            self.gate.clone(),
        );
        let shared = Arc::new(shared);
        let mut workers = JoinSet::new();
        for (slot, &provider) in providers.iter().enumerate() {
            for _ in 0..WORKERS {
                workers.spawn(worker::work(Arc::clone(&shared), slot, provider));
            }
        }
        while !workers.is_empty() {
            tokio::select! {
                Some(ended) = workers.join_next() => {
                    if let Err(error) = ended {
                        // Its job would never end.
                        tracing::error!(%error, "a worker failed");
                        shared.queue().fail_all(&FetchFailure::Store(error.to_string()));
                        shared.changed.notify_waiters();
                    }
                }
                () = shared.arrived.notified() => {
                    tell(Step::Received(shared.received.load(Ordering::Relaxed)));
                    self.hand_out(&shared, &mut keeps, &mut tell).await;
                }
            }
        }
        self.hand_out(&shared, &mut keeps, &mut tell).await;

        let shared = Arc::into_inner(shared).expect("all workers have ended");
        report.received_bytes = shared.received.load(Ordering::Relaxed);
        tell(Step::Received(report.received_bytes));
        let (wants, mut queue) = shared.into_parts();
        queue.close();
        for (want, came) in wants.iter().zip(queue.take_brought()) {
            *brought.entry((want.hash, want.size)).or_default() |= came;
        }
        let (states, dropped) = queue.into_result();
        for ((want, state), keep) in wants.iter().zip(states).zip(keeps) {
            let &Wanted { hash, size, .. } = want;
            let reason = match (state, keep) {
                (State::Done, None) => continue,
                (State::Done, Some(_)) => {
                    FetchFailure::Store("it is not complete in the end".to_owned())
                }
                (State::Failed(reason), _) => reason,
                (State::Open, _) => FetchFailure::NoProvider,
            };
            report.failed.push(Failed { hash, size, reason });
        }
        let dropped = providers.into_iter().zip(dropped);
        report.dropped = dropped.filter_map(|(id, why)| Some((id, why?))).collect();
        Ok(report)
    }

    /// Looks up what is here, and holds all wants against the collector. Wants that need no
    /// provider go into the report.
    async fn plan(
        &self,
        wants: Vec<Want>,
        brought: &Brought,
        report: &mut FetchReport,
        tell: &mut (impl FnMut(Step) + Send),
    ) -> Result<Plan, StatusError> {
        let mut seen = BTreeSet::new();
        let wants = wants.into_iter().filter(|want| seen.insert((want.hash, want.size)));
        let planned = futures::stream::iter(wants).map(|want| async move {
            let keep = self.blobs.keep(want.hash).await;
            let (begin, missing) = self.begin(&want, brought).await?;
            Ok::<_, StatusError>((
                Wanted { hash: want.hash, size: want.size, missing },
                keep,
                begin,
            ))
        });
        let mut planned = planned.buffered(LOOK_UPS);
        let mut plan = Plan::default();
        let mut planned_bytes = 0;
        let room_bytes = self.blobs.room_bytes().await;
        while let Some((want, keep, begin)) = planned.try_next().await? {
            let Wanted { hash, size, .. } = want;
            match begin {
                Begin::Here => tell(Step::Here(Imported { hash, size, keep })),
                Begin::Fail(reason) => report.failed.push(Failed { hash, size, reason }),
                Begin::Small | Begin::Large { .. } => {
                    let more = missing_bytes(&want);
                    if planned_bytes + more > room_bytes {
                        let reason = FetchFailure::DiskFull;
                        report.failed.push(Failed { hash, size, reason });
                        continue;
                    }
                    planned_bytes += more;
                    plan.wants.push(want);
                    plan.keeps.push(Some(keep));
                    plan.begins.push(begin);
                }
            }
        }
        Ok(plan)
    }

    async fn begin(
        &self,
        want: &Want,
        brought: &Brought,
    ) -> Result<(Begin, ChunkRanges), StatusError> {
        let &Want { hash, size, partial } = want;
        let all = ChunkRanges::all();
        let wrong = |actual| Begin::Fail(FetchFailure::WrongSize { actual });
        if size > MAX_BYTES {
            let reason = FetchFailure::Store(format!("{size} bytes are more than a blob has"));
            return Ok((Begin::Fail(reason), all));
        }
        let error = |e| StatusError { hash, source: self.blobs.live.failed(e) };
        let status = self.blobs.store().status(to_hash(hash)).await.map_err(error)?;
        let begin = match status {
            BlobStatus::Complete { size: actual } if actual == size => Begin::Here,
            BlobStatus::Complete { size: actual } => wrong(actual),
            BlobStatus::NotFound | BlobStatus::Partial { .. } if size <= SMALL_BYTES => {
                Begin::Small
            }
            BlobStatus::NotFound => Begin::Large { proved: false },
            BlobStatus::Partial { .. } => {
                let error = |e| StatusError { hash, source: self.blobs.live.failed(e) };
                let field = self.blobs.store().observe(to_hash(hash)).await.map_err(error)?;
                match (field.validated_size(), partial) {
                    (Some(actual), _) if actual != size => wrong(actual),
                    (proved, Partial::Resume) => {
                        let missing = &ask::chunks(0..size) - &field.ranges;
                        if missing.is_empty() {
                            // It became whole just now, and not in this fetch.
                            return Ok((Begin::Here, missing));
                        }
                        return Ok((Begin::Large { proved: proved.is_some() }, missing));
                    }
                    (_, Partial::Ignore) => {
                        // Apart from what came in this fetch.
                        let brought = brought.get(&(hash, size)).cloned().unwrap_or_default();
                        let missing = &ask::chunks(0..size) - &(brought & field.ranges);
                        if !missing.is_empty() {
                            return Ok((Begin::Large { proved: false }, missing));
                        }
                        Begin::Large { proved: false }
                    }
                }
            }
        };
        Ok((begin, ask::chunks(0..size)))
    }

    /// Hands out what became complete, with the store as the last word on large ones.
    async fn hand_out(
        &self,
        shared: &Shared,
        keeps: &mut [Option<Keep>],
        tell: &mut (impl FnMut(Step) + Send),
    ) {
        let fresh = shared.queue().take_fresh();
        for id in fresh {
            let &Wanted { hash, size, .. } = &shared.wants[id];
            // A small one was stored whole by one call, which said so.
            if size > SMALL_BYTES {
                match self.blobs.complete_size(hash).await {
                    Ok(actual) if actual == size => {}
                    found => {
                        tracing::warn!(blob = %hash.short(), ?found, "not complete in the end");
                        continue;
                    }
                }
            }
            let keep = keeps[id].take().expect("a want is done once");
            tell(Step::Complete(Imported { hash, size, keep }));
        }
    }
}

/// Returns about how many bytes of a want are not here, rounded up to whole chunks.
fn missing_bytes(want: &Wanted) -> u64 {
    let ends: Vec<u64> = want.missing.boundaries().iter().map(|chunk| chunk.to_bytes()).collect();
    ends.chunks(2).map(|range| range.get(1).unwrap_or(&want.size).saturating_sub(range[0])).sum()
}

/// Returns `all` without repetitions, in their order.
fn distinct(all: Vec<DeviceId>) -> Vec<DeviceId> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|id| seen.insert(*id)).collect()
}
