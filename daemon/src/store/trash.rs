//! The trash: since when nothing names a blob, and which contexts were dropped when.
//!
//! A blob that nothing names stays for a time, so that what was done can be undone; the collector
//! asks here which are over. A context that was dropped keeps its rows until then, and its blobs
//! with them: to put it back is to take it out of this table.

use std::collections::{BTreeMap, HashMap, HashSet};

use dsp_protocol::id::{BlobHash, ContextId};
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};

use super::error::{Fault, ReadError, WriteError};
use super::tables::{part, under};
use super::{Store, tables};

/// How much is in the trash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrashSum {
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Takes note of all blobs that nothing names at `now`, with their sizes in bytes, and returns
    /// those that stay: of which it is known after `cutoff` only (milliseconds since 1970). The
    /// others, and those that something names again, are not in the trash any more.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn sort_trash(
        &self,
        unnamed: Vec<(BlobHash, u64)>,
        now: i64,
        cutoff: i64,
    ) -> Result<HashSet<BlobHash>, WriteError> {
        let sizes: HashMap<[u8; 32], u64> =
            unnamed.into_iter().map(|(hash, size)| (*hash.as_bytes(), size)).collect();
        self.write(move |tx| {
            let mut trash = tx.open_table(tables::TRASH)?;
            let mut new = sizes.clone();
            let mut stay = HashSet::new();
            trash.retain(|hash, value| {
                new.remove(hash);
                let (since, _) = split(value);
                let stays = sizes.contains_key(hash) && since > cutoff;
                if stays {
                    stay.insert(BlobHash::from_bytes(*hash));
                }
                stays
            })?;
            if now > cutoff {
                for (hash, size) in &new {
                    trash.insert(hash, &joined(now, *size))?;
                    stay.insert(BlobHash::from_bytes(*hash));
                }
            }
            Ok(stay)
        })
        .await
    }

    /// Puts a context into the trash, with all that is here of it.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn drop_context(&self, context: ContextId, at: i64) -> Result<(), WriteError> {
        self.write(move |tx| {
            tx.open_table(tables::TRASHED_CONTEXT)?.insert(context.as_bytes(), at)?;
            Ok(())
        })
        .await
    }

    /// Takes a context out of the trash; tells whether it was there.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn undrop_context(&self, context: ContextId) -> Result<bool, WriteError> {
        self.write(move |tx| {
            Ok(tx.open_table(tables::TRASHED_CONTEXT)?.remove(context.as_bytes())?.is_some())
        })
        .await
    }

    /// Returns the contexts in the trash, and since when each is there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn dropped_contexts(&self) -> Result<BTreeMap<ContextId, i64>, ReadError> {
        self.read(dropped).await
    }

    /// Returns what is here of a context and of no other one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn only_in(&self, context: ContextId) -> Result<TrashSum, ReadError> {
        self.read(move |tx| only_in(tx, context)).await
    }

    /// Returns how many blobs are earned in any context, each counted once.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn earned_sum(&self) -> Result<TrashSum, ReadError> {
        self.read(|tx| {
            let earned = tx.open_table(tables::CONTEXT_BLOB)?;
            let (mut sum, mut last) = (TrashSum::default(), None);
            for item in tx.open_table(tables::BLOB_CONTEXT)?.iter()? {
                let key = *item?.0.value();
                let (hash, context) = (part(&key, 0), part(&key, 1));
                if last == Some(hash) {
                    continue;
                }
                let size = earned.get(&super::tables::pair(&context, &hash))?;
                sum.blobs += 1;
                sum.bytes += size.map_or(0, |size| size.value());
                last = Some(hash);
            }
            Ok(sum)
        })
        .await
    }

    /// Returns how much is in the trash, dropped contexts included.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn trash_sum(&self) -> Result<TrashSum, ReadError> {
        self.read(|tx| {
            let trash = tx.open_table(tables::TRASH)?;
            let mut sum = TrashSum { blobs: trash.len()?, bytes: 0 };
            for item in trash.iter()? {
                sum.bytes += split(item?.1.value()).1;
            }
            for context in dropped(tx)?.into_keys() {
                let more = only_in(tx, context)?;
                sum.blobs += more.blobs;
                sum.bytes += more.bytes;
            }
            Ok(sum)
        })
        .await
    }

    /// Returns since when the latest of the trash is there, if something is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn trash_latest(&self) -> Result<Option<i64>, ReadError> {
        self.read(|tx| {
            let mut latest = dropped(tx)?.into_values().max();
            for item in tx.open_table(tables::TRASH)?.iter()? {
                latest = latest.max(Some(split(item?.1.value()).0));
            }
            Ok(latest)
        })
        .await
    }

    /// Returns the earliest cut-off at which `bytes` of the trash are over, the oldest first; all
    /// of it where it has fewer, nothing where it is empty.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn trash_cutoff(&self, bytes: u64) -> Result<Option<i64>, ReadError> {
        self.read(move |tx| {
            let mut ages: BTreeMap<i64, u64> = BTreeMap::new();
            for item in tx.open_table(tables::TRASH)?.iter()? {
                let (since, size) = split(item?.1.value());
                *ages.entry(since).or_default() += size;
            }
            for (context, since) in dropped(tx)? {
                *ages.entry(since).or_default() += only_in(tx, context)?.bytes;
            }
            let mut left = bytes;
            let mut cutoff = None;
            for (since, size) in ages {
                cutoff = Some(since);
                left = left.saturating_sub(size);
                if left == 0 {
                    break;
                }
            }
            Ok(cutoff)
        })
        .await
    }
}

