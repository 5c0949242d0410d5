//! The queue alone: time is a value here.

use super::*;

const STALL: Duration = Duration::from_secs(5);
const MIB: u64 = 1 << 20;

fn all(size: u64) -> ChunkRanges {
    ChunkRanges::bytes(0..size)
}

fn run(queue: &mut Queue, slot: Slot, now: Instant) -> Task {
    match queue.take(slot, now) {
        Take::Run(task) => task,
        other => panic!("expected a job for {slot}, got {other:?}"),
    }
}

fn waits(queue: &mut Queue, slot: Slot, now: Instant) -> Option<Instant> {
    match queue.take(slot, now) {
        Take::Wait(until) => until,
        other => panic!("expected {slot} to wait, got {other:?}"),
    }
}

#[test]
fn small_blobs_are_batched_by_number_and_by_bytes() {
    let mut queue = Queue::new(700, 1, STALL);
    queue.add_small((0..600).map(|want| (want, 10)).chain((600..700).map(|want| (want, MIB))));
    let now = Instant::now();
    let mut sizes = Vec::new();
    while let Take::Run(task) = queue.take(0, now) {
        sizes.push(task.work.wants().len());
    }
    // 600 tiny ones and the first that fits beside the last of them, then 16 MiB at a time.
    assert_eq!(sizes[..2], [256, 256]);
    assert!(sizes[2..].iter().all(|size| *size <= 88 + 16), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 700);
}

#[test]
fn eight_requests_run_for_one_blob_and_its_parts_are_cut_when_they_do() {
    let mut queue = Queue::new(1, 1, STALL);
    queue.add_missing(0, all(1 << 50));
    let now = Instant::now();
    let tasks: Vec<Task> = (0..IN_FLIGHT).map(|_| run(&mut queue, 0, now)).collect();
    assert_eq!(waits(&mut queue, 0, now), None);
    assert_eq!((queue.jobs.len(), queue.uncut.len()), (IN_FLIGHT, 1));
    let Work::Part(0, part) = &tasks[7].work else { panic!("{:?}", tasks[7].work) };
    assert_eq!(*part, ChunkRanges::bytes(7 * PART_BYTES..8 * PART_BYTES));
    assert!(queue.finish(tasks[3].job, 0));
    run(&mut queue, 0, now);
    assert_eq!(waits(&mut queue, 0, now), None);
}

#[test]
fn only_missing_ranges_are_asked_for() {
    let mut queue = Queue::new(1, 1, STALL);
    let missing = &ChunkRanges::bytes(MIB..2 * MIB) | &ChunkRanges::bytes(30 * MIB..34 * MIB);
    queue.add_missing(0, missing.clone());
    let now = Instant::now();
    let mut asked = ChunkRanges::empty();
    for _ in 0..3 {
        let task = run(&mut queue, 0, now);
        let Work::Part(0, part) = task.work else { panic!("{:?}", task.work) };
        assert!(asked.is_disjoint(&part));
        asked |= part;
    }
    assert_eq!(asked, missing);
}

#[test]
fn what_came_before_a_setback_is_not_asked_for_again() {
    let mut queue = Queue::new(1, 2, STALL);
    queue.add_missing(0, all(PART_BYTES));
    let now = Instant::now();
    let task = run(&mut queue, 0, now);
    queue.got(task.job, 0, &ChunkRanges::bytes(0..10 * MIB));
    queue.set_back(task.job, 0, Setback::Vanished, now, now);
    let task = run(&mut queue, 1, now);
    assert_eq!(task.work, Work::Part(0, ChunkRanges::bytes(10 * MIB..PART_BYTES)));
    // All of it came, and then the stream broke.
    queue.got(task.job, 1, &ChunkRanges::bytes(10 * MIB..PART_BYTES));
    queue.set_back(task.job, 1, Setback::Vanished, now, now);
    assert!(queue.is_finished());
    assert!(matches!(queue.wants[0], State::Done));
}

#[test]
fn at_the_end_a_slow_job_is_given_to_a_second_provider() {
    let mut queue = Queue::new(1, 3, STALL);
    queue.add_small([(0, 10)]);
    let begin = Instant::now();
    let slow = run(&mut queue, 0, begin);
    let due = waits(&mut queue, 1, begin).expect("it may be asked for later");
    assert_eq!(due, begin + STALL / 2);
    assert_eq!(waits(&mut queue, 0, due), None, "the same provider is no help");
    let again = run(&mut queue, 1, due);
    assert_eq!(again.job, slow.job);
    assert_eq!(waits(&mut queue, 2, due + STALL), None, "two are enough");
    queue.done(0);
    assert!(queue.finish(again.job, 1));
    assert!(slow.moot.is_cancelled());
    assert!(!queue.finish(slow.job, 0), "ended twice");
    assert!(matches!(queue.take(0, due), Take::Finished));
}

#[test]
fn a_provider_that_fails_is_paused_and_then_dropped() {
    let mut queue = Queue::new(1, 1, STALL);
    queue.add_small([(0, 10)]);
    let mut now = Instant::now();
    for _ in 1..FAILURES {
        let task = run(&mut queue, 0, now);
        now += Duration::from_millis(1);
        queue.set_back(task.job, 0, Setback::Stalled, task.started, now);
        now = waits(&mut queue, 0, now).expect("it is paused");
    }
    let task = run(&mut queue, 0, now);
    queue.set_back(task.job, 0, Setback::Stalled, task.started, now + STALL);
    assert!(matches!(queue.take(0, now), Take::Finished));
    let (wants, dropped) = queue.into_result();
    assert!(matches!(wants[0], State::Failed(FetchFailure::NoProvider)));
    assert_eq!(dropped, [Some(Dropped::Stalled)]);
}

