//! What an author does to her stacks and contexts, and what followers see of it.

use anyhow::ensure;
use dsp_protocol::api::{ContextInfo, FollowState, Rename, StackInfo};
use dsp_tests::{Cluster, Node};
use hyper::Method;

/// Whether the follower is up while the author acts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follower {
    Connected,
    Away,
}

/// Renames, removes and closes, and holds after each what bob sees against it.
async fn tell(follower: Follower) -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let kept = alice.push("old/name", &[("a.txt", b"kept")]).await?;
    let gone = alice.push("gone", &[("b.txt", b"gone")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:old/name", &kept).await?;
    bob.has("alice:gone", &gone).await?;
    let away = async |bob: &mut Node| match follower {
        Follower::Connected => Ok(()),
        Follower::Away => bob.stop().await,
    };
    let back = async |bob: &mut Node| match follower {
        Follower::Connected => Ok(()),
        Follower::Away => bob.start().await,
    };

    away(&mut bob).await?;
    let rename = Rename { reference: "old/name".to_owned(), name: "new/name".to_owned() };
    let renamed: StackInfo = alice.api().send(Method::POST, "/rename", &rename).await?;
    assert_eq!(renamed.name, "new/name");
    alice.api().delete("/stack", &[("ref", "gone")]).await?;
    let next = alice.push("new/name", &[("a.txt", b"next")]).await?;
    back(&mut bob).await?;
    let followed = bob.has("alice:new/name", &next).await?;
    assert_eq!(followed.id, renamed.id, "a renamed stack is the same stack");
    bob.reads("alice:new/name@head~1", b"kept").await?;
    assert!(bob.stack("alice:old/name").await.is_err());
    bob.eventually(async |api| {
        let query = [("context", "alice/main"), ("removed", "true")];
        let stacks: Vec<StackInfo> = api.list("/stacks", &query).await?;
        let removed = stacks.iter().find(|stack| stack.id != followed.id);
        ensure!(removed.is_some_and(|stack| stack.removed), "bob sees {stacks:?}");
        Ok(())
    })
    .await?;

    away(&mut bob).await?;
    alice.api().delete("/contexts/main", &[]).await?;
    back(&mut bob).await?;
    bob.eventually(async |api| {
        let context: ContextInfo = api.get("/contexts/alice%2Fmain", &[]).await?;
        ensure!(context.state == FollowState::Closed, "bob's follow is {:?}", context.state);
        Ok(())
    })
    .await?;
    bob.reads("alice:new/name", b"next").await?;
    Ok(())
}

//  alice <-- bob
#[tokio::test]
async fn a_connected_follower_sees_renames_removals_and_the_end() -> anyhow::Result<()> {
    tell(Follower::Connected).await
}

//  alice x<-- bob, who comes back after each
#[tokio::test]
async fn a_follower_who_was_away_sees_renames_removals_and_the_end() -> anyhow::Result<()> {
    tell(Follower::Away).await
}
