//! Peers that say anything at all: in any order, of users, catalogs and numbers that there are and
//! are not, genuine things at the wrong place among them.
//!
//! Alice owns the context, Carol and the peer that lies follow it. Whatever the liar says, Alice
//! goes on, what she signed stays as it is, and Carol still hears of it and is blamed for nothing.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::lab::{At, Lab};
use crate::doc::{Envelope, ForkProof};
use crate::id::{ChangeId, ContextId, DeviceId, FrameId, Incarnation, StatementId, UserId};
use crate::limits;
use crate::object::Frame;
use crate::statement::{Cut, Interest, Member, PlacedFact, Role, Subject};
use crate::sync::Command;
use crate::wire::{
    ByeCode, CatalogKey, CatalogState, DenyCode, HandedAdmission, HandedContext, LogState, Message,
    Offer, PeerAddresses, Tag,
};

const ALICE: At = 0;
const CAROL: At = 1;
const LIAR: At = 2;

/// How many liars there are, and how much each says.
const SEEDS: u64 = 120;
const MESSAGES: u32 = 40;

/// What a liar may be to Alice.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Member(Role),
    Unadmitted,
}

struct Liar {
    rng: ChaCha8Rng,
    lab: Lab,
    context: ContextId,
    tag: Tag,
}

impl Liar {
    fn new(seed: u64, standing: Standing) -> Liar {
        let mut lab = Lab::new(&["alice", "carol", "liar"]);
        let context = lab.context(ALICE);
        let ticket = lab.ticket(ALICE, context, None);
        lab.follow(CAROL, &ticket);
        lab.connect(CAROL, ALICE);
        lab.push(ALICE, context, "one");
        match standing {
            Standing::Member(role) => {
                lab.member(ALICE, context, LIAR, role);
                lab.follow(LIAR, &ticket);
                lab.connect(LIAR, ALICE);
            }
            Standing::Unadmitted => {
                let ticket = lab.ticket(ALICE, context, None);
                let end = Command::EndTicket { context, key: ticket.public() };
                lab.command(ALICE, end).unwrap();
                lab.follow(LIAR, &ticket);
                lab.connect(LIAR, ALICE);
            }
        }
        let tag = lab.tag(ALICE, LIAR);
        lab[LIAR].still = true;
        Liar { rng: ChaCha8Rng::seed_from_u64(seed), lab, context, tag }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.rng.next_u64() % end
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns up to `most` of what `make` gives.
    fn some<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn host(&mut self) -> At {
        self.below(3) as usize
    }

    /// Returns the tag, or now and then another.
    fn tag(&mut self) -> Tag {
        if self.below(8) == 0 { self.bytes() } else { self.tag }
    }

    fn user(&mut self) -> UserId {
        match self.below(6) {
            0 => UserId::from_bytes(self.bytes()),
            _ => self.lab[self.rng.next_u64() as usize % 3].user,
        }
    }

    fn device(&mut self) -> DeviceId {
        match self.below(6) {
            0 => DeviceId::from_bytes(self.bytes()),
            _ => self.lab[self.rng.next_u64() as usize % 3].device,
        }
    }

    fn catalog(&mut self) -> CatalogKey {
        let at = self.host();
        let catalog = self.lab[at].catalog();
        match self.below(6) {
            0 => CatalogKey { user: self.user(), ..catalog },
            1 => CatalogKey { device: self.device(), ..catalog },
            2 => CatalogKey { inc: Incarnation::from_bytes(self.bytes()), ..catalog },
            _ => catalog,
        }
    }

    fn number(&mut self) -> u64 {
        match self.below(8) {
            0 => u64::MAX,
            1 => i64::MAX as u64,
            2 => u64::from(u32::MAX),
            3 => self.rng.next_u64(),
            _ => self.below(6),
        }
    }

    fn frame(&mut self) -> FrameId {
        FrameId::from_bytes(self.bytes())
    }

    /// Returns bytes that are none of anything, or a small change of those given.
    fn altered(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.below(4) {
            0 => self.bytes::<40>().to_vec(),
            1 if !bytes.is_empty() => {
                let at = self.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.below(8);
                bytes
            }
            2 => {
                bytes.truncate(self.below(bytes.len() as u64 + 1) as usize);
                bytes
            }
            _ => bytes,
        }
    }

    /// Returns something that the liar signed for the context, rightly or not.
    fn fact(&mut self) -> PlacedFact {
        match self.below(5) {
            0 => {
                let role = [Role::Owner, Role::Writer, Role::Reader][self.below(3) as usize];
                PlacedFact::Member(Member { user: self.user(), role, seen: Default::default() })
            }
            1 => PlacedFact::TicketEnd { key: self.device().into() },
            2 => {
                let doc = self.lab.document(self.context, self.lab[ALICE].catalog());
                let tips = self.some(2, |liar| ChangeId::from_bytes(liar.bytes()));
                let subject = match self.below(2) {
                    0 => Subject::User(self.user()),
                    _ => Subject::Device(self.device()),
                };
                PlacedFact::Cut(Cut { subject, docs: [(doc, tips)].into() })
            }
            3 => PlacedFact::Interest(Interest {
                generation: self.number() as u32,
                key: self.bytes(),
            }),
            _ => {
                let mut head = crate::statement::samples::head();
                head.over = self.some(3, |liar| StatementId::from_bytes(liar.bytes()));
                head.generation = self.number();
                PlacedFact::Head(head)
            }
        }
    }

    /// Returns an envelope: one of somebody's, the next of the liar's own, or one out of order.
    fn envelope(&mut self) -> Envelope {
        let facts = vec![self.fact()];
        let own = self.lab.sign(LIAR, self.context, facts);
        let at = self.host();
        let stored = self.lab.stored(ALICE, self.lab[at].catalog());
        let key = self.lab[LIAR].key.clone();
        match self.below(4) {
            0 if !stored.is_empty() => stored[self.below(stored.len() as u64) as usize].clone(),
            1 => {
                let n = self.number();
                Envelope::sign(own.doc, own.epoch, own.inc, n, own.change, &key)
            }
            2 => {
                let change = self.altered(own.change);
                Envelope::sign(own.doc, own.epoch, own.inc, own.n, change, &key)
            }
            _ => own,
        }
    }

    fn proof(&mut self) -> Vec<u8> {
        let (one, other) = (self.envelope(), self.envelope());
        let proof = ForkProof::new(one, other).map_or(Vec::new(), |proof| proof.encode());
        self.altered(proof)
    }

    fn log_entry(&mut self) -> Vec<u8> {
        let at = self.host();
        let entries: Vec<_> = self.lab[at].log.entries().map(|entry| entry.encode()).collect();
        let entry = entries[self.below(entries.len() as u64) as usize].clone();
        self.altered(entry)
    }

    fn handed(&mut self) -> HandedContext {
        let genesis = crate::context::Genesis {
            owners: vec![self.user()],
            nonce: self.bytes(),
            kind: crate::context::ContextKind::Team,
        };
        let interests =
            self.some(3, |liar| Interest { generation: liar.number() as u32, key: liar.bytes() });
        let by = HandedAdmission {
            redeem: self.bytes::<40>().to_vec(),
            role: Role::Writer,
            devices: self.some(3, |liar| (liar.device(), "/ip4/127.0.0.1/tcp/1".to_owned())),
        };
        let admission = (self.below(2) == 0).then_some(by);
        HandedContext { genesis, interests, admission }
    }

    fn offer(&mut self) -> Offer {
        let HandedContext { genesis, .. } = self.handed();
        let interest = Interest { generation: self.number() as u32, key: self.bytes() };
        Offer { genesis, interest, name: "plans".parse().unwrap() }
    }

    fn have(&mut self, tag: Tag) -> Message {
        let logs = self.some(4, |liar| LogState { user: liar.user(), digest: liar.bytes() });
        let docs = self.some(6, |liar| CatalogState {
            key: liar.catalog(),
            epoch: liar.below(2) as u32,
            n: liar.number(),
            tip: ChangeId::from_bytes(liar.bytes()),
        });
        Message::Have { tag, logs, docs, whole: self.below(2) == 0 }
    }

    fn message(&mut self) -> Message {
        let tag = self.tag();
        match self.below(20) {
            0 => Message::Hi { versions: vec![1], nonce: self.bytes(), features: Vec::new() },
            1 => Message::Tags { tags: self.some(8, Liar::tag) },
            2 => {
                let redeem = (self.below(2) == 0).then(|| self.log_entry());
                Message::Open { tag, user: self.user(), log: self.bytes(), redeem }
            }
            3 => {
                let proof = (self.below(2) == 0).then(|| self.log_entry());
                Message::Deny { tag, code: DenyCode::Removed, proof }
            }
            4 => Message::LogWant { tag, user: self.user(), from: self.number() },
            5 => {
                let (user, from) = (self.user(), self.number());
                let entries = self.some(4, Liar::log_entry);
                Message::Log { tag, user, from, entries, more: self.below(2) == 0 }
            }
            6..=8 => self.have(tag),
            9 => Message::Want { tag, catalog: self.catalog(), from: self.number() },
            10..=12 => {
                let envelopes = self.some(4, |liar| {
                    let bytes = liar.envelope().encode();
                    if liar.below(4) == 0 { liar.altered(bytes) } else { bytes }
                });
                Message::Envelopes { tag, catalog: self.catalog(), envelopes }
            }
            13 => Message::Statements { tag, statements: self.some(3, Liar::log_entry) },
            14 => Message::Fork { tag, catalog: self.catalog(), proof: self.proof() },
            15 => Message::WantFrames { tag, frames: self.some(5, Liar::frame) },
            16 => {
                let frames = self.some(3, |liar| {
                    let frame = Frame { time: liar.number() as i64, ..Frame::default() };
                    liar.altered(frame.encode().unwrap())
                });
                Message::Frames { tag, frames, missing: self.some(3, Liar::frame) }
            }
            17 => {
                let peers = self.some(limits::PEERS as u64, |liar| PeerAddresses {
                    device: liar.device(),
                    addresses: liar.some(3, |_| "/ip4/127.0.0.1/tcp/1".to_owned()),
                });
                Message::Peers { tag, peers }
            }
            18 if self.below(2) == 0 => {
                Message::Contexts { tag, contexts: self.some(3, Liar::handed) }
            }
            18 => Message::Offer { tag, offers: self.some(3, Liar::offer) },
            _ if self.below(10) == 0 => Message::Bye { code: ByeCode::Nothing },
            _ => Message::Unknown,
        }
    }

    /// Says it, on a new session where the last was ended.
    fn say(&mut self, message: &Message) {
        let device = self.lab[LIAR].device;
        if !self.lab[ALICE].node.sessions.contains_key(&device) {
            self.lab[LIAR].still = false;
            self.lab.connect(LIAR, ALICE);
            self.lab[LIAR].still = true;
            let session = self.lab[ALICE].node.sessions.get(&device);
            if let Some(tag) = session.and_then(|session| session.channels.keys().next()) {
                self.tag = *tag;
            }
        }
        self.lab.say(LIAR, ALICE, message);
    }
}

/// Lets a liar speak and checks what has to be left of everybody else.
fn lie(seed: u64, standing: Standing) {
    let mut liar = Liar::new(seed, standing);
    let (context, own) = (liar.context, liar.lab[ALICE].catalog());
    let before = liar.lab.stored(ALICE, own);
    for _ in 0..MESSAGES {
        let message = liar.message();
        liar.say(&message);
        if liar.below(6) == 0 {
            let millis = liar.below(20_000) as i64;
            liar.lab.wait(millis);
        }
    }
    let told = format!("seed {seed}, {standing:?}");
    assert!(liar.lab.stored(ALICE, own).starts_with(&before), "{told}: what Alice signed changed");
    let carol = liar.lab[CAROL].device;
    let blamed =
        liar.lab.penalties.iter().find(|(at, device, ..)| *at == ALICE && *device == carol);
    assert_eq!(blamed, None, "{told}: Carol is blamed");
    // Alice goes on, and Carol hears of it.
    liar.lab.push(ALICE, context, "two");
    liar.lab.connect(CAROL, ALICE);
    let heard = liar.lab.stored(CAROL, own);
    assert_eq!(heard, liar.lab.stored(ALICE, own), "{told}: Carol lacks what Alice pushed");
}

#[test]
fn a_member_may_say_anything() {
    for seed in 0..SEEDS {
        let role = if seed % 2 == 0 { Role::Writer } else { Role::Reader };
        lie(seed, Standing::Member(role));
    }
}

#[test]
fn who_is_not_admitted_may_say_anything() {
    for seed in 0..SEEDS {
        lie(seed, Standing::Unadmitted);
    }
}
