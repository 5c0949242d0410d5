//! One suite for a database in memory and in a file, and what only one of them has.

mod crashes;
mod disk;
mod faults;
mod file;
mod keeping;
mod suite;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use data_encoding::HEXLOWER;
use dsp_protocol::api::Policy;
use dsp_protocol::context::{ContextKind, Genesis};
use dsp_protocol::doc::{Envelope, ForkProof};
use dsp_protocol::id::{BlobHash, ContextId, DocumentId, FrameId, Incarnation, UserId};
use dsp_protocol::key::SecretKey;
use dsp_protocol::statement::{Interest, Role};
use dsp_protocol::sync::{
    BlobKind, BlobWant, ContextRecord, Record, Standing, StoredOffer, TicketUse,
};
use dsp_protocol::wire::{BoardKey, Offer};
use redb::Database;

use self::disk::Disk;
use super::backing::{Backing, builder};
use super::*;
use crate::files::FileError;

/// A database on a simulated disk.
#[derive(Clone, Debug)]
struct DiskBacking {
    disk: Disk,
    place: Arc<Mutex<Vec<u8>>>,
}

impl DiskBacking {
    fn new(disk: Disk) -> DiskBacking {
        DiskBacking { disk, place: Arc::new(Mutex::new(b"here".to_vec())) }
    }
}

impl Backing for DiskBacking {
    fn open(&self) -> Result<Database, Fault> {
        Ok(builder().create_with_backend(self.disk.clone())?)
    }

    fn path(&self) -> &Path {
        Path::new("simulated")
    }

    fn place(&self) -> Result<Vec<u8>, FileError> {
        Ok(self.place.lock().unwrap().clone())
    }
}

/// Where a test of the suite has its database.
enum Stage {
    Memory(DiskBacking),
    File(tempfile::TempDir),
}

impl Stage {
    fn memory() -> Stage {
        Stage::Memory(DiskBacking::new(Disk::default()))
    }

    fn file() -> Stage {
        Stage::File(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        match self {
            Stage::Memory(_) => PathBuf::from("simulated"),
            Stage::File(folder) => folder.path().join("meta.redb"),
        }
    }

    async fn open(&self) -> (Store, Opened) {
        match self {
            Stage::Memory(backing) => {
                let backing = backing.clone();
                Store::start(move || Ok(backing), schema::MIGRATIONS).await.unwrap()
            }
            Stage::File(_) => Store::open(&self.path()).await.unwrap(),
        }
    }

    /// Lets a test change the closed database behind the back of the store.
    fn tamper(&self, change: impl FnOnce(&redb::WriteTransaction)) {
        let database = match self {
            Stage::Memory(backing) => backing.open().unwrap(),
            Stage::File(_) => FileBacking::prepare(&self.path()).unwrap().open().unwrap(),
        };
        let tx = database.begin_write().unwrap();
        change(&tx);
        tx.commit().unwrap();
    }
}

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 32])
}

fn inc(n: u8) -> Incarnation {
    Incarnation::from_bytes([n; 8])
}

fn blob(n: u8) -> BlobHash {
    BlobHash::from_bytes([n; 32])
}

fn genesis(n: u8) -> Genesis {
    Genesis { owners: vec![user(n)], nonce: [n; 16], kind: ContextKind::Team }
}

fn context(n: u8) -> ContextId {
    genesis(n).id()
}

fn context_record(n: u8) -> Record {
    Record::Context(ContextRecord {
        genesis: genesis(n),
        interest: vec![Interest { generation: 3, key: [n; 32] }],
        policy: Policy::Lazy.into(),
        standing: Standing::Active { synced: true },
        admission: Some(TicketUse {
            redeem: b"redeem".to_vec(),
            role: Role::Writer,
            devices: vec![(SecretKey::from_seed(&[n; 32]).device(), "/ip4/1.2.3.4/tcp/1".into())],
        }),
    })
}

fn envelope(of: u8, epoch: u32, device: u8, n: u64) -> Record {
    let key = SecretKey::from_seed(&[device; 32]);
    let doc = DocumentId::catalog(context(of), user(of), key.device(), inc(1));
    let envelope = Envelope::sign(doc, epoch, inc(1), n, vec![device; 100], &key);
    Record::Envelope { context: context(of), user: user(of), envelope }
}

fn frame_bytes(n: u8, size: usize) -> (FrameId, Vec<u8>) {
    let bytes = vec![n; size];
    (FrameId::of(&bytes), bytes)
}

fn frame(of: u8, n: u8) -> Record {
    sized_frame(of, n, 1000)
}

fn sized_frame(of: u8, n: u8, size: usize) -> Record {
    let (id, bytes) = frame_bytes(n, size);
    Record::Frame { context: context(of), id, bytes }
}

fn earned(of: u8, n: u8) -> Record {
    Record::Earned { context: context(of), hash: blob(n), size: u64::from(n) }
}

fn dropped(of: u8, n: u8) -> Record {
    Record::Dropped { context: context(of), hash: blob(n), size: u64::from(n) }
}

