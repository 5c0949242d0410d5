//! One fetch of the engine: bring blobs of a context, prove those that were here, make them
//! durable, and hand them over in groups while others are still on their way.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dsp_protocol::id::{BlobHash, ContextId, DeviceId};
use dsp_protocol::sync::{BlobWant, Provider};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use rand::SeedableRng;
use rand::seq::SliceRandom as _;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout_at;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::quota::Quotas;
use super::transfers::Incoming;
use super::{NodeEvent, NodeHandle};
use crate::blobs::{
    Blobs, FetchReport, FetchRequest, Fetcher, Forgotten, Header, Imported, Opened, Opener,
    Partial, ReadError, SMALL_BYTES, Step, Want,
};
use crate::net::{NetHandle, StreamKind};
use crate::store::Store;

/// How often a fetch tells how far it is.
const PROGRESS: Duration = Duration::from_millis(250);
/// How long a blob that came waits for others, with which it is synced.
const GROUP_TIME: Duration = Duration::from_secs(1);
/// Most blobs that are synced together.
const GROUP: usize = 256;
/// Blobs that are proved at once.
const PROOFS: usize = 8;

/// What a fetch needs.
pub(super) struct Fetch {
    pub context: ContextId,
    pub wants: Vec<BlobWant>,
    /// Those of them that count whatever the quotas say.
    pub asked: BTreeSet<BlobHash>,
    pub quotas: Quotas,
    pub providers: Vec<Provider>,
    pub net: NetHandle,
    pub store: Store,
    pub blobs: Blobs,
    pub node: NodeHandle,
}

/// What did not come in a fetch, in the end.
type Lost = Mutex<Vec<BlobHash>>;

/// What becomes of a blob that was here before.
enum Verdict {
    Counts,
    /// Not now; nobody proved it.
    Lost,
    /// It was damaged and is gone: it is to be fetched.
    Gone,
}

