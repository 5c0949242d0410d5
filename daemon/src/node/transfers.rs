//! The transfers that run: what comes and what goes, how fast, and whether it waits.
//!
//! What comes is one transfer for each fetch, what goes one for each device that is served. All of
//! them can be told to wait, or one; who serves then gives nothing, and peers ask others.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use dsp_protocol::id::{ContextId, DeviceId};
use futures::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Over which time a rate is told.
const WINDOW: Duration = Duration::from_secs(3);
/// How long a device is remembered that is served nothing any more.
const REST: Duration = Duration::from_secs(5);

/// A transfer as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Names it until the daemon stops.
    pub id: u64,
    /// What it is.
    pub way: Way,
    /// Bytes that came, or went.
    pub bytes: u64,
    /// Bytes a second, of late.
    pub rate: u64,
    /// Whether it waits, by itself or with all others.
    pub paused: bool,
}

/// Which way bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// They come here.
    In {
        /// The context in which they are wanted.
        context: ContextId,
        /// Who may have them.
        from: Vec<DeviceId>,
        /// Bytes of what is wanted.
        bytes_total: u64,
    },
    /// They go to a device.
    Out {
        /// The device.
        to: DeviceId,
    },
}

/// All transfers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Transfers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    paused: bool,
    running: BTreeMap<u64, Running>,
    refused: Refused,
}

/// How often somebody was given nothing, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for is not here, or not earned there.
    pub not_here: u64,
    /// The request broke a rule.
    pub malformed: u64,
    /// Transfers were paused.
    pub paused: u64,
    /// Too many ran for the rate.
    pub busy: u64,
}

#[derive(Debug)]
struct Running {
    way: Way,
    meter: Meter,
    /// Streams to a device; 1 for a fetch.
    streams: usize,
    paused: bool,
    /// True while it may run.
    gate: watch::Sender<bool>,
    ended: Option<Instant>,
}

/// Counts bytes and tells how many there were a second.
#[derive(Debug)]
struct Meter {
    bytes: u64,
    /// When the window before began, and this one, with the bytes until then.
    marks: [(Instant, u64); 2],
}

impl Meter {
    fn new(now: Instant) -> Meter {
        Meter { bytes: 0, marks: [(now, 0); 2] }
    }

    fn roll(&mut self, now: Instant) {
        if now.duration_since(self.marks[1].0) >= WINDOW {
            self.marks = [self.marks[1], (now, self.bytes)];
        }
    }

    fn rate(&self, now: Instant) -> u64 {
        let (since, bytes) = self.marks[0];
        let seconds = now.duration_since(since).as_secs_f64().max(0.25);
        ((self.bytes - bytes) as f64 / seconds) as u64
    }
}

impl Transfers {
    /// Begins a transfer that brings bytes here.
    pub(super) fn begin_in(
        &self,
        context: ContextId,
        from: Vec<DeviceId>,
        bytes_total: u64,
    ) -> Incoming {
        let mut state = self.lock();
        let (id, gate) = state.begin(Way::In { context, from, bytes_total });
        Incoming { transfers: self.clone(), id, gate }
    }

    /// Begins to serve a device on one more stream; nothing while that is paused.
    pub(super) fn begin_out(&self, to: DeviceId) -> Option<Outgoing> {
        let mut state = self.lock();
        let known = state.running.iter().find(|(_, r)| r.way == Way::Out { to }).map(|(id, _)| *id);
        let (id, gate) = match known {
            Some(id) => {
                let running = state.running.get_mut(&id).expect("just found");
                running.streams += 1;
                running.ended = None;
                (id, running.gate.subscribe())
            }
            None => state.begin(Way::Out { to }),
        };
        if !*gate.borrow() {
            state.refused.paused += 1;
            state.end(id);
            return None;
        }
        Some(Outgoing { transfers: self.clone(), id, gate })
    }

    /// Returns all that run, and whether all of them wait.
    pub fn list(&self) -> (Vec<Transfer>, bool) {
        let now = Instant::now();
        let mut state = self.lock();
        state.tidy(now);
        let all = state.paused;
        let running = state.running.iter_mut().map(|(id, running)| {
            running.meter.roll(now);
            Transfer {
                id: *id,
                way: running.way.clone(),
                bytes: running.meter.bytes,
                rate: running.meter.rate(now),
                paused: all || running.paused,
            }
        });
        (running.collect(), all)
    }

    /// Lets all transfers wait or go on, those that begin later too.
    pub fn pause_all(&self, paused: bool) {
        let mut state = self.lock();
        state.paused = paused;
        for running in state.running.values_mut() {
            running.paused &= paused;
            let open = !paused && !running.paused;
            running.gate.send_if_modified(|gate| std::mem::replace(gate, open) != open);
        }
    }

    /// Lets one transfer wait or go on; tells whether there is one.
    pub fn pause(&self, id: u64, paused: bool) -> bool {
        let mut state = self.lock();
        let all = state.paused;
        let Some(running) = state.running.get_mut(&id) else { return false };
        running.paused = paused;
        let open = !all && !paused;
        running.gate.send_if_modified(|gate| std::mem::replace(gate, open) != open);
        true
    }

    /// Returns how often somebody was given nothing.
    pub fn refused(&self) -> Refused {
        self.lock().refused
    }

