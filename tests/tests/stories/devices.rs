//! Several devices of one user: paired, apart, lost, stolen, and taken back.

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{
    Backup, BackupState, ConfirmBackup, ConfirmPairing, DeviceInfo, DeviceState, IdentityInfo,
    Join, Joined, LogEntry, NewPairing, NewTicket, NodeStatus, PairingInfo, PairingMade,
    PairingStage, ProblemCode, Recover, Recovered, Revoke, Revoked, RoleName, StackInfo,
};
use dsp_tests::Cluster;
use dsp_tests::api::{Api, CallError};
use dsp_tests::node::Node;
use hyper::Method;

/// Makes a pairing ticket.
async fn offer(root: &Node, terms: &NewPairing) -> Result<PairingMade, CallError> {
    root.api().send(Method::POST, "/identity/pairing", terms).await
}

async fn join(node: &Node, ticket: &str) -> Result<Joined, CallError> {
    node.api().steps("/identity/join", &Join { ticket: ticket.to_owned() }).await
}

/// Waits for the code that a machine shows.
async fn shown(node: &Node) -> anyhow::Result<String> {
    node.eventually(async |api: Api| {
        let info: PairingInfo = api.get("/identity/pairing", &[]).await?;
        info.code.context("no code is shown")
    })
    .await
}

async fn confirm(root: &Node, code: &str) -> Result<DeviceInfo, CallError> {
    let confirm = ConfirmPairing { code: code.to_owned() };
    root.api().send(Method::POST, "/identity/pairing/confirm", &confirm).await
}

/// Waits until the machine that granted is asked.
async fn asked(root: &Node) -> anyhow::Result<()> {
    root.eventually(async |api: Api| {
        let info: PairingInfo = api.get("/identity/pairing", &[]).await?;
        ensure!(info.stage == PairingStage::Asked, "it is {:?}", info.stage);
        Ok(())
    })
    .await
}

/// Makes `node` a device of the user of `root`, and waits until its daemon is back.
async fn pair_as(root: &Node, node: &Node, terms: &NewPairing) -> anyhow::Result<DeviceInfo> {
    let made = offer(root, terms).await?;
    let (joined, granted) = tokio::join!(join(node, &made.ticket), async {
        let code = shown(node).await?;
        asked(root).await?;
        anyhow::Ok(confirm(root, &code).await?)
    });
    let (joined, granted) = (joined?, granted?);
    back_as(node, &joined.user.to_string()).await?;
    Ok(granted)
}

async fn pair(root: &Node, node: &Node) -> anyhow::Result<DeviceInfo> {
    pair_as(root, node, &NewPairing::default()).await
}

//  two devices, one of which is revoked -- stick -- carol
#[tokio::test]
async fn what_a_revoked_device_said_before_travels_on_a_stick() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [one, other, carol] = cluster.start(["one", "other", "carol"]).await?;
    // An archive is written in the order of the devices: what the revoked one said comes before
    // the word of who let it in.
    let in_order = identity(&one).await?.device < identity(&other).await?.device;
    let [mut desk, mut alice] = if in_order { [one, other] } else { [other, one] };
    alice.push("report", &[("a.txt", b"1")]).await?;
    let granted = pair(&alice, &desk).await?;
    ensure!(granted.device < identity(&alice).await?.device, "pairing keeps the device");
    ensure!(identity(&alice).await?.backup == BackupState::Needed);
    ensure!(identity(&desk).await?.backup == BackupState::Elsewhere, "it cannot know");
    heads(
        &desk,
        "report",
        &[&alice.stack("report").await?.head.context("no head")?.frame.to_string()],
    )
    .await?;
    let second = desk.push("report", &[("a.txt", b"2")]).await?;
    let only = desk.push("only", &[("a.txt", b"3")]).await?;
    for (stack, pushed) in [("report", &second), ("only", &only)] {
        heads(&alice, stack, &[&pushed.frame.to_string()]).await?;
        alice.reads(stack, if stack == "only" { b"3" } else { b"2" }).await?;
    }
    revoke(&alice, &granted.device.to_string(), None).await?;

    let file = cluster.path().join("main.dsp").to_string_lossy().into_owned();
    for (node, args) in [(&alice, ["export", "main", &file]), (&carol, ["import", &file, "--yes"])]
    {
        let output = node.cli([&["archive"], &args[..]].concat()).await?;
        ensure!(output.status.success() && !output.stdout.contains("left out"), "{output:?}");
    }
    let of_alice = |stack: &str| format!("{}:{stack}", alice.name);
    heads(&carol, &of_alice("report"), &[&second.frame.to_string()]).await?;
    carol.reads(&of_alice("only"), b"3").await?;
    Ok(())
}