/// Lets the blobs of a context that is being forgotten age from when it was dropped. Called while
/// its rows are still there.
pub(super) fn forget(tx: &WriteTransaction, context: ContextId) -> Result<(), Fault> {
    let since =
        tx.open_table(tables::TRASHED_CONTEXT)?.remove(context.as_bytes())?.map(|at| at.value());
    let Some(since) = since else { return Ok(()) };
    let earned = tx.open_table(tables::CONTEXT_BLOB)?;
    let contexts = tx.open_table(tables::BLOB_CONTEXT)?;
    let mut trash = tx.open_table(tables::TRASH)?;
    let keys = under::<64>(context.as_bytes());
    for item in earned.range::<&[u8; 64]>(keys.start()..=keys.end())? {
        let (key, size) = item?;
        let hash = part(key.value(), 1);
        if is_alone(&contexts, &hash)? {
            trash.insert(&hash, &joined(since, size.value()))?;
        }
    }
    Ok(())
}

/// Takes a blob out of the trash that is earned: whenever nothing names it again, its time begins
/// anew.
pub(super) fn earned(tx: &WriteTransaction, hash: &[u8; 32]) -> Result<(), Fault> {
    tx.open_table(tables::TRASH)?.remove(hash)?;
    Ok(())
}

fn dropped(tx: &ReadTransaction) -> Result<BTreeMap<ContextId, i64>, Fault> {
    let table = tx.open_table(tables::TRASHED_CONTEXT)?;
    let items = table.iter()?.map(|item| {
        let (context, at) = item?;
        Ok((ContextId::from_bytes(*context.value()), at.value()))
    });
    items.collect()
}

fn only_in(tx: &ReadTransaction, context: ContextId) -> Result<TrashSum, Fault> {
    let contexts = tx.open_table(tables::BLOB_CONTEXT)?;
    let keys = under::<64>(context.as_bytes());
    let mut sum = TrashSum::default();
    let earned = tx.open_table(tables::CONTEXT_BLOB)?;
    for item in earned.range::<&[u8; 64]>(keys.start()..=keys.end())? {
        let (key, size) = item?;
        if is_alone(&contexts, &part(key.value(), 1))? {
            sum.blobs += 1;
            sum.bytes += size.value();
        }
    }
    Ok(sum)
}

/// Tells whether a blob is earned in one context at most.
fn is_alone(
    contexts: &impl redb::ReadableTable<&'static [u8; 64], ()>,
    hash: &[u8; 32],
) -> Result<bool, Fault> {
    let keys = under::<64>(hash);
    let mut items = contexts.range::<&[u8; 64]>(keys.start()..=keys.end())?;
    items.next().transpose()?;
    Ok(items.next().transpose()?.is_none())
}

fn joined(since: i64, size: u64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&since.to_be_bytes());
    value[8..].copy_from_slice(&size.to_be_bytes());
    value
}

fn split(value: &[u8; 16]) -> (i64, u64) {
    let (since, size) = value.split_at(8);
    let since = i64::from_be_bytes(since.try_into().expect("eight bytes"));
    (since, u64::from_be_bytes(size.try_into().expect("eight bytes")))
}

#[cfg(test)]
mod tests {
    use dsp_protocol::sync::Record;

    use super::*;

