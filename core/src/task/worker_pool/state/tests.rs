//! The machine by cases, and against a plain model.

use super::*;
use crate::sync::own_waker::poll_locked;
use crate::task::worker_pool::queue::PATIENCE;
use PoolOverflow::{DropNewest, DropOldest, Reject, Wait};
use Priority::{High, Low, Normal};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Wake};

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

fn limit(bound: usize) -> Limit {
    Limit::new(bound).unwrap()
}

/// The waker of a worker that nobody hears.
fn noop() -> Option<Waker> {
    Some(Waker::noop().clone())
}

/// One worker, which takes what is there.
fn take_all(state: &mut State<&'static str>) -> Vec<&'static str> {
    let mut taken = Vec::new();
    loop {
        match state.next(&mut Place::default(), &mut noop(), &mut None, &mut Wakers::new()) {
            Next::Run(_, job) => taken.push(job),
            Next::Wait | Next::End => return taken,
        }
    }
}

fn with_worker(bound: usize, overflow: PoolOverflow) -> State<&'static str> {
    let mut state = State::new(limit(bound), overflow);
    assert_eq!(state.set_wanted(1, &mut Wakers::new()), 1);
    state
}

#[test]
fn each_policy_drops_what_it_says() {
    let jobs = [("a", Normal), ("b", High), ("c", Normal), ("d", Low), ("e", High)];
    // With two places. Which are refused or lost, in the order in which they go; which are run.
    for (overflow, gone, run) in [
        (Wait, "c d e", "b a"),
        (Reject, "c d e", "b a"),
        (DropOldest, "a d c", "b e"),
        (DropNewest, "c d a", "b e"),
    ] {
        let mut state = with_worker(2, overflow);
        let mut lost = Vec::new();
        for (job, priority) in jobs {
            match state.try_admit() {
                Ok(()) => lost.extend(state.push(priority, job, &mut Wakers::new()).1),
                Err(Refused::Full) => lost.push(job),
                Err(Refused::Closed) => unreachable!(),
            }
            assert!(state.queue().len() <= 2);
        }
        assert_eq!(lost.join(" "), gone, "{overflow:?}");
        assert_eq!(take_all(&mut state).join(" "), run, "{overflow:?}");
    }
}

#[test]
fn what_is_less_urgent_is_passed_over_so_often_and_no_more() {
    let mut state = with_worker(1_000, Wait);
    let mut add = |priority, job, count| {
        for _ in 0..count {
            state.try_admit().unwrap();
            state.push(priority, job, &mut Wakers::new());
        }
    };
    add(Low, "l", 3);
    add(Normal, "n", 3);
    add(High, "h", 30);
    let order = take_all(&mut state).concat();
    assert_eq!(order, "hhhhhhhhnlhhhhhhhhnlhhhhhhhhnlhhhhhh");
    // Said in words: eight times, and once more for the level between.
    let before_low = order.split('l').map(str::len).max();
    assert!(before_low <= Some(PATIENCE as usize + 1));
}

#[test]
fn more_workers_are_hired_and_too_many_end() {
    let mut state: State<()> = State::new(limit(1), Wait);
    let mut wakers = Wakers::new();
    assert_eq!(state.set_wanted(3, &mut wakers), 3);
    assert_eq!(state.set_wanted(3, &mut wakers), 0);
    assert_eq!(state.set_wanted(5, &mut wakers), 2);
    let (flags, mut places): (Vec<_>, Vec<_>) =
        (0..5).map(|_| (Arc::new(Flag::default()), Place::default())).unzip();
    let woken = |flags: &[Arc<Flag>]| flags.iter().map(|flag| u8::from(flag.0.load(SeqCst))).sum::<u8>();
    for (flag, place) in flags.iter().zip(&mut places) {
        let waker = Waker::from(Arc::clone(flag));
        let next = state.next(place, &mut Some(waker.clone()), &mut None, &mut wakers);
        assert_eq!(next, Next::Wait);
    }
    assert_eq!(state.set_wanted(2, &mut wakers), 0);
    drop(wakers);
    assert_eq!((woken(&flags), state.alive()), (3, 5), "those that are too many are woken");
    let mut ends = 0;
    for place in &mut places {
        ends += u32::from(state.next(place, &mut noop(), &mut None, &mut Wakers::new()) == Next::End);
    }
    assert_eq!((ends, state.alive()), (3, 2));
    // Hired again before all had gone.
    assert_eq!(state.set_wanted(3, &mut Wakers::new()), 1);
    state.close(&mut Wakers::new());
    assert_eq!(state.set_wanted(9, &mut Wakers::new()), 0, "nobody is hired for nothing");
}

