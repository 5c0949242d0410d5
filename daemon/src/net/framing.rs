//! Messages on a stream: a length of four bytes, big-endian, then as many bytes.
//!
//! The reader takes its limit with every message, because a peer deserves less before a hello
//! than after. A length above it is an error before anything is allocated, and what is allocated
//! grows with what arrives. A message that has begun must end by a deadline, so that a peer who
//! sends a byte a minute does not hold a session; how long to wait for one to begin is the
//! caller's choice.

use std::time::Duration;

use futures::io::{ReadHalf, WriteHalf};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::stream::NetStream;

/// Bytes of the length before a message.
const HEADER: usize = 4;
/// Bytes asked of the stream at once.
const CHUNK: usize = 64 * 1024;

/// Why no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer announces more than is taken here.
    #[error("message of {length} bytes, at most {limit} are taken")]
    TooLong {
        /// The bytes announced.
        length: usize,
        /// The bytes taken.
        limit: usize,
    },
    /// The stream ended inside a message.
    #[error("the stream ended after {actual} of {expected} bytes")]
    Truncated {
        /// Bytes of the message, with its length.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// The peer began a message and did not end it in time.
    #[error("a message did not end within {within:?}")]
    TooSlow {
        /// How long it was given.
        within: Duration,
    },
    /// The stream broke.
    #[error("the stream broke")]
    Io(#[from] std::io::Error),
    /// An earlier error left the reader in the middle of a message.
    #[error("an earlier message was not read to its end")]
    OutOfStep,
}

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The message does not fit a length of four bytes.
    #[error("message of {0} bytes is too long to be sent")]
    TooLong(usize),
    /// The peer does not take the message in time.
    #[error("a message was not taken within {within:?}")]
    TooSlow {
        /// How long it was given.
        within: Duration,
    },
    /// The stream broke.
    #[error("the stream broke")]
    Io(#[from] std::io::Error),
    /// An earlier message was written in part, so that no other can follow.
    #[error("an earlier message was not written to its end")]
    OutOfStep,
}

/// Splits a stream into a reader and a writer of messages.
pub fn framed(stream: NetStream) -> (MessageReader, MessageWriter) {
    let (reader, writer) = stream.split();
    (MessageReader::new(reader), MessageWriter::new(writer))
}

/// Reads messages from one half of a stream.
#[derive(Debug)]
pub struct MessageReader<R = ReadHalf<NetStream>> {
    inner: R,
    header: [u8; HEADER],
    body: Vec<u8>,
    /// Bytes that have arrived of the message under way, with its length.
    filled: usize,
    /// When the message under way began.
    began: Option<Instant>,
    failed: bool,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        let header = [0; HEADER];
        MessageReader { inner, header, body: Vec::new(), filled: 0, began: None, failed: false }
    }

    /// Returns the next message, or `None` when the stream ended after a whole one.
    ///
    /// Waits without end for the first byte of a message, and from then on `within` for the rest.
    /// Cancel safe: what has arrived is kept, and its time runs on.
    ///
    /// # Errors
    /// [`ReadError`]. The reader is of no more use then.
    pub async fn next(
        &mut self,
        limit: usize,
        within: Duration,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        if self.failed {
            return Err(ReadError::OutOfStep);
        }
        let result = self.read(limit, within).await;
        self.failed = result.is_err();
        result
    }

    async fn read(&mut self, limit: usize, within: Duration) -> Result<Option<Vec<u8>>, ReadError> {
        while self.filled < HEADER {
            let rest = &mut self.header[self.filled..];
            match read_some(&mut self.inner, rest, self.began, within).await? {
                0 if self.filled == 0 => return Ok(None),
                0 => return Err(ReadError::Truncated { expected: HEADER, actual: self.filled }),
                count => self.advance(count),
            }
        }
        let length = u32::from_be_bytes(self.header) as usize;
        if length > limit {
            return Err(ReadError::TooLong { length, limit });
        }
        let expected = HEADER + length;
        while self.filled < expected {
            let have = self.filled - HEADER;
            self.body.resize(length.min(have + CHUNK), 0);
            let rest = &mut self.body[have..];
            match read_some(&mut self.inner, rest, self.began, within).await? {
                0 => return Err(ReadError::Truncated { expected, actual: self.filled }),
                count => self.advance(count),
            }
        }
        self.filled = 0;
        self.began = None;
        Ok(Some(std::mem::take(&mut self.body)))
    }

    fn advance(&mut self, count: usize) {
        self.filled += count;
        self.began.get_or_insert_with(Instant::now);
    }
}

/// Reads once: without a deadline before a message has begun, with one after.
async fn read_some<R: AsyncRead + Unpin>(
    inner: &mut R,
    buffer: &mut [u8],
    began: Option<Instant>,
    within: Duration,
) -> Result<usize, ReadError> {
    let read = inner.read(buffer);
    match began {
        None => Ok(read.await?),
        Some(began) => Ok(timeout_at(began + within, read)
            .await
            .map_err(|_| ReadError::TooSlow { within })??),
    }
}

/// Writes messages to one half of a stream.
#[derive(Debug)]
pub struct MessageWriter<W = WriteHalf<NetStream>> {
    inner: W,
    buffer: Vec<u8>,
    in_step: bool,
}

