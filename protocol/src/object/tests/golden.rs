//! Bytes that version 1 writes for ever.

use data_encoding::HEXLOWER;

use super::directory::{Branch, Entry, EntryKind, Node};
use super::*;

fn blob(n: u8) -> BlobRef {
    BlobRef::new(BlobHash::from_bytes([n; 32]), u64::from(n))
}

/// Returns the bytes of digits that are cut into lines, a field a line.
fn hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// A frame with a message and no files.
#[test]
fn a_frame_without_anything() {
    let bytes = "a5
         6176 01
         6474696d65 01
         6566696c6573 80
         676d657373616765 677765656b203436
         67706172656e7473 80";
    let frame = Frame { time: 1, message: "week 46".to_owned(), ..Frame::default() };
    assert_eq!(hex(bytes), frame.encode().unwrap());
    assert_eq!(Frame::decode(&hex(bytes)).unwrap(), frame);
    assert_eq!(frame.id().unwrap().short(), "c7191633");
}

/// A frame with every field, a feature to know, data of a tool in `x` and an unknown key.
#[test]
fn a_frame_with_everything() {
    let bytes = "ae
         6176 01
         6178 a164746f6f6c81f5
         646b696e64 6372756e
         646d757374 8167636f6c756d6e73
         6474696d65 1b000001a1b2bb9400
         6474726565 a2616858211e040404040404040404040404040404040404040404040404040404040
           4040404616e04
         656c61746572 f6
         66706172616d73 a6616e2063646179a26174646461746561766a323032362d31312d31366374616
           2a26174637461626176f6646e6f6e65f66472617465fb3fe000000000000066726567696f6e624
           555
         676c696e65616765 a2616858211e050505050505050505050505050505050505050505050505050
           5050505050505616e05
         676d657373616765 677765656b203436
         676d657472696373 a2646c6f7373a2617461666176636e616e64726f777307
         67706172656e7473 8158211e0909090909090909090909090909090909090909090909090909090
           909090909
         6777696467657473 a1616ea7646b696e646673656c65637464756e6974626b6d656c6162656c634461796
           56f72646572206668696464656ef56676616c7565738202206764656661756c7402
         6873657474696e6773 a1657468656d65646461726b";
    assert_eq!(hex(bytes), full_frame().encode().unwrap());
    assert_eq!(Frame::decode(&hex(bytes)).unwrap(), full_frame());
}

/// One item of `files` with every field.
#[test]
fn an_attachment_with_everything() {
    let bytes = "ab
         63617070 6670616e646173
         63726566 a2616858211e01010101010101010101010101010101010101010101010101010101010
           10101616e01
         646d6f6465 01
         6470617468 6a646174612f612e637376
         6474657874 6553616c6573
         656d65646961 68746578742f637376
         66706172616d73 a166726567696f6e624555
         66726563697065 a2616858211e02020202020202020202020202020202020202020202020202020
           20202020202616e02
         66736368656d61 6969643a20696e743634
         6770726576696577 a2616858211e030303030303030303030303030303030303030303030303030
           3030303030303616e03
         6873657474696e6773 a1616101";
    assert_eq!(hex(bytes), cbor::encode(&full_attachment().to_value()));
    let value = cbor::decode(&hex(bytes), usize::MAX).unwrap();
    assert_eq!(Attachment::from_value(value).unwrap(), full_attachment());
}

/// A leaf with a file, a program and a folder.
#[test]
fn a_leaf() {
    let bytes = "a2
         6165 83a263726566a2616858211e010101010101010101010101010101010101010101010101010
           1010101010101616e01646e616d6565612e637376a363726566a2616858211e020202020202020
           2020202020202020202020202020202020202020202020202616e02646d6f646501646e616d656
           672756e2e7368a36164f563726566a2616858211e0303030303030303030303030303030303030
           303030303030303030303030303616e03646e616d6563737562
         6176 01";
    assert_eq!(hex(bytes), leaf().encode().unwrap());
    assert_eq!(Directory::decode(&hex(bytes)).unwrap(), leaf());
}

