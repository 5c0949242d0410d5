//! Who was removed gives and takes nothing, and comes back when an owner takes her back.

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY, members, tells};
use crate::doc::Envelope;
use crate::id::ContextId;
use crate::statement::Role;
use crate::sync::Standing;
use crate::wire::Message;

fn standing(lab: &Lab, context: ContextId) -> Standing {
    lab[BOB].node.context(context).unwrap().standing()
}

/// As [`members`], and Alice removed Bob, who knows.
fn removed() -> (Lab, ContextId) {
    let (mut lab, context) = members();
    lab.member(ALICE, context, BOB, Role::None);
    assert_eq!(standing(&lab, context), Standing::Removed);
    (lab, context)
}

#[test]
fn who_is_taken_back_while_away_is_active_again() {
    for (initiator, responder) in [(ALICE, BOB), (BOB, ALICE)] {
        let (mut lab, context) = removed();
        let device = lab[BOB].device;
        lab.disconnect(ALICE, BOB);
        assert!(!lab[ALICE].node.connected().any(|other| other == device));
        lab.member(ALICE, context, BOB, Role::Reader);
        lab.push(ALICE, context, "since");
        lab.connect(initiator, responder);
        assert_eq!(standing(&lab, context), Standing::Active { synced: true });
        let key = lab[ALICE].catalog();
        assert_eq!(lab.stored(BOB, key), lab.stored(ALICE, key));
        // And is to others what she was before.
        lab.connect(MALLORY, BOB);
        let since = lab.sent.len();
        lab.push(ALICE, context, "after");
        lab.disconnect(ALICE, MALLORY);
        lab.push(ALICE, context, "by Bob");
        assert!(
            lab.said(BOB, MALLORY, since).iter().any(|m| matches!(m, Message::Envelopes { .. }))
        );
        assert_eq!(lab.stored(MALLORY, key), lab.stored(ALICE, key));
    }
}

#[test]
fn who_was_removed_gives_and_takes_nothing() {
    let (mut lab, context) = members();
    lab.member(ALICE, context, MALLORY, Role::Writer);
    // Mallory does not hear of it, and Bob only what he is shown with the refusal.
    lab[ALICE].withheld = |m| matches!(m, Message::Have { .. } | Message::Envelopes { .. });
    lab.member(ALICE, context, BOB, Role::None);
    assert_eq!(standing(&lab, context), Standing::Removed);
    lab.push(MALLORY, context, "by Mallory");
    let since = lab.sent.len();
    lab.connect(BOB, MALLORY);
    assert!(lab.said(MALLORY, BOB, since).iter().any(|m| matches!(m, Message::Have { .. })));
    let (tag, catalog) = (lab.tag(BOB, MALLORY), lab[MALLORY].catalog());
    lab.say(MALLORY, BOB, &Message::Want { tag, catalog: lab[ALICE].catalog(), from: 1 });
    lab.push(MALLORY, context, "and more");
    let envelopes = lab.stored(MALLORY, catalog).iter().map(Envelope::encode).collect();
    lab.say(MALLORY, BOB, &Message::Envelopes { tag, catalog, envelopes });

    let said = lab.said(BOB, MALLORY, since);
    assert!(said.iter().any(|m| matches!(m, Message::Open { .. })), "he may be back");
    assert_eq!(said.iter().copied().find(tells), None);
    assert_eq!(lab.stored(BOB, catalog), []);
}
