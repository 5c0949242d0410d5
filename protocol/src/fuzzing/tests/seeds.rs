//! What fuzzers begin with: a value of every kind, as it is written today.

use data_encoding::HEXLOWER;

use crate::archive::{About, Writer};
use crate::cbor::{self, Map};
use crate::context::{ContextKind, Genesis};
use crate::doc::{CatalogWriter, Envelope, ForkProof, catalog_key};
use crate::fuzzing::signed::place;
use crate::id::{BlobHash, UserId};
use crate::pair::PairingTicket;
use crate::statement::samples::{self, key};
use crate::statement::{Interest, Place, PlacedFact, Role};
use crate::ticket::{Ticket, TicketAddr};
use crate::wire::{BoardKey, CatalogKey};

/// Returns the seeds of a target, by name.
pub(super) fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "archive" => named([("small", [b"\x07".as_slice(), &archive()].concat())]),
        "cbor" => named([("values", cbor()), ("frame", objects("frame").remove(1).1)]),
        "change" | "scan" => {
            envelopes().into_iter().map(|(name, envelope)| (name, envelope.change)).collect()
        }
        "envelope" => {
            let few = envelopes().into_iter().take(3);
            few.map(|(name, envelope)| (name, envelope.encode())).collect()
        }
        "fork" => named([("proof", fork()), ("changes", b"\x03onetwo".to_vec())]),
        "genesis" => named([("team", genesis().encode())]),
        "identity_log" => logs(),
        "message" => golden(include_str!("../../wire/golden.txt")),
        "name" => texts(&NAMES),
        "pair_message" => {
            let messages = include_str!("../../pair/golden.txt").split("ticket dsp").next();
            golden(messages.unwrap_or_default())
        }
        "pair_ticket" => texts(&[&pair_ticket()]),
        "param" => texts(&PARAMS),
        "reference" => texts(&REFERENCES),
        "statement" => statements(),
        "ticket" => texts(&[&ticket().to_string()])
            .into_iter()
            .chain(named([("cbor", unsummed(&ticket().to_string()))]))
            .collect(),
        kind => objects(kind),
    }
}

const NAMES: [&str; 9] = [
    "sales/weekly",
    "Data/Straße ﬁ.csv",
    "e\u{301}.txt",
    "../up",
    "con.txt",
    "alice",
    "sa*/**/w?ekly sales/2026/weekly",
    "a\u{202e}b",
    "C:\\x",
];

const PARAMS: [&str; 9] = [
    "42",
    "-1.5e-3",
    "\"a \\u00e9\"",
    "2026-11-16T09:30:00+01:00",
    "{\"t\":\"tab\",\"v\":null}",
    "{\"t\":\"new\",\"v\":{\"/\":{\"bytes\":\"AAEC\"}}}",
    "[1,{\"a\":[null,2.5]}]",
    "007",
    "'true'",
];

const REFERENCES: [&str; 8] = [
    "sales/weekly",
    "alice/research:model@head~2#weights.bin",
    "me:a@v1#50% of ü",
    "a@head^2",
    "a@3f2a91bc",
    "dsp://alice/research/sales/weekly?rev=v1&path=a%20b.csv",
    "dsp://me/main/a#0",
    "a#b:c@d#e",
];

fn named<const N: usize>(seeds: [(&str, Vec<u8>); N]) -> Vec<(String, Vec<u8>)> {
    seeds.map(|(name, bytes)| (name.to_owned(), bytes)).into()
}

fn texts(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    let number = |(at, text): (usize, &&str)| (format!("text-{at}"), text.as_bytes().to_vec());
    texts.iter().enumerate().map(number).collect()
}

/// Reads lines of a name and hexadecimal digits.
fn golden(text: &str) -> Vec<(String, Vec<u8>)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(name, hex)| (name.to_owned(), HEXLOWER.decode(hex.as_bytes()).unwrap()))
        .collect()
}

fn objects(kind: &str) -> Vec<(String, Vec<u8>)> {
    let objects = crate::object::tests::golden::objects().into_iter();
    let of_kind = objects.filter(|(of, ..)| *of == kind);
    of_kind.map(|(_, name, bytes)| (name.to_owned(), bytes)).collect()
}

fn cbor() -> Vec<u8> {
    let list = vec![1u64.into(), (-7i64).into(), 2.5.into(), true.into(), cbor::Value::Null];
    cbor::encode(&Map::new().with("list", list).with("text", "ä").with("bytes", [1, 2]).into())
}

