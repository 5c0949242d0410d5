//! What one user thinks of another: names, trust and blocks. All of it stays on one machine.

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{NewTicket, PeerInfo, ProblemCode, RoleName, SetTrust, StackInfo, Trust};
use dsp_tests::{Cluster, Node};
use hyper::Method;

async fn peer(node: &Node, name: &str) -> anyhow::Result<PeerInfo> {
    Ok(node.api().get(&format!("/peers/{name}"), &[]).await?)
}

//  alice <-- bob: she trusts him with everything, he hears nothing of it
#[tokio::test]
async fn trust_is_off_for_others_local_and_lasting() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let before = peer(&alice, "bob").await?;
    assert_eq!((before.verified, before.trust), (false, Trust::default()));
    let me = peer(&bob, "me").await?;
    assert_eq!((me.verified, me.trust), (true, Trust { results: true, code: true }));
    // Both see the same words, and only then it makes sense to compare them.
    assert_eq!(before.fingerprint, me.fingerprint);
    assert_ne!(before.fingerprint, peer(&alice, "me").await?.fingerprint);

    let unasked = alice.cli(["trust", "bob", "--verify"]).await?;
    assert_eq!(unasked.status.code(), Some(4), "{unasked:?}");
    assert!(!peer(&alice, "bob").await?.verified);
    let args = ["trust", "bob", "--verify", "--results", "--code", "--yes"];
    assert!(alice.cli(args).await?.status.success());
    alice.restart().await?;
    let after = peer(&alice, "bob").await?;
    assert_eq!((after.verified, after.trust), (true, Trust { results: true, code: true }));
    assert_eq!(peer(&bob, "alice").await?.trust, Trust::default(), "it goes one way");
    assert!(alice.cli(["untrust", "bob", "--code"]).await?.status.success());
    assert_eq!(peer(&alice, "bob").await?.trust, Trust { results: true, code: false });

    let set = SetTrust { code: Some(false), ..SetTrust::default() };
    let own: Result<PeerInfo, _> = alice.api().send(Method::PATCH, "/peers/me/trust", &set).await;
    assert_eq!(own.unwrap_err().code(), Some(ProblemCode::BadRequest));
    Ok(())
}

//  alice <-- bob --> another who calls herself alice
#[tokio::test]
async fn a_known_name_with_another_id_is_warned_about() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    let mut other = cluster.node("mallory").with_setting("DSP_USER_NAME", "Alice");
    other.start().await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let said = bob.cli(["follow", &other.ticket().await?.ticket]).await?;
    assert!(said.stderr.contains("calls herself Alice as alice does"), "{said:?}");
    let namesakes = peer(&bob, "alice-2").await.or(peer(&bob, "Alice-2").await)?.namesakes;
    assert_eq!(namesakes.iter().map(|other| other.name.as_str()).collect::<Vec<_>>(), ["alice"]);
    let said = bob.cli(["peers", "ls"]).await?;
    assert!(said.stderr.contains("warning: "), "{said:?}");
    assert!(said.stderr.contains("has another id"), "{said:?}");
    Ok(())
}

//  alice <-- bob (writer), alice <-- carol; alice blocks bob
#[tokio::test]
async fn a_blocked_user_is_neither_served_nor_shown() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    carol.follow(&alice.ticket().await?.ticket).await?;
    bob.writes_into("alice/main").await?;
    let pushed = bob.push("his", &[("b.txt", b"one")]).await?;
    for node in [&alice, &carol] {
        node.has("bob:his", &pushed).await?;
    }
    let said = alice.cli(["block", "bob", "--yes"]).await?;
    assert!(said.status.success() && said.stderr.contains("dsp members rm"), "{said:?}");
    for restart in [false, true] {
        if restart {
            alice.restart().await?;
            // Carol is back, so Bob had his time to come back too.
            alice
                .eventually(async |api| {
                    let carol: PeerInfo = api.get("/peers/carol", &[]).await?;
                    ensure!(carol.devices.iter().any(|device| device.connected), "{carol:?}");
                    Ok(())
                })
                .await?;
        }
        let blocked = peer(&alice, "bob").await?;
        assert!(blocked.blocked && blocked.devices.iter().all(|device| !device.connected));
        let stacks: Vec<StackInfo> = alice.api().list("/stacks", &[("context", "*")]).await?;
        assert!(stacks.iter().all(|stack| stack.name != "his"), "{stacks:?}");
        let hidden = alice.stack("bob:his").await.unwrap_err();
        assert_eq!(hidden.code(), Some(ProblemCode::Refused), "{hidden}");
    }
    // What he pushes reaches others, and stays unseen here; what Alice pushes reaches him through
    // them.
    let second = bob.push("his", &[("b.txt", b"two")]).await?;
    carol.has("bob:his", &second).await?;
    let hers = alice.push("hers", &[("a.txt", b"one")]).await?;
    carol.has("alice:hers", &hers).await?;
    bob.has("alice:hers", &hers).await?;
    assert!(alice.stack("bob:his").await.is_err());

    assert!(alice.cli(["unblock", "bob"]).await?.status.success());
    alice.has("bob:his", &second).await?;
    alice
        .eventually(async |api| {
            let bob: PeerInfo = api.get("/peers/bob", &[]).await?;
            bob.devices.iter().find(|device| device.connected).context("not connected")?;
            Ok(())
        })
        .await
}
