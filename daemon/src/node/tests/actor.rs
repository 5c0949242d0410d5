//! The actor between two inputs.

use dsp_protocol::sync::{Input, SessionRole, TaskId};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::*;
use crate::net::{MessageReader, MessageWriter};
use crate::node::actor::{Actor, Internal};
use crate::node::loads::Load;
use crate::node::session::{SessionStream, StreamEvent};

/// The actor of a node that follows a peer, before it runs.
async fn actor_that_follows(peer_seed: u8, seed: u8) -> Actor {
    let node = Running::start(seed).await;
    node.follow(ticket_of(peer_seed).await).await;
    let home = node.stop().await;
    let (parts, _) = home.parts().await;
    let (messages, _) = mpsc::channel(COMMANDS);
    let (events, _) = broadcast::channel(EVENTS);
    let handle = NodeHandle {
        messages,
        events: events.clone(),
        transfers: Transfers::default(),
        penalties: Arc::default(),
    };
    Actor::new(parts, handle, events)
}

/// A session whose peer takes nothing, with this many bytes waiting, and the peer's end.
fn stuck(actor: &mut Actor, peer: DeviceId, bytes: usize) -> (SessionStream, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1024);
    let (reader, writer) = futures::AsyncReadExt::split(ours.compat());
    let framed = (MessageReader::new(reader), MessageWriter::new(writer));
    let stream = SessionStream::start_on(peer, 7, framed, actor.streams.0.clone());
    stream.send(vec![0; bytes]).unwrap();
    (stream, theirs)
}

#[tokio::test]
async fn an_input_caused_by_an_output_waits_for_the_outputs_beside_it() {
    let [small, large] = seeds();
    let mut actor = actor_that_follows(large, small).await;
    let peer = key(large).device();
    actor.feed(Input::Start);
    let (stream, _theirs) = stuck(&mut actor, peer, 32 << 20);
    // The hello is one too much: the session is down before it began, and is tried again in a
    // second. The deadline of the hello, ten seconds, must not replace that.
    actor.adopt(peer, stream, SessionRole::Initiator);
    assert!(actor.sessions.is_empty());
    let wait = actor.wake_at.expect("the engine waits") - Instant::now();
    assert!(wait <= Duration::from_secs(2), "{wait:?}");
}

#[tokio::test]
async fn nothing_is_opened_because_a_stream_ended_and_not_without_end() {
    let [small, large] = seeds();
    let mut actor = actor_that_follows(large, small).await;
    let peer = key(large).device();
    let (stream, _theirs) = stuck(&mut actor, peer, 0);
    actor.adopt(peer, stream, SessionRole::Initiator);
    assert!(actor.sessions.contains_key(&peer));
    actor.on_stream(StreamEvent::Ended { device: peer, number: 7 });
    assert!(actor.sessions.is_empty() && actor.opening.is_empty());

    tokio::time::pause();
    let began = Instant::now();
    for _ in 0..20 {
        actor.open(peer);
        while !matches!(actor.internal.1.recv().await, Some(Internal::NotOpened(_))) {}
        actor.opening.remove(&peer);
    }
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test]
async fn nothing_is_loaded_for_who_does_not_take_what_was_sent() {
    let [small, large] = seeds();
    let mut actor = actor_that_follows(large, small).await;
    let peer = key(large).device();
    let (stream, _theirs) = stuck(&mut actor, peer, 5 << 20);
    actor.sessions.insert(peer, stream);
    let load = |task| {
        let context = ContextId::from_bytes([0; 32]);
        Load { task: TaskId(task), context, frames: Vec::new() }
    };
    actor.loads.add(peer, load(1));
    actor.load_next(peer);
    assert_eq!(actor.loads.next(peer), Some(load(1)), "it still waits");
}

#[tokio::test]
async fn a_stream_that_replaces_another_is_no_new_connection() {
    let [small, large] = seeds();
    let mut actor = actor_that_follows(large, small).await;
    let peer = key(large).device();
    let mut events = actor.handle.subscribe();
    let mut ends = Vec::new();
    for _ in 0..3 {
        let (stream, theirs) = stuck(&mut actor, peer, 0);
        actor.adopt(peer, stream, SessionRole::Responder);
        ends.push(theirs);
    }
    let mut connected = 0;
    while let Ok(event) = events.try_recv() {
        connected += usize::from(matches!(event, NodeEvent::Connected(_)));
    }
    assert_eq!(connected, 1);
}
