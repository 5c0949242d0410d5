//! The daemon put together: home, settings, keys, database, blobs, engine, network and API.
//!
//! [`Daemon::start`] brings everything up in an order in which each part finds what it needs, and
//! [`Daemon::stop`] takes it down so that nothing acknowledged is lost. Several daemons may run in
//! one process, each in a home of its own.

mod error;
mod first;
mod ports;
mod protect;
mod watch;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::ClientFile;
use dsp_protocol::id::{DeviceId, UserId};
use dsp_protocol::sync;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::protect::Index;
use self::watch::Watch;
use crate::blobs::Blobs;
use crate::config::{Config, ConfigFile, Overrides, Settings};
use crate::home::{Home, Lock, Published};
use crate::http;
use crate::http::listen::Listeners;
use crate::keys::Keys;
use crate::log::{Logging, Target};
use crate::net::{Mdns, Net, NetConfig, NetHandle, NetLimits};
use crate::node::{self, NodeHandle, Transfers};
use crate::ops::{Collections, Ops, OpsParts, SettingsParts};
use crate::store::{Opened, Slot, Store};

pub use self::error::StartError;

/// Machines that ask to become a device and wait for an answer.
const PAIRINGS: usize = 4;
/// How long requests under way may take to end when the daemon stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often is looked whether the home is still there.
const HOME_LOOK: Duration = Duration::from_secs(3);
/// How often it has to be missing in a row: some network disks lose sight of a file for a moment.
const HOME_LOOKS: u32 = 2;

/// What a daemon is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The home.
    pub home: PathBuf,
    /// Settings that hold for this run, such as `("http.port", "0")`.
    pub flags: Vec<(String, String)>,
    /// Whether `DSP_*` variables count.
    pub environment: Environment,
    /// Where log lines go; nowhere where another part of the process logs.
    pub log: Option<Target>,
}

/// Whether a daemon looks at the environment of its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// `DSP_*` variables are settings.
    Read,
    /// They are not.
    #[default]
    Ignored,
}

impl Options {
    /// Returns options for a daemon among others in one process: it listens on loopback only, on
    /// ports that the system chooses, and does not look for others on the local network.
    pub fn local(home: impl Into<PathBuf>, user_name: &str) -> Options {
        let flags = [
            ("http.port", "0"),
            ("net.listen", "/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1"),
            ("net.mdns", "false"),
            ("store.min_free_bytes", "0"),
            ("user.name", user_name),
            ("device.name", &format!("{user_name}-laptop")),
        ];
        Options {
            home: home.into(),
            flags: flags.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            environment: Environment::Ignored,
            log: None,
        }
    }
}

/// A daemon that runs.
#[derive(Debug)]
pub struct Daemon {
    ops: Arc<Ops>,
    node: NodeHandle,
    net: NetHandle,
    blobs: Blobs,
    store: Store,
    user: UserId,
    address: SocketAddr,
    client: ClientFile,
    stop: CancellationToken,
    watch: Watch,
    served: TaskTracker,
    published: Published,
    home: Home,
    lock: Arc<Lock>,
}

