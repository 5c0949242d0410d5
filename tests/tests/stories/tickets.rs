//! Tickets that open nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use dsp_protocol::api::{ContextInfo, FollowState, NewTicket, ProblemCode, TicketInfo};
use dsp_protocol::key::SecretKey;
use dsp_protocol::ticket::Ticket;
use dsp_tests::outsider::Outsider;
use dsp_tests::{CallError, Cluster, Node};

/// Follows by a ticket that opens nothing, and returns why.
async fn refused(node: &Node, ticket: &str) -> anyhow::Result<String> {
    match node.follow(ticket).await {
        Ok(followed) => anyhow::bail!("{} was let in: {followed:?}", node.name),
        Err(CallError::Problem(problem)) if problem.code == ProblemCode::Refused => {
            let contexts: Vec<ContextInfo> = node.api().list("/contexts", &[]).await?;
            let followed = contexts.iter().filter(|c| c.state != FollowState::Own);
            for context in followed {
                anyhow::ensure!(context.stacks == 0 && context.frames == 0, "{context:?}");
            }
            Ok(problem.detail)
        }
        Err(other) => Err(other.into()),
    }
}

//  alice <-- bob, with texts that are no ticket
#[tokio::test]
async fn a_malformed_or_newer_ticket_is_told_from_a_void_one() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    let good = alice.ticket().await?.ticket;
    let other = if good.ends_with('a') { "b" } else { "a" };
    let mistyped = format!("{}{other}", &good[..good.len() - 1]);
    let texts = ["", "nonsense", "dsp1nonsense", &good[..good.len() / 2], &mistyped];
    for text in texts {
        let error = bob.follow(text).await.unwrap_err();
        assert_eq!(error.code(), Some(ProblemCode::BadRequest), "`{text}`: {error}");
    }
    let newer = bob.follow(&good.replacen("dsp1", "dsp2", 1)).await.unwrap_err();
    assert_eq!(newer.code(), Some(ProblemCode::BadRequest), "{newer}");
    assert!(newer.to_string().contains("version"), "{newer}");
    let contexts: Vec<ContextInfo> = bob.api().list("/contexts", &[]).await?;
    assert_eq!(contexts.len(), 1, "{contexts:?}");
    // The good one still opens.
    assert!(bob.follow(&good).await?.synced);
    Ok(())
}

//  alice <-- bob, whose ticket holds a key that alice never stated
#[tokio::test]
async fn a_ticket_of_a_key_that_nobody_stated_opens_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    alice.push("data", &[("a.txt", b"private")]).await?;
    let mut ticket: Ticket = alice.ticket().await?.ticket.parse()?;
    ticket.key = SecretKey::from_seed(&[7; 32]);
    refused(&bob, &ticket.to_string()).await?;
    Ok(())
}

//  alice <-- bob, by a ticket that she revoked
#[tokio::test]
async fn a_revoked_ticket_opens_nothing_and_who_came_in_stays() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let made = alice.ticket().await?;
    let first = alice.push("data", &[("a.txt", b"one")]).await?;
    bob.follow(&made.ticket).await?;
    bob.has("alice:data", &first).await?;
    alice.api().delete(&format!("/tickets/{}", made.info.key), &[]).await?;
    let reason = refused(&carol, &made.ticket).await?;
    assert!(reason.contains("revoked"), "{reason}");

    let tickets: Vec<TicketInfo> = alice.api().list("/tickets", &[]).await?;
    let [ticket] = &tickets[..] else { panic!("{tickets:?}") };
    let admitted: Vec<&str> = ticket.admitted.iter().map(|user| user.name.as_str()).collect();
    assert!(ticket.revoked && admitted == ["bob"], "{ticket:?}");
    // He is a member by now, and what is pushed later comes to him too.
    bob.restart().await?;
    let later = alice.push("data", &[("a.txt", b"two")]).await?;
    bob.has("alice:data", &later).await?;
    Ok(())
}

//  alice <-- bob, alice <-- carol, by a ticket for one
#[tokio::test]
async fn a_ticket_that_is_used_up_opens_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let once = NewTicket { role: None, expires_seconds: None, uses: Some(1) };
    let ticket = alice.ticket_of("main", &once).await?.ticket;
    bob.follow(&ticket).await?;
    let reason = refused(&carol, &ticket).await?;
    assert!(reason.contains("used up"), "{reason}");
    // To whom it was given it stays good.
    bob.restart().await?;
    let pushed = alice.push("data", &[("a.txt", b"one")]).await?;
    bob.has("alice:data", &pushed).await?;
    Ok(())
}

//  olivia <-- bob, by a ticket whose time is over
#[tokio::test]
async fn an_expired_ticket_opens_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [bob] = cluster.start(["bob"]).await?;
    // The daemon makes no ticket that is over, and gives ten minutes of grace.
    let olivia = Outsider::start("olivia").await?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let hour = 3_600_000;
    let mut over = olivia.share(Some(now - hour)).await?;
    let reason = refused(&bob, &over.to_string()).await?;
    assert!(reason.contains("past its time"), "{reason}");
    let said = bob.cli(["follow", &over.to_string()]).await?;
    assert_eq!(said.status.code(), Some(4), "{said:?}");
    for line in ["error: the ticket is past its time\n", "cause: it was good until ", "hint: ask "]
    {
        assert!(said.stderr.contains(line), "{said:?}");
    }
    // The end in the text is for showing; what olivia stated counts.
    over.until = None;
    let reason = refused(&bob, &over.to_string()).await?;
    assert!(reason.contains("past its time"), "{reason}");
    assert!(bob.follow(&olivia.share(Some(now + hour)).await?.to_string()).await?.synced);
    Ok(())
}
