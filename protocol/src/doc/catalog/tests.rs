use super::*;
use crate::doc::judge::{JudgeTask, Judgement, judge};
use crate::limits::STATEMENT_BYTES;
use crate::statement::{About, Access, Place, PlacedFact};

fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

fn place() -> CatalogPlace {
    CatalogPlace {
        context: ContextId::from_bytes([1; 32]),
        user: UserId::from_bytes([2; 32]),
        device: key().device(),
        inc: Incarnation::from_bytes([3; 8]),
    }
}

fn entry_of(fact: &PlacedFact, n: u64) -> (String, Vec<u8>) {
    let place = place();
    let at = Place { context: place.context, device: place.device, inc: place.inc, n, time: 0 };
    let verified = fact.sign(&at, &key()).unwrap();
    (catalog_key(&verified).unwrap(), verified.encode())
}

fn statement(n: u64) -> (String, Vec<u8>) {
    entry_of(&PlacedFact::TicketEnd { key: key().public() }, n)
}

fn accepts(envelopes: &[Envelope]) -> bool {
    let task = JudgeTask {
        place: place(),
        epoch: CATALOG_EPOCH,
        tip: None,
        held: Vec::new(),
        envelopes: envelopes.to_vec(),
    };
    judge(&task).iter().all(|judged| matches!(judged, Judgement::Accept { .. }))
}

#[test]
fn what_is_written_is_accepted_and_loaded() {
    let mut writer = CatalogWriter::new(place());
    assert_eq!(writer.tip(), None);
    let first = writer.append(&key(), &[statement(1), statement(2)], &[]).unwrap();
    let gone = statement(1).0;
    let second = writer.append(&key(), &[statement(3)], std::slice::from_ref(&gone)).unwrap();
    let envelopes = [first, second];
    assert!(accepts(&envelopes));
    assert_eq!(writer.tip().map(|tip| (tip.n, tip.max_op)), Some((2, 4)));

    let mut loaded = CatalogWriter::load(place(), envelopes.iter()).unwrap();
    assert_eq!(loaded.tip(), writer.tip());
    assert!(!loaded.holds(&gone) && loaded.holds(&statement(3).0));
    let next = [statement(4)];
    let third = loaded.append(&key(), &next, &[]).unwrap();
    assert_eq!(writer.append(&key(), &next, &[]), Ok(third.clone()));
    let [first, second] = envelopes;
    assert!(accepts(&[first, second, third]));
}

/// The hash of the envelope of a first change; another version of automerge has to make the same.
#[test]
fn golden_change() {
    let envelope = CatalogWriter::new(place()).append(&key(), &[statement(1)], &[]).unwrap();
    let hash = data_encoding::HEXLOWER.encode(&envelope.hash());
    assert_eq!((envelope.change.len(), hash.as_str()), (433, GOLDEN));
}

#[test]
fn nothing_is_appended_that_peers_would_refuse() {
    let mut writer = CatalogWriter::new(place());
    let (name, value) = statement(1);
    let other = SecretKey::from_seed(&[8; 32]);
    assert_eq!(writer.append(&other, &[statement(1)], &[]), Err(AppendError::Key(other.device())),);
    assert_eq!(writer.append(&key(), &[], &[]), Err(AppendError::Empty));
    assert_eq!(
        writer.append(&key(), &[("tag/x".to_owned(), value.clone())], &[]),
        Err(AppendError::Entry { key: "tag/x".to_owned(), reason: EntryError::Key }),
    );
    assert!(matches!(
        writer.append(&key(), &[(name.clone(), b"x".to_vec())], &[]),
        Err(AppendError::Entry { .. })
    ));
    assert_eq!(
        writer.append(&key(), &[], std::slice::from_ref(&name)),
        Err(AppendError::Missing(name.clone())),
    );
    assert_eq!(
        writer.append(&key(), &[statement(1), statement(1)], &[]),
        Err(AppendError::Exists(name.clone())),
    );
    assert_eq!(writer.tip(), None);
    writer.append(&key(), &[statement(1)], &[]).unwrap();
    let tip = writer.tip();
    assert_eq!(writer.append(&key(), &[statement(1)], &[]), Err(AppendError::Exists(name.clone())),);
    assert_eq!(
        writer.append(&key(), &[], &[name.clone(), name.clone()]),
        Err(AppendError::Missing(name.clone())),
    );
    assert_eq!(writer.tip(), tip);
    assert!(writer.holds(&name));
}

#[test]
fn a_change_that_is_too_large_is_not_begun() {
    let large: Vec<_> = (1..=20)
        .map(|n| {
            let text = "t".repeat(crate::limits::ABOUT_BYTES);
            let name = "main".parse().unwrap();
            let about =
                About { name, text, access: Access::Private, closed: false, over: Vec::new() };
            entry_of(&PlacedFact::About(about), n)
        })
        .collect();
    let mut writer = CatalogWriter::new(place());
    assert!(large[0].1.len() < STATEMENT_BYTES);
    let most = writer.append(&key(), &large[..20], &[]).unwrap();
    assert!(most.change.len() <= CHANGE_BYTES && accepts(&[most]));
    let many: Vec<_> = large.iter().cycle().take(40).cloned().collect();
    let refused = CatalogWriter::new(place()).append(&key(), &many, &[]);
    assert!(matches!(refused, Err(AppendError::TooLarge { entries: 40, .. })));
}

/// Many small entries, the worst case of the estimate: puts and deletes that alternate.
#[test]
fn the_estimate_is_an_upper_bound() {
    let mut writer = CatalogWriter::new(place());
    let all: Vec<_> = (1..=180).map(statement).collect();
    let first = writer.append(&key(), &all[..90], &[]).unwrap();
    let deletes: Vec<_> = all[..90].iter().map(|(name, _)| name.clone()).collect();
    let second = writer.append(&key(), &all[90..], &deletes).unwrap();
    let bytes =
        |puts: &[(String, Vec<u8>)]| puts.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
    assert!(first.change.len() <= bytes(&all[..90]) + 90 * OP_FRAME + CHANGE_FRAME);
    assert!(second.change.len() <= CHANGE_BYTES);
    assert!(accepts(&[first, second]));
}

#[test]
fn a_gap_or_a_foreign_envelope_is_not_loaded() {
    let mut writer = CatalogWriter::new(place());
    let chain: Vec<_> =
        (1..=3).map(|n| writer.append(&key(), &[statement(n)], &[]).unwrap()).collect();
    let gap = CatalogWriter::load(place(), [&chain[0], &chain[2]].into_iter()).unwrap_err();
    assert_eq!(gap, LoadError { n: 3, reason: RefuseReason::Previous });
    let other = CatalogPlace { inc: Incarnation::from_bytes([9; 8]), ..place() };
    let foreign = CatalogWriter::load(other, chain.iter()).unwrap_err();
    assert_eq!(foreign, LoadError { n: 1, reason: RefuseReason::Place });
}

const GOLDEN: &str = "3a9031967105844aa68655dca4a2e197c4079fb5961918b8ccc373cda5f042ed";
