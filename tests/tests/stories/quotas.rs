//! Quotas, and policies that choose among stacks, sizes and frames.

use anyhow::ensure;
use dsp_protocol::api::{
    ChangeFollow, ContextInfo, FrameInfo, NewFollow, Policy, ProblemCode, Selection, SetQuota,
};
use dsp_tests::{Cluster, Node};
use hyper::Method;

const MAIN: &str = "/contexts/alice%2Fmain";

async fn bytes_here(node: &Node, reference: &str) -> anyhow::Result<u64> {
    let reference = reference.to_owned();
    node.eventually(async |api| {
        let frame: FrameInfo = api.get("/frame", &[("ref", &reference)]).await?;
        Ok(frame.bytes_here)
    })
    .await
}

//  alice <-- bob, whose quota one of two files fits
#[tokio::test]
async fn over_its_quota_a_context_brings_heads_and_no_bytes() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow_as(&alice.ticket().await?.ticket, Policy::All).await?;
    let quota = SetQuota { quota_bytes: Some(50_000) };
    let path = format!("{MAIN}/quota");
    let info: ContextInfo = bob.api().send(Method::PUT, &path, &quota).await?;
    assert_eq!((info.quota_bytes, info.used_bytes), (Some(50_000), 0));
    let first = alice.push("first", &[("a.bin", &[1; 40_000])]).await?;
    bob.has("alice:first", &first).await?;
    let second = alice.push("second", &[("b.bin", &[2; 40_000])]).await?;
    // What fits comes after it, so that it was its turn.
    let small = alice.push("small", &[("c.bin", &[3; 5_000])]).await?;
    bob.has("alice:small", &small).await?;
    assert_eq!(bytes_here(&bob, "alice:second").await?, 0);
    bob.restart().await?;
    let tiny = alice.push("tiny", &[("d.bin", &[4; 100])]).await?;
    bob.has("alice:tiny", &tiny).await?;
    assert_eq!(bytes_here(&bob, "alice:second").await?, 0);
    let info: ContextInfo = bob.api().get(MAIN, &[]).await?;
    assert_eq!((info.used_bytes, info.quota_bytes), (45_100, Some(50_000)));
    let output = bob.cli(["context", "ls"]).await?;
    assert!(output.stdout.contains("45 kB of 50 kB"), "{output:?}");

    let output = bob.cli(["context", "quota", "alice/main", "none"]).await?;
    assert!(output.status.success(), "{output:?}");
    bob.has("alice:second", &second).await?;
    Ok(())
}

//  bob pushes into a full store
#[tokio::test]
async fn a_full_store_refuses_own_pushes_and_loses_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let mut bob = cluster.node("bob").with_setting("DSP_STORE_QUOTA_BYTES", "50000");
    bob.start().await?;
    bob.push("first", &[("a.bin", &[1; 40_000])]).await?;
    let folder = bob.scratch()?.join("large");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("b.bin"), [2; 20_000])?;
    let files = [("b.bin".to_owned(), folder.join("b.bin"))];
    let refused = bob.push_paths("second", files).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::DiskFull), "{refused}");
    assert!(bob.stack("second").await.is_err());
    bob.reads("first", &[1; 40_000]).await?;
    // The same bytes again take no room.
    bob.push("copy", &[("a.bin", &[1; 40_000])]).await?;
    let status = bob.status().await?;
    assert_eq!((status.used_bytes, status.quota_bytes), (40_000, Some(50_000)));
    let output = bob.cli(["status"]).await?;
    assert!(output.stdout.contains("40 kB of 50 kB"), "{output:?}");
    Ok(())
}

