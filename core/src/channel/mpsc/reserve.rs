//! Reserving places before there is a value.

use super::permit::{OwnedPermit, Permit, Permits};
use super::sender::Sender;
use crate::channel::error::{Closed, TrySendError};
use crate::channel::places::Turn;
use crate::limit::Limit;
use crate::probe;
use crate::sync::own_waker::poll_locked;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<T> Sender<T> {
    /// Waits for a place in the queue, in line with the others, from its first poll.
    ///
    /// A permit is a place: with it, sending needs no waiting. So a value can be made, or taken from elsewhere, when
    /// it is certain that it can go on. As long as a permit is neither used nor dropped, nobody else has its place.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds no place: one that it was given already goes to the next in line. Its
    /// own place in the line is lost.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    ///
    /// # Examples
    ///
    /// A value goes from one channel into another, and is lost at no point, wherever this is cancelled:
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// async fn forward(from: &mut mpsc::Receiver<u32>, to: &mpsc::Sender<u32>) -> Result<(), mpsc::Closed> {
    ///     loop {
    ///         let permit = to.reserve().await?; // first where it goes
    ///         let Some(value) = from.recv().await else { return Ok(()) };
    ///         let _ = permit.send(value); // no await between the two
    ///     }
    /// }
    /// # futures::executor::block_on(async {
    /// # let ((a, mut from), (to, mut b)) = (mpsc::channel(Limit::ONE), mpsc::channel(Limit::ONE));
    /// # a.send(1).await.unwrap();
    /// # drop(a);
    /// # let (forwarded, received) = futures::join!(forward(&mut from, &to), b.recv());
    /// # assert_eq!((forwarded, received), (Ok(()), Some(1)));
    /// # });
    /// ```
    pub fn reserve(&self) -> ReserveFuture<'_, T> {
        ReserveFuture { sender: self, turn: Turn::default() }
    }

    /// Reserves a place if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] if none is free or somebody waits for those that are, [`TrySendError::Closed`].
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.shared().lock().try_reserve(1)?;
        Ok(Permit::new(self.shared()))
    }

    /// Waits for `places` places, all at once, in line with the others.
    ///
    /// Who waits for many is not passed by those behind it who want fewer.
    ///
    /// # Cancel safety
    ///
    /// As with [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// [`ReserveError::TooMany`] for more than there are, which would wait for ever; [`ReserveError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::new(4)?);
    /// let permits = sender.reserve_many(Limit::new(3)?).await?;
    /// for (permit, value) in permits.zip(["a", "b"]) {
    ///     permit.send(value)?;
    /// } // the third goes back
    /// let mut values = Vec::new();
    /// assert_eq!(receiver.recv_many(&mut values, Limit::MAX).await, 2);
    ///
    /// let error = sender.reserve_many(Limit::new(5)?).await.unwrap_err();
    /// assert_eq!(error, mpsc::ReserveError::TooMany { requested: 5, capacity: 4 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn reserve_many(&self, places: impl Into<Limit>) -> ReserveManyFuture<'_, T> {
        ReserveManyFuture { sender: self, places: places.into().get(), turn: Turn::default() }
    }

    /// Waits for a place, and keeps the sender with it: for a permit that goes into a task or a struct.
    ///
    /// # Cancel safety
    ///
    /// As with [`reserve`](Self::reserve); the sender is dropped too. Give it a clone.
    ///
    /// # Errors
    ///
    /// [`Closed`]; the sender is dropped.
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    /// let permit = sender.reserve_owned().await?;
    /// let task = async move { permit.send("done") };
    /// let sender = task.await?;
    /// assert_eq!(receiver.recv().await, Some("done"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn reserve_owned(self) -> ReserveOwnedFuture<T> {
        ReserveOwnedFuture { sender: Some(self), turn: Turn::default() }
    }

    /// Reserves a place if that needs no waiting, and keeps the sender with it.
    ///
    /// # Errors
    ///
    /// As [`try_reserve`](Self::try_reserve), with the sender.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        let reserved = self.shared().lock().try_reserve(1);
        match reserved {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(error) => Err(error.map(|()| self)),
        }
    }

    /// Waits in line; yields first where the budget says so.
    fn poll_reserve(&self, turn: &mut Turn, places: usize, cx: &Context<'_>) -> Poll<Result<(), Closed>> {
        if turn.is_new() {
            ready!(self.budget().poll_proceed(cx));
        }
        let poll = poll_locked(cx, |own| self.shared().lock().poll_reserve(turn, places, own));
        if poll.is_ready() {
            self.budget().spend();
        } else {
            self.budget().refill();
            probe::waiting(|| self.shared().describe("reserve"));
        }
        poll
    }
}