impl Fetch {
    /// Runs to the end and returns the blobs that nobody gave. `hand` gets groups of blobs that
    /// are durable and count in the context. What is in neither is to be asked for again.
    pub(super) async fn run(mut self, hand: impl Fn(Vec<Imported>) + Send) -> Vec<BlobHash> {
        let wants = std::mem::take(&mut self.wants);
        let all: Vec<BlobHash> = wants.iter().map(|want| want.hash).collect();
        let over = match self.quotas.admit(self.context, wants, &self.asked).await {
            Ok(admitted) => {
                self.wants = admitted.wants;
                admitted.over
            }
            Err(error) => {
                tracing::warn!(context = %self.context.short(), %error, "fetch failed");
                return all;
            }
        };
        if !over.is_empty() {
            let (context, blobs) = (self.context.short(), over.len());
            tracing::debug!(%context, blobs, "blobs are not brought: over the quota");
            self.node.tell(NodeEvent::OverQuota { context: self.context });
        }
        let lost = Lost::default();
        let (came, arrivals) = mpsc::unbounded_channel();
        let (here, claims) = mpsc::unbounded_channel();
        let opener: Arc<dyn Opener> = Arc::new(ContextOpener {
            context: self.context,
            net: self.net.clone(),
            node: self.node.clone(),
        });
        let bytes_total = self.wants.iter().fold(0u64, |sum, want| sum.saturating_add(want.size));
        let from = self.providers.iter().map(|provider| provider.device).collect();
        let transfer = self.node.transfers().begin_in(self.context, from, bytes_total);
        let fetcher = Fetcher::new(self.blobs.clone()).with_gate(transfer.gate());
        let proved = came.clone();
        let (fetched, (), brought) = tokio::join!(
            self.bring(&fetcher, &opener, &transfer, came, here),
            self.prove(&fetcher, &*opener, claims, proved, &lost),
            self.hand_over(arrivals, hand, &lost),
        );
        let mut failed = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(report) => {
                for (device, reason) in &report.dropped {
                    tracing::info!(peer = %device.short(), %reason, "provider dropped");
                }
                for want in &report.failed {
                    let (hash, reason) = (want.hash.short(), &want.reason);
                    tracing::debug!(blob = %hash, %reason, "blob did not come");
                }
                failed.extend(report.failed.iter().map(|want| want.hash));
            }
            Err(error) => {
                tracing::warn!(context = %self.context.short(), %error, "fetch failed");
                failed.extend(self.wants.iter().map(|want| want.hash));
            }
        }
        self.quotas.ended(self.context, &self.wants, &failed).await;
        failed.extend(over);
        let failures = failed.len() as u64;
        let context = self.context;
        self.node.tell(NodeEvent::Fetched { context, blobs: brought, failed: failures });
        failed
    }

    /// Has the blobs brought, and tells how far that is.
    async fn bring(
        &self,
        fetcher: &Fetcher,
        opener: &Arc<dyn Opener>,
        transfer: &Incoming,
        came: UnboundedSender<Imported>,
        here: UnboundedSender<Imported>,
    ) -> anyhow::Result<FetchReport> {
        let mut wants = Vec::with_capacity(self.wants.len());
        for want in &self.wants {
            let partial = match want.size {
                ..=SMALL_BYTES => Partial::Ignore,
                _ => self.partial(want.hash).await?,
            };
            wants.push(Want { hash: want.hash, size: want.size, partial });
        }
        let mut providers: Vec<DeviceId> = self.providers.iter().map(|p| p.device).collect();
        // A few are asked at once: not everybody the same few.
        providers.shuffle(&mut rand::rng());
        let bytes_total: u64 = self.wants.iter().map(|want| want.size).sum();
        let mut told = Instant::now();
        let context = self.context;
        let request = FetchRequest { wants, providers };
        // Both channels are read until this ends.
        let report = fetcher.fetch(Arc::clone(opener), request, |step| match step {
            Step::Complete(imported) => drop(came.send(imported)),
            Step::Here(imported) => drop(here.send(imported)),
            Step::Received(bytes) => {
                transfer.received(bytes);
                if told.elapsed() >= PROGRESS {
                    told = Instant::now();
                    self.node.tell(NodeEvent::Progress { context, bytes, bytes_total });
                }
            }
        });
        let report = report.await?;
        if report.received_bytes > 0 {
            let bytes = report.received_bytes;
            self.node.tell(NodeEvent::Progress { context, bytes, bytes_total });
            // The parts of what did not come whole are taken up after a crash, too.
            if !report.failed.is_empty()
                && let Err(error) = self.blobs.sync([]).await
            {
                tracing::warn!(%error, "parts of blobs were not synced");
            }
        }
        Ok(report)
    }

    /// Tells whether a part of a blob may be taken up: only where it came in this context. To
    /// ask for the rest of one that came in another would tell the provider what is here.
    async fn partial(&self, hash: BlobHash) -> anyhow::Result<Partial> {
        let context = self.context;
        let earned = self.store.contexts_of_blob(hash).await?;
        let wanted = self.node.query(move |engine| {
            engine.contexts().any(|other| other.id() != context && other.wants_blob(hash))
        });
        let elsewhere = earned.iter().any(|other| *other != context) || wanted.await?;
        Ok(if elsewhere { Partial::Ignore } else { Partial::Resume })
    }

    /// Passes on those blobs that were here and count in this context.
    async fn prove(
        &self,
        fetcher: &Fetcher,
        opener: &dyn Opener,
        here: UnboundedReceiver<Imported>,
        proved: UnboundedSender<Imported>,
        lost: &Lost,
    ) {
        let proving = UnboundedReceiverStream::new(here).for_each_concurrent(PROOFS, |here| {
            let proved = &proved;
            async move {
                let hash = here.hash;
                match self.judge(fetcher, opener, here).await {
                    (Verdict::Counts, Some(here)) => drop(proved.send(here)),
                    (Verdict::Counts | Verdict::Gone, _) => {}
                    (Verdict::Lost, _) => lock(lost).push(hash),
                }
            }
        });
        proving.await;
    }

    /// Tells whether a blob that was here counts in this context: earned before, or proved now by
    /// a peer of the context. What no context earned was perhaps never synced, and is read first.
    async fn judge(
        &self,
        fetcher: &Fetcher,
        opener: &dyn Opener,
        here: Imported,
    ) -> (Verdict, Option<Imported>) {
        let hash = here.hash;
        let earned = self.store.contexts_of_blob(hash).await.unwrap_or_default();
        if earned.contains(&self.context) {
            return (Verdict::Counts, Some(here));
        }
        if earned.is_empty()
            && let Err(error) = self.blobs.verify(hash).await
        {
            tracing::warn!(blob = %hash.short(), %error, "not fit to be used");
            let damaged = matches!(error, ReadError::Corrupt { .. } | ReadError::Missing(_));
            drop(here);
            let forgotten = self.blobs.forget_corrupt(hash).await;
            let gone = matches!(forgotten, Ok(Forgotten::Removed | Forgotten::Missing));
            return (if damaged && gone { Verdict::Gone } else { Verdict::Lost }, None);
        }
        match self.is_proved(fetcher, opener, hash).await {
            true => (Verdict::Counts, Some(here)),
            false => (Verdict::Lost, None),
        }
    }

    async fn is_proved(&self, fetcher: &Fetcher, opener: &dyn Opener, hash: BlobHash) -> bool {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            return false;
        }
        let mut rng = rand_chacha::ChaCha20Rng::from_seed(seed);
        for provider in &self.providers {
            match fetcher.prove(opener, provider.device, hash, &mut rng).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::debug!(peer = %provider.device.short(), %error, "no proof");
                }
            }
        }
        false
    }

    /// Makes what came durable, a group at a time, and hands it over. Returns how much that was.
    async fn hand_over(
        &self,
        mut arrivals: UnboundedReceiver<Imported>,
        hand: impl Fn(Vec<Imported>),
        lost: &Lost,
    ) -> u64 {
        let mut handed = 0;
        while let Some(first) = arrivals.recv().await {
            let until = tokio::time::Instant::now() + GROUP_TIME;
            let mut group = vec![first];
            while group.len() < GROUP {
                match timeout_at(until, arrivals.recv()).await {
                    Ok(Some(next)) => group.push(next),
                    Ok(None) | Err(_) => break,
                }
            }
            // Nothing is acknowledged before its bytes are on the disk.
            match self.blobs.sync(group.iter().map(|imported| &imported.keep)).await {
                Ok(()) => {
                    handed += group.len() as u64;
                    hand(group);
                }
                Err(error) => {
                    tracing::error!(%error, "what came cannot be made durable");
                    lock(lost).extend(group.iter().map(|imported| imported.hash));
                }
            }
        }
        handed
    }
}