/// Waits until the daemon of a machine has started anew as a device of a user.
async fn back_as(node: &Node, user: &str) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + dsp_tests::node::DEADLINE;
    let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        look.tick().await;
        let me = node.api().get::<IdentityInfo>("/identity", &[]).await;
        match me {
            Ok(me) if me.user.to_string() == user => return Ok(()),
            other => ensure!(tokio::time::Instant::now() < deadline, "it is {other:?}"),
        }
    }
}

async fn identity(node: &Node) -> Result<IdentityInfo, CallError> {
    node.api().get("/identity", &[]).await
}

async fn devices(node: &Node) -> Result<Vec<DeviceInfo>, CallError> {
    node.api().list("/identity/devices", &[]).await
}

async fn revoke(root: &Node, device: &str, since: Option<&str>) -> Result<Revoked, CallError> {
    let path = format!("/identity/devices/{device}/revoke");
    let revoke = Revoke { since: since.map(str::to_owned), dry_run: false };
    root.api().send(Method::POST, &path, &revoke).await
}

async fn words(node: &Node) -> Result<String, CallError> {
    let nothing = serde_json::json!({});
    let backup: Backup = node.api().send(Method::POST, "/identity/backup", &nothing).await?;
    Ok(backup.words)
}

async fn recover(node: &Node, words: &str) -> Result<Recovered, CallError> {
    let recover = Recover { words: words.to_owned(), after: None, dry_run: false };
    node.api().send(Method::POST, "/identity/recover", &recover).await
}

/// Waits until the heads of a stack are these frames, in any order.
async fn heads(node: &Node, reference: &str, frames: &[&str]) -> anyhow::Result<StackInfo> {
    node.eventually(async |api: Api| {
        let stack: StackInfo = api.get("/stack", &[("ref", reference)]).await?;
        let mut found: Vec<String> = stack
            .head
            .iter()
            .chain(&stack.other_heads)
            .map(|head| head.frame.to_string())
            .collect();
        found.sort();
        let mut wanted: Vec<String> = frames.iter().map(|frame| (*frame).to_owned()).collect();
        wanted.sort();
        ensure!(found == wanted, "the heads of {reference} are {found:?}");
        Ok(stack)
    })
    .await
}

