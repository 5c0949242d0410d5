//! Tests of statements: their bytes, what is checked before what, and what is refused.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::samples::{all, head, head_with_unknown_key, key, place, place_fields};
use super::*;
use crate::id::{ChangeId, DocumentId, FrameId, Incarnation, StackId, UserId};
use crate::limits::OVER;

/// Puts a body under a signature of any kind, as only an attacker would.
fn forge(body: Vec<u8>, kind: &str, key: &SecretKey) -> Statement {
    let signature = key.sign(kind, &blake3::hash(&body));
    Statement { body: body.into(), signer: key.public(), signature }
}

fn forge_map(map: Map, kind: &str, key: &SecretKey) -> Result<Verified, StatementError> {
    forge(cbor::encode(&Value::Map(map.with("v", 1u64).with("kind", kind))), kind, key).verify()
}

#[test]
fn golden_bytes() {
    let golden = include_str!("golden.txt").lines().filter(|line| !line.starts_with('#'));
    let golden: Vec<&str> = golden.collect();
    let line = |(name, statement): &(&str, Verified)| {
        format!("{name} {}", HEXLOWER.encode(&statement.encode()))
    };
    let actual: Vec<String> = all().iter().map(line).collect();
    assert_eq!(golden, actual, "golden.txt would be:\n{}", actual.join("\n"));
    for (line, (name, statement)) in golden.iter().zip(all()) {
        let (_, hex) = line.split_once(' ').unwrap();
        let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
        let again = Statement::decode(&bytes).unwrap().verify().unwrap();
        assert_eq!(again, statement, "{name}");
        assert_eq!(again.encode(), bytes, "{name}");
    }
}

#[test]
fn golden_ids() {
    let inception = samples::inception().sign(&key(1)).unwrap();
    assert_eq!(Inception::user(inception.statement().body()).short(), "108ece5c");
    assert_eq!(inception.id().short(), "52a09458");
}

#[test]
fn what_is_unknown_is_kept_and_has_no_effect() {
    let all: std::collections::BTreeMap<_, _> = all().into_iter().collect();
    let fact = |name: &str| all[name].fact().clone();
    let Fact::Placed(Placed { fact: PlacedFact::Head(head), .. }) = fact("unknown-key") else {
        panic!("an unknown key made a head unknown");
    };
    assert_eq!(head.name.as_str(), "sales/weekly");
    let unknown = |kind: &str| PlacedFact::Unknown { kind: kind.to_owned() };
    assert_eq!(all["unknown-must"].placed().unwrap().fact, unknown("head"));
    assert_eq!(all["unknown-must"].missing_features(), ["mood"]);
    assert_eq!(all["unknown-kind-placed"].placed().unwrap().fact, unknown("poem"));
    assert_eq!(all["unknown-kind-placed"].placed().unwrap().place, place());
    assert_eq!(fact("unknown-kind"), Fact::Unknown { kind: "greeting".to_owned() });
    let Fact::Entry(entry) = fact("unknown-kind-entry") else { panic!("no entry") };
    assert_eq!(entry.fact, EntryFact::Unknown { kind: "endorse".to_owned() });

    let newer_role = place_fields()
        .with("user", UserId::from_bytes([1; 32]))
        .with("role", "auditor")
        .with("seen", Vec::<Value>::new());
    let member = Statement::sign("member", newer_role, &[], &key(3)).unwrap();
    assert_eq!(member.placed().unwrap().fact, unknown("member"));
}

#[test]
fn an_unknown_feature_makes_every_kind_unknown() {
    for (name, statement) in all() {
        let mut body = cbor::decode_map(statement.statement().body(), STATEMENT_BYTES).unwrap();
        let kind = body.remove("kind").unwrap().into_text(KIND_BYTES).unwrap();
        body.remove("v");
        body.remove("must");
        let signer = (1..=6).map(key).find(|k| k.public() == statement.signer()).unwrap();
        let newer = Statement::sign(&kind, body, &["levitation"], &signer).unwrap();
        assert_eq!(newer.missing_features(), ["levitation"]);
        match newer.fact() {
            Fact::Unknown { .. } => {}
            Fact::Placed(placed) => {
                assert!(matches!(placed.fact, PlacedFact::Unknown { .. }), "{name}");
            }
            Fact::Entry(entry) => {
                assert!(matches!(entry.fact, EntryFact::Unknown { .. }), "{name}")
            }
            Fact::Inception(_) | Fact::Redeem(_) => panic!("{name} was half applied"),
        }
    }
}

