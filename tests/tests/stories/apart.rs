//! Nodes that are never up at the same time, and a home that went back in time.

use std::fs;

use dsp_protocol::api::NewTicket;
use dsp_protocol::api::RoleName;
use dsp_tests::{Cluster, data};

//  alice  up    x     up
//  bob    x     up    up
//  both push while the other is off, and meet
#[tokio::test]
async fn both_sides_push_while_apart_and_meet_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let before = alice.push("hers", &[("a.txt", b"before")]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: Some(1) };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    bob.has("alice:hers", &before).await?;
    bob.switch("alice/main").await?;
    let met = bob.push("his", &[("b.txt", b"before")]).await?;
    alice.has("bob:his", &met).await?;

    bob.stop().await?;
    let hers = alice.push("hers", &[("a.txt", b"apart")]).await?;
    alice.stop().await?;
    bob.start().await?;
    let his = bob.push("his", &[("b.txt", b"apart")]).await?;
    assert_eq!(his.peers, 0);
    alice.start().await?;

    alice.has("bob:his", &his).await?;
    bob.has("alice:hers", &hers).await?;
    for (node, mine, other) in [(&alice, "hers", "bob:his"), (&bob, "his", "alice:hers")] {
        for reference in [mine, other] {
            node.reads(reference, b"apart").await?;
            assert_eq!(node.stack(reference).await?.other_heads, Vec::new());
        }
    }
    Ok(())
}

//  alice <-- bob
//  alice's home is put back to an old copy; bob knows what she forgot
#[tokio::test]
async fn a_home_put_back_to_an_old_copy_goes_on() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    let ticket = alice.ticket().await?.ticket;
    alice.stop().await?;
    let copy = cluster.path().join("copy");
    data::copy_folder(alice.home(), &copy)?;
    alice.start().await?;
    bob.follow(&ticket).await?;
    let forgotten = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.has("alice:data", &forgotten).await?;

    alice.stop().await?;
    fs::remove_dir_all(alice.home())?;
    fs::rename(&copy, alice.home())?;
    alice.start().await?;
    // What she forgot comes back from bob, and what she pushes now goes out to him.
    alice.has("data", &forgotten).await?;
    let next = alice.push("data", &[("a.txt", b"three")]).await?;
    let stack = bob.has("alice:data", &next).await?;
    assert_eq!(stack.other_heads, Vec::new());
    bob.reads("alice:data@head~1", b"two").await?;
    Ok(())
}

//  alice <-- bob
//  alice's old copy pushes before it meets bob again: both heads are shown
#[tokio::test]
async fn an_old_copy_that_pushes_first_makes_a_second_head() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    let ticket = alice.ticket().await?.ticket;
    alice.stop().await?;
    let copy = cluster.path().join("copy");
    data::copy_folder(alice.home(), &copy)?;
    alice.start().await?;
    bob.follow(&ticket).await?;
    let forgotten = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.has("alice:data", &forgotten).await?;

    bob.stop().await?;
    alice.stop().await?;
    fs::remove_dir_all(alice.home())?;
    fs::rename(&copy, alice.home())?;
    alice.start().await?;
    let other = alice.push("data", &[("a.txt", b"another two")]).await?;
    bob.start().await?;
    for (node, reference) in [(&alice, "data"), (&bob, "alice:data")] {
        let mut frames = node
            .eventually(async |api| {
                let stack: dsp_protocol::api::StackInfo =
                    api.get("/stack", &[("ref", reference)]).await?;
                anyhow::ensure!(!stack.other_heads.is_empty(), "one head");
                let heads = stack.head.iter().chain(&stack.other_heads);
                Ok(heads.map(|head| head.frame).collect::<Vec<_>>())
            })
            .await?;
        frames.sort_unstable();
        let mut expected = [forgotten.frame, other.frame];
        expected.sort_unstable();
        assert_eq!(frames, expected);
    }
    // The next push replaces both.
    let joined = alice.push("data", &[("a.txt", b"joined")]).await?;
    assert_eq!(bob.has("alice:data", &joined).await?.other_heads, Vec::new());
    Ok(())
}