//  alice ~~ticket~~> desk, then both apart, then together; bob follows
#[tokio::test]
async fn two_devices_push_apart_and_are_one_user() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, desk, bob] = cluster.start(["alice", "desk", "bob"]).await?;
    let mut desk = desk;
    let first = alice.push("data", &[("a.txt", b"0")]).await?;
    let granted = pair(&alice, &desk).await?;
    assert_eq!((granted.name.as_str(), granted.state), ("laptop-2", DeviceState::Live));
    // The new device has the identity and the context, and neither root nor recovery key.
    let me = identity(&desk).await?;
    assert_eq!(me.user, identity(&alice).await?.user);
    assert!(!me.backup_needed);
    assert!(!desk.home().join("keys/root").exists() && !desk.home().join("keys/joining").exists());
    desk.has("data", &first).await?;

    bob.follow(&alice.ticket().await?.ticket).await?;
    // Off, or he would carry the one push to the other device before it pushes.
    let mut bob = bob;
    bob.stop().await?;
    alice.stop().await?;
    let on_desk = desk.push("data", &[("a.txt", b"desk")]).await?;
    desk.stop().await?;
    alice.start().await?;
    let on_laptop = alice.push("data", &[("a.txt", b"laptop")]).await?;
    desk.start().await?;
    bob.start().await?;
    let (one, other) = (on_desk.frame.to_string(), on_laptop.frame.to_string());
    for node in [&alice, &desk] {
        heads(node, "data", &[&one, &other]).await?;
    }
    heads(&bob, "alice:data", &[&one, &other]).await?;
    // A push over both settles it, and bob sees one user all the time.
    let settled = desk.push("data", &[("a.txt", b"both")]).await?;
    let settled = settled.frame.to_string();
    heads(&alice, "data", &[&settled]).await?;
    heads(&bob, "alice:data", &[&settled]).await?;
    let peers: Vec<dsp_protocol::api::PeerInfo> = bob.api().list("/peers", &[]).await?;
    assert_eq!((peers.len(), peers[0].devices.len()), (1, 2));
    Ok(())
}

//  alice, desk; bob shares with alice before, and with a new context after: desk has all of it
#[tokio::test]
async fn contexts_of_one_device_come_to_the_other() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, desk, mut bob] = cluster.start(["alice", "desk", "bob"]).await?;
    let theirs = bob.push("theirs", &[("b.txt", b"bob")]).await?;
    alice.follow(&bob.ticket().await?.ticket).await?;
    pair(&alice, &desk).await?;
    desk.has("bob:theirs", &theirs).await?;
    let new = dsp_protocol::api::NewContext {
        name: "research".to_owned(),
        about: String::new(),
        access: None,
    };
    let _: dsp_protocol::api::ContextInfo =
        desk.api().send(Method::POST, "/contexts", &new).await?;
    alice.writes_into("research").await?;
    Ok(())
}

//  alice --ticket--> mallory's machine, with a wrong code, an old ticket, and a used one
#[tokio::test]
async fn a_pairing_that_is_not_confirmed_grants_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, desk] = cluster.start(["alice", "desk"]).await?;
    let made = offer(&alice, &NewPairing::default()).await?;
    let (joined, refused) = tokio::join!(join(&desk, &made.ticket), async {
        let code = shown(&desk).await?;
        asked(&alice).await?;
        let wrong = if code == "000 000" { "000 001" } else { "000 000" };
        anyhow::Ok(confirm(&alice, wrong).await)
    });
    assert_eq!(refused?.unwrap_err().code(), Some(ProblemCode::Refused));
    assert_eq!(joined.unwrap_err().code(), Some(ProblemCode::Refused));
    // It is used: nobody is asked by it again.
    assert_eq!(join(&desk, &made.ticket).await.unwrap_err().code(), Some(ProblemCode::Refused));
    // An earlier one is void once another is made.
    let old = offer(&alice, &NewPairing::default()).await?;
    offer(&alice, &NewPairing::default()).await?;
    assert_eq!(join(&desk, &old.ticket).await.unwrap_err().code(), Some(ProblemCode::Refused));
    assert_eq!(
        confirm(&alice, "123 456").await.unwrap_err().code(),
        Some(ProblemCode::Conflict),
        "nobody asks"
    );
    assert_eq!(
        join(&desk, "dsppair1aaaa").await.unwrap_err().code(),
        Some(ProblemCode::BadRequest)
    );
    assert_eq!(devices(&alice).await?.len(), 1);
    assert_eq!(identity(&desk).await?.name, "desk");
    Ok(())
}

//  a machine with work of its own is no new device
#[tokio::test]
async fn a_machine_in_use_gives_nothing_up() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, mut desk] = cluster.start(["alice", "desk"]).await?;
    let pushed = desk.push("mine", &[("a.txt", b"0")]).await?;
    let made = offer(&alice, &NewPairing::default()).await?;
    let refused = join(&desk, &made.ticket).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Conflict));
    assert!(refused.to_string().contains("a stack in main"), "{refused}");
    desk.has("mine", &pushed).await?;
    Ok(())
}

