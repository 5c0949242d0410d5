//! Directory objects and recipes.

use super::directory::{Branch, Entry, EntryKind, Node};
use super::*;

fn entry(name: impl Into<Value>) -> Map {
    Map::new().with("name", name).with("ref", BlobRef::of(b"").to_value())
}

fn node(key: &str, items: Vec<Map>) -> Result<Directory, DecodeError> {
    let items: Vec<Value> = items.into_iter().map(Value::Map).collect();
    let map = Map::new().with("v", 1u64).with(key, items);
    Directory::decode(&cbor::encode(&map.into()))
}

#[test]
fn a_directory_object_is_bounded_and_ordered() {
    let named = |n: usize, len: usize| (0..n).map(|i| entry(format!("{i:0len$}"))).collect();
    for key in ["e", "i"] {
        let fits = node(key, named(1024, 255)).unwrap();
        assert!(fits.encode().is_ok());
        assert!(node(key, named(1025, 4)).is_err());
        assert!(node(key, named(1, 256)).is_err());
        assert!(node(key, vec![]).is_err());
        assert!(node(key, vec![entry("b"), entry("a")]).is_err());
        assert!(node(key, vec![entry("a"), entry("a")]).is_err());
        for name in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\u{202e}b", "u\u{308}"] {
            assert!(node(key, vec![entry(name)]).is_err(), "{name:?} was accepted");
        }
        let large = Map::new().with("A", "x".repeat(512 << 10));
        let mut item = entry("a");
        item.extend_missing(&large);
        assert!(node(key, vec![item]).is_err());
    }
    assert!(node("o", vec![entry("a")]).is_err());
    assert!(node("e", vec![entry("a").with("d", true)]).is_ok());
    assert!(node("e", vec![entry("a").with("d", false)]).is_err());
    assert!(node("e", vec![entry("a").with("d", true).with("mode", 1u64)]).is_err());
    assert!(node("e", vec![entry("a").with("mode", 0u64)]).is_err());
    let both = Map::new().with("v", 1u64).with("e", vec![Value::Map(entry("a"))]);
    let both = both.with("i", vec![Value::Map(entry("a"))]);
    assert!(Directory::decode(&cbor::encode(&both.into())).is_err());
}

#[test]
fn limits_of_directory_objects_hold_when_encoding() {
    let kind = EntryKind::File(Mode::Plain);
    let leaf = |names: &[&str]| {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            blob: BlobRef::of(b""),
            kind,
            extra: Map::new(),
        };
        Directory::new(Node::Leaf(names.iter().map(entry).collect())).encode()
    };
    assert!(leaf(&["a", "b"]).is_ok());
    assert!(leaf(&[]).is_err());
    assert!(leaf(&["b", "a"]).is_err());
    assert!(leaf(&[".."]).is_err());
    let names: Vec<String> = (0..1025).map(|i| format!("{i:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(leaf(&names[..1024]).is_ok());
    assert!(leaf(&names).is_err());
    let extra = Map::new().with("ref", 1u64);
    let branch = Branch { last: "a".to_owned(), blob: BlobRef::of(b""), extra };
    assert!(Directory::new(Node::Inner(vec![branch])).encode().is_err());
}

#[test]
fn a_directory_object_names_its_blobs() {
    let folder = entry("b").with("d", true);
    let leaf = node("e", vec![entry("a"), folder]).unwrap();
    let roles: Vec<_> = leaf.blobs().map(|(role, _)| role).collect();
    assert_eq!(roles, [BlobRole::Data, BlobRole::Tree]);
    let inner = node("i", vec![entry("a")]).unwrap();
    assert_eq!(inner.blobs().map(|(role, _)| role).collect::<Vec<_>>(), [BlobRole::Tree]);
}

pub(super) fn recipe() -> Recipe {
    let chunk = |n: u8, size| Chunk { hash: BlobHash::of(&[n]), size };
    Recipe {
        alg: recipe::FASTCDC_2020.to_owned(),
        min: 10,
        avg: 20,
        max: 40,
        seed: 7,
        chunks: vec![chunk(1, 40), chunk(2, 10), chunk(3, 1)],
        extra: Map::new(),
    }
}

#[test]
fn a_recipe_tells_where_its_chunks_are() {
    let recipe = recipe();
    assert_eq!(recipe.size(), 51);
    let starts: Vec<u64> = recipe.ranges().map(|(start, _)| start).collect();
    assert_eq!(starts, [0, 40, 50]);
}

#[test]
fn a_recipe_is_bounded() {
    type Change = fn(&mut Recipe);
    let changes: [(&str, Change); 7] = [
        ("a chunk of no bytes", |r| r.chunks[1].size = 0),
        ("a chunk above the most", |r| r.chunks[1].size = 41),
        ("a least size of zero", |r| r.min = 0),
        ("a least size above the average", |r| r.min = 21),
        ("an average above the most", |r| r.avg = 41),
        ("no chunker", |r| r.alg = String::new()),
        ("more bytes than a recipe has", |r| r.chunks = vec![r.chunks[0]; (8 << 20) / 37]),
    ];
    let sizes = |r: &Recipe| {
        let chunks: Vec<u8> = r
            .chunks
            .iter()
            .flat_map(|c| c.hash.to_tagged().into_iter().chain(c.size.to_be_bytes()))
            .collect();
        let map = Map::new().with("v", 1u64).with("alg", r.alg.as_str()).with("min", r.min);
        let map = map.with("avg", r.avg).with("max", r.max).with("seed", r.seed);
        cbor::encode(&map.with("c", chunks).into())
    };
    assert!(Recipe::decode(&sizes(&recipe())).is_ok());
    for (what, change) in changes {
        let mut recipe = recipe();
        change(&mut recipe);
        assert!(recipe.encode().is_err(), "{what} was encoded");
        assert!(Recipe::decode(&sizes(&recipe)).is_err(), "{what} was accepted");
    }
    let map = cbor::decode_map(&recipe().encode().unwrap(), usize::MAX).unwrap();
    for (key, value) in [
        ("c", Value::Bytes(vec![0x1e; 36])),
        ("c", Value::Bytes(vec![1; 37])),
        ("max", Value::from(1u64 << 32)),
    ] {
        let bytes = cbor::encode(&map.clone().with(key, value).into());
        assert!(Recipe::decode(&bytes).is_err(), "{key} was accepted");
    }
}
