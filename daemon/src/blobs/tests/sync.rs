//! Syncs: what is acknowledged, what is in doubt, and what a failure leaves.

use super::*;

#[tokio::test]
async fn what_was_synced_is_there_after_a_crash() {
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 100)).await;
        let large = home.add(data(2, 100_000)).await;
        home.blobs.sync([]).await.unwrap();
        // The database as a crash would leave it: nothing is written when a store is closed
        // properly that a copy of the files taken now lacks.
        let copy = tempfile::tempdir().unwrap();
        let (from, to) = (home.dir.path().join("blobs"), copy.path().join("blobs"));
        std::fs::create_dir_all(to.join("data")).unwrap();
        std::fs::copy(from.join("blobs.db"), to.join("blobs.db")).unwrap();
        for file in std::fs::read_dir(from.join("data")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join("data").join(file.file_name())).unwrap();
        }
        let crashed = Blobs::open(&to, home.index.clone()).await.unwrap();
        assert_eq!(crashed.verify(hash).await.unwrap(), 100);
        assert_eq!(crashed.verify(large).await.unwrap(), 100_000);
    })
    .await;
}

/// Rows that a store committed before their files were synced, as a loss of power leaves them.
#[tokio::test]
async fn what_is_in_doubt_counts_once_it_was_read() {
    within(async {
        let home = Home::new().await;
        let (sound, damaged) = (home.add(data(1, 90_000)).await, home.add(data(2, 90_000)).await);
        let earned = home.add(data(3, 90_000)).await;
        home.damage(damaged, 50_000);
        home.damage(earned, 50_000);
        home.written_before_now(earned);
        home.blobs.sync([]).await.unwrap();
        let doubtful = home.blobs.doubt(&HashSet::from([earned])).await.unwrap();
        assert_eq!(doubtful.len(), 2);
        let complete = Status::Complete { size: 90_000 };
        assert_eq!(home.blobs.status(damaged).await.unwrap(), Status::Missing);
        let error = home.blobs.read_all(damaged, 1 << 20).await.unwrap_err();
        assert!(matches!(error, ReadError::Missing(_)), "{error}");
        assert_eq!(home.blobs.status(sound).await.unwrap(), complete);
        // Not read: it was synced before it was earned.
        assert_eq!(home.blobs.status(earned).await.unwrap(), complete);
        home.blobs.settle_doubts(doubtful).await;
        assert!(!home.blobs.data_path(damaged).exists());
        assert!(home.blobs.data_path(sound).exists() && home.blobs.data_path(earned).exists());
        home.add(data(2, 90_000)).await;
        assert_eq!(home.blobs.status(damaged).await.unwrap(), complete);
    })
    .await;
}

#[tokio::test]
async fn what_was_imported_again_is_in_doubt_though_it_was_earned() {
    within(async {
        let home = Home::new().await;
        let [old, again] = [1, 2].map(|seed| data(seed, 90_000));
        let (old, hash) = (home.add(old).await, home.add(again.clone()).await);
        home.written_before_now(old);
        home.written_before_now(hash);
        home.blobs.sync([]).await.unwrap();
        let earned = HashSet::from([old, hash]);
        assert_eq!(home.blobs.doubt(&earned).await.unwrap(), []);
        home.damage(hash, 50_000);
        home.written_before_now(hash);
        home.add(again).await;
        assert_eq!(home.blobs.doubt(&earned).await.unwrap(), [hash]);
    })
    .await;
}

#[tokio::test]
async fn where_no_sync_is_known_of_everything_is_in_doubt() {
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        home.written_before_now(hash);
        home.blobs.sync([]).await.unwrap();
        let earned = HashSet::from([hash]);
        assert_eq!(home.blobs.doubt(&earned).await.unwrap(), []);
        std::fs::remove_file(home.blobs.dir.join("synced")).unwrap();
        assert_eq!(home.blobs.doubt(&earned).await.unwrap(), [hash]);
    })
    .await;
}

