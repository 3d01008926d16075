//! Whether there is another attempt, and when: no clock, no waiting.

use super::RetryConfig;
use crate::instant::Instant;
use crate::resilience::error::{Cause, Error, Stop};
use crate::resilience::rejected::Rejected;
use crate::resilience::retry_budget::{RetryBudget, Withdrawal};
use crate::resilience::verdict::Verdict;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) config: RetryConfig,
    pub(super) budget: Option<RetryBudget>,
}

/// How far a call has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// Which attempt it is, from one.
    pub(super) attempt: u32,
    /// When the first one began, as soon as somebody wanted to know.
    pub(super) started: Option<Instant>,
    /// The delay before, in nanoseconds.
    previous: u64,
}

impl Progress {
    pub(super) const fn new(started: Option<Instant>) -> Self {
        Self { attempt: 1, started, previous: 0 }
    }

    /// The delay after this attempt has failed, as far as that can be told without a clock.
    pub(super) fn plan(
        &mut self,
        limits: &Limits,
        hint: Option<Duration>,
        random: u64,
    ) -> Result<Duration, Stop> {
        if self.attempt >= limits.config.max_attempts {
            return Err(Stop::MaxAttempts);
        }
        if hint.is_some_and(|hint| hint > limits.config.max_retry_after || hint == Duration::MAX) {
            return Err(Stop::Pushback);
        }
        let interval = limits.config.backoff.interval(self.attempt, Some(self.previous));
        self.previous = interval.pick(random);
        let delay = Duration::from_nanos(self.previous);
        Ok(match hint {
            // At least the hint, and those who were given the same one spread as they would have without it.
            Some(hint) if hint > delay => {
                hint.saturating_add(delay.saturating_sub(Duration::from_nanos(interval.low)))
            }
            _ => delay,
        })
    }

    /// Whether an attempt after that delay is early enough.
    pub(super) fn fits(
        &self,
        limits: &Limits,
        delay: Duration,
        now: Instant,
        deadline: Instant,
    ) -> Result<Instant, Stop> {
        let at = now + delay;
        let last = match limits.config.max_elapsed {
            Some(time) => self.started.unwrap_or(now) + time,
            None => Instant::MAX,
        };
        // Of two limits the earlier one is the reason.
        if at > last && last < deadline {
            Err(Stop::MaxElapsed)
        } else if at >= deadline {
            // What would never come neither.
            Err(Stop::Deadline)
        } else {
            Ok(at)
        }
    }

    /// Whether no other attempt may begin by now.
    pub(super) fn is_too_late(&self, limits: &Limits, now: impl FnOnce() -> Instant) -> bool {
        match (limits.config.max_elapsed, self.started) {
            (Some(time), Some(started)) => now() > started + time,
            _ => false,
        }
    }

    pub(super) const fn go_on(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
    }

    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now - started)
    }
}

/// Records what an attempt has come to, with what was taken for it if it was a retry.
pub(super) fn record(
    limits: &Limits,
    withdrawal: &mut Option<Withdrawal<'_>>,
    verdict: Verdict,
    now: impl FnOnce() -> Instant,
) {
    let Some(budget) = &limits.budget else { return };
    match withdrawal.take() {
        Some(withdrawal) => withdrawal.record(verdict),
        None => budget.record(verdict, if budget.needs_now() { now() } else { Instant::ORIGIN }),
    }
}

