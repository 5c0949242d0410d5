//! The stream of events.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use http_body_util::BodyExt as _;

use super::Lab;

/// Reads the stream until it holds a text.
async fn read_until(response: &mut Response, text: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while !read.contains(text) {
            let frame = response.body_mut().frame().await.expect("the stream goes on").unwrap();
            read += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
    };
    let read_in_time = tokio::time::timeout(Duration::from_secs(20), reading).await;
    assert!(read_in_time.is_ok(), "no `{text}` in {read}");
    read
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed() {
    let lab = Lab::start().await;
    let listen = |path: &str| lab.with_token(Method::GET, path);
    let mut first = lab.send(listen("/api/v1/events"), Body::empty()).await;
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    lab.push("one", "a", b"a").await;
    let read = read_until(&mut first, "event: stack.created").await;
    assert!(read.contains("event: frame.added"), "{read}");
    let id = read.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    drop(first);

    lab.push("two", "a", b"b").await;
    let back = listen("/api/v1/events?topics=stack").header("last-event-id", &id);
    let mut back = lab.send(back, Body::empty()).await;
    let read = read_until(&mut back, r#""name":"two""#).await;
    assert!(read.contains(r#""name":"one""#), "missed since the first event: {read}");
    assert!(!read.contains("frame.added"), "another topic: {read}");

    let lost = listen("/api/v1/events").header("last-event-id", "00000000-1");
    let mut lost = lab.send(lost, Body::empty()).await;
    read_until(&mut lost, "event: resync").await;
    lab.stop().await;
}
