//! Several devices of one user, as far as one process shows it.

use std::sync::Arc;

use dsp_protocol::api::{
    ConfirmPairing, DeviceState, Join, Joined, KeyChange, KeyChangeName, NewPairing, PairingStage,
    Problem, ProblemCode, Recover, Revoke, Step,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::{DEADLINE, push, start, until};
use crate::daemon::Daemon;
use crate::ops::{Paging, Reporter};

/// What the log of a user says, as others read it: what each entry does, and whether it counts.
async fn keys(daemon: &Daemon, user: &str) -> Vec<(KeyChangeName, Option<String>, bool)> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging { limit: Some(2), cursor };
        let page = daemon.ops().key_changes(user, &paging).await.unwrap();
        all.extend(page.items.into_iter().map(|item| {
            let KeyChange { change, device_name, counts, .. } =
                serde_json::from_value(item).unwrap();
            (change, device_name, counts)
        }));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

/// Lets a daemon ask by a ticket; returns what comes of it, and the code that it shows.
async fn asks(
    new: &Daemon,
    root: &Daemon,
    ticket: &str,
) -> (JoinHandle<Result<Joined, Problem>>, String) {
    let (steps, mut told) = mpsc::channel(8);
    let (ops, join) = (Arc::clone(new.ops()), Join { ticket: ticket.to_owned() });
    let joined = tokio::spawn(async move { ops.join(&join, &Reporter::new(steps)).await });
    let Some(Step::Note { text }) = told.recv().await else { panic!("no code is shown") };
    let code = text.rsplit(": ").next().unwrap().to_owned();
    assert_eq!(new.ops().pairing().code.as_deref(), Some(code.as_str()));
    let mut look = interval(std::time::Duration::from_millis(20));
    let asked = async {
        while root.ops().pairing().stage != PairingStage::Asked {
            look.tick().await;
        }
    };
    timeout(DEADLINE, asked).await.expect("the machine that grants is asked");
    (joined, code)
}

async fn ticket(root: &Daemon) -> String {
    let terms = NewPairing { name: Some("desk".to_owned()), ..NewPairing::default() };
    root.ops().new_pairing(&terms).await.unwrap().ticket
}

/// Pairs two daemons; the new one is stopped and has to be started again.
async fn pair(root: &Daemon, new: &Daemon) {
    let (joined, code) = asks(new, root, &ticket(root).await).await;
    let device = root.ops().confirm_pairing(&ConfirmPairing { code }).await.unwrap();
    assert_eq!((device.name.as_str(), device.state), ("desk", DeviceState::Live));
    assert_eq!(joined.await.unwrap().unwrap().contexts, 1);
    assert!(new.begins_anew());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paired_machine_is_the_users() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, desk) = (start(&homes[0], "alice").await, start(&homes[1], "desk").await);
    let pushed = push(&alice, "data", &[("a.txt", b"0")]).await;
    let keys = homes[1].path().join("keys");
    pair(&alice, &desk).await;
    desk.stop().await;
    // A stop after each step is made up for: the file that says so is the last thing to go.
    let given = std::fs::read(keys.join("joining")).unwrap();
    for left in [&["root"][..], &[]] {
        let desk = start(&homes[1], "desk").await;
        assert_eq!(desk.user(), alice.user());
        assert!(!keys.join("root").exists() && !keys.join("joining").exists());
        desk.stop().await;
        std::fs::write(keys.join("joining"), &given).unwrap();
        for name in left {
            std::fs::copy(homes[0].path().join("keys").join(name), keys.join(name)).unwrap();
        }
    }
    let desk = start(&homes[1], "desk").await;
    until(&desk, async || {
        let stack = desk.ops().stack("data").await.ok()?;
        (stack.head?.frame == pushed.frame).then_some(())
    })
    .await;
    let refused = desk.ops().new_pairing(&NewPairing::default()).await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Refused, "the root stays where it was");
    alice.stop().await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_code_grants_nothing_and_voids_the_ticket() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, desk) = (start(&homes[0], "alice").await, start(&homes[1], "desk").await);
    let text = ticket(&alice).await;
    let (joined, code) = asks(&desk, &alice, &text).await;
    let wrong = if code == "000 000" { "000 001" } else { "000 000" };
    let wrong = ConfirmPairing { code: wrong.to_owned() };
    assert_eq!(alice.ops().confirm_pairing(&wrong).await.unwrap_err().code, ProblemCode::Refused);
    assert_eq!(joined.await.unwrap().unwrap_err().code, ProblemCode::Refused);
    let right = ConfirmPairing { code };
    assert_eq!(
        alice.ops().confirm_pairing(&right).await.unwrap_err().code,
        ProblemCode::Conflict,
        "it is too late"
    );
    let silent = Reporter::silent();
    let again = Arc::clone(desk.ops()).join(&Join { ticket: text }, &silent).await;
    assert_eq!(again.unwrap_err().code, ProblemCode::Refused, "the ticket is void");
    assert_eq!(alice.ops().devices().await.unwrap().len(), 1);
    assert!(!desk.begins_anew() && !homes[1].path().join("keys/joining").exists());
    alice.stop().await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_work_of_its_own_goes_nowhere() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, desk) = (start(&homes[0], "alice").await, start(&homes[1], "desk").await);
    push(&desk, "mine", &[("a.txt", b"0")]).await;
    let ticket = ticket(&alice).await;
    let silent = Reporter::silent();
    let refused = Arc::clone(desk.ops()).join(&Join { ticket }, &silent).await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Conflict);
    assert!(refused.detail.contains("a stack in main"), "{refused:?}");
    alice.stop().await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_keeps_what_was_good() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, desk) = (start(&homes[0], "alice").await, start(&homes[1], "desk").await);
    pair(&alice, &desk).await;
    desk.stop().await;
    let desk = start(&homes[1], "desk").await;
    let good = push(&desk, "data", &[("a.txt", b"good")]).await;
    let bad = push(&desk, "data", &[("a.txt", b"bad")]).await;
    let head = async |is: dsp_protocol::id::FrameId| {
        until(&alice, async || {
            let stack = alice.ops().stack("data").await.ok()?;
            (stack.head?.frame == is).then_some(())
        })
        .await;
    };
    head(bad.frame).await;
    let since = Some(good.frame.to_string());
    let would = Revoke { since: since.clone(), dry_run: true };
    let would = alice.ops().revoke_device("desk", &would).await.unwrap();
    assert_eq!((would.done, would.contexts[0].kept, would.contexts[0].lost), (false, 1, 1));
    assert_eq!(would.contexts[0].frames[0].frame, bad.frame);
    let revoke = Revoke { since, dry_run: false };
    assert!(alice.ops().revoke_device("desk", &revoke).await.unwrap().done);
    head(good.frame).await;
    // A narrower cut would take nothing away, and says so; the same again does nothing.
    let earlier = |dry_run| Revoke { since: Some("2020-01-01T00:00:00Z".to_owned()), dry_run };
    for dry_run in [true, false] {
        let narrower = alice.ops().revoke_device("desk", &earlier(dry_run)).await.unwrap_err();
        assert_eq!(narrower.code, ProblemCode::Conflict);
        assert!(narrower.causes[0].contains(&good.frame.short()), "{narrower:?}");
    }
    assert!(alice.ops().revoke_device("desk", &revoke).await.unwrap().done);
    let device = |name: &str| Some(name.to_owned());
    let all = keys(&alice, "me").await;
    let [begun, granted, .., revoked] = &all[..] else { panic!("{all:?}") };
    assert_eq!((begun.0, granted.0), (KeyChangeName::Begun, KeyChangeName::Granted));
    assert_eq!(*revoked, (KeyChangeName::Revoked, device("desk"), true));
    assert_eq!(keys(&desk, &alice.user().to_string()).await[0], *begun);
    let own = alice.device().to_string();
    let refused = alice.ops().revoke_device(&own, &Revoke::default()).await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Refused);
    alice.stop().await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_make_new_keys_that_outlive_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let (words, user) = (alice.ops().backup().unwrap().words, alice.user());
    let root = alice.ops().identity().await.unwrap().root;
    let rotated = alice.ops().rotate().await.unwrap();
    assert_ne!(rotated.root, root);
    let recover = |words: &str, dry_run| Recover { words: words.to_owned(), after: None, dry_run };
    // The old words beat what the root signed: they would undo the rotation.
    let would = alice.ops().recover(recover(&words, true)).await.unwrap();
    assert_eq!((would.done, would.undone), (false, 1));
    alice.stop().await;
    let alice = start(&home, "alice").await;
    assert_eq!(alice.user(), user);
    let words = alice.ops().backup().unwrap().words;
    let would = alice.ops().recover(recover(&words, true)).await.unwrap();
    assert!(!would.done && would.dropped.is_empty(), "{would:?}");
    let done = alice.ops().recover(recover(&words, false)).await.unwrap();
    assert!(done.done && !done.moves);
    let changed: Vec<_> =
        keys(&alice, "me").await.into_iter().map(|(c, _, counts)| (c, counts)).collect();
    assert!(changed.contains(&(KeyChangeName::Rotated, true)), "{changed:?}");
    assert_eq!(changed.last(), Some(&(KeyChangeName::Recovered, true)));
    alice.stop().await;
    let alice = start(&home, "alice").await;
    push(&alice, "data", &[("a.txt", b"0")]).await;
    assert_eq!(alice.user(), user);
    let again = alice.ops().recover(recover(&words, true)).await.unwrap_err();
    assert_eq!(again.code, ProblemCode::Conflict, "words are good once");
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_in_place_though_the_caller_goes() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let root = alice.ops().identity().await.unwrap().root;
    let mut rotating = Box::pin(alice.ops().rotate());
    assert!(futures::poll!(&mut rotating).is_pending());
    drop(rotating);
    until(&alice, async || (alice.ops().identity().await.ok()?.root != root).then_some(())).await;
    // Its turn is over once the keys are in place.
    alice.ops().rotate().await.unwrap();
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_joined_starts_anew_though_the_caller_goes() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, desk) = (start(&homes[0], "alice").await, start(&homes[1], "desk").await);
    let (joined, code) = asks(&desk, &alice, &ticket(&alice).await).await;
    alice.ops().confirm_pairing(&ConfirmPairing { code }).await.unwrap();
    joined.abort();
    timeout(DEADLINE, desk.ops().stopping().cancelled()).await.expect("it starts anew");
    assert!(desk.begins_anew());
    alice.stop().await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_identity_changes_that_is_about_to_be_given_up() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let words = alice.ops().backup().unwrap().words;
    std::fs::write(home.path().join("keys/joining"), b"whatever it was given").unwrap();
    let rotated = alice.ops().rotate().await.unwrap_err();
    let recover = Recover { words, after: None, dry_run: false };
    let recovered = alice.ops().recover(recover).await.unwrap_err();
    let own = alice.device().to_string();
    let revoked = alice.ops().revoke_device(&own, &Revoke::default()).await.unwrap_err();
    for problem in [rotated, recovered, revoked] {
        assert!(problem.detail.contains("on its way to another identity"), "{problem:?}");
    }
    std::fs::remove_file(home.path().join("keys/joining")).unwrap();
    alice.ops().rotate().await.unwrap();
    alice.stop().await;
}
