//! Attacks on catalogs, each by a device that may write.
//!
//! Laptop and phone are two devices of one user; Mallory is another. Every attack that is not
//! about the signature is properly signed, as a thief of the device would do.

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

// Finding 1: replay into another place.

/// The places that differ from the laptop's catalog in one thing.
fn other_places() -> Vec<(&'static str, CatalogPlace)> {
    let here = place();
    vec![
        ("context", CatalogPlace { context: ContextId::from_bytes([9; 32]), ..here }),
        ("user", CatalogPlace { user: UserId::from_bytes([9; 32]), ..here }),
        ("device", CatalogPlace { device: key(8).device(), ..here }),
        ("incarnation", CatalogPlace { inc: Incarnation::from_bytes([9; 8]), ..here }),
    ]
}

#[test]
fn a_genuine_change_is_refused_in_every_other_catalog() {
    let genuine = chain(1).remove(0);
    for (name, place) in other_places() {
        let task = JudgeTask { place, ..task(None, vec![genuine.clone()]) };
        assert_eq!(judge(&task), [Judgement::Refuse(RefuseReason::Place)], "{name}");
        // Relabelled to where it was replayed, the signature does not hold any more.
        let relabelled = Envelope {
            doc: place.document(),
            device: place.device,
            inc: place.inc,
            ..genuine.clone()
        };
        let task = JudgeTask { envelopes: vec![relabelled], ..task };
        let bad = RefuseReason::Signature(BadSignature);
        assert_eq!(judge(&task), [Judgement::Refuse(bad)], "{name}");
    }
}

#[test]
fn a_change_of_a_board_is_refused_in_a_catalog() {
    let board = DocumentId::board(place().context, place().user, [0; 16]);
    let mut envelope = Envelope::sign(board, 0, place().inc, 1, chunk().bytes(), &key(7));
    assert_eq!(refused(envelope.clone()), RefuseReason::Place);
    envelope.doc = place().document();
    assert_eq!(refused(envelope), RefuseReason::Signature(BadSignature));
}

/// The thief of a device signs a relayed statement of another place into its catalog.
#[test]
fn a_statement_of_another_place_is_refused() {
    for (name, other) in other_places() {
        if name == "user" {
            continue; // a statement names no user: its device does
        }
        let signer = if name == "device" { key(8) } else { key(7) };
        let (name, value) = statement(&other, &signer, 1);
        let envelope = edited(|doc| doc.put(ROOT, &name, value).unwrap());
        let expected =
            if signer.device() == place().device { EntryError::Place } else { EntryError::Signer };
        assert_eq!(refused(envelope), RefuseReason::Entry { key: name, reason: expected });
    }
}

// Finding 2: small changes that kill or drown.

/// (a) Automerge panics at the next put after such a counter, and honest changes inherit it.
#[test]
fn start_op_is_the_one_after_the_tip() {
    for start_op in [0, 2, 3_000_000_000, u64::from(u32::MAX) - 1, u32::MAX.into(), u64::MAX] {
        let mut chunk = chunk();
        chunk.start_op = start_op;
        let bytes = chunk.bytes();
        assert!(!accepted(&first(sign(1, bytes))), "{start_op}");
    }
    let mut chunk = chunk();
    chunk.start_op = 2;
    let expected = RefuseReason::StartOp { expected: 1, actual: 2 };
    assert_eq!(refused(sign(1, chunk.bytes())), expected);
}

/// (a) The counter ends before automerge's does, however it got there.
#[test]
fn the_last_operation_stays_below_the_limit() {
    let tip = Tip { n: 1, change: crate::id::ChangeId::from_bytes([5; 32]), max_op: MAX_OP - 2 };
    let mut chunk = chunk();
    chunk.seq = 2;
    chunk.deps = vec![[5; 32]];
    chunk.start_op = MAX_OP - 1;
    let judged = judge(&task(Some(tip), vec![sign(2, chunk.bytes())]));
    assert!(accepted(&judged[0]), "{judged:?}");
    chunk.start_op = MAX_OP;
    let tip = Tip { max_op: MAX_OP - 1, ..tip };
    let judged = judge(&task(Some(tip), vec![sign(2, chunk.bytes())]));
    let reason = RefuseReason::Change(ChangeError::MaxOp(MAX_OP));
    assert_eq!(judged, [Judgement::Refuse(reason)]);
}