#[tokio::test]
async fn what_was_here_when_another_sync_failed_is_not_acknowledged() {
    within(async {
        let home = Home::new().await;
        let lost = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.syncing.breaks.store(true, Ordering::Release);
        let error = home.blobs.sync([]).await.unwrap_err();
        assert!(matches!(error, SyncError::Files { .. }), "{error}");

        let error = home.blobs.sync([&lost.keep]).await.unwrap_err();
        assert!(matches!(error, SyncError::OpenedAnew), "{error}");
        let again = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.sync([&again.keep]).await.unwrap();
        let seen = home.blobs.keep(lost.hash).await;
        home.blobs.sync([&seen]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_failed_sync_may_have_lost_is_written_again_when_it_is_taken_in_again() {
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        home.blobs.syncing.breaks.store(true, Ordering::Release);
        home.blobs.sync([]).await.unwrap_err();
        home.blobs.sync([]).await.unwrap();
        let written = || std::fs::metadata(home.blobs.data_path(hash)).unwrap().modified().unwrap();
        home.written_before_now(hash);
        let before = written();
        home.blobs.sync([]).await.unwrap();
        assert_eq!(written(), before);
        let again = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.sync([&again.keep]).await.unwrap();
        assert!(written() > before, "it is acknowledged as the cache has it");
        home.written_before_now(hash);
        let seen = home.blobs.keep(hash).await;
        home.blobs.sync([&seen]).await.unwrap();
        assert!(written() > before, "it is acknowledged as the cache has it");
        assert!(home.blobs.syncing.unwritten().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_failed_sync_is_remembered_after_a_restart() {
    within(async {
        let mut home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        home.blobs.syncing.breaks.store(true, Ordering::Release);
        home.blobs.sync([]).await.unwrap_err();
        home.reopen().await;
        home.written_before_now(hash);
        let written = || std::fs::metadata(home.blobs.data_path(hash)).unwrap().modified().unwrap();
        let before = written();
        let again = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.sync([&again.keep]).await.unwrap();
        assert!(written() > before, "it is acknowledged as the cache has it");

        // Closed in order, and nothing is unwritten.
        home.reopen().await;
        assert!(home.blobs.syncing.unwritten().is_empty());
        // As if it was not closed, and never synced.
        std::fs::remove_file(home.blobs.dir.join("synced")).unwrap();
        home.blobs.shutdown().await;
        std::fs::remove_file(home.blobs.dir.join("settled")).unwrap();
        home.blobs = Blobs::open(&home.blobs.dir, home.index.clone()).await.unwrap();
        assert_eq!(home.blobs.syncing.unwritten().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn one_blob_that_cannot_be_written_again_keeps_no_other_from_being_synced() {
    within(async {
        let home = Home::new().await;
        let lost = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.syncing.breaks.store(true, Ordering::Release);
        home.blobs.sync([]).await.unwrap_err();
        let (path, away) = (home.blobs.data_path(lost.hash), home.dir.path().join("away"));
        std::fs::rename(&path, &away).unwrap();
        std::fs::create_dir(&path).unwrap();

        let other = home.blobs.import_bytes(data(2, 90_000)).await.unwrap();
        home.blobs.sync([&other.keep]).await.unwrap();
        // Nobody holds it, so it is not tried again, and yet not forgotten by a restart.
        let (hash, noted) = (lost.hash, home.blobs.dir.join("synced"));
        drop(lost);
        home.blobs.sync([&other.keep]).await.unwrap();
        assert!(!noted.exists());
        let seen = home.blobs.keep(hash).await;
        let error = home.blobs.sync([&seen]).await.unwrap_err();
        assert!(matches!(error, SyncError::Unwritten(which) if which == hash), "{error}");
        home.blobs.sync([&other.keep]).await.unwrap();

        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&away, &path).unwrap();
        home.blobs.sync([&seen]).await.unwrap();
        assert!(home.blobs.syncing.unwritten().is_empty() && noted.exists());
    })
    .await;
}

#[tokio::test]
async fn a_store_that_failed_is_opened_anew() {
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        let held = home.blobs.import_bytes(data(2, 90_000)).await.unwrap();
        home.blobs.sync([]).await.unwrap();
        // The task behind the database ends, as it does at a commit that fails.
        home.blobs.store().shutdown().await.unwrap();
        home.blobs.verify(hash).await.unwrap_err();
        while home.blobs.verify(hash).await.is_err() {
            tokio::task::yield_now().await;
        }
        home.add(data(3, 90_000)).await;
        // What was held is held in the new one too.
        assert_eq!(home.blobs.gc().await.unwrap().removed, 0);
        drop(held);
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
        home.blobs.shutdown().await;
        home.blobs.verify(hash).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_in_before_the_store_was_opened_anew_is_not_acknowledged() {
    within(async {
        let home = Home::new().await;
        let synced = home.blobs.import_bytes(data(1, 90_000)).await.unwrap();
        home.blobs.sync([&synced.keep]).await.unwrap();
        let imported = home.blobs.import_bytes(data(2, 90_000)).await.unwrap();
        let seen = home.blobs.keep(imported.hash).await;
        home.blobs.store().shutdown().await.unwrap();
        while home.blobs.verify(synced.hash).await.is_err() {
            tokio::task::yield_now().await;
        }
        for keep in [&imported.keep, &seen] {
            let error = home.blobs.sync([keep]).await.unwrap_err();
            assert!(matches!(error, SyncError::OpenedAnew), "{error}");
        }
        let again = home.blobs.import_bytes(data(2, 90_000)).await.unwrap();
        home.blobs.sync([&again.keep]).await.unwrap();
    })
    .await;
}
