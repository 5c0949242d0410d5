//! What an author undoes, and what followers see of it.

use anyhow::ensure;
use dsp_protocol::api::{Changed, ContextInfo, FollowState, LogEntry, Rename, StackInfo, Undone};
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
    let said = bob.cli(["undo", "--yes"]).await?;
    ensure!(said.stdout.starts_with("undone: left and dropped alice/main\n"), "{said:?}");
    bob.has("alice:data", &since).await?;
    bob.reads("alice:data@head~1", b"one").await?;
    Ok(())
}

//  alice removes a stack, and pushes to its name again
#[tokio::test]
async fn a_push_to_a_removed_stack_goes_on_with_its_history() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let first = alice.push("data", &[("a.txt", b"one")]).await?;
    let second = alice.push("data", &[("a.txt", b"two")]).await?;
    let cli = async |args: &[&str]| {
        let said = alice.cli(args).await?;
        ensure!(said.status.success(), "{args:?}: {said:?}");
        Ok(format!("{}{}", said.stdout, said.stderr))
    };
    cli(&["rm", "data", "--yes"]).await?;
    // Its frames are named by the short ids that dsp prints, and dsp says so.
    for frame in [first.frame, second.frame] {
        let named = format!("data@{}", frame.short());
        ensure!(cli(&["show", &named]).await?.contains(&frame.short()));
    }
    let refused = alice.cli(["show", "data"]).await?;
    let named = format!("`data@{}` was its last one", second.frame.short());
    ensure!(refused.stderr.contains(&named), "{refused:?}");
    let dropped = cli(&["drop", "data", "--all", "--force", "--yes"]).await?;
    ensure!(dropped.contains("2 files"), "{dropped}");

    let file = alice.scratch()?.join("a.txt");
    std::fs::write(&file, b"three")?;
    let pushed = cli(&["push", "data", file.to_str().unwrap()]).await?;
    ensure!(pushed.contains("was removed; it is here again"), "{pushed}");
    let log: Vec<LogEntry> = alice.api().list("/log", &[("ref", "data")]).await?;
    let line: Vec<_> = log.iter().map(|entry| entry.id).skip(1).collect();
    assert_eq!(line, [second.frame, first.frame]);
    Ok(())
}

//  alice moves a tag by a push, and puts it back; a bare undo asks first
#[tokio::test]
async fn a_push_that_moves_a_tag_says_so_and_is_undone() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let file = alice.scratch()?.join("a.txt");
    let push = async |text: &str| {
        std::fs::write(&file, text)?;
        let said = alice.cli(["push", "data", file.to_str().unwrap(), "--tag", "prod"]).await?;
        ensure!(said.status.success(), "{said:?}");
        Ok(said.stderr)
    };
    ensure!(!push("one").await?.contains("prod"));
    let first = alice.stack("data").await?.tags["prod"];
    let said = push("two").await?;
    let told = format!("the tag prod was on frame {}; `dsp undo 1`", first.short());
    ensure!(said.contains(&told), "{said}");
    ensure!(alice.stack("data").await?.tags["prod"] != first);
    // The same files again, and the tag on another frame: it moves to the head.
    alice.cli(["tag", &format!("data@{}", first.short()), "prod"]).await?;
    let said = push("two").await?;
    ensure!(said.contains(&told.replace("undo 1", "undo 3")), "{said}");

    let asked = alice.cli(["undo"]).await?;
    assert_eq!(asked.status.code(), Some(4), "{asked:?}");
    ensure!(asked.stderr.contains("`dsp undo 3` undoes it"), "{asked:?}");
    let undone = alice.cli(["undo", "3"]).await?;
    ensure!(undone.status.success(), "{undone:?}");
    assert_eq!(alice.stack("data").await?.tags["prod"], first);
    Ok(())
}

//  alice <-- bob, who leaves, and follows again while alice is off
#[tokio::test]
async fn who_follows_again_and_reaches_nobody_is_told_so() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let pushed = alice.push("data", &[("a.txt", b"one")]).await?;
    let ticket = alice.ticket().await?.ticket;
    bob.follow(&ticket).await?;
    bob.has("alice:data", &pushed).await?;
    ensure!(bob.cli(["unfollow", "alice/main", "--keep"]).await?.status.success());
    alice.stop().await?;
    let said = bob.cli(["follow", &ticket, "--no-wait"]).await?;
    ensure!(said.status.success() && said.stdout.contains("not synced yet"), "{said:?}");
    bob.reads("alice:data", b"one").await?;
    // Once she is met again, the same says that it is synced.
    ensure!(bob.cli(["unfollow", "alice/main", "--keep"]).await?.status.success());
    alice.start().await?;
    let followed = bob.follow(&alice.ticket().await?.ticket).await?;
    ensure!(followed.synced, "{followed:?}");
    Ok(())
}
