//! What a fetch brings, and from whom.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

const STALL: Duration = Duration::from_millis(250);
const MIB: u64 = 1 << 20;

fn want(hash: BlobHash, size: u64) -> Want {
    Want { hash, size, partial: Partial::Resume }
}

/// All that a fetch told.
#[derive(Debug)]
struct Told {
    complete: Vec<Imported>,
    here: Vec<Imported>,
    failed: Vec<Failed>,
    dropped: Vec<(DeviceId, Dropped)>,
    received_bytes: u64,
}

async fn fetch(home: &Home, net: &Arc<Net>, wants: Vec<Want>, providers: &[u8]) -> Told {
    let fetcher = Fetcher::new(home.blobs.clone()).with_stall(STALL);
    fetch_with(&fetcher, net, wants, providers).await
}

async fn fetch_with(fetcher: &Fetcher, net: &Arc<Net>, wants: Vec<Want>, providers: &[u8]) -> Told {
    let providers = providers.iter().copied().map(device).collect();
    let (mut complete, mut here) = (Vec::new(), Vec::new());
    let fetching =
        fetcher.fetch(net.clone(), FetchRequest { wants, providers }, |step| match step {
            Step::Complete(imported) => complete.push(imported),
            Step::Here(imported) => here.push(imported),
            Step::Received(_) => {}
        });
    let FetchReport { failed, dropped, received_bytes } = within(fetching).await.unwrap();
    Told { complete, here, failed, dropped, received_bytes }
}

/// A provider with `blobs`, and the wants for them.
async fn provider(blobs: &[Bytes]) -> (Home, Vec<Want>) {
    let home = Home::new().await;
    let mut wants = Vec::new();
    for bytes in blobs {
        wants.push(want(home.add(bytes.clone()).await, bytes.len() as u64));
    }
    (home, wants)
}

async fn assert_all_here(home: &Home, wants: &[Want]) {
    for want in wants {
        assert_eq!(home.blobs.verify(want.hash).await.unwrap(), want.size);
    }
}

#[tokio::test]
async fn blobs_of_all_sizes_come_from_one_provider() {
    let sizes = [1, 1024, 16 * 1024, 16 * 1024 + 1, 1 << 20, (1 << 20) + 1, 5 << 20, 33 << 20];
    let blobs: Vec<_> = (0..).zip(sizes).map(|(seed, len)| data(seed, len)).collect();
    let (alice, mut wants) = provider(&blobs).await;
    wants.push(want(BlobHash::of(b""), 0));
    wants.push(wants[0]);
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!((report.complete.len(), report.here.len()), (8, 1), "{report:?}");
    assert_eq!((report.failed, report.dropped), (vec![], vec![]));
    assert_eq!(report.received_bytes, sizes.iter().map(|s| *s as u64).sum::<u64>());
    assert_all_here(&bob, &wants).await;

    // The second time nothing is asked for, and what is here is said to be here only.
    let opened = net.opened(1);
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!((report.complete.len(), report.here.len()), (0, 9));
    assert_eq!(net.opened(1), opened);
}

#[tokio::test]
async fn what_was_fetched_is_held_until_the_report_goes() {
    let (alice, wants) = provider(&[data(1, 50_000), data(2, 3 << 20)]).await;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!(bob.blobs.gc().await.unwrap().removed, 0);
    drop(report);
    assert_eq!(bob.blobs.gc().await.unwrap().removed, 2);
}

#[tokio::test]
async fn ten_thousand_small_blobs_come_in_batches() {
    let alice = Home::new().await;
    let blobs: Vec<Bytes> = (0..10_000).map(|seed| data(seed, 200)).collect();
    let adding = futures::stream::iter(blobs.iter().cloned());
    use futures::StreamExt;
    let hashes: Vec<_> = adding.map(|bytes| alice.add(bytes)).buffered(100).collect().await;
    let wants: Vec<_> = hashes.into_iter().map(|hash| want(hash, 200)).collect();
    let net = Net::default().with(1, &alice.blobs, Fault::None).with(2, &alice.blobs, Fault::None);
    let net = Arc::new(net);
    let bob = Home::new().await;
    // Nobody is slow on purpose, however busy the machine is.
    let fetcher = Fetcher::new(bob.blobs.clone()).with_stall(DEADLINE);
    let report = fetch_with(&fetcher, &net, wants.clone(), &[1, 2]).await;
    assert_eq!(report.complete.len(), 10_000, "{:?}", report.failed.first());
    assert!(net.opened(1) > 0 && net.opened(2) > 0);
    // 40 batches of 256, and a few asked for twice at the end.
    assert!(net.opened(1) + net.opened(2) <= 48, "{} + {}", net.opened(1), net.opened(2));
    assert_all_here(&bob, &wants[..100]).await;
}

