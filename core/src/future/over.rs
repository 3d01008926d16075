//! A list of futures that run as there are places for them.

use super::engine::Call;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A set with a limit, as [`Over`] needs it: [`BoundedSet`](super::BoundedSet) and [`Ordered`](super::Ordered).
pub(super) trait Window<F: Future> {
    /// Whether another future may begin.
    fn has_place(&self) -> bool;

    /// How many outputs are still to come of those that have begun.
    fn len(&self) -> usize;

    /// Takes what was woken, to be polled by [`poll_woken`](Self::poll_woken).
    fn begin_turn(&mut self, call: &mut Call, cx: &mut Context<'_>);

    /// What is counted of those that are ready in a row.
    fn budget(&mut self) -> &mut ReadyBudget;

    /// The next output, if what was woken gives one.
    fn poll_woken(&mut self, call: &mut Call, cx: &mut Context<'_>) -> Poll<F::Output>;

    /// Begins another future; gives its output if that is the next.
    fn start(&mut self, call: &mut Call, future: F) -> Poll<F::Output>;

    /// Pending, and woken as soon as a future is; ready if there is none.
    fn rest(&mut self, call: &mut Call, cx: &mut Context<'_>) -> Poll<()>;

    /// The next output, of what runs or of those of `futures` for which there is a place.
    ///
    /// Places are filled before what was woken is polled: the outputs of a turn are given one by one, and none of
    /// their places must wait for the last of them. But after an output of one that was ready as it began,
    /// `woken_first` turns it round: else futures that are ready at once would starve what was woken.
    fn poll_output<I>(
        &mut self,
        futures: &mut Option<I>,
        woken_first: &mut bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<F::Output>>
    where
        I: Iterator<Item = F>,
    {
        let mut call = Call::default();
        if mem::take(woken_first) {
            if let Poll::Ready(output) = self.poll_woken(&mut call, cx) {
                return Poll::Ready(Some(output));
            }
        } else {
            // Before any begins: what has begun in this poll is not polled again in it.
            self.begin_turn(&mut call, cx);
        }
        let mut may_begin = BEGUN_AT_ONCE;
        loop {
            while may_begin > 0 && self.has_place() {
                let Some(future) = futures.as_mut().and_then(Iterator::next) else {
                    *futures = None;
                    break;
                };
                may_begin -= 1;
                if let Poll::Ready(output) = self.start(&mut call, future) {
                    *woken_first = true;
                    return Poll::Ready(Some(output));
                }
            }
            if let Poll::Ready(output) = self.poll_woken(&mut call, cx) {
                return Poll::Ready(Some(output));
            }
            // Some may have ended, and not be the next: there are places again.
            if futures.is_none() || !self.has_place() {
                break;
            }
            if may_begin == 0 {
                cx.waker().wake_by_ref();
                break;
            }
        }
        ready!(self.rest(&mut call, cx));
        Poll::Ready(None)
    }
}

/// How many futures begin in one poll that gives nothing: a list may be endless, and a limit or a window too.
const BEGUN_AT_ONCE: u8 = 128;

/// The stream of [`BoundedSet::over`](super::BoundedSet::over) and [`Ordered::over`](super::Ordered::over).
///
/// It ends when the iterator has, and all outputs are given; the iterator is dropped at its end.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next output loses nothing. Dropping the stream drops the futures that run,
/// and the iterator with the others.
#[must_use = "streams do nothing unless they are polled"]
pub struct Over<S, I> {
    set: S,
    // None when it has ended.
    futures: Option<I>,
    // Whether the last output was that of a future that was ready as it began.
    woken_first: bool,
}

impl<S, I> Over<S, I> {
    pub(super) const fn new(set: S, futures: I) -> Self {
        Self { set, futures: Some(futures), woken_first: false }
    }
}

impl<S, I: Iterator> Stream for Over<S, I>
where
    I::Item: Future,
    S: Window<I::Item>,
{
    type Item = <I::Item as Future>::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        ready!(this.set.budget().poll_proceed(cx));
        let poll = this.set.poll_output(&mut this.futures, &mut this.woken_first, cx);
        this.set.budget().note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} futures", this.set.len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let begun = self.set.len();
        let (least, most) = self.futures.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        (least.saturating_add(begun), most.and_then(|most| most.checked_add(begun)))
    }
}

impl<S, I: Iterator> FusedStream for Over<S, I>
where
    I::Item: Future,
    S: Window<I::Item>,
{
    fn is_terminated(&self) -> bool {
        self.futures.is_none() && self.set.len() == 0
    }
}

// Nothing in it is pinned in place: the futures live in blocks of their own.
impl<S, I> Unpin for Over<S, I> {}

impl<S: fmt::Debug, I> fmt::Debug for Over<S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over").field("set", &self.set).finish_non_exhaustive()
    }
}
