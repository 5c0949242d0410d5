//! Who is let in, by whose word, and who is shown the door.

use std::collections::BTreeMap;

use super::lab::{At, Lab};
use super::{ALICE, BOB, MALLORY, members, outsider, team};
use crate::id::{ChangeId, ContextId, UserId};
use crate::limits::{self, TICKET_GRACE_MS};
use crate::statement::{Grant, Member, PlacedFact, Role, Verified};
use crate::sync::session::{Admission, PROBE_LONGEST_MS};
use crate::sync::{Command, Record, Reply, Severity, Standing};
use crate::ticket::Ticket;
use crate::wire::{CatalogState, DenyCode, LogState, Message, Tag};

fn open(lab: &Lab, of: At, tag: Tag, redeem: Option<Vec<u8>>) -> Message {
    Message::Open { tag, user: lab[of].user, log: lab[of].log.digest(), redeem }
}

fn is_connected(lab: &Lab, at: At, peer: At) -> bool {
    lab[at].node.connected().any(|device| device == lab[peer].device)
}

fn assert_ended(lab: &Lab, peer: At) {
    assert!(!is_connected(lab, ALICE, peer));
    let device = lab[peer].device;
    let penalty = lab.penalties.iter().find(|(by, of, ..)| (*by, *of) == (ALICE, device));
    assert_eq!(penalty.expect("a penalty").2, Severity::Grave);
}

fn has(lab: &Lab, from: At, to: At, since: usize) -> bool {
    lab.said(from, to, since).iter().any(|message| matches!(message, Message::Have { .. }))
}

fn denied(lab: &Lab, from: At, to: At, since: usize) -> Vec<DenyCode> {
    let denied = lab.said(from, to, since).into_iter().filter_map(|message| match message {
        Message::Deny { code, .. } => Some(*code),
        _ => None,
    });
    denied.collect()
}

#[test]
fn a_redemption_lets_nobody_else_in() {
    let (mut lab, context) = outsider();
    let ticket = lab.ticket(ALICE, context, None);
    let of_bob = ticket.redeem(lab[BOB].user, [1; 16]).encode();
    let tag = lab.tag(ALICE, MALLORY);
    let claim = open(&lab, MALLORY, tag, Some(of_bob));
    lab.say(MALLORY, ALICE, &claim);
    assert_ended(&lab, MALLORY);
}

#[test]
fn a_peer_stays_who_it_said_it_is() {
    let (mut lab, _) = outsider();
    let tag = lab.tag(ALICE, MALLORY);
    let claim = open(&lab, BOB, tag, None);
    lab.say(MALLORY, ALICE, &claim);
    assert_ended(&lab, MALLORY);
}

#[test]
fn nobody_speaks_for_a_user_who_did_not_grant_the_device() {
    let (mut lab, context) = members();
    let ticket = lab.ticket(ALICE, context, None);
    lab.follow(MALLORY, &ticket);
    lab[MALLORY].withheld = |message| matches!(message, Message::Open { .. });
    let since = lab.sent.len();
    lab.connect(MALLORY, ALICE);
    let tag = lab.tag(ALICE, MALLORY);
    let claim = open(&lab, BOB, tag, None);
    lab.say(MALLORY, ALICE, &claim);
    assert!(!has(&lab, ALICE, MALLORY, since), "Mallory's device passed for one of Bob's");
    let claim = open(&lab, BOB, lab.tag(ALICE, BOB), None);
    lab.say(BOB, ALICE, &claim);
    assert!(is_connected(&lab, ALICE, BOB));
}

#[test]
fn a_revoked_device_is_not_served() {
    let (mut lab, _) = members();
    let revoke = lab[BOB].log.revoke(&lab[BOB].root, lab[BOB].device).unwrap();
    let mut records = lab[ALICE].records.clone();
    let known = records.iter().rposition(|record| matches!(record, Record::Log { .. })).unwrap();
    records.insert(known + 1, Record::Log { user: lab[BOB].user, entry: revoke.encode() });
    lab.restart(ALICE, records);
    let since = lab.sent.len();
    lab.connect(BOB, ALICE);
    assert!(!has(&lab, ALICE, BOB, since));
    assert_eq!(denied(&lab, ALICE, BOB, since), [DenyCode::DeviceEnded]);
}

