//! Tests of identity logs: what a thief can and cannot do.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::line::WALKS;
use super::*;
use crate::limits::{IDENTITY_BYTES, IDENTITY_ENTRIES};
use crate::statement::Statement;
use crate::statement::samples::key;

const ROOT: u8 = 1;
const RECOVERY: u8 = 2;
const LAPTOP: u8 = 11;
const DESKTOP: u8 = 12;
const THIEF: u8 = 66;

fn device(seed: u8) -> DeviceId {
    key(seed).device()
}

fn grant(seed: u8) -> Grant {
    Grant { device: device(seed), name: format!("device {seed}"), scope: None, until: None }
}

/// Alice's log with her laptop and desktop granted, and the statements in it.
fn alice() -> IdentityLog {
    let (mut log, _) = IdentityLog::create("Alice", &key(ROOT), &key(RECOVERY).public()).unwrap();
    for seed in [LAPTOP, DESKTOP] {
        let entry = log.grant(&key(ROOT), grant(seed)).unwrap();
        assert_eq!(log.add(entry), Ok(Added::New));
    }
    log
}

/// Returns what a log amounts to, for comparing.
fn outcome(log: &IdentityLog) -> impl PartialEq + std::fmt::Debug + use<> {
    let devices: Vec<_> = log.devices().map(|(d, g)| (d, g.clone())).collect();
    let seen: BTreeSet<_> = log.entries().map(Verified::id).collect();
    (log.tip(), log.root(), log.fork().cloned(), devices, log.retired(), seen)
}

/// Takes the entries of a log up in another order, with those that wait tried again.
fn shuffled(log: &IdentityLog, seed: u64) -> IdentityLog {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut entries: Vec<Verified> = log.entries().cloned().collect();
    let mut other = IdentityLog::begin(entries.remove(0)).unwrap();
    while !entries.is_empty() {
        let at = rng.next_u64() as usize % entries.len();
        match other.add(entries[at].clone()).unwrap() {
            Added::New | Added::Known => drop(entries.swap_remove(at)),
            Added::Waits => {}
        }
    }
    other
}

fn assert_order_does_not_matter(log: &IdentityLog) {
    for seed in 0..8 {
        assert_eq!(outcome(log), outcome(&shuffled(log, seed)));
    }
}

#[test]
fn a_log_begins_grants_revokes_and_rotates() {
    let mut log = alice();
    assert_eq!(log.name(), "Alice");
    assert_eq!(log.len(), 3);
    assert_eq!(log.standing(device(LAPTOP)), Standing::Granted(&grant(LAPTOP)));
    assert_eq!(log.standing(device(THIEF)), Standing::Unknown);

    let renamed = Grant { name: "old laptop".into(), ..grant(LAPTOP) };
    log.add(log.grant(&key(ROOT), renamed.clone()).unwrap()).unwrap();
    assert_eq!(log.standing(device(LAPTOP)), Standing::Granted(&renamed));

    log.add(log.revoke(&key(ROOT), device(LAPTOP)).unwrap()).unwrap();
    assert_eq!(log.standing(device(LAPTOP)), Standing::Revoked);
    log.add(log.grant(&key(ROOT), grant(LAPTOP)).unwrap()).unwrap();
    assert_eq!(log.standing(device(LAPTOP)), Standing::Revoked, "revoking is final");
    assert_eq!(log.devices().map(|(d, _)| d).collect::<Vec<_>>(), [device(DESKTOP)]);
    assert_eq!(log.retired(), BTreeMap::from([(device(LAPTOP), 4)]));

    let rotation = log.rotate(&key(ROOT), &key(21).public(), &key(22).public()).unwrap();
    log.add(rotation.clone()).unwrap();
    assert_eq!(log.add(rotation), Ok(Added::Known));
    assert_eq!(log.root(), key(21).public());
    assert_eq!(log.grant(&key(ROOT), grant(9)), Err(NextError::Key(key(ROOT).public())));
    log.add(log.grant(&key(21), grant(9)).unwrap()).unwrap();
    assert_eq!(log.standing(device(9)), Standing::Granted(&grant(9)));
    assert_order_does_not_matter(&log);
}

