//! Every message has golden bytes and one form; any bytes give a message or an error.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::cbor::Map;
use crate::context::{ContextKind, Genesis};
use crate::statement::{Interest, Role};

const TAG: Tag = [0xaa; 16];

fn user() -> UserId {
    UserId::from_bytes([1; 32])
}

fn key() -> CatalogKey {
    let (device, inc) = (DeviceId::from_bytes([2; 32]), Incarnation::from_bytes([3; 8]));
    CatalogKey { user: user(), device, inc }
}

fn handed() -> HandedContext {
    let genesis = Genesis { owners: vec![user()], nonce: [4; 16], kind: ContextKind::Team };
    let interests = vec![Interest { generation: 2, key: [5; 32] }];
    let devices = vec![(key().device, "/ip4/192.0.2.1/tcp/7701".to_owned())];
    let by = HandedAdmission { redeem: vec![7], role: Role::Reader, devices };
    HandedContext { genesis, interests, admission: Some(by) }
}

fn offer() -> Offer {
    let (nonce, kind) = ([8; 16], crate::context::ContextKind::Team);
    Offer {
        genesis: crate::context::Genesis { owners: vec![user()], nonce, kind },
        interest: crate::statement::Interest { generation: 2, key: [7; 32] },
        name: "plans".parse().unwrap(),
    }
}

/// Messages of every kind, with and without what may be absent, by name.
fn samples() -> Vec<(String, Message)> {
    let (tag, user) = (TAG, user());
    let frame = FrameId::from_bytes([5; 32]);
    let state = CatalogState { key: key(), epoch: 0, n: 7, tip: ChangeId::from_bytes([6; 32]) };
    let log = LogState { user, digest: [4; 32] };
    let addresses = vec!["/ip4/192.0.2.1/tcp/7701".to_owned()];
    let peer = PeerAddresses { device: key().device, addresses };
    let board = BoardKey { creator: user, nonce: [8; 16] };
    let open = |redeem| Message::Open { tag, user, log: [4; 32], redeem };
    let have = |logs, docs, whole| Message::Have { tag, logs, docs, whole };
    let page = |entries, more| Message::Log { tag, user, from: 3, entries, more };
    let named = vec![
        ("hi", Message::Hi { versions: vec![1], nonce: [9; 32], features: vec!["x".to_owned()] }),
        ("tags", Message::Tags { tags: vec![TAG, [0xbb; 16]] }),
        ("open", open(None)),
        ("open-redeem", open(Some(vec![1, 2]))),
        ("deny-proof", Message::Deny { tag, code: DenyCode::Removed, proof: Some(vec![3]) }),
        ("log-want", Message::LogWant { tag, user, from: 3 }),
        ("log", page(vec![vec![7], vec![8]], true)),
        ("log-end", page(vec![], false)),
        ("have", have(vec![log], vec![state], true)),
        ("have-part", have(vec![], vec![], false)),
        ("want", Message::Want { tag, catalog: key(), from: 8 }),
        ("envelopes", Message::Envelopes { tag, catalog: key(), envelopes: vec![vec![1]] }),
        ("statements", Message::Statements { tag, statements: vec![vec![2]] }),
        ("fork", Message::Fork { tag, catalog: key(), proof: vec![1] }),
        (
            "board-have",
            Message::BoardHave {
                tag,
                board,
                epoch: 1,
                lines: vec![BoardLine { key: key(), n: 3, tip: [6; 32] }],
                asks: true,
            },
        ),
        (
            "board-envelopes",
            Message::BoardEnvelopes {
                tag,
                board,
                envelopes: vec![(user, vec![1]), (user, vec![2])],
                more: false,
            },
        ),
        ("board-fork", Message::BoardFork { tag, board, user, proof: vec![1] }),
        ("board-editing", Message::BoardEditing { tag, board, editing: true }),
        ("want-frames", Message::WantFrames { tag, frames: vec![frame] }),
        ("frames", Message::Frames { tag, frames: vec![vec![3]], missing: vec![frame] }),
        ("peers", Message::Peers { tag, peers: vec![peer] }),
        ("contexts", Message::Contexts { tag, contexts: vec![handed()] }),
        ("offer", Message::Offer { tag, offers: vec![offer()] }),
    ];
    let mut all: Vec<_> = named.into_iter().map(|(name, m)| (name.to_owned(), m)).collect();
    all.extend(
        DenyCode::ALL
            .into_iter()
            .map(|(code, word)| (format!("deny-{word}"), Message::Deny { tag, code, proof: None })),
    );
    let codes = [ByeCode::Again, ByeCode::Nothing, ByeCode::Stopping];
    all.extend(codes.map(|code| (format!("bye-{}", code.as_str()), Message::Bye { code })));
    all
}

