//! What was removed is put back, and what was left is followed again.

use super::lab::{At, Lab};
use super::{ALICE, BOB, team};
use crate::context::{StackState, StackView};
use crate::id::{BlobHash, ContextId, FrameId};
use crate::name::StackName;
use crate::object::Frame;
use crate::sync::{BlobKind, BlobWant, Command, CommandError, Record, Standing};

fn stack(lab: &Lab, at: At, context: ContextId) -> StackView {
    let mut stacks = lab[at].node.context(context).unwrap().view().stacks();
    assert_eq!(stacks.len(), 1);
    stacks.remove(0)
}

fn frames(view: &StackView) -> Vec<FrameId> {
    view.heads.iter().map(|head| head.frame).collect()
}

#[test]
fn a_removed_stack_is_back_at_all_of_its_heads_in_their_order() {
    let (mut lab, context) = team();
    let pushed = ["one", "two"].map(|text| lab.push(ALICE, context, text));
    let id = stack(&lab, ALICE, context).stack;
    for heads in [vec![pushed[0]], vec![pushed[0], pushed[1]], vec![pushed[1], pushed[0]]] {
        lab.command(ALICE, Command::Remove { context, stack: id }).unwrap();
        assert_eq!(stack(&lab, BOB, context).state, StackState::Removed);
        let restore = Command::Restore { context, stack: id, frames: heads.clone() };
        lab.command(ALICE, restore).unwrap();
        for at in [ALICE, BOB] {
            let stack = stack(&lab, at, context);
            assert_eq!((stack.state, frames(&stack)), (StackState::Live, heads.clone()));
        }
    }
    assert_eq!(lab.penalties, []);
}

#[test]
fn what_cannot_be_put_back_changes_nothing() {
    let (mut lab, context) = team();
    let pushed = lab.push(ALICE, context, "one");
    let id = stack(&lab, ALICE, context).stack;
    let restore = |frames: Vec<FrameId>| Command::Restore { context, stack: id, frames };
    let invalid = |error| matches!(error, Err(CommandError::Invalid(_)));
    assert!(invalid(lab.command(ALICE, restore(vec![pushed]))), "it is live");
    lab.command(ALICE, Command::Remove { context, stack: id }).unwrap();
    assert!(invalid(lab.command(ALICE, restore(vec![]))));
    assert!(invalid(lab.command(ALICE, restore(vec![FrameId::from_bytes([9; 32])]))));
    assert!(invalid(lab.command(ALICE, restore(vec![pushed; 17]))));
    // A reader may not, and has no such stack.
    assert!(lab.command(BOB, restore(vec![pushed])).is_err());
    assert_eq!(stack(&lab, ALICE, context).state, StackState::Removed);
    // Its name is another stack's by now, which differs in case.
    let name = stack(&lab, ALICE, context).name;
    let other: StackName = name.to_string().to_uppercase().parse().unwrap();
    let frame = Frame { message: "other".to_owned(), ..Frame::default() }.encode().unwrap();
    let push = Command::Push { context, stack: other, frame, blobs: vec![], tags: vec![] };
    lab.command(ALICE, push).unwrap();
    let taken = lab.command(ALICE, restore(vec![pushed]));
    assert!(matches!(taken, Err(CommandError::NameTaken(_))), "{taken:?}");
}

#[test]
fn who_left_follows_again_and_gets_what_came_since() {
    let (mut lab, context) = team();
    lab.push(ALICE, context, "one");
    let standing = |lab: &Lab| lab[BOB].node.context(context).unwrap().standing();
    lab.command(BOB, Command::Leave { context }).unwrap();
    let since = lab.push(ALICE, context, "since");
    assert_eq!(standing(&lab), Standing::Left);
    assert_ne!(frames(&stack(&lab, BOB, context)), [since]);
    lab.command(BOB, Command::Rejoin { context }).unwrap();
    assert_eq!(standing(&lab), Standing::Active { synced: true });
    lab.connect(BOB, ALICE);
    assert_eq!(frames(&stack(&lab, BOB, context)), [since]);
    // Who has not left is left alone.
    lab.command(BOB, Command::Rejoin { context }).unwrap();
    assert_eq!(standing(&lab), Standing::Active { synced: true });
    assert_eq!(lab.penalties, []);
}

#[test]
fn what_was_let_go_and_is_here_again_counts_and_is_wanted_no_more() {
    let (mut lab, context) = team();
    let blobs = vec![(BlobHash::of(b"hers"), 4), (BlobHash::of(b"wanted"), 6)];
    let want = BlobWant { hash: blobs[1].0, size: 6, kind: BlobKind::Data };
    lab.command(BOB, Command::Drop { context, blobs: blobs[..1].to_vec() }).unwrap();
    lab.stop_disk(BOB);
    lab.command_later(BOB, Command::Fetch { context, wants: vec![want] });
    lab.run_disk(BOB);
    assert!(lab[BOB].node.context(context).unwrap().wants_blob(want.hash));
    let before = lab[BOB].records.len();
    lab.command(BOB, Command::HereAgain { context, blobs: blobs.clone() }).unwrap();
    let known = lab[BOB].node.context(context).unwrap();
    assert!(!known.wants_blob(want.hash) && known.dropped.is_empty());
    for (hash, size) in blobs {
        let earned = Record::Earned { context, hash, size };
        assert!(lab[BOB].records[before..].contains(&earned), "it is stored");
        assert!(lab[BOB].records[before..].contains(&Record::Unwant { context, hash }));
    }
}
