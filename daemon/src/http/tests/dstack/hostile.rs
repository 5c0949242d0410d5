//! Callers who may not, requests that break rules, and parts of dstack that are not here.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use data_encoding::BASE64;
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};

use super::{Lab, TOKEN, csv, small};
use crate::store::Scope;

#[tokio::test(flavor = "multi_thread")]
async fn who_may_what() {
    let lab = Lab::with_profile().await;
    lab.knows("reads", Scope::Read).await;
    let push = small("dstack/data", "a").to_string().into_bytes();
    let status = async |method, path: &str, token: &str, sent: &[u8]| {
        let got = lab.old(method, path, token, sent.to_vec()).await;
        assert!(got.status.is_success() || got.json()["message"].is_string(), "{path}");
        got.status
    };
    for token in ["", "wrong", "reads"] {
        let got = status(Method::POST, "/api/stacks/push", token, &push).await;
        assert_eq!(got, StatusCode::FORBIDDEN, "{token}: never 401");
        let got =
            status(Method::POST, "/api/stacks/access", token, b"{\"stack\":\"dstack/abc\"}").await;
        assert_eq!(got, StatusCode::FORBIDDEN, "{token}");
    }
    assert_eq!(status(Method::POST, "/api/stacks/push", TOKEN, &push).await, StatusCode::OK);
    for (token, wanted) in [("", 403), ("wrong", 403), ("reads", 200), (TOKEN, 200)] {
        let got = status(Method::GET, "/api/stacks/dstack/data", token, b"").await;
        assert_eq!(got.as_u16(), wanted, "{token}");
    }
    let delete = br#"{"user":"dstack","name":"data"}"#;
    for token in ["", "reads", TOKEN] {
        for path in ["/api/stacks/delete", "/api/stacks/update", "/api/permissions/add"] {
            let got = status(Method::POST, path, token, delete).await;
            assert_eq!(got, StatusCode::FORBIDDEN, "{path} {token}");
        }
    }
    // Somebody else's stack, known or not.
    for theirs in ["bob/data", "admin/data"] {
        let sent = small(theirs, "x").to_string().into_bytes();
        let got = status(Method::POST, "/api/stacks/push", TOKEN, &sent).await;
        assert_eq!(got, StatusCode::FORBIDDEN, "{theirs}");
    }
    // Another site's page, and another name for this machine.
    let call =
        lab.request(Method::GET, "/api/stacks/dstack/data").header("sec-fetch-site", "cross-site");
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::FORBIDDEN);
    let call = lab.with_session(Method::GET, "/api/stacks/dstack").await;
    let call = call.host(Some("evil.example"));
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::MISDIRECTED_REQUEST);
    let admin = lab.daemon.client().token.clone();
    assert_eq!(status(Method::POST, "/api/stacks/delete", &admin, delete).await, StatusCode::OK);
    assert_eq!(
        status(Method::GET, "/api/stacks/dstack/data", TOKEN, b"").await,
        StatusCode::NOT_FOUND
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_says_which() {
    let lab = Lab::with_profile().await;
    let with = |name: &str, value: Value| {
        let mut push = small("dstack/data", "a");
        push[name] = value;
        push
    };
    let attach = |value: Value| with("attachments", json!([value]));
    let about = |name: &str, value: Value| {
        let mut attachment = json!({ "content_type": "text/csv", "data": csv() });
        attachment[name] = value;
        attach(attachment)
    };
    let many: Vec<Value> =
        (0..257).map(|_| json!({ "content_type": "a/b", "length": 1 })).collect();
    let cases = [
        (with("stack", json!("data")), "user/name"),
        (with("stack", json!("dstack/a")), "3 to 255"),
        (with("stack", json!("dstack/a--b")), "--"),
        (with("stack", json!("dstack/a b")), "letters"),
        (with("stack", json!("dstack/../etc")), "letters"),
        (with("stack", json!("dstack/abc/-d")), ""),
        (with("stack", json!(format!("dstack/{}", "a".repeat(256)))), "255"),
        (with("id", json!("")), "`id`"),
        (with("id", json!("../x")), "`id`"),
        (with("id", json!("a".repeat(64))), "`id`"),
        (with("timestamp", Value::Null), "`timestamp`"),
        (with("timestamp", json!("yesterday")), "`timestamp`"),
        (with("access", json!("secret")), "`access`"),
        (with("encryption", json!({ "method": "x" })), "encrypted"),
        (with("attachments", json!([])), "no attachments"),
        (with("attachments", json!(many)), "1 to 256"),
        (with("size", json!(0)), "1 to 256"),
        (with("size", json!(1_000_000)), "1 to 256"),
        (with("params", json!({ "a": [1] })), "`a`"),
        (with("params", json!({ "a": { "b": 1 } })), "`type`"),
        (with("message", json!("x".repeat(17 << 10))), "message"),
        (attach(json!({ "content_type": "text/csv" })), "`data`"),
        (attach(json!({ "data": csv() })), "content_type"),
        (attach(json!({ "data": csv(), "type": "application/x-evil" })), "x-evil"),
        (attach(json!({ "content_type": "a/b", "length": u64::MAX })), "`length`"),
        (about("data", json!("not base64!")), "base64"),
        (about("content_type", json!("a\r\nb: c")), "ASCII"),
        (about("description", json!("x".repeat(5000))), "description"),
        (about("params", json!({ "list": [1, 2] })), "list"),
        (about("settings", json!({ "x": "y".repeat(300_000) })), "settings"),
        (with("settings", json!({ "x": "y".repeat(300_000) })), "settings"),
        (with("params", json!({ "x": "y".repeat(300_000) })), ""),
        (attach(json!({ "content_type": "a/b", "length": 1.5 })), "`1.5`"),
        (attach(json!({ "content_type": "a/b", "length": -1 })), "`-1`"),
        (attach(json!({ "content_type": "a/b", "length": 1e300 })), "no number of things"),
    ];
    for (push, told) in cases {
        let got = lab.old_post("/api/stacks/push", &push).await;
        let shown = push.to_string().chars().take(200).collect::<String>();
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{told}: {shown}");
        assert_eq!(got.json()["message"], "malformed request");
        let detail = got.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "`{told}` in `{detail}`");
    }
    for sent in ["", "[]", "{", "null", "{\"stack\":1}"] {
        let got = lab.old(Method::POST, "/api/stacks/push", TOKEN, sent.as_bytes().to_vec()).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{sent}");
    }
    let mut two = small("dstack/data", "a");
    two["index"] = json!(0);
    two["attachments"] = json!([two["attachments"][0], two["attachments"][0]]);
    assert_eq!(lab.old_post("/api/stacks/push", &two).await.status, StatusCode::BAD_REQUEST);
    let large = vec![b' '; super::super::super::JSON_BYTES + 1];
    let got = lab.old(Method::POST, "/api/stacks/push", TOKEN, large).await;
    assert_eq!(
        (got.status, got.json()["message"].is_string()),
        (StatusCode::PAYLOAD_TOO_LARGE, true)
    );
    assert_eq!(
        lab.old_get("/api/stacks/dstack/data").await.status,
        StatusCode::NOT_FOUND,
        "nothing came of it"
    );
    // Old clients show the reason phrase and nothing else.
    let call = lab
        .request(Method::POST, "/api/stacks/push")
        .header("authorization", &format!("Bearer {TOKEN}"));
    let response = lab.send(call, with("stack", json!("dstack/a--b")).to_string()).await;
    let reason = response.extensions().get::<ReasonPhrase>().unwrap().as_bytes().to_vec();
    assert!(String::from_utf8(reason).unwrap().contains("`a--b` is no name of a stack"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_knows_is_told_with_the_way_out() {
    let lab = Lab::with_profile().await;
    let got = lab.old(Method::GET, "/api/stacks/dstack/data", "unknown", Vec::new()).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    let said = got.json();
    assert_eq!(said["message"], "bad credentials");
    assert_eq!(said["detail"], "the token is unknown, or has ended");
    assert!(said["hint"].as_str().unwrap().contains("`dsp profile add` makes one"), "{said}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_push_many_times_at_once_makes_one_frame() {
    let lab = Lab::with_profile().await;
    let push = small("dstack/data", "a");
    let create = json!({ "user": "dstack", "name": "begun" });
    let pushes = (0..8).map(|_| lab.old_post("/api/stacks/push", &push));
    let mut statuses: Vec<u16> =
        futures::future::join_all(pushes).await.iter().map(|got| got.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    let stack = lab.old_get("/api/stacks/dstack/data").await.json();
    assert_eq!(stack["stack"]["frames"].as_array().unwrap().len(), 1, "{stack}");
    let begun = (0..4).map(|_| lab.old_post("/api/stacks/create", &create));
    let begun = futures::future::join_all(begun).await;
    assert_eq!(begun.iter().filter(|got| got.status == StatusCode::OK).count(), 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_a_frame_cannot_hold_are_set_aside() {
    let lab = Lab::with_profile().await;
    let schema: Vec<String> = (0..4000).map(|_| "float64".to_owned()).collect();
    let mut wide = small("dstack/wide", "w");
    wide["attachments"][0]["settings"] = json!({ "schema": schema });
    wide["settings"] =
        json!({ "a": { "b": { "c": { "d": { "e": { "f": { "g": { "h": 1 } } } } } } } });
    let got = lab.old_post("/api/stacks/push", &wide).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.json());
    let (attach, bytes) = lab.pull("dstack/wide", 0).await;
    assert_eq!(attach["settings"], wide["attachments"][0]["settings"]);
    assert_eq!(bytes, BASE64.decode(csv().as_bytes()).unwrap());
    let stack = lab.old_get("/api/stacks/dstack/wide").await.json();
    assert_eq!(stack["stack"]["head"]["settings"], wide["settings"]);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_is_never_pretended() {
    let lab = Lab::with_profile().await;
    assert_eq!(
        lab.old_post("/api/stacks/push", &small("dstack/data", "a")).await.status,
        StatusCode::OK
    );
    let admin = lab.daemon.client().token.clone();
    let call = async |method: Method, path: &str, sent: Value| {
        let got = lab.old(method, path, &admin, sent.to_string().into_bytes()).await;
        (got.status.as_u16(), got.json())
    };
    for (method, path) in [
        (Method::GET, "/api/jobs/dstack"),
        (Method::POST, "/api/jobs/run"),
        (Method::POST, "/api/apps/execute"),
        (Method::POST, "/api/uploads/upload"),
        (Method::GET, "/api/users/login?user=a&password=b"),
        (Method::GET, "/api/users/verify?user=a&code=b"),
        (Method::POST, "/api/users/register"),
        (Method::POST, "/api/users/update/password"),
        (Method::GET, "/api/users/reset?email=a"),
        (Method::GET, "/api/users/logout"),
        (Method::POST, "/api/users/admin/create"),
        (Method::GET, "/api/jobs/dstack/1"),
        (Method::GET, "/api/apps/poll?id=1"),
        (Method::POST, "/api/apps/update"),
        (Method::GET, "/api/uploads/1"),
        (Method::GET, "/api/users/admin/list"),
        (Method::POST, "/api/support/submit"),
    ] {
        let (status, said) = call(method, path, json!({})).await;
        assert_eq!((status, &said["message"]), (501, &json!("not supported")), "{path}");
        assert!(said["detail"].is_string() && said["hint"].is_string(), "{path}: {said}");
    }
    let mail = json!({ "path": "dstack/data", "email": "bob@example.com" });
    let (status, said) = call(Method::POST, "/api/permissions/add", mail).await;
    assert!(status == 501 && said["hint"].as_str().unwrap().contains("ticket"), "{said}");
    for change in [json!({ "readme": "x" }), json!({ "head": "a" }), json!({ "private": false })] {
        let mut sent = change;
        sent["stack"] = json!("dstack/data");
        assert_eq!(call(Method::POST, "/api/stacks/update", sent).await.0, 501);
    }
    let same = json!({ "stack": "dstack/data", "access_level": "private" });
    assert_eq!(call(Method::POST, "/api/stacks/update", same).await, (200, json!({})));
    let me = call(Method::GET, "/api/users/remember", json!({})).await.1;
    assert_eq!(
        (me["user"].as_str(), &me["token"]),
        (Some("alice"), &Value::Null),
        "no secret is told"
    );
    for (user, known) in [("dstack", true), ("alice", true), ("nobody", false)] {
        let got = call(Method::GET, &format!("/api/users/exists/{user}"), json!({})).await;
        assert_eq!(got, (200, json!({ "exists": known })), "{user}");
    }
    assert_eq!(call(Method::GET, "/api/config/info", json!({})).await.1["email_enabled"], false);
    assert_eq!(call(Method::GET, "/api/nothing", json!({})).await.0, 404);
    lab.stop().await;
}

/// Those clients read JSON only, whatever is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_wrong_are_refused_in_json() {
    let lab = Lab::with_profile().await;
    for (method, path, status) in [
        (Method::GET, "/api/stacks/%ff", 400),
        (Method::GET, "/api/stacks/dstack/%ff", 400),
        (Method::GET, "/api/attachs/dstack/a/b/0?download=true&download=true", 400),
        (Method::GET, "/api/files/x?code=1&code=2", 400),
        (Method::GET, "/api/users/exists/%ff", 400),
        (Method::GET, "/api/stacks/dstack%2Fx", 404),
        (Method::GET, "/api/stacks/", 404),
        (Method::GET, "/api/users", 404),
        (Method::OPTIONS, "/api/stacks/push", 405),
        (Method::GET, "/api/stacks/push", 405),
    ] {
        let got = lab.old(method.clone(), path, TOKEN, Vec::new()).await;
        assert_eq!(got.status.as_u16(), status, "{method} {path}");
        assert!(got.json()["message"].is_string(), "{method} {path}");
    }
    lab.stop().await;
}
