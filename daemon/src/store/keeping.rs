//! What is kept and what was let go: pins, quotas, bytes in use, and who was seen to hold what.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::id::{BlobHash, ContextId, DeviceId, FrameId, StackId, UserId};
use redb::{ReadableTable as _, WriteTransaction};

use super::error::{Fault, ReadError, WriteError};
use super::tables::{pair, part, under};
use super::{Store, tables, trash};

/// Most devices that are remembered as holders of a blob.
const HOLDERS: usize = 8;
/// Most pins.
pub const PINS: usize = 10_000;
/// Under this key stand the bytes of all contexts together.
const ALL: [u8; 32] = [0; 32];

/// What a pin is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PinKey {
    /// The context.
    pub context: ContextId,
    /// Whose stack.
    pub user: UserId,
    /// The stack.
    pub stack: StackId,
    /// The frame, where one frame is pinned and not the stack.
    pub frame: Option<FrameId>,
}

/// How much of its stack a pin keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinKind {
    /// One frame.
    Frame,
    /// The current heads, as they move.
    Heads,
    /// Every frame, those to come too.
    All,
}

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What it is on.
    pub key: PinKey,
    /// How much it keeps.
    pub kind: PinKind,
    /// When it was set, in milliseconds since 1970.
    pub since: i64,
    /// The frame, or the last heads that the stack had: an author who removes it takes nothing.
    pub frames: Vec<FrameId>,
}

/// Bytes of blobs that are here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Of one context.
    pub context: u64,
    /// Of all, each blob once.
    pub all: u64,
}

