//! So many at a time (recipes 2.4 and 2.5).

use super::engine::{Call, FutureSet, Started};
use super::over::Over;
use super::window::Window;
use crate::limit::Limit;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Futures that run concurrently in one task, at most `limit` of them; their outputs come in the order in which they
/// end.
///
/// It is a [`Stream`] of the outputs: it ends when it is empty, and goes on when there is more. For a whole list of
/// work there is [`over`](Self::over), which keeps the set full: the limit is a sliding window, and never waits for
/// a batch to end.
///
/// **Futures run only while the set is polled.** If the body of a loop over it awaits something that one of them
/// holds, both wait for ever: hand the futures to tasks then, or don't await in the body. It is not for work that has
/// to go on while nobody looks.
///
/// # Fairness
///
/// A turn polls what was woken or is new, each once; what is woken meanwhile has its turn in the next. After 128
/// outputs that were ready in a row it is pending once, so that a timeout or a stop signal around the loop fires.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next output loses nothing. Dropping the set drops its futures.
///
/// # Panics
///
/// A panic of one of the futures goes on in whoever polls the set; the future is dropped, and the others stay.
///
/// # Cost
///
/// A place is used again and again. It costs its share of a block of eight (an allocation of its own where futures are
/// larger than 2 KiB), and one more allocation the first time that a future in it is pending; after that, nothing. A
/// wake costs the same however many others wait. Memory is kept until the set is dropped.
///
/// # Examples
///
/// ```
/// use backstay_core::{Limit, future::{BoundedSet, Full}};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let mut set = BoundedSet::new(Limit::new(2)?);
/// set.try_push(std::future::ready(1)).unwrap();
/// set.try_push(std::future::ready(2)).unwrap();
/// let Err(Full(third)) = set.try_push(std::future::ready(3)) else { panic!("it is full") };
///
/// assert_eq!(set.next().await, Some(1));
/// set.try_push(third).unwrap();
/// let mut rest: Vec<_> = set.collect().await;
/// rest.sort();
/// assert_eq!(rest, [2, 3]);
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
///
/// A limit of zero, with which nothing would ever run, does not compile:
///
/// ```compile_fail
/// backstay_core::future::BoundedSet::<std::future::Ready<()>>::new(0);
/// ```
#[doc(alias = "FuturesUnordered")]
#[doc(alias = "JoinSet")]
#[must_use = "futures do nothing unless the set is polled"]
pub struct BoundedSet<F> {
    set: FutureSet<F>,
    limit: Limit,
    budget: ReadyBudget,
}

/// The set is full; the future, given back.
pub struct Full<F>(pub F);

impl<F> BoundedSet<F> {
    /// An empty set. It needs no memory for a limit that it does not reach.
    pub fn new(limit: impl Into<Limit>) -> Self {
        Self { set: FutureSet::new(), limit: limit.into(), budget: ReadyBudget::new() }
    }

    /// Adds a future. It is polled when the set is.
    ///
    /// # Errors
    ///
    /// [`Full`], with the future, when as many run as may.
    pub fn try_push(&mut self, future: F) -> Result<(), Full<F>> {
        if self.is_full() {
            return Err(Full(future));
        }
        self.set.insert(future);
        Ok(())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether there are as many as there may be.
    pub const fn is_full(&self) -> bool {
        self.set.len() >= self.limit.get()
    }

    /// How many there may be.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// Another limit. If there are more futures than that, they run on, and no other is taken until there is a place.
    pub fn set_limit(&mut self, limit: impl Into<Limit>) {
        self.limit = limit.into();
    }

    /// Drops all futures.
    ///
    /// # Panics
    ///
    /// If a future's destructor does; the others are dropped all the same.
    pub fn clear(&mut self) {
        self.set.clear();
    }

    /// A stream of the outputs of all `futures`, at most so many of which run at a time.
    ///
    /// They are taken from the iterator as there are places, and the first time when the stream is polled: an
    /// iterator that makes its futures makes them no earlier. A place is filled in the poll after the one that gave
    /// its output, also where many have ended at the same time: whoever is slow to use the outputs has the next
    /// futures running meanwhile, as far as they run without being polled.
    ///
    /// # Fairness
    ///
    /// What was woken is polled in every second poll at least, whatever the iterator gives. Of an iterator without an
    /// end, no more than 128 begin in one poll that gives nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{Limit, Runtime, future::BoundedSet};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let request = |ms| {
    ///         let rt = &rt;
    ///         async move { rt.sleep(Duration::from_millis(ms)).await; ms }
    ///     };
    ///     let two = BoundedSet::new(Limit::new(2).unwrap());
    ///     let ended: Vec<_> = two.over([30, 10, 10].map(request)).collect().await;
    ///     assert_eq!(ended, [10, 10, 30]);
    ///     assert_eq!(rt.now().since_origin(), Duration::from_millis(30));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "buffer_unordered")]
    #[doc(alias = "for_each_concurrent")]
    pub fn over<I>(self, futures: I) -> Over<Self, I::IntoIter>
    where
        I: IntoIterator<Item = F>,
    {
        Over::new(self, futures.into_iter())
    }
}

impl<F: Future> Stream for BoundedSet<F> {
    type Item = F::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = &mut *self;
        ready!(this.budget.poll_proceed(cx));
        let poll = this.set.poll_next(cx);
        this.budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} futures", this.len()));
        }
        poll.map(|ended| ended.map(|(_, output)| output))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> FusedStream for BoundedSet<F> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

impl<F: Future> Window<F> for BoundedSet<F> {
    fn has_place(&self, held: usize) -> bool {
        self.set.len().saturating_add(held) < self.limit.get()
    }

    fn len(&self) -> usize {
        self.set.len()
    }

    fn begin_turn(&mut self) {
        self.set.begin_turn();
    }

    fn budget(&mut self) -> &mut ReadyBudget {
        &mut self.budget
    }

    fn poll_woken(&mut self, call: &mut Call) -> Poll<F::Output> {
        match self.set.poll_woken(call, |_, output| ControlFlow::Break(output)) {
            ControlFlow::Break(output) => Poll::Ready(output),
            ControlFlow::Continue(()) => Poll::Pending,
        }
    }

    fn start(&mut self, call: &mut Call, future: F) -> Poll<F::Output> {
        match self.set.start(call, future) {
            Started::Ready(output) => Poll::Ready(output),
            Started::Pending(_) => Poll::Pending,
        }
    }

    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.set.rest(cx)
    }
}

// The futures are pinned in blocks of the set's, and nothing is in this.
impl<F> Unpin for BoundedSet<F> {}

impl<F> fmt::Debug for BoundedSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSet").field("len", &self.len()).field("limit", &self.limit).finish()
    }
}

impl<F> fmt::Debug for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<F> fmt::Display for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the set is full")
    }
}

impl<F> Error for Full<F> {}
