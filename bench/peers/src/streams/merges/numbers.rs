//! The streams that are merged: the same for all.

use super::Kind;
use futures::Stream;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives so many ones.
#[derive(Debug)]
pub(super) struct Numbers {
    left: u64,
    halts: bool,
    // Whether it is pending before the next.
    is_pending: bool,
    // Never gives any, and never ends.
    is_silent: bool,
}

/// So many streams with so many items in all.
pub(super) fn numbers(streams: u64, items: u64, kind: Kind) -> Vec<Numbers> {
    // The compiler is not to know which it is.
    let kind = black_box(kind);
    let halts = kind != Kind::Ready;
    let active = streams / 2;
    let one = |number| {
        let left = match kind {
            Kind::OneActive if number == active => items,
            Kind::OneActive => 0,
            Kind::Ready | Kind::Pending => items / streams,
        };
        let is_silent = kind == Kind::OneActive && number != active;
        Numbers { left, halts, is_pending: halts, is_silent }
    };
    (0..streams).map(one).collect()
}

impl Stream for Numbers {
    type Item = u64;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.is_pending {
            self.is_pending = false;
            if !self.is_silent {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        if self.left == 0 {
            return if self.is_silent { Poll::Pending } else { Poll::Ready(None) };
        }
        self.left -= 1;
        self.is_pending = self.halts;
        Poll::Ready(Some(1))
    }
}