#[test]
fn requests_that_fail_together_are_one_failure() {
    let mut queue = Queue::new(1, 1, STALL);
    queue.add_missing(0, all(1 << 40));
    let begin = Instant::now();
    let tasks: Vec<Task> = (0..4).map(|_| run(&mut queue, 0, begin)).collect();
    for task in tasks {
        queue.set_back(task.job, 0, Setback::Vanished, task.started, begin + STALL);
    }
    assert_eq!(queue.slots[0].failures, 1);
}

#[test]
fn a_success_forgives() {
    let mut queue = Queue::new(10, 1, STALL);
    let mut now = Instant::now();
    for want in 0..10 {
        queue.add_small([(want, 10)]);
        let task = run(&mut queue, 0, now);
        now += STALL;
        queue.set_back(task.job, 0, Setback::Stalled, task.started, now);
        now += STALL;
        let task = run(&mut queue, 0, now);
        queue.done(want);
        queue.finish(task.job, 0);
    }
    assert_eq!(queue.slots[0].dropped, None);
}

#[test]
fn a_refused_batch_is_halved_for_the_same_provider() {
    let mut queue = Queue::new(8, 1, STALL);
    queue.add_small((0..8).map(|want| (want, 1)));
    let now = Instant::now();
    let mut requests = 0;
    while let Take::Run(task) = queue.take(0, now) {
        requests += 1;
        if task.work.wants().contains(&5) {
            queue.refused(task.job, 0);
        } else {
            task.work.wants().iter().for_each(|want| queue.done(*want));
            queue.finish(task.job, 0);
        }
    }
    let (wants, _) = queue.into_result();
    for (want, state) in wants.iter().enumerate() {
        match state {
            State::Done => assert_ne!(want, 5),
            state => assert!(want == 5 && matches!(state, State::Failed(FetchFailure::NotHere))),
        }
    }
    assert_eq!(requests, 7);
}

#[test]
fn a_refusal_leaves_the_job_to_the_others() {
    let mut queue = Queue::new(1, 2, STALL);
    queue.add_large(0);
    let now = Instant::now();
    let task = run(&mut queue, 0, now);
    queue.refused(task.job, 0);
    assert_eq!(waits(&mut queue, 0, now), None);
    let task = run(&mut queue, 1, now);
    queue.refused(task.job, 1);
    assert!(queue.is_finished());
    assert!(matches!(queue.wants[0], State::Failed(FetchFailure::NotHere)));
}

#[test]
fn the_jobs_of_a_liar_are_moot_and_go_to_others() {
    let mut queue = Queue::new(2, 2, STALL);
    queue.add_large(0);
    queue.add_small([(1, 10)]);
    let now = Instant::now();
    let tasks = [run(&mut queue, 0, now), run(&mut queue, 0, now)];
    queue.lied(0, BlobHash::of(b"x"));
    assert!(tasks.iter().all(|task| task.moot.is_cancelled()));
    assert!(matches!(queue.take(0, now), Take::Finished));
    // The worker that was cut short says so, which changes nothing.
    queue.give_back(tasks[0].job, 0);
    let again = [run(&mut queue, 1, now).job, run(&mut queue, 1, now).job];
    assert!(again.contains(&tasks[0].job) && again.contains(&tasks[1].job));
    assert_eq!(waits(&mut queue, 1, now), None);
}

#[test]
fn a_want_that_cannot_be_had_takes_its_jobs_along() {
    let mut queue = Queue::new(2, 1, STALL);
    queue.add_missing(0, all(1 << 40));
    queue.add_small([(1, 10)]);
    let now = Instant::now();
    let tasks: Vec<Task> = (0..4).map(|_| run(&mut queue, 0, now)).collect();
    queue.fail(0, FetchFailure::WrongSize { actual: 1 });
    assert_eq!(queue.jobs.len(), 1);
    let moot = tasks.iter().filter(|task| task.moot.is_cancelled()).count();
    assert_eq!(moot, 3);
}

#[test]
fn a_batch_that_breaks_off_at_once_is_halved_and_its_damaged_blob_given_up() {
    let mut queue = Queue::new(8, 1, STALL);
    queue.add_small((0..8).map(|want| (want, 1)));
    let mut now = Instant::now();
    loop {
        let task = match queue.take(0, now) {
            Take::Run(task) => task,
            Take::Wait(Some(until)) => {
                now = until;
                continue;
            }
            Take::Wait(None) => panic!("it waits for nothing"),
            Take::Finished => break,
        };
        now += Duration::from_millis(1);
        let wants = task.work.wants().iter().copied();
        let came: Vec<WantId> = wants.take_while(|want| *want != 2).collect();
        came.iter().for_each(|want| queue.came(task.job, 0, *want));
        if came.len() == task.work.wants().len() {
            queue.finish(task.job, 0);
        } else {
            queue.set_back(task.job, 0, Setback::Vanished, task.started, now);
        }
    }
    assert_eq!(queue.take_fresh().len(), 7);
    let (wants, dropped) = queue.into_result();
    assert!(matches!(wants[2], State::Failed(FetchFailure::NotHere)));
    assert_eq!(dropped, [None]);
}
