//! Having peers prove that they hold blobs, before anything here is let go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::id::{BlobHash, ContextId, DeviceId};
use futures::{StreamExt as _, stream};
use rand::SeedableRng as _;

use super::fetch::ContextOpener;
use super::{NodeHandle, NodeStopped};
use crate::blobs::{Blobs, Fetcher, Opener, ProveError};
use crate::net::NetHandle;

/// Blobs that are asked for at once.
const AT_ONCE: usize = 8;

/// After so many requests that broke off or stalled a device is asked no more: it would hold up
/// whoever waits. One that sends wrong bytes is asked no more at once.
const FAULTS: u32 = 3;

/// How often each device failed to answer.
#[derive(Debug, Default)]
struct Faults(Mutex<BTreeMap<DeviceId, u32>>);

impl Faults {
    fn of(&self, device: DeviceId) -> u32 {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(&device).copied().unwrap_or_default()
    }

    fn add(&self, device: DeviceId, more: u32) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *faults.entry(device).or_default() += more;
    }
}

/// Who proved to hold which blobs, just now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Confirmed {
    /// The devices for each blob that anybody holds.
    pub(crate) holders: BTreeMap<BlobHash, BTreeSet<DeviceId>>,
    /// How many devices were asked.
    pub(crate) asked: usize,
}

/// Asks every connected peer of a context to prove that it holds blobs that are here: random
/// ranges of each, small ones whole, every byte checked against the hash. The first proof of a blob
/// is enough. What a peer says without bytes counts for nothing.
///
/// The caller holds the blobs [withheld](Blobs::withhold), so that nobody can prove with bytes that
/// come from here.
///
/// # Errors
/// The daemon stops.
pub(crate) async fn confirm(
    node: &NodeHandle,
    net: &NetHandle,
    blobs: &Blobs,
    context: ContextId,
    hashes: Vec<BlobHash>,
    mut tell: impl FnMut(usize),
) -> Result<Confirmed, NodeStopped> {
    let providers = node.query(move |engine| engine.providers(context)).await?;
    let devices: BTreeSet<DeviceId> = providers.into_iter().map(|p| p.device).collect();
    let opener: Arc<dyn Opener> =
        Arc::new(ContextOpener { context, net: net.clone(), node: node.clone() });
    let fetcher = Fetcher::new(blobs.clone());
    let mut confirmed = Confirmed { asked: devices.len(), ..Confirmed::default() };
    let faults = Faults::default();
    let asks = stream::iter(hashes.into_iter().map(|hash| {
        let (devices, opener, fetcher, faults) = (&devices, &opener, &fetcher, &faults);
        async move { (hash, first_proof(fetcher, &**opener, devices, faults, hash).await) }
    }));
    let mut asks = std::pin::pin!(asks.buffer_unordered(AT_ONCE));
    let mut done = 0;
    while let Some((hash, holder)) = asks.next().await {
        done += 1;
        tell(done);
        if let Some(device) = holder {
            confirmed.holders.entry(hash).or_default().insert(device);
        }
    }
    Ok(confirmed)
}

async fn first_proof(
    fetcher: &Fetcher,
    opener: &dyn Opener,
    devices: &BTreeSet<DeviceId>,
    faults: &Faults,
    hash: BlobHash,
) -> Option<DeviceId> {
    let mut seed = [0; 32];
    // Without chance there is no proof: a peer could know what is asked for.
    getrandom::fill(&mut seed).ok()?;
    let mut rng = rand_chacha::ChaCha20Rng::from_seed(seed);
    for device in devices.iter().filter(|device| faults.of(**device) < FAULTS) {
        match fetcher.prove(opener, *device, hash, &mut rng).await {
            Ok(()) => return Some(*device),
            Err(error) => {
                tracing::debug!(peer = %device.short(), %error, "does not prove to hold a blob");
                match error {
                    ProveError::Lied(_) => faults.add(*device, FAULTS),
                    ProveError::Broken { .. } => faults.add(*device, 1),
                    // That it lacks one says nothing of others.
                    ProveError::NotHere(_) | ProveError::Read(_) => {}
                }
            }
        }
    }
    None
}