#[test]
fn workers_that_are_too_many_are_woken_when_the_pool_is_closed_too() {
    let mut state: State<()> = State::new(limit(1), Wait);
    assert_eq!(state.set_wanted(2, &mut Wakers::new()), 2);
    state.try_admit().unwrap(); // one is still to come
    state.close(&mut Wakers::new());
    let (flag, mut place) = (Arc::new(Flag::default()), Place::default());
    let waker = Waker::from(Arc::clone(&flag));
    let next = state.next(&mut place, &mut Some(waker.clone()), &mut None, &mut Wakers::new());
    assert_eq!(next, Next::Wait);
    assert_eq!(state.set_wanted(1, &mut Wakers::new()), 0);
    assert!(flag.0.load(SeqCst));
}

#[test]
fn when_the_last_job_of_a_closed_pool_is_removed_all_workers_are_told() {
    let mut state: State<u32> = State::new(limit(1), Wait);
    assert_eq!(state.set_wanted(2, &mut Wakers::new()), 2);
    let (flags, mut places): (Vec<_>, Vec<_>) =
        (0..2).map(|_| (Arc::new(Flag::default()), Place::default())).unzip();
    for (flag, place) in flags.iter().zip(&mut places) {
        let waker = Waker::from(Arc::clone(flag));
        let next = state.next(place, &mut Some(waker.clone()), &mut None, &mut Wakers::new());
        assert_eq!(next, Next::Wait);
    }
    state.try_admit().unwrap();
    let (key, _) = state.push(Normal, 1, &mut Wakers::new());
    state.close(&mut Wakers::new());
    assert!(!flags[1].0.load(SeqCst), "one job, one worker");
    assert_eq!(state.remove(key, &mut Wakers::new()), Some(1));
    assert!(flags[1].0.load(SeqCst));
}

#[test]
fn a_job_that_was_admitted_before_the_end_is_not_lost() {
    for abandoned in [false, true] {
        let mut state = with_worker(1, Wait);
        state.try_admit().unwrap();
        if abandoned {
            assert!(state.abandon(&mut Wakers::new()).is_empty());
        } else {
            state.close(&mut Wakers::new());
            let next = state.next(&mut Place::default(), &mut noop(), &mut None, &mut Wakers::new());
            assert_eq!(next, Next::Wait, "one is still to come");
        }
        let lost = state.push(Normal, "late", &mut Wakers::new()).1;
        assert_eq!(lost.is_some(), abandoned);
        assert_eq!(take_all(&mut state).len(), usize::from(!abandoned));
        assert_eq!(state.alive(), 0, "the worker has ended");
    }
}

#[test]
fn where_jobs_are_dropped_too_one_that_was_admitted_before_the_close_is_run() {
    for overflow in [DropOldest, DropNewest] {
        let mut state = with_worker(1, overflow);
        state.try_admit().unwrap();
        state.close(&mut Wakers::new());
        let mut next = || state.next(&mut Place::default(), &mut noop(), &mut None, &mut Wakers::new());
        assert_eq!(next(), Next::Wait, "one is still to come");
        assert_eq!(state.push(Normal, "late", &mut Wakers::new()).1, None);
        assert_eq!(take_all(&mut state), ["late"], "{overflow:?}");
        assert_eq!(state.alive(), 0, "the worker has ended");
    }
}

