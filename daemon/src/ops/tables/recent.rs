//! Bytes of tables that were read lately: pages of rows that follow each other stand in the same
//! parts of a file, and to read and check one again takes longer than to unpack it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use dsp_protocol::id::BlobHash;

/// Most bytes that are remembered, of all tables.
const BYTES: usize = 8 << 20;
/// Most parts of files that are remembered.
const PARTS: usize = 512;
/// Largest part that is: whoever reads more at a time reads it once.
const PART_BYTES: usize = 1 << 20;

/// The parts that were read last, all of them checked.
#[derive(Debug, Default)]
pub(in crate::ops) struct Recent(Mutex<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// The latest first.
    known: VecDeque<Part>,
    bytes: usize,
}

#[derive(Debug)]
struct Part {
    hash: BlobHash,
    offset: u64,
    bytes: Bytes,
}

impl Part {
    fn slice(&self, hash: BlobHash, offset: u64, length: usize) -> Option<Bytes> {
        if self.hash != hash {
            return None;
        }
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl Recent {
    /// Returns bytes of a blob where they are part of what was read.
    pub(super) fn get(&self, hash: BlobHash, offset: u64, length: usize) -> Option<Bytes> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut parts.known;
        let at = known.iter().position(|part| part.slice(hash, offset, length).is_some())?;
        let part = known.remove(at)?;
        let bytes = part.slice(hash, offset, length);
        known.push_front(part);
        bytes
    }

    /// Remembers bytes that were read; those that were asked for longest ago give way.
    pub(super) fn keep(&self, hash: BlobHash, offset: u64, bytes: &Bytes) {
        if bytes.is_empty() || bytes.len() > PART_BYTES {
            return;
        }
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.bytes += bytes.len();
        parts.known.push_front(Part { hash, offset, bytes: bytes.clone() });
        while parts.bytes > BYTES || parts.known.len() > PARTS {
            let Some(oldest) = parts.known.pop_back() else { break };
            parts.bytes -= oldest.bytes.len();
        }
    }

    /// Returns the blobs of which something is remembered.
    pub(super) fn hashes(&self) -> BTreeSet<BlobHash> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.known.iter().map(|part| part.hash).collect()
    }

    pub(super) fn forget(&self, gone: &[BlobHash]) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.known.retain(|part| !gone.contains(&part.hash));
        parts.bytes = parts.known.iter().map(|part| part.bytes.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u8) -> BlobHash {
        BlobHash::of(&[n])
    }

    #[test]
    fn parts_of_parts_are_known() {
        let recent = Recent::default();
        recent.keep(hash(1), 100, &Bytes::from_static(b"0123456789"));
        assert_eq!(recent.get(hash(1), 102, 3).unwrap(), "234");
        assert_eq!(recent.get(hash(1), 100, 10).unwrap(), "0123456789");
        for (hash, offset, length) in
            [(hash(2), 102, 3), (hash(1), 99, 3), (hash(1), 108, 3), (hash(1), 102, usize::MAX)]
        {
            assert_eq!(recent.get(hash, offset, length), None, "{offset} {length}");
        }
    }

    #[test]
    fn they_are_bounded_and_the_oldest_give_way() {
        let recent = Recent::default();
        let large = Bytes::from(vec![0; PART_BYTES]);
        recent.keep(hash(0), 0, &Bytes::from_static(b"asked for again"));
        for n in 1..=20 {
            recent.keep(hash(n), 0, &large);
            assert!(recent.get(hash(0), 0, 5).is_some());
            assert!(recent.0.lock().unwrap().bytes <= BYTES);
        }
        assert!(recent.get(hash(20), 0, 1).is_some());
        assert!(recent.get(hash(1), 0, 1).is_none());
        recent.keep(hash(21), 0, &Bytes::from(vec![0; PART_BYTES + 1]));
        assert!(recent.get(hash(21), 0, 1).is_none());
        for n in 0..2 * PARTS as u64 {
            recent.keep(hash(22), 2 * n, &Bytes::from_static(b"x"));
        }
        assert_eq!(recent.0.lock().unwrap().known.len(), PARTS);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let recent = Recent::default();
        recent.keep(hash(1), 0, &Bytes::from_static(b"one"));
        recent.keep(hash(2), 0, &Bytes::from_static(b"two"));
        recent.forget(&[hash(1)]);
        assert_eq!(recent.get(hash(1), 0, 3), None);
        assert_eq!(recent.hashes(), BTreeSet::from([hash(2)]));
        assert_eq!(recent.0.lock().unwrap().bytes, 3);
    }
}
