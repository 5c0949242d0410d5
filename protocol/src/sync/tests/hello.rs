//! The hello: tags mean nothing in any other session, and strangers cost little.

use super::lab::{At, Lab};
use super::{ALICE, BOB, MALLORY, team};
use crate::id::{ContextId, UserId};
use crate::limits;
use crate::statement::{Access, Role};
use crate::sync::{Command, Hop, Reply, Standing};
use crate::ticket::Ticket;
use crate::wire::{Message, Tag, VERSIONS};

fn hi(nonce: [u8; 32]) -> Message {
    Message::Hi { versions: VERSIONS.to_vec(), nonce, features: Vec::new() }
}

fn nonce(lab: &Lab, from: At, to: At, since: usize) -> [u8; 32] {
    let mut nonces = lab.said(from, to, since).into_iter().filter_map(|message| match message {
        Message::Hi { nonce, .. } => Some(*nonce),
        _ => None,
    });
    nonces.next_back().expect("both say hi")
}

fn tags(lab: &Lab, from: At, to: At, since: usize) -> Vec<Vec<Tag>> {
    let tags = lab.said(from, to, since).into_iter().filter_map(|message| match message {
        Message::Tags { tags } => Some(tags.clone()),
        _ => None,
    });
    tags.collect()
}

/// Alice knows nothing of the peer, and says nothing of herself.
fn assert_no_match(lab: &Lab, peer: At, since: usize) {
    assert!(!lab[ALICE].node.has_matched(lab[peer].device));
    let said = lab.said(ALICE, peer, since);
    let open = said.iter().find(|message| matches!(message, Message::Open { .. }));
    assert_eq!(open, None, "who Alice is");
}

#[test]
fn tags_that_come_back_match_nothing() {
    let (mut lab, _) = team();
    let since = lab.sent.len();
    lab[MALLORY].still = true;
    lab.connect(ALICE, MALLORY);
    lab.say(MALLORY, ALICE, &hi([7; 32]));
    let shown = tags(&lab, ALICE, MALLORY, since).remove(0);
    lab.say(MALLORY, ALICE, &Message::Tags { tags: shown });
    assert_no_match(&lab, MALLORY, since);
}

#[test]
fn tags_of_an_earlier_session_match_nothing() {
    let (mut lab, _) = team();
    let since = lab.sent.len();
    lab.connect(BOB, ALICE);
    assert!(lab[ALICE].node.has_matched(lab[BOB].device));
    let (nonce, shown) = (nonce(&lab, BOB, ALICE, since), tags(&lab, BOB, ALICE, since).remove(0));

    lab[BOB].still = true;
    let since = lab.sent.len();
    lab.connect(BOB, ALICE);
    lab.say(BOB, ALICE, &hi(nonce));
    lab.say(BOB, ALICE, &Message::Tags { tags: shown });
    assert_no_match(&lab, BOB, since);
}

#[test]
fn tags_between_others_match_nothing() {
    let (mut lab, _) = team();
    let since = lab.sent.len();
    lab[MALLORY].still = true;
    lab.connect(BOB, MALLORY);
    lab.connect(MALLORY, ALICE);
    // Mallory stands between: each gets the other's nonce, and Alice gets Bob's tags.
    let (of_alice, of_bob) = (nonce(&lab, ALICE, MALLORY, since), nonce(&lab, BOB, MALLORY, since));
    lab.say(MALLORY, BOB, &hi(of_alice));
    lab.say(MALLORY, ALICE, &hi(of_bob));
    let shown = tags(&lab, BOB, MALLORY, since).remove(0);
    lab.say(MALLORY, ALICE, &Message::Tags { tags: shown });
    assert_no_match(&lab, MALLORY, since);
}

#[test]
fn tags_are_answered_once() {
    let (mut lab, _) = team();
    let since = lab.sent.len();
    lab[MALLORY].still = true;
    lab.connect(MALLORY, ALICE);
    lab.say(MALLORY, ALICE, &hi([7; 32]));
    for guess in 0..3 {
        lab.say(MALLORY, ALICE, &Message::Tags { tags: vec![[guess; 16]] });
    }
    assert_eq!(tags(&lab, ALICE, MALLORY, since), [Vec::<Tag>::new()]);
}

#[test]
fn how_many_contexts_there_are_is_not_told() {
    let (mut lab, _) = team();
    lab[MALLORY].still = true;
    for (contexts, shown) in [(1, 8), (9, 16)] {
        while lab[ALICE].node.contexts().count() < contexts {
            lab.context(ALICE);
        }
        let since = lab.sent.len();
        lab.connect(ALICE, MALLORY);
        lab.say(MALLORY, ALICE, &hi([7; 32]));
        assert_eq!(tags(&lab, ALICE, MALLORY, since)[0].len(), shown);
    }
}

