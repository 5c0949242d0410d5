//! The committed description of the API is the one of the code.

use std::path::Path;

/// With `DSP_UPDATE=1` the committed file is written anew.
#[test]
fn the_committed_document_is_current() {
    let value = serde_json::to_value(crate::http::document()).unwrap();
    let current = serde_json::to_string_pretty(&value).unwrap() + "\n";
    let path = Path::new("../docs/openapi.json");
    if std::env::var_os("DSP_UPDATE").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == current, "docs/openapi.json is stale: run this test with DSP_UPDATE=1");
}

#[test]
fn every_call_of_the_contract_is_described() {
    let value = serde_json::to_value(crate::http::document()).unwrap();
    let paths = value["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/health", &["get"][..]),
        ("/node", &["get"]),
        ("/node/stop", &["post"]),
        ("/contexts", &["get", "post"]),
        ("/contexts/current", &["put"]),
        ("/contexts/{context}", &["get", "delete"]),
        ("/contexts/{context}/readable", &["get"]),
        ("/contexts/{context}/tickets", &["post"]),
        ("/tickets", &["get"]),
        ("/tickets/{key}", &["delete"]),
        ("/follows", &["post"]),
        ("/follows/{context}", &["patch", "delete"]),
        ("/stacks", &["get"]),
        ("/stack", &["get", "delete"]),
        ("/rename", &["post"]),
        ("/tags", &["post"]),
        ("/log", &["get"]),
        ("/frame", &["get"]),
        ("/files", &["get"]),
        ("/blobs", &["put"]),
        ("/blobs/{hash}", &["get"]),
        ("/content", &["get"]),
        ("/frames", &["post"]),
        ("/fetch", &["post"]),
        ("/verify", &["post"]),
        ("/peers", &["get"]),
        ("/peers/{user}", &["patch"]),
        ("/identity", &["get"]),
        ("/identity/backup", &["post"]),
        ("/identity/backup/confirm", &["post"]),
        ("/login-codes", &["post"]),
        ("/login", &["post"]),
        ("/tokens", &["get", "post"]),
        ("/tokens/{id}", &["delete"]),
        ("/settings", &["get", "patch"]),
        ("/events", &["get"]),
        ("/undo", &["get", "post"]),
        ("/trash", &["get", "delete"]),
        ("/diff", &["get"]),
        ("/search", &["get"]),
        ("/transfers", &["get"]),
        ("/transfers/pause", &["post"]),
        ("/transfers/resume", &["post"]),
        ("/metrics", &["get"]),
    ] {
        let described = paths.get(&format!("/api/v1{path}"));
        let described = described.unwrap_or_else(|| panic!("{path} is not described"));
        for method in methods {
            assert!(described.get(*method).is_some(), "{method} {path} is not described");
        }
    }
}
