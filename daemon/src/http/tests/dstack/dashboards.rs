//! Dashboards and comments as dstack's first web application called for them.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::Lab;

impl Lab {
    async fn cards(&self, id: &Value) -> Vec<(String, String, u64)> {
        let id = id.as_str().unwrap();
        let got = self.old_get(&format!("/api/dashboards/dstack/{id}")).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.json());
        let cards = got.json()["dashboard"]["cards"].clone();
        let cards = cards.as_array().unwrap().iter().enumerate().map(|(at, card)| {
            assert_eq!(card["index"], at, "{card}");
            let text = |name: &str| card[name].as_str().unwrap().to_owned();
            (text("stack"), text("title"), card["columns"].as_u64().unwrap())
        });
        cards.collect()
    }
}

fn card(stack: &str, title: &str, columns: u64) -> (String, String, u64) {
    (stack.to_owned(), title.to_owned(), columns)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_made_filled_changed_and_removed() {
    let lab = Lab::with_page().await;
    for stack in ["dstack/one", "dstack/two", "dstack/three"] {
        lab.pushes(stack, "a").await;
    }
    let new = json!({ "user": "dstack", "title": "Week", "description": " all of it " });
    let (status, made) = lab.page("/api/dashboards/create", new).await;
    assert_eq!(status, 200, "{made}");
    let made = &made["dashboard"];
    assert_eq!((&made["user"], &made["title"]), (&json!("alice"), &json!("Week")));
    assert_eq!((&made["description"], &made["cards"]), (&json!("all of it"), &json!([])));
    assert!(made["private"] == true && made["permissions"].is_null(), "{made}");
    let id = made["id"].clone();

    let cards = json!([
        { "stack": "dstack/one" },
        { "stack": "alice/two", "title": "Two", "columns": 2 },
        { "stack": "dstack/nothing" },
        { "stack": "nobody/one" },
    ]);
    let put = json!({ "user": "dstack", "dashboard": id, "index": 0, "cards": cards });
    let (status, put) = lab.page("/api/dashboards/cards/insert?attachments=true", put).await;
    assert_eq!(status, 200, "{put}");
    let first = &put["dashboard"]["cards"][0];
    assert_eq!(first["head"]["id"], "a", "{first}");
    assert_eq!(first["head"]["attachments"].as_array().unwrap().len(), 1, "{first}");
    assert_eq!(lab.cards(&id).await, [card("alice/one", "one", 1), card("alice/two", "Two", 2)]);

    let before = json!({ "user": "alice", "dashboard": id, "index": 1,
        "cards": [{ "stack": "dstack/three" }] });
    let (_, brief) = lab.page("/api/dashboards/cards/insert", before).await;
    let brief = &brief["dashboard"]["cards"][1]["head"];
    assert!(brief["params"].is_object() && brief.get("attachments").is_none(), "{brief}");
    let moved = json!({ "user": "dstack", "dashboard": id, "stack": "dstack/one", "index": 2,
        "title": "First", "description": "", "columns": 2 });
    let (status, moved) = lab.page("/api/dashboards/cards/update", moved).await;
    assert_eq!((status, &moved["cards"][2]["title"]), (200, &json!("First")), "{moved}");
    assert!(moved["cards"][2]["head"].is_null(), "{moved}");
    let all = [
        card("alice/three", "three", 1),
        card("alice/two", "Two", 2),
        card("alice/one", "First", 2),
    ];
    assert_eq!(lab.cards(&id).await, all);
    let taken = json!({ "user": "dstack", "dashboard": id, "stack": "dstack/two" });
    let (status, left) = lab.page("/api/dashboards/cards/delete", taken.clone()).await;
    assert_eq!((status, left["cards"].as_array().unwrap().len()), (200, 2), "{left}");
    let (status, said) = lab.page("/api/dashboards/cards/delete", taken).await;
    assert_eq!((status, &said["message"]), (404, &json!("card not found")));

    let blank = json!({ "user": "dstack", "id": id, "title": "Month", "description": " " });
    assert_eq!(lab.page("/api/dashboards/update", blank).await, (200, json!({})));
    let listed = lab.old_get("/api/dashboards/dstack").await.json()["dashboards"].clone();
    assert_eq!((&listed[0]["title"], &listed[0]["description"]), (&json!("Month"), &json!("")));
    assert_eq!(listed[0]["cards"][0]["head"]["id"], "a", "{listed}");
    let open = json!({ "user": "dstack", "id": id, "private": false });
    assert_eq!(lab.page("/api/dashboards/update", open).await.0, 501);

    // It is a dashboard like any other here, and what dstack does not know of it stays.
    let (_, ours) = lab.get(&format!("/api/v1/boards/{}", id.as_str().unwrap())).await;
    assert_eq!(ours["info"]["title"], "Month", "{ours}");
    let text = json!({ "ops": [{ "op": "add_card", "text": "a text" }] });
    let changes = format!("/api/v1/boards/{}/changes", id.as_str().unwrap());
    assert_eq!(lab.post(&changes, text).await.0, StatusCode::OK);
    assert_eq!(lab.cards(&id).await.len(), 2);

    let gone = json!({ "user": "dstack", "id": id });
    assert_eq!(lab.page("/api/dashboards/delete", gone.clone()).await, (200, json!({})));
    assert_eq!(lab.old_get("/api/dashboards/dstack").await.json(), json!({ "dashboards": [] }));
    let (status, said) = lab.page("/api/dashboards/delete", gone).await;
    assert_eq!((status, &said["message"]), (404, &json!("dashboard not found")));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_about_a_stack_is_told_with_it() {
    let lab = Lab::with_page().await;
    lab.pushes("dstack/one", "a").await;
    let new = json!({ "stack": "dstack/one", "text": "why so low?" });
    let (status, said) = lab.page("/api/stacks/comments/create", new).await;
    assert_eq!(status, 200, "{said}");
    assert!(said["timestamp"].as_u64().unwrap() < 100_000_000_000, "these are seconds: {said}");
    let told =
        async || lab.old_get("/api/stacks/dstack/one").await.json()["stack"]["comments"].clone();
    let one = json!([{ "id": said["id"], "timestamp": said["timestamp"], "user": "alice",
        "text": "why so low?" }]);
    assert_eq!(told().await, one);
    let other = json!({ "id": said["id"], "text": "it is the rain" });
    assert_eq!(lab.page("/api/stacks/comments/edit", other).await, (200, json!({})));
    assert_eq!(told().await[0]["text"], "it is the rain");
    let id = json!({ "id": said["id"] });
    assert_eq!(lab.page("/api/stacks/comments/delete", id.clone()).await, (200, json!({})));
    assert_eq!(told().await, json!([]));
    let (status, said) = lab.page("/api/stacks/comments/delete", id).await;
    assert_eq!((status, &said["message"]), (404, &json!("comment not found")));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_known_sees_no_dashboard_and_a_token_that_pushes_changes_none() {
    let lab = Lab::with_page().await;
    let new = json!({ "user": "dstack", "title": "Week" });
    let (_, made) = lab.page("/api/dashboards/create", new.clone()).await;
    let id = made["dashboard"]["id"].as_str().unwrap().to_owned();
    let nobody = async |path: &str| {
        let got = lab.old(Method::GET, path, "", Vec::new()).await;
        (got.status.as_u16(), got.json())
    };
    for account in ["dstack", "someone"] {
        let list = nobody(&format!("/api/dashboards/{account}")).await;
        assert_eq!(list, (200, json!({ "dashboards": [] })));
        let (status, said) = nobody(&format!("/api/dashboards/{account}/{id}")).await;
        assert_eq!((status, &said["message"]), (403, &json!("bad credentials")));
    }
    for (path, sent) in [
        ("dashboards/create", new),
        ("dashboards/update", json!({ "user": "dstack", "id": id, "title": "x" })),
        ("dashboards/delete", json!({ "user": "dstack", "id": id })),
        ("dashboards/cards/insert", json!({ "user": "dstack", "dashboard": id })),
        ("dashboards/cards/update", json!({ "user": "dstack", "dashboard": id })),
        ("dashboards/cards/delete", json!({ "user": "dstack", "dashboard": id })),
        ("stacks/comments/create", json!({ "stack": "dstack/one", "text": "x" })),
        ("stacks/comments/edit", json!({ "id": "x", "text": "x" })),
        ("stacks/comments/delete", json!({ "id": "x" })),
    ] {
        let got = lab.old_post(&format!("/api/{path}"), &sent).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}: {}", got.json());
    }
    let other = json!({ "user": "nobody", "title": "Week" });
    assert_eq!(lab.page("/api/dashboards/create", other).await.0, 403);
    lab.stop().await;
}