#[test]
fn s25_a_worker_that_was_woken_and_is_lost_wakes_another() {
    for ends in [false, true] {
        let mut state: State<u32> = State::new(limit(1), Wait);
        assert_eq!(state.set_wanted(2, &mut Wakers::new()), 2);
        let (flags, mut places): (Vec<_>, Vec<_>) =
            (0..2).map(|_| (Arc::new(Flag::default()), Place::default())).unzip();
        for (flag, place) in flags.iter().zip(&mut places) {
            let waker = Waker::from(Arc::clone(flag));
            let next = state.next(place, &mut Some(waker.clone()), &mut None, &mut Wakers::new());
            assert_eq!(next, Next::Wait);
        }
        state.try_admit().unwrap();
        state.push(Normal, 1, &mut Wakers::new());
        assert!(flags[0].0.load(SeqCst) && !flags[1].0.load(SeqCst), "one is woken for one job");
        if ends {
            state.set_wanted(1, &mut Wakers::new());
            assert_eq!(state.next(&mut places[0], &mut noop(), &mut None, &mut Wakers::new()), Next::End);
        } else {
            assert!(state.lose(&mut places[0], &mut Wakers::new()).1.is_empty());
            assert!(flags[1].0.load(SeqCst));
        }
        assert!(matches!(
            state.next(&mut places[1], &mut noop(), &mut None, &mut Wakers::new()),
            Next::Run(_, 1)
        ));
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Submit(Priority),
    WaitForPlace(Priority),
    PollWaiting(usize),
    DropWaiting(usize),
    PollWorker(usize),
    JobEnds(usize),
    NextBlocking(usize),
    LoseWorker(usize),
    Remove(usize),
    Resize(usize),
    Close,
    Abandon,
}

fn op() -> impl Strategy<Value = Op> {
    let priority = || prop_oneof![Just(High), Just(Normal), Just(Low)];
    prop_oneof![
        6 => priority().prop_map(Op::Submit),
        4 => priority().prop_map(Op::WaitForPlace),
        5 => any::<usize>().prop_map(Op::PollWaiting),
        2 => any::<usize>().prop_map(Op::DropWaiting),
        10 => any::<usize>().prop_map(Op::PollWorker),
        5 => any::<usize>().prop_map(Op::JobEnds),
        2 => any::<usize>().prop_map(Op::NextBlocking),
        1 => any::<usize>().prop_map(Op::LoseWorker),
        4 => any::<usize>().prop_map(Op::Remove),
        2 => (1..5_usize).prop_map(Op::Resize),
        1 => prop_oneof![5 => Just(Op::Close), 1 => Just(Op::Abandon)],
    ]
}

/// Every other job is a blocking one.
type Id = u32;

#[derive(Default)]
struct WorkerModel {
    place: Place,
    flag: Arc<Flag>,
    // Runs one, or has not been polled since.
    busy: bool,
}

struct WaiterModel {
    priority: Priority,
    turn: Turn,
    flag: Arc<Flag>,
}

struct Harness {
    state: State<Id>,
    bound: usize,
    overflow: PoolOverflow,
    // The queue as it must be: most urgent level first, oldest first.
    queued: [Vec<(Id, JobKey)>; 3],
    passed: [u32; 3],
    workers: Vec<WorkerModel>,
    waiters: Vec<WaiterModel>,
    accepted: u32,
    gone: Vec<Id>,
    next_id: Id,
    closed: bool,
    abandoned: bool,
    wanted: usize,
}

impl Harness {
    fn new(bound: usize, overflow: PoolOverflow, workers: usize) -> Self {
        let mut state = State::new(limit(bound), overflow);
        let hired = state.set_wanted(workers, &mut Wakers::new());
        Self {
            state,
            bound,
            overflow,
            queued: Default::default(),
            passed: [0; 3],
            workers: (0..hired).map(|_| WorkerModel { busy: true, ..WorkerModel::default() }).collect(),
            waiters: Vec::new(),
            accepted: 0,
            gone: Vec::new(),
            next_id: 0,
            closed: false,
            abandoned: false,
            wanted: workers,
        }
    }

    fn len(&self) -> usize {
        self.queued.iter().map(Vec::len).sum()
    }

    fn push(&mut self, priority: Priority) {
        let id = self.next_id;
        self.next_id += 1;
        self.accepted += 1;
        let (key, lost) = self.state.push(priority, id, &mut Wakers::new());
        if self.abandoned {
            assert_eq!(lost, Some(id));
            self.gone.push(id);
            return;
        }
        self.queued[2 - priority as usize].push((id, key));
        let expected = (self.len() > self.bound).then(|| {
            let level = self.queued.iter_mut().rev().find(|level| !level.is_empty()).unwrap();
            match self.overflow {
                DropOldest => level.remove(0).0,
                DropNewest => level.pop().unwrap().0,
                Wait | Reject => unreachable!("admitted, so there is a place"),
            }
        });
        assert_eq!(lost, expected);
        self.gone.extend(lost);
    }

    fn due(&self) -> Option<usize> {
        let impatient = |&level: &usize| !self.queued[level].is_empty() && self.passed[level] >= PATIENCE;
        (0..3).find(impatient).or_else(|| (0..3).find(|&level| !self.queued[level].is_empty()))
    }

    fn took(&mut self, key: JobKey, id: Id) {
        let level = self.due().expect("there is one");
        assert_eq!(self.queued[level].remove(0), (id, key), "in order");
        self.passed[level] = 0;
        for less in level + 1..3 {
            self.passed[less] += 1;
            assert!(self.queued[less].is_empty() || self.passed[less] <= PATIENCE + 1);
        }
        self.gone.push(id);
    }

    fn poll_worker(&mut self, index: usize) {
        let must_end = self.abandoned || self.workers.len() > self.wanted || self.is_drained();
        let worker = &mut self.workers[index];
        let waker = Waker::from(Arc::clone(&worker.flag));
        worker.flag.0.store(false, SeqCst);
        let next =
            self.state.next(&mut worker.place, &mut Some(waker.clone()), &mut None, &mut Wakers::new());
        match next {
            Next::End => {
                assert!(must_end);
                self.workers.remove(index);
            }
            Next::Run(key, id) => {
                assert!(!must_end);
                self.workers[index].busy = true;
                self.took(key, id);
            }
            Next::Wait => {
                assert!(!must_end && self.len() == 0);
                self.workers[index].busy = false;
            }
        }
    }

    /// As the machine says, which knows who was given a place and has not seen it; what it says must be possible.
    fn is_drained(&self) -> bool {
        let is_drained = self.state.queue().is_drained();
        assert!(!is_drained || self.closed && self.len() == 0);
        is_drained
    }

    fn poll_waiter(&mut self, index: usize) {
        let waiter = &mut self.waiters[index];
        let waker = Waker::from(Arc::clone(&waiter.flag));
        waiter.flag.0.store(false, SeqCst);
        let cx = Context::from_waker(&waker);
        let poll = poll_locked(&cx, |own| self.state.poll_admit(&mut waiter.turn, own));
        if let Poll::Ready(admitted) = poll {
            let waiter = self.waiters.remove(index);
            match admitted {
                Ok(()) => self.push(waiter.priority),
                Err(Refused::Closed) => assert!(self.closed),
                Err(Refused::Full) => assert!(self.overflow == Reject && self.len() == self.bound),
            }
        }
    }

    fn apply(&mut self, op: Op) {
        let mut wakers = Wakers::new();
        match op {
            Op::Submit(priority) => match self.state.try_admit() {
                Ok(()) => self.push(priority),
                Err(Refused::Closed) => assert!(self.closed),
                Err(Refused::Full) => assert!(self.len() == self.bound || !self.waiters.is_empty()),
            },
            Op::WaitForPlace(priority) => {
                self.waiters.push(WaiterModel { priority, turn: Turn::default(), flag: Arc::default() });
                self.poll_waiter(self.waiters.len() - 1);
            }
            Op::PollWaiting(index) if !self.waiters.is_empty() => {
                self.poll_waiter(index % self.waiters.len());
            }
            Op::DropWaiting(index) if !self.waiters.is_empty() => {
                let mut waiter = self.waiters.remove(index % self.waiters.len());
                if !waiter.turn.is_new() {
                    drop(self.state.leave(&mut waiter.turn, &mut wakers));
                }
            }
            Op::PollWorker(index) if !self.workers.is_empty() => self.poll_worker(index % self.workers.len()),
            Op::JobEnds(index) if !self.workers.is_empty() => {
                let index = index % self.workers.len();
                if self.workers[index].busy {
                    self.poll_worker(index);
                }
            }
            Op::NextBlocking(index) if !self.workers.is_empty() => {
                if !self.workers[index % self.workers.len()].busy {
                    return;
                }
                let is_blocking = |id: &Id| id.is_multiple_of(2);
                match self.state.next_of_kind(is_blocking, &mut wakers) {
                    Some((key, id)) => {
                        assert!(is_blocking(&id) && !self.abandoned && self.workers.len() <= self.wanted);
                        self.took(key, id);
                    }
                    None => {
                        let next = self.due().map(|level| self.queued[level][0].0);
                        let ends = self.abandoned || self.workers.len() > self.wanted;
                        assert!(ends || !next.is_some_and(|id| is_blocking(&id)));
                    }
                }
            }
            Op::LoseWorker(index) if !self.workers.is_empty() => {
                let mut worker = self.workers.remove(index % self.workers.len());
                let (_, jobs) = self.state.lose(&mut worker.place, &mut wakers);
                if self.workers.is_empty() {
                    self.take_all_queued(jobs);
                } else {
                    assert!(jobs.is_empty());
                }
            }
            Op::Remove(index) if self.len() > 0 => {
                let all: Vec<_> = self.queued.iter().flatten().copied().collect();
                let (id, key) = all[index % all.len()];
                assert_eq!(self.state.remove(key, &mut wakers), Some(id));
                assert_eq!(self.state.remove(key, &mut wakers), None, "once");
                let level = self.queued.iter_mut().position(|level| level.contains(&(id, key))).unwrap();
                self.queued[level].retain(|job| job.0 != id);
                self.gone.push(id);
            }
            Op::Resize(workers) => {
                self.wanted = workers;
                for _ in 0..self.state.set_wanted(workers, &mut wakers) {
                    self.workers.push(WorkerModel { busy: true, ..WorkerModel::default() });
                }
            }
            Op::Close => {
                self.closed = true;
                self.state.close(&mut wakers);
            }
            Op::Abandon => {
                let jobs = self.state.abandon(&mut wakers);
                self.take_all_queued(jobs);
            }
            _ => {}
        }
        for (level, jobs) in self.queued.iter().enumerate() {
            if jobs.is_empty() {
                self.passed[level] = 0;
            }
        }
    }

    fn take_all_queued(&mut self, mut jobs: Vec<Id>) {
        (self.closed, self.abandoned) = (true, true);
        let mut expected: Vec<_> =
            self.queued.iter_mut().flat_map(std::mem::take).map(|(id, _)| id).collect();
        self.gone.extend(&jobs);
        jobs.sort_unstable();
        expected.sort_unstable();
        assert_eq!(jobs, expected);
    }

    fn check(&self) {
        assert_eq!((self.state.queue().len(), self.state.alive()), (self.len(), self.workers.len()));
        assert!(self.len() <= self.bound);
        // Each job that was accepted is in the queue or gone, and gone once.
        let mut gone = self.gone.clone();
        gone.sort_unstable();
        assert!(gone.windows(2).all(|two| two[0] != two[1]), "a job went twice: {gone:?}");
        assert_eq!(gone.len() + self.len(), self.accepted as usize);
        // Nobody sleeps through a job, or through the end.
        let awake = |worker: &WorkerModel| worker.busy || worker.flag.0.load(SeqCst);
        if !self.workers.is_empty() && (self.len() > 0 || self.workers.len() > self.wanted) {
            assert!(self.workers.iter().any(awake), "no worker is awake");
        }
        if self.abandoned || self.state.queue().is_drained() {
            assert!(self.workers.iter().all(awake), "all have to end");
        }
        // Nobody sleeps beside a free place.
        let awake = |waiter: &WaiterModel| waiter.flag.0.load(SeqCst);
        if self.len() < self.bound && !self.waiters.is_empty() {
            assert!(self.waiters.iter().any(awake), "no submitter is awake");
        }
        if self.closed {
            assert!(self.waiters.iter().all(awake), "all are refused or have their place");
        }
    }
}

proptest! {
    #[test]
    fn it_is_as_the_model_says(
        bound in 1..4_usize,
        overflow in prop_oneof![3 => Just(Wait), 1 => Just(Reject), 1 => Just(DropOldest), 1 => Just(DropNewest)],
        workers in 1..5_usize,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut harness = Harness::new(bound, overflow, workers);
        for op in ops {
            harness.apply(op);
            harness.check();
        }
        // To the end: everything that was accepted goes.
        harness.apply(Op::Close);
        while !harness.waiters.is_empty() {
            harness.poll_waiter(0);
        }
        while !harness.workers.is_empty() {
            harness.poll_worker(0);
        }
        prop_assert_eq!(harness.gone.len(), harness.accepted as usize);
        prop_assert_eq!(harness.state.alive(), 0);
    }
}
