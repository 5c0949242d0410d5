//! Tables over the API.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Lab, body};

const CSV: &[u8] = b"id,zip,when\n1,007,2024-02-29\n2,010,\n9007199254740993,x,2024-03-01\n";

#[tokio::test]
async fn a_csv_has_columns_rows_and_statistics() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    let (status, schema) = lab.get("/api/v1/schema?ref=sales").await;
    assert_eq!(status, StatusCode::OK, "{schema}");
    assert_eq!(schema["format"], "csv");
    assert_eq!(schema["rows"], 3);
    let column = json!({ "name": "zip", "type": "string", "kind": "text", "nullable": true });
    assert_eq!(schema["columns"][1], column);

    let (status, page) = lab.get("/api/v1/rows?ref=sales&offset=1&limit=5").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!((&page["offset"], &page["total"]), (&json!(1), &json!(3)));
    let rows = json!([[2, "010", null], ["9007199254740993", "x", "2024-03-01"]]);
    assert_eq!(page["rows"], rows);
    let (_, page) = lab.get("/api/v1/rows?ref=sales&limit=1&columns=%5B%22when%22%5D").await;
    assert_eq!(page["rows"], json!([["2024-02-29"]]));

    // The second answer is the one that was kept.
    for _ in 0..2 {
        let (status, stats) = lab.get("/api/v1/stats?ref=sales").await;
        assert_eq!(status, StatusCode::OK, "{stats}");
        assert_eq!(stats["looked_at"], 3);
        assert_eq!(stats["columns"][2]["min"], "2024-02-29");
        assert_eq!(stats["columns"][2]["nulls"], 1);
        assert_eq!(stats["columns"][1]["distinct"], 3);
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_csv_of_dstack_has_numbers() {
    let lab = Lab::start().await;
    let quoted =
        b"\"\",\"a\",\"zip\"\n\"0\",\"1.5\",\"007\"\n\"1\",\"10\",\"010\"\n\"2\",\"\",\"\"\n";
    lab.push("sales", "sales.csv", quoted).await;
    let (status, schema) = lab.get("/api/v1/schema?ref=sales").await;
    assert_eq!(status, StatusCode::OK, "{schema}");
    let types: Vec<&Value> =
        schema["columns"].as_array().unwrap().iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["int64", "float64", "string"]);
    let (_, stats) = lab.get("/api/v1/stats?ref=sales").await;
    assert_eq!(stats["columns"][1]["max"], 10.0, "a number is greater by its value: {stats}");
    lab.stop().await;
}

async fn bytes(lab: &Lab, path: &str) -> (StatusCode, Vec<u8>) {
    let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
    (response.status(), body(response).await.to_vec())
}

#[tokio::test]
async fn a_csv_becomes_parquet_and_csv_with_a_note() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    // The second answer is the one that was kept.
    for _ in 0..2 {
        let (status, csv) = bytes(&lab, "/api/v1/table?ref=sales&format=csv").await;
        assert_eq!(status, StatusCode::OK);
        let text = String::from_utf8(csv).unwrap();
        let wanted = "\"id\",\"zip\",\"when\"\n1,\"007\",2024-02-29\n2,\"010\",\n\
            9007199254740993,\"x\",2024-03-01\n";
        assert_eq!(text, wanted);
        let (status, note) = lab.get("/api/v1/table?ref=sales&format=csv-metadata").await;
        assert_eq!(status, StatusCode::OK, "{note}");
        assert_eq!(note["tableSchema"]["columns"][0]["datatype"], "long");
        assert_eq!(note["dsp:rows"], 3);
        let (status, parquet) = bytes(&lab, "/api/v1/table?ref=sales&format=parquet").await;
        assert_eq!(status, StatusCode::OK);
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    }
    // What goes from the cache is made again.
    std::fs::remove_dir_all(lab._home.path().join("cache/tables")).unwrap();
    for format in ["parquet", "csv", "csv-metadata"] {
        let path = format!("/api/v1/table?ref=sales&format={format}");
        assert_eq!(bytes(&lab, &path).await.0, StatusCode::OK, "{format}");
    }
    let (status, problem) = lab.get("/api/v1/table?ref=sales&format=xlsx").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(problem["detail"].as_str().unwrap().contains("`xlsx`"), "{problem}");
    lab.stop().await;
}

