//! One future, awaited by many: who polls it, who is woken, what a panic and a drop do.

use crate::by_hand::ByHand;
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracked, Tracker, abort_sweep, cancel_sweep, checked, panic_sweep, report,
    sometimes, test_on_every_runtime,
};
use backstay_core::Runtime;
use backstay_core::future::{Shared, SharedError, shared};
use futures::FutureExt;
use futures::executor::block_on;
use std::cell::RefCell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What a future of [`Work`] sees of the world, and the world of it.
#[derive(Clone, Default)]
struct Work(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    polls: usize,
    waker: Option<Waker>,
    output: Option<Box<dyn FnOnce() -> &'static str + Send>>,
}

impl Work {
    fn future(&self) -> impl Future<Output = &'static str> + Send + use<> {
        let work = self.clone();
        poll_fn(move |cx| {
            let mut progress = work.0.lock().expect("no panic");
            progress.polls += 1;
            progress.waker = Some(cx.waker().clone());
            match progress.output.take() {
                None => Poll::Pending,
                Some(output) => {
                    drop(progress);
                    Poll::Ready(output())
                }
            }
        })
    }

    fn polls(&self) -> usize {
        self.0.lock().expect("no panic").polls
    }

    fn wake(&self) {
        let waker = self.0.lock().expect("no panic").waker.clone();
        waker.expect("it was polled").wake();
    }

    fn end(&self, output: impl FnOnce() -> &'static str + Send + 'static) {
        self.0.lock().expect("no panic").output = Some(Box::new(output));
        self.wake();
    }
}

