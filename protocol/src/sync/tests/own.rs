//! This very device: a home restored from an old copy goes on as another incarnation.

use super::{ALICE, BOB, MALLORY, members, team};
use crate::doc::Envelope;
use crate::id::ChangeId;
use crate::sync::{Event, Record, Severity};
use crate::wire::{CatalogState, Message};

#[test]
fn an_old_copy_goes_on_as_a_new_incarnation() {
    let (mut lab, context) = team();
    lab.push(ALICE, context, "kept");
    let copy = lab[ALICE].records.clone();
    lab.push(ALICE, context, "lost");
    let before = lab[ALICE].catalog();
    lab.restart(ALICE, copy);
    lab.connect(BOB, ALICE);
    let restored =
        |(at, event): &(usize, Event)| *at == ALICE && matches!(event, Event::Restored { .. });
    assert!(lab.events.iter().any(restored));
    let inc = lab[ALICE].node.incarnation();
    assert_ne!(inc, before.inc);
    assert!(lab[ALICE].records.contains(&Record::Incarnation(inc)));
    // What was lost comes back, and nothing new is signed under a number that was used.
    lab.push(ALICE, context, "new");
    assert_eq!(lab.stored(ALICE, before), lab.stored(BOB, before));
    assert_eq!(lab.stored(BOB, lab[ALICE].catalog()).len(), 1);
    assert_eq!(lab.penalties, []);
}

#[test]
fn a_claim_alone_changes_nothing() {
    let (mut lab, context) = members();
    let (tag, key) = (lab.tag(ALICE, MALLORY), lab[ALICE].catalog());
    let state = CatalogState { key, epoch: 0, n: 99, tip: ChangeId::from_bytes([9; 32]) };
    let have = Message::Have { tag, logs: Vec::new(), docs: vec![state], whole: true };
    lab[MALLORY].still = true;
    lab.say(MALLORY, ALICE, &have);
    assert_eq!(lab[ALICE].catalog(), key);

    let (doc, signer) = (lab.document(context, key), lab[MALLORY].key.clone());
    let mut forged = Envelope::sign(doc, 0, key.inc, 99, vec![0; 9], &signer);
    forged.device = key.device;
    let envelopes = vec![forged.encode()];
    lab.say(MALLORY, ALICE, &Message::Envelopes { tag, catalog: key, envelopes });
    assert_eq!(lab[ALICE].catalog(), key);
    let blamed = (ALICE, lab[MALLORY].device, Severity::Grave);
    assert!(
        lab.penalties.iter().any(|(by, device, severity, _)| (*by, *device, *severity) == blamed)
    );
}
