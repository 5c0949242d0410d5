//! The metrics: documented each, behind the token, and without names.

use std::collections::BTreeSet;

use super::*;

const PATH: &str = "/api/v1/metrics";

async fn scraped(lab: &Lab) -> String {
    let response = lab.send(lab.with_token(Method::GET, PATH), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let media = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(media.starts_with("application/openmetrics-text"), "{media}");
    String::from_utf8(body(response).await.to_vec()).unwrap()
}

/// Returns names, labels and values of the samples.
fn samples(text: &str) -> Vec<(&str, &str, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = name.split_once('{').unwrap_or((name, ""));
            (name, labels.trim_end_matches('}'), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let lab = Lab::start().await;
    let text = scraped(&lab).await;
    assert!(text.ends_with("# EOF\n"));
    let found: BTreeSet<&str> = samples(&text).into_iter().map(|(name, ..)| name).collect();
    let page = std::fs::read_to_string("../docs/metrics.md").unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `dsp_"));
    let rows = rows.filter_map(|row| Some(format!("dsp_{}", row.split(['`', '{']).next()?)));
    let documented: BTreeSet<String> = rows.collect();
    let documented: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
    assert_eq!(found, documented);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_and_name_nobody() {
    let lab = Lab::start().await;
    let pushed = lab.push("secret/stack", "a.txt", b"12345").await;
    let text = scraped(&lab).await;
    let user = lab.daemon.user().to_string();
    for name in ["alice", "secret", "a.txt", "main", &user, pushed["frame"].as_str().unwrap()] {
        assert!(!text.contains(name), "{name} is in the metrics");
    }
    let samples = samples(&text);
    let value = |name: &str| samples.iter().find(|sample| sample.0 == name).unwrap().2;
    assert_eq!((value("dsp_stacks"), value("dsp_frames")), (1.0, 1.0));
    assert_eq!((value("dsp_blobs"), value("dsp_blobs_size_bytes")), (1.0, 5.0));
    assert!(value("dsp_memory_allocated_bytes") > 0.0);
    assert!(value("dsp_memory_bytes") > 0.0 && value("dsp_start_time_seconds") > 1e9);
    let labels: BTreeSet<&str> = samples
        .iter()
        .filter_map(|(_, labels, _)| labels.split('=').next())
        .filter(|label| !label.is_empty())
        .collect();
    assert_eq!(labels, BTreeSet::from(["direction", "reason", "severity", "version"]));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_behind_the_token() {
    let lab = Lab::start().await;
    let response = lab.send(lab.request(Method::GET, PATH), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    lab.stop().await;
}
