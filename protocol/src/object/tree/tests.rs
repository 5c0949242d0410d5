use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cbor::Map;
use crate::id::BlobHash;
use crate::name::AttachmentPath;
use crate::object::directory::{Branch, Directory, Entry, EntryKind, Node};
use crate::object::{BlobRef, Mode};

type Store = BTreeMap<BlobHash, Vec<u8>>;

fn path(text: &str) -> AttachmentPath {
    text.parse().expect(text)
}

fn file(text: &str) -> (AttachmentPath, BlobRef, Mode) {
    (path(text), BlobRef::of(text.as_bytes()), Mode::Plain)
}

/// Builds a tree and returns its root and its objects.
fn build(files: impl IntoIterator<Item = (AttachmentPath, BlobRef, Mode)>) -> (BlobRef, Store) {
    let mut store = Store::new();
    let mut builder = TreeBuilder::new();
    for (path, blob, mode) in files {
        builder.push(path, blob, mode).unwrap();
        store.extend(builder.take_objects().into_iter().map(|o| (o.blob.hash, o.bytes)));
    }
    let (root, rest) = builder.finish().unwrap();
    store.extend(rest.into_iter().map(|o| (o.blob.hash, o.bytes)));
    (root, store)
}

fn walk(root: &BlobRef, store: &Store) -> Result<Vec<TreeFile>, TreeReadError> {
    let mut walk = TreeWalk::new(root.clone());
    let mut files = Vec::new();
    loop {
        match walk.step()? {
            Step::Need(blob) => walk.supply(&store[&blob.hash])?,
            Step::File(file) => files.push(file),
            Step::Done => return Ok(files),
        }
    }
}

fn look_up(root: &BlobRef, store: &Store, path: AttachmentPath) -> (Lookup, usize) {
    let mut lookup = TreeLookup::new(root.clone(), path);
    let mut asked = 0;
    loop {
        match lookup.step().unwrap() {
            Lookup::Need(blob) => lookup.supply(&store[&blob.hash]).unwrap(),
            over => return (over, asked),
        }
        asked += 1;
    }
}

fn error(paths: &[&str]) -> TreeBuildError {
    let mut builder = TreeBuilder::new();
    let push = |p: &&str| builder.push(path(p), BlobRef::of(b""), Mode::Plain);
    match paths.iter().try_for_each(push) {
        Err(error) => error,
        Ok(()) => builder.finish().expect_err("the paths clash"),
    }
}

#[test]
fn what_goes_in_comes_out() {
    let mut files: Vec<_> =
        ["README", "a/b/c.csv", "a/b-c", "a/b/d.csv", "z", "a-b/x"].map(file).to_vec();
    files[0].2 = Mode::Executable;
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let (root, store) = build(files.clone());
    let read = walk(&root, &store).unwrap();
    let read: Vec<_> = read.into_iter().map(|f| (f.path, f.blob, f.mode)).collect();
    assert_eq!(read, files);
    for (path, blob, mode) in files {
        let found = Found::File(TreeFile { path: path.clone(), blob, mode });
        assert_eq!(look_up(&root, &store, path).0, Lookup::Found(found));
    }
    for missing in ["0", "a/b/c", "zz", "z/a", "a/x/y"] {
        assert_eq!(look_up(&root, &store, path(missing)).0, Lookup::Missing, "{missing}");
    }
    let (Lookup::Found(Found::Folder(folder)), _) = look_up(&root, &store, path("a/b")) else {
        panic!("a folder is found");
    };
    let below: Vec<_> = walk(&folder, &store).unwrap().into_iter().map(|f| f.path).collect();
    assert_eq!(below, ["c.csv", "d.csv"].map(path));
}

