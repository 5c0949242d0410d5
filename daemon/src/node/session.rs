//! The two tasks of a sync stream: one reads, one writes.
//!
//! The reader hands over one message at a time and is told how large the next may be, so a peer
//! that matched nothing costs at most 64 KiB and a slow engine slows its peers down. The writer
//! takes everything, and the session ends when too much waits in it. When the session ends, the
//! writer has a few seconds for what is left, and of much that is left only the last message
//! counts: it says why.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::limits;
use futures::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::net::{MessageReader, MessageWriter, NetStream, WriteError, framed};

/// How long a message may take from its first byte to its last.
const READ_TIME: Duration = Duration::from_secs(60);
/// How long a peer may take to take a message.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long a peer may take to take all that is left when the session has ended.
const PARTING_TIME: Duration = Duration::from_secs(5);
/// Most bytes that are still written when the session has ended.
const PARTING_BYTES: usize = 1 << 20;
/// Most bytes that wait to be written: a peer this far behind is too slow.
const WAITING_BYTES: usize = 32 << 20;
/// With more bytes waiting than this, nothing large is loaded for the peer.
const BEHIND_BYTES: usize = 4 << 20;

/// A sync stream that is open.
#[derive(Debug)]
pub(super) struct SessionStream {
    /// Tells this stream from an earlier one with the same device.
    pub number: u64,
    /// When it began.
    pub since: Instant,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    reader: tokio::task::AbortHandle,
    /// Tells the writer when the session has ended.
    _parting: DropGuard,
}

/// What a stream tells the actor.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// A message came; the answer says how large the next may be.
    Message { device: DeviceId, number: u64, bytes: Vec<u8>, next: oneshot::Sender<usize> },
    /// The peer has caught up with what was sent.
    CaughtUp { device: DeviceId, number: u64 },
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
        let (reader, writer) = framed(stream);
        SessionStream::start_on(device, number, (reader, writer), events)
    }

    /// Starts the tasks on two halves of any stream.
    pub(super) fn start_on<R, W>(
        device: DeviceId,
        number: u64,
        (reader, writer): (MessageReader<R>, MessageWriter<W>),
        events: mpsc::Sender<StreamEvent>,
    ) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (outgoing, queue) = mpsc::unbounded_channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let parting = CancellationToken::new();
        let writing = Writing {
            device,
            number,
            writer,
            queue,
            waiting: Arc::clone(&waiting),
            parting: parting.clone(),
            events: events.clone(),
        };
        tokio::spawn(writing.run());
        let reader = tokio::spawn(read(device, number, reader, events));
        SessionStream {
            number,
            since: Instant::now(),
            outgoing,
            waiting,
            reader: reader.abort_handle(),
            _parting: parting.drop_guard(),
        }
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

    /// Tells whether much waits to be written; [`StreamEvent::CaughtUp`] tells when it does not.
    pub(super) fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > BEHIND_BYTES
    }
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Hands messages to the actor until the stream ends.
async fn read<R: AsyncRead + Unpin>(
    device: DeviceId,
    number: u64,
    mut reader: MessageReader<R>,
    events: mpsc::Sender<StreamEvent>,
) {
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
}

/// What writes the messages of a session.
struct Writing<W> {
    device: DeviceId,
    number: u64,
    writer: MessageWriter<W>,
    queue: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    parting: CancellationToken,
    events: mpsc::Sender<StreamEvent>,
}

impl<W: AsyncWrite + Unpin> Writing<W> {
    async fn run(mut self) {
        let (device, number) = (self.device, self.number);
        let (events, parting) = (self.events.clone(), self.parting.clone());
        let mut all = pin!(self.write());
        let written = tokio::select! {
            written = &mut all => written,
            () = parting.cancelled() => match timeout(PARTING_TIME, all).await {
                Ok(written) => written,
                Err(_) => Err(WriteError::TooSlow { within: PARTING_TIME }),
            },
        };
        if let Err(error) = written {
            tracing::debug!(peer = %device.short(), %error, "sync stream broke");
            // The actor may have forgotten the session already.
            let _ = events.send(StreamEvent::Ended { device, number }).await;
        }
    }

