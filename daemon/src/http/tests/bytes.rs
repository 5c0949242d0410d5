//! Blobs over the API.

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::{Lab, body, json};

#[tokio::test]
async fn parts_and_tags() {
    let lab = Lab::start().await;
    lab.push("one", "notes.txt", b"hello world").await;
    let path = "/api/v1/content?ref=one";
    let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["content-length"], "11");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["content-disposition"], "inline; filename*=UTF-8''notes.txt");
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"b3-{}\"", blake3::hash(b"hello world")));
    assert_eq!(body(response).await, "hello world");

    let part = lab.with_token(Method::GET, path).header("range", "bytes=6-");
    let response = lab.send(part, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(response.headers()["content-range"], "bytes 6-10/11");
    assert_eq!(body(response).await, "world");

    let beyond = lab.with_token(Method::GET, path).header("range", "bytes=11-");
    let response = lab.send(beyond, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(response.headers()["content-range"], "bytes */11");

    let known = lab.with_token(Method::GET, path).header("if-none-match", &tag);
    let response = lab.send(known, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    let other = lab
        .with_token(Method::GET, path)
        .header("range", "bytes=6-")
        .header("if-range", "\"b3-other\"");
    assert_eq!(lab.send(other, Body::empty()).await.status(), StatusCode::OK);

    let head = lab.send(lab.with_token(Method::HEAD, path), Body::empty()).await;
    assert_eq!(head.headers()["content-length"], "11");
    assert!(body(head).await.is_empty());
    lab.stop().await;
}

#[tokio::test]
async fn bytes_of_strangers_run_nothing() {
    let lab = Lab::start().await;
    lab.push("page", "page.html", b"<script>alert(1)</script>").await;
    lab.push("drawing", "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>").await;
    for (path, media, how) in [
        ("/api/v1/content?ref=page", "application/octet-stream", "attachment"),
        ("/api/v1/content?ref=drawing", "image/svg+xml", "inline"),
    ] {
        let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
        let headers = response.headers();
        assert_eq!(headers["content-type"], media);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers["content-disposition"].to_str().unwrap().starts_with(how));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
        assert!(!policy.contains("allow-"), "{policy}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn an_upload_is_what_its_sender_says() {
    let lab = Lab::start().await;
    let put = |hash: &str| {
        lab.with_token(Method::PUT, "/api/v1/blobs")
            .header("content-type", "application/octet-stream")
            .header("x-dsp-blake3", hash)
    };
    let right = blake3::hash(b"data").to_string();
    let (status, answer) = json(lab.send(put(&right), "data").await).await;
    assert_eq!((status, answer["hash"].as_str()), (StatusCode::CREATED, Some(right.as_str())));
    let (status, problem) = json(lab.send(put(&right), "date").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    let (status, _) = json(lab.send(put("x"), "data").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    lab.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn damage_is_a_problem_and_never_wrong_bytes() {
    use std::os::unix::fs::FileExt;
    let lab = Lab::start().await;
    static BYTES: [u8; 100_000] = [7; 100_000];
    lab.push("data", "data.bin", &BYTES).await;
    let name = format!("{}.data", blake3::hash(&BYTES));
    let file = lab.daemon.home().blobs().join("data").join(name);
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(b"x", 50_000).unwrap();
    let (status, problem) = lab.get("/api/v1/content?ref=data").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem["code"], "corrupt", "{problem}");
    let (_, step) = lab.post("/api/v1/verify", serde_json::json!({})).await;
    let last = step
        .as_str()
        .map_or(step.clone(), |lines| serde_json::from_str(lines.lines().last().unwrap()).unwrap());
    let faults = last["result"]["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{last}");
    assert_eq!(faults[0]["what"], "data#data.bin");
    lab.stop().await;
}
