//! Making an archive, piece by piece.

use super::{About, BLOB_HASH_BYTES, Kind, MAGIC, VERSION};
use crate::cbor::{self, Map, Value};
use crate::id::{BlobHash, UserId};
use crate::wire::{BoardKey, CatalogKey};

/// Makes the bytes of an archive: each call returns those that come next.
///
/// The order of calls is the order of [`Item`](super::Item)s; what stands in another order is not
/// read by anybody.
#[derive(Debug)]
pub struct Writer {
    hasher: blake3::Hasher,
    records: u64,
}

impl Writer {
    /// Begins an archive.
    pub fn begin(about: &About) -> (Writer, Vec<u8>) {
        let mut writer = Writer { hasher: blake3::Hasher::new(), records: 0 };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        writer.hasher.update(&bytes);
        let mut map = Map::new().with("genesis", about.genesis.encode());
        map.insert("partial", about.partial);
        map.insert_some("ticket", about.ticket.as_deref());
        bytes.extend(writer.record(Kind::About, map));
        (writer, bytes)
    }

    /// Adds entries of an identity log, at most what a record holds.
    pub fn log(&mut self, user: UserId, entries: Vec<Vec<u8>>) -> Vec<u8> {
        self.record(Kind::Log, Map::new().with("user", user).with("entries", list(entries)))
    }

    /// Adds envelopes of one catalog, at most what a record holds.
    pub fn envelopes(&mut self, catalog: CatalogKey, envelopes: Vec<Vec<u8>>) -> Vec<u8> {
        let map = Map::new()
            .with("user", catalog.user)
            .with("device", catalog.device)
            .with("inc", catalog.inc)
            .with("envelopes", list(envelopes));
        self.record(Kind::Envelopes, map)
    }

    /// Adds the proof that a catalog is forked.
    pub fn fork(&mut self, user: UserId, proof: Vec<u8>) -> Vec<u8> {
        self.record(Kind::Fork, Map::new().with("user", user).with("proof", proof))
    }

    /// Adds changes of a dashboard, at most what a record holds.
    pub fn board(&mut self, board: BoardKey, changes: Vec<(UserId, Vec<u8>)>) -> Vec<u8> {
        let change = |(user, envelope): (UserId, Vec<u8>)| {
            Value::List(vec![user.into(), Value::Bytes(envelope)])
        };
        let changes: Vec<Value> = changes.into_iter().map(change).collect();
        let map = Map::new().with("board", board.to_value()).with("changes", changes);
        self.record(Kind::Board, map)
    }

    /// Adds the proof of a fork on a dashboard.
    pub fn board_fork(&mut self, board: BoardKey, user: UserId, proof: Vec<u8>) -> Vec<u8> {
        let map = Map::new().with("board", board.to_value());
        self.record(Kind::BoardFork, map.with("user", user).with("proof", proof))
    }

    /// Adds frames, at most what a record holds.
    pub fn frames(&mut self, frames: Vec<Vec<u8>>) -> Vec<u8> {
        self.record(Kind::Frames, Map::new().with("frames", list(frames)))
    }

    /// Begins a blob; exactly `size` bytes have to follow by [`piece`](Self::piece).
    pub fn blob(&mut self, hash: BlobHash, size: u64) -> Vec<u8> {
        let mut bytes = self.prefix(Kind::Blob, BLOB_HASH_BYTES + size);
        self.hasher.update(hash.as_bytes());
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Counts bytes of the blob that began, which come next as they are.
    pub fn piece(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Ends the archive.
    pub fn end(mut self) -> Vec<u8> {
        let (records, hash) = (self.records, self.hasher.finalize());
        let mut bytes = self.prefix(Kind::End, super::END_BYTES as u64);
        bytes.extend_from_slice(&records.to_be_bytes());
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    fn record(&mut self, kind: Kind, map: Map) -> Vec<u8> {
        let body = cbor::encode(&Value::Map(map));
        let mut bytes = self.prefix(kind, body.len() as u64);
        self.hasher.update(&body);
        bytes.extend(body);
        bytes
    }

    fn prefix(&mut self, kind: Kind, length: u64) -> Vec<u8> {
        self.records += 1;
        let mut bytes = vec![kind as u8];
        bytes.extend_from_slice(&length.to_be_bytes());
        self.hasher.update(&bytes);
        bytes
    }
}

fn list(items: Vec<Vec<u8>>) -> Vec<Value> {
    items.into_iter().map(Value::Bytes).collect()
}
