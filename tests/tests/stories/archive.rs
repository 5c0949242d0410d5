//! Contexts that are carried as a file, and what comes of files that somebody changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{ArchiveTaken, ContextInfo, FollowState, StackInfo};
use dsp_tests::{Cluster, Node};

fn bytes(count: u32, salt: u32) -> Vec<u8> {
    (0..count).map(|n| ((n + salt) % 251) as u8).collect()
}

/// Runs a command that has to succeed, and returns what it prints.
async fn done(node: &Node, args: &[&str]) -> anyhow::Result<String> {
    let output = node.cli(args).await?;
    ensure!(output.status.success(), "{args:?}: {output:?}");
    Ok(output.stdout)
}

async fn export(node: &Node, args: &[&str], file: &Path) -> anyhow::Result<()> {
    let file = file.to_str().context("a path of text")?;
    done(node, &[&["archive", "export"], args, &[file]].concat()).await.map(drop)
}

async fn import(node: &Node, file: &Path) -> anyhow::Result<ArchiveTaken> {
    let file = file.to_str().context("a path of text")?;
    let printed = done(node, &["archive", "import", file, "--json"]).await?;
    Ok(serde_json::from_str(&printed)?)
}

fn stick(cluster: &Cluster, name: &str) -> PathBuf {
    cluster.path().join(name)
}

//  alice -- stick -- bob -- stick -- carol; nobody ever meets
#[tokio::test]
async fn a_context_travels_on_a_stick() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let large = bytes(3_000_000, 1);
    alice.push("report", &[("data.bin", &bytes(40_000, 0)), ("note.txt", b"one")]).await?;
    let second = alice.push("report", &[("data.bin", &large), ("note.txt", b"two")]).await?;
    let names: Vec<String> = (0..300).map(|n| format!("many/{n}.txt")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), n.as_bytes())).collect();
    let folder = alice.push("folder", &many).await?;
    let file = stick(&cluster, "main.dsp");
    export(&alice, &["main"], &file).await?;

    let taken = import(&bob, &file).await?;
    assert_eq!((taken.context.state, taken.known), (FollowState::Archived, false));
    assert_eq!(taken.context.label, "alice/main");
    assert_eq!((taken.frames.accepted, taken.frames.left_out), (3, 0));
    assert_eq!((taken.changes.waiting, taken.changes.left_out), (0, 0));
    assert_eq!((taken.blobs.left_out, taken.ticket), (0, None));
    bob.has("alice:report", &second).await?;
    bob.has("alice:folder", &folder).await?;
    bob.reads("alice:report#data.bin", &large).await?;
    bob.reads("alice:report@head~1#note.txt", b"one").await?;
    bob.reads("alice:folder#many/299.txt", b"many/299.txt").await?;

    // Again, after a start: nothing is new, and nothing is lost.
    bob.restart().await?;
    let again = import(&bob, &file).await?;
    assert_eq!((again.changes.accepted, again.frames.accepted, again.blobs.accepted), (0, 0, 0));
    assert_eq!((again.bytes, again.known), (0, true));
    let verified = bob.cli(["verify"]).await?;
    assert!(verified.status.success(), "{verified:?}");

    // Whoever has it passes it on.
    let onward = stick(&cluster, "onward.dsp");
    export(&bob, &["alice/main"], &onward).await?;
    import(&carol, &onward).await?;
    carol.reads("alice:report#data.bin", &large).await?;
    assert_eq!(fs::read(&file)?, fs::read(&onward)?, "the same context gives the same bytes");
    Ok(())
}

//  alice -- stick with a ticket --> bob, who then follows
#[tokio::test]
async fn an_archive_with_a_ticket_lets_in() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("report", &[("note.txt", b"one")]).await?;
    let file = stick(&cluster, "main.dsp");
    let refused =
        alice.cli(["archive", "export", "main", file.to_str().unwrap(), "--with-ticket"]).await?;
    assert_eq!(refused.status.code(), Some(4), "nobody was asked: {refused:?}");
    assert!(!file.exists());
    export(&alice, &["main", "--with-ticket", "--yes"], &file).await?;
    let taken = import(&bob, &file).await?;
    assert!(taken.ticket.is_some_and(|what| what.contains("followed")));
    let news = alice.push("report", &[("note.txt", b"two")]).await?;
    bob.has("alice:report", &news).await?;
    let context: ContextInfo = bob.api().get("/contexts/alice%2Fmain", &[]).await?;
    assert_eq!(context.state, FollowState::Following);
    // Not hers to make.
    let onward =
        bob.cli(["archive", "export", "alice/main", "x.dsp", "--with-ticket", "--yes"]).await?;
    assert_eq!(onward.status.code(), Some(4), "{onward:?}");
    Ok(())
}