/// The decisions of a [`Retry`](super::Retry) alone: what [`Retry::state`](super::Retry::state) gives, for code that
/// waits by itself.
///
/// It keeps all the limits, the budget too; dropped between two attempts it gives back what it took.
///
/// # Examples
///
/// In code that blocks its thread, with the clock and the random numbers that it has:
///
/// ```
/// use backstay_core::resilience::{Backoff, Error, Next, Retry, Verdict};
/// use backstay_core::time::Instant;
/// use std::time::Duration;
///
/// fn read_with_retry<T>(
///     retry: &Retry,
///     mut read: impl FnMut() -> std::io::Result<T>,
/// ) -> Result<T, Error<std::io::Error>> {
///     let start = std::time::Instant::now();
///     let now = || Instant::ORIGIN + start.elapsed();
///     let mut random = std::process::id() as u64;
///     let mut state = retry.state(now());
///     loop {
///         let result = read();
///         let verdict = match &result {
///             Ok(_) => Verdict::Success,
///             Err(error) if error.kind() == std::io::ErrorKind::NotFound => Verdict::Fatal,
///             Err(_) => Verdict::failure(),
///         };
///         random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
///         match (state.after(verdict, now(), random), result) {
///             (Next::Retry { delay }, _) => std::thread::sleep(delay),
///             (Next::GiveUp { why }, Err(error)) => return Err(state.exhausted(why, now(), error)),
///             (_, result) => return result.map_err(Error::Operation),
///         }
///     }
/// }
///
/// let backoff = Backoff::exponential(Duration::from_millis(1)).max_delay(Duration::from_millis(5));
/// let retry = Retry::builder().max_attempts(3).backoff(backoff).build()?;
/// let mut calls = 0;
/// let result = read_with_retry(&retry, || {
///     calls += 1;
///     if calls < 3 { Err(std::io::ErrorKind::WouldBlock.into()) } else { Ok(calls) }
/// });
/// assert_eq!(result.ok(), Some(3));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct RetryState<'r> {
    limits: &'r Limits,
    progress: Progress,
    deadline: Instant,
    withdrawal: Option<Withdrawal<'r>>,
    last: Option<Cause<()>>,
    // Attempts that never came to call the operation.
    refused: u32,
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether there is another attempt, and when"]
pub enum Next {
    /// Return its result.
    Done,
    /// Make another attempt.
    Retry {
        /// After this time.
        delay: Duration,
    },
    /// It has failed, and there is no other.
    GiveUp {
        /// Why not.
        why: Stop,
    },
}

impl<'r> RetryState<'r> {
    pub(super) const fn new(limits: &'r Limits, now: Instant) -> Self {
        let progress = Progress::new(Some(now));
        Self { limits, progress, deadline: Instant::MAX, withdrawal: None, last: None, refused: 0 }
    }

    /// The same, where no attempt may begin at or after that time.
    pub const fn until(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    /// Which attempt it is: one for the first.
    pub const fn attempt(&self) -> u32 {
        self.progress.attempt
    }

    /// Why the last attempt failed, without the operation's error; `None` as long as none has.
    pub const fn last(&self) -> Option<Cause<()>> {
        self.last
    }

    /// An attempt has ended, and this is what its result says; with the time, and a random number for the jitter.
    ///
    /// Where a policy may have ended it, say so with [`after_error`](Self::after_error).
    pub fn after(&mut self, verdict: Verdict, now: Instant, random: u64) -> Next {
        self.decide(verdict, Cause::Operation(()), now, random)
    }

    /// As [`after`](Self::after), of an attempt under other policies: a timeout pays what the budget charges for one, and
    /// a refusal is tried again as [`Retry`](super::Retry) does it, if it says when to come back, and only within a
    /// limit on time.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{CircuitBreaker, Error, Next, Retry, Verdict};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let breaker = CircuitBreaker::named("disk").consecutive_failures(1).build()?;
    /// let retry = Retry::builder().build()?;
    /// let mut now = Instant::ORIGIN; // `rt.now()`
    /// let mut state = retry.state(now).until(now + Duration::from_secs(60));
    /// let value = loop {
    ///     let result = breaker.call_blocking(|| now, || if state.attempt() == 1 { Err("full") } else { Ok(7) });
    ///     match result {
    ///         Ok(value) => break value,
    ///         Err(error) => match state.after_error(Verdict::of_error(&error), &error, now, 0) {
    ///             Next::Retry { delay } => now += delay, // it sleeps
    ///             Next::Done | Next::GiveUp { .. } => unreachable!("there is time"),
    ///         },
    ///     }
    /// };
    /// // The second was refused: the breaker was open. The third waited until it was not.
    /// assert_eq!((value, state.attempt()), (7, 3));
    /// assert!(state.last().is_some_and(|cause| cause.is_refusal()));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn after_error<E>(&mut self, verdict: Verdict, error: &Error<E>, now: Instant, random: u64) -> Next {
        match error.cause() {
            Some(cause) => self.decide(verdict, cause.map(drop), now, random),
            None => {
                // Who wanted the call to stop wants no other attempt.
                record(self.limits, &mut self.withdrawal, Verdict::Ignore, || now);
                Next::Done
            }
        }
    }