#[test]
fn paths_that_clash_are_refused() {
    assert_eq!(error(&[]), TreeBuildError::Empty);
    assert!(matches!(error(&["b", "a"]), TreeBuildError::Order { .. }));
    assert!(matches!(error(&["a", "a"]), TreeBuildError::Order { .. }));
    assert!(matches!(error(&["a-b", "a/b"]), TreeBuildError::Order { .. }));
    assert!(matches!(error(&["a", "a/b"]), TreeBuildError::FileIsFolder { .. }));
    assert!(matches!(error(&["x/a", "x/a/b"]), TreeBuildError::FileIsFolder { .. }));
    for paths in [["README", "readme"], ["A/x", "a/y"], ["d/\u{c4}", "d/\u{e4}"], ["A", "a/b"]] {
        assert!(matches!(error(&paths), TreeBuildError::Collision { .. }), "{paths:?}");
    }
    // The same name in different folders is no clash.
    build(["a/README", "b/readme"].map(file));
}

#[test]
fn a_tree_is_no_deeper_than_its_reader_goes() {
    let deep = |n: usize| ["d"; 64][..n].join("/");
    let (root, store) = build([file(&deep(64))]);
    assert_eq!(walk(&root, &store).unwrap().len(), 1);
    assert_eq!(look_up(&root, &store, path(&deep(64))).1, 64);
    let deeper = format!("{}/d", deep(64));
    assert_eq!(error(&[&deeper]), TreeBuildError::TooDeep);
    // A hostile tree is as deep as it likes.
    let kind = EntryKind::Folder;
    let entry = Entry { name: "d".to_owned(), blob: root, kind, extra: Map::new() };
    let bytes = Directory::new(Node::Leaf(vec![entry])).encode().unwrap();
    let (root, mut store) = (BlobRef::of(&bytes), store);
    store.insert(root.hash, bytes);
    assert_eq!(walk(&root, &store), Err(TreeReadError::TooDeep));
    let mut lookup = TreeLookup::new(root, path(&deeper));
    let error = loop {
        match lookup.step().unwrap() {
            Lookup::Need(blob) => match lookup.supply(&store[&blob.hash]) {
                Ok(()) => {}
                Err(error) => break error,
            },
            over => panic!("{over:?}"),
        }
    };
    assert_eq!(error, TreeReadError::TooDeep);
}

fn numbered(n: usize) -> Vec<(AttachmentPath, BlobRef, Mode)> {
    let blob = BlobRef::of(b"");
    (0..n).map(|i| (path(&format!("{i:07}")), blob.clone(), Mode::Plain)).collect()
}

#[test]
fn a_change_in_a_large_folder_makes_few_new_objects() {
    let mut files = numbered(20_000);
    let (_, before) = build(files.clone());
    files[10_000].1 = BlobRef::of(b"changed");
    files.remove(5_000);
    files.insert(15_000, (path("0015000x"), BlobRef::of(b"new"), Mode::Plain));
    let (root, after) = build(files.clone());
    let new = after.keys().filter(|hash| !before.contains_key(hash)).count();
    assert!(after.len() > 20 && new <= 8, "{new} of {} objects are new", after.len());
    assert_eq!(walk(&root, &after).unwrap().len(), files.len());
    let (found, asked) = look_up(&root, &after, path("0015000x"));
    assert!(matches!(found, Lookup::Found(_)) && asked <= 3, "{asked} objects for one path");
}

#[test]
fn unchanged_folders_are_shared() {
    let mut files: Vec<_> = (0..100).map(|i| file(&format!("{:02}/{i:02}", i / 10))).collect();
    let (_, before) = build(files.clone());
    files[55].1 = BlobRef::of(b"changed");
    let (_, after) = build(files);
    let new = after.keys().filter(|hash| !before.contains_key(hash)).count();
    assert_eq!(new, 2, "the folder and the root");
}

