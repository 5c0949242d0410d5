//! A byte stream that breaks when nothing can be written to it for a while.
//!
//! A peer whose machine has vanished in the middle of a transfer leaves a full send buffer; the
//! system would retry for a quarter of an hour, and closing the connection would wait as long,
//! because the goodbye queues behind. QUIC has an idle timeout of its own; TCP needs this.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, FutureExt};
use tokio::time::{Sleep, sleep};

/// Wraps a stream; its writes fail with [`io::ErrorKind::TimedOut`] when stuck.
pub(super) struct Stall<S> {
    inner: S,
    within: Duration,
    /// Runs while a write is stuck.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Stall<S> {
    /// Wraps a stream whose writes may be stuck for `within`.
    pub(super) fn new(inner: S, within: Duration) -> Self {
        Stall { inner, within, stuck: None }
    }

    /// Passes a result on; time counts from the first of several that are pending.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stuck = None;
            return result;
        }
        let within = self.within;
        ready!(self.stuck.get_or_insert_with(|| Box::pin(sleep(within))).poll_unpin(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the peer took nothing for {within:?}"),
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, result)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_close(cx);
        self.watch(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncWriteExt;
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_stuck_write_fails_and_a_slow_one_does_not() {
        let (ours, mut theirs) = tokio::io::duplex(1);
        let mut ours = Stall::new(ours.compat(), WITHIN);
        let slow_reader = async {
            for _ in 0..4 {
                sleep(WITHIN * 2 / 3).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(ours.write_all(&[0; 4]), slow_reader);
        written.unwrap();

        let began = Instant::now();
        ours.write_all(&[0]).await.unwrap();
        let error = ours.write_all(&[0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), WITHIN);
    }
}
