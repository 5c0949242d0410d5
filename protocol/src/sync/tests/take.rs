//! What is taken from a peer: only what was asked for or may wait, from those who may say it.

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY, members};
use crate::doc::Envelope;
use crate::id::{ContextId, FrameId, StackId};
use crate::key::Signature;
use crate::limits;
use crate::object::Frame;
use crate::statement::{Head, PlacedFact};
use crate::sync::{Event, Record, Severity};
use crate::wire::{CatalogKey, Message};

fn head(frame: FrameId) -> PlacedFact {
    PlacedFact::Head(Head {
        stack: StackId::from_bytes([5; 16]),
        name: "forged".parse().unwrap(),
        frame: Some(frame),
        generation: 1,
        over: Vec::new(),
        why: None,
    })
}

/// An envelope of Bob's with this number, rightly signed, whatever is in it.
fn numbered(lab: &Lab, context: ContextId, n: u64, bytes: usize) -> Envelope {
    let (bob, inc) = (&lab[BOB], lab[BOB].node.incarnation());
    let doc = lab.document(context, bob.catalog());
    Envelope::sign(doc, 0, inc, n, vec![0; bytes], &bob.key)
}

fn say(lab: &mut Lab, from: usize, catalog: CatalogKey, envelopes: &[Envelope]) {
    let tag = lab.tag(ALICE, from);
    let envelopes = envelopes.iter().map(Envelope::encode).collect();
    lab.say(from, ALICE, &Message::Envelopes { tag, catalog, envelopes });
}

fn severities(lab: &Lab, of: usize) -> Vec<Severity> {
    let device = lab[of].device;
    lab.penalties.iter().filter(|(_, d, ..)| *d == device).map(|(_, _, s, _)| *s).collect()
}

#[test]
fn few_envelopes_wait() {
    let (mut lab, context) = members();
    let catalog = lab[BOB].catalog();
    for from in [10, 160, 310] {
        let ahead: Vec<_> = (from..from + 150).map(|n| numbered(&lab, context, n, 9)).collect();
        say(&mut lab, BOB, catalog, &ahead);
    }
    assert_eq!(lab[ALICE].node.most_waiting(), limits::WAITING_PER_DEVICE);
}

#[test]
fn few_bytes_wait() {
    let (mut lab, context) = members();
    let catalog = lab[BOB].catalog();
    for n in 10..40 {
        let ahead = numbered(&lab, context, n, limits::CHANGE_BYTES);
        say(&mut lab, BOB, catalog, &[ahead]);
    }
    let waiting = lab[ALICE].node.most_waiting();
    assert!(waiting * limits::CHANGE_BYTES <= limits::WAITING_BYTES, "{waiting} changes wait");
}

#[test]
fn what_waits_was_signed() {
    let (mut lab, context) = members();
    let catalog = lab[BOB].catalog();
    let mut ahead = numbered(&lab, context, 10, 9);
    ahead.sig = Signature::from_bytes([0; 64]);
    say(&mut lab, MALLORY, catalog, &[ahead]);
    assert_eq!(lab[ALICE].node.most_waiting(), 0);
    assert_eq!(severities(&lab, MALLORY), [Severity::Grave]);
}

#[test]
fn an_envelope_comes_under_its_own_name() {
    let (mut lab, context) = members();
    let (envelope, catalog) = (numbered(&lab, context, 10, 9), lab[MALLORY].catalog());
    say(&mut lab, MALLORY, catalog, &[envelope]);
    assert_eq!(severities(&lab, MALLORY), [Severity::Grave]);
}

#[test]
fn a_reader_says_nothing() {
    let (mut lab, context) = members();
    for (author, taken) in [(MALLORY, 0), (BOB, 1)] {
        let envelope = lab.sign(author, context, vec![head(FrameId::of(b"frame"))]);
        let catalog = lab[author].catalog();
        say(&mut lab, author, catalog, &[envelope]);
        assert_eq!(lab.stored(ALICE, catalog).len(), taken);
    }
}

