//! Tasks that say when they are ready to serve.

use super::TaskScope;
use super::error::Origin;
use super::family::{Child, Family};
use super::handle::TaskHandle;
use crate::primitives::{Mutex, lock};
use crate::probe;
use crate::runtime::{Panic, Runtime};
use crate::task::cancel_token::Cancelled;
use crate::task::packet::{packet, woken};
use crate::task::roster::{Done, End, Kind, Tally, TaskLabel};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

impl<R: Runtime, E: Send + 'static> TaskScope<R, E> {
    /// Starts a task and waits until it says that it is ready, as a server that listens: gives what it says, and its
    /// handle. From then on it is a task like others.
    ///
    /// Where the scope has a [limit](super::ScopeFuture::limit), it waits for a place before it starts the task.
    ///
    /// # Errors
    ///
    /// [`NotReady`], when it has ended before: whatever it fails with is for who has started it, and not the scope's
    /// matter. It never runs in a scope that is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it aborts the task, if it has started it; the scope waits for that. An error that
    /// the task gives in spite of that is the scope's; one that it had given before is dropped: nobody wanted to know.
    /// A panic is the scope's matter in any case, as with any task; if the scope has ended by then, that of its parent.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::{NotReady, scope}, testing::Sim};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     scope(&rt, |s| async move {
    ///         let nap = s.runtime().sleep(Duration::from_millis(1));
    ///         let (port, server) = s.spawn_ready(|started| async move {
    ///             nap.await; // listens
    ///             started.ready(8080);
    ///             Ok::<_, String>("served")
    ///         }).await.unwrap();
    ///         assert_eq!(port, 8080);
    ///         assert_eq!(server.await.unwrap(), "served");
    ///
    ///         let failed = s.spawn_ready::<u16, (), _, _>(|started| async {
    ///             let _started = started;
    ///             Err("the port is taken".into())
    ///         }).await;
    ///         assert!(matches!(failed, Err(NotReady::Failed(_)))); // and the scope goes on
    ///         Ok(())
    ///     }).await.unwrap();
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[doc(alias = "TaskStatus.started")]
    #[track_caller]
    pub fn spawn_ready<'a, S, T, B, F>(
        &'a self,
        begin: B,
    ) -> impl Future<Output = Result<(S, TaskHandle<T, E>), NotReady<E>>> + use<'a, R, S, T, E, B, F>
    where
        S: Send + 'static,
        T: Send + 'static,
        B: FnOnce(Started<S>) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let label = self.label(Location::caller());
        async move {
            let place = self.when_free().await;
            let handshake = Arc::new(Handshake(Mutex::new(State {
                phase: Phase::Starting,
                starter: None,
                waker_panicked: None,
            })));
            let future = place.run(begin(Started(Arc::<Handshake<S, E>>::clone(&handshake))));
            let (promise, receipt) = packet();
            let child = Child { family: Arc::clone(&self.family), promise };
            let done = BeforeReady { child, handshake: Arc::clone(&handshake) };
            let task = self.spawn_done(Kind::Plain, label.clone(), future, done);
            let handle = Some(TaskHandle::new(receipt, task));
            let starter = Starter { family: &self.family, label, handshake, handle };
            starter.wait().await
        }
    }
}

/// With which a task says that it is ready; see [`TaskScope::spawn_ready`].
///
/// Dropped instead, it says that the task never will be, which is aborted.
#[must_use = "dropped, it says that the task will never be ready"]
pub struct Started<S>(Arc<dyn Hear<S>>);

impl<S> Started<S> {
    /// The task is ready; who has started it is told `value`.
    ///
    /// # Panics
    ///
    /// If the waker of who has started it does; it is told all the same.
    pub fn ready(self, value: S) {
        self.0.ready(value);
    }
}

impl<S> Drop for Started<S> {
    fn drop(&mut self) {
        self.0.never();
    }
}

