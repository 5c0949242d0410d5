//! A small world of users and devices that say things in one context.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::context::*;
use crate::id::*;
use crate::key::SecretKey;
use crate::statement::samples::key;
use crate::statement::*;

/// A device in the context: its catalog is a chain with one statement a change.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) user: UserId,
    pub(super) key: SecretKey,
    pub(super) inc: Incarnation,
    pub(super) doc: DocumentId,
    /// The number of the last statement.
    pub(super) n: u64,
    /// The number of the last envelope.
    pub(super) carried: u64,
    /// What its clock says.
    pub(super) time: i64,
}

/// A statement and what carried it.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) user: UserId,
    pub(super) doc: DocumentId,
    pub(super) change: ChangeId,
    pub(super) carried: u64,
    pub(super) statement: Verified,
}

/// Everything that was said, and which devices are retired.
#[derive(Clone)]
pub(super) struct World {
    pub(super) genesis: Genesis,
    pub(super) items: Vec<Item>,
    pub(super) retired: BTreeMap<UserId, BTreeMap<DeviceId, u64>>,
}

pub(super) fn user(seed: u8) -> UserId {
    UserId::from_bytes([seed; 32])
}

pub(super) fn stack(seed: u8) -> StackId {
    StackId::from_bytes([seed; 16])
}

pub(super) fn frame(seed: u8) -> FrameId {
    FrameId::from_bytes([seed; 32])
}

/// Returns the id of the change in envelope `n` of a catalog.
pub(super) fn change(doc: DocumentId, n: u64) -> ChangeId {
    ChangeId::from_bytes(derive("test", vec![doc.into(), n.into()]))
}

impl World {
    /// A context whose genesis names these owners in this order.
    pub(super) fn new(owners: &[u8]) -> Self {
        let owners = owners.iter().map(|seed| user(*seed)).collect();
        let genesis = Genesis { owners, nonce: [0; 16], kind: ContextKind::Team };
        World { genesis, items: Vec::new(), retired: BTreeMap::new() }
    }

    pub(super) fn device(&self, of: u8, seed: u8) -> Device {
        let (user, key, inc) = (user(of), key(seed), Incarnation::from_bytes([seed; 8]));
        let doc = DocumentId::catalog(self.genesis.id(), user, key.device(), inc);
        Device { user, key, inc, doc, n: 0, carried: 0, time: 1_700_000_000_000 }
    }

    /// Says something with the next number.
    pub(super) fn say(&mut self, device: &mut Device, fact: PlacedFact) -> StatementId {
        device.n += 1;
        self.say_as(device, device.n, fact)
    }

    /// Says something with a number of one's own choice, in the next envelope.
    pub(super) fn say_as(&mut self, device: &mut Device, n: u64, fact: PlacedFact) -> StatementId {
        device.carried += 1;
        let place = Place {
            context: self.genesis.id(),
            device: device.key.device(),
            inc: device.inc,
            n,
            time: device.time,
        };
        let statement = fact.sign(&place, &device.key).unwrap();
        let id = statement.id();
        let (user, doc, carried) = (device.user, device.doc, device.carried);
        let change = change(doc, carried);
        self.items.push(Item { user, doc, change, carried, statement });
        id
    }

    /// States a role, having seen all that counts by now.
    pub(super) fn member(&mut self, by: &mut Device, of: u8, role: Role) -> StatementId {
        let seen = self.view().seen_about(user(of));
        self.member_seen(by, of, role, seen)
    }

    pub(super) fn member_seen(
        &mut self,
        by: &mut Device,
        of: u8,
        role: Role,
        seen: BTreeMap<(DeviceId, Incarnation), u64>,
    ) -> StatementId {
        self.say(by, PlacedFact::Member(Member { user: user(of), role, seen }))
    }

    /// Pushes to a stack: frame and generation, over the heads given.
    pub(super) fn push(
        &mut self,
        by: &mut Device,
        of: u8,
        to: u8,
        generation: u64,
        over: &[StatementId],
    ) -> StatementId {
        self.say(by, push(of, to, generation, over))
    }