#[test]
fn a_revoked_device_says_nothing_new() {
    let (mut lab, context) = members();
    let envelope = lab.sign(BOB, context, vec![head(FrameId::of(b"frame"))]);
    let revoke = lab[BOB].log.revoke(&lab[BOB].root, lab[BOB].device).unwrap();
    let mut records = lab[ALICE].records.clone();
    let known = records.iter().rposition(|record| matches!(record, Record::Log { .. })).unwrap();
    records.insert(known + 1, Record::Log { user: lab[BOB].user, entry: revoke.encode() });
    lab.restart(ALICE, records);
    lab.connect(MALLORY, ALICE);
    let catalog = lab[BOB].catalog();
    say(&mut lab, MALLORY, catalog, &[envelope]);
    assert_eq!(lab.stored(ALICE, catalog).len(), 0);
    assert_eq!(severities(&lab, MALLORY), [], "a relay does not know");
}

#[test]
fn a_device_has_a_quota() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "one");
    let catalog = lab[BOB].catalog();
    assert_eq!(lab.stored(ALICE, catalog).len(), 1);
    let known = lab[ALICE].node.contexts.get_mut(&context).unwrap();
    known.catalogs.get_mut(&catalog).unwrap().bytes = limits::DEVICE_QUOTA_BYTES + 1;
    lab.push(BOB, context, "two");
    assert_eq!(lab.stored(ALICE, catalog).len(), 1);
    assert_eq!(severities(&lab, BOB), [], "he may not know");
}

#[test]
fn a_fork_is_signed_twice() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "one");
    let catalog = lab[BOB].catalog();
    let is_fork =
        |(at, event): &(usize, Event)| *at == ALICE && matches!(event, Event::Fork { .. });
    let mut other = numbered(&lab, context, 1, 9);
    let signature = std::mem::replace(&mut other.sig, Signature::from_bytes([0; 64]));
    say(&mut lab, MALLORY, catalog, &[other.clone()]);
    assert!(!lab.events.iter().any(is_fork), "anybody could have made that");
    other.sig = signature;
    say(&mut lab, MALLORY, catalog, &[other]);
    assert!(lab.events.iter().any(is_fork));
}

#[test]
fn a_frame_is_taken_where_it_is_wanted_whoever_brings_it() {
    let (mut lab, context) = members();
    lab[BOB].withheld = |message| matches!(message, Message::Frames { .. });
    let wanted = lab.push(BOB, context, "asked of Bob");
    let bytes = lab[BOB].records.iter().find_map(|record| match record {
        Record::Frame { id, bytes, .. } if *id == wanted => Some(bytes.clone()),
        _ => None,
    });
    let unwanted = Frame { message: "nobody asked".into(), ..Frame::default() };
    let frames = vec![unwanted.encode().unwrap(), bytes.unwrap()];
    let stored = |lab: &Lab| {
        let context = lab[ALICE].node.context(context).unwrap();
        [FrameId::of(&frames[0]), wanted].map(|frame| context.frame(frame).is_some())
    };
    assert_eq!(stored(&lab), [false, false]);
    let tag = lab.tag(ALICE, MALLORY);
    let (frames, missing) = (frames.clone(), Vec::new());
    lab.say(MALLORY, ALICE, &Message::Frames { tag, frames, missing });
    assert_eq!(stored(&lab), [false, true]);
    assert_eq!(severities(&lab, MALLORY), [], "it may have been asked for once");
}

#[test]
fn whoever_delivers_what_its_author_made_wrong_is_not_blocked() {
    let (mut lab, context) = members();
    (lab[BOB].still, lab[MALLORY].still) = (true, true);
    let since = lab.sent.len();
    let (junk, catalog) = (b"no frame".to_vec(), lab[BOB].catalog());
    let envelope = lab.sign(BOB, context, vec![head(FrameId::of(&junk))]);
    say(&mut lab, MALLORY, catalog, &[envelope]);
    let asked = |peer: &usize| {
        lab.said(ALICE, *peer, since).iter().any(|m| matches!(m, Message::WantFrames { .. }))
    };
    let asked = [BOB, MALLORY].into_iter().find(asked).expect("Alice asks one of them");
    let tag = lab.tag(ALICE, asked);
    lab.say(asked, ALICE, &Message::Frames { tag, frames: vec![junk], missing: Vec::new() });
    assert_eq!(severities(&lab, asked), [Severity::Mild]);
    assert!(lab[ALICE].node.connected().any(|device| device == lab[asked].device));
}
