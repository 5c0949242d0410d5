//! What dstack's released clients send, and how they read what comes back.

mod dashboards;
mod hostile;
mod pages;
#[cfg(feature = "tables")]
mod tables;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Lab, body};
use crate::store::{Scope, Token, TokenKind};
use dsp_protocol::api::{AccessName, NewContext};

/// A token that may push, as a profile has it.
const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

/// An answer.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Lab {
    /// Starts a daemon that knows the token of a profile.
    async fn with_profile() -> Lab {
        let lab = Lab::start().await;
        lab.knows(TOKEN, Scope::Push).await;
        lab
    }

    async fn knows(&self, secret: &str, scope: Scope) {
        let (kind, name) = (TokenKind::Token, "profile".to_owned());
        let token = Token { kind, name, scope, created: 0, expires: None };
        self.daemon.store().add_token(secret, token, 0).await.unwrap();
    }

    /// Calls with a token, or as nobody.
    async fn old(&self, method: Method, path: &str, token: &str, sent: Vec<u8>) -> Got {
        let mut call = self.request(method, path).header("accept-encoding", "gzip, deflate");
        if !token.is_empty() {
            call = call.header("authorization", &format!("Bearer {token}"));
        }
        let response = self.send(call, Body::from(sent)).await;
        let (status, headers) = (response.status(), response.headers().clone());
        Got { status, headers, body: body(response).await.to_vec() }
    }

    async fn old_post(&self, path: &str, sent: &Value) -> Got {
        self.old(Method::POST, path, TOKEN, sent.to_string().into_bytes()).await
    }

    async fn old_get(&self, path: &str) -> Got {
        self.old(Method::GET, path, TOKEN, Vec::new()).await
    }

    /// Pulls an attachment as the clients do; returns what describes it, and its bytes.
    async fn pull(&self, path: &str, index: usize) -> (Value, Vec<u8>) {
        let stack = self.old_get(&format!("/api/stacks/{path}")).await;
        assert_eq!(stack.status, StatusCode::OK, "{path}: {}", stack.json());
        let head = stack.json()["stack"]["head"].clone();
        let listed = &head["attachments"][index];
        assert!(listed["params"].is_object() && listed["settings"].is_object(), "{head}");
        let frame = head["id"].as_str().unwrap();
        let attach = format!("/api/attachs/{path}/{frame}/{index}?download=true");
        let attach = self.old_get(&attach).await;
        assert_eq!(attach.status, StatusCode::OK);
        let (headers, attach) = (attach.headers.clone(), attach.json()["attachment"].clone());
        assert!(attach["params"].is_object() && attach["index"] == index, "{attach}");
        let lasts = headers["cache-control"].to_str().unwrap().contains("max-age=31536000");
        assert_eq!(lasts, attach.get("download_url").is_none(), "{headers:?}");
        let bytes = match attach["data"].as_str() {
            Some(data) => BASE64.decode(data.as_bytes()).unwrap(),
            None => {
                let url = attach["download_url"].as_str().unwrap();
                let got = self.old(Method::GET, &place(url), "", Vec::new()).await;
                assert_eq!(got.status, StatusCode::OK);
                assert!(!got.headers.contains_key("content-encoding"));
                assert!(!got.headers.contains_key("transfer-encoding"));
                assert_eq!(got.headers["content-length"], got.body.len().to_string().as_str());
                let saved = got.headers["content-disposition"].to_str().unwrap();
                assert!(saved.starts_with("attachment; filename=alice_"), "{saved}");
                got.body
            }
        };
        assert_eq!(attach["length"], bytes.len(), "the cache of clients asks for the exact length");
        (attach, bytes)
    }

    /// Makes a context and lets new stacks go there.
    async fn current(&self, name: &str, access: AccessName) {
        let ops = self.daemon.ops();
        let new = NewContext { name: name.to_owned(), about: String::new(), access: Some(access) };
        ops.new_context(new).await.unwrap();
        ops.switch_context(name).await.unwrap();
    }
}

/// Returns path and query of an absolute address of the daemon.
fn place(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    rest[rest.find('/').unwrap()..].to_owned()
}

fn csv() -> String {
    BASE64.encode(b"\"\",\"a\"\n\"0\",\"007\"\n")
}

