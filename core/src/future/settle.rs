//! What became of each of them (recipes 2.1 and 8.4).

use super::gather::{Gather, Policy};
use super::join::JoinAll;
use crate::instant::Instant;
use crate::runtime::{JoinHandle, Runtime};
use pin_project_lite::pin_project;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Waits for all futures, whether they succeed or fail, and gives both sides.
///
/// # Cancel safety
///
/// As [`join_all`](super::join_all).
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay_core::future::settle;
///
/// # futures::executor::block_on(async {
/// let parse = |text: &'static str| async move { text.parse::<u32>() };
/// let settled = settle(["1", "two", "3"].map(parse)).await;
/// assert_eq!(settled.succeeded, [(0, 1), (2, 3)]);
/// assert_eq!(settled.failed[0].0, 1);
/// assert!(!settled.is_success());
/// # });
/// ```
#[doc(alias = "allSettled")]
pub fn settle<I, T, E>(futures: I) -> Gather<I::Item, Settle<T, E>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    Gather::new(futures, |count| Settle(JoinAll::of(count)))
}

/// The policy of [`settle`].
#[derive(Debug)]
pub struct Settle<T, E>(JoinAll<Result<T, E>>);

/// What became of futures that can fail: each output with the place of its future, in the order of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled<T, E> {
    /// The values.
    pub succeeded: Vec<(usize, T)>,
    /// The errors.
    pub failed: Vec<(usize, E)>,
}

impl<T, E> Settled<T, E> {
    /// Whether none failed.
    pub const fn is_success(&self) -> bool {
        self.failed.is_empty()
    }
}

impl<T, E> Policy<Result<T, E>> for Settle<T, E> {
    type Output = Settled<T, E>;

    fn take(&mut self, index: usize, output: Result<T, E>) -> ControlFlow<Settled<T, E>> {
        self.0.put(index, output);
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Settled<T, E> {
        let mut settled = Settled { succeeded: Vec::new(), failed: Vec::new() };
        for (index, result) in self.0.take_all().into_iter().enumerate() {
            match result {
                Ok(value) => settled.succeeded.push((index, value)),
                Err(error) => settled.failed.push((index, error)),
            }
        }
        settled
    }
}

/// Waits for all futures until `at`, and gives what has come by then, in the places of the input: `None` for what
/// is late.
///
/// What is late is dropped before the result is given; of join handles, [`abort_late`](SettleUntil::abort_late)
/// aborts and awaits the tasks instead. An output wins over the deadline when both are ready: with a deadline that
/// has passed, each future is polled once. With [`Instant::MAX`] there is none. On tokio more than 128 handles of tasks
/// that ended within one poll may be late all the same, but for `abort_late`: tokio says that those beyond are pending.
///
/// No clock is read and no timer made unless something is pending.
///
/// # Cancel safety
///
/// Dropping it drops the futures and the outputs that have come so far.
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::{Runtime, future::settle_until};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let answers = [5, 500, 50].map(|ms| {
///         let nap = rt.sleep(Duration::from_millis(ms));
///         async move { nap.await; ms }
///     });
///     let at = rt.now() + Duration::from_millis(100);
///     assert_eq!(settle_until(&rt, at, answers).await, [Some(5), None, Some(50)]);
///     assert_eq!(rt.now(), at);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub fn settle_until<R, I>(rt: &R, at: Instant, futures: I) -> SettleUntil<R, I::Item>
where
    R: Runtime,
    I: IntoIterator<Item: Future>,
{
    let gather = Gather::new(futures, |count| Arrived(JoinAll::of(count)));
    SettleUntil { gather, timer: None, rt: rt.clone(), at }
}

pin_project! {
    /// The future of [`settle_until`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SettleUntil<R: Runtime, F: Future> {
        gather: Gather<F, Arrived<F::Output>>,
        #[pin]
        timer: Option<R::Sleep>,
        rt: R,
        at: Instant,
    }
}

impl<R: Runtime, F: Future> SettleUntil<R, F> {
    /// Of join handles: aborts the tasks that are late, and awaits their end, before the result is given.
    ///
    /// What a task gives all the same counts, and only one that was aborted is `None`: nothing that was done is lost.
    /// A blocking job that runs can't be aborted; it is waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping it aborts the tasks; it can't wait for them then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{Runtime, future::settle_until};
    /// use std::{future::pending, time::Duration};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let late = rt.spawn(pending::<u32>());
    ///     let at = rt.now() + Duration::from_secs(1);
    ///     assert!(settle_until(&rt, at, [late]).abort_late().await[0].is_none());
    /// })?; // which would fail if a task were left over
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn abort_late<T>(self) -> Self
    where
        F: JoinHandle<T>,
    {
        Self { gather: self.gather.abort_losers(), ..self }
    }
}

impl<R: Runtime, F: Future> Future for SettleUntil<R, F> {
    type Output = Vec<Option<F::Output>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(outputs) = Pin::new(&mut *this.gather).poll(cx) {
            return Poll::Ready(outputs);
        }
        if this.gather.is_concluding() {
            return Poll::Pending;
        }
        if this.timer.is_none() {
            this.timer.set(Some(this.rt.sleep_until(*this.at)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        this.gather.conclude();
        Pin::new(this.gather).poll(cx)
    }
}

impl<R: Runtime, F: Future> fmt::Debug for SettleUntil<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleUntil")
            .field("at", &self.at)
            .field("gather", &self.gather)
            .finish_non_exhaustive()
    }
}

/// The policy of [`settle_until`].
#[derive(Debug)]
pub struct Arrived<T>(JoinAll<T>);

impl<T> Policy<T> for Arrived<T> {
    type Output = Vec<Option<T>>;

    fn take(&mut self, index: usize, output: T) -> ControlFlow<Self::Output> {
        self.0.put(index, output);
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Self::Output {
        self.0.take()
    }
}
