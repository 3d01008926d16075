//! Faults on purpose.

mod config;
pub(super) mod injection;
mod odds;
mod policy;

pub use config::{ChaosBuilder, ChaosConfig};
pub use injection::{Behavior, ChaosKind, Fault, Injection, Latency, Outcome};

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::verdict::Inherit;
use crate::runtime::Runtime;
use odds::Odds;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Lets some calls fail, wait, or give another result, on purpose: to see what the policies around it make of that.
///
/// | what | it does to a call that it strikes |
/// |---|---|
/// | [`fault`](Self::fault) | it fails with an error of the operation's type; the operation is not called |
/// | [`outcome`](Self::outcome) | it ends with another result, a value or an error; the operation is not called |
/// | [`latency`](Self::latency) | it waits first, and then goes on |
/// | [`behavior`](Self::behavior) | something else is done first, and then it goes on |
///
/// It strikes a part of the calls at random, the [`rate`](ChaosBuilder::rate), while it is
/// [enabled](ChaosBuilder::enabled_if). A call that is struck looks to the policies around it as if the service had been
/// asked: it is an attempt of a retry, a failure that a breaker counts, and slow enough to be hedged.
///
/// It is put innermost. Several of them in a row are struck each for itself.
///
/// # Errors
///
/// Those that it was told to give, as the operation's; [`TimedOut`](super::Error::TimedOut) where a limit around it passes
/// while it waits.
///
/// # Cancel safety
///
/// Dropped while it waits, the operation is not called.
///
/// # Cost
///
/// Where it is not enabled, one call of the closure that says so. Nothing is allocated.
///
/// # Sources
///
/// The chaos strategies of Polly 8, formerly Simmy; their names and their default rate.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Backoff, Chaos, Pipeline, Retry};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let third = Chaos::fault(|| "connection reset").rate(1.0 / 3.0).seed(7).build().expect("it is good");
///     let retry = Retry::builder().max_attempts(9).backoff(Backoff::none()).build().expect("it is good");
///     let users = Pipeline::named("users").retry(retry).chaos(third).build(&rt).expect("it is good");
///     let mut attempts = 0;
///     for _ in 0..100 {
///         let answer = users.call(async |_| Ok(7)).detailed().await.expect("nine in a row are rare");
///         attempts += answer.attempts;
///     }
///     // One and a half for each.
///     assert!((130..=170).contains(&attempts), "{attempts}");
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "fault injection")]
#[doc(alias = "simmy")]
#[doc(alias = "monkey")]
#[derive(Clone)]
pub struct Chaos<I> {
    injection: I,
    odds: Odds,
}

impl Chaos<()> {
    /// Calls that it strikes fail with this error of the operation's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Chaos, Error};
    /// use std::io;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let down = Chaos::fault(|| io::Error::from(io::ErrorKind::ConnectionReset)).rate(1.0).build();
    ///     let result = down.expect("it is good").run(&rt, async |_| Ok(1)).await;
    ///     assert!(matches!(result, Err(Error::Operation(error)) if error.kind() == io::ErrorKind::ConnectionReset));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn fault<F>(error: F) -> ChaosBuilder<Fault<F>> {
        ChaosBuilder::new(Fault(error))
    }

    /// Calls that it strikes end with this result: a response that is no good, say.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::Chaos;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let busy = Chaos::outcome(|| Ok::<_, std::io::Error>(503)).rate(1.0).build().expect("it is good");
    ///     assert_eq!(busy.run(&rt, async |_| Ok(200)).await.ok(), Some(503));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "result")]
    pub const fn outcome<F>(result: F) -> ChaosBuilder<Outcome<F>> {
        ChaosBuilder::new(Outcome(result))
    }

    /// Calls that it strikes wait so long before they go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::Chaos;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let slow = Chaos::latency(Duration::from_secs(2)).rate(1.0).build().expect("it is good");
    ///     let start = rt.now();
    ///     assert_eq!(slow.run(&rt, async |_| Ok::<_, ()>(1)).await, Ok(1));
    ///     assert_eq!(rt.now() - start, Duration::from_secs(2));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "delay")]
    pub const fn latency(time: Duration) -> ChaosBuilder<Latency> {
        ChaosBuilder::new(Latency(time, time))
    }

    /// As [`latency`](Self::latency), of times within a range, all with the same chance. A range that is empty is its
    /// start.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::Chaos;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let times = Duration::from_millis(10)..=Duration::from_millis(90);
    ///     let slow = Chaos::latency_within(times.clone()).rate(1.0).build().expect("it is good");
    ///     let start = rt.now();
    ///     assert_eq!(slow.run(&rt, async |_| Ok::<_, ()>(1)).await, Ok(1));
    ///     assert!(times.contains(&(rt.now() - start)));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn latency_within(times: RangeInclusive<Duration>) -> ChaosBuilder<Latency> {
        ChaosBuilder::new(Latency(*times.start(), *times.end()))
    }

    /// Calls that it strikes do this first, to the end, and then go on: restart something, cut a connection, fill a
    /// disk. If it panics, so does the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::Chaos;
    /// use std::sync::Mutex;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let cache = Mutex::new(vec!["ada"]);
    ///     let flush = Chaos::behavior(async || cache.lock().unwrap().clear()).rate(1.0).build().expect("it is good");
    ///     let users = flush.run(&rt, async |_| Ok::<_, ()>(cache.lock().unwrap().len())).await;
    ///     assert_eq!(users, Ok(0));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "behaviour")]
    pub const fn behavior<F>(first: F) -> ChaosBuilder<Behavior<F>> {
        ChaosBuilder::new(Behavior(first))
    }
}

impl<I> Chaos<I> {
    /// Runs one operation, or what happens to it instead.
    ///
    /// # Errors
    ///
    /// Those that it was told to give and those of the operation, both as
    /// [`Operation`](super::Error::Operation).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the operation is not called.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Chaos, Error};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let down = Chaos::fault(|| "down").rate(1.0).build().expect("it is good");
    ///     assert_eq!(down.run(&rt, async |_| Ok(1)).await, Err(Error::Operation("down")));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        I: Injection<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// Whether the next call is struck, by this random number unless it has a [seed](ChaosBuilder::seed): for code that
    /// does the rest by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::Chaos;
    ///
    /// let chaos = Chaos::fault(|| ()).rate(0.25).build()?;
    /// assert!(chaos.strikes(u64::MAX / 5) && !chaos.strikes(u64::MAX / 3));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn strikes(&self, random: u64) -> bool {
        self.odds.strike(|| random)
    }
}

impl<I> fmt::Debug for Chaos<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos").field("odds", &self.odds).finish_non_exhaustive()
    }
}
