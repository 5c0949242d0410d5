//! Much at once: many clients of one daemon, a long history, many followers of one node.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{FrameInfo, LogEntry, Pushed, SearchHit, StackInfo};
use dsp_tests::data::{MIB, peak_memory};
use dsp_tests::{Api, Cluster, Node};
use futures::future::{join_all, try_join_all};

/// Clients that call at the same time.
const CLIENTS: usize = 100;
/// Calls of each.
const CALLS: usize = 6;
/// Followers of one node; with `DSP_TEST_FULL` as many as [`ALL_FOLLOWERS`].
const FOLLOWERS: usize = 12;
const ALL_FOLLOWERS: usize = 50;
/// Frames of one stack; with `DSP_TEST_FULL` as many as [`ALL_FRAMES`].
const FRAMES: usize = 300;
const ALL_FRAMES: usize = 10_000;
/// Frames of it that a follower finds.
const BEFORE: usize = 100;
/// The most memory that a node with followers may ever hold, in bytes.
const MEMORY: u64 = 300 * MIB;

/// Returns the second number where tests run at length.
fn at_length(short: usize, long: usize) -> usize {
    if std::env::var_os("DSP_TEST_FULL").is_some() { long } else { short }
}

//  100 clients --> alice
#[tokio::test]
async fn a_hundred_clients_are_all_answered() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    for stack in 0..10 {
        alice.push(&format!("stack-{stack}"), &[("a.txt", stack.to_string().as_bytes())]).await?;
    }
    let client = async |api: Api, number: usize| -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        for call in 0..CALLS {
            let begun = Instant::now();
            let which = (number + call) % 10;
            let stack = format!("stack-{which}");
            match call % 3 {
                0 => {
                    let info: StackInfo = api.get("/stack", &[("ref", &stack)]).await?;
                    ensure!(info.name == stack, "{} for {stack}", info.name);
                }
                1 => {
                    let content = api.content(&format!("{stack}#a.txt")).await?;
                    ensure!(content == which.to_string(), "{content:?} for {which}");
                }
                _ => {
                    let all: Vec<StackInfo> = api.list("/stacks", &[]).await?;
                    ensure!(all.len() == 10, "{} stacks", all.len());
                }
            }
            times.push(begun.elapsed());
        }
        Ok(times)
    };
    let clients = (0..CLIENTS).map(|number| client(alice.api(), number));
    let mut times: Vec<Duration> = try_join_all(clients).await?.concat();
    times.sort_unstable();
    println!("{} calls, the slowest of a hundred {:?}", times.len(), times[times.len() * 99 / 100]);
    // And it works on.
    alice.push("stack-0", &[("a.txt", b"afterwards")]).await?;
    alice.reads("stack-0#a.txt", b"afterwards").await
}

//  alice ~~a stack with a long history~~> bob, who comes early: of frames before him he is brought 200
#[tokio::test]
async fn a_long_history_is_listed_searched_and_followed() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let frames = at_length(FRAMES, ALL_FRAMES);
    let (mut first, mut last): (Option<Pushed>, Option<Pushed>) = (None, None);
    for frame in 0..frames {
        if frame == BEFORE {
            bob.follow(&alice.ticket().await?.ticket).await?;
        }
        last = Some(alice.push("long", &[("a.txt", frame.to_string().as_bytes())]).await?);
        first = first.or(last.clone());
    }
    let (first, last) = first.zip(last).context("frames were pushed")?;
    bob.has("alice:long", &last).await?;
    for (node, reference) in [(&alice, "long"), (&bob, "alice:long")] {
        let listed = node
            .eventually(async |api| {
                let all: Vec<LogEntry> = api.list("/log", &[("ref", reference)]).await?;
                ensure!(all.len() == frames, "{} of {frames} frames", all.len());
                Ok(all)
            })
            .await?;
        let ends = [&listed[0], &listed[frames - 1]].map(|item| item.id);
        assert_eq!(ends, [last.frame, first.frame]);
        let oldest = format!("{reference}@{}", first.frame);
        let info: FrameInfo = node.api().get("/frame", &[("ref", &oldest)]).await?;
        assert_eq!(info.files_total, 1);
        let hits: Vec<SearchHit> = node.api().list("/search", &[("q", "long")]).await?;
        assert!(!hits.is_empty(), "{} finds nothing", node.name);
    }
    Ok(())
}

//  alice <-- many followers, each of whom gets a push soon
#[tokio::test]
async fn one_node_has_many_followers() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let first = alice.push("data", &[("a.bin", &vec![1; MIB as usize])]).await?;
    let ticket = alice.ticket().await?.ticket;
    let mut followers: Vec<Node> =
        (0..at_length(FOLLOWERS, ALL_FOLLOWERS)).map(|n| cluster.node(&format!("f{n}"))).collect();
    let begun = Instant::now();
    // A few at a time: fifty that start at once are a test of this machine.
    for few in followers.chunks_mut(4) {
        try_join_all(few.iter_mut().map(Node::start)).await?;
        try_join_all(few.iter().map(|node| node.follow(&ticket))).await?;
    }
    println!("{} follow after {:?}", followers.len(), begun.elapsed());
    try_join_all(followers.iter().map(|node| node.has("alice:data", &first))).await?;
    let begun = Instant::now();
    let second = alice.push("data", &[("a.bin", &vec![2; MIB as usize])]).await?;
    let came = join_all(followers.iter().map(|node| node.has("alice:data", &second))).await;
    came.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    println!("all have a push after {:?}", begun.elapsed());
    let status = alice.status().await?;
    assert_eq!(status.peers_connected as usize, followers.len());
    if let Some(peak) = alice.pid().and_then(peak_memory) {
        println!("alice held at most {} MiB", peak / MIB);
        assert!(peak < MEMORY, "alice held {} MiB", peak / MIB);
    }
    Ok(())
}
