//! A disk without room.

use std::fs;

use anyhow::ensure;
use dsp_protocol::api::{ContextInfo, Event, NodeStatus, StackInfo};
use dsp_tests::data::MIB;
use dsp_tests::disk::Disk;
use dsp_tests::node::DEADLINE;
use dsp_tests::{Cluster, Node};
use tokio::time::timeout;

/// The size of the disk of a home.
const DISK: u64 = 64 * MIB;

/// Makes a node whose home is a disk of its own; nothing where that cannot be.
fn on_a_disk(cluster: &Cluster, name: &str) -> Option<(Disk, Node)> {
    let node = cluster.node(name);
    match Disk::mount(node.home(), DISK) {
        Ok(disk) => Some((disk, node)),
        Err(why) => {
            println!("SKIPPED: no disk of its own: {why}");
            None
        }
    }
}

/// Pushes through `dsp`, and sees it refused because the disk is full.
async fn push_is_refused(node: &Node, file: &str) -> anyhow::Result<()> {
    let said = node.cli(["push", "notes", file]).await?;
    ensure!(said.status.code() == Some(1), "{said:?}");
    ensure!(said.stderr.contains("hint: free some space"), "{said:?}");
    let json = node.cli(["push", "notes", file, "--json"]).await?;
    ensure!(json.stderr.contains("\"code\":\"disk_full\""), "{json:?}");
    Ok(())
}

/// Reads what is there in each way.
async fn reading_works(node: &Node) -> anyhow::Result<()> {
    for (args, expected) in [
        (&["ls", "--json"][..], "\"notes\""),
        (&["show", "notes"], "notes"),
        (&["cat", "notes#a.txt"], "of bob"),
        (&["status", "--json"], "\"disk_full\""),
    ] {
        let said = node.cli(args).await?;
        ensure!(said.status.success() && said.stdout.contains(expected), "{args:?}: {said:?}");
    }
    Ok(())
}

//  alice ~~data, large~~> bob, whose disk has room for what is small only
#[tokio::test]
async fn below_the_reserve_only_what_is_small_is_written() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let Some((disk, bob)) = on_a_disk(&cluster, "bob") else { return Ok(()) };
    let spare = 16 * MIB;
    let mut bob = bob.with_setting("DSP_STORE_MIN_FREE_BYTES", &spare.to_string());
    let [mut alice] = cluster.start(["alice"]).await?;
    bob.start().await?;
    let kept = bob.push("notes", &[("a.txt", b"of bob")]).await?;
    bob.push("gone", &[("b.txt", b"of bob too")]).await?;
    let first = alice.push("data", &[("a.txt", b"one")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &first).await?;

    disk.fill(spare - 4 * MIB)?;
    fs::write(bob.scratch()?.join("c.txt"), b"more")?;
    push_is_refused(&bob, "c.txt").await?;
    reading_works(&bob).await?;
    let status: NodeStatus = bob.status().await?;
    assert!(status.disk_full, "{status:?}");
    assert_eq!(bob.stack("notes").await?.head.map(|head| head.frame), Some(kept.frame));

    // Heads and frames come, and leave the reserve to those that follow.
    let large = vec![7; 10 * MIB as usize];
    let mut events = bob.events().await?;
    let second = alice.push("data", &[("a.txt", &large)]).await?;
    bob.eventually(async |api| {
        let stack: StackInfo = api.get("/stack", &[("ref", "alice:data")]).await?;
        let head = stack.head.as_ref().filter(|head| head.frame == second.frame);
        ensure!(head.is_some_and(|head| head.message.is_some()), "alice:data is at {stack:?}");
        Ok(())
    })
    .await?;
    let ended = async {
        loop {
            if let Event::TransferFinished { blobs, failed, .. } = events.next().await? {
                return anyhow::Ok((blobs, failed));
            }
        }
    };
    assert_eq!(timeout(DEADLINE, ended).await??, (0, 1), "what is large does not come");
    let removed = bob.cli(["rm", "gone", "--yes"]).await?;
    assert!(removed.status.success(), "{removed:?}");
    let fetched = bob.cli(["fetch", "alice:data"]).await?;
    assert!(fetched.stderr.contains("hint: free some space"), "{fetched:?}");
    assert!(disk.free_bytes()? > 8 * MIB, "{} bytes are free", disk.free_bytes()?);

    disk.clear()?;
    let pushed = bob.cli(["push", "notes", "c.txt"]).await?;
    assert!(pushed.status.success(), "{pushed:?}");
    bob.has("alice:data", &second).await?;
    Ok(())
}

//  alice ~~data~~> bob, whose disk has no room at all
#[tokio::test]
async fn without_any_room_nothing_is_lost() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let Some((disk, mut bob)) = on_a_disk(&cluster, "bob") else { return Ok(()) };
    let [mut alice] = cluster.start(["alice"]).await?;
    bob.start().await?;
    let kept = bob.push("notes", &[("a.txt", b"of bob")]).await?;
    let first = alice.push("data", &[("a.txt", b"one")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &first).await?;

    disk.fill(0)?;
    fs::write(bob.scratch()?.join("c.bin"), vec![1; 3 * MIB as usize])?;
    push_is_refused(&bob, "c.bin").await?;
    reading_works(&bob).await?;
    let second = alice.push("data", &[("a.txt", b"two")]).await?;
    // Also after it was stopped, and the disk filled up meanwhile, and after it was killed.
    bob.stop().await?;
    disk.fill(0)?;
    bob.start().await?;
    reading_works(&bob).await?;
    bob.kill()?;
    bob.start().await?;
    reading_works(&bob).await?;

    disk.clear()?;
    let pushed = bob.cli(["push", "notes", "c.bin"]).await?;
    assert!(pushed.status.success(), "{pushed:?}");
    bob.has("alice:data", &second).await?;
    bob.reads("notes@head~1#a.txt", b"of bob").await?;
    // And after a power cut in the middle of it.
    disk.fill(0)?;
    fs::write(bob.scratch()?.join("d.bin"), vec![2; 3 * MIB as usize])?;
    push_is_refused(&bob, "d.bin").await?;
    bob.kill()?;
    disk.clear()?;
    bob.start().await?;
    bob.reads("notes@head~1#a.txt", b"of bob").await?;
    let contexts: Vec<ContextInfo> = bob.api().list("/contexts", &[]).await?;
    assert_eq!(contexts.len(), 2, "{contexts:?}");
    assert_ne!(bob.stack("notes").await?.head.map(|head| head.frame), Some(kept.frame));
    Ok(())
}