#[test]
fn a_removed_member_is_served_by_nobody() {
    let (mut lab, context) = members();
    lab.connect(BOB, MALLORY);
    let tag = lab.tag(BOB, MALLORY);
    let generation = lab[BOB].node.sessions[&lab[MALLORY].device].channels[&tag].generation;
    let readable =
        |lab: &Lab| lab[BOB].node.readable_by(lab.now, lab[MALLORY].device, tag, generation);
    assert_eq!(readable(&lab), Some(context));
    let since = lab.sent.len();
    lab.member(ALICE, context, MALLORY, Role::None);
    assert_eq!(denied(&lab, BOB, MALLORY, since), [DenyCode::Removed]);
    assert_eq!(readable(&lab), None);
}

/// A peer may read until a time comes, and is shown the door then though nothing else happens.
fn assert_ends(
    mut lab: Lab,
    (host, peer): (At, At),
    context: ContextId,
    after: i64,
    code: DenyCode,
) {
    let tag = lab.tag(host, peer);
    let generation = lab[host].node.sessions[&lab[peer].device].channels[&tag].generation;
    let readable =
        |lab: &Lab| lab[host].node.readable_by(lab.now, lab[peer].device, tag, generation);
    lab.now += after;
    assert_eq!(readable(&lab), Some(context));
    lab.now += 1;
    assert_eq!(readable(&lab), None);
    let since = lab.sent.len();
    lab.wait(PROBE_LONGEST_MS);
    assert_eq!(denied(&lab, host, peer, since), [code]);
    let want = Message::Want { tag, catalog: lab[ALICE].catalog(), from: 1 };
    lab.say(peer, host, &want);
    assert!(!lab.said(host, peer, since).iter().any(|m| matches!(m, Message::Envelopes { .. })));
}

#[test]
fn a_grant_that_ends_ends_what_is_served() {
    let (mut lab, context) = members();
    let (device, until) = (lab[BOB].device, Some(lab.now + 60_000));
    let grant = Grant { device, name: "ci".into(), scope: None, until };
    let entry = Box::new(lab[BOB].log.grant(&lab[BOB].root, grant).unwrap());
    lab.command(BOB, Command::Identity { entry }).unwrap();
    assert_ends(lab, (ALICE, BOB), context, 60_000, DenyCode::DeviceEnded);
}

fn ticket_of_a_minute(lab: &mut Lab, context: ContextId) -> Ticket {
    let (role, until) = (Role::Reader, Some(lab.now + 60_000));
    let addresses = vec!["/memory/1".to_owned()];
    let share = Command::Share { context, role, until, uses: None, addresses };
    let Ok(Reply::Ticket(ticket)) = lab.command(ALICE, share) else { panic!("no ticket") };
    *ticket
}

#[test]
fn a_ticket_that_ends_before_an_owner_knows_ends_what_is_served() {
    let (mut lab, context) = team();
    let ticket = ticket_of_a_minute(&mut lab, context);
    lab.disconnect(BOB, ALICE);
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, BOB);
    let after = 60_000 + TICKET_GRACE_MS;
    assert_ends(lab, (BOB, MALLORY), context, after, DenyCode::TicketExpired);
}

#[test]
fn who_came_in_by_a_ticket_stays_in_when_it_has_ended() {
    for revoked in [false, true] {
        let mut lab = Lab::new(&["alice", "bob"]);
        let context = lab.context(ALICE);
        let ticket = ticket_of_a_minute(&mut lab, context);
        lab.follow(BOB, &ticket);
        lab.connect(BOB, ALICE);
        if revoked {
            lab.command(ALICE, Command::EndTicket { context, key: ticket.public() }).unwrap();
        }
        lab.now += 60_000 + TICKET_GRACE_MS + 1;
        let since = lab.sent.len();
        lab.wait(PROBE_LONGEST_MS);
        lab.connect(BOB, ALICE);
        assert_eq!(denied(&lab, ALICE, BOB, since), []);
        let pushed = lab.push(ALICE, context, "later");
        assert!(lab[BOB].node.context(context).unwrap().frame(pushed).is_some(), "{revoked}");
    }
}

