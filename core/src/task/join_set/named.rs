//! Tasks with a name for people.

use super::{JoinSet, TaskId};
use crate::future::NotInserted;
use crate::runtime::{Runtime, SpawnSite};
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;

/// Starts a task of a [`JoinSet`] with a name; made by [`JoinSet::named`].
#[must_use = "it starts nothing by itself"]
pub struct NamedSpawn<'a, R: Runtime, K, T: Send + 'static> {
    set: &'a mut JoinSet<R, K, T>,
    name: &'a str,
}

impl<R: Runtime, K, T: Send + 'static> JoinSet<R, K, T> {
    /// To start a task that debuggers and the runtime's reports know by a name. It costs nothing but what the runtime
    /// does with it. What the set itself reports goes by key.
    ///
    /// The name is for people: two tasks may share one.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{task::JoinSet, testing::Sim};
    ///
    /// let failure = Sim::builder().run(|rt| async move {
    ///     let mut fetches = JoinSet::new(&rt);
    ///     fetches.named("fetch").spawn(std::future::pending::<()>());
    ///     fetches.join_next().await;
    /// });
    /// assert!(failure.unwrap_err().to_string().contains("fetch")); // it stands still, and says who
    /// ```
    pub const fn named<'a>(&'a mut self, name: &'a str) -> NamedSpawn<'a, R, K, T> {
        NamedSpawn { set: self, name }
    }
}

impl<'a, R: Runtime, T: Send + 'static> NamedSpawn<'a, R, TaskId, T> {
    /// As [`JoinSet::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.set.start_with_id(future, SpawnSite::new(Some(self.name), Location::caller()))
    }

    /// As [`JoinSet::spawn_when_free`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> impl Future<Output = TaskId> + use<'a, R, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(Some(self.name), Location::caller());
        async move {
            poll_fn(|cx| self.set.poll_free(cx)).await;
            self.set.start_with_id(future, site)
        }
    }

    /// As [`JoinSet::spawn_blocking`].
    #[track_caller]
    pub fn spawn_blocking<F>(self, function: F) -> TaskId
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let id = self.set.new_id();
        self.set.start_blocking(id, function, SpawnSite::new(Some(self.name), Location::caller()));
        id
    }
}

impl<'a, R: Runtime, K: Ord + Clone, T: Send + 'static> NamedSpawn<'a, R, K, T> {
    /// As [`JoinSet::spawn_keyed`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_keyed<F>(self, key: K, future: F) -> Result<(), NotInserted<K, F>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(Some(self.name), Location::caller());
        self.set.admit(key, future).map(|(key, future)| self.set.start(key, future, site))
    }

    /// As [`JoinSet::spawn_keyed_when_free`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_keyed_when_free<F>(
        self,
        key: K,
        future: F,
    ) -> impl Future<Output = Result<(), NotInserted<K, F>>> + use<'a, R, K, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let site = SpawnSite::new(Some(self.name), Location::caller());
        async move {
            poll_fn(|cx| self.set.poll_free(cx)).await;
            self.set.admit(key, future).map(|(key, future)| self.set.start(key, future, site))
        }
    }

    /// As [`JoinSet::spawn_blocking_keyed`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn spawn_blocking_keyed<F>(self, key: K, function: F) -> Result<(), NotInserted<K, F>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let site = SpawnSite::new(Some(self.name), Location::caller());
        self.set.admit(key, function).map(|(key, function)| self.set.start_blocking(key, function, site))
    }
}

impl<R: Runtime, K, T: Send + 'static> fmt::Debug for NamedSpawn<'_, R, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedSpawn").field("name", &self.name).finish_non_exhaustive()
    }
}
