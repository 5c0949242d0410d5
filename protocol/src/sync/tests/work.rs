//! One piece of work at a time: the next begins when all that follows from the one before is done.

use super::{ALICE, BOB, MALLORY, team};
use crate::id::{ContextId, UserId};
use crate::statement::Access;
use crate::sync::Command;
use crate::wire::Message;

fn set_access(context: ContextId, access: Access) -> Command {
    Command::About { context, name: None, text: None, access: Some(access), closed: false }
}

#[test]
fn a_context_to_forget_stays_until_what_was_said_before_took_effect() {
    let (mut lab, context) = team();
    lab.command(ALICE, set_access(context, Access::Private)).unwrap();
    let ticket = lab.ticket(ALICE, context, Some(5));
    lab.command(ALICE, set_access(context, Access::Private)).unwrap();
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
    lab.stop_disk(ALICE);
    let since = lab.sent.len();
    // It lets Mallory in by a ticket that an owner counts, which is work of its own.
    lab.command_later(ALICE, set_access(context, Access::Ticket));
    lab.command_later(ALICE, Command::Forget { context });
    lab.run_disk(ALICE);
    let said = lab.said(ALICE, MALLORY, since);
    assert!(said.iter().any(|message| matches!(message, Message::Have { .. })), "she is let in");
    assert!(lab[ALICE].node.context(context).is_none());
}

#[test]
fn a_context_to_forget_stays_until_everybody_who_came_in_was_looked_at() {
    let (mut lab, context) = team();
    let ticket = lab.ticket(ALICE, context, Some(5));
    let tag = lab.tag(ALICE, BOB);
    let redeem = |user: u8| ticket.redeem(UserId::from_bytes([user; 32]), [0; 16]).encode();
    let statements = vec![redeem(1), redeem(2)];
    lab.stop_disk(ALICE);
    lab.say(BOB, ALICE, &Message::Statements { tag, statements });
    lab.command_later(ALICE, Command::Forget { context });
    lab.run_disk(ALICE);
    assert!(lab[ALICE].node.context(context).is_none());
}