/// A push of one small attachment.
fn small(stack: &str, id: &str) -> Value {
    json!({
        "id": id, "timestamp": 1_595_190_310_496_i64, "client": "dstack-py", "version": "0.5.1",
        "settings": { "python": "3.8", "os": { "sysname": "Linux" } },
        "params": { "message": null },
        "attachments": [{ "content_type": "text/csv", "application": "pandas/dataframe",
            "description": "DataFrame example", "settings": { "header": true, "schema": ["int64"] },
            "data": csv() }],
        "stack": stack,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_generation_of_clients_pushes_and_pulls() {
    let lab = Lab::with_profile().await;
    let old = json!({
        "id": "bb9507f0-41c3-4796-a402-2f747ddcd4d7", "timestamp": 1_595_190_434_031_i64,
        "client": "dstack-py", "version": "0.3.0", "os": { "sysname": "Linux" }, "message": "v2",
        "attachments": [{ "data": csv(), "type": "text/csv", "description": "plain" }],
        "stack": "dstack/old",
    });
    let r = json!({
        "id": "aa9507f0-41c3-4796-a402-2f747ddcd4d7", "timestamp": "1595190434031",
        "client": "dstack-r", "version": "0.2.1", "os": { "sysname": "Linux" }, "message": "from R",
        "attachments": [{ "data": csv(), "type": "text/csv", "params": { "n": 1.5, "b": true } }],
        "stack": "dstack/from-r",
    });
    let new = json!({
        "id": "cc9507f0-41c3-4796-a402-2f747ddcd4d7", "timestamp": 1_595_190_434_031_i64,
        "settings": { "python": { "major": 3, "minor": 11 }, "client": { "version": "0.6.4" } },
        "params": { "message": "v2", "k": 1 },
        "attachments": [
            { "content_type": "text/csv", "data": csv(), "params": { "Tab": { "type": "tab" } } },
            { "content_type": "text/csv", "data": csv(),
              "params": { "t2": { "type": "tab", "title": "Two" } } },
        ],
        "stack": "alice/new/deep",
    });
    for push in [&old, &small("dstack/data", "dd9507f0"), &r, &new] {
        let got = lab.old_post("/api/stacks/push", push).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.json());
        let name = push["stack"].as_str().unwrap().split_once('/').unwrap().1;
        let url = got.json()["url"].as_str().unwrap().to_owned();
        assert!(url.ends_with(&format!("/alice/{name}")), "{url}");
        assert!(got.json().get("attachments").is_none());
    }
    let want = BASE64.decode(csv().as_bytes()).unwrap();
    let (attach, bytes) = lab.pull("dstack/old", 0).await;
    assert_eq!((attach["type"].as_str(), &bytes), (Some("text/csv"), &want));
    let (attach, bytes) = lab.pull("alice/data", 0).await;
    assert_eq!((attach["application"].as_str(), &bytes), (Some("pandas/dataframe"), &want));
    assert_eq!(attach["settings"], json!({ "header": true, "schema": ["int64"] }));
    assert_eq!(attach["description"], "DataFrame example");
    let (attach, _) = lab.pull("me/from-r", 0).await;
    assert_eq!(attach["params"], json!({ "n": 1.5, "b": true }));
    assert_eq!(
        lab.pull("dstack/new/deep", 0).await.0["params"],
        json!({ "Tab": { "type": "tab" } })
    );
    let tab = json!({ "t2": { "type": "tab", "title": "Two" } });
    assert_eq!(lab.pull("dstack/new/deep", 1).await.0["params"], tab);

    let stack = lab.old_get("/api/stacks/dstack/data").await;
    assert_eq!(stack.headers["cache-control"], "no-cache, no-store");
    assert_eq!(stack.headers["content-type"], "application/json;charset=UTF-8");
    let stack = stack.json()["stack"].clone();
    assert_eq!(stack["head"]["params"], json!({ "message": null }));
    assert_eq!(stack["head"]["timestamp"], 1_595_190_310_496_i64);
    assert_eq!((stack["user"].as_str(), stack["readme"].clone()), (Some("alice"), Value::Null));
    assert_eq!((&stack["private"], &stack["access_level"]), (&json!(true), &json!("private")));
    let settings =
        &lab.old_get("/api/stacks/dstack/new/deep").await.json()["stack"]["head"]["settings"];
    assert_eq!(settings["client"]["version"], "0.6.4");

    // It is an ordinary frame, with the files and messages that one has.
    let (_, frame) = lab.get("/api/v1/frame?ref=old").await;
    assert_eq!(
        (frame["message"].as_str(), frame["files"][0]["path"].as_str()),
        (Some("v2"), Some("old.csv"))
    );
    // And what others push is pulled.
    lab.push("ours/table", "a/table.csv", b"a\n1\n").await;
    let (attach, bytes) = lab.pull("dstack/ours/table", 0).await;
    assert_eq!(
        (&bytes[..], &attach["settings"]["filename"]),
        (&b"a\n1\n"[..], &json!("table.csv"))
    );
    let list = lab.old_get("/api/stacks/dstack").await.json();
    assert_eq!(list["stacks"].as_array().unwrap().len(), 5, "{list}");
    assert_eq!(list["stacks"][0]["name"], "ours/table");
    assert_eq!(list["stacks"][0]["head"]["preview"]["content_type"], "text/csv");
    assert_eq!(lab.old_get("/api/stacks").await.json(), list);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_listed_oldest_first_and_found_by_the_ids_of_clients() {
    let lab = Lab::with_profile().await;
    for id in ["first", "second", "third"] {
        let mut push = small("dstack/data", id);
        push["params"] = json!({ "message": id });
        assert_eq!(lab.old_post("/api/stacks/push", &push).await.status, StatusCode::OK);
    }
    let stack = lab.old_get("/api/stacks/dstack/data").await.json()["stack"].clone();
    let ids: Vec<&str> =
        stack["frames"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(
        (&ids[..], stack["head"]["id"].as_str()),
        (&["first", "second", "third"][..], Some("third"))
    );
    assert_eq!(stack["frames"][0]["params"], json!({ "message": "first" }));
    assert_eq!(stack["frames"][0]["description"], "first");
    let frame = lab.old_get("/api/frames/dstack/data/second").await.json();
    assert_eq!(frame["frame"]["params"]["message"], "second");
    let (_, ours) = lab.get("/api/v1/frame?ref=data").await;
    let by_ours = format!("/api/frames/dstack/data/{}", ours["id"].as_str().unwrap());
    assert_eq!(lab.old_get(&by_ours).await.json()["frame"]["id"], "third");
    assert_eq!(lab.old_get("/api/stacks/dstack/data/head").await.json()["head"]["id"], "third");
    let again = lab.old_post("/api/stacks/push", &small("dstack/data", "first")).await;
    assert_eq!(
        (again.status, &again.json()["message"]),
        (StatusCode::BAD_REQUEST, &json!("attachment already exists"))
    );
    for missing in [
        "attachs/dstack/data/second/1",
        "attachs/dstack/data/none/0",
        "frames/dstack/data/none",
        "stacks/dstack/none",
        "stacks/nobody/data",
    ] {
        let got = lab.old_get(&format!("/api/{missing}")).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{missing}");
        assert!(got.json()["message"].as_str().unwrap().ends_with(" not found"));
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plots_come_one_by_one_and_the_head_moves_with_the_size() {
    let lab = Lab::with_profile().await;
    let part = |index: u64| {
        let mut push = small("dstack/auto", "auto");
        push["index"] = json!(index);
        push["attachments"][0]["params"] = json!({ "Coefficient": index });
        push
    };
    let size =
        |size: u64| json!({ "id": "auto", "timestamp": 1, "size": size, "stack": "dstack/auto" });
    assert_eq!(
        lab.old_post("/api/stacks/access", &json!({ "stack": "dstack/auto" })).await.json(),
        json!({})
    );
    assert_eq!(lab.old_post("/api/stacks/push", &part(0)).await.status, StatusCode::OK);
    let again = lab.old_post("/api/stacks/push", &part(0)).await;
    assert_eq!(
        (again.status, &again.json()["message"]),
        (StatusCode::BAD_REQUEST, &json!("attachment already exists"))
    );
    let short = lab.old_post("/api/stacks/push", &size(2)).await;
    assert_eq!(short.status, StatusCode::BAD_REQUEST, "one never came");
    assert_eq!(lab.old_post("/api/stacks/push", &part(1)).await.status, StatusCode::OK);
    assert_eq!(lab.old_get("/api/stacks/dstack/auto").await.status, StatusCode::NOT_FOUND);
    let short = lab.old_post("/api/stacks/push", &size(1)).await;
    assert_eq!(short.status, StatusCode::BAD_REQUEST, "there are more");
    let done = lab.old_post("/api/stacks/push", &size(2)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.json());
    assert_eq!(lab.pull("dstack/auto", 1).await.0["params"], json!({ "Coefficient": 1 }));
    assert_eq!(
        lab.old_post("/api/stacks/push", &size(2)).await.status,
        StatusCode::OK,
        "once more"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_attachments_go_by_address_and_the_head_waits_for_them() {
    let lab = Lab::with_profile().await;
    assert_eq!(
        lab.old_post("/api/stacks/push", &small("dstack/big", "one")).await.status,
        StatusCode::OK
    );
    let large: Vec<u8> = (0..1_500_001_u32).map(|n| (n % 251) as u8).collect();
    let mut push = small("dstack/big", "two");
    push["attachments"] = json!([
        { "content_type": "text/csv", "length": large.len() },
        { "content_type": "text/csv", "length": 3 },
    ]);
    let answer = lab.old_post("/api/stacks/push", &push).await.json();
    let urls: Vec<String> = (0..2)
        .map(|n| {
            assert_eq!(answer["attachments"][n]["index"], n);
            place(answer["attachments"][n]["upload_url"].as_str().unwrap())
        })
        .collect();
    let put = async |url: &str, bytes: Vec<u8>| lab.old(Method::PUT, url, "", bytes).await.status;
    let head = async || {
        lab.old_get("/api/stacks/dstack/big/head").await.json()["head"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // What an address permits is one object, in one direction, and all of its bytes.
    let (path, code) = urls[0].split_once('?').unwrap();
    assert_eq!(put(path, large.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(
        put(&format!("{}?{code}", urls[1].split_once('?').unwrap().0), large.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        put(&format!("{path}?code={}", "0".repeat(64)), large.clone()).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(lab.old_get(&urls[0]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(put(&urls[0], large[1..].to_vec()).await, StatusCode::BAD_REQUEST, "too few");
    assert_eq!(put(&urls[1], b"four".to_vec()).await, StatusCode::BAD_REQUEST, "too many");
    assert_eq!(put(&urls[0], large.clone()).await, StatusCode::OK);
    assert_eq!(head().await, "one", "one is missing");
    assert_eq!(put(&urls[1], b"abc".to_vec()).await, StatusCode::OK);
    assert_eq!(head().await, "two");
    assert_eq!(put(&urls[1], b"xyz".to_vec()).await, StatusCode::FORBIDDEN, "it is used up");
    let (attach, bytes) = lab.pull("dstack/big", 0).await;
    assert!(bytes == large && attach.get("data").is_none(), "by address");
    let url = place(attach["download_url"].as_str().unwrap());
    assert!(!url.contains(TOKEN), "{url}");
    assert_eq!(put(&url, large.clone()).await, StatusCode::FORBIDDEN);
    assert_eq!(lab.pull("dstack/big", 1).await.1, b"abc");
    let preview = lab.old_get("/api/attachs/dstack/big/two/0").await.json()["attachment"].clone();
    assert_eq!(
        (preview["preview"].as_bool(), preview["length"].as_u64()),
        (Some(true), Some(1_500_001))
    );
    assert_eq!(
        BASE64.decode(preview["data"].as_str().unwrap().as_bytes()).unwrap(),
        large[..100_000]
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_push_stays_private() {
    let lab = Lab::with_profile().await;
    lab.current("open", AccessName::Public).await;
    let nobody = async |path: &str| lab.old(Method::GET, path, "", Vec::new()).await.status;
    assert_eq!(
        lab.old_post("/api/stacks/push", &small("dstack/seen", "a")).await.status,
        StatusCode::OK
    );
    let mut secret = small("dstack/secret", "b");
    secret["access"] = json!("private");
    assert_eq!(lab.old_post("/api/stacks/push", &secret).await.status, StatusCode::OK);
    let level = async |name: &str| {
        lab.old_get(&format!("/api/stacks/dstack/{name}")).await.json()["stack"]["access_level"]
            .clone()
    };
    assert_eq!((level("seen").await, level("secret").await), (json!("public"), json!("private")));
    assert_eq!(nobody("/api/stacks/dstack/seen").await, StatusCode::OK);
    assert_eq!(nobody("/api/attachs/dstack/seen/a/0?download=true").await, StatusCode::OK);
    for path in [
        "stacks/dstack/secret",
        "stacks/dstack/secret/head",
        "frames/dstack/secret/b",
        "attachs/dstack/secret/b/0",
        "stacks/dstack/none",
    ] {
        assert_eq!(nobody(&format!("/api/{path}")).await, StatusCode::FORBIDDEN, "{path}");
    }
    let seen = lab.old(Method::GET, "/api/stacks/dstack", "", Vec::new()).await.json();
    assert_eq!(seen["stacks"].as_array().unwrap().len(), 1, "{seen}");
    // A stack that others read does not become private by one more frame.
    let mut late = small("dstack/seen", "c");
    late["access"] = json!("private");
    assert_eq!(lab.old_post("/api/stacks/push", &late).await.status, StatusCode::FORBIDDEN);
    // The next push says nothing of it, and stays where the stack is.
    assert_eq!(
        lab.old_post("/api/stacks/push", &small("dstack/secret", "d")).await.status,
        StatusCode::OK
    );
    assert_eq!(level("secret").await, json!("private"));
    lab.stop().await;
}
