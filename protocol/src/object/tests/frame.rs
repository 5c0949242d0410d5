use super::*;
use crate::limits::FRAME_BYTES;
use crate::name::Collision;

fn attachment(path: &str) -> Attachment {
    Attachment::new(path.parse().unwrap(), BlobRef::of(b"data"), "text/plain")
}

fn frame(attachments: Vec<Attachment>) -> Frame {
    Frame { files: Files::Listed(attachments), ..Frame::default() }
}

fn map_of(bytes: &[u8]) -> Map {
    cbor::decode_map(bytes, usize::MAX).unwrap()
}

/// Decodes a frame with one field set to something else.
fn decode_with(key: &str, value: impl Into<Value>) -> Result<Frame, String> {
    let mut map = map_of(&Frame::default().encode().unwrap());
    map.insert(key, value);
    Frame::decode(&cbor::encode(&map.into())).map_err(|e| e.to_string())
}

/// Decodes a frame whose one attachment has one field set to something else.
fn attached_with(key: &str, value: impl Into<Value>) -> Result<Frame, String> {
    let mut map = Map::new().with("path", "a").with("media", "text/plain");
    map.insert("ref", BlobRef::of(b"").to_value());
    map.insert(key, value);
    decode_with("files", vec![Value::Map(map)])
}

fn texts(n: usize, len: usize) -> Value {
    Value::List((0..n).map(|i| Value::from(format!("{i:0len$}"))).collect())
}

fn entries(n: usize, len: usize) -> Value {
    Value::Map((0..n).map(|i| (format!("{i:0len$}"), Value::from(1u64))).collect())
}

fn text(len: usize) -> Value {
    "x".repeat(len).into()
}

fn widget(key: &str, value: Value) -> Value {
    Map::new().with("a", Map::new().with(key, value)).into()
}

fn widgets(n: usize, len: usize) -> Value {
    let empty = || Value::from(Map::new());
    Value::Map((0..n).map(|i| (format!("{i:0len$}"), empty())).collect())
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(Value::Null, |v, _| Value::List(vec![v]))
}

#[test]
fn limits_hold_when_decoding() {
    let hashes = |n| Value::List(vec![Value::from(FrameId::from_bytes([7; 32])); n]);
    let files = |n| {
        let item = |i: usize| {
            let map = Map::new().with("path", format!("f{i}")).with("media", "a/b");
            Value::Map(map.with("ref", BlobRef::of(b"").to_value()))
        };
        Value::List((0..n).map(item).collect())
    };
    for (key, fits, exceeds) in [
        ("parents", hashes(16), hashes(17)),
        ("message", text(16 << 10), text((16 << 10) + 1)),
        ("params", entries(256, 3), entries(257, 3)),
        ("params", entries(1, 128), entries(1, 129)),
        ("metrics", entries(1024, 4), entries(1025, 4)),
        ("metrics", entries(1, 128), entries(1, 129)),
        ("settings", text((16 << 10) - 3), text((16 << 10) - 2)),
        ("settings", nested(8), nested(9)),
        ("widgets", widgets(64, 3), widgets(65, 3)),
        ("widgets", widgets(1, 128), widgets(1, 129)),
        ("widgets", widget("kind", text(64)), widget("kind", text(65))),
        ("widgets", widget("label", text(128)), widget("label", text(129))),
        ("widgets", widget("unit", text(32)), widget("unit", text(33))),
        ("widgets", widget("values", texts(256, 3)), widget("values", texts(257, 3))),
        ("widgets", widget("values", texts(1, 4096)), widget("values", texts(1, 4097))),
        ("widgets", widget("default", text(4096)), widget("default", text(4097))),
        ("files", files(256), files(257)),
        ("kind", text(64), text(65)),
        ("must", texts(64, 64), texts(65, 64)),
        ("must", texts(1, 64), texts(1, 65)),
        ("x", Map::new().with("a", nested(14)).into(), Map::new().with("a", nested(15)).into()),
        ("later", nested(15), nested(16)),
    ] {
        decode_with(key, fits).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert!(decode_with(key, exceeds).is_err(), "{key} beyond its limit was accepted");
    }
    for (key, fits, exceeds) in [
        ("path", Value::from(["p"; 512].join("/")), Value::from(["p"; 513].join("/"))),
        ("media", text(128), text(129)),
        ("app", text(128), text(129)),
        ("text", text(4096), text(4097)),
        ("params", entries(256, 3), entries(257, 3)),
        ("settings", text((16 << 10) - 3), text((16 << 10) - 2)),
        ("settings", nested(8), nested(9)),
        ("schema", text((8 << 10) - 3), text((8 << 10) - 2)),
        ("schema", nested(8), nested(9)),
    ] {
        attached_with(key, fits).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert!(attached_with(key, exceeds).is_err(), "{key} beyond its limit was accepted");
    }
    let size = Frame::default().encode().unwrap().len() + "\x65later".len() + 5;
    assert!(decode_with("later", text(FRAME_BYTES - size)).is_ok());
    assert!(decode_with("later", text(FRAME_BYTES - size + 1)).is_err());
}

