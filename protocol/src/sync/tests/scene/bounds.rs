//! What peers bring without being believed is signed and takes bounded room.

use super::*;
use crate::limits;

struct Flood {
    scene: Scene,
    alice: HostId,
    bob: HostId,
    carol: HostId,
}

impl Flood {
    fn new() -> Flood {
        let mut scene = Scene::new(1);
        let alice = scene.alice;
        let bob = scene.follower("bob", Role::Reader, Policy::All);
        let carol = scene.follower("carol", Role::Reader, Policy::All);
        Flood { scene, alice, bob, carol }
    }

    fn bring(&mut self, from: HostId, catalog: CatalogKey, envelopes: Vec<Vec<u8>>) -> Vec<Output> {
        let tag = self.scene.tag(self.alice, from);
        let message = Message::Envelopes { tag, catalog, envelopes };
        self.scene.deliver(self.alice, from, &message)
    }

    fn offer(&mut self, from: HostId, docs: Vec<CatalogState>) -> Vec<Output> {
        let tag = self.scene.tag(self.alice, from);
        self.scene.deliver(self.alice, from, &have(tag, docs))
    }

    fn waiting(&self) -> crate::sync::context::Waiting {
        let context = &self.scene.node(self.alice).contexts[&self.scene.context];
        context.waiting(self.scene.device(self.bob))
    }
}

#[test]
fn what_was_asked_for_of_an_unknown_author_is_signed() {
    let mut flood = Flood::new();
    let (_, catalog) = somebody(1);
    let asked = flood.offer(flood.bob, vec![state(catalog, 3)]);
    assert_eq!(catalogs_asked(&asked), [catalog]);
    let (other, _) = somebody(2);
    let envelopes = signed(flood.scene.context, catalog, &other, 1..2, 10)
        .into_iter()
        .map(|bytes| {
            let mut envelope = Envelope::decode(&bytes).unwrap();
            envelope.device = catalog.device;
            envelope.encode()
        })
        .collect();
    let outputs = flood.bring(flood.bob, catalog, envelopes);
    assert_eq!(penalty(&outputs), Some(Severity::Grave));
    assert_eq!(flood.waiting().bytes, 0);
}

#[test]
fn what_was_asked_for_of_an_unknown_author_is_bounded() {
    let mut flood = Flood::new();
    let (key, catalog) = somebody(1);
    for first in (1..200).step_by(10) {
        flood.offer(flood.bob, vec![state(catalog, 400)]);
        let context = flood.scene.context;
        let envelopes = signed(context, catalog, &key, first..first + 10, 60_000);
        flood.bring(flood.bob, catalog, envelopes);
    }
    let waiting = flood.waiting();
    assert!(waiting.bytes > 0 && waiting.bytes <= limits::WAITING_BYTES + 100_000, "{waiting:?}");
    // It is not asked for again until there is room.
    flood.scene.sim.now += 10_000;
    assert_eq!(catalogs_asked(&flood.offer(flood.bob, vec![state(catalog, 400)])), []);
}

#[test]
fn one_peer_leaves_room_for_others() {
    let mut flood = Flood::new();
    let (context, bob, carol) = (flood.scene.context, flood.bob, flood.carol);
    for n in 0..400 {
        let (key, catalog) = somebody(n);
        flood.bring(bob, catalog, signed(context, catalog, &key, 1..2, 50_000));
    }
    let waiting = flood.waiting();
    assert!(waiting.catalogs_from <= limits::WAITING_PEER_CATALOGS, "{waiting:?}");
    assert!(waiting.bytes_from <= limits::WAITING_PEER_BYTES, "{waiting:?}");
    let (key, catalog) = somebody(1_000);
    flood.bring(carol, catalog, signed(context, catalog, &key, 1..2, 50_000));
    assert!(flood.scene.node(flood.alice).contexts[&context].catalogs.contains_key(&catalog));
}