    fn decide(&mut self, verdict: Verdict, cause: Cause<()>, now: Instant, random: u64) -> Next {
        let is_refusal = cause.is_refusal();
        let later = cause.rejected().and_then(Rejected::retry_after);
        self.refused = self.refused.saturating_add(is_refusal.into());
        // Whatever a classifier makes of that.
        let is_of_budget = cause.rejected().is_some_and(Rejected::is_of_budget);
        if is_refusal && (verdict == Verdict::Ignore || is_of_budget) {
            self.last = Some(cause);
            // The service was not asked: what was taken for this attempt is there for the next.
            let hint = later.filter(|_| !is_of_budget);
            return match hint.and_then(|hint| self.wait_for_another(hint, now, random)) {
                Some(delay) => Next::Retry { delay },
                None => {
                    self.withdrawal = None;
                    Next::GiveUp { why: if is_of_budget { Stop::Budget } else { Stop::Refused } }
                }
            };
        }
        let recorded = if is_refusal { Verdict::Ignore } else { verdict };
        record(self.limits, &mut self.withdrawal, recorded, || now);
        let Verdict::Failure { retry_after, cost } = verdict else { return Next::Done };
        self.last = Some(cause);
        match self.retry(retry_after.max(later), cost, now, random) {
            Ok(delay) => Next::Retry { delay },
            Err(why) => Next::GiveUp { why },
        }
    }

    /// Until when a refusal asks to wait, if there is a limit on time that leaves room for it.
    fn wait_for_another(&mut self, hint: Duration, now: Instant, random: u64) -> Option<Duration> {
        if self.deadline == Instant::MAX && self.limits.config.max_elapsed.is_none() {
            return None;
        }
        let delay = self.plan(Some(hint), now, random).ok()?;
        self.progress.go_on();
        Some(delay)
    }

    fn retry(
        &mut self,
        hint: Option<Duration>,
        cost: u32,
        now: Instant,
        random: u64,
    ) -> Result<Duration, Stop> {
        let delay = self.plan(hint, now, random)?;
        if let Some(budget) = &self.limits.budget {
            let timeout = self.last.is_some_and(|cause| cause.is_timeout());
            self.withdrawal = Some(budget.withdraw(cost, timeout, now).ok_or(Stop::Budget)?);
        }
        self.progress.go_on();
        Ok(delay)
    }

    fn plan(&mut self, hint: Option<Duration>, now: Instant, random: u64) -> Result<Duration, Stop> {
        let delay = self.progress.plan(self.limits, hint, random)?;
        self.progress.fits(self.limits, delay, now, self.deadline)?;
        Ok(delay)
    }

    /// The error of who gave up, on the operation's.
    pub fn exhausted<E>(&self, why: Stop, now: Instant, last: E) -> Error<E> {
        self.exhausted_by(why, now, Cause::Operation(last))
    }

    /// The error of who gave up, whatever the last attempt came to.
    pub fn exhausted_by<E>(&self, why: Stop, now: Instant, last: Cause<E>) -> Error<E> {
        let attempts = self.progress.attempt.saturating_sub(self.refused);
        Error::RetriesExhausted { attempts, elapsed: self.progress.elapsed(now), why, last }
    }
}
