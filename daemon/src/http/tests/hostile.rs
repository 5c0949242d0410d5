//! Requests whose author means harm.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Lab, body, json};

/// Every call of the document that takes JSON.
fn takes_json() -> Vec<(Method, String)> {
    let document = crate::http::document();
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

/// Returns a value of a schema of the document in which every text is `text`.
fn filled(document: &Value, schema: &Value, text: &str, depth: usize) -> Value {
    let resolved = schema["$ref"].as_str().map(|path| {
        document.pointer(path.trim_start_matches('#')).expect("the document names what it has")
    });
    let schema = resolved.unwrap_or(schema);
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let given = choices.iter().find(|choice| choice["type"] != "null");
            return filled(document, given.unwrap_or(&Value::Null), text, depth);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        _ if depth == 0 => Value::Null,
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let mut object: serde_json::Map<_, _> = properties
                .map(|(name, inner)| (name.clone(), filled(document, inner, text, depth - 1)))
                .collect();
            if schema["additionalProperties"].is_object() {
                object.insert("u".to_owned(), text.into());
            }
            object.into()
        }
        Some("array") => vec![filled(document, &schema["items"], text, depth - 1)].into(),
        Some("integer" | "number") => 1.into(),
        Some("boolean") => false.into(),
        _ => schema["enum"][0].as_str().unwrap_or(text).into(),
    }
}

#[tokio::test]
async fn no_call_goes_to_an_address_that_it_is_given() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret", trap.local_addr().unwrap());
    let escaped = url.replace(':', "%3A").replace('/', "%2F");
    let lab = Lab::start().await;
    lab.push("one", "a.html", format!("<img src=\"{url}\">").leak().as_bytes()).await;

    let document = crate::http::document();
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if path.starts_with("/api/v1/node/stop") || path == "/api/v1/events" {
            continue;
        }
        for (method, call) in methods.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let queried = call["parameters"].as_array().into_iter().flatten();
            let queried = queried.filter(|parameter| parameter["in"] == "query");
            let query: Vec<String> = queried
                .map(|parameter| format!("{}={escaped}", parameter["name"].as_str().unwrap()))
                .collect();
            let segments = path.split('/').map(|part| match part.starts_with('{') {
                true => escaped.as_str(),
                false => part,
            });
            let address = format!("{}?{}", segments.collect::<Vec<_>>().join("/"), query.join("&"));
            let schema = &call["requestBody"]["content"]["application/json"]["schema"];
            let body = match schema.is_object() {
                true => filled(&document, schema, &url, 8).to_string(),
                false => url.clone(),
            };
            let media = if schema.is_object() { "application/json" } else { "text/plain" };
            let call = lab.with_token(method.clone(), &address).header("content-type", media);
            let answer = lab.send(call, Body::from(body)).await;
            assert!(!answer.status().is_server_error(), "{method} {path}: {}", answer.status());
            calls += 1;
        }
    }
    assert!(calls > 50, "{calls} calls");
    // What is in a frame is told as it is, and not looked up.
    for path in ["frame?ref=one", "content?ref=one%23a.html", "files?ref=one", "search?q=http"] {
        let call = lab.with_token(Method::GET, &format!("/api/v1/{path}"));
        assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK, "{path}");
    }
    // The first who came to the trap is this test.
    let mine = std::net::TcpStream::connect(trap.local_addr().unwrap()).unwrap();
    let (_, first) = trap.accept().unwrap();
    assert_eq!(first, mine.local_addr().unwrap(), "the daemon went there");
    lab.stop().await;
}
