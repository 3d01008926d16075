//! The thread of a blocking job: one that can wait.
//!
//! It runs while the run waits for it, and waits while the run goes on: never both. So what happens, and in which
//! order, is the schedule's alone, as if there were one thread.

use crate::kernel::Kernel;
use crate::quiet;
use backstay_core::runtime::backend;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

thread_local! {
    /// The job that this thread is of.
    static JOB: RefCell<Option<Turns>> = const { RefCell::new(None) };
}

/// A job's turns: it has one until it tells that it waits, and has the next when somebody gives it a waker.
struct Turns {
    // The run's address; no other can have it meanwhile.
    run: usize,
    // That of this turn.
    waker: Option<Waker>,
    next: Receiver<Waker>,
    waits: Sender<Waits>,
}

/// What a job tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For its next turn.
    Turn,
    /// For ever: it can't be unwound, as it is being unwound already.
    ForEver,
}

/// A blocking job under way.
pub(crate) struct Thread<T> {
    turn: Option<Sender<Waker>>,
    // Disconnected once it has ended.
    waits: Receiver<Waits>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Thread<T> {
    /// It begins with its first turn.
    pub(crate) fn spawn(kernel: &Arc<Kernel>, f: impl FnOnce() -> T + Send + 'static) -> Self {
        let ((turn, next), (waits, waiting)) = (channel(), channel());
        let (run, recorder, is_quiet) = (address(kernel), kernel.recorder.clone(), quiet::is_quiet());
        let job = move || {
            JOB.set(Some(Turns { run, waker: None, next, waits }));
            take_turn();
            recorder.listen(|| if is_quiet { quiet::quietly(f) } else { f() })
        };
        let name = thread::current().name().unwrap_or("blocking job").to_owned();
        let thread = thread::Builder::new().name(name).spawn(job).expect("there are threads");
        Self { turn: Some(turn), waits: waiting, thread: Some(thread) }
    }

    /// Gives it a turn: until it waits, or has ended. A panic of it is passed on.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        if let Some(turn) = &self.turn {
            let _ = turn.send(cx.waker().clone());
        }
        if self.waits.recv().is_ok() {
            return Poll::Pending;
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(payload)) => resume_unwind(payload),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Thread<T> {
    /// A job that waits for what will not come is unwound: what it holds is given back. Where what is dropped then waits
    /// itself, the rest is not: its thread waits for ever.
    fn drop(&mut self) {
        self.turn = None;
        // It may catch that, and wait again and again.
        while let Ok(waits) = self.waits.recv() {
            if waits == Waits::ForEver {
                return;
            }
        }
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// What a job is unwound with whose run has ended.
struct RunHasEnded;

/// Tells that it waits.
fn end_turn() {
    let before = JOB.with_borrow_mut(|job| job.as_mut()?.waker.take());
    // Who is pending holds wakers of its own.
    drop(before);
    JOB.with_borrow(|job| {
        if let Some(turns) = job {
            // If nobody hears it, there is no next turn either.
            let _ = turns.waits.send(Waits::Turn);
        }
    });
}

/// Waits for the next turn.
fn take_turn() {
    let next = JOB.with_borrow(|job| job.as_ref().map(|turns| turns.next.recv()));
    match next {
        Some(Ok(waker)) => JOB.with_borrow_mut(|job| {
            if let Some(turns) = job {
                turns.waker = Some(waker);
            }
        }),
        // A second one would end the process.
        _ if thread::panicking() => wait_for_ever(),
        // No panic, of which a hook would tell.
        _ => resume_unwind(Box::new(RunHasEnded)),
    }
}

fn wait_for_ever() -> ! {
    JOB.with_borrow(|job| {
        if let Some(turns) = job {
            let _ = turns.waits.send(Waits::ForEver);
        }
    });
    loop {
        thread::park();
    }
}

/// Blocks the thread of a job of this run in virtual time, and one that is no part of it in real time.
pub(crate) fn block<F: Future>(kernel: &Arc<Kernel>, future: F) -> F::Output {
    let run = address(kernel);
    let is_job = JOB.with_borrow(|job| job.as_ref().is_some_and(|turns| turns.run == run));
    if !is_job && !kernel.wakes.is_here() {
        return backend::block_thread(future);
    }
    let mut future = pin!(future);
    loop {
        let waker = JOB.with_borrow(|job| job.as_ref().filter(|_| is_job)?.waker.clone());
        let waker = waker.unwrap_or_else(|| Waker::noop().clone());
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(
            is_job,
            "block_thread in a task of a simulated run: everything runs on one thread, which would wait for itself; \
             await the future instead, or block in a job of spawn_blocking"
        );
        drop(waker);
        end_turn();
        take_turn();
    }
}

fn address(kernel: &Arc<Kernel>) -> usize {
    Arc::as_ptr(kernel).addr()
}