#[test]
fn a_statement_of_one_kind_never_passes_as_another() {
    let kinds: Vec<String> =
        all().iter().map(|(_, s)| peek_kind(s.statement().body()).unwrap().to_owned()).collect();
    for (name, statement) in all() {
        let body = statement.statement().body().to_vec();
        let own = peek_kind(&body).unwrap().to_owned();
        let signer = (1..=6).map(key).find(|k| k.public() == statement.signer()).unwrap();
        for kind in kinds.iter().filter(|kind| **kind != own) {
            // The signature of one domain over the body of another.
            let refused = forge(body.clone(), kind, &signer).verify();
            assert_eq!(refused, Err(BadSignature.into()), "{name} passed as {kind}");
            // The genuine signature under a body that says it is another.
            let mut renamed = cbor::decode_map(&body, STATEMENT_BYTES).unwrap();
            renamed.insert("kind", kind.as_str());
            let body = cbor::encode(&Value::Map(renamed)).into();
            let renamed = Statement { body, ..statement.statement().clone() };
            assert_eq!(renamed.verify(), Err(BadSignature.into()), "{name} renamed to {kind}");
        }
    }
}

#[test]
fn a_statement_of_one_context_never_passes_in_another() {
    let statement = PlacedFact::Head(head()).sign(&place(), &key(3)).unwrap();
    let mut body = cbor::decode_map(statement.statement().body(), STATEMENT_BYTES).unwrap();
    body.insert("context", crate::id::ContextId::from_bytes([0xc1; 32]));
    let body = cbor::encode(&Value::Map(body)).into();
    let moved = Statement { body, ..statement.statement().clone() };
    assert_eq!(moved.verify(), Err(BadSignature.into()));
}

#[test]
fn the_signature_is_checked_before_the_body_is_parsed() {
    // A map of two entries, the second of which is cut short.
    let mut body = cbor::encode(&Value::Map(Map::new().with("kind", "head").with("frame", 1u64)));
    body.pop();
    let kind = peek_kind(&body).unwrap().to_owned();
    let signed = forge(body.clone(), &kind, &key(3));
    assert!(matches!(signed.clone().verify(), Err(StatementError::Cbor(_))));
    let unsigned = Statement { signature: Signature::from_bytes([0; 64]), ..signed };
    assert_eq!(unsigned.verify(), Err(BadSignature.into()));
}

#[test]
fn the_domains_of_other_signatures_are_refused() {
    for kind in ["change", "", "Head", "head\0", "he ad", &"k".repeat(KIND_BYTES + 1)] {
        let refused = forge_map(Map::new(), kind, &key(3));
        assert!(matches!(refused, Err(StatementError::Kind(_))), "{kind:?}: {refused:?}");
    }
    let no_kind = cbor::encode(&Value::Map(Map::new().with("v", 1u64)));
    assert_eq!(forge(no_kind, "head", &key(3)).verify(), Err(FieldError::Missing("kind").into()));
}

#[test]
fn the_signer_is_the_key_that_the_body_names() {
    let (device, other) = (key(3).public(), key(9).public());
    let wrong = |expected| BuildError::Refused(StatementError::Signer { expected, actual: other });
    assert_eq!(PlacedFact::Head(head()).sign(&place(), &key(9)), Err(wrong(device)));
    assert_eq!(samples::redeem().sign(&key(9)), Err(wrong(key(4).public())));
    assert_eq!(samples::inception().sign(&key(9)), Err(wrong(key(1).public())));
    let comment = Statement::sign("comment", place_fields(), &[], &key(9));
    assert_eq!(comment, Err(wrong(device)));
}

