//! The schema of the database: its number, the migrations that lead to it, and what is found out
//! when a database is opened.

use redb::{Database, ReadableDatabase as _, ReadableTable as _, WriteTransaction};

use super::backing::Backing;
use super::error::{Fault, OpenError};
use super::{keeping, tables};

/// `meta`: the number of migrations applied (u32, big-endian).
const SCHEMA: &str = "schema";
/// `meta`: the version of dsp that applied the last migration, as text.
const VERSION: &str = "version";
/// `meta`: the incarnation (8 bytes); absent until one is drawn.
pub(super) const INCARNATION: &str = "incarnation";
/// `meta`: where the database lay when its incarnation was drawn (CBOR).
pub(super) const PLACE: &str = "place";
/// `meta`: how often the database was opened since it was brought to a newer schema (1 byte); absent
/// once the copy of the older one went.
const UPGRADED: &str = "upgraded";
/// How often it has to be opened before that.
const OPENED: u8 = 2;
/// `meta`: present (and empty) when the last daemon stopped in order.
pub(super) const CLEAN: &str = "clean";

/// A step from one schema to the next, within one transaction.
pub(super) type Migration = fn(&WriteTransaction) -> Result<(), Fault>;

/// The migrations; a database of schema n has gone through the first n. None is ever changed.
pub(super) const MIGRATIONS: &[Migration] = &[
    make_tables,
    make_forks,
    make_lost,
    know_archives,
    make_forgotten,
    make_keeping,
    make_people,
    make_journal,
    make_notifications,
];

/// Schema 1: makes every table, so that reading never meets one that is missing.
fn make_tables(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::META)?;
    tx.open_table(tables::SLOT)?;
    tx.open_table(tables::LOG)?;
    tx.open_table(tables::CONTEXT)?;
    tx.open_table(tables::ENVELOPE)?;
    tx.open_table(tables::REDEMPTION)?;
    tx.open_table(tables::FRAME)?;
    tx.open_table(tables::CONTEXT_FRAME)?;
    tx.open_table(tables::FRAME_CONTEXT)?;
    tx.open_table(tables::CONTEXT_BLOB)?;
    tx.open_table(tables::BLOB_CONTEXT)?;
    tx.open_table(tables::WANT)?;
    tx.open_table(tables::ADDRESS)?;
    tx.open_table(tables::PEER)?;
    tx.open_table(tables::PETNAME)?;
    tx.open_table(tables::TOKEN)?;
    Ok(())
}

/// Schema 2: makes the table of forks.
fn make_forks(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::FORK)?;
    Ok(())
}

/// Schema 3: makes the table of lost blobs.
fn make_lost(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::LOST)?;
    Ok(())
}

/// Schema 4: contexts may stand as come by an archive, a word that older programs do not know.
fn know_archives(_: &WriteTransaction) -> Result<(), Fault> {
    Ok(())
}

/// Schema 5: makes the table of forgotten contexts.
fn make_forgotten(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::FORGOTTEN)?;
    Ok(())
}

/// Schema 6: makes the tables of pins, quotas and what was let go, and counts what is here.
fn make_keeping(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::DROPPED)?;
    tx.open_table(tables::QUOTA)?;
    tx.open_table(tables::PIN)?;
    tx.open_table(tables::PIN_BLOB)?;
    tx.open_table(tables::HOLDER)?;
    keeping::count_all(tx).map(drop)
}

/// Schema 7: makes the tables of blocked users and of offers.
fn make_people(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::BLOCKED)?;
    tx.open_table(tables::OFFER)?;
    Ok(())
}

/// Schema 8: makes the journal and the trash.
fn make_journal(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::JOURNAL)?;
    tx.open_table(tables::TRASH)?;
    tx.open_table(tables::TRASHED_CONTEXT)?;
    Ok(())
}

/// Schema 9: makes the tables of notifications.
fn make_notifications(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::NOTIFICATION)?;
    tx.open_table(tables::MUTED)?;
    tx.open_table(tables::LOG_SEEN)?;
    Ok(())
}

/// How a database was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is new and has no incarnation: draw one.
    Created,
    /// It was restored from a backup, or copied, and its incarnation is void: draw a new one.
    /// What was written last may be missing.
    Restored,
    /// The last daemon stopped in order.
    Clean,
    /// The last daemon was killed, or the machine stopped: all that was acknowledged is here;
    /// what other stores wrote since is to be verified.
    Unclean,
}

