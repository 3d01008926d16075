//! A receiver as a stream.

use super::receiver::Receiver;
use super::snapshot::Ref;
use crate::channel::crowd::Member;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The values of a watch channel as a stream: made by [`Receiver::into_stream`].
///
/// It gives each value that the receiver has not seen, the latest always; those in between it may miss. It ends when
/// all senders are gone and the last value is seen. Items are snapshots, and need no `Clone` of the value.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next value loses nothing.
#[must_use = "streams do nothing unless you poll them"]
pub struct Changes<T> {
    receiver: Receiver<T>,
    member: Member,
    // The present value is given though it was seen.
    wants_present: bool,
    has_ended: bool,
}

impl<T> Receiver<T> {
    /// A stream of the values that this receiver has not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::channel::watch;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (level, receiver) = watch::channel(1);
    /// let mut levels = receiver.clone().into_stream();
    /// level.send(2).unwrap();
    /// level.send(3).unwrap();
    /// assert_eq!(levels.next().await.as_deref(), Some(&3));
    /// drop(level);
    /// assert!(levels.next().await.is_none());
    ///
    /// let mut present = receiver.into_stream().with_present();
    /// assert_eq!(present.next().await.as_deref(), Some(&3));
    /// # });
    /// ```
    #[doc(alias = "WatchStream")]
    pub fn into_stream(self) -> Changes<T> {
        Changes { receiver: self, member: Member::default(), wants_present: false, has_ended: false }
    }
}

impl<T> Changes<T> {
    /// Begins with the present value, whether the receiver has seen it or not: as Kotlin's `StateFlow` and tokio-stream's
    /// `WatchStream` do.
    pub fn with_present(mut self) -> Self {
        self.wants_present = true;
        self
    }
}

impl<T> Stream for Changes<T> {
    type Item = Ref<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Ref<T>>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        let change = this.receiver.poll_unseen(this.wants_present, &mut this.member, cx);
        let value = ready!(change).ok().map(|()| this.receiver.borrow_and_update());
        this.wants_present = false;
        this.has_ended = value.is_none();
        Poll::Ready(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Asked first: without senders, nothing comes but what is there.
        let is_final = self.has_ended || self.receiver.is_closed();
        let one = usize::from(!self.has_ended && (self.wants_present || self.receiver.has_changed()));
        (one, is_final.then_some(one))
    }
}

impl<T> FusedStream for Changes<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> Drop for Changes<T> {
    fn drop(&mut self) {
        self.receiver.leave(&mut self.member);
    }
}

impl<T: fmt::Debug> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}
