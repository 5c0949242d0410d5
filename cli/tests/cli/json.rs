//! `--json` for every verb: one document on stdout and nothing beside it, or a refusal.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use dsp_protocol::api::{Fetched, Verified};
use dsp_protocol::archive::{About, Writer};
use dsp_protocol::context::{ContextKind, Genesis};
use dsp_protocol::id::{ContextId, DeviceId, DocumentId, PublicKey, UserId};
use serde_json::{Value, json};

use crate::fake::{Fake, VERSION};
use crate::push::pushed;
use crate::{frame, stack};

/// A command line of each verb that prints one document.
const DOCUMENTS: &[&[&str]] = &[
    &["push", "sales/weekly", "file"],
    &["ls"],
    &["log", "sales/weekly"],
    &["show", "sales/weekly"],
    &["show", "sales/weekly#a.txt"],
    &["get", "sales/weekly"],
    &["fetch", "sales/weekly"],
    &["pin", "sales/weekly"],
    &["pin", "--list"],
    &["unpin", "sales/weekly"],
    &["drop", "sales/weekly"],
    &["forget", "sales/weekly@head~1", "--yes"],
    &["verify"],
    &["tag", "sales/weekly", "v1"],
    &["mv", "sales/weekly", "other"],
    &["rm", "sales/weekly", "--yes"],
    &["undo", "--yes"],
    &["undo", "--list"],
    &["undo", "--empty", "--yes"],
    &["diff", "sales/weekly"],
    &["search", "weekly"],
    &["transfers", "ls"],
    &["transfers", "watch"],
    &["transfers", "pause"],
    &["transfers", "resume"],
    &["transfers", "limit", "--up", "none"],
    &["dashboards", "ls"],
    &["dashboards", "new", "Week", "sales/weekly"],
    &["dashboards", "show", "0a0a0a0a"],
    &["dashboards", "rm", "0a0a0a0a", "--yes"],
    &["dashboards", "rm", "0a0a0a0a", "--back"],
    &["comments", "ls", "sales/weekly"],
    &["comments", "add", "sales/weekly", "new?"],
    &["comments", "edit", "0a", "newer?"],
    &["comments", "rm", "0a", "--yes"],
    &["context", "ls"],
    &["context", "new", "research"],
    &["context", "switch", "main"],
    &["context", "policy", "main", "--policy", "all"],
    &["context", "quota", "main", "1GB"],
    &["context", "rm", "main", "--yes"],
    &["context", "fork", "main", "other"],
    &["share", "--yes"],
    &["share", "sales/weekly", "--with", "bob", "--history", "--yes"],
    &["follow", "dsp1abc"],
    &["unfollow", "main", "--keep"],
    &["tickets", "ls"],
    &["tickets", "revoke", "09090909"],
    &["tickets", "revoke", "09090909", "--remove-members", "--yes"],
    &["offers", "ls"],
    &["offers", "decline", "bob/plans"],
    &["members", "ls"],
    &["members", "add", "bob", "--role", "owner", "--yes"],
    &["members", "role", "bob", "writer"],
    &["members", "rm", "bob", "--since", "2d", "--yes"],
    &["members", "keep", "bob"],
    &["peers", "ls"],
    &["peers", "show", "bob"],
    &["trust", "bob", "--verify", "--results", "--code", "--yes"],
    &["untrust", "bob"],
    &["block", "bob", "--yes"],
    &["unblock", "bob"],
    &["peers", "rename", "bob", "bobby"],
    &["status"],
    &["gc", "--yes"],
    &["archive", "export", "main", "main.dsp"],
    &["archive", "import", "main.dsp"],
    &["doctor"],
    &["open"],
    &["open", "--dashboard", "0a0a0a0a"],
    &["id", "show"],
    &["id", "backup"],
    &["id", "devices"],
    &["id", "pair"],
    &["id", "pair", "--confirm", "482 913"],
    &["id", "pair", "dsppair1abc"],
    &["id", "revoke", "desk", "--yes"],
    &["id", "rotate", "--yes"],
    &["id", "recover", "--words", "words.txt", "--yes"],
    &["daemon", "start"],
    &["daemon", "status"],
    &["daemon", "logs"],
    &["config", "ls"],
    &["config", "get", "net.mdns"],
    &["config", "set", "net.mdns", "false"],
    &["config", "unset", "net.mdns"],
    &["profile", "add", "--file", "profiles.yaml", "--force"],
    &["profile", "add", "--print"],
    &["profile", "list", "--file", "profiles.yaml"],
    &["profile", "list", "--tokens"],
    &["profile", "remove", "--file", "profiles.yaml", "--force"],
    &["profile", "revoke", "1f0c9a3b"],
    // The daemon is gone after these.
    &["reset", "--yes"],
    &["daemon", "stop"],
    &["daemon", "install", "--print"],
    &["daemon", "install"],
    &["daemon", "uninstall"],
];