impl<S> fmt::Debug for Started<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

trait Hear<S>: Send + Sync {
    fn ready(&self, value: S);
    fn never(&self);
}

/// Why a task that was to say that it is ready has not. It has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotReady<E> {
    /// It ended without, or dropped its [`Started`].
    Never,
    /// It gave an error before.
    Failed(E),
    /// It panicked before.
    Panicked(Panic),
    /// The scope was cancelled before, or had ended.
    Cancelled(Cancelled),
    /// The runtime ended first.
    Shutdown,
}

/// What passes between a task and who has started it.
///
/// | phase | `ready` | `Started` dropped | the task ends | the starter is dropped |
/// |---|---|---|---|---|
/// | starting | ready | never | ended | given up, the task is aborted |
/// | never | – | – | ended | given up |
/// | ready | – | – | as any task | as any task |
/// | ended | – | – | – | – |
/// | given up | – | – | as any task | – |
struct Handshake<S, E>(Mutex<State<S, E>>);

struct State<S, E> {
    phase: Phase<S, E>,
    starter: Option<Waker>,
    // Where there was nobody to tell: the scope is, when the task has ended.
    waker_panicked: Option<Panic>,
}

enum Phase<S, E> {
    Starting,
    Never,
    Ready(S),
    Ended(NotReady<E>),
    Over,
}

impl<S, E> Handshake<S, E> {
    /// Goes on to the next phase where this is an earlier one, and wakes the starter, whose waker may panic; or gives
    /// the phase back.
    fn advance(
        &self,
        next: Phase<S, E>,
        is_earlier: impl FnOnce(&Phase<S, E>) -> bool,
    ) -> Result<Result<(), Panic>, Phase<S, E>> {
        let mut state = lock(&self.0);
        if !is_earlier(&state.phase) {
            drop(state);
            return Err(next);
        }
        state.phase = next;
        let starter = state.starter.take();
        drop(state);
        Ok(starter.map_or(Ok(()), woken))
    }

    /// Has a task that has ended not become ready any more, and tells whether who has started it still waits for that.
    fn close(&self) -> bool {
        let mut state = lock(&self.0);
        if matches!(state.phase, Phase::Starting) {
            // The starter is woken when it is told how it has ended.
            state.phase = Phase::Never;
        }
        matches!(state.phase, Phase::Never)
    }
}

impl<S: Send, E: Send> Hear<S> for Handshake<S, E> {
    fn ready(&self, value: S) {
        // Here the task can be told itself that the waker has panicked.
        if let Ok(Err(panic)) = self.advance(Phase::Ready(value), |phase| matches!(phase, Phase::Starting)) {
            panic.resume();
        }
    }

    fn never(&self) {
        if let Ok(Err(panic)) = self.advance(Phase::Never, |phase| matches!(phase, Phase::Starting)) {
            lock(&self.0).waker_panicked = Some(panic);
        }
    }
}

/// Of a task that may not have said that it is ready.
struct BeforeReady<R: Runtime, S, T, E> {
    child: Child<R, T, E>,
    handshake: Arc<Handshake<S, E>>,
}

