//! What the virtual network promises to the stories told on it.

use super::{Faults, HostId, Sim, Wire};
use crate::api::Policy;
use crate::statement::{Access, Role};
use crate::sync::{Command, Reply};

/// Two hosts with a session between them.
fn pair(seed: u64) -> (Sim, HostId, HostId) {
    let mut sim = Sim::new(seed, None);
    let [alice, bob] = ["alice", "bob"].map(|name| sim.add_host(name));
    let name = "main".parse().unwrap();
    let command = Command::NewContext { name, text: String::new(), access: Access::Private };
    let Ok(Reply::Context(context)) = sim.command(alice, command) else { panic!("no context") };
    let addresses = vec![sim.hosts[&alice].address()];
    let share = Command::Share { context, role: Role::Reader, until: None, uses: None, addresses };
    let Ok(Reply::Ticket(ticket)) = sim.command(alice, share) else { panic!("no ticket") };
    sim.command(bob, Command::Follow { ticket, policy: Policy::All.into() }).unwrap();
    sim.run_for(10_000);
    assert!(is_connected(&sim, alice) && is_connected(&sim, bob));
    (sim, alice, bob)
}

fn is_connected(sim: &Sim, host: HostId) -> bool {
    sim.hosts[&host].node().connected().next().is_some()
}

#[test]
fn a_line_cut_one_way_carries_no_session_once_it_is_noticed() {
    let (mut sim, alice, bob) = pair(1);
    sim.faults.notice_ms = 5_000;
    sim.set_one_way(alice, bob, true);
    assert!(sim.is_cut(alice, bob) && !sim.is_cut(bob, alice));
    sim.run_for(20_000);
    assert!(!is_connected(&sim, alice) && !is_connected(&sim, bob));
    sim.heal();
    sim.run_for(10_000);
    assert!(is_connected(&sim, alice) && is_connected(&sim, bob));
}

#[test]
fn a_short_cut_and_a_clog_lose_nothing_of_a_session() {
    let (mut sim, alice, bob) = pair(2);
    let session = sim.hosts[&alice].sessions.clone();
    sim.faults.notice_ms = 1_000_000_000;
    sim.set_cut(alice, bob, true);
    let delivered = sim.delivered;
    sim.run_for(60_000);
    assert_eq!(sim.delivered, delivered, "something came over a cut line");
    sim.set_cut(alice, bob, false);
    sim.run_for(1_000);
    assert!(sim.delivered > delivered, "what was held comes");
    sim.clog(alice, bob, 5_000);
    sim.clog(bob, alice, 5_000);
    sim.run_for(10_000);
    assert_eq!(sim.hosts[&alice].sessions, session);
}

#[test]
fn heavy_loss_breaks_sessions_and_peace_mends_them() {
    let (mut sim, alice, bob) = pair(3);
    let session = sim.hosts[&alice].sessions.clone();
    sim.faults = Faults { loss: 1_000, wire: Wire::Stream, ..Faults::NONE };
    sim.run_for(120_000);
    assert_ne!(sim.hosts[&alice].sessions, session);
    sim.heal();
    sim.run_for(10_000);
    assert!(is_connected(&sim, alice) && is_connected(&sim, bob));
}

#[test]
fn a_clock_set_back_is_followed_only_after_a_restart() {
    const DAY: i64 = 86_400_000;
    let (mut sim, alice, _) = pair(4);
    sim.set_clock(alice, DAY);
    assert_eq!(sim.hosts[&alice].time(0), DAY);
    sim.set_clock(alice, -DAY);
    assert_eq!(sim.hosts[&alice].time(0), DAY);
    sim.crash(alice);
    sim.start(alice);
    assert_eq!(sim.hosts[&alice].time(0), -DAY);
}