#[tokio::test]
async fn two_providers_share_a_large_blob() {
    let (alice, wants) = provider(&[data(1, 96 << 20)]).await;
    let net = Net::default().with(1, &alice.blobs, Fault::None).with(2, &alice.blobs, Fault::None);
    let net = Arc::new(net);
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants.clone(), &[1, 2]).await;
    assert_eq!(report.complete.len(), 1);
    assert!(net.received(1) > 16 * MIB && net.received(2) > 16 * MIB);
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_stalling_provider_loses_its_parts_to_the_other() {
    let (alice, wants) = provider(&[data(1, 48 << 20), data(2, 50_000)]).await;
    let net = Net::default().with(1, &alice.blobs, Fault::Stall(3 * MIB)).with(
        2,
        &alice.blobs,
        Fault::None,
    );
    let bob = Home::new().await;
    let report = fetch(&bob, &Arc::new(net), wants.clone(), &[1, 2]).await;
    assert_eq!(report.complete.len(), 2, "{report:?}");
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_provider_that_only_stalls_is_dropped() {
    let (alice, wants) = provider(&[data(1, 50_000)]).await;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Stall(0)));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!(report.dropped, [(device(1), Dropped::Stalled)]);
    assert_eq!(report.failed[0].reason, FetchFailure::NoProvider);
}

/// A byte now and then is as good as none: the fetch ends, whoever else there is.
#[tokio::test]
async fn a_provider_that_drips_is_given_up() {
    for (len, after) in [(50_000, 0), (50_000, 20_000), (3 << 20, 600), (40 << 20, 2 * MIB)] {
        let (alice, wants) = provider(&[data(1, len)]).await;
        let net = Net::default().with(1, &alice.blobs, Fault::Drip(after, STALL / 10));
        let net = Arc::new(net.with(2, &alice.blobs, Fault::None));
        let bob = Home::new().await;
        let alone = fetch(&bob, &net, wants.clone(), &[1]).await;
        assert!(alone.complete.is_empty() && alone.failed.len() == 1, "{alone:?}");
        let given_up = [FetchFailure::NoProvider, FetchFailure::NotHere];
        assert!(given_up.contains(&alone.failed[0].reason), "{len} bytes: {alone:?}");
        let report = fetch(&bob, &net, wants.clone(), &[2]).await;
        assert_eq!(report.complete.len(), 1, "{report:?}");
        assert_all_here(&bob, &wants).await;
    }
}

