//! Less work for what can't do it all (recipe 6.5).

mod config;
mod policy;
mod report;
mod shared;
mod state;

pub use config::{LoadShedBuilder, LoadShedConfig};
pub use report::LoadShedMetrics;

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::priority::Priority;
use super::rejected::Rejected;
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use std::fmt;

/// Refuses requests that have waited too long, while all of them wait too long: an overloaded server gives up some of
/// its work before it is done, so that the rest is done in time.
///
/// It is told how long each request has waited when its turn has come. If the **shortest** wait of an interval (100 ms)
/// was longer than the target (5 ms), the queue is no burst that goes away by itself: the server is overloaded, and in
/// the next interval whoever has waited for longer than its [`Priority`] may is refused.
///
/// | priority | may wait, in overload | at 5 ms |
/// |---|---|---|
/// | [`Sheddable`](Priority::Sheddable) | twice the target | 10 ms |
/// | [`SheddablePlus`](Priority::SheddablePlus) | three times | 15 ms |
/// | [`Critical`](Priority::Critical), the default | four times | 20 ms |
/// | [`CriticalPlus`](Priority::CriticalPlus) | five times | 25 ms |
///
/// To refuse takes no time, so the queue becomes shorter; if giving up the lower priorities is enough, the wait stays
/// below what the higher ones may. There is no limit to find out and to keep right: a slower machine or a heavier request
/// shows in the wait.
///
/// This is CoDel (Nichols and Jacobson, [*Controlling Queue Delay*][codel], 2012) as Facebook changed it for services
/// ([*Fail at Scale*][fail], 2015, and folly's `Codel`, whose times these are): it does not drop ever more often, but all
/// that waited for twice the target. That higher priorities may wait longer is from Google's
/// [*Site Reliability Engineering*][book], where an overloaded server refuses the lower ones sooner. An interval with one
/// request says nothing, and neither does one that was over for as long again when the next request came.
///
/// **What waits where.** In a pipeline a request has waited since its call was first polled, so a load shedder *inside* a
/// [`Bulkhead`](super::Bulkhead) with a queue sees the time in that queue. For what a request waited before, in a
/// channel or in the executor's queue, say when it came: [`Call::waiting_since`]. Without either there is nothing to
/// see, and nothing is shed.
///
/// It is a handle: clones, and the pipelines it is put in, share its state. One is for one queue.
///
/// Not for a limit on how many requests are under way, which is a bulkhead: without a queue it sheds what finds no place,
/// as tower's `LoadShed` over a limit does. For the client's side, there is [`Throttle`](super::Throttle).
///
/// # Cost
///
/// One reading of the clock in a pipeline and a short lock; no task, no timer, no allocation.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Bulkhead, LoadShed, Pipeline};
/// use backstay_core::{JoinHandle, Runtime};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let cpu = Bulkhead::named("cpu").max_in_flight(1).max_waiting(usize::MAX).build().expect("it is good");
///     let shed = LoadShed::named("orders").build().expect("it is good");
///     let orders = Pipeline::named("orders").bulkhead(&cpu).load_shed(&shed).build(&rt).expect("it is good");
///     // A request takes 2 ms, and there is one every millisecond: twice what can be done.
///     let mut requests = Vec::new();
///     for _ in 0..2_000 {
///         let (rt, orders) = (rt.clone(), orders.clone());
///         let work = rt.clone();
///         requests.push(rt.spawn(async move {
///             let start = work.now();
///             let op = async |_| Ok::<_, std::io::Error>(work.sleep(Duration::from_millis(2)).await);
///             orders.call(op).await.is_ok().then(|| work.now() - start)
///         }));
///         rt.sleep(Duration::from_millis(1)).await;
///     }
///     let mut served = Vec::new();
///     for request in requests {
///         served.extend(request.await.expect("no panic"));
///     }
///     served
/// })?;
/// // It does what it can, and what it does is in time; without, the last would have waited for two seconds.
/// assert!(run.value.len() > 900);
/// assert!(run.value[500..].iter().all(|took| took.as_millis() < 25));
/// # Ok::<(), Failure>(())
/// ```
///
/// [codel]: https://queue.acm.org/detail.cfm?id=2209336
/// [fail]: https://queue.acm.org/detail.cfm?id=2839461
/// [book]: https://sre.google/sre-book/handling-overload/
#[doc(alias = "CoDel")]
#[doc(alias = "overload")]
#[derive(Clone)]
pub struct LoadShed {
    shared: Arc<Shared>,
    priority: Priority,
}

impl LoadShed {
    /// Begins a load shedder of that name, for its refusals and events.
    pub const fn named(name: &'static str) -> LoadShedBuilder {
        LoadShedBuilder::new(name)
    }

    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), priority: Priority::default() }
    }

    /// A handle to the same load shedder whose requests are of that priority; [`Critical`](Priority::Critical) until it is
    /// said.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { shared: Arc::clone(&self.shared), priority }
    }

    /// The priority of this handle's requests.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether a request of that priority that has been waiting since then is served at this time. To be asked when its
    /// turn has come, once for each, in whatever order.
    ///
    /// # Errors
    ///
    /// [`Reason::Overloaded`](super::Reason::Overloaded): it has waited too long, and so has everybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{LoadShed, Priority};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let shed = LoadShed::named("orders").build()?;
    /// let mut now = Instant::ORIGIN;
    /// // Everybody waits for 12 ms; after an interval it is certain that this is no burst.
    /// for _ in 0..12 {
    ///     now += Duration::from_millis(10);
    ///     shed.admit(now.saturating_sub(Duration::from_millis(12)), Priority::Critical, now)?;
    /// }
    /// let since = now.saturating_sub(Duration::from_millis(12));
    /// assert!(shed.admit(since, Priority::Critical, now).is_ok()); // it may wait for 20 ms
    /// assert!(shed.admit(since, Priority::Sheddable, now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn admit(&self, waiting_since: Instant, priority: Priority, now: Instant) -> Result<(), Rejected> {
        self.shared.admit(now - waiting_since, priority, now)
    }

    /// Runs one operation, if its request has not waited too long: since [`Call::waiting_since`].
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](super::Error::Rejected) with [`Overloaded`](super::Reason::Overloaded), without calling the
    /// operation; [`Error::Operation`](super::Error::Operation).
    ///
    /// # Cancel safety
    ///
    /// It holds nothing: dropped, it drops the operation's future.
    #[inline]
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// Whether requests that have waited too long are shed at this time. Changes nothing.
    pub fn is_overloaded(&self, now: Instant) -> bool {
        self.metrics(now).is_overloaded
    }

    /// What it has counted, as of this time. Changes nothing.
    pub fn metrics(&self, now: Instant) -> LoadShedMetrics {
        self.shared.metrics(now)
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }

    /// Changes all its settings, for all its handles and while it is in use: to those of a [`LoadShedConfig`], or of a
    /// builder, whose name and observer don't count. What is not set is the default, as in a new one.
    ///
    /// Whether it is overloaded stays as it is, until an interval ends; the current one is no longer than a new one.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    #[doc(alias = "update")]
    #[doc(alias = "reload")]
    pub fn reconfigure(&self, settings: impl Into<LoadShedConfig>, now: Instant) -> Result<(), ConfigError> {
        self.shared.reconfigure(settings.into().checked()?, now);
        Ok(())
    }
}

impl fmt::Debug for LoadShed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadShed")
            .field("name", &self.name())
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
