//! What only a file can meet: other versions, copies, backups, foreign bytes.

use std::fs;
use std::sync::LazyLock;

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

async fn used(stage: &Stage) {
    let (store, _) = stage.open().await;
    store.apply(everything()).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    static NEWER: LazyLock<Vec<Migration>> =
        LazyLock::new(|| [schema::MIGRATIONS, &[second as Migration]].concat());
    let current = schema::MIGRATIONS.len() as u32;
    let stage = Stage::file();
    used(&stage).await;
    let (store, _) = open_with(&stage, &NEWER).await.unwrap();
    store.close().await.unwrap();
    let error = Store::open(&stage.path()).await.unwrap_err();
    let newer = |found: u32, known: u32| (found, known) == (current + 1, current);
    let refused =
        matches!(error, OpenError::NewerSchema { found, known, .. } if newer(found, known));
    assert!(refused, "{error}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(error.to_string().ends_with(&format!("use dsp {version} or newer")), "{error}");
    let (store, opened) = open_with(&stage, &NEWER).await.unwrap();
    assert_eq!(opened, Opened::Clean);
    assert_eq!(store.restore().await.unwrap(), everything());
    store.close().await.unwrap();
}

#[tokio::test]
async fn migrations_are_applied_once_and_all_or_none() {
    static FAILING: &[Migration] =
        &[schema::MIGRATIONS[0], schema::MIGRATIONS[1], schema::MIGRATIONS[2], second, failing];
    static GOOD: &[Migration] =
        &[schema::MIGRATIONS[0], schema::MIGRATIONS[1], schema::MIGRATIONS[2], second, second];
    let stage = Stage::file();
    used(&stage).await;
    let error = open_with(&stage, FAILING).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let schema_now = || {
        let database = FileBacking::prepare(&stage.path()).unwrap().open().unwrap();
        let tx = database.begin_read().unwrap();
        let schema = tx.open_table(tables::META).unwrap().get("schema").unwrap().unwrap();
        u32::from_be_bytes(schema.value().try_into().unwrap())
    };
    assert_eq!(schema_now(), 4);
    let (store, opened) = open_with(&stage, GOOD).await.unwrap();
    assert_eq!(opened, Opened::Clean, "a failed opening leaves the mark");
    assert_eq!(store.restore().await.unwrap(), everything());
    store.close().await.unwrap();
    assert_eq!(schema_now(), 5);
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
