//! A loop over several sources that ends by itself (recipes 7.2 and 7.3).

mod sources;

pub use sources::{NoSources, On, Sources};

use crate::config_error::ConfigError;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Runtime;
use crate::task::{CancelReason, CancelToken, CancelledOwned};
use crate::time::{Tick, Ticker, ticker};
use futures_core::Stream;
use pin_project_lite::pin_project;
use sources::Round;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A loop over several sources, with a handler for the items of each: one handler at a time, in this task.
///
/// Sources are streams, added by [`on`](Self::on), and tickers, added by [`every`](Self::every);
/// [`run`](Self::run) is the loop.
///
/// * **The token comes first.** It is looked at before every source, and wins. After it is cancelled no source is
///   polled and no handler starts, but for the item that a source was just giving: whatever was taken is handled. A
///   handler that is running runs to its end; one that is to be cut off uses the token's
///   [`run`](CancelToken::run) inside.
/// * **Sources take turns.** The one after the last that gave an item is asked first. One that is ready waits for
///   at most one item of each other.
/// * **It ends by itself**, when all its streams have ended. Each is dropped when it ends, with its handler.
///   Tickers don't keep it alive: where there are streams, it ends with the last of them. With tickers only, it runs
///   until it is cancelled; with nothing at all, it ends at once.
/// * **It starves nobody**: after so many items whose handlers never had to wait, it yields, so that a timeout around
///   it fires.
///
/// While a handler waits, the sources are not polled, and neither is what runs inside of one, a buffered stream for
/// instance. Handlers that wait for long are better off as tasks that they spawn.
///
/// Handlers that change the same thing share it in a [`Cell`](std::cell::Cell) or `RefCell`, or in a mutex where the
/// loop is spawned: only one runs at a time, but each has its closure's captures to itself.
///
/// It is not for sources that come and go while it runs, nor for handlers that are to run at the same time.
///
/// # Cost
///
/// No allocation but a ticker's own (one), and what the token costs to wait for. Its size is that of the sources
/// and of the largest handler. Each item costs a load of the token for each source before it, and a poll of those
/// sources.
///
/// # Examples
///
/// ```
/// use backstay::Runtime;
/// use backstay::select::{EventLoop, LoopEnd};
/// use backstay::task::CancelToken;
/// use backstay::testing::Sim;
/// use futures::stream;
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let (sum, ticks) = (Cell::new(0), Cell::new(0));
///     let end = EventLoop::new(&rt, CancelToken::new())
///         .on(stream::iter([1, 2, 3]), async |number| {
///             rt.sleep(Duration::from_secs(10)).await;
///             sum.set(sum.get() + number);
///         })
///         .on(stream::iter([100]), async |number| sum.set(sum.get() + number))
///         .every(Duration::from_secs(5), async |_| ticks.set(ticks.get() + 1))?
///         .run()
///         .await;
///     assert_eq!((end, sum.get()), (LoopEnd::Exhausted, 106));
///     Ok::<_, backstay::ConfigError>(ticks.get())
/// })?;
/// assert_eq!(run.value.unwrap(), 3); // after each of the long handlers: those that came meanwhile are skipped
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "select!")]
#[doc(alias = "merge")]
#[must_use = "a loop does nothing until it runs"]
pub struct EventLoop<R, S = NoSources> {
    rt: R,
    token: CancelToken,
    sources: S,
}

/// Why an [`EventLoop`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopEnd {
    /// Its token was cancelled, for this reason.
    Cancelled(CancelReason),
    /// All of its streams have ended.
    Exhausted,
}

impl<R: Runtime> EventLoop<R> {
    /// A loop without sources, on the clock of `rt`, that ends when `token` is cancelled.
    pub fn new(rt: &R, token: CancelToken) -> Self {
        Self { rt: rt.clone(), token, sources: NoSources }
    }
}

impl<R: Runtime, S> EventLoop<R, S> {
    /// Adds a stream; `handler` is called with each of its items.
    ///
    /// Both are dropped when the stream has ended, or when the loop ends. A stream that is to outlive the loop is
    /// given by `&mut`.
    pub fn on<T, F, Fut>(self, stream: T, handler: F) -> EventLoop<R, On<S, T, F, Fut>>
    where
        T: Stream,
        F: FnMut(T::Item) -> Fut,
        Fut: Future<Output = ()>,
    {
        let Self { rt, token, sources } = self;
        EventLoop { rt, token, sources: On::stream(sources, stream, handler) }
    }

