//! Archives: what comes by one is judged as what comes from a peer.

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY};
use crate::doc::Envelope;
use crate::id::{BlobHash, ContextId, FrameId};
use crate::limits;
use crate::object::Frame;
use crate::statement::{PlacedFact, Role};
use crate::sync::{
    ArchivePart, Command, CommandError, Imported, Input, Record, Reply, Standing, TaskResult,
};
use crate::wire::CatalogKey;

/// Alice owns a context with a frame; nobody is connected to anybody.
fn apart() -> (Lab, ContextId, FrameId) {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let context = lab.context(ALICE);
    let frame = lab.push(ALICE, context, "report");
    (lab, context, frame)
}

fn open(lab: &mut Lab, at: usize, context: ContextId) {
    let genesis = lab[ALICE].node.contexts[&context].record.genesis.clone();
    lab.command(at, Command::OpenArchive { genesis }).unwrap();
}

fn import(
    lab: &mut Lab,
    at: usize,
    context: ContextId,
    part: ArchivePart,
) -> Result<Imported, CommandError> {
    match lab.command(at, Command::Import { context, part })? {
        Reply::Imported(imported) => Ok(imported),
        other => panic!("an import answers with {other:?}"),
    }
}

fn log_of(lab: &Lab, of: usize) -> ArchivePart {
    let user = lab[of].user;
    ArchivePart::Log { user, entries: lab[of].node.archived_log(user) }
}

fn envelopes_of(lab: &Lab, of: usize, context: ContextId) -> (CatalogKey, Vec<Vec<u8>>) {
    let key = lab[of].catalog();
    (key, lab[of].node.archived_envelopes(context, key, 1))
}

fn catalog_of(lab: &Lab, of: usize, context: ContextId) -> ArchivePart {
    let (catalog, envelopes) = envelopes_of(lab, of, context);
    ArchivePart::Envelopes { catalog, envelopes }
}

fn frame_of(lab: &Lab, of: usize, frame: FrameId) -> Vec<u8> {
    let stored = lab[of].records.iter().find_map(|record| match record {
        Record::Frame { id, bytes, .. } if *id == frame => Some(bytes.clone()),
        _ => None,
    });
    stored.expect("the frame is stored")
}

fn count(accepted: u64, known: u64, waiting: u64, left_out: u64) -> Imported {
    Imported { accepted, known, waiting, left_out }
}

#[test]
fn a_context_is_carried_whole_and_again_changes_nothing() {
    let (mut lab, context, frame) = apart();
    assert_eq!(lab[ALICE].node.archived_users(context), [lab[ALICE].user]);
    let parts = [
        (log_of(&lab, ALICE), count(0, 0, 0, 0), count(0, 0, 0, 0)),
        (catalog_of(&lab, ALICE, context), count(2, 0, 0, 0), count(0, 2, 0, 0)),
        (
            ArchivePart::Frames(vec![frame_of(&lab, ALICE, frame)]),
            count(1, 0, 0, 0),
            count(0, 1, 0, 0),
        ),
        (
            ArchivePart::Blobs(vec![(BlobHash::of(b"report"), 6)]),
            count(1, 0, 0, 0),
            count(1, 0, 0, 0),
        ),
    ];
    for again in [false, true] {
        open(&mut lab, BOB, context);
        for (part, first, second) in &parts {
            let expected = if again { second } else { first };
            assert_eq!(import(&mut lab, BOB, context, part.clone()).as_ref(), Ok(expected));
        }
        lab.command(BOB, Command::CloseArchive { context }).unwrap();
    }
    let held = &lab[BOB].node.contexts[&context];
    assert_eq!((held.standing(), held.wanted()), (Standing::Archived, (0, 0)));
    assert!(held.frame(frame).is_some() && held.view().about().is_some());
    let earned =
        |r: &&Record| matches!(r, Record::Earned { hash, .. } if *hash == BlobHash::of(b"report"));
    assert!(lab[BOB].records.iter().any(|record| earned(&record)));
    let records = lab[BOB].records.clone();
    lab.restart(BOB, records);
    assert_eq!(lab[BOB].node.contexts[&context].standing(), Standing::Archived);
}

