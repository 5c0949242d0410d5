//! Other users under their local names, and where their devices were reached.

use dsp_protocol::api::{SetTrust, Trust};
use dsp_protocol::cbor::{self, Fields, Map, Value};
use dsp_protocol::id::{DeviceId, UserId};
use dsp_protocol::limits::NAME_BYTES;
use dsp_protocol::name::{Petname, fold_key};
use redb::{ReadableTable, Table, WriteTransaction};

use super::error::{Fault, ReadError, WriteError};
use super::{Store, tables};

/// Most addresses remembered of a device; the one that worked longest ago gives way.
pub const ADDRESSES_PER_DEVICE: usize = 8;
/// Longest address that is remembered, in bytes.
const ADDRESS_BYTES: usize = 256;
/// The time of an address that a device only claims.
const CLAIMED: i64 = 0;

/// Another user, as this node knows her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Her name here; no two users have names that differ only in case.
    pub name: Petname,
    /// Whether her id was compared.
    pub verified: bool,
    /// What of hers may be used here.
    pub trust: Trust,
}

/// A petname belongs to another user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name `{name}` is that of user {user}")]
pub struct NameTaken {
    /// The name.
    pub name: Petname,
    /// Whose it is.
    pub user: UserId,
}

impl Store {
    /// Returns the petname of a user, and gives one to a user met for the first time: what she
    /// calls herself, with a number behind it where that is taken (`alice-2`) or what I call myself.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn meet(
        &self,
        user: UserId,
        calls_herself: &str,
        own: Option<&Petname>,
    ) -> Result<Petname, WriteError> {
        let own = own.map(|own| fold_key(own.as_str()));
        let fallback = || format!("user-{}", user.short()).parse().expect("a petname");
        let wanted: Petname = calls_herself.parse().unwrap_or_else(|_| fallback());
        self.write(move |tx| {
            let known = peer(&tx.open_table(tables::PEER)?, user)?;
            if let Some(known) = known {
                return Ok(known.name);
            }
            let name = first_free(&tx.open_table(tables::PETNAME)?, &wanted, own.as_deref())?;
            let (verified, trust) = (false, Trust::default());
            put(tx, user, &Peer { name: name.clone(), verified, trust })?;
            Ok(name)
        })
        .await
    }

    /// Gives a user another petname.
    ///
    /// # Errors
    /// [`WriteError`]; within, [`NameTaken`] where it is that of another user.
    pub async fn rename_peer(
        &self,
        user: UserId,
        name: Petname,
    ) -> Result<Result<(), NameTaken>, WriteError> {
        self.write(move |tx| {
            let folded = fold_key(name.as_str());
            let holder = holder(&tx.open_table(tables::PETNAME)?, &folded)?;
            if let Some(other) = holder.filter(|holder| *holder != user) {
                return Ok(Err(NameTaken { name: name.clone(), user: other }));
            }
            let known = peer(&tx.open_table(tables::PEER)?, user)?;
            if let Some(known) = &known {
                tx.open_table(tables::PETNAME)?.remove(&*fold_key(known.name.as_str()))?;
            }
            let (verified, trust) =
                known.map_or((false, Trust::default()), |known| (known.verified, known.trust));
            put(tx, user, &Peer { name: name.clone(), verified, trust })?;
            Ok(Ok(()))
        })
        .await
    }

    /// Changes whether the id of a user was compared, and what of hers may be used here. Of a user
    /// never met nothing is noted; tells whether she was.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set_trust(&self, user: UserId, set: SetTrust) -> Result<bool, WriteError> {
        self.write(move |tx| {
            let Some(known) = peer(&tx.open_table(tables::PEER)?, user)? else { return Ok(false) };
            let Trust { results, code } = known.trust;
            let trust =
                Trust { results: set.results.unwrap_or(results), code: set.code.unwrap_or(code) };
            let verified = set.verified.unwrap_or(known.verified);
            put(tx, user, &Peer { verified, trust, ..known })?;
            Ok(true)
        })
        .await
    }

    /// Returns a user who was met.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn peer(&self, user: UserId) -> Result<Option<Peer>, ReadError> {
        self.read(move |tx| peer(&tx.open_table(tables::PEER)?, user)).await
    }

    /// Returns every user who was met, in order of ids.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn peers(&self) -> Result<Vec<(UserId, Peer)>, ReadError> {
        self.read(|tx| {
            let mut peers = Vec::new();
            for item in tx.open_table(tables::PEER)?.iter()? {
                let (key, value) = item?;
                let user = UserId::from_bytes(*key.value());
                peers.push((user, decode(user, value.value())?));
            }
            Ok(peers)
        })
        .await
    }

    /// Returns where a device was reached, as multiaddr text, the latest success first, and then
    /// where it says that it can be.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn addresses(&self, device: DeviceId) -> Result<Vec<String>, ReadError> {
        self.read(move |tx| {
            let found = addresses(&tx.open_table(tables::ADDRESS)?, device)?;
            Ok(found.into_iter().map(|(address, _)| address).collect())
        })
        .await
    }

    /// Returns where a device was reached last, and when, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn last_reached(&self, device: DeviceId) -> Result<Option<(String, i64)>, ReadError> {
        self.read(move |tx| {
            let found = addresses(&tx.open_table(tables::ADDRESS)?, device)?;
            Ok(found.into_iter().find(|(_, at)| *at != CLAIMED))
        })
        .await
    }

    /// Remembers that a device was reached at an address just now. An address longer than 256
    /// bytes is not remembered.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn note_address(&self, device: DeviceId, address: String) -> Result<(), WriteError> {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        self.note_address_at(device, address, i64::try_from(now).unwrap_or(i64::MAX)).await
    }

    /// Remembers where a device says that it can be reached, after every place where it was
    /// reached in fact. Addresses longer than 256 bytes are not remembered.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn note_claimed(
        &self,
        device: DeviceId,
        claimed: Vec<String>,
    ) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut table = tx.open_table(tables::ADDRESS)?;
            for (address, at) in addresses(&table, device)? {
                if at == CLAIMED && !claimed.contains(&address) {
                    table.remove(&*address_key(device, &address))?;
                }
            }
            for address in claimed.iter().filter(|address| address.len() <= ADDRESS_BYTES) {
                let key = address_key(device, address);
                if table.get(&*key)?.is_none() {
                    table.insert(&*key, CLAIMED)?;
                }
            }
            trim(&mut table, device)
        })
        .await
    }

    pub(super) async fn note_address_at(
        &self,
        device: DeviceId,
        address: String,
        now: i64,
    ) -> Result<(), WriteError> {
        if address.len() > ADDRESS_BYTES {
            return Ok(());
        }
        self.write(move |tx| {
            let mut table = tx.open_table(tables::ADDRESS)?;
            table.insert(&*address_key(device, &address), now)?;
            trim(&mut table, device)
        })
        .await
    }
}