    /// Counts somebody who was given nothing.
    pub(super) fn refuse(&self, count: impl FnOnce(&mut Refused)) {
        count(&mut self.lock().refused);
    }

    /// Takes note of bytes that went.
    fn sent(&self, id: u64, bytes: u64) {
        if let Some(running) = self.lock().running.get_mut(&id) {
            running.meter.bytes += bytes;
            running.meter.roll(Instant::now());
        }
    }

    /// Takes note of how many bytes came in all.
    fn received(&self, id: u64, bytes: u64) {
        if let Some(running) = self.lock().running.get_mut(&id) {
            let now = Instant::now();
            running.meter.bytes = running.meter.bytes.max(bytes);
            running.meter.roll(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, way: Way) -> (u64, watch::Receiver<bool>) {
        let now = Instant::now();
        self.tidy(now);
        self.next += 1;
        let (gate, receiver) = watch::channel(!self.paused);
        let meter = Meter::new(now);
        let running = Running { way, meter, streams: 1, paused: false, gate, ended: None };
        self.running.insert(self.next, running);
        (self.next, receiver)
    }

    fn end(&mut self, id: u64) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.streams -= 1;
        if running.streams == 0 {
            match running.way {
                Way::In { .. } => drop(self.running.remove(&id)),
                Way::Out { .. } => running.ended = Some(Instant::now()),
            }
        }
    }

    /// Forgets devices that are served nothing any more; who is to wait is remembered.
    fn tidy(&mut self, now: Instant) {
        self.running.retain(|_, running| {
            running.paused || running.ended.is_none_or(|ended| now.duration_since(ended) < REST)
        });
    }
}

/// A transfer that brings bytes here; it ends when dropped.
#[derive(Debug)]
pub(super) struct Incoming {
    transfers: Transfers,
    id: u64,
    gate: watch::Receiver<bool>,
}

impl Incoming {
    /// Takes note of how many bytes came in all.
    pub(super) fn received(&self, bytes: u64) {
        self.transfers.received(self.id, bytes);
    }

    /// Returns what is true while it may run.
    pub(super) fn gate(&self) -> watch::Receiver<bool> {
        self.gate.clone()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.transfers.lock().end(self.id);
    }
}

/// A stream on which a device is served.
#[derive(Debug)]
pub(super) struct Outgoing {
    transfers: Transfers,
    id: u64,
    gate: watch::Receiver<bool>,
}

impl Outgoing {
    /// Returns the stream, whose bytes are taken note of.
    pub(super) fn counted<S>(&self, stream: S) -> Counted<S> {
        Counted { stream, transfers: self.transfers.clone(), id: self.id }
    }

    /// Waits until it is to wait.
    pub(super) async fn paused(&self) {
        let mut gate = self.gate.clone();
        // The sender lives as long as the transfer.
        if gate.wait_for(|open| !*open).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A stream whose outgoing bytes are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    transfers: Transfers,
    id: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.transfers.sent(self.id, *bytes as u64);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.transfers.lock().end(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: ContextId = ContextId::from_bytes([1; 32]);
    const BOB: DeviceId = DeviceId::from_bytes([2; 32]);
    const CAROL: DeviceId = DeviceId::from_bytes([3; 32]);

    #[test]
    fn one_waits_or_all_do() {
        let transfers = Transfers::default();
        let first = transfers.begin_in(CONTEXT, vec![BOB], 10);
        let second = transfers.begin_in(CONTEXT, vec![BOB], 10);
        let open = || [*first.gate().borrow(), *second.gate().borrow()];
        assert!(transfers.pause(first.id, true) && !transfers.pause(99, true));
        assert_eq!(open(), [false, true]);
        transfers.pause_all(true);
        assert_eq!(open(), [false, false]);
        // One alone does not go on while all wait.
        transfers.pause(second.id, false);
        assert_eq!(open(), [false, false]);
        assert!(!*transfers.begin_in(CONTEXT, vec![], 0).gate().borrow());
        transfers.pause_all(false);
        assert_eq!(open(), [true, true], "to resume all means each");
        first.received(7);
        let (list, paused) = transfers.list();
        assert_eq!((list.len(), list[0].bytes, paused), (2, 7, false));
        drop((first, second));
        assert_eq!(transfers.list().0, vec![]);
    }

    #[tokio::test]
    async fn who_is_to_wait_is_served_nothing() {
        let transfers = Transfers::default();
        let stream = transfers.begin_out(BOB).unwrap();
        let other = transfers.begin_out(BOB).unwrap();
        assert_eq!(stream.id, other.id, "a device is one transfer");
        transfers.sent(stream.id, 3);
        transfers.sent(other.id, 4);
        assert_eq!(transfers.list().0[0].bytes, 7);
        transfers.pause(stream.id, true);
        tokio::join!(stream.paused(), other.paused());
        let id = stream.id;
        drop((stream, other));
        assert!(transfers.begin_out(BOB).is_none());
        assert!(transfers.begin_out(CAROL).is_some());
        transfers.pause(id, false);
        assert!(transfers.begin_out(BOB).is_some());
        transfers.pause_all(true);
        assert!(transfers.begin_out(CAROL).is_none());
        assert_eq!(transfers.refused().paused, 2);
    }
}