#[test]
fn small_envelopes_of_many_devices_are_counted() {
    let mut flood = Flood::new();
    let (context, bob) = (flood.scene.context, flood.bob);
    for n in 0..300 {
        let (key, catalog) = somebody(n);
        flood.bring(bob, catalog, signed(context, catalog, &key, 1..2, 1));
    }
    assert_eq!(flood.waiting().catalogs_from, limits::WAITING_PEER_CATALOGS);
}

#[test]
fn what_waited_in_vain_leaves_nothing_behind() {
    let mut flood = Flood::new();
    let (context, bob, alice) = (flood.scene.context, flood.bob, flood.alice);
    let before = flood.scene.node(alice).contexts[&context].catalogs.len();
    for n in 0..20 {
        let (key, catalog) = somebody(n);
        flood.bring(bob, catalog, signed(context, catalog, &key, 1..2, 1));
    }
    assert_eq!(flood.scene.node(alice).contexts[&context].catalogs.len(), before + 20);
    flood.scene.sim.now += limits::WAITING_MS;
    flood.scene.feed(alice, Input::Wake);
    flood.scene.feed(alice, Input::Wake);
    assert_eq!(flood.scene.node(alice).contexts[&context].catalogs.len(), before);
}

#[test]
fn catalogs_of_one_user_are_bounded() {
    let mut flood = Flood::new();
    let (context, alice) = (flood.scene.context, flood.alice);
    let (key, mut catalog) = somebody(1);
    let user = flood.scene.sim.hosts[&flood.bob].user;
    let known = flood.scene.node_mut(alice).contexts.get_mut(&context).unwrap();
    for n in 0..limits::CATALOGS_PER_USER as u64 {
        let inc = Incarnation::from_bytes(n.to_be_bytes());
        let full = CatalogKey { user, device: key.device(), inc };
        known.catalogs.entry(full).or_default().over_quota = true;
    }
    catalog.user = user;
    catalog.inc = Incarnation::from_bytes([0xff; 8]);
    flood.bring(flood.bob, catalog, signed(context, catalog, &key, 1..2, 1));
    assert!(!flood.scene.node(alice).contexts[&context].catalogs.contains_key(&catalog));
}

#[test]
fn a_peer_that_is_not_admitted_brings_nothing_of_strangers() {
    let mut flood = Flood::new();
    let (context, bob, alice) = (flood.scene.context, flood.bob, flood.alice);
    let (device, tag) = (flood.scene.device(bob), flood.scene.tag(alice, bob));
    let channel = flood.scene.node_mut(alice).channel_mut(device, tag).unwrap();
    channel.admission = crate::sync::session::Admission::Pending;
    let (key, catalog) = somebody(1);
    flood.bring(bob, catalog, signed(context, catalog, &key, 1..2, 1));
    assert!(!flood.scene.node(alice).contexts[&context].catalogs.contains_key(&catalog));
}

#[test]
fn what_a_peer_claims_to_have_is_bounded_and_asked_for_owners_first() {
    let mut flood = Flood::new();
    let (bob, alice) = (flood.bob, flood.alice);
    let owner = flood.scene.sim.hosts[&alice].user;
    // Another device of the owner's, behind every stranger in the order of keys.
    let other = CatalogKey { user: owner, ..somebody(0).1 };
    let mut docs: Vec<CatalogState> = (0..4_000).map(|n| state(somebody(n).1, 1)).collect();
    docs.push(state(other, 1));
    let asked = catalogs_asked(&flood.offer(bob, docs));
    assert_eq!(asked.first(), Some(&other));
    assert!(asked.len() <= 64, "{} catalogs asked for at once", asked.len());
    flood.offer(bob, (4_000..8_000).map(|n| state(somebody(n).1, 1)).collect());
    let (device, tag) = (flood.scene.device(bob), flood.scene.tag(alice, bob));
    let (channel, _) = flood.scene.node(alice).channel(device, tag).unwrap();
    assert_eq!(channel.known.len(), limits::CATALOGS);
}