fn peer(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    user: UserId,
) -> Result<Option<Peer>, Fault> {
    table.get(user.as_bytes())?.map(|value| decode(user, value.value())).transpose()
}

fn holder(
    table: &impl ReadableTable<&'static str, &'static [u8; 32]>,
    folded: &str,
) -> Result<Option<UserId>, Fault> {
    Ok(table.get(folded)?.map(|value| UserId::from_bytes(*value.value())))
}

fn put(tx: &WriteTransaction, user: UserId, peer: &Peer) -> Result<(), Fault> {
    let mut map = Map::new().with("name", peer.name.as_str()).with("verified", peer.verified);
    map.insert_some("results", peer.trust.results.then_some(true));
    map.insert_some("code", peer.trust.code.then_some(true));
    let bytes = cbor::encode(&Value::Map(map));
    tx.open_table(tables::PEER)?.insert(user.as_bytes(), bytes.as_slice())?;
    tx.open_table(tables::PETNAME)?.insert(&*fold_key(peer.name.as_str()), user.as_bytes())?;
    Ok(())
}

fn decode(user: UserId, bytes: &[u8]) -> Result<Peer, Fault> {
    let damaged = |reason: String| Fault::damaged("peer", user.as_bytes(), reason);
    let map = cbor::decode_map(bytes, 1024).map_err(|error| damaged(error.to_string()))?;
    let mut fields = Fields::new(map);
    let name = fields.required("name", |value| {
        value.into_text(NAME_BYTES)?.parse().map_err(|error| format!("{error}"))
    });
    let verified = fields.required("verified", Value::into_bool);
    let mut may = |what| {
        let read = fields.optional(what, Value::into_bool).map_err(|e| damaged(e.to_string()));
        read.map(|may| may.unwrap_or(false))
    };
    let trust = Trust { results: may("results")?, code: may("code")? };
    Ok(Peer {
        trust,
        name: name.map_err(|error| damaged(error.to_string()))?,
        verified: verified.map_err(|error| damaged(error.to_string()))?,
    })
}

/// Returns `wanted`, or it with the smallest number that makes it nobody's.
fn first_free(
    names: &impl ReadableTable<&'static str, &'static [u8; 32]>,
    wanted: &Petname,
    own: Option<&str>,
) -> Result<Petname, Fault> {
    let mut name = wanted.clone();
    let mut number = 2u64;
    loop {
        let folded = fold_key(name.as_str());
        if own != Some(folded.as_str()) && holder(names, &folded)?.is_none() {
            return Ok(name);
        }
        name = numbered(wanted.as_str(), number);
        number += 1;
    }
}

/// Returns a name with a number behind it, cut so that both fit.
fn numbered(name: &str, number: u64) -> Petname {
    let suffix = format!("-{number}");
    let most = NAME_BYTES - suffix.len();
    let end = (0..=most.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    let cut = name[..end.expect("0 is a boundary")].trim_end();
    format!("{cut}{suffix}").parse().expect("a petname stays one with a number behind it")
}

/// Keeps the latest addresses of a device, and as many that it only claims.
fn trim(table: &mut Table<'_, &'static [u8], i64>, device: DeviceId) -> Result<(), Fault> {
    let known = addresses(table, device)?;
    let (claimed, reached): (Vec<_>, Vec<_>) = known.into_iter().partition(|a| a.1 == CLAIMED);
    for list in [reached, claimed] {
        for (address, _) in list.iter().skip(ADDRESSES_PER_DEVICE) {
            table.remove(&*address_key(device, address))?;
        }
    }
    Ok(())
}

fn address_key(device: DeviceId, address: &str) -> Vec<u8> {
    [device.as_bytes(), address.as_bytes()].concat()
}

fn addresses(
    table: &impl ReadableTable<&'static [u8], i64>,
    device: DeviceId,
) -> Result<Vec<(String, i64)>, Fault> {
    let mut found = Vec::new();
    for item in table.range::<&[u8]>(device.as_bytes().as_slice()..)? {
        let (key, time) = item?;
        let Some(address) = key.value().strip_prefix(device.as_bytes().as_slice()) else { break };
        let address = String::from_utf8(address.to_vec());
        let address = address.map_err(|error| Fault::damaged("address", key.value(), error))?;
        found.push((address, time.value()));
    }
    found.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    Ok(found)
}
