//! A join handle over a native task that can only be cancelled by value.

use super::contained::Outcome;
use crate::primitives::{Mutex, MutexGuard, lock};
use crate::runtime::{JoinError, JoinHandle};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

/// The future of a cancellation: what the task gave, or `None` if it was dropped before it gave anything.
pub type CancelTask<T> = Pin<Box<dyn Future<Output = Option<Outcome<T>>> + Send>>;

/// A native task of the async-task family, which runs a [`Contained`](super::Contained) future or a
/// [`Job`](super::Job). Dropping it lets the task run on.
pub trait NativeTask: Send + Unpin + 'static {
    /// What the task gives.
    type Output: Send + 'static;

    /// Polls for the outcome; `None` when its executor was dropped first.
    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<Self::Output>>>;

    /// Cancels on the first poll of the returned future, which is ready once the task's future is dropped.
    fn cancel(self) -> CancelTask<Self::Output>;
}

/// [`JoinHandle`] for a [`NativeTask`]: abort through `&self`, a typed outcome, `is_finished`, detach on drop,
/// and no allocation besides the task's own as long as nobody aborts.
///
/// | state | meaning | left by |
/// |---|---|---|
/// | running | the task is its executor's | its outcome; `abort` |
/// | cancelling | cancelled, not dropped yet | its outcome |
/// | moving | `abort` or `is_finished` has it in hand | them |
/// | ready | the outcome arrived while nobody awaited it | the next poll |
/// | taken | the outcome was given | – |
///
/// The lock is held to look and to move, never while the task, a waker or a destructor runs: each may call
/// back into the handle.
pub struct Abortable<N: NativeTask> {
    state: Mutex<State<N>>,
}

struct State<N: NativeTask> {
    phase: Phase<N>,
    // Who awaits the handle: `abort` and `is_finished` poll the task too, and take its registration away.
    waiter: Option<Waker>,
}

enum Phase<N: NativeTask> {
    Running(N),
    Cancelling(CancelTask<N::Output>),
    // Whether it was aborted meanwhile.
    Moving { aborted: bool },
    // Boxed: it is rare, and would make every handle as large as its value.
    Ready(Box<Result<N::Output, JoinError>>),
    Taken,
}

impl<N: NativeTask> Phase<N> {
    /// Polls for the outcome of what runs or is cancelled; `Moving` and later give none.
    #[inline(always)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<N::Output, JoinError>> {
        match self {
            Self::Running(task) => task
                .poll_join(cx)
                .map(|outcome| outcome.map_or(Err(JoinError::Shutdown), Outcome::into_result)),
            Self::Cancelling(cancel) => cancel
                .as_mut()
                .poll(cx)
                .map(|outcome| outcome.map_or(Err(JoinError::Aborted), Outcome::into_result)),
            Self::Moving { .. } | Self::Ready(_) | Self::Taken => Poll::Pending,
        }
    }

    fn cancelled(self) -> Self {
        match self {
            Self::Running(task) => Self::Cancelling(task.cancel()),
            other => other,
        }
    }
}

impl<N: NativeTask> Abortable<N> {
    /// A handle for a task that runs.
    pub fn new(task: N) -> Self {
        Self::in_phase(Phase::Running(task))
    }

    /// A handle for a task that could not be started.
    pub fn failed(error: JoinError) -> Self {
        Self::in_phase(Phase::Ready(Box::new(Err(error))))
    }

    fn in_phase(phase: Phase<N>) -> Self {
        Self { state: Mutex::new(State { phase, waiter: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, State<N>> {
        lock(&self.state)
    }

    /// Polls the task on behalf of who awaits the handle, cancelled first if it is to be aborted.
    fn poll_for_waiter(&self, mut abort: bool) {
        while let Some((mut phase, waiter)) = self.take(abort) {
            if abort {
                phase = phase.cancelled();
            }
            // With any waker but the waiter's own, who awaits the handle would sleep on.
            let waker = waiter.as_ref().unwrap_or(Waker::noop());
            let outcome = phase.poll(&mut Context::from_waker(waker));
            abort = self.put_back(phase, waiter, outcome);
            if !abort {
                return;
            }
        }
    }

    /// Takes the task in hand, unless it has ended. Who else has it in hand is told to abort it.
    fn take(&self, abort: bool) -> Option<(Phase<N>, Option<Waker>)> {
        let mut state = self.lock();
        match &mut state.phase {
            Phase::Running(_) | Phase::Cancelling(_) => {
                let phase = mem::replace(&mut state.phase, Phase::Moving { aborted: false });
                Some((phase, state.waiter.take()))
            }
            Phase::Moving { aborted } => {
                *aborted |= abort;
                None
            }
            Phase::Ready(_) | Phase::Taken => None,
        }
    }

    /// Puts back what the task has become, and wakes the waiter if that is an outcome: the task's own wake may
    /// have gone to this poll. Tells whether somebody asked to abort it meanwhile.
    fn put_back(
        &self,
        phase: Phase<N>,
        waiter: Option<Waker>,
        outcome: Poll<Result<N::Output, JoinError>>,
    ) -> bool {
        let mut state = self.lock();
        let aborted = matches!(state.phase, Phase::Moving { aborted: true });
        match outcome {
            Poll::Pending => {
                state.phase = phase;
                state.waiter = waiter;
            }
            Poll::Ready(outcome) => {
                state.phase = Phase::Ready(Box::new(outcome));
                drop(state);
                if let Some(waiter) = waiter {
                    waiter.wake();
                }
                drop(phase);
            }
        }
        aborted
    }
}

impl<N: NativeTask> JoinHandle<N::Output> for Abortable<N> {
    fn abort(&self) {
        self.poll_for_waiter(true);
    }

    fn is_finished(&self) -> bool {
        self.poll_for_waiter(false);
        matches!(self.lock().phase, Phase::Ready(_) | Phase::Taken)
    }
}

impl<N: NativeTask> Future for Abortable<N> {
    type Output = Result<N::Output, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = match &mut state.phase {
            phase @ (Phase::Running(_) | Phase::Cancelling(_)) => match phase.poll(cx) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    match &mut state.waiter {
                        Some(waiter) => waiter.clone_from(cx.waker()),
                        none => *none = Some(cx.waker().clone()),
                    }
                    return Poll::Pending;
                }
            },
            phase @ Phase::Ready(_) => match mem::replace(phase, Phase::Taken) {
                Phase::Ready(outcome) => *outcome,
                _ => unreachable!("matched above"),
            },
            Phase::Moving { .. } => {
                unreachable!("whoever moves it borrows the handle, and poll has it alone")
            }
            Phase::Taken => panic!("a join handle was polled after it gave its outcome"),
        };
        state.phase = Phase::Taken;
        state.waiter = None;
        Poll::Ready(outcome)
    }
}

impl<N: NativeTask> fmt::Debug for Abortable<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.lock().phase {
            Phase::Running(_) => "running",
            Phase::Moving { .. } | Phase::Cancelling(_) => "cancelling",
            Phase::Ready(_) => "ready",
            Phase::Taken => "taken",
        };
        f.debug_tuple("JoinHandle").field(&format_args!("{phase}")).finish()
    }
}
