//! What may go and what may not: drops, pins, collections and quotas.

use dsp_protocol::api::{
    DropMode, DropReport, DropRequest, NewContext, NewPin, PinKeep, Pinned, SetQuota, StayReason,
    UndoDeed, Waste,
};
use dsp_protocol::id::BlobHash;

use super::keeping::is_here;
use super::*;
use crate::blobs::Status;
use crate::ops::Leaving;

/// Alice, and Bob who follows her.
struct Two {
    alice: Daemon,
    bob: Daemon,
    _homes: [tempfile::TempDir; 2],
}

impl Two {
    async fn new(policy: Policy) -> Two {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
        follow(&bob, &share(&alice, "main", None).await, policy).await.unwrap();
        Two { alice, bob, _homes: homes }
    }

    /// Has Alice push, and waits until all of it is with Bob.
    async fn push(&self, stack: &str, files: &[(&str, &[u8])]) -> Pushed {
        let pushed = push(&self.alice, stack, files).await;
        self.arrives(stack, &pushed).await;
        pushed
    }

    async fn arrives(&self, stack: &str, pushed: &Pushed) {
        let reference = format!("alice:{stack}");
        let here = async || {
            let head = self.bob.ops().stack(&reference).await.ok()?.head?;
            (head.frame == pushed.frame && head.bytes_here == Some(pushed.bytes)).then_some(())
        };
        until(&self.bob, here).await;
    }

    async fn stop(self) {
        self.alice.stop().await;
        self.bob.stop().await;
    }
}

async fn let_go(daemon: &Daemon, reference: &str) -> Result<DropReport, Problem> {
    let mode = DropMode::Confirmed;
    let request = DropRequest { reference: reference.to_owned(), all: false, mode };
    daemon.ops().drop_bytes(&request, &Reporter::silent()).await
}

async fn pin(daemon: &Daemon, reference: &str, keep: PinKeep) -> Pinned {
    let new = NewPin { reference: reference.to_owned(), keep };
    daemon.ops().pin(new, &Reporter::silent()).await.unwrap()
}

async fn used(daemon: &Daemon) -> u64 {
    daemon.ops().status().await.unwrap().used_bytes
}

//  alice x   carol (no bytes) --> bob
#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_that_nobody_proves_to_hold() {
    let two = Two::new(Policy::Heads).await;
    let home = tempfile::tempdir().unwrap();
    two.push("one", &[("a", b"only here")]).await;
    assert_eq!(let_go(&two.bob, "alice:one").await.unwrap().holders.len(), 1);
    let request = RefRequest { reference: Some("alice:one".to_owned()) };
    two.bob.ops().fetch(&request, &Reporter::silent()).await.unwrap();

    let carol = start(&home, "carol").await;
    follow(&carol, &share(&two.alice, "main", None).await, Policy::Lazy).await.unwrap();
    let peers = async |n| {
        let connected = two.bob.ops().status().await.unwrap().peers_connected;
        (connected == n).then_some(())
    };
    until(&two.bob, async || peers(2).await).await;
    two.alice.stop().await;
    until(&two.bob, async || peers(1).await).await;
    let problem = let_go(&two.bob, "alice:one").await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused);
    assert_eq!(content(&two.bob, "alice:one").await.unwrap(), b"only here");
    two.bob.stop().await;
    carol.stop().await;
}

