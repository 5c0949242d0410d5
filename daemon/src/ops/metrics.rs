//! Numbers for Prometheus: what there is, what goes on, and what was refused.
//!
//! They are collected when they are asked for. No label holds the name or the id of a user, a
//! context, a stack or a device: what is scraped is stored elsewhere, and read by others.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use dsp_protocol::api::Problem;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Ops;
use crate::node::Way;

/// The label of a family: its name, and one of few words.
type Label = [(&'static str, &'static str); 1];

impl Ops {
    /// Returns all metrics in the text format of OpenMetrics, which Prometheus reads.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn metrics(&self) -> Result<String, Problem> {
        let mut registry = Registry::with_prefix("dsp");
        self.held(&mut registry).await?;
        self.moved(&mut registry);
        self.refused(&mut registry);
        self.stored(&mut registry).await?;
        self.process(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).map_err(|error| super::internal(&error))?;
        Ok(text)
    }

    /// What the engine holds.
    async fn held(&self, registry: &mut Registry) -> Result<(), Problem> {
        let dropped = self.dropped().await?;
        let me = self.me;
        let held = self.node.query(move |engine| {
            let contexts = || engine.contexts().filter(|c| !dropped.contains_key(&c.id()));
            let frames: usize = contexts().map(|context| context.frames().count()).sum();
            let wanted: usize = contexts().map(|context| context.wanted_blobs().count()).sum();
            let known = engine.users().filter(|user| *user != me).count();
            [engine.connected().count(), known, contexts().count(), frames, wanted]
        });
        let scene = self.scene().await?;
        let stacks: usize = scene.contexts.values().map(|context| context.live().count()).sum();
        let [connected, known, contexts, frames, wanted] = held.await?;
        gauge(registry, "peers_connected", "Devices with a session", connected);
        gauge(registry, "peers_known", "Other users that were met", known);
        gauge(registry, "contexts", "Contexts, own and followed", contexts);
        gauge(registry, "stacks", "Stacks that are not removed", stacks);
        gauge(registry, "frames", "Frames here, once for each context", frames);
        gauge(registry, "blobs_wanted", "Blobs that are wanted and not here", wanted);
        gauge(registry, "node_queue", "Messages that wait for the node", self.node.waiting());
        gauge(registry, "store_queue", "Writes that wait for the database", self.store.waiting());
        Ok(())
    }

    /// What moves.
    fn moved(&self, registry: &mut Registry) {
        let lanes = self.blobs.lanes();
        let bytes = Family::<Label, Counter>::default();
        bytes.get_or_create(&[("direction", "in")]).inc_by(lanes.down.passed_bytes());
        bytes.get_or_create(&[("direction", "out")]).inc_by(lanes.up.passed_bytes());
        let help = "Bytes on blob streams, with hash trees";
        registry.register_with_unit("blob_stream", help, Unit::Bytes, bytes);
        let (transfers, paused) = self.node.transfers().list();
        let running = Family::<Label, Gauge>::default();
        let (inward, outward) =
            transfers.iter().fold((0, 0), |(i, o), transfer| match transfer.way {
                Way::In { .. } => (i + 1, o),
                Way::Out { .. } => (i, o + 1),
            });
        running.get_or_create(&[("direction", "in")]).set(inward);
        running.get_or_create(&[("direction", "out")]).set(outward);
        registry.register("transfers", "Transfers that run or wait", running);
        let help = "Whether all transfers are paused";
        gauge(registry, "transfers_paused", help, usize::from(paused));
    }

    /// What was refused, by reason.
    fn refused(&self, registry: &mut Registry) {
        let refused = self.node.transfers().refused();
        let requests = Family::<Label, Counter>::default();
        for (reason, count) in [
            ("not_here", refused.not_here),
            ("malformed", refused.malformed),
            ("paused", refused.paused),
            ("busy", refused.busy),
        ] {
            requests.get_or_create(&[("reason", reason)]).inc_by(count);
        }
        registry.register("blob_requests_refused", "Requests that got no blob", requests);
        let penalties = Family::<Label, Counter>::default();
        let counted = self.node.penalties();
        for (severity, count) in [("mild", &counted.mild), ("grave", &counted.grave)] {
            let count = count.load(Ordering::Relaxed);
            penalties.get_or_create(&[("severity", severity)]).inc_by(count);
        }
        registry.register("penalties", "Times that a peer broke a rule", penalties);
    }

    /// What is on the disk.
    async fn stored(&self, registry: &mut Registry) -> Result<(), Problem> {
        let database = tokio::fs::metadata(self.home.database()).await;
        let database = database.map_or(0, |file| file.len());
        let (free, trash) = (self.home.free_bytes()?, self.store.trash_sum().await?);
        let sum = self.store.earned_sum().await?;
        gauge(registry, "blobs", "Blobs here that something names", sum.blobs);
        let bytes = |registry: &mut Registry, name: &str, help: &str, bytes: u64| {
            let gauge = Gauge::<i64, AtomicI64>::default();
            gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            registry.register_with_unit(name, help, Unit::Bytes, gauge);
        };
        bytes(registry, "blobs_size", "Bytes of the blobs here that something names", sum.bytes);
        gauge(registry, "trash", "Blobs in the trash", trash.blobs);
        bytes(registry, "trash_size", "Bytes in the trash", trash.bytes);
        bytes(registry, "database_size", "Size of the database file", database);
        bytes(registry, "disk_free", "Bytes free on the disk of the home", free);
        Ok(())
    }

    /// What is known of the process.
    fn process(&self, registry: &mut Registry) {
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(self.started as f64 / 1000.0);
        let help = "When the daemon started, since 1970";
        registry.register_with_unit("start_time", help, Unit::Seconds, started);
        let memory = Gauge::<i64, AtomicI64>::default();
        memory.set(i64::try_from(resident_bytes()).unwrap_or(i64::MAX));
        let help = "Memory of the process; 0 where the system does not tell";
        registry.register_with_unit("memory", help, Unit::Bytes, memory);
        let allocated = Gauge::<i64, AtomicI64>::default();
        allocated.set(i64::try_from(allocated_bytes()).unwrap_or(i64::MAX));
        let help = "Memory that the program asked for and did not give back; 0 on Windows";
        registry.register_with_unit("memory_allocated", help, Unit::Bytes, allocated);
        let version = Family::<Label, Gauge>::default();
        version.get_or_create(&[("version", super::node::VERSION)]).set(1);
        registry.register("build_info", "The version of the daemon, in a label", version);
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: impl TryInto<i64>) {
    let gauge = Gauge::<i64, AtomicI64>::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

/// Returns the memory that the process has.
#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> u64 {
    0
}

/// Returns the memory that jemalloc has handed out, which `dspd` allocates with.
#[cfg(not(target_env = "msvc"))]
fn allocated_bytes() -> u64 {
    use tikv_jemalloc_ctl::{epoch, stats};
    // The statistics are those of the last epoch.
    let bytes = epoch::advance().and_then(|_| stats::allocated::read());
    bytes.map_or(0, |bytes| bytes as u64)
}

#[cfg(target_env = "msvc")]
fn allocated_bytes() -> u64 {
    0
}