    /// Writes until the session has ended and nothing is left.
    async fn write(&mut self) -> Result<(), WriteError> {
        let mut last = None;
        loop {
            let message = match last.take() {
                None => self.queue.recv().await,
                last => last,
            };
            // The peer may be gone already; then there is nothing to close.
            let Some(bytes) = message else { return self.writer.close(PARTING_TIME).await };
            let sent = {
                let mut send = pin!(self.writer.send(&bytes, WRITE_TIME));
                tokio::select! {
                    biased;
                    sent = &mut send => sent,
                    () = self.parting.cancelled() => {
                        last = shorten(&mut self.queue, &self.waiting);
                        send.await
                    }
                }
            };
            let before = self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
            sent?;
            if before > BEHIND_BYTES && before - bytes.len() <= BEHIND_BYTES {
                let event = StreamEvent::CaughtUp { device: self.device, number: self.number };
                // The actor may have stopped.
                let _ = self.events.send(event).await;
            }
        }
    }
}

/// Takes all but the last out of a queue that holds much.
fn shorten(queue: &mut mpsc::UnboundedReceiver<Vec<u8>>, waiting: &AtomicUsize) -> Option<Vec<u8>> {
    if waiting.load(Ordering::Relaxed) <= PARTING_BYTES {
        return None;
    }
    let mut last: Option<Vec<u8>> = None;
    while let Ok(bytes) = queue.try_recv() {
        if let Some(before) = last.replace(bytes) {
            waiting.fetch_sub(before.len(), Ordering::Relaxed);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;
    use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 32]);

    /// A session, what it tells, and the peer's end of its stream.
    fn session() -> (SessionStream, mpsc::Receiver<StreamEvent>, Compat<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = futures::AsyncReadExt::split(ours.compat());
        let (reader, writer) = (MessageReader::new(reader), MessageWriter::new(writer));
        let (events, told) = mpsc::channel(8);
        let stream = SessionStream::start_on(DEVICE, 1, (reader, writer), events);
        (stream, told, theirs.compat())
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_ended_writes_its_last_word_and_is_gone_in_seconds() {
        let (stream, mut told, theirs) = session();
        for n in 0..20 {
            stream.send(vec![n; 1 << 20]).unwrap();
        }
        stream.send(b"bye".to_vec()).unwrap();
        let waiting = Arc::clone(&stream.waiting);
        // The writer is in the middle of the first.
        tokio::task::yield_now().await;
        drop(stream);
        let mut reader = MessageReader::new(theirs);
        assert_eq!(reader.next(2 << 20, READ_TIME).await.unwrap(), Some(vec![0; 1 << 20]));
        assert_eq!(reader.next(2 << 20, READ_TIME).await.unwrap(), Some(b"bye".to_vec()));
        assert_eq!(reader.next(2 << 20, READ_TIME).await.unwrap(), None);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        drop(reader);

        // And who takes nothing at all is not waited for.
        let (stream, mut told_too, _theirs) = session();
        for n in 0..20 {
            stream.send(vec![n; 1 << 20]).unwrap();
        }
        tokio::task::yield_now().await;
        let (waiting, began) = (Arc::clone(&stream.waiting), Instant::now());
        drop(stream);
        while told_too.recv().await.is_some() {}
        assert_eq!(began.elapsed(), PARTING_TIME);
        assert!(waiting.load(Ordering::Relaxed) <= 2 << 20, "most was given up at once");
        while told.recv().await.is_some() {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_behind_is_too_slow_or_catches_up() {
        let (stream, mut told, theirs) = session();
        for _ in 0..5 {
            stream.send(vec![0; 1 << 20]).unwrap();
        }
        assert!(stream.is_behind());
        let mut reader = MessageReader::new(theirs);
        for _ in 0..5 {
            reader.next(2 << 20, READ_TIME).await.unwrap();
        }
        assert!(matches!(told.recv().await, Some(StreamEvent::CaughtUp { number: 1, .. })));
        assert!(!stream.is_behind());
        for _ in 0..32 {
            stream.send(vec![0; 1 << 20]).unwrap();
        }
        stream.send(vec![0; 1 << 20]).unwrap_err();
    }
}
