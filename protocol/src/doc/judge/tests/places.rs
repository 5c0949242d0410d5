//! Changes and statements replayed into another place, and writers that are not the one.

use super::*;

// Finding 1: replay into another place.

/// The places that differ from the laptop's catalog in one thing.
fn other_places() -> Vec<(&'static str, CatalogPlace)> {
    let here = place();
    vec![
        ("context", CatalogPlace { context: ContextId::from_bytes([9; 32]), ..here }),
        ("user", CatalogPlace { user: UserId::from_bytes([9; 32]), ..here }),
        ("device", CatalogPlace { device: key(8).device(), ..here }),
        ("incarnation", CatalogPlace { inc: Incarnation::from_bytes([9; 8]), ..here }),
    ]
}

#[test]
fn a_genuine_change_is_refused_in_every_other_catalog() {
    let genuine = chain(1).remove(0);
    for (name, place) in other_places() {
        let task = JudgeTask { place, ..task(None, vec![genuine.clone()]) };
        assert_eq!(judge(&task), [Judgement::Refuse(RefuseReason::Place)], "{name}");
        // Relabelled to where it was replayed, the signature does not hold any more.
        let relabelled = Envelope {
            doc: place.document(),
            device: place.device,
            inc: place.inc,
            ..genuine.clone()
        };
        let task = JudgeTask { envelopes: vec![relabelled], ..task };
        let bad = RefuseReason::Signature(BadSignature);
        assert_eq!(judge(&task), [Judgement::Refuse(bad)], "{name}");
    }
}

#[test]
fn a_change_of_a_board_is_refused_in_a_catalog() {
    let board = DocumentId::board(place().context, place().user, [0; 16]);
    let mut envelope = Envelope::sign(board, 0, place().inc, 1, chunk().bytes(), &key(7));
    assert_eq!(refused(envelope.clone()), RefuseReason::Place);
    envelope.doc = place().document();
    assert_eq!(refused(envelope), RefuseReason::Signature(BadSignature));
}

/// The thief of a device signs a relayed statement of another place into its catalog.
#[test]
fn a_statement_of_another_place_is_refused() {
    for (name, other) in other_places() {
        if name == "user" {
            continue; // a statement names no user: its device does
        }
        let signer = if name == "device" { key(8) } else { key(7) };
        let (name, value) = statement(&other, &signer, 1);
        let envelope = edited(|doc| doc.put(ROOT, &name, value).unwrap());
        let expected =
            if signer.device() == place().device { EntryError::Place } else { EntryError::Signer };
        assert_eq!(refused(envelope), RefuseReason::Entry { key: name, reason: expected });
    }
}

// Finding 3: a writer that is not the one of this catalog.

/// A restored database counts from where its backup ended: the same place, another change.
#[test]
fn a_restored_backup_shows_as_a_fork_and_a_new_incarnation_goes_on() {
    let lost = chain(3);
    let mut restored = CatalogWriter::load(place(), lost[..2].iter()).unwrap();
    let other = restored.append(&key(7), &[statement(&place(), &key(7), 9)], &[]).unwrap();
    let mut judged = task(None, lost.clone());
    judged.envelopes.push(other.clone());
    let proof = ForkProof::new(lost[2].clone(), other).unwrap();
    let fork = RefuseReason::Fork(Box::new(proof));
    assert_eq!(fork.blame(), Blame::Signer);
    assert_eq!(judge(&judged)[3], Judgement::Refuse(fork));

    let here = CatalogPlace { inc: Incarnation::from_bytes([4; 8]), ..place() };
    let mut renewed = CatalogWriter::new(here);
    let change = renewed.append(&key(7), &[statement(&here, &key(7), 1)], &[]).unwrap();
    let task = JudgeTask { place: here, ..task(None, vec![change]) };
    assert!(accepted(&judge(&task)[0]));
}

#[test]
fn the_actor_is_the_device_and_incarnation() {
    let phone = key(8).device();
    for actor in [
        actor(phone, place().inc),
        actor(place().device, Incarnation::from_bytes([9; 8])),
        laptop()[..39].to_vec(),
        vec![],
    ] {
        let mut chunk = chunk();
        chunk.actor = actor;
        let expected = RefuseReason::Change(ChangeError::Actor);
        assert_eq!(refused(sign(1, chunk.bytes())), expected);
    }
}

#[test]
fn the_number_is_that_of_automerge() {
    let mut chunk = chunk();
    chunk.seq = 2;
    let expected = RefuseReason::Change(ChangeError::Seq { expected: 1, actual: 2 });
    assert_eq!(refused(sign(1, chunk.bytes())), expected);
    let mut zero = sign(0, self::chunk().bytes());
    assert_eq!(refused(zero.clone()), RefuseReason::Place);
    zero.n = 1;
    assert_eq!(refused(zero), RefuseReason::Signature(BadSignature));
}

/// Two devices that both make a root map hide each other's; a catalog has no maps.
#[test]
fn a_catalog_has_no_objects() {
    for kind in [ObjType::Map, ObjType::List, ObjType::Text] {
        let (name, _) = statement(&place(), &key(7), 1);
        let envelope = edited(|doc| {
            doc.put_object(ROOT, &name, kind).unwrap();
        });
        let expected = RefuseReason::Op { index: 0, reason: OpError::Action };
        assert_eq!(refused(envelope), expected);
    }
    let mut chunk = chunk();
    chunk.column(0x01, run(1, 0)).column(0x02, run(1, 1));
    let expected = RefuseReason::Op { index: 0, reason: OpError::NotAtRoot };
    assert_eq!(refused(sign(1, chunk.bytes())), expected);
}

#[test]
fn a_catalog_names_no_other_actor() {
    let mut chunk = chunk();
    chunk.others = vec![actor(key(8).device(), place().inc)];
    chunk.column(0x70, run(1, 1)).column(0x71, run(1, 1));
    chunk.column(0x73, [signed(1), signed(1)].concat());
    assert_eq!(refused(sign(1, chunk.bytes())), RefuseReason::OtherActors);
}
