//! The first start: an identity, a device and a context. Each step can be taken again, so a start
//! that was cut short is finished by the next one.

use dsp_protocol::id::{Incarnation, UserId};
use dsp_protocol::identity::{IdentityLog, Standing};
use dsp_protocol::key::SecretKey;
use dsp_protocol::statement::{Access, Fact, Grant, Statement};
use dsp_protocol::sync::{Command, Record, Reply};

use super::StartError;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::home::Home;
use crate::joining::Joining;
use crate::keys::{Keys, Origin};
use crate::node::NodeHandle;
use crate::store::{Opened, Slot, Store};

/// The name of the first context.
const MAIN: &str = "main";

/// Refuses a home that was in use and has lost its database: a new one in its place would name
/// none of the blobs.
///
/// Keys without blobs are no such home: a first start that was cut short, or keys put back.
pub(super) fn database_is_here(home: &Home, origin: Origin) -> Result<(), StartError> {
    if origin == Origin::Loaded && Blobs::are_in(&home.blobs()) && !home.database().exists() {
        return Err(StartError::DatabaseMissing { path: home.database(), blobs: home.blobs() });
    }
    Ok(())
}

/// Returns what is stored, after it was completed: an incarnation where the database is new or
/// restored, the identity and the grant of this device where they are missing.
///
/// Where there may be blobs that the database does not know of, collections are held from here on.
pub(super) async fn records(
    store: &Store,
    opened: Opened,
    home: &Home,
    keys: &Keys,
    config: &Config,
) -> Result<Vec<Record>, StartError> {
    if opened == Opened::Restored || opened == Opened::Created && Blobs::are_in(&home.blobs()) {
        // Before the incarnation, with which the next start finds nothing special any more.
        store.set(Slot::COLLECTIONS_HELD, []).await?;
    }
    match opened {
        Opened::Created | Opened::Restored => {
            let mut incarnation = [0; 8];
            getrandom::fill(&mut incarnation).map_err(StartError::Random)?;
            let incarnation = Incarnation::from_bytes(incarnation);
            if opened == Opened::Restored {
                tracing::warn!("the database was restored or copied: a new incarnation begins");
            }
            store.apply(vec![Record::Incarnation(incarnation)]).await?;
        }
        Opened::Unclean => tracing::warn!("the last daemon did not stop in order"),
        Opened::Clean => {}
    }
    let records = store.restore().await?;
    if let Some(user) = own_user(&records, keys) {
        // A stop may have come between the rotation and its keys.
        keys.settle(user, stored_log(&records, user)?.root())?;
    }
    let new = identity(&records, keys, config)?;
    if new.is_empty() {
        return Ok(records);
    }
    store.apply(new).await?;
    Ok(store.restore().await?)
}

/// Goes over to the identity that another device, or a recovery, gave this machine, where there is
/// one. The keys of the identity it began with go last, and the file that says so after them.
pub(super) async fn go_over(store: &Store, home: &Home, keys: &Keys) -> Result<(), StartError> {
    let Some(joining) = Joining::read(home, keys.device().device())? else { return Ok(()) };
    let user = joining.log.user();
    store.take_over(joining.take_over()).await?;
    match joining.holds_root {
        true => keys.settle(user, joining.log.root())?,
        false => keys.lend_to(user)?,
    }
    Joining::remove(home)?;
    tracing::info!(user = %user.short(), "this machine is a device of that user now");
    Ok(())
}

/// Returns the user that the keys are of: as they say, else whose log begins with the root.
pub(super) fn own_user(records: &[Record], keys: &Keys) -> Option<UserId> {
    let has_log = |user: &UserId| {
        records.iter().any(|record| matches!(record, Record::Log { user: u, .. } if u == user))
    };
    if let Some(user) = keys.user() {
        return Some(user).filter(has_log);
    }
    let root = keys.root()?;
    records.iter().find_map(|record| match record {
        Record::Log { user, entry } => {
            let statement = Statement::decode(entry).and_then(Statement::verify).ok()?;
            match statement.fact() {
                Fact::Inception(inception) => (inception.root == root.public()).then_some(*user),
                _ => None,
            }
        }
        _ => None,
    })
}

