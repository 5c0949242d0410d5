//! What errors look like.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::Lab;

#[tokio::test]
async fn errors_are_problems() {
    let lab = Lab::start().await;
    let response =
        lab.send(lab.with_token(Method::GET, "/api/v1/stack?ref=nothing"), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (_, problem) = super::json(response).await;
    assert_eq!(problem["type"], "urn:dsp:error:not_found");
    assert_eq!(problem["code"], "not_found");
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["detail"], "no stack `nothing`");
    assert!(problem["hint"].is_string());
    lab.stop().await;
}

#[tokio::test]
async fn each_mistake_has_its_status() {
    let lab = Lab::start().await;
    lab.push("one", "a.csv", b"a").await;
    for (path, status, code) in [
        ("/api/v1/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/api/v1/stack", 400, "bad_request"),
        ("/api/v1/stack?ref=", 400, "bad_request"),
        ("/api/v1/stack?ref=a@@b", 400, "bad_request"),
        ("/api/v1/stack?ref=nobody:one", 404, "not_found"),
        ("/api/v1/frame?ref=one@head~1", 404, "not_found"),
        ("/api/v1/frame?ref=one@v1", 404, "not_found"),
        ("/api/v1/frame?ref=one@000000", 404, "not_found"),
        ("/api/v1/content?ref=one%23b.csv", 404, "not_found"),
        ("/api/v1/contexts/nothing", 404, "not_found"),
        ("/api/v1/stacks?limit=0", 400, "bad_request"),
        ("/api/v1/stacks?limit=x", 400, "bad_request"),
        ("/api/v1/stacks?cursor=x", 400, "bad_request"),
        ("/api/v1/stacks?context=nothing", 404, "not_found"),
        ("/api/v1/blobs/xyz", 400, "bad_request"),
        (
            "/api/v1/blobs/0000000000000000000000000000000000000000000000000000000000000000",
            409,
            "blob_not_local",
        ),
    ] {
        let (actual, problem) = lab.get(path).await;
        assert_eq!(actual.as_u16(), status, "{path}: {problem}");
        assert_eq!(problem["code"], code, "{path}: {problem}");
        assert_eq!(problem["status"], status, "{path}: {problem}");
    }
    for (path, body, status) in [
        ("/api/v1/contexts", json!({ "name": "a/b" }), 400),
        ("/api/v1/contexts", json!({ "name": "Main" }), 409),
        ("/api/v1/contexts", json!({}), 400),
        ("/api/v1/rename", json!({ "ref": "one", "name": "../x" }), 400),
        ("/api/v1/tags", json!({ "ref": "one", "tag": "head" }), 400),
        ("/api/v1/contexts/main/tickets", json!({ "role": "owner" }), 400),
        ("/api/v1/contexts/main/tickets", json!({ "uses": 0 }), 400),
        ("/api/v1/login", json!({ "code": "wrong" }), 401),
        ("/api/v1/identity/backup/confirm", json!({ "words": "one two" }), 400),
    ] {
        let (actual, problem) = lab.post(path, body.clone()).await;
        assert_eq!(actual.as_u16(), status, "{path} {body}: {problem}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn long_calls_end_with_their_problem() {
    let lab = Lab::start().await;
    for (path, body, code) in [
        ("/api/v1/frames", json!({ "stack": "a@v1", "files": [] }), "bad_request"),
        (
            "/api/v1/frames",
            json!({ "stack": "a", "files": [{ "path": "x", "source": "relative" }] }),
            "bad_request",
        ),
        (
            "/api/v1/frames",
            json!({ "stack": "a", "files": [{ "path": "x", "source": "/no/such/file" }] }),
            "bad_request",
        ),
        (
            "/api/v1/frames",
            json!({ "stack": "a", "files": [{ "path": "x", "hash": "0".repeat(64) }] }),
            "blob_not_local",
        ),
        ("/api/v1/frames", json!({ "stack": "a", "files": [], "inputs": ["b"] }), "not_found"),
        ("/api/v1/follows", json!({ "ticket": "dsp9x" }), "bad_request"),
        ("/api/v1/fetch", json!({ "ref": "nothing" }), "not_found"),
        ("/api/v1/verify", json!({ "ref": "nothing" }), "not_found"),
    ] {
        let (status, step) = lab.post(path, body.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(step["step"], "failed", "{path} {body}: {step}");
        assert_eq!(step["problem"]["code"], code, "{path} {body}: {step}");
    }
    lab.stop().await;
}
