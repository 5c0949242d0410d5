//! The bytes of blobs: taken in, kept, read, served and fetched, each one checked against its
//! BLAKE3 hash.
//!
//! [`Blobs`] is the one handle on the store under `$DSP_HOME/blobs`, an iroh-blobs `FsStore`.
//! Its files and what survives a crash are described in `docs/storage.md`. Three things
//! the store leaves open are settled here:
//!
//! - *Durability.* An import returns before the store has committed. Nothing may be
//!   acknowledged to anybody before [`Blobs::sync`] returned.
//! - *Life and death.* What lives is decided by our own index through [`Protect`]; until a blob
//!   is named there, a [`Keep`] holds it.
//! - *Who may read.* A peer gets a blob only where [`Authorise`] says it was earned, see
//!   [`Blobs::serve`].
//!
//! [`Fetcher`] brings blobs here from several providers at once.
//!
//! The module knows hashes and sizes. Contexts, frames and people are left to its callers.

mod again;
mod damage;
mod doubt;
mod error;
mod fetch;
mod gc;
mod import;
mod keep;
mod lane;
mod leftovers;
mod live;
mod read;
mod room;
mod serve;
mod source;
mod spared;
mod stream;
mod sync;
#[cfg(test)]
mod tests;
mod wire;
mod withhold;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dsp_protocol::id::BlobHash;
use iroh_blobs::Hash;
use iroh_blobs::api::blobs::BlobStatus;
use iroh_blobs::store::fs::FsStore;

pub use self::damage::{Forgotten, Unfit};
pub use self::error::{
    ForgetError, GcError, ImportError, OpenError, ReadError, StatusError, SyncError,
};
pub use self::fetch::{
    BoxedStream, Dropped, Duplex, Failed, FetchFailure, FetchReport, FetchRequest, Fetcher, Gate,
    Opened, Opener, Partial, ProveError, SMALL_BYTES, Step, Want,
};
pub use self::gc::{GcReport, Protect, ProtectError, Sparing};
pub use self::import::Imported;
pub use self::keep::Keep;
pub use self::lane::Lane;
pub use self::room::RoomError;
pub use self::serve::{Authorise, ServeError, Served};
pub use self::source::FileId;
pub use self::wire::{Header, Refusal, WireError};
pub use self::withhold::Withheld;

use self::again::Names;
use self::doubt::Doubts;
use self::gc::Protector;
use self::keep::Keeper;
use self::leftovers::Imports;
use self::live::Live;
use self::room::Room;
use self::spared::Spared;
use self::sync::Syncing;
use self::withhold::Withholding;

/// A chunk group of the store's hash trees in bytes: the unit of checking.
pub(crate) const GROUP_BYTES: u64 = 16 * 1024;

/// The store's database in its directory.
const DATABASE: &str = "blobs.db";

/// The blobs of this daemon: a cheap handle that all tasks share.
#[derive(Clone, Debug)]
pub struct Blobs {
    live: Arc<Live>,
    keeper: Arc<Keeper>,
    doubts: Arc<Doubts>,
    spared: Arc<Spared>,
    dir: Arc<Path>,
    room: Arc<Room>,
    withholding: Arc<Withholding>,
    lanes: Arc<Lanes>,
    syncing: Arc<Syncing>,
    imports: Arc<Imports>,
    names: Arc<Names>,
}

/// How fast bytes go to peers, and come from them.
#[derive(Debug, Default)]
pub struct Lanes {
    /// To peers.
    pub up: Lane,
    /// From peers.
    pub down: Lane,
}

/// How much of a blob is here, as the store's books say; see [`Blobs::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    Missing,
    /// Some of it.
    Partial {
        /// Bytes that are here.
        have: u64,
        /// Size of the whole, once its last bytes came and so proved it.
        size: Option<u64>,
    },
    /// All of it.
    Complete {
        /// Size in bytes.
        size: u64,
    },
}

impl Blobs {
    /// Tells whether a store was made in `dir` before.
    pub fn are_in(dir: &Path) -> bool {
        dir.join(DATABASE).exists()
    }

    /// Opens the store in `dir`, and makes it where there is none. `protect` decides what every
    /// later [`gc`](Self::gc) keeps.
    ///
    /// # Errors
    /// The directory cannot be used, or another process has the store open.
    pub async fn open(dir: &Path, protect: Arc<dyn Protect>) -> Result<Blobs, OpenError> {
        let directory = |source| OpenError::Directory { path: dir.to_owned(), source };
        tokio::fs::create_dir_all(dir).await.map_err(directory)?;
        let dir = tokio::fs::canonicalize(dir).await.map_err(directory)?;
        let dir: Arc<Path> = dir.into();
        let of = Arc::clone(&dir);
        let syncing = tokio::task::spawn_blocking(move || Syncing::open(&of)).await;
        let syncing = syncing.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        let syncing = Arc::new(syncing.map_err(directory)?);
        let doubts = Arc::<Doubts>::default();
        doubts.add(syncing.unwritten().iter().copied());
        let live = Live::open(Arc::clone(&dir), Protector(protect)).await?;
        Ok(Blobs {
            live: Arc::new(live),
            keeper: Arc::default(),
            doubts,
            spared: Arc::default(),
            imports: Arc::new(Imports::new(Arc::clone(&dir))),
            names: Arc::default(),
            dir,
            room: Arc::default(),
            withholding: Arc::default(),
            lanes: Arc::default(),
            syncing,
        })
    }

