//! A source that is dropped when its time is up: what the three timeouts have in common.

use super::upstream::Upstream;
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// A source, and the instant at which it is too late.
    pub(super) struct Expiry<S, R: Runtime> {
        #[pin]
        source: Upstream<S>,
        rt: R,
        timer: Alarm<R>,
        limit: Duration,
        // `None` while no time is counted.
        due: Option<Instant>,
    }
}

/// What came of a source with a limit.
pub(super) enum Came<T> {
    Item(T),
    End,
    /// Nothing, and its time was up: the source has been dropped.
    Late,
}

impl<S: Stream, R: Runtime> Expiry<S, R> {
    pub(super) fn new(source: S, rt: &R, limit: Duration) -> Self {
        Self { source: Upstream::new(source), rt: rt.clone(), timer: Alarm::new(), limit, due: None }
    }

    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Begins to count, if it does not yet; says so.
    pub(super) fn start(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let begins = this.due.is_none();
        if begins {
            *this.due = Some(this.rt.now() + *this.limit);
        }
        begins
    }

    /// Begins anew when it is next started.
    pub(super) fn stop(self: Pin<&mut Self>) {
        *self.project().due = None;
    }

    /// Whether its time was up before now: the source is dropped then, if it has not ended.
    pub(super) fn is_late(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let is_late = !this.source.has_ended()
            && this.due.is_some_and(|due| due != Instant::MAX && this.rt.now() > due);
        if is_late {
            this.source.end();
        }
        is_late
    }

    /// What comes of the source, which is asked first, or of the time.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Came<S::Item>> {
        let mut this = self.project();
        match this.source.as_mut().poll_next(cx) {
            Poll::Ready(Some(item)) => return Poll::Ready(Came::Item(item)),
            Poll::Ready(None) => return Poll::Ready(Came::End),
            Poll::Pending => {}
        }
        let due = *this.due.get_or_insert_with(|| this.rt.now() + *this.limit);
        if due == Instant::MAX {
            return Poll::Pending;
        }
        ready!(this.timer.poll_until(this.rt, due, cx));
        // A late reader may find it giving others a turn. Without any time that is nothing to wait for.
        let last = if this.limit.is_zero() { None } else { this.source.as_mut().last_look() };
        Poll::Ready(match last {
            Some(Some(item)) => Came::Item(item),
            Some(None) => Came::End,
            None => {
                this.source.end();
                Came::Late
            }
        })
    }

    /// Without a limit any more.
    pub(super) fn poll_unlimited(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.project().source.poll_next(cx)
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.source.has_ended()
    }

    /// That of the source.
    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }

    /// With any number of items less, and an error instead.
    pub(super) fn limited_size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.size_hint();
        if self.has_ended() {
            (0, Some(0))
        } else {
            (least.min(1), most.and_then(|most| most.checked_add(1)))
        }
    }

    pub(super) fn into_source(self) -> Option<S> {
        self.source.into_source()
    }
}

/// What the three have in common: all but `poll_next`.
macro_rules! expires {
    ($operator:ident) => {
        impl<S: futures_core::Stream, R: $crate::runtime::Runtime> $operator<S, R> {
            /// The source, if it has neither ended nor been given up on.
            ///
            /// # Examples
            ///
            /// The same for each of the three:
            ///
            /// ```
            /// use backstay::stream::FlowExt;
            /// use backstay::testing::{Failure, Sim};
            /// use futures::{StreamExt, stream};
            /// use std::time::Duration;
            ///
            /// Sim::builder().run(|rt: Sim| async move {
            ///     let mut limited = stream::iter([1, 2, 3]).total_timeout(&rt, Duration::from_secs(30));
            ///     assert_eq!(limited.next().await, Some(Ok(1)));
            ///     let unlimited = limited.into_inner().expect("it is in time");
            ///     assert_eq!(unlimited.collect::<Vec<_>>().await, [2, 3]);
            /// })?;
            /// # Ok::<(), Failure>(())
            /// ```
            pub fn into_inner(self) -> Option<S> {
                self.inner.into_source()
            }
        }

        impl<S: futures_core::Stream, R: $crate::runtime::Runtime> futures_core::FusedStream
            for $operator<S, R>
        {
            fn is_terminated(&self) -> bool {
                self.inner.has_ended()
            }
        }

        impl<S: futures_core::Stream, R: $crate::runtime::Runtime> std::fmt::Debug for $operator<S, R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($operator))
                    .field("limit", &self.inner.limit())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use expires;
