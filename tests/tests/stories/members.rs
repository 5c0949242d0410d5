//! Who may do what: owners who add, raise, lower and remove, also while they are apart.

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{
    CutAway, FollowState, KeepMore, MemberInfo, NewTicket, ProblemCode, RoleName, SetRole,
    StackInfo, TicketEnded,
};
use dsp_tests::{Api, Cluster, Node};
use hyper::Method;

/// Gives a user a role in a context, as its owner.
async fn set(owner: &Node, context: &str, user: &str, role: RoleName) -> anyhow::Result<()> {
    let path = format!("/contexts/{}/members/{user}", context.replace('/', "%2F"));
    let member: MemberInfo = owner.api().send(Method::PUT, &path, &SetRole { role }).await?;
    ensure!(member.role == role, "{member:?}");
    Ok(())
}

/// Removes a user from `main` of a node.
async fn remove(owner: &Node, user: &str, query: &[(&str, &str)]) -> anyhow::Result<()> {
    owner.api().delete(&format!("/contexts/main/members/{user}"), query).await?;
    Ok(())
}

async fn member(api: &Api, context: &str, user: &str) -> anyhow::Result<MemberInfo> {
    Ok(api.get(&format!("/contexts/{}/members/{user}", context.replace('/', "%2F")), &[]).await?)
}

/// Waits until a node sees a user in a role.
async fn sees(
    node: &Node,
    context: &str,
    user: &str,
    role: RoleName,
) -> anyhow::Result<MemberInfo> {
    node.eventually(async |api| {
        let member = member(&api, context, user).await?;
        ensure!(member.role == role, "{} sees {member:?}", node.name);
        Ok(member)
    })
    .await
}

fn writer() -> NewTicket {
    NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None }
}

/// Alice with Bob, a writer who pushed `his`, and Carol, a reader who has it.
async fn team(cluster: &Cluster) -> anyhow::Result<[Node; 3]> {
    let [alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    bob.follow(&alice.ticket_of("main", &writer()).await?.ticket).await?;
    carol.follow(&alice.ticket().await?.ticket).await?;
    bob.writes_into("alice/main").await?;
    let pushed = bob.push("his", &[("b.txt", b"before")]).await?;
    for node in [&alice, &carol] {
        node.has("bob:his", &pushed).await?;
    }
    Ok([alice, bob, carol])
}

//  alice <-- bob x, removed while he is off; he pushes alone, and comes back
//  alice <-- dave, who never knew bob
#[tokio::test]
async fn what_a_removed_member_says_later_counts_nowhere() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, mut carol] = team(&cluster).await?;
    bob.stop().await?;
    remove(&alice, "bob", &[]).await?;
    sees(&carol, "alice/main", "bob", RoleName::None).await?;
    let for_dave = alice.ticket().await?.ticket;
    alice.stop().await?;
    carol.stop().await?;
    // Bob knows nothing of it yet.
    bob.start().await?;
    bob.push("his", &[("b.txt", b"later")]).await?;
    bob.push("other", &[("b.txt", b"later")]).await?;
    alice.start().await?;
    carol.start().await?;
    bob.eventually(async |api| {
        let context: dsp_protocol::api::ContextInfo =
            api.get("/contexts/alice%2Fmain", &[]).await?;
        ensure!(context.state == FollowState::Removed, "{context:?}");
        Ok(())
    })
    .await?;
    let [dave] = cluster.start(["dave"]).await?;
    dave.follow(&for_dave).await?;
    // A push of Alice that comes through shows that all else would have.
    let mark = alice.push("mark", &[("m.txt", b"1")]).await?;
    for (node, main) in [(&alice, "mark"), (&carol, "alice:mark"), (&dave, "alice:mark")] {
        node.has(main, &mark).await?;
        node.reads("bob:his#b.txt", b"before").await?;
        let stacks: Vec<StackInfo> = node.api().list("/stacks", &[("context", "*")]).await?;
        assert!(stacks.iter().all(|stack| stack.name != "other"), "{stacks:?}");
    }
    Ok(())
}

//  alice <-- bob, removed with nothing kept, and let in again
#[tokio::test]
async fn what_was_cut_away_is_listed_and_let_in_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, _bob, carol] = team(&cluster).await?;
    remove(&alice, "bob", &[("keep", "nothing")]).await?;
    let listed = sees(&carol, "alice/main", "bob", RoleName::None).await?;
    let away = CutAway { statements: 1, stacks: vec!["his".to_owned()], elsewhere: 0 };
    assert_eq!((listed.stacks, listed.cut_away), (0, Some(away)));
    let gone = alice.stack("bob:his").await.unwrap_err();
    assert_eq!(gone.code(), Some(ProblemCode::NotFound), "{gone}");

    let keep = KeepMore { before: None };
    let kept: MemberInfo =
        alice.api().send(Method::POST, "/contexts/main/members/bob/keep", &keep).await?;
    assert_eq!((kept.role, kept.stacks, kept.cut_away), (RoleName::None, 1, None));
    for node in [&alice, &carol] {
        node.reads("bob:his#b.txt", b"before").await?;
    }
    let again: Result<MemberInfo, _> =
        alice.api().send(Method::POST, "/contexts/main/members/bob/keep", &keep).await;
    assert_eq!(again.unwrap_err().code(), Some(ProblemCode::NotFound));
    Ok(())
}

