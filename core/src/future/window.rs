//! So many futures at a time, from wherever they come: what lists and streams of work have in common.

use super::engine::Call;
use crate::ready_budget::ReadyBudget;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A set with a limit: [`BoundedSet`](super::BoundedSet) and [`Ordered`](super::Ordered).
pub(crate) trait Window<F: Future> {
    /// Whether another future may begin, when so many outputs are held that were taken out of the set.
    fn has_place(&self, held: usize) -> bool;

    /// How many outputs are still to come of those that have begun.
    fn len(&self) -> usize;

    /// Takes what was woken, to be polled by [`poll_woken`](Self::poll_woken).
    fn begin_turn(&mut self);

    /// What is counted of those that are ready in a row.
    fn budget(&mut self) -> &mut ReadyBudget;

    /// The next output, if what was woken gives one.
    fn poll_woken(&mut self, call: &mut Call) -> Poll<F::Output>;

    /// Begins another future; gives its output if that is the next.
    fn start(&mut self, call: &mut Call, future: F) -> Poll<F::Output>;

    /// Pending, and woken as soon as a future is; ready if there is none.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Where the futures come from.
pub(crate) trait Feed {
    type Future: Future;

    /// The next future; never asked for another after its end.
    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Future>>;

    fn has_ended(&self) -> bool;

    /// How many futures are still to come.
    fn size_hint(&self) -> (usize, Option<usize>);

    /// Drives what is in flight behind the feed, while there is no place for another future.
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);
}

/// How many futures begin in one poll that gives nothing: a list may be endless, and a limit or a window too.
pub(crate) const BEGUN_AT_ONCE: u8 = 128;

pin_project! {
    /// A set that is filled from a feed as there are places.
    pub(crate) struct Filled<W, D> {
        set: W,
        #[pin]
        feed: D,
        // Whether the last output was that of a future that was ready as it began.
        woken_first: bool,
    }
}

impl<W, D> Filled<W, D> {
    pub(crate) const fn new(set: W, feed: D) -> Self {
        Self { set, feed, woken_first: false }
    }

    pub(crate) const fn window(&self) -> &W {
        &self.set
    }
}

impl<W, D> Filled<W, D>
where
    D: Feed,
    W: Window<D::Future>,
{
    /// The next output, of what runs or of those of the feed for which there is a place. As a stream has it: yields
    /// after a budget.
    #[inline]
    pub(crate) fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<<D::Future as Future>::Output>> {
        ready!(self.as_mut().budget().poll_proceed(cx));
        let poll = self.as_mut().poll_output(0, cx);
        self.budget().note(&poll);
        poll
    }

    /// What is counted of the outputs that are ready in a row, for who gives others beside.
    #[inline]
    pub(crate) fn budget(self: Pin<&mut Self>) -> &mut ReadyBudget {
        self.project().set.budget()
    }

    /// The next output, with so many held that were taken before.
    ///
    /// Places are filled before what was woken is polled: the outputs of a turn are given one by one, and none of
    /// their places must wait for the last of them. But after an output of one that was ready as it began,
    /// `woken_first` turns it round: else futures that are ready at once would starve what was woken.
    #[inline]
    pub(crate) fn poll_output(
        self: Pin<&mut Self>,
        held: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<<D::Future as Future>::Output>> {
        let this = self.project();
        let (set, mut feed, woken_first) = (this.set, this.feed, this.woken_first);
        let mut call = Call::default();
        if mem::take(woken_first) {
            if let Poll::Ready(output) = set.poll_woken(&mut call) {
                return Poll::Ready(Some(output));
            }
        } else {
            // Before any begins: what has begun in this poll is not polled again in it.
            set.begin_turn();
        }
        let mut may_begin = BEGUN_AT_ONCE;
        // Whether it may have another now.
        let mut has_more = !feed.has_ended();
        loop {
            while has_more && may_begin > 0 && set.has_place(held) {
                match feed.as_mut().poll_future(cx) {
                    Poll::Ready(Some(future)) => {
                        may_begin -= 1;
                        if let Poll::Ready(output) = set.start(&mut call, future) {
                            *woken_first = true;
                            return Poll::Ready(Some(output));
                        }
                    }
                    Poll::Ready(None) | Poll::Pending => has_more = false,
                }
            }
            if let Poll::Ready(output) = set.poll_woken(&mut call) {
                return Poll::Ready(Some(output));
            }
            // Some may have ended, and not be the next: there are places again.
            if !has_more || !set.has_place(held) {
                break;
            }
            if may_begin == 0 {
                cx.waker().wake_by_ref();
                break;
            }
        }
        if has_more && !set.has_place(held) {
            feed.as_mut().poll_progress(cx);
        }
        ready!(set.rest(cx));
        if feed.has_ended() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// How many outputs are still to come.
    pub(crate) fn size_hint(&self) -> (usize, Option<usize>) {
        let begun = self.set.len();
        let (least, most) = self.feed.size_hint();
        (least.saturating_add(begun), most.and_then(|most| most.checked_add(begun)))
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.feed.has_ended() && self.set.len() == 0
    }
}

impl<W: fmt::Debug, D> fmt::Debug for Filled<W, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.set.fmt(f)
    }
}
