//! Permissions of dstack between real peers.

use anyhow::ensure;
use dsp_protocol::api::{FrameInfo, OfferInfo};
use dsp_tests::Cluster;
use serde_json::{Value, json};

use super::Client;

fn push(id: &str, text: &str) -> Value {
    json!({
        "id": id, "timestamp": 1_600_000_000_000_i64, "client": "dstack-py", "version": "0.5.1",
        "params": { "message": text },
        "attachments": [{ "content_type": "text/plain",
            "data": data_encoding::BASE64.encode(text.as_bytes()) }],
        "stack": "dstack/secret", "access": "private",
    })
}

//  alice <-- bob, alice <-- carol, in a context that says nothing of the stack
//  alice's old client ~~permission~~> bob's old client, and not carol's
#[tokio::test]
async fn a_permission_for_a_user_shows_her_the_stack_and_nobody_else() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    for node in [&bob, &carol] {
        node.follow(&alice.ticket().await?.ticket).await?;
    }
    let (hers, his) = (Client::of(&alice)?, Client::of(&bob)?);
    hers.push(&push("first", "one"), b"").await?;
    let permit = async |path: &str, body: Value| hers.post(path, &body).await;
    // An address of e-mail reaches nobody here, and what does is said in the status line.
    let mail = json!({ "path": "alice/secret", "email": "bob@example.com" });
    let refused = permit("/api/permissions/add", mail).await?;
    ensure!(refused.status == 501 && refused.reason.contains("ticket"), "{}", refused.reason);
    let nobody = json!({ "path": "alice/secret", "user": "dave" });
    let refused = permit("/api/permissions/add", nobody).await?;
    ensure!(refused.status == 404, "{} {}", refused.status, refused.reason);
    let both = json!({ "path": "alice/secret", "user": "bob", "email": "b@example.com" });
    assert_eq!(permit("/api/permissions/add", both).await?.status, 400);
    assert_eq!(his.get("/api/stacks/alice/secret").await?.status, 404);

    let to_bob = json!({ "path": "alice/secret", "user": "bob" });
    for _ in 0..2 {
        let done = permit("/api/permissions/add", to_bob.clone()).await?;
        ensure!(done.status == 200 && done.json()? == json!({}), "{}", done.reason);
    }
    let stack = hers.get("/api/stacks/alice/secret").await?.json()?["stack"].clone();
    assert_eq!(stack["permissions"], json!([{ "user": "bob" }]));
    bob.eventually(async |api| {
        let offers: Vec<OfferInfo> = api.list("/offers", &[]).await?;
        ensure!(offers.iter().any(|offer| offer.label == "alice/for-bob"), "{offers:?}");
        Ok(())
    })
    .await?;
    let took = bob.cli(["follow", "alice/for-bob", "--policy", "all"]).await?;
    ensure!(took.status.success(), "{took:?}");
    // As `pull("/alice/secret")`; the permissions of it are nobody's business but hers.
    let reads = async |text: &str| {
        bob.eventually(async |_| {
            let pulled = his.pull("alice/secret", &json!({})).await?;
            ensure!(pulled == text.as_bytes(), "{pulled:?}");
            Ok(())
        })
        .await
    };
    reads("one").await?;
    let stack = his.get("/api/stacks/alice/secret").await?.json()?["stack"].clone();
    assert_eq!((&stack["user"], &stack["permissions"]), (&json!("alice"), &Value::Null));
    assert_eq!(Client::of(&carol)?.get("/api/stacks/alice/secret").await?.status, 404);

    // What her old client pushes from now on reaches him, a frame that is signed like any other.
    hers.push(&push("second", "two"), b"").await?;
    reads("two").await?;
    let frame: FrameInfo = bob.api().get("/frame", &[("ref", "alice:secret")]).await?;
    ensure!(frame.message == "two" && frame.reference.starts_with("alice:secret@"), "{frame:?}");
    let checked = bob.cli(["verify", "alice:secret"]).await?;
    ensure!(checked.status.success(), "{checked:?}");
    // He may not give on what is hers.
    let give = json!({ "path": "alice/secret", "user": "carol" });
    assert_eq!(his.post("/api/permissions/add", &give).await?.status, 403);

    let done = permit("/api/permissions/delete", to_bob).await?;
    ensure!(done.status == 200, "{} {}", done.status, done.reason);
    let stack = hers.get("/api/stacks/alice/secret").await?.json()?["stack"].clone();
    assert_eq!(stack["permissions"], json!([]));
    bob.eventually(async |_| {
        let answer = his.get("/api/stacks/alice/secret").await?;
        ensure!(answer.status == 404, "{} {}", answer.status, answer.reason);
        Ok(())
    })
    .await
}