#[tokio::test]
async fn a_vanishing_provider_loses_its_parts_to_the_other() {
    let (alice, wants) = provider(&[data(1, 48 << 20), data(2, 50_000)]).await;
    let net = Net::default().with(1, &alice.blobs, Fault::Vanish(3 * MIB)).with(
        2,
        &alice.blobs,
        Fault::None,
    );
    let bob = Home::new().await;
    let report = fetch(&bob, &Arc::new(net), wants.clone(), &[1, 2]).await;
    assert_eq!(report.complete.len(), 2, "{report:?}");
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_liar_is_named_and_asked_no_more() {
    // Wrong bits in a batch of small blobs, in the proof of a size, and in a part.
    for (len, at) in [(50_000, 20_000), (3 << 20, 600), (40 << 20, 2_000_000)] {
        let (alice, wants) = provider(&[data(1, len)]).await;
        let net = Net::default().with(1, &alice.blobs, Fault::Flip(at)).with(
            2,
            &alice.blobs,
            Fault::None,
        );
        let net = Arc::new(net);
        let bob = Home::new().await;
        let lied = Dropped::Lied { hash: wants[0].hash };
        let alone = fetch(&bob, &net, wants.clone(), &[1]).await;
        assert_eq!(alone.dropped, [(device(1), lied)], "{len} bytes");
        assert_eq!(alone.failed[0].reason, FetchFailure::NoProvider);
        assert!(!matches!(bob.blobs.status(wants[0].hash).await.unwrap(), Status::Complete { .. }));
        let report = fetch(&bob, &net, wants.clone(), &[2]).await;
        assert_eq!(report.complete.len(), 1, "{report:?}");
        assert_all_here(&bob, &wants).await;
    }
}

/// The bytes at which a check that is off by one looks away.
#[tokio::test]
async fn the_first_and_the_last_byte_of_a_blob_are_checked() {
    for len in [1, 1_024, 16_384, 16_385, 50_000, 1 << 20] {
        let (alice, wants) = provider(&[data(1, len)]).await;
        let whole = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
        fetch(&Home::new().await, &whole, wants.clone(), &[1]).await;
        let sent = whole.received(1);
        // The tree stands in front of the first bytes: a node of 64 bytes for each level.
        let levels = u64::from((len as u64).div_ceil(16_384).next_power_of_two().ilog2());
        let first = 9 + 64 * levels;
        for at in [first, sent - 1] {
            let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Flip(at)));
            let bob = Home::new().await;
            let told = fetch(&bob, &net, wants.clone(), &[1]).await;
            let lied = Dropped::Lied { hash: wants[0].hash };
            assert_eq!(told.dropped, [(device(1), lied)], "byte {at} of {sent}, {len} in the blob");
            assert_eq!(bob.blobs.status(wants[0].hash).await.unwrap(), Status::Missing);
        }
    }
}

#[tokio::test]
async fn a_liar_does_not_keep_the_others_from_delivering() {
    let (alice, wants) = provider(&[data(1, 48 << 20), data(2, 50_000)]).await;
    let net = Net::default().with(1, &alice.blobs, Fault::Flip(60_000)).with(
        2,
        &alice.blobs,
        Fault::None,
    );
    let bob = Home::new().await;
    let report = fetch(&bob, &Arc::new(net), wants.clone(), &[1, 2]).await;
    assert_eq!(report.complete.len(), 2, "{report:?}");
    assert!(matches!(report.dropped[..], [(id, Dropped::Lied { .. })] if id == device(1)));
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_blob_of_another_size_than_declared_is_not_stored() {
    for (len, declared) in [
        (50_000, 100),
        (50_000, 60_000),
        (40 << 20, 100),
        (40 << 20, 3 << 20),
        (40 << 20, 41 << 20),
        (100, 41 << 20),
    ] {
        let (alice, mut wants) = provider(&[data(1, len)]).await;
        wants[0].size = declared;
        let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
        let bob = Home::new().await;
        let report = fetch(&bob, &net, wants.clone(), &[1]).await;
        let actual = len as u64;
        assert_eq!(report.failed[0].reason, FetchFailure::WrongSize { actual });
        // Nobody lied but the ref, and next to nothing was transferred.
        assert_eq!(report.dropped, []);
        assert!(net.received(1) < 200_000, "{}", net.received(1));
        assert_eq!(bob.blobs.status(wants[0].hash).await.unwrap(), Status::Missing);
    }
}

#[tokio::test]
async fn a_wrong_size_in_a_batch_spares_the_others() {
    let blobs: Vec<_> = (0..5).map(|seed| data(seed, 5_000)).collect();
    let (alice, mut wants) = provider(&blobs).await;
    wants[2].size = 4_000;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!((report.complete.len(), report.failed.len()), (4, 1), "{report:?}");
    assert_eq!(report.failed[0].hash, wants[2].hash);
}

#[tokio::test]
async fn a_provider_that_claims_a_wrong_size_is_dropped() {
    for len in [50_000, 3 << 20, 40 << 20] {
        let size = len as u64;
        for delta in [1, 1 << 40, u64::MAX - size, 0u64.wrapping_sub(size)] {
            let (alice, wants) = provider(&[data(1, len)]).await;
            let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Size(delta)));
            let bob = Home::new().await;
            let report = fetch(&bob, &net, wants.clone(), &[1]).await;
            // Where the tree is the same but its last chunk, the claim ends short of its proof,
            // which is not told from a stream that broke off.
            let lied = Dropped::Lied { hash: wants[0].hash };
            let why = if (len, delta) == (50_000, 1) { Dropped::Unreachable } else { lied };
            assert_eq!(report.dropped, [(device(1), why)], "{len} bytes and {delta}");
            assert_eq!(bob.blobs.status(wants[0].hash).await.unwrap(), Status::Missing);
        }
    }
}

