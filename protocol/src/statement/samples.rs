//! One statement of every kind, from fixed keys: what the golden bytes and other tests use.

use std::collections::BTreeMap;

use super::*;
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, FrameId, Incarnation, StackId, UserId};

/// Returns the signing key of a fixed seed.
pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// Returns the place that all samples in a context have.
pub(crate) fn place() -> Place {
    Place {
        context: ContextId::from_bytes([0xc0; 32]),
        device: key(3).device(),
        inc: Incarnation::from_bytes([0x1c; 8]),
        n: 7,
        time: 1_700_000_000_000,
    }
}

pub(crate) fn head() -> Head {
    Head {
        stack: StackId::from_bytes([0x57; 16]),
        name: "sales/weekly".parse().unwrap(),
        frame: Some(FrameId::from_bytes([0xf0; 32])),
        generation: 3,
        over: vec![StatementId::from_bytes([0x0e; 32])],
        why: None,
    }
}

/// Returns a fact of every kind that is said in a context, by a name for the golden file.
pub(crate) fn placed_facts() -> Vec<(&'static str, PlacedFact)> {
    let user = UserId::from_bytes([0xa1; 32]);
    let doc = DocumentId::from_bytes([0xd0; 32]);
    let tips = vec![ChangeId::from_bytes([0x71; 32])];
    let epoch = |parts| Epoch { doc, epoch: 2, base: tips.clone(), genesis: [0x6e; 32], parts };
    let device = DeviceId::from_bytes([0xde; 32]);
    let about = About {
        name: "research".parse().unwrap(),
        text: "What we know.".to_owned(),
        access: Access::Ticket,
        closed: false,
        over: vec![],
    };
    vec![
        ("about", PlacedFact::About(about.clone())),
        ("about-closed", PlacedFact::About(About { closed: true, ..about })),
        (
            "member",
            PlacedFact::Member(Member {
                user,
                role: Role::Writer,
                seen: BTreeMap::from([((device, Incarnation::from_bytes([1; 8])), 4)]),
            }),
        ),
        ("interest", PlacedFact::Interest(Interest { generation: 2, key: [0x17; 32] })),
        (
            "ticket",
            PlacedFact::Ticket(TicketFact {
                key: key(4).public(),
                role: Role::Reader,
                until: Some(1_700_000_600_000),
                uses: Some(3),
                generation: 2,
            }),
        ),
        ("ticket-end", PlacedFact::TicketEnd { key: key(4).public() }),
        (
            "cut-user",
            PlacedFact::Cut(Cut {
                subject: Subject::User(user),
                docs: BTreeMap::from([(doc, tips.clone())]),
            }),
        ),
        (
            "cut-device",
            PlacedFact::Cut(Cut { subject: Subject::Device(device), docs: BTreeMap::new() }),
        ),
        ("head", PlacedFact::Head(head())),
        ("head-moved", PlacedFact::Head(Head { frame: None, why: Some(Why::Moved), ..head() })),
        ("head-removed", PlacedFact::Head(Head { frame: None, why: Some(Why::Removed), ..head() })),
        (
            "tag",
            PlacedFact::Tag(Tag {
                stack: head().stack,
                tag: "v1".parse().unwrap(),
                frame: head().frame,
                over: vec![],
            }),
        ),
        ("epoch", PlacedFact::Epoch(epoch(1))),
        ("epoch-in-parts", PlacedFact::Epoch(epoch(3))),
        (
            "withdraw",
            PlacedFact::Withdraw(Withdraw {
                frames: BTreeMap::from([(
                    FrameId::from_bytes([0xf1; 32]),
                    vec![FrameId::from_bytes([0xf0; 32])],
                )]),
                blobs: [[0xb1; 32], [0xb2; 32]].map(crate::id::BlobHash::from_bytes).into(),
            }),
        ),
        (
            "dashboard",
            PlacedFact::Dashboard(Dashboard { nonce: [0xda; 16], removed: false, over: vec![] }),
        ),
        (
            "dashboard-removed",
            PlacedFact::Dashboard(Dashboard {
                nonce: [0xda; 16],
                removed: true,
                over: vec![StatementId::from_bytes([0x0e; 32])],
            }),
        ),
        ("comment-stack", comment(CommentOn::Stack { user, stack: head().stack })),
        (
            "comment-frame",
            comment(CommentOn::Frame {
                user,
                stack: head().stack,
                frame: FrameId::from_bytes([0xf0; 32]),
            }),
        ),
        (
            "comment-card",
            comment(CommentOn::Card { creator: user, nonce: [0xda; 16], card: "c1".to_owned() }),
        ),
        (
            "comment-gone",
            PlacedFact::Comment(Comment {
                id: [0xc1; 16],
                on: CommentOn::Stack { user, stack: head().stack },
                text: None,
                over: vec![StatementId::from_bytes([0x0e; 32])],
            }),
        ),
    ]
}

