//! Results on stdout, the rest on stderr, exit codes, questions.

use dsp_protocol::api::{
    AccessName, Fault, Page, Problem, ProblemCode, Readable, RoleName, TicketInfo, TicketMade,
    Verified,
};
use dsp_protocol::id::{ContextId, DeviceId, PublicKey, UserId};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::{frame, head, stack};

fn page(items: &[impl serde::Serialize]) -> Page {
    let items = items.iter().map(|item| serde_json::to_value(item).unwrap()).collect();
    Page { items, next_cursor: None, note: None }
}

#[test]
fn each_problem_has_its_exit_code_and_is_told_in_full() {
    let fake = Fake::new();
    for (code, exit) in [
        (ProblemCode::Internal, 1),
        (ProblemCode::BadRequest, 2),
        (ProblemCode::NotFound, 3),
        (ProblemCode::Refused, 4),
        (ProblemCode::Stopping, 5),
        (ProblemCode::Ambiguous, 6),
    ] {
        let mut problem = Problem::new(code, "no stack `x`").with_hint("look at `dsp ls`");
        problem.causes = vec!["it was removed".into()];
        fake.on_problem("GET /api/v1/frame", problem.clone());
        let ran = fake.dsp(&["show", "x"]);
        assert_eq!(ran.code, exit, "{ran:?}");
        assert_eq!(ran.out, "");
        assert_eq!(ran.err, "error: no stack `x`\ncause: it was removed\nhint: look at `dsp ls`\n");
        let ran = fake.dsp(&["show", "x", "--json"]);
        assert_eq!(serde_json::from_str::<Problem>(&ran.err).unwrap(), problem);
    }
}

#[test]
fn wrong_usage_is_a_problem_too() {
    let fake = Fake::new();
    let ran = fake.dsp(&["show", "--json", "--nothing"]);
    assert_eq!(ran.code, 2);
    let problem: Problem = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(problem.code, ProblemCode::BadRequest);
    assert_eq!(fake.dsp(&["show", "--help"]).code, 0);
}

