//! Random writers, honest and not, delivered in random orders.

use super::*;

/// One edit of a board by one of three writers.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Nest(u8, u8),
    List(u8, u8, bool),
    Text(u8, u8, String),
    Delete(u8, u8),
    Meet(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0u8..3;
    let step = prop_oneof![
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Put(w, k)),
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Nest(w, k)),
        (who.clone(), any::<u8>(), any::<bool>()).prop_map(|(w, i, d)| Step::List(w, i, d)),
        (who.clone(), any::<u8>(), ".{0,8}").prop_map(|(w, i, t)| Step::Text(w, i, t)),
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Delete(w, k)),
        (who.clone(), who).prop_map(|(a, b)| Step::Meet(a, b)),
    ];
    proptest::collection::vec(step, 1..24)
}

/// Lets three writers edit their own copies and meet now and then; returns who wrote what.
fn play(steps: &[Step]) -> Vec<(u8, Envelope)> {
    let mut base = Board::new(place());
    let (cards, texts) = (object(&base, "cards"), object(&base, "text"));
    let mut log = Vec::new();
    let (mut list, mut note) = (None, None);
    log.push((
        ALICE,
        write(&mut base, ALICE, |doc| {
            list = Some(doc.put_object(&cards, "list", ObjType::List).unwrap());
            note = Some(doc.put_object(&texts, "note", ObjType::Text).unwrap());
        }),
    ));
    let (list, note) = (list.unwrap(), note.unwrap());
    let mut boards = vec![base; 3];
    for step in steps {
        let who = match step {
            Step::Meet(a, b) => {
                let known: Vec<_> = log.clone();
                let from = boards[usize::from(*b)].clone();
                let to = &mut boards[usize::from(*a)];
                for (who, envelope) in &known {
                    let judged = from.judge_change(user(*who), envelope);
                    if !matches!(judged, BoardJudgement::Known) {
                        continue;
                    }
                    if let BoardJudgement::Accept(change) = to.judge_change(user(*who), envelope) {
                        to.apply(*change).unwrap();
                    }
                }
                continue;
            }
            Step::Put(w, _)
            | Step::Nest(w, _)
            | Step::List(w, ..)
            | Step::Text(w, ..)
            | Step::Delete(w, _) => *w,
        };
        let board = &mut boards[usize::from(who)];
        let writer = who + 1;
        if let Step::Delete(_, k) = step
            && board.document().get(&cards, format!("{k}")).unwrap().is_none()
        {
            continue;
        }
        let len = board.document().length(&list);
        let words = board.document().length(&note);
        // Automerge leaves out what changes nothing, so each value is put once.
        let number = format!("value {}", log.len());
        let envelope = write(board, writer, |doc| match step {
            Step::Put(_, k) => doc.put(&cards, format!("{k}"), number.as_str()).unwrap(),
            Step::Nest(_, k) => {
                let map = doc.put_object(&cards, format!("{k}"), ObjType::Map).unwrap();
                doc.put(&map, "inside", 1.5).unwrap();
            }
            Step::List(_, at, replace) => {
                let at = usize::from(*at);
                if *replace && len > 0 {
                    doc.put(&list, at % len, number.as_str()).unwrap();
                    doc.delete(&list, at % len).unwrap();
                } else {
                    doc.insert(&list, at % (len + 1), at as u64).unwrap();
                }
            }
            Step::Text(_, at, insert) => {
                let at = usize::from(*at) % (words + 1);
                let deletes = (words - at).min(2) as isize;
                doc.splice_text(&note, at, deletes, insert).unwrap();
                doc.put(&cards, "typed", number.as_str()).unwrap();
            }
            Step::Delete(_, k) => doc.delete(&cards, format!("{k}")).unwrap(),
            Step::Meet(..) => {}
        });
        log.push((writer, envelope));
    }
    log
}

/// Delivers until nothing is left, in the order of the list again and again.
fn deliver_all(mut list: Vec<(u8, Envelope)>) -> Result<Board, TestCaseError> {
    let mut board = Board::new(place());
    while !list.is_empty() {
        let before = list.len();
        let mut waiting = Vec::new();
        for (who, envelope) in list {
            match board.judge_change(user(who), &envelope) {
                BoardJudgement::Accept(change) => board.apply(*change).unwrap(),
                BoardJudgement::Wait(_) => waiting.push((who, envelope)),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        prop_assert!(waiting.len() < before, "nothing is accepted any more");
        list = waiting;
    }
    Ok(board)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Honest edits are accepted in whatever order they come, and give one document.
    #[test]
    fn every_order_gives_one_board(steps in steps(), seed in any::<u64>()) {
        let log = play(&steps);
        let there = deliver_all(log.clone())?;
        let mut shuffled = log;
        let mut random = seed;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        let back = deliver_all(shuffled)?;
        prop_assert_eq!(there.tips(), back.tips());
        let loaded = Automerge::load(&there.save()).unwrap();
        prop_assert_eq!(loaded.get_heads(), back.document().get_heads());
        prop_assert_eq!(loaded.hydrate(None), back.document().hydrate(None));
    }

    /// A thief who alters anything in an honest change, and signs it, takes no automerge down,
    /// and whatever is accepted survives saving.
    #[test]
    fn altered_changes_never_panic(
        steps in steps(),
        alter in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..=255), 1..3),
        small in any::<bool>(),
    ) {
        let mut log = play(&steps);
        let (who, mut last) = log.pop().expect("there is one change at least");
        for (at, to) in &alter {
            let at = at.index(last.change.len());
            last.change[at] = if small { last.change[at].wrapping_add(to % 5).wrapping_sub(2) } else { *to };
        }
        // The form is checked elsewhere; here the thief writes what automerge would.
        if crate::doc::scan(&last.change).is_ok()
            && let Ok(change) = Change::try_from(last.change.as_slice())
        {
            last.change = Change::from(change.decode()).raw_bytes().to_vec();
        }
        let mut board = deliver_all(log)?;
        let last = last.signed_by(who);
        match board.judge_change(user(who), &last) {
            BoardJudgement::Refuse(BoardRefusal::Malformed(reason)) => {
                prop_assert!(reason != "panicked", "{}", reason);
            }
            BoardJudgement::Accept(change) => {
                board.apply(*change).unwrap();
                let loaded = Automerge::load(&board.save());
                prop_assert!(loaded.is_ok(), "{:?}", loaded.err());
                prop_assert_eq!(loaded.unwrap().get_heads(), board.document().get_heads());
            }
            _ => {}
        }
    }
}
