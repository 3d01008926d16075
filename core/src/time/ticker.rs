//! Something to do at a steady pace (recipe 4.6).

mod state;

use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::ready_budget::ReadyBudget;
use crate::runtime::{Runtime, Sleep};
use crate::settings::{Rule, Setting};
use futures_core::Stream;
use state::Schedule;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

// That of a ticker; its type can't name a constant of its own generic impl.
const READY_BUDGET: u8 = 32;

/// What happens to the ticks that nobody took in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum MissedTicks {
    /// They are dropped and counted; the next tick comes when it would have come anyway. No drift.
    #[default]
    Skip,
    /// They come one after the other, at once, until the ticker has caught up. No drift, none dropped.
    Burst,
    /// They are dropped and counted; the next tick comes a whole period after the late one. Drifts.
    Delay,
}

/// When the first tick comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FirstTick {
    /// At once.
    #[default]
    Now,
    /// A period after the ticker was built.
    AfterPeriod,
}

/// One tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The instant it was due.
    pub scheduled: Instant,
    /// How many ticks were dropped since the one before.
    pub missed: u64,
}

/// A ticker of `period` on `rt`, to be [built](TickerBuilder::build).
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, ConfigError};
/// use backstay_core::time::{FirstTick, MissedTicks, ticker};
/// use std::time::Duration;
///
/// let owner = backstay_smol::SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// owner.block_on(async move {
///     let mut ticker = ticker(&rt, Duration::from_millis(1)).build()?;
///     let first = ticker.tick().await;
///     let second = ticker.tick().await;
///     let periods = 1 + second.missed as u32;
///     assert_eq!(second.scheduled - first.scheduled, periods * Duration::from_millis(1));
///
///     let refused = backstay_core::time::ticker(&rt, Duration::ZERO).build().unwrap_err();
///     assert_eq!(refused.field(), Some("period"));
///     Ok(())
/// })
/// # as Result<(), ConfigError>
/// # ;Ok::<(), ConfigError>(())
/// ```
#[doc(alias = "interval")]
pub fn ticker<R: Runtime>(rt: &R, period: Duration) -> TickerBuilder<R> {
    TickerBuilder {
        rt: rt.clone(),
        period,
        first_tick: FirstTick::default(),
        missed_ticks: MissedTicks::default(),
    }
}

/// Settings of a [`Ticker`]; made by [`ticker`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TickerBuilder<R> {
    rt: R,
    period: Duration,
    first_tick: FirstTick,
    missed_ticks: MissedTicks,
}

impl<R: Runtime> TickerBuilder<R> {
    /// When the first tick comes; at once unless set.
    pub fn first_tick(mut self, first_tick: FirstTick) -> Self {
        self.first_tick = first_tick;
        self
    }

    /// What happens to ticks that nobody took in time; skipped unless set.
    pub fn missed_ticks(mut self, missed_ticks: MissedTicks) -> Self {
        self.missed_ticks = missed_ticks;
        self
    }

    /// The ticker; its first period starts now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a period of zero.
    pub fn build(self) -> Result<Ticker<R>, ConfigError> {
        self.period.check("period", &Rule::<Duration>::NOT_ZERO)?;
        let now = self.rt.now();
        let first = match self.first_tick {
            FirstTick::Now => now,
            FirstTick::AfterPeriod => now + self.period,
        };
        let schedule = Schedule::new(first, self.period, self.missed_ticks);
        Ok(Ticker { rt: self.rt, schedule, sleep: None, armed: false, budget: ReadyBudget::new() })
    }
}

/// Ticks at a steady pace, and says how many ticks were missed; a [`Stream`] that doesn't end.
///
/// Ticks are taken, not queued: what piles up while nobody takes them is up to [`MissedTicks`], and is a
/// number, not memory. There is no task and no channel behind it. After [`Ticker::READY_BUDGET`] ticks that
/// were ready at once it yields, so that a timeout or a stop signal beside it gets its turn.
///
/// # Cancel safety
///
/// Dropping a [`tick`](Ticker::tick) loses nothing: the tick is taken by the next one.
///
/// # Cost
///
/// One allocation for its life, on the first tick that has to wait.
pub struct Ticker<R: Runtime> {
    rt: R,
    schedule: Schedule,
    sleep: Option<Pin<Box<R::Sleep>>>,
    // Whether `sleep` waits for `schedule.next()`.
    armed: bool,
    budget: ReadyBudget<{ READY_BUDGET }>,
}

impl<R: Runtime> Ticker<R> {
    /// How many ticks it gives in a row without waiting before it yields.
    pub const READY_BUDGET: u8 = READY_BUDGET;

    /// Waits for the next tick; one that is overdue comes at once, unless it is time to
    /// [yield](Ticker::READY_BUDGET) first.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no tick.
    pub fn tick(&mut self) -> TickFuture<'_, R> {
        TickFuture { ticker: self }
    }

    /// The time between two ticks.
    pub const fn period(&self) -> Duration {
        self.schedule.period()
    }

    /// When the next tick is due; in the past if it is overdue.
    pub const fn next_due(&self) -> Instant {
        self.schedule.next()
    }

    /// Forgets what is overdue: the next tick comes one period from now.
    pub fn reset(&mut self) {
        let next = self.rt.now() + self.schedule.period();
        self.reset_at(next);
    }

    /// Forgets what is overdue: the next tick comes at `next`, and the others a period apart from there.
    pub fn reset_at(&mut self, next: Instant) {
        self.schedule.restart(next);
        self.armed = false;
    }

    /// Polls for the next tick. After [`READY_BUDGET`](Self::READY_BUDGET) ticks in a row that were ready at
    /// once it is pending one time, and wakes the task, even if another is overdue.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Tick> {
        ready!(self.budget.poll_proceed(cx));
        loop {
            if let Some(tick) = self.schedule.take(self.rt.now()) {
                self.armed = false;
                self.budget.spend();
                return Poll::Ready(tick);
            }
            ready!(self.poll_sleep(cx));
            self.armed = false;
        }
    }

    /// Waits for the next tick's instant; ready only if the timer fired.
    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.schedule.next();
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                if !self.armed {
                    sleep.as_mut().reset(at);
                }
                sleep
            }
            none => none.insert(Box::pin(self.rt.sleep_until(at))),
        };
        self.armed = true;
        let poll = sleep.as_mut().poll(cx);
        if poll.is_pending() {
            self.budget.refill();
        }
        poll
    }
}

impl<R: Runtime> Stream for Ticker<R> {
    type Item = Tick;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Tick>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl<R: Runtime> fmt::Debug for Ticker<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// The future of [`Ticker::tick`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct TickFuture<'a, R: Runtime> {
    ticker: &'a mut Ticker<R>,
}

impl<R: Runtime> Future for TickFuture<'_, R> {
    type Output = Tick;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Tick> {
        self.ticker.poll_tick(cx)
    }
}
