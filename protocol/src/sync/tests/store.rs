//! What the disk refuses has not happened; what was forgotten does not come back.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::pair::{Pair, answer, sent, store, stores};
use crate::api::Policy;
use crate::doc::judge;
use crate::statement::Access;
use crate::sync::node::Cx;
use crate::sync::{Command, Event, Input, Output, Record, RestoreError, Standing, TaskResult};
use crate::wire::Message;

#[test]
fn a_context_is_stored_with_its_first_statement_or_does_not_exist() {
    let mut pair = Pair::new();
    let alice = pair.alice;
    let name = "second".parse().unwrap();
    let command = Command::NewContext { name, text: String::new(), access: Access::Private };
    let (asked, outputs) = pair.ask(alice, command.clone());
    let (task, records) = store(&outputs);
    assert!(matches!(records, [Record::Context(_), Record::Envelope { .. }]), "{records:?}");
    assert_eq!(answer(&pair.not_stored(alice, task), asked), Some(false));
    assert_eq!(pair.node(alice).contexts().count(), 1);

    let (asked, outputs) = pair.ask(alice, command);
    let (task, _) = store(&outputs);
    assert_eq!(answer(&pair.stored(alice, task), asked), Some(true));
    assert_eq!(pair.node(alice).contexts().count(), 2);
}

#[test]
fn leaving_is_answered_with_its_record_and_counts_then() {
    let mut pair = Pair::new();
    let (bob, context) = (pair.bob, pair.context);
    let standing = |pair: &Pair| pair.node(bob).context(context).unwrap().standing();
    let before = standing(&pair);
    let (asked, outputs) = pair.ask(bob, Command::Leave { context });
    let (task, records) = store(&outputs);
    assert!(matches!(records, [Record::Context(c)] if c.standing == Standing::Left));
    assert_eq!((answer(&outputs, asked), standing(&pair)), (None, before));
    let outputs = pair.not_stored(bob, task);
    assert_eq!((answer(&outputs, asked), standing(&pair)), (Some(false), before));

    let (asked, outputs) = pair.ask(bob, Command::Leave { context });
    let (task, _) = store(&outputs);
    let outputs = pair.stored(bob, task);
    assert_eq!((answer(&outputs, asked), standing(&pair)), (Some(true), Standing::Left));
}

#[test]
fn two_changes_of_one_record_do_not_undo_each_other() {
    let mut pair = Pair::new();
    let (bob, context) = (pair.bob, pair.context);
    let (_, first) = pair.ask(bob, Command::SetPolicy { context, policy: Policy::Lazy.into() });
    let (second, outputs) = pair.ask(bob, Command::Leave { context });
    assert!(stores(&outputs).is_empty(), "it waits for the first");
    let outputs = {
        let (task, _) = store(&first);
        pair.stored(bob, task)
    };
    let (task, records) = store(&outputs);
    let [Record::Context(record)] = records else { panic!("{records:?}") };
    assert_eq!((record.policy.clone(), record.standing), (Policy::Lazy.into(), Standing::Left));
    assert_eq!(answer(&pair.stored(bob, task), second), Some(true));
}

#[test]
fn who_was_removed_is_not_synced_after_all() {
    let mut pair = Pair::new();
    let (bob, context, now) = (pair.bob, pair.context, pair.sim.now);
    let node = pair.sim.hosts.get_mut(&bob).unwrap().node.as_mut().unwrap();
    let mut cx = Cx { now, rng: &mut ChaCha8Rng::seed_from_u64(0), out: Vec::new() };
    node.set_standing(&mut cx, context, Standing::Removed);
    node.set_standing(&mut cx, context, Standing::Active { synced: true });
    let (task, _) = store(&cx.out);
    assert!(stores(&pair.stored(bob, task)).is_empty());
    assert_eq!(pair.node(bob).context(context).unwrap().standing(), Standing::Removed);
}

#[test]
fn a_context_that_could_not_be_forgotten_is_there_again() {
    let mut pair = Pair::new();
    let (bob, context, key) = (pair.bob, pair.context, pair.catalog());
    let here = pair.count(bob, key);
    let (asked, outputs) = pair.ask(bob, Command::Forget { context });
    let (task, records) = store(&outputs);
    assert_eq!(records, [Record::ForgetContext(context)]);
    assert!(pair.node(bob).context(context).is_none());
    let ticket = Box::new(pair.ticket.clone());
    let (follow, outputs) = pair.ask(bob, Command::Follow { ticket, policy: Policy::All.into() });
    assert_eq!(answer(&outputs, follow), Some(false), "it is still being forgotten");
    assert_eq!(answer(&pair.not_stored(bob, task), asked), Some(false));
    assert_eq!(pair.count(bob, key), here);
}

