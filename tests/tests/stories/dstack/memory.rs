//! What a push costs for a moment.

use anyhow::{Context as _, ensure};
use dsp_tests::data::{forget_peak_memory, peak_memory};

use super::*;

/// The bytes of an attachment: with what is around it as large a body as is taken.
const BYTES: usize = 11 << 20;

/// The body, and what is decoded of it where it lies: twice the body and a quarter at the most,
/// with what the text of JSON is put together in four times and a half where it has lines. It was
/// four times and six before.
#[tokio::test]
async fn a_large_push_takes_little_more_than_its_body() -> anyhow::Result<()> {
    for lines in [false, true] {
        // What one push left free another would take.
        let cluster = Cluster::new()?;
        let [alice] = cluster.start(["alice"]).await?;
        let client = Client::of(&alice)?;
        let pid = alice.pid().context("alice runs")?;
        let mut data = BASE64.encode(&vec![7; BYTES]);
        if lines {
            let letters: Vec<&[u8]> = data.as_bytes().chunks(76).collect();
            data = String::from_utf8(letters.join(&b'\n'))?;
        }
        let push = json!({ "stack": "alice/large", "id": "frame-large-0001",
            "timestamp": 1_600_000_000_000u64,
            "attachments": [{ "content_type": "text/csv", "data": data }] });
        let body = serde_json::to_vec(&push)?;
        drop((push, data));
        forget_peak_memory(pid)?;
        let before = peak_memory(pid).context("the system tells how much memory there is")?;
        let answer = client.call(("POST", "/api/stacks/push"), Some(&client.token), &body).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.reason);
        let grown = peak_memory(pid).context("alice runs")?.saturating_sub(before);
        let most = body.len() as u64 * if lines { 20 } else { 11 } / 4;
        ensure!(grown < most, "lines {lines}: {grown} bytes for a body of {}", body.len());
    }
    Ok(())
}
