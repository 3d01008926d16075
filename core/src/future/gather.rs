//! What joins and races have in common: futures that run together until a policy has seen enough.

use super::engine::FutureSet;
use crate::probe;
use crate::runtime::{JoinError, JoinHandle};
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What is made of the outputs; pure, and told of each with the place of its future in the input.
pub trait Policy<T> {
    /// What is made of them.
    type Output;

    /// Before anything is polled: breaks where the futures make no difference.
    fn start(&mut self) -> ControlFlow<Self::Output> {
        ControlFlow::Continue(())
    }

    /// Another output; breaks where the rest makes no difference.
    fn take(&mut self, index: usize, output: T) -> ControlFlow<Self::Output>;

    /// All have ended, and nothing broke.
    fn finish(&mut self) -> Self::Output;
}

/// The future of [`join_all`](super::join_all), [`try_join_all`](super::try_join_all),
/// [`settle`](super::settle), [`race`](super::race), [`race_ok`](super::race_ok) and
/// [`quorum`](super::quorum()).
///
/// The futures are polled in this task, each when it was woken and no other; those that make no difference any more
/// are dropped before the result is given. Of **join handles** that is not enough: dropping one lets its task run
/// on. [`abort_losers`](Self::abort_losers) aborts and awaits them.
///
/// # Cancel safety
///
/// Dropping it drops the futures, and the outputs that have come so far. Polled by `&mut`, it goes on where it was.
///
/// # Panics
///
/// A panic of one of the futures goes on here. Polled after that, or after it gave its result, it panics.
///
/// # Cost
///
/// The futures are moved into blocks of eight or more (each into its own where they are larger than 2 KiB). What is
/// ready at its first poll needs nothing more, and what is pending one allocation, for its waker. A wake costs the same
/// however many others wait.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Gather<F: Future, P: Policy<F::Output>> {
    set: FutureSet<F>,
    policy: P,
    phase: Phase<P::Output>,
    abort: Option<Abort<F>>,
}

/// | phase | left by |
/// |---|---|
/// | new | the first poll |
/// | running | the policy, or the last output: the losers are dropped, or aborted; a panic, to ended |
/// | late | what was dropped, or aborted, has ended; outputs count as before |
/// | ending | the end of the last loser |
/// | ended | – |
#[derive(Debug)]
enum Phase<O> {
    New,
    Running,
    Late,
    Ending(O),
    Ended,
}

/// How a task is aborted, and how to tell that from what it gave.
struct Abort<F: Future> {
    abort: fn(&F),
    is_aborted: fn(&F::Output) -> bool,
}

// The futures are pinned in blocks of the set's, and nothing is in this.
impl<F: Future, P: Policy<F::Output>> Unpin for Gather<F, P> {}

impl<F: Future, P: Policy<F::Output>> Gather<F, P> {
    /// `policy` is told how many there are.
    pub(super) fn new(futures: impl IntoIterator<Item = F>, policy: impl FnOnce(usize) -> P) -> Self {
        let set: FutureSet<F> = futures.into_iter().collect();
        let policy = policy(set.len());
        Self { set, policy, phase: Phase::New, abort: None }
    }

    /// Of join handles: aborts the tasks that make no difference any more, and awaits their end, before the result
    /// is given. So nothing runs on behind the caller's back; a blocking job that runs can't be aborted, and is waited
    /// for.
    ///
    /// A handle fails where its task has panicked or was aborted; a task that gives an `Err` has ended well, as far as
    /// [`try_join_all`](super::try_join_all) and its like can tell.
    ///
    /// # Cancel safety
    ///
    /// Dropping it aborts the tasks; it can't wait for them then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{Runtime, future::race};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let replicas = [20, 10, 30].map(|ms| {
    ///         let nap = rt.sleep(Duration::from_millis(ms));
    ///         rt.spawn(async move { nap.await; ms })
    ///     });
    ///     let first = race(replicas).abort_losers().await.expect("there are some");
    ///     assert_eq!(first.unwrap(), 10);
    /// })?; // which would fail if a task were left over
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn abort_losers<T>(mut self) -> Self
    where
        F: JoinHandle<T>,
    {
        let is_aborted = |outcome: &Result<T, JoinError>| matches!(outcome, Err(JoinError::Aborted));
        self.abort = Some(Abort { abort: F::abort, is_aborted });
        self
    }

    /// Whether it was told to [conclude](Self::conclude).
    pub(super) const fn is_concluding(&self) -> bool {
        matches!(self.phase, Phase::Late | Phase::Ending(_))
    }

    /// Ends it before its time, with what the policy makes of what has come. A task may have ended before it was
    /// aborted: what it gave has come too.
    pub(super) fn conclude(&mut self) {
        self.phase = Phase::Late;
        self.give_up_losers();
    }

    fn end_with(&mut self, result: P::Output) {
        self.phase = Phase::Ending(result);
        self.give_up_losers();
    }

    fn give_up_losers(&mut self) {
        match &self.abort {
            Some(Abort { abort, .. }) => self.set.for_each(|handle| abort(&handle)),
            None => self.set.clear(),
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        let Self { set, policy, phase, .. } = self;
        // Until this poll is through: where one of them panics, its output will never come.
        *phase = Phase::Ended;
        let poll = set.poll_each(cx, |index, output| policy.take(index, output));
        *phase = Phase::Running;
        let result = ready!(poll);
        Poll::Ready(result.unwrap_or_else(|| policy.finish()))
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        let Self { set, policy, abort, .. } = self;
        let result = ready!(set.poll_each(cx, |index, output| match abort {
            Some(Abort { is_aborted, .. }) if is_aborted(&output) => ControlFlow::Continue(()),
            _ => policy.take(index, output),
        }));
        Poll::Ready(result.unwrap_or_else(|| policy.finish()))
    }

    fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        if let Phase::New = self.phase {
            self.phase = Phase::Running;
            if let ControlFlow::Break(result) = self.policy.start() {
                self.end_with(result);
            }
        }
        match self.phase {
            Phase::Running => {
                let result = ready!(self.poll_running(cx));
                self.end_with(result);
            }
            Phase::Late => {
                let result = ready!(self.poll_late(cx));
                self.end_with(result);
            }
            Phase::New | Phase::Ending(_) => {}
            Phase::Ended => panic!("polled after it gave its result, or after a panic"),
        }
        // Those that were aborted, until they have ended; what they give makes no difference.
        while ready!(self.set.poll_next(cx)).is_some() {}
        match mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Ending(result) => Poll::Ready(result),
            _ => unreachable!("there is a result"),
        }
    }
}

impl<F: Future, P: Policy<F::Output>> Future for Gather<F, P> {
    type Output = P::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        let poll = self.poll_gather(cx);
        if poll.is_pending() {
            probe::waiting(|| format!("{} futures", self.set.len()));
        }
        poll
    }
}

impl<F: Future, P: Policy<F::Output>> Drop for Gather<F, P> {
    fn drop(&mut self) {
        if self.abort.is_some() {
            self.give_up_losers();
        }
    }
}

impl<F: Future, P: Policy<F::Output>> fmt::Debug for Gather<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("running", &self.set.len()).finish_non_exhaustive()
    }
}
