//! What is signed. A fuzzer finds no signature, so the inputs here are also signed on its behalf:
//! as a malicious writer would, who has a key of her own.

use automerge::Change;

use crate::cbor::{self, Value};
use crate::doc::{
    self, CATALOG_EPOCH, CatalogPlace, CatalogWriter, Envelope, ForkProof, JudgeTask, Judgement,
};
use crate::id::{ContextId, DeviceId, DocumentId, Incarnation, StatementId, UserId};
use crate::identity::{Added, IdentityLog};
use crate::key::SecretKey;
use crate::limits::{CHANGE_BYTES, CHANGE_OPS, STATEMENT_BYTES};
use crate::statement::{
    Entry, EntryFact, Grant, RotatedBy, Rotation, Statement, Verified, recovery_hash,
};

/// The key of a seed; few, so that one key is often used for several things.
fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed % 8; 32])
}

/// A statement: as it came; and, the first byte naming a key, as the body of one that is signed.
pub(super) fn statement(input: &[u8]) {
    if let Ok(statement) = Statement::decode(input) {
        assert_eq!(statement.encode(), input);
        if let Ok(verified) = statement.verify() {
            same_statement(&verified);
        }
    }
    let Some((seed, body)) = input.split_first() else { return };
    let Ok(mut fields) = cbor::decode_map(body, STATEMENT_BYTES) else { return };
    let Some(Value::Text(kind)) = fields.remove("kind") else { return };
    fields.remove("v");
    let texts = |value: Value| value.into_list_of(usize::MAX, |text| text.into_text(usize::MAX));
    let Ok(must) = fields.remove("must").map_or(Ok(Vec::new()), texts) else { return };
    let must: Vec<&str> = must.iter().map(String::as_str).collect();
    if let Ok(verified) = Statement::sign(&kind, fields, &must, &key(*seed)) {
        same_statement(&verified);
    }
}

/// What was taken once is taken again, and says the same.
fn same_statement(verified: &Verified) {
    let bytes = verified.encode();
    let again = Statement::decode(&bytes).expect("it was read before");
    let again = again.verify().expect("its signature held before");
    assert_eq!(again.fact(), verified.fact());
    assert_eq!((again.id(), again.signer()), (verified.id(), verified.signer()));
    assert_eq!(again.encode(), bytes);
}

/// An envelope.
pub(super) fn envelope(input: &[u8]) {
    let Ok(envelope) = Envelope::decode(input) else { return };
    assert_eq!(envelope.encode(), input);
    assert!(envelope.same_place(&envelope.clone()));
    // Whoever signed it, it is not this key's.
    let other = Envelope { device: key(0).device(), ..envelope };
    assert!(other.verify().is_err());
}

/// A proof as it came; and two changes of one number, which always prove a fork, in one form.
pub(super) fn fork(input: &[u8]) {
    if let Ok(proof) = ForkProof::decode(input) {
        assert_eq!(proof.encode(), input);
    }
    let Some((at, changes)) = input.split_first() else { return };
    let (one, other) = changes.split_at(usize::from(*at).min(changes.len()));
    let sign = |change: &[u8]| sign(1, change.to_vec());
    match ForkProof::new(sign(one), sign(other)) {
        Ok(proof) => {
            assert_ne!(one, other);
            assert_eq!(ForkProof::new(sign(other), sign(one)), Ok(proof.clone()));
            if one.len().max(other.len()) <= CHANGE_BYTES {
                assert_eq!(ForkProof::decode(&proof.encode()), Ok(proof));
            }
        }
        Err(_) => assert_eq!(one, other),
    }
}

/// The catalog that the changes of a fuzzer are put into.
pub(super) fn place() -> CatalogPlace {
    CatalogPlace {
        context: ContextId::from_bytes([0xc0; 32]),
        user: UserId::from_bytes([0xa1; 32]),
        device: key(3).device(),
        inc: Incarnation::from_bytes([0x1c; 8]),
    }
}

fn sign(n: u64, change: Vec<u8>) -> Envelope {
    let document: DocumentId = place().document();
    Envelope::sign(document, CATALOG_EPOCH, place().inc, n, change, &key(3))
}

/// What automerge would see: the scanner never counts less than automerge unpacks.
pub(super) fn scan(input: &[u8]) {
    scanned(input);
}