//  alice x     bob --> carol     what he pushed there is cut away before alice hears of it
//  alice <-- carol
#[tokio::test]
async fn work_that_another_member_has_can_be_let_in_after_a_removal() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, mut carol] = team(&cluster).await?;
    alice.stop().await?;
    let apart = bob.push("his", &[("b.txt", b"apart")]).await?;
    carol.has("bob:his", &apart).await?;
    bob.stop().await?;
    carol.stop().await?;
    alice.start().await?;
    remove(&alice, "bob", &[]).await?;
    carol.start().await?;
    alice
        .eventually(async |api| {
            let away = member(&api, "main", "bob").await?.cut_away.context("nothing is away")?;
            ensure!(away.elsewhere == 1, "{away:?}");
            Ok(())
        })
        .await?;
    carol.reads("bob:his#b.txt", b"before").await?;
    let said = alice.cli(["members", "keep", "bob"]).await?;
    assert!(said.status.success(), "{said:?}");
    for node in [&alice, &carol] {
        node.reads("bob:his#b.txt", b"apart").await?;
    }
    Ok(())
}

//  alice x olga: one removes bob, the other makes him a writer
//  alice <-- olga: the least role holds
#[tokio::test]
async fn of_what_two_owners_say_apart_the_least_role_holds() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut olga, bob] = cluster.start(["alice", "olga", "bob"]).await?;
    olga.follow(&alice.ticket().await?.ticket).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    set(&alice, "main", "olga", RoleName::Owner).await?;
    set(&alice, "main", "bob", RoleName::Reader).await?;
    sees(&olga, "alice/main", "me", RoleName::Owner).await?;
    sees(&olga, "alice/main", "bob", RoleName::Reader).await?;
    olga.stop().await?;
    remove(&alice, "bob", &[]).await?;
    alice.stop().await?;
    olga.start().await?;
    set(&olga, "alice/main", "bob", RoleName::Writer).await?;
    alice.start().await?;
    // Both have heard of each other once a push of each arrived.
    let hers = alice.push("mark", &[("m.txt", b"1")]).await?;
    olga.has("alice:mark", &hers).await?;
    sees(&olga, "alice/main", "bob", RoleName::None).await?;
    olga.writes_into("alice/main").await?;
    let of_olga = olga.push("mark", &[("m.txt", b"2")]).await?;
    alice.has("olga:mark", &of_olga).await?;
    sees(&alice, "main", "bob", RoleName::None).await?;
    Ok(())
}

//  alice x     olga (owner) <-- carol, whom she lets in, raises and removes
#[tokio::test]
async fn a_second_owner_shares_adds_and_removes() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, olga, carol] = cluster.start(["alice", "olga", "carol"]).await?;
    let pushed = alice.push("data", &[("a.txt", b"one")]).await?;
    olga.follow(&alice.ticket().await?.ticket).await?;
    set(&alice, "main", "olga", RoleName::Owner).await?;
    sees(&olga, "alice/main", "me", RoleName::Owner).await?;
    olga.has("alice:data", &pushed).await?;
    alice.stop().await?;

    let read = NewTicket { role: None, expires_seconds: None, uses: None };
    carol.follow(&olga.ticket_of("alice/main", &read).await?.ticket).await?;
    carol.reads("alice:data#a.txt", b"one").await?;
    set(&olga, "alice/main", "carol", RoleName::Writer).await?;
    carol.writes_into("alice/main").await?;
    olga.api().delete("/contexts/alice%2Fmain/members/carol", &[]).await?;
    sees(&olga, "alice/main", "carol", RoleName::None).await?;
    alice.start().await?;
    sees(&alice, "main", "carol", RoleName::None).await?;
    Ok(())
}

//  alice, alone: the only owner cannot leave, and is told what she can do
#[tokio::test]
async fn the_last_owner_stays_and_is_told_the_way_out() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    for args in [&["members", "rm", "me", "--yes"][..], &["members", "role", "me", "reader"]] {
        let said = alice.cli(args).await?;
        assert_eq!(said.status.code(), Some(4), "{said:?}");
        assert!(said.stderr.contains("only owner"), "{said:?}");
        assert!(said.stderr.contains("dsp context rm"), "{said:?}");
    }
    let said = bob.cli(["members", "rm", "alice", "--context", "alice/main", "--yes"]).await?;
    assert_eq!(said.status.code(), Some(4), "a reader removes nobody: {said:?}");
    let nobody = alice.cli(["members", "rm", &bob.status().await?.device.to_string()[..6]]).await?;
    assert!(!nobody.status.success(), "{nobody:?}");
    sees(&alice, "main", "me", RoleName::Owner).await?;
    Ok(())
}

//  alice <-- bob, alice <-- carol (owner), both by a ticket that is revoked with its members
#[tokio::test]
async fn a_ticket_is_revoked_with_those_who_came_in_by_it() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let made = alice.ticket().await?;
    bob.follow(&made.ticket).await?;
    carol.follow(&made.ticket).await?;
    set(&alice, "main", "carol", RoleName::Owner).await?;
    let key = made.info.key.to_string();
    let said = alice.cli(["tickets", "revoke", &key]).await?;
    assert!(said.stdout.contains("came in by it and stay: "), "{said:?}");
    assert!(said.stderr.contains("--remove-members"), "{said:?}");
    let args = ["tickets", "revoke", &key, "--remove-members", "--yes", "--json"];
    let said = alice.cli(args).await?;
    let ended: TicketEnded = serde_json::from_str(&said.stdout)?;
    let removed: Vec<&str> = ended.removed.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(removed, ["bob"], "{ended:?}");
    sees(&alice, "main", "bob", RoleName::None).await?;
    sees(&alice, "main", "carol", RoleName::Owner).await?;
    bob.eventually(async |api| {
        let context: dsp_protocol::api::ContextInfo =
            api.get("/contexts/alice%2Fmain", &[]).await?;
        ensure!(context.state == FollowState::Removed, "{context:?}");
        Ok(())
    })
    .await
}
