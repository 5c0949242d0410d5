//! Every table of the database, with its bytes. `docs/storage.md` holds the same list.
//!
//! A key of several parts is their bytes one after the other, numbers in it big-endian, so that
//! what belongs together lies together and in order. Ids are their raw bytes. "CBOR" is the
//! canonical subset of the protocol. Where redb stores the number of a value (`u64`, `i64`), it is
//! little-endian.

use std::ops::RangeInclusive;

use dsp_protocol::id::{ContextId, DeviceId, Incarnation, UserId};
use redb::TableDefinition;

/// What the store knows of itself: name -> bytes; the names are in [`super::schema`].
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");

/// Small values of the daemon: name -> bytes, as [`super::Slot`] has them.
pub(super) const SLOT: TableDefinition<&str, &[u8]> = TableDefinition::new("slot");

/// Identity logs: user (32) ‖ position from 0 (u32) -> the signed statement.
pub(super) const LOG: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("log");

/// Contexts: context (32) -> CBOR, as [`super::context`] writes it.
pub(super) const CONTEXT: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("context");

/// Accepted envelopes: context (32) ‖ user (32) ‖ device (32) ‖ incarnation (8) ‖ n (u64) -> the
/// envelope as it is sent.
pub(super) const ENVELOPE: TableDefinition<&[u8; 112], &[u8]> = TableDefinition::new("envelope");

/// Redemptions of tickets: context (32) ‖ BLAKE3 of the value (32) -> the signed statement.
pub(super) const REDEMPTION: TableDefinition<&[u8; 64], &[u8]> = TableDefinition::new("redemption");

/// Proofs of forked catalogs: context (32) ‖ user (32) ‖ device (32) ‖ incarnation (8) -> the proof
/// as it is sent.
pub(super) const FORK: TableDefinition<&[u8; 104], &[u8]> = TableDefinition::new("fork");

/// Frames, each once: frame (32) -> its bytes as received.
pub(super) const FRAME: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("frame");

/// Which frames a context has: context (32) ‖ frame (32) -> nothing.
pub(super) const CONTEXT_FRAME: TableDefinition<&[u8; 64], ()> =
    TableDefinition::new("context-frame");

/// Which contexts have a frame: frame (32) ‖ context (32) -> nothing.
pub(super) const FRAME_CONTEXT: TableDefinition<&[u8; 64], ()> =
    TableDefinition::new("frame-context");

/// Blobs that are here and earned in a context: context (32) ‖ blob (32) -> size in bytes.
pub(super) const CONTEXT_BLOB: TableDefinition<&[u8; 64], u64> =
    TableDefinition::new("context-blob");

/// In which contexts a blob is earned: blob (32) ‖ context (32) -> nothing.
pub(super) const BLOB_CONTEXT: TableDefinition<&[u8; 64], ()> =
    TableDefinition::new("blob-context");

/// Blobs that were earned in a context and whose bytes are gone or damaged: context (32) ‖ blob (32)
/// -> size in bytes.
pub(super) const LOST: TableDefinition<&[u8; 64], u64> = TableDefinition::new("lost");

/// Blobs that are wanted in a context: context (32) ‖ blob (32) -> kind (1: 0 data, 1 directory,
/// 2 lineage) ‖ size in bytes (u64, big-endian).
pub(super) const WANT: TableDefinition<&[u8; 64], &[u8; 9]> = TableDefinition::new("want");

/// Contexts that were forgotten here, and that no other device of this user brings back: context
/// (32) -> nothing.
pub(super) const FORGOTTEN: TableDefinition<&[u8; 32], ()> = TableDefinition::new("forgotten");

/// Blobs that the user let go: context (32) ‖ blob (32) -> size in bytes.
pub(super) const DROPPED: TableDefinition<&[u8; 64], u64> = TableDefinition::new("dropped");

/// Bytes of the blobs that are here: context (32), zeros for all together -> bytes.
pub(super) const USED: TableDefinition<&[u8; 32], u64> = TableDefinition::new("used");

/// Quotas: context (32) -> bytes.
pub(super) const QUOTA: TableDefinition<&[u8; 32], u64> = TableDefinition::new("quota");

/// Pins: context (32) ‖ user (32) ‖ stack (16) ‖ frame (32), zeros for a stack -> kind (1: 0 frame,
/// 1 heads, 2 all) ‖ since when (i64, big-endian, milliseconds since 1970) ‖ frames, 32 each.
pub(super) const PIN: TableDefinition<&[u8; 112], &[u8]> = TableDefinition::new("pin");

