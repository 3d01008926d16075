//! What operators that hold items for a time have in common: a pure window, and the shell that waits for it.

use super::upstream::Upstream;
use crate::instant::Instant;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Decides which items are given, and when. Knows no clock: what comes, and what the time is, it is told.
pub(super) trait Window {
    type Item;

    /// An item has come. Gives what was due **before** `now`, or the item itself where it has not to wait.
    fn take(&mut self, item: Self::Item, now: Instant) -> Option<Self::Item>;

    /// What else was due before the item that has come last; asked before there is another one.
    fn overdue(&mut self) -> Option<Self::Item> {
        None
    }

    /// When the next of what is held is due.
    fn due(&self) -> Option<Instant>;

    /// What is due by `now`, which is not before [`due`](Self::due).
    fn fire(&mut self, now: Instant) -> Option<Self::Item>;

    /// The source had ended by `now`. Gives what is not to wait until it is due; asked until there is no more.
    fn tail(&mut self, now: Instant) -> Option<Self::Item>;

    /// How many items are held.
    fn held(&self) -> usize;

    /// How many items are given at least, with one more to come if `more`.
    fn least(&self, more: bool) -> usize;
}

pin_project! {
    /// A source seen through a window.
    pub(super) struct Windowed<S, R: Runtime, W> {
        #[pin]
        source: Upstream<S>,
        rt: R,
        timer: Alarm<R>,
        window: W,
        // The time when it was last read: what was due by then needs no timer.
        now: Instant,
        is_closing: bool,
        // Of what is taken, and of what is given that was taken before: a loop has others wait with either.
        budget: ReadyBudget,
    }
}

impl<S: Stream, R: Runtime, W: Window<Item = S::Item>> Windowed<S, R, W> {
    pub(super) fn new(source: S, rt: &R, window: W) -> Self {
        Self {
            source: Upstream::new(source),
            rt: rt.clone(),
            timer: Alarm::new(),
            window,
            now: Instant::ORIGIN,
            is_closing: false,
            budget: ReadyBudget::new(),
        }
    }

    pub(super) const fn window(&self) -> &W {
        &self.window
    }

    pub(super) const fn window_mut(&mut self) -> &mut W {
        &mut self.window
    }

    pub(super) const fn runtime(&self) -> &R {
        &self.rt
    }

    pub(super) fn pinned_window(self: Pin<&mut Self>) -> &mut W {
        self.project().window
    }

    pub(super) fn into_window(self) -> W {
        self.window
    }

    pub(super) fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        // Whether `now` is of this poll: what is given now is not given as of the one before.
        let mut is_read = false;
        loop {
            // The timer is not looked at before the source, not even here: the item comes first.
            ready!(this.budget.poll_proceed(cx));
            if let Some(item) = this.window.overdue() {
                this.budget.spend();
                return Poll::Ready(Some(item));
            }
            match this.source.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.budget.spend();
                    (*this.now, is_read) = (this.rt.now(), true);
                    if let Some(item) = this.window.take(item, *this.now) {
                        return Poll::Ready(Some(item));
                    }
                    continue;
                }
                Poll::Ready(None) => {
                    if !std::mem::replace(this.is_closing, true) {
                        (*this.now, is_read) = (this.rt.now(), true);
                    }
                    if let Some(item) = this.window.tail(*this.now) {
                        this.budget.spend();
                        return Poll::Ready(Some(item));
                    }
                    if this.window.due().is_none() {
                        return Poll::Ready(None);
                    }
                }
                Poll::Pending => {}
            }
            let Some(due) = this.window.due() else {
                this.budget.refill();
                return Poll::Pending;
            };
            if *this.now < due {
                // What is never due needs no timer: the source wakes.
                if due == Instant::MAX || this.timer.poll_until(this.rt, due, cx).is_pending() {
                    this.budget.refill();
                    return Poll::Pending;
                }
                is_read = false;
            }
            if !is_read {
                (*this.now, is_read) = (this.rt.now().max(due), true);
            }
            if let Some(item) = this.window.fire(*this.now) {
                this.budget.spend();
                return Poll::Ready(Some(item));
            }
        }
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.size_hint();
        let most = most.and_then(|most| most.checked_add(self.window.held()));
        (self.window.least(least > 0), most)
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.source.has_ended() && self.window.held() == 0
    }
}

/// The traits of an operator whose field `inner` is [`Windowed`], and what they all can be asked.
macro_rules! windowed {
    ($operator:ident<S, R $(, $more:ident)*> $(where $($bounds:tt)*)?) => {
        impl<S: futures_core::Stream, R: $crate::runtime::Runtime $(, $more)*> $operator<S, R $(, $more)*>
        $(where $($bounds)*)?
        {
            /// How many items it has dropped so far.
            pub fn dropped(&self) -> u64 {
                self.inner.window().dropped().get()
            }

            /// The count of dropped items, to be kept where the operator disappears in a chain of others.
            ///
            /// # Examples
            ///
            /// The same for each operator that drops:
            ///
            /// ```
            /// use backstay::stream::FlowExt;
            /// use backstay::testing::{Failure, Sim};
            /// use futures::{StreamExt, stream};
            /// use std::time::Duration;
            ///
            /// let run = Sim::builder().run(|rt: Sim| async move {
            ///     let shown = stream::iter(0..10).audit(&rt, Duration::from_secs(1));
            ///     let dropped = shown.drop_count();
            ///     (shown.map(|number| number * 2).collect::<Vec<_>>().await, dropped.get())
            /// })?;
            /// assert_eq!(run.value, (vec![18], 9));
            /// # Ok::<(), Failure>(())
            /// ```
            pub fn drop_count(&self) -> $crate::stream::DropCount {
                self.inner.window().dropped().clone()
            }
        }

        impl<S: futures_core::Stream, R: $crate::runtime::Runtime $(, $more)*> futures_core::Stream
            for $operator<S, R $(, $more)*>
        $(where $($bounds)*)?
        {
            type Item = S::Item;

            fn poll_next(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<S::Item>> {
                self.project().inner.poll_next(cx)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.inner.size_hint()
            }
        }

        impl<S: futures_core::Stream, R: $crate::runtime::Runtime $(, $more)*> futures_core::FusedStream
            for $operator<S, R $(, $more)*>
        $(where $($bounds)*)?
        {
            fn is_terminated(&self) -> bool {
                self.inner.is_terminated()
            }
        }

        impl<S: futures_core::Stream, R: $crate::runtime::Runtime $(, $more)*> std::fmt::Debug
            for $operator<S, R $(, $more)*>
        $(where $($bounds)*)?
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($operator))
                    .field("held", &self.inner.window().held())
                    .field("dropped", &self.dropped())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use windowed;
