//! What is given, and to whom: nothing but to those who are admitted, and nothing too early.

use std::collections::BTreeSet;

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY, members, outsider, team, tells};
use crate::id::{BlobHash, ContextId, UserId};
use crate::limits;
use crate::object::Frame;
use crate::sync::{BlobKind, BlobWant, Command};
use crate::wire::Message;

#[test]
fn catalogs_are_for_those_admitted() {
    let (mut lab, _) = outsider();
    let (tag, since) = (lab.tag(ALICE, MALLORY), lab.sent.len());
    let catalog = lab[ALICE].catalog();
    lab.say(MALLORY, ALICE, &Message::Want { tag, catalog, from: 1 });
    assert_eq!(lab.said(ALICE, MALLORY, since), Vec::<&Message>::new());
    lab.say(BOB, ALICE, &Message::Want { tag: lab.tag(ALICE, BOB), catalog, from: 1 });
    assert_eq!(lab.said(ALICE, BOB, since).into_iter().filter(tells).count(), 1);
}

#[test]
fn frames_are_for_those_admitted() {
    let (mut lab, context) = outsider();
    let frames = vec![lab.push(ALICE, context, "secret")];
    lab[ALICE].looked_up.clear();
    let (tag, since) = (lab.tag(ALICE, MALLORY), lab.sent.len());
    lab.say(MALLORY, ALICE, &Message::WantFrames { tag, frames: frames.clone() });
    assert_eq!(lab.said(ALICE, MALLORY, since), Vec::<&Message>::new());
    assert_eq!(lab[ALICE].looked_up, []);
    lab.say(BOB, ALICE, &Message::WantFrames { tag: lab.tag(ALICE, BOB), frames });
    assert_eq!(lab.said(ALICE, BOB, since).into_iter().filter(tells).count(), 1);
}

#[test]
fn frames_are_given_only_where_they_were_earned() {
    let (mut lab, context) = team();
    let elsewhere = lab.context(ALICE);
    let (here, there) = (lab.push(ALICE, context, "here"), lab.push(ALICE, elsewhere, "there"));
    lab.connect(BOB, ALICE);
    lab[BOB].still = true;
    lab[ALICE].looked_up.clear();
    let (tag, since) = (lab.tag(ALICE, BOB), lab.sent.len());
    lab.say(BOB, ALICE, &Message::WantFrames { tag, frames: vec![here, there] });
    assert_eq!(lab[ALICE].looked_up, [(context, vec![here])]);
    let said = lab.said(ALICE, BOB, since);
    let [Message::Frames { frames, missing, .. }] = said[..] else { panic!("{said:?}") };
    assert_eq!((frames.len(), &missing[..]), (1, &[there][..]));
}

#[test]
fn a_stranger_learns_no_identity_but_mine() {
    let (mut lab, _) = outsider();
    let (tag, since) = (lab.tag(ALICE, MALLORY), lab.sent.len());
    let want = |user| Message::LogWant { tag, user, from: 0 };
    let (of_bob, mine) = (want(lab[BOB].user), want(lab[ALICE].user));
    lab.say(MALLORY, ALICE, &of_bob);
    lab.say(MALLORY, ALICE, &mine);
    let said = lab.said(ALICE, MALLORY, since).into_iter();
    let told: Vec<usize> = said
        .filter_map(|message| match message {
            Message::Log { entries, .. } => Some(entries.len()),
            _ => None,
        })
        .collect();
    assert_eq!(told, [0, 2], "what is not told looks like what is not known");
}

fn readable(lab: &Lab, newer: u32) -> Option<ContextId> {
    let (device, tag) = (lab[BOB].device, lab.tag(ALICE, BOB));
    let generation = lab[ALICE].node.sessions[&device].channels[&tag].generation;
    lab[ALICE].node.readable_by(lab.now, device, tag, generation + newer)
}

#[test]
fn blobs_are_for_those_admitted_under_the_key_that_matched() {
    let (lab, context) = team();
    assert_eq!(readable(&lab, 0), Some(context));
    assert_eq!(readable(&lab, 1), None, "another generation");
    let (lab, _) = outsider();
    let (device, tag) = (lab[MALLORY].device, lab.tag(ALICE, MALLORY));
    assert_eq!(lab[ALICE].node.readable_by(lab.now, device, tag, 1), None, "not admitted");
}

#[test]
fn a_closed_context_gives_no_blobs() {
    let (mut lab, context) = team();
    let command = Command::About { context, name: None, text: None, access: None, closed: true };
    lab.command(ALICE, command).unwrap();
    assert_eq!(readable(&lab, 0), None);
}

#[test]
fn nothing_is_announced_before_it_is_durable() {
    let (mut lab, context) = team();
    lab.stop_disk(ALICE);
    let since = lab.sent.len();
    let frame = Frame::default().encode().unwrap();
    let stack = "stack".parse().unwrap();
    let push = Command::Push { context, stack, frame, blobs: vec![], tags: vec![] };
    lab.command_later(ALICE, push);
    assert_eq!(lab.said(ALICE, BOB, since), Vec::<&Message>::new());
    lab.run_disk(ALICE);
    let said = lab.said(ALICE, BOB, since);
    assert!(said.iter().any(|message| matches!(message, Message::Envelopes { .. })), "{said:?}");
}

#[test]
fn nothing_is_passed_on_before_it_is_durable() {
    let (mut lab, context) = members();
    lab.connect(BOB, MALLORY);
    lab[MALLORY].still = true;
    lab.stop_disk(BOB);
    let since = lab.sent.len();
    lab.push(ALICE, context, "news");
    assert_eq!(lab.said(BOB, MALLORY, since), Vec::<&Message>::new());
    lab.run_disk(BOB);
    let said = lab.said(BOB, MALLORY, since);
    assert!(said.iter().any(|message| matches!(message, Message::Envelopes { .. })), "{said:?}");
}

#[test]
fn objects_that_are_read_have_a_size() {
    let (mut lab, context) = team();
    for (kind, limit) in
        [(BlobKind::Directory, limits::DIRECTORY_BYTES), (BlobKind::Lineage, limits::LINEAGE_BYTES)]
    {
        let hash = BlobHash::of(format!("{kind:?}").as_bytes());
        let wants = vec![BlobWant { hash, size: 1 << 40, kind }];
        lab.command_later(BOB, Command::Fetch { context, wants });
        lab.fetched(BOB);
        assert_eq!(lab[BOB].read.pop(), Some((hash, limit)));
    }
}

#[test]
fn everybody_hears_who_came_in_however_many_they_are() {
    let (mut lab, context) = team();
    let ticket = lab.ticket(ALICE, context, None);
    let redeem = |user: u16| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&user.to_be_bytes());
        ticket.redeem(UserId::from_bytes(bytes), [0; 16]).encode()
    };
    let statements: Vec<_> = (0..300).map(redeem).collect();
    let tag = lab.tag(ALICE, BOB);
    lab.say(BOB, ALICE, &Message::Statements { tag, statements: statements.clone() });
    lab[BOB].withheld = |message| matches!(message, Message::Statements { .. });
    let since = lab.sent.len();
    for _ in 0..20 {
        lab.connect(BOB, ALICE);
    }
    let mut told = BTreeSet::new();
    for message in lab.said(ALICE, BOB, since) {
        if let Message::Statements { statements, .. } = message {
            assert!(statements.len() <= 256);
            told.extend(statements);
        }
    }
    assert_eq!(statements.iter().find(|redeem| !told.contains(redeem)), None);
}