impl<W: AsyncWrite + Unpin> MessageWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        MessageWriter { inner, buffer: Vec::new(), in_step: true }
    }

    /// Writes a message and hands it to the network.
    ///
    /// Not cancel safe: a writer whose message was given up is of no more use, and says so.
    ///
    /// # Errors
    /// [`WriteError`]. The writer is of no more use then, except after
    /// [`TooLong`](WriteError::TooLong).
    pub async fn send(&mut self, message: &[u8], within: Duration) -> Result<(), WriteError> {
        if !self.in_step {
            return Err(WriteError::OutOfStep);
        }
        let length = u32::try_from(message.len());
        let length = length.map_err(|_| WriteError::TooLong(message.len()))?;
        self.in_step = false;
        // One buffer, so that a small message is one packet.
        self.buffer.clear();
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(message);
        let write = async {
            self.inner.write_all(&self.buffer).await?;
            self.inner.flush().await
        };
        timeout(within, write).await.map_err(|_| WriteError::TooSlow { within })??;
        self.buffer.shrink_to(CHUNK);
        self.in_step = true;
        Ok(())
    }

    /// Ends the own direction; the peer reads `None` after the last message.
    ///
    /// # Errors
    /// [`WriteError`], when the peer does not take what is left in time or the stream broke.
    pub async fn close(&mut self, within: Duration) -> Result<(), WriteError> {
        timeout(within, self.inner.close()).await.map_err(|_| WriteError::TooSlow { within })??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    async fn written(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = MessageWriter::new(Cursor::new(Vec::new()));
        for message in messages {
            writer.send(message, LONG).await.unwrap();
        }
        writer.inner.into_inner()
    }

    proptest! {
        #[test]
        fn reading_inverts_writing(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200_000), 0..4),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let bytes = written(&messages).await;
                let mut reader = MessageReader::new(Cursor::new(bytes));
                for message in messages {
                    assert_eq!(reader.next(200_000, LONG).await.unwrap(), Some(message));
                }
                assert_eq!(reader.next(200_000, LONG).await.unwrap(), None);
            });
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let mut reader = MessageReader::new(Cursor::new(bytes));
                while let Ok(Some(message)) = reader.next(64, LONG).await {
                    assert!(message.len() <= 64);
                }
            });
        }
    }

    #[tokio::test]
    async fn a_message_at_the_limit_is_taken_and_one_above_refused() {
        let bytes = written(&[vec![7; 64], vec![7; 65]]).await;
        let mut reader = MessageReader::new(Cursor::new(bytes));
        assert_eq!(reader.next(64, LONG).await.unwrap(), Some(vec![7; 64]));
        let error = reader.next(64, LONG).await.unwrap_err();
        assert!(matches!(error, ReadError::TooLong { length: 65, limit: 64 }), "{error}");
        assert!(matches!(reader.next(99, LONG).await, Err(ReadError::OutOfStep)));
    }

    #[tokio::test]
    async fn an_announced_length_allocates_nothing() {
        let mut reader = MessageReader::new(Cursor::new(vec![0xff; 8]));
        let error = reader.next(1 << 20, LONG).await.unwrap_err();
        assert!(matches!(error, ReadError::TooLong { length: 0xffff_ffff, .. }), "{error}");
        assert_eq!(reader.body.capacity(), 0);
        // Within the limit, no more is held than has come, and one chunk.
        let mut bytes = (1u32 << 30).to_be_bytes().to_vec();
        bytes.push(1);
        let mut reader = MessageReader::new(Cursor::new(bytes));
        let error = reader.next(1 << 30, LONG).await.unwrap_err();
        assert!(matches!(error, ReadError::Truncated { actual: 5, .. }), "{error}");
        assert!(reader.body.capacity() <= 4 * CHUNK);
    }

    #[tokio::test]
    async fn an_end_inside_a_message_is_an_error() {
        for length in 1..7 {
            let bytes = vec![0, 0, 0, 3, 1, 2, 3][..length].to_vec();
            let mut reader = MessageReader::new(Cursor::new(bytes));
            let error = reader.next(64, LONG).await.unwrap_err();
            let ReadError::Truncated { actual, .. } = error else { panic!("{error}") };
            assert_eq!(actual, length);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_may_be_silent_between_messages_but_not_inside_one() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut reader = MessageReader::new(ours.compat());
        let within = Duration::from_secs(10);
        let silence = timeout(Duration::from_secs(600), reader.next(64, within)).await;
        assert!(silence.is_err(), "waiting for a message has no deadline of its own");

        let drip = async {
            for byte in [0, 0, 0, 60, 1, 2, 3, 4] {
                theirs.write_all(&[byte]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        let error = tokio::select! {
            error = reader.next(64, within) => error.unwrap_err(),
            () = drip => unreachable!("it never ends"),
        };
        assert!(matches!(error, ReadError::TooSlow { .. }), "{error}");
        assert_eq!(began.elapsed(), within);
    }

    #[tokio::test]
    async fn giving_up_on_a_message_loses_nothing() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut reader = MessageReader::new(ours.compat());
        for byte in [0, 0, 0, 2, 8] {
            theirs.write_all(&[byte]).await.unwrap();
            let next = tokio::select! {
                biased;
                message = reader.next(64, LONG) => Some(message),
                () = tokio::task::yield_now() => None,
            };
            assert!(next.is_none());
        }
        theirs.write_all(&[9]).await.unwrap();
        assert_eq!(reader.next(64, LONG).await.unwrap(), Some(vec![8, 9]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut writer = MessageWriter::new(ours.compat());
        let within = Duration::from_secs(10);
        let error = writer.send(&[0; 64], within).await.unwrap_err();
        assert!(matches!(error, WriteError::TooSlow { .. }), "{error}");
        let error = writer.send(&[0; 1], within).await.unwrap_err();
        assert!(matches!(error, WriteError::OutOfStep), "{error}");
    }
}
