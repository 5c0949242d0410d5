//! What only a file can meet: other versions, copies, backups, foreign bytes.

use std::fs;

use redb::ReadableDatabase as _;

use super::*;

fn failing(_: &redb::WriteTransaction) -> Result<(), Fault> {
    Err(Fault::damaged("meta", "", "no"))
}

fn second(tx: &redb::WriteTransaction) -> Result<(), Fault> {
    tx.open_table(tables::SLOT)?.insert("second", &b"done"[..])?;
    Ok(())
}

async fn open_with(
    stage: &Stage,
    migrations: &'static [Migration],
) -> Result<(Store, Opened), OpenError> {
    let path = stage.path();
    Store::start(move || FileBacking::prepare(&path), migrations).await
}

/// Returns the migrations of this version and some more.
fn and(more: &[Migration]) -> &'static [Migration] {
    [schema::MIGRATIONS, more].concat().leak()
}

async fn used(stage: &Stage) {
    let (store, _) = stage.open().await;
    store.apply(everything()).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let newer = and(&[second]);
    let stage = Stage::file();
    used(&stage).await;
    let (store, _) = open_with(&stage, newer).await.unwrap();
    store.close().await.unwrap();
    let error = Store::open(&stage.path()).await.unwrap_err();
    assert!(
        matches!(error, OpenError::NewerSchema { found, known, .. } if found == known + 1),
        "{error}"
    );
    let version = env!("CARGO_PKG_VERSION");
    assert!(error.to_string().ends_with(&format!("use dsp {version} or newer")), "{error}");
    let (store, opened) = open_with(&stage, newer).await.unwrap();
    assert_eq!(opened, Opened::Clean);
    assert_eq!(store.restore().await.unwrap(), everything());
    store.close().await.unwrap();
}

#[tokio::test]
async fn migrations_are_applied_once_and_all_or_none() {
    let failing = and(&[second, failing]);
    let good = and(&[second, second]);
    let stage = Stage::file();
    used(&stage).await;
    let error = open_with(&stage, failing).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let schema_now = || {
        let database = FileBacking::prepare(&stage.path()).unwrap().open().unwrap();
        let tx = database.begin_read().unwrap();
        let schema = tx.open_table(tables::META).unwrap().get("schema").unwrap().unwrap();
        u32::from_be_bytes(schema.value().try_into().unwrap())
    };
    let known = schema::MIGRATIONS.len() as u32;
    assert_eq!(schema_now(), known, "the old file is as it was");
    let (store, opened) = open_with(&stage, good).await.unwrap();
    assert_eq!(opened, Opened::Clean, "a failed opening leaves the mark");
    assert_eq!(store.restore().await.unwrap(), everything());
    store.close().await.unwrap();
    assert_eq!(schema_now(), known + 2);
}

/// Returns the incarnation that is given back.
async fn incarnation(store: &Store) -> Option<Incarnation> {
    store.restore().await.unwrap().iter().find_map(|record| match record {
        Record::Incarnation(inc) => Some(*inc),
        _ => None,
    })
}

