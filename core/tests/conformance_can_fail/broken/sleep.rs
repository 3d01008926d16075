//! What a broken runtime does with its timers.

use super::{Rule, in_context};
use backstay_core::time::Instant;
use backstay_core::{Runtime, Sleep};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How often a sleep of [`Rule::C19`] can be armed again: more often than the case of C17 does it.
const RESETS: u32 = 15;

/// A sleep that may break its word.
pub(crate) struct BrokenSleep<R: Runtime> {
    native: Pin<Box<R::Sleep>>,
    rule: Option<Rule>,
    at: Instant,
    resets: u32,
}

impl<R: Runtime> BrokenSleep<R> {
    pub(crate) fn new(rt: &R, rule: Option<Rule>, at: Instant) -> Self {
        Self { native: Box::pin(rt.sleep_until(at)), rule, at, resets: 0 }
    }
}

impl<R: Runtime> Sleep for BrokenSleep<R> {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.resets += 1;
        let ignored = match self.rule {
            Some(Rule::C17) => at < self.at,
            _ => false,
        };
        if !ignored {
            self.at = at;
            self.native.as_mut().reset(at);
        }
    }
}

impl<R: Runtime> Future for BrokenSleep<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.rule {
            Some(Rule::C18) if !in_context() => Poll::Pending,
            Some(Rule::C19) if self.resets > RESETS => Poll::Pending,
            _ => self.native.as_mut().poll(cx),
        }
    }
}