/// A command line of each verb whose result is no document.
const REFUSED: &[&[&str]] =
    &[&["cat", "sales/weekly"], &["completions", "bash"], &["man", "pages"]];

/// Lets a daemon answer everything that the verbs ask.
pub(crate) fn answers(fake: &Fake) {
    let page = |items: &[Value]| json!({"items": items});
    let context = json!({
        "id": ContextId::from_bytes([2; 32]), "label": "main", "name": "main", "about": "",
        "owner": UserId::from_bytes([3; 32]), "owner_name": "me", "role": "owner",
        "access": "private", "policy": "all", "state": "own", "current": true, "stacks": 1,
        "frames": 1, "bytes": 1, "bytes_here": 1, "members": 1,
    });
    let ticket = json!({
        "key": PublicKey::from_bytes([9; 32]), "context": ContextId::from_bytes([2; 32]),
        "label": "main", "role": "reader", "revoked": false, "admitted": [],
    });
    let peer = json!({
        "user": UserId::from_bytes([4; 32]), "name": "bob", "own_name": "bob",
        "verified": false, "contexts": [], "devices": [],
    });
    let me = json!({
        "user": UserId::from_bytes([3; 32]), "name": "alice",
        "root": PublicKey::from_bytes([8; 32]), "device": DeviceId::from_bytes([5; 32]),
        "devices": [], "backup_needed": true, "backup": "needed", "log_entries": 2,
    });
    let setting = json!({
        "name": "net.mdns", "value": "false", "source": "file", "default": "true",
        "about": "Find nodes", "restart": true,
    });
    let entry = json!({
        "id": "07".repeat(32), "here": true, "parents": [], "metrics": {}, "tags": [],
        "head": true,
    });
    let board = json!({
        "id": DocumentId::from_bytes([10; 32]), "context": ContextId::from_bytes([2; 32]),
        "creator": { "user": UserId::from_bytes([3; 32]), "name": "me" }, "title": "Week",
        "description": "", "removed": false, "writable": true, "cards": 0,
        "made": "2026-11-01T10:00:00Z", "epoch": 0, "set_aside": 0,
    });
    let view = json!({ "info": board, "tabs": [], "cards": [], "params": {} });
    fake.on("GET /api/v1/boards", &page(std::slice::from_ref(&board)));
    fake.on("POST /api/v1/boards", &json!({ "board": view }));
    fake.on("GET /api/v1/boards/0a0a0a0a", &view);
    fake.on("DELETE /api/v1/boards/0a0a0a0a", &board);
    let comment = json!({
        "id": "0a", "context": ContextId::from_bytes([4; 32]), "mine": true, "text": "new?",
        "author": { "user": UserId::from_bytes([1; 32]), "name": "me" },
        "time": "2026-11-16T09:30:00Z",
    });
    fake.on("GET /api/v1/comments", &page(std::slice::from_ref(&comment)));
    fake.on("POST /api/v1/comments", &comment);
    fake.on("PATCH /api/v1/comments/0a", &comment);
    fake.on("DELETE /api/v1/comments/0a", &comment);
    fake.on("POST /api/v1/boards/0a0a0a0a/restore", &board);
    let shown = frame(stack("sales/weekly"), &[("a.txt", b"one")]);
    fake.on_steps("POST /api/v1/frames", &pushed());
    fake.on("GET /api/v1/stacks", &page(&[json!(stack("sales/weekly"))]));
    fake.on("GET /api/v1/log", &page(&[entry]));
    fake.on("GET /api/v1/frame", &shown);
    fake.on_bytes(&format!("GET /api/v1/blobs/{}", shown.files[0].hash), 200, b"one");
    let fetched = Fetched { files: 1, bytes: 3, already_here: 0, missing: vec![] };
    fake.on_steps("POST /api/v1/fetch", &fetched);
    let verified =
        Verified { heads: 1, frames: 1, blobs: 1, bytes: 3, not_here: 0, faults: vec![] };
    fake.on_steps("POST /api/v1/verify", &verified);
    for call in ["POST /api/v1/tags", "POST /api/v1/rename"] {
        fake.on(call, &stack("sales/weekly"));
    }
    for call in ["GET /api/v1/stack", "DELETE /api/v1/stack"] {
        fake.on(call, &stack("sales/weekly"));
    }
    let deed = json!({
        "id": 1, "kind": "removed", "what": "removed sales/weekly", "at": "2026-11-16T00:00:00Z",
        "bytes": 0,
    });
    fake.on("GET /api/v1/undo", &page(&[deed]));
    fake.on("POST /api/v1/undo", &json!({"id": 1, "deed": "removed a", "what": "a is back"}));
    fake.on("GET /api/v1/trash", &json!({"blobs": 1, "bytes": 3, "keep_seconds": 9}));
    let freed = json!({"blobs": 1, "bytes": 3, "pending": false});
    fake.on("DELETE /api/v1/trash", &freed);
    let side = json!({"reference": "sales/weekly@head", "tags": []});
    fake.on(
        "GET /api/v1/diff",
        &json!({
            "from": side, "to": side, "params": [], "metrics": [], "inputs": [], "files": [],
            "counts": {"added": 0, "removed": 0, "changed": 0, "same": 1, "bytes": 0},
        }),
    );
    fake.on("GET /api/v1/search", &page(&[]));
    let transfers = json!({"paused": false, "limit_up": 0, "limit_down": 0, "transfers": []});
    for call in ["GET /api/v1/transfers", "POST /api/v1/transfers/pause"] {
        fake.on(call, &transfers);
    }
    fake.on("POST /api/v1/transfers/resume", &transfers);
    fake.on("GET /api/v1/contexts", &page(std::slice::from_ref(&context)));
    let contexts = ["POST /api/v1/contexts", "PUT /api/v1/contexts/current"];
    for call in contexts.into_iter().chain(["DELETE /api/v1/contexts/main"]) {
        fake.on(call, &context);
    }
    fake.on(
        "GET /api/v1/contexts/main/readable",
        &json!({
            "context": ContextId::from_bytes([2; 32]), "label": "main", "stacks": 1, "frames": 1,
            "bytes": 3, "examples": ["sales/weekly"], "access": "private",
        }),
    );
    let made = json!({"ticket": "dsp1abc", "info": ticket});
    fake.on("POST /api/v1/contexts/main/tickets", &made);
    let forked = json!({"context": context, "stacks": 1, "frames": 1, "left_out": ["x"]});
    fake.on("POST /api/v1/contexts/main/fork", &forked);
    let shared = json!({
        "stack": stack("sales/weekly"), "context": "for-bob", "created": true, "frames": 1,
        "readers": [{"user": UserId::from_bytes([4; 32]), "name": "bob"}], "lineage_withheld": 0,
    });
    fake.on("POST /api/v1/shares", &shared);
    let followed = json!({"context": context, "stacks": [], "synced": true, "known": false});
    fake.on_steps("POST /api/v1/follows", &followed);
    let pin = json!({
        "reference": "sales/weekly", "keep": "heads", "context": ContextId::from_bytes([2; 32]),
        "frames": 1, "files": 1, "bytes": 3, "bytes_here": 3, "since": "2026-11-16T09:30:00Z",
    });
    fake.on_steps("POST /api/v1/pins", &json!({"pin": pin, "fetched": fetched}));
    fake.on("GET /api/v1/pins", &page(std::slice::from_ref(&pin)));
    fake.on("DELETE /api/v1/pins", &json!({"pins": [pin]}));
    let dropped = json!({
        "frames": 1, "files": 1, "bytes": 3, "holders": [], "peers_asked": 1, "unconfirmed": [],
        "unconfirmed_total": 0, "stays": [], "stays_total": 0,
        "freed": {"blobs": 1, "bytes": 3, "pending": false},
    });
    fake.on_steps("POST /api/v1/drop", &dropped);
    let forgotten = json!({
        "reference": "sales/weekly@head~1", "frame": dsp_protocol::id::FrameId::from_bytes([1; 32]),
        "whole": true, "contexts": ["main"], "files": ["sales/weekly#a.txt"], "files_total": 1,
        "bytes": 3, "stays": [], "stays_total": 0, "done": true,
        "freed": {"blobs": 1, "bytes": 3, "pending": false},
    });
    fake.on("POST /api/v1/forget", &forgotten);
    let garbage = json!({
        "unnamed": {"blobs": 1, "bytes": 3}, "trashed": {"blobs": 0, "bytes": 0}, "removed": [], "collections_held": false,
    });
    fake.on("GET /api/v1/node/garbage", &garbage);
    for call in [
        "GET /api/v1/contexts/main",
        "PUT /api/v1/contexts/main/quota",
        "PATCH /api/v1/follows/main",
    ] {
        fake.on(call, &context);
    }
    fake.on("DELETE /api/v1/follows/main", &json!({"context": context}));
    fake.on("POST /api/v1/node/collect", &json!({"blobs": 1, "bytes": 3, "pending": false}));
    fake.on("GET /api/v1/tickets", &page(std::slice::from_ref(&ticket)));
    fake.on("DELETE /api/v1/tickets/09090909", &ticket);
    fake.on("GET /api/v1/peers", &page(std::slice::from_ref(&peer)));
    fake.on("PATCH /api/v1/peers/bob", &peer);
    fake.on("PATCH /api/v1/peers/bob/trust", &peer);
    for call in ["GET /api/v1/peers/bob", "PUT /api/v1/peers/bob/block"] {
        fake.on(call, &peer);
    }
    fake.on("DELETE /api/v1/peers/bob/block", &peer);
    let offer = json!({
        "context": ContextId::from_bytes([6; 32]), "label": "bob/plans", "declined": false,
        "from": {"user": UserId::from_bytes([4; 32]), "name": "bob"},
        "since": "2026-11-16T09:30:00Z",
    });
    fake.on("GET /api/v1/offers", &page(std::slice::from_ref(&offer)));
    fake.on("DELETE /api/v1/offers/bob%2Fplans", &offer);
    let member = json!({
        "user": UserId::from_bytes([4; 32]), "name": "bob", "role": "none", "by_ticket": false,
        "blocked": false, "stacks": 1,
        "cut_away": {"statements": 2, "stacks": ["model"], "elsewhere": 1},
    });
    fake.on("GET /api/v1/contexts/main/members", &page(std::slice::from_ref(&member)));
    for method in ["GET", "PUT", "DELETE"] {
        fake.on(&format!("{method} /api/v1/contexts/main/members/bob"), &member);
    }
    fake.on("POST /api/v1/contexts/main/members/bob/keep", &member);
    fake.on("GET /api/v1/node", &crate::start::status());
    fake.on("POST /api/v1/login-codes", &json!({"url": "http://127.0.0.1:7700/login?x"}));
    let token = json!({
        "id": "1f0c9a3b00000000", "name": "profile default", "scope": "push",
        "created": "2026-11-16T09:30:00Z",
    });
    fake.on("GET /api/v1/tokens", &page(std::slice::from_ref(&token)));
    fake.on("POST /api/v1/tokens", &json!({"token": "dsp_pat_1", "info": token}));
    fake.on("DELETE /api/v1/tokens/1f0c9a3b", &token);
    fake.on("GET /api/v1/identity", &me);
    fake.on("POST /api/v1/identity/backup", &json!({"words": "abandon ability able"}));
    devices(fake, &me);
    fake.on("GET /api/v1/settings", &page(std::slice::from_ref(&setting)));
    fake.on("PATCH /api/v1/settings", &page(&[setting]));
    fake.on_bytes("POST /api/v1/archives/export", 200, &archive());
    let came = json!({"accepted": 1, "known": 0, "waiting": 0, "left_out": 0});
    let taken = json!({
        "context": context, "partial": false, "changes": came, "frames": came, "blobs": came,
        "bytes": 3, "known": false,
    });
    fake.on("POST /api/v1/archives/import", &taken);
    fake.on_steps("POST /api/v1/node/examine", &json!({"checks": []}));
    fake.on("GET /api/v1/node/alone", &json!({"stacks": [], "backup_needed": false}));
    fake.on("POST /api/v1/node/stop", &json!({}));
    std::fs::write(fake.work().join("file"), "1").unwrap();
    std::fs::create_dir_all(fake.home().join("logs")).unwrap();
    std::fs::write(fake.home().join("logs/dspd.log"), "INFO one\nWARN two\n").unwrap();
}