/// (b) A million operations in a hundred bytes never reach automerge.
#[test]
fn a_million_operations_are_refused_unseen() {
    let change = Chunk::new(&laptop()).puts(1_000_000).unchecked();
    assert!(change.len() < 135);
    let counts = Counts { ops: 1_000_000, preds: 0 };
    let expected = RefuseReason::Change(ChangeError::TooMany(counts));
    assert_eq!(refused(sign(1, change)), expected);
    let mut chunk = chunk();
    chunk.column(0x70, run(1, 1_000_000));
    chunk.column(0x71, run(1_000_000, 0)).column(0x73, run(1_000_000, 0));
    let counts = Counts { ops: 1, preds: 1_000_000 };
    let expected = RefuseReason::Change(ChangeError::TooMany(counts));
    assert_eq!(refused(sign(1, chunk.unchecked())), expected);
}

/// (c) A deflated chunk never reaches automerge, though it holds an honest change.
#[test]
fn a_deflated_chunk_is_refused_unseen() {
    let mut doc = AutoCommit::new().with_actor(ActorId::from(laptop()));
    let (name, value) = statement(&place(), &key(7), 1);
    doc.put(ROOT, name, value).unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    let mut change = doc.get_last_local_change().unwrap();
    assert!(accepted(&first(sign(1, change.raw_bytes().to_vec()))));
    let deflated = change.bytes().into_owned();
    assert_eq!(deflated[8], 2);
    let expected = RefuseReason::Change(ScanError::ChunkType(2).into());
    assert_eq!(refused(sign(1, deflated)), expected);
}

/// (d) A change whose past is not here waits outside automerge, or is refused.
#[test]
fn orphans_are_never_accepted() {
    let mut orphan = chunk();
    orphan.deps = vec![[5; 32]];
    assert_eq!(refused(sign(1, orphan.bytes())), RefuseReason::Previous);
    orphan.seq = 2;
    let waits = Judgement::Wait(WaitReason::MissingPrevious { have: 0 });
    assert_eq!(first(sign(2, orphan.bytes())), waits);
    // A second dependency beside the right one.
    let chain = chain(1);
    let tip = Tip::of(&Change::try_from(chain[0].change.as_slice()).unwrap());
    for deps in [vec![], vec![tip.change, [0xff; 32].into_id()], vec![[0; 32].into_id()]] {
        let mut second = chunk();
        second.seq = 2;
        second.start_op = 2;
        second.deps = deps.iter().map(|dep| *dep.as_bytes()).collect();
        let judged = judge(&task(Some(tip), vec![sign(2, second.bytes())]));
        assert_eq!(judged, [Judgement::Refuse(RefuseReason::Previous)]);
    }
}

trait IntoId {
    fn into_id(self) -> ChangeId;
}

impl IntoId for [u8; 32] {
    fn into_id(self) -> ChangeId {
        ChangeId::from_bytes(self)
    }
}

/// (e) A bad envelope takes nothing with it.
#[test]
fn a_bad_change_does_not_poison_the_batch() {
    let chain = chain(3);
    let mut bad = chain[1].clone();
    bad.sig = chain[0].sig;
    let batch = vec![chain[0].clone(), bad, chain[1].clone(), chain[2].clone()];
    let judged = judge(&task(None, batch));
    assert!(accepted(&judged[0]));
    assert_eq!(judged[1], Judgement::Refuse(RefuseReason::Signature(BadSignature)));
    assert!(accepted(&judged[2]) && accepted(&judged[3]));
}

#[test]
fn what_depends_on_a_bad_change_waits() {
    let chain = chain(3);
    let mut bad = chain[1].clone();
    bad.sig = chain[0].sig;
    let judged = judge(&task(None, vec![chain[0].clone(), bad, chain[2].clone()]));
    assert_eq!(judged[2], Judgement::Wait(WaitReason::MissingPrevious { have: 1 }));
}

