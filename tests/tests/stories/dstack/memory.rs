//! What a push costs for a moment.

use anyhow::{Context as _, ensure};
use dsp_tests::data::{forget_peak_memory, peak_memory};

use super::*;

/// The bytes of an attachment: with what is around it as large a body as is taken.
const BYTES: usize = 12 << 20;

/// A body as it comes and as it is collected, the base64 within, decoded in place, and the store's
/// part: 75 MiB and more were taken, once the text had lines.
#[tokio::test]
async fn a_large_push_takes_little_more_than_its_body() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let client = Client::of(&alice)?;
    let pid = alice.pid().context("alice runs")?;
    for (stack, lines) in [("plain", false), ("lines", true)] {
        let mut data = BASE64.encode(&vec![7; BYTES - (1 << 20)]);
        if lines {
            let letters: Vec<&[u8]> = data.as_bytes().chunks(76).collect();
            data = String::from_utf8(letters.join(&b'\n'))?;
        }
        let push = json!({ "stack": format!("alice/{stack}"), "id": format!("frame-{stack}-0001"),
            "timestamp": 1_600_000_000_000u64,
            "attachments": [{ "content_type": "text/csv", "data": data }] });
        let body = serde_json::to_vec(&push)?;
        drop((push, data));
        forget_peak_memory(pid)?;
        let before = peak_memory(pid).context("the system tells how much memory there is")?;
        let answer = client.call(("POST", "/api/stacks/push"), Some(&client.token), &body).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.reason);
        let grown = peak_memory(pid).context("alice runs")?.saturating_sub(before);
        println!("{stack}: {} KiB for a body of {} KiB", grown >> 10, body.len() >> 10);
    }
    Ok(())
}
