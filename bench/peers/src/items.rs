//! The futures that sets are given: the same for all.

use std::cell::RefCell;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// When a future is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At its first poll.
    Ready,
    /// At its second: it is pending once, and wakes itself at once.
    PendingOnce,
}

/// Gives its number.
#[derive(Debug)]
pub struct Item {
    number: u64,
    is_pending: bool,
}

/// So many of them, with the numbers from zero.
pub fn items(count: u64, when: When) -> impl ExactSizeIterator<Item = Item> {
    // The compiler is not to know which it is.
    let is_pending = black_box(when) == When::PendingOnce;
    (0..count as usize).map(move |number| Item { number: number as u64, is_pending })
}

/// What the numbers of so many come to.
pub const fn sum(count: u64) -> u64 {
    count * (count - 1) / 2
}

/// One that is never ready, and wakes nobody: a stop signal that doesn't come.
#[derive(Debug)]
pub struct Silent {
    is_pending: bool,
}

/// Such a one.
pub fn silent() -> Silent {
    Silent { is_pending: black_box(true) }
}

impl Future for Silent {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        if self.is_pending { Poll::Pending } else { Poll::Ready(u64::MAX) }
    }
}

impl Future for Item {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        if !self.is_pending {
            return Poll::Ready(self.number);
        }
        self.is_pending = false;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Gives its number when it is let through, which [`one_by_one`] does.
#[derive(Debug)]
pub struct Waiting {
    number: usize,
}

#[derive(Debug, Default)]
struct Gates {
    gates: Vec<Gate>,
    // How many were let through, and how many of those have given their number.
    opened: usize,
    passed: usize,
}

#[derive(Clone, Debug, Default)]
struct Gate {
    is_open: bool,
    waker: Option<Waker>,
}

thread_local! {
    // Everything runs on one thread, and those who spawn want their futures to be `Send`.
    static GATES: RefCell<Gates> = const { RefCell::new(Gates { gates: Vec::new(), opened: 0, passed: 0 }) };
}

/// So many that wait, with the numbers from zero; for one [`one_by_one`] at a time.
pub fn waiting(count: u64) -> impl ExactSizeIterator<Item = Waiting> {
    let gates = vec![Gate::default(); count as usize];
    GATES.set(Gates { gates, opened: 0, passed: 0 });
    (0..count as usize).map(|number| Waiting { number })
}

impl Future for Waiting {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        GATES.with_borrow_mut(|gates| {
            let gate = &mut gates.gates[self.number];
            if gate.is_open {
                gates.passed += 1;
                return Poll::Ready(self.number as u64);
            }
            match &mut gate.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
    }
}

/// Polls `all`, and whenever it is pending lets the next future through and wakes it, in a scrambled order.
pub async fn one_by_one<T>(all: impl Future<Output = T>) -> T {
    let mut all = pin!(all);
    poll_fn(|cx| {
        let poll = all.as_mut().poll(cx);
        if poll.is_pending()
            && let Some(waker) = GATES.with_borrow_mut(Gates::open)
        {
            waker.wake();
        }
        poll
    })
    .await
}

impl Gates {
    /// The next one's waker; none while the last one has still to be polled.
    fn open(&mut self) -> Option<Waker> {
        if self.passed < self.opened {
            return None;
        }
        // A prime that divides no round number.
        let number = self.opened * 7_919 % self.gates.len();
        self.opened += 1;
        let gate = &mut self.gates[number];
        gate.is_open = true;
        gate.waker.take()
    }
}