/// The ref and the provider agree on a wrong size, under which the first half of the blob has the
/// same hash tree: stored in that shape, it would spoil the blob for honest providers.
#[tokio::test]
async fn a_size_that_ref_and_provider_agree_on_is_proved_first() {
    let (alice, mut wants) = provider(&[data(1, 33 << 20)]).await;
    wants[0].size = 40 * MIB;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Size(7 * MIB)));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!(report.failed.len(), 1);
    assert!(matches!(report.dropped[..], [(_, Dropped::Lied { .. })]), "{:?}", report.dropped);
    assert_eq!(bob.blobs.status(wants[0].hash).await.unwrap(), Status::Missing);
}

/// An opener with a bug.
struct Panics;

impl Opener for Panics {
    fn open(&self, _: DeviceId) -> BoxFuture<'_, io::Result<Opened>> {
        async { panic!("a bug of the opener") }.boxed()
    }

    fn header(&self, _: DeviceId) -> BoxFuture<'_, Option<Header>> {
        futures::future::ready(None).boxed()
    }
}

#[tokio::test]
async fn a_worker_that_panics_ends_the_fetch() {
    let bob = Home::new().await;
    let wants = vec![want(BlobHash::of(b"x"), 1), want(BlobHash::of(b"y"), 2 * MIB)];
    let request = FetchRequest { wants, providers: vec![device(1)] };
    let fetcher = Fetcher::new(bob.blobs.clone());
    let report = within(fetcher.fetch(Arc::new(Panics), request, |_| {})).await.unwrap();
    assert!(matches!(report.failed[0].reason, FetchFailure::Store(_)), "{report:?}");
    assert_eq!(report.failed.len(), 2);
}

#[tokio::test]
async fn sizes_that_no_blob_has_are_refused() {
    let (alice, mut wants) = provider(&[data(1, 100)]).await;
    wants[0].size = u64::MAX;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!((report.failed.len(), net.opened(1)), (1, 0));
}