#[test]
fn sizes_are_bounded() {
    let note = |len| Map::new().with("text", "x".repeat(len));
    let overhead = Statement::sign("note", note(1000), &[], &key(1)).unwrap();
    let overhead = overhead.statement().body().len() - 1000;
    let fits = Statement::sign("note", note(STATEMENT_BYTES - overhead), &[], &key(1)).unwrap();
    assert_eq!(fits.encode().len(), STATEMENT_ENCODED_BYTES);
    assert_eq!(Statement::decode(&fits.encode()).unwrap().verify(), Ok(fits));

    let above = STATEMENT_BYTES - overhead + 1;
    let large = StatementError::Cbor(CborError::TooLarge {
        limit: STATEMENT_BYTES,
        actual: STATEMENT_BYTES + 1,
    });
    let built = Statement::sign("note", note(above), &[], &key(1));
    assert_eq!(built, Err(BuildError::Refused(large)));
    let body = cbor::encode(&Value::Map(note(above).with("v", 1u64).with("kind", "note")));
    assert!(Statement::decode(&forge(body, "note", &key(1)).encode()).is_err());
}

#[test]
fn nothing_stands_outside_of_what_is_signed() {
    let statement = PlacedFact::Head(head()).sign(&place(), &key(3)).unwrap();
    let mut map = cbor::decode_map(&statement.encode(), STATEMENT_ENCODED_BYTES).unwrap();
    map.insert("x", 1u64);
    let refused = Statement::decode(&cbor::encode(&Value::Map(map)));
    assert!(matches!(refused, Err(StatementError::Field(_))), "{refused:?}");
}

#[test]
fn versions_and_reserved_fields_are_refused() {
    let body = Map::new().with("v", 2u64).with("kind", "note");
    let newer = forge(cbor::encode(&Value::Map(body)), "note", &key(1)).verify();
    assert_eq!(newer, Err(StatementError::Version(2)));
    for reserved in ["v", "kind", "must"] {
        let built = Statement::sign("note", Map::new().with(reserved, 1u64), &[], &key(1));
        assert_eq!(built, Err(BuildError::Reserved(reserved)));
    }
}