    /// Cuts a user or device so that the catalogs named keep what is in envelopes up to a number.
    pub(super) fn cut(
        &mut self,
        by: &mut Device,
        subject: Subject,
        keep: &[(&Device, u64)],
    ) -> StatementId {
        let docs = keep.iter().map(|(device, n)| (device.doc, vec![change(device.doc, *n)]));
        self.say(by, PlacedFact::Cut(Cut { subject, docs: docs.collect() }))
    }

    pub(super) fn retire(&mut self, device: &Device, n: u64) {
        self.retired.entry(device.user).or_default().insert(device.key.device(), n);
    }

    /// Returns the view of everything, after checking that no order of arrival gives another.
    pub(super) fn view(&self) -> View {
        let view = self.view_in(self.items.iter(), true);
        for seed in 0..6 {
            let other = self.shuffled(seed);
            assert_eq!(outcome(&other), outcome(&view), "order of seed {seed}");
        }
        view
    }

    /// Returns the view by another order of arrival, with questions asked in between.
    pub(super) fn shuffled(&self, seed: u64) -> View {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut items: Vec<&Item> = self.items.iter().collect();
        for i in (1..items.len()).rev() {
            items.swap(i, rng.next_u64() as usize % (i + 1));
        }
        self.view_in(items.into_iter(), seed.is_multiple_of(2))
    }

    fn view_in<'a>(&self, items: impl Iterator<Item = &'a Item>, retired_first: bool) -> View {
        let mut view = View::new(self.genesis.clone());
        let retire = |view: &mut View| {
            for (user, devices) in &self.retired {
                view.retire(*user, devices.clone());
            }
        };
        if retired_first {
            retire(&mut view);
        }
        for item in items {
            let Item { user, doc, change, carried, statement } = item.clone();
            let inserted = view.insert(user, doc, change, carried, statement);
            assert!(!matches!(inserted, Inserted::Known | Inserted::Foreign), "{inserted:?}");
            view.role(user);
            if !retired_first {
                view.stacks();
            }
        }
        retire(&mut view);
        view
    }
}

pub(super) fn head(of: u8, to: Option<u8>, generation: u64, over: &[StatementId]) -> Head {
    Head {
        stack: stack(of),
        name: "sales/weekly".parse().unwrap(),
        frame: to.map(frame),
        generation,
        over: over.to_vec(),
        why: to.is_none().then_some(Why::Removed),
    }
}

pub(super) fn push(of: u8, to: u8, generation: u64, over: &[StatementId]) -> PlacedFact {
    PlacedFact::Head(head(of, Some(to), generation, over))
}

pub(super) fn about(name: &str, access: Access, over: &[StatementId]) -> PlacedFact {
    PlacedFact::About(About {
        name: name.parse().unwrap(),
        text: String::new(),
        access,
        closed: false,
        over: over.to_vec(),
    })
}

/// Returns everything a view says, for comparing.
pub(super) fn outcome(view: &View) -> String {
    let stacks = view.stacks();
    let named: Vec<_> =
        stacks.iter().map(|stack| view.stack(stack.owner, &stack.name).unwrap().stack).collect();
    let interests: Vec<_> =
        view.interests().iter().map(|interest| (interest.generation, interest.key)).collect();
    let board = DocumentId::from_bytes([0xbb; 32]);
    let epochs = (view.epoch(board, None), view.epoch(board, Some(user(4))));
    let parts = (view.members(), view.owners(), view.about(), view.about_over(), view.seen());
    format!("{parts:#?} {interests:?} {epochs:#?} {:#?} {stacks:#?} {named:?}", view.tickets())
}

/// Returns the frames of the current heads of a stack, best first.
pub(super) fn heads(view: &View, of_user: u8, of: u8) -> Vec<FrameId> {
    let stack = view.stack_by_id(user(of_user), stack(of));
    stack.map(|stack| stack.heads.iter().map(|head| head.frame).collect()).unwrap_or_default()
}
