//! Time.

use backstay_core::{Runtime, Sleep};
use hyper::rt::Timer;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// hyper's timer on a runtime's clock.
///
/// hyper speaks the standard library's instants; they are the runtime's own, converted, also under a virtual
/// clock.
#[derive(Clone, Debug)]
pub struct HyperTimer<R> {
    rt: R,
}

impl<R: Runtime> HyperTimer<R> {
    /// A timer on `rt`.
    pub const fn new(rt: R) -> Self {
        Self { rt }
    }
}

impl<R: Runtime> Timer for HyperTimer<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(HyperSleep::<R> { sleep: self.rt.sleep(duration) })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(HyperSleep::<R> { sleep: self.rt.sleep_until(self.rt.from_std(deadline)) })
    }

    fn now(&self) -> Instant {
        self.rt.to_std(self.rt.now())
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<HyperSleep<R>>() {
            Some(sleep) => sleep.project().sleep.reset(self.rt.from_std(new_deadline)),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

pin_project! {
    /// A sleep of [`HyperTimer`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct HyperSleep<R: Runtime> {
        #[pin]
        sleep: R::Sleep,
    }
}

impl<R: Runtime> Future for HyperSleep<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.poll(cx)
    }
}

impl<R: Runtime> hyper::rt::Sleep for HyperSleep<R> {}

impl<R: Runtime> fmt::Debug for HyperSleep<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperSleep").finish_non_exhaustive()
    }
}
