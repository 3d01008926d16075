//! Arming timers and cancelling them: the same whatever makes the timer.

use crate::failure::{Failure, check};
use crate::job::{ArmedTimers, Part};
use crate::memory::room;
use crate::workload::Timed;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Arms all, cancels all, and tells how long the part took that is asked for.
///
/// The timers' memory is there before and after, so that only arming and cancelling are timed.
pub(crate) fn arm_and_cancel<S: Future>(
    size: ArmedTimers,
    sleep: impl Fn(Duration) -> S,
) -> Result<Timed, Failure> {
    room(size.timers)?;
    let mut timers: Vec<_> = (0..size.timers).map(|_| Box::pin(None)).collect();
    let holder = Holder::new();
    let mut armed = 0;
    let start = Instant::now();
    for (number, timer) in (0..).zip(&mut timers) {
        timer.set(Some(sleep(ArmedTimers::deadline(number))));
        armed += u64::from(timer.as_mut().as_pin_mut().is_some_and(|timer| holder.is_kept_by(timer)));
    }
    let arming = start.elapsed();
    check("the timers that are armed", size.timers, armed)?;
    let start = Instant::now();
    for timer in &mut timers {
        timer.set(None);
    }
    let cancelling = start.elapsed();
    let taken = match size.part {
        Part::Arm => arming,
        Part::Cancel => cancelling,
    };
    Ok(Timed { units: size.timers, taken })
}

/// Tells whether a timer is armed: one that is has kept the waker that it was polled with.
struct Holder {
    held: Arc<Nobody>,
    waker: Waker,
}

impl Holder {
    fn new() -> Self {
        let held = Arc::new(Nobody);
        Self { waker: Arc::clone(&held).into(), held }
    }

    /// Polls it; whether it is pending, and holds the waker from now on.
    fn is_kept_by<F: Future>(&self, timer: Pin<&mut F>) -> bool {
        let before = Arc::strong_count(&self.held);
        timer.poll(&mut Context::from_waker(&self.waker)).is_pending()
            && Arc::strong_count(&self.held) > before
    }
}

/// Who is woken by a timer that never fires.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn, ready};
    use std::task::Poll;

    #[test]
    fn a_timer_that_keeps_no_waker_is_not_armed() {
        let size = ArmedTimers { timers: 100, part: Part::Arm };
        let failure = |outcome: Result<Timed, Failure>| outcome.unwrap_err().to_string();
        let idle = arm_and_cancel(size, |_| pending::<()>());
        assert_eq!(failure(idle), "the timers that are armed: expected 100, found 0");
        let over = arm_and_cancel(size, |_| ready(()));
        assert_eq!(failure(over), "the timers that are armed: expected 100, found 0");
    }

    #[test]
    fn one_that_does_is() {
        for timers in [1, 2, 200] {
            let size = ArmedTimers { timers, part: Part::Cancel };
            let sleep = |_| {
                let mut kept = Vec::new();
                poll_fn(move |cx| {
                    kept.push(cx.waker().clone());
                    Poll::<()>::Pending
                })
            };
            let timed = arm_and_cancel(size, sleep).unwrap();
            assert_eq!(timed.units, timers);
        }
    }
}
