//! What holds wherever the database lies.

use dsp_protocol::api::{SetTrust, Trust};

use super::*;

/// Runs each test on a database in memory and on one in a file.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($stage:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn test($stage: Stage) $body

            $(#[$meta])*
            #[tokio::test]
            async fn memory() {
                test(Stage::memory()).await;
            }

            $(#[$meta])*
            #[tokio::test]
            async fn file() {
                test(Stage::file()).await;
            }
        }
    )*};
}

on_both! {
    async fn records_come_back_in_order(stage) {
        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Created);
        assert_eq!(store.restore().await.unwrap(), []);
        let mut shuffled = everything();
        // Logs keep their order; all else is put in order by the store.
        let logs = shuffled.drain(1..5).collect::<Vec<_>>();
        shuffled.reverse();
        store.apply(shuffled).await.unwrap();
        store.apply(logs).await.unwrap();
        assert_eq!(store.restore().await.unwrap(), everything());
        store.close().await.unwrap();

        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Clean);
        assert_eq!(store.restore().await.unwrap(), everything());
        store.close().await.unwrap();
    }

    async fn what_a_later_version_says_is_kept_byte_for_byte(stage) {
        let (store, _) = stage.open().await;
        store.apply(unknown()).await.unwrap();
        store.close().await.unwrap();
        let (store, _) = stage.open().await;
        assert_eq!(store.restore().await.unwrap(), unknown());
        store.close().await.unwrap();
    }

    async fn applying_again_changes_nothing(stage) {
        let (store, _) = stage.open().await;
        store.apply(everything()).await.unwrap();
        store.apply(everything()).await.unwrap();
        assert_eq!(store.restore().await.unwrap(), everything());
        store.close().await.unwrap();
    }

    async fn a_batch_is_applied_in_its_order(stage) {
        let (store, _) = stage.open().await;
        let batch = vec![context_record(1), envelope(1, 0, 9, 1), envelope(1, 0, 9, 2), envelope(1, 0, 8, 1)];
        store.apply(batch).await.unwrap();
        let Record::Envelope { envelope: old, .. } = envelope(1, 0, 9, 1) else { unreachable!() };
        let (context, user, device, inc) = (context(1), user(1), old.device, old.inc);
        let drop = Record::DropCatalog { context, user, device, inc };
        store.apply(vec![drop, envelope(1, 1, 9, 1)]).await.unwrap();
        let found = store.restore().await.unwrap();
        assert_eq!(found.len(), 3);
        assert!(found.contains(&envelope(1, 1, 9, 1)) && found.contains(&envelope(1, 0, 8, 1)));

        store.apply(vec![want(1, 1), Record::Unwant { context, hash: blob(1) }]).await.unwrap();
        assert_eq!(store.restore().await.unwrap(), found);
        store.close().await.unwrap();
    }

    async fn forgetting_a_context_keeps_what_others_have(stage) {
        let (store, _) = stage.open().await;
        store.apply(everything()).await.unwrap();
        store.apply(vec![frame(1, 2), earned(1, 1), earned(1, 2), earned(2, 2)]).await.unwrap();
        store.apply(vec![Record::ForgetContext(context(1))]).await.unwrap();
        let of = |record: &Record| match record {
            Record::Context(record) => Some(record.genesis.id()),
            Record::Envelope { context, .. }
            | Record::Redemption { context, .. }
            | Record::Fork { context, .. }
            | Record::Frame { context, .. }
            | Record::Earned { context, .. }
            | Record::Dropped { context, .. }
            | Record::Want { context, .. } => Some(*context),
            _ => None,
        };
        let mut rest = everything();
        rest.retain(|record| of(record) != Some(context(1)));
        let first = rest.iter().position(|record| matches!(record, Record::Earned { .. }));
        rest.insert(first.unwrap(), earned(2, 2));
        let contexts = rest.iter().rposition(|record| matches!(record, Record::Context(_)));
        rest.insert(contexts.unwrap() + 1, Record::ForgetContext(context(1)));
        assert_eq!(store.restore().await.unwrap(), rest);

        let (shared, alone) = (frame_bytes(1, 1000), frame_bytes(2, 1000));
        assert_eq!(store.frame(shared.0).await.unwrap(), Some(shared.1));
        assert_eq!(store.frame(alone.0).await.unwrap(), None);
        assert_eq!(store.all_earned(None, 10).await.unwrap(), [blob(2), blob(3)]);
        assert_eq!(store.contexts_of_blob(blob(2)).await.unwrap(), [context(2)]);
        assert!(!store.earned(context(1), vec![blob(2)]).await.unwrap());

        store.apply(vec![Record::ForgetContext(context(2))]).await.unwrap();
        assert_eq!(store.frame(shared.0).await.unwrap(), None);
        store.close().await.unwrap();
        // Nothing is left in any table but what the store knows of itself and of users.
        stage.tamper(|tx| {
            use redb::ReadableTableMetadata as _;
            assert!(tx.open_table(tables::FRAME).unwrap().is_empty().unwrap());
            assert!(tx.open_table(tables::FRAME_CONTEXT).unwrap().is_empty().unwrap());
            assert!(tx.open_table(tables::CONTEXT_FRAME).unwrap().is_empty().unwrap());
            assert!(tx.open_table(tables::BLOB_CONTEXT).unwrap().is_empty().unwrap());
            assert!(tx.open_table(tables::CONTEXT_BLOB).unwrap().is_empty().unwrap());
            assert!(tx.open_table(tables::WANT).unwrap().is_empty().unwrap());
        });
    }

    async fn frames_are_given_only_in_their_context(stage) {
        let (store, _) = stage.open().await;
        store.apply(vec![frame(1, 1), frame(1, 2), frame(2, 2)]).await.unwrap();
        let (one, two) = (frame_bytes(1, 1000), frame_bytes(2, 1000));
        let asked = vec![two.0, one.0, FrameId::from_bytes([0; 32])];
        let found = store.frames(context(1), asked.clone()).await.unwrap();
        assert_eq!(found, [two.clone(), one]);
        assert_eq!(store.frames(context(2), asked).await.unwrap(), [two]);
        store.close().await.unwrap();
    }

    async fn damaged_bytes_are_never_given(stage) {
        let (store, _) = stage.open().await;
        store.apply(vec![context_record(1), frame(1, 1), frame(1, 2)]).await.unwrap();
        store.close().await.unwrap();
        let (one, two) = (frame_bytes(1, 1000), frame_bytes(2, 1000));
        stage.tamper(|tx| {
            let mut frames = tx.open_table(tables::FRAME).unwrap();
            frames.insert(one.0.as_bytes(), &b"rot"[..]).unwrap();
        });
        let (store, _) = stage.open().await;
        let error = store.frame(one.0).await.unwrap_err();
        assert!(matches!(&error, ReadError::Damaged { table: "frame", .. }), "{error}");
        assert_eq!(store.frames(context(1), vec![one.0, two.0]).await.unwrap(), [two]);
        assert_eq!(store.restore().await.unwrap(), [context_record(1), frame(1, 2)]);
        // Brought again, it is whole again.
        store.apply(vec![frame(1, 1)]).await.unwrap();
        assert_eq!(store.frame(one.0).await.unwrap(), Some(one.1));
        store.close().await.unwrap();
        stage.tamper(|tx| {
            let mut contexts = tx.open_table(tables::CONTEXT).unwrap();
            contexts.insert(context(1).as_bytes(), &b"rot"[..]).unwrap();
        });
        let (store, _) = stage.open().await;
        let error = store.restore().await.unwrap_err();
        assert!(matches!(&error, ReadError::Damaged { table: "context", key, .. } if *key == context(1).to_string()), "{error}");
        store.close().await.unwrap();
    }

    async fn earned_blobs(stage) {
        let (store, _) = stage.open().await;
        let all = (1..=9).map(|n| earned(1, n)).chain([earned(2, 5), earned(2, 20)]);
        store.apply(all.collect()).await.unwrap();
        let found = store.earned_set(context(2), vec![blob(5), blob(6), blob(20)]).await.unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(blob(5), 5), (blob(20), 20)]);
        assert!(store.earned(context(1), vec![blob(1), blob(9), blob(1)]).await.unwrap());
        assert!(!store.earned(context(1), vec![blob(1), blob(20)]).await.unwrap());
        assert!(store.earned(context(1), vec![]).await.unwrap());
        let mut contexts = [context(1), context(2)];
        contexts.sort();
        assert_eq!(store.contexts_of_blob(blob(5)).await.unwrap(), contexts);

        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let page = store.all_earned(after, 3).await.unwrap();
            let last = page.len() < 3;
            after = page.last().copied().or(after);
            pages.extend(page);
            if last {
                break;
            }
        }
        assert_eq!(pages, (1..=9).chain([20]).map(blob).collect::<Vec<_>>());

        store.unearn(vec![blob(5), blob(77)]).await.unwrap();
        assert!(!store.earned(context(1), vec![blob(5)]).await.unwrap());
        assert!(store.contexts_of_blob(blob(5)).await.unwrap().is_empty());
        assert!(store.earned(context(2), vec![blob(20)]).await.unwrap());

        let lost = async |n, of: [u8; 3]| {
            let of = of.map(blob).to_vec();
            store.lost_set(context(n), of).await.unwrap().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(lost(1, [4, 5, 77]).await, [blob(5)], "77 was never here");
        store.apply(vec![earned(1, 5)]).await.unwrap();
        assert_eq!(lost(1, [4, 5, 77]).await, []);
        assert_eq!(lost(2, [5, 20, 77]).await, [blob(5)]);
        store.apply(vec![Record::ForgetContext(context(2))]).await.unwrap();
        assert_eq!(lost(2, [5, 20, 77]).await, []);
        store.close().await.unwrap();
    }

    async fn petnames_are_unique(stage) {
        let (store, _) = stage.open().await;
        let named = |text: &str| text.parse::<dsp_protocol::name::Petname>().unwrap();
        assert_eq!(store.meet(user(1), "alice", None).await.unwrap(), named("alice"));
        assert_eq!(store.meet(user(2), "Alice", None).await.unwrap(), named("Alice-2"));
        assert_eq!(store.meet(user(3), "alice-2", None).await.unwrap(), named("alice-2-2"));
        assert_eq!(store.meet(user(4), "alice", None).await.unwrap(), named("alice-3"));
        assert_eq!(store.meet(user(1), "bob", None).await.unwrap(), named("alice"), "met before");
        for (n, bad) in [(5, "me"), (6, ""), (7, "a/b")] {
            let name = store.meet(user(n), bad, None).await.unwrap();
            assert_eq!(name, named(&format!("user-{}", user(n).short())));
        }
        let long = "ä".repeat(32);
        store.meet(user(8), &long, None).await.unwrap();
        assert_eq!(store.meet(user(9), &long, None).await.unwrap(), named(&format!("{}-2", "ä".repeat(31))));

        let taken = store.rename_peer(user(1), named("ALICE-3")).await.unwrap().unwrap_err();
        assert_eq!(taken.user, user(4));
        store.rename_peer(user(1), named("ALICE")).await.unwrap().unwrap();
        let trusted = SetTrust { verified: Some(true), results: None, code: Some(true) };
        assert!(store.set_trust(user(1), trusted).await.unwrap());
        store.rename_peer(user(1), named("carol")).await.unwrap().unwrap();
        assert_eq!(store.peer(user(1)).await.unwrap(), Some(Peer { name: named("carol"), verified: true, trust: Trust { results: false, code: true } }));
        assert_eq!(store.meet(user(10), "alice", None).await.unwrap(), named("alice"));
        let none = SetTrust { verified: Some(false), results: None, code: Some(false) };
        assert!(store.set_trust(user(1), none).await.unwrap());
        assert!(!store.set_trust(user(99), trusted).await.unwrap(), "never met");
        let known = store.peer(user(1)).await.unwrap().unwrap();
        assert!(!known.verified && known.trust == Trust::default());
        let own = named("Zoë");
        let met = store.meet(user(11), "ZOË", Some(&own)).await.unwrap();
        assert_eq!(met, named("ZOË-2"), "nobody is called as I call myself");
        assert_eq!(store.peers().await.unwrap().len(), 11);
        store.close().await.unwrap();
    }

    async fn addresses_are_bounded_and_sorted(stage) {
        let (store, _) = stage.open().await;
        let device = |n: u8| SecretKey::from_seed(&[n; 32]).device();
        let address = |n: i64| format!("/ip4/10.0.0.{n}/tcp/1");
        for at in 1..20 {
            store.note_address_at(device(1), address(at), at).await.unwrap();
        }
        store.note_address_at(device(1), address(12), 50).await.unwrap();
        store.note_address(device(2), address(99)).await.unwrap();
        store.note_address(device(2), "x".repeat(257)).await.unwrap();
        assert_eq!(store.last_reached(device(1)).await.unwrap(), Some((address(12), 50)));
        let latest = [12, 19, 18, 17, 16, 15, 14, 13].map(address);
        assert_eq!(latest.len(), ADDRESSES_PER_DEVICE);
        assert_eq!(store.addresses(device(1)).await.unwrap(), latest);
        assert_eq!(store.addresses(device(2)).await.unwrap(), [address(99)]);
        assert!(store.last_reached(device(2)).await.unwrap().unwrap().1 > 1_600_000_000_000);
        assert!(store.addresses(device(3)).await.unwrap().is_empty());
        // What a device says of itself comes after where it was reached, and is replaced.
        let claims = |from: i64| (from..from + 9).map(address).collect::<Vec<_>>();
        store.note_claimed(device(2), claims(50)).await.unwrap();
        store.note_claimed(device(2), claims(92)).await.unwrap();
        let known = store.addresses(device(2)).await.unwrap();
        assert_eq!((known.len(), &known[0]), (1 + ADDRESSES_PER_DEVICE, &address(99)));
        assert!(known.iter().all(|known| claims(92).contains(known)));
        store.note_claimed(device(3), vec![address(1), "x".repeat(257)]).await.unwrap();
        assert_eq!(store.addresses(device(3)).await.unwrap(), [address(1)]);
        assert_eq!(store.last_reached(device(3)).await.unwrap(), None);
        store.close().await.unwrap();
    }

    async fn what_names_no_context_is_left_out(stage) {
        let (store, _) = stage.open().await;
        store.apply(everything()).await.unwrap();
        store.apply(vec![envelope(3, 0, 9, 1), frame(3, 3), redemption(3, 3), want(3, 3)]).await.unwrap();
        assert_eq!(store.restore().await.unwrap(), everything());
        store.close().await.unwrap();
    }

    async fn notifications_are_counted_read_and_bounded(stage) {
        let (store, _) = stage.open().await;
        let pushed = |times: u32| Notification {
            context: Some(context(1)),
            user: Some(user(1)),
            stack: Some("plan".to_owned()),
            times,
            ..Notification::new(NotificationKind::Head, 7)
        };
        let unread = store.notify(vec![pushed(1), pushed(2)]).await.unwrap();
        assert_eq!(unread, 1, "what happens again is counted in one");
        assert_eq!(store.notifications().await.unwrap(), [(2, pushed(3))]);
        assert_eq!(store.read_notifications(Some(2)).await.unwrap(), 0);
        assert_eq!(store.notify(vec![pushed(1)]).await.unwrap(), 1, "what was read stays as it is");
        assert_eq!(store.notifications().await.unwrap().len(), 2);

        store.set_muted(context(1), true).await.unwrap();
        assert_eq!(store.notify(vec![pushed(1)]).await.unwrap(), 1, "a muted context is quiet");
        assert_eq!(store.muted().await.unwrap().len(), 1);
        store.set_muted(context(1), false).await.unwrap();

        let text = |n: u64| Notification {
            text: n.to_string(),
            ..Notification::new(NotificationKind::Notice, 7)
        };
        let all = (0..NOTIFICATIONS + 5).map(text).collect();
        assert_eq!(u64::from(store.notify(all).await.unwrap()), NOTIFICATIONS);
        let kept = store.notifications().await.unwrap();
        assert_eq!(kept.len() as u64, NOTIFICATIONS);
        assert_eq!(kept[0].1.text, (NOTIFICATIONS + 4).to_string(), "the latest comes first");
        assert_eq!(store.read_notifications(None).await.unwrap(), 0);
        store.close().await.unwrap();

        let (store, _) = stage.open().await;
        assert!(store.notifications().await.unwrap().iter().all(|(_, one)| one.read));
        assert_eq!(store.see_log(user(1), 3).await.unwrap(), None);
        assert_eq!(store.see_log(user(1), 4).await.unwrap(), Some(3));
        store.close().await.unwrap();
    }

    async fn tokens_end(stage) {
        let (store, _) = stage.open().await;
        let token = |kind, expires| Token {
            kind,
            name: "ci".to_owned(),
            scope: Scope::Push,
            created: 0,
            expires,
        };
        let program = token(TokenKind::Token, None);
        let session = token(TokenKind::Session, Some(100));
        let hash = store.add_token("one", program.clone(), 0).await.unwrap();
        let other = store.add_token("two", session.clone(), 0).await.unwrap();
        assert_eq!(store.token("one", 1 << 40).await.unwrap(), Some(program.clone()));
        assert_eq!(store.token("two", 99).await.unwrap(), Some(session));
        assert_eq!(store.token("two", 100).await.unwrap(), None);
        assert_eq!(store.token("three", 0).await.unwrap(), None);
        store.extend_token(other, 200).await.unwrap();
        store.extend_token(TokenHash::of("three"), 200).await.unwrap();
        assert!(store.token("two", 199).await.unwrap().is_some());
        let third = store.add_token("three", token(TokenKind::Session, Some(900)), 200).await.unwrap();
        let mut left: Vec<_> = store.tokens().await.unwrap().into_iter().map(|(hash, _)| hash).collect();
        let mut expected = vec![hash, third];
        left.sort();
        expected.sort();
        assert_eq!(left, expected, "what has ended is dropped");
        assert!(store.remove_token(hash).await.unwrap());
        assert!(!store.remove_token(hash).await.unwrap());
        assert_eq!(store.token("one", 0).await.unwrap(), None);
        store.close().await.unwrap();
    }

    async fn programs_that_come_at_once_are_not_too_many(stage) {
        let (store, _) = stage.open().await;
        let token = |kind, scope| Token { kind, name: "ci".to_owned(), scope, created: 0, expires: None };
        let program = token(TokenKind::Token, Scope::Push);
        store.add_token("browser", token(TokenKind::Session, Scope::Admin), 0).await.unwrap();
        let secrets: Vec<String> = (0..8).map(|n| format!("secret {n}")).collect();
        let adding = secrets.iter().map(|secret| store.add_program(secret, program.clone(), 0, 4));
        let added = futures::future::join_all(adding).await;
        let made: Vec<bool> =
            added.into_iter().map(|added| added.unwrap() != Added::TooMany).collect();
        assert_eq!(made.iter().filter(|made| **made).count(), 4, "a session is none of them");
        let known = &secrets[made.iter().position(|made| *made).unwrap()];
        let again = store.add_program(known, program.clone(), 0, 4).await.unwrap();
        assert_eq!(again, Added::Made(TokenHash::of(known)), "one that is there takes no room");
        for (secret, scope) in [(known.as_str(), Scope::Admin), ("browser", Scope::Admin)] {
            let grown = token(TokenKind::Token, scope);
            assert_eq!(store.add_program(secret, grown, 0, 9).await.unwrap(), Added::InUse);
        }
        store.close().await.unwrap();
    }

    async fn values_are_remembered(stage) {
        let (store, _) = stage.open().await;
        store.set(Slot::HTTP_PORT, 7701u16.to_be_bytes()).await.unwrap();
        store.set(Slot::LISTEN, *b"/ip4/0.0.0.0/tcp/4001").await.unwrap();
        store.unset(Slot::LISTEN).await.unwrap();
        store.close().await.unwrap();
        let (store, _) = stage.open().await;
        assert_eq!(store.get(Slot::HTTP_PORT).await.unwrap(), Some(7701u16.to_be_bytes().to_vec()));
        assert_eq!(store.get(Slot::LISTEN).await.unwrap(), None);
        store.close().await.unwrap();
    }

    async fn an_unclean_stop_is_noticed_once(stage) {
        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Created);
        store.close().await.unwrap();
        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Created, "no incarnation was drawn yet");
        store.apply(vec![Record::Incarnation(inc(1))]).await.unwrap();
        store.close().await.unwrap();
        stage.tamper(|tx| {
            // As it is while a daemon runs.
            tx.open_table(tables::META).unwrap().remove(schema::CLEAN).unwrap();
        });
        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Unclean);
        store.close().await.unwrap();
        let (store, opened) = stage.open().await;
        assert_eq!(opened, Opened::Clean);
        store.close().await.unwrap();
    }

    async fn a_closed_store_says_so(stage) {
        let (store, _) = stage.open().await;
        let other = store.clone();
        store.close().await.unwrap();
        assert!(matches!(other.apply(vec![frame(1, 1)]).await, Err(WriteError::Closed)));
        assert!(matches!(other.restore().await, Err(ReadError::Closed)));
        assert!(matches!(other.close().await, Err(WriteError::Closed)));
    }
}