/// What the verbs about devices and keys ask.
fn devices(fake: &Fake, me: &Value) {
    let device = json!({
        "device": DeviceId::from_bytes([6; 32]), "name": "desk", "state": "live", "this": false,
        "connected": true,
    });
    fake.on("GET /api/v1/identity/devices", &json!({"items": [device]}));
    let made = json!({"ticket": "dsppair1abc", "until": "2026-05-30T18:00:00Z"});
    fake.on("POST /api/v1/identity/pairing", &made);
    fake.on("POST /api/v1/identity/pairing/confirm", &device);
    let joined = json!({"user": me["user"], "name": "alice", "contexts": 1});
    fake.on_steps("POST /api/v1/identity/join", &joined);
    let revoked = json!({"device": device, "done": true, "contexts": []});
    fake.on("POST /api/v1/identity/devices/desk/revoke", &revoked);
    fake.on("POST /api/v1/identity/rotate", me);
    let recovered = json!({
        "user": me["user"], "name": "alice", "done": true, "moves": false, "after": 1,
        "first": 0, "undone": 0, "live": ["desk (06060606)"], "dropped": [],
    });
    fake.on("POST /api/v1/identity/recover", &recovered);
    std::fs::write(fake.work().join("words.txt"), "abandon ability able\n").unwrap();
}

