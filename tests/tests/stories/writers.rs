//! Several who push into one context.

use dsp_protocol::api::{NewTicket, ProblemCode, RoleName, StackInfo};
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
    bob.switch("alice/main").await?;

    // One name, two stacks: each is its owner's.
    let hers = alice.push("model", &[("w.bin", b"of alice")]).await?;
    let his = bob.push("model", &[("w.bin", b"of bob")]).await?;
    for node in [&alice, &bob, &carol] {
        let [alices, bobs] = ["alice", "bob"].map(|owner| match node.name == owner {
            true => "model".to_owned(),
            false => format!("{owner}/main:model"),
        });
        let bobs = bobs.replace("bob/main", "bob");
        node.has(&alices.replace("alice/main", "alice"), &hers).await?;
        let stacks: Vec<StackInfo> = node
            .eventually(async |api| {
                let stacks: Vec<StackInfo> = api.list("/stacks", &[("context", "*")]).await?;
                anyhow::ensure!(stacks.len() == 2, "{} knows {stacks:?} ({bobs})", node.name);
                Ok(stacks)
            })
            .await?;
        let stack = stacks.iter().find(|s| s.head.as_ref().is_some_and(|h| h.frame == his.frame));
        let reference = stack.map(|stack| stack.reference.clone());
        node.reads(&reference.expect("the stack of bob"), b"of bob").await?;
    }

    // A reader may not push.
    carol.switch("alice/main").await?;
    let refused = carol.push("model", &[("w.bin", b"of carol")]).await.unwrap_err();
    let code = refused.downcast_ref::<CallError>().and_then(CallError::code);
    assert_eq!(code, Some(ProblemCode::Refused), "{refused:#}");
    Ok(())
}
