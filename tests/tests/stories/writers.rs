//! Several who push into one context.

use anyhow::Context as _;
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
