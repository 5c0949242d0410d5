//! Keeping bytes and letting them go: pins, drops, and what a collection frees.

use anyhow::ensure;
use dsp_protocol::api::{
    DropMode, DropReport, DropRequest, Fetched, FollowState, FrameInfo, Freed, Garbage, NewPin,
    PinInfo, PinKeep, Pinned, Policy, ProblemCode, RefRequest, StayReason, Unpinned,
};
use dsp_tests::api::CallError;
use dsp_tests::{Cluster, Node};
use hyper::Method;

async fn bytes_here(node: &Node, reference: &str) -> anyhow::Result<u64> {
    let frame: FrameInfo = node.api().get("/frame", &[("ref", reference)]).await?;
    Ok(frame.bytes_here)
}

async fn drop_bytes(node: &Node, reference: &str, mode: DropMode) -> Result<DropReport, CallError> {
    let request = DropRequest { reference: reference.to_owned(), all: false, mode };
    node.api().steps("/drop", &request).await
}

async fn fetch(node: &Node, reference: &str) -> Result<Fetched, CallError> {
    let request = RefRequest { reference: Some(reference.to_owned()) };
    node.api().steps("/fetch", &request).await
}

async fn pin(node: &Node, reference: &str, keep: PinKeep) -> Result<Pinned, CallError> {
    node.api().steps("/pins", &NewPin { reference: reference.to_owned(), keep }).await
}

//  alice <-- bob, who drops what she proves to hold
#[tokio::test]
async fn what_another_proves_to_hold_is_dropped_and_fetched_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let large: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let first = alice.push("data", &[("large.bin", &large), ("small.txt", b"small")]).await?;
    bob.follow_as(&alice.ticket().await?.ticket, Policy::All).await?;
    bob.has("alice:data", &first).await?;

    let would = drop_bytes(&bob, "alice:data", DropMode::Check).await?;
    assert_eq!((would.files, would.bytes, would.freed), (2, first.bytes, None));
    assert_eq!(bytes_here(&bob, "alice:data").await?, first.bytes, "a check frees nothing");
    let dropped = drop_bytes(&bob, "alice:data", DropMode::Confirmed).await?;
    assert_eq!(dropped.holders.len(), 1);
    let holder = &dropped.holders[0];
    let device = alice.status().await?.device;
    assert_eq!((holder.user.as_str(), holder.device, holder.blobs), ("alice", device, 2));
    let trashed = Freed { trashed: 2, trashed_bytes: first.bytes, ..Freed::default() };
    assert_eq!(dropped.freed, Some(trashed));
    assert_eq!(bytes_here(&bob, "alice:data").await?, 0);
    assert_eq!(bob.status().await?.used_bytes, 0);

    // No policy and no restart brings it back; what comes after does come.
    bob.restart().await?;
    let other = alice.push("other", &[("a.txt", b"other")]).await?;
    bob.has("alice:other", &other).await?;
    assert_eq!(bytes_here(&bob, "alice:data").await?, 0);
    let output = bob.cli(["undo", "--yes"]).await?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bytes_here(&bob, "alice:data").await?, first.bytes);
    bob.reads("alice:data#large.bin", &large).await?;

    // What was freed is fetched.
    drop_bytes(&bob, "alice:data", DropMode::Confirmed).await?;
    let freed: Freed = bob.api().send(Method::POST, "/node/collect", &()).await?;
    assert_eq!((freed.blobs, freed.bytes), (2, first.bytes));
    assert_eq!(
        bob.cli(["undo", "--yes"]).await?.status.code(),
        Some(3),
        "there is nothing to undo"
    );
    assert_eq!(fetch(&bob, "alice:data").await?.bytes, first.bytes);
    bob.reads("alice:data#large.bin", &large).await?;
    Ok(())
}

//  alice x   carol (who has no bytes) <-- bob
#[tokio::test]
async fn nothing_goes_that_nobody_proves_to_hold() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let first = alice.push("data", &[("a.bin", &[7; 40_000])]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    bob.has("alice:data", &first).await?;
    carol.follow_as(&ticket, Policy::Lazy).await?;
    bob.eventually(async |api| {
        let status: dsp_protocol::api::NodeStatus = api.get("/node", &[]).await?;
        ensure!(status.peers_connected == 2, "{} of 2 peers", status.peers_connected);
        Ok(())
    })
    .await?;
    alice.stop().await?;
    bob.eventually(async |api| {
        let status: dsp_protocol::api::NodeStatus = api.get("/node", &[]).await?;
        ensure!(status.peers_connected == 1, "{} of 1 peers", status.peers_connected);
        Ok(())
    })
    .await?;

    let refused = drop_bytes(&bob, "alice:data", DropMode::Confirmed).await.unwrap_err();
    let CallError::Problem(problem) = refused else { panic!("{refused}") };
    assert_eq!(problem.code, ProblemCode::Refused);
    assert!(problem.detail.contains("alice:data#a.bin"), "{problem:?}");
    assert!(problem.hint.is_some_and(|hint| hint.contains("--force")));
    assert_eq!(problem.causes, ["the one connected peer was asked"]);
    bob.reads("alice:data", &[7; 40_000]).await?;

    let output = bob.cli(["drop", "alice:data", "--force"]).await?;
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(output.stderr.contains("alice:data#a.bin"), "{output:?}");
    bob.reads("alice:data", &[7; 40_000]).await?;
    let output = bob.cli(["drop", "alice:data", "--force", "--yes"]).await?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bytes_here(&bob, "alice:data").await?, 0);
    Ok(())
}

