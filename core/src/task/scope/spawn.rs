//! The ways into a scope.

use super::TaskScope;
use super::family::{Child, Family};
use super::handle::TaskHandle;
use super::place::{Free, InQueue, Queued};
use crate::runtime::Runtime;
use crate::task::cancel_token::CancelToken;
use crate::task::packet::packet;
use crate::task::roster::{Done, End, Kind, Place, TaskLabel};
use std::panic::Location;
use std::sync::Arc;

impl<R: Runtime, E: Send + 'static> TaskScope<R, E> {
    /// Starts a task. It is dropped at its next await when the scope is cancelled.
    ///
    /// Where the scope has a [limit](super::ScopeFuture::limit), and as many run, it waits for a place before it runs:
    /// the first that waits is the first that gets one. In a scope that is cancelled by then, or has ended, it never
    /// runs.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.start(Kind::Plain, self.label(Location::caller()), future)
    }

    /// Starts a task that has a token: when the scope is cancelled it is told so, and has the scope's
    /// [grace](super::ScopeFuture::close_grace) to end by itself.
    ///
    /// The token is the task's own, a child of the scope's: every later await of what runs under it is cancelled too.
    /// Limit and cancel are as those of [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::scope, testing::Sim};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let deadline = rt.now() + Duration::from_secs(1);
    ///     let stopped = scope(&rt, |s| async move {
    ///         let last = s.spawn_with(|token| async move {
    ///             token.cancelled().await;
    ///             Ok::<_, String>("all is written")
    ///         });
    ///         s.spawn(async move { assert_eq!(last.await.unwrap(), "all is written"); Ok(()) });
    ///         Ok(())
    ///     });
    ///     assert!(stopped.deadline(deadline).await.unwrap_err().is_cancelled()); // the second task was cut off
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<T, S, F>(&self, start: S) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        S: FnOnce(CancelToken) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let label = self.label(Location::caller());
        self.start(Kind::Graceful, label, start(self.family.token.child()))
    }

    /// Starts a task as soon as there is a place for it: fewer run than [`limit`](super::ScopeFuture::limit) says. So
    /// who starts many is kept back.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has not started the task; its place in the queue is lost, and the next is woken.
    #[track_caller]
    #[allow(clippy::async_yields_async, reason = "the outcome is awaited apart")]
    pub fn spawn_when_free<'a, T, F>(
        &'a self,
        future: F,
    ) -> impl Future<Output = TaskHandle<T, E>> + use<'a, R, T, E, F>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let label = self.label(Location::caller());
        async move {
            let future = self.when_free().await.run(future);
            self.enlist(Kind::Plain, label, future)
        }
    }

    /// Runs a blocking function as a task: see [`Runtime::spawn_blocking`]. Once it runs it goes on to its end,
    /// and the scope waits for it. It takes no place of the [limit](super::ScopeFuture::limit): how many run at once is
    /// a matter of the runtime's pool.
    #[track_caller]
    pub fn spawn_blocking<T, F>(&self, function: F) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.refuse_if_cancelled();
        let label = self.label(Location::caller());
        let (done, receipt) = self.child();
        let spawned = self.family.roster.spawn_blocking(&self.family.rt, label.clone(), function, done);
        TaskHandle::new(receipt, self.place(label, spawned))
    }

    /// Starts a task that is not cancelled with the scope, which waits for it: for what must not stop in the middle.
    ///
    /// It starts in a scope that is cancelled, too; not in one that has ended. It takes no place of the
    /// [limit](super::ScopeFuture::limit). Give what is in it a limit of time.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::scope, testing::Sim};
    /// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    /// use std::time::Duration;
    ///
    /// static WRITTEN: AtomicBool = AtomicBool::new(false);
    /// Sim::builder().run(|rt| async move {
    ///     let stopped = scope(&rt, |s| async move {
    ///         let shielded = s.clone();
    ///         s.spawn(async move {
    ///             let nap = shielded.runtime().sleep(Duration::from_secs(1));
    ///             // Whoever awaits it is cut off. It is not.
    ///             let write = shielded.shield(async move { nap.await; WRITTEN.store(true, SeqCst); Ok(()) });
    ///             write.await.map_err(|_| "not written")
    ///         });
    ///         s.runtime().sleep(Duration::from_millis(1)).await;
    ///         Err::<(), _>("stop")
    ///     });
    ///     assert_eq!(stopped.await.unwrap_err().into_error(), Some("stop"));
    ///     assert!(WRITTEN.load(SeqCst));
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    #[track_caller]
    pub fn shield<T, F>(&self, future: F) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.enlist(Kind::Shielded, self.label(Location::caller()), future)
    }

    fn start<T, F>(&self, kind: Kind, label: TaskLabel, future: F) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        match &self.family.places {
            Some(places) => {
                let (done, receipt) = self.child();
                let queued = Queued::new(places, &self.family.token, future);
                TaskHandle::new(receipt, self.spawn_done(kind, label, queued, InQueue(done)))
            }
            None => self.enlist(kind, label, future),
        }
    }

    /// Waits for a place, if the scope has a limit.
    pub(super) async fn when_free(&self) -> Free {
        Free::wait(self.family.places.as_ref()).await
    }

    fn enlist<T, F>(&self, kind: Kind, label: TaskLabel, future: F) -> TaskHandle<T, E>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (done, receipt) = self.child();
        let place = self.spawn_done(kind, label, future, done);
        TaskHandle::new(receipt, place)
    }

    /// Starts a task with somebody to be told how it ends.
    pub(super) fn spawn_done<F, D>(
        &self,
        kind: Kind,
        label: TaskLabel,
        future: F,
        done: D,
    ) -> Option<(Arc<dyn super::handle::Enlisting>, Place)>
    where
        F: Future<Output: Send> + Send + 'static,
        D: Done<F::Output>,
    {
        self.refuse_if_cancelled();
        let spawned = self.family.roster.spawn(&self.family.rt, kind, label.clone(), future, done);
        self.place(label, spawned)
    }

    /// Where it is; or, of what was refused, tells so.
    fn place<T, F, D>(
        &self,
        label: TaskLabel,
        spawned: Result<Place, (F, D)>,
    ) -> Option<(Arc<dyn super::handle::Enlisting>, Place)>
    where
        D: Done<T>,
    {
        match spawned {
            Ok(place) => Some((Arc::<Family<R, E>>::clone(&self.family), place)),
            Err((job, done)) => {
                drop(job);
                done.done(label, End::NotStarted);
                None
            }
        }
    }

    /// The scope itself may not have seen yet that it is cancelled.
    fn refuse_if_cancelled(&self) {
        if self.family.token.is_cancelled() {
            self.family.roster.refuse();
        }
    }

    fn child<T>(&self) -> (Child<R, T, E>, super::handle::Outcome<T, E>) {
        let (promise, receipt) = packet();
        (Child { family: Arc::clone(&self.family), promise }, receipt)
    }

    pub(super) fn label(&self, location: &'static Location<'static>) -> TaskLabel {
        TaskLabel::new(self.name.clone(), location)
    }
}