#[test]
fn a_change_is_not_larger_than_64_kib() {
    let mut chunk = chunk();
    chunk.extra = vec![0; CHANGE_BYTES];
    let bytes = chunk.bytes();
    let expected = RefuseReason::Change(ChangeError::TooLarge(bytes.len()));
    assert_eq!(refused(sign(1, bytes)), expected);
}

// Finding 3: a writer that is not the one of this catalog.

/// A restored database counts from where its backup ended: the same place, another change.
#[test]
fn a_restored_backup_shows_as_a_fork_and_a_new_incarnation_goes_on() {
    let lost = chain(3);
    let mut restored = CatalogWriter::load(place(), lost[..2].iter()).unwrap();
    let other = restored.append(&key(7), &[statement(&place(), &key(7), 9)], &[]).unwrap();
    let mut judged = task(None, lost.clone());
    judged.envelopes.push(other.clone());
    let proof = ForkProof::new(lost[2].clone(), other).unwrap();
    let fork = RefuseReason::Fork(Box::new(proof));
    assert_eq!(fork.blame(), Blame::Signer);
    assert_eq!(judge(&judged)[3], Judgement::Refuse(fork));

    let here = CatalogPlace { inc: Incarnation::from_bytes([4; 8]), ..place() };
    let mut renewed = CatalogWriter::new(here);
    let change = renewed.append(&key(7), &[statement(&here, &key(7), 1)], &[]).unwrap();
    let task = JudgeTask { place: here, ..task(None, vec![change]) };
    assert!(accepted(&judge(&task)[0]));
}

#[test]
fn the_actor_is_the_device_and_incarnation() {
    let phone = key(8).device();
    for actor in [
        actor(phone, place().inc),
        actor(place().device, Incarnation::from_bytes([9; 8])),
        laptop()[..39].to_vec(),
        vec![],
    ] {
        let mut chunk = chunk();
        chunk.actor = actor;
        let expected = RefuseReason::Change(ChangeError::Actor);
        assert_eq!(refused(sign(1, chunk.bytes())), expected);
    }
}

#[test]
fn the_number_is_that_of_automerge() {
    let mut chunk = chunk();
    chunk.seq = 2;
    let expected = RefuseReason::Change(ChangeError::Seq { expected: 1, actual: 2 });
    assert_eq!(refused(sign(1, chunk.bytes())), expected);
    let mut zero = sign(0, self::chunk().bytes());
    assert_eq!(refused(zero.clone()), RefuseReason::Place);
    zero.n = 1;
    assert_eq!(refused(zero), RefuseReason::Signature(BadSignature));
}

/// Two devices that both make a root map hide each other's; a catalog has no maps.
#[test]
fn a_catalog_has_no_objects() {
    for kind in [ObjType::Map, ObjType::List, ObjType::Text] {
        let (name, _) = statement(&place(), &key(7), 1);
        let envelope = edited(|doc| {
            doc.put_object(ROOT, &name, kind).unwrap();
        });
        let expected = RefuseReason::Op { index: 0, reason: OpError::Action };
        assert_eq!(refused(envelope), expected);
    }
    let mut chunk = chunk();
    chunk.column(0x01, run(1, 0)).column(0x02, run(1, 1));
    let expected = RefuseReason::Op { index: 0, reason: OpError::NotAtRoot };
    assert_eq!(refused(sign(1, chunk.bytes())), expected);
}

#[test]
fn a_catalog_names_no_other_actor() {
    let mut chunk = chunk();
    chunk.others = vec![actor(key(8).device(), place().inc)];
    assert_eq!(refused(sign(1, chunk.bytes())), RefuseReason::OtherActors);
}

// The rest of the place rule.

