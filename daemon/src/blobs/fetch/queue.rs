//! Who asks whom for what next: the decisions of a fetch, without clock, task or stream.
//!
//! Small blobs travel in batches, large ones in parts of 16 MiB. Workers, several for each
//! provider, [`take`](Queue::take) a job, run it, and say how it ended. What did not end well
//! goes back. When nothing is left to begin, a job that runs for long at one provider is given
//! to a second one as well, and the first to finish wins.
//!
//! Parts are cut when they are asked for, so the size of a blob costs no memory here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bao_tree::ChunkRanges;
use dsp_protocol::id::BlobHash;
use iroh_blobs::protocol::ChunkRangesExt;
use tokio_util::sync::CancellationToken;

use super::{Dropped, FetchFailure};

/// Most requests that run for one blob: the store takes about ten operations on one.
pub(super) const IN_FLIGHT: usize = 8;
/// A large blob is asked for in parts of this many bytes.
pub(super) const PART_BYTES: u64 = 16 << 20;
/// Most blobs in one batch.
pub(super) const BATCH_BLOBS: usize = 256;
/// Most bytes in one batch, but for a single blob.
pub(super) const BATCH_BYTES: u64 = 16 << 20;
/// Failures in a row after which a provider is not asked any more.
const FAILURES: u32 = 3;
/// Answers of *not here* in a row after which a provider is not asked any more.
const REFUSALS: u32 = 32;
/// Setbacks of one job in a row, at a provider that delivers else, after which it is asked of the
/// others only.
const SETBACKS: u32 = 2;
/// Most runners of one job.
const RUNNERS: usize = 2;

/// An index into the wants of a fetch.
pub(super) type WantId = usize;
/// An index into the providers of a fetch.
pub(super) type Slot = usize;

/// What one request brings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// Whole small blobs.
    Batch(Vec<WantId>),
    /// The last bytes of a large blob, which prove its size.
    Size(WantId),
    /// Ranges of a large blob.
    Part(WantId, ChunkRanges),
}

impl Work {
    fn large(&self) -> Option<WantId> {
        match self {
            Work::Batch(_) => None,
            Work::Size(want) | Work::Part(want, _) => Some(*want),
        }
    }

    fn wants(&self) -> &[WantId] {
        match self {
            Work::Batch(wants) => wants,
            Work::Size(want) | Work::Part(want, _) => std::slice::from_ref(want),
        }
    }
}

/// A job in the hands of a worker.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) job: u64,
    pub(super) work: Work,
    /// Cancelled when somebody else was faster, or the provider was dropped.
    pub(super) moot: CancellationToken,
    pub(super) started: Instant,
}

/// What a worker does next.
#[derive(Debug)]
pub(super) enum Take {
    Run(Task),
    /// Ask again after a change, or at this time.
    Wait(Option<Instant>),
    /// Nothing will come for this provider any more.
    Finished,
}

/// Why a job did not end well, apart from the peer's lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setback {
    Stalled,
    Vanished,
}

/// How the wants of a fetch stand.
#[derive(Debug)]
pub(super) enum State {
    Open,
    Done,
    Failed(FetchFailure),
}

/// The state of a fetch.
#[derive(Debug)]
pub(super) struct Queue {
    wants: Vec<State>,
    /// What came of each large want in parts.
    brought: Vec<ChunkRanges>,
    /// Wants that are done and were not handed out yet.
    fresh: Vec<WantId>,
    slots: Vec<SlotState>,
    jobs: BTreeMap<u64, Job>,
    next_job: u64,
    waiting: VecDeque<u64>,
    /// What of large blobs no job was cut for yet.
    uncut: VecDeque<(WantId, ChunkRanges)>,
    stall: Duration,
}

#[derive(Debug)]
struct Job {
    work: Work,
    runners: Vec<Runner>,
    /// Providers that do not have it, or cannot give it.
    without: BTreeSet<Slot>,
    /// Setbacks in a row that brought nothing.
    setbacks: BTreeMap<Slot, u32>,
}

#[derive(Debug)]
struct Runner {
    slot: Slot,
    started: Instant,
    moot: CancellationToken,
    /// Whether something came.
    moved: bool,
}

