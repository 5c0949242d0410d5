//! What peers see of a node.

use dsp_protocol::limits::MESSAGE_WIRE_BYTES;
use dsp_protocol::wire::{ByeCode, Message};
use futures::AsyncWriteExt as _;

use super::*;
use crate::net::framed;

/// A peer is connected and its session has ended, or never was; then the user follows it.
async fn is_reached(peer_seed: u8, seed: u8) {
    let ticket = ticket_of(peer_seed).await;
    let mut peer = Bare::start(peer_seed).await;
    let node = Running::start(seed).await;
    peer.connect(&node).await;
    if node.net.device() < peer.device() {
        let (mut reader, mut writer) = framed(peer.sync_stream().await);
        let bye = Message::Bye { code: ByeCode::Nothing }.encode();
        writer.send(&bye, DEADLINE).await.unwrap();
        while let Ok(Some(_)) = reader.next(MESSAGE_WIRE_BYTES, DEADLINE).await {}
    }
    node.follow(ticket).await;
    peer.sync_stream().await;
    node.stop().await;
}

#[tokio::test]
async fn the_smaller_device_reaches_who_is_connected_without_a_session() {
    let [small, large] = seeds();
    is_reached(large, small).await;
}

#[tokio::test]
async fn the_larger_device_reaches_who_is_connected_without_a_session() {
    let [small, large] = seeds();
    is_reached(small, large).await;
}

#[tokio::test]
async fn who_misuses_blob_streams_is_shut_out() {
    let [small, large] = seeds();
    let node = Running::start(small).await;
    let mut stranger = Bare::start(large).await;
    stranger.connect(&node).await;
    let mut stream = stranger.net.open(node.net.device(), StreamKind::Blobs).await.unwrap();
    stream.write_all(&[0xff; 64]).await.unwrap();
    stream.close().await.unwrap();
    stranger.wait_for(|event| matches!(event, NetEvent::Disconnected { .. }).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_neighbour_found_before_there_was_a_reason_is_dialled_when_there_is() {
    let [small, large] = seeds();
    let node = Running::start(small).await;
    let mut neighbour = Bare::start(large).await;
    let addresses = neighbour.net.listening().await;
    node.inject.send(NetEvent::Discovered { addresses }).await.unwrap();
    // The ticket of a context is a reason.
    node.share().await;
    neighbour.wait_for(|event| matches!(event, NetEvent::Connected { .. }).then_some(())).await;
    node.stop().await;
}
