//! Lists of files and of frames, however they were made.

use dsp_protocol::api::WidgetInfo;
use dsp_protocol::cbor::Map;
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::object::directory::{Entry, EntryKind, Node};
use dsp_protocol::object::{BlobRef, Directory, Files, Frame, Mode};
use dsp_protocol::sync::Command;

use super::*;

/// Files that the bomb unfolds to.
const UNFOLDED: u64 = 1 << 30;

async fn context(daemon: &Daemon, label: &str) -> ContextId {
    daemon.ops().context(label).await.unwrap().id
}

/// Pushes a frame whose three directory objects name each other 1,024 times each.
async fn push_bomb(daemon: &Daemon, stack: &str) -> FrameId {
    let mut keeps = Vec::new();
    let mut blobs: Vec<(BlobHash, u64)> = Vec::new();
    let mut below = BlobRef::of(b"x");
    let mut take = async |bytes: Vec<u8>| {
        blobs.push((BlobHash::of(&bytes), bytes.len() as u64));
        keeps.push(daemon.blobs().import_bytes(bytes).await.unwrap().keep);
    };
    take(b"x".to_vec()).await;
    for kind in [EntryKind::File(Mode::Plain), EntryKind::Folder, EntryKind::Folder] {
        let entry = |n: u32| {
            let (name, blob) = (format!("{n:04}"), below.clone());
            Entry { name, blob, kind, extra: Map::new() }
        };
        let object = Directory::new(Node::Leaf((0..1024).map(entry).collect()));
        let bytes = object.encode().unwrap();
        below = BlobRef::of(&bytes);
        take(bytes).await;
    }
    let frame = Frame { files: Files::Tree(below), ..Frame::default() };
    let bytes = frame.encode().unwrap();
    let id = FrameId::of(&bytes);
    daemon.blobs().sync([]).await.unwrap();
    let command = Command::Push {
        context: context(daemon, "main").await,
        stack: stack.parse().unwrap(),
        frame: bytes,
        blobs,
        tags: Vec::new(),
    };
    daemon.node().run(command).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_unfolds_without_end_costs_its_reader_nothing() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let bomb = push_bomb(&alice, "bomb").await;
    let ticket = share(&alice, "main", None).await;
    let followed = follow(&bob, &ticket, Policy::Heads).await.unwrap();
    assert_eq!(followed.stacks[0].reference, "alice:bomb");

    let shown = timeout(DEADLINE, async {
        let frame = bob.ops().frame("alice:bomb").await.unwrap();
        assert_eq!((frame.id, frame.files_total, frame.bytes), (bomb, UNFOLDED, UNFOLDED));
        assert_eq!(frame.files.len(), 100);
        let all = StackFilter { context: Some("*".to_owned()), ..StackFilter::default() };
        let stacks = bob.ops().stacks(&all, &Paging::default()).await.unwrap();
        assert_eq!(stacks.items[0]["head"]["files"], UNFOLDED);
        let log = bob.ops().log("alice:bomb", &Paging::default()).await.unwrap();
        assert_eq!(log.items[0]["bytes"], UNFOLDED);
        // Of the same byte, again and again.
        let context = bob.ops().context("alice/main").await.unwrap();
        assert_eq!(context.bytes, 1);
        assert_eq!(alice.ops().readable("main").await.unwrap().bytes, 1);
        let refused = bob.ops().readable("alice/main").await.unwrap_err();
        assert_eq!(refused.code, ProblemCode::Refused, "who may not share is told so first");
        let one = "alice:bomb#0007/1023/0512";
        until(&bob, async || content(&bob, one).await.ok().filter(|bytes| bytes == b"x")).await;

        let problem = bob.ops().files("alice:bomb", &Paging::default()).await.unwrap_err();
        assert_eq!(problem.code, ProblemCode::TooLarge, "{}", problem.detail);
        let all = RefRequest { reference: Some("alice:bomb".to_owned()) };
        let problem = bob.ops().fetch(&all, &Reporter::silent()).await.unwrap_err();
        assert_eq!(problem.code, ProblemCode::TooLarge, "{}", problem.detail);
        for reference in [None, Some("alice:bomb".to_owned())] {
            let request = RefRequest { reference };
            let verified = bob.ops().verify(&request, &Reporter::silent()).await.unwrap();
            assert_eq!((verified.blobs, verified.not_here, verified.faults), (4, 0, vec![]));
        }
    });
    shown.await.expect("it takes as long as its objects are many");
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_lists_nonsense_hides_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "good", &[("a", b"1")]).await;
    let nonsense = alice.blobs().import_bytes(&b"no directory"[..]).await.unwrap();
    let root = BlobRef::new(nonsense.hash, nonsense.size);
    let frame = Frame { files: Files::Tree(root), ..Frame::default() };
    let command = Command::Push {
        context: context(&alice, "main").await,
        stack: "bad".parse().unwrap(),
        frame: frame.encode().unwrap(),
        blobs: vec![(nonsense.hash, nonsense.size)],
        tags: Vec::new(),
    };
    alice.node().run(command).await.unwrap();
    let stacks = alice.ops().stacks(&StackFilter::default(), &Paging::default()).await.unwrap();
    let files: Vec<_> = stacks.items.iter().map(|stack| stack["head"]["files"].as_u64()).collect();
    assert_eq!(files, [None, Some(1)]);
    assert_eq!(alice.ops().contexts(&Paging::default()).await.unwrap().items.len(), 1);
    let problem = alice.ops().files("bad", &Paging::default()).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Corrupt);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_they_ended_whatever_is_pushed() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let names: Vec<String> = (0..300).map(|n| format!("d{}/f{n:03}", n % 5)).collect();
    let mut files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let mut pushed = Vec::new();
    for stack in ["a", "b", "c"] {
        pushed.push(push(&alice, stack, &files).await.frame.to_string());
        files[0].1 = stack.as_bytes();
    }

    for bytes in [b"1", b"2", b"3"] {
        pushed.push(push(&alice, "line", &[("x", bytes)]).await.frame.to_string());
    }
    let two = |cursor: Option<String>| Paging { limit: Some(2), cursor };
    let of = |page: &dsp_protocol::api::Page, key: &str| -> Vec<String> {
        page.items.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
    };

    let first = alice.ops().stacks(&StackFilter::default(), &two(None)).await.unwrap();
    assert_eq!(of(&first, "name"), ["line", "c"]);
    let log = alice.ops().log("line", &two(None)).await.unwrap();
    assert_eq!(of(&log, "id"), [pushed[5].clone(), pushed[4].clone()]);
    let some = Paging { limit: Some(100), cursor: None };
    let listed = alice.ops().files("a", &some).await.unwrap();

    push(&alice, "line", &[("x", b"4")]).await;
    push(&alice, "a", &[("other", b"4")]).await;
    push(&alice, "new", &[("other", b"4")]).await;

    let next = alice.ops().stacks(&StackFilter::default(), &two(first.next_cursor)).await.unwrap();
    assert_eq!((of(&next, "name"), &next.next_cursor), (vec!["b".to_owned()], &None));
    let next = alice.ops().log("line", &two(log.next_cursor)).await.unwrap();
    assert_eq!((of(&next, "id"), &next.next_cursor), (vec![pushed[3].clone()], &None));
    // The files are those of the frame that was listed first.
    let (mut paths, mut cursor) = (of(&listed, "path"), listed.next_cursor);
    while let Some(place) = cursor {
        let page = Paging { limit: Some(100), cursor: Some(place) };
        let page = alice.ops().files("a", &page).await.unwrap();
        paths.extend(of(&page, "path"));
        cursor = page.next_cursor;
    }
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(paths, expected);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frame_says_of_its_widgets_comes_to_followers() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let named = |label: &str| {
        let widget = WidgetInfo {
            kind: Some("slider".to_owned()),
            label: Some(label.to_owned()),
            unit: Some("km".to_owned()),
            default: Some(serde_json::json!(0.5)),
            values: vec![serde_json::json!(2), serde_json::json!(0.5)],
            order: Some(1),
            hidden: false,
        };
        let widgets = [("n".to_owned(), widget)].into();
        NewFrame { widgets, ..new_frame("plot", Vec::new()) }
    };
    let ops = alice.ops();
    let silent = Reporter::silent();
    let pushed = ops.push(named("Distance"), &silent).await.unwrap();
    assert!(ops.push(named("Distance"), &silent).await.unwrap().unchanged);
    assert!(!ops.push(named("Way"), &silent).await.unwrap().unchanged);
    let told = ops.frame(&format!("plot@{}", pushed.frame)).await.unwrap();
    assert_eq!(told.widgets, named("Distance").widgets);
    let ticket = share(&alice, "main", None).await;
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    let told = bob.ops().frame("alice:plot").await.unwrap();
    assert_eq!(told.widgets, named("Way").widgets);
    // All that she offered is here, which is when they were last in step.
    until(&bob, async || {
        let peer = bob.ops().peer("alice").await.ok()?;
        peer.devices.iter().any(|device| device.synced.is_some()).then_some(())
    })
    .await;
    alice.stop().await;
    bob.stop().await;
}