fn want(of: u8, n: u8) -> Record {
    let want = BlobWant { hash: blob(n), size: 1 << 40, kind: BlobKind::Directory };
    Record::Want { context: context(of), want }
}

fn redemption(of: u8, n: u8) -> Record {
    Record::Redemption { context: context(of), redeem: vec![n; 50] }
}

fn fork(of: u8) -> Record {
    let key = SecretKey::from_seed(&[9; 32]);
    let doc = DocumentId::catalog(context(of), user(of), key.device(), inc(1));
    let sign = |change: u8| Envelope::sign(doc, 0, inc(1), 3, vec![change; 100], &key);
    let proof = ForkProof::new(sign(1), sign(2)).unwrap().encode();
    Record::Fork { context: context(of), user: user(of), proof }
}

fn board(of: u8) -> BoardKey {
    BoardKey { creator: user(of), nonce: [of; 16] }
}

fn board_envelope(of: u8, epoch: u32, n: u64) -> Record {
    let key = SecretKey::from_seed(&[9; 32]);
    let doc = DocumentId::board(context(of), board(of).creator, board(of).nonce);
    let envelope = Envelope::sign(doc, epoch, inc(1), n, vec![7; 100], &key);
    let (context, board, user) = (context(of), board(of), user(3));
    Record::BoardEnvelope { context, board, user, envelope, at: 1_700_000_000_000 + n as i64 }
}

fn board_fork(of: u8) -> Record {
    let key = SecretKey::from_seed(&[9; 32]);
    let doc = DocumentId::board(context(of), board(of).creator, board(of).nonce);
    let sign = |change: u8| Envelope::sign(doc, 0, inc(1), 3, vec![change; 100], &key);
    let proof = ForkProof::new(sign(1), sign(2)).unwrap().encode();
    Record::BoardFork { context: context(of), board: board(of), user: user(3), proof }
}

fn log(of: u8, entry: &[u8]) -> Record {
    Record::Log { user: user(of), entry: entry.to_vec() }
}

/// Records in the order in which they are given back.
fn everything() -> Vec<Record> {
    let mut records = vec![Record::Incarnation(inc(7))];
    records.extend([log(1, b"z"), log(1, b"a"), log(1, b"m"), log(2, b"x")]);
    let mut contexts = [1, 2];
    contexts.sort_by_key(|n| context(*n));
    records.extend(contexts.map(context_record));
    for of in contexts {
        records.extend([1, 2, 255, 256, 257].map(|n| envelope(of, 0, 9, n)));
    }
    records.extend(contexts.map(|of| redemption(of, 1)));
    records.extend(contexts.map(fork));
    for of in contexts {
        records.extend([1, 2, 256].map(|n| board_envelope(of, 0, n)));
        records.push(board_envelope(of, 1, 1));
    }
    records.extend(contexts.map(board_fork));
    records.extend(contexts.map(|of| frame(of, 1)));
    records.extend(contexts.map(|of| earned(of, 3)));
    records.extend(contexts.map(|of| dropped(of, 5)));
    records.extend(contexts.map(|of| want(of, 1)));
    records.push(Record::Block { user: user(5), blocked: true });
    records.push(offer(5));
    records
}

/// An offer of a context that is not here.
fn offer(n: u8) -> Record {
    let genesis = Genesis { owners: vec![user(n)], nonce: [n; 16], kind: ContextKind::Team };
    let interest = Interest { generation: 1, key: [n; 32] };
    let offer = Offer { genesis, interest, name: "plans".parse().unwrap() };
    Record::Offer(StoredOffer { from: user(n), offer, since: 3, declined: true })
}

/// Records of what a newer program made: the fixture that the sync engine relays in its tests.
fn unknown() -> Vec<Record> {
    let lines = std::fs::read_to_string("../protocol/src/sync/tests/unknown.txt").unwrap();
    let named = |name: &str| -> Vec<Vec<u8>> {
        let lines = lines.lines().filter_map(|line| line.split_once(' '));
        let named = lines.filter(|(of, _)| *of == name);
        named.map(|(_, hex)| HEXLOWER.decode(hex.as_bytes()).unwrap()).collect()
    };
    let user = UserId::from_bytes(named("user")[0][..].try_into().unwrap());
    let genesis = Genesis::decode(&named("genesis")[0]).unwrap();
    let context = genesis.id();
    let Record::Context(record) = context_record(1) else { unreachable!() };
    let mut records: Vec<Record> =
        named("log").into_iter().map(|entry| Record::Log { user, entry }).collect();
    records.push(Record::Context(ContextRecord { genesis, ..record }));
    let envelopes = named("envelope").into_iter().map(|bytes| Envelope::decode(&bytes).unwrap());
    records.extend(envelopes.map(|envelope| Record::Envelope { context, user, envelope }));
    let frames = named("frame").into_iter();
    records.extend(frames.map(|bytes| Record::Frame { context, id: FrameId::of(&bytes), bytes }));
    records
}