#[test]
fn the_user_is_the_hash_of_the_inception() {
    let log = alice();
    let (other, inception) =
        IdentityLog::create("Alicf", &key(ROOT), &key(RECOVERY).public()).unwrap();
    assert_ne!(log.user(), other.user());
    assert_eq!(IdentityLog::begin(inception).unwrap().user(), other.user());
    let entry = other.grant(&key(ROOT), grant(LAPTOP)).unwrap();
    assert_eq!(IdentityLog::begin(entry.clone()).unwrap_err(), LogError::NoInception(entry.id()));
    let (expected, actual) = (log.user(), other.user());
    assert_eq!(log.clone().add(entry), Err(LogError::OtherUser { expected, actual }));
}

#[test]
fn names_are_bounded_and_show_what_they_hold() {
    for name in ["", "a\nb", "\u{202e}ecila", &"a".repeat(65)] {
        let made = IdentityLog::create(name, &key(ROOT), &key(RECOVERY).public());
        assert!(made.is_err(), "{name:?}");
    }
}

#[test]
fn only_the_root_goes_on() {
    let mut log = alice();
    let entry = |n, prev, fact| Entry { user: log.user(), n, prev, fact };
    let fact = EntryFact::Grant(grant(THIEF));
    let forged = entry(3, log.tip(), fact.clone()).sign(&key(THIEF)).unwrap();
    let by_recovery = entry(3, log.tip(), fact.clone()).sign(&key(RECOVERY)).unwrap();
    let wrong_n = entry(4, log.tip(), fact.clone()).sign(&key(ROOT)).unwrap();
    let orphan = entry(9, StatementId::from_bytes([1; 32]), fact).sign(&key(ROOT)).unwrap();
    let rotation = |by| {
        let next = recovery_hash(&key(THIEF).public());
        EntryFact::Rotate(Rotation { root: key(THIEF).public(), next, by })
    };
    let root_as_recovery =
        entry(3, log.tip(), rotation(RotatedBy::Recovery)).sign(&key(ROOT)).unwrap();
    let recovery_as_root =
        entry(3, log.tip(), rotation(RotatedBy::Root)).sign(&key(RECOVERY)).unwrap();
    for refused in [forged, by_recovery, root_as_recovery, recovery_as_root] {
        let (entry, signer) = (refused.id(), refused.signer());
        assert_eq!(log.add(refused), Err(LogError::NotAuthorised { entry, signer }));
    }
    assert_eq!(log.add(wrong_n), Err(LogError::Number { expected: 3, actual: 4 }));
    assert_eq!(log.add(orphan), Ok(Added::Waits));
    assert_eq!(log.len(), 3);
}

/// Finding 4: whoever stole the root revokes the owner's devices, grants one of his own and
/// changes root and recovery key; the recovery key takes all of it back.
#[test]
fn a_thief_of_the_root_is_beaten_by_the_recovery_key() {
    let mut log = alice();
    let mine = log.tip();
    log.add(log.revoke(&key(ROOT), device(LAPTOP)).unwrap()).unwrap();
    log.add(log.grant(&key(ROOT), grant(THIEF)).unwrap()).unwrap();
    log.add(log.rotate(&key(ROOT), &key(61).public(), &key(62).public()).unwrap()).unwrap();
    log.add(log.revoke(&key(61), device(DESKTOP)).unwrap()).unwrap();
    // His own recovery key too, at a number far ahead.
    let tip = log.tip();
    log.add(log.recover(&key(62), tip, &key(63).public(), &key(64).public()).unwrap()).unwrap();
    assert_eq!(log.standing(device(LAPTOP)), Standing::Revoked);
    assert_eq!(log.standing(device(THIEF)), Standing::Granted(&grant(THIEF)));

    let rescue = log.recover(&key(RECOVERY), mine, &key(31).public(), &key(32).public()).unwrap();
    log.add(rescue.clone()).unwrap();
    assert_eq!(log.tip(), rescue.id());
    assert_eq!(log.root(), key(31).public());
    assert_eq!(log.fork(), None);
    assert_eq!(log.standing(device(LAPTOP)), Standing::Granted(&grant(LAPTOP)));
    assert_eq!(log.standing(device(DESKTOP)), Standing::Granted(&grant(DESKTOP)));
    assert_eq!(log.standing(device(THIEF)), Standing::Unknown);
    assert_eq!(log.retired(), BTreeMap::from([(device(THIEF), 2)]));
    log.add(log.grant(&key(31), grant(9)).unwrap()).unwrap();
    assert_order_does_not_matter(&log);
}