    /// Returns the lanes on which bytes go to peers and come from them.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Writes what is pending and closes the store; afterwards every call fails. Await it before
    /// the last handle goes, else the store cannot be opened again at once and rebuilds its view
    /// of partial blobs at the next start.
    pub async fn shutdown(&self) {
        self.live.close().await;
        self.syncing.close(&self.dir).await;
    }

    /// Makes everything imported or fetched before the call survive a power loss: the files by
    /// one sync of their file system, then the database that names them.
    ///
    /// Nothing may be acknowledged before this returned. `keeps` hold what is to be: a store that
    /// was opened anew since then may not have it, whoever only looked may have seen what the one
    /// before never committed, and a sync that failed meanwhile, for whomever, may have lost it.
    ///
    /// # Errors
    /// The disk refused or is full, now or since `keeps` were made; what was imported may not be
    /// acknowledged.
    pub async fn sync<'a>(
        &self,
        keeps: impl IntoIterator<Item = &'a Keep>,
    ) -> Result<(), SyncError> {
        let files = |source| SyncError::Files { path: self.dir.to_path_buf(), source };
        self.room_to_commit().map_err(files)?;
        // In a task: what it learns counts, also when the caller does not wait for it.
        let synced = tokio::spawn(sync::files_in_turn(self.clone()));
        let refused = synced.await.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(files)?;
        let open = self.live.now();
        open.store.sync_db().await.map_err(|e| SyncError::Database(self.live.failed(e)))?;
        let life = self.life_of(&open);
        for keep in keeps {
            if keep.life() != life {
                return Err(SyncError::OpenedAnew);
            }
            if refused.contains(&keep.hash()) {
                return Err(SyncError::Unwritten(keep.hash()));
            }
        }
        Ok(())
    }

    /// Counts how often what was not synced may have been lost: the store was opened anew, or a
    /// sync of its files failed.
    fn life_of(&self, open: &live::Open) -> u64 {
        open.life + self.syncing.failures()
    }

    /// Tells how much of a blob is here. Exact sizes of a partial blob may cost one reading of
    /// it after a crash, and so may a complete one that is [in doubt](Self::doubt).
    ///
    /// # Errors
    /// The store is closed or its database failed.
    pub async fn status(&self, hash: BlobHash) -> Result<Status, StatusError> {
        match self.booked(hash).await? {
            Status::Complete { .. } if !self.is_certain(hash).await? => Ok(Status::Missing),
            status => Ok(status),
        }
    }

    /// Tells what the books say of a blob.
    async fn booked(&self, hash: BlobHash) -> Result<Status, StatusError> {
        let failed = |e| StatusError { hash, source: self.live.failed(e) };
        match self.store().status(to_hash(hash)).await.map_err(failed)? {
            BlobStatus::NotFound => Ok(Status::Missing),
            BlobStatus::Complete { size } => Ok(Status::Complete { size }),
            BlobStatus::Partial { .. } => {
                let field = self.store().observe(to_hash(hash)).await;
                let failed = |e| StatusError { hash, source: self.live.failed(e) };
                let field = field.map_err(failed)?;
                Ok(Status::Partial { have: field.total_bytes(), size: field.validated_size() })
            }
        }
    }

    /// Tells whether a blob stands in the books as whole and its file has its size. Whether its
    /// bytes are right is told by [`verify`](Self::verify).
    ///
    /// # Errors
    /// The store is closed or its database failed.
    pub async fn stands(&self, hash: BlobHash) -> Result<bool, StatusError> {
        let Status::Complete { size } = self.booked(hash).await? else { return Ok(false) };
        if size <= GROUP_BYTES {
            return Ok(true);
        }
        Ok(tokio::fs::metadata(self.data_path(hash)).await.is_ok_and(|file| file.len() == size))
    }

    /// Holds a blob, whole, in part or not here yet, against the collector. Waits for the end
    /// of a running collection; a [`status`](Self::status) asked after it stays true.
    pub async fn keep(&self, hash: BlobHash) -> Keep {
        let life = self.life_of(&self.live.now());
        self.syncing.about(hash);
        self.keeper.keep(hash, life).await
    }

    /// Returns the store that is open now.
    fn store(&self) -> FsStore {
        self.live.now().store.clone()
    }

    /// Returns the path of the file that holds the bytes of an owned blob above the size that
    /// the database holds inline.
    fn data_path(&self, hash: BlobHash) -> PathBuf {
        self.dir.join("data").join(format!("{hash}.data"))
    }
}

fn to_hash(hash: BlobHash) -> Hash {
    Hash::from_bytes(*hash.as_bytes())
}

fn from_hash(hash: Hash) -> BlobHash {
    BlobHash::from_bytes(*hash.as_bytes())
}