/// Applies the migrations that a database has not gone through, each in one transaction.
pub(super) fn migrate(database: &Database, migrations: &[Migration]) -> Result<(), Fault> {
    let done = found(database)?.map_or(0, |(schema, _)| schema as usize);
    for (at, migration) in migrations.iter().enumerate().skip(done) {
        let tx = begin_write(database)?;
        migration(&tx)?;
        {
            let mut meta = tx.open_table(tables::META)?;
            meta.insert(SCHEMA, &(at as u32 + 1).to_be_bytes()[..])?;
            meta.insert(VERSION, env!("CARGO_PKG_VERSION").as_bytes())?;
        }
        tx.commit()?;
    }
    Ok(())
}

/// Returns the schema of a database and the version that brought it there; nothing of an empty
/// one.
pub(super) fn found(database: &Database) -> Result<Option<(u32, String)>, Fault> {
    let tx = database.begin_read()?;
    let meta = match tx.open_table(tables::META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) if tx.list_tables()?.next().is_none() => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let schema = meta.get(SCHEMA)?.map(|value| value.value().try_into());
    let schema = match schema {
        Some(Ok(bytes)) => u32::from_be_bytes(bytes),
        _ => return Err(Fault::damaged("meta", SCHEMA, "it is not a number of four bytes")),
    };
    let version = meta.get(VERSION)?.map(|v| String::from_utf8_lossy(v.value()).into_owned());
    Ok(Some((schema, version.unwrap_or_default())))
}

/// Returns where a database lay when its incarnation was drawn.
pub(super) fn place(database: &Database) -> Result<Option<Vec<u8>>, Fault> {
    let meta = database.begin_read()?.open_table(tables::META)?;
    Ok(meta.get(PLACE)?.map(|value| value.value().to_vec()))
}

/// Notes that a database was brought to a newer schema, and where it will lie.
pub(super) fn mark_upgraded(database: &Database, place: Option<&[u8]>) -> Result<(), Fault> {
    let tx = begin_write(database)?;
    {
        let mut meta = tx.open_table(tables::META)?;
        meta.insert(UPGRADED, &[0][..])?;
        if let Some(place) = place {
            meta.insert(PLACE, place)?;
        }
    }
    Ok(tx.commit()?)
}

/// Refuses a database of a newer schema, brings an older one up, and finds out how it was left.
///
/// The clean mark is taken away, for good from here on: whatever happens next is unclean until
/// the store is closed in order.
pub(super) fn take(
    database: &Database,
    backing: &dyn Backing,
    migrations: &[Migration],
) -> Result<Opened, OpenError> {
    let path = || backing.path().to_owned();
    let fault = |fault: Fault| fault.into_open(path());
    let known = migrations.len() as u32;
    match found(database).map_err(fault)? {
        Some((found, version)) if found > known => {
            return Err(OpenError::NewerSchema { path: path(), found, known, version });
        }
        _ => migrate(database, migrations).map_err(fault)?,
    }
    let place = backing.place()?;
    let (opened, proven) = read_marks(database, &place).map_err(fault)?;
    if proven {
        backing.forget_kept();
    }
    Ok(opened)
}

/// Tells how a database was left, and whether no older copy of it is needed any more.
fn read_marks(database: &Database, place: &[u8]) -> Result<(Opened, bool), Fault> {
    let tx = begin_write(database)?;
    let (opened, proven) = {
        let mut meta = tx.open_table(tables::META)?;
        let times = meta.get(UPGRADED)?.and_then(|value| value.value().first().copied());
        let clean = meta.remove(CLEAN)?.is_some();
        // A start after a crash proves nothing: the new program may be what crashes.
        let count = |times: u8| if times == 0 || clean { times.saturating_add(1) } else { times };
        let times = times.map(count);
        match times {
            Some(times) if times < OPENED => drop(meta.insert(UPGRADED, &[times][..])?),
            Some(_) => drop(meta.remove(UPGRADED)?),
            None => {}
        }
        let was = meta.get(PLACE)?.map(|value| value.value() == place);
        let opened = match was {
            None => Opened::Created,
            Some(false) => {
                // Void; the place stays as it is, so that a crash before the new incarnation is
                // written does not make this one good again.
                meta.remove(INCARNATION)?;
                Opened::Restored
            }
            Some(true) if clean => Opened::Clean,
            Some(true) => Opened::Unclean,
        };
        (opened, times.is_none_or(|times| times >= OPENED))
    };
    tx.commit()?;
    Ok((opened, proven))
}

/// Marks that the daemon stops in order.
pub(super) fn mark_clean(tx: &WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::META)?.insert(CLEAN, &[][..])?;
    Ok(())
}

/// Begins a transaction that is durable once committed, and after which a crash costs no repair.
///
/// The second is a matter of start-up: without it redb reads the whole file after a crash.
pub(super) fn begin_write(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut tx = database.begin_write()?;
    tx.set_quick_repair(true);
    Ok(tx)
}
