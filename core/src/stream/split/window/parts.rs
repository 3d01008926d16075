//! What windows are made of: the source, and what tells when a window is over. Whoever has it reads the source.

use crate::instant::Instant;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use crate::stream::batch::{Bounds, Weigh};
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    pub(super) struct Parts<S: Stream, R: Runtime, W> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        rt: R,
        alarm: Alarm<R>,
        bounds: Bounds,
        weigh: W,
        // The next window's first item, which was taken before that has begun, and its weight.
        first: Option<(S::Item, usize)>,
        filled: Filled,
        budget: ReadyBudget,
    }
}

/// What is in the window that is read, or was read last.
#[derive(Clone, Copy, Debug)]
struct Filled {
    items: usize,
    weight: usize,
    // Never, where there is no time.
    ends_at: Instant,
}

/// What a window makes of being polled.
pub(super) enum Step<T> {
    /// An item.
    Item(T),
    /// An item, and that is the last.
    Last(T),
    /// The window is over.
    Over,
}

impl<S: Stream, R: Runtime, W> Parts<S, R, W> {
    pub(super) fn new(source: S, rt: &R, bounds: Bounds, weigh: W) -> Self {
        Self {
            source: Some(source),
            rt: rt.clone(),
            alarm: Alarm::new(),
            bounds: bounds.limited(),
            weigh,
            first: None,
            filled: Filled { items: 0, weight: 0, ends_at: Instant::MAX },
            budget: ReadyBudget::new(),
        }
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        let first = usize::from(self.first.is_some());
        (least.saturating_add(first), most.and_then(|most| most.checked_add(first)))
    }
}

impl<S: Stream, R: Runtime, W: Weigh<S::Item>> Parts<S, R, W> {
    /// The next item with its weight; `None` where it is time to yield.
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(S::Item, usize)>> {
        let mut this = self.project();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(first));
        }
        let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
        let poll = poll.unwrap_or(Poll::Ready(None));
        this.budget.note(&poll);
        let Some(item) = ready!(poll) else {
            this.source.set(None);
            return Poll::Ready(None);
        };
        let weight = this.weigh.weigh(&item);
        Poll::Ready(Some((item, weight)))
    }

    /// Begins a window once there is an item for it; or says that there will be none.
    pub(super) fn poll_begin(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        ready!(self.as_mut().project().budget.poll_proceed(cx));
        let Some(first) = ready!(self.as_mut().poll_item(cx)) else { return Poll::Ready(false) };
        let this = self.project();
        *this.first = Some(first);
        let ends_at = match this.bounds.within {
            Some(within) if !within.is_zero() => this.rt.now() + within,
            _ => Instant::MAX,
        };
        *this.filled = Filled { items: 0, weight: 0, ends_at };
        Poll::Ready(true)
    }

    /// The next item of the window that has begun.
    pub(super) fn poll_step(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Step<S::Item>> {
        ready!(self.as_mut().project().budget.poll_proceed(cx));
        match self.as_mut().poll_item(cx) {
            Poll::Ready(Some((item, weight))) => Poll::Ready(self.fill(item, weight)),
            Poll::Ready(None) => Poll::Ready(Step::Over),
            Poll::Pending => {
                let this = self.project();
                let ends_at = this.filled.ends_at;
                if this.bounds.is_at_once() {
                    return Poll::Ready(Step::Over);
                }
                if ends_at == Instant::MAX {
                    return Poll::Pending;
                }
                this.alarm.poll_until(this.rt, ends_at, cx).map(|()| Step::Over)
            }
        }
    }

    /// One more item; or it begins the next window.
    fn fill(self: Pin<&mut Self>, item: S::Item, weight: usize) -> Step<S::Item> {
        let this = self.project();
        let Filled { items, weight: before, ends_at } = *this.filled;
        let is_timed = ends_at < Instant::MAX;
        let now = if is_timed && items > 0 { this.rt.now() } else { Instant::ORIGIN };
        let weight_with_it = before.saturating_add(weight);
        if items > 0 && (now > ends_at || weight_with_it > this.bounds.max_weight) {
            *this.first = Some((item, weight));
            return Step::Over;
        }
        *this.filled = Filled { items: items + 1, weight: weight_with_it, ends_at };
        let is_full = items + 1 == this.bounds.max || weight_with_it >= this.bounds.max_weight;
        if is_full || now == ends_at { Step::Last(item) } else { Step::Item(item) }
    }
}