#[tokio::test]
async fn a_note_beside_a_csv_says_its_types() {
    let lab = Lab::start().await;
    let csv = b"\"size\",\"n\"\n\"b\",1\n,\n";
    let note = br#"{"tableSchema":{"columns":[
        {"titles":"size","datatype":"string","null":"","dsp:levels":["b","a"]},
        {"titles":"n","datatype":"double","null":""}]},"dsp:rows":2}"#;
    let files: [(&str, &'static [u8]); 2] = [("t.csv", csv), ("t.csv-metadata.json", note)];
    lab.push_files("noted", &files).await;
    let (status, schema) = lab.get("/api/v1/schema?ref=noted%23t.csv").await;
    assert_eq!(status, StatusCode::OK, "{schema}");
    let types: Vec<&Value> =
        schema["columns"].as_array().unwrap().iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["category<string>", "float64"]);
    let (_, page) = lab.get("/api/v1/rows?ref=noted%23t.csv").await;
    assert_eq!(page["rows"], json!([["b", 1.0], [null, null]]));
    let (_, told) = lab.get("/api/v1/table?ref=noted%23t.csv&format=csv-metadata").await;
    assert_eq!(told["tableSchema"]["columns"][0]["dsp:levels"], json!(["b", "a"]));
    // The same bytes without the note, or with another one, are another table.
    lab.push("plain", "t.csv", csv).await;
    let (_, schema) = lab.get("/api/v1/schema?ref=plain").await;
    assert_eq!(schema["columns"][1]["type"], "int64");
    // A note of another program says nothing here.
    let others = br#"{"tableSchema":{"columns":[{"name":"size","titles":{"de":"Gr"}}]}}"#;
    lab.push_files("others", &[("t.csv", csv), ("t.csv-metadata.json", others)]).await;
    let (_, schema) = lab.get("/api/v1/schema?ref=others%23t.csv").await;
    assert_eq!(schema["columns"][1]["type"], "int64", "{schema}");
    let lie = br#"{"tableSchema":{"columns":[{"titles":"size"}]},"dsp:rows":2}"#;
    lab.push_files("lies", &[("t.csv", csv), ("t.csv-metadata.json", lie)]).await;
    let (status, problem) = lab.get("/api/v1/schema?ref=lies%23t.csv").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("it has 2 columns, and its note tells of 1"), "{detail}");
    lab.stop().await;
}

