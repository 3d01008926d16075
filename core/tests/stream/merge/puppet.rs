//! Streams that do what their test says, and a task that counts its wakes.

use futures::Stream;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// What a puppet does in a poll; when it has nothing to do, it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Give,
    // Pending, and wakes itself meanwhile.
    Yield,
    // Pending once, though there is more to do.
    Wait,
    End,
    Panic,
}

/// A stream that gives its own number again and again, as its strings say.
pub(crate) struct Puppet {
    pub(crate) id: usize,
    strings: Strings,
    has_ended: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Strings(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    steps: VecDeque<Step>,
    waker: Option<Waker>,
    polls: usize,
    is_dropped: bool,
}

impl Puppet {
    pub(crate) fn new(id: usize, steps: impl IntoIterator<Item = Step>) -> (Self, Strings) {
        let strings = Strings::default();
        strings.add(steps);
        (Self { id, strings: strings.clone(), has_ended: false }, strings)
    }
}

impl Strings {
    pub(crate) fn add(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.borrow_mut().steps.extend(steps);
    }

    pub(crate) fn wake(&self) {
        let waker = self.0.borrow().waker.clone();
        waker.expect("it was polled").wake();
    }

    /// How often it was polled since this was asked last.
    pub(crate) fn polls(&self) -> usize {
        std::mem::take(&mut self.0.borrow_mut().polls)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.0.borrow().is_dropped
    }
}

impl Stream for Puppet {
    type Item = usize;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        assert!(!self.has_ended, "{} was polled after its end", self.id);
        let step = {
            let mut state = self.strings.0.borrow_mut();
            state.polls += 1;
            state.waker = Some(cx.waker().clone());
            state.steps.pop_front()
        };
        match step {
            Some(Step::Give) => Poll::Ready(Some(self.id)),
            Some(Step::Yield) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Wait) | None => Poll::Pending,
            Some(Step::End) => {
                self.has_ended = true;
                Poll::Ready(None)
            }
            // Without the panic hook: it would print.
            Some(Step::Panic) => resume_unwind(Box::new(self.id)),
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.strings.0.borrow_mut().is_dropped = true;
    }
}

/// What polls, and counts how often it was woken.
#[derive(Default)]
pub(crate) struct Task(Arc<Wakes>);

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Task {
    /// How often it was woken since this was asked last.
    pub(crate) fn woken(&self) -> usize {
        self.0.0.swap(0, SeqCst)
    }

    pub(crate) fn next<S: Stream + Unpin>(&self, stream: &mut S) -> Poll<Option<S::Item>> {
        let waker = Waker::from(Arc::clone(&self.0));
        Pin::new(stream).poll_next(&mut Context::from_waker(&waker))
    }

    /// What comes until it is pending for want of anything to come, or ends.
    pub(crate) fn all<S: Stream + Unpin>(&self, stream: &mut S) -> Vec<S::Item> {
        let mut items = Vec::new();
        self.woken();
        loop {
            match self.next(stream) {
                Poll::Ready(Some(item)) => items.push(item),
                Poll::Ready(None) => return items,
                Poll::Pending if self.woken() == 0 => return items,
                Poll::Pending => {}
            }
        }
    }
}
