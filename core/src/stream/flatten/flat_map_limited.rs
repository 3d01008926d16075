//! So many streams at a time.

use crate::future::engine::{Call, FutureSet, Started};
use crate::limit::Limit;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The items of several inner streams, as they come, of at most so many at a time. The stream of
    /// [`FlowExt::flat_map_limited`](crate::stream::FlowExt::flat_map_limited).
    ///
    /// The operator of Rx (`mergeMap` with `concurrent`), Kotlin (`flatMapMerge`) and Reactor (`flatMap` with
    /// `concurrency`). With a limit of one it is `concatMap`: one stream after the other, in order. The limit is a
    /// sliding window: the next inner stream begins when one has ended, and **the source is not polled while as many
    /// run as may**.
    ///
    /// # Order and fairness
    ///
    /// The items of one inner stream stay in order; those of several come as they do. A turn polls the streams that
    /// were woken, that gave something in the turn before, or that are new, each once: one that is always ready gives
    /// one item while every other that is ready gives one. So do the new ones: what was woken is asked in every second
    /// poll at least. After 128 items that were ready in a row it yields, and no more than 128 inner streams begin in
    /// one poll that gives nothing.
    ///
    /// # At the end, on error, on drop
    ///
    /// When the source ends, the inner streams go on to their own ends, and then this ends. An error is an item,
    /// inside and outside. Dropped, it drops them all.
    ///
    /// # A slow reader
    ///
    /// It holds no item: while nobody polls, nothing runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: all streams are in here, and go on in
    /// the next poll. Dropping this drops them.
    ///
    /// # Panics
    ///
    /// A panic of `f` or of a stream goes on in whoever polls. That inner stream is gone, the others stay.
    ///
    /// # Cost
    ///
    /// One allocation for each inner stream, and no other once the set has grown: a place is used again, with its
    /// waker. A wake costs the same however many streams wait.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct FlatMapLimited<S, F, T> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        f: F,
        inner: FutureSet<NextOf<T>>,
        limit: Limit,
        // Whether the last item was that of a stream that was ready as it began.
        woken_first: bool,
        budget: ReadyBudget,
    }
}

/// How many inner streams begin in one poll that gives nothing: they may all be empty, and the source without end.
const BEGUN_AT_ONCE: u8 = 128;

impl<S, F, T> FlatMapLimited<S, F, T> {
    pub(in crate::stream) fn new(source: S, limit: Limit, f: F) -> Self {
        Self {
            source: Some(source),
            f,
            inner: FutureSet::new(),
            limit,
            woken_first: false,
            budget: ReadyBudget::new(),
        }
    }

    /// How many inner streams there are.
    pub const fn running(&self) -> usize {
        self.inner.len()
    }

    /// How many there may be.
    pub const fn limit(&self) -> Limit {
        self.limit
    }
}

impl<S, F, T> FlatMapLimited<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let mut this = self.project();
        let mut call = Call::default();
        if mem::take(this.woken_first) {
            if let Some(item) = next_woken(this.inner, &mut call) {
                return Poll::Ready(Some(item));
            }
        } else {
            // Before any begins: what has begun in this poll is not polled again in it.
            this.inner.begin_turn();
        }
        let mut may_begin = BEGUN_AT_ONCE;
        // Whether the source has nothing now.
        let mut is_dry = false;
        loop {
            while !is_dry && may_begin > 0 && this.inner.len() < this.limit.get() {
                let Some(source) = this.source.as_mut().as_pin_mut() else { break };
                match source.poll_next(cx) {
                    Poll::Ready(Some(item)) => {
                        may_begin -= 1;
                        let stream = NextOf(Some(Box::pin((this.f)(item))));
                        if let Started::Ready((Some(item), rest)) = this.inner.start(&mut call, stream) {
                            this.inner.insert(NextOf(Some(rest)));
                            *this.woken_first = true;
                            return Poll::Ready(Some(item));
                        }
                    }
                    Poll::Ready(None) => this.source.set(None),
                    Poll::Pending => is_dry = true,
                }
            }
            if let Some(item) = next_woken(this.inner, &mut call) {
                return Poll::Ready(Some(item));
            }
            // Streams may have ended: there are places again.
            if is_dry || this.source.is_none() || this.inner.len() >= this.limit.get() {
                break;
            }
            if may_begin == 0 {
                cx.waker().wake_by_ref();
                break;
            }
        }
        ready!(this.inner.rest(cx));
        if this.source.is_some() { Poll::Pending } else { Poll::Ready(None) }
    }
}

/// The next item of what was woken; its stream stays. Streams that have ended are gone.
fn next_woken<T: Stream>(inner: &mut FutureSet<NextOf<T>>, call: &mut Call) -> Option<T::Item> {
    let next = inner.poll_woken(call, |_, (item, stream)| match item {
        Some(item) => ControlFlow::Break((item, stream)),
        None => ControlFlow::Continue(()),
    });
    let ControlFlow::Break((item, stream)) = next else { return None };
    inner.insert(NextOf(Some(stream)));
    Some(item)
}

impl<S, F, T> Stream for FlatMapLimited<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Item>> {
        ready!(self.as_mut().project().budget.poll_proceed(cx));
        let poll = self.as_mut().poll_item(cx);
        self.as_mut().project().budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("flat_map_limited, {} of {} streams", self.inner.len(), self.limit));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, (self.source.is_none() && self.inner.is_empty()).then_some(0))
    }
}

impl<S, F, T> FusedStream for FlatMapLimited<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Stream,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none() && self.inner.is_empty()
    }
}

impl<S, F, T> fmt::Debug for FlatMapLimited<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatMapLimited")
            .field("source_has_ended", &self.source.is_none())
            .field("running", &self.inner.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The next item of a stream, and the stream: what the set polls, puts out with each item, and is given again.
struct NextOf<T>(Option<Pin<Box<T>>>);

impl<T: Stream> Future for NextOf<T> {
    type Output = (Option<T::Item>, Pin<Box<T>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(stream) = &mut self.0 else { unreachable!("it is ready once") };
        let item = ready!(stream.as_mut().poll_next(cx));
        let Some(stream) = self.0.take() else { unreachable!("it was there") };
        Poll::Ready((item, stream))
    }
}