fn comment(on: CommentOn) -> PlacedFact {
    let (id, text) = ([0xc1; 16], Some("Is this the new model?".to_owned()));
    PlacedFact::Comment(Comment { id, on, text, over: vec![] })
}

/// Returns an entry of every kind of an identity log, by a name for the golden file.
pub(crate) fn entry_facts() -> Vec<(&'static str, EntryFact)> {
    let device = key(3).device();
    let grant = Grant { device, name: "laptop".to_owned(), scope: None, until: None };
    let scope =
        Scope { contexts: Some(vec![ContextId::from_bytes([0xc0; 32])]), role: Some(Role::Reader) };
    let scoped = Grant { scope: Some(scope), until: Some(1_700_000_600_000), ..grant.clone() };
    let rotation = Rotation {
        root: key(5).public(),
        next: recovery_hash(&key(6).public()),
        by: RotatedBy::Recovery,
    };
    vec![
        ("grant", EntryFact::Grant(grant)),
        ("grant-scoped", EntryFact::Grant(scoped)),
        ("revoke", EntryFact::Revoke(device)),
        ("rotate", EntryFact::Rotate(rotation)),
    ]
}

pub(crate) fn inception() -> Inception {
    Inception {
        root: key(1).public(),
        next: recovery_hash(&key(2).public()),
        name: "Alice".to_owned(),
    }
}

pub(crate) fn redeem() -> Redeem {
    Redeem {
        context: ContextId::from_bytes([0xc0; 32]),
        ticket: key(4).public(),
        user: UserId::from_bytes([0xa1; 32]),
        nonce: [0x0c; 16],
    }
}

/// Returns the fields of a place, for statements of kinds that do not exist yet.
pub(crate) fn place_fields() -> Map {
    let place = place();
    Map::new()
        .with("context", place.context)
        .with("device", place.device)
        .with("inc", place.inc)
        .with("n", place.n)
        .with("time", place.time)
}

/// Returns the fields of a head with one more that this version does not know.
pub(crate) fn head_with_unknown_key() -> Map {
    let head = head();
    place_fields()
        .with("stack", head.stack)
        .with("name", head.name.as_str())
        .with("frame", head.frame.map_or(Value::Null, Value::from))
        .with("gen", head.generation)
        .with("over", Vec::<Value>::new())
        .with("mood", "bright")
}

/// Returns one signed statement of every kind, by name.
pub(crate) fn all() -> Vec<(&'static str, Verified)> {
    let user = Inception::user(inception().sign(&key(1)).unwrap().statement().body());
    let mut all = vec![
        ("inception", inception().sign(&key(1)).unwrap()),
        ("redeem", redeem().sign(&key(4)).unwrap()),
    ];
    all.extend(entry_facts().into_iter().map(|(name, fact)| {
        let signer = if name == "rotate" { key(2) } else { key(1) };
        let entry = Entry { user, n: 1, prev: StatementId::from_bytes([0x9e; 32]), fact };
        (name, entry.sign(&signer).unwrap())
    }));
    all.extend(
        placed_facts()
            .into_iter()
            .map(|(name, fact)| (name, fact.sign(&place(), &key(3)).unwrap())),
    );
    let entry = Map::new()
        .with("user", user)
        .with("n", 1u64)
        .with("prev", StatementId::from_bytes([0x9e; 32]));
    let unknown = [
        ("unknown-key", "head", head_with_unknown_key(), &[][..]),
        ("unknown-must", "head", head_with_unknown_key(), &["mood"][..]),
        ("unknown-kind", "greeting", Map::new().with("text", "hello"), &[]),
        ("unknown-kind-placed", "poem", place_fields().with("text", "hello"), &[]),
        ("unknown-kind-entry", "endorse", entry, &[]),
    ];
    all.extend(unknown.into_iter().map(|(name, kind, fields, must)| {
        let signer = if name == "unknown-kind-entry" { key(1) } else { key(3) };
        (name, Statement::sign(kind, fields, must, &signer).unwrap())
    }));
    all
}
