//! What a later version says passes through this one, byte for byte: through an engine that
//! relays it, and through what that engine stores.
//!
//! `unknown.txt` holds what Alice's newer program made: her identity log with an entry of an
//! unknown kind, envelopes with statements of unknown kinds, with unknown keys and with a key to
//! be understood, and a frame with unknown keys. The test of the database uses the same file.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::bench::{Bench, Device, Person, member};
use crate::api::Policy;
use crate::cbor::{Map, Value};
use crate::context::{ContextKind, Genesis};
use crate::id::{ContextId, FrameId, StackId, UserId};
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::statement::samples::key;
use crate::statement::{About, Access, Interest, PlacedFact, Role, Statement};
use crate::sync::{Command, Record};
use crate::ticket::Ticket;
use crate::wire::Message;

const FIXTURE: &str = include_str!("unknown.txt");

/// Returns the lines of one name.
fn fixture(name: &str) -> Vec<Vec<u8>> {
    let lines = FIXTURE.lines().filter_map(|line| line.split_once(' '));
    let named = lines.filter(|(of, _)| *of == name);
    named.map(|(_, hex)| HEXLOWER.decode(hex.as_bytes()).unwrap()).collect()
}

/// Alice, whose program is newer, and what it made.
struct Newer {
    alice: Person,
    laptop: Device,
    genesis: Genesis,
    frame: Vec<u8>,
}

const INTEREST: Interest = Interest { generation: 1, key: [1; 32] };

impl Newer {
    fn new(members: &[UserId]) -> Newer {
        let mut alice = Person::new(1);
        let laptop = alice.device(11, None);
        let entry = Map::new().with("user", alice.user).with("n", 2u64);
        let entry = entry.with("prev", alice.tip()).with("of", "somebody");
        alice.add(Statement::sign("endorse", entry, &[], &key(1)).unwrap());
        let genesis = Genesis { owners: vec![alice.user], nonce: [4; 16], kind: ContextKind::Team };
        let frame = frame().encode().unwrap();
        let mut newer = Newer { alice, laptop, genesis, frame };
        let context = newer.genesis.id();
        newer.say_known(context, members);
        newer.say_unknown(context);
        newer
    }

    fn say_known(&mut self, context: ContextId, members: &[UserId]) {
        let about = About {
            name: "main".parse().unwrap(),
            text: String::new(),
            access: Access::Private,
            closed: false,
            over: Vec::new(),
        };
        self.laptop.say(context, &PlacedFact::About(about));
        self.laptop.say(context, &PlacedFact::Interest(INTEREST.clone()));
        for user in members {
            self.laptop.say(context, &member(*user, Role::Reader));
        }
    }

    fn say_unknown(&mut self, context: ContextId) {
        let head = |place: Map, stack: u8, name: &str| {
            place
                .with("stack", StackId::from_bytes([stack; 16]))
                .with("name", name)
                .with("frame", FrameId::of(&self.frame))
                .with("gen", 1u64)
                .with("over", Vec::<Value>::new())
                .with("mood", "bright")
        };
        let said = [
            ("comment", self.laptop.next_place(context, 1).with("text", "hello"), &[][..]),
            ("head", head(self.laptop.next_place(context, 2), 1, "weekly"), &[][..]),
            ("head", head(self.laptop.next_place(context, 3), 2, "mood"), &["mood"][..]),
        ];
        let sign = |(kind, fields, must)| Statement::sign(kind, fields, must, &key(11)).unwrap();
        for statement in said.map(sign) {
            self.laptop.say_signed(context, &statement);
        }
    }

    /// Returns the lines of the fixture.
    fn lines(&self) -> String {
        let mut lines = String::from(
            "# What a later version signed; see unknown.rs. A line that changes is a format that \
             changes.\n",
        );
        let mut line = |name: &str, bytes: &[u8]| {
            lines.push_str(&format!("{name} {}\n", HEXLOWER.encode(bytes)));
        };
        line("user", self.alice.user.as_bytes());
        line("genesis", &self.genesis.encode());
        self.alice.entries().iter().for_each(|entry| line("log", entry));
        self.laptop.said.iter().for_each(|envelope| line("envelope", &envelope.encode()));
        line("frame", &self.frame);
        lines
    }
}

