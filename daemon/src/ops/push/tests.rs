//! Pushes whose callers go.

use std::sync::Arc;
use std::sync::mpsc::channel;

use dsp_protocol::object::Frame;
use dsp_protocol::sync::Command;

use crate::blobs::ForgetError;
use crate::daemon::{Daemon, Options};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_keeps_its_blobs_though_its_caller_goes() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(Options::local(home.path(), "alice")).await.unwrap();
    let ops = daemon.ops();
    let context = daemon.node().query(|engine| engine.contexts().next().unwrap().id());
    let context = context.await.unwrap();
    let imported = daemon.blobs().import_bytes(vec![7; 100_000]).await.unwrap();
    let hash = imported.hash;
    // Damage goes unless somebody holds the blob.
    std::fs::write(home.path().join(format!("blobs/data/{hash}.data")), vec![8; 100_000]).unwrap();

    // The engine is busy when the caller goes.
    let (release, released) = channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let node = daemon.node().clone();
    let busy = tokio::spawn(async move {
        let wait = move |_: &dsp_protocol::sync::Node| {
            begun.send(()).unwrap();
            released.recv().unwrap();
        };
        node.query(wait).await
    });
    begins.await.unwrap();
    let frame = Frame { message: "one".to_owned(), ..Frame::default() }.encode().unwrap();
    let (stack, blobs) = ("one".parse().unwrap(), vec![(hash, imported.size)]);
    let command = Command::Push { context, stack, frame, blobs, tags: Vec::new() };
    let pushing = Arc::clone(&ops.pushing).lock_owned().await;
    let mut publishing = Box::pin(ops.publish(command, vec![imported.keep], pushing));
    assert!(futures::poll!(&mut publishing).is_pending());
    drop(publishing);

    let forgotten = daemon.blobs().forget_corrupt(hash).await;
    assert!(matches!(forgotten, Err(ForgetError::InUse(_))), "{forgotten:?}");
    release.send(()).unwrap();
    busy.await.unwrap().unwrap();
    // The next push finds its turn, and the head of this one.
    let turn = ops.pushing.lock().await;
    assert!(ops.stack("one").await.unwrap().head.is_some());
    drop(turn);
    daemon.stop().await;
}
