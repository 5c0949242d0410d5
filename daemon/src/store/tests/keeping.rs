//! Pins, quotas, bytes in use, and what was let go.

use dsp_protocol::id::{DeviceId, StackId};

use super::*;
use crate::store::{Pin, PinKey, PinKind, Used};

async fn used(store: &Store, of: u8) -> (u64, u64) {
    let Used { context, all } = store.used(Some(context(of))).await.unwrap();
    (context, all)
}

#[tokio::test]
async fn bytes_are_counted_once_for_all_and_once_a_context() {
    let (store, _) = Stage::memory().open().await;
    store.apply(vec![context_record(1), context_record(2)]).await.unwrap();
    store.apply(vec![earned(1, 3), earned(2, 3), earned(1, 4)]).await.unwrap();
    store.apply(vec![earned(1, 3)]).await.unwrap();
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((7, 7), (3, 7)));
    store.apply(vec![dropped(1, 4)]).await.unwrap();
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((3, 3), (3, 3)));
    store.unearn(vec![blob(3)]).await.unwrap();
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((0, 0), (0, 0)));
    store.apply(vec![earned(1, 3), earned(2, 3), earned(2, 5)]).await.unwrap();
    store.apply(vec![Record::ForgetContext(context(2))]).await.unwrap();
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((3, 3), (0, 3)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_was_here_before_is_counted_by_the_migration() {
    let stage = Stage::memory();
    let (store, _) = stage.open().await;
    store.apply(vec![context_record(1), earned(1, 3), earned(2, 3), earned(1, 4)]).await.unwrap();
    store.close().await.unwrap();
    stage.tamper(|tx| {
        assert!(tx.delete_table(tables::USED).unwrap());
        crate::store::keeping::count_all(tx).unwrap();
    });
    let (store, _) = stage.open().await;
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((7, 7), (3, 7)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_was_let_go_is_so_until_it_is_wanted_or_here_again() {
    let (store, _) = Stage::memory().open().await;
    store.apply(vec![context_record(1), earned(1, 3), dropped(1, 3)]).await.unwrap();
    assert!(!store.earned(context(1), vec![blob(3)]).await.unwrap());
    assert_eq!(store.restore().await.unwrap(), [context_record(1), dropped(1, 3)]);
    store.apply(vec![want(1, 3)]).await.unwrap();
    assert_eq!(store.restore().await.unwrap(), [context_record(1), want(1, 3)]);
    store.apply(vec![dropped(1, 4), earned(1, 4)]).await.unwrap();
    assert_eq!(store.restore().await.unwrap(), [context_record(1), earned(1, 4), want(1, 3)]);
    let lost = store.lost_set(context(1), vec![blob(3)]).await.unwrap();
    assert!(lost.is_empty(), "what was let go is no loss");
    store.close().await.unwrap();
}

fn pin(of: u8, frame: Option<u8>, kind: PinKind) -> Pin {
    let id = |n| FrameId::from_bytes([n; 32]);
    Pin {
        key: PinKey {
            context: context(of),
            user: user(1),
            stack: StackId::from_bytes([2; 16]),
            frame: frame.map(id),
        },
        kind,
        since: -5,
        frames: vec![id(7), id(8)],
    }
}

#[tokio::test]
async fn pins_come_back_and_outlive_their_context() {
    let stage = Stage::memory();
    let (store, _) = stage.open().await;
    let pins =
        [pin(1, None, PinKind::Heads), pin(1, Some(9), PinKind::Frame), pin(2, None, PinKind::All)];
    for pin in pins.clone() {
        assert!(store.set_pin(pin).await.unwrap());
    }
    store.set_pinned(context(1), [blob(1), blob(2)].into()).await.unwrap();
    store.set_pinned(context(1), [blob(2), blob(3)].into()).await.unwrap();
    store.set_pinned(context(2), [blob(4)].into()).await.unwrap();
    store.apply(vec![Record::ForgetContext(context(1))]).await.unwrap();
    store.close().await.unwrap();
    let (store, _) = stage.open().await;
    let mut expected = Vec::from(pins);
    expected.sort_by_key(|pin| pin.key);
    let mut found = store.pins().await.unwrap();
    found.sort_by_key(|pin| pin.key);
    assert_eq!(found, expected);
    assert_eq!(store.pinned(Some(context(1))).await.unwrap(), [blob(2), blob(3)].into());
    assert_eq!(store.pinned(None).await.unwrap(), [blob(2), blob(3), blob(4)].into());
    store.remove_pins(vec![expected[0].key]).await.unwrap();
    assert_eq!(store.pins().await.unwrap().len(), 2);
    store.close().await.unwrap();
}

#[tokio::test]
async fn quotas_are_set_and_taken_away() {
    let (store, _) = Stage::memory().open().await;
    store.set_quota(context(1), Some(5)).await.unwrap();
    store.set_quota(context(2), Some(6)).await.unwrap();
    store.set_quota(context(1), None).await.unwrap();
    assert_eq!(store.quotas().await.unwrap(), [(context(2), 6)].into());
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_latest_holders_of_a_blob_are_remembered_and_no_more() {
    let (store, _) = Stage::memory().open().await;
    let device = |n: u8| DeviceId::from_bytes([n; 32]);
    for n in 0..12 {
        store.note_holders(vec![(blob(1), device(n))], i64::from(n)).await.unwrap();
    }
    store.note_holders(vec![(blob(1), device(5))], 100).await.unwrap();
    let holders = store.holders(vec![blob(1), blob(2)]).await.unwrap();
    let of: Vec<(DeviceId, i64)> = holders[&blob(1)].clone();
    let expected: Vec<(DeviceId, i64)> =
        [(4, 4), (5, 100), (6, 6), (7, 7), (8, 8), (9, 9), (10, 10), (11, 11)]
            .map(|(n, time)| (device(n), time))
            .to_vec();
    assert_eq!((of, holders[&blob(2)].len()), (expected, 0));
    store.close().await.unwrap();
}

#[tokio::test]
async fn sums_that_are_wrong_are_put_right_with_the_indexes() {
    let stage = Stage::memory();
    let (store, _) = stage.open().await;
    store.apply(vec![context_record(1), earned(1, 3), earned(1, 4)]).await.unwrap();
    store.close().await.unwrap();
    stage.tamper(|tx| {
        let mut used = tx.open_table(tables::USED).unwrap();
        used.insert(context(1).as_bytes(), 1_000).unwrap();
        used.insert(context(2).as_bytes(), 5).unwrap();
    });
    let (store, _) = stage.open().await;
    assert_eq!(used(&store, 1).await, (1_000, 7));
    assert_eq!(store.rebuild_indexes().await.unwrap(), 2);
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((7, 7), (0, 7)));
    assert_eq!(store.rebuild_indexes().await.unwrap(), 0);
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_is_withdrawn_from_a_context_is_left_in_others() {
    let (store, _) = Stage::memory().open().await;
    let frame = |of| {
        let bytes = dsp_protocol::object::Frame::default().encode().unwrap();
        let id = dsp_protocol::id::FrameId::of(&bytes);
        (id, Record::Frame { context: context(of), id, bytes })
    };
    let (id, _) = frame(1);
    store.apply(vec![context_record(1), context_record(2)]).await.unwrap();
    store.apply(vec![frame(1).1, frame(2).1, earned(1, 3), earned(2, 3)]).await.unwrap();
    let withdraw = |of| {
        let (context, hash) = (context(of), blob(3));
        vec![Record::WithdrawFrame { context, id }, Record::WithdrawBlob { context, hash }]
    };
    store.apply(withdraw(1)).await.unwrap();
    assert!(store.frames(context(1), vec![id]).await.unwrap().is_empty());
    assert_eq!(store.frames(context(2), vec![id]).await.unwrap().len(), 1);
    assert!(!store.earned(context(1), vec![blob(3)]).await.unwrap());
    assert!(store.earned(context(2), vec![blob(3)]).await.unwrap());
    assert_eq!((used(&store, 1).await, used(&store, 2).await), ((0, 3), (3, 3)));
    assert!(store.all_lost(10).await.unwrap().is_empty(), "it is not lost");
    // Again, and in the last context.
    store.apply(withdraw(1)).await.unwrap();
    store.apply(withdraw(2)).await.unwrap();
    assert!(store.frames(context(2), vec![id]).await.unwrap().is_empty());
    assert_eq!(used(&store, 2).await, (0, 0));
    store.close().await.unwrap();
}