    const A: BlobHash = BlobHash::from_bytes([1; 32]);
    const B: BlobHash = BlobHash::from_bytes([2; 32]);
    const C: BlobHash = BlobHash::from_bytes([3; 32]);
    const HERS: ContextId = ContextId::from_bytes([9; 32]);
    const HIS: ContextId = ContextId::from_bytes([8; 32]);

    async fn store() -> (tempfile::TempDir, Store) {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&home.path().join("meta.redb")).await.unwrap();
        (home, store)
    }

    async fn stays(
        store: &Store,
        unnamed: &[(BlobHash, u64)],
        now: i64,
        keep: i64,
    ) -> Vec<BlobHash> {
        let stay = store.sort_trash(unnamed.to_vec(), now, now - keep).await.unwrap();
        let mut stay: Vec<_> = stay.into_iter().collect();
        stay.sort_unstable();
        stay
    }

    #[tokio::test]
    async fn what_nothing_names_stays_for_its_time_and_no_longer() {
        let (_home, store) = store().await;
        assert_eq!(stays(&store, &[(A, 5)], 100, 10).await, [A]);
        assert_eq!(stays(&store, &[(A, 5), (B, 7)], 105, 10).await, [A, B]);
        assert_eq!(store.trash_sum().await.unwrap(), TrashSum { blobs: 2, bytes: 12 });
        assert_eq!(stays(&store, &[(A, 5), (B, 7)], 109, 10).await, [A, B]);
        assert_eq!(stays(&store, &[(A, 5), (B, 7)], 110, 10).await, [B]);
        assert_eq!(stays(&store, &[(B, 7)], 115, 10).await, []);
        assert_eq!(store.trash_sum().await.unwrap(), TrashSum::default());
        // With no time nothing stays.
        assert_eq!(stays(&store, &[(C, 1)], 120, 0).await, []);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_named_in_between_begins_its_time_anew() {
        let (_home, store) = store().await;
        assert_eq!(stays(&store, &[(A, 5), (B, 5)], 100, 10).await, [A, B]);
        // Named by nothing a collection saw, and yet named in between.
        store.apply(vec![Record::Earned { context: HERS, hash: A, size: 5 }]).await.unwrap();
        assert_eq!(stays(&store, &[(A, 5), (B, 5)], 112, 10).await, [A]);
        // Named while a collection ran.
        assert_eq!(stays(&store, &[], 113, 10).await, []);
        assert_eq!(stays(&store, &[(A, 5)], 123, 10).await, [A]);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_dropped_context_ages_from_when_it_was_dropped() {
        let (_home, store) = store().await;
        let earned = |context, hash, size| Record::Earned { context, hash, size };
        let records = vec![earned(HERS, A, 5), earned(HERS, B, 7), earned(HIS, B, 7)];
        store.apply(records).await.unwrap();
        store.drop_context(HERS, 100).await.unwrap();
        assert_eq!(store.only_in(HERS).await.unwrap(), TrashSum { blobs: 1, bytes: 5 });
        assert_eq!(store.dropped_contexts().await.unwrap(), BTreeMap::from([(HERS, 100)]));
        store.apply(vec![Record::ForgetContext(HERS)]).await.unwrap();
        assert_eq!(store.dropped_contexts().await.unwrap(), BTreeMap::new());
        // Forgotten at 110, and over at once: it is there since 100.
        assert_eq!(stays(&store, &[(A, 5)], 110, 10).await, []);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn the_oldest_makes_room_first() {
        let (_home, store) = store().await;
        assert_eq!(store.trash_cutoff(1).await.unwrap(), None);
        assert_eq!(store.trash_latest().await.unwrap(), None);
        stays(&store, &[(A, 5)], 100, 1000).await;
        store.apply(vec![Record::Earned { context: HERS, hash: C, size: 3 }]).await.unwrap();
        store.drop_context(HERS, 101).await.unwrap();
        stays(&store, &[(A, 5), (B, 7)], 102, 1000).await;
        for (bytes, cutoff) in [(1, 100), (5, 100), (6, 101), (8, 101), (9, 102), (99, 102)] {
            assert_eq!(store.trash_cutoff(bytes).await.unwrap(), Some(cutoff), "{bytes}");
        }
        assert_eq!(store.trash_latest().await.unwrap(), Some(102));
        assert!(store.undrop_context(HERS).await.unwrap());
        assert!(!store.undrop_context(HERS).await.unwrap());
        assert_eq!(store.trash_cutoff(6).await.unwrap(), Some(102));
        store.close().await.unwrap();
    }
}
