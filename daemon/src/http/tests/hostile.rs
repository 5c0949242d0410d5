//! Requests whose author means harm.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Lab, body, json};

/// Every call of the document that takes JSON.
fn takes_json() -> Vec<(Method, String)> {
    let document = serde_json::to_value(crate::http::document()).unwrap();
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            if call["requestBody"]["content"].get("application/json").is_some() {
                let method = method.to_uppercase().parse().unwrap();
                calls.push((method, path.replace(['{', '}'], "")));
            }
        }
    }
    assert!(calls.len() > 20, "{calls:?}");
    calls
}

#[tokio::test]
async fn a_deep_body_is_refused_and_unpacks_to_nothing() {
    let lab = Lab::start().await;
    for (method, path) in takes_json() {
        for unit in ["[", "{\"params\":", "{\"files\":[{\"params\":"] {
            for depth in [200, 100_000] {
                let call = lab
                    .with_token(method.clone(), &path)
                    .header("content-type", "application/json");
                let (status, problem) = json(lab.send(call, unit.repeat(depth)).await).await;
                let refused = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND].contains(&status);
                assert!(refused, "{method} {path}: {status} {problem}");
            }
        }
    }
    let (status, _) = lab.get("/api/v1/node").await;
    assert_eq!(status, StatusCode::OK);
    lab.stop().await;
}

/// Ways out of a folder, as they are written to slip past a check.
const WAYS_OUT: [&str; 16] = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252fetc%252fpasswd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "..%c0%af..%c0%afetc%c0%afpasswd",
    "..%e0%80%af..%e0%80%afetc%e0%80%afpasswd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "etc%2fpasswd%00.css",
    "..%u2215..%u2215etc%u2215passwd",
    "%2e%2e%2fkeys%2fdevice",
];

#[tokio::test]
async fn no_address_leads_out() {
    let lab = Lab::start().await;
    lab.push("one", "a.csv", b"a").await;
    let places = [
        "/",
        "/style.css/",
        "/assets/",
        "/api/",
        "/api/v1/",
        "/api/v1/blobs/",
        "/api/v1/contexts/",
        "/api/v1/tickets/",
        "/api/v1/peers/",
        "/api/v1/content?ref=one%23",
        "/api/v1/content?ref=",
        "/api/v1/files?ref=",
        "/api/v1/frame?ref=",
    ];
    for place in places {
        for way in WAYS_OUT {
            let path = format!("{place}{way}");
            let response = lab.send(lab.with_token(Method::GET, &path), Body::empty()).await;
            let (status, media) = (response.status(), response.headers()["content-type"].clone());
            let body = body(response).await;
            assert!(status.is_client_error(), "{path}: {status}");
            assert_eq!(media, "application/problem+json", "{path}: {body:?}");
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert!(!problem["detail"].as_str().unwrap().contains("root:"), "{path}: {problem}");
        }
    }
    lab.stop().await;
}