#[test]
fn two_entries_of_the_root_with_one_parent_are_a_fork() {
    let mut log = alice();
    let at = log.tip();
    let by_alice = log.grant(&key(ROOT), grant(9)).unwrap();
    let by_thief = log.grant(&key(ROOT), grant(THIEF)).unwrap();
    log.add(by_alice.clone()).unwrap();
    let revoke = log.revoke(&key(ROOT), device(LAPTOP)).unwrap();
    assert_eq!(log.standing(device(9)), Standing::Granted(&grant(9)));
    log.add(revoke).unwrap();
    log.add(by_thief.clone()).unwrap();

    let branches = BTreeSet::from([by_alice.id(), by_thief.id()]);
    assert_eq!(log.fork(), Some(&Fork { at, branches }));
    assert_eq!(log.standing(device(9)), Standing::Unknown, "a grant of a branch was used");
    assert_eq!(log.standing(device(THIEF)), Standing::Unknown);
    assert_eq!(log.standing(device(LAPTOP)), Standing::Revoked, "revocations of all count");
    assert_eq!(log.standing(device(DESKTOP)), Standing::Granted(&grant(DESKTOP)));
    assert_eq!(log.grant(&key(ROOT), grant(8)), Err(NextError::Forked(log.user())));
    assert_order_does_not_matter(&log);

    // The recovery key chooses: at the end of the branch that is Alice's.
    let mine = log.line.fork.as_ref().map(|_| by_alice.id()).unwrap();
    let rescue = log.recover(&key(RECOVERY), mine, &key(31).public(), &key(32).public()).unwrap();
    log.add(rescue).unwrap();
    assert_eq!(log.fork(), None);
    assert_eq!(log.standing(device(9)), Standing::Granted(&grant(9)));
    assert_eq!(log.standing(device(THIEF)), Standing::Unknown);
    assert_eq!(log.standing(device(LAPTOP)), Standing::Granted(&grant(LAPTOP)));
    assert_order_does_not_matter(&log);
}

/// A thief who forks the log and commits to a recovery key of his own cannot choose his branch.
#[test]
fn a_branch_cannot_stand_behind_itself() {
    let mut log = alice();
    let theirs = log.rotate(&key(ROOT), &key(61).public(), &key(62).public()).unwrap();
    let mine = log.grant(&key(ROOT), grant(9)).unwrap();
    log.add(theirs.clone()).unwrap();
    let choice = log.recover(&key(62), theirs.id(), &key(63).public(), &key(64).public()).unwrap();
    log.add(choice).unwrap();
    log.add(mine).unwrap();
    assert!(log.fork().is_some());
    assert_order_does_not_matter(&log);
}

