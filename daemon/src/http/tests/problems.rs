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
        (
            "/api/v1/frames",
            json!({ "stack": "a", "files": [], "widgets": { "n": { "kind": "knob" } } }),
            "bad_request",
        ),
        (
            "/api/v1/frames",
            json!({ "stack": "a", "files": [], "widgets": { "n": { "unit": "m".repeat(33) } } }),
            "bad_request",
        ),
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

#[tokio::test]
async fn a_query_that_is_wrong_says_where_and_how() {
    let lab = Lab::start().await;
    for (query, says) in [
        ("stacks?limit=-1", "the query: limit: no whole number from 0 on"),
        ("stacks?limit=", "the query: limit: no number, as it is empty"),
        ("stacks?limit=18446744073709551616", "the query: limit: a number that is too large"),
        ("stack?ref=a&to_change=x", "the query: to_change: neither `true` nor `false`"),
        ("stack?ref=a&ref=b", "the query: duplicate field `ref`"),
        ("stack", "the query: missing field `ref`"),
    ] {
        let (status, problem) = lab.get(&format!("/api/v1/{query}")).await;
        assert_eq!((status, problem["detail"].as_str()), (StatusCode::BAD_REQUEST, Some(says)));
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_list_is_no_body_of_an_object() {
    let lab = Lab::start().await;
    lab.push("one", "a.csv", b"a\n1\n").await;
    for (path, body) in [
        ("/api/v1/tags", json!(["one", "v1"])),
        ("/api/v1/contexts", json!(["plans", "", null])),
        ("/api/v1/frames", json!({ "stack": "a", "files": [["x", null, null]] })),
        ("/api/v1/archives/export", json!({ "what": ["main"], "ticket": [null, 60, 1] })),
    ] {
        let (status, problem) = lab.post(path, body).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.starts_with("the body: a list stands where an object belongs"), "{detail}");
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    #[cfg(feature = "tables")]
    {
        let sort = "%5B%5B%22a%22,true%5D%5D";
        let (status, problem) = lab.get(&format!("/api/v1/rows?ref=one&sort={sort}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem["detail"].as_str().unwrap().contains("an object belongs"), "{problem}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn media_types_are_read_whatever_stands_beside_them() {
    let lab = Lab::start().await;
    for (media, taken) in [
        ("application/octet-stream", true),
        ("Application/Octet-Stream; charset=binary", true),
        ("application/octet-stream2", false),
        ("text/plain", false),
    ] {
        let call = lab.with_token(Method::PUT, "/api/v1/blobs").header("content-type", media);
        let status = lab.send(call, "bytes").await.status();
        assert_eq!(status.is_success(), taken, "{media}: {status}");
    }
    lab.stop().await;
}