#[test]
fn an_operation_puts_bytes_at_a_key_or_deletes() {
    let (name, value) = statement(&place(), &key(7), 1);
    let not_bytes = edited(|doc| doc.put(ROOT, &name, "text").unwrap());
    let expected = RefuseReason::Op { index: 0, reason: OpError::Value };
    assert_eq!(refused(not_bytes), expected);
    let counter = edited(|doc| {
        doc.put(ROOT, &name, ScalarValue::counter(1)).unwrap();
        doc.increment(ROOT, &name, 1).unwrap();
    });
    assert!(matches!(refused(counter), RefuseReason::Op { .. }));
    let mut increment = chunk();
    increment.column(0x42, run(1, 5)).column(0x56, run(1, 1 << 4 | 3)).column(0x57, vec![1]);
    let expected = RefuseReason::Op { index: 0, reason: OpError::Action };
    assert_eq!(refused(sign(1, increment.bytes())), expected);
    let mut insert = chunk();
    insert.column(0x34, [unsigned(0), unsigned(1)].concat());
    let expected = RefuseReason::Op { index: 0, reason: OpError::NotAtKey };
    assert_eq!(refused(sign(1, insert.bytes())), expected);
    let mut element = chunk();
    element.columns.retain(|(column, _)| *column != 0x15);
    element.column(0x13, [signed(1), signed(0)].concat());
    assert_eq!(refused(sign(1, element.bytes())), expected);
    let mut both = edited(|doc| {
        doc.put(ROOT, &name, value).unwrap();
        doc.delete(ROOT, &name).unwrap();
    });
    assert!(accepted(&first(both.clone())));
    both.change.pop();
    assert!(!accepted(&first(both)));
}

#[test]
fn a_key_is_kind_and_id() {
    let (name, value) = statement(&place(), &key(7), 1);
    let (other, _) = statement(&place(), &key(7), 2);
    let id = name.split_once('/').unwrap().1;
    let wrong = [other, format!("tag/{id}"), format!("x{name}")];
    for wrong in wrong {
        let envelope = edited(|doc| doc.put(ROOT, &wrong, value.clone()).unwrap());
        let reason = EntryError::Key;
        assert_eq!(refused(envelope), RefuseReason::Entry { key: wrong, reason });
    }
    let long = format!("{}/{id}", "k".repeat(CATALOG_KEY_BYTES - 64));
    for wrong in ["", "k", "/", &format!("/{id}"), id, &name[..name.len() - 1], &long] {
        let mut chunk = chunk();
        chunk.column(0x15, [signed(1), text(wrong.as_bytes())].concat());
        chunk.column(0x42, run(1, 3));
        chunk.column(0x56, run(1, 0)).column(0x57, Vec::new());
        let judged = refused(sign(1, chunk.bytes()));
        let known = matches!(
            judged,
            RefuseReason::Op { reason: OpError::Key, .. } | RefuseReason::Change(_)
        );
        assert!(known, "{wrong}: {judged:?}");
    }
}

#[test]
fn a_value_is_a_statement() {
    let (name, value) = statement(&place(), &key(7), 1);
    let mut broken = value.clone();
    *broken.last_mut().unwrap() ^= 1;
    for value in [vec![], b"secret".to_vec(), broken] {
        let envelope = edited(|doc| doc.put(ROOT, &name, value).unwrap());
        let reason = refused(envelope);
        let statement = |r: &RefuseReason| {
            matches!(r, RefuseReason::Entry { reason: EntryError::Statement(_), .. })
        };
        assert!(statement(&reason), "{reason:?}");
    }
}

#[test]
fn a_statement_outside_of_contexts_is_refused() {
    let fields = Map::new().with("hello", "world");
    let free = Statement::sign("greeting", fields, &[], &key(7)).unwrap();
    let name = format!("greeting/{}", free.id());
    let envelope = edited(|doc| doc.put(ROOT, &name, free.encode()).unwrap());
    let reason = EntryError::NotPlaced;
    assert_eq!(refused(envelope), RefuseReason::Entry { key: name, reason });
}

/// What this version does not know is kept for those who do.
#[test]
fn a_statement_of_an_unknown_kind_is_accepted() {
    let fields = Map::new()
        .with("context", place().context)
        .with("device", place().device)
        .with("inc", place().inc)
        .with("n", 1u64)
        .with("time", 0i64)
        .with("mood", "sunny");
    let unknown = Statement::sign("weather", fields, &["clouds"], &key(7)).unwrap();
    let name = catalog_key(&unknown).unwrap();
    assert!(name.starts_with("weather/"));
    let envelope = edited(|doc| doc.put(ROOT, &name, unknown.encode()).unwrap());
    let Judgement::Accept { statements, .. } = first(envelope) else { panic!("not accepted") };
    assert_eq!(statements, [unknown]);
}

