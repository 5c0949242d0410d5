//! Nothing acknowledged is lost and nothing is half done, whatever the disk does.

use super::*;

/// A batch of many tables and some pages, and the second of its kind.
fn batch(n: u8) -> Vec<Record> {
    vec![
        log(n, b"entry"),
        context_record(n),
        envelope(n, 0, 9, 1),
        redemption(n, 1),
        sized_frame(n, n, 20_000),
        earned(n, n),
        want(n, n),
    ]
}

/// Returns which of two batches are here, each whole.
async fn batches(store: &Store) -> Vec<u8> {
    let records = store.restore().await.unwrap();
    let mut found = Vec::new();
    for n in [1, 2] {
        let here = batch(n)
            .iter()
            .filter(|record| !matches!(record, Record::Earned { .. }))
            .filter(|record| records.contains(record))
            .count();
        let earned = store.earned(context(n), vec![blob(n)]).await.unwrap();
        match (here, earned) {
            (0, false) => {}
            (6, true) => found.push(n),
            _ => panic!("half of batch {n} is here: {here}, {earned}"),
        }
    }
    found
}

async fn open(disk: &Disk) -> Store {
    let backing = DiskBacking::new(disk.clone());
    Store::start(move || Ok(backing), schema::MIGRATIONS).await.unwrap().0
}

/// Returns a store with the first batch, and its disk.
async fn with_first_batch() -> (Store, Disk) {
    let disk = Disk::default();
    let store = open(&disk).await;
    store.apply(vec![Record::Incarnation(inc(1))]).await.unwrap();
    store.apply(batch(1)).await.unwrap();
    (store, disk)
}

#[tokio::test]
async fn every_single_failure_is_survived() {
    let (store, disk) = with_first_batch().await;
    let before = disk.changes();
    store.apply(batch(2)).await.unwrap();
    let changes = disk.changes() - before;
    assert!(changes > 5, "{changes}");
    for n in 0..changes + 2 {
        let (store, disk) = with_first_batch().await;
        disk.fail_once_in(n);
        let applied = store.apply(batch(2)).await;
        let failed = disk.mend();
        assert!(applied.is_ok() || failed);
        let found = batches(&store).await;
        assert!(found.starts_with(&[1]), "batch 1 was acknowledged, failure {n}");
        assert!(found == [1, 2] || applied.is_err(), "batch 2 was acknowledged, failure {n}");
        store.apply(batch(2)).await.unwrap();
        assert_eq!(batches(&store).await, [1, 2]);
        store.close().await.unwrap();
        assert_eq!(batches(&open(&disk).await).await, [1, 2]);
    }
}

#[tokio::test]
async fn a_broken_disk_is_used_again_once_it_is_mended() {
    let (store, _) = with_first_batch().await;
    drop(store);
    for n in 0..12 {
        let (store, disk) = with_first_batch().await;
        disk.fail_from(n);
        let applied = store.apply(batch(2)).await;
        if applied.is_ok() {
            continue;
        }
        assert!(store.apply(batch(2)).await.is_err());
        disk.mend();
        assert!(batches(&store).await.starts_with(&[1]));
        store.apply(batch(2)).await.unwrap();
        assert_eq!(batches(&store).await, [1, 2]);
    }
}

#[tokio::test]
async fn a_loss_of_power_loses_nothing_acknowledged() {
    let (store, disk) = with_first_batch().await;
    let before = disk.changes();
    store.apply(batch(2)).await.unwrap();
    let changes = disk.changes() - before;
    for n in 0..=changes {
        let (store, disk) = with_first_batch().await;
        disk.fail_from(n);
        let applied = store.apply(batch(2)).await;
        for seed in 0..4 {
            let image = disk.after_power_loss(seed);
            let found = batches(&open(&image).await).await;
            assert!(found.starts_with(&[1]), "batch 1 was acknowledged, change {n}, seed {seed}");
            let whole = found == [1, 2];
            assert!(whole || applied.is_err(), "batch 2 was, change {n}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_stops_writing_and_not_reading() {
    for free in 0..8 {
        let (store, disk) = with_first_batch().await;
        disk.leave_free(Some(free));
        let mut applied = 0;
        let error = loop {
            let frame = sized_frame(3, 100 + applied, 250_000);
            match store.apply(vec![frame]).await {
                Ok(()) => applied += 1,
                Err(error) => break error,
            }
        };
        assert!(error.disk_full(), "{free} blocks free: {error}");
        for _ in 0..3 {
            assert_eq!(batches(&store).await, [1]);
            let again = store.apply(vec![sized_frame(3, 99, 250_000)]).await;
            assert!(again.unwrap_err().disk_full());
        }
        let acknowledged: Vec<_> = (0..applied).map(|n| frame_bytes(100 + n, 250_000)).collect();
        let ids = acknowledged.iter().map(|(id, _)| *id).collect();
        assert_eq!(store.frames(context(3), ids).await.unwrap(), acknowledged);
        disk.leave_free(None);
        store.apply(batch(2)).await.unwrap();
        assert_eq!(batches(&store).await, [1, 2]);
    }
}
