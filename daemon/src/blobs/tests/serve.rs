//! What a provider gives, and to whom.

use bao_tree::{ChunkNum, ChunkRanges};
use dsp_protocol::limits::BLOB_REQUEST_HASHES;
use futures::{AsyncReadExt, AsyncWriteExt};

use super::super::wire::{ask_many, ask_one};
use super::*;

/// Sends `request` and returns all that comes back, and how the provider sees it.
async fn ask(
    blobs: &Blobs,
    earned: &Earned,
    request: &[u8],
) -> (Vec<u8>, Result<Served, ServeError>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let mut ours = ours.compat();
    let asking = async {
        ours.write_all(request).await.unwrap();
        ours.close().await.unwrap();
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).await.unwrap();
        answer
    };
    within(async { tokio::join!(asking, blobs.serve(theirs.compat(), device(1), earned)) }).await
}

fn all(hash: BlobHash) -> Vec<u8> {
    ask_one(HEADER, hash, &ChunkRanges::all())
}

/// The request of one blob in iroh-blobs' own encoding, after `kind` and the hash.
fn raw(kind: u8, hash: BlobHash, ranges: &[u8]) -> Vec<u8> {
    let mut request = all(hash);
    request.truncate(request.len() - 6 - 32 - 1);
    request.push(kind);
    request.extend_from_slice(hash.as_bytes());
    request.extend_from_slice(ranges);
    request
}

fn only(hashes: impl IntoIterator<Item = BlobHash>) -> Earned {
    Earned::Only(hashes.into_iter().collect())
}

#[tokio::test]
async fn earned_blobs_are_served() {
    let home = Home::new().await;
    let (a, b) = (data(1, 100), data(2, 40_000));
    let hashes = [home.add(a.clone()).await, home.add(b.clone()).await];
    let (answer, served) = ask(&home.blobs, &only(hashes), &ask_many(HEADER, &hashes)).await;
    assert_eq!(served.unwrap(), Served::Sent { bytes: answer.len() as u64 });
    // Status; size and bytes of a; size, tree of three groups and bytes of b.
    assert_eq!(answer.len(), 1 + 8 + 100 + 8 + 2 * 64 + 40_000);
    assert_eq!(answer[0], 0);
    assert_eq!(&answer[9..109], &a[..]);
    let (one, _) = ask(&home.blobs, &only(hashes), &all(hashes[0])).await;
    assert_eq!(one, answer[..109]);
}

#[tokio::test]
async fn unknown_unearned_and_gone_get_one_answer() {
    let home = Home::new().await;
    let mine = home.add(data(1, 100)).await;
    let secret = home.add(data(2, 100)).await;
    let unknown = BlobHash::of(b"unknown");
    let gone = BlobHash::of(b"earned once, and collected since");
    let earned = only([mine, gone]);
    let mut other_tag = all(mine);
    let at = other_tag.iter().position(|byte| *byte == 7).unwrap();
    other_tag[at] = 8;
    let mut other_generation = all(mine);
    let at = other_generation.windows(4).position(|w| w == b"cgen").unwrap();
    other_generation[at + 4] = 3;
    let requests = [
        all(secret),
        all(unknown),
        all(gone),
        ask_many(HEADER, &[mine, secret]),
        ask_many(HEADER, &[mine, unknown]),
        ask_many(HEADER, &[mine, gone]),
        other_tag,
        other_generation,
    ];
    for request in requests {
        let (answer, served) = ask(&home.blobs, &earned, &request).await;
        assert_eq!(answer, [1]);
        assert_eq!(served.unwrap(), Served::NotHere);
    }
    assert_eq!(ask(&home.blobs, &earned, &all(mine)).await.0.len(), 109);
}

