//! Transfers between daemons: paused, resumed, limited.

use dsp_protocol::api::{DirectionName, PauseTransfer};

use super::*;

const ALL: PauseTransfer = PauseTransfer { id: None };

//  alice ~~x~~> bob, whose transfers are paused, over a restart too
#[tokio::test(flavor = "multi_thread")]
async fn paused_transfers_wait_until_they_are_resumed() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "one", &[("a", b"hers")]).await;
    assert!(bob.ops().pause_transfers(&ALL, true).await.unwrap().paused);
    bob.stop().await;
    let bob = start(&homes[1], "bob").await;
    assert!(bob.ops().transfers().await.unwrap().paused);
    follow(&bob, &share(&alice, "main", None).await, Policy::Heads).await.unwrap();
    let waiting = until(&bob, async || {
        let list = bob.ops().transfers().await.unwrap();
        list.transfers.into_iter().find(|transfer| transfer.direction == DirectionName::In)
    });
    let waiting = waiting.await;
    assert_eq!((waiting.paused, waiting.bytes, waiting.bytes_total), (true, 0, Some(4)));
    assert_eq!(waiting.label.as_deref(), Some("alice/main"));
    assert!(content(&bob, "alice:one").await.is_err());
    let unknown = PauseTransfer { id: Some(99) };
    let unknown = bob.ops().pause_transfers(&unknown, true).await.unwrap_err();
    assert_eq!(unknown.code, ProblemCode::NotFound);
    bob.ops().pause_transfers(&ALL, false).await.unwrap();
    until(&bob, async || content(&bob, "alice:one").await.ok()).await;
    assert_eq!(bob.blobs().lanes().up.passed_bytes(), 0);
    assert!(bob.blobs().lanes().down.passed_bytes() >= 4);
    assert!(alice.blobs().lanes().up.passed_bytes() >= 4);
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_change_without_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let alice = start_with(&home, "alice", &[("net.limit_down", "2MB")]).await;
    let lanes = alice.blobs().lanes();
    assert_eq!((lanes.up.rate(), lanes.down.rate()), (None, Some(2_000_000)));
    let set = |rate: &str| {
        let value = serde_json::Value::from(rate);
        serde_json::Map::from_iter([("net.limit_up".to_owned(), value)])
    };
    alice.ops().change_settings(&set("500KB")).await.unwrap();
    assert_eq!(lanes.up.rate(), Some(500_000));
    let refused = alice.ops().change_settings(&set("1KB")).await.unwrap_err();
    assert!(refused.detail.contains("stalled"), "{refused:?}");
    alice.ops().change_settings(&set("0")).await.unwrap();
    assert_eq!(lanes.up.rate(), None);
    alice.stop().await;
}
