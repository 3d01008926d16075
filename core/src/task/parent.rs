//! Who awaits the tasks that an owner leaves behind.

use super::cancel_token::CancelToken;
use crate::runtime::{JoinHandle, Runtime};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Whose tasks a new owner of tasks stands under: a scope, a set, a pool, a supervisor.
///
/// An owner waits for its tasks. Where it is dropped before they have ended, it aborts them, and they still have to
/// be waited for: by then their destructors may not have run. So each owner has a parent, which takes over what is
/// left; and each has a [`CancelToken`] below its parent's.
///
/// | parent | what an owner that is dropped leaves behind |
/// |---|---|
/// | a [`TaskScope`](super::TaskScope) | is awaited by the scope, before it ends |
/// | a [`Shutdown`](super::Shutdown) | is awaited by the shutdown, and is in its report if it takes too long |
/// | a [`ChildContext`](super::ChildContext) | is awaited by the supervisor, before it starts the child again or ends |
/// | a [`Root`] | is aborted, and counted: nobody is there to wait for it |
/// | a [`Runtime`] | as a root, and nobody counts |
///
/// It is sealed: these are all there are.
pub trait Parent: sealed::Parent {}

impl<P: sealed::Parent> Parent for P {}

pub(super) mod sealed {
    use super::Guardian;
    use crate::runtime::Runtime;

    pub trait Parent {
        type Runtime: Runtime;

        fn runtime(&self) -> &Self::Runtime;

        fn guardian(&self) -> Guardian;
    }
}

/// What is left of an owner: ready when it has ended.
pub(super) type Rest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes over what is left of an owner that was dropped.
pub(super) trait Keeper: Send + Sync {
    /// `count` tasks are left, which were told to end; `rest` awaits them.
    fn keep(self: Arc<Self>, count: usize, rest: Rest);
}

/// What an owner keeps of its parent.
pub struct Guardian {
    token: CancelToken,
    keeper: Arc<dyn Keeper>,
}

impl Guardian {
    pub(super) fn new(token: CancelToken, keeper: Arc<dyn Keeper>) -> Self {
        Self { token, keeper }
    }

    /// The parent's token: that of an owner is a child of it.
    pub(super) const fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Hands over `count` tasks, which were told to end, and what is to be done when they have.
    pub(super) fn take_over(&self, count: usize, rest: impl Future<Output = ()> + Send + 'static) {
        Arc::clone(&self.keeper).keep(count, Box::pin(rest));
    }
}

impl<R: Runtime> sealed::Parent for R {
    type Runtime = R;

    fn runtime(&self) -> &R {
        self
    }

    fn guardian(&self) -> Guardian {
        Root::new(self).guardian()
    }
}

/// A parent that has none: it counts what owners leave behind that are dropped early.
///
/// For programs where nothing should be left behind and somebody watches over it. Those whose tasks have to have ended
/// take a [`Shutdown`](super::Shutdown).
///
/// # Examples
///
/// ```
/// use backstay::{Runtime, task::{JoinSet, Root}, testing::Sim};
///
/// Sim::builder().run(|rt| async move {
///     let root = Root::new(&rt);
///     let mut tasks = JoinSet::new(&root);
///     tasks.spawn(std::future::pending::<()>());
///     drop(tasks);
///     assert_eq!(root.orphaned(), 1);
/// })?;
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[derive(Clone)]
pub struct Root<R> {
    rt: R,
    token: CancelToken,
    orphans: Arc<Orphans<R>>,
}

struct Orphans<R> {
    rt: R,
    count: AtomicU64,
}

impl<R: Runtime> Root<R> {
    /// A root for tasks on `rt`.
    pub fn new(rt: &R) -> Self {
        let orphans = Arc::new(Orphans { rt: rt.clone(), count: AtomicU64::new(0) });
        Self { rt: rt.clone(), token: CancelToken::new(), orphans }
    }

    /// The token that those of all owners below are children of.
    pub const fn token(&self) -> &CancelToken {
        &self.token
    }

    /// How many tasks were aborted, and awaited by nobody, because their owner was dropped.
    pub fn orphaned(&self) -> u64 {
        self.orphans.count.load(Relaxed)
    }
}

impl<R: Runtime> sealed::Parent for Root<R> {
    type Runtime = R;

    fn runtime(&self) -> &R {
        &self.rt
    }

    fn guardian(&self) -> Guardian {
        Guardian::new(self.token.clone(), Arc::<Orphans<R>>::clone(&self.orphans))
    }
}

impl<R: Runtime> Keeper for Orphans<R> {
    fn keep(self: Arc<Self>, count: usize, rest: Rest) {
        self.count.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Relaxed);
        // Not for the tasks, which end without it: for what was to be done when they have.
        self.rt.spawn(rest).detach();
    }
}

impl<R: Runtime> fmt::Debug for Root<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("orphaned", &self.orphaned()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Guardian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guardian").finish_non_exhaustive()
    }
}
