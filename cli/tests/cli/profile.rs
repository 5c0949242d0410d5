//! `dsp profile`: what becomes of the file and of the tokens when something is in the way.

use std::os::unix::fs::PermissionsExt as _;

use dsp_protocol::api::token_id;
use serde_json::{Value, json};

use crate::fake::{Fake, run};

const TOKEN: &str = "dsp_pat_0123456789abcdef0123456789abcdef";

/// A daemon that knows one token and makes another.
fn fake() -> Fake {
    let fake = Fake::new();
    fake.on("GET /api/v1/node", &crate::start::status());
    let token = json!({
        "id": token_id(TOKEN), "name": "profile default", "scope": "push",
        "created": "2026-11-16T09:30:00Z",
    });
    fake.on("GET /api/v1/tokens", &json!({"items": [token]}));
    fake.on("POST /api/v1/tokens", &json!({"token": "dsp_pat_new", "info": token}));
    fake.on(&revocation(TOKEN), &token);
    fake.on(&revocation("dsp_pat_new"), &token);
    fake
}

fn revocation(token: &str) -> String {
    format!("DELETE /api/v1/tokens/{}", token_id(token))
}

fn written(fake: &Fake, text: &str) -> std::path::PathBuf {
    let path = fake.work().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

fn profile() -> String {
    format!(
        "profiles:\n  default:\n    server: http://localhost:7700/api\n    token: {TOKEN}\n    \
         user: alice\n"
    )
}

#[test]
fn a_token_that_another_profile_has_is_not_revoked() {
    let fake = fake();
    let two = format!("{}  other:\n    token: {TOKEN}\n", profile());
    let path = written(&fake, &two);
    for verb in ["add", "remove"] {
        let ran = fake.dsp(&["profile", verb, "other", "--file", "config.yaml", "--force"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(fake.seen().iter().all(|seen| seen.call != revocation(TOKEN)), "{verb}");
        std::fs::write(&path, &two).unwrap();
    }
}

#[test]
fn nothing_is_replaced_or_removed_unasked() {
    let fake = fake();
    let path = written(&fake, &profile());
    for args in [&["add", "--user", "bob"][..], &["add", "--scope", "read"], &["remove"]] {
        let ran = fake.dsp(&[&["profile"], args, &["--file", "config.yaml"]].concat());
        assert_eq!(ran.code, 4, "{args:?}: {ran:?}");
        assert!(ran.err.contains("****cdef") && !ran.err.contains(TOKEN), "{ran:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), profile());
    }
    assert!(fake.seen().iter().all(|seen| seen.call.starts_with("GET ")), "{:?}", fake.seen());
    let ran = fake.dsp(&["profile", "remove", "--file", "config.yaml", "--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    fake.only(&revocation(TOKEN));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "profiles: {}\n");
}

#[test]
fn a_profile_that_is_replaced_leaves_no_token_behind() {
    let fake = fake();
    let path = written(&fake, &profile());
    let ran = fake.dsp(&["profile", "add", "--file", "config.yaml", "--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    fake.only(&revocation(TOKEN));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("token: dsp_pat_new\n"), "{text}");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_token_that_nobody_got_is_revoked() {
    let fake = fake();
    // A link to nowhere holds no file yet, and never will.
    std::os::unix::fs::symlink("nowhere", fake.work().join("lost")).unwrap();
    let ran = fake.dsp(&["profile", "add", "--file", "lost/config.yaml"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    fake.only("POST /api/v1/tokens");
    fake.only(&revocation("dsp_pat_new"));
    // A file that says what is not understood is found out before a token is made.
    let path = written(&fake, "profiles: &all\n");
    let ran = fake.dsp(&["profile", "add", "--file", "config.yaml"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("config.yaml, line 1: "), "{ran:?}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "profiles: &all\n");
}

#[test]
fn the_file_is_where_dstack_looks_for_it() {
    let fake = fake();
    let ran = fake.dsp(&["profile", "list", "--json"]);
    assert_eq!((ran.code, ran.out.contains("\"items\": []")), (0, true), "{ran:?}");
    std::fs::create_dir(fake.work().join("named")).unwrap();
    let mut command = fake.command(&["profile", "add", "--json"]);
    command.env("DSTACK_CONFIG", fake.work().join("named/config.yaml"));
    let ran = run(command, b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(fake.work().join("named/config.yaml").is_file());
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&shown["server"], &shown["user"]),
        (&json!("http://127.0.0.1:7700/api"), &json!("alice"))
    );
    assert!(!ran.out.contains("dsp_pat_new"), "{ran:?}");
    // As old instructions say; a server elsewhere makes no token here.
    let args = ["config", "add", "far", "--token", "t", "--user", "bob", "--server"];
    let ran = fake.dsp(&[&args[..], &["https://dstack.example/api"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("`dsp profile add`"), "{ran:?}");
    let text = std::fs::read_to_string(fake.work().join(".dstack/config.yaml")).unwrap();
    assert!(
        text.contains("  far:\n    server: https://dstack.example/api\n    token: t\n"),
        "{text}"
    );
    for args in [&["--server", "https://dstack.example/api"][..], &["--server", "nonsense"]] {
        let ran = fake.dsp(&[&["profile", "add", "more"], args].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}

#[test]
fn a_profile_works_here_with_a_known_token_and_as_me_alone() {
    let fake = fake();
    let reads = "dsp_pat_fedcba9876543210fedcba9876543210";
    let token = |secret: &str, scope: &str| {
        json!({ "id": token_id(secret), "name": "profile", "scope": scope,
            "created": "2026-11-16T09:30:00Z" })
    };
    let tokens = [token(TOKEN, "push"), token(reads, "read")];
    fake.on("GET /api/v1/tokens", &json!({ "items": tokens }));
    let one = |name: &str, user: &str, token: &str| {
        format!(
            "  {name}:\n    server: http://localhost:7700/api\n    token: {token}\n    user: {user}\n"
        )
    };
    let me = "alice";
    let all = [
        one("a", me, TOKEN),
        one("b", "dstack", TOKEN),
        one("c", "somebody", TOKEN),
        one("d", me, reads),
        one("e", me, "dsp_pat_that_nobody_knows"),
        one("f", "somebody", "dsp_pat_that_nobody_knows"),
    ];
    written(&fake, &format!("profiles:\n{}", all.concat()));
    let ran = fake.dsp(&["profile", "list", "--json", "--file", "config.yaml"]);
    let listed: Value = serde_json::from_str(&ran.out).unwrap();
    let states: Vec<&Value> =
        listed["items"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(
        states,
        ["good", "good", "other_user", "reads", "token_unknown", "token_unknown"],
        "{ran:?}"
    );
}
