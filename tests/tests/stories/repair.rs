//! Bytes that a disk lost.

use std::fs;

use anyhow::Context as _;
use dsp_tests::{Cluster, Node};

/// Damages the file of a blob in a node's store.
fn flip_a_byte(node: &Node, hash: &str) -> anyhow::Result<()> {
    let path = node.home().join("blobs/data").join(format!("{hash}.data"));
    let mut bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Ok(fs::write(&path, bytes)?)
}

//  alice ~~report~~> bob, whose disk forgets; then again
#[tokio::test]
async fn damaged_bytes_come_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let report: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let pushed = alice.push("report", &[("data.bin", &report)]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:report", &pushed).await?;
    let sound = bob.cli(["verify"]).await?;
    assert!(sound.status.success(), "{sound:?}");

    flip_a_byte(&bob, &blake3::hash(&report).to_string())?;
    let damaged = bob.cli(["verify"]).await?;
    assert!(!damaged.status.success(), "{damaged:?}");
    assert!(damaged.stdout.contains("data.bin"), "{damaged:?}");
    assert!(damaged.stderr.contains("dsp fetch"), "{damaged:?}");
    let fetched = bob.cli(["fetch", "alice:report"]).await?;
    assert!(fetched.status.success(), "{fetched:?}");
    let mended = bob.cli(["verify"]).await?;
    assert!(mended.status.success(), "{mended:?}");
    bob.reads("alice:report", &report).await
}

//  alice, alone, whose disk forgets what nobody else has
#[tokio::test]
async fn damage_that_nobody_mends_goes_on_being_named() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let report: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    alice.push("report", &[("data.bin", &report)]).await?;
    flip_a_byte(&alice, &blake3::hash(&report).to_string())?;

    for (verb, then) in [("cat", "do not use them"), ("get", "")] {
        let said = alice.cli([verb, "report"]).await?;
        assert_eq!(said.status.code(), Some(1), "{}", said.stderr);
        assert!(said.stderr.contains("error: data.bin is damaged here"), "{}", said.stderr);
        assert!(said.stderr.contains("hint: `dsp fetch report@"), "{}", said.stderr);
        assert!(said.stderr.contains(then), "{}", said.stderr);
    }
    assert!(!alice.scratch()?.join("report/data.bin").exists());

    for fetch in [&["fetch", "report"][..], &["fetch", "report#data.bin"]] {
        assert_eq!(alice.cli(fetch).await?.status.code(), Some(1));
        let verified = alice.cli(["verify"]).await?;
        assert_eq!(verified.status.code(), Some(1), "{verified:?}");
        assert!(verified.stdout.contains("report#data.bin"), "{verified:?}");
    }
    let again = alice.push("report", &[("data.bin", &report)]).await?;
    assert_eq!((again.unchanged, again.restored), (true, 1));
    let verified = alice.cli(["verify"]).await?;
    assert!(verified.status.success(), "{verified:?}");
    alice.reads("report", &report).await
}