#[test]
fn every_leaf_ends_by_the_rule() {
    let (root, store) = build(numbered(5_000));
    let Node::Inner(branches) = Directory::decode(&store[&root.hash]).unwrap().node else {
        panic!("the root of 5,000 files is no leaf");
    };
    let zeros = |name: &str| {
        let hash = blake3::hash(name.as_bytes());
        let end = hash.as_bytes();
        end[31] == 0 && end[30] & 3 == 0
    };
    let mut last = None;
    for branch in &branches {
        let Node::Leaf(entries) = Directory::decode(&store[&branch.blob.hash]).unwrap().node else {
            panic!("a leaf is below the root");
        };
        let (end, inside) = entries.split_last().unwrap();
        assert_eq!(end.name, branch.last);
        assert!(inside.iter().all(|entry| !zeros(&entry.name)));
        assert!(zeros(&end.name) || entries.len() == 1024 || end.name == "0004999");
        assert!(last < Some(entries[0].name.clone()));
        last = Some(end.name.clone());
    }
}

/// Makes a node and puts it into a store.
fn put(store: &mut Store, node: Node) -> BlobRef {
    let bytes = Directory::new(node).encode().unwrap();
    let blob = BlobRef::of(&bytes);
    store.insert(blob.hash, bytes);
    blob
}

fn leaf(names: &[&str]) -> Node {
    let kind = EntryKind::File(Mode::Plain);
    let entry = |name: &&str| Entry {
        name: (*name).to_owned(),
        blob: BlobRef::of(b""),
        kind,
        extra: Map::new(),
    };
    Node::Leaf(names.iter().map(entry).collect())
}

fn inner(branches: &[(&str, &BlobRef)]) -> Node {
    let branch = |(last, blob): &(&str, &BlobRef)| Branch {
        last: (*last).to_owned(),
        blob: (*blob).clone(),
        extra: Map::new(),
    };
    Node::Inner(branches.iter().map(branch).collect())
}

#[test]
fn names_are_in_order_across_nodes() {
    let mut store = Store::new();
    let first = put(&mut store, leaf(&["a", "b"]));
    let second = put(&mut store, leaf(&["c", "d"]));
    let overlap = put(&mut store, leaf(&["b", "d"]));
    let good = put(&mut store, inner(&[("b", &first), ("d", &second)]));
    assert_eq!(walk(&good, &store).unwrap().len(), 4);
    let upper = put(&mut store, inner(&[("d", &good)]));
    assert_eq!(walk(&upper, &store).unwrap().len(), 4);

    let stray = |root: &BlobRef, store: &Store, name: &str| {
        assert!(
            matches!(walk(root, store), Err(TreeReadError::Bounds { name: n, .. }) if n == name)
        );
    };
    let bad = put(&mut store, inner(&[("b", &first), ("d", &overlap)]));
    stray(&bad, &store, "b");
    let bad = put(&mut store, inner(&[("b", &first), ("e", &second)]));
    stray(&bad, &store, "d");
    // Across two levels: the second node of the upper one begins inside the first.
    let low = put(&mut store, inner(&[("d", &overlap)]));
    let one = put(&mut store, inner(&[("b", &first)]));
    let bad = put(&mut store, inner(&[("b", &one), ("d", &low)]));
    stray(&bad, &store, "b");
    let mut lookup = TreeLookup::new(bad.clone(), path("d"));
    lookup.supply(&store[&bad.hash]).unwrap();
    lookup.supply(&store[&low.hash]).unwrap();
    let error = lookup.supply(&store[&overlap.hash]);
    assert!(matches!(error, Err(TreeReadError::Bounds { .. })));
}

#[test]
fn a_tree_that_unfolds_without_end_is_cut_short() {
    // Each folder has the one below twice: 2^40 files in 40 objects.
    let mut store = Store::new();
    let mut root = put(&mut store, leaf(&["a", "b"]));
    for _ in 0..40 {
        let kind = EntryKind::Folder;
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            blob: root.clone(),
            kind,
            extra: Map::new(),
        };
        root = put(&mut store, Node::Leaf(vec![entry("a"), entry("b")]));
    }
    let mut walk = TreeWalk::new(root).with_limit(1000);
    let mut files = 0;
    let error = loop {
        match walk.step() {
            Ok(Step::Need(blob)) => walk.supply(&store[&blob.hash]).unwrap(),
            Ok(Step::File(_)) => files += 1,
            Ok(Step::Done) => panic!("2^40 files were walked"),
            Err(error) => break error,
        }
    };
    assert_eq!((files, error), (1000, TreeReadError::TooManyFiles { limit: 1000 }));
}

