//! Tokens of programs: made, shown once, listed without their secrets, revoked.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Lab, json};

const TOKENS: &str = "/api/v1/tokens";
/// As an old profile has it.
const OLD: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

impl Lab {
    async fn call(&self, secret: &str, method: Method, path: &str) -> (StatusCode, Value) {
        let call = self.request(method, path);
        let call = call.header("authorization", &format!("Bearer {secret}"));
        json(self.send(call, Body::empty()).await).await
    }

    async fn make(&self, new: Value) -> (StatusCode, Value) {
        self.post(TOKENS, new).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_good_until_it_is_revoked() {
    let lab = Lab::start().await;
    let (status, made) = lab.make(json!({ "name": "profile default" })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let secret = made["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("dsp_pat_") && secret.len() == 8 + 64, "{secret}");
    assert_eq!(made["info"]["scope"], "push");
    let id = dsp_protocol::api::token_id(&secret);
    assert_eq!(made["info"]["id"], id.as_str(), "who holds the secret finds it in the list");
    let (_, list) = lab.get(TOKENS).await;
    assert_eq!(list["items"][0], made["info"]);
    assert!(!list.to_string().contains(&secret[8..]), "{list}");
    let node = async || lab.call(&secret, Method::GET, "/api/v1/node").await.0;
    let old = async || lab.call(&secret, Method::GET, "/api/users/remember").await.0;
    assert_eq!((node().await, old().await), (StatusCode::OK, StatusCode::OK));
    // It permits what it was made for: it makes no other, and learns of no other.
    for method in [Method::GET, Method::POST] {
        let got = lab.call(&secret, method.clone(), TOKENS).await.0;
        assert_eq!(got, StatusCode::FORBIDDEN, "{method}");
    }
    let one = format!("{TOKENS}/{}", &id[..8]);
    assert_eq!(lab.call(&secret, Method::DELETE, &one).await.0, StatusCode::FORBIDDEN);
    let admin = lab.daemon.client().token.clone();
    let (status, ended) = lab.call(&admin, Method::DELETE, &one).await;
    assert_eq!((status, &ended), (StatusCode::OK, &made["info"]));
    assert_eq!((node().await, old().await), (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN));
    assert_eq!(lab.call(&admin, Method::DELETE, &one).await.0, StatusCode::NOT_FOUND);
    for wrong in ["abc", "zzzzzzzz", "11112222333344445"] {
        let got = lab.call(&admin, Method::DELETE, &format!("{TOKENS}/{wrong}")).await.0;
        assert_eq!(got, StatusCode::BAD_REQUEST, "{wrong}");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_an_old_profile_is_taken_where_it_cannot_be_guessed() {
    let lab = Lab::start().await;
    let new =
        |secret: &str, scope: &str| json!({ "name": "old", "secret": secret, "scope": scope });
    let (status, made) = lab.make(new(OLD, "push")).await;
    assert_eq!((status, made["token"].as_str()), (StatusCode::CREATED, Some(OLD)));
    assert_eq!(lab.make(new(OLD, "push")).await.0, StatusCode::CREATED, "once more");
    assert_eq!(lab.get(TOKENS).await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(lab.call(OLD, Method::GET, "/api/v1/node").await.0, StatusCode::OK);
    // It does not grow, and a secret of something else becomes none.
    let session = {
        let code = lab.daemon.ops().login_code().unwrap();
        lab.daemon.ops().login(code.url.split("#c=").nth(1).unwrap(), "b").await.unwrap()
    };
    let run = lab.daemon.client().token.clone();
    for (secret, scope) in [(OLD, "admin"), (&session, "admin"), (&run, "admin")] {
        assert_eq!(lab.make(new(secret, scope)).await.0, StatusCode::CONFLICT, "{scope}");
    }
    let spaces = format!("{OLD} {OLD}");
    let long = "0123456789abcdef".repeat(17);
    for weak in ["", "secret", &OLD[..31], &"a".repeat(64), &"ab".repeat(32), &spaces, &long] {
        assert_eq!(lab.make(new(weak, "push")).await.0, StatusCode::BAD_REQUEST, "{weak}");
    }
    for name in ["", "a\nb", &"x".repeat(257)] {
        assert_eq!(lab.make(json!({ "name": name })).await.0, StatusCode::BAD_REQUEST, "{name}");
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_not_more_than_so_many_tokens() {
    let lab = Lab::start().await;
    for n in 0..256 {
        let (status, made) = lab.make(json!({ "name": format!("n{n}") })).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
    }
    let (status, problem) = lab.make(json!({ "name": "one more" })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["hint"].as_str().unwrap().contains("dsp profile revoke"), "{problem}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_where_that_was_said() {
    let lab = Lab::start().await;
    let (status, made) = lab.make(json!({ "name": "for a day", "expires_seconds": 86_400 })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let until = made["info"]["until"].as_str().unwrap();
    assert!(until > made["info"]["created"].as_str().unwrap(), "{made}");
    assert_eq!(lab.get(TOKENS).await.1["items"][0], made["info"]);
    for never in [0_u64, u64::MAX] {
        let (status, _) = lab.make(json!({ "name": "x", "expires_seconds": never })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{never}");
    }
    let (_, forever) = lab.make(json!({ "name": "for ever" })).await;
    assert!(forever["info"].get("until").is_none(), "{forever}");
    lab.stop().await;
}
