//! Golden bytes, one form each, and what a code depends on.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::context::{ContextKind, Genesis};
use crate::id::{DeviceId, UserId};
use crate::limits;
use crate::statement::{Interest, Role};
use crate::wire::{HandedAdmission, HandedContext};

fn device(byte: u8) -> DeviceId {
    DeviceId::from_bytes([byte; 32])
}

fn ticket() -> PairingTicket {
    let address = "/ip4/192.0.2.1/tcp/7701".to_owned();
    PairingTicket::new(UserId::from_bytes([1; 32]), device(2), vec![address], 5, [3; 32])
}

fn samples() -> Vec<(&'static str, PairMessage)> {
    let owners = vec![UserId::from_bytes([1; 32])];
    let genesis = Genesis { owners, nonce: [4; 16], kind: ContextKind::Team };
    let interests = vec![Interest { generation: 2, key: [5; 32] }];
    let devices = vec![(device(6), "/ip4/192.0.2.1/tcp/7701".to_owned())];
    let by = HandedAdmission { redeem: vec![7], role: Role::Reader, devices };
    let own = HandedContext { genesis, interests, admission: None };
    let followed = HandedContext { admission: Some(by), ..own.clone() };
    let contexts = vec![own, followed];
    vec![
        ("ask", PairMessage::Ask { ticket: [1; 16], commit: [2; 32], name: "desk".into() }),
        ("nonce", PairMessage::Nonce { nonce: [3; 32] }),
        ("show", PairMessage::Show { nonce: [4; 32], proof: [5; 32] }),
        ("log", PairMessage::Log { entries: vec![vec![1], vec![2]], more: true }),
        ("contexts", PairMessage::Contexts { contexts, more: false }),
        ("taken", PairMessage::Taken),
        ("refuse-ticket", PairMessage::Refuse { why: Refusal::Ticket }),
        ("refuse-denied", PairMessage::Refuse { why: Refusal::Denied }),
        ("refuse-failed", PairMessage::Refuse { why: Refusal::Failed }),
    ]
}

#[test]
fn golden_bytes() {
    let line = |(name, message): &(&str, PairMessage)| {
        format!("{name} {}\n", HEXLOWER.encode(&message.encode()))
    };
    let mut actual: String = samples().iter().map(line).collect();
    actual += &format!("ticket {}\n", ticket());
    actual += &format!("ticket-id {}\n", HEXLOWER.encode(&ticket().id()));
    actual += &format!("commit {}\n", HEXLOWER.encode(&commitment(device(9), &[1; 32])));
    let proof = proof(&ticket(), device(9), &[1; 32], &[2; 32]);
    actual += &format!("proof {}\n", HEXLOWER.encode(&proof));
    actual += &format!("code {}\n", code(device(2), device(9), &[1; 32], &[2; 32]));
    let golden = include_str!("golden.txt");
    assert_eq!(golden, actual, "golden.txt would be:\n{actual}");
}

#[test]
fn decoding_inverts_encoding() {
    for (name, message) in samples() {
        assert_eq!(PairMessage::decode(&message.encode()), Ok(message), "{name}");
    }
    let read: PairingTicket = format!(" {} ", ticket().to_string().to_uppercase()).parse().unwrap();
    assert_eq!(read.to_string(), ticket().to_string());
    assert_eq!(read.id(), ticket().id());
}

#[test]
fn the_secret_is_not_shown() {
    assert!(!format!("{:?}", ticket()).contains("3, 3"));
}

#[test]
fn a_slip_of_the_hand_is_told() {
    let text = ticket().to_string();
    let parse = |text: &str| text.parse::<PairingTicket>().unwrap_err();
    assert_eq!(parse("dsp1abc"), PairingTicketError::NoTicket);
    assert_eq!(parse(&text[..text.len() - 3]), PairingTicketError::Mistyped);
    assert_eq!(parse(&text.replacen('1', "2", 1)), PairingTicketError::Newer(2));
    assert_eq!(parse(&"a".repeat(9000)), PairingTicketError::NoTicket);
}

#[test]
fn the_code_depends_on_both_keys_and_both_nonces() {
    let base = code(device(1), device(2), &[3; 32], &[4; 32]);
    assert_eq!(base.len(), 7);
    assert_ne!(base, code(device(9), device(2), &[3; 32], &[4; 32]));
    assert_ne!(base, code(device(1), device(9), &[3; 32], &[4; 32]));
    assert_ne!(base, code(device(1), device(2), &[9; 32], &[4; 32]));
    assert_ne!(base, code(device(1), device(2), &[3; 32], &[9; 32]));
}

#[test]
fn bounds_hold() {
    let (_, PairMessage::Contexts { contexts, .. }) = samples().swap_remove(4) else { panic!() };
    let many = vec![contexts[0].clone(); limits::HANDED_CONTEXTS + 1];
    assert!(
        PairMessage::decode(&PairMessage::Contexts { contexts: many, more: false }.encode())
            .is_err()
    );
    let interests = vec![contexts[0].interests[0].clone(); limits::HANDED_INTERESTS + 1];
    let one = HandedContext { interests, ..contexts[0].clone() };
    let message = PairMessage::Contexts { contexts: vec![one], more: false };
    assert!(PairMessage::decode(&message.encode()).is_err());
    let name = "x".repeat(limits::NAME_BYTES + 1);
    let ask = PairMessage::Ask { ticket: [1; 16], commit: [2; 32], name };
    assert!(PairMessage::decode(&ask.encode()).is_err());
}

proptest! {
    #[test]
    fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PairMessage::decode(&bytes);
    }
}
