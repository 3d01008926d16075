//! Models of the join handles of the async-task family: every interleaving of abort, completion and await.

use backstay_core::runtime::backend::{Abortable, AbortableJob, CancelTask, Job, NativeTask, Outcome};
use backstay_core::{JoinError, JoinHandle};
use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A native task that promises less than async-task's: cancelling wakes nobody, one waiter is remembered, and
/// the task has ended when its executor has dropped the future.
#[derive(Clone)]
struct Task(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    output: Option<Outcome<u32>>,
    cancelled: bool,
    ended: bool,
    waiter: Option<Waker>,
}

impl Task {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State::default())))
    }

    /// What the executor does: runs the future to its end, or drops it if it was cancelled.
    fn execute(&self, run: impl FnOnce() -> Outcome<u32>) {
        let cancelled = self.0.lock().unwrap().cancelled;
        let output = (!cancelled).then(run);
        {
            let mut state = self.0.lock().unwrap();
            // Cancelled while it ran: async-task drops the output.
            state.output = output.filter(|_| !state.cancelled);
            state.ended = true;
        }
        let waiter = self.0.lock().unwrap().waiter.take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn cancel_now(&self) {
        let mut state = self.0.lock().unwrap();
        state.cancelled |= !state.ended;
    }
}

impl NativeTask for Task {
    type Output = u32;

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<u32>>> {
        let mut state = self.0.lock().unwrap();
        if state.ended {
            // Whoever is told here is not woken as well.
            state.waiter.take_if(|waiter| waiter.will_wake(cx.waker()));
            return Poll::Ready(state.output.take());
        }
        state.waiter = Some(cx.waker().clone());
        Poll::Pending
    }

    fn cancel(mut self) -> CancelTask<u32> {
        let mut cancelled = false;
        Box::pin(poll_fn(move |cx| {
            if !std::mem::replace(&mut cancelled, true) {
                self.cancel_now();
            }
            self.poll_join(cx)
        }))
    }
}

fn outcome(value: u32) -> Outcome<u32> {
    Job::new(move || value).0.run()
}

/// A handle that one thread awaits and another aborts.
fn join<H: JoinHandle<u32>>(handle: &Mutex<H>) -> Result<u32, JoinError> {
    block_on(poll_fn(|cx| Pin::new(&mut *handle.lock().unwrap()).poll(cx)))
}

#[test]
fn c05_c07_abort_racing_completion_wakes_the_waiter() {
    loom::model(|| {
        let task = Task::new();
        let handle = Arc::new(Mutex::new(Abortable::new(task.clone())));
        let executor = thread::spawn(move || task.execute(|| outcome(7)));
        let aborter = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.lock().unwrap().abort())
        };
        let joined = join(&handle);
        assert!(matches!(joined, Ok(7) | Err(JoinError::Aborted)), "{joined:?}");
        executor.join().unwrap();
        aborter.join().unwrap();
    });
}

#[test]
fn asking_whether_it_is_finished_loses_no_wake_and_no_value() {
    loom::model(|| {
        let task = Task::new();
        let handle = Arc::new(Mutex::new(Abortable::new(task.clone())));
        let executor = thread::spawn(move || task.execute(|| outcome(7)));
        let asker = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.lock().unwrap().is_finished())
        };
        assert!(matches!(join(&handle), Ok(7)));
        executor.join().unwrap();
        asker.join().unwrap();
    });
}

#[test]
fn c12_a_job_runs_or_is_aborted_and_says_which() {
    loom::model(|| {
        let ran = Arc::new(Mutex::new(false));
        let (job, gate) = Job::new({
            let ran = Arc::clone(&ran);
            move || {
                *ran.lock().unwrap() = true;
                7
            }
        });
        let task = Task::new();
        let handle = AbortableJob::new(task.clone(), gate);
        let pool = thread::spawn(move || task.execute(|| job.run()));
        handle.abort();
        let joined = block_on(handle);
        let ran = *ran.lock().unwrap();
        match joined {
            Ok(7) => assert!(ran),
            Err(JoinError::Aborted) => assert!(!ran, "ran, and its outcome is Aborted"),
            other => panic!("{other:?}"),
        }
        pool.join().unwrap();
    });
}
