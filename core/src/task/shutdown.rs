//! A program that ends in good order (recipes 5.7, 7.5 and 8.7).

mod config;
mod report;
mod run;
mod state;

pub use config::ShutdownConfig;
pub use report::ShutdownReport;
pub use run::RunShutdown;

use super::cancel_token::{CancelReason, CancelToken};
use super::parent::{Guardian, Keeper, Rest, rest_label, sealed};
use super::refused::Refused;
use super::roster::{Done, End, Kind, Roster, Tally, TaskCounts, TaskLabel};
use crate::primitives::{Mutex, lock};
use crate::runtime::{JoinHandle, Runtime};
use crate::sync::Notify;
use futures_core::Stream;
use report::Lists;
use state::Machine;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Wake;

/// The tasks of a program, and how they end: on a signal, in order, in a limited time, with a report.
///
/// | then | what happens | until |
/// |---|---|---|
/// | **signal** | the first signal, or [`trigger`](Self::trigger) | |
/// | **stop intake** | the [stop token](Self::stop_token) is cancelled; `spawn` gives back what it is given | |
/// | **drain** | what runs goes on to its end | all have ended, or [`drain`](RunShutdown::drain) has passed |
/// | **grace** | the [token](Self::token) is cancelled: what runs under it, and every owner below, is told to stop | all have ended, or [`grace`](RunShutdown::grace) has passed |
/// | **abort** | what still runs is aborted | it is gone, or [`abort_wait`](RunShutdown::abort_wait) has passed |
///
/// A second signal, or [`force`](Self::force), goes on to the last step at once.
///
/// It is also the [`Parent`](super::Parent) of scopes, join sets, pools and supervisors: their tokens are children of
/// its [token](Self::token), and what they leave behind when they are dropped is awaited here.
///
/// A clone is the same shutdown, for whoever has tasks to start. When the last clone is dropped its tasks are aborted.
///
/// # Cost
///
/// For each task that of its spawn, a place in a list, and a small allocation: whether it is just being polled.
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::Shutdown, testing::Sim};
/// use futures::stream;
/// use std::{future::pending, time::Duration};
///
/// let run = Sim::builder().run(|rt| async move {
///     let shutdown = Shutdown::new(&rt);
///     let (stop, nap) = (shutdown.stop_token().clone(), rt.sleep(Duration::from_secs(2)));
///     shutdown.named("ticker").spawn(async move { stop.cancelled().await; }).unwrap();
///     shutdown.named("request").spawn(nap).unwrap();
///     shutdown.named("stuck").spawn(pending()).unwrap();
///
///     let signals = stream::iter(["SIGTERM"]); // or those of the package `backstay-signals`
///     let report = shutdown.run(signals).drain(Duration::from_secs(3)).grace(Duration::from_secs(1)).await;
///     assert_eq!(report.to_string(), "SIGTERM: 2 finished, 0 cancelled, 1 aborted (task `stuck`), 0 panicked");
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(4));
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "graceful shutdown")]
#[doc(alias = "TaskTracker")]
pub struct Shutdown<R: Runtime> {
    owned: Arc<Owned<R>>,
    // Of what is spawned through this handle.
    name: Option<Arc<str>>,
}

/// Aborts what is left when the last handle is dropped.
struct Owned<R: Runtime>(Arc<Inner<R>>);

struct Inner<R: Runtime> {
    rt: R,
    stop: CancelToken,
    token: CancelToken,
    force: CancelToken,
    roster: Arc<Roster<R>>,
    progress: Mutex<Progress>,
    orphans: AtomicU64,
    // Somebody who runs it may have something to see: more than one may.
    change: Notify,
}

/// How far it is, and what has ended since it began.
struct Progress {
    machine: Machine,
    // Whether a signal has come: what is run from now on has heard it.
    has_heard: bool,
    lists: Lists,
}

impl<R: Runtime> Shutdown<R> {
    /// For tasks on `rt`.
    pub fn new(rt: &R) -> Self {
        let inner = Inner {
            rt: rt.clone(),
            stop: CancelToken::new(),
            token: CancelToken::new(),
            force: CancelToken::new(),
            roster: Roster::watching(),
            progress: Mutex::new(Progress {
                machine: Machine::new(),
                has_heard: false,
                lists: Lists::default(),
            }),
            orphans: AtomicU64::new(0),
            change: Notify::new(),
        };
        Self { owned: Arc::new(Owned(Arc::new(inner))), name: None }
    }

    /// The same shutdown; what is spawned through this handle has a name, for the report and for debuggers.
    ///
    /// The name is for people: two tasks may share one.
    pub fn named(&self, name: impl Into<Arc<str>>) -> Self {
        Self { owned: Arc::clone(&self.owned), name: Some(name.into()) }
    }

    /// Cancelled by the first signal: for what takes in new work, as loops that accept connections, and tickers.
    pub fn stop_token(&self) -> &CancelToken {
        &self.inner().stop
    }

    /// Cancelled when the time for draining is over: for work in progress.
    pub fn token(&self) -> &CancelToken {
        &self.inner().token
    }

    /// The runtime on which tasks are spawned.
    pub fn runtime(&self) -> &R {
        &self.inner().rt
    }