impl Store {
    /// Returns every pin.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn pins(&self) -> Result<Vec<Pin>, ReadError> {
        self.read(|tx| {
            let pins = tx.open_table(tables::PIN)?;
            let mut all = Vec::new();
            for item in pins.iter()? {
                let (key, value) = item?;
                let pin = decode_pin(key.value(), value.value());
                all.push(
                    pin.ok_or_else(|| Fault::damaged("pin", key.value(), "it does not decode"))?,
                );
            }
            Ok(all)
        })
        .await
    }

    /// Sets a pin; one on the same is replaced. Tells whether there was room for it.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set_pin(&self, pin: Pin) -> Result<bool, WriteError> {
        self.write(move |tx| {
            let mut pins = tx.open_table(tables::PIN)?;
            let key = pin_key(&pin.key);
            if pins.get(&key)?.is_none() && redb::ReadableTableMetadata::len(&pins)? >= PINS as u64
            {
                return Ok(false);
            }
            pins.insert(&key, encode_pin(&pin).as_slice())?;
            Ok(true)
        })
        .await
    }

    /// Takes pins away.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove_pins(&self, keys: Vec<PinKey>) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut pins = tx.open_table(tables::PIN)?;
            for key in &keys {
                pins.remove(&pin_key(key))?;
            }
            Ok(())
        })
        .await
    }

    /// Sets which blobs the pins of a context keep, in place of those before.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set_pinned(
        &self,
        context: ContextId,
        blobs: BTreeSet<BlobHash>,
    ) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut pinned = tx.open_table(tables::PIN_BLOB)?;
            let keys = under::<64>(context.as_bytes());
            let keys = keys.start()..=keys.end();
            pinned.retain_in::<&[u8; 64], _>(keys, |key, ()| {
                blobs.contains(&BlobHash::from_bytes(part(key, 1)))
            })?;
            for blob in &blobs {
                pinned.insert(&pair(context.as_bytes(), blob.as_bytes()), ())?;
            }
            Ok(())
        })
        .await
    }

    /// Returns the blobs that pins keep: in one context, or anywhere.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn pinned(&self, of: Option<ContextId>) -> Result<BTreeSet<BlobHash>, ReadError> {
        self.read(move |tx| {
            let pinned = tx.open_table(tables::PIN_BLOB)?;
            let prefix = of.as_ref().map_or(&[][..], |context| context.as_bytes());
            let keys = under::<64>(prefix);
            let items = pinned.range::<&[u8; 64]>(keys.start()..=keys.end())?;
            items.map(|item| Ok(BlobHash::from_bytes(part(item?.0.value(), 1)))).collect()
        })
        .await
    }

    /// Returns up to `limit` blobs that are earned in a context, with their sizes, beginning
    /// behind `after`; fewer than `limit` are the last.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn earned_in(
        &self,
        context: ContextId,
        after: Option<BlobHash>,
        limit: usize,
    ) -> Result<Vec<(BlobHash, u64)>, ReadError> {
        self.read(move |tx| {
            let earned = tx.open_table(tables::CONTEXT_BLOB)?;
            let last = pair(context.as_bytes(), &[0xff; 32]);
            let first = after.map_or([0; 32], |after| *after.as_bytes());
            let first = pair(context.as_bytes(), &first);
            let items = earned.range::<&[u8; 64]>(&first..=&last)?;
            let mut found = Vec::new();
            for item in items {
                let (key, size) = item?;
                let hash = BlobHash::from_bytes(part(key.value(), 1));
                if Some(hash) != after {
                    found.push((hash, size.value()));
                }
                if found.len() == limit {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    /// Returns those of some blobs that the user let go in a context, with their sizes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn let_go_among(
        &self,
        context: ContextId,
        blobs: Vec<BlobHash>,
    ) -> Result<BTreeMap<BlobHash, u64>, ReadError> {
        self.read(move |tx| {
            let dropped = tx.open_table(tables::DROPPED)?;
            let mut found = BTreeMap::new();
            for blob in &blobs {
                if let Some(size) = dropped.get(&pair(context.as_bytes(), blob.as_bytes()))? {
                    found.insert(*blob, size.value());
                }
            }
            Ok(found)
        })
        .await
    }

    /// Returns how many bytes are in use.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn used(&self, context: Option<ContextId>) -> Result<Used, ReadError> {
        self.read(move |tx| {
            let used = tx.open_table(tables::USED)?;
            let of = |key: &[u8; 32]| Ok::<_, Fault>(used.get(key)?.map_or(0, |v| v.value()));
            let context = context.map_or(Ok(0), |context| of(context.as_bytes()))?;
            Ok(Used { context, all: of(&ALL)? })
        })
        .await
    }

    /// Returns the quotas of contexts in bytes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn quotas(&self) -> Result<BTreeMap<ContextId, u64>, ReadError> {
        self.read(|tx| {
            let quotas = tx.open_table(tables::QUOTA)?;
            let items = quotas.iter()?;
            items
                .map(|item| {
                    let (key, value) = item?;
                    Ok((ContextId::from_bytes(*key.value()), value.value()))
                })
                .collect()
        })
        .await
    }

    /// Sets the quota of a context, or takes it away.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set_quota(
        &self,
        context: ContextId,
        quota: Option<u64>,
    ) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut quotas = tx.open_table(tables::QUOTA)?;
            match quota {
                Some(bytes) => quotas.insert(context.as_bytes(), bytes)?,
                None => quotas.remove(context.as_bytes())?,
            };
            Ok(())
        })
        .await
    }

    /// Remembers that devices proved at a time that they hold blobs. Of each blob the latest eight
    /// are kept.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn note_holders(
        &self,
        holders: Vec<(BlobHash, DeviceId)>,
        time: i64,
    ) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut table = tx.open_table(tables::HOLDER)?;
            for (blob, device) in &holders {
                table.insert(&pair(blob.as_bytes(), device.as_bytes()), time)?;
                let keys = under::<64>(blob.as_bytes());
                let items = table.range::<&[u8; 64]>(keys.start()..=keys.end())?;
                let all: Result<Vec<_>, Fault> = items
                    .map(|item| {
                        let (key, time) = item?;
                        Ok((time.value(), *key.value()))
                    })
                    .collect();
                let mut all = all?;
                all.sort_unstable();
                let over = all.len().saturating_sub(HOLDERS);
                for (_, key) in &all[..over] {
                    table.remove(key)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Returns which devices last proved that they hold blobs, and when.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn holders(
        &self,
        blobs: Vec<BlobHash>,
    ) -> Result<BTreeMap<BlobHash, Vec<(DeviceId, i64)>>, ReadError> {
        self.read(move |tx| {
            let table = tx.open_table(tables::HOLDER)?;
            let mut found = BTreeMap::new();
            for blob in &blobs {
                let keys = under::<64>(blob.as_bytes());
                let items = table.range::<&[u8; 64]>(keys.start()..=keys.end())?;
                let held: Result<Vec<_>, Fault> = items
                    .map(|item| {
                        let (key, time) = item?;
                        Ok((DeviceId::from_bytes(part(key.value(), 1)), time.value()))
                    })
                    .collect();
                found.insert(*blob, held?);
            }
            Ok(found)
        })
        .await
    }
}

/// Records that a blob is here and earned, and counts its bytes.
pub(super) fn earn(
    tx: &WriteTransaction,
    context: ContextId,
    hash: BlobHash,
    size: u64,
) -> Result<(), Fault> {
    let (context, hash) = (context.as_bytes(), hash.as_bytes());
    let mut contexts = tx.open_table(tables::BLOB_CONTEXT)?;
    let known = is_anywhere(&contexts, hash)?;
    contexts.insert(&pair(hash, context), ())?;
    let mut earned = tx.open_table(tables::CONTEXT_BLOB)?;
    let before = earned.insert(&pair(context, hash), size)?.map(|size| size.value());
    count(tx, context, size, before.unwrap_or(0))?;
    if !known {
        count(tx, &ALL, size, 0)?;
    }
    tx.open_table(tables::LOST)?.remove(&pair(context, hash))?;
    tx.open_table(tables::DROPPED)?.remove(&pair(context, hash))?;
    trash::earned(tx, hash)
}

/// Records that a blob is not here any more in a context; returns its size, if it was.
pub(super) fn unearn(
    tx: &WriteTransaction,
    context: &[u8; 32],
    hash: &[u8; 32],
) -> Result<Option<u64>, Fault> {
    let mut earned = tx.open_table(tables::CONTEXT_BLOB)?;
    let size = earned.remove(&pair(context, hash))?.map(|size| size.value());
    let Some(size) = size else { return Ok(None) };
    let mut contexts = tx.open_table(tables::BLOB_CONTEXT)?;
    contexts.remove(&pair(hash, context))?;
    count(tx, context, 0, size)?;
    if !is_anywhere(&contexts, hash)? {
        count(tx, &ALL, 0, size)?;
    }
    Ok(Some(size))
}

/// Records that the user let a blob of a context go.
pub(super) fn let_go(
    tx: &WriteTransaction,
    context: ContextId,
    hash: BlobHash,
    size: u64,
) -> Result<(), Fault> {
    let (context, hash) = (context.as_bytes(), hash.as_bytes());
    unearn(tx, context, hash)?;
    tx.open_table(tables::LOST)?.remove(&pair(context, hash))?;
    tx.open_table(tables::DROPPED)?.insert(&pair(context, hash), size)?;
    Ok(())
}

/// Records that a blob of a context was withdrawn: it is neither here nor lost, let go or wanted.
pub(super) fn withdraw(
    tx: &WriteTransaction,
    context: ContextId,
    hash: BlobHash,
) -> Result<(), Fault> {
    let (context, hash) = (context.as_bytes(), hash.as_bytes());
    unearn(tx, context, hash)?;
    let key = pair(context, hash);
    tx.open_table(tables::LOST)?.remove(&key)?;
    tx.open_table(tables::DROPPED)?.remove(&key)?;
    tx.open_table(tables::WANT)?.remove(&key)?;
    Ok(())
}

/// Counts the bytes of everything anew, and returns how many sums were wrong.
pub(super) fn count_all(tx: &WriteTransaction) -> Result<u64, Fault> {
    let earned = tx.open_table(tables::CONTEXT_BLOB)?;
    let mut sums: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    let mut all: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    for item in earned.iter()? {
        let (key, size) = item?;
        *sums.entry(part(key.value(), 0)).or_default() += size.value();
        all.insert(part(key.value(), 1), size.value());
    }
    sums.insert(ALL, all.values().sum());
    let mut used = tx.open_table(tables::USED)?;
    for item in used.iter()? {
        // Of which nothing is here any more.
        sums.entry(*item?.0.value()).or_default();
    }
    let mut wrong = 0;
    for (key, bytes) in &sums {
        let before = used.insert(key, bytes)?.map_or(0, |before| before.value());
        wrong += u64::from(before != *bytes);
    }
    Ok(wrong)
}

/// Forgets what is kept about a context that is forgotten, but not its pins.
pub(super) fn forget(tx: &WriteTransaction, context: ContextId) -> Result<(), Fault> {
    tx.open_table(tables::QUOTA)?.remove(context.as_bytes())?;
    tx.open_table(tables::USED)?.remove(context.as_bytes())?;
    Ok(())
}

fn is_anywhere(
    contexts: &impl redb::ReadableTable<&'static [u8; 64], ()>,
    hash: &[u8; 32],
) -> Result<bool, Fault> {
    let keys = under::<64>(hash);
    Ok(contexts.range::<&[u8; 64]>(keys.start()..=keys.end())?.next().is_some())
}

fn count(tx: &WriteTransaction, key: &[u8; 32], more: u64, less: u64) -> Result<(), Fault> {
    let mut used = tx.open_table(tables::USED)?;
    let before = used.get(key)?.map_or(0, |value| value.value());
    used.insert(key, before.saturating_add(more).saturating_sub(less))?;
    Ok(())
}

fn pin_key(key: &PinKey) -> [u8; 112] {
    let none = FrameId::from_bytes([0; 32]);
    let frame = key.frame.unwrap_or(none);
    let mut bytes = [0; 112];
    bytes[..32].copy_from_slice(key.context.as_bytes());
    bytes[32..64].copy_from_slice(key.user.as_bytes());
    bytes[64..80].copy_from_slice(key.stack.as_bytes());
    bytes[80..].copy_from_slice(frame.as_bytes());
    bytes
}

fn encode_pin(pin: &Pin) -> Vec<u8> {
    let kind = match pin.kind {
        PinKind::Frame => 0,
        PinKind::Heads => 1,
        PinKind::All => 2,
    };
    let mut bytes = vec![kind];
    bytes.extend(pin.since.to_be_bytes());
    bytes.extend(pin.frames.iter().flat_map(|frame| *frame.as_bytes()));
    bytes
}

fn decode_pin(key: &[u8; 112], value: &[u8]) -> Option<Pin> {
    let (kind, rest) = value.split_first()?;
    let (since, frames) = rest.split_first_chunk::<8>()?;
    let (frames, rest) = frames.as_chunks::<32>();
    let kind = match kind {
        0 => PinKind::Frame,
        1 => PinKind::Heads,
        2 => PinKind::All,
        _ => return None,
    };
    let frame = FrameId::from_bytes(key[80..].try_into().ok()?);
    rest.is_empty().then_some(())?;
    Some(Pin {
        key: PinKey {
            context: ContextId::from_bytes(key[..32].try_into().ok()?),
            user: UserId::from_bytes(key[32..64].try_into().ok()?),
            stack: StackId::from_bytes(key[64..80].try_into().ok()?),
            frame: (kind == PinKind::Frame).then_some(frame),
        },
        kind,
        since: i64::from_be_bytes(*since),
        frames: frames.iter().map(|frame| FrameId::from_bytes(*frame)).collect(),
    })
}