#[test]
fn a_walk_begins_behind_a_path() {
    let mut files = numbered(3000);
    files.extend(["a/b/c", "a/b-c", "a/b/d", "z"].map(file));
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let (root, store) = build(files.clone());
    let behind = |text: &str| {
        let mut walk = TreeWalk::new(root.clone()).after(path(text));
        let (mut found, mut asked) = (Vec::new(), 0);
        loop {
            match walk.step().unwrap() {
                Step::Need(blob) => walk.supply(&store[&blob.hash]).unwrap(),
                Step::File(file) => found.push(file.path),
                Step::Done => return (found, asked),
            }
            asked += u32::from(found.is_empty());
        }
    };
    let some = files.iter().step_by(97).map(|(path, ..)| path.to_string());
    for text in some.chain(["0", "a", "a/b", "a/b/cc", "a/c", "m", "zz"].map(str::to_owned)) {
        let expected: Vec<_> =
            files.iter().map(|f| f.0.clone()).filter(|p| *p > path(&text)).collect();
        let (found, asked) = behind(&text);
        assert_eq!(found, expected, "{text}");
        assert!(asked <= 6, "{asked} objects to pass {text} over");
    }
}

#[test]
fn bytes_are_checked_against_what_was_asked_for() {
    let (root, store) = build([file("a")]);
    let mut walk = TreeWalk::new(root.clone());
    assert!(matches!(walk.supply(b"other"), Err(TreeReadError::Hash { .. })));
    assert_eq!(walk.step(), Ok(Step::Need(root.clone())), "it is asked for again");
    walk.supply(&store[&root.hash]).unwrap();
    assert!(matches!(walk.step(), Ok(Step::File(_))));
    assert_eq!(walk.supply(b"more"), Err(TreeReadError::NotAsked));
    assert_eq!(walk.step(), Ok(Step::Done));

    let junk = BlobRef::of(b"junk");
    let decode = TreeWalk::new(junk.clone()).supply(b"junk");
    assert!(matches!(decode, Err(TreeReadError::Decode { .. })));
    let large = BlobRef::new(junk.hash, (512 << 10) + 1);
    assert!(matches!(TreeWalk::new(large.clone()).step(), Err(TreeReadError::TooLarge { .. })));
    assert!(matches!(
        TreeLookup::new(large, path("a")).step(),
        Err(TreeReadError::TooLarge { .. })
    ));
}

#[test]
fn a_path_that_gets_too_long_is_an_error() {
    let mut store = Store::new();
    let name = "x".repeat(255);
    let mut root = put(&mut store, leaf(&[&name]));
    for _ in 0..4 {
        let (name, kind) = (name.clone(), EntryKind::Folder);
        let entry = Entry { name, blob: root, kind, extra: Map::new() };
        root = put(&mut store, Node::Leaf(vec![entry]));
    }
    assert!(matches!(walk(&root, &store), Err(TreeReadError::Path(_))));
}

proptest! {
    #[test]
    fn any_tree_comes_out_as_it_went_in(
        paths in proptest::collection::btree_set("[a-c]{1,2}(/[a-c]{1,2}){0,3}", 1..40),
    ) {
        let mut paths: BTreeSet<AttachmentPath> = paths.iter().map(|p| path(p)).collect();
        let all = paths.clone();
        // A path that is a folder of another is left out.
        paths.retain(|p| !all.iter().any(|o| o.as_str().starts_with(&format!("{p}/"))));
        let files: Vec<_> = paths.iter().map(|p| file(p.as_str())).collect();
        let (root, store) = build(files.clone());
        let read = walk(&root, &store).unwrap();
        let read: Vec<_> = read.into_iter().map(|f| (f.path, f.blob, f.mode)).collect();
        prop_assert_eq!(read, files);
    }
}