/// Signs a head with one field replaced, and returns the name of the field it is refused for.
fn refused_field(kind: &str, fields: Map) -> Option<String> {
    match Statement::sign(kind, fields, &[], &key(3)) {
        Ok(_) => None,
        Err(BuildError::Refused(StatementError::Field(FieldError::Invalid { name, .. }))) => {
            Some(name)
        }
        Err(BuildError::Refused(StatementError::Field(FieldError::Missing(name)))) => {
            Some(name.to_owned())
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn values_outside_the_rules_are_refused() {
    let with = |key: &str, value: Value| head_with_unknown_key().with(key, value);
    assert_eq!(refused_field("head", head_with_unknown_key()), None);
    let over = |n| Value::List(vec![StatementId::from_bytes([1; 32]).into(); n]);
    let cases = [
        ("n", 0u64.into()),
        ("n", (-1i64).into()),
        ("time", u64::MAX.into()),
        ("inc", vec![1u8; 7].into()),
        ("context", vec![1u8; 33].into()),
        ("name", "../etc".into()),
        ("name", "CON".into()),
        ("name", "a".repeat(256).into()),
        ("frame", key(1).public().into()),
        ("over", over(OVER + 1)),
        ("gen", (-1i64).into()),
        ("why", "moved".into()),
    ];
    for (name, value) in cases {
        assert_eq!(
            refused_field("head", with(name, value.clone())).as_deref(),
            Some(name),
            "{value:?}"
        );
    }
    assert_eq!(refused_field("head", with("over", over(OVER))), None);
    let no_frame = with("frame", Value::Null);
    assert_eq!(refused_field("head", no_frame.clone()).as_deref(), Some("why"));
    assert_eq!(refused_field("head", no_frame.with("why", "moved")), None);
}

#[test]
fn tags_that_would_read_as_something_else_are_refused() {
    let tag = |tag: &str| {
        let fields = place_fields()
            .with("stack", StackId::from_bytes([1; 16]))
            .with("tag", tag)
            .with("frame", FrameId::from_bytes([1; 32]))
            .with("over", Vec::<Value>::new());
        refused_field("tag", fields)
    };
    for refused in ["head", "deadbeef", "123456", "a~1", "a^2", "a@b", "a#b", "", &"x".repeat(65)] {
        assert_eq!(tag(refused).as_deref(), Some("tag"), "{refused:?}");
    }
    for fine in ["v1", "dead", "2024-05", "best model"] {
        assert_eq!(tag(fine), None, "{fine:?}");
    }
}

#[test]
fn tickets_make_readers_and_writers_only() {
    for (role, refused) in
        [(Role::None, true), (Role::Reader, false), (Role::Writer, false), (Role::Owner, true)]
    {
        let fact =
            TicketFact { key: key(4).public(), role, until: None, uses: None, generation: 0 };
        let signed = PlacedFact::Ticket(fact).sign(&place(), &key(3));
        assert_eq!(signed.is_err(), refused, "{role}");
    }
}

#[test]
fn lists_have_one_order() {
    let (a, b) = (key(1).device(), key(2).device());
    let (low, high) = (a.min(b), a.max(b));
    let inc = Incarnation::from_bytes([0; 8]);
    let seen = |devices: &[crate::id::DeviceId]| {
        let seen = devices
            .iter()
            .map(|device| Value::List(vec![(*device).into(), inc.into(), 1u64.into()]));
        let fields = place_fields().with("user", UserId::from_bytes([1; 32])).with("role", "none");
        refused_field("member", fields.with("seen", seen.collect::<Vec<_>>()))
    };
    assert_eq!(seen(&[low, high]), None);
    assert_eq!(seen(&[high, low]).as_deref(), Some("seen"));
    assert_eq!(seen(&[low, low]).as_deref(), Some("seen"));
    let docs = |docs: &[u8]| {
        let docs = docs.iter().map(|d| {
            let tips = Value::List(vec![ChangeId::from_bytes([1; 32]).into()]);
            Value::List(vec![DocumentId::from_bytes([*d; 32]).into(), tips])
        });
        let subject = Subject::User(UserId::from_bytes([1; 32]));
        let fields = place_fields().with("subject", subject);
        refused_field("cut", fields.with("docs", docs.collect::<Vec<_>>()))
    };
    assert_eq!(docs(&[1, 2]), None);
    assert_eq!(docs(&[2, 1]).as_deref(), Some("docs"));
    assert_eq!(docs(&[1, 1]).as_deref(), Some("docs"));
    let closed = place_fields()
        .with("name", "main")
        .with("text", "")
        .with("access", "private")
        .with("over", Vec::<Value>::new());
    assert_eq!(refused_field("about", closed.clone()), None);
    assert_eq!(refused_field("about", closed.with("closed", false)).as_deref(), Some("closed"));
}

#[test]
fn secrets_do_not_show() {
    let interest = Interest { generation: 1, key: [0xab; 32] };
    assert_eq!(format!("{interest:?}"), "Interest { generation: 1, .. }");
}

#[test]
fn a_scope_that_this_version_cannot_judge_grants_nothing() {
    let grant = |scope: Map| {
        let fields = Map::new()
            .with("user", UserId::from_bytes([1; 32]))
            .with("n", 1u64)
            .with("prev", StatementId::from_bytes([1; 32]))
            .with("device", key(3).device())
            .with("name", "laptop")
            .with("scope", scope);
        let signed = Statement::sign("grant", fields, &[], &key(1)).unwrap();
        match signed.fact() {
            Fact::Entry(entry) => matches!(entry.fact, EntryFact::Grant(_)),
            other => panic!("{other:?}"),
        }
    };
    assert!(grant(Map::new()));
    assert!(grant(Map::new().with("role", "reader")));
    assert!(!grant(Map::new().with("role", "auditor")));
    assert!(!grant(Map::new().with("stacks", Vec::<Value>::new())));
}

#[test]
fn a_grant_permits_within_its_scope_and_time() {
    let [here, there] = [1, 2].map(|b| crate::id::ContextId::from_bytes([b; 32]));
    let full = Grant { device: key(3).device(), name: "ci".into(), scope: None, until: None };
    assert_eq!(full.permits(here, i64::MAX), Some(Role::Owner));
    let ended = Grant { until: Some(10), ..full.clone() };
    assert_eq!(ended.permits(here, 10), Some(Role::Owner));
    assert_eq!(ended.permits(here, 11), None);
    let scope = Scope { contexts: Some(vec![here]), role: Some(Role::Reader) };
    let scoped = Grant { scope: Some(scope), ..full };
    assert_eq!(scoped.permits(here, 0), Some(Role::Reader));
    assert_eq!(scoped.permits(there, 0), None);
}

proptest! {
    #[test]
    fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(statement) = Statement::decode(&bytes) {
            prop_assert_eq!(statement.encode(), bytes);
            let _ = statement.verify();
        }
    }

    #[test]
    fn any_signed_body_gives_a_fact_or_an_error(
        body in proptest::collection::vec(any::<u8>(), 0..120),
        kind in "[a-z-]{1,8}",
    ) {
        let _ = forge(body, &kind, &key(1)).open();
    }

    #[test]
    fn any_field_of_any_kind_may_be_anything(at: prop::sample::Index, field: prop::sample::Index, value in 0u8..6) {
        let samples = all();
        let (_, sample) = &samples[at.index(samples.len())];
        let body = cbor::decode_map(sample.statement().body(), STATEMENT_BYTES).unwrap();
        let kind = peek_kind(sample.statement().body()).unwrap().to_owned();
        let value = [
            Value::Null,
            Value::Int(i128::from(u64::MAX)),
            Value::Float(1.5),
            Value::Bytes(vec![0x1e; 33]),
            Value::List(vec![Value::List(vec![Value::Null; 3])]),
            Value::Map(Map::new().with("role", "x")),
        ][usize::from(value)].clone();
        let field = body.iter().nth(field.index(body.len())).unwrap().0.to_owned();
        let body = cbor::encode(&Value::Map(body.with(field, value)));
        let signer = (1..=6).map(key).find(|k| k.public() == sample.signer()).unwrap();
        let _ = forge(body, &kind, &signer).verify();
    }

    #[test]
    fn an_altered_byte_never_verifies(at: prop::sample::Index, byte: prop::sample::Index, flip in 1u8..) {
        let samples = all();
        let mut bytes = samples[at.index(samples.len())].1.encode();
        let byte = byte.index(bytes.len());
        bytes[byte] ^= flip;
        let verified = Statement::decode(&bytes).and_then(Statement::verify);
        prop_assert!(verified.is_err());
    }

    #[test]
    fn heads_round_trip(
        stack: [u8; 16], frame: Option<[u8; 32]>, generation: u64, name in "[a-z]{1,20}",
        over in proptest::collection::vec(any::<[u8; 32]>(), 0..=OVER), n in 1u64.., time: i64,
    ) {
        let head = Head {
            stack: StackId::from_bytes(stack),
            name: format!("x{name}").parse().unwrap(),
            frame: frame.map(FrameId::from_bytes),
            generation,
            over: over.into_iter().map(StatementId::from_bytes).collect(),
            why: frame.is_none().then_some(Why::Removed),
        };
        let place = Place { n, time, ..place() };
        let fact = PlacedFact::Head(head);
        let signed = fact.sign(&place, &key(3)).unwrap();
        let read = Statement::decode(&signed.encode()).unwrap().verify().unwrap();
        prop_assert_eq!(read.fact(), &Fact::Placed(Placed { place, fact }));
        prop_assert_eq!(read, signed);
    }
}
