//! Models of the sets of futures: wakes from other threads beside polls, ends, new futures and the end of the set.

use backstay_core::Limit;
use backstay_core::future::{BoundedSet, join_all};
use futures::Stream;
use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Something to wait for, and whoever waits for it.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<(bool, Option<Waker>)>>);

impl Gate {
    fn open(&self) {
        let waker = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            gate.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready when it is open, with this.
    fn pass(&self, id: usize) -> Pass {
        Pass(self.clone(), id)
    }

    /// Whose waker is there, if anybody waits.
    fn waker(&self) -> Option<Waker> {
        self.0.lock().unwrap().1.clone()
    }
}

struct Pass(Gate, usize);

impl Future for Pass {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let mut gate = self.0.0.lock().unwrap();
        if gate.0 {
            return Poll::Ready(self.1);
        }
        gate.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

async fn next(set: &mut BoundedSet<Pass>) -> Option<usize> {
    poll_fn(|cx| Pin::new(&mut *set).poll_next(cx)).await
}

fn set(passes: impl IntoIterator<Item = Pass>) -> BoundedSet<Pass> {
    let mut set = BoundedSet::new(Limit::MAX);
    for pass in passes {
        assert!(set.try_push(pass).is_ok());
    }
    set
}

#[test]
fn a_wake_beside_a_poll_is_heard() {
    loom::model(|| {
        let gate = Gate::default();
        let waking = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        assert_eq!(block_on(join_all([gate.pass(7)])), [7]);
        waking.join().unwrap();
    });
}

#[test]
fn wakes_of_two_futures_by_two_threads_are_both_heard() {
    loom::model(|| {
        let gates = [Gate::default(), Gate::default()];
        let waking = gates.clone().map(|gate| thread::spawn(move || gate.open()));
        let [a, b] = &gates;
        assert_eq!(block_on(join_all([a.pass(0), b.pass(1)])), [0, 1]);
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn wakes_of_one_future_by_two_threads_are_heard() {
    loom::model(|| {
        let gate = Gate::default();
        // One of them wakes for nothing.
        let nuisance = {
            let gate = gate.clone();
            thread::spawn(move || {
                if let Some(waker) = gate.waker() {
                    waker.wake();
                }
            })
        };
        let waking = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        assert_eq!(block_on(join_all([gate.pass(7)])), [7]);
        nuisance.join().unwrap();
        waking.join().unwrap();
    });
}

/// Nobody wakes those before it.
enum Far {
    Never,
    Pass(Pass),
}

impl Future for Far {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        match &mut *self {
            Self::Never => Poll::Pending,
            Self::Pass(pass) => Pin::new(pass).poll(cx),
        }
    }
}

#[test]
fn wakes_in_pages_that_share_a_bit_are_both_heard() {
    loom::model(|| {
        let gates = [Gate::default(), Gate::default()];
        let mut set = BoundedSet::new(Limit::MAX);
        for id in 0..129 {
            // One in the second page, and one in the third.
            let future = match id {
                64 => Far::Pass(gates[0].pass(id)),
                128 => Far::Pass(gates[1].pass(id)),
                _ => Far::Never,
            };
            assert!(set.try_push(future).is_ok());
        }
        let waking = gates.map(|gate| thread::spawn(move || gate.open()));
        let mut both = [0, 1].map(|_| block_on(poll_fn(|cx| Pin::new(&mut set).poll_next(cx))));
        both.sort_unstable();
        assert_eq!(both, [Some(64), Some(128)]);
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Ready when a flag is up, which is read without any order: only a wake brings the news.
struct Flagged {
    flag: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Future for Flagged {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.flag.load(Relaxed) {
            return Poll::Ready(());
        }
        self.waker.lock().unwrap().get_or_insert_with(|| cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn what_was_done_before_a_wake_is_seen_in_the_poll() {
    loom::model(|| {
        let flags = [Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false))];
        let wakers = [Arc::default(), Arc::default()];
        let futures = [0, 1].map(|id| Flagged { flag: flags[id].clone(), waker: Arc::clone(&wakers[id]) });
        let mut join = join_all(futures);
        block_on(poll_fn(|cx| {
            assert!(Pin::new(&mut join).poll(cx).is_pending());
            Poll::Ready(())
        }));
        let waking = [0, 1].map(|id| {
            let (flag, waker) = (flags[id].clone(), Arc::clone(&wakers[id]));
            let waker = waker.lock().unwrap().take().expect("it waits");
            thread::spawn(move || {
                flag.store(true, Relaxed);
                waker.wake();
            })
        });
        block_on(join);
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn s06_an_old_wake_beside_the_first_poll_of_the_next_in_its_place() {
    loom::model(|| {
        let (old, new) = (Gate::default(), Gate::default());
        let mut set = set([old.pass(1)]);
        // It waits, and somebody has its waker.
        let kept = block_on(poll_fn(|cx| {
            assert!(Pin::new(&mut set).poll_next(cx).is_pending());
            Poll::Ready(old.waker().expect("it waits"))
        }));
        old.open();
        assert_eq!(block_on(next(&mut set)), Some(1));
        let threads = [
            thread::spawn(move || kept.wake()),
            thread::spawn({
                let new = new.clone();
                move || new.open()
            }),
        ];
        assert!(set.try_push(new.pass(2)).is_ok());
        assert_eq!(block_on(next(&mut set)), Some(2));
        assert_eq!(block_on(next(&mut set)), None);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_wake_beside_the_end_of_its_future_harms_nobody() {
    loom::model(|| {
        let (ends, waits) = (Gate::default(), Gate::default());
        let mut set = set([ends.pass(1), waits.pass(2)]);
        let kept = block_on(poll_fn(|cx| {
            assert!(Pin::new(&mut set).poll_next(cx).is_pending());
            Poll::Ready(ends.waker().expect("it waits"))
        }));
        let waking = thread::spawn({
            let waits = waits.clone();
            move || {
                kept.wake();
                waits.open();
            }
        });
        // In this thread, beside the other's wake of the same one.
        ends.open();
        let mut outputs = [block_on(next(&mut set)), block_on(next(&mut set))];
        outputs.sort_unstable();
        assert_eq!(outputs, [Some(1), Some(2)]);
        waking.join().unwrap();
    });
}

#[test]
fn a_wake_beside_the_end_of_the_set_wakes_nobody_or_its_task() {
    loom::model(|| {
        let gate = Gate::default();
        let mut set = set([gate.pass(1)]);
        block_on(poll_fn(|cx| {
            assert!(Pin::new(&mut set).poll_next(cx).is_pending());
            Poll::Ready(())
        }));
        let waking = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        drop(set);
        waking.join().unwrap();
    });
}

#[test]
fn the_task_that_polls_next_is_woken_beside_a_wake_of_the_one_before() {
    loom::model(|| {
        let gate = Gate::default();
        let mut set = set([gate.pass(1)]);
        // By another task, with a waker of its own.
        let mut other = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut set).poll_next(&mut other).is_pending());
        let waking = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        assert_eq!(block_on(next(&mut set)), Some(1));
        waking.join().unwrap();
    });
}