#[tokio::test]
async fn what_a_provider_lacks_comes_from_another() {
    let blobs: Vec<_> = (0..300).map(|seed| data(seed, 500)).collect();
    let (alice, wants) = provider(&blobs).await;
    let carol = Home::new().await;
    for (i, bytes) in blobs.iter().enumerate() {
        if i % 100 != 0 {
            carol.add(bytes.clone()).await;
        }
    }
    let net = Net::default().with(1, &carol.blobs, Fault::None).with(2, &alice.blobs, Fault::None);
    let net = Arc::new(net);
    let bob = Home::new().await;
    // Carol alone gives all but what she lacks, though her answers are all or nothing.
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!((report.complete.len(), report.failed.len()), (297, 3));
    assert!(report.failed.iter().all(|failed| failed.reason == FetchFailure::NotHere));
    let report = fetch(&bob, &net, wants.clone(), &[1, 2]).await;
    assert_eq!((report.complete.len(), report.here.len()), (3, 297));
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_provider_without_anything_is_not_asked_for_ever() {
    let (alice, _) = provider(&[]).await;
    let wants = (0..2_000u64).map(|i| want(BlobHash::of(&i.to_le_bytes()), 8)).collect();
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!(report.failed.len(), 2_000);
    assert_eq!(report.dropped, [(device(1), Dropped::NotHere)]);
    assert!(net.opened(1) < 40, "{}", net.opened(1));
}

#[tokio::test]
async fn half_of_a_blob_is_not_asked_for_again() {
    let (alice, wants) = provider(&[data(1, 64 << 20)]).await;
    let mut bob = Home::new().await;
    let broken = Net::default().with(1, &alice.blobs, Fault::Vanish(32 * MIB));
    let report = fetch(&bob, &Arc::new(broken), wants.clone(), &[1]).await;
    assert_eq!(report.failed.len(), 1);
    drop(report);
    let Status::Partial { have, .. } = bob.blobs.status(wants[0].hash).await.unwrap() else {
        panic!("nothing was kept");
    };
    assert!(have > 24 * MIB && have < 33 * MIB, "{have}");

    bob.reopen().await;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!(report.complete.len(), 1);
    assert_eq!(report.received_bytes, 64 * MIB - have);
    // Hash trees and sizes come on top.
    assert!(net.received(1) < (64 * MIB - have) * 101 / 100 + 10_000);
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_part_from_another_context_is_not_resumed() {
    let (alice, mut wants) = provider(&[data(1, 8 << 20)]).await;
    let bob = Home::new().await;
    let broken = Net::default().with(1, &alice.blobs, Fault::Vanish(4 * MIB));
    let held = fetch(&bob, &Arc::new(broken), wants.clone(), &[1]).await;
    assert_eq!(held.failed.len(), 1);
    wants[0].partial = Partial::Ignore;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!(report.complete.len(), 1);
    assert!(net.received(1) > 8 * MIB, "the provider was not asked for all of it");
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_dropped_fetch_keeps_what_came() {
    let (alice, wants) = provider(&[data(1, 40 << 20)]).await;
    let bob = Home::new().await;
    let keep = bob.blobs.keep(wants[0].hash).await;
    let fetcher = Fetcher::new(bob.blobs.clone());
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Stall(20 * MIB)));
    let request = FetchRequest { wants: wants.clone(), providers: vec![device(1)] };
    let (came, mut seen) = tokio::sync::watch::channel(0);
    let fetching = fetcher.fetch(net, request, |step| {
        if let Step::Received(bytes) = step {
            came.send_replace(bytes);
        }
    });
    within(async {
        tokio::select! {
            _ = fetching => panic!("the fetch ended"),
            _ = seen.wait_for(|bytes| *bytes > 18 * MIB) => {}
        }
    })
    .await;
    assert_eq!(bob.blobs.gc().await.unwrap().removed, 0);
    drop(keep);
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert!(report.received_bytes < 30 * MIB, "{}", report.received_bytes);
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_damaged_blob_is_repaired_from_a_provider() {
    for len in [100_000, 5 << 20] {
        let (alice, wants) = provider(&[data(1, len)]).await;
        let bob = Home::new().await;
        let hash = bob.add(data(1, len)).await;
        bob.damage(hash, 50_000);
        let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
        // As far as the books go it is here.
        assert_eq!(fetch(&bob, &net, wants.clone(), &[1]).await.here.len(), 1);
        assert_eq!(bob.blobs.forget_corrupt(hash).await.unwrap(), Forgotten::Removed);
        assert_eq!(fetch(&bob, &net, wants.clone(), &[1]).await.complete.len(), 1);
        assert_all_here(&bob, &wants).await;
    }
}

#[tokio::test]
async fn a_provider_with_damage_is_no_liar() {
    let (alice, wants) = provider(&[data(1, 5 << 20)]).await;
    alice.damage(wants[0].hash, 2_000_000);
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!(report.dropped, []);
    assert_eq!(report.failed[0].reason, FetchFailure::NotHere);
}

#[tokio::test]
async fn one_damaged_blob_does_not_keep_the_others_away() {
    let blobs: Vec<_> = (0..300).map(|seed| data(seed, 20_000)).collect();
    let (alice, wants) = provider(&blobs).await;
    for at in [0, 100, 255] {
        alice.damage(wants[at].hash, 10_000);
    }
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert_eq!((report.complete.len(), report.failed.len()), (297, 3));
    assert_eq!(report.dropped, []);
}

/// A hello that came while a fetch runs changes how the provider knows the context.
#[tokio::test]
async fn a_header_of_the_past_is_no_refusal() {
    for len in [5_000, 3 << 20] {
        let (alice, wants) = provider(&[data(1, len)]).await;
        let mut net = Net::default().with(1, &alice.blobs, Fault::None);
        net.stale = AtomicUsize::new(1);
        let bob = Home::new().await;
        let report = fetch(&bob, &Arc::new(net), wants, &[1]).await;
        assert_eq!(report.complete.len(), 1, "{report:?}");
    }
}

#[tokio::test]
async fn some_of_the_disk_stays_free() {
    let (alice, wants) = provider(&[data(1, 5_000), data(2, 3 << 20)]).await;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    bob.blobs.set_spare(u64::MAX);
    for want in &wants {
        let report = fetch(&bob, &net, vec![*want], &[1]).await;
        assert_eq!(report.failed[0].reason, FetchFailure::DiskFull);
    }
    assert_eq!(net.opened(1), 0);
    bob.blobs.set_spare(0);
    assert_eq!(fetch(&bob, &net, wants, &[1]).await.complete.len(), 2);
}

#[tokio::test]
async fn a_small_blob_is_handed_out_while_a_large_one_is_on_its_way() {
    let (alice, wants) = provider(&[data(1, 40 << 20), data(2, 1_000)]).await;
    let bob = Home::new().await;
    let fetcher = Fetcher::new(bob.blobs.clone());
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::Stall(8 * MIB)));
    let request = FetchRequest { wants: wants.clone(), providers: vec![device(1)] };
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let fetching = fetcher.fetch(net, request, |step| {
        if let Step::Complete(imported) = step {
            tell.send(imported.hash).unwrap();
        }
    });
    let first = within(async {
        tokio::select! {
            _ = fetching => panic!("the fetch ended"),
            first = told.recv() => first,
        }
    });
    assert_eq!(first.await, Some(wants[1].hash));
}

