//! Sharing and following.

use dsp_protocol::api::{ContextInfo, Event, Fetched, FollowState, Policy, RefRequest, StackInfo};
use dsp_tests::Cluster;
use dsp_tests::node::DEADLINE;

//  alice <-- bob
//  alice ~~week 46~~> bob, then ~~week 47~~> bob by itself
#[tokio::test]
async fn a_push_after_the_follow_arrives_by_itself() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let first = alice.push("sales/weekly", &[("report.csv", b"week,total\n46,12\n")]).await?;
    let followed = bob.follow(&alice.ticket().await?.ticket).await?;
    assert!(followed.synced && !followed.known);
    assert_eq!(followed.context.label, "alice/main");
    assert_eq!(followed.context.state, FollowState::Following);
    bob.has("alice:sales/weekly", &first).await?;

    let mut events = bob.events().await?;
    let second = alice.push("sales/weekly", &[("report.csv", b"week,total\n47,15\n")]).await?;
    assert_eq!(second.peers, 1);
    let frame = second.frame;
    events
        .find(DEADLINE, |event| match event {
            Event::StackHeadChanged(stack) if stack.frame == Some(frame) => Some(()),
            _ => None,
        })
        .await?;
    bob.has("alice:sales/weekly", &second).await?;
    bob.reads("alice:sales/weekly#report.csv", b"week,total\n47,15\n").await?;
    bob.reads("alice:sales/weekly@head~1#report.csv", b"week,total\n46,12\n").await?;

    let stack: StackInfo = bob.stack("alice:sales/weekly").await?;
    let status = alice.status().await?;
    assert_eq!((stack.user, stack.head.expect("a head").device), (status.user, status.device));
    Ok(())
}

//  alice <-- all, heads, lazy
//  all has both frames, heads the second, lazy none until it asks
#[tokio::test]
async fn the_policy_says_whose_bytes_come() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, all, heads, lazy] = cluster.start(["alice", "all", "heads", "lazy"]).await?;
    let first = alice.push("model", &[("weights.bin", &[1; 40_000])]).await?;
    let second = alice.push("model", &[("weights.bin", &[2; 50_000])]).await?;
    let ticket = alice.ticket().await?.ticket;
    for (node, policy) in [(&all, Policy::All), (&heads, Policy::Heads), (&lazy, Policy::Lazy)] {
        assert!(node.follow_as(&ticket, policy).await?.synced);
    }
    all.has("alice:model", &second).await?;
    heads.has("alice:model", &second).await?;

    let bytes_here = async |node: &dsp_tests::Node, reference: &str| -> anyhow::Result<u64> {
        node.eventually(async |api| {
            let frame: dsp_protocol::api::FrameInfo =
                api.get("/frame", &[("ref", reference)]).await?;
            Ok(frame.bytes_here)
        })
        .await
    };
    all.reads("alice:model@head~1", &[1; 40_000]).await?;
    assert_eq!(bytes_here(&all, "alice:model@head~1").await?, first.bytes);
    assert_eq!(bytes_here(&heads, "alice:model@head~1").await?, 0);
    assert_eq!(bytes_here(&lazy, "alice:model").await?, 0);

    let request = RefRequest { reference: Some("alice:model".to_owned()) };
    let fetched: Fetched = lazy.api().steps("/fetch", &request).await?;
    assert_eq!((fetched.files, fetched.bytes, fetched.missing), (1, 50_000, Vec::new()));
    lazy.has("alice:model", &second).await?;
    assert_eq!(bytes_here(&lazy, "alice:model@head~1").await?, 0);
    Ok(())
}

//  alice x<-- carol, alice x<-- bob
//  bob ~~what alice pushed~~> carol
#[tokio::test]
async fn a_follower_serves_another_while_the_author_is_away() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, mut carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let first = alice.push("data", &[("a.bin", &[1; 30_000])]).await?;
    // The ticket names alice alone: she tells bob and carol of each other.
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    bob.has("alice:data", &first).await?;
    carol.follow(&ticket).await?;
    carol.has("alice:data", &first).await?;

    carol.stop().await?;
    let second = alice.push("data", &[("a.bin", &[2; 30_000])]).await?;
    bob.has("alice:data", &second).await?;
    alice.stop().await?;
    carol.start().await?;
    carol.has("alice:data", &second).await?;
    carol.reads("alice:data", &[2; 30_000]).await?;
    Ok(())
}

//  alice <-- bob, who leaves
#[tokio::test]
async fn who_left_keeps_the_copy_or_drops_it() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let first = alice.push("data", &[("a.txt", b"one")]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    bob.has("alice:data", &first).await?;
    bob.api().delete("/follows/alice%2Fmain", &[("copy", "keep")]).await?;
    let left: ContextInfo = bob.api().get("/contexts/alice%2Fmain", &[]).await?;
    assert_eq!(left.state, FollowState::Left);
    bob.reads("alice:data", b"one").await?;

    bob.follow(&ticket).await?;
    let second = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.has("alice:data", &second).await?;
    bob.api().delete("/follows/alice%2Fmain", &[("copy", "drop")]).await?;
    assert!(bob.stack("alice:data").await.is_err());
    Ok(())
}

//  alice <-- bob, over QUIC alone
#[tokio::test]
async fn quic_alone_carries_messages_and_bytes() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let over_quic =
        |name| cluster.node(name).with_setting("DSP_NET_LISTEN", "/ip4/127.0.0.1/udp/0/quic-v1");
    let (mut alice, mut bob) = (over_quic("alice"), over_quic("bob"));
    alice.start().await?;
    bob.start().await?;
    let listening = alice.status().await?.listening;
    assert!(listening.iter().all(|address| address.contains("/quic-v1")), "{listening:?}");
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let first = alice.push("data", &[("a.bin", &bytes)]).await?;
    assert!(bob.follow(&alice.ticket().await?.ticket).await?.synced);
    bob.has("alice:data", &first).await?;
    bob.reads("alice:data", &bytes).await?;
    let second = alice.push("data", &[("a.bin", b"and news")]).await?;
    bob.has("alice:data", &second).await?;
    Ok(())
}
