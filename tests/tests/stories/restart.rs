//! Daemons that stop or are killed in the middle.

use dsp_protocol::api::{Event, NewFollow, Policy};
use dsp_tests::node::DEADLINE;
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

//  alice ~~64 MiB~~> bob, who is killed in the middle; then alice is
#[tokio::test]
async fn a_transfer_goes_on_after_either_side_was_killed() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let file = alice.scratch()?.join("large.bin");
    data::large_file(&file, 64)?;
    let pushed = alice.push_paths("large", [("large.bin".to_owned(), file.clone())]).await?;
    let ticket = alice.ticket().await?.ticket;

    let mut events = bob.events().await?;
    let follow = NewFollow { ticket, policy: Some(Policy::Heads), wait_seconds: Some(0) };
    let _: dsp_protocol::api::Followed = bob.api().steps("/follows", &follow).await?;
    let begun = |event: &Event| match event {
        Event::TransferProgressed { .. } | Event::TransferFinished { .. } => Some(()),
        _ => None,
    };
    events.find(DEADLINE, begun).await?;
    bob.kill()?;
    bob.start().await?;
    // The transfer is taken up where it stood, or is over already: then nothing more is told.
    let mut events = bob.events().await?;
    let again = events.find(std::time::Duration::from_secs(5), begun).await;
    drop(again);
    alice.kill()?;
    alice.start().await?;
    bob.has("alice:large", &pushed).await?;
    let bytes = bob.api().content("alice:large").await?;
    assert_eq!(blake3::hash(&bytes).to_hex().to_string(), data::hash_of_file(&file)?);
    Ok(())
}
