//! Sources that keep the contract of `poll` and make it hard to keep: they panic when they are polled after their end.

use crate::kit::ms;
use backstay::testing::{Sim, checked_stream};
use backstay_core::{JoinHandle, Runtime};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use futures::task::AtomicWaker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

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
