//! Stacks for named users, and contexts that go on without their owner.

use anyhow::ensure;
use dsp_protocol::api::{
    ContextInfo, Forked, FrameInfo, OfferInfo, ProblemCode, Shared, StackInfo,
};
use dsp_tests::{Cluster, Node};

/// Takes what is offered under a label, once it is.
async fn takes(node: &Node, label: &str) -> anyhow::Result<()> {
    node.eventually(async |api| {
        let offers: Vec<OfferInfo> = api.list("/offers", &[]).await?;
        ensure!(offers.iter().any(|offer| offer.label == label), "{} has {offers:?}", node.name);
        Ok(())
    })
    .await?;
    let said = node.cli(["follow", label, "--policy", "all"]).await?;
    ensure!(said.status.success(), "{said:?}");
    Ok(())
}

async fn share(node: &Node, args: &[&str]) -> anyhow::Result<Shared> {
    let args = [&["share"], args, &["--yes", "--json"]].concat();
    let said = node.cli(args).await?;
    ensure!(said.status.success(), "{said:?}");
    Ok(serde_json::from_str(&said.stdout)?)
}

//  alice <-- bob, alice <-- carol, in a context that says nothing of the stack
//  alice ~~secret~~> bob, and not carol
#[tokio::test]
async fn a_stack_is_for_those_who_are_named_and_nobody_else() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    for node in [&bob, &carol] {
        node.follow(&alice.ticket().await?.ticket).await?;
    }
    assert!(alice.cli(["context", "new", "mine"]).await?.status.success());
    alice.switch("mine").await?;
    alice.push("secret", &[("a.txt", b"one")]).await?;
    let second = alice.push("secret", &[("a.txt", b"two")]).await?;
    alice.push("other", &[("a.txt", b"of nobody")]).await?;
    let shared = share(&alice, &["secret", "--with", "bob"]).await?;
    assert_eq!((shared.context.as_str(), shared.frames, shared.created), ("for-bob", 1, true));
    takes(&bob, "alice/for-bob").await?;
    bob.has("alice:secret", &second).await?;
    bob.reads("alice:secret#a.txt", b"two").await?;
    // What stands behind the head did not go along.
    let behind = bob.api().content("alice:secret@head~1#a.txt").await.unwrap_err();
    assert!(behind.code().is_some(), "{behind}");
    let stacks: Vec<StackInfo> = bob.api().list("/stacks", &[("context", "*")]).await?;
    assert!(stacks.iter().all(|stack| stack.name != "other"), "{stacks:?}");

    // What is pushed from now on reaches him, and one reference goes on to mean it.
    let third = alice.push("secret", &[("a.txt", b"three")]).await?;
    bob.has("alice:secret", &third).await?;
    alice.reads("secret#a.txt", b"three").await?;
    alice.reads("me:secret#a.txt", b"three").await?;
    assert_eq!(carol.stack("alice:secret").await.unwrap_err().code(), Some(ProblemCode::NotFound));
    let offers: Vec<OfferInfo> = carol.api().list("/offers", &[]).await?;
    assert_eq!(offers, []);

    // A ticket for whoever has it would end what was promised for the named ones.
    let refused = alice.cli(["share", "for-bob", "--yes"]).await?;
    assert!(refused.stderr.contains("for-bob is for named readers"), "{refused:?}");
    let fourth = alice.push("secret", &[("a.txt", b"four")]).await?;
    bob.has("alice:secret", &fourth).await?;

    // The same readers share one context, others have another.
    alice.push("plan", &[("p.txt", b"for two")]).await?;
    let again = share(&alice, &["other", "--with", "bob", "--history"]).await?;
    assert_eq!((again.context.as_str(), again.created), ("for-bob", false));
    bob.reads("alice:other#a.txt", b"of nobody").await?;
    let both = share(&alice, &["plan", "--with", "carol", "--with", "bob"]).await?;
    assert!(both.created && both.context != "for-bob" && both.readers.len() == 2, "{both:?}");
    takes(&carol, &format!("alice/{}", both.context)).await?;
    carol.reads("alice:plan#p.txt", b"for two").await?;
    let stacks: Vec<StackInfo> = carol.api().list("/stacks", &[("context", "*")]).await?;
    assert!(stacks.iter().all(|stack| stack.name == "plan"), "{stacks:?}");
    Ok(())
}

