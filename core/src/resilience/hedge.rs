//! The operation once more, where the first call is slow.

mod config;
mod kaplan_meier;
mod latencies;
mod plan;
mod policy;

pub use config::{HedgeBuilder, HedgeConfig, HedgeDelay, PercentileDelay};

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::retry_budget::RetryBudget;
use super::verdict::{Classify, Inherit};
use crate::runtime::Runtime;
use config::Delays;
use std::fmt;
use std::time::Duration;

/// Calls the operation once more where the first call is slow, and takes the first good answer.
///
/// A few calls are slow by chance: a pause of the collector, a lost packet, a busy disk. Who asks a second time when
/// most calls would have been answered is no slower than the slowest of these for long, at the price of a few calls
/// more. The operation is called again while it runs: it must be one that may be.
///
/// | what happens | then |
/// |---|---|
/// | the operation has been under way for the delay | there is another, a hedge, up to `max_hedges`; with another delay before each |
/// | one of them succeeds | the others are dropped, and then its result is returned |
/// | one fails | the next begins at once, or when the service [asks for it](super::Verdict::after); with [`Duration::MAX`] never |
/// | one fails for good ([`Fatal`](super::Verdict::Fatal)), or its result says nothing of the service | the others are dropped, and its result is returned |
/// | all have failed, and there is no other | the last failure is returned as it is |
/// | a policy inside refuses one before the operation was called | no other begins in this call; those under way go on |
///
/// The delay counts from when the operation was called: who waits inside for a turn, at a rate limiter say, is not
/// hedged. With both ready, the earlier one's result counts.
///
/// What a failure is says the [classifier](Classify), as for a [`Retry`](super::Retry). A failure for which the service
/// asks for time is returned at once where nothing else is under way: to wait is a retry's.
///
/// The delay is one of these:
///
/// | [`HedgeBuilder`] | the delay is |
/// |---|---|
/// | [`percentile`](HedgeBuilder::percentile): the default, with 0.95 | so long that such a part of the calls is faster: measured, and so at most one call in twenty is made twice |
/// | [`delay`](HedgeBuilder::delay) | always this; [`Duration::ZERO`] for all at once, [`Duration::MAX`] for a hedge after failures only |
/// | [`delay_by`](HedgeBuilder::delay_by) | what a closure says, for each hedge |
///
/// A service that is slow because it has too much to do gets more to do by this. So there is a
/// [budget](HedgeBuilder::budget), which should be the one of the retries around it: where it has nothing left there is
/// no hedge. The percentile is a bound too, as long as calls are independent of each other: where all are slow at once,
/// all are hedged until enough slow ones have been seen.
///
/// # Another target
///
/// [`Attempt::hedge`] is 0 for the first, 1 for the hedge after it: for another replica, or another region.
///
/// # Cancel safety
///
/// Dropped, it drops all that are under way, and gives back to the budget what it took.
///
/// # Cost
///
/// A call that is ready at once allocates nothing and reads no clock; with a
/// [ratio budget](RetryBudget::ratio) it reads it once. One that waits reads the clock once, for the timer.
/// Where a percentile is measured, the clock is read once more at the end, under a lock a time is counted, and with each
/// sixteenth of the calls more the delay is looked up, which takes some microseconds. A hedge allocates what it keeps.
///
/// # Sources
///
/// J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013: the idea, and the 95th percentile. gRPC, proposal A6:
/// failures that begin the next, fatal ones, and pushback. E. L. Kaplan, P. Meier, JASA 53(282), 1958: a percentile of
/// times of which some are only known to be longer.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::Hedge;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let hedge = Hedge::builder().delay(Duration::from_millis(50)).build().expect("it is good");
///     let replicas = ["north", "south"];
///     let start = rt.now();
///     let answer = hedge
///         .run(&rt, async |attempt| {
///             let replica = replicas[attempt.hedge() as usize];
///             let time = if replica == "north" { 2_000 } else { 10 };
///             rt.sleep(Duration::from_millis(time)).await;
///             Ok::<_, std::io::Error>(replica)
///         })
///         .await;
///     assert_eq!(answer.ok(), Some("south"));
///     assert_eq!(rt.now() - start, Duration::from_millis(50 + 10));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "speculative")]
#[doc(alias = "backup request")]
#[derive(Clone)]
pub struct Hedge<C = Inherit> {
    max_hedges: u32,
    delays: Delays,
    budget: Option<RetryBudget>,
    classifier: C,
}

impl Hedge {
    /// A policy in the making, with [these defaults](HedgeBuilder).
    pub fn builder() -> HedgeBuilder {
        HedgeBuilder::new()
    }

    /// The same, with what it has measured, paid from that budget.
    pub(super) fn paid_from(&self, budget: Option<RetryBudget>) -> Self {
        Self { budget, ..self.clone() }
    }
}

impl<C> Hedge<C> {
    /// Runs an operation, and once more where that takes long.
    ///
    /// # Errors
    ///
    /// What came of the last that failed, where all have; those that end it at once.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops all that are under way, and gives back to the budget what it took.
    ///
    /// # Examples
    ///
    /// A failure begins the next at once:
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::Hedge;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let hedge = Hedge::builder().delay(Duration::from_secs(1)).build().expect("it is good");
    ///     let start = rt.now();
    ///     let result = hedge.run(&rt, async |attempt| if attempt.is_hedge() { Ok(7) } else { Err("reset") }).await;
    ///     assert_eq!(result, Ok(7));
    ///     assert_eq!(rt.now(), start);
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
        C: Classify<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// How long it waits at this moment before that hedge, from one.
    ///
    /// Clones have measured together what it is of percentiles.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::Hedge;
    /// use std::time::Duration;
    ///
    /// let hedge = Hedge::builder().delay_by(|hedge| Duration::from_millis(20) * hedge).max_hedges(2).build()?;
    /// assert_eq!(hedge.delay(2), Duration::from_millis(40));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn delay(&self, hedge: u32) -> Duration {
        self.delays.before(hedge)
    }
}

impl Default for Hedge {
    /// With [these settings](HedgeBuilder).
    fn default() -> Self {
        HedgeBuilder::new().made()
    }
}

impl<C> fmt::Debug for Hedge<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("max_hedges", &self.max_hedges)
            .field("delay", &self.delays)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