#[test]
fn lists_are_tables_or_one_document() {
    let fake = Fake::new();
    let mut evil = stack("mallory:x");
    evil.head.as_mut().unwrap().message = Some("\x1b]0;owned\x07 \u{202e}gpj".into());
    fake.on("GET /api/v1/stacks", &page(&[stack("sales/weekly"), evil]));
    let ran = fake.dsp(&["ls"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("STACK         FRAME     FILES   SIZE  PUSHED"), "{}", ran.out);
    assert!(lines[1].starts_with("sales/weekly  07070707      2  41 MB  "), "{}", ran.out);
    assert!(lines[1].ends_with("week 46"), "{}", ran.out);
    assert!(!ran.out.contains(['\x1b', '\x07', '\u{202e}']), "{:?}", ran.out);
    let ran = fake.dsp(&["ls", "--json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["items"][0], serde_json::to_value(stack("sales/weekly")).unwrap());
}

#[test]
fn a_name_is_a_pattern_only_where_asked_for() {
    let fake = Fake::new();
    fake.on("GET /api/v1/stacks", &page(&[stack("sales/weekly"), stack("model")]));
    fake.on("GET /api/v1/contexts", &page(&[] as &[Value]));
    let ran = fake.dsp(&["ls", "--glob", "sales/*"]);
    assert!(ran.out.contains("sales/weekly") && !ran.out.contains("model"), "{ran:?}");
    fake.dsp(&["ls", "sales/*"]);
    let asked = fake.seen().last().unwrap().query.clone();
    assert_eq!(asked, "q=sales%2F%2A&limit=500");
}

#[test]
fn several_heads_are_warned_of_or_fail() {
    let fake = Fake::new();
    let mut twofold = stack("model");
    twofold.other_heads = vec![head(8)];
    fake.on("GET /api/v1/frame", &frame(twofold, &[("a", b"1")]));
    let ran = fake.dsp(&["show", "model"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.starts_with("warning: model has 2 heads, pushed while apart; "), "{ran:?}");
    let ran = fake.dsp(&["show", "model", "--strict"]);
    assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{ran:?}");
    assert!(ran.err.contains("fits: model@head^2\n"), "{ran:?}");
    assert_eq!(fake.dsp(&["show", "model@head^2", "--strict"]).code, 0);
}

#[test]
fn removing_has_to_be_confirmed() {
    let fake = Fake::new();
    fake.on("GET /api/v1/stack", &stack("sales/weekly"));
    fake.on("DELETE /api/v1/stack", &stack("sales/weekly"));
    let ran = fake.dsp(&["rm", "sales/weekly"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let told = "removes sales/weekly with its history, head 07070707 (2 files, 41 MB)\n";
    assert!(ran.err.starts_with(told), "{ran:?}");
    assert!(fake.seen().iter().all(|seen| seen.call.starts_with("GET")));
    let ran = fake.dsp(&["rm", "sales/weekly", "--yes"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "removed sales/weekly\n"));
    fake.only("DELETE /api/v1/stack");
}

#[test]
fn sharing_has_to_be_confirmed_and_prints_the_ticket_alone() {
    let fake = Fake::new();
    let readable = Readable {
        context: ContextId::from_bytes([2; 32]),
        label: "main".into(),
        stacks: 12,
        removed: 1,
        frames: 40,
        bytes: 41_000_000,
        examples: vec!["sales/weekly".into()],
        access: AccessName::Private,
    };
    let info = TicketInfo {
        key: PublicKey::from_bytes([9; 32]),
        context: ContextId::from_bytes([2; 32]),
        label: "main".into(),
        role: RoleName::Reader,
        until: Some("2026-11-23T09:30:00Z".into()),
        uses: None,
        revoked: false,
        admitted: vec![],
    };
    fake.on("GET /api/v1/contexts/main/readable", &readable);
    fake.on("POST /api/v1/contexts/main/tickets", &TicketMade { ticket: "dsp1abc".into(), info });
    let ran = fake.dsp(&["share", "main"]);
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
    assert!(ran.err.contains("reads main: 12 stacks, 40 frames, 41 MB"), "{ran:?}");
    assert!(ran.err.contains("\nof 1 removed stack the frames can still be read"), "{ran:?}");
    assert_eq!(fake.seen().len(), 1);
    let ran = fake.dsp(&["share", "main", "--expires", "12h", "--uses", "3", "--yes"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "dsp1abc\n"), "{ran:?}");
    let asked = fake.only("POST /api/v1/contexts/main/tickets").json();
    assert_eq!(asked, json!({"role": "reader", "expires_seconds": 43200, "uses": 3}));
}

#[test]
fn faults_are_listed_and_fail() {
    let fake = Fake::new();
    let fault = Fault { what: "report.csv".into(), id: "ab".into(), reason: "got cd".into() };
    let verified =
        Verified { heads: 1, frames: 2, blobs: 3, bytes: 4000, not_here: 1, faults: vec![] };
    fake.on_steps("POST /api/v1/verify", &verified);
    let ran = fake.dsp(&["verify"]);
    let held = "checked 1 head, 2 frames, 3 blobs, 4.0 kB; 1 blob not here\neverything holds\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, held));
    fake.on_steps("POST /api/v1/verify", &Verified { faults: vec![fault], ..verified });
    let ran = fake.dsp(&["verify", "sales/weekly"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("report.csv  ab  got cd\n"), "{ran:?}");
    assert!(ran.err.contains("error: 1 fault found\n"), "{ran:?}");
}

#[test]
fn the_words_of_the_recovery_key_are_not_shown_unasked() {
    let fake = Fake::new();
    fake.on("POST /api/v1/identity/backup", &json!({"words": "abandon ability able"}));
    assert_eq!(fake.dsp(&["id", "backup"]).code, 4);
    assert!(fake.seen().is_empty());
    let ran = fake.dsp(&["id", "backup", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["words"], "abandon ability able");
    assert_eq!(fake.seen().len(), 1, "printing the words says nothing of keeping them");
}

#[test]
fn an_answer_that_breaks_off_is_an_error() {
    let fake = Fake::new();
    fake.on_bytes("POST /api/v1/verify", 200, b"{\"step\":\"note\",\"text\":\"x\"}\n");
    let ran = fake.dsp(&["verify"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    fake.on_bytes("POST /api/v1/verify", 200, b"nonsense\n");
    assert_eq!(fake.dsp(&["verify"]).code, 1);
}

#[test]
fn pages_are_read_to_the_end() {
    let fake = Fake::new();
    let first = Page { next_cursor: Some("c1".into()), ..page(&[stack("a")]) };
    fake.on("GET /api/v1/stacks", &first);
    // The same cursor again would go on for ever; it ends there.
    let ran = fake.dsp(&["ls"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let queries: Vec<String> = fake.seen().iter().map(|seen| seen.query.clone()).collect();
    assert_eq!(queries, ["limit=500", "limit=500&cursor=c1"]);
}

#[test]
fn completions_and_manual_pages_need_no_daemon() {
    let fake = Fake::silent();
    for shell in ["bash", "zsh", "fish"] {
        let ran = fake.dsp(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("unfollow"), "{shell}");
    }
    assert_eq!(fake.dsp(&["man", "pages"]).code, 0);
    let page = std::fs::read_to_string(fake.work().join("pages/dsp-push.1")).unwrap();
    assert!(page.contains("Make a new frame"), "{page}");
}

#[test]
fn stacks_of_mine_are_dropped_only_when_confirmed() {
    let fake = Fake::new();
    let mut mine = stack("me:work");
    mine.user = UserId::from_bytes([9; 32]);
    fake.on(
        "GET /api/v1/identity",
        &json!({
            "user": mine.user, "name": "bob", "root": PublicKey::from_bytes([8; 32]),
            "device": DeviceId::from_bytes([5; 32]), "devices": [], "backup_needed": false, "backup": "done",
            "log_entries": 2,
        }),
    );
    fake.on("GET /api/v1/stacks", &page(&[stack("alice:lead"), mine]));
    let freed = json!({"freed": {"blobs": 1, "bytes": 9, "pending": false}});
    fake.on("DELETE /api/v1/follows/alice%2Fr2", &freed);
    let ran = fake.dsp(&["unfollow", "alice/r2", "--drop"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("1 stack of yours") && ran.err.contains("me:work"), "{ran:?}");
    assert!(!ran.err.contains("alice:lead"), "{ran:?}");
    assert!(fake.seen().iter().all(|seen| seen.call.starts_with("GET")));
    let ran = fake.dsp(&["unfollow", "alice/r2", "--drop", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fake.only("DELETE /api/v1/follows/alice%2Fr2").query, "copy=drop-own");
    fake.on("GET /api/v1/stacks", &page(&[stack("alice:lead")]));
    assert_eq!(fake.dsp(&["unfollow", "alice/r2", "--drop"]).code, 0);
    assert_eq!(fake.seen().last().unwrap().query, "copy=drop");
}

#[test]
fn what_a_listing_does_not_find_is_no_empty_list() {
    let fake = Fake::new();
    fake.on("GET /api/v1/stacks", &page(&[] as &[Value]));
    fake.on("GET /api/v1/contexts", &page(&[] as &[Value]));
    let near = Problem::new(ProblemCode::NotFound, "no stack").with_hint("did you mean `model`?");
    fake.on_problem("GET /api/v1/stack", near);
    let ran = fake.dsp(&["ls", "modle"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    let told = "error: no context and no stack name holds `modle`\nhint: did you mean `model`?\n";
    assert_eq!(ran.err, told);
    let ran = fake.dsp(&["ls", "p*"]);
    assert!(ran.code == 3 && ran.err.contains("hint: `dsp ls --glob 'p*'`"), "{ran:?}");
    assert_eq!(fake.dsp(&["ls", "--glob", "p*"]).code, 3);
    assert_eq!(fake.dsp(&["ls"]).code, 0, "an empty context is no error");
}

#[test]
fn an_attachment_is_shown_with_its_hash() {
    let fake = Fake::new();
    let frame = frame(stack("model"), &[("a.bin", b"one"), ("b.bin", b"22")]);
    fake.on("GET /api/v1/frame", &frame);
    let out = fake.dsp(&["show", "model#b.bin"]).out;
    assert!(
        out.starts_with("b.bin  of model frame 07070707\nsize  2 B (2 bytes), here\n"),
        "{out}"
    );
    assert!(out.contains(&frame.files[1].hash.to_string()) && !out.contains("a.bin"), "{out}");
}
