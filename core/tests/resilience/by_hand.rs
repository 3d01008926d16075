//! A runtime whose clock the tests move, also in the middle of a poll.

use backstay_core::runtime::{JoinError, JoinHandle, Runtime, Sleep};
use backstay_core::time::Instant;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

/// It begins at its origin and stands still between the steps it is moved by, but for what each reading takes. Nobody
/// is woken: the tests poll.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByHand {
    nanos: Arc<AtomicU64>,
    tick: u64,
    // So long before the clock says so a timer fires.
    early: u64,
    timers: Arc<AtomicU64>,
    // The next time that somebody sleeps until.
    next: Arc<AtomicU64>,
}

impl ByHand {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Each reading of the clock takes so many nanoseconds.
    pub(crate) fn ticking(tick: u64) -> Self {
        Self { tick, ..Self::default() }
    }

    /// Its timers fire early by so many nanoseconds of its clock.
    pub(crate) fn early(early: u64) -> Self {
        Self { early, ..Self::default() }
    }

    /// How many timers were made.
    pub(crate) fn timers(&self) -> u64 {
        self.timers.load(Relaxed)
    }

    /// So much time goes by.
    pub(crate) fn pass(&self, time: Duration) {
        self.nanos.fetch_add(u64::try_from(time.as_nanos()).expect("a short time"), Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct HandSleep {
    rt: ByHand,
    at: Instant,
}

impl Future for HandSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.rt.now() + Duration::from_nanos(self.rt.early) >= self.at {
            Poll::Ready(())
        } else {
            self.rt.next.fetch_min(self.at.as_nanos(), Relaxed);
            Poll::Pending
        }
    }
}

impl Sleep for HandSleep {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }
}

/// Of no task: none is spawned.
#[derive(Debug)]
pub(crate) struct NoTask<T>(PhantomData<fn() -> T>);

impl<T: Send + 'static> Future for NoTask<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl<T: Send + 'static> JoinHandle<T> for NoTask<T> {
    fn abort(&self) {}

    fn is_finished(&self) -> bool {
        false
    }
}

impl Runtime for ByHand {
    type JoinHandle<T: Send + 'static> = NoTask<T>;
    type BlockingHandle<T: Send + 'static> = NoTask<T>;
    type Sleep = HandSleep;

    fn name(&self) -> &'static str {
        "by hand"
    }

    fn spawn<F>(&self, _: F) -> NoTask<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        unimplemented!("it only has a clock")
    }

    fn spawn_blocking<F, T>(&self, _: F) -> NoTask<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        unimplemented!("it only has a clock")
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.fetch_add(self.tick, Relaxed) + self.tick)
    }

    fn sleep_until(&self, at: Instant) -> HandSleep {
        self.timers.fetch_add(1, Relaxed);
        HandSleep { rt: self.clone(), at }
    }

    fn random_u64(&self) -> u64 {
        0
    }

    fn to_std(&self, _: Instant) -> std::time::Instant {
        unimplemented!("it has no real time")
    }

    fn from_std(&self, _: std::time::Instant) -> Instant {
        unimplemented!("it has no real time")
    }

    /// The clock goes on to the next time that is waited for.
    fn block_thread<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        loop {
            self.next.store(u64::MAX, Relaxed);
            if let Poll::Ready(output) =
                future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()))
            {
                return output;
            }
            let next = self.next.load(Relaxed);
            assert_ne!(next, u64::MAX, "it waits for nothing");
            self.nanos.store(next, Relaxed);
        }
    }
}