/// An inner node with two nodes below.
#[test]
fn an_inner_node() {
    let bytes = "a2
         6169 82a263726566a2616858211e010101010101010101010101010101010101010101010101010
           1010101010101616e01646e616d65656d2e637376a263726566a2616858211e020202020202020
           2020202020202020202020202020202020202020202020202616e02646e616d65657a2e637376
         6176 01";
    assert_eq!(hex(bytes), inner().encode().unwrap());
    assert_eq!(Directory::decode(&hex(bytes)).unwrap(), inner());
}

/// A lineage object with an input that is told and one that is blinded.
#[test]
fn a_lineage_object() {
    let bytes = "aa
         6176 01
         63656e76 a2646c6f636b58211e06060606060606060606060606060606060606060606060606060
           606060606066b696e7465727072657465726b707974686f6e20332e3134
         64636f6465 a56464696666a2616858211e050505050505050505050505050505050505050505050
           5050505050505050505616e05647265706f781968747470733a2f2f6578616d706c652e6f72672
           f722e676974656469727479f565656e74727968747261696e2e707966636f6d6d6974666330666
           66565
         6465786974 00
         64686f7374 646c616231
         66696e70757473 82a4646e616d656e616c6963653a73616c6573407631647573657258211e03030
           30303030303030303030303030303030303030303030303030303030303656672616d6558211e0
           10101010101010101010101010101010101010101010101010101010101010165737461636b500
           2020202020202020202020202020202a165626c696e6458211eb6bde6d4772bac89e0da34afc7a
           9e47b13498fb95ba518dd844f9df7d73a51f4
         66706172616d73 a1626c72fb3fb999999999999a
         67636f6d6d616e64 8266707974686f6e68747261696e2e7079
         6773746172746564 1903e8
         6866696e6973686564 1907d0";
    assert_eq!(hex(bytes), full_lineage().encode().unwrap());
    assert_eq!(Lineage::decode(&hex(bytes)).unwrap(), full_lineage());
}

/// A recipe of one chunk.
#[test]
fn a_recipe() {
    let bytes = "a7
         6163 58251e010101010101010101010101010101010101010101010101010101010101010100011
           170
         6176 01
         63616c67 6b6661737463646332303230
         63617667 1a00010000
         636d6178 1a00040000
         636d696e 194000
         6473656564 00";
    assert_eq!(hex(bytes), small_recipe().encode().unwrap());
    assert_eq!(Recipe::decode(&hex(bytes)).unwrap(), small_recipe());
}

fn full_attachment() -> Attachment {
    Attachment {
        app: Some("pandas".to_owned()),
        text: Some("Sales".to_owned()),
        params: [("region".to_owned(), Param::Text("EU".to_owned()))].into(),
        settings: Some(Map::new().with("a", 1u64).into()),
        schema: Some(Schema::Inline("id: int64".into())),
        recipe: Some(blob(2)),
        preview: Some(blob(3)),
        mode: Mode::Executable,
        ..Attachment::new("data/a.csv".parse().unwrap(), blob(1), "text/csv")
    }
}

fn full_frame() -> Frame {
    let date = Param::Date("2026-11-16".parse().unwrap());
    let params = [
        ("region", Param::Text("EU".to_owned())),
        ("n", Param::Int(-1)),
        ("rate", Param::Float(0.5)),
        ("day", date),
        ("tab", Param::Tab(None)),
        ("none", Param::Null),
    ];
    Frame {
        parents: vec![FrameId::from_bytes([9; 32])],
        time: 1_794_000_000_000,
        message: "week 46".to_owned(),
        params: params.map(|(name, param)| (name.to_owned(), param)).into(),
        widgets: [("n".to_owned(), full_widget())].into(),
        settings: Some(Map::new().with("theme", "dark").into()),
        metrics: [("loss", Metric::Float(f64::NAN)), ("rows", Metric::Int(7))]
            .map(|(name, metric)| (name.to_owned(), metric))
            .into(),
        files: Files::Tree(blob(4)),
        lineage: Some(blob(5)),
        kind: Some("run".to_owned()),
        must: vec!["columns".to_owned()],
        x: Map::new().with("tool", vec![Value::Bool(true)]),
        extra: Map::new().with("later", Value::Null),
    }
}

