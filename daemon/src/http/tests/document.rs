//! The committed description of the API is the one of the code.

use std::path::Path;
use std::sync::LazyLock;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Lab;

static DOCUMENT: LazyLock<Value> = LazyLock::new(crate::http::document);

/// Makes sure that the document knows a status as an answer of a call, whichever test made it.
pub(super) fn is_described(method: &Method, path: &str, status: StatusCode) {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // `/contexts/current` is no label.
    let all = || paths.iter().filter(|(template, _)| fits(template, path));
    let found = all().find(|(template, _)| !template.contains('{')).or_else(|| all().next());
    let Some((template, operations)) = found else { return };
    let method = if method == Method::HEAD { "get" } else { &method.as_str().to_lowercase() };
    let Some(operation) = operations.get(method) else { return };
    let described = operation["responses"].get(status.as_str()).is_some();
    assert!(described, "{method} {template} answered {status}, which the document does not say");
}

fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let one = |wanted: &str| {
        parts
            .next()
            .is_some_and(|part| wanted.starts_with('{') && !part.is_empty() || wanted == part)
    };
    template.split('/').all(one) && parts.next().is_none()
}

/// With `DSP_UPDATE=1` the committed file is written anew.
#[test]
fn the_committed_document_is_current() {
    let value = crate::http::document();
    let current = serde_json::to_string_pretty(&value).unwrap() + "\n";
    let path = Path::new("../docs/openapi.json");
    if std::env::var_os("DSP_UPDATE").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == current, "docs/openapi.json is stale: run this test with DSP_UPDATE=1");
}

/// Programs that are generated from the document name their functions after these.
#[test]
fn every_call_has_a_name_of_its_own_and_every_page_a_type() {
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let lower_camel = name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.chars().all(|letter| letter.is_ascii_alphanumeric());
            assert!(lower_camel, "{method} {path} is called {name}");
            assert!(names.insert(name), "two calls are called {name}");
            let answers = serde_json::to_string(&operation["responses"]).unwrap();
            assert!(!answers.contains("schemas/Page\""), "{name} tells no type of its items");
        }
    }
}

/// What is named may be ambiguous, closed, or without its bytes.
#[test]
fn every_call_that_may_find_nothing_may_find_it_as_it_may_not_be() {
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let says = |status: &str| operation["responses"].get(status).is_some();
            assert!(!says("404") || says("409"), "{method} {path} says nothing of 409");
        }
    }
}

#[test]
fn every_call_of_the_contract_is_described() {
    let value = crate::http::document();
    let paths = value["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/health", &["get"][..]),
        ("/node", &["get"]),
        ("/node/stop", &["post"]),
        ("/contexts", &["get", "post"]),
        ("/contexts/current", &["put"]),
        ("/contexts/{context}", &["get", "delete"]),
        ("/contexts/{context}/readable", &["get"]),
        ("/contexts/{context}/tickets", &["post"]),
        ("/tickets", &["get"]),
        ("/tickets/{key}", &["delete"]),
        ("/follows", &["post"]),
        ("/follows/{context}", &["patch", "delete"]),
        ("/stacks", &["get"]),
        ("/stack", &["get", "delete"]),
        ("/rename", &["post"]),
        ("/tags", &["post"]),
        ("/log", &["get"]),
        ("/frame", &["get"]),
        ("/files", &["get"]),
        ("/blobs", &["put"]),
        ("/blobs/{hash}", &["get"]),
        ("/content", &["get"]),
        ("/raw", &["post"]),
        ("/frames", &["post"]),
        ("/fetch", &["post"]),
        ("/verify", &["post"]),
        ("/peers", &["get"]),
        ("/peers/{user}", &["patch"]),
        ("/identity", &["get"]),
        ("/identity/backup", &["post"]),
        ("/identity/backup/confirm", &["post"]),
        ("/login-codes", &["post"]),
        ("/login", &["post"]),
        ("/tokens", &["get", "post"]),
        ("/tokens/{id}", &["delete"]),
        ("/sessions", &["get"]),
        ("/sessions/{id}", &["delete"]),
        ("/settings", &["get", "patch"]),
        ("/notifications", &["get"]),
        ("/notifications/read", &["post"]),
        ("/contexts/{context}/muted", &["put"]),
        ("/events", &["get"]),
        ("/undo", &["get", "post"]),
        ("/trash", &["get", "delete"]),
        ("/diff", &["get"]),
        ("/search", &["get"]),
        ("/transfers", &["get"]),
        ("/transfers/pause", &["post"]),
        ("/transfers/resume", &["post"]),
        ("/metrics", &["get"]),
    ] {
        let described = paths.get(&format!("/api/v1{path}"));
        let described = described.unwrap_or_else(|| panic!("{path} is not described"));
        for method in methods {
            assert!(described.get(*method).is_some(), "{method} {path} is not described");
        }
    }
}