#[test]
fn a_spent_recovery_key_used_elsewhere_is_a_fork() {
    let mut log = alice();
    let entries: Vec<_> = log.line().map(Verified::id).collect();
    let first = log.recover(&key(RECOVERY), entries[2], &key(31).public(), &key(32).public());
    log.add(first.unwrap()).unwrap();
    assert_eq!(log.fork(), None);
    let spent = log.recover(&key(RECOVERY), entries[1], &key(61).public(), &key(62).public());
    log.add(spent.unwrap()).unwrap();
    assert_eq!(log.fork().unwrap().at, entries[1]);
    assert_eq!(log.standing(device(DESKTOP)), Standing::Unknown);
    assert_order_does_not_matter(&log);
}

#[test]
fn an_entry_of_a_newer_version_stands_and_does_nothing() {
    let mut log = alice();
    let fields = |n: u64, prev: StatementId| {
        Map::new().with("user", log.user()).with("n", n).with("prev", prev)
    };
    use crate::cbor::Map;
    let newer = Statement::sign("endorse", fields(3, log.tip()), &[], &key(ROOT)).unwrap();
    let foreign = Statement::sign("endorse", fields(3, log.tip()), &[], &key(THIEF)).unwrap();
    let after = fields(4, newer.id()).with("device", device(9)).with("name", "phone");
    let by_new_root = Statement::sign("grant", after, &[], &key(21)).unwrap();
    assert!(matches!(log.add(foreign), Err(LogError::NotAuthorised { .. })));
    assert_eq!(log.add(newer.clone()), Ok(Added::New));
    assert_eq!(log.tip(), newer.id());
    // It may have changed the root: who knows.
    assert_eq!(log.add(by_new_root), Ok(Added::Waits));
    log.add(log.grant(&key(ROOT), grant(8)).unwrap()).unwrap();
    assert_eq!(log.standing(device(8)), Standing::Granted(&grant(8)));
}

/// A thief of the root fills the log, on the line and beside it: the recovery still comes in, and
/// the log goes on.
#[test]
fn a_full_log_does_not_lock_the_owner_out() {
    let mut log = alice();
    let mine = log.tip();
    for i in 0..=u8::MAX {
        let entry = log.revoke(&key(ROOT), DeviceId::from_bytes([i; 32])).unwrap();
        log.add(entry).unwrap();
    }
    let entry = |prev, n, i: usize| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&i.to_be_bytes());
        let fact = EntryFact::Revoke(DeviceId::from_bytes(bytes));
        Entry { user: log.user(), n, prev, fact }.sign(&key(ROOT)).unwrap()
    };
    let junk: Vec<_> = (0..IDENTITY_ENTRIES + 600).map(|i| entry(mine, 3, i)).collect();
    let mut full = 0;
    for entry in junk {
        match log.add(entry) {
            Ok(added) => assert_eq!(added, Added::New),
            Err(error) => {
                assert_eq!(error, LogError::Full(log.user()));
                full += 1;
            }
        }
    }
    assert!(full > 0, "everything was taken");
    assert!(log.len() <= 2 * IDENTITY_ENTRIES);
    let rescue = log.recover(&key(RECOVERY), mine, &key(31).public(), &key(32).public()).unwrap();
    assert_eq!(log.add(rescue), Ok(Added::New));
    assert_eq!(log.standing(device(LAPTOP)), Standing::Granted(&grant(LAPTOP)));
    let next = log.grant(&key(31), grant(9)).unwrap();
    assert_eq!(log.add(next), Ok(Added::New));
}

#[test]
fn many_entries_are_walked_once() {
    let mut one = alice();
    let mut many = one.clone();
    let mine = one.tip();
    for i in 0..100 {
        one.add(one.revoke(&key(ROOT), DeviceId::from_bytes([i; 32])).unwrap()).unwrap();
    }
    let line: Vec<_> = one.entries().cloned().collect();
    let beside = |i| {
        let fact = EntryFact::Revoke(DeviceId::from_bytes([i; 32]));
        Entry { user: one.user(), n: 3, prev: mine, fact }.sign(&key(ROOT)).unwrap()
    };
    let beside: Vec<_> = (101..200).map(beside).collect();
    let before = WALKS.get();
    let added = many.add_all(line.into_iter().chain(beside.clone()));
    assert_eq!(WALKS.get() - before, 1);
    assert!(added.iter().all(Result::is_ok));
    for entry in beside {
        one.add(entry).unwrap();
    }
    assert_eq!((one.digest(), one.tip()), (many.digest(), many.tip()));
    assert_eq!(one.retired(), many.retired());
}

