//! Notifications: listed, read, kept quiet.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::{Lab, json};
use crate::store::{Notification, NotificationKind};

const NOTIFICATIONS: &str = "/api/v1/notifications";

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_listed_until_they_are_read() {
    let lab = Lab::start().await;
    let notice = |text: &str| Notification {
        text: text.to_owned(),
        ..Notification::new(NotificationKind::Notice, 1)
    };
    let unread = async || lab.get("/api/v1/node").await.1["unread"].clone();
    assert_eq!(unread().await, 0);
    let mut events = lab.daemon.ops().feed().listen(None);
    lab.daemon.ops().notify(vec![notice("one"), notice("two")]).await;
    let heard = events.live.recv().await.unwrap().event;
    assert_eq!(heard, dsp_protocol::api::Event::NotificationChanged { unread: 2 });
    assert_eq!(unread().await, 2);

    let (_, first) = lab.get(&format!("{NOTIFICATIONS}?limit=1")).await;
    assert_eq!(first["items"][0]["text"], "two", "{first}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = lab.get(&format!("{NOTIFICATIONS}?limit=1&cursor={cursor}")).await;
    assert_eq!(second["items"][0]["text"], "one", "{second}");

    let id = first["items"][0]["id"].clone();
    let read = format!("{NOTIFICATIONS}/read");
    assert_eq!(lab.post(&read, json!({ "id": id })).await.1, json!({ "unread": 1 }));
    assert_eq!(lab.post(&read, json!({})).await.1, json!({ "unread": 0 }));
    let (_, list) = lab.get(NOTIFICATIONS).await;
    assert!(list["items"].as_array().unwrap().iter().all(|one| one["read"] == true), "{list}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_context_is_quiet() {
    let lab = Lab::start().await;
    let (_, main) = lab.get("/api/v1/contexts/main").await;
    assert_eq!(main["muted"], false);
    let mute = async |muted: bool| {
        let call = lab.with_token(Method::PUT, "/api/v1/contexts/main/muted");
        let call = call.header(header::CONTENT_TYPE.as_str(), "application/json");
        json(lab.send(call, Body::from(json!({ "muted": muted }).to_string())).await).await
    };
    let (status, main) = mute(true).await;
    assert_eq!((status, &main["muted"]), (StatusCode::OK, &json!(true)));
    let context = main["id"].as_str().unwrap().parse().unwrap();
    let new = Notification {
        context: Some(context),
        text: "something".to_owned(),
        ..Notification::new(NotificationKind::Notice, 1)
    };
    lab.daemon.ops().notify(vec![new.clone()]).await;
    assert_eq!(lab.get(NOTIFICATIONS).await.1["items"], json!([]));
    mute(false).await;
    lab.daemon.ops().notify(vec![new]).await;
    assert_eq!(lab.get(NOTIFICATIONS).await.1["items"][0]["text"], "main: something");
    lab.stop().await;
}
