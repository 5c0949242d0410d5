//! Frames compared and found.

use dsp_protocol::api::{ChangeName, ContentDiff, FrameDiff, SearchHit};

use super::*;
use crate::ops::{Bytes, SearchFilter};

async fn diff(daemon: &Daemon, from: &str, to: Option<&str>) -> Result<FrameDiff, Problem> {
    daemon.ops().diff(from, to, Bytes::Compared).await
}

async fn found(daemon: &Daemon, query: &str) -> Vec<SearchHit> {
    let (mut hits, mut cursor) = (Vec::new(), None);
    loop {
        let filter = SearchFilter { query: query.to_owned(), context: None, mine: false };
        let paging = Paging { limit: Some(2), cursor };
        let page = daemon.ops().search(&filter, &paging).await.unwrap();
        hits.extend(page.items.into_iter().map(|hit| serde_json::from_value(hit).unwrap()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return hits;
        }
    }
}

async fn push_with(daemon: &Daemon, stack: &str, message: &str, auc: f64) -> Pushed {
    let hash = daemon.blobs().import_bytes(message.as_bytes().to_vec()).await.unwrap();
    let file =
        NewFile { path: "a".to_owned(), source: None, hash: Some(hash.hash), ..NewFile::default() };
    let mut new = new_frame(stack, vec![file]);
    new.message = message.to_owned();
    new.metrics.insert("auc".to_owned(), auc.into());
    new.params.insert("Region".to_owned(), "EU".into());
    daemon.ops().push(new, &Reporter::silent()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_go_and_change() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let old = [("a.txt", &b"1\n"[..]), ("b/gone", b"x"), ("same", b"s"), ("t.csv", b"id,v\n1,2\n")];
    push(&alice, "one", &old).await;
    let new = [("a.txt", &b"2\n"[..]), ("b/new", b"\0"), ("same", b"s"), ("t.csv", b"id,v\n1,3\n")];
    push(&alice, "one", &new).await;
    let whole = diff(&alice, "one", None).await.unwrap();
    assert_eq!(diff(&alice, "one@head~1", Some("one")).await.unwrap(), whole);
    let paths: Vec<_> = whole.files.iter().map(|file| (&*file.path, file.change)).collect();
    let expected = [
        ("a.txt", ChangeName::Changed),
        ("b/gone", ChangeName::Removed),
        ("b/new", ChangeName::Added),
        ("t.csv", ChangeName::Changed),
    ];
    assert_eq!(paths, expected);
    let counts = whole.counts;
    assert_eq!((counts.added, counts.removed, counts.changed, counts.same), (1, 1, 2, 1));
    match &whole.files[0].content {
        Some(ContentDiff::Text { unified, .. }) => assert_eq!(unified, "@@ -1 +1 @@\n-1\n+2\n"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(whole.files[3].content, Some(ContentDiff::Table(_))));
    let back = diff(&alice, "one", Some("one@head~1")).await.unwrap();
    assert_eq!((back.counts.added, back.counts.bytes), (1, -counts.bytes));
    // A first frame is compared with nothing.
    let first = diff(&alice, "one@head~1", None).await.unwrap();
    assert_eq!((first.from.frame, first.counts.added), (None, 4));
    let stat = alice.ops().diff("one", None, Bytes::Left).await.unwrap();
    assert!(stat.files.iter().all(|file| file.content.is_none()));
    assert_eq!(diff(&alice, "one#a.txt", None).await.unwrap_err().code, ProblemCode::BadRequest);
    alice.stop().await;
}

//  alice <-- bob, who has the frames and not the bytes
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_is_named_and_not_brought() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a.txt", b"1")]).await;
    push(&alice, "one", &[("a.txt", b"2")]).await;
    follow(&bob, &share(&alice, "main", None).await, Policy::Lazy).await.unwrap();
    let differs = until(&bob, async || diff(&bob, "alice:one", None).await.ok()).await;
    match &differs.files[0].content {
        Some(ContentDiff::NotHere { missing }) => {
            assert_eq!(missing.len(), 2);
            assert!(missing.iter().all(|missing| missing.ends_with("#a.txt")), "{missing:?}");
            let fetch = RefRequest { reference: Some(missing[0].clone()) };
            bob.ops().fetch(&fetch, &Reporter::silent()).await.unwrap();
        }
        other => panic!("{other:?}"),
    }
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_found_the_latest_first_and_in_pages() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let mut frames = Vec::new();
    for n in 0..5 {
        frames
            .push(push_with(&alice, "model", &format!("try {n}"), 0.1 * f64::from(n)).await.frame);
    }
    push_with(&alice, "other", "Another TRY", 0.9).await;
    let hits = found(&alice, "name:model try").await;
    assert_eq!(hits.len(), 5);
    assert!(hits.iter().map(|hit| hit.frame).eq(frames.iter().rev().copied()), "{hits:?}");
    assert_eq!((hits[0].frame, hits[0].head), (frames[4], true));
    assert_eq!(found(&alice, "try").await.len(), 6);
    assert_eq!(found(&alice, "metric:auc>=0.3 param:region=eu").await.len(), 3);
    assert_eq!(found(&alice, "tr*").await, vec![]);
    // Of what is removed nothing is found.
    alice.ops().remove_stack("other").await.unwrap();
    assert_eq!(found(&alice, "another").await, vec![]);
    let bad = SearchFilter { query: "metric:a>b".to_owned(), ..SearchFilter::default() };
    let bad = alice.ops().search(&bad, &Paging::default()).await.unwrap_err();
    assert_eq!(bad.code, ProblemCode::BadRequest);
    alice.stop().await;
}
