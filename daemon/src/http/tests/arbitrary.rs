//! Arbitrary requests to every path of the document: each is answered, none by an error of the
//! daemon's own, and who is refused has changed nothing.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::{Lab, body};

/// How many requests are made; where the machine is busy, as many as fit into [`TIME`].
const REQUESTS: u32 = 1_500;
const TIME: Duration = Duration::from_secs(15);

/// Paths that are left out: what they do ends the daemon.
const ENDS: [&str; 1] = ["/api/v1/node/stop"];
/// Answers that have no end.
const ENDLESS: [&str; 1] = ["/api/v1/events"];

/// What is told of the daemon; a refused request changes none of it.
const STATE: [&str; 10] = [
    "/api/v1/contexts",
    "/api/v1/stacks?removed=true",
    "/api/v1/tickets",
    "/api/v1/pins",
    "/api/v1/settings",
    "/api/v1/undo",
    "/api/v1/trash",
    "/api/v1/peers",
    "/api/v1/offers",
    "/api/v1/identity/devices",
];

/// Words that mean something somewhere, and words that look like it.
const WORDS: [&str; 30] = [
    "one",
    "me:one",
    "one@head~1",
    "one@v1#a.csv",
    "one#0",
    "main",
    "team",
    "*",
    "",
    ".",
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "%",
    "%ff%fe",
    "%00",
    "a b",
    "a\u{202e}b",
    "ü/東京",
    "0",
    "-1",
    "18446744073709551616",
    "1e999",
    "true",
    "null",
    "[]",
    "reader",
    "dsp1aaaa",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

#[derive(Clone, Debug)]
struct Asked {
    method: Method,
    /// A path of the document, with its parameters filled in or not, and the query.
    path: String,
    /// The path as the document has it.
    template: String,
    media: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Escapes what may not stand in an address as it is; what is escaped already stays.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b'*' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The names of everything that has one in the document.
fn names(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| names(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
        1 => (1usize..6_000).prop_map(|len| "x".repeat(len)),
    ]
}

/// A value of JSON with the names of the API in it.
fn value(known: Vec<String>) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => word().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!(u64::MAX)),
        1 => Just(json!(1e308)),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        let key = prop_oneof![4 => select(known.clone()), 1 => "[a-z]{0,5}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key, inner), 0..6).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// Bodies: of the right form and the wrong shape, deep, of huge numbers, cut short, and no JSON.
fn bytes(known: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let object = {
        let key = select(known.clone());
        let fields = vec((key, value(known.clone())), 0..8);
        fields.prop_map(|fields| fields.into_iter().collect::<Value>())
    };
    let cut = (value(known), any::<prop::sample::Index>()).prop_map(|(value, at)| {
        let text = value.to_string().into_bytes();
        text[..at.index(text.len())].to_vec()
    });
    prop_oneof![
        8 => object.prop_map(|value| value.to_string().into_bytes()),
        2 => cut,
        1 => (1usize..50_000).prop_map(|depth| b"[".repeat(depth)),
        1 => (1usize..20_000).prop_map(|depth| b"{\"params\":".repeat(depth)),
        1 => (1usize..2_000).prop_map(|digits| format!("{{\"limit\":1{}}}", "0".repeat(digits)).into_bytes()),
        1 => vec(any::<u8>(), 0..200),
        1 => Just(b"{\"ref\":\"\xff\xfe\"}".to_vec()),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let document = crate::http::document();
    let mut known = Vec::new();
    names(&document, &mut known);
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        calls.extend(methods.map(|method| (path.clone(), method.to_uppercase())));
    }
    calls.retain(|(path, _)| !ENDS.contains(&path.as_str()));
    let queries: Vec<&'static str> = vec![
        "ref", "to", "context", "q", "limit", "cursor", "mine", "removed", "since", "keep", "copy",
    ];
    let method = prop_oneof![
        9 => Just(None),
        1 => select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
            .prop_map(Some),
    ];
    let media = select(vec![
        Some("application/json"),
        Some("application/json"),
        Some("application/json"),
        Some("application/octet-stream"),
        Some("text/plain"),
        None,
    ]);
    let names = vec!["range", "if-none-match", "last-event-id", "x-dsp-blake3", "accept", "cookie"];
    let headers = vec((select(names), "[ -~]{0,40}"), 0..3);
    (
        select(calls),
        method,
        vec(word(), 3),
        vec((select(queries), word()), 0..4),
        media,
        headers,
        bytes(known),
    )
        .prop_map(|((template, own), method, words, query, media, headers, body)| {
            let mut words = words.into_iter();
            let segments = template.split('/').map(|segment| match segment.starts_with('{') {
                true => escaped(&words.next().unwrap_or_default()),
                false => segment.to_owned(),
            });
            let mut path = segments.collect::<Vec<_>>().join("/");
            for (at, (name, value)) in query.iter().enumerate() {
                let sign = if at == 0 { '?' } else { '&' };
                path.push_str(&format!("{sign}{name}={}", escaped(value)));
            }
            let method = method.unwrap_or(&own).parse().unwrap();
            Asked { method, path, template, media, headers, body }
        })
}

impl Lab {
    async fn ask(&self, asked: &Asked) -> Response {
        let mut call = self.with_token(asked.method.clone(), &asked.path);
        if let Some(media) = asked.media {
            call = call.header("content-type", media);
        }
        for (name, value) in &asked.headers {
            call = call.header(name, value);
        }
        self.send(call, Body::from(asked.body.clone())).await
    }

    async fn state(&self) -> Vec<Value> {
        let mut state = Vec::new();
        for path in STATE {
            state.push(self.get(path).await.1);
        }
        state
    }
}

/// Tells whether a status is one of the daemon's own failures. That nobody can be reached is none.
fn is_failure(status: u64) -> bool {
    status >= 500 && status != u64::from(StatusCode::SERVICE_UNAVAILABLE.as_u16())
}

/// Checks the form of a problem, and that it is the caller's.
fn check_problem(problem: &Value, status: Option<StatusCode>) -> Result<(), TestCaseError> {
    let code = problem["code"].as_str().unwrap_or_default();
    prop_assert_eq!(&problem["type"], &json!(format!("urn:dsp:error:{code}")), "{}", problem);
    prop_assert!(!code.is_empty() && problem["title"].is_string(), "{}", problem);
    prop_assert!(
        problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
        "{}",
        problem
    );
    let said = problem["status"].as_u64().unwrap_or_default();
    if let Some(status) = status {
        prop_assert_eq!(said, u64::from(status.as_u16()));
    }
    prop_assert!(said >= 400 && !is_failure(said), "{}", problem);
    Ok(())
}

/// Checks an answer and tells whether the request was refused.
async fn check(asked: &Asked, response: Response) -> Result<bool, TestCaseError> {
    let status = response.status();
    let media = response.headers().get(header::CONTENT_TYPE).cloned();
    let media = media.as_ref().and_then(|media| media.to_str().ok()).unwrap_or_default();
    prop_assert!(!status.is_informational() && !is_failure(status.as_u16().into()), "{}", status);
    if status.is_success() && ENDLESS.contains(&asked.template.as_str()) {
        return Ok(false);
    }
    let body = body(response).await;
    if !status.is_success() && !status.is_redirection() {
        if asked.method == Method::HEAD {
            return Ok(true);
        }
        prop_assert_eq!(media, "application/problem+json", "{}: {:?}", status, body);
        let problem = serde_json::from_slice(&body);
        let problem = problem.map_err(|error| TestCaseError::fail(format!("{error}: {body:?}")))?;
        check_problem(&problem, Some(status))?;
        return Ok(true);
    }
    if media == dsp_protocol::api::JSON_LINES {
        let last = body.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
        let step: Value = serde_json::from_slice(last).unwrap_or_default();
        match step["step"].as_str() {
            Some("done") => {}
            Some("failed") => check_problem(&step["problem"], None)?,
            _ => return Err(TestCaseError::fail(format!("the answer has no end: {body:?}"))),
        }
    }
    Ok(false)
}

#[test]
fn every_request_is_answered_and_who_is_refused_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(async {
        let lab = Lab::start().await;
        lab.push("one", "a.csv", b"a,b\n1,2\n").await;
        lab.push("one", "a.csv", b"a,b\n1,3\n").await;
        let (status, _) = lab.post("/api/v1/contexts", json!({ "name": "team" })).await;
        assert_eq!(status, StatusCode::CREATED);
        lab
    });
    let config = Config {
        cases: REQUESTS,
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let begun = Instant::now();
    let outcome = TestRunner::new(config).run(&asked(), |asked| {
        if begun.elapsed() > TIME {
            return Ok(());
        }
        runtime.block_on(async {
            let before = lab.state().await;
            let response = lab.ask(&asked).await;
            if check(&asked, response).await? {
                prop_assert_eq!(before, lab.state().await, "a refused request changed something");
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    runtime.block_on(lab.stop());
}
