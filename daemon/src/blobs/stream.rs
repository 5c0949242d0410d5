//! The two halves of a blob stream as iroh-blobs wants them, over any byte stream.
//!
//! iroh-blobs sends 64-byte tree nodes one by one and ends a message by dropping its writer.
//! Here both directions are buffered, and the owner closes the stream by a call. Each step has
//! a deadline, so a peer that stops reading or writing cannot hold a task for ever.

use std::future::{self, Future};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dsp_protocol::id::DeviceId;
use futures::io::{BufReader, BufWriter};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use iroh_blobs::util::{RecvStream, SendStream};

use super::Lanes;

/// The error code of a stopped or reset stream; other stacks have none.
type Code = iroh::endpoint::VarInt;

/// Buffered in each direction, per stream.
const BUFFER_BYTES: usize = 128 * 1024;

/// Runs one step of a transfer.
async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The reading half of an exchange. Every exact read, of at most 16 KiB here, has to end within
/// the limit, so a peer that trickles is as good as one that stalls.
#[derive(Debug)]
pub(super) struct Incoming<S> {
    stream: BufReader<S>,
    limit: Duration,
    lanes: Arc<Lanes>,
    peer: DeviceId,
}

impl<S: AsyncRead + Unpin + Send> Incoming<S> {
    /// What comes from `peer` waits for its turn on the lane; the limit is for the peer alone.
    pub(super) fn new(stream: S, limit: Duration, lanes: Arc<Lanes>, peer: DeviceId) -> Self {
        let stream = BufReader::with_capacity(BUFFER_BYTES, stream);
        Incoming { stream, limit, lanes, peer }
    }

    pub(super) async fn read_exact(&mut self, target: &mut [u8]) -> io::Result<()> {
        self.lanes.down.pass(self.peer, target.len() as u64).await;
        within(self.limit, self.stream.read_exact(target)).await
    }

    pub(super) async fn read_u8(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.read_exact(&mut byte).await?;
        Ok(byte[0])
    }
}

impl<S: AsyncRead + Unpin + Send> RecvStream for Incoming<S> {
    async fn recv_bytes(&mut self, len: usize) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        let mut rest = (&mut self.stream).take(len as u64);
        within(self.limit, rest.read_to_end(&mut bytes)).await?;
        self.lanes.down.pass(self.peer, bytes.len() as u64).await;
        Ok(bytes.into())
    }

    async fn recv_bytes_exact(&mut self, len: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; len];
        self.read_exact(&mut bytes).await?;
        Ok(bytes.into())
    }

    async fn recv_exact(&mut self, target: &mut [u8]) -> io::Result<()> {
        self.read_exact(target).await
    }

    fn stop(&mut self, _code: Code) -> io::Result<()> {
        Ok(())
    }

    fn id(&self) -> u64 {
        0
    }
}

/// The writing half of an answer.
#[derive(Debug)]
pub(super) struct Outgoing<S> {
    stream: BufWriter<S>,
    limit: Duration,
    lanes: Arc<Lanes>,
    peer: DeviceId,
    sent_bytes: u64,
    /// iroh-blobs gave the answer up.
    reset: bool,
    /// The peer did not take it.
    failed: bool,
}

impl<S: AsyncWrite + Unpin + Send> Outgoing<S> {
    /// What goes to `peer` waits for its turn on the lane; the limit is for the peer alone.
    pub(super) fn new(stream: S, limit: Duration, lanes: Arc<Lanes>, peer: DeviceId) -> Self {
        let stream = BufWriter::with_capacity(BUFFER_BYTES, stream);
        Outgoing { stream, limit, lanes, peer, sent_bytes: 0, reset: false, failed: false }
    }

    /// Waits until so many bytes may go. What is buffered goes before: a peer that hears nothing for
    /// long takes the stream for one that stalled.
    async fn wait_for_turn(&mut self, bytes: u64) -> io::Result<()> {
        if self.lanes.up.try_pass(self.peer, bytes) {
            return Ok(());
        }
        within(self.limit, self.stream.flush()).await?;
        let lanes = Arc::clone(&self.lanes);
        lanes.up.pass(self.peer, bytes).await;
        Ok(())
    }

    /// Tells whether it was the stream that failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Sends what is buffered and closes the writing direction, which tells the peer that the
    /// answer is whole; after a reset nothing is said. Returns the bytes sent.
    pub(super) async fn finish(mut self) -> io::Result<u64> {
        if !self.reset {
            within(self.limit, self.stream.close()).await?;
        }
        Ok(self.sent_bytes)
    }
}

impl<S: AsyncWrite + Unpin + Send> SendStream for Outgoing<S> {
    async fn send_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
        self.send(&bytes).await
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let turn = self.wait_for_turn(bytes.len() as u64).await;
        let sent = match turn {
            Ok(()) => within(self.limit, self.stream.write_all(bytes)).await,
            Err(error) => Err(error),
        };
        self.failed |= sent.is_err();
        sent?;
        self.sent_bytes += bytes.len() as u64;
        Ok(())
    }

    async fn sync(&mut self) -> io::Result<()> {
        let sent = within(self.limit, self.stream.flush()).await;
        self.failed |= sent.is_err();
        sent
    }

    fn reset(&mut self, _code: Code) -> io::Result<()> {
        self.reset = true;
        Ok(())
    }

    async fn stopped(&mut self) -> io::Result<Option<Code>> {
        future::pending().await
    }

    fn id(&self) -> u64 {
        0
    }
}
