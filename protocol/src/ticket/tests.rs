//! Tests of tickets.

use proptest::prelude::*;

use super::*;
use crate::context::ContextKind;
use crate::statement::Fact;
use crate::statement::samples::key;

fn ticket() -> Ticket {
    let owner = UserId::from_bytes([0xa1; 32]);
    Ticket {
        genesis: Genesis { owners: vec![owner], nonce: [0x0c; 16], kind: ContextKind::Team },
        key: key(4),
        interest: Interest { generation: 2, key: [0x17; 32] },
        owner,
        addrs: vec![TicketAddr {
            device: key(3).device(),
            address: "/ip4/192.0.2.7/tcp/7701".to_owned(),
        }],
        until: Some(1_700_000_600_000),
        role: Role::Reader,
    }
}

fn malformed(change: impl FnOnce(&mut Map)) -> TicketError {
    let mut map = ticket().to_map();
    change(&mut map);
    text_of(map).parse::<Ticket>().unwrap_err()
}

fn text_of(map: Map) -> String {
    let mut bytes = cbor::encode(&Value::Map(map));
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(&sum.as_bytes()[..4]);
    format!("dsp1{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

#[test]
fn golden_text() {
    let text = ticket().to_string();
    assert_eq!(text, include_str!("golden.txt").trim_end());
    let read: Ticket = text.parse().unwrap();
    assert_eq!(read.to_string(), text);
    assert_eq!(read.context(), ticket().genesis.id());
    assert_eq!(read.addrs, ticket().addrs);
    assert_eq!(read.interest, ticket().interest);
}

#[test]
fn it_is_read_in_capitals_and_between_spaces() {
    let text = ticket().to_string();
    let read: Ticket = format!("  {}\n", text.to_ascii_uppercase()).parse().unwrap();
    assert_eq!(read.to_string(), text);
}

#[test]
fn what_is_wrong_is_said() {
    let text = ticket().to_string();
    let error = |text: &str| text.parse::<Ticket>().unwrap_err();
    assert_eq!(error(""), TicketError::NoTicket);
    assert_eq!(error("hello"), TicketError::NoTicket);
    assert_eq!(error("dsp"), TicketError::NoTicket);
    assert_eq!(error("dsp0abc"), TicketError::NoTicket);
    assert_eq!(error(&"dsp1".repeat(4000)), TicketError::NoTicket);
    assert_eq!(error("dsp2whatever-it-holds"), TicketError::Newer(2));
    assert_eq!(error("dsp1"), TicketError::Mistyped);
    assert_eq!(error(&text.replacen('a', "1", 1)), TicketError::Mistyped);
    for cut in 5..text.len() {
        assert_eq!(error(&text[..cut]), TicketError::Mistyped, "cut at {cut}");
    }
    assert_eq!(malformed(|map| drop(map.insert("v", 3u64))), TicketError::Newer(3));
}

#[test]
fn what_a_ticket_may_hold_is_bounded() {
    let says = |change: &dyn Fn(&mut Map), what: &str| match malformed(change) {
        TicketError::Malformed(text) => assert!(text.contains(what), "{text}"),
        other => panic!("{other}"),
    };
    says(&|map| drop(map.remove("seed")), "seed");
    says(&|map| drop(map.insert("seed", vec![1u8; 31])), "seed");
    says(&|map| drop(map.insert("role", "owner")), "role");
    says(&|map| drop(map.insert("role", "none")), "role");
    says(&|map| drop(map.insert("owner", vec![1u8; 32])), "owner");
    says(&|map| drop(map.insert("genesis", Map::new())), "`v` is missing");
    let addr = |len| Value::List(vec![key(3).device().into(), "x".repeat(len).into()]);
    says(&|map| drop(map.insert("addrs", vec![addr(257)])), "addrs");
    says(&|map| drop(map.insert("addrs", vec![addr(1); 9])), "addrs");
    let mut ticket = ticket();
    assert_eq!(ticket.check(), Ok(()));
    ticket.role = Role::Owner;
    assert!(ticket.check().is_err());
    ticket.role = Role::Writer;
    ticket.addrs[0].address = "x".repeat(257);
    assert!(ticket.check().is_err());
    ticket.addrs = vec![TicketAddr { device: key(3).device(), address: "x".repeat(256) }; 8];
    assert_eq!(ticket.check(), Ok(()));
    assert_eq!(ticket.to_string().parse::<Ticket>().unwrap().addrs, ticket.addrs);
    ticket.addrs.push(ticket.addrs[0].clone());
    assert!(ticket.check().is_err());
}

#[test]
fn a_redemption_names_its_user_and_is_signed_by_the_ticket() {
    let user = UserId::from_bytes([0xb0; 32]);
    let redemption = ticket().redeem(user, [1; 16]);
    assert_eq!(redemption.signer(), ticket().public());
    let expected =
        Redeem { context: ticket().context(), ticket: ticket().public(), user, nonce: [1; 16] };
    assert_eq!(redemption.fact(), &Fact::Redeem(expected));
}

#[test]
fn the_seed_does_not_show() {
    let shown = format!("{:?}", ticket());
    let seed = data_encoding::HEXLOWER.encode(&[4; 8]);
    assert!(!shown.contains(&seed) && !shown.contains("4, 4, 4"), "{shown}");
    assert!(!shown.contains("23, 23"), "the interest key shows: {shown}");
}

proptest! {
    #[test]
    fn parsing_is_total(text in "(dsp1)?[a-z2-7]{0,200}|.{0,40}") {
        let _ = text.parse::<Ticket>();
    }

    #[test]
    fn a_whole_text_of_anything_gives_a_ticket_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut with_sum = bytes.clone();
        with_sum.extend_from_slice(&blake3::hash(&bytes).as_bytes()[..4]);
        let _ = format!("dsp1{}", BASE32_NOPAD.encode(&with_sum)).parse::<Ticket>();
    }

    #[test]
    fn a_changed_letter_is_noticed(at: prop::sample::Index, letter in "[a-z2-7]") {
        let mut text = ticket().to_string();
        let at = 4 + at.index(text.len() - 4);
        prop_assume!(text[at..=at] != letter);
        text.replace_range(at..=at, &letter);
        prop_assert_eq!(text.parse::<Ticket>().unwrap_err(), TicketError::Mistyped);
    }
}
