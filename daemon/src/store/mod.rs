//! The database `meta.redb`: everything durable but the bytes of blobs.
//!
//! [`Store`] is a cheap handle; behind it one thread writes (see `worker`). What was answered
//! with success survives `kill -9` and power loss. The tables are described to the byte in
//! `tables` and in `docs/storage.md`; nothing outside this module knows redb.

mod backing;
mod content;
mod context;
mod error;
mod journal;
mod keeping;
mod notifications;
mod offers;
mod peers;
mod records;
mod schema;
mod slots;
mod tables;
mod take_over;
mod tokens;
mod trash;
mod upgrade;
mod worker;

use std::path::Path;
use std::sync::Arc;

use redb::{ReadTransaction, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use self::backing::{Backing, FileBacking};
use self::error::Fault;
use self::schema::Migration;
use self::worker::{Command, Shared, Write};

pub use self::error::{OpenError, ReadError, WriteError};
pub use self::journal::{DEED_BLOBS, DEEDS, Deed, JournalEntry};
pub use self::keeping::{PINS, Pin, PinKey, PinKind, Used};
pub use self::notifications::{NOTIFICATIONS, Notification, NotificationKind};
pub use self::peers::{ADDRESSES_PER_DEVICE, NameTaken, Peer};
pub use self::schema::Opened;
pub use self::slots::Slot;
pub use self::take_over::TakeOver;
pub use self::tokens::{Added, Scope, Token, TokenHash, TokenKind};
pub use self::trash::TrashSum;

/// The database; clones share it.
///
/// Every call is cancel safe in that a write is done whole or not at all; whether it was done is
/// not known to a caller that stopped waiting.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Store {
    /// Opens the database file, making it where there is none, and brings it to the schema of
    /// this version.
    ///
    /// After [`Opened::Created`] and [`Opened::Restored`] the caller draws an incarnation and
    /// stores it; until then every opening gives the same answer.
    ///
    /// # Errors
    /// [`OpenError`]; a file of a newer schema is left as it is.
    pub async fn open(path: &Path) -> Result<(Store, Opened), OpenError> {
        let path = path.to_owned();
        Store::start(move || FileBacking::prepare(&path), schema::MIGRATIONS).await
    }

    async fn start<B: Backing>(
        prepare: impl FnOnce() -> Result<B, OpenError> + Send + 'static,
        migrations: &'static [Migration],
    ) -> Result<(Store, Opened), OpenError> {
        let (shared, commands, opened) = worker::start(prepare, migrations).await?;
        Ok((Store { shared, commands }, opened))
    }

    /// Waits until the thread has answered, after all that was asked of it before.
    ///
    /// # Errors
    /// [`WriteError::Closed`], when it has ended.
    pub async fn answer(&self) -> Result<(), WriteError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(Command::Answer(reply)).await;
        sent.map_err(|_| WriteError::Closed)?;
        answer.await.map_err(|_| WriteError::Closed)
    }

    /// Returns how many writes wait for the thread.
    pub fn waiting(&self) -> usize {
        self.commands.max_capacity() - self.commands.capacity()
    }

    /// Lets every write from now on fail as on a full disk.
    #[cfg(test)]
    pub(crate) fn fill_disk(&self) {
        self.shared.full.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Waits until the thread has ended, in order or not.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Writes what was asked for before, marks the database clean and closes it; later calls on
    /// any clone fail with `Closed`.
    ///
    /// # Errors
    /// The mark could not be written; the database is closed all the same.
    pub async fn close(self) -> Result<(), WriteError> {
        let (reply, done) = oneshot::channel();
        let sent = self.commands.send(Command::Close(reply)).await;
        sent.map_err(|_| WriteError::Closed)?;
        let result = done.await.map_err(|_| WriteError::Closed)?;
        result.map_err(|fault| fault.into_write(self.shared.backing.path().to_owned()))
    }

    /// Runs a transaction on the thread of the store.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, WriteError> {
        let (reply, done) = oneshot::channel();
        let job = Box::new(Write { work, value: None, reply });
        let sent = self.commands.send(Command::Write(job)).await;
        sent.map_err(|_| WriteError::Closed)?;
        let result = done.await.map_err(|_| WriteError::Closed)?;
        result.map_err(|fault| fault.into_write(self.shared.backing.path().to_owned()))
    }

    /// Runs a read transaction beside the thread of the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&ReadTransaction) -> Result<T, Fault> + Send + Sync + 'static,
    ) -> Result<T, ReadError> {
        let work = Arc::new(work);
        let attempt = || {
            let (shared, work) = (Arc::clone(&self.shared), Arc::clone(&work));
            async move {
                let read = tokio::task::spawn_blocking(move || shared.read(&*work)).await;
                read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            }
        };
        let result = match attempt().await {
            Err(fault) if fault.latches() => {
                tracing::warn!(?fault, "read failed, trying again");
                let (reply, done) = oneshot::channel();
                // A thread that has ended answers neither; the second try then tells why.
                let _ = self.commands.send(Command::Revive(reply)).await;
                let _ = done.await;
                attempt().await
            }
            other => other,
        };
        result.map_err(|fault| fault.into_read(self.shared.backing.path().to_owned()))
    }
}

#[cfg(test)]
mod tests;