/// A frame whose every part has a key of a later version.
fn frame() -> Frame {
    let later = || Map::new().with("later", vec![Value::Null, Value::Bool(true)]);
    let blob = BlobRef { extra: later(), ..BlobRef::of(b"bytes") };
    let file = Attachment::new("a.csv".parse().unwrap(), blob, "text/csv");
    Frame {
        time: 1_700_000_000_000,
        message: "from the future".to_owned(),
        files: Files::Listed(vec![Attachment { extra: later(), ..file }]),
        must: vec!["columns".to_owned()],
        x: later(),
        extra: later(),
        ..Frame::default()
    }
}

/// Bob, who follows Alice and has everything of hers, and Carol, another follower.
fn relay() -> (Newer, Bench, Person, Device) {
    let (mut bob, mut carol) = (Person::new(2), Person::new(3));
    let phone = carol.device(13, None);
    let newer = Newer::new(&[bob.user, carol.user]);
    let mut bench = Bench::new(&mut bob, 12);
    let ticket = Box::new(Ticket {
        genesis: newer.genesis.clone(),
        key: key(50),
        interest: INTEREST.clone(),
        owner: newer.alice.user,
        addrs: Vec::new(),
        until: None,
        role: Role::Reader,
    });
    bench.command(Command::Follow { ticket, policy: Policy::Lazy.into() }).unwrap();
    let peer = bench.connect(&newer.alice, &newer.laptop, &INTEREST, None);
    bench.deliver(peer, &newer.laptop, 0);
    let (frames, missing) = (vec![newer.frame.clone()], Vec::new());
    bench.tell(peer, &Message::Frames { tag: peer.tag, frames, missing });
    (newer, bench, carol, phone)
}

#[test]
fn the_fixture_is_what_a_newer_program_makes() {
    let newer = Newer::new(&[Person::new(2).user, Person::new(3).user]);
    let lines = newer.lines();
    assert_eq!(lines, FIXTURE, "{lines}");
}

#[test]
fn what_is_unknown_here_is_stored_and_relayed_byte_for_byte() {
    let (newer, mut bench, carol, phone) = relay();
    assert_eq!(bench.penalties, []);
    let context = newer.genesis.id();
    let stored = |bench: &Bench| {
        let mut kinds: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
        for record in &bench.records {
            let (kind, bytes) = match record {
                Record::Log { user, entry } if *user == newer.alice.user => ("log", entry.clone()),
                Record::Envelope { envelope, .. } => ("envelope", envelope.encode()),
                Record::Frame { bytes, .. } => ("frame", bytes.clone()),
                _ => continue,
            };
            kinds.entry(kind).or_default().push(bytes);
        }
        ["log", "envelope", "frame"].map(|kind| kinds.remove(kind).unwrap_or_default())
    };
    let expected = ["log", "envelope", "frame"].map(fixture);
    assert_eq!(stored(&bench), expected);

    // What is understood counts, and what asks to be understood does not.
    let view = bench.node.context(context).unwrap().view();
    let stacks: Vec<String> = view.stacks().iter().map(|stack| stack.name.to_string()).collect();
    assert_eq!(stacks, ["weekly"]);

    bench.restart();
    let peer = bench.connect(&carol, &phone, &INTEREST, None);
    bench.sent.clear();
    let (tag, user, catalog) = (peer.tag, newer.alice.user, newer.laptop.catalog());
    bench.tell(peer, &Message::LogWant { tag, user, from: 0 });
    bench.tell(peer, &Message::Want { tag, catalog, from: 1 });
    bench.tell(peer, &Message::WantFrames { tag, frames: vec![FrameId::of(&newer.frame)] });
    let mut told = [Vec::new(), Vec::new(), Vec::new()];
    for message in bench.sent_to(peer) {
        match message {
            Message::Log { entries, .. } => told[0].extend(entries.clone()),
            Message::Envelopes { envelopes, .. } => told[1].extend(envelopes.clone()),
            Message::Frames { frames, .. } => told[2].extend(frames.clone()),
            _ => {}
        }
    }
    assert_eq!(told, expected);
}