#[test]
fn limits_hold_when_encoding() {
    type Change = fn(&mut Frame, usize);
    let change: [(&str, usize, Change); 14] = [
        ("parents", 16, |f, n| f.parents = vec![FrameId::from_bytes([7; 32]); n]),
        ("message", 16 << 10, |f, n| f.message = "x".repeat(n)),
        ("params", 256, |f, n| f.params = (0..n).map(|i| (format!("{i}"), Param::Null)).collect()),
        ("name", 128, |f, n| f.params = [("x".repeat(n), Param::Null)].into()),
        ("param", 4096, |f, n| f.params = [("a".to_owned(), Param::Text("x".repeat(n)))].into()),
        ("metrics", 1024, |f, n| {
            f.metrics = (0..n).map(|i| (format!("{i}"), Metric::Int(0))).collect()
        }),
        ("widgets", 64, |f, n| {
            f.widgets = (0..n).map(|i| (format!("{i}"), Widget::default())).collect()
        }),
        ("label", 128, |f, n| {
            let label = Some("x".repeat(n));
            f.widgets = [("a".to_owned(), Widget { label, ..Widget::default() })].into()
        }),
        ("settings", (16 << 10) - 3, |f, n| f.settings = Some(text(n))),
        ("files", 256, |f, n| {
            f.files = Files::Listed((0..n).map(|i| attachment(&format!("{i}"))).collect())
        }),
        ("kind", 64, |f, n| f.kind = Some("x".repeat(n))),
        ("must", 64, |f, n| f.must = vec!["x".to_owned(); n]),
        ("schema", (8 << 10) - 3, |f, n| {
            let schema = Some(Schema::Inline(text(n)));
            f.files = Files::Listed(vec![Attachment { schema, ..attachment("a") }])
        }),
        ("x", 14, |f, n| f.x = Map::new().with("a", nested(n))),
    ];
    for (name, most, change) in change {
        let mut frame = Frame::default();
        change(&mut frame, most);
        assert!(frame.encode().is_ok(), "{name} at its limit");
        change(&mut frame, most + 1);
        assert!(frame.encode().is_err(), "{name} beyond its limit was encoded");
    }
    let x = Map::new().with("a", text(FRAME_BYTES));
    let large = Frame { x, ..Frame::default() };
    assert!(matches!(large.encode(), Err(BuildError::TooLarge { kind: "frame", .. })));
    for value in [Value::Float(f64::NAN), Value::Int(1 << 64)] {
        let frame = Frame { x: Map::new().with("a", value), ..Frame::default() };
        assert!(matches!(frame.encode(), Err(BuildError::Value { .. })));
    }
}

#[test]
fn a_frame_has_one_form() {
    let nothing = || Value::from(Map::new());
    for (key, value) in [
        ("params", nothing()),
        ("metrics", nothing()),
        ("x", nothing()),
        ("must", Value::List(vec![])),
        ("widgets", nothing()),
        ("widgets", widget("hidden", false.into())),
        ("widgets", widget("values", Value::List(vec![]))),
        ("widgets", widget("label", "".into())),
        ("widgets", widget("label", "a\u{202e}b".into())),
        ("widgets", widget("order", 0.5.into())),
        ("widgets", widget("default", Value::List(vec![]))),
        ("widgets", Map::new().with("a", "slider").into()),
        ("tree", BlobRef::of(b"").to_value()),
        ("v", 2u64.into()),
        ("v", Value::Null),
        ("kind", "".into()),
        ("kind", "a\u{202e}b".into()),
        ("params", Map::new().with("a\u{202e}b", 1u64).into()),
        ("params", Map::new().with("u\u{308}", 1u64).into()),
        ("metrics", Map::new().with("", 1u64).into()),
        ("metrics", Map::new().with("a", "1").into()),
        ("parents", Value::List(vec![Value::Bytes(vec![7; 33])])),
    ] {
        assert!(decode_with(key, value.clone()).is_err(), "{key} {value:?} was accepted");
    }
    for (key, value) in [
        ("params", nothing()),
        ("mode", 0u64.into()),
        ("mode", 2u64.into()),
        ("path", "../a".into()),
        ("path", "a\\b".into()),
        ("media", "".into()),
        ("media", "a\nb".into()),
        ("ref", Map::new().with("h", BlobHash::of(b"")).into()),
        ("schema", Map::new().with("h", 1u64).into()),
    ] {
        assert!(attached_with(key, value.clone()).is_err(), "{key} {value:?} was accepted");
    }
    let mut map = map_of(&Frame::default().encode().unwrap());
    for key in ["v", "parents", "time", "message", "files"] {
        let value = map.remove(key).unwrap();
        let error = Frame::decode(&cbor::encode(&map.clone().into())).unwrap_err();
        assert_eq!(error, FieldError::Missing(key).into());
        map.insert(key, value);
    }
}