impl Daemon {
    /// Starts a daemon; when this returns, it answers.
    ///
    /// # Errors
    /// [`StartError`] says which part could not be started, and what to do about it.
    pub async fn start(options: Options) -> Result<Daemon, StartError> {
        let home = Home::open(&options.home)?;
        let lock = home.lock()?;
        let overrides = match options.environment {
            Environment::Read => Overrides::new(|name| std::env::var(name).ok(), options.flags)?,
            Environment::Ignored => Overrides::new(|_| None, options.flags)?,
        };
        let settings = Settings::load(&ConfigFile::read(&home.config())?, &overrides)?;
        let config = settings.config().clone();
        let log = options.log.map(|target| Logging::begin(&home, target, &config.log_level));
        let logging = log.transpose()?;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), home = %home.root().display(), "start");

        // Before the database: its presence without keys means that they were lost.
        let (keys, origin) = Keys::open(&home)?;
        first::database_is_here(&home, origin)?;
        let (store, opened) = Store::open(&home.database()).await?;
        first::go_over(&store, &home, &keys).await?;
        let records = first::records(&store, opened, &home, &keys, &config).await?;
        let user = first::own_user(&records, &keys)
            .ok_or_else(|| StartError::Identity("no log of the root key is stored".to_owned()))?;
        let index = Index::new(store.clone());
        let blobs = Blobs::open(&home.blobs(), Arc::new(index.clone())).await?;
        blobs.set_spare(config.min_free_bytes);
        blobs.set_quota(config.quota_bytes);
        let collections = collections(&store, &blobs).await?;
        if opened != Opened::Clean {
            let mut earned = HashSet::new();
            protect::for_earned(&store, |hash| {
                earned.insert(hash);
            })
            .await?;
            let doubtful = blobs.doubt(&earned).await?;
            let blobs = blobs.clone();
            tokio::spawn(async move { blobs.settle_doubts(doubtful).await });
        }

        let engine = sync::Config { user, key: keys.device().clone(), defect: None };
        let engine = tokio::task::spawn_blocking(move || sync::Node::restore(engine, records));
        let engine = engine.await;
        let engine =
            engine.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        for reason in engine.skipped() {
            tracing::error!(%reason, "stored records are damaged; peers are asked for them again");
        }
        let device = engine.device();

        let listen = ports::remembered(&store, &config.listen).await?;
        let (net, net_events) = Net::start(NetConfig {
            seed: keys.device().to_seed(),
            listen,
            mdns: if config.mdns { Mdns::On } else { Mdns::Off },
            limits: NetLimits::default(),
        })
        .await?;
        ports::remember(&store, &config.listen, &net.listening().await).await;
        let (pairing, asking) = mpsc::channel(PAIRINGS);
        let transfers = Transfers::default();
        transfers.pause_all(store.get(Slot::TRANSFERS_PAUSED).await?.is_some());
        let node = node::start(node::Parts {
            engine,
            net: net.clone(),
            net_events,
            store: store.clone(),
            blobs: blobs.clone(),
            announce: config.announce.clone(),
            pairing,
            transfers,
        });
        index.attend(node.clone());
        first::finish(&store, &node, user, &keys).await?;

        let (listeners, port_taken) = listeners(&home, &store, &settings).await?;
        let address = listeners.address();
        let raw = raw_listener(&store, settings.config()).await;
        let stop = CancellationToken::new();
        let watch = Watch::default();
        watch.begin(store.clone(), node.clone(), net.clone(), stop.clone());
        let client = ClientFile {
            address: format!("http://{address}"),
            socket: listeners.socket().then(|| home.socket().display().to_string()),
            token: first::secret()?,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        if keys.backup_needed() {
            tracing::warn!(
                "the recovery key is only on this disk; back it up with `dsp id backup`, for who \
                 loses the keys loses the name"
            );
        }
        let ops = Ops::new(OpsParts {
            home: home.clone(),
            node: node.clone(),
            net: net.clone(),
            store: store.clone(),
            blobs: blobs.clone(),
            keys,
            me: user,
            device,
            settings: SettingsParts { path: home.config(), overrides, settings, logging },
            address: client.address.clone(),
            raw_address: raw.as_ref().map(Listeners::address),
            port_taken,
            token: client.token.clone(),
            stop: stop.clone(),
            collections,
            pairing: asking,
        });
        let router = http::router(Arc::clone(&ops), address);
        let served = TaskTracker::new();
        listeners.serve(&router, &stop, &served);
        if let Some(raw) = raw {
            let router = http::raw_router(Arc::clone(&ops), address, raw.address());
            raw.serve(&router, &stop, &served);
        }
        served.close();
        let published = home.publish(&lock, &client)?;
        tracing::info!(address = client.address, user = %user.short(), "ready");
        Ok(Daemon {
            ops,
            node,
            net,
            blobs,
            store,
            user,
            address,
            client,
            stop,
            watch,
            served,
            published,
            home,
            lock: Arc::new(lock),
        })
    }

    /// Waits until somebody asks the daemon to stop, or it cannot go on.
    pub async fn asked_to_stop(&self) {
        self.stop.cancelled().await;
    }

    /// Waits until the home is not where it was any more. Do not [stop](Self::stop) the daemon then,
    /// end the process: whatever it would write might go to a home that another one made there.
    pub async fn home_gone(&self) {
        let mut missing = 0;
        while missing < HOME_LOOKS {
            tokio::time::sleep(HOME_LOOK).await;
            let lock = Arc::clone(&self.lock);
            // A disk that hangs holds up nobody else.
            let look = tokio::task::spawn_blocking(move || lock.is_in_place()).await;
            missing = if look.unwrap_or(true) { 0 } else { missing + 1 };
        }
    }

    /// Tells whether the daemon stops in order to start anew, with another identity in its home.
    pub fn begins_anew(&self) -> bool {
        self.ops.begins_anew()
    }

    /// Returns the part that ended without being asked to, and with which the daemon stops.
    pub fn failed(&self) -> Option<&'static str> {
        self.watch.failed()
    }

    /// Stops the daemon: requests under way end, sessions are closed, and what is written is
    /// durable. The home is free for another daemon when this returns.
    pub async fn stop(self) {
        // First, so that nobody comes any more.
        drop(self.published);
        self.stop.cancel();
        if tokio::time::timeout(GOODBYE, self.served.wait()).await.is_err() {
            tracing::warn!("requests were under way and did not end");
        }
        #[cfg(unix)]
        if let Err(error) = std::fs::remove_file(self.home.socket()) {
            tracing::debug!(%error, "no socket was left to remove");
        }
        tracing::debug!("the API has ended");
        self.node.shutdown().await;
        tracing::debug!("the node has ended");
        self.net.shutdown().await;
        tracing::debug!("the network has ended");
        self.blobs.shutdown().await;
        tracing::debug!("the blobs have ended");
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the database was not marked as closed");
        }
        tracing::info!("stopped");
        drop(self.lock);
    }

    /// Returns what is said once after a start that made keys not yet backed up.
    pub fn first_words(&self) -> Option<String> {
        self.ops.backup_needed().then(|| {
            format!(
                "everything is in {}\nthe recovery key is only on this disk: `dsp id backup` \
                 shows it in words; who loses the keys loses the name",
                self.home.root().display()
            )
        })
    }

    /// Returns what the user can do first, with an address that logs her in once.
    pub async fn first_steps(&self) -> Vec<String> {
        let login = self.ops.login_code().ok().map(|code| code.url);
        let user = self.ops.dstack_user().await;
        let named = self.home.needs_a_name().then(|| self.home.root().to_string_lossy());
        let (address, named) = (&self.client.address, named.as_deref());
        dsp_protocol::api::first_steps(login.as_deref(), address, &user, named)
    }

    /// Returns what its API does.
    pub fn ops(&self) -> &Arc<Ops> {
        &self.ops
    }

    /// Returns the engine's handle.
    pub fn node(&self) -> &NodeHandle {
        &self.node
    }

    /// Returns the network's handle.
    pub fn net(&self) -> &NetHandle {
        &self.net
    }

    /// Returns its blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Returns its database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns its home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns whose it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Returns its device.
    pub fn device(&self) -> DeviceId {
        self.net.device()
    }

    /// Returns where the API answers on loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what `run/client.json` tells.
    pub fn client(&self) -> &ClientFile {
        &self.client
    }
}

