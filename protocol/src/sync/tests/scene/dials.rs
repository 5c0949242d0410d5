//! Devices are dialled in turn, and those of a ticket first.

use super::*;
use crate::id::PublicKey;
use crate::identity::IdentityLog;
use crate::statement::Grant;
use crate::sync::{CommandId, Config, Record, TaskResult};

/// Makes a user with many devices, who has one context and is not connected.
fn user_with_devices(count: u32) -> Node {
    let [root, recovery] = [1, 2].map(|n| SecretKey::from_seed(&[n; 32]));
    let recovery: PublicKey = recovery.public();
    let (mut log, inception) = IdentityLog::create("vera", &root, &recovery).unwrap();
    let user = log.user();
    let mut records = vec![
        Record::Incarnation(Incarnation::from_bytes([5; 8])),
        Record::Log { user, entry: inception.encode() },
    ];
    for n in 0..count {
        let device = somebody(n).1.device;
        let grant = Grant { device, name: "box".into(), scope: None, until: None };
        let entry = log.grant(&root, grant).unwrap();
        log.add(entry.clone()).unwrap();
        records.push(Record::Log { user, entry: entry.encode() });
    }
    let config = Config { user, key: somebody(0).0, defect: None };
    Node::restore(config, records).unwrap()
}

fn handle(node: &mut Node, now: i64, input: Input) -> Vec<Output> {
    node.handle(now, &mut ChaCha8Rng::seed_from_u64(now as u64), input)
}

fn dialled(outputs: &[Output]) -> Vec<DeviceId> {
    let dials = outputs.iter().filter_map(|output| match output {
        Output::Dial { device, .. } => Some(*device),
        _ => None,
    });
    dials.collect()
}

/// Makes a context and returns the first devices that are dialled for it.
fn begin(node: &mut Node) -> Vec<DeviceId> {
    let name = "main".parse().unwrap();
    let command = Command::NewContext { name, text: String::new(), access: Access::Private };
    let mut all = command_stored(node, 1_000, command);
    all.extend(handle(node, 1_000, Input::Start));
    dialled(&all)
}

/// Gives a command, and stores what comes of it.
fn command_stored(node: &mut Node, now: i64, command: Command) -> Vec<Output> {
    let outputs = handle(node, now, Input::Command { id: CommandId(1), command });
    let store = outputs.iter().filter_map(|output| match output {
        Output::Store { task, .. } => Some(*task),
        _ => None,
    });
    let done = |task| handle(node, now, Input::Done { task, result: TaskResult::Stored });
    store.flat_map(done).collect()
}

#[test]
fn one_user_does_not_take_all_the_room_and_every_device_has_its_turn() {
    let mut node = user_with_devices(40);
    let mut tried: std::collections::BTreeSet<DeviceId> = begin(&mut node).into_iter().collect();
    assert_eq!(tried.len(), 16);
    let context = *node.contexts.keys().next().unwrap();
    let mut now = 1_000;
    for _ in 0..200 {
        for device in node.dials.keys().copied().collect::<Vec<_>>() {
            handle(&mut node, now, Input::DialFailed { device });
        }
        now += 400_000;
        let command = Command::Reach { context };
        let id = CommandId(2);
        tried.extend(dialled(&handle(&mut node, now, Input::Command { id, command })));
        assert!(node.dials.len() <= 16);
    }
    assert_eq!(tried.len(), 39, "some device was never tried");
}

#[test]
fn a_ticket_is_dialled_however_many_devices_there_are() {
    let mut node = user_with_devices(3);
    begin(&mut node);
    for n in 0..1_000 {
        if node.dials.len() < 256 {
            node.dials.entry(somebody(10_000 + n).1.device).or_default();
        }
    }
    let mut scene = Scene::new(1);
    let ticket = Box::new(scene.ticket(Role::Reader));
    let command = Command::Follow { ticket, policy: Policy::All.into() };
    let outputs = command_stored(&mut node, 2_000, command);
    assert!(dialled(&outputs).contains(&scene.device(scene.alice)));
    assert!(node.dials.len() <= 256);
}

#[test]
fn another_address_of_this_device_ends_every_wait() {
    let mut node = user_with_devices(2);
    let at = |addresses: &[&str]| Input::Listening {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
    };
    handle(&mut node, 1_000, at(&["/ip4/10.0.0.1/tcp/1"]));
    let tried = begin(&mut node);
    let [device] = tried[..] else { panic!("{tried:?}") };
    for _ in 0..10 {
        handle(&mut node, 1_000, Input::DialFailed { device });
    }
    assert_eq!(dialled(&handle(&mut node, 1_001, Input::Wake)), []);
    assert_eq!(dialled(&handle(&mut node, 1_002, at(&[]))), [], "none is no other line");
    assert_eq!(dialled(&handle(&mut node, 1_003, at(&["/ip4/10.0.0.2/tcp/1"]))), [device]);
}