    /// Adds a ticker of `period`; `handler` is called with each of its ticks, the first of them at once.
    ///
    /// A tick that comes while another handler runs is late, those that it is too late for are skipped, and
    /// [`Tick::missed`] says how many. For another policy, or another first tick, give a
    /// [`ticker`](crate::time::ticker) of your own to [`on`](Self::on), where it counts as a stream that doesn't
    /// end.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a period of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::select::EventLoop;
    /// use backstay::task::CancelToken;
    /// use backstay::testing::Sim;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let token = CancelToken::new();
    ///     let events = EventLoop::new(&rt, token.clone());
    ///     assert!(events.every(Duration::ZERO, async |_| ()).is_err());
    ///
    ///     let an_hour = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(3600));
    ///     let mut reports = 0;
    ///     let report = |_| {
    ///         reports += 1;
    ///         std::future::ready(())
    ///     };
    ///     EventLoop::new(&rt, an_hour).every(Duration::from_secs(600), report)?.run().await;
    ///     Ok::<_, backstay::ConfigError>(reports)
    /// })?;
    /// assert_eq!(run.value.unwrap(), 6); // at once, and after 10, 20, 30, 40 and 50 minutes
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "interval")]
    #[expect(clippy::type_complexity, reason = "what a builder has become; nobody writes it")]
    pub fn every<F, Fut>(
        self,
        period: Duration,
        handler: F,
    ) -> Result<EventLoop<R, On<S, Ticker<R>, F, Fut>>, ConfigError>
    where
        F: FnMut(Tick) -> Fut,
        Fut: Future<Output = ()>,
    {
        let Self { rt, token, sources } = self;
        let ticker = ticker(&rt, period).build()?;
        Ok(EventLoop { rt, token, sources: On::ticker(sources, ticker, handler) })
    }

    /// Runs the loop, until its token is cancelled or all its streams have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the handler that is running where it stands, with its item, and all the sources. To end it
    /// without that, cancel the token and await it.
    ///
    /// # Panics
    ///
    /// Its future, when it is polled again after it gave its output. A panic of a source or a handler comes out of the
    /// poll.
    pub fn run(self) -> RunLoop<S>
    where
        S: Sources,
    {
        let streams = self.sources.streams();
        RunLoop {
            cancelled: self.token.clone().cancelled_owned(),
            token: self.token,
            parts: Some(Parts { handler: None, sources: self.sources }),
            turn: 0,
            streams,
            has_only_tickers: streams == 0 && S::COUNT > 0,
            budget: ReadyBudget::new(),
        }
    }
}

impl<R, S: Sources> fmt::Debug for EventLoop<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("token", &self.token)
            .field("sources", &S::COUNT)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`EventLoop::run`].
    ///
    /// | state | left by |
    /// |---|---|
    /// | looks at its sources | an item; its end |
    /// | a handler runs | that handler's end |
    /// | ended | – |
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunLoop<S>
    where
        S: Sources,
    {
        token: CancelToken,
        // Polled only while nothing is ready.
        cancelled: CancelledOwned,
        // `None` once it has ended: all is dropped inside that poll.
        #[pin]
        parts: Option<Parts<S>>,
        // Which source is asked first.
        turn: usize,
        // How many there are that have not ended.
        streams: usize,
        has_only_tickers: bool,
        budget: ReadyBudget,
    }
}

pin_project! {
    struct Parts<S>
    where
        S: Sources,
    {
        #[pin]
        handler: Option<S::Handler>,
        #[pin]
        sources: S,
    }
}

impl<S: Sources> Future for RunLoop<S> {
    type Output = LoopEnd;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LoopEnd> {
        let mut this = self.project();
        let Some(mut parts) = this.parts.as_mut().as_pin_mut().map(Parts::project) else {
            panic!("an event loop was polled after it had ended");
        };
        let end = loop {
            if let Some(handler) = parts.handler.as_mut().as_pin_mut() {
                if handler.poll(cx).is_pending() {
                    this.budget.refill();
                    return Poll::Pending;
                }
                parts.handler.set(None);
            }
            let mut round =
                Round { token: this.token, streams: this.streams, has_only_tickers: *this.has_only_tickers };
            ready!(this.budget.poll_proceed(cx));
            match round.poll(parts.sources.as_mut(), *this.turn, cx) {
                Poll::Ready((number, handler)) => {
                    *this.turn = (number + 1) % S::COUNT;
                    parts.handler.set(Some(handler));
                    this.budget.spend();
                }
                Poll::Pending => {
                    // The token may have been cancelled, or the last stream have ended, before all were asked.
                    if let Some(end) = round.end() {
                        break end;
                    }
                    match Pin::new(&mut *this.cancelled).poll(cx) {
                        Poll::Ready(reason) => break LoopEnd::Cancelled(reason),
                        Poll::Pending => {
                            this.budget.refill();
                            return Poll::Pending;
                        }
                    }
                }
            }
        };
        this.parts.set(None);
        Poll::Ready(end)
    }
}

impl<S: Sources> fmt::Debug for RunLoop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLoop")
            .field("token", &self.token)
            .field("streams", &self.streams)
            .field("has_ended", &self.parts.is_none())
            .finish_non_exhaustive()
    }
}
