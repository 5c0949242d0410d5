//! What an owner withdraws goes everywhere, and comes no more.

use std::collections::BTreeSet;

use super::lab::{At, Lab};
use super::{ALICE, BOB, MALLORY, members};
use crate::id::{BlobHash, ContextId, FrameId};
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::sync::{BlobKind, BlobWant, Command, CommandError, Record};

const SECRET: &[u8] = b"a secret";

/// Pushes a frame with the secret, and one after it.
fn pushed(lab: &mut Lab, context: ContextId) -> [FrameId; 3] {
    let first = lab.push(ALICE, context, "first");
    let file = Attachment::new("key".parse().unwrap(), BlobRef::of(SECRET), "text/plain");
    let frame =
        Frame { parents: vec![first], files: Files::Listed(vec![file]), ..Frame::default() };
    let secret = lab.push_frame(ALICE, context, &frame);
    let after = Frame { parents: vec![secret], message: "after".to_owned(), ..Frame::default() };
    [first, secret, lab.push_frame(ALICE, context, &after)]
}

fn withdraw(frame: FrameId, context: ContextId) -> Command {
    let (frames, blobs) = ([frame].into(), [BlobHash::of(SECRET)].into());
    Command::Withdraw { context, frames, blobs }
}

fn frames(lab: &Lab, at: At, context: ContextId) -> BTreeSet<FrameId> {
    lab[at].node.context(context).unwrap().frames().map(|(id, _)| id).collect()
}

fn wants_secret(lab: &Lab, at: At, context: ContextId) -> bool {
    lab[at].node.context(context).unwrap().wants_blob(BlobHash::of(SECRET))
}

#[test]
fn what_is_withdrawn_goes_and_what_is_behind_it_stays() {
    let (mut lab, context) = members();
    let [first, secret, after] = pushed(&mut lab, context);
    assert!(frames(&lab, BOB, context).contains(&secret) && wants_secret(&lab, BOB, context));
    lab.command(ALICE, withdraw(secret, context)).unwrap();
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(frames(&lab, at, context), [first, after].into());
        assert!(!wants_secret(&lab, at, context));
        let gone = [
            Record::WithdrawFrame { context, id: secret },
            Record::WithdrawBlob { context, hash: BlobHash::of(SECRET) },
        ];
        assert!(gone.iter().all(|record| lab[at].records.contains(record)), "it is stored");
        // The history has a gap, and no end.
        let known = lab[at].node.context(context).unwrap();
        assert_eq!(known.frame(secret).unwrap().parents, [first]);
    }
    // Again is nothing new.
    let before = lab[ALICE].records.len();
    lab.command(ALICE, withdraw(secret, context)).unwrap();
    assert_eq!(lab[ALICE].records.len(), before);
    assert_eq!(lab.penalties, []);
}

#[test]
fn it_stays_withdrawn_over_a_restart_and_whoever_asks_for_it() {
    let (mut lab, context) = members();
    let [first, secret, after] = pushed(&mut lab, context);
    lab.command(ALICE, withdraw(secret, context)).unwrap();
    // A crash before it was done here: the store has the frame still.
    let records: Vec<Record> = lab[BOB].records.clone();
    let withdrawn =
        |r: &Record| matches!(r, Record::WithdrawFrame { .. } | Record::WithdrawBlob { .. });
    lab.restart(BOB, records.into_iter().filter(|record| !withdrawn(record)).collect());
    assert_eq!(frames(&lab, BOB, context), [first, after].into());
    assert!(lab[BOB].records.iter().any(withdrawn), "it is done at the start");
    lab.command(BOB, Command::FetchFrames { context, frames: vec![secret] }).unwrap();
    let want = BlobWant { hash: BlobHash::of(SECRET), size: 8, kind: BlobKind::Data };
    lab.command_later(BOB, Command::Fetch { context, wants: vec![want] });
    lab.connect(BOB, ALICE);
    assert_eq!(frames(&lab, BOB, context), [first, after].into());
    assert!(!wants_secret(&lab, BOB, context));
    let gap = lab[BOB].node.context(context).unwrap().frame(secret);
    assert_eq!(gap.map(|gap| gap.parents.clone()), Some(vec![first]), "the history leads on");
}

#[test]
fn a_frame_that_comes_later_brings_no_bytes_that_were_withdrawn() {
    let (mut lab, context) = members();
    let records = lab[BOB].records.clone();
    lab.restart(BOB, records);
    let [_, secret, _] = pushed(&mut lab, context);
    let blobs = [BlobHash::of(SECRET)].into();
    lab.command(ALICE, Command::Withdraw { context, frames: [].into(), blobs }).unwrap();
    lab.connect(BOB, ALICE);
    assert!(frames(&lab, BOB, context).contains(&secret));
    assert!(!wants_secret(&lab, BOB, context));
}

#[test]
fn only_owners_withdraw_and_nobody_pushes_it_again() {
    let (mut lab, context) = members();
    let [_, secret, _] = pushed(&mut lab, context);
    let refused = lab.command(BOB, withdraw(secret, context));
    assert!(matches!(refused, Err(CommandError::NotAllowed { .. })), "{refused:?}");
    // Said all the same, it counts nowhere.
    let fact = crate::statement::PlacedFact::Withdraw(crate::statement::Withdraw {
        frames: [(secret, vec![])].into(),
        blobs: [BlobHash::of(SECRET)].into(),
    });
    let envelope = lab.sign(BOB, context, vec![fact]).encode();
    let (tag, catalog) = (lab.tag(BOB, ALICE), lab[BOB].catalog());
    let message = crate::wire::Message::Envelopes { tag, catalog, envelopes: vec![envelope] };
    lab.say(BOB, ALICE, &message);
    assert!(frames(&lab, ALICE, context).contains(&secret));

    lab.command(ALICE, withdraw(secret, context)).unwrap();
    let frame = Frame { message: "again".to_owned(), ..Frame::default() }.encode().unwrap();
    let (stack, tags) = ("again".parse().unwrap(), Vec::new());
    let blobs = vec![(BlobHash::of(SECRET), 8)];
    let again = lab.command(ALICE, Command::Push { context, stack, frame, blobs, tags });
    assert_eq!(again.unwrap_err(), CommandError::Withdrawn(BlobHash::of(SECRET)));
}

#[test]
fn much_is_withdrawn_in_as_many_statements_as_it_takes() {
    let (mut lab, context) = members();
    let [_, secret, _] = pushed(&mut lab, context);
    let blob = |n: u32| BlobHash::of(&n.to_be_bytes());
    let blobs: BTreeSet<BlobHash> = (0..1000).map(blob).collect();
    let command = Command::Withdraw { context, frames: [secret].into(), blobs: blobs.clone() };
    lab.command(ALICE, command).unwrap();
    let known = lab[BOB].node.context(context).unwrap();
    assert!(blobs.iter().all(|blob| known.is_blob_withdrawn(*blob)));
    let blobs = (0..crate::limits::WITHDRAWN as u32 + 1).map(blob).collect();
    let command = Command::Withdraw { context, frames: BTreeSet::new(), blobs };
    assert!(matches!(lab.command(ALICE, command), Err(CommandError::Limit(_))));
}
