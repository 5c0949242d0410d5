//! How fast bytes go in one direction: a token bucket that is fair between peers.
//!
//! Bytes pass while the bucket holds something; what passes is taken out, by which it may owe as much as
//! one piece. Of those that wait, the peer goes first that got least since it began to wait, so that
//! nobody gets more by opening more streams (start-time fair queueing). Without a rate everything
//! passes at once.
//!
//! Peers take a stream that brings nothing for a while for one that stalled. Where the rate is low,
//! therefore, few streams run at a time: see [`Lane::place`].

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::limits::TRANSFER_RATE_LEAST as LEAST_RATE;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How much may pass at once after a pause.
const BURST: Duration = Duration::from_millis(250);
/// A stream brings this much, in bytes, ...
const PIECE: u64 = 16 << 10;
/// ... in this time, or is not begun.
const PIECE_TIME: u64 = 2;
/// Streams that run whatever the rate is.
const STREAMS: usize = 4;
/// Most peers whose share is remembered while they do not wait.
const PEERS: usize = 1024;

/// One direction.
#[derive(Debug)]
pub struct Lane {
    /// In bytes a second; 0 without one.
    rate: AtomicU64,
    passed: AtomicU64,
    streams: AtomicUsize,
    shaper: Mutex<Shaper>,
    /// Rings when something passed, or the rate is another one.
    changed: Notify,
    clock: Clock,
}

/// What tells the time.
#[derive(Debug)]
enum Clock {
    Tokio,
    /// In milliseconds since `.0`.
    #[cfg(test)]
    Still(Instant, std::sync::Arc<AtomicU64>),
}

/// Who waits, and what the bucket holds.
#[derive(Debug)]
struct Shaper {
    /// What it holds in bytes; below zero what it owes.
    level: f64,
    filled: Instant,
    /// The share at which the last one passed: whoever begins to wait begins there.
    share: u64,
    peers: BTreeMap<DeviceId, Peer>,
    next: u64,
    passed: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Peer {
    share: u64,
    waiting: VecDeque<(u64, u64)>,
}

impl Default for Lane {
    fn default() -> Lane {
        Lane::with_clock(Clock::Tokio, Instant::now())
    }
}

impl Lane {
    fn with_clock(clock: Clock, now: Instant) -> Lane {
        let shaper = Shaper {
            level: 0.0,
            filled: now,
            share: 0,
            peers: BTreeMap::new(),
            next: 0,
            passed: HashSet::new(),
        };
        Lane {
            rate: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            shaper: Mutex::new(shaper),
            changed: Notify::new(),
            clock,
        }
    }

    /// Returns a lane whose clock stands still, and the clock: milliseconds.
    #[cfg(test)]
    pub(super) fn still() -> (Lane, std::sync::Arc<AtomicU64>) {
        let (start, clock) = (Instant::now(), std::sync::Arc::default());
        (Lane::with_clock(Clock::Still(start, std::sync::Arc::clone(&clock)), start), clock)
    }

    fn now(&self) -> Instant {
        match &self.clock {
            Clock::Tokio => Instant::now(),
            #[cfg(test)]
            Clock::Still(start, ms) => *start + Duration::from_millis(ms.load(Ordering::SeqCst)),
        }
    }

    /// Sets how many bytes pass in a second, from now on; all there are without a rate.
    pub fn set_rate(&self, rate: Option<u64>) {
        let rate = rate.map_or(0, |rate| rate.max(LEAST_RATE));
        if self.rate.swap(rate, Ordering::SeqCst) != rate {
            let now = self.now();
            let mut shaper = self.shaper();
            // What was saved or owed was so at another rate.
            (shaper.level, shaper.filled) = (0.0, now);
        }
        self.changed.notify_waiters();
    }

    /// Returns how many bytes pass in a second, where that is limited.
    pub fn rate(&self) -> Option<u64> {
        Some(self.rate.load(Ordering::SeqCst)).filter(|rate| *rate > 0)
    }

