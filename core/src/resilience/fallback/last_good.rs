//! The last good answer where there is none.

use super::{Always, WhichErrors};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::{Arc, Mutex, lock};
use crate::resilience::answer::Source;
use crate::resilience::attempt::{Attempt, Operation};
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Alone, Call, Ctx, Frame, Layer, Policy, Surroundings};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::PolicyKind;
use crate::resilience::verdict::{Classify, Inherit, Verdict};
use crate::runtime::Runtime;
use crate::settings::{Rule, Setting};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The last good value of the operation where it has none now, if that is not too old: stale-if-error, as RFC 5861 has it
/// for HTTP.
///
/// It keeps a clone of each value that passes and is good: an `Ok` that the pipeline's [`Classify`] calls a
/// [`Success`](Verdict::Success). A response of status 503 that is an `Ok` isn't, nor is another answer from inside, of
/// a fallback. When the operation fails, with any error but [`Cancelled`](Error::Cancelled) or those that
/// [`when`](Self::when) chooses, that value is the answer, unless it is older than `max_age`; the error stays where
/// there is none. [`Source::Stale`] says how old it is, to who asks with [`Call::detailed`].
///
/// **It is one value: for an operation that always asks for the same**, a configuration, rates, a list of keys. Where
/// calls ask for different things there is [`KeyedLastGood`](super::KeyedLastGood). The value is kept until there is a
/// later one, also when it is too old; [`clear`](Self::clear) drops it. A clone is a handle to the same value.
///
/// It makes no call less frequent: who wants a value while it is fresh without asking wants a cache.
///
/// In a pipeline it belongs outermost, inside of a [`Fallback`](super::Fallback) that answers where it has nothing.
///
/// # Cost
///
/// For each good value a clone of it, an allocation, a reading of the clock and a short lock.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Error, Fallback, LastGood, Pipeline, Source};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let last = LastGood::new(Duration::from_secs(60));
///     let rates = Pipeline::named("rates").stale_if_error(&last).deadline(Duration::from_secs(2)).build(&rt);
///     let rates = rates.expect("it is good");
///     assert_eq!(rates.call(async |_| Ok::<_, &str>(105)).await, Ok(105));
///
///     rt.sleep(Duration::from_secs(59)).await;
///     let answer = rates.call(async |_| Err("out of order")).detailed().await.expect("it is fresh enough");
///     assert_eq!((answer.value, answer.source), (105, Source::Stale { age: Duration::from_secs(59) }));
///
///     rt.sleep(Duration::from_secs(2)).await;
///     assert_eq!(rates.call(async |_| Err("out of order")).await, Err(Error::Operation("out of order")));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "stale-if-error")]
#[doc(alias = "cache")]
pub struct LastGood<T, P = Always> {
    // Swapped under the lock; cloned, and dropped, when that is free.
    kept: Arc<Mutex<Option<Arc<Kept<T>>>>>,
    max_age: Duration,
    when: P,
}

struct Kept<T> {
    value: T,
    at: Instant,
}

impl<T> LastGood<T> {
    /// One that has no value yet, and gives none that is older than `max_age`; [`Duration::MAX`] gives any. A pipeline
    /// with one of no time at all is not built.
    pub fn new(max_age: Duration) -> Self {
        Self { kept: Arc::new(Mutex::new(None)), max_age, when: Always }
    }

    /// The same only for the errors for which `Fn(&Error<E>) -> bool` is true; others stay what they are.
    pub fn when<E, F>(self, which: F) -> LastGood<T, F>
    where
        F: Fn(&Error<E>) -> bool,
    {
        LastGood { kept: self.kept, max_age: self.max_age, when: which }
    }
}

