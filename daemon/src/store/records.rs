//! The engine's records: applied all or none, and given back at the next start.

use std::collections::BTreeSet;
use std::sync::Arc;

use dsp_protocol::doc::{Envelope, ForkProof};
use dsp_protocol::id::{BlobHash, ContextId, FrameId, Incarnation, UserId};
use dsp_protocol::sync::{BlobKind, BlobWant, Record};
use redb::{ReadTransaction, ReadableTable as _, Table, WriteTransaction};

use super::backing::Backing;
use super::error::{Fault, ReadError, WriteError};
use super::tables::{pair, part, under};
use super::{Store, content, context, keeping, offers, schema, tables, trash};

impl Store {
    /// Makes records durable, in their order, all or none.
    ///
    /// Applying the same records again changes nothing, so a caller that does not know whether
    /// they were applied may try again.
    ///
    /// # Errors
    /// [`WriteError`]; nothing of the records was written.
    pub async fn apply(&self, records: Vec<Record>) -> Result<(), WriteError> {
        let shared = Arc::clone(&self.shared);
        let work = move |tx: &WriteTransaction| {
            records.iter().try_for_each(|record| apply(tx, record, &*shared.backing))
        };
        self.write(work).await
    }

    /// Returns everything the engine needs at its start, in an order that it takes: the
    /// incarnation (unless one has to be drawn), identity logs, contexts, those forgotten
    /// ([`Record::ForgetContext`]), envelopes by number, redemptions, forks, dashboards by
    /// writer, their forks, frames, earned blobs, those let go, wants, blocked users, offers.
    ///
    /// A frame whose bytes do not match its id is left out, so that it is brought again; so is
    /// what names a context that is not here, as the engine has no place for it.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Damaged`] names the record.
    pub async fn restore(&self) -> Result<Vec<Record>, ReadError> {
        self.read(|tx| {
            let mut records = Vec::new();
            restore_incarnation(tx, &mut records)?;
            restore_logs(tx, &mut records)?;
            restore_contexts(tx, &mut records)?;
            restore_forgotten(tx, &mut records)?;
            restore_envelopes(tx, &mut records)?;
            restore_redemptions(tx, &mut records)?;
            restore_forks(tx, &mut records)?;
            restore_boards(tx, &mut records)?;
            restore_frames(tx, &mut records)?;
            restore_earned(tx, &mut records)?;
            restore_dropped(tx, &mut records)?;
            restore_wants(tx, &mut records)?;
            restore_blocked(tx, &mut records)?;
            restore_offers(tx, &mut records)?;
            drop_orphans(&mut records);
            Ok(records)
        })
        .await
    }
}

