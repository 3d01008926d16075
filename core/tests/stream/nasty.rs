//! Sources that keep the contract of `poll` and make it hard to keep: they panic when they are polled after their end.

use crate::kit::ms;
use crate::marble::{Items, Shown, diagram, items};
use backstay::testing::{Faults, Sim, checked_stream};
use backstay_core::{JoinHandle, Runtime};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use futures::task::AtomicWaker;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How a source is nasty.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nasty {
    /// All is ready at once.
    Ready,
    /// Before each item it is pending, and wakes its task in the same poll, twice.
    WakesItself,
    /// An item each millisecond; a task wakes it now and then for nothing.
    Spurious,
    /// Every other item is ready, the others take a millisecond.
    Mixed,
}

impl Nasty {
    pub(crate) const ALL: [Self; 4] = [Self::Ready, Self::WakesItself, Self::Spurious, Self::Mixed];

    pub(crate) fn source<T, I>(self, rt: &Sim, items: I) -> BoxStream<'static, T>
    where
        T: Send + Unpin + 'static,
        I: IntoIterator<Item = T>,
    {
        let items: VecDeque<T> = items.into_iter().collect();
        match self {
            Self::Ready => checked_stream(stream::iter(items)).boxed(),
            Self::WakesItself => checked_stream(wakes_itself(items)).boxed(),
            Self::Spurious => checked_stream(spurious(rt, items)).boxed(),
            Self::Mixed => {
                let rt = rt.clone();
                let timed = stream::iter(items.into_iter().enumerate()).then(move |(index, item)| {
                    let rt = rt.clone();
                    async move {
                        if index % 2 == 1 {
                            rt.sleep(ms(1)).await;
                        }
                        item
                    }
                });
                checked_stream(timed).boxed()
            }
        }
    }
}

fn wakes_itself<T: Send + Unpin + 'static>(mut items: VecDeque<T>) -> impl Stream<Item = T> + Send {
    let mut is_asked = false;
    stream::poll_fn(move |cx| {
        is_asked = !is_asked;
        if is_asked {
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(items.pop_front())
    })
}

fn spurious<T: Send + Unpin + 'static>(
    rt: &Sim,
    mut items: VecDeque<T>,
) -> impl Stream<Item = T> + Send + use<T> {
    let waker = Arc::new(AtomicWaker::new());
    let nuisance = {
        let (rt, waker) = (rt.clone(), Arc::clone(&waker));
        async move {
            for _ in 0..10 {
                rt.sleep(ms(1) / 3).await;
                waker.wake();
            }
        }
    };
    rt.spawn(nuisance).detach();
    let rt = rt.clone();
    let mut nap = Box::pin(rt.sleep(ms(1)));
    stream::poll_fn(move |cx| {
        waker.register(cx.waker());
        std::task::ready!(nap.as_mut().poll(cx));
        nap = Box::pin(rt.sleep(ms(1)));
        Poll::Ready(items.pop_front())
    })
}

/// Wakes its task at each poll, and is pending for nothing at every second.
pub(crate) struct Restless<S> {
    source: S,
    is_pending: bool,
}

pub(crate) const fn restless<S>(source: S) -> Restless<S> {
    Restless { source, is_pending: false }
}

impl<S: Stream + Unpin> Stream for Restless<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        cx.waker().wake_by_ref();
        self.is_pending = !self.is_pending;
        if self.is_pending { Poll::Pending } else { self.source.poll_next_unpin(cx) }
    }
}

/// As [`flows`](crate::marble::flows), of a restless source; and then also with a new waker at each poll, and polls for
/// nothing.
#[track_caller]
pub(crate) fn flows_restlessly<S>(
    input: &str,
    operator: impl Fn(&Sim, BoxStream<'static, char>) -> S,
    expected: &str,
) where
    S: Stream<Item: Shown>,
{
    for faults in [Faults::off(), Faults::off().fresh_wakers().spurious_polls(0.5)] {
        for seed in 0..8 {
            let operator = &operator;
            let run = Sim::builder().seed(seed).faults(faults.clone()).run(|rt: Sim| async move {
                let source: Items = items(&rt, input);
                let stream = operator(&rt, restless(checked_stream(source)).boxed());
                diagram(&rt, stream, 0, 1_000).await
            });
            let mut shown = run.unwrap_or_else(|failure| panic!("{failure}")).value;
            shown.retain(|c| c != ' ');
            assert_eq!(shown, expected, "seed {seed}, {faults:?}");
        }
    }
}
