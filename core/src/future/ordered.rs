//! So many at a time, and in order (recipe 2.5).

use super::bounded_set::Full;
use super::engine::{Call, FutureSet, Started};
use super::over::Over;
use super::window::Window;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Futures that run concurrently in one task, at most `limit` of them; their outputs come in the order in which they
/// were added.
///
/// A slow future holds back the outputs behind it, but not the work: others begin as places become free, until
/// `window` of them have begun whose outputs have not been given. With a window that is as large as the limit, one
/// slow future at the head would soon stand alone. What waits in the window is outputs, in memory: don't give it
/// [`Limit::MAX`] for a long list.
///
/// As with [`BoundedSet`](super::BoundedSet), it is a [`Stream`] of the outputs, **futures run only while it is
/// polled**, and for a whole list of work there is [`over`](Self::over).
///
/// # Fairness
///
/// An output that is next and has come is given before anything is polled; else a turn polls what was woken or is new,
/// each once. After 128 outputs that were ready in a row it is pending once, so that a timeout or a stop signal around
/// the loop fires.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next output loses nothing. Dropping the set drops its futures, and the outputs
/// that wait in the window.
///
/// # Panics
///
/// A panic of one of the futures goes on in whoever polls the set; the others stay. The future is dropped, and as its
/// output will never come, it is passed over: until then it keeps its place in the window.
///
/// # Cost
///
/// That of a [`BoundedSet`](super::BoundedSet), and the place of an output for each in the window.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::{Limit, Runtime, future::Ordered};
/// use futures::StreamExt;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let request = |ms| {
///         let rt = &rt;
///         async move { rt.sleep(Duration::from_millis(ms)).await; ms }
///     };
///     // Two at a time: the second place does all the others while the first is slow.
///     let ordered = Ordered::new(Limit::new(2).unwrap(), Limit::new(8).unwrap()).unwrap();
///     let outputs: Vec<_> = ordered.over([60, 10, 20, 30].map(request)).collect().await;
///     assert_eq!(outputs, [60, 10, 20, 30]);
///     assert_eq!(rt.now().since_origin(), Duration::from_millis(60));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "FuturesOrdered")]
#[doc(alias = "buffered")]
#[must_use = "futures do nothing unless the set is polled"]
pub struct Ordered<F: Future> {
    set: FutureSet<F>,
    limit: Limit,
    window: Limit,
    // From the next output on; the first is not of a future that has panicked.
    outputs: VecDeque<Place<F::Output>>,
    // How many of them have ended.
    waiting: usize,
    // The number of the first of them, and of each future in the set by its index.
    first: u64,
    numbers: Vec<u64>,
    budget: ReadyBudget,
}

#[derive(Debug)]
enum Place<T> {
    Running { index: usize },
    Ended(T),
}

impl<F: Future> Ordered<F> {
    /// An empty set of at most `limit` futures that run, and `window` outputs that run or wait for those before them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a window that is smaller than the limit.
    pub fn new(limit: impl Into<Limit>, window: impl Into<Limit>) -> Result<Self, ConfigError> {
        let (limit, window) = (limit.into(), window.into());
        if window < limit {
            let reason = "must not be smaller than `limit`";
            return Err(ConfigError::invalid_value("window", window.get().into(), reason));
        }
        Ok(Self {
            set: FutureSet::new(),
            limit,
            window,
            outputs: VecDeque::new(),
            waiting: 0,
            first: 0,
            numbers: Vec::new(),
            budget: ReadyBudget::new(),
        })
    }

    /// Adds a future. It is polled when the set is.
    ///
    /// # Errors
    ///
    /// [`Full`], with the future, when as many run as may, or the window is full.
    pub fn try_push(&mut self, future: F) -> Result<(), Full<F>> {
        if self.is_full() {
            return Err(Full(future));
        }
        let index = self.set.insert(future);
        self.begin(index);
        Ok(())
    }

