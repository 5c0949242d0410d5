//! `dsp push`: what is sent for which arguments.

use dsp_protocol::api::{BlobPut, Pushed};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use serde_json::json;

use crate::fake::{Fake, run};

pub(crate) fn pushed() -> Pushed {
    Pushed {
        frame: FrameId::from_bytes([7; 32]),
        reference: "sales/weekly".into(),
        context: ContextId::from_bytes([2; 32]),
        files: 2,
        bytes: 41_000_000,
        created: true,
        unchanged: false,
        tags: vec![],
        restored: 0,
        peers: 0,
    }
}

#[test]
fn files_are_named_by_absolute_path_and_read_by_the_daemon() {
    let fake = Fake::new();
    fake.on_steps("POST /api/v1/frames", &pushed());
    std::fs::create_dir(fake.work().join("data")).unwrap();
    std::fs::write(fake.work().join("data/report.csv"), "a,b").unwrap();
    let args = ["push", "sales/weekly", "data/report.csv", "data", "-m", "week 46"];
    let more = ["--param", "region=EU", "--param", "n=3", "--metric", "loss=0.5", "--tag", "v1"];
    let ran = fake.dsp(&[&args[..], &more[..], &["--input", "raw@v2"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("frame 07070707  sales/weekly  2 files, 41 MB  "), "{ran:?}");
    assert_eq!(ran.err, "half way\n");
    let work = fake.work();
    let seen = fake.only("POST /api/v1/frames");
    assert_eq!(seen.token.as_deref(), Some("Bearer secret"));
    assert_eq!(
        seen.json(),
        json!({
            "stack": "sales/weekly",
            "message": "week 46",
            "params": {"region": "EU", "n": 3},
            "metrics": {"loss": 0.5},
            "files": [
                {"path": "report.csv", "source": work.join("data/report.csv")},
                {"path": "data", "source": work.join("data")},
            ],
            "tags": ["v1"],
            "inputs": ["raw@v2"],
            "settings": {"client": {"client": "dsp", "version": env!("CARGO_PKG_VERSION")}},
        })
    );
}

#[test]
fn standard_input_is_uploaded_and_named() {
    let fake = Fake::new();
    let bytes = b"x,y\n1,2\n".repeat(100_000);
    let put = BlobPut { hash: BlobHash::of(&bytes), size: bytes.len() as u64 };
    fake.on("PUT /api/v1/blobs", &put);
    fake.on_steps("POST /api/v1/frames", &pushed());
    let ran = run(fake.command(&["push", "sales/weekly", "-", "--name", "r.csv"]), &bytes);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fake.only("PUT /api/v1/blobs").body, bytes);
    let frame = fake.only("POST /api/v1/frames").json();
    assert_eq!(frame["files"], json!([{"path": "r.csv", "hash": put.hash}]));
}

#[test]
fn an_upload_that_arrives_as_something_else_is_not_pushed() {
    let fake = Fake::new();
    fake.on("PUT /api/v1/blobs", &BlobPut { hash: BlobHash::of(b"other"), size: 5 });
    let ran = run(fake.command(&["push", "sales/weekly", "-", "--name", "r.csv"]), b"bytes");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_sent() {
    let fake = Fake::new();
    std::fs::write(fake.work().join("a"), "1").unwrap();
    for (args, code) in [
        (&["push", "s", "-"][..], 2),
        (&["push", "s", "a", "--name", "x"], 2),
        (&["push", "s", "a", "--param", "k"], 2),
        (&["push", "s", "a", "--param", "k=1", "--param", "k=2"], 2),
        (&["push", "s", "a", "--metric", "k=high"], 2),
        (&["push", "s", "missing"], 3),
        (&["push"], 2),
        (&["push", "s"], 2),
        (&["push", "s", "-m", "week 46", "--tag", "v1"], 2),
    ] {
        let ran = fake.dsp(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.starts_with("error: "), "{ran:?}");
    }
    let ran = fake.dsp(&["push", "s", "a", "./a"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(fake.seen().is_empty());
}

#[test]
fn a_forgotten_argument_pushes_nothing() {
    let fake = Fake::new();
    std::fs::write(fake.work().join("bin.dat"), "1").unwrap();
    let ran = fake.dsp(&["push", "bin.dat"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("hint: did you mean `dsp push STACK bin.dat`?\n"), "{ran:?}");
    assert!(fake.seen().is_empty());
    fake.on_steps("POST /api/v1/frames", &pushed());
    let ran = fake.dsp(&["push", "sales/weekly", "--metric", "loss=0.5"]);
    assert_eq!(ran.code, 0, "parameters and metrics are something: {ran:?}");
}

#[test]
fn what_was_done_to_an_unchanged_head_is_told() {
    let fake = Fake::new();
    std::fs::write(fake.work().join("a"), "1").unwrap();
    let mut unchanged = Pushed { unchanged: true, ..pushed() };
    let mut push = |tags: &[&str], restored| {
        unchanged.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        unchanged.restored = restored;
        fake.on_steps("POST /api/v1/frames", &unchanged);
        fake.dsp(&["push", "sales/weekly", "a"]).out
    };
    let frame = "frame 07070707  sales/weekly  unchanged; ";
    assert_eq!(push(&[], 0), format!("{frame}nothing pushed\n"));
    assert_eq!(push(&["v3"], 0), format!("{frame}tag v3 put\n"));
    assert_eq!(push(&["v3", "v4"], 1), format!("{frame}tags v3, v4 put; 1 blob restored\n"));
}

#[test]
fn a_folder_with_a_slash_is_walked_by_the_daemon() {
    let fake = Fake::new();
    fake.on_steps("POST /api/v1/frames", &pushed());
    std::fs::create_dir(fake.work().join("data")).unwrap();
    let ran = fake.dsp(&["push", "s", "data/", "--exclude", "*.tmp", "--exclude", ".venv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let frame = fake.only("POST /api/v1/frames").json();
    assert_eq!(frame["files"], json!([{"path": ".", "source": fake.work().join("data/")}]));
    assert_eq!(frame["exclude"], json!(["*.tmp", ".venv"]));
}
