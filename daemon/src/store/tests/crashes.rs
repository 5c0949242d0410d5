//! A loss of power at every change to the disk of every operation of the store, and of every
//! migration: what is found is all of it or none, in every table, and all if it was acknowledged.

use std::collections::BTreeMap;

use dsp_protocol::api::{SetTrust, Trust};
use dsp_protocol::id::StackId;
use redb::{
    Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition, Value,
};

use super::*;

/// What of the unsynced survives, in so many ways.
const SEEDS: u64 = 3;

/// All tables, row by row.
type Tables = BTreeMap<String, Vec<String>>;

fn rows<K: Key + 'static, V: Value + 'static>(
    found: &mut Tables,
    tx: &ReadTransaction,
    table: TableDefinition<K, V>,
) {
    let name = redb::TableHandle::name(&table).to_owned();
    // Not made yet by the migrations that a test has applied.
    let Ok(table) = tx.open_table(table) else { return };
    let row = |row: Result<(redb::AccessGuard<'_, K>, redb::AccessGuard<'_, V>), _>| {
        let (key, value) = row.unwrap();
        format!("{:?} {:?}", key.value(), value.value())
    };
    found.insert(name, table.iter().unwrap().map(row).collect());
}

/// Reads everything, past the store.
fn tables(disk: &Disk) -> Tables {
    let database = DiskBacking::new(disk.clone()).open().unwrap();
    let tx = database.begin_read().unwrap();
    let mut found = Tables::new();
    let all = &mut found;
    rows(all, &tx, tables::META);
    rows(all, &tx, tables::SLOT);
    rows(all, &tx, tables::LOG);
    rows(all, &tx, tables::CONTEXT);
    rows(all, &tx, tables::ENVELOPE);
    rows(all, &tx, tables::REDEMPTION);
    rows(all, &tx, tables::FORK);
    rows(all, &tx, tables::FRAME);
    rows(all, &tx, tables::CONTEXT_FRAME);
    rows(all, &tx, tables::FRAME_CONTEXT);
    rows(all, &tx, tables::CONTEXT_BLOB);
    rows(all, &tx, tables::BLOB_CONTEXT);
    rows(all, &tx, tables::LOST);
    rows(all, &tx, tables::WANT);
    rows(all, &tx, tables::FORGOTTEN);
    rows(all, &tx, tables::DROPPED);
    rows(all, &tx, tables::USED);
    rows(all, &tx, tables::QUOTA);
    rows(all, &tx, tables::PIN);
    rows(all, &tx, tables::PIN_BLOB);
    rows(all, &tx, tables::HOLDER);
    rows(all, &tx, tables::ADDRESS);
    rows(all, &tx, tables::PEER);
    rows(all, &tx, tables::PETNAME);
    rows(all, &tx, tables::BLOCKED);
    rows(all, &tx, tables::OFFER);
    rows(all, &tx, tables::TOKEN);
    rows(all, &tx, tables::JOURNAL);
    rows(all, &tx, tables::TRASH);
    rows(all, &tx, tables::TRASHED_CONTEXT);
    rows(all, &tx, tables::NOTIFICATION);
    rows(all, &tx, tables::MUTED);
    rows(all, &tx, tables::LOG_SEEN);
    assert_eq!(found.len(), tx.list_tables().unwrap().count(), "a table is not looked at");
    found
}

async fn open_with(disk: &Disk, migrations: &'static [Migration]) -> Result<Store, OpenError> {
    let backing = DiskBacking::new(disk.clone());
    Ok(Store::start(move || Ok(backing), migrations).await?.0)
}

fn pin(n: u8) -> Pin {
    let stack = StackId::from_bytes([n; 16]);
    let key = PinKey { context: context(1), user: user(1), stack, frame: None };
    Pin { key, kind: PinKind::Heads, since: 1, frames: vec![frame_bytes(n, 10).0] }
}

fn token() -> Token {
    Token {
        kind: TokenKind::Token,
        name: "ci".into(),
        scope: Scope::Push,
        created: 0,
        expires: None,
    }
}

fn deed() -> JournalEntry {
    let deed = Deed::Left { context: context(1) };
    JournalEntry { at: 1, name: "alice/main".into(), deed, undone: None }
}

