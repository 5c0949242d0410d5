//! A device that deletes what it put into its catalog takes nothing back.

use super::bench::{Bench, Device, Person, member, push};
use crate::api::Policy;
use crate::context::{ContextKind, Genesis, StackState};
use crate::doc::{CatalogWriter, catalog_key};
use crate::id::{ContextId, FrameId};
use crate::statement::samples::key;
use crate::statement::{Interest, Role};
use crate::sync::Command;
use crate::ticket::Ticket;

/// Appends an envelope that deletes everything that the device put before.
fn delete_everything(device: &mut Device, context: ContextId, keys: &[String]) {
    let mut writer = CatalogWriter::load(device.place(context), device.said.iter()).unwrap();
    device.said.push(writer.append(&device.key, &[], keys).unwrap());
}

#[test]
fn heads_stay_when_their_entries_are_deleted() {
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    let mut laptop = alice.device(11, None);
    let genesis = Genesis { owners: vec![alice.user], nonce: [4; 16], kind: ContextKind::Team };
    let context = genesis.id();
    let interest = Interest { generation: 1, key: [1; 32] };
    let facts = [member(bob.user, Role::Reader), push(5), push(6)];
    let said = facts.map(|fact| catalog_key(&laptop.say(context, &fact)).unwrap());
    delete_everything(&mut laptop, context, &said);

    let mut bench = Bench::new(&mut bob, 12);
    let (addrs, role) = (Vec::new(), Role::Reader);
    let owner = alice.user;
    let ticket = Ticket {
        genesis,
        key: key(50),
        interest: interest.clone(),
        owner,
        addrs,
        until: None,
        role,
    };
    bench
        .command(Command::Follow { ticket: Box::new(ticket), policy: Policy::Lazy.into() })
        .unwrap();
    let peer = bench.connect(&alice, &laptop, &interest, None);
    bench.deliver(peer, &laptop, 0);
    assert_eq!(bench.took(context, &laptop), 4, "the change itself is none to refuse");
    for restarted in [false, true] {
        if restarted {
            bench.restart();
        }
        let view = bench.node.context(context).unwrap().view();
        assert_eq!(view.role(bob.user), Role::Reader);
        let stacks = view.stacks();
        let heads = stacks.iter().map(|stack| (stack.state, stack.heads[0].frame));
        let live = |n| (StackState::Live, FrameId::from_bytes([n; 32]));
        assert_eq!(heads.collect::<Vec<_>>(), [live(5), live(6)], "restarted: {restarted}");
    }
}