#[test]
fn unknown_keys_are_none_of_the_known() {
    let extra = || Map::new().with("tree", 1u64);
    let frame_with = Frame { extra: extra(), ..Frame::default() };
    assert!(frame_with.encode().is_err());
    let extra = Map::new().with("media", "a/b");
    assert!(frame(vec![Attachment { extra, ..attachment("a") }]).encode().is_err());
    let blob = BlobRef { extra: Map::new().with("n", 1u64), ..BlobRef::of(b"") };
    assert!(frame(vec![Attachment { blob, ..attachment("a") }]).encode().is_err());
    let schema = Some(Schema::Inline(Map::new().with("h", 1u64).into()));
    assert!(frame(vec![Attachment { schema, ..attachment("a") }]).encode().is_err());
}

#[test]
fn no_two_files_share_a_place() {
    let listed = |paths: &[&str]| frame(paths.iter().map(|path| attachment(path)).collect());
    assert!(listed(&["b", "a/b", "a/c", "a-b"]).encode().is_ok());
    for paths in [["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"]] {
        let error = listed(&paths).encode().unwrap_err();
        assert!(matches!(error, BuildError::Field(_)), "{error}");
        // The same from somebody else.
        let item = |path: &&str| attachment(path).to_value();
        assert!(decode_with("files", paths.iter().map(item).collect::<Vec<_>>()).is_err());
    }
    for [first, second] in [["README", "readme"], ["a/x", "A/y"], ["stra\u{df}e", "STRASSE"]] {
        let error = listed(&[first, second]).encode().unwrap_err();
        assert!(matches!(error, BuildError::Collision(Collision { .. })), "{error}");
        // Names that some systems tell apart are data of whoever has such a system.
        let item = |path: &&str| attachment(path).to_value();
        let files = [first, second].iter().map(item).collect::<Vec<_>>();
        assert!(decode_with("files", files).is_ok());
    }
}

#[test]
fn a_frame_names_its_blobs() {
    let blob = |n: u8| BlobRef::of(&[n]);
    let full = Attachment {
        blob: blob(1),
        schema: Some(Schema::Blob(blob(2))),
        recipe: Some(blob(3)),
        preview: Some(blob(4)),
        ..attachment("a")
    };
    let inline = Attachment { schema: Some(Schema::Inline(Value::Null)), ..attachment("b") };
    let frame = Frame { lineage: Some(blob(5)), ..frame(vec![full, inline]) };
    let blobs: Vec<_> = frame.blobs().map(|(role, blob)| (role, blob.clone())).collect();
    assert_eq!(
        blobs,
        [
            (BlobRole::Lineage, blob(5)),
            (BlobRole::Data, blob(1)),
            (BlobRole::Schema, blob(2)),
            (BlobRole::Recipe, blob(3)),
            (BlobRole::Preview, blob(4)),
            (BlobRole::Data, BlobRef::of(b"data")),
        ]
    );
    let tree = Frame { files: Files::Tree(blob(6)), ..Frame::default() };
    assert_eq!(tree.blobs().collect::<Vec<_>>(), [(BlobRole::Tree, &blob(6))]);
    assert_eq!(tree.attachments(), []);
}

#[test]
fn features_that_are_asked_for_and_not_known_are_named() {
    let frame = Frame { must: vec!["columns".to_owned()], ..Frame::default() };
    let read = Frame::decode(&frame.encode().unwrap()).unwrap();
    assert_eq!(read.missing_features(), ["columns"]);
    assert!(Frame::default().missing_features().is_empty());
}
