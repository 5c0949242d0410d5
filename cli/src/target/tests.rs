use std::io::Write as _;

use super::*;

/// Names that are not written anywhere.
fn malicious() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        "..",
        ".",
        "../x",
        "a/../../x",
        "a/./x",
        "/etc/passwd",
        "//x",
        "a//x",
        "a/",
        "C:\\x",
        "C:x",
        "c:/x",
        "..\\x",
        "a\\b",
        "\\\\host\\share",
        "a\0b",
        "a\nb",
        "\u{1b}[2J",
        "CON",
        "con.txt",
        "a/NUL",
        "aux.csv",
        "LPT1",
        "com9.log",
        "com\u{b9}.log",
        "LPT\u{b3}",
        "COM0",
        "a.",
        "a ",
        "a./b",
        "cod\u{202e}exe.txt",
        "\u{2067}x",
        "\u{feff}x",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(4096));
    names.push("x".repeat(256));
    names.push("x/".repeat(600) + "x");
    names
}

#[test]
fn malicious_names_are_refused() {
    for name in malicious() {
        assert!(check(&name).is_err(), "{name:?}");
    }
}

#[test]
fn names_of_every_day_are_written() {
    for name in
        ["a", "a/b/c.txt", ".hidden", "a b", "2026-11-16T09:30.csv", "grün/東京", "..a", "comet"]
    {
        assert_eq!(check(name), Ok(()), "{name:?}");
    }
}

#[test]
fn paths_that_exclude_each_other_are_refused() {
    assert!(check_together(["a", "b/c", "b/d"].into_iter()).is_ok());
    assert!(check_together(["a", "a"].into_iter()).is_err());
    assert!(check_together(["a", "a/b"].into_iter()).is_err());
    assert!(check_together(["a/b/c", "a/b"].into_iter()).is_err());
}

#[test]
fn a_file_appears_when_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(&dir.path().join("out")).unwrap();
    let mut part = folder.begin("a/b.txt", Mode::Plain).unwrap();
    part.file.write_all(b"hello").unwrap();
    assert!(matches!(folder.present("a/b.txt").unwrap(), Present::Nothing));
    part.keep(Replace::Never).unwrap();
    assert_eq!(std::fs::read(dir.path().join("out/a/b.txt")).unwrap(), b"hello");
    assert!(matches!(folder.present("a/b.txt").unwrap(), Present::File(_)));
    drop(folder.begin("a/c.txt", Mode::Plain).unwrap());
    assert_eq!(std::fs::read_dir(dir.path().join("out/a")).unwrap().count(), 1);
}

#[test]
fn what_is_there_stays_unless_told_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    std::fs::write(dir.path().join("x"), "old").unwrap();
    let part = folder.begin("x", Mode::Plain).unwrap();
    assert_eq!(part.keep(Replace::Never).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"old");
    folder.begin("x", Mode::Plain).unwrap().keep(Replace::Files).unwrap();
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "mine").unwrap();
    let root = dir.path().join("in");
    let folder = Folder::create(&root).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.join("file"), root.join("leaf")).unwrap();

    assert!(folder.begin("link/new", Mode::Plain).is_err());
    assert!(folder.begin("link/deep/new", Mode::Plain).is_err());
    assert!(matches!(folder.present("link/file").unwrap(), Present::Other(_)));
    assert!(matches!(folder.present("leaf").unwrap(), Present::Other("a link")));

    // Even where replacing is asked for, the link goes and its target stays.
    let mut part = folder.begin("leaf", Mode::Plain).unwrap();
    part.file.write_all(b"new").unwrap();
    part.keep(Replace::Files).unwrap();
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

/// A hard link is another name of one file: writing into it would write elsewhere too.
#[cfg(unix)]
#[test]
fn a_hard_link_is_replaced_and_its_other_names_keep_their_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (mine, root) = (dir.path().join("mine"), dir.path().join("in"));
    std::fs::write(&mine, "mine").unwrap();
    let folder = Folder::create(&root).unwrap();
    std::fs::hard_link(&mine, root.join("leaf")).unwrap();
    let mut part = folder.begin("leaf", Mode::Plain).unwrap();
    part.file.write_all(b"new").unwrap();
    part.keep(Replace::Files).unwrap();
    assert_eq!(std::fs::read(root.join("leaf")).unwrap(), b"new");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    let part = folder.begin("leaf", Mode::Plain).unwrap();
    assert!(part.keep(Replace::Never).is_err());
}

#[test]
fn names_that_the_folder_takes_for_one_are_found() {
    use super::apart::{are_one, confused_where};
    let every = |_: &str, _: &str| Ok(true);
    let find = |paths: &[&'static str]| {
        let found = confused_where(paths.iter().copied(), every).unwrap();
        found.map(|collision| (collision.first, collision.second))
    };
    let pair = |one: &str, other: &str| Some((one.to_owned(), other.to_owned()));
    assert_eq!(find(&["a", "b/a", "c/a"]), None);
    assert_eq!(find(&["README", "x", "readme"]), pair("README", "readme"));
    assert_eq!(find(&["Data/a", "data/b"]), pair("Data", "data"));
    assert_eq!(find(&["a/stra\u{df}e", "a/STRASSE"]), pair("a/stra\u{df}e", "a/STRASSE"));
    let apart = confused_where(["A", "a"].into_iter(), |_, _| Ok(false)).unwrap();
    assert!(apart.is_none());

    let dir = tempfile::tempdir().unwrap();
    assert!(are_one(dir.path(), "a", "a").unwrap());
    assert!(!are_one(dir.path(), "a", "b").unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing of it stays");
}

#[cfg(unix)]
#[test]
fn a_walk_refuses_what_the_check_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(&dir.path().join("in")).unwrap();
    for path in ["../x", "a/../../x", "/x", ".."] {
        assert!(folder.begin(path, Mode::Plain).is_err(), "{path}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn programs_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    folder.begin("run.sh", Mode::Executable).unwrap().keep(Replace::Never).unwrap();
    let mode = dir.path().join("run.sh").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
}