#[tokio::test]
async fn partial_blobs_are_not_here() {
    let home = Home::new().await;
    let provider = Home::new().await;
    let bytes = data(1, 3 << 20);
    let hash = provider.add(bytes).await;
    let net = Net::default().with(1, &provider.blobs, Fault::Vanish(1 << 20));
    let want = Want { hash, size: 3 << 20, partial: Partial::Resume };
    let request = FetchRequest { wants: vec![want], providers: vec![device(1)] };
    let fetcher = Fetcher::new(home.blobs.clone()).with_stall(Duration::from_millis(200));
    within(fetcher.fetch(Arc::new(net), request, |_| {})).await.unwrap();
    assert!(matches!(home.blobs.status(hash).await.unwrap(), Status::Partial { .. }));
    let first = ask_one(HEADER, hash, &ChunkRanges::from(..ChunkNum(16)));
    assert_eq!(ask(&home.blobs, &Earned::Everything, &first).await.0, [1]);
}

/// Mallory may read a blob whose bytes are the hash of one that she may not: iroh-blobs would
/// serve her that one as its child.
#[tokio::test]
async fn children_of_a_blob_are_not_served() {
    let home = Home::new().await;
    let secret = home.add(data(1, 100)).await;
    let trick = home.add(Bytes::copy_from_slice(secret.as_bytes())).await;
    let earned = only([trick]);
    assert_eq!(ask(&home.blobs, &earned, &all(trick)).await.0[0], 0);
    // All of the root and all its children for ever; no root and child 0; root and child 0.
    for ranges in [&[1, 0, 1, 0][..], &[2, 1, 1, 0, 1, 0], &[2, 0, 1, 0, 2, 0]] {
        let (answer, served) = ask(&home.blobs, &earned, &raw(0, trick, ranges)).await;
        assert_eq!(answer, [1], "{ranges:?}");
        let refused = served.unwrap_err();
        assert!(
            matches!(refused, ServeError::Request(WireError::Refused(Refusal::Children))),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn observe_and_push_are_refused() {
    let home = Home::new().await;
    let hash = home.add(data(1, 100)).await;
    let observe = raw(1, hash, &[1, 0]);
    let mut push = raw(8, hash, &[2, 0, 1, 0, 1, 0]);
    push.extend(data(2, 1000));
    for request in [observe, push] {
        let (answer, served) = ask(&home.blobs, &Earned::Everything, &request).await;
        assert_eq!(answer, [1]);
        let refused = served.unwrap_err();
        assert!(
            matches!(refused, ServeError::Request(WireError::Refused(Refusal::Kind(_)))),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn too_many_hashes_are_refused() {
    let home = Home::new().await;
    let hash = home.add(data(1, 100)).await;
    let hashes = vec![hash; BLOB_REQUEST_HASHES + 1];
    let (answer, served) = ask(&home.blobs, &Earned::Everything, &ask_many(HEADER, &hashes)).await;
    assert_eq!(answer, [1]);
    assert!(matches!(served, Err(ServeError::Request(_))), "{served:?}");
    let (answer, served) =
        ask(&home.blobs, &Earned::Everything, &ask_many(HEADER, &hashes[1..])).await;
    assert_eq!(answer.len(), 1 + BLOB_REQUEST_HASHES * 108);
    served.unwrap();
}

#[tokio::test]
async fn damaged_bytes_are_not_sent() {
    let home = Home::new().await;
    let bytes = data(1, 400_000);
    let hash = home.add(bytes.clone()).await;
    home.damage(hash, 200_000);
    for request in [all(hash), ask_many(HEADER, &[hash])] {
        let (answer, served) = ask(&home.blobs, &Earned::Everything, &request).await;
        assert!(matches!(served, Err(ServeError::BrokenOff { .. })), "{served:?}");
        // What came is short of the damage, and it is right.
        assert!(answer.len() < 200_000, "{}", answer.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_states_no_request_is_let_go() {
    let home = Home::new().await;
    let (mut ours, theirs) = tokio::io::duplex(1024);
    use tokio::io::AsyncWriteExt;
    ours.write_all(&all(BlobHash::of(b"x"))[..20]).await.unwrap();
    // The stream stays open, and nothing more is said.
    let serving = home.blobs.serve(theirs.compat(), device(1), &Earned::Everything);
    let served = within(serving).await;
    let Err(ServeError::Stream(error)) = served else { panic!("served {served:?}") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// Bound of memory: what a peer does not read is not read from the disk for it either.
#[tokio::test]
async fn a_peer_that_does_not_read_holds_little() {
    let home = Home::new().await;
    let hash = home.add(data(1, 8 << 20)).await;
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut ours = ours.compat();
    let mut serving = Box::pin(home.blobs.serve(theirs.compat(), device(1), &Earned::Everything));
    let mut begun = [0; 9];
    within(async {
        let asking = async {
            ours.write_all(&all(hash)).await.unwrap();
            ours.close().await.unwrap();
            ours.read_exact(&mut begun).await.unwrap();
        };
        tokio::select! {
            served = &mut serving => panic!("served 8 MiB into 1 KiB: {served:?}"),
            () = asking => {}
        }
    })
    .await;
    assert!(futures::poll!(&mut serving).is_pending());
    drop(ours);
    // Not taken for damage here.
    let served = within(serving).await;
    assert!(matches!(served, Err(ServeError::Stream(_))), "{served:?}");
}

#[tokio::test]
async fn what_is_withheld_is_not_here_for_anybody_until_it_is_let_go() {
    let home = Home::new().await;
    let hashes = [home.add(data(1, 100)).await, home.add(data(2, 100)).await];
    let earned = only(hashes);
    let first = home.blobs.withhold(vec![hashes[0]]);
    let again = home.blobs.withhold(vec![hashes[0]]);
    for request in [all(hashes[0]), ask_many(HEADER, &hashes)] {
        let (answer, served) = ask(&home.blobs, &earned, &request).await;
        assert_eq!((answer, served.unwrap()), (vec![1], Served::NotHere));
    }
    let (answer, _) = ask(&home.blobs, &earned, &all(hashes[1])).await;
    assert_eq!(answer[0], 0, "others are served");
    drop(first);
    let (answer, _) = ask(&home.blobs, &earned, &all(hashes[0])).await;
    assert_eq!(answer, [1], "somebody else still withholds it");
    drop(again);
    let (answer, _) = ask(&home.blobs, &earned, &all(hashes[0])).await;
    assert_eq!(answer[0], 0);
}

/// Serves a blob on lanes whose clock stands still, and reads `parts` of the answer, each after
/// the clock was moved on by its milliseconds. Returns how many bytes had passed by then.
async fn read_slowly(parts: &[(u64, usize)]) -> Vec<u64> {
    let mut home = Home::new().await;
    let (up, clock) = Lane::still();
    up.set_rate(Some(RATE));
    home.blobs.lanes = Arc::new(Lanes { up, down: Lane::default() });
    let hash = home.add(data(1, 1 << 20)).await;
    let (ours, theirs) = tokio::io::duplex(4 << 20);
    let mut ours = ours.compat();
    let blobs = home.blobs.clone();
    let serving = tokio::spawn(async move {
        let _ = blobs.serve(theirs.compat(), device(1), &Earned::Everything).await;
    });
    ours.write_all(&all(hash)).await.unwrap();
    ours.close().await.unwrap();
    let mut passed = Vec::new();
    for (ms, bytes) in parts {
        clock.fetch_add(*ms, Ordering::SeqCst);
        let mut part = vec![0; *bytes];
        ours.read_exact(&mut part).await.unwrap();
        passed.push(home.blobs.lanes().up.passed_bytes());
    }
    serving.abort();
    passed
}

/// Bytes a second.
const RATE: u64 = 128 << 10;

#[tokio::test]
async fn a_limited_stream_sends_no_more_than_its_rate() {
    // A quarter of a second is what may be saved, however long the pause was.
    let saved = RATE / 4;
    let parts = [250, 250, 250, 9000].map(|ms| (ms, saved as usize));
    let passed = within(read_slowly(&parts)).await;
    for (at, passed) in (1..).zip(passed) {
        // What was read has passed; one piece is owed at most.
        let due = at * saved;
        assert!((due..due + 17 * 1024).contains(&passed), "{passed} passed, {due} were due");
    }
}
