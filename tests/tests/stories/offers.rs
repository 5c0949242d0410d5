//! Offers: who was made a member hears of it over any session, and follows with one command.

use anyhow::ensure;
use dsp_protocol::api::{NewContext, OfferInfo};
use dsp_tests::{Cluster, Node};
use hyper::Method;

async fn offers(node: &Node) -> anyhow::Result<Vec<OfferInfo>> {
    Ok(node.api().list("/offers", &[]).await?)
}

//  alice <-- bob, alice <-- carol in main; alice adds bob to plans
//  alice ~~offer~~> bob
#[tokio::test]
async fn a_new_member_is_told_and_follows_with_one_command() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    carol.follow(&alice.ticket().await?.ticket).await?;
    let plans = NewContext { name: "plans".to_owned(), about: String::new(), access: None };
    let _: dsp_protocol::api::ContextInfo =
        alice.api().send(Method::POST, "/contexts", &plans).await?;
    alice.switch("plans").await?;
    let pushed = alice.push("roadmap", &[("a.txt", b"secret")]).await?;
    let said = alice.cli(["members", "add", "bob"]).await?;
    assert!(said.status.success() && said.stdout == "bob is now reader in plans\n", "{said:?}");

    bob.eventually(async |api| {
        let offers: Vec<OfferInfo> = api.list("/offers", &[]).await?;
        ensure!(offers.len() == 1 && offers[0].label == "alice/plans", "{offers:?}");
        Ok(())
    })
    .await?;
    // It lasts, also while nobody is there to tell it again.
    alice.stop().await?;
    bob.restart().await?;
    assert_eq!(offers(&bob).await?.len(), 1);
    let status = bob.cli(["status"]).await?;
    assert!(status.stdout.contains("offered    alice/plans"), "{status:?}");
    alice.start().await?;
    let said = bob.cli(["follow", "alice/plans"]).await?;
    assert!(said.status.success() && said.stdout.contains("synced in"), "{said:?}");
    bob.has("alice/plans:roadmap", &pushed).await?;
    assert_eq!((offers(&bob).await?, offers(&carol).await?), (vec![], vec![]));
    // Who left takes part again by the name alone, also where it is in the trash.
    for copy in ["--keep", "--drop"] {
        let said = bob.cli(["unfollow", "alice/plans", copy]).await?;
        assert!(said.status.success(), "{said:?}");
        let said = bob.cli(["follow", "alice/plans"]).await?;
        assert!(said.status.success() && said.stdout.starts_with("following"), "{said:?}");
        bob.reads("alice/plans:roadmap", b"secret").await?;
    }
    let again = alice.push("roadmap", &[("a.txt", b"news")]).await?;
    bob.has("alice/plans:roadmap", &again).await?;
    let unknown = carol.cli(["follow", "alice/plans"]).await?;
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    Ok(())
}

//  alice <-- bob, who declines
#[tokio::test]
async fn what_was_declined_is_not_shown_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    assert!(alice.cli(["context", "new", "plans"]).await?.status.success());
    assert!(alice.cli(["members", "add", "bob", "--context", "plans"]).await?.status.success());
    bob.eventually(async |api| {
        let offers: Vec<OfferInfo> = api.list("/offers", &[]).await?;
        ensure!(offers.len() == 1, "{offers:?}");
        Ok(())
    })
    .await?;
    assert!(bob.cli(["offers", "decline", "alice/plans"]).await?.status.success());
    bob.restart().await?;
    let declined = offers(&bob).await?;
    assert!(declined.len() == 1 && declined[0].declined, "{declined:?}");
    assert_eq!(bob.status().await?.offers, Vec::<String>::new());
    // It can still be taken.
    assert!(bob.cli(["follow", "alice/plans"]).await?.status.success());
    Ok(())
}