/// Several clones that wait, and the work.
fn waiting<const N: usize>() -> ([ByHand<Shared<impl Future<Output = &'static str> + Send>>; N], Work) {
    let work = Work::default();
    let shared = shared(work.future());
    ([(); N].map(|()| ByHand::waiting(shared.clone())), work)
}

fn wakes<F: Future, const N: usize>(waits: &[ByHand<F>; N]) -> [usize; N] {
    waits.each_ref().map(ByHand::wakes)
}

#[test]
fn all_get_the_output_of_one_run() {
    let runs = Arc::new(AtomicUsize::new(0));
    let shared = shared({
        let runs = Arc::clone(&runs);
        async move { runs.fetch_add(1, SeqCst) + 41 }
    });
    let late = shared.clone();
    assert_eq!(runs.load(SeqCst), 0, "lazy");
    assert!(shared.peek().is_none());
    assert_eq!(block_on(shared.clone()), Ok(41));
    assert_eq!(block_on(shared.clone()), Ok(41));
    assert_eq!((shared.peek(), runs.load(SeqCst)), (Some(Ok(&41)), 1));
    assert_eq!(late.now_or_never(), Some(Ok(41)));
}

#[test]
fn a_wake_wakes_one_and_the_end_wakes_all() {
    let (mut waits, work) = waiting::<4>();
    assert_eq!(work.polls(), 1, "by the first, and nobody else");
    work.wake();
    work.wake();
    assert_eq!(wakes(&waits), [1, 0, 0, 0]);
    assert!(waits[0].poll().is_pending());
    assert_eq!((work.polls(), wakes(&waits)), (2, [0, 0, 0, 0]));
    work.wake();
    assert_eq!(wakes(&waits), [0, 1, 0, 0], "it was the first's turn before");
    work.end(|| "output");
    assert_eq!(waits[1].output(), Ok("output"));
    assert_eq!((work.polls(), wakes(&waits)), (3, [1, 0, 1, 1]));
    for at in [0, 2, 3] {
        assert_eq!(waits[at].output(), Ok("output"));
    }
    assert_eq!(work.polls(), 3);
}

#[test]
fn who_is_polled_without_need_does_not_poll_the_future() {
    let (mut waits, work) = waiting::<2>();
    assert!(waits[0].poll().is_pending() && waits[1].poll().is_pending() && waits[0].poll().is_pending());
    assert_eq!(work.polls(), 1);
    work.wake();
    assert_eq!(wakes(&waits), [1, 0], "through the waker of its last poll, and in its old turn");
}

#[test]
fn s25_a_woken_clone_that_is_dropped_passes_the_wake_on() {
    let ([first, second, mut third], work) = waiting::<3>();
    work.wake();
    drop(first);
    assert_eq!((second.wakes(), third.wakes()), (1, 0));
    drop(second);
    assert_eq!(third.wakes(), 1);
    assert!(third.poll().is_pending());
    assert_eq!(work.polls(), 2);
    work.end(|| "output");
    assert_eq!(third.output(), Ok("output"));
}

#[test]
fn a_clone_that_is_dropped_wakes_nobody_without_need() {
    let ([woken, other, mut third, last], work) = waiting::<4>();
    drop(other);
    assert_eq!((woken.wakes(), third.wakes()), (0, 0));
    work.wake();
    assert!(third.poll().is_pending(), "it has polled for the one that was woken");
    drop(woken);
    assert_eq!((third.wakes(), last.wakes(), work.polls()), (0, 0, 2));
}

#[test]
fn a_clone_that_comes_before_the_woken_one_polls_for_it() {
    let ([mut woken, mut other], work) = waiting::<2>();
    work.wake();
    assert!(other.poll().is_pending());
    assert_eq!((work.polls(), woken.wakes()), (2, 1));
    // It has nothing to do, and waits again, behind.
    assert!(woken.poll().is_pending());
    assert_eq!(work.polls(), 2);
    work.wake();
    assert_eq!((other.wakes(), woken.wakes()), (1, 0));
    drop(other);
    work.end(|| "output");
    assert_eq!(woken.output(), Ok("output"));
}

#[test]
fn a_wake_that_comes_after_all_have_gone_is_for_whoever_comes_next() {
    let work = Work::default();
    let shared = shared(work.future());
    drop(ByHand::waiting(shared.clone()));
    work.end(|| "output");
    assert_eq!(work.polls(), 1);
    assert_eq!(shared.now_or_never(), Some(Ok("output")));
}

#[test]
fn s08_a_wake_during_the_poll_is_not_lost() {
    let polls = Arc::new(AtomicUsize::new(0));
    let shared = shared({
        let polls = Arc::clone(&polls);
        poll_fn(move |cx| match polls.fetch_add(1, SeqCst) {
            // From another thread, and it has arrived before the poll ends.
            1 => {
                let waker = cx.waker().clone();
                std::thread::scope(|scope| drop(scope.spawn(|| waker.wake())));
                Poll::Pending
            }
            3 => Poll::Ready("output"),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
    });
    let mut first = ByHand::waiting(shared.clone());
    assert_eq!(first.wakes(), 1, "its own turn: it is alone");
    let mut second = ByHand::waiting(shared.clone());
    assert_eq!((polls.load(SeqCst), first.wakes(), second.wakes()), (2, 1, 1), "it is passed on");
    assert!(second.poll().is_pending());
    assert_eq!(polls.load(SeqCst), 3);
    assert_eq!(second.wakes(), 1);
    assert_eq!(first.poll(), Poll::Ready(Ok("output")));
    assert_eq!(second.output(), Ok("output"));
}

#[test]
fn s08_a_panic_is_told_to_all_and_unwinds_nowhere() {
    let work = Work::default();
    let late = shared(work.future());
    let mut waits = [(); 3].map(|()| ByHand::waiting(late.clone()));
    work.end(|| resume_unwind(Box::new("the disk is full")));
    let error = waits[0].output().expect_err("it panicked");
    assert_eq!(error.to_string(), "the shared future panicked: the disk is full");
    assert_eq!(error.panic().message(), Some("the disk is full"));
    assert_eq!(format!("{error:?}"), "SharedError(Panic { message: Some(\"the disk is full\"), .. })");
    assert_eq!(waits[1].output(), Err(error.clone()));
    assert_eq!(waits[2].output(), Err(error.clone()));
    assert_eq!(late.peek(), Some(Err(&error)));
    assert_eq!(block_on(late), Err(error));
    assert_eq!(work.polls(), 2, "it is not polled after it");

    let strange = shared(async {
        if true {
            panic_any(7);
        }
    });
    let error: SharedError = block_on(strange).expect_err("it panicked");
    assert_eq!(error.to_string(), "the shared future panicked");
}

#[test]
fn the_future_is_dropped_before_anybody_gets_its_output() {
    let tracker = Tracker::new();
    for panics in [false, true] {
        let (held, work) = (tracker.track(()), Work::default());
        let mut inner = Box::pin(work.future());
        // Goes with the future, not with its last poll.
        let shared = shared(poll_fn(move |cx| {
            let _held = &held;
            inner.poll_unpin(cx)
        }));
        let mut waits = ByHand::waiting(shared.clone());
        assert_eq!(tracker.alive(), 1);
        work.end(move || if panics { resume_unwind(Box::new("")) } else { "output" });
        assert_eq!(waits.output().is_err(), panics);
        assert_eq!(tracker.alive(), 0);
        drop(shared);
    }
}

#[test]
fn the_last_clone_drops_an_unfinished_future_whoever_has_its_waker() {
    let tracker = Tracker::new();
    let (held, work) = (tracker.track("output"), Work::default());
    let inner = work.future();
    let shared = shared(async move {
        inner.await;
        *held
    });
    let waits = ByHand::waiting(shared.clone());
    drop(shared);
    assert_eq!(tracker.alive(), 1);
    drop(waits);
    assert_eq!(tracker.alive(), 0);
    work.wake();
}

#[test]
fn a_finished_one_keeps_its_output_for_its_clones_only() {
    let tracker = Tracker::new();
    let shared = shared(ready(Arc::new(tracker.track(()))));
    drop(block_on(shared.clone()));
    assert_eq!(tracker.alive(), 1);
    drop(shared);
    tracker.assert_none_alive();
}

#[test]
fn a_destructor_that_panics_takes_no_output_away() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }
    let panics = Panics;
    let mut value = Some("output");
    let shared = shared(poll_fn(move |_| {
        let _held = &panics;
        Poll::Ready(value.take().expect("once"))
    }));
    assert_eq!(block_on(shared.clone()), Ok("output"));
    assert_eq!(block_on(shared), Ok("output"));
}

#[test]
fn a_clone_of_the_output_that_panics_is_its_own_clones_panic() {
    struct PanicsOnce(Arc<AtomicUsize>);
    impl Clone for PanicsOnce {
        fn clone(&self) -> Self {
            if self.0.fetch_add(1, SeqCst) == 0 {
                resume_unwind(Box::new("a clone"));
            }
            Self(Arc::clone(&self.0))
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let shared = shared(ready(PanicsOnce(Arc::clone(&clones))));
    let first = shared.clone();
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(first))).is_err());
    assert!(block_on(shared.clone()).is_ok() && shared.peek().is_some());
}

