//! What is here stays right, and what nothing names goes.

use dsp_protocol::id::BlobHash;
use dsp_protocol::sync::Record;

use super::*;
use crate::blobs::Status;
use crate::ops::Leaving;

/// What nothing names goes at once.
const NO_TRASH: &[(&str, &str)] = &[("trash.keep", "0")];

pub(super) async fn is_here(daemon: &Daemon, bytes: &[u8]) -> bool {
    let status = daemon.blobs().status(BlobHash::of(bytes)).await.unwrap();
    matches!(status, Status::Complete { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_is_dropped_frees_its_bytes() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let alice = start(&homes[0], "alice").await;
    let bob = start_with(&homes[1], "bob", NO_TRASH).await;
    push(&alice, "one", &[("a", b"hers"), ("b", b"both")]).await;
    push(&bob, "own", &[("b", b"both")]).await;
    follow(&bob, &share(&alice, "main", None).await, Policy::Heads).await.unwrap();
    // Here by the books, too: what a fetch still holds is freed later.
    let all_here = async || {
        let head = bob.ops().stack("alice:one").await.unwrap().head?;
        (head.bytes_here == Some(8)).then_some(())
    };
    until(&bob, all_here).await;

    let left = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap();
    let freed = left.freed.unwrap();
    assert_eq!((freed.blobs, freed.bytes, freed.pending), (1, 4, false));
    assert!(!is_here(&bob, b"hers").await);
    assert_eq!(content(&bob, "own").await.unwrap(), b"both");
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_names_goes_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let alice = start_with(&home, "alice", NO_TRASH).await;
    push(&alice, "one", &[("a", b"kept")]).await;
    drop(alice.blobs().import_bytes(&b"named by nothing"[..]).await.unwrap());
    let collecting = crate::ops::collect_after(alice.ops().clone(), Duration::ZERO);
    let collecting = tokio::spawn(collecting);
    let gone = async {
        while is_here(&alice, b"named by nothing").await {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, gone).await.expect("it is collected");
    assert!(is_here(&alice, b"kept").await);
    alice.stop().await;
    timeout(DEADLINE, collecting).await.expect("it ends with the daemon").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_as_here_and_is_not_is_a_fault() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"1")]).await;
    let context = alice.ops().context("main").await.unwrap().id;
    let hash = BlobHash::of(b"gone");
    let earned = Record::Earned { context, hash, size: 4 };
    alice.store().apply(vec![earned]).await.unwrap();
    let everything = RefRequest { reference: None };
    let verified = alice.ops().verify(&everything, &Reporter::silent()).await.unwrap();
    assert_eq!((verified.blobs, verified.not_here, verified.faults.len()), (1, 0, 1));
    assert_eq!(verified.faults[0].id, hash.to_string());
    alice.stop().await;
}

//  carol <-- bob --x alice
#[tokio::test(flavor = "multi_thread")]
async fn an_author_who_is_away_does_not_keep_others_from_coming() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let home = tempfile::tempdir().unwrap();
    let (alice, carol) = (start(&homes[0], "alice").await, start(&homes[1], "carol").await);
    let bob = start(&home, "bob").await;
    let names: Vec<String> = (0..300).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"1"[..])).collect();
    push(&alice, "many", &files).await;
    push(&carol, "one", &[("a", b"2")]).await;
    for author in [&alice, &carol] {
        follow(&bob, &share(author, "main", None).await, Policy::Lazy).await.unwrap();
    }
    alice.stop().await;
    let all = RefRequest { reference: None };
    let fetched = bob.ops().fetch(&all, &Reporter::silent()).await.unwrap();
    assert_eq!((fetched.files, fetched.missing), (1, vec!["alice:many".to_owned()]));
    carol.stop().await;
    let fetched = bob.ops().fetch(&all, &Reporter::silent()).await.unwrap();
    assert_eq!((fetched.files, fetched.already_here), (1, 1));
    bob.stop().await;
}

