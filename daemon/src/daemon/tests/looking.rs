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

//  as the clients for Python and R push: nothing is said of the frame
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_attachments_is_found() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let hash = alice.blobs().import_bytes(b"a\n1\n".to_vec()).await.unwrap().hash;
    let file = |path: &str, region: &str| NewFile {
        path: path.to_owned(),
        hash: Some(hash),
        text: Some(format!("My plot of {region}")),
        params: [("Region".to_owned(), region.into())].into_iter().collect(),
        ..NewFile::default()
    };
    let new = new_frame("plots", vec![file("a", "EU"), file("b", "US")]);
    alice.ops().push(new, &Reporter::silent()).await.unwrap();
    for query in ["\"plot of eu\"", "param:region=us", "region plots EU", "param:region!=us"] {
        assert_eq!(found(&alice, query).await.len(), 1, "{query}");
    }
    for query in ["param:region=uk", "message:plot", "\"plot of uk\""] {
        assert_eq!(found(&alice, query).await.len(), 0, "{query}");
    }
    alice.stop().await;
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

#[cfg(feature = "tables")]
mod columns {
    use super::*;

    fn columns(hits: &[SearchHit]) -> Vec<String> {
        let columns = hits.iter().flat_map(|hit| &hit.columns);
        columns.map(|c| format!("{} of {} is {}", c.name, c.path, c.type_name)).collect()
    }

