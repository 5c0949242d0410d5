//! `dsp get` and `dsp cat`: what is written, and above all what is not.

use std::path::Path;

use dsp_protocol::api::{Fetched, FrameInfo};
use dsp_protocol::id::BlobHash;

use crate::fake::Fake;
use crate::{frame, stack};

fn serve(fake: &Fake, files: &[(&str, &[u8])]) -> FrameInfo {
    let frame = frame(stack("sales/weekly"), files);
    fake.on("GET /api/v1/frame", &frame);
    for (_, bytes) in files {
        fake.on_bytes(&format!("GET /api/v1/blobs/{}", BlobHash::of(bytes)), 200, bytes);
    }
    frame
}

/// Lists every file below a folder.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.symlink_metadata().unwrap().is_dir() {
                true => left.push(path),
                false => found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn files_land_in_a_folder_named_like_the_stack() {
    let fake = Fake::new();
    serve(&fake, &[("a.txt", b"one"), ("deep/er/b.txt", b"two"), ("empty", b"")]);
    let ran = fake.dsp(&["get", "sales/weekly"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out, "sales/weekly -> weekly  3 files, 6 B\n");
    assert_eq!(tree(&fake.work()), ["weekly/a.txt", "weekly/deep/er/b.txt", "weekly/empty"]);
    let again = fake.dsp(&["get", "sales/weekly"]);
    assert_eq!(again.out, "sales/weekly -> weekly  0 files, 0 B; 3 files are the same already\n");
}

#[test]
fn one_attachment_goes_where_it_is_told() {
    let fake = Fake::new();
    serve(&fake, &[("figures/plot.svg", b"<svg/>"), ("b", b"2")]);
    let get = |args: &[&str]| {
        let ran = fake.dsp(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
    };
    assert_eq!(
        get(&["get", "sales/weekly#figures/plot.svg"]),
        "sales/weekly -> ./plot.svg  1 file, 6 B\n"
    );
    get(&["get", "sales/weekly#figures/plot.svg", "-o", "x/y.svg"]);
    get(&["get", "sales/weekly#1", "-o", "x/"]);
    assert_eq!(tree(&fake.work()), ["plot.svg", "x/b", "x/y.svg"]);
    assert_eq!(fake.dsp(&["get", "sales/weekly#nothing"]).code, 3);
}

#[test]
fn a_file_that_differs_stops_it_before_anything_is_written() {
    let fake = Fake::new();
    serve(&fake, &[("a.txt", b"one"), ("b.txt", b"two")]);
    std::fs::create_dir(fake.work().join("out")).unwrap();
    std::fs::write(fake.work().join("out/b.txt"), "mine").unwrap();
    let ran = fake.dsp(&["get", "sales/weekly", "-o", "out"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.starts_with("error: in the way, and different: out/b.txt\n"), "{ran:?}");
    assert_eq!(tree(&fake.work()), ["out/b.txt"]);
    assert_eq!(fake.dsp(&["get", "sales/weekly", "-o", "out", "--force"]).code, 0);
    assert_eq!(std::fs::read(fake.work().join("out/b.txt")).unwrap(), b"two");
}

#[test]
fn bytes_that_are_not_what_the_frame_says_are_never_written() {
    for wrong in [&b"evil bytes"[..], b"goo", b"good bytes and more"] {
        let fake = Fake::new();
        serve(&fake, &[("a.txt", b"good bytes")]);
        fake.on_bytes(&format!("GET /api/v1/blobs/{}", BlobHash::of(b"good bytes")), 200, wrong);
        let ran = fake.dsp(&["get", "sales/weekly"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(tree(&fake.work()).is_empty());
        assert_eq!(fake.dsp(&["cat", "sales/weekly#a.txt"]).code, 1);
    }
}

#[test]
fn no_name_of_a_frame_leads_out_of_the_folder() {
    for name in
        ["../x", "/tmp/dsp-test-x", "a/../../x", "a\\..\\..\\x", "C:\\x", "a\0b", "a/", "CON"]
    {
        let fake = Fake::new();
        serve(&fake, &[("good.txt", b"one"), (name, b"evil")]);
        let ran = fake.dsp(&["get", "sales/weekly", "-o", "out"]);
        assert_eq!(ran.code, 4, "{name:?}: {ran:?}");
        assert!(tree(&fake.work()).is_empty(), "{name:?}");
    }
    assert!(!Path::new("/tmp/dsp-test-x").exists());
}

#[test]
fn a_stack_whose_name_is_a_way_out_needs_another_folder() {
    let fake = Fake::new();
    fake.on("GET /api/v1/frame", &frame(stack("sales/.."), &[("x", b"")]));
    assert_eq!(fake.dsp(&["get", "evil"]).code, 4);
    assert!(tree(&fake.work()).is_empty());
}

#[test]
fn links_in_the_folder_are_not_followed() {
    let fake = Fake::new();
    serve(&fake, &[("link/a.txt", b"one"), ("leaf", b"two")]);
    let (outside, out) = (fake.work().join("outside"), fake.work().join("out"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(&out).unwrap();
    std::os::unix::fs::symlink(&outside, out.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.join("new"), out.join("leaf")).unwrap();
    for args in [
        &["get", "sales/weekly", "-o", "out"][..],
        &["get", "sales/weekly", "-o", "out", "--force"],
    ] {
        let ran = fake.dsp(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(tree(&outside).is_empty());
    }
}

#[test]
fn bytes_that_are_not_here_are_fetched_first() {
    let fake = Fake::new();
    let mut info = serve(&fake, &[("a.txt", b"one")]);
    info.files[0].here = false;
    fake.on("GET /api/v1/frame", &info);
    let fetched = Fetched { files: 1, bytes: 3, already_here: 0, missing: vec![] };
    fake.on_steps("POST /api/v1/fetch", &fetched);
    assert_eq!(fake.dsp(&["get", "sales/weekly"]).code, 0);
    let asked = fake.only("POST /api/v1/fetch").json();
    assert_eq!(asked["ref"], format!("sales/weekly@{}", info.id));

    let missing = Fetched { files: 0, bytes: 0, already_here: 0, missing: vec!["a.txt".into()] };
    fake.on_steps("POST /api/v1/fetch", &missing);
    let ran = fake.dsp(&["get", "sales/weekly", "-o", "other"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("nobody reachable has 1 file: a.txt"), "{ran:?}");
    assert!(!fake.work().join("other").exists());
}

#[test]
fn cat_writes_the_bytes_alone() {
    let fake = Fake::new();
    serve(&fake, &[("a.txt", b"one\n"), ("b.txt", b"two\n")]);
    let ran = fake.dsp(&["cat", "sales/weekly#b.txt"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "two\n", ""));
    let ran = fake.dsp(&["cat", "sales/weekly"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.err.contains("fits: sales/weekly#a.txt\n"), "{ran:?}");
}

#[test]
fn a_folder_of_a_frame_is_written_without_what_is_beside_it() {
    let fake = Fake::new();
    let files: &[(&str, &[u8])] =
        &[("data/raw/a.csv", b"one"), ("data/raw/deep/b.csv", b"two"), ("data/c.csv", b"3")];
    serve(&fake, files);
    let ran = fake.dsp(&["get", "sales/weekly#data/raw/"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "sales/weekly -> raw  2 files, 6 B\n"));
    assert_eq!(fake.dsp(&["get", "sales/weekly#data/raw", "-o", "x"]).code, 0);
    assert_eq!(tree(&fake.work()), ["raw/a.csv", "raw/deep/b.csv", "x/a.csv", "x/deep/b.csv"]);
    assert_eq!(fake.dsp(&["get", "sales/weekly#dat"]).code, 3);

    let evil = Fake::new();
    serve(&evil, &[("sub/../../x", b"evil")]);
    let ran = evil.dsp(&["get", "sales/weekly#sub/", "-o", "out"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(tree(&evil.work()).is_empty());
}

#[test]
fn places_that_cannot_be_meant_are_named() {
    let fake = Fake::new();
    serve(&fake, &[("a.txt", b"one"), ("b.txt", b"two")]);
    let ran = fake.dsp(&["get", "sales/weekly#a.txt", "-o", "-"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("`dsp cat REF#PATH`"), "{ran:?}");
    std::fs::write(fake.work().join("file"), "mine").unwrap();
    let ran = fake.dsp(&["get", "sales/weekly", "-o", "file"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.starts_with("error: file is a file, and -o names a folder here\n"), "{ran:?}");
    assert_eq!(tree(&fake.work()), ["file"]);
}
