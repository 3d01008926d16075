//! Streams that are made anew when they fail, or end.

mod attempts;
mod window;

pub use attempts::Reset;

use crate::instant::Instant;
use crate::limit::Limit;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::resilience::{Classify, Error, OnRetry, Retry, Stop, Verdict};
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use attempts::{Attempts, Ran};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use window::Window;

/// A stream of results that `make` makes, and makes anew when it has failed.
///
/// A stream can't begin again, so it takes what makes it. The first is made with the first poll, each other after the
/// delay of `policy`, which also says how often, for how long, and what a failure is: a [`Retry`], as for calls. See
/// [`RetryStream`] for what each item does.
///
/// It ends when a stream ends by itself, and when it gives up. With [`restart`] a stream that ends is made anew too.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Backoff, Error, Retry, Stop};
/// use backstay_core::stream;
/// use futures::StreamExt;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let backoff = Backoff::constant(Duration::from_secs(1));
///     let policy = Retry::builder().max_attempts(2).backoff(backoff).build().expect("it makes sense");
///     let mut made = 0;
///     let prices = stream::retry(&rt, policy, || {
///         made += 1;
///         futures::stream::iter(match made {
///             1 => vec![Ok(101), Err("connection reset")],
///             2 => vec![Ok(102), Err("connection reset")],
///             _ => vec![Err("no route to host")],
///         })
///     });
///     prices.collect::<Vec<_>>().await
/// })?;
/// assert_eq!(run.value[..2], [Ok(101), Ok(102)]); // each item lets the attempts begin anew
/// let Err(Error::RetriesExhausted { attempts, why, .. }) = run.value[2] else { panic!("it gives up") };
/// assert_eq!((attempts, why), (2, Stop::MaxAttempts));
/// assert_eq!(run.elapsed, Duration::from_secs(2));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "retryWhen")]
#[doc(alias = "onFailuresWithBackoff")]
pub fn retry<R, C, H, F, S, T, E>(rt: &R, policy: Retry<C, H>, make: F) -> RetryStream<R, C, H, F, S>
where
    R: Runtime,
    C: Classify<T, E>,
    H: OnRetry<T, E>,
    F: FnMut() -> S,
    S: Stream<Item = Result<T, E>>,
{
    RetryStream::new(rt, policy, make, false)
}

/// A stream of results that `make` makes, and makes anew when it has failed **or ended**: for what has no end of its
/// own, a feed, a subscription.
///
/// As [`retry`], and a stream that ends counts as an attempt that failed, with a delay after it, though no error is
/// kept and the policy's hook is not told. Where no other attempt is allowed after an end, this ends, and
/// [`stopped`](RetryStream::stopped) says why. A limit that is usual for restarts is
/// [`max_restarts`](RetryStream::max_restarts), so many within a time. A stream of plain items is one with
/// `.map(Ok::<_, Infallible>)`.
///
/// It is the form of Pekko's `RestartSource.withBackoff`. There the attempts begin anew when a source has been up for
/// a while: [`Reset::Uptime`].
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Backoff, Retry, Stop};
/// use backstay_core::{Limit, stream};
/// use futures::StreamExt;
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// const SECOND: Duration = Duration::from_secs(1);
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let policy = Retry::builder().backoff(Backoff::constant(SECOND)).build().expect("it makes sense");
///     // Never more than two restarts within a minute.
///     let mut feed = stream::restart(&rt, policy, || futures::stream::iter([1, 2]).map(Ok::<_, Infallible>))
///         .max_restarts(Limit::new(2).unwrap(), 60 * SECOND);
///     let items: Vec<_> = feed.by_ref().map(|item| item.unwrap()).collect().await;
///     (items, feed.stopped())
/// })?;
/// assert_eq!(run.value, (vec![1, 2, 1, 2, 1, 2], Some(Stop::MaxRestarts)));
/// assert_eq!(run.elapsed, 2 * SECOND);
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "RestartSource")]
#[doc(alias = "withBackoff")]
#[doc(alias = "repeat")]
pub fn restart<R, C, H, F, S, T, E>(rt: &R, policy: Retry<C, H>, make: F) -> RetryStream<R, C, H, F, S>
where
    R: Runtime,
    C: Classify<T, E>,
    H: OnRetry<T, E>,
    F: FnMut() -> S,
    S: Stream<Item = Result<T, E>>,
{
    RetryStream::new(rt, policy, make, true)
}