#[test]
fn who_has_only_an_archive_says_nothing_of_it_to_anybody() {
    let (mut lab, context, _) = apart();
    open(&mut lab, BOB, context);
    for part in [log_of(&lab, ALICE), catalog_of(&lab, ALICE, context)] {
        import(&mut lab, BOB, context, part).unwrap();
    }
    lab.command(BOB, Command::CloseArchive { context }).unwrap();
    lab.connect(BOB, ALICE);
    let session = &lab[BOB].node.sessions[&lab[ALICE].device];
    assert!(session.channels.is_empty(), "the context matched");
}

#[test]
fn a_member_by_what_an_archive_holds_takes_part() {
    let (mut lab, context, _) = apart();
    lab.member(ALICE, context, BOB, Role::Writer);
    open(&mut lab, BOB, context);
    for part in [log_of(&lab, ALICE), catalog_of(&lab, ALICE, context)] {
        import(&mut lab, BOB, context, part).unwrap();
    }
    lab.command(BOB, Command::CloseArchive { context }).unwrap();
    lab.connect(BOB, ALICE);
    assert_eq!(lab[BOB].node.contexts[&context].standing(), Standing::Active { synced: true });
}

#[test]
fn what_nobody_may_write_is_left_out() {
    let (mut lab, context, _) = apart();
    open(&mut lab, BOB, context);
    for part in [log_of(&lab, ALICE), catalog_of(&lab, ALICE, context)] {
        import(&mut lab, BOB, context, part).unwrap();
    }
    // Mallory is nobody there, whatever she signs.
    let fact = PlacedFact::TicketEnd { key: lab[MALLORY].key.public() };
    let envelope = lab.sign(MALLORY, context, vec![fact]);
    let catalog = lab[MALLORY].catalog();
    let log = log_of(&lab, MALLORY);
    assert_eq!(import(&mut lab, BOB, context, log), Ok(count(0, 0, 0, 2)));
    let part = ArchivePart::Envelopes { catalog, envelopes: vec![envelope.encode()] };
    assert_eq!(import(&mut lab, BOB, context, part), Ok(count(0, 0, 0, 1)));
    assert!(lab[BOB].node.log(lab[MALLORY].user).is_none());
    assert!(!lab[BOB].node.contexts[&context].catalogs.contains_key(&catalog));
}

#[test]
fn what_is_not_signed_is_refused_and_nothing_of_it_stays() {
    let (mut lab, context, _) = apart();
    let (key, envelopes) = envelopes_of(&lab, ALICE, context);
    open(&mut lab, BOB, context);
    let log = log_of(&lab, ALICE);
    import(&mut lab, BOB, context, log).unwrap();
    let mut forged = Envelope::decode(&envelopes[1]).unwrap();
    forged.sig = Envelope::decode(&envelopes[0]).unwrap().sig;
    for wrong in [
        vec![envelopes[0].clone(), forged.encode()],
        vec![forged.encode()],
        vec![envelopes[0].clone(), b"no envelope".to_vec()],
    ] {
        let stored = lab[BOB].records.len();
        let part = ArchivePart::Envelopes { catalog: key, envelopes: wrong };
        let refused = import(&mut lab, BOB, context, part);
        assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
        let envelopes = &lab[BOB].records[stored..];
        let wrong = |r: &Record| matches!(r, Record::Envelope { envelope, .. } if envelope.n == 2);
        assert!(!envelopes.iter().any(wrong));
    }
    // The right ones are taken all the same.
    let part = ArchivePart::Envelopes { catalog: key, envelopes };
    let taken = import(&mut lab, BOB, context, part).unwrap();
    assert_eq!((taken.accepted + taken.known, taken.waiting, taken.left_out), (2, 0, 0));
}

#[test]
fn envelopes_of_another_context_are_refused() {
    let (mut lab, context, _) = apart();
    let other = lab.context(ALICE);
    open(&mut lab, BOB, context);
    let log = log_of(&lab, ALICE);
    import(&mut lab, BOB, context, log).unwrap();
    let part = catalog_of(&lab, ALICE, other);
    let refused = import(&mut lab, BOB, context, part);
    assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
}

