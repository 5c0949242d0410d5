//! Archives that are taken in.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dsp_protocol::api::{ExportArchive, FollowState};
use dsp_protocol::id::ContextId;
use futures::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::*;

/// Returns an archive of the first context of a daemon, and the context.
async fn exported(daemon: &Daemon) -> (ContextId, Vec<u8>) {
    let id = daemon.ops().context("main").await.unwrap().id;
    let what = vec!["main".to_owned()];
    let wanted = ExportArchive { what, heads: false, since: None, ticket: None };
    let mut pieces = Box::pin(daemon.ops().export_archive(wanted).await.unwrap());
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    (id, bytes)
}

async fn knows(daemon: &Daemon, context: ContextId) -> bool {
    daemon.node().query(move |engine| engine.context(context).is_some()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_caller_goes_is_ended_in_order() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "data", &[("a.txt", b"0")]).await;
    let (context, archive) = exported(&alice).await;
    let (pieces, stream) = mpsc::channel::<io::Result<Bytes>>(1);
    let ops = Arc::clone(bob.ops());
    let importing =
        tokio::spawn(async move { ops.import_archive(ReceiverStream::new(stream)).await });
    for piece in archive.chunks(32) {
        pieces.send(Ok(Bytes::copy_from_slice(piece))).await.unwrap();
        if knows(&bob, context).await {
            break;
        }
    }
    assert!(knows(&bob, context).await, "it began");
    importing.abort();
    assert!(importing.await.unwrap_err().is_cancelled());
    drop(pieces);
    // Nothing was right of it, so nothing is left of it.
    until(&bob, async || (!knows(&bob, context).await).then_some(())).await;
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_archive_brings_makes_no_bytes_come_by_themselves() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "data", &[("a.txt", b"0")]).await;
    let (_, archive) = exported(&alice).await;
    let stream = futures::stream::iter([Ok(Bytes::from(archive))]);
    let taken = bob.ops().import_archive(stream).await.unwrap();
    let context = taken.context;
    assert_eq!((context.state, context.policy), (FollowState::Archived, Policy::Lazy));
    assert_eq!(content(&bob, "alice:data").await.unwrap(), b"0", "what it holds is here");
    alice.stop().await;
    bob.stop().await;
}
