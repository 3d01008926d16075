//! The sources of a loop: a list of types, each with its handler.

use super::LoopEnd;
use crate::task::CancelToken;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Pending;
use std::marker::PhantomData;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The sources of an [`EventLoop`](super::EventLoop): [`NoSources`], and [`On`] in front of others. It can't be
/// implemented for anything else.
pub trait Sources: sealed::List {}

impl<S: sealed::List> Sources for S {}

mod sealed {
    use super::{Context, Pin, Poll, Range, Round};

    pub trait List {
        /// Any of their handlers.
        type Handler: Future<Output = ()>;

        /// How many sources there are; their numbers are below that.
        const COUNT: usize;

        /// How many of them keep the loop alive.
        fn streams(&self) -> usize;

        /// Asks those of these numbers one after the other, until one has an item: its number and its handler's
        /// future, which has not begun.
        fn poll_one_of(
            self: Pin<&mut Self>,
            numbers: Range<usize>,
            round: &mut Round<'_>,
            cx: &mut Context<'_>,
        ) -> Poll<(usize, Self::Handler)>;
    }
}

/// What is known while the sources are asked.
#[derive(Debug)]
pub struct Round<'a> {
    pub(super) token: &'a CancelToken,
    pub(super) streams: &'a mut usize,
    pub(super) has_only_tickers: bool,
}

impl Round<'_> {
    /// Whether the loop has to end, and why. The token comes first.
    pub(super) fn end(&self) -> Option<LoopEnd> {
        if let Some(reason) = self.token.reason() {
            return Some(LoopEnd::Cancelled(reason));
        }
        (*self.streams == 0 && !self.has_only_tickers).then_some(LoopEnd::Exhausted)
    }

    /// Asks each source once, this one first.
    pub(super) fn poll<S: Sources>(
        &mut self,
        mut sources: Pin<&mut S>,
        first: usize,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, S::Handler)> {
        match sources.as_mut().poll_one_of(first..S::COUNT, self, cx) {
            Poll::Pending => sources.poll_one_of(0..first, self, cx),
            ready => ready,
        }
    }
}

/// The end of the list.
#[derive(Clone, Copy, Debug)]
pub struct NoSources;

impl sealed::List for NoSources {
    type Handler = Pending<()>;

    const COUNT: usize = 0;

    fn streams(&self) -> usize {
        0
    }

    fn poll_one_of(
        self: Pin<&mut Self>,
        _: Range<usize>,
        _: &mut Round<'_>,
        _: &mut Context<'_>,
    ) -> Poll<(usize, Pending<()>)> {
        Poll::Pending
    }
}

pin_project! {
    /// A source with its handler, behind those that were added before.
    pub struct On<S, T, F, Fut> {
        #[pin]
        earlier: S,
        // `None` once it has ended: what the handler holds is dropped with it, as a sender that another source is fed
        // with.
        #[pin]
        source: Option<Source<T, F>>,
        keeps_alive: bool,
        handlers: PhantomData<fn() -> Fut>,
    }
}

pin_project! {
    struct Source<T, F> {
        #[pin]
        stream: T,
        handler: F,
    }
}

impl<S, T, F, Fut> On<S, T, F, Fut> {
    pub(super) const fn stream(earlier: S, stream: T, handler: F) -> Self {
        Self { earlier, source: Some(Source { stream, handler }), keeps_alive: true, handlers: PhantomData }
    }

    pub(super) const fn ticker(earlier: S, ticker: T, handler: F) -> Self {
        let source = Some(Source { stream: ticker, handler });
        Self { earlier, source, keeps_alive: false, handlers: PhantomData }
    }
}

impl<S, T, F, Fut> sealed::List for On<S, T, F, Fut>
where
    S: sealed::List,
    T: Stream,
    F: FnMut(T::Item) -> Fut,
    Fut: Future<Output = ()>,
{
    type Handler = Handler<S::Handler, Fut>;

    const COUNT: usize = S::COUNT + 1;

    fn streams(&self) -> usize {
        self.earlier.streams() + usize::from(self.keeps_alive)
    }

    fn poll_one_of(
        self: Pin<&mut Self>,
        numbers: Range<usize>,
        round: &mut Round<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, Self::Handler)> {
        let mut this = self.project();
        if let Poll::Ready((number, future)) = this.earlier.poll_one_of(numbers.clone(), round, cx) {
            return Poll::Ready((number, Handler::Earlier { future }));
        }
        let Some(source) = this.source.as_mut().as_pin_mut() else { return Poll::Pending };
        if !numbers.contains(&S::COUNT) || round.end().is_some() {
            return Poll::Pending;
        }
        let source = source.project();
        match source.stream.poll_next(cx) {
            Poll::Ready(Some(item)) => {
                let future = (source.handler)(item);
                Poll::Ready((S::COUNT, Handler::Own { future }))
            }
            Poll::Ready(None) => {
                *round.streams -= usize::from(*this.keeps_alive);
                this.source.set(None);
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S, T, F, Fut> fmt::Debug for On<S, T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("On").field("has_ended", &self.source.is_none()).finish_non_exhaustive()
    }
}

pin_project! {
    /// A handler of one of the sources: there is one at a time, so they share a place.
    #[project = HandlerProj]
    pub enum Handler<A, B> {
        Earlier { #[pin] future: A },
        Own { #[pin] future: B },
    }
}

impl<A: Future<Output = ()>, B: Future<Output = ()>> Future for Handler<A, B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project() {
            HandlerProj::Earlier { future } => future.poll(cx),
            HandlerProj::Own { future } => future.poll(cx),
        }
    }
}