/// Returns an archive that holds nothing but what it is about.
fn archive() -> Vec<u8> {
    let genesis = Genesis {
        owners: vec![UserId::from_bytes([3; 32])],
        nonce: [0; 16],
        kind: ContextKind::Team,
    };
    let (writer, mut bytes) = Writer::begin(&About { genesis, partial: false, ticket: None });
    bytes.extend(writer.end());
    bytes
}

#[test]
fn every_verb_prints_one_document_or_refuses() {
    let fake = Fake::new();
    answers(&fake);
    for args in DOCUMENTS {
        let ran = fake.dsp(&[args, &["--json"][..]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}: {ran:?}");
        assert!(serde_json::from_str::<Value>(&ran.out).is_ok(), "{args:?}: {ran:?}");
    }
    for args in REFUSED {
        let ran = fake.dsp(&[args, &["--json"][..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
        let problem: Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(problem["code"], "bad_request", "{args:?}");
    }
}

#[test]
fn no_verb_is_left_out() {
    let verbs = |args: &[&str]| -> BTreeSet<String> {
        let help = Fake::silent().dsp(&[args, &["--help"][..]].concat()).out;
        let list = help.split_once("\nCommands:\n").map_or("", |(_, list)| list);
        let lines = list.lines().take_while(|line| line.starts_with("  "));
        let words = lines.filter(|line| !line.starts_with("   "));
        words.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
    };
    let named: BTreeSet<&[&str]> = DOCUMENTS.iter().chain(REFUSED).copied().collect();
    for verb in verbs(&[]).iter().filter(|verb| *verb != "help") {
        let below = verbs(&[verb]);
        assert!(named.iter().any(|args| args[0] == verb), "{verb}");
        for sub in below.iter().filter(|sub| *sub != "help") {
            assert!(
                named.iter().any(|args| args.len() > 1 && args[..2] == [verb, sub]),
                "{verb} {sub}"
            );
        }
    }
}

#[test]
fn the_log_is_a_list_of_lines() {
    let fake = Fake::new();
    answers(&fake);
    let ran = fake.dsp(&["daemon", "logs", "-n", "1", "--json"]);
    let page: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(page["items"], json!([{"line": "WARN two"}]));
    assert_eq!(fake.dsp(&["daemon", "logs"]).out, "INFO one\nWARN two\n");
}

#[test]
fn the_log_is_followed_from_one_day_to_the_next() {
    let fake = Fake::new();
    answers(&fake);
    let mut command = fake.command(&["daemon", "logs", "-n", "1", "-f"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "WARN two");
    let (today, tomorrow) = (fake.home().join("logs/dspd.log"), "logs/dspd.log.9999-12-31");
    let mut log = std::fs::File::options().append(true).open(today).unwrap();
    // A line that is half written is not shown until it ends.
    log.write_all(b"INFO th").unwrap();
    log.write_all(b"ree\n").unwrap();
    assert_eq!(lines.next().unwrap(), "INFO three");
    std::fs::write(fake.home().join(tomorrow), "INFO four\n").unwrap();
    assert_eq!(lines.next().unwrap(), "INFO four");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_refusal_under_json_is_a_problem_alone() {
    let fake = Fake::new();
    answers(&fake);
    fake.write_client_file("0.0.0", Some(&fake.socket()), "http://127.0.0.1:9");
    assert_ne!(VERSION, "0.0.0");
    for args in [&["rm", "sales/weekly"][..], &["share"], &["context", "rm", "main"]] {
        let ran = fake.dsp(&[args, &["--json"][..]].concat());
        assert_eq!(ran.code, 4, "{args:?}: {ran:?}");
        assert!(serde_json::from_str::<Value>(&ran.err).is_ok(), "{args:?}: {ran:?}");
    }
}
