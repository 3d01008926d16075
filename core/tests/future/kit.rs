//! What these tests share: futures that do what their test says, and a task that counts its wakes.

use backstay::testing::Tracked;
use backstay_core::Limit;
use futures::Stream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What a puppet does when it is polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is pending.
    #[default]
    Wait,
    /// It is pending, and wakes itself meanwhile.
    Yield,
    /// It gives its number.
    End,
    /// It panics.
    Panic,
}

/// A future that does what its strings say, and writes down that it was polled.
pub(crate) struct Puppet {
    id: usize,
    stage: Stage,
    strings: Strings,
}

/// What holds a puppet; it knows what has become of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strings(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    step: Step,
    waker: Option<Waker>,
    dropped: usize,
}

/// Where puppets play: who was polled, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stage(Arc<Mutex<Vec<usize>>>);

impl Stage {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn puppet(&self, id: usize, step: Step) -> (Puppet, Strings) {
        let strings = Strings::default();
        strings.set(step);
        (Puppet { id, stage: self.clone(), strings: strings.clone() }, strings)
    }

    /// So many that wait.
    pub(crate) fn puppets(&self, ids: std::ops::Range<usize>) -> (Vec<Puppet>, Vec<Strings>) {
        ids.map(|id| self.puppet(id, Step::Wait)).unzip()
    }

    /// Who was polled since this was asked last.
    pub(crate) fn polled(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Strings {
    /// What the puppet does when it is polled next.
    pub(crate) fn set(&self, step: Step) {
        lock(&self.0).step = step;
    }

    /// Sets and wakes.
    pub(crate) fn pull(&self, step: Step) {
        self.set(step);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// The waker of its latest poll.
    pub(crate) fn waker(&self) -> Option<Waker> {
        lock(&self.0).waker.clone()
    }

    /// How often it was dropped.
    pub(crate) fn dropped(&self) -> usize {
        lock(&self.0).dropped
    }
}

impl Future for Puppet {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        lock(&self.stage.0).push(self.id);
        let step = {
            let mut state = lock(&self.strings.0);
            state.waker = Some(cx.waker().clone());
            state.step
        };
        match step {
            Step::Wait => Poll::Pending,
            Step::Yield => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Step::End => Poll::Ready(self.id),
            // Without the panic hook: it would print.
            Step::Panic => resume_unwind(Box::new(self.id)),
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        lock(&self.strings.0).dropped += 1;
    }
}

/// A task: what polls, and counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Task(Arc<Wakes>);

#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Task {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// How often it was woken since this was asked last.
    pub(crate) fn woken(&self) -> usize {
        self.0.0.swap(0, SeqCst)
    }

    /// Forgets that it was woken.
    pub(crate) fn forget(&self) {
        self.woken();
    }

    /// How many wakers of this task there are.
    pub(crate) fn wakers(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    pub(crate) fn poll<F: Future + Unpin>(&self, future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(&self.waker()))
    }

    pub(crate) fn next<S: Stream + Unpin>(&self, stream: &mut S) -> Poll<Option<S::Item>> {
        Pin::new(stream).poll_next(&mut Context::from_waker(&self.waker()))
    }
}

/// A future that is tracked, and may panic as it is dropped.
pub(crate) struct Fragile {
    puppet: Puppet,
    _tracked: Tracked<()>,
    _bomb: Option<Bomb>,
}

struct Bomb;

impl Fragile {
    pub(crate) fn new(puppet: Puppet, tracked: Tracked<()>, explodes: bool) -> Self {
        Self { puppet, _tracked: tracked, _bomb: explodes.then(|| Bomb) }
    }
}

impl Future for Fragile {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        Pin::new(&mut self.puppet).poll(cx)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("a destructor"));
    }
}

pub(crate) fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a closure's panic carries.
pub(crate) fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn std::any::Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

/// What a closure's panic says.
pub(crate) fn complaint<T>(f: impl FnOnce() -> T) -> String {
    let payload = panic_of(f);
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