#[test]
fn what_follows_a_recovery_has_room_in_one_go_too() {
    let mut log = alice();
    let mine = log.tip();
    let entry = |n, prev, i: usize| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&i.to_be_bytes());
        let fact = EntryFact::Revoke(DeviceId::from_bytes(bytes));
        Entry { user: log.user(), n, prev, fact }.sign(&key(ROOT)).unwrap()
    };
    let junk: Vec<_> = (0..IDENTITY_ENTRIES + 600).map(|i| entry(3, mine, i)).collect();
    let mut rescued = log.clone();
    let rescue =
        rescued.recover(&key(RECOVERY), mine, &key(31).public(), &key(32).public()).unwrap();
    rescued.add(rescue.clone()).unwrap();
    let next = rescued.grant(&key(31), grant(9)).unwrap();
    let added = log.add_all(junk.into_iter().chain([rescue, next.clone()]));
    assert!(added.iter().any(|added| *added == Err(LogError::Full(log.user()))));
    assert_eq!(&added[added.len() - 2..], [Ok(Added::New), Ok(Added::New)]);
    assert_eq!(log.tip(), next.id());
    // What was in it before has its room, in whatever order it comes back.
    let mut again = alice();
    let all: Vec<_> = log.entries().cloned().collect();
    assert!(again.add_stored(all).iter().all(Result::is_ok));
    assert_eq!(again.digest(), log.digest());
}

#[test]
fn a_line_is_bounded() {
    let mut log = alice();
    let long = Grant { name: "x".repeat(64), ..grant(9) };
    let full = loop {
        let entry = log.grant(&key(ROOT), long.clone()).unwrap();
        if let Err(error) = log.add(entry) {
            break error;
        }
    };
    assert_eq!(full, LogError::Full(log.user()));
    assert!(log.entries().map(|e| e.encode().len()).sum::<usize>() <= IDENTITY_BYTES);
    assert!(log.len() <= IDENTITY_ENTRIES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever roots and recovery keys do, in whatever order it comes: one outcome.
    #[test]
    fn order_never_matters(
        steps in proptest::collection::vec((0usize..8, 0u8..6, 0u8..4), 1..14),
        seed: u64,
    ) {
        let mut log = alice();
        for (back, what, which) in steps {
            let seen: Vec<_> = log.entries().map(Verified::id).collect();
            let prev = seen[seen.len().saturating_sub(1 + back)];
            let rotation = |by| Rotation {
                root: key(40 + which).public(),
                next: recovery_hash(&key(50 + which).public()),
                by,
            };
            let fact = match what {
                0 | 1 => EntryFact::Grant(grant(10 + which)),
                2 => EntryFact::Revoke(device(10 + which)),
                3 => EntryFact::Rotate(rotation(RotatedBy::Root)),
                _ => EntryFact::Rotate(rotation(RotatedBy::Recovery)),
            };
            let parent = &log.nodes[&prev];
            let entry = Entry { user: log.user(), n: parent.n + 1, prev, fact };
            let candidates = [ROOT, RECOVERY, 40, 41, 42, 43, 50, 51, 52, 53];
            let mut signed = candidates.iter().map(|seed| entry.sign(&key(*seed)).unwrap());
            if let Some(signed) = signed.find(|signed| parent.follow(signed.clone(), &entry).is_some()) {
                log.add(signed).unwrap();
            }
        }
        prop_assert_eq!(outcome(&log), outcome(&shuffled(&log, seed)));
        for (device, _) in log.devices() {
            prop_assert!(!log.retired().contains_key(&device));
        }
    }
}
