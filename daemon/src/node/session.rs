//! The two tasks of a sync stream: one reads, one writes.
//!
//! The reader hands over one message at a time and is told how large the next may be, so a peer
//! that matched nothing costs at most 64 KiB and a slow engine slows its peers down. The writer
//! takes everything, and the session ends when too much waits in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::limits;
use tokio::sync::{mpsc, oneshot};

use crate::net::{NetStream, framed};

/// How long a message may take from its first byte to its last.
const READ_TIME: Duration = Duration::from_secs(60);
/// How long a peer may take to take a message.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// Most bytes that wait to be written: a peer this far behind is too slow.
const WAITING_BYTES: usize = 32 << 20;

/// A sync stream that is open.
#[derive(Debug)]
pub(super) struct SessionStream {
    /// Tells this stream from an earlier one with the same device.
    pub number: u64,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    reader: tokio::task::AbortHandle,
}

/// What a stream tells the actor.
pub(super) enum StreamEvent {
    /// A message came; the answer says how large the next may be.
    Message { device: DeviceId, number: u64, bytes: Vec<u8>, next: oneshot::Sender<usize> },
    /// It ended.
    Ended { device: DeviceId, number: u64 },
}

/// The peer takes too little.
#[derive(Debug)]
pub(super) struct TooSlow;

impl SessionStream {
    /// Starts the tasks of a stream.
    pub(super) fn start(
        device: DeviceId,
        number: u64,
        stream: NetStream,
        events: mpsc::Sender<StreamEvent>,
    ) -> Self {
        let (mut reader, mut writer) = framed(stream);
        let (outgoing, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let written = Arc::clone(&waiting);
        let write_ended = events.clone();
        tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                let sent = writer.send(&bytes, WRITE_TIME).await;
                written.fetch_sub(bytes.len(), Ordering::Relaxed);
                if let Err(error) = sent {
                    tracing::debug!(peer = %device.short(), %error, "sync stream broke");
                    // The actor may have forgotten the session already.
                    let _ = write_ended.send(StreamEvent::Ended { device, number }).await;
                    return;
                }
            }
            // The peer may be gone already; then there is nothing to close.
            let _ = writer.close(WRITE_TIME).await;
        });
        let reader = tokio::spawn(async move {
            let mut limit = limits::HELLO_BYTES;
            loop {
                match reader.next(limit, READ_TIME).await {
                    Ok(Some(bytes)) => {
                        let (next, answer) = oneshot::channel();
                        let message = StreamEvent::Message { device, number, bytes, next };
                        if events.send(message).await.is_err() {
                            return;
                        }
                        match answer.await {
                            Ok(next) => limit = next,
                            Err(_) => return,
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(peer = %device.short(), %error, "sync stream broke");
                        break;
                    }
                }
            }
            // The actor may have stopped.
            let _ = events.send(StreamEvent::Ended { device, number }).await;
        });
        SessionStream { number, outgoing, waiting, reader: reader.abort_handle() }
    }

    /// Hands a message to the writer.
    pub(super) fn send(&self, bytes: Vec<u8>) -> Result<(), TooSlow> {
        let len = bytes.len();
        if self.waiting.fetch_add(len, Ordering::Relaxed) + len > WAITING_BYTES {
            return Err(TooSlow);
        }
        // A writer that ended has said so, or is about to.
        let _ = self.outgoing.send(bytes);
        Ok(())
    }
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        // The writer ends by itself once what it holds is written.
        self.reader.abort();
    }
}