#[derive(Debug, Default)]
struct SlotState {
    dropped: Option<Dropped>,
    /// Whether anything ever came from there.
    works: bool,
    failures: u32,
    refusals: u32,
    last_failure: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Queue {
    /// Returns a queue for `wants` wants and `slots` providers, none of them with work yet.
    pub(super) fn new(wants: usize, slots: usize, stall: Duration) -> Queue {
        Queue {
            wants: std::iter::repeat_with(|| State::Open).take(wants).collect(),
            brought: vec![ChunkRanges::empty(); wants],
            fresh: Vec::new(),
            slots: std::iter::repeat_with(SlotState::default).take(slots).collect(),
            jobs: BTreeMap::new(),
            next_job: 0,
            waiting: VecDeque::new(),
            uncut: VecDeque::new(),
            stall,
        }
    }

    /// Adds small blobs, with their sizes in bytes, in batches.
    pub(super) fn add_small(&mut self, blobs: impl IntoIterator<Item = (WantId, u64)>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (want, size) in blobs {
            let full = batch.len() == BATCH_BLOBS || bytes + size > BATCH_BYTES;
            if full && !batch.is_empty() {
                self.add(Work::Batch(std::mem::take(&mut batch)), BTreeSet::new());
                bytes = 0;
            }
            batch.push(want);
            bytes += size;
        }
        if !batch.is_empty() {
            self.add(Work::Batch(batch), BTreeSet::new());
        }
    }

    /// Adds a large blob whose size is not proved yet.
    pub(super) fn add_large(&mut self, want: WantId) {
        self.add(Work::Size(want), BTreeSet::new());
    }

    /// Adds what is missing of a large blob whose size is proved, which is not nothing: what is
    /// all here did not come in this fetch.
    pub(super) fn add_missing(&mut self, want: WantId, missing: ChunkRanges) {
        debug_assert!(!missing.is_empty(), "what is here is not fetched");
        self.uncut.push_back((want, missing));
    }

    /// Gives `slot` a job.
    pub(super) fn take(&mut self, slot: Slot, now: Instant) -> Take {
        if self.slots[slot].dropped.is_some() || self.is_finished() {
            return Take::Finished;
        }
        if let Some(until) = self.slots[slot].paused_until.filter(|until| *until > now) {
            return Take::Wait(Some(until));
        }
        if let Some(at) = self.waiting.iter().position(|job| self.may_run(*job, slot)) {
            let job = self.waiting.remove(at).expect("the position is in the queue");
            return self.start(job, slot, now);
        }
        if let Some(job) = self.cut() {
            return self.start(job, slot, now);
        }
        // The end: what runs for long elsewhere may be quicker here.
        let mut earliest = None;
        for (&job, state) in &self.jobs {
            let [runner] = state.runners.as_slice() else { continue };
            if runner.slot == slot || !self.may_run(job, slot) {
                continue;
            }
            let due = runner.started + self.stall / 2;
            if due <= now {
                return self.start(job, slot, now);
            }
            earliest = earliest.into_iter().chain([due]).min();
        }
        Take::Wait(earliest)
    }

    /// A small blob of a job came from `slot`.
    pub(super) fn came(&mut self, job: u64, slot: Slot, want: WantId) {
        self.moved(job, slot);
        self.done(want);
    }

    /// Returns the wants that were done since it was asked last.
    pub(super) fn take_fresh(&mut self) -> Vec<WantId> {
        std::mem::take(&mut self.fresh)
    }

    /// Ranges of the blob of a part came from `slot`.
    pub(super) fn got(&mut self, job: u64, slot: Slot, ranges: &ChunkRanges) {
        if !ranges.is_empty() {
            self.moved(job, slot);
        }
        if let Some(Job { work: Work::Part(want, missing), .. }) = self.jobs.get_mut(&job) {
            *missing -= ranges.clone();
            self.brought[*want] |= ranges.clone();
        }
    }

    /// A job ended well at `slot`; tells whether nobody had ended it before.
    pub(super) fn finish(&mut self, job: u64, slot: Slot) -> bool {
        let slot = &mut self.slots[slot];
        (slot.failures, slot.refusals, slot.works) = (0, 0, true);
        let Some(job) = self.remove(job) else { return false };
        if let Work::Part(want, _) = job.work {
            self.check_large(want);
        }
        true
    }

    /// `slot` does not have all of a job.
    pub(super) fn refused(&mut self, job: u64, slot: Slot) {
        self.slots[slot].refusals += 1;
        if self.slots[slot].refusals >= REFUSALS {
            return self.drop_slot(slot, Dropped::NotHere);
        }
        let Some(state) = self.jobs.get_mut(&job) else { return };
        state.runners.retain(|runner| runner.slot != slot);
        let open = open_wants(&self.wants, &state.work);
        if state.runners.is_empty() && open.len() > 1 {
            // All or nothing: find out by halves which of them it has.
            return self.split(job, &open);
        }
        state.without.insert(slot);
        self.put_back(job);
    }

    /// A job that began at `started` broke off at `slot`.
    pub(super) fn set_back(
        &mut self,
        job: u64,
        slot: Slot,
        setback: Setback,
        started: Instant,
        now: Instant,
    ) {
        let mut moved = false;
        if let Some(state) = self.jobs.get_mut(&job) {
            let ended = state.runners.extract_if(.., |runner| runner.slot == slot);
            moved = ended.fold(false, |moved, runner| moved | runner.moved);
        }
        if !moved && self.is_hopeless(job, slot) {
            return;
        }
        let state = &mut self.slots[slot];
        // Requests that fail together are one failure.
        if state.last_failure.is_none_or(|last| started > last) {
            state.failures += 1;
            state.last_failure = Some(now);
            state.paused_until = Some(now + self.stall / 20 * state.failures);
        }
        if state.failures >= FAILURES {
            let why = match setback {
                Setback::Stalled => Dropped::Stalled,
                Setback::Vanished => Dropped::Unreachable,
            };
            return self.drop_slot(slot, why);
        }
        let Some(state) = self.jobs.get(&job) else { return };
        let open = open_wants(&self.wants, &state.work);
        if !moved && state.runners.is_empty() && open.len() > 1 {
            // One of them may be damaged there: find out which by halves.
            return self.split(job, &open);
        }
        self.put_back(job);
    }

    /// Gives a job back without blame.
    pub(super) fn give_back(&mut self, job: u64, slot: Slot) {
        if let Some(state) = self.jobs.get_mut(&job) {
            state.runners.retain(|runner| runner.slot != slot);
            self.put_back(job);
        }
    }

    /// `slot` sent bytes that are not those of `hash`; nothing more is asked of it.
    pub(super) fn lied(&mut self, slot: Slot, hash: BlobHash) {
        self.drop_slot(slot, Dropped::Lied { hash });
    }

    /// A blob cannot be had from anybody.
    pub(super) fn fail(&mut self, want: WantId, failure: FetchFailure) {
        if matches!(self.wants[want], State::Open) {
            self.wants[want] = State::Failed(failure);
        }
        self.uncut.retain(|(other, _)| *other != want);
        let moot: Vec<u64> = (self.jobs.iter())
            .filter(|(_, job)| open_wants(&self.wants, &job.work).is_empty())
            .map(|(id, _)| *id)
            .collect();
        for job in moot {
            self.remove(job);
        }
    }

    /// Nothing more can be had, for a reason of our own.
    pub(super) fn fail_all(&mut self, failure: &FetchFailure) {
        for want in 0..self.wants.len() {
            self.fail(want, failure.clone());
        }
    }

    /// Tells whether no job is left.
    pub(super) fn is_finished(&self) -> bool {
        self.jobs.is_empty() && self.uncut.is_empty()
    }

    /// Takes what came of each want in parts.
    pub(super) fn take_brought(&mut self) -> Vec<ChunkRanges> {
        std::mem::take(&mut self.brought)
    }

    /// Takes the result: how each want ended, and why each provider was dropped.
    pub(super) fn into_result(self) -> (Vec<State>, Vec<Option<Dropped>>) {
        (self.wants, self.slots.into_iter().map(|slot| slot.dropped).collect())
    }

    /// Lets the wants that are still open end because nobody is left.
    pub(super) fn close(&mut self) {
        self.fail_all(&FetchFailure::NoProvider);
    }

    fn done(&mut self, want: WantId) {
        if matches!(self.wants[want], State::Open) {
            self.wants[want] = State::Done;
            self.fresh.push(want);
        }
    }

    /// Something of a job came from `slot`.
    fn moved(&mut self, job: u64, slot: Slot) {
        let state = &mut self.slots[slot];
        (state.failures, state.works) = (0, true);
        if let Some(state) = self.jobs.get_mut(&job) {
            state.setbacks.remove(&slot);
            let runners = state.runners.iter_mut().filter(|runner| runner.slot == slot);
            runners.for_each(|runner| runner.moved = true);
        }
    }

    /// Counts a setback of a single blob; where it is the job and not the provider that fails
    /// again and again, leaves the job to the others and returns true.
    fn is_hopeless(&mut self, job: u64, slot: Slot) -> bool {
        let Some(state) = self.jobs.get_mut(&job) else { return false };
        if open_wants(&self.wants, &state.work).len() > 1 {
            return false;
        }
        let setbacks = state.setbacks.entry(slot).or_default();
        *setbacks += 1;
        if *setbacks < SETBACKS || !self.slots[slot].works {
            return false;
        }
        state.without.insert(slot);
        self.put_back(job);
        true
    }

    /// Makes two batches of one, the second half first: what failed stands at the beginning.
    fn split(&mut self, job: u64, open: &[WantId]) {
        let Some(Job { without, .. }) = self.remove(job) else { return };
        let (left, right) = open.split_at(open.len() / 2);
        for half in [right, left] {
            self.add(Work::Batch(half.to_vec()), without.clone());
        }
    }

    fn add(&mut self, work: Work, without: BTreeSet<Slot>) -> u64 {
        let job = self.next_job;
        self.next_job += 1;
        let setbacks = BTreeMap::new();
        self.jobs.insert(job, Job { work, runners: Vec::new(), without, setbacks });
        self.waiting.push_back(job);
        self.check_job(job);
        job
    }

    /// Cuts the next part off a large blob that may have one more request.
    fn cut(&mut self) -> Option<u64> {
        let at = self.uncut.iter().position(|(want, _)| self.in_flight(*want) < IN_FLIGHT)?;
        let (want, missing) = &mut self.uncut[at];
        let first = missing.boundaries().first().expect("empty ranges are never queued");
        let begin = first.to_bytes() / PART_BYTES * PART_BYTES;
        let part = ChunkRanges::bytes(begin..begin + PART_BYTES);
        let cut = &*missing & &part;
        *missing -= part;
        let (want, empty) = (*want, missing.is_empty());
        if empty {
            self.uncut.remove(at);
        }
        let job = self.add(Work::Part(want, cut), BTreeSet::new());
        self.waiting.retain(|waiting| *waiting != job);
        self.jobs.contains_key(&job).then_some(job)
    }

    fn start(&mut self, job: u64, slot: Slot, now: Instant) -> Take {
        let state = self.jobs.get_mut(&job).expect("only known jobs are started");
        if let Work::Batch(wants) = &mut state.work {
            let open = &self.wants;
            wants.retain(|want| matches!(open[*want], State::Open));
        }
        let moot = CancellationToken::new();
        let runner = Runner { slot, started: now, moot: moot.clone(), moved: false };
        state.runners.push(runner);
        Take::Run(Task { job, work: state.work.clone(), moot, started: now })
    }

    fn may_run(&self, job: u64, slot: Slot) -> bool {
        let job = &self.jobs[&job];
        job.runners.len() < RUNNERS
            && !job.without.contains(&slot)
            && job.work.large().is_none_or(|want| self.in_flight(want) < IN_FLIGHT)
    }

    fn in_flight(&self, want: WantId) -> usize {
        let jobs = self.jobs.values().filter(|job| job.work.large() == Some(want));
        jobs.map(|job| job.runners.len()).sum()
    }

    /// Lets a job wait again that somebody stopped running.
    fn put_back(&mut self, job: u64) {
        let state = &self.jobs[&job];
        if !state.runners.is_empty() || self.waiting.contains(&job) {
            return;
        }
        let missing = match &state.work {
            Work::Part(_, missing) => !missing.is_empty(),
            Work::Batch(_) | Work::Size(_) => true,
        };
        let large = state.work.large();
        if missing && !open_wants(&self.wants, &state.work).is_empty() {
            self.waiting.push_front(job);
            self.check_job(job);
        } else {
            self.remove(job);
            if let Some(want) = large {
                self.check_large(want);
            }
        }
    }

    /// Fails the wants of a job that no provider is left for.
    fn check_job(&mut self, job: u64) {
        let Some(state) = self.jobs.get(&job) else { return };
        let mut live = (0..self.slots.len()).filter(|s| self.slots[*s].dropped.is_none());
        let nobody = live.clone().next().is_none();
        if !state.runners.is_empty() || live.any(|slot| !state.without.contains(&slot)) {
            return;
        }
        let failure = if nobody { FetchFailure::NoProvider } else { FetchFailure::NotHere };
        let wants = state.work.wants().to_vec();
        self.remove(job);
        for want in wants {
            self.fail(want, failure.clone());
        }
    }

    /// Ends a large blob when its last part has.
    fn check_large(&mut self, want: WantId) {
        let cut = !self.uncut.iter().any(|(other, _)| *other == want);
        if cut && !self.jobs.values().any(|job| job.work.large() == Some(want)) {
            self.done(want);
        }
    }

    fn drop_slot(&mut self, slot: Slot, why: Dropped) {
        self.slots[slot].dropped.get_or_insert(why);
        let jobs: Vec<u64> = self.jobs.keys().copied().collect();
        for job in jobs {
            let Some(state) = self.jobs.get_mut(&job) else { continue };
            for runner in state.runners.extract_if(.., |runner| runner.slot == slot) {
                runner.moot.cancel();
            }
            self.put_back(job);
            self.check_job(job);
        }
        if self.slots.iter().all(|slot| slot.dropped.is_some()) {
            let uncut: Vec<WantId> = self.uncut.iter().map(|(want, _)| *want).collect();
            for want in uncut {
                self.fail(want, FetchFailure::NoProvider);
            }
        }
    }

    fn remove(&mut self, job: u64) -> Option<Job> {
        let state = self.jobs.remove(&job)?;
        self.waiting.retain(|waiting| *waiting != job);
        for runner in &state.runners {
            runner.moot.cancel();
        }
        Some(state)
    }
}

fn open_wants(wants: &[State], work: &Work) -> Vec<WantId> {
    let wanted = work.wants().iter().copied();
    wanted.filter(|want| matches!(wants[*want], State::Open)).collect()
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