/// Does the n-th of the operations that write; nothing where there is no such.
async fn operate(store: &Store, n: u32) -> Option<Result<(), WriteError>> {
    let device = SecretKey::from_seed(&[4; 32]).device();
    let trust = SetTrust { verified: Some(true), results: None, code: Some(true) };
    Some(match n {
        0 => store.apply(vec![envelope(1, 0, 9, 300), frame(1, 7), earned(1, 7)]).await,
        1 => store.apply(vec![sized_frame(2, 8, 70_000), want(2, 8), dropped(2, 3)]).await,
        2 => store.apply(vec![Record::ForgetContext(context(1))]).await,
        3 => store.unearn(vec![blob(3)]).await,
        4 => store.meet(user(7), "dora", None).await.map(drop),
        5 => store.set_trust(user(6), trust).await.map(drop),
        6 => store.note_address_at(device, "/ip4/10.0.0.1/tcp/1".into(), 5).await,
        7 => store.add_token("secret", token(), 0).await.map(drop),
        8 => store.set(Slot::HTTP_PORT, 7701u16.to_be_bytes()).await,
        9 => store.set_pin(pin(3)).await.map(drop),
        10 => store.remove_pins(vec![pin(2).key]).await,
        11 => store.set_pinned(context(1), [blob(3), blob(4)].into()).await,
        12 => store.set_quota(context(1), Some(9)).await,
        13 => store.note_holders(vec![(blob(3), device)], 7).await,
        14 => store.note_deed(deed()).await.map(drop),
        15 => store.mark_undone(1, 9).await,
        16 => store.sort_trash(vec![(blob(40), 4), (blob(41), 5)], 8, 2).await.map(drop),
        17 => store.drop_context(context(2), 6).await,
        18 => store.rebuild_indexes().await.map(drop),
        19 => {
            let new = TakeOver {
                user: user(9),
                entries: vec![b"entry".to_vec()],
                contexts: Vec::new(),
                tip: [9; 32],
            };
            store.take_over(new).await
        }
        20 => store.clone().close().await,
        _ => return None,
    })
}

/// Returns a disk on which each operation has something to do.
async fn used() -> Disk {
    let disk = Disk::default();
    let store = open_with(&disk, schema::MIGRATIONS).await.unwrap();
    store.apply(everything()).await.unwrap();
    store.meet(user(6), "carol", None).await.unwrap();
    let named = store.peer(user(6)).await.unwrap().unwrap();
    assert!(!named.verified && named.trust == Trust::default());
    store.set_pin(pin(2)).await.unwrap();
    store.note_deed(deed()).await.unwrap();
    store.sort_trash(vec![(blob(40), 4)], 3, 2).await.unwrap();
    disk.after_power_loss(0)
}

#[tokio::test]
async fn every_operation_is_done_or_not_done() {
    let base = used().await;
    let mut operations = 0;
    for n in 0.. {
        let disk = base.after_power_loss(0);
        let store = open_with(&disk, schema::MIGRATIONS).await.unwrap();
        let (opened, before) = (disk.changes(), tables(&disk.after_power_loss(0)));
        let Some(done) = operate(&store, n).await else { break };
        done.unwrap();
        let (changes, after) = (disk.changes() - opened, tables(&disk.after_power_loss(0)));
        assert!(n == 18 || before != after, "operation {n} does nothing");
        for change in 0..=changes {
            let disk = base.after_power_loss(0);
            let store = open_with(&disk, schema::MIGRATIONS).await.unwrap();
            disk.fail_from(change);
            let done = operate(&store, n).await.unwrap();
            for seed in 0..SEEDS {
                let found = tables(&disk.after_power_loss(seed));
                let whole = found == after || (found == before && done.is_err());
                assert!(whole, "operation {n}, change {change}, seed {seed}: {done:?}, {found:#?}");
            }
        }
        operations += 1;
    }
    assert_eq!(operations, 21);
}

#[tokio::test]
async fn every_migration_is_survived() {
    for schema in 1..schema::MIGRATIONS.len() {
        let older = &schema::MIGRATIONS[..schema];
        let disk = Disk::default();
        let store = open_with(&disk, older).await.unwrap();
        store.apply(vec![Record::Incarnation(inc(1)), context_record(1)]).await.unwrap();
        store.apply(vec![frame(1, 1), earned(1, 3)]).await.unwrap();
        let base = disk.after_power_loss(0);

        let disk = base.after_power_loss(0);
        let _open = open_with(&disk, schema::MIGRATIONS).await.unwrap();
        let (changes, expected) = (disk.changes(), tables(&disk.after_power_loss(0)));
        for change in 0..=changes {
            let disk = base.after_power_loss(0);
            disk.fail_from(change);
            let broken = open_with(&disk, schema::MIGRATIONS).await.is_err();
            assert!(broken || change == changes, "schema {schema}, change {change}");
            for seed in 0..SEEDS {
                let disk = disk.after_power_loss(seed);
                let _open = open_with(&disk, schema::MIGRATIONS).await.unwrap();
                let found = tables(&disk.after_power_loss(0));
                assert_eq!(found, expected, "schema {schema}, change {change}, seed {seed}");
            }
        }
    }
}