#[test]
fn entries_that_are_none_are_refused() {
    let (mut lab, context, _) = apart();
    open(&mut lab, BOB, context);
    let user = lab[ALICE].user;
    let mut entries = lab[ALICE].node.archived_log(user);
    let last = entries[1].len() - 1;
    entries[1][last] ^= 1;
    let refused = import(&mut lab, BOB, context, ArchivePart::Log { user, entries });
    assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
    assert!(lab[BOB].node.log(user).is_none());
}

#[test]
fn frames_and_blobs_that_nobody_names_are_left_out() {
    let (mut lab, context, frame) = apart();
    open(&mut lab, BOB, context);
    for part in [log_of(&lab, ALICE), catalog_of(&lab, ALICE, context)] {
        import(&mut lab, BOB, context, part).unwrap();
    }
    let stray = Frame { message: "of another context".to_owned(), ..Frame::default() };
    let stray = stray.encode().unwrap();
    let frames = vec![stray.clone(), frame_of(&lab, ALICE, frame)];
    let part = ArchivePart::Frames(frames);
    assert_eq!(import(&mut lab, BOB, context, part), Ok(count(1, 0, 0, 1)));
    assert!(lab[BOB].node.contexts[&context].frame(FrameId::of(&stray)).is_none());
    let named = (BlobHash::of(b"report"), 6);
    let blobs = vec![(BlobHash::of(b"secret"), 6), named];
    let part = ArchivePart::Blobs(blobs);
    assert_eq!(import(&mut lab, BOB, context, part), Ok(count(1, 0, 0, 1)));
    let earned = |r: &Record| matches!(r, Record::Earned { hash, .. } if *hash != named.0);
    assert!(!lab[BOB].records.iter().any(earned));
}

#[test]
fn a_blob_of_another_size_than_its_name_says_is_refused() {
    let (mut lab, context, frame) = apart();
    open(&mut lab, BOB, context);
    let frames = ArchivePart::Frames(vec![frame_of(&lab, ALICE, frame)]);
    for part in [log_of(&lab, ALICE), catalog_of(&lab, ALICE, context), frames] {
        import(&mut lab, BOB, context, part).unwrap();
    }
    let part = ArchivePart::Blobs(vec![(BlobHash::of(b"report"), 7)]);
    let refused = import(&mut lab, BOB, context, part);
    assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
    let earned = |r: &Record| matches!(r, Record::Earned { .. });
    assert!(!lab[BOB].records.iter().any(earned));
}

#[test]
fn what_the_disk_refuses_is_told_and_taken_the_next_time() {
    let (mut lab, context, _) = apart();
    open(&mut lab, BOB, context);
    let log = log_of(&lab, ALICE);
    import(&mut lab, BOB, context, log).unwrap();
    lab.stop_disk(BOB);
    let part = catalog_of(&lab, ALICE, context);
    let command = Command::Import { context, part: part.clone() };
    lab.command_later(BOB, command);
    let (task, _) = lab[BOB].node.tasks.iter().next_back().expect("it is being stored");
    let (task, reason) = (*task, "no room".to_owned());
    lab.feed(
        BOB,
        Input::Done { task, result: TaskResult::StoreFailed { reason, disk_full: true } },
    );
    assert!(lab[BOB].node.imports.is_empty(), "it was answered");
    lab.run_disk(BOB);
    let taken = import(&mut lab, BOB, context, part).unwrap();
    assert_eq!(taken, count(2, 0, 0, 0));
}

#[test]
fn a_page_of_an_archive_is_judged_at_one_time() {
    let (mut lab, context, _) = apart();
    for n in 0..300 {
        lab.push(ALICE, context, &n.to_string());
    }
    let (key, envelopes) = envelopes_of(&lab, ALICE, context);
    assert_eq!(envelopes.len(), limits::JUDGE_BATCH);
    open(&mut lab, BOB, context);
    let log = log_of(&lab, ALICE);
    import(&mut lab, BOB, context, log).unwrap();
    let mut from = 1;
    while let page = lab[ALICE].node.archived_envelopes(context, key, from)
        && !page.is_empty()
    {
        let all = page.len() as u64;
        from += all;
        let part = ArchivePart::Envelopes { catalog: key, envelopes: page };
        assert_eq!(import(&mut lab, BOB, context, part), Ok(count(all, 0, 0, 0)));
    }
    assert_eq!(from, 303);
}