#[tokio::test]
async fn rows_are_sorted_and_picked() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    // `[{"column":"id","descending":true}]`
    let sort = "sort=%5B%7B%22column%22%3A%22id%22%2C%22descending%22%3Atrue%7D%5D";
    let (status, page) = lab.get(&format!("/api/v1/rows?ref=sales&limit=2&{sort}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let rows = json!([["9007199254740993", "x", "2024-03-01"], [2, "010", null]]);
    assert_eq!((&page["rows"], &page["total"]), (&rows, &json!(3)));
    let filter = |conditions: Value| {
        let text = conditions.to_string();
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("/api/v1/rows?ref=sales&filter={encoded}")
    };
    let day = json!([{ "column": "when", "op": ">=", "value": "2024-03-01" }]);
    // The second answer is the one that was kept.
    for _ in 0..2 {
        let (status, page) = lab.get(&filter(day.clone())).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(page["rows"], json!([["9007199254740993", "x", "2024-03-01"]]));
        assert_eq!(page["total"], 1);
    }
    let (_, page) = lab.get(&filter(json!([{ "column": "when", "op": "null" }]))).await;
    assert_eq!(page["rows"], json!([[2, "010", null]]));
    for (conditions, detail) in [
        (json!([{ "column": "when", "op": "~", "value": 1 }]), "`filter` is no JSON array"),
        (json!([{ "column": "when", "op": ">", "value": "soon" }]), "is no value of column"),
        (json!([{ "column": "id", "op": "between", "value": [1] }]), "a list of two values"),
        (json!([{ "column": "id", "op": "=" }]), "needs a value"),
        (json!([{ "column": "id", "op": "null", "value": 1 }]), "takes no value"),
    ] {
        let (status, problem) = lab.get(&filter(conditions)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{told}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn what_is_no_table_is_said_with_a_way_out() {
    let lab = Lab::start().await;
    lab.push("picture", "picture.png", b"\x89PNG").await;
    lab.push("broken", "broken.csv", b"a,b\nx,\xff\n").await;
    lab.push("lies", "lies.parquet", b"PAR1\xff\xff\xff\x7fPAR1").await;
    lab.push("sales", "sales.csv", CSV).await;
    for (path, expected, detail) in [
        ("/api/v1/rows?ref=picture", StatusCode::UNSUPPORTED_MEDIA_TYPE, "is no table"),
        ("/api/v1/rows?ref=broken", StatusCode::CONFLICT, "line 2, column 3: the byte 0xff"),
        ("/api/v1/rows?ref=lies", StatusCode::CONFLICT, "its footer is not where"),
        ("/api/v1/rows?ref=none", StatusCode::NOT_FOUND, "none"),
        ("/api/v1/rows?ref=sales&limit=0", StatusCode::BAD_REQUEST, "`limit` is 0"),
        ("/api/v1/rows?ref=sales&limit=1001", StatusCode::BAD_REQUEST, "`limit` is 1001"),
        ("/api/v1/rows?ref=sales&offset=4", StatusCode::BAD_REQUEST, "behind the end"),
        ("/api/v1/rows?ref=sales&columns=a", StatusCode::BAD_REQUEST, "`columns`"),
        ("/api/v1/rows?ref=sales&columns=%5B%22a%22%5D", StatusCode::NOT_FOUND, "no column `a`"),
    ] {
        let (status, problem) = lab.get(path).await;
        assert_eq!(status, expected, "{path}: {problem}");
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{path}: {told}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn what_was_made_of_a_table_goes_with_its_bytes() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    assert_eq!(lab.get("/api/v1/stats?ref=sales").await.0, StatusCode::OK);
    let ops = lab.daemon.ops();
    let folder = lab._home.path().join("cache/tables");
    let files = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files(), 2);
    ops.forget_derived().await;
    assert_eq!(files(), 2, "the bytes are still here");
    let gone = folder.join(format!("{}.csv.1.parquet", blake3::hash(b"no such blob")));
    std::fs::write(&gone, b"left over").unwrap();
    ops.forget_derived().await;
    assert!(!gone.exists());
    assert_eq!(files(), 2);
    lab.stop().await;
}

#[tokio::test]
async fn rows_of_no_columns_have_no_cells() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    // As they are, sorted, and picked: `[{"column":"id"}]`, `[{"column":"id","op":"<","value":3}]`.
    let sort = "&sort=%5B%7B%22column%22%3A%22id%22%7D%5D";
    let pick =
        "&filter=%5B%7B%22column%22%3A%22id%22%2C%22op%22%3A%22%3C%22%2C%22value%22%3A3%7D%5D";
    for (asked, total, rows) in [
        ("", 3, 3),
        ("&offset=2", 3, 1),
        ("&offset=3", 3, 0),
        ("&offset=1&limit=1", 3, 1),
        (sort, 3, 3),
        (pick, 2, 2),
    ] {
        let path = format!("/api/v1/rows?ref=sales&columns=%5B%5D{asked}");
        let (status, page) = lab.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        assert_eq!((&page["columns"], &page["total"]), (&json!([]), &json!(total)), "{path}");
        assert_eq!(page["rows"], json!(vec![json!([]); rows]), "{path}");
        let (status, stream) = bytes(&lab, &format!("{path}&format=arrow")).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&stream));
    }
    lab.stop().await;
}

#[tokio::test]
async fn rows_come_as_a_stream_of_arrow() {
    let lab = Lab::start().await;
    lab.push("sales", "sales.csv", CSV).await;
    let path = "/api/v1/rows?ref=sales&offset=1&format=arrow";
    let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let media = response.headers()["content-type"].clone();
    assert_eq!(media, "application/vnd.apache.arrow.stream");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    // Pushed, it is a table of the same rows.
    let stream: &'static [u8] = body(response).await.to_vec().leak();
    lab.push("again", "sales.arrows", stream).await;
    let (status, page) = lab.get("/api/v1/rows?ref=again").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let rows = json!([[2, "010", null], ["9007199254740993", "x", "2024-03-01"]]);
    assert_eq!(page["rows"], rows);
    let (_, schema) = lab.get("/api/v1/schema?ref=again").await;
    let types: Vec<&Value> =
        schema["columns"].as_array().unwrap().iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["int64", "string", "date"]);
    // Sorted, and only some columns: `[{"column":"id","descending":true}]`, `["id"]`.
    let sort = "sort=%5B%7B%22column%22%3A%22id%22%2C%22descending%22%3Atrue%7D%5D";
    let path = format!("/api/v1/rows?ref=sales&limit=2&columns=%5B%22id%22%5D&format=arrow&{sort}");
    let (status, stream) = bytes(&lab, &path).await;
    assert_eq!(status, StatusCode::OK);
    lab.push("sorted", "sales.arrows", stream.leak()).await;
    let (_, page) = lab.get("/api/v1/rows?ref=sorted").await;
    assert_eq!(page["rows"], json!([["9007199254740993"], [2]]));

    let (status, problem) = lab.get("/api/v1/rows?ref=sales&format=xlsx").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(problem["detail"].as_str().unwrap().contains("xlsx"), "{problem}");
    // A text that JSON cuts is refused here, and told as a problem in JSON.
    let long = format!("t\n{}\n", "x".repeat(5 << 20)).into_bytes();
    lab.push("long", "long.csv", long.leak()).await;
    let (status, page) = lab.get("/api/v1/rows?ref=long").await;
    assert_eq!((status, &page["cut"]), (StatusCode::OK, &json!([{ "row": 0, "column": 0 }])));
    let (status, problem) = lab.get("/api/v1/rows?ref=long&format=arrow").await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("row 0 in bytes is 5242889;"), "{detail}");
    lab.stop().await;
}
