//! Where devices are by their own word: kept of those that are admitted, and not for strangers.

use super::bench::*;
use crate::id::DeviceId;
use crate::statement::Role;
use crate::sync::peers::STATED;
use crate::sync::session::Admission;
use crate::wire::{LogState, Message, PeerAddresses};

/// Alice's engine, connected to Carol and Dave, who are readers.
struct Scene {
    bench: Bench,
    carol: Peer,
    dave: Peer,
    state: LogState,
}

fn scene() -> Scene {
    let [mut alice, mut carol, mut dave] = [1, 3, 4].map(Person::new);
    let mut bench = Bench::new(&mut alice, 11);
    let context = bench.new_context();
    bench.set_role(context, &carol, Role::Reader);
    bench.set_role(context, &dave, Role::Reader);
    let (phone, tablet) = (carol.device(31, None), dave.device(41, None));
    let interest = bench.interest(context);
    let state = carol.state();
    let carol = bench.connect(&carol, &phone, &interest, None);
    let dave = bench.connect(&dave, &tablet, &interest, None);
    Scene { bench, carol, dave, state }
}

impl Scene {
    /// Carol says where she is.
    fn say(&mut self) {
        let addresses = vec!["/memory/31".to_owned()];
        let peers = vec![PeerAddresses { device: self.carol.device, addresses }];
        self.bench.tell(self.carol, &Message::Peers { tag: self.carol.tag, peers });
    }

    fn is_known(&self) -> bool {
        self.bench.node.stated.contains_key(&self.carol.device)
    }

    /// How often Dave was told where Carol is.
    fn passed_on(&self) -> usize {
        let of_carol = |message: &&Message| matches!(message, Message::Peers { peers, .. } if peers[0].device == self.carol.device);
        self.bench.sent_to(self.dave).filter(of_carol).count()
    }
}

#[test]
fn what_a_peer_says_of_itself_counts_once_it_is_admitted() {
    let mut scene = scene();
    let (device, tag) = (scene.carol.device, scene.carol.tag);
    scene.bench.node.channel_mut(device, tag).unwrap().admission = Admission::Pending;
    scene.say();
    assert_eq!((scene.is_known(), scene.passed_on()), (false, 0));
    let LogState { user, digest: log } = scene.state;
    scene.bench.tell(scene.carol, &Message::Open { tag, user, log, redeem: None });
    assert_eq!((scene.is_known(), scene.passed_on()), (true, 1));
}

#[test]
fn devices_of_strangers_give_way() {
    let mut scene = scene();
    let known = &mut scene.bench.node.stated;
    known.clear();
    for n in 0..STATED as u64 {
        let mut device = [1; 32];
        device[..8].copy_from_slice(&n.to_be_bytes());
        known.insert(DeviceId::from_bytes(device), Vec::new());
    }
    scene.say();
    assert!(scene.is_known());
    assert_eq!(scene.bench.node.stated.len(), STATED);
}