pin_project! {
    /// A stream over several attempts; made by [`retry`] and [`restart`].
    ///
    /// What the policy's [classifier](Classify) says of an item decides; by default every value is a success and every
    /// error a failure:
    ///
    /// | verdict | what happens |
    /// |---|---|
    /// | `Success` | the item is given |
    /// | `Failure` | the stream is dropped at once, and made anew after a delay, if no limit forbids it |
    /// | `Fatal` | the item is given, an error as [`Operation`](Error::Operation), and this ends |
    /// | `Ignore` | the item is given, an error as [`Operation`](Error::Operation), and the stream goes on |
    ///
    /// Where a limit forbids another attempt, the item is given, an error as
    /// [`RetriesExhausted`](Error::RetriesExhausted), and this ends.
    ///
    /// **An item lets the attempts begin anew**, their number, their delays and `max_elapsed`, unless another
    /// [`reset`](Self::reset) is chosen. So `max_attempts` counts attempts in a row that gave nothing. A budget is told
    /// of each stream once: of its first item, or of how it failed without one.
    ///
    /// It may give again what an earlier stream has given: where `make` can go on after the last item, that is its own
    /// to remember.
    ///
    /// # Ties
    ///
    /// There are none: nothing runs beside its timer.
    ///
    /// # At the end, on error, on drop
    ///
    /// As in the table. No stream is held during a delay, only the item that failed. Dropped, it drops the stream that
    /// runs, or ends the delay; what a budget gave for it goes back.
    ///
    /// # A slow reader
    ///
    /// Delays are counted from the poll that found the failure; time that passes while nobody polls counts. Where
    /// `max_elapsed` is over by the end of a delay, no other stream is made, and the item that failed is given then.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: a stream that runs and a delay are in here,
    /// and go on in the next poll. Dropping this drops them.
    ///
    /// # Panics
    ///
    /// A panic of `make`, of a stream, of the classifier or the hook goes on in whoever polls.
    ///
    /// # Fairness
    ///
    /// Where there is no delay, it yields after 128 streams in a row that were never pending, whatever they gave.
    ///
    /// # Cost
    ///
    /// One timer, made with the first delay, and a reading of the clock for each failure. A stream that goes well
    /// costs nothing but the classifier's call for each item, and one reading of the clock when it is first pending.
    /// [`max_restarts`](Self::max_restarts) keeps an instant for each restart that counts.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct RetryStream<R, C, H, F, S>
    where
        R: Runtime,
        S: Stream,
    {
        rt: R,
        make: F,
        #[pin]
        stream: Option<S>,
        alarm: Alarm<R>,
        // What a delay is for: given, if it turns out to have been too long.
        last: Option<S::Item>,
        phase: Phase,
        end_is_failure: bool,
        attempts: Attempts<C, H>,
        budget: ReadyBudget,
    }
}

/// | phase | the stream | left by |
/// |---|---|---|
/// | begins | none | the next poll, which makes it |
/// | runs | there | a failure, an end |
/// | waits | none | the alarm |
/// | ended | none | – |
#[derive(Clone, Copy, Debug)]
enum Phase {
    Begins,
    Runs(Ran),
    Waits { until: Instant },
    Ended,
}

impl<R: Runtime, C, H, F, S: Stream> RetryStream<R, C, H, F, S> {
    fn new(rt: &R, policy: Retry<C, H>, make: F, end_is_failure: bool) -> Self {
        Self {
            rt: rt.clone(),
            make,
            stream: None,
            alarm: Alarm::new(),
            last: None,
            phase: Phase::Begins,
            end_is_failure,
            attempts: Attempts::new(policy),
            budget: ReadyBudget::new(),
        }
    }

