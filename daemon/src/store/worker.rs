//! The thread that writes, and what it shares with readers.
//!
//! Writes go through a bounded queue to one thread, each in a transaction of its own that is
//! durable when it is answered. Reads run beside on read transactions and see what was committed
//! when they began.
//!
//! redb refuses everything after the first read or write that failed. The thread then closes the
//! database and opens it anew, before it answers: a full disk costs the write that met it, and
//! reading goes on.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::backing::Backing;
use super::error::{Fault, OpenError};
use super::schema::{self, Migration, Opened};

/// Most writes that wait; further callers wait to get in.
const QUEUE: usize = 64;

/// What the thread is asked to do.
pub(super) enum Command {
    /// Run a transaction.
    Write(Box<dyn Job>),
    /// Say that the thread runs, and is through with what was asked for before.
    Answer(oneshot::Sender<()>),
    /// Make the database usable again after a read failed.
    Revive(oneshot::Sender<()>),
    /// Mark the database clean and close it.
    Close(oneshot::Sender<Result<(), Fault>>),
}

/// A transaction and the caller that waits for it.
pub(super) trait Job: Send {
    /// Does the work; may be called again after a failure.
    fn run(&mut self, tx: &WriteTransaction) -> Result<(), Fault>;

    /// Answers the caller.
    fn answer(self: Box<Self>, result: Result<(), Fault>);
}

/// A transaction as a closure.
pub(super) struct Write<F, T> {
    pub(super) work: F,
    pub(super) value: Option<T>,
    pub(super) reply: oneshot::Sender<Result<T, Fault>>,
}

impl<F, T> Job for Write<F, T>
where
    F: FnMut(&WriteTransaction) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, tx: &WriteTransaction) -> Result<(), Fault> {
        self.value = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), Fault>) {
        let value = self.value;
        let result = result.map(|()| value.expect("the work that succeeded left a value"));
        // A caller that is gone does not want to know.
        let _ = self.reply.send(result);
    }
}

#[derive(Debug)]
enum State {
    Open(Database),
    /// It failed and could not be opened anew yet.
    Broken,
    Closed,
}

/// The database, as the thread and readers share it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) backing: Box<dyn Backing>,
    // Written only to replace the database; readers and the thread hold it for reading.
    state: RwLock<State>,
    /// Whether the disk has no room for any write.
    #[cfg(test)]
    pub(super) full: std::sync::atomic::AtomicBool,
}

impl Shared {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        // A panic of a reader leaves the state whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Runs a read transaction; blocks for as long as the disk takes.
    pub(super) fn read<T>(
        &self,
        work: &dyn Fn(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match &*self.state() {
            State::Open(database) => work(&database.begin_read()?),
            State::Broken => Err(Fault::Database(redb::Error::DatabaseClosed)),
            State::Closed => Err(Fault::Closed),
        }
    }

    fn write(&self, job: &mut dyn Job) -> Result<(), Fault> {
        #[cfg(test)]
        if self.full.load(std::sync::atomic::Ordering::Acquire) {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(Fault::Database(full.into()));
        }
        match self.try_write(job) {
            // An earlier failure, of a reader perhaps: the database is another one now.
            Err(fault) if fault.is_echo() => self.try_write(job),
            other => other,
        }
    }

    fn try_write(&self, job: &mut dyn Job) -> Result<(), Fault> {
        self.revive()?;
        let result = match &*self.state() {
            State::Open(database) => transact(database, |tx| job.run(tx)),
            State::Broken | State::Closed => Err(Fault::Closed),
        };
        if let Err(fault) = &result
            && fault.latches()
        {
            tracing::warn!(?fault, "database failed, opening it anew");
            self.replace(State::Broken);
            if let Err(fault) = self.revive() {
                tracing::error!(?fault, "database not opened anew");
            }
        }
        result
    }

    /// Opens the database anew if it is broken.
    fn revive(&self) -> Result<(), Fault> {
        if matches!(*self.state(), State::Broken) {
            self.backing.write_again()?;
            self.replace(State::Open(self.backing.open()?));
        }
        Ok(())
    }

    /// Opens the database anew after a read failed.
    fn revive_after_read(&self) {
        if matches!(*self.state(), State::Closed) {
            return;
        }
        self.replace(State::Broken);
        if let Err(fault) = self.revive() {
            tracing::error!(?fault, "database not opened anew");
        }
    }

    fn close(&self) -> Result<(), Fault> {
        let result = match &*self.state() {
            State::Open(database) => transact(database, schema::mark_clean),
            State::Broken | State::Closed => Ok(()),
        };
        self.replace(State::Closed);
        result
    }
}

fn transact(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let tx = schema::begin_write(database)?;
    work(&tx)?;
    Ok(tx.commit()?)
}

/// Opens a database on a thread of its own.
pub(super) async fn start<B: Backing>(
    prepare: impl FnOnce() -> Result<B, OpenError> + Send + 'static,
    migrations: &'static [Migration],
) -> Result<(Arc<Shared>, mpsc::Sender<Command>, Opened), OpenError> {
    let (ready, opened) = oneshot::channel();
    let (sender, commands) = mpsc::channel(QUEUE);
    let body = move || {
        let open = || -> Result<_, OpenError> {
            let backing = prepare()?;
            backing.bring_up(migrations)?;
            let database = backing.open().map_err(|f| f.into_open(backing.path().to_owned()))?;
            let opened = schema::take(&database, &backing, migrations)?;
            let state = RwLock::new(State::Open(database));
            let shared = Shared {
                backing: Box::new(backing),
                state,
                #[cfg(test)]
                full: Default::default(),
            };
            Ok((Arc::new(shared), opened))
        };
        match open() {
            Ok((shared, opened)) => {
                if ready.send(Ok((Arc::clone(&shared), opened))).is_ok() {
                    run(&shared, commands);
                }
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    let thread = std::thread::Builder::new().name("store".to_owned());
    thread.spawn(body).expect("the system gives a thread at start-up");
    let (shared, opened) = opened.await.expect("the thread answers before it ends")?;
    Ok((shared, sender, opened))
}

fn run(shared: &Shared, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.blocking_recv() {
        match command {
            Command::Write(mut job) => {
                let result = shared.write(&mut *job);
                job.answer(result);
            }
            Command::Answer(reply) => {
                let _ = reply.send(());
            }
            Command::Revive(done) => {
                shared.revive_after_read();
                let _ = done.send(());
            }
            Command::Close(done) => {
                // What waits in the queue is answered with an error: nothing was acknowledged.
                commands.close();
                let _ = done.send(shared.close());
                return;
            }
        }
    }
}