//  alice <--> bob, who both drop the same at the same time
#[tokio::test]
async fn two_who_drop_at_once_do_not_both_count_on_the_other() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    for round in 0..5u8 {
        let stack = format!("data{round}");
        let pushed = alice.push(&stack, &[("a.bin", &[round; 200_000])]).await?;
        let theirs = format!("alice:{stack}");
        bob.has(&theirs, &pushed).await?;
        let (a, b) = tokio::join!(
            drop_bytes(&alice, &stack, DropMode::Confirmed),
            drop_bytes(&bob, &theirs, DropMode::Confirmed),
        );
        assert!(!(a.is_ok() && b.is_ok()), "round {round}: both let it go");
        let here = bytes_here(&alice, &stack).await? + bytes_here(&bob, &theirs).await?;
        assert!(here >= pushed.bytes, "round {round}: nobody has it");
    }
    Ok(())
}

//  alice <-- bob: the older frame goes, not what it has in common with the head
#[tokio::test]
async fn what_a_current_head_names_too_stays() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let old: (&str, &[u8]) = ("old.bin", &[1; 30_000]);
    let both: (&str, &[u8]) = ("both.bin", &[2; 30_000]);
    alice.push("data", &[old, both]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow_as(&ticket, Policy::All).await?;
    let head = alice.push("data", &[both]).await?;
    bob.has("alice:data", &head).await?;
    bob.reads("alice:data@head~1#old.bin", old.1).await?;

    let dropped = drop_bytes(&bob, "alice:data@head~1", DropMode::Confirmed).await?;
    assert_eq!((dropped.files, dropped.bytes), (1, 30_000));
    let stays: Vec<_> = dropped.stays.iter().map(|file| (file.file.as_str(), file.why)).collect();
    assert_eq!(stays, [("alice:data#both.bin", StayReason::CurrentHead)]);
    bob.reads("alice:data", both.1).await?;
    Ok(())
}

//  alice <-- bob, who brings nothing by himself and pins
#[tokio::test]
async fn a_pin_brings_bytes_and_keeps_them_whatever_is_said() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let kept = alice.push("data", &[("a.bin", &[1; 30_000])]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow_as(&ticket, Policy::Lazy).await?;
    let pinned = pin(&bob, "alice:data", PinKeep::Frame).await?;
    assert_eq!((pinned.fetched.bytes, pinned.pin.bytes_here), (kept.bytes, kept.bytes));
    let other = alice.push("other", &[("b.bin", &[2; 30_000])]).await?;
    bob.eventually(async |api| {
        let _: FrameInfo = api.get("/frame", &[("ref", "alice:other")]).await?;
        Ok(())
    })
    .await?;
    assert_eq!(fetch(&bob, "alice:other").await?.bytes, other.bytes);

    let refused = drop_bytes(&bob, "alice:data", DropMode::Force).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Conflict), "{refused}");

    // The author removes it, and a collection is asked for.
    alice.api().delete("/stack", &[("ref", "data")]).await?;
    bob.eventually(async |api| {
        let stack: dsp_protocol::api::StackInfo =
            api.get("/stack", &[("ref", "alice:data")]).await?;
        ensure!(stack.head.is_none(), "it is not removed yet");
        Ok(())
    })
    .await?;
    let garbage: Garbage = bob.api().get("/node/garbage", &[]).await?;
    assert!(garbage.removed.is_empty(), "{garbage:?}");
    let freed: Freed = bob.api().send(Method::POST, "/node/collect", &()).await?;
    assert_eq!(freed.blobs, 0);
    let reference = format!("alice:data@{}", kept.frame);
    bob.reads(&reference, &[1; 30_000]).await?;

    // Left and dropped, restarted: what is pinned can still be read, the rest is gone.
    let path = "/follows/alice%2Fmain";
    bob.api().delete(path, &[("copy", "drop")]).await?;
    bob.restart().await?;
    let info: dsp_protocol::api::ContextInfo = bob.api().get("/contexts/alice%2Fmain", &[]).await?;
    assert_eq!((info.state, info.used_bytes), (FollowState::Left, kept.bytes));
    bob.reads(&reference, &[1; 30_000]).await?;
    assert_eq!(bytes_here(&bob, "alice:other").await?, 0);

    let pins: Vec<PinInfo> = bob.api().list("/pins", &[]).await?;
    assert_eq!((pins.len(), pins[0].bytes_here), (1, kept.bytes));
    let output = bob.cli(["unpin", &reference]).await?;
    assert!(output.status.success(), "{output:?}");
    let pins: Vec<PinInfo> = bob.api().list("/pins", &[]).await?;
    assert!(pins.is_empty());
    Ok(())
}