#[test]
fn it_stays_ready() {
    let mut shared = ByHand::new(shared(ready(7)));
    assert_eq!(shared.poll(), Poll::Ready(Ok(7)));
    assert_eq!(shared.poll(), Poll::Ready(Ok(7)));
}

#[test]
fn the_future_may_look_at_clones_of_itself_and_drop_them() {
    let clones = Rc::new(RefCell::new(Vec::<Shared<_>>::new()));
    let inside = Rc::clone(&clones);
    let future: std::pin::Pin<Box<dyn Future<Output = usize>>> = Box::pin(poll_fn(move |cx| {
        let mut clones = inside.take();
        // It waits for itself, which nobody should write; it is not a deadlock of the thread.
        assert!(clones.iter_mut().all(|clone| clone.peek().is_none() && clone.poll_unpin(cx).is_pending()));
        Poll::Ready(clones.len())
    }));
    let shared = shared(future);
    clones.borrow_mut().extend([shared.clone(), shared.clone()]);
    assert_eq!(block_on(shared), Ok(2));
}

#[test]
fn it_is_as_send_as_what_is_in_it() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Sync + Unpin>(_: &T) {}
    let pending = shared(Work::default().future());
    is_send(&pending);
    is_sync(&pending);
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<SharedError>();
    // One that stays on its thread is one too.
    let local = shared(async { Rc::new(7) });
    assert_eq!(block_on(local).map(|seven| *seven), Ok(7));
    let (ready, broken) = (shared(ready(1)), shared(async { resume_unwind(Box::new("broken")) as () }));
    assert!(block_on(ready.clone()).is_ok() && block_on(broken.clone()).is_err());
    let states = format!("{pending:?} {ready:?} {broken:?}");
    assert_eq!(states, "Shared(pending) Shared(ready) Shared(panicked)");
}