#[test]
fn a_change_holds_nothing_beside_its_operations() {
    let mut message = chunk();
    message.message = b"hidden".to_vec();
    let mut time = chunk();
    time.time = 1;
    let mut extra = chunk();
    extra.extra = vec![1];
    for chunk in [message, time, extra] {
        let expected = RefuseReason::Change(ChangeError::Extra);
        assert_eq!(refused(sign(1, chunk.bytes())), expected);
    }
    let mut bytes = chunk().bytes();
    bytes[4] ^= 1;
    assert_eq!(refused(sign(1, bytes)), RefuseReason::Change(ChangeError::Checksum));
    let mut empty = chunk();
    empty.columns.clear();
    assert_eq!(refused(sign(1, empty.bytes())), RefuseReason::Change(ChangeError::Empty));
}

// Finding 9: forks and epochs.

#[test]
fn a_fork_below_the_tip_is_proved() {
    let chain = chain(2);
    let mut writer = CatalogWriter::new(place());
    let other = writer.append(&key(7), &[statement(&place(), &key(7), 9)], &[]).unwrap();
    let tip = Tip::of(&Change::try_from(chain[1].change.as_slice()).unwrap());
    let mut task = task(Some(tip), vec![other.clone()]);
    task.held = chain.clone();
    let Judgement::Refuse(RefuseReason::Fork(proof)) = judge(&task).remove(0) else {
        panic!("not a fork")
    };
    assert_eq!(ForkProof::decode(&proof.encode()), Ok(*proof.clone()));
    assert_eq!(*proof, ForkProof::new(chain[0].clone(), other).unwrap());
}

/// Whoever got the other side of a fork first delivers what follows in good faith.
#[test]
fn the_other_side_of_a_fork_blames_its_signer() {
    let mut writer = CatalogWriter::new(place());
    writer.append(&key(7), &[statement(&place(), &key(7), 9)], &[]).unwrap();
    let second = writer.append(&key(7), &[statement(&place(), &key(7), 10)], &[]).unwrap();
    let tip = Tip::of(&Change::try_from(chain(1)[0].change.as_slice()).unwrap());
    let judged = judge(&task(Some(tip), vec![second]));
    assert_eq!(judged, [Judgement::Refuse(RefuseReason::Previous)]);
    assert_eq!(RefuseReason::Previous.blame(), Blame::Signer);
    assert_eq!(RefuseReason::Place.blame(), Blame::Deliverer);
}

#[test]
fn another_epoch_is_another_document() {
    let envelope = Envelope::sign(place().document(), 1, place().inc, 1, chunk().bytes(), &key(7));
    assert_eq!(refused(envelope.clone()), RefuseReason::Place);
    let task = JudgeTask { epoch: 1, ..task(None, vec![envelope]) };
    assert!(accepted(&judge(&task)[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A thief who alters anything in an honest change, and signs it, takes nobody down.
    #[test]
    fn altered_changes_never_panic(
        at in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..4),
        cut in 0usize..4,
    ) {
        let mut change = chain(1).remove(0).change;
        let at = at.index(change.len());
        let end = (at + cut).min(change.len());
        change.splice(at..end, bytes);
        first(sign(1, change));
    }
}

/// Ten thousand changes are judged in batches, as a newcomer does.
#[test]
fn ten_thousand_changes_are_judged_in_batches() {
    let chain = chain(10_000);
    let started = std::time::Instant::now();
    let mut tip = None;
    for batch in chain.chunks(crate::limits::JUDGE_BATCH) {
        for judgement in judge(&task(tip, batch.to_vec())) {
            let Judgement::Accept { tip: new, .. } = judgement else { panic!("{judgement:?}") };
            tip = Some(new);
        }
    }
    assert_eq!(tip.map(|tip| tip.n), Some(10_000));
    println!("judged in {:?}", started.elapsed());
}