    const CSV: &[u8] = b"Unit_Price,when\n1.5,2024-02-29\n";
    /// What says that the first column is of decimals.
    const NOTE: &[u8] = br#"{"tableSchema":{"columns":[
        {"titles":"Unit_Price","dsp:type":"decimal(10, 2)"},{"titles":"when","datatype":"date"}]}}"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn columns_of_tables_are_found_and_named() {
        let home = tempfile::tempdir().unwrap();
        let alice = start(&home, "alice").await;
        push(
            &alice,
            "sales",
            &[("report.csv", CSV), ("other.txt", b"price"), ("b.csv", b"x\n1\n")],
        )
        .await;
        push(&alice, "noted", &[("n.csv", CSV), ("n.csv-metadata.json", NOTE)]).await;
        let hits = found(&alice, "PRICE").await;
        let told = ["Unit_Price of n.csv is decimal(10, 2)", "Unit_Price of report.csv is float64"];
        assert_eq!(columns(&hits), told);
        assert_eq!(found(&alice, "column:unit_price=float64").await.len(), 1);
        assert_eq!(found(&alice, "column:when=date name:sales").await[0].stack, "sales");
        assert_eq!(columns(&found(&alice, "name:sales").await), [""; 0]);
        assert_eq!(found(&alice, "column:price").await, vec![]);
        // Of what is removed nothing is found.
        alice.ops().remove_stack("sales").await.unwrap();
        assert_eq!(columns(&found(&alice, "price").await), told[..1]);
        alice.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tables_of_a_folder_are_found() {
        let home = tempfile::tempdir().unwrap();
        let alice = start(&home, "alice").await;
        let names: Vec<String> = (0..300).map(|n| format!("part/{n:03}.csv")).collect();
        let texts: Vec<Vec<u8>> = (0..300).map(|n| format!("x{n}\n1\n").into_bytes()).collect();
        let files: Vec<(&str, &[u8])> =
            names.iter().zip(&texts).map(|(name, text)| (&**name, &**text)).collect();
        push(&alice, "folder", &files).await;
        let hits = until(&alice, async || {
            Some(found(&alice, "column:x299").await).filter(|hits| !hits.is_empty())
        });
        assert_eq!(columns(&hits.await), ["x299 of part/299.csv is int64"]);
        alice.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn columns_survive_a_restart_and_go_with_their_bytes() {
        let home = tempfile::tempdir().unwrap();
        let alice = start(&home, "alice").await;
        push(&alice, "one", &[("a.csv", CSV)]).await;
        push(&alice, "two", &[("b.csv", b"other_price\n1\n")]).await;
        assert_eq!(found(&alice, "price").await.len(), 2);
        alice.stop().await;
        let kept = home.path().join("cache/columns.2.jsonl");
        let text = std::fs::read_to_string(&kept).unwrap();
        assert_eq!(text.matches("\"Unit_Price\"").count(), 1, "{text}");
        // What is kept is taken as it stands: nothing is read a second time. What a crash left half
        // written is passed over.
        let gone = dsp_protocol::id::BlobHash::from_bytes([7; 32]);
        let line = format!("{{\"hash\":\"{gone}\",\"format\":\"csv\",\"columns\":[]}}\n{{\"half");
        std::fs::write(&kept, text.replace("other_price", "changed_price") + &line).unwrap();
        let alice = start(&home, "alice").await;
        let told = ["changed_price of b.csv is int64", "Unit_Price of a.csv is float64"];
        assert_eq!(columns(&found(&alice, "price").await), told);
        push(&alice, "three", &[("c.csv", b"third_price\n1\n")]).await;
        assert_eq!(found(&alice, "price").await.len(), 3);
        let kept_now = || std::fs::read_to_string(&kept).unwrap();
        assert!(kept_now().contains(&gone.to_string()));
        alice.ops().forget_derived().await;
        assert!(!kept_now().contains(&gone.to_string()), "its bytes are not here");
        for name in ["Unit_Price", "changed_price", "third_price"] {
            assert_eq!(kept_now().matches(name).count(), 1, "{name}");
        }
        // Without the file everything is read again.
        alice.stop().await;
        std::fs::remove_file(&kept).unwrap();
        let alice = start(&home, "alice").await;
        assert_eq!(columns(&found(&alice, "other_price").await), ["other_price of b.csv is int64"]);
        alice.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_lies_about_its_columns_holds_nothing_up() {
        let home = tempfile::tempdir().unwrap();
        let alice = start(&home, "alice").await;
        let mut long = b"PAR1".to_vec();
        long.extend([&[0; 64][..], &0x7fff_ffffu32.to_le_bytes(), b"PAR1"].concat());
        let many = vec!["spam"; 5_000].join(",").into_bytes();
        let wide = format!("{}\n1,2\n", "spam_".repeat(100_000)).into_bytes();
        let endless = [&b"{\"spam\":\""[..], &vec![b'x'; 3 << 20]].concat();
        let files: [(&str, &[u8]); 5] = [
            ("long.parquet", &long),
            ("many.csv", &many),
            ("wide.csv", &wide),
            ("endless.jsonl", &endless),
            ("no.arrow", b"ARROW1"),
        ];
        push(&alice, "hostile", &files).await;
        push(&alice, "good", &[("a.csv", CSV)]).await;
        assert_eq!(found(&alice, "price").await.len(), 1);
        assert_eq!(found(&alice, "spam").await.len(), 0);
        let page = alice
            .ops()
            .search(
                &SearchFilter { query: "spam".into(), ..SearchFilter::default() },
                &Paging::default(),
            )
            .await;
        assert_eq!(page.unwrap().note, None, "they are not looked at again");
        alice.stop().await;
    }

    //  alice <-- bob, who has the same table of his own
    #[tokio::test(flavor = "multi_thread")]
    async fn columns_are_found_only_where_their_bytes_are_here() {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
        push(&alice, "one", &[("a.csv", CSV)]).await;
        push(&bob, "mine", &[("b.csv", CSV)]).await;
        follow(&bob, &share(&alice, "main", None).await, Policy::Lazy).await.unwrap();
        until(&bob, async || Some(found(&bob, "one").await).filter(|hits| !hits.is_empty())).await;
        let told = ["Unit_Price of b.csv is float64"];
        assert_eq!(columns(&found(&bob, "price").await), told);
        alice.stop().await;
        bob.stop().await;
    }

    //  alice <-- bob, who has the frame, and the bytes only once he asks for them
    #[tokio::test(flavor = "multi_thread")]
    async fn a_follower_finds_columns_once_the_bytes_are_here() {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
        push(&alice, "one", &[("a.csv", CSV)]).await;
        follow(&bob, &share(&alice, "main", None).await, Policy::Lazy).await.unwrap();
        until(&bob, async || Some(found(&bob, "one").await).filter(|hits| !hits.is_empty())).await;
        assert_eq!(found(&bob, "price").await, vec![]);
        let fetch = RefRequest { reference: Some("alice:one".to_owned()) };
        bob.ops().fetch(&fetch, &Reporter::silent()).await.unwrap();
        let told = ["Unit_Price of a.csv is float64"];
        assert_eq!(columns(&found(&bob, "price").await), told);
        alice.stop().await;
        bob.stop().await;
    }
}
