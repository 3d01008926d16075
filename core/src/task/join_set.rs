//! Tasks whose outcomes one place collects (recipe 5.2).

mod named;
mod report;
mod spawn;

pub use named::NamedSpawn;
pub use report::JoinReport;

use super::cancel_token::CancelToken;
use super::owned_task::OwnedTask;
use super::parent::{Guardian, Parent};
use crate::future::KeyedSet;
use crate::limit::Limit;
use crate::probe;
use crate::runtime::backend::quietly;
use crate::runtime::{JoinError, Runtime};
use crate::select::{OneOf2, select2};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::borrow::Borrow;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Tasks that one place owns, and whose outcomes it collects as they end.
///
/// Each task has a key: a [`TaskId`] that it is given ([`new`](Self::new)), or one of yours
/// ([`keyed`](Self::keyed)), by which it can be aborted. An outcome is always a value: a task that was aborted or has
/// panicked is a [`JoinError`] with its key, and no method panics for it. The set is a [`Stream`] of keys and
/// outcomes, too.
///
/// For work that a place starts and collects by itself. Where tasks start tasks, and the first error is to stop the
/// others, take a [`scope`](super::scope()).
///
/// # Order and fairness
///
/// Outcomes come in the order in which tasks are seen to have ended; of those seen at once, in the order in which they
/// have their places in the set. A task runs whether or not anybody asks for its outcome.
///
/// # Cancel safety
///
/// Dropping a future of the set's loses nothing: what has come stays in the set. Dropping the set **aborts** its tasks
/// and hands them to the [`Parent`], which awaits them.
///
/// # Cost
///
/// For each task that of its spawn, and a place in the set: one allocation, if its outcome is waited for before it is
/// there, and a node of a tree of keys for several.
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::JoinSet, testing::Sim};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt| async move {
///     let mut fetches = JoinSet::keyed(&rt);
///     for host in ["slow", "fast", "stuck"] {
///         let rt = rt.clone();
///         fetches.spawn_keyed(host, async move {
///             let ms = match host { "fast" => 1, "slow" => 20, _ => u64::MAX };
///             rt.sleep(Duration::from_millis(ms)).await;
///             host.len()
///         }).unwrap();
///     }
///     let (host, outcome) = fetches.join_next().await.unwrap();
///     assert_eq!((host, outcome.unwrap()), ("fast", 4));
///     assert!(fetches.abort("stuck"));
///     let (host, outcome) = fetches.join_next().await.unwrap();
///     assert!(host == "stuck" && outcome.unwrap_err().is_aborted());
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "JoinMap")]
#[doc(alias = "TaskTracker")]
#[must_use = "its tasks are aborted when it is dropped"]
pub struct JoinSet<R: Runtime, K, T: Send + 'static> {
    rt: R,
    guardian: Guardian,
    token: CancelToken,
    tasks: KeyedSet<K, OwnedTask<R, T>>,
    // Outcomes that came while something else was waited for.
    ended: VecDeque<(K, Result<T, JoinError>)>,
    // Theirs: looking for one must not cost more the more outcomes wait.
    ended_keys: BTreeSet<K>,
    blocking: BTreeSet<K>,
    limit: Limit,
    next_id: u64,
    // Of who waited last, and is still to be woken when somebody else asks without waiting.
    waiter: Option<Waker>,
}

/// Which task of a [`JoinSet`]: the first is `#0`, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

impl<R: Runtime, T: Send + 'static> JoinSet<R, TaskId, T> {
    /// An empty set whose tasks get a [`TaskId`], under a parent: a scope, a shutdown, or just a runtime.
    pub fn new(parent: &impl Parent<Runtime = R>) -> Self {
        Self::keyed(parent)
    }
}

