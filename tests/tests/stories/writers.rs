//! Several who push into one context.

use anyhow::Context as _;
use dsp_protocol::api::{Followed, NewFollow, NewTicket, ProblemCode, RoleName, StackInfo};
use dsp_protocol::ticket::{Ticket, TicketAddr};
use dsp_tests::{CallError, Cluster};

//  alice <-- bob (writer), alice <-- carol (reader)
//  alice ~~model~~> both, bob ~~model~~> both
#[tokio::test]
async fn two_writers_in_one_context() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, mut carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    carol.follow(&alice.ticket().await?.ticket).await?;
    bob.writes_into("alice/main").await?;

    // One name, two stacks: each is its owner's.
    let hers = alice.push("model", &[("w.bin", b"of alice")]).await?;
    let his = bob.push("model", &[("w.bin", b"of bob")]).await?;
    for node in [&alice, &bob, &carol] {
        for (pushed, bytes) in [(&hers, &b"of alice"[..]), (&his, b"of bob")] {
            let at =
                |stack: &StackInfo| stack.head.as_ref().is_some_and(|h| h.frame == pushed.frame);
            let reference = node
                .eventually(async |api| {
                    let stacks: Vec<StackInfo> = api.list("/stacks", &[("context", "*")]).await?;
                    let stack = stacks.iter().find(|stack| at(stack));
                    let stack = stack.with_context(|| format!("{} has {stacks:?}", node.name))?;
                    Ok(stack.reference.clone())
                })
                .await?;
            node.reads(&reference, bytes).await?;
        }
    }

    // A reader may not push.
    carol.switch("alice/main").await?;
    let refused = carol.push("model", &[("w.bin", b"of carol")]).await.unwrap_err();
    let code = refused.downcast_ref::<CallError>().and_then(CallError::code);
    assert_eq!(code, Some(ProblemCode::Refused), "{refused:#}");
    Ok(())
}

//  alice <-- bob, who pushes as soon as he follows
#[tokio::test]
async fn a_writer_pushes_right_after_the_follow() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    std::fs::write(bob.scratch()?.join("w.bin"), b"of bob")?;
    let shared = alice.cli(["share", "--role", "writer", "--yes", "--quiet"]).await?;
    let followed = bob.cli(["follow", shared.stdout.trim()]).await?;
    let pushed = bob.cli(["push", "alice/main:model", "w.bin"]).await?;
    assert!(followed.status.success() && pushed.status.success(), "{followed:?} {pushed:?}");
    assert!(!followed.stderr.contains("pending"), "{followed:?}");
    alice.reads("bob/main:model#w.bin", b"of bob").await
}

//  alice x bob <-- carol, whom only alice may make a writer
//  alice <-- carol
#[tokio::test]
async fn without_an_owner_the_role_is_pending() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let for_bob = alice.ticket().await?.ticket;
    bob.follow(&for_bob).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    let mut ticket: Ticket = alice.ticket_of("main", &writer).await?.ticket.parse()?;
    alice.push("data", &[("a.txt", b"one")]).await?;
    bob.reads("alice:data#a.txt", b"one").await?;
    alice.stop().await?;

    // The ticket names bob, who is a reader and lets no writer in.
    let (device, listening) = (bob.status().await?.device, bob.status().await?.listening);
    ticket.addrs = vec![TicketAddr { device, address: listening[0].clone() }];
    let follow = NewFollow {
        ticket: ticket.to_string(),
        policy: None,
        selection: None,
        wait_seconds: Some(3),
    };
    let followed: Followed = carol.api().steps("/follows", &follow).await?;
    assert_eq!(followed.context.role_pending, Some(RoleName::Writer), "{followed:?}");
    let status = carol.cli(["status"]).await?;
    assert!(status.stdout.contains("the role writer in "), "{status:?}");
    assert!(status.stdout.contains(" is pending"), "{status:?}");
    Ok(())
}