#[test]
fn an_old_interest_key_opens_nothing() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let context = lab.context(ALICE);
    let ticket = lab.ticket(ALICE, context, None);
    lab.follow(BOB, &ticket);
    lab.member(ALICE, context, MALLORY, Role::None);
    lab.connect(BOB, ALICE);
    assert!(lab[ALICE].node.has_matched(lab[BOB].device), "the key before the newest");

    let (mut lab, context, ticket) = ticket_before_removals(2);
    lab.command(ALICE, Command::EndTicket { context, key: ticket.public() }).unwrap();
    let since = lab.sent.len();
    lab.connect(BOB, ALICE);
    assert_no_match(&lab, BOB, since);
    lab.connect(ALICE, BOB);
    assert_no_match(&lab, BOB, since);

    // One that is past its time, or does not let anybody in any more.
    let (mut lab, ..) = ticket_before_removals(2);
    lab.now += UNTIL_MS + limits::TICKET_GRACE_MS + 1;
    lab.connect(BOB, ALICE);
    assert_no_match(&lab, BOB, since);
    let (mut lab, context, _) = ticket_before_removals(2);
    let access = Some(Access::Private);
    let command = Command::About { context, name: None, text: None, access, closed: false };
    lab.command(ALICE, command).unwrap();
    lab.connect(BOB, ALICE);
    assert_no_match(&lab, BOB, since);
}

const UNTIL_MS: i64 = 60_000;

/// Bob follows by a ticket that Alice made before she removed others, each by a generation.
fn ticket_before_removals(removals: u8) -> (Lab, ContextId, Ticket) {
    let mut lab = Lab::new(&["alice", "bob"]);
    let context = lab.context(ALICE);
    let (role, until, addresses) = (Role::Reader, Some(lab.now + UNTIL_MS), Vec::new());
    let share = Command::Share { context, role, until, uses: None, addresses };
    let Ok(Reply::Ticket(ticket)) = lab.command(ALICE, share) else { panic!("no ticket") };
    lab.follow(BOB, &ticket);
    remove_others(&mut lab, context, removals);
    (lab, context, *ticket)
}

fn remove_others(lab: &mut Lab, context: ContextId, removals: u8) {
    for user in 0..removals {
        let user = UserId::from_bytes([user; 32]);
        lab.command(ALICE, Command::Member { context, user, role: Role::None }).unwrap();
    }
}

#[test]
fn a_ticket_that_holds_opens_whoever_was_removed_since() {
    for (initiator, responder) in [(BOB, ALICE), (ALICE, BOB)] {
        let (mut lab, context, _) = ticket_before_removals(5);
        lab.connect(initiator, responder);
        assert!(lab[ALICE].node.has_matched(lab[BOB].device));
        let standing = lab[BOB].node.context(context).unwrap().standing();
        assert_eq!(standing, Standing::Active { synced: true });
    }
}

#[test]
fn a_member_who_missed_more_removals_than_are_shown_comes_back() {
    let (mut lab, context) = team();
    lab.disconnect(ALICE, BOB);
    remove_others(&mut lab, context, 40);
    lab.connect(BOB, ALICE);
    assert!(lab[ALICE].node.has_matched(lab[BOB].device));
    let key = lab[ALICE].catalog();
    assert_eq!(lab.stored(BOB, key), lab.stored(ALICE, key));
}

#[test]
fn a_hello_has_a_size() {
    let (mut lab, _) = team();
    lab[MALLORY].still = true;
    lab.connect(MALLORY, ALICE);
    lab.say(MALLORY, ALICE, &hi([7; 32]));
    let many = Message::Tags { tags: vec![[1; 16]; limits::HELLO_TAGS_MAX] };
    let most = limits::HELLO_BYTES / many.encode().len();
    for _ in 0..most - 1 {
        lab.say(MALLORY, ALICE, &many);
    }
    let open = |lab: &Lab| lab[ALICE].node.connected().any(|device| device == lab[MALLORY].device);
    assert!(open(&lab));
    for _ in 0..2 {
        lab.say(MALLORY, ALICE, &many);
    }
    assert!(!open(&lab), "after {} bytes", (most + 1) * many.encode().len());
}

#[test]
fn a_hello_has_a_time() {
    let (mut lab, _) = team();
    lab[MALLORY].still = true;
    let open = |lab: &Lab| lab[ALICE].node.connected().any(|device| device == lab[MALLORY].device);
    lab.connect(MALLORY, ALICE);
    lab.wait(limits::HELLO_MS);
    assert!(!open(&lab), "nothing was said");
    lab.connect(MALLORY, ALICE);
    lab.say(MALLORY, ALICE, &hi([7; 32]));
    lab.say(MALLORY, ALICE, &Message::Tags { tags: vec![[7; 16]] });
    lab.wait(limits::HELLO_MS);
    assert!(open(&lab), "no match looks like a slow peer");
    lab.wait(limits::UNMATCHED_MS);
    assert!(!open(&lab), "nothing matched");
}

#[test]
fn a_device_of_another_version_is_told_nothing_and_not_blamed() {
    let (mut lab, context) = team();
    let alice = lab[ALICE].device;
    lab[ALICE].still = true;
    let since = lab.sent.len();
    lab.connect(ALICE, BOB);
    lab.say(ALICE, BOB, &Message::Hi { versions: vec![2], nonce: [7; 32], features: Vec::new() });
    let said = lab.said(BOB, ALICE, since);
    assert!(matches!(said[..], [Message::Hi { .. }, Message::Bye { .. }]), "{said:?}");
    assert_eq!(lab[BOB].node.hop(context, alice), Hop::OtherVersion(vec![2]));
    assert_eq!(lab.penalties.len(), 0);

    lab[ALICE].still = false;
    lab.connect(ALICE, BOB);
    assert_eq!(lab[BOB].node.hop(context, alice), Hop::Syncs);
}
