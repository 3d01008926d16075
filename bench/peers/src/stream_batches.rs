//! Streams batched and streams made, beside the crates that do such.
//!
//! | to see | look at |
//! |---|---|
//! | items as `Vec`s | [`batches`] |
//! | streams written as async blocks | [`generators`] |

pub mod batches;
pub mod generators;

use crate::bench::{Bench, Family};
use crate::items::When;
use futures::Stream;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Batches and generators, beside other crates, on the same work.
  ready        each item is there at once
  pending      before each item the source is pending once, and wakes its task at once
  runtime      tokio's current-thread runtime, for all of them
  time         of this thread's processor",
    tables: &[batches::TABLE, generators::TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 2] = [(batches::TABLE, batches::works), (generators::TABLE, generators::works)];

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