//  alice, lost; bob follows. The lost one pushes on after it was taken, to bob alone
#[tokio::test]
async fn a_lost_device_is_cut_and_what_others_built_stays() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut lost, bob] = cluster.start(["alice", "lost", "bob"]).await?;
    let device =
        pair_as(&alice, &lost, &NewPairing { name: Some("lost".into()), ..NewPairing::default() })
            .await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let good = lost.push("data", &[("a.txt", b"good")]).await?;
    bob.has("alice:data", &good).await?;
    alice.has("data", &good).await?;

    // The thief pushes; the honest device hears of it and builds on it before she knows.
    let bad = lost.push("data", &[("a.txt", b"bad")]).await?;
    let alone = lost.push("evil", &[("a.txt", b"evil")]).await?;
    alice.has("data", &bad).await?;
    bob.has("alice:evil", &alone).await?;
    let built = alice.push("data", &[("a.txt", b"built")]).await?;
    bob.has("alice:data", &built).await?;

    let frame = good.frame.to_string();
    let revoked = revoke(&alice, "lost", Some(&frame)).await?;
    assert!(revoked.done);
    assert_eq!(revoked.contexts.len(), 1);
    let cut = &revoked.contexts[0];
    // Whichever of the two owner's devices met Bob first made him a member.
    assert!((1..=2).contains(&cut.kept) && cut.lost == 2, "{revoked:?}");
    // What she pushed on top survives with its history; what the thief said counts nowhere.
    for (node, data, evil) in [(&alice, "data", "evil"), (&bob, "alice:data", "alice:evil")] {
        // The head that the thief replaced is current again, and hers, which is over his, first.
        let stack = heads(node, data, &[&frame, &built.frame.to_string()]).await?;
        assert_eq!(stack.head.map(|head| head.frame), Some(built.frame));
        node.eventually(async |api: Api| {
            let stack = api.get::<StackInfo>("/stack", &[("ref", evil)]).await;
            ensure!(stack.is_err(), "the stack of the thief is still there");
            Ok(())
        })
        .await?;
    }
    // What it says from now on is taken by nobody, not even first.
    alice.stop().await?;
    let late = lost.push("late", &[("a.txt", b"late")]).await;
    let other = lost.push("data", &[("a.txt", b"late")]).await;
    alice.start().await?;
    let after = alice.push("data", &[("a.txt", b"after")]).await?;
    heads(&bob, "alice:data", &[&after.frame.to_string()]).await?;
    assert!(bob.stack("alice:late").await.is_err(), "{late:?} {other:?}");
    let states: Vec<_> = devices(&alice).await?.into_iter().map(|d| (d.name, d.state)).collect();
    let laptop = ("laptop".to_owned(), DeviceState::Live);
    assert_eq!(states, [laptop, ("lost".to_owned(), DeviceState::Revoked)]);
    // For ever: its key is never granted again.
    assert_eq!(device.name, "lost");
    // The device itself is told, and goes on to have a name.
    lost.eventually(async |api: Api| {
        let status: NodeStatus = api.get("/node", &[]).await?;
        ensure!(status.device_revoked && !status.device_name.is_empty(), "{status:?}");
        Ok(())
    })
    .await?;
    let entries: Vec<LogEntry> = alice.api().list("/log", &[("ref", "data")]).await?;
    assert!(entries.iter().any(|entry| entry.id == good.frame));
    Ok(())
}

