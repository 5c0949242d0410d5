//! What happens while others are asked.

use std::sync::Arc;

use dsp_protocol::api::{DropMode, DropRequest, StayReason, Step};
use dsp_protocol::id::BlobHash;
use dsp_protocol::object::{Attachment, BlobRef, Files, Frame};
use dsp_protocol::sync::Command;
use tokio::sync::mpsc;

use crate::daemon::{Daemon, Options};
use crate::ops::Reporter;

fn frame(hash: BlobHash, size: u64, message: &str) -> Vec<u8> {
    let blob = BlobRef { hash, size, ..BlobRef::of(b"") };
    let file = Attachment::new("a.txt".parse().unwrap(), blob, "text/plain");
    let frame =
        Frame { message: message.to_owned(), files: Files::Listed(vec![file]), ..Frame::default() };
    frame.encode().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_again_while_others_were_asked_stays() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(Options::local(home.path(), "alice")).await.unwrap();
    let ops = Arc::clone(daemon.ops());
    let context = daemon.node().query(|engine| engine.contexts().next().unwrap().id());
    let context = context.await.unwrap();
    let imported = daemon.blobs().import_bytes(vec![7; 100_000]).await.unwrap();
    daemon.blobs().sync([]).await.unwrap();
    let (hash, size) = (imported.hash, imported.size);
    let push = |stack: &str| Command::Push {
        context,
        stack: stack.parse().unwrap(),
        frame: frame(hash, size, stack),
        blobs: vec![(hash, size)],
        tags: Vec::new(),
    };
    daemon.node().run(push("one")).await.unwrap();
    // Another push has its turn, and ends while the drop asks who else has the bytes.
    let turn = Arc::clone(&ops.pushing).lock_owned().await;
    let request = DropRequest { reference: "one".into(), all: false, mode: DropMode::Force };
    let (steps, mut told) = mpsc::channel(64);
    let dropping = {
        let ops = Arc::clone(&ops);
        tokio::spawn(async move { ops.drop_bytes(&request, &Reporter::new(steps)).await })
    };
    while !matches!(told.recv().await, Some(Step::Progress(_)) | None) {}
    daemon.node().run(push("two")).await.unwrap();
    drop(turn);
    let report = dropping.await.unwrap().unwrap();
    assert_eq!((report.files, report.stays_total, report.undo), (0, 1, None));
    assert_eq!(report.stays[0].why, StayReason::CurrentHead);
    let here = daemon.store().earned_set(context, vec![hash]).await.unwrap();
    assert_eq!(here.get(&hash), Some(&size));
    daemon.stop().await;
}
