//! The timer.

use async_io::Timer;
use backstay_core::Sleep;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use std::pin::Pin;
use std::task::{Context, Poll};

/// async-io's timer. It belongs to the process and needs no runtime.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SmolSleep(Timer);

impl SmolSleep {
    pub(crate) fn new(at: Instant) -> Self {
        // Also where that never comes: `Timer::never` keeps nobody who waits for it.
        Self(Timer::at(clock::to_std(at, std::time::Instant::now)))
    }
}

impl Sleep for SmolSleep {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        // Unlike a new timer, this one keeps who waits for it.
        self.0.set_at(clock::to_std(at, std::time::Instant::now));
    }
}

impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