pub(super) fn apply(
    tx: &WriteTransaction,
    record: &Record,
    backing: &dyn Backing,
) -> Result<(), Fault> {
    match record {
        Record::Incarnation(inc) => {
            let place = backing.place();
            let place = place.map_err(|error| Fault::Database(error.source.into()))?;
            let mut meta = tx.open_table(tables::META)?;
            meta.insert(schema::INCARNATION, inc.as_bytes().as_slice())?;
            meta.insert(schema::PLACE, place.as_slice())?;
        }
        Record::Log { user, entry } => append_log(tx, *user, entry)?,
        Record::Context(record) => {
            let id = record.genesis.id();
            let bytes = context::encode(record);
            tx.open_table(tables::CONTEXT)?.insert(id.as_bytes(), bytes.as_slice())?;
            tx.open_table(tables::FORGOTTEN)?.remove(id.as_bytes())?;
        }
        Record::ForgetContext(id) => {
            forget(tx, *id)?;
            tx.open_table(tables::FORGOTTEN)?.insert(id.as_bytes(), ())?;
        }
        Record::Envelope { context, user, envelope } => {
            let (device, inc) = (envelope.device, envelope.inc);
            let catalog = tables::catalog_prefix(*context, *user, device, inc);
            let key = tables::envelope_key(&catalog, envelope.n);
            tx.open_table(tables::ENVELOPE)?.insert(&key, envelope.encode().as_slice())?;
        }
        Record::DropCatalog { context, user, device, inc } => {
            let catalog = tables::catalog_prefix(*context, *user, *device, *inc);
            clear(&mut tx.open_table(tables::ENVELOPE)?, &catalog)?;
        }
        Record::Redemption { context, redeem } => {
            let key = pair(context.as_bytes(), blake3::hash(redeem).as_bytes());
            tx.open_table(tables::REDEMPTION)?.insert(&key, redeem.as_slice())?;
        }
        Record::Fork { context, user, proof } => {
            let decoded = ForkProof::decode(proof);
            let decoded =
                decoded.map_err(|error| Fault::damaged("fork", user.as_bytes(), error))?;
            let [envelope, _] = decoded.envelopes();
            let key = tables::catalog_prefix(*context, *user, envelope.device, envelope.inc);
            tx.open_table(tables::FORK)?.insert(&key, proof.as_slice())?;
        }
        Record::BoardEnvelope { context, board, user, envelope, at } => {
            let line = tables::board_prefix(*context, *board, *user, envelope);
            let mut value = at.to_be_bytes().to_vec();
            value.extend(envelope.encode());
            let key = tables::board_key(&line, envelope.n);
            tx.open_table(tables::BOARD)?.insert(&key, value.as_slice())?;
        }
        Record::BoardFork { context, board, user, proof } => {
            let decoded = ForkProof::decode(proof);
            let decoded =
                decoded.map_err(|error| Fault::damaged("board-fork", user.as_bytes(), error))?;
            let [envelope, _] = decoded.envelopes();
            let key = tables::board_prefix(*context, *board, *user, envelope);
            tx.open_table(tables::BOARD_FORK)?.insert(&key, proof.as_slice())?;
        }
        Record::Frame { context, id, bytes } => {
            let mut frames = tx.open_table(tables::FRAME)?;
            if !matches!(content::intact_frame(&frames, *id), Ok(Some(_))) {
                frames.insert(id.as_bytes(), bytes.as_slice())?;
            }
            let (context, id) = (context.as_bytes(), id.as_bytes());
            tx.open_table(tables::CONTEXT_FRAME)?.insert(&pair(context, id), ())?;
            tx.open_table(tables::FRAME_CONTEXT)?.insert(&pair(id, context), ())?;
        }
        Record::Earned { context, hash, size } => {
            keeping::earn(tx, *context, *hash, *size)?;
        }
        Record::Dropped { context, hash, size } => {
            keeping::let_go(tx, *context, *hash, *size)?;
        }
        Record::Want { context, want } => {
            let key = pair(context.as_bytes(), want.hash.as_bytes());
            tx.open_table(tables::WANT)?.insert(&key, &encode_want(want))?;
            tx.open_table(tables::DROPPED)?.remove(&key)?;
        }
        Record::Block { user, blocked: true } => {
            tx.open_table(tables::BLOCKED)?.insert(user.as_bytes(), ())?;
        }
        Record::Block { user, blocked: false } => {
            tx.open_table(tables::BLOCKED)?.remove(user.as_bytes())?;
        }
        Record::Offer(offer) => {
            let id = offer.offer.genesis.id();
            let bytes = offers::encode(offer);
            tx.open_table(tables::OFFER)?.insert(id.as_bytes(), bytes.as_slice())?;
        }
        Record::DropOffer(context) => {
            tx.open_table(tables::OFFER)?.remove(context.as_bytes())?;
        }
        Record::WithdrawFrame { context, id } => withdraw_frame(tx, *context, *id)?,
        Record::WithdrawBlob { context, hash } => keeping::withdraw(tx, *context, *hash)?,
        Record::Unwant { context, hash } => {
            let key = pair(context.as_bytes(), hash.as_bytes());
            tx.open_table(tables::WANT)?.remove(&key)?;
        }
    }
    Ok(())
}