    /// When the attempts begin anew; with each item, if it isn't said.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Backoff, Retry};
    /// use backstay_core::stream::{self, Reset};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let backoff = Backoff::constant(Duration::from_secs(1));
    ///     let policy = Retry::builder().max_attempts(3).backoff(backoff).build().expect("it makes sense");
    ///     // Each gives an item, after which the attempts would begin anew: for ever.
    ///     let make = || futures::stream::iter([Ok("hello"), Err("connection reset")]);
    ///     let greetings = stream::retry(&rt, policy, make).reset(Reset::Never);
    ///     greetings.filter(|item| std::future::ready(item.is_ok())).count().await
    /// })?;
    /// assert_eq!(run.value, 3);
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn reset(mut self, reset: Reset) -> Self {
        self.attempts.reset = reset;
        self
    }

    /// At most so many restarts within any such time, whatever else happens; no limit if it isn't said. One too many
    /// is [`Stop::MaxRestarts`].
    ///
    /// The time slides, and a restart counts as of the failure or the end that it is for, as that of a
    /// [`Supervisor`](crate::task::Supervisor) does: after delays of several lengths, or for a late reader, streams may
    /// be made closer together. One of exactly that long ago still counts. With [`Duration::MAX`] all count.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Backoff, Retry};
    /// use backstay_core::{Limit, stream};
    /// use futures::StreamExt;
    /// use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// const MINUTE: Duration = Duration::from_secs(60);
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let policy = Retry::builder().backoff(Backoff::constant(MINUTE)).build().expect("it makes sense");
    ///     let make = || futures::stream::iter([Ok::<_, Infallible>("tick")]);
    ///     // One a minute is no more than two in any ninety seconds.
    ///     let ticks = stream::restart(&rt, policy, make).max_restarts(Limit::new(2).unwrap(), MINUTE * 3 / 2);
    ///     ticks.take(100).count().await
    /// })?;
    /// assert_eq!(run.value, 100);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "intensity")]
    pub fn max_restarts(mut self, restarts: impl Into<Limit>, within: Duration) -> Self {
        self.attempts.window = Some(Window::new(restarts.into(), within));
        self
    }

    /// How many streams were made after the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Backoff, Retry};
    /// use backstay_core::stream;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let backoff = Backoff::constant(Duration::from_secs(1));
    ///     let policy = Retry::builder().max_attempts(5).backoff(backoff).build().expect("it makes sense");
    ///     let mut answers = [Err("connection refused"), Err("connection refused"), Ok("hello")].into_iter();
    ///     let mut greetings = stream::retry(&rt, policy, move || futures::stream::iter(answers.next()));
    ///     assert_eq!(greetings.next().await.map(Result::ok), Some(Some("hello")));
    ///     greetings.restarts()
    /// })?;
    /// assert_eq!(run.value, 2);
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn restarts(&self) -> u64 {
        self.attempts.restarts
    }

    /// Why it gave up; `None` while it hasn't, and where it ended with a stream or by an error that is fatal.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Backoff, Retry, Stop};
    /// use backstay_core::stream;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let backoff = Backoff::constant(Duration::from_secs(1));
    ///     let policy = Retry::builder().max_attempts(2).backoff(backoff).build().expect("it makes sense");
    ///     let make = || futures::stream::iter([Err::<u32, _>("connection refused")]);
    ///     let mut numbers = stream::retry(&rt, policy, make);
    ///     assert_eq!(numbers.stopped(), None);
    ///     assert_eq!(numbers.by_ref().count().await, 1); // the error that it gave up with
    ///     numbers.stopped()
    /// })?;
    /// assert_eq!(run.value, Some(Stop::MaxAttempts));
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn stopped(&self) -> Option<Stop> {
        self.attempts.stopped
    }
}

