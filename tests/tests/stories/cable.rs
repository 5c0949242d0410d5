//! Lines that break and addresses that change, with work on the way.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use dsp_tests::data::{self, MIB};
use dsp_tests::netns::Lan;
use dsp_tests::{Cluster, Node};

use crate::lan::{build, node};

/// Bytes of the file that is on its way when the plug is pulled.
const FILE: u64 = 64 * MIB;
/// Bytes that may come twice for a broken line: what was on its way, and was not stored yet.
const AGAIN: u64 = 4 * MIB;
/// How long who moved may take to be there again.
const MOVED: Duration = Duration::from_secs(20);

/// Returns how many bytes of blobs a node got from others, hash trees included.
async fn got(node: &Node) -> anyhow::Result<u64> {
    let metrics = node.api().text("/metrics").await?;
    let name = "dsp_blob_stream_bytes_total{direction=\"in\"} ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    Ok(value.with_context(|| format!("no {name} in {metrics}"))?.parse()?)
}

/// Waits until a node got so many bytes.
async fn gets(node: &Node, bytes: u64) -> anyhow::Result<()> {
    node.eventually(async |_| {
        let now = got(node).await?;
        ensure!(now >= bytes, "{now} of {bytes} bytes came");
        Ok(())
    })
    .await
}

/// Waits until no byte has come for a second, and returns how many came before.
async fn stands_still(node: &Node) -> anyhow::Result<u64> {
    let last = Mutex::new((0, Instant::now()));
    node.eventually(async |_| {
        let now = got(node).await?;
        let mut last = last.lock().expect("nobody panics with it");
        if last.0 != now {
            *last = (now, Instant::now());
        }
        ensure!(last.1.elapsed() > Duration::from_secs(1), "bytes come");
        Ok(now)
    })
    .await
}

/// Waits until a node has noticed that nobody is there.
async fn is_alone(node: &Node) -> anyhow::Result<()> {
    node.eventually(async |_| {
        let connected = node.status().await?.peers_connected;
        ensure!(connected == 0, "{connected} peers are connected");
        Ok(())
    })
    .await
}

//  alice ~~64 MiB~~x bob: his plug is pulled for a moment, then until he has lost his address
#[tokio::test]
async fn a_transfer_goes_on_where_the_cable_was_pulled() -> anyhow::Result<()> {
    let Some(lan) = build("cable", 2) else { return Ok(()) };
    let cluster = Cluster::new()?;
    // So slow that there is time to pull the plug.
    let alice = node(&cluster, &lan, 0, "alice", false);
    let mut alice = alice.with_setting("DSP_NET_LIMIT_UP", "8MiB");
    let mut bob = node(&cluster, &lan, 1, "bob", false);
    alice.start().await?;
    bob.start().await?;
    let file = alice.scratch()?.join("large.bin");
    data::large_file(&file, FILE / MIB)?;
    let hash = data::hash_of_file(&file)?;
    let pushed = alice.push_paths("large", [("large.bin".to_owned(), file)]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;

    gets(&bob, FILE / 8).await?;
    lan.pull(1)?;
    let before = stands_still(&bob).await?;
    ensure!(before < FILE / 4, "all came before the plug was pulled: {before} bytes");
    lan.plug(1)?;
    let plugged = Instant::now();
    gets(&bob, FILE / 4).await?;
    println!("after a moment it went on within {:?}", plugged.elapsed());

    lan.pull(1)?;
    lan.take_address(1, 1)?;
    is_alone(&bob).await?;
    let before = got(&bob).await?;
    ensure!(before < FILE, "all came before the plug was pulled: {before} bytes");
    lan.plug(1)?;
    lan.give_address(1, 1)?;
    let plugged = Instant::now();
    bob.has("alice:large", &pushed).await?;
    println!("after an end it was all there within {:?}", plugged.elapsed());

    let all = got(&bob).await?;
    println!("{all} bytes came for {FILE}");
    // A hash tree takes 64 bytes for each 16 KiB.
    let most = FILE + FILE / 256 + 2 * AGAIN;
    assert!(all <= most, "{all} bytes came for {FILE}, more than {most}");
    let copy = bob.cli(["get", "alice:large#large.bin", "-o", "copy.bin"]).await?;
    assert!(copy.status.success(), "{copy:?}");
    assert_eq!(data::hash_of_file(&bob.scratch()?.join("copy.bin"))?, hash);
    Ok(())
}

/// Has a machine move to another address, and demands that both nodes soon have what the other
/// pushes.
async fn moves(
    lan: &Lan,
    (from, to): (usize, usize),
    alice: &mut Node,
    bob: &mut Node,
    word: &[u8],
) -> anyhow::Result<()> {
    lan.take_address(from, from)?;
    lan.give_address(from, to)?;
    let moved = Instant::now();
    let pushed = alice.push("data", &[("a.txt", word)]).await?;
    bob.has("alice:data", &pushed).await?;
    let took = moved.elapsed();
    println!("after {from} moved to {to} news came within {took:?}");
    ensure!(took < MOVED, "news took {took:?} after {from} moved to {to}");
    Ok(())
}

/// Starts two nodes, the second of which follows the first.
async fn follow(lan: &Lan, cluster: &Cluster, mdns: bool) -> anyhow::Result<(Node, Node)> {
    let mut alice = node(cluster, lan, 0, "alice", mdns);
    let mut bob = node(cluster, lan, 1, "bob", mdns);
    alice.start().await?;
    bob.start().await?;
    let pushed = alice.push("data", &[("a.txt", b"before")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &pushed).await?;
    Ok((alice, bob))
}

//  alice <-- bob, each of whom gets another address, one after the other
//  without mDNS: who has moved knows where the other is
#[tokio::test]
async fn who_gets_another_address_comes_back_to_known_peers() -> anyhow::Result<()> {
    let Some(lan) = build("known", 2) else { return Ok(()) };
    let cluster = Cluster::new()?;
    let (mut alice, mut bob) = follow(&lan, &cluster, false).await?;
    moves(&lan, (1, 11), &mut alice, &mut bob, b"bob has moved").await?;
    moves(&lan, (0, 10), &mut alice, &mut bob, b"alice has moved").await?;
    // What each learnt of the other's new address outlives a restart.
    bob.restart().await?;
    let pushed = alice.push("data", &[("a.txt", b"after a restart")]).await?;
    bob.has("alice:data", &pushed).await.map(drop)
}

//  alice, bob: both get other addresses at once, and find each other by mDNS
#[tokio::test]
async fn who_both_get_other_addresses_find_each_other_again() -> anyhow::Result<()> {
    let Some(lan) = build("moved", 2) else { return Ok(()) };
    let cluster = Cluster::new()?;
    let (mut alice, mut bob) = follow(&lan, &cluster, true).await?;
    lan.take_address(0, 0)?;
    lan.give_address(0, 10)?;
    moves(&lan, (1, 11), &mut alice, &mut bob, b"both have moved").await
}