//  the lost one reaches bob with pushes that alice's cut leaves out, before bob hears of the cut
#[tokio::test]
async fn a_follower_who_heard_the_lost_device_first_drops_it() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut lost, bob] = cluster.start(["alice", "lost", "bob"]).await?;
    pair_as(&alice, &lost, &NewPairing { name: Some("lost".into()), ..NewPairing::default() })
        .await?;
    let good = alice.push("data", &[("a.txt", b"good")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &good).await?;
    lost.has("data", &good).await?;
    alice.stop().await?;
    let bad = lost.push("data", &[("a.txt", b"bad")]).await?;
    bob.has("alice:data", &bad).await?;
    lost.stop().await?;
    // She never hears of it, and revokes what she has of the device: nothing.
    let mut bob = bob;
    bob.stop().await?;
    alice.start().await?;
    let revoked = revoke(&alice, "lost", None).await?;
    assert!(revoked.done);
    bob.start().await?;
    heads(&bob, "alice:data", &[&good.frame.to_string()]).await?;
    Ok(())
}

//  alice's root is stolen: the thief revokes her laptop and grants his own; her words beat him
#[tokio::test]
async fn a_stolen_root_is_beaten_by_the_recovery_key() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, thief] = cluster.start(["alice", "bob", "thief"]).await?;
    let first = alice.push("data", &[("a.txt", b"0")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:data", &first).await?;
    let words = words(&alice).await?;
    let confirm = ConfirmBackup { words: words.clone() };
    let _: IdentityInfo =
        alice.api().send(Method::POST, "/identity/backup/confirm", &confirm).await?;
    // The home is copied while the daemon is off: the thief has the root and the device key.
    alice.stop().await?;
    let stolen = copy_home(&cluster, &alice, "stolen")?;
    let mut stolen = stolen;
    stolen.start().await?;
    let desk = pair_as(
        &stolen,
        &thief,
        &NewPairing { name: Some("thief".into()), ..NewPairing::default() },
    )
    .await?;
    // He makes his machine the only one: what the root signs is his to choose.
    let mut thief = thief;
    let bad = thief.push("data", &[("a.txt", b"bad")]).await?;
    bob.has("alice:data", &bad).await?;
    stolen.stop().await?;

    alice.start().await?;
    alice
        .eventually(async |api: Api| {
            let devices: Vec<DeviceInfo> = api.list("/identity/devices", &[]).await?;
            ensure!(devices.len() == 2, "she has not heard of the thief's device");
            Ok(())
        })
        .await?;
    let recovered = recover(&alice, &words).await?;
    assert!(recovered.done && !recovered.moves);
    assert_eq!(recovered.dropped.len(), 1, "{recovered:?}");
    let states: Vec<_> = devices(&alice).await?.into_iter().map(|d| (d.device, d.state)).collect();
    let own = identity(&alice).await?.device;
    assert_eq!(states, [(own, DeviceState::Live), (desk.device, DeviceState::Frozen)]);
    // What the thief pushed is cut, and nothing new of him is taken.
    let device = desk.device.to_string();
    revoke(&alice, &device, Some("2020-01-01T00:00:00Z")).await?;
    let after = alice.push("data", &[("a.txt", b"mine")]).await?;
    heads(&bob, "alice:data", &[&after.frame.to_string()]).await?;
    // The words are void, and there are new ones.
    assert!(recover(&alice, &words).await.is_err());
    assert!(identity(&alice).await?.backup_needed);
    Ok(())
}

/// Copies the home of a node that is off.
fn copy_home(cluster: &Cluster, from: &Node, name: &str) -> anyhow::Result<Node> {
    let to = cluster.path().join(name);
    let copied = std::process::Command::new("cp").arg("-a").arg(from.home()).arg(&to).status()?;
    ensure!(copied.success(), "the home was not copied");
    Ok(cluster.node(name))
}

//  alice's machine is gone; on a new one, words and a ticket bring her back, and bob follows on
#[tokio::test]
async fn words_and_a_ticket_bring_the_name_to_a_new_machine() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob, new] = cluster.start(["alice", "bob", "new"]).await?;
    let pushed = alice.push("data", &[("a.txt", b"0")]).await?;
    let ticket = alice
        .ticket_of("main", &NewTicket { role: None, expires_seconds: None, uses: None })
        .await?
        .ticket;
    bob.follow(&ticket).await?;
    bob.has("alice:data", &pushed).await?;
    let (words, user) = (words(&alice).await?, identity(&alice).await?.user);
    // Nobody is known to the new machine.
    let unknown = recover(&new, &words).await.unwrap_err();
    assert_eq!(unknown.code(), Some(ProblemCode::NotFound));
    new.follow(&ticket).await?;
    new.has("alice:data", &pushed).await?;
    new.eventually(async |api: Api| {
        let peers: Vec<dsp_protocol::api::PeerInfo> = api.list("/peers", &[]).await?;
        let devices = peers.iter().filter(|peer| peer.name == "bob").flat_map(|p| &p.devices);
        ensure!(devices.into_iter().any(|device| device.connected), "bob was not met");
        Ok(())
    })
    .await?;
    alice.stop().await?;
    let recovered = recover(&new, &words).await?;
    assert!(recovered.moves && recovered.done);
    back_as(&new, &user.to_string()).await?;
    let mut new = new;
    new.restart().await?;
    assert_eq!(identity(&new).await?.user, user);
    new.has("data", &pushed).await?;
    // She goes on where she was; bob sees the same user.
    bob.restart().await?;
    let next = new.push("data", &[("a.txt", b"1")]).await?;
    bob.has("alice:data", &next).await?;
    Ok(())
}

