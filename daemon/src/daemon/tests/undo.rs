//! What was done is undone, as long as it can be.

use dsp_protocol::api::{DeedInfo, FollowState, UndoDeed, Undone};

use super::keeping::is_here;
use super::*;
use crate::ops::Leaving;

async fn undo(daemon: &Daemon, id: Option<u64>) -> Result<Undone, Problem> {
    daemon.ops().undo(&UndoDeed { id }).await
}

async fn deeds(daemon: &Daemon) -> Vec<DeedInfo> {
    let page = daemon.ops().deeds(&Paging::default()).await.unwrap();
    page.items.into_iter().map(|item| serde_json::from_value(item).unwrap()).collect()
}

fn tag(reference: &str, remove: bool) -> SetTag {
    SetTag { reference: reference.to_owned(), tag: "v1".to_owned(), remove }
}

fn rename(reference: &str, name: &str) -> Rename {
    Rename { reference: reference.to_owned(), name: name.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_stack_is_undone_from_the_last_on() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let ops = alice.ops();
    let first = push(&alice, "one", &[("a", b"1")]).await.frame;
    let second = push(&alice, "one", &[("a", b"2")]).await.frame;
    assert_eq!(undo(&alice, None).await.unwrap_err().code, ProblemCode::NotFound);
    ops.set_tag(&tag("one@head~1", false)).await.unwrap();
    ops.set_tag(&tag("one", false)).await.unwrap();
    ops.rename_stack(&rename("one", "two")).await.unwrap();
    let removed = ops.remove_stack("two").await.unwrap();
    assert!(removed.stack.removed && removed.stack.head.is_none());
    // What was done before needs the stack to be there.
    let [last, renamed, ..] = &deeds(&alice).await[..] else { panic!("four were done") };
    assert_eq!(removed.undo.unwrap().id, last.id);
    assert_eq!((last.what.as_str(), &last.impossible), ("removed two", &None));
    let why = undo(&alice, Some(renamed.id)).await.unwrap_err();
    assert_eq!(why.code, ProblemCode::Conflict);
    assert!(why.detail.contains("removed since"), "{why:?}");

    let undone = undo(&alice, None).await.unwrap();
    assert_eq!(undone.deed, "removed two");
    let stack = ops.stack("two").await.unwrap();
    assert_eq!((stack.head.unwrap().frame, stack.other_heads), (second, vec![]));
    assert_eq!(content(&alice, "two@head~1").await.unwrap(), b"1");
    let again = undo(&alice, Some(undone.id)).await.unwrap_err();
    assert!(again.detail.contains("it was undone"), "{again:?}");

    assert_eq!(undo(&alice, None).await.unwrap().deed, "renamed one to two");
    assert!(ops.stack("two").await.is_err());
    assert_eq!(undo(&alice, None).await.unwrap().deed, "moved the tag v1 of one");
    assert_eq!(ops.stack("one").await.unwrap().tags["v1"], first);
    assert_eq!(undo(&alice, None).await.unwrap().deed, "put the tag v1 on one");
    assert!(ops.stack("one").await.unwrap().tags.is_empty());
    assert_eq!(undo(&alice, None).await.unwrap_err().code, ProblemCode::NotFound);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_since_is_not_undone() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let ops = alice.ops();
    push(&alice, "one", &[("a", b"1")]).await;
    push(&alice, "one", &[("a", b"2")]).await;
    let put = ops.set_tag(&tag("one", false)).await.unwrap().undo.unwrap().id;
    ops.set_tag(&tag("one@head~1", false)).await.unwrap();
    let moved = undo(&alice, Some(put)).await.unwrap_err();
    assert!(moved.detail.contains("moved since"), "{moved:?}");
    let renamed = ops.rename_stack(&rename("one", "two")).await.unwrap().undo.unwrap().id;
    ops.rename_stack(&rename("two", "three")).await.unwrap();
    let called = undo(&alice, Some(renamed)).await.unwrap_err();
    assert!(called.detail.contains("called three now"), "{called:?}");
    // Pushed anew under its name: it is there, and so is what was pushed.
    let removed = ops.remove_stack("three").await.unwrap().undo.unwrap().id;
    push(&alice, "three", &[("a", b"3")]).await;
    let there = undo(&alice, Some(removed)).await.unwrap_err();
    assert!(there.detail.contains("the stack is there"), "{there:?}");
    assert_eq!(content(&alice, "three").await.unwrap(), b"3");
    assert_eq!(undo(&alice, Some(99)).await.unwrap_err().code, ProblemCode::NotFound);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_taken_since_is_not_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let ops = alice.ops();
    push(&alice, "one", &[("a", b"1")]).await;
    let renamed = ops.rename_stack(&rename("one", "two")).await.unwrap().undo.unwrap().id;
    push(&alice, "one", &[("a", b"another")]).await;
    assert_eq!(undo(&alice, Some(renamed)).await.unwrap_err().code, ProblemCode::Conflict);
    assert_eq!(content(&alice, "one").await.unwrap(), b"another");
    // It can be tried again once the name is free.
    ops.rename_stack(&rename("one", "other")).await.unwrap();
    undo(&alice, Some(renamed)).await.unwrap();
    assert_eq!(content(&alice, "one").await.unwrap(), b"1");
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_come_about_is_not_in_the_journal() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"1")]).await;
    push(&alice, "two", &[("a", b"2")]).await;
    assert!(alice.ops().rename_stack(&rename("one", "two")).await.is_err());
    assert_eq!(deeds(&alice).await, vec![]);
    alice.ops().remove_stack("one").await.unwrap();
    // Removed already.
    assert_eq!(alice.ops().remove_stack("one").await.unwrap().undo, None);
    assert_eq!(deeds(&alice).await.len(), 1);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_context_is_opened_again() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let ops = alice.ops();
    let new = NewContext { name: "research".into(), about: "of cells".into(), access: None };
    ops.new_context(new).await.unwrap();
    ops.switch_context("research").await.unwrap();
    push(&alice, "model", &[("a", b"1")]).await;
    let closed = ops.close_context("research").await.unwrap();
    assert!(!closed.context.current);
    let undone = undo(&alice, None).await.unwrap();
    assert_eq!(undone.id, closed.undo.unwrap().id);
    let open = ops.context("research").await.unwrap();
    assert_eq!((open.state, open.current, &*open.about), (FollowState::Own, true, "of cells"));
    push(&alice, "model", &[("a", b"2")]).await;
    alice.stop().await;
}