#[tokio::test]
async fn of_many_providers_the_last_is_asked_too() {
    let (alice, wants) = provider(&[data(1, 50_000), data(2, 3 << 20)]).await;
    let empty = Home::new().await;
    let mut net = Net::default().with(30, &alice.blobs, Fault::None);
    for n in 1..30 {
        net = net.with(n, &empty.blobs, Fault::None);
    }
    let (net, bob) = (Arc::new(net), Home::new().await);
    let providers: Vec<u8> = (1..=30).collect();
    let mut missing = wants.clone();
    missing.push(want(BlobHash::of(b"nobody's"), 9));
    let report = fetch(&bob, &net, missing, &providers).await;
    assert_eq!((report.complete.len(), report.dropped), (2, vec![]));
    assert_eq!(report.failed.len(), 1, "{:?}", report.failed);
    assert_eq!(report.failed[0].reason, FetchFailure::NotHere);
    assert_eq!(report.received_bytes, 50_000 + (3 << 20));
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn what_came_from_some_providers_is_not_asked_of_the_next() {
    let (alice, mut wants) = provider(&[data(1, 40 << 20)]).await;
    wants[0].partial = Partial::Ignore;
    let mut net = Net::default().with(9, &alice.blobs, Fault::None);
    for n in 1..9 {
        net = net.with(n, &alice.blobs, Fault::Vanish(18 << 20));
    }
    let (net, bob) = (Arc::new(net), Home::new().await);
    let report = fetch(&bob, &net, wants.clone(), &[1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
    assert_eq!((report.complete.len(), report.failed), (1, vec![]));
    let first: u64 = (1..9).map(|n| net.received(n)).sum();
    assert!(first < 40 << 20 || net.received(9) < 8 << 20, "{first}, {}", net.received(9));
    assert!(net.received(9) < 30 << 20, "{} bytes came again", net.received(9));
    assert_all_here(&bob, &wants).await;
}

#[tokio::test]
async fn a_part_that_was_here_when_a_sync_failed_is_read_before_it_counts() {
    let (alice, wants) = provider(&[data(1, 40 << 20)]).await;
    let (hash, bob) = (wants[0].hash, Home::new().await);
    bob.index.kept.lock().unwrap().insert(hash);
    let breaks_off = Net::default().with(1, &alice.blobs, Fault::Vanish(20 << 20));
    let report = fetch(&bob, &Arc::new(breaks_off), wants.clone(), &[1]).await;
    assert_eq!(report.failed.len(), 1);
    bob.blobs.syncing.breaks.store(true, Ordering::Release);
    bob.blobs.sync([]).await.unwrap_err();
    bob.blobs.sync([]).await.unwrap();

    // What the cache had was not written, and is gone from it.
    bob.damage(hash, 100);
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let report = fetch(&bob, &net, wants, &[1]).await;
    assert!(report.complete.is_empty(), "what was lost counts as here");
}

#[tokio::test]
async fn without_providers_everything_fails() {
    let (_alice, wants) = provider(&[data(1, 5 << 20), data(2, 100)]).await;
    let bob = Home::new().await;
    let report = fetch(&bob, &Arc::new(Net::default()), wants, &[]).await;
    assert_eq!(report.failed.len(), 2);
    assert!(report.failed.iter().all(|failed| failed.reason == FetchFailure::NoProvider));
}

#[tokio::test]
async fn possession_is_proved_by_random_ranges() {
    within(async {
        let sizes = [(0, 0..=0), (100, 100..=200), (100_000, 100_000..=101_000)];
        for (len, cost) in sizes.into_iter().chain([(8 << 20, 8 * 16_384..=8 * 20_000)]) {
            let (alice, wants) = provider(&[data(1, len)]).await;
            let bob = Home::new().await;
            let hash = bob.add(data(1, len)).await;
            let net = Net::default().with(1, &alice.blobs, Fault::None);
            let fetcher = Fetcher::new(bob.blobs.clone()).with_stall(STALL);
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            fetcher.prove(&net, device(1), hash, &mut rng).await.unwrap();
            assert!(cost.contains(&net.received(1)), "{} bytes", net.received(1));
            if len > 0 {
                let liar = Net::default().with(1, &alice.blobs, Fault::Flip(60));
                let error = fetcher.prove(&liar, device(1), hash, &mut rng).await.unwrap_err();
                assert!(matches!(error, ProveError::Lied(_)), "{error}");
                let liar = Net::default().with(1, &alice.blobs, Fault::Size(1));
                let error = fetcher.prove(&liar, device(1), hash, &mut rng).await.unwrap_err();
                assert!(matches!(error, ProveError::Lied(_)), "{error}");
            }
            let nobody = Home::new().await;
            let net = Net::default().with(1, &nobody.blobs, Fault::None);
            let proved = fetcher.prove(&net, device(1), hash, &mut rng).await;
            assert!(len == 0 || matches!(proved, Err(ProveError::NotHere(_))), "{proved:?}");
            let _ = wants;
        }
    })
    .await;
}

#[tokio::test]
async fn only_what_is_here_can_be_proved() {
    let (alice, wants) = provider(&[data(1, 100)]).await;
    let bob = Home::new().await;
    let net = Net::default().with(1, &alice.blobs, Fault::None);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let fetcher = Fetcher::new(bob.blobs.clone());
    let proved = within(fetcher.prove(&net, device(1), wants[0].hash, &mut rng)).await;
    assert!(matches!(proved, Err(ProveError::Read(ReadError::Missing(_)))));
}

#[tokio::test]
async fn what_is_to_stay_free_is_not_taken() {
    let (alice, wants) = provider(&[data(1, 50_000), data(2, 3 << 20)]).await;
    let net = Arc::new(Net::default().with(1, &alice.blobs, Fault::None));
    let bob = Home::new().await;
    bob.blobs.set_spare(u64::MAX);
    let report = fetch(&bob, &net, wants.clone(), &[1]).await;
    assert_eq!((report.complete.len(), report.received_bytes), (0, 0), "{report:?}");
    assert!(report.failed.iter().all(|f| matches!(f.reason, FetchFailure::DiskFull)));
    assert_eq!((report.failed.len(), net.opened(1)), (2, 0));
    bob.blobs.set_spare(0);
    assert_eq!(fetch(&bob, &net, wants.clone(), &[1]).await.complete.len(), 2);
    assert_all_here(&bob, &wants).await;
}
