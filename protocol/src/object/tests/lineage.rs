use super::*;

fn decode_with(key: &str, value: impl Into<Value>) -> Result<Lineage, DecodeError> {
    let map = cbor::decode_map(&Lineage::default().encode().unwrap(), usize::MAX).unwrap();
    Lineage::decode(&cbor::encode(&map.with(key, value).into()))
}

fn input(map: Map) -> Result<Lineage, DecodeError> {
    decode_with("inputs", vec![Value::Map(map)])
}

fn told() -> Map {
    Map::new().with("frame", FrameId::from_bytes([1; 32]))
}

fn blind() -> Map {
    Map::new().with("blind", BlobHash::from_bytes([1; 32]))
}

#[test]
fn limits_hold() {
    let text = |n| Value::from("x".repeat(n));
    let words = |n, len| Value::List(vec![Value::from("x".repeat(len)); n]);
    let inputs = |n| Value::List(vec![Value::Map(Map::new().with("blind", BlobHash::of(b""))); n]);
    let within = |key: &str, v| Value::Map(Map::new().with(key, v));
    for (key, fits, exceeds) in [
        ("inputs", inputs(4096), inputs(4097)),
        ("command", words(2, (16 << 10) - 1), words(2, 16 << 10)),
        ("command", words(32 << 10, 0), words((32 << 10) + 1, 0)),
        ("host", text(1024), text(1025)),
        ("code", within("repo", text(1024)), within("repo", text(1025))),
        ("code", within("commit", text(1024)), within("commit", text(1025))),
        ("code", within("entry", text(1024)), within("entry", text(1025))),
        ("env", within("interpreter", text(1024)), within("interpreter", text(1025))),
        ("env", within("container", text(1024)), within("container", text(1025))),
        ("later", text((256 << 10) - 50), text(256 << 10)),
    ] {
        let read = decode_with(key, fits).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert!(read.encode().is_ok());
        assert!(decode_with(key, exceeds).is_err(), "{key} beyond its limit was accepted");
    }
    assert!(input(told().with("name", text(1024))).is_ok());
    assert!(input(told().with("name", text(1025))).is_err());
    let command = vec!["x".repeat(32 << 10)];
    assert!(Lineage { command, ..Lineage::default() }.encode().is_err());
    let params = [("a".to_owned(), Param::Text("x".repeat(4097)))].into();
    assert!(Lineage { params, ..Lineage::default() }.encode().is_err());
}

#[test]
fn an_input_is_told_or_blinded() {
    assert!(input(told().with("name", "alice:a").with("stack", [1; 16])).is_ok());
    assert!(input(blind()).is_ok());
    assert!(input(Map::new().with("name", "a")).is_err());
    assert!(input(told().with("blind", BlobHash::of(b""))).is_err());
    for (key, value) in [
        ("name", Value::from("a")),
        ("stack", Value::from([1; 16])),
        ("user", UserId::from_bytes([1; 32]).into()),
    ] {
        assert!(input(blind().with(key, value)).is_err(), "a blinded input with its {key}");
    }
    let source = InputSource::Blind(Blinded::of(FrameId::from_bytes([1; 32]), &[2; 32]));
    let name = Some("a".to_owned());
    let named = Input { source, name, stack: None, user: None, extra: Map::new() };
    assert!(Lineage { inputs: vec![named], ..Lineage::default() }.encode().is_err());
}

#[test]
fn blinding_hides_the_frame_and_is_known_to_its_author() {
    let frame = FrameId::from_bytes([1; 32]);
    assert_eq!(Blinded::of(frame, &[2; 32]), Blinded::of(frame, &[2; 32]));
    assert_ne!(Blinded::of(frame, &[2; 32]), Blinded::of(frame, &[3; 32]));
    assert_ne!(Blinded::of(frame, &[2; 32]), Blinded::of(FrameId::from_bytes([4; 32]), &[2; 32]));
}

#[test]
fn lineage_gives_its_patch_and_none_of_its_inputs() {
    let code = Code { diff: Some(BlobRef::of(b"patch")), ..Code::default() };
    let source = InputSource::Frame(FrameId::from_bytes([1; 32]));
    let inputs = vec![Input { source, name: None, stack: None, user: None, extra: Map::new() }];
    let lineage = Lineage { inputs, code: Some(code), ..Lineage::default() };
    assert_eq!(lineage.blobs().collect::<Vec<_>>(), [&BlobRef::of(b"patch")]);
    assert_eq!(Lineage::default().blobs().count(), 0);
}

#[test]
fn lineage_has_one_form() {
    for (key, value) in [
        ("inputs", Value::List(vec![])),
        ("command", Value::List(vec![])),
        ("params", Value::from(Map::new())),
        ("code", Value::from(Map::new().with("dirty", false))),
        ("host", "".into()),
        ("host", "a\u{202e}b".into()),
        ("v", 2u64.into()),
    ] {
        assert!(decode_with(key, value.clone()).is_err(), "{key} {value:?} was accepted");
    }
    let extra = Map::new().with("exit", 1u64);
    assert!(Lineage { extra, ..Lineage::default() }.encode().is_err());
}
