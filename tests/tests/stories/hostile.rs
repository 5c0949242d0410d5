//! Peers that take what is not theirs, or try to.

use dsp_protocol::api::{AccessName, ContextInfo, FileInfo, NewContext, NewTicket, RoleName};
use dsp_protocol::id::{BlobHash, FrameId, Incarnation};
use dsp_protocol::object::lineage::InputSource;
use dsp_protocol::object::{BlobRef, Lineage};
use dsp_protocol::sync::Command;
use dsp_protocol::wire::{CatalogKey, Message};
use dsp_tests::outsider::{Answer, Outsider, Part, Stranger};
use dsp_tests::{Cluster, Node};
use hyper::Method;

const SECRET: &[u8] = b"what only the readers of main may see, and nobody else at all";
const RESULT: &[u8] = b"the mean of it";

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
            // Every program of this version says so.
            Message::Hi { features, .. } => features == &["boards"],
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

    // She may have found Carol by now, and asks everybody.
    for answer in mallory.ask(context, secret.hash, Part::Whole).await? {
        assert_eq!(answer, Answer::NotHere);
    }
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

//  alice <-- mallory, a reader of open, where a result stands whose input is in main
#[tokio::test]
async fn a_result_brings_none_of_its_inputs() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let (secret, input) = with_secret(&mut alice).await?;
    let public = Some(AccessName::Public);
    let open = NewContext { name: "open".to_owned(), about: String::new(), access: public };
    let _: ContextInfo = alice.api().send(Method::POST, "/contexts", &open).await?;
    let file = alice.scratch()?.join("result.txt");
    std::fs::write(&file, RESULT)?;
    let file = file.display().to_string();
    let args = ["push", "me/open:result", &file, "--input", "me/main:secret"];
    let pushed = alice.cli(args).await?;
    anyhow::ensure!(pushed.status.success(), "{}", pushed.stderr);
    let reader = NewTicket { role: Some(RoleName::Reader), expires_seconds: None, uses: None };
    let ticket = alice.ticket_of("open", &reader).await?.ticket;

    let mallory = Outsider::start("mallory").await?;
    let context = mallory.follow(&ticket).await?;
    let frame = alice.stack("me/open:result").await?.head.expect("just pushed").frame;
    let named = mallory.frame(context, frame).await?.blobs;
    let result = BlobRef::of(RESULT);
    let lineage =
        named.iter().find(|blob| blob.hash != result.hash).expect("it tells of its input");
    let answers = mallory.ask(context, lineage.hash, Part::Whole).await?;
    let [Answer::Bytes(bytes)] = &answers[..] else { panic!("{answers:?}") };
    // Eight bytes of size come first; one this small has no hash tree.
    let lineage = Lineage::decode(&bytes[8..])?;
    assert!(matches!(lineage.inputs[0].source, InputSource::Blind(_)), "{lineage:?}");
    assert_eq!((&lineage.inputs[0].name, lineage.inputs[0].user), (&None, None));
    assert_eq!(lineage.host, None, "the context is public");

    assert_eq!(mallory.ask(context, secret.hash, Part::Whole).await?, [Answer::NotHere]);
    mallory.run(Command::FetchFrames { context, frames: vec![input] }).await?;
    // What is asked for afterwards comes.
    let pushed = alice.cli(["push", "me/open:later", &file]).await?;
    anyhow::ensure!(pushed.status.success(), "{}", pushed.stderr);
    let later = alice.stack("me/open:later").await?.head.expect("just pushed").frame;
    mallory.frame(context, later).await?;
    assert!(!mallory.has_frame(context, input).await?, "the input came with its result");
    Ok(())
}