#[test]
fn golden_bytes() {
    let line = |(name, message): &(String, Message)| {
        format!("{name} {}\n", HEXLOWER.encode(&message.encode()))
    };
    let actual: String = samples().iter().map(line).collect();
    let golden = include_str!("golden.txt").lines().filter(|line| !line.starts_with('#'));
    let golden: String = golden.map(|line| format!("{line}\n")).collect();
    assert_eq!(golden, actual, "golden.txt would be:\n{actual}");
}

#[test]
fn decoding_inverts_encoding() {
    for (name, message) in samples() {
        assert_eq!(Message::decode(&message.encode()), Ok(message), "{name}");
    }
}

#[test]
fn what_a_later_version_says_is_left() {
    let later = Map::new().with("t", "sing").with("song", "la");
    assert_eq!(Message::decode(&cbor::encode(&later.into())), Ok(Message::Unknown));
    let longer = Map::new().with("t", "bye").with("code", "again").with("mood", "good");
    let decoded = Message::decode(&cbor::encode(&longer.into()));
    assert_eq!(decoded, Ok(Message::Bye { code: ByeCode::Again }));
    let code = Map::new().with("t", "deny").with("tag", TAG).with("code", "because");
    let decoded = Message::decode(&cbor::encode(&code.into()));
    assert_eq!(decoded, Ok(Message::Deny { tag: TAG, code: DenyCode::Other, proof: None }));
}

#[test]
fn bounds_hold() {
    let tags = vec![TAG; limits::HELLO_TAGS_MAX + 1];
    assert!(Message::decode(&Message::Tags { tags }.encode()).is_err());
    let frames = vec![FrameId::from_bytes([0; 32]); limits::FRAMES_PER_WANT + 1];
    assert!(Message::decode(&Message::WantFrames { tag: TAG, frames }.encode()).is_err());
    let contexts = vec![handed(); limits::HANDED_CONTEXTS + 1];
    assert!(Message::decode(&Message::Contexts { tag: TAG, contexts }.encode()).is_err());
    let offers = vec![offer(); limits::OFFERS_MESSAGE + 1];
    assert!(Message::decode(&Message::Offer { tag: TAG, offers }.encode()).is_err());
    let redeem = Some(vec![0; limits::STATEMENT_BYTES + 129]);
    let open = Message::Open { tag: TAG, user: user(), log: [4; 32], redeem };
    assert!(Message::decode(&open.encode()).is_err());
    let huge = vec![0; limits::MESSAGE_WIRE_BYTES + 1];
    assert!(matches!(Message::decode(&huge), Err(MessageError::Cbor(CborError::TooLarge { .. }))));
}

proptest! {
    #[test]
    fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_damaged_message_is_another_or_none(at: prop::sample::Index, flip in 1u8.., which: prop::sample::Index) {
        let (_, message) = which.get(&samples()).clone();
        // Codes that are unknown give the same as this one.
        prop_assume!(message != Message::Bye { code: ByeCode::Nothing });
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_ne!(Message::decode(&bytes), Ok(message));
    }
}
