//! What an author undoes, and what followers see of it.

use anyhow::ensure;
use dsp_protocol::api::{Changed, ContextInfo, FollowState, Rename, StackInfo, Undone};
use dsp_tests::{Cluster, Node};
use hyper::Method;
use serde_json::json;

async fn undo(node: &Node) -> anyhow::Result<Undone> {
    Ok(node.api().send(Method::POST, "/undo", &json!({})).await?)
}

/// Waits until a follower sees alice's stacks as they are expected: names, and whether removed.
async fn sees(node: &Node, expected: &[(&str, bool)]) -> anyhow::Result<()> {
    let query = [("context", "alice/main"), ("removed", "true")];
    node.eventually(async |api| {
        let stacks: Vec<StackInfo> = api.list("/stacks", &query).await?;
        let mut seen: Vec<_> = stacks.iter().map(|s| (s.name.as_str(), s.removed)).collect();
        seen.sort_unstable();
        ensure!(seen == expected, "{} sees {seen:?}", node.name);
        Ok(())
    })
    .await
}

//  alice <-- bob
//  alice removes, renames and closes, kills her daemon in between, and takes all of it back
#[tokio::test]
async fn followers_see_what_is_undone() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    let pushed = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &pushed).await?;

    let rename = Rename { reference: "data".to_owned(), name: "other".to_owned() };
    let renamed: Changed = alice.api().send(Method::POST, "/rename", &rename).await?;
    ensure!(renamed.undo.is_some(), "{renamed:?}");
    alice.api().delete("/stack", &[("ref", "other")]).await?;
    sees(&bob, &[("other", true)]).await?;
    alice.kill()?;
    alice.start().await?;
    ensure!(undo(&alice).await?.deed == "removed other");
    ensure!(undo(&alice).await?.deed == "renamed data to other");
    sees(&bob, &[("data", false)]).await?;
    let stack = bob.has("alice:data", &pushed).await?;
    assert_eq!((stack.id, stack.other_heads), (renamed.stack.id, Vec::new()));
    bob.reads("alice:data", b"two").await?;

    alice.api().delete("/contexts/main", &[]).await?;
    let stands = async |state: FollowState| {
        bob.eventually(async |api| {
            let context: ContextInfo = api.get("/contexts/alice%2Fmain", &[]).await?;
            ensure!(context.state == state, "bob's follow is {:?}", context.state);
            Ok(())
        })
        .await
    };
    stands(FollowState::Closed).await?;
    ensure!(undo(&alice).await?.deed == "closed main");
    stands(FollowState::Following).await?;
    let next = alice.push("data", &[("a.txt", b"three")]).await?;
    bob.has("alice:data", &next).await?;
    Ok(())
}

//  alice <-- bob, who drops her context, takes it back, and goes on with her
#[tokio::test]
async fn a_follow_that_was_dropped_goes_on() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let pushed = alice.push("data", &[("a.txt", b"one")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &pushed).await?;
    let said = bob.cli(["unfollow", "alice/main", "--drop"]).await?;
    ensure!(said.status.success() && said.stdout.contains("in the trash"), "{said:?}");
    ensure!(said.stderr.contains("`dsp undo "), "{said:?}");
    let since = alice.push("data", &[("a.txt", b"since")]).await?;
    ensure!(bob.stack("alice:data").await.is_err());
    let said = bob.cli(["undo"]).await?;
    ensure!(said.stdout.starts_with("undone: left and dropped alice/main\n"), "{said:?}");
    bob.has("alice:data", &since).await?;
    bob.reads("alice:data@head~1", b"one").await?;
    Ok(())
}