//  alice <-- bob, who has stacks of his own in her context, and is alone from then on
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_context_is_back_with_all_that_was_here() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a", b"hers")]).await;
    follow(&bob, &share(&alice, "main", None).await, Policy::Heads).await.unwrap();
    until(&bob, async || content(&bob, "alice:one").await.ok()).await;
    alice.stop().await;

    let left = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    assert_eq!(left.freed, None);
    let hint = left.undo.unwrap();
    assert!(hint.until.is_some());
    assert!(bob.ops().context("alice/main").await.is_err(), "nobody sees it");
    assert!(bob.ops().stack("alice:one").await.is_err());
    bob.ops().collect_by_itself().await;
    let trash = bob.ops().trash().await.unwrap();
    assert_eq!((trash.blobs, trash.bytes), (1, 4));
    assert_eq!(deeds(&bob).await[0].bytes, 4);
    bob.stop().await;

    // The journal and the trash outlive the daemon.
    let bob = start(&homes[1], "bob").await;
    assert!(bob.ops().context("alice/main").await.is_err());
    let undone = undo(&bob, None).await.unwrap();
    assert_eq!((undone.id, undone.deed.as_str()), (hint.id, "left and dropped alice/main"));
    assert_eq!(content(&bob, "alice:one").await.unwrap(), b"hers");
    let context = bob.ops().context("alice/main").await.unwrap();
    assert_eq!(context.state, FollowState::Following);
    assert_eq!(bob.ops().trash().await.unwrap().blobs, 0);

    // Kept: followed again, too.
    bob.ops().leave("alice/main", Leaving::Keep).await.unwrap();
    assert_eq!(bob.ops().context("alice/main").await.unwrap().state, FollowState::Left);
    undo(&bob, None).await.unwrap();
    assert_eq!(bob.ops().context("alice/main").await.unwrap().state, FollowState::Following);
    bob.stop().await;
}

//  alice <-- bob, who drops, and whose trash is emptied
#[tokio::test(flavor = "multi_thread")]
async fn what_was_freed_is_not_undone_and_can_be_followed_anew() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a", b"hers")]).await;
    let ticket = share(&alice, "main", None).await;
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    until(&bob, async || content(&bob, "alice:one").await.ok()).await;
    bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    assert!(is_here(&bob, b"hers").await);
    let freed = bob.ops().empty_trash().await.unwrap();
    assert_eq!((freed.blobs, freed.bytes, freed.trashed, freed.pending), (1, 4, 0, false));
    assert!(!is_here(&bob, b"hers").await);
    let deed = &deeds(&bob).await[0];
    assert!(deed.impossible.as_ref().unwrap().contains("freed"), "{deed:?}");
    let why = undo(&bob, Some(deed.id)).await.unwrap_err();
    assert!(why.detail.contains("its time in the trash is over"), "{why:?}");
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    until(&bob, async || content(&bob, "alice:one").await.ok()).await;
    // Followed again while in the trash: it is seen at once.
    bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    assert_eq!(content(&bob, "alice:one").await.unwrap(), b"hers");
    assert!(bob.ops().empty_trash().await.unwrap().blobs == 0);
    assert_eq!(content(&bob, "alice:one").await.unwrap(), b"hers");
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_names_stays_in_the_trash_until_there_is_no_room() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    drop(alice.blobs().import_bytes(&b"named by nothing"[..]).await.unwrap());
    let freed = alice.ops().collect_soon().await;
    assert_eq!((freed.blobs, freed.trashed, freed.trashed_bytes), (0, 1, 16));
    assert!(is_here(&alice, b"named by nothing").await);
    assert_eq!(alice.ops().trash().await.unwrap().bytes, 16);
    alice.ops().collect_by_itself().await;
    assert!(is_here(&alice, b"named by nothing").await, "there is room");

    alice.blobs().set_spare(u64::MAX / 2);
    let full = alice.ops().room_for(1).await.unwrap_err();
    assert_eq!(full.code, ProblemCode::DiskFull);
    assert!(is_here(&alice, b"named by nothing").await, "it would not fit all the same");
    assert_eq!(alice.ops().free_oldest(16).await.unwrap(), 16);
    assert!(!is_here(&alice, b"named by nothing").await, "the trash made room");
    alice.stop().await;
}
