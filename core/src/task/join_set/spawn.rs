//! The ways into a set.

use super::{JoinSet, TaskId};
use crate::future::NotInserted;
use crate::runtime::{Runtime, SpawnSite};
use crate::task::owned_task::OwnedTask;
use std::future::poll_fn;
use std::panic::Location;
use std::task::{Context, Poll};

impl<R: Runtime, T: Send + 'static> JoinSet<R, TaskId, T> {
    /// Starts a task; gives the key under which its outcome will come.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.start_with_id(future, SpawnSite::new(None, Location::caller()))
    }

    /// Starts a task as soon as fewer run than [`limit`](JoinSet::limit) says.
    ///
    /// Outcomes that come meanwhile stay in the set.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has not started the task, and the future is dropped with it.
    #[track_caller]
    pub fn spawn_when_free<'a, F>(&'a mut self, future: F) -> impl Future<Output = TaskId> + use<'a, R, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(None, Location::caller());
        async move {
            poll_fn(|cx| self.poll_free(cx)).await;
            self.start_with_id(future, site)
        }
    }

    /// Runs a blocking function as a task; gives its key. See [`Runtime::spawn_blocking`]: once it runs, it can't be
    /// aborted.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, function: F) -> TaskId
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let id = self.new_id();
        self.start_blocking(id, function, SpawnSite::new(None, Location::caller()));
        id
    }

    pub(crate) fn start_with_id<F>(&mut self, future: F, site: SpawnSite<'_>) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        let id = self.new_id();
        self.start(id, future, site);
        id
    }

    pub(super) const fn new_id(&mut self) -> TaskId {
        let id = TaskId(self.next_id);
        self.next_id += 1;
        id
    }
}

impl<R: Runtime, K: Ord + Clone, T: Send + 'static> JoinSet<R, K, T> {
    /// Starts a task under a key. The key is free again when its outcome has been given.
    ///
    /// # Errors
    ///
    /// [`NotInserted`], with the key and the future, where the key is taken, or as many tasks run as
    /// [`limit`](Self::limit) says.
    #[track_caller]
    pub fn spawn_keyed<F>(&mut self, key: K, future: F) -> Result<(), NotInserted<K, F>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(None, Location::caller());
        self.admit(key, future).map(|(key, future)| self.start(key, future, site))
    }

    /// Starts a task under a key as soon as fewer run than [`limit`](Self::limit) says.
    ///
    /// Outcomes that come meanwhile stay in the set.
    ///
    /// # Errors
    ///
    /// [`NotInserted::Taken`], with the key and the future, where the key is taken when there is a place.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has not started the task, and the future is dropped with it.
    #[track_caller]
    pub fn spawn_keyed_when_free<'a, F>(
        &'a mut self,
        key: K,
        future: F,
    ) -> impl Future<Output = Result<(), NotInserted<K, F>>> + use<'a, R, K, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(None, Location::caller());
        async move {
            poll_fn(|cx| self.poll_free(cx)).await;
            self.admit(key, future).map(|(key, future)| self.start(key, future, site))
        }
    }

    /// Runs a blocking function as a task under a key. See [`Runtime::spawn_blocking`]: once it runs, it can't be
    /// aborted.
    ///
    /// # Errors
    ///
    /// As [`spawn_keyed`](Self::spawn_keyed).
    #[track_caller]
    pub fn spawn_blocking_keyed<F>(&mut self, key: K, function: F) -> Result<(), NotInserted<K, F>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let site = SpawnSite::new(None, Location::caller());
        self.admit(key, function).map(|(key, function)| self.start_blocking(key, function, site))
    }

    pub(super) fn admit<F>(&self, key: K, job: F) -> Result<(K, F), NotInserted<K, F>> {
        if self.contains(&key) {
            Err(NotInserted::Taken(key, job))
        } else if self.tasks.len() >= self.limit.get() {
            Err(NotInserted::Full(key, job))
        } else {
            Ok((key, job))
        }
    }

    /// Starts a task under a key that is free.
    pub(in crate::task) fn start<F>(&mut self, key: K, future: F, site: SpawnSite<'_>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let task = self.rt.spawn_from(site, future);
        self.own(key, OwnedTask::Async(task));
    }

    pub(super) fn start_blocking<F>(&mut self, key: K, function: F, site: SpawnSite<'_>)
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.blocking.insert(key.clone());
        let task = self.rt.spawn_blocking_from(site, function);
        self.own(key, OwnedTask::Blocking(task));
    }

    fn own(&mut self, key: K, task: OwnedTask<R, T>) {
        if self.tasks.try_insert(key, task).is_err() {
            unreachable!("the key was free, and there is a place for any number");
        }
        // Who waits has to poll it.
        if let Some(waiter) = &self.waiter {
            waiter.wake_by_ref();
        }
    }

    pub(super) fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_ended(cx, |set| set.limit.get() - 1)
    }
}
