//! Small changes that kill or drown, and batches that mix good and bad.

use super::*;

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
