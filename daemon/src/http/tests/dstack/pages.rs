//! What the pages of dstack's web application called: stacks that are begun, settings and tokens.

use axum::http::{Method, StatusCode};
use dsp_protocol::api::AccessName;
use serde_json::{Value, json};

use super::super::Lab;
use super::{TOKEN, place, small};
use crate::store::Scope;

/// What a page shows.
const ADMIN: &str = "99999999-2222-3333-4444-555555555555";

impl Lab {
    /// Starts a daemon that knows a page, too.
    pub(super) async fn with_page() -> Lab {
        let lab = Lab::with_profile().await;
        lab.knows(ADMIN, Scope::Admin).await;
        lab
    }

    pub(super) async fn page(&self, path: &str, sent: Value) -> (u16, Value) {
        let sent = sent.to_string().into_bytes();
        let got = self.old(Method::POST, path, ADMIN, sent).await;
        (got.status.as_u16(), got.json())
    }

    async fn level(&self, stack: &str) -> Value {
        let got = self.old_get(&format!("/api/stacks/dstack/{stack}")).await;
        got.json()["stack"]["access_level"].clone()
    }

    pub(super) async fn pushes(&self, stack: &str, id: &str) {
        let got = self.old_post("/api/stacks/push", &small(stack, id)).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_begins_without_a_frame_and_goes_on_with_the_first() {
    let lab = Lab::with_page().await;
    lab.pushes("dstack/other", "a").await;
    let new = json!({ "user": "dstack", "name": "plans/next", "access_level": "private" });
    assert_eq!(lab.page("/api/stacks/create", new.clone()).await, (200, json!({})));
    let (status, said) = lab.page("/api/stacks/create", new).await;
    assert_eq!((status, &said["message"]), (400, &json!("stack already exists")));
    let stack = lab.old_get("/api/stacks/alice/plans/next").await.json()["stack"].clone();
    assert_eq!((&stack["head"], &stack["frames"]), (&Value::Null, &json!([])), "{stack}");
    assert_eq!(stack["name"], "plans/next");
    let head = lab.old_get("/api/stacks/dstack/plans/next/head").await;
    assert_eq!((head.status.as_u16(), &head.json()["message"]), (404, &json!("frame not found")));
    // It is later, and has nothing to show.
    let list = lab.old_get("/api/stacks/dstack").await.json()["stacks"].clone();
    assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("other"), &json!("plans/next")));
    assert!(list[1].get("head").is_none(), "{list}");
    // It is a stack like any other here.
    let (_, ours) = lab.get("/api/v1/stack?ref=plans/next").await;
    assert_eq!(ours["head"]["files"], 0, "{ours}");
    lab.pushes("dstack/plans/next", "first").await;
    let stack = lab.old_get("/api/stacks/dstack/plans/next").await.json()["stack"].clone();
    let frames = stack["frames"].as_array().unwrap();
    assert_eq!((&stack["head"]["id"], frames.len()), (&json!("first"), 1), "{stack}");
    assert_eq!(lab.pull("dstack/plans/next", 0).await.0["index"], 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_begins_only_as_it_was_asked_for() {
    let lab = Lab::with_page().await;
    let create = async |change: Value| {
        let mut new = json!({ "user": "dstack", "name": "plans" });
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, said) = lab.page("/api/stacks/create", new).await;
        (status, said["message"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |status: u16, message: &str| (status, message.to_owned());
    let malformed = refused(400, "malformed request");
    assert_eq!(create(json!({ "name": "a--b" })).await, malformed);
    assert_eq!(create(json!({ "name": "" })).await, malformed);
    assert_eq!(create(json!({ "access_level": "secret" })).await, malformed);
    assert_eq!(create(json!({ "user": "bob" })).await, refused(403, "bad credentials"));
    let never = refused(501, "not supported");
    assert_eq!(create(json!({ "readme": "# Plans" })).await, never);
    assert_eq!(create(json!({ "private": false })).await, never, "the context is private");
    assert_eq!(create(json!({ "access_level": "internal" })).await, never);
    assert_eq!(lab.old_get("/api/stacks/dstack/plans").await.status, StatusCode::NOT_FOUND);
    let list = json!([{ "user": "dstack", "name": "plans" }]).to_string().into_bytes();
    let got = lab.old(Method::POST, "/api/stacks/create", ADMIN, list).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "a list is no object");
    // Where others read, a private one goes elsewhere.
    lab.current("open", AccessName::Public).await;
    let done = refused(200, "");
    assert_eq!(create(json!({ "private": true, "readme": "" })).await, done);
    assert_eq!(create(json!({ "name": "seen", "private": false })).await, done);
    assert_eq!(lab.level("plans").await, "private");
    assert_eq!(lab.level("seen").await, "public");
    // A token of a profile pushes, and begins stacks.
    let new = json!({ "user": "dstack", "name": "pushed" }).to_string().into_bytes();
    let got = lab.old(Method::POST, "/api/stacks/create", TOKEN, new.clone()).await;
    assert_eq!(got.status, StatusCode::OK);
    let got = lab.old(Method::POST, "/api/stacks/create", "", new).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_level_is_that_of_new_stacks() {
    let lab = Lab::with_page().await;
    lab.current("open", AccessName::Public).await;
    lab.pushes("dstack/before", "a").await;
    let set = async |level: &str| {
        let general = json!({ "default_access_level": level });
        let sent = json!({ "user": "dstack", "general": general,
            "notifications": { "newsletter": false } });
        lab.page("/api/users/update/settings", sent).await.0
    };
    let told = async || {
        let info = lab.old_post("/api/users/info", &json!({ "user": "alice" })).await.json();
        info["settings"]["general"]["default_access_level"].clone()
    };
    assert_eq!(told().await, "public");
    assert_eq!(set("private").await, 200);
    assert_eq!(told().await, "private");
    lab.pushes("dstack/after", "a").await;
    // What is there stays where it is, and who says what she wants gets that.
    lab.pushes("dstack/before", "b").await;
    let mut open = small("dstack/said", "a");
    open["access"] = json!("public");
    assert_eq!(lab.old_post("/api/stacks/push", &open).await.status, StatusCode::OK);
    let new = json!({ "user": "dstack", "name": "begun" });
    assert_eq!(lab.page("/api/stacks/create", new).await.0, 200);
    for (stack, level) in
        [("before", "public"), ("after", "private"), ("said", "public"), ("begun", "private")]
    {
        assert_eq!(lab.level(stack).await, level, "{stack}");
    }
    assert_eq!(set("internal").await, 501, "others would have to be let in");
    assert_eq!((set("secret").await, set("public").await), (400, 200));
    assert_eq!(told().await, "public");
    let mail = json!({ "user": "dstack", "notifications": { "newsletter": true } });
    assert_eq!(lab.page("/api/users/update/settings", mail).await.0, 501);
    let nothing = json!({ "user": "dstack" });
    assert_eq!(lab.page("/api/users/update/settings", nothing).await.0, 400);
    let of = |user: &str| json!({ "user": user, "general": { "default_access_level": "private" } });
    assert_eq!(lab.page("/api/users/update/settings", of("bob")).await.0, 403);
    let got = lab.old_post("/api/users/update/settings", &of("dstack")).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN, "a token that pushes changes no settings");
    assert_eq!(told().await, "public");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_ends_those_of_the_profiles() {
    let lab = Lab::with_page().await;
    let made = async |name: &str| {
        let (_, made) = lab.post("/api/v1/tokens", json!({ "name": name })).await;
        made["token"].as_str().unwrap().to_owned()
    };
    let (old, script) = (made("profile default in x").await, made("a script").await);
    let good = async |token: &str| {
        lab.old(Method::GET, "/api/stacks/dstack", token, Vec::new()).await.status.is_success()
    };
    let got = lab.old_post("/api/users/update/token", &json!({ "user": "dstack" })).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN, "a token that pushes makes none");
    assert_eq!(lab.page("/api/users/update/token", json!({ "user": "bob" })).await.0, 403);
    assert!(good(&old).await);
    let (status, said) = lab.page("/api/users/update/token", json!({ "user": "dstack" })).await;
    assert_eq!(status, 200, "{said}");
    let new = said["token"].as_str().unwrap();
    assert_eq!((good(&old).await, good(&script).await, good(new).await), (false, true, true));
    let push = small("dstack/data", "a").to_string().into_bytes();
    let got = lab.old(Method::POST, "/api/stacks/push", new, push).await;
    assert_eq!(got.status, StatusCode::OK);
    let (_, again) = lab.page("/api/users/update/token", json!({ "user": "alice" })).await;
    let again = again["token"].as_str().unwrap();
    assert_eq!((good(new).await, good(again).await), (false, true));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_for_is_told_as_ever() {
    let lab = Lab::with_page().await;
    let info = lab.old_post("/api/users/info", &json!({ "user": "dstack" })).await.json();
    for name in ["token", "email", "verification_code", "created_date"] {
        assert_eq!(info.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!((&info["verified"], &info["role"]), (&json!(true), &json!("admin")));
    assert_eq!(info["settings"]["notifications"], json!({ "newsletter": false }));
    let got = lab.old_post("/api/users/info", &json!({ "user": "bob" })).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    let config = lab.old(Method::GET, "/api/config/info", "", Vec::new()).await;
    assert_eq!(config.json(), json!({ "runtimes": [], "email_enabled": false }));
    lab.stop().await;
}

/// R writes an empty list as `[]`, also where it means that nothing is named.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_empty_in_r_is_an_empty_map() {
    let lab = Lab::with_page().await;
    let mut push = small("dstack/from-r", "a");
    push["params"] = json!([]);
    push["attachments"][0]["params"] = json!([]);
    push["attachments"][0]["settings"] = json!([]);
    let got = lab.old_post("/api/stacks/push", &push).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.json());
    assert_eq!(lab.pull("dstack/from-r", 0).await.0["params"], json!({}));
    push["id"] = json!("b");
    push["params"] = json!([1]);
    let got = lab.old_post("/api/stacks/push", &push).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert!(got.json()["detail"].as_str().unwrap().contains("maps"), "{}", got.json());
    lab.stop().await;
}

/// The old clients show the address that a push was answered with, and notebooks link to it.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_read_as_r_writes_them() {
    let lab = Lab::with_profile().await;
    // `jsonlite` writes 6000000 so, as it is shorter.
    let sent = r#"{"stack":"dstack/large","id":"a","timestamp":"1.5951904340e+12","index":0e+00,
        "size":1e+00,"attachments":[{"type":"text/csv","length":6e+06}]}"#;
    let got = lab.old(Method::POST, "/api/stacks/push", TOKEN, sent.as_bytes().to_vec()).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.json());
    let url = got.json()["attachments"][0]["upload_url"].as_str().unwrap().to_owned();
    let sent = vec![b'x'; 6_000_000];
    assert_eq!(lab.old(Method::PUT, &place(&url), "", sent).await.status, StatusCode::OK);
    let stack = lab.old_get("/api/stacks/dstack/large").await.json();
    assert_eq!(stack["stack"]["head"]["attachments"][0]["length"], 6_000_000, "{stack}");
    assert_eq!(stack["stack"]["head"]["timestamp"], 1_595_190_434_000_i64);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_push_opens() {
    let lab = Lab::with_page().await;
    let got = lab.old_post("/api/stacks/push", &small("dstack/sales/weekly", "a")).await;
    let url = super::place(got.json()["url"].as_str().unwrap());
    assert_eq!(url, "/alice/sales/weekly");
    for (method, path, status) in [
        (Method::GET, url.as_str(), 200),
        (Method::HEAD, &url, 200),
        (Method::GET, "/alice/not/there", 200),
        (Method::POST, &url, 404),
        (Method::GET, "/alice", 404),
        (Method::GET, "/alice/x.js", 404),
        (Method::GET, "/api/alice/x", 401),
        (Method::GET, "/api/v1/alice", 401),
    ] {
        let got = lab.old(method.clone(), path, "", Vec::new()).await;
        assert_eq!(got.status.as_u16(), status, "{method} {path}");
        if status == 200 {
            assert_eq!(got.headers["content-type"], "text/html; charset=utf-8");
            let policy = got.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{policy}");
        }
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_twice_counts_the_last_time() {
    let lab = Lab::with_page().await;
    let twice = br#"{"stack":"bob/x","stack":"dstack/data"}"#.to_vec();
    let got = lab.old(Method::POST, "/api/stacks/access", TOKEN, twice).await;
    assert_eq!((got.status, got.json()), (StatusCode::OK, json!({})));
    lab.stop().await;
}

/// `…/head` is the head of a stack, unless a stack is called so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_may_be_called_head() {
    let lab = Lab::with_page().await;
    lab.pushes("dstack/model", "outer").await;
    let head = lab.old_get("/api/stacks/dstack/model/head").await.json();
    assert_eq!(head["head"]["id"], "outer");
    lab.pushes("dstack/model/head", "inner").await;
    let stack = lab.old_get("/api/stacks/dstack/model/head").await.json();
    assert_eq!(stack["stack"]["name"], "model/head");
    let head = lab.old_get("/api/stacks/dstack/model/head/head").await.json();
    assert_eq!(head["head"]["id"], "inner");
    assert_eq!(lab.pull("dstack/model/head", 0).await.0["index"], 0);
    lab.stop().await;
}