/// Adds an entry to a log unless it is there.
pub(super) fn append_log(tx: &WriteTransaction, user: UserId, entry: &[u8]) -> Result<(), Fault> {
    let mut log = tx.open_table(tables::LOG)?;
    let mut next = 0u32;
    let keys = under::<36>(user.as_bytes());
    for item in log.range::<&[u8; 36]>(keys.start()..=keys.end())? {
        let (key, value) = item?;
        if value.value() == entry {
            return Ok(());
        }
        next = position(key.value()) + 1;
    }
    log.insert(&tables::log_key(user, next), entry)?;
    Ok(())
}

fn position(key: &[u8; 36]) -> u32 {
    u32::from_be_bytes(key[32..].try_into().expect("four bytes are left"))
}

/// Removes a frame from a context, and its bytes where no other context has it.
fn withdraw_frame(tx: &WriteTransaction, context: ContextId, id: FrameId) -> Result<(), Fault> {
    let (context, id) = (context.as_bytes(), id.as_bytes());
    tx.open_table(tables::CONTEXT_FRAME)?.remove(&pair(context, id))?;
    let mut contexts = tx.open_table(tables::FRAME_CONTEXT)?;
    contexts.remove(&pair(id, context))?;
    let others = under::<64>(id);
    if contexts.range::<&[u8; 64]>(others.start()..=others.end())?.next().is_none() {
        tx.open_table(tables::FRAME)?.remove(id)?;
    }
    Ok(())
}

/// Removes a context and what no other context has. Identity logs stay: users are known
/// whatever is followed.
pub(super) fn forget(tx: &WriteTransaction, context: ContextId) -> Result<(), Fault> {
    let prefix = context.as_bytes();
    trash::forget(tx, context)?;
    tx.open_table(tables::CONTEXT)?.remove(prefix)?;
    clear(&mut tx.open_table(tables::ENVELOPE)?, prefix)?;
    clear(&mut tx.open_table(tables::REDEMPTION)?, prefix)?;
    clear(&mut tx.open_table(tables::FORK)?, prefix)?;
    clear(&mut tx.open_table(tables::BOARD)?, prefix)?;
    clear(&mut tx.open_table(tables::BOARD_FORK)?, prefix)?;
    clear(&mut tx.open_table(tables::WANT)?, prefix)?;
    clear(&mut tx.open_table(tables::LOST)?, prefix)?;
    clear(&mut tx.open_table(tables::DROPPED)?, prefix)?;

    let mut frames = tx.open_table(tables::FRAME)?;
    let mut contexts = tx.open_table(tables::FRAME_CONTEXT)?;
    let mut members = tx.open_table(tables::CONTEXT_FRAME)?;
    for frame in second_parts(&members, prefix)? {
        contexts.remove(&pair(&frame, prefix))?;
        let others = under::<64>(&frame);
        if contexts.range::<&[u8; 64]>(others.start()..=others.end())?.next().is_none() {
            frames.remove(&frame)?;
        }
    }
    clear(&mut members, prefix)?;

    let earned = second_parts(&tx.open_table(tables::CONTEXT_BLOB)?, prefix)?;
    for blob in earned {
        keeping::unearn(tx, prefix, &blob)?;
    }
    keeping::forget(tx, context)
}

/// Removes every key that begins with `prefix`.
pub(super) fn clear<const N: usize, V: redb::Value + 'static>(
    table: &mut Table<'_, &'static [u8; N], V>,
    prefix: &[u8],
) -> Result<(), Fault> {
    let keys = under::<N>(prefix);
    Ok(table.retain_in::<&[u8; N], _>(keys.start()..=keys.end(), |_, _| false)?)
}

fn second_parts<V: redb::Value + 'static>(
    table: &Table<'_, &'static [u8; 64], V>,
    prefix: &[u8; 32],
) -> Result<Vec<[u8; 32]>, Fault> {
    let keys = under::<64>(prefix);
    let items = table.range::<&[u8; 64]>(keys.start()..=keys.end())?;
    items.map(|item| Ok(part(item?.0.value(), 1))).collect()
}