    /// Starts a task.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the future, where the shutdown has begun: nothing new is taken in.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(Kind::Plain, future)
    }

    /// Starts a task for work that is already in progress: also while it drains and in the grace.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the future, where the shutdown is over.
    #[track_caller]
    pub fn spawn_part<F>(&self, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(Kind::Shielded, future)
    }

    /// Runs a blocking function as a task: see [`Runtime::spawn_blocking`]. Once it runs it can't be aborted: it is
    /// not waited for longer than others, and the report has its name.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_blocking<F>(&self, function: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let inner = self.inner();
        let label = TaskLabel::new(self.name.clone(), Location::caller());
        inner.refuse_if_stopping();
        let spawned = inner.roster.spawn_blocking(&inner.rt, label, function, Noted(Arc::clone(inner)));
        spawned.map(|_| ()).map_err(|(function, _)| Refused::new(function))
    }

    /// Begins the shutdown, as a signal does. It is none itself: the first signal that comes later forces nothing.
    pub fn trigger(&self, reason: impl Into<CancelReason>) {
        self.inner().stop.cancel_with(reason);
    }

    /// Has what still runs aborted at once, as a second signal does.
    pub fn force(&self) {
        self.inner().stop.cancel();
        self.inner().force.cancel();
    }

    /// How many tasks run, and how the others have ended.
    pub fn counts(&self) -> TaskCounts {
        self.inner().roster.counts()
    }

    /// How many tasks were aborted, and awaited by nobody, because their owner was dropped when the shutdown was over.
    ///
    /// Where it isn't zero, something that has tasks is to be dropped earlier.
    pub fn orphaned(&self) -> u64 {
        self.inner().orphans.load(Relaxed)
    }

    /// Waits for a signal or [`trigger`](Self::trigger), and then shuts down: see there.
    ///
    /// `signals` says what the report gives as reason. Its end is no signal; neither is the end of all tasks.
    ///
    /// Several may run it at once, and hear one signal each by streams of their own: only who has heard two forces.
    /// They end together, and the first of them to see the end reports the tasks. The lists
    /// of the others, as those of who runs it when it is over, have only what has ended since.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves all as it is, and can be called again: it goes on from there. But signals that came with it
    /// are gone with the stream; what they have begun is not.
    pub fn run<S>(&self, signals: S) -> RunShutdown<'_, R, S>
    where
        S: Stream<Item: Into<CancelReason>>,
    {
        RunShutdown::new(self, signals)
    }

    #[track_caller]
    fn start<F>(&self, kind: Kind, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let inner = self.inner();
        let label = TaskLabel::new(self.name.clone(), Location::caller());
        inner.refuse_if_stopping();
        let spawned = inner.roster.spawn(&inner.rt, kind, label, future, Noted(Arc::clone(inner)));
        spawned.map(|_| ()).map_err(|(future, _)| Refused::new(future))
    }

    fn inner(&self) -> &Arc<Inner<R>> {
        &self.owned.0
    }
}

impl<R: Runtime> Inner<R> {
    /// Whoever runs the shutdown may not have seen yet that it has begun.
    fn refuse_if_stopping(&self) {
        if self.stop.is_cancelled() {
            self.roster.refuse();
        }
    }
}

/// The roster's waker: it has one, and wakes all who run the shutdown.
impl<R: Runtime> Wake for Inner<R> {
    fn wake(self: Arc<Self>) {
        self.change.notify_all();
    }
}

/// Notes how a task has ended.
struct Noted<R: Runtime>(Arc<Inner<R>>);

impl<R: Runtime> Done<()> for Noted<R> {
    fn done(self, label: TaskLabel, end: End<()>) -> Tally {
        // Whoever runs the shutdown may not have seen yet that it has begun.
        let has_begun = self.0.stop.is_cancelled();
        let (tally, _panic_of_before) = {
            let Progress { machine, lists, .. } = &mut *lock(&self.0.progress);
            lists.note(machine.phase(), has_begun, label, end)
        };
        tally
    }
}

/// Notes if what a dropped owner left has panicked.
struct NotedRest<R: Runtime>(Arc<Inner<R>>);

impl<R: Runtime> Done<()> for NotedRest<R> {
    fn done(self, label: TaskLabel, end: End<()>) -> Tally {
        match end {
            End::Panicked(_) => Noted(self.0).done(label, end),
            _ => Tally::Finished,
        }
    }
}

impl<R: Runtime> sealed::Parent for Shutdown<R> {
    type Runtime = R;

    fn runtime(&self) -> &R {
        &self.inner().rt
    }

    fn guardian(&self) -> Guardian {
        Guardian::new(self.inner().token.clone(), Arc::<Inner<R>>::clone(self.inner()))
    }
}

impl<R: Runtime> Keeper for Inner<R> {
    fn keep(self: Arc<Self>, count: usize, rest: Rest) {
        let done = NotedRest(Arc::clone(&self));
        if let Err((rest, _)) = self.roster.spawn(&self.rt, Kind::Rest, rest_label(), rest, done) {
            // It is over: nobody is there to wait.
            self.orphans.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Relaxed);
            self.rt.spawn(rest).detach();
        }
    }
}

impl<R: Runtime> Drop for Owned<R> {
    fn drop(&mut self) {
        self.0.roster.refuse_shielded();
        self.0.stop.cancel_with(CancelReason::GuardDropped);
        self.0.token.cancel_with(CancelReason::GuardDropped);
        self.0.roster.tell_all(|kind| kind != Kind::Rest);
    }
}

impl<R: Runtime> Clone for Shutdown<R> {
    fn clone(&self) -> Self {
        Self { owned: Arc::clone(&self.owned), name: self.name.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Shutdown<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
