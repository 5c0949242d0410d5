//! One peer against another: what is said, to whom, and what is taken.

mod admission;
mod arbitrary;
mod archive;
mod authority;
mod behind;
mod bench;
mod blocks;
mod boards;
mod deletes;
mod editors;
mod forks;
mod handover;
mod hello;
mod lab;
mod logs;
mod members;
mod mirror;
mod missed;
mod offers;
mod own;
mod pair;
mod peers;
mod removed;
mod restored;
mod scene;
mod serve;
mod store;
mod take;
mod tickets;
mod undo;
mod unknown;
mod waiting;
mod withdraw;
mod work;

use self::lab::{At, Lab};
use super::Command;
use crate::id::ContextId;
use crate::statement::Role;
use crate::wire::Message;

const ALICE: At = 0;
const BOB: At = 1;
const MALLORY: At = 2;

/// Alice owns a context, Bob reads it by her ticket and is connected; Mallory holds nothing.
fn team() -> (Lab, ContextId) {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let context = lab.context(ALICE);
    let ticket = lab.ticket(ALICE, context, None);
    lab.follow(BOB, &ticket);
    lab.connect(BOB, ALICE);
    (lab, context)
}

/// As [`team`], and Mallory is connected to Alice by a ticket that was revoked: the context
/// matched, and she is not admitted. The test speaks for her.
fn outsider() -> (Lab, ContextId) {
    let (mut lab, context) = team();
    let ticket = lab.ticket(ALICE, context, None);
    lab.command(ALICE, Command::EndTicket { context, key: ticket.public() }).unwrap();
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
    lab[MALLORY].still = true;
    (lab, context)
}

/// As [`team`], with Bob a writer and Mallory a reader, each connected to Alice.
fn members() -> (Lab, ContextId) {
    let (mut lab, context) = team();
    let ticket = lab.ticket(ALICE, context, None);
    lab.member(ALICE, context, BOB, Role::Writer);
    lab.member(ALICE, context, MALLORY, Role::Reader);
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
    (lab, context)
}

/// Tells whether a message says something about a context.
fn tells(message: &&Message) -> bool {
    use Message::{Bye, Deny, Hi, LogWant, Open, Tags, Unknown};
    !matches!(
        message,
        Hi { .. } | Tags { .. } | Open { .. } | Deny { .. } | LogWant { .. } | Bye { .. } | Unknown
    )
}