fn full_widget() -> Widget {
    Widget {
        kind: Some("select".to_owned()),
        label: Some("Day".to_owned()),
        unit: Some("km".to_owned()),
        default: Some(Param::Int(2)),
        values: vec![Param::Int(2), Param::Int(-1)],
        order: Some(-1),
        hidden: true,
        extra: Map::new(),
    }
}

fn leaf() -> Directory {
    let entry = |name: &str, n, kind| Entry {
        name: name.to_owned(),
        blob: blob(n),
        kind,
        extra: Map::new(),
    };
    Directory::new(Node::Leaf(vec![
        entry("a.csv", 1, EntryKind::File(Mode::Plain)),
        entry("run.sh", 2, EntryKind::File(Mode::Executable)),
        entry("sub", 3, EntryKind::Folder),
    ]))
}

fn inner() -> Directory {
    let branch = |last: &str, n| Branch { last: last.to_owned(), blob: blob(n), extra: Map::new() };
    Directory::new(Node::Inner(vec![branch("m.csv", 1), branch("z.csv", 2)]))
}

fn full_lineage() -> Lineage {
    let told = Input {
        source: InputSource::Frame(FrameId::from_bytes([1; 32])),
        name: Some("alice:sales@v1".to_owned()),
        stack: Some(StackId::from_bytes([2; 16])),
        user: Some(UserId::from_bytes([3; 32])),
        extra: Map::new(),
    };
    let source = InputSource::Blind(Blinded::of(FrameId::from_bytes([1; 32]), &[4; 32]));
    let blind = Input { source, name: None, stack: None, user: None, extra: Map::new() };
    Lineage {
        inputs: vec![told, blind],
        code: Some(Code {
            repo: Some("https://example.org/r.git".to_owned()),
            commit: Some("c0ffee".to_owned()),
            dirty: true,
            diff: Some(blob(5)),
            entry: Some("train.py".to_owned()),
            extra: Map::new(),
        }),
        command: vec!["python".to_owned(), "train.py".to_owned()],
        params: [("lr".to_owned(), Param::Float(0.1))].into(),
        env: Some(Environment {
            interpreter: Some("python 3.14".to_owned()),
            lock: Some(BlobHash::from_bytes([6; 32])),
            container: None,
            extra: Map::new(),
        }),
        started: 1000,
        finished: 2000,
        host: Some("lab1".to_owned()),
        exit: 0,
        extra: Map::new(),
    }
}

fn small_recipe() -> Recipe {
    Recipe {
        alg: recipe::FASTCDC_2020.to_owned(),
        min: 16 << 10,
        avg: 64 << 10,
        max: 256 << 10,
        seed: 0,
        chunks: vec![Chunk { hash: BlobHash::from_bytes([1; 32]), size: 70_000 }],
        extra: Map::new(),
    }
}

/// Objects of every kind with every field, by kind: what fuzzers begin with.
pub(crate) fn objects() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let small = Frame { time: 1, message: "week 46".to_owned(), ..Frame::default() };
    let listed = Frame { files: Files::Listed(vec![full_attachment()]), ..full_frame() };
    vec![
        ("frame", "small", small.encode().unwrap()),
        ("frame", "tree", full_frame().encode().unwrap()),
        ("frame", "listed", listed.encode().unwrap()),
        ("directory", "leaf", leaf().encode().unwrap()),
        ("directory", "inner", inner().encode().unwrap()),
        ("lineage", "full", full_lineage().encode().unwrap()),
        ("recipe", "full", super::nodes::recipe().encode().unwrap()),
    ]
}
