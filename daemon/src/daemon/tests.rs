//! Whole daemons in one process.

use std::time::Duration;

use dsp_protocol::api::{
    NewContext, NewFile, NewFollow, NewFrame, NewTicket, Policy, Problem, ProblemCode, Pushed,
    RefRequest, Rename, SetTag, Step,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Daemon, Options};
use crate::ops::{Paging, Reporter, StackFilter};

mod archives;
mod closing;
mod content;
mod devices;
mod keeping;
mod letting_go;
mod looking;
mod mine;
mod traffic;
mod undo;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

async fn start(home: &tempfile::TempDir, name: &str) -> Daemon {
    Daemon::start(Options::local(home.path(), name)).await.unwrap()
}

/// Starts a daemon with some settings.
async fn start_with(home: &tempfile::TempDir, name: &str, settings: &[(&str, &str)]) -> Daemon {
    let mut options = Options::local(home.path(), name);
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    options.flags.extend(settings);
    Daemon::start(options).await.unwrap()
}

fn new_frame(stack: &str, files: Vec<NewFile>) -> NewFrame {
    NewFrame { stack: stack.to_owned(), files, ..NewFrame::default() }
}

async fn push(daemon: &Daemon, stack: &str, files: &[(&str, &[u8])]) -> Pushed {
    let folder = tempfile::tempdir().unwrap();
    let mut new = Vec::new();
    for (path, bytes) in files {
        let source = folder.path().join(path);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, bytes).unwrap();
        new.push(NewFile {
            path: (*path).to_owned(),
            source: Some(source.to_str().unwrap().to_owned()),
            hash: None,
            ..NewFile::default()
        });
    }
    let silent = Reporter::silent();
    daemon.ops().push(new_frame(stack, new), &silent).await.unwrap()
}

async fn share(daemon: &Daemon, context: &str, uses: Option<u32>) -> String {
    let ticket = NewTicket { role: None, expires_seconds: None, uses };
    daemon.ops().new_ticket(context, ticket).await.unwrap().ticket
}

async fn follow(
    daemon: &Daemon,
    ticket: &str,
    policy: Policy,
) -> Result<dsp_protocol::api::Followed, Problem> {
    let new = NewFollow {
        ticket: ticket.to_owned(),
        policy: Some(policy),
        selection: None,
        wait_seconds: Some(DEADLINE.as_secs()),
    };
    daemon.ops().follow(new, &Reporter::silent()).await
}

/// Waits until a look at a daemon finds something, looking again after each of its events.
async fn until<T>(daemon: &Daemon, look: impl AsyncFn() -> Option<T>) -> T {
    let mut events = daemon.node().subscribe();
    let found = timeout(DEADLINE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            // Lost events are as good as any: it is time to look again.
            let _ = events.recv().await;
        }
    });
    found.await.expect("found in time")
}