impl<T, P> LastGood<T, P> {
    /// Keeps a value that was good at `now`, unless there is a later one: for code that waits by itself, and for a value
    /// that is known when the program begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::LastGood;
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let (start, second) = (Instant::ORIGIN, Duration::from_secs(1));
    /// let last = LastGood::new(10 * second);
    /// assert_eq!(last.get(start), None);
    /// last.record("Ada", start);
    /// assert_eq!(last.get(start + 10 * second), Some(("Ada", 10 * second)));
    /// assert_eq!(last.get(start + 11 * second), None);
    /// ```
    pub fn record(&self, value: T, now: Instant) {
        let new = Arc::new(Kept { value, at: now });
        let mut kept = lock(&self.kept);
        if kept.as_ref().is_none_or(|kept| kept.at <= now) {
            let old = kept.replace(new);
            drop(kept);
            drop(old);
        }
    }

    /// The value, and how old it is; none if it is too old, or there is none.
    pub fn get(&self, now: Instant) -> Option<(T, Duration)>
    where
        T: Clone,
    {
        let kept = lock(&self.kept).clone()?;
        let age = now.saturating_duration_since(kept.at);
        (age <= self.max_age).then(|| (kept.value.clone(), age))
    }

    /// Drops the value.
    pub fn clear(&self) {
        let kept = lock(&self.kept).take();
        drop(kept);
    }

    /// How old a value may be.
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// Runs one operation, whose last good value stands in for it.
    ///
    /// # Errors
    ///
    /// The operation's own, where there is no value, or none that is fresh enough, or where this is not for it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the operation; nothing is kept, and the value that is kept stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::LastGood;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let last = LastGood::new(Duration::MAX);
    ///     assert_eq!(last.run(&rt, async |_| Ok::<_, &str>(7)).await, Ok(7));
    ///     assert_eq!(last.run(&rt, async |_| Err("out of order")).await, Ok(7));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<'p, R, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        T: Clone,
        P: WhichErrors<E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// As [`run`](Self::run), with an [`Operation`] that is a type of its own, as [`Nested`](crate::resilience::Nested).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub fn run_operation<'p, R, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        T: Clone,
        P: WhichErrors<E>,
        Op: Operation<T, E, Fut>,
        Fut: Future,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }
}

impl<T, P> Describe for LastGood<T, P> {
    fn facts(&self) -> Facts {
        let settings = format!("the last good value, at most {:?} old", self.max_age);
        Facts::new(PolicyKind::Fallback, "", settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.max_age.check("max_age", &Rule::<Duration>::NOT_ZERO)
    }
}

impl<T, E, P> Policy<T, E> for LastGood<T, P>
where
    T: Clone,
    P: WhichErrors<E>,
{
    type State<'p, S>
        = S
    where
        Self: 'p;

    #[inline]
    fn start<S>(&self, inner: S) -> S {
        inner
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut I::State<'p, Fut>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        I: Layer<T, E>,
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>,
    {
        let result = ready!(inner.poll(state, frame, ctx, cx));
        Poll::Ready(match result {
            Err(error) if !matches!(error, Error::Cancelled) && self.when.includes(&error) => {
                let Some((value, age)) = self.get(ctx.now()) else { return Poll::Ready(Err(error)) };
                ctx.emit(|| EventKind::FellBack);
                ctx.answered_by(Source::Stale { age });
                Ok(value)
            }
            result => {
                let is_its_own = result.is_ok() && ctx.source() == Source::Operation;
                if is_its_own && ctx.classify(&result) == Verdict::Success {
                    self.keep(&result, ctx.now());
                }
                result
            }
        })
    }
}

impl<T: Clone, P> LastGood<T, P> {
    fn keep<E>(&self, result: &Result<T, Error<E>>, now: Instant) {
        if let Ok(value) = result {
            self.record(value.clone(), now);
        }
    }
}

impl<T, P: Clone> Clone for LastGood<T, P> {
    /// The same value.
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), max_age: self.max_age, when: self.when.clone() }
    }
}

impl<T, P> fmt::Debug for LastGood<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastGood").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}
