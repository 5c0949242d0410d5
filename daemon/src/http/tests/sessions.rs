//! Browsers that are logged in: who sees them, and who is logged out.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{Lab, json};

const SESSIONS: &str = "/api/v1/sessions";

impl Lab {
    /// Logs a browser in and returns its cookie.
    async fn cookie(&self, browser: &str) -> String {
        let code = self.daemon.ops().login_code().unwrap();
        let code = code.url.split("#c=").nth(1).unwrap();
        let secret = self.daemon.ops().login(code, browser).await.unwrap();
        format!("{}={secret}", self.daemon.ops().cookie_name())
    }

    async fn as_browser(
        &self,
        cookie: &str,
        method: Method,
        path: &str,
    ) -> (StatusCode, serde_json::Value) {
        let call = self.request(method, path);
        let call = call.header("cookie", cookie).header("sec-fetch-site", "same-origin");
        json(self.send(call, Body::empty()).await).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_logged_out_stays_out() {
    let lab = Lab::start().await;
    let (one, two) = (lab.cookie("one").await, lab.cookie("two").await);
    let (_, list) = lab.as_browser(&one, Method::GET, SESSIONS).await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{list}");
    for item in items {
        assert_eq!(item["this"], item["browser"] == "one", "{list}");
    }
    assert!(!list.to_string().contains(&two[13..]), "no secret is told: {list}");
    let id = items.iter().find(|item| item["browser"] == "two").unwrap()["id"].as_str().unwrap();
    let path = format!("{SESSIONS}/{id}");
    assert_eq!(lab.as_browser(&one, Method::DELETE, &path).await.0, StatusCode::OK);
    assert_eq!(lab.as_browser(&two, Method::GET, SESSIONS).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(lab.as_browser(&one, Method::DELETE, &path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(lab.as_browser(&one, Method::GET, SESSIONS).await.0, StatusCode::OK);
    lab.stop().await;
}

/// A program that may push learns of no browser and logs none out; and a token is no session.
#[tokio::test(flavor = "multi_thread")]
async fn programs_learn_of_no_browser() {
    let lab = Lab::start().await;
    lab.cookie("one").await;
    let (_, made) = lab.post("/api/v1/tokens", json!({ "name": "x", "scope": "push" })).await;
    let secret = made["token"].as_str().unwrap();
    let id = made["info"]["id"].as_str().unwrap();
    for (method, path) in
        [(Method::GET, SESSIONS.to_owned()), (Method::DELETE, format!("{SESSIONS}/{id}"))]
    {
        let call = lab.request(method, &path).header("authorization", &format!("Bearer {secret}"));
        assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let call = lab.with_token(Method::DELETE, &format!("{SESSIONS}/{id}"));
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::NOT_FOUND);
    lab.stop().await;
}
