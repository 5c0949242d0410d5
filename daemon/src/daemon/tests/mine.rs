//! What is mine: changed as a whole, and never lost unasked.

use dsp_protocol::api::{RoleName, Verified};
use dsp_protocol::id::BlobHash;

use super::*;
use crate::ops::Leaving;

async fn verified(daemon: &Daemon, reference: Option<&str>) -> Verified {
    let reference = reference.map(str::to_owned);
    daemon.ops().verify(&RefRequest { reference }, &Reporter::silent()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_stack_is_neither_removed_nor_renamed() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let first = push(&alice, "one", &[("a", b"1")]).await;
    push(&alice, "one", &[("a", b"2")]).await;
    let tag = SetTag { reference: "one@head~1".into(), tag: "v1".into(), remove: false };
    alice.ops().set_tag(&tag).await.unwrap();
    let id = format!("one@{}", &first.frame.to_string()[..8]);
    for part in ["one@v1", "one@head~1", "one@head", &id, "one#a", "me/main:one@v1#a"] {
        let rename = Rename { reference: part.into(), name: "two".into() };
        for refused in [
            alice.ops().remove_stack(part).await.map(drop),
            alice.ops().rename_stack(&rename).await.map(drop),
            alice.ops().stack_to_change(part).await.map(drop),
        ] {
            let problem = refused.unwrap_err();
            assert_eq!(problem.code, ProblemCode::BadRequest, "{part}: {problem:?}");
        }
    }
    let problem = alice.ops().remove_stack("one@v1").await.unwrap_err();
    assert!(problem.hint.unwrap().contains("`dsp tag one v1 --remove`"));
    let stack = alice.ops().stack("one").await.unwrap();
    assert!(!stack.removed && stack.tags.contains_key("v1"));
    alice.ops().remove_stack("one").await.unwrap();
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mine_is_not_dropped_unasked() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a", b"1")]).await;
    let ticket = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    let ticket = alice.ops().new_ticket("main", ticket).await.unwrap().ticket;
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    alice.stop().await;
    push(&bob, "alice/main:work", &[("p", b"bob's alone")]).await;

    let problem = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused);
    assert!(problem.detail.contains("work"), "{}", problem.detail);
    bob.ops().leave("alice/main", Leaving::Keep).await.unwrap();
    let problem = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused, "also once it was left");
    assert_eq!(content(&bob, "me:work").await.unwrap(), b"bob's alone");
    bob.ops().leave("alice/main", Leaving::DropOwn).await.unwrap();
    assert!(content(&bob, "me:work").await.is_err());
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_of_another_user_is_not_pushed_to() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a", b"1")]).await;
    follow(&bob, &share(&alice, "main", None).await, Policy::Heads).await.unwrap();
    let silent = Reporter::silent();
    let problem = bob.ops().push(new_frame("alice:one", Vec::new()), &silent).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused);
    assert!(problem.detail.contains("is a stack of alice, not yours"), "{}", problem.detail);
    let problem = bob.ops().push(new_frame("carol:one", Vec::new()), &silent).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::NotFound);
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_bytes_stay_a_fault_until_they_are_pushed_again() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let large: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let files = [("large.bin", &large[..]), ("small.txt", b"1")];
    let pushed = push(&alice, "one", &files).await;
    let hash = BlobHash::of(&large);
    std::fs::remove_file(home.path().join(format!("blobs/data/{hash}.data"))).unwrap();
    assert_eq!(verified(&alice, None).await.faults.len(), 1);

    let one = RefRequest { reference: Some("one".to_owned()) };
    let fetched = alice.ops().fetch(&one, &Reporter::silent()).await.unwrap();
    assert_eq!(fetched.missing, ["large.bin"]);
    for reference in [None, Some("one"), Some("one#large.bin")] {
        let found = verified(&alice, reference).await;
        assert_eq!((found.not_here, found.faults.len()), (0, 1), "{reference:?}: {found:?}");
        assert_eq!(found.faults[0].what, "one#large.bin");
    }
    alice.stop().await;
    let alice = start(&home, "alice").await;
    assert_eq!(verified(&alice, None).await.faults.len(), 1, "after a restart too");

    let again = push(&alice, "one", &files).await;
    assert_eq!((again.frame, again.unchanged, again.restored), (pushed.frame, true, 1));
    assert_eq!(content(&alice, "one#large.bin").await.unwrap(), large);
    assert_eq!(verified(&alice, None).await.faults.len(), 0);
    assert_eq!(push(&alice, "one", &files).await.restored, 0);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_the_one_named_else_as_before_else_the_settings() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let ticket = share(&alice, "main", None).await;
    let again = async |policy: Option<Policy>| {
        let ticket = ticket.clone();
        let new =
            NewFollow { ticket, policy, selection: None, wait_seconds: Some(DEADLINE.as_secs()) };
        bob.ops().follow(new, &Reporter::silent()).await.unwrap().context.policy
    };
    let set = async |value: &str| {
        let change = serde_json::Map::from_iter([("policy.default".to_owned(), value.into())]);
        bob.ops().change_settings(&change).await.unwrap();
    };
    set("lazy").await;
    assert_eq!(again(None).await, Policy::Lazy);
    set("all").await;
    assert_eq!(again(None).await, Policy::Lazy, "who follows again changes nothing");
    assert_eq!(again(Some(Policy::Heads)).await, Policy::Heads);
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_would_never_take_effect_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let set = async |name: &str, value: &str| {
        let change = serde_json::Map::from_iter([(name.to_owned(), value.into())]);
        alice.ops().change_settings(&change).await
    };
    let device = alice.ops().identity().await.unwrap().devices[0].name.clone();
    set("user.name", "alice").await.unwrap();
    set("device.name", &device).await.unwrap();
    for name in ["user.name", "device.name"] {
        assert_eq!(set(name, "dora").await.unwrap_err().code, ProblemCode::Conflict);
    }
    alice.stop().await;
}