//  rotate: new keys, the same user, the same devices
#[tokio::test]
async fn new_keys_leave_the_user_and_her_devices() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut desk, bob] = cluster.start(["alice", "desk", "bob"]).await?;
    pair(&alice, &desk).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let before = identity(&alice).await?;
    let nothing = serde_json::json!({});
    let after: IdentityInfo = alice.api().send(Method::POST, "/identity/rotate", &nothing).await?;
    assert_eq!(after.user, before.user);
    assert!(after.root != before.root && after.backup_needed);
    // The other device does not hold the root, so it neither rotates nor grants.
    let refused: Result<IdentityInfo, _> =
        desk.api().send(Method::POST, "/identity/rotate", &nothing).await;
    assert_eq!(refused.unwrap_err().code(), Some(ProblemCode::Refused));
    let refused = offer(&desk, &NewPairing::default()).await;
    assert_eq!(refused.unwrap_err().code(), Some(ProblemCode::Refused));
    alice.restart().await?;
    assert_eq!(identity(&alice).await?.root, after.root);
    let pushed = desk.push("data", &[("a.txt", b"0")]).await?;
    bob.has("alice:data", &pushed).await?;
    Ok(())
}

//  ci is limited to one context and the role of a reader
#[tokio::test]
async fn scope_and_end_of_a_grant_hold() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut ci] = cluster.start(["alice", "ci"]).await?;
    let pushed = alice.push("data", &[("a.txt", b"0")]).await?;
    let new = dsp_protocol::api::NewContext {
        name: "secret".to_owned(),
        about: String::new(),
        access: None,
    };
    let _: dsp_protocol::api::ContextInfo =
        alice.api().send(Method::POST, "/contexts", &new).await?;
    let terms = NewPairing {
        name: Some("ci".to_owned()),
        contexts: Some(vec!["main".to_owned()]),
        role: Some(RoleName::Reader),
        expires_seconds: Some(3600),
    };
    let device = pair_as(&alice, &ci, &terms).await?;
    assert_eq!(device.contexts, Some(vec!["main".to_owned()]));
    assert_eq!(device.role, Some(RoleName::Reader));
    assert!(device.until.is_some());
    ci.has("data", &pushed).await?;
    let labels: Vec<dsp_protocol::api::ContextInfo> = ci.api().list("/contexts", &[]).await?;
    assert_eq!(labels.len(), 1, "it is told of one context");
    let refused = ci.push("data", &[("a.txt", b"1")]).await.unwrap_err();
    assert!(format!("{refused:#}").contains("granted reader"), "{refused:#}");
    Ok(())
}