/// Returns the records that are missing of the identity and the grant of this device.
fn identity(records: &[Record], keys: &Keys, config: &Config) -> Result<Vec<Record>, StartError> {
    let fail = |error: &dyn std::fmt::Display| StartError::Identity(error.to_string());
    let mut new = Vec::new();
    let mut log = match own_user(records, keys) {
        Some(user) => stored_log(records, user)?,
        None if keys.user().is_some() => {
            return Err(StartError::Identity(
                "the database does not hold the identity log of this device; put a backup of the \
                 database back, or pair the machine again in another home"
                    .to_owned(),
            ));
        }
        None => {
            let root = required_root(keys)?;
            let recovery = keys.recovery().ok_or_else(|| {
                StartError::Identity(
                    "the database holds no log of the root key, and the recovery key is not \
                     here to begin one; put a backup of the database back"
                        .to_owned(),
                )
            })?;
            let made = IdentityLog::create(&config.user_name, &root, &recovery.public());
            let (log, inception) = made.map_err(|error| fail(&error))?;
            new.push(Record::Log { user: log.user(), entry: inception.encode() });
            log
        }
    };
    let device = keys.device().device();
    let root = keys.root().filter(|root| root.public() == log.root());
    if let Some(root) = root
        && matches!(log.standing(device), Standing::Unknown)
        && log.fork().is_none()
    {
        let grant = Grant { device, name: config.device_name.clone(), scope: None, until: None };
        let grant = log.grant(&root, grant).map_err(|error| fail(&error))?;
        new.push(Record::Log { user: log.user(), entry: grant.encode() });
        log.add(grant).map_err(|error| fail(&error))?;
    }
    Ok(new)
}

fn required_root(keys: &Keys) -> Result<SecretKey, StartError> {
    keys.root().ok_or_else(|| StartError::Identity("the root key is not here".to_owned()))
}

fn stored_log(records: &[Record], user: UserId) -> Result<IdentityLog, StartError> {
    let fail = |error: &dyn std::fmt::Display| StartError::Identity(error.to_string());
    let mut log: Option<IdentityLog> = None;
    for record in records {
        let Record::Log { user: whose, entry } = record else { continue };
        if *whose != user {
            continue;
        }
        let entry = Statement::decode(entry).and_then(Statement::verify);
        let entry = entry.map_err(|error| fail(&error))?;
        match &mut log {
            None => log = Some(IdentityLog::begin(entry).map_err(|error| fail(&error))?),
            Some(log) => drop(log.add(entry).map_err(|error| fail(&error))?),
        }
    }
    log.ok_or_else(|| StartError::Identity("no log is stored".to_owned()))
}

/// Makes the first context where there is none, and notes that the first start came to its end.
pub(super) async fn finish(
    store: &Store,
    node: &NodeHandle,
    user: UserId,
    keys: &Keys,
) -> Result<(), StartError> {
    know_own_log(store, node, user, keys).await?;
    if store.get(Slot::USER).await?.is_some() {
        return Ok(());
    }
    let mine = node.query(move |engine| {
        let mut contexts = engine.contexts();
        contexts.find(|c| c.view().owners().first() == Some(&user)).map(|c| c.id())
    });
    let mine = mine.await.map_err(|error| StartError::FirstContext(error.into()))?;
    let context = match mine {
        Some(context) => context,
        None => {
            let name = MAIN.parse().expect("`main` is a name");
            let command =
                Command::NewContext { name, text: String::new(), access: Access::Private };
            match node.run(command).await.map_err(StartError::FirstContext)? {
                Reply::Context(context) => context,
                other => return Err(StartError::Identity(format!("unexpected reply {other:?}"))),
            }
        }
    };
    store.set(Slot::CURRENT_CONTEXT, *context.as_bytes()).await?;
    store.set(Slot::USER, *user.as_bytes()).await?;
    tracing::info!(user = %user, "a new identity was made");
    Ok(())
}

/// Notes up to where the identity log is known to be signed here, where that was never noted.
async fn know_own_log(
    store: &Store,
    node: &NodeHandle,
    user: UserId,
    keys: &Keys,
) -> Result<(), StartError> {
    if store.get(Slot::IDENTITY_TIP).await?.is_some() || keys.root().is_none() {
        return Ok(());
    }
    let tip = node.query(move |engine| engine.log(user).map(IdentityLog::tip)).await;
    if let Some(tip) = tip.map_err(|error| StartError::FirstContext(error.into()))? {
        store.set(Slot::IDENTITY_TIP, *tip.as_bytes()).await?;
    }
    Ok(())
}

/// Draws the token of this run.
pub(super) fn secret() -> Result<String, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(StartError::Random)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
