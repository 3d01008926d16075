//! The decisions for what owns its policy: a stream that is made anew.

use super::Retry;
use super::hook::{OnRetry, Retrying};
use super::state::{Progress, record};
use crate::instant::Instant;
use crate::resilience::error::{Cause, Error, Stop};
use crate::resilience::retry_budget::Withdrawal;
use crate::resilience::verdict::{Classify, Verdict};
use std::fmt;
use std::time::Duration;

/// A policy, and how far it has come.
pub(crate) struct OwnedRetry<C, H> {
    policy: Retry<C, H>,
    progress: Progress,
    withdrawal: Option<Withdrawal<'static>>,
}

impl<C, H> OwnedRetry<C, H> {
    pub(crate) const fn new(policy: Retry<C, H>) -> Self {
        Self { policy, progress: Progress::new(None), withdrawal: None }
    }

    /// What an outcome says.
    pub(crate) fn classify<T, E>(&self, outcome: Result<&T, &Error<E>>) -> Verdict
    where
        C: Classify<T, E>,
    {
        self.policy.classifier.classify(outcome)
    }

    /// An attempt begins: its time is only asked for where it is needed.
    pub(crate) fn begins(&mut self, now: impl FnOnce() -> Instant) {
        if self.policy.limits.config.max_elapsed.is_some() {
            self.takes_time(now);
        }
    }

    /// An attempt is pending: from then on the time matters.
    pub(crate) fn takes_time(&mut self, now: impl FnOnce() -> Instant) {
        self.progress.started.get_or_insert_with(now);
    }

    /// Tells the budget what came of an attempt.
    pub(crate) fn record(&mut self, verdict: Verdict, now: impl FnOnce() -> Instant) {
        record(&self.policy.limits, &mut self.withdrawal, verdict, now);
    }

    /// The attempts so far don't count any more.
    pub(crate) const fn begin_anew(&mut self) {
        self.progress = Progress::new(None);
    }

    /// When the next attempt begins, if there may be one and `permits` has nothing against it; and after which delay.
    pub(crate) fn plan(
        &mut self,
        (hint, cost): (Option<Duration>, u32),
        now: Instant,
        random: impl FnOnce() -> u64,
        permits: impl FnOnce() -> Result<(), Stop>,
    ) -> Result<(Instant, Duration), Stop> {
        let Self { policy, progress, withdrawal } = self;
        let limits = &policy.limits;
        progress.started.get_or_insert(now);
        let random = if limits.config.backoff.is_random() { random() } else { 0 };
        let delay = progress.plan(limits, hint, random)?;
        let at = progress.fits(limits, delay, now, Instant::MAX)?;
        permits()?;
        if let Some(budget) = &limits.budget {
            *withdrawal = Some(budget.try_withdraw(cost, now).ok_or(Stop::Budget)?.into_owned());
        }
        Ok((at, delay))
    }

    /// Tells the hook that there will be another attempt.
    pub(crate) fn tell<T, E>(&self, outcome: Result<&T, &Error<E>>, delay: Duration)
    where
        H: OnRetry<T, E>,
    {
        self.policy.hook.on_retry(&Retrying { attempt: self.progress.attempt, delay, outcome });
    }

    /// Whether the next attempt may begin, after its delay. If it is too late, what was taken for it is given back.
    pub(crate) fn in_time(&mut self, now: impl FnOnce() -> Instant) -> Result<(), (Stop, Instant)> {
        if self.policy.limits.config.max_elapsed.is_none() {
            return Ok(());
        }
        let now = now();
        if !self.progress.is_too_late(&self.policy.limits, || now) {
            return Ok(());
        }
        self.withdrawal = None;
        Err((Stop::MaxElapsed, now))
    }

    pub(crate) const fn go_on(&mut self) {
        self.progress.go_on();
    }

    pub(crate) const fn attempt(&self) -> u32 {
        self.progress.attempt
    }

    /// The error of who gave up.
    pub(crate) fn exhausted<E>(&self, why: Stop, now: Instant, last: E) -> Error<E> {
        Error::RetriesExhausted {
            attempts: self.progress.attempt,
            elapsed: self.progress.elapsed(now),
            why,
            last: Cause::Operation(last),
        }
    }
}

impl<C, H> fmt::Debug for OwnedRetry<C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedRetry")
            .field("policy", &self.policy)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