fn scanned(input: &[u8]) -> Option<Change> {
    let counts = doc::scan(input).ok()?;
    if counts.ops > CHANGE_OPS || counts.preds > CHANGE_OPS {
        return None;
    }
    let change = Change::try_from(input).ok()?;
    let operations = change.decode().operations;
    let preds: usize = operations.iter().map(|op| op.pred.len()).sum();
    assert!(counts.ops >= operations.len() as u64, "{counts:?} and {}", operations.len());
    assert!(counts.preds >= preds as u64, "{counts:?} and {preds}");
    Some(change)
}

/// A change with the checksum that it needs, signed and judged. What is accepted can be loaded,
/// as a daemon does with what it stored.
pub(super) fn change(input: &[u8]) {
    let Some(change) = scanned(input) else { return };
    let mut bytes = input.to_vec();
    bytes[4..8].copy_from_slice(&change.hash().0[..4]);
    let envelope = sign(1, bytes);
    let mut task = JudgeTask {
        place: place(),
        epoch: CATALOG_EPOCH,
        tip: None,
        held: Vec::new(),
        envelopes: vec![envelope.clone()],
    };
    let judged = doc::judge(&task).remove(0);
    let Judgement::Accept { tip, statements } = judged else { return };
    let loaded = CatalogWriter::load(place(), [&envelope].into_iter());
    assert_eq!(loaded.expect("it was accepted").tip(), Some(tip));
    statements.iter().for_each(same_statement);
    task.tip = Some(tip);
    assert_eq!(doc::judge(&task), [Judgement::Known]);
}

/// Entries of a log, three bytes each: after which entry, what, and by which key. Whatever roots
/// and recovery keys sign, every order gives one log.
pub(super) fn identity_log(input: &[u8]) {
    let (mut log, inception) =
        IdentityLog::create("Alice", &key(1), &key(2).public()).expect("a name of five letters");
    let mut made: Vec<(StatementId, u64)> = vec![(inception.id(), 0)];
    let mut entries = Vec::new();
    for step in input.chunks_exact(3).take(12) {
        let (prev, n) = made[usize::from(step[0]) % made.len()];
        let entry = Entry { user: log.user(), n: n + 1, prev, fact: fact(step[1]) };
        let Ok(entry) = entry.sign(&key(step[2])) else { continue };
        made.push((entry.id(), n + 1));
        entries.push(entry);
    }
    let mut backwards = IdentityLog::begin(inception).expect("it began one before");
    add_in_turn(&mut log, entries.clone());
    entries.reverse();
    add_in_turn(&mut backwards, entries);
    assert_eq!(outcome(&log), outcome(&backwards));
    for (device, _) in log.devices() {
        assert!(!log.retired().contains_key(&device), "{device} is granted and retired");
    }
    let stored: Vec<Verified> = log.entries().skip(1).cloned().collect();
    let mut again = IdentityLog::begin(log.entries().next().expect("a log has one").clone())
        .expect("it began one before");
    assert!(again.add_stored(stored).iter().all(Result::is_ok));
    assert_eq!(outcome(&again), outcome(&log));
}

/// Adds entries, those that wait for others as soon as these are there. An id does not tell who
/// signed, so one may wait for an entry whose like by another key was refused before.
fn add_in_turn(log: &mut IdentityLog, mut waiting: Vec<Verified>) {
    loop {
        let before = waiting.len();
        waiting.retain(|entry| log.add(entry.clone()) == Ok(Added::Waits));
        if waiting.len() == before {
            return;
        }
    }
}

fn fact(what: u8) -> EntryFact {
    let which = what / 8;
    let device: DeviceId = key(which).device();
    let rotation = |by| Rotation {
        root: key(which).public(),
        next: recovery_hash(&key(which / 8).public()),
        by,
    };
    match what % 8 {
        0..=2 => EntryFact::Grant(Grant {
            device,
            name: format!("device {which}"),
            scope: None,
            until: None,
        }),
        3 => EntryFact::Revoke(device),
        4 => EntryFact::Unknown { kind: "endorse".to_owned() },
        5 => EntryFact::Rotate(rotation(RotatedBy::Root)),
        _ => EntryFact::Rotate(rotation(RotatedBy::Recovery)),
    }
}

/// What a log amounts to.
fn outcome(log: &IdentityLog) -> impl PartialEq + std::fmt::Debug + use<> {
    let devices: Vec<_> = log.devices().map(|(device, grant)| (device, grant.clone())).collect();
    (log.digest(), log.tip(), log.root(), log.fork().cloned(), devices, log.retired())
}