//  alice <-- bob, who drops, and is alone from then on
#[tokio::test(flavor = "multi_thread")]
async fn a_drop_is_undone_while_its_bytes_are_in_the_trash() {
    let two = Two::new(Policy::Heads).await;
    let bob = &two.bob;
    two.push("one", &[("a", b"hers")]).await;
    let dropped = let_go(bob, "alice:one").await.unwrap();
    let hint = dropped.undo.unwrap();
    assert!(hint.until.is_some());
    assert_eq!(dropped.freed.map(|freed| (freed.blobs, freed.trashed_bytes)), Some((0, 4)));
    assert!(is_here(bob, b"hers").await);
    let head = bob.ops().stack("alice:one").await.unwrap().head.unwrap();
    assert_eq!((head.bytes_here, used(bob).await), (Some(0), 0), "it counts as not here");
    two.alice.stop().await;

    let garbage = bob.ops().garbage().await.unwrap();
    let waste = Waste { blobs: 1, bytes: 4 };
    assert_eq!((garbage.unnamed, garbage.trashed), (waste, waste));
    assert!(garbage.trashed_until.is_some());
    let undone = bob.ops().undo(&UndoDeed { id: None }).await.unwrap();
    assert_eq!(undone.id, hint.id);
    assert_eq!((content(bob, "alice:one").await.unwrap(), used(bob).await), (b"hers".into(), 4));
    assert_eq!(bob.ops().garbage().await.unwrap().unnamed, Waste::default());
    let again = bob.ops().undo(&UndoDeed { id: Some(hint.id) }).await.unwrap_err();
    assert!(again.detail.contains("it was undone"), "{again:?}");

    // What was freed cannot be taken back.
    let mode = DropMode::Force;
    let request = DropRequest { reference: "alice:one".to_owned(), all: false, mode };
    let dropped = bob.ops().drop_bytes(&request, &Reporter::silent()).await.unwrap();
    let freed = bob.ops().free().await.unwrap();
    assert_eq!((freed.blobs, freed.bytes, freed.trashed), (1, 4, 0), "all of the trash");
    assert!(!is_here(bob, b"hers").await);
    let id = dropped.undo.map(|undo| undo.id);
    let why = bob.ops().undo(&UndoDeed { id }).await.unwrap_err();
    assert!(why.detail.contains("its time in the trash is over"), "{why:?}");
    assert_eq!(used(bob).await, 0);
    two.bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_tell_what_is_here_of_what_frames_list() {
    let two = Two::new(Policy::Heads).await;
    let bob = &two.bob;
    two.push("one", &[("a.csv", b"a,b"), ("b.csv", b"a,b"), ("c.png", b"picture")]).await;
    let told = async || {
        let told = bob.ops().stored_types().await.unwrap();
        let types = told.types.into_iter().map(|one| (one.media, one.files, one.bytes));
        assert!(!told.more);
        (types.collect::<Vec<_>>(), told.other_bytes)
    };
    let all = vec![("image/png".to_owned(), 1, 7), ("text/csv".to_owned(), 1, 3)];
    assert_eq!(told().await, (all, 0), "the same bytes count once");
    assert_eq!(used(bob).await, 10);
    let_go(bob, "alice:one").await.unwrap();
    assert_eq!(told().await, (Vec::new(), 0), "what was let go of is not here");
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_is_asked_for_frees_contexts_in_the_trash() {
    let two = Two::new(Policy::Heads).await;
    let bob = &two.bob;
    two.push("one", &[("a", b"hers")]).await;
    bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    let garbage = bob.ops().garbage().await.unwrap();
    let waste = Waste { blobs: 1, bytes: 4 };
    assert_eq!((garbage.unnamed, garbage.trashed), (waste, waste));
    let freed = bob.ops().free().await.unwrap();
    assert_eq!((freed.blobs, freed.bytes), (1, 4));
    assert!(!is_here(bob, b"hers").await);
    assert!(bob.store().dropped_contexts().await.unwrap().is_empty());
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_bytes_go_by_no_drop_no_collection_and_no_unfollow() {
    let two = Two::new(Policy::Heads).await;
    let bob = &two.bob;
    let kept = two.push("kept", &[("a", b"kept")]).await;
    two.push("other", &[("a", b"another")]).await;
    pin(bob, "alice:kept", PinKeep::Frame).await;
    let problem = let_go(bob, "alice:kept").await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Conflict);

    two.alice.ops().remove_stack("kept").await.unwrap();
    let removed = async || bob.ops().stack("alice:kept").await.ok()?.head.is_none().then_some(());
    until(bob, removed).await;
    assert!(bob.ops().garbage().await.unwrap().removed.is_empty());
    bob.ops().free().await.unwrap();
    let reference = format!("alice:kept@{}", kept.frame);
    assert_eq!(content(bob, &reference).await.unwrap(), b"kept");

    let left = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    assert!(left.context.is_some());
    assert_eq!((left.freed.unwrap().bytes, left.undo), (7, None), "the rest is freed at once");
    assert_eq!(bob.ops().trash().await.unwrap().bytes, 0);
    assert_eq!(content(bob, &reference).await.unwrap(), b"kept");
    assert_eq!(used(bob).await, 4, "the rest is gone");
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_keeps_what_a_pin_names_and_nothing_else_does() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let context = alice.ops().context("main").await.unwrap().id;
    let bytes: &[u8] = b"named by a pin alone";
    drop(alice.blobs().import_bytes(bytes).await.unwrap());
    alice.store().set_pinned(context, [BlobHash::of(bytes)].into()).await.unwrap();
    assert_eq!(alice.blobs().gc().await.unwrap().removed, 0);
    alice.store().set_pinned(context, Default::default()).await.unwrap();
    assert_eq!(alice.blobs().gc().await.unwrap().removed, 1);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_current_head_or_another_context_has_too_stays() {
    let two = Two::new(Policy::All).await;
    let (old, both, copy): (&[u8], &[u8], &[u8]) = (b"old", b"both", b"copy");
    two.push("data", &[("old", old), ("both", both), ("copy", copy)]).await;
    push(&two.bob, "mine", &[("copy", copy)]).await;
    two.push("data", &[("both", both)]).await;
    let dropped = let_go(&two.bob, "alice:data@head~1").await.unwrap();
    assert_eq!((dropped.files, dropped.bytes), (1, 3));
    let mut stays: Vec<_> = dropped.stays.iter().map(|file| file.why).collect();
    stays.sort_unstable();
    assert_eq!(stays, [StayReason::CurrentHead, StayReason::OtherContext]);
    assert_eq!(content(&two.bob, "alice:data").await.unwrap(), both);
    assert_eq!(content(&two.bob, "mine").await.unwrap(), copy);
    two.stop().await;
}

/// The same bytes in two contexts of Alice's, both of which Bob has.
async fn in_two_contexts() -> Two {
    let two = Two::new(Policy::All).await;
    two.push("data", &[("a", b"in two contexts")]).await;
    let other = NewContext { name: "other".to_owned(), about: String::new(), access: None };
    two.alice.ops().new_context(other).await.unwrap();
    push(&two.alice, "other:data", &[("a", b"in two contexts")]).await;
    let ticket = share(&two.alice, "other", None).await;
    follow(&two.bob, &ticket, Policy::All).await.unwrap();
    let here = async || content(&two.bob, "alice/other:data").await.ok();
    until(&two.bob, here).await;
    two
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_context_has_too_goes_by_no_drop_without_a_proof() {
    let Two { alice, bob, _homes } = in_two_contexts().await;
    alice.stop().await;
    let refused = let_go(&bob, "alice/main:data").await.unwrap_err();
    assert_eq!(refused.code, ProblemCode::Refused);
    assert_eq!(content(&bob, "alice/main:data").await.unwrap(), b"in two contexts");
    // In the trash the other one is no other any more.
    bob.ops().leave("alice/other", Leaving::Drop).await.unwrap();
    let_go(&bob, "alice/main:data").await.unwrap_err();
    assert_eq!(content(&bob, "alice/main:data").await.unwrap(), b"in two contexts");
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_contexts_have_goes_once_both_let_go_of_it() {
    let two = in_two_contexts().await;
    let dropped = let_go(&two.bob, "alice/main:data").await.unwrap();
    assert_eq!((dropped.files, dropped.stays_total), (0, 1));
    assert_eq!(dropped.stays[0].contexts, ["alice/other"]);
    assert!(dropped.undo.is_some());
    content(&two.bob, "alice/main:data").await.unwrap_err();
    assert_eq!(content(&two.bob, "alice/other:data").await.unwrap(), b"in two contexts");
    let dropped = let_go(&two.bob, "alice/other:data").await.unwrap();
    assert_eq!((dropped.files, dropped.bytes, dropped.stays_total), (1, 15, 0));
    content(&two.bob, "alice/other:data").await.unwrap_err();
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_on_heads_keeps_the_last_ones_of_a_stack_that_is_removed() {
    let two = Two::new(Policy::Lazy).await;
    for stack in ["one", "two"] {
        let pushed = push(&two.alice, stack, &[("a", b"1")]).await;
        let reference = format!("alice:{stack}");
        let known = async || {
            let head = two.bob.ops().stack(&reference).await.ok()?.head?;
            (head.frame == pushed.frame).then_some(())
        };
        until(&two.bob, known).await;
        pin(&two.bob, &reference, PinKeep::Heads).await;
    }
    let last = two.push("one", &[("a", b"22")]).await;
    two.alice.ops().remove_stack("one").await.unwrap();
    let removed =
        async || two.bob.ops().stack("alice:one").await.ok()?.head.is_none().then_some(());
    until(&two.bob, removed).await;
    // Brought by the other pin, after all pins of the context were looked at.
    two.push("two", &[("a", b"333")]).await;
    let pins = two.bob.store().pins().await.unwrap();
    assert!(pins.iter().any(|pin| pin.frames == [last.frame]), "{pins:?}");
    let reference = format!("alice:one@{}", last.frame);
    assert_eq!(let_go(&two.bob, &reference).await.unwrap_err().code, ProblemCode::Conflict);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mine_is_no_waste_when_i_remove_it() {
    let two = Two::new(Policy::Heads).await;
    let gone = two.push("gone", &[("a", b"gone")]).await;
    two.alice.ops().remove_stack("gone").await.unwrap();
    let garbage = async || {
        let garbage = two.bob.ops().garbage().await.unwrap();
        (!garbage.removed.is_empty()).then_some(garbage)
    };
    let garbage = until(&two.bob, garbage).await;
    assert_eq!(garbage.removed[0].frame, gone.frame);
    assert_eq!(garbage.removed[0].holders[0].user, "alice");
    assert!(two.alice.ops().garbage().await.unwrap().removed.is_empty());
    two.alice.ops().free().await.unwrap();
    assert_eq!((used(&two.alice).await, used(&two.bob).await), (4, 4));
    assert_eq!(two.bob.ops().free().await.unwrap().bytes, 4);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_holds_back_what_comes_by_policy_and_not_what_is_asked_for() {
    let two = Two::new(Policy::Heads).await;
    let quota = SetQuota { quota_bytes: Some(10) };
    two.bob.ops().set_quota("alice/main", quota).await.unwrap();
    let large = push(&two.alice, "large", &[("a", b"more than ten bytes")]).await;
    let known = async || {
        let head = two.bob.ops().stack("alice:large").await.ok()?.head?;
        (head.frame == large.frame).then_some(())
    };
    until(&two.bob, known).await;
    two.push("small", &[("a", b"small")]).await;
    assert_eq!(used(&two.bob).await, 5);
    let request = RefRequest { reference: Some("alice:large".to_owned()) };
    let fetched = two.bob.ops().fetch(&request, &Reporter::silent()).await.unwrap();
    assert_eq!((fetched.files, fetched.missing.len()), (1, 0));
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_beyond_the_quota_of_the_store_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"12345")]).await;
    alice.blobs().set_quota(8);
    let source = home.path().with_extension("file");
    std::fs::write(&source, b"678901").unwrap();
    let file = NewFile {
        path: "b".to_owned(),
        source: Some(source.to_str().unwrap().to_owned()),
        hash: None,
        ..NewFile::default()
    };
    let refused = alice.ops().push(new_frame("two", vec![file]), &Reporter::silent()).await;
    assert_eq!(refused.unwrap_err().code, ProblemCode::DiskFull);
    let taken = alice.blobs().status(BlobHash::of(b"678901")).await.unwrap();
    assert_eq!(taken, Status::Missing, "it stays though it was refused");
    std::fs::remove_file(&source).unwrap();
    push(&alice, "copy", &[("a", b"12345")]).await;
    assert_eq!(used(&alice).await, 5);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_bytes_that_others_hold_give_way_to_a_newer_head_but_no_pinned_ones() {
    let two = Two::new(Policy::All).await;
    let quota = SetQuota { quota_bytes: Some(30) };
    two.bob.ops().set_quota("alice/main", quota).await.unwrap();
    let kept = two.push("data", &[("a", b"pinned....")]).await;
    let pinned = format!("alice:data@{}", kept.frame);
    pin(&two.bob, &pinned, PinKeep::Frame).await;
    let read = two.push("data", &[("a", b"read......")]).await;
    let old = two.push("data", &[("a", b"not read..")]).await;
    let read = format!("alice:data@{}", read.frame);
    content(&two.bob, &read).await.unwrap();
    two.push("data", &[("a", b"newest....")]).await;
    assert_eq!(content(&two.bob, &pinned).await.unwrap(), b"pinned....");
    assert_eq!(content(&two.bob, &read).await.unwrap(), b"read......");
    let old = content(&two.bob, &format!("alice:data@{}", old.frame)).await;
    assert_eq!(old.unwrap_err().code, ProblemCode::BlobNotLocal);
    assert!(!is_here(&two.bob, b"not read..").await, "what gives way makes room at once");
    assert_eq!(used(&two.bob).await, 30);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_mine_gives_way() {
    let two = Two::new(Policy::All).await;
    let quota = SetQuota { quota_bytes: Some(10) };
    two.alice.ops().set_quota("main", quota).await.unwrap();
    push(&two.alice, "data", &[("a", b"0123456789")]).await;
    two.push("data", &[("a", b"9876543210")]).await;
    assert_eq!(used(&two.alice).await, 20);
    two.stop().await;
}