#[test]
fn a_ticket_lets_in_as_many_as_it_says() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let context = lab.context(ALICE);
    let ticket = lab.ticket(ALICE, context, Some(1));
    lab.follow(BOB, &ticket);
    lab.connect(BOB, ALICE);
    assert_eq!(denied(&lab, ALICE, BOB, 0), []);
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
    assert_eq!(denied(&lab, ALICE, MALLORY, 0), [DenyCode::TicketUsedUp]);
}

/// Bob tells Alice that he has Mallory's log, so she asks for it; then he says that it is what
/// `of` has. Returns whether Alice took it.
fn told_a_log(asked: bool, from: u64, of: At) -> bool {
    let (mut lab, _) = team();
    let (tag, user) = (lab.tag(ALICE, BOB), lab[MALLORY].user);
    if asked {
        lab[BOB].still = true;
        let logs = vec![LogState { user, digest: lab[MALLORY].log.digest() }];
        // An admitted peer that offers a catalog of hers makes her log Alice's business.
        let (key, tip) = (lab[MALLORY].catalog(), ChangeId::from_bytes([9; 32]));
        let docs = vec![CatalogState { key, epoch: 0, n: 1, tip }];
        lab.say(BOB, ALICE, &Message::Have { tag, logs, docs, whole: false });
    }
    let entries: Vec<_> = lab[of].log.entries().map(Verified::encode).collect();
    lab.say(BOB, ALICE, &Message::Log { tag, user, from, entries, more: false });
    lab[ALICE].node.log(user).is_some()
}

#[test]
fn a_log_that_was_not_asked_for_is_not_taken() {
    assert!(told_a_log(true, 0, MALLORY));
    assert!(!told_a_log(false, 0, MALLORY));
    assert!(!told_a_log(true, 2, MALLORY), "another page");
}

#[test]
fn a_log_is_of_the_user_it_was_asked_for() {
    assert!(!told_a_log(true, 0, BOB));
}

/// Mallory tells Bob that he was removed, with the proof that `proof` makes; returns how Bob
/// stands then.
fn told_removed(proof: impl Fn(&Lab, ContextId) -> Option<Verified>) -> Standing {
    let (mut lab, context) = members();
    lab.connect(BOB, MALLORY);
    let proof = proof(&lab, context).map(|statement| statement.encode());
    let tag = lab.tag(BOB, MALLORY);
    lab.say(MALLORY, BOB, &Message::Deny { tag, code: DenyCode::Removed, proof });
    lab[BOB].node.context(context).unwrap().standing()
}

fn removal(lab: &Lab, by: At, context: ContextId, of: At) -> Option<Verified> {
    let member = Member { user: lab[of].user, role: Role::None, seen: BTreeMap::new() };
    Some(lab.fact(by, context, 99, PlacedFact::Member(member)))
}

#[test]
fn only_an_owners_statement_proves_a_removal() {
    let active = Standing::Active { synced: true };
    assert_eq!(told_removed(|lab, context| removal(lab, ALICE, context, BOB)), Standing::Removed);
    assert_eq!(told_removed(|_, _| None), active, "without proof");
    assert_eq!(
        told_removed(|lab, context| removal(lab, MALLORY, context, BOB)),
        active,
        "no owner"
    );
    assert_eq!(
        told_removed(|lab, context| removal(lab, ALICE, context, MALLORY)),
        active,
        "of another"
    );
    let elsewhere = ContextId::from_bytes([9; 32]);
    assert_eq!(told_removed(|lab, _| removal(lab, ALICE, elsewhere, BOB)), active, "elsewhere");
}