    /// Returns how many bytes have passed.
    pub fn passed_bytes(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Lets bytes of a peer pass if they need not wait.
    pub(super) fn try_pass(&self, peer: DeviceId, bytes: u64) -> bool {
        let passes = match self.rate() {
            None => true,
            Some(rate) => {
                let now = self.now();
                let mut shaper = self.shaper();
                shaper.fill(now, rate);
                let free = shaper.level > 0.0 && shaper.is_idle();
                if free {
                    shaper.take(peer, bytes);
                }
                free
            }
        };
        if passes {
            self.passed.fetch_add(bytes, Ordering::Relaxed);
        }
        passes
    }

    /// Waits until bytes of a peer may pass. Cancel safe: who does not wait any more holds nobody up.
    pub(super) async fn pass(&self, peer: DeviceId, bytes: u64) {
        if self.try_pass(peer, bytes) {
            return;
        }
        let waiting = Waiting { lane: self, peer, number: self.shaper().wait(peer, bytes) };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let until = match self.turn(waiting.number) {
                Turn::Passed => break,
                Turn::Wait(time) => time,
            };
            // Either way it is time to look again.
            let _ = tokio::time::timeout(until, changed).await;
        }
        self.passed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Lets those pass whose turn it is, and tells whether `number` is among them.
    fn turn(&self, number: u64) -> Turn {
        let (rate, now) = (self.rate(), self.now());
        let mut shaper = self.shaper();
        let some = match rate {
            Some(rate) => {
                shaper.fill(now, rate);
                shaper.turn(false)
            }
            None => shaper.turn(true),
        };
        if some {
            self.changed.notify_waiters();
        }
        if shaper.passed.remove(&number) {
            return Turn::Passed;
        }
        let rate = rate.unwrap_or(LEAST_RATE) as f64;
        let left = (1.0 - shaper.level).max(1.0);
        Turn::Wait(Duration::from_secs_f64(left / rate).max(Duration::from_millis(1)))
    }

    /// Returns a place for one more stream, if the rate is enough for all of them.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let most = match self.rate() {
            None => usize::MAX,
            Some(rate) => {
                STREAMS.max(usize::try_from(rate * PIECE_TIME / PIECE).unwrap_or(usize::MAX))
            }
        };
        let more = |streams: usize| (streams < most).then(|| streams + 1);
        let taken = self.streams.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        taken.is_ok().then(|| Place(self))
    }

    /// Waits for a place for one more stream.
    pub(super) async fn wait_for_place(&self) -> Place<'_> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(place) = self.place() {
                return place;
            }
            changed.await;
        }
    }

    fn shaper(&self) -> MutexGuard<'_, Shaper> {
        self.shaper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Turn {
    Passed,
    /// Nothing passes before this is over, unless something changes.
    Wait(Duration),
}

/// The place of a stream; free again when dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Lane);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// Somebody who waits.
struct Waiting<'a> {
    lane: &'a Lane,
    peer: DeviceId,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.lane.shaper().leave(self.peer, self.number);
    }
}

impl Shaper {
    fn fill(&mut self, now: Instant, rate: u64) {
        let time = now.saturating_duration_since(self.filled);
        self.filled = now;
        let most = rate as f64 * BURST.as_secs_f64();
        self.level = (self.level + rate as f64 * time.as_secs_f64()).min(most);
    }

    fn is_idle(&self) -> bool {
        self.peers.values().all(|peer| peer.waiting.is_empty())
    }

    /// Takes bytes for a peer out of the bucket.
    fn take(&mut self, device: DeviceId, bytes: u64) {
        self.level -= bytes as f64;
        let share = self.share;
        let peer = self.peers.entry(device).or_default();
        peer.share = peer.share.max(share);
        self.share = peer.share;
        peer.share = peer.share.saturating_add(bytes);
        if self.peers.len() > PEERS {
            let share = self.share;
            self.peers.retain(|_, peer| !peer.waiting.is_empty() || peer.share > share);
        }
    }

    fn wait(&mut self, device: DeviceId, bytes: u64) -> u64 {
        self.next += 1;
        let share = self.share;
        let peer = self.peers.entry(device).or_default();
        if peer.waiting.is_empty() {
            peer.share = peer.share.max(share);
        }
        peer.waiting.push_back((self.next, bytes));
        self.next
    }

    fn leave(&mut self, device: DeviceId, number: u64) {
        self.passed.remove(&number);
        if let Some(peer) = self.peers.get_mut(&device) {
            peer.waiting.retain(|(other, _)| *other != number);
        }
    }

