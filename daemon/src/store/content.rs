//! Frames, and which blobs are earned where.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use redb::ReadableTable;

use super::error::{Fault, ReadError, WriteError};
use super::tables::{pair, part, under};
use super::{Store, keeping, tables};

impl Store {
    /// Returns the bytes of a frame, if it is here in any context.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Damaged`] where the bytes do not match the id.
    pub async fn frame(&self, id: FrameId) -> Result<Option<Vec<u8>>, ReadError> {
        self.read(move |tx| intact_frame(&tx.open_table(tables::FRAME)?, id)).await
    }

    /// Returns those of `ids` that are here in a context, with their bytes, in the order asked
    /// for.
    ///
    /// A frame whose bytes do not match its id is as good as not here.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn frames(
        &self,
        context: ContextId,
        ids: Vec<FrameId>,
    ) -> Result<Vec<(FrameId, Vec<u8>)>, ReadError> {
        self.read(move |tx| {
            let members = tx.open_table(tables::CONTEXT_FRAME)?;
            let frames = tx.open_table(tables::FRAME)?;
            let mut found = Vec::new();
            for id in &ids {
                if members.get(&pair(context.as_bytes(), id.as_bytes()))?.is_none() {
                    continue;
                }
                match intact_frame(&frames, *id) {
                    Ok(bytes) => found.extend(bytes.map(|bytes| (*id, bytes))),
                    Err(Fault::Damaged { reason, .. }) => {
                        tracing::error!(frame = %id, %reason, "frame is damaged");
                    }
                    Err(fault) => return Err(fault),
                }
            }
            Ok(found)
        })
        .await
    }

    /// Tells whether all of `hashes` are earned in a context.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn earned(
        &self,
        context: ContextId,
        hashes: Vec<BlobHash>,
    ) -> Result<bool, ReadError> {
        let distinct: BTreeSet<_> = hashes.iter().copied().collect();
        Ok(self.earned_set(context, hashes).await?.len() == distinct.len())
    }

    /// Returns those of `hashes` that are earned in a context, with their sizes in bytes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn earned_set(
        &self,
        context: ContextId,
        hashes: Vec<BlobHash>,
    ) -> Result<BTreeMap<BlobHash, u64>, ReadError> {
        self.read(move |tx| {
            let earned = tx.open_table(tables::CONTEXT_BLOB)?;
            let mut found = BTreeMap::new();
            for hash in &hashes {
                if let Some(size) = earned.get(&pair(context.as_bytes(), hash.as_bytes()))? {
                    found.insert(*hash, size.value());
                }
            }
            Ok(found)
        })
        .await
    }

    /// Returns the contexts in which a blob is earned.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn contexts_of_blob(&self, hash: BlobHash) -> Result<Vec<ContextId>, ReadError> {
        self.read(move |tx| {
            let keys = under::<64>(hash.as_bytes());
            let items = tx.open_table(tables::BLOB_CONTEXT)?;
            let items = items.range::<&[u8; 64]>(keys.start()..=keys.end())?;
            items.map(|item| Ok(ContextId::from_bytes(part(item?.0.value(), 1)))).collect()
        })
        .await
    }

    /// Returns up to `limit` blobs that are earned in any context, in order of their hashes and
    /// beginning behind `after`; fewer than `limit` are the last.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn all_earned(
        &self,
        after: Option<BlobHash>,
        limit: usize,
    ) -> Result<Vec<BlobHash>, ReadError> {
        self.read(move |tx| {
            let first = after.map_or([0; 64], |hash| pair(hash.as_bytes(), &[0xff; 32]));
            let mut hashes: Vec<BlobHash> = Vec::new();
            for item in tx.open_table(tables::BLOB_CONTEXT)?.range::<&[u8; 64]>(&first..)? {
                let hash = BlobHash::from_bytes(part(item?.0.value(), 0));
                if hashes.last() == Some(&hash) || Some(hash) == after {
                    continue;
                }
                if hashes.len() == limit {
                    break;
                }
                hashes.push(hash);
            }
            Ok(hashes)
        })
        .await
    }

    /// Returns those of `hashes` that were earned in a context and are lost.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn lost_set(
        &self,
        context: ContextId,
        hashes: Vec<BlobHash>,
    ) -> Result<BTreeSet<BlobHash>, ReadError> {
        self.read(move |tx| {
            let lost = tx.open_table(tables::LOST)?;
            let mut found = BTreeSet::new();
            for hash in &hashes {
                if lost.get(&pair(context.as_bytes(), hash.as_bytes()))?.is_some() {
                    found.insert(*hash);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Returns blobs that are lost, each with a context in which it was earned and its size there,
    /// at most so many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn all_lost(
        &self,
        limit: usize,
    ) -> Result<BTreeMap<BlobHash, (ContextId, u64)>, ReadError> {
        self.read(move |tx| {
            let mut found = BTreeMap::new();
            for item in tx.open_table(tables::LOST)?.iter()? {
                let (key, size) = item?;
                let context = ContextId::from_bytes(part(key.value(), 0));
                let hash = BlobHash::from_bytes(part(key.value(), 1));
                found.insert(hash, (context, size.value()));
                if found.len() >= limit {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    /// Makes the tables that are found by frame and by blob anew from those by context. Returns
    /// how many entries were missing or too many.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn rebuild_indexes(&self) -> Result<u64, WriteError> {
        self.write(|tx| {
            let mut changed = {
                let frames = tx.open_table(tables::CONTEXT_FRAME)?;
                let mut by_frame = tx.open_table(tables::FRAME_CONTEXT)?;
                turn(&frames, &mut by_frame)?
            };
            changed += {
                let blobs = tx.open_table(tables::CONTEXT_BLOB)?;
                let mut by_blob = tx.open_table(tables::BLOB_CONTEXT)?;
                turn(&blobs, &mut by_blob)?
            };
            changed += keeping::count_all(tx)?;
            Ok(changed)
        })
        .await
    }

    /// Takes blobs out of every context: their bytes are gone, or about to go, and must not be
    /// offered any more. They are remembered as lost until they are earned again.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn unearn(&self, hashes: Vec<BlobHash>) -> Result<(), WriteError> {
        self.write(move |tx| {
            for hash in &hashes {
                let keys = under::<64>(hash.as_bytes());
                let contexts: Result<Vec<[u8; 32]>, Fault> = tx
                    .open_table(tables::BLOB_CONTEXT)?
                    .range::<&[u8; 64]>(keys.start()..=keys.end())?
                    .map(|item| Ok(part(item?.0.value(), 1)))
                    .collect();
                for context in contexts? {
                    let size = keeping::unearn(tx, &context, hash.as_bytes())?;
                    let key = pair(&context, hash.as_bytes());
                    tx.open_table(tables::LOST)?.insert(&key, size.unwrap_or_default())?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Lets a table hold the keys of another one with their halves changed over.
fn turn<V: redb::Value + 'static>(
    from: &impl ReadableTable<&'static [u8; 64], V>,
    to: &mut redb::Table<'_, &'static [u8; 64], ()>,
) -> Result<u64, Fault> {
    let swap = |key: &[u8; 64]| pair(&part(key, 1), &part(key, 0));
    let mut changed = 0;
    for item in from.iter()? {
        let missing = to.insert(&swap(item?.0.value()), ())?.is_none();
        changed += u64::from(missing);
    }
    let mut stray = Vec::new();
    for item in to.iter()? {
        let key = *item?.0.value();
        if from.get(&swap(&key))?.is_none() {
            stray.push(key);
        }
    }
    for key in &stray {
        to.remove(key)?;
    }
    Ok(changed + stray.len() as u64)
}

/// Returns the bytes of a frame, checked against its id: a disk that forgets must not make us
/// hand out what was never signed.
pub(super) fn intact_frame(
    frames: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    id: FrameId,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(value) = frames.get(id.as_bytes())? else { return Ok(None) };
    let bytes = value.value().to_vec();
    if FrameId::of(&bytes) != id {
        return Err(Fault::damaged("frame", id.as_bytes(), "the bytes do not match the id"));
    }
    Ok(Some(bytes))
}