//  alice <-- bob, whose pin follows her heads
#[tokio::test]
async fn a_pin_on_heads_follows_them_and_one_on_all_keeps_the_old() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("heads", &[("a.txt", b"one")]).await?;
    alice.push("all", &[("a.txt", b"1")]).await?;
    alice.push("all", &[("a.txt", b"2")]).await?;
    bob.follow_as(&alice.ticket().await?.ticket, Policy::Lazy).await?;
    pin(&bob, "alice:heads", PinKeep::Heads).await?;
    let all = pin(&bob, "alice:all", PinKeep::All).await?;
    assert_eq!((all.pin.frames, all.pin.bytes_here), (2, 2));
    bob.restart().await?;
    let second = alice.push("heads", &[("a.txt", b"two")]).await?;
    bob.has("alice:heads", &second).await?;
    let third = alice.push("all", &[("a.txt", b"3")]).await?;
    bob.has("alice:all", &third).await?;
    bob.reads("alice:all@head~2", b"1").await?;
    let pins: Vec<PinInfo> = bob.api().list("/pins", &[]).await?;
    let pins: Vec<_> = pins.iter().map(|pin| (pin.reference.as_str(), pin.frames)).collect();
    assert_eq!(pins, [("alice:all", 3), ("alice:heads", 1)]);
    let refused = drop_bytes(&bob, "alice:heads", DropMode::Confirmed).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Conflict), "{refused}");
    // The first head of the stack is pinned no more.
    let dropped = drop_bytes(&bob, "alice:heads@head~1", DropMode::Confirmed).await?;
    assert_eq!(dropped.stays_total, 0);
    Ok(())
}

//  alice <-- bob, who has what she removed
#[tokio::test]
async fn what_an_author_removed_goes_when_it_is_asked_for() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let gone = alice.push("gone", &[("a.bin", &[1; 30_000]), ("both.txt", b"both")]).await?;
    let stays = alice.push("stays", &[("both.txt", b"both")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:gone", &gone).await?;
    bob.has("alice:stays", &stays).await?;
    alice.api().delete("/stack", &[("ref", "gone")]).await?;
    let garbage = bob
        .eventually(async |api| {
            let garbage: Garbage = api.get("/node/garbage", &[]).await?;
            ensure!(!garbage.removed.is_empty(), "nothing is waste");
            Ok(garbage)
        })
        .await?;
    let [frame] = &garbage.removed[..] else { panic!("{garbage:?}") };
    assert_eq!((frame.frame, frame.waste.blobs, frame.waste.bytes), (gone.frame, 1, 30_000));
    assert_eq!(frame.holders.len(), 1, "{garbage:?}");
    assert_eq!((frame.context.as_str(), frame.holders[0].user.as_str()), ("alice/main", "alice"));

    let output = bob.cli(["gc"]).await?;
    assert!(output.status.success() && output.stdout.contains("alice (now)"), "{output:?}");
    assert!(output.stderr.contains("nothing was freed"), "{output:?}");
    let reference = format!("alice:gone@{}", gone.frame);
    assert_eq!(bytes_here(&bob, &reference).await?, gone.bytes, "nothing goes unasked");
    let output = bob.cli(["gc", "--yes"]).await?;
    assert_eq!(output.stdout, "freed 30 kB in 1 blob\n", "{output:?}");
    bob.reads("alice:stays", b"both").await?;
    assert_eq!(bytes_here(&bob, &reference).await?, 4);

    // In a context of one's own nothing is waste that has a name.
    let garbage: Garbage = alice.api().get("/node/garbage", &[]).await?;
    assert!(garbage.removed.is_empty(), "{garbage:?}");
    Ok(())
}

//  bob unpins what is not pinned
#[tokio::test]
async fn only_what_is_pinned_can_be_unpinned() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut bob] = cluster.start(["bob"]).await?;
    bob.push("data", &[("a.txt", b"1")]).await?;
    pin(&bob, "data", PinKeep::Frame).await?;
    bob.push("data", &[("a.txt", b"2")]).await?;
    let output = bob.cli(["unpin", "data"]).await?;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(output.stderr.contains("data@"), "the pin of the older frame is named: {output:?}");
    let unpinned = bob.cli(["unpin", "data@head~1", "--json"]).await?;
    let unpinned: Unpinned = serde_json::from_str(&unpinned.stdout)?;
    assert_eq!(unpinned.pins.len(), 1);
    for wrong in ["data#a.txt", "nothing"] {
        assert!(pin(&bob, wrong, PinKeep::Frame).await.is_err());
    }
    assert!(pin(&bob, "data@head~1", PinKeep::All).await.is_err());
    Ok(())
}
