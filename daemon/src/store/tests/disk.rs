//! A disk in memory that fails, loses power and fills up.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use redb::StorageBackend;

const BLOCK: usize = 4096;
const SECTOR: usize = 512;

/// The disk; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What is read back.
    bytes: Vec<u8>,
    /// What survives a loss of power for certain.
    synced: Vec<u8>,
    /// What was done since the last sync, and may survive.
    pending: Vec<Pending>,
    /// Changes until one fails.
    fails_in: Option<u64>,
    /// Whether everything fails after that one.
    stays_broken: bool,
    /// Changes seen.
    changes: u64,
    /// Blocks in use, and how many there are.
    used: BTreeSet<usize>,
    blocks: Option<usize>,
}

#[derive(Debug)]
enum Pending {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Disk {
    /// Lets the `n`-th change from now fail, counted from 0.
    pub(super) fn fail_once_in(&self, n: u64) {
        let mut state = self.0.lock().unwrap();
        state.fails_in = Some(n);
        state.stays_broken = false;
    }

    /// Lets the `n`-th change from now and all after it fail.
    pub(super) fn fail_from(&self, n: u64) {
        let mut state = self.0.lock().unwrap();
        state.fails_in = Some(n);
        state.stays_broken = true;
    }

    /// Makes the disk whole again; tells whether anything failed.
    pub(super) fn mend(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        let failed = state.fails_in.take().is_none_or(|left| left == 0);
        state.stays_broken = false;
        failed
    }

    /// Returns the changes seen so far.
    pub(super) fn changes(&self) -> u64 {
        self.0.lock().unwrap().changes
    }

    /// Leaves room for `blocks` more blocks than are in use, or as much as one likes.
    pub(super) fn leave_free(&self, blocks: Option<usize>) {
        let mut state = self.0.lock().unwrap();
        state.blocks = blocks.map(|free| state.used.len() + free);
    }

    /// Returns the disk as it is after a loss of power: of what was not synced, any sectors may
    /// have been written.
    pub(super) fn after_power_loss(&self, seed: u64) -> Disk {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let state = self.0.lock().unwrap();
        let mut bytes = state.synced.clone();
        for pending in &state.pending {
            match pending {
                Pending::Length(length) => bytes.resize(*length, 0),
                Pending::Write(at, data) => {
                    for (i, sector) in data.chunks(SECTOR).enumerate() {
                        let start = at + i * SECTOR;
                        if rng.random_bool(0.5) && start + sector.len() <= bytes.len() {
                            bytes[start..start + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        Disk(Arc::new(Mutex::new(State { synced: bytes.clone(), bytes, ..State::default() })))
    }
}

impl State {
    fn change(&mut self) -> io::Result<()> {
        self.changes += 1;
        match &mut self.fails_in {
            Some(0) if self.stays_broken => Err(io::Error::other("the disk is broken")),
            Some(0) => {
                self.fails_in = None;
                Err(io::Error::other("the disk failed once"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let at = offset as usize;
        let bytes = state.bytes.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.change()?;
        let len = len as usize;
        state.bytes.resize(len, 0);
        state.used.retain(|block| block * BLOCK < len);
        state.pending.push(Pending::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.change()?;
        let State { pending, synced, .. } = &mut *state;
        for pending in pending.drain(..) {
            match pending {
                Pending::Length(length) => synced.resize(length, 0),
                Pending::Write(at, data) => synced[at..at + data.len()].copy_from_slice(&data),
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.change()?;
        let at = offset as usize;
        let blocks = at / BLOCK..(at + data.len()).div_ceil(BLOCK);
        let fresh = blocks.clone().filter(|block| !state.used.contains(block)).count();
        if state.blocks.is_some_and(|most| state.used.len() + fresh > most) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.used.extend(blocks);
        state.bytes[at..at + data.len()].copy_from_slice(data);
        state.pending.push(Pending::Write(at, data.to_vec()));
        Ok(())
    }
}
