//! One store: in, out, damage, repair, collection.

use std::sync::atomic::AtomicBool;

use futures::{SinkExt, StreamExt, TryStreamExt};

use super::*;
use crate::blobs::again::tells_of_damage;

const SIZES: [usize; 7] = [0, 1, 1024, 16 * 1024, 16 * 1024 + 1, 300_000, 5 << 20];

#[tokio::test]
async fn what_goes_in_comes_out() {
    within(async {
        let home = Home::new().await;
        for (seed, len) in SIZES.into_iter().enumerate() {
            let bytes = data(seed as u64, len);
            let file = home.dir.path().join(format!("in-{len}"));
            std::fs::write(&file, &bytes).unwrap();
            let pieces: Vec<_> =
                bytes.chunks(7_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
            let from = [
                home.import_file(&file, |_| {}).await.unwrap(),
                home.blobs.import_bytes(bytes.clone()).await.unwrap(),
                home.blobs.import_stream(futures::stream::iter(pieces)).await.unwrap(),
            ];
            for imported in &from {
                assert_eq!((imported.hash, imported.size), (BlobHash::of(&bytes), len as u64));
            }
            let hash = from[0].hash;
            let size = len as u64;
            assert_eq!(home.blobs.status(hash).await.unwrap(), Status::Complete { size });
            assert_eq!(home.blobs.verify(hash).await.unwrap(), size);
            assert_eq!(home.blobs.read_all(hash, size).await.unwrap(), bytes);
            for range in [0..size, size / 3..size / 2, size..size, 0..size.min(1)] {
                let read: Vec<Bytes> =
                    home.blobs.reader(hash, range.clone()).try_collect().await.unwrap();
                assert_eq!(read.concat(), bytes[range.start as usize..range.end as usize]);
            }
        }
        home.blobs.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn reading_names_what_is_wrong() {
    within(async {
        let home = Home::new().await;
        let missing = BlobHash::of(b"missing");
        assert!(matches!(home.blobs.verify(missing).await, Err(ReadError::Missing(_))));
        let hash = home.add(data(1, 50_000)).await;
        let error = home.blobs.read_all(hash, 49_999).await.unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { size: 50_000, limit: 49_999, .. }));
        for range in [0..50_001, 60_000..60_001] {
            let error = home.blobs.reader(hash, range).next().await.unwrap().unwrap_err();
            assert!(matches!(error, ReadError::Range { .. }), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_regular_files_are_imported() {
    within(async {
        let home = Home::new().await;
        let pipe = home.dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        for path in [home.dir.path(), &pipe] {
            let error = home.import_file(path, |_| {}).await.unwrap_err();
            assert!(matches!(error, ImportError::NotAFile(_)), "{error}");
        }
        let nothing = home.dir.path().join("nothing");
        let error = home.import_file(&nothing, |_| {}).await.unwrap_err();
        assert!(matches!(error, ImportError::Read { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_refused() {
    within(async {
        let home = Home::new().await;
        let file = home.dir.path().join("log");
        std::fs::write(&file, data(1, 3 << 20)).unwrap();
        // Written to as soon as the first bytes were read.
        let append = || {
            use std::io::Write;
            let mut log = std::fs::File::options().append(true).open(&file).unwrap();
            log.write_all(b"one more line").unwrap();
        };
        let error = home.import_file(&file, |_| append()).await.unwrap_err();
        assert!(matches!(error, ImportError::Changed(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn what_was_put_in_the_place_of_a_file_is_refused() {
    within(async {
        let home = Home::new().await;
        let root = home.dir.path().canonicalize().unwrap();
        let (folder, secrets) = (root.join("folder"), root.join("secrets"));
        let file = folder.join("a");
        for folder in [&folder, &secrets] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("a"), data(1, 100)).unwrap();
        }
        let id = FileId::of(&std::fs::metadata(&file).unwrap());
        let refused = async || {
            let error = home.blobs.import_path(&file, id, |_| {}).await.unwrap_err();
            assert!(matches!(error, ImportError::Changed(_)), "{error}");
        };
        home.blobs.import_path(&file, id, |_| {}).await.unwrap();
        // A link, another file, a link in the place of its folder, and one to this very file.
        std::fs::rename(&file, root.join("kept")).unwrap();
        std::os::unix::fs::symlink(secrets.join("a"), &file).unwrap();
        refused().await;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, data(2, 100)).unwrap();
        refused().await;
        std::fs::rename(root.join("kept"), &file).unwrap();
        home.blobs.import_path(&file, id, |_| {}).await.unwrap();
        std::fs::rename(&folder, root.join("moved")).unwrap();
        std::os::unix::fs::symlink(&secrets, &folder).unwrap();
        refused().await;
        std::fs::remove_file(&folder).unwrap();
        std::os::unix::fs::symlink(root.join("moved"), &folder).unwrap();
        refused().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_here_and_right_is_not_replaced() {
    use std::os::unix::fs::MetadataExt;
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        let file = || std::fs::metadata(home.blobs.data_path(hash)).unwrap().ino();
        let first = file();
        let path = home.dir.path().join("again");
        std::fs::write(&path, data(1, 90_000)).unwrap();
        let pieces = || {
            futures::stream::iter(
                data(1, 90_000)
                    .chunks(9_000)
                    .map(Bytes::copy_from_slice)
                    .map(Ok)
                    .collect::<Vec<_>>(),
            )
        };
        let progress = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&progress);
        for imported in [
            home.blobs.import_bytes(data(1, 90_000)).await.unwrap(),
            home.blobs.import_stream(pieces()).await.unwrap(),
            home.import_file(&path, move |bytes| told.store(bytes, Ordering::Relaxed))
                .await
                .unwrap(),
        ] {
            assert_eq!((imported.hash, imported.size, file()), (hash, 90_000, first));
            home.blobs.sync([&imported.keep]).await.unwrap();
        }
        assert_eq!(progress.load(Ordering::Relaxed), 90_000);

        for (round, way) in ["bytes", "stream", "file"].into_iter().enumerate() {
            home.damage(hash, 50_000 + round as u64);
            let imported = match way {
                "bytes" => home.blobs.import_bytes(data(1, 90_000)).await.unwrap(),
                "stream" => home.blobs.import_stream(pieces()).await.unwrap(),
                _ => home.import_file(&path, |_| {}).await.unwrap(),
            };
            home.blobs.sync([&imported.keep]).await.unwrap();
            assert_eq!(home.blobs.verify(hash).await.unwrap(), 90_000, "{way}");
        }
    })
    .await;
}

#[tokio::test]
async fn of_imports_of_the_same_bytes_at_once_one_names_them() {
    use std::os::unix::fs::MetadataExt;
    within(async {
        let home = Home::new().await;
        let hash = BlobHash::of(&data(1, 90_000));
        let name = home.blobs.names.take(hash).await;
        let mut import = std::pin::pin!(home.blobs.import_bytes(data(1, 90_000)));
        let mut stream =
            std::pin::pin!(home.blobs.import_stream(futures::stream::iter([Ok(data(1, 90_000))])));
        assert!(futures::poll!(&mut import).is_pending());
        assert!(futures::poll!(&mut stream).is_pending());
        drop(name);
        let imported = import.await.unwrap();
        let first = std::fs::metadata(home.blobs.data_path(hash)).unwrap().ino();
        assert_eq!(stream.await.unwrap().hash, imported.hash);
        assert_eq!(std::fs::metadata(home.blobs.data_path(hash)).unwrap().ino(), first);
    })
    .await;
}

#[tokio::test]
async fn what_a_failed_import_left_behind_is_removed() {
    within(async {
        let mut home = Home::new().await;
        let temp = home.blobs.dir.join("temp");
        let left = || std::fs::read_dir(&temp).unwrap().count();
        std::fs::write(temp.join("of a daemon that was killed"), data(1, 100)).unwrap();
        home.reopen().await;
        assert_eq!(left(), 0);

        // Two streams, each with a file; the first one fails while the other goes on.
        let begin = || {
            let (mut feed, bytes) = futures::channel::mpsc::channel(4);
            for seed in [2, 3] {
                feed.try_send(Ok(data(seed, 60_000))).unwrap();
            }
            let blobs = home.blobs.clone();
            (feed, tokio::spawn(async move { blobs.import_stream(bytes).await }))
        };
        let ((mut breaks, failing), (goes_on, other)) = (begin(), begin());
        while left() < 2 {
            tokio::task::yield_now().await;
        }
        breaks.try_send(Err(io::Error::other("unplugged"))).unwrap();
        failing.await.unwrap().unwrap_err();
        home.blobs.imports.tidy();
        assert_eq!(left(), 2);
        drop(goes_on);
        let imported = other.await.unwrap().unwrap();
        assert_eq!(home.blobs.verify(imported.hash).await.unwrap(), 120_000);
        while left() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_stream_leaves_nothing() {
    within(async {
        let home = Home::new().await;
        let pieces = [Ok(data(1, 100_000)), Err(io::Error::other("unplugged"))];
        let error = home.blobs.import_stream(futures::stream::iter(pieces)).await.unwrap_err();
        assert!(matches!(error, ImportError::Store(_)), "{error}");
        assert_eq!(home.blobs.list().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_store_opens_again_after_it_was_shut_down() {
    within(async {
        let mut home = Home::new().await;
        let hash = home.add(data(1, 100_000)).await;
        assert!(
            Blobs::open(&home.dir.path().join("blobs"), home.index.clone()).await.is_err(),
            "two daemons share a store"
        );
        for _ in 0..3 {
            home.reopen().await;
            assert_eq!(home.blobs.verify(hash).await.unwrap(), 100_000);
        }
    })
    .await;
}

#[tokio::test]
async fn a_flipped_bit_is_found_and_a_new_import_repairs_it() {
    within(async {
        let home = Home::new().await;
        let bytes = data(1, 200_000);
        let hash = home.add(bytes.clone()).await;
        home.damage(hash, 100_000);

        let error = home.blobs.verify(hash).await.unwrap_err();
        assert!(matches!(error, ReadError::Corrupt { offset: 98_304, .. }), "{error}");
        // Everything before the damage is right, and nothing after it comes.
        let mut good = Vec::new();
        let mut pieces = home.blobs.reader(hash, 0..200_000);
        let error = loop {
            match pieces.try_next().await {
                Ok(piece) => good.extend_from_slice(&piece.expect("the damage was missed")),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ReadError::Corrupt { .. }));
        assert_eq!(good, bytes[..98_304]);
        assert!(home.blobs.read_all(hash, 1 << 20).await.is_err());

        assert_eq!(home.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Removed);
        assert_eq!(home.blobs.status(hash).await.unwrap(), Status::Missing);
        assert_eq!(home.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Missing);
        home.add(bytes).await;
        assert_eq!(home.blobs.verify(hash).await.unwrap(), 200_000);
        assert_eq!(home.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Sound);
    })
    .await;
}

#[tokio::test]
async fn lost_and_short_files_are_damage_and_can_be_forgotten() {
    within(async {
        let home = Home::new().await;
        // Above 4 MiB the hash tree stands in a file of its own.
        let (lost, short, treeless) = (data(1, 90_000), data(2, 90_000), data(3, 5 << 20));
        let other = home.add(data(4, 90_000)).await;
        let file = |hash| home.blobs.data_path(hash);
        let hashes = [
            home.add(lost.clone()).await,
            home.add(short.clone()).await,
            home.add(treeless.clone()).await,
        ];
        std::fs::remove_file(file(hashes[0])).unwrap();
        std::fs::File::options()
            .write(true)
            .open(file(hashes[1]))
            .unwrap()
            .set_len(70_000)
            .unwrap();
        std::fs::remove_file(file(hashes[2]).with_extension("obao4")).unwrap();
        for (hash, bytes) in hashes.into_iter().zip([lost, short, treeless]) {
            assert!(home.blobs.verify(hash).await.is_err());
            assert_eq!(home.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Removed);
            home.add(bytes).await;
            home.blobs.verify(hash).await.unwrap();
        }
        assert_eq!(home.blobs.verify(other).await.unwrap(), 90_000);
    })
    .await;
}

#[tokio::test]
async fn what_was_imported_again_meanwhile_stays() {
    within(async {
        let home = Home::new().await;
        let bytes = data(1, 90_000);
        let hash = home.add(bytes.clone()).await;
        // Found damaged before, and sound by the time it is its turn to go.
        assert_eq!(home.blobs.remove_if_damaged(hash).await.unwrap(), Forgotten::Sound);
        assert_eq!(home.blobs.read_all(hash, 90_000).await.unwrap(), bytes);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_imported_while_the_unfit_are_dealt_with() {
    within(async {
        let home = Home::new().await;
        let sound = home.add(data(1, 90_000)).await;
        let damaged = home.add(data(2, 90_000)).await;
        let missing = BlobHash::of(&data(3, 90_000));
        home.damage(damaged, 50_000);
        let unfit = home.blobs.unfit(vec![sound, damaged, missing]).await.unwrap();
        assert_eq!(unfit.hashes(), [damaged, missing]);
        let mut import = std::pin::pin!(home.blobs.import_bytes(data(3, 90_000)));
        assert!(futures::poll!(&mut import).is_pending());
        drop(unfit);
        assert_eq!(import.await.unwrap().hash, missing);
    })
    .await;
}

#[tokio::test]
async fn what_is_spared_stays_until_nothing_is() {
    within(async {
        let home = Home::new().await;
        let old = home.add(data(1, 90_000)).await;
        home.index.kept.lock().unwrap().clear();
        home.blobs.spare_all_here().await.unwrap();
        let new = home.blobs.import_bytes(data(2, 90_000)).await.unwrap().hash;
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
        assert_eq!(home.blobs.status(new).await.unwrap(), Status::Missing);
        assert_eq!(home.blobs.verify(old).await.unwrap(), 90_000);
        home.blobs.spare_nothing();
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_blob_that_is_held_stays() {
    within(async {
        let home = Home::new().await;
        let imported = home.blobs.import_bytes(data(1, 100_000)).await.unwrap();
        let hash = imported.hash;
        home.damage(hash, 50_000);
        let error = home.blobs.forget_corrupt(hash).await.unwrap_err();
        assert!(matches!(error, ForgetError::InUse(_)), "{error}");
        drop(imported);
        assert_eq!(home.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Removed);
    })
    .await;
}

#[tokio::test]
async fn what_is_held_and_not_here_yet_outlives_the_removal_of_another() {
    within(async {
        let home = Home::new().await;
        let damaged = home.add(data(1, 90_000)).await;
        let coming = BlobHash::of(b"coming");
        let _keep = home.blobs.keep(coming).await;
        let live = home.blobs.all_but(damaged).await.unwrap();
        assert!(live.contains(&to_hash(coming)) && !live.contains(&to_hash(damaged)));
    })
    .await;
}

#[tokio::test]
async fn a_store_that_cannot_tell_what_is_here_takes_nothing_in_its_place() {
    within(async {
        let home = Home::new().await;
        let hash = home.add(data(1, 90_000)).await;
        home.blobs.store().shutdown().await.unwrap();
        let busy = home.blobs.keeper.busy().await;
        home.blobs.here_already(hash, &busy).await.unwrap_err();
        drop(busy);
        // It is opened anew meanwhile.
        while home.blobs.import_bytes(data(1, 90_000)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[test]
fn a_blob_that_cannot_be_read_for_now_is_not_damaged() {
    let hash = BlobHash::of(b"one");
    let io = |source| tells_of_damage(&ReadError::Io { hash, source });
    for (number, damaged) in [(5, true), (2, true), (24, false), (23, false), (12, false)] {
        assert_eq!(io(std::io::Error::from_raw_os_error(number)), damaged, "{number}");
    }
    assert!(!io(std::io::Error::other("poisoned storage")));
    assert!(tells_of_damage(&ReadError::Corrupt { hash, offset: 0 }));
}

#[tokio::test]
async fn a_collection_removes_what_nothing_keeps() {
    within(async {
        let home = Home::new().await;
        let kept = home.add(data(1, 60_000)).await;
        let held = home.blobs.import_bytes(data(2, 60_000)).await.unwrap();
        let loose = home.blobs.import_bytes(data(3, 60_000)).await.unwrap().hash;
        let inline = home.blobs.import_bytes(data(4, 60)).await.unwrap().hash;
        let report = home.blobs.gc().await.unwrap();
        assert_eq!(
            report,
            GcReport { removed: 2, removed_bytes: 60_060, kept: 2, ..GcReport::default() }
        );
        for (hash, here) in [(kept, true), (held.hash, true), (loose, false), (inline, false)] {
            let status = home.blobs.status(hash).await.unwrap();
            assert_eq!(status != Status::Missing, here, "{hash}");
            assert_eq!(home.blobs.data_path(hash).exists(), here);
        }
        drop(held);
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_broken_index_keeps_everything() {
    within(async {
        let home = Home::new().await;
        let loose = home.blobs.import_bytes(data(1, 60_000)).await.unwrap().hash;
        *home.index.broken.lock().unwrap() = true;
        let error = home.blobs.gc().await.unwrap_err();
        assert!(matches!(error, GcError::Protect(_)), "{error}");
        assert_eq!(home.blobs.verify(loose).await.unwrap(), 60_000);
        *home.index.broken.lock().unwrap() = false;
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_blob_indexed_while_the_index_is_read_survives() {
    within(async {
        let home = Home::new().await;
        let imported = home.blobs.import_bytes(data(1, 60_000)).await.unwrap();
        let hash = imported.hash;
        // The index was read; now the blob is committed to it and let go.
        *home.index.meanwhile.lock().unwrap() = Some(Box::new(move || drop(imported)));
        assert_eq!(home.blobs.gc().await.unwrap().removed, 0);
        assert_eq!(home.blobs.verify(hash).await.unwrap(), 60_000);
        assert_eq!(home.blobs.gc().await.unwrap().removed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_keep_made_during_a_collection_waits_for_its_end() {
    within(async {
        let home = Home::new().await;
        let hash = home.blobs.import_bytes(data(1, 60_000)).await.unwrap().hash;
        let (blobs, kept) = (home.blobs.clone(), Arc::new(AtomicBool::new(false)));
        let (task_slot, seen) = (Arc::new(Mutex::new(None)), kept.clone());
        let slot = task_slot.clone();
        let runtime = tokio::runtime::Handle::current();
        *home.index.meanwhile.lock().unwrap() = Some(Box::new(move || {
            let keeping = runtime.spawn(async move {
                let keep = blobs.keep(hash).await;
                seen.store(true, Ordering::SeqCst);
                (keep, blobs.status(hash).await.unwrap())
            });
            *slot.lock().unwrap() = Some(keeping);
        }));
        let report = home.blobs.gc().await.unwrap();
        assert_eq!(report.removed, 1);
        let keeping = task_slot.lock().unwrap().take().unwrap();
        // Had it not waited, it would have seen a blob that is about to go.
        let (_keep, status) = keeping.await.unwrap();
        assert_eq!(status, Status::Missing);
        assert!(kept.load(Ordering::SeqCst));
    })
    .await;
}

#[tokio::test]
async fn a_collection_waits_for_imports() {
    within(async {
        let home = Home::new().await;
        let busy = home.blobs.keeper.busy().await;
        let mut collecting = std::pin::pin!(home.blobs.keeper.collect());
        assert!(futures::poll!(&mut collecting).is_pending());
        // Other imports are not held up by the waiting collection.
        let hash = home.add(data(3, 60_000)).await;
        assert!(futures::poll!(&mut collecting).is_pending());
        drop(busy);
        let collecting = collecting.await;
        let mut import = std::pin::pin!(home.blobs.import_bytes(data(4, 60_000)));
        assert!(futures::poll!(&mut import).is_pending());
        drop(collecting);
        import.await.unwrap();
        assert_eq!(home.blobs.verify(hash).await.unwrap(), 60_000);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_stands_still_holds_up_nobody() {
    within(async {
        let home = Home::new().await;
        let damaged = home.add(data(9, 60_000)).await;
        home.damage(damaged, 50_000);
        let (mut feed, bytes) = futures::channel::mpsc::channel(1);
        let blobs = home.blobs.clone();
        let importing = tokio::spawn(async move { blobs.import_stream(bytes).await });
        feed.send(Ok(data(1, 60_000))).await.unwrap();
        feed.send(Ok(data(2, 60_000))).await.unwrap();
        assert_eq!(home.blobs.forget_corrupt(damaged).await.unwrap(), Forgotten::Removed);
        assert_eq!(home.blobs.gc().await.unwrap().removed, 0);
        // From its end on no collection comes between the store and the keep.
        let collecting = home.blobs.keeper.collect().await;
        drop(feed);
        assert_eq!(home.blobs.list().await.unwrap(), []);
        drop(collecting);
        let imported = importing.await.unwrap().unwrap();
        assert_eq!(home.blobs.gc().await.unwrap().removed, 0);
        assert_eq!(home.blobs.verify(imported.hash).await.unwrap(), 120_000);
        assert!(home.blobs.keeper.holds(imported.hash));
    })
    .await;
}

#[tokio::test]
async fn progress_rises_to_the_size() {
    within(async {
        let home = Home::new().await;
        let file = home.dir.path().join("file");
        std::fs::write(&file, data(1, 5 << 20)).unwrap();
        let mut seen = vec![0];
        home.import_file(&file, |done| seen.push(done)).await.unwrap();
        assert!(seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.last(), Some(&(5 << 20)));
    })
    .await;
}
