//! What batches and generators are made of.

use crate::items::When;
use futures::Stream;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The numbers from zero.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: u64,
    count: u64,
    waits: bool,
    has_waited: bool,
}

impl Numbers {
    pub(crate) fn new(count: u64, when: When) -> Self {
        // The compiler is not to know which it is.
        let waits = black_box(when) == When::PendingOnce;
        Self { next: 0, count, waits, has_waited: false }
    }
}

impl Stream for Numbers {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.waits && !std::mem::replace(&mut self.has_waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_waited = false;
        let next = self.next;
        if next == self.count {
            return Poll::Ready(None);
        }
        self.next += 1;
        Poll::Ready(Some(next))
    }
}
