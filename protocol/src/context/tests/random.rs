//! Whatever anybody says, in whatever order it comes: one view.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::world::*;
use crate::id::*;
use crate::statement::samples::key;
use crate::statement::*;

/// One thing said by one of the devices; the numbers choose among what there is.
#[derive(Clone, Debug)]
struct Step {
    device: usize,
    what: u8,
    whom: u8,
    role: usize,
    knows: u8,
    number: u64,
}

fn step() -> impl Strategy<Value = Step> {
    (0usize..6, 0u8..12, 1u8..5, 0usize..4, 0u8..4, 0u64..8).prop_map(
        |(device, what, whom, role, knows, number)| Step {
            device,
            what,
            whom,
            role,
            knows,
            number,
        },
    )
}

/// Returns what the author says to have seen: nothing, all that counts, everything, or part of it.
fn seen(world: &World, step: &Step) -> BTreeMap<(DeviceId, Incarnation), u64> {
    let all = || {
        let mut all = BTreeMap::new();
        for item in &world.items {
            let place = item.statement.placed().unwrap().place;
            let n = all.entry((place.device, place.inc)).or_insert(0);
            *n = place.n.max(*n);
        }
        all
    };
    match step.knows {
        0 => BTreeMap::new(),
        1 => world.shuffled(0).seen(),
        2 => all(),
        _ => all().into_iter().map(|(of, n)| (of, n.min(step.number.max(1)))).collect(),
    }
}

fn fact(world: &World, devices: &[Device], step: &Step) -> PlacedFact {
    let role = [Role::None, Role::Reader, Role::Writer, Role::Owner][step.role];
    let said: Vec<StatementId> = world.items.iter().map(|item| item.statement.id()).collect();
    let over: Vec<_> = said.iter().rev().take(step.number as usize).copied().collect();
    let byte = step.number as u8;
    let keep = || {
        let kept = devices.iter().take(step.role + 1);
        kept.map(|d| (d.doc, vec![change(d.doc, step.number)])).collect()
    };
    let ticket = key(40 + step.whom).public();
    match step.what {
        0..=4 => {
            PlacedFact::Member(Member { user: user(step.whom), role, seen: seen(world, step) })
        }
        5 => PlacedFact::Cut(Cut { subject: Subject::User(user(step.whom)), docs: keep() }),
        6 => {
            let subject = Subject::Device(devices[usize::from(step.whom)].key.device());
            PlacedFact::Cut(Cut { subject, docs: keep() })
        }
        7 => {
            PlacedFact::Head(head(step.whom, (step.role != 0).then_some(byte), step.number, &over))
        }
        8 => PlacedFact::Tag(Tag {
            stack: stack(step.whom),
            tag: "v1".parse().unwrap(),
            frame: (step.role != 0).then(|| frame(byte)),
            over,
        }),
        9 => about("main", [Access::Private, Access::Public][step.role % 2], &over),
        10 => PlacedFact::Ticket(TicketFact {
            key: ticket,
            role: [Role::Reader, Role::Writer][step.role % 2],
            until: None,
            uses: None,
            generation: 0,
        }),
        _ if step.role == 0 => PlacedFact::TicketEnd { key: ticket },
        _ if step.role == 1 => {
            PlacedFact::Interest(Interest { generation: u32::from(byte), key: [byte; 32] })
        }
        _ => {
            let doc = DocumentId::from_bytes([0xbb; 32]);
            PlacedFact::Epoch(Epoch { doc, epoch: 1, base: vec![], genesis: [byte; 32], parts: 1 })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn order_never_matters(
        steps in proptest::collection::vec(step(), 1..24),
        retired in proptest::collection::vec((0usize..6, 0u64..4), 0..4),
        seed: u64,
    ) {
        let mut world = World::new(&[1, 2]);
        let mut devices: Vec<Device> =
            [(1, 11), (1, 12), (2, 21), (3, 31), (4, 41), (2, 22)]
                .map(|(u, d)| world.device(u, d))
                .into();
        for step in steps {
            let fact = fact(&world, &devices, &step);
            let device = &mut devices[step.device];
            // Numbers mostly rise; sometimes one comes late or twice.
            let before = world.items.len();
            let id = if step.number == 7 && device.n > 0 {
                world.say_as(device, device.n.div_ceil(2), fact)
            } else {
                world.say(device, fact)
            };
            if world.items[..before].iter().any(|item| item.statement.id() == id) {
                world.items.pop();
            }
        }
        for (device, n) in retired {
            world.retire(&devices[device], n);
        }
        let first = outcome(&world.shuffled(seed));
        for other in 1..6 {
            prop_assert_eq!(&outcome(&world.shuffled(seed ^ other)), &first);
        }
        // An owner of the genesis who is not spoken against stays one.
        let view = world.shuffled(seed);
        for owner in [1, 2] {
            let spoken = world.items.iter().any(|item| match &item.statement.placed().unwrap().fact {
                PlacedFact::Member(member) => member.user == user(owner),
                _ => false,
            });
            prop_assert!(spoken || view.role(user(owner)) == Role::Owner);
        }
    }
}
