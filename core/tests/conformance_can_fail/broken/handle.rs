//! What a broken runtime does with its join handles.

use super::Rule;
use super::future::Shared;
use backstay_core::{JoinError, JoinHandle};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

/// Whose handle it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    Job,
}

/// A join handle that may lie.
pub(crate) struct BrokenHandle<H: JoinHandle<T>, T> {
    native: H,
    rule: Option<Rule>,
    kind: Kind,
    shared: Arc<Shared>,
    aborted: Arc<AtomicBool>,
    aborted_after_end: AtomicBool,
    value: PhantomData<fn() -> T>,
}

impl<H: JoinHandle<T>, T> BrokenHandle<H, T> {
    pub(crate) fn new(native: H, rule: Option<Rule>, kind: Kind, shared: Arc<Shared>) -> Self {
        let aborted = Arc::default();
        let aborted_after_end = AtomicBool::new(false);
        Self { native, rule, kind, shared, aborted, aborted_after_end, value: PhantomData }
    }

    fn breaks(&self, rule: Rule, kind: Kind) -> bool {
        self.rule == Some(rule) && self.kind == kind
    }

    fn aborted(&self) -> bool {
        self.aborted.load(Ordering::SeqCst)
    }
}

impl<H: JoinHandle<T>, T: 'static> JoinHandle<T> for BrokenHandle<H, T> {
    fn abort(&self) {
        if self.native.is_finished() {
            self.aborted_after_end.store(true, Ordering::SeqCst);
        }
        self.aborted.store(true, Ordering::SeqCst);
        self.native.abort();
    }

    fn is_finished(&self) -> bool {
        self.native.is_finished()
    }
}

impl<H: JoinHandle<T>, T> Future for BrokenHandle<H, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = if self.breaks(Rule::C07, Kind::Task) && !self.aborted() {
            let waker = Waker::from(Arc::new(Forgetful {
                waker: cx.waker().clone(),
                aborted: Arc::clone(&self.aborted),
                shared: Arc::clone(&self.shared),
            }));
            ready!(Pin::new(&mut self.native).poll(&mut Context::from_waker(&waker)))
        } else {
            ready!(Pin::new(&mut self.native).poll(cx))
        };
        let after_end = self.aborted_after_end.load(Ordering::SeqCst);
        let aborted = self.aborted();
        Poll::Ready(match (outcome, self.rule, self.kind) {
            (Ok(_), Some(Rule::C04), Kind::Task) if after_end => Err(JoinError::Aborted),
            (Ok(_), Some(Rule::C05), Kind::Task) if aborted && !after_end => return Poll::Pending,
            (Ok(_), Some(Rule::C12), Kind::Job) if aborted => Err(JoinError::Aborted),
            (Err(JoinError::Panicked(panic)), Some(Rule::C08), Kind::Task) if aborted => panic.resume(),
            (Err(JoinError::Panicked(_)), Some(Rule::C02), Kind::Task)
            | (Err(JoinError::Panicked(_)), Some(Rule::C13), Kind::Job)
            | (Err(JoinError::Shutdown), Some(Rule::C10), _) => Err(JoinError::Aborted),
            (outcome, ..) => outcome,
        })
    }
}

/// A waker that does nothing once its task was aborted.
struct Forgetful {
    waker: Waker,
    aborted: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Wake for Forgetful {
    fn wake(self: Arc<Self>) {
        if self.shared.completed.load(Ordering::SeqCst) || !self.aborted.load(Ordering::SeqCst) {
            self.waker.wake_by_ref();
        }
    }
}

impl<H: JoinHandle<T>, T> Drop for BrokenHandle<H, T> {
    fn drop(&mut self) {
        self.shared.dropped.store(true, Ordering::SeqCst);
        if self.aborted() {
            self.shared.leak.store(true, Ordering::SeqCst);
        }
        if self.breaks(Rule::C01, Kind::Task) {
            self.native.abort();
        }
    }
}
