//! One fetch of the engine: bring blobs of a context, prove those that were here, make all durable.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsp_protocol::id::{BlobHash, ContextId, DeviceId};
use dsp_protocol::sync::{BlobWant, Provider};
use futures::future::BoxFuture;
use rand::SeedableRng;

use super::{NodeEvent, NodeHandle};
use crate::blobs::{Blobs, FetchRequest, Fetcher, Header, Imported, Opened, Opener, Partial, Want};
use crate::net::{NetHandle, StreamKind};
use crate::store::Store;

/// How often a fetch tells how far it is.
const PROGRESS: Duration = Duration::from_millis(250);

/// What a fetch needs.
pub(super) struct Fetch {
    pub context: ContextId,
    pub wants: Vec<BlobWant>,
    pub providers: Vec<Provider>,
    pub net: NetHandle,
    pub store: Store,
    pub blobs: Blobs,
    pub node: NodeHandle,
}

/// What came of it; the blobs are kept from the collector until their records are stored.
pub(super) struct Outcome {
    pub complete: Vec<Imported>,
    pub failed: Vec<BlobHash>,
}

impl Fetch {
    pub(super) async fn run(self) -> Outcome {
        let all: Vec<BlobHash> = self.wants.iter().map(|want| want.hash).collect();
        match self.bring().await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(context = %self.context.short(), %error, "fetch failed");
                Outcome { complete: Vec::new(), failed: all }
            }
        }
    }

    async fn bring(&self) -> anyhow::Result<Outcome> {
        let opener: Arc<dyn Opener> = Arc::new(ContextOpener {
            net: self.net.clone(),
            providers: self.providers.iter().map(|p| (p.device, *p)).collect(),
        });
        let fetcher = Fetcher::new(self.blobs.clone());
        let wants = self
            .wants
            .iter()
            .map(|want| Want { hash: want.hash, size: want.size, partial: Partial::Resume })
            .collect();
        let providers = self.providers.iter().map(|p| p.device).collect();
        let total: u64 = self.wants.iter().map(|want| want.size).sum();
        let mut told = Instant::now();
        let (node, context) = (self.node.clone(), self.context);
        let progress = move |bytes| {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                node.tell(NodeEvent::Progress { context, bytes, bytes_total: total });
            }
        };
        let request = FetchRequest { wants, providers };
        let report = fetcher.fetch(Arc::clone(&opener), request, progress).await?;
        for (device, reason) in &report.dropped {
            tracing::info!(peer = %device.short(), %reason, "provider dropped");
        }
        let mut failed: Vec<BlobHash> = Vec::new();
        for want in &report.failed {
            tracing::debug!(blob = %want.hash.short(), reason = %want.reason, "blob did not come");
            failed.push(want.hash);
        }
        let mut complete = report.complete;
        for here in report.here {
            if self.counts_here(&fetcher, &*opener, &here).await {
                complete.push(here);
            } else {
                failed.push(here.hash);
            }
        }
        // Nothing is acknowledged before its bytes are on the disk.
        self.blobs.sync().await?;
        self.node.tell(NodeEvent::Fetched {
            context,
            blobs: complete.len() as u64,
            failed: failed.len() as u64,
        });
        Ok(Outcome { complete, failed })
    }

    /// Tells whether a blob that was here counts in this context: earned before, or proved now by
    /// a peer of the context.
    async fn counts_here(&self, fetcher: &Fetcher, opener: &dyn Opener, here: &Imported) -> bool {
        if self.store.earned(self.context, vec![here.hash]).await.unwrap_or(false) {
            return true;
        }
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            return false;
        }
        let mut rng = rand_chacha::ChaCha20Rng::from_seed(seed);
        for provider in &self.providers {
            match fetcher.prove(opener, provider.device, here.hash, &mut rng).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::debug!(peer = %provider.device.short(), %error, "no proof");
                }
            }
        }
        false
    }
}

/// Opens blob streams to the providers of one context.
struct ContextOpener {
    net: NetHandle,
    providers: BTreeMap<DeviceId, Provider>,
}

impl Opener for ContextOpener {
    fn open(&self, device: DeviceId) -> BoxFuture<'_, io::Result<Opened>> {
        Box::pin(async move {
            let provider = self.providers.get(&device);
            let provider =
                provider.ok_or_else(|| io::Error::other("no provider of the context"))?;
            let stream = self.net.open(device, StreamKind::Blobs).await;
            let stream = Box::new(stream.map_err(io::Error::other)?);
            let header = Header { tag: provider.tag, generation: provider.generation };
            Ok(Opened { stream, header })
        })
    }
}