    /// Lets pass what the bucket holds, or everything; tells whether that was anything.
    fn turn(&mut self, everything: bool) -> bool {
        let mut some = false;
        while everything || self.level > 0.0 {
            let waiting = self.peers.iter().filter(|(_, peer)| !peer.waiting.is_empty());
            let Some((device, _)) = waiting.min_by_key(|(_, peer)| peer.share) else { break };
            let device = *device;
            let peer = self.peers.get_mut(&device).expect("just found");
            let (number, bytes) = peer.waiting.pop_front().expect("it waits for something");
            self.take(device, bytes);
            self.passed.insert(number);
            some = true;
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    const RATE: u64 = 1 << 20;
    const SECOND: Duration = Duration::from_secs(1);

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    fn lane(rate: u64) -> Arc<Lane> {
        let lane = Lane::default();
        lane.set_rate(Some(rate));
        Arc::new(lane)
    }

    /// Sends pieces for ever, and counts bytes.
    fn send(tasks: &mut JoinSet<()>, lane: &Arc<Lane>, peer: u8, piece: u64) -> Arc<AtomicU64> {
        let (lane, sent) = (Arc::clone(lane), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&sent);
        tasks.spawn(async move {
            loop {
                lane.pass(device(peer), piece).await;
                counter.fetch_add(piece, Ordering::Relaxed);
            }
        });
        sent
    }

    // The clock of these tests is virtual: it moves on when everybody waits.

    #[tokio::test(start_paused = true)]
    async fn no_more_passes_than_the_rate_and_no_less() {
        let lane = lane(RATE);
        let mut tasks = JoinSet::new();
        let sent = send(&mut tasks, &lane, 1, PIECE);
        for seconds in 1..=20 {
            tokio::time::sleep(SECOND).await;
            let (sent, due) = (sent.load(Ordering::Relaxed), RATE * seconds);
            assert!(sent <= due + RATE / 4 + PIECE, "{sent} after {seconds} s");
            assert!(sent + 2 * PIECE >= due, "{sent} after {seconds} s");
            assert_eq!(lane.passed_bytes(), sent);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_gets_no_more_by_opening_more_streams() {
        let lane = lane(RATE);
        let mut tasks = JoinSet::new();
        let one = send(&mut tasks, &lane, 1, PIECE);
        // In small pieces and large ones.
        let many: Vec<_> = (0..9).map(|n| send(&mut tasks, &lane, 2, PIECE >> (n % 3))).collect();
        tokio::time::sleep(30 * SECOND).await;
        let one = one.load(Ordering::Relaxed);
        let many: u64 = many.iter().map(|sent| sent.load(Ordering::Relaxed)).sum();
        assert!(one.abs_diff(many) <= 4 * PIECE, "{one} and {many}");
        // Who comes later has no claim on the time before.
        let late = send(&mut tasks, &lane, 3, PIECE);
        tokio::time::sleep(30 * SECOND).await;
        let late = late.load(Ordering::Relaxed);
        assert!(late.abs_diff(10 * RATE) <= 4 * PIECE, "{late}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_saved_in_a_pause_is_bounded() {
        let lane = lane(RATE);
        tokio::time::sleep(3600 * SECOND).await;
        let mut passed = 0;
        while lane.try_pass(device(1), PIECE) {
            passed += PIECE;
        }
        assert_eq!(passed, RATE / 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_changes_for_those_who_wait() {
        let lane = lane(LEAST_RATE);
        let mut tasks = JoinSet::new();
        let sent = send(&mut tasks, &lane, 1, PIECE);
        tokio::time::sleep(10 * SECOND).await;
        let slow = sent.load(Ordering::Relaxed);
        lane.set_rate(Some(100 * LEAST_RATE));
        tokio::time::sleep(10 * SECOND).await;
        let fast = sent.load(Ordering::Relaxed) - slow;
        assert!(fast.abs_diff(1000 * LEAST_RATE) <= 30 * LEAST_RATE, "{fast}");
        tasks.shutdown().await;
        // Without a rate nobody waits, who waited before neither.
        lane.set_rate(Some(LEAST_RATE));
        while lane.try_pass(device(1), PIECE) {}
        let waits = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.pass(device(1), 1 << 40).await }
        });
        tokio::task::yield_now().await;
        let before = Instant::now();
        lane.set_rate(None);
        waits.await.unwrap();
        assert_eq!(before.elapsed(), Duration::ZERO);
        // Too low a rate is the lowest.
        lane.set_rate(Some(1));
        assert_eq!(lane.rate(), Some(LEAST_RATE));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_wait_any_more_holds_nobody_up() {
        let lane = lane(LEAST_RATE);
        // Ten seconds are owed.
        lane.pass(device(1), 10 * LEAST_RATE).await;
        let gone = tokio::time::timeout(SECOND, lane.pass(device(2), 1 << 40));
        assert!(gone.await.is_err());
        tokio::time::timeout(10 * SECOND, lane.pass(device(3), PIECE)).await.unwrap();
        assert!(lane.shaper().passed.is_empty());
    }

    #[test]
    fn streams_run_as_many_as_the_rate_is_enough_for() {
        let lane = lane(LEAST_RATE);
        let places: Vec<_> = std::iter::from_fn(|| lane.place()).collect();
        // Each brings 16 KiB in two seconds.
        assert_eq!(places.len(), 8);
        drop(places);
        assert!(lane.place().is_some());
        lane.set_rate(None);
        let places: Vec<_> = std::iter::from_fn(|| lane.place()).take(100).collect();
        assert_eq!(places.len(), 100);
    }
}