    /// How many outputs are still to come of those that were added: of futures that run, and of those that have
    /// ended and wait for one before them.
    pub const fn len(&self) -> usize {
        self.set.len() + self.waiting
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many futures run.
    pub const fn running(&self) -> usize {
        self.set.len()
    }

    /// Whether no other may be added now.
    pub fn is_full(&self) -> bool {
        self.set.len() >= self.limit.get() || self.outputs.len() >= self.window.get()
    }

    /// How many may run.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// How many may run, or have ended and wait for one before them.
    pub const fn window(&self) -> Limit {
        self.window
    }

    /// A stream of the outputs of all `futures` in their order, at most `limit` of which run at a time, and at most
    /// `window` of which have begun and not been given. They are taken from the iterator as by
    /// [`BoundedSet::over`](super::BoundedSet::over).
    pub fn over<I>(self, futures: I) -> Over<Self, I::IntoIter>
    where
        I: IntoIterator<Item = F>,
    {
        Over::new(self, futures.into_iter())
    }

    /// A future is in the set: its output will have the last place.
    fn begin(&mut self, index: usize) {
        let number = self.first + self.outputs.len() as u64;
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, 0);
        }
        self.numbers[index] = number;
        self.outputs.push_back(Place::Running { index });
    }

    /// The next output, if it is there.
    fn take_first(&mut self) -> Poll<F::Output> {
        match self.outputs.pop_front() {
            Some(Place::Ended(output)) => {
                self.first += 1;
                self.waiting -= 1;
                Poll::Ready(output)
            }
            Some(running) => {
                self.outputs.push_front(running);
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }

    /// Passes over those at the head that have panicked: their outputs will never come.
    fn pass_over(&mut self) {
        while let Some(&Place::Running { index }) = self.outputs.front() {
            // Another may have its index by now.
            if self.set.contains(index) && self.numbers[index] == self.first {
                break;
            }
            self.outputs.pop_front();
            self.first += 1;
        }
    }

    fn poll_set(&mut self, call: &mut Call) -> Poll<F::Output> {
        /// Also where one panics now.
        struct PassOver<'a, F: Future>(&'a mut Ordered<F>);

        impl<F: Future> Drop for PassOver<'_, F> {
            fn drop(&mut self) {
                self.0.pass_over();
            }
        }

        let this = PassOver(self);
        if let Poll::Ready(output) = this.0.take_first() {
            return Poll::Ready(output);
        }
        let Self { set, numbers, outputs, waiting, first, .. } = &mut *this.0;
        let step = set.poll_woken(call, |index, output| {
            let distance = numbers[index] - *first;
            if let Some(place) = outputs.get_mut(distance as usize) {
                *place = Place::Ended(output);
                *waiting += 1;
            }
            if distance == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match step {
            ControlFlow::Break(()) => this.0.take_first(),
            ControlFlow::Continue(()) => Poll::Pending,
        }
    }
}

impl<F: Future> Window<F> for Ordered<F> {
    fn has_place(&self, held: usize) -> bool {
        self.set.len() < self.limit.get() && self.outputs.len().saturating_add(held) < self.window.get()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn begin_turn(&mut self) {
        self.set.begin_turn();
    }

    fn budget(&mut self) -> &mut ReadyBudget {
        &mut self.budget
    }

    fn poll_woken(&mut self, call: &mut Call) -> Poll<F::Output> {
        self.poll_set(call)
    }

    fn start(&mut self, call: &mut Call, future: F) -> Poll<F::Output> {
        match self.set.start(call, future) {
            Started::Ready(output) if self.outputs.is_empty() => {
                self.first += 1;
                Poll::Ready(output)
            }
            Started::Ready(output) => {
                self.outputs.push_back(Place::Ended(output));
                self.waiting += 1;
                Poll::Pending
            }
            Started::Pending(index) => {
                self.begin(index);
                Poll::Pending
            }
        }
    }

    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.set.rest(cx)
    }
}

impl<F: Future> Stream for Ordered<F> {
    type Item = F::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = &mut *self;
        ready!(this.budget.poll_proceed(cx));
        let mut call = Call::default();
        let poll = match this.poll_set(&mut call) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => this.set.rest(cx).map(|()| None),
        };
        this.budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("the first of {} futures", this.len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> FusedStream for Ordered<F> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

// The futures are pinned in blocks of the set's, and outputs are not pinned.
impl<F: Future> Unpin for Ordered<F> {}

impl<F: Future> fmt::Debug for Ordered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordered")
            .field("len", &self.len())
            .field("running", &self.running())
            .field("limit", &self.limit)
            .field("window", &self.window)
            .finish()
    }
}