//  alice ~~secret~~> bob: what is renamed, tagged and removed is so for him too
#[tokio::test]
async fn an_audience_follows_what_becomes_of_its_stack() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    assert!(alice.cli(["context", "new", "mine"]).await?.status.success());
    alice.switch("mine").await?;
    let frame = alice.push("secret", &[("a.txt", b"one")]).await?.frame;
    share(&alice, &["secret", "--with", "bob"]).await?;
    takes(&bob, "alice/for-bob").await?;
    let said = async |args: &[&str]| {
        let said = alice.cli(args).await?;
        ensure!(said.status.success(), "{args:?}: {said:?}");
        Ok(())
    };
    let tags = async |name: &str, expected: &[&str]| {
        bob.eventually(async |api| {
            let stack: StackInfo = api.get("/stack", &[("ref", name)]).await?;
            let tags: Vec<&str> = stack.tags.keys().map(String::as_str).collect();
            ensure!(tags == expected && !stack.removed, "{stack:?}");
            Ok(())
        })
        .await
    };
    tags("alice:secret", &[]).await?;
    said(&["tag", "secret", "v1"]).await?;
    tags("alice:secret", &["v1"]).await?;
    said(&["mv", "secret", "plan"]).await?;
    tags("alice:plan", &["v1"]).await?;
    said(&["undo", "--yes"]).await?;
    tags("alice:secret", &["v1"]).await?;
    said(&["tag", "secret", "v1", "--remove"]).await?;
    tags("alice:secret", &[]).await?;
    said(&["rm", "secret", "--yes"]).await?;
    bob.eventually(async |api| {
        let stack = api.get::<StackInfo>("/stack", &[("ref", "alice:secret")]).await;
        ensure!(stack.as_ref().map_or(true, |stack| stack.removed), "{stack:?}");
        Ok(())
    })
    .await?;
    // What is taken back elsewhere is shown to him again by who shares it again.
    said(&["undo", "--yes"]).await?;
    share(&alice, &["secret", "--with", "bob"]).await?;
    bob.eventually(async |api| {
        let stack: StackInfo = api.get("/stack", &[("ref", "alice:secret")]).await?;
        ensure!(stack.head.as_ref().is_some_and(|head| head.frame == frame), "{stack:?}");
        Ok(())
    })
    .await
}

//  alice <-- bob: history goes along when asked; lineage that he may not read does not
#[tokio::test]
async fn history_goes_along_when_asked_and_hidden_lineage_never() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    assert!(alice.cli(["context", "new", "mine"]).await?.status.success());
    alice.switch("mine").await?;
    alice.push("raw", &[("r.txt", b"hidden")]).await?;
    alice.push("model", &[("m.txt", b"one")]).await?;
    std::fs::write(alice.scratch()?.join("m.txt"), b"two")?;
    let said = alice.cli(["push", "model", "m.txt", "--input", "raw"]).await?;
    assert!(said.status.success(), "{said:?}");
    let shared = share(&alice, &["model", "--with", "bob", "--history"]).await?;
    assert_eq!((shared.frames, shared.lineage_withheld), (2, 1), "{shared:?}");
    takes(&bob, "alice/for-bob").await?;
    bob.reads("alice:model#m.txt", b"two").await?;
    bob.reads("alice:model@head~1#m.txt", b"one").await?;
    let api = bob.api();
    let told: FrameInfo = api.get("/frame", &[("ref", "alice:model")]).await?;
    assert!(told.inputs.is_empty(), "{told:?}");
    for args in [["raw", "me"], ["raw", "nobody"]] {
        let said = alice.cli(["share", args[0], "--with", args[1], "--yes"]).await?;
        assert!(!said.status.success(), "{said:?}");
    }
    Ok(())
}

//  alice <-- bob; alice is gone for good, and bob goes on
#[tokio::test]
async fn a_fork_goes_on_where_the_owner_is_gone() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    let head = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.follow_as(&alice.ticket().await?.ticket, dsp_protocol::api::Policy::All).await?;
    bob.has("alice:data", &head).await?;
    bob.reads("alice:data@head~1#a.txt", b"one").await?;
    alice.stop().await?;
    let said = bob.cli(["context", "fork", "alice/main", "on", "--history", "--json"]).await?;
    let forked: Forked = serde_json::from_str(&said.stdout)?;
    assert_eq!((forked.stacks, forked.frames, forked.left_out), (1, 2, vec![]), "{said:?}");
    bob.switch("on").await?;
    assert_eq!(bob.stack("data").await?.head.map(|head| head.frame), Some(head.frame));
    let next = bob.push("data", &[("a.txt", b"three")]).await?;
    let read = dsp_protocol::api::NewTicket { role: None, expires_seconds: None, uses: None };
    let ticket = bob.ticket_of("on", &read).await?.ticket;
    carol.follow_as(&ticket, dsp_protocol::api::Policy::All).await?;
    carol.has("bob:data", &next).await?;
    carol.reads("bob:data@head~1#a.txt", b"two").await?;
    let context: ContextInfo = bob.api().get("/contexts/on", &[]).await?;
    assert_eq!(
        context.access,
        dsp_protocol::api::AccessName::Ticket,
        "private until it was shared"
    );
    let again = bob.cli(["context", "fork", "alice/main", "on"]).await?;
    assert!(!again.status.success(), "the name is taken: {again:?}");
    Ok(())
}