impl<R, C, H, F, S, T, E> RetryStream<R, C, H, F, S>
where
    R: Runtime,
    C: Classify<T, E>,
    H: OnRetry<T, E>,
    F: FnMut() -> S,
    S: Stream<Item = Result<T, E>>,
{
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error<E>>>> {
        let mut this = self.project();
        let (rt, attempts) = (&*this.rt, this.attempts);
        loop {
            match this.phase {
                Phase::Ended => return Poll::Ready(None),
                Phase::Waits { until } => {
                    let until = *until;
                    if this.alarm.poll_until(rt, until, cx).is_pending() {
                        probe::waiting(|| {
                            format!("attempt {} of a stream", attempts.retry.attempt().saturating_add(1))
                        });
                        return Poll::Pending;
                    }
                    *this.phase = Phase::Ended;
                    let last = this.last.take();
                    // It may have been polled late.
                    if let Err((why, now)) = attempts.in_time(|| rt.now()) {
                        return Poll::Ready(last.map(|item| attempts.give_up(why, now, item)));
                    }
                    drop(last);
                    attempts.go_on();
                    *this.phase = Phase::Begins;
                }
                Phase::Begins => {
                    ready!(this.budget.poll_proceed(cx));
                    this.budget.spend();
                    attempts.retry.begins(|| rt.now());
                    let since = match attempts.reset {
                        Reset::Uptime(_) => rt.now(),
                        Reset::Item | Reset::Never => Instant::ORIGIN,
                    };
                    this.stream.set(Some((this.make)()));
                    *this.phase = Phase::Runs(Ran { since, has_given: false });
                }
                Phase::Runs(ran) => {
                    let Some(stream) = this.stream.as_mut().as_pin_mut() else {
                        unreachable!("it was made, and is there until it fails or ends");
                    };
                    let Poll::Ready(item) = stream.poll_next(cx) else {
                        this.budget.refill();
                        attempts.retry.takes_time(|| rt.now());
                        return Poll::Pending;
                    };
                    let outcome = item.map(|item| item.map_err(Error::Operation));
                    let verdict = match &outcome {
                        Some(item) => attempts.retry.classify(item.as_ref()),
                        None if *this.end_is_failure => Verdict::failure(),
                        None => Verdict::Success,
                    };
                    if !ran.has_given && verdict != Verdict::Ignore {
                        // An end is no fault of the service's.
                        let told = if outcome.is_some() { verdict } else { Verdict::Success };
                        attempts.retry.record(told, || rt.now());
                    }
                    let hint = match verdict {
                        Verdict::Success if outcome.is_some() => {
                            ran.has_given = true;
                            return Poll::Ready(outcome);
                        }
                        Verdict::Ignore => return Poll::Ready(outcome),
                        Verdict::Failure { retry_after, cost } => Some((retry_after, cost)),
                        Verdict::Fatal | Verdict::Success => None,
                    };
                    let ran = *ran;
                    // First, in case a destructor panics. Nothing of the stream is held during a delay.
                    *this.phase = Phase::Ended;
                    this.stream.set(None);
                    let Some(hint) = hint else { return Poll::Ready(outcome) };
                    let now = rt.now();
                    let shown = outcome.as_ref().map(Result::as_ref);
                    let next = attempts.after_failure(ran, hint, shown, now, || rt.random_u64());
                    let last = outcome.map(|item| item.map_err(operations_own));
                    match next {
                        Ok(Some(until)) => {
                            *this.last = last;
                            *this.phase = Phase::Waits { until };
                        }
                        Ok(None) => {
                            attempts.go_on();
                            *this.phase = Phase::Begins;
                        }
                        Err(why) => return Poll::Ready(last.map(|item| attempts.give_up(why, now, item))),
                    }
                }
            }
        }
    }
}

/// What a stream has given for an error.
fn operations_own<E>(error: Error<E>) -> E {
    match error {
        Error::Operation(error) => error,
        _ => unreachable!("an item's error is the operation's"),
    }
}

impl<R, C, H, F, S, T, E> Stream for RetryStream<R, C, H, F, S>
where
    R: Runtime,
    C: Classify<T, E>,
    H: OnRetry<T, E>,
    F: FnMut() -> S,
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, Error<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, matches!(self.phase, Phase::Ended).then_some(0))
    }
}

impl<R, C, H, F, S, T, E> FusedStream for RetryStream<R, C, H, F, S>
where
    R: Runtime,
    C: Classify<T, E>,
    H: OnRetry<T, E>,
    F: FnMut() -> S,
    S: Stream<Item = Result<T, E>>,
{
    fn is_terminated(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }
}

impl<R: Runtime, C, H, F, S: Stream> fmt::Debug for RetryStream<R, C, H, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStream")
            .field("phase", &self.phase)
            .field("retry", &self.attempts.retry)
            .field("restarts", &self.attempts.restarts)
            .field("stopped", &self.attempts.stopped)
            .finish_non_exhaustive()
    }
}