#[tokio::test]
async fn a_copy_is_noticed_until_an_incarnation_is_drawn() {
    let stage = Stage::file();
    used(&stage).await;
    let other = Stage::file();
    fs::copy(stage.path(), other.path()).unwrap();
    for _ in 0..2 {
        let (store, opened) = other.open().await;
        assert_eq!(opened, Opened::Restored);
        assert_eq!(incarnation(&store).await, None);
        // Stopped before one was drawn.
        store.close().await.unwrap();
    }
    let (store, _) = other.open().await;
    store.apply(vec![Record::Incarnation(inc(8))]).await.unwrap();
    store.close().await.unwrap();
    let (store, opened) = other.open().await;
    assert_eq!((opened, incarnation(&store).await), (Opened::Clean, Some(inc(8))));
    store.close().await.unwrap();
    let (store, opened) = stage.open().await;
    assert_eq!((opened, incarnation(&store).await), (Opened::Clean, Some(inc(7))));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_put_back_is_noticed_even_with_the_same_inode() {
    let stage = Stage::file();
    used(&stage).await;
    let backup = stage.path().with_extension("bak");
    fs::copy(stage.path(), &backup).unwrap();
    fs::remove_file(stage.path()).unwrap();
    // Many file systems give the number of the removed file to this one.
    fs::copy(&backup, stage.path()).unwrap();
    let (store, opened) = stage.open().await;
    assert_eq!(opened, Opened::Restored);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_moved_home_is_noticed() {
    let stage = Stage::file();
    used(&stage).await;
    let Stage::File(folder) = &stage else { unreachable!() };
    fs::create_dir(folder.path().join("b")).unwrap();
    let moved = folder.path().join("b/meta.redb");
    fs::rename(stage.path(), &moved).unwrap();
    let (store, opened) = Store::open(&moved).await.unwrap();
    assert_eq!(opened, Opened::Restored);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_in_use_is_refused() {
    let stage = Stage::file();
    let (store, _) = stage.open().await;
    let error = Store::open(&stage.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn foreign_bytes_are_refused_and_left_alone() {
    for bytes in [&b""[..], b"hello", &[0x5a; 100_000]] {
        let stage = Stage::file();
        fs::write(stage.path(), bytes).unwrap();
        let error = Store::open(&stage.path()).await.unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("meta.redb is damaged"), "{error}");
        assert_eq!(fs::read(stage.path()).unwrap(), bytes);
    }
    let stage = Stage::file();
    fs::create_dir(stage.path()).unwrap();
    assert!(Store::open(&stage.path()).await.is_err());
}

#[tokio::test]
async fn a_half_made_file_is_made_anew() {
    let stage = Stage::file();
    fs::write(stage.path().with_extension("redb.new"), b"half").unwrap();
    let (store, opened) = stage.open().await;
    assert_eq!(opened, Opened::Created);
    store.close().await.unwrap();
    let Stage::File(folder) = &stage else { unreachable!() };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::file();
    used(&stage).await;
    assert_eq!(fs::metadata(stage.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Returns the names of the files beside the database.
fn beside(stage: &Stage) -> Vec<String> {
    let folder = stage.path().parent().unwrap().to_owned();
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What the file of this program's schema is kept as.
const KEPT: &str = "meta.redb.schema-7";

#[tokio::test]
async fn the_old_file_is_kept_until_the_new_one_was_opened_twice() {
    let stage = Stage::file();
    used(&stage).await;
    let old = fs::read(stage.path()).unwrap();
    // What a crash left.
    fs::write(stage.path().with_file_name("meta.redb.upgrade"), "half a copy").unwrap();
    fs::write(stage.path().with_file_name("meta.redb.part"), "half a copy").unwrap();
    for (time, names) in [(1, &["meta.redb", KEPT][..]), (2, &["meta.redb"]), (3, &["meta.redb"])] {
        let (store, opened) = open_with(&stage, and(&[second])).await.unwrap();
        assert_eq!(opened, Opened::Clean, "opened {time} times");
        assert_eq!(store.restore().await.unwrap(), everything());
        store.close().await.unwrap();
        assert_eq!(beside(&stage), names, "opened {time} times");
        let kept = stage.path().with_file_name(KEPT);
        assert!(time > 1 || fs::metadata(kept).unwrap().len() == old.len() as u64);
    }
}

#[tokio::test]
async fn an_old_file_put_back_is_a_backup() {
    let stage = Stage::file();
    used(&stage).await;
    let (store, _) = open_with(&stage, and(&[second])).await.unwrap();
    store.close().await.unwrap();
    let kept = stage.path().with_file_name(KEPT);
    fs::rename(kept, stage.path()).unwrap();
    let (store, opened) = stage.open().await;
    assert_eq!(opened, Opened::Restored, "what was said since must not be contradicted");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_old_file() {
    let stage = Stage::file();
    used(&stage).await;
    assert!(open_with(&stage, and(&[second, failing])).await.is_err());
    assert_eq!(beside(&stage), ["meta.redb", KEPT]);
    let (store, opened) = stage.open().await;
    assert_eq!(opened, Opened::Clean, "an older program goes on");
    assert_eq!(store.restore().await.unwrap(), everything());
    store.close().await.unwrap();
}