/// Tells whether blobs are collected by themselves; where they are not, what is here stays.
async fn collections(store: &Store, blobs: &Blobs) -> Result<Collections, StartError> {
    if store.get(Slot::COLLECTIONS_HELD).await?.is_none() {
        return Ok(Collections::Running);
    }
    blobs.spare_all_here().await?;
    tracing::warn!(
        "the database was put back, copied or made anew, and there may be bytes here that it does \
         not know of: none are freed before `dsp gc`"
    );
    Ok(Collections::Held)
}

/// Binds where the API answers, and remembers the port; returns the one of this home too, where
/// another program has it.
async fn listeners(
    home: &Home,
    store: &Store,
    settings: &Settings,
) -> Result<(Listeners, Option<u16>), StartError> {
    let config = settings.config();
    let ports = ports::http(store, settings).await?;
    let bound = Listeners::bind(config.http_listen, &ports.in_order()).await;
    let mut listeners =
        bound.map_err(|source| StartError::Http { address: config.http(), source })?;
    let port = listeners.address().port();
    let taken = ports.taken(port);
    if let Some(taken) = taken {
        tracing::warn!(wanted = taken, port, "the port is taken, using another");
    }
    ports.remember(store, port).await;
    #[cfg(unix)]
    if let Err(error) = listeners.bind_socket(&home.socket()) {
        tracing::warn!(%error, socket = %home.socket().display(), "no socket, TCP only");
    }
    #[cfg(not(unix))]
    let _ = home;
    Ok((listeners, taken))
}

/// Binds where bytes that others made are shown, at the port of last time if it is free; none where
/// one port is to do, and where no browser can be told to trust another: a policy of a page names
/// no address of IPv6.
async fn raw_listener(store: &Store, config: &Config) -> Option<Listeners> {
    if config.single_port || config.http_listen.is_ipv6() {
        return None;
    }
    match Listeners::bind(config.http_listen, &ports::raw(store).await).await {
        Ok(listeners) => {
            ports::remember_raw(store, listeners.address().port()).await;
            Some(listeners)
        }
        Err(error) => {
            tracing::warn!(%error, "no second port; what others made is shown at the first");
            None
        }
    }
}

#[cfg(test)]
mod tests;