/// Puts a copy of a home's database back in its place.
fn put_back(home: &tempfile::TempDir, copy: &std::path::Path) {
    let staged = home.path().join("meta.redb.back");
    std::fs::copy(copy, &staged).unwrap();
    std::fs::rename(&staged, home.path().join("meta.redb")).unwrap();
}

//  alice <-- bob, whose database is put back from before he pushed and fetched
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_database_does_not_know_of_stays_until_it_is_asked_for() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let alice = start(&homes[0], "alice").await;
    let bob = start_with(&homes[1], "bob", NO_TRASH).await;
    push(&bob, "one", &[("a", b"known")]).await;
    push(&alice, "hers", &[("b", b"of alice")]).await;
    follow(&bob, &share(&alice, "main", None).await, Policy::Heads).await.unwrap();
    until(&bob, async || content(&bob, "alice:hers").await.ok()).await;
    bob.stop().await;
    let copy = homes[1].path().join("backup");
    std::fs::copy(homes[1].path().join("meta.redb"), &copy).unwrap();
    let bob = start_with(&homes[1], "bob", NO_TRASH).await;
    push(&bob, "two", &[("a", b"pushed since")]).await;
    bob.stop().await;
    put_back(&homes[1], &copy);

    // The next start, which finds nothing special, remembers it.
    for _ in 0..2 {
        let bob = start_with(&homes[1], "bob", NO_TRASH).await;
        assert!(bob.ops().status().await.unwrap().collections_held);
        drop(bob.blobs().import_bytes(&b"named by nothing"[..]).await.unwrap());
        bob.ops().collect_by_itself().await;
        assert!(is_here(&bob, b"pushed since").await && is_here(&bob, b"named by nothing").await);
        bob.stop().await;
    }
    let bob = start_with(&homes[1], "bob", NO_TRASH).await;
    let freed = bob.ops().leave("alice/main", Leaving::Drop).await.unwrap().freed.unwrap();
    assert_eq!((freed.blobs, freed.pending), (0, false));
    assert!(is_here(&bob, b"pushed since").await && is_here(&bob, b"of alice").await);

    let freed = bob.ops().free().await.unwrap();
    assert_eq!((freed.blobs, freed.pending), (3, false));
    assert!(is_here(&bob, b"known").await && !is_here(&bob, b"pushed since").await);
    assert!(!bob.ops().status().await.unwrap().collections_held);
    bob.stop().await;
    let bob = start_with(&homes[1], "bob", NO_TRASH).await;
    drop(bob.blobs().import_bytes(&b"named by nothing"[..]).await.unwrap());
    bob.ops().collect_by_itself().await;
    assert!(!is_here(&bob, b"named by nothing").await);
    bob.stop().await;
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_lost_its_database_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"1")]).await;
    alice.stop().await;
    let (database, kept) = (home.path().join("meta.redb"), home.path().join("kept"));
    std::fs::rename(&database, &kept).unwrap();
    let error = Daemon::start(Options::local(home.path(), "alice")).await.unwrap_err();
    assert!(error.to_string().contains("meta.redb is missing"), "{error}");
    assert!(error.hint().unwrap().contains("blobs"), "{error}");
    assert!(!database.exists(), "nothing is made in its place");

    std::fs::rename(&kept, &database).unwrap();
    let alice = start(&home, "alice").await;
    assert_eq!(content(&alice, "one").await.unwrap(), b"1");
    let user = alice.user();
    alice.stop().await;
    // The way out that the hint names.
    std::fs::remove_file(&database).unwrap();
    std::fs::rename(home.path().join("blobs"), home.path().join("old")).unwrap();
    let alice = start(&home, "alice").await;
    assert_eq!(alice.user(), user);
    assert!(!alice.ops().status().await.unwrap().collections_held);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_over_blobs_of_another_keeps_them() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"1")]).await;
    alice.stop().await;
    std::fs::remove_file(home.path().join("meta.redb")).unwrap();
    std::fs::remove_dir_all(home.path().join("keys")).unwrap();
    let alice = start(&home, "alice").await;
    alice.ops().collect_by_itself().await;
    assert!(is_here(&alice, b"1").await);
    alice.stop().await;
}
