//! What each call of the local API does, over the engine, the database and the blobs.
//!
//! A file per resource; a call returns what [`dsp_protocol::api`] calls its answer, or the
//! [`Problem`](dsp_protocol::api::Problem) that the caller sees. Nothing here knows HTTP.

mod along;
mod archive;
mod audience;
mod blobs;
mod boards;
mod collect;
mod comments;
mod content;
mod contexts;
mod devices;
mod diff;
mod doctor;
pub mod dstack;
pub mod events;
mod evict;
mod fetch;
mod follows;
mod forgetting;
mod fork;
mod frames;
mod garbage;
mod history;
mod identity;
mod letting_go;
mod login;
mod media;
mod members;
mod metrics;
mod names;
mod node;
mod notifications;
pub(crate) mod objects;
mod offers;
mod paging;
mod pairing;
mod peers;
mod pins;
mod problem;
mod push;

mod quotas;
mod raw;
mod reach;
mod recovery;
mod report;
mod resolve;
mod scene;
mod search;
mod sessions;
mod settings;
mod stacks;
#[cfg(feature = "tables")]
mod tables;
mod taking_back;
mod tickets;
mod time;
mod tokens;
mod transfers;
mod trash;
mod trees;
mod trust;
mod types;
mod undo;
mod verify;
mod whole;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dsp_protocol::id::{DeviceId, UserId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::blobs::Uploads;
use self::events::Feed;
use self::login::Logins;
use self::pairing::Pairing;
#[cfg(feature = "tables")]
use self::search::Columns;
use self::search::SearchCache;
use self::settings::LiveSettings;
use self::trees::TreeCache;
use crate::blobs::Blobs;
use crate::home::Home;
use crate::keys::Keys;
use crate::net::{NetHandle, NetStream};
use crate::node::NodeHandle;
use crate::store::Store;

pub use self::blobs::Opened;
pub use self::boards::BoardFilter;
pub use self::collect::Collections;
#[cfg(test)]
pub(crate) use self::collect::run as collect_after;
pub use self::comments::CommentFilter;
pub use self::diff::Bytes;
pub use self::follows::Leaving;
pub use self::login::{Client, SESSION_SECONDS};
pub(crate) use self::media::UNKNOWN as UNKNOWN_MEDIA;
pub use self::members::Kept;
pub use self::paging::Paging;
pub(crate) use self::problem::{bad_request, internal};
pub use self::raw::{RawBytes, RawPlace};
pub use self::report::Reporter;
pub use self::search::SearchFilter;
pub use self::settings::SettingsParts;
pub use self::stacks::StackFilter;
#[cfg(feature = "tables")]
pub use self::tables::{MadeTable, RowsFilter, TableBytes, TableForm};
pub use self::tickets::CameIn;
pub use crate::store::Scope;

/// What the operations work on.
pub struct OpsParts {
    /// The home.
    pub home: Home,
    /// The engine.
    pub node: NodeHandle,
    /// The network.
    pub net: NetHandle,
    /// The database.
    pub store: Store,
    /// The blobs.
    pub blobs: Blobs,
    /// The keys.
    pub keys: Keys,
    /// Who I am.
    pub me: UserId,
    /// This device.
    pub device: DeviceId,
    /// The settings in force.
    pub settings: SettingsParts,
    /// Where the API answers, `http://127.0.0.1:7700`.
    pub address: String,
    /// Where bytes that others made are shown; none where that is the same.
    pub raw_address: Option<SocketAddr>,
    /// The port of this home, where another program has it.
    pub port_taken: Option<u16>,
    /// The token of `run/client.json`.
    pub token: String,
    /// Cancelled when the daemon is to stop.
    pub stop: CancellationToken,
    /// Whether blobs are collected by themselves.
    pub collections: Collections,
    /// Streams of machines that ask to become a device.
    pub pairing: mpsc::Receiver<(DeviceId, NetStream)>,
}

/// The operations of the local API.
#[derive(Debug)]
pub struct Ops {
    home: Home,
    node: NodeHandle,
    net: NetHandle,
    store: Store,
    blobs: Blobs,
    keys: Keys,
    me: UserId,
    device: DeviceId,
    settings: LiveSettings,
    address: String,
    raw_address: Option<SocketAddr>,
    port_taken: Option<u16>,
    logins: Logins,
    stop: CancellationToken,
    feed: Feed,
    trees: Arc<TreeCache>,
    searched: SearchCache,
    #[cfg(feature = "tables")]
    columns: Columns,
    #[cfg(feature = "tables")]
    tables: tables::Tables,
    uploads: Uploads,
    raw: raw::Addresses,
    dstack: dstack::Pending,
    uses: evict::Uses,
    collections_held: AtomicBool,
    pairing: Pairing,
    /// Held while the identity log is read and an entry added, so that none forks it.
    identity_changes: tokio::sync::Mutex<()>,
    /// When all that a device offered was last here, in milliseconds since 1970.
    synced: std::sync::Mutex<BTreeMap<DeviceId, i64>>,
    editors: boards::EditorsKnown,
    /// Whether the daemon stops in order to start anew.
    begins_anew: AtomicBool,
    /// Held while it is decided what may go, and while pins change, so that each sees the other.
    keeping: Arc<tokio::sync::Mutex<()>>,
    /// Held while the heads of a stack are read and replaced, so that pushes see each other.
    pushing: Arc<tokio::sync::Mutex<()>>,
    /// Held while something is undone, so that nothing is undone twice.
    undoing: tokio::sync::Mutex<()>,
    /// Held while a context in the trash ends or comes back, so that it is one of the two.
    returning: tokio::sync::Mutex<()>,
    /// Held while the trash makes room, so that each who needs some looks at what is left.
    freeing: tokio::sync::Mutex<()>,
    started: i64,
}

impl Ops {
    /// Puts the operations together and begins to listen to the node.
    pub fn new(parts: OpsParts) -> Arc<Ops> {
        let feed = Feed::new();
        let ops = Arc::new(Ops {
            #[cfg(feature = "tables")]
            tables: tables::Tables::new(&parts.home),
            #[cfg(feature = "tables")]
            columns: Columns::new(&parts.home),
            home: parts.home,
            node: parts.node,
            net: parts.net,
            store: parts.store,
            blobs: parts.blobs,
            keys: parts.keys,
            me: parts.me,
            device: parts.device,
            settings: LiveSettings::new(parts.settings),
            address: parts.address,
            raw_address: parts.raw_address,
            port_taken: parts.port_taken,
            logins: Logins::new(&parts.token),
            stop: parts.stop,
            feed,
            trees: Arc::default(),
            searched: SearchCache::default(),
            uploads: Uploads::default(),
            raw: raw::Addresses::default(),
            dstack: dstack::Pending::default(),
            uses: evict::Uses::default(),
            collections_held: AtomicBool::new(parts.collections == Collections::Held),
            pairing: Pairing::default(),
            identity_changes: tokio::sync::Mutex::default(),
            synced: std::sync::Mutex::default(),
            editors: boards::EditorsKnown::default(),
            begins_anew: AtomicBool::new(false),
            keeping: Arc::default(),
            pushing: Arc::default(),
            undoing: tokio::sync::Mutex::default(),
            returning: tokio::sync::Mutex::default(),
            freeing: tokio::sync::Mutex::default(),
            started: time::now(),
        });
        ops.limit_transfers();
        tokio::spawn(events::run(Arc::clone(&ops)));
        tokio::spawn(notifications::run(Arc::clone(&ops)));
        tokio::spawn(pins::run(Arc::clone(&ops)));
        tokio::spawn(evict::run(Arc::clone(&ops)));
        tokio::spawn(collect::run(Arc::clone(&ops), collect::FIRST));
        tokio::spawn(pairing::run(Arc::clone(&ops), parts.pairing));
        ops
    }

    /// Returns the events of the daemon.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Returns what is cancelled when the daemon is to stop.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Stops the daemon, for it to start anew with what is in its home by then.
    pub(crate) fn begin_anew(&self) {
        tracing::info!("stopping to start anew");
        self.begins_anew.store(true, Ordering::Release);
        self.stop.cancel();
    }

    /// Tells whether the daemon is to be started again once it has stopped.
    pub fn begins_anew(&self) -> bool {
        self.begins_anew.load(Ordering::Acquire)
    }

    /// Returns where the API answers.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns this device.
    pub fn device(&self) -> DeviceId {
        self.device
    }
}