//  alice <-- bob, who asks for what does not fit
#[tokio::test]
async fn what_is_asked_for_comes_whatever_the_quota_says() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow_as(&alice.ticket().await?.ticket, Policy::Lazy).await?;
    let quota = SetQuota { quota_bytes: Some(0) };
    let _: ContextInfo = bob.api().send(Method::PUT, &format!("{MAIN}/quota"), &quota).await?;
    let first = alice.push("first", &[("a.bin", &[1; 40_000])]).await?;
    bob.eventually(async |api| {
        let _: FrameInfo = api.get("/frame", &[("ref", "alice:first")]).await?;
        Ok(())
    })
    .await?;
    let output = bob.cli(["fetch", "alice:first"]).await?;
    assert!(output.status.success(), "{output:?}");
    bob.has("alice:first", &first).await?;
    Ok(())
}

//  alice <-- bob, who chooses by name and size, also after a restart
#[tokio::test]
async fn a_policy_chooses_stacks_and_sizes() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let selection = Selection {
        only: vec!["sales/*".to_owned()],
        not: vec!["sales/raw".to_owned()],
        max_size_bytes: Some(10_000),
        last: None,
    };
    let follow = NewFollow {
        ticket: alice.ticket().await?.ticket,
        policy: Some(Policy::Heads),
        selection: Some(selection.clone()),
        wait_seconds: Some(30),
    };
    let followed: dsp_protocol::api::Followed = bob.api().steps("/follows", &follow).await?;
    assert_eq!(followed.context.selection, Some(selection.clone()));
    bob.restart().await?;
    alice.push("model", &[("a.bin", &[1; 100])]).await?;
    alice.push("sales/raw", &[("a.bin", &[2; 100])]).await?;
    alice.push("sales/weekly", &[("a.bin", &[3; 100]), ("b.bin", &[4; 20_000])]).await?;
    let last = alice.push("sales/last", &[("a.bin", &[5; 100])]).await?;
    bob.has("alice:sales/last", &last).await?;
    bob.reads("alice:sales/weekly#a.bin", &[3; 100]).await?;
    for (stack, here) in [("model", 0), ("sales/raw", 0), ("sales/weekly", 100)] {
        assert_eq!(bytes_here(&bob, &format!("alice:{stack}")).await?, here, "{stack}");
    }
    let info: ContextInfo = bob.api().get(MAIN, &[]).await?;
    assert_eq!(info.selection, Some(selection));
    let output = bob.cli(["context", "ls"]).await?;
    let words = "heads, only sales/*, not sales/raw, up to 10 kB";
    assert!(output.stdout.contains(words), "{output:?}");

    // Changed afterwards, it is applied to what is known already.
    let change = ChangeFollow { policy: Policy::Heads, selection: None };
    let info: ContextInfo = bob.api().send(Method::PATCH, "/follows/alice%2Fmain", &change).await?;
    assert_eq!(info.selection, None);
    bob.reads("alice:model", &[1; 100]).await?;
    bob.reads("alice:sales/weekly#b.bin", &[4; 20_000]).await?;
    Ok(())
}

//  alice <-- bob, who keeps up with the last two frames
#[tokio::test]
async fn a_policy_counts_the_last_frames() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    for n in 0..4u8 {
        alice.push("data", &[("a.bin", &[n; 1000])]).await?;
    }
    bob.follow_as(&alice.ticket().await?.ticket, Policy::Lazy).await?;
    let output =
        bob.cli(["context", "policy", "alice/main", "--policy", "heads", "--last", "2"]).await?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stderr.contains("add `--policy all`"), "{output:?}");
    let output = bob.cli(["context", "policy", "alice/main", "--last", "2"]).await?;
    assert_eq!(output.stdout, "alice/main: policy all, last 2 frames\n", "{output:?}");
    bob.reads("alice:data", &[3; 1000]).await?;
    bob.reads("alice:data@head~1", &[2; 1000]).await?;
    bob.eventually(async |api| {
        let info: ContextInfo = api.get(MAIN, &[]).await?;
        ensure!(info.used_bytes == 2000, "{} bytes", info.used_bytes);
        Ok(())
    })
    .await?;
    for older in ["alice:data@head~2", "alice:data@head~3"] {
        assert_eq!(bytes_here(&bob, older).await?, 0);
    }
    Ok(())
}