fn genesis() -> Genesis {
    let owners = vec![UserId::from_bytes([0xa1; 32])];
    Genesis { owners, nonce: [0x0c; 16], kind: ContextKind::Team }
}

/// Statements as they come; and their bodies behind the seed of the key that signs them.
fn statements() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, statement) in samples::all() {
        let signer = (0..8).find(|seed| key(*seed).public() == statement.signer()).unwrap();
        let body = [&[signer], statement.statement().body()].concat();
        seeds.push((format!("body-{name}"), body));
        if matches!(name, "inception" | "redeem" | "head") {
            seeds.push((name.to_owned(), statement.encode()));
        }
    }
    seeds
}

/// A first change for each kind of fact.
fn envelopes() -> Vec<(String, Envelope)> {
    let at = place();
    let at = Place { context: at.context, device: at.device, inc: at.inc, n: 1, time: 0 };
    let append = |(name, fact): (&str, PlacedFact)| {
        let statement = fact.sign(&at, &key(3)).unwrap();
        let put = (catalog_key(&statement).unwrap(), statement.encode());
        let envelope = CatalogWriter::new(place()).append(&key(3), &[put], &[]);
        (name.to_owned(), envelope.unwrap())
    };
    samples::placed_facts().into_iter().map(append).collect()
}

fn fork() -> Vec<u8> {
    let mut envelopes = envelopes().into_iter().map(|(_, envelope)| envelope);
    let (one, other) = (envelopes.next().unwrap(), envelopes.next().unwrap());
    ForkProof::new(one, other).unwrap().encode()
}

/// Entries by the numbers that the target reads: after which, what, by which key.
fn logs() -> Vec<(String, Vec<u8>)> {
    let (grant, revoke, unknown, rotate, recover) = (0, 3, 4, 5, 6);
    let which = |device: u8| device * 8;
    named([
        ("devices", vec![0, grant + which(3), 1, 1, grant + which(4), 1, 2, revoke + which(3), 1]),
        ("fork", vec![0, grant + which(3), 1, 0, grant + which(4), 1]),
        ("recovery", vec![0, rotate + which(5), 1, 0, recover + which(6), 2, 2, which(7), 6]),
        ("unknown", vec![0, unknown, 1, 1, grant + which(3), 1]),
    ])
}

fn archive() -> Vec<u8> {
    let user = UserId::from_bytes([1; 32]);
    let at = place();
    let catalog = CatalogKey { user, device: at.device, inc: at.inc };
    let about = About { genesis: genesis(), partial: true, ticket: None };
    let (mut writer, mut bytes) = Writer::begin(&about);
    bytes.extend(writer.log(user, vec![b"entry".to_vec()]));
    bytes.extend(writer.envelopes(catalog, vec![b"one".to_vec(), b"two".to_vec()]));
    bytes.extend(writer.fork(user, b"proof".to_vec()));
    let board = BoardKey { creator: user, nonce: [5; 16] };
    bytes.extend(writer.board(board, vec![(user, b"change".to_vec())]));
    bytes.extend(writer.board_fork(board, user, b"proof".to_vec()));
    bytes.extend(writer.frames(vec![b"frame".to_vec()]));
    bytes.extend(writer.blob(BlobHash::of(b"data"), 4));
    writer.piece(b"data");
    bytes.extend(b"data");
    bytes.extend(writer.blob(BlobHash::of(b""), 0));
    bytes.extend(writer.end());
    bytes
}

fn ticket() -> Ticket {
    let address = "/ip4/192.0.2.7/tcp/7701".to_owned();
    Ticket {
        genesis: genesis(),
        key: key(4),
        interest: Interest { generation: 2, key: [0x17; 32] },
        owner: UserId::from_bytes([0xa1; 32]),
        addrs: vec![TicketAddr { device: key(3).device(), address }],
        until: Some(1_700_000_600_000),
        role: Role::Reader,
    }
}

/// Returns the CBOR in the text of a ticket, without its sum.
fn unsummed(text: &str) -> Vec<u8> {
    let text = text.trim_start_matches("dsp1").to_ascii_uppercase();
    let mut bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes
}

fn pair_ticket() -> String {
    let address = "/ip4/192.0.2.1/tcp/7701".to_owned();
    let (user, device) = (UserId::from_bytes([1; 32]), key(2).device());
    PairingTicket::new(user, device, vec![address], 5, [3; 32]).to_string()
}