fn lock(lost: &Lost) -> std::sync::MutexGuard<'_, Vec<BlobHash>> {
    lost.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens blob streams to the providers of one context, under what its session says at the time.
pub(super) struct ContextOpener {
    pub(super) context: ContextId,
    pub(super) net: NetHandle,
    pub(super) node: NodeHandle,
}

impl Opener for ContextOpener {
    fn open(&self, device: DeviceId) -> BoxFuture<'_, io::Result<Opened>> {
        Box::pin(async move {
            let header = self.header(device).await;
            let header = header.ok_or_else(|| io::Error::other("no provider of the context"))?;
            let stream = self.net.open(device, StreamKind::Blobs).await;
            let stream = Box::new(stream.map_err(io::Error::other)?);
            Ok(Opened { stream, header })
        })
    }

    fn header(&self, device: DeviceId) -> BoxFuture<'_, Option<Header>> {
        Box::pin(async move {
            let context = self.context;
            let provider = self.node.query(move |engine| {
                engine.providers(context).into_iter().find(|provider| provider.device == device)
            });
            let Provider { tag, generation, .. } = provider.await.ok().flatten()?;
            Some(Header { tag, generation })
        })
    }
}

#[cfg(test)]
mod tests {
    use dsp_protocol::sync::{BlobKind, Command, Record};

    use super::*;
    use crate::daemon::{Daemon, Options};

    async fn start(home: &tempfile::TempDir) -> Daemon {
        Daemon::start(Options::local(home.path(), "alice")).await.unwrap()
    }

    fn fetch(daemon: &Daemon, context: ContextId) -> Fetch {
        Fetch {
            context,
            wants: Vec::new(),
            asked: BTreeSet::new(),
            quotas: Quotas::new(daemon.store().clone(), daemon.blobs().clone()),
            providers: Vec::new(),
            net: daemon.net().clone(),
            store: daemon.store().clone(),
            blobs: daemon.blobs().clone(),
            node: daemon.node().clone(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_part_is_taken_up_in_no_context_but_its_own() {
        let home = tempfile::tempdir().unwrap();
        let daemon = start(&home).await;
        let mine = daemon.node().query(|engine| engine.contexts().next().unwrap().id());
        let (mine, other) = (mine.await.unwrap(), ContextId::from_bytes([9; 32]));
        let [here, there, wanted] = [1, 2, 3].map(|n| BlobHash::from_bytes([n; 32]));
        let earned = |context, hash| Record::Earned { context, hash, size: 1 };
        let records = vec![earned(mine, here), earned(other, there)];
        daemon.store().apply(records).await.unwrap();
        let wants = vec![BlobWant { hash: wanted, size: 5 << 20, kind: BlobKind::Data }];
        daemon.node().run(Command::Fetch { context: mine, wants }).await.unwrap();
        for (hash, in_mine, in_other) in [
            (here, Partial::Resume, Partial::Ignore),
            (there, Partial::Ignore, Partial::Resume),
            (wanted, Partial::Resume, Partial::Ignore),
        ] {
            assert_eq!(fetch(&daemon, mine).partial(hash).await.unwrap(), in_mine);
            assert_eq!(fetch(&daemon, other).partial(hash).await.unwrap(), in_other);
        }
        daemon.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_came_is_handed_over_while_more_is_on_its_way() {
        let home = tempfile::tempdir().unwrap();
        let daemon = start(&home).await;
        // Stays open: more is on its way.
        let (came, arrivals) = mpsc::unbounded_channel();
        for n in 0..=GROUP as u64 {
            let bytes = n.to_le_bytes().to_vec();
            came.send(daemon.blobs().import_bytes(bytes).await.unwrap()).unwrap();
        }
        let (handed, mut groups) = mpsc::unbounded_channel();
        let (fetch, lost) = (fetch(&daemon, ContextId::from_bytes([9; 32])), Lost::default());
        let handing = fetch.hand_over(arrivals, |group| handed.send(group.len()).unwrap(), &lost);
        let two = async { [groups.recv().await, groups.recv().await] };
        let two = tokio::select! {
            _ = handing => panic!("it ended while more could come"),
            two = tokio::time::timeout(Duration::from_secs(30), two) => two.unwrap(),
        };
        assert_eq!(two, [Some(GROUP), Some(1)]);
        daemon.stop().await;
    }
}
