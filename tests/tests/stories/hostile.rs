//! Peers that take what is not theirs, or try to.

use dsp_protocol::api::{ContextInfo, FileInfo, NewContext, NewTicket, RoleName};
use dsp_protocol::id::{BlobHash, FrameId, Incarnation};
use dsp_protocol::object::BlobRef;
use dsp_protocol::wire::{CatalogKey, Message};
use dsp_tests::outsider::{Answer, Outsider, Part, Stranger};
use dsp_tests::{Cluster, Node};
use hyper::Method;

const SECRET: &[u8] = b"what only the readers of main may see, and nobody else at all";

/// Pushes a secret into `main` and returns its hash and frame.
async fn with_secret(alice: &mut Node) -> anyhow::Result<(BlobRef, FrameId)> {
    let pushed = alice.push("secret", &[("secret.txt", SECRET)]).await?;
    let files: Vec<FileInfo> = alice.api().list("/files", &[("ref", "secret")]).await?;
    let blob = BlobRef::of(SECRET);
    assert_eq!(files[0].hash, blob.hash);
    Ok((blob, pushed.frame))
}

/// Makes a context beside `main` and a ticket of it for writers.
async fn team(alice: &Node) -> anyhow::Result<String> {
    let team = NewContext { name: "team".to_owned(), about: String::new(), access: None };
    let _: ContextInfo = alice.api().send(Method::POST, "/contexts", &team).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    Ok(alice.ticket_of("team", &writer).await?.ticket)
}

/// Waits until a stack of mallory's is at its frame here.
async fn sees(node: &Node, stack: &str) -> anyhow::Result<()> {
    node.eventually(async |api| {
        let query = [("context", "*"), ("q", stack)];
        let stacks: Vec<dsp_protocol::api::StackInfo> = api.list("/stacks", &query).await?;
        let head = stacks.first().and_then(|stack| stack.head.clone());
        anyhow::ensure!(head.is_some_and(|head| head.files.is_some()), "{stacks:?}");
        Ok(())
    })
    .await
}

//  alice <-- eve, who has only her address
#[tokio::test]
async fn a_stranger_with_the_address_learns_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let (_, frame) = with_secret(&mut alice).await?;
    alice.ticket().await?;
    let status = alice.status().await?;
    let eve = Stranger::start(&status).await?;
    let tag = [7; 16];
    let inc = Incarnation::from_bytes([0; 8]);
    let catalog = CatalogKey { user: status.user, device: status.device, inc };
    let heard = eve
        .say(
            status.device,
            &[
                Message::Tags { tags: vec![tag; 8] },
                Message::LogWant { tag, user: status.user, from: 0 },
                Message::Have { tag, logs: Vec::new(), docs: Vec::new(), whole: true },
                Message::Want { tag, catalog, from: 1 },
                Message::WantFrames { tag, frames: vec![frame] },
            ],
        )
        .await?;
    for message in &heard {
        let nothing = match message {
            Message::Hi { features, .. } => features.is_empty(),
            Message::Tags { tags } => tags.is_empty(),
            Message::Bye { .. } => true,
            _ => false,
        };
        assert!(nothing, "a stranger was told {message:?}");
    }
    assert!(heard.iter().any(|message| matches!(message, Message::Tags { .. })), "{heard:?}");
    Ok(())
}

//  alice <-- eve, who has the hash of a blob and no ticket
#[tokio::test]
async fn a_stranger_with_a_hash_gets_no_byte() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let (secret, _) = with_secret(&mut alice).await?;
    let status = alice.status().await?;
    let eve = Stranger::start(&status).await?;
    let known = eve.ask(status.device, secret.hash).await?;
    let unknown = eve.ask(status.device, BlobHash::of(b"never pushed")).await?;
    assert_eq!((known, unknown), (Answer::NotHere, Answer::NotHere));
    Ok(())
}

//  alice <-- mallory, a writer of team and a stranger to main
//  mallory pushes into team a frame that names a blob of main
#[tokio::test]
async fn naming_anothers_hash_does_not_earn_it() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, carol] = cluster.start(["alice", "carol"]).await?;
    let (secret, _) = with_secret(&mut alice).await?;
    let ticket = team(&alice).await?;
    carol.follow(&ticket).await?;
    let mallory = Outsider::start("mallory").await?;
    let context = mallory.follow(&ticket).await?;
    let own = mallory.keep(b"what mallory really has".to_vec()).await?;

    assert_eq!(mallory.ask(context, secret.hash, Part::Whole).await?, [Answer::NotHere]);
    mallory.push(context, "bait", &[own.clone(), secret.clone()]).await?;
    sees(&alice, "bait").await?;
    sees(&carol, "bait").await?;
    // Alice has taken what mallory has, so she has looked at the frame's blobs; the secret, which
    // she holds for main, is not served in team to anybody.
    alice
        .eventually(async |api| {
            let context: ContextInfo = api.get("/contexts/team", &[]).await?;
            anyhow::ensure!(context.bytes_here >= own.size, "{} bytes", context.bytes_here);
            Ok(())
        })
        .await?;
    for answer in mallory.ask(context, secret.hash, Part::Whole).await? {
        assert_eq!(answer, Answer::NotHere);
    }
    let answers = mallory.ask(context, own.hash, Part::Whole).await?;
    assert!(answers.iter().any(|answer| matches!(answer, Answer::Bytes(_))), "{answers:?}");
    let contexts: Vec<ContextInfo> = carol.api().list("/contexts", &[]).await?;
    let team = contexts.iter().find(|context| context.name == "team").expect("carol follows team");
    assert!(team.bytes_here < own.size + secret.size, "carol got the secret: {team:?}");
    Ok(())
}

//  alice <-- mallory, a writer of team
//  mallory pushes a blob that is a list of hashes, and asks for what it lists
#[tokio::test]
async fn a_list_of_hashes_is_only_bytes() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let (secret, _) = with_secret(&mut alice).await?;
    let ticket = team(&alice).await?;
    let mallory = Outsider::start("mallory").await?;
    let context = mallory.follow(&ticket).await?;
    let list = mallory.keep(secret.hash.as_bytes().repeat(2)).await?;
    mallory.push(context, "list", std::slice::from_ref(&list)).await?;
    // Alice earns the list itself.
    alice
        .eventually(async |_| {
            let answers = mallory.ask(context, list.hash, Part::Whole).await?;
            anyhow::ensure!(matches!(answers[..], [Answer::Bytes(_)]), "{answers:?}");
            Ok(())
        })
        .await?;
    assert_eq!(mallory.ask(context, secret.hash, Part::Whole).await?, [Answer::NotHere]);
    // No honest program asks for what a blob lists: that is refused, and mallory is shut out,
    // maybe before the answer comes.
    for part in [Part::Children, Part::Everything] {
        for answer in mallory.ask(context, list.hash, part).await.unwrap_or_default() {
            assert_eq!(answer, Answer::NotHere, "{part:?}");
        }
    }
    Ok(())
}
