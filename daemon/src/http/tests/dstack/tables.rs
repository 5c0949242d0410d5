//! Tables that others pushed, as dstack's clients read them: they know CSV alone.

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::super::body;
use super::*;

/// Pushes a CSV as Parquet and returns what it is told as.
async fn pushed(lab: &Lab, stack: &str, csv: String) -> String {
    let csv: &'static str = csv.leak();
    lab.push(&format!("{stack}-csv"), "data.csv", csv.as_bytes()).await;
    let made = async |form: &str| {
        let path = format!("/api/v1/table?ref={stack}-csv&format={form}");
        let response = lab.send(lab.with_token(Method::GET, &path), Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        body(response).await.to_vec()
    };
    lab.push(stack, "data.parquet", made("parquet").await.leak()).await;
    String::from_utf8(made("csv").await).unwrap()
}

#[tokio::test]
async fn tables_of_others_are_told_as_csv() {
    let lab = Lab::with_profile().await;
    let told = pushed(&lab, "small", "id,name\n1,a\n2,\n".to_owned()).await;
    assert_eq!(told, "\"id\",\"name\"\n1,\"a\"\n2,\n");
    let (attach, bytes) = lab.pull("alice/small", 0).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), told);
    assert_eq!(attach["content_type"], "text/csv");
    assert_eq!(attach["type"], "text/csv");
    assert_eq!(attach["length"], told.len(), "the cache of clients asks for the exact length");
    let listed = lab.old_get("/api/stacks/alice/small").await.json();
    let listed = &listed["stack"]["head"]["attachments"][0];
    assert_eq!(listed["content_type"], "text/csv");
    assert!(listed.get("length").is_none(), "nothing is made for a listing: {listed}");
    assert!(attach.get("application").is_none(), "what opens Parquet opens no CSV: {attach}");

    let rows: String = (0..90_000).map(|row| format!("{row},{}\n", row * 7)).collect();
    let told = pushed(&lab, "large", format!("id,value\n{rows}")).await;
    let (attach, bytes) = lab.pull("alice/large", 0).await;
    assert!(attach["download_url"].is_string() && bytes == told.as_bytes(), "by address");
    let shown = lab.old_get("/api/stacks/alice/large").await.json();
    let frame = shown["stack"]["head"]["id"].as_str().unwrap();
    let shown = lab.old_get(&format!("/api/attachs/alice/large/{frame}/0")).await.json();
    let shown = &shown["attachment"];
    let beginning = BASE64.decode(shown["data"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!((&*beginning, &shown["preview"]), (&told.as_bytes()[..100_000], &json!(true)));

    // A file that is no table although it says so is refused, in words.
    lab.push("broken", "broken.parquet", b"PAR1 and nothing else").await;
    let shown = lab.old_get("/api/stacks/alice/broken").await.json();
    let frame = shown["stack"]["head"]["id"].as_str().unwrap();
    let got = lab.old_get(&format!("/api/attachs/alice/broken/{frame}/0?download=true")).await;
    assert!(got.status.is_client_error(), "{}", got.status);
    assert!(got.json()["message"].is_string());
    lab.stop().await;
}
