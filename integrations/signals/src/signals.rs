//! The stream.

use crate::inbox::Inbox;
use crate::{Signal, sys};
use backstay_core::probe;
use futures_core::Stream;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The signals that the process receives, of the kinds asked for, in the order in which it notices them: of those that
/// come at the same moment, in any. It is a [`Stream`] too, which doesn't end.
///
/// From its making on, these signals no longer do to the process what they do by default: Ctrl-C doesn't end it, unless
/// the program does. That stays so **after it is dropped**: what is received then does nothing. A program that waits for
/// signals again and again keeps one `Signals`.
///
/// Several may exist: each gets all its signals.
///
/// # Nothing is lost that counts
///
/// A signal that comes while nobody polls waits to be taken: sixteen of them, and beyond that one of each kind; others
/// are merged with that one, and [counted](Self::merged). The system itself merges signals of a kind that come faster
/// than the process can notice.
///
/// # Cost
///
/// One thread, which sleeps. A signal is a write to a pipe by its handler, a wake of the thread, and one of the task.
#[derive(Debug)]
#[must_use = "the signals that it asked for do nothing else"]
pub struct Signals {
    inbox: Arc<Inbox>,
    // Ends with this; `None` where signals are simulated.
    _listener: Option<sys::Listener>,
}

impl Signals {
    /// Signals of these kinds.
    ///
    /// # Errors
    ///
    /// The system's, if it refuses a handler or a thread; of the kind [`Unsupported`](io::ErrorKind::Unsupported) on
    /// systems that are not Unix.
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> io::Result<Self> {
        let inbox = Inbox::new();
        let kinds: Vec<_> = signals.into_iter().collect();
        let listener = sys::Listener::new(&kinds, Arc::clone(&inbox))?;
        Ok(Self { inbox, _listener: Some(listener) })
    }

    /// The signals that ask a program to end: Ctrl-C and `SIGTERM`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[doc(alias = "ctrl_c")]
    pub fn to_stop() -> io::Result<Self> {
        Self::new([Signal::Interrupt, Signal::Terminate])
    }

    /// Signals that a test raises: nothing of the system is touched, so that it works on the simulated runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, testing::Sim};
    /// use backstay_signals::{Signal, Signals};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (raise, mut signals) = Signals::simulated();
    ///     let test = rt.spawn({
    ///         let rt = rt.clone();
    ///         async move {
    ///             rt.sleep(Duration::from_secs(60)).await;
    ///             raise.raise(Signal::Terminate);
    ///         }
    ///     });
    ///     assert_eq!(signals.recv().await, Signal::Terminate);
    ///     test.await.unwrap();
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub fn simulated() -> (SimulatedSignals, Self) {
        let inbox = Inbox::new();
        (SimulatedSignals { inbox: Arc::clone(&inbox) }, Self { inbox, _listener: None })
    }

    /// Waits for the next signal.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken no signal.
    pub fn recv(&mut self) -> RecvFuture<'_> {
        RecvFuture { signals: self }
    }

    /// The next signal, if one has come.
    pub fn try_recv(&mut self) -> Option<Signal> {
        self.inbox.pop()
    }

    /// How many signals so far were merged with one of their kind, because too many waited to be taken. What the system
    /// merges is not among them: nobody can count that.
    pub fn merged(&self) -> u64 {
        self.inbox.merged()
    }

    /// Polls for the next signal.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        let poll = self.inbox.poll_pop(cx);
        if poll.is_pending() {
            probe::waiting(|| "a signal".to_owned());
        }
        poll
    }
}

impl Stream for Signals {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        self.poll_recv(cx).map(Some)
    }
}

/// The future of [`Signals::recv`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvFuture<'a> {
    signals: &'a mut Signals,
}

impl Future for RecvFuture<'_> {
    type Output = Signal;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Signal> {
        self.signals.poll_recv(cx)
    }
}

/// Raises simulated signals; from [`Signals::simulated`].
#[derive(Clone)]
pub struct SimulatedSignals {
    inbox: Arc<Inbox>,
}

impl SimulatedSignals {
    /// The other side receives this signal.
    pub fn raise(&self, signal: Signal) {
        self.inbox.push(signal);
    }
}

impl fmt::Debug for SimulatedSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedSignals").finish_non_exhaustive()
    }
}