fn drop_orphans(records: &mut Vec<Record>) {
    let known: BTreeSet<_> = records.iter().filter_map(context_made).collect();
    records.retain(|record| match context_named(record) {
        Some(context) if !known.contains(&context) => {
            tracing::error!(%context, "record of a context that is not here");
            false
        }
        _ => true,
    });
}

fn context_made(record: &Record) -> Option<ContextId> {
    match record {
        Record::Context(record) => Some(record.genesis.id()),
        _ => None,
    }
}

fn context_named(record: &Record) -> Option<ContextId> {
    match record {
        Record::Incarnation(_)
        | Record::Log { .. }
        | Record::Context(_)
        | Record::ForgetContext(_)
        | Record::Block { .. }
        | Record::Offer(_)
        | Record::DropOffer(_) => None,
        Record::Envelope { context, .. }
        | Record::DropCatalog { context, .. }
        | Record::Redemption { context, .. }
        | Record::Fork { context, .. }
        | Record::BoardEnvelope { context, .. }
        | Record::BoardFork { context, .. }
        | Record::Frame { context, .. }
        | Record::Earned { context, .. }
        | Record::Dropped { context, .. }
        | Record::WithdrawFrame { context, .. }
        | Record::WithdrawBlob { context, .. }
        | Record::Want { context, .. }
        | Record::Unwant { context, .. } => Some(*context),
    }
}

fn restore_incarnation(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    if let Some(value) = tx.open_table(tables::META)?.get(schema::INCARNATION)? {
        let bytes = value.value().try_into().map_err(|_| {
            let actual = value.value().len();
            Fault::damaged("meta", schema::INCARNATION, format!("expected 8 bytes, got {actual}"))
        })?;
        records.push(Record::Incarnation(Incarnation::from_bytes(bytes)));
    }
    Ok(())
}

fn restore_logs(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::LOG)?.iter()? {
        let (key, value) = item?;
        let user = UserId::from_bytes(part(key.value(), 0));
        records.push(Record::Log { user, entry: value.value().to_vec() });
    }
    Ok(())
}

fn restore_contexts(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::CONTEXT)?.iter()? {
        let (key, value) = item?;
        let record = context::decode(value.value());
        let record = record.map_err(|error| Fault::damaged("context", key.value(), error))?;
        records.push(Record::Context(record));
    }
    Ok(())
}

fn restore_forgotten(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::FORGOTTEN)?.iter()? {
        records.push(Record::ForgetContext(ContextId::from_bytes(*item?.0.value())));
    }
    Ok(())
}

fn restore_envelopes(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::ENVELOPE)?.iter()? {
        let (key, value) = item?;
        let key = key.value();
        let envelope = Envelope::decode(value.value());
        let envelope = envelope.map_err(|error| Fault::damaged("envelope", key, error))?;
        let context = ContextId::from_bytes(part(key, 0));
        let user = UserId::from_bytes(part(key, 1));
        records.push(Record::Envelope { context, user, envelope });
    }
    Ok(())
}

fn restore_redemptions(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::REDEMPTION)?.iter()? {
        let (key, value) = item?;
        let context = ContextId::from_bytes(part(key.value(), 0));
        records.push(Record::Redemption { context, redeem: value.value().to_vec() });
    }
    Ok(())
}

fn restore_forks(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::FORK)?.iter()? {
        let (key, value) = item?;
        let context = ContextId::from_bytes(part(key.value(), 0));
        let user = UserId::from_bytes(part(key.value(), 1));
        records.push(Record::Fork { context, user, proof: value.value().to_vec() });
    }
    Ok(())
}

