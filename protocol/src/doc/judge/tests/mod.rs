//! Attacks on catalogs, each by a device that may write.
//!
//! Laptop and phone are two devices of one user; Mallory is another. Every attack that is not
//! about the signature is properly signed, as a thief of the device would do.

mod bombs;
mod forks;
mod places;
mod rule;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ObjType, ROOT, ScalarValue};
use proptest::prelude::*;

use super::*;
use crate::cbor::Map;
use crate::doc::catalog::{CATALOG_EPOCH, CatalogWriter};
use crate::doc::scan::{Counts, ScanError};
use crate::doc::testing::{Chunk, run, signed, text, unsigned};
use crate::id::{ContextId, DeviceId, DocumentId, Incarnation, UserId};
use crate::key::SecretKey;
use crate::limits::{CHANGE_BYTES, MAX_OP};
use crate::statement::{Place, PlacedFact, Statement};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// The laptop's catalog.
fn place() -> CatalogPlace {
    CatalogPlace {
        context: ContextId::from_bytes([1; 32]),
        user: UserId::from_bytes([2; 32]),
        device: key(7).device(),
        inc: Incarnation::from_bytes([3; 8]),
    }
}

/// A statement of the writer of a catalog, with its key.
fn statement(place: &CatalogPlace, key: &SecretKey, n: u64) -> (String, Vec<u8>) {
    let at = Place { context: place.context, device: place.device, inc: place.inc, n, time: 0 };
    let verified = PlacedFact::TicketEnd { key: key.public() }.sign(&at, key).unwrap();
    (catalog_key(&verified).unwrap(), verified.encode())
}

/// The laptop's first `n` changes of one statement each.
fn chain(n: u64) -> Vec<Envelope> {
    let mut writer = CatalogWriter::new(place());
    (1..=n)
        .map(|n| writer.append(&key(7), &[statement(&place(), &key(7), n)], &[]).unwrap())
        .collect()
}

fn task(tip: Option<Tip>, envelopes: Vec<Envelope>) -> JudgeTask {
    JudgeTask { place: place(), epoch: CATALOG_EPOCH, tip, held: Vec::new(), envelopes }
}

/// Judges one envelope as the first of the laptop's catalog.
fn first(envelope: Envelope) -> Judgement {
    judge(&task(None, vec![envelope])).remove(0)
}

/// Signs a change as the laptop's `n`-th.
fn sign(n: u64, change: Vec<u8>) -> Envelope {
    Envelope::sign(place().document(), CATALOG_EPOCH, place().inc, n, change, &key(7))
}

fn actor(device: DeviceId, inc: Incarnation) -> Vec<u8> {
    [device.as_bytes().as_slice(), inc.as_bytes().as_slice()].concat()
}

fn laptop() -> Vec<u8> {
    actor(place().device, place().inc)
}

/// A chunk of the laptop that puts one statement, written by hand.
fn chunk() -> Chunk {
    let (name, value) = statement(&place(), &key(7), 1);
    let mut chunk = Chunk::new(&laptop());
    chunk.column(0x15, [signed(1), text(name.as_bytes())].concat());
    chunk.column(0x56, run(1, (value.len() as u64) << 4 | 7));
    chunk.column(0x57, value);
    chunk
}

fn refused(envelope: Envelope) -> RefuseReason {
    match first(envelope) {
        Judgement::Refuse(reason) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn accepted(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Accept { .. })
}

/// Makes a change in a document of the laptop's actor and signs it as the first.
fn edited(edit: impl FnOnce(&mut AutoCommit)) -> Envelope {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(laptop()));
    edit(&mut doc);
    doc.commit_with(CommitOptions::default().with_time(0));
    sign(1, doc.get_last_local_change().unwrap().raw_bytes().to_vec())
}

#[test]
fn a_chain_is_accepted_and_gives_its_statements() {
    let chain = chain(3);
    let judged = judge(&task(None, chain.clone()));
    let mut tip = None;
    for (n, judgement) in (1..).zip(&judged) {
        let Judgement::Accept { tip: new, statements } = judgement else { panic!("{judgement:?}") };
        assert_eq!(new.n, n);
        assert_eq!(new.max_op, n);
        let (_, bytes) = statement(&place(), &key(7), n);
        assert_eq!(statements.iter().map(Verified::encode).collect::<Vec<_>>(), [bytes]);
        tip = Some(*new);
    }
    let mut known = task(tip, chain.clone());
    assert_eq!(judge(&known), vec![Judgement::Known; 3]);
    known.held = chain;
    assert_eq!(judge(&known), vec![Judgement::Known; 3]);
}

#[test]
fn the_chunk_of_the_tests_would_be_accepted() {
    assert!(accepted(&first(sign(1, chunk().bytes()))));
}

#[test]
fn what_comes_too_early_waits() {
    let chain = chain(3);
    let judged = judge(&task(None, vec![chain[0].clone(), chain[2].clone()]));
    assert!(accepted(&judged[0]));
    assert_eq!(judged[1], Judgement::Wait(WaitReason::MissingPrevious { have: 1 }));
}

/// What waits is bounded by device, so nobody else may fill that table.
#[test]
fn what_waits_is_signed() {
    let mut early = chain(3).remove(2);
    early.sig = sign(3, Vec::new()).sig;
    assert_eq!(refused(early), RefuseReason::Signature(BadSignature));
}
