//! Forks, epochs and much at once.

use super::*;

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
    let mut tip = None;
    for batch in chain.chunks(crate::limits::JUDGE_BATCH) {
        for judgement in judge(&task(tip, batch.to_vec())) {
            let Judgement::Accept { tip: new, .. } = judgement else { panic!("{judgement:?}") };
            tip = Some(new);
        }
    }
    assert_eq!(tip.map(|tip| tip.n), Some(10_000));
}