impl<R, S, T, E> Done<Result<T, E>> for BeforeReady<R, S, T, E>
where
    R: Runtime,
    S: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn done(self, label: TaskLabel, end: End<Result<T, E>>) -> Tally {
        let Self { child, handshake } = self;
        let waker_panicked = lock(&handshake.0).waker_panicked.take();
        child.family.woken(waker_panicked.map_or(Ok(()), Err));
        // Somebody else may have its `Started`, and say just now that it is ready.
        if !handshake.close() {
            return child.done(label, end);
        }
        let (tally, why) = match end {
            End::Value(Ok(_)) => (Tally::Finished, NotReady::Never),
            End::Value(Err(error)) => (Tally::Failed, NotReady::Failed(error)),
            End::Panicked(panic) => (Tally::Panicked, NotReady::Panicked(panic)),
            End::Aborted => (Tally::Aborted, NotReady::Never),
            End::Cancelled => (Tally::Cancelled, NotReady::Cancelled(child.family.cancelled())),
            End::NotStarted => (Tally::NotStarted, NotReady::Cancelled(child.family.cancelled())),
            End::Lost => (Tally::Lost, NotReady::Shutdown),
        };
        match handshake.advance(Phase::Ended(why), |phase| matches!(phase, Phase::Starting | Phase::Never)) {
            Ok(woken) => child.family.woken(woken),
            // The starter has given up meanwhile.
            Err(Phase::Ended(NotReady::Failed(error))) => return child.done(label, End::Value(Err(error))),
            Err(Phase::Ended(NotReady::Panicked(panic))) => return child.done(label, End::Panicked(panic)),
            Err(_) => {}
        }
        tally
    }
}

/// Who waits for a task to be ready, and aborts it otherwise.
struct Starter<'a, R: Runtime, S, T, E: Send + 'static> {
    family: &'a Family<R, E>,
    label: TaskLabel,
    handshake: Arc<Handshake<S, E>>,
    // `None` when it was ready.
    handle: Option<TaskHandle<T, E>>,
}

impl<R: Runtime, S, T, E: Send + 'static> Starter<'_, R, S, T, E> {
    async fn wait(mut self) -> Result<(S, TaskHandle<T, E>), NotReady<E>> {
        let value = poll_fn(|cx| self.poll_ready(cx)).await?;
        match self.handle.take() {
            Some(handle) => Ok((value, handle)),
            None => unreachable!("it is taken here"),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<S, NotReady<E>>> {
        let own = cx.waker().clone();
        let mut state = lock(&self.handshake.0);
        let is_never = matches!(state.phase, Phase::Never);
        if is_never || matches!(state.phase, Phase::Starting) {
            let before = state.starter.replace(own);
            drop(state);
            drop(before);
            if is_never && let Some(handle) = &self.handle {
                handle.abort();
            }
            probe::waiting(|| "a task to be ready".to_owned());
            return Poll::Pending;
        }
        let phase = mem::replace(&mut state.phase, Phase::Over);
        drop(state);
        match phase {
            Phase::Ready(value) => Poll::Ready(Ok(value)),
            Phase::Ended(why) => Poll::Ready(Err(why)),
            Phase::Starting | Phase::Never | Phase::Over => {
                unreachable!("looked at above; or it was polled again")
            }
        }
    }
}

impl<R: Runtime, S, T, E: Send + 'static> Drop for Starter<'_, R, S, T, E> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        let mut state = lock(&self.handshake.0);
        let (phase, starter) = (mem::replace(&mut state.phase, Phase::Over), state.starter.take());
        drop(state);
        // One that is ready is not wanted either: nobody has its handle, or what it said.
        handle.abort();
        match phase {
            // Nobody has heard of it: it is the scope's matter, as with any task.
            Phase::Ended(NotReady::Panicked(panic)) => {
                self.family.panicked(Origin::Task(self.label.clone()), panic);
            }
            left => drop(left),
        }
        drop(starter);
    }
}

impl<E: fmt::Display> fmt::Display for NotReady<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("the task ended without being ready"),
            Self::Failed(error) => write!(f, "the task failed before it was ready: {error}"),
            Self::Panicked(panic) => match panic.message() {
                Some(message) => write!(f, "the task panicked before it was ready: {message}"),
                None => f.write_str("the task panicked before it was ready"),
            },
            Self::Cancelled(cancelled) => write!(f, "the task was not ready before it was {cancelled}"),
            Self::Shutdown => f.write_str("the runtime ended before the task was ready"),
        }
    }
}

impl<E: Error + 'static> Error for NotReady<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Never | Self::Panicked(_) | Self::Shutdown => None,
        }
    }
}