#[test]
fn every_call_describes_its_problems() {
    let mut calls = 0;
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let (name, responses) = (format!("{method} {path}"), &operation["responses"]);
            assert!(responses.get("default").is_none(), "{name}");
            let json = &operation["requestBody"]["content"]["application/json"];
            let takes = operation.get("requestBody").is_some();
            for (status, wanted) in [
                ("400", takes || operation.get("parameters").is_some()),
                ("401", true),
                ("403", true),
                ("413", json.is_object()),
                ("415", takes),
                ("421", true),
                ("500", true),
                ("503", true),
                ("507", true),
            ] {
                assert!(!wanted || responses.get(status).is_some(), "{name}: {status}");
            }
            for (status, response) in responses.as_object().unwrap() {
                if matches!(status.as_bytes()[0], b'1'..=b'3') {
                    continue;
                }
                let place = response["$ref"].as_str().unwrap().trim_start_matches('#');
                let content = &DOCUMENT.pointer(place).unwrap()["content"];
                let schema = &content["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{name}: {status}");
            }
            calls += 1;
        }
    }
    assert!(calls > 70, "{calls} calls");
}

#[test]
fn bytes_are_described_as_bytes() {
    let (mut bytes, mut text) = (0, DOCUMENT.to_string());
    for operation in DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        let answers = operation["responses"].as_object().unwrap().values();
        for content in answers.chain([&operation["requestBody"]]).map(|part| &part["content"]) {
            let schema = &content["application/octet-stream"]["schema"];
            if !schema.is_null() {
                assert_eq!(*schema, json!({ "type": "string", "format": "binary" }));
                bytes += 1;
            }
        }
    }
    assert_eq!(bytes, 9);
    text.retain(|c| !c.is_whitespace());
    assert!(!text.contains(r#""items":{"format":"int32""#), "a list of numbers");
}

#[test]
fn numbers_are_described_with_their_bounds() {
    let property = |schema: &str, name: &str| {
        let schema = &DOCUMENT["components"]["schemas"][schema]["properties"][name];
        (schema["format"].clone(), schema["minimum"].clone(), schema["maximum"].clone())
    };
    let most = (json!("uint64"), json!(0), json!(u64::MAX));
    assert_eq!(property("BlobPut", "size"), most);
    assert_eq!(property("NewTicket", "expires_seconds"), most);
    assert_eq!(property("NewTicket", "uses"), (json!("uint32"), json!(0), json!(u32::MAX)));
    let signed = (json!("int64"), Value::Null, Value::Null);
    assert_eq!(property("FileCounts", "bytes"), signed);
}

/// The bounds of `limit` that the document tells are those that the daemon keeps.
#[tokio::test]
async fn limits_are_described_as_they_are() {
    let lab = Lab::start().await;
    lab.push("one", "a.csv", b"a\n1\n").await;
    let new = json!({ "title": "Week" });
    let board = lab.post("/api/v1/boards", new).await.1["board"]["info"]["id"].clone();
    let board = board.as_str().unwrap();
    let mut calls = 0;
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array().into_iter().flatten();
        let Some(limit) = parameters.into_iter().find(|one| one["name"] == "limit") else {
            continue;
        };
        let (least, most) = (&limit["schema"]["minimum"], &limit["schema"]["maximum"]);
        let (least, most) = (least.as_u64().unwrap(), most.as_u64().unwrap());
        let path = path.replace("{context}", "main").replace("{board}", board);
        let path = path.replace("{user}", "me");
        let of = "ref=one&q=one";
        for (limit, good) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            let (status, answer) = lab.get(&format!("{path}?{of}&limit={limit}")).await;
            assert_eq!(status.is_success(), good, "{path}, {limit}: {answer}");
            let says = |answer: &Value| answer["detail"].as_str().unwrap().contains("limit");
            assert!(good || status == 400 && says(&answer), "{path}, {limit}: {answer}");
        }
        calls += 1;
    }
    assert!(calls >= 13, "{calls} calls");
    lab.stop().await;
}