/// The future of [`Sender::reserve`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReserveFuture<'a, T> {
    sender: &'a Sender<T>,
    turn: Turn,
}

impl<'a, T> Future for ReserveFuture<'a, T> {
    type Output = Result<Permit<'a, T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let reserved = ready!(this.sender.poll_reserve(&mut this.turn, 1, cx));
        Poll::Ready(reserved.map(|()| Permit::new(this.sender.shared())))
    }
}

impl<T> Drop for ReserveFuture<'_, T> {
    fn drop(&mut self) {
        self.sender.shared().leave(&mut self.turn);
    }
}

impl<T> fmt::Debug for ReserveFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveFuture").finish_non_exhaustive()
    }
}

/// The future of [`Sender::reserve_many`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReserveManyFuture<'a, T> {
    sender: &'a Sender<T>,
    places: usize,
    turn: Turn,
}

impl<'a, T> Future for ReserveManyFuture<'a, T> {
    type Output = Result<Permits<'a, T>, ReserveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.turn.is_new() {
            let (requested, capacity) = (this.places, this.sender.capacity());
            if requested > capacity {
                return Poll::Ready(Err(ReserveError::TooMany { requested, capacity }));
            }
        }
        let reserved = ready!(this.sender.poll_reserve(&mut this.turn, this.places, cx));
        Poll::Ready(match reserved {
            Ok(()) => Ok(Permits::new(this.sender.shared(), this.places)),
            Err(Closed) => Err(ReserveError::Closed),
        })
    }
}

impl<T> Drop for ReserveManyFuture<'_, T> {
    fn drop(&mut self) {
        self.sender.shared().leave(&mut self.turn);
    }
}

impl<T> fmt::Debug for ReserveManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveManyFuture").field("places", &self.places).finish_non_exhaustive()
    }
}

/// The future of [`Sender::reserve_owned`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct ReserveOwnedFuture<T> {
    // There until this is ready.
    sender: Option<Sender<T>>,
    turn: Turn,
}

impl<T> Future for ReserveOwnedFuture<T> {
    type Output = Result<OwnedPermit<T>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sender = this.sender.as_ref().expect("a reservation was polled again after it gave its outcome");
        let reserved = ready!(sender.poll_reserve(&mut this.turn, 1, cx));
        let sender = this.sender.take();
        Poll::Ready(reserved.and_then(|()| sender.map(OwnedPermit::new).ok_or(Closed)))
    }
}

impl<T> Drop for ReserveOwnedFuture<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.shared().leave(&mut self.turn);
        }
    }
}

impl<T> fmt::Debug for ReserveOwnedFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveOwnedFuture").finish_non_exhaustive()
    }
}

/// Why places were not reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// The channel is closed.
    Closed,
    /// The channel will never have so many places.
    TooMany {
        /// How many were asked for.
        requested: usize,
        /// How many there are.
        capacity: usize,
    },
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => Closed.fmt(f),
            Self::TooMany { requested, capacity } => {
                write!(f, "{requested} places were asked for, and the channel has {capacity}")
            }
        }
    }
}

impl Error for ReserveError {}