#[test]
fn verdicts_for_a_forgotten_context_do_not_enter_the_next_one() {
    let mut pair = Pair::new();
    let (alice, bob, context, key) = (pair.alice, pair.bob, pair.context, pair.catalog());
    let push = pair.push();
    let (_, outputs) = pair.ask(alice, push);
    let (task, _) = store(&outputs);
    let outputs = pair.stored(alice, task);
    let news = sent(&outputs).into_iter().find(|m| matches!(m, Message::Envelopes { .. }));
    let outputs = pair.tell(bob, alice, &news.expect("alice passes her push on"));
    let judged = outputs.into_iter().find_map(|output| match output {
        Output::Judge { task, work } => Some((task, work)),
        _ => None,
    });
    let (judging, work) = judged.expect("bob judges it");

    let (_, outputs) = pair.ask(bob, Command::Forget { context });
    let (task, _) = store(&outputs);
    pair.stored(bob, task);
    let ticket = Box::new(pair.ticket.clone());
    let (_, outputs) = pair.ask(bob, Command::Follow { ticket, policy: Policy::All.into() });
    let (task, _) = store(&outputs);
    pair.stored(bob, task);
    let result = TaskResult::Judged(judge(&work));
    let outputs = pair.feed(bob, Input::Done { task: judging, result });
    assert!(stores(&outputs).is_empty(), "{outputs:?}");
    assert_eq!(pair.count(bob, key), 0);
}

/// Restarts a host after its records were damaged.
fn damage(pair: &mut Pair, host: crate::sim::HostId, lose: impl Fn(&Record) -> bool) {
    pair.sim.crash(host);
    let records = &mut pair.sim.hosts.get_mut(&host).unwrap().records;
    let before = records.len();
    records.retain(|record| !lose(record));
    assert_eq!(records.len(), before - 1);
    pair.sim.start(host);
}

#[test]
fn a_gap_in_anothers_catalog_is_mended_and_one_in_mine_is_an_error() {
    let mut pair = Pair::new();
    let (alice, bob, key) = (pair.alice, pair.bob, pair.catalog());
    let push = pair.push();
    pair.sim.command(alice, push).unwrap();
    pair.sim.run_for(20_000);
    let whole = pair.count(bob, key);
    assert!(whole >= 3);
    let second = |record: &Record| matches!(record, Record::Envelope { envelope: e, .. } if e.device == key.device && e.n == 2);
    damage(&mut pair, bob, second);
    assert_eq!((pair.sim.broken.clone(), pair.count(bob, key)), (None, 1));
    assert!(matches!(pair.node(bob).skipped(), [RestoreError::Envelope { n: 3, .. }]));
    pair.sim.run_for(20_000);
    assert_eq!(pair.count(bob, key), whole);
    pair.sim.crash(bob);
    pair.sim.start(bob);
    assert_eq!((pair.count(bob, key), pair.node(bob).skipped()), (whole, &[][..]));

    damage(&mut pair, alice, second);
    assert!(matches!(pair.sim.broken, Some((_, RestoreError::Envelope { n: 3, .. }))));
}

#[test]
fn a_damaged_log_of_another_is_mended_and_mine_is_an_error() {
    let mut pair = Pair::new();
    let (alice, bob) = (pair.alice, pair.bob);
    let user = pair.sim.hosts[&alice].user;
    let seen = pair.node(bob).log(user).unwrap().digest();
    let of = |record: &Record| matches!(record, Record::Log { user: u, .. } if *u == user);
    let first = pair.sim.hosts[&bob].records.iter().find(|record| of(record)).cloned();
    let inception = |record: &Record| Some(record) == first.as_ref();
    damage(&mut pair, bob, inception);
    assert!(pair.sim.broken.is_none() && pair.node(bob).log(user).is_none());
    assert!(matches!(pair.node(bob).skipped(), [RestoreError::Statement { .. }]));
    pair.sim.run_for(20_000);
    assert_eq!(pair.node(bob).log(user).unwrap().digest(), seen);
    pair.sim.crash(bob);
    pair.sim.start(bob);
    assert_eq!(pair.node(bob).log(user).unwrap().digest(), seen);

    damage(&mut pair, alice, inception);
    assert!(matches!(pair.sim.broken, Some((_, RestoreError::Statement { .. }))));
}

#[test]
fn a_ticket_use_is_shown_once_it_is_stored_and_stored_again_where_that_failed() {
    let mut pair = Pair::new();
    let (alice, bob, context) = (pair.alice, pair.bob, pair.context);
    let user = pair.sim.hosts[&bob].user;
    // Alice's home loses what she knew of Bob's coming in; he shows it again.
    let redemption = |record: &Record| matches!(record, Record::Redemption { .. });
    pair.sim.faults.disk_fails = 1000;
    damage(&mut pair, alice, redemption);
    pair.sim.events.clear();
    pair.sim.run_for(20_000);
    let used = |pair: &Pair| {
        let used = pair.sim.events.iter().filter(|(host, _)| *host == alice);
        used.filter(|(_, e)| matches!(e, Event::TicketUsed { user: u, .. } if *u == user)).count()
    };
    let counted = |pair: &Pair| pair.node(alice).context(context).unwrap().redemptions().count();
    assert_eq!((used(&pair), counted(&pair)), (0, 0));
    pair.sim.faults.disk_fails = 0;
    pair.sim.run_for(20_000);
    assert_eq!((used(&pair), counted(&pair)), (1, 1));
}