/// Blobs that pins keep: context (32) ‖ blob (32) -> nothing.
pub(super) const PIN_BLOB: TableDefinition<&[u8; 64], ()> = TableDefinition::new("pin-blob");

/// Who proved to hold a blob: blob (32) ‖ device (32) -> when, in milliseconds since 1970.
pub(super) const HOLDER: TableDefinition<&[u8; 64], i64> = TableDefinition::new("holder");

/// Where devices are: device (32) ‖ address as multiaddr text -> when it last worked, in
/// milliseconds since 1970; 0 where the device only says so.
pub(super) const ADDRESS: TableDefinition<&[u8], i64> = TableDefinition::new("address");

/// Other users: user (32) -> CBOR `{name: text, verified: bool, results: bool, code: bool}`; the
/// last two are absent where they are false.
pub(super) const PEER: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("peer");

/// Whose a petname is: the petname, folded -> user (32).
pub(super) const PETNAME: TableDefinition<&str, &[u8; 32]> = TableDefinition::new("petname");

/// Users with whom this node has nothing to do: user (32) -> nothing.
pub(super) const BLOCKED: TableDefinition<&[u8; 32], ()> = TableDefinition::new("blocked");

/// Contexts that others offer: context (32) -> CBOR, as [`super::offers`] writes it.
pub(super) const OFFER: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("offer");

/// Tokens and sessions: hash of the secret (32) -> CBOR, as [`super::tokens`] writes it.
pub(super) const TOKEN: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("token");

/// What the user may want to know: number, rising from 1 -> CBOR, as [`super::notifications`] writes
/// it.
pub(super) const NOTIFICATION: TableDefinition<u64, &[u8]> = TableDefinition::new("notification");

/// Contexts of which nothing becomes a notification: context (32) -> nothing.
pub(super) const MUTED: TableDefinition<&[u8; 32], ()> = TableDefinition::new("muted");

/// How long the identity log of another user was when it was last looked at: user (32) -> entries.
pub(super) const LOG_SEEN: TableDefinition<&[u8; 32], u32> = TableDefinition::new("log-seen");

/// What was done and can be undone: number, rising from 1 -> CBOR, as [`super::journal`] writes it.
pub(super) const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// Blobs that nothing names: blob (32) -> since when, in milliseconds since 1970 (i64, big-endian) ‖
/// size in bytes (u64, big-endian).
pub(super) const TRASH: TableDefinition<&[u8; 32], &[u8; 16]> = TableDefinition::new("trash");

/// Contexts in the trash: context (32) -> since when, in milliseconds since 1970.
pub(super) const TRASHED_CONTEXT: TableDefinition<&[u8; 32], i64> =
    TableDefinition::new("trashed-context");

/// Returns a key of two ids.
pub(super) fn pair(first: &[u8; 32], second: &[u8; 32]) -> [u8; 64] {
    joined(&[first, second])
}

/// Returns the key of an entry of an identity log.
pub(super) fn log_key(user: UserId, position: u32) -> [u8; 36] {
    joined(&[user.as_bytes(), &position.to_be_bytes()])
}

/// Returns what the keys of one catalog begin with.
pub(super) fn catalog_prefix(
    context: ContextId,
    user: UserId,
    device: DeviceId,
    inc: Incarnation,
) -> [u8; 104] {
    joined(&[context.as_bytes(), user.as_bytes(), device.as_bytes(), inc.as_bytes()])
}

/// Returns the key of an envelope of a catalog.
pub(super) fn envelope_key(catalog: &[u8; 104], n: u64) -> [u8; 112] {
    joined(&[catalog, &n.to_be_bytes()])
}

/// Returns all keys of `N` bytes that begin with `prefix`, to be borrowed as a range.
pub(super) fn under<const N: usize>(prefix: &[u8]) -> RangeInclusive<[u8; N]> {
    let filled = |byte| {
        let mut key = [byte; N];
        key[..prefix.len()].copy_from_slice(prefix);
        key
    };
    filled(0)..=filled(0xff)
}

/// Returns part `at` of a key, 32 bytes long.
pub(super) fn part<const N: usize>(key: &[u8; N], at: usize) -> [u8; 32] {
    key[32 * at..32 * (at + 1)].try_into().expect("a slice of 32 bytes")
}

fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let bytes = parts.concat();
    bytes.try_into().expect("the parts of a key have its length")
}
