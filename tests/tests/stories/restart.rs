//! Daemons that stop or are killed in the middle.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use dsp_protocol::api::{Event, NewFollow, Policy, Pushed};
use dsp_tests::api::Events;
use dsp_tests::data::MIB;
use dsp_tests::node::{DEADLINE, Node};
use dsp_tests::{Cluster, data};

//  alice <-- bob, each restarted in turn
#[tokio::test]
async fn each_side_restarts_and_goes_on() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let mut last = alice.push("data", &[("a.txt", b"0")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &last).await?;

    alice.restart().await?;
    last = alice.push("data", &[("a.txt", b"1")]).await?;
    bob.has("alice:data", &last).await?;
    bob.restart().await?;
    last = alice.push("data", &[("a.txt", b"2")]).await?;
    bob.has("alice:data", &last).await?;

    alice.kill()?;
    alice.start().await?;
    assert_eq!(alice.stack("data").await?.head.map(|head| head.frame), Some(last.frame));
    bob.kill()?;
    last = alice.push("data", &[("a.txt", b"3")]).await?;
    bob.start().await?;
    bob.has("alice:data", &last).await?;
    bob.reads("alice:data@head~3", b"0").await?;
    Ok(())
}

//  alice, whose home is deleted under her daemon
#[tokio::test]
async fn a_daemon_whose_home_went_ends_and_another_can_start() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    alice.push("data", &[("a.txt", b"0")]).await?;
    std::fs::remove_dir_all(alice.home())?;
    let (failed, said) = alice.ends().await?;
    ensure!(failed && said.contains("the home is gone"), "{said}");
    alice.start().await?;
    ensure!(alice.home().join("run/client.json").exists(), "the old one took the new file away");
    alice.stop().await
}

//  alice, whose daemon does not answer
#[tokio::test]
async fn who_calls_a_daemon_that_hangs_is_told() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    alice.halt(true)?;
    let output = alice.cli(["ls"]).await?;
    alice.halt(false)?;
    ensure!(output.status.code() == Some(5), "{output:?}");
    let pid = alice.pid().unwrap_or_default();
    let words = format!("the daemon (pid {pid}) did not answer for 10 seconds");
    ensure!(output.stderr.contains(&words), "{}", output.stderr);
    ensure!(alice.cli(["ls"]).await?.status.success(), "it does not answer again");
    Ok(())
}

/// MiB of the file that is cut short on its way: a second or more of work.
const SIZE: u64 = 256;

/// Pushes a large file at alice's and has bob follow; returns once a quarter of it came, and not
/// all: the push, the file, and the events of bob.
async fn under_way(alice: &mut Node, bob: &Node) -> anyhow::Result<(Pushed, PathBuf, Events)> {
    let file = alice.scratch()?.join("large.bin");
    data::large_file(&file, SIZE)?;
    let pushed = alice.push_paths("large", [("large.bin".to_owned(), file.clone())]).await?;
    let ticket = alice.ticket().await?.ticket;
    let mut events = bob.events().await?;
    let follow =
        NewFollow { ticket, policy: Some(Policy::Heads), selection: None, wait_seconds: Some(0) };
    let _: dsp_protocol::api::Followed = bob.api().steps("/follows", &follow).await?;
    let quarter = |event: &Event| match event {
        Event::TransferProgressed { bytes, .. } if *bytes >= SIZE * MIB / 4 => Some(*bytes),
        _ => None,
    };
    let came = events.find(DEADLINE, quarter).await?;
    ensure!(came < SIZE * MIB, "all of it came before anybody could be killed");
    Ok((pushed, file, events))
}

/// Waits until a transfer that brought something ended; returns the bytes that came until then.
async fn rest(events: &mut Events) -> anyhow::Result<u64> {
    let (mut last, mut sum) = (0, 0);
    let ended = |event: &Event| match event {
        Event::TransferProgressed { bytes, .. } => {
            last = *bytes;
            None
        }
        Event::TransferFinished { blobs, .. } => {
            sum += std::mem::take(&mut last);
            (*blobs > 0 && sum > 0).then_some(sum)
        }
        _ => None,
    };
    events.find(DEADLINE, ended).await
}

async fn is_whole(bob: &Node, pushed: &Pushed, file: &Path) -> anyhow::Result<()> {
    bob.has("alice:large", pushed).await?;
    let bytes = bob.api().content("alice:large").await?;
    assert_eq!(blake3::hash(&bytes).to_hex().to_string(), data::hash_of_file(file)?);
    Ok(())
}

//  alice ~~256 MiB~~> bob, and both are killed in the middle, she before him
#[tokio::test]
async fn a_transfer_is_taken_up_where_it_was_killed() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let (pushed, file, mut events) = under_way(&mut alice, &bob).await?;
    alice.kill()?;
    // What came is durable when the transfer ended; before, the last half second may be lost.
    let ended = |event: &Event| match event {
        Event::TransferFinished { failed, .. } if *failed > 0 => Some(()),
        _ => None,
    };
    events.find(DEADLINE, ended).await?;
    bob.kill()?;
    bob.start().await?;
    // Before there is anybody to go on with.
    let mut events = bob.events().await?;
    alice.start().await?;
    let came = rest(&mut events).await?;
    assert!(came <= SIZE * MIB * 7 / 8, "{came} bytes came, as if nothing had been here");
    is_whole(&bob, &pushed, &file).await
}

//  alice ~~256 MiB~~> bob, and she is killed in the middle
#[tokio::test]
async fn a_transfer_goes_on_when_its_provider_comes_back() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let (pushed, file, mut events) = under_way(&mut alice, &bob).await?;
    alice.kill()?;
    alice.start().await?;
    // In the same transfer or a later one, as soon as she is back.
    let came = rest(&mut events).await?;
    assert!(came <= SIZE * MIB * 9 / 8, "{came} bytes came, some of them twice");
    is_whole(&bob, &pushed, &file).await
}
