//! Whether a stream is made anew, and when: no clock, no waiting.

use super::window::Window;
use crate::instant::Instant;
use crate::resilience::{Error, OnRetry, OwnedRetry, Retry, Stop};
use std::time::Duration;

/// When the attempts of a [`RetryStream`](super::RetryStream) begin anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Reset {
    /// When a stream has given an item that is a success.
    #[default]
    Item,
    /// When a stream had been up for so long as it failed or ended, counted from when it was made, whether it gave
    /// anything or not.
    Uptime(#[cfg_attr(feature = "serde", serde(with = "crate::time::human"))] Duration),
    /// Never: all attempts there are count.
    Never,
}

/// What is decided by, and what has come of it.
pub(super) struct Attempts<C, H> {
    pub(super) retry: OwnedRetry<C, H>,
    pub(super) reset: Reset,
    pub(super) window: Option<Window>,
    pub(super) restarts: u64,
    pub(super) stopped: Option<Stop>,
}

/// What is known of the stream that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    // When it was made; only asked for where it matters.
    pub(super) since: Instant,
    // Whether it has given an item that is a success. Then the budget knows what came of it.
    pub(super) has_given: bool,
}

impl<C, H> Attempts<C, H> {
    pub(super) const fn new(policy: Retry<C, H>) -> Self {
        let retry = OwnedRetry::new(policy);
        Self { retry, reset: Reset::Item, window: None, restarts: 0, stopped: None }
    }

    /// A stream has failed, or ended where that is a failure: until when the next is waited for, if it doesn't begin at
    /// once; or why there is none.
    pub(super) fn after_failure<T, E>(
        &mut self,
        ran: Ran,
        (hint, cost): (Option<Duration>, u32),
        outcome: Option<Result<&T, &Error<E>>>,
        now: Instant,
        random: impl FnOnce() -> u64,
    ) -> Result<Option<Instant>, Stop>
    where
        H: OnRetry<T, E>,
    {
        let Self { retry, reset, window, .. } = self;
        let is_anew = match *reset {
            Reset::Item => ran.has_given,
            Reset::Uptime(time) => now - ran.since >= time,
            Reset::Never => false,
        };
        if is_anew {
            retry.begin_anew();
        }
        let permits = || {
            let is_free = window.as_mut().is_none_or(|window| window.try_restart(now));
            is_free.then_some(()).ok_or(Stop::MaxRestarts)
        };
        let planned = retry.plan((hint, cost), now, random, permits);
        let (until, delay) = planned.inspect_err(|why| self.stopped = Some(*why))?;
        if let Some(outcome) = outcome {
            self.retry.tell(outcome, delay);
        }
        Ok((!delay.is_zero()).then_some(until))
    }

    /// Whether another stream may be made after a delay; or why not, and when that was.
    pub(super) fn in_time(&mut self, now: impl FnOnce() -> Instant) -> Result<(), (Stop, Instant)> {
        let in_time = self.retry.in_time(now);
        in_time.inspect_err(|(why, _)| self.stopped = Some(*why))
    }

    /// Another stream is made.
    pub(super) const fn go_on(&mut self) {
        self.retry.go_on();
        self.restarts += 1;
    }

    /// What is given of the last item where there is no other stream.
    pub(super) fn give_up<T, E>(&self, why: Stop, now: Instant, item: Result<T, E>) -> Result<T, Error<E>> {
        item.map_err(|error| self.retry.exhausted(why, now, error))
    }
}
