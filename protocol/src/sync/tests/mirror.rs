//! One stack in two contexts: it keeps its id, and each has a line of heads of its own.

use super::lab::Lab;
use super::{ALICE, BOB, team};
use crate::id::{ContextId, FrameId};
use crate::object::Frame;
use crate::sync::{Command, CommandError, Record};

fn frame(text: &str) -> Vec<u8> {
    Frame { message: text.to_owned(), ..Frame::default() }.encode().unwrap()
}

fn mirror(lab: &mut Lab, context: ContextId, frames: &[&str]) -> Result<(), CommandError> {
    let stack = crate::id::StackId::from_bytes([4; 16]);
    let (name, blobs) = ("stack".parse().unwrap(), Vec::new());
    let frames = frames.iter().map(|text| frame(text)).collect();
    let command = Command::Mirror { context, stack, name, frames, blobs };
    lab.command(ALICE, command).map(drop)
}

fn stated(lab: &Lab) -> usize {
    lab[ALICE].records.iter().filter(|r| matches!(r, Record::Envelope { .. })).count()
}

#[test]
fn a_mirrored_stack_has_its_head_and_what_goes_along() {
    let (mut lab, context) = team();
    mirror(&mut lab, context, &["one", "two"]).unwrap();
    let heads = |lab: &Lab, at| {
        let view = lab[at].node.context(context).unwrap().view().stacks();
        view.into_iter().flat_map(|stack| stack.heads).map(|h| h.frame).collect::<Vec<_>>()
    };
    for at in [ALICE, BOB] {
        assert_eq!(heads(&lab, at), [FrameId::of(&frame("two"))]);
    }
    assert!(lab[ALICE].node.context(context).unwrap().frame(FrameId::of(&frame("one"))).is_some());
    // Again it says nothing, another head replaces the first.
    let before = stated(&lab);
    mirror(&mut lab, context, &["one", "two"]).unwrap();
    assert_eq!(stated(&lab), before);
    mirror(&mut lab, context, &["three"]).unwrap();
    assert_eq!(heads(&lab, BOB), [FrameId::of(&frame("three"))]);
    let refused = lab.command(
        BOB,
        Command::Mirror {
            context,
            stack: crate::id::StackId::from_bytes([4; 16]),
            name: "stack".parse().unwrap(),
            frames: vec![frame("of a reader")],
            blobs: Vec::new(),
        },
    );
    assert!(matches!(refused, Err(CommandError::NotAllowed { .. })), "{refused:?}");
}