#[test]
fn redemptions_are_of_tickets_of_the_context() {
    let (mut lab, context) = team();
    let tag = lab.tag(ALICE, BOB);
    let known = lab[ALICE].node.context(context).unwrap().redemptions().count();
    let mut ticket = lab.ticket(ALICE, context, None);
    let genuine = ticket.redeem(lab[MALLORY].user, [1; 16]);
    ticket.key = lab[MALLORY].key.clone();
    let made_up = ticket.redeem(lab[MALLORY].user, [1; 16]);
    let statements =
        |statement: &Verified| Message::Statements { tag, statements: vec![statement.encode()] };
    lab.say(BOB, ALICE, &statements(&made_up));
    assert_eq!(lab[ALICE].node.context(context).unwrap().redemptions().count(), known);
    lab.say(BOB, ALICE, &statements(&genuine));
    assert_eq!(lab[ALICE].node.context(context).unwrap().redemptions().count(), known + 1);

    let other = lab.context(BOB);
    let elsewhere = lab.ticket(BOB, other, None).redeem(lab[MALLORY].user, [1; 16]);
    lab.connect(BOB, ALICE);
    let tag = lab.tag(ALICE, BOB);
    lab.say(BOB, ALICE, &Message::Statements { tag, statements: vec![elsewhere.encode()] });
    assert_ended(&lab, BOB);
}

/// Lets Alice know as many redemptions of a ticket as she keeps.
fn fill(lab: &mut Lab, context: ContextId, ticket: &Ticket) {
    let redeem = ticket.redeem(lab[BOB].user, [1; 16]);
    let known = lab[ALICE].node.contexts.get_mut(&context).unwrap();
    for n in 0..limits::REDEMPTIONS as u64 {
        let mut user = [1; 32];
        user[..8].copy_from_slice(&n.to_be_bytes());
        known.redemptions.insert((UserId::from_bytes(user), ticket.public()), redeem.clone());
    }
}

/// Returns how many redemptions Alice keeps after Bob passed one on, beside those before.
fn passed_on(prepare: impl Fn(&mut Lab, ContextId, &Ticket)) -> usize {
    let (mut lab, context) = members();
    let ticket = lab.ticket(ALICE, context, None);
    prepare(&mut lab, context, &ticket);
    let kept = |lab: &Lab| lab[ALICE].node.context(context).unwrap().redemptions().count();
    let before = kept(&lab);
    let statements = vec![ticket.redeem(UserId::from_bytes([9; 32]), [1; 16]).encode()];
    let tag = lab.tag(ALICE, BOB);
    lab.say(BOB, ALICE, &Message::Statements { tag, statements });
    kept(&lab) - before
}

#[test]
fn redemptions_are_taken_of_admitted_peers_while_they_admit_and_few_of_one_ticket() {
    assert_eq!(passed_on(|_, _, _| ()), 1);
    let pending = |lab: &mut Lab, _, _: &Ticket| {
        let (device, tag) = (lab[BOB].device, lab.tag(ALICE, BOB));
        let channel = lab[ALICE].node.channel_mut(device, tag).unwrap();
        channel.admission = Admission::Pending;
    };
    assert_eq!(passed_on(pending), 0);
    let ended = |lab: &mut Lab, context, ticket: &Ticket| {
        lab.command(ALICE, Command::EndTicket { context, key: ticket.public() }).unwrap();
    };
    assert_eq!(passed_on(ended), 0);
    assert_eq!(passed_on(fill), 0);
    let fill_another = |lab: &mut Lab, context, _: &Ticket| {
        let another = lab.ticket(ALICE, context, None);
        fill(lab, context, &another);
    };
    assert_eq!(passed_on(fill_another), 1);
}

#[test]
fn few_redemptions_of_one_ticket_are_kept_of_who_comes() {
    let (mut lab, context) = team();
    let ticket = lab.ticket(ALICE, context, None);
    fill(&mut lab, context, &ticket);
    let count = lab[ALICE].node.context(context).unwrap().redemptions().count();
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
    assert_eq!(lab[ALICE].node.context(context).unwrap().redemptions().count(), count);
    assert!(has(&lab, ALICE, MALLORY, 0), "she is let in all the same");
}
