//! Every message has golden bytes and one form; any bytes give a message or an error.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::cbor::Map;

const TAG: Tag = [0xaa; 16];

fn user() -> UserId {
    UserId::from_bytes([1; 32])
}

fn key() -> CatalogKey {
    let (device, inc) = (DeviceId::from_bytes([2; 32]), Incarnation::from_bytes([3; 8]));
    CatalogKey { user: user(), device, inc }
}

/// One message of every kind, with the BLAKE3 of its bytes.
fn samples() -> Vec<(Message, &'static str)> {
    let frame = FrameId::from_bytes([5; 32]);
    let state = CatalogState { key: key(), epoch: 0, n: 7, tip: ChangeId::from_bytes([6; 32]) };
    let log = LogState { user: user(), digest: [4; 32] };
    let hi = Message::Hi { versions: vec![1], nonce: [9; 32], features: vec!["x".to_owned()] };
    vec![
        (hi, "0f885a44f93b9392"),
        (Message::Tags { tags: vec![TAG, [0xbb; 16]] }, "09d57c42aaaf4d80"),
        (
            Message::Open { tag: TAG, user: user(), log: [4; 32], redeem: Some(vec![1, 2]) },
            "62ce83cc2933447a",
        ),
        (Message::Deny { tag: TAG, code: DenyCode::Removed, proof: None }, "665d030552385337"),
        (Message::LogWant { tag: TAG, user: user(), from: 3 }, "e2d06fc76cdd4804"),
        (
            Message::Log {
                tag: TAG,
                user: user(),
                from: 3,
                entries: vec![vec![7], vec![8]],
                more: true,
            },
            "d0c39852a179ce66",
        ),
        (
            Message::Have { tag: TAG, logs: vec![log], docs: vec![state], whole: true },
            "6caa1c8620709ebd",
        ),
        (Message::Want { tag: TAG, catalog: key(), from: 8 }, "2298c2a6b48b01b2"),
        (
            Message::Envelopes { tag: TAG, catalog: key(), envelopes: vec![vec![1]] },
            "95cd98854b6dff79",
        ),
        (Message::Statements { tag: TAG, statements: vec![vec![2]] }, "822090a6076653ee"),
        (Message::Fork { tag: TAG, catalog: key(), proof: vec![1] }, "16a82209895d2776"),
        (Message::WantFrames { tag: TAG, frames: vec![frame] }, "2a2ae41df6a7dcc0"),
        (
            Message::Frames { tag: TAG, frames: vec![vec![3]], missing: vec![frame] },
            "eeaf57caa2c36a2a",
        ),
        (
            Message::Peers {
                tag: TAG,
                peers: vec![PeerAddresses {
                    device: key().device,
                    addresses: vec!["/ip4/192.0.2.1/tcp/7701".to_owned()],
                }],
            },
            "75e61447cdf2ffed",
        ),
        (Message::Bye { code: ByeCode::Again }, "230786c4b08fd38f"),
    ]
}

#[test]
fn golden_bytes() {
    let wrong: Vec<String> = samples()
        .into_iter()
        .filter_map(|(message, golden)| {
            let digest = blake3::hash(&message.encode());
            let digest = HEXLOWER.encode(&digest.as_bytes()[..8]);
            (digest != golden).then(|| format!("{golden} -> {digest}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let bye = Message::Bye { code: ByeCode::Again }.encode();
    assert_eq!(HEXLOWER.encode(&bye), "a2617463627965 64636f6465 65616761696e".replace(' ', ""));
}

#[test]
fn decoding_inverts_encoding() {
    for (message, _) in samples() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
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
    fn a_damaged_message_is_another_or_none(at: prop::sample::Index, flip in 1u8.., which in 0usize..13) {
        let (message, _) = samples().swap_remove(which);
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_ne!(Message::decode(&bytes), Ok(message));
    }
}