test_on_every_runtime! {
    sim only;
    s08_all_resolve_whoever_is_dropped_meanwhile
    shared_keeps_the_contract_of_poll
}

async fn s08_all_resolve_whoever_is_dropped_meanwhile<R: Runtime>(rt: R) {
    let polls = Arc::new(AtomicUsize::new(0));
    let shared = shared({
        let (rt, polls) = (rt.clone(), Arc::clone(&polls));
        async move {
            for _ in 0..4 {
                polls.fetch_add(1, SeqCst);
                // Wakes of every kind: of another task, of a timer, of its own.
                rt.spawn({
                    let rt = rt.clone();
                    async move { rt.yield_now().await }
                })
                .await
                .expect("no panic");
                rt.sleep(MS).await;
                rt.yield_now().await;
            }
            "output"
        }
    });
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let (rt, shared) = (rt.clone(), shared.clone());
            let polls = Arc::clone(&polls);
            rt.clone().spawn(async move {
                if number < 3 {
                    // Gives up at some time.
                    let patience = MS * (rt.random_u64() % 5) as u32;
                    let given_up = rt.timeout(patience, shared).await.is_err();
                    sometimes!(given_up && polls.load(SeqCst) > 1, "one is dropped in the middle");
                } else {
                    assert_eq!(shared.await, Ok("output"));
                }
            })
        })
        .collect();
    drop(shared);
    for task in tasks {
        task.await.expect("no panic");
    }
}

async fn shared_keeps_the_contract_of_poll<R: Runtime>(rt: R) {
    let shared = shared({
        let rt = rt.clone();
        async move {
            rt.sleep(MS).await;
            rt.yield_now().await;
            rt.sleep(MS).await;
        }
    });
    let tasks = [(); 3].map(|()| {
        let shared = shared.clone();
        rt.spawn(async move { checked(shared).await })
    });
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), Ok(()));
    }
}

#[test]
fn s08_s09_a_clone_that_is_cut_anywhere_strands_nobody() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let held: Tracked<()> = tracker.track(());
        async move {
            let shared = shared({
                let rt = rt.clone();
                async move {
                    for _ in 0..3 {
                        rt.sleep(MS).await;
                        rt.yield_now().await;
                    }
                    drop(held);
                    "output"
                }
            });
            let others = [(); 2].map(|()| rt.spawn(shared.clone()));
            subject.spawn(&rt, shared.clone()).await;
            for other in others {
                let output = rt.timeout(MS * 100, other).await.expect("it is not stranded");
                assert_eq!(output.expect("no panic"), Ok("output"));
            }
            shared.await
        }
    };
    let check = |_, outcome| async move { assert_eq!(outcome, Ok("output")) };
    report(cancel_sweep(scenario, check));
    report(abort_sweep(scenario, check));
    report(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn s08_every_schedule_of_a_panic_and_those_who_wait() {
    let explored = Explore::exhaustive(50_000).run(|rt: Sim| async move {
        let shared = shared({
            let rt = rt.clone();
            async move {
                rt.yield_now().await;
                resume_unwind(Box::new("broken")) as ()
            }
        });
        let tasks = [(); 2].map(|()| rt.spawn(shared.clone()));
        assert!(shared.await.is_err());
        for task in tasks {
            assert!(task.await.expect("no panic").is_err());
        }
    });
    assert!(explored.unwrap_or_else(|failure| panic!("{failure}")).complete);
}

#[test]
fn a_report_tells_what_is_waited_for() {
    let builder = Sim::builder().faults(Faults::off());
    let failure = builder.run(|rt: Sim| async move {
        let shared = shared(async { pending::<()>().await });
        let other = rt.spawn(shared.clone());
        rt.yield_now().await;
        let _ = shared.await;
        drop(other);
    });
    let report = failure.unwrap_err().to_string();
    assert!(report.contains("shared future, 2 waiting"), "{report}");
}
