//! A runtime with one switch for each rule: the wrapper that breaks it.

mod future;
mod handle;
mod sleep;

use backstay_core::time::{Instant, Timeout};
use backstay_core::{BlockOn, Runtime};
use future::Broken as BrokenFuture;
use handle::{BrokenHandle, Kind};
use sleep::BrokenSleep;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// The rule that is broken, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Dropping a handle aborts.
    C01,
    /// A panic is reported as an abort.
    C02,
    /// Destructors run later, elsewhere.
    C03,
    /// Abort after the end loses the value.
    C04,
    /// A value that won the race against its abort never arrives.
    C05,
    /// A task is polled once before it is spawned.
    C06,
    /// Abort forgets who waits.
    C07,
    /// A destructor's panic hits who awaits.
    C08,
    /// Abort and drop of the handle leaks the future.
    C09,
    /// The end of the runtime is reported as an abort.
    C10,
    /// Dropping the handle of a queued job forgets the job.
    C11,
    /// An aborted job that ran gives no value.
    C12,
    /// A job's panic is reported as an abort.
    C13,
    /// Sleeps end early, unless they are short.
    C14,
    /// An endless sleep overflows, and ends at once.
    C15,
    /// A limit of zero is taken for none.
    C16,
    /// A sleep can't be shortened.
    C17,
    /// A sleep does nothing under a foreign executor.
    C18,
    /// A sleep can be armed again only so often.
    C19,
    /// A task that woke itself is polled again at once.
    C20,
    /// An owner that is dropped in async code panics.
    C21,
    /// A nested `block_on` panics without help.
    C22,
}

/// How much too early a long sleep of [`Rule::C14`] ends.
const EARLY: Duration = Duration::from_millis(3);

/// Whether the calling code runs on tokio.
fn in_context() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// An owner that may break a rule.
pub(crate) struct BrokenOwner<O: BlockOn> {
    owner: O,
    runtime: Broken<O::Runtime>,
}

impl<O: BlockOn> BrokenOwner<O> {
    pub(crate) fn new(owner: O, rule: Option<Rule>) -> Self {
        let runtime = Broken { rt: owner.runtime().clone(), rule };
        Self { owner, runtime }
    }
}

impl<O: BlockOn> BlockOn for BrokenOwner<O> {
    type Runtime = Broken<O::Runtime>;

    fn runtime(&self) -> &Self::Runtime {
        &self.runtime
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        if self.runtime.rule == Some(Rule::C22) && in_context() {
            panic!("oh no");
        }
        self.owner.block_on(future)
    }
}

impl<O: BlockOn> Drop for BrokenOwner<O> {
    fn drop(&mut self) {
        if self.runtime.rule == Some(Rule::C21) && in_context() && !thread::panicking() {
            panic!("can't be dropped here");
        }
    }
}

/// A runtime that may break a rule.
#[derive(Clone)]
pub(crate) struct Broken<R> {
    rt: R,
    rule: Option<Rule>,
}

impl<R: Runtime> Broken<R> {
    fn breaks(&self, rule: Rule) -> bool {
        self.rule == Some(rule)
    }

    fn broken_sleep(&self, at: Instant) -> BrokenSleep<R> {
        let at = match self.rule {
            Some(Rule::C14) if at - self.now() > 2 * EARLY => at.saturating_sub(EARLY),
            Some(Rule::C15) if at == Instant::MAX => Instant::ORIGIN,
            _ => at,
        };
        BrokenSleep::new(&self.rt, self.rule, at)
    }
}

impl<R: Runtime> Runtime for Broken<R> {
    type JoinHandle<T: Send + 'static> = BrokenHandle<R::JoinHandle<T>, T>;
    type BlockingHandle<T: Send + 'static> = BrokenHandle<R::BlockingHandle<T>, T>;
    type Sleep = BrokenSleep<R>;

    fn name(&self) -> &'static str {
        "broken"
    }

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (future, shared) = BrokenFuture::new(self.rule, future);
        BrokenHandle::new(self.rt.spawn(future), self.rule, Kind::Task, shared)
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::<future::Shared>::default();
        let job = {
            let (shared, forgets) = (Arc::clone(&shared), self.breaks(Rule::C11));
            move || {
                if forgets {
                    thread::sleep(Duration::from_millis(5));
                    if shared.dropped.load(Ordering::SeqCst) {
                        resume_unwind(Box::new("forgotten"));
                    }
                }
                f()
            }
        };
        BrokenHandle::new(self.rt.spawn_blocking(job), self.rule, Kind::Job, shared)
    }

    fn now(&self) -> Instant {
        self.rt.now()
    }

    fn sleep_until(&self, at: Instant) -> BrokenSleep<R> {
        self.broken_sleep(at)
    }

    fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F, Self> {
        let limit = if self.breaks(Rule::C16) && limit.is_zero() { Duration::MAX } else { limit };
        Timeout::after(self.clone(), limit, future)
    }

    fn random_u64(&self) -> u64 {
        self.rt.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.rt.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.rt.from_std(at)
    }
}