//  alice -- heads, one stack, what is new since a frame --> bob
#[tokio::test]
async fn parts_travel_alone_and_add_up() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let first = alice.push("report", &[("note.txt", b"one")]).await?;
    alice.push("other", &[("secret.txt", b"not for bob")]).await?;
    alice.push("report", &[("note.txt", b"two")]).await?;
    let heads = stick(&cluster, "heads.dsp");
    export(&alice, &["report", "--heads"], &heads).await?;
    let taken = import(&bob, &heads).await?;
    assert!(taken.partial);
    assert_eq!((taken.frames.accepted, taken.blobs.accepted), (1, 1));
    bob.reads("alice:report", b"two").await?;
    let other: StackInfo = bob.stack("alice:other").await?;
    assert_eq!(other.name, "other", "names of all stacks are in every archive");
    assert_eq!(bob.cli(["cat", "alice:other"]).await?.status.code(), Some(1));
    let held = fs::read(&heads)?;
    assert!(!held.windows(11).any(|w| w == b"not for bob"));

    let third = alice.push("report", &[("note.txt", b"three")]).await?;
    let since = first.frame.to_string();
    let news = stick(&cluster, "news.dsp");
    export(&alice, &["report", "--since", &since[..8]], &news).await?;
    let taken = import(&bob, &news).await?;
    assert_eq!((taken.frames.accepted, taken.frames.known), (1, 1));
    bob.has("alice:report", &third).await?;
    let both = alice.cli(["archive", "export", "report", "other", "both.dsp"]).await?;
    assert!(both.status.success(), "{both:?}");
    Ok(())
}

//  alice -- a stick that mallory had --> bob
#[tokio::test]
async fn a_changed_archive_is_refused_and_leaves_nothing_wrong() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let data = bytes(20_000, 3);
    alice.push("report", &[("data.bin", &data), ("note.txt", b"one")]).await?;
    let file = stick(&cluster, "main.dsp");
    export(&alice, &["main"], &file).await?;
    let right = fs::read(&file)?;
    let changed = stick(&cluster, "changed.dsp");
    let step = right.len() / 40;
    for at in (0..right.len()).step_by(step).chain([right.len() - 1]) {
        let mut wrong = right.clone();
        wrong[at] ^= 0x10;
        fs::write(&changed, &wrong)?;
        let refused = bob.cli(["archive".as_ref(), "import".as_ref(), changed.as_os_str()]).await?;
        assert!(!refused.status.success(), "byte {at}: {refused:?}");
        assert!(refused.stderr.contains("error: "), "byte {at}: {refused:?}");
    }
    for end in [0, 5, 16, 40, right.len() / 2, right.len() - 1] {
        fs::write(&changed, &right[..end])?;
        let refused = bob.cli(["archive".as_ref(), "import".as_ref(), changed.as_os_str()]).await?;
        assert!(!refused.status.success(), "the first {end} bytes: {refused:?}");
        assert!(refused.stderr.contains("hint: "), "the first {end} bytes: {refused:?}");
    }
    let verified = bob.cli(["verify"]).await?;
    assert!(verified.status.success(), "{verified:?}");
    let taken = import(&bob, &file).await?;
    assert_eq!((taken.changes.left_out, taken.frames.left_out, taken.blobs.left_out), (0, 0, 0));
    bob.reads("alice:report#data.bin", &data).await?;
    bob.reads("alice:report#note.txt", b"one").await?;

    // No half file is left where an archive cannot be written.
    let nowhere = alice.cli(["archive", "export", "main", "/nowhere/main.dsp"]).await?;
    assert!(!nowhere.status.success(), "{nowhere:?}");
    assert!(nowhere.stderr.contains("/nowhere"), "{nowhere:?}");
    Ok(())
}

//  alice --x   a file of something else
#[tokio::test]
async fn what_is_no_archive_makes_no_context() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("report", &[("note.txt", b"one")]).await?;
    let file = stick(&cluster, "main.dsp");
    export(&alice, &["main"], &file).await?;
    let right = fs::read(&file)?;
    // The first record alone: a context of which nothing came.
    for end in [3, 200] {
        fs::write(&file, &right[..end])?;
        let refused = bob.cli(["archive".as_ref(), "import".as_ref(), file.as_os_str()]).await?;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    fs::write(&file, b"PK\x03\x04 a zip file")?;
    let refused = bob.cli(["archive".as_ref(), "import".as_ref(), file.as_os_str()]).await?;
    assert!(refused.stderr.contains("no archive of dsp"), "{refused:?}");
    let contexts: Vec<ContextInfo> = bob.api().list("/contexts", &[]).await?;
    assert_eq!(contexts.len(), 1, "only her own");
    Ok(())
}
