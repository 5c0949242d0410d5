//! The place rule of catalogs, operation by operation.

use super::*;

// The rest of the place rule.

#[test]
fn an_operation_puts_bytes_at_a_key_or_deletes() {
    let (name, value) = statement(&place(), &key(7), 1);
    let not_bytes = edited(|doc| doc.put(ROOT, &name, "text").unwrap());
    let expected = RefuseReason::Op { index: 0, reason: OpError::Value };
    assert_eq!(refused(not_bytes), expected);
    let counter = edited(|doc| {
        doc.put(ROOT, &name, ScalarValue::counter(1)).unwrap();
        doc.increment(ROOT, &name, 1).unwrap();
    });
    assert!(matches!(refused(counter), RefuseReason::Op { .. }));
    let mut increment = chunk();
    increment.column(0x42, run(1, 5)).column(0x56, run(1, 1 << 4 | 3)).column(0x57, vec![1]);
    let expected = RefuseReason::Op { index: 0, reason: OpError::Action };
    assert_eq!(refused(sign(1, increment.bytes())), expected);
    let mut insert = chunk();
    insert.column(0x34, [unsigned(0), unsigned(1)].concat());
    let expected = RefuseReason::Op { index: 0, reason: OpError::NotAtKey };
    assert_eq!(refused(sign(1, insert.bytes())), expected);
    let mut element = chunk();
    element.columns.retain(|(column, _)| *column != 0x15);
    element.column(0x13, [signed(1), signed(0)].concat());
    assert_eq!(refused(sign(1, element.bytes())), expected);
    let mut both = edited(|doc| {
        doc.put(ROOT, &name, value).unwrap();
        doc.delete(ROOT, &name).unwrap();
    });
    assert!(accepted(&first(both.clone())));
    both.change.pop();
    assert!(!accepted(&first(both)));
}

#[test]
fn a_key_is_kind_and_id() {
    let (name, value) = statement(&place(), &key(7), 1);
    let (other, _) = statement(&place(), &key(7), 2);
    let id = name.split_once('/').unwrap().1;
    let wrong = [other, format!("tag/{id}"), format!("x{name}")];
    for wrong in wrong {
        let envelope = edited(|doc| doc.put(ROOT, &wrong, value.clone()).unwrap());
        let reason = EntryError::Key;
        assert_eq!(refused(envelope), RefuseReason::Entry { key: wrong, reason });
    }
    let long = format!("{}/{id}", "k".repeat(CATALOG_KEY_BYTES - 64));
    for wrong in ["", "k", "/", &format!("/{id}"), id, &name[..name.len() - 1], &long] {
        let mut chunk = chunk();
        chunk.column(0x15, [signed(1), text(wrong.as_bytes())].concat());
        chunk.column(0x42, run(1, 3));
        chunk.column(0x56, run(1, 0)).column(0x57, Vec::new());
        let judged = refused(sign(1, chunk.bytes()));
        let known = matches!(
            judged,
            RefuseReason::Op { reason: OpError::Key, .. } | RefuseReason::Change(_)
        );
        assert!(known, "{wrong}: {judged:?}");
    }
}

#[test]
fn a_value_is_a_statement() {
    let (name, value) = statement(&place(), &key(7), 1);
    let mut broken = value.clone();
    *broken.last_mut().unwrap() ^= 1;
    for value in [vec![], b"secret".to_vec(), broken] {
        let envelope = edited(|doc| doc.put(ROOT, &name, value).unwrap());
        let reason = refused(envelope);
        let statement = |r: &RefuseReason| {
            matches!(r, RefuseReason::Entry { reason: EntryError::Statement(_), .. })
        };
        assert!(statement(&reason), "{reason:?}");
    }
}

#[test]
fn a_statement_outside_of_contexts_is_refused() {
    let fields = Map::new().with("hello", "world");
    let free = Statement::sign("greeting", fields, &[], &key(7)).unwrap();
    let name = format!("greeting/{}", free.id());
    let envelope = edited(|doc| doc.put(ROOT, &name, free.encode()).unwrap());
    let reason = EntryError::NotPlaced;
    assert_eq!(refused(envelope), RefuseReason::Entry { key: name, reason });
}

/// What this version does not know is kept for those who do.
#[test]
fn a_statement_of_an_unknown_kind_is_accepted() {
    let fields = Map::new()
        .with("context", place().context)
        .with("device", place().device)
        .with("inc", place().inc)
        .with("n", 1u64)
        .with("time", 0i64)
        .with("mood", "sunny");
    let unknown = Statement::sign("weather", fields, &["clouds"], &key(7)).unwrap();
    let name = catalog_key(&unknown).unwrap();
    assert!(name.starts_with("weather/"));
    let envelope = edited(|doc| doc.put(ROOT, &name, unknown.encode()).unwrap());
    let Judgement::Accept { statements, .. } = first(envelope) else { panic!("not accepted") };
    assert_eq!(statements, [unknown]);
}

#[test]
fn a_change_holds_nothing_beside_its_operations() {
    let mut message = chunk();
    message.message = b"hidden".to_vec();
    let mut time = chunk();
    time.time = 1;
    let mut extra = chunk();
    extra.extra = vec![1];
    for chunk in [message, time, extra] {
        let expected = RefuseReason::Change(ChangeError::Extra);
        assert_eq!(refused(sign(1, chunk.bytes())), expected);
    }
    let mut empty = chunk();
    empty.columns.clear();
    assert_eq!(refused(sign(1, empty.bytes())), RefuseReason::Change(ChangeError::Empty));
}

/// Finding 12: one content has one form. Automerge would save what it makes of another form, and
/// refuse to load that.
#[test]
fn a_change_has_automerges_own_form() {
    let refused_form = |bytes| refused(sign(1, bytes)) == RefuseReason::Change(ChangeError::Form);
    let run_of_one = chunk();
    assert_ne!(run_of_one.as_it_is(), run_of_one.bytes());
    assert!(refused_form(run_of_one.as_it_is()));
    let mut wrong_checksum = run_of_one.bytes();
    wrong_checksum[4] ^= 1;
    assert!(refused_form(wrong_checksum));
    let mut value_of_a_delete = chunk();
    value_of_a_delete.column(0x42, run(1, 3));
    assert!(refused_form(value_of_a_delete.as_it_is()));
    let mut unused_actor = chunk();
    unused_actor.others = vec![actor(key(8).device(), place().inc)];
    assert!(refused_form(unused_actor.as_it_is()));
}