impl<R: Runtime, K: Ord + Clone, T: Send + 'static> JoinSet<R, K, T> {
    /// An empty set whose tasks have keys of yours.
    pub fn keyed(parent: &impl Parent<Runtime = R>) -> Self {
        let guardian = parent.guardian();
        Self {
            rt: parent.runtime().clone(),
            token: guardian.token().child(),
            guardian,
            tasks: KeyedSet::new(Limit::MAX),
            ended: VecDeque::new(),
            ended_keys: BTreeSet::new(),
            blocking: BTreeSet::new(),
            limit: Limit::MAX,
            next_id: 0,
            waiter: None,
        }
    }

    /// At most so many tasks run at once: what [`spawn_when_free`](JoinSet::spawn_when_free) waits for. Without,
    /// there is no limit.
    ///
    /// [`spawn`](JoinSet::spawn), which can't wait, doesn't look at it.
    pub fn limit(mut self, limit: impl Into<Limit>) -> Self {
        self.limit = limit.into();
        self
    }

    /// The next outcome, with its task's key; `None` when there is no task left.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Errors
    ///
    /// The outcome of a task that was aborted, has panicked, or whose runtime has ended.
    pub async fn join_next(&mut self) -> Option<(K, Result<T, JoinError>)> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// The next outcome if there is one now.
    ///
    /// Who waits meanwhile for [`poll_join_next`](Self::poll_join_next) is woken as before.
    pub fn try_join_next(&mut self) -> Option<(K, Result<T, JoinError>)> {
        if let Some(ended) = self.pop_ended() {
            return Some(ended);
        }
        let waiter = self.waiter.clone();
        let mut cx = Context::from_waker(waiter.as_ref().unwrap_or(Waker::noop()));
        match self.tasks.poll_at_once(&mut cx) {
            Poll::Ready(Some(ended)) => Some(self.forget_blocking(ended)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    }

    /// [`join_next`](Self::join_next), to be polled.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, Result<T, JoinError>)>> {
        match self.pop_ended() {
            Some(ended) => Poll::Ready(Some(ended)),
            None => self.poll_tasks(cx),
        }
    }

    /// Waits for all tasks, and gives the outcomes of all in the order of their keys: that of a [`TaskId`] is the
    /// order in which they were spawned.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: outcomes stay in the set until all have come.
    pub async fn join_all(&mut self) -> Vec<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_ended(cx, |_| 0)).await;
        let mut ended = Vec::from(self.take_ended());
        ended.sort_by(|(one, _), (other, _)| one.cmp(other));
        ended.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Waits for all tasks; once `token` is cancelled, tells them to stop, gives them `grace`, and aborts what runs
    /// then. Reports how each has ended.
    ///
    /// To be told, a task takes the set's [`token`](Self::token). What was aborted is waited for, but for blocking tasks:
    /// one that runs can't be aborted, and one that waits for a thread never runs, but may have to wait for those. They
    /// stay in the set, and the report has their keys.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has come stays in the set. If the token was cancelled, the set's stays so.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{Runtime, task::{CancelToken, JoinSet}, testing::Sim};
    /// use std::{future::pending, time::Duration};
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let mut tasks = JoinSet::keyed(&rt);
    ///     let token = tasks.token().clone();
    ///     tasks.spawn_keyed("heeds", async move { token.cancelled().await; }).unwrap();
    ///     tasks.spawn_keyed("stuck", pending()).unwrap();
    ///     let stop = CancelToken::with_deadline(&rt, rt.now() + Duration::from_secs(1));
    ///     let report = tasks.drain(&stop, Duration::from_secs(5)).await;
    ///     assert_eq!(report.finished, [("heeds", ())]);
    ///     assert_eq!(report.aborted, ["stuck"]);
    /// })?;
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub async fn drain(&mut self, token: &CancelToken, grace: Duration) -> JoinReport<K, T> {
        let first = select2(token.cancelled(), poll_fn(|cx| self.poll_ended(cx, |_| 0))).await;
        if let OneOf2::First(reason) = first {
            self.token.cancel_with(reason);
            let rt = self.rt.clone();
            if rt.timeout(grace, poll_fn(|cx| self.poll_ended(cx, |_| 0))).await.is_err() {
                self.abort_all();
                poll_fn(|cx| self.poll_ended(cx, |set| set.blocking.len())).await;
            }
        }
        JoinReport::new(self.take_ended().into_iter(), self.blocking.iter().cloned())
    }

    /// Aborts a task, and tells whether it is there. Its outcome still comes: that it was aborted, or what it gave if
    /// it was faster.
    pub fn abort<Q>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.tasks.get(key).map(|task| task.abort()).is_some()
    }

    /// Aborts a task that has not ended, and tells whether there is one.
    pub(super) fn abort_running(&mut self, key: &K) -> bool {
        let running = self.tasks.get(key).filter(|task| !task.is_finished());
        running.map(|task| task.abort()).is_some()
    }

    /// Aborts all tasks. Their outcomes still come.
    pub fn abort_all(&mut self) {
        self.tasks.for_each(|task| task.abort());
    }

    /// Whether a task's outcome is still to be given.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.tasks.contains(key) || self.ended_keys.contains(key)
    }

    /// Waits until no more than `left` tasks run; the outcomes of the others are with those that have come.
    ///
    /// `left` is asked after each outcome: it may have changed by it.
    fn poll_ended(&mut self, cx: &mut Context<'_>, left: impl Fn(&Self) -> usize) -> Poll<()> {
        while self.tasks.len() > left(self) {
            match self.poll_tasks(cx) {
                Poll::Ready(Some(ended)) => {
                    let key = ended.0.clone();
                    self.ended.push_back(ended);
                    self.ended_keys.insert(key);
                }
                Poll::Ready(None) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn pop_ended(&mut self) -> Option<(K, Result<T, JoinError>)> {
        let ended = self.ended.pop_front()?;
        self.ended_keys.remove(&ended.0);
        Some(ended)
    }

    fn take_ended(&mut self) -> VecDeque<(K, Result<T, JoinError>)> {
        self.ended_keys.clear();
        mem::take(&mut self.ended)
    }

    fn poll_tasks(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, Result<T, JoinError>)>> {
        let poll = Pin::new(&mut self.tasks).poll_next(cx);
        if poll.is_pending() {
            if !self.waiter.as_ref().is_some_and(|waiter| waiter.will_wake(cx.waker())) {
                self.waiter = Some(cx.waker().clone());
            }
            probe::waiting(|| format!("{} tasks of a join set", self.tasks.len()));
        } else {
            self.waiter = None;
        }
        poll.map(|ended| ended.map(|ended| self.forget_blocking(ended)))
    }

    fn forget_blocking(&mut self, ended: (K, Result<T, JoinError>)) -> (K, Result<T, JoinError>) {
        self.blocking.remove(&ended.0);
        ended
    }
}

impl<R: Runtime, K, T: Send + 'static> JoinSet<R, K, T> {
    /// The set's token, below that of its parent: what its tasks take, to be told to stop.
    pub const fn token(&self) -> &CancelToken {
        &self.token
    }

    /// How many outcomes are still to be given.
    pub fn len(&self) -> usize {
        self.tasks.len() + self.ended.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys of the tasks that run, or have ended without having been asked since, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.tasks.keys()
    }
}

impl<R: Runtime, K: Ord + Clone, T: Send + 'static> Stream for JoinSet<R, K, T> {
    type Item = (K, Result<T, JoinError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<R: Runtime, K: Ord + Clone, T: Send + 'static> FusedStream for JoinSet<R, K, T> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

// Nothing in it is pinned in place.
impl<R: Runtime, K, T: Send + 'static> Unpin for JoinSet<R, K, T> {}

impl<R: Runtime, K, T: Send + 'static> Drop for JoinSet<R, K, T> {
    fn drop(&mut self) {
        let mut left = self.tasks.take_futures();
        let mut count = 0;
        left.for_each(|task| {
            // Those whose outcomes nobody has asked for are not waited for by anybody.
            count += usize::from(!task.is_finished());
            task.abort();
        });
        if count == 0 {
            quietly(|| drop(left));
            return;
        }
        let rest = async move {
            while let Some(outcome) = poll_fn(|cx| left.poll_next(cx)).await {
                // It may panic, and the others are to be waited for all the same.
                quietly(|| drop(outcome));
            }
        };
        self.guardian.take_over(count, rest);
    }
}

impl<R: Runtime, K: fmt::Debug, T: Send + 'static> fmt::Debug for JoinSet<R, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys().collect();
        f.debug_struct("JoinSet")
            .field("running", &keys)
            .field("ended", &self.ended.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