async fn content(daemon: &Daemon, reference: &str) -> Result<Vec<u8>, Problem> {
    use futures::TryStreamExt as _;
    let opened = daemon.ops().open_content(reference).await?;
    let pieces = daemon.ops().read_blob(&opened, 0..opened.size).await?;
    let pieces: Vec<bytes::Bytes> = pieces.try_collect().await.map_err(Problem::from)?;
    Ok(pieces.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_a_follower() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    push(&alice, "sales/weekly", &[("report.csv", b"1"), ("plot.svg", b"<svg/>")]).await;
    let ticket = share(&alice, "main", None).await;
    let followed = follow(&bob, &ticket, Policy::Heads).await.unwrap();
    assert!(followed.synced);
    assert_eq!(followed.context.label, "alice/main");
    assert_eq!(followed.stacks[0].reference, "alice:sales/weekly");

    let read = async || content(&bob, "alice:sales/weekly#report.csv").await.ok();
    assert_eq!(until(&bob, read).await, b"1");

    // What is pushed later comes by itself, and so do names and tags.
    push(&alice, "sales/weekly", &[("report.csv", b"2")]).await;
    let second =
        async || content(&bob, "alice:sales/weekly").await.ok().filter(|bytes| bytes == b"2");
    until(&bob, second).await;
    assert_eq!(content(&bob, "alice:sales/weekly@head~1#report.csv").await.unwrap(), b"1");

    // It is hers alone to change.
    for refused in [
        bob.ops().remove_stack("alice:sales/weekly").await,
        bob.ops()
            .rename_stack(&Rename { reference: "alice:sales/weekly".into(), name: "x".into() })
            .await,
        bob.ops()
            .set_tag(&SetTag {
                reference: "alice:sales/weekly".into(),
                tag: "v1".into(),
                remove: false,
            })
            .await,
    ] {
        assert_eq!(refused.unwrap_err().code, ProblemCode::Refused);
    }

    // Both know each other by name.
    let peers = bob.ops().peers(&Paging::default()).await.unwrap();
    assert_eq!(peers.items[0]["name"], "alice");
    let tickets = alice.ops().tickets(None, &Paging::default()).await.unwrap();
    assert_eq!(tickets.items[0]["admitted"][0]["name"], "bob");
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lazy_follower_fetches_a_tree() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let names: Vec<String> = (0..300).map(|n| format!("d{}/f{n}", n % 5)).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let pushed = push(&alice, "many", &files).await;
    assert_eq!((pushed.files, pushed.unchanged), (300, false));
    assert!(push(&alice, "many", &files).await.unchanged);

    let ticket = share(&alice, "main", None).await;
    follow(&bob, &ticket, Policy::Lazy).await.unwrap();
    // The list of files comes when it is asked for.
    let frame = bob.ops().frame("alice:many").await.unwrap();
    assert_eq!((frame.files_total, frame.bytes_here), (300, 0));
    let problem = content(&bob, "alice:many#d1/f1").await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::BlobNotLocal);

    let (steps, mut told) = mpsc::channel(64);
    let one = RefRequest { reference: Some("alice:many#d1/f1".to_owned()) };
    let fetched = bob.ops().fetch(&one, &Reporter::new(steps)).await.unwrap();
    assert_eq!((fetched.files, fetched.already_here, fetched.bytes), (1, 0, 5));
    while let Some(step) = told.recv().await {
        assert!(matches!(step, Step::Progress(_)), "{step:?}");
    }
    assert_eq!(content(&bob, "alice:many#d1/f1").await.unwrap(), b"d1/f1");
    let all = RefRequest { reference: Some("alice:many".to_owned()) };
    let fetched = bob.ops().fetch(&all, &Reporter::silent()).await.unwrap();
    assert_eq!((fetched.files, fetched.already_here), (300, 1));
    assert!(fetched.missing.is_empty());
    let verified = bob.ops().verify(&RefRequest { reference: None }, &Reporter::silent()).await;
    assert_eq!(verified.unwrap().faults, []);
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_at_once() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let ticket = share(&alice, "main", None).await;
    let key = alice.ops().tickets(None, &Paging::default()).await.unwrap().items[0]["key"].clone();
    let ended = alice
        .ops()
        .end_ticket(&key.as_str().unwrap()[..8], crate::ops::CameIn::Stay)
        .await
        .unwrap();
    assert!(ended.ticket.revoked);
    let problem = follow(&bob, &ticket, Policy::Heads).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Refused, "{problem:?}");
    assert!(problem.detail.contains("revoked"), "{}", problem.detail);

    // An owner who is away: the follow stays.
    let other = share(&alice, "main", None).await;
    alice.stop().await;
    let new = NewFollow { ticket: other, policy: None, selection: None, wait_seconds: Some(1) };
    let problem = bob.ops().follow(new, &Reporter::silent()).await.unwrap_err();
    assert_eq!(problem.code, ProblemCode::Unreachable, "{problem:?}");
    assert_eq!(bob.ops().contexts(&Paging::default()).await.unwrap().items.len(), 2);
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_says_that_its_port_is_taken_and_goes_back_to_it() {
    let home = tempfile::tempdir().unwrap();
    let place = async |alice: &Daemon| {
        let status = alice.ops().status().await.unwrap();
        (status.address, status.port_taken)
    };
    let alice = start(&home, "alice").await;
    let (address, taken) = place(&alice).await;
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(taken, None);
    alice.stop().await;

    let other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    for _ in 0..2 {
        let alice = start(&home, "alice").await;
        let (elsewhere, taken) = place(&alice).await;
        assert_ne!(elsewhere, address);
        assert_eq!(taken, Some(port));
        alice.stop().await;
    }
    drop(other);
    let alice = start(&home, "alice").await;
    assert_eq!(place(&alice).await, (address, None));
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let (user, device) = (alice.user(), alice.device());
    let listening = alice.net().listening().await;
    let pushed = push(&alice, "one", &[("a", b"1")]).await;
    let new = NewContext { name: "research".to_owned(), about: "the lab".to_owned(), access: None };
    alice.ops().new_context(new).await.unwrap();
    alice.ops().switch_context("research").await.unwrap();
    push(&alice, "two", &[("b", b"2")]).await;
    let again = Daemon::start(Options::local(home.path(), "alice")).await;
    assert!(again.is_err(), "one daemon for a home");
    alice.stop().await;

    let alice = start(&home, "renamed").await;
    assert_eq!((alice.user(), alice.device()), (user, device));
    assert_eq!(alice.net().listening().await, listening, "ports are kept");
    assert_eq!(alice.ops().identity().await.unwrap().name, "alice");
    assert_eq!(alice.ops().status().await.unwrap().context, "research");
    assert_eq!(content(&alice, "two").await.unwrap(), b"2");
    assert_eq!(content(&alice, "me/main:one").await.unwrap(), b"1");
    let one = alice.ops().stack("me/main:one").await.unwrap();
    assert_eq!(one.head.unwrap().frame, pushed.frame);
    assert_eq!(alice.ops().contexts(&Paging::default()).await.unwrap().items.len(), 2);
    // It goes on where it was.
    let next = push(&alice, "me/main:one", &[("a", b"3")]).await;
    assert!(!next.created);
    let log = alice.ops().log("me/main:one", &Paging::default()).await.unwrap();
    assert_eq!(log.items.len(), 2);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_told_to_those_who_can_read_them() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let silent = Reporter::silent();
    let input = push(&alice, "input", &[("a", b"1")]).await;
    let with_input = |stack: &str, input: &str| NewFrame {
        inputs: vec![input.to_owned()],
        ..new_frame(stack, Vec::new())
    };
    alice.ops().push(with_input("same", "input"), &silent).await.unwrap();
    let frame = alice.ops().frame("same").await.unwrap();
    assert_eq!(frame.inputs[0].frame, Some(input.frame));
    assert_eq!(frame.inputs[0].name.as_deref(), Some("input"));
    let again = alice.ops().push(with_input("same", "input"), &silent).await.unwrap();
    assert!(again.unchanged, "the times of its lineage aside");

    let new = NewContext { name: "open".to_owned(), about: String::new(), access: None };
    alice.ops().new_context(new).await.unwrap();
    alice.ops().push(with_input("me/open:other", "input"), &silent).await.unwrap();
    let frame = alice.ops().frame("me/open:other").await.unwrap();
    assert_eq!((frame.inputs[0].frame, &frame.inputs[0].name), (None, &None), "blinded");
    let revealed = NewFrame { reveal_inputs: true, ..with_input("me/open:told", "input") };
    alice.ops().push(revealed, &silent).await.unwrap();
    let frame = alice.ops().frame("me/open:told").await.unwrap();
    assert_eq!(frame.inputs[0].frame, Some(input.frame), "asked for");
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_is_large_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"1")]).await;
    alice.stop().await;
    let mut options = Options::local(home.path(), "alice");
    options.flags.retain(|(name, _)| name != "store.min_free_bytes");
    options.flags.push(("store.min_free_bytes".to_owned(), i64::MAX.to_string()));
    let alice = Daemon::start(options).await.unwrap();
    let status = alice.ops().status().await.unwrap();
    assert!(status.disk_full && status.disk_free_bytes > 0);
    let refused = alice.ops().push(new_frame("two", Vec::new()), &Reporter::silent()).await;
    assert_eq!(refused.unwrap_err().code, ProblemCode::DiskFull);
    let upload = futures::stream::iter([Ok(bytes::Bytes::from_static(b"x"))]);
    let refused = alice.ops().put_blob(upload, None, None).await;
    assert_eq!(refused.unwrap_err().code, ProblemCode::DiskFull);
    assert_eq!(content(&alice, "one").await.unwrap(), b"1");
    assert!(alice.ops().remove_stack("one").await.unwrap().stack.removed);
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_is_what_nothing_names() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    push(&alice, "one", &[("a", b"kept")]).await;
    drop(alice.blobs().import_bytes(&b"named by nothing"[..]).await.unwrap());
    let report = alice.blobs().gc().await.unwrap();
    assert_eq!(report.removed, 1);
    assert_eq!(content(&alice, "one").await.unwrap(), b"kept");
    alice.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_this_account_gets_in() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    // What an earlier daemon left behind is replaced.
    std::fs::create_dir(home.path().join("run")).unwrap();
    std::fs::write(home.path().join("run/dsp.sock"), b"").unwrap();
    let alice = start(&home, "alice").await;
    for (path, mode) in [("run", 0o700), ("run/dsp.sock", 0o600), ("run/client.json", 0o600)] {
        let metadata = std::fs::metadata(home.path().join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
    assert!(alice.address().ip().is_loopback());
    assert_eq!(alice.client().address, format!("http://{}", alice.address()));
    // The system says whose the socket's caller is: no token is needed.
    let socket = home.path().join("run/dsp.sock");
    let answer = tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        let request = "GET /api/v1/node HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    alice.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_streams_of_events() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let client = alice.client();
    let socket = client.socket.as_ref().expect("the path of the home is short");
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    let host = client.address.strip_prefix("http://").unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
        client.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let hear = async |stream: &mut tokio::net::UnixStream, heard: &mut Vec<u8>, text: &str| {
        let reading = async {
            while !String::from_utf8_lossy(heard).contains(text) {
                assert_ne!(stream.read_buf(heard).await.unwrap(), 0, "the stream goes on");
            }
        };
        timeout(DEADLINE, reading).await.expect("it comes in time");
    };
    hear(&mut stream, &mut heard, "text/event-stream").await;
    push(&alice, "one", &[("a", b"1")]).await;
    hear(&mut stream, &mut heard, "stack.created").await;

    let began = std::time::Instant::now();
    let end = timeout(DEADLINE, stream.read_to_end(&mut heard));
    let (end, ()) = tokio::join!(end, alice.stop());
    end.expect("the stream ends").unwrap();
    assert!(began.elapsed() < super::GOODBYE, "{:?}", began.elapsed());
    assert!(!home.path().join("run/client.json").exists());
    assert!(!home.path().join("run/dsp.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_without_one_of_its_parts_stops() {
    let home = tempfile::tempdir().unwrap();
    let ends = async |end: &dyn Fn(&Daemon) -> tokio::task::JoinHandle<()>| {
        let alice = start(&home, "alice").await;
        alice.ops().health().await.unwrap();
        assert_eq!(alice.failed(), None);
        end(&alice).await.unwrap();
        timeout(DEADLINE, alice.asked_to_stop()).await.expect("it stops by itself");
        let (failed, health) = (alice.failed(), alice.ops().health().await);
        alice.stop().await;
        (failed.unwrap(), health.is_ok())
    };
    let node = |alice: &Daemon| {
        let node = alice.node().clone();
        tokio::spawn(async move {
            let answer: Result<(), _> = node.query(|_| panic!("planted")).await;
            answer.unwrap_err();
        })
    };
    let net = |alice: &Daemon| {
        let net = alice.net().clone();
        tokio::spawn(async move { net.shutdown().await })
    };
    let store = |alice: &Daemon| {
        let store = alice.store().clone();
        tokio::spawn(async move { store.close().await.unwrap() })
    };
    assert_eq!(ends(&node).await, ("the node", false));
    assert_eq!(ends(&net).await, ("the network", true));
    assert_eq!(ends(&store).await, ("the database", false));
}

/// Spoils the bytes of a blob on the disk of a home.
fn damage(home: &tempfile::TempDir, hash: dsp_protocol::id::BlobHash) {
    let path = home.path().join("blobs/data").join(format!("{hash}.data"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_that_is_here_is_fetched_and_not_just_proved() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let bytes = vec![7; 200_000];
    // As a loss of power leaves it: a row that no context earned, over bytes that were not synced.
    let hash = bob.blobs().import_bytes(bytes.clone()).await.unwrap().hash;
    damage(&homes[1], hash);
    push(&alice, "data", &[("a.bin", &bytes)]).await;
    let ticket = share(&alice, "main", None).await;
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    let read = async || content(&bob, "alice:data").await.ok();
    assert_eq!(until(&bob, read).await, bytes);
    alice.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_stops_offering_what_is_damaged() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (alice, bob) = (start(&homes[0], "alice").await, start(&homes[1], "bob").await);
    let bytes = vec![7; 200_000];
    let hash = dsp_protocol::id::BlobHash::of(&bytes);
    push(&alice, "data", &[("a.bin", &bytes), ("b.bin", b"sound")]).await;
    damage(&homes[0], hash);
    let ticket = share(&alice, "main", None).await;
    follow(&bob, &ticket, Policy::Heads).await.unwrap();
    let read = async || content(&bob, "alice:data#b.bin").await.ok();
    assert_eq!(until(&bob, read).await, b"sound");
    let forgotten = timeout(DEADLINE, async {
        while !alice.store().contexts_of_blob(hash).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    forgotten.await.expect("the damaged blob is offered no more");
    alice.stop().await;
    bob.stop().await;
}
