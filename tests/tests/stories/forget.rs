//! What an owner withdraws goes from everybody, and comes to nobody any more.

use anyhow::ensure;
use dsp_protocol::api::{Forgotten, FrameInfo, LogEntry, ProblemCode};
use dsp_tests::{Cluster, Node};

/// Waits until a node knows that a frame was withdrawn.
async fn is_withdrawn(node: &Node, reference: &str) -> anyhow::Result<()> {
    node.eventually(async |api| {
        let frame = api.get::<FrameInfo>("/frame", &[("ref", reference)]).await;
        let error = frame.err().ok_or_else(|| anyhow::anyhow!("{reference} is there still"))?;
        ensure!(error.code() == Some(ProblemCode::NotFound), "{error:?}");
        ensure!(format!("{error:?}").contains("withdrawn"), "{error:?}");
        Ok(())
    })
    .await
}

//  alice -- bob, who has it all; carol comes later
#[tokio::test]
async fn what_an_owner_withdraws_goes_from_everybody() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    bob.reads("alice:data#a.txt", b"one").await?;
    let secret = alice.push("data", &[("a.txt", b"two"), ("key.txt", b"a secret")]).await?;
    bob.reads("alice:data#key.txt", b"a secret").await?;
    let last = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.has("alice:data", &last).await?;
    let refused = bob.cli(["forget", "alice:data@head~1", "--yes"]).await?;
    assert_eq!(refused.status.code(), Some(4), "no owner: {refused:?}");
    let refused = alice.cli(["forget", "data@head~1"]).await?;
    assert_eq!(refused.status.code(), Some(4), "nobody was asked: {refused:?}");

    let done = alice.cli(["forget", "data@head~1", "--yes", "--json"]).await?;
    ensure!(done.status.success(), "{done:?}");
    let forgotten: Forgotten = serde_json::from_str(&done.stdout)?;
    assert_eq!((forgotten.frame, forgotten.done, forgotten.whole), (secret.frame, true, true));
    assert_eq!((forgotten.files, forgotten.stays_total), (vec!["data#key.txt".to_owned()], 1));

    carol.follow(&ticket).await?;
    carol.has("alice:data", &last).await?;
    let fetched = carol.cli(["fetch", "alice:data@head~2"]).await?;
    ensure!(fetched.status.success(), "{fetched:?}");
    for (node, stack) in [(&alice, "data"), (&bob, "alice:data"), (&carol, "alice:data")] {
        is_withdrawn(node, &format!("{stack}@head~1")).await?;
        node.reads(&format!("{stack}#a.txt"), b"two").await?;
        // The history has a gap, and no end.
        node.reads(&format!("{stack}@head~2#a.txt"), b"one").await?;
        let entries: Vec<LogEntry> = node.api().list("/log", &[("ref", stack)]).await?;
        let gaps: Vec<bool> = entries.iter().map(|entry| entry.withdrawn).collect();
        assert_eq!(gaps, [false, true, false]);
        let verified = node.cli(["verify"]).await?;
        assert!(verified.status.success(), "nothing is lost: {verified:?}");
    }
    bob.restart().await?;
    is_withdrawn(&bob, "alice:data@head~1").await?;
    // The same bytes are not taken in again.
    let again = alice.push("again", &[("key.txt", b"a secret")]).await.unwrap_err();
    assert!(format!("{again:?}").contains("was withdrawn"), "{again:?}");
    Ok(())
}

//  alice -- bob; a head goes, and no frame comes after it
#[tokio::test]
async fn a_head_that_was_withdrawn_is_no_damage() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let pushed = alice.push("data", &[("key.txt", b"a secret")]).await?;
    bob.has("alice:data", &pushed).await?;
    let done = alice.cli(["forget", "data", "--yes"]).await?;
    ensure!(done.status.success(), "{done:?}");
    is_withdrawn(&bob, "alice:data").await?;
    for node in [&alice, &bob] {
        for verb in ["verify", "doctor"] {
            let said = node.cli([verb]).await?;
            ensure!(said.status.success(), "{}: {said:?}", node.name);
        }
    }
    Ok(())
}

//  alice -- bob; one file of a frame goes, and what is in an audience goes from there too
#[tokio::test]
async fn a_file_goes_from_all_contexts_of_its_owner() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    alice.push("data", &[("a.txt", b"one"), ("key.txt", b"a secret")]).await?;
    bob.reads("alice:data#key.txt", b"a secret").await?;
    let shared = alice.cli(["share", "data", "--with", "bob", "--yes"]).await?;
    ensure!(shared.status.success(), "{shared:?}");
    let done = alice.cli(["forget", "data#key.txt", "--yes", "--json"]).await?;
    ensure!(done.status.success(), "{done:?}");
    let forgotten: Forgotten = serde_json::from_str(&done.stdout)?;
    assert_eq!((forgotten.contexts.len(), forgotten.whole), (2, false), "{forgotten:?}");
    bob.eventually(async |api| {
        let frame: FrameInfo = api.get("/frame", &[("ref", "alice:data")]).await?;
        let here: Vec<bool> = frame.files.iter().map(|file| file.here).collect();
        ensure!(here == [true, false], "{here:?}");
        Ok(())
    })
    .await?;
    bob.reads("alice:data#a.txt", b"one").await?;
    assert!(bob.api().content("alice:data#key.txt").await.is_err());
    Ok(())
}