fn restore_boards(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::BOARD)?.iter()? {
        let (key, value) = item?;
        let (context, board, user) = tables::board_parts(key.value());
        // One that does not read is left out, with what depends on it: peers give both again.
        let stored = value.value().split_first_chunk::<8>();
        match stored.map(|(at, bytes)| (i64::from_be_bytes(*at), Envelope::decode(bytes))) {
            Some((at, Ok(envelope))) => {
                records.push(Record::BoardEnvelope { context, board, user, envelope, at });
            }
            Some((_, Err(error))) => {
                tracing::error!(%context, %user, %error, "an envelope of a dashboard is damaged");
            }
            None => tracing::error!(%context, %user, "an envelope of a dashboard is cut short"),
        }
    }
    for item in tx.open_table(tables::BOARD_FORK)?.iter()? {
        let (key, value) = item?;
        let (context, board, user) = tables::board_parts(key.value());
        records.push(Record::BoardFork { context, board, user, proof: value.value().to_vec() });
    }
    Ok(())
}

fn restore_frames(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    let frames = tx.open_table(tables::FRAME)?;
    for item in tx.open_table(tables::CONTEXT_FRAME)?.iter()? {
        let key = item?.0;
        let context = ContextId::from_bytes(part(key.value(), 0));
        let id = FrameId::from_bytes(part(key.value(), 1));
        match content::intact_frame(&frames, id) {
            Ok(Some(bytes)) => records.push(Record::Frame { context, id, bytes }),
            Ok(None) => tracing::error!(frame = %id, %context, "frame is missing"),
            Err(Fault::Damaged { reason, .. }) => {
                tracing::error!(frame = %id, %context, %reason, "frame is damaged");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn restore_earned(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::CONTEXT_BLOB)?.iter()? {
        let (key, size) = item?;
        let context = ContextId::from_bytes(part(key.value(), 0));
        let hash = BlobHash::from_bytes(part(key.value(), 1));
        records.push(Record::Earned { context, hash, size: size.value() });
    }
    Ok(())
}

fn restore_dropped(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::DROPPED)?.iter()? {
        let (key, size) = item?;
        let context = ContextId::from_bytes(part(key.value(), 0));
        let hash = BlobHash::from_bytes(part(key.value(), 1));
        records.push(Record::Dropped { context, hash, size: size.value() });
    }
    Ok(())
}

fn restore_wants(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::WANT)?.iter()? {
        let (key, value) = item?;
        let key = key.value();
        let context = ContextId::from_bytes(part(key, 0));
        let want = decode_want(BlobHash::from_bytes(part(key, 1)), value.value());
        let want = want.ok_or_else(|| Fault::damaged("want", key, "unknown kind of blob"))?;
        records.push(Record::Want { context, want });
    }
    Ok(())
}

fn restore_blocked(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::BLOCKED)?.iter()? {
        let user = UserId::from_bytes(*item?.0.value());
        records.push(Record::Block { user, blocked: true });
    }
    Ok(())
}

fn restore_offers(tx: &ReadTransaction, records: &mut Vec<Record>) -> Result<(), Fault> {
    for item in tx.open_table(tables::OFFER)?.iter()? {
        let (key, value) = item?;
        // One that does not read is as good as none: it is told again.
        match offers::decode(value.value()) {
            Ok(offer) => records.push(Record::Offer(offer)),
            Err(error) => {
                let context = ContextId::from_bytes(*key.value());
                tracing::error!(%context, %error, "an offer is damaged");
            }
        }
    }
    Ok(())
}

fn encode_want(want: &BlobWant) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[0] = match want.kind {
        BlobKind::Data => 0,
        BlobKind::Directory => 1,
        BlobKind::Lineage => 2,
    };
    bytes[1..].copy_from_slice(&want.size.to_be_bytes());
    bytes
}

fn decode_want(hash: BlobHash, bytes: &[u8; 9]) -> Option<BlobWant> {
    let kind = match bytes[0] {
        0 => BlobKind::Data,
        1 => BlobKind::Directory,
        2 => BlobKind::Lineage,
        _ => return None,
    };
    let size = u64::from_be_bytes(bytes[1..].try_into().expect("eight bytes are left"));
    Some(BlobWant { hash, size, kind })
}
