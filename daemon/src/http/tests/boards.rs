//! Dashboards and comments over the API.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Lab;

async fn done(lab: &Lab, path: &str, body: Value) -> Value {
    let (status, answer) = lab.post(path, body).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer
}

async fn call(lab: &Lab, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let call = lab.with_token(method, path).header("content-type", "application/json");
    super::json(lab.send(call, body.to_string()).await).await
}

fn names(board: &Value) -> Vec<String> {
    let cards = board["cards"].as_array().unwrap().iter();
    cards.map(|card| card["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_dashboard_is_made_changed_undone_copied_and_removed() {
    let lab = Lab::start().await;
    lab.push("sales", "a.csv", b"a").await;
    let ops = json!([
        { "op": "add_card", "ref": "sales", "title": "Sales" },
        { "op": "add_card", "title": "Notes", "text": "**hello**", "span": 12, "height": "s" },
        { "op": "set_param", "param": "region", "setting": { "default": "EU", "label": "Where" } },
    ]);
    let made = done(&lab, "/api/v1/boards", json!({ "title": "Week", "ops": ops })).await;
    let board = &made["board"];
    let id = board["info"]["id"].as_str().unwrap().to_owned();
    assert_eq!(board["info"]["title"], "Week");
    assert_eq!(names(board), ["Sales", "Notes"]);
    assert_eq!(board["cards"][0]["kind"], "stack");
    assert_eq!(board["cards"][0]["stack"]["state"], "here");
    assert_eq!(board["cards"][0]["stack"]["name"], "sales");
    assert_eq!(board["cards"][1]["text"], "**hello**");
    assert_eq!(
        (&board["cards"][1]["span"], &board["cards"][1]["height"]),
        (&json!(12), &json!("s"))
    );
    assert_eq!(board["params"]["region"]["default"], "EU");
    let cards: Vec<&str> =
        made["added"].as_array().unwrap().iter().map(|card| card.as_str().unwrap()).collect();

    let changes = format!("/api/v1/boards/{id}/changes");
    let move_first = json!({ "op": "move_card", "card": cards[1], "before": cards[0] });
    let changed = done(&lab, &changes, json!({ "ops": [move_first] })).await;
    assert_eq!(names(&changed["board"]), ["Notes", "Sales"]);
    let gone = json!({ "op": "remove_card", "card": cards[0] });
    let removed = done(&lab, &changes, json!({ "ops": [gone] })).await;
    assert_eq!(names(&removed["board"]), ["Notes"]);
    let undo = json!({ "change": removed["change"] });
    let undone = done(&lab, &format!("/api/v1/boards/{id}/undo"), undo).await;
    assert_eq!(names(&undone["board"]), ["Notes", "Sales"]);
    assert_eq!(undone["board"]["cards"][1]["stack"]["state"], "here");
    // What stands there already changes nothing.
    let again = json!({ "op": "set_title", "title": "Week" });
    let same = done(&lab, &changes, json!({ "ops": [again] })).await;
    assert_eq!(same["change"], Value::Null);

    let (_, history) = lab.get(&format!("/api/v1/boards/{id}/history")).await;
    let items = history["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{history}");
    assert_eq!(items[1]["change"], removed["change"]);
    assert_eq!(items[0]["by"]["name"], items[3]["by"]["name"]);

    let copy = done(&lab, &format!("/api/v1/boards/{id}/copy"), json!({ "title": "Mine" })).await;
    assert_eq!(copy["board"]["info"]["title"], "Mine");
    assert_eq!(names(&copy["board"]), ["Notes", "Sales"]);
    assert_ne!(copy["board"]["info"]["id"], json!(id));

    let renewed = done(&lab, &format!("/api/v1/boards/{id}/renew"), json!({})).await;
    assert_eq!(renewed["epoch"], 1);
    let (_, board) = lab.get(&format!("/api/v1/boards/{id}")).await;
    assert_eq!(names(&board), ["Notes", "Sales"]);

    let path = format!("/api/v1/boards/{id}");
    let (status, info) = call(&lab, Method::DELETE, &path, Value::Null).await;
    assert_eq!((status, &info["removed"]), (StatusCode::OK, &json!(true)), "{info}");
    let (_, list) = lab.get("/api/v1/boards").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let refused = lab.post(&changes, json!({ "ops": [] })).await;
    assert_eq!(refused.0, StatusCode::NOT_FOUND, "{}", refused.1);
    done(&lab, &format!("{path}/restore"), json!({})).await;
    let (_, list) = lab.get("/api/v1/boards").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    lab.stop().await;
}

#[tokio::test]
async fn each_mistake_on_a_dashboard_has_its_status() {
    let lab = Lab::start().await;
    let made = done(&lab, "/api/v1/boards", json!({ "title": "Week" })).await;
    let id = made["board"]["info"]["id"].as_str().unwrap();
    let changes = format!("/api/v1/boards/{id}/changes");
    for (op, status) in [
        (json!({ "op": "sing" }), 400),
        (json!({ "op": "remove_card", "card": "none" }), 404),
        (json!({ "op": "add_card", "kind": "stack" }), 400),
        (json!({ "op": "add_card", "ref": "nothing" }), 404),
        (json!({ "op": "add_card", "text": "a", "span": 13 }), 400),
        (json!({ "op": "set_title", "title": "x".repeat(300) }), 400),
        (json!({ "op": "set_param", "param": "" }), 400),
    ] {
        let (actual, problem) = lab.post(&changes, json!({ "ops": [op] })).await;
        assert_eq!(actual.as_u16(), status, "{op}: {problem}");
    }
    for path in ["/api/v1/boards/000000", "/api/v1/boards/x"] {
        assert_eq!(lab.get(path).await.0, StatusCode::NOT_FOUND);
    }
    lab.stop().await;
}

#[tokio::test]
async fn comments_are_said_changed_and_taken_back() {
    let lab = Lab::start().await;
    let pushed = lab.push("sales", "a.csv", b"a").await;
    let frame = pushed["frame"].as_str().unwrap();
    let ops = json!([{ "op": "add_card", "title": "Notes", "text": "hello" }]);
    let made = done(&lab, "/api/v1/boards", json!({ "title": "Week", "ops": ops })).await;
    let (board, card) = (&made["board"]["info"]["id"], &made["added"][0]);

    let said = done(&lab, "/api/v1/comments", json!({ "ref": "sales", "text": "new?" })).await;
    let on_frame = json!({ "ref": format!("sales@{frame}"), "text": "this one" });
    let on_frame = done(&lab, "/api/v1/comments", on_frame).await;
    assert_eq!(on_frame["frame"], frame);
    let on_card = json!({ "board": board, "card": card, "text": "too small" });
    assert_eq!(&done(&lab, "/api/v1/comments", on_card).await["card"], card);
    let (_, list) = lab.get("/api/v1/comments?ref=sales").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    let (_, list) = lab.get(&format!("/api/v1/comments?board={}", board.as_str().unwrap())).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");

    // Of a context they come the last one first, each with what it is about.
    let texts = async |query: &str| {
        let (status, list) = lab.get(&format!("/api/v1/comments{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let items = list["items"].as_array().unwrap().iter();
        let about = |one: &Value| one["about"]["name"].as_str().unwrap_or("nothing").to_owned();
        items.map(|one| (one["text"].as_str().unwrap().to_owned(), about(one))).collect::<Vec<_>>()
    };
    let said_on = |text: &str, name: &str| (text.to_owned(), name.to_owned());
    let all = texts("?context=*").await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(texts("").await, all);
    assert_eq!(all[0], said_on("too small", "Week"));
    assert_eq!(texts("?q=SMALL%20too").await, [said_on("too small", "Week")]);
    assert_eq!(texts("?q=new%20small").await, []);
    let (_, first) = lab.get("/api/v1/comments?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(texts(&format!("?limit=2&cursor={cursor}")).await, all[2..]);
    assert_eq!(texts("?ref=sales&q=ONE").await, [said_on("this one", "sales")]);
    let long = format!("?q={}", "a".repeat(257));
    for query in [&long, "?ref=sales&context=*", "?card=x", "?context=nowhere"] {
        let (status, _) = lab.get(&format!("/api/v1/comments{query}")).await;
        assert!(status.is_client_error(), "{query}: {status}");
    }

    let path = format!("/api/v1/comments/{}", said["id"].as_str().unwrap());
    let (status, edited) = call(&lab, Method::PATCH, &path, json!({ "text": "new!" })).await;
    assert_eq!((status, &edited["text"]), (StatusCode::OK, &json!("new!")), "{edited}");
    assert!(edited["edited"].is_string() && edited["mine"] == true);
    let (status, _) = call(&lab, Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let (_, list) = lab.get("/api/v1/comments?ref=sales").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let (status, _) = call(&lab, Method::PATCH, &path, json!({ "text": "again" })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for (body, status) in [
        (json!({ "ref": "sales", "text": " " }), 400),
        (json!({ "ref": "nothing", "text": "a" }), 404),
        (json!({ "text": "a" }), 400),
        (json!({ "board": board, "text": "a" }), 400),
        (json!({ "board": board, "card": "none", "text": "a" }), 404),
    ] {
        let (actual, problem) = lab.post("/api/v1/comments", body.clone()).await;
        assert_eq!(actual.as_u16(), status, "{body}: {problem}");
    }
    // What is not shown has no comments either.
    done(&lab, "/api/v1/comments", json!({ "ref": "sales", "text": "once more" })).await;
    let (status, _) = call(&lab, Method::DELETE, "/api/v1/stack?ref=sales", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(texts("").await, [said_on("too small", "Week")]);
    let response = lab.send(lab.request(Method::GET, "/api/v1/comments?ref=sales"), Body::empty());
    assert_eq!(response.await.status(), StatusCode::UNAUTHORIZED);
    lab.stop().await;
}
