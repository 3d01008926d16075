//! Sleeps.

use crate::clock::TimerKey;
use crate::kernel::Kernel;
use backstay_core::time::Instant;
use backstay_core::{Sleep, probe};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A sleep in virtual time: ready at exactly its deadline, once the schedule gives its task a turn.
///
/// Setting a timer allocates nothing once there have been as many at a time.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SimSleep {
    kernel: Arc<Kernel>,
    at: Instant,
    timer: Timer,
}

#[derive(Debug)]
enum Timer {
    None,
    Set(TimerKey),
    // Nothing is due, but who polled last is to hear of a nearer deadline.
    Never(Waker),
}

impl SimSleep {
    pub(crate) const fn new(kernel: Arc<Kernel>, at: Instant) -> Self {
        Self { kernel, at, timer: Timer::None }
    }

    /// Takes the timer back, with whom it would have woken.
    fn take_waker(&mut self) -> Option<Waker> {
        match mem::replace(&mut self.timer, Timer::None) {
            Timer::None => None,
            Timer::Never(waker) => Some(waker),
            Timer::Set(key) => self.kernel.cancel_timer(key),
        }
    }

    fn set_timer(&mut self, waker: Waker) {
        self.timer = match self.at {
            Instant::MAX => Timer::Never(waker),
            // After the runtime's end nothing wakes anybody.
            at => self.kernel.set_timer(at, waker).map_or(Timer::None, Timer::Set),
        };
    }
}

impl Future for SimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.at <= this.kernel.now() {
            drop(this.take_waker());
            return Poll::Ready(());
        }
        match &this.timer {
            Timer::Set(key) => this.kernel.set_timer_waker(*key, cx.waker()),
            Timer::None | Timer::Never(_) => this.set_timer(cx.waker().clone()),
        }
        probe::waiting(|| match this.at {
            Instant::MAX => "sleep for ever".to_owned(),
            at => format!("sleep until {at:?}"),
        });
        Poll::Pending
    }
}

impl Sleep for SimSleep {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
        if let Some(waker) = self.take_waker() {
            self.set_timer(waker);
        }
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        drop(self.take_waker());
    }
}

impl fmt::Debug for SimSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSleep").field("at", &self.at).finish_non_exhaustive()
    }
}
